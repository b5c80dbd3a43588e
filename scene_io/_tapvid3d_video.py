"""The arrays of one TAPVid-3D video: read, checked, and turned into cameras and tracks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ..media.npz import REPAIR, member_names, read_numbers
from ..media.npz_video import IMAGES, NpzVideo
from ._poses import OUT_OF_RANGE, judge_poses
from ._tapvid3d_layout import TRACKS

__all__ = [
    "COMPLETE",
    "EXTRINSICS",
    "INTRINSICS",
    "QUERIES",
    "VISIBILITY",
    "Poses",
    "Video",
    "in_world",
    "poses_of",
    "read_video",
]

INTRINSICS: Final = ("fx_fy_cx_cy", "intrinsics")
VISIBILITY: Final = "visibility"
QUERIES: Final = "queries_xyt"
EXTRINSICS: Final = "extrinsics_w2c"
UNSEEN: Final = "visible track point without a place in front of the camera"

COMPLETE: Final = "complete it with TAPVid-3D's generate_adt or generate_pstudio, or download it again"
_MIN_DETERMINANT: Final = 1e-6  # below, a matrix has no inverse worth the name
_MAX_ENTRY: Final = 1e9  # metres; beyond, positions have no millimetres left

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Video:
    """What one file holds, with the images unread.

    Attributes:
        images: the encoded images.
        points: (t, n, 3), metres, each step in its own camera's frame.
        visible: (t, n); a visible point is finite and in front of the camera.
        intrinsics: (3, 3), pixels, the first one's centre at (0, 0).
        world_to_camera: (t, 4, 4) as stored, or None.
        skipped: what had to be left out, by reason.
    """

    images: NpzVideo
    points: FloatArray
    visible: npt.NDArray[np.bool_]
    intrinsics: FloatArray
    world_to_camera: FloatArray | None
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Cameras of a video.

    Attributes:
        exact: (t, 4, 4) camera_to_world, rigid where usable.
        stored: (t, 4, 4) camera_to_world, the plain inverse of what the file says; None where it says nothing.
        usable: (t,).
        skipped: steps whose pose cannot be used, by reason.
    """

    exact: FloatArray
    stored: FloatArray | None
    usable: npt.NDArray[np.bool_]
    skipped: Counter[str] = field(default_factory=Counter)

    @classmethod
    def resting(cls, steps: int) -> Poses:
        """A camera whose own frame is taken for the world."""
        return cls(np.tile(np.eye(4), (steps, 1, 1)), None, np.ones(steps, np.bool_))


def read_video(path: Path) -> Video:
    """Everything of a video but its images.

    Raises:
        SceneError: when an array is missing, of another shape or not numbers, or when there is nothing to ask about
            (no tracks, a single step); names the file and the array.
    """
    names = member_names(path)
    if IMAGES not in names:
        raise SceneError(f"it has no array {IMAGES}", path=path, remedy=COMPLETE)
    tracks = _spelling(TRACKS, names, path)
    stored = read_numbers(path, tracks)
    if stored.ndim != 3 or stored.shape[2] != 3:
        _refuse(path, tracks, stored, "(steps, points, 3)")
    steps, count = stored.shape[:2]
    if steps < 2:
        what = f"{tracks} has {steps} step{'s' * (steps != 1)}: nothing can be seen to move"
        raise SceneError(what, path=path, remedy="leave this file out")
    if not count:
        raise SceneError(f"{tracks} follows no points", path=path, remedy="leave this file out")
    images = NpzVideo(path)
    if len(images) != steps:
        raise SceneError(f"{IMAGES} has {len(images)} images, {tracks} {steps} steps", path=path, remedy=REPAIR)
    points = _doubles(stored)
    visible = _visibility(path, names, (steps, count))
    with np.errstate(invalid="ignore"):
        placed = np.isfinite(points).all(axis=2) & (points[..., 2] > 0)
    skipped: Counter[str] = Counter()
    if unseen := int((visible & ~placed).sum()):
        skipped[UNSEEN] = unseen
    return Video(
        images=images,
        points=points,
        visible=visible & placed,
        intrinsics=_intrinsics(path, names, images.size),
        world_to_camera=_extrinsics(path, names, steps),
        skipped=skipped,
    )


