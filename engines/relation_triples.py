"""Relations in three words: right or left, above or below, and farther or closer, or in front or behind.

An observer stands somewhere upright and looks along a horizontal direction: a camera that is levelled, or somebody
imagined at an object who faces another. A word is said only where it is beyond doubt by the rule in force; else its
slot stays empty, sign 0 (docs/conventions.md, "Relation triples").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..core.extents import ObjectBoxes
from ..core.motion import Headings, Poses
from ..core.projection import project
from ..core.surface_samples import sample_surfaces
from ..core.types import Camera
from .object_relations import RelationParameters

if TYPE_CHECKING:
    from .marked_objects import MarkedObjects

__all__ = [
    "BETWEEN",
    "SPAR_RELATIONS",
    "TO_OBSERVER",
    "Observer",
    "ObserverView",
    "RelationTriples",
    "Triple",
    "TripleParameters",
]

TO_OBSERVER: Final = ("right", "up", "forward")
BETWEEN: Final = ("right", "up", "distance")
"""Axes of a triple (``core.facts.RELATION_AXES``): of one object to the observer, of one to another."""

_MOST_ELEVATION: Final = math.radians(60.0)  # beyond it a camera has no heading to speak of
_LEAST_HEADING: Final = 1e-9  # metres; a horizontal gap below it points nowhere
_DECIMALS: Final = 5  # of metres, in the evidence
_FACES: Final = np.array(
    [
        *([0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1]),
        *([2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]),
    ],
    dtype=np.int32,
)
"""Of a box (``ObjectBoxes.corners``), two triangles a side."""

SPAR_RELATIONS: Final[MappingProxyType[str, Any]] = MappingProxyType({"relation_rule": "centres"})
"""Values of ``TripleParameters`` under the preset ``spar``: proposals, since SPAR's own were never published."""

FloatArray = npt.NDArray[np.float64]


