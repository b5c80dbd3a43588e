"""Real RGB-D sequences repacked into ScanNet layouts, their up axes put right in ``axisAlignment``.

Neither source has z up: HoloLens has y up, and ICL's world is its first camera, whose tilt is read off the floor.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import trimesh

from .scannet_writer import Take, write_posed, write_scan, write_sens

SCENES = {"hololens_dvmvs_000": "scene0800_00", "icl_livingroom1_micro": "scene0801_00"}


@dataclass
class Sequence:
    """One source: its frames, mesh and the rigid motion that puts z up and the floor at 0."""

    take: Take
    vertices: np.ndarray
    faces: np.ndarray
    alignment: np.ndarray


def load(folder: Path, stop: int | None = None) -> Sequence:
    """A sequence by its folder's name; ``stop`` keeps only the first frames."""
    loaders: dict[str, Callable[[Path, int | None], Sequence]] = {
        "hololens_dvmvs_000": _hololens,
        "icl_livingroom1_micro": _icl,
    }
    return loaders[folder.name](folder, stop)


def repack(folder: Path, root: Path, layout: str, stop: int | None = None) -> Path:
    """Write a sequence as ``scannet`` (``.sens``) or ``posed_images``, mesh and alignment in ``scans/<id>``.

    Returns:
        The scene folder that holds the frames.
    """
    sequence, scene = load(folder, stop), SCENES[folder.name]
    scan = root / "scans" / scene
    write_scan(scan, sequence.vertices, sequence.faces, alignment=sequence.alignment)
    if layout == "posed_images":
        return write_posed(root / "posed_images" / scene, _as_jpeg(sequence.take))
    codec = "jpeg" if sequence.take.images[0].startswith(b"\xff\xd8") else "png"
    write_sens(scan / f"{scene}.sens", sequence.take, color_codec=codec)
    return scan


def _hololens(folder: Path, stop: int | None) -> Sequence:
    poses = np.loadtxt(folder / "poses.txt").reshape(-1, 4, 4)
    with (folder / "frame_index.csv").open() as stream:
        rows = list(csv.DictReader(stream))[:stop]
    names = [row["name"] for row in rows]
    k = np.loadtxt(folder / "K.txt")
    depths = [_depth(folder / "depth" / name) for name in names]
    take = Take(
        [(folder / "images" / name).read_bytes() for name in names],
        depths,
        [poses[int(row["pose_row"])] for row in rows],
        k,
        k,
        [int(Path(name).stem) for name in names],
    )
    y_up = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    return _sequence(folder, take, y_up)


def _icl(folder: Path, stop: int | None) -> Sequence:
    lines = (folder / "trajectory.log").read_text().split("\n")
    poses = [
        np.array([[float(v) for v in line.split()] for line in lines[5 * i + 1 : 5 * i + 5]])
        for i in range(len(lines) // 5)
    ]
    images = sorted((folder / "image").glob("*.jpg"))[:stop]
    k = np.array([[525.0, 0, 319.5], [0, 525.0, 239.5], [0, 0, 1]])
    numbers = [int(path.stem) for path in images]
    take = Take(
        [path.read_bytes() for path in images],
        [_depth(folder / "depth" / f"{path.stem}.png") for path in images],
        [poses[number] for number in numbers],
        k,
        k,
        numbers,
    )
    return _sequence(folder, take, None)


def _sequence(folder: Path, take: Take, rotation: np.ndarray | None) -> Sequence:
    mesh = trimesh.load(folder / "mesh_tsdf_derived.ply", process=False)
    if rotation is None:
        rotation = _rotation_to_z(floor_normal(mesh, np.array([0.0, -1.0, 0.0])))
    alignment = np.eye(4)
    alignment[:3, :3] = rotation
    heights = mesh.vertices @ rotation[2]
    alignment[2, 3] = -np.percentile(heights, 1)
    return Sequence(take, np.asarray(mesh.vertices), np.asarray(mesh.faces), alignment)


def floor_normal(mesh: trimesh.Trimesh, guess: np.ndarray) -> np.ndarray:
    """The mean normal of the faces that lie flat, found by narrowing a cone around a guess."""
    up = guess / np.linalg.norm(guess)
    for degrees in (35, 20, 10, 5, 3, 3):
        flat = np.abs(mesh.face_normals @ up) > np.cos(np.radians(degrees))
        normals = mesh.face_normals[flat]
        normals = normals * np.sign(normals @ up)[:, None]
        up = (normals * mesh.area_faces[flat][:, None]).sum(axis=0)
        up /= np.linalg.norm(up)
    return up


def _rotation_to_z(up: np.ndarray) -> np.ndarray:
    x = np.cross((0.0, 1.0, 0.0), up) if abs(up[1]) < 0.9 else np.array([1.0, 0, 0])
    x = x - up * (x @ up)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(up, x), up])


def _as_jpeg(take: Take) -> Take:
    if take.images[0].startswith(b"\xff\xd8"):
        return take
    pixels = [cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR) for image in take.images]
    images = [cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes() for image in pixels]
    return Take(images, take.depths, take.poses, take.color_intrinsics, take.depth_intrinsics, take.numbers)


def _depth(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


__all__ = ["SCENES", "Sequence", "floor_normal", "load", "repack"]
