"""Where furniture may stand: a floor plan that knows what is taken, and the search for free places."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .shell import Opening
from .style import Model, Style

__all__ = ["Floorplan", "Placed", "Rectangle", "put_on"]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A turned rectangle on the floor: centre, full size, turn in radians."""

    x: float
    y: float
    width: float
    depth: float
    turn: float = 0.0

    def corners(self) -> np.ndarray:
        """(4, 2), metres, counter-clockwise."""
        c, s = math.cos(self.turn), math.sin(self.turn)
        local = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (self.width / 2, self.depth / 2)
        return np.asarray(local @ np.array([[c, s], [-s, c]]) + (self.x, self.y))

    def meets(self, other: Rectangle) -> bool:
        """Whether the two overlap (separating axes)."""
        mine, theirs = self.corners(), other.corners()
        for turn in (self.turn, other.turn):
            for axis in ((math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))):
                a, b = mine @ axis, theirs @ axis
                if a.max() <= b.min() or b.max() <= a.min():
                    return False
        return True


@dataclass(slots=True, eq=False)
class Placed:
    """A model at its place.

    Attributes:
        model: what it is.
        at: where the model's origin stands, metres, aligned world.
        turn: about z, radians.
        parent: the placed thing it rests on or hangs from; None for the shell.
        relation: ``stands_on``, ``hangs_on`` or ``part_of_room``.
    """

    model: Model
    at: tuple[float, float, float]
    turn: float
    parent: Placed | None = None
    relation: str = "stands_on"
    taken: list[list[Rectangle]] = field(default_factory=list)

    @property
    def footprint(self) -> Rectangle:
        return Rectangle(self.at[0], self.at[1], self.model.width, self.model.depth, self.turn)

    def to_world(self, x: float, y: float) -> tuple[float, float]:
        """A point of the model's own axes on the room's floor plan."""
        c, s = math.cos(self.turn), math.sin(self.turn)
        return self.at[0] + c * x - s * y, self.at[1] + s * x + c * y


