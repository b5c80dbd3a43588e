"""Finding objects of which one is clearly the nearest or the farthest, or two that are about equally far.

Frames take turns; within them the things that are asked for, and the ones they are compared from, are used evenly.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from ...core.object_views import HIDDEN_PX
from ..marked_objects import MarkedObjects
from ._comparison_rule import EQUAL, Rule
from ._told_boxes import are_told

__all__ = [
    "Frames",
    "Item",
    "MarkedInFrame",
    "MarkedInVideo",
    "MarkedInViews",
    "NamedInFrame",
    "NamedInViews",
    "Search",
]

_MOST: Final = 512  # sets of candidates looked at in a place, or for an object they are compared from
_TRIES: Final = 8  # of them for which room for marks is looked for, before the next place has its turn
_FORBIDDEN: Final = 1e6  # cost of a frame in which an object cannot be marked
_ONE_SUFFICES: Final = 1e3  # cost of a comparison for which one of several images is enough

IndexArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Frames = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """Objects to be compared.

    Attributes:
        frames: shown, as indices into the scene's.
        reference: the object they are compared from; None where it is the camera of the first frame.
        candidates: those compared; the one asked for first.
        shown_in: for the reference, if any, and each candidate the frame that it is marked or stated in.
        distances: metres to the candidates' centres.
        margin: quantity / threshold of the gap that decides.
    """

    frames: Frames
    reference: int | None
    candidates: tuple[int, ...]
    shown_in: Frames
    distances: tuple[float, ...]
    margin: float


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """All that could be compared in some frames.

    Attributes:
        reference: (k,) objects compared from; -1 for the camera.
        candidates: (k, m) objects compared.
        distances: (k, m) metres.
        shown_in: (k, m) or (k, 1 + m) image each is marked or stated in, the reference's first; -1 where that is open.
        penalty: (k,) what makes a comparison less welcome.
    """

    reference: IndexArray
    candidates: IndexArray
    distances: FloatArray
    shown_in: IndexArray
    penalty: FloatArray


@dataclass(slots=True, eq=False)
class _Place:
    """The comparisons of some frames, which of them are legal, and which are left.

    Attributes:
        all: the comparisons.
        chosen: (3, k) column of the candidate that each kind of question asks for.
        margin: (3, k) of each kind.
        open: (3, k) whether it is legal and was not taken.
        told: (3, k) whether numbers can tell what is asked for, without others to choose from.
    """

    all: Comparisons
    chosen: IndexArray
    margin: FloatArray
    open: BoolArray
    told: BoolArray


class Search(ABC):
    """Gives comparisons one by one, of the frames that are due.

    Args:
        objects: of the scene.
        rule: when a difference is clear.
        count: candidates of each comparison.
        places: frames that are shown together, of each question.
        rng: decides between equals.

    Attributes:
        reasons: why comparisons were left out, counted.
    """

    reason: ClassVar[str] = "too few objects to compare in what is shown together"

    def __init__(
        self, objects: MarkedObjects, rule: Rule, count: int, places: Sequence[Frames], rng: np.random.Generator
    ) -> None:
        self.objects = objects
        self.count = count
        self.reasons: Counter[str] = Counter()
        self._rule = rule
        self._rng = rng
        self._frames = [places[k] for k in rng.permutation(len(places)).tolist()]
        self._places: dict[int, _Place] = {}
        self._turns = [0] * len(places)
        names = np.unique(np.array([*objects.labels, ""]), return_inverse=True)[1]
        self._name = names.astype(np.int64)
        # By kind of question, and by name of the one asked for or image it is in; by name of the one compared from.
        self._asked = np.zeros((3, len(names)), dtype=np.int64)
        self._image = np.zeros((3, 1 + max(map(len, places), default=0)), dtype=np.int64)
        self._from = np.zeros(len(names), dtype=np.int64)

    def take(self, kind: int, *, told: bool = False) -> Item | None:
        """The comparison due for nearest, farthest or, of two objects, equal distances; None when none is left.

        Args:
            kind: of question.
            told: whether the answer must be told, and is not to be chosen.
        """
        waiting = deque(sorted(range(len(self._frames)), key=lambda index: self._turns[index]))
        while waiting:
            index = waiting.popleft()
            place = self._at(index)
            left = np.flatnonzero(place.open[kind] & (place.told[kind] | (not told)))
            for row in left[np.argsort(self._cost(place, kind, left), kind="stable")][:_TRIES].tolist():
                item = self._item(index, row, kind)
                if item is not None:
                    self._close(place, row, kind)
                    self._turns[index] += 1
                    return item
                place.open[:, row] = False
            if len(left) > _TRIES:
                waiting.append(index)
        return None

    @abstractmethod
    def _comparisons(self, frames: Frames) -> Comparisons | None:
        """What could be compared in some frames; None where there is too little."""

    @abstractmethod
    def _marked(self, frames: Frames, things: Sequence[int], images: Sequence[int]) -> Frames | None:
        """The frame each thing is marked or stated in, of images -1 where that is open; None where marks would meet."""

    def _is_told(self, frames: Frames, some: Comparisons, chosen: IndexArray) -> BoolArray:  # noqa: ARG002 - some need it
        """(3, k): whether the candidates asked for, of columns ``chosen``, can be told without others beside them."""
        return np.ones(chosen.shape, dtype=np.bool_)

    # ---- inside

    def _at(self, index: int) -> _Place:
        if index not in self._places:
            found = self._comparisons(self._frames[index])
            if found is None:
                self.reasons[self.reason] += 1
                found = _nothing(self.count)
            margin, chosen = self._rule.judged(found.distances)
            legal = margin >= 1.0
            self.reasons["no clear difference between distances"] += int(np.count_nonzero(~legal.any(axis=0)))
            told = self._is_told(self._frames[index], found, chosen)
            self._places[index] = _Place(found, chosen, margin, legal, told)
        return self._places[index]

    def _cost(self, place: _Place, kind: int, rows: IndexArray) -> FloatArray:
        """(k,) how often what comparisons use was used before."""
        some, chosen = place.all, place.chosen[kind, rows]
        images = some.shown_in[rows, chosen + some.shown_in.shape[1] - self.count]
        used = self._asked[kind, self._name[some.candidates[rows, chosen]]] + self._image[kind, images]
        return np.asarray(some.penalty[rows] + used + self._from[self._name[some.reference[rows]]])

    def _item(self, index: int, row: int, kind: int) -> Item | None:
        place, frames = self._places[index], self._frames[index]
        some, chosen = place.all, int(place.chosen[kind, row])
        # The one asked for first, then the others in random order.
        others = [column for column in self._rng.permutation(self.count).tolist() if column != chosen]
        columns = [chosen, *others]
        reference = int(some.reference[row])
        candidates = tuple(some.candidates[row, columns].tolist())
        head = some.shown_in.shape[1] - self.count
        images = [*some.shown_in[row, :head].tolist(), *(int(some.shown_in[row, head + c]) for c in columns)]
        shown_in = self._marked(frames, ([reference] if head else []) + list(candidates), images)
        if shown_in is None:
            return None
        distances = tuple(some.distances[row, columns].tolist())
        margin = float(place.margin[kind, row])
        return Item(frames, reference if reference >= 0 else None, candidates, shown_in, distances, margin)

    def _close(self, place: _Place, row: int, kind: int) -> None:
        """Count a comparison as used, and leave out those that ask the same again."""
        some, column = place.all, place.chosen[kind, row]
        winners = some.candidates[np.arange(len(some.reference)), place.chosen[kind]]
        image = some.shown_in[row, column + some.shown_in.shape[1] - self.count]
        self._asked[kind, self._name[winners[row]]] += 1
        self._image[kind, image] += 1
        self._from[self._name[some.reference[row]]] += 1
        place.open[kind, row] = False
        if kind != EQUAL:
            place.open[kind] &= (some.reference != some.reference[row]) | (winners != winners[row])
        if self.count == 2:  # the nearer of two and the farther one are the same thing to know
            same = np.sort(some.candidates, axis=1) == np.sort(some.candidates[row])
            place.open &= (some.reference != some.reference[row]) | ~same.all(axis=1)


class _Named(Search):
    """Objects that are named, and compared from the camera of the first frame."""

    reason = "too few objects of unmistakable names"

    def _comparisons(self, frames: Frames) -> Comparisons | None:
        visible = self.objects.visible_px[list(frames)] >= HIDDEN_PX
        first = visible.argmax(axis=0)
        distance = self.objects.distance[frames[0]]
        good = self._is_unique(np.asarray(visible.any(axis=0))) & (distance >= self._rule.least_distance)
        # What an object's first image shows of it must be enough; then that image is no matter of opinion.
        good &= self.objects.shows[np.array(frames)[first], np.arange(len(first))]
        things = np.flatnonzero(good)
        if len(things) < self.count:
            return None
        candidates = things[_subsets(len(things), self.count, self._rng)]
        if len(frames) > 1:  # or the first image would be enough
            candidates = candidates[(first[candidates] > 0).any(axis=1)]
        count = len(candidates)
        return Comparisons(np.full(count, -1), candidates, distance[candidates], first[candidates], np.zeros(count))

    def _is_unique(self, visible: BoolArray) -> BoolArray:
        """(n,): whether nothing else that is visible goes by an object's name, or might."""
        alike: dict[str, BoolArray] = {}
        unique = self.objects.askable & visible
        for index in np.flatnonzero(unique).tolist():
            label = self.objects.labels[index]
            if label not in alike:
                alike[label] = np.zeros(len(visible), dtype=np.bool_)
                alike[label][self.objects.of_kind(label)] = True
                alike[label][self.objects.doubtful(label)] = True
            unique[index] = np.count_nonzero(alike[label] & visible) == 1
        return unique


