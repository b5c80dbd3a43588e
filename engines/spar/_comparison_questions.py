"""Questions about which of several objects is nearest or farthest: forms, places of the true option, evidence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...core.seeding import stable_hash
from ...core.types import BoxMark, BoxRef, ColorRole, Fact, Point, PointRef, Skip, TaskSpec, Value, Words
from ..marked_objects import MarkedObjects
from ..sampling import deal
from ..view_groups import ORDINALS, ViewGroups
from ._comparison_rule import EQUAL, Rule
from ._comparison_search import Frames, Item, Search

__all__ = ["InVideo", "Marked", "Named", "NamedInImages", "Questions"]

_DECIMALS: Final = 5  # of metres, in the evidence
_COLORS: Final[tuple[ColorRole, ...]] = ("red", "green", "blue")
_EQUAL: Final = {"closer": "about equally close", "farther": "about equally far"}


@dataclass(frozen=True, slots=True)
class Arranged:
    """A comparison in the order of its options.

    Attributes:
        frames: shown, as indices into the scene's.
        reference: the object compared from, or None.
        candidates: those compared; the one asked for in its place.
        shown_in: frame that each is marked or stated in, the reference's first.
        distances: metres to the candidates.
        place: of the true option.
    """

    frames: Frames
    reference: int | None
    candidates: tuple[int, ...]
    shown_in: Frames
    distances: tuple[float, ...]
    place: int

    @property
    def things(self) -> tuple[int, ...]:
        """The reference, if any, and the candidates."""
        return self.candidates if self.reference is None else (self.reference, *self.candidates)

    @property
    def images(self) -> tuple[int, ...]:
        """The image that each thing is marked or stated in."""
        return tuple(self.frames.index(frame) for frame in self.shown_in)


class Questions(ABC):
    """One task's questions about a scene.

    Args:
        spec: of the task.
        forms: wanted.
        search: gives the comparisons.
        groups: of frames.
        rule: when a difference is clear.
    """

    offers_equal = False
    """Whether there may be a third option besides two candidates: that they are about equally far."""

    def __init__(self, spec: TaskSpec, forms: tuple[str, ...], search: Search, groups: ViewGroups, rule: Rule) -> None:
        self.spec = spec
        self.objects: MarkedObjects = search.objects
        self._forms = forms
        self._search = search
        self._groups = groups
        self._rule = rule
        self._key = f"{self.objects.scene.id}/{spec.name}"
        self._uses: Counter[tuple[str | int, ...]] = Counter()
        self._is_equal_left = self.offers_equal
        self._equal: Item | None = None

    def facts(self, limit: int) -> Iterator[Fact]:
        """At most ``limit`` facts; fewer where nearest or farthest ones run out, so that both stay balanced."""
        deck = deal(limit, (len(self._forms), 2), self.objects.scene.id, self.spec.name)
        for form_index, kind in deck.tolist():
            form = self._forms[form_index]
            three = form == "select" and self._has_third_option()
            count = self._search.count + three
            place = self._next_place(form, count, kind)
            is_equal = three and place == self._search.count
            item = self._equal if is_equal else self._search.take(kind, told=form != "select")
            if item is None:
                return
            self._uses.update([(form, count, place), (form, count, place, kind), (form, count)])
            yield self._fact(item, form, self.spec.polarities[kind], place, three=three)

    def skips(self) -> Iterator[Skip]:
        """Why there are not more."""
        for reason, number in sorted((+self._search.reasons).items()):
            yield Skip(self.spec.name, reason, number)

    # ---- what tasks do in their own ways

    def frames(self, item: Item, shown_in: Frames) -> Frames:  # noqa: ARG002 - some need it
        """The frames in the order shown, where things are marked or stated in these, the reference's first."""
        return item.frames

    def points(self, some: Arranged) -> tuple[Point, ...]:  # noqa: ARG002 - some have dots
        """The dots on things, the reference's first."""
        return ()

    def boxes(self, some: Arranged) -> tuple[BoxMark, ...]:  # noqa: ARG002 - some have boxes
        """The boxes that candidates are told by."""
        return ()

    @abstractmethod
    def name(self, some: Arranged, place: int) -> Words:
        """What the answer or an option calls a candidate."""

    @abstractmethod
    def slots(self, some: Arranged) -> dict[str, Words]:
        """What the wording of questions uses."""

    def told(self, some: Arranged) -> dict[str, Words]:
        """What the wording of sentences uses besides."""
        return {"distance": Value((some.distances[some.place],))}

    def thresholds(self, *, equal: bool) -> dict[str, float]:
        """The numbers that decided, as evidence keeps them."""
        return self._rule.thresholds(equal=equal)

    # ---- inside

    def _has_third_option(self) -> bool:
        """Whether the next question to select from has one: every other one, while there are pairs it is true of."""
        two, three = self._uses["select", 2], self._uses["select", 3]
        is_due = three < two or (three == two and stable_hash(self._key, "third option") % 2 == 0)
        if not is_due or not self._is_equal_left:
            return False
        if three % 3 == 0:  # each of the three options was true equally often; now it will be this one's turn again
            self._equal = self._search.take(EQUAL)
            self._is_equal_left = self._equal is not None
        return self._is_equal_left

    def _next_place(self, form: str, count: int, kind: int) -> int:
        """Which option is to be true: the one that was least often so, among so many and in questions of the kind."""
        uses = self._uses
        return min(
            range(count),
            key=lambda place: (
                uses[form, count, place],
                uses[form, count, place, kind],
                stable_hash(self._key, form, count, place),
            ),
        )

    def _fact(self, item: Item, form: str, polarity: str, place: int, *, three: bool) -> Fact:
        some = self._arranged(item, place)
        options: tuple[Words, ...] = ()
        if form == "select":
            options = tuple(self.name(some, k) for k in range(len(some.candidates)))
            options += (_EQUAL[polarity],) if three else ()
        return Fact(
            task=self.spec.name,
            frames=some.frames,
            variant=self.spec.variants[0],
            form=form,
            polarity=polarity,
            value=some.distances,
            points=self.points(some),
            boxes=self.boxes(some),
            objects=(
                *(() if some.reference is None else self.objects.mentions([some.reference], "reference")),
                *self.objects.mentions(some.candidates, "candidate"),
            ),
            options=options,
            answer_index=place if options else None,
            answer=None if options else self.name(some, place),
            slots=self.slots(some) | (self.told(some) if form == "sentence" else {}),
            evidence=self._evidence(some, polarity, len(options)),
            margin=item.margin,
            overlap=self._groups.largest_overlap(some.frames) if _is_view_set(some) else None,
            occlusion=self.objects.loss_at_best(some.frames, some.things),
        )

    def _arranged(self, item: Item, place: int) -> Arranged:
        """A comparison with the candidate asked for, which comes first in it, in its place."""
        count = len(item.candidates)
        order = [*range(1, count)]
        order.insert(place, 0)
        head = len(item.shown_in) - count
        shown_in = item.shown_in[:head] + tuple(item.shown_in[head + k] for k in order)
        return Arranged(
            self.frames(item, shown_in),
            item.reference,
            tuple(item.candidates[k] for k in order),
            shown_in,
            tuple(item.distances[k] for k in order),
            place,
        )

    def _evidence(self, some: Arranged, polarity: str, options: int) -> dict[str, Any]:
        objects, frames = self.objects, some.frames
        found: dict[str, Any] = {
            "ask": polarity,
            "objects": objects.marked_evidence(frames, some.things),
            "thresholds": self.thresholds(equal=options > len(some.candidates)),
        }
        if some.reference is None:
            eye = objects.scene.frames[frames[0]].camera.camera_to_world[:3, 3]
            found["observer"] = {"image": 0, "centre": np.round(eye, _DECIMALS).tolist()}
        if options:
            found["truth_table"] = [k == some.place for k in range(options)]
        if _is_view_set(some):
            found["pairs"] = self._groups.evidence(frames)
        if self.spec.variants[0] == "dot":
            dots = [objects.dot(thing, frame) for thing, frame in zip(some.things, some.shown_in, strict=True)]
            found["points"] = [dot.evidence(0) for dot in dots if dot is not None]
        return found


