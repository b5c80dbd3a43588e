"""A video kept as encoded images in one array of a ``.npz`` file, read frame by frame.

The array ``images_jpeg_bytes`` is what numpy makes of a list of JPEG files: fixed-length byte strings (``S``, padded
with zeros to the longest), an object array of byte strings or of uint8 arrays, or (t, length) uint8. Fixed-length
strings in an uncompressed archive are read one at a time where they lie; of others the whole array is read when the
first image is wanted, and kept for the few videos used last.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from ..errors import SceneError
from . import npz
from ._pickled_bytes import REFUSED, RefusedPickle, byte_strings, first_byte_string
from .images import END_BYTES, check_complete, image_size

__all__ = ["IMAGES", "NpzVideo"]

IMAGES: Final = "images_jpeg_bytes"

_KEPT_VIDEOS: Final = 2  # some 20 MB each
_REMEDY: Final = f"store {IMAGES} as a list of JPEG files (np.savez), one a frame"


class NpzVideo:
    """Random access to the images of one ``.npz`` file.

    Nothing is read until it is asked for, and no file stays open: the object can be pickled, sent to another process
    and kept by thousands of frames.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"NpzVideo({str(self.path)!r})"

    def __getstate__(self) -> dict[str, Path]:
        return {"path": self.path}

    def __len__(self) -> int:
        return self._member.shape[0]

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the images, from the header of the first.

        Raises:
            SceneError: when the array is missing, empty or of another kind, or its first element is no image.
        """
        return image_size(self._first(), source=f"{self.path}#frame=0")

    @property
    def mean_bytes(self) -> int:
        """About as long as an encoded image is (of padded, uncompressed ones the longest)."""
        return self._member.compressed_bytes // len(self)

    def image_bytes(self, n: int) -> bytes:
        """The encoded image of a frame.

        Raises:
            SceneError: when there is no such frame, or its image is cut short, no image, or of another size than the
                first.
        """
        where = f"{self.path}#frame={n}"
        data = self._payload(n)
        check_complete(data, source=where)
        if (found := image_size(data, source=where)) != self.size:
            raise SceneError(
                f"the image is {found[0]} x {found[1]}, the video's first is {self.size[0]} x {self.size[1]}",
                path=where,
                remedy=npz.REPAIR,
            )
        return data

    def ends(self, n: int) -> tuple[bytes, bytes, int]:
        """The first and last bytes of a frame's image and its length, to tell cheaply whether it is whole."""
        data = self._payload(n)
        return data[:16], data[-END_BYTES:], len(data)

    @cached_property
    def _member(self) -> npz.Member:
        member = npz.describe(self.path, IMAGES)
        kind, dimensions = member.dtype.kind, len(member.shape)
        records = (kind == "S" and dimensions == 1) or (member.dtype == "u1" and dimensions == 2 and not member.fortran)
        if not records and not (kind == "O" and dimensions == 1):
            what = f"{IMAGES} is of type {member.dtype} and shape {member.shape}, not a list of encoded images"
            raise SceneError(what, path=self.path, remedy=_REMEDY)
        if not member.shape[0] or (records and not member.payload_bytes):
            raise SceneError(f"{IMAGES} is empty", path=self.path, remedy=npz.REPAIR)
        return member

    @property
    def _record_bytes(self) -> int | None:
        """Length of every element, or None where the array is a pickle."""
        member = self._member
        return None if member.dtype.hasobject else member.payload_bytes // member.shape[0]

    def _first(self) -> bytes:
        record = self._record_bytes
        if record is not None and self._member.offset is not None:
            return self._payload(0)
        with npz.open_payload(self.path, IMAGES, self._member) as stream:
            first = first_byte_string(stream) if record is None else stream.read(record)
        return self._payload(0) if first is None else first

    def _payload(self, n: int) -> bytes:
        if not 0 <= n < len(self):
            raise SceneError(f"there is no frame {n}", path=self.path, remedy=f"it has frames 0 to {len(self) - 1}")
        record, offset = self._record_bytes, self._member.offset
        try:
            if record is not None and offset is not None:
                with self.path.open("rb") as stream:
                    stream.seek(offset + n * record)
                    return stream.read(record).rstrip(b"\0")
            status = self.path.stat()
        except OSError as error:
            what = f"cannot be read ({error.strerror})"
            raise SceneError(what, path=self.path, remedy=npz.REPAIR) from None
        return _all_images(self.path, (status.st_mtime_ns, status.st_size))[n]


@lru_cache(maxsize=_KEPT_VIDEOS)
def _all_images(path: Path, _stamp: tuple[int, int]) -> tuple[bytes, ...]:
    member = npz.describe(path, IMAGES)
    with npz.open_payload(path, IMAGES, member) as stream:
        data = stream.read()
    if not member.dtype.hasobject:
        record = member.payload_bytes // member.shape[0]
        return tuple(data[i * record : (i + 1) * record].rstrip(b"\0") for i in range(member.shape[0]))
    try:
        return byte_strings(data, member.shape[0])
    except RefusedPickle as error:
        what = f"{IMAGES} is not a list of byte strings and was not loaded: {error}"
        raise SceneError(what, path=path, remedy=_REMEDY) from None
    except REFUSED as error:
        raise SceneError(f"{IMAGES} is damaged ({error})", path=path, remedy=npz.REPAIR) from None
