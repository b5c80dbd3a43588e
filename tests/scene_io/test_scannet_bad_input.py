"""Damaged and contradictory files: one sentence that names the file and the next step."""

from __future__ import annotations

import json
import logging
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from support import box_room
from support.scannet_writer import write_ply, write_posed, write_scan, write_sens

from spatialgen.errors import ConfigError, SceneError
from spatialgen.scene_io import detect
from spatialgen.scene_io._mesh import mesh_counts, read_mesh
from spatialgen.scene_io.scannet import READER

SCENE = "scene0000_00"
VERTICES, FACES = box_room.mesh()
SEGMENTS, GROUPS = box_room.annotation(VERTICES)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    folder = tmp_path / "scans" / SCENE
    write_scan(folder, VERTICES, FACES, alignment=box_room.ALIGNMENT, segments=SEGMENTS, groups=GROUPS)
    write_sens(folder / f"{SCENE}.sens", box_room.take(3))
    return folder


def read(scan: Path, **more):
    (ref,) = READER.scenes(scan)
    return READER.read(ref, **more)


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    for path, message in ((tmp_path, "no scenes found"), (tmp_path / "nowhere", "no such file")):
        with pytest.raises(SceneError, match=message):
            detect(path)
    with pytest.raises(SceneError, match=r"scans/<id>/<id>\.sens"):
        detect(tmp_path, "scannet")
    with pytest.raises(SceneError, match="no scenes found"):
        READER.scenes(tmp_path)


@pytest.mark.parametrize(
    "name",
    [f"{SCENE}_vh_clean_2.ply", f"{SCENE}_vh_clean_2.0.010000.segs.json", f"{SCENE}.aggregation.json", f"{SCENE}.sens"],
)
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.99])
def test_a_file_cut_short_is_named(scan: Path, name: str, kept: float) -> None:
    path = scan / name
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(SceneError) as caught:
        read(scan)
    assert caught.value.path == str(path)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((16384, 16384, 64, 48), "colour images are 16384 x 16384, but frame 0 is 96 x 72"),
        ((96, 72, 16384, 16384), "depth images are 16384 x 16384, but frame 0 holds fewer"),
        ((96, 72, 32, 24), "depth images are 32 x 24, but frame 0 holds more"),
    ],
)
def test_a_sens_header_of_another_size_is_refused_when_the_scene_is_read(scan: Path, sizes, message: str) -> None:
    take = box_room.take(3)
    take.color_intrinsics = take.color_intrinsics @ np.diag([sizes[0] / 96, sizes[1] / 72, 1])
    path = write_sens(scan / f"{SCENE}.sens", take, sizes=sizes)
    tracemalloc.start()
    with pytest.raises(SceneError, match=message) as caught:
        read(scan)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.path == str(path)
    assert peak < 8 << 20


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_cut_image_is_named_when_it_is_loaded(tmp_path: Path, suffix: str) -> None:
    folder = write_posed(tmp_path / "posed_images" / SCENE, box_room.take(3))
    path = folder / f"00001{suffix}"
    path.write_bytes(path.read_bytes()[:-30])
    scene = read(folder)
    load = scene.frames[1].load_image if suffix == ".jpg" else scene.frames[1].load_depth
    with pytest.raises(SceneError, match="cut short") as caught:
        load()
    assert caught.value.path == str(path)


def test_depth_of_another_size_is_named(tmp_path: Path) -> None:
    folder = write_posed(tmp_path / "posed_images" / SCENE, box_room.take(3))
    (folder / "00002.png").write_bytes((write_posed(tmp_path / "x", _big()) / "00000.png").read_bytes())
    with pytest.raises(SceneError, match="32 x 48, the scene's other images are 64 x 48"):
        read(folder).frames[2].load_depth()


def _big():
    take = box_room.take(1)
    take.depths = [take.depths[0][:, :32]]
    return take


