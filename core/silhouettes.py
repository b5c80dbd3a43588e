"""What a camera would see of each object if it were alone: how many pixels, and where.

The same triangles, cut at the same near plane and covering the same pixels as in the z-buffer of the whole mesh
(``core.raster``), but one instance at a time, and without depth: an object's visible pixels are always among those of
its silhouette. Nothing is cleared between instances: a pixel holds the number of the last one that covered it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import _kernels
from .arrays import read_only
from .lens import LANES, is_pinhole, lens_of
from .projection import projection_matrix, viewing_matrices
from .raster import CLUSTER_FACES, SMALLEST_NEAR, TriangleClusters, cut_into_clusters, spatial_order
from .types import Camera

__all__ = ["InstanceClusters", "Silhouettes", "build_instance_clusters", "draw_silhouettes", "silhouette_mask"]


@dataclass(frozen=True, slots=True, eq=False)
class InstanceClusters:
    """A labelled mesh cut for drawing one instance at a time; no cluster holds faces of two.

    Attributes:
        clusters: ordered by instance; the last cluster of each is filled up with triangles without area.
        start: (n + 1,) int64, where each instance's clusters begin.
        faces: (c,) int32, how many triangles of each cluster count.
    """

    clusters: TriangleClusters
    start: npt.NDArray[np.int64]
    faces: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Silhouettes:
    """What one camera would see of each of n instances, were it alone in the scene.

    Attributes:
        pixels: (n,) int32, how many it covers.
        bounds: (n, 4) int32, its first column and row, and one beyond its last; 0 where it covers none.
    """

    pixels: npt.NDArray[np.int32]
    bounds: npt.NDArray[np.int32]


def build_instance_clusters(
    vertices: npt.NDArray[np.float32],
    faces: npt.NDArray[np.int32],
    face_instance: npt.NDArray[np.int32],
    instances: int,
) -> InstanceClusters:
    """Cut a labelled mesh for ``draw_silhouettes``.

    Args:
        vertices: (v, 3), metres, world frame; faces with a corner that is not finite are left out.
        faces: (m, 3) indices into vertices.
        face_instance: (m,), index of each face's instance, -1 for none.
        instances: how many there are.
    """
    finite = np.asarray(np.isfinite(vertices).all(axis=1))
    usable = np.flatnonzero((face_instance >= 0) & finite[faces].all(axis=1))
    order = spatial_order(vertices[faces[usable]].mean(axis=1, dtype=np.float32))
    order = usable[order[np.argsort(face_instance[usable[order]], kind="stable")]]
    owner = face_instance[order]
    faces_of = np.bincount(owner, minlength=instances)
    clusters_of = -(-faces_of // CLUSTER_FACES)
    start = np.concatenate([[0], np.cumsum(clusters_of)])
    first_face = np.concatenate([[0], np.cumsum(faces_of)])
    # Each instance begins with a cluster of its own; what its last one lacks repeats a corner of its first triangle.
    place = np.arange(len(order)) - first_face[owner] + CLUSTER_FACES * start[owner]
    filler = np.repeat(faces[order[first_face[:-1][clusters_of > 0]], 0], CLUSTER_FACES * clusters_of[clusters_of > 0])
    padded = np.repeat(filler[:, None], 3, axis=1)
    padded[place] = faces[order]
    face_ids = np.full(len(padded), -1, dtype=np.int64)
    face_ids[place] = order
    clusters = cut_into_clusters(vertices, padded, face_ids)
    counted = np.bincount(place // CLUSTER_FACES, minlength=len(clusters.boxes))
    return InstanceClusters(clusters, read_only(start, np.int64), read_only(counted, np.int32))


def draw_silhouettes(clusters: InstanceClusters, camera: Camera, near: float = 0.10) -> Silhouettes:
    """How many pixels each instance covers, were it alone, and where.

    Args:
        clusters: of the labelled mesh.
        camera: any but a panorama's.
        near: metres; what is nearer to the camera plane is cut away, as ``raster.rasterise`` does.

    Raises:
        SceneError: for a panorama, and for what is no lens.
    """
    count = len(clusters.start) - 1
    pixels = np.zeros(count, dtype=np.int32)
    bounds = np.zeros((count, 4), dtype=np.int32)
    _stamp(clusters, np.arange(count), camera, near, pixels, bounds)
    return Silhouettes(read_only(pixels, np.int32), read_only(bounds, np.int32))


def silhouette_mask(
    clusters: InstanceClusters, instance: int, camera: Camera, near: float = 0.10
) -> npt.NDArray[np.bool_]:
    """(h, w): which pixels one instance covers, were it alone; arguments and errors as ``draw_silhouettes``."""
    count = len(clusters.start) - 1
    if not 0 <= instance < count:
        raise IndexError(f"instance {instance} of {count}")
    stamps = _stamp(
        clusters, np.array([instance]), camera, near, np.zeros(count, np.int32), np.zeros((count, 4), np.int32)
    )
    return np.asarray(stamps[:, : camera.width] == instance + 1)


def _stamp(
    clusters: InstanceClusters,
    wanted: npt.NDArray[np.int64],
    camera: Camera,
    near: float,
    pixels: npt.NDArray[np.int32],
    bounds: npt.NDArray[np.int32],
) -> npt.NDArray[np.int32]:
    """Draw instances one after the other; (h, w + LANES): one more than the last that covers each pixel, 0 for none."""
    stamps = np.zeros((camera.height, camera.width + LANES), dtype=np.int32)
    near = max(float(near), SMALLEST_NEAR)
    mesh = clusters.clusters
    shared = (
        mesh.points,
        mesh.vertex_start,
        mesh.corners,
        CLUSTER_FACES,
        mesh.boxes,
        read_only(wanted, np.int64),
        clusters.start,
        clusters.faces,
    )
    if is_pinhole(camera):
        _kernels.silhouettes(
            *shared,
            projection_matrix(camera),
            near,
            camera.width,
            np.empty((6, mesh.most_vertices)),
            stamps,
            pixels,
            bounds,
        )
    else:
        lens = lens_of(camera)
        _kernels.silhouettes_bent(
            *shared,
            *viewing_matrices(camera),
            near,
            camera.width,
            *lens.drawing,
            np.empty((12, mesh.most_vertices)),
            stamps,
            pixels,
            bounds,
        )
    return stamps
