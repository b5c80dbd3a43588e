"""How one rigid body moves: its pose at every step, and how well points keep their place in it.

A body's pose at a step is the rotation and translation that bring its points, in the body's own frame, nearest to
where they are seen (least squares; Kabsch 1976). Points come and go: a body is followed through every step in which
enough of its points are visible, whichever they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from . import _kernels
from .types import Tracks

__all__ = [
    "DECISIVE",
    "Clip",
    "Fit",
    "RigidMotion",
    "claims",
    "fit_motion",
    "follow",
    "grow",
    "identity_motion",
    "noise_of",
    "prepare",
    "steady_visibility",
    "weighed",
    "window_means",
]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

FARTHEST: Final = 1e6
"""Metres: a coordinate beyond this is no measurement."""

DECISIVE: Final = 10.0
"""Difference of log likelihood (times two) that decides between two motions."""

_LEAST_SIGMA: Final = 0.5  # of the tolerance: offsets are not weighed more finely than this
_LEAST_POINTS: Final = 4  # visible points that a pose is fitted to; three would fit any noise
_LEAST_EXTENT: Final = 0.01  # metres; spread along the second axis below which a rotation is not determined
_LEAST_KEPT: Final = 0.6  # share of the points a body starts from that must go on belonging to it
_ROUNDS: Final = 15  # of growing; each reaches steps and points that the one before made known
_LEAST_TRIPLES: Final = 10  # second differences that a point's own noise is told from
_MOST_NOISE: Final = 10.0  # times the median: beyond this it is not noise
_MOST_PLAUSIBLE: Final = 0.05  # metres; tracks that jerk more do not jitter, they jump
_CHUNK: Final = 2048  # points looked at together


@dataclass(frozen=True, slots=True, eq=False)
class RigidMotion:
    """A body's pose at every step.

    Attributes:
        rotation: (t, 3, 3), body to world.
        translation: (t, 3), metres.
        known: (t,), whether enough of the body's points are visible to tell.
        points: (t,) int64, visible points the pose rests on.
        body: (n, 3), metres, body frame: the place of the body's points in it; nan for others, and where it cannot be
            told.
    """

    rotation: FloatArray
    translation: FloatArray
    known: BoolArray
    points: npt.NDArray[np.int64]
    body: FloatArray

    def positions(self, step: int) -> FloatArray:
        """(n, 3), metres: where the body's motion puts each point at a step; nan where that cannot be told."""
        if not self.known[step]:
            return np.full_like(self.body, np.nan)
        return np.asarray(self.body @ self.rotation[step].T + self.translation[step])


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Tracks made ready: what is not known is cleared, time is cut into windows.

    Attributes:
        points: (t, n, 3), metres, 0 where not valid.
        valid: (t, n), visible, finite and not a flicker.
        by_point, valid_by_point: (n, t, 3) and (n, t), the same, one point after the other.
        starts: (b + 1,) first step of each window.
        least_count: steps that a window's mean needs.
        noise: (n,), metres, standard deviation per coordinate.
        tolerance: metres; offsets from a rigid motion up to this are not told from none.
        factor: how many standard deviations of noise are allowed.
    """

    points: FloatArray
    valid: BoolArray
    by_point: FloatArray
    valid_by_point: BoolArray
    starts: npt.NDArray[np.int64]
    least_count: int
    noise: FloatArray
    tolerance: float
    factor: float

    def take(self, chosen: npt.NDArray[np.int64]) -> Clip:
        """The same of some points (k,) alone."""
        return replace(
            self,
            points=np.ascontiguousarray(self.points[:, chosen]),
            valid=np.ascontiguousarray(self.valid[:, chosen]),
            by_point=self.by_point[chosen],
            valid_by_point=self.valid_by_point[chosen],
            noise=self.noise[chosen],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """How well every point keeps its place in a moving body; (n,) each.

    Attributes:
        body: (n, 3), metres, body frame, nan where it cannot be told.
        worst: largest mean offset in a window over what is allowed; up to 1 the point moves with the body.
        cost: sum over windows of steps times squared mean offset, square metres.
        windows: how many windows could be judged.
        scatter: metres, root mean square offset of single steps, per coordinate.
    """

    body: FloatArray
    worst: FloatArray
    cost: FloatArray
    windows: npt.NDArray[np.int64]
    scatter: FloatArray

    @property
    def fits(self) -> BoolArray:
        """(n,): whether the point moves with the body, as far as two windows or more can tell."""
        return np.asarray((self.worst <= 1.0) & (self.windows >= 2))


def steady_visibility(tracks: Tracks, least_run: int = 3) -> BoolArray:
    """(t, n): where a point is visible, finite and has been so for a moment.

    A spell of visibility of fewer than ``least_run`` steps is taken for a flicker of the flag: what is stored then may
    be a hidden point's place, or anything. Clips too short for such spells are taken as they are.

    Args:
        tracks: of the scene.
        least_run: steps.
    """
    steps = len(tracks.points)
    with np.errstate(invalid="ignore"):
        valid: BoolArray = np.asarray(tracks.visible & (np.abs(tracks.points) <= FARTHEST).all(axis=2))
    run = min(least_run, steps // 10)
    if run <= 1:
        return valid
    # Erosion, then dilation, along time; the clip's ends do not cut a spell short.
    padded = np.concatenate([np.repeat(valid[:1], run - 1, 0), valid, np.repeat(valid[-1:], run - 1, 0)])
    length = len(padded) - run + 1
    inner = padded[:length].copy()
    for shift in range(1, run):
        inner &= padded[shift : shift + length]
    outer = np.zeros_like(padded)
    for shift in range(run):
        outer[shift : shift + length] |= inner
    return np.asarray(outer[run - 1 : run - 1 + steps])


def noise_of(points: FloatArray, valid: BoolArray) -> tuple[float, FloatArray]:
    """Noise of tracks, from how much they jerk: second differences have six times its variance.

    Args:
        points: (t, n, 3), metres.
        valid: (t, n).

    Returns:
        The median point's standard deviation per coordinate, metres, 0 where nothing can be told; and (n,) each point's
        own, at least the median one.
    """
    steps, count = valid.shape
    own = np.full(count, np.nan)
    if steps >= 3:
        for start in range(0, count, _CHUNK):
            part = slice(start, start + _CHUNK)
            triple = valid[:-2, part] & valid[1:-1, part] & valid[2:, part]
            jerk = np.abs(points[:-2, part] - 2 * points[1:-1, part] + points[2:, part])
            jerk[~triple] = np.inf
            lines = np.sort(jerk.transpose(1, 2, 0))  # each point's coordinates, smallest jerk first
            found = triple.sum(axis=0)
            told = np.flatnonzero(found >= _LEAST_TRIPLES)
            own[start + told] = 1.4826 * lines[told, :, found[told] // 2].mean(axis=1) / np.sqrt(6.0)
    if np.isnan(own).all():
        return 0.0, np.zeros(count)
    typical = min(float(np.nanmedian(own)), _MOST_PLAUSIBLE)
    return typical, np.clip(np.where(np.isnan(own), typical, own), typical, _MOST_NOISE * typical)


def prepare(tracks: Tracks, window_seconds: float, tolerance: float, factor: float, least_run: int = 3) -> Clip:
    """Clear what is not known, measure the noise and cut time into windows.

    Args:
        tracks: of the scene.
        window_seconds: over which positions are averaged; shorter in clips of fewer than four windows.
        tolerance: metres.
        factor: standard deviations of noise that are allowed.
        least_run: steps, see ``steady_visibility``.
    """
    valid = steady_visibility(tracks, least_run)
    points = np.where(valid[..., None], tracks.points, 0.0)
    steps = len(points)
    width = max(1, min(round(window_seconds / tracks.step_seconds), steps // 4))
    starts = np.unique(np.linspace(0, steps, max(1, round(steps / width)) + 1).round().astype(np.int64))
    noise = noise_of(points, valid)[1]
    return Clip(
        points,
        valid,
        np.ascontiguousarray(points.transpose(1, 0, 2)),
        np.ascontiguousarray(valid.T),
        starts,
        max(1, (width + 3) // 4),
        noise,
        tolerance,
        factor,
    )


def identity_motion(clip: Clip) -> RigidMotion:
    """A body that stands still in the frame the tracks are given in."""
    steps, count = clip.valid.shape
    return RigidMotion(
        np.tile(np.eye(3), (steps, 1, 1)),
        np.zeros((steps, 3)),
        np.ones(steps, dtype=np.bool_),
        np.zeros(steps, dtype=np.int64),
        np.full((count, 3), np.nan),
    )


def follow(clip: Clip, motion: RigidMotion) -> Fit:
    """How well every point keeps its place in a body that moves like this."""
    count = clip.valid.shape[1]
    body = np.empty((count, 3))
    worst, cost, scatter = np.empty(count), np.empty(count), np.empty(count)
    windows = np.empty(count, dtype=np.int64)
    _kernels.rigid_residuals(
        clip.by_point,
        clip.valid_by_point,
        motion.rotation,
        motion.translation,
        motion.known,
        clip.starts,
        clip.least_count,
        clip.noise,
        float(clip.tolerance),
        float(clip.factor),
        body,
        worst,
        cost,
        windows,
        scatter,
    )
    return Fit(body, worst, cost, windows, scatter)


def window_means(clip: Clip, motion: RigidMotion, points: npt.NDArray[np.int64]) -> tuple[FloatArray, BoolArray]:
    """Mean positions (k, b, 3) of some points (k,) in each window, in a body's frame; and (k, b) where it has some."""
    local = np.einsum("tji,tnj->tni", motion.rotation, clip.points[:, points] - motion.translation[:, None])
    valid = clip.valid[:, points] & motion.known[:, None]
    local[~valid] = 0.0
    starts = clip.starts[:-1]
    count = np.add.reduceat(valid, starts, axis=0, dtype=np.int64)
    means = np.add.reduceat(local, starts, axis=0) / np.maximum(count, 1)[..., None]
    return np.ascontiguousarray(means.transpose(1, 0, 2)), np.ascontiguousarray((count >= clip.least_count).T)


