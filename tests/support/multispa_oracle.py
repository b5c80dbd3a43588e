"""The independent witness of the MultiSPA tasks on still scenes: closed forms and Open3D ray casting.

Written from docs/conventions.md; of the product only the table of synonyms is used. Cameras, mesh and objects come from
the clean truth beside a synthetic scene, whatever noise its files have.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import open3d as o3d

from .oracle import Truth, comparison_is_right, estimate_error

Row = Mapping[str, Any]

WORDS = {
    "camera_movement_x": ("right", "left"),
    "camera_movement_y": ("up", "down"),
    "camera_movement_z": ("forward", "backward"),
    "camera_movement_yaw": ("left", "right"),
    "camera_movement_pitch": ("up", "down"),
}
"""The word for a positive value, then the one for a negative value."""
CAMERA_TASKS = (*WORDS, "camera_yaw_angle", "camera_pitch_angle", "camera_distance", "camera_displacement")
OVERLAP_ERROR = 0.03


@dataclass
class Verdict:
    """What is wrong with a row; nothing when it is right. ``choice`` are the faults of its word or letter alone."""

    faults: list[str] = field(default_factory=list)
    choice: list[str] = field(default_factory=list)
    measures: dict[str, float] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        return not self.faults and not self.choice

    def need(self, holds: object, fault: str) -> None:
        if not holds:
            self.faults.append(fault)

    def need_choice(self, holds: object, fault: str) -> None:
        if not holds:
            self.choice.append(fault)


class Room(Truth):
    """The clean truth of a still scene, with what several frames and objects need."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with np.load(folder / "truth.npz") as data:
            self.depth_intrinsics = data["depth_intrinsics"]
            self.depth_width, self.depth_height = (int(v) for v in data["depth_size"])
        objects = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["objects"]
        self.labels = {int(thing["id"]): str(thing["label"]) for thing in objects}
        self.seen_vertices = cache(self._seen_vertices)
        self.sensor = cache(self._sensor)
        self.instance_map = cache(self._instance_map)

    def project(self, frame: int, points: np.ndarray, intrinsics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (n, 2) and depths (n,) of world points (n, 3)."""
        camera = np.linalg.inv(self.camera_to_world[frame])
        local = points @ camera[:3, :3].T + camera[:3, 3]
        with np.errstate(divide="ignore", invalid="ignore"):
            pixels = (local @ intrinsics.T)[:, :2] / local[:, 2:]
        return pixels, local[:, 2]

    def surface(self, frame: int, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points (n, 3) and triangles (n,) under pixels (n, 2); NaN and -1 for nothing."""
        depth, triangle = self.cast(frame, xy)
        rays = np.column_stack([xy, np.ones(len(xy))]) @ np.linalg.inv(self.intrinsics).T
        pose = self.camera_to_world[frame]
        depth = np.where(triangle >= 0, depth, np.nan)
        return (rays * depth[:, None]) @ pose[:3, :3].T + pose[:3, 3], triangle

    def owner(self, triangle: np.ndarray) -> np.ndarray:
        """Object ids of triangles, -1 for none."""
        corner = self.vertex_instance[self.faces[triangle]]
        two = np.where(corner[:, 1] == corner[:, 2], corner[:, 1], corner[:, 0])  # the object of at least two corners
        return np.where(triangle >= 0, two, -1)

    def _grid(self, frame: int, intrinsics: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """Depth and triangle of every pixel of a camera at a frame's place."""
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2)
        rays = np.column_stack([grid, np.ones(len(grid))]) @ np.linalg.inv(intrinsics).T
        pose = self.camera_to_world[frame]
        origins = np.broadcast_to(pose[:3, 3], rays.shape)
        tensor = o3d.core.Tensor(np.hstack([origins, rays @ pose[:3, :3].T]).astype(np.float32))
        answer = self.scene.cast_rays(tensor)
        triangle = answer["primitive_ids"].numpy().astype(np.int64).reshape(height, width)
        return answer["t_hit"].numpy().reshape(height, width), np.where(triangle == 0xFFFFFFFF, -1, triangle)

    def _sensor(self, frame: int) -> np.ndarray:
        """The depth map a perfect sensor writes: whole millimetres, 0 where there is nothing."""
        depth, _ = self._grid(frame, self.depth_intrinsics, self.depth_width, self.depth_height)
        return np.where(np.isfinite(depth), np.rint(depth * 1000) / 1000, 0.0).astype(np.float32)

    def _instance_map(self, frame: int) -> np.ndarray:
        """Object ids on the 640-pixel-wide map by which pixels of objects are counted."""
        scale = 640 / self.width
        height = round(self.height * scale)
        resize = np.diag([scale, height / self.height, 1.0])
        resize[:2, 2] = (np.diag(resize)[:2] - 1) / 2  # (u + 0.5) s - 0.5
        _, triangle = self._grid(frame, resize @ self.intrinsics, 640, height)
        return self.owner(triangle.ravel()).reshape(triangle.shape).astype(np.int16)

    def sees(self, frame: int, points: np.ndarray) -> np.ndarray:
        """Which world points (n, 3) a frame shows: inside, reached by a ray, and the clean sensor agrees."""
        xy, z = self.project(frame, points, self.intrinsics)
        inside = (z > 0.1) & (xy >= -0.5).all(1) & (xy[:, 0] < self.width - 0.5) & (xy[:, 1] < self.height - 0.5)
        index = np.flatnonzero(inside)
        depth, _ = self.cast(frame, xy[index])
        index = index[z[index] <= depth + np.maximum(0.03, 0.015 * z[index])]
        uv, _ = self.project(frame, points[index], self.depth_intrinsics)
        uv = np.rint(uv).astype(int)
        known = ((uv >= 0) & (uv < (self.depth_width, self.depth_height))).all(1)
        sensor = np.zeros(len(index))
        sensor[known] = self.sensor(frame)[uv[known, 1], uv[known, 0]]
        agrees = (sensor == 0) | (np.abs(sensor - z[index]) <= np.maximum(0.05, 0.02 * z[index]))
        seen = np.zeros(len(points), bool)
        seen[index[agrees]] = True
        return seen

    def _seen_vertices(self, frame: int) -> np.ndarray:
        return self.sees(frame, self.vertices.astype(np.float64))

    def overlap(self, first: int, second: int) -> float:
        """Shared over all vertices of two frames."""
        a, b = self.seen_vertices(first), self.seen_vertices(second)
        return float((a & b).sum() / max(1, (a | b).sum()))


def levelled(pose: np.ndarray) -> np.ndarray:
    """(3, 3) camera to world of a camera held level: same heading, its y axis straight down."""
    heading = math.atan2(pose[1, 2], pose[0, 2])
    forward = np.array([math.cos(heading), math.sin(heading), 0.0])
    right = np.array([math.sin(heading), -math.cos(heading), 0.0])
    return np.stack([right, (0.0, 0.0, -1.0), forward], axis=1)


def elevation(pose: np.ndarray) -> float:
    """Degrees of the optical axis above the horizon."""
    return math.degrees(math.asin(max(-1.0, min(1.0, pose[2, 2]))))


def camera_values(first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """The true value of every camera task, SI, from two camera_to_world matrices in a world with z up."""
    moved = second[:3, 3] - first[:3, 3]
    level = levelled(first).T @ moved
    yaw = math.remainder(math.atan2(second[1, 2], second[0, 2]) - math.atan2(first[1, 2], first[0, 2]), math.tau)
    pitch = math.radians(elevation(second) - elevation(first))
    return {
        "camera_movement_x": np.array([level[0]]),
        "camera_movement_y": np.array([-level[1]]),
        "camera_movement_z": np.array([level[2]]),
        "camera_movement_yaw": np.array([yaw]),
        "camera_movement_pitch": np.array([pitch]),
        "camera_yaw_angle": np.array([yaw]),
        "camera_pitch_angle": np.array([pitch]),
        "camera_distance": np.array([np.linalg.norm(moved)]),
        "camera_displacement": first[:3, :3].T @ moved,
    }


def numbers(text: str) -> list[int]:
    """Every number of a text; whole ones only, so that "1.5" raises."""
    return [int(found) for found in re.findall(r"-?\d[\d.,]*\d|-?\d", text.replace("\N{MINUS SIGN}", "-"))]


def says_number(verdict: Verdict, row: Row, value: float, scale: float) -> None:
    """The text states the magnitude of ``value`` as a whole number of 1/scale."""
    stated = numbers(row["answer"])
    verdict.need(stated == [int(row["answer_short"])], f"answer {row['answer']!r} is not {row['answer_short']!r}")
    verdict.need(
        abs(int(row["answer_short"]) - abs(value) * scale) <= 0.5 + 1e-6,
        f"text {row['answer_short']}, value {value * scale:.3f}",
    )
    verdict.need(int(row["answer_short"]) > 0, "text states 0")


def says_vector(verdict: Verdict, row: Row, value: np.ndarray, scale: float) -> None:
    """The text is ``[x, y, z]``, signed whole numbers of 1/scale."""
    stated = numbers(row["answer_short"])
    verdict.need(row["answer_short"] == f"[{', '.join(str(n) for n in stated)}]", f"written {row['answer_short']!r}")
    verdict.need(row["answer_short"] in row["answer"], f"answer {row['answer']!r} lacks {row['answer_short']!r}")
    verdict.need(
        len(stated) == len(value) and (np.abs(np.array(stated) - value * scale) <= 0.5 + 1e-6).all(),
        f"text {row['answer_short']}, value {(value * scale).round(3).tolist()}",
    )


def says_option(verdict: Verdict, row: Row) -> None:
    """The answer is the true option and names no other."""
    true = row["options"][row["answer_index"]]
    verdict.need(row["answer_short"] == true, f"short answer {row['answer_short']!r} is not {true!r}")
    # A letter is a capital (an article is not "A"); a word may open the sentence.
    flags = 0 if len(true) == 1 else re.IGNORECASE
    said = {option for option in row["options"] if re.search(rf"\b{re.escape(option)}\b", row["answer"], flags)}
    verdict.need(said == {true}, f"answer {row['answer']!r} names {sorted(said)}")


def frames_of(row: Row) -> list[int]:
    return [int(name) for name in row["frame_ids"]]


def judge_overlap(verdict: Verdict, room: Room, row: Row) -> None:
    """The overlap column against ray casting, and within the default 6 to 35 %."""
    first, second = frames_of(row)
    error = abs(row["overlap"] - room.overlap(first, second))
    verdict.measures["overlap_error"] = error
    verdict.need(0.06 <= row["overlap"] <= 0.35, f"overlap {row['overlap']:.4f} is outside 6 to 35 %")
    verdict.need(error <= OVERLAP_ERROR, f"overlap {row['overlap']:.3f}, ray casting {row['overlap'] - error:.3f}±")


def judge_camera(room: Room, row: Row) -> Verdict:
    """One row of the nine camera tasks."""
    verdict = Verdict()
    task = row["task"]
    first, second = (room.camera_to_world[frame] for frame in frames_of(row))
    values = camera_values(first, second)
    true, stated = values[task], np.array(row["value"])
    angular = task in ("camera_movement_yaw", "camera_movement_pitch", "camera_yaw_angle", "camera_pitch_angle")
    error = float(np.abs(stated - true).max())
    if angular:
        error = abs(math.remainder(stated[0] - true[0], math.tau))
    verdict.measures["value_error"] = error
    verdict.need(error <= (math.radians(0.5) if angular else 0.005), f"value {stated.tolist()}, truth {true.tolist()}")
    verdict.need(set(row["units"]) == {"rad" if angular else "m"}, f"units {row['units']}")
    if task in WORDS:
        verdict.need(tuple(row["options"]) == WORDS[task], f"options {row['options']}")
        word = WORDS[task][0 if true[0] > 0 else 1]
        verdict.need_choice(row["options"][row["answer_index"]] == word, f"{row['answer']!r}, truth {true.tolist()}")
        says_option(verdict, row)
        if angular:
            verdict.need(abs(true[0]) >= math.radians(5) - 1e-6, f"a turn of {math.degrees(true[0]):.2f} degrees")
        else:
            least = max(0.05, 0.15 * float(values["camera_distance"][0]))
            verdict.need(abs(true[0]) >= least - 1e-5, f"component {true[0]:.4f}, needs {least:.4f}")
    elif angular:
        says_number(verdict, row, stated[0], 180 / math.pi)
    elif task == "camera_distance":
        says_number(verdict, row, stated[0], 1000)
    else:
        says_vector(verdict, row, stated, 1000)
    steep = {
        "camera_movement_pitch": (),
        "camera_pitch_angle": (),
        "camera_distance": (),
        "camera_displacement": (),
        "camera_movement_yaw": (first, second),
        "camera_yaw_angle": (first, second),
    }.get(task, (first,))
    verdict.need(all(abs(elevation(pose)) <= 60 + 1e-4 for pose in steep), "a camera without heading")
    if "yaw" in task:
        verdict.need(abs(true[0]) <= math.radians(175) + 1e-6, "a turn that is neither left nor right")
    judge_overlap(verdict, room, row)
    return verdict


def judge_correspondence(room: Room, row: Row) -> Verdict:
    """The point of image 0 again in image 1, and no other option near it."""
    verdict = Verdict()
    first, second = frames_of(row)
    (query,) = [point for point in row["points"] if point["image"] == 0]
    others = [point for point in row["points"] if point["image"] == 1]
    marks = np.array([[point["x"], point["y"]] for point in others])
    world, _ = room.surface(first, np.array([[query["x"], query["y"]]]))
    xy, z = room.project(second, world, room.intrinsics)
    stated = np.array(row["value"])
    error = float(np.linalg.norm(stated - xy[0]))
    verdict.measures["pixel_error"] = error
    depth, _ = room.cast(second, xy)
    hidden = z[0] - depth[0]
    verdict.need_choice(z[0] > 0.1 and hidden <= max(0.03, 0.015 * z[0]), f"hidden by {hidden:.3f} m in image 1")
    verdict.need(hidden >= -max(0.05, 0.02 * z[0]), f"the surface in image 1 is {-hidden:.3f} m farther")
    verdict.need(((xy >= -0.5) & (xy < (room.width - 0.5, room.height - 0.5))).all(), "outside image 1")
    verdict.need(error <= max(3.0, 0.003 * room.width), f"{error:.2f} px from the truth {xy[0].round(1).tolist()}")
    radius = 0.02 * room.height
    if row["variant"] == "dot":
        verdict.need([point["label"] for point in others] == list("ABCD"), f"marks {[p['label'] for p in others]}")
        verdict.need(row["options"] == list("ABCD"), f"options {row['options']}")
        answer = row["answer_index"]
        verdict.need(np.allclose(marks[answer], stated, atol=0.01), "the true option is not at the value")
        distance = np.linalg.norm(marks - xy[0], axis=1)
        verdict.need_choice(int(distance.argmin()) == answer, f"option {distance.argmin()} is closer to the truth")
        surface, _ = room.surface(second, marks)
        apart = np.linalg.norm(surface - world[0], axis=1)
        for index in range(len(others)):
            if index != answer:
                verdict.need_choice(not apart[index] < 0.05, f"option {index} is {apart[index]:.3f} m from the truth")
                gap = np.linalg.norm(marks[index] - marks[answer])
                verdict.need_choice(gap > 2 * radius, f"option {index} touches the true mark")
        verdict.measures["nearest_distractor"] = float(np.nanmin(np.delete(apart, answer)))
        gaps = [np.linalg.norm(a - b) for i, a in enumerate(marks) for b in marks[:i]]
        verdict.need(min(gaps) > 2 * radius, "marks touch")
        says_option(verdict, row)
    else:
        verdict.need(len(others) == 1 and np.allclose(marks[0], stated, atol=0.01), "no point at the value")
        text = coordinates(stated, room.width, room.height)
        verdict.need(row["answer_short"] == text, f"text {row['answer_short']!r}, value {text}")
        verdict.need(text in row["answer"], f"answer {row['answer']!r} lacks {text}")
        asked = coordinates(np.array([query["x"], query["y"]]), room.width, room.height)
        verdict.need(asked in row["question"], f"question {row['question']!r} lacks {asked}")
    if row["overlap"] is not None:
        judge_overlap(verdict, room, row)
    return verdict


def coordinates(xy: np.ndarray, width: int, height: int) -> str:
    """A pixel as text writes it."""
    u, v = (
        min(1000, max(0, int(np.floor(1000 * (p + 0.5) / s + 0.5)))) for p, s in zip(xy, (width, height), strict=True)
    )
    return f"[{u}, {v}]"


def judge_depth(room: Room, row: Row) -> Verdict:
    verdict = Verdict()
    if row["task"] == "depth_comparison":
        verdict.need_choice(comparison_is_right(room, row), "the other point is the one asked for")
    else:
        verdict.need(estimate_error(room, row) <= 0.02, f"depth off by {estimate_error(room, row):.3f} m")
    return verdict


def judge(room: Room, row: Row) -> Verdict:
    """Whether a row of any task on a still scene is right."""
    from .multispa_objects import judge_size

    judges: dict[str, Callable[[Room, Row], Verdict]] = {
        **dict.fromkeys(CAMERA_TASKS, judge_camera),
        "visual_correspondence": judge_correspondence,
        "depth_comparison": judge_depth,
        "depth_estimation": judge_depth,
        **dict.fromkeys(("object_height", "object_length", "object_width"), judge_size),
    }
    return judges[row["task"]](room, row)