def _is_view_set(some: Arranged) -> bool:
    """Whether there are several images, few enough for every two of them to be told of."""
    return 1 < len(some.frames) <= len(ORDINALS)


class Named(Questions):
    """Objects of one image by their names."""

    def name(self, some: Arranged, place: int) -> Words:
        return self.objects.labels[some.candidates[place]]

    def slots(self, some: Arranged) -> dict[str, Words]:
        return {"candidates": ", ".join(self.objects.labels[thing] for thing in some.candidates)}


class NamedInImages(Named):
    """Objects of three images by their names, in answers by an image and a box."""

    def boxes(self, some: Arranged) -> tuple[BoxMark, ...]:
        places = zip(some.things, some.shown_in, some.images, strict=True)
        return tuple(self.objects.box(thing, frame, image, role="candidate") for thing, frame, image in places)

    def name(self, some: Arranged, place: int) -> Words:
        return (f"the {ORDINALS[some.images[place]]} image, ", BoxRef(place))

    def thresholds(self, *, equal: bool) -> dict[str, float]:
        return super().thresholds(equal=equal) | {"least_told_size_thousandths": self._rule.least_told_size}

    def told(self, some: Arranged) -> dict[str, Words]:
        return super().told(some) | {"object": self.objects.labels[some.candidates[some.place]]}


