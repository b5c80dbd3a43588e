"""Furnished rooms: one program a kind of room, which says what belongs where.

A program places large things first, then what stands around them, then what hangs, then small things on every
surface. A thing that finds no place is left out; a room that ends up too empty, or too full to walk in, is drawn
again (``scene.py``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from . import decor, seating, shell, smallthings, storage, tables
from .materials import Palette, choice
from .placement import Floorplan, Placed, Rectangle, put_on
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


class _Furnisher:
    """Carries the state of one room while its program runs."""

    def __init__(self, style: Style, plan: Floorplan, floor: Placed, height: float) -> None:
        self.style, self.plan, self.floor, self.height = style, plan, floor, height
        self.placed: list[Placed] = []

    def add(self, placed: Placed | None) -> Placed | None:
        """Keep what found a place; floor-standing things rest on the floor, sunk by 2 mm."""
        if placed is None:
            return None
        if placed.parent is None:
            placed.parent = self.floor
            placed.at = (placed.at[0], placed.at[1], -0.002)
        self.placed.append(placed)
        return placed

    def wall(self, thing: Model, **options: object) -> Placed | None:
        return self.add(self.plan.against_wall(self.style, thing, **options))  # type: ignore[arg-type]

    def hang(self, thing: Model, low: float, walls: Sequence[Placed], **options: object) -> Placed | None:
        found = self.plan.hang(self.style, thing, low, **options)  # type: ignore[arg-type]
        if found is None:
            return None
        placed, k = found
        placed.parent = walls[k]
        self.placed.append(placed)
        return placed

    def on(self, parent: Placed | None, surface: int, thing: Model, turn: float | None = None) -> Placed | None:
        if parent is None or surface >= len(parent.model.surfaces):
            return None
        placed = put_on(self.style, parent, surface, thing, turn=turn)
        if placed is not None:
            self.placed.append(placed)
        return placed

    def things(self, parent: Placed | None, surface: int, kind: str, count: int) -> None:
        """Small things of a kind on a surface; now and then one stands on another."""
        for _ in range(count):
            make = smallthings.THINGS[kind][int(self.style.rng.integers(len(smallthings.THINGS[kind])))]
            placed = self.on(parent, surface, make(self.style))
            if placed is None:
                continue
            if placed.model.label == "book" and self.style.chance(0.6):
                second = self.on(placed, 0, smallthings.book(self.style))
                if second is not None and self.style.chance(0.5):
                    self.on(second, 0, smallthings.cup(self.style))
            elif placed.model.label == "plate" and self.style.chance(0.5):
                self.on(placed, 0, smallthings.bowl(self.style))
            elif placed.model.label == "box" and self.style.chance(0.4):
                self.on(placed, 0, smallthings.cardboard_box(self.style, placed.model.width * 0.6))

    def shelves(self, shelf: Placed | None) -> None:
        """Fill a bookshelf: books on most boards, other things on the rest and on top."""
        if shelf is None:
            return
        surfaces = shelf.model.surfaces
        for k, place in enumerate(surfaces[:-1]):
            if self.style.chance(0.7):
                row = storage.book_row(self.style, place.size[0] * self.style.between(0.45, 0.95), place.headroom)
                self.on(shelf, k, row, turn=0.0)
                self.things(shelf, k, "storage", 1)
            else:
                self.things(shelf, k, "storage", 2)
        self.things(shelf, len(surfaces) - 1, "storage", 2)

    def chairs(self, table: Placed, variant: int, sides: Sequence[tuple[float, float, float]], make: Callable[[], Model] | None = None) -> int:
        """Chairs around a table; ``sides`` lists (x, y, turn) in the table's axes of each seat."""
        done = 0
        for x, y, turn in sides:
            chair = seating.chair(self.style, variant) if make is None else make()
            wx, wy = table.to_world(x, y)
            facing = table.turn + turn + self.style.between(-0.15, 0.15)
            done += self.add(self.plan.at(chair, wx, wy, facing, under=table)) is not None
        return done

    def stack_of_boxes(self) -> None:
        """Two or three boxes on each other in a corner."""
        size = self.style.between(0.36, 0.46)
        below = self.add(self.plan.corner(self.style, smallthings.cardboard_box(self.style, size)))
        for _ in range(2):
            size *= 0.8
            below = self.on(below, 0, smallthings.cardboard_box(self.style, size))