class TripleParameters(RelationParameters):
    """What every engine that says relations in three words can be told."""

    relation_rule: Literal["intervals", "centres"] = Field(
        "intervals",
        description="what decides a relation: the intervals of both surfaces, disjoint by relation_gap and "
        "relation_gap_share, or the difference of the centres",
    )
    centre_gap: float = Field(0.20, gt=0, description="metres; rule centres: the difference along an axis exceeds it")
    centre_gap_share: float = Field(
        0.10, ge=0, description="the same as a share of the distance between the two centres"
    )
    centre_angle: float = Field(
        10.0,
        ge=0,
        lt=90,
        description="degrees; rule centres: the line between the centres leaves the plane in which an axis is "
        "undecided by more",
    )
    centre_gap_ahead: float = Field(
        0.30, gt=0, description="metres; rule centres: as centre_gap, for in front and behind"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Observer:
    """Somebody who stands upright.

    Attributes:
        position: (3,), metres, world frame.
        right, up, forward: (3,) unit vectors, world frame; up is the world's.
    """

    position: FloatArray
    right: FloatArray
    up: FloatArray
    forward: FloatArray

    @classmethod
    def at(cls, position: npt.ArrayLike, toward: npt.ArrayLike, up: npt.ArrayLike) -> Observer | None:
        """At a place, facing another: forward is the horizontal part of the way there; None where there is none."""
        here, there = np.asarray(position, dtype=np.float64), np.asarray(toward, dtype=np.float64)
        vertical = np.asarray(up, dtype=np.float64)
        way = there - here
        level = way - (way @ vertical) * vertical
        length = float(np.linalg.norm(level))
        if not length > _LEAST_HEADING:
            return None
        forward = level / length
        return cls(here, np.cross(forward, vertical), vertical, forward)

    @classmethod
    def of_camera(cls, camera: Camera, up: npt.ArrayLike) -> Observer | None:
        """The levelled camera; None where it looks more than 60° up or down and has no heading to speak of."""
        headings = Headings.of(Poses.of([camera]), up)
        if not abs(float(headings.elevation[0])) <= _MOST_ELEVATION:
            return None
        return cls(camera.centre, headings.right[0], headings.up, headings.forward[0])

    def local(self, points: npt.ArrayLike) -> FloatArray:
        """(…, 3), metres, world frame, as (right, up, forward) of the observer."""
        axes = np.stack([self.right, self.up, self.forward])
        return np.asarray((np.asarray(points, dtype=np.float64) - self.position) @ axes.T)

    def evidence(self) -> dict[str, list[float]]:
        """Where the observer stands and looks."""
        return {
            "position": self.position.round(_DECIMALS).tolist(),
            "forward": self.forward.round(2 * _DECIMALS).tolist(),
        }


@dataclass(frozen=True, slots=True)
class Triple:
    """How an object lies to another, or to the observer.

    Attributes:
        axes: what the three places are about, names of ``core.facts.RELATION_AXES``.
        signs: -1, 0 (undecided) or +1 of each.
        margins: of each, least quantity over its threshold, 1 is just legal; 0 where undecided.
        intervals: of each, metres: the ends of the first object's and of the other's; the observer's own are 0.
        differences: of each, metres: by how much the first centre exceeds the other.
        limits: of each, metres: what the rule in force asks of the intervals' gap or of the difference.
    """

    axes: tuple[str, ...]
    signs: tuple[float, ...]
    margins: tuple[float, ...]
    intervals: tuple[tuple[tuple[float, float], tuple[float, float]], ...]
    differences: tuple[float, ...]
    limits: tuple[float, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is decided."""
        return not any(self.signs)

    @property
    def margin(self) -> float:
        """The least of the decided axes; 0 where none is."""
        return min((margin for sign, margin in zip(self.signs, self.margins, strict=True) if sign), default=0.0)

    def evidence(self) -> list[dict[str, Any]]:
        """An entry for each axis."""
        return [
            {
                "axis": axis,
                "sign": int(self.signs[place]),
                "intervals": np.round(self.intervals[place], _DECIMALS).tolist(),
                "difference": round(self.differences[place], _DECIMALS),
                "limit": round(self.limits[place], _DECIMALS),
            }
            for place, axis in enumerate(self.axes)
        ]


class RelationTriples:
    """Relations between the objects of a scene, as any observer has them.

    Args:
        objects: of the scene.
        parameters: the rule in force.
    """

    def __init__(self, objects: MarkedObjects, parameters: TripleParameters) -> None:
        self.objects = objects
        self.parameters = parameters

    @cached_property
    def surfaces(self) -> npt.NDArray[np.float32]:
        """(n, k, 3), metres, world frame: spread evenly over each object's surface, else over its box's sides."""
        if "silhouettes" in self.objects.scene.capabilities:
            return self.objects.geometry.surface_samples.points
        return _box_surfaces(self.objects.boxes)

    def seen_by(self, observer: Observer, camera: Camera | None = None) -> ObserverView:
        """Relations as one observer has them.

        Args:
            observer: who looks.
            camera: whose image shows all objects that will be related to each other; their centres' order in it must
                then agree with left and right, above and below. None where they are not in one image.
        """
        return ObserverView(self, observer, camera)

    def thresholds(self) -> dict[str, float | str]:
        """The rule in force, for a fact's evidence."""
        parameters = self.parameters
        if parameters.relation_rule == "intervals":
            return {
                "relation_rule": "intervals",
                "relation_tail": parameters.relation_tail,
                "relation_gap_m": parameters.relation_gap,
                "relation_gap_share": parameters.relation_gap_share,
            }
        return {
            "relation_rule": "centres",
            "centre_gap_m": parameters.centre_gap,
            "centre_gap_share": parameters.centre_gap_share,
            "centre_angle_deg": parameters.centre_angle,
            "centre_gap_ahead_m": parameters.centre_gap_ahead,
        }


class ObserverView:
    """Relations as one observer has them; made by ``RelationTriples.seen_by``."""

    def __init__(self, triples: RelationTriples, observer: Observer, camera: Camera | None) -> None:
        self.observer = observer
        self._triples = triples
        self._camera = camera
        self._centre = observer.local(triples.objects.centre)
        self._ends: dict[int, dict[str, tuple[float, float]]] = {}

    def place(self, thing: int) -> FloatArray:
        """(3,), metres: an object's centre as (right, up, forward) of the observer."""
        return np.asarray(self._centre[thing])

    def of(self, thing: int, reference: int | None = None) -> Triple:
        """Where an object is from another, or from the observer where there is none."""
        return self.to_observer(thing) if reference is None else self.between(thing, reference)

    def to_observer(self, thing: int) -> Triple:
        """Where an object is from the observer: right, up, forward."""
        centre = self._centre[thing]
        ends = self._intervals(thing)
        return self._triple(
            TO_OBSERVER,
            [(ends[axis], (0.0, 0.0)) for axis in TO_OBSERVER],
            centre.tolist(),
            float(np.linalg.norm(centre)),
            (None, None, None),
        )

    def between(self, thing: int, reference: int) -> Triple:
        """Where an object is from another, to the observer's eyes: right, up, distance from the observer."""
        one, other = self._centre[thing], self._centre[reference]
        mine, others = self._intervals(thing), self._intervals(reference)
        difference = [*(one - other)[:2].tolist(), float(np.linalg.norm(one) - np.linalg.norm(other))]
        return self._triple(
            BETWEEN,
            [(mine[axis], others[axis]) for axis in BETWEEN],
            difference,
            float(np.linalg.norm(one - other)),
            self._order_in_image(thing, reference),
        )

    def _triple(
        self,
        axes: tuple[str, ...],
        intervals: Sequence[tuple[tuple[float, float], tuple[float, float]]],
        differences: Sequence[float],
        apart: float,
        in_image: Sequence[float | None],
    ) -> Triple:
        """The rule in force, for each axis; ``in_image`` are signs that must agree, where there are any."""
        signs, margins, limits = [], [], []
        for axis, (mine, others), difference, seen in zip(axes, intervals, differences, in_image, strict=True):
            sign, margin, limit = (
                self._by_intervals(mine, others, apart)
                if self._triples.parameters.relation_rule == "intervals"
                else self._by_centres(axis, difference, apart)
            )
            agrees = seen is None or seen == sign
            signs.append(float(sign if agrees else 0))
            margins.append(margin if sign and agrees else 0.0)
            limits.append(limit)
        return Triple(axes, tuple(signs), tuple(margins), tuple(intervals), tuple(differences), tuple(limits))

    def _by_intervals(
        self, mine: tuple[float, float], others: tuple[float, float], apart: float
    ) -> tuple[int, float, float]:
        """Sign, margin and limit: disjoint by enough."""
        parameters = self._triples.parameters
        limit = max(parameters.relation_gap, parameters.relation_gap_share * apart)
        above, below = mine[0] - others[1], others[0] - mine[1]
        if max(above, below) >= limit:
            return (1 if above > below else -1), max(above, below) / limit, limit
        return 0, 0.0, limit

    def _by_centres(self, axis: str, difference: float, apart: float) -> tuple[int, float, float]:
        """Sign, margin and limit: far enough apart, and at enough of an angle."""
        parameters = self._triples.parameters
        least = parameters.centre_gap_ahead if axis == "forward" else parameters.centre_gap
        angled = math.sin(math.radians(parameters.centre_angle)) * apart
        limit = max(least, parameters.centre_gap_share * apart, angled)
        if abs(difference) > limit:
            return (1 if difference > 0 else -1), abs(difference) / limit, limit
        return 0, 0.0, limit

    def _order_in_image(self, thing: int, reference: int) -> tuple[float | None, float | None, None]:
        """Signs of right and up by the centres' pixels; 0 where one of them has none."""
        if self._camera is None:
            return None, None, None
        xy, _ = project(self._triples.objects.centre[[thing, reference]], self._camera)
        if not np.isfinite(xy).all():
            return 0.0, 0.0, None
        right, down = np.sign(xy[0] - xy[1]).tolist()
        return right, -down, None

    def _intervals(self, thing: int) -> dict[str, tuple[float, float]]:
        """By axis, between which metres all of an object's surface lies but a small tail at each end."""
        if thing not in self._ends:
            local = self.observer.local(self._triples.surfaces[thing])
            quantities = np.concatenate([local, np.linalg.norm(local, axis=1)[:, None]], axis=1)
            tail = self._triples.parameters.relation_tail
            low, high = np.quantile(quantities, [tail, 1.0 - tail], axis=0).tolist()
            names = (*TO_OBSERVER, "distance")
            self._ends[thing] = {name: (low[place], high[place]) for place, name in enumerate(names)}
        return self._ends[thing]


def _box_surfaces(boxes: ObjectBoxes) -> npt.NDArray[np.float32]:
    """(n, k, 3), metres, world frame: spread evenly over the sides of n upright boxes; nan where there is none."""
    corners = boxes.corners
    count, each = corners.shape[:2]
    faces = (_FACES[None] + each * np.arange(count, dtype=np.int32)[:, None, None]).reshape(-1, 3)
    owner = np.repeat(np.arange(count, dtype=np.int32), len(_FACES))
    return sample_surfaces(corners.reshape(-1, 3).astype(np.float32), faces, owner, count).points
