"""A room whose every depth has a closed form: an axis-aligned box with axis-aligned boxes in it.

The depth of a pixel is the nearest slab intersection of its ray, in plain numpy: nothing here knows a triangle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

from spatialgen.core.types import Camera, Frame, Instance, Scene
from support.lenses import all_rays

ROOM = np.array([[0.0, 0.0, 0.0], [5.0, 4.0, 2.6]])
BOXES = np.array(
    [
        [[1.0, 1.0, 0.0], [2.2, 1.8, 0.75]],
        [[3.2, 2.6, 0.0], [4.0, 3.4, 1.9]],
        [[1.3, 1.2, 0.75], [1.6, 1.5, 1.1]],
        [[3.9, 0.4, 0.0], [4.6, 1.1, 0.5]],
    ]
)
LABELS = ("table", "cabinet", "box", "stool")
MORE_BOXES = np.array(
    [
        [[2.9, 0.3, 0.0], [3.4, 0.8, 0.9]],
        [[0.9, 2.2, 0.0], [1.35, 2.65, 0.85]],
        [[0.3, 2.6, 0.0], [0.6, 2.9, 1.5]],
        [[2.6, 1.9, 0.0], [2.95, 2.25, 0.45]],
        [[1.2, 3.1, 0.0], [2.2, 3.5, 0.45]],
    ]
)
MORE_LABELS = ("chair", "chair", "lamp", "trash can", "bench")
EYES = ((0.6, 0.6, 1.5), (4.4, 3.6, 1.6), (0.5, 3.5, 1.4), (2.6, 0.4, 1.7), (4.6, 1.9, 1.5), (2.5, 3.7, 1.3))
UP = np.array([0.0, 0.0, 1.0])


def look_at(eye: Sequence[float], target: Sequence[float]) -> np.ndarray:
    """camera_to_world (4, 4), OpenCV axes, of a camera at ``eye`` that looks at ``target`` with z up."""
    forward = np.subtract(target, eye, dtype=float)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, UP)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = right, np.cross(forward, right), forward, eye
    return pose


def depth_of(camera: Camera, xy: np.ndarray, boxes: np.ndarray = BOXES) -> np.ndarray:
    """(n,) metres along the camera's z axis at pixels xy (n, 2): closed form."""
    direction = all_rays(camera, xy) @ camera.camera_to_world[:3, :3].T
    origin = camera.camera_to_world[:3, 3]
    with np.errstate(divide="ignore"):
        low, high = (ROOM[0] - origin) / direction, (ROOM[1] - origin) / direction
        nearest = np.maximum(low, high).min(axis=1)
        for box in boxes:
            low, high = (box[0] - origin) / direction, (box[1] - origin) / direction
            enter, leave = np.minimum(low, high).max(axis=1), np.maximum(low, high).min(axis=1)
            hit = (enter < leave) & (enter > 0)
            nearest = np.where(hit & (enter < nearest), enter, nearest)
    return nearest  # rays have z = 1, so the parameter is the depth


def box_surface(box: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of a box's six sides, as grids of at most ``step`` metres."""
    vertices: list[np.ndarray] = []
    faces: list[np.ndarray] = []
    start = 0
    for axis in range(3):
        u, v = [other for other in range(3) if other != axis]
        nu, nv = (int(np.ceil((box[1, a] - box[0, a]) / step)) + 1 for a in (u, v))
        for side in (0, 1):
            grid = np.zeros((nu, nv, 3))
            grid[..., axis] = box[side, axis]
            grid[..., u] = np.linspace(box[0, u], box[1, u], nu)[:, None]
            grid[..., v] = np.linspace(box[0, v], box[1, v], nv)[None]
            index = np.arange(nu * nv).reshape(nu, nv) + start
            a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
            vertices.append(grid.reshape(-1, 3))
            faces += [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
            start += nu * nv
    return np.concatenate(vertices), np.concatenate(faces)


def intrinsics(width: int, height: int, model: str = "pinhole") -> np.ndarray:
    """About 58 degrees across; a fisheye about 120."""
    focal = (0.48 if model == "opencv_fisheye" else 0.9) * width
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1.0]])


