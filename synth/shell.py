"""The room itself: floor, ceiling, walls with holes for the openings, and the door and windows that fill them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from .primitives import Solid, box, merge, plane, turned
from .style import Model, Style, model

__all__ = ["WALLS", "Opening", "ceiling", "door", "floor", "wall", "window"]

WALLS: Final = ("south", "east", "north", "west")
"""Walls counter-clockwise seen from above; wall k is turned by k quarter turns from the south wall (at -y)."""

_OVERLAP = 0.012  # m that surfaces of the shell run past each other, so that no ray slips through a corner


@dataclass(frozen=True, slots=True)
class Opening:
    """A hole in a wall: ``kind`` door or window; ``at`` the centre along the wall (from its middle), metres."""

    kind: str
    wall: int
    at: float
    width: float
    low: float
    high: float


def floor(width: float, depth: float, material: int) -> Solid:
    """The floor at z = 0, reaching under the walls."""
    return plane(width + 0.24, depth + 0.24, material)


def ceiling(width: float, depth: float, height: float, material: int) -> Solid:
    """The ceiling, looking down."""
    return plane(width + 2 * _OVERLAP, depth + 2 * _OVERLAP, material).moved((0, 0, height), tilt=math.pi)


def wall(length: float, height: float, paint: int, board: int, openings: Sequence[Opening]) -> Solid:
    """One wall in its own axes: its face is the plane y = 0 and looks towards -y; skirting board along the floor.

    Triangles that lie wholly inside an opening are taken out; the ragged rim is behind the frame.
    """
    tall = height + 2 * _OVERLAP
    face = plane(length + 2 * _OVERLAP, tall, paint).moved((0, 0, height / 2), tilt=math.pi / 2)
    x, z = face.positions[:, 0], face.positions[:, 2]
    gone = np.zeros(len(face.faces), bool)
    for hole in openings:
        inside = (np.abs(x - hole.at) < hole.width / 2) & (z > hole.low) & (z < hole.high)
        gone |= inside[face.faces].all(1)
    kept = face.faces[~gone]
    used, again = np.unique(kept, return_inverse=True)
    pierced = Solid(face.positions[used], face.uv[used], face.group[used], again.reshape(-1, 3), face.material[~gone])
    parts = [pierced]
    edges = [-length / 2]
    for hole in sorted((o for o in openings if o.kind == "door"), key=lambda o: o.at):
        edges += [hole.at - hole.width / 2 - 0.03, hole.at + hole.width / 2 + 0.03]
    edges.append(length / 2)
    parts.extend(
        box((right - left, 0.014, 0.075), ((left + right) / 2, -0.006, -0.002), board, omit="+y-z-x+x")
        for left, right in zip(edges[::2], edges[1::2], strict=True)
    )
    return merge(parts)


def _frame(width: float, low: float, high: float, bar: float, paint: int) -> list[Solid]:
    """Four bars around an opening, from just before the wall to behind it."""
    deep, y, past = 0.13, 0.045, 0.03
    parts = []
    for sign in (-1, 1):
        hidden = "+y+x" if sign > 0 else "+y-x"
        x = sign * (width / 2 + past / 2 - bar / 2)
        parts.append(box((bar + past, deep, high - low + 2 * past), (x, y, low - past), paint, omit=hidden))
    parts.extend(
        box((width - 2 * bar + 0.004, deep - 0.002, bar + past), (0, y, z), paint, omit="-x+x+y")
        for z in (low - past, high - bar)
    )
    return parts


def door(style: Style, opening: Opening) -> Model:
    """A door leaf with two fields and a knob, in its frame; face at y = 0, x along the wall."""
    width, high = opening.width, opening.high
    leaf = style.palette.tiled("paint", "white") if style.chance(0.5) else style.wood
    parts = _frame(width, -0.03, high, 0.05, style.white)
    inner = width - 0.09
    parts.append(box((inner, 0.04, high - 0.02), (0, 0.045, -0.02), leaf, omit="-x+x-z+z+y"))
    parts.extend(
        box((inner / 2 - 0.13, 0.02, tall), (x, 0.022, z), leaf, omit="+y")
        for z, tall in ((0.16, 0.68), (0.98, high - 1.18))
        for x in (-inner / 4 + 0.01, inner / 4 - 0.01)
    )
    knob = [(0, -0.001), (0.02, 0), (0.009, 0.012), (0.009, 0.03), (0.026, 0.045), (0.022, 0.062), (0, 0.066)]
    turned_knob = _turned_to_front(knob, style.metal)
    parts.append(turned_knob.moved((inner / 2 - 0.06, 0.028, 0.98)))
    return _unshifted("door", parts)


def window(style: Style, opening: Opening, variant: int) -> Model:
    """A window of two wings with a sill and the view behind it; face at y = 0, x along the wall."""
    width, low, high = opening.width, opening.low, opening.high
    view = style.palette.fitted("outdoors", variant, glow=1.25)
    parts = _frame(width, low, high, 0.045, style.white)
    tall = high - low
    parts.append(
        box(
            (width - 0.06, 0.02, tall - 0.06),
            (0, 0.085, low + 0.03),
            style.white,
            omit="-x+x-z+z+y",
            fitted={"-y": view},
        )
    )
    parts.append(box((0.055, 0.05, tall - 0.08), (0, 0.06, low + 0.04), style.white, omit="-z+z"))
    half = (width - 0.09 - 0.055) / 2
    for sign in (-1, 1):
        x = sign * (half + 0.055) / 2
        parts.append(box((half + 0.004, 0.03, 0.03), (x, 0.065, low + tall * 0.62), style.white, omit="-x+x"))
    parts.append(box((width + 0.16, 0.17, 0.03), (0, -0.055, low - 0.045), style.white, omit="+y"))
    return _unshifted("window", parts)


def _turned_to_front(profile: Sequence[tuple[float, float]], material: int) -> Solid:
    return turned(profile, (0, 0, 0), material, sides=12).moved(tilt=math.pi / 2)


def _unshifted(label: str, parts: Sequence[Solid]) -> Model:
    """A model that keeps its own origin: openings are placed by their wall, not by their footprint."""
    made = model(label, parts)
    return Model(label, merge(parts), made.width, made.depth, made.height)