class NamedInFrame(_Named):
    """Named objects of one frame, compared from its camera."""

    def _marked(self, frames: Frames, things: Sequence[int], images: Sequence[int]) -> Frames | None:  # noqa: ARG002
        return frames * len(things)


class NamedInViews(_Named):
    """Named objects of several frames, compared from the first camera; each is told by a box in its first image."""

    def _marked(self, frames: Frames, things: Sequence[int], images: Sequence[int]) -> Frames | None:
        boxes = [self.objects.box(thing, frames[image], image) for thing, image in zip(things, images, strict=True)]
        if not self.objects.are_apart(frames, boxes):
            self.reasons["boxes are nearly the same"] += 1
            return None
        return tuple(frames[image] for image in images)

    def _is_told(self, frames: Frames, some: Comparisons, chosen: IndexArray) -> BoolArray:
        rows = np.arange(len(some.reference))
        shown_in = np.array(frames)[some.shown_in[rows, chosen]]
        boxes = self.objects.geometry.object_views.boxes[shown_in, some.candidates[rows, chosen]]
        widths = np.array([frame.camera.width for frame in self.objects.scene.frames])[shown_in]
        return are_told(boxes, widths, self._rule)


class _Marked(Search):
    """Marked objects, compared from another one."""

    reason = "too few objects that can be marked"

    def _markable(self, frame: int) -> IndexArray:
        """Objects that a dot can be put on in a frame."""
        shown = np.flatnonzero(self.objects.shows[frame]).tolist()
        return np.array([thing for thing in shown if self.objects.dot(thing, frame) is not None], dtype=np.int64)

    def _between(self, things: IndexArray, images: IndexArray, penalty: FloatArray | None = None) -> Comparisons:
        """Comparisons of things (k, 1 + m), from the first of each row."""
        centre = self.objects.centre
        distances = np.linalg.norm(centre[things[:, 1:]] - centre[things[:, :1]], axis=2)
        far = (distances >= self._rule.least_distance).all(axis=1)
        penalty = np.zeros(len(things)) if penalty is None else penalty
        return Comparisons(things[far, 0], things[far, 1:], distances[far], images[far], penalty[far])


