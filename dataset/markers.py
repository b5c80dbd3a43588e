"""Dots and boxes drawn on images, in colours a person can name and tell from what lies around them.

A dot is a filled disc of 2 % of the image height with a thin dark and a thin light ring, so that it shows on
anything; its label stands beside it, inside the image and off the other marks. Everything is deterministic.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from ..core.types import mark_radius
from ..media import images as codec
from . import lettering

__all__ = [
    "DRAWN_VARIANTS",
    "PALETTE",
    "ROLE_COLORS",
    "draw",
    "paint",
    "pick_box_color",
    "pick_color",
    "place",
    "radius",
]

Image = npt.NDArray[np.uint8]
Scale = float | tuple[float, float]

PALETTE: Final[Mapping[str, str]] = {
    "#ff1f1f": "red",
    "#00d000": "green",
    "#1f4fff": "blue",
    "#ffe600": "yellow",
    "#ff1fe0": "magenta",
    "#00e5ff": "cyan",
    "#ff8c00": "orange",
    "#7a00d9": "purple",
}
"""Colours of marks and their names: saturated, and at least 25 apart from one another in CIE Lab."""

ROLE_COLORS: Final[Mapping[str, str]] = {name: color for color, name in PALETTE.items()}
"""The colour of marks whose colour the text names, by that name."""

DRAWN_VARIANTS: Final = frozenset({"dot", "box"})
"""Pointing variants whose rows are complete only with their marks."""

_SURROUND: Final = 2.5
"""Contrast is measured on the pixels within this many radii of a mark's centre: under it and around it."""
_SAMPLES_A_SIDE: Final = 20
"""Larger surroundings are thinned to this grid: a colour is chosen from a few hundred pixels as well as from all."""
_LOW_SHARE: Final = 0.1
"""The contrast of a colour is the difference that 90 % of the surrounding pixels exceed."""
_SUBPIXEL_BITS: Final = 4
_SUBPIXEL: Final = 1 << _SUBPIXEL_BITS
_LABEL_HEIGHT: Final = 2.4
"""Height of a label's capitals in mark radii."""
_DARK: Final = (16, 16, 16)
_LIGHT: Final = (255, 255, 255)


def radius(height: int) -> float:
    """Radius in pixels of a dot in a drawn image of this height."""
    return mark_radius(height)


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _lab(rgb: Image) -> npt.NDArray[np.float32]:
    """(n, 3) uint8 RGB as CIE Lab (D65, sRGB)."""
    pixels = (rgb.reshape(-1, 1, 3).astype(np.float32)) * np.float32(1 / 255)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2Lab)).reshape(-1, 3)


@lru_cache(maxsize=1)
def _palette_lab() -> npt.NDArray[np.float32]:
    return _lab(np.array([_rgb(color) for color in PALETTE], np.uint8))


