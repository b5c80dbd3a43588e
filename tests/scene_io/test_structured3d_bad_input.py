"""Cut, lying and odd files of Structured3D: an error that names the file, or one view or object less, never a crash."""

from __future__ import annotations

import json
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support import structured3d_writer as writer
from support.structured3d_writer import write_panorama, write_scene

from spatialgen.core.types import Scene
from spatialgen.errors import SceneError
from spatialgen.scene_io.structured3d import READER

SCENE = "scene_00007"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_scene(tmp_path / SCENE, views=2)


@pytest.fixture
def view(folder: Path) -> Path:
    return folder / "2D_rendering" / "90" / "perspective" / "full" / "0"


def read(folder: Path, stream: str | None = None) -> Scene:
    (ref,) = READER.scenes(folder, stream=stream)
    return READER.read(ref)


def use(scene: Scene) -> None:
    """Everything a run would load."""
    for frame in scene.frames:
        frame.load_image()
        for load in (frame.load_depth, frame.load_instances, frame.load_valid):
            if load is not None:
                load()


def refused(folder: Path, path: Path) -> SceneError:
    with pytest.raises(SceneError) as caught:
        use(read(folder))
    assert caught.value.path == str(path)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("name", ["rgb_rawlight.png", "depth.png", "semantic.png", "instance.png"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_cut_images_are_named(folder: Path, view: Path, name: str, share: float) -> None:
    data = (view / name).read_bytes()
    (view / name).write_bytes(data[: int(share * len(data))])
    assert any(
        word in refused(folder, view / name).what for word in ("cut short", "not a PNG", "more than its", "header")
    )


def stating(data: bytes, width: int, height: int) -> bytes:
    """The same PNG file with another size in its header."""
    header = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


@pytest.mark.parametrize("name", ["rgb_rawlight.png", "depth.png", "semantic.png", "instance.png"])
@pytest.mark.parametrize("size", [(40_000, 40_000), (161, 90), (0, 90)])
def test_lying_sizes_are_refused_before_anything_is_decoded(
    folder: Path, view: Path, name: str, size: tuple[int, int]
) -> None:
    (view / name).write_bytes(stating((view / name).read_bytes(), *size))
    tracemalloc.start()
    with pytest.raises(SceneError) as caught:
        use(read(folder))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
    # Of two sizes nobody can say which one lies: where it is the first colour image's, the next file is named.
    assert str(view / name) in str(caught.value) or name == "rgb_rawlight.png"


@pytest.mark.parametrize("name", ["bbox_3d.json", "annotation_3d.json"])
@pytest.mark.parametrize("text", ["", "{", "[1, 2", '"text"', "null", "\ud800", "9" * 5000, "[" * 100_000])
def test_json_that_is_none_is_named(folder: Path, name: str, text: str) -> None:
    (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    refused(folder, folder / name)


def without(key: str) -> Callable[[Any], Any]:
    return lambda loaded: {name: value for name, value in loaded.items() if name != key}


def with_value(key: str, value: Any) -> Callable[[Any], Any]:
    return lambda loaded: {**loaded, key: value}


@pytest.mark.parametrize(
    "change",
    [
        *[
            without(key)
            for key in ("junctions", "lines", "planes", "semantics", "planeLineMatrix", "lineJunctionMatrix")
        ],
        with_value("planeLineMatrix", [[1, 0], [1]]),
        with_value("planeLineMatrix", [[1]]),
        with_value("lineJunctionMatrix", "text"),
        with_value("junctions", [{"ID": 0}]),
        with_value("junctions", [1, 2]),
        lambda loaded: {**loaded, "junctions": [{**j, "coordinate": [1e300, 0, 0]} for j in loaded["junctions"]]},
        lambda loaded: {**loaded, "junctions": [{**j, "coordinate": [0, 0]} for j in loaded["junctions"]]},
        lambda loaded: {**loaded, "planes": [{**p, "normal": [0, 0, 0]} for p in loaded["planes"]]},
        lambda loaded: {**loaded, "planes": [{**p, "offset": float("nan")} for p in loaded["planes"]]},
        lambda loaded: {**loaded, "semantics": [{"ID": 1, "type": "study", "planeID": [10_000]}]},
        lambda loaded: {**loaded, "semantics": [{"ID": 1, "type": "study", "planeID": ["0"]}]},
        lambda loaded: {**loaded, "semantics": [{"ID": 1, "type": "study"}]},
    ],
)
def test_annotations_that_contradict_themselves_are_named(folder: Path, change: Callable[[Any], Any]) -> None:
    path = folder / "annotation_3d.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    refused(folder, path)


def test_an_annotation_of_nothing_has_no_rooms(folder: Path) -> None:
    keys = ("junctions", "lines", "planes", "semantics", "planeLineMatrix", "lineJunctionMatrix")
    (folder / "annotation_3d.json").write_text(json.dumps({key: [] for key in keys}))
    assert read(folder).layout.rooms == ()


@pytest.mark.parametrize(
    "record",
    [
        {},
        7,
        {"ID": "a"},
        {"ID": -1},
        {"ID": 5},
        {"ID": 5, "basis": [[1, 0], [0, 1]], "coeffs": [1, 1, 1], "centroid": [0, 0, 0]},
        {"ID": 5, "basis": [[1, 0, 0]] * 3, "coeffs": [1, 1], "centroid": [0, 0, 0]},
        {"ID": 5, "basis": [[1, 0, 0]] * 3, "coeffs": [1, 1, 1], "centroid": "middle"},
    ],
)
def test_boxes_that_cannot_be_read_are_named(folder: Path, record: Any) -> None:
    (folder / "bbox_3d.json").write_text(json.dumps([*writer.boxes(), record]))
    refused(folder, folder / "bbox_3d.json")


GOOD = [1000, 1000, 1500, 1, 0, 0, 0, 0, 1, 0.6, 0.4, 1]


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ("", "camera file cut short or unreadable, such as {path}"),
        ("1 2 3", "camera file cut short or unreadable, such as {path}"),
        (" ".join(["x"] * 12), "camera file cut short or unreadable, such as {path}"),
        ([*GOOD[:3], 0, 0, 0, *GOOD[6:]], "camera direction and up do not make a view"),
        ([*GOOD[:6], 2, 0, 0, *GOOD[9:]], "camera direction and up do not make a view"),
        ([*GOOD[:6], 1, 1e-4, 0, *GOOD[9:]], "camera direction and up do not make a view"),
        ([*GOOD[:3], "nan", 0, 0, *GOOD[6:]], "camera direction and up do not make a view"),
        ([*GOOD[:3], 1e300, 0, 0, *GOOD[6:]], "camera direction and up do not make a view"),
        ([*GOOD[:9], 0, 0.4, 1], "field of view not between 0 and 180 degrees"),
        ([*GOOD[:9], 0.6, 1.6, 1], "field of view not between 0 and 180 degrees"),
        ([*GOOD[:9], "nan", 0.4, 1], "field of view not between 0 and 180 degrees"),
        (["nan", *GOOD[1:]], "pose not finite"),
        ([1e9, *GOOD[1:]], "pose out of range"),
    ],
)
def test_cameras_that_are_none_cost_their_view(folder: Path, view: Path, numbers: str | list[Any], reason: str) -> None:
    text = numbers if isinstance(numbers, str) else " ".join(map(str, numbers))
    (view / "camera_pose.txt").write_text(text)
    scene = read(folder)
    assert [frame.id for frame in scene.frames] == ["485142/0"]
    path = (view / "camera_pose.txt").relative_to(folder.parent).as_posix()
    assert scene.skipped[reason.format(path=path)] == 1
    (folder / "2D_rendering" / "485142" / "perspective" / "full" / "0" / "camera_pose.txt").unlink()
    with pytest.raises(SceneError, match=r"no view has a usable camera_pose\.txt \(.*no readable") as caught:
        read(folder)
    assert caught.value.remedy == "unpack Structured3D_perspective_full_*.zip again"


def test_a_panorama_without_place_is_left_out(folder: Path) -> None:
    for index, room in enumerate(writer.ROOM_IDS):
        write_panorama(folder, room, index)
    (folder / "2D_rendering" / "90" / "panorama" / "camera_xyz.txt").write_text("1 2")
    scene = read(folder, "panorama")
    assert [frame.id for frame in scene.frames] == ["485142/panorama"]
    path = f"{folder.name}/2D_rendering/90/panorama/camera_xyz.txt"
    assert scene.skipped[f"camera file cut short or unreadable, such as {path}"] == 1


def test_cut_camera_files_alone_are_refused_by_name(folder: Path) -> None:
    paths = sorted(folder.rglob("camera_pose.txt"))
    for path in paths:
        path.write_text("1 2 3")
    with pytest.raises(SceneError, match="cut short or unreadable: 2") as caught:
        read(folder)
    assert caught.value.path in map(str, paths)
    assert caught.value.remedy == "unpack Structured3D_perspective_full_*.zip again"


@pytest.mark.parametrize(
    ("name", "pixels", "what"),
    [
        ("instance.png", np.zeros((90, 160), np.uint8), "16-bit grey image of object ids"),
        ("instance.png", np.zeros((90, 160, 3), np.uint16), "16-bit grey image of object ids"),
        ("semantic.png", np.zeros((90, 160, 3), np.uint8), "palette image of class numbers"),
        ("semantic.png", np.zeros((90, 160), np.uint16), "palette image of class numbers"),
        ("depth.png", np.zeros((90, 160), np.uint8), "must be 16-bit grey"),
    ],
)
def test_images_of_another_kind_are_named(folder: Path, view: Path, name: str, pixels: np.ndarray, what: str) -> None:
    cv2.imwrite(str(view / name), pixels)
    assert what in refused(folder, view / name).what


def test_classes_and_ids_nobody_knows_mean_nothing(folder: Path, view: Path) -> None:
    classes = np.full(writer.SIZE[::-1], 200, np.uint8)
    (view / "semantic.png").write_bytes(writer.palette_png(classes))
    (folder / "bbox_3d.json").write_text(json.dumps([{**box, "ID": box["ID"] + 70_000} for box in writer.boxes()]))
    use(scene := read(folder))
    assert {i.id for i in scene.instances if i.box is not None} == {str(70_000 + n) for n in (3, 17, 25, 77, 400)}
    assert max(frame.load_instances().max() for frame in scene.frames) < 4


def test_a_directory_in_place_of_a_file_is_named(folder: Path) -> None:
    (folder / "bbox_3d.json").unlink()
    (folder / "bbox_3d.json").mkdir()
    assert all(instance.box is None for instance in read(folder).instances)
