"""How an object lies to another, or to the camera: left or right, above or below, closer or farther, front or behind.

An object in a red box is related to one in a blue box, as the camera has them; over three views, an object to another
in a different image, or to the camera of the first image itself. What is not beyond doubt is left empty. Definitions:
docs/conventions.md, "Relation triples". Source of the tasks: SPAR, arXiv 2503.22976, which released neither generator
nor definitions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from ...core.types import BoxRef, ColorRole, Fact, Scene, Skip, TaskSpec, Value, Words
from ..base import Engine, Parameters, Request
from ..distractors import wrong_relations
from ..marked_objects import SPAR_OBJECTS, MarkedObjectParameters, MarkedObjects
from ..relation_triples import BETWEEN, SPAR_RELATIONS, TO_OBSERVER, RelationTriples, TripleParameters
from ..sampling import deal
from ..view_groups import ViewGroupParameters, ViewGroups
from ._balanced_words import UP, Choice, balanced, usable_forms
from ._camera_relations import CameraRelations
from ._marked_items import NO_FRAMES
from ._related_items import Frames, Related, RelatedItems

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE", "RelationTaskParameters"]

_ROLES: Final = ("target", "reference")
_OPTIONS: Final = 4
_POOL: Final = 12  # pairs for each fact wanted, to choose from
_ALIKE: Final = 2  # objects in the same relation to the observer for each fact wanted, likewise
_TRIPLES: Final = 12  # sets of three frames for each fact wanted: few show anything behind the first camera


@dataclass(frozen=True, slots=True)
class _Kind:
    """What tells the tasks apart.

    Attributes:
        summary: one sentence.
        views: images shown.
        named: slots of the marked objects.
        colors: the marks', one way of colouring them after the other.
        forms: of the answer.
    """

    summary: str
    views: int
    named: tuple[str, ...]
    colors: tuple[tuple[ColorRole, ...], ...]
    forms: tuple[str, ...]

    @property
    def is_between(self) -> bool:
        """Whether it relates two objects; else one to the observer."""
        return len(self.named) > 1

    def spec(self, name: str) -> TaskSpec:
        """The task's contract."""
        is_judged = "judge" in self.forms
        return TaskSpec(
            name=name,
            suite="spar",
            engine="relation",
            version="1",
            images=self.views,
            summary=self.summary,
            answer_type="relation",
            units=("index",),
            text_unit="",
            variants=("box",),
            forms=self.forms,
            slots=frozenset({*self.named, *(("relation",) if is_judged else ())}),
            required_slots=frozenset(self.named),
            form_slots=(("judge", frozenset({"relation"})),) if is_judged else (),
            needs=("image", "perspective", "depth|mesh", "instances", "up"),
            axes=BETWEEN if self.is_between else TO_OBSERVER,
        )


_KINDS: Final[Mapping[str, _Kind]] = {
    "obj_spatial_relation_oo": _Kind(
        "How does one object lie to another, as the camera sees them?",
        1,
        ("a", "b"),
        (("red", "blue"),),
        ("select", "judge", "sentence"),
    ),
    "obj_spatial_relation_oc_mv": _Kind(
        "Where is an object, marked in any of three images, from the camera of the first?",
        3,
        ("object",),
        (("red",), ("blue",), ("green",)),
        ("select", "sentence"),
    ),
    "obj_spatial_relation_oo_mv": _Kind(
        "How does one object lie to another that is marked in another of three images, for the camera of the first?",
        3,
        ("a", "b"),
        (("red", "blue"), ("blue", "red"), ("red", "green"), ("green", "red"), ("blue", "green"), ("green", "blue")),
        ("select", "judge", "sentence"),
    ),
}


class RelationTaskParameters(MarkedObjectParameters, ViewGroupParameters, TripleParameters):
    """What decides which relations are stated."""


class SpatialRelation(Engine):
    """States how objects lie to each other, and to the camera."""

    name: ClassVar[str] = "relation"
    suite: ClassVar[str] = "spar"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = RelationTaskParameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"spar": {**SPAR_OBJECTS, **SPAR_RELATIONS}}
    tasks: ClassVar[tuple[TaskSpec, ...]] = tuple(kind.spec(name) for name, kind in _KINDS.items())

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, RelationTaskParameters)
        # A generator each, so that a task's facts do not depend on which others are asked for.
        generators = self.generators(rng)
        stage = _Stage(scene, geometry, parameters)
        for task in request.tasks:
            reasons: Counter[str] = Counter(stage.objects.reasons)
            yield from stage.facts(task, request.forms[task], request.limit, generators[task], reasons)
            yield from (Skip(task, reason, count) for reason, count in sorted((+reasons).items()))


