"""The box room as a TUM RGB-D sequence, for the contract all readers share (see ``tiny_scannet``)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import box_room
from .capture_writer import numbers_text, quaternion_xyzw, write_depth, write_image, write_mesh, write_notes
from .scannet_writer import matrix_text

START = 1305031102.1753


def write(folder: Path, *, depth_late: float = 0.009, pose_late: float = -0.004) -> Path:
    """Colour at 10 Hz, depth and poses a little off; poses at 50 Hz, those between two images far away."""
    take = box_room.take()
    lists: dict[str, list[str]] = {"rgb": [], "depth": [], "groundtruth": []}
    for index, (image, depth, pose) in enumerate(zip(take.images, take.depths, take.poses, strict=True)):
        time = START + 0.1 * index
        write_image(folder / f"rgb/{time:.6f}.png", image)
        write_depth(folder / f"depth/{time + depth_late:.6f}.png", depth, per_metre=5000.0)
        lists["rgb"].append(f"{time:.6f} rgb/{time:.6f}.png")
        lists["depth"].append(f"{time + depth_late:.6f} depth/{time + depth_late:.6f}.png")
        for step in range(5):
            place = pose[:3, 3] + (0 if step == 0 else 50.0)
            words = numbers_text([*place, *quaternion_xyzw(pose[:3, :3])])
            lists["groundtruth"].append(f"{time + pose_late + 0.02 * step:.4f} {words}")
    for name, lines in lists.items():
        (folder / f"{name}.txt").write_text(f"# {name}\n# file: 'box.bag'\n" + "\n".join(lines) + "\n")
    write_mesh(folder / "mesh.ply")
    write_notes(folder)
    return folder / "groundtruth.txt"


def own_camera(root: Path) -> Path:
    folder = root / "desk"
    damaged = write(folder)
    (folder / "K.txt").write_text(matrix_text(box_room.COLOR_K))
    return damaged


def list_damaged(root: Path) -> Path:
    own_camera(root)
    return root / "desk" / "rgb.txt"


LAYOUTS: dict[str, Callable[[Path], Path]] = {"own_camera": own_camera, "list_damaged": list_damaged}
SIZE, ALIGNMENT = box_room.SIZE, np.eye(4)
