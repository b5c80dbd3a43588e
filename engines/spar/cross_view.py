"""What two images of one place have to do with each other: the same object in both, and the camera's own motion.

Nothing is drawn but a red box around the object that is to be found again. Definitions: docs/conventions.md, "Camera
motion", "Questions across views". Source of the tasks: SPAR, arXiv 2503.22976.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from ...core.types import BoxRef, Fact, Scene, Skip, TaskSpec, Value
from ..base import Engine, Parameters, Request
from ..marked_objects import SPAR_OBJECTS, MarkedObjectParameters, MarkedObjects
from ..sampling import deal
from ..view_groups import ViewGroupParameters, ViewGroups
from ._box_matches import NO_BOX, BoxMatch, BoxMatchParameters, matches
from ._camera_moves import CameraMoveParameters, CameraMoves, Places
from ._marked_items import NO_FRAMES, deal_forms

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE"]

_OPTIONS: Final = 4
_ANYWHERE: Final = ("image", "perspective", "depth|mesh")


class _Parameters(MarkedObjectParameters, BoxMatchParameters, CameraMoveParameters, ViewGroupParameters):
    """What decides which pairs of images are shown, and what is asked about them."""


@dataclass(frozen=True, slots=True)
class _Move:
    """What a task says about the cameras of two frames; wrong places where it is to be asked with options."""

    frames: tuple[int, int]
    value: tuple[float, ...]
    margin: float
    wrong: Places = ()


def _spec(
    name: str,
    summary: str,
    answer_type: str,
    units: tuple[str, ...],
    needs: tuple[str, ...],
    forms: tuple[str, ...],
    **others: Any,
) -> TaskSpec:
    settings = {"slots": frozenset(), "required_slots": frozenset(), "text_unit": "", "variants": ("name",), **others}
    return TaskSpec(
        name=name,
        suite="spar",
        engine="cross_view",
        version="1",
        images=2,
        summary=summary,
        answer_type=answer_type,
        units=units,
        forms=forms,
        needs=needs,
        **settings,
    )


_TASKS: Final = (
    _spec(
        "position_matching",
        "Where in a second image is an object that the first one marks?",
        "box",
        ("px",),
        (*_ANYWHERE, "instances", "up"),
        ("fill", "select", "sentence"),
        variants=("box",),
        slots=frozenset({"object"}),
        required_slots=frozenset({"object"}),
    ),
    _spec(
        "camera_motion_infer",
        "Where in the first image, and how deep, is the camera that took the second?",
        "composite",
        ("px", "px", "m"),
        _ANYWHERE,
        ("fill", "select", "sentence"),
        text_unit="m",
        text_decimals=1,
        composite="place",
    ),
    _spec(
        "view_change_infer",
        "How did the camera move and turn from the first image to the second?",
        "composite",
        ("m", "m", "m", "rad", "rad"),
        (*_ANYWHERE, "up"),
        ("fill", "sentence"),
        text_unit="m",
        text_decimals=1,
        composite="motion",
    ),
)


class _Questions:
    """What a scene's questions share, whichever task they belong to.

    Args:
        scene: with its frames.
        geometry: of the scene.
        parameters: limits.
    """

    def __init__(self, scene: Scene, geometry: SceneGeometry, parameters: _Parameters) -> None:
        self.views = ViewGroups(geometry, parameters)
        self.moves = CameraMoves(scene, parameters)
        self._geometry = geometry
        self._parameters = parameters

    @cached_property
    def objects(self) -> MarkedObjects:
        """Those that may be marked; asked for only where a scene has instances."""
        return MarkedObjects(self._geometry, self._parameters)

    def matches(self, rng: np.random.Generator, reasons: Counter[str]) -> Iterator[BoxMatch]:
        """Objects to be found again, one after the other."""
        reasons.update(self.objects.reasons)
        return matches(self.objects, self._pairs(rng, reasons), self._parameters, rng, reasons)

    def camera_moves(
        self,
        task: str,
        forms: Sequence[str],
        deck: npt.NDArray[np.int64],
        rng: np.random.Generator,
        reasons: Counter[str],
    ) -> Iterator[tuple[_Move, str, int]]:
        """What a task says of the cameras of pairs, each with a form and the place of the true option."""
        pairs = self._pairs(rng, reasons)
        stated = self.moves.view_changes(pairs) if task == "view_change_infer" else self.moves.camera_places(pairs)
        reasons.update(stated.reasons)
        dealt = [(forms[form], letter) for form, letter in deck[: len(stated.pairs)].tolist()]
        wanted = sum(form == "select" for form, _ in dealt)
        wrong = self.moves.wrong_places(stated, wanted, rng) if wanted else {}
        reasons["places too close together to choose from"] += wanted - len(wrong)
        with_options, without = iter(wrong), (index for index in range(len(stated.pairs)) if index not in wrong)
        for form, letter in dealt:
            index = next(with_options if form == "select" else without, None)
            if index is not None:
                first, second = stated.pairs[index].tolist()
                value, margin = tuple(stated.value[index].tolist()), float(stated.margin[index])
                yield _Move((first, second), value, margin, wrong.get(index, ())), form, letter

    def match_fact(self, match: BoxMatch, form: str, letter: int) -> Fact:
        """A match in one form; its true box, if others are offered, at this place among them."""
        others, wrong = (match.others, match.wrong) if form == "select" else ((), ())
        options: list[BoxRef] = []
        if form == "select":
            options = [BoxRef(2 + place) for place in range(len(wrong))]
            options.insert(letter, BoxRef(1))
        truth, objects = match.truth, self.objects
        lost = None if objects.states is None else float(objects.states.total[list(match.frames), match.instance].max())
        return Fact(
            task="position_matching",
            frames=match.frames,
            variant="box",
            form=form,
            value=(truth.x1, truth.y1, truth.x2, truth.y2),
            boxes=(match.mark, truth, *wrong),
            objects=objects.mentions([match.instance], "target"),
            options=tuple(options),
            answer_index=letter if options else None,
            answer=None if options else BoxRef(1),
            slots={"object": BoxRef(0)},
            evidence={
                "objects": objects.marked_evidence(match.frames, [match.instance, *others]),
                "pairs": self.views.evidence(match.frames),
                "thresholds": {
                    "most_option_overlap": self._parameters.most_option_overlap,
                    "least_told_size_thousandths": self._parameters.least_told_size,
                },
            },
            overlap=self.views.largest_overlap(match.frames),
            occlusion=lost,
        )

    def move_fact(self, task: str, move: _Move, form: str, letter: int) -> Fact:
        """What is told of two cameras in one form; the truth, if others are offered, at this place among them."""
        options: list[Value] = []
        if form == "select":
            options = [Value(wrong) for wrong in move.wrong]
            options.insert(letter, Value(move.value))
        evidence: dict[str, Any] = {"pairs": self.views.evidence(move.frames)}
        if task == "view_change_infer":
            evidence |= self.moves.angles(*move.frames)
        if options:
            evidence["option_places"] = [list(option.numbers) for option in options]
        return Fact(
            task=task,
            frames=move.frames,
            variant="name",
            form=form,
            value=move.value,
            options=tuple(options),
            answer_index=letter if options else None,
            evidence={**evidence, "thresholds": self.moves.thresholds(task)},
            margin=move.margin if math.isfinite(move.margin) else None,
            overlap=self.views.largest_overlap(move.frames),
        )

    def _pairs(self, rng: np.random.Generator, reasons: Counter[str]) -> Sequence[tuple[int, ...]]:
        pairs = self.views.pairs(rng)
        if not pairs:
            reasons[NO_FRAMES] += 1
        return pairs


class CrossView(Engine):
    """States where a second image shows an object again, and how its camera moved."""

    name: ClassVar[str] = "cross_view"
    suite: ClassVar[str] = "spar"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = _Parameters
    # The limits on motions and options are proposals of the same source as these, and the default: nothing was
    # published, and the definitions say nothing else.
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"spar": {**SPAR_OBJECTS, "least_told_size": 0.0}}
    tasks: ClassVar[tuple[TaskSpec, ...]] = _TASKS

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, _Parameters)
        # A generator each, so that a task's facts do not depend on which others are asked for.
        generators = self.generators(rng)
        questions = _Questions(scene, geometry, parameters)
        for task in request.tasks:
            forms, own, reasons = request.forms[task], generators[task], Counter[str]()
            deck = deal(request.limit, (len(forms), _OPTIONS), scene.id, task)
            if task == "position_matching":
                found = questions.matches(own, reasons)
                for match, form, letter in deal_forms(found, forms, deck, BoxMatch.fits, reasons, lacking=NO_BOX):
                    yield questions.match_fact(match, form, letter)
            else:
                for move, form, letter in questions.camera_moves(task, forms, deck, own, reasons):
                    yield questions.move_fact(task, move, form, letter)
            yield from (Skip(task, reason, count) for reason, count in sorted(reasons.items()) if count)


ENGINE: Final = CrossView()
