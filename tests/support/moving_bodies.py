"""A video whose every motion has a closed form: flat boards that stand, slide, swing and turn before a camera.

Each body is a rectangle with a pose at each step. Points sit on the rectangles; a point is visible where the ray to it
meets no other rectangle first. Nothing here knows a track or a group.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from spatialgen.core.types import Camera, Frame, Scene, Tracks

from .closed_form import UP, intrinsics, look_at

COLORS = ((170, 170, 160), (60, 120, 200), (60, 180, 90), (200, 90, 80))
SHARES = (0.45, 0.17, 0.2, 0.18)
NAMES = ("wall", "drawer", "door", "board")


@dataclass(frozen=True)
class Body:
    """A rectangle of ``size`` (across, up) with its first corner at the origin of its own x-z plane, and its motion."""

    size: tuple[float, float]
    pose: Callable[[float], np.ndarray]


def placed(x: float, y: float, z: float, turn: float = 0.0) -> np.ndarray:
    """(4, 4): turned about the vertical, then put there."""
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    pose[:3, 3] = x, y, z
    return pose


def ramp(time: float, start: float, speed: float, most: float) -> float:
    return float(np.clip((time - start) * speed, 0.0, most))


# A wall; a drawer front that comes out at 0.21 m/s; a door that swings open; a board that always slides and turns.
BODIES = (
    Body((6.0, 2.6), lambda t: placed(0.0, 3.0, 0.0)),
    Body((0.7, 0.4), lambda t: placed(1.2, 2.9 - ramp(t, 0.8, 0.21, 0.437), 0.5)),
    Body((0.8, 1.4), lambda t: placed(4.2, 2.9, 0.4, -ramp(t, 1.2, 0.6, 1.1))),
    Body((0.6, 0.6), lambda t: placed(2.2 + 0.15 * t, 2.2, 1.5, 0.25 * np.sin(t))),
)


@dataclass(frozen=True)
class Truth:
    """Exact positions (t, n, 3), which body each point is on (n,), and where it is truly visible (t, n)."""

    points: np.ndarray
    body: np.ndarray
    visible: np.ndarray


def first_hit(origin: np.ndarray, rays: np.ndarray, poses: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """How far along each ray (n, 3) the nearest rectangle is, in units of the ray, and which one (-1 for none)."""
    nearest, owner = np.full(len(rays), np.inf), np.full(len(rays), -1)
    for index, (body, pose) in enumerate(zip(BODIES, poses, strict=True)):
        start, direction = pose[:3, :3].T @ (origin - pose[:3, 3]), rays @ pose[:3, :3]
        with np.errstate(divide="ignore", invalid="ignore"):
            along = -start[1] / direction[:, 1]
            x, z = start[0] + along * direction[:, 0], start[2] + along * direction[:, 2]
            hit = (along > 0) & (x >= 0) & (x <= body.size[0]) & (z >= 0) & (z <= body.size[1])
        closer = hit & (along < nearest)
        nearest[closer], owner[closer] = along[closer], index
    return nearest, owner


@cache
def make_moving(
    scene_id: str = "moving_0000",
    *,
    steps: int = 40,
    count: int = 160,
    step_seconds: float = 0.1,
    noise: float = 0.0,
    flips: float = 0.0,
    still_camera: bool = False,
    frozen: bool = False,
    every: int = 1,
    size: tuple[int, int] = (320, 240),
    seed: int = 0,
) -> tuple[Scene, Truth]:
    """The video as a scene with world tracks, and the truth; the same call gives the same ones.

    Args:
        scene_id: name.
        steps, step_seconds: of the tracks; every ``every``-th has a frame.
        count: points.
        noise: metres, standard deviation per coordinate.
        flips: share of visibility flags that are wrong; hidden points are stored elsewhere or as nan.
        still_camera: whether the camera stands still.
        frozen: whether nothing moves.
        size: of the images in pixels.
        seed: of points, noise and flips.
    """
    rng = np.random.default_rng(seed)
    counts = [round(share * count) for share in SHARES]
    body = np.repeat(np.arange(len(BODIES)), counts)
    local = np.concatenate(
        [
            np.column_stack([rng.uniform(0, b.size[0], n), np.zeros(n), rng.uniform(0, b.size[1], n)])
            for b, n in zip(BODIES, counts, strict=True)
        ]
    )
    times = [0.0 if frozen else step * step_seconds for step in range(steps)]
    poses = [[b.pose(time) for b in BODIES] for time in times]
    cameras = []
    for step in range(steps):
        way = 0.0 if still_camera else 0.6 * np.sin(0.7 * step * step_seconds)
        cameras.append(Camera(intrinsics(*size), look_at((2.8 + way, -2.2, 1.5), (2.9, 3.0, 1.2)), *size))
    points = np.empty((steps, len(body), 3))
    visible = np.empty((steps, len(body)), bool)
    for step, camera in enumerate(cameras):
        for index, pose in enumerate(poses[step]):
            mine = body == index
            points[step, mine] = local[mine] @ pose[:3, :3].T + pose[:3, 3]
        seen = points[step] @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]
        xy = (seen @ camera.intrinsics.T)[:, :2] / seen[:, 2:]
        inside = (seen[:, 2] > 0) & ((xy >= -0.5) & (xy < np.array(size) - 0.5)).all(axis=1)
        along, _ = first_hit(camera.centre, points[step] - camera.centre, poses[step])
        visible[step] = inside & (along > 1 - 1e-6)
    truth = Truth(points, body, visible)
    stored = points + rng.normal(0, noise, points.shape)
    flags = visible
    if flips:
        elsewhere = stored + rng.normal(0, 0.5, stored.shape)
        elsewhere[rng.random(visible.shape) < 0.3] = np.nan
        stored = np.where(visible[..., None], stored, elsewhere)
        flags = visible ^ (rng.random(visible.shape) < flips)

    def frame(step: int) -> Frame:
        def image() -> bytes:
            grid = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), -1).reshape(-1, 2)
            rays = np.column_stack([grid, np.ones(len(grid))]) @ np.linalg.inv(cameras[step].intrinsics).T
            _, owner = first_hit(cameras[step].centre, rays @ cameras[step].camera_to_world[:3, :3].T, poses[step])
            colors = np.array([*COLORS, (30, 30, 30)], np.uint8)
            return cv2.imencode(".jpg", colors[owner].reshape(size[1], size[0], 3))[1].tobytes()

        return Frame(
            id=str(step),
            camera=cameras[step],
            load_image=cache(image),
            image_ref=f"{scene_id}.npz#frame={step}",
            time=step * step_seconds,
            track_step=step,
        )

    scene = Scene(
        id=scene_id,
        dataset="moving",
        group=scene_id,
        frames=tuple(frame(step) for step in range(0, steps, every)),
        tracks=Tracks(stored, flags, "world", step_seconds),
        up=UP,
    )
    return scene, truth


def make_moving_scene(scene_id: str = "moving_0000", **options: object) -> Scene:
    """The same without the truth."""
    return make_moving(scene_id, **options)[0]  # type: ignore[arg-type]
