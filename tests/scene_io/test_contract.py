"""What every reader promises, whatever its format; runs over all there are."""

from __future__ import annotations

import importlib
import itertools
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from scipy.spatial import cKDTree

from spatialgen import scene_io
from spatialgen.core.types import Scene
from spatialgen.errors import SceneError
from spatialgen.media.images import image_size
from spatialgen.media.references import read_image


def cases() -> Iterator[object]:
    for name in scene_io.available():
        tiny = importlib.import_module(f"support.tiny_{name}")  # a new reader brings its writer
        for layout in tiny.LAYOUTS:
            yield pytest.param(name, tiny, layout, id=f"{name}-{layout}")


every_layout = pytest.mark.parametrize(("name", "tiny", "layout"), list(cases()))
every_room = pytest.mark.parametrize(  # what is written is the box room, with mesh and depth
    ("name", "tiny", "layout"), [case for case in cases() if hasattr(case.values[1], "SIZE")]
)


def read(root: Path, name: str) -> Scene:
    reader, found = scene_io.detect(root)
    assert (reader.name, found) == (name, root)
    (ref,) = reader.scenes(root)
    assert (ref.format, ref.root) == (name, root)
    return reader.read(ref)


@every_layout
def test_the_scene_is_what_the_contract_says(tmp_path: Path, name: str, tiny: ModuleType, layout: str) -> None:
    tiny.LAYOUTS[layout](tmp_path)
    scene = read(tmp_path, name)
    reader = scene_io.load(name)
    assert scene.capabilities <= reader.provides
    assert ("trajectory" in scene.capabilities) is ("trajectory" in reader.provides)
    assert len({frame.id for frame in scene.frames}) == len(scene.frames) > 1
    numbers = [[int(number) for number in re.findall(r"\d+", frame.id)] for frame in scene.frames]
    assert numbers == sorted(numbers)
    summary = reader.summary_of(reader.scenes(tmp_path)[0])
    assert summary.frames >= len(scene.frames)
    for frame in scene.frames:
        for camera in filter(None, (frame.camera, frame.depth_camera)):
            rotation = camera.camera_to_world[:3, :3]
            assert np.isfinite(camera.camera_to_world).all()
            np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
            assert np.linalg.det(rotation) == pytest.approx(1.0)
            assert abs(camera.intrinsics[0, 2] - camera.width / 2) < 0.2 * camera.width
        data = frame.load_image()
        assert image_size(data) == (frame.camera.width, frame.camera.height) == (summary.width, summary.height)
        assert read_image(tmp_path, frame.image_ref) == data
        assert frame.has_depth is ("depth" in scene.capabilities)
        if not frame.has_depth:
            continue
        depth = frame.load_depth()
        assert depth.dtype == np.float32
        assert depth.shape == (frame.depth_camera.height, frame.depth_camera.width)
        assert np.isfinite(depth).all()
        assert 0.1 < np.median(depth[depth > 0]) < 10  # metres, not millimetres


@every_room
def test_axes_and_up(tmp_path: Path, name: str, tiny: ModuleType, layout: str) -> None:
    """The room's floor is at its alignment's height, cameras stand inside it, see down the +z axis, and y is down."""
    tiny.LAYOUTS[layout](tmp_path)
    scene = read(tmp_path, name)
    heights = scene.vertices @ scene.up
    assert heights.max() - heights.min() == pytest.approx(tiny.SIZE[2], abs=1e-3)
    inverse = np.linalg.inv(tiny.ALIGNMENT)
    for frame in scene.frames:
        centre = inverse[:3, :3] @ frame.camera.centre + inverse[:3, 3]
        assert (centre > 0).all()
        assert (centre < tiny.SIZE).all()
        assert frame.camera.camera_to_world[:3, 1] @ scene.up < -0.8


