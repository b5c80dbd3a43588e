"""Lamps, plants, pictures, clocks, rugs, bins: what makes a room lived in."""

from __future__ import annotations

import math

import numpy as np

from .materials import choice
from .primitives import SPACING, Solid, beam, box, sheet, turned
from .style import Model, Style, model

__all__ = [
    "ceiling_lamp",
    "clock",
    "curtain",
    "desk_lamp",
    "floor_lamp",
    "mirror",
    "picture",
    "plant",
    "radiator",
    "rug",
    "table_lamp",
    "trash_can",
    "tv",
]


def _shade(style: Style, z: float, low: float, high: float, tall: float, color: str) -> list[Solid]:
    """A lampshade with its inside, and the bulb."""
    cloth = style.palette.tiled("fabric", color, glow=0.55, thin=True)
    bulb = style.palette.tiled("paint", "pure", glow=1.6)
    return [
        turned([(low, z), (high, z + tall)], (0, 0, 0), cloth),
        turned(
            [(0.012, z - 0.03), (0.035, z + tall * 0.4), (0.02, z + tall * 0.6), (0, z + tall * 0.65)], (0, 0, 0), bulb
        ),
    ]


def floor_lamp(style: Style) -> Model:
    """A standing lamp with a cloth shade."""
    height = style.between(1.45, 1.65)
    tone = choice(style.rng, ["cream", "white", "mustard", "beige"])
    parts = [
        turned([(0.15, 0), (0.15, 0.018), (0.03, 0.03), (0.011, 0.06), (0.011, height - 0.2)], (0, 0, 0), style.metal),
        *_shade(style, height - 0.27, 0.20, 0.13, 0.27, tone),
    ]
    return model("floor lamp", parts, light=(0, 0, height - 0.15))


def table_lamp(style: Style) -> Model:
    """A lamp with a round ceramic foot."""
    tone = choice(style.rng, ["cream", "white", "rose", "beige"])
    foot = style.accent()
    parts = [
        turned(
            [
                (0.055, 0),
                (0.06, 0.012),
                (0.04, 0.03),
                (0.075, 0.09),
                (0.065, 0.15),
                (0.02, 0.20),
                (0.009, 0.21),
                (0.009, 0.27),
            ],
            (0, 0, 0),
            foot,
        ),
        *_shade(style, 0.245, 0.145, 0.085, 0.18, tone),
    ]
    return model("lamp", parts, light=(0, 0, 0.33))


def desk_lamp(style: Style) -> Model:
    """A lamp on a jointed arm."""
    paint = style.accent("metal")
    parts = [
        turned([(0.085, 0), (0.085, 0.018), (0.01, 0.026)], (0, 0, 0), paint),
        beam((0, 0, 0.02), (0, 0.09, 0.25), 0.009, paint, sides=6),
        beam((0, 0.095, 0.24), (0, -0.10, 0.42), 0.008, paint, sides=6),
        turned([(0.085, 0), (0.06, 0.06), (0.025, 0.09), (0, 0.10)], (0, -0.12, 0.35), paint),
        turned(
            [(0.0, 0.012), (0.075, 0.013), (0.05, 0.035)],
            (0, -0.12, 0.35),
            style.palette.tiled("paint", "pure", glow=1.6),
        ),
    ]
    return model("lamp", parts, light=(0, -0.12, 0.33))


def ceiling_lamp(style: Style, drop: float) -> Model:
    """A hanging lamp; its top, at ``drop`` over its lowest rim, touches the ceiling."""
    kind = style.chance(0.5)
    shade = style.palette.tiled(
        "paint", choice(style.rng, ["white", "cream", "charcoal", "mustard", "teal"]), thin=True
    )
    bulb = style.palette.tiled("paint", "pure", glow=1.7)
    profile = (
        [(0.21, 0.0), (0.17, 0.08), (0.09, 0.14), (0.025, 0.17)] if kind else [(0.17, 0.0), (0.17, 0.17), (0.02, 0.175)]
    )
    parts = [
        turned(profile, (0, 0, 0), shade),
        turned([(0, 0.01), (0.04, 0.03), (0.05, 0.06), (0.02, 0.12)], (0, 0, 0), bulb),
        beam((0, 0, 0.165), (0, 0, drop - 0.02), 0.006, style.black, sides=6),
        turned([(0.05, drop - 0.03), (0.05, drop + 0.002)], (0, 0, 0), style.white),
        turned([(0.0, drop - 0.031), (0.05, drop - 0.03)], (0, 0, 0), style.white),
    ]
    return model("ceiling lamp", parts, light=(0, 0, -0.03))


