"""A person with a camera: a smooth walk through the free floor, looking around at the furniture."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from .placement import Floorplan, Rectangle

__all__ = ["CLEARANCE", "Target", "Walk", "plan_walk"]

CLEARANCE: Final = 0.52
"""Metres between the camera and any surface; leaves 0.4 m of depth in the corners of the picture."""

_CELL: Final = 0.06  # m, of the grid the walk is planned on
_SMALLEST_AREA: Final = 1.3  # m2 a walk needs
_KEYS_PER_METRE: Final = 2.5
_SWINGS: Final = 2.5  # times the camera goes up and down in a walk
_HIGHEST, _LOWEST = 0.40, 0.40  # m above and below its usual height, where there is room
_SMOOTHING: Final = 80  # points of the path, a centimetre or so each


@dataclass(frozen=True, slots=True)
class Target:
    """Something worth looking at: where it is and how much it counts."""

    x: float
    y: float
    z: float
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """The walk as smooth curves over [0, 1]; ``poses(n)`` takes n steps of equal length along it."""

    positions: npt.NDArray[np.float64]
    yaw: npt.NDArray[np.float64]
    pitch: npt.NDArray[np.float64]
    roll: npt.NDArray[np.float64]

    def poses(self, count: int) -> npt.NDArray[np.float64]:
        """(count, 4, 4) camera_to_world, OpenCV axes."""
        at = np.linspace(0, len(self.yaw) - 1, count) if count > 1 else np.zeros(1)
        index = np.arange(len(self.yaw))
        yaw, pitch, roll = (np.interp(at, index, curve) for curve in (self.yaw, self.pitch, self.roll))
        poses = np.tile(np.eye(4), (count, 1, 1))
        forward = np.stack([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)], 1)
        right = np.stack([np.sin(yaw), -np.cos(yaw), np.zeros(count)], 1)
        down = np.cross(forward, right)
        c, s = np.cos(roll)[:, None], np.sin(roll)[:, None]
        poses[:, :3, 0], poses[:, :3, 1], poses[:, :3, 2] = c * right + s * down, c * down - s * right, forward
        for axis in range(3):
            poses[:, axis, 3] = np.interp(at, index, self.positions[:, axis])
        return poses


def plan_walk(
    rng: np.random.Generator,
    plan: Floorplan,
    obstacles: Sequence[Rectangle],
    vertices: npt.NDArray[np.float32],
    targets: Sequence[Target],
) -> Walk | None:
    """A walk through the room, or None if there is not enough free floor.

    Args:
        rng: decides height, way and sway.
        plan: the room's floor.
        obstacles: footprints nobody can step on.
        vertices: (n, 3) of the whole scene, metres; the camera keeps ``CLEARANCE`` from all of them.
        targets: what to look at.
    """
    height = float(rng.uniform(1.42, 1.60))
    tree = cKDTree(vertices)
    xs = np.arange(-plan.width / 2 + CLEARANCE, plan.width / 2 - CLEARANCE, _CELL)
    ys = np.arange(-plan.depth / 2 + CLEARANCE, plan.depth / 2 - CLEARANCE, _CELL)
    grid = np.stack([*np.meshgrid(xs, ys, indexing="ij")], -1)
    eye = np.concatenate([grid, np.full((*grid.shape[:2], 1), height)], -1)
    distance, _ = tree.query(eye, distance_upper_bound=CLEARANCE + 0.08)
    free = distance > CLEARANCE + 0.05
    for area in obstacles:
        free &= ~_within(area, grid, 0.05)
    parts, count = ndimage.label(free)
    if count == 0:
        return None
    sizes = ndimage.sum_labels(free, parts, np.arange(1, count + 1))
    if sizes.max() * _CELL**2 < _SMALLEST_AREA:
        return None
    cells = np.argwhere(parts == 1 + int(np.argmax(sizes)))
    way = _way(rng, cells, free.shape)
    path = _smooth(np.stack([xs[way[:, 0]], ys[way[:, 1]]], 1), tree, height)
    if path is None:
        return None
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    yaw, pitch = _look_around(rng, path, height, plan, targets, max(8, round(length * _KEYS_PER_METRE)))
    t = np.linspace(0, 2 * math.pi, len(path))
    bob = 0.02 * np.sin(t * length * 0.9 + rng.uniform(0, 6))
    rise = _rise(path, tree, height, rng.uniform(0, 2 * math.pi)) + bob
    roll = np.radians(1.5) * np.sin(t * length * 0.35 + rng.uniform(0, 6))
    pitch = pitch + np.radians(6) * np.sin(t * 2.3 + rng.uniform(0, 6))
    return Walk(np.column_stack([path, height + rise]), yaw, np.clip(pitch, -0.75, 0.25), roll)


def _rise(path: npt.NDArray[np.float64], tree: cKDTree, height: float, phase: float) -> npt.NDArray[np.float64]:
    """How far the camera is held above its usual height: people raise it over things and stoop to look under them."""
    steps = np.arange(-round(_LOWEST / 0.05), round(_HIGHEST / 0.05) + 1) * 0.05
    eye = np.concatenate([np.column_stack([path, np.full(len(path), height + step)]) for step in steps])
    blocked = (tree.query(eye, distance_upper_bound=1.0)[0] <= CLEARANCE + 0.02).reshape(len(steps), -1)
    below = np.where(blocked & (steps < 0)[:, None], steps[:, None] + 0.05, -_LOWEST).max(axis=0)
    above = np.where(blocked & (steps > 0)[:, None], steps[:, None] - 0.05, _HIGHEST).min(axis=0)
    # What is free all around stays free when the curve is smoothed.
    below = ndimage.maximum_filter1d(below, 2 * _SMOOTHING + 1)
    above = ndimage.minimum_filter1d(above, 2 * _SMOOTHING + 1)
    swing = np.sin(np.linspace(0, 2 * math.pi * _SWINGS, len(path)) + phase)
    wanted = np.clip(np.where(swing > 0, _HIGHEST, _LOWEST) * swing, below, above)
    return np.asarray(ndimage.gaussian_filter1d(wanted, _SMOOTHING / 4, mode="nearest"))


def _within(area: Rectangle, grid: npt.NDArray[np.float64], margin: float) -> npt.NDArray[np.bool_]:
    c, s = math.cos(area.turn), math.sin(area.turn)
    dx, dy = grid[..., 0] - area.x, grid[..., 1] - area.y
    inside_x = np.abs(c * dx + s * dy) < area.width / 2 + margin
    return np.asarray(inside_x & (np.abs(-s * dx + c * dy) < area.depth / 2 + margin))


def _way(rng: np.random.Generator, cells: npt.NDArray[np.int64], shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Cells of a way through the free floor that visits points far from each other."""
    stops = [int(rng.integers(len(cells)))]
    gap = np.full(len(cells), np.inf)
    for _ in range(6):
        gap = np.minimum(gap, np.linalg.norm(cells - cells[stops[-1]], axis=1))
        stops.append(int(np.argmax(gap)))
    number = np.full(shape, -1)
    number[tuple(cells.T)] = np.arange(len(cells))
    rows, columns, weights = [], [], []
    for dx, dy in ((1, 0), (0, 1), (1, 1), (1, -1)):
        a = number[max(0, -dx) : shape[0] - max(0, dx), max(0, -dy) : shape[1] - max(0, dy)]
        b = number[max(0, dx) : shape[0] + min(0, dx), max(0, dy) : shape[1] + min(0, dy)]
        both = (a >= 0) & (b >= 0)
        rows.append(a[both])
        columns.append(b[both])
        weights.append(np.full(int(both.sum()), math.hypot(dx, dy)))
    graph = sparse.coo_matrix(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), (len(cells),) * 2
    ).tocsr()
    distance, before = csgraph.dijkstra(graph, directed=False, indices=stops, return_predecessors=True)
    here, left, order = 0, set(range(1, len(stops))), [0]
    while left:
        here = min(left, key=lambda k: (distance[here, stops[k]], k))
        left.remove(here)
        order.append(here)
    way = [stops[0]]
    for start, stop in itertools.pairwise(order):
        leg, at = [], stops[stop]
        while at != stops[start]:
            leg.append(at)
            at = int(before[start, at])
        way += leg[::-1]
    return cells[way]


