"""Shelves with books, cabinets, dressers, wardrobes, stands and kitchen units."""

from __future__ import annotations

from collections.abc import Sequence

from .materials import choice
from .primitives import Solid, beam, box, merge, turned
from .style import Model, Style, Surface, model

__all__ = [
    "book_row",
    "bookshelf",
    "cabinet",
    "counter",
    "dresser",
    "handle",
    "kitchen_cabinet",
    "refrigerator",
    "shelf_board",
    "stove",
    "tv_stand",
    "wardrobe",
]


def handle(at: Sequence[float], material: int, length: float = 0.10, upright: bool = False) -> list[Solid]:
    """A bar on two posts in front of a door or drawer at ``at`` (a point of its face)."""
    x, y, z = at
    half = length / 2
    ends = [(x, z - half), (x, z + half)] if upright else [(x - half, z), (x + half, z)]
    bar = beam((ends[0][0], y - 0.025, ends[0][1]), (ends[1][0], y - 0.025, ends[1][1]), 0.006, material, sides=6)
    inset = 0.012
    shift = (0, inset) if upright else (inset, 0)
    posts = [
        beam(
            (px + sign * shift[0], y + 0.003, pz + sign * shift[1]),
            (px + sign * shift[0], y - 0.025, pz + sign * shift[1]),
            0.005,
            material,
            sides=6,
        )
        for sign, (px, pz) in zip((1, -1), ends, strict=True)
    ]
    return [bar, *posts]


def book_row(style: Style, length: float, headroom: float) -> Model:
    """Books standing side by side, spines to the front; hidden sides are left out."""
    depth, x, books = 0.17, 0.0, []
    while x < length - 0.05:
        thick = style.between(0.022, 0.048)
        books.append((x, thick, min(style.between(0.19, 0.29), headroom - 0.03)))
        x += thick
    parts: list[Solid] = []
    for k, (left, thick, tall) in enumerate(books):
        color = choice(style.rng, [*style.accents, "brown", "burgundy", "charcoal", "cream"])
        plain = style.palette.tiled("paint", color)
        spine = style.palette.fitted("spine", int(style.rng.integers(4)), color)
        at = (left + thick / 2, 0, -0.002)
        paper = style.palette.tiled("pages", "paper")
        parts.append(box((thick, depth, tall), at, plain, omit="-x+x+y-z", fitted={"-y": spine}, painted={"+z": paper}))
        for name, near in (("-x", k - 1), ("+x", k + 1)):
            low = books[near][2] if 0 <= near < len(books) else 0.0
            if tall - low > 0.002:
                rest = "".join(f for f in ("-x", "+x", "-y", "+y", "-z", "+z") if f != name)
                parts.append(box((thick, depth, tall - low), (at[0], 0, low - 0.002), plain, omit=rest))
    return model("books", parts)


def bookshelf(style: Style, width: float = 0.0, height: float = 0.0) -> Model:
    """An open shelf of four or five boards, with a back."""
    width, height, depth = width or style.between(0.8, 1.0), height or style.between(1.65, 2.0), 0.30
    wood, thick = style.wood, 0.025
    boards = round(height / 0.37)
    parts: list[Solid] = [
        box((thick, depth, height), (sign * (width - thick) / 2, 0, 0), wood, omit="-z+y") for sign in (-1, 1)
    ]
    inner = width - 2 * thick
    parts.append(box((inner + 0.01, 0.012, height - 0.01), (0, depth / 2 - 0.006, 0), wood, omit="-z+y-x+x+z"))
    pitch = (height - 0.06 - thick) / boards
    surfaces = []
    for k in range(boards + 1):
        z = 0.06 + k * pitch
        parts.append(
            box(
                (inner + 0.008, depth - 0.005, thick),
                (0, 0, z - (0.001 if k == boards else 0)),
                wood,
                omit="-x+x+y" if z > 1.2 else "-x+x+y-z",
            )
        )
        if k < boards:
            surfaces.append(Surface((0, -0.01, z + thick), (inner - 0.02, depth - 0.06), pitch - thick))
    parts.append(box((inner + 0.008, 0.02, 0.065), (0, -depth / 2 + 0.04, 0), wood, omit="-z+z-x+x"))
    surfaces.append(Surface((0, 0, height - 0.001), (inner - 0.1, depth - 0.08), 0.35))
    return model("bookshelf", parts, surfaces)


