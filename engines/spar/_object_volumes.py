"""How long, wide and high objects are that one image shows whole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ...core.types import BoxMark, Point
from ..marked_objects import MarkedObjectParameters, MarkedObjects
from ..object_sizes import stray_shares
from ._centre_measures import Measure, Measured
from ._firm_sizes import border_shifts
from ._marked_items import Item

__all__ = ["ObjectVolume", "VolumeParameters"]

_INSIDE: Final = 1.0  # pixels between a box's outline and the image's border that show that nothing is cut off
_DECIMALS: Final = 5  # of shares, in the evidence


class VolumeParameters(MarkedObjectParameters):
    """What decides which objects' length, width and height are asked for."""

    least_side: float = Field(0.05, gt=0, description="metres; objects with a shorter side have no size asked")
    most_stray: float = Field(0.10, ge=0, description="share by which stray bits may change any side of the object")
    most_rival: float = Field(
        0.05, ge=0, description="share by which length or width may change if the box is turned to one as tight"
    )
    most_border_shift: float = Field(
        0.15, ge=0, description="share by which leaving out triangles that touch other objects may shorten any side"
    )
    least_px: int = Field(
        400, ge=1, description="visible pixels, on a map 640 px wide, of an object whose size is asked for"
    )
    most_unseen: float = Field(
        0.10, ge=0, lt=1, description="share of an object that may be hidden or cut off where its size is asked for"
    )
    least_span: float = Field(
        0.75,
        gt=0,
        le=1,
        description="share of its box's outline, across and down, that what is visible of an object must span where "
        "silhouettes are not known",
    )


class ObjectVolume(Measure):
    """Length, width and height of an object's upright box.

    Args:
        objects: of the scene.
        parameters: limits.
    """

    variant = "box"
    colors = ("red",)
    roles = ("target",)

    def __init__(self, objects: MarkedObjects, parameters: VolumeParameters) -> None:
        self.objects = objects
        self._limits = parameters
        self._stray = stray_shares(objects.boxes)
        self._border = border_shifts(objects.scene, objects.boxes)

    def measure(self, item: Item) -> Measured | str:
        """The sides of the mark's object."""
        (instance,) = item.instances
        limits, size = self._limits, self.objects.boxes.size[instance]
        stray, rival = float(self._stray[instance].max()), float(self.objects.boxes.rival[instance])
        if not size.min() >= limits.least_side:
            return "a side too short to be asked for"
        if not stray <= limits.most_stray:
            return "stray bits change the object's size"
        if not rival <= limits.most_rival:
            return "length and width depend on how the box is turned"
        border = self._border[instance]
        shortened = float((border / size).max())
        if not shortened <= limits.most_border_shift:
            return "the size depends on where the object's label ends"
        pixels = int(self.objects.visible_px[item.frame(0), instance])
        if pixels < limits.least_px:
            return "too small in the image for its size to be asked for"
        seen = self._seen_whole(item.frame(0), instance)
        if seen < 1:
            return "hidden or cut off where its size would be asked for"
        ratios = [
            size.min() / limits.least_side,
            _room(limits.most_stray, stray),
            _room(limits.most_rival, rival),
            _room(limits.most_border_shift, shortened),
            pixels / limits.least_px,
            seen,
        ]
        evidence = {
            "stray": round(stray, _DECIMALS),
            "rival": round(rival, _DECIMALS),
            "border_shift": border.round(_DECIMALS).tolist(),
        }
        return Measured(tuple(size.tolist()), {"object": 0}, float(min(ratios)), evidence=evidence)

    def thresholds(self) -> Mapping[str, float | bool]:
        limits = self._limits
        found = {
            "least_side_m": limits.least_side,
            "most_stray": limits.most_stray,
            "most_rival": limits.most_rival,
            "most_border_shift": limits.most_border_shift,
            "least_px": limits.least_px,
        }
        if self.objects.states is None:
            return {**found, "least_span": limits.least_span}
        return {**found, "most_unseen": limits.most_unseen}

    def can_mark(self, instance: int, frame: int) -> bool:  # noqa: ARG002
        return True

    def marks(self, item: Item) -> list[Point | BoxMark]:
        ((image, instance),) = item.marks
        return [self.objects.box(instance, item.frame(0), image, self.colors[0])]

    def _seen_whole(self, frame: int, instance: int) -> float:
        """How far above the limit the share is that a frame shows of an object; below 1 it shows too little."""
        limits, states = self._limits, self.objects.states
        if states is not None:
            lost = float(states.total[frame, instance])
            return _room(limits.most_unseen, lost) if lost <= limits.most_unseen else 0.0
        # The box's outline is around the object's and larger: how much, depends on its shape.
        around = self.objects.projected_box(instance, frame)
        camera = self.objects.scene.frames[frame].camera
        if around is None or not _is_inside(around, camera.width, camera.height):
            return 0.0
        visible = self.objects.geometry.object_views.boxes[frame, instance]
        spans = (_span(visible[[k, k + 2]], around[k::2]) for k in (0, 1))
        return min(spans) / limits.least_span


def _room(most: float, found: float) -> float:
    """How far below its limit something is."""
    return most / found if found > 0 else math.inf


def _is_inside(box: Sequence[float], width: int, height: int) -> bool:
    """Whether a box (x1, y1, x2, y2) stays clear of the image's border."""
    return min(box[0], box[1], width - 1 - box[2], height - 1 - box[3]) >= _INSIDE - 0.5


def _span(visible: npt.NDArray[np.float32], around: Sequence[float]) -> float:
    """Share of an interval that another one covers."""
    low, high = max(float(visible[0]), around[0]), min(float(visible[1]), around[1])
    return max(high - low, 0.0) / (around[1] - around[0])
