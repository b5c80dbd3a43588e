"""A clean scene as a scanner would bring it home.

``clean_scan`` leaves everything as it is. ``noisy_scan`` gives the mesh other vertices and triangles, bends it by up
to 3 cm and tears holes into it, lets labels run over the borders of objects, shakes the poses by up to 1 cm and
0.5 degrees and loses every tenth; ``noisy_depth`` does to a depth map what a structured-light sensor does. Pictures
and depth maps are always taken from the clean mesh and the true poses: only what is *written* about them is wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from ..core import seeding
from .mesh import corner_normals
from .scene import VERSION, SyntheticScene

__all__ = ["Scan", "clean_scan", "noisy_depth", "noisy_poses", "noisy_scan"]

LARGEST_SHIFT: Final = 0.028
"""Metres: no vertex is displaced further."""

_TYPICAL_SHIFT: Final = 0.017  # m, root mean square before the limit
_SHIFT_CELL: Final = 0.10  # m, grid of the displacement field; it changes over two or three cells
_DROPPED: Final = 0.36  # share of vertices that are merged into a neighbour
_JITTER: Final = 0.003  # m, so that no vertex stays where the clean one was
_HOLES: Final = 16
_BLEEDING: Final = 0.03  # m
_POSE_SHIFT, _POSE_TURN = 0.010, math.radians(0.5)
_LOST: Final = 0.10
_UNLABELLED: Final = 0.02  # share of segments nobody annotated
_SEGMENT_CELL: Final = 0.28  # m


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """What is written to disk of a scene's mesh and poses; metres, aligned world.

    Attributes:
        vertices, faces: (n, 3) float32, (m, 3) int32.
        vertex_instance: (n,) int32, object id, -1 where nobody annotated.
        source: (n,) the clean vertex each came from, for its colour.
        segments: (n,) int64, ids of the over-segmentation, not dense.
        camera_to_world: (frames, 4, 4).
        lost: (frames,) whether tracking failed.
    """

    vertices: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]
    vertex_instance: npt.NDArray[np.int32]
    source: npt.NDArray[np.int64]
    segments: npt.NDArray[np.int64]
    camera_to_world: npt.NDArray[np.float64]
    lost: npt.NDArray[np.bool_]


def _generator(scene: SyntheticScene, what: str) -> np.random.Generator:
    return seeding.generator("synth", VERSION, scene.seed, scene.index, "noise", what)


def _poses(scene: SyntheticScene) -> npt.NDArray[np.float64]:
    return np.stack([camera.camera_to_world for camera in scene.cameras])


def clean_scan(scene: SyntheticScene) -> Scan:
    """The scene as it is, cut into segments."""
    return Scan(
        vertices=scene.vertices,
        faces=scene.faces,
        vertex_instance=scene.vertex_instance,
        source=np.arange(len(scene.vertices)),
        segments=_segments(scene.vertices, scene.faces, scene.vertex_instance),
        camera_to_world=_poses(scene),
        lost=np.zeros(len(scene.cameras), bool),
    )


def noisy_scan(scene: SyntheticScene) -> Scan:
    """The scene as a scanner would reconstruct it."""
    positions, faces, source = _torn(_generator(scene, "holes"), *_remeshed(scene))
    vertices = _bent(_generator(scene, "shift"), positions)
    instance = _bled(_generator(scene, "labels"), vertices, scene.vertex_instance[source])
    segments = _segments(vertices, faces, instance)
    ids = np.unique(segments)
    rng = _generator(scene, "unlabelled")
    forgotten = rng.choice(ids, round(_UNLABELLED * len(ids)), replace=False)
    instance = np.where(np.isin(segments, forgotten), -1, instance).astype(np.int32)
    poses, lost = noisy_poses(scene)
    return Scan(vertices, faces, instance, source, segments, poses, lost)


def noisy_poses(scene: SyntheticScene) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Poses (frames, 4, 4) as tracking found them, and which it lost (frames,)."""
    return _shaken(_generator(scene, "poses"), _poses(scene))


