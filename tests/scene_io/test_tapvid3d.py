"""TAPVid-3D: every spelling and layout gives the tracks and cameras that were written."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.tapvid3d_writer import Take, take, write
from support.tiny_tapvid3d import ADT, DRIVETRACK

from spatialgen import scene_io
from spatialgen.core.types import Scene
from spatialgen.dataset.images import resolve
from spatialgen.media import npz_video
from spatialgen.media.images import decode_rgb, encode_png
from spatialgen.scene_io.tapvid3d import READER


def read(path: Path) -> Scene:
    (ref,) = READER.scenes(path)
    return READER.read(ref)


def matrix(video: Take) -> list[list[float]]:
    fx, fy, cx, cy = video.intrinsics
    return [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]


@pytest.mark.parametrize("readme_names", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("images", ["S", "object", "uint8"])
def test_everything_that_was_written_comes_back(
    tmp_path: Path, images: str, compressed: bool, readme_names: bool
) -> None:
    video = take()
    path = tmp_path / "drivetrack" / f"{DRIVETRACK}.npz"
    write(path, video, images=images, compressed=compressed, readme_names=readme_names)
    scene = read(path)
    assert (scene.id, scene.dataset) == (f"drivetrack_{DRIVETRACK}", "tapvid3d")
    assert scene.capabilities == {"image", "perspective", "tracks", "world_tracks", "time", "trajectory"}
    assert (scene.up, scene.split, dict(scene.skipped)) == (None, None, {})
    assert [frame.id for frame in scene.frames] == ["0", "1", "2", "3", "4", "5"]
    assert [frame.track_step for frame in scene.frames] == [0, 1, 2, 3, 4, 5]
    assert [frame.time for frame in scene.frames] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert scene.tracks.step_seconds == pytest.approx(0.1)
    assert scene.tracks.space == "world"
    assert scene.tracks.has_extrinsics
    np.testing.assert_allclose(scene.tracks.points, video.world, atol=1e-12)
    np.testing.assert_array_equal(scene.tracks.visible, video.visible)
    for step, frame in enumerate(scene.frames):
        np.testing.assert_allclose(frame.camera.world_to_camera, video.world_to_camera[step], atol=1e-12)
        np.testing.assert_allclose(frame.raw_camera_to_world @ video.world_to_camera[step], np.eye(4), atol=1e-12)
        np.testing.assert_array_equal(frame.camera.intrinsics, matrix(video))
        assert frame.load_image() == video.images[step]
        assert frame.image_ref == f"drivetrack/{DRIVETRACK}.npz#frame={step}"


def test_projected_tracks_are_where_the_queries_say(tmp_path: Path) -> None:
    """The stored intrinsics are taken as they stand: no half pixel comes in or gets lost."""
    video = take()
    scene = read(write(tmp_path / "adt" / f"{ADT}.npz", video))
    assert len(set(video.queries[:, 2])) > 1
    for point, (x, y, step) in enumerate(video.queries):
        camera = scene.frames[int(step)].camera
        assert scene.tracks.visible[int(step), point]
        seen = camera.world_to_camera @ (*scene.tracks.points[int(step), point], 1.0)
        pixel = camera.intrinsics @ seen[:3]
        np.testing.assert_allclose(pixel[:2] / pixel[2], (x, y), atol=1e-9)


def test_projected_tracks_are_where_the_picture_shows_them(tmp_path: Path) -> None:
    """The pixel whose centre is nearest to where the file's numbers say is the one a marked point rounds to."""
    video = take()
    for step in range(len(video.images)):
        picture = np.zeros((72, 96, 3), np.uint8)
        for point in range(4):
            x, y = video.pixel(step, point)
            picture[round(y), round(x)] = 255
        video.images[step] = encode_png(picture)
    scene = read(write(tmp_path / "adt" / f"{ADT}.npz", video))
    for step, frame in enumerate(scene.frames):
        picture = decode_rgb(frame.load_image())
        points = scene.tracks.points[step]
        in_camera = points @ frame.camera.world_to_camera[:3, :3].T + frame.camera.world_to_camera[:3, 3]
        pixels = in_camera @ frame.camera.intrinsics.T
        columns, rows = np.rint(pixels[:, :2] / pixels[:, 2:]).astype(int).T
        assert (picture[rows, columns] == 255).all()


def test_a_camera_on_the_wall_is_the_world(tmp_path: Path) -> None:
    video = take(moving_camera=False)
    scene = read(write(tmp_path / "pstudio" / "juggle_8.npz", video, extrinsics=False))
    assert scene.tracks.space == "world"
    assert not scene.tracks.has_extrinsics
    assert dict(scene.skipped) == {}
    assert scene.tracks.step_seconds == pytest.approx(1 / 30)
    np.testing.assert_array_equal(scene.tracks.points, video.world)
    for frame in scene.frames:
        np.testing.assert_array_equal(frame.camera.camera_to_world, np.eye(4))
        assert frame.raw_camera_to_world is None


