"""Pairs of frames that share a part of what they show, evenly over how much that is.

Overlap is the share of the scene's points that both see, of those either sees (docs/conventions.md, "Overlap").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from .base import Parameters
from .sampling import equal_quotas, take_least_used

if TYPE_CHECKING:
    from ..core.geometry import SceneGeometry

__all__ = ["FramePairs", "PairParameters", "overlapping_pairs", "spread_over_bins"]

_PAIRS_KEPT: Final = 200_000  # of a scene; thousands of frames make millions, and no run asks for that many rows of one
_CHOICES: Final = 6  # candidates looked at for each one that is chosen, so that frames and pairs can take turns


class PairParameters(Parameters):
    """What every engine that shows two overlapping frames can be told."""

    least_overlap: float = Field(0.06, ge=0, lt=1, description="smallest overlap of the two frames, a fraction")
    most_overlap: float = Field(0.35, gt=0, le=1, description="largest overlap of the two frames, a fraction")
    overlap_bin: float = Field(0.01, ge=0.001, le=1, description="width of the overlap strata that get equal shares")

    @model_validator(mode="after")
    def _ordered(self) -> PairParameters:
        if self.least_overlap >= self.most_overlap:
            raise ValueError("least_overlap must be below most_overlap")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class FramePairs:
    """Ordered pairs of frames, each pair in both orders; (k,) each.

    Attributes:
        first, second: indices into the scene's frames.
        stratum: which overlap bin, from 0.
        iou, minimum: overlap by union and by the smaller frame.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    stratum: npt.NDArray[np.int64]
    iou: npt.NDArray[np.float64]
    minimum: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)


def overlapping_pairs(
    geometry: SceneGeometry, parameters: PairParameters, rng: np.random.Generator
) -> tuple[FramePairs, Counter[str]]:
    """All pairs of frames with an overlap in range, in both orders, and why the others are left out.

    Frames that share nothing are never a pair. Of very long scenes, equal random parts of every stratum are kept.
    """
    overlap = geometry.overlap
    if len(overlap.iou) < 2:
        reasons = Counter({"fewer than two frames": 1})
        nothing, none = np.zeros(0, dtype=np.int64), np.zeros(0)
        return FramePairs(nothing, nothing, nothing, none, none), reasons
    first, second = np.triu_indices(len(overlap.iou), 1)
    iou = overlap.iou[first, second].astype(np.float64)
    inside = (iou > 0) & (iou >= parameters.least_overlap) & (iou <= parameters.most_overlap)
    reasons = Counter(
        {
            "frames share nothing": int(np.count_nonzero(iou == 0)),
            "overlap out of range": int(np.count_nonzero((iou > 0) & ~inside)),
        }
    )
    first, second, iou = first[inside], second[inside], iou[inside]
    bins = max(1, round((parameters.most_overlap - parameters.least_overlap) / parameters.overlap_bin))
    # The upper edge belongs to the last bin.
    stratum = np.minimum(((iou - parameters.least_overlap) / parameters.overlap_bin + 1e-9).astype(np.int64), bins - 1)
    if len(first) > _PAIRS_KEPT:
        order = rng.permutation(len(first))
        members = [order[stratum[order] == s] for s in range(bins)]
        quotas = equal_quotas([len(m) for m in members], _PAIRS_KEPT)
        kept = np.sort(np.concatenate([m[:quota] for m, quota in zip(members, quotas, strict=True)]))
        reasons["more pairs than are looked at"] += len(first) - len(kept)
        first, second, iou, stratum = first[kept], second[kept], iou[kept], stratum[kept]
    minimum = overlap.minimum[first, second].astype(np.float64)
    pairs = FramePairs(
        np.concatenate([first, second]),
        np.concatenate([second, first]),
        np.tile(stratum, 2),
        np.tile(iou, 2),
        np.tile(minimum, 2),
    )
    return pairs, +reasons


def spread_over_bins(
    pairs: FramePairs,
    candidates: npt.NDArray[np.int64],
    limit: int,
    uses: Counter[Hashable],
    rng: np.random.Generator,
    *key: str,
) -> npt.NDArray[np.int64]:
    """At most ``limit`` of some pairs: equal shares of every overlap bin, frames and pairs taking turns; shuffled.

    Args:
        pairs: of the scene.
        candidates: indices into them.
        limit: wanted, at most.
        uses: how often frames and pairs were chosen already; updated.
        rng: decides among equals.
        key: scene and task, which decide what bins the remainder goes to.
    """
    shuffled = rng.permutation(candidates)
    stratum = pairs.stratum[shuffled]
    groups = [shuffled[stratum == s] for s in np.unique(stratum)]
    quotas = equal_quotas([len(group) for group in groups], limit, *key)
    chosen: list[npt.NDArray[np.int64]] = []
    for quota, group in sorted(zip(quotas, groups, strict=True), key=lambda pair: len(pair[1])):
        some = group[: _CHOICES * quota]
        keys = [
            (one, other, (min(one, other), max(one, other)))
            for one, other in zip(pairs.first[some].tolist(), pairs.second[some].tolist(), strict=True)
        ]
        chosen.append(some[take_least_used(keys, quota, uses)])
    return rng.permutation(np.concatenate(chosen)) if chosen else shuffled[:0]
