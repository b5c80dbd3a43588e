"""Chairs, stools, armchairs, couches, beds and pillows."""

from __future__ import annotations

import math

from .materials import choice
from .primitives import Solid, beam, box, turned
from .style import Model, Style, Surface, model

__all__ = ["armchair", "bed", "chair", "couch", "office_chair", "pillow", "stool"]


def chair(style: Style, variant: int) -> Model:
    """A wooden chair with slats, a panel back or bars; all chairs of one room share a variant."""
    width, depth, seat, top = 0.44, 0.43, 0.45, 0.90 + 0.03 * (variant % 3)
    wood = style.second_wood if variant % 2 else style.wood
    parts: list[Solid] = [box((width, depth, 0.035), (0, 0, seat - 0.035), wood, omit="-z", radius=0.012)]
    x, y = width / 2 - 0.035, depth / 2 - 0.035
    for side in (-1, 1):
        parts.append(beam((side * (x + 0.02), -y - 0.015, 0), (side * x, -y, seat - 0.02), 0.015, wood, thin=0.02))
        parts.append(beam((side * (x + 0.015), y + 0.03, 0), (side * x, y, seat - 0.02), 0.016, wood, thin=0.02))
        parts.append(beam((side * x, y, seat - 0.02), (side * x, y + 0.07, top), 0.019, wood, thin=0.016))
        parts.append(beam((side * x, -y, 0.22), (side * x, y, 0.22), 0.010, wood, sides=6))
    if variant % 3 == 0:
        for k in range(3):
            z = seat + 0.16 + k * 0.11
            parts.append(box((2 * x, 0.014, 0.06), (0, y + 0.07 * (z - seat) / (top - seat), z), wood))
    elif variant % 3 == 1:
        panel = box((2 * x + 0.03, 0.02, 0.24), (0, 0, 0), wood, radius=0.009)
        parts.append(panel.moved((0, y + 0.045, top - 0.25), tilt=-0.12))
    else:
        parts.append(box((2 * x + 0.05, 0.022, 0.08), (0, y + 0.065, top - 0.075), wood, radius=0.009))
        parts.extend(
            beam((k * 0.07, y, seat - 0.01), (k * 0.07, y + 0.063, top - 0.04), 0.008, wood, sides=6)
            for k in range(-2, 3)
        )
    if variant % 4 >= 2:
        parts.append(
            box(
                (width - 0.05, depth - 0.06, 0.04),
                (0, -0.01, seat - 0.006),
                style.cloth,
                omit="-z",
                radius=0.018,
                puff=0.01,
            )
        )
    return model("chair", parts, [Surface((0, -0.03, seat), (0.26, 0.24))] if variant % 4 < 2 else [])


def office_chair(style: Style) -> Model:
    """A swivel chair on five castors."""
    seat = 0.47
    cloth = style.palette.tiled("fabric", choice(style.rng, ["charcoal", "navy", "red", "teal", "grey"]))
    dark = style.palette.tiled("metal", choice(style.rng, ["charcoal", "steel"]))
    parts: list[Solid] = []
    for k in range(5):
        a = 2 * math.pi * k / 5 + 0.3
        tip = (0.30 * math.cos(a), 0.30 * math.sin(a))
        parts.append(beam((0, 0, 0.11), (*tip, 0.075), 0.022, dark, thin=0.014))
        parts.append(turned([(0, 0), (0.02, 0.004), (0.028, 0.03), (0.02, 0.056), (0, 0.06)], (*tip, 0), style.black))
    parts.append(turned([(0.032, 0.08), (0.030, 0.28), (0.019, 0.285), (0.019, seat - 0.04)], (0, 0, 0), dark))
    parts.append(box((0.50, 0.48, 0.09), (0, 0, seat - 0.06), cloth, omit="-z", radius=0.035, puff=0.012))
    back = box((0.46, 0.07, 0.54), (0, 0, 0), cloth, radius=0.03)
    parts.append(back.moved((0, 0.24, seat + 0.10), tilt=-0.13))
    parts.append(beam((0, 0.20, seat - 0.04), (0, 0.29, seat + 0.02), 0.022, dark))
    parts.append(beam((0, 0.29, seat + 0.01), (0, 0.325, seat + 0.26), 0.022, dark, thin=0.012))
    for side in (-1, 1):
        parts.append(beam((side * 0.24, 0.02, seat - 0.02), (side * 0.29, 0.02, seat + 0.20), 0.014, dark))
        parts.append(box((0.06, 0.27, 0.03), (side * 0.29, 0.0, seat + 0.19), style.black, radius=0.013))
    return model("office chair", parts)


def stool(style: Style) -> Model:
    """A round stool with three legs."""
    height, radius = style.between(0.44, 0.62), 0.17
    parts = [
        turned(
            [
                (0, height - 0.035),
                (radius - 0.01, height - 0.035),
                (radius, height - 0.02),
                (radius - 0.012, height),
                (0, height),
            ],
            (0, 0, 0),
            style.second_wood,
        )
    ]
    for k in range(3):
        a = 2 * math.pi * k / 3 + 0.5
        c, s = math.cos(a), math.sin(a)
        parts.append(
            beam((0.19 * c, 0.19 * s, 0), (0.11 * c, 0.11 * s, height - 0.02), 0.014, style.second_wood, thin=0.018)
        )
    return model("stool", parts, [Surface((0, 0, height), (0.2, 0.2))])


