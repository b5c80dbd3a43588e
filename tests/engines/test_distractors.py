"""Wrong options: strictly false, and not to be told by their pattern."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product

import numpy as np
import pytest

from spatialgen.engines.distractors import LEAST_APART, wrong_numbers, wrong_relations


@pytest.mark.parametrize("decimals", [1, 2])
def test_wrong_numbers_differ_by_enough_as_they_are_written(decimals: int) -> None:
    rng = np.random.default_rng(0)
    ranks: Counter[int] = Counter()
    for truth in np.linspace(0.8, 6.0, 400):
        wrong = wrong_numbers(float(truth), rng, decimals=decimals)
        assert wrong is not None
        texts = [f"{number:.{decimals}f}" for number in (truth, *wrong)]
        shown = sorted(float(text) for text in texts)
        assert all(b - a > LEAST_APART * a for a, b in pairwise(shown))
        half = 0.5 * 10.0**-decimals
        assert all(0.5 * truth - half <= number <= 2.0 * truth + half for number in wrong)
        ranks[sorted(shown).index(float(texts[0]))] += 1
    assert set(ranks) == {0, 1, 2, 3}
    assert min(ranks.values()) > 70


@pytest.mark.parametrize(("truth", "written"), [(0.25, 0.3), (0.75, 0.8), (1.25, 1.3), (3.5, 3.5)])
def test_wrong_numbers_keep_away_from_what_is_written_of_the_truth(truth: float, written: float) -> None:
    """Halves are written upwards; 4.2 is not more than 20 % above 3.5."""
    rng = np.random.default_rng(0)
    found = {number for _ in range(300) for number in wrong_numbers(truth, rng, decimals=1, count=1) or ()}
    assert found
    assert all(max(number, written) > (1 + LEAST_APART) * min(number, written) + 1e-6 for number in found)


def test_numbers_too_small_to_be_told_apart_have_no_wrong_ones() -> None:
    assert wrong_numbers(0.14, np.random.default_rng(0), decimals=1) is None
    assert wrong_numbers(0.14, np.random.default_rng(0), decimals=0, scale=100.0) is not None


@pytest.mark.parametrize("truth", [t for t in product((-1.0, 0.0, 1.0), repeat=3) if np.count_nonzero(t) >= 2])
def test_wrong_relations_are_false_and_do_not_follow_from_one_another(truth: tuple[float, ...]) -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(200):
        wrong = wrong_relations(truth, rng)
        assert wrong is not None
        options = [truth, *wrong]
        assert len(set(options)) == 4
        seen.update(wrong)
        for option in wrong:
            assert [sign == 0 for sign in option] == [sign == 0 for sign in truth]
            assert any(a == -b != 0 for a, b in zip(option, truth, strict=True))
        for axis in range(3):  # no word has the majority
            assert sum(option[axis] for option in options) in (0, 4 * truth[axis])
    assert len(seen) == 2 ** np.count_nonzero(truth) - 1


def test_a_relation_on_one_axis_has_too_few_wrong_ones() -> None:
    assert wrong_relations((0.0, 1.0, 0.0), np.random.default_rng(0)) is None