class MarkedInFrame(_Marked):
    """Marked objects of one frame, compared from another one."""

    def _comparisons(self, frames: Frames) -> Comparisons | None:
        things = self._markable(frames[0])
        if len(things) <= self.count:
            return None
        found = _from_each(things, self.count, self._rng)
        return self._between(found, np.zeros_like(found))

    def _marked(self, frames: Frames, things: Sequence[int], images: Sequence[int]) -> Frames | None:
        dots = [self.objects.point(thing, frames[k], k, "red") for thing, k in zip(things, images, strict=True)]
        if not self.objects.are_apart(frames, [dot for dot in dots if dot is not None]):
            self.reasons["marks would meet"] += 1
            return None
        return tuple(frames[image] for image in images)


class MarkedInViews(_Marked):
    """Three marked objects, each in a frame of its own; preferably no frame shows all of them."""

    def _comparisons(self, frames: Frames) -> Comparisons | None:
        markable = [self._markable(frame) for frame in frames]
        found = np.stack(np.meshgrid(*markable, indexing="ij"), axis=-1).reshape(-1, len(frames))
        ordered = np.sort(found, axis=1)
        found = found[(np.diff(ordered, axis=1) > 0).all(axis=1)]
        if not len(found):
            return None
        found = self._rng.permutation(found)[: _MOST * self.count]
        together = self.objects.shown[list(frames)][:, found].all(axis=2).any(axis=0)
        images = np.broadcast_to(np.arange(len(frames)), found.shape)
        return self._between(found, images, np.where(together, _ONE_SUFFICES, 0.0))

    def _marked(self, frames: Frames, things: Sequence[int], images: Sequence[int]) -> Frames | None:  # noqa: ARG002
        return tuple(frames[image] for image in images)


