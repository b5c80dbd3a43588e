"""The ScanNet reader on every layout people have."""

from __future__ import annotations

import itertools
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from support import box_room
from support.scannet_writer import Take, write_export, write_posed, write_scan, write_sens
from support.tiny_scannet import LAYOUTS

from spatialgen.core.types import Scene
from spatialgen.errors import SceneError
from spatialgen.media.references import read_image
from spatialgen.scene_io import detect
from spatialgen.scene_io.scannet import READER

SCENE = "scene0707_00"


def write_mesh(root: Path, scene: str = SCENE, container: str = "scans", **more) -> Path:
    vertices, faces = box_room.mesh()
    segments, groups = box_room.annotation(vertices)
    defaults = {"alignment": box_room.ALIGNMENT, "segments": segments, "groups": groups}
    return write_scan(root / container / scene, vertices, faces, **(defaults | more))


def write_raw(root: Path, take: Take | None = None, scene: str = SCENE, **more) -> Path:
    folder = write_mesh(root, scene)
    write_sens(folder / f"{scene}.sens", take or box_room.take(), **more)
    return folder


def read(path: Path, **more) -> Scene:
    refs = READER.scenes(path)
    assert len(refs) == 1
    return READER.read(refs[0], **more)


def reprojection_error(scene: Scene) -> float:
    """Median relative error of depth of each frame seen from the next one that has depth."""
    errors = []
    frames = [frame for frame in scene.frames if frame.has_depth]
    for a, b in itertools.pairwise(frames):
        depth, other = a.load_depth(), b.load_depth()
        y, x = np.nonzero(depth)
        k, z = a.depth_camera.intrinsics, depth[y, x].astype(float)
        camera = np.stack([(x - k[0, 2]) / k[0, 0] * z, (y - k[1, 2]) / k[1, 1] * z, z, np.ones_like(z)])
        seen = b.depth_camera.world_to_camera @ a.depth_camera.camera_to_world @ camera
        seen = seen[:, seen[2] > 0.1]
        k = b.depth_camera.intrinsics
        u = np.rint(k[0, 0] * seen[0] / seen[2] + k[0, 2]).astype(int)
        v = np.rint(k[1, 1] * seen[1] / seen[2] + k[1, 2]).astype(int)
        inside = (u >= 0) & (u < other.shape[1]) & (v >= 0) & (v < other.shape[0])
        found = other[v[inside], u[inside]]
        errors.append(np.abs(seen[2][inside] - found)[found > 0] / found[found > 0])
    return float(np.median(np.concatenate(errors)))


def test_raw_release(tmp_path: Path) -> None:
    take = box_room.take()
    folder = write_raw(tmp_path, take)
    scene = read(folder)
    assert (scene.id, scene.dataset, scene.group, scene.split) == (SCENE, "scannet", "scene0707", None)
    assert scene.capabilities == {
        "image",
        "perspective",
        "depth",
        "mesh",
        "instances",
        "silhouettes",
        "up",
        "time",
        "trajectory",
    }
    assert not scene.skipped.keys() - {"object without vertices"}
    np.testing.assert_array_equal(scene.up, (0, 0, 1))
    assert [frame.id for frame in scene.frames] == [str(n) for n in range(6)]
    for frame, pose, depth in zip(scene.frames, take.poses, take.depths, strict=True):
        np.testing.assert_allclose(frame.camera.camera_to_world, box_room.ALIGNMENT @ pose, atol=1e-5)
        np.testing.assert_allclose(frame.raw_camera_to_world, pose, atol=1e-6)
        np.testing.assert_allclose(frame.camera.intrinsics, take.color_intrinsics, rtol=1e-6)
        np.testing.assert_allclose(frame.depth_camera.intrinsics, take.depth_intrinsics, rtol=1e-6)
        assert (frame.camera.width, frame.camera.height) == box_room.COLOR_SIZE
        assert (frame.depth_camera.width, frame.depth_camera.height) == box_room.DEPTH_SIZE
        np.testing.assert_allclose(frame.load_depth(), depth / 1000, rtol=1e-6)
        assert frame.depth_scale == pytest.approx(0.001)
        assert frame.image_ref == f"scans/{SCENE}/{SCENE}.sens#frame={frame.id}"
        assert read_image(tmp_path, frame.image_ref) == frame.load_image()
    assert scene.frames[2].time == pytest.approx(1.066)
    vertices, faces = box_room.mesh()
    aligned = vertices @ box_room.ALIGNMENT[:3, :3].T + box_room.ALIGNMENT[:3, 3]
    np.testing.assert_allclose(scene.vertices, aligned, atol=1e-5)
    np.testing.assert_array_equal(scene.faces, faces)
    assert reprojection_error(scene) < 0.005


