"""Things that move: where they are at every moment of a clip, and the toys made for it.

A clip lasts from 0 to 1 whatever its frames, so that the same motions happen in a short and in a long one; how often a
thing moves depends on the seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from .primitives import Solid, box, merge, turned
from .style import Model, Style, model

__all__ = ["Motion", "Moving", "PartKind", "ball", "placed_pose", "rests", "toy_car"]

PartKind = Literal["static", "moving", "drawer", "door"]

Floats = npt.NDArray[np.float64]

_LONG_CLIP: Final = 4.0  # seconds: from here on things move twice


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """A rigid motion between places of rest: a shift, and a turn about one line, eased in and out together.

    Attributes:
        base: (4, 4) part to world before it moves, metres.
        times: (k,) of the places of rest, 0 to 1, increasing; the first is 0 and the last 1.
        shift: (k, 3), metres, world axes, from the base.
        turn: (k,) radians about ``axis`` (3,) through ``pivot`` (3,), world frame; the shift comes after it.
    """

    base: Floats
    times: Floats
    shift: Floats
    turn: Floats
    axis: Floats
    pivot: Floats

    def poses(self, at: Floats) -> Floats:
        """(t, 4, 4) part to world at these moments, 0 to 1."""
        k = np.clip(np.searchsorted(self.times, at, side="right") - 1, 0, len(self.times) - 2)
        s = np.clip((at - self.times[k]) / (self.times[k + 1] - self.times[k]), 0.0, 1.0)
        # Least jerk: starts and ends without speed and without acceleration, like a hand.
        s = s * s * s * (10.0 - 15.0 * s + 6.0 * s * s)
        turn = self.turn[k] + s * (self.turn[k + 1] - self.turn[k])
        shift = self.shift[k] + s[:, None] * (self.shift[k + 1] - self.shift[k])
        rotation = Rotation.from_rotvec(turn[:, None] * self.axis).as_matrix()
        poses = np.tile(np.eye(4), (len(at), 1, 1))
        poses[:, :3, :3] = rotation @ self.base[:3, :3]
        poses[:, :3, 3] = rotation @ (self.base[:3, 3] - self.pivot) + self.pivot + shift
        return poses


@dataclass(frozen=True, slots=True, eq=False)
class Moving:
    """One rigid thing and its motion; ``solid`` is in its own coordinates, metres."""

    label: str
    kind: PartKind
    solid: Solid
    motion: Motion


def placed_pose(x: float, y: float, z: float, turn: float) -> Floats:
    """(4, 4): standing here, turned about the vertical (radians)."""
    pose = np.eye(4)
    c, s = math.cos(turn), math.sin(turn)
    pose[:2, :2] = [[c, -s], [s, c]]
    pose[:3, 3] = x, y, z
    return pose


def rests(style: Style, seconds: float, *, calm: bool = False) -> tuple[Floats, Floats]:
    """When something rests and moves in a clip of this length.

    Args:
        style: whose generator decides.
        seconds: of the clip; a long one has a second move, partly back.
        calm: rest through half of the clip or more.

    Returns:
        The moments (k,) from 0 to 1, and how far it has come at each (k,), from 0 to 1.
    """
    places = [0.0, 1.0] if seconds < _LONG_CLIP else [0.0, 1.0, style.between(0.1, 0.5)]
    spans, far = [], [0.0]
    for k, place in enumerate(places):
        if k:
            spans.append(style.between(0.9, 1.3))
            far.append(place)
        spans.append(style.between(0.9, 1.4) if calm else style.between(0.08, 0.5))
        far.append(place)
    times = np.concatenate([[0.0], np.cumsum(spans)]) / sum(spans)
    times[-1] = 1.0
    return times, np.array(far)


def ball(style: Style) -> Model:
    """A beach ball of two colours; its origin is its middle."""
    radius = style.between(0.12, 0.16)
    # An odd number of rings of one angle: the colours change along circles, and turning shows.
    angles = np.linspace(-math.pi / 2, math.pi / 2, 11)
    profile = [(radius * math.cos(a), radius * math.sin(a)) for a in angles]
    profile[0], profile[-1] = (0.0, -radius), (0.0, radius)
    stripes = {k: style.accent() for k in (1, 3, 5, 7)}
    solid = turned(profile, (0, 0, 0), style.white, painted=stripes)
    return Model("ball", solid.moved(tilt=math.pi / 2), 2 * radius, 2 * radius, 2 * radius)


def toy_car(style: Style) -> Model:
    """A toy car as long as an arm; it drives towards -y."""
    length, width, wheel = style.between(0.36, 0.46), 0.22, 0.05
    paint, glass, rubber = style.accent(), style.palette.tiled("paint", "sky"), style.black
    parts: list[Solid] = [
        box((width, length, 0.085), (0, 0, 0.04), paint, radius=0.025),
        box((width - 0.03, length * 0.48, 0.085), (0, 0.03, 0.115), glass, omit="-z", radius=0.025),
        box((width - 0.04, length * 0.40, 0.012), (0, 0.03, 0.196), paint, radius=0.004),
    ]
    tyre = turned(
        [(0, -0.02), (wheel, -0.02), (wheel, 0.02), (0.55 * wheel, 0.021), (0, 0.021)],
        (0, 0, 0),
        rubber,
        painted={3: style.white},
        sides=16,
    )
    for side in (-1, 1):
        rolled = tyre.moved(tilt=math.pi / 2).moved(turn=side * math.pi / 2)
        parts.extend(rolled.moved((side * (width / 2 - 0.005), y, wheel)) for y in (-0.3 * length, 0.3 * length))
    lamp = style.palette.tiled("paint", "pure", glow=0.4)
    parts.extend(box((0.035, 0.008, 0.03), (s * 0.07, -length / 2 - 0.001, 0.07), lamp) for s in (-1, 1))
    return model("toy car", [merge(parts)])
