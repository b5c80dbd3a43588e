"""Tracked points that can be asked about: where a mark can point at them, and how far they moved between two frames.

Motion is judged twice: by the point's own two positions, and by the motion of the rigid body it belongs to, which rests
on many points and is hardly touched by the noise of one. Only where both agree is anything stated.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from ..core.projection import is_inside, project
from ..core.rigid import RigidMotion, RigidSettings, body_motion, segment
from ..core.types import Scene, mark_radius
from ..errors import SceneError

__all__ = ["Limits", "MovedPoints", "MovingPoints"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_DEPTH_STEP: Final = (0.05, 0.05)  # metres, and of the depth: a step between tracks under one mark that is an edge
_OWN_NOISE: Final = 6.0  # standard deviations per coordinate that two positions of one point may be off together
_BODY_NOISE: Final = 3.0  # standard deviations that a body's motion may be off
_POSE_FREEDOM: Final = 4.0  # a pose spends about this many points' worth of measurement on itself
_NOISE_FREE: Final = 0.001  # metres; up to this a point needs no body to vouch for it
_CLEAR_OF_MOVED: Final = 0.8  # of the least motion: no point that seems to move further is told to be still
_SMALLEST: Final = 1e-4  # metres; margins are not told more finely


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as moved and as still.

    Attributes:
        moved: metres; a point that moved this far has moved.
        still: metres; a point that moved at most this far stands still.
        noise_multiple: numbers are stated from this many times the noise on.
        two_witnesses: whether the motion of the point's body must agree.
    """

    moved: float
    still: float
    noise_multiple: float
    two_witnesses: bool


@dataclass(frozen=True, slots=True, eq=False)
class MovedPoints:
    """The points that one pair of frames can be asked about, and how far they moved; (k,) each.

    Attributes:
        track: index into the tracks.
        distance: metres, by the point's own positions.
        body_distance: metres, by the motion of its body; nan where it has none.
        moved, still: clearly so; points that are neither are not asked about.
        numeric: moved far enough to state numbers.
        margin: least ratio of a quantity and its threshold; for those moved or still.
        numeric_margin: the same where numbers are stated.
    """

    track: npt.NDArray[np.int64]
    distance: FloatArray
    body_distance: FloatArray
    moved: BoolArray
    still: BoolArray
    numeric: BoolArray
    margin: FloatArray
    numeric_margin: FloatArray


