"""A synthetic scene in memory: clean mesh, objects, cameras, and what is needed to paint it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core import seeding
from ..core.raster import TriangleClusters, build_clusters
from ..core.types import Camera, OrientedBox
from . import lighting
from .materials import PackedPalette, Palette
from .mesh import corner_normals, weld
from .placement import Placed, Rectangle
from .primitives import Solid, merge
from .room import ROOM_KINDS, SCENE_TYPES, Room, furnish
from .shell import Opening
from .walk import Target, Walk, plan_walk

__all__ = ["Painted", "SyntheticObject", "SyntheticScene", "build_scene", "paint_surfaces", "relit", "walk_through"]

VERSION: Final = 2
"""Raised whenever the same seed would give another scene."""

_LEAST_OBJECTS: Final = 28
_LEAST_KINDS: Final = 13
_ATTEMPTS: Final = 40
_ESSENTIALS: Final = {
    "living room": ("couch", 1),
    "bedroom": ("bed", 1),
    "office": ("desk", 2),
    "kitchen": ("kitchen counter", 2),
    "dining room": ("chair", 4),
}
"""What a room of each kind is known by, and how many of it."""

_SHELL: Final = frozenset({"floor", "ceiling", "wall"})


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticObject:
    """One object of the truth.

    Attributes:
        id: ScanNet objectId, equal to its place in the scene's list.
        label: raw category.
        box: tight in the object's own axes, aligned world.
        parent: id of what it stands on or hangs from, or None.
        relation: ``stands_on``, ``hangs_on`` or ``part_of_room``.
    """

    id: int
    label: str
    box: OrientedBox
    parent: int | None
    relation: str


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """What painting needs beside the mesh; faces are the mesh's, in the same order.

    Attributes:
        corners: (r, 3) float32, metres, aligned world.
        faces: (m, 3) int32 into corners.
        uv: (r, 2) float32; light: (r, 3) float32.
        material: (m,) int32; density: (m,) texels of the finest texture a metre.
        vertex_of: (r,) the mesh vertex at each corner.
        exposure: what the light is multiplied by.
    """

    corners: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]
    uv: npt.NDArray[np.float32]
    light: npt.NDArray[np.float32]
    material: npt.NDArray[np.int32]
    density: npt.NDArray[np.float32]
    vertex_of: npt.NDArray[np.int64]
    palette: PackedPalette
    exposure: float


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticScene:
    """A furnished room with its truth; everything in the aligned world, metres.

    Attributes:
        id: ``scene0000_00``; ``seed`` and ``index`` make it again.
        kind: of room; ``scene_type`` in ScanNet's words.
        vertices, faces, vertex_instance: the clean mesh; every vertex belongs to an object.
        objects: in the order of their ids.
        polygon: (4, 2) the room's inner corners, counter-clockwise from above; ``height`` of the ceiling.
        cameras, depth_cameras: exact, one a frame.
        axis_alignment: (4, 4) from the world the files are written in to the aligned world.
        painted: for ``render.paint_image``.
        clusters: the mesh as the rasteriser likes it.
    """

    id: str
    seed: int
    index: int
    kind: str
    vertices: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]
    vertex_instance: npt.NDArray[np.int32]
    objects: tuple[SyntheticObject, ...]
    polygon: npt.NDArray[np.float64]
    height: float
    cameras: tuple[Camera, ...]
    depth_cameras: tuple[Camera, ...]
    axis_alignment: npt.NDArray[np.float64]
    painted: Painted
    clusters: TriangleClusters

    @property
    def scene_type(self) -> str:
        return SCENE_TYPES[self.kind]


def build_scene(
    seed: int,
    index: int,
    *,
    frames: int = 60,
    color_size: tuple[int, int] = (1296, 968),
    depth_size: tuple[int, int] = (640, 480),
) -> SyntheticScene:
    """Scene number ``index`` of this seed, in memory; it does not depend on which other scenes are made.

    Args:
        seed: of the whole set.
        index: of the scene in it.
        frames: how many steps the camera's walk is cut into; the walk itself does not depend on it.
        color_size: width and height of the colour images, pixels.
        depth_size: of the depth maps.

    Returns:
        The clean scene; ``noise.py`` makes a scan of it.
    """
    room, corners, faces, owner, walk = _furnished(seed, index)
    return _finish(seed, index, room, corners, faces, owner, walk, frames, color_size, depth_size)


def _furnished(seed: int, index: int) -> tuple[Room, Solid, npt.NDArray[np.int32], npt.NDArray[np.int32], Walk]:
    """The room of a scene, everything in it as one solid, its triangles, each corner's object, and a walk."""
    block, place = divmod(index, len(ROOM_KINDS))
    kind = ROOM_KINDS[
        int(seeding.generator("synth", VERSION, seed, "kinds", block).permutation(len(ROOM_KINDS))[place])
    ]
    for attempt in range(_ATTEMPTS):
        key = ("synth", VERSION, seed, index, attempt)
        room = furnish(kind, Palette(*key), seeding.generator(*key, "room"))
        things = [p for p in room.placed if p.model.label not in _SHELL]
        if len(things) < _LEAST_OBJECTS or len({p.model.label for p in things}) < _LEAST_KINDS:
            continue
        if Counter(p.model.label for p in things)[_ESSENTIALS[kind][0]] < _ESSENTIALS[kind][1]:
            continue
        corners, faces, owner = _assemble(room.placed)
        walk = walk_through(room, corners.positions, seeding.generator(*key, "walk"))
        if walk is not None:
            return room, corners, faces, owner, walk
    raise AssertionError(f"no room to walk in after {_ATTEMPTS} attempts (seed {seed}, scene {index})")


