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
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ._sens_header import DOWNLOAD, Descriptor, SensHeader, cut_short, read_header
from .images import END_BYTES, check_complete, depth_in_metres, encode_png, image_size

__all__ = ["SensFile", "SensHeader", "SensIndex"]

_log = logging.getLogger(__name__)

_FRAME_HEADER: Final = struct.Struct("<64sQQQQ")
_IMU_RECORD_BYTES: Final = 128
_HEAD_BYTES: Final = 1 << 16  # of an encoded image, where its size stands
_PIECE: Final = 1 << 20
_TRIED: Final = 8  # frames, where the first ones are damaged


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
            return read_header(self.path, descriptor.number, descriptor.size)

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
                raise SceneError(what, path=where, remedy=DOWNLOAD)
            return encode_png(np.frombuffer(payload, np.uint8).reshape(size[1], size[0], 3))
        check_complete(payload, source=where)
        if (found := image_size(payload, source=where)) != size:
            raise SceneError(
                f"the image is {found[0]} x {found[1]}, the file's header says {size[0]} x {size[1]}",
                path=where,
                remedy=DOWNLOAD,
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
                raise SceneError(f"damaged depth payload ({error})", path=where, remedy=DOWNLOAD) from None
            if len(pixels) > wanted or not stream.eof:
                what = (
                    f"its depth inflates to more than {wanted} bytes, which {header.depth_width} x "
                    f"{header.depth_height} pixels need"
                    if len(pixels) > wanted
                    else f"its depth is cut short: the compressed data ends after {len(pixels)} of {wanted} bytes"
                )
                raise SceneError(what, path=where, remedy=DOWNLOAD)
        else:
            pixels = payload
        if len(pixels) != wanted:
            raise SceneError(f"depth holds {len(pixels)} bytes, not {wanted}", path=where, remedy=DOWNLOAD)
        return np.frombuffer(pixels, "<u2").reshape(header.depth_height, header.depth_width)

    def depth(self, n: int) -> npt.NDArray[np.float32]:
        """The depth of a frame: (h, w) float32 metres along the camera's z axis, 0 unknown.

        Raises:
            SceneError: as ``depth_stored``.
        """
        return depth_in_metres(self.depth_stored(n), self.header.depth_shift)

    def check_sizes(self) -> None:
        """Compare the sizes that the header states with the first colour image and the first depth payload.

        Costs a few kilobytes of memory whatever the header claims. Payloads that are damaged are passed over here:
        they are named when they are loaded.

        Raises:
            SceneError: when the header states other sizes.
        """
        header, index = self.header, self.index
        for n in np.flatnonzero(index.color_bytes > 0)[:_TRIED]:
            if header.color_codec == "raw":
                self._same_bytes("colour", int(index.color_bytes[n]), int(n))
                break
            start = self._part(int(index.color_offset[n]), min(int(index.color_bytes[n]), _HEAD_BYTES))
            try:
                found = image_size(start)
            except SceneError:
                continue
            wanted = (header.color_width, header.color_height)
            if found != wanted:
                raise SceneError(
                    f"its header says that colour images are {wanted[0]} x {wanted[1]}, "
                    f"but frame {n} is {found[0]} x {found[1]}",
                    path=self.path,
                    remedy=DOWNLOAD,
                )
            break
        for n in np.flatnonzero(index.depth_bytes > 0)[:_TRIED]:
            count: int | None = int(index.depth_bytes[n])
            if header.depth_codec == "zlib":
                wanted_bytes = header.depth_width * header.depth_height * 2
                count = _inflated_bytes(self._payload(index.depth_offset, index.depth_bytes, int(n)), wanted_bytes)
            if count is not None:
                self._same_bytes("depth", count, int(n))
                break

    def ends(self, kind: Literal["color", "depth"], n: int) -> tuple[bytes, bytes, int]:
        """The first and last bytes of a frame's payload and its length, to tell cheaply whether it is whole."""
        color = kind == "color"
        offsets = self.index.color_offset if color else self.index.depth_offset
        sizes = self.index.color_bytes if color else self.index.depth_bytes
        start, size = int(offsets[self._checked(n)]), int(sizes[n])
        tail = min(size, END_BYTES)
        return self._part(start, min(size, 16)), self._part(start + size - tail, tail), size

    def _same_bytes(self, kind: Literal["colour", "depth"], found: int, n: int) -> None:
        header = self.header
        width, height, pixel_bytes = header.depth_width, header.depth_height, 2
        if kind == "colour":
            width, height, pixel_bytes = header.color_width, header.color_height, 3
        wanted = width * height * pixel_bytes
        if found != wanted:
            raise SceneError(
                f"its header says that {kind} images are {width} x {height}, but frame {n} holds "
                f"{'more' if found > wanted else 'fewer'} than the {wanted} bytes this needs",
                path=self.path,
                remedy=DOWNLOAD,
            )

    def _part(self, start: int, size: int) -> bytes:
        with self._open() as descriptor:
            return os.pread(descriptor.number, size, start)

    def _checked(self, n: int) -> int:
        if not 0 <= n < len(self):
            raise SceneError(f"there is no frame {n}", path=self.path, remedy=f"it has frames 0 to {len(self) - 1}")
        return n

    def _payload(self, offsets: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], n: int) -> bytes:
        start, size = int(offsets[self._checked(n)]), int(sizes[n])
        with self._open() as descriptor:
            payload = os.pread(descriptor.number, size, start)
        if len(payload) != size:
            cut_short(self.path, f"in frame {n}", start + len(payload))
        return payload

    def _open(self) -> Descriptor:
        return Descriptor(self.path)