def poses_of(world_to_camera: FloatArray) -> Poses:
    """Camera poses from world_to_camera (t, 4, 4), and which of them can be used.

    The world's origin may lie kilometres away (Waymo's): poses are judged by their distance from the middle one.
    """
    finite: npt.NDArray[np.bool_] = np.asarray(np.isfinite(world_to_camera).all(axis=(1, 2)))
    safe = np.where(finite[:, None, None], world_to_camera, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        # Of the whole matrix too: its last row may be anything.
        determinants = np.abs([np.linalg.det(safe[:, :3, :3]), np.linalg.det(safe)])
    invertible = finite & (np.isfinite(determinants) & (determinants > _MIN_DETERMINANT)).all(axis=0)
    invertible &= (np.abs(safe) < _MAX_ENTRY).all(axis=(1, 2))
    stored = world_to_camera.copy()
    stored[invertible] = np.linalg.inv(world_to_camera[invertible])
    origin = np.median(stored[invertible, :3, 3], axis=0) if invertible.any() else np.zeros(3)
    shifted = stored.copy()
    shifted[invertible, :3, 3] -= origin
    exact, verdicts, reasons = judge_poses(shifted)
    usable = (verdicts == 0) & invertible
    verdicts[(verdicts == 0) & ~invertible] = 1 + reasons.index(OUT_OF_RANGE)
    exact[usable, :3, 3] += origin
    skipped = +Counter({reason: int((verdicts == code).sum()) for code, reason in enumerate(reasons, 1)})
    return Poses(exact, stored, usable, skipped)


def in_world(points: FloatArray, poses: Poses) -> FloatArray:
    """Points (t, n, 3) of each step's camera frame in the world; not a number at steps without a usable pose."""
    world = np.full_like(points, np.nan)
    for step in np.flatnonzero(poses.usable):
        with np.errstate(invalid="ignore", over="ignore"):  # points nobody sees may be anything
            world[step] = points[step] @ poses.exact[step, :3, :3].T + poses.exact[step, :3, 3]
    return world


def _spelling(spellings: tuple[str, ...], names: frozenset[str], path: Path) -> str:
    found = next((name for name in spellings if name in names), None)
    if found is None:
        raise SceneError(f"it has no array {' or '.join(spellings)}", path=path, remedy=COMPLETE)
    return found


def _visibility(path: Path, names: frozenset[str], shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    stored = read_numbers(path, _spelling((VISIBILITY,), names, path))
    if stored.shape != shape:
        _refuse(path, VISIBILITY, stored, f"{shape}, as the tracks have")
    if stored.dtype != np.bool_ and not np.isin(stored, (0, 1)).all():
        raise SceneError(f"{VISIBILITY} holds other values than true and false", path=path, remedy=REPAIR)
    return stored.astype(np.bool_)


def _intrinsics(path: Path, names: frozenset[str], size: tuple[int, int]) -> FloatArray:
    name = _spelling(INTRINSICS, names, path)
    stored = read_numbers(path, name)
    if stored.shape != (4,):
        _refuse(path, name, stored, "(4,): fx, fy, cx, cy")
    fx, fy, cx, cy = (float(value) for value in stored)
    if not (np.isfinite(stored).all() and min(fx, fy) > 0 and 0 <= cx < size[0] and 0 <= cy < size[1]):
        what = f"{name} ({fx:g}, {fy:g}, {cx:g}, {cy:g}) cannot be of images of {size[0]} x {size[1]} pixels"
        raise SceneError(what, path=path, remedy=REPAIR)
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def _extrinsics(path: Path, names: frozenset[str], steps: int) -> FloatArray | None:
    if EXTRINSICS not in names:
        return None
    stored = read_numbers(path, EXTRINSICS)
    if stored.shape != (steps, 4, 4):
        _refuse(path, EXTRINSICS, stored, f"({steps}, 4, 4), one matrix a step")
    return _doubles(stored)


def _doubles(stored: npt.NDArray[Any]) -> FloatArray:
    """A copy; signalling NaNs and numbers too large for it, as damaged files have, become NaN and infinite quietly."""
    with np.errstate(invalid="ignore", over="ignore"):
        return stored.astype(np.float64)


def _refuse(path: Path, name: str, stored: npt.NDArray[Any], wanted: str) -> None:
    raise SceneError(f"{name} has shape {stored.shape}, not {wanted}", path=path, remedy=REPAIR)
