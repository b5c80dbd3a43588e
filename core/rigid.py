"""Which points of a scene move together: rigid bodies from tracks.

``robust`` (the default). Points that stand still in the world are one body. Among the others, two agree when their
distance, averaged over windows of half a second in which both are visible, never changes by more than the tracks' own
noise explains. A body starts from points that agree with most of one another; its motion is fitted at every step and
all points that share it are taken in, so that points never visible together are joined through others. At the end each
point goes to the body whose motion explains it best; where two explain it equally well (it was visible only while both
stood still) to the body of its neighbours. Slow motions show, because windows are compared over the whole clip.

``published``: Multi-SpatialMLLM (arXiv 2505.17015). loss[i, j] = sum over steps of |d_t(i, j) - d_{t-1}(i, j)| where
that change exceeds ``least_change``; average linkage, cut at ``cut``. Visibility is not looked at. The published code
does not say what becomes of missing positions; here, as in plain floating-point comparison, a change that is not a
number is not above the threshold, so a step at which either point is missing counts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage

from . import _kernels
from .arrays import read_only
from .rigid_motion import (
    FARTHEST,
    Clip,
    RigidMotion,
    fit_motion,
    follow,
    identity_motion,
    prepare,
    steady_visibility,
)
from .rigid_search import assign_points, evenly, find_bodies
from .types import Tracks

__all__ = [
    "RIGID_PRESETS",
    "RigidGroups",
    "RigidMotion",
    "RigidSettings",
    "body_motion",
    "distance_change_losses",
    "segment",
    "steady_visibility",
]

IntArray = npt.NDArray[np.int64]

_TILE: Final = 128  # points of a block; 300 steps of them stay in a second-level cache


@dataclass(frozen=True, slots=True)
class RigidSettings:
    """What counts as moving together.

    Attributes:
        method: ``robust`` or ``published`` (see the module).
        least_size: points a body has at least; points of smaller ones belong to none.
        window_seconds: positions and distances are averaged over windows of this length (robust).
        tolerance: metres; an offset from a body's motion up to this is not told from none (robust).
        noise_factor: standard deviations of noise that a window's mean may be off (robust).
        least_run: steps; a shorter spell of visibility is taken for a flicker (robust).
        max_points: points compared pairwise, chosen evenly. Of more, the robust method gives the others to the bodies
            found; in the published one they belong to none.
        least_change: metres; smaller changes from one step to the next count nothing (published).
        cut: metres; clusters are cut at this average loss (published).
    """

    method: Literal["robust", "published"] = "robust"
    least_size: int = 6
    window_seconds: float = 0.5
    tolerance: float = 0.005
    noise_factor: float = 4.5
    least_run: int = 3
    max_points: int = 3000
    least_change: float = 0.01
    cut: float = 0.1


RIGID_PRESETS: Final[dict[str, RigidSettings]] = {
    "default": RigidSettings(),
    "multispa": RigidSettings(method="published"),
}
_DEFAULT: Final = RIGID_PRESETS["default"]


@dataclass(frozen=True, eq=False)
class RigidGroups:
    """The bodies of a scene.

    Attributes:
        group: (n,) the body of each point, largest body first; -1 for points of none, or that cannot be told because
            they are visible too rarely.
        still: the body that stands still in the world, or -1 where none is known to.
        tracks, settings: what they were found in, and how.
        prepared: the tracks as they were looked at, where that has been done; see ``clip``.
    """

    group: npt.NDArray[np.int32]
    still: int
    tracks: Tracks
    settings: RigidSettings
    prepared: Clip | None = None

    @cached_property
    def clip(self) -> Clip:
        """The tracks without what is not known, and their noise."""
        return _prepared(self.tracks, self.settings) if self.prepared is None else self.prepared

    @cached_property
    def noise(self) -> float:
        """Metres, standard deviation of the tracks per coordinate: of the jerks, or about the largest body's motion."""
        clip = self.clip
        if not clip.noise.size:
            return 0.0
        members = self.group == 0
        # Noise that changes slowly shows in how far points of a body stray from its motion, and in nothing else.
        robust = self.settings.method == "robust" and members.any()
        stray = follow(clip, body_motion(self, 0)).scatter[members] if robust else np.zeros(1)
        return max(float(clip.noise.min()), float(np.nanmedian(stray)))

    @property
    def sizes(self) -> IntArray:
        """(bodies,): points of each."""
        return np.bincount(self.group[self.group >= 0], minlength=int(self.group.max(initial=-1)) + 1)


