"""The box room as NICE-SLAM's Replica, for the contract all readers share (see ``tiny_scannet``)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import box_room
from .capture_writer import numbers_text, write_depth, write_image, write_mesh

ROOM = "office0"


def write(root: Path, *, scale: float = 6553.5) -> Path:
    """One room below a root; returns its folder."""
    take, folder = box_room.take(), root / ROOM
    for index, (image, depth) in enumerate(zip(take.images, take.depths, strict=True)):
        write_image(folder / f"results/frame{index:06d}.jpg", image)
        write_depth(folder / f"results/depth{index:06d}.png", depth, per_metre=scale)
    (folder / "traj.txt").write_text("".join(numbers_text(pose) + "\n" for pose in take.poses))
    write_mesh(root / f"{ROOM}_mesh.ply")
    k = box_room.COLOR_K
    camera = {"w": 96, "h": 72, "fx": k[0, 0], "fy": k[1, 1], "cx": k[0, 2], "cy": k[1, 2], "scale": scale}
    (root / "cam_params.json").write_text(json.dumps({"camera": camera}))
    return folder


def poses_damaged(root: Path) -> Path:
    return write(root) / "traj.txt"


def camera_damaged(root: Path) -> Path:
    write(root, scale=5000.0)
    return root / "cam_params.json"


LAYOUTS: dict[str, Callable[[Path], Path]] = {"poses_damaged": poses_damaged, "camera_damaged": camera_damaged}
SIZE, ALIGNMENT = box_room.SIZE, np.eye(4)
