"""A room filmed by a camera that walks through it and looks around, with every pixel in closed form.

What a frame shows of a thing is counted by casting rays at boxes in plain numpy: nothing here knows a triangle.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from spatialgen.core.types import Camera, Frame, Instance, Scene

from .closed_form import UP, box_surface, intrinsics, look_at
from .lenses import all_rays

ROOM = np.array([[0.0, 0.0, 0.0], [7.0, 5.0, 2.6]])
THINGS: tuple[tuple[str, tuple[float, float, float], tuple[float, float, float]], ...] = (
    ("sofa", (0.1, 1.5, 0.0), (0.9, 3.3, 0.8)),
    ("trash can", (0.2, 0.3, 0.0), (0.5, 0.6, 0.5)),
    ("table", (3.0, 3.2, 0.0), (4.2, 4.0, 0.75)),
    ("chair", (2.4, 3.4, 0.0), (2.8, 3.8, 0.9)),
    ("chair", (4.4, 3.4, 0.0), (4.8, 3.8, 0.9)),
    ("chair", (3.4, 4.2, 0.0), (3.8, 4.6, 0.9)),
    ("cabinet", (6.2, 0.3, 0.0), (6.8, 1.5, 1.9)),
    ("plant", (6.3, 4.2, 0.0), (6.7, 4.6, 1.2)),
    ("box", (3.2, 3.4, 0.75), (3.5, 3.7, 1.05)),
    ("box", (3.8, 3.5, 0.75), (4.0, 3.8, 1.0)),
    ("stool", (1.4, 4.4, 0.0), (1.8, 4.8, 0.5)),
)
STOPS = np.array([[1.8, 0.9], [5.4, 0.9], [5.4, 2.6], [1.8, 2.4]])
EYE = 1.5
_LOOKS = ((0.0, 0.2, 0.4, 0.55, 0.7, 1.0), (180.0, 90.0, 0.0, 60.0, 150.0, 340.0))
_DOWN = 15.0


def turned(scene_points: np.ndarray, angle: float) -> np.ndarray:
    """Points (n, 3) turned about the vertical through the origin, radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(scene_points @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]).T)


def pose_at(share: float) -> np.ndarray:
    """camera_to_world (4, 4) after a share of the way."""
    lengths = np.linalg.norm(np.diff(STOPS, axis=0), axis=1)
    at = share * lengths.sum()
    ends = np.concatenate([[0.0], np.cumsum(lengths)])
    x, y = (np.interp(at, ends, STOPS[:, axis]) for axis in range(2))
    heading, down = np.radians(np.interp(share, *_LOOKS)), np.radians(_DOWN)
    ahead = (np.cos(heading) * np.cos(down), np.sin(heading) * np.cos(down), -np.sin(down))
    return look_at((x, y, EYE), [x + ahead[0], y + ahead[1], EYE + ahead[2]])


def make_video_scene(
    scene_id: str = "video_0000",
    *,
    frames: int = 40,
    size: tuple[int, int] = (320, 240),
    turn: float = 0.0,
    things: Sequence[tuple[str, Sequence[float], Sequence[float]]] = THINGS,
    rooms: Sequence[np.ndarray] = (ROOM,),
    shell: str = "wall",
) -> Scene:
    """The room as a scene without depth images.

    Args:
        scene_id: its name.
        frames: of the walk.
        size: of the images.
        turn: radians by which the whole world is turned about the vertical.
        things: what stands there: name, low and high corner.
        rooms: shells, low and high corner each.
        shell: name of the rooms' surfaces.
    """
    names = [*(shell for _ in rooms), *(name for name, _, _ in things)]
    boxes = [*rooms, *(np.array([low, high]) for _, low, high in things)]
    parts = [box_surface(box, 0.25 if index < len(rooms) else 0.1) for index, box in enumerate(boxes)]
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in parts)])
    owner = np.repeat(np.arange(len(parts)), np.diff(starts)).astype(np.int32)
    around = np.eye(4)
    around[:3, :3] = turned(np.eye(3), turn).T

    def frame(index: int) -> Frame:
        pose = around @ pose_at(index / max(frames - 1, 1))
        camera = Camera(intrinsics(*size), pose, *size)

        def image() -> bytes:
            shade = np.full((size[1], size[0], 3), 40 + 4 * index, np.uint8)
            return cv2.imencode(".jpg", shade)[1].tobytes()

        return Frame(str(index), camera, image, f"{scene_id}/{index}.jpg")

    return Scene(
        id=scene_id,
        dataset="videoroom",
        group=scene_id,
        frames=tuple(frame(index) for index in range(frames)),
        vertices=turned(np.concatenate([vertices for vertices, _ in parts]), turn).astype(np.float32),
        faces=np.concatenate([faces + start for (_, faces), start in zip(parts, starts[:-1], strict=True)]).astype(
            "i4"
        ),
        vertex_instance=owner,
        instances=tuple(Instance(f"i{k}", name, name, np.flatnonzero(owner == k)) for k, name in enumerate(names)),
        up=UP,
        extra_capabilities=frozenset({"trajectory"}),
    )


def shown_pixels(camera: Camera, things: Sequence[tuple[str, Sequence[float], Sequence[float]]] = THINGS) -> np.ndarray:
    """(k,) pixels of each thing that a camera's image shows: the first box that the ray of each pixel enters."""
    grid = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), -1).reshape(-1, 2)
    ray = all_rays(camera, grid) @ camera.camera_to_world[:3, :3].T
    origin = camera.camera_to_world[:3, 3]
    nearest, owner = np.full(len(ray), np.inf), np.full(len(ray), -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        for index, (_, corner, other) in enumerate(things):
            low, high = (np.array(corner) - origin) / ray, (np.array(other) - origin) / ray
            enter, leave = np.minimum(low, high).max(axis=1), np.maximum(low, high).min(axis=1)
            hit = (enter < leave) & (enter > 0) & (enter < nearest)
            nearest[hit], owner[hit] = enter[hit], index
    return np.bincount(owner + 1, minlength=len(things) + 1)[1:]
