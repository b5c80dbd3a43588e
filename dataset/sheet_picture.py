"""The picture of a contact sheet: cards in columns, set with matplotlib's text on its own canvas.

A row of one or two images has a card of one column. That of a row of several is as wide as the sheet, so that marks
stay visible; where they are many (a video), the images that something points into come first and large, then all in
order, each with its number from 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from . import lettering
from .options import lists_options
from .sheet import MOST_LARGE

__all__ = ["picture"]

Image = npt.NDArray[np.uint8]
Card = tuple[Mapping[str, Any], Sequence[Image]]

_DPI: Final = 100
_MARGIN: Final = 20
_PADDING: Final = 14
_COLUMNS: Final = 3
_INNER: Final = 520  # width of a card's images and text in pixels
_GAP: Final = 6
_MOST_STACKED: Final = 2  # images of a row in one column's card
_WIDE: Final = _COLUMNS * _INNER + (_COLUMNS - 1) * (_MARGIN + 2 * _PADDING)  # inner width of a card across all columns
_WIDE_A_LINE: Final = 3
_LARGE_A_LINE: Final = 5
_SMALL_A_LINE: Final = 8
_NUMBER_HEIGHT: Final = 13  # of the digits on numbered images in pixels
_NUMBER_COLOR: Final = (255, 255, 255)

_PAPER: Final = (246, 246, 244)
_CARD: Final = (255, 255, 255)
_EDGE: Final = (214, 214, 210)

_Style = tuple[FontProperties, str, int]  # font, colour, line height in pixels
_META: Final[_Style] = (FontProperties(family="DejaVu Sans", size=7.5), "#77777c", 15)
_QUESTION: Final[_Style] = (FontProperties(family="DejaVu Sans", size=11), "#1d1d1f", 22)
_OPTION: Final[_Style] = (FontProperties(family="DejaVu Sans", size=9.5), "#48484c", 18)
_ANSWER: Final[_Style] = (FontProperties(family="DejaVu Sans", size=11.5, weight="bold"), "#0a7d33", 24)


class _Layout:
    """A card with its images scaled and its text broken into lines: what it takes to know its height."""

    def __init__(self, row: Mapping[str, Any], pictures: Sequence[Image], canvas: FigureCanvasAgg) -> None:
        self.is_wide = len(pictures) > _MOST_STACKED
        self.inner = _WIDE if self.is_wide else _INNER
        if len(pictures) > MOST_LARGE:
            self.strips = _numbered_strips(row, pictures)
        else:
            self.strips = _strips(pictures, self.inner, _WIDE_A_LINE if self.is_wide else 1)
        kind = f"{row['suite']}/{row['task']} · {row['form']} · {row['variant']}"
        texts: list[tuple[str, _Style]] = [
            (f"{kind} · {row['dataset']} {row['scene_id']}", _META),
            (row["question"], _QUESTION),
        ]
        listed = lists_options(row["question"], row["options"] or ())
        if row["options"] and row["form"] in {"choice", "select"} and not listed:
            texts.append(("options: " + " · ".join(row["options"]), _OPTION))
        texts += [(row["answer"], _ANSWER), (f"{_truth(row)} · {row['id']}", _META)]
        self.lines = [(line, style) for text, style in texts for line in _wrap(text, style, self.inner, canvas)]
        self.height = (
            2 * _PADDING
            + sum(strip.shape[0] + _GAP for strip in self.strips)
            + sum(style[2] for _, style in self.lines)
            + _GAP
        )


def picture(cards: Sequence[Card]) -> Image:
    """The sheet as (h, w, 3) uint8 RGB.

    Args:
        cards: rows and their images, marks drawn in.
    """
    measure = FigureCanvasAgg(Figure(figsize=(1, 1), dpi=_DPI))
    layouts = [_Layout(row, pictures, measure) for row, pictures in cards]
    bands: list[list[_Layout]] = []
    for layout in layouts:
        if not bands or layout.is_wide or bands[-1][0].is_wide or len(bands[-1]) == _COLUMNS:
            bands.append([])
        bands[-1].append(layout)
    inner = max(sum(layout.inner + 2 * _PADDING + _MARGIN for layout in band) for band in bands)
    width = _MARGIN + inner
    pages = [_band(band, width) for band in bands]
    margin = np.full((_MARGIN, width, 3), _PAPER, np.uint8)
    return np.concatenate([margin, *pages])


def _band(layouts: Sequence[_Layout], width: int) -> Image:
    """One row of cards, all as high as the highest, and the margin below it."""
    height = max(layout.height for layout in layouts)
    page = np.full((height + _MARGIN, width, 3), _PAPER, np.uint8)
    figure = Figure(figsize=(width / _DPI, page.shape[0] / _DPI), dpi=_DPI)
    canvas = FigureCanvasAgg(figure)
    figure.patch.set_alpha(0.0)
    left = _MARGIN
    for layout in layouts:
        card_width = layout.inner + 2 * _PADDING
        page[:height, left : left + card_width] = _EDGE
        page[1 : height - 1, left + 1 : left + card_width - 1] = _CARD
        top = _PADDING
        for strip in layout.strips:
            x = left + _PADDING + (layout.inner - strip.shape[1]) // 2
            page[top : top + strip.shape[0], x : x + strip.shape[1]] = strip
            top += strip.shape[0] + _GAP
        for line, (font, color, leading) in layout.lines:
            x, y = (left + _PADDING) / width, 1 - (top + leading * 0.78) / page.shape[0]
            figure.text(x, y, line, fontproperties=font, color=color, va="baseline", parse_math=False)
            top += leading
        left += card_width + _MARGIN
    canvas.draw()
    layer = np.asarray(canvas.buffer_rgba())
    alpha = layer[..., 3:].astype(np.float32) / 255
    # Agg's buffer is not premultiplied; text over the page is a plain blend.
    return np.rint(page * (1 - alpha) + layer[..., :3] * alpha).astype(np.uint8)


def _strips(pictures: Sequence[Image], inner: int, per_line: int) -> list[Image]:
    """Images side by side on lines of the card's inner width; a card's background between them."""
    cell = (inner - _GAP * (per_line - 1)) // per_line
    highest = round(_INNER * 0.8)
    strips = []
    for start in range(0, len(pictures), per_line):
        scaled = [_fit(rgb, cell, highest) for rgb in pictures[start : start + per_line]]
        strip = np.full((max(rgb.shape[0] for rgb in scaled), inner, 3), _CARD, np.uint8)
        for index, rgb in enumerate(scaled):
            left = index * (cell + _GAP) + (cell - rgb.shape[1]) // 2
            strip[: rgb.shape[0], left : left + rgb.shape[1]] = rgb
        strips.append(strip)
    return strips


def _numbered_strips(row: Mapping[str, Any], pictures: Sequence[Image]) -> list[Image]:
    """Strips of a row of many images: those with marks at a size that shows them, then all; every one numbered."""
    marked = sorted({mark["image"] for column in ("points", "boxes") for mark in row[column]})
    strips = []
    for numbers, per_line in ((marked, _LARGE_A_LINE), (range(len(pictures)), _SMALL_A_LINE)):
        side = (_WIDE - _GAP * (per_line - 1)) // per_line
        strips += _strips([_numbered(_fit(pictures[n], side, side), n) for n in numbers], _WIDE, per_line)
    return strips


def _numbered(rgb: Image, number: int) -> Image:
    canvas = rgb.copy()
    factor = _NUMBER_HEIGHT / lettering.capital_height()
    lettering.write(canvas, lettering.label_of(str(number)), 5, 5 + _NUMBER_HEIGHT, factor, _NUMBER_COLOR, 2.0)
    return canvas


def _fit(rgb: Image, width: int, height: int) -> Image:
    factor = min(width / rgb.shape[1], height / rgb.shape[0])
    size = (max(1, math.floor(rgb.shape[1] * factor)), max(1, math.floor(rgb.shape[0] * factor)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC), np.uint8)


def _wrap(text: str, style: _Style, inner: int, canvas: FigureCanvasAgg) -> list[str]:
    """Lines that fit the card, broken at spaces, and inside a word only where it is wider than the card."""

    def wide(piece: str) -> float:
        return float(canvas.get_renderer().get_text_width_height_descent(piece, style[0], ismath=False)[0])

    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}" if line else word
            if wide(longer) <= inner:
                line = longer
                continue
            if line:
                lines.append(line)
            while wide(word) > inner:
                fit = next(size for size in range(len(word) - 1, 0, -1) if wide(word[:size]) <= inner)
                lines.append(word[:fit])
                word = word[fit:]
            line = word
        lines.append(line)
    return lines


def _truth(row: Mapping[str, Any]) -> str:
    """The values behind the answer, for the reviewer: ``1.234 m, 2.345 m``."""
    return ", ".join(f"{value:.4g} {unit}" for value, unit in zip(row["value"], row["units"], strict=False))
