"""Points in the world to pixels of an image, through the camera of the image that is looked into, and back to rays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from . import _kernels
from .arrays import read_only
from .lens import is_pinhole, lens_of
from .types import Camera

__all__ = ["is_inside", "nearest_pixels", "project", "projection_matrix", "rays", "valid_field", "viewing_matrices"]

FloatArray = npt.NDArray[np.float64]


def projection_matrix(camera: Camera) -> FloatArray:
    """(3, 4): intrinsics times world_to_camera, so that ``matrix @ (X, Y, Z, 1)`` is ``(u Z, v Z, Z)``.

    Raises:
        SceneError: for a lens that is not a pinhole; ``project`` serves those that are distorted.
    """
    if not is_pinhole(camera):
        raise SceneError(
            f"the lens model {camera.model!r} has no projection matrix",
            remedy="use core.projection.project for a distorted lens; cut perspective views out of a panorama",
        )
    if not np.array_equal(camera.intrinsics[2], (0.0, 0.0, 1.0)):
        raise SceneError("intrinsics whose last row is not 0 0 1", remedy="check the scene's intrinsics file")
    return np.ascontiguousarray(camera.intrinsics @ camera.world_to_camera[:3])


def viewing_matrices(camera: Camera) -> tuple[FloatArray, FloatArray]:
    """Two (3, 4) matrices for kernels: one for points, one that decides what may be in view.

    For a pinhole both are its projection matrix. For a distorted lens the first is world_to_camera, which gives ray
    coordinates, and the second the projection matrix of a pinhole that sees all the lens does.

    Raises:
        SceneError: for a panorama, and for what is no lens.
    """
    if is_pinhole(camera):
        matrix = projection_matrix(camera)
        return matrix, matrix
    matrix = np.ascontiguousarray(camera.world_to_camera[:3])
    return matrix, np.ascontiguousarray(lens_of(camera).window @ matrix)


def project(points: npt.ArrayLike, camera: Camera) -> tuple[FloatArray, FloatArray]:
    """Pixels and depths of points.

    Args:
        points: (n, 3), metres, world frame.
        camera: of the image looked into.

    Returns:
        xy: (n, 2), pixels, centre of the top-left pixel at (0, 0); nan for points not in front of the camera, and for
            those outside a distorted lens's valid field (``core.lens``).
        depth: (n,), metres along the camera's z axis.

    Raises:
        SceneError: for a panorama, and for what is no lens.
    """
    world = read_only(points, np.float64)
    if world.ndim != 2 or world.shape[1] != 3:
        raise ValueError(f"points must have shape (n, 3), got {world.shape}")
    xy = np.empty((len(world), 2))
    depth = np.empty(len(world))
    if is_pinhole(camera):
        _kernels.project_points(world, projection_matrix(camera), xy, depth)
    else:
        matrix, _ = viewing_matrices(camera)
        _kernels.project_through_lens(world, matrix, lens_of(camera).parameters, xy, depth)
    return xy, depth


def rays(camera: Camera, xy: npt.ArrayLike) -> FloatArray:
    """The ray through each pixel: times a depth, it is the point there in the camera's frame.

    Args:
        camera: of the image.
        xy: (n, 2), pixels, centre of the top-left pixel at (0, 0); they need not lie inside the image.

    Returns:
        (n, 3), x and y for z = 1, OpenCV camera axes; nan where a distorted lens's valid field, which ends 88 degrees
        from the axis at the latest, does not reach (``core.lens``).

    Raises:
        SceneError: for a panorama, and for what is no lens.
    """
    pixels = np.asarray(xy, dtype=np.float64)
    if pixels.ndim != 2 or pixels.shape[1] != 2:
        raise ValueError(f"xy must have shape (n, 2), got {pixels.shape}")
    if is_pinhole(camera):
        return np.asarray(np.column_stack([pixels, np.ones(len(pixels))]) @ np.linalg.inv(camera.intrinsics).T)
    found = lens_of(camera).rays_at(pixels)
    return np.column_stack([found, np.where(np.isnan(found[:, 0]), np.nan, 1.0)])


def valid_field(camera: Camera) -> npt.NDArray[np.bool_]:
    """(h, w): which pixels have a ray; all of a pinhole's, and those of a distorted lens within its valid field.

    Raises:
        SceneError: for a panorama, and for what is no lens.
    """
    if is_pinhole(camera):
        return np.ones((camera.height, camera.width), dtype=np.bool_)
    return np.asarray(np.isfinite(lens_of(camera).rays[0, :, : camera.width]))


def is_inside(xy: npt.ArrayLike, camera: Camera) -> npt.NDArray[np.bool_]:
    """(n,): whether pixels (n, 2) lie in the image, -0.5 <= u < width - 0.5; nan does not."""
    pixels = np.asarray(xy, dtype=np.float64)
    return np.asarray(
        (pixels[:, 0] >= -0.5)
        & (pixels[:, 0] < camera.width - 0.5)
        & (pixels[:, 1] >= -0.5)
        & (pixels[:, 1] < camera.height - 0.5)
    )


def nearest_pixels(xy: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """(n, 2): the pixel whose centre is nearest to each position; halfway goes to the right and down."""
    return np.floor(np.asarray(xy, dtype=np.float64) + 0.5).astype(np.int64)
