"""Pairs of frames: in range, in both orders, evenly over overlap."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from spatialgen.core.overlap import Overlap
from spatialgen.engines.frame_pairs import FramePairs, PairParameters, overlapping_pairs, spread_over_bins


def geometry_with(iou: np.ndarray) -> SimpleNamespace:
    return SimpleNamespace(overlap=Overlap(iou.astype(np.float32), (iou * 1.5).clip(0, 1).astype(np.float32)))


def random_overlaps(frames: int, seed: int = 0) -> np.ndarray:
    upper = np.triu(np.random.default_rng(seed).beta(1, 6, (frames, frames)), 1)
    upper[upper < 0.02] = 0
    return upper + upper.T + np.eye(frames)


def pairs_of(iou: np.ndarray, **options: float) -> tuple[FramePairs, Counter]:
    return overlapping_pairs(geometry_with(iou), PairParameters(**options), np.random.default_rng(0))  # type: ignore[arg-type]


@pytest.mark.parametrize(("least", "most"), [(0.06, 0.35), (0.0, 0.06), (0.35, 1.0)])
def test_every_pair_in_range_is_there_in_both_orders(least: float, most: float) -> None:
    iou = random_overlaps(30)
    pairs, reasons = pairs_of(iou, least_overlap=least, most_overlap=most)
    wanted = {(i, j) for i in range(30) for j in range(30) if i != j and iou[i, j] > 0 and least <= iou[i, j] <= most}
    assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == wanted
    assert len(pairs) == len(wanted)
    assert len(wanted) // 2 + reasons.total() == 30 * 29 // 2
    np.testing.assert_allclose(pairs.iou, iou[pairs.first, pairs.second], atol=1e-6)


def test_strata_are_one_percent_wide() -> None:
    pairs, _ = pairs_of(random_overlaps(40))
    low = 0.06 + 0.01 * pairs.stratum
    assert (pairs.iou >= low - 1e-6).all()
    assert (pairs.iou <= low + 0.01 + 1e-6).all()
    assert pairs.stratum.max() == 28


def test_bins_get_equal_shares_and_no_frame_dominates() -> None:
    iou = random_overlaps(60)
    pairs, _ = pairs_of(iou)
    uses: Counter = Counter()
    chosen = spread_over_bins(pairs, np.arange(len(pairs)), 116, uses, np.random.default_rng(1))
    assert len(set(chosen.tolist())) == 116
    assert set(Counter(pairs.stratum[chosen].tolist()).values()) == {4}
    frames = Counter([*pairs.first[chosen].tolist(), *pairs.second[chosen].tolist()])
    assert max(frames.values()) <= 3 * 2 * 116 / 60


def test_small_bins_pass_their_quota_on() -> None:
    iou = np.eye(12)
    iou[0, 1] = iou[1, 0] = 0.065
    for i in range(2, 11):
        iou[i, i + 1] = iou[i + 1, i] = 0.305
    pairs, _ = pairs_of(iou)
    chosen = spread_over_bins(pairs, np.arange(len(pairs)), 10, Counter(), np.random.default_rng(0))
    assert Counter(pairs.stratum[chosen].tolist()) == {0: 2, 24: 8}


def test_nothing_to_choose_from() -> None:
    pairs, reasons = pairs_of(np.eye(3))
    assert reasons == {"frames share nothing": 3}
    assert len(spread_over_bins(pairs, np.arange(0), 5, Counter(), np.random.default_rng(0))) == 0
    assert len(pairs_of(np.eye(1))[0]) == 0


def test_overlap_range_must_not_be_empty() -> None:
    with pytest.raises(ValueError, match="below"):
        PairParameters(least_overlap=0.4, most_overlap=0.3)
