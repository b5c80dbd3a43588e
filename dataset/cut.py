"""Which rows stay when a task may have fewer than there are (``--max-rows``).

The cut spreads what is allowed over scenes as equally as they can fill it, and takes each scene's rows in a sequence
of which every prefix is balanced: ways of pointing, answer forms, true options and ways of asking are dealt in turn.
So the balance that engines deal out outlasts the cut.

Both parts are nested: with one scene more, no other scene keeps a row that it did not keep before. A dataset to which
scenes are added later, from which the rows over the limit are gone, so ends up as if all had come at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import compute

from ..core.seeding import stable_hash
from .check import FORMS

__all__ = ["FACTOR_COLUMNS", "Factors", "balanced_prefix", "factors_of", "quotas"]

FACTOR_COLUMNS: Final = ("variant", "form", "options", "answer_index", "template")
"""Columns that ``factors_of`` reads."""

_USED_UP: Final = np.iinfo(np.int64).max


class Factors(NamedTuple):
    """What a cut keeps balanced in a row.

    Attributes:
        variant, form: the columns.
        option: (number of options, true one); None in a row without options.
        asked: the way of asking (``closer``): the wording's block without form and variant.
    """

    variant: str
    form: str
    option: tuple[int, int] | None
    asked: str


def factors_of(table: pa.Table) -> list[Factors]:
    """The factors of every row of a table with the columns ``FACTOR_COLUMNS``."""
    lengths = compute.list_value_length(table["options"]).to_pylist()
    columns = (table[name].to_pylist() for name in ("variant", "form", "answer_index", "template"))
    return [
        Factors(
            variant,
            form,
            None if index is None or length is None else (length, index),
            _asked(template or "", variant),
        )
        for length, variant, form, index, template in zip(lengths, *columns, strict=True)
    ]


def _asked(template: str, variant: str) -> str:
    """``closer`` from ``depth_comparison/closer.dot/0123abcd``; empty where a task has one way of asking."""
    parts = template.partition("/")[2].rpartition("/")[0].split(".")
    # The form is a factor of its own, and forms borrow each other's questions.
    return ".".join(part for part in parts if part not in {*FORMS, variant})


def quotas(
    available: npt.NDArray[np.int64], scenes: Sequence[tuple[str, str]], limit: int, seed: int
) -> npt.NDArray[np.int64]:
    """How many rows each scene keeps: the same for all, what small scenes leave over going to the others.

    Args:
        available: (n,) rows per scene.
        scenes: (dataset, scene id) of each; their hashes decide who gets the odd rows.
        limit: rows in all.
        seed: of the run.

    Returns:
        (n,) int64 with the sum ``min(limit, available.sum())``.
    """
    if available.sum() <= limit:
        return available
    # Smallest scene first: as long as a scene can be taken whole, its part and what it leaves go up for the rest.
    left, waiting, level = limit, len(available), 0
    for size in np.sort(available).tolist():
        level = left // waiting
        if size > level:
            break
        left -= size
        waiting -= 1
    kept = np.minimum(available, level)
    larger = np.flatnonzero(available > level)
    odd = sorted(larger.tolist(), key=lambda scene: (stable_hash("odd rows", seed, *scenes[scene]), scenes[scene]))
    kept[odd[: limit - int(kept.sum())]] += 1
    return kept


def balanced_prefix(
    keys: npt.NDArray[np.uint64],
    combinations: npt.NDArray[np.int32],
    factors: Sequence[Factors],
    count: int,
    *salt: Any,
) -> npt.NDArray[np.intp]:
    """The first rows of a scene in the sequence of which every prefix is balanced.

    Rows with the same factors wait in one queue, in order of their keys. The next row comes from the queue whose
    values were taken least often so far, so the other letter follows a letter. What comes next depends on what was
    taken and not on what is left behind: taking fewer rows, or again from the rows taken, gives the same sequence.

    Args:
        keys: (n,) places of the rows in the dataset's order.
        combinations: (n,) the place of each row's factors in ``factors``.
        factors: all that occur.
        count: rows to take, at most n.
        salt: makes the first choice another one in every scene, so that many short sequences are no one-sided whole.

    Returns:
        (count,) positions of the rows, in the order of the sequence.
    """
    codes_present, found = np.unique(combinations, return_inverse=True)
    present = [factors[code] for code in codes_present.tolist()]
    order = sorted(range(len(present)), key=lambda one: stable_hash(*salt, *present[one]))
    queue = np.argsort(order)[found]
    waiting = np.lexsort((keys, queue))
    ends = np.cumsum(np.bincount(queue, minlength=len(present)))
    heads = np.r_[0, ends[:-1]]
    codes: dict[tuple[int, Any], int] = {}
    values = np.array(
        [[codes.setdefault((place, value), len(codes)) for place, value in enumerate(present[one])] for one in order]
    )
    taken = np.zeros(len(codes), np.int64)
    chosen = np.empty(count, np.intp)
    for place in range(count):
        cost = taken[values].sum(axis=1)
        cost[heads == ends] = _USED_UP
        best = int(np.argmin(cost))
        chosen[place] = waiting[heads[best]]
        heads[best] += 1
        taken[values[best]] += 1
    return chosen
