"""Which objects somebody is imagined at, faces and is asked about."""

from __future__ import annotations

import itertools
import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ..marked_objects import MarkedObjects
from ._imagined_views import Move
from ._marked_items import NO_FRAMES, TOO_FEW_SHOWN, Item

__all__ = ["Candidates"]

_LISTED: Final = 840  # orders of a set of frames' objects that are all gone through; of more, as many are drawn
_POOL: Final = 12  # candidates for each fact wanted, to choose from
_LOOKS: Final = 40  # items looked at for each fact wanted, after which a scene is taken to have no more

Frames = tuple[int, ...]


class Candidates:
    """Items that may be asked about, sets of frames in turn.

    Args:
        objects: of the scene.
        groups: sets of frames that are shown together.
        is_video: whether they are many, of which each object is marked in the one that shows most of it; of a few, in
            any, and not all in the same.
        allowed: (n,) bool: objects that may be spoken of.
        count: of objects in each item.
        rng: decides which, and in which image each is marked.
        reasons: why items are left out, counted.
    """

    def __init__(
        self,
        objects: MarkedObjects,
        groups: Sequence[Frames],
        is_video: bool,
        allowed: npt.NDArray[np.bool_],
        count: int,
        rng: np.random.Generator,
        reasons: Counter[str],
    ) -> None:
        self._objects = objects
        self._allowed = allowed
        self._count = count
        self._rng = rng
        self._reasons = reasons
        self._groups = groups
        self._is_video = is_video

    def moves(self, look: Callable[[Item], Move | str], limit: int) -> list[Move]:
        """What can be asked about, enough to choose ``limit`` facts from."""
        found: list[Move] = []
        if not self._groups:
            self._reasons[NO_FRAMES] += 1
        for item in itertools.islice(self._items(), _LOOKS * limit):
            seen = look(item)
            if isinstance(seen, Move):
                found.append(seen)
            else:
                self._reasons[seen] += 1
            if len(found) == _POOL * limit:
                break
        return found

    def _items(self) -> Iterator[Item]:
        waiting = deque((group, self._orders(group)) for group in self._groups)
        while waiting:
            group, orders = waiting.popleft()
            for things in orders:
                item = Item(group, tuple((self._image(group, thing), thing) for thing in things))
                waiting.append((group, orders))
                if reason := self._reason_against(item):
                    self._reasons[reason] += 1
                else:
                    yield item
                break

    def _orders(self, group: Frames) -> Iterator[tuple[int, ...]]:
        """Objects that a set of frames shows, in every order, or many of them: each once, in random order."""
        shown = np.flatnonzero(self._objects.shows[list(group)].any(axis=0) & self._allowed)
        if len(shown) < self._count:
            self._reasons[TOO_FEW_SHOWN] += 1
        if math.perm(len(shown), self._count) <= _LISTED:
            every = list(itertools.permutations(shown.tolist(), self._count))
            yield from (every[place] for place in self._rng.permutation(len(every)).tolist())
            return
        given: set[tuple[int, ...]] = set()
        for _ in range(_LISTED):
            things = tuple(self._rng.choice(shown, size=self._count, replace=False).tolist())
            if things not in given:
                given.add(things)
                yield things

    def _image(self, group: Frames, thing: int) -> int:
        shows = self._objects.shows[list(group), thing]
        if self._is_video:
            return int(np.argmax(np.where(shows, self._objects.visible_px[list(group), thing], -1)))
        return int(self._rng.choice(np.flatnonzero(shows)))

    def _reason_against(self, item: Item) -> str:
        images = [image for image, _ in item.marks]
        if len(item.frames) > 1 and not self._is_video and len(set(images)) == 1:
            return "all marks in one image"
        marks = [self._objects.box(thing, item.frames[image], image) for image, thing in item.marks]
        return "" if self._objects.are_apart(item.frames, marks) else "marks would meet"
