"""Pictures and depth maps of a synthetic scene, with the very mesh that is written."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..core.lens import is_pinhole, lens_of
from ..core.raster import MeshMap, rasterise
from ..core.types import Camera
from ._shade import SHOULDER, WHITE, paint
from .scene import SyntheticScene

__all__ = ["NEAR", "SOFTNESS", "STRAIGHT", "depth_map", "paint_image", "pixel_rays", "vertex_colors"]

NEAR = 0.05
"""Metres: nothing is drawn nearer to the camera plane."""

SOFTNESS = 0.55
"""Pixels: a lens never draws an edge sharper."""

STRAIGHT = np.zeros((3, 0, 0))
"""What ``paint`` takes for the rays of a pinhole."""


def depth_map(scene: SyntheticScene, camera: Camera) -> MeshMap:
    """Exact depth along the camera's axis and triangle of every pixel."""
    return rasterise(None, None, camera, NEAR, scene.clusters)


def pixel_rays(camera: Camera) -> npt.NDArray[np.float64]:
    """(3, h, w): what a depth at each pixel multiplies, camera axes; nan where a lens has none.

    Z is 1, as depth is Z; of a panorama, whose depth is the length of the ray, they have unit length.
    """
    if camera.model == "equirectangular":
        k = camera.intrinsics
        azimuth = (np.arange(camera.width) - k[0, 2]) / k[0, 0]
        below = ((np.arange(camera.height) - k[1, 2]) / k[1, 1])[:, None]
        down = np.broadcast_to(np.sin(below), (camera.height, camera.width))
        return np.stack([np.sin(azimuth) * np.cos(below), down, np.cos(azimuth) * np.cos(below)])
    rays = lens_of(camera).rays[:, :, : camera.width]
    return np.concatenate([rays, np.ones((1, camera.height, camera.width))])


def paint_image(scene: SyntheticScene, camera: Camera, seen: MeshMap | None = None) -> npt.NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB: textured and lit; black where the camera sees out of the room.

    Args:
        scene: what is painted.
        camera: of any lens; of a panorama, ``seen`` must be given.
        seen: the camera's map, where it is known already or shows a part of the scene only.
    """
    seen = depth_map(scene, camera) if seen is None else seen
    painted, palette = scene.painted, scene.painted.palette
    image = np.zeros((camera.height, camera.width, 3), np.uint8)
    k = camera.intrinsics
    rays = STRAIGHT if is_pinhole(camera) else pixel_rays(camera)
    paint(
        seen.triangle, seen.depth, camera.camera_to_world[:3, :3].copy(), camera.centre.copy(),
        k[0, 0], k[1, 1], k[0, 2], k[1, 2], rays,
        painted.corners, painted.faces, painted.uv, painted.light, painted.material, painted.density,
        palette.texels, palette.start, palette.width, palette.height, palette.texture, palette.color, palette.extent,
        palette.glow, painted.exposure, image,
    )  # fmt: skip
    return np.asarray(cv2.GaussianBlur(image, (3, 3), SOFTNESS), np.uint8)


def vertex_colors(scene: SyntheticScene) -> npt.NDArray[np.uint8]:
    """(n, 3) uint8 RGB of the mesh's vertices: their texel under their light."""
    painted, palette = scene.painted, scene.painted.palette
    corner_material = np.zeros(len(painted.corners), np.int64)
    corner_material[painted.faces] = painted.material[:, None]
    k = palette.texture[corner_material]
    # A vertex stands for a few centimetres: the copy with about 32 texels a side is the right blur.
    level = np.minimum(3, palette.start.shape[1] - 1)
    w, h = palette.width[k, level], palette.height[k, level]
    share = painted.uv / palette.extent[corner_material]
    x = np.floor(share[:, 0] * w).astype(np.int64) % w
    y = np.floor(-share[:, 1] * h).astype(np.int64) % h
    texel = palette.texels[palette.start[k, level] + y * w + x].astype(np.float32) / 255
    lit = painted.light * painted.exposure + palette.glow[corner_material][:, None]
    value = texel**2 * palette.color[corner_material] * lit
    value = WHITE * value / (1 + SHOULDER * value)
    color = np.zeros((len(scene.vertices), 3), np.float32)
    color[painted.vertex_of] = np.sqrt(value)
    return np.asarray(np.clip(color * 255 + 0.5, 0, 255), np.uint8)
