"""Somebody moves to one object and faces another: where are others from there? And a bird's-eye map of three views.

The observer stands at the centre of the green object and faces the blue one; asked is where the red object is from
there, or where it is compared with the yellow one. In videos the four are ``object0`` to ``object3``; the hard
variants draw nothing and name objects of which a scene has one. Definitions: docs/conventions.md, "Relation triples",
"Imagined observers". Source of the tasks: SPAR, arXiv 2503.22976.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
import numpy.typing as npt

from ...core.types import BoxMark, BoxRef, ColorRole, Fact, Scene, Sides, Skip, TaskSpec, Value, Words
from ..base import Engine, Parameters, Request
from ..distractors import wrong_relations
from ..marked_objects import SPAR_OBJECTS, MarkedObjects
from ..relation_triples import BETWEEN, SPAR_RELATIONS, TO_OBSERVER, RelationTriples
from ..sampling import deal
from ..view_groups import VIDEO_FRAMES, ViewGroups
from ._balanced_words import UP, Choice, balanced, usable_forms
from ._bird_map import map_facts
from ._imagined_items import Candidates, Frames
from ._imagined_views import ROLES, ImaginationParameters, ImaginedViews, Move
from ._marked_items import Item

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE"]

_COLORS: Final[tuple[ColorRole, ...]] = ("green", "blue", "red", "yellow")
"""Of the marks of an item's objects, in order."""

_OPTIONS: Final = 4
_TRIPLES: Final = 4  # sets of three frames for each fact wanted
_NEEDS: Final = ("image", "perspective", "depth|mesh", "instances", "up")
_MAP: Final = "spatial_imagination_map_mv"


@dataclass(frozen=True, slots=True)
class _Kind:
    """What tells the tasks apart.

    Attributes:
        shown: one image, three views or the frames of a video.
        is_related: whether the target is compared with a reference, or with the observer.
        is_named: whether objects are named instead of marked.
    """

    shown: Literal["image", "views", "video"]
    is_related: bool
    is_named: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        """Of the objects that are spoken of."""
        return ROLES if self.is_related else ROLES[:3]

    @property
    def tells_sides(self) -> bool:
        """Whether sentences also say what lies in front of the observer and behind."""
        return self.is_related and self.shown != "image"


_KINDS: Final[Mapping[str, _Kind]] = {
    "spatial_imagination_oc": _Kind("image", is_related=False),
    "spatial_imagination_oo": _Kind("image", is_related=True),
    "spatial_imagination_oc_mv": _Kind("views", is_related=False),
    "spatial_imagination_oo_mv": _Kind("views", is_related=True),
    "spatial_imagination_oc_video": _Kind("video", is_related=False),
    "spatial_imagination_oo_video": _Kind("video", is_related=True),
    "spatial_imagination_oc_video_hard": _Kind("video", is_related=False, is_named=True),
    "spatial_imagination_oo_video_hard": _Kind("video", is_related=True, is_named=True),
}
_SHOWN: Final = {"image": "one image", "views": "three images", "video": "a video"}
_IMAGES: Final = {"image": 1, "views": 3, "video": VIDEO_FRAMES}


def _spec(name: str, kind: _Kind) -> TaskSpec:
    asked = "Where is an object compared with another" if kind.is_related else "Where is an object"
    named = ", named and not marked" if kind.is_named else ""
    is_marked_video = kind.shown == "video" and not kind.is_named
    frames = {f"{role}_frame" for role in kind.roles} if is_marked_video else set()
    return TaskSpec(
        name=name,
        suite="spar",
        engine="imagination",
        version="1",
        images=_IMAGES[kind.shown],
        summary=f"{asked}, from an imagined place in {_SHOWN[kind.shown]}: at a second object, facing a third{named}?",
        answer_type="relation",
        units=("index",),
        text_unit="",
        variants=("name",) if kind.is_named else ("box",),
        forms=("sentence",) if kind.shown == "video" else ("select", "sentence"),
        slots=frozenset({*kind.roles, *frames, "before", *(("sides",) if kind.tells_sides else ())}),
        required_slots=frozenset(kind.roles) | frames,
        needs=(*_NEEDS, "trajectory") if kind.shown == "video" else _NEEDS,
        sentence_answers=kind.shown == "video",
        axes=BETWEEN if kind.is_related else TO_OBSERVER,
    )


_TASKS: Final = (
    *(_spec(name, kind) for name, kind in _KINDS.items()),
    TaskSpec(
        name=_MAP,
        suite="spar",
        engine="imagination",
        version="1",
        images=3,
        summary="Where do objects that three images show lie on a bird's-eye map around the first image's camera?",
        answer_type="composite",
        composite="map",
        units=("m",),
        text_unit="m",
        text_decimals=1,
        variants=("box",),
        forms=("sentence",),
        slots=frozenset({"objects"}),
        required_slots=frozenset({"objects"}),
        needs=_NEEDS,
        sentence_answers=True,
    ),
)


class Imagination(Engine):
    """States what is where for somebody who moves and turns in the mind."""

    name: ClassVar[str] = "imagination"
    suite: ClassVar[str] = "spar"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = ImaginationParameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"spar": {**SPAR_OBJECTS, **SPAR_RELATIONS}}
    tasks: ClassVar[tuple[TaskSpec, ...]] = _TASKS

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, ImaginationParameters)
        # A generator each, so that a task's facts do not depend on which others are asked for.
        generators = self.generators(rng)
        stage = _Stage(scene, geometry, parameters)
        for task in request.tasks:
            reasons: Counter[str] = Counter(stage.objects.reasons)
            if task == _MAP:
                yield from map_facts(
                    task,
                    stage.objects,
                    stage.groups,
                    stage.views,
                    parameters,
                    request.limit,
                    generators[task],
                    reasons,
                )
            else:
                yield from stage.moves(task, request.forms[task], request.limit, generators[task], reasons)
            for reason, count in sorted((+reasons).items()):
                yield Skip(task, reason, count)


