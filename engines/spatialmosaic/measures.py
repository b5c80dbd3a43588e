"""How far objects are, from a camera and from each other, and how large they are, pieced together from several frames.

Distances are those of the nearest places of surfaces; the size is the longest edge of the upright box. Definitions:
docs/conventions.md, "Measures over several frames". Source of the tasks: SpatialMosaic, arXiv 2512.23365, which
publishes neither generator nor definitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from ...core.types import Fact, Scene, Skip, TaskSpec
from ..base import Engine, Parameters, Request
from ..view_sets import ViewSets
from ._asked_objects import AskedObjects, ask
from ._measure_questions import CameraDistances, ObjectDistances, Sizes
from ._measured_objects import MeasuredObjects, MeasureParameters

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE"]

_Kind = type[CameraDistances] | type[ObjectDistances] | type[Sizes]
_KINDS: Final[Mapping[str, _Kind]] = {
    "obj_distance_occ_na": CameraDistances,
    "obj_obj_distance_occ_na": ObjectDistances,
    "obj_size_occ_na": Sizes,
}


def _spec(name: str, summary: str, required: set[str], marks: set[str]) -> TaskSpec:
    return TaskSpec(
        name=name,
        suite="spatialmosaic",
        engine="measures",
        version="1",
        images=4,
        summary=summary,
        answer_type="number",
        units=("m",),
        # Whole numbers of metres would be too coarse.
        text_unit="cm",
        variants=("name", "dot", "coord"),
        forms=("fill",),
        slots=frozenset(required | marks),
        required_slots=frozenset(required),
        needs=("image", "perspective", "mesh", "instances", "silhouettes", "up"),
    )


class Measures(Engine):
    """States distances and sizes of objects over sets of frames."""

    name: ClassVar[str] = "measures"
    suite: ClassVar[str] = "spatialmosaic"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = MeasureParameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # The published definitions are not known; the proposal asks for 60 % of an object, wherever its ends are.
        "spatialmosaic": {"least_covered": 0.0}
    }
    tasks: ClassVar[tuple[TaskSpec, ...]] = (
        _spec(
            "obj_distance_occ_na",
            "How far is an object from a frame's camera, whether or not that frame shows it?",
            {"object", "frame"},
            {"a", "a_frame"},
        ),
        _spec(
            "obj_obj_distance_occ_na",
            "How far are two objects apart that different frames show?",
            {"reference", "target"},
            {"a", "a_frame", "b", "b_frame"},
        ),
        _spec(
            "obj_size_occ_na",
            "How long is the longest edge of an object that several frames show together?",
            {"object"},
            {"a", "a_frame"},
        ),
    )

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, MeasureParameters)
        (own,) = rng.spawn(1)
        generators = self.generators(rng)
        stage = AskedObjects(scene, geometry, own)
        measured = MeasuredObjects(stage, parameters)
        asked = [
            _KINDS[task](
                task,
                stage,
                ViewSets(geometry, parameters, generators[task]),
                request.variants[task],
                generators[task],
                request.limit,
                measured=measured,
            )
            for task in request.tasks
        ]
        yield from ask(asked, stage)


ENGINE: Final = Measures()
