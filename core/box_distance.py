"""Distances of upright boxes, exactly: from places, and between each two.

All boxes of a scene share the vertical, so that two of them are as far apart as their heights and their floor
rectangles are. Rectangles that do not meet are nearest at a corner of one of them; they meet unless a side of one
separates them (S. Gottschalk et al., "OBBTree", 1996).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .extents import ObjectBoxes

__all__ = ["box_gaps", "place_gaps"]

FloatArray = npt.NDArray[np.float64]

_CORNERS = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]], dtype=np.float64)


def place_gaps(boxes: ObjectBoxes, places: npt.ArrayLike) -> FloatArray:
    """(k, n), metres, from places (k, 3), world frame, to n instances' boxes; 0 inside, nan where there is none."""
    points = np.asarray(places, dtype=np.float64)
    local = np.einsum("nac,knc->kna", boxes.axes, points[:, None] - boxes.centre)
    return np.asarray(np.linalg.norm(np.maximum(np.abs(local) - boxes.size / 2, 0.0), axis=2))


def box_gaps(boxes: ObjectBoxes) -> FloatArray:
    """(n, n), metres, between the boxes of n instances; 0 where two meet, nan where there is none."""
    half = boxes.size / 2
    corner = (_CORNERS * half[:, None, :2])[..., None] * boxes.axes[:, None, :2]
    corners = boxes.centre[:, None] + corner.sum(axis=2)  # (n, 4, 3) of the rectangle at half height
    # Corners of the box of row i in the rectangle of column j: (n, n, 4, 2).
    local = np.einsum("jac,ijkc->ijka", boxes.axes[:, :2], corners[:, None] - boxes.centre[None, :, None])
    level = np.linalg.norm(np.maximum(np.abs(local) - half[:, None, :2], 0.0), axis=3).min(axis=2)
    apart = ((local.min(axis=2) > half[:, :2]) | (local.max(axis=2) < -half[:, :2])).any(axis=2)
    level = np.where(apart | apart.T, np.minimum(level, level.T), 0.0)
    height = np.einsum("nc,nc->n", boxes.axes[:, 2], boxes.centre)  # the vertical is the same for all
    upright = np.maximum(np.abs(height[:, None] - height) - half[:, None, 2] - half[:, 2], 0.0)
    return np.asarray(np.hypot(level, upright) + 0.0 * (boxes.size[:, None, 0] + boxes.size[:, 0]))
