"""What a camera would see of the mesh: depth and triangle at every pixel.

A z-buffer in inverse depth (which is linear in the image), near-plane clipped, without back-face culling. A pixel
whose centre lies on an edge belongs to both triangles; the nearer surface wins and, at equal depth, the lower
triangle, so that the result does not depend on the order of work. Triangles with a corner that is not finite, and
those without area in the image, are left out.

Through a distorted lens straight edges are curves in the image. Triangles stay planes over the rays (a, b, 1) of the
camera, in which edges are straight and inverse depth is linear, and every pixel asks at its own ray: what it shows is
what that ray hits first. Pixels that the lens's valid field does not reach show nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from . import _kernels
from .arrays import read_only
from .lens import LANES, is_pinhole, lens_of
from .projection import projection_matrix, viewing_matrices
from .types import Camera

__all__ = [
    "CLUSTER_FACES",
    "LANES",
    "SMALLEST_NEAR",
    "MeshMap",
    "TriangleClusters",
    "build_clusters",
    "cut_into_clusters",
    "rasterise",
    "spatial_order",
]

CLUSTER_FACES: Final = 128
"""Triangles of a cluster; small enough for tight boxes and corners that stay in the first-level cache."""

SMALLEST_NEAR: Final = 1e-4
"""Metres; a plane at the camera centre cannot be divided by."""


@dataclass(frozen=True, slots=True, eq=False)
class MeshMap:
    """The mesh as one camera sees it.

    Attributes:
        depth: (h, w) float32, metres along the camera's z axis, 0 where there is no mesh.
        triangle: (h, w) int32, index into the faces, -1 where there is no mesh.
    """

    depth: npt.NDArray[np.float32]
    triangle: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class TriangleClusters:
    """A mesh cut into small, compact groups of triangles: made once, so that each frame looks only at those in view.

    Attributes:
        points: (3, p) float32, each cluster's own vertices one after the other.
        vertex_start: (c + 1,) int64, where each cluster's vertices begin.
        corners: (3, m) uint16, each triangle's corners within its cluster.
        face_ids: (m,) int32, each triangle's index in the mesh.
        boxes: (c, 6) float64, centre and half size of each cluster.
        most_vertices: of any cluster.
    """

    points: npt.NDArray[np.float32]
    vertex_start: npt.NDArray[np.int64]
    corners: npt.NDArray[np.uint16]
    face_ids: npt.NDArray[np.int32]
    boxes: npt.NDArray[np.float64]
    most_vertices: int


def spatial_order(points: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """(n,): an order in which neighbours in space are near each other (a Z-order curve); points (n, 3) finite."""
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    low = points.min(axis=0).astype(np.float64)
    cell = max(float((points.max(axis=0) - low).max()) / 65536.0, 1e-9)
    codes = np.empty(len(points), dtype=np.uint64)
    _kernels.morton_codes(read_only(points, np.float32), low, cell, codes)
    return np.argsort(codes, kind="stable")


def build_clusters(vertices: npt.ArrayLike, faces: npt.ArrayLike) -> TriangleClusters:
    """Cut a mesh into clusters.

    Args:
        vertices: (n, 3), metres, world frame; taken as float32.
        faces: (m, 3) indices into vertices.
    """
    corners_world = np.ascontiguousarray(vertices, dtype=np.float32)
    triangles = np.ascontiguousarray(faces, dtype=np.int32)
    if corners_world.ndim != 2 or corners_world.shape[1] != 3:
        raise ValueError(f"vertices must have shape (n, 3), got {corners_world.shape}")
    if triangles.ndim != 2 or triangles.shape[1] != 3:
        raise ValueError(f"faces must have shape (m, 3), got {triangles.shape}")
    if triangles.size and (triangles.min() < 0 or triangles.max() >= len(corners_world)):
        raise ValueError("faces name vertices that do not exist")
    finite = np.asarray(np.isfinite(corners_world).all(axis=1))
    usable = np.flatnonzero(finite[triangles].all(axis=1))
    triangles = triangles[usable]
    centres = corners_world[triangles[:, 0]] + corners_world[triangles[:, 1]] + corners_world[triangles[:, 2]]
    order = spatial_order(centres / np.float32(3.0))
    return cut_into_clusters(corners_world, triangles[order], usable[order])


def cut_into_clusters(
    vertices: npt.NDArray[np.float32], faces: npt.NDArray[np.int32], face_ids: npt.NDArray[np.int64]
) -> TriangleClusters:
    """Every ``CLUSTER_FACES`` triangles in the order given become a cluster.

    Args:
        vertices: (n, 3), metres, world frame; those that faces name are finite.
        faces: (m, 3) indices into vertices.
        face_ids: (m,), each triangle's index in the mesh.
    """
    triangles = np.ascontiguousarray(faces)
    count = -(-len(triangles) // CLUSTER_FACES)
    corners = np.empty((3, len(triangles)), dtype=np.uint16)
    vertex_ids = np.empty(3 * len(triangles), dtype=np.int32)
    vertex_start = np.zeros(count + 1, dtype=np.int64)
    stamp = np.full(len(vertices), -1, dtype=np.int32)
    local = np.empty(len(vertices), dtype=np.int32)
    total = _kernels.cluster_vertices(triangles, CLUSTER_FACES, stamp, local, corners, vertex_ids, vertex_start)
    points = np.ascontiguousarray(vertices[vertex_ids[:total]].T)
    boxes = np.empty((count, 6))
    _kernels.bounding_boxes(points, vertex_start, boxes)
    most = int(np.diff(vertex_start).max()) if count else 0
    return TriangleClusters(points, vertex_start, corners, face_ids.astype(np.int32), boxes, most)


def rasterise(
    vertices: npt.ArrayLike | None,
    faces: npt.ArrayLike | None,
    camera: Camera,
    near: float = 0.10,
    clusters: TriangleClusters | None = None,
) -> MeshMap:
    """Depth and triangle of the mesh at every pixel of a camera.

    Args:
        vertices: (n, 3), metres, world frame; not looked at when ``clusters`` is given.
        faces: (m, 3) indices into vertices; likewise.
        camera: any but a panorama's.
        near: metres; what is nearer to the camera plane is cut away (never less than 0.1 mm).
        clusters: of the mesh, when it is drawn more than once.

    Raises:
        SceneError: for a panorama, and for what is no lens.
    """
    if clusters is None:
        if vertices is None or faces is None:
            raise ValueError("rasterise needs vertices and faces, or clusters")
        clusters = build_clusters(vertices, faces)
    keys = np.zeros((camera.height, camera.width + LANES), dtype=np.int64)
    near = max(float(near), SMALLEST_NEAR)
    if is_pinhole(camera):
        _kernels.rasterise(
            clusters.points,
            clusters.vertex_start,
            clusters.corners,
            clusters.face_ids,
            CLUSTER_FACES,
            clusters.boxes,
            projection_matrix(camera),
            near,
            camera.width,
            np.empty((6, clusters.most_vertices)),
            keys,
        )
    else:
        lens = lens_of(camera)
        _kernels.rasterise_bent(
            clusters.points,
            clusters.vertex_start,
            clusters.corners,
            clusters.face_ids,
            CLUSTER_FACES,
            clusters.boxes,
            *viewing_matrices(camera),
            near,
            camera.width,
            *lens.drawing,
            lens.blind,
            np.empty((12, clusters.most_vertices)),
            keys,
        )
    depth = np.empty((camera.height, camera.width), dtype=np.float32)
    triangle = np.empty(depth.shape, dtype=np.int32)
    _kernels.decode_keys(keys, depth, triangle)
    return MeshMap(depth, triangle)
