"""Sizes of objects that can be asked about, and the frames that show them.

An object has a size worth asking for when it is one thing with a name, its box is firm, and stray bits of mesh hardly
change it. It is asked about in minimal covering sets (see ``core.coverage``) on which a viewer can rely: the object is
clearly there in every image, its ends do not rest on a few vertices, and the views of two images join up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..core.coverage import SeenExtents, covering_sets, see_extents
from ..core.extents import ObjectBoxes, boxes_of_vertices
from ..core.labels import is_collection, is_see_through, is_structural
from ..core.types import Scene
from .object_evidence import described
from .object_pointing import ObjectPointing, PointingParameters

if TYPE_CHECKING:
    from ..core.geometry import SceneGeometry

__all__ = ["KINDS", "CoveringChoice", "ObjectSizes", "SizeParameters", "stray_shares"]

KINDS: Final = ("single", "several")
"""Covering sets of one image and of several."""

_SAME: Final = 1e-3  # metres; extents that differ by less are one: a flat picture has no thickness to compare
_MOST_PAIRS: Final = 4_096  # of one object and axis that are looked at closely

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]


class SizeParameters(PointingParameters):
    """What decides whether an object's size is asked for, and with which frames."""

    extent: Literal["surface", "vertices"] = Field(
        "surface",
        description="surface: upright box around the object's surface without stray bits; vertices: around all its "
        "vertices, along the world's axes",
    )
    least_seen: float = Field(0.05, ge=0, le=1, description="share of its vertices by which a frame sees an object")
    tolerance: float = Field(
        0.10, gt=0, lt=1, description="share of the true extent by which the covered one may fall short"
    )
    largest_set: int = Field(5, ge=1, description="images a question may show, at most; no minimal set needs over two")
    least_size: float = Field(0.05, gt=0, description="metres; smaller extents are not asked about")
    most_stray: float = Field(0.10, ge=0, description="share by which stray bits may change any extent of the object")
    most_rival: float = Field(
        0.05, ge=0, description="share by which length or width may change if the box is turned to one as tight"
    )
    outermost: int = Field(3, ge=1, description="vertices that one image shows at each end of the extent, at least")
    outermost_share: float = Field(
        0.01, ge=0, lt=0.5, description="share of what that image shows of the object to be seen there, at least"
    )
    longest_hole: float = Field(
        0.10, gt=0, description="share of the extent that two images together may leave unseen in one stretch"
    )
    least_px: int = Field(400, ge=1, description="visible pixels of the object in each image, on a map 640 px wide")
    collections: bool = Field(False, description="ask about several things annotated as one (books, shelves), too")
    dominance: float = Field(
        2.0, ge=1, description="times its even share of a scene's questions that one object may be asked about"
    )

    @property
    def needs_firm_ends(self) -> bool:
        """Whether a single vertex seen at an end is not enough."""
        return self.outermost > 1 or self.outermost_share > 0


@dataclass(frozen=True, slots=True, eq=False)
class CoveringChoice:
    """Minimal covering sets of one object along one axis that can be asked about.

    Attributes:
        instance: index into the scene's instances.
        frames: (k, 2), ascending; a single frame stands there twice.
        covered: (k,), metres, extent of what each set sees.
        firm: (k,), metres, the same without the outermost vertices.
        without: (k, 2), metres, extent of what is seen without the first and without the second frame.
        counts: how many minimal sets of one and of two frames there are, asked about or not.
    """

    instance: int
    frames: IndexArray
    covered: FloatArray
    firm: FloatArray
    without: FloatArray
    counts: tuple[int, int]

    def shown(self, row: int) -> tuple[int, ...]:
        """The frames of one set, each once."""
        first, second = self.frames[row].tolist()
        return (first,) if first == second else (first, second)


