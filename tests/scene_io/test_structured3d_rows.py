"""Rows made of a Structured3D scene, without any mesh, against the closed form it was drawn from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support import structured3d_writer as writer

from spatialgen import engines
from spatialgen.core.types import Skip
from spatialgen.pipeline import run
from spatialgen.scene_io.structured3d import READER

SIZE = (320, 180)
TASKS = ("depth_comparison", "depth_estimation", "camera_movement", "visual_correspondence")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("houses")
    writer.write_scene(folder / "scene_00003", views=8, size=SIZE)
    writer.write_panorama(folder / "scene_00003", "90", 0)
    return folder


@pytest.fixture(scope="module")
def rows(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    out = tmp_path_factory.mktemp("rows") / "out"
    result = run(TASKS, root, out, workers=0, per_scene=12, frames="every:1", images="path")
    assert result.exit_code == 0
    assert not result.failures
    return [row for path in sorted(out.glob("data/*/*.parquet")) for row in pq.read_table(path).to_pylist()]


def of(rows: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["task"].startswith(prefix)]


def view(frame_id: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Eye, right, direction and up of a view, by the writer's own index."""
    room, position = frame_id.split("/")
    eye, direction, up = writer.look(2 * (int(position) // 10) + writer.ROOM_IDS.index(room))
    return eye, np.cross(direction, up), direction, up


def shown(frame_id: str, x: float, y: float) -> tuple[float, int, np.ndarray]:
    """Depth, object and place of what a pixel shows: the ray from the half angles, the nearest slab."""
    eye, right, direction, up = view(frame_id)
    across = np.tan(writer.HALF_X) * (2 * (x + 0.5) / SIZE[0] - 1)
    down = np.tan(writer.half_angles(SIZE)[1]) * (2 * (y + 0.5) / SIZE[1] - 1)
    ray = direction + across * right - down * up
    length, owner = writer.trace(eye, ray[None])
    return float(length[0]), int(owner[0]), eye + length[0] * ray


def points_of(rows: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    for row in rows:
        for point in row["points"]:
            yield point, row["frame_ids"][point["image"]]


def test_every_task_gives_rows(rows: list[dict[str, Any]]) -> None:
    assert len(of(rows, "depth_comparison")) == len(of(rows, "depth_estimation")) == 12
    assert len(of(rows, "visual_correspondence")) >= 6
    assert len(of(rows, "camera_")) >= 60
    assert {row["dataset"] for row in rows} == {"structured3d"}


def test_points_lie_where_the_closed_form_has_them(rows: list[dict[str, Any]]) -> None:
    checked = 0
    for point, frame in points_of(of(rows, "depth")):
        depth, owner, place = shown(frame, point["x"], point["y"])
        assert point["depth"] == pytest.approx(depth, abs=0.001)
        assert point["instance_id"] == (None if owner < 0 else str(writer.OBJECT_IDS[owner]))
        assert writer.classes_at(place[None], np.array([owner]))[0] != writer.WINDOW_CLASS
        checked += owner >= 0
    assert checked >= 10


def test_depth_answers(rows: list[dict[str, Any]]) -> None:
    for row in of(rows, "depth_estimation"):
        depth, _, _ = shown(row["frame_ids"][0], row["points"][0]["x"], row["points"][0]["y"])
        assert row["value"][0] == pytest.approx(depth, abs=0.001)
    for row in of(rows, "depth_comparison"):
        depths = [shown(row["frame_ids"][0], p["x"], p["y"])[0] for p in row["points"]]
        nearer = json.loads(row["evidence"])["ask"] == "closer"
        assert row["answer_index"] == int(np.argmin(depths) if nearer else np.argmax(depths))


def test_correspondences_show_one_point(rows: list[dict[str, Any]]) -> None:
    for row in of(rows, "visual_correspondence"):
        query, *others = row["points"]
        right = others[row["answer_index"] or 0]
        _, owner, place = shown(row["frame_ids"][0], query["x"], query["y"])
        for point in others:
            _, other, there = shown(row["frame_ids"][1], point["x"], point["y"])
            distance = float(np.linalg.norm(there - place))
            if point is right:
                assert distance < 0.03
                assert other == owner
            else:
                assert distance > 0.04


def test_movements_are_those_of_the_cameras(rows: list[dict[str, Any]]) -> None:
    for row in of(rows, "camera_"):
        (eye, right, direction, up), (other, _, there, _) = (view(frame) for frame in row["frame_ids"])
        moved = other - eye
        level = np.cross(direction, (0, 0, 1.0))
        level /= np.linalg.norm(level)
        ahead = np.array([-level[1], level[0], 0.0])
        heading = [np.arctan2(d[1], d[0]) for d in (direction, there)]
        yaw = (heading[1] - heading[0] + np.pi) % (2 * np.pi) - np.pi
        pitch = np.arcsin(there[2]) - np.arcsin(direction[2])
        wanted = {
            "camera_movement_x": [moved @ level],
            "camera_movement_y": [moved[2]],
            "camera_movement_z": [moved @ ahead],
            "camera_movement_yaw": [yaw],
            "camera_yaw_angle": [yaw],
            "camera_movement_pitch": [pitch],
            "camera_pitch_angle": [pitch],
            "camera_distance": [np.linalg.norm(moved)],
            "camera_displacement": [moved @ right, -moved @ up, moved @ direction],
        }[row["task"]]
        np.testing.assert_allclose(row["value"], wanted, atol=1e-5)


def test_panoramas_are_refused_with_a_reason(root: Path) -> None:
    (ref,) = READER.scenes(root, stream="panorama")
    scene = READER.read(ref)
    for name in TASKS:
        found = list(engines.load(name).facts(scene, limit=3))
        assert found
        assert all(isinstance(item, Skip) for item in found)
        assert {item.reason for item in found} == {"scene has no perspective images"}
