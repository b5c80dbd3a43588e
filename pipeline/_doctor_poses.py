"""Frames whose poses are wrong while most are right: a few sampled pairs would miss them, so all poses are looked at.

Poses that a tracker repeats once it is lost, poses of another convention among the others, frames that are away for a
moment, and poses that belong to the frame before or after. Poses point at the frames, their depth (or, without depth,
their pictures) decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ..core.counted import counted
from ..core.types import Scene
from ..errors import SceneError
from ..media.images import decode_rgb
from ._doctor_conventions import AS_STATED
from ._doctor_pairs import choose_neighbours
from ._doctor_report import Problem
from ._doctor_views import View, pose_of, transferred
from .consistency import BAD, GOOD, Consistency

__all__ = ["doubted_frames", "repeated_poses", "shifted_poses"]

_GROUPS: Final = 3  # of frames with one pose, the largest, that are looked at
_SAME_PLACE: Final = 1e-9
_ENOUGH: Final = 0.3  # of the points must be seen by the other frame to prove anything of a single pair
_SEEN: Final = 0.1  # of them, to fit
_STRONG: Final = 0.10  # median error of a pair of frames that do not belong together
_IN_FRONT: Final = 0.25  # of its points in front of what the other sees: hidden surfaces lie behind
_AWAY: Final = 10.0  # usual steps there and back again
_FAR: Final = 0.5  # of the median depth, at least
_FEW: Final = 0.1  # of the frames may be away; of more the video may be one of several cameras in turn
_NAMED: Final = 8  # frames
_THUMBNAIL: Final = (32, 24)
_ALIKE: Final = 0.7  # correlation of pictures from one place, whatever their exposure
_LOST: Final = "drop these frames: tracking was lost there"

FloatArray = npt.NDArray[np.float64]
Load = Callable[[int], View | None]


def repeated_poses(scene: Scene, view: Load) -> list[Problem]:
    """Frames that share one pose to the last digit although they see different things.

    A camera that stands still repeats its pose as well, and what it sees: that is no problem. In a scene with tracks
    things move before a camera that may stand still, and without stated extrinsics every pose is the same.

    Args:
        scene: as read.
        view: of a frame, None where it has no usable depth.
    """
    if scene.tracks is not None:
        return []
    poses = np.array(
        [
            frame.camera.camera_to_world if frame.raw_camera_to_world is None else frame.raw_camera_to_world
            for frame in scene.frames
        ]
    )
    groups: dict[bytes, list[int]] = {}
    for index, pose in enumerate(np.round(poses / _SAME_PLACE).astype(np.int64)):
        groups.setdefault(pose.tobytes(), []).append(index)
    repeated = sorted((group for group in groups.values() if len(group) > 1), key=lambda group: (-len(group), group))
    found = []
    for group in repeated[:_GROUPS]:
        pairs = {(group[0], group[-1]), (group[0], group[len(group) // 2])} - {(group[0], group[0])}
        if any(_differ(scene, a, b, view) for a, b in sorted(pairs)):
            identity = bool(np.allclose(poses[group[0]], np.eye(4), atol=_SAME_PLACE))
            odd = group[1:] if identity and group[0] == 0 else group  # the world may well begin at the first frame
            kind = "the identity pose" if identity else "one and the same pose"
            what = f"repeated/identity poses: {counted(len(odd), 'frame')} of {len(scene.frames):,} have {kind} though "
            what += f"what they see differs ({_named(scene, odd)})"
            found.append(Problem(what, None, _LOST, broken=True))
    return found


def doubted_frames(scene: Scene, pairs: Sequence[tuple[View, View]], view: Load, between: Consistency) -> list[Problem]:
    """Frames that do not fit the others: away for a moment, of another convention, or otherwise in the wrong place.

    Args:
        scene: with depth.
        pairs: of views that have been compared.
        view: of a frame, None where it has no usable depth.
        between: what that found; where most does not fit, single frames are not to blame.
    """
    most_fit = between.verdict in {"good", "poor"}
    median = float(np.median([seen.median for pair in pairs for seen in pair])) if pairs else 0.0
    away = _away(np.array([frame.camera.centre for frame in scene.frames]), median)
    if away:
        what = f"frames do not fit the others: {counted(len(away), 'pose')} of {len(scene.frames):,} far from those "
        what += f"before and after ({_named(scene, away)})"
        return [Problem(what, None, _LOST, broken=True)]
    fitting, misfits, turned = 0, [], []
    neighbours = choose_neighbours(scene, view)
    for a, b in {(a.index, b.index): (a, b) for a, b in [*pairs, *neighbours]}.values():
        error, in_front, share = _compared(a, b)
        if share >= _SEEN and error <= BAD:
            fitting += error <= GOOD
            continue
        for first, second, index in ((_inverted(a), b, a.index), (a, _inverted(b), b.index)):
            other, _, seen = _compared(first, second)
            if seen >= _ENOUGH and other <= GOOD:
                turned.append((a.index, b.index, index))
        if share >= _ENOUGH and error > _STRONG and in_front > _IN_FRONT:
            misfits.append((a.index, b.index))
    if (count := len({entry[:2] for entry in turned})) > 1:
        odd = sorted({frame for *_, frame in turned})
        what = "poses look camera-to-world of some frames and world-to-camera of others: with one of the two inverted, "
        what += f"{count:,} pairs of neighbours fit (seen at {_named(scene, odd)})"
        return [Problem(what, None, "export the poses again, all in one convention", broken=True)]
    if misfits and most_fit and fitting > len(misfits):
        odd = sorted({index for pair in misfits for index in pair})
        what = f"frames do not fit the others: depth of {_named(scene, odd)} contradicts that of their neighbours, "
        what += f"while {counted(fitting, 'other pair')} fit"
        return [Problem(what, None, "check the poses of these frames, or drop them", broken=True)]
    return []


def shifted_poses(scene: Scene, pairs: Sequence[tuple[View, View]], between: Consistency) -> list[Problem]:
    """Poses that would fit if each were of a frame a little earlier or later.

    Args:
        scene: with depth.
        pairs: of views that have been compared.
        between: what that found.
    """
    if between.error is None or between.error <= GOOD:
        return []
    last = len(scene.frames) - 1
    for shift in (1, -1, 2, -2):
        errors = []
        for a, b in pairs:
            if all(0 <= view.index + shift <= last for view in (a, b)):
                first, second = (replace(v, stored=pose_of(scene, v.index + shift)[0]) for v in (a, b))
                error, _, share = _compared(first, second)
                errors += [error] if share >= _ENOUGH else []
        if len(errors) > 1 and (error := float(np.median(errors))) < min(GOOD, between.error / 2):
            size, where = counted(abs(shift), "frame"), "later" if shift > 0 else "earlier"
            what = f"poses look paired with the wrong frames: with the pose of {size} {where} each depth image would "
            what += f"fit to {error:.2%} instead of {between.error:.2%}"
            remedy = "pair poses with images by their time stamps or names again"
            return [Problem(what, None, remedy, broken=True)]
    return []


def _compared(a: View, b: View) -> tuple[float, float, float]:
    """Median error in the direction that sees more, share of points in front in either, and share that was seen."""
    found = [transferred(*pair, AS_STATED) for pair in ((a, b), (b, a))]
    errors, share = max(found, key=lambda entry: entry[1])
    if not len(errors):
        return np.inf, 0.0, 0.0
    in_front = max((float((error < -BAD).mean()) for error, seen in found if seen >= _SEEN), default=0.0)
    return float(np.median(np.abs(errors))), in_front, share


def _inverted(view: View) -> View:
    return replace(view, stored=np.asarray(np.linalg.inv(view.stored), np.float64))


def _differ(scene: Scene, first: int, second: int, view: Load) -> bool:
    """Whether two frames of one pose see different things."""
    frames = scene.frames[first], scene.frames[second]
    if all(frame.has_depth for frame in frames):
        a, b = view(first), view(second)
        return a is not None and b is not None and _compared(a, b)[0] > BAD
    try:
        pictures = [decode_rgb(frame.load_image(), 8, source=frame.image_ref) for frame in frames]
    except SceneError:
        return False  # told with the files
    a_small, b_small = (cv2.resize(p.mean(axis=2), _THUMBNAIL, interpolation=cv2.INTER_AREA) for p in pictures)
    if min(a_small.std(), b_small.std()) < 1.0:
        return False
    return bool(np.corrcoef(a_small.ravel(), b_small.ravel())[0, 1] < _ALIKE)


def _away(centres: FloatArray, depth: float) -> list[int]:
    """Frames that are far from both neighbours, which are near each other; depth: median, metres."""
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    if len(steps) < 4:
        return []
    usual = float(np.median(steps))
    across = np.linalg.norm(centres[2:] - centres[:-2], axis=1)
    least = max(_AWAY * usual, _FAR * depth)
    away = np.flatnonzero((np.minimum(steps[:-1], steps[1:]) > least) & (across < least / 2)) + 1
    return away.tolist() if len(away) <= max(1.0, _FEW * len(centres)) else []


def _named(scene: Scene, indices: Sequence[int]) -> str:
    names = [scene.frames[index].id for index in indices]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"frames {', '.join(names[:_NAMED])}{more}" if len(names) > 1 else f"frame {names[0]}"
