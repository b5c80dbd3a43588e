"""Boxes that an answer tells by numbers, and how large they must be for the numbers to mean something."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..base import Parameters

__all__ = ["ToldBoxParameters", "are_told"]


class ToldBoxParameters(Parameters):
    """What decides which boxes are told by numbers, and not only offered among others."""

    # The overlap (by union) of two boxes a little apart falls with the sum of error / width and error / height. In
    # scans that are 1 to 3 cm off, it stays above 0.8 for 98 % of the boxes from this size on.
    least_told_size: float = Field(
        100.0,
        ge=0,
        lt=500,
        description="width times height over their sum, in thousandths of the image's width, of a box told by numbers",
    )


def are_told(
    boxes: npt.NDArray[np.floating[Any]], widths: npt.ArrayLike, parameters: ToldBoxParameters
) -> npt.NDArray[np.bool_]:
    """Whether boxes are large enough to be told by numbers.

    Args:
        boxes: (..., 4), x1, y1, x2, y2 in pixels.
        widths: (...), of the images they are in.
        parameters: limits.
    """
    size = boxes[..., 2:].astype(np.float64) - boxes[..., :2]
    least = parameters.least_told_size * np.asarray(widths)
    return np.asarray(1000.0 * size.prod(axis=-1) >= least * size.sum(axis=-1))