def shelf_board(style: Style) -> Model:
    """A board on two brackets, to hang on a wall."""
    width, depth = style.between(0.7, 1.0), 0.26
    parts: list[Solid] = [box((width, depth, 0.025), (0, 0, 0.10), style.wood, omit="+y")]
    for sign in (-1, 1):
        x = sign * (width / 2 - 0.12)
        parts.append(beam((x, depth / 2, 0.005), (x, -depth / 2 + 0.04, 0.105), 0.009, style.metal, sides=6))
    return model("shelf", parts, [Surface((0, -0.01, 0.125), (width - 0.06, depth - 0.04), 0.40)])


def _doors(
    style: Style, width: float, depth: float, low: float, high: float, count: int, paint: int, *, knob_low: bool = False
) -> list[Solid]:
    """A row of cupboard doors with a sunken field each."""
    parts: list[Solid] = []
    each = width / count
    for k in range(count):
        x = -width / 2 + each * (k + 0.5)
        rim = 0.055
        for sign in (-1, 1):
            edge = x + sign * (each / 2 - 0.004 - rim / 2)
            parts.append(box((rim, 0.018, high - low), (edge, -depth / 2 - 0.008, low), paint, omit="+y"))
        parts.extend(
            box((each - 0.008 - 2 * rim, 0.018, rim), (x, -depth / 2 - 0.008, z), paint, omit="+y-x+x")
            for z in (low, high - rim)
        )
        hand = -1 if k % 2 else 1
        z = low + 0.14 if knob_low else high - 0.14
        parts += handle((x + hand * (each / 2 - 0.035), -depth / 2 - 0.016, z), style.metal, 0.11, upright=True)
    return parts


def cabinet(style: Style) -> Model:
    """A sideboard with doors, on a plinth."""
    width, depth, height = style.between(0.9, 1.3), 0.40, style.between(0.78, 0.92)
    paint = style.second_wood
    parts: list[Solid] = [
        box((width - 0.06, depth - 0.06, 0.07), (0, 0, 0), style.black, omit="-z+z+y"),
        box((width, depth, height - 0.095), (0, 0, 0.065), paint, omit="+y+z"),
        box((width + 0.03, depth + 0.03, 0.03), (0, -0.005, height - 0.03), style.wood, omit="-z+y", radius=0.008),
        *_doors(style, width - 0.02, depth, 0.08, height - 0.05, 2 if width < 1.1 else 3, paint),
    ]
    return model("cabinet", parts, [Surface((0, 0, height), (width - 0.1, depth - 0.08))])


def dresser(style: Style) -> Model:
    """A chest of drawers."""
    width, depth, height = style.between(0.85, 1.1), 0.45, style.between(0.80, 1.0)
    rows, drawer = 4, 0.0
    drawer = (height - 0.13) / rows
    parts: list[Solid] = [
        box((width, depth, height - 0.085), (0, 0, 0.06), style.wood, omit="+y+z"),
        box((width + 0.03, depth + 0.02, 0.03), (0, -0.005, height - 0.03), style.wood, omit="-z+y", radius=0.008),
    ]
    for row in range(rows):
        z = 0.085 + row * drawer
        for sign in (-1, 1):
            x = sign * width / 4
            parts.append(
                box((width / 2 - 0.03, 0.016, drawer - 0.018), (x, -depth / 2 - 0.007, z), style.wood, omit="+y")
            )
            parts += handle((x, -depth / 2 - 0.014, z + drawer / 2 - 0.01), style.metal)
    parts.extend(
        box((0.06, 0.06, 0.07), (x, y, 0), style.wood, omit="+z-z")
        for x in (-width / 2 + 0.05, width / 2 - 0.05)
        for y in (-depth / 2 + 0.05, depth / 2 - 0.05)
    )
    return model("dresser", parts, [Surface((0, 0, height), (width - 0.1, depth - 0.1))])