def _read_index(path: Path, descriptor: int, size: int, frames: int, start: int) -> SensIndex:
    if not frames:
        raise SceneError("has no frames (its header states 0)", path=path, remedy=DOWNLOAD)
    heads: list[bytes] = []  # grown by what is there, never by what the header announces
    starts: list[int] = []
    at, head_size = start, _FRAME_HEADER.size
    lengths = struct.Struct("<QQ")
    for frame in range(frames):
        head = os.pread(descriptor, head_size, at)
        if len(head) != head_size:
            cut_short(path, f"in the header of frame {frame} of {frames}", size)
        color, depth = lengths.unpack_from(head, 80)
        at += head_size
        if at + color + depth > size:
            cut_short(path, f"in frame {frame} of {frames}, which needs bytes {at} to {at + color + depth}", size)
        heads.append(head)
        starts.append(at)
        at += color + depth
    if at < size:  # a file that simply ends after its last frame was written without the IMU block: nothing is lost
        tail = os.pread(descriptor, 8, at)
        if len(tail) < 8 or at + 8 + int.from_bytes(tail, "little") * _IMU_RECORD_BYTES > size:
            cut_short(path, f"in the IMU block after frame {frames - 1}", size)
    else:
        _log.debug("%s has no IMU block", path)
    table = np.frombuffer(
        b"".join(heads),
        np.dtype(
            [("pose", "<f4", (4, 4)), ("color_time", "<u8"), ("depth_time", "<u8"), ("color", "<i8"), ("depth", "<i8")]
        ),
    )
    offsets = np.array(starts, np.int64)
    with np.errstate(invalid="ignore"):  # a signalling NaN, as damaged files have, complains about being converted
        poses = table["pose"].astype(np.float64)
    return SensIndex(
        poses,
        table["color_time"].copy(),
        table["depth_time"].copy(),
        offsets,
        table["color"].copy(),
        offsets + table["color"],
        table["depth"].copy(),
    )


def _inflated_bytes(payload: bytes, wanted: int) -> int | None:
    """What a zlib stream inflates to, counted in small pieces up to just past ``wanted``; None if it is damaged."""
    stream, count, rest = zlib.decompressobj(), 0, payload
    try:
        while count <= wanted and not stream.eof:
            piece = stream.decompress(rest, _PIECE)
            if not piece and not stream.eof:
                return None  # its end is missing
            count, rest = count + len(piece), stream.unconsumed_tail
    except zlib.error:
        return None
    return count
