"""Saying which object is meant: by its name, by a box around it, or by a dot on it.

A name serves only where nothing else in the frames shown goes by it; a box, where the object fills it well and no
other object has nearly the same box; a dot, where a mark lies on one stable surface of the object alone.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..core.labels import clean, synonyms
from ..core.object_views import HIDDEN_PX
from ..core.types import BoxMark
from .base import Parameters
from .depth_points import DepthPoints, DepthRange, legal_points

if TYPE_CHECKING:
    from ..core.geometry import SceneGeometry

__all__ = ["ObjectPointing", "PointingParameters"]

_CLEARANCE: Final = 1.5  # of a dot, in its radii: poses and meshes of real scans are a few pixels off
_PIXELS: Final = 400  # looked at in an object's box for each dot
_CANDIDATES: Final = 32  # of those on the object
_ANY_DEPTH: Final = DepthRange(0.0, np.inf)

IndexArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class PointingParameters(Parameters):
    """What every engine that points at objects can be told."""

    least_fill: float = Field(0.4, ge=0, le=1, description="share of a drawn box that its object fills, at least")
    most_box_overlap: float = Field(
        0.7, gt=0, le=1, description="overlap (by union) of a drawn box with any other visible object's box, at most"
    )


class ObjectPointing:
    """Which ways of pointing at a scene's objects leave no doubt.

    Args:
        geometry: of the scene.
        parameters: limits for boxes.
    """

    def __init__(self, geometry: SceneGeometry, parameters: PointingParameters) -> None:
        self._geometry = geometry
        self._parameters = parameters
        self._labels = [clean(instance.label) for instance in geometry.scene.instances]

    def can_name(self, instance: IndexArray, frames: IndexArray) -> BoolArray:
        """(k,): whether an object is the only one of its name, or of a name in use for its kind, in frames (k, s)."""
        return np.asarray(~self._has_namesake[frames, instance[:, None]].any(axis=1))

    def can_box(self, instance: IndexArray, frame: IndexArray) -> BoolArray:
        """(k,): whether a box around what a frame shows of an object could be taken for no other object's."""
        views = self._geometry.object_views
        fill = views.visible_px[frame, instance] / self._box_px[frame, instance]
        box, others = views.boxes[frame, instance][:, None].astype(np.float64), views.boxes[frame].astype(np.float64)
        sides = np.minimum(box[..., 2:], others[..., 2:]) - np.maximum(box[..., :2], others[..., :2])
        common = np.maximum(sides, 0.0).prod(axis=2)
        union = (box[..., 2:] - box[..., :2]).prod(axis=2) + (others[..., 2:] - others[..., :2]).prod(axis=2) - common
        same = common > self._parameters.most_box_overlap * union
        same &= views.visible_px[frame] >= HIDDEN_PX
        same[np.arange(len(instance)), instance] = False
        return np.asarray((fill >= self._parameters.least_fill) & ~same.any(axis=1))

    def box(self, instance: int, frame: int, image: int) -> BoxMark:
        """The modal box of an object in a frame that is shown as image number ``image``."""
        x1, y1, x2, y2 = self._geometry.object_views.boxes[frame, instance].tolist()
        thing = self._geometry.scene.instances[instance]
        return BoxMark(image, x1, y1, x2, y2, label="A", instance_id=thing.id)

    def dot(self, instance: int, frame: int, rng: np.random.Generator) -> DepthPoints | None:
        """One pixel of a frame at which a mark lies on the object alone, with its depth; None where none is found."""
        geometry = self._geometry
        x1, y1, x2, y2 = geometry.object_views.boxes[frame, instance]
        if not x2 > x1:
            return None
        low, high = np.ceil([x1, y1]), np.floor([x2, y2])
        pixels = rng.integers(low.astype(np.int64), high.astype(np.int64) + 1, size=(_PIXELS, 2))
        pixels = pixels[geometry.instance_at(frame, pixels) == instance][:_CANDIDATES]
        points, _ = legal_points(geometry, frame, pixels, _ANY_DEPTH, clearance=_CLEARANCE)
        good = points.instance == instance
        if geometry.scene.frames[frame].has_depth:
            good &= points.sensor > 0  # where the sensor knows nothing the mesh may have a hole
        found = np.flatnonzero(good)
        return points.take(found[:1]) if len(found) else None

    @cached_property
    def _has_namesake(self) -> BoolArray:
        """(f, n): whether a frame shows another object that might go by the same name."""
        kinds = [synonyms(label) for label in self._labels]
        named = list(zip(self._labels, kinds, strict=True))
        alike = np.array(
            [[a in others or b in kind for b, others in named] for a, kind in named], dtype=np.int64
        ).reshape(len(named), len(named))
        np.fill_diagonal(alike, 0)
        shown = (self._geometry.object_views.visible_px >= HIDDEN_PX).astype(np.int64)
        return np.asarray(shown @ alike > 0)

    @cached_property
    def _box_px(self) -> npt.NDArray[np.float64]:
        return self._geometry.object_views.box_px(self._geometry.scene.frames)