def segment(tracks: Tracks, settings: RigidSettings = _DEFAULT) -> RigidGroups:
    """The rigid bodies of a scene, from its tracks.

    Args:
        tracks: in the world, or in the camera's frame of reference (bodies are the same, none of them stands still).
        settings: the method and its numbers.
    """
    if settings.method == "published":
        return RigidGroups(_numbered(_published(tracks.points, settings), settings.least_size), -1, tracks, settings)
    clip = _prepared(tracks, settings)
    bodies, some_still = find_bodies(clip, tracks.space == "world", settings)
    found, some_still = assign_points(clip, bodies, some_still, settings)
    group = _numbered(found, settings.least_size)
    still = int(group[np.argmax(found == 0)]) if some_still else -1
    return RigidGroups(group, still, tracks, settings, clip)


def body_motion(groups: RigidGroups, body: int) -> RigidMotion:
    """How one of the bodies moves.

    Args:
        groups: of ``segment``.
        body: number of the body.
    """
    clip, members = groups.clip, groups.group == body
    if body != groups.still:
        return fit_motion(clip, members)
    motion = identity_motion(clip)
    seen = clip.valid[:, members].sum(axis=1)
    return replace(motion, points=np.maximum(seen, 1), body=follow(clip, motion).body)


def _prepared(tracks: Tracks, settings: RigidSettings) -> Clip:
    return prepare(
        tracks, settings.window_seconds, settings.tolerance, settings.noise_factor, least_run=settings.least_run
    )


def _numbered(group: IntArray, least_size: int) -> npt.NDArray[np.int32]:
    """Groups numbered by size, the largest first, ties by their first point; too small ones become -1."""
    names, first, member, size = np.unique(group, return_index=True, return_inverse=True, return_counts=True)
    kept = np.flatnonzero((names >= 0) & (size >= least_size))
    number = np.full(len(names), -1, dtype=np.int32)
    number[kept[np.lexsort((first[kept], -size[kept]))]] = np.arange(len(kept))
    return np.asarray(number[member], dtype=np.int32)


# ---- the published method


def distance_change_losses(points: npt.ArrayLike, least_change: float) -> npt.NDArray[np.float64]:
    """Changes of pairwise distance, summed over steps: the published loss, bit for bit that of the plain loop.

    Args:
        points: (t, n, 3), metres; values that are not finite, or beyond 1,000 km, are missing.
        least_change: metres; smaller changes count nothing.

    Returns:
        (n (n - 1) / 2,), metres, in the order of scipy's condensed distance matrices.
    """
    given = read_only(points, np.float64)
    if given.ndim != 3 or given.shape[2] != 3:
        raise ValueError(f"points must have shape (t, n, 3), got {given.shape}")
    steps, count = given.shape[:2]
    losses = np.zeros(count * (count - 1) // 2)
    if steps < 2 or count < 2:
        return losses
    blocks = -(-count // _TILE)
    tiles = np.zeros((blocks, steps, 3, _TILE))
    rows = np.empty((count, steps, 3))
    travel = np.empty((count, steps))
    farthest = np.zeros((blocks, steps))
    _kernels.tile_tracks(given, float(FARTHEST), tiles, rows, travel, farthest)
    _kernels.distance_change_losses(tiles, rows, travel, farthest, float(least_change), losses)
    return losses


def _published(points: npt.NDArray[np.float64], settings: RigidSettings) -> IntArray:
    """(n,): clusters of the published formula."""
    group = np.full(points.shape[1], -1, dtype=np.int64)
    chosen = evenly(np.arange(points.shape[1]), settings.max_points)
    if len(chosen) < 2 or not len(points):
        group[chosen] = 0
        return group
    losses = distance_change_losses(points[:, chosen], settings.least_change)
    group[chosen] = fcluster(linkage(losses, "average"), settings.cut, criterion="distance")
    return group