def _upholstered(style: Style, label: str, width: float, seats: int) -> Model:
    depth, arm, seat, top = 0.88, 0.17, 0.42, 0.83
    cloth = style.cloth
    parts: list[Solid] = [
        box((width - 0.04, depth - 0.06, 0.19), (0, 0, 0.09), cloth, omit="+z-z", radius=0.03),
        box((width - 2 * arm + 0.04, 0.24, top - 0.12), (0, depth / 2 - 0.13, 0.10), cloth, omit="-z", radius=0.07),
    ]
    for side in (-1, 1):
        parts.append(box((arm, depth, 0.50), (side * (width - arm) / 2, 0, 0.10), cloth, omit="-z", radius=0.065))
        parts.extend(
            turned([(0.022, 0), (0.03, 0.12)], (side * (width / 2 - 0.09), y, 0), style.wood)
            for y in (-depth / 2 + 0.08, depth / 2 - 0.08)
        )
    each = (width - 2 * arm) / seats
    for k in range(seats):
        x = -width / 2 + arm + each * (k + 0.5)
        parts.append(
            box(
                (each - 0.006, depth - 0.24, 0.17),
                (x, -0.085, seat - 0.16),
                cloth,
                omit="-z+y",
                radius=0.045,
                puff=0.014,
            )
        )
        rest = box((each - 0.02, 0.16, 0.40), (0, 0, 0), cloth, omit="-z", radius=0.065)
        parts.append(rest.moved((x, depth / 2 - 0.30, seat - 0.03), tilt=-0.16))
    surfaces = [Surface((side * (width / 2 - arm - 0.22), -0.04, seat + 0.005), (0.02, 0.02)) for side in (-1, 1)]
    return model(label, parts, surfaces if seats > 1 else surfaces[:1])


def couch(style: Style, seats: int = 0) -> Model:
    """A couch of two or three seats with cushions."""
    seats = seats or 2 + style.chance(0.6)
    return _upholstered(style, "couch", 0.36 + seats * style.between(0.58, 0.64), seats)


def armchair(style: Style) -> Model:
    """An upholstered chair for one."""
    return _upholstered(style, "armchair", style.between(0.88, 0.96), 1)


def bed(style: Style, double: bool) -> Model:
    """A bed with headboard, mattress and a blanket folded back."""
    width, length = (1.50 if double else 0.95), 2.02
    cover = style.palette.tiled(
        choice(style.rng, ["plaid", "striped_cloth", "dotted_cloth", "fabric"]),
        choice(style.rng, style.accents),
        scale=2.2,
    )
    sheet = style.palette.tiled("fabric", "white")
    parts: list[Solid] = [
        box((width + 0.06, length, 0.24), (0, 0, 0.08), style.wood, omit="-z+z+y", radius=0.012),
        box(
            (width + 0.10, 0.06, style.between(0.95, 1.15)),
            (0, length / 2 + 0.01, 0),
            style.wood,
            omit="-z",
            radius=0.02,
        ),
        box((width, length - 0.06, 0.22), (0, 0, 0.29), sheet, omit="-z+y", radius=0.06),
        box(
            (width + 0.05, length * 0.62, 0.24), (0, -length * 0.185, 0.30), cover, omit="-z+y", radius=0.06, puff=0.02
        ),
        box(
            (width + 0.055, 0.26, 0.255),
            (0, length * 0.13, 0.295),
            style.plain_cloth,
            omit="-z",
            radius=0.06,
            puff=0.01,
        ),
    ]
    parts.extend(
        box((0.07, 0.07, 0.10), (x, y, 0), style.wood, omit="+z-z")
        for x in (-width / 2 + 0.06, width / 2 - 0.06)
        for y in (-length / 2 + 0.08, length / 2 - 0.08)
    )
    pillow_y = length / 2 - 0.32
    surfaces = [Surface((x, pillow_y, 0.50), (0.02, 0.02)) for x in ((-0.37, 0.37) if double else (0.0,))]
    surfaces.append(Surface((0, -length * 0.2, 0.54), (width * 0.5, 0.6)))
    return model("bed", parts, surfaces)


def pillow(style: Style, size: float = 0.0) -> Model:
    """A cushion lying flat; ``size`` 0 takes a sofa cushion, else its width."""
    width, depth = (size, size * 0.68) if size else (0.42, 0.42)
    cloth = (
        style.palette.tiled("fabric", "white")
        if size
        else style.accent(choice(style.rng, ["fabric", "dotted_cloth", "striped_cloth"]))
    )
    return model("pillow", [box((width, depth, 0.10), (0, 0, -0.012), cloth, radius=0.045, puff=0.03)])
