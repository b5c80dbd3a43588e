"""The labels of marks as outlines: equal on every machine, whatever fonts and OpenCV are installed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.ft2font import FT2Font
from matplotlib.path import Path as Outline

__all__ = ["Label", "capital_height", "label_of", "write"]

Color = tuple[int, ...]

_FONT: Final = "fonts/ttf/DejaVuSans-Bold.ttf"  # part of matplotlib
_FONT_SIZE: Final = 64.0
_SUBPIXEL_BITS: Final = 4
_DARK: Final = (16, 16, 16)
_LIGHT: Final = (255, 255, 255)
_LIGHT_FROM: Final = 96  # brightness (BT.601) of a colour from which a dark halo sets it off better than a light one
_HANGING: Final = 0.1  # of the capitals' height
_LOCK: Final = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """A text's closed contours in font units, y downwards, the baseline at 0, the left edge at 0; and its width."""

    contours: Sequence[npt.NDArray[np.float64]]
    width: float

    @property
    def descent(self) -> float:
        """How far the text hangs below the baseline, in font units; the hair by which round capitals do is 0."""
        lowest = float(max((points[:, 1].max() for points in self.contours), default=0.0))
        return lowest if lowest > _HANGING * capital_height() else 0.0


@lru_cache(maxsize=1)
def _font() -> FT2Font:
    font = FT2Font(str(Path(mpl.get_data_path()) / _FONT))
    font.set_size(_FONT_SIZE, 72)
    return font


@lru_cache(maxsize=256)
def label_of(text: str) -> Label:
    """The outlines of a text."""
    contours: list[npt.NDArray[np.float64]] = []
    advance = 0.0
    # A glyph is loaded in one call and read in the next: two threads would read each other's.
    with _LOCK:
        font = _font()
        for letter in text:
            glyph = font.load_char(ord(letter))
            vertices, codes = font.get_path()
            if len(vertices):
                polygons = Outline(vertices, codes).to_polygons()
                contours += [np.asarray(one, np.float64) * (1.0, -1.0) + (advance, 0.0) for one in polygons]
            advance += glyph.linearHoriAdvance / 65536
    if not contours:
        return Label((), 0.0)
    left = min(float(points[:, 0].min()) for points in contours)
    right = max(float(points[:, 0].max()) for points in contours)
    return Label(tuple(points - (left, 0.0) for points in contours), right - left)


@lru_cache(maxsize=1)
def capital_height() -> float:
    """Height of a capital letter in font units."""
    return float(-min(points[:, 1].min() for points in label_of("H").contours))


def write(
    canvas: npt.NDArray[np.uint8], label: Label, x: float, baseline: float, factor: float, color: Color, halo: float
) -> None:
    """Writes a label into an image, with a halo that sets it off where the image has its colour.

    Args:
        canvas: (h, w, 3) uint8, changed in place.
        label: from ``label_of``.
        x: of its left edge in pixels.
        baseline: its y in pixels.
        factor: pixels per font unit.
        color: of the letters.
        halo: width of the halo in pixels.
    """
    contours = [
        np.rint((points * factor + (x, baseline)) * (1 << _SUBPIXEL_BITS)).astype(np.int32).reshape(-1, 1, 2)
        for points in label.contours
    ]
    if not contours:
        return
    brightness = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    shade = _DARK if brightness > _LIGHT_FROM else _LIGHT
    cv2.polylines(canvas, contours, True, shade, max(2, round(1.6 * halo)), cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.fillPoly(canvas, contours, color, cv2.LINE_AA, _SUBPIXEL_BITS)