class MovingPoints:
    """A scene's tracks, its rigid bodies, and what each of its frames shows of them.

    Args:
        scene: with tracks in the world and frames that name their step.
        settings: of the segmentation.
        limits: what counts as moved and as still.

    Raises:
        SceneError: when a frame names a step the tracks do not have.
    """

    def __init__(self, scene: Scene, settings: RigidSettings, limits: Limits) -> None:
        assert scene.tracks is not None
        self.scene = scene
        self.tracks = scene.tracks
        self.limits = limits
        steps = len(self.tracks.points)
        for frame in scene.frames:
            if frame.track_step is not None and not 0 <= frame.track_step < steps:
                raise SceneError(
                    f"frame {frame.id} names step {frame.track_step} of tracks with {steps}",
                    remedy="give every frame a track_step within the tracks, or None",
                )
        self.frames = tuple(i for i, frame in enumerate(scene.frames) if frame.track_step is not None)
        self.groups = segment(self.tracks, settings)
        self.steady = self.groups.clip.valid
        self.motions: tuple[RigidMotion, ...] = ()
        if limits.two_witnesses:
            self.motions = tuple(body_motion(self.groups, body) for body in range(len(self.groups.sizes)))
        self.reasons: Counter[str] = Counter()
        self._seen: dict[int, tuple[BoolArray, FloatArray, FloatArray]] = {}
        self._marked: dict[int, BoolArray] = {}
        self._carried: dict[int, tuple[FloatArray, FloatArray]] = {}

    def step(self, frame: int) -> int:
        """The tracks' step a frame shows."""
        step = self.scene.frames[frame].track_step
        assert step is not None
        return step

    def seen(self, frame: int) -> tuple[BoolArray, FloatArray, FloatArray]:
        """Which points a frame shows (n,), and their pixels (n, 2) and depths (n,).

        A point of a body is where the body's motion puts it: that rests on many points and steps, while its own noise
        may carry it over the edge of what it lies on.
        """
        if frame not in self._seen:
            step, camera = self.step(frame), self.scene.frames[frame].camera
            steady, (carried, _) = self.steady[step], self.carried(frame)
            places = np.where(np.isnan(carried), self.tracks.points[step], carried)
            xy, depth = project(np.where(steady[:, None], places, np.nan), camera)
            self._seen[frame] = (steady & is_inside(xy, camera), xy, depth)
        return self._seen[frame]

    def marked(self, frame: int) -> BoolArray:
        """(n,): points of a frame that a mark can point at: it stays in the image and lies on one surface.

        Without a depth map the other tracks tell: those visible under the mark must be at the point's depth, within
        max(5 cm, 5 %), and belong to no other body.
        """
        if frame in self._marked:
            return self._marked[frame]
        seen, xy, depth = self.seen(frame)
        camera = self.scene.frames[frame].camera
        radius = mark_radius(camera.height)
        room = seen & is_inside(np.where(seen[:, None], xy - radius, np.nan), camera)
        room &= is_inside(np.where(seen[:, None], xy + radius, np.nan), camera)
        candidates = np.flatnonzero(seen)
        clean = room.copy()
        if len(candidates):
            pairs = candidates[cKDTree(xy[candidates]).query_pairs(radius, output_type="ndarray")]
            a, b = pairs[:, 0], pairs[:, 1]
            absolute, relative = _DEPTH_STEP
            edge = np.abs(depth[a] - depth[b]) > np.maximum(absolute, relative * np.minimum(depth[a], depth[b]))
            group = self.groups.group
            edge |= (group[a] != group[b]) & (group[a] >= 0) & (group[b] >= 0)
            clean[pairs[edge].ravel()] = False
        self.reasons["mark would leave the image"] += int(np.count_nonzero(seen & ~room))
        self.reasons["several surfaces under the mark"] += int(np.count_nonzero(room & ~clean))
        self._marked[frame] = clean
        return clean

    def carried(self, frame: int) -> tuple[FloatArray, FloatArray]:
        """Where its body's motion puts each point (n, 3), nan without a body; and how far that may be off (n,)."""
        if frame not in self._carried:
            step = self.step(frame)
            places = np.full((self.steady.shape[1], 3), np.nan)
            error = np.full(self.steady.shape[1], np.nan)
            for body, motion in enumerate(self.motions):
                mine = self.groups.group == body
                if motion.known[step]:
                    places[mine] = motion.positions(step)[mine]
                    error[mine] = self.groups.noise * np.sqrt(_POSE_FREEDOM / motion.points[step])
            self._carried[frame] = (places, error)
        return self._carried[frame]

    def compare(self, first: int, second: int, asked: BoolArray) -> MovedPoints:
        """How far points moved from one frame to another, and what can be said of it.

        Args:
            first: index into the scene's frames.
            second: likewise.
            asked: (n,), the points of interest.
        """
        limits, noise = self.limits, self.groups.noise
        track = np.flatnonzero(self.marked(first) & self.seen(second)[0] & asked)
        own = self.tracks.points[self.step(second), track] - self.tracks.points[self.step(first), track]
        distance = _lengths(own)
        least = max(limits.moved, limits.noise_multiple * noise)
        if not limits.two_witnesses:
            moved, still = distance >= limits.moved, distance < limits.still
            margin = np.where(moved, distance / limits.moved, limits.still / np.maximum(distance, _SMALLEST))
            nothing = np.full_like(distance, np.nan)
            return MovedPoints(track, distance, nothing, moved, still, distance >= least, margin, distance / least)
        (before, error_1), (after, error_2) = self.carried(first), self.carried(second)
        body = after[track] - before[track]
        body_distance = _lengths(body)
        # Without noise a point needs nobody to vouch for it.
        alone = np.isnan(body_distance) & (noise <= _NOISE_FREE)
        by_body = np.where(alone, distance, body_distance)
        apart = np.where(alone, 0.0, _lengths(own - body))
        guard = np.where(alone, 0.0, _BODY_NOISE * np.hypot(error_1[track], error_2[track]))
        together = max(limits.still, _OWN_NOISE * noise) / np.maximum(apart, _SMALLEST)
        bound = min(max(limits.still, _OWN_NOISE * noise), _CLEAR_OF_MOVED * limits.moved)
        moving = np.minimum(distance / limits.moved, by_body / (limits.moved + guard))
        resting = np.minimum(
            bound / np.maximum(distance, _SMALLEST), (limits.still - guard) / np.maximum(by_body, _SMALLEST)
        )
        # Comparisons with nan, of points that no body vouches for, are false.
        moving, resting = np.minimum(moving, together), np.minimum(resting, together)
        moved, still = moving >= 1, resting >= 1
        numeric_margin = np.minimum(np.minimum(distance, by_body) / least, moving)
        self.reasons["the point and its body disagree"] += int(np.count_nonzero(together < 1))
        self.reasons["no body vouches for the point"] += int(np.count_nonzero(np.isnan(by_body)))
        self.reasons["neither clearly moved nor clearly still"] += int(
            np.count_nonzero(~moved & ~still & (together >= 1))
        )
        margin = np.where(moved, moving, resting)
        return MovedPoints(track, distance, body_distance, moved, still, numeric_margin >= 1, margin, numeric_margin)


def _lengths(vectors: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)))
