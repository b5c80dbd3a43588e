"""The search for rigid bodies that is robust to noise: what moves together, and which body each point belongs to.

``rigid`` has the definition; this file the steps: pairs that agree, a body that starts from some that agree with most
of one another, all points that share its motion; then, for every point, the body that explains it best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from . import _kernels
from .rigid_motion import (
    DECISIVE,
    Clip,
    Fit,
    RigidMotion,
    claims,
    fit_motion,
    follow,
    grow,
    identity_motion,
    weighed,
    window_means,
)

if TYPE_CHECKING:
    from .rigid import RigidSettings

__all__ = ["assign_points", "evenly", "find_bodies"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

_SHARE: Final = 0.8  # of the others that a point agrees with, to be among those a body starts from
_CORE: Final = 16  # points at most that a body starts from
_PAIR_FACTOR: Final = 6.5  # standard deviations; of a million pairs a few differ by more in some window
_ROUNDS: Final = 3  # of giving every point to the body that explains it best
_SAME_BODY: Final = 0.9  # share of two bodies' points that one motion must explain, for them to be one
_MAY_BE_SAME: Final = 0.5  # share of a body's points that another's motion explains, for that to be tried
_LEAST_STEPS: Final = 4  # that a point is visible in, to be given to a body
_MOST_BODIES: Final = 60  # of a scene: cloth and people fall into as many stiff pieces as one likes
_MOST_FAILURES: Final = 60  # starts that come to nothing, likewise
_MOST_TRIES: Final = 3  # other bodies that each is tried to be one with
_NEIGHBOURS: Final = 3  # that decide where motions cannot
_NEAR: Final = 0.5  # metres; farther points are no neighbours


def evenly(indices: IntArray, most: int) -> IntArray:
    """At most this many of them, evenly spaced."""
    if len(indices) <= most:
        return indices
    return indices[np.arange(most) * len(indices) // most]


def find_bodies(clip: Clip, in_world: bool, settings: RigidSettings) -> tuple[list[RigidMotion], bool]:
    """The motions of the bodies, found one after the other; and whether the first is standing still."""
    bodies: list[RigidMotion] = []
    if not len(clip.points):
        return bodies, False
    windows = np.add.reduceat(clip.valid, clip.starts[:-1], axis=0, dtype=np.int64) >= clip.least_count
    pool = windows.sum(axis=0) >= 2
    if in_world:
        still = identity_motion(clip)
        at_rest = pool & follow(clip, still).fits
        if np.count_nonzero(at_rest) >= settings.least_size:
            bodies.append(still)
            pool = pool & ~at_rest
    some_still = bool(bodies)
    chosen = evenly(np.flatnonzero(pool), settings.max_points)
    if len(chosen) < settings.least_size:
        return bodies, some_still
    agree, known = _agreement(clip, chosen, settings)
    # What stands still, or else the body found first: moving means moving against it.
    rest = identity_motion(clip) if in_world else None
    if rest is not None:
        agree &= _move_together(clip, chosen, rest, settings)
    left = np.ones(len(chosen), dtype=np.bool_)
    failures = 0
    while len(bodies) < _MOST_BODIES:
        degree = agree[:, left].sum(axis=1, dtype=np.int64)
        while True:
            seed = int(np.argmax(np.where(left, degree, -1)))
            if not left[seed] or degree[seed] < settings.least_size:
                return bodies, some_still
            near = _nearest(clip, chosen, seed, left & agree[seed])
            core = _trimmed(agree, known, near, settings.least_size)
            members = np.zeros(len(pool), dtype=np.bool_)
            if np.count_nonzero(core) >= settings.least_size:
                seeds = np.zeros(len(pool), dtype=np.bool_)
                seeds[chosen[core]] = True
                motion, members = grow(clip, seeds, pool, rest)
            left[seed] = False
            if np.count_nonzero(members) >= settings.least_size:
                break
            degree = degree - agree[:, seed]
            failures += int(np.count_nonzero(core) >= settings.least_size)
            if failures > _MOST_FAILURES:
                return bodies, some_still
        bodies.append(motion)
        pool = pool & ~members
        left &= ~members[chosen]
        if rest is None:
            rest = motion
            agree &= _move_together(clip, chosen, rest, settings)
    return bodies, some_still


def _nearest(clip: Clip, chosen: IntArray, seed: int, candidates: BoolArray) -> BoolArray:
    """(m,): the seed and those of the candidates that are nearest to it; what is close mostly belongs together.

    In a short clip many pairs keep their distance by chance, but few of them are neighbours.
    """
    visible = clip.valid[:, chosen] & clip.valid[:, chosen[seed], None]
    step = int(np.argmax(np.count_nonzero(visible & candidates, axis=1)))
    there = np.flatnonzero(candidates & visible[step])
    points = clip.points[step, chosen]
    order = np.argsort(np.linalg.norm(points[there] - points[seed], axis=1), kind="stable")
    near = np.zeros_like(candidates)
    near[there[order[:_CORE]]] = True
    near[seed] = True
    return near


def _move_together(clip: Clip, chosen: IntArray, rest: RigidMotion, settings: RigidSettings) -> BoolArray:
    """(m, m): pairs of which one at least moves against ``rest`` while both are visible."""
    means, seen = window_means(clip, rest, chosen)
    travel = np.empty((len(chosen), len(chosen)), dtype=np.float32)
    _kernels.common_travel(means, seen, travel)
    noise = clip.noise[chosen] / np.sqrt(clip.least_count)
    moves = travel > np.maximum(2 * settings.tolerance, _PAIR_FACTOR * noise)[:, None]
    return np.asarray(moves | moves.T)


def _agreement(clip: Clip, chosen: IntArray, settings: RigidSettings) -> tuple[BoolArray, BoolArray]:
    """(m, m): pairs whose distance never changes by more than noise explains; and pairs of which that can be told."""
    count = len(chosen)
    spreads = np.empty((count, count), dtype=np.float32)
    common = np.empty((count, count), dtype=np.int32)
    _kernels.distance_spreads(
        np.ascontiguousarray(clip.points[:, chosen].transpose(0, 2, 1)),
        np.ascontiguousarray(clip.valid[:, chosen], dtype=np.float64),
        clip.starts,
        clip.least_count,
        spreads,
        common,
    )
    noise = clip.noise[chosen] / np.sqrt(clip.least_count)
    allowed = np.maximum(2 * settings.tolerance, _PAIR_FACTOR * np.hypot(noise[:, None], noise))
    known = common >= 2
    return known & (spreads <= allowed), known


def _trimmed(agree: BoolArray, known: BoolArray, core: BoolArray, least_size: int) -> BoolArray:
    """Those of a point's partners that also agree with most of one another."""
    while np.count_nonzero(core) >= least_size:
        inside = np.flatnonzero(core)
        pairs = np.ix_(inside, inside)
        share = agree[pairs].sum(axis=1) / np.maximum(known[pairs].sum(axis=1), 1)
        bad = share < _SHARE
        if not bad.any():
            break
        # The worst first: those who only disagree with the intruders recover when these have gone.
        core = core.copy()
        core[inside[share <= max(share.min(), 0.5 * _SHARE)]] = False
    return core