def pick_color(rgb: Image, x: float, y: float, radius: float, taken: Sequence[str], *, scale: float = 1.0) -> str:
    """The palette's colour with the best contrast against the pixels under and around a mark.

    Contrast is the CIE76 difference that 90 % of those pixels exceed.

    Args:
        rgb: (h, w, 3) uint8, the image, or a reduced copy of it.
        x: of the mark's centre in native pixels, pixel centres at integers.
        y: likewise.
        radius: of the mark in native pixels.
        taken: colours already used in this row; never chosen again.
        scale: size of ``rgb`` relative to the native image (0.25 for a quarter-size copy).

    Raises:
        ValueError: when every colour is taken.
    """
    pixels = _surroundings(rgb, (x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5, _SURROUND * radius * scale)
    return _best_color(pixels, taken)


def pick_box_color(rgb: Image, box: tuple[float, float, float, float], taken: Sequence[str]) -> str:
    """The palette's colour with the best contrast against the pixels under and along a box's edges.

    Args:
        rgb: (h, w, 3) uint8, the native image.
        box: left, top, right and bottom edge in native pixels.
        taken: colours already used in this row; never chosen again.

    Raises:
        ValueError: when every colour is taken.
    """
    height, width = rgb.shape[:2]
    x1, y1, x2, y2 = box
    reach = mark_radius(height) / 2
    across, down = (np.linspace(low, high, _SAMPLES_A_SIDE) for low, high in ((x1, x2), (y1, y2)))
    steps = (-reach, 0.0, reach)
    level = [np.column_stack([across, np.full_like(across, y + step)]) for y in (y1, y2) for step in steps]
    upright = [np.column_stack([np.full_like(down, x + step), down]) for x in (x1, x2) for step in steps]
    xy = np.concatenate([*level, *upright])
    column, row = np.clip(np.rint(xy), 0, (width - 1, height - 1)).astype(np.int64).T
    return _best_color(rgb[row, column], taken)


def _best_color(pixels: Image, taken: Sequence[str]) -> str:
    """The free colour of the palette whose difference from some pixels (n, 3) is largest for 90 % of them."""
    free = [index for index, color in enumerate(PALETTE) if color not in taken]
    if not free:
        raise ValueError(f"a row can have at most {len(PALETTE)} drawn marks")
    difference = _lab(pixels)[:, None, :] - _palette_lab()[free]
    squared = np.einsum("npc,npc->pn", difference, difference)
    low = int(_LOW_SHARE * (len(pixels) - 1))
    contrast = np.partition(squared, low, axis=1)[:, low]
    return list(PALETTE)[free[int(np.argmax(contrast))]]


def _surroundings(rgb: Image, x: float, y: float, reach: float) -> Image:
    """(n, 3) uint8: pixels of the disc of radius ``reach`` about (x, y) that lie in the image; one at least."""
    height, width = rgb.shape[:2]
    x0, x1 = _span(x, reach, width)
    y0, y1 = _span(y, reach, height)
    step = max(1, (max(x1 - x0, y1 - y0) + _SAMPLES_A_SIDE - 1) // _SAMPLES_A_SIDE)
    patch = rgb[y0:y1:step, x0:x1:step]
    rows = np.arange(y0, y1, step)[:, None] - y
    columns = np.arange(x0, x1, step)[None, :] - x
    inside = rows * rows + columns * columns <= max(reach, 1.0) ** 2
    return patch[inside] if inside.any() else patch.reshape(-1, 3)


def _span(centre: float, reach: float, size: int) -> tuple[int, int]:
    first = min(max(int(np.floor(centre - reach)), 0), size - 1)
    return first, min(max(int(np.ceil(centre + reach)) + 1, first + 1), size)


def paint(
    rgb: Image,
    points: Sequence[Mapping[str, Any]],
    boxes: Sequence[Mapping[str, Any]] = (),
    scale: Scale = 1.0,
) -> Image:
    """A copy of an image with the marks of its row drawn in; marks without a colour are not drawn.

    Args:
        rgb: (h, w, 3) uint8.
        points: entries of the ``points`` column that belong to this image, native pixels.
        boxes: likewise of the ``boxes`` column.
        scale: size of ``rgb`` relative to the native image, one number or (across, down).
    """
    canvas = np.ascontiguousarray(rgb).copy()
    across, down = scale if isinstance(scale, tuple) else (scale, scale)
    size = radius(canvas.shape[0])
    rim = max(1.5, size / 7)
    dots = [
        ((p["x"] + 0.5) * across - 0.5, (p["y"] + 0.5) * down - 0.5, p["color"], p.get("label") or "")
        for p in points
        if p.get("color")
    ]
    frames = [
        (
            (b["x1"] + 0.5) * across - 0.5,
            (b["y1"] + 0.5) * down - 0.5,
            (b["x2"] + 0.5) * across - 0.5,
            (b["y2"] + 0.5) * down - 0.5,
            b["color"],
            b.get("label") or "",
        )
        for b in boxes
        if b.get("color")
    ]
    for x1, y1, x2, y2, color, _ in frames:
        _rectangle(canvas, x1, y1, x2, y2, _rgb(color), max(2.0, size / 4))
    for x, y, color, _ in dots:
        for ring, shade in ((size + 2 * rim, _LIGHT), (size + rim, _DARK), (size, _rgb(color))):
            _disc(canvas, x, y, ring, shade)
    reach = size + 2 * rim
    occupied = [(x - reach, y - reach, x + reach, y + reach) for x, y, _, _ in dots]
    # What a box holds is to be seen too: at the image's border a label would else be pushed onto its own box.
    occupied += [(x1, y1, x2, y2) for x1, y1, x2, y2, _, _ in frames]
    capital = max(_LABEL_HEIGHT * size, 9.0)
    anchors = [(x, y, x, y, reach, color, label) for x, y, color, label in dots if label]
    anchors += [(x1, y1, x2, y2, rim, color, label) for x1, y1, x2, y2, color, label in frames if label]
    for x1, y1, x2, y2, gap, color, label in anchors:
        outline = lettering.label_of(label)
        factor = capital / lettering.capital_height()
        halo = rim + 1.0  # a pixel more for its soft edge
        wide, tall = outline.width * factor + 2 * halo, capital + outline.descent * factor + 2 * halo
        left, top = place(canvas.shape[:2], (x1, y1, x2, y2), gap + size / 4, wide, tall, occupied)
        occupied.append((left, top, left + wide, top + tall))
        lettering.write(canvas, outline, left + halo, top + halo + capital, factor, _rgb(color), rim)
    return canvas


def _fixed(*values: float) -> tuple[int, ...]:
    return tuple(round(value * _SUBPIXEL) for value in values)


def _disc(canvas: Image, x: float, y: float, size: float, color: tuple[int, int, int]) -> None:
    cv2.circle(canvas, _fixed(x, y), round(size * _SUBPIXEL), color, -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def _rectangle(
    canvas: Image, x1: float, y1: float, x2: float, y2: float, color: tuple[int, int, int], width: float
) -> None:
    corners = np.array([_fixed(x1, y1), _fixed(x2, y1), _fixed(x2, y2), _fixed(x1, y2)], np.int32).reshape(-1, 1, 2)
    for thickness, shade in ((width + 4, _LIGHT), (width + 2, _DARK), (width, color)):
        cv2.polylines(canvas, [corners], True, shade, round(thickness), cv2.LINE_AA, _SUBPIXEL_BITS)


def place(
    shape: tuple[int, int],
    anchor: tuple[float, float, float, float],
    gap: float,
    wide: float,
    tall: float,
    occupied: Sequence[tuple[float, float, float, float]],
) -> tuple[float, float]:
    """Left and top of a label beside its mark: the first place that covers nothing, else the one covering least.

    Args:
        shape: (height, width) of the image, in which the label stays.
        anchor: (left, top, right, bottom) of the mark.
        gap: between mark and label.
        wide: of the label.
        tall: likewise.
        occupied: rectangles as ``anchor`` that it should not cover.
    """
    height, width = shape
    x1, y1, x2, y2 = anchor
    middle_x, middle_y = (x1 + x2 - wide) / 2, (y1 + y2 - tall) / 2
    right, left, above, below = x2 + gap, x1 - gap - wide, y1 - gap - tall, y2 + gap
    candidates = [
        (right, middle_y), (left, middle_y), (middle_x, above), (middle_x, below),
        (right, above), (left, above), (right, below), (left, below),
    ]  # fmt: skip
    best, least = candidates[0], np.inf
    for far, (x, y) in itertools.product((1.0, 2.0), candidates):
        # Second round: the same places twice as far out, for marks that lie close together.
        cx, cy = middle_x + (x - middle_x) * far, middle_y + (y - middle_y) * far
        cx, cy = min(max(cx, 0.0), max(width - wide, 0.0)), min(max(cy, 0.0), max(height - tall, 0.0))
        covered = sum(
            max(0.0, min(cx + wide, b[2]) - max(cx, b[0])) * max(0.0, min(cy + tall, b[3]) - max(cy, b[1]))
            for b in occupied
        )
        if covered == 0.0:
            return cx, cy
        if covered < least:
            best, least = (cx, cy), covered
    return best


def draw(row: Mapping[str, Any]) -> list[Image]:
    """The images of a row as a model is to see them, (h, w, 3) uint8 RGB each, marks drawn in.

    Marks that are in the pixels already (``marks_drawn``) are not drawn again; a row that points by coordinates or
    names has none. Path-only rows need ``dataset.images.resolve`` first.

    Raises:
        ValueError: when a row has no image bytes.
    """
    drawn = []
    for index, image in enumerate(row["images"]):
        if image["bytes"] is None:
            raise ValueError(f"row {row['id']} has no image bytes; call dataset.images.resolve(row, root) first")
        rgb = codec.decode_rgb(image["bytes"], source=image["path"])
        if row["variant"] in DRAWN_VARIANTS and not row["marks_drawn"]:
            native = row["image_sizes"][index]
            rgb = paint(
                rgb,
                [point for point in row["points"] if point["image"] == index],
                [box for box in row["boxes"] if box["image"] == index],
                (rgb.shape[1] / native["width"], rgb.shape[0] / native["height"]),
            )
        drawn.append(rgb)
    return drawn