def _solve(clip: Clip, body: FloatArray, before: RigidMotion | None) -> RigidMotion:
    """The pose of each step that brings the body's points nearest to where they are seen."""
    so_far = identity_motion(clip) if before is None else before
    known = np.zeros_like(so_far.known) if before is None else so_far.known
    gate = 3.0 * (clip.tolerance + clip.factor * clip.noise)
    moments = np.empty((len(clip.points), 16))
    _kernels.rigid_moments(clip.points, clip.valid, body, so_far.rotation, so_far.translation, known, gate, moments)
    count = moments[:, 0]
    some = np.maximum(count, 1.0)
    seen, own = moments[:, 1:4] / some[:, None], moments[:, 4:7] / some[:, None]
    cross = moments[:, 7:].reshape(-1, 3, 3) - count[:, None, None] * seen[:, :, None] * own[:, None, :]
    left, spread, right = np.linalg.svd(cross)
    left[:, :, 2] *= np.sign(np.linalg.det(left @ right))[:, None]  # a rotation, not a mirror
    rotation = left @ right
    translation = seen - np.einsum("tij,tj->ti", rotation, own)
    told = (count >= _LEAST_POINTS) & (spread[:, 1] >= some * _LEAST_EXTENT**2)
    return RigidMotion(
        np.ascontiguousarray(rotation), np.ascontiguousarray(translation), told, count.astype(np.int64), body
    )


