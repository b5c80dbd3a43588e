"""ScanNet++: three ways of stating one camera, overlaps, streams, splits, labels."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from support import box_room
from support import tiny_scannetpp as tiny

from spatialgen.core.labels import clean
from spatialgen.core.types import Scene
from spatialgen.dataset import images as dataset_images
from spatialgen.errors import ConfigError, SceneError
from spatialgen.media.images import decode_rgb
from spatialgen.media.references import check_whole
from spatialgen.scene_io.scannetpp import READER


def read(root: Path, stream: str | None = None, labels: str = "raw") -> Scene:
    (ref,) = READER.scenes(root, stream)
    return READER.read(ref, labels=labels)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene with everything but COLMAP's iPhone poses."""
    root = tmp_path_factory.mktemp("scannetpp")
    tiny.v2(root)
    tiny.write_dslr(root / "data" / tiny.SCENE / "dslr")
    return root


def test_colmap_nerfstudio_and_arkit_state_the_same_cameras(tmp_path: Path) -> None:
    shots, names = tiny.Shots(), [f"frame_{number:06d}.jpg" for number in range(6)]
    found = {}
    for kind in ("arkit", "nerfstudio", "colmap"):
        iphone = tiny.write_iphone(tmp_path / kind / tiny.SCENE / "iphone", shots)
        if kind == "nerfstudio":
            lens = dict(zip(("k1", "k2", "p1", "p2"), tiny.LENS, strict=True))
            tiny.write_transforms(
                iphone / "nerfstudio" / "transforms.json", names, shots.poses, camera_model="OPENCV",
                k=tiny.COLOR_K, size=tiny.COLOR_SIZE, lens=lens,
            )  # fmt: skip
        elif kind == "colmap":
            tiny.write_colmap(
                iphone / "colmap", names, shots.poses, model="OPENCV", k=tiny.COLOR_K, size=tiny.COLOR_SIZE,
                lens=tiny.LENS,
            )  # fmt: skip
        found[kind] = read(tmp_path / kind)
        assert (
            kind.replace("arkit", "aligned ARKit").lower()
            in READER.inventory(READER.scenes(tmp_path / kind)[0]).layout.lower()
        )
    for kind, scene in found.items():
        assert [frame.id for frame in scene.frames] == list("012345")
        for frame, pose in zip(scene.frames, shots.poses, strict=True):
            np.testing.assert_allclose(frame.camera.camera_to_world, pose, atol=1e-6)
            np.testing.assert_allclose(frame.camera.intrinsics, tiny.COLOR_K, atol=1e-6)
            np.testing.assert_allclose(frame.depth_camera.intrinsics, tiny.depth_k(), atol=1e-6)
            lens = ("pinhole", ()) if kind == "arkit" else ("opencv", tiny.LENS)
            assert (frame.camera.model, frame.camera.distortion) == lens
            assert (frame.depth_camera.model, frame.depth_camera.distortion) == lens


def test_frames_without_a_colmap_pose_are_left_out_and_counted(tmp_path: Path) -> None:
    tiny.colmap(tmp_path)
    scene = read(tmp_path)
    assert [frame.id for frame in scene.frames] == ["0", "2", "3", "5"]
    assert [count for reason, count in scene.skipped.items() if "COLMAP" in reason] == [2]
    assert scene.frames[1].image_ref == f"data/{tiny.SCENE}/iphone/rgb.mkv#frame=2"
    assert [round((frame.time - scene.frames[0].time) * 60) for frame in scene.frames] == [0, 2, 3, 5]


def test_video_frames_marked_bad_are_left_out(tmp_path: Path) -> None:
    tiny.colmap(tmp_path)
    iphone = tmp_path / "data" / tiny.SCENE / "iphone"
    tiny.write_transforms(
        iphone / "nerfstudio" / "transforms.json", ["frame_000003.jpg"], box_room.poses(1), camera_model="OPENCV",
        k=tiny.COLOR_K, size=tiny.COLOR_SIZE, bad=("frame_000003.jpg",),
    )  # fmt: skip
    scene = read(tmp_path)
    assert [frame.id for frame in scene.frames] == ["0", "2", "5"]
    assert scene.skipped["image marked is_bad"] == 1


def test_images_come_from_their_own_frame_of_the_video(whole: Path) -> None:
    scene = read(whole)
    for frame in reversed(scene.frames):
        pixels = decode_rgb(frame.load_image()).astype(int)
        assert abs(pixels[..., 2].mean() - 20 * int(frame.id)) < 6
        row = {"images": [{"bytes": None, "path": frame.image_ref}]}
        assert dataset_images.resolve(row, whole)["images"][0]["bytes"] == frame.load_image()
        check_whole(whole, frame.image_ref)
        check_whole(whole, frame.depth_ref, depth=True)
    np.testing.assert_array_equal(
        scene.frames[0].load_valid(), np.arange(96)[:, None] + np.zeros(128) >= np.where(np.arange(128) < 20, 10, 0)
    )