def _around(width: float, depth: float, long_side: int, ends: bool) -> list[tuple[float, float, float]]:
    """Seats around a table: on both long sides, and at the ends; chairs look at the table."""
    tuck = 0.10
    seats = []
    for k in range(long_side):
        x = width * ((k + 0.5) / long_side - 0.5)
        seats += [(x, -depth / 2 - tuck, math.pi), (x, depth / 2 + tuck, 0.0)]
    if ends:
        seats += [(-width / 2 - tuck, 0.0, math.pi / 2), (width / 2 + tuck, 0.0, -math.pi / 2)]
    return seats


def _living(f: _Furnisher, walls: Sequence[Placed]) -> None:
    style, plan = f.style, f.plan
    couch = seating.couch(style)
    placed = f.wall(couch, space=1.5, gap=0.05) or f.wall(couch, space=1.0, gap=0.05)
    if placed is not None:
        for k in range(2):
            f.on(placed, k, seating.pillow(style), turn=style.between(-0.7, 0.7))
        rug = decor.rug(style, style.between(1.9, 2.3), style.between(1.3, 1.6))
        x, y = placed.to_world(0, -couch.depth / 2 - 0.25 - rug.depth / 2)
        if max(abs(x) + 0.7, 0) < plan.width / 2 and abs(y) + 0.5 < plan.depth / 2:
            f.add(Placed(rug, (x, y, 0.0), placed.turn))
        table = tables.coffee_table(style)
        x, y = placed.to_world(0, -couch.depth / 2 - 0.42 - table.depth / 2)
        coffee = f.add(plan.at(table, x, y, placed.turn))
        if coffee is not None:
            coffee.at = (coffee.at[0], coffee.at[1], 0.008)  # on the rug
        f.things(coffee, 0, "living", 4)
        f.things(coffee, 1, "storage", 1)
        for sign in (-1, 1):
            side = tables.end_table(style)
            x, y = placed.to_world(sign * (couch.width / 2 + side.width / 2 + 0.06), 0.1)
            end = f.add(plan.at(side, x, y, placed.turn))
            if end is not None:
                f.on(end, 0, decor.table_lamp(style))
        for sign in (-1, 1):
            seat = seating.armchair(style)
            x, y = placed.to_world(sign * 1.35, -couch.depth / 2 - 1.05)
            f.add(plan.at(seat, x, y, placed.turn + sign * -1.95, 0.05))
    opposite = None if placed is None else (round((placed.turn - math.pi) / (math.pi / 2)) + 2) % 4
    stand = f.wall(storage.tv_stand(style), walls=None if opposite is None else [opposite, *range(4)], space=0.5)
    if stand is not None:
        f.on(stand, 0, decor.tv(style), turn=0.0)
        f.things(stand, 0, "living", 2)
        f.things(stand, 1, "storage", 1)
    for _ in range(2):
        f.shelves(f.wall(storage.bookshelf(style), space=0.5))
    f.things(f.wall(storage.cabinet(style), space=0.5), 0, "living", 5)
    f.add(plan.corner(style, decor.floor_lamp(style)))
    f.add(plan.corner(style, decor.plant(style, style.between(1.0, 1.35))))


def _bedroom(f: _Furnisher, walls: Sequence[Placed]) -> None:
    style, plan = f.style, f.plan
    double = style.chance(0.7)
    bed = seating.bed(style, double)
    placed = f.wall(bed, space=0.7, side=0.5) or f.wall(bed, space=0.5, side=0.1)
    if placed is not None:
        for k in range(2 if double else 1):
            f.on(placed, k, seating.pillow(style, 0.62), turn=0.0)
        f.on(placed, len(bed.surfaces) - 1, seating.pillow(style), turn=0.4)
        f.things(placed, len(bed.surfaces) - 1, "night", 1)
        for sign in (-1, 1):
            stand = tables.nightstand(style)
            x, y = placed.to_world(sign * (bed.width / 2 + stand.width / 2 + 0.05), bed.depth / 2 - stand.depth / 2 - 0.02)
            side = f.add(plan.at(stand, x, y, placed.turn))
            if side is not None:
                f.on(side, 0, decor.table_lamp(style))
                f.things(side, 0, "night", 2)
        rug = decor.rug(style, style.between(1.3, 1.7), style.between(0.9, 1.1))
        x, y = placed.to_world(0, -bed.depth / 2 - rug.depth / 2 - 0.06)
        if abs(x) + 0.5 < plan.width / 2 and abs(y) + 0.5 < plan.depth / 2:
            f.add(Placed(rug, (x, y, 0.0), placed.turn))
    f.things(f.wall(storage.wardrobe(style), space=0.6), 0, "storage", 2)
    chest = f.wall(storage.dresser(style), space=0.6)
    f.things(chest, 0, "living", 5)
    _desk(f)
    f.add(plan.corner(style, seating.armchair(style)))
    f.things(f.wall(storage.bookshelf(style, 0.75, style.between(1.1, 1.6)), space=0.4), 0, "storage", 2)
    f.add(plan.corner(style, decor.plant(style, style.between(0.8, 1.2))))
    f.add(plan.corner(style, smallthings.basket(style)))


