"""Real sequences as they lie, through the readers of own captures: depth of a frame seen from another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spatialgen import scene_io
from spatialgen.core.types import Frame, Scene

SEQUENCES = {
    # folder: scene.toml, frames, frames apart, stated median error (its description), rounded up
    "hololens_dvmvs_000": ('up = "+y"\n', 62, 1, 0.0035),
    "icl_livingroom1_micro": ("[color]\nfx = 525.0\nfy = 525.0\ncx = 319.5\ncy = 239.5\n", 71, 5, 0.0012),
    "apc2016_shelf_scene": ("", 15, 1, 0.013),
    "nvblox_3dmatch5": ("", 5, 1, 0.013),
    "slambook_rgbd/ch5_rgbd": ("[color]\nfx = 518.0\nfy = 519.0\ncx = 325.5\ncy = 253.5\n", 5, 1, 0.018),
    "open3d_redwood5": ("", 5, 1, 0.0035),
}


def linked(source: Path, root: Path, notes: str) -> Path:
    """A folder of links to a sequence's files, ``scene.toml`` beside them."""
    folder = root / source.name
    folder.mkdir(parents=True)
    for path in source.iterdir():
        (folder / path.name).symlink_to(path)
    if notes:
        (folder / "scene.toml").write_text(notes)
    return folder


def relative_error(a: Frame, b: Frame) -> float:
    """Median of abs(Z - D) / D over a's depth pixels that fall onto known depth in b (nearest pixel); NaN for none."""
    depth, other = a.load_depth(), b.load_depth()
    y, x = (index[::8] for index in np.nonzero(depth))
    z, k = depth[y, x].astype(float), a.depth_camera.intrinsics
    camera = np.stack([(x - k[0, 2]) / k[0, 0] * z, (y - k[1, 2]) / k[1, 1] * z, z, np.ones_like(z)])
    seen = (np.linalg.inv(b.depth_camera.camera_to_world) @ a.depth_camera.camera_to_world @ camera)[:3]
    seen = seen[:, seen[2] > 0.1]
    k = b.depth_camera.intrinsics
    u = np.rint(k[0, 0] * seen[0] / seen[2] + k[0, 2])
    v = np.rint(k[1, 1] * seen[1] / seen[2] + k[1, 2])
    inside = (u >= 0) & (u < other.shape[1]) & (v >= 0) & (v < other.shape[0])
    found = other[v[inside].astype(int), u[inside].astype(int)]
    known = found > 0
    return float(np.median(np.abs(seen[2][inside][known] - found[known]) / found[known])) if known.any() else np.nan


def error_of(scene: Scene, apart: int) -> float:
    pairs = list(zip(scene.frames, scene.frames[apart:], strict=False))
    return float(np.nanmedian([relative_error(a, b) for a, b in pairs[:: max(1, len(pairs) // 14)]]))


def read(real_data: Path, tmp_path: Path, name: str, more: str = "") -> Scene:
    folder = linked(real_data / name, tmp_path / "captures", SEQUENCES[name][0] + more)
    reader, root = scene_io.detect(folder)
    assert (reader.name, root) == ("rgbd_folder", tmp_path / "captures")
    (ref,) = reader.scenes(folder)
    return reader.read(ref)


@pytest.mark.parametrize("name", SEQUENCES)
def test_depth_agrees_between_frames(real_data: Path, tmp_path: Path, name: str) -> None:
    _, frames, apart, limit = SEQUENCES[name]
    scene = read(real_data, tmp_path, name)
    assert len(scene.frames) == frames
    assert not scene.skipped
    assert error_of(scene, apart) <= limit


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("hololens_dvmvs_000", '[poses]\nconvention = "world_to_camera"\n'),
        ("icl_livingroom1_micro", '[poses]\naxes = "opengl"\n'),
        ("apc2016_shelf_scene", '[depth]\ncoding = "plain"\nunits_per_metre = 1000.0\n'),
        ("icl_livingroom1_micro", '[depth]\nkind = "ray"\n'),
    ],
)
def test_a_wrong_convention_shows(real_data: Path, tmp_path: Path, name: str, more: str) -> None:
    """So the agreement above is no accident."""
    _, _, apart, limit = SEQUENCES[name]
    assert error_of(read(real_data, tmp_path, name, more), apart) > 5 * limit


def test_the_mesh_is_turned_with_the_cameras(real_data: Path, tmp_path: Path) -> None:
    scene = read(real_data, tmp_path, "hololens_dvmvs_000")
    assert scene.has_mesh
    heights = np.array([frame.camera.centre[2] for frame in scene.frames])
    floor = np.percentile(scene.vertices[:, 2], 1)
    assert ((heights - floor > 0.5) & (heights - floor < 2.5)).all()
    assert all(frame.camera.camera_to_world[2, 1] < -0.5 for frame in scene.frames)
    frame = scene.frames[30]
    points = frame.camera.world_to_camera[:3] @ np.c_[scene.vertices, np.ones(len(scene.vertices))].T
    k = frame.camera.intrinsics
    u, v = (k @ points)[:2] / points[2]
    inside = (points[2] > 0.2) & (u >= 0) & (u < 539) & (v >= 0) & (v < 359)
    depth = frame.load_depth()[np.rint(v[inside]).astype(int), np.rint(u[inside]).astype(int)]
    near = (depth > 0) & (points[2][inside] < depth * 1.05)  # vertices behind others are hidden
    assert np.median(np.abs(points[2][inside][near] - depth[near]) / depth[near]) < 0.02


def test_objects_of_the_shelf(real_data: Path, tmp_path: Path) -> None:
    """The class ids come without names; whoever knows them states them."""
    notes = '[instances]\nimages = "segm/*.segm.png"\n[instances.labels]\n'
    source = real_data / "apc2016_shelf_scene"
    import cv2

    values = np.unique(cv2.imread(str(source / "segm/frame-000003.segm.png"), cv2.IMREAD_UNCHANGED))
    names = {int(value): f"object {value}" for value in values if value}
    scene = read(real_data, tmp_path, source.name, notes + "".join(f'{v} = "{n}"\n' for v, n in names.items()))
    assert "instances" in scene.capabilities
    assert len(scene.instances) == len(names) > 1
    found = scene.frames[3].load_instances()
    assert set(np.unique(found)) == {-1, *range(len(names))}


def test_a_pair_without_poses_is_no_scene(real_data: Path) -> None:
    folder = real_data / "slambook_rgbd" / "tum_pair"
    assert not [name for name in scene_io.available() if scene_io.load(name).detect(folder) is not None]
