"""From a row's image reference to the encoded image: ``file`` or ``file#frame=n``, relative to a dataset root."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final

from ..errors import SceneError
from .depth_bin import DepthBin
from .images import END_BYTES, check_complete, check_ends
from .npz_video import NpzVideo
from .sens import SensFile
from .video import Video

__all__ = ["check_whole", "frame_reference", "read_image"]

_CONTAINERS: Final[dict[str, type[SensFile | NpzVideo | Video | DepthBin]]] = {
    ".sens": SensFile,
    ".npz": NpzVideo,
    ".mkv": Video,
    ".mp4": Video,
    ".bin": DepthBin,
}
_FRAME: Final = re.compile(r"^(?P<file>.+)#frame=(?P<number>\d+)$")


def frame_reference(file: str, number: int) -> str:
    """The reference of a frame inside a container file."""
    return f"{file}#frame={number}"


def read_image(root: Path, image_ref: str) -> bytes:
    """The encoded image (JPEG or PNG bytes) that a reference names.

    Args:
        root: the dataset root the reference is relative to.
        image_ref: ``posed_images/scene0000_00/00012.jpg``, ``scans/scene0000_00/scene0000_00.sens#frame=12``,
            ``adt/Apartment_release_meal_seq136_8.npz#frame=12`` or ``data/036bce3393/iphone/rgb.mkv#frame=12``.

    Raises:
        SceneError: when the reference leaves the root, or its file or frame is missing or damaged.
    """
    match = _FRAME.match(image_ref)
    relative = PurePosixPath(match["file"] if match else image_ref)
    if relative.is_absolute() or ".." in relative.parts or not relative.parts:
        raise SceneError(
            f"the image reference {image_ref!r} does not lie below the dataset root",
            path=root,
            remedy="references are relative paths without '..'",
        )
    path = root / relative
    try:
        status = path.stat()
        if match:
            container = _container(path, (status.st_mtime_ns, status.st_size))
            if isinstance(container, DepthBin):
                raise SceneError("holds depth, no images", path=path, remedy="check the image reference")
            return container.image_bytes(int(match["number"]))
        data = path.read_bytes()
    except OSError as error:
        raise SceneError(
            f"the image {image_ref!r} cannot be read below {root} ({error.strerror})",
            remedy="give the dataset root the rows were made from (--scenes)",
        ) from None
    check_complete(data, source=path)
    return data


def check_whole(root: Path, reference: str, *, depth: bool = False) -> None:
    """Refuse a colour or depth image whose beginning or end is missing, from its first and last bytes alone.

    Of a video only the container is looked at, which says how long it should be and which frames there are; images of
    a ``depth.bin`` are small enough to be decoded.

    Args:
        root: the dataset root the reference is relative to.
        reference: of a frame's colour or depth image.
        depth: whether it is the depth image, which may be a binary PGM and in a ``.sens`` file is no image file.

    Raises:
        SceneError: when it is missing, empty or cut short; names the file, for a container usually with the frame.
    """
    match = _FRAME.match(reference)
    path = root / (match["file"] if match else reference)
    where = f"{path}#frame={match['number']}" if match else str(path)
    try:
        if match:
            status = path.stat()
            container = _container(path, (status.st_mtime_ns, status.st_size))
            if isinstance(container, Video | DepthBin):
                container.check_frame(int(match["number"]))
                return
            if isinstance(container, SensFile):
                head, tail, size = container.ends("depth" if depth else "color", int(match["number"]))
                encoded = not depth and container.header.color_codec != "raw"
            else:
                head, tail, size = container.ends(int(match["number"]))
                encoded = True
        else:
            with path.open("rb") as stream:
                head = stream.read(16)
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, size - END_BYTES))
                tail = stream.read(END_BYTES)
            encoded = not (depth and head.startswith(b"P5"))
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=where, remedy="copy or extract it again") from None
    if encoded:
        check_ends(head, tail, size, source=where)


@lru_cache(maxsize=8)
def _container(path: Path, _stamp: tuple[int, int]) -> SensFile | NpzVideo | Video | DepthBin:
    """Rows of one scene ask for the same file again and again: keep its index while the file stays the same."""
    kind = _CONTAINERS.get(path.suffix.lower())
    if kind is None:
        what = f"frames can only be named inside a file that is one of {', '.join(_CONTAINERS)}"
        raise SceneError(what, path=path, remedy="check the image reference")
    return kind(path)
