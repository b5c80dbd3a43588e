"""ScanNet++'s ``depth.bin``: the depth images of an iPhone video in one file, read frame by frame.

Three codings are in circulation (ScanNet++ toolkit, ``iphone/prepare_iphone_data.py``), all of 256 x 192 images:

1. blocks, each a little-endian uint32 length and an LZ4 block of uint16 millimetres;
2. blocks, each a little-endian uint32 length and a raw DEFLATE stream of float32 metres;
3. one raw DEFLATE stream of the whole file, float32 metres, image after image.

Nothing in the file says which. Lengths that tile the file exactly are blocks; of these one pass keeps the offsets, and
each is tried as LZ4, then as DEFLATE. What does not tile, but inflates to an image, is a whole stream.

A whole stream can only be inflated from its beginning. While that happens, the state of the decompressor is kept every
64 images (some 50 KB each, 8 MB for a video of 10,000 images), so that going back costs 64 images at most.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ._sens_header import DOWNLOAD, Descriptor, cut_short
from .images import depth_in_metres

__all__ = ["HEIGHT", "WIDTH", "DepthBin"]

WIDTH: Final = 256
HEIGHT: Final = 192

_PIXELS: Final = WIDTH * HEIGHT
_MILLIMETRES: Final = 1000.0
_LENGTH: Final = struct.Struct("<I")
# Neither coding shrinks an image below a thousandth, nor makes it larger than it is but for a little administration:
# other lengths are none, and a file of rubbish is found out after a few of them.
_SMALLEST_BLOCK: Final = _PIXELS * 2 // 1040
_LARGEST_BLOCK: Final = _PIXELS * 4 + 1024
_PIECE: Final = 1 << 14  # compressed bytes handed to the decompressor at a time
_KEPT_EVERY: Final = 64  # images
_FARTHEST: Final = 1000.0  # metres; the sensor sees five

Depth = npt.NDArray[np.float32]


class DepthBin:
    """Random access to one ``depth.bin``.

    Nothing is read until it is asked for and no file stays open: the object can be pickled, sent to another process
    and kept by thousands of frames.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"DepthBin({str(self.path)!r})"

    def __getstate__(self) -> dict[str, Path]:
        return {"path": self.path}

    @property
    def coding(self) -> Literal["blocks", "stream"]:
        """Whether images are blocks of their own or lie in one compressed stream.

        Raises:
            SceneError: when the file is missing, empty, cut short or of neither kind.
        """
        return "stream" if self._blocks is None else "blocks"

    @property
    def count(self) -> int | None:
        """Number of images, or None for a whole stream: only inflating all of it would tell."""
        return None if self._blocks is None else len(self._blocks[0])

    @cached_property
    def units_per_metre(self) -> float:
        """Stored units per metre, as the first image is coded: 1000 or 1."""
        if self._blocks is None:
            return 1.0
        return _MILLIMETRES if _lz4(self._block(0)) is not None else 1.0

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever the file does."""
        with Descriptor(self.path) as descriptor:
            return f"{descriptor.size}:{os.fstat(descriptor.number).st_mtime_ns}"

    def depth(self, n: int) -> Depth:
        """The depth of an image: (192, 256) float32 metres along the camera's z axis, 0 unknown.

        Raises:
            SceneError: when there is no such image, or it is damaged or cut short; names the image.
        """
        if self._blocks is None:
            pixels = self._stream.image(n)
            if pixels is None:
                raise SceneError(f"there is no depth image {n}", path=self.path, remedy="its stream ends before it")
            return _metres(pixels)
        if not 0 <= n < len(self._blocks[0]):
            last = len(self._blocks[0]) - 1
            raise SceneError(f"there is no depth image {n}", path=self.path, remedy=f"it has images 0 to {last}")
        block = self._block(n)
        millimetres = _lz4(block)
        if millimetres is not None:
            return depth_in_metres(np.frombuffer(millimetres, "<u2").reshape(HEIGHT, WIDTH), _MILLIMETRES)
        inflated = _inflated(block)
        if inflated is None:
            what = "its depth is neither an LZ4 nor a DEFLATE block of 256 x 192 pixels, or damaged"
            raise SceneError(what, path=f"{self.path}#frame={n}", remedy=DOWNLOAD)
        return _metres(inflated)

    def holds(self, n: int) -> bool:
        """Whether there is an image ``n``; a whole stream has to be inflated up to it to know.

        Raises:
            SceneError: when a whole stream is damaged or cut short before it.
        """
        return self._stream.image(n) is not None if self._blocks is None else 0 <= n < len(self._blocks[0])

    def check_frame(self, n: int) -> None:
        """Refuse an image that is not there or damaged; errors as ``depth``."""
        self.depth(n)

    @cached_property
    def _blocks(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
        """Offsets and lengths of the blocks; None for a whole stream."""
        with Descriptor(self.path) as descriptor:
            if not descriptor.size:
                raise SceneError("is empty", path=self.path, remedy=DOWNLOAD)
            found, at = _walk(descriptor)
            if at == descriptor.size:
                table = np.array(found, np.int64).reshape(-1, 2)
                return table[:, 0].copy(), table[:, 1].copy()
        if self._starts_as_stream():
            return None
        if found:
            cut_short(self.path, f"or damaged after depth image {len(found) - 1}, at byte {at}", descriptor.size)
        what = "is cut short or no depth.bin: it begins with neither a block of depth nor a compressed stream of it"
        raise SceneError(what, path=self.path, remedy=DOWNLOAD)

    def _starts_as_stream(self) -> bool:
        try:
            pixels = _Stream(self.path).image(0)
        except SceneError:
            return False
        first = np.frombuffer(pixels or b"", "<f4")
        return (
            pixels is not None and not (np.abs(first[np.isfinite(first)]) > _FARTHEST).any()
        )  # rubbish that happens to inflate

    @cached_property
    def _stream(self) -> _Stream:
        return _Stream(self.path)

    def _block(self, n: int) -> bytes:
        assert self._blocks is not None
        offset, length = int(self._blocks[0][n]), int(self._blocks[1][n])
        with Descriptor(self.path) as descriptor:
            block = os.pread(descriptor.number, length, offset)
        if len(block) != length:
            cut_short(self.path, f"in depth image {n}", offset + len(block))
        return block


def _walk(descriptor: Descriptor) -> tuple[list[tuple[int, int]], int]:
    """(offset, length) of each block from the beginning, and where the walk ended: the file's size if it is blocks."""
    found: list[tuple[int, int]] = []
    at, size, number, head = 0, descriptor.size, descriptor.number, _LENGTH.size
    while at + head <= size:
        (length,) = _LENGTH.unpack(os.pread(number, head, at))
        if not _SMALLEST_BLOCK <= length <= _LARGEST_BLOCK or at + head + length > size:
            break
        found.append((at + head, length))
        at += head + length
    return found, at


