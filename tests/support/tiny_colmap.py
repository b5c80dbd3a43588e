"""The box room as a COLMAP reconstruction, for the contract all readers share (see ``tiny_scannet``)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import box_room
from .capture_writer import numbers_text, quaternion_xyzw, write_depth, write_image, write_mesh, write_notes

SCENE = "kitchen"
NUMBERS = {
    "SIMPLE_PINHOLE": 0, "PINHOLE": 1, "SIMPLE_RADIAL": 2, "RADIAL": 3, "OPENCV": 4, "OPENCV_FISHEYE": 5,
    "FULL_OPENCV": 6, "FOV": 7, "SIMPLE_RADIAL_FISHEYE": 8, "RADIAL_FISHEYE": 9, "THIN_PRISM_FISHEYE": 10,
}  # fmt: skip


def parameters(k: np.ndarray = box_room.COLOR_K) -> list[float]:
    """PINHOLE's; the corner of the first pixel is (0, 0)."""
    return [k[0, 0], k[1, 1], k[0, 2] + 0.5, k[1, 2] + 0.5]


def world_to_camera(pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quaternion w x y z and translation of the inverse of a camera_to_world."""
    inverse = np.linalg.inv(pose)
    return np.roll(quaternion_xyzw(inverse[:3, :3]), 1), inverse[:3, 3]


def write_text(folder: Path, cameras: list[tuple], images: list[tuple], points: str = "12.5 13.5 -1 20 21 7") -> Path:
    """Cameras (id, model, w, h, parameters); images (id, camera_to_world, camera, name), second lines as told."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{i} {model} {w} {h} {numbers_text(values)}\n" for i, model, w, h, values in cameras]
    head = "# Camera list with one line of data per camera:\n#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n"
    (folder / "cameras.txt").write_text(f"{head}# Number of cameras: {len(cameras)}\n" + "".join(lines))
    text = f"# Image list with two lines of data per image:\n# Number of images: {len(images)}, mean observations: 2\n"
    for at, (i, pose, camera, name) in enumerate(images):
        rotation, translation = world_to_camera(pose)
        text += f"{i} {numbers_text(rotation)} {numbers_text(translation)} {camera} {name}\n"
        text += f"{'' if at % 2 else points}\n"
    (folder / "images.txt").write_text(text)
    return folder / "images.txt"


def write_binary(folder: Path, cameras: list[tuple], images: list[tuple]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    data = struct.pack("<Q", len(cameras))
    for i, model, w, h, values in cameras:
        data += struct.pack(f"<IiQQ{len(values)}d", i, NUMBERS[model], w, h, *values)
    (folder / "cameras.bin").write_bytes(data)
    data = struct.pack("<Q", len(images))
    for at, (i, pose, camera, name) in enumerate(images):
        rotation, translation = world_to_camera(pose)
        data += struct.pack("<I7dI", i, *rotation, *translation, camera) + name.encode() + b"\0"
        data += struct.pack("<Q", at) + struct.pack("<ddq", 1.5, 2.5, -1) * at
    (folder / "images.bin").write_bytes(data)
    return folder / "images.bin"


def shoot(folder: Path, name: str = "IMG_{:04d}.jpg", images: str = "images", k: np.ndarray = box_room.COLOR_K) -> list:
    """Images, depth, mesh and notes; returns the model's images, ids not in the order of time."""
    take, found = box_room.take(color_k=k), []
    for index, (image, depth, pose) in enumerate(zip(take.images, take.depths, take.poses, strict=True)):
        write_image(folder / images / name.format(index), image)
        write_depth((folder / "depth" / name.format(index)).with_suffix(".png"), depth)
        found.append((10 + (index * 5) % 7, pose, 3, name.format(index)))
    write_mesh(folder / "mesh.ply")
    write_notes(folder)
    return found


def text(root: Path) -> Path:
    folder = root / SCENE
    return write_text(folder / "sparse/0", [(3, "PINHOLE", *box_room.COLOR_SIZE, parameters())], shoot(folder))


def binary(root: Path) -> Path:
    folder = root / SCENE
    return write_binary(folder / "sparse/0", [(3, "PINHOLE", *box_room.COLOR_SIZE, parameters())], shoot(folder))


def binary_cameras(root: Path) -> Path:
    """The other file damaged; one focal length; images in a folder of their own inside ``images``."""
    folder = root / SCENE
    k = np.array([[86.0, 0, 47.0], [0, 86.0, 36.0], [0, 0, 1]])
    images = shoot(folder, "left/{:03d}.png", k=k)
    camera = (3, "SIMPLE_RADIAL", *box_room.COLOR_SIZE, [86.0, 47.5, 36.5, 0.0])
    return write_binary(folder / "colmap/sparse/0", [camera], images).with_name("cameras.bin")


def beside(root: Path) -> Path:
    """The model beside the images' folder."""
    folder = root / SCENE
    return write_text(folder, [(3, "OPENCV", *box_room.COLOR_SIZE, [*parameters(), 0, 0, 0, 0])], shoot(folder))


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "text": text,
    "binary": binary,
    "binary_cameras": binary_cameras,
    "beside": beside,
}
SIZE, ALIGNMENT = box_room.SIZE, np.eye(4)
