"""How large objects are: boxes around their surfaces, robust to stray bits of mesh.

An object's surface is the faces of which at least two corners are its own, without loose components of less than 2 %
of its area. Its extent along a direction runs from 0.5 % to 99.5 % of that area, exactly: nothing is sampled. Two
boxes: aligned with the world; and upright, aligned with gravity and turned to the least floor area, of which height is
the vertical extent and length the longer horizontal side (docs/conventions.md, "Object box"). The box of least floor
area has a side along an edge of the convex hull of the surface as seen from above.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, QhullError

from ..errors import SceneError
from .arrays import read_only
from .types import Scene

__all__ = ["LOOSE_SHARE", "TAIL", "ObjectBoxes", "area_interval", "boxes_of_surfaces", "boxes_of_vertices"]

LOOSE_SHARE: Final = 0.02
"""A connected part with less than this share of an object's area is loose: not part of its surface."""

TAIL: Final = 0.005
"""Share of the area that lies beyond an extent at each end."""

_RIVAL_AREA: Final = 1.02  # a box up to this much larger than the smallest might be taken for it on another scan
_CORNERS: Final = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
"""Of a box, from its centre, in its sides."""
_BINS: Final = 256  # of an extent, for a first coarse count
_RESOLUTION: Final = 1e-7  # metres; where the search for an extent's end stops, far below any mesh's accuracy

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ObjectBoxes:
    """Boxes of a scene's n instances; nan where an instance has none (no surface, no finite vertex).

    Attributes:
        centre: (n, 3), metres, world frame, of the upright box.
        size: (n, 3), metres: its length, width and height; length >= width.
        axes: (n, 3, 3): the directions of length, width and height as rows, unit vectors, world frame, right-handed.
        raw_size: (n, 3), metres: extents of all the instance's vertices along the same directions.
        aligned: (n, 2, 3), metres, world frame: least and greatest corner of the world-aligned box.
        rival: (n,): how much length or width would change, as a share, if the box were turned to another direction with
            nearly (within 2 %) the least floor area; 0 where there is no such direction.
        measured: (v,) bool: the scene's vertices that belong to what was measured.
    """

    centre: FloatArray
    size: FloatArray
    axes: FloatArray
    raw_size: FloatArray
    aligned: FloatArray
    rival: FloatArray
    measured: npt.NDArray[np.bool_]

    @property
    def corners(self) -> FloatArray:
        """(n, 8, 3), metres, world frame, of the upright boxes; the last axis's side changes first."""
        return self.centre[:, None] + (_CORNERS * self.size[:, None]) @ self.axes


def boxes_of_surfaces(scene: Scene, face_instance: npt.NDArray[np.int32]) -> ObjectBoxes:
    """The boxes every size question rests on.

    Args:
        scene: with mesh, instances and up.
        face_instance: (m,), index of each face's instance, -1 for none.

    Raises:
        SceneError: when the scene has no up axis.
    """
    upright = _upright(scene)
    vertices, owner, faces = _mesh(scene)
    boxes = _no_boxes(scene)
    finite = np.asarray(np.isfinite(vertices).all(axis=1))
    usable = np.flatnonzero((face_instance >= 0) & finite[faces].all(axis=1))
    triangles = vertices[faces[usable]].astype(np.float64)
    area = 0.5 * np.linalg.norm(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1)
    solid = _is_solid(faces[usable], face_instance[usable], area, vertices, len(scene.instances))
    kept, triangles, area = usable[solid], triangles[solid], area[solid]
    corner = faces[kept].ravel()
    own = owner[corner] == np.repeat(face_instance[kept], 3)
    boxes.measured[corner[own]] = True
    mine = _groups(owner, len(scene.instances))
    for instance, members in _groups(face_instance[kept], len(scene.instances)):
        surface, weight = triangles[members], area[members]
        seen_from_above = surface.reshape(-1, 3) @ upright[:2].T
        turn, rival = _least_area_direction(seen_from_above)
        axes = np.stack([turn @ upright[:2], np.array([-turn[1], turn[0]]) @ upright[:2], upright[2]])
        bounds = np.array([area_interval(surface @ axis, weight) for axis in axes])
        if bounds[1, 1] - bounds[1, 0] > bounds[0, 1] - bounds[0, 0]:
            # Turned by a quarter: what was along is now across, the other way round.
            axes, bounds = np.stack([axes[1], -axes[0], axes[2]]), np.stack([bounds[1], -bounds[0, ::-1], bounds[2]])
        boxes.axes[instance] = axes
        boxes.size[instance] = bounds[:, 1] - bounds[:, 0]
        boxes.centre[instance] = bounds.mean(axis=1) @ axes
        boxes.rival[instance] = rival
        boxes.aligned[instance] = np.transpose([area_interval(surface[..., k], weight) for k in range(3)])
    for instance, members in mine:
        points = vertices[members[finite[members]]].astype(np.float64)
        if len(points):
            boxes.raw_size[instance] = np.ptp(points @ boxes.axes[instance].T, axis=0)
    return _frozen(boxes)


