"""Wrong options that are strictly false, and by whose pattern the right one cannot be told."""

from __future__ import annotations

import math
from itertools import combinations, product
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..core.rounding import half_up
from .base import Parameters

__all__ = ["LEAST_APART", "STEP", "NumberOptionParameters", "wrong_numbers", "wrong_relations"]

STEP: Final = (1.25, 1.4)
"""Range of the ratio of an option on a ladder and the next smaller one."""

LOW: Final = (0.5, 0.8)
HIGH: Final = (1.25, 2.0)
"""Ranges of a wrong number off the ladder, in the true one."""

LEAST_APART: Final = 0.20
"""Two options differ by more than this share of the smaller."""

_BEND: Final = 4.0
"""Up to this many units of the last digit a ladder is even instead of growing by ratios: rounding leaves no other room
there."""

_TRIES: Final = 64
_HAIR: Final = 1e-9  # what exactly LEAST_APART apart is not more than, whatever floats make of it

FloatArray = npt.NDArray[np.float64]


class NumberOptionParameters(Parameters):
    """What decides which numbers are offered beside a true one."""

    number_options: Literal["ladder", "ranges"] = Field(
        "ladder",
        description="wrong numbers to select from: ladder, of which the true number may be any rung, or ranges, 0.5 to "
        "0.8 and 1.25 to 2 times the truth, by which the true one can be told in half of the questions",
    )


def wrong_numbers(
    truth: float,
    rng: np.random.Generator,
    *,
    decimals: int,
    count: int = 3,
    scale: float = 1.0,
    kind: Literal["ladder", "ranges"] = "ladder",
) -> tuple[float, ...] | None:
    """Wrong values for a positive number, as they will be written; None where rounding leaves no room for them.

    On a ladder the right number is a random rung; its steps do not depend on which, and there is room at either end for
    every rung that it might have been: neither its rank among the options nor their spacing tells it from wrong ones.
    Of ranges, how many wrong numbers lie below the truth is drawn evenly; where rounding leaves no room on one side,
    there are more on the other.

    Args:
        truth: in SI units.
        rng: decides.
        decimals: of the text.
        count: wanted.
        scale: the text's unit in SI units is ``1 / scale`` (100 for centimetres).
        kind: as ``NumberOptionParameters.number_options``.
    """
    shown = half_up(truth * scale, decimals)
    found = _ladder(shown, rng, decimals, count) if kind == "ladder" else _ranges(truth * scale, rng, decimals, count)
    return None if found is None else tuple((found / scale).tolist())


def _ladder(shown: float, rng: np.random.Generator, decimals: int, count: int) -> FloatArray | None:
    """(count,): the other rungs."""
    bend = _BEND * 10.0**-decimals
    place = _place(shown, bend)
    rank = int(rng.integers(count + 1))
    for _ in range(_TRIES):
        rungs = np.concatenate([[0.0], np.cumsum(rng.uniform(math.log(STEP[0]), math.log(STEP[1]), size=count))])
        ladders = np.round(_number(place + rungs - rungs[:, None], bend), decimals)  # a row for each possible rank
        np.fill_diagonal(ladders, shown)
        if (ladders[:, 0] > 0).all() and (np.diff(ladders) > LEAST_APART * ladders[:, :-1] + _HAIR).all():
            return np.asarray(rng.permutation(np.delete(ladders[rank], rank)))
    return None


def _place(number: float, bend: float) -> float:
    """Where a number stands on a scale that is even up to the bend and logarithmic from there on."""
    return number / bend if number < bend else 1.0 + math.log(number / bend)


def _number(place: FloatArray, bend: float) -> FloatArray:
    """The inverse of ``_place``."""
    return np.where(place < 1.0, place * bend, bend * np.exp(np.maximum(place, 1.0) - 1.0))


def _ranges(truth: float, rng: np.random.Generator, decimals: int, count: int) -> FloatArray | None:
    """(count,): some in the lower, some in the upper range."""
    shown = half_up(truth, decimals)
    for below in rng.permutation(count + 1).tolist():
        for _ in range(_TRIES):
            factors = np.concatenate([_spread(LOW, below, rng), _spread(HIGH, count - below, rng)])
            wrong = np.array([half_up(factor * truth, decimals) for factor in rng.permutation(factors).tolist()])
            options = np.sort([shown, *wrong])
            if options[0] > 0 and (np.diff(options) > LEAST_APART * options[:-1] + _HAIR).all():
                return wrong
    return None


def _spread(ends: tuple[float, float], count: int, rng: np.random.Generator) -> FloatArray:
    """(count,): random numbers between two ends of which each is enough above the one before."""
    gap = math.log(1.0 + LEAST_APART)
    room = math.log(ends[1] / ends[0]) - gap * max(count - 1, 0)
    return np.asarray(ends[0] * np.exp(np.sort(rng.uniform(0.0, room, size=count)) + gap * np.arange(count)))


def wrong_relations(
    truth: tuple[float, ...], rng: np.random.Generator, *, kept: int | None = None
) -> tuple[tuple[float, ...], ...] | None:
    """Three wrong relations for a true one of signs -1, 0 and 1; None where fewer than two axes are decided.

    Each turns at least one decided axis round and leaves undecided ones empty, so it is false whatever these are, and
    no option follows from another. On every axis as many options say one word as the other, or all say the same: the
    right one cannot be told by a vote.

    Args:
        truth: the true relation.
        rng: decides.
        kept: an axis that, where two others are decided, is right in every option: names alone would tell which word
            of it is true (lamps hang above tables), and so which options are not.
    """
    every = [axis for axis, sign in enumerate(truth) if sign]
    others = [axis for axis in every if axis != kept]
    decided = others if len(others) > 1 else every
    if len(decided) < 2:
        return None
    flips = [frozenset(some) for size in range(1, len(decided) + 1) for some in combinations(decided, size)]
    # With every two flips of a set also what they make together: truth and three others, alike from each one's view.
    closed = [(a, b, a ^ b) for a, b in product(flips, flips) if a != b]
    chosen = closed[int(rng.integers(len(closed)))]
    return tuple(tuple(-sign if axis in flip else sign for axis, sign in enumerate(truth)) for flip in chosen)
