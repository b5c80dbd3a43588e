"""Trajectories in one text file: Redwood's ``.log``, a pose a line, ``cam.info.txt``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ._files import read_text
from ._poses import numbers_in
from ._quaternions import poses_from

__all__ = ["Trajectory", "lines_of", "read_info", "read_log", "read_rows"]

_REMEDY: Final = "copy or export it again"
_INFO_POSE: Final = re.compile(r"camera pose.* for frame-(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Poses in the order of a file.

    Attributes:
        path: of it.
        poses: (n, 4, 4) as stored.
        numbers: which frames they are of, where the file says.
        times: (n,) seconds, where the file says.
    """

    path: Path
    poses: npt.NDArray[np.float64]
    numbers: tuple[int, ...] | None = None
    times: npt.NDArray[np.float64] | None = None


def lines_of(path: Path) -> list[tuple[int, str]]:
    """Lines of a text file that say something, with their numbers from 1; ``#`` begins a comment.

    Raises:
        SceneError: when it cannot be read as text.
    """
    lines = read_text(path, remedy=_REMEDY).splitlines()
    found = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return [(number, line) for number, line in found if line and not line.startswith("#")]


def read_log(path: Path) -> Trajectory:
    """A ``.log`` of Redwood and Open3D: per record a line of three integers and a 4 x 4 matrix, camera to world.

    The integers are metadata. In a camera's trajectory the first is the frame's number, as Open3D writes them
    (``0 0 1``, ``1 1 2`` …); its own reader goes by order alone. Sources: "File Format" of the Redwood data sets and
    ``PinholeCameraTrajectoryIO`` of Open3D.

    Raises:
        SceneError: when a record is not complete, or two are of one frame.
    """
    lines = lines_of(path)
    if not lines or len(lines) % 5:
        what = f"is cut short: {len(lines)} lines are no whole number of records of five" if lines else "is empty"
        raise SceneError(what, path=path, remedy=_REMEDY)
    numbers, rows = [], []
    for at in range(0, len(lines), 5):
        number, line = lines[at]
        words = line.split()
        if len(words) != 3 or not all(word.isascii() and word.isdigit() for word in words):
            raise SceneError(f"line {number} is not the three integers that begin a record", path=path, remedy=_REMEDY)
        values = [_numbers(line, (4,), number, path) for number, line in lines[at + 1 : at + 5]]
        numbers.append(int(words[0]))
        rows.append(values)
    if len(set(numbers)) < len(numbers):
        raise SceneError("two records are of one frame", path=path, remedy=_REMEDY)
    return Trajectory(path, np.array(rows, np.float64), tuple(numbers))


def read_rows(path: Path) -> Trajectory:
    """One pose a line.

    16 numbers are a matrix, 12 its first three rows, 7 are tx ty tz qx qy qz qw, and 8 the same after a time.

    Raises:
        SceneError: when lines differ in length, or are none of these.
    """
    lines = lines_of(path)
    if not lines:
        raise SceneError("is empty", path=path, remedy=_REMEDY)
    first = len(lines[0][1].replace(",", " ").split())
    kinds = (7, 8, 12, 16)
    allowed = (first,) if first in kinds else kinds
    rows = np.array([_numbers(line, allowed, number, path) for number, line in lines], np.float64)
    if first in (12, 16):
        poses = np.tile(np.eye(4), (len(rows), 1, 1))
        poses[:, : first // 4] = rows.reshape(len(rows), -1, 4)
        return Trajectory(path, poses)
    times = rows[:, 0] if first == 8 else None
    if times is not None and not np.isfinite(times).all():
        raise SceneError("some times are not finite", path=path, remedy=_REMEDY)
    return Trajectory(path, poses_from(rows[:, -4:], rows[:, -7:-4]), times=times)


def read_info(path: Path) -> tuple[Trajectory, npt.NDArray[np.float64]]:
    """A ``cam.info.txt`` of the Amazon Picking Challenge: poses by frame, and the (3, 3) colour intrinsics.

    Raises:
        SceneError: when a matrix under its heading is not complete.
    """
    numbers, poses, intrinsics = [], [], None
    lines = read_text(path, remedy=_REMEDY).splitlines()
    for at, line in enumerate(lines):
        if not line.startswith("#"):
            continue
        if "color camera intrinsic" in line.lower():
            intrinsics = np.array([_numbers(row, (3,), at + 2 + i, path) for i, row in enumerate(_block(lines, at, 3))])
        elif match := _INFO_POSE.search(line):
            numbers.append(int(match[1]))
            poses.append([_numbers(row, (4,), at + 2 + i, path) for i, row in enumerate(_block(lines, at, 4))])
    if intrinsics is None or not poses or len(set(numbers)) < len(numbers):
        raise SceneError("lacks colour intrinsics or poses, or states one twice", path=path, remedy=_REMEDY)
    return Trajectory(path, np.array(poses, np.float64), tuple(numbers)), intrinsics


def _block(lines: list[str], heading: int, rows: int) -> list[str]:
    """As many lines after a heading; empty ones where the file ends, which are then refused as rows."""
    return (lines[heading + 1 : heading + 1 + rows] + [""] * rows)[:rows]


def _numbers(line: str, counts: tuple[int, ...], number: int, path: Path) -> list[float]:
    try:
        values = numbers_in(line)
    except ValueError:
        values = []
    if len(values) not in counts:
        wanted = " or ".join(map(str, counts))
        raise SceneError(f"line {number} does not hold {wanted} numbers", path=path, remedy=_REMEDY)
    return values
