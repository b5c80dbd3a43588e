"""What measures of objects rest on: exact distances between surfaces, upright boxes as a second estimate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ...core.box_distance import box_gaps, place_gaps
from ...core.surface_distance import NearestPlaces, SurfaceDistances
from ..object_sizes import stray_shares
from ..view_sets import ViewSetParameters
from ._asked_objects import AskedObjects

__all__ = ["MeasureParameters", "Measured", "MeasuredObjects"]

_SAME: Final = 0.01  # metres, and the same share: by so much loose bits may change a distance
_DECIMALS: Final = 5  # of metres, in the evidence
_PAD: Final = 1e-9
_OUT_OF_RANGE: Final = "nearer or farther than is asked about"
_DISAGREE: Final = "distances of boxes and of surfaces disagree"

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class MeasureParameters(ViewSetParameters):
    """What decides which distances and sizes are asked for."""

    least_distance: float = Field(0.10, gt=0, description="metres; shorter distances are not asked about")
    farthest: float = Field(10.0, gt=0, description="metres; longer distances are not asked about")
    most_disagreement: float = Field(
        0.15, gt=0, description="share by which the distance of the upright boxes may differ from that of the surfaces"
    )
    least_size: float = Field(0.10, gt=0, description="metres; smaller objects' sizes are not asked about")
    most_stray: float = Field(0.10, ge=0, description="share by which stray bits may change any extent of the object")
    most_rival: float = Field(
        0.05, ge=0, description="share by which a longest edge that is horizontal may change if the box is turned"
    )
    least_seen: float = Field(
        0.60, gt=0, le=1, description="share of its surface that the frames must show of an object together"
    )
    least_covered: float = Field(
        0.90, ge=0, le=1, description="share of its longest edge that the frames must show of an object together"
    )
    least_views: int = Field(2, ge=1, description="frames of the set that must show an object whose size is asked for")


@dataclass(frozen=True, slots=True)
class Measured:
    """A distance that can be asked for.

    Attributes:
        places: the nearest two.
        boxes: metres, the second estimate.
        centres: metres, from centre to centre.
    """

    places: NearestPlaces
    boxes: float
    centres: float

    @property
    def distance(self) -> float:
        """Metres, what is stated."""
        return self.places.distance

    @property
    def disagreement(self) -> float:
        """Share by which the estimates differ."""
        return abs(self.boxes - self.distance) / self.distance

    def evidence(self) -> dict[str, Any]:
        """What an outside check needs."""
        return {
            "nearest": [place.round(_DECIMALS).tolist() for place in (self.places.first, self.places.second)],
            "of_boxes": round(self.boxes, _DECIMALS),
            "of_centres": round(self.centres, _DECIMALS),
        }


class MeasuredObjects:
    """The objects of a scene that can be measured.

    Args:
        stage: a scene with a labelled mesh and an up axis.
        parameters: limits.

    Attributes:
        usable: (n,) whether an instance may be asked about, and its stray bits do not matter.
        reasons: why others are left out, counted.
    """

    def __init__(self, stage: AskedObjects, parameters: MeasureParameters) -> None:
        self.stage = stage
        self.parameters = parameters
        self.boxes = stage.geometry.object_boxes
        self.stray = stray_shares(self.boxes)
        askable = stage.objects.askable
        bare = np.isnan(self.stray).any(axis=1)
        with np.errstate(invalid="ignore"):
            stray = (self.stray > parameters.most_stray).any(axis=1)
        self.usable: BoolArray = askable & ~bare & ~stray
        self.reasons: Counter[str] = Counter()
        self.reasons["object without a surface"] += int(np.count_nonzero(askable & bare))
        self.reasons["stray bits change the object's size"] += int(np.count_nonzero(askable & stray))
        self._between: dict[tuple[int, int], Measured | str] = {}
        self._from: dict[tuple[int, int], Measured | str] = {}

    @cached_property
    def eyes(self) -> FloatArray:
        """(f, 3), metres, world frame: the cameras' centres."""
        frames = self.stage.scene.frames
        return np.array([frame.camera.camera_to_world[:3, 3] for frame in frames]).reshape(-1, 3)

    @cached_property
    def eye_gaps(self) -> FloatArray:
        """(f, n), metres, from the cameras to the objects' boxes."""
        return place_gaps(self.boxes, self.eyes)

    @cached_property
    def gaps(self) -> FloatArray:
        """(n, n), metres, between the objects' boxes."""
        return box_gaps(self.boxes)

    def in_range(self, gaps: FloatArray) -> BoolArray:
        """Whether distances of boxes can belong to a distance that is asked for."""
        parameters = self.parameters
        reach = 1.0 + parameters.most_disagreement
        with np.errstate(invalid="ignore"):
            return np.asarray((gaps >= parameters.least_distance / reach) & (gaps <= parameters.farthest * reach))

    def from_eye(self, frame: int, instance: int) -> Measured | str:
        """From a frame's camera to the nearest place of an object, or why that is not asked for."""
        key = frame, instance
        if key not in self._from:
            eye = self.eyes[frame]
            found = [surfaces.to_place(instance, eye) for surfaces in self._surfaces(instance)]
            centres = float(np.linalg.norm(self.boxes.centre[instance] - eye))
            self._from[key] = self._judged(found, float(self.eye_gaps[key]), centres)
        return self._from[key]

    def between(self, first: int, second: int) -> Measured | str:
        """Between the nearest places of two objects, or why that is not asked for."""
        key = first, second
        if key not in self._between:
            gap, surfaces = float(self.gaps[key]), self._surfaces(first, second)
            # Most pairs that will not do are seen at once not to do.
            reason = self._refused(*surfaces[0].bracket(first, second), gap)
            if reason:
                self._between[key] = reason
            else:
                centres = float(np.linalg.norm(self.boxes.centre[first] - self.boxes.centre[second]))
                self._between[key] = self._judged([some.between(first, second) for some in surfaces], gap, centres)
        return self._between[key]

    def thresholds(self) -> Mapping[str, float]:
        """Of distances, by name."""
        parameters = self.parameters
        return {
            "least_distance_m": parameters.least_distance,
            "farthest_m": parameters.farthest,
            "most_disagreement": parameters.most_disagreement,
            "most_stray": parameters.most_stray,
        }

    def conditions(self, measured: Measured) -> list[float]:
        """How far above its thresholds a distance is."""
        parameters, distance = self.parameters, measured.distance
        return [
            distance / parameters.least_distance,
            parameters.farthest / distance,
            parameters.most_disagreement / max(measured.disagreement, _PAD),
        ]

    def _refused(self, least: float, most: float, boxes: float) -> str:
        """Why a distance that lies between these two is not asked for, whatever it is; empty if it may be."""
        parameters = self.parameters
        if most < parameters.least_distance or least > parameters.farthest:
            return _OUT_OF_RANGE
        share = parameters.most_disagreement
        return _DISAGREE if boxes > (1 + share) * most or boxes < (1 - share) * least else ""

    def _judged(self, found: list[NearestPlaces], boxes: float, centres: float) -> Measured | str:
        """A distance of the surfaces proper, if nothing speaks against it; the last found is that of all their bits."""
        places, distance, parameters = found[0], found[0].distance, self.parameters
        if not parameters.least_distance <= distance <= parameters.farthest:
            return _OUT_OF_RANGE
        if abs(found[-1].distance - distance) > max(_SAME, _SAME * distance):
            return "stray bits change the distance"
        measured = Measured(places, boxes, centres)
        return _DISAGREE if measured.disagreement > parameters.most_disagreement else measured

    def _surfaces(self, *instances: int) -> list[SurfaceDistances]:
        """The surfaces without loose bits and, where any of these objects has some, those with them."""
        proper, whole = self._both
        return [proper, whole] if self._has_loose_bits[list(instances)].any() else [proper]

    @cached_property
    def _both(self) -> tuple[SurfaceDistances, SurfaceDistances]:
        scene, owner = self.stage.scene, self.stage.geometry.face_instance
        assert scene.vertices is not None
        assert scene.faces is not None
        proper = np.where(self._is_loose, np.int32(-1), owner)
        return SurfaceDistances(scene.vertices, scene.faces, proper), SurfaceDistances(
            scene.vertices, scene.faces, owner
        )

    @cached_property
    def _is_loose(self) -> BoolArray:
        """(m,) whether a face of an instance does not belong to the surface that its box encloses."""
        scene, owner = self.stage.scene, self.stage.geometry.face_instance
        assert scene.vertices is not None
        assert scene.faces is not None
        assert scene.vertex_instance is not None
        own = scene.vertex_instance[scene.faces] == owner[:, None]
        return np.asarray((owner >= 0) & ~(own & self.boxes.measured[scene.faces]).any(axis=1))

    @cached_property
    def _has_loose_bits(self) -> BoolArray:
        """(n,): whether an instance has such faces."""
        owners = self.stage.geometry.face_instance[self._is_loose]
        return np.asarray(np.bincount(owners, minlength=len(self.usable)) > 0)