def fit_motion(clip: Clip, members: npt.ArrayLike) -> RigidMotion:
    """The motion of a body that these points (n,) bool belong to, through all the steps they connect."""
    wanted = np.asarray(members, dtype=np.bool_)
    return grow(clip, wanted, wanted, keep=True)[0]


def claims(clip: Clip, fit: Fit, motion: RigidMotion, rest: RigidMotion | None) -> BoolArray:
    """(n,): points that move with a body, and of which another, ``rest``, does not explain the same windows as well.

    Two things that are seen together only while neither moves have nothing in common; where they move, they have.

    Args:
        clip: prepared tracks.
        fit: of the motion.
        motion: of the body.
        rest: of what does not count as moving, or None.
    """
    if rest is None:
        return fit.fits
    other = follow(clip, replace(rest, known=rest.known & motion.known))
    return fit.fits & ~(other.fits & (weighed(clip, other) < weighed(clip, fit) + DECISIVE))


def weighed(clip: Clip, fit: Fit) -> FloatArray:
    """(n,): minus twice the log likelihood of each point's offsets."""
    return np.asarray(fit.cost / np.maximum(clip.noise, _LEAST_SIGMA * clip.tolerance) ** 2)


def grow(
    clip: Clip, seeds: BoolArray, pool: BoolArray, rest: RigidMotion | None = None, *, keep: bool = False
) -> tuple[RigidMotion, BoolArray]:
    """Fit a motion to some points, take in all that share it, and go on until nothing changes.

    Points that lose most of their number on the way were a mixture of bodies, and are none.

    Args:
        clip: prepared tracks.
        seeds: (n,), points that move alike.
        pool: (n,), points that may be taken in.
        rest: see ``claims``.
        keep: members stay, however well they fit.

    Returns:
        The motion, with the places of the pool's points in the body; and (n,) who shares it.
    """
    involved = np.flatnonzero(seeds | pool)
    motion, few = _grow(clip.take(involved), seeds[involved], pool[involved], rest, keep)
    members = np.zeros_like(seeds)
    members[involved] = few
    body = np.full((len(seeds), 3), np.nan)
    body[involved] = motion.body
    return replace(motion, body=body), members


