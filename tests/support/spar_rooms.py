"""The independent witness of a room's size: between the inner sides of its walls, in closed form, and what frames show.

Written from docs/conventions.md ("Videos") and SPAR's fact sheet, section 6, for rooms with straight walls around a
convex floor, as synthetic scenes have them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from .mosaic_oracle import Stage
from .spar_rows import SparReading

AREA_SHARE = 0.02
"""By which a clean area may be off: a border cell's half at each side of a room of 4 m."""
NOISY_SHARE = 0.05
HULL_SHARE = 0.05
LEAST_OUTLINE, OUTLINE_SLACK = 0.75, 0.04
MOST_BEYOND, BEYOND_SLACK = 0.25, 0.08
NEAR_OUTLINE = 0.20
SKIRTING = 0.4
"""Metres from the floor up to which walls have boards that the room does not end at."""
RAY_STEP = 4  # every so many pixels of the map's rows and columns
OUTLINE_STEP = 0.05
MOST_FLOOR, LEAST_FLOOR = 1.03, 0.80
"""Of the room's area, between which a concave hull of what is seen of its floor lies."""
CELL, BRIDGED, LEVEL = 0.04, 1.5, 0.06
FLOOR_EVERY = 5  # frames
ROUND = 360  # directions looked in from each place, a degree apart


@dataclass(frozen=True)
class Floor:
    """The floor between the walls of a room.

    Attributes:
        corners: (n, 2) metres, world, around.
    """

    corners: np.ndarray

    @property
    def area(self) -> float:
        x, y = self.corners.T
        return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))

    def outline(self) -> np.ndarray:
        """(n, 2): points on the walls every few centimetres."""
        sides = []
        for start, end in zip(self.corners, np.roll(self.corners, -1, axis=0), strict=True):
            count = max(2, round(float(np.linalg.norm(end - start)) / OUTLINE_STEP))
            sides.append(start + (np.arange(count) / count)[:, None] * (end - start))
        return np.concatenate(sides)

    def contains(self, points: np.ndarray) -> np.ndarray:
        """(n,): whether points (n, 2) lie on the floor."""
        middle = self.corners.mean(axis=0)
        inside = np.ones(len(points), bool)
        for start, end in zip(self.corners, np.roll(self.corners, -1, axis=0), strict=True):
            normal = np.array([end[1] - start[1], start[0] - end[0]])
            inside &= ((points - start) @ normal) * float((middle - start) @ normal) >= 0
        return inside


def floor_of(stage: Stage) -> Floor:
    """The floor that the inner sides of the walls enclose: each wall cuts off what is behind it."""
    if "floor_outline" not in stage.kept:
        vertices = stage.room.vertices.astype(np.float64)
        eye = stage.room.camera_to_world[:, :2, 3].mean(axis=0)
        sides = []
        for instance, name in stage.names.items():
            if name != "wall":
                continue
            points = vertices[stage.room.vertex_instance == instance]
            points = points[points[:, 2] > points[:, 2].min() + SKIRTING][:, :2] - eye
            _, axes = np.linalg.eigh(np.cov(points.T))
            thin = axes[:, 0]
            thin = thin * np.sign(points.mean(axis=0) @ thin)
            sides.append((thin, float((points @ thin).min())))
        sides.sort(key=lambda side: math.atan2(side[0][1], side[0][0]))
        corners = []
        for (one, near), (other, next_near) in zip(sides, [*sides[1:], sides[0]], strict=True):
            corners.append(np.linalg.solve(np.stack([one, other]), (near, next_near)) + eye)
        stage.kept["floor_outline"] = Floor(np.array(corners))
    floor = stage.kept["floor_outline"]
    assert isinstance(floor, Floor)
    return floor


def judge_room_size(reading: SparReading) -> None:
    """The area is that of the floor between the walls, and the frames show most of what is around it."""
    row, floor = reading.row, floor_of(reading.stage)
    (value,) = row["value"]
    reading.need(row["units"] == ["m2"], f"units {row['units']}")
    if reading.preset == "spar":
        hull = floor_seen(reading.stage)
        reading.verdict.measures["area_error"] = value / hull - 1
        slack = 2 * HULL_SHARE if reading.noisy else HULL_SHARE
        reading.verdict.need_choice(abs(value / hull - 1) <= slack, f"{value:.2f} m2, hull of the floor {hull:.2f}")
        share = value / floor.area
        reading.verdict.need_choice(LEAST_FLOOR <= share <= MOST_FLOOR, f"{value:.2f} m2 of {floor.area:.2f}")
    else:
        error = value / floor.area - 1
        reading.verdict.measures["area_error"] = error
        slack = NOISY_SHARE if reading.noisy else AREA_SHARE
        reading.verdict.need_choice(abs(error) <= slack, f"{value:.2f} m2, between the walls {floor.area:.2f}")
    share, beyond = shown(reading, floor)
    reading.need(share >= LEAST_OUTLINE - OUTLINE_SLACK, f"the frames show {share:.2f} of the outline")
    reading.need(beyond <= MOST_BEYOND + BEYOND_SLACK, f"nothing is seen within {beyond:.2f} m of an end of the room")
    text = f"{math.floor(value * 10 + 0.5) / 10:.1f}"
    told = row["options"][row["answer_index"]] if reading.form == "select" else row["answer_short"]
    reading.need(told == text, f"text {told!r}, value {value:.3f}")
    reading.need(text in row["answer"] or reading.form == "select", f"answer {row['answer']!r}, value {value:.3f}")
    if reading.form == "select":
        low, high = value * (1 - NOISY_SHARE), value * (1 + NOISY_SHARE)
        for place, option in enumerate(row["options"]):
            wrong = place != row["answer_index"]
            is_near = low <= float(option) <= high
            reading.verdict.need_choice(wrong != is_near, f"option {option}, truth {floor.area:.2f}")


