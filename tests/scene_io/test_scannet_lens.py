"""Which image size intrinsics were made for, where an export resized images and left them as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import box_room
from support.scannet_writer import four_by_four, matrix_text, write_export, write_posed, write_scan

from spatialgen.errors import SceneError
from spatialgen.scene_io._scannet_lens import COLOR_SIZES, DEPTH_SIZES, fitted_lens
from spatialgen.scene_io.scannet import READER

BIG, SMALL = (1296, 968), (640, 480)
K_BIG = np.array([[1169.6, 0, 646.3], [0, 1167.1, 489.9], [0, 0, 1]])  # as scene0000_00's
K_SMALL = np.array([[577.9, 0, 319.5], [0, 578.7, 239.5], [0, 0, 1]])
SHRUNK = [(600, 450), (648, 484), (672, 504), (700, 525), (560, 480), (512, 512), (320, 240), (640, 360)]
SHRUNK_BIG = [(1280, 960), (1200, 896), (1280, 720), (1024, 1024), (640, 480), (648, 484), (512, 384), (1440, 1080)]


def lens(k: np.ndarray, size, stated=None, recorded=COLOR_SIZES) -> np.ndarray:
    found = fitted_lens(k, size, stated, recorded, Path("intrinsic_color.txt"))
    assert (found.width, found.height) == size
    return found.intrinsics


@pytest.mark.parametrize("with_text", [False, True])
@pytest.mark.parametrize(
    ("k", "native", "size"), [(K_SMALL, SMALL, s) for s in SHRUNK] + [(K_BIG, BIG, s) for s in SHRUNK_BIG]
)
def test_resized_images_with_the_intrinsics_of_the_recording(k, native, size, with_text: bool) -> None:
    found = lens(k, size, native if with_text else None)
    np.testing.assert_allclose(found, box_room.depth_k(k, native, size), rtol=1e-9)


@pytest.mark.parametrize("with_text", [False, True])
@pytest.mark.parametrize(
    ("k", "native", "size"),
    [(K_SMALL, SMALL, s) for s in [(600, 450), (672, 504), (700, 525), (320, 240), (560, 480), (512, 512)]]
    + [(K_BIG, BIG, s) for s in [(1200, 896), (640, 480), (648, 484), (1024, 1024)]],
)
def test_intrinsics_that_were_scaled_with_the_images_stay(k, native, size, with_text: bool) -> None:
    scaled = box_room.depth_k(k, native, size)
    np.testing.assert_allclose(lens(scaled, size, native if with_text else None), scaled)


@pytest.mark.parametrize(("k", "size"), [(K_BIG, BIG), (K_SMALL, SMALL), (box_room.COLOR_K, (96, 72))])
def test_images_as_recorded(k, size) -> None:
    for stated in (None, size):
        np.testing.assert_array_equal(lens(k, size, stated), k)


def test_another_cameras_size_is_its_own() -> None:
    """HoloLens (540 x 360) and a rendered sequence (640 x 480) have other focal lengths than ScanNet's cameras."""
    for k, size in (
        (np.array([[537.0, 0, 272.0], [0, 537.0, 178.0], [0, 0, 1]]), (540, 360)),
        (np.array([[481.2, 0, 319.5], [0, 480.0, 239.5], [0, 0, 1]]), (640, 480)),
    ):
        np.testing.assert_array_equal(lens(k, size), k)


def test_two_sizes_that_nobody_can_tell_apart_are_refused_until_the_size_is_stated() -> None:
    k = np.array([[700.0, 0, 320.0], [0, 700.0, 240.0], [0, 0, 1]])
    with pytest.raises(SceneError, match=r"intrinsic_color\.txt: .*600 x 450 .* 640 x 480.*add <id>\.txt"):
        lens(k, (600, 450))
    np.testing.assert_allclose(lens(k, (600, 450), SMALL), box_room.depth_k(k, SMALL, (600, 450)))


def test_an_unknown_size_is_refused() -> None:
    k = np.array([[860.0, 0, 480.0], [0, 860.0, 360.0], [0, 0, 1]])  # 960 x 720
    with pytest.raises(SceneError, match=r"\(480, 360\), which fits neither the 800 x 600"):
        lens(k, (800, 600))
    np.testing.assert_allclose(lens(k, (800, 600), (960, 720)), box_room.depth_k(k, (960, 720), (800, 600)))


def test_resized_depth() -> None:
    for stated in (None, SMALL):
        found = lens(K_SMALL, (600, 450), stated, DEPTH_SIZES)
        np.testing.assert_allclose(found, box_room.depth_k(K_SMALL, SMALL, (600, 450)))


@pytest.mark.parametrize("layout", ["export", "posed"])
@pytest.mark.parametrize("with_text", [False, True])
def test_through_the_reader(tmp_path: Path, layout: str, with_text: bool) -> None:
    """A scene of 600 x 450 images whose intrinsics are still those of 640 x 480."""
    take = box_room.take(2, (600, 450), box_room.depth_k(K_SMALL, SMALL, (600, 450)))
    scene = "scene0000_00"
    vertices, faces = box_room.mesh()
    info = {"colorWidth": "640", "colorHeight": "480"} if with_text else None
    folder = write_scan(tmp_path / "scans" / scene, vertices, faces, info=info)
    if layout == "export":
        file = write_export(folder, take) / "intrinsic" / "intrinsic_color.txt"
    else:
        file = write_posed(tmp_path / "posed_images" / scene, take) / "intrinsic.txt"
    file.write_text(matrix_text(four_by_four(K_SMALL)))
    camera = READER.read(READER.scenes(tmp_path)[0]).frames[0].camera
    np.testing.assert_allclose(camera.intrinsics, take.color_intrinsics, atol=1e-5)
