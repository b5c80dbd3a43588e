"""COLMAP models: lenses, both encodings, the second lines, and scenes made of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from support import box_room, tiny_colmap
from support.capture_writer import write_notes

from spatialgen.errors import SceneError
from spatialgen.scene_io._colmap import read_model
from spatialgen.scene_io.colmap import READER

POSES = box_room.poses(3)
SIZE = (640, 480)
LENSES = {
    "SIMPLE_PINHOLE": ([500, 320, 240], "pinhole", ()),
    "PINHOLE": ([500, 510, 320, 240], "pinhole", ()),
    "SIMPLE_RADIAL": ([500, 320, 240, 0.1], "opencv", (0.1, 0, 0, 0)),
    "RADIAL": ([500, 320, 240, 0.1, 0.02], "opencv", (0.1, 0.02, 0, 0)),
    "OPENCV": ([500, 510, 320, 240, 0.1, 0.02, 0.003, 0.004], "opencv", (0.1, 0.02, 0.003, 0.004)),
    "FULL_OPENCV": (
        [500, 510, 320, 240, 0.1, 0.02, 0.003, 0.004, 5, 6, 7, 8],
        "opencv",
        (0.1, 0.02, 0.003, 0.004, 5, 6, 7, 8),
    ),
    "OPENCV_FISHEYE": ([500, 510, 320, 240, 0.1, 0.2, 0.3, 0.4], "opencv_fisheye", (0.1, 0.2, 0.3, 0.4)),
    "SIMPLE_RADIAL_FISHEYE": ([500, 320, 240, 0.1], "opencv_fisheye", (0.1, 0, 0, 0)),
    "RADIAL_FISHEYE": ([500, 320, 240, 0.1, 0.2], "opencv_fisheye", (0.1, 0.2, 0, 0)),
}


def images(camera: int = 3) -> list[tuple]:
    return [(7, POSES[0], camera, "b.jpg"), (2, POSES[1], camera, "in a/a c.jpg"), (4, POSES[2], camera, "003")]


@pytest.mark.parametrize("writer", [tiny_colmap.write_text, tiny_colmap.write_binary])
@pytest.mark.parametrize("name", LENSES)
def test_lenses_and_poses(tmp_path: Path, name: str, writer) -> None:
    parameters, model, distortion = LENSES[name]
    writer(tmp_path, [(3, name, *SIZE, parameters), (9, "PINHOLE", 10, 20, [8, 9, 5, 10])], images())
    found = read_model(tmp_path)
    camera = found.cameras[3]
    assert (camera.model, camera.distortion) == (model, distortion)
    assert (camera.width, camera.height) == SIZE
    fx, fy = parameters[0], parameters[0 if len(parameters) - 3 in (0, 1, 2) and parameters[1] == 320 else 1]
    np.testing.assert_allclose(camera.intrinsics, [[fx, 0, 319.5], [0, fy, 239.5], [0, 0, 1]])
    assert [(image.id, image.name) for image in found.images] == [(2, "in a/a c.jpg"), (4, "003"), (7, "b.jpg")]
    for image, pose in zip(found.images, (POSES[1], POSES[2], POSES[0]), strict=True):
        np.testing.assert_allclose(image.camera_to_world, pose, atol=1e-9)


@pytest.mark.parametrize("model", ["FOV", "THIN_PRISM_FISHEYE"])
def test_other_lenses_are_refused_by_name(tmp_path: Path, model: str) -> None:
    parameters = [500, 510, 320, 240, *[0.1] * (1 if model == "FOV" else 8)]
    tiny_colmap.write_binary(tmp_path, [(3, model, *SIZE, parameters)], images())
    with pytest.raises(SceneError, match=model) as caught:
        read_model(tmp_path)
    assert "image_undistorter" in caught.value.remedy


@pytest.mark.parametrize("points", ["", "1 2 -1", "100.5 20.25 17 " * 400, "1 2 3 4 5 6 7 8 9 10 11 12"])
def test_second_lines_may_be_empty_long_or_left_out(tmp_path: Path, points: str) -> None:
    tiny_colmap.write_text(tmp_path, [(3, "PINHOLE", *SIZE, [500, 500, 320, 240])], images(), points)
    assert len(read_model(tmp_path).images) == 3
    lines = (tmp_path / "images.txt").read_text().splitlines()
    (tmp_path / "images.txt").write_text("\n".join(line for line in lines if line.strip()))
    assert len(read_model(tmp_path).images) == 3


def test_a_distorted_lens_projects_as_opencv(tmp_path: Path) -> None:
    """COLMAP's own formula for OPENCV, corner convention, against cv2 with ours."""
    fx, fy, cx, cy, k1, k2, p1, p2 = LENSES["OPENCV"][0]
    tiny_colmap.write_text(tmp_path, [(3, "OPENCV", *SIZE, LENSES["OPENCV"][0])], images())
    camera = read_model(tmp_path).cameras[3]
    u, v = 0.31, -0.22
    r2 = u * u + v * v
    radial = 1 + k1 * r2 + k2 * r2 * r2
    x = u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u * u)
    y = v * radial + 2 * p2 * u * v + p1 * (r2 + 2 * v * v)
    point, _ = cv2.projectPoints(
        np.array([[u, v, 1.0]]), np.zeros(3), np.zeros(3), camera.intrinsics, np.array(camera.distortion, float)
    )
    np.testing.assert_allclose(point.ravel(), [fx * x + cx - 0.5, fy * y + cy - 0.5], atol=1e-9)


