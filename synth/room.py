"""A furnished room: its size, openings and shell, then its program, then what hangs on the walls.

A room that ends up too empty, or too full to walk in, is drawn again (``scene.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from . import decor, shell, storage
from .materials import Palette, choice
from .placement import Floorplan, Placed
from .programs import PROGRAMS, Furnisher
from .shell import Opening
from .style import Model, Style

__all__ = ["ROOM_KINDS", "Room", "furnish"]

SCENE_TYPES: Final = {
    "living room": "Living room / Lounge",
    "bedroom": "Bedroom / Hotel",
    "office": "Office",
    "kitchen": "Kitchen",
    "dining room": "Dining Room",
}
"""Our room kinds in the words of ScanNet's sceneType."""

ROOM_KINDS: Final = tuple(SCENE_TYPES)


@dataclass(slots=True, eq=False)
class Room:
    """A room and everything in it; the floor plan's origin is the middle of the floor."""

    kind: str
    width: float
    depth: float
    height: float
    placed: list[Placed]
    lamp: tuple[float, float, float]
    windows: list[Opening]
    palette: Palette
    plan: Floorplan


def _openings(style: Style, kind: str, width: float, depth: float) -> list[Opening]:
    """A door and one or two windows on other walls; a kitchen keeps one long wall for its units."""
    rng = style.rng
    units = (0 if width >= depth else 1) + 2 * int(rng.integers(2)) if kind == "kitchen" else None
    order = [int(k) for k in rng.permutation(4) if k != units]
    holes = []
    for wall, kind in zip(order, ("door", "window", "window"), strict=False):
        length = width if wall % 2 == 0 else depth
        if kind == "door":
            # Near a corner, as in most houses: it leaves long walls for furniture.
            # Facing a wall, its right end meets the wall before it; the door keeps away from the units.
            right = style.chance(0.5) if units is None or (wall - units) % 2 == 0 else units == (wall + 1) % 4
            at = (length / 2 - 0.75) * (1 if right else -1)
            holes.append(Opening("door", wall, at, 0.88, -0.1, style.between(1.98, 2.08)))
        elif len(holes) < 2 or style.chance(0.6):
            wide = style.between(1.1, 1.7)
            reach = max(0.0, length / 2 - wide / 2 - 0.55)
            holes.append(
                Opening(
                    "window",
                    wall,
                    style.between(-reach, reach),
                    wide,
                    style.between(0.86, 0.98),
                    style.between(2.02, 2.15),
                )
            )
    return holes


def furnish(
    kind: str, palette: Palette, rng: np.random.Generator, first: Callable[[Furnisher], None] | None = None
) -> Room:
    """A room of this kind, drawn with this generator; ``first`` may place things before the kind's own program does."""
    style = Style(palette, rng)
    width, depth, height = style.between(3.9, 4.75), style.between(3.45, 3.9), style.between(2.40, 2.55)
    if style.chance(0.3):
        width, depth = depth, width
    holes = _openings(style, kind, width, depth)
    plan = Floorplan(width, depth, holes)
    placed = _shell(style, kind, width, depth, height, holes)
    walls = placed[2:6]
    f = Furnisher(style, plan, placed[0], walls)
    for hole in holes:
        if hole.kind == "window" and style.chance(0.8):
            f.wall(decor.radiator(style, min(hole.width, 1.1)), walls=[hole.wall], along=hole.at, gap=0.09)
    if first is not None:
        first(f)
    PROGRAMS[kind](f)
    drop = style.between(0.4, 0.6)
    lamp = Placed(decor.ceiling_lamp(style, drop), (0.0, 0.0, height - drop), 0.0, placed[1], "hangs_on")
    table = next((p for p in f.placed if p.model.label == "table"), None)
    if table is not None:
        lamp.at = (table.at[0], table.at[1], lamp.at[2])
    f.placed.append(lamp)
    for hole in holes:
        if hole.kind == "window":
            for sign in (-1, 1):
                wide = style.between(0.34, 0.42)
                x, y = plan.on_wall(hole.wall, hole.at + sign * (hole.width / 2 + wide / 2 - 0.06), 0.20)
                hanging = Placed(
                    decor.curtain(style, wide, 1.42),
                    (x, y, hole.high + 0.12 - 1.42),
                    plan.turn_of(hole.wall),
                    walls[hole.wall],
                    "hangs_on",
                )
                if style.chance(0.85):
                    f.placed.append(hanging)
    for _ in range(int(rng.integers(2, 5))):
        f.hang(decor.picture(style), style.between(1.30, 1.45), gap=-0.006)
    f.hang(decor.clock(style), style.between(1.65, 1.8), gap=-0.002)
    if kind in ("bedroom", "living room") and style.chance(0.6):
        f.hang(decor.mirror(style), 0.95, gap=-0.006)
    if kind != "kitchen":
        board = f.hang(storage.shelf_board(style), 1.30, gap=0.0)
        f.things(board, 0, "storage", 4)
    f.add(plan.corner(style, decor.trash_can(style)))
    if style.chance(0.5):
        f.stack_of_boxes()
    return Room(
        kind,
        width,
        depth,
        height,
        [*placed, *f.placed],
        (lamp.at[0], lamp.at[1], lamp.at[2]),
        [h for h in holes if h.kind == "window"],
        palette,
        plan,
    )