def assign_points(
    clip: Clip, bodies: Sequence[RigidMotion], some_still: bool, settings: RigidSettings
) -> tuple[IntArray, bool]:
    """Every point to the body that explains it best; and whether body 0 stands still."""
    group = np.full(clip.valid.shape[1], -1, dtype=np.int64)
    motions = list(bodies)
    for _ in range(_ROUNDS):
        if not motions:
            return group, False
        before = group
        fits = [follow(clip, motion) for motion in motions]
        group = _choose(clip, _costs(clip, fits))
        motions, group = _merged(clip, motions, fits, group)
        names, sizes = np.unique(group, return_counts=True)
        names = names[(names >= 0) & (sizes >= settings.least_size)]
        number = np.full(len(motions) + 1, -1, dtype=np.int64)
        number[names] = np.arange(len(names))
        group = number[group]
        some_still = some_still and bool(len(names)) and int(names[0]) == 0
        motions = [
            motions[0] if some_still and body == 0 else fit_motion(clip, group == body) for body in range(len(names))
        ]
        if np.array_equal(group, before):
            break
    if motions:
        # Points seen for a moment only are judged by shorter windows; many will go with their neighbours.
        rare = group < 0
        starts = np.unique(np.linspace(0, len(clip.points), 4 * (len(clip.starts) - 1) + 1).round().astype(np.int64))
        fine = replace(clip, starts=starts, least_count=1)
        told = np.where(rare, _choose(fine, _costs(fine, [follow(fine, motion) for motion in motions])), group)
        told[clip.valid.sum(axis=0) < _LEAST_STEPS] = -1
        group = np.where(rare, told, group)
    return group, some_still


