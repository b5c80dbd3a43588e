"""ScanNet's ``.sens`` sensor stream, read where it lies.

::

    uint32 version (4) · uint64 n, char[n] sensor name · 4 x float32[16]: colour intrinsics, colour extrinsics,
    depth intrinsics, depth extrinsics · int32 colour codec, int32 depth codec · uint32 colour width, height,
    depth width, height · float32 depth shift · uint64 frame count · frames · uint64 IMU count, IMU records

    frame: float32[16] camera_to_world · uint64 colour time, depth time (us) · uint64 colour bytes, depth bytes ·
           colour payload (raw RGB, PNG or JPEG) · depth payload (raw or zlib uint16)

All little endian, matrices row-major (ScanNet's SensReader, `sensorData.h`). A scan is 1-10 GB: one pass jumps
from frame header to frame header and keeps offsets; payloads are read one at a time, and no file stays open.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from .images import check_complete, depth_in_metres, encode_png, image_size

__all__ = ["SensFile", "SensHeader", "SensIndex"]

_log = logging.getLogger(__name__)

VERSION: Final = 4
COLOR_CODECS: Final = {0: "raw", 1: "png", 2: "jpeg"}
DEPTH_CODECS: Final = {0: "raw", 1: "zlib"}
_REFUSED_DEPTH_CODECS: Final = {2: "occi"}

# No sensor writes more; larger numbers are a damaged header, and must not become an allocation.
MAX_NAME_LENGTH: Final = 4096
MAX_SIDE: Final = 16_384
MAX_FRAMES: Final = 10_000_000

_FRAME_HEADER: Final = struct.Struct("<64sQQQQ")
_IMU_RECORD_BYTES: Final = 128
_DOWNLOAD: Final = "download or copy it again"


@dataclass(frozen=True, slots=True, eq=False)
class SensHeader:
    """What the file says about all its frames.

    Attributes:
        sensor_name: as written by the recorder.
        intrinsic_color, intrinsic_depth: (4, 4), pixels of the stored images.
        extrinsic_color, extrinsic_depth: (4, 4); identity in every ScanNet scan.
        color_codec, depth_codec: ``raw``, ``png``, ``jpeg``; ``raw``, ``zlib``.
        color_width, color_height, depth_width, depth_height: pixels.
        depth_shift: stored depth units per metre.
        frames: number of frames.
    """

    sensor_name: str
    intrinsic_color: npt.NDArray[np.float64]
    extrinsic_color: npt.NDArray[np.float64]
    intrinsic_depth: npt.NDArray[np.float64]
    extrinsic_depth: npt.NDArray[np.float64]
    color_codec: str
    depth_codec: str
    color_width: int
    color_height: int
    depth_width: int
    depth_height: int
    depth_shift: float
    frames: int


@dataclass(frozen=True, slots=True, eq=False)
class SensIndex:
    """Where every frame lies.

    Attributes:
        poses: (n, 4, 4) float64 camera_to_world as stored, raw world, metres; -inf where tracking was lost.
        color_time, depth_time: (n,) uint64 microseconds; may be 0 or garbage.
        color_offset, color_bytes, depth_offset, depth_bytes: (n,) int64, bytes.
    """

    poses: npt.NDArray[np.float64]
    color_time: npt.NDArray[np.uint64]
    depth_time: npt.NDArray[np.uint64]
    color_offset: npt.NDArray[np.int64]
    color_bytes: npt.NDArray[np.int64]
    depth_offset: npt.NDArray[np.int64]
    depth_bytes: npt.NDArray[np.int64]


class SensFile:
    """Random access to one ``.sens`` file.

    Nothing is read until it is asked for; the file is opened anew for each access, so that the object can be
    pickled, sent to another process and kept by thousands of frames.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"SensFile({str(self.path)!r})"

    def __getstate__(self) -> dict[str, Path]:
        return {"path": self.path}  # the index is cheaper to make again than to send

    def __len__(self) -> int:
        return self.header.frames

    @property
    def header(self) -> SensHeader:
        """The header.

        Raises:
            SceneError: when it is missing, cut short, absurd, of another version or of a codec nobody can read.
        """
        return self._header_and_start[0]

    @cached_property
    def _header_and_start(self) -> tuple[SensHeader, int]:
        with self._open() as descriptor:
            return _HeaderReader(self.path, descriptor.number, descriptor.size).read()

    @cached_property
    def index(self) -> SensIndex:
        """Poses, times and offsets of all frames, from one pass over the frame headers.

        Raises:
            SceneError: when the file ends early; names the frame and the byte.
        """
        header, start = self._header_and_start
        with self._open() as descriptor:
            return _read_index(self.path, descriptor.number, descriptor.size, header.frames, start)

    def pose(self, n: int) -> npt.NDArray[np.float64]:
        """(4, 4) camera_to_world of a frame as stored: raw world, metres, all -inf where tracking was lost."""
        return np.asarray(self.index.poses[self._checked(n)])

    def has_depth(self, n: int) -> bool:
        """Whether a frame carries a depth payload."""
        return bool(self.index.depth_bytes[self._checked(n)])

    def image_bytes(self, n: int) -> bytes:
        """The encoded colour image of a frame: the stored JPEG or PNG, raw colour as PNG.

        Raises:
            SceneError: when the payload is empty, cut short or not of the size the header states.
        """
        header, where = self.header, f"{self.path}#frame={n}"
        payload = self._payload(self.index.color_offset, self.index.color_bytes, n)
        size = (header.color_width, header.color_height)
        if header.color_codec == "raw":
            if len(payload) != size[0] * size[1] * 3:
                what = f"raw colour holds {len(payload)} bytes, not {size[0]} x {size[1]} x 3"
                raise SceneError(what, path=where, remedy=_DOWNLOAD)
            return encode_png(np.frombuffer(payload, np.uint8).reshape(size[1], size[0], 3))
        check_complete(payload, source=where)
        if (found := image_size(payload, source=where)) != size:
            raise SceneError(
                f"the image is {found[0]} x {found[1]}, the file's header says {size[0]} x {size[1]}",
                path=where,
                remedy=_DOWNLOAD,
            )
        return payload

    def depth_stored(self, n: int) -> npt.NDArray[np.uint16]:
        """The stored depth of a frame: (h, w) uint16, ``depth_shift`` units per metre, 0 unknown.

        Raises:
            SceneError: when the payload is missing, damaged or inflates to another size.
        """
        header, where = self.header, f"{self.path}#frame={n}"
        payload = self._payload(self.index.depth_offset, self.index.depth_bytes, n)
        wanted = header.depth_width * header.depth_height * 2
        if header.depth_codec == "zlib":
            stream = zlib.decompressobj()
            try:
                # One byte more than wanted shows both a bomb and a stream whose end is missing.
                pixels = stream.decompress(payload, wanted + 1)
            except zlib.error as error:
                raise SceneError(f"damaged depth payload ({error})", path=where, remedy=_DOWNLOAD) from None
            if len(pixels) > wanted or not stream.eof:
                state = f"more than {wanted}" if len(pixels) > wanted else f"{len(pixels)} (its end is missing)"
                raise SceneError(f"depth inflates to {state} bytes, not {wanted}", path=where, remedy=_DOWNLOAD)
        else:
            pixels = payload
        if len(pixels) != wanted:
            raise SceneError(f"depth holds {len(pixels)} bytes, not {wanted}", path=where, remedy=_DOWNLOAD)
        return np.frombuffer(pixels, "<u2").reshape(header.depth_height, header.depth_width)

    def depth(self, n: int) -> npt.NDArray[np.float32]:
        """The depth of a frame: (h, w) float32 metres along the camera's z axis, 0 unknown.

        Raises:
            SceneError: as ``depth_stored``.
        """
        return depth_in_metres(self.depth_stored(n), self.header.depth_shift)

    def _checked(self, n: int) -> int:
        if not 0 <= n < len(self):
            raise SceneError(f"there is no frame {n}", path=self.path, remedy=f"it has frames 0 to {len(self) - 1}")
        return n

    def _payload(self, offsets: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], n: int) -> bytes:
        start, size = int(offsets[self._checked(n)]), int(sizes[n])
        with self._open() as descriptor:
            payload = os.pread(descriptor.number, size, start)
        if len(payload) != size:
            _cut_short(self.path, f"in frame {n}", start + len(payload))
        return payload

    def _open(self) -> _Descriptor:
        return _Descriptor(self.path)


