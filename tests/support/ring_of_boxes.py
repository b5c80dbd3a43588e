"""Boxes around a place to stand, seen from cameras that look across it: something is behind each of them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from spatialgen.core.types import Camera, Frame, Scene

from .closed_form import intrinsics, look_at
from .object_scenes import box, scene_of

NAMES = ("chair", "lamp", "book", "vase", "box", "stool")
SIZE = (320, 240)


def solids() -> list[np.ndarray]:
    """Low and high corners of eighteen boxes of several sizes, around a place to stand, low, high and in between."""
    found = []
    for index in range(18):
        angle, reach = 2 * math.pi * index / 18, 2.2 + 0.25 * (index % 3)
        half = np.array([0.16 + 0.04 * (index % 4), 0.2, 0.15 + 0.05 * (index % 3)])
        middle = np.array([reach * math.cos(angle), reach * math.sin(angle), (0.5, 1.4, 2.2)[index % 3]])
        found.append(np.array([middle - half, middle + half]))
    return found


def cameras(roll: float = 0.0) -> list[np.ndarray]:
    """Poses that look across the middle, so that something stands behind each; tilted a little, up or down."""
    found = []
    for index in range(20):
        angle = 2 * math.pi * index / 20 + 0.1
        eye = (1.3 * math.cos(angle), 1.3 * math.sin(angle), 1.35 + 0.1 * (index % 3))
        pose = look_at(eye, (0.2 * math.sin(3 * angle), 0.0, 1.35 + 0.15 * (index % 2)))
        turn = np.eye(4)
        turn[:2, :2] = [[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]]
        found.append(pose @ turn)
    return found


def ring_of_boxes(roll: float = 0.0, turned: float = 0.0) -> Scene:
    """The boxes, seen from all the cameras; all of it turned about the vertical."""
    labels = [NAMES[index % len(NAMES)] for index in range(18)]
    scene = scene_of([(label, box(low, high)) for label, (low, high) in zip(labels, solids(), strict=True)])
    motion = np.eye(4)
    motion[:2, :2] = [[math.cos(turned), -math.sin(turned)], [math.sin(turned), math.cos(turned)]]
    assert scene.vertices is not None
    frames = [
        Frame(f"{index}", Camera(intrinsics(*SIZE), motion @ pose, *SIZE), scene.frames[0].load_image, f"{index}.jpg")
        for index, pose in enumerate(cameras(roll))
    ]
    vertices = (scene.vertices @ motion[:3, :3].T).astype(np.float32)
    return replace(scene, frames=tuple(frames), vertices=vertices)
