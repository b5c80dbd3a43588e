"""How deep objects lie and how far they are from the camera and from each other; how large they are.

Everything is about the centres of objects' upright boxes, in one image, in three, or in the frames of a video. A
depth is along the axis of the camera whose image marks the object; distances from the camera are from the first
image's. Definitions: docs/conventions.md, "Depths and distances of centres". Source of the tasks: SPAR, arXiv
2503.22976, which released neither generator nor definitions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from ...core.types import BoxMark, BoxRef, Fact, Point, PointRef, Scene, Skip, TaskSpec, Value
from ..base import Engine, Parameters, Request
from ..distractors import NumberOptionParameters, wrong_numbers
from ..marked_objects import SPAR_OBJECTS
from ..sampling import deal
from ..view_groups import ORDINALS, VIDEO_FRAMES, ViewGroupParameters, ViewGroups
from ._centre_measures import (
    CentreDistance,
    CentredObjects,
    CentreParameters,
    DepthDifference,
    DepthFromReference,
    DistanceFromCamera,
    Measure,
    Measured,
)
from ._marked_items import NO_FRAMES, Item, deal_forms, items_in_turn
from ._object_volumes import ObjectVolume, VolumeParameters

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE"]

_OPTIONS: Final = 4

Frames = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a task measures and how many images it shows.

    Attributes:
        measure: what is asked for.
        view: ``one`` image, ``three``, or a ``video``.
        summary: one sentence.
        named: slots that the wording names marks by.
        told: slots of what it tells besides.
    """

    measure: type[Measure]
    view: str
    summary: str
    named: tuple[str, ...]
    told: tuple[str, ...] = ()

    def spec(self, name: str) -> TaskSpec:
        """The task's contract."""
        where = {"one": (), "three": ("image",), "video": ("frame",)}[self.view]
        slots = frozenset({*self.named, *self.told, *(f"{slot}_{kind}" for slot in self.named for kind in where)})
        is_volume = self.measure is ObjectVolume
        return TaskSpec(
            name=name,
            suite="spar",
            engine="depth_distance",
            version="1",
            images={"one": 1, "three": 3, "video": VIDEO_FRAMES}[self.view],
            summary=self.summary,
            answer_type="composite" if is_volume else "number",
            composite="sizes" if is_volume else "",
            units=("m",),
            text_unit="cm" if is_volume else "m",
            text_decimals=0 if is_volume else 1,
            variants=(self.measure.variant,),
            # Options of three numbers each would be told apart by any one of them.
            forms=("fill", "sentence") if is_volume else ("fill", "select", "sentence"),
            slots=slots,
            required_slots=slots,
            needs=(
                "image",
                "perspective",
                "depth|mesh",
                "instances",
                "up",
                *(("trajectory",) if self.view == "video" else ()),
            ),
        )


_GIVEN: Final = ("reference", "object"), ("depth",)
_DIFFERENCE: Final = ("reference", "deeper", "shallower"), ("depth",)

_KINDS: Final[Mapping[str, _Kind]] = {
    "depth_prediction_oc": _Kind(
        DepthFromReference, "one", "How deep does an object lie, given the depth of another?", *_GIVEN
    ),
    "depth_prediction_oo": _Kind(
        DepthDifference, "one", "By how much do the depths of two objects differ, given that of a third?", *_DIFFERENCE
    ),
    "depth_prediction_oc_mv": _Kind(
        DepthFromReference,
        "three",
        "How deep does an object lie in one image, given the depth of another object in another image?",
        *_GIVEN,
    ),
    "depth_prediction_oo_mv": _Kind(
        DepthDifference,
        "three",
        "By how much do the depths of two objects in different images differ, given that of a third?",
        *_DIFFERENCE,
    ),
    "distance_prediction_oc": _Kind(DistanceFromCamera, "one", "How far is an object from the camera?", ("object",)),
    "distance_prediction_oo": _Kind(CentreDistance, "one", "How far are two objects apart?", ("a", "b")),
    "distance_prediction_oc_mv": _Kind(
        DistanceFromCamera,
        "three",
        "How far is an object, marked in any of three images, from the camera of the first?",
        ("object",),
    ),
    "distance_prediction_oo_mv": _Kind(
        CentreDistance, "three", "How far are two objects apart that different images show?", ("a", "b")
    ),
    "distance_prediction_oo_video": _Kind(
        CentreDistance, "video", "How far are two objects apart that different frames of a video show?", ("a", "b")
    ),
    "spatial_volume_infer": _Kind(ObjectVolume, "one", "How long, wide and high is an object?", ("object",)),
}


