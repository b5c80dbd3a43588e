"""Videos of moving things: the files' layout, exact points, exact visibility, and a truth that explains them all."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from .videos import VIDEO, built_once, cast, images, local_to_world, make, posed, ray_scene

FRAMES, (WIDTH, HEIGHT) = VIDEO["frames"], VIDEO["color_size"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[SimpleNamespace]:
    """One of each source."""
    with built_once():
        return make(tmp_path_factory.mktemp("videos"), scenes=3)


def moving_parts(made: SimpleNamespace, kind: str) -> list[dict]:
    return [part for part in made.described["parts"] if part["kind"] == kind and part["group"] > 0]


def test_files_have_the_official_layout(videos: list[SimpleNamespace]) -> None:
    assert [made.source for made in videos] == ["adt", "pstudio", "drivetrack"]
    names = [r"(Apartment|Lite)_release_\w+_seq\d+_\d+", r"[a-z0-9]+_\d+", r"tapvid3d(_\d+){5}_[1-3]_[\w-]{22}"]
    for made, name in zip(videos, names, strict=True):
        assert re.fullmatch(name, made.path.stem)
        video, count = made.video, len(made.truth["track_part"])
        found = {key: (array.shape, array.dtype) for key, array in video.items()}
        expected = {
            "images_jpeg_bytes": ((FRAMES,), np.dtype(object)),
            "tracks_XYZ": ((FRAMES, count, 3), np.dtype(np.float32)),
            "visibility": ((FRAMES, count), np.dtype(bool)),
            "queries_xyt": ((count, 3), np.dtype(np.float32)),
            "fx_fy_cx_cy": ((4,), np.dtype(np.float64)),
            "extrinsics_w2c": ((FRAMES, 4, 4), np.dtype(np.float64)),
        }
        if made.source == "pstudio":
            del expected["extrinsics_w2c"]
        assert found == expected
        assert all(isinstance(data, bytes) for data in video["images_jpeg_bytes"])
        assert all(image.shape == (HEIGHT, WIDTH, 3) for image in images(video))
        assert 0.8 * VIDEO["tracks"] <= count <= VIDEO["tracks"]


def test_the_truth_recomputes_every_number(videos: list[SimpleNamespace]) -> None:
    for made in videos:
        truth, video = made.truth, made.video
        world_to_camera = np.linalg.inv(truth["camera_to_world"])
        for step in range(FRAMES):
            points, _ = local_to_world(truth, step)
            np.testing.assert_allclose(points, truth["tracks_world"][step], atol=1e-9)
            seen = points @ world_to_camera[step, :3, :3].T + world_to_camera[step, :3, 3]
            np.testing.assert_allclose(video["tracks_XYZ"][step], seen, atol=2e-6)
        if made.source == "pstudio":
            assert np.ptp(truth["camera_to_world"], axis=0).max() == 0
        else:
            np.testing.assert_allclose(video["extrinsics_w2c"], world_to_camera, atol=1e-12)
            assert np.linalg.norm(np.ptp(truth["camera_to_world"][:, :3, 3], axis=0)) > 0.1
        k = truth["intrinsics"]
        np.testing.assert_array_equal(video["fx_fy_cx_cy"], [k[0, 0], k[1, 1], k[0, 2], k[1, 2]])
        np.testing.assert_array_equal(video["visibility"], truth["visibility"])


def test_points_project_to_their_query_pixel_and_part(videos: list[SimpleNamespace]) -> None:
    for made in videos:
        truth, video = made.truth, made.video
        fx, fy, cx, cy = video["fx_fy_cx_cy"]
        x, y, step = video["queries_xyt"].T
        step = step.astype(int)
        assert len(set(step)) == 6
        points = video["tracks_XYZ"][step, np.arange(len(step))].astype(float)
        np.testing.assert_allclose(fx * points[:, 0] / points[:, 2] + cx, x, atol=1e-3)
        np.testing.assert_allclose(fy * points[:, 1] / points[:, 2] + cy, y, atol=1e-3)
        assert video["visibility"][step, np.arange(len(step))].all()
        for when in set(step):
            own = step == when
            pose = truth["camera_to_world"][when]
            ray = np.stack([(x[own] - cx) / fx, (y[own] - cy) / fy, np.ones(own.sum())], 1) @ pose[:3, :3].T
            _, triangle = cast(ray_scene(posed(truth, when), truth["faces"]), pose[:3, 3], ray)
            assert (truth["face_part"][triangle] == truth["track_part"][own]).mean() > 0.995


def test_visibility_is_that_of_cast_rays(videos: list[SimpleNamespace]) -> None:
    for made in videos:
        truth, right, of, seen = made.truth, 0, 0, []
        fx, fy, cx, cy = made.video["fx_fy_cx_cy"]
        for step in range(0, FRAMES, 2):
            points, normals = local_to_world(truth, step)
            pose = truth["camera_to_world"][step]
            towards = points - pose[:3, 3]
            inside = towards @ pose[:3, :3]
            depth = np.where(inside[:, 2] > 0, inside[:, 2], np.nan)
            x, y = fx * inside[:, 0] / depth + cx, fy * inside[:, 1] / depth + cy
            visible = (x >= -0.5) & (x < WIDTH - 0.5) & (y >= -0.5) & (y < HEIGHT - 0.5)
            visible &= np.einsum("ni,ni->n", normals, towards) < 0
            scene = ray_scene(posed(truth, step), truth["faces"])
            near, _ = cast(scene, pose[:3, 3], towards)
            visible &= near > 1 - 0.001 / np.linalg.norm(towards, axis=1)
            right, of = right + (visible == truth["visibility"][step]).sum(), of + len(visible)
            seen.append(visible.mean())
        assert right / of >= 0.999
        assert 0.3 < np.mean(seen) < 0.99, "some points get hidden, most stay"


def test_parts_move_as_their_kind_says(videos: list[SimpleNamespace]) -> None:
    for made in videos:
        poses = made.truth["pose_world"]
        drawers, doors, things = (moving_parts(made, kind) for kind in ("drawer", "door", "moving"))
        assert len(drawers) >= 2
        assert len(doors) == 2
        assert len(things) >= 5
        for part in drawers:
            own = poses[part["id"]]
            np.testing.assert_allclose(own[:, :3, :3], np.tile(own[0, :3, :3], (FRAMES, 1, 1)), atol=1e-12)
            way = own[:, :3, 3] - own[0, :3, 3]
            assert 0.1 <= np.linalg.norm(way, axis=1).max() <= 0.42
            # Out along the drawer's own front, and level.
            ahead = -own[0, :3, 1]
            np.testing.assert_allclose(way, np.outer(way @ ahead, ahead), atol=1e-12)
            assert (way @ ahead >= -1e-12).all()
        for part in doors:
            own = poses[part["id"]]
            np.testing.assert_allclose(own[:, :3, 3], np.tile(own[0, :3, 3], (FRAMES, 1)), atol=1e-12)
            np.testing.assert_allclose(own[:, 2, 2], 1)
            relative = own[:, :3, :3] @ own[0, :3, :3].T
            assert 30 <= np.degrees(np.abs(np.arctan2(relative[:, 1, 0], relative[:, 0, 0]))).max() <= 100
        for part in things:
            moved = np.abs(poses[part["id"]] - poses[part["id"], 0]).max(axis=(1, 2))
            assert moved.max() > 0.1


def test_groups_are_parts_that_never_move_relative_to_each_other(videos: list[SimpleNamespace]) -> None:
    for made in videos:
        poses, group = made.truth["pose_world"], made.truth["part_group"]
        assert [part["group"] for part in made.described["parts"]] == group.tolist()
        still = [part["id"] for part in made.described["parts"] if part["kind"] == "static"]
        np.testing.assert_array_equal(poses[still], np.broadcast_to(np.eye(4), poses[still].shape))
        leaders = [int(np.flatnonzero(group == g)[0]) for g in range(group.max() + 1)]
        for k, own in enumerate(group):
            for number, leader in enumerate(leaders):
                relative = np.linalg.inv(poses[leader]) @ poses[k]
                assert (np.abs(relative - relative[0]).max() < 1e-8) == (number == own)


def test_half_of_the_points_are_on_what_moves(videos: list[SimpleNamespace]) -> None:
    for made in videos:
        group = made.truth["part_group"][made.truth["track_part"]]
        assert 0.35 <= (group > 0).mean() <= 0.55
        followed = np.unique(group[group > 0], return_counts=True)[1]
        assert (followed >= 8).sum() >= 6
        world = made.truth["tracks_world"]
        assert np.ptp(world[:, group == 0], axis=0).max() == 0
        counts = np.bincount(made.truth["track_part"], minlength=len(made.described["parts"]))
        assert [part["tracks"] for part in made.described["parts"]] == counts.tolist()


def test_pictures_show_what_moves(videos: list[SimpleNamespace]) -> None:
    """Of a fixed camera: the picture changes where things were, and nowhere else."""
    made = videos[1]
    first, last = (image.astype(float) for image in (images(made.video)[0], images(made.video)[-1]))
    change = np.abs(last - first).mean(2)
    truth, pixels = made.truth, {}
    k, pose = truth["intrinsics"], truth["camera_to_world"][0]
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    rays = np.stack([(columns - k[0, 2]) / k[0, 0], (rows - k[1, 2]) / k[1, 1], np.ones((HEIGHT, WIDTH))], -1)
    rays = rays.reshape(-1, 3) @ pose[:3, :3].T
    for step in (0, FRAMES - 1):
        _, triangle = cast(ray_scene(posed(truth, step), truth["faces"]), pose[:3, 3], rays)
        pixels[step] = truth["part_group"][truth["face_part"][triangle]].reshape(HEIGHT, WIDTH)
    came = (pixels[0] > 0) != (pixels[FRAMES - 1] > 0)
    still = (pixels[0] == 0) & (pixels[FRAMES - 1] == 0)
    assert came.mean() > 0.01
    assert np.median(change[came]) > 12
    assert np.median(change[still]) < 2


def test_nothing_passes_through_anything(videos: list[SimpleNamespace]) -> None:
    """No vertex of anything but the floor is ever inside the box around a thing that moves."""
    for made in videos:
        truth, labels = made.truth, [part["label"] for part in made.described["parts"]]
        part = np.zeros(len(truth["vertices"]), int)
        part[truth["faces"]] = truth["face_part"][:, None]
        solid = np.array([label != "floor" for label in labels])[part]
        for step in (0, FRAMES // 2, FRAMES - 1):
            world = posed(truth, step)
            for thing in moving_parts(made, "moving"):
                if thing["label"] == "ball":
                    continue  # its box turns with it
                own = truth["vertices"][part == thing["id"]]
                pose = truth["pose_world"][thing["id"], step]
                near = solid & (np.abs(world[:, :2] - pose[:2, 3]).max(1) < 1) & (part != thing["id"])
                local = (world[near] - pose[:3, 3]) @ pose[:3, :3]
                inside = ((local > own.min(0) + 0.012) & (local < own.max(0) - 0.012)).all(1)
                met = {labels[k] for k in part[near][inside]}
                assert not met, f"{thing['label']} meets {met}"


def test_same_seed_same_bytes_however_many_are_made(videos: list[SimpleNamespace], tmp_path: Path) -> None:
    (again,) = make(tmp_path)
    for path, other in ((again.path, videos[0].path), *_truths(again.path, videos[0].path)):
        assert path.name == other.name
        assert path.read_bytes() == other.read_bytes()


def _truths(a: Path, b: Path) -> list[tuple[Path, Path]]:
    return [
        (a.parent.parent / "truth" / f"{a.stem}{end}", b.parent.parent / "truth" / f"{b.stem}{end}")
        for end in (".npz", ".json")
    ]
