"""Cameras of Structured3D: ``camera_pose.txt`` of perspective views and ``camera_xyz.txt`` of panoramas, millimetres.

Source: the dataset's ``data_organization.md``. Its helper ``parse_camera_info`` is not followed: the rows it returns
are right, up and forward, a left-handed matrix, and it cuts the focal lengths down to whole pixels. Panoramas look
along +y: that is where its ``misc/panorama.py`` puts the middle of the image, though the text says -y.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.types import Camera
from ._poses import judge_poses, stated_numbers

__all__ = ["MISSING", "NO_VIEW", "UNREADABLE", "WRONG_FIELD_OF_VIEW", "panorama_camera", "perspective_camera"]

MISSING: Final = "no readable camera file"
UNREADABLE: Final = "camera file cut short or unreadable"
NO_VIEW: Final = "camera direction and up do not make a view"
WRONG_FIELD_OF_VIEW: Final = "field of view not between 0 and 180 degrees"

_MILLIMETRES: Final = 1000.0
_PARALLEL: Final = 1e-3  # sine of the angle between direction and up, below which "up" says nothing
_LONGEST: Final = 1e6  # of a vector that is meant to be a direction; beyond, its square may not be finite

FloatArray = npt.NDArray[np.float64]


def perspective_camera(path: Path | None, width: int, height: int) -> Camera | str:
    """The camera of a perspective view, or why there is none.

    Args:
        path: of ``camera_pose.txt``: eye (mm), direction, up, half the fields of view (radians), 1.
        width: of the image, pixels.
        height: likewise.
    """
    if path is None:
        return MISSING
    values = stated_numbers(path, 12)
    if values is None:
        return UNREADABLE
    pose = np.eye(4)
    axes = _axes(values[3:6], values[6:9])
    if axes is None:
        return NO_VIEW
    pose[:3, :3] = axes
    half_x, half_y = values[9:11]
    if not (0 < half_x < math.pi / 2 and 0 < half_y < math.pi / 2):
        return WRONG_FIELD_OF_VIEW
    # The fields of view reach to the outer edges of the outermost pixels.
    intrinsics = np.array(
        [
            [width / 2 / math.tan(half_x), 0.0, (width - 1) / 2],
            [0.0, height / 2 / math.tan(half_y), (height - 1) / 2],
            [0.0, 0.0, 1.0],
        ]
    )
    return _at(pose, values[:3], lambda exact: Camera(intrinsics, exact, width, height))


def panorama_camera(path: Path | None, width: int, height: int) -> Camera | str:
    """The camera of a panorama, or why there is none.

    Args:
        path: of ``camera_xyz.txt``: where it stands, mm.
        width: of the image, 360 degrees.
        height: likewise, 180 degrees.
    """
    if path is None:
        return MISSING
    values = stated_numbers(path, 3)
    if values is None:
        return UNREADABLE
    pose = np.eye(4)
    pose[:3, :3] = np.column_stack([(1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)])  # right, down, forward
    intrinsics = np.array(
        [
            [width / math.tau, 0.0, (width - 1) / 2],
            [0.0, height / math.pi, (height - 1) / 2],
            [0.0, 0.0, 1.0],
        ]
    )
    return _at(pose, values, lambda exact: Camera(intrinsics, exact, width, height, "equirectangular"))


def _axes(direction: Sequence[float], up: Sequence[float]) -> FloatArray | None:
    """(3, 3) with right, down and forward as columns; None where the two vectors do not give them."""
    vectors = np.array([direction, up])
    if not np.isfinite(vectors).all() or np.abs(vectors).max() > _LONGEST:
        return None
    lengths = np.linalg.norm(vectors, axis=1)
    right = np.cross(vectors[0], vectors[1])
    length = float(np.linalg.norm(right))
    if not length > _PARALLEL * float(lengths.prod()):
        return None
    forward, right = vectors[0] / lengths[0], right / length
    return np.column_stack([right, np.cross(forward, right), forward])


def _at(pose: FloatArray, eye: Sequence[float], make: Callable[[FloatArray], Camera]) -> Camera | str:
    pose[:3, 3] = np.array(eye) / _MILLIMETRES
    exact, verdicts, reasons = judge_poses(pose[None])
    return reasons[int(verdicts[0]) - 1] if verdicts[0] else make(exact[0])
