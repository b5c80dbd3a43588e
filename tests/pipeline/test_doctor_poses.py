"""Frames whose poses are wrong among right ones: told by their ids, and never said of right scenes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from support import tiny_colmap
from support.wrong_conventions import bare, examined

from spatialgen import scene_io
from spatialgen.core.types import Scene
from spatialgen.pipeline._doctor_geometry import examine_geometry
from spatialgen.pipeline._doctor_report import Problem, Report, SceneReport, TaskReport
from spatialgen.pipeline._doctor_table import UNDECIDED
from spatialgen.pipeline._doctor_words import Taken, convention_in_words
from spatialgen.pipeline.doctor import diagnose, format_table
from spatialgen.pipeline.self_test import Judgement, Kind
from spatialgen.synth import generate

Poses = list[np.ndarray]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Frames near each other, as a video's are, and a mesh."""
    root = tmp_path_factory.mktemp("video")
    generate(root, format="posed_images", frames=40, color_size=(64, 48), depth_size=(128, 96), seed=5)
    reader, _ = scene_io.detect(root)
    return reader.read(reader.scenes(root)[0])


@pytest.fixture(scope="module")
def video(furnished: Scene) -> Scene:
    return bare(furnished)


def with_poses(scene: Scene, change: Callable[[Poses], Poses]) -> Scene:
    """The scene with other poses, in the world its files are in."""
    poses = change([np.array(frame.raw_camera_to_world) for frame in scene.frames])
    frames = (
        replace(frame, camera=replace(frame.camera, camera_to_world=pose), raw_camera_to_world=None,
                depth_camera=replace(frame.depth_camera, camera_to_world=pose))
        for frame, pose in zip(scene.frames, poses, strict=True)
    )  # fmt: skip
    return replace(scene, frames=tuple(frames))


def broken(scene: Scene) -> list[str]:
    return [problem.what for problem in examined(scene).problems if problem.broken]


def lost(poses: Poses) -> Poses:
    return [*poses[:32], *([np.eye(4)] * 8)]


def held(poses: Poses) -> Poses:
    return [*poses[:30], *([poses[30]] * 10)]


def every_second_inverted(poses: Poses) -> Poses:
    return [np.linalg.inv(pose) if place % 2 else pose for place, pose in enumerate(poses)]


def away(poses: Poses) -> Poses:
    far = poses[17].copy()
    far[:3, 3] += 9.0
    return [*poses[:17], far, *poses[18:]]


def behind(poses: Poses) -> Poses:
    return [poses[0], *poses[:-1]]


def ahead(poses: Poses) -> Poses:
    return [*poses[2:], *poses[-2:]]


def elsewhere(poses: Poses) -> Poses:
    """A stretch was tracked to another place."""
    off = np.eye(4)
    off[:3, 3] = (0.0, 0.0, 0.7)
    return [pose @ off if 14 <= place < 20 else pose for place, pose in enumerate(poses)]


@pytest.mark.parametrize(
    ("change", "words", "named"),
    [
        (lost, "repeated/identity poses: 8 frames of 40 have the identity pose", "32, 33, 34, 35, 36, 37, 38, 39"),
        (held, "repeated/identity poses: 10 frames of 40 have one and the same pose", "30, 31"),
        (every_second_inverted, "poses look camera-to-world of some frames and world-to-camera of others", "frames"),
        (away, "frames do not fit the others: 1 pose of 40 far from those before and after", "frame 17"),
        (elsewhere, "frames do not fit the others: depth of", "contradicts that of their neighbours"),
        (ahead, "poses look paired with the wrong frames", "the pose of 2 frames earlier"),
        (behind, "poses look paired with the wrong frames", "the pose of 1 frame later"),
    ],
)
def test_wrong_poses_among_right_ones(video: Scene, change, words: str, named: str) -> None:
    found = broken(with_poses(video, change))
    assert [what.startswith(words) and named in what for what in found] == [True], found


def test_right_poses_are_not_accused(video: Scene) -> None:
    assert not examined(with_poses(video, list)).problems


def test_a_camera_that_stands_still_repeats_its_pose(video: Scene) -> None:
    frames = (*[video.frames[0]] * 12, *video.frames[1:])
    assert not examined(replace(video, frames=frames)).problems


def test_the_first_frame_may_be_where_the_world_begins(video: Scene) -> None:
    found = examined(with_poses(video, lambda poses: [np.linalg.inv(poses[0]) @ pose for pose in poses]))
    assert not found.problems


