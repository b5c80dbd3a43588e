"""Where depth can be stated: sensor depth under a colour pixel, and surfaces that can carry a mark.

A pixel can carry a mark when the disc of the mark's radius around it lies inside the image, at least ``known_share`` of
it has depth, ``plane_share`` of that lies within a tolerance of a plane, and one instance fills ``instance_share`` of
it. The disc's pixels are all those whose centre is within the radius of the pixel's own, or, where they are more than
320, every second (third, …) one in both directions. The plane is fitted to inverse depth, 1/Z = a u + b v + c (linear
in the image for a plane; with a distorted lens u and v are the pixels' ray coordinates X / Z and Y / Z, in which it is
linear), by least squares; when it fails it is fitted once more without the pixels that lie farther
from it than twice the root mean square. The pixel itself must have depth, lie on that plane and belong to that
instance, since that is what a question about the mark names. Pixels without an instance count as one instance. No
pixel of the disc may be masked (``Frame.load_valid``); that is looked at right after whether the disc is inside.

With a mesh its map decides; where the sensor knows at least ``known_share`` of the disc the same plane rule must hold
for the sensor's depth as well. Without a mesh the sensor decides alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from . import _kernels
from .arrays import read_only
from .lens import NO_LENS, NO_RAYS, is_pinhole, lens_of
from .pixel_maps import touches_masked
from .projection import rays, viewing_matrices
from .raster import MeshMap
from .settings import GeometrySettings
from .types import Camera, mark_radius

__all__ = ["SensorView", "Verdict", "disc_offsets", "inverse_depth_slopes", "judge_marks", "sensor_values"]

_MOST_DISC_PIXELS: Final = 320
_GUESS: Final = 2.0  # metres; where a search for the depth pixel starts when nothing is known
_NO_MAP: Final = read_only(np.zeros((0, 0)), np.float32)
_NO_TRIANGLES: Final = read_only(np.zeros((0, 0)), np.int32)
_NO_INSTANCES: Final = read_only(np.zeros(0), np.int32)


class Verdict(IntEnum):
    """Whether a pixel can carry a mark, or the first rule it breaks."""

    OK = 0
    OUTSIDE = 1
    TOO_LITTLE_DEPTH = 2
    NOT_A_PLANE = 3
    SEVERAL_INSTANCES = 4
    MASKED = 5


@dataclass(frozen=True, slots=True, eq=False)
class SensorView:
    """A frame's sensor depth, and how the colour image's pixels map to it.

    Attributes:
        camera, depth_camera: of the two images.
        depth: (hd, wd) float32, metres along the depth camera's z axis, 0 where unknown.
        link: (3, 4); link @ (x, y, 1, 1 / z) is the homogeneous depth pixel of colour pixel (x, y) at depth z. The last
            column is zero when the two cameras stand at one place.
        back: (4,); z in the colour camera of depth pixel (u, v) with value d is
            (back[0] u + back[1] v + back[2]) d + back[3].

    Where either lens is distorted, both hold for ray coordinates X / Z, Y / Z instead of pixels.
    """

    camera: Camera
    depth_camera: Camera
    depth: npt.NDArray[np.float32]
    link: npt.NDArray[np.float64]
    back: npt.NDArray[np.float64]

    @classmethod
    def between(cls, camera: Camera, depth_camera: Camera, depth: npt.NDArray[np.float32]) -> SensorView:
        """The view of a depth map from a colour camera.

        Raises:
            SceneError: for a panorama, and for what is no lens.
        """
        for eye in (camera, depth_camera):
            viewing_matrices(eye)  # refuses what is no lens
        if np.array_equal(camera.camera_to_world, depth_camera.camera_to_world):
            rotation, translation = np.eye(3), np.zeros(3)
        else:
            turn = depth_camera.camera_to_world[:3, :3].T
            rotation = turn @ camera.camera_to_world[:3, :3]
            translation = turn @ (camera.centre - depth_camera.centre)
        link = np.ascontiguousarray(np.column_stack([rotation, translation]))
        back = np.append(rotation[:, 2], -rotation[:, 2] @ translation)
        if is_pinhole(camera) and is_pinhole(depth_camera):
            link[:, :3] = depth_camera.intrinsics @ rotation @ np.linalg.inv(camera.intrinsics)
            link[:, 3] = depth_camera.intrinsics @ translation
            back[:3] = rotation[:, 2] @ np.linalg.inv(depth_camera.intrinsics)
        return cls(camera, depth_camera, read_only(depth, np.float32), link, back)

    @property
    def is_straight(self) -> bool:
        """Whether both lenses are pinholes."""
        return is_pinhole(self.camera) and is_pinhole(self.depth_camera)


def sensor_values(
    view: SensorView, xy: npt.NDArray[np.float64], guess: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float32]:
    """Sensor depth at colour pixels, at the nearest depth pixel.

    Args:
        view: of the frame.
        xy: (n, 2), colour pixels.
        guess: (n,), metres, 0 for none: what the depth might be; matters only when the two cameras stand apart.

    Returns:
        (n,), metres along the colour camera's z axis, 0 where unknown.
    """
    start = np.full(len(xy), _GUESS)
    if guess is not None:
        start = np.where(guess > 0, guess, start).astype(np.float64)
    values = np.empty(len(xy), dtype=np.float32)
    if view.is_straight:
        _kernels.sensor_at(read_only(xy, np.float64), start, view.link, view.back, view.depth, values)
    else:
        through = lens_of(view.depth_camera)
        seen = lens_of(view.camera).rays_at(xy)
        _kernels.sensor_along_rays(
            seen, start, view.link, view.back, through.parameters, through.rays, view.depth, values
        )
    return values


def inverse_depth_slopes(
    camera: Camera, xy: npt.NDArray[np.float64], step: float, around: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """How fast inverse depth grows with X / Z and Y / Z: the first two components of a surface's normal over its plane.

    Args:
        camera: of the image.
        xy: (n, 2), pixels.
        step: pixels.
        around: (4, n), 1 / metres, inverse depth ``step`` to the right of each pixel, to the left, below and above.

    Returns:
        (n, 2), 1 / metres; nan where a neighbour has no ray.
    """
    right, left, below, above = around
    slopes = np.empty((len(xy), 2))
    if is_pinhole(camera):
        slopes[:, 0] = camera.intrinsics[0, 0] * (right - left) / (2 * step)
        slopes[:, 1] = camera.intrinsics[1, 1] * (below - above) / (2 * step)
        return slopes
    across, upright = np.array([step, 0.0]), np.array([0.0, step])
    along = (rays(camera, xy + across) - rays(camera, xy - across))[:, :2]
    down = (rays(camera, xy + upright) - rays(camera, xy - upright))[:, :2]
    area = along[:, 0] * down[:, 1] - along[:, 1] * down[:, 0]
    slopes[:, 0] = ((right - left) * down[:, 1] - (below - above) * along[:, 1]) / area
    slopes[:, 1] = ((below - above) * along[:, 0] - (right - left) * down[:, 0]) / area
    return slopes


@lru_cache(maxsize=16)
def disc_offsets(radius: float, most: int = _MOST_DISC_PIXELS) -> npt.NDArray[np.int32]:
    """(k, 2): offsets (x, y) of a disc's pixels, its centre first; on a coarser lattice when more than ``most``."""
    reach = int(radius)
    stride = 0
    while True:
        stride += 1
        steps = np.arange(-(reach // stride), reach // stride + 1) * stride
        grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        square = (grid * grid).sum(axis=1)
        grid = grid[square <= radius * radius]
        if len(grid) <= most:
            order = np.argsort((grid * grid).sum(axis=1), kind="stable")
            return read_only(grid[order], np.int32)


def judge_marks(
    xy: npt.ArrayLike,
    camera: Camera,
    settings: GeometrySettings,
    mesh_map: MeshMap | None,
    face_instance: npt.NDArray[np.int32] | None,
    sensor: SensorView | None,
    *,
    clearance: float = 1.0,
    most_disc_pixels: int = _MOST_DISC_PIXELS,
    instance_map: npt.NDArray[np.int32] | None = None,
    valid: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.int8]:
    """Whether a mark can be drawn at each pixel.

    Args:
        xy: (n, 2), colour pixels.
        camera: of the colour image.
        settings: shares and tolerance.
        mesh_map: of the colour camera, or None without a mesh.
        face_instance: (m,), index of each face's instance, -1 for none; None where nothing is labelled.
        sensor: of the frame, or None without depth.
        clearance: radius of the disc looked at, in radii of the mark.
        most_disc_pixels: pixels of a disc looked at.
        instance_map: (h, w), index of the instance at every colour pixel, -1 for none, where images are labelled
            instead of the mesh; takes the place of ``face_instance``.
        valid: (h, w), False where colour pixels are masked; None where none is.

    Returns:
        (n,), codes of ``Verdict``.
    """
    pixels = read_only(xy, np.float64)
    if pixels.ndim != 2 or pixels.shape[1] != 2:
        raise ValueError(f"xy must have shape (n, 2), got {pixels.shape}")
    radius = clearance * mark_radius(camera.height)
    offsets = disc_offsets(radius, most_disc_pixels)
    triangle = None if mesh_map is None else mesh_map.triangle
    if instance_map is not None:
        # What the kernel counts are faces; here every instance is a face of its own.
        triangle = instance_map
        face_instance = np.arange(max(int(instance_map.max(initial=-1)) + 1, 1), dtype=np.int32)
    verdicts = np.empty(len(pixels), dtype=np.int8)
    bent_sensor = sensor is not None and not sensor.is_straight
    through = lens_of(sensor.depth_camera) if sensor is not None and bent_sensor else None
    _kernels.mark_verdicts(
        pixels,
        float(radius),
        offsets,
        camera.width,
        camera.height,
        _NO_MAP if mesh_map is None else read_only(mesh_map.depth, np.float32),
        _NO_TRIANGLES if triangle is None else read_only(triangle, np.int32),
        _NO_INSTANCES if face_instance is None else read_only(face_instance, np.int32),
        NO_RAYS if is_pinhole(camera) else lens_of(camera).rays,
        np.zeros((3, 4)) if sensor is None else sensor.link,
        np.zeros(4) if sensor is None else sensor.back,
        NO_RAYS if through is None else lens_of(camera).rays,
        NO_LENS if through is None else through.parameters,
        NO_RAYS if through is None else through.rays,
        _NO_MAP if sensor is None else sensor.depth,
        _GUESS,
        float(settings.known_share),
        float(settings.plane_share),
        float(settings.plane_tolerance.absolute),
        float(settings.plane_tolerance.relative),
        float(settings.instance_share),
        verdicts,
    )
    if valid is not None:
        inside = np.flatnonzero(verdicts != Verdict.OUTSIDE)
        verdicts[inside[touches_masked(pixels[inside], offsets, valid)]] = Verdict.MASKED
    return verdicts
