"""The independent witness: Open3D ray casting of a synthetic scene's clean truth.

Nothing here uses the product's geometry: cameras and mesh come from ``truth.npz``, depths from Embree.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import open3d as o3d


class Truth:
    """The clean truth of one synthetic scene."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "truth.npz") as data:
            self.vertices = data["vertices"].astype(np.float32)
            self.faces = data["faces"].astype(np.uint32)
            self.camera_to_world = data["camera_to_world"]
            self.intrinsics = data["color_intrinsics"]
            self.width, self.height = (int(v) for v in data["color_size"])
            self.vertex_instance = data["vertex_instance"]
        self.scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        self.scene.add_triangles(o3d.core.Tensor(self.vertices), o3d.core.Tensor(self.faces))

    def cast(self, frame: int, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Depth (n,) metres along the camera's z axis and triangle (n,) at pixels xy (n, 2); inf and -1 for nothing."""
        rays = np.column_stack([xy, np.ones(len(xy))]) @ np.linalg.inv(self.intrinsics).T
        pose = self.camera_to_world[frame]
        directions = rays @ pose[:3, :3].T  # z of a ray is 1 in the camera, so the parameter of a hit is its depth
        origins = np.broadcast_to(pose[:3, 3], directions.shape)
        answer = self.scene.cast_rays(o3d.core.Tensor(np.hstack([origins, directions]).astype(np.float32)))
        triangle = answer["primitive_ids"].numpy().astype(np.int64)
        return answer["t_hit"].numpy().astype(np.float64), np.where(triangle == 0xFFFFFFFF, -1, triangle)

    def depths(self, row: Mapping[str, Any]) -> np.ndarray:
        """True depths (n,) of a row's points."""
        xy = np.array([[p["x"], p["y"]] for p in row["points"]])
        return self.cast(int(row["frame_ids"][0]), xy)[0]


def comparison_is_right(truth: Truth, row: Mapping[str, Any]) -> bool:
    """Whether the row's answer names the point that really is closer (or farther)."""
    import json

    depths = truth.depths(row)
    asked = json.loads(row["evidence"])["ask"]
    return row["answer_index"] == int(np.argmin(depths) if asked == "closer" else np.argmax(depths))


def estimate_error(truth: Truth, row: Mapping[str, Any]) -> float:
    """Metres between the stated and the true depth; also holds the text against the truth."""
    (depth,) = truth.depths(row)
    return max(abs(row["value"][0] - depth), abs(float(row["answer"]) / 1000 - depth))
