"""Semantic and instance images of Structured3D: numbers at every pixel, and what follows from them.

``semantic.png`` is a palette image whose raw indices are NYU40 classes; ``instance.png`` holds 16-bit object ids. A
file is decoded only when its header states the size of the view and no more pixels than its bytes can hold.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ..media.images import decode_depth_png, decode_gray
from ._files import read_bytes

__all__ = ["BACKGROUND", "NYU40", "InstanceFile", "PaneMask", "Seen", "image_header", "votes"]

BACKGROUND: Final = 65535
"""Value of ``instance.png`` where there is no object."""

NYU40: Final = (
    "", "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf", "picture",
    "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror", "floor mat", "clothes",
    "ceiling", "books", "refrigerator", "television", "paper", "towel", "shower curtain", "box", "whiteboard", "person",
    "nightstand", "toilet", "sink", "lamp", "bathtub", "bag", "otherstructure", "otherfurniture", "otherprop",
)  # fmt: skip
"""Class names by value of ``semantic.png`` (the dataset's ``metadata/labelids.txt``); 0 is unlabelled."""

_PANES: Final = (NYU40.index("window"), NYU40.index("mirror"))
_REMEDY: Final = "copy it again or unpack the zip file again"
_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3  # colour types of a PNG file
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_MOST_SQUEEZED: Final = 1032  # the most that deflate can squeeze out of a byte

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Header:
    size: Size
    bits: int
    color_type: int


@dataclass(frozen=True, slots=True, eq=False)
class InstanceFile:
    """Loads an instance image as indices into the scene's instances, -1 for none.

    Attributes:
        path: of ``instance.png``.
        size: width and height of the view.
        ids: (k,), the scene's object ids, ascending, in the order of its instances.
    """

    path: Path
    size: Size
    ids: npt.NDArray[np.int64]

    def __call__(self) -> npt.NDArray[np.int32]:
        place = np.full(BACKGROUND + 1, -1, np.int32)
        index = np.flatnonzero(self.ids < BACKGROUND)
        place[self.ids[index]] = index
        return place[_instance_ids(self.path, self.size)]


@dataclass(frozen=True, slots=True)
class PaneMask:
    """Loads which pixels may be used: not windows and mirrors, which show something else than their surface.

    Those that are objects of their own stay, since their label says what they are.
    """

    semantic: Path
    instance: Path | None
    size: Size

    def __call__(self) -> npt.NDArray[np.bool_]:
        pane = np.isin(_classes(self.semantic, self.size), _PANES)
        if self.instance is not None:
            pane &= _instance_ids(self.instance, self.size) == BACKGROUND
        return ~pane


@dataclass(frozen=True, slots=True)
class Seen:
    """A view's maps: the files, and the size of the view; ``semantic`` None where there is none."""

    instance: Path
    semantic: Path | None
    size: Size


def votes(views: Iterable[Seen]) -> dict[int, int]:
    """Class of each object that some views show: the most frequent under its pixels, the lowest of equals.

    0 where no pixel under it is labelled. Objects that no view shows are not named.
    """
    counts: dict[int, npt.NDArray[np.int64]] = {}
    for view in views:
        ids = _instance_ids(view.instance, view.size)
        there = np.zeros(BACKGROUND + 1, bool)
        there[ids] = True
        present = np.flatnonzero(there[:BACKGROUND])
        # One number for object and class: a row of the table below for each object, the last for none.
        row_of = np.full(BACKGROUND + 1, len(present) * len(NYU40), np.int32)
        row_of[present] = np.arange(len(present)) * len(NYU40)
        pairs = row_of[ids]
        if view.semantic is not None:
            classes = _classes(view.semantic, view.size)
            pairs += np.where(classes < len(NYU40), classes, 0)
        table = np.bincount(pairs.ravel(), minlength=(len(present) + 1) * len(NYU40)).reshape(-1, len(NYU40))
        for number, row in zip(present.tolist(), table, strict=False):
            counts[number] = counts.get(number, 0) + row
    found = {}
    for number, row in counts.items():
        labelled = row[1:]
        found[number] = 1 + int(labelled.argmax()) if labelled.any() else 0
    return found


def image_header(path: Path) -> Size:
    """Width and height of a PNG file, believed only if its bytes can hold that many pixels.

    Raises:
        SceneError: when it is missing, not a PNG file, or too short for what it states.
    """
    return _header(path).size


def _instance_ids(path: Path, size: Size) -> npt.NDArray[np.uint16]:
    header = _header(path, size)
    if (header.bits, header.color_type) != (16, _GREY):
        raise SceneError("is not a 16-bit grey image of object ids", path=path, remedy=_REMEDY)
    return decode_depth_png(read_bytes(path, remedy=_REMEDY), source=path)


def _classes(path: Path, size: Size) -> npt.NDArray[np.uint8]:
    """Raw values of a palette image (or of a grey one, as some tools rewrite them)."""
    header = _header(path, size)
    if header.bits > 8 or header.color_type not in (_GREY, _PALETTE):
        raise SceneError(
            "is not a palette image of class numbers", path=path, remedy="use semantic.png as it was in the zip file"
        )
    pixels = decode_gray(_as_grey(read_bytes(path, remedy=_REMEDY), path), source=path)
    # Decoders stretch 1, 2 and 4 bits to the whole range of grey.
    return pixels // np.uint8(255 // (2**header.bits - 1)) if header.bits < 8 else pixels


def _as_grey(data: bytes, path: Path) -> bytes:
    """The same PNG file with its palette taken out, so that decoding gives indices instead of colours."""
    parts = [_MAGIC]
    at = len(_MAGIC)
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            break
        if kind == b"IHDR":
            body = kind + data[at + 8 : at + 17] + bytes([_GREY]) + data[at + 18 : end - 4]
            parts += [data[at : at + 4], body, struct.pack(">I", zlib.crc32(body))]
        elif kind in (b"IDAT", b"IEND"):
            parts.append(data[at:end])
        at = end
        if kind == b"IEND":
            return b"".join(parts)
    raise SceneError(f"the image is cut short after {len(data)} bytes", path=path, remedy=_REMEDY)


def _header(path: Path, wanted: Size | None = None) -> _Header:
    try:
        with path.open("rb") as stream:
            head = stream.read(33)
        length = path.stat().st_size
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy=_REMEDY) from None
    if len(head) < 33 or not head.startswith(_MAGIC) or head[12:16] != b"IHDR":
        raise SceneError("is cut short or not a PNG image", path=path, remedy=_REMEDY)
    width, height, bits, color_type = struct.unpack(">IIBB", head[16:26])
    size = (width, height)
    if wanted is not None and size != wanted:
        raise SceneError(
            f"is {width} x {height}, the scene's colour images are {wanted[0]} x {wanted[1]}",
            path=path,
            remedy="all images of a scene must be of one release, in one size",
        )
    raw = height * (1 + -(-width * bits * _CHANNELS.get(color_type, 4) // 8))
    if min(size) < 1 or raw > _MOST_SQUEEZED * length:
        raise SceneError(
            f"states {width} x {height} pixels, more than its {length:,} bytes can hold", path=path, remedy=_REMEDY
        )
    return _Header(size, bits, color_type)
