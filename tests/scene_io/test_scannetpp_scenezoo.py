"""An independent reader of the same files (``scenezoo``, written by others) as second witness.

Three differences are by intent, each noted where it shows:

* Principal points from COLMAP and nerfstudio files. Theirs are as written, with the first pixel's centre at
  (0.5, 0.5) (COLMAP's documentation, "Output format"); ours have it at (0, 0), half a pixel less.
* The iPhone's depth intrinsics. Theirs multiply the principal point by 256 / 1920; ours keep pixel centres where
  they are, which is a quarter of a depth pixel or so.
* A frame without depth or a usable pose is theirs to refuse; ours is left out and counted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import tiny_scannetpp as tiny

from spatialgen.media.images import decode_rgb
from spatialgen.scene_io.scannetpp import READER

scannetpp = pytest.importorskip("scenezoo.dataset.scene.scannetpp", reason="scenezoo is not installed")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scannetpp, "IPHONE_RGB_SIZE", tiny.COLOR_SIZE)  # theirs insists on 1920 x 1440
    tiny.v2(tmp_path)
    tiny.write_dslr(tmp_path / "data" / tiny.SCENE / "dslr")
    return tmp_path


def test_scenezoo_reads_the_same_iphone_frames(root: Path) -> None:
    other = scannetpp.ScanNetPP(root, offline=True)
    items = ("rgb", "depth", "rgb_intrinsics", "depth_intrinsics", "world_to_camera", "frame_mask", "timestamps")
    theirs = other.get_frames(tiny.SCENE, items=items)
    frames = READER.read(READER.scenes(root)[0]).frames
    assert [int(frame.id) for frame in frames] == theirs.indices.tolist()
    for n, frame in enumerate(frames):
        np.testing.assert_allclose(theirs.world_to_camera[n], frame.camera.world_to_camera, atol=1e-5)
        np.testing.assert_allclose(theirs.rgb_intrinsics[n], frame.camera.intrinsics, rtol=1e-6)
        np.testing.assert_allclose(theirs.depth[n], frame.load_depth(), atol=1e-6)
        scaled = theirs.rgb_intrinsics[n].astype(float)
        scaled[:2] *= tiny.DEPTH_SIZE[0] / tiny.COLOR_SIZE[0]
        shift = np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]]) * (tiny.DEPTH_SIZE[0] / tiny.COLOR_SIZE[0] - 1)
        np.testing.assert_allclose(scaled + shift, frame.depth_camera.intrinsics, rtol=1e-6)
        assert np.abs(theirs.depth_intrinsics[n] - frame.depth_camera.intrinsics).max() <= 0.5 + 1e-6
        np.testing.assert_array_equal(theirs.frame_mask[n], frame.load_valid())
        assert theirs.timestamps[n] == frame.time
        assert np.abs(theirs.rgb[n].astype(int) - decode_rgb(frame.load_image())).mean() < 2  # ours is a JPEG


def test_scenezoo_reads_the_same_colmap_poses(tmp_path: Path) -> None:
    tiny.colmap(tmp_path)
    images = scannetpp.ScanNetPP(tmp_path, offline=True).get_colmap_images(tiny.SCENE, source="iphone_colmap")
    frames = READER.read(READER.scenes(tmp_path)[0]).frames
    for frame in frames:
        theirs = images[f"video/frame_{int(frame.id):06d}.jpg"]
        np.testing.assert_allclose(theirs.world_to_camera, frame.camera.world_to_camera, atol=1e-9)
    assert len(frames) == len(images)


@pytest.mark.parametrize("stream", ["dslr", "dslr_undistorted"])
def test_scenezoo_reads_the_same_photos(root: Path, stream: str) -> None:
    frames = READER.read(READER.scenes(root, stream)[0]).frames
    keys = [f"{frame.id}.JPG" for frame in frames]
    items = ("rgb", "rgb_intrinsics", "world_to_camera", "frame_mask", "is_bad")
    # Theirs takes the two lists of the toolkit's undistortion together, which names held-out photos twice.
    split = "all" if stream == "dslr" else "train"
    theirs = scannetpp.ScanNetPP(root, offline=True).get_frames(
        tiny.SCENE, source=stream, items=items, frame_keys=keys, view_split=split
    )
    assert not theirs.is_bad.any()
    assert theirs.camera_model == ("OPENCV_FISHEYE" if stream == "dslr" else "PINHOLE")
    for n, frame in enumerate(frames):
        half_a_pixel = np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
        np.testing.assert_allclose(theirs.rgb_intrinsics[n], frame.camera.intrinsics + half_a_pixel, rtol=1e-6)
        np.testing.assert_allclose(theirs.distortion[n], frame.camera.distortion, rtol=1e-6)
        np.testing.assert_allclose(theirs.world_to_camera[n], frame.camera.world_to_camera, atol=1e-5)
        np.testing.assert_array_equal(theirs.frame_mask[n], frame.load_valid())
        np.testing.assert_allclose(theirs.rgb[n], decode_rgb(frame.load_image()), atol=3)


def test_scenezoo_gives_each_vertex_the_same_object(root: Path) -> None:
    scene = READER.read(READER.scenes(root)[0])
    # Theirs refuses objects that name segments nobody has, which ours counts.
    annotation = root / "data" / tiny.SCENE / "scans" / "segments_anno.json"
    text = annotation.read_text()
    annotation.write_text(text.replace('"segments": [42]', '"segments": []'))
    theirs = scannetpp.ScanNetPP(root, offline=True).get_segmentation(tiny.SCENE)
    ours = [int(scene.instances[i].id) if i >= 0 else -1 for i in scene.vertex_instance]
    np.testing.assert_array_equal(theirs.labels, ours)
    assert {instance.id: instance.raw_label for instance in scene.instances} == {
        str(number): name for number, name in theirs.id_to_name.items() if number in set(ours)
    }
