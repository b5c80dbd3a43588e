"""Exact distances between surfaces: from a place to an object, and between the nearest places of two objects.

Of two triangles the nearest places are a corner of one and a place on the other, a place on an edge of each, or, where
they cross, where an edge of one goes through the other (C. Ericson, "Real-Time Collision Detection", 5.1). Which
triangles come into question is found by boxes around blocks of them: a block farther away than a distance already
found holds nothing nearer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from .raster import spatial_order

__all__ = ["NearestPlaces", "SurfaceDistances"]

_BLOCK: Final = 32  # triangles rejected together
_AT_ONCE: Final = 32  # pairs of blocks looked at together, nearest first
_FIRST: Final = 32  # triangles that are looked at before all others, for a distance that is hardly too long

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class NearestPlaces:
    """Two places and how far apart they are.

    Attributes:
        distance: metres; infinite where there is no surface.
        first, second: (3,), metres, world frame; nan where there is no surface.
    """

    distance: float
    first: FloatArray
    second: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Surface:
    """One object.

    Attributes:
        triangles: (t, 3, 3), neighbours together.
        bounds: (t, 2, 3), boxes around each.
        boxes: (b, 2, 3), around each block of them.
        tree: of the triangles' centres.
        reach: metres, from a centre to a corner of its triangle at most.
    """

    triangles: FloatArray
    bounds: FloatArray
    boxes: FloatArray
    tree: cKDTree
    reach: float


class SurfaceDistances:
    """Distances to and between the objects of a scene; each object is prepared when first asked for.

    Args:
        vertices: (v, 3), metres, world frame; faces with a corner that is not finite are left out.
        faces: (m, 3) indices into vertices.
        face_instance: (m,), index of each face's instance, -1 for none.
    """

    def __init__(
        self,
        vertices: npt.NDArray[np.float32],
        faces: npt.NDArray[np.int32],
        face_instance: npt.NDArray[np.int32],
    ) -> None:
        finite = np.asarray(np.isfinite(vertices).all(axis=1))
        usable = np.flatnonzero((face_instance >= 0) & finite[faces].all(axis=1))
        self._vertices, self._faces = vertices, faces
        self._order = usable[np.argsort(face_instance[usable], kind="stable")]
        self._owner = face_instance[self._order]
        self._prepared: dict[int, _Surface | None] = {}

    def to_place(self, instance: int, place: npt.ArrayLike) -> NearestPlaces:
        """The nearest place of an object to a place (3,), metres, world frame; ``first`` is that place."""
        point = np.asarray(place, dtype=np.float64)
        surface = self._surface(instance)
        if surface is None:
            return _nowhere()
        best, _ = surface.tree.query(point)
        gap = np.linalg.norm(
            np.maximum(np.maximum(surface.boxes[:, 0] - point, point - surface.boxes[:, 1]), 0), axis=1
        )
        near = surface.triangles[_members(np.flatnonzero(gap <= best), len(surface.triangles))]
        found = _on_triangles(np.broadcast_to(point, (len(near), 3)), near)
        distance = np.linalg.norm(found - point, axis=1)
        nearest = int(distance.argmin())
        return NearestPlaces(float(distance[nearest]), point, found[nearest])

    def bracket(self, first: int, second: int) -> tuple[float, float]:
        """Metres that two objects are apart at least, and at most: quickly, from the centres of their triangles."""
        one, other = self._surface(first), self._surface(second)
        if one is None or other is None:
            return np.inf, np.inf
        most = float(other.tree.query(one.tree.data)[0].min())
        return max(most - one.reach - other.reach, 0.0), most

    def between(self, first: int, second: int) -> NearestPlaces:
        """The nearest places of two objects; 0 apart where their surfaces cross or touch."""
        one, other = self._surface(first), self._surface(second)
        if one is None or other is None:
            return _nowhere()
        gaps, near = other.tree.query(one.tree.data)
        likely = np.argsort(gaps, kind="stable")[:_FIRST]
        start = int(likely[0])
        best = NearestPlaces(
            float(gaps[start]), np.array(one.tree.data[start]), np.array(other.tree.data[int(near[start])])
        )
        best = _nearest_of(one.triangles[likely], other.triangles[near[likely]], best)
        # Blocks of one near the whole other first: their pairs are few.
        whole = np.stack([other.boxes[:, 0].min(axis=0), other.boxes[:, 1].max(axis=0)])
        rows = np.flatnonzero(_box_gaps(one.boxes, whole[None]) <= best.distance)
        bounds = _box_gaps(one.boxes[rows][:, None], other.boxes[None])
        row, column = np.nonzero(bounds <= best.distance)
        order = np.argsort(bounds[row, column], kind="stable")
        bound, row, column = bounds[row, column][order], rows[row[order]], column[order]
        for start in range(0, len(row), _AT_ONCE):
            if bound[start] >= best.distance:
                break
            some = slice(start, start + _AT_ONCE)
            a, b = _pairs(row[some], column[some], len(one.triangles), len(other.triangles))
            close = _box_gaps(one.bounds[a], other.bounds[b]) < best.distance
            best = _nearest_of(one.triangles[a[close]], other.triangles[b[close]], best)
        return best

    def _surface(self, instance: int) -> _Surface | None:
        if instance not in self._prepared:
            start, end = np.searchsorted(self._owner, [instance, instance + 1])
            triangles = self._vertices[self._faces[self._order[start:end]]].astype(np.float64)
            if len(triangles):
                triangles = triangles[spatial_order(triangles.mean(axis=1).astype(np.float32))]
                starts = np.arange(0, len(triangles), _BLOCK)
                low, high = triangles.min(axis=1), triangles.max(axis=1)
                boxes = np.stack([np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)], axis=1)
                centres = triangles.mean(axis=1)
                reach = float(np.linalg.norm(triangles - centres[:, None], axis=2).max())
                bounds = np.stack([low, high], axis=1)
                self._prepared[instance] = _Surface(triangles, bounds, boxes, cKDTree(centres), reach)
            else:
                self._prepared[instance] = None
        return self._prepared[instance]


def _nowhere() -> NearestPlaces:
    return NearestPlaces(np.inf, np.full(3, np.nan), np.full(3, np.nan))


def _members(blocks: IndexArray, count: int) -> IndexArray:
    """Indices of the triangles of some blocks."""
    members = (blocks[:, None] * _BLOCK + np.arange(_BLOCK)).ravel()
    return members[members < count]


def _box_gaps(one: FloatArray, other: FloatArray) -> FloatArray:
    """Distance of boxes (…, 2, 3): least and greatest corner."""
    apart = np.maximum(one[..., 0, :] - other[..., 1, :], other[..., 0, :] - one[..., 1, :])
    return np.asarray(np.linalg.norm(np.maximum(apart, 0.0), axis=-1))


def _pairs(row: IndexArray, column: IndexArray, ones: int, others: int) -> tuple[IndexArray, IndexArray]:
    """Indices of each two triangles of pairs of blocks, of which there are so many triangles."""
    inside = np.arange(_BLOCK)
    a, b = np.broadcast_arrays(
        (row[:, None] * _BLOCK + inside)[:, :, None], (column[:, None] * _BLOCK + inside)[:, None, :]
    )
    real = (a < ones) & (b < others)
    return a[real], b[real]


def _nearest_of(first: FloatArray, second: FloatArray, best: NearestPlaces) -> NearestPlaces:
    """The nearest places of triangles (k, 3, 3) and their partners, or those known before."""
    if not len(first):
        return best
    for p, q in _candidates(first, second):
        distance = np.linalg.norm(p - q, axis=1)
        nearest = int(distance.argmin())
        if distance[nearest] < best.distance:
            best = NearestPlaces(float(distance[nearest]), p[nearest], q[nearest])
    return best


def _candidates(first: FloatArray, second: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """Pairs of places (j, 3), on triangles (k, 3, 3) each, among which are the nearest of each two triangles."""
    found = []
    for one, other in ((first, second), (second, first)):
        crossings = [_crossing(one[:, k - 1], one[:, k], other) for k in range(3)]
        places = np.concatenate([one[:, 0], one[:, 1], one[:, 2], *crossings])
        found.append((places, _on_triangles(places, np.tile(other, (6, 1, 1)))))
    i, j = (np.repeat(np.arange(3), 3), np.tile(np.arange(3), 3))
    edges = [some.reshape(-1, 3) for some in (first[:, i - 1], first[:, i], second[:, j - 1], second[:, j])]
    return [found[0], found[1][::-1], _on_edges(*edges)]


def _crossing(start: FloatArray, end: FloatArray, triangles: FloatArray) -> FloatArray:
    """(k, 3): where edges go through the planes of triangles; the end nearer to it where they do not."""
    normal = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    before = ((start - triangles[:, 0]) * normal).sum(axis=1)
    after = ((end - triangles[:, 0]) * normal).sum(axis=1)
    along = np.clip(_divided(before, before - after), 0.0, 1.0)
    return start + along[:, None] * (end - start)


def _on_triangles(points: FloatArray, triangles: FloatArray) -> FloatArray:
    """(k, 3): the place of each triangle (k, 3, 3) nearest to its point (k, 3)."""
    a, b, c = (triangles[:, k] for k in range(3))
    normal = np.cross(b - a, c - a)
    square = (normal * normal).sum(axis=1)
    foot = points - _divided(((points - a) * normal).sum(axis=1), square)[:, None] * normal
    within = square > 0
    for start, end in ((a, b), (b, c), (c, a)):
        within &= (np.cross(end - start, foot - start) * normal).sum(axis=1) >= 0
    nearest, least = foot, np.where(within, ((points - foot) ** 2).sum(axis=1), np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        side = end - start
        along = np.clip(_divided(((points - start) * side).sum(axis=1), (side * side).sum(axis=1)), 0.0, 1.0)
        place = start + along[:, None] * side
        square = ((points - place) ** 2).sum(axis=1)
        nearest = np.where((square < least)[:, None], place, nearest)
        least = np.minimum(least, square)
    return nearest


def _on_edges(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The nearest places (k, 3) of edges a–b and c–d (Ericson, 5.1.9)."""
    u, v, w = b - a, d - c, a - c
    uu, vv, uv = (u * u).sum(axis=1), (v * v).sum(axis=1), (u * v).sum(axis=1)
    uw, vw = (u * w).sum(axis=1), (v * w).sum(axis=1)
    s = np.clip(_divided(uv * vw - uw * vv, uu * vv - uv * uv), 0.0, 1.0)
    t = np.clip(_divided(uv * s + vw, vv), 0.0, 1.0)
    s = np.clip(_divided(uv * t - uw, uu), 0.0, 1.0)
    return a + s[:, None] * u, c + t[:, None] * v


def _divided(above: FloatArray, below: FloatArray) -> FloatArray:
    """The quotient; 0 where there is none."""
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)