def plant(style: Style, height: float) -> Model:
    """A pot with leaves on bent stalks; ``height`` over all, metres."""
    pot = 0.30 * height if height < 0.6 else 0.28
    radius = 0.50 * pot
    clay = style.palette.tiled("paint", choice(style.rng, ["terracotta", "white", "charcoal", "teal", "mustard"]))
    soil, green = (
        style.palette.tiled("carpet", "soil"),
        style.palette.tiled("leaf", choice(style.rng, ["leaf", "green"]), thin=True),
    )
    parts: list[Solid] = [
        turned([(radius * 0.75, 0), (radius, pot), (radius * 1.06, pot), (radius * 0.9, pot + 0.001)], (0, 0, 0), clay),
        turned([(radius * 0.97, pot * 0.9), (0, pot * 0.92)], (0, 0, 0), soil),
    ]
    count = 14 if height < 0.6 else 22
    for k in range(count):
        turn, share = 2.4 * k, (k + 0.5) / count
        tall = (height - pot) * (0.35 + 0.6 * (1 - share))
        reach = (0.16 + 0.34 * share) * height * (0.62 if height > 0.6 else 0.9)
        parts.append(_leaf(green, turn, pot * 0.9, tall, reach, 0.22 * tall + 0.03))
    return model("plant", parts)


def _leaf(material: int, turn: float, base: float, tall: float, reach: float, wide: float) -> Solid:
    """One leaf: rises from the pot, widens, and bends outwards."""
    length = math.hypot(tall, reach) * 1.25
    steps = 2 * math.ceil(1.4 * length / SPACING / 2)  # its upper part is stretched by the bend
    across = 2 * max(1, math.ceil(wide / SPACING / 2))
    a, b, flat = sheet(np.linspace(-1, 1, across + 1), np.linspace(0, 1, steps + 1), material)
    half = wide / 2 * np.clip(np.sin(np.pi * np.clip(b, 0.0, 1.0) ** 1.3), 0.06, 1)
    rise = base + tall * np.sin(b * 0.62 * np.pi) / math.sin(0.62 * np.pi / 1.24) * 0.98
    out = reach * b**1.6 + 0.01
    x, y = out, a * half
    z = rise - 0.25 * np.abs(a) * half
    points = np.stack([x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn), z], 1)
    return Solid(points, np.stack([a * half, b * length], 1), flat.group, flat.faces, flat.material)


def picture(style: Style) -> Model:
    """A framed painting to hang on a wall: its back is open."""
    wide = style.chance(0.6)
    width, height = (style.between(0.55, 0.85), style.between(0.42, 0.55)) if wide else (style.between(0.4, 0.5),) * 2
    art = style.palette.fitted("landscape" if wide else "abstract", style.next_picture())
    frame = style.palette.tiled("wood", choice(style.rng, ["walnut", "black", "oak"]))
    return model("picture", _framed(width, height, 0.035, frame, art))


def _framed(width: float, height: float, rim: float, frame: int, front: int) -> list[Solid]:
    parts: list[Solid] = [
        box(
            (width - 2 * rim + 0.002, 0.012, height - 2 * rim + 0.002),
            (0, 0.0, rim - 0.001),
            frame,
            omit="+y-x+x-z+z",
            fitted={"-y": front},
        )
    ]
    parts.extend(box((rim, 0.026, height), (sign * (width - rim) / 2, -0.006, 0), frame, omit="+y") for sign in (-1, 1))
    parts.extend(box((width - 2 * rim, 0.026, rim), (0, -0.006, z), frame, omit="+y-x+x") for z in (0.0, height - rim))
    return parts


def mirror(style: Style) -> Model:
    """A tall mirror; it shows streaks of light, not a reflection."""
    glass = style.palette.fitted("mirror_glass", glow=0.1)
    return model("mirror", _framed(style.between(0.45, 0.6), style.between(0.9, 1.2), 0.04, style.second_wood, glass))


