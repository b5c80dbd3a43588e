"""Light on a room's surfaces, once a scene: daylight from the windows, a lamp, and soft shade in corners.

Windows and the ceiling lamp are areas sampled at a few points, each with a shadow map from the scene's own
rasteriser. Shade in corners and under furniture comes from how much surface is near, read from blurred counts of
occupied cells; that is what makes things stand on the floor instead of floating over it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..core.raster import TriangleClusters, rasterise
from ..core.types import Camera
from ._shade import light_up
from .shell import Opening

__all__ = ["illuminate", "look_at"]

_CELL: Final = 0.05  # m
_SHADOW_PIXELS: Final = 448
_SHADOW_BIAS: Final = 0.03  # m
_DAYLIGHT: Final = np.array([1.00, 1.02, 1.06], np.float32)
_LAMPLIGHT: Final = np.array([1.00, 0.88, 0.70], np.float32)
_BOUNCE: Final = np.array([0.98, 0.99, 1.00], np.float32)


def look_at(eye: npt.NDArray[np.float64], forward: npt.NDArray[np.float64], half_angle: float, pixels: int) -> Camera:
    """A square pinhole camera at ``eye`` looking along ``forward`` with this half angle of view (radians)."""
    z = forward / np.linalg.norm(forward)
    helper = np.array([0.0, 0.0, 1.0]) if abs(z[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x = np.cross(z, helper)
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([x, np.cross(z, x), z], 1)
    pose[:3, 3] = eye
    focal, middle = pixels / 2 / math.tan(half_angle), (pixels - 1) / 2
    return Camera(np.array([[focal, 0, middle], [0, focal, middle], [0, 0, 1]]), pose, pixels, pixels)


def _nearness(
    vertices: npt.NDArray[np.float32], points: npt.NDArray[np.float32], normals: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """(r,) 1 in the open, lower where other surfaces are close in front."""
    low = vertices.min(0) - 6 * _CELL
    shape = np.ceil((vertices.max(0) + 6 * _CELL - low) / _CELL).astype(int) + 1
    filled = np.zeros(tuple(shape), np.float32)
    cells = ((vertices - low) / _CELL).astype(np.int64)
    filled[cells[:, 0], cells[:, 1], cells[:, 2]] = 1
    result = np.zeros(len(points), np.float32)
    for blur, weight in ((1.3, 0.42), (3.2, 0.62)):
        field = ndimage.gaussian_filter(filled, blur, truncate=2.5, mode="constant")
        at = (points + normals * (1.9 * blur * _CELL) - low) / _CELL - 0.5
        value = ndimage.map_coordinates(field, at.T, order=1, mode="nearest")
        # A flat wall alone leaves exp(-1.9^2 / 2) / (sqrt(2 pi) blur): only what exceeds it is shade.
        alone = math.exp(-(1.9**2) / 2) / (math.sqrt(2 * math.pi) * blur)
        result += weight * np.clip((value - 1.1 * alone) * blur / 0.40, 0, 1.6)
    return np.asarray(np.exp(-1.25 * result), np.float32)


def illuminate(
    vertices: npt.NDArray[np.float32],
    clusters: TriangleClusters,
    points: npt.NDArray[np.float32],
    normals: npt.NDArray[np.float32],
    thin: npt.NDArray[np.bool_],
    *,
    windows: Sequence[tuple[Opening, npt.NDArray[np.float64], npt.NDArray[np.float64]]],
    lamp: tuple[float, float, float],
    small_lamps: Sequence[tuple[float, float, float]],
) -> npt.NDArray[np.float32]:
    """Light (r, 3) float32 at painted corners.

    Args:
        vertices: (n, 3), metres, of the mesh that throws shadows.
        clusters: the same mesh for the rasteriser.
        points: (r, 3) corners to light, metres.
        normals: (r, 3) unit.
        thin: (r,) corners lit from both sides.
        windows: each with its centre and its direction into the room, metres.
        lamp: the ceiling lamp's bulb.
        small_lamps: bulbs of table and floor lamps; they glow without shadows.
    """
    near = _nearness(vertices, points, normals)
    light = (0.34 + 0.10 * normals[:, 2:]) * near[:, None] * _BOUNCE

    def add(camera: Camera, half_angle: float, color: npt.NDArray[np.float32]) -> None:
        shadow = rasterise(None, None, camera, 0.02, clusters).depth
        rotation, focal = camera.camera_to_world[:3, :3].copy(), camera.intrinsics[0, 0]
        centre = camera.centre.copy()
        light_up(
            points,
            normals,
            thin,
            near,
            shadow,
            rotation,
            centre,
            focal,
            math.cos(half_angle),
            _SHADOW_BIAS,
            color,
            light,
        )

    for hole, centre, inwards in windows:
        along = np.array([-inwards[1], inwards[0], 0.0])
        strength = 5.2 * hole.width * (hole.high - hole.low) / math.pi / 4
        for s in (-0.27, 0.27):
            for h in (-0.25, 0.25):
                eye = centre + along * s * hole.width + np.array([0, 0, h * (hole.high - hole.low)]) + inwards * 0.16
                camera = look_at(eye, inwards - np.array([0, 0, 0.25]), math.radians(62), _SHADOW_PIXELS)
                add(camera, math.radians(62), strength * _DAYLIGHT)
    for k in range(4):
        angle = math.pi * (k / 2 + 0.25)
        eye = np.array([lamp[0] + 0.16 * math.cos(angle), lamp[1] + 0.16 * math.sin(angle), lamp[2] - 0.12])
        camera = look_at(eye, np.array([0.0, 0.0, -1.0]), math.radians(68), _SHADOW_PIXELS)
        add(camera, math.radians(68), 0.46 * _LAMPLIGHT)
    for bulb in small_lamps:
        offset = np.asarray(bulb, np.float32) - points
        distance = np.linalg.norm(offset, axis=1)
        facing = (offset * normals).sum(1) / np.maximum(distance, 1e-3)
        facing = np.where(thin, np.abs(facing), np.maximum(facing, 0))
        light += (0.10 * facing * near / (distance**2 + 0.04))[:, None] * _LAMPLIGHT
    return light
