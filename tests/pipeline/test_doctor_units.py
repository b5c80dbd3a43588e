"""Lengths in another unit and up axes the wrong way: named on wrong scenes, never on right ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import tiny_colmap, tiny_nerfstudio, tiny_replica, tiny_rgbd_folder, tiny_tum
from support.wrong_conventions import bare

from spatialgen import scene_io
from spatialgen.core.types import Scene
from spatialgen.pipeline._doctor_geometry import examine_geometry
from spatialgen.pipeline._doctor_report import SceneReport
from spatialgen.pipeline._doctor_words import Taken, convention_in_words
from spatialgen.pipeline.doctor import diagnose
from spatialgen.pipeline.self_test import Judgement
from spatialgen.synth import generate

NAMES = (
    "too large", "too small", "up axis looks", "disagree", "depth scale", "transposed", "repeated/identity poses",
    "frames do not fit", "poses look", "does not fit",
)  # fmt: skip
TWICE = Judgement("wrong", "scale", 0.5, 0.001)
DEPTH = frozenset({"depth"})


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    root = tmp_path_factory.mktemp("room")
    generate(root, format="posed_images", frames=12, color_size=(160, 120), depth_size=(160, 120), seed=5)
    reader, _ = scene_io.detect(root)
    return bare(reader.read(reader.scenes(root)[0]))


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    root = tmp_path_factory.mktemp("dense")
    generate(root, format="posed_images", frames=240, color_size=(64, 48), depth_size=(128, 96), seed=5)
    reader, _ = scene_io.detect(root)
    return bare(reader.read(reader.scenes(root)[0]))


def enlarged(scene: Scene, factor: float) -> Scene:
    """The scene with poses in another unit."""
    size = np.ones((4, 4))
    size[:3, 3] = factor
    frames = []
    for frame in scene.frames:
        pose = frame.camera.camera_to_world * size
        frames.append(
            replace(frame, camera=replace(frame.camera, camera_to_world=pose), raw_camera_to_world=None,
                    depth_camera=replace(frame.depth_camera, camera_to_world=pose))
        )  # fmt: skip
    return replace(scene, frames=tuple(frames))


def examined(scene: Scene, taken: Taken) -> SceneReport:
    report = SceneReport(scene.id, scene.dataset, "any", "", None, "any")

    def load(index: int) -> np.ndarray:
        return scene.frames[index].load_depth()

    examine_geometry(scene, [0, 4, 8], load, taken, report)
    return report


@pytest.mark.parametrize("layouts", [tiny_colmap, tiny_nerfstudio, tiny_replica, tiny_rgbd_folder, tiny_tum])
def test_right_scenes_raise_no_alarm(tmp_path: Path, layouts) -> None:
    for name, write in layouts.LAYOUTS.items():
        write(tmp_path / name)
        for scene in diagnose([tmp_path / name], ["depth_comparison"]).scenes:
            assert not [problem.what for problem in scene.problems if any(word in problem.what for word in NAMES)]


def test_without_a_unit_the_unit_of_the_poses_is_to_be_stated() -> None:
    what, remedy = convention_in_words(TWICE, Taken(stated_in=DEPTH, metres_per_unit=1.0, unit_unknown=True), 1000.0)
    assert what.startswith(
        "depth and poses disagree by a factor of 2 (depth scale looks wrong by a factor of 2): depth"
    )
    assert remedy == "state metres_per_unit = 2 in scene.toml"


def test_with_a_unit_either_may_be_wrong() -> None:
    what, remedy = convention_in_words(TWICE, Taken(stated_in=DEPTH, metres_per_unit=0.5), 1000.0)
    assert what.startswith("depth scale looks wrong by a factor of 2: depth is 2 times too large for the poses")
    assert remedy.startswith("either state units_per_metre = 2000 under [depth] in scene.toml, ")
    assert "or state metres_per_unit = 1 in scene.toml" in remedy


def test_without_scene_toml_neither_can_be_stated() -> None:
    assert convention_in_words(TWICE, Taken(), 1000.0)[1] == "check the unit of depth images, poses and mesh"


@pytest.mark.parametrize("factor", [100.0, 1000.0])
def test_poses_in_centimetres_or_millimetres_are_broken(room: Scene, factor: float) -> None:
    report = examined(enlarged(room, factor), Taken(metres_per_unit=1.0))
    (problem,) = (problem for problem in report.problems if problem.broken)
    unit = {100.0: "centimetres", 1000.0: "millimetres"}[factor]
    assert problem.what.startswith(f"poses look {factor:.0f} times too large for the depth ({unit}?): in metres")
    assert problem.remedy == f"state metres_per_unit = {1 / factor} in scene.toml"
    assert report.convention.error < 0.01


@pytest.mark.parametrize("factor", [100.0, 1000.0])
def test_so_are_those_of_a_dense_video(dense: Scene, factor: float) -> None:
    """Neighbouring cameras stand so near each other that no distance between them is absurd."""
    poses = np.array([frame.camera.centre for frame in dense.frames])
    assert np.linalg.norm(np.diff(poses, axis=0), axis=1).max() < 0.06
    (problem,) = examined(enlarged(dense, factor), Taken(metres_per_unit=1.0)).problems
    assert problem.broken
    assert problem.what.startswith(f"poses look {factor:.0f} times too large for the depth")
    assert not examined(dense, Taken(metres_per_unit=1.0)).problems


def test_frames_that_share_nothing_have_their_unit_doubted_too(room: Scene) -> None:
    """Too few of them see the same for a unit to be tried, but rooms are not so far apart."""
    frames = tuple(
        replace(frame, camera=replace(frame.camera, camera_to_world=pose), raw_camera_to_world=None,
                depth_camera=replace(frame.depth_camera, camera_to_world=pose))
        for frame, pose in zip(room.frames, (turned(120.0 * n, (300.0 * n, 0, 1.5)) for n in range(12)), strict=True)
    )  # fmt: skip
    (problem,) = examined(replace(room, frames=frames), Taken(metres_per_unit=1.0)).problems
    assert problem.what.startswith("poses look many times too large for the depth (centimetres or millimetres?)")
    assert "metres_per_unit = 0.01 (centimetres) or 0.001 (millimetres)" in problem.remedy


def turned(degrees: float, centre: tuple[float, float, float]) -> np.ndarray:
    """A level camera, turned so far from the world's y axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    pose = np.eye(4)
    pose[:3, :3] = [[c, 0, -s], [s, 0, c], [0, -1, 0]]
    pose[:3, 3] = centre
    return pose