def damaged_binary(name: str, at: slice, content: bytes):
    def damage(folder: Path) -> Path:
        data = bytearray((folder / name).read_bytes())
        data[at] = content
        (folder / name).write_bytes(bytes(data))
        return folder / name

    return damage


BINARY = {
    "no cameras": damaged_binary("cameras.bin", slice(0, None), b""),
    "cameras cut": damaged_binary("cameras.bin", slice(40, None), b""),
    "cameras lie": damaged_binary("cameras.bin", slice(0, 8), b"\xff" * 8),
    "more after the cameras": damaged_binary("cameras.bin", slice(-8, None), bytes(40)),
    "unknown lens number": damaged_binary("cameras.bin", slice(12, 16), b"\x2a\0\0\0"),
    "negative lens number": damaged_binary("cameras.bin", slice(12, 16), b"\xff\xff\xff\xff"),
    "no width": damaged_binary("cameras.bin", slice(16, 24), bytes(8)),
    "huge width": damaged_binary("cameras.bin", slice(16, 24), b"\xff" * 8),
    "focal length not finite": damaged_binary("cameras.bin", slice(32, 40), np.float64(np.nan).tobytes()),
    "focal length negative": damaged_binary("cameras.bin", slice(32, 40), np.float64(-500).tobytes()),
    "no images": damaged_binary("images.bin", slice(0, None), b""),
    "images cut": damaged_binary("images.bin", slice(-9, None), b""),
    "images lie": damaged_binary("images.bin", slice(0, 8), b"\xff\xff\xff\xff\xff\0\0\0"),
    "image of no camera": damaged_binary("images.bin", slice(68, 72), b"\x63\0\0\0"),
    "name not text": damaged_binary("images.bin", slice(72, 74), b"\xff\xfe"),
    "name empty": damaged_binary("images.bin", slice(72, 73), b"\0"),
    "points lie": damaged_binary("images.bin", slice(78, 86), b"\xff" * 8),
}


@pytest.mark.parametrize("kind", BINARY)
def test_damaged_binary_models_are_named(tmp_path: Path, kind: str) -> None:
    tiny_colmap.write_binary(tmp_path, [(3, "PINHOLE", *SIZE, [500, 500, 320, 240])], images())
    path = BINARY[kind](tmp_path)
    with pytest.raises(SceneError) as caught:
        read_model(tmp_path)
    assert caught.value.path == str(path)
    assert caught.value.remedy


TEXT = {
    "cameras.txt": ["", "3 PINHOLE 640\n", "3 PINHOLE 640 480 500 500 320\n", "3 PINHOLE 640 480 a b c d\n",
                    "3 PINHOLE 640 480 500 500 320 240\n" * 2, "x PINHOLE 640 480 500 500 320 240\n",
                    "# Number of cameras: 2\n3 PINHOLE 640 480 500 500 320 240\n"],
    "images.txt": ["", "7 1 0 0 0 0 0 0 3\n", "7 1 0 0 0 0 0 0 5 a.jpg\n\n", "7 1 0 0 0 0 0 x 3 a.jpg\n",
                   "7 1 0 0 0 0 0 0 3 a.jpg\n\n7 1 0 0 0 0 0 0 3 b.jpg\n", "\xff\xfe\xfa",
                   "7 1 0 0 0 0 0 0 3 a.jpg\n\n8 1 0 0 0 0 0 0 3 a.jpg\n", "# Number of images: 9, mean\n"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "content"), [(name, text) for name, texts in TEXT.items() for text in texts])
