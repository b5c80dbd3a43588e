"""Rotations from quaternions, as trajectory files state them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["poses_from"]

_MAX_LENGTH_ERROR: Final = 1e-2  # with two digits behind the point


def poses_from(
    quaternions_xyzw: npt.NDArray[np.float64], translations: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(n, 4, 4) rigid transforms from (n, 4) quaternions x y z w and (n, 3) translations, the first made of length 1.

    A quaternion that is not finite, or not of length 1 as far as its printed digits go, gives a transform that is not
    finite: some of its numbers were lost.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        length = np.linalg.norm(quaternions_xyzw, axis=1, keepdims=True)
        unit = np.where(np.abs(length - 1.0) < _MAX_LENGTH_ERROR, quaternions_xyzw / length, np.nan)
        x, y, z, w = unit.T
        rows = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    poses = np.tile(np.eye(4), (len(quaternions_xyzw), 1, 1))
    poses[:, :3, :3] = np.moveaxis(np.array(rows), 2, 0)
    poses[:, :3, 3] = translations
    return poses
