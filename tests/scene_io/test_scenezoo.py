"""An independent reader of the same files (``scenezoo``, written by others) as second witness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import box_room
from support.scannet_writer import write_scan, write_sens

from spatialgen.scene_io.scannet import READER

SCENE = "scene0000_00"


def test_scenezoo_reads_the_same(tmp_path: Path) -> None:
    scenezoo = pytest.importorskip("scenezoo.dataset.scene.scannet", reason="scenezoo is not installed")
    take = box_room.take(5)
    take.poses[2] = np.full((4, 4), -np.inf)
    vertices, faces = box_room.mesh(3)
    segments, groups = box_room.annotation(vertices)
    groups = [entry for entry in groups if entry["label"] in ("wall", "couch", "floor")]
    folder = write_scan(
        tmp_path / "scans" / SCENE, vertices, faces, alignment=box_room.ALIGNMENT, segments=segments, groups=groups
    )
    write_sens(folder / f"{SCENE}.sens", take)
    scene = READER.read(READER.scenes(folder)[0])

    other = scenezoo.ScanNet(tmp_path, offline=True)
    items = ("rgb", "depth", "rgb_intrinsics", "depth_intrinsics", "world_to_camera")
    theirs = other.get_frames(SCENE, items=items)
    assert [int(frame.id) for frame in scene.frames] == [int(i) for i in theirs.indices] == [0, 1, 3, 4]
    calibration = other.get_calibration(SCENE)
    from spatialgen.media.images import decode_rgb

    for n, frame in enumerate(scene.frames):
        np.testing.assert_allclose(np.linalg.inv(theirs.world_to_camera[n]), frame.raw_camera_to_world, atol=1e-5)
        np.testing.assert_allclose(theirs.depth[n], frame.load_depth(), atol=1e-6)
        np.testing.assert_allclose(calibration["rgb_intrinsic"][:3, :3], frame.camera.intrinsics, rtol=1e-6)
        np.testing.assert_allclose(calibration["depth_intrinsic"][:3, :3], frame.depth_camera.intrinsics, rtol=1e-6)
        difference = theirs.rgb[n].astype(int) - decode_rgb(frame.load_image())
        assert np.abs(difference).mean() < 2  # two JPEG decoders
    alignment = other.get_alignment(SCENE)
    mesh = np.asarray(other.get_mesh(SCENE).vertices)
    np.testing.assert_allclose(mesh @ alignment[:3, :3].T + alignment[:3, 3], scene.vertices, atol=1e-5)
    labels = np.asarray(other.get_segmentation(SCENE).labels)
    ours = [int(scene.instances[i].id) if i >= 0 else -1 for i in scene.vertex_instance]
    np.testing.assert_array_equal(labels, ours)
