"""The independent witness of a synthetic ScanNet++ scene's DSLR: ``cv2.fisheye`` for the lens, Open3D for the room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import open3d as o3d

from .multispa_oracle import Room


class DslrRoom(Room):
    """The truth of a scene as its fisheye images show it; frames are numbered as in ``dslr_names``."""

    def __init__(self, scans: Path) -> None:
        super().__init__(scans)
        with np.load(scans / "truth.npz") as data:
            self.names = [str(name).removesuffix(".JPG") for name in data["dslr_names"]]
            self.camera_to_world = data["dslr_camera_to_world"]
            self.intrinsics = data["dslr_intrinsics"]
            self.distortion = data["dslr_distortion"]
            self.width, self.height = (int(v) for v in data["dslr_size"])
        self.masks = scans.parent / "dslr" / "resized_anon_masks"

    def numbered(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row with numbers for the images' names."""
        return {**row, "frame_ids": [str(self.names.index(name)) for name in row["frame_ids"]]}

    def rays(self, frame: int, xy: np.ndarray) -> np.ndarray:
        """(n, 3): directions in the world whose component along the camera's axis is 1."""
        if not len(xy):
            return np.zeros((0, 3))  # OpenCV gives None
        # Its default stops after ten steps, which is not enough at 70 degrees.
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12)
        flat = cv2.fisheye.undistortPoints(
            np.asarray(xy, np.float64).reshape(-1, 1, 2), self.intrinsics, self.distortion, criteria=criteria
        )
        rays = np.column_stack([flat.reshape(-1, 2), np.ones(len(xy))])
        return rays @ self.camera_to_world[frame][:3, :3].T

    def cast(self, frame: int, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        directions = self.rays(frame, xy)
        origins = np.broadcast_to(self.camera_to_world[frame][:3, 3], directions.shape)
        answer = self.scene.cast_rays(o3d.core.Tensor(np.hstack([origins, directions]).astype(np.float32)))
        triangle = answer["primitive_ids"].numpy().astype(np.int64)
        return answer["t_hit"].numpy().astype(np.float64), np.where(triangle == 0xFFFFFFFF, -1, triangle)

    def _grid(self, frame: int, intrinsics: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2)
        own, self.intrinsics = self.intrinsics, intrinsics
        try:
            depth, triangle = self.cast(frame, grid)
        finally:
            self.intrinsics = own
        return depth.reshape(height, width), triangle.reshape(height, width)

    def surface(self, frame: int, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        depth, triangle = self.cast(frame, xy)
        depth = np.where(triangle >= 0, depth, np.nan)
        return self.rays(frame, xy) * depth[:, None] + self.camera_to_world[frame][:3, 3], triangle

    def project(self, frame: int, points: np.ndarray, intrinsics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        camera = np.linalg.inv(self.camera_to_world[frame])
        local = points @ camera[:3, :3].T + camera[:3, 3]
        pixels = np.full((len(points), 2), np.nan)
        ahead = local[:, 2] > 0.01
        if ahead.any():
            still = np.zeros(3)
            found, _ = cv2.fisheye.projectPoints(local[ahead][:, None], still, still, intrinsics, self.distortion)
            pixels[ahead] = found.reshape(-1, 2)
        return pixels, local[:, 2]

    def sees(self, frame: int, points: np.ndarray) -> np.ndarray:
        """Inside the image, not masked, and reached by a ray; there is no sensor."""
        xy, z = self.project(frame, points, self.intrinsics)
        inside = (z > 0.1) & (xy >= -0.5).all(1) & (xy[:, 0] < self.width - 0.5) & (xy[:, 1] < self.height - 0.5)
        index = np.flatnonzero(inside)
        depth, _ = self.cast(frame, xy[index])
        index = index[z[index] <= depth + np.maximum(0.03, 0.015 * z[index])]
        # What is painted over in the image cannot be seen in it.
        mask = cv2.imread(str(self.masks / f"{self.names[frame]}.png"), cv2.IMREAD_UNCHANGED)
        column, row = np.rint(xy[index]).astype(int).T
        seen = np.zeros(len(points), bool)
        seen[index[mask[row.clip(0), column.clip(0)] == 255]] = True
        return seen