@pytest.mark.parametrize(("coding", "scale"), [("lz4", 0.001), ("deflate", 1.0), ("stream", 1.0)])
def test_every_coding_of_depth_gives_the_same_metres(tmp_path: Path, coding: str, scale: float) -> None:
    shots = tiny.Shots(3)
    shots.depths[1][:4] = 0
    tiny.write_iphone(tmp_path / tiny.SCENE / "iphone", shots, coding=coding, masks=False)
    for frame, stored in zip(read(tmp_path).frames, shots.depths, strict=True):
        np.testing.assert_allclose(frame.load_depth(), stored / 1000, atol=1e-6)
        assert frame.depth_scale == scale
        assert frame.load_valid is None


def test_extracted_frames_fill_in_for_the_video_and_the_other_way_round(tmp_path: Path) -> None:
    shots = tiny.Shots()
    iphone = tiny.write_iphone(tmp_path / tiny.SCENE / "iphone", shots)
    tiny.extract(iphone, shots, (1, 4))
    scene = read(tmp_path)
    assert [frame.image_ref.endswith(".jpg") for frame in scene.frames] == [False, True, False, False, True, False]
    assert [frame.has_depth for frame in scene.frames] == [False, True, False, False, True, False]
    assert scene.skipped["no depth image"] == 4
    (iphone / "rgb.mkv").unlink()
    scene = read(tmp_path)
    assert [frame.id for frame in scene.frames] == ["1", "4"]
    assert scene.skipped["no colour image"] == 4


def test_poses_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    shots = tiny.Shots()
    iphone = tiny.write_iphone(tmp_path / tiny.SCENE / "iphone", shots)
    entries = json.loads((iphone / "pose_intrinsic_imu.json").read_text())
    del entries["frame_000001"]["aligned_pose"]
    entries["frame_000003"]["aligned_pose"][0][3] = float("inf")
    entries["frame_000004"]["aligned_pose"] = (2 * np.array(shots.poses[4])).tolist()
    entries["frame_000006"] = entries["frame_000005"] | {"timestamp": 1235.0}  # the video is shorter
    (iphone / "pose_intrinsic_imu.json").write_text(json.dumps(entries))
    scene = read(tmp_path)
    assert [frame.id for frame in scene.frames] == ["0", "2", "5"]
    assert scene.skipped == {"no colour image": 1, "pose not finite": 2, "pose not rigid": 1}
    assert all(frame.time is not None for frame in scene.frames)


def test_intrinsics_of_the_full_video_serve_smaller_extracted_frames(tmp_path: Path) -> None:
    shots = tiny.Shots()
    iphone = tmp_path / tiny.SCENE / "iphone"
    tiny.extract(iphone, shots)
    full = box_room.depth_k(tiny.COLOR_K, tiny.COLOR_SIZE, (1920, 1440))
    tiny.write_arkit(iphone / "pose_intrinsic_imu.json", shots.poses, intrinsics=full)
    np.testing.assert_allclose(read(tmp_path).frames[0].camera.intrinsics, tiny.COLOR_K, atol=1e-9)


def test_the_dslr_is_a_fisheye(whole: Path) -> None:
    scene = read(whole, "dslr")
    assert "trajectory" not in scene.capabilities
    assert [frame.id for frame in scene.frames] == ["DSC01000", "DSC01001", "DSC01003", "DSC01004", "DSC01005"]
    assert scene.skipped["image marked is_bad"] == 1
    assert scene.skipped["no colour image"] == 1
    poses = box_room.poses(7)
    for frame in scene.frames:
        number = int(frame.id[-1])
        camera = frame.camera
        assert (camera.model, camera.distortion) == ("opencv_fisheye", tiny.FISHEYE)
        np.testing.assert_allclose(camera.intrinsics, tiny.FISHEYE_K, atol=1e-9)
        np.testing.assert_allclose(camera.camera_to_world, poses[number], atol=1e-9)
        assert decode_rgb(frame.load_image()).mean() == pytest.approx(20 * number, abs=1)
        assert frame.image_ref == f"data/{tiny.SCENE}/dslr/resized_images/{frame.id}.JPG"
        assert (~frame.load_valid()).sum() == (number + 1) * tiny.FISHEYE_SIZE[0]
        assert not frame.has_depth
        assert frame.time is None
    assert {"mesh", "instances", "up", "image"} <= scene.capabilities


