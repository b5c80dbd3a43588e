"""Synthetic ScanNet++: the reader, cv2 and ray casting find what the truth says."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from support.dslr_oracle import DslrRoom
from support.multispa_oracle import Room, judge

from spatialgen import synth
from spatialgen.core.types import Scene
from spatialgen.errors import ConfigError, UnknownName
from spatialgen.media.images import decode_rgb
from spatialgen.media.video import Video
from spatialgen.pipeline import run
from spatialgen.scene_io.scannetpp import READER
from spatialgen.synth import write_scannetpp
from spatialgen.synth.colmap_model import write_colmap
from spatialgen.synth.render import paint_image

OPTIONS = {"format": "scannetpp", "seed": 3, "color_size": (320, 240)}
TINY = {**OPTIONS, "frames": 4, "color_size": (64, 48)}
TASKS = ("depth_comparison", "visual_correspondence", "camera_movement")


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Scenes are built once: these are tests of files, not of scenes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_scannetpp, "build_scene", functools.cache(synth.build_scene))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (made,) = synth.generate(tmp_path_factory.mktemp("scannetpp"), frames=24, **OPTIONS)
    return made


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "scans" / "truth.npz") as data:
        return dict(data)


def read(root: Path, stream: str = "iphone") -> Scene:
    (ref,) = READER.scenes(root, stream=stream)
    return READER.read(ref)


def linked(folder: Path, root: Path, *files: str) -> Path:
    """A scene that has only some of another's files."""
    for name in ("scans", "iphone/rgb.mkv", "iphone/depth.bin", *files):
        place = root / "data" / folder.name / name
        place.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(folder / name, place)
    return root / "data" / folder.name


def digests(root: Path) -> dict[str, str]:
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_iphone_is_read_back_as_it_was(folder: Path, truth: dict[str, np.ndarray]) -> None:
    scene = read(folder)
    assert [int(frame.id) for frame in scene.frames] == list(range(24))
    assert not scene.skipped
    assert scene.split == "train"
    room = Room(folder / "scans")
    for frame in scene.frames:
        k = int(frame.id)
        assert frame.depth_camera is not None
        assert frame.load_depth is not None
        np.testing.assert_allclose(frame.camera.camera_to_world, truth["camera_to_world"][k], atol=1e-9)
        np.testing.assert_allclose(frame.camera.intrinsics, truth["color_intrinsics"], atol=1e-9)
        np.testing.assert_allclose(frame.depth_camera.intrinsics, truth["depth_intrinsics"], atol=1e-9)
        assert frame.camera.model == "pinhole"
        if k % 8 == 0:
            gap = np.abs(frame.load_depth() - room.sensor(k))
            assert np.mean(gap <= 0.00101) > 0.999  # both round to millimetres


def test_the_mesh_and_its_objects_are_the_truths(folder: Path, truth: dict[str, np.ndarray]) -> None:
    scene = read(folder)
    assert scene.vertex_instance is not None
    np.testing.assert_array_equal(scene.vertices, truth["vertices"])
    np.testing.assert_array_equal(scene.faces, truth["faces"])
    ids = np.array([int(instance.id) for instance in scene.instances])
    np.testing.assert_array_equal(ids[scene.vertex_instance], truth["vertex_instance"])
    objects = json.loads((folder / "scans" / "truth.json").read_text())["objects"]
    assert {int(i.id): i.raw_label for i in scene.instances} == {thing["id"]: thing["label"] for thing in objects}
    assert min(ids) == 1


def test_objects_overlap_and_have_boxes(folder: Path) -> None:
    groups = json.loads((folder / "scans" / "segments_anno.json").read_text())["segGroups"]
    claimed = [segment for group in groups for segment in group["segments"]]
    assert len(claimed) > len(set(claimed)) + 10
    boxes = {thing["id"]: thing for thing in json.loads((folder / "scans" / "truth.json").read_text())["objects"]}
    for group in groups:
        box, axes = group["obb"], np.array(group["obb"]["normalizedAxes"]).reshape(3, 3)
        np.testing.assert_allclose(box["centroid"], boxes[group["objectId"]]["centre"])
        np.testing.assert_allclose(box["axesLengths"], boxes[group["objectId"]]["size"])
        np.testing.assert_allclose(axes.T, boxes[group["objectId"]]["rotation"])