def _desk(f: _Furnisher, screens: int = 1) -> None:
    """A desk with its chair and what stands on it."""
    style = f.style
    table = tables.desk(style)
    placed = f.wall(table, space=0.75) or f.wall(table, space=0.6, side=0.0)
    if placed is None:
        return
    x, y = placed.to_world(-0.22, -table.depth / 2 - 0.22)
    facing = placed.turn + math.pi + style.between(-0.5, 0.5)
    f.add(f.plan.at(seating.office_chair(style), x, y, facing, under=placed))
    taken: list[Rectangle] = []
    placed.taken.append(taken)
    z = placed.at[2] + table.surfaces[0].centre[2] - 0.0015
    middle = table.surfaces[0].centre[0] - 0.12

    def fixed(thing: Model, dx: float, dy: float, turn: float) -> None:
        x, y = placed.to_world(middle + dx, table.surfaces[0].centre[1] + dy)
        taken.append(Rectangle(middle + dx - table.surfaces[0].centre[0], dy, thing.width, thing.depth, turn))
        f.placed.append(Placed(thing, (x, y, z), placed.turn + turn, placed))

    if screens:
        for k in range(screens):
            offset = 0.0 if screens == 1 else (-0.30 if k == 0 else 0.34)
            fixed(smallthings.monitor(style), offset, 0.17, 0.0 if screens == 1 else 0.25 * (1 - 2 * k))
        fixed(smallthings.keyboard(style), 0.0, -0.13, style.between(-0.06, 0.06))
        fixed(smallthings.mouse(style), 0.31, -0.13, style.between(-0.2, 0.2))
    else:
        fixed(smallthings.laptop(style), 0.0, -0.04, style.between(-0.2, 0.2))
    f.things(placed, 0, "desk", 4)
    f.add(f.plan.corner(style, decor.trash_can(style)))


def _office(f: _Furnisher, walls: Sequence[Placed]) -> None:
    style, plan = f.style, f.plan
    for k in range(3):
        _desk(f, screens=(2, 1, 0)[k])
    for _ in range(2):
        f.shelves(f.wall(storage.bookshelf(style), space=0.5))
    f.things(f.wall(storage.cabinet(style), space=0.5), 0, "storage", 4)
    table = f.add(plan.at(tables.round_table(style), style.between(-0.6, 0.6), style.between(-0.4, 0.4), 0.0, 0.45))
    if table is not None:
        r = table.model.width / 2
        variant = int(style.rng.integers(6))
        turns = [style.between(0, 0.6) + k * 2 * math.pi / 3 for k in range(3)]
        f.chairs(table, variant, [((r + 0.14) * math.sin(a), -(r + 0.14) * math.cos(a), math.pi + a) for a in turns])
        f.things(table, 0, "desk", 4)
    f.stack_of_boxes()
    f.add(plan.corner(style, decor.plant(style, style.between(1.0, 1.4))))
    f.add(plan.corner(style, decor.floor_lamp(style)))


