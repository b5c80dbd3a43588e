"""Taking candidates in turn, so that what they have in common is used as evenly as the scene allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["FairChoice"]

IndexArray = npt.NDArray[np.int64]


class FairChoice:
    """Gives, each time, a candidate whose groups were used least so far.

    Args:
        groups: pairs of a weight and (k, c) or (c,) numbers of the groups each of c candidates is in (its stratum; its
            object; both its objects' names). A candidate costs, for each of its groups, the weight times its uses.
        rng: decides among equals.
    """

    def __init__(self, groups: Sequence[tuple[float, npt.ArrayLike]], rng: np.random.Generator) -> None:
        columns = [(weight, np.atleast_2d(np.asarray(numbers, dtype=np.int64))) for weight, numbers in groups]
        self._order = rng.permutation(columns[0][1].shape[1])
        self._place = np.argsort(self._order)
        self._columns = [(weight, numbers[:, self._order]) for weight, numbers in columns]
        self._uses = [np.zeros(int(numbers.max(initial=-1)) + 1, dtype=np.int64) for _, numbers in self._columns]
        self._open = np.ones(len(self._order), dtype=np.bool_)

    def next(self, among: npt.NDArray[np.bool_] | None = None) -> int | None:
        """The candidate that is due, of some (c,); None when all of those were given. None is given twice."""
        left = np.flatnonzero(self._open if among is None else self._open & among[self._order])
        if not len(left):
            return None
        cost = np.zeros(len(left))
        for (weight, numbers), uses in zip(self._columns, self._uses, strict=True):
            cost += weight * uses[numbers[:, left]].sum(axis=0)
        place = int(left[cost.argmin()])
        self._open[place] = False
        return int(self._order[place])

    def take(self, index: int, times: int = 1) -> None:
        """Count a candidate as used; with -1 as not used after all."""
        for (_, numbers), uses in zip(self._columns, self._uses, strict=True):
            np.add.at(uses, numbers[:, self._place[index]], times)

    def remaining(self) -> int:
        """How many were not given."""
        return int(np.count_nonzero(self._open))
