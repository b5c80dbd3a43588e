"""Pairs of objects of which a frame shows one clearly and hides the other, and how they lie to each other there.

The hidden one, the target, is clear in some other frame, so that whoever puts the frames together can tell where it is
in the frame that does not show it (docs/conventions.md, "Hidden objects"). Source of the idea: SpatialMosaic, "A
Multi-View VLM Dataset for Partial Visibility".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..core.object_states import CLEAR, GREY, HIDDEN, MOST_LOST, PARTIAL
from ..core.projection import rays
from ..core.types import Camera
from .mosaic import MosaicObjects
from .object_pointing import PointingParameters
from .object_relations import AXES, FrameRelations, RelationParameters
from .view_sets import ViewSetParameters

__all__ = ["HIDDEN_BY", "HiddenPairParameters", "HiddenPairs", "Pairs"]

HIDDEN_BY: Final = ("occlusion", "border")
"""What hides most of a target: something before it, or the image's border."""

_BORDER_STEPS: Final = 33  # places along each edge of an image at which its field of view is measured

BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.int64]


class HiddenPairParameters(RelationParameters, ViewSetParameters, PointingParameters):
    """What decides which hidden objects are asked about."""

    hidden: Literal["state", "ratio"] = Field(
        "state",
        description="a target is hidden where it shows under 20 pixels, or more than 200 but less than half of it "
        "(state); where at least half of it is lost to occlusion and truncation together (ratio)",
    )
    most_beyond: float = Field(
        45.0, ge=0, lt=90, description="degrees beyond the image's border to which a target may reach"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Frames with a clear reference and a hidden target; (c,) each.

    Attributes:
        frame: index of the asked frame.
        target, reference: indices into the scene's instances.
        hidden_by: index into ``HIDDEN_BY``.
        signs: (c, 3) int8, of the target to the reference along each of ``AXES``; not all are 0.
    """

    frame: IndexArray
    target: IndexArray
    reference: IndexArray
    hidden_by: IndexArray
    signs: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, chosen: npt.ArrayLike) -> Pairs:
        """Some of them, by index or mask."""
        some = np.asarray(chosen)
        return Pairs(self.frame[some], self.target[some], self.reference[some], self.hidden_by[some], self.signs[some])


class HiddenPairs:
    """What the frames of a scene hide that others show.

    Args:
        objects: of a scene with a labelled mesh.
        parameters: what hidden and related mean.

    Attributes:
        askable: (n,) whether an instance is one thing with a name and a surface of its own.
        clear: (f, n) whether a frame shows an askable instance clearly.
        hidden: (f, n) whether it hides it, be it all or in part.
        placed: (f, n) whether the instance lies before the camera, and not too far beyond the image's border.
        reasons: why instances and frames are left out, counted.
    """

    def __init__(self, objects: MosaicObjects, parameters: HiddenPairParameters) -> None:
        geometry = objects.geometry
        scene, states = geometry.scene, geometry.object_states
        self._states = states
        self.reasons: Counter[str] = Counter(objects.reasons)
        surface = geometry.surface_samples.area > 0
        self.askable: BoolArray = objects.askable & surface
        if bare := int(np.count_nonzero(objects.askable & ~surface)):
            self.reasons["object without a surface"] += bare
        self.clear: BoolArray = (states.states == CLEAR) & self.askable
        if parameters.hidden == "ratio":
            hidden = states.total >= MOST_LOST
            self.clear &= ~hidden
        else:
            hidden = (states.states == HIDDEN) | (states.states == PARTIAL)
        self.hidden: BoolArray = hidden & self.askable
        self.placed: BoolArray = np.zeros_like(hidden)
        self.relations: list[FrameRelations] = []
        """Of each frame."""
        self.signs: list[npt.NDArray[np.int8]] = []
        """Of each frame (3, n, n): of every instance to every other along each of ``AXES``."""
        everyone = np.arange(len(self.askable))
        for index, frame in enumerate(scene.frames):
            view = FrameRelations(geometry.surface_samples.points, frame.camera, parameters, scene.up)
            self.relations.append(view)
            self.signs.append(np.stack([view.between(everyone[:, None], everyone, axis)[0] for axis in AXES]))
            self.placed[index] = view.in_front & (_degrees_beyond(view, frame.camera) <= parameters.most_beyond)
        occlusion = np.nan_to_num(states.occlusion, nan=-1.0)  # what covers nothing of the image is beyond its border
        self.cut_off: BoolArray = states.truncation >= occlusion
        """(f, n) whether the image's border hides more of an instance than what stands before it."""

    def pairs(self) -> Pairs:
        """Every frame with a reference and a target that have a relation; what is left out is counted."""
        grey = self._states.states == GREY
        seen_elsewhere = self.clear.sum(axis=0) - self.clear > 0
        targets = self.hidden & seen_elsewhere
        self.reasons["target is neither hidden nor clear in the asked frame"] += int(
            np.count_nonzero(grey & self.askable & seen_elsewhere)
        )
        self.reasons["target lies behind the camera or far beyond the image"] += int(
            np.count_nonzero(targets & ~self.placed)
        )
        targets &= self.placed
        parts = []
        for frame in range(len(self.relations)):
            target, reference = np.meshgrid(
                np.flatnonzero(targets[frame]), np.flatnonzero(self.clear[frame]), indexing="ij"
            )
            one, other = target.ravel(), reference.ravel()
            signs = self.signs[frame][:, one, other].T
            hidden_by = self.cut_off[frame, one].astype(np.int64)
            parts.append(Pairs(np.full(len(one), frame), one, other, hidden_by, signs))
        if not parts:
            nothing = np.zeros(0, dtype=np.int64)
            return Pairs(nothing, nothing, nothing, nothing, np.zeros((0, 3), dtype=np.int8))
        found = Pairs(*(np.concatenate([getattr(part, name) for part in parts]) for name in Pairs.__dataclass_fields__))
        related = found.signs.any(axis=1)
        self.reasons["objects too close to each other for any relation"] += int(np.count_nonzero(~related))
        return found.take(related)


def _degrees_beyond(view: FrameRelations, camera: Camera) -> npt.NDArray[np.float64]:
    """(n,): how far beyond a camera's image objects reach, sideways or up and down; nan for what is not before it."""
    steps = np.linspace(-0.5, 0.5, _BORDER_STEPS)
    across, down = (steps + 0.5) * camera.width - 0.5, (steps + 0.5) * camera.height - 0.5
    edges = [np.column_stack([across, np.full(_BORDER_STEPS, y)]) for y in (-0.5, camera.height - 0.5)]
    edges += [np.column_stack([np.full(_BORDER_STEPS, x), down]) for x in (-0.5, camera.width - 0.5)]
    border = np.arctan(rays(camera, np.concatenate(edges))[:, :2] * (1, -1))
    low, high = np.nanmin(border, axis=0), np.nanmax(border, axis=0)
    ends = np.arctan(np.stack([view.intervals["across"], view.intervals["upwards"]], axis=1))
    beyond = np.maximum(low - ends[..., 0], ends[..., 1] - high).max(axis=1)
    return np.asarray(np.degrees(np.maximum(beyond, 0.0)))