class _Stage:
    """A scene and what all tasks need of it."""

    def __init__(self, scene: Scene, geometry: SceneGeometry, parameters: ImaginationParameters) -> None:
        self.scene = scene
        self.objects = MarkedObjects(geometry, parameters)
        self.groups = ViewGroups(geometry, parameters)
        self.views = ImaginedViews(self.objects, RelationTriples(self.objects, parameters), parameters)

    def moves(
        self, task: str, forms: tuple[str, ...], limit: int, rng: np.random.Generator, reasons: Counter[str]
    ) -> Iterator[Fact]:
        """Facts of one of the tasks about moves."""
        kind, objects = _KINDS[task], self.objects
        allowed = objects.askable
        if kind.is_named:
            unique = self._unique()
            reasons["other things of its name, or of one like it, in the scene"] += int((allowed & ~unique).sum())
            allowed = allowed & unique
        candidates = Candidates(
            objects, self._groups(kind, limit, rng), kind.shown == "video", allowed, len(kind.roles), rng, reasons
        )

        def look(item: Item) -> Move | str:
            move = self.views.move(item)
            if isinstance(move, str):
                return move
            if kind.tells_sides and not (move.on_side(1.0) or move.on_side(-1.0)):
                return "nothing beyond doubt in front or behind"
            return move if any(move.fits(form) for form in forms) else "too few words decided"

        pool = candidates.moves(look, limit)
        usable = usable_forms(pool, forms, reasons)
        # One way of colouring the marks, and nothing to be judged.
        deck = deal(limit, (max(len(usable), 1), _OPTIONS, 1, 1), self.scene.id, task)
        chosen = balanced(pool, usable, deck if usable else deck[:0], objects.labels)
        if len(chosen) < limit:
            reasons["left out to keep words balanced"] += len(pool) - len(chosen)
        for choice in chosen:
            yield self._fact(task, kind, choice, rng)

    def _groups(self, kind: _Kind, limit: int, rng: np.random.Generator) -> list[Frames]:
        """Sets of frames to be shown, in random order."""
        if kind.shown == "image":
            return [(frame,) for frame in rng.permutation(len(self.scene.frames)).tolist()]
        if kind.shown == "views":
            return self.groups.triples(_TRIPLES * limit, rng, self.objects.shows)
        return self.groups.videos(1)

    def _unique(self) -> npt.NDArray[np.bool_]:
        """(n,): whether nothing else in the scene goes by an object's name, or might be taken to."""
        objects = self.objects
        return np.array(
            [len(objects.of_kind(label)) == 1 and not len(objects.doubtful(label)) for label in objects.labels],
            dtype=np.bool_,
        )

    def _fact(self, task: str, kind: _Kind, choice: Choice[Move], rng: np.random.Generator) -> Fact:
        move, form, place = choice.told, choice.form, choice.place
        item, objects = move.item, self.objects
        value = move.signs
        options: tuple[Words, ...] = ()
        margin = move.margin
        if form == "select":
            wrong = wrong_relations(value, rng, kept=UP)
            assert wrong is not None  # two words are decided
            options = tuple(Value(one) for one in (*wrong[:place], value, *wrong[place:]))
        marks = () if kind.is_named else self._marks(kind, item.frames, item.marks)
        names: list[BoxRef | str] = [
            objects.labels[thing] if kind.is_named else BoxRef(index) for index, thing in enumerate(item.instances)
        ]
        slots: dict[str, Words | int] = dict(zip(kind.roles, names, strict=True))
        if kind.shown == "video" and not kind.is_named:
            slots |= {f"{role}_frame": image for role, (image, _) in zip(kind.roles, item.marks, strict=True)}
        if form == "sentence":
            assert move.before is not None
            margin = min(margin, move.before.triple.margin)
            slots["before"] = Value(move.before.triple.signs)
            if kind.tells_sides:
                margin = min(margin, move.margin_of_sides)
                front, behind = (tuple(names[one] for one in move.on_side(sign)) for sign in (1.0, -1.0))
                slots["sides"] = Sides(front, behind)
        evidence: dict[str, Any] = {
            "objects": objects.marked_evidence(item.frames, item.instances),
            "relations": self.views.evidence(move),
            "thresholds": self.views.thresholds(),
        }
        if kind.shown == "views":
            evidence["pairs"] = self.groups.evidence(item.frames)
        return Fact(
            task=task,
            frames=item.frames,
            variant="name" if kind.is_named else "box",
            form=form,
            value=value,
            boxes=marks,
            objects=tuple(
                mention
                for role, thing in zip(kind.roles, item.instances, strict=True)
                for mention in objects.mentions([thing], role)
            ),
            options=options,
            answer_index=place if options else None,
            slots=slots,
            evidence=evidence,
            margin=margin,
            overlap=self.groups.largest_overlap(item.frames),
            occlusion=objects.loss_at_best(item.frames, item.instances),
        )

    def _marks(self, kind: _Kind, frames: Frames, places: tuple[tuple[int, int], ...]) -> tuple[BoxMark, ...]:
        """The boxes of an item's objects, each in its image; in videos a name is drawn beside them."""
        return tuple(
            self.objects.box(
                thing,
                frames[image],
                image,
                color,
                label=f"object{index}" if kind.shown == "video" else "",
                role=role,
            )
            for index, ((image, thing), color, role) in enumerate(zip(places, _COLORS, kind.roles, strict=False))
        )


ENGINE: Final = Imagination()