def _smooth(path: npt.NDArray[np.float64], tree: cKDTree, height: float) -> npt.NDArray[np.float64] | None:
    """The path as a smooth curve with points every centimetre or so, still clear of everything."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    at = np.concatenate([[0], np.cumsum(steps)])
    if at[-1] < 1.0:
        return None
    even = np.linspace(0, at[-1], round(at[-1] / 0.01) + 1)
    dense = np.stack([np.interp(even, at, path[:, k]) for k in range(2)], 1)
    for sigma in (28, 16, 8, 4):
        curve = ndimage.gaussian_filter1d(dense, sigma, axis=0, mode="nearest")
        eye = np.column_stack([curve, np.full(len(curve), height)])
        if tree.query(eye, distance_upper_bound=1.0)[0].min() > CLEARANCE + 0.02:
            # Points of equal arc length again: smoothing slows down in bends.
            along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
            even = np.linspace(0, along[-1], len(curve))
            return np.stack([np.interp(even, along, curve[:, k]) for k in range(2)], 1)
    return None


def _look_around(
    rng: np.random.Generator,
    path: npt.NDArray[np.float64],
    height: float,
    plan: Floorplan,
    targets: Sequence[Target],
    keys: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Yaw and pitch along the path: at each key the direction with the most not yet seen, never a sudden turn."""
    places = np.array([(t.x, t.y, t.z) for t in targets])
    weights = np.array([t.weight for t in targets])
    seen = np.zeros(len(targets))
    at = np.linspace(0, len(path) - 1, keys).round().astype(int)
    yaws: list[float] = []
    pitches: list[float] = []
    options = np.radians(np.arange(0, 360, 7.5))
    for step, k in enumerate(at):
        dx, dy = places[:, 0] - path[k, 0], places[:, 1] - path[k, 1]
        away, bearing = np.hypot(dx, dy), np.arctan2(dy, dx)
        worth = weights / (1 + 1.5 * seen) * np.clip((away - 0.5) / 0.8, 0, 1) * np.clip(1.4 - away / 5, 0.2, 1)
        around = np.abs((bearing[None, :] - options[:, None] + math.pi) % (2 * math.pi) - math.pi)
        inside = np.clip(1.25 - around / math.radians(26), 0, 1)
        score = inside @ worth + 0.9 * np.clip(_reach(plan, path[k], options) - 0.9, 0, 2.2)
        if step:
            turn = np.abs((options - yaws[-1] + math.pi) % (2 * math.pi) - math.pi)
            score = np.where(turn <= math.radians(48), score - 0.25 * turn, -np.inf)
        best = int(np.argmax(score))
        yaw = options[best] + rng.normal(0, 0.03)
        if step:
            yaw = yaws[-1] + (yaw - yaws[-1] + math.pi) % (2 * math.pi) - math.pi
        yaws.append(float(yaw))
        share = inside[best] * worth
        seen += inside[best] * (away > 0.5)
        slope = np.arctan2(places[:, 2] - height, np.maximum(away, 0.8))
        pitches.append(float(np.average(slope, weights=share + 1e-6)))
    index = np.arange(len(path))
    width = len(path) / keys * 0.55
    curves = [ndimage.gaussian_filter1d(np.interp(index, at, c), width, mode="nearest") for c in (yaws, pitches)]
    return curves[0], curves[1]


def _reach(plan: Floorplan, place: npt.NDArray[np.float64], yaw: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far the wall is in each direction, metres."""
    c, s = np.cos(yaw), np.sin(yaw)
    with np.errstate(divide="ignore"):
        x = (np.sign(c) * plan.width / 2 - place[0]) / np.where(np.abs(c) < 1e-9, 1e-9, c)
        y = (np.sign(s) * plan.depth / 2 - place[1]) / np.where(np.abs(s) < 1e-9, 1e-9, s)
    return np.asarray(np.minimum(np.abs(x), np.abs(y)))