@pytest.mark.parametrize("name", [f"adt/{ADT}", f"drivetrack/{DRIVETRACK}", ADT, "holiday"])
def test_without_poses_tracks_stay_with_the_camera(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    video = take()
    path = write(tmp_path / f"{name}.npz", video, extrinsics=False)
    with caplog.at_level(logging.WARNING):
        scene = read(path)
    assert scene.tracks.space == "camera"
    np.testing.assert_array_equal(scene.tracks.points, video.in_camera)
    assert all((frame.camera.camera_to_world == np.eye(4)).all() for frame in scene.frames)
    assert dict(scene.skipped) == {
        "camera poses not stated (no extrinsics_w2c), motion in the world unknown": len(scene.frames)
    }
    assert [record.message for record in caplog.records] == [
        f"{path} has no extrinsics_w2c: motion in the world cannot be asked about"
    ]


@pytest.mark.parametrize("far", [0.0, 40_000.0])
def test_steps_without_a_usable_pose_are_left_out(tmp_path: Path, far: float) -> None:
    """Also where the world's origin is a city away, as Waymo's is."""
    video = take(10)
    shift = np.eye(4)
    shift[:3, 3] = (far, -far, 0)
    stated = video.world_to_camera @ np.linalg.inv(shift)
    stated[1] = np.nan
    stated[2, 0, 0] = -np.inf
    stated[3, :3, :3] *= 1.5
    stated[4] = 0.0
    stated[5, :3, 3] += 5000.0
    stated[6, 0, 0] = 1e300
    stated[7, 0, 3] = 1e300
    scene = read(write(tmp_path / f"{DRIVETRACK}.npz", video, extrinsics_w2c=stated))
    assert [frame.id for frame in scene.frames] == ["0", "8", "9"]
    assert [frame.track_step for frame in scene.frames] == [0, 8, 9]
    assert [frame.time for frame in scene.frames] == pytest.approx([0.0, 0.8, 0.9])
    assert dict(scene.skipped) == {"pose not finite": 2, "pose not rigid": 3, "pose out of range": 2}
    assert scene.tracks.points.shape == (10, 4, 3)
    assert not scene.tracks.visible[1:8].any()
    kept = [0, 8, 9]
    np.testing.assert_array_equal(scene.tracks.visible[kept], video.visible[kept])
    np.testing.assert_allclose(scene.tracks.points[kept], video.world[kept] + shift[:3, 3], atol=1e-9)
    for frame in scene.frames:
        np.testing.assert_allclose(frame.camera.world_to_camera, stated[frame.track_step], atol=1e-9)


def test_almost_rigid_poses_are_made_exact(tmp_path: Path) -> None:
    video = take()
    stated = video.world_to_camera.astype(np.float32)
    stated[:, :3, :3] += np.float32(1e-4) * np.arange(9, dtype=np.float32).reshape(3, 3) / 9
    scene = read(write(tmp_path / f"{DRIVETRACK}.npz", video, extrinsics_w2c=stated))
    assert len(scene.frames) == 6
    for frame in scene.frames:
        rotation = frame.camera.camera_to_world[:3, :3]
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(scene.tracks.points, video.world, atol=1e-3)


def test_points_nobody_sees_may_be_anything(tmp_path: Path) -> None:
    video = take()
    points, visible = video.in_camera, video.visible.copy()
    points[0, 1] = np.nan  # not visible
    points[5, 3] = (np.inf, -np.inf, -1.0)  # not visible
    points[2, 0, 2] = -3.0
    points[3, 2] = np.nan
    points[4, 2, 2] = 0.0
    scene = read(write(tmp_path / f"{DRIVETRACK}.npz", video, tracks_XYZ=points))
    visible[2, 0] = visible[3, 2] = visible[4, 2] = False
    np.testing.assert_array_equal(scene.tracks.visible, visible)
    assert dict(scene.skipped) == {"visible track point without a place in front of the camera": 3}
    np.testing.assert_allclose(scene.tracks.points[visible], video.world[visible], atol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_visibility_may_be_numbers(tmp_path: Path, dtype: type) -> None:
    video = take()
    scene = read(write(tmp_path / f"{DRIVETRACK}.npz", video, visibility=video.visible.astype(dtype)))
    np.testing.assert_array_equal(scene.tracks.visible, video.visible)


def test_reading_a_scene_loads_no_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for images in ("S", "object"):
        path = write(tmp_path / images / "a.npz", take(), images=images)
        with monkeypatch.context() as patch:
            patch.setattr(npz_video, "_all_images", None)
            scene = read(path)
            READER.summary_of(READER.scenes(path)[0])
        assert scene.frames[3].load_image() == take().images[3]


def test_one_root_one_id_whichever_path_was_given(tmp_path: Path) -> None:
    generated = tmp_path / "tapvid3d_dataset"
    files = {
        f"adt_{ADT}": write(generated / "adt" / f"{ADT}.npz", take()),
        "adt_odd": write(generated / "adt" / "odd.npz", take()),
        f"drivetrack_{DRIVETRACK}": write(generated / "drivetrack" / f"{DRIVETRACK}.npz", take()),
        "holiday": write(generated / "holiday.npz", take()),
        "pstudio_boxes_5": write(generated / "pstudio" / "boxes_5.npz", take()),
        "pstudio_tennis_5": write(generated / "tennis_5.npz", take()),
    }
    np.savez(generated / "truth.npz", other=np.eye(2))
    np.savez(generated / "adt" / "truth.npz", other=np.eye(2))
    write(generated / "adt" / "tmp" / f"{ADT}.npz", take())
    for path in (tmp_path, generated):
        refs = READER.scenes(path)
        assert [ref.id for ref in refs] == sorted(files)
        assert {ref.root for ref in refs} == {generated} == {READER.detect(path)}
    for ref in refs:
        assert READER.scenes(files[ref.id]) == (ref,)
        assert READER.detect(files[ref.id]) == generated
        scene = READER.read(ref)
        assert scene.id == ref.id
        reference = scene.frames[1].image_ref
        row = {"images": [{"bytes": None, "path": reference}]}
        assert resolve(row, generated)["images"][0]["bytes"] == take().images[1]
    assert [ref.id for ref in READER.scenes(generated / "adt")] == [f"adt_{ADT}", "adt_odd"]
    assert READER.detect(generated / "adt") == generated
    assert scene_io.detect(generated)[0] is READER


def test_groups_join_pieces_and_cameras_of_one_recording(tmp_path: Path) -> None:
    skeleton = "Apartment_release_meal_skeleton_seq136_8"
    other_camera = DRIVETRACK.replace("000_2_5A", "000_1_5A")
    names = [ADT, ADT[:-1] + "12", skeleton, DRIVETRACK, other_camera, "softball_2", "softball_25", "boxes_2", "a_1"]
    for name in [*names, "Lite_release_recognition_Mug_2_seq031_4"]:
        write(tmp_path / f"{name}.npz", take())
    groups = {ref.id: ref.group for ref in READER.scenes(tmp_path)}
    assert groups == {
        f"adt_{ADT}": "adt_Apartment_release_meal_seq136",
        f"adt_{ADT[:-1]}12": "adt_Apartment_release_meal_seq136",
        f"adt_{skeleton}": "adt_Apartment_release_meal_skeleton_seq136",
        "adt_Lite_release_recognition_Mug_2_seq031_4": "adt_Lite_release_recognition_Mug_2_seq031",
        f"drivetrack_{DRIVETRACK}": "drivetrack_9142545919543484617_86_000_106_000",
        f"drivetrack_{other_camera}": "drivetrack_9142545919543484617_86_000_106_000",
        "pstudio_softball_2": "pstudio_softball",
        "pstudio_softball_25": "pstudio_softball",
        "pstudio_boxes_2": "pstudio_boxes",
        "a_1": "a_1",
    }


def test_other_folders_are_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    np.savez(tmp_path / "features.npz", other=np.eye(2))
    (tmp_path / "broken.npz").write_bytes(b"hello")
    for path in (tmp_path, tmp_path / "empty", tmp_path / "features.npz", tmp_path / "gone"):
        assert READER.detect(path) is None


def test_images_of_one_size_and_summary(tmp_path: Path) -> None:
    video = take()
    for images in ("S", "object"):
        path = write(tmp_path / images / f"{ADT}.npz", video, images=images)
        summary = READER.summary_of(READER.scenes(path)[0])
        assert (summary.frames, summary.width, summary.height) == (6, 96, 72)
        lengths = [len(data) for data in video.images]
        assert min(lengths) <= summary.image_bytes <= max(lengths) + 200


def test_the_inventory_says_what_is_known_of_the_camera(tmp_path: Path) -> None:
    for folder, extrinsics, layout in (
        ("adt", True, "adt, camera poses stated"),
        ("adt", False, "adt, camera poses not stated"),
        ("pstudio", False, "pstudio, camera stands still"),
        ("other", False, "source unknown, camera poses not stated"),
    ):
        path = write(tmp_path / folder / "a_1.npz", take(), extrinsics=extrinsics)
        inventory = READER.inventory(READER.scenes(path)[0])
        assert inventory.layout == layout
        missing = [note.name for note in inventory.files if note.path is None]
        assert missing == ([] if extrinsics or folder == "pstudio" else ["extrinsics_w2c in a_1.npz"])


def test_stable_against_the_order_of_points(tmp_path: Path) -> None:
    """float32 and Fortran-ordered arrays, as other tools write them, are the same tracks."""
    video = take()
    scene = read(
        write(
            tmp_path / f"{DRIVETRACK}.npz",
            video,
            tracks_XYZ=np.asfortranarray(video.in_camera),
            fx_fy_cx_cy=video.intrinsics.astype(np.float32),
        )
    )
    np.testing.assert_allclose(scene.tracks.points, video.world, atol=1e-12)
    coarse = replace(video)
    scene = read(write(tmp_path / f"{DRIVETRACK}.npz", coarse, tracks_XYZ=video.in_camera.astype(np.float32)))
    np.testing.assert_allclose(scene.tracks.points, video.world, atol=1e-6)
