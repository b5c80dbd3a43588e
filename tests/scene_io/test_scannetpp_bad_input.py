"""ScanNet++ files that are cut short, lie or contradict each other: refused by name, quickly and within bounds."""

from __future__ import annotations

import json
import shutil
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from support import tiny_scannetpp as tiny

from spatialgen.errors import SceneError
from spatialgen.scene_io.scannetpp import READER

FILES = {
    "iphone/rgb.mkv": "iphone",
    "iphone/rgb_mask.mkv": "iphone",
    "iphone/depth.bin": "iphone",
    "iphone/pose_intrinsic_imu.json": "iphone",
    "dslr/colmap/cameras.txt": "dslr",
    "dslr/colmap/images.txt": "dslr",
    "dslr/nerfstudio/transforms.json": "dslr",
    "dslr/nerfstudio/transforms_undistorted.json": "dslr_undistorted",
    "dslr/resized_images/DSC01003.JPG": "dslr",
    "dslr/resized_anon_masks/DSC01003.png": "dslr",
    "scans/mesh_aligned_0.05.ply": "iphone",
    "scans/segments.json": "iphone",
    "scans/segments_anno.json": "iphone",
}


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("master")
    tiny.v2(root)
    tiny.write_dslr(root / "data" / tiny.SCENE / "dslr")
    return root


@pytest.fixture
def root(master: Path, tmp_path: Path) -> Path:
    shutil.copytree(master, tmp_path / "root")
    return tmp_path / "root"


def use(root: Path, stream: str) -> None:
    """Read a scene and every pixel of it."""
    (ref,) = READER.scenes(root, stream)
    for frame in READER.read(ref).frames:
        frame.load_image()
        for load in (frame.load_depth, frame.load_valid):
            if load is not None:
                load()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.0, 0.03, 0.4, 0.9])
def test_a_file_that_was_cut_short_is_named(root: Path, name: str, share: float) -> None:
    path = root / "data" / tiny.SCENE / name
    use(root, FILES[name])
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(SceneError) as caught:
        use(root, FILES[name])
    assert str(path) in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("name", FILES)
def test_rubbish_is_named_quickly_and_takes_no_memory(root: Path, name: str) -> None:
    path = root / "data" / tiny.SCENE / name
    path.write_bytes(np.random.default_rng(3).bytes(path.stat().st_size))
    tracemalloc.start()
    started = time.perf_counter()
    with pytest.raises(SceneError) as caught:
        use(root, FILES[name])
    assert str(path) in str(caught.value)
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"frame_000000": 3}, "no frame_<number>"),
        ({"cam_1": {}}, "no frame_<number>"),
        ({"frame_000000": {"intrinsic": "x", "aligned_pose": None}}, "no frame has an image and a usable camera"),
        ({"frame_000000": {"intrinsic": [[9e3, 0, 9e3], [0, 9e3, 7e3], [0, 0, 1]]}}, "cannot be of images"),
        ({"frame_0": {}, "frame_000000": {}}, "frame 0 twice"),
        ([], "does not hold an object of frames"),
    ],
)
def test_pose_files_that_make_no_sense(root: Path, change: object, what: str) -> None:
    path = root / "data" / tiny.SCENE / "iphone" / "pose_intrinsic_imu.json"
    path.write_text(json.dumps(change))
    with pytest.raises(SceneError, match=what) as caught:
        use(root, "iphone")
    assert str(path) in str(caught.value)


def test_numbers_no_machine_holds(root: Path) -> None:
    path = root / "data" / tiny.SCENE / "iphone" / "pose_intrinsic_imu.json"
    entries = json.loads(path.read_text())
    entries["frame_000001"]["timestamp"] = 10**400
    entries["frame_000002"]["aligned_pose"][0][0] = 10**400
    path.write_text(json.dumps(entries))
    scene = READER.read(READER.scenes(root)[0])
    assert [frame.id for frame in scene.frames] == ["0", "1", "3", "4", "5"]
    assert "time" not in scene.capabilities
    path.write_text("[" * 100_000)
    with pytest.raises(SceneError, match="not JSON"):
        use(root, "iphone")


