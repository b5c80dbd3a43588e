"""Which objects somebody is imagined at, faces and is asked about; chosen so that every word is right equally often."""

from __future__ import annotations

import itertools
import math
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ..marked_objects import MarkedObjects
from ._imagined_views import Move
from ._marked_items import Item

__all__ = ["Candidates", "Choice", "balanced"]

_LISTED: Final = 840  # orders of a set of frames' objects that are all gone through; of more, as many are drawn
_POOL: Final = 12  # candidates for each fact wanted, to choose from
_LOOKS: Final = 40  # items looked at for each fact wanted, after which a scene is taken to have no more

Frames = tuple[int, ...]
Choice = tuple[Move, str, int]
"""What is asked about, its form, and the place of the true option."""


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


def balanced(
    moves: Sequence[Move], forms: Sequence[str], deck: npt.NDArray[np.int64], labels: Sequence[str]
) -> list[Choice]:
    """As many of some moves as there are entries in a deck, fewer where words would not stay balanced.

    After each one the two words of every axis were right equally often, or one of them once more. Among moves that
    keep it so, those that even out most come first, then those whose frames and objects' names were used least.

    Args:
        moves: to choose from.
        forms: that are asked for; one that no move fits is left out.
        deck: (n, 2): the form and the place of the true option of each (``sampling.deal``).
        labels: of the scene's objects.
    """
    usable = [form for form in forms if any(move.fits(form) for move in moves)]
    signs = np.array([move.after.signs for move in moves]).reshape(-1, 3)
    fits = {form: np.array([move.fits(form) for move in moves], dtype=np.bool_) for form in usable}
    left = np.ones(len(moves), dtype=np.bool_)
    lead = np.zeros(3)
    uses: Counter[Hashable] = Counter()
    chosen: list[Choice] = []
    for turn, place in deck.tolist() if usable else ():
        form = forms[turn] if forms[turn] in usable else usable[len(chosen) % len(usable)]
        legal = left & fits[form] & (np.abs(lead + signs).max(axis=1, initial=0) <= 1)
        if not legal.any():
            break
        # A lead that stays is worse than one that is new: the latter comes from saying much.
        stays = ((lead != 0) & (signs == 0)).sum(axis=1)
        even = np.flatnonzero(legal & (stays == stays[legal].min())).tolist()
        best = min(even, key=lambda key: (*_uses(moves[key].item, labels, uses), key))
        left[best] = False
        lead += signs[best]
        item = moves[best].item
        uses.update([item.frames, *(labels[thing] for thing in item.instances)])
        chosen.append((moves[best], form, place))
    return chosen


def _uses(item: Item, labels: Sequence[str], uses: Counter[Hashable]) -> tuple[int, int]:
    """How often an item's frames, and its objects' names, were used."""
    return uses[item.frames], sum(uses[labels[thing]] for thing in item.instances)
