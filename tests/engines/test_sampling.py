"""Fair choosing: decks, quotas, turns."""

from __future__ import annotations

from collections import Counter
from math import prod

import numpy as np
import pytest

from spatialgen.engines.depth_points import far_apart
from spatialgen.engines.sampling import deal, equal_quotas, round_robin, take_least_used


@pytest.mark.parametrize("sizes", [(2,), (2, 2, 2), (1, 2, 2), (2, 4), (2, 2, 4), (3, 2), (4, 3)])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 13, 64, 101])
def test_every_factor_is_balanced(sizes: tuple[int, ...], count: int) -> None:
    dealt = deal(count, sizes, "scene", "task")
    assert dealt.shape == (count, len(sizes))
    for column, size in enumerate(sizes):
        counts = np.bincount(dealt[:, column], minlength=size)
        assert len(counts) == size
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("sizes", [(2, 2, 2), (2, 4), (3, 2)])
def test_factors_are_crossed(sizes: tuple[int, ...]) -> None:
    dealt = deal(4 * prod(sizes), sizes, "scene", "task")
    assert len({tuple(row) for row in dealt.tolist()}) == prod(sizes)


def test_letters_are_even_within_each_variant() -> None:
    for count in range(60):
        dealt = deal(count, (2, 2, 2), "scene", "task")
        for variant in (0, 1):
            letters = Counter(dealt[dealt[:, 0] == variant, 1].tolist())
            assert abs(letters[0] - letters[1]) <= 1


def test_the_odd_one_goes_by_the_key() -> None:
    first = [int(deal(1, (2,), f"scene{n}", "task")[0, 0]) for n in range(200)]
    assert 60 < sum(first) < 140
    assert first == [int(deal(1, (2,), f"scene{n}", "task")[0, 0]) for n in range(200)]


@pytest.mark.parametrize(
    ("available", "total", "expected"),
    [
        ([], 5, []),
        ([3, 0, 10, 50], 20, [3, 0, 9, 8]),
        ([1, 1, 1], 10, [1, 1, 1]),
        ([100, 100], 7, [4, 3]),
    ],
)
def test_quotas_are_equal_and_unused_ones_passed_on(available: list[int], total: int, expected: list[int]) -> None:
    quotas = equal_quotas(available, total)
    assert sorted(quotas) == sorted(expected)
    assert all(quota <= size for quota, size in zip(quotas, available, strict=True))


def test_round_robin_takes_turns() -> None:
    assert round_robin(["a", "a", "a", "b", "c", "b"], 5).tolist() == [0, 3, 4, 1, 5]
    assert round_robin([], 3).tolist() == []


def test_least_used_first() -> None:
    uses: Counter = Counter({1: 1})
    keys = [(1, "p"), (2, "p"), (2, "q"), (3, "p")]
    assert take_least_used(keys, 3, uses) == [1, 3, 0]  # the unused frames 2 and 3, then the first
    assert uses[3] == 1


def test_far_apart_keeps_a_distance() -> None:
    xy = np.array([[0, 0], [3, 0], [10, 0], [10, 9], [50, 50]])
    assert far_apart(xy, 9, 10) == [0, 2, 3, 4]
    assert far_apart(xy, 9, 2) == [0, 2]
    assert far_apart(np.empty((0, 2), dtype=int), 9, 2) == []


def test_who_gets_one_more_depends_on_scene_and_task() -> None:
    one = [tuple(equal_quotas([9] * 10, 13, f"scene{n}", "task")) for n in range(40)]
    assert {sum(quotas) for quotas in one} == {13}
    assert all(set(quotas) == {1, 2} for quotas in one)
    totals = [sum(column) for column in zip(*one, strict=True)]
    assert max(totals) - min(totals) < 20


def test_the_rarest_stratum_is_not_favoured_when_little_is_wanted() -> None:
    chosen = Counter(equal_quotas([1, 50, 50, 50], 1, f"scene{n}").index(1) for n in range(200))
    assert all(30 <= chosen[stratum] <= 70 for stratum in range(4))