class Floorplan:
    """A rectangular room seen from above, its origin in the middle; remembers what stands where."""

    def __init__(self, width: float, depth: float, openings: Sequence[Opening]) -> None:
        self.width, self.depth = width, depth
        self.openings = tuple(openings)
        self.taken: list[Rectangle] = []
        self.hung: list[tuple[int, float, float, float, float]] = []  # wall, from, to, low, high
        for hole in openings:
            if hole.kind == "door":
                x, y = self.on_wall(hole.wall, hole.at, 0.45)
                self.taken.append(Rectangle(x, y, hole.width + 0.1, 0.9, self.turn_of(hole.wall)))

    @staticmethod
    def turn_of(wall: int) -> float:
        """How far something is turned that has its back to this wall."""
        return math.pi + wall * math.pi / 2

    def length_of(self, wall: int) -> float:
        return self.width if wall % 2 == 0 else self.depth

    def on_wall(self, wall: int, along: float, away: float) -> tuple[float, float]:
        """The floor point ``along`` the wall from its middle (to the right, facing it) and ``away`` from it."""
        turn = self.turn_of(wall)
        reach = (self.depth if wall % 2 == 0 else self.width) / 2 - away
        return along * math.cos(turn) - reach * math.sin(turn), along * math.sin(turn) + reach * math.cos(turn)

    def free(self, area: Rectangle, but: Rectangle | None = None) -> bool:
        """Whether the rectangle lies inside the room and touches nothing, ``but`` what it may stand under."""
        points = np.abs(area.corners())
        inside = points[:, 0].max() < self.width / 2 - 0.005 and points[:, 1].max() < self.depth / 2 - 0.005
        return bool(inside) and not any(area.meets(other) for other in self.taken if other != but)

    def take(self, area: Rectangle) -> None:
        self.taken.append(area)

    def against_wall(
        self,
        style: Style,
        thing: Model,
        *,
        walls: Iterable[int] | None = None,
        along: float | None = None,
        gap: float = 0.02,
        space: float = 0.0,
        side: float = 0.03,
    ) -> Placed | None:
        """Put something with its back to a wall, not before a door and, if tall, not before a window.

        Args:
            style: whose generator decides.
            thing: what to place.
            walls: which walls to try, in this order; None tries all in random order.
            along: the place along the wall, None tries many.
            gap: between its back and the wall, metres.
            space: that must be free in front of it, metres; it is kept free only now.
            side: that must be free on each side, metres.
        """
        order = list(style.rng.permutation(4)) if walls is None else list(walls)
        for wall in order:
            reach = self.length_of(wall) / 2 - thing.width / 2 - 0.03
            if reach < 0:
                continue
            spots = [along] if along is not None else list(style.rng.permutation(np.linspace(-reach, reach, 25)))
            for spot in spots:
                if abs(spot) > reach + 1e-9 or not self._wall_free(int(wall), float(spot), thing.width, thing.height):
                    continue
                turn = self.turn_of(int(wall))
                x, y = self.on_wall(int(wall), float(spot), gap + thing.depth / 2)
                fx, fy = self.on_wall(int(wall), float(spot), gap + (thing.depth + space) / 2)
                if self.free(Rectangle(fx, fy, thing.width + 2 * side, thing.depth + space, turn)):
                    self.take(Rectangle(x, y, thing.width, thing.depth, turn))
                    self.hung.append((int(wall), spot - thing.width / 2, spot + thing.width / 2, 0.0, thing.height))
                    return Placed(thing, (x, y, 0.0), turn)
        return None

    def _wall_free(self, wall: int, along: float, width: float, height: float) -> bool:
        """Whether no door, and no window if the thing is tall, is behind it."""
        for hole in self.openings:
            if hole.wall != wall or abs(hole.at - along) > (hole.width + width) / 2 + (0.05 if height < 0.7 else 0.40):
                continue
            if hole.kind == "door" or height > hole.low - 0.06:
                return False
        return all(
            w != wall or low > height or along + width / 2 < a or along - width / 2 > b for w, a, b, low, _ in self.hung
        )

    def anywhere(self, style: Style, thing: Model, *, turn: float | None = None, margin: float = 0.05) -> Placed | None:
        """Put something anywhere on the free floor."""
        for _ in range(60):
            angle = style.between(-math.pi, math.pi) if turn is None else turn
            x = style.between(-self.width / 2, self.width / 2)
            y = style.between(-self.depth / 2, self.depth / 2)
            if (placed := self.at(thing, x, y, angle, margin)) is not None:
                return placed
        return None

    def corner(self, style: Style, thing: Model) -> Placed | None:
        """Put something into a free corner, else beside something along a wall."""
        radius = max(thing.width, thing.depth) / 2 + 0.06
        for k in style.rng.permutation(4):
            x = (self.width / 2 - radius) * (1 if k in (0, 1) else -1)
            y = (self.depth / 2 - radius) * (1 if k in (0, 2) else -1)
            if (placed := self.at(thing, x, y, self._to_middle(x, y), 0.02)) is not None:
                return placed
        return self.against_wall(style, thing, gap=0.05)

    @staticmethod
    def _to_middle(x: float, y: float) -> float:
        """The turn whose front (-y) looks to the middle of the room."""
        return math.atan2(-x, y)

    def at(
        self, thing: Model, x: float, y: float, turn: float, margin: float = 0.0, *, under: Placed | None = None
    ) -> Placed | None:
        """Put something exactly here if the place is free, or free but for what it is pushed ``under``."""
        area = Rectangle(x, y, thing.width + 2 * margin, thing.depth + 2 * margin, turn)
        if not self.free(area, None if under is None else under.footprint):
            return None
        self.take(Rectangle(x, y, thing.width, thing.depth, turn))
        return Placed(thing, (x, y, 0.0), turn)

    def hang(
        self,
        style: Style,
        thing: Model,
        low: float,
        *,
        wall: int | None = None,
        along: float | None = None,
        gap: float = 0.0,
        margin: float = 0.06,
    ) -> tuple[Placed, int] | None:
        """Hang something on a free piece of wall with its lowest edge at ``low``; returns it and the wall."""
        for k in style.rng.permutation(4) if wall is None else [wall]:
            reach = self.length_of(int(k)) / 2 - thing.width / 2 - 0.10
            if reach < 0:
                continue
            for spot in [along] if along is not None else style.rng.permutation(np.linspace(-reach, reach, 15)):
                left, right = float(spot) - thing.width / 2 - margin, float(spot) + thing.width / 2 + margin
                top = low + thing.height
                blocked = any(
                    w == k and left < b and right > a and low - margin < high and top + margin > under
                    for w, a, b, under, high in self.hung
                )
                blocked |= any(
                    h.wall == k and abs((left + right) / 2 - h.at) < (right - left + h.width) / 2 + 0.36
                    for h in self.openings
                )
                if not blocked:
                    self.hung.append((int(k), left, right, low, top))
                    x, y = self.on_wall(int(k), float(spot), gap + thing.depth / 2)
                    return Placed(thing, (x, y, low), self.turn_of(int(k)), relation="hangs_on"), int(k)
        return None


def put_on(
    style: Style, parent: Placed, surface: int, thing: Model, *, turn: float | None = None, tries: int = 24
) -> Placed | None:
    """Stand a thing on a surface of another, clear of what stands there already; None where it does not fit."""
    place = parent.model.surfaces[surface]
    if thing.height > place.headroom - 0.01:
        return None
    while len(parent.taken) <= surface:
        parent.taken.append([])
    small = max(place.size) < 0.1  # a spot, not a face: whatever is put there is centred on it
    for _ in range(tries):
        angle = style.between(-0.5, 0.5) if turn is None else turn
        area = Rectangle(0, 0, thing.width, thing.depth, angle)
        half = area.corners().max(0)
        room = np.asarray(place.size) / 2 - half
        if small:
            room = np.zeros(2)
        elif room.min() < 0:
            continue
        x, y = style.rng.uniform(-room, room) if not small else style.rng.uniform(-0.008, 0.008, 2)
        spot = Rectangle(float(x), float(y), thing.width + 0.02, thing.depth + 0.02, angle)
        if not any(spot.meets(other) for other in parent.taken[surface]):
            parent.taken[surface].append(spot)
            wx, wy = parent.to_world(place.centre[0] + float(x), place.centre[1] + float(y))
            # Sunk by 1.5 mm: the open bottom leaves neither a gap nor two faces in one plane.
            return Placed(thing, (wx, wy, parent.at[2] + place.centre[2] - 0.0015), parent.turn + angle, parent)
    return None