def _costs(clip: Clip, fits: Sequence[Fit]) -> npt.NDArray[np.float64]:
    """(bodies, n): minus twice the log likelihood of each point under each body, inf where it does not fit."""
    windows = np.array([fit.windows for fit in fits])
    # A window in which a body's pose is not known speaks neither for nor against it: it costs what is expected.
    unseen = windows.max(axis=0) - windows
    cost = np.array([weighed(clip, fit) for fit in fits]) + 3.0 * unseen
    return np.where(np.array([fit.fits for fit in fits]), cost, np.inf)


def _choose(clip: Clip, cost: npt.NDArray[np.float64]) -> IntArray:
    """(n,): the cheapest body; among equally good ones that of the point's neighbours; -1 where none fits."""
    best = cost.min(axis=0)
    told = np.isfinite(best)
    good = told & (cost < best + DECISIVE)
    group = np.where(told, cost.argmin(axis=0), -1)
    open_question = np.flatnonzero(good.sum(axis=0) > 1)
    decided = told & (good.sum(axis=0) == 1)
    if not len(open_question) or not decided.any():
        return group
    sizes = np.bincount(group[told], minlength=len(cost))
    # Neighbours are looked for at the step that shows most decided points while the point itself is visible.
    popularity = clip.valid[:, decided].sum(axis=1)
    step = np.argmax(np.where(clip.valid[:, open_question], popularity[:, None], -1), axis=0)
    for moment in np.unique(step):
        there = np.flatnonzero(decided & clip.valid[moment])
        if not len(there):
            continue
        asking = open_question[step == moment]
        tree = cKDTree(clip.points[moment, there])
        far, near = tree.query(clip.points[moment, asking], k=_NEIGHBOURS, distance_upper_bound=_NEAR)
        neighbours = np.append(group[there], -1)[near]  # what is not near is told by an index past the end
        neighbours[~np.isfinite(far)] = -1
        for point, voters in zip(asking.tolist(), neighbours, strict=True):
            votes = np.bincount(voters + 1, minlength=len(cost) + 1)[1:]
            votes[~good[:, point]] = 0
            # Most of a scene stands still, or is at least one body: only a clear majority says otherwise.
            clear = 2 * votes.max() > _NEIGHBOURS
            group[point] = int(np.argmax(votes) if clear else np.argmax(np.where(good[:, point], sizes, -1)))
    return group


def _merged(
    clip: Clip, motions: Sequence[RigidMotion], fits: Sequence[Fit], group: IntArray
) -> tuple[list[RigidMotion], IntArray]:
    """Bodies that one motion explains become one: fitted to both, and kept if it fits nearly all of their points."""
    motions, group = list(motions), group.copy()
    rest = motions[0]
    alike = [claims(clip, fit, motion, rest) for fit, motion in zip(fits, motions, strict=True)]
    order = np.argsort(np.bincount(group[group >= 0], minlength=len(motions)), kind="stable").tolist()
    for place, small in enumerate(order):
        mine = group == small
        if small == 0 or not mine.any():
            continue
        shares = {large: alike[large][mine].mean() for large in order[place + 1 :] if large and (group == large).any()}
        hopeful = [large for large, share in shares.items() if share >= _MAY_BE_SAME]
        for large in sorted(hopeful, key=lambda large: -shares[large])[:_MOST_TRIES]:
            theirs = group == large
            both = fit_motion(clip, mine | theirs)
            fit = follow(clip, both)
            if min(fit.fits[mine].mean(), fit.fits[theirs].mean()) >= _SAME_BODY:
                motions[large] = both
                alike[large] = claims(clip, fit, both, rest)
                group[mine] = large
                break
    return motions, group
