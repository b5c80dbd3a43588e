"""Sets of frames that hardly overlap: legal, connected where possible, spread evenly, never twice."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest

from spatialgen.core.overlap import Overlap
from spatialgen.engines.view_sets import ViewSetParameters, ViewSets


def sets_of(iou: np.ndarray, seed: int = 0, **options) -> ViewSets:
    geometry = SimpleNamespace(
        overlap=Overlap(iou.astype(np.float32), iou.astype(np.float32)), scene=SimpleNamespace(frames=range(len(iou)))
    )
    return ViewSets(geometry, ViewSetParameters(**options), np.random.default_rng(seed))  # type: ignore[arg-type]


def random_overlaps(frames: int, seed: int = 0) -> np.ndarray:
    upper = np.triu(np.random.default_rng(seed).beta(1, 3, (frames, frames)), 1)
    upper[upper < 0.05] = 0
    return upper + upper.T + np.eye(frames)


def grown(sets: ViewSets, frames: int, count: int) -> list[tuple[int, ...]]:
    rng = np.random.default_rng(1)
    found = [sets.grow(rng.choice(frames, 2, replace=False).tolist(), key="task") for _ in range(count)]
    return [some for some in found if some is not None]


def test_every_pair_of_every_set_stays_below_the_limit():
    iou = random_overlaps(30)
    sets = sets_of(iou)
    found = grown(sets, 30, 300)
    assert len(found) > 100
    for frames in found:
        worst = max(iou[i, j] for i, j in combinations(frames, 2))
        assert worst < 0.30
        assert sets.max_overlap(frames) == pytest.approx(worst, abs=1e-6)
        mean = np.mean([iou[i, j] for i, j in combinations(frames, 2)])
        assert sets.mean_overlap(frames) == pytest.approx(mean, abs=1e-6)
        assert sets.stratum(frames) == int(mean >= 0.1) + int(mean >= 0.2)


def test_no_set_is_given_twice_for_the_same_purpose():
    iou = 0.1 * np.ones((4, 4)) + 0.9 * np.eye(4)
    sets = sets_of(iou)
    found = [sets.grow([0], 3, key="one") for _ in range(12)]
    assert sorted(sorted(some) for some in found if some) == [[0, 1, 2], [0, 1, 3], [0, 2, 3]]
    assert sets.grow([0], 3, key="one") is None
    assert sets.grow([0], 3, key="other") is not None


def test_sizes_get_equal_shares_and_orders_are_mixed():
    found = grown(sets_of(random_overlaps(60)), 60, 250)
    sizes = Counter(map(len, found))
    assert set(sizes) == {2, 3, 4, 5}
    assert max(sizes.values()) - min(sizes.values()) <= 0.35 * len(found) / 4
    rising = sum(list(frames) == sorted(frames) for frames in found if len(frames) == 2)
    assert 0.3 < rising / sizes[2] < 0.7


def test_strata_of_mean_overlap_are_evened_out():
    iou = random_overlaps(60)
    some = grown(sets_of(iou, mean_overlap_bins=(0.0,)), 60, 250)
    even = grown(sets_of(iou), 60, 250)
    judge = sets_of(iou)

    def least(found: list[tuple[int, ...]]) -> float:
        return min(Counter(judge.stratum(frames) for frames in found).values()) / len(found)

    assert least(even) > 1.3 * least(some)


def test_frames_share_something_where_the_scene_allows_it():
    """Two islands of three frames: a set of three stays on its island, one of four cannot."""
    iou = np.kron(np.eye(2), 0.1 * np.ones((3, 3)))
    np.fill_diagonal(iou, 1.0)
    sets = sets_of(iou)
    for _ in range(3):
        frames = sets.grow([0], 3)
        if frames is not None:
            assert sorted(frames) == [0, 1, 2]
    frames = sets.grow([0], 4)
    assert frames is not None
    assert {0, 1, 2} < set(frames)


def test_preferred_frames_come_first():
    iou = 0.1 * np.ones((8, 8)) + 0.9 * np.eye(8)
    prefer = np.zeros(8)
    prefer[[3, 5]] = 1
    frames = sets_of(iou).grow([0], 3, prefer)
    assert frames is not None
    assert sorted(frames) == [0, 3, 5]
    frames = sets_of(iou).grow([0], 4, prefer)
    assert frames is not None
    assert {0, 3, 5} < set(frames)
    with pytest.raises(ValueError, match="not negative"):
        sets_of(iou).grow([0], 3, -prefer)


def test_what_cannot_be_is_none():
    iou = np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 0]], dtype=float)  # the last frame sees nothing
    sets = sets_of(iou)
    assert not sets.compatible.any()
    assert sets.grow([0, 1]) is None
    assert sets.grow([0, 2]) is None
    assert sets.grow([0]) is None
    assert sets.grow([0], 1) == (0,)
    assert sets_of(np.zeros((0, 0))).compatible.shape == (0, 0)
    assert sets_of(np.ones((1, 1))).grow([0]) is None


def test_a_set_taken_back_can_be_given_again():
    sets = sets_of(0.1 * np.ones((2, 2)) + 0.9 * np.eye(2))
    first = sets.grow([0], 2, key="task")
    assert first is not None
    assert sets.grow([0], 2, key="task") is None
    sets.take_back(first, "task")
    assert sets.grow([0], 2, key="task") is not None


def test_exactly_the_limit_is_too_much():
    iou = np.array([[1, 0.25], [0.25, 1]])
    assert sets_of(iou, most_overlap=0.25).grow([0, 1]) is None
    assert sets_of(iou, most_overlap=0.26).grow([0, 1]) is not None


def test_same_generator_same_sets():
    iou = random_overlaps(20)
    assert grown(sets_of(iou), 20, 40) == grown(sets_of(iou), 20, 40)
    assert grown(sets_of(iou), 20, 40) != grown(sets_of(iou, seed=1), 20, 40)


def test_evidence_is_in_the_order_shown():
    iou = random_overlaps(12)
    sets = sets_of(iou)
    frames = sets.grow([4], 3)
    assert frames is not None
    evidence = sets.evidence(frames)
    assert np.array(evidence["overlap_matrix"]) == pytest.approx(iou[np.ix_(frames, frames)], abs=1e-5)
    assert evidence["max_overlap"] == pytest.approx(sets.max_overlap(frames), abs=1e-6)


@pytest.mark.parametrize(
    "wrong", [{"smallest_set": 4, "largest_set": 3}, {"mean_overlap_bins": (0.1, 0.2)}, {"most_overlap": 0}]
)
def test_parameters_are_checked(wrong):
    with pytest.raises(ValueError):
        ViewSetParameters(**wrong)
