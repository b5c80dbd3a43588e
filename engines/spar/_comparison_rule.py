"""When one of several distances is clearly the smallest or the largest, and when two are about equal."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ._told_boxes import ToldBoxParameters

__all__ = ["EQUAL", "FARTHEST", "NEAREST", "Rule"]

NEAREST: Final = 0
FARTHEST: Final = 1
EQUAL: Final = 2
"""Kinds of questions: which is the nearest, the farthest, or neither of two."""

_LEAST_DIFFERENCE: Final = 1e-3  # metres; so that margins of distances that are the same are numbers


class Rule(ToldBoxParameters):
    """What decides a comparison of distances, and which objects a box tells of."""

    least_gap: float = Field(
        0.15, gt=0, description="metres between the distance asked for and the next one, at least, and"
    )
    least_gap_share: float = Field(
        0.10, gt=0, lt=1, description="share of the larger of these two distances that is between them, at least"
    )
    most_equal_gap: float = Field(
        0.0, ge=0, description="metres by which two distances differ that are offered as about equal, less than, or"
    )
    most_equal_share: float = Field(
        0.05, ge=0, lt=1, description="share of the larger by which distances that are about equal differ, less than"
    )
    least_distance: float = Field(
        0.20, gt=0, description="metres between objects, or from the camera, that are compared, at least"
    )

    @model_validator(mode="after")
    def _told_apart(self) -> Rule:
        if self.most_equal_gap > self.least_gap or self.most_equal_share >= self.least_gap_share:
            raise ValueError("what is about equal must differ less than what is not")
        return self

    def judged(self, distances: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """How clear comparisons are, asked in each way.

        Args:
            distances: (k, m), metres, m at least 2.

        Returns:
            (3, k) margins for the nearest, the farthest and, of two, for being equal: quantity / threshold, so that
            1 is just legal; and (3, k) columns of what is asked for (the first, where two are equal).
        """
        count = len(distances)
        order = np.argsort(distances, axis=1, kind="stable")
        ranked = np.take_along_axis(distances, order, axis=1)
        chosen = np.stack([order[:, 0], order[:, -1], np.zeros(count, dtype=np.int64)])
        gaps = np.stack([ranked[:, 1] - ranked[:, 0], ranked[:, -1] - ranked[:, -2]])
        larger = np.stack([ranked[:, 1], ranked[:, -1]])
        clear = gaps / np.maximum(self.least_gap, self.least_gap_share * larger)
        equal = np.zeros(count)
        if distances.shape[1] == 2:
            limit = np.maximum(self.most_equal_gap, self.most_equal_share * larger[0])
            equal = np.where(gaps[0] < limit, limit / np.maximum(gaps[0], _LEAST_DIFFERENCE), 0.0)
        return np.concatenate([clear, equal[None]]), chosen

    def thresholds(self, *, equal: bool) -> dict[str, float]:
        """The numbers that decided, as evidence keeps them."""
        found = {
            "least_gap_m": self.least_gap,
            "least_gap_share": self.least_gap_share,
            "least_distance_m": self.least_distance,
        }
        if equal:
            found |= {"most_equal_gap_m": self.most_equal_gap, "most_equal_share": self.most_equal_share}
        return found