def _shell(
    style: Style, kind: str, width: float, depth: float, height: float, holes: Sequence[Opening]
) -> list[Placed]:
    """Floor, ceiling, four walls, then what fills the openings; in this order."""
    palette, rng = style.palette, style.rng
    ground = {
        "kitchen": [("tiles", "sand"), ("checker", "white"), ("tiles", "grey"), ("planks", "oak")],
        "office": [("carpet", "grey"), ("carpet", "blue"), ("planks", "oak"), ("parquet", "oak")],
    }.get(
        kind, [("planks", "oak"), ("planks", "walnut"), ("parquet", "cherry"), ("planks", "pine"), ("carpet", "beige")]
    )
    name, tone = ground[int(rng.integers(len(ground)))]
    paints = [("plaster", c) for c in ("cream", "white", "sage", "sky", "sand", "rose")] + [
        ("stripes", "sand"),
        ("stripes", "sky"),
        ("damask", "cream"),
        ("damask", "sage"),
    ]
    texture, color = paints[int(rng.integers(len(paints)))]
    paint = palette.tiled("wall_tiles" if kind == "kitchen" and style.chance(0.5) else texture, color)
    feature = paint
    if style.chance(0.4):
        feature = palette.tiled(
            "plaster", choice(rng, ["teal", "navy", "terracotta", "sage", "mustard", "plum", "sky"])
        )
    solids = [
        ("floor", shell.floor(width, depth, palette.tiled(name, tone))),
        ("ceiling", shell.ceiling(width, depth, height, palette.tiled("plaster", "white"))),
    ]
    placed = [
        Placed(Model(label, solid, width, depth, 0.0), (0.0, 0.0, 0.0), 0.0, None, "part_of_room")
        for label, solid in solids
    ]
    special = int(rng.integers(4))
    plan = Floorplan(width, depth, ())
    for k in range(4):
        own = [hole for hole in holes if hole.wall == k]
        solid = shell.wall(plan.length_of(k), height, feature if k == special else paint, style.white, own)
        x, y = plan.on_wall(k, 0.0, 0.0)
        placed.append(
            Placed(
                Model("wall", solid, plan.length_of(k), 0.0, height), (x, y, 0.0), plan.turn_of(k), None, "part_of_room"
            )
        )
    for index, hole in enumerate(holes):
        made = shell.door(style, hole) if hole.kind == "door" else shell.window(style, hole, index)
        x, y = plan.on_wall(hole.wall, hole.at, 0.0)
        placed.append(Placed(made, (x, y, 0.0), plan.turn_of(hole.wall), placed[2 + hole.wall], "part_of_room"))
    return placed
