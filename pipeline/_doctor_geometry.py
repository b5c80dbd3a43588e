"""The doctor's geometric self-test of one scene: what is compared, and which findings are problems."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.counted import counted
from ..core.types import Scene
from ._doctor_mesh import MeshViews
from ._doctor_pairs import choose_pairs, wide_pairs
from ._doctor_poses import doubted_frames, repeated_poses, shifted_poses
from ._doctor_report import Problem, SceneReport
from ._doctor_views import View, look
from ._doctor_words import Taken, convention_in_words, poses_too_large_in_words
from .consistency import Consistency, confirmed, depth_between_frames, depth_on_mesh, look_at_up, poses_too_large
from .self_test import Judgement, judge

__all__ = ["examine_geometry"]

_MESH_VIEWS: Final = 3
_LITTLE_LEVEL: Final = 0.08
_UPSIDE_DOWN: Final = math.radians(120.0)
_OPPOSITE: Final = math.radians(150.0)
_SIDEWAYS: Final = math.radians(60.0)
_NOISE: Final = 0.025  # median error between frames that no sensor's noise reaches; real sequences stay below 0.0225
_LARGE: Final = 4.0  # scale from which it may be much more than the sampled frames can tell

Load = Callable[[int], npt.NDArray[np.float32] | None]


def examine_geometry(scene: Scene, starts: Sequence[int], load: Load, taken: Taken, report: SceneReport) -> None:
    """Compare a few depth images with each other and with the mesh, and cameras with the up axis.

    Args:
        scene: as read.
        starts: frames whose depth to begin with; partners are chosen for them.
        load: depth of a frame, None where it cannot be decoded.
        taken: how the reader took the files.
        report: is filled in.
    """
    _look_at_up(scene, taken, report)
    if scene.frames[0].camera.model == "equirectangular":
        none = Consistency("cannot tell", note="panoramas are not compared")
        report.depth_between_frames = report.depth_on_mesh = none
        report.convention = Judgement("cannot tell", note=none.note)
        _note_coverage([depth for index in starts if (depth := load(index)) is not None], report)
        return
    depths: dict[int, npt.NDArray[np.float32] | None] = {}
    views: dict[int, View | None] = {}

    def view(index: int) -> View | None:
        if index not in views:
            depth = depths[index] = load(index)
            views[index] = None if depth is None else look(scene, index, depth)
        return views[index]

    pairs = choose_pairs(scene, starts, view)
    for index in starts:
        view(index)
    if any(depth is None for depth in depths.values()):
        return  # what cannot be decoded cannot be compared
    if not any(frame.has_depth for frame in scene.frames):
        report.problems += repeated_poses(scene, view)
    if not _note_coverage([depth for depth in depths.values() if depth is not None], report):
        return
    seen = [found for _, found in sorted(views.items()) if found is not None]
    mesh = MeshViews(scene, seen[:: -(-len(seen) // _MESH_VIEWS) or 1])
    report.depth_on_mesh, report.mesh_per_depth = depth_on_mesh(mesh)
    report.depth_between_frames = depth_between_frames(pairs)
    report.convention = judge(seen, mesh)
    fits = report.depth_between_frames.verdict in {"good", "poor"}
    scale = report.convention.scale
    if max(scale, 1 / scale) > _LARGE or not (fits or report.convention.verdict == "wrong"):
        report.convention = judge(seen, mesh, wide_pairs(scene, starts, view))
    if report.convention.verdict == "good":
        report.depth_between_frames = confirmed(report.depth_between_frames)
    apart = None
    if report.convention.verdict == "cannot tell":
        apart = poses_too_large(scene, seen, report.depth_between_frames)
    odd: list[Problem] = []
    if report.convention.verdict != "wrong" and apart is None:
        odd = shifted_poses(scene, pairs, report.depth_between_frames)
    odd = odd or repeated_poses(scene, view)
    if not odd and report.convention.verdict != "wrong" and apart is None:
        odd = doubted_frames(scene, pairs, view, report.depth_between_frames)
    _conclude(scene, taken, apart, bool(odd), report)
    report.problems += odd


def _note_coverage(depths: Sequence[npt.NDArray[np.float32]], report: SceneReport) -> bool:
    """The share of known pixels, and whether there are any."""
    if not depths:
        return False
    report.depth_coverage = float(np.mean([(depth > 0).mean() for depth in depths]))
    if report.depth_coverage == 0:
        report.capabilities = tuple(name for name in report.capabilities if name != "depth")
        what = "no sampled depth image knows any depth"
        report.problems.append(Problem(what, None, "export depth again", broken=True))
    return report.depth_coverage > 0


def _conclude(scene: Scene, taken: Taken, apart: float | None, odd: bool, report: SceneReport) -> None:
    """Problems from the comparisons: the convention that is wrong, or what does not fit for no known reason.

    Odd frames, told on their own, explain why depth of some does not fit that of others.
    """
    on_mesh, between = report.depth_on_mesh, report.depth_between_frames
    if report.convention.verdict == "wrong":
        scale = next((frame.depth_scale for frame in scene.frames if frame.depth_scale), None)
        lens = next((frame.depth_camera for frame in scene.frames if frame.depth_camera is not None), None)
        per_metre = None if scale is None else 1 / scale
        what, remedy = convention_in_words(report.convention, taken, per_metre, lens)
        report.problems.append(Problem(what, None, remedy, broken=True))
        report.depth_between_frames = Consistency("bad", between.error, between.measured, what)
        return
    if apart is not None:
        what, remedy = poses_too_large_in_words(apart, taken)
        report.problems.append(Problem(what, None, remedy, broken=True))
        between = report.depth_between_frames = Consistency("cannot tell", between.error, between.measured, what)
    for check, what, remedy in (
        (on_mesh, "depth does not lie on the mesh", "check that mesh, alignment and frames are of one scan"),
        (between, "depth of one frame does not fit the next", "check poses, intrinsics and depth scale"),
    ):
        if odd and check is between:
            continue
        if check is between and check.verdict == "poor" and check.error and check.error > _NOISE:
            what = f"{what} well (median error {check.error:.1%}, more than a sensor's noise explains)"
            remedy = "check that poses and depth images are of the same moments, and the intrinsics"
            report.problems.append(Problem(what, None, remedy, broken=False))
        if check.verdict == "bad":
            size = "" if check.error is None else f" (median error {check.error:.0%})"
            report.problems.append(Problem(f"{what}{size}", None, check.note or remedy, broken=True))


def _look_at_up(scene: Scene, taken: Taken, report: SceneReport) -> None:
    upright = look_at_up(scene)
    report.level_share, report.cameras_tilt = upright.level_share, upright.cameras_tilt
    report.mirrored = upright.mirrored
    if upright.mirrored:
        what = f"{counted(upright.mirrored, 'camera')} of {len(scene.frames):,} look left-handed (mirrored)"
        report.problems.append(Problem(what, None, "export poses and intrinsics again, right-handed", broken=True))
    if upright.level_share is not None and upright.level_share < _LITTLE_LEVEL:
        what = f"only {upright.level_share:.0%} of the mesh lies level: z may not be up"
        remedy = "check axisAlignment" if scene.dataset == "scannet" else "check the up axis"
        report.problems.append(Problem(what, None, remedy, broken=False))
    tilt = upright.cameras_tilt
    if tilt is None:
        return
    little_level = upright.level_share is not None and upright.level_share < _LITTLE_LEVEL
    # Devices that turn their pictures hold correct ones upside down: only an axis that was stated by hand is broken.
    if taken.up_stated and tilt > _OPPOSITE:
        what = f"up axis looks upside down: the cameras' mean up is {math.degrees(tilt):.0f}° from it"
        report.problems.append(Problem(what, None, "state the opposite up in scene.toml", broken=True))
    elif tilt > _UPSIDE_DOWN:
        what = f"the cameras are upside down (mean up {math.degrees(tilt):.0f}° from the scene's)"
        remedy = "check the up axis, and that the camera was not held upside down"
        report.problems.append(Problem(what, None, remedy, broken=False))
    elif taken.up_stated and tilt > _SIDEWAYS and upright.most_level:
        what = f"up axis looks sideways: the cameras' mean up is {math.degrees(tilt):.0f}° from it"
        # Pictures can be turned; where hardly any surface of the mesh lies level either, it is the axis.
        remedy = "check up in scene.toml" + ("" if little_level else ", and that the camera was not held sideways")
        report.problems.append(Problem(what, None, remedy, broken=little_level))
