"""Wrong options that are strictly false, and by whose pattern the right one cannot be told."""

from __future__ import annotations

import math
from itertools import combinations, product
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.rounding import half_up

__all__ = ["LEAST_APART", "wrong_numbers", "wrong_relations"]

LOW: Final = (0.5, 0.8)
HIGH: Final = (1.25, 2.0)
"""Ranges of a wrong number, in the true one."""

LEAST_APART: Final = 0.20
"""Two options differ by more than this share of the smaller."""

_TRIES: Final = 32
_HAIR: Final = 1e-9  # what exactly LEAST_APART apart is not more than, whatever floats make of it


def wrong_numbers(
    truth: float, rng: np.random.Generator, *, decimals: int, count: int = 3, scale: float = 1.0
) -> tuple[float, ...] | None:
    """Wrong values for a positive number, as they will be written; None where rounding leaves no room for them.

    How many of them lie below the truth is drawn evenly, so that its rank among the options tells nothing; where
    rounding leaves no room on one side, there are more on the other.

    Args:
        truth: in SI units.
        rng: decides.
        decimals: of the text.
        count: wanted.
        scale: the text's unit in SI units is ``1 / scale`` (100 for centimetres).
    """
    shown = half_up(truth * scale, decimals)
    for below in rng.permutation(count + 1).tolist():
        for _ in range(_TRIES):
            factors = np.concatenate([_spread(LOW, below, rng), _spread(HIGH, count - below, rng)])
            drawn = rng.permutation(factors) * truth * scale
            wrong = np.array([half_up(number, decimals) for number in drawn.tolist()])
            options = np.sort([shown, *wrong])
            if options[0] > 0 and (np.diff(options) > LEAST_APART * options[:-1] + _HAIR).all():
                return tuple((wrong / scale).tolist())
    return None


def _spread(ends: tuple[float, float], count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(count,): random numbers between two ends of which each is enough above the one before."""
    gap = math.log(1.0 + LEAST_APART)
    room = math.log(ends[1] / ends[0]) - gap * max(count - 1, 0)
    return np.asarray(ends[0] * np.exp(np.sort(rng.uniform(0.0, room, size=count)) + gap * np.arange(count)))


def wrong_relations(truth: tuple[float, ...], rng: np.random.Generator) -> tuple[tuple[float, ...], ...] | None:
    """Three wrong relations for a true one of signs -1, 0 and 1; None where fewer than two axes are decided.

    Each turns at least one decided axis round and leaves undecided ones empty, so it is false whatever these are, and
    no option follows from another. On every axis as many options say one word as the other, or all say the same: the
    right one cannot be told by a vote.
    """
    decided = [axis for axis, sign in enumerate(truth) if sign]
    if len(decided) < 2:
        return None
    flips = [frozenset(some) for size in range(1, len(decided) + 1) for some in combinations(decided, size)]
    # With every two flips of a set also what they make together: truth and three others, alike from each one's view.
    closed = [(a, b, a ^ b) for a, b in product(flips, flips) if a != b]
    chosen = closed[int(rng.integers(len(closed)))]
    return tuple(tuple(-sign if axis in flip else sign for axis, sign in enumerate(truth)) for flip in chosen)
