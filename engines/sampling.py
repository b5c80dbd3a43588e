"""Choosing fairly: balanced decks, equal quotas over strata, spread over frames.

Everything here is a pure function of its arguments; generators come from the caller.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from ..core.seeding import stable_hash

__all__ = ["deal", "equal_quotas", "round_robin", "take_least_used"]


def deal(count: int, sizes: Sequence[int], *key: str) -> npt.NDArray[np.int64]:
    """Choices for ``count`` items so that every factor is balanced, and factors are crossed with each other.

    For each factor the counts of its values differ by at most one, whatever ``count`` is; who gets the odd one
    depends on ``key`` alone (scene and task), so that no union of scenes drifts to one side.

    Args:
        count: number of items.
        sizes: number of values of each factor (two letters, two polarities, four options …).
        key: names the deck, e.g. scene id and task.

    Returns:
        (count, len(sizes)) values in ``range(size)``.
    """
    items = np.arange(count)
    dealt = np.empty((count, len(sizes)), dtype=np.int64)
    period = 1
    for column, size in enumerate(sizes):
        # One full turn through a factor's values takes `size` items; after each `period` the turn starts one later,
        # which is what pairs every value with every value of the factors before.
        start = stable_hash("deal", column, *key) % size
        if column == 0:
            dealt[:, column] = (items + start) % size
            period = size
        else:
            period = math.lcm(period, size)
            dealt[:, column] = (items + items // period + start) % size
            period *= size
    return dealt


def equal_quotas(available: Sequence[int], total: int, *key: str) -> list[int]:
    """Quotas for strata as equal as what they hold allows: smallest stratum first, unused quota passed on.

    Args:
        available: items in each stratum.
        total: items wanted in all.
        key: e.g. scene id and task: decides which strata get one more where the total does not divide, so that no union
            of scenes drifts to some of them.

    Returns:
        One quota a stratum, never above what it holds; they add up to ``min(total, sum(available))``.
    """
    left = min(total, sum(available))
    level = 0
    for done, size in enumerate(sorted(available)):
        # Up to this stratum's size every stratum not yet full gets the same.
        step = min(size - level, left // (len(available) - done))
        level += step
        left -= step * (len(available) - done)
        if level < size:
            break
    quotas = [min(size, level) for size in available]
    open_strata = [index for index, size in enumerate(available) if size > level]
    for index in sorted(open_strata, key=lambda index: stable_hash("quota", index, *key))[:left]:
        quotas[index] += 1
    return quotas


def round_robin(groups: npt.ArrayLike, limit: int) -> npt.NDArray[np.int64]:
    """Indices of at most ``limit`` items, taking one of each group in turn, groups and items in order of appearance.

    Args:
        groups: (n,), the group of each item.
        limit: items wanted, at most.
    """
    _, first, member = np.unique(np.asarray(groups), return_index=True, return_inverse=True)
    place = np.argsort(np.argsort(first))[member]  # of each item's group, by appearance
    order = np.argsort(place, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(first)))])
    turn = np.empty(len(place), dtype=np.int64)
    turn[order] = np.arange(len(place)) - starts[place[order]]
    return np.lexsort((place, turn))[:limit]


def take_least_used(keys: Sequence[tuple[Hashable, ...]], quota: int, uses: Counter[Hashable]) -> list[int]:
    """Indices of ``quota`` items, each time one whose things were used least so far; ``uses`` is updated.

    Args:
        keys: per item the things it uses: the first counts before the others (a frame, then its points).
        quota: items wanted, at most.
        uses: how often each thing was used already, shared between calls.
    """
    groups: dict[Hashable, list[tuple[int, int]]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key[0], []).append((sum(uses[thing] for thing in key[1:]), index))
    firsts = [(uses[first], place, first) for place, first in enumerate(groups)]
    for group in groups.values():
        heapq.heapify(group)
    heapq.heapify(firsts)
    taken: list[int] = []
    while firsts and len(taken) < quota:
        _, place, first = heapq.heappop(firsts)
        group = groups[first]
        while True:
            # Costs only grow, so an entry is looked at again when it comes up instead of keeping the heap current.
            cost, index = heapq.heappop(group)
            now = sum(uses[thing] for thing in keys[index][1:])
            if now == cost:
                break
            heapq.heappush(group, (now, index))
        taken.append(index)
        uses.update(keys[index])
        if group:
            heapq.heappush(firsts, (uses[first], place, first))
    return taken
