"""RGB-D folders: which file is which, which pose is whose, depth codings, bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from support import box_room, tiny_rgbd_folder
from support.capture_writer import numbers_text, write_depth, write_image, write_notes
from support.scannet_writer import matrix_text

from spatialgen.errors import SceneError
from spatialgen.scene_io._trajectory import read_log
from spatialgen.scene_io.rgbd_folder import READER

ROOM = box_room.take()


def read(root: Path):
    (ref,) = READER.scenes(root)
    return READER.read(ref)


@pytest.mark.parametrize("layout", [name for name in tiny_rgbd_folder.LAYOUTS if name != "rows"])
def test_cameras_and_depth_are_the_room_s(tmp_path: Path, layout: str) -> None:
    tiny_rgbd_folder.LAYOUTS[layout](tmp_path)
    scene = read(tmp_path)
    step = {"redwood": 3, "indexed": 6}.get(layout, 1)
    assert [frame.id for frame in scene.frames] == [str(step * index) for index in range(6)]
    for index, frame in enumerate(scene.frames):
        np.testing.assert_allclose(frame.camera.camera_to_world, ROOM.poses[index], atol=1e-8)
        np.testing.assert_allclose(frame.camera.intrinsics, box_room.COLOR_K, atol=1e-8)
        np.testing.assert_allclose(frame.depth_camera.intrinsics, ROOM.depth_intrinsics, atol=1e-8)
        np.testing.assert_allclose(frame.load_depth(), ROOM.depths[index] / 1000, atol=1e-4)
    assert not scene.skipped


def test_a_world_that_is_y_up_is_turned(tmp_path: Path) -> None:
    tiny_rgbd_folder.rows(tmp_path)
    scene = read(tmp_path)
    turned = np.linalg.inv(tiny_rgbd_folder.Y_UP)[:3, :3]
    for frame, pose in zip(scene.frames, ROOM.poses, strict=True):
        stored = tiny_rgbd_folder.Y_UP @ pose
        np.testing.assert_allclose(frame.raw_camera_to_world, stored, atol=1e-8)
        np.testing.assert_allclose(frame.camera.camera_to_world[:3], turned @ stored[:3], atol=1e-8)
    np.testing.assert_array_equal(scene.up, (0, 0, 1))


def test_sequences_of_a_place_share_a_group(tmp_path: Path) -> None:
    tiny_rgbd_folder.sequence(tmp_path)
    shutil.copytree(tmp_path / "chess/seq-01", tmp_path / "chess/seq-02")
    expected = [("chess_seq-01", "chess"), ("chess_seq-02", "chess")]
    assert [(ref.id, ref.group) for ref in READER.scenes(tmp_path)] == expected
    assert READER.detect(tmp_path / "chess") == tmp_path
    assert [ref.id for ref in READER.scenes(tmp_path / "chess/seq-02")] == ["chess_seq-02"]
    assert len(READER.read(READER.scenes(tmp_path)[1]).frames) == 6


def test_a_log_of_as_many_records_goes_by_order(tmp_path: Path) -> None:
    """Images counted from 1, records from 0: as many of both, so the order decides."""
    folder = tmp_path / "kitchen"
    for index, pixels in enumerate(ROOM.images):
        write_image(folder / f"color/{index + 1:05d}.jpg", pixels)
    (folder / "trajectory.log").write_text(tiny_rgbd_folder.log_text(ROOM.poses))
    (folder / "K.txt").write_text(matrix_text(box_room.COLOR_K))
    scene = read(tmp_path)
    assert [frame.id for frame in scene.frames] == list("123456")
    np.testing.assert_allclose(scene.frames[0].camera.camera_to_world, ROOM.poses[0], atol=1e-8)


def test_a_log_is_as_open3d_writes_it(tmp_path: Path) -> None:
    """Open3D stores the inverse of the extrinsics (world to camera), under ``i i i+1``."""
    import open3d

    trajectory = open3d.camera.PinholeCameraTrajectory()
    for pose in ROOM.poses:
        view = open3d.camera.PinholeCameraParameters()
        view.extrinsic = np.linalg.inv(pose)
        trajectory.parameters = [*trajectory.parameters, view]
    path = tmp_path / "trajectory.log"
    assert open3d.io.write_pinhole_camera_trajectory(str(path), trajectory)
    found = read_log(path)
    assert found.numbers == tuple(range(len(ROOM.poses)))
    np.testing.assert_allclose(found.poses, ROOM.poses, atol=1e-7)


@pytest.mark.parametrize("line", ["0 0", "0 0 1 1", "0 0 1.5", "-1 0 1", "a b c"])
def test_a_record_begins_with_three_integers(tmp_path: Path, line: str) -> None:
    path = tmp_path / "trajectory.log"
    path.write_text(tiny_rgbd_folder.log_text(ROOM.poses).replace("0 0 1\n", f"{line}\n", 1))
    with pytest.raises(SceneError, match="line 1 is not the three integers") as caught:
        read_log(path)
    assert caught.value.path == str(path)


def test_rows_that_fit_no_images_are_refused(tmp_path: Path) -> None:
    path = tiny_rgbd_folder.rows(tmp_path)
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(SceneError, match="5 poses for 6 images") as caught:
        read(tmp_path)
    assert caught.value.path == str(path)
    assert "frame_index.csv" in caught.value.remedy


def test_pose_files_that_are_gone_or_damaged_cost_their_frames(tmp_path: Path) -> None:
    tiny_rgbd_folder.pose_files(tmp_path)
    folder = tmp_path / "kitchen"
    (folder / "poses/001.txt").unlink()
    (folder / "poses/002.txt").write_text("1 2 3")
    (folder / "poses/003.txt").write_text("-inf " * 16)
    (folder / "rgb/4.jpg").unlink()
    (folder / "depth/0005.png").unlink()
    scene = read(tmp_path)
    assert dict(scene.skipped) == {
        "no pose": 2, "pose not finite": 1, "no colour image": 1, "no depth image": 1,
    }  # fmt: skip
    assert [frame.id for frame in scene.frames] == ["0", "5"]


def test_known_gaps_and_saturation_are_unknown(tmp_path: Path) -> None:
    tiny_rgbd_folder.pose_files(tmp_path)
    depth = ROOM.depths[0].copy()
    depth[:5], depth[5:9] = 0, 65535
    write_depth(tmp_path / "kitchen/depth/0000.png", depth)
    loaded = read(tmp_path).frames[0].load_depth()
    assert (loaded[:9] == 0).all()
    assert (loaded[9:] > 0).all()


def test_depth_along_the_ray_becomes_z(tmp_path: Path) -> None:
    tiny_rgbd_folder.pose_files(tmp_path)
    k = ROOM.depth_intrinsics
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    ray = np.sqrt(((x - k[0, 2]) / k[0, 0]) ** 2 + ((y - k[1, 2]) / k[1, 1]) ** 2 + 1)
    for index, depth in enumerate(ROOM.depths):
        write_depth(tmp_path / f"kitchen/depth/{index:04d}.png", depth * ray)
    write_notes(tmp_path / "kitchen", '[depth]\nkind = "ray"\n')
    np.testing.assert_allclose(read(tmp_path).frames[2].load_depth(), ROOM.depths[2] / 1000, atol=1e-3)


def test_bits_are_turned_only_where_that_is_known(tmp_path: Path) -> None:
    tiny_rgbd_folder.picking(tmp_path)
    write_notes(tmp_path / "kitchen", '[depth]\ncoding = "plain"\n')
    plain = read(tmp_path).frames[0].load_depth()
    assert np.median(np.abs(plain - ROOM.depths[0] / 1000)) > 0.5


def test_a_unit_that_no_room_has_is_refused(tmp_path: Path) -> None:
    tiny_rgbd_folder.pose_files(tmp_path)
    for index, depth in enumerate(ROOM.depths):
        write_depth(tmp_path / f"kitchen/depth/{index:04d}.png", depth, per_metre=20.0)
    with pytest.raises(SceneError, match="which no room has") as caught:
        read(tmp_path)
    assert "units_per_metre" in caught.value.remedy
    write_notes(tmp_path / "kitchen", "[depth]\nunits_per_metre = 20.0\n")
    np.testing.assert_allclose(read(tmp_path).frames[0].load_depth(), ROOM.depths[0] / 1000, atol=0.03)


def test_the_depth_camera_s_own_lens(tmp_path: Path) -> None:
    tiny_rgbd_folder.pose_files(tmp_path)
    write_notes(
        tmp_path / "kitchen", "[depth]\nfx = 100.0\nfy = 101.0\ncx = 63.5\ncy = 47.5\nwidth = 128\nheight = 96\n"
    )
    np.testing.assert_allclose(
        read(tmp_path).frames[0].depth_camera.intrinsics, [[50, 0, 31.5], [0, 50.5, 23.5], [0, 0, 1]]
    )
    write_notes(tmp_path / "kitchen", "[depth]\nfx = 100.0\nfy = 101.0\ncx = 63.5\ncy = 47.5\n")
    with pytest.raises(SceneError, match="not of 64 x 48"):
        read(tmp_path)


def test_objects_from_maps(tmp_path: Path) -> None:
    tiny_rgbd_folder.pose_files(tmp_path)
    stored = np.zeros((72, 96), np.uint8)
    stored[10:30, 10:40], stored[40:60, 50:80], stored[0, 0] = 5, 12, 99
    folder = tmp_path / "kitchen"
    (folder / "segm").mkdir()
    for index in range(5):
        cv2.imwrite(str(folder / f"segm/frame-{index:06d}.segm.png"), stored.astype(np.uint16 if index else np.uint8))
    write_notes(folder, '[instances]\nimages = "segm/*.segm.png"\n[instances.labels]\n12 = "Kleenex Box"\n5 = "book"\n')
    scene = read(tmp_path)
    assert [(i.id, i.label, i.raw_label) for i in scene.instances] == [
        ("5", "book", "book"), ("12", "kleenex box", "Kleenex Box"),
    ]  # fmt: skip
    assert "instances" in scene.capabilities
    assert scene.skipped["no map of objects"] == 1
    for frame in scene.frames[:2]:
        found = frame.load_instances()
        assert found.dtype == np.int32
        assert (found[20, 20], found[50, 60], found[0, 0], found[70, 90]) == (0, 1, -1, -1)
    write_notes(folder, '[instances]\nimages = "maps/*.png"\n[instances.labels]\n5 = "book"\n')
    with pytest.raises(SceneError, match="maps/"):
        read(tmp_path)


def test_maps_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    tiny_rgbd_folder.pose_files(tmp_path)
    folder = tmp_path / "kitchen"
    write_image(folder / "segm/0.png", np.zeros((72, 96, 3), np.uint8))
    write_depth(folder / "segm/1.png", np.zeros((48, 64)))
    write_notes(folder, '[instances]\nimages = "segm/*.png"\n[instances.labels]\n5 = "book"\n')
    scene = read(tmp_path)
    for frame, what in zip(scene.frames, ("coloured", "64 x 48"), strict=False):
        with pytest.raises(SceneError, match=what):
            frame.load_instances()


def test_pgm_depth_that_is_cut_short_is_named(tmp_path: Path) -> None:
    tiny_rgbd_folder.rows(tmp_path)
    path = tmp_path / "kitchen/depth/3.pgm"
    for length in (0, 1, 8, 500, path.stat().st_size - 30):
        path.write_bytes(path.read_bytes()[:length].ljust(length, b"0"))
        with pytest.raises(SceneError, match=r"3\.pgm"):
            read(tmp_path).frames[3].load_depth()


LOG = tiny_rgbd_folder.log_text(ROOM.poses)
BAD = {
    "trajectory.log": ["", LOG[:-40], LOG[:300], LOG.replace("1 1 2", "x 1 2", 1), LOG.replace("3 3 4", "1 1 2", 1),
                       LOG.replace("\n", "\n\xff", 1)],
    "K.txt": ["", "1 2 3", matrix_text(np.diag([-1, 5, 1])), matrix_text([[80, 0, 200], [0, 80, 36], [0, 0, 1]])],
    "frame_index.csv": ["", "name\n", "name,pose_row\n1.png\n", "name,pose_row\n1.jpg,-1\n", "name,pose_row\n1.jpg,6\n",
                        "name,pose_row\nz.jpg,1\n", "name,pose_row\n1.jpg,x\n", "\xff"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "content"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_bad_files_are_named(tmp_path: Path, name: str, content: str) -> None:
    folder = tmp_path / "kitchen"
    for index, pixels in enumerate(ROOM.images):
        write_image(folder / f"color/{index}.jpg", pixels)
    (folder / "trajectory.log").write_text(LOG)
    (folder / "K.txt").write_text(matrix_text(box_room.COLOR_K))
    assert len(read(tmp_path).frames) == 6
    (folder / name).write_text(content, encoding="latin-1")
    with pytest.raises(SceneError) as caught:
        read(tmp_path)
    assert caught.value.path == str(folder / name)
    assert caught.value.remedy


CAMERA = {"width": 96, "height": 72, "intrinsic_matrix": box_room.COLOR_K.T.ravel().tolist()}


@pytest.mark.parametrize(
    "content",
    ["", "[", "3", "{}", '{"camera": []}', json.dumps({**CAMERA, "intrinsic_matrix": [1, 2]}),
     json.dumps({**CAMERA, "intrinsic_matrix": ["a"] * 9}), json.dumps({**CAMERA, "width": 0}),
     json.dumps({**CAMERA, "width": True}), json.dumps({**CAMERA, "intrinsic_matrix": [0] * 9}), "[" * 90_000],
)  # fmt: skip
def test_bad_camera_files_are_named(tmp_path: Path, content: str) -> None:
    tiny_rgbd_folder.redwood(tmp_path)
    path = tmp_path / "kitchen/camera_primesense.json"
    path.write_text(content)
    with pytest.raises(SceneError) as caught:
        read(tmp_path)
    assert caught.value.path == str(path)


def test_what_is_missing_or_twice_is_named(tmp_path: Path) -> None:
    tiny_rgbd_folder.pose_files(tmp_path)
    folder = tmp_path / "kitchen"
    (folder / "rgb/03.jpg").write_bytes(b"x")
    with pytest.raises(SceneError, match="frame 3 is there twice"):
        read(tmp_path)
    (folder / "rgb/03.jpg").unlink()
    (folder / "intrinsics.txt").unlink()
    with pytest.raises(SceneError, match="nothing states the camera") as caught:
        read(tmp_path)
    assert "K.txt" in caught.value.remedy
    for path in (folder / "rgb").iterdir():
        path.unlink()
    with pytest.raises(SceneError, match="no numbered colour images"):
        read(tmp_path)


def test_a_row_index_is_a_text_of_rows(tmp_path: Path) -> None:
    tiny_rgbd_folder.indexed(tmp_path)
    poses = tmp_path / "kitchen/poses.txt"
    poses.write_text(poses.read_text() + numbers_text([1, 2]))
    with pytest.raises(SceneError, match="line 21"):
        read(tmp_path)


def test_off_centre_intrinsics_of_scene_toml_blame_it(tmp_path: Path) -> None:
    folder = tiny_rgbd_folder.rows(tmp_path).parent
    notes = folder / "scene.toml"
    kept = notes.read_text() if notes.is_file() else ""
    notes.write_text(kept + "\n[color]\nfx = 50.0\nfy = 50.0\ncx = 320.0\ncy = 240.0\n")
    with pytest.raises(SceneError, match="another size") as caught:
        read(tmp_path)
    assert caught.value.path == str(notes)
    assert "[color]" in caught.value.remedy


def test_the_inventory_lists_only_what_is_missing(tmp_path: Path) -> None:
    """Without intrinsics a scene cannot be read; images, poses and depth are there all the same."""
    tiny_rgbd_folder.redwood(tmp_path)
    (ref,) = READER.scenes(tmp_path)
    before = READER.inventory(ref).files
    for path in [*tmp_path.rglob("*.json"), *tmp_path.rglob("K.txt"), *tmp_path.rglob("*intrinsics.txt")]:
        path.unlink()
    with pytest.raises(SceneError, match="intrinsics"):
        READER.read(ref)
    assert READER.inventory(ref).files == before