def test_every_file_of_poses_states_the_same_cameras(folder: Path, tmp_path: Path) -> None:
    sources = {
        "colmap": ("iphone/colmap/cameras.txt", "iphone/colmap/images.txt"),
        "nerfstudio": ("iphone/nerfstudio/transforms.json",),
        "arkit": ("iphone/pose_intrinsic_imu.json",),
    }
    scenes = {}
    for name, files in sources.items():
        linked(folder, tmp_path / name, *files)
        scenes[name] = read(tmp_path / name)
    place = linked(folder, tmp_path / "binary")
    cameras = [frame.camera for frame in scenes["arkit"].frames]
    names = [f"frame_{int(frame.id):06d}.jpg" for frame in scenes["arkit"].frames]
    nothing = (np.zeros((2, 3), np.float32), np.zeros((2, 3), np.uint8))
    write_colmap(place / "iphone" / "colmap", names, cameras, nothing, binary=True)
    scenes["binary"] = read(tmp_path / "binary")
    for other in ("colmap", "nerfstudio", "binary"):
        for a, b in zip(scenes["arkit"].frames, scenes[other].frames, strict=True):
            assert a.id == b.id
            np.testing.assert_allclose(a.camera.camera_to_world, b.camera.camera_to_world, atol=1e-9)
            np.testing.assert_allclose(a.camera.intrinsics, b.camera.intrinsics, atol=1e-9)
    entries = json.loads((folder / "iphone" / "pose_intrinsic_imu.json").read_text())
    raw, aligned = (np.array([entry[key] for entry in entries.values()]) for key in ("pose", "aligned_pose"))
    to_mesh = aligned @ np.linalg.inv(raw)  # one rigid move for all frames, and not a small one
    np.testing.assert_allclose(to_mesh, np.broadcast_to(to_mesh[0], to_mesh.shape), atol=1e-9)
    assert np.abs(to_mesh[0] - np.eye(4)).max() > 0.5


def test_the_video_shows_the_painted_images(folder: Path) -> None:
    scene = write_scannetpp.build_scene(3, 0, frames=24, color_size=(320, 240), depth_size=(256, 192))
    video = Video(folder / "iphone" / "rgb.mkv")
    assert len(video) == 24
    for k in (0, 7, 21, 3):
        painted = paint_image(scene, scene.cameras[k])
        assert np.abs(video.rgb(k).astype(int) - painted).mean() < 4
        assert np.abs(video.rgb(k).astype(int) - paint_image(scene, scene.cameras[(k + 4) % 24])).mean() > 12
    assert 2 <= len(video._index.keys) < 12


def test_no_file_of_the_release_is_missing_and_no_pixel_hidden(folder: Path) -> None:
    (ref,) = READER.scenes(folder)
    assert [note.name for note in READER.inventory(ref).files if note.path is None] == []
    frames = read(folder).frames
    for k in (0, 21, 5, 23):
        load = frames[k].load_valid
        assert load is not None
        valid = load()
        assert valid.shape == (240, 320)
        assert valid.all()


@pytest.mark.parametrize("coding", ["lz4", "deflate_blocks", "deflate_stream"])
def test_depth_in_each_coding(coding: str, tmp_path: Path) -> None:
    (folder,) = synth.generate(tmp_path, depth_coding=coding, **TINY)
    room = Room(folder / "scans")
    frames = read(folder).frames
    for k in (3, 0):
        load = frames[k].load_depth
        assert load is not None
        exact, _ = room._grid(k, room.depth_intrinsics, 256, 192)
        error = np.abs(load() - exact)
        assert np.mean(error <= (0.0006 if coding == "lz4" else 0.0002)) > 0.999