def _kitchen(f: _Furnisher, walls: Sequence[Placed]) -> None:
    style, plan = f.style, f.plan
    left, right = storage.counter(style, style.between(1.0, 1.2), False), storage.counter(style, style.between(1.1, 1.4), True)
    oven, fridge = storage.stove(style), storage.refrigerator(style)
    run = left.width + oven.width + right.width + fridge.width + 0.05
    for wall in sorted(range(4), key=lambda k: (any(o.wall == k for o in plan.openings), -plan.length_of(k))):
        start = -plan.length_of(wall) / 2 + (plan.length_of(wall) - run) * 0.5
        if start < -plan.length_of(wall) / 2 + 0.02 or any(o.wall == wall and o.kind == "door" for o in plan.openings):
            continue
        edge = start
        for unit in (left, oven, right, fridge):
            placed = f.wall(unit, walls=[wall], along=edge + unit.width / 2, side=-0.01)
            if placed is not None and unit is oven:
                f.on(placed, 0, smallthings.pot(style))
                f.on(placed, 1, smallthings.pot(style))
            elif placed is not None and unit is not fridge:
                for surface in range(len(unit.surfaces)):
                    f.things(placed, surface, "kitchen", 4 if unit is left else 2)
            elif placed is not None:
                f.things(placed, 0, "storage", 1)
            if placed is not None and unit in (left, right):
                upper = storage.kitchen_cabinet(style, unit.width - 0.01)
                f.hang(upper, 1.45, walls, wall=wall, along=edge + unit.width / 2, gap=0.004, margin=-0.02)
            edge += unit.width + 0.012
        break
    _dining_group(f, 4, rug=False)
    f.things(f.wall(storage.cabinet(style), space=0.5), 0, "kitchen", 5)
    f.shelves(f.wall(storage.bookshelf(style, 0.8, 1.6), space=0.4))
    for _ in range(2):
        f.add(plan.anywhere(style, seating.stool(style), margin=0.1))
    f.add(plan.corner(style, decor.trash_can(style)))
    f.add(plan.corner(style, decor.plant(style, style.between(0.8, 1.2))))
    board = f.hang(storage.shelf_board(style), 1.35, walls, gap=0.004)
    f.things(board, 0, "kitchen", 4)


def _dining_group(f: _Furnisher, seats: int, rug: bool) -> None:
    """A table in the middle with chairs, set for a meal."""
    style, plan = f.style, f.plan
    round_one = seats <= 4 and style.chance(0.4)
    table = tables.round_table(style) if round_one else tables.dining_table(style)
    turn = 0.0 if plan.width >= plan.depth else math.pi / 2
    placed = None
    for _ in range(30):
        x, y = style.between(-0.7, 0.7), style.between(-0.7, 0.7)
        if (placed := f.add(plan.at(table, x, y, turn, 0.5))) is not None:
            break
    if placed is None:
        return
    if rug:
        carpet = decor.rug(style, table.width + 1.0, table.depth + 1.1)
        f.add(Placed(carpet, (placed.at[0], placed.at[1], 0.0), turn))
        placed.at = (placed.at[0], placed.at[1], 0.008)
    variant = int(style.rng.integers(6))
    if round_one:
        r = table.width / 2 + 0.12
        around = [(r * math.sin(a), -r * math.cos(a), math.pi + a) for a in (0.4, 1.97, 3.54, 5.11)]
    else:
        around = _around(table.width, table.depth, 2, ends=seats > 4)
    before = len(f.placed)
    f.chairs(placed, variant, around)
    if rug:
        for chair in f.placed[before:]:
            chair.at = (chair.at[0], chair.at[1], 0.008)
    f.things(placed, 0, "dining", 7)


def _dining(f: _Furnisher, walls: Sequence[Placed]) -> None:
    style, plan = f.style, f.plan
    _dining_group(f, 6, rug=style.chance(0.7))
    for make in (storage.cabinet, storage.dresser):
        f.things(f.wall(make(style), space=0.4), 0, "dining", 5)
    f.shelves(f.wall(storage.bookshelf(style), space=0.4))
    f.things(f.wall(storage.cabinet(style), space=0.4), 0, "living", 4)
    f.add(plan.corner(style, decor.plant(style, style.between(1.0, 1.35))))
    f.add(plan.corner(style, decor.floor_lamp(style)))
    f.add(plan.corner(style, seating.armchair(style)))
    f.add(plan.corner(style, decor.trash_can(style)))


_PROGRAMS: Final = {
    "living room": _living,
    "bedroom": _bedroom,
    "office": _office,
    "kitchen": _kitchen,
    "dining room": _dining,
}


def _openings(style: Style, width: float, depth: float) -> list[Opening]:
    """A door and one or two windows on other walls."""
    rng = style.rng
    order = [int(k) for k in rng.permutation(4)]
    holes = []
    for wall, kind in zip(order, ("door", "window", "window"), strict=False):
        length = width if wall % 2 == 0 else depth
        if kind == "door":
            # Near a corner, as in most houses: it leaves long walls for furniture.
            at = (length / 2 - 0.75) * (1 if style.chance(0.5) else -1)
            holes.append(Opening("door", wall, at, 0.88, -0.1, style.between(1.98, 2.08)))
        elif len(holes) < 2 or style.chance(0.6):
            wide = style.between(1.1, 1.7)
            reach = max(0.0, length / 2 - wide / 2 - 0.55)
            holes.append(Opening("window", wall, style.between(-reach, reach), wide, style.between(0.86, 0.98), style.between(2.02, 2.15)))
    return holes