def shown(reading: SparReading, floor: Floor) -> tuple[float, float]:
    """Share of the outline near which frames show something, and metres at an end of the room that they do not show."""
    points = np.concatenate([ground_seen(reading.stage, frame) for frame in reading.frames])
    outline = floor.outline()
    low = np.minimum(points.min(axis=0), outline.min(axis=0)) - 0.5
    size = (np.maximum(points.max(axis=0), outline.max(axis=0)) - low + 0.5) / CELL
    empty = np.ones((int(size[1]) + 1, int(size[0]) + 1), np.uint8)
    x, y = ((points - low) / CELL).astype(int).T
    empty[y, x] = 0
    away = cv2.distanceTransform(empty, cv2.DIST_L2, 5) * CELL
    x, y = ((outline - low) / CELL).astype(int).T
    share = float((away[y, x] <= NEAR_OUTLINE).mean())
    inside = points[floor.contains(points)]
    beyond = 0.0
    for start, end in zip(floor.corners[:2], floor.corners[1:3], strict=True):
        along = (end - start) / np.linalg.norm(end - start)
        ends, reached = floor.corners @ along, inside @ along
        beyond = max(beyond, float(reached.min() - ends.min()), float(ends.max() - reached.max()))
    return share, beyond


def ground_seen(stage: Stage, frame: int) -> np.ndarray:
    """(n, 2): what a frame shows, from above, metres."""
    kept = stage.kept.setdefault("ground_seen", {})
    if frame not in kept:
        width, height = stage.map_size
        grid = np.stack(np.meshgrid(np.arange(0, width, RAY_STEP), np.arange(0, height, RAY_STEP)), -1).reshape(-1, 2)
        points, triangle = stage.room.surface(frame, (grid + 0.5) * stage.scale - 0.5)
        kept[frame] = points[triangle >= 0, :2]
    return np.asarray(kept[frame])


def floor_seen(stage: Stage) -> float:
    """Square metres of the floor that can be seen from the camera's way, gaps of up to 3 m bridged."""
    if "floor_seen" not in stage.kept:
        import open3d as o3d

        floor = floor_of(stage)
        low = floor.corners.min(axis=0) - BRIDGED - 0.5
        size = ((floor.corners.max(axis=0) + BRIDGED + 0.5 - low) / CELL).astype(int) + 1
        seen = np.zeros((size[1], size[0]), np.uint8)
        own = [instance for instance, name in stage.names.items() if name == "floor"]
        level = float(stage.room.vertices[np.isin(stage.room.vertex_instance, own), 2].max())
        down = np.radians(np.arange(2.0, 88.0, 0.25))
        around = np.radians(np.arange(0.0, 360.0, 360.0 / ROUND))
        directions = np.stack(
            [
                np.outer(np.cos(around), np.cos(down)),
                np.outer(np.sin(around), np.cos(down)),
                -np.sin(down)[None].repeat(ROUND, 0),
            ],
            -1,
        ).reshape(-1, 3)
        for pose in stage.room.camera_to_world[::FLOOR_EVERY]:
            origins = np.broadcast_to(pose[:3, 3], directions.shape)
            found = stage.room.scene.cast_rays(o3d.core.Tensor(np.hstack([origins, directions]).astype(np.float32)))
            triangle = found["primitive_ids"].numpy().astype(np.int64)
            hit = triangle != 0xFFFFFFFF
            points = pose[:3, 3] + directions[hit] * found["t_hit"].numpy()[hit][:, None].astype(np.float64)
            points = points[np.abs(points[:, 2] - level) <= LEVEL]  # a rug is floor as well
            x, y = ((points[:, :2] - low) / CELL).astype(int).T
            inside = (x >= 0) & (y >= 0) & (x < size[0]) & (y < size[1])
            seen[y[inside], x[inside]] = 1
        radius = round(BRIDGED / CELL)
        near = cv2.distanceTransform(1 - seen, cv2.DIST_L2, 5) <= radius
        closed = cv2.distanceTransform(near.astype(np.uint8), cv2.DIST_L2, 5) > radius
        stage.kept["floor_seen"] = float(closed.sum()) * CELL**2
    return float(stage.kept["floor_seen"])