class Marked(Questions):
    """Two marked objects, green and blue, compared from a third, red one; of three images each is in its own."""

    offers_equal = True

    def frames(self, item: Item, shown_in: Frames) -> Frames:
        return item.frames if len(item.frames) == 1 else shown_in

    def points(self, some: Arranged) -> tuple[Point, ...]:
        found = []
        marks = zip(some.things, some.shown_in, some.images, self._marks(some), strict=True)
        for thing, frame, image, (color, label) in marks:
            role = "reference" if thing == some.reference else "candidate"
            point = self.objects.point(thing, frame, image, color, label=label, role=role)
            assert point is not None, "the search gives only what can be marked"
            found.append(point)
        return tuple(found)

    def name(self, some: Arranged, place: int) -> Words:  # noqa: ARG002 - the mark's name
        return PointRef(1 + place)

    def slots(self, some: Arranged) -> dict[str, Words]:  # noqa: ARG002 - the marks' names
        return {"reference": PointRef(0), "a": PointRef(1), "b": PointRef(2)}

    def told(self, some: Arranged) -> dict[str, Words]:
        other = 1 - some.place
        return super().told(some) | {"other": PointRef(1 + other), "other_distance": Value((some.distances[other],))}

    def _marks(self, some: Arranged) -> list[tuple[ColorRole, str]]:
        """Colour and label of each dot."""
        return [(color, "") for color in _COLORS[: len(some.things)]]


class InVideo(Marked):
    """Marked objects of a video, objectA and object0 to object3, each in a frame of its own."""

    offers_equal = False

    def frames(self, item: Item, shown_in: Frames) -> Frames:  # noqa: ARG002 - all are shown anyway
        return item.frames

    def slots(self, some: Arranged) -> dict[str, Words]:
        marked = [(PointRef(k), f" (Frame-{image})") for k, image in enumerate(some.images)]
        listed = [part for mark in marked[1:] for part in (*mark, ", ")]
        return {"reference": marked[0], "candidates": tuple(listed[:-1])}

    def told(self, some: Arranged) -> dict[str, Words]:
        return {"distance": Value((some.distances[some.place],))}

    def _marks(self, some: Arranged) -> list[tuple[ColorRole, str]]:
        return [("red", "objectA"), *(("red", f"object{k}") for k in range(len(some.candidates)))]