def test_frames_are_small_to_pickle_and_load_elsewhere(tmp_path: Path) -> None:
    scene = read(write_raw(tmp_path))
    frame = scene.frames[3]
    data = pickle.dumps(frame)
    assert len(data) < 4000
    np.testing.assert_array_equal(pickle.loads(data).load_depth(), frame.load_depth())


@pytest.mark.parametrize("inner", ["", "exported"])
@pytest.mark.parametrize("frames_25k", [False, True])
def test_exports(tmp_path: Path, inner: str, frames_25k: bool) -> None:
    take = box_room.take()
    take.numbers = [0, 2, 10, 100, 1000, 20000]
    folder = write_mesh(tmp_path)
    write_export(folder / inner, take, padding=6 if frames_25k else 0, frames_25k=frames_25k)
    scene = read(folder)
    assert [frame.id for frame in scene.frames] == ["0", "2", "10", "100", "1000", "20000"]
    stem = "000010" if frames_25k else "10"
    place = f"scans/{SCENE}/{inner}/color" if inner else f"scans/{SCENE}/color"
    assert scene.frames[2].image_ref == f"{place}/{stem}.jpg"
    assert read_image(tmp_path, scene.frames[2].image_ref) == scene.frames[2].load_image()
    np.testing.assert_allclose(scene.frames[2].camera.camera_to_world, box_room.ALIGNMENT @ take.poses[2], atol=1e-5)
    assert "mesh" in scene.capabilities
    assert "time" not in scene.capabilities
    assert reprojection_error(scene) < 0.005


@pytest.mark.parametrize("stated", [False, True], ids=["known size", "size in <id>.txt"])
def test_colour_resized_without_its_intrinsics(tmp_path: Path, stated: bool) -> None:
    native = (640, 480) if not stated else (480, 360)
    k = np.array([[580.0, 0, 0.5 * native[0] + 3], [0, 582.0, 0.5 * native[1] - 2], [0, 0, 1]])
    take = box_room.take(2, native, k)
    info = {"colorWidth": str(native[0]), "colorHeight": str(native[1])} if stated else {}
    folder = write_mesh(tmp_path, info=info)
    write_export(folder, take, resize=(320, 240))
    camera = read(folder).frames[0].camera
    assert (camera.width, camera.height) == (320, 240)
    np.testing.assert_allclose(camera.intrinsics, box_room.depth_k(k, native, (320, 240)), atol=1e-6)


def test_intrinsics_that_fit_no_size_are_refused(tmp_path: Path) -> None:
    take = box_room.take(2, (96, 72), np.array([[300.0, 0, 200], [0, 300.0, 150], [0, 0, 1]]))
    folder = write_mesh(tmp_path)
    write_export(folder, take)
    with pytest.raises(SceneError, match=r"intrinsic_color\.txt.*\(200, 150\).*96 x 72"):
        read(folder)


@pytest.mark.parametrize("padding", [0, 5, 6])
@pytest.mark.parametrize("depth_intrinsic", [True, False])
def test_posed_images(tmp_path: Path, padding: int, depth_intrinsic: bool) -> None:
    take = box_room.take()
    take.numbers = [0, 5, 10, 95, 100, 1005]
    write_mesh(tmp_path)
    folder = write_posed(tmp_path / "posed_images" / SCENE, take, padding=padding, depth_intrinsic=depth_intrinsic)
    scene = read(folder)
    assert [frame.id for frame in scene.frames] == ["0", "5", "10", "95", "100", "1005"]
    assert scene.frames[1].image_ref == f"posed_images/{SCENE}/{5:0{padding}d}.jpg"
    np.testing.assert_allclose(scene.frames[1].depth_camera.intrinsics, take.depth_intrinsics, atol=1e-5)
    assert {"mesh", "instances", "depth"} <= scene.capabilities
    assert reprojection_error(scene) < 0.005


