"""Furniture with parts that move on it: a chest whose drawers slide, a cupboard whose doors turn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from .moving import Motion, Moving, placed_pose, rests
from .placement import Placed
from .primitives import Solid, box, merge
from .storage import handle
from .style import Model, Style, Surface

__all__ = ["Jointed", "Leaf", "chest_of_drawers", "cupboard", "set_in_motion"]

_GAP: Final = 0.004  # m, around drawers and doors
_BOARD: Final = 0.018  # m


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A drawer or door in its own coordinates.

    Attributes:
        kind: ``drawer`` slides towards -y, ``door`` turns about the vertical through its origin.
        solid: metres.
        at: its origin in the body's coordinates when shut, metres.
        reach: how far it can go: metres, or radians with the sign of the turn.
    """

    kind: str
    solid: Solid
    at: tuple[float, float, float]
    reach: float


@dataclass(frozen=True, slots=True, eq=False)
class Jointed:
    """A body that stands still, its leaves, and the free floor they need in front and on each side (metres)."""

    body: Model
    leaves: tuple[Leaf, ...]
    space: float
    side: float


def _kept(label: str, parts: list[Solid], surfaces: list[Surface], width: float, depth: float) -> Model:
    """A model whose origin stays where the leaves expect it."""
    solid = merge(parts)
    return Model(label, solid, width, depth, float(solid.positions[:, 2].max()), tuple(surfaces))


def _carcass(width: float, depth: float, low: float, high: float, wood: int, inside: int) -> list[Solid]:
    """Two sides, a back and a bottom; open to the front and under the top."""
    thick = 0.022
    inner = width - 2 * thick
    sides = [box((thick, depth, high - low), (s * (width - thick) / 2, 0, low), wood, omit="+z") for s in (-1, 1)]
    return [
        *sides,
        box((inner + 0.004, 0.012, high - low), (0, depth / 2 - 0.006, low), inside, omit="+z-x+x"),
        box((inner + 0.004, depth - 0.004, thick), (0, 0.001, low), wood, omit="-x+x+y"),
    ]


def chest_of_drawers(style: Style) -> Jointed:
    """A chest of three or four wide drawers, each a real box."""
    width, depth, height = style.between(0.85, 1.05), 0.46, style.between(0.84, 0.95)
    rows = 3 + style.chance(0.5)
    wood, front, inside = style.wood, style.second_wood, style.palette.tiled("wood", "pine")
    low, high = 0.07, height - 0.028
    parts = _carcass(width, depth, low, high, wood, inside)
    parts.append(box((width + 0.03, depth + 0.03, 0.03), (0, -0.012, height - 0.03), wood, radius=0.008))
    parts.extend(
        box((0.06, 0.06, 0.075), (x, y, 0), wood, omit="-z+z")
        for x in (-width / 2 + 0.05, width / 2 - 0.05)
        for y in (-depth / 2 + 0.05, depth / 2 - 0.05)
    )
    pitch = (high - low - 0.022) / rows
    leaves = []
    for row in range(rows):
        z = low + 0.022 + row * pitch
        if row:
            parts.append(box((width - 0.042, depth - 0.04, 0.012), (0, 0.014, z - 0.012), wood, omit="-x+x"))
        drawer = _drawer(style, width - 2 * _GAP, depth - 0.05, pitch - 0.012 - _GAP, width - 0.06, front, inside)
        leaves.append(Leaf("drawer", drawer, (0.0, -depth / 2 - _BOARD, z + _GAP / 2), 0.40 * (depth / 0.46)))
    body = _kept("dresser", parts, [Surface((0, 0, height), (width - 0.1, depth - 0.1))], width + 0.03, depth + 0.04)
    return Jointed(body, tuple(leaves), 0.50, 0.03)


def _drawer(style: Style, width: float, depth: float, height: float, inner: float, front: int, inside: int) -> Solid:
    """A drawer with its front's face at y = 0, standing on z = 0; the box behind the front is open above."""
    wall, low = 0.012, 0.010
    tall, middle = height - 0.045, _BOARD + depth / 2 - 0.002
    parts = [box((width, _BOARD, height), (0, _BOARD / 2, 0), front)]
    parts += [box((wall, depth, tall), (s * (inner - wall) / 2, middle, low), inside) for s in (-1, 1)]
    parts.append(box((inner - 2 * wall, wall, tall), (0, _BOARD + depth - wall / 2 - 0.002, low), inside, omit="-x+x"))
    parts.append(box((inner - 2 * wall + 0.002, depth, wall), (0, middle, low + 0.004), inside, omit="-x+x"))
    for x in (-width / 4, width / 4):
        parts += handle((x, 0.002, height / 2), style.metal, 0.12)
    return merge(parts)


