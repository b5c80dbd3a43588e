"""Things on tables and shelves: cups, bottles, bowls, books, boxes, screens, keyboards."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Final

import numpy as np

from .decor import desk_lamp, plant, table_lamp
from .materials import choice
from .primitives import Solid, beam, box, turned
from .style import Model, Style, Surface, model

__all__ = [
    "THINGS",
    "basket",
    "book",
    "bottle",
    "bowl",
    "cardboard_box",
    "cup",
    "jar",
    "keyboard",
    "laptop",
    "monitor",
    "mouse",
    "plate",
    "pot",
    "vase",
]


def cup(style: Style) -> Model:
    """A mug with a handle."""
    paint = style.accent()
    parts: list[Solid] = [
        turned([(0.036, 0), (0.041, 0.095), (0.036, 0.095), (0.033, 0.012), (0, 0.012)], (0, 0, 0), paint, sides=16)
    ]
    angles = np.linspace(-1.25, 1.25, 7)
    ring = [(0.036 + 0.030 * math.cos(a), 0.0, 0.05 + 0.030 * math.sin(a)) for a in angles]
    parts += [beam(p, q, 0.006, paint, sides=6) for p, q in itertools.pairwise(ring)]
    return model("cup", parts)


def bottle(style: Style) -> Model:
    """A bottle with a label and a cap."""
    tall, radius = style.between(0.24, 0.31), style.between(0.033, 0.042)
    glass = style.palette.tiled("paint", choice(style.rng, ["glass", "green", "brown", "sky", "navy"]))
    profile = [
        (radius * 0.95, 0), (radius, tall * 0.15), (radius, tall * 0.45), (radius, tall * 0.58), (0.013, tall * 0.80),
        (0.013, tall * 0.93), (0.016, tall * 0.93), (0.016, tall), (0, tall),
    ]  # fmt: skip
    paper, cap = style.palette.tiled("paint", "paper"), style.accent()
    return model("bottle", [turned(profile, (0, 0, 0), glass, sides=14, painted={1: paper, 5: cap, 6: cap, 7: cap})])


def bowl(style: Style) -> Model:
    """A bowl, empty or with fruit."""
    radius = style.between(0.10, 0.15)
    clay = style.accent()
    outer = [(0.45 * radius, 0), (0.8 * radius, 0.3 * radius), (radius, 0.62 * radius), (0.95 * radius, 0.63 * radius)]
    inner = [(0.72 * radius, 0.3 * radius), (0.35 * radius, 0.1 * radius), (0, 0.08 * radius)]
    parts: list[Solid] = [turned([*outer, *inner], (0, 0, 0), clay)]
    if style.chance(0.6):
        skin = style.palette.tiled("paint", choice(style.rng, ["red", "orange", "mustard", "green"]))
        for k in range(4):
            r = 0.28 * radius + 0.006
            arc = [(r * math.cos(a), r * math.sin(a)) for a in np.linspace(-math.pi / 2, math.pi / 2, 9)]
            arc[0] = (0.0, -r)
            arc[-1] = (0.0, r)
            place = (
                (0, 0, 0.68 * radius)
                if k == 3
                else (0.36 * radius * math.cos(2.1 * k), 0.36 * radius * math.sin(2.1 * k), 0.36 * radius)
            )
            parts.append(turned(arc, place, skin, sides=12))
    return model("bowl", parts)


def plate(style: Style) -> Model:
    """A flat plate with a rim."""
    r = 0.125
    china = style.palette.tiled("paint", choice(style.rng, ["white", "cream", "sky"]))
    rim = style.accent()
    profile = [(0.6 * r, 0), (r, 0.018), (0.97 * r, 0.021), (0.68 * r, 0.009), (0, 0.008)]
    return model(
        "plate", [turned(profile, (0, 0, 0), china, painted={1: rim})], [Surface((0, 0, 0.0085), (0.02, 0.02), 0.3)]
    )


def vase(style: Style) -> Model:
    """A vase with a narrow neck."""
    tall = style.between(0.22, 0.34)
    r = tall * 0.27
    clay = style.accent()
    profile = [
        (0.55 * r, 0), (0.9 * r, 0.2 * tall), (r, 0.4 * tall), (0.8 * r, 0.62 * tall), (0.38 * r, 0.82 * tall),
        (0.5 * r, tall), (0.42 * r, tall), (0.3 * r, 0.82 * tall), (0.3 * r, 0.6 * tall),
    ]  # fmt: skip
    return model("vase", [turned(profile, (0, 0, 0), clay, sides=20)])


def jar(style: Style) -> Model:
    """A kitchen jar with a wooden lid."""
    tall, r = style.between(0.13, 0.2), style.between(0.05, 0.065)
    china, lid = (
        style.palette.tiled("paint", choice(style.rng, ["white", "cream", "red", "sky"])),
        style.palette.tiled("wood", "oak"),
    )
    profile = [(r, 0), (r, tall), (r * 0.94, tall), (r * 0.94, tall + 0.022), (0, tall + 0.024)]
    return model("jar", [turned(profile, (0, 0, 0), china, painted={2: lid, 3: lid})])


def pot(style: Style) -> Model:
    """A cooking pot with two handles and a lid."""
    r, tall = style.between(0.095, 0.12), style.between(0.11, 0.16)
    paint = style.palette.tiled("metal", choice(style.rng, ["steel", "red", "charcoal"]))
    lid = [
        (r, 0),
        (r, tall),
        (r * 1.04, tall + 0.004),
        (r * 0.6, tall + 0.026),
        (0.018, tall + 0.03),
        (0.02, tall + 0.055),
        (0, tall + 0.058),
    ]
    parts: list[Solid] = [turned(lid, (0, 0, 0), paint)]
    parts.extend(
        box((0.05, 0.07, 0.014), (sign * (r + 0.015), 0, tall * 0.75), style.black, radius=0.006) for sign in (-1, 1)
    )
    return model("pot", parts)


def book(style: Style) -> Model:
    """A closed book lying flat."""
    width, depth, thick = style.between(0.14, 0.19), style.between(0.20, 0.25), style.between(0.018, 0.042)
    color = choice(style.rng, [*style.accents, "burgundy", "charcoal"])
    cloth = style.palette.tiled("paint", color)
    front = style.palette.fitted("cover", int(style.rng.integers(3)), color)
    paper = style.palette.tiled("pages", "paper")
    solid = box(
        (width, depth, thick),
        (0, 0, 0),
        cloth,
        omit="-z",
        fitted={"+z": front},
        painted={"+x": paper, "+y": paper, "-y": paper},
    )
    return model("book", [solid], [Surface((0, 0, thick), (0.03, 0.05), 0.3)])


def cardboard_box(style: Style, size: float = 0.0) -> Model:
    """A closed cardboard box; ``size`` is its width, 0 takes a small one."""
    width = size or style.between(0.16, 0.26)
    depth, height = width * style.between(0.65, 0.9), width * style.between(0.5, 0.85)
    card = style.palette.tiled("paint", "cardboard") if style.chance(0.7) else style.accent()
    front = style.palette.fitted("label", int(style.rng.integers(3)), "cardboard")
    solid = box((width, depth, height), (0, 0, 0), card, omit="-z", fitted={"-y": front, "+z": front})
    return model("box", [solid], [Surface((0, 0, height), (width * 0.5, depth * 0.5), 0.4)])


def basket(style: Style) -> Model:
    """A woven basket."""
    width, depth, height = style.between(0.26, 0.36), style.between(0.2, 0.26), style.between(0.16, 0.22)
    cane, inside = style.palette.tiled("wicker", "oak"), 0.015
    parts: list[Solid] = []
    for sign in (-1, 1):
        parts.append(box((inside, depth, height), (sign * (width - inside) / 2, 0, 0), cane, omit="-z"))
        parts.append(
            box((width - 2 * inside, inside, height), (0, sign * (depth - inside) / 2, 0), cane, omit="-z-x+x")
        )
    parts.append(box((width - 0.02, depth - 0.02, 0.02), (0, 0, height * 0.6), style.plain_cloth, omit="-z-x+x-y+y"))
    return model("basket", parts)


def monitor(style: Style) -> Model:
    """A computer screen on a stand."""
    width, height = style.between(0.50, 0.62), style.between(0.31, 0.35)
    screen = style.palette.fitted("desktop", int(style.rng.integers(2)), glow=0.55)
    parts = [
        box((width, 0.03, height), (0, 0, 0.12), style.black, omit="-y"),
        box((width - 0.03, 0.004, height - 0.03), (0, -0.0155, 0.135), style.black, omit="+y", fitted={"-y": screen}),
        *_bezel(width, height, style.black),
        box((0.06, 0.03, 0.16), (0, 0.022, 0), style.metal, omit="-z"),
        box((0.24, 0.18, 0.012), (0, 0.02, 0), style.metal, omit="-z"),
    ]
    return model("monitor", parts)


def _bezel(width: float, height: float, paint: int) -> list[Solid]:
    """The front rim of a screen, around its picture."""
    rim = 0.0155
    rest = "-x+x+y-z+z"
    sides = [box((rim, 0.03, height), (s * (width - rim) / 2, 0, 0.12), paint, omit=rest) for s in (-1, 1)]
    edges = [box((width - 2 * rim, 0.03, rim), (0, 0, z), paint, omit=rest) for z in (0.12, 0.12 + height - rim)]
    return [*sides, *edges]


def keyboard(style: Style) -> Model:
    """A computer keyboard."""
    solid = box((0.44, 0.145, 0.02), (0, 0, 0), style.black, omit="-z", fitted={"+z": style.palette.fitted("keys")})
    return model("keyboard", [solid])


def mouse(style: Style) -> Model:
    """A computer mouse."""
    return model("mouse", [box((0.06, 0.105, 0.042), (0, 0, -0.006), style.black, radius=0.018)])


def laptop(style: Style) -> Model:
    """An open laptop."""
    steel = style.palette.tiled("metal", choice(style.rng, ["steel", "charcoal"]))
    base = box((0.34, 0.235, 0.017), (0, 0, 0), steel, omit="-z", fitted={"+z": style.palette.fitted("keys")})
    lid = box((0.34, 0.012, 0.225), (0, 0, 0), steel, fitted={"-y": style.palette.fitted("desktop", 0, glow=0.5)})
    return model("laptop", [base, lid.moved((0, 0.122, 0.010), tilt=-0.30)])


def _small_plant(style: Style) -> Model:
    return plant(style, style.between(0.26, 0.38))


THINGS: Final[dict[str, tuple[Callable[[Style], Model], ...]]] = {
    "living": (cup, book, bowl, vase, _small_plant, bottle, cardboard_box, table_lamp, book),
    "dining": (plate, cup, bowl, bottle, vase, _small_plant, jar, plate),
    "kitchen": (bottle, jar, bowl, cup, pot, plate, jar, _small_plant, cardboard_box),
    "desk": (cup, book, book, bottle, _small_plant, desk_lamp, cardboard_box),
    "night": (table_lamp, book, cup, _small_plant, book),
    "storage": (cardboard_box, basket, vase, _small_plant, book, bowl, jar, cardboard_box),
}
"""What may stand on a surface of each kind; a name listed twice is twice as likely."""