@pytest.mark.parametrize("stream", ["dslr", "dslr_undistorted"])
def test_the_dslr_is_read_back_as_it_was(folder: Path, truth: dict[str, np.ndarray], stream: str) -> None:
    scene = read(folder, stream)
    names = [str(name).removesuffix(".JPG") for name in truth["dslr_names"]]
    good = np.array(names)[~truth["dslr_bad"]]
    assert dict(scene.skipped) == {"image marked is_bad": 1}
    assert [frame.id for frame in scene.frames] == good.tolist()
    bent = stream == "dslr"
    for frame in scene.frames:
        place = names.index(frame.id)
        np.testing.assert_allclose(frame.camera.camera_to_world, truth["dslr_camera_to_world"][place], atol=1e-9)
        wanted = truth["dslr_intrinsics" if bent else "dslr_undistorted_intrinsics"]
        np.testing.assert_allclose(frame.camera.intrinsics, wanted, atol=1e-9)
        assert frame.camera.model == ("opencv_fisheye" if bent else "pinhole")
        assert frame.camera.distortion == (tuple(truth["dslr_distortion"]) if bent else ())
    hidden = [float(np.mean(~frame.load_valid())) for frame in scene.frames if frame.load_valid is not None]
    assert len(hidden) == 7
    assert hidden[1] > 0.02
    assert max(hidden[0], *hidden[2:]) < 0.01
    lists = json.loads((folder / "dslr" / "train_test_lists.json").read_text())
    assert sorted(lists["train"] + lists["test"]) == truth["dslr_names"].tolist()
    assert lists["test"] == truth["dslr_names"][truth["dslr_test"]].tolist() != []


def test_fisheye_images_undistort_to_the_undistorted_ones(folder: Path, truth: dict[str, np.ndarray]) -> None:
    width, height = (int(v) for v in truth["dslr_size"])
    maps = cv2.fisheye.initUndistortRectifyMap(
        truth["dslr_intrinsics"], truth["dslr_distortion"], np.eye(3), truth["dslr_undistorted_intrinsics"],
        (width, height), cv2.CV_32FC1,
    )  # fmt: skip
    for name in ("DSC01750.JPG", "DSC01754.JPG"):
        bent = decode_rgb((folder / "dslr" / "resized_images" / name).read_bytes())
        flat = decode_rgb((folder / "dslr" / "resized_undistorted_images" / name).read_bytes())
        remapped = cv2.remap(bent, *maps, cv2.INTER_LINEAR)
        assert np.abs(remapped.astype(int) - flat).mean() < 6
        assert np.abs(bent.astype(int) - flat).mean() > 10


def test_tables_beside_the_scenes(folder: Path) -> None:
    root = folder.parent.parent
    assert (root / "splits" / "nvs_sem_train.txt").read_text().split() == [folder.name]
    classes = (root / "metadata" / "semantic_classes.txt").read_text().splitlines()
    (ref,) = READER.scenes(root)
    mapped = READER.read(ref, labels=str(root / "metadata" / "semantic_benchmark" / "map_benchmark.csv"))
    raw = READER.read(ref)
    assert {i.raw_label for i in raw.instances} <= set(classes)
    assert {"wall", "floor"} <= {i.label for i in raw.instances}
    assert not {"wall", "floor"} & {i.label for i in mapped.instances}
    assert list(json.loads((root / "metadata" / "scene_types.json").read_text())) == [folder.name]


