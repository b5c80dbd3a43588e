"""Pictures and depth maps of a synthetic scene, with the very mesh that is written."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..core.raster import MeshMap, rasterise
from ..core.types import Camera
from ._shade import SHOULDER, WHITE, paint
from .scene import SyntheticScene

__all__ = ["NEAR", "SOFTNESS", "depth_map", "paint_image", "vertex_colors"]

NEAR = 0.05
"""Metres: nothing is drawn nearer to the camera plane."""

SOFTNESS = 0.55
"""Pixels: a lens never draws an edge sharper."""


def depth_map(scene: SyntheticScene, camera: Camera) -> MeshMap:
    """Exact depth along the camera's axis and triangle of every pixel."""
    return rasterise(None, None, camera, NEAR, scene.clusters)


def paint_image(scene: SyntheticScene, camera: Camera) -> npt.NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB: textured and lit; black where the camera sees out of the room."""
    seen = depth_map(scene, camera)
    painted, palette = scene.painted, scene.painted.palette
    image = np.zeros((camera.height, camera.width, 3), np.uint8)
    k = camera.intrinsics
    paint(
        seen.triangle, seen.depth, camera.camera_to_world[:3, :3].copy(), camera.centre.copy(),
        k[0, 0], k[1, 1], k[0, 2], k[1, 2],
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
