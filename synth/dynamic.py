"""A synthetic video in memory: a furnished room with things that move, its cameras, and what is needed to paint it.

Rooms come from the same furnishing as the still scenes (``room.py``), after a stage for what moves (``stage.py``).
Light is computed once: on what stands still without the things that move, on those as in the middle of the clip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ..core import seeding
from ..core.raster import MeshMap, build_clusters
from ..core.types import Camera
from ._shade import paint
from .materials import Palette
from .moving_light import MovingLight, plan_light
from .moving_mesh import MovingMesh, assemble
from .render import SOFTNESS, STRAIGHT
from .room import ROOM_KINDS, furnish
from .scene import Painted, paint_surfaces, walk_through
from .sources import SOURCES, Source
from .stage import Stage
from .viewing import choose_cameras

__all__ = ["VERSION", "DynamicScene", "build_dynamic_scene", "paint_step"]

VERSION: Final = 1
"""Raised whenever the same seed would give another video."""

_ATTEMPTS: Final = 60
_LEAST_THINGS: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class DynamicScene:
    """A video's scene with its truth; metres, world with z up and the floor at 0.

    Attributes:
        seed, index: make it again; ``source`` is whose files it is written like.
        kind: of room.
        mesh: what is there and how it moves.
        cameras: one a step.
        painted: for painting; corners and light as in the middle of the clip, static corners first.
        light: of each step.
        seconds: between two steps.
    """

    seed: int
    index: int
    source: Source
    kind: str
    mesh: MovingMesh
    cameras: tuple[Camera, ...]
    painted: Painted
    light: MovingLight
    seconds: float


def build_dynamic_scene(
    seed: int, index: int, *, frames: int = 60, color_size: tuple[int, int] | None = None
) -> DynamicScene:
    """Video number ``index`` of this seed, in memory; it does not depend on which others are made.

    Args:
        seed: of the whole set.
        index: of the video in it; decides whose files it is like (``sources.SOURCES``).
        frames: steps of the clip; motions are scaled to happen within it.
        color_size: width and height of the images, pixels; None takes the source's own.
    """
    source = SOURCES[index % len(SOURCES)]
    seconds = frames / source.frames_per_second
    block, place = divmod(index, len(ROOM_KINDS))
    kinds = seeding.generator("synth video", VERSION, seed, "kinds", block).permutation(len(ROOM_KINDS))
    kind = ROOM_KINDS[int(kinds[place])]
    at, middle = np.linspace(0.0, 1.0, frames), frames // 2
    for attempt in range(_ATTEMPTS):
        key = ("synth video", VERSION, seed, index, attempt)
        stage = Stage(seconds)
        room = furnish(kind, Palette(*key), seeding.generator(*key, "room"), stage)
        if not stage.complete or len(room.placed) < _LEAST_THINGS:
            continue
        mesh, solid, vertex_of = assemble(room.placed, stage.moving, at, middle)
        walk = walk_through(room, solid.positions, seeding.generator(*key, "walk"), stage.kept_free)
        if walk is None:
            continue
        cameras = choose_cameras(
            seeding.generator(*key, "cameras"), mesh, walk, room, source, color_size or source.size, seconds
        )
        if cameras is None:
            continue
        world = mesh.posed(middle).astype(np.float32)
        still = int((vertex_of < mesh.still_vertices).sum())
        painted = paint_surfaces(
            room,
            solid,
            vertex_of,
            [
                (mesh.vertices[: mesh.still_vertices], mesh.still, slice(still)),
                (world, build_clusters(world, mesh.faces), slice(still, None)),
            ],
        )
        places = np.where((vertex_of < mesh.still_vertices)[:, None], solid.positions, mesh.vertices[vertex_of])
        light = plan_light(mesh, places, vertex_of, painted.light)
        return DynamicScene(seed, index, source, kind, mesh, cameras, painted, light, 1 / source.frames_per_second)
    raise AssertionError(f"no room to film in after {_ATTEMPTS} attempts (seed {seed}, video {index})")


def paint_step(scene: DynamicScene, step: int, world: npt.NDArray[np.float64], seen: MeshMap) -> npt.NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB: the picture of a step.

    Args:
        scene: the video.
        step: of it.
        world: (n, 3), metres: its vertices at that step.
        seen: the map of its camera.
    """
    painted, palette, camera = scene.painted, scene.painted.palette, scene.cameras[step]
    corners = painted.corners.copy()
    moves = painted.vertex_of >= scene.mesh.still_vertices
    corners[moves] = world[painted.vertex_of[moves]]
    image = np.zeros((camera.height, camera.width, 3), np.uint8)
    k = camera.intrinsics
    paint(
        seen.triangle, seen.depth, camera.camera_to_world[:3, :3].copy(), camera.centre.copy(),
        k[0, 0], k[1, 1], k[0, 2], k[1, 2], STRAIGHT,
        corners, painted.faces, painted.uv, scene.light.at(step), painted.material, painted.density,
        palette.texels, palette.start, palette.width, palette.height, palette.texture, palette.color, palette.extent,
        palette.glow, painted.exposure, image,
    )  # fmt: skip
    return np.asarray(cv2.GaussianBlur(image, (3, 3), SOFTNESS), np.uint8)