def _assemble(placed: Sequence[Placed]) -> tuple[Solid, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """All objects as one solid in the world, its triangles, and each corner's object."""
    solid = merge([p.model.solid.moved(p.at, turn=p.turn) for p in placed])
    owner = np.repeat(np.arange(len(placed), dtype=np.int32), [len(p.model.solid.positions) for p in placed])
    return solid, solid.faces.astype(np.int32), owner


def walk_through(
    room: Room, positions: npt.NDArray[np.float64], rng: np.random.Generator, kept_free: Sequence[Rectangle] = ()
) -> Walk | None:
    """A walk around what stands on the floor and what is kept free, looking at everything but the walls."""
    obstacles, targets = list(kept_free), []
    for thing in room.placed:
        label, height = thing.model.label, thing.model.height
        if label in _SHELL:
            continue
        if thing.at[2] < 0.1 and height > 0.1 and label not in ("door", "window"):
            obstacles.append(thing.footprint)
        x, y = thing.to_world(0.0, 0.0)
        large = thing.model.width * height + thing.model.width * thing.model.depth
        targets.append(Target(x, y, thing.at[2] + height / 2, min(0.8, 0.35 + 0.4 * large)))
    return plan_walk(rng, room.plan, obstacles, positions[::3].astype(np.float32), targets)


def _finish(
    seed: int,
    index: int,
    room: Room,
    solid: Solid,
    faces: npt.NDArray[np.int32],
    owner: npt.NDArray[np.int32],
    walk: Walk,
    frames: int,
    color_size: tuple[int, int],
    depth_size: tuple[int, int],
) -> SyntheticScene:
    assert solid.part is not None
    first, vertex_of = weld(solid.positions, solid.part)
    vertices = solid.positions[first].astype(np.float32)
    mesh_faces = vertex_of[faces].astype(np.int32)
    clusters = build_clusters(vertices, mesh_faces)
    painted = paint_surfaces(room, solid, vertex_of, [(vertices, clusters, slice(None))])
    color, depth = _cameras(
        walk, seeding.generator("synth", VERSION, seed, index, "intrinsics"), frames, color_size, depth_size
    )
    half = np.array([room.width, room.depth]) / 2
    return SyntheticScene(
        id=f"scene{index:04d}_00",
        seed=seed,
        index=index,
        kind=room.kind,
        vertices=vertices,
        faces=mesh_faces,
        vertex_instance=owner[first],
        objects=_objects(room.placed),
        polygon=half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]),
        height=room.height,
        cameras=color,
        depth_cameras=depth,
        axis_alignment=_alignment(seeding.generator("synth", VERSION, seed, index, "alignment"), half),
        painted=painted,
        clusters=clusters,
    )


def paint_surfaces(
    room: Room,
    solid: Solid,
    vertex_of: npt.NDArray[np.int64],
    lit: Sequence[tuple[npt.NDArray[np.float32], TriangleClusters, slice]],
) -> Painted:
    """What painting a room needs beside its mesh.

    Args:
        room: whose windows and lamps shine.
        solid: everything in the room, in the world.
        vertex_of: (r,) the mesh vertex at each corner.
        lit: which corners get their light with which mesh's shadows: vertices (n, 3), their clusters, rows of corners.
    """
    palette, faces = room.palette.packed(), solid.faces.astype(np.int32)
    normals = corner_normals(solid.positions, solid.faces, solid.group)
    corners = solid.positions.astype(np.float32)
    thin = np.zeros(len(corners), bool)
    thin[faces[palette.thin[solid.material]]] = True
    lights = [
        lighting.illuminate(
            vertices,
            clusters,
            corners[rows],
            normals[rows],
            thin[rows],
            windows=_windows(room),
            lamp=room.lamp,
            small_lamps=_bulbs(room.placed),
        )
        for vertices, clusters, rows in lit
    ]
    light = np.concatenate(lights)
    return Painted(
        corners=corners,
        faces=faces,
        uv=solid.uv.astype(np.float32),
        light=light,
        material=solid.material.astype(np.int32),
        density=_density(solid, palette),
        vertex_of=vertex_of,
        palette=palette,
        exposure=_exposure(light, palette.color[_corner_material(solid)]),
    )


