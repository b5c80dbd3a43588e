"""COLMAP's binary models, little endian; no count in them is believed before the file is long enough for it."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Final

from ._colmap_records import CameraRecord, ImageRecord, NoModel

__all__ = ["cameras", "images"]

_MODELS: Final = (
    ("SIMPLE_PINHOLE", 3),
    ("PINHOLE", 4),
    ("SIMPLE_RADIAL", 4),
    ("RADIAL", 5),
    ("OPENCV", 8),
    ("OPENCV_FISHEYE", 8),
    ("FULL_OPENCV", 12),
    ("FOV", 5),
    ("SIMPLE_RADIAL_FISHEYE", 4),
    ("RADIAL_FISHEYE", 5),
    ("THIN_PRISM_FISHEYE", 12),
    ("RAD_TAN_THIN_PRISM_FISHEYE", 16),
)
"""Lens models by their number, with how many parameters they take (COLMAP, ``sensor/models.h``)."""

_COUNT: Final = struct.Struct("<Q")
_CAMERA: Final = struct.Struct("<IiQQ")  # id, lens model, width, height
_IMAGE: Final = struct.Struct("<I7dI")  # id, qw qx qy qz tx ty tz, camera
_POINT_BYTES: Final = 24  # x, y, point id: not read
_NAME_LIMIT: Final = 4096  # bytes; the longest path a system knows
_SMALLEST_CAMERA: Final = _CAMERA.size + 3 * 8
_SMALLEST_IMAGE: Final = _IMAGE.size + 2 + _COUNT.size  # a name of one letter, no points


def cameras(path: Path) -> list[CameraRecord]:
    """The records of ``cameras.bin``.

    Raises:
        NoModel: when it is cut short, longer than its content, or names an unknown lens model.
        OSError: when it cannot be read.
    """
    data = path.read_bytes() if path.stat().st_size <= 1 << 28 else b""  # a camera takes a hundred bytes
    count = _checked_count(data, len(data), _SMALLEST_CAMERA, "cameras", path)
    at, found = _COUNT.size, []
    for index in range(count):
        _fits(at + _CAMERA.size, len(data), f"camera {index + 1} of {count}", path)
        number, code, width, height = _CAMERA.unpack_from(data, at)
        if not 0 <= code < len(_MODELS):
            raise NoModel(f"camera {number} has the unknown lens model number {code}", path)
        name, parameters = _MODELS[code]
        at += _CAMERA.size
        _fits(at + 8 * parameters, len(data), f"camera {index + 1} of {count}", path)
        found.append(CameraRecord(number, name, width, height, struct.unpack_from(f"<{parameters}d", data, at)))
        at += 8 * parameters
    _ends(at, len(data), "cameras", count, path)
    return found


def images(path: Path) -> list[ImageRecord]:
    """The records of ``images.bin``; the points seen in them are jumped over.

    Raises:
        NoModel: when it is cut short, longer than its content or not one.
        OSError: when it cannot be read.
    """
    size = path.stat().st_size
    if size < _COUNT.size:
        raise NoModel(f"is cut short after {size} bytes", path)
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        count = _checked_count(data, size, _SMALLEST_IMAGE, "images", path)
        at, found = _COUNT.size, []
        for index in range(count):
            what = f"image {index + 1} of {count}"
            _fits(at + _IMAGE.size, size, what, path)
            number, *pose, camera = _IMAGE.unpack_from(data, at)
            at += _IMAGE.size
            end = data.find(b"\0", at, at + _NAME_LIMIT)
            if end <= at:
                raise NoModel(f"is cut short or damaged in the name of {what}", path)
            try:
                name = data[at:end].decode("utf-8")
            except UnicodeDecodeError:
                raise NoModel(f"is damaged in the name of {what}", path) from None
            _fits(end + 1 + _COUNT.size, size, what, path)
            (points,) = _COUNT.unpack_from(data, end + 1)
            at = end + 1 + _COUNT.size + points * _POINT_BYTES
            _fits(at, size, what, path)
            found.append(ImageRecord(number, tuple(pose), camera, name))
    _ends(at, size, "images", count, path)
    return found


def _checked_count(data: bytes | mmap.mmap, size: int, smallest: int, noun: str, path: Path) -> int:
    if len(data) < _COUNT.size:
        raise NoModel(f"is no file of {noun}: {path.stat().st_size} bytes", path)
    (count,) = _COUNT.unpack_from(data, 0)
    if count * smallest > size:
        raise NoModel(f"is cut short or damaged: {count} {noun} do not fit in its {size} bytes", path)
    return int(count)


def _fits(end: int, size: int, what: str, path: Path) -> None:
    if end > size:
        raise NoModel(f"is cut short in {what}, after {size} bytes", path)


def _ends(at: int, size: int, noun: str, count: int, path: Path) -> None:
    if at != size:
        raise NoModel(f"has {size - at} bytes after its {count} {noun}", path)
