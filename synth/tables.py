"""Tables, desks, and the low or small ones beside couches and beds."""

from __future__ import annotations

import math

from .primitives import Solid, beam, box, turned
from .storage import handle
from .style import Model, Style, Surface, model

__all__ = ["coffee_table", "desk", "dining_table", "end_table", "nightstand", "round_table"]


def _legs(x: float, y: float, height: float, thick: float, material: int) -> list[Solid]:
    return [
        box((thick, thick, height), (sx * x, sy * y, 0), material, omit="+z-z", taper=(0.7, 0.7))
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]


def _framed(label: str, width: float, depth: float, height: float, wood: int) -> Model:
    """A board on an apron and four legs."""
    thick = 0.035
    low = height - thick
    parts: list[Solid] = [box((width, depth, thick), (0, 0, low), wood, omit="-z", radius=0.009)]
    parts += _legs(width / 2 - 0.07, depth / 2 - 0.07, low + 0.004, 0.06, wood)
    for sign in (-1, 1):
        parts.append(box((width - 0.2, 0.02, 0.085), (0, sign * (depth / 2 - 0.07), low - 0.08), wood, omit="+z"))
        parts.append(box((0.02, depth - 0.2, 0.085), (sign * (width / 2 - 0.07), 0, low - 0.08), wood, omit="+z"))
    return model(label, parts, [Surface((0, 0, height), (width - 0.12, depth - 0.12))])


def dining_table(style: Style) -> Model:
    """A table for four to six."""
    return _framed("table", style.between(1.35, 1.7), style.between(0.80, 0.92), 0.75, style.wood)


def round_table(style: Style) -> Model:
    """A round table on one turned foot."""
    radius, height = style.between(0.48, 0.56), 0.745
    top = [
        (radius - 0.06, height - 0.03),
        (radius - 0.01, height - 0.03),
        (radius, height - 0.02),
        (radius, height - 0.008),
    ]
    foot = [(0.27, 0), (0.27, 0.025), (0.09, 0.06), (0.045, 0.14), (0.06, 0.30), (0.04, 0.50), (0.075, height - 0.03)]
    parts = [
        turned([*top, (radius - 0.008, height), (0, height)], (0, 0, 0), style.wood),
        turned(foot, (0, 0, 0), style.wood),
    ]
    side = radius * math.sqrt(2) - 0.1
    return model("table", parts, [Surface((0, 0, height), (side, side))])


def coffee_table(style: Style) -> Model:
    """A low table with a shelf under its board."""
    width, depth, height = style.between(0.9, 1.15), style.between(0.5, 0.6), style.between(0.40, 0.46)
    wood = style.second_wood
    parts: list[Solid] = [
        box((width, depth, 0.035), (0, 0, height - 0.035), wood, omit="-z", radius=0.009),
        box((width - 0.10, depth - 0.10, 0.02), (0, 0, 0.13), wood, omit="-z"),
        *_legs(width / 2 - 0.045, depth / 2 - 0.045, height - 0.03, 0.055, wood),
    ]
    under = Surface((0, 0, 0.15), (width - 0.25, depth - 0.2), height - 0.22)
    return model("coffee table", parts, [Surface((0, 0, height), (width - 0.1, depth - 0.1)), under])


def end_table(style: Style) -> Model:
    """A small round table with three legs."""
    radius, height = style.between(0.22, 0.26), style.between(0.50, 0.58)
    parts: list[Solid] = [
        turned(
            [(0, height - 0.022), (radius, height - 0.022), (radius, height), (0, height)], (0, 0, 0), style.second_wood
        )
    ]
    for k in range(3):
        a = 2 * math.pi * k / 3
        c, s = math.cos(a), math.sin(a)
        parts.append(
            beam((radius * c, radius * s, 0), (0.6 * radius * c, 0.6 * radius * s, height - 0.012), 0.012, style.metal)
        )
    return model("end table", parts, [Surface((0, 0, height), (radius * 1.3, radius * 1.3))])


def nightstand(style: Style) -> Model:
    """A bedside cabinet with two drawers."""
    width, depth, height = 0.45, 0.38, style.between(0.48, 0.56)
    parts: list[Solid] = [box((width, depth, height - 0.08), (0, 0, 0.08), style.wood, omit="-z+y", radius=0.008)]
    drawer = (height - 0.08 - 0.03) / 2
    for k in range(2):
        z = 0.09 + k * (drawer + 0.008)
        parts.append(box((width - 0.04, 0.016, drawer), (0, -depth / 2 - 0.007, z), style.second_wood, omit="+y"))
        parts += handle((0, -depth / 2 - 0.015, z + drawer / 2), style.metal)
    parts += _legs(width / 2 - 0.05, depth / 2 - 0.05, 0.09, 0.04, style.wood)
    return model("nightstand", parts, [Surface((0, 0, height), (width - 0.1, depth - 0.1))])


def desk(style: Style) -> Model:
    """A desk with a block of drawers on one side."""
    width, depth, height = style.between(1.25, 1.55), style.between(0.65, 0.72), 0.735
    parts: list[Solid] = [
        box((width, depth, 0.032), (0, 0, height - 0.032), style.wood, omit="-z", radius=0.008),
        box((0.42, depth - 0.08, height - 0.07), (width / 2 - 0.24, 0.01, 0.04), style.second_wood, omit="+z-z+y"),
        box((0.04, depth - 0.1, height - 0.03), (-width / 2 + 0.05, 0, 0), style.wood, omit="+z-z"),
        box((width - 0.5, 0.018, 0.30), (-0.2, depth / 2 - 0.08, height - 0.33), style.wood, omit="+z"),
    ]
    drawer = (height - 0.10) / 3
    for k in range(3):
        z = 0.055 + k * (drawer - 0.003)
        parts.append(
            box((0.38, 0.014, drawer - 0.014), (width / 2 - 0.24, -depth / 2 + 0.044, z), style.wood, omit="+y")
        )
        parts += handle((width / 2 - 0.24, -depth / 2 + 0.038, z + drawer / 2), style.metal)
    return model("desk", parts, [Surface((0, 0, height), (width - 0.1, depth - 0.1))])
