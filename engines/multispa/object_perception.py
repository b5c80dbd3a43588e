"""How high, long and wide an object is, from images that together show all of it.

An object is asked about in minimal covering sets: one image that shows the whole extent, or two that do so only
together (no minimal set is larger, see ``core.coverage``). Definitions: docs/conventions.md, "Object box". Source of
the task: Multi-SpatialMLLM, arXiv 2505.17015.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from ...core.labels import clean
from ...core.seeding import stable_hash
from ...core.types import BoxMark, Fact, Mention, Point, PointRef, Scene, Skip, TaskSpec
from ..base import Engine, Parameters, Request
from ..depth_points import DepthPoints
from ..object_sizes import KINDS, CoveringChoice, ObjectSizes, SizeParameters
from ..sampling import round_robin, take_least_used

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE"]

_AXES: Final = {"object_length": 0, "object_width": 1, "object_height": 2}
_SPARE: Final = 2  # candidates for each question wanted, since not every object can be pointed at in every set
_UNPOINTABLE: Final = "object cannot be named or pointed at without doubt"


@dataclass(frozen=True, slots=True)
class _Item:
    """One question: an object, a set of frames, and how it can be pointed at.

    Attributes:
        sets: all sets of the object.
        row: which of them.
        kind: ``single`` or ``several``.
        best: the frame with most of the object.
        legal: ways of pointing that are asked for and leave no doubt; whether a dot finds a place is seen later.
    """

    sets: CoveringChoice
    row: int
    kind: str
    best: int
    legal: tuple[str, ...]


def _spec(name: str, summary: str) -> TaskSpec:
    return TaskSpec(
        name=name,
        suite="multispa",
        engine="object_perception",
        version="2",
        images=3,
        summary=summary,
        answer_type="number",
        units=("m",),
        text_unit="mm",
        variants=("name", "box", "dot"),
        forms=("fill",),
        polarities=("single", "several"),
        slots=frozenset({"object"}),
        required_slots=frozenset({"object"}),
        needs=("image", "perspective", "mesh", "instances", "up"),
    )


_TASKS: Final = (
    _spec("object_height", "How high is an object, from images that together show all of its height?"),
    _spec("object_length", "How long is an object (the longer horizontal side of its box)?"),
    _spec("object_width", "How wide is an object (the shorter horizontal side of its box)?"),
)


class ObjectPerception(Engine):
    """States sizes of objects, each from the fewest images that show the whole extent."""

    name: ClassVar[str] = "object_perception"
    suite: ClassVar[str] = "multispa"
    version: ClassVar[str] = "2"
    parameters: ClassVar[type[Parameters]] = SizeParameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # The released scripts take the box of all vertices and any minimal set, whatever is left to see of the object.
        "multispa": {
            "extent": "vertices",
            "least_size": 0.001,
            "most_rival": 1.0,
            "outermost": 1,
            "outermost_share": 0.0,
            "longest_hole": 1.0,
            "least_px": 1,
            "collections": True,
            "least_fill": 0.0,
            "most_box_overlap": 1.0,
            "dominance": 1e9,
        }
    }
    tasks: ClassVar[tuple[TaskSpec, ...]] = _TASKS

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, SizeParameters)
        measures = ObjectSizes(scene, geometry, parameters)
        generators = self.generators(rng)
        asked = [
            _Questions(task, measures, request.variants[task], generators[task], request.limit)
            for task in request.tasks
        ]
        while pending := [(item, questions) for questions in asked for item in questions.deal()]:
            # Frame by frame, whatever the task: a dot needs the frame's full-size map.
            for item, questions in sorted(pending, key=lambda pair: pair[0].best):
                questions.place_dot(item)
        for questions in asked:
            yield from questions.facts()


class _Questions:
    """One task's questions about a scene: sets chosen fairly, ways of pointing dealt evenly."""

    def __init__(
        self, task: str, measures: ObjectSizes, variants: tuple[str, ...], rng: np.random.Generator, limit: int
    ) -> None:
        self._task = task
        self._axis = _AXES[task]
        self._measures = measures
        self._variants = variants
        self._rng = rng
        self._reasons = Counter(measures.reasons)
        # Who gets the odd row must not be the same in every scene.
        self._turn = stable_hash("object", measures.scene.id, task)
        self._dealt: Counter[tuple[str, str]] = Counter()
        self._facts: list[Fact] = []
        self._waiting: dict[str, list[_Item]] = {}
        self._wanted: dict[str, int] = {}
        self._choose(limit)

    def deal(self) -> list[_Item]:
        """State the next questions as far as wanted, and return those that await a dot; empty when all is done."""
        dots: list[_Item] = []
        for kind, waiting in self._waiting.items():
            batch = waiting[: self._wanted[kind]]
            del waiting[: len(batch)]
            self._wanted[kind] -= len(batch)
            # Those with the least choice first, so that the others can make up for them.
            for item in sorted(batch, key=lambda item: len(item.legal)):
                variant = self._deal(kind, item.legal)
                if variant == "dot":
                    dots.append(item)
                else:
                    self._facts.append(self._fact(item, variant, None))
        return dots

    def place_dot(self, item: _Item) -> None:
        """State a question that awaits a dot: in another way where there is no place for one, if that is legal."""
        dot = self._measures.pointing.dot(item.sets.instance, item.best, self._rng)
        rest = tuple(way for way in item.legal if way != "dot")
        if dot is not None:
            self._facts.append(self._fact(item, "dot", dot))
            return
        self._dealt[item.kind, "dot"] -= 1
        if rest:
            self._facts.append(self._fact(item, self._deal(item.kind, rest), None))
        else:
            self._reasons[_UNPOINTABLE] += 1
            self._wanted[item.kind] += 1

    def facts(self) -> Iterator[Fact | Skip]:
        """What was stated, shuffled, and why not more."""
        yield from (self._facts[place] for place in self._rng.permutation(len(self._facts)).tolist())
        for reason, count in sorted((+self._reasons).items()):
            yield Skip(self._task, reason, count)

    def _choose(self, limit: int) -> None:
        """Sets of one and of two frames, equally many where they exist; objects, then frames, taking turns.

        No object gets much more than its even share, even if that leaves fewer questions.
        """
        pool = self._spread_sizes(list(self._measures.sets(self._axis, self._rng, self._reasons)))
        most = math.ceil(self._measures.parameters.dominance * limit / max(len(pool), 1))
        chosen: dict[str, list[tuple[int, int]]] = {kind: [] for kind in KINDS}
        for place, sets in enumerate(pool):
            alone = sets.frames[:, 0] == sets.frames[:, 1]
            for kind, rows in zip(KINDS, (np.flatnonzero(alone), np.flatnonzero(~alone)), strict=True):
                some_rows = self._rng.permutation(rows)[: min(most, _SPARE * limit)]
                chosen[kind].extend((place, row) for row in some_rows.tolist())
        uses: Counter[Hashable] = Counter()
        taken: Counter[int] = Counter()
        scarce, plenty = sorted(KINDS, key=lambda kind: len(chosen[kind]))
        for kind in (scarce, plenty):
            share = (limit + self._turn % 2) // 2 if kind == scarce else limit - self._wanted[scarce]
            used = Counter(taken)
            some: list[tuple[int, int]] = []
            for place, row in chosen[kind]:
                used[place] += 1
                if used[place] <= most:
                    some.append((place, row))
            keys = [(place, *pool[place].shown(row)) for place, row in some]
            order = take_least_used(keys, _SPARE * share, uses)
            taken.update(some[k][0] for k in order[:share])
            self._waiting[kind] = self._items(kind, [(pool[p], row) for p, row in (some[k] for k in order)])
            self._wanted[kind] = min(share, len(self._waiting[kind]))

    def _spread_sizes(self, pool: list[CoveringChoice]) -> list[CoveringChoice]:
        """In random order, but small, middling and large objects (by powers of two) in turn."""
        pool = [pool[place] for place in self._rng.permutation(len(pool)).tolist() if len(pool[place].frames)]
        sizes = np.array([self._measures.boxes.size[sets.instance, self._axis] for sets in pool])
        return [pool[place] for place in round_robin(np.floor(np.log2(sizes)), len(pool)).tolist()]

    def _items(self, kind: str, chosen: list[tuple[CoveringChoice, int]]) -> list[_Item]:
        """The chosen sets that leave a way of pointing."""
        if not chosen:
            return []
        pointing = self._measures.pointing
        instance = np.array([sets.instance for sets, _ in chosen])
        frames = np.stack([sets.frames[row] for sets, row in chosen])
        shown = self._measures.geometry.object_views.visible_px[frames, instance[:, None]]
        best = frames[np.arange(len(frames)), shown.argmax(axis=1)]
        legal = {
            "name": pointing.can_name(instance, frames),
            "box": pointing.can_box(instance, best),
            "dot": np.ones(len(chosen), dtype=np.bool_),
        }
        items = []
        for k, (sets, row) in enumerate(chosen):
            ways = tuple(variant for variant in self._variants if legal[variant][k])
            if ways:
                items.append(_Item(sets, row, kind, int(best[k]), ways))
            else:
                self._reasons[_UNPOINTABLE] += 1
        return items

    def _deal(self, kind: str, legal: tuple[str, ...]) -> str:
        """The way of pointing used least so far, with as many images and then in all."""

        def used(variant: str) -> tuple[int, int, int]:
            both = sum(self._dealt[other, variant] for other in KINDS)
            return self._dealt[kind, variant], both, (self._variants.index(variant) + self._turn) % len(self._variants)

        variant = min(legal, key=used)
        self._dealt[kind, variant] += 1
        return variant

    def _fact(self, item: _Item, variant: str, dot: DepthPoints | None) -> Fact:
        """The fact about one set of frames, pointed at in one way."""
        measures, instance = self._measures, item.sets.instance
        thing = measures.scene.instances[instance]
        frames = item.sets.shown(item.row)
        image = frames.index(item.best)
        evidence, margin = measures.evidence(item.sets, item.row, self._axis)
        points: tuple[Point, ...] = ()
        boxes: tuple[BoxMark, ...] = ()
        objects: tuple[Mention, ...] = ()
        slot: str | PointRef = clean(thing.label)
        if variant == "name":
            objects = (Mention(thing.id, clean(thing.label), "target"),)
        elif variant == "box":
            boxes = (measures.pointing.box(instance, item.best, image),)
            slot = boxes[0].label
        else:
            assert dot is not None
            points = (replace(dot.point(0, measures.scene.instances, label="A", role="target"), image=image),)
            slot = PointRef(0)
            evidence["points"] = [dot.evidence(0)]
        overlap = None
        if len(frames) > 1:
            overlap = float(measures.geometry.overlap.iou[frames[0], frames[1]])
        return Fact(
            task=self._task,
            frames=frames,
            variant=variant,
            form="fill",
            polarity=item.kind,
            value=(float(measures.boxes.size[instance, self._axis]),),
            points=points,
            boxes=boxes,
            objects=objects,
            slots={"object": slot},
            evidence=evidence,
            margin=margin,
            overlap=overlap,
        )


ENGINE: Final = ObjectPerception()