def test_dslr_cameras_are_the_same_without_colmap(tmp_path: Path, whole: Path) -> None:
    expected = read(whole, "dslr")
    tiny.write_scans(tmp_path / tiny.SCENE / "scans")
    dslr = tiny.write_dslr(tmp_path / tiny.SCENE / "dslr", undistorted=False)
    for file in (dslr / "colmap").iterdir():
        file.unlink()
    for frame, other in zip(read(tmp_path, "dslr").frames, expected.frames, strict=True):
        np.testing.assert_allclose(frame.camera.camera_to_world, other.camera.camera_to_world, atol=1e-9)
        np.testing.assert_allclose(frame.camera.intrinsics, other.camera.intrinsics, atol=1e-9)
        assert (frame.camera.model, frame.camera.distortion) == (other.camera.model, other.camera.distortion)


def test_undistorted_images_have_a_pinhole_and_the_same_poses(whole: Path) -> None:
    """Although the toolkit's file lists held-out frames twice."""
    scene, fisheye = read(whole, "dslr_undistorted"), read(whole, "dslr")
    assert [frame.id for frame in scene.frames] == [frame.id for frame in fisheye.frames]
    for frame, other in zip(scene.frames, fisheye.frames, strict=True):
        assert (frame.camera.model, frame.camera.distortion) == ("pinhole", ())
        assert frame.camera.intrinsics[0, 0] == pytest.approx(0.8 * tiny.FISHEYE_K[0, 0])
        np.testing.assert_allclose(frame.camera.camera_to_world, other.camera.camera_to_world, atol=1e-9)
        assert "resized_undistorted_images" in frame.image_ref
        assert frame.load_valid().shape == (100, 150)


def test_a_rotation_noted_in_a_photo_is_not_applied(tmp_path: Path) -> None:
    tiny.write_scans(tmp_path / tiny.SCENE / "scans")
    dslr = tiny.write_dslr(tmp_path / tiny.SCENE / "dslr", undistorted=False)
    exif = (
        b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"
    )
    path = dslr / "resized_images" / "DSC01000.JPG"
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    assert cv2.imread(str(path)).shape[:2] == (150, 100)  # the trap is armed
    frame = read(tmp_path, "dslr").frames[0]
    assert (frame.camera.width, frame.camera.height) == (150, 100)
    assert decode_rgb(frame.load_image()).shape == (100, 150, 3)


def test_a_vertex_of_several_objects_belongs_to_the_smallest(whole: Path) -> None:
    scene = read(whole)
    vertices, _ = box_room.mesh()
    segments, _ = tiny.annotation(vertices)
    by_id = {instance.id: index for index, instance in enumerate(scene.instances)}
    assert set(by_id) == {"1", "3", "7", "4", "12"}  # "remove" and the one without vertices are gone
    expected = np.full(len(vertices), -1)
    for segment, owner in {70001: "1", 5: "1", 70002: "3", 1234: "7", 880: "4", 3: "12"}.items():
        expected[segments == segment] = by_id[owner]
    expected[[6, 200, 201]] = -1  # hidden for privacy
    np.testing.assert_array_equal(scene.vertex_instance, expected)
    for index, instance in enumerate(scene.instances):
        np.testing.assert_array_equal(instance.vertex_ids, np.flatnonzero(expected == index))
    assert (scene.instances[by_id["7"]].label, scene.instances[by_id["7"]].raw_label) == (clean("couch"), "Couch ")
    assert scene.skipped['object labelled "remove"'] == 1
    assert scene.skipped["object without vertices"] == 1
    np.testing.assert_array_equal(scene.up, (0, 0, 1))
    np.testing.assert_allclose(scene.vertices, vertices, atol=1e-6)


def test_the_benchmark_map_renames_and_strikes_out(tmp_path: Path, whole: Path) -> None:
    table = tmp_path / "map_benchmark.csv"
    table.write_text(
        "class,count,semantic_map_to,instance_map_to\n"
        "wall,100,,None\nwhiteboard,20,board,\nCouch,3,None,None\ntrashcan,5,bin,waste bin\nfloor,9,,\n"
    )
    scene = read(whole, labels=str(table))
    assert {instance.id: instance.label for instance in scene.instances} == {
        "3": "board",
        "4": clean("waste bin"),
        "12": "floor",
    }
    assert scene.skipped["object struck out by the label map"] == 2
    assert (scene.vertex_instance[:5] == -1).all()  # the wall keeps its vertices, but is no object
    READER.check_labels(str(table), whole)
    table.write_text("class,count,semantic_map_to,instance_map_to\nwall,100")
    with pytest.raises(ConfigError, match="cut short"):
        READER.check_labels(str(table), whole)


