"""What belongs where: one program a kind of room, and the furnisher that carries it out.

A program places large things first, then what stands around them, then small things on every surface. A thing that
finds no place is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from . import decor, seating, smallthings, storage, tables
from .placement import Floorplan, Placed, Rectangle, put_on
from .style import Model, Style

__all__ = ["PROGRAMS", "Furnisher"]


class Furnisher:
    """Carries the state of one room while its program runs; ``rugs`` says whether any may be laid."""

    def __init__(self, style: Style, plan: Floorplan, floor: Placed, walls: Sequence[Placed]) -> None:
        self.style, self.plan, self.floor, self.walls = style, plan, floor, tuple(walls)
        self.placed: list[Placed] = []
        self.rugs = True

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

    def hang(self, thing: Model, low: float, **options: object) -> Placed | None:
        found = self.plan.hang(self.style, thing, low, **options)  # type: ignore[arg-type]
        if found is None:
            return None
        placed, k = found
        placed.parent = self.walls[k]
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

    def chairs(self, table: Placed, variant: int, sides: Sequence[tuple[float, float, float]]) -> None:
        """Chairs around a table, their seats under its board; ``sides`` lists (x, y, turn) in the table's axes."""
        for x, y, turn in sides:
            wx, wy = table.to_world(x, y)
            facing = table.turn + turn + self.style.between(-0.15, 0.15)
            chair = self.add(self.plan.at(seating.chair(self.style, variant), wx, wy, facing, under=table))
            if chair is not None and table.parent is not self.floor:
                self.lift(chair, table.parent)

    def rug(self, thing: Model, x: float, y: float, turn: float) -> Placed | None:
        """A rug, where it lies wholly inside the room; furniture may stand on it."""
        if not self.rugs:
            return None
        area = np.abs(Rectangle(x, y, thing.width, thing.depth, turn).corners())
        if area[:, 0].max() > self.plan.width / 2 - 0.06 or area[:, 1].max() > self.plan.depth / 2 - 0.06:
            return None
        return self.add(Placed(thing, (x, y, 0.0), turn))

    @staticmethod
    def lift(thing: Placed, rug: Placed | None) -> None:
        """Stand something on a rug instead of the floor, sunk by a millimetre."""
        if rug is not None:
            thing.parent = rug
            thing.at = (thing.at[0], thing.at[1], rug.at[2] + rug.model.height - 0.001)

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


def _living(f: Furnisher) -> None:
    style, plan = f.style, f.plan
    couch = seating.couch(style)
    placed = f.wall(couch, space=1.5, gap=0.05) or f.wall(couch, space=1.0, gap=0.05)
    if placed is not None:
        for k in range(2):
            f.on(placed, k, seating.pillow(style), turn=style.between(-0.7, 0.7))
        rug = decor.rug(style, style.between(1.9, 2.3), style.between(1.3, 1.6))
        x, y = placed.to_world(0, -couch.depth / 2 - 0.25 - rug.depth / 2)
        laid = f.rug(rug, x, y, placed.turn)
        table = tables.coffee_table(style)
        x, y = placed.to_world(0, -couch.depth / 2 - 0.42 - table.depth / 2)
        coffee = f.add(plan.at(table, x, y, placed.turn))
        if coffee is not None:
            f.lift(coffee, laid)
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


def _bedroom(f: Furnisher) -> None:
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
            x, y = placed.to_world(
                sign * (bed.width / 2 + stand.width / 2 + 0.05), bed.depth / 2 - stand.depth / 2 - 0.02
            )
            side = f.add(plan.at(stand, x, y, placed.turn))
            if side is not None:
                f.on(side, 0, decor.table_lamp(style))
                f.things(side, 0, "night", 2)
        rug = decor.rug(style, style.between(1.3, 1.7), style.between(0.9, 1.1))
        x, y = placed.to_world(0, -bed.depth / 2 - rug.depth / 2 - 0.06)
        f.rug(rug, x, y, placed.turn)
    f.things(f.wall(storage.wardrobe(style), space=0.6), 0, "storage", 2)
    chest = f.wall(storage.dresser(style), space=0.6)
    f.things(chest, 0, "living", 5)
    _desk(f)
    f.add(plan.corner(style, seating.armchair(style)))
    f.shelves(f.wall(storage.bookshelf(style, 0.75, style.between(1.1, 1.6)), space=0.4))
    f.add(plan.corner(style, decor.plant(style, style.between(0.8, 1.2))))
    f.add(plan.corner(style, smallthings.basket(style)))


def _desk(f: Furnisher, screens: int = 1) -> None:
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


def _office(f: Furnisher) -> None:
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


def _kitchen(f: Furnisher) -> None:
    """The wall without openings carries the units; ``room.py`` keeps one long wall closed."""
    style, plan = f.style, f.plan
    oven, fridge = storage.stove(style), storage.refrigerator(style)
    closed = [k for k in range(4) if not any(o.wall == k for o in plan.openings)]
    for wall in sorted(closed, key=plan.length_of, reverse=True)[:1]:
        # What the oven and the fridge leave of the wall is counter, with a slit of 12 mm between units.
        rest = min(plan.length_of(wall) - 0.25 - oven.width - fridge.width, 2.7)
        left, right = storage.counter(style, 0.45 * rest, False), storage.counter(style, 0.55 * rest, True)
        start = -(rest + oven.width + fridge.width + 0.036) / 2
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
                f.hang(upper, 1.45, wall=wall, along=edge + unit.width / 2, gap=0.004, margin=-0.02)
            edge += unit.width + 0.012
    _dining_group(f, 4, rug=False)
    f.things(f.wall(storage.cabinet(style), space=0.5), 0, "kitchen", 5)
    f.shelves(f.wall(storage.bookshelf(style, 0.8, 1.6), space=0.4))
    for _ in range(2):
        f.add(plan.anywhere(style, seating.stool(style), margin=0.1))
    f.add(plan.corner(style, decor.trash_can(style)))
    f.add(plan.corner(style, decor.plant(style, style.between(0.8, 1.2))))
    board = f.hang(storage.shelf_board(style), 1.35, gap=0.004)
    f.things(board, 0, "kitchen", 4)


def _dining_group(f: Furnisher, seats: int, rug: bool) -> None:
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
        f.lift(placed, f.rug(carpet, placed.at[0], placed.at[1], turn))
    variant = int(style.rng.integers(6))
    if round_one:
        r = table.width / 2 + 0.12
        around = [(r * math.sin(a), -r * math.cos(a), math.pi + a) for a in (0.4, 1.97, 3.54, 5.11)]
    else:
        around = _around(table.width, table.depth, 2, ends=seats > 4)
    f.chairs(placed, variant, around)
    f.things(placed, 0, "dining", 7)


def _dining(f: Furnisher) -> None:
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


PROGRAMS: Final = {
    "living room": _living,
    "bedroom": _bedroom,
    "office": _office,
    "kitchen": _kitchen,
    "dining room": _dining,
}
