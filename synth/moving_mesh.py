"""The mesh of a room in which things move: rigid parts, where each is at every step, and what a camera sees of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.raster import MeshMap, TriangleClusters, build_clusters, rasterise
from ..core.types import Camera
from .mesh import weld
from .moving import Moving, PartKind
from .placement import Placed
from .primitives import Solid, merge

__all__ = ["NEAR", "MovingMesh", "Part", "assemble"]

NEAR: Final = 0.05
"""Metres: nothing is drawn nearer to the camera plane."""

_STILL: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One rigid thing: a static object, a thing that moves, a drawer or a door.

    Attributes:
        id: its place in the list of parts.
        label: raw category.
        kind: ``static``, ``moving``, ``drawer`` or ``door``.
        group: parts of one group never move relative to each other; group 0 stands still.
    """

    id: int
    label: str
    kind: PartKind
    group: int


@dataclass(frozen=True, slots=True, eq=False)
class MovingMesh:
    """A mesh of rigid parts; static ones come first, in parts, vertices and faces.

    Attributes:
        parts: static parts have the world's coordinates, the others their own.
        poses: (parts, t, 4, 4) part to world at each step; identity for static parts.
        vertices: (n, 3) float32, metres, each in its part's coordinates.
        faces: (m, 3) int32 into vertices.
        vertex_part: (n,) int32; ``face_part``: (m,) int32.
        still_vertices, still_faces: how many belong to static parts.
        still: the static faces as the rasteriser likes them.
    """

    parts: tuple[Part, ...]
    poses: npt.NDArray[np.float64]
    vertices: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]
    vertex_part: npt.NDArray[np.int32]
    face_part: npt.NDArray[np.int32]
    still_vertices: int
    still_faces: int
    still: TriangleClusters

    def posed(self, step: int) -> npt.NDArray[np.float64]:
        """(n, 3), metres, world: all vertices at a step."""
        world = self.vertices.astype(np.float64)
        owner = self.vertex_part[self.still_vertices :]
        pose = self.poses[owner, step]
        turned = (pose[:, :3, :3] @ world[self.still_vertices :, :, None])[..., 0]
        world[self.still_vertices :] = turned + pose[:, :3, 3]
        return world

    def clusters(self, world: npt.NDArray[np.float64]) -> TriangleClusters:
        """What moves, for the rasteriser; ``world`` (n, 3) are the vertices as ``posed`` gives them."""
        return build_clusters(
            world[self.still_vertices :], self.faces[self.still_faces :] - np.int32(self.still_vertices)
        )

    def map(self, moving: TriangleClusters, camera: Camera) -> MeshMap:
        """Depth and triangle at every pixel, with what moves as ``clusters`` gives it."""
        behind = rasterise(None, None, camera, NEAR, self.still)
        before = rasterise(None, None, camera, NEAR, moving)
        nearer = (before.triangle >= 0) & ((behind.triangle < 0) | (before.depth < behind.depth))
        return MeshMap(
            np.where(nearer, before.depth, behind.depth),
            np.where(nearer, before.triangle + np.int32(self.still_faces), behind.triangle),
        )


def assemble(
    placed: Sequence[Placed], moving: Sequence[Moving], at: npt.NDArray[np.float64], middle: int
) -> tuple[MovingMesh, Solid, npt.NDArray[np.int64]]:
    """The mesh of a room and what moves in it.

    Args:
        placed: what stands still.
        moving: what does not.
        at: (t,) the moment of each step, 0 to 1.
        middle: a step.

    Returns:
        The mesh; everything as one solid in the world at that step, for painting; and the vertex of each corner of it.
    """
    still = [p.model.solid.moved(p.at, turn=p.turn) for p in placed]
    solid = merge([*still, *(m.solid for m in moving)])
    sizes = [len(s.positions) for s in (*still, *(m.solid for m in moving))]
    owner = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    assert solid.part is not None
    first, vertex_of = weld(solid.positions, solid.part)
    poses = np.concatenate(
        [np.tile(np.eye(4), (len(placed), len(at), 1, 1)), np.stack([m.motion.poses(at) for m in moving])]
    )
    group = _groups(poses)
    labels = [(p.model.label, "static") for p in placed] + [(m.label, m.kind) for m in moving]
    parts = tuple(Part(k, label, kind, int(group[k])) for k, (label, kind) in enumerate(labels))  # type: ignore[arg-type]
    vertices, faces = solid.positions[first].astype(np.float32), vertex_of[solid.faces].astype(np.int32)
    vertex_part = owner[first]
    face_part = vertex_part[faces[:, 0]]
    still_vertices, still_faces = (int((which < len(placed)).sum()) for which in (vertex_part, face_part))
    mesh = MovingMesh(
        parts,
        poses,
        vertices,
        faces,
        vertex_part,
        face_part,
        still_vertices,
        still_faces,
        build_clusters(vertices[:still_vertices], faces[:still_faces]),
    )
    pose = poses[owner, middle]
    world = (pose[:, :3, :3] @ solid.positions[:, :, None])[..., 0] + pose[:, :3, 3]
    return mesh, Solid(world, solid.uv, solid.group, solid.faces, solid.material, solid.part), vertex_of


def _groups(poses: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """(parts,) which parts never move relative to each other, numbered in the order they appear."""
    leaders: list[int] = []
    group = np.empty(len(poses), np.int64)
    for k, own in enumerate(poses):
        for number, leader in enumerate(leaders):
            relative = np.linalg.inv(poses[leader]) @ own
            if np.abs(relative - relative[0]).max() < _STILL:
                group[k] = number
                break
        else:
            group[k] = len(leaders)
            leaders.append(k)
    return group