def wardrobe(style: Style) -> Model:
    """A tall cupboard for clothes."""
    width, depth, height = style.between(1.0, 1.4), 0.58, style.between(1.9, 2.05)
    parts: list[Solid] = [
        box((width, depth, height), (0, 0, 0), style.wood, omit="-z+y"),
        *_doors(style, width - 0.02, depth, 0.07, height - 0.04, 2 if width < 1.2 else 3, style.wood, knob_low=False),
        box((width + 0.04, depth + 0.03, 0.045), (0, -0.01, height - 0.01), style.wood, omit="+y", radius=0.0),
    ]
    return model("wardrobe", parts, [Surface((0, 0, height + 0.035), (width - 0.2, depth - 0.2), 0.35)])


def tv_stand(style: Style) -> Model:
    """A low board with two open compartments and a drawer on each side."""
    width, depth, height = style.between(1.3, 1.7), 0.40, style.between(0.42, 0.5)
    wood, thick = style.wood, 0.025
    third = width / 3
    parts: list[Solid] = [
        box((width, depth, thick), (0, 0, height - thick), wood, omit="-z+y", radius=0.007),
        box((width - 0.02, depth - 0.02, thick), (0, 0, 0.07), wood, omit="-z+y"),
        box((third + 0.02, 0.012, height - 0.10), (0, depth / 2 - 0.02, 0.08), wood, omit="+z-z"),
        box((third - 0.01, depth - 0.04, 0.018), (0, 0, (height + 0.07) / 2), wood, omit="-x+x"),
    ]
    for sign in (-1, 1):
        parts.append(
            box((third - 0.012, depth - 0.03, height - 0.11), (sign * third, 0, 0.09), style.second_wood, omit="+z-z+y")
        )
        parts += handle((sign * third, -depth / 2 + 0.016, height * 0.6), style.metal)
        parts.extend(
            turned([(0.018, 0), (0.026, 0.075)], (sign * (width / 2 - 0.08), y, 0), wood)
            for y in (-depth / 2 + 0.06, depth / 2 - 0.06)
        )
    middle = Surface((0, -0.01, (height + 0.07) / 2 + 0.018), (third - 0.12, depth - 0.14), 0.14)
    return model("tv stand", parts, [Surface((0, 0, height), (width - 0.1, depth - 0.08), 1.0), middle])


def kitchen_cabinet(style: Style, width: float) -> Model:
    """A wall unit of a kitchen, to hang over the counter."""
    depth, height = 0.34, 0.68
    paint = style.palette.tiled("paint", "white" if style.wood_color == "white" else "cream")
    parts: list[Solid] = [
        box((width, depth, height), (0, 0, 0), paint, omit="+y"),
        *_doors(style, width - 0.006, depth, 0.006, height - 0.006, max(1, round(width / 0.45)), paint, knob_low=True),
    ]
    return model("kitchen cabinet", parts)


def counter(style: Style, width: float, sink: bool) -> Model:
    """Kitchen base units under a stone top, with a basin and tap if asked."""
    depth, height = 0.60, 0.90
    paint = style.palette.tiled("paint", "white" if style.wood_color == "white" else "cream")
    stone = style.palette.tiled("stone", "grey")
    parts: list[Solid] = [
        box((width, depth - 0.06, 0.10), (0, 0.03, 0), style.black, omit="-z+z+y"),
        box((width, depth - 0.04, height - 0.13), (0, 0.02, 0.095), paint, omit="+y+z"),
        *[
            p.moved((0, 0.02, 0))
            for p in _doors(style, width, depth - 0.04, 0.11, height - 0.06, round(width / 0.5), paint)
        ],
    ]
    if not sink:
        parts.append(box((width, depth + 0.02, 0.04), (0, 0, height - 0.04), stone, omit="+y-z"))
        return model("kitchen counter", parts, [Surface((0, 0.02, height), (width - 0.1, depth - 0.12))])
    # The top is four pieces around the basin, which hangs in the hole.
    basin, hole = (0.46, 0.36), (0.0, -0.02)
    side = (width - basin[0]) / 2
    parts.extend(
        box((side, depth + 0.02, 0.04), (sign * (basin[0] + side) / 2, 0, height - 0.04), stone, omit="+y")
        for sign in (-1, 1)
    )
    front = depth / 2 + 0.01 + hole[1] - basin[1] / 2
    back = depth / 2 + 0.01 - hole[1] - basin[1] / 2
    parts.append(box((basin[0], front, 0.04), (0, -depth / 2 - 0.01 + front / 2, height - 0.04), stone, omit="-x+x"))
    parts.append(box((basin[0], back, 0.04), (0, depth / 2 + 0.01 - back / 2, height - 0.04), stone, omit="-x+x+y"))
    steel = style.palette.tiled("metal", "steel")
    wall = 0.012
    for sign in (-1, 1):
        parts.append(
            box((wall, basin[1] + 0.01, 0.18), (sign * (basin[0] / 2 - 0.002), hole[1], height - 0.176), steel)
        )
        parts.append(box((basin[0], wall, 0.18), (0, hole[1] + sign * (basin[1] / 2 - 0.002), height - 0.1765), steel))
    parts.append(box((basin[0], basin[1], wall), (0, hole[1], height - 0.18), steel))
    tap_y = hole[1] + basin[1] / 2 + 0.05
    parts.append(turned([(0.026, 0), (0.026, 0.02), (0.012, 0.03), (0.012, 0.24)], (0, tap_y, height - 0.002), steel))
    parts.append(beam((0, tap_y + 0.01, height + 0.232), (0, tap_y - 0.17, height + 0.20), 0.012, steel))
    surfaces = [Surface((sign * (basin[0] + side) / 2, 0.02, height), (side - 0.1, depth - 0.14)) for sign in (-1, 1)]
    return model("kitchen counter", parts, surfaces)