def _grow(
    clip: Clip, seeds: BoolArray, pool: BoolArray, rest: RigidMotion | None, keep: bool
) -> tuple[RigidMotion, BoolArray]:
    members = seeds.copy()
    body = np.full((len(seeds), 3), np.nan)
    if not members.any() or not len(clip.points):
        return _unknown(clip), np.zeros_like(members)
    reference = int(np.argmax(clip.valid[:, members].sum(axis=1)))
    at_first = members & clip.valid[reference]
    body[at_first] = clip.points[reference, at_first]
    motion: RigidMotion | None = None
    for _ in range(_ROUNDS):
        before = motion
        motion = _solve(clip, body, before)
        if not motion.known.any():
            return _unknown(clip), np.zeros_like(members)
        fit = follow(clip, motion)
        now = members if keep else pool & claims(clip, fit, motion, rest)
        place = np.isfinite(fit.body[:, 0])
        settled = before is not None and np.array_equal(before.known, motion.known) and np.array_equal(now, members)
        reached = np.array_equal(np.isfinite(body[:, 0]), now & place)
        members = now
        if np.count_nonzero(members & seeds) < _LEAST_KEPT * np.count_nonzero(seeds):
            return _unknown(clip), np.zeros_like(members)
        motion = replace(motion, body=fit.body)
        if settled and reached:
            break
        body = np.where((members & place)[:, None], fit.body, np.nan)
    assert motion is not None
    return motion, members


def _unknown(clip: Clip) -> RigidMotion:
    still = identity_motion(clip)
    return RigidMotion(still.rotation, still.translation, np.zeros_like(still.known), still.points, still.body)