def test_plain_mapping_files_work_as_everywhere(tmp_path: Path, whole: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("from,to\nwhiteboard,panel\n")
    assert {i.id: i.label for i in read(whole, labels=str(table)).instances}["3"] == "panel"


def test_official_lists(tmp_path: Path) -> None:
    for scene in ("aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dddddddddd"):
        tiny.write_arkit(tmp_path / "data" / scene / "iphone" / "pose_intrinsic_imu.json", [np.eye(4)])
        (tmp_path / "data" / scene / "iphone" / "rgb").mkdir()
    splits = tmp_path / "splits"
    splits.mkdir()
    (splits / "nvs_sem_train.txt").write_text("aaaaaaaaaa\ncccccccccc\n")
    (splits / "nvs_sem_val.txt").write_text("bbbbbbbbbb\n")
    (splits / "nvs_test_small.txt").write_text("cccccccccc\n")
    refs = READER.scenes(tmp_path)
    assert {ref.id: ref.split for ref in refs} == {
        "aaaaaaaaaa": "train",
        "bbbbbbbbbb": "val",
        "cccccccccc": "test",
        "dddddddddd": None,
    }
    assert {ref.stream for ref in refs} == {"iphone"}
    assert READER.scenes(tmp_path / "data" / "bbbbbbbbbb")[0] in refs


def test_a_missing_stream_is_named_with_what_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tiny.write_dslr(tmp_path / "data" / "aaaaaaaaaa" / "dslr")
    with pytest.raises(SceneError, match="no images of the stream iphone") as caught:
        READER.scenes(tmp_path)
    assert "--stream dslr" in caught.value.remedy
    (ref,) = READER.scenes(tmp_path, "dslr")
    assert ref.stream == "dslr"
    tiny.write_iphone(tmp_path / "data" / "bbbbbbbbbb" / "iphone", tiny.Shots(2))
    assert [ref.id for ref in READER.scenes(tmp_path)] == ["bbbbbbbbbb"]
    left_out = "1 scene has no images of the stream iphone (iphone/rgb.mkv is missing) and is left out: aaaaaaaaaa"
    assert left_out in caplog.text


def test_a_scene_whose_video_is_gone_is_listed_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folders = [tmp_path / "data" / name for name in ("aaaaaaaaaa", "bbbbbbbbbb")]
    for folder in folders:
        tiny.write_iphone(folder / "iphone", tiny.Shots(2))
    for video in (folders[0] / "iphone").glob("rgb.*"):
        video.unlink()
    refs = READER.scenes(tmp_path)
    assert [ref.id for ref in refs] == ["aaaaaaaaaa", "bbbbbbbbbb"]
    assert not caplog.records
    for look in (READER.read, READER.summary_of):
        with pytest.raises(SceneError, match=r"iphone/rgb\.mkv is missing"):
            look(refs[0])
    assert "iphone/depth.bin (or depth/)" in {note.name for note in READER.inventory(refs[0]).files if note.path}
    assert "iphone/rgb.mkv (or rgb.mp4, or rgb/)" in {
        note.name for note in READER.inventory(refs[0]).files if not note.path
    }
    with pytest.raises(SceneError, match=r"iphone/rgb\.mkv is missing") as caught:
        READER.scenes(folders[0])
    assert "iphone/rgb.mkv" in caught.value.remedy


@pytest.mark.parametrize("missing", ["cameras.txt", "images.txt", "cameras.bin", "images.bin"])
def test_of_half_a_model_the_missing_half_is_named(tmp_path: Path, missing: str) -> None:
    tiny.write_dslr(tmp_path / "data" / tiny.SCENE / "dslr")
    model = tmp_path / "data" / tiny.SCENE / "dslr" / "colmap"
    for path in model.iterdir():
        path.unlink()
    other = ("images" if missing.startswith("cameras") else "cameras") + missing[-4:]
    (model / other).write_text("")
    (ref,) = READER.scenes(tmp_path, "dslr")
    absent = [note.name for note in READER.inventory(ref).files if note.path is None and "colmap" in note.name]
    assert absent == [f"dslr/colmap/{missing}"]


def test_without_depth_a_mesh_is_needed(tmp_path: Path) -> None:
    tiny.write_dslr(tmp_path / "data" / tiny.SCENE / "dslr")
    with pytest.raises(SceneError, match="no mesh") as caught:
        read(tmp_path, "dslr")
    assert "mesh_aligned_0.05.ply" in caught.value.remedy
    tiny.write_iphone(tmp_path / "data" / tiny.SCENE / "iphone", tiny.Shots(2))
    assert "mesh" not in read(tmp_path).capabilities


def test_scannet_trees_are_not_taken_for_it(tmp_path: Path) -> None:
    from support import tiny_scannet

    tiny_scannet.raw(tmp_path)
    assert READER.detect(tmp_path) is None
    assert READER.detect(tmp_path / "scans") is None
