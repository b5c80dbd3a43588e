"""TUM RGB-D: association in time, the three cameras, bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import box_room, tiny_tum
from support.capture_writer import write_image, write_notes

from spatialgen.errors import SceneError
from spatialgen.scene_io.tum import READER


def read(root: Path):
    (ref,) = READER.scenes(root)
    return READER.read(ref)


def test_frames_get_what_is_nearest_in_time(tmp_path: Path) -> None:
    tiny_tum.own_camera(tmp_path)
    scene = read(tmp_path)
    assert [frame.id for frame in scene.frames] == list("012345")
    for index, (frame, pose) in enumerate(zip(scene.frames, box_room.poses(6), strict=True)):
        np.testing.assert_allclose(frame.camera.camera_to_world, pose, atol=1e-9)
        assert frame.time == pytest.approx(tiny_tum.START + 0.1 * index)
        np.testing.assert_allclose(frame.load_depth(), box_room.take().depths[index] / 1000, atol=1e-4)
    assert "time" in scene.capabilities


@pytest.mark.parametrize(("late", "found"), [(0.0195, 6), (0.0205, 0)])
def test_depth_further_than_20_ms_is_not_taken(tmp_path: Path, late: float, found: int) -> None:
    tiny_tum.own_camera(tmp_path)
    tiny_tum.write(tmp_path / "desk", depth_late=late)
    assert sum(frame.has_depth for frame in read(tmp_path).frames) == found


def test_images_without_a_pose_or_a_file_are_counted(tmp_path: Path) -> None:
    path = tiny_tum.own_camera(tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-5]))
    (tmp_path / f"desk/rgb/{tiny_tum.START + 0.1:.6f}.png").unlink()
    scene = read(tmp_path)
    assert dict(scene.skipped) == {"no pose": 1, "listed image is not there": 1}
    assert [frame.id for frame in scene.frames] == list("0234")


@pytest.mark.parametrize(
    ("name", "focal", "model"),
    [
        ("rgbd_dataset_freiburg1_desk", 517.306408, "opencv"),
        ("fr2_xyz", 520.908620, "opencv"),
        ("rgbd_dataset_freiburg3_long_office", 535.4, "pinhole"),
    ],
)
def test_the_folder_s_name_tells_the_camera(tmp_path: Path, name: str, focal: float, model: str) -> None:
    tiny_tum.write(tmp_path / name)
    for frame in box_room.take().images and (tmp_path / name / "rgb").iterdir():
        write_image(frame, np.zeros((480, 640, 3), np.uint8))
    camera = read(tmp_path).frames[0].camera
    assert camera.intrinsics[0, 0] == focal
    assert camera.model == model


def test_an_unknown_camera_is_refused_and_may_be_stated(tmp_path: Path) -> None:
    tiny_tum.write(tmp_path / "desk")
    with pytest.raises(SceneError, match="nothing states the camera") as caught:
        read(tmp_path)
    assert "K.txt" in caught.value.remedy
    write_notes(tmp_path / "desk", "[color]\nfx = 86.0\nfy = 87.0\ncx = 47.0\ncy = 36.0\n")
    np.testing.assert_allclose(read(tmp_path).frames[0].camera.intrinsics, box_room.COLOR_K)


BAD = {
    "groundtruth.txt": ["", "# only\n", "1.0 2 3\n", "1.0 0 0 0 0 0 0 1\n2.0 0 0\n", "1 0 0 0 0 0 0 1",
                        "0 0 0 0 0 0 1\n", "nan 0 0 0 0 0 0 1\n", "x 0 0 0 0 0 0 1\n", "\xff\xfe\n"],
    "rgb.txt": ["", "# only\n", "1.0\n", "x rgb/a.png\n", "nan rgb/a.png\n", "1.0 rgb/a.png\n", "1.0 rgb/a.png"],
    "depth.txt": ["", "1.0\n", "inf depth/a.png\n"],
    "K.txt": ["", "1 2 3", "0 0 0 0 0 0 0 0 1", "86 0 300 0 87 36 0 0 1", "nan 0 47 0 87 36 0 0 1"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "content"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_bad_files_are_named(tmp_path: Path, name: str, content: str) -> None:
    tiny_tum.own_camera(tmp_path)
    path = tmp_path / "desk" / name
    path.write_text(content, encoding="latin-1")
    with pytest.raises(SceneError) as caught:
        read(tmp_path)
    assert caught.value.path == str(path)
    assert caught.value.remedy


def test_clocks_that_do_not_meet_are_said(tmp_path: Path) -> None:
    tiny_tum.own_camera(tmp_path)
    path = tmp_path / "desk/groundtruth.txt"
    rows = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
    path.write_text("".join(f"{float(time) + 3600} {' '.join(rest)}\n" for time, *rest in rows))
    with pytest.raises(SceneError, match="poses run from") as caught:
        read(tmp_path)
    assert caught.value.path == str(path)
    assert "one clock" in caught.value.remedy


def test_numbers_lost_from_a_quaternion_cost_its_frame(tmp_path: Path) -> None:
    path = tiny_tum.own_camera(tmp_path)
    lines = path.read_text().splitlines()
    words = lines[2].split()
    lines[2] = " ".join([*words[:-1], "0.0"])
    path.write_text("\n".join(lines) + "\n")
    assert dict(read(tmp_path).skipped) == {"pose not finite": 1}
