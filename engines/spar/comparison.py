"""Which of several objects is nearest or farthest, from the camera or from another object.

Distances are those between centres of upright boxes, and from the camera's centre to them; one is asked for only
where it is clearly the smallest or the largest (docs/conventions.md, "Comparing distances of centres"). Source of the
tasks: SPAR-7M, arXiv 2503.22976, which publishes neither generator nor thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field

from ...core.types import Fact, Scene, Skip, TaskSpec
from ..base import Engine, Parameters, Request
from ..marked_objects import SPAR_OBJECTS, MarkedObjectParameters, MarkedObjects
from ..view_groups import VIDEO_FRAMES, ViewGroupParameters, ViewGroups
from ._comparison_questions import InVideo, Marked, Named, NamedInImages, Questions
from ._comparison_rule import Rule
from ._comparison_search import (
    Frames,
    MarkedInFrame,
    MarkedInVideo,
    MarkedInViews,
    NamedInFrame,
    NamedInViews,
    Search,
)
from ._marked_items import NO_FRAMES

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE", "ComparisonParameters"]

_LEAST_NAMED: Final = 3  # of two, one is the nearer, not the nearest
_TRIPLES: Final = 2  # sets of three frames for each fact wanted
_MARKED: Final = 2  # green and blue
_NEEDS: Final = ("image", "perspective", "depth|mesh", "instances", "up")
_OF_TWO: Final = ("closer", "farther")
_OF_SEVERAL: Final = ("nearest", "farthest")


class ComparisonParameters(MarkedObjectParameters, ViewGroupParameters, Rule):
    """What decides which distances are compared."""

    most_named: int = Field(
        4, ge=_LEAST_NAMED, le=8, description="named objects compared with each other, at most; at least 3"
    )
    video_candidates: int = Field(4, ge=4, le=8, description="marked objects of a video that are compared")


def _spec(
    name: str,
    summary: str,
    polarities: tuple[str, ...],
    variant: str,
    required: set[str],
    in_sentences: set[str],
    needs: tuple[str, ...] = _NEEDS,
) -> TaskSpec:
    return TaskSpec(
        name=name,
        suite="spar",
        engine="comparison",
        version="1",
        images=VIDEO_FRAMES if "trajectory" in needs else 3 if name.endswith("_mv") else 1,
        summary=summary,
        answer_type="text",
        units=("m",),
        # The answer is an object; sentences write the unit of distances themselves.
        text_unit="",
        text_decimals=1,
        variants=(variant,),
        forms=("fill", "select", "sentence"),
        polarities=polarities,
        slots=frozenset(required | in_sentences),
        required_slots=frozenset(required),
        needs=needs,
    )


_OC: Final = _spec(
    "distance_infer_center_oc",
    "Which of several named objects is nearest to the camera, or farthest from it?",
    _OF_SEVERAL,
    "name",
    {"candidates"},
    {"distance"},
)
_OO: Final = _spec(
    "distance_infer_center_oo",
    "Which of two marked objects is closer to a third one, or farther from it?",
    _OF_TWO,
    "dot",
    {"reference", "a", "b"},
    {"distance", "other", "other_distance"},
)
_OC_MV: Final = _spec(
    "distance_infer_center_oc_mv",
    "Which of several objects in three images is nearest to the first camera, or farthest from it?",
    _OF_SEVERAL,
    "name",
    {"candidates"},
    {"object", "distance"},
)
_OO_MV: Final = _spec(
    "distance_infer_center_oo_mv",
    "Which of two objects, marked in different images, is closer to a third one, or farther from it?",
    _OF_TWO,
    "dot",
    {"reference", "a", "b"},
    {"distance", "other", "other_distance"},
)
_OO_VIDEO: Final = _spec(
    "distance_infer_center_oo_video",
    "Which of the objects marked in frames of a video is nearest to another one, or farthest from it?",
    _OF_SEVERAL,
    "dot",
    {"reference", "candidates"},
    {"distance"},
    (*_NEEDS, "trajectory"),
)
_SEARCHES: Final[Mapping[str, tuple[type[Search], type[Questions]]]] = {
    _OC.name: (NamedInFrame, Named),
    _OO.name: (MarkedInFrame, Marked),
    _OC_MV.name: (NamedInViews, NamedInImages),
    _OO_MV.name: (MarkedInViews, Marked),
    _OO_VIDEO.name: (MarkedInVideo, InVideo),
}


class Comparison(Engine):
    """States which objects are nearest and farthest, by the distances of their centres."""

    name: ClassVar[str] = "comparison"
    suite: ClassVar[str] = "spar"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = ComparisonParameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "spar": {
            **SPAR_OBJECTS,
            "least_gap": 0.10,
            "least_gap_share": 0.15,
            "most_equal_gap": 0.10,
            "most_equal_share": 0.05,
            "least_told_size": 0.0,
        }
    }
    tasks: ClassVar[tuple[TaskSpec, ...]] = (_OC, _OO, _OC_MV, _OO_MV, _OO_VIDEO)

    def state(
        self,
        scene: Scene,  # noqa: ARG002 - the geometry's
        geometry: SceneGeometry,
        request: Request,
        rng: np.random.Generator,
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, ComparisonParameters)
        objects, groups = MarkedObjects(geometry, parameters), ViewGroups(geometry, parameters)
        # A generator each, so that a task's facts do not depend on which others are asked for.
        generators = self.generators(rng)
        for task in request.tasks:
            search_type, questions_type = _SEARCHES[task]
            own = generators[task]
            places = self._places(task, objects, groups, request.limit, own)
            best: tuple[list[Fact], Questions] | None = None
            for count in self._counts(task, parameters):
                search = search_type(objects, parameters, count, places, own)
                questions = questions_type(self.task(task), request.forms[task], search, groups, parameters)
                facts = list(questions.facts(request.limit))
                if best is None or len(facts) > len(best[0]):
                    best = facts, questions
                if len(facts) == request.limit:
                    break
            assert best is not None
            yield from best[0]
            if not places:
                yield Skip(task, NO_FRAMES)
            yield from (Skip(task, reason, count) for reason, count in sorted(objects.reasons.items()))
            yield from best[1].skips()

    def _places(
        self, task: str, objects: MarkedObjects, groups: ViewGroups, limit: int, rng: np.random.Generator
    ) -> list[Frames]:
        """Frames that are shown together: each alone, triples, or those of the whole trajectory."""
        if task == _OO_VIDEO.name:
            return groups.videos(1)
        if task in {_OC_MV.name, _OO_MV.name}:
            return groups.triples(_TRIPLES * limit, rng, shown=objects.shows)
        return [(index,) for index in range(len(objects.scene.frames))]

    def _counts(self, task: str, parameters: ComparisonParameters) -> tuple[int, ...]:
        """Numbers of candidates to try, the same for all of a task's questions about a scene."""
        if task == _OO_VIDEO.name:
            return (parameters.video_candidates,)
        if task in {_OO.name, _OO_MV.name}:
            return (_MARKED,)
        return tuple(range(parameters.most_named, _LEAST_NAMED - 1, -1))


ENGINE: Final = Comparison()