class _Parameters(CentreParameters, VolumeParameters, NumberOptionParameters, ViewGroupParameters):
    """What decides which depths, distances and sizes are asked for."""


@dataclass(frozen=True, slots=True)
class _Question:
    """An item with what is asked about it, and wrong answers if there can be any."""

    item: Item
    measured: Measured
    wrong: tuple[float, ...] | None

    def fits(self, form: str) -> bool:
        """Whether it can be asked in a form."""
        return form != "select" or self.wrong is not None


class _Questions:
    """What a scene's questions share, whichever task they belong to.

    Args:
        geometry: of the scene.
        parameters: limits.
        limit: rows a task may have.
        rng: decides the order of frames, and which are shown together.
    """

    def __init__(self, geometry: SceneGeometry, parameters: _Parameters, limit: int, rng: np.random.Generator) -> None:
        self.objects = CentredObjects(geometry, parameters)
        self.views = ViewGroups(geometry, parameters)
        self._parameters = parameters
        self._limit = limit
        self._rng_of_singles, self._rng_of_triples = rng.spawn(2)

    def measure(self, kind: _Kind) -> Measure:
        """What measures a kind of task's quantity."""
        return kind.measure(self.objects, self._parameters)

    def groups(self, view: str) -> Sequence[Frames]:
        """Frames that are shown together."""
        if view == "video":
            return self.views.videos(1)
        return self._singles if view == "one" else self._triples

    def ask(
        self, measure: Measure, groups: Sequence[Frames], rng: np.random.Generator, reasons: Counter[str]
    ) -> Iterator[_Question]:
        """Questions one after the other, until none is left; why others are not asked is counted."""
        markable: dict[int, list[int]] = {}

        def in_frame(frame: int) -> list[int]:
            if frame not in markable:
                shown = np.flatnonzero(self.objects.shows[frame]).tolist()
                markable[frame] = [instance for instance in shown if measure.can_mark(instance, frame)]
                reasons["no place for a mark on the object"] += len(shown) - len(markable[frame])
            return markable[frame]

        def reason_against(item: Item) -> str:
            if not self.objects.are_apart(item.frames, measure.marks(item)):
                return "marks too close together"
            found = measure.measure(item)
            return found if isinstance(found, str) else ""

        of_items, of_wrong = rng.spawn(2)
        for item in items_in_turn(
            groups, in_frame, len(measure.colors), reason_against, of_items, reasons, aside=measure.aside
        ):
            measured = measure.measure(item)
            assert not isinstance(measured, str)
            one = len(measured.value) == 1
            kind = self._parameters.number_options
            wrong = wrong_numbers(measured.value[0], of_wrong, decimals=1, kind=kind) if one else None
            yield _Question(item, measured, wrong)

    def lost(self, item: Item, marks: Sequence[int]) -> float | None:
        """Share of the worst shown of some marks' objects that is hidden or cut off; None where it is not known."""
        states = self.objects.states
        if states is None:
            return None
        return max(float(states.total[item.frame(mark), item.instances[mark]]) for mark in marks)

    @cached_property
    def _singles(self) -> list[Frames]:
        order = self._rng_of_singles.permutation(len(self.objects.shows)).tolist()
        return [(frame,) for frame in order if self.objects.shows[frame].any()]

    @cached_property
    def _triples(self) -> list[Frames]:
        return self.views.triples(self._limit, self._rng_of_triples, self.objects.shows)


