"""Which frames to compare: few, that see the same surface from places far enough apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.types import Scene
from ._doctor_conventions import Convention
from ._doctor_views import View, pose_of

__all__ = ["BASELINE", "LONGEST", "baseline", "choose_neighbours", "choose_pairs", "telling_pairs", "wide_pairs"]

BASELINE: Final = 0.05  # of the median depth; on smaller ones every convention fits
_WANTED: Final = 0.15  # of the median depth: parallax enough, and most of the surface still seen by both
LONGEST: Final = 0.8
_MOST_TURNED: Final = 50.0  # degrees; it is the same angle whichever way the poses are read
_TURNED: Final = 25.0  # degrees that are as bad as a baseline off by a factor of e
_WINDOW: Final = 40  # frames; what is seen again much later has drifted in real sequences
_FEW: Final = 6  # frames, of which all neighbours are compared
_MOST_PAIRS: Final = 6
_NEIGHBOURS: Final = 6  # pairs of frames, one after the other
_TOO_LARGE: Final = (0.001, 0.01, 0.1, 10.0, 100.0, 1000.0)  # that poses may be, compared with depth

FloatArray = npt.NDArray[np.float64]


def choose_pairs(scene: Scene, starts: Sequence[int], load: Callable[[int], View | None]) -> list[tuple[View, View]]:
    """Pairs of views to compare: a partner for each start.

    Args:
        scene: with depth.
        starts: frame indices.
        load: the view of a frame, None where it has no usable depth.
    """
    with_depth = np.array([index for index, frame in enumerate(scene.frames) if frame.has_depth])
    if len(with_depth) < 2:
        return []
    if len(with_depth) <= _FEW:
        views = [view for index in with_depth if (view := load(int(index))) is not None]
        return [pair for pair in pairwise(views) if _turn(*pair) < _MOST_TURNED]
    return _pairs(scene, starts, with_depth, load)


def choose_neighbours(scene: Scene, load: Callable[[int], View | None]) -> list[tuple[View, View]]:
    """A few pairs of frames with depth, one after the other, whatever their poses say; evenly spread.

    Args:
        scene: with depth.
        load: the view of a frame, None where it has no usable depth.
    """
    after = list(pairwise(index for index, frame in enumerate(scene.frames) if frame.has_depth))
    if len(after) > _NEIGHBOURS:
        after = [after[int(place)] for place in np.rint(np.linspace(0, len(after), _NEIGHBOURS + 1))[:-1]]
    pairs = [(load(first), load(second)) for first, second in after]
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def wide_pairs(scene: Scene, starts: Sequence[int], load: Callable[[int], View | None]) -> list[tuple[View, View]]:
    """Pairs of views for each start as they would suit poses in another unit, or depth in one or wrongly coded.

    Args:
        scene: with depth.
        starts: frame indices.
        load: the view of a frame, None where it has no usable depth.
    """
    with_depth = np.array([index for index, frame in enumerate(scene.frames) if frame.has_depth])
    return [pair for factor in _TOO_LARGE for pair in _pairs(scene, starts, with_depth, load, factor)]


def _pairs(
    scene: Scene,
    starts: Sequence[int],
    with_depth: npt.NDArray[np.int64],
    load: Callable[[int], View | None],
    factor: float = 1.0,
) -> list[tuple[View, View]]:
    poses = np.array([pose_of(scene, int(index))[0] for index in with_depth])
    pairs: list[tuple[View, View]] = []
    taken: set[frozenset[int]] = set()
    for start in starts:
        first = load(start)
        if first is None:
            continue
        order = _partners(first, poses, with_depth, factor)
        partner = next((int(index) for index in order if frozenset((start, int(index))) not in taken), None)
        second = None if partner is None else load(partner)
        if second is not None:
            taken.add(frozenset((first.index, second.index)))
            pairs.append((first, second))
    return pairs


def telling_pairs(views: Sequence[View]) -> list[tuple[View, View]]:
    """The pairs of views from which conventions may be told, the best first.

    The baseline must suffice both with the poses as stated and inverted, since either may be the true one; half of
    what is needed will do, since depth may be stated twice too large.
    """
    found = []
    for place, a in enumerate(views):
        for b in views[place + 1 :]:
            lengths = _baselines(a.stored, b.stored[None])[:, 0] / max(a.median, b.median)
            turn = _turn(a, b)
            if turn < _MOST_TURNED and lengths.min() >= BASELINE / 2:
                found.append((turn / _TURNED + abs(float(np.log(lengths[0] / _WANTED))), a.index, b.index, (a, b)))
    return [pair for *_, pair in sorted(found, key=lambda entry: entry[:3])[:_MOST_PAIRS]]


def baseline(a: View, b: View, convention: Convention) -> float:
    """Between the two cameras, as a share of the median depth, read in a convention."""
    lengths = _baselines(a.stored, b.stored[None])[:, 0]
    return float(lengths[int(convention.inverted)] / (convention.scale * convention.shrunk * max(a.median, b.median)))


def _baselines(first: FloatArray, others: FloatArray) -> FloatArray:
    """(2, n) metres between camera centres, with poses as stated and inverted."""
    stated = np.linalg.norm(others[:, :3, 3] - first[:3, 3], axis=1)
    inverse = np.einsum("nij,ni->nj", others[:, :3, :3], others[:, :3, 3]) - first[:3, :3].T @ first[:3, 3]
    return np.stack([stated, np.linalg.norm(inverse, axis=1)])


def _partners(
    first: View, poses: FloatArray, with_depth: npt.NDArray[np.int64], factor: float
) -> npt.NDArray[np.int64]:
    """Frames that should see the same surface, the best first.

    Poses may be stated the wrong way round, so the baseline should suit both readings; where none does, the stated one.
    ``factor`` is how many times too large they are.
    """
    both = _baselines(first.stored, poses) / (first.median * factor)
    angle = _angles(first.stored, poses)
    possible = (with_depth != first.index) & (angle < _MOST_TURNED)
    near = np.abs(np.searchsorted(with_depth, with_depth) - np.searchsorted(with_depth, first.index)) <= _WINDOW
    for lengths in (both, both[:1]):
        for within in (near, ~near):
            suits = possible & within & (lengths >= BASELINE).all(axis=0) & (lengths <= LONGEST).all(axis=0)
            if suits.any():
                candidates = np.flatnonzero(suits)
                cost = angle[candidates] / _TURNED + np.abs(np.log(both[0, candidates] / _WANTED))
                return np.asarray(with_depth[candidates[np.argsort(cost, kind="stable")]])
    if factor != 1.0:
        return np.empty(0, np.int64)
    # None far enough: neighbours at least tell whether depth repeats itself.
    candidates = np.flatnonzero(possible & near)
    return np.asarray(with_depth[candidates[np.argsort(-both[0, candidates], kind="stable")]])


def _angles(first: FloatArray, others: FloatArray) -> FloatArray:
    """(n,) degrees between the rotations."""
    trace = np.einsum("ij,nij->n", first[:3, :3], others[:, :3, :3])
    return np.asarray(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))))


def _turn(a: View, b: View) -> float:
    return float(_angles(a.stored, b.stored[None])[0])
