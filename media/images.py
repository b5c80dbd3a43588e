"""Encoded images and their pixels: JPEG, PNG and 16-bit depth images, and the sizes in their headers.

Pixels are always the stored ones: an EXIF orientation is not applied, because intrinsics and pixel coordinates
belong to the stored raster. A file that was cut short is refused, never shown half grey.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import SceneError

__all__ = [
    "DEPTH_UNKNOWN",
    "END_BYTES",
    "check_complete",
    "check_ends",
    "decode_depth_png",
    "decode_gray",
    "decode_rgb",
    "depth_in_metres",
    "encode_jpeg",
    "encode_png",
    "image_size",
    "is_jpeg",
]

DEPTH_UNKNOWN: Final = (0, 65535)
"""Stored 16-bit values that mean "no depth": 0 everywhere, 65535 where a sensor saturates."""

_PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_PNG_END: Final = b"IEND\xaeB`\x82"
_JPEG_MAGIC: Final = b"\xff\xd8\xff"
_JPEG_END: Final = b"\xff\xd9"
END_BYTES: Final = 1024
"""Bytes at the end of a file that show whether it is whole; writers are known to pad after the end marker."""
_REDUCED_COLOR: Final = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}
_REDUCED_COLOR[8] = cv2.IMREAD_REDUCED_COLOR_8
_REDUCED_GRAY: Final = {1: cv2.IMREAD_GRAYSCALE, 2: cv2.IMREAD_REDUCED_GRAYSCALE_2, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4}
_REDUCED_GRAY[8] = cv2.IMREAD_REDUCED_GRAYSCALE_8

_REMEDY: Final = "copy or extract the file again"

Source = str | Path | None
Reduction = Literal[1, 2, 4, 8]


def is_jpeg(data: bytes) -> bool:
    """Whether these bytes are a JPEG file."""
    return data.startswith(_JPEG_MAGIC)


def check_complete(data: bytes, *, source: Source = None) -> None:
    """Refuse an encoded image that is neither JPEG nor PNG, or whose end is missing.

    Decoders fill the missing part of a cut file with grey and carry on, which would end up in a dataset.

    Raises:
        SceneError: naming ``source``.
    """
    check_ends(data[:16], data[-END_BYTES:], len(data), source=source)


def check_ends(head: bytes, tail: bytes, size: int, *, source: Source = None) -> None:
    """``check_complete`` for a file of which only both ends were read.

    Args:
        head: its first 16 bytes, or all of a shorter one.
        tail: its last ``END_BYTES`` bytes, or all of a shorter one.
        size: its length in bytes.
        source: named in errors.

    Raises:
        SceneError: as ``check_complete``.
    """
    if head.startswith(_PNG_MAGIC):
        whole = _PNG_END in tail[-64:]
    elif is_jpeg(head):
        whole = _JPEG_END in tail
    else:
        found = "empty" if not head else "neither JPEG nor PNG"
        raise SceneError(f"the image is {found}", path=source, remedy=_REMEDY)
    if not whole:
        raise SceneError(f"the image is cut short after {size} bytes", path=source, remedy=_REMEDY)


def image_size(data: bytes, *, source: Source = None) -> tuple[int, int]:
    """Width and height that an image's header states, without decoding it (JPEG, PNG, binary PGM).

    Raises:
        SceneError: when there is no such header; names ``source``.
    """
    size: tuple[int, int] | None = None
    if data.startswith(_PNG_MAGIC) and len(data) >= 24:
        size = struct.unpack(">II", data[16:24])
    elif is_jpeg(data):
        size = _jpeg_size(data)
    elif data[:2] == b"P5":
        fields = [int(word) for word in data[2:64].split()[:2] if word.isdigit()]
        size = (fields[0], fields[1]) if len(fields) == 2 else None
    if size is None or min(size) < 1:
        raise SceneError("no readable JPEG or PNG header", path=source, remedy=_REMEDY)
    return size


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the first start-of-frame segment (ITU T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif 0xD0 <= marker <= 0xD8 or marker == 0x01:  # stand-alone markers
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def decode_rgb(data: bytes, reduce: Reduction = 1, *, source: Source = None) -> npt.NDArray[np.uint8]:
    """The pixels of an encoded image.

    Args:
        data: JPEG or PNG.
        reduce: 2, 4 or 8 give an image of that fraction of the size (rounded up), much faster for JPEG.
        source: named in errors.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        SceneError: when the image is cut short or cannot be decoded.
    """
    pixels = _decode(data, _REDUCED_COLOR[reduce] | cv2.IMREAD_IGNORE_ORIENTATION, source)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def decode_gray(data: bytes, reduce: Reduction = 1, *, source: Source = None) -> npt.NDArray[np.uint8]:
    """The brightness of an encoded image: (h, w) uint8; arguments and errors as ``decode_rgb``."""
    return np.asarray(_decode(data, _REDUCED_GRAY[reduce] | cv2.IMREAD_IGNORE_ORIENTATION, source), dtype=np.uint8)


def decode_depth_png(data: bytes, *, source: Source = None) -> npt.NDArray[np.uint16]:
    """The stored values of a 16-bit, one-channel image: (h, w) uint16.

    Raises:
        SceneError: when it is cut short, cannot be decoded or is not 16-bit grey.
    """
    if data[:2] == b"P5":
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None:
            raise SceneError("the depth image cannot be decoded", path=source, remedy=_REMEDY)
    else:
        pixels = _decode(data, cv2.IMREAD_UNCHANGED, source)
    if pixels.ndim != 2 or pixels.dtype != np.uint16:
        kind = f"{pixels.dtype.itemsize * 8}-bit with {1 if pixels.ndim == 2 else pixels.shape[2]} channel(s)"
        raise SceneError(
            f"a depth image must be 16-bit grey, this one is {kind}",
            path=source,
            remedy="export depth again as unsigned 16-bit PNG in millimetres",
        )
    return np.asarray(pixels)


def depth_in_metres(stored: npt.NDArray[np.uint16], units_per_metre: float) -> npt.NDArray[np.float32]:
    """Stored 16-bit depth as (h, w) float32 metres, 0 where unknown."""
    metres = np.divide(stored, np.float32(units_per_metre), dtype=np.float32)
    metres[stored == DEPTH_UNKNOWN[1]] = 0.0
    return metres


def encode_jpeg(rgb: npt.NDArray[np.uint8], quality: int = 90) -> bytes:
    """(h, w, 3) uint8 RGB as a JPEG file; equal pixels give equal bytes."""
    done, buffer = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, "OpenCV refused to write a JPEG"
    return buffer.tobytes()


def encode_png(rgb: npt.NDArray[np.uint8]) -> bytes:
    """(h, w, 3) uint8 RGB as a PNG file; equal pixels give equal bytes."""
    done, buffer = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 3])
    assert done, "OpenCV refused to write a PNG"
    return buffer.tobytes()


def _decode(data: bytes, flags: int, source: Source) -> np.ndarray:
    check_complete(data, source=source)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:  # absurd sizes in the header
        raise SceneError(f"the image cannot be decoded ({error.err})", path=source, remedy=_REMEDY) from None
    if pixels is None:
        raise SceneError("the image cannot be decoded", path=source, remedy=_REMEDY)
    return np.asarray(pixels)