@every_room
def test_depth_lies_on_the_mesh_and_colour_sees_the_same(
    tmp_path: Path, name: str, tiny: ModuleType, layout: str
) -> None:
    tiny.LAYOUTS[layout](tmp_path)
    scene = read(tmp_path, name)
    corners = scene.vertices[scene.faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    tree = cKDTree(corners.mean(axis=1))
    for frame in scene.frames[::2]:
        depth, camera = frame.load_depth(), frame.depth_camera
        y, x = (grid.ravel() for grid in np.mgrid[3 : camera.height : 9, 3 : camera.width : 9])
        pixels = np.stack([x, y, np.ones_like(x)]).astype(float)
        z = depth[y, x]
        points = camera.camera_to_world[:3, :3] @ (np.linalg.inv(camera.intrinsics) @ pixels * z)
        points = points.T + camera.centre
        _, face = tree.query(points)
        distance = np.abs(((points - corners[face, 0]) * normals[face]).sum(axis=1))
        assert np.median(distance) < 0.002
        projected = frame.camera.intrinsics @ (
            frame.camera.world_to_camera[:3, :3] @ points.T + frame.camera.world_to_camera[:3, 3:]
        )
        u, v = projected[:2] / projected[2]
        scale_x, scale_y = frame.camera.width / camera.width, frame.camera.height / camera.height
        np.testing.assert_allclose(u, (x + 0.5) * scale_x - 0.5, atol=0.05)
        np.testing.assert_allclose(v, (y + 0.5) * scale_y - 0.5, atol=0.05)


@every_layout
def test_the_same_scene_from_any_folder_of_it(tmp_path: Path, name: str, tiny: ModuleType, layout: str) -> None:
    damaged = tiny.LAYOUTS[layout](tmp_path / "root")
    reader = scene_io.load(name)
    (expected,) = reader.scenes(tmp_path / "root")
    folder = damaged.parent
    while folder != tmp_path:
        if (root := reader.detect(folder)) is not None:
            assert root == tmp_path / "root"
            assert reader.scenes(folder) == (expected,)
        folder = folder.parent
    assert reader.detect(tmp_path) is None


@every_layout
def test_scenes_survive_pickling(tmp_path: Path, name: str, tiny: ModuleType, layout: str) -> None:
    tiny.LAYOUTS[layout](tmp_path)
    scene = read(tmp_path, name)
    for frame, copy in itertools.islice(zip(scene.frames, pickle.loads(pickle.dumps(scene.frames)), strict=True), 3):
        assert copy.load_image() == frame.load_image()
        if frame.has_depth:
            np.testing.assert_array_equal(copy.load_depth(), frame.load_depth())


@every_layout
def test_a_damaged_file_is_named(tmp_path: Path, name: str, tiny: ModuleType, layout: str) -> None:
    path = tiny.LAYOUTS[layout](tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(SceneError) as caught:
        read(tmp_path, name)
    assert str(path) in str(caught.value)
    assert caught.value.remedy


@every_layout
def test_the_inventory_names_what_is_there(tmp_path: Path, name: str, tiny: ModuleType, layout: str) -> None:
    tiny.LAYOUTS[layout](tmp_path)
    reader = scene_io.load(name)
    inventory = reader.inventory(reader.scenes(tmp_path)[0])
    assert inventory.layout
    scene = read(tmp_path, name)
    present = {capability for note in inventory.files if note.path for capability in note.capabilities}
    assert present >= scene.capabilities & {"image", "depth", "mesh", "instances", "tracks"}
    assert all(note.path.exists() for note in inventory.files if note.path)


def test_images_keep_their_own_pixels(tmp_path: Path) -> None:
    """Colour is RGB end to end: the box room's red grows with x, its green with y."""
    tiny = importlib.import_module("support.tiny_scannet")
    tiny.LAYOUTS["raw"](tmp_path)
    data = read(tmp_path, "scannet").frames[0].load_image()
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1].astype(int)
    assert pixels[40, -2, 0] - pixels[40, 2, 0] > 150
    assert pixels[-2, 40, 1] - pixels[2, 40, 1] > 150
