"""Which of two objects is further right, higher or farther away, as one camera has them; and whether that is certain.

A relation is stated only where it is beyond doubt: the two objects' surfaces, but for a small tail at each end, lie
clear of each other along every quantity by which a viewer might judge it (docs/conventions.md, "Relations of
objects"). Everything else is undecided, and no answer may rest on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..core.types import Camera
from .base import Parameters

__all__ = [
    "AXES",
    "Axis",
    "FrameRelations",
    "Relation",
    "RelationParameters",
    "Truth",
    "only_true",
    "relation",
    "truth_of",
]

Axis = Literal["lr", "ab", "fb"]
AXES: Final[tuple[Axis, ...]] = get_args(Axis)
"""Left/right, above/below and front/back; +1 is right of, higher than, farther than."""

Truth = bool | None
"""Of an option: true, strictly false, or undecided."""

_METRIC: Final[Mapping[Axis, tuple[str, ...]]] = MappingProxyType(
    {"lr": ("right",), "ab": ("height", "up"), "fb": ("depth", "ray")}
)
_IN_IMAGE: Final[Mapping[Axis, tuple[str, ...]]] = MappingProxyType({"lr": ("across",), "ab": ("upwards",), "fb": ()})
_BY_MIDDLE: Final = frozenset({"upwards"})
"""Of which the middles decide: what is higher by gravity is so, even where a near thing covers what is above it."""

_NEAR: Final = 0.1  # metres; what reaches closer to the camera's plane, or behind it, appears nowhere in its view

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]


class RelationParameters(Parameters):
    """What every engine that relates two objects can be told."""

    relation_tail: float = Field(
        0.02, ge=0, lt=0.5, description="share of an object's surface beyond each end of its interval along an axis"
    )
    relation_gap: float = Field(0.10, gt=0, description="metres by which two objects' intervals are disjoint, at least")
    relation_gap_share: float = Field(
        0.05,
        ge=0,
        description="the same as a share of the objects' distance: of the farther one from the camera or of the two "
        "from each other, whichever is more",
    )


@dataclass(frozen=True, slots=True)
class Relation:
    """How one object lies to another along an axis.

    Attributes:
        sign: +1 right of, higher than or farther than the other; -1 the opposite; 0 undecided.
        margin: least gap over the gap needed, 1 is just legal; 0 where undecided.
        interval_a, interval_b: metres, both ends: along the camera's x axis, gravity or the camera's z axis.
    """

    sign: int
    margin: float
    interval_a: tuple[float, float]
    interval_b: tuple[float, float]


class FrameRelations:
    """Relations of n objects as one camera has them.

    Args:
        samples: (n, k, 3), metres, world frame: spread evenly over each object's surface; nan where it has none.
        camera: whose view it is.
        parameters: what counts as clear of each other.
        up: (3,), unit vector, or None where gravity is unknown and nothing is higher than anything.

    Attributes:
        in_front: (n,) whether all of an object lies more than 0.1 m in front of the camera's plane.
        distance: (n,) metres from the camera's centre, the median over the surface.
        intervals: by quantity (n, 2), low and high end: right, up, depth (camera axes, metres), height (against
            gravity, metres), ray (metres from the camera's centre), across, upwards (in the image, for z = 1; nan where
            not ``in_front``).
    """

    def __init__(
        self, samples: npt.ArrayLike, camera: Camera, parameters: RelationParameters, up: npt.ArrayLike | None
    ) -> None:
        world = np.asarray(samples, dtype=np.float64)
        if world.ndim != 3 or world.shape[1] == 0 or world.shape[2] != 3:
            raise ValueError(f"samples must have shape (n, k, 3) with k at least 1, got {world.shape}")
        self._parameters = parameters
        local = (world - camera.centre) @ camera.camera_to_world[:3, :3]
        x, y, z = np.moveaxis(local, 2, 0)
        self.in_front: npt.NDArray[np.bool_] = np.asarray((z > _NEAR).all(axis=1))
        ray = np.linalg.norm(local, axis=2)
        self.distance: FloatArray = _ends(ray, 0.5)[:, 0]
        self._centre = local.mean(axis=1)
        ahead = np.where(self.in_front[:, None], z, np.nan)
        quantities = {"right": x, "up": -y, "depth": z, "ray": ray, "across": x / ahead, "upwards": -y / ahead}
        quantities["height"] = np.full_like(z, np.nan) if up is None else world @ np.asarray(up, dtype=np.float64)
        self.intervals: Mapping[str, FloatArray] = MappingProxyType(
            {name: _ends(values, parameters.relation_tail) for name, values in quantities.items()}
        )
        self._middle = {name: _ends(quantities[name], 0.5)[:, 0] for name in _BY_MIDDLE}

    def between(self, a: npt.ArrayLike, b: npt.ArrayLike, axis: Axis) -> tuple[npt.NDArray[np.int8], FloatArray]:
        """Signs and margins (as in ``Relation``) of objects ``a`` to objects ``b``: indices that broadcast."""
        first, second = np.broadcast_arrays(np.asarray(a, dtype=np.int64), np.asarray(b, dtype=np.int64))
        apart = np.linalg.norm(self._centre[first] - self._centre[second], axis=-1)
        distance = np.fmax(np.fmax(self.distance[first], self.distance[second]), apart)
        limit = np.fmax(self._parameters.relation_gap, self._parameters.relation_gap_share * distance)
        clear = []
        for one, other in ((first, second), (second, first)):
            gaps = [self._gap(name, one, other) for name in _METRIC[axis]]
            least = np.minimum.reduce(gaps) / limit
            legal = least >= 1
            for name in _IN_IMAGE[axis]:
                legal &= self._gap(name, one, other) > 0
            clear.append(np.where(legal & self.in_front[one] & self.in_front[other], least, 0.0))
        sign = (clear[0] > 0).astype(np.int8) - (clear[1] > 0).astype(np.int8)
        return sign, np.fmax(*clear)

    def relation(self, a: int, b: int, axis: Axis) -> Relation:
        """How one object lies to another."""
        sign, margin = self.between(a, b, axis)
        low_high = self.intervals[_METRIC[axis][0]]
        return Relation(int(sign), float(margin), _pair(low_high[a]), _pair(low_high[b]))

    def evidence(self, a: int, b: int, axis: Axis) -> dict[str, list[list[float]]]:
        """By quantity that the relation rests on, the intervals of both."""
        return {name: self.intervals[name][[a, b]].round(5).tolist() for name in (*_METRIC[axis], *_IN_IMAGE[axis])}

    def _gap(self, name: str, above: IndexArray, below: IndexArray) -> FloatArray:
        """By how much the first objects lie clear above the second; nan where it is not known."""
        if name in _BY_MIDDLE:
            return np.asarray(self._middle[name][above] - self._middle[name][below])
        return np.asarray(self.intervals[name][above, 0] - self.intervals[name][below, 1])


def relation(
    samples_a: npt.ArrayLike,
    samples_b: npt.ArrayLike,
    camera: Camera,
    axis: Axis,
    parameters: RelationParameters,
    *,
    up: npt.ArrayLike | None = None,
) -> Relation:
    """How one object lies to another along an axis of a camera's view.

    Args:
        samples_a: (k, 3), metres, world frame: spread evenly over the surface of the one that is related.
        samples_b: (k, 3), likewise, of the one it is related to.
        camera: whose view it is.
        axis: ``lr``, ``ab`` or ``fb``.
        parameters: what counts as clear of each other.
        up: (3,), unit vector; without it nothing is higher than anything.
    """
    both = np.stack([np.asarray(samples, dtype=np.float64) for samples in (samples_a, samples_b)])
    return FrameRelations(both, camera, parameters, up).relation(0, 1, axis)


def truth_of(sign: int, claimed: int) -> Truth:
    """Whether a claim (+1 or -1) about a relation of this sign holds."""
    return None if sign == 0 else sign == claimed


def only_true(truth_table: Sequence[Truth]) -> int | None:
    """Which option is the only true one; None unless one is true and every other strictly false."""
    true = [place for place, truth in enumerate(truth_table) if truth]
    return true[0] if len(true) == 1 and None not in truth_table else None


def _ends(values: FloatArray, tail: float) -> FloatArray:
    """(n, 2): between which values all but a share ``tail`` at each end of each row (n, k) lies; nan if any is nan."""
    return np.asarray(np.quantile(values, [tail, 1 - tail], axis=1).T)


def _pair(ends: FloatArray) -> tuple[float, float]:
    return float(ends[0]), float(ends[1])