def test_a_kilometre_from_the_origin_is_no_failure_of_tracking_where_most_are(tmp_path: Path) -> None:
    tiny_rgbd_folder.LAYOUTS["pose_files"](tmp_path)
    for place, path in enumerate(sorted(tmp_path.rglob("poses/*.txt"))):
        pose = np.loadtxt(path).reshape(3, 4)
        pose[:, 3] *= 2000.0 if place else 1.0
        path.write_text(" ".join(map(str, pose.ravel())))
    (scene,) = diagnose([tmp_path], ["depth_comparison"]).scenes
    assert scene.broken
    (problem,) = (problem for problem in scene.problems if "out of range" in problem.what)
    assert problem.what == "pose out of range: 5 frames of 6"
    assert "(0.001 for millimetres)" in problem.remedy


def test_poses_in_metres_are_not(room: Scene) -> None:
    assert not examined(room, Taken(metres_per_unit=1.0)).problems


@pytest.mark.parametrize(
    ("up", "stated", "expected"),
    [
        ((0, 0, -1.0), True, ("up axis looks upside down", True)),
        ((0, 0, -1.0), False, ("the cameras are upside down", False)),
        ((0, 1.0, 0), True, ("up axis looks sideways", False)),
        ((0, 1.0, 0), False, None),
        ((0, 0, 1.0), True, None),
    ],
)
def test_an_up_axis_the_wrong_way(room: Scene, up, stated: bool, expected: tuple[str, bool] | None) -> None:
    report = examined(replace(room, up=np.array(up)), Taken(up_stated=stated))
    found = [(problem.what, problem.broken) for problem in report.problems]
    assert len(found) == (expected is not None), found
    if expected is not None:
        assert found[0][0].startswith(expected[0])
        assert found[0][1] == expected[1]


def test_a_camera_that_looks_down_may_have_its_up_sideways(room: Scene) -> None:
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    frames = tuple(replace(f, camera=replace(f.camera, camera_to_world=pose)) for f in room.frames)
    report = SceneReport(room.id, room.dataset, "any", "", None, "any")
    scene = replace(room, frames=frames, up=np.array([0.0, 0, 1]))
    examine_geometry(scene, [], lambda index: None, Taken(up_stated=True), report)
    assert not report.problems


def test_an_up_axis_stated_upside_down_on_disk(tmp_path: Path) -> None:
    tiny_rgbd_folder.LAYOUTS["redwood"](tmp_path)
    (notes,) = tmp_path.rglob("scene.toml")
    text = notes.read_text()
    assert 'up = "+z"' in text
    notes.write_text(text.replace('up = "+z"', 'up = "-z"'))
    report = diagnose([tmp_path], ["depth_comparison"])
    assert report.broken
    assert any(problem.what.startswith("up axis looks upside down") for problem in report.scenes[0].problems)
