"""Sets a room up for a video: articulated furniture, and things that move on the floor and on tables.

It runs before the room's own program and keeps the floor free that its things move over, so that nothing ever passes
through furniture.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from . import seating, smallthings, tables
from .articulated import Jointed, chest_of_drawers, cupboard, set_in_motion
from .moving import Motion, Moving, ball, placed_pose, rests, toy_car
from .placement import Placed, Rectangle
from .programs import Furnisher
from .style import Model, Style

__all__ = ["Stage"]

Floats = npt.NDArray[np.float64]

_UP: Final = np.array([0.0, 0.0, 1.0])
_SUNK: Final = 0.0015  # m: the open bottom of a thing leaves no gap
_TRIES: Final = 60
_SILL: Final = 0.6  # m
_CURTAINS: Final = 0.30  # m, from a wall
_LEAST_ON_FLOOR: Final = 3
_LEAST_ON_TABLES: Final = 2


def _small_box(style: Style) -> Model:
    return smallthings.cardboard_box(style, style.between(0.14, 0.18))


_SMALL: Final[dict[str, Callable[[Style], Model]]] = {
    "slide": smallthings.cup,
    "turn": smallthings.book,
    "both": _small_box,
}
"""What moves on tables, by how it does."""


class Stage:
    """Places what moves, as ``furnish``'s first step.

    Attributes:
        moving: everything that was placed, with its motion.
        kept_free: floor where nobody walks: it belongs to doors and drawers, with room to pass.
        complete: whether all furniture and enough things found a place.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.moving: list[Moving] = []
        self.kept_free: list[Rectangle] = []
        self.complete = False

    def __call__(self, f: Furnisher) -> None:
        f.rugs = False  # a rug would lie across the ways of things
        chest = self._jointed(f, chest_of_drawers(f.style), None)
        wall = None if chest is None else round((chest.turn - math.pi) / (math.pi / 2)) % 4
        closet = self._jointed(f, cupboard(f.style), wall)
        if chest is None or closet is None:
            return
        on_floor = sum(self._on_floor(f, make) for make in (_drive, _push, _roll, _spin, _shove))
        table = f.add(f.plan.anywhere(f.style, tables.coffee_table(f.style), margin=0.08))
        on_tables = 0
        for parent, kinds in ((chest, ("slide", "turn")), (table, ("slide", "both", "turn"))):
            if parent is not None:
                on_tables += sum(self._on_surface(f, parent, kind) for kind in kinds)
                f.things(parent, 0, "living", 2)
        for surface in range(len(closet.model.surfaces)):
            f.things(closet, surface, "storage", 2)
        self.complete = on_floor >= _LEAST_ON_FLOOR and on_tables >= _LEAST_ON_TABLES

    def _jointed(self, f: Furnisher, made: Jointed, wall: int | None) -> Placed | None:
        """Articulated furniture against a wall, best the one given or one beside it."""
        walls = None if wall is None else [wall, (wall + 1) % 4, (wall + 3) % 4]
        placed = f.wall(made.body, walls=walls, space=made.space, side=made.side, gap=0.03)
        if placed is None:
            return None
        x, y = placed.to_world(0.0, -(made.body.depth + made.space) / 2)
        zone = Rectangle(x, y, made.body.width + 2 * made.side, made.space, placed.turn)
        f.plan.take(zone)
        self.kept_free.append(Rectangle(x, y, zone.width + 0.5, zone.depth + 0.5, zone.turn))
        self.moving += set_in_motion(f.style, made, placed, self.seconds)
        return placed

    def _on_floor(self, f: Furnisher, make: Callable[[Furnisher, float], _Act]) -> bool:
        """Find a free way over the floor for one thing."""
        act = make(f, self.seconds)
        for _ in range(_TRIES):
            half = np.array([f.plan.width, f.plan.depth]) / 2 - 0.3
            x, y = f.style.rng.uniform(-half, half)
            turn = f.style.between(-math.pi, math.pi)
            motion = act.motion(placed_pose(float(x), float(y), act.lift - _SUNK, turn))
            way = _way(motion, act.model)
            # What is as high as a window sill stays away from walls: curtains hang there.
            away = _CURTAINS if act.model.height > _SILL else 0.0
            if f.plan.free(replace(way, width=way.width + 2 * away, depth=way.depth + 2 * away)):
                f.plan.take(way)
                self.moving.append(Moving(act.model.label, "moving", act.model.solid, motion))
                return True
        return False

    def _on_surface(self, f: Furnisher, parent: Placed, kind: str) -> bool:
        """A small thing that slides or turns on a piece of furniture."""
        style, place = f.style, parent.model.surfaces[0]
        thing = _SMALL[kind](style)
        if not parent.taken:
            parent.taken.append([])
        length = 0.0 if kind == "turn" else style.between(0.16, 0.30)
        turned = 0.0 if kind == "slide" else style.between(0.6, 1.6) * style.rng.choice([-1, 1])
        # A turning thing needs its diagonal in every direction.
        around = math.hypot(thing.width, thing.depth) if turned else 0.0
        wide, deep = max(thing.width, around) + length + 0.02, max(thing.depth, around) + 0.02
        room = np.asarray(place.size) / 2 - (wide / 2, deep / 2)
        if room.min() < 0:
            return False
        for _ in range(_TRIES):
            x, y = style.rng.uniform(-room, room)
            spot = Rectangle(float(x), float(y), wide, deep)
            if any(spot.meets(other) for other in parent.taken[0]):
                continue
            parent.taken[0].append(spot)
            way = length * style.rng.choice([-1.0, 1.0])
            wx, wy = parent.to_world(place.centre[0] + float(x) - way / 2, place.centre[1] + float(y))
            own = style.between(-3, 3) if turned else style.between(-0.3, 0.3)
            base = placed_pose(wx, wy, parent.at[2] + place.centre[2] - _SUNK, parent.turn + own)
            along = np.array([math.cos(parent.turn), math.sin(parent.turn), 0.0])
            times, far = rests(style, self.seconds)
            motion = Motion(base, times, far[:, None] * way * along, far * turned, _UP, base[:3, 3].copy())
            self.moving.append(Moving(thing.label, "moving", thing.solid, motion))
            return True
        return False


