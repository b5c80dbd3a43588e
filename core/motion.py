"""How a camera moved and turned between two frames (docs/conventions.md, "Camera motion").

Everything works on many pairs at once. Signs are the same in every suite: right, up and forward are positive, a turn to
the left and a tilt upwards too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .types import Camera

__all__ = ["Headings", "Poses", "angles", "camera_components", "displacement", "levelled_components", "roll", "turn"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Cameras of a scene as arrays.

    Attributes:
        rotation: (f, 3, 3), camera to world, OpenCV axes.
        centre: (f, 3), metres, world frame.
    """

    rotation: FloatArray
    centre: FloatArray

    @classmethod
    def of(cls, cameras: Sequence[Camera]) -> Poses:
        """The poses of cameras, in their order."""
        poses = np.array([camera.camera_to_world for camera in cameras], dtype=np.float64).reshape(-1, 4, 4)
        return cls(poses[:, :3, :3], poses[:, :3, 3])


@dataclass(frozen=True, slots=True, eq=False)
class Headings:
    """Where cameras look, relative to the vertical.

    Attributes:
        elevation: (f,) radians, of the optical axis above the horizon.
        forward, right: (f, 3) unit vectors, horizontal: the levelled camera's. Of a camera that looks straight up or
            down they mean nothing.
        up: (3,) unit vector.
    """

    elevation: FloatArray
    forward: FloatArray
    right: FloatArray
    up: FloatArray

    @classmethod
    def of(cls, poses: Poses, up: npt.ArrayLike) -> Headings:
        """Headings of poses in a world whose vertical is ``up`` (3,)."""
        vertical = np.asarray(up, dtype=np.float64) / np.linalg.norm(up)
        axis = poses.rotation[:, :, 2]
        height = axis @ vertical
        level = axis - height[:, None] * vertical
        length = np.linalg.norm(level, axis=1, keepdims=True)
        forward = np.divide(level, length, out=np.zeros_like(level), where=length > 0)
        return cls(np.arcsin(np.clip(height, -1.0, 1.0)), forward, np.cross(forward, vertical), vertical)


def displacement(poses: Poses, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> FloatArray:
    """(k, 3), metres: the second camera's centre in the first camera (OpenCV axes: right, down, forward)."""
    moved = poses.centre[second] - poses.centre[first]
    return np.asarray(np.einsum("kji,kj->ki", poses.rotation[first], moved))


def camera_components(vector: FloatArray) -> FloatArray:
    """(k, 3): a displacement (k, 3) in OpenCV axes as (right, up, forward) along the camera's own axes."""
    return np.asarray(vector * (1.0, -1.0, 1.0))


def levelled_components(
    poses: Poses, headings: Headings, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
) -> FloatArray:
    """(k, 3), metres: (right, up, forward) of the motion as the levelled first camera has it.

    The levelled camera is the first one turned about its centre so that world up is exactly up and its heading kept.
    """
    moved = poses.centre[second] - poses.centre[first]
    return np.stack(
        [
            np.einsum("kj,kj->k", moved, headings.right[first]),
            moved @ headings.up,
            np.einsum("kj,kj->k", moved, headings.forward[first]),
        ],
        axis=1,
    )


def turn(
    headings: Headings, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Yaw and pitch (k,) from the first to the second camera, radians.

    Yaw is the change of heading about world up, positive to the left, within (-pi, pi]; pitch the change of elevation
    of the optical axis, positive upwards.
    """
    before, after = headings.forward[first], headings.forward[second]
    sine = np.cross(before, after) @ headings.up
    yaw = np.arctan2(sine, np.einsum("kj,kj->k", before, after))
    return yaw, headings.elevation[second] - headings.elevation[first]


def roll(poses: Poses, headings: Headings) -> FloatArray:
    """(f,) radians: how far each camera is turned about its optical axis from upright, positive clockwise.

    Of a camera that looks straight up or down it means nothing.
    """
    level_down = np.cross(poses.rotation[:, :, 2], headings.right)
    right = poses.rotation[:, :, 0]
    sine, cosine = (np.einsum("fi,fi->f", right, axis) for axis in (level_down, headings.right))
    return np.asarray(np.arctan2(sine, cosine))


def angles(headings: Headings, first: int, second: int) -> dict[str, float]:
    """Two cameras' elevations, and the turn from the first to the second, by name, in radians."""
    yaw, pitch = turn(headings, np.array([first]), np.array([second]))
    return {
        "elevation_1": float(headings.elevation[first]),
        "elevation_2": float(headings.elevation[second]),
        "yaw": float(yaw[0]),
        "pitch": float(pitch[0]),
    }