def stray_shares(boxes: ObjectBoxes) -> FloatArray:
    """(n, 3): by which share stray bits change each extent of an instance; nan where it has no box."""
    change = np.abs(boxes.raw_size - boxes.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(change < _SAME, 0.0, change / boxes.size)


class ObjectSizes:
    """Sizes of a scene's objects and what its frames see of them."""

    def __init__(self, scene: Scene, geometry: SceneGeometry, parameters: SizeParameters) -> None:
        self.scene = scene
        self.geometry = geometry
        self.parameters = parameters
        self.boxes = geometry.object_boxes if parameters.extent == "surface" else boxes_of_vertices(scene)
        self.pointing = ObjectPointing(geometry, parameters)
        self.stray = stray_shares(self.boxes)
        self._descriptions: dict[int, dict[str, Any]] = {}
        self.reasons: Counter[str] = Counter()
        self.wanted = np.array([self._is_measurable(index) for index in range(len(scene.instances))], dtype=np.bool_)
        self.seen: SeenExtents = see_extents(
            scene,
            geometry.visibility,
            self.boxes,
            self.wanted,
            outermost=parameters.outermost,
            outermost_share=parameters.outermost_share,
            longest_hole=parameters.longest_hole,
        )

    def _is_measurable(self, instance: int) -> bool:
        """Whether an object has a size worth asking for; counts why not."""
        label = self.scene.instances[instance].label
        if is_structural(label):
            reason = "part of the building, or without a name"
        elif is_see_through(label):
            reason = "a window or a mirror"
        elif not self.parameters.collections and is_collection(label):
            reason = "several things annotated as one"
        elif np.isnan(self.stray[instance]).any():
            reason = "object without a surface"
        elif (self.stray[instance] > self.parameters.most_stray).any():
            reason = "stray bits change the object's size"
        else:
            return True
        self.reasons[reason] += 1
        return False

    def sets(self, axis: int, rng: np.random.Generator, reasons: Counter[str]) -> Iterator[CoveringChoice]:
        """Per object the sets that can be asked about; what is left out is counted."""
        parameters = self.parameters
        for instance in np.flatnonzero(self.wanted).tolist():
            true = float(self.boxes.size[instance, axis])
            if true < parameters.least_size:
                reasons["smaller than is asked about"] += 1
                continue
            if axis < 2 and self.boxes.rival[instance] > parameters.most_rival:
                reasons["length and width depend on how the box is turned"] += 1
                continue
            minimal = covering_sets(
                self.seen.low[:, instance, axis],
                self.seen.high[:, instance, axis],
                self.seen.share[:, instance] >= parameters.least_seen,
                true,
                parameters.tolerance,
            )
            counts = len(minimal.singles), len(minimal.pairs)
            if not any(counts):
                reasons["no frames cover the extent"] += 1
                continue
            pairs = minimal.pairs if parameters.largest_set > 1 else minimal.pairs[:0]
            if len(pairs) > _MOST_PAIRS:
                reasons["more pairs of frames than are looked at"] += len(pairs) - _MOST_PAIRS
                pairs = pairs[rng.permutation(len(pairs))[:_MOST_PAIRS]]
            frames = np.concatenate([np.repeat(minimal.singles[:, None], 2, axis=1), pairs])
            frames, firm = self._clear(frames, instance, axis, reasons)
            alone = frames[:, 0] == frames[:, 1]
            rest = np.stack([self.seen.covered(frames[:, [k]], instance, axis) for k in (1, 0)], axis=1)
            without = np.where(alone[:, None], 0.0, rest)
            yield CoveringChoice(instance, frames, self.seen.covered(frames, instance, axis), firm, without, counts)

    def _clear(
        self, frames: IndexArray, instance: int, axis: int, reasons: Counter[str]
    ) -> tuple[IndexArray, FloatArray]:
        """Those of an object's minimal sets (k, 2) that a viewer can rely on, and how much they firmly cover."""
        parameters = self.parameters
        shown = self.geometry.object_views.visible_px[frames, instance].min(axis=1) >= parameters.least_px
        reasons["object too small in an image"] += int(np.count_nonzero(~shown))
        frames = frames[shown]
        firm = self.seen.firmly_covered(frames, instance, axis)
        if parameters.needs_firm_ends:
            enough = firm >= (1 - parameters.tolerance) * float(self.boxes.size[instance, axis])
            reasons["extent rests on too few vertices"] += int(np.count_nonzero(~enough))
            frames, firm = frames[enough], firm[enough]
            needed = (frames[:, 0] == frames[:, 1]) | ~self._may_do_alone(frames, instance, axis)
            reasons["one of two images may show enough alone"] += int(np.count_nonzero(~needed))
            frames, firm = frames[needed], firm[needed]
        if parameters.longest_hole < 1:
            joined = (frames[:, 0] == frames[:, 1]) | self.seen.joins_up(frames, instance, axis)
            reasons["views of two images do not join up"] += int(np.count_nonzero(~joined))
            frames, firm = frames[joined], firm[joined]
        return frames, firm

    def _may_do_alone(self, frames: IndexArray, instance: int, axis: int) -> npt.NDArray[np.bool_]:
        """(k,): whether one of two frames (k, 2) may cover the extent without the other, between vertices."""
        middle = float(self.boxes.centre[instance] @ self.boxes.axes[instance, axis])
        half = 0.5 * float(self.boxes.size[instance, axis])
        bounds = (middle - half, middle + half)
        most = [self.seen.covered_at_most(frames[:, [k]], instance, axis, bounds) for k in (0, 1)]
        return np.asarray(np.maximum(*most) >= (1 - self.parameters.tolerance) * 2 * half)

    def evidence(self, sets: CoveringChoice, row: int, axis: int) -> tuple[dict[str, Any], float]:
        """What an outside check of a size needs, and how far above its thresholds the closest condition is.

        Args:
            sets: of the object.
            row: which of them.
            axis: 0 length, 1 width, 2 height.
        """
        parameters, boxes, views, instance = self.parameters, self.boxes, self.geometry.object_views, sets.instance
        frames = sets.shown(row)
        true = float(boxes.size[instance, axis])
        least = (1 - parameters.tolerance) * true
        covered, firm = float(sets.covered[row]), float(sets.firm[row])
        without = sets.without[row, : len(frames)].tolist()
        pixels = [int(views.visible_px[frame, instance]) for frame in frames]
        share = [float(self.seen.share[frame, instance]) for frame in frames]
        conditions = [
            (covered, least),
            (true, parameters.least_size),
            (firm, least if parameters.needs_firm_ends else 0.0),
            (least, max(without)),
            (min(pixels), parameters.least_px),
            (min(share), parameters.least_seen),
            (parameters.most_stray, float(self.stray[instance].max())),
        ]
        evidence = {
            "objects": {
                "instances": [self._described(instance)],
                "per_frame": views.per_frame(frames, [instance], self.scene),
            },
            "covering": {
                "axis": boxes.axes[instance, axis].round(9).tolist(),
                "true_extent": true,
                "covered": covered,
                "covered_without_each": without,
                "firmly_covered": firm,
                "raw_extent": float(boxes.raw_size[instance, axis]),
                "visible_share": share,
                "minimal_sets": dict(zip(KINDS, sets.counts, strict=True)),
            },
            "thresholds": {
                "extent": parameters.extent,
                "tolerance": parameters.tolerance,
                "least_seen": parameters.least_seen,
                "least_size_m": parameters.least_size,
                "most_stray": parameters.most_stray,
                "most_rival": parameters.most_rival,
                "outermost": parameters.outermost,
                "outermost_share": parameters.outermost_share,
                "longest_hole": parameters.longest_hole,
                "least_px": parameters.least_px,
                "least_fill": parameters.least_fill,
                "most_box_overlap": parameters.most_box_overlap,
            },
        }
        return evidence, float(min(quantity / limit for quantity, limit in conditions if limit > 0))

    def _described(self, instance: int) -> dict[str, Any]:
        """An object and its boxes, for the evidence."""
        if instance not in self._descriptions:
            self._descriptions[instance] = described(self.scene.instances[instance], self.boxes, instance)
        return self._descriptions[instance]