def test_repeated_poses_of_pictures_without_depth(video: Scene) -> None:
    """What frames see is told from their pictures."""
    frames = (replace(frame, depth_camera=None, load_depth=None) for frame in video.frames)
    pictures = replace(video, frames=tuple(frames))
    for change, count in ((list, 0), (lost, 1)):
        report = SceneReport("a", "any", "any", "/", None, "any")
        scene = replace(pictures, frames=tuple(
            replace(frame, camera=moved.camera, raw_camera_to_world=None)
            for frame, moved in zip(pictures.frames, with_poses(video, change).frames, strict=True)
        ))  # fmt: skip
        examine_geometry(scene, [], lambda index: None, Taken(), report)
        assert [p.what.startswith("repeated/identity poses: 8 frames") for p in report.problems] == [True] * count


def test_poses_far_too_small_are_named(video: Scene) -> None:
    for factor in (0.01, 0.001):
        size = np.ones((4, 4))
        size[:3, 3] = factor
        (what,) = broken(with_poses(video, lambda poses, size=size: [pose * size for pose in poses]))
        assert what.startswith(f"poses look {1 / factor:.0f} times too small for the depth")


def test_transposed_rotations_are_named(video: Scene) -> None:
    def transposed(poses: Poses) -> Poses:
        return [np.block([[pose[:3, :3].T, pose[:3, 3:]], [pose[3:]]]) for pose in poses]

    (what,) = broken(with_poses(video, transposed))
    assert what.startswith("rotations look transposed")


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_can_be_left_open_in_the_table(kind: Kind) -> None:
    report = SceneReport("a", "any", "any", "/", None, "any", depth_size=(4, 3))
    report.convention = Judgement("good", undecided=(kind,))
    assert f"conventions as stated (cannot tell: {UNDECIDED[kind]})" in format_table(Report((report,)))
    assert all(convention_in_words(Judgement("wrong", kind, 0.5, 0.01, axis="x", mesh_axis="y"), Taken(), 1000.0))


def test_lines_that_say_the_same_are_one() -> None:
    report = SceneReport("a", "any", "any", "/", None, "any", usable_frames=3)
    report.problems = [Problem("is cut short", f"{n}.png", "copy it again", broken=True) for n in range(3)]
    report.tasks = tuple(TaskReport(name, False, ("instances",), ("x.json",)) for name in ("s/one", "s/two"))
    lines = Counter(line.split()[0] for line in format_table(Report((report,))).splitlines() if line.startswith("  "))
    assert lines == {"BROKEN": 1, "cannot": 1}
    assert "s/one, s/two, which need instances: add x.json" in format_table(Report((report,)))
    assert "0.png and 2 more files: is cut short; copy it again" in format_table(Report((report,)))


def test_notes_that_nobody_needs_are_not_missing(tmp_path: Path) -> None:
    tiny_colmap.LAYOUTS["text"](tmp_path)
    for notes in tmp_path.rglob("scene.toml"):
        notes.unlink()
    report = diagnose([tmp_path], ["depth_comparison"])
    assert any(file.name == "scene.toml" and file.path is None for file in report.scenes[0].files)
    assert "missing  scene.toml" not in format_table(report)


def test_a_model_of_inverted_poses_is_told_what_colmap_holds() -> None:
    what, remedy = convention_in_words(
        Judgement("wrong", "inverted", error=0.01), Taken(world_to_camera=True, format="colmap"), None
    )
    assert what.startswith("poses look camera-to-world, not world-to-camera")
    assert remedy.startswith("COLMAP's images.txt holds world-to-camera; this one seems to hold camera-to-world")


@pytest.mark.parametrize("metres_per_unit", [1.0, None])
def test_the_mesh_says_that_depth_is_wrong(metres_per_unit: float | None) -> None:
    taken = Taken(stated_in=frozenset({"depth"}), metres_per_unit=metres_per_unit)
    _, remedy = convention_in_words(Judgement("wrong", "scale", 0.5, 0.001, on_mesh=True), taken, 1000.0)
    assert remedy == "state units_per_metre = 2000 under [depth] in scene.toml"


def test_a_sideways_axis_along_which_no_mesh_lies_level_is_broken(furnished: Scene) -> None:
    up = np.array([1.0, 1.0, 0.0]) / np.sqrt(2)
    report = SceneReport("a", "any", "any", "/", None, "any")
    load = [frame.load_depth for frame in furnished.frames]
    examine_geometry(replace(furnished, up=up), [0], lambda index: load[index](), Taken(up_stated=True), report)
    assert [problem.what[:22] for problem in report.problems if problem.broken] == ["up axis looks sideways"]
