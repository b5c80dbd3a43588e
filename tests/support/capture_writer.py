"""Pieces that layouts of own captures share: images, depth images, mesh and ``scene.toml``, from plain arrays."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from . import box_room
from .scannet_writer import Take, encoded, write_ply

OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


def write_image(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(pixels, path.suffix))
    return path


def write_depth(path: Path, millimetres: np.ndarray, *, per_metre: float = 1000.0, rotated: bool = False) -> Path:
    """16-bit grey, PNG or PGM; ``rotated`` turns the bits left by three, as SUN3D's tools do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = np.rint(millimetres * (per_metre / 1000.0)).astype(np.uint16)
    if rotated:
        stored = ((stored << 3) | (stored >> 13)).astype(np.uint16)
    if path.suffix == ".pgm":
        head = f"P5\n{stored.shape[1]} {stored.shape[0]}\n65535\n".encode()
        path.write_bytes(head + stored.astype(">u2").tobytes())
    else:
        path.write_bytes(cv2.imencode(".png", stored)[1].tobytes())
    return path


def write_mesh(path: Path, world: np.ndarray | None = None) -> Path:
    """The box room's mesh; ``world`` (4, 4) takes the room's world to the stored one."""
    vertices, faces = box_room.mesh()
    if world is not None:
        vertices = vertices @ world[:3, :3].T + world[:3, 3]
    return write_ply(path, vertices, faces)


def write_notes(folder: Path, text: str = 'up = "+z"\nmetres_per_unit = 1.0\n') -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scene.toml").write_text(text)
    return folder / "scene.toml"


def quaternion_xyzw(rotation: np.ndarray) -> np.ndarray:
    """Of a rotation matrix, by the eigenvector of its symmetric 4 x 4 form (Bar-Itzhack): no case distinctions."""
    m = rotation
    k = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], m[1, 0] + m[0, 1], m[2, 0] + m[0, 2], m[2, 1] - m[1, 2]],
            [m[1, 0] + m[0, 1], m[1, 1] - m[0, 0] - m[2, 2], m[2, 1] + m[1, 2], m[0, 2] - m[2, 0]],
            [m[2, 0] + m[0, 2], m[2, 1] + m[1, 2], m[2, 2] - m[0, 0] - m[1, 1], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
        ]
    )
    return np.linalg.eigh(k)[1][:, -1]


def numbers_text(values) -> str:
    return " ".join(f"{value:.12g}" for value in np.ravel(values))


__all__ = [
    "OPENGL", "Take", "numbers_text", "quaternion_xyzw", "write_depth", "write_image", "write_mesh", "write_notes",
]  # fmt: skip