def boxes_of_vertices(scene: Scene) -> ObjectBoxes:
    """The published MultiSPA boxes: raw, around all vertices of an instance, horizontal sides along the world's axes.

    Raises:
        SceneError: when the scene has no up axis.
    """
    upright = _upright(scene)
    vertices, owner, _ = _mesh(scene)
    boxes = _no_boxes(scene)
    boxes.measured[:] = (owner >= 0) & np.isfinite(vertices).all(axis=1)
    for instance, members in _groups(np.where(boxes.measured, owner, -1), len(scene.instances)):
        points = vertices[members].astype(np.float64)
        axes = upright
        bounds = np.stack([(points @ axes.T).min(axis=0), (points @ axes.T).max(axis=0)], axis=1)
        if bounds[1, 1] - bounds[1, 0] > bounds[0, 1] - bounds[0, 0]:
            axes, bounds = np.stack([axes[1], -axes[0], axes[2]]), np.stack([bounds[1], -bounds[0, ::-1], bounds[2]])
        boxes.axes[instance] = axes
        boxes.size[instance] = boxes.raw_size[instance] = bounds[:, 1] - bounds[:, 0]
        boxes.centre[instance] = bounds.mean(axis=1) @ axes
        boxes.rival[instance] = 0.0
        boxes.aligned[instance] = points.min(axis=0), points.max(axis=0)
    return _frozen(boxes)


def area_interval(positions: npt.ArrayLike, area: npt.ArrayLike, tail: float = TAIL) -> tuple[float, float]:
    """Between which positions along an axis all of a surface's area lies but a share ``tail`` at each end.

    Args:
        positions: (k, 3), metres: of each triangle's corners along the axis.
        area: (k,), square metres, of the triangles.
        tail: a fraction below 0.5.
    """
    corners = np.sort(np.asarray(positions, dtype=np.float64), axis=1)
    weight = np.asarray(area, dtype=np.float64)
    return _quantile(corners, weight, tail), -_quantile(-corners[:, ::-1], weight, tail)


def _quantile(corners: FloatArray, area: FloatArray, share: float) -> float:
    """The least position below which at least this share of the area lies; corners (k, 3) sorted along each row."""
    low, middle, high = corners.T
    target = share * float(area.sum())
    least, most = float(low.min()), float(high.max())
    # Triangles that end before a position lie below it, those that start after it do not: a coarse count of both
    # leaves a narrow stretch to search.
    width = max((most - least) / _BINS, _RESOLUTION)
    ended, started = (
        np.cumsum(np.bincount(np.minimum((end - least) / width, _BINS - 1).astype(np.int64), area, _BINS))
        for end in (high, low)
    )
    most = least + width * min(int(np.searchsorted(ended, target)) + 1, _BINS)
    least = least + width * int(np.searchsorted(started, target, side="right"))
    between = (low < most) & (high > least)
    below = float(area[high <= least].sum())
    low, middle, high, area = low[between], middle[between], high[between], area[between]
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = area / ((middle - low) * (high - low))
        falling = area / ((high - middle) * (high - low))
    while most - least > _RESOLUTION:
        half = 0.5 * (least + most)
        # A triangle is widest at its middle corner: its area below a position grows with the square up to there.
        with np.errstate(invalid="ignore"):
            part = np.where(half <= middle, (half - low) ** 2 * rising, area - (high - half) ** 2 * falling)
        part = np.where(half <= low, 0.0, np.where(half >= high, area, part))
        if below + float(part.sum()) >= target:
            most = half
        else:
            least = half
    return most


def _least_area_direction(points: FloatArray) -> tuple[FloatArray, float]:
    """The unit vector along a side of the least rectangle around points (k, 2), and how its nearest rival differs."""
    try:
        hull = points[ConvexHull(points).vertices]
    except QhullError:  # all on one line
        _, _, directions = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
        return directions[0], 0.0
    edges = np.roll(hull, -1, axis=0) - hull
    along = edges / np.linalg.norm(edges, axis=1, keepdims=True)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    sides = np.stack([np.ptp(hull @ along.T, axis=0), np.ptp(hull @ across.T, axis=0)], axis=1)
    floor = sides.prod(axis=1)
    best = int(np.argmin(floor))
    longer_first = -np.sort(-sides, axis=1)
    rivals = longer_first[floor <= _RIVAL_AREA * floor[best]]
    return along[best], float((np.abs(rivals - longer_first[best]) / longer_first[best]).max())


