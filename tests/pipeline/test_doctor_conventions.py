"""Wrong conventions by their names, right ones without a word: rendered rooms, clean and as a scanner brings them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import box_room, tiny_rgbd_folder, tiny_scannetpp, tiny_structured3d
from support.scannet_writer import write_posed
from support.wrong_conventions import MISTAKES, RARER, bare, examined, mistaken, part

from spatialgen import scene_io
from spatialgen.core.types import Camera, Scene
from spatialgen.pipeline.doctor import diagnose, format_table
from spatialgen.synth import generate


def read(root: Path) -> list[Scene]:
    reader, _ = scene_io.detect(root)
    return [reader.read(ref) for ref in reader.scenes(root)]


@pytest.fixture(scope="module", params=["clean", "scanned"])
def room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A furnished room; ``scanned``: bent mesh, shaken poses, a sensor's noise and holes."""
    root = tmp_path_factory.mktemp("room")
    generate(root, format="posed_images", frames=12, color_size=(160, 120), depth_size=(240, 180), seed=5,
             scan_noise=request.param == "scanned")  # fmt: skip
    return read(root)[0]


@pytest.mark.parametrize("with_mesh", [True, False])
def test_a_room_is_good(room: Scene, with_mesh: bool) -> None:
    report = examined(room if with_mesh else bare(room))
    assert not report.problems
    assert report.convention.verdict == report.depth_between_frames.verdict == "good"
    assert report.depth_between_frames.error < 0.02
    if with_mesh:
        assert report.depth_on_mesh.error < 0.02
        assert report.mesh_per_depth == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("with_mesh", [True, False])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(room: Scene, mistake: str, with_mesh: bool) -> None:
    report = examined(mistaken(room if with_mesh else bare(room), mistake))
    assert [problem.what.startswith(MISTAKES[mistake]) for problem in report.problems if problem.broken] == [True]
    assert report.depth_between_frames.verdict == "bad"
    assert report.convention.error < 0.03


@pytest.mark.parametrize("mistake", RARER)
def test_a_rarer_mistake_is_named(room: Scene, mistake: str) -> None:
    report = examined(mistaken(bare(room), mistake))
    assert [problem.what.startswith(RARER[mistake]) for problem in report.problems if problem.broken] == [True]
    assert report.convention.verdict == "wrong"
    assert report.convention.error < 0.03


def test_a_mesh_of_the_other_hand_is_named(room: Scene) -> None:
    """Depth and poses fit, the mesh is mirrored from them; or the poses are, and how to mend them is told."""
    frame = room.frames[0]
    alignment = frame.camera.camera_to_world @ np.linalg.inv(frame.raw_camera_to_world)
    mirror = alignment @ np.diag([1.0, -1, 1, 1]) @ np.linalg.inv(alignment)
    vertices = room.vertices @ mirror[:3, :3].T + mirror[:3, 3]
    mirrored = replace(room, vertices=vertices.astype(np.float32))
    (problem,) = (problem for problem in examined(mirrored).problems if problem.broken)
    assert problem.what.startswith("mesh looks mirrored along y of the poses' world (left-handed axes)")
    wrong = mistaken(room, "world mirrored along x")
    (problem,) = (problem for problem in examined(wrong).problems if problem.broken)
    assert problem.what.startswith(RARER["world mirrored along x"])
    assert "diag(-1, 1, 1, 1) T diag(-1, 1, 1, 1)" in problem.remedy


@pytest.mark.parametrize("factor", [0.75, 1.3])
def test_intrinsics_of_an_image_of_another_size(room: Scene, factor: float) -> None:
    def resized(camera: Camera) -> Camera:
        larger = camera.resized(round(factor * camera.width), round(factor * camera.height))
        return replace(camera, intrinsics=larger.intrinsics)

    frames = (
        replace(frame, camera=resized(frame.camera), depth_camera=resized(frame.depth_camera)) for frame in room.frames
    )
    report = examined(bare(replace(room, frames=tuple(frames))))
    (problem,) = report.problems
    assert problem.broken
    assert "intrinsics of an image of another size?" in problem.what
    assert report.convention.factor == pytest.approx(1 / factor, rel=0.03)
    focal = room.frames[0].depth_camera.intrinsics[0, 0]
    assert float(problem.remedy.split("look like ")[1].split(" ")[0]) == pytest.approx(focal, rel=0.03)


