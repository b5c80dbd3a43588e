"""Which objects a question marks, and in which images: frames take turns, objects and images are used evenly."""

from __future__ import annotations

import itertools
import math
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["NO_FRAMES", "TOO_FEW_SHOWN", "Item", "deal_forms", "items_in_turn"]

NO_FRAMES: Final = "no frames that can be shown together"
TOO_FEW_SHOWN: Final = "too few objects in what is shown together"

_LOOKED_AT: Final = 128  # combinations of marks looked at for each item, where some frames offer more

Frames = tuple[int, ...]
Mark = tuple[int, int]
"""The image, counted from 0 among those shown, and the instance marked there."""

_Any = TypeVar("_Any")


@dataclass(frozen=True, slots=True)
class Item:
    """What one question shows and marks.

    Attributes:
        frames: indices into the scene's frames, in the order shown.
        marks: different objects; where several frames are shown, each in an image of its own.
    """

    frames: Frames
    marks: tuple[Mark, ...]

    @property
    def instances(self) -> tuple[int, ...]:
        """The objects marked, in order."""
        return tuple(instance for _, instance in self.marks)

    def frame(self, mark: int) -> int:
        """The frame that one of the marks is in."""
        return self.frames[self.marks[mark][0]]


def items_in_turn(
    groups: Iterable[Frames],
    markable: Callable[[int], Sequence[int]],
    count: int,
    reason_against: Callable[[Item], str],
    rng: np.random.Generator,
    reasons: Counter[str],
    *,
    aside: int = 0,
) -> Iterator[Item]:
    """Items one after the other, one of each group of frames in turn until none has any left.

    Of a group's items the next one is always one whose objects, and places among the images, were used least so far.

    Args:
        groups: frames that are shown together.
        markable: objects that can be marked in a frame.
        count: marks wanted.
        reason_against: why an item cannot be asked about; empty if it can.
        rng: decides between items used equally.
        reasons: why items were left out, counted here.
        aside: how many of the first marks only help: two items of the same frames differ in others.
    """
    uses: Counter[Hashable] = Counter()
    stated: set[tuple[Frames, frozenset[Mark]]] = set()
    refused: set[tuple[Frames, frozenset[Mark], frozenset[Mark]]] = set()
    waiting = deque(groups)
    while waiting:
        group = waiting.popleft()
        marks = [(image, thing) for image, frame in enumerate(group) for thing in markable(frame)]
        choices = _combinations(marks, count, several=len(group) > 1, rng=rng)
        if not choices:
            reasons[TOO_FEW_SHOWN] += 1
        for chosen in _by_use(choices, uses, rng):
            helpers, asked = frozenset(chosen[:aside]), frozenset(chosen[aside:])
            if (group, asked) in stated or (group, helpers, asked) in refused:
                continue
            item = Item(group, chosen)
            if reason := reason_against(item):
                refused.add((group, helpers, asked))
                reasons[reason] += 1
                continue
            stated.add((group, asked))
            waiting.append(group)
            uses.update(_used(chosen))
            yield item
            break


def deal_forms(
    items: Iterable[_Any],
    forms: Sequence[str],
    deck: npt.NDArray[np.int64],
    fits: Callable[[_Any, str], bool],
    reasons: Counter[str],
    *,
    lacking: str = "no wrong answers that differ enough as written",
) -> Iterator[tuple[_Any, str, int]]:
    """Items, each with a form and the place of the true option, in the order of a deck, so that both stay balanced.

    Args:
        items: as many as there are.
        forms: of the task.
        deck: (n, 2): a form and a place for each of at most n items (``sampling.deal``).
        fits: whether an item can be asked in a form; one that cannot waits for a form that suits it.
        reasons: why items were left out; those that waited in vain are counted here,
        lacking: for this reason.
    """
    source, waiting = iter(items), deque[_Any]()
    for form, place in deck.tolist():
        name = forms[form]
        found = next((item for item in waiting if fits(item, name)), None)
        if found is not None:
            waiting.remove(found)
        else:
            for item in source:
                if fits(item, name):
                    found = item
                    break
                waiting.append(item)
        if found is None:
            reasons[lacking] += len(waiting)
            return
        yield found, name, place


def _combinations(
    marks: Sequence[Mark], count: int, *, several: bool, rng: np.random.Generator
) -> list[tuple[Mark, ...]]:
    """Ordered choices of marks on different objects and, of several images, in different ones: all, or a sample."""
    found: Iterable[tuple[Mark, ...]]
    if math.perm(len(marks), count) <= _LOOKED_AT:
        found = itertools.permutations(marks, count)
    else:
        drawn = (rng.choice(len(marks), size=count, replace=False).tolist() for _ in range(_LOOKED_AT))
        found = (tuple(marks[place] for place in places) for places in drawn)
    return [
        chosen
        for chosen in dict.fromkeys(found)
        if len({thing for _, thing in chosen}) == count
        and (not several or len({image for image, _ in chosen}) == count)
    ]


def _by_use(
    choices: Sequence[tuple[Mark, ...]], uses: Counter[Hashable], rng: np.random.Generator
) -> list[tuple[Mark, ...]]:
    """Choices of marks by how often what they use was used before; those used equally in random order."""
    cost = np.array([sum(uses[thing] for thing in _used(chosen)) for chosen in choices])
    return [choices[place] for place in np.lexsort((rng.random(len(choices)), cost)).tolist()]


def _used(marks: tuple[Mark, ...]) -> list[Hashable]:
    """What a choice of marks uses: the objects, and each mark's image."""
    return [
        *(("object", instance) for _, instance in marks),
        *(("image", place, image) for place, (image, _) in enumerate(marks)),
    ]