def _is_solid(
    faces: npt.NDArray[np.int32],
    instance: npt.NDArray[np.int32],
    area: FloatArray,
    vertices: npt.NDArray[np.float32],
    instances: int,
) -> npt.NDArray[np.bool_]:
    """(k,): whether each face has an area and belongs to a connected part with at least 2 % of its instance's.

    Faces are connected where they share a place, whether or not the mesh has one vertex there or several.
    """
    if not len(faces):
        return np.zeros(0, dtype=np.bool_)
    place = np.unique(_place_keys(vertices), return_inverse=True)[1]
    corner = instance[:, None].astype(np.int64) * (int(place.max()) + 1) + place[faces]
    node = np.unique(corner, return_inverse=True)[1].reshape(-1, 3)
    count = int(node.max()) + 1
    ends = np.concatenate([node[:, 1], node[:, 2]])
    links = coo_matrix((np.ones(len(ends), dtype=np.int8), (np.tile(node[:, 0], 2), ends)), shape=(count, count))
    part = connected_components(links, directed=False)[1][node[:, 0]]
    whole = np.bincount(instance, weights=area, minlength=instances)[instance]
    return np.asarray((area > 0) & (np.bincount(part, weights=area)[part] >= LOOSE_SHARE * whole))


def _place_keys(vertices: npt.NDArray[np.float32]) -> npt.NDArray[np.uint64]:
    """(v,): one number a place; different places share one in less than one of a million scenes."""
    bits = (vertices + np.float32(0.0)).view(np.uint32).astype(np.uint64)  # + 0 makes -0 and 0 one place
    key = bits[:, 0] | (bits[:, 1] << np.uint64(32))
    for word in (bits[:, 2], np.uint64(0)):
        key = (key ^ (key >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15) + word * np.uint64(0xD6E8FEB86659FD93)
    return np.asarray(key ^ (key >> np.uint64(29)))


def _groups(owner: npt.NDArray[np.int32], count: int) -> list[tuple[int, npt.NDArray[np.int64]]]:
    """Each of ``count`` owners that has any, with the indices of its things; -1 owns nothing."""
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(count + 1))
    return [(i, order[a:b]) for i, (a, b) in enumerate(pairwise(starts.tolist())) if b > a]


def _upright(scene: Scene) -> FloatArray:
    """(3, 3): two horizontal directions and up as rows; x, y and z where up is z.

    The first is the world axis least aligned with up (x before y before z), made horizontal.
    """
    if scene.up is None:
        raise SceneError(f"scene {scene.id} has no up axis", remedy="questions about height and length must be skipped")
    up = scene.up / np.linalg.norm(scene.up)
    first = np.eye(3)[int(np.argmin(np.round(np.abs(up), 9)))]
    first = first - (first @ up) * up
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(up, first), up])


def _mesh(scene: Scene) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Vertices, each one's instance (-1 for none) and faces."""
    if scene.vertices is None or scene.faces is None:
        raise SceneError(f"scene {scene.id} has no mesh", remedy="questions about sizes must be skipped")
    owner = scene.vertex_instance
    return scene.vertices, np.full(len(scene.vertices), -1, np.int32) if owner is None else owner, scene.faces


def _no_boxes(scene: Scene) -> ObjectBoxes:
    count = len(scene.instances)
    assert scene.vertices is not None
    return ObjectBoxes(
        centre=np.full((count, 3), np.nan),
        size=np.full((count, 3), np.nan),
        axes=np.full((count, 3, 3), np.nan),
        raw_size=np.full((count, 3), np.nan),
        aligned=np.full((count, 2, 3), np.nan),
        rival=np.full(count, np.nan),
        measured=np.zeros(len(scene.vertices), dtype=np.bool_),
    )


def _frozen(boxes: ObjectBoxes) -> ObjectBoxes:
    return ObjectBoxes(
        *(
            read_only(array, array.dtype)
            for array in (
                boxes.centre,
                boxes.size,
                boxes.axes,
                boxes.raw_size,
                boxes.aligned,
                boxes.rival,
                boxes.measured,
            )
        )
    )
