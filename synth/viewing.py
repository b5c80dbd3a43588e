"""Where a video is filmed from: a slow piece of the walk, or a fixed place, that sees most of what moves.

Candidates are judged by small maps of the scene at a few moments: every moving part counts by how large it is seen,
up to a size where it is plain to see.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from ..core.raster import TriangleClusters
from ..core.types import Camera
from .moving_mesh import MovingMesh
from .room import Room
from .sources import Source
from .walk import Walk

__all__ = ["choose_cameras"]

Floats = npt.NDArray[np.float64]

_SPEED: Final = 0.22  # m/s, of a camera that moves
_SHORTEST_WAY: Final = 0.25  # m
_PIXELS: Final = 160  # width of the small maps
_PLAIN: Final = 0.012  # of the image: as large as a part needs to be
_LEAST_PARTS: Final = 7
_SHORT_LIST: Final = 10
_CLEARANCE: Final = 0.38  # m, of a fixed camera from any surface


def choose_cameras(
    rng: np.random.Generator,
    mesh: MovingMesh,
    walk: Walk,
    room: Room,
    source: Source,
    size: tuple[int, int],
    seconds: float,
) -> tuple[Camera, ...] | None:
    """One camera a step, or None where too little of what moves can be seen.

    Args:
        rng: decides places and sway.
        mesh: the scene.
        walk: through its room.
        room: for its size.
        source: whether the camera moves, and its lens.
        size: width and height of the images, pixels.
        seconds: the clip lasts.
    """
    steps = mesh.poses.shape[1]
    moments = sorted({0, steps // 2, steps - 1})
    worlds = [mesh.posed(step) for step in moments]
    moving = [mesh.clusters(world) for world in worlds]
    ways = _pieces(walk, seconds) if source.moves else _places(rng, mesh, walk, room)
    intrinsics = source.intrinsics(size)
    small = (_PIXELS, max(1, round(_PIXELS * size[1] / size[0])))

    def worth(poses: Floats, which: int) -> float:
        return _worth(mesh, moving[which], Camera(intrinsics, poses[moments[which]], *size).resized(*small))

    half = len(moments) // 2
    options = [_look(_spread(way, steps), gaze) for way in ways for gaze in _gazes(mesh, worlds[half])]
    promise = np.array([worth(poses, half) for poses in options])
    best, best_poses = 0.0, None
    for k in np.argsort(-promise, kind="stable")[:_SHORT_LIST]:
        # A view is as good as its worst moment.
        score = min(float(promise[k]) if which == half else worth(options[k], which) for which in range(len(moments)))
        if score > best:
            best, best_poses = score, options[k]
    if best_poses is None or best < _LEAST_PARTS:
        return None
    if source.moves:
        best_poses = _swayed(rng, best_poses)
    return tuple(Camera(intrinsics, pose, *size) for pose in best_poses)


def _spread(way: Floats, steps: int) -> Floats:
    """(steps, 3): places along a way (k, 3) at equal distances."""
    at, index = np.linspace(0, len(way) - 1, steps), np.arange(len(way))
    return np.stack([np.interp(at, index, way[:, axis]) for axis in range(3)], 1)


def _gazes(mesh: MovingMesh, world: Floats) -> list[Floats]:
    """Points to look at: the middle of everything that moves, and of one half of it, cut along either axis."""
    moves = [part.id for part in mesh.parts if part.group > 0]
    middles = np.stack([world[mesh.vertex_part == k].mean(0) for k in moves])
    gazes = [middles.mean(0)]
    for axis in range(2):
        border = np.median(middles[:, axis])
        gazes += [
            middles[side].mean(0) for side in (middles[:, axis] <= border, middles[:, axis] > border) if side.any()
        ]
    return gazes


def _pieces(walk: Walk, seconds: float) -> list[Floats]:
    """Pieces (k, 3) of the walk, as long as a slow camera comes."""
    steps = np.linalg.norm(np.diff(walk.positions, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    length = min(max(_SPEED * seconds, _SHORTEST_WAY), 0.8 * float(along[-1]))
    pieces = []
    for start in np.linspace(0.0, along[-1] - length, 16):
        inside = (along >= start) & (along <= start + length)
        pieces.append(walk.positions[inside])
    return [piece for piece in pieces if len(piece) > 1]


def _places(rng: np.random.Generator, mesh: MovingMesh, walk: Walk, room: Room) -> list[Floats]:
    """Fixed places (1, 3): along the walk at eye level and higher, and high up at the walls and in the corners."""
    tree = cKDTree(mesh.vertices[: mesh.still_vertices : 2])
    some = walk.positions[:: max(1, len(walk.positions) // 14)]
    low = some + np.outer(rng.uniform(0.0, 0.35, len(some)), (0.0, 0.0, 1.0))
    x, y = room.width / 2 - _CLEARANCE - 0.02, room.depth / 2 - _CLEARANCE - 0.02
    high = [
        np.array([sx * x, sy * y, min(rng.uniform(1.75, 2.0), room.height - _CLEARANCE - 0.02)])
        for sx in (-1, -0.5, 0, 0.5, 1)
        for sy in (-1, -0.5, 0, 0.5, 1)
        if max(abs(sx), abs(sy)) == 1
    ]
    places = np.array([*low, *high])
    return [place[None] for place in places[tree.query(places)[0] > _CLEARANCE]]


def _look(positions: Floats, gaze: Floats) -> Floats:
    """(t, 4, 4) camera_to_world, OpenCV axes, level, from these places (t, 3) towards a point."""
    forward = gaze - positions
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    right = np.stack([forward[:, 1], -forward[:, 0], np.zeros(len(forward))], 1)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    poses = np.tile(np.eye(4), (len(positions), 1, 1))
    poses[:, :3, 0], poses[:, :3, 1], poses[:, :3, 2] = right, np.cross(forward, right), forward
    poses[:, :3, 3] = positions
    return poses


def _swayed(rng: np.random.Generator, poses: Floats) -> Floats:
    """The poses of a camera that is carried: slow turns of a few degrees about all of its axes."""
    t = np.linspace(0.0, 2 * math.pi, len(poses))
    angle = [math.radians(size) * np.sin(t * rng.uniform(0.4, 0.9) + rng.uniform(0, 6)) for size in (2.5, 4.0, 1.5)]
    swayed = poses.copy()
    swayed[:, :3, :3] = poses[:, :3, :3] @ Rotation.from_rotvec(np.stack(angle, 1)).as_matrix()
    return swayed


def _worth(mesh: MovingMesh, moving: TriangleClusters, camera: Camera) -> float:
    """How many moving parts a camera sees, each by the share of ``_PLAIN`` it fills, 1 at most."""
    seen = mesh.map(moving, camera).triangle
    pixels = np.bincount(mesh.face_part[seen[seen >= 0]], minlength=len(mesh.parts)) / seen.size
    moves = np.array([part.group > 0 for part in mesh.parts])
    share = pixels[moves]
    return float(np.sqrt(np.clip(share / _PLAIN, 0, 1)).sum())
