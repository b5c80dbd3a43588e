"""A camera's way through a room as somebody would walk it: turns and straight legs.

The walker starts where the first frame was taken and looks as it does; turns towards the first corner of the way, walks
there, and so on; and in the end turns to look as the last frame does. Cameras are held and swung: where they look in
between plays no part, and small detours are left out (Douglas and Peucker's simplification, on the ground).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ...core.motion import Headings, Poses
from ...core.rounding import half_up

__all__ = ["Leg", "WalkedPath", "angle_shown", "length_shown"]

_STEP: Final = 5.0  # degrees, to which turns are told
_AROUND: Final = 175.0  # degrees; a larger turn is neither left nor right, and told as a half turn
_STEEPEST: Final = math.radians(60.0)  # a camera that looks further up or down has no heading

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Leg:
    """A turn on the spot and a straight line.

    Attributes:
        turn: radians, positive to the left.
        length: metres.
        start, end: (right, forward) of the levelled first camera, metres.
    """

    turn: float
    length: float
    start: tuple[float, float]
    end: tuple[float, float]

    @property
    def direction(self) -> FloatArray:
        """(2,), unit vector."""
        return (np.array(self.end) - self.start) / self.length


@dataclass(frozen=True, slots=True)
class WalkedPath:
    """The way between two frames.

    Attributes:
        legs: in order.
        last_turn: radians from the last leg to where the last frame looks, positive to the left.
        detour: metres by which the camera left the legs, at most.
        climb: metres between its highest and lowest place.
        miss: metres between its last place and where the turns and lengths lead as they are told.
    """

    legs: tuple[Leg, ...]
    last_turn: float
    detour: float
    climb: float
    miss: float

    @classmethod
    def of(cls, poses: Poses, headings: Headings, tolerance: float) -> WalkedPath | None:
        """The way along poses in their order; None where the first or the last frame has no heading, or there is none.

        Args:
            poses: of the frames shown.
            headings: of them.
            tolerance: metres; detours up to this are left out.
        """
        if max(abs(headings.elevation[0]), abs(headings.elevation[-1])) > _STEEPEST:
            return None
        axes = np.stack([headings.right[0], headings.forward[0]])
        moved = poses.centre - poses.centre[0]
        ground = moved @ axes.T
        corners = _corners(ground, tolerance)
        stops = ground[corners]
        away = np.linalg.norm(np.diff(stops, axis=0), axis=1)
        if not (away > 0).all():
            return None
        looks = axes @ headings.forward[-1]
        directions = [np.array([0.0, 1.0]), *(np.diff(stops, axis=0) / away[:, None]), looks]
        turns = [_turn(before, after) for before, after in pairwise(directions)]
        legs = tuple(
            Leg(turns[k], float(away[k]), tuple(stops[k].tolist()), tuple(stops[k + 1].tolist()))
            for k in range(len(away))
        )
        height = moved @ headings.up
        return cls(legs, turns[-1], _detour(ground, corners), float(np.ptp(height)), _miss(legs))


def angle_shown(turn: float) -> int:
    """Whole degrees in which a turn is told, without its side; 180 of one that has none."""
    angle = abs(math.degrees(turn))
    return 180 if angle > _AROUND else round(_STEP * half_up(angle / _STEP))


def length_shown(length: float) -> float:
    """Metres in which a leg is told."""
    return half_up(length, 1)


def _turn(before: FloatArray, after: FloatArray) -> float:
    """Radians from one direction (right, forward) to another, positive to the left."""
    return math.atan2(before[0] * after[1] - before[1] * after[0], float(before @ after))


def _corners(ground: FloatArray, tolerance: float) -> list[int]:
    """Indices of points whose connection leaves no point farther than the tolerance; first and last among them."""
    kept, open_ends = {0, len(ground) - 1}, [(0, len(ground) - 1)]
    while open_ends:
        first, last = open_ends.pop()
        between = _distance(ground[first + 1 : last], ground[first], ground[last])
        if len(between) and between.max() > tolerance:
            farthest = first + 1 + int(between.argmax())
            kept.add(farthest)
            open_ends += [(first, farthest), (farthest, last)]
    return sorted(kept)


def _distance(points: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
    """(n,), metres between points and a line that ends at two others."""
    along = end - start
    square = float(along @ along)
    place = np.clip((points - start) @ along / square, 0.0, 1.0) if square > 0 else np.zeros(len(points))
    return np.asarray(np.linalg.norm(points - start - place[:, None] * along, axis=1))


def _detour(ground: FloatArray, corners: list[int]) -> float:
    return max(
        float(_distance(ground[first : last + 1], ground[first], ground[last]).max())
        for first, last in pairwise(corners)
    )


def _miss(legs: tuple[Leg, ...]) -> float:
    """Metres between the last corner and where one who turns and walks exactly as told comes to stand."""
    heading, place = math.pi / 2, np.zeros(2)
    for leg in legs:
        heading += math.copysign(math.radians(angle_shown(leg.turn)), leg.turn)
        place += length_shown(leg.length) * np.array([math.cos(heading), math.sin(heading)])
    return float(np.linalg.norm(place - legs[-1].end))
