"""transforms.json: axes, half pixels, lenses global and per frame, missing files, masks, bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support import box_room, tiny_nerfstudio
from support.capture_writer import OPENGL, write_image, write_notes

from spatialgen.errors import SceneError
from spatialgen.scene_io._transforms_json import opencv_axes, read_transforms
from spatialgen.scene_io.nerfstudio import READER

POSE = box_room.poses(2)[1]


def read(root: Path):
    (ref,) = READER.scenes(root)
    return READER.read(ref)


def edit(path: Path, **keys) -> Path:
    document = json.loads(path.read_text())
    document.update(keys)
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
    return path


def one_frame(folder: Path, document: dict, **keys):
    frame = {"file_path": "a.png", "transform_matrix": (POSE @ OPENGL).tolist(), **keys}
    return read_transforms(tiny_nerfstudio.write(folder, document, [frame])).frames[0]


@pytest.mark.parametrize("layout", tiny_nerfstudio.LAYOUTS)
def test_cameras_are_the_room_s(tmp_path: Path, layout: str) -> None:
    tiny_nerfstudio.LAYOUTS[layout](tmp_path)
    scene = read(tmp_path)
    k = tiny_nerfstudio.SQUARE_K if layout == "blender" else box_room.COLOR_K
    assert [frame.id for frame in scene.frames] == list("123456")
    for frame, pose in zip(scene.frames, box_room.poses(6), strict=True):
        np.testing.assert_allclose(frame.camera.camera_to_world, pose, atol=1e-12)
        np.testing.assert_allclose(frame.camera.intrinsics, k)
        assert frame.camera.model == "pinhole"
    (ref,) = READER.scenes(tmp_path)
    units = "4000 units a metre (integer_depth_scale in transforms.json)" if layout == "instant_ngp" else "1000 units"
    assert units in READER.inventory(ref).layout


def test_axes_there_and_back() -> None:
    np.testing.assert_allclose(opencv_axes(POSE @ OPENGL), POSE)
    np.testing.assert_allclose(opencv_axes(opencv_axes(POSE[None]))[0], POSE)


LENSES = [
    ({"fl_x": 50, "cx": 30, "cy": 20}, ("pinhole", (), [[50, 0, 29.5], [0, 50, 19.5]])),
    ({"camera_angle_x": np.pi / 2}, ("pinhole", (), [[40, 0, 39.5], [0, 40, 29.5]])),
    ({"camera_angle_x": np.pi / 2, "camera_angle_y": np.pi / 2}, ("pinhole", (), [[40, 0, 39.5], [0, 30, 29.5]])),
    ({"fl_x": 50, "k1": 0.1, "p2": 0.2}, ("opencv", (0.1, 0, 0, 0.2), [[50, 0, 39.5], [0, 50, 29.5]])),
    ({"fl_x": 50, "k1": 0.1, "k3": 0.3}, ("opencv", (0.1, 0, 0, 0, 0.3), [[50, 0, 39.5], [0, 50, 29.5]])),
    (
        {"camera_model": "OPENCV_FISHEYE", "fl_x": 50, "fl_y": 51, "k1": 0.1, "k4": 0.4},
        ("opencv_fisheye", (0.1, 0, 0, 0.4), [[50, 0, 39.5], [0, 51, 29.5]]),
    ),
    (
        {"camera_model": "EQUIRECTANGULAR", "fl_x": 50, "cx": 3, "cy": 4},
        ("equirectangular", (), [[40 / np.pi, 0, 39.5], [0, 60 / np.pi, 29.5]]),
    ),
    ({"is_fisheye": True, "fl_x": 50}, ("opencv_fisheye", (0, 0, 0, 0), [[50, 0, 39.5], [0, 50, 29.5]])),
]


@pytest.mark.parametrize("per_frame", [False, True])
@pytest.mark.parametrize(("stated", "expected"), LENSES)
def test_lenses(tmp_path: Path, stated: dict, expected: tuple, per_frame: bool) -> None:
    frame = one_frame(tmp_path, {"fl_x": 9, "k1": 9.0} | ({} if per_frame else stated), **(stated if per_frame else {}))
    if per_frame and "k1" not in stated:
        return  # the file's own distortion stays
    model, distortion, rows = expected
    if "fl_x" not in stated:
        frame = one_frame(tmp_path, {}, **stated)
    if "k1" not in stated:
        frame = one_frame(tmp_path, stated)
    assert (frame.lens.model, frame.lens.distortion) == (model, distortion)
    np.testing.assert_allclose(frame.lens.intrinsics(80, 60)[:2], rows)


def test_the_frame_s_own_keys_win(tmp_path: Path) -> None:
    frame = one_frame(tmp_path, {"fl_x": 9, "k1": 9.0, "cx": 1, "cy": 1}, fl_x=50, k1=0.5)
    assert frame.lens.focal == (50, 50)
    assert frame.lens.distortion == (0.5, 0, 0, 0)
    assert frame.lens.principal == (0.5, 0.5)


BAD = {
    "empty": "",
    "cut": '{"frames": [{"file_path": "a", ',
    "no object": "[1, 2]",
    "deep": "[" * 100_000,
    "no frames": "{}",
    "frames no list": '{"frames": {"a": 1}}',
    "test frames no list": '{"frames": [], "test_frames": 3}',
    "frame no object": '{"fl_x": 1, "frames": [3]}',
    "no path": '{"fl_x": 1, "frames": [{"transform_matrix": []}]}',
    "scale zero": '{"integer_depth_scale": 0, "frames": []}',
    "scale text": '{"integer_depth_scale": "1", "frames": []}',
}
MATRIX = {"file_path": "a", "transform_matrix": np.eye(4).tolist()}
BAD |= {
    name: json.dumps({**document, "frames": [{**MATRIX, **frame}]})
    for name, (document, frame) in {
        "no matrix": ({"fl_x": 1}, {"transform_matrix": None}),
        "matrix of words": ({"fl_x": 1}, {"transform_matrix": [["a"] * 4] * 4}),
        "matrix ragged": ({"fl_x": 1}, {"transform_matrix": [[1], [1, 2]]}),
        "matrix 3 x 3": ({"fl_x": 1}, {"transform_matrix": np.eye(3).tolist()}),
        "no focal length": ({}, {}),
        "focal length zero": ({"fl_x": 0}, {}),
        "focal length not finite": ({"fl_x": float("inf")}, {}),
        "focal length yes": ({"fl_x": True}, {}),
        "angle too wide": ({"camera_angle_x": 3.2}, {}),
        "half a centre": ({"fl_x": 1, "cx": 1}, {}),
        "width huge": ({"fl_x": 1, "w": 1e9, "h": 2}, {}),
        "unknown lens": ({"fl_x": 1, "camera_model": "FISHEYE624"}, {}),
        "f-theta": ({"fl_x": 1, "ftheta_p0": 1}, {}),
        "k4 of OPENCV": ({"fl_x": 1, "k4": 0.1}, {}),
    }.items()
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_are_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "kitchen" / "transforms.json"
    path.parent.mkdir()
    path.write_text(BAD[kind])
    with pytest.raises(SceneError) as caught:
        read(tmp_path)
    assert caught.value.path == str(path)
    assert caught.value.remedy


def test_listed_files_that_are_gone_are_counted(tmp_path: Path) -> None:
    """As in the fox scene: the list is longer than the folder."""
    path = tiny_nerfstudio.nerfstudio(tmp_path)
    for number in (2, 5):
        (tmp_path / f"kitchen/images/frame_{number:05d}.jpg").unlink()
    (tmp_path / "kitchen/depth/frame_00003.png").unlink()
    scene = read(tmp_path)
    assert dict(scene.skipped) == {
        "listed image is not there": 2, "listed depth image is not there": 1, "no depth image": 1,
    }  # fmt: skip
    assert [(frame.id, frame.has_depth) for frame in scene.frames] == [
        ("1", True), ("3", False), ("4", True), ("6", True),
    ]  # fmt: skip
    shutil.rmtree(tmp_path / "kitchen/images")
    with pytest.raises(SceneError, match="none of its 6 frames") as caught:
        read(tmp_path)
    assert caught.value.path == str(path)


def test_backslashes_of_windows_are_slashes(tmp_path: Path) -> None:
    path = tiny_nerfstudio.nerfstudio(tmp_path)
    document = json.loads(path.read_text())
    for frame in document["frames"]:
        for key in ("file_path", "depth_file_path"):
            frame[key] = frame[key].replace("/", "\\")
    path.write_text(json.dumps(document), encoding="utf-8-sig")
    scene = read(tmp_path)
    assert len(scene.frames) == 6
    assert all(frame.has_depth for frame in scene.frames)


def test_repeated_bad_and_masked_frames(tmp_path: Path) -> None:
    path = tiny_nerfstudio.nerfstudio(tmp_path)
    frames = json.loads(path.read_text())["frames"]
    mask = np.full((72, 96, 3), 255, np.uint8)
    mask[:, :10] = 0
    write_image(tmp_path / "kitchen/masks/0.png", mask)
    frames[0]["mask_path"] = "masks/0.png"
    frames[1]["mask_path"] = "masks/gone.png"
    frames[2]["is_bad"] = True
    edit(path, frames=[*frames, frames[5]])
    scene = read(tmp_path)
    assert dict(scene.skipped) == {"marked as bad": 1, "listed twice": 1, "listed mask is not there": 1}
    masked = next(frame for frame in scene.frames if frame.load_valid)
    assert masked.id == "3"
    np.testing.assert_array_equal(masked.load_valid(), mask[:, :, 0] > 0)


def test_poses_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    path = tiny_nerfstudio.nerfstudio(tmp_path)
    frames = json.loads(path.read_text())["frames"]
    frames[0]["transform_matrix"][1][1] = float("nan")
    frames[1]["transform_matrix"] = (2 * np.eye(4)).tolist()
    frames[2]["transform_matrix"][0][3] = 1e300
    edit(path, frames=frames)
    scene = read(tmp_path)
    assert dict(scene.skipped) == {"pose not finite": 1, "pose not rigid": 1, "pose out of range": 1}
    edit(path, frames=frames[:3])
    with pytest.raises(SceneError, match="no frame can be used"):
        read(tmp_path)


def test_sizes_that_do_not_fit(tmp_path: Path) -> None:
    path = tiny_nerfstudio.nerfstudio(tmp_path)
    edit(path, w=192, h=144)
    with pytest.raises(SceneError, match="192 x 144 images"):
        read(tmp_path)
    edit(path, w=None, h=None, cx=95.5, cy=73)
    with pytest.raises(SceneError, match="another size") as caught:
        read(tmp_path)
    assert caught.value.path == str(path)
    frames = json.loads(path.read_text())["frames"]
    frames[0] |= {"cx": 47.5, "cy": 36.5}
    edit(path, frames=frames)
    assert dict(read(tmp_path).skipped)["intrinsics of another image size"] == 5


def test_an_image_or_depth_of_another_size_is_refused_when_loaded(tmp_path: Path) -> None:
    tiny_nerfstudio.nerfstudio(tmp_path)
    write_image(tmp_path / "kitchen/images/frame_00005.jpg", np.zeros((30, 40, 3), np.uint8))
    shutil.copy(tmp_path / "kitchen/images/frame_00005.jpg", tmp_path / "kitchen/depth/frame_00005.png")
    frame = read(tmp_path).frames[4]
    for load in (frame.load_image, frame.load_depth):
        with pytest.raises(SceneError, match="frame_00005"):
            load()


def test_depth_in_files_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tiny_nerfstudio.nerfstudio(tmp_path)
    (tmp_path / "kitchen/depth/a.exr").write_bytes(b"x")
    frames = json.loads(path.read_text())["frames"]
    frames[0]["depth_file_path"] = "depth/a.exr"
    edit(path, frames=frames)
    with pytest.raises(SceneError, match=r"\.exr") as caught:
        read(tmp_path)
    assert "16-bit PNG" in caught.value.remedy


def test_images_outside_the_root_are_refused(tmp_path: Path) -> None:
    path = tiny_nerfstudio.nerfstudio(tmp_path / "root")
    shutil.move(tmp_path / "root/kitchen/images", tmp_path / "images")
    frames = json.loads(path.read_text())["frames"]
    for frame in frames:
        frame["file_path"] = "../../" + frame["file_path"]
    edit(path, frames=frames)
    with pytest.raises(SceneError, match="lies outside"):
        read(tmp_path / "root")


def test_numbers_that_repeat_become_positions(tmp_path: Path) -> None:
    path = tiny_nerfstudio.nerfstudio(tmp_path)
    frames = json.loads(path.read_text())["frames"]
    for index, frame in enumerate(frames):
        side = "left" if index < 3 else "right"
        moved = write_image(tmp_path / f"kitchen/{side}/{index % 3}.jpg", np.zeros((72, 96, 3), np.uint8))
        frame["file_path"] = moved.relative_to(tmp_path / "kitchen").as_posix()
    edit(path, frames=frames)
    assert [(frame.id, frame.image_ref) for frame in read(tmp_path).frames] == [
        ("0", "kitchen/left/0.jpg"), ("1", "kitchen/left/1.jpg"), ("2", "kitchen/left/2.jpg"),
        ("3", "kitchen/right/0.jpg"), ("4", "kitchen/right/1.jpg"), ("5", "kitchen/right/2.jpg"),
    ]  # fmt: skip


def test_a_capture_without_depth_or_mesh_is_a_scene_of_images(tmp_path: Path) -> None:
    path = tiny_nerfstudio.nerfstudio(tmp_path)
    frames = [{k: v for k, v in f.items() if k != "depth_file_path"} for f in json.loads(path.read_text())["frames"]]
    edit(path, frames=frames)
    write_notes(tmp_path / "kitchen", 'mesh = "none"\n')
    scene = read(tmp_path)
    assert scene.capabilities == {"image", "perspective"}
    assert not scene.skipped
