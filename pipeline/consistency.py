"""Do a scene's depth, poses and mesh belong together? A few sampled frames answer it in a fraction of a second.

Depth of one frame, moved by the poses into another, is compared with the depth there; so is the mesh with what the
sensor measured. The errors are medians of abs(Z - D) / D. Good scans are at 0.1 to 2 %, wrong conventions
(``self_test`` tells which) at 1 to 90 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from ..core.types import Scene
from ._doctor_conventions import AS_STATED
from ._doctor_mesh import MeshViews
from ._doctor_pairs import BASELINE, baseline
from ._doctor_views import View, pose_of, transferred

__all__ = [
    "BAD", "GOOD", "Consistency", "Upright", "confirmed", "depth_between_frames", "depth_on_mesh", "look_at_up",
    "poses_too_large",
]  # fmt: skip

Verdict = Literal["good", "poor", "bad", "cannot tell"]

GOOD: Final = 0.02
BAD: Final = 0.05
_ENOUGH: Final = 0.10  # of the points must be seen by the other frame, or the mesh known at
_IN_FRONT: Final = 0.25  # of the points in front of the surface the other frame sees, where only noise can be
_ONE_PLACE: Final = 0.01  # of the median depth: from cameras within that nothing is hidden from each other
_FAR_OFF: Final = 1.0  # error from which the unit of the poses is doubted
_TOO_FAR_APART: Final = 10.0  # median depths between neighbouring cameras
_MOST: Final = 0.3  # quantile: of seven neighbours in ten it is at least so much
_SEQUENCE: Final = 4  # frames; fewer may be of different rooms
_LEVEL: Final = float(np.cos(np.radians(10.0)))
_LOOKS_LEVEL: Final = float(np.sin(np.radians(60.0)))
_FACES: Final = 100_000  # looked at
_ONE_WAY_UP: Final = 0.5  # length of the cameras' mean up from which they have a common one


@dataclass(frozen=True, slots=True)
class Consistency:
    """How well two sources of depth agree.

    Attributes:
        verdict: ``good`` up to 2 %, ``poor`` up to 5 %, ``bad`` beyond, or ``cannot tell``.
        error: median of abs(a - b) / b, a fraction; None where it could not be measured.
        measured: frames or pairs of frames it is the median of.
        note: why it cannot be told, or what is wrong.
    """

    verdict: Verdict
    error: float | None = None
    measured: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Upright:
    """Whether up is up.

    Attributes:
        level_share: of the mesh's area that lies level (within 10 degrees), a fifth in a furnished room; None without
            mesh or up axis.
        cameras_tilt: radians between up and the cameras' mean up; None where they are turned all ways.
        most_level: whether most cameras look within 60 degrees of the horizon: one that looks down has its up sideways.
        mirrored: cameras whose rotation is a reflection, or whose focal lengths differ in sign: left-handed ones.
    """

    level_share: float | None = None
    cameras_tilt: float | None = None
    mirrored: int = 0
    most_level: bool = False


def depth_on_mesh(mesh: MeshViews) -> tuple[Consistency, float | None]:
    """How well the mesh, seen by the depth camera, agrees with the sensor; and the median of mesh depth / depth.

    Args:
        mesh: with the views it is to be compared in.
    """
    if not mesh.views:
        return Consistency("cannot tell", note="no mesh, or no depth to compare it with"), None
    errors, ratios = [], []
    for view in mesh.views:
        surface, sensor, share = mesh.compared(view)
        if share >= _ENOUGH / 2:
            errors.append(float(np.median(np.abs(surface - sensor) / sensor)))
            ratios.append(float(np.median(surface / sensor)))
    if not errors:
        return Consistency("bad", note="the mesh is nowhere in view where the sensor measures something"), None
    error = float(np.median(errors))
    return Consistency(_verdict(error), error, len(errors)), float(np.median(ratios))


def depth_between_frames(pairs: Sequence[tuple[View, View]]) -> Consistency:
    """How well a frame's depth, moved by the poses into another frame, agrees with that frame's depth.

    Surfaces that are hidden from the other frame lie behind what it sees; only points in front of that contradict it.

    Args:
        pairs: of views that should see the same.
    """
    errors, in_front, baselines = [], [], []
    for a, b in pairs:
        for first, second in ((a, b), (b, a)):
            error, share = transferred(first, second, AS_STATED)
            if share >= _ENOUGH:
                errors.append(float(np.median(np.abs(error))))
                in_front.append(float((error < -BAD).mean()))
                baselines.append(baseline(a, b, AS_STATED))
    if not errors:
        return Consistency("cannot tell", note="no two sampled frames see the same surface")
    median, measured = float(np.median(errors)), len(errors) // 2 or 1
    in_one_place, far = max(baselines) < _ONE_PLACE, max(baselines) > BASELINE
    if median > BAD and float(np.median(in_front)) < _IN_FRONT and not in_one_place:
        return Consistency("cannot tell", median, measured, "the frames mostly see surfaces hidden from each other")
    if median > BAD and not far:
        note = "by their poses the cameras hardly move, so that their depth should agree: check the units"
        return Consistency("bad", median, measured, note)
    if not far:
        note = f"the cameras of the sampled frames are within {BASELINE:.0%} of the depth"
        return Consistency("cannot tell", median, measured, note)
    return Consistency(_verdict(median), median, measured)


def poses_too_large(scene: Scene, views: Sequence[View], between: Consistency) -> float | None:
    """How many median depths neighbouring cameras are apart, where that is more than any true scene's are.

    Hidden surfaces explain a large error, not one as large as the depth itself between cameras ten depths apart. The
    baselines must be too long whichever way round the poses are stated.

    Args:
        scene: with depth.
        views: of a few frames.
        between: what the comparison of frames found.
    """
    if between.verdict in {"good", "poor"} or (between.error is not None and between.error < _FAR_OFF) or not views:
        return None
    poses = [pose_of(scene, index)[0] for index, frame in enumerate(scene.frames) if frame.has_depth]
    if len(poses) < _SEQUENCE:
        return None
    depth = float(np.median([view.median for view in views]))
    readings = (poses, [np.linalg.inv(pose) for pose in poses])
    steps = [np.linalg.norm(np.diff([pose[:3, 3] for pose in reading], axis=0), axis=1) for reading in readings]
    apart = float(np.quantile(np.min(steps, axis=0), _MOST) / depth)
    return float(np.median(steps[0]) / depth) if apart > _TOO_FAR_APART else None


def _verdict(error: float) -> Verdict:
    return "good" if error <= GOOD else "poor" if error <= BAD else "bad"


def confirmed(between: Consistency) -> Consistency:
    """What neighbours that are too close together would have told, once views farther apart have told it."""
    if between.verdict != "cannot tell" or between.error is None or between.error > BAD:
        return between
    return replace(between, verdict=_verdict(between.error), note="")


def look_at_up(scene: Scene) -> Upright:
    """Whether the scene's up axis, its level surfaces and its cameras belong together, and none is mirrored."""
    cameras = [frame.camera for frame in scene.frames]
    mirrored = sum(
        bool(np.linalg.det(camera.camera_to_world[:3, :3]) < 0) or bool(np.linalg.det(camera.intrinsics[:2, :2]) <= 0)
        for camera in cameras
    )
    tilt, most_level = None, False
    if scene.up is not None and cameras:
        mean = -np.mean([camera.camera_to_world[:3, 1] for camera in cameras], axis=0)
        forward = np.array([camera.camera_to_world[:3, 2] for camera in cameras])
        most_level = bool((np.abs(forward @ scene.up) < _LOOKS_LEVEL).mean() > 0.5)
        length = float(np.linalg.norm(mean))
        if length > _ONE_WAY_UP:
            tilt = float(np.arccos(np.clip(mean @ scene.up / length, -1.0, 1.0)))
    return Upright(_level_share(scene), tilt, mirrored, most_level)


def _level_share(scene: Scene) -> float | None:
    if scene.vertices is None or scene.faces is None or scene.up is None or not scene.has_mesh:
        return None
    step = max(1, len(scene.faces) // _FACES)
    corners = scene.vertices[scene.faces[::step]].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normals, axis=1)
    total = float(area.sum())
    return float(area[np.abs(normals @ scene.up) > _LEVEL * area].sum() / total) if total else None
