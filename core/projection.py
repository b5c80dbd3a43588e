"""Points in the world to pixels of an image, through the camera of the image that is looked into."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from . import _kernels
from .arrays import read_only
from .types import Camera

__all__ = ["is_inside", "nearest_pixels", "project", "projection_matrix"]

FloatArray = npt.NDArray[np.float64]


def projection_matrix(camera: Camera) -> FloatArray:
    """(3, 4): intrinsics times world_to_camera, so that ``matrix @ (X, Y, Z, 1)`` is ``(u Z, v Z, Z)``.

    Raises:
        SceneError: for a lens that is not a pinhole.
    """
    if camera.model != "pinhole" and (camera.model not in ("opencv", "opencv_fisheye") or any(camera.distortion)):
        raise _unsupported(camera)
    if camera.model == "opencv_fisheye":
        raise _unsupported(camera)  # without coefficients it is the equidistant lens, not a pinhole
    if not np.array_equal(camera.intrinsics[2], (0.0, 0.0, 1.0)):
        raise SceneError("intrinsics whose last row is not 0 0 1", remedy="check the scene's intrinsics file")
    return np.ascontiguousarray(camera.intrinsics @ camera.world_to_camera[:3])


def _unsupported(camera: Camera) -> SceneError:
    return SceneError(
        f"images of the lens model {camera.model!r} cannot be projected into",
        remedy="undistort the images and state pinhole intrinsics",
    )


def project(points: npt.ArrayLike, camera: Camera) -> tuple[FloatArray, FloatArray]:
    """Pixels and depths of points.

    Args:
        points: (n, 3), metres, world frame.
        camera: of the image looked into.

    Returns:
        xy: (n, 2), pixels, centre of the top-left pixel at (0, 0); nan for points not in front of the camera.
        depth: (n,), metres along the camera's z axis.

    Raises:
        SceneError: for a lens that is not a pinhole.
    """
    world = read_only(points, np.float64)
    if world.ndim != 2 or world.shape[1] != 3:
        raise ValueError(f"points must have shape (n, 3), got {world.shape}")
    xy = np.empty((len(world), 2))
    depth = np.empty(len(world))
    _kernels.project_points(world, projection_matrix(camera), xy, depth)
    return xy, depth


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