def relit(
    scene: SyntheticScene, stays: npt.NDArray[np.bool_], faces: npt.NDArray[np.int32], clusters: TriangleClusters
) -> SyntheticScene:
    """The scene in the light of a room with only some of its objects; the others keep theirs and are not to be shown.

    Args:
        scene: with everything.
        stays: (objects,) by their place in the scene's list, which is the number in ``vertex_instance``.
        faces: (k, 3) the triangles of what stays.
        clusters: of these.
    """
    room, solid, *_ = _furnished(scene.seed, scene.index)
    painted = scene.painted
    rows = stays[scene.vertex_instance[painted.vertex_of]]
    normals = corner_normals(solid.positions, solid.faces, solid.group)
    thin = np.zeros(len(rows), bool)
    thin[painted.faces[painted.palette.thin[solid.material]]] = True
    light = painted.light.copy()
    light[rows] = lighting.illuminate(
        scene.vertices[np.unique(faces)],
        clusters,
        painted.corners[rows],
        normals[rows],
        thin[rows],
        windows=_windows(room),
        lamp=room.lamp,
        small_lamps=_bulbs([thing for thing, kept in zip(room.placed, stays, strict=True) if kept]),
    )
    return replace(scene, painted=replace(painted, light=light))


def _corner_material(solid: Solid) -> npt.NDArray[np.int64]:
    """(r,) the material of one of the triangles at each corner."""
    material = np.zeros(len(solid.positions), np.int64)
    material[solid.faces] = solid.material[:, None]
    return material


def _exposure(light: npt.NDArray[np.float32], color: npt.NDArray[np.float32]) -> float:
    """What brings the typical surface to a middle brightness: full for light rooms, less than full for dark ones."""
    paleness = float(np.median(color.mean(1)))
    return float(0.50 / np.median(light.mean(1)) * np.clip((0.45 / paleness) ** 0.6, 0.7, 1.35))


def _window(room: Room, wall: int, along: float, z: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """A window's centre and its direction into the room."""
    x, y = room.plan.on_wall(wall, along, 0.0)
    turn = room.plan.turn_of(wall)
    return np.array([x, y, z]), np.array([math.sin(turn), -math.cos(turn), 0.0])


def _windows(room: Room) -> list[tuple[Opening, npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    return [(hole, *_window(room, hole.wall, hole.at, (hole.low + hole.high) / 2)) for hole in room.windows]


def _bulbs(placed: Sequence[Placed]) -> list[tuple[float, float, float]]:
    """Of every lamp but the one at the ceiling."""
    return [_bulb(p) for p in placed if p.model.light is not None and p.model.label != "ceiling lamp"]


def _bulb(placed: Placed) -> tuple[float, float, float]:
    assert placed.model.light is not None
    x, y = placed.to_world(*placed.model.light[:2])
    return x, y, placed.at[2] + placed.model.light[2]


def _density(solid: Solid, palette: PackedPalette) -> npt.NDArray[np.float32]:
    """(m,) texels of the finest copy a metre: the root of texture area over surface area."""
    p, uv = solid.positions[solid.faces], solid.uv[solid.faces] / palette.extent[solid.material][:, None, :]
    area = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1)
    a, b = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    k = palette.texture[solid.material]
    texels = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) * palette.width[k, 0] * palette.height[k, 0]
    return np.asarray(np.sqrt(texels / np.maximum(area, 1e-12)), np.float32)


def _cameras(
    walk: Walk, rng: np.random.Generator, frames: int, color_size: tuple[int, int], depth_size: tuple[int, int]
) -> tuple[tuple[Camera, ...], tuple[Camera, ...]]:
    """Colour and depth cameras of every frame; one calibration a scene, near that of the original sensor."""
    fx, fy, cx, cy = np.array([1165.7, 1166.3, 649.1, 484.8]) + rng.normal(0, (4, 4, 5, 5))
    intrinsics = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    color = tuple(Camera(intrinsics, pose, 1296, 968).resized(*color_size) for pose in walk.poses(frames))
    return color, tuple(camera.resized(*depth_size) for camera in color)


def _alignment(rng: np.random.Generator, half: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A turn about z that is no multiple of a quarter, and the shift that makes the files' world positive."""
    turn = float(rng.uniform(0.15, 1.42) + rng.integers(4) * math.pi / 2)
    alignment = np.eye(4)
    alignment[:2, :2] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    reach = np.abs(alignment[:2, :2].T) @ half
    corner = reach + rng.uniform(0.1, 0.4, 2)
    alignment[:2, 3] = -alignment[:2, :2] @ corner
    alignment[2, 3] = -rng.uniform(0.02, 0.08)
    return alignment


def _objects(placed: Sequence[Placed]) -> tuple[SyntheticObject, ...]:
    number = {id(p): k for k, p in enumerate(placed)}
    objects = []
    for k, p in enumerate(placed):
        low, high = p.model.solid.positions.min(0), p.model.solid.positions.max(0)
        c, s = math.cos(p.turn), math.sin(p.turn)
        rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        box = OrientedBox(rotation @ ((low + high) / 2) + p.at, high - low, rotation)
        parent = None if p.parent is None else number[id(p.parent)]
        objects.append(SyntheticObject(k, p.model.label, box, parent, p.relation))
    return tuple(objects)