class MarkedInVideo(_Marked):
    """Marked objects of a video, compared from another one; each is marked in a frame of its own."""

    def __init__(
        self, objects: MarkedObjects, rule: Rule, count: int, places: Sequence[Frames], rng: np.random.Generator
    ) -> None:
        super().__init__(objects, rule, count, places, rng)
        self._can_mark = np.zeros(objects.shows.shape, dtype=np.bool_)
        for frame in sorted({frame for frames in places for frame in frames}):
            self._can_mark[frame, self._markable(frame)] = True
        self._frame_uses = np.zeros(len(objects.shows))

    def _comparisons(self, frames: Frames) -> Comparisons | None:
        things = np.flatnonzero(self._can_mark[list(frames)].any(axis=0))
        if len(things) <= self.count:
            return None
        found = _from_each(things, self.count, self._rng)
        return self._between(found, np.full_like(found, -1))

    def _marked(self, frames: Frames, things: Sequence[int], images: Sequence[int]) -> Frames | None:  # noqa: ARG002
        can_mark = self._can_mark[np.ix_(frames, things)].T
        # Less than one use apart, frames are taken at random; no frame is taken twice.
        cost = self._frame_uses[list(frames)] + self._rng.random(can_mark.shape)
        cost[~can_mark] = _FORBIDDEN
        chosen = linear_sum_assignment(cost)[1] if len(frames) >= len(things) else None
        if chosen is None or not can_mark[np.arange(len(things)), chosen].all():
            self.reasons["no frame of its own for every object"] += 1
            return None
        shown_in = tuple(frames[image] for image in chosen.tolist())
        self._frame_uses[list(shown_in)] += 1
        return shown_in


def _subsets(count: int, size: int, rng: np.random.Generator) -> IndexArray:
    """(k, size): sets of so many of ``count`` things, all or a sample, shuffled."""
    if math.comb(count, size) <= _MOST:
        sets = np.array(list(itertools.combinations(range(count), size)), dtype=np.int64).reshape(-1, size)
    else:
        sets = np.unique(np.sort(rng.random((_MOST, count)).argsort(axis=1)[:, :size], axis=1), axis=0)
    return rng.permutation(sets)


def _from_each(things: IndexArray, count: int, rng: np.random.Generator) -> IndexArray:
    """(k, 1 + count): each thing, with sets of others, shuffled."""
    found = [
        np.column_stack([np.full(len(sets), thing), np.delete(things, place)[sets]])
        for place, thing in enumerate(things)
        for sets in [_subsets(len(things) - 1, count, rng)]
    ]
    return rng.permutation(np.concatenate(found))


def _nothing(count: int) -> Comparisons:
    none = np.zeros((0, count), dtype=np.int64)
    return Comparisons(none[:, 0], none, none.astype(np.float64), none, np.zeros(0))