class _Stage:
    """A scene and what all tasks need of it."""

    def __init__(self, scene: Scene, geometry: SceneGeometry, parameters: RelationTaskParameters) -> None:
        self.scene = scene
        self.objects = MarkedObjects(geometry, parameters)
        self.groups = ViewGroups(geometry, parameters)
        self.triples = RelationTriples(self.objects, parameters)
        self.items = RelatedItems(self.objects, CameraRelations(self.objects, self.triples))

    def facts(
        self, task: str, forms: tuple[str, ...], limit: int, rng: np.random.Generator, reasons: Counter[str]
    ) -> Iterator[Fact]:
        """At most ``limit`` facts of a task; why others are not stated is counted in ``reasons``."""
        kind = _KINDS[task]
        groups = self._groups(kind, limit, rng)
        if not groups:
            reasons[NO_FRAMES] += 1
        find, most = (self.items.pairs, _POOL) if kind.is_between else (self.items.singles, _ALIKE)
        pool = find(groups, most * limit, rng, reasons)
        usable = usable_forms(pool, forms, reasons)
        deck = deal(limit, (max(len(usable), 1), _OPTIONS, 2, len(kind.colors)), self.scene.id, task)
        chosen = balanced(pool, usable, deck if usable else deck[:0], self.objects.labels)
        if len(chosen) < limit:
            unused = len(pool) // len(kind.named) - len(chosen)
            reasons["left out to keep words balanced"] += unused
        for choice in chosen:
            yield self._fact(task, kind, choice, rng)

    def _groups(self, kind: _Kind, limit: int, rng: np.random.Generator) -> list[Frames]:
        """Sets of frames to be shown, in random order."""
        if kind.views == 1:
            return [(frame,) for frame in rng.permutation(len(self.scene.frames)).tolist()]
        return self.groups.triples(_TRIPLES * limit, rng, self.objects.shows)

    def _fact(self, task: str, kind: _Kind, choice: Choice[Related], rng: np.random.Generator) -> Fact:
        related, item, objects = choice.told, choice.told.item, self.objects
        signs = related.signs
        slots: dict[str, Words] = {slot: BoxRef(mark) for mark, slot in enumerate(kind.named)}
        evidence = self._evidence(kind, related)
        value = signs
        options: tuple[Words, ...] = ()
        answer = None
        match choice.form:
            case "select":
                wrong = wrong_relations(signs, rng, kept=UP)
                assert wrong is not None, "two words are decided"
                answer = choice.place
                options = tuple(Value(one) for one in (*wrong[:answer], signs, *wrong[answer:]))
                evidence["truth_table"] = [place == answer for place in range(len(options))]
            case "judge":
                said = signs if choice.holds else _with_one_word_turned(signs, rng)
                slots["relation"] = Value(said)
                evidence["stated"] = [int(sign) for sign in said]
                value = (float(choice.holds),)
                options, answer = ("Yes", "No"), int(not choice.holds)
        return Fact(
            task=task,
            frames=item.frames,
            variant="box",
            form=choice.form,
            value=value,
            boxes=tuple(
                objects.box(thing, item.frames[image], image, color, role=role)
                for (image, thing), color, role in zip(item.marks, kind.colors[choice.colors], _ROLES, strict=False)
            ),
            objects=tuple(
                mention
                for thing, role in zip(item.instances, _ROLES, strict=False)
                for mention in objects.mentions([thing], role)
            ),
            options=options,
            answer_index=answer,
            slots=slots,
            evidence=evidence,
            margin=related.seen.triple.margin,
            overlap=self.groups.largest_overlap(item.frames),
            occlusion=objects.loss_at_best(item.frames, item.instances),
        )

    def _evidence(self, kind: _Kind, related: Related) -> dict[str, Any]:
        item = related.item
        relations: dict[str, Any] = {
            role: self.scene.instances[thing].id for role, thing in zip(_ROLES, item.instances, strict=False)
        }
        relations["from"] = related.seen.observer.evidence()
        relations["axes"] = related.seen.triple.evidence()
        if kind.is_between:
            relations["in_image"] = related.seen.is_in_image
        evidence: dict[str, Any] = {
            "objects": self.objects.marked_evidence(item.frames, item.instances),
            "relations": relations,
            "thresholds": self.triples.thresholds(),
        }
        if kind.views > 1:
            evidence["pairs"] = self.groups.evidence(item.frames)
        return evidence


def _with_one_word_turned(signs: tuple[float, ...], rng: np.random.Generator) -> tuple[float, ...]:
    """A relation that is false because one of its words is."""
    turned = int(rng.choice(np.flatnonzero(signs)))
    return tuple(-sign if axis == turned else sign for axis, sign in enumerate(signs))


ENGINE: Final = SpatialRelation()
