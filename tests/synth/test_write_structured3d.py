"""Synthetic Structured3D: the reader and ray casting find what the truth says."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import open3d as o3d
import pyarrow.parquet as pq
import pytest
from support.multispa_oracle import Room, judge

from spatialgen import synth
from spatialgen.core.types import Scene
from spatialgen.media.images import decode_rgb
from spatialgen.pipeline import run
from spatialgen.scene_io.structured3d import READER
from spatialgen.synth import scene as scene_module
from spatialgen.synth import write_structured3d

OPTIONS = {"format": "structured3d", "seed": 3, "color_size": (320, 180)}
TINY = {**OPTIONS, "frames": 2, "color_size": (64, 36)}
TASKS = ("depth_comparison", "visual_correspondence", "camera_movement")
STRUCTURE = {"wall", "floor", "ceiling", "door", "window"}


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Rooms are furnished once: these are tests of files, not of scenes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene_module, "_furnished", functools.cache(scene_module._furnished))
        patch.setattr(write_structured3d, "build_scene", functools.cache(synth.build_scene))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (made,) = synth.generate(tmp_path_factory.mktemp("houses"), frames=12, **OPTIONS)
    return made


@pytest.fixture(scope="module")
def room(folder: Path) -> Room:
    return Room(folder)


def read(root: Path, stream: str = "perspective") -> Scene:
    (ref,) = READER.scenes(root, stream=stream)
    return READER.read(ref)


def views(folder: Path, variant: str = "full") -> Path:
    return folder / "2D_rendering" / str(write_structured3d.ROOM) / "perspective" / variant


def numbers(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def classes(path: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(path) as image:
        assert image.mode == "P"
        return np.array(image)


def digests(root: Path) -> dict[str, str]:
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_views_are_read_back_as_they_were(folder: Path, room: Room) -> None:
    scene = read(folder)
    assert [frame.id for frame in scene.frames] == [f"{write_structured3d.ROOM}/{k}" for k in range(12)]
    for k, frame in enumerate(scene.frames):
        np.testing.assert_allclose(frame.camera.camera_to_world, room.camera_to_world[k], atol=1e-9)
        np.testing.assert_allclose(frame.camera.intrinsics, room.intrinsics, atol=1e-6)
        assert frame.load_depth is not None
        if k % 4 == 0:
            gap = np.abs(frame.load_depth() - room._grid(k, room.intrinsics, room.width, room.height)[0])
            assert np.mean(gap <= 0.0006) > 0.999


def test_objects_are_the_truths(folder: Path, room: Room) -> None:
    scene = read(folder)
    furniture = {number for number, label in room.labels.items() if label not in STRUCTURE}
    assert {int(instance.id) for instance in scene.instances} == furniture
    for k in (0, 5, 11):
        load = scene.frames[k].load_instances
        assert load is not None
        ids = np.array([*(int(instance.id) for instance in scene.instances), -1])[load()]
        _, triangle = room._grid(k, room.intrinsics, room.width, room.height)
        owner = room.owner(triangle.ravel()).reshape(triangle.shape)
        wanted = np.where(np.isin(owner, list(furniture)), owner, -1)
        assert np.mean(ids == wanted) > 0.999
        assert len(np.unique(ids)) > 4
    boxes = {thing["id"]: thing for thing in json.loads((folder / "truth.json").read_text())["objects"]}
    for instance in scene.instances:
        wanted, box = boxes[int(instance.id)], instance.box
        assert box is not None
        np.testing.assert_allclose(box.centre, wanted["centre"], atol=1e-9)
        assert sorted(box.size) == pytest.approx(sorted(wanted["size"]))
        axes = np.array(wanted["rotation"]) * np.array(wanted["size"])
        ours = box.rotation * box.size  # the same axes, perhaps in another order or direction
        overlap = np.abs(ours.T @ axes)
        assert np.trace(overlap @ overlap.T) == pytest.approx(np.trace(axes.T @ axes @ axes.T @ axes))
        assert np.linalg.det(box.rotation) == pytest.approx(1)
    stated = json.loads((folder / "bbox_3d.json").read_text())
    handedness = {round(np.linalg.det(box["basis"])) for box in stated}
    assert handedness == {1, -1}


def test_labels_are_the_classes_of_the_objects(folder: Path) -> None:
    objects = {t["id"]: t["nyu40id"] for t in json.loads((folder / "truth.json").read_text())["objects"]}
    ids, kinds = numbers(views(folder) / "3" / "instance.png"), classes(views(folder) / "3" / "semantic.png")
    for number in np.unique(ids[ids < 65535]):
        assert set(kinds[ids == number].tolist()) == {objects[int(number)]}
    assert {1, 2} <= set(kinds[ids == 65535].tolist()) <= {1, 2, 8, 9, 22}


def test_the_panorama_measures_along_its_rays(folder: Path, room: Room) -> None:
    scene = read(folder, "panorama")
    (frame,) = scene.frames
    assert frame.load_depth is not None
    assert frame.load_instances is not None
    width, height = frame.camera.width, frame.camera.height
    assert (width, height) == (256, 128)
    azimuth = ((np.arange(width) + 0.5) / width * 2 - 1) * np.pi
    a, e = np.meshgrid(azimuth, (0.5 - (np.arange(height) + 0.5) / height) * np.pi)
    rays = np.stack([np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)], -1).reshape(-1, 3)
    eye = np.broadcast_to(frame.camera.camera_to_world[:3, 3], rays.shape)
    hits = room.scene.cast_rays(o3d.core.Tensor(np.hstack([eye, rays]).astype(np.float32)))
    gap = np.abs(frame.load_depth().ravel() - hits["t_hit"].numpy())
    assert np.mean(gap <= 0.0006) > 0.999
    owner = room.owner(hits["primitive_ids"].numpy().astype(np.int64))
    ids = np.array([*(int(instance.id) for instance in scene.instances), -1])[frame.load_instances().ravel()]
    structure = [number for number, label in room.labels.items() if label in STRUCTURE]
    assert np.mean(ids == np.where(np.isin(owner, structure), -1, owner)) > 0.999
    # The picture is the same room: where the panorama looks as a view does, both show the same colours.
    painted = decode_rgb(frame.load_image()).reshape(height, width, 3)
    assert painted.std() > 20


def test_panorama_and_views_show_the_same_colours(folder: Path, room: Room) -> None:
    (around,) = read(folder, "panorama").frames
    k = 6  # the view taken where the panorama is
    np.testing.assert_allclose(around.camera.camera_to_world[:3, 3], room.camera_to_world[k][:3, 3], atol=1e-9)
    grid = np.stack(np.meshgrid(np.arange(room.width), np.arange(room.height)), -1)
    rays = np.concatenate([grid, np.ones((*grid.shape[:2], 1))], axis=2)
    rays = rays @ np.linalg.inv(room.intrinsics).T @ room.camera_to_world[k][:3, :3].T
    across = np.arctan2(rays[..., 0], rays[..., 1]) / math.tau
    above = np.arctan2(rays[..., 2], np.hypot(rays[..., 0], rays[..., 1])) / math.pi
    column, row = (across + 0.5) * around.camera.width - 0.5, (0.5 - above) * around.camera.height - 0.5
    panorama = decode_rgb(around.load_image())
    maps = column.astype(np.float32), row.astype(np.float32)
    shown = cv2.remap(panorama, *maps, cv2.INTER_LINEAR, None, cv2.BORDER_WRAP)
    view = decode_rgb((views(folder) / str(k) / "rgb_rawlight.png").read_bytes()).astype(int)
    assert np.abs(shown - view).mean() < 15
    assert np.abs(shown[:, ::-1] - view).mean() > 25


def test_the_layout_is_the_room(folder: Path) -> None:
    truth = json.loads((folder / "truth.json").read_text())["room"]
    layout = read(folder).layout
    assert layout is not None
    (found,) = layout.rooms
    assert found.type == truth["kind"]
    turned = min((np.roll(found.outline[:, :2], k, axis=0) for k in range(4)), key=lambda p: p.sum(axis=1)[0])
    wanted = min((np.roll(truth["polygon"], k, axis=0) for k in range(4)), key=lambda p: p.sum(axis=1)[0])
    np.testing.assert_allclose(turned, wanted, atol=1e-9)
    assert sorted(layout.plane_types) == ["ceiling", "floor", "wall", "wall", "wall", "wall"]
    middle = np.array([0, 0, truth["height"] / 2])
    assert (layout.normals @ middle + layout.offsets > 0.5).all()
    heights = dict(zip(layout.plane_types, layout.offsets, strict=True))
    assert heights["floor"] == pytest.approx(0)
    assert heights["ceiling"] == pytest.approx(truth["height"])


def test_outlines_in_the_images_are_where_floor_and_ceiling_are(folder: Path) -> None:
    compared = 0
    for k in range(12):
        stated = json.loads((views(folder, "empty") / str(k) / "layout.json").read_text())
        kinds = classes(views(folder, "empty") / str(k) / "semantic.png")
        places = np.array([junction["coordinate"] for junction in stated["junctions"]])
        for plane in stated["planes"]:
            if plane["type"] == "wall":
                continue
            drawn = np.zeros(kinds.shape, np.uint8)
            cv2.fillPoly(drawn, [places[plane["visible_mask"][0]].astype(np.int32)], 1)
            seen = kinds == (2 if plane["type"] == "floor" else 22)
            if seen.sum() > 2000:
                assert (seen & (drawn > 0)).sum() / (seen | (drawn > 0)).sum() > 0.9
                compared += 1
    assert compared > 6
    lines = (folder / "2D_rendering" / str(write_structured3d.ROOM) / "panorama" / "layout.txt").read_text().split("\n")
    corners = np.array([line.split() for line in lines if line], int)
    assert corners.shape == (8, 2)
    assert (corners[::2, 0] == corners[1::2, 0]).all()
    assert (corners[::2, 1] < 64).all()
    assert (corners[1::2, 1] > 64).all()


def test_normals_face_the_camera(folder: Path, room: Room) -> None:
    for k in (1, 8):
        normals = decode_rgb((views(folder, "empty") / str(k) / "normal.png").read_bytes()) / 128.0 - 1
        floor = classes(views(folder, "empty") / str(k) / "semantic.png") == 2
        up = room.camera_to_world[k][2, :3] * (1, -1, 1)  # the world's z in the camera's axes, y up
        assert np.abs(normals[floor] - up).max() < 0.02 if floor.any() else k == 8
        np.testing.assert_allclose(np.linalg.norm(normals, axis=2), 1, atol=0.03)


def test_the_empty_room_has_no_furniture(folder: Path) -> None:
    for k in (0, 6):
        full, empty = views(folder) / str(k), views(folder, "empty") / str(k)
        assert set(np.unique(classes(empty / "semantic.png"))) <= {1, 2, 8, 9, 22}
        assert not (empty / "instance.png").exists()
        behind = numbers(empty / "depth.png").astype(int) - numbers(full / "depth.png")
        assert behind.min() >= -1
        assert np.mean(behind > 50) > 0.1
        furniture = numbers(full / "instance.png") < 65535
        assert np.abs(behind[~furniture]).max() <= 1


def test_rows_are_right(folder: Path, room: Room, tmp_path: Path) -> None:
    out = tmp_path / "rows"
    result = run(TASKS, folder, out, workers=0, per_scene=10, frames="every:1", images="path")
    assert not result.failures
    rows = [row for path in sorted(out.glob("data/*/*.parquet")) for row in pq.read_table(path).to_pylist()]
    assert len(rows) >= 40
    assert len([row for row in rows if row["task"] == "visual_correspondence"]) >= 4

    def wrong(row: dict[str, Any]) -> object:
        verdict = judge(room, {**row, "frame_ids": [name.split("/")[1] for name in row["frame_ids"]]})
        # Without a mesh the overlap is one of points fused on a grid, not of the mesh's vertices.
        return [*verdict.choice, *(fault for fault in verdict.faults if not fault.startswith("overlap"))]

    assert [(row["id"], faults) for row in rows if (faults := wrong(row))] == []


def test_doctor_finds_nothing_wrong(folder: Path) -> None:
    from spatialgen.pipeline import doctor

    report = doctor.diagnose([folder], list(TASKS))
    assert not report.broken


def test_noise_is_in_the_depth_alone(tmp_path: Path) -> None:
    (clean,) = synth.generate(tmp_path / "clean", **TINY)
    (noisy,) = synth.generate(tmp_path / "noisy", scan_noise=True, **TINY)
    before, after = digests(clean), digests(noisy)
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert {Path(name).name for name in changed} == {"depth.png", "truth.json"}
    depth, exact = (numbers(views(scene) / "1" / "depth.png").astype(float) for scene in (noisy, clean))
    assert np.mean(depth == 0) > 0.01
    assert 0.003 < np.median(np.abs(depth / exact - 1)[depth > 0]) < 0.03


def test_the_same_call_again_makes_only_what_is_missing(tmp_path: Path) -> None:
    first, second = synth.generate(tmp_path, scenes=2, **TINY)
    assert [first.name, second.name] == ["scene_00000", "scene_00001"]
    before = digests(tmp_path)
    (tmp_path / f".{first.name}.partial").mkdir()
    first.rename(tmp_path.parent / "moved")
    stamp = (second / "truth.json").stat().st_mtime_ns
    assert synth.generate(tmp_path, scenes=2, **TINY) == [first, second]
    assert (second / "truth.json").stat().st_mtime_ns == stamp
    assert digests(tmp_path) == before


def test_numbers_of_invalid_scenes_are_passed_over() -> None:
    names = [write_structured3d.scene_id(index) for index in range(3600)]
    assert len(set(names)) == 3600
    assert names[0] == "scene_00000"
    assert names[1154:1156] == ["scene_01154", "scene_01156"]
    assert not set(names) & {f"scene_{n:05d}" for n in (1155, 1192, 1714, 1816, 1852, 3398)}
