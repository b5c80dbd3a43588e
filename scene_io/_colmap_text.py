"""COLMAP's text models.

An image takes two lines; the second lists its points and may be empty, which is why empty lines are not simply passed
over. Files that leave empty second lines out are understood too: no list of points looks like an image's first line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ._colmap_records import CameraRecord, ImageRecord, NoModel
from ._poses import numbers_in

__all__ = ["cameras", "images"]

_STATED: Final = re.compile(r"#\s*Number of (?:cameras|images):\s*(\d+)")
_IMAGE_WORDS: Final = 10  # id, qw qx qy qz tx ty tz, camera, name
_HEAD_CHARACTERS: Final = 4096  # of a line: more than an image's first line has; lists of points are longer
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def cameras(path: Path) -> list[CameraRecord]:
    """The records of ``cameras.txt``.

    Raises:
        NoModel: when a line makes no sense, or there are fewer than the file says.
        OSError: when it cannot be read.
    """
    found, stated = [], None
    for number, line in _lines(path):
        if line.startswith("#"):
            stated = _stated(line, stated)
            continue
        words = line.split()
        if not words:
            continue
        try:
            head = [int(words[index]) for index in (0, 2, 3)]
            parameters = tuple(numbers_in(" ".join(words[4:])))
        except (ValueError, IndexError):
            raise NoModel(f"line {number} is not a camera (id, model, width, height, parameters)", path) from None
        found.append(CameraRecord(head[0], words[1], head[1], head[2], parameters))
    _complete(len(found), stated, "cameras", path)
    return found


def images(path: Path) -> list[ImageRecord]:
    """The records of ``images.txt``.

    Raises:
        NoModel: when a line makes no sense, or there are fewer than the file says.
        OSError: when it cannot be read.
    """
    found: list[ImageRecord] = []
    stated, points_next = None, False
    for number, line in _lines(path):
        if line.startswith("#"):
            stated = _stated(line, stated)
            continue
        if points_next and _is_points(line):
            points_next = False
            continue
        if not line.strip():
            continue
        found.append(_image(line, number, path))
        points_next = True
    _complete(len(found), stated, "images", path)
    return found


def _image(line: str, number: int, path: Path) -> ImageRecord:
    words = line.split(maxsplit=_IMAGE_WORDS - 1)
    try:
        if len(words) < _IMAGE_WORDS:
            raise ValueError
        pose = tuple(numbers_in(" ".join(words[1:8])))
        return ImageRecord(int(words[0]), pose, int(words[8]), words[9].strip())
    except ValueError:
        what = f"line {number} is not an image (id, qw qx qy qz, tx ty tz, camera id, name)"
        raise NoModel(what, path) from None


def _is_points(line: str) -> bool:
    """Whether a line is a list of x, y, point id, empty or not; an image's line has a name where this has numbers."""
    words = line[:_HEAD_CHARACTERS].split()
    if len(line) <= _HEAD_CHARACTERS and len(words) % 3:
        return False
    return all(_NUMBER.fullmatch(word) or word.lower().lstrip("-+") in ("nan", "inf") for word in words[:12])


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8") as stream:
        try:
            yield from enumerate((line.rstrip("\n") for line in stream), 1)
        except UnicodeDecodeError:
            raise NoModel("is not a text file", path) from None


def _stated(line: str, before: int | None) -> int | None:
    match = _STATED.match(line)
    return int(match[1]) if match else before


def _complete(found: int, stated: int | None, noun: str, path: Path) -> None:
    if stated is not None and found != stated:
        raise NoModel(f"is cut short or damaged: it states {stated} {noun} and lists {found}", path)
    if not found and stated is None:
        raise NoModel(f"lists no {noun}", path)
