"""What a camera sees that looks everywhere at once: a map over all directions, made from the six sides of a cube.

The cube is drawn finer than the panorama, and only proposes triangles. What a pixel of the panorama shows is decided by
its own ray, among the triangles that the cube shows there and in the eight places around.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.raster import MeshMap, TriangleClusters, rasterise
from ..core.types import Camera
from .render import NEAR, pixel_rays

__all__ = ["panorama_map"]

_FINER: Final = 6
_LEAST_FOCAL: Final = 768.0  # pixels: small triangles need places of their own, however small the panorama is
_MARGIN: Final = 5  # pixels that the sides of the cube run past each other
_SLACK: Final = 1e-6  # of barycentric coordinates, so that no ray slips between two triangles

Floats = npt.NDArray[np.float64]


def panorama_map(
    vertices: npt.NDArray[np.float32], faces: npt.NDArray[np.int32], clusters: TriangleClusters, camera: Camera
) -> MeshMap:
    """Length of the ray and triangle at every pixel of an equirectangular camera.

    Args:
        vertices: (n, 3), metres, world frame.
        faces: (m, 3) into vertices.
        clusters: of these.
        camera: of the panorama.
    """
    directions = (camera.camera_to_world[:3, :3] @ pixel_rays(camera).reshape(3, -1)).T
    origin = camera.centre
    largest = np.abs(directions).argmax(axis=1)
    side = 2 * largest + (directions[np.arange(len(directions)), largest] < 0)
    length, triangle = np.zeros(len(directions)), np.full(len(directions), -1, np.int64)
    focal = max(_LEAST_FOCAL, _FINER * camera.width / 8)  # half a side, whose width is a quarter of the panorama's
    for number in range(6):
        mine = np.flatnonzero(side == number)
        axes = _axes(number)
        seen, middle = _cube_side(clusters, origin, axes, focal)
        local = directions[mine] @ axes
        column, row = (np.rint(local[:, k] / local[:, 2] * focal + middle).astype(int) for k in range(2))
        # Where no triangle is hit, which takes a seam of the mesh, what the cube shows stands.
        first = seen.triangle[row, column]
        best = seen.depth[row, column] / local[:, 2]
        choice = first.copy()
        nearest = np.full(len(mine), np.inf)
        # The wider ring only where the close one has nothing: triangles narrower than a pixel of the cube.
        for around in (1, _MARGIN):
            left = np.flatnonzero(np.isinf(nearest))
            for down, right in itertools.product(range(-around, around + 1), repeat=2):
                other = seen.triangle[row[left] + down, column[left] + right]
                new = (other >= 0) & ((other != first[left]) | (down == right == 0))
                asked, other = left[new], other[new]
                hit = _hits(vertices, faces[other], origin, directions[mine[asked]])
                closer = hit < nearest[asked]
                nearest[asked[closer]], choice[asked[closer]] = hit[closer], other[closer]
        length[mine] = np.where(np.isfinite(nearest), nearest, best)
        triangle[mine] = choice
    shape = (camera.height, camera.width)
    return MeshMap(length.reshape(shape).astype(np.float32), triangle.reshape(shape).astype(np.int32))


def _axes(side: int) -> Floats:
    """(3, 3): right, down and forward of a side of the cube as columns."""
    axis, negative = divmod(side, 2)
    forward = np.eye(3)[axis] * (-1 if negative else 1)
    right = np.eye(3)[(axis + 1) % 3]
    return np.column_stack([right, np.cross(forward, right), forward])


def _cube_side(clusters: TriangleClusters, origin: Floats, axes: Floats, focal: float) -> tuple[MeshMap, float]:
    """The map of a side, and where its middle is, in pixels."""
    size = 2 * (int(np.ceil(focal)) + _MARGIN)
    middle = (size - 1) / 2
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = axes, origin
    intrinsics = np.array([[focal, 0, middle], [0, focal, middle], [0, 0, 1]])
    return rasterise(None, None, Camera(intrinsics, pose, size, size), NEAR, clusters), middle


def _hits(
    vertices: npt.NDArray[np.float32], faces: npt.NDArray[np.int32], origin: Floats, directions: Floats
) -> Floats:
    """(n,): how far along each ray it meets its triangle; inf where it does not."""
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    u, v, start = b - a, c - a, origin - a
    p = np.cross(directions, v)
    q = np.cross(start, u)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1.0 / (u * p).sum(axis=1)
        wb = (start * p).sum(axis=1) * scale
        wc = (directions * q).sum(axis=1) * scale
        along = (v * q).sum(axis=1) * scale
        inside = (wb >= -_SLACK) & (wc >= -_SLACK) & (wb + wc <= 1 + _SLACK) & (along > 0)
    return np.where(inside, along, np.inf)