class _Act:
    """A thing and what it does, wherever it is put."""

    def __init__(self, model: Model, motion: Callable[[Floats], Motion], lift: float = 0.0) -> None:
        self.model, self.motion, self.lift = model, motion, lift


def _drive(f: Furnisher, seconds: float) -> _Act:
    """A toy car drives a bend."""
    radius = f.style.between(0.45, 0.8) * float(f.style.rng.choice([-1, 1]))
    bend = f.style.between(0.55, 0.9) / abs(radius)
    times, far = rests(f.style, seconds)

    def motion(base: Floats) -> Motion:
        # It drives towards its -y; turning about a point to its right (+x) by a positive angle would drive it back.
        turn = -far * bend * np.sign(radius)
        return Motion(base, times, np.zeros((len(far), 3)), turn, _UP, base[:3, 3] - base[:3, 0] * radius)

    return _Act(toy_car(f.style), motion)


def _push(f: Furnisher, seconds: float) -> _Act:
    """A cardboard box is pushed and turns a little on its way."""
    return _slide(f, seconds, smallthings.cardboard_box(f.style, f.style.between(0.32, 0.42)), 0.45, 0.75, 0.9)


def _shove(f: Furnisher, seconds: float) -> _Act:
    """A chair is shoved over the floor."""
    return _slide(f, seconds, seating.chair(f.style, int(f.style.rng.integers(6))), 0.25, 0.4, 0.25)


def _slide(f: Furnisher, seconds: float, thing: Model, low: float, high: float, most: float) -> _Act:
    distance, turned = f.style.between(low, high), f.style.between(-most, most)
    times, far = rests(f.style, seconds)

    def motion(base: Floats) -> Motion:
        shift = far[:, None] * distance * -base[:3, 1]
        return Motion(base, times, shift, far * turned, _UP, base[:3, 3].copy())

    return _Act(thing, motion)


def _spin(f: Furnisher, seconds: float) -> _Act:
    """A stool turns on the spot, or a basket."""
    thing = seating.stool(f.style) if f.style.chance(0.5) else smallthings.basket(f.style)
    turned = f.style.between(0.8, 2.2) * float(f.style.rng.choice([-1, 1]))
    times, far = rests(f.style, seconds)

    def motion(base: Floats) -> Motion:
        return Motion(base, times, np.zeros((len(far), 3)), far * turned, _UP, base[:3, 3].copy())

    return _Act(thing, motion)


def _roll(f: Furnisher, seconds: float) -> _Act:
    """A ball rolls without slipping."""
    thing = ball(f.style)
    distance = f.style.between(0.6, 0.95)
    times, far = rests(f.style, seconds)

    def motion(base: Floats) -> Motion:
        ahead = -base[:3, 1]
        shift = far[:, None] * distance * ahead
        turn = far * distance / (thing.width / 2)
        return Motion(base, times, shift, turn, np.cross(_UP, ahead), base[:3, 3].copy())

    return _Act(thing, motion, lift=thing.height / 2)


def _way(motion: Motion, thing: Model) -> Rectangle:
    """The rectangle of floor a thing needs on its way, a little margin included; along its first position."""
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (thing.width / 2 + 0.02, thing.depth / 2 + 0.02)
    poses = motion.poses(np.linspace(0, 1, 25))
    turns = poses[:, :2, :2]
    if abs(float(motion.axis[2])) < 0.5:  # it rolls: its outline is the same whichever way up
        turns = np.broadcast_to(motion.base[:2, :2], turns.shape)
    corners = (turns[:, None] @ half[None, :, :, None])[..., 0] + poses[:, None, :2, 3]
    c, s = motion.base[0, 0], motion.base[1, 0]
    own = corners.reshape(-1, 2) @ np.array([[c, -s], [s, c]])
    low, high = own.min(0), own.max(0)
    middle = np.array([[c, -s], [s, c]]) @ ((low + high) / 2)
    return Rectangle(
        float(middle[0]), float(middle[1]), float(high[0] - low[0]), float(high[1] - low[1]), math.atan2(s, c)
    )