def test_posed_images_without_depth_need_the_mesh(tmp_path: Path) -> None:
    take = box_room.take()
    folder = write_posed(tmp_path / "posed_images" / SCENE, take, depth=False, depth_intrinsic=False)
    with pytest.raises(SceneError, match=rf"no frame has depth.*{SCENE}_vh_clean_2\.ply"):
        read(folder)
    write_mesh(tmp_path)
    scene = read(folder)
    assert scene.capabilities == {"image", "perspective", "mesh", "instances", "silhouettes", "up", "trajectory"}
    assert scene.skipped["no depth image"] == 6


def test_a_scene_without_mesh_has_depth_alone(tmp_path: Path) -> None:
    scene = read(write_posed(tmp_path / "posed_images" / SCENE, box_room.take()))
    assert scene.capabilities == {"image", "perspective", "depth", "up", "trajectory"}
    np.testing.assert_allclose(scene.frames[0].camera.camera_to_world, box_room.poses(1)[0], atol=1e-6)


def test_raw_and_exported_side_by_side(tmp_path: Path) -> None:
    """Whichever folder is named: mesh and labels from the scan, frames from the first source that has depth."""
    take = box_room.take()
    scan = write_mesh(tmp_path)
    write_export(scan / "exported", Take(take.images[:2], [None] * 2, take.poses[:2], *[take.color_intrinsics] * 2))
    posed = write_posed(tmp_path / "posed_images" / SCENE, take)
    for path in (scan, posed, tmp_path / "scans", tmp_path / "posed_images", tmp_path, scan / "exported"):
        assert READER.detect(path) == tmp_path
        scene = read(path)
        assert scene.frames[0].image_ref.startswith("posed_images/")
        assert {"mesh", "instances", "depth"} <= scene.capabilities
    write_sens(scan / f"{SCENE}.sens", take)
    assert read(posed).frames[0].image_ref.endswith(".sens#frame=0")
    assert READER.detect(scan / f"{SCENE}.sens") == tmp_path


def test_a_damaged_sens_is_an_error_even_beside_an_export(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    write_posed(tmp_path / "posed_images" / SCENE, box_room.take())
    path = folder / f"{SCENE}.sens"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SceneError, match=r"\.sens: is cut short in .*frame 1"):
        read(folder)


def test_a_scene_folder_alone_and_a_bare_folder(tmp_path: Path) -> None:
    for scene in ("scene0001_01", "scene0001_00", "office"):
        write_sens(tmp_path / "stuff" / scene / f"{scene}.sens", box_room.take(2))
    (tmp_path / "stuff" / "notes").mkdir()
    root = tmp_path / "stuff"
    refs = READER.scenes(root)
    assert [ref.id for ref in refs] == ["office", "scene0001_00", "scene0001_01"]
    assert [ref.group for ref in refs] == ["office", "scene0001", "scene0001"]
    assert READER.detect(root) == READER.detect(root / "office") == root
    (only,) = READER.scenes(root / "office")
    assert only == refs[0]
    assert READER.read(only).frames[1].image_ref == "office/office.sens#frame=1"


def test_relative_paths_and_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_raw(tmp_path / "disk")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "scans").symlink_to(tmp_path / "disk" / "scans")
    assert READER.detect(tmp_path / "data" / "scans" / SCENE) == tmp_path / "data"
    monkeypatch.chdir(tmp_path / "disk" / "scans" / SCENE)
    assert READER.detect(Path()) == tmp_path / "disk"


def test_the_root_lists_all_containers_once(tmp_path: Path) -> None:
    write_raw(tmp_path, scene="scene0001_00")
    write_posed(tmp_path / "posed_images" / "scene0001_00", box_room.take(2))
    write_posed(tmp_path / "posed_images" / "scene0000_00", box_room.take(2))
    write_sens(tmp_path / "scans_test" / "scene0708_00" / "scene0708_00.sens", box_room.take(2))
    write_mesh(tmp_path, "scene0002_00")  # never exported: not a scene to work on
    write_export(tmp_path / "scannet_frames_25k" / "scene0003_00", box_room.take(2), padding=6, frames_25k=True)
    ids = [ref.id for ref in READER.scenes(tmp_path)]
    assert ids == ["scene0000_00", "scene0001_00", "scene0003_00", "scene0708_00"]
    assert [ref.id for ref in READER.scenes(tmp_path / "posed_images")] == ["scene0000_00", "scene0001_00"]
    reader, root = detect(tmp_path)
    assert (reader.name, root) == ("scannet", tmp_path)


