"""What doctor finds: good scenes are called good, and each kind of damage is named."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from support import box_room, real_sequences, tiny_scannet, tiny_scannetpp, tiny_structured3d
from support.scannet_writer import encoded, write_posed, write_scan, write_sens

from spatialgen.core.types import TaskSpec
from spatialgen.errors import SceneError
from spatialgen.pipeline.doctor import diagnose, format_table

SCENE = tiny_scannet.SCENE


def task(name: str, *needs: str) -> TaskSpec:
    return TaskSpec(
        name=name, suite="any", engine=name, version="1", summary="", answer_type="number", units=("m",),
        text_unit="m", variants=("dot",), forms=("fill",), slots=frozenset(), required_slots=frozenset(), needs=needs,
    )  # fmt: skip


DEPTH, SIZE = task("depth", "image", "depth|mesh"), task("size", "image", "instances")


@pytest.mark.parametrize("layout", tiny_scannet.LAYOUTS)
def test_a_good_scene(tmp_path: Path, layout: str) -> None:
    tiny_scannet.LAYOUTS[layout](tmp_path)
    report = diagnose([tmp_path], [DEPTH, SIZE])
    (scene,) = report.scenes
    assert not report.broken, scene.problems
    assert (scene.frames, scene.usable_frames, scene.depth_frames) == (6, 6, 6)
    assert (scene.image_size, scene.depth_size) == (box_room.COLOR_SIZE, box_room.DEPTH_SIZE)
    assert scene.depth_coverage == 1.0
    assert scene.label_coverage == 1.0
    assert scene.instances == 5
    assert scene.depth_on_mesh.verdict == "good"
    assert scene.depth_on_mesh.error < 0.002
    assert scene.depth_between_frames.verdict == "good"
    assert scene.level_share == pytest.approx(24 / 59, abs=0.01)  # floor and ceiling of 59 square metres
    assert all(entry.served for entry in scene.tasks)
    assert [file.name for file in scene.files if file.path is None] == ["scannetv2-labels.combined.tsv"]
    assert json.loads(json.dumps(report.to_json()))["scenes"][0]["id"] == SCENE
    text = format_table(report)
    for word in (SCENE, "6 of 6 usable", "96 x 72", "64 x 48", "any/depth, any/size", "1 scene, none broken"):
        assert word in text


def test_what_is_missing_is_named_officially(tmp_path: Path) -> None:
    write_posed(tmp_path / "posed_images" / SCENE, box_room.take())
    report = diagnose([tmp_path / "posed_images"], [DEPTH, SIZE])
    assert not report.broken
    depth, size = report.scenes[0].tasks
    assert depth.served
    assert size.missing == ("instances",)
    assert size.files == ("<id>_vh_clean_2.ply", "<id>_vh_clean_2.0.010000.segs.json", "<id>.aggregation.json")
    assert "any/size, which needs instances: add <id>_vh_clean_2.ply" in format_table(report)


def test_frames_without_pose_are_counted(tmp_path: Path) -> None:
    take = box_room.take(8)
    take.poses[3] = np.full((4, 4), -np.inf)
    write_sens(tmp_path / "scans" / SCENE / f"{SCENE}.sens", take)
    report = diagnose([tmp_path], [DEPTH])
    assert (report.scenes[0].frames, report.scenes[0].usable_frames) == (8, 7)
    assert "7 of 8 usable, colour 96 x 72 (pose not finite: 1)" in format_table(report)


@pytest.mark.parametrize("layout", tiny_scannet.LAYOUTS)
def test_a_damaged_scene_breaks_the_report_but_not_the_next_scene(tmp_path: Path, layout: str) -> None:
    path = tiny_scannet.LAYOUTS[layout](tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    good = tmp_path / "scans" / "scene0999_00"
    write_sens(good / "scene0999_00.sens", box_room.take())
    report = diagnose([tmp_path], [DEPTH])
    assert report.broken
    assert [scene.broken for scene in report.scenes] == [True, False]
    assert report.scenes[0].problems[0].path == str(path)
    assert f"BROKEN   {path}" in format_table(report)
    assert "2 scenes, 1 broken" in format_table(report)


def test_a_damaged_image_and_depth_are_found(tmp_path: Path) -> None:
    folder = write_posed(tmp_path / "posed_images" / SCENE, box_room.take())
    for name in ("00000.jpg", "00005.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:-40])
    problems = diagnose([tmp_path], [DEPTH]).scenes[0].problems
    assert [problem.path for problem in problems] == [str(folder / "00000.jpg"), str(folder / "00005.png")]


def test_labels_of_another_mesh_are_broken_but_the_rest_is_served(tmp_path: Path) -> None:
    vertices, faces = box_room.mesh()
    segments, groups = box_room.annotation(vertices)
    folder = write_scan(tmp_path / "scans" / SCENE, vertices, faces, segments=segments[:-1], groups=groups)
    write_sens(folder / f"{SCENE}.sens", box_room.take())
    report = diagnose([tmp_path], [DEPTH, SIZE])
    scene = report.scenes[0]
    assert scene.broken
    assert [entry.served for entry in scene.tasks] == [True, False]
    (problem,) = scene.problems
    name = f"{SCENE}_vh_clean_2.0.010000.segs.json"
    assert problem.path == str(folder / name)
    assert f"BROKEN   {folder / name}: instances off: {name} has" in format_table(report)
    assert scene.depth_on_mesh.verdict == scene.depth_between_frames.verdict == "good"
    assert scene.level_share is not None


@pytest.mark.parametrize("layout", ["raw", "posed_images"])
def test_every_image_is_looked_at_for_its_end(tmp_path: Path, layout: str) -> None:
    """One cut file among many that no sample of decoded frames would meet."""
    take = box_room.take(40)
    take.images[22] = encoded(take.images[22], ".jpg")[:600]
    if layout == "raw":
        file = write_sens(tmp_path / "scans" / SCENE / f"{SCENE}.sens", take)
        name = f"{file}#frame=22"
    else:
        name = str(write_posed(tmp_path / "posed_images" / SCENE, take) / "00022.jpg")
    report = diagnose([tmp_path], [DEPTH])
    (scene,) = report.scenes
    assert [(problem.path, problem.what) for problem in scene.problems] == [
        (name, "the image is cut short after 600 bytes")
    ]
    assert (scene.images_checked, scene.images) == (80, 80)
    assert [entry.served for entry in scene.tasks] == [False]
    assert scene.tasks[0].files == (name,)
    assert "can      " not in format_table(report)
    assert "cannot   any/depth: mend what is BROKEN first" in format_table(report)
    assert scene.depth_between_frames.verdict == "good"


def dslr(root: Path) -> None:
    scene = root / "data" / tiny_scannetpp.SCENE
    tiny_scannetpp.write_scans(scene / "scans")
    tiny_scannetpp.write_dslr(scene / "dslr", undistorted=False)


MAPS = {
    # kind: what is written, the files a run loads besides colour and depth, options
    "instances": (tiny_structured3d.LAYOUTS["merged"], "instance.png", {}),
    "panes": (tiny_structured3d.LAYOUTS["merged"], "semantic.png", {}),
    "masks": (dslr, "resized_anon_masks/*.png", {"stream": "dslr"}),
}


@pytest.mark.parametrize("kind", MAPS)
@pytest.mark.parametrize("damage", ["cut", "empty", "of another size"])
def test_masks_and_maps_are_looked_at_too(tmp_path: Path, kind: str, damage: str) -> None:
    write, pattern, options = MAPS[kind]
    write(tmp_path)
    file = sorted(tmp_path.rglob(pattern))[0]
    small = cv2.imencode(".png", np.zeros((3, 3), np.uint16 if kind == "instances" else np.uint8))[1].tobytes()
    file.write_bytes({"cut": file.read_bytes()[:-20], "empty": b"", "of another size": small}[damage])
    report = diagnose([tmp_path], ["depth_comparison"], **options)
    assert report.broken
    paths = [problem.path for scene in report.scenes for problem in scene.problems if problem.stops]
    assert str(file) in paths or (damage, kind) == ("of another size", "masks")
    assert paths


def test_many_cut_images_are_summed_up(tmp_path: Path) -> None:
    folder = write_posed(tmp_path / "posed_images" / SCENE, box_room.take(12))
    for n in range(2, 11):
        (folder / f"{n:05d}.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    problems = diagnose([tmp_path], [DEPTH]).scenes[0].problems
    assert [Path(problem.path).name for problem in problems[:5]] == [f"{n:05d}.png" for n in range(2, 7)]
    assert [problem.what for problem in problems[5:]] == ["4 more images are cut short or empty"]


def test_of_a_large_scene_a_sample_is_looked_at_and_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spatialgen.pipeline._doctor_frames._ALL_FRAMES", 20)
    monkeypatch.setattr("spatialgen.pipeline._doctor_frames._LARGE_SAMPLE", 10)
    write_posed(tmp_path / "posed_images" / SCENE, box_room.take(21))
    report = diagnose([tmp_path], [DEPTH])
    assert (report.scenes[0].images_checked, report.scenes[0].images) == (10, 42)
    assert "both ends of 10 evenly spread ones of 42 images" in format_table(report)


def test_of_a_large_scene_empty_files_are_found_wherever_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spatialgen.pipeline._doctor_frames._ALL_FRAMES", 20)
    monkeypatch.setattr("spatialgen.pipeline._doctor_frames._LARGE_SAMPLE", 4)
    folder = write_posed(tmp_path / "posed_images" / SCENE, box_room.take(21))
    (folder / "00007.png").write_bytes(b"")
    (problem,) = diagnose([tmp_path], [DEPTH]).scenes[0].problems
    assert (problem.path, problem.what) == (str(folder / "00007.png"), "is empty")


def test_depth_that_cannot_be_read_serves_nothing(tmp_path: Path) -> None:
    """8-bit depth: a run would fail on the scene whatever the task, mesh or not."""
    vertices, faces = box_room.mesh()
    write_scan(tmp_path / "scans" / SCENE, vertices, faces)
    take = box_room.take()
    take.depths = [(depth // 20).astype(np.uint8) for depth in take.depths]
    folder = write_posed(tmp_path / "posed_images" / SCENE, take)
    scene = diagnose([tmp_path], [DEPTH]).scenes[0]
    assert scene.problems[0].path == str(folder / "00000.png")
    assert "16-bit" in scene.problems[0].what
    assert [entry.served for entry in scene.tasks] == [False]


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (np.linalg.inv, "read as world_to_camera the"),
        (lambda pose: pose @ np.diag([1.0, -1, -1, 1]), "read as camera_to_world with OpenGL axes"),
    ],
)
def test_poses_in_another_notation_are_found_out(tmp_path: Path, change, hint: str) -> None:
    take = box_room.take(8)
    take.poses = [change(pose) for pose in take.poses]
    write_posed(tmp_path / "posed_images" / SCENE, take)
    report = diagnose([tmp_path], [DEPTH])
    scene = report.scenes[0]
    assert report.broken
    assert scene.depth_between_frames.verdict == "bad"
    assert hint in format_table(report)


def test_a_mesh_of_another_place_is_found_out(tmp_path: Path) -> None:
    vertices, faces = box_room.mesh()
    folder = write_scan(tmp_path / "scans" / SCENE, vertices * 1.3, faces)
    write_sens(folder / f"{SCENE}.sens", box_room.take())
    scene = diagnose([tmp_path], [DEPTH]).scenes[0]
    assert scene.depth_on_mesh.verdict == "bad"
    assert scene.depth_between_frames.verdict == "good"
    assert scene.broken


def test_a_turned_world_is_noted(tmp_path: Path) -> None:
    vertices, faces = box_room.mesh()
    tilted = np.eye(4)
    tilted[:3, :3] = [[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]]
    folder = write_scan(tmp_path / "scans" / SCENE, vertices, faces, alignment=tilted)
    write_sens(folder / f"{SCENE}.sens", box_room.take())
    scene = diagnose([tmp_path], [DEPTH]).scenes[0]
    assert not scene.broken
    assert ["z may not be up" in problem.what for problem in scene.problems] == [True]


def test_too_little_motion_cannot_tell(tmp_path: Path) -> None:
    take = box_room.take(4)
    for pose in take.poses:
        pose[:3, 3] = take.poses[0][:3, 3]
    write_sens(tmp_path / "scans" / SCENE / f"{SCENE}.sens", take)
    report = diagnose([tmp_path], [DEPTH])
    assert not report.broken
    (scene,) = report.scenes
    assert scene.depth_between_frames.verdict == scene.convention.verdict == "cannot tell"
    assert "far enough apart" in scene.convention.note


def test_a_scan_without_frames_is_broken_where_no_other_folder_has_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vertices, faces = box_room.mesh()
    write_scan(tmp_path / "scans" / SCENE, vertices, faces)
    report = diagnose([tmp_path], [DEPTH])
    assert report.broken
    assert "BROKEN" in format_table(report)
    assert "<id>.sens" in format_table(report)
    write_posed(tmp_path / "posed_images" / "scene0001_00", box_room.take())
    with caplog.at_level(logging.WARNING):
        assert [scene.id for scene in diagnose([tmp_path], [DEPTH]).scenes] == ["scene0001_00"]
    assert "1 scene without frames" in caplog.text


def test_no_scenes_at_all(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="no scenes found"):
        diagnose([tmp_path], [DEPTH])


@pytest.mark.parametrize("name", real_sequences.SCENES)
def test_real_sequences_are_good(real_data: Path, tmp_path: Path, name: str) -> None:
    real_sequences.repack(real_data / name, tmp_path, "scannet")
    scene = diagnose([tmp_path], [DEPTH]).scenes[0]
    assert not scene.problems
    assert scene.depth_between_frames.verdict == scene.depth_on_mesh.verdict == "good"
    assert scene.depth_on_mesh.error < 0.01