def test_missing_intrinsics_are_named(tmp_path: Path) -> None:
    folder = write_posed(tmp_path / "posed_images" / SCENE, box_room.take(3))
    (folder / "intrinsic.txt").unlink()
    with pytest.raises(SceneError, match=r"intrinsic\.txt is missing"):
        read(folder)


@pytest.mark.parametrize("text", ["", "a b c", "1 2 3 4", " ".join(["0"] * 16), " ".join(["nan"] * 16)])
def test_intrinsics_that_are_none(tmp_path: Path, text: str) -> None:
    folder = write_posed(tmp_path / "posed_images" / SCENE, box_room.take(3))
    (folder / "intrinsic.txt").write_text(text)
    with pytest.raises(SceneError, match=r"intrinsic\.txt"):
        read(folder)


def test_a_frame_that_is_there_twice(tmp_path: Path) -> None:
    folder = write_posed(tmp_path / "posed_images" / SCENE, box_room.take(3))
    (folder / "1.jpg").write_bytes((folder / "00001.jpg").read_bytes())
    with pytest.raises(SceneError, match="frame 1 is there twice"):
        read(folder)


@pytest.mark.parametrize("text", ["1 0 0", " ".join(["nan"] * 16), " ".join(map(str, (2 * np.eye(4)).ravel()))])
def test_an_alignment_that_is_none(scan: Path, text: str) -> None:
    (scan / f"{SCENE}.txt").write_text(f"axisAlignment = {text}\n")
    with pytest.raises(SceneError, match=rf"{SCENE}\.txt: axisAlignment"):
        read(scan)


def test_a_mesh_of_another_length_turns_instances_off_only(scan: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_scan(scan, VERTICES, FACES, alignment=box_room.ALIGNMENT, segments=SEGMENTS[:-5], groups=GROUPS)
    with caplog.at_level(logging.WARNING):
        scene = read(scan)
    assert "instances" not in scene.capabilities
    assert {"mesh", "depth"} <= scene.capabilities
    name = f"{SCENE}_vh_clean_2.0.010000.segs.json"
    what = f"has {len(SEGMENTS) - 5} entries, the mesh {len(SEGMENTS)} vertices"
    assert scene.skipped == {f"instances off: {name} {what}": 1}
    (warning,) = caplog.records
    assert str(scan / name) in warning.getMessage()
    assert "again" in warning.getMessage()


@pytest.mark.parametrize("missing", [".aggregation.json", "_vh_clean_2.0.010000.segs.json"])
def test_half_an_annotation_is_counted(scan: Path, missing: str) -> None:
    (scan / f"{SCENE}{missing}").unlink()
    scene = read(scan)
    assert "instances" not in scene.capabilities
    assert scene.skipped == {f"instances off: {SCENE}{missing} is missing": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segGroups": None}, "segGroups"),
        ({"segGroups": [{"objectId": 1, "segments": [1]}]}, r"segGroups\[0\]"),
        ({"segGroups": [{"label": "x", "segments": [1]}]}, "no objectId"),
        ({"segGroups": [{"objectId": 1, "label": "x", "segments": [1.5]}]}, "whole numbers"),
        ({"segGroups": [{"objectId": 1, "label": "x", "segments": [[1], [2, 3]]}]}, "whole numbers"),
    ],
)
def test_an_annotation_that_makes_no_sense(scan: Path, change: dict, message: str) -> None:
    path = scan / f"{SCENE}.aggregation.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SceneError, match=message) as caught:
        read(scan)
    assert caught.value.path == str(path)


def test_an_object_id_used_twice_turns_instances_off(scan: Path) -> None:
    write_scan(scan, VERTICES, FACES, segments=SEGMENTS, groups=[*GROUPS, GROUPS[0]])
    scene = read(scan)
    assert scene.skipped == {f"instances off: {SCENE}.aggregation.json uses an objectId twice": 1}