def test_a_scan_without_frames_fails_by_itself(tmp_path: Path) -> None:
    write_mesh(tmp_path)
    write_raw(tmp_path, scene="scene0001_00")
    broken = next(ref for ref in READER.scenes(tmp_path) if ref.id == SCENE)
    for look in (READER.read, READER.summary_of):
        with pytest.raises(SceneError, match=r"no frames; looked for <id>\.sens"):
            look(broken)


@pytest.mark.parametrize("folder", ["", "meta_data", "Tasks/Benchmark", "splits", ".."])
def test_official_splits(tmp_path: Path, folder: str) -> None:
    root = tmp_path / "data"
    for scene in ("scene0000_00", "scene0001_00", "scene0002_00"):
        write_sens(root / "scans" / scene / f"{scene}.sens", box_room.take(2))
    (root / folder).mkdir(parents=True, exist_ok=True)
    (root / folder / "scannetv2_train.txt").write_text("scene0000_00\nscene0009_00\n")
    (root / folder / "scannetv2_val.txt").write_text("scene0001_00\r\n")
    assert [ref.split for ref in READER.scenes(root)] == ["train", "val", None]
    assert READER.scenes(root / "scans" / "scene0001_00")[0].split == "val"


def test_test_scans_have_no_alignment_and_no_labels(tmp_path: Path) -> None:
    vertices, faces = box_room.mesh()
    folder = write_scan(tmp_path / "scans_test" / SCENE, vertices, faces)
    write_sens(folder / f"{SCENE}.sens", box_room.take(2))
    scene = read(tmp_path)
    assert scene.split == "test"
    assert not scene.skipped
    assert scene.capabilities == {"image", "perspective", "depth", "mesh", "up", "time", "trajectory"}
    np.testing.assert_allclose(scene.vertices, vertices, atol=1e-6)


def test_lost_poses_and_missing_depth_are_counted(tmp_path: Path) -> None:
    take = box_room.take(9)
    take.poses[1] = np.full((4, 4), -np.inf)
    take.poses[2] = np.full((4, 4), np.nan)
    take.poses[3] = take.poses[3] @ np.diag([1.0, 1.0, -1.0, 1.0])
    take.poses[4] = take.poses[4] @ np.diag([1.2, 1 / 1.2, 1.0, 1.0])  # its determinant is 1
    take.poses[5] = take.poses[5].copy()
    take.poses[5][0, 3] = 5000.0
    take.depths[6] = None
    scene = read(write_raw(tmp_path, take))
    assert [frame.id for frame in scene.frames] == ["0", "6", "7", "8"]
    assert {key: value for key, value in scene.skipped.items() if "object" not in key} == {
        "pose not finite": 2,
        "pose not rigid": 2,
        "pose out of range": 1,
        "no depth image": 1,
    }
    assert not scene.frames[1].has_depth
    posed = write_posed(tmp_path / "other" / "posed_images" / SCENE, take)
    (posed / "00007.txt").write_text("1 0 0 0 0 1")
    (posed / "00008.jpg").unlink()
    again = read(posed)
    assert [frame.id for frame in again.frames] == ["0", "6"]
    assert again.skipped["no readable pose file"] == again.skipped["no colour image"] == 1
    assert again.skipped["pose not finite"] == 2