def test_exchanged_focal_lengths(room: Scene) -> None:
    """Of pixels that are not square: depth images squeezed to half their height."""
    frames = []
    for frame in room.frames:
        camera = frame.depth_camera
        squeezed = camera.resized(camera.width, camera.height // 2)
        k = squeezed.intrinsics.copy()
        k[0, 0], k[1, 1] = k[1, 1], k[0, 0]
        frames.append(
            replace(frame, depth_camera=replace(squeezed, intrinsics=k), load_depth=Squeezed(frame.load_depth))
        )
    (problem,) = examined(bare(replace(room, frames=tuple(frames)))).problems
    assert problem.what.startswith("focal lengths of columns and rows look exchanged")


class Squeezed:
    def __init__(self, load) -> None:
        self.load = load

    def __call__(self) -> np.ndarray:
        return np.ascontiguousarray(self.load()[::2])


@pytest.mark.parametrize(
    ("layout", "notes", "words", "remedy"),
    [
        ("picking", 'coding = "plain"\n', "depth looks bit-rotated", 'coding = "rotated" under [depth]'),
        ("redwood", 'coding = "rotated"\n', "depth looks like plain numbers", 'coding = "plain" under [depth]'),
    ],
)
def test_bits_of_depth_turned_or_not(tmp_path: Path, layout: str, notes: str, words: str, remedy: str) -> None:
    tiny_rgbd_folder.LAYOUTS[layout](tmp_path)
    (path,) = tmp_path.rglob("scene.toml")
    path.write_text(f"{path.read_text()}[depth]\n{notes}")
    report = diagnose([tmp_path], ["depth_comparison"])
    (problem,) = (problem for problem in report.scenes[0].problems if problem.broken)
    assert problem.what.startswith(words)
    assert remedy in problem.remedy
    assert not [task for task in report.scenes[0].tasks if not task.served]


def test_reflections_for_rotations_are_broken_outright(tmp_path: Path) -> None:
    tiny_rgbd_folder.LAYOUTS["sens_reader"](tmp_path)
    for path in tmp_path.rglob("pose/*.txt"):
        np.savetxt(path, np.diag([1.0, -1, 1, 1]) @ np.loadtxt(path))
    report = diagnose([tmp_path], ["depth_comparison"])
    assert report.broken
    (problem,) = report.scenes[0].problems
    assert "pose not rigid: 6" in problem.what
    assert "determinant -1, a left-handed world" in problem.remedy


def test_too_short_a_baseline_cannot_tell(room: Scene) -> None:
    """All frames from one place: every convention of translations and depth fits."""
    here = room.frames[0].camera.centre
    frames = []
    for frame in room.frames:
        pose = frame.camera.camera_to_world.copy()
        pose[:3, 3] = here
        moved = replace(frame.camera, camera_to_world=pose)
        depth_camera = replace(frame.depth_camera, camera_to_world=pose)
        frames.append(
            replace(frame, camera=moved, depth_camera=depth_camera, raw_camera_to_world=None,
                    load_depth=room.frames[0].load_depth)
        )  # fmt: skip
    report = examined(bare(replace(room, frames=tuple(frames[:1] * 6))))
    assert not report.problems
    assert report.convention.verdict == report.depth_between_frames.verdict == "cannot tell"


def test_mirrored_cameras_are_left_handed(room: Scene) -> None:
    mirror = np.diag([1.0, 1.0, -1.0, 1.0])
    frames = tuple(
        replace(
            frame,
            camera=replace(frame.camera, camera_to_world=frame.camera.camera_to_world @ mirror),
            raw_camera_to_world=None,
        )
        for frame in room.frames
    )
    report = examined(bare(replace(room, frames=frames)))
    assert report.mirrored == len(frames)
    assert any("look left-handed" in problem.what and problem.broken for problem in report.problems)


def test_cameras_upside_down_are_noted(room: Scene) -> None:
    turned = replace(room, up=-np.asarray(room.up))
    (problem,) = examined(turned).problems
    assert "upside down" in problem.what
    assert not problem.broken


@pytest.mark.parametrize("layout", tiny_structured3d.LAYOUTS)
def test_views_that_are_no_video_raise_no_alarm(tmp_path: Path, layout: str) -> None:
    tiny_structured3d.LAYOUTS[layout](tmp_path)
    report = diagnose([tmp_path], ["depth_comparison"])
    (scene,) = report.scenes
    assert not scene.problems
    assert scene.convention.verdict == "good"
    if layout != "empty":
        assert scene.labels_on == "pixels"
        assert 0.05 < scene.label_coverage < 0.95
        assert f"on {scene.label_coverage:.0%} of the pixels" in format_table(report)


@pytest.mark.parametrize("layout", tiny_scannetpp.LAYOUTS)
def test_a_phone_with_a_distorted_lens_is_good(tmp_path: Path, layout: str) -> None:
    tiny_scannetpp.LAYOUTS[layout](tmp_path)
    (scene,) = diagnose([tmp_path], ["depth_comparison"]).scenes
    assert not scene.problems
    assert scene.depth_between_frames.verdict == scene.convention.verdict == "good"
    assert scene.stream == "iphone"


def test_own_captures_are_told_what_to_state(tmp_path: Path) -> None:
    tiny_rgbd_folder.LAYOUTS["sens_reader"](tmp_path)
    (folder,) = (path.parent for path in tmp_path.rglob("pose") if path.is_dir())
    for path in (folder / "pose").glob("*.txt"):
        np.savetxt(path, np.linalg.inv(np.loadtxt(path)))
    (scene,) = diagnose([tmp_path], ["multispa"]).scenes
    (problem,) = (problem for problem in scene.problems if "look" in problem.what)
    assert problem.what.startswith("poses look world-to-camera: read as world_to_camera the poses would fit")
    assert problem.remedy == 'state convention = "world_to_camera" under [poses] in scene.toml'


def test_depth_on_another_scale_on_disk(tmp_path: Path) -> None:
    take = box_room.take(8)
    take.depths = [(depth * 2).astype(np.uint16) for depth in take.depths]
    write_posed(tmp_path / "posed_images" / "scene0001_00", take)
    report = diagnose([tmp_path], ["depth_comparison"])
    assert report.broken
    assert "depth scale looks wrong by a factor of 2: depth is 2 times too large for the poses" in format_table(report)


def test_parts_of_a_room(room: Scene) -> None:
    """Few frames: all neighbours are compared."""
    for start in (0, 3, 6):
        assert not examined(bare(part(room, start, start + 5))).problems