def clock(style: Style) -> Model:
    """A round wall clock."""
    radius = style.between(0.14, 0.19)
    rim = style.accent()
    face = style.palette.fitted("clock_face", int(style.rng.integers(3)))
    ring = turned([(radius, 0), (radius, 0.035), (radius - 0.015, 0.035), (radius - 0.015, 0.02)], (0, 0, 0), rim)
    disc = turned([(radius - 0.014, 0.022), (0, 0.022)], (0, 0, 0), face)
    uv = np.stack([0.5 + disc.positions[:, 0] / (2 * radius), 0.5 + disc.positions[:, 1] / (2 * radius)], 1)
    flat = Solid(disc.positions, uv, disc.group, disc.faces, disc.material)
    # Turned about x so that the face, which looked up, looks to the front.
    return model("clock", [part.moved((0, 0, radius), tilt=math.pi / 2) for part in (ring, flat)])


def rug(style: Style, width: float, depth: float) -> Model:
    """A flat rug with a pattern."""
    kind = choice(style.rng, ["persian", "persian", "bands"])
    tone = choice(style.rng, ["burgundy", "navy", "teal", "terracotta", "beige", "sage"])
    face = style.palette.fitted(kind, int(style.rng.integers(2)), tone)
    return model("rug", [box((width, depth, 0.011), (0, 0, 0), style.plain_cloth, omit="-z", fitted={"+z": face})])


def trash_can(style: Style) -> Model:
    """An open bin."""
    radius, height = style.between(0.12, 0.15), style.between(0.28, 0.38)
    paint = style.palette.tiled(
        choice(style.rng, ["metal", "paint", "wicker"]), choice(style.rng, ["steel", "charcoal", "sand", "blue"])
    )
    wall = [(radius * 0.8, 0), (radius, height), (radius - 0.006, height), (radius * 0.8, 0.02), (0, 0.02)]
    return model("trash can", [turned(wall, (0, 0, 0), paint)])


def tv(style: Style) -> Model:
    """A flat television on a foot."""
    width = style.between(0.95, 1.2)
    height = width * 0.57
    screen = style.palette.fitted("dark_screen")
    parts = [
        box((width, 0.035, height), (0, 0, 0.07), style.black, fitted={"-y": screen}),
        box((0.08, 0.03, 0.10), (0, 0.01, 0), style.black, omit="+z-z"),
        box((width * 0.4, 0.18, 0.015), (0, 0, 0), style.black, omit="-z"),
    ]
    return model("tv", parts)


def radiator(style: Style, width: float) -> Model:
    """A ribbed radiator standing clear of the wall."""
    height = 0.55
    parts: list[Solid] = []
    ribs = int(width / 0.13)
    parts.extend(
        box((0.10, 0.09, height), ((k - (ribs - 1) / 2) * 0.13, 0, 0.12), style.white, omit="-z+y", radius=0.016)
        for k in range(ribs)
    )
    parts.extend(
        box((ribs * 0.13 - 0.03, 0.03, 0.03), (0, 0, z - 0.015), style.white, omit="-x+x")
        for z in (0.17, 0.12 + height - 0.05)
    )
    parts.extend(
        beam((sign * (width / 2 - 0.06), 0, 0), (sign * (width / 2 - 0.06), 0, 0.14), 0.012, style.white)
        for sign in (-1, 1)
    )
    return model("radiator", parts)


def curtain(style: Style, width: float, height: float) -> Model:
    """A pleated cloth hanging from its upper edge."""
    cloth = style.curtain_cloth
    folds, deep = max(3, round(width / 0.11)), 0.032
    t = np.linspace(0, 1, 4001)
    x, y = width * (t - 0.5), deep * np.sin(2 * np.pi * folds * t)
    arc = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    steps = 2 * math.ceil(arc[-1] / (SPACING * 0.98) / 2)
    rows = 2 * math.ceil(height / (SPACING * 0.98) / 2)
    a, b, flat = sheet(np.linspace(0, arc[-1], steps + 1), np.linspace(0, height, rows + 1), cloth)
    points = np.stack([np.interp(a, arc, x), np.interp(a, arc, y), b], 1)
    return model("curtain", [Solid(points, flat.uv, flat.group, flat.faces, flat.material)])
