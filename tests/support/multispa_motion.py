"""The independent witness of object movement: rigid parts of a synthetic video, posed and ray cast at every step."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import open3d as o3d

from .multispa_oracle import Verdict, coordinates, frames_of, says_number, says_vector

MOVED, STILL = 0.05, 0.01
"""Metres: from here on a point has moved, and up to here it has not; in between nothing is asked."""


class Clip:
    """The clean truth of one synthetic video: ``<root>/truth/<stem>.npz``."""

    def __init__(self, root: Path, stem: str) -> None:
        with np.load(root / "truth" / f"{stem}.npz") as data:
            self.poses = data["pose_world"]
            self.track_part = data["track_part"]
            self.tracks = data["tracks_world"]
            self.visible = data["visibility"]
            self.camera_to_world = data["camera_to_world"]
            self.intrinsics = data["intrinsics"]
            self.width, self.height = (int(v) for v in data["size"])
            vertices, faces, face_part = data["vertices"], data["faces"], data["face_part"]
        self.parts = []
        for part in range(len(self.poses)):
            # Rays go to where the part is at home, so that no tree of triangles is built twice.
            scene = o3d.t.geometry.RaycastingScene(nthreads=1)
            mine = np.unique(faces[face_part == part], return_inverse=True)
            if len(mine[0]):
                scene.add_triangles(
                    o3d.core.Tensor(vertices[mine[0]].astype(np.float32)),
                    o3d.core.Tensor(mine[1].reshape(-1, 3).astype(np.uint32)),
                )
                self.parts.append((part, scene))

    def surface(self, step: int, xy: np.ndarray) -> tuple[np.ndarray, int]:
        """The world point (3,) under a pixel (2,) at a step and its part; -1 for nothing."""
        pose = self.camera_to_world[step]
        ray = pose[:3, :3] @ np.linalg.inv(self.intrinsics) @ (*xy, 1.0)
        nearest, owner = np.inf, -1
        for part, scene in self.parts:
            home = np.linalg.inv(self.poses[part, step])
            origin, direction = home[:3, :3] @ pose[:3, 3] + home[:3, 3], home[:3, :3] @ ray
            tensor = o3d.core.Tensor(np.concatenate([origin, direction])[None].astype(np.float32))
            depth = float(scene.cast_rays(tensor)["t_hit"].numpy()[0])
            if depth < nearest:
                nearest, owner = depth, part
        return pose[:3, 3] + nearest * ray, owner

    def carried(self, part: int, world: np.ndarray, first: int, second: int) -> np.ndarray:
        """Where a point (3,) of a part is at another step."""
        local = np.linalg.inv(self.poses[part, first]) @ (*world, 1.0)
        return (self.poses[part, second] @ local)[:3]

    def project(self, step: int, world: np.ndarray) -> np.ndarray:
        """The pixel (2,) of a world point (3,)."""
        camera = np.linalg.inv(self.camera_to_world[step])
        local = camera[:3, :3] @ world + camera[:3, 3]
        return (self.intrinsics @ local)[:2] / local[2]


def judge_motion(clip: Clip, row: Mapping[str, Any]) -> Verdict:
    """One row of object_movement_distance, object_movement_displacement, object_movement_still.

    The point is found by the mark alone: the ray of its pixel, the part it hits, where that part is later.
    """
    verdict = Verdict()
    first, second = frames_of(row)
    (mark,) = row["points"]
    verdict.need(mark["image"] == 0, "the mark is not in the first image")
    xy = np.array([mark["x"], mark["y"]])
    world, part = clip.surface(first, xy)
    (track,) = json.loads(row["evidence"])["tracks"]
    index = track["track_index"]
    off = float(np.linalg.norm(clip.project(first, clip.tracks[first, index]) - xy))
    verdict.measures["mark_error"] = off
    verdict.need(off <= 1.0, f"the mark is {off:.2f} px from its track")
    verdict.need(part == clip.track_part[index], f"the mark lies on part {part}, not {clip.track_part[index]}")
    verdict.need(clip.visible[first, index] and clip.visible[second, index], "the point is hidden")
    moved = clip.carried(part, world, first, second) - world
    true = clip.camera_to_world[first][:3, :3].T @ moved
    distance = float(np.linalg.norm(moved))
    verdict.measures["distance"] = distance
    stated = np.array(row["value"])
    if row["task"] == "object_movement_still":
        verdict.need(row["options"] == ["Yes", "No"], f"options {row['options']}")
        verdict.need_choice(
            row["answer_index"] == (0 if distance > (MOVED + STILL) / 2 else 1), f"moved {distance:.4f} m"
        )
        verdict.need(distance >= MOVED - 1e-4 or distance <= STILL + 1e-4, f"moved {distance:.4f} m: not clear")
        verdict.need(stated.tolist() == [1.0 - row["answer_index"]], f"value {stated}")
        verdict.need(row["units"] == ["bool"], f"units {row['units']}")
        says_yes_or_no(verdict, row)
    else:
        vector = row["task"] == "object_movement_displacement"
        error = float(np.abs(stated - (true if vector else distance)).max())
        verdict.measures["value_error"] = error
        verdict.need(error <= 0.005, f"value {stated.tolist()}, truth {true.tolist()} ({distance:.4f} m)")
        verdict.need(distance >= MOVED - 1e-4, f"moved {distance:.4f} m only")
        verdict.need(set(row["units"]) == {"m"}, f"units {row['units']}")
        if vector:
            says_vector(verdict, row, stated, 1000)
        else:
            says_number(verdict, row, stated[0], 1000)
    if row["variant"] == "coord":
        asked = coordinates(xy, clip.width, clip.height)
        verdict.need(asked in row["question"], f"question {row['question']!r} lacks {asked}")
    else:
        verdict.need(mark["label"], "a dot without a label")
    return verdict


def says_yes_or_no(verdict: Verdict, row: Mapping[str, Any]) -> None:
    """The text agrees with the option."""
    true = row["options"][row["answer_index"]]
    verdict.need(row["answer_short"] == true, f"short answer {row['answer_short']!r} is not {true!r}")
    other = "No" if true == "Yes" else "Yes"
    verdict.need(
        not re.search(rf"\b{other}\b", row["answer"], re.IGNORECASE), f"answer {row['answer']!r}, truth {true}"
    )