def test_annotation_of_the_other_mesh_is_never_mixed_in(scan: Path) -> None:
    path = scan / f"{SCENE}.aggregation.json"
    content = json.loads(path.read_text()) | {"segmentsFile": f"scannet.{SCENE}_vh_clean.segs.json"}
    path.write_text(json.dumps(content))
    assert read(scan).skipped == {f"instances off: {SCENE}.aggregation.json was made for the other mesh": 1}


def test_the_full_mesh_comes_with_its_own_annotation(scan: Path) -> None:
    (scan / f"{SCENE}_vh_clean_2.ply").unlink()
    write_scan(scan, VERTICES, FACES, full=True)
    assert "instances" not in read(scan).capabilities  # the _2 annotation is there, but for the other mesh
    write_scan(scan, VERTICES, FACES, full=True, segments=SEGMENTS, groups=GROUPS[:2])
    assert [instance.id for instance in read(scan).instances] == ["0", "7"]


# --- meshes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [False, True])
def test_meshes_binary_and_ascii(tmp_path: Path, text: bool) -> None:
    path = write_ply(tmp_path / "a.ply", VERTICES, FACES, text=text)
    vertices, faces = read_mesh(path)
    np.testing.assert_allclose(vertices, VERTICES, atol=1e-6)
    np.testing.assert_array_equal(faces, FACES)
    assert mesh_counts(path) == (len(VERTICES), len(FACES))


@pytest.mark.parametrize("text", [False, True])
def test_polygons_become_fans(tmp_path: Path, text: bool) -> None:
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 2, 0]], float)
    path = write_ply(tmp_path / "a.ply", square, [[0, 1, 2, 3], [0, 1, 2], [0, 1, 2, 4, 3]], text=text)
    _, faces = read_mesh(path)
    assert sorted(map(tuple, faces.tolist())) == [(0, 1, 2), (0, 1, 2), (0, 1, 2), (0, 2, 3), (0, 2, 4), (0, 4, 3)]


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("kept", [2, 50, 0.4, 0.97])
def test_a_mesh_cut_short(tmp_path: Path, text: bool, kept: float) -> None:
    path = write_ply(tmp_path / "a.ply", VERTICES, FACES, text=text)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept) if kept < 1 else int(kept)])
    with pytest.raises(SceneError, match=r"a\.ply"):
        read_mesh(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"element vertex 1014", b"element vertex 9999999999999", "9999999999999 vertex entries do not fit"),
        (b"property float x", b"property float q", "no x, y and z"),
        (b"vertex_indices", b"something_else", "vertex_indices"),
        (b"ply\nformat", b"poly\nformat", "not a PLY"),
    ],
)
def test_a_mesh_with_a_strange_header(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    path = write_ply(tmp_path / "a.ply", VERTICES, FACES)
    whole = path.read_bytes()
    assert old in whole
    path.write_bytes(whole.replace(old, new, 1))
    with pytest.raises(SceneError, match=message):
        read_mesh(path)


def test_a_mesh_with_wild_values(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="beyond"):
        read_mesh(write_ply(tmp_path / "a.ply", VERTICES, np.array([[0, 1, 5000]])))
    wild = VERTICES.copy()
    wild[3, 1] = np.nan
    with pytest.raises(SceneError, match="not finite"):
        read_mesh(write_ply(tmp_path / "b.ply", wild, FACES))


# --- labels ---------------------------------------------------------------------------------------------------


def test_nyu40_without_its_table(scan: Path) -> None:
    with pytest.raises(SceneError, match=r"scannetv2-labels\.combined\.tsv, which is not there; put it into"):
        read(scan, labels="nyu40")


@pytest.mark.parametrize(
    ("name", "text"), [("m.json", "[1]"), ("m.json", "{"), ("m.csv", "a,b,c\n"), ("m.csv", ""), (None, "")]
)
def test_a_mapping_file_that_is_none(scan: Path, tmp_path: Path, name: str | None, text: str) -> None:
    path = tmp_path / (name or "nowhere.csv")
    if name:
        path.write_text(text)
    with pytest.raises(ConfigError, match=path.name):
        read(scan, labels=str(path))