def furnish(kind: str, palette: Palette, rng: np.random.Generator) -> Room:
    """A room of this kind, drawn with this generator."""
    style = Style(palette, rng)
    width, depth, height = style.between(3.9, 4.75), style.between(3.45, 3.9), style.between(2.40, 2.55)
    if style.chance(0.3):
        width, depth = depth, width
    holes = _openings(style, width, depth)
    plan = Floorplan(width, depth, holes)
    placed = _shell(style, kind, width, depth, height, holes)
    floor, walls = placed[0], placed[2:6]
    f = _Furnisher(style, plan, floor, height)
    for hole in holes:
        if hole.kind == "window" and style.chance(0.8):
            f.wall(decor.radiator(style, min(hole.width, 1.1)), walls=[hole.wall], along=hole.at, gap=0.09)
    _PROGRAMS[kind](f, walls)
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
                hanging = Placed(decor.curtain(style, wide, 1.42), (x, y, hole.high + 0.12 - 1.42), plan.turn_of(hole.wall), walls[hole.wall], "hangs_on")
                if style.chance(0.85):
                    f.placed.append(hanging)
    for _ in range(int(rng.integers(2, 5))):
        f.hang(decor.picture(style), style.between(1.30, 1.45), walls, gap=-0.006)
    f.hang(decor.clock(style), style.between(1.65, 1.8), walls, gap=-0.002)
    if kind in ("bedroom", "living room") and style.chance(0.6):
        f.hang(decor.mirror(style), 0.95, walls, gap=-0.006)
    if kind != "kitchen":
        board = f.hang(storage.shelf_board(style), 1.30, walls, gap=0.0)
        f.things(board, 0, "storage", 4)
    f.add(plan.corner(style, decor.trash_can(style)))
    if style.chance(0.5):
        f.stack_of_boxes()
    return Room(kind, width, depth, height, [*placed, *f.placed], (lamp.at[0], lamp.at[1], lamp.at[2]), [h for h in holes if h.kind == "window"], palette, plan)


def _shell(style: Style, kind: str, width: float, depth: float, height: float, holes: Sequence[Opening]) -> list[Placed]:
    """Floor, ceiling, four walls, then what fills the openings; in this order."""
    palette, rng = style.palette, style.rng
    ground = {
        "kitchen": [("tiles", "sand"), ("checker", "white"), ("tiles", "grey"), ("planks", "oak")],
        "office": [("carpet", "grey"), ("carpet", "blue"), ("planks", "oak"), ("parquet", "oak")],
    }.get(kind, [("planks", "oak"), ("planks", "walnut"), ("parquet", "cherry"), ("planks", "pine"), ("carpet", "beige")])
    name, tone = ground[int(rng.integers(len(ground)))]
    paints = [("plaster", c) for c in ("cream", "white", "sage", "sky", "sand", "rose")] + [("stripes", "sand"), ("stripes", "sky"), ("damask", "cream"), ("damask", "sage")]
    texture, color = paints[int(rng.integers(len(paints)))]
    paint = palette.tiled("wall_tiles" if kind == "kitchen" and style.chance(0.5) else texture, color)
    feature = paint
    if style.chance(0.4):
        feature = palette.tiled("plaster", choice(rng, ["teal", "navy", "terracotta", "sage", "mustard", "plum", "sky"]))
    solids = [("floor", shell.floor(width, depth, palette.tiled(name, tone))), ("ceiling", shell.ceiling(width, depth, height, palette.tiled("plaster", "white")))]
    placed = [Placed(Model(label, solid, width, depth, 0.0), (0.0, 0.0, 0.0), 0.0, None, "part_of_room") for label, solid in solids]
    special = int(rng.integers(4))
    plan = Floorplan(width, depth, ())
    for k in range(4):
        own = [hole for hole in holes if hole.wall == k]
        solid = shell.wall(plan.length_of(k), height, feature if k == special else paint, style.white, own)
        x, y = plan.on_wall(k, 0.0, 0.0)
        placed.append(Placed(Model("wall", solid, plan.length_of(k), 0.0, height), (x, y, 0.0), plan.turn_of(k), None, "part_of_room"))
    for index, hole in enumerate(holes):
        made = shell.door(style, hole) if hole.kind == "door" else shell.window(style, hole, index)
        x, y = plan.on_wall(hole.wall, hole.at, 0.0)
        placed.append(Placed(made, (x, y, 0.0), plan.turn_of(hole.wall), placed[2 + hole.wall], "part_of_room"))
    return placed