def test_damaged_text_models_are_named(tmp_path: Path, name: str, content: str) -> None:
    tiny_colmap.write_text(tmp_path, [(3, "PINHOLE", *SIZE, [500, 500, 320, 240])], images())
    (tmp_path / name).write_text(content, encoding="latin-1")
    with pytest.raises(SceneError) as caught:
        read_model(tmp_path)
    assert caught.value.path == str(tmp_path / name)
    assert caught.value.remedy


def read(root: Path):
    (ref,) = READER.scenes(root)
    return READER.read(ref)


def test_frames_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    tiny_colmap.binary(tmp_path)
    scene = read(tmp_path)
    assert [frame.id for frame in scene.frames] == list("012345")
    for frame, pose in zip(scene.frames, box_room.poses(6), strict=True):
        np.testing.assert_allclose(frame.camera.camera_to_world, pose, atol=1e-9)
        np.testing.assert_allclose(frame.camera.intrinsics, box_room.COLOR_K)


def test_images_that_are_gone_are_counted_and_all_gone_refused(tmp_path: Path) -> None:
    tiny_colmap.text(tmp_path)
    (tmp_path / "kitchen/images/IMG_0002.jpg").unlink()
    scene = read(tmp_path)
    assert dict(scene.skipped) == {"listed image is not there": 1}
    assert [frame.id for frame in scene.frames] == list("01345")
    shutil.rmtree(tmp_path / "kitchen/images")
    (tmp_path / "kitchen/images").mkdir()
    with pytest.raises(SceneError, match="none of the 6 images"):
        read(tmp_path)


def test_a_pose_that_is_not_finite_costs_its_frame(tmp_path: Path) -> None:
    path = tiny_colmap.text(tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    words = lines[2].split()
    lines[2] = " ".join([words[0], "nan", *words[2:]]) + "\n"
    words = lines[4].split()
    lines[4] = " ".join([words[0], "0", "0", "0", "0", *words[5:]]) + "\n"
    path.write_text("".join(lines))
    assert dict(read(tmp_path).skipped) == {"pose not finite": 2}


def test_images_of_another_size_and_centre_are_refused(tmp_path: Path) -> None:
    folder = tiny_colmap.text(tmp_path).parent
    (folder / "cameras.txt").write_text("3 PINHOLE 192 144 172 174 95 73\n")
    with pytest.raises(SceneError, match="192 x 144 images"):
        read(tmp_path)
    (folder / "cameras.txt").write_text("3 PINHOLE 96 72 172 174 95 73\n")
    with pytest.raises(SceneError, match="another size") as caught:
        read(tmp_path)
    assert caught.value.path == str(folder / "cameras.txt")


def test_lengths_are_metres_unless_stated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tiny_colmap.text(tmp_path)
    write_notes(tmp_path / "kitchen", "")
    plain = read(tmp_path)
    assert "taken as metres" in caplog.text
    assert "up" not in plain.capabilities
    assert plain.up is None
    caplog.clear()
    write_notes(tmp_path / "kitchen", "metres_per_unit = 2.5\n")
    scaled = read(tmp_path)
    assert "taken as metres" not in caplog.text
    np.testing.assert_allclose(scaled.frames[1].camera.centre, 2.5 * plain.frames[1].camera.centre)
    np.testing.assert_allclose(scaled.vertices, 2.5 * plain.vertices, rtol=1e-6)


def test_poses_leave_no_choice(tmp_path: Path) -> None:
    tiny_colmap.text(tmp_path)
    notes = write_notes(tmp_path / "kitchen", '[poses]\naxes = "opengl"\n')
    with pytest.raises(SceneError, match="leaves no choice") as caught:
        read(tmp_path)
    assert caught.value.path == str(notes)
