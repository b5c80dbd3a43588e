"""The box room in the RGB-D folders people have, for the contract all readers share (see ``tiny_scannet``)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import box_room
from .capture_writer import (
    OPENGL,
    numbers_text,
    quaternion_xyzw,
    write_depth,
    write_image,
    write_mesh,
    write_notes,
)
from .scannet_writer import four_by_four, matrix_text

SCENE = "kitchen"
Y_UP = np.array([[1.0, 0, 0, 0.4], [0, 0, 1, -0.2], [0, -1, 0, 0.7], [0, 0, 0, 1]])
"""From the room's world, z up, to one that is y up, its origin elsewhere."""


def shoot(folder: Path, image: str, depth: str, *, coding: dict | None = None, step: int = 1) -> list[np.ndarray]:
    """Images, depth, mesh and notes under names with the frame's number; returns the poses."""
    take = box_room.take()
    for index, (pixels, millimetres) in enumerate(zip(take.images, take.depths, strict=True)):
        write_image(folder / image.format(step * index), pixels)
        write_depth(folder / depth.format(step * index), millimetres, **(coding or {}))
    write_mesh(folder / "mesh.ply")
    write_notes(folder)
    return take.poses


def log_text(poses: list[np.ndarray], step: int = 1) -> str:
    return "".join(f"{step * i} {step * i} {step * i + 1}\n{matrix_text(pose)}" for i, pose in enumerate(poses))


def open3d_camera(k: np.ndarray = box_room.COLOR_K, size=box_room.COLOR_SIZE) -> str:
    return json.dumps({"width": size[0], "height": size[1], "intrinsic_matrix": k.T.ravel().tolist()})


def redwood(root: Path) -> Path:
    """A log with more frames than there are images, by number; Open3D's camera, for the size before resizing."""
    folder = root / SCENE
    poses = shoot(folder, "image/{:05d}.jpg", "depth/{:05d}.png", step=3)
    full = [np.eye(4)] * (3 * len(poses))
    full[::3] = poses
    (folder / "trajectory.log").write_text(log_text(full))
    (folder / "odometry.log").write_text(log_text([np.eye(4)] * len(full)))
    size = (2 * box_room.COLOR_SIZE[0], 2 * box_room.COLOR_SIZE[1])
    k = box_room.depth_k(depth_size=size)
    (folder / "camera_primesense.json").write_text(open3d_camera(k, size))
    return folder / "trajectory.log"


def rows(root: Path) -> Path:
    """Translations with quaternions, PGM depth, a world that is y up and a mesh in it."""
    folder = root / SCENE
    poses = [Y_UP @ pose for pose in shoot(folder, "color/{}.png", "depth/{}.pgm")]
    lines = [numbers_text([*pose[:3, 3], *quaternion_xyzw(pose[:3, :3])]) for pose in poses]
    (folder / "pose.txt").write_text("\n".join(lines))
    (folder / "K.txt").write_text(matrix_text(box_room.COLOR_K))
    write_mesh(folder / "mesh.ply", Y_UP)
    write_notes(folder, 'up = "+y"\n')
    return folder / "pose.txt"


def indexed(root: Path) -> Path:
    """Names that skip numbers and rows that go by neither name nor position; poses of OpenGL cameras, inverted."""
    folder = root / SCENE
    poses = shoot(folder, "images/{:05d}.png", "depth/{:05d}.png", step=6)
    table = [np.linalg.inv(poses[0] @ OPENGL)] * 20
    lines = ["name,pose_row"]
    for index, pose in enumerate(poses):
        table[3 * index + 2] = np.linalg.inv(pose @ OPENGL)
        lines.append(f"{6 * index:05d}.png,{3 * index + 2}")
    (folder / "poses.txt").write_text("".join(numbers_text(pose) + "\n" for pose in table))
    (folder / "frame_index.csv").write_text("\n".join(lines) + "\n")
    (folder / "K.txt").write_text(matrix_text(box_room.COLOR_K))
    write_notes(folder, 'up = "+z"\n[poses]\nconvention = "world_to_camera"\naxes = "opengl"\n')
    return folder / "frame_index.csv"


def sequence(root: Path) -> Path:
    """7-Scenes' names below a place, intrinsics beside the sequence."""
    folder = root / "chess" / "seq-01"
    for index, pose in enumerate(shoot(folder, "frame-{:06d}.color.png", "frame-{:06d}.depth.png")):
        (folder / f"frame-{index:06d}.pose.txt").write_text(matrix_text(pose))
    (root / "chess" / "camera-intrinsics.txt").write_text(matrix_text(box_room.COLOR_K))
    return root / "chess" / "camera-intrinsics.txt"


def pose_files(root: Path) -> Path:
    folder = root / SCENE
    for index, pose in enumerate(shoot(folder, "rgb/{}.jpg", "depth/{:04d}.png")):
        (folder / "poses").mkdir(exist_ok=True)
        (folder / f"poses/{index:03d}.txt").write_text(numbers_text(pose[:3]))
    (folder / "intrinsics.txt").write_text(matrix_text(box_room.COLOR_K))
    return folder / "intrinsics.txt"


def sens_reader(root: Path) -> Path:
    """SensReader's folders, made one's own by ``scene.toml``; the depth camera's lens in its file."""
    folder = root / SCENE
    for index, pose in enumerate(shoot(folder, "color/{}.jpg", "depth/{}.png")):
        (folder / "pose").mkdir(exist_ok=True)
        (folder / f"pose/{index}.txt").write_text(matrix_text(pose))
    (folder / "intrinsic").mkdir()
    for kind, k in (("color", box_room.COLOR_K), ("depth", box_room.depth_k())):
        (folder / f"intrinsic/intrinsic_{kind}.txt").write_text(matrix_text(four_by_four(k)))
    return folder / "intrinsic/intrinsic_depth.txt"


def picking(root: Path) -> Path:
    """The Amazon Picking Challenge's: one text file for everything, bits of depth turned."""
    folder = root / SCENE
    coding = {"per_metre": 10000.0, "rotated": True}
    poses = shoot(folder, "frame-{:06d}.color.png", "frame-{:06d}.depth.png", coding=coding)
    text = "# Environment: shelf\n\n# Color camera intrinsic matrix\n" + matrix_text(box_room.COLOR_K)
    text += "\n# Depth camera intrinsic matrix\n" + matrix_text(np.diag([477.0, 477, 1]))
    for index, pose in enumerate(poses):
        text += f"\n# Camera-to-world extrinsic matrix (camera pose) for frame-{index:06d}\n" + matrix_text(pose)
    (folder / "cam.info.txt").write_text(text)
    return folder / "cam.info.txt"


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "redwood": redwood,
    "rows": rows,
    "indexed": indexed,
    "sequence": sequence,
    "pose_files": pose_files,
    "sens_reader": sens_reader,
    "picking": picking,
}
SIZE = box_room.SIZE
ALIGNMENT = np.eye(4)