def _lz4(block: bytes) -> bytes | None:
    """The uint16 image of an LZ4 block, or None if it is none."""
    import lz4.block

    try:
        pixels: bytes = lz4.block.decompress(block, uncompressed_size=2 * _PIXELS)
    except (lz4.block.LZ4BlockError, ValueError):
        return None
    return pixels if len(pixels) == 2 * _PIXELS else None


def _inflated(block: bytes) -> bytes | None:
    """The float32 image of a raw DEFLATE block, or None if it is none."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        pixels = stream.decompress(block, 4 * _PIXELS + 1)  # one byte more shows a bomb
    except zlib.error:
        return None
    return pixels if len(pixels) == 4 * _PIXELS and stream.eof else None


def _metres(stored: bytes) -> Depth:
    """Float32 metres, 0 where they are negative, infinite or not a number."""
    metres = np.frombuffer(stored, "<f4").reshape(HEIGHT, WIDTH)
    return np.where(np.isfinite(metres) & (metres > 0), metres, np.float32(0.0))


class _Decompressor(Protocol):
    """What zlib's decompressor offers; its type has no public name."""

    @property
    def unconsumed_tail(self) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: Any, max_length: int = 0, /) -> bytes: ...

    def copy(self) -> _Decompressor: ...


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """A decompressor in front of image ``image``, its next input at byte ``offset`` of the file."""

    image: int
    offset: int
    decompressor: _Decompressor

    def copy(self) -> _State:
        return _State(self.image, self.offset, self.decompressor.copy())


class _Stream:
    """A whole-file stream, inflated from the nearest state that is known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = [_State(0, 0, zlib.decompressobj(-zlib.MAX_WBITS))]
        self._next = self._kept[0].copy()
        self._last: tuple[int, bytes | None] = (-1, None)

    def image(self, n: int) -> bytes | None:
        """The float32 image ``n``, or None where the stream ends, as it should, before it.

        Raises:
            SceneError: when the stream is damaged or cut short before its end.
        """
        nearest = self._kept[max(0, min(n // _KEPT_EVERY, len(self._kept) - 1))]
        if n == self._last[0]:
            return self._last[1]
        if not nearest.image <= self._next.image <= n:
            self._next = nearest.copy()
        with Descriptor(self._path) as descriptor:
            while n >= 0:
                image, pixels = self._next.image, self._advance(descriptor)
                if pixels is None:
                    return None
                if image == n:
                    self._last = (n, pixels)
                    return pixels
        return None

    def _advance(self, descriptor: Descriptor) -> bytes | None:
        """The next image, or None at the end; afterwards ``_next`` stands behind it."""
        state, self._next = self._next, self._kept[0].copy()  # an error leaves a sound state behind
        pixels, offset = bytearray(), state.offset
        decompressor = state.decompressor
        try:
            while len(pixels) < 4 * _PIXELS and not decompressor.eof:
                piece = os.pread(descriptor.number, _PIECE, offset)
                more = decompressor.decompress(piece, 4 * _PIXELS - len(pixels))
                consumed = len(piece) - len(decompressor.unconsumed_tail)
                if not more and not consumed:
                    break
                pixels += more
                offset += consumed
        except zlib.error as error:
            where = f"{self._path}#frame={state.image}"
            raise SceneError(f"its depth is damaged ({error})", path=where, remedy=DOWNLOAD) from None
        if decompressor.eof and not pixels:
            return None
        if len(pixels) < 4 * _PIXELS:
            raise SceneError(f"is cut short in depth image {state.image}", path=self._path, remedy=DOWNLOAD)
        self._next = _State(state.image + 1, offset, decompressor)
        if self._next.image == len(self._kept) * _KEPT_EVERY:
            self._kept.append(self._next.copy())
        return bytes(pixels)