def test_slightly_bent_rotations_are_made_exact(tmp_path: Path) -> None:
    take = box_room.take(3)
    take.poses = [pose.copy() for pose in take.poses]
    take.poses[1][:3, :3] *= 1.002
    scene = read(write_raw(tmp_path, take))
    rotation = scene.frames[1].camera.camera_to_world[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(rotation, (box_room.ALIGNMENT @ box_room.poses(3)[1])[:3, :3], atol=1e-5)


@pytest.mark.parametrize("layout", ["sens", "posed"])
def test_no_usable_pose_at_all_is_an_error(tmp_path: Path, layout: str) -> None:
    take = box_room.take(3)
    take.poses = [np.full((4, 4), -np.inf)] * 3
    folder = write_raw(tmp_path, take) if layout == "sens" else write_posed(tmp_path / "posed_images" / SCENE, take)
    with pytest.raises(SceneError, match=r"no frame has a usable pose \(pose not finite: 3\)"):
        read(folder)


@pytest.mark.parametrize("times", [[0] * 3, [5, 4, 3], [1, 2, 10**15]])
def test_garbage_times_are_no_times(tmp_path: Path, times: list[int]) -> None:
    scene = read(write_raw(tmp_path, box_room.take(3), timestamps=times))
    assert "time" not in scene.capabilities


def test_summaries_come_from_headers(tmp_path: Path) -> None:
    take = box_room.take()
    take.poses[0] = np.full((4, 4), -np.inf)
    write_raw(tmp_path / "a", take)
    write_posed(tmp_path / "b" / "posed_images" / SCENE, take)
    for root in ("a", "b"):
        summary = READER.summary_of(READER.scenes(tmp_path / root)[0])
        assert (summary.frames, summary.width, summary.height) == (6, 96, 72)
        assert 500 < summary.image_bytes < 20_000


@pytest.mark.parametrize("layout", ["raw", "posed_images"])
def test_depth_that_changed_on_disk_has_another_fingerprint(tmp_path: Path, layout: str) -> None:
    LAYOUTS[layout](tmp_path)
    (ref,) = READER.scenes(tmp_path)
    before = READER.read(ref).frames[0]
    assert before.depth_fingerprint == READER.read(ref).frames[0].depth_fingerprint
    assert before.depth_ref is not None
    file = tmp_path / before.depth_ref.partition("#")[0]
    os.utime(file, ns=(1, 1))
    assert READER.read(ref).frames[0].depth_fingerprint != before.depth_fingerprint


@pytest.mark.parametrize("kind", ["export", "posed"])
@pytest.mark.parametrize("name", ["exported", "export", "frames", "sensreader", "a name of one's own"])
def test_frames_in_a_folder_of_any_name_beside_the_scans(tmp_path: Path, name: str, kind: str) -> None:
    """Whichever folder is named: one root, the same references, mesh and labels from the scan."""
    take = box_room.take()
    scan = write_mesh(tmp_path)
    write_mesh(tmp_path, "scene0708_00")  # never exported
    write = write_export if kind == "export" else write_posed
    frames = write(tmp_path / name / SCENE, take)
    (tmp_path / "meta_data").mkdir()
    for path in (scan, frames, tmp_path / name, tmp_path):
        assert READER.detect(path) == tmp_path
        scene = read(path)
        stem = "0.jpg" if kind == "posed" else "color/0.jpg"
        assert (
            scene.frames[0].image_ref == f"{name}/{SCENE}/{stem.replace('0.', '00000.' if kind == 'posed' else '0.')}"
        )
        assert {"mesh", "instances", "depth"} <= scene.capabilities
        np.testing.assert_allclose(
            scene.frames[0].camera.camera_to_world, box_room.ALIGNMENT @ take.poses[0], atol=1e-5
        )
    assert reprojection_error(scene) < 0.005


def test_several_folders_of_frames_are_taken_in_a_fixed_order(tmp_path: Path) -> None:
    scan = write_mesh(tmp_path)
    for name in ("zebra", "apple"):
        write_export(tmp_path / name / SCENE, box_room.take(2))
    write_export(tmp_path / "zebra" / "scene0001_00", box_room.take(2))  # of a scan that is not there
    (first, second) = READER.scenes(tmp_path)
    assert (first.id, second.id) == ("scene0001_00", SCENE)
    assert READER.read(second).frames[0].image_ref == f"apple/{SCENE}/color/0.jpg"
    assert READER.scenes(tmp_path / "zebra") == (first, second)
    assert READER.scenes(tmp_path / "zebra" / "scene0001_00") == (first,)
    write_posed(tmp_path / "posed_images" / SCENE, box_room.take(2))
    assert READER.read(second).frames[0].image_ref.startswith("posed_images/")
    write_sens(scan / f"{SCENE}.sens", box_room.take(2))
    assert READER.read(second).frames[0].image_ref.startswith("scans/")


def test_a_folder_of_other_scenes_beside_the_scans_stays_a_root_of_its_own(tmp_path: Path) -> None:
    write_raw(tmp_path)
    write_export(tmp_path / "mine" / "office", box_room.take(2))
    assert READER.detect(tmp_path / "mine") == READER.detect(tmp_path / "mine" / "office") == tmp_path / "mine"
    assert [ref.id for ref in READER.scenes(tmp_path)] == [SCENE]