def _remeshed(
    scene: SyntheticScene,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Other vertices and triangles: a third of the vertices are drawn into their nearest kept neighbour."""
    rng = _generator(scene, "remesh")
    n = len(scene.vertices)
    dropped = rng.random(n) < _DROPPED
    pairs = np.concatenate([scene.faces[:, [k, (k + 1) % 3]] for k in range(3)]).astype(np.int64)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    pairs = pairs[dropped[pairs[:, 0]] & ~dropped[pairs[:, 1]]]
    length = np.linalg.norm(scene.vertices[pairs[:, 0]] - scene.vertices[pairs[:, 1]], axis=1)
    order = np.lexsort((pairs[:, 1], length, pairs[:, 0]))
    loser, first = np.unique(pairs[order, 0], return_index=True)
    into = np.arange(n)
    into[loser] = pairs[order[first], 1]
    source, cluster = np.unique(into, return_inverse=True)
    count = np.bincount(cluster)
    mean = np.stack([np.bincount(cluster, scene.vertices[:, k]) / count for k in range(3)], 1)
    faces = cluster[scene.faces]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (a != c)]
    _, unique = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    return mean + rng.normal(0, _JITTER, mean.shape), faces[np.sort(unique)].astype(np.int32), source


def _torn(
    rng: np.random.Generator,
    vertices: npt.NDArray[np.float64],
    faces: npt.NDArray[np.int32],
    source: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Holes where the scanner saw nothing; vertices no triangle uses are left out."""
    tree = cKDTree(vertices)
    gone = np.zeros(len(vertices), bool)
    for middle in rng.choice(len(vertices), _HOLES, replace=False):
        gone[tree.query_ball_point(vertices[middle], rng.uniform(0.05, 0.14))] = True
    faces = faces[~gone[faces].any(1)]
    used = np.zeros(len(vertices), bool)
    used[faces] = True
    number = np.cumsum(used) - 1
    return vertices[used], number[faces].astype(np.int32), source[used]


def _bent(rng: np.random.Generator, vertices: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Vertices displaced by a smooth field, up to ``LARGEST_SHIFT``."""
    low = vertices.min(0) - 3 * _SHIFT_CELL
    shape = np.ceil((vertices.max(0) + 3 * _SHIFT_CELL - low) / _SHIFT_CELL).astype(int) + 1
    at = ((vertices - low) / _SHIFT_CELL).T
    shift = np.empty_like(vertices)
    for axis in range(3):
        field = ndimage.gaussian_filter(rng.standard_normal(tuple(shape)), 1.4)
        shift[:, axis] = ndimage.map_coordinates(field / field.std(), at, order=1)
    shift *= _TYPICAL_SHIFT / math.sqrt(3)
    length = np.linalg.norm(shift, axis=1, keepdims=True)
    shift *= LARGEST_SHIFT * np.tanh(length / LARGEST_SHIFT) / np.maximum(length, 1e-12)
    return np.asarray(vertices + shift, np.float32)


def _bled(
    rng: np.random.Generator, vertices: npt.NDArray[np.float32], instance: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    """Labels run over borders: within 3 cm of another object a vertex takes its label every second time."""
    tree = cKDTree(vertices)
    _, near = tree.query(vertices, k=9, distance_upper_bound=_BLEEDING)
    label = np.append(instance, -1)[near]
    other = (label != instance[:, None]) & (near < len(vertices))
    first = np.argmax(other, axis=1)
    takes = other.any(1) & (rng.random(len(vertices)) < 0.5)
    return np.where(takes, label[np.arange(len(vertices)), first], instance).astype(np.int32)


def _segments(
    vertices: npt.NDArray[np.float32], faces: npt.NDArray[np.int32], instance: npt.NDArray[np.int32]
) -> npt.NDArray[np.int64]:
    """(n,) an over-segmentation: pieces of one object, one direction and one place; named by their first vertex."""
    normals = corner_normals(vertices.astype(np.float64), faces.astype(np.int64), np.arange(len(vertices)))
    side = np.abs(normals).argmax(1)
    side = 2 * side + (normals[np.arange(len(normals)), side] > 0)
    cell = np.floor(vertices / _SEGMENT_CELL).astype(np.int64) + 512
    key = (((instance.astype(np.int64) + 1) * 6 + side) << 30) | (cell[:, 0] << 20) | (cell[:, 1] << 10) | cell[:, 2]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return first[inverse]


def _shaken(
    rng: np.random.Generator, poses: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Poses that drift by up to 1 cm and half a degree, and which are lost."""
    count = len(poses)

    def drift(limit: float) -> npt.NDArray[np.float64]:
        slow = ndimage.gaussian_filter1d(rng.standard_normal((count, 3)), 4, axis=0, mode="wrap")
        slow = slow / max(float(slow.std()), 1e-9) + 0.3 * rng.standard_normal((count, 3))
        length = np.linalg.norm(slow, axis=1, keepdims=True)
        return np.asarray(slow * limit * np.tanh(length / 2.4) / np.maximum(length, 1e-12))

    shaken = poses.copy()
    shaken[:, :3, 3] += drift(_POSE_SHIFT)
    shaken[:, :3, :3] = Rotation.from_rotvec(drift(_POSE_TURN)).as_matrix() @ poses[:, :3, :3]
    lost = np.zeros(count, bool)
    lost[rng.choice(count, round(_LOST * count), replace=False)] = True
    return shaken, lost


def noisy_depth(
    scene: SyntheticScene,
    frame: int,
    depth: npt.NDArray[np.float32],
    image: npt.NDArray[np.uint8],
) -> npt.NDArray[np.float32]:
    """A depth map as a structured-light sensor returns it.

    Args:
        scene: decides the noise, with its seed.
        frame: its number, so that each has its own noise.
        depth: (h, w) metres, exact, 0 unknown.
        image: (H, W, 3) uint8, the colour picture of the frame: dark surfaces return nothing.

    Returns:
        (h, w) metres: 1-2 % of the depth off, in patches; 0 at edges, on dark surfaces, and beyond 5-6 m.
    """
    rng = _generator(scene, f"depth {frame}")
    height, width = depth.shape
    scale = width / 640

    def patches(size: float) -> npt.NDArray[np.float32]:
        # Drawn coarse and enlarged: patches have no detail below their size.
        step = max(1, int(size * scale / 2))
        small = rng.standard_normal((height // step + 2, width // step + 2)).astype(np.float32)
        field = cv2.resize(cv2.GaussianBlur(small, (0, 0), 1.0), (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(field / max(float(field.std()), 1e-9), np.float32)

    wide, fine = patches(24), patches(4)
    relative = rng.uniform(0.010, 0.020) * (0.6 * wide + 0.8 * fine)
    noisy = depth * (1 + relative)
    kernel = np.ones((3, 3), np.uint8)
    # Unknown pixels count as far away, so that the rim of a hole is an edge too.
    filled = np.where(depth > 0, depth, np.float32(100))
    step = cv2.dilate(filled, kernel) - cv2.erode(filled, kernel)
    edge = (step > 0.06 * depth + 0.01).astype(np.uint8)
    reach = 1 + (fine > 0.2).astype(np.uint8) + (wide > 0.6).astype(np.uint8)
    near_edge = np.zeros(depth.shape, bool)
    for radius in (1, 2, 3):
        size = max(1, round(radius * scale))
        grown = cv2.dilate(edge, np.ones((2 * size + 1, 2 * size + 1), np.uint8)) > 0
        near_edge |= grown & (reach >= radius)
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (width, height), interpolation=cv2.INTER_AREA)
    dark = grey < 34 + 10 * wide
    far = depth > 5.5 + 0.22 * np.clip(wide, -2, 2)
    return np.asarray(np.where(near_edge | dark | far | (depth <= 0), 0, noisy), np.float32)
