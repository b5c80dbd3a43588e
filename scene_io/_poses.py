"""Poses from files, and which of them can be used.

A pose is usable when it is finite, rigid and in a sane range; usable ones are made exactly orthonormal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError

__all__ = [
    "NOT_FINITE",
    "NOT_RIGID",
    "OUT_OF_RANGE",
    "judge_poses",
    "nearest_rigid",
    "numbers_in",
    "read_matrix",
    "stated_numbers",
]

NOT_FINITE: Final = "pose not finite"
NOT_RIGID: Final = "pose not rigid"
OUT_OF_RANGE: Final = "pose out of range"

MAX_DETERMINANT_ERROR: Final = 1e-2  # design: geometry, "Frames of reference"
MAX_SKEW: Final = 2e-2
"""Largest entry of R'R - I. Sheared or scaled axes can hide behind a determinant of 1; 1 % in length makes 2 % here."""
MAX_DISTANCE: Final = 1000.0
"""Metres from the origin. No indoor scan is a kilometre wide; a pose there is a failure of tracking."""
_LAST_ROW_TOLERANCE: Final = 1e-3


def numbers_in(text: str) -> list[float]:
    """All numbers of a text; ``-1.#INF`` and ``1.#QNAN``, as older Windows tools wrote them, are not finite.

    Raises:
        ValueError: when a word is not a number.
    """
    return [float("nan") if "#" in word else float(word) for word in text.replace(",", " ").split()]


def stated_numbers(path: Path, *counts: int) -> list[float] | None:
    """The numbers of a file that holds one of these many, else None: one cut file costs a frame, not a scene."""
    try:
        values = numbers_in(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None
    return values if len(values) in counts else None


def read_matrix(path: Path) -> npt.NDArray[np.float64]:
    """The square matrix (3, 3) or (4, 4) in a text file.

    Raises:
        SceneError: when the file is missing or holds anything else.
    """
    try:
        values = numbers_in(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SceneError(
            f"cannot be read ({error.strerror})", path=path, remedy="copy it from the dataset again"
        ) from None
    except ValueError:
        values = []
    if len(values) not in (9, 16):
        raise SceneError(
            "does not hold a matrix of 3 x 3 or 4 x 4 numbers", path=path, remedy="copy it from the dataset again"
        )
    side = 3 if len(values) == 9 else 4
    return np.array(values).reshape(side, side)


def judge_poses(
    poses: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int8], tuple[str, ...]]:
    """Which poses can be used, and those made orthonormal.

    Args:
        poses: (n, 4, 4) camera_to_world as stored, metres.

    Returns:
        (n, 4, 4) poses, rigid where usable; (n,) verdicts, 0 usable, else 1 + index into the reasons; the reasons.
    """
    reasons = (NOT_FINITE, NOT_RIGID, OUT_OF_RANGE)
    verdict = np.zeros(len(poses), np.int8)
    finite: npt.NDArray[np.bool_] = np.asarray(np.isfinite(poses).all(axis=(1, 2)))
    verdict[~finite] = 1
    safe = np.where(finite[:, None, None], poses, np.eye(4))
    # Bound before multiplying: 1e300 is finite, its square is not.
    sane = np.abs(safe[:, :3, :3]).max(axis=(1, 2), initial=0.0) <= 2.0
    rotation = np.where(sane[:, None, None], safe[:, :3, :3], 0.0)
    skew = np.abs(np.swapaxes(rotation, 1, 2) @ rotation - np.eye(3)).max(axis=(1, 2), initial=0.0)
    last_row = np.abs(safe[:, 3] - (0.0, 0.0, 0.0, 1.0)).max(axis=1, initial=0.0)
    rigid = (
        (np.abs(np.linalg.det(rotation) - 1.0) < MAX_DETERMINANT_ERROR)
        & (skew < MAX_SKEW)
        & (last_row < _LAST_ROW_TOLERANCE)
    )
    verdict[finite & ~rigid] = 2
    far = np.abs(safe[:, :3, 3]).max(axis=1, initial=0.0) > MAX_DISTANCE
    verdict[(verdict == 0) & far] = 3
    usable = verdict == 0
    exact = safe.copy()
    exact[usable] = nearest_rigid(safe[usable])
    return exact, verdict, reasons


def nearest_rigid(poses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n, 4, 4) poses with each rotation replaced by the nearest orthonormal one (by singular value decomposition)."""
    u, _, vt = np.linalg.svd(poses[:, :3, :3])
    exact = poses.copy()
    exact[:, :3, :3] = u @ vt
    exact[:, 3] = (0.0, 0.0, 0.0, 1.0)
    return exact
