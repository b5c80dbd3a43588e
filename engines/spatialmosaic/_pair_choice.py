"""Which pairs are asked about, so that nothing but the images tells the answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..hidden_pairs import HIDDEN_BY, Pairs

__all__ = ["PairChoice", "crossed_polarities"]

_WEIGHTS = {"stratum": 1e6, "lean": 3.0, "kind": 1.0, "label": 0.5, "frame": 0.25}
"""Strata come first. One answer more than the other for two names weighs as much as three uses of these names."""


class PairChoice:
    """Takes pairs in turn: both ways of hiding equally often, names, objects and frames spread.

    Where a scene has a pair of names in both orders (a lamp left of a table in one frame, right of it in another), both
    are taken equally often; names that are always in the same order are taken less readily, for they can be answered
    without looking.

    Args:
        pairs: to choose from.
        signs: (c,), +1 or -1, what decides the answer of each.
        names: of the scene's instances.
        rng: decides among equals.
    """

    def __init__(
        self, pairs: Pairs, signs: npt.NDArray[np.int64], names: Sequence[str], rng: np.random.Generator
    ) -> None:
        self._order = rng.permutation(len(pairs))
        self._pairs = pairs.take(self._order)
        self._up = (signs[self._order] > 0).astype(np.int64)
        _, name = np.unique(np.array([*names, ""]), return_inverse=True)
        self._target, self._reference = name[self._pairs.target], name[self._pairs.reference]
        _, self._kind = np.unique(self._target * len(name) + self._reference, return_inverse=True)
        kinds = int(self._kind.max(initial=-1)) + 1
        self._answers = np.zeros((kinds, 2), dtype=np.int64)
        available = np.zeros((kinds, 2), dtype=np.bool_)
        available[self._kind, self._up] = True
        self._one_sided: npt.NDArray[np.bool_] = np.asarray(~available.all(axis=1))
        self._strata = np.zeros((2, len(HIDDEN_BY)), dtype=np.int64)
        self._labels = np.zeros(len(name), dtype=np.int64)
        self._frames = np.zeros(int(self._pairs.frame.max(initial=-1)) + 1, dtype=np.int64)
        self._open = np.ones(len(pairs), dtype=np.bool_)

    def next(self, sign: int) -> int | None:
        """Index of the pair with this sign that is due; None when all were looked at. None is given twice."""
        up = int(sign > 0)
        left = np.flatnonzero(self._open & (self._up == up))
        if not len(left):
            return None
        kind = self._kind[left]
        answers = self._answers[kind]
        costs = {
            "stratum": self._strata[up, self._pairs.hidden_by[left]],
            "lean": answers[:, up] - answers[:, 1 - up] + self._one_sided[kind],
            "kind": answers.sum(axis=1),
            "label": self._labels[self._target[left]] + self._labels[self._reference[left]],
            "frame": self._frames[self._pairs.frame[left]],
        }
        place = int(left[np.argmin(sum(_WEIGHTS[name] * cost for name, cost in costs.items()))])
        self._open[place] = False
        return int(self._order[place])

    def remaining(self) -> int:
        """How many were not looked at."""
        return int(np.count_nonzero(self._open))

    def take(self, index: int) -> None:
        """Count a pair as asked about."""
        place = int(np.flatnonzero(self._order == index)[0])
        self._answers[self._kind[place], self._up[place]] += 1
        self._strata[self._up[place], self._pairs.hidden_by[place]] += 1
        self._labels[[self._target[place], self._reference[place]]] += 1
        self._frames[self._pairs.frame[place]] += 1


def crossed_polarities(signs: Sequence[int], kinds: Sequence[str], turn: int) -> list[int]:
    """Which way (+1 or -1) each relation is asked for, so that the question's words do not tell the answer.

    With as many relations of either sign (or one more of one, then not both odd) yes and no, and both ways of asking,
    differ by at most one; two names with relations of both signs are asked about the same way in both.

    Args:
        signs: +1 or -1 of each relation; asked for the same sign, the answer is yes.
        kinds: what the question names, for each.
        turn: who gets the odd one, 0 or 1.
    """
    asked = [0] * len(signs)
    lead = {1: 0, -1: 0}  # by sign, how many more were asked for +1 than for -1
    first = 1 if turn % 2 else -1
    places: dict[str, dict[int, list[int]]] = {}
    for place, (sign, kind) in enumerate(zip(signs, kinds, strict=True)):
        places.setdefault(kind, {1: [], -1: []})[sign].append(place)
    # Names with both signs first: those with one can then make up for what they leave.
    for mine in sorted(places.values(), key=lambda mine: -min(len(mine[1]), len(mine[-1]))):
        start = -int(np.sign(lead[1] + lead[-1])) or first
        for sign in (1, -1):
            way = start if mine[-sign] else -int(np.sign(lead[sign])) or first
            for place in mine[sign]:
                asked[place] = way
                lead[sign] += way
                way = -way
    for sign, most in ((1, signs.count(1) % 2), (-1, signs.count(-1) % 2)):
        for place in range(len(signs) - 1, -1, -1):
            if abs(lead[sign]) > most and signs[place] == sign and asked[place] * lead[sign] > 0:
                asked[place] = -asked[place]
                lead[sign] += 2 * asked[place]
    return asked
