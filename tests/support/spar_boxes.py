"""Upright boxes of objects, from the truth of a scene and nothing else.

Written from docs/conventions.md ("Objects"): surface samples even by area, loose parts below 2 % of the area dropped,
0.5 to 99.5 % along each axis, turned as the smallest upright box around all of it. Where a source states boxes and no
surfaces (Structured3D) it is the upright box around the stated one.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import ConvexHull

from .mosaic_oracle import Stage
from .multispa_objects import _without_loose_parts, spread
from .multispa_oracle import Room

NEARLY_SMALLEST = 1.01
"""A box this close to the smallest may be the smallest of other samples: round and square things have many."""
TRIM = (0.5, 99.5)
SAMPLE_STEP = 2  # every other of 40,000 samples tells an extent to a millimetre
MOST_ANGLES = 12  # of a round thing, spread evenly
GRID = np.arange(0, 90, 1.0)
"""Degrees at which boxes are looked at besides those along the outline's edges."""

NYU40 = (
    "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf", "picture", "counter",
    "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror", "floor mat", "clothes", "ceiling", "books",
    "refrigerator", "television", "paper", "towel", "shower curtain", "box", "whiteboard", "person", "night stand",
    "toilet", "sink", "lamp", "bathtub", "bag", "otherstructure", "otherfurniture", "otherprop",
)  # fmt: skip
"""The names of Structured3D's classes, 1 to 40."""


@dataclass(frozen=True)
class UprightBox:
    """A box whose third axis is the world's up.

    Attributes:
        centre: (3,) metres, world frame.
        size: (3,) metres: length, width (the shorter horizontal side) and height.
        axes: (3, 3) unit rows: along the length, along the width, up.
    """

    centre: np.ndarray
    size: np.ndarray
    axes: np.ndarray

    def corners(self) -> np.ndarray:
        """(8, 3) metres, world frame."""
        signs = np.array(list(itertools.product((-0.5, 0.5), repeat=3)))
        return np.asarray(self.centre + (signs * self.size) @ self.axes)


class StatedRoom(Room):
    """The truth of a Structured3D scene, whose objects go by the names of NYU40 and have boxes stated by the source."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        objects = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["objects"]
        self.labels = {int(thing["id"]): NYU40[int(thing["nyu40id"]) - 1] for thing in objects}
        self.stated = {
            int(thing["id"]): np.array(thing["centre"])
            + (np.array(list(itertools.product((-0.5, 0.5), repeat=3))) * thing["size"]) @ np.array(thing["rotation"]).T
            for thing in objects
        }


def boxes_of(stage: Stage, instance: int) -> list[UprightBox]:
    """Every box that may be an object's, the smallest first; worked out once."""
    kept = stage.kept.setdefault("upright_boxes", {})
    if instance not in kept:
        if isinstance(stage.room, StatedRoom):
            corners = stage.room.stated[instance]
            kept[instance] = smallest(corners, corners, (0, 100))
        else:
            kept[instance] = smallest(*surface(stage, instance), TRIM)
    return list(kept[instance])


def surface(stage: Stage, instance: int) -> tuple[np.ndarray, np.ndarray]:
    """(k, 3) corners of an object's surface without its loose parts, and (n, 3) samples even over it; metres."""
    vertices = stage.room.vertices.astype(np.float64)
    faces = _without_loose_parts(vertices, stage.room.faces[stage.face_owner == instance].astype(np.int64))
    samples = spread(vertices, faces, np.random.default_rng([instance, 7]))[::SAMPLE_STEP]
    return vertices[np.unique(faces)], samples


def smallest(corners: np.ndarray, samples: np.ndarray, trim: Sequence[float]) -> list[UprightBox]:
    """Upright boxes turned so that all corners (k, 3) have nearly the least ground area, the least first.

    Args:
        corners: all there is of a surface.
        samples: (n, 3), of which a box leaves out some at its ends.
        trim: percentiles of the samples at which it begins and ends.
    """
    outline = corners[ConvexHull(corners[:, :2]).vertices, :2]
    edge = np.roll(outline, -1, axis=0) - outline
    along = np.degrees(np.arctan2(edge[:, 1], edge[:, 0])) % 90
    angles = np.unique(np.concatenate([along, GRID]).round(6))
    areas = np.array([float(np.prod(np.ptp(outline @ _horizontal(angle)[:, :2].T, axis=0))) for angle in angles])
    order = np.argsort(areas, kind="stable")
    good = order[areas[order] <= NEARLY_SMALLEST * areas[order[0]]]
    chosen = good[:: math.ceil(len(good) / MOST_ANGLES)]
    return [_box(samples, angles[k], trim) for k in chosen]


def _horizontal(degrees: float) -> np.ndarray:
    turn = math.radians(degrees)
    return np.array([[math.cos(turn), math.sin(turn), 0], [-math.sin(turn), math.cos(turn), 0]])


def _box(points: np.ndarray, degrees: float, trim: Sequence[float]) -> UprightBox:
    axes = np.vstack([_horizontal(degrees), (0, 0, 1)])
    low, high = np.percentile(points @ axes.T, trim, axis=0)
    size, centre = high - low, (low + high) / 2 @ axes
    order = [0, 1, 2] if size[0] >= size[1] else [1, 0, 2]
    return UprightBox(centre, size[order], axes[order])