def test_cameras_for_another_size_are_refused_and_of_the_same_shape_scaled(root: Path) -> None:
    cameras = root / "data" / tiny.SCENE / "dslr" / "colmap" / "cameras.txt"
    words = cameras.read_text().split("\n")[1].split()
    doubled = [*words[:2], "300", "200", *(str(2 * float(word)) for word in words[4:8]), *words[8:]]
    cameras.write_text(" ".join(doubled))
    camera = READER.read(READER.scenes(root, "dslr")[0]).frames[0].camera
    np.testing.assert_allclose(camera.intrinsics, tiny.FISHEYE_K, atol=1e-9)  # the image corner stays where it was
    cameras.write_text(" ".join([*words[:2], "300", "100", *words[4:]]))
    with pytest.raises(SceneError, match="cannot be of images of 150 x 100"):
        use(root, "dslr")


def test_undistorted_images_with_a_fisheye_lens_are_refused(root: Path) -> None:
    folder = root / "data" / tiny.SCENE / "dslr" / "nerfstudio"
    shutil.copy(folder / "transforms.json", folder / "transforms_undistorted.json")
    with pytest.raises(SceneError, match="lens with distortion"):
        use(root, "dslr_undistorted")


@pytest.mark.parametrize("stream", ["iphone", "dslr"])
@pytest.mark.parametrize(
    ("there", "missing"),
    [
        (["cameras.txt"], "colmap/images.txt"),
        (["images.bin", "points3D.bin"], "colmap/cameras.bin"),
        (["points3D.txt"], "colmap/cameras.txt and colmap/images.txt"),
    ],
)
def test_of_half_a_model_the_missing_half_is_named(root: Path, stream: str, there: list[str], missing: str) -> None:
    folder = root / "data" / tiny.SCENE / stream
    shutil.rmtree(folder / "colmap", ignore_errors=True)
    shutil.rmtree(folder / "nerfstudio", ignore_errors=True)
    (folder / "pose_intrinsic_imu.json").unlink(missing_ok=True)
    (folder / "colmap").mkdir()
    for name in there:
        (folder / "colmap" / name).write_bytes(b"\0")
    with pytest.raises(SceneError, match=f"{missing} is missing") as caught:
        use(root, stream)
    assert caught.value.path == str(folder)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("missing", "stream", "what"),
    [
        ("iphone/pose_intrinsic_imu.json", "iphone", "there are no poses"),
        ("dslr/nerfstudio/transforms_undistorted.json", "dslr_undistorted", "there is no nerfstudio/transforms_undist"),
    ],
)
def test_what_is_missing_is_named(root: Path, missing: str, stream: str, what: str) -> None:
    (root / "data" / tiny.SCENE / missing).unlink()
    with pytest.raises(SceneError, match=what) as caught:
        use(root, stream)
    assert caught.value.remedy


def test_an_annotation_of_another_mesh_turns_instances_off(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    scans = root / "data" / tiny.SCENE / "scans"
    (scans / "segments.json").write_text(json.dumps({"segIndices": [1, 2, 3]}))
    scene = READER.read(READER.scenes(root)[0])
    assert not scene.instances
    assert any(reason.startswith("instances off: segments.json") for reason in scene.skipped)
    assert "download mesh_aligned_0.05.ply, segments.json and segments_anno.json of the scan again" in caplog.text


@pytest.mark.parametrize("text", ["-1", "999999", "1 two", "9" * 40, " 1" * 20_000])
def test_masked_vertices_that_do_not_exist(root: Path, text: str) -> None:
    path = root / "data" / tiny.SCENE / "scans" / "mesh_aligned_0.05_mask.txt"
    path.write_text(text)
    with pytest.raises(SceneError, match="vert") as caught:
        use(root, "iphone")
    assert str(path) in str(caught.value)


def test_a_mask_of_another_size_is_refused(root: Path) -> None:
    mask = np.full((10, 20), 255, np.uint8)
    tiny.write_video(root / "data" / tiny.SCENE / "iphone" / "rgb_mask.mkv", [mask] * 6, codec="ffv1", gray=True)
    with pytest.raises(SceneError, match="the mask is 20 x 10"):
        use(root, "iphone")