def stove(style: Style) -> Model:
    """A cooker with four plates, knobs and an oven window."""
    width, depth, height = 0.60, 0.60, 0.90
    white, glass = style.palette.tiled("paint", "white"), style.palette.tiled("paint", "black")
    parts: list[Solid] = [
        box((width, depth, height), (0, 0, 0), white, omit="-z+y", radius=0.0),
        box((width - 0.10, 0.012, 0.34), (0, -depth / 2 - 0.005, 0.26), glass, omit="+y"),
        box((width - 0.02, depth - 0.04, 0.012), (0, 0, height - 0.004), glass, omit="-z"),
        *handle((0, -depth / 2 - 0.001, 0.67), style.metal, 0.46),
    ]
    parts.extend(
        turned([(radius, 0), (radius, 0.014), (0, 0.014)], (x, y, height + 0.004), style.metal)
        for x in (-0.14, 0.14)
        for y, radius in ((-0.13, 0.10), (0.13, 0.075))
    )
    for k in range(5):
        knob = turned([(0.02, 0), (0.018, 0.024), (0, 0.024)], (0, 0, 0), style.black)
        parts.append(knob.moved((-0.22 + 0.11 * k, -depth / 2 + 0.002, 0.80), tilt=1.5708))
    return model(
        "stove", parts, [Surface((x, y, height + 0.018), (0.02, 0.02)) for x, y in ((-0.14, -0.13), (0.14, 0.13))]
    )


def refrigerator(style: Style) -> Model:
    """A fridge with a freezer door on top."""
    width, depth, height = 0.62, 0.64, style.between(1.62, 1.82)
    paint = style.palette.tiled("metal", choice(style.rng, ["white", "steel", "cream", "red"]))
    split = height * 0.68
    body = box((width, depth - 0.05, height - 0.02), (0, 0.025, 0.02), paint, omit="+y-z")
    low = box((width, 0.05, split - 0.07), (0, -depth / 2 + 0.022, 0.06), paint, radius=0.012)
    high = box((width, 0.05, height - split - 0.01), (0, -depth / 2 + 0.022, split), paint, radius=0.012)
    base = box((width - 0.04, depth - 0.1, 0.04), (0, 0.03, 0), style.black, omit="-z+z+y")
    hands = [
        *handle((-width / 2 + 0.06, -depth / 2 - 0.002, split - 0.22), style.metal, 0.34, upright=True),
        *handle((-width / 2 + 0.06, -depth / 2 - 0.002, split + 0.16), style.metal, 0.22, upright=True),
    ]
    parts = merge([body, low, high, base, *hands])
    return model("refrigerator", [parts], [Surface((0, 0.03, height), (width - 0.2, depth - 0.25), 0.4)])
