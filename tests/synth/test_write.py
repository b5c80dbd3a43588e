"""What is on disk, read back by a second reader."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from spatialgen import synth
from spatialgen.synth.labels import NYU40_IDS
from spatialgen.synth.render import depth_map, paint_image

from .conftest import SMALL, Disk
from .reading import alignment, read_facts, read_ply, read_sens, vertex_objects


def test_every_file_of_the_raw_layout_is_there_and_nothing_else(clean: Disk) -> None:
    names = {path.name.replace(clean.id, "ID") for path in clean.folder.iterdir()}
    assert names == {
        "ID.sens", "ID.txt", "ID.aggregation.json", "ID_vh_clean_2.ply", "ID_vh_clean_2.labels.ply",
        "ID_vh_clean_2.0.010000.segs.json", "truth.json", "truth.npz",
    }  # fmt: skip
    assert {path.name for path in clean.root.iterdir()} == {"scans", "synthetic.json", "scannetv2-labels.combined.tsv"}


def test_sens_header_and_frames(clean: Disk) -> None:
    sens = read_sens(clean.folder / f"{clean.id}.sens")
    assert (sens.version, sens.name, sens.codecs, sens.shift) == (4, "StructureSensor", (2, 1), 1000.0)
    assert (sens.color_size, sens.depth_size) == (SMALL["color_size"], SMALL["depth_size"])
    assert len(sens.frames) == 10
    assert sens.rest == 0
    np.testing.assert_array_equal(sens.extrinsic_color, np.eye(4))
    np.testing.assert_array_equal(sens.extrinsic_depth, np.eye(4))
    np.testing.assert_allclose(sens.intrinsic_color[:3, :3], clean.arrays["color_intrinsics"], rtol=1e-6)
    np.testing.assert_allclose(sens.intrinsic_depth[:3, :3], clean.arrays["depth_intrinsics"], rtol=1e-6)
    np.testing.assert_array_equal(sens.intrinsic_color[:, 3], (0, 0, 0, 1))


def test_frames_agree_with_the_truth_through_the_alignment_only(clean: Disk) -> None:
    sens = read_sens(clean.folder / f"{clean.id}.sens")
    turn = alignment(clean.folder / f"{clean.id}.txt")
    scene = synth.build_scene(3, 0, frames=10, **SMALL)
    for k, frame in enumerate(sens.frames):
        np.testing.assert_allclose(turn @ frame.pose, clean.arrays["camera_to_world"][k], atol=2e-6)
        assert np.linalg.norm(frame.pose[:3, 3] - clean.arrays["camera_to_world"][k, :3, 3]) > 0.5, "raw is not aligned"
        exact = depth_map(scene, scene.depth_cameras[k]).depth
        assert np.abs(frame.depth / 1000.0 - exact).max() <= 5.1e-4
        painted = paint_image(scene, scene.cameras[k]).astype(int)
        assert np.abs(frame.image.astype(int) - painted).mean() < 4, "JPEG of the very picture"
    angle = np.degrees(np.arctan2(turn[1, 0], turn[0, 0])) % 90
    assert 5 < angle < 85
    np.testing.assert_allclose(turn[2], (0, 0, 1, turn[2, 3]))


def test_mesh_labels_and_segments(clean: Disk) -> None:
    mesh = read_ply(clean.folder / f"{clean.id}_vh_clean_2.ply")
    labels = read_ply(clean.folder / f"{clean.id}_vh_clean_2.labels.ply")
    assert mesh.fields == ["x", "y", "z", "red", "green", "blue", "alpha"]
    assert labels.fields == [*mesh.fields, "label"]
    np.testing.assert_array_equal(mesh.positions, labels.positions)
    np.testing.assert_array_equal(mesh.faces, labels.faces)
    np.testing.assert_array_equal(mesh.faces, clean.arrays["faces"])
    assert (mesh.positions[:, :2] > 0).all()
    turn = alignment(clean.folder / f"{clean.id}.txt")
    np.testing.assert_allclose(mesh.positions @ turn[:3, :3].T + turn[:3, 3], clean.arrays["vertices"], atol=3e-6)
    objects, names = vertex_objects(clean.folder)
    np.testing.assert_array_equal(objects, clean.arrays["vertex_instance"])
    expected = np.array([NYU40_IDS[names[k]] for k in range(len(names))])
    np.testing.assert_array_equal(labels.vertices["label"], expected[objects])
    assert mesh.vertices["red"].std() > 20


def test_segments_are_an_oversegmentation_with_sparse_ids(clean: Disk) -> None:
    import json

    segments = json.loads((clean.folder / f"{clean.id}_vh_clean_2.0.010000.segs.json").read_text())["segIndices"]
    ids = np.unique(segments)
    assert len(ids) > 5 * len(clean.truth["objects"])
    assert ids.max() > 10 * len(ids)


def test_text_file_and_label_table(clean: Disk) -> None:
    facts = read_facts(clean.folder / f"{clean.id}.txt")
    assert (int(facts["colorWidth"]), int(facts["colorHeight"])) == SMALL["color_size"]
    assert int(facts["numColorFrames"]) == int(facts["numDepthFrames"]) == 10
    assert facts["sceneType"] == clean.truth["room"]["scene_type"]
    rows = [line.split("\t") for line in (clean.root / "scannetv2-labels.combined.tsv").read_text().splitlines()]
    assert {len(row) for row in rows} == {17}
    column = {name: k for k, name in enumerate(rows[0])}
    table = {row[column["raw_category"]]: int(row[column["nyu40id"]]) for row in rows[1:]}
    assert {thing["label"] for thing in clean.truth["objects"]} <= set(table)
    assert all(table[thing["label"]] == thing["nyu40id"] for thing in clean.truth["objects"])


def test_posed_images_hold_the_same_scene(clean: Disk, posed: Disk) -> None:
    folder = posed.root / "posed_images" / posed.id
    sens = read_sens(clean.folder / f"{clean.id}.sens")
    names = {path.name for path in folder.iterdir()}
    numbered = {f"{k:05d}.{kind}" for k in range(10) for kind in ("jpg", "png", "txt")}
    assert names == numbered | {"intrinsic.txt", "depth_intrinsic.txt"}
    assert not list(posed.folder.glob("*.sens"))
    for k, frame in enumerate(sens.frames):
        np.testing.assert_allclose(np.loadtxt(folder / f"{k:05d}.txt"), frame.pose, atol=1e-6)
        np.testing.assert_array_equal(cv2.imread(str(folder / f"{k:05d}.png"), cv2.IMREAD_UNCHANGED), frame.depth)
        np.testing.assert_array_equal(cv2.imread(str(folder / f"{k:05d}.jpg"))[..., ::-1], frame.image)
    np.testing.assert_allclose(np.loadtxt(folder / "intrinsic.txt"), sens.intrinsic_color, rtol=1e-6)
    np.testing.assert_allclose(np.loadtxt(folder / "depth_intrinsic.txt"), sens.intrinsic_depth, rtol=1e-6)
    np.testing.assert_array_equal(posed.arrays["vertices"], clean.arrays["vertices"])


def test_truth_states_everything_it_documents(clean: Disk) -> None:
    truth = clean.truth
    assert (truth["format"], truth["version"], truth["scene"]) == ("spatialgen-synthetic-truth", 1, clean.id)
    assert [thing["id"] for thing in truth["objects"]] == list(range(len(truth["objects"])))
    assert len(truth["cameras"]) == 10
    np.testing.assert_allclose([c["camera_to_world"] for c in truth["cameras"]], clean.arrays["camera_to_world"])
    assert not any(camera["dropped"] for camera in truth["cameras"])
    assert {r["relation"] for r in truth["relations"]} == {"stands_on", "hangs_on", "part_of_room"}
    np.testing.assert_allclose(truth["axis_alignment"], alignment(clean.folder / f"{clean.id}.txt"), atol=1e-8)
    polygon = np.array(truth["room"]["polygon"])
    x, y = polygon.T
    assert 0.5 * (x @ np.roll(y, -1) - y @ np.roll(x, -1)) == pytest.approx(np.ptp(x) * np.ptp(y)), "counter-clockwise"
    assert sum(thing["vertices"] for thing in truth["objects"]) == len(clean.arrays["vertices"])
