"""The box room with a ``transforms.json``, for the contract all readers share (see ``tiny_scannet``)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import box_room
from .capture_writer import OPENGL, write_depth, write_image, write_mesh, write_notes

SCENE = "kitchen"
SQUARE_K = np.array([[90.0, 0, 47.5], [0, 90.0, 35.5], [0, 0, 1]])


def lens(k: np.ndarray, size=box_room.COLOR_SIZE) -> dict:
    """The format's keys; its pixel corners are at integers."""
    return {
        "fl_x": k[0, 0], "fl_y": k[1, 1], "cx": k[0, 2] + 0.5, "cy": k[1, 2] + 0.5, "w": size[0], "h": size[1],
    }  # fmt: skip


def write(folder: Path, document: dict, frames: list[dict], name: str = "transforms.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps({**document, "frames": frames}, indent=1))
    return folder / name


def shoot(folder: Path, *, k: np.ndarray = box_room.COLOR_K, depth_key: str = "depth_file_path", per_metre=1000.0):
    """Images, depth, mesh and notes; returns the list of frames, in an order that is not that of time."""
    take, frames = box_room.take(color_k=k), []
    for index, (image, depth, pose) in enumerate(zip(take.images, take.depths, take.poses, strict=True)):
        write_image(folder / f"images/frame_{index + 1:05d}.jpg", image)
        write_depth(folder / f"depth/frame_{index + 1:05d}.png", depth, per_metre=per_metre)
        frames.append(
            {
                "file_path": f"images/frame_{index + 1:05d}.jpg",
                depth_key: f"depth/frame_{index + 1:05d}.png",
                "transform_matrix": (pose @ OPENGL).tolist(),
            }
        )
    write_mesh(folder / "mesh.ply")
    write_notes(folder)
    return [frames[at] for at in (2, 0, 1, 5, 3, 4)]


def nerfstudio(root: Path) -> Path:
    folder = root / SCENE
    return write(folder, {"camera_model": "OPENCV", "k1": 0.0, **lens(box_room.COLOR_K)}, shoot(folder))


def instant_ngp(root: Path) -> Path:
    """A lens for each frame, a depth scale in the file, paths that begin with ``./``."""
    folder = root / SCENE
    frames = shoot(folder, depth_key="depth_path", per_metre=4000.0)
    frames = [{**frame, "file_path": f"./{frame['file_path']}", **lens(box_room.COLOR_K)} for frame in frames]
    return write(folder, {"aabb_scale": 4, "integer_depth_scale": 1 / 4000.0}, frames)


def blender(root: Path) -> Path:
    """Extensions left out, a field of view instead of a focal length, three lists."""
    folder = root / SCENE
    frames = shoot(folder, k=SQUARE_K)
    frames = [{**frame, "file_path": "./" + frame["file_path"].removesuffix(".jpg")} for frame in frames]
    document = {"camera_angle_x": 2 * np.arctan(0.5 * box_room.COLOR_SIZE[0] / SQUARE_K[0, 0])}
    write(folder, document, frames[:4], "transforms_train.json")
    write(folder, document, frames[4:5], "transforms_val.json")
    return write(folder, document, frames[5:], "transforms_test.json")


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "nerfstudio": nerfstudio,
    "instant_ngp": instant_ngp,
    "blender": blender,
}
SIZE, ALIGNMENT = box_room.SIZE, np.eye(4)