class _Descriptor:
    """A file descriptor and the file's size, for the length of one ``with``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> _Descriptor:
        try:
            self.number = os.open(self.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError as error:
            raise SceneError(
                f"cannot be opened ({error.strerror})", path=self.path, remedy="check that it is there and readable"
            ) from None
        self.size = os.fstat(self.number).st_size
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.number)


class _HeaderReader:
    """Reads the header field by field, believing no number before it is checked."""

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self.path, self.descriptor, self.size, self.at = path, descriptor, size, 0

    def read(self) -> tuple[SensHeader, int]:
        """The header and the byte where the frames begin."""
        (version,) = self._unpack("<I")
        if version != VERSION:
            self._refuse(
                f"is version {version} of the format, not {VERSION}", "give a .sens file of the ScanNet v2 release"
            )
        (length,) = self._unpack("<Q")
        if length > MAX_NAME_LENGTH:
            self._absurd(f"a sensor name of {length} bytes")
        name = self._take(length).decode("utf-8", "replace")
        matrices = np.frombuffer(self._take(4 * 64), "<f4").reshape(4, 4, 4).astype(np.float64)
        color_codec, depth_codec = self._unpack("<ii")
        if color_codec not in COLOR_CODECS:
            self._refuse(f"has colour codec {color_codec} (unknown)", "known: raw (0), PNG (1), JPEG (2)")
        if depth_codec not in DEPTH_CODECS:
            name_of_codec = _REFUSED_DEPTH_CODECS.get(depth_codec, "unknown")
            self._refuse(
                f'has depth codec {depth_codec} ("{name_of_codec}"), which cannot be read',
                "write it again with raw (0) or zlib (1) depth",
            )
        sizes = self._unpack("<IIII")
        if min(sizes) < 1 or max(sizes) > MAX_SIDE:
            self._absurd(f"images of {sizes[0]} x {sizes[1]} (colour) and {sizes[2]} x {sizes[3]} (depth) pixels")
        (shift,) = self._unpack("<f")
        if not (np.isfinite(shift) and 1e-3 <= shift <= 1e9):
            self._absurd(f"a depth shift of {shift}")
        (frames,) = self._unpack("<Q")
        if frames > MAX_FRAMES:
            self._absurd(f"{frames} frames")
        header = SensHeader(
            sensor_name=name,
            intrinsic_color=matrices[0],
            extrinsic_color=matrices[1],
            intrinsic_depth=matrices[2],
            extrinsic_depth=matrices[3],
            color_codec=COLOR_CODECS[color_codec],
            depth_codec=DEPTH_CODECS[depth_codec],
            color_width=sizes[0],
            color_height=sizes[1],
            depth_width=sizes[2],
            depth_height=sizes[3],
            depth_shift=float(shift),
            frames=frames,
        )
        return header, self.at

    def _take(self, count: int) -> bytes:
        data = os.pread(self.descriptor, count, self.at)
        if len(data) != count:
            _cut_short(self.path, "in its header", self.size)
        self.at += count
        return data

    def _unpack(self, form: str) -> tuple[int, ...]:
        return struct.unpack(form, self._take(struct.calcsize(form)))

    def _absurd(self, claim: str) -> NoReturn:
        self._refuse(f"is damaged: its header claims {claim}", _DOWNLOAD)

    def _refuse(self, what: str, remedy: str) -> NoReturn:
        raise SceneError(what, path=self.path, remedy=remedy)


def _read_index(path: Path, descriptor: int, size: int, frames: int, start: int) -> SensIndex:
    heads: list[bytes] = []  # grown by what is there, never by what the header announces
    starts: list[int] = []
    at, head_size = start, _FRAME_HEADER.size
    lengths = struct.Struct("<QQ")
    for frame in range(frames):
        head = os.pread(descriptor, head_size, at)
        if len(head) != head_size:
            _cut_short(path, f"in the header of frame {frame} of {frames}", size)
        color, depth = lengths.unpack_from(head, 80)
        at += head_size
        if at + color + depth > size:
            _cut_short(path, f"in frame {frame} of {frames}, which needs bytes {at} to {at + color + depth}", size)
        heads.append(head)
        starts.append(at)
        at += color + depth
    if at < size:  # a file that simply ends after its last frame was written without the IMU block: nothing is lost
        tail = os.pread(descriptor, 8, at)
        if len(tail) < 8 or at + 8 + int.from_bytes(tail, "little") * _IMU_RECORD_BYTES > size:
            _cut_short(path, f"in the IMU block after frame {frames - 1}", size)
    else:
        _log.debug("%s has no IMU block", path)
    table = np.frombuffer(
        b"".join(heads),
        np.dtype(
            [("pose", "<f4", (4, 4)), ("color_time", "<u8"), ("depth_time", "<u8"), ("color", "<i8"), ("depth", "<i8")]
        ),
    )
    offsets = np.array(starts, np.int64)
    return SensIndex(
        table["pose"].astype(np.float64),
        table["color_time"].copy(),
        table["depth_time"].copy(),
        offsets,
        table["color"].copy(),
        offsets + table["color"],
        table["depth"].copy(),
    )


def _cut_short(path: Path, where: str, byte: int) -> NoReturn:
    raise SceneError(f"is cut short {where}: it ends at byte {byte}", path=path, remedy=_DOWNLOAD)
