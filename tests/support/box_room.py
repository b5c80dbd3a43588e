"""A small box-shaped room seen from inside, with exact depth: enough truth to prove a reader with."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np

from .scannet_writer import Take, group

SIZE = np.array([4.0, 3.0, 2.5])
ALIGNMENT = np.array(
    [
        [np.cos(0.4), np.sin(0.4), 0.0, -1.5],
        [-np.sin(0.4), np.cos(0.4), 0.0, -2.0],
        [0.0, 0.0, 1.0, -0.1],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
COLOR_SIZE, DEPTH_SIZE = (96, 72), (64, 48)
COLOR_K = np.array([[86.0, 0, 47.0], [0, 87.0, 36.0], [0, 0, 1]])


def depth_k(color_k: np.ndarray = COLOR_K, color_size=COLOR_SIZE, depth_size=DEPTH_SIZE) -> np.ndarray:
    """Colour intrinsics rescaled by the pixel-centre rule."""
    sx, sy = depth_size[0] / color_size[0], depth_size[1] / color_size[1]
    k = color_k.copy()
    k[0, 0], k[1, 1] = k[0, 0] * sx, k[1, 1] * sy
    k[0, 2], k[1, 2] = (k[0, 2] + 0.5) * sx - 0.5, (k[1, 2] + 0.5) * sy - 0.5
    return k


def poses(count: int) -> list[np.ndarray]:
    """Level cameras near the middle of the room, turning: x right, y down, z forward, raw world with z up."""
    found = []
    for index in range(count):
        heading = 0.3 + 0.25 * index
        forward = np.array([np.cos(heading), np.sin(heading), -0.2])
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (0, 0, 1.0))
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, 0], pose[:3, 1], pose[:3, 2] = right, np.cross(forward, right), forward
        pose[:3, 3] = (1.7 + 0.12 * index, 1.4 + 0.05 * index, 1.3)
        found.append(pose)
    return found


def depth_map(pose: np.ndarray, k: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w) uint16 millimetres: Z of the box's inside along each pixel's ray, the nearest exit of three slabs."""
    return _depth_map(np.asarray(pose, float).tobytes(), np.asarray(k, float).tobytes(), tuple(size)).copy()


@cache
def _depth_map(pose_bytes: bytes, k_bytes: bytes, size: tuple[int, int]) -> np.ndarray:
    """Once a run: every reader's tests write the same few recordings again and again."""
    pose, k = np.frombuffer(pose_bytes).reshape(4, 4), np.frombuffer(k_bytes).reshape(3, 3)
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    rays = np.stack([(x - k[0, 2]) / k[0, 0], (y - k[1, 2]) / k[1, 1], np.ones(x.shape)], axis=-1) @ pose[:3, :3].T
    with np.errstate(divide="ignore", invalid="ignore"):
        exits = np.where(rays > 0, (SIZE - pose[:3, 3]) / rays, -pose[:3, 3] / rays)
    return np.rint(exits.min(axis=-1) * 1000).astype(np.uint16)


def take(count: int = 6, color_size=COLOR_SIZE, color_k: np.ndarray = COLOR_K) -> Take:
    """A recording of the room, its colours telling frames and pixels apart."""
    images, depths, kd = [], [], depth_k(color_k, color_size)
    cameras = poses(count)
    x, y = np.meshgrid(np.linspace(0, 200, color_size[0]), np.linspace(0, 200, color_size[1]))
    for index, pose in enumerate(cameras):
        images.append(np.stack([x, y, np.full_like(x, 20 * index)], axis=-1).astype(np.uint8))
        depths.append(depth_map(pose, kd, DEPTH_SIZE))
    return Take(images, depths, cameras, color_k, kd)


def mesh(steps: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """The six sides as grids of triangles (raw world)."""
    vertices, faces = _mesh(steps)
    return vertices.copy(), faces.copy()


@cache
def _mesh(steps: int) -> tuple[np.ndarray, np.ndarray]:
    vertices, faces = [], []
    for axis, side in itertools.product(range(3), (0.0, 1.0)):
        u, v = [i for i in range(3) if i != axis]
        a, b = np.meshgrid(np.linspace(0, 1, steps + 1), np.linspace(0, 1, steps + 1))
        points = np.zeros((a.size, 3))
        points[:, u], points[:, v], points[:, axis] = a.ravel(), b.ravel(), side
        start = sum(len(part) for part in vertices)
        for i, j in itertools.product(range(steps), range(steps)):
            corner = start + i * (steps + 1) + j
            faces += [(corner, corner + 1, corner + steps + 1), (corner + 1, corner + steps + 2, corner + steps + 1)]
        vertices.append(points * SIZE)
    return np.concatenate(vertices), np.array(faces)


def annotation(vertices: np.ndarray) -> tuple[np.ndarray, list[dict]]:
    """Floor, ceiling and four walls as segments with wild ids, in objects that repeat labels and own nothing."""
    per_side = len(vertices) // 6
    ids = [70001, 5, 1234, 99, 3, 880]
    segments = np.repeat(ids, per_side)
    groups = [
        group(0, "wall", [70001, 5]),
        group(7, "Couch ", [1234]),
        group(3, "couch", [99]),
        group(9, "ghost", [42]),
        group(4, "trashcan", [3, 880]),
        group(5, "floor", [3]),
    ]
    return segments, groups
