"""Objects by which somebody finds the way: passed on the left or the right, or stopped at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ...core.motion import Headings, Poses
from ..marked_objects import MarkedObjectParameters, MarkedObjects
from ._walked_path import Leg

__all__ = ["LandmarkParameters", "Landmarks", "Sight"]

_PASSED: Final = (0.15, 0.85)  # of a leg, between which the middle of what is passed lies
_LEAST_ASIDE: Final = 0.1  # m that all of what is passed is to the side
_GAP: Final = (0.15, 0.10)  # m, and share, by which the nearest landmark is nearer than any other

FloatArray = npt.NDArray[np.float64]


class LandmarkParameters(MarkedObjectParameters):
    """What serves as a landmark."""

    landmark_size: float = Field(0.3, ge=0, description="metres; longest side of a landmark, at least")
    passed_within: float = Field(1.5, gt=0, description="metres between a leg of a way and a landmark passed, at most")
    stopped_within: float = Field(
        1.0, gt=0, description="metres between the end of a leg and a landmark there, at most"
    )


@dataclass(frozen=True, slots=True)
class Sight:
    """A landmark of a leg.

    Attributes:
        instance: index into the scene's.
        gap: metres on the ground between its footprint and the leg, or the leg's end.
        side: 1 where it is passed on the left, -1 on the right, 0 at the end.
        margin: quantity / threshold of the closest condition.
    """

    instance: int
    gap: float
    side: int
    margin: float


class Landmarks:
    """Objects of a scene that can be told by name: large enough, standing, the only ones of their kind.

    Args:
        objects: of the scene.
        parameters: what serves.
    """

    def __init__(self, objects: MarkedObjects, parameters: LandmarkParameters) -> None:
        self._objects = objects
        self._parameters = parameters
        longest = objects.boxes.size.max(axis=1, initial=0.0)
        self.usable = [
            index
            for index in np.flatnonzero(objects.askable & (longest >= parameters.landmark_size)).tolist()
            if len(objects.of_kind(objects.labels[index])) == 1 and not len(objects.doubtful(objects.labels[index]))
        ]

    def among(self, frames: tuple[int, ...]) -> list[int]:
        """Those that one of some frames shows well, and that are not above all cameras."""
        boxes, scene = self._objects.boxes, self._objects.scene
        assert scene.up is not None
        eyes = max(float(scene.frames[index].camera.centre @ scene.up) for index in frames)
        half = np.abs(boxes.axes @ scene.up * boxes.size).sum(axis=1) / 2
        low = boxes.centre @ scene.up - half
        shown = np.asarray(self._objects.shows[list(frames)].any(axis=0))
        return [index for index in self.usable if shown[index] and low[index] < eyes]

    def footprints(self, instances: list[int], poses: Poses, headings: Headings) -> FloatArray:
        """(k, 4, 2): corners of boxes on the ground, around; (right, forward) of the first of some levelled cameras."""
        boxes = self._objects.boxes
        axes = np.stack([headings.right[0], headings.forward[0]])
        signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        corners = [
            boxes.centre[k] + (signs * boxes.size[k, :2] / 2) @ boxes.axes[k, :2] - poses.centre[0] for k in instances
        ]
        return np.asarray(np.reshape(corners, (-1, 4, 3)) @ axes.T)

    def of_leg(self, leg: Leg, instances: list[int], footprints: FloatArray) -> list[Sight]:
        """What is passed on a leg, at most one, and what is at its end, at most one."""
        if not instances:
            return []
        end = np.array([_gap(corners, np.array(leg.end), np.array(leg.end)) for corners in footprints])
        order = np.argsort(end, kind="stable")
        nearest = int(order[0])
        gap = float(end[nearest])
        runner_up = float(end[order[1]]) if len(order) > 1 else np.inf
        least = max(_GAP[0], _GAP[1] * gap)
        found = []
        margin = min(self._parameters.stopped_within / max(gap, 0.1), (runner_up - gap) / least)
        if margin >= 1.0:
            found.append(Sight(instances[nearest], gap, 0, margin))
        passed = [
            sight
            for k, instance in enumerate(instances)
            if not (found and k == nearest) and (sight := self._passed(leg, instance, footprints[k])) is not None
        ]
        return [*sorted(passed, key=lambda sight: (sight.gap, sight.instance))[:1], *found]

    def _passed(self, leg: Leg, instance: int, corners: FloatArray) -> Sight | None:
        """A landmark beside a leg; None where it is before or behind, across, or too far."""
        ahead = leg.direction
        left = np.array([-ahead[1], ahead[0]])
        share = float((corners.mean(axis=0) - leg.start) @ ahead) / leg.length
        aside = (corners - leg.start) @ left
        least = float(np.abs(aside).min())
        if not _PASSED[0] <= share <= _PASSED[1] or aside.min() * aside.max() <= 0 or least < _LEAST_ASIDE:
            return None
        gap = _gap(corners, np.array(leg.start), np.array(leg.end))
        margin = min(self._parameters.passed_within / gap, least / _LEAST_ASIDE)
        return Sight(instance, gap, 1 if aside.min() > 0 else -1, margin) if margin >= 1.0 else None


def _gap(corners: FloatArray, start: FloatArray, end: FloatArray) -> float:
    """Metres between a convex outline (4, 2), in order, and a line; 0 where they meet."""
    if _inside(corners, start) or _inside(corners, end):
        return 0.0
    edges = list(zip(corners, np.roll(corners, -1, axis=0), strict=True))
    if any(_cross(start, end, a, b) for a, b in edges):
        return 0.0
    return float(
        min(
            min(_to_line(p, a, b) for a, b in edges for p in (start, end)),
            min(_to_line(corner, start, end) for corner in corners),
        )
    )


def _inside(corners: FloatArray, point: FloatArray) -> bool:
    turns = [_side(a, b, point) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    return min(turns) >= 0 or max(turns) <= 0


def _side(a: FloatArray, b: FloatArray, point: FloatArray) -> float:
    return float((b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0]))


def _cross(p: FloatArray, q: FloatArray, a: FloatArray, b: FloatArray) -> bool:
    return _side(p, q, a) * _side(p, q, b) < 0 and _side(a, b, p) * _side(a, b, q) < 0


def _to_line(point: FloatArray, a: FloatArray, b: FloatArray) -> float:
    along = b - a
    square = float(along @ along)
    place = min(max(float((point - a) @ along) / square, 0.0), 1.0) if square > 0 else 0.0
    return float(np.linalg.norm(point - a - place * along))