def rows_of(root: Path, out: Path, stream: str) -> list[dict[str, Any]]:
    result = run(TASKS, root, out, workers=0, per_scene=10, frames="every:1", images="path", stream=stream)
    assert not result.failures
    return [row for path in sorted(out.glob("data/*/*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_rows_of_the_iphone_are_right(folder: Path, tmp_path: Path) -> None:
    rows, room = rows_of(folder, tmp_path / "rows", "iphone"), Room(folder / "scans")
    assert len(rows) >= 40
    assert {row["task"].rsplit("_", 1)[0] for row in rows} >= {"depth", "visual", "camera_movement"}
    assert [(row["id"], verdict) for row in rows if not (verdict := judge(room, row)).right] == []


def test_rows_of_the_fisheye_are_right(folder: Path, tmp_path: Path) -> None:
    rows, room = rows_of(folder, tmp_path / "rows", "dslr"), DslrRoom(folder / "scans")
    assert len([row for row in rows if row["task"] == "depth_comparison"]) == 10
    assert len([row for row in rows if row["task"] == "visual_correspondence"]) >= 4
    assert [(row["id"], verdict) for row in rows if not (verdict := judge(room, room.numbered(row))).right] == []


def test_doctor_finds_nothing_wrong(folder: Path) -> None:
    from spatialgen.pipeline import doctor

    report = doctor.diagnose([folder], list(TASKS))
    assert not report.broken


def test_noise_is_the_phones(folder: Path, tmp_path: Path, truth: dict[str, np.ndarray]) -> None:
    (noisy,) = synth.generate(tmp_path, **{**OPTIONS, "frames": 24, "scan_noise": True})
    with np.load(noisy / "scans" / "truth.npz") as data:
        dropped, poses = data["dropped"], data["camera_to_world"]
    np.testing.assert_array_equal(poses, truth["camera_to_world"])
    assert dropped.sum() == 2
    scene, clean = read(noisy), read(folder)
    assert [int(frame.id) for frame in scene.frames] == np.flatnonzero(~dropped).tolist()
    for frame in scene.frames:
        np.testing.assert_allclose(frame.camera.camera_to_world, poses[int(frame.id)], atol=1e-9)
    entries = json.loads((noisy / "iphone" / "pose_intrinsic_imu.json").read_text())
    drift = [
        np.linalg.norm(np.array(entry["aligned_pose"])[:3, 3] - poses[int(name[6:])][:3, 3])
        for name, entry in entries.items()
        if "aligned_pose" in entry
    ]
    assert len(drift) == 22
    assert 0.001 < np.median(drift) < max(drift) < 0.0101
    np.testing.assert_array_equal(scene.vertices, clean.vertices)
    load, exact = scene.frames[0].load_depth, clean.frames[int(scene.frames[0].id)].load_depth
    assert load is not None
    assert exact is not None
    depth, right = load(), exact()
    assert 0.01 < np.mean(depth == 0) < 0.8
    assert 0.003 < np.median(np.abs(depth / right - 1)[depth > 0]) < 0.03


def test_the_same_call_again_makes_only_what_is_missing(tmp_path: Path) -> None:
    first, second = synth.generate(tmp_path, scenes=2, **TINY)
    before = digests(tmp_path)
    stamp = (second / "scans" / "truth.json").stat().st_mtime_ns
    (tmp_path / f".{first.name}.partial").mkdir()
    for path in sorted(first.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    first.rmdir()
    assert synth.generate(tmp_path, scenes=2, **TINY) == [first, second]
    assert (second / "scans" / "truth.json").stat().st_mtime_ns == stamp
    assert digests(tmp_path) == before
    assert synth.generate(tmp_path, **TINY) == [first]  # fewer are asked for than there are
    assert digests(tmp_path) == before
    assert READER.scenes(tmp_path)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="320 x 241"):
        synth.generate(tmp_path / "a", format="scannetpp", color_size=(320, 241))
    with pytest.raises(UnknownName, match="coding"):
        synth.generate(tmp_path / "a", format="scannetpp", depth_coding="zstd")  # type: ignore[arg-type]
    assert not (tmp_path / "a").exists()
    assert len({write_scannetpp.scene_id(0, index) for index in range(10_000)}) == 10_000
