"""Wrong options: strictly false, and not to be told by their pattern."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product
from typing import Literal

import numpy as np
import pytest

from spatialgen.core.rounding import half_up
from spatialgen.engines.distractors import LEAST_APART, STEP, wrong_numbers, wrong_relations


@pytest.mark.parametrize(("kind", "widest"), [("ladder", STEP[1] ** 3), ("ranges", 2.0)])
@pytest.mark.parametrize("decimals", [1, 2])
def test_wrong_numbers_differ_by_enough_as_they_are_written(
    decimals: int, kind: Literal["ladder", "ranges"], widest: float
) -> None:
    rng = np.random.default_rng(0)
    ranks: Counter[int] = Counter()
    for truth in np.linspace(1.0, 6.0, 400):
        wrong = wrong_numbers(float(truth), rng, decimals=decimals, kind=kind)
        assert wrong is not None
        texts = [f"{number:.{decimals}f}" for number in (truth, *wrong)]
        shown = sorted(float(text) for text in texts)
        assert all(b - a > LEAST_APART * a for a, b in pairwise(shown))
        half = 0.5 * 10.0**-decimals
        assert all(truth / widest - half <= number <= widest * truth + half for number in wrong)
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


def test_the_right_number_is_not_to_be_told_from_the_options_alone() -> None:
    """Guesses that see four numbers and know how they were made are right as often as by chance."""
    rng = np.random.default_rng(1)
    hits: Counter[str] = Counter()
    count = 0
    for truth in np.exp(rng.uniform(np.log(0.6), np.log(6.0), 4000)):
        wrong = wrong_numbers(float(truth), rng, decimals=1)
        if wrong is None:
            continue
        shown = half_up(float(truth), 1)
        options = np.array(sorted((shown, *wrong)))
        right = int(np.argmin(np.abs(options - shown)))
        spread = [max(options[-1] / one, one / options[0]) for one in options]
        count += 1
        hits["middle by ratio"] += right == int(np.argmin(spread))
        hits["nearest to the mean"] += right == int(np.argmin(np.abs(options - options.mean())))
        hits["nearest to the median"] += right == int(np.argmin(np.abs(options - np.median(options))))
        hits.update({f"rank {right}": 1})
    assert count > 3000
    assert len(hits) == 7
    assert all(0.21 < hit / count < 0.29 for hit in hits.values()), hits


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


@pytest.mark.parametrize("truth", [t for t in product((-1.0, 0.0, 1.0), repeat=3) if np.count_nonzero(t) >= 2])
def test_a_kept_axis_is_right_in_every_option_where_two_others_are_decided(truth: tuple[float, ...]) -> None:
    wrong = wrong_relations(truth, np.random.default_rng(0), kept=1)
    assert wrong is not None
    assert len({truth, *wrong}) == 4
    alike = all(option[1] == truth[1] for option in wrong)
    assert alike == (truth[1] == 0 or bool(truth[0] and truth[2]))


def test_a_relation_on_one_axis_has_too_few_wrong_ones() -> None:
    assert wrong_relations((0.0, 1.0, 0.0), np.random.default_rng(0)) is None