def cupboard(style: Style) -> Jointed:
    """A cupboard with two doors: low like a sideboard, or tall like a wardrobe."""
    tall = style.chance(0.4)
    width, depth = style.between(0.85, 1.0), 0.42
    height = style.between(1.75, 1.9) if tall else style.between(0.85, 1.15)
    wood, front, inside = style.second_wood, style.wood, style.palette.tiled("wood", "pine")
    low, high = 0.06, height - 0.028
    parts = _carcass(width, depth, low, high, wood, inside)
    parts.append(box((width - 0.04, depth - 0.06, 0.065), (0, 0.01, 0), style.black, omit="-z+z"))
    parts.append(box((width + 0.02, depth + 0.02, 0.03), (0, -0.01, height - 0.03), wood, radius=0.008))
    count = 3 if tall else 1
    shelves = [low + (high - low) * (k + 1) / (count + 1) for k in range(count)]
    parts.extend(box((width - 0.042, depth - 0.03, _BOARD), (0, 0.008, z), inside, omit="-x+x+y") for z in shelves)
    floors = [low + 0.022, *(z + _BOARD for z in shelves)]
    tops = [*shelves, high]
    surfaces = [Surface((0, 0, height), (width - 0.12, depth - 0.1), 0.5)]
    surfaces += [
        Surface((0, 0.02, z), (width - 0.12, depth - 0.14), top - z) for z, top in zip(floors, tops, strict=True)
    ]
    each, door_high = width / 2 - _GAP / 2, high - low
    leaves = []
    for side in (-1, 1):
        x = -side * each / 2  # of the leaf's middle, from its hinge
        panel = [box((each - _GAP / 2, _BOARD, door_high - _GAP), (x, -_BOARD / 2 - 0.002, 0), front)]
        rim = 0.06
        edges = (x - (each - rim) / 2 + _GAP, x + (each - rim) / 2 - _GAP)
        panel.extend(
            box((rim, 0.010, door_high - 0.02), (edge, -_BOARD - 0.006, 0.008), wood, omit="+y") for edge in edges
        )
        panel.extend(
            box((each - 2 * rim - _GAP, 0.010, rim), (x, -_BOARD - 0.006, z), wood, omit="+y-x+x")
            for z in (0.008, door_high - rim - 0.012)
        )
        hand = -side * (each - 0.05)
        panel += handle((hand, -_BOARD - 0.009, min(door_high * 0.62, 1.0)), style.metal, 0.13, upright=True)
        leaves.append(
            Leaf("door", merge(panel), (side * width / 2, -depth / 2, low + _GAP / 2), side * math.radians(105))
        )
    body = _kept("wardrobe" if tall else "cabinet", parts, surfaces, width + 0.03, depth + 0.03)
    return Jointed(body, tuple(leaves), width / 2 + 0.12, 0.14)


def set_in_motion(style: Style, jointed: Jointed, placed: Placed, seconds: float) -> list[Moving]:
    """The leaves with a motion each; the lowest drawer of a chest stays shut, doors open by 30 to 100 degrees."""
    moving = []
    origin = placed_pose(placed.at[0], placed.at[1], placed.at[2], placed.turn)
    for k, leaf in enumerate(jointed.leaves):
        shut = np.eye(4)
        shut[:3, 3] = leaf.at
        base = origin @ shut
        times, far = rests(style, seconds, calm=k % 2 == 1)
        shift, turn = np.zeros((len(far), 3)), np.zeros(len(far))
        if leaf.kind == "door":
            turn = far * leaf.reach * style.between(0.32, 0.95)
        elif k > 0:
            # Lower drawers come out further, so that none hides the next.
            share = style.between(0.85, 1.0) * (1 - 0.22 * (k - 1)) * style.between(0.8, 1.0)
            shift = far[:, None] * (-base[:3, 1] * leaf.reach * share)
        moving.append(
            Moving(
                leaf.kind,
                "door" if leaf.kind == "door" else "drawer",
                leaf.solid,
                Motion(base, times, shift, turn, np.array([0.0, 0.0, 1.0]), base[:3, 3].copy()),
            )
        )
    return moving
