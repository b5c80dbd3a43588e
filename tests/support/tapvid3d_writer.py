"""Writes TAPVid-3D files from known tracks and cameras; shares no code with the reader.

Four points: two stand still, one moves along a line, one on a circle; the camera drifts and turns, or rests. Pixels are
projected one point at a time.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 96, 72
FX_FY_CX_CY = (80.0, 82.0, 47.0, 36.5)


@dataclass
class Take:
    """A video before it is written; ``world`` (t, n, 3) metres, ``world_to_camera`` (t, 4, 4)."""

    world: np.ndarray
    world_to_camera: np.ndarray
    visible: np.ndarray
    images: list[bytes]
    intrinsics: np.ndarray = field(default_factory=lambda: np.array(FX_FY_CX_CY))

    @property
    def in_camera(self) -> np.ndarray:
        """(t, n, 3): every step's points in its own camera."""
        rotated = [[r[:3, :3] @ x for x in points] for r, points in zip(self.world_to_camera, self.world, strict=True)]
        return np.array(rotated) + self.world_to_camera[:, None, :3, 3]

    def pixel(self, step: int, point: int) -> tuple[float, float]:
        fx, fy, cx, cy = self.intrinsics
        x, y, z = self.in_camera[step, point]
        return fx * x / z + cx, fy * y / z + cy

    @property
    def queries(self) -> np.ndarray:
        """(n, 3): x, y and the first step at which the point is visible."""
        first = [int(np.argmax(column)) for column in self.visible.T]
        return np.array([(*self.pixel(step, point), step) for point, step in enumerate(first)])


def take(steps: int = 6, *, moving_camera: bool = True, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Take:
    time = np.arange(steps) / 10.0

    def still(*place: float) -> np.ndarray:
        return np.tile(place, (steps, 1))

    world = np.stack(
        [
            still(0.3, 0.2, 3.0),
            still(-0.5, -0.1, 2.5),
            still(-0.2, 0.3, 2.0) + np.outer(time, [0.5, 0.0, 0.2]),
            still(0.4, -0.3, 2.2) + 0.1 * np.stack([np.cos(time), np.sin(time), 0 * time], axis=1),
        ],
        axis=1,
    )
    world_to_camera = np.tile(np.eye(4), (steps, 1, 1))
    if moving_camera:
        for step, angle in enumerate(0.1 * time + 0.2):
            c, s = np.cos(angle), np.sin(angle)
            rotation = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
            centre = np.array([0.5 + 0.2 * time[step], 0.1, -0.3])
            world_to_camera[step, :3, :3] = rotation
            world_to_camera[step, :3, 3] = -rotation @ centre
    visible = np.ones((steps, 4), bool)
    visible[0, 1] = visible[-1, 3] = False
    return Take(world, world_to_camera, visible, [jpeg(step, size) for step in range(steps)])


def jpeg(seed: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    pixels = np.random.Generator(np.random.PCG64(seed)).integers(0, 255, (size[1] // 8, size[0] // 8, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize(size).save(stream, "JPEG", quality=60 + 5 * (seed % 7))
    return stream.getvalue()


def as_objects(elements: list[Any]) -> np.ndarray:
    array = np.empty(len(elements), object)
    array[:] = elements
    return array


def write(
    path: Path,
    video: Take,
    *,
    images: str = "S",
    readme_names: bool = False,
    extrinsics: bool = True,
    compressed: bool = False,
    **changes: Any,
) -> Path:
    """One file. ``images`` is S, object or uint8; ``changes`` replace arrays by name, None leaves one out."""
    stored = {
        "S": lambda: np.array(video.images),
        "object": lambda: as_objects(video.images),
        "uint8": lambda: as_objects([np.frombuffer(data, np.uint8) for data in video.images]),
    }[images]()
    arrays: dict[str, Any] = {
        "images_jpeg_bytes": stored,
        "queries_xyt": video.queries,
        "tracks_xyz" if readme_names else "tracks_XYZ": video.in_camera,
        "visibility": video.visible,
        "intrinsics" if readme_names else "fx_fy_cx_cy": video.intrinsics,
    }
    if extrinsics:
        arrays["extrinsics_w2c"] = video.world_to_camera
    arrays = {name: array for name, array in (arrays | changes).items() if array is not None}
    path.parent.mkdir(parents=True, exist_ok=True)
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return path