@cache
def make_scene(
    scene_id: str = "box_0000",
    *,
    frames: int = 6,
    size: tuple[int, int] = (320, 240),
    depth_size: tuple[int, int] | None = (160, 120),
    mesh: bool = True,
    noise: float = 0.0,
    lens: tuple[str, tuple[float, ...]] = ("pinhole", ()),
    depth_lens: tuple[str, tuple[float, ...]] | None = None,
    coarse: bool = False,
    furnished: bool = False,
) -> Scene:
    """The room as a scene; ``depth_size`` None leaves depth out, ``noise`` is the sensor's sigma over depth.

    ``lens`` is a model and its coefficients, ``depth_lens`` the depth camera's where it has another. ``coarse`` makes
    every side of every box two triangles. ``furnished`` adds the boxes of ``MORE_BOXES``. The same call gives the same
    scene, whose images are made once.
    """
    boxes = np.concatenate([BOXES, MORE_BOXES]) if furnished else BOXES
    vertices, faces, labels = [], [], []
    start = 0
    for index, box in enumerate([ROOM, *boxes]):
        v, f = box_surface(box, 9.0 if coarse else 0.25 if index == 0 else 0.1)
        vertices.append(v)
        faces.append(f + start)
        labels.append(np.full(len(v), index - 1))
        start += len(v)
    vertex_instance = np.concatenate(labels).astype(np.int32)

    def frame(index: int) -> Frame:
        turn = index // len(EYES)
        x, y, z = EYES[index % len(EYES)]
        eye = (x, y, z + (0.0, 0.5, -0.4)[turn % 3])
        sway = 0.3 * turn
        if turn == 4:  # ahead of the first ones, more or less far and to the side, where those can see it
            sway, forward = 0.0, np.subtract((2.5, 2.0), (x, y)) / math.dist((2.5, 2.0), (x, y))
            ahead, aside = 0.35 + 0.12 * (index % len(EYES)), 0.1 * (index % len(EYES)) - 0.25
            eye = (x + ahead * forward[0] + aside * forward[1], y + ahead * forward[1] - aside * forward[0], z)
        pose = look_at(eye, (2.5 - sway, 2.0 + 0.5 * sway, 0.8 + 0.1 * sway))
        camera = Camera(intrinsics(*size, lens[0]), pose, *size, *lens)

        def image() -> bytes:
            grid = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), -1).reshape(-1, 2)
            shade = np.clip(230 - 35 * depth_of(camera, grid, boxes), 20, 235).reshape(size[1], size[0])
            return cv2.imencode(".jpg", cv2.merge([shade, shade * 0.9, shade * 0.8]).astype(np.uint8))[1].tobytes()

        depth_camera = None if depth_size is None else camera.resized(*depth_size)
        if depth_lens is not None and depth_size is not None:
            depth_camera = Camera(intrinsics(*depth_size, depth_lens[0]), pose, *depth_size, *depth_lens)

        @cache
        def measured() -> np.ndarray:
            assert depth_camera is not None
            w, h = depth_camera.width, depth_camera.height
            grid = np.stack(np.meshgrid(np.arange(w), np.arange(h)), -1).reshape(-1, 2)
            exact = depth_of(depth_camera, grid, boxes).reshape(h, w)
            rng = np.random.default_rng(index)
            return (exact * (1 + noise * rng.standard_normal(exact.shape))).astype(np.float32)

        return Frame(
            id=str(index * 10),
            camera=camera,
            load_image=cache(image),
            image_ref=f"{scene_id}/color/{index * 10}.jpg",
            depth_camera=depth_camera,
            load_depth=None if depth_camera is None else lambda: measured().copy(),
            depth_ref=None if depth_camera is None else f"{scene_id}/depth/{index * 10}.png",
            depth_scale=None if depth_camera is None else 0.001,
        )

    return Scene(
        id=scene_id,
        dataset="boxroom",
        group=scene_id,
        frames=tuple(frame(index) for index in range(frames)),
        vertices=np.concatenate(vertices).astype(np.float32) if mesh else None,
        faces=np.concatenate(faces).astype(np.int32) if mesh else None,
        vertex_instance=vertex_instance if mesh else None,
        instances=tuple(
            Instance(str(index), label, label, np.flatnonzero(vertex_instance == index))
            for index, label in enumerate((*LABELS, *MORE_LABELS)[: len(boxes)])
        )
        if mesh
        else (),
        up=UP,
        extra_capabilities=frozenset({"trajectory"}),
    )