class DepthDistance(Engine):
    """States depths and distances of objects' centres, and objects' sizes."""

    name: ClassVar[str] = "depth_distance"
    suite: ClassVar[str] = "spar"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = _Parameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # Proposals, since nothing was published: 10 cm, in depth alone, and centres and boxes as they are.
        "spar": {
            **SPAR_OBJECTS,
            "number_options": "ranges",
            "least_distance": 0.10,
            "relative_difference": 0.0,
            "same_order": False,
            "most_stray_shift": 10.0,
            "most_rival": 1.0,
            "most_border_shift": 10.0,
        }
    }
    tasks: ClassVar[tuple[TaskSpec, ...]] = tuple(kind.spec(name) for name, kind in _KINDS.items())

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, _Parameters)
        # A generator each, so that a task's facts do not depend on which others are asked for.
        own, *others = rng.spawn(1 + len(self.tasks))
        generators = dict(zip((spec.name for spec in self.tasks), others, strict=True))
        questions = _Questions(geometry, parameters, request.limit, own)
        for task in request.tasks:
            kind, forms = _KINDS[task], request.forms[task]
            measure, reasons = questions.measure(kind), Counter(questions.objects.reasons)
            groups = questions.groups(kind.view)
            if not groups:
                reasons[NO_FRAMES] += 1
            deck = deal(request.limit, (len(forms), _OPTIONS), scene.id, task)
            asked = questions.ask(measure, groups, generators[task], reasons)
            for question, form, letter in deal_forms(asked, forms, deck, _Question.fits, reasons):
                yield _fact(task, kind, questions, measure, question, form, letter)
            yield from (Skip(task, reason, count) for reason, count in sorted(reasons.items()) if count)


def _fact(
    task: str, kind: _Kind, questions: _Questions, measure: Measure, question: _Question, form: str, letter: int
) -> Fact:
    """A question in one form; its true option, if it has options, at this place among them."""
    item, measured = question.item, question.measured
    marks = measure.marks(item)
    options: list[Value] = []
    if form == "select":
        assert question.wrong is not None
        options = [Value((wrong,)) for wrong in question.wrong]
        options.insert(letter, Value(measured.value))
    evidence = {
        "objects": questions.objects.marked_evidence(item.frames, item.instances),
        **measured.evidence,
        "thresholds": dict(measure.thresholds()),
    }
    if kind.view == "three":
        evidence["pairs"] = questions.views.evidence(item.frames)
    return Fact(
        task=task,
        frames=item.frames,
        variant=measure.variant,
        form=form,
        value=measured.value,
        points=tuple(mark for mark in marks if isinstance(mark, Point)),
        boxes=tuple(mark for mark in marks if isinstance(mark, BoxMark)),
        objects=tuple(
            mention
            for instance, role in zip(item.instances, measure.roles, strict=True)
            for mention in questions.objects.mentions([instance], role)
        ),
        options=tuple(options),
        answer_index=letter if options else None,
        slots=_slots(kind, measure, item, measured),
        evidence=evidence,
        margin=measured.margin,
        overlap=questions.views.largest_overlap(item.frames) if kind.view == "three" else None,
        occlusion=questions.lost(item, [place for place, role in enumerate(measure.roles) if role == "target"]),
    )


def _slots(kind: _Kind, measure: Measure, item: Item, measured: Measured) -> dict[str, Any]:
    """What the wording uses: what is told, the marks' names, and where they are if there are several images."""
    reference = PointRef if measure.variant == "dot" else BoxRef
    slots: dict[str, Any] = dict(measured.slots)
    for slot, mark in measured.named.items():
        slots[slot] = reference(mark)
        image, _ = item.marks[mark]
        if kind.view == "three":
            slots[f"{slot}_image"] = ORDINALS[image]
        elif kind.view == "video":
            slots[f"{slot}_frame"] = image
    return slots


ENGINE: Final = DepthDistance()
