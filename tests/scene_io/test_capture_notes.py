"""scene.toml: what it may say, and that nothing else passes."""

from __future__ import annotations

import importlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from support import box_room, tiny_rgbd_folder
from support.capture_writer import write_mesh, write_notes

from spatialgen import scene_io
from spatialgen.errors import SceneError
from spatialgen.scene_io import _capture_toml
from spatialgen.scene_io._capture_place import folder_of
from spatialgen.scene_io._capture_toml import read_notes
from spatialgen.scene_io.rgbd_folder import READER


def read(root: Path):
    (ref,) = READER.scenes(root)
    return READER.read(ref)


def test_the_example_of_its_description_is_valid(tmp_path: Path) -> None:
    """What a person copies from the module's (and the docs') example is accepted, every key of it."""
    text = _capture_toml.__doc__.partition("::\n")[2]
    lines = [line.removeprefix("    ") for line in text.splitlines()]
    write_notes(tmp_path, "\n".join(lines).replace("fx = 365.0", "fx = 365.0\nfy = 365.0\ncx = 160.0\ncy = 120.0"))
    notes, path = read_notes(tmp_path, tmp_path)
    assert path == tmp_path / "scene.toml"
    assert notes.up == (0, 0, 1)
    assert notes.instances.labels == {"5": "kleenex tissue box"}
    assert notes.depth.lens.fx == 365.0
    assert notes.color.model == "pinhole"


@pytest.mark.parametrize(
    "up", ['"+x"', '"-x"', '"+y"', '"-y"', '"+z"', '"-z"', "[0, 0, -2]", "[1, 2, 3]", "[0.0, 1e-3, -1]"]
)
def test_up_is_turned_to_z(tmp_path: Path, up: str) -> None:
    write_notes(tmp_path, f"up = {up}\n")
    notes, _ = read_notes(tmp_path, tmp_path)
    turn = notes.world_from_stored
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)
    np.testing.assert_allclose(turn @ notes.up, (0, 0, 1), atol=1e-12)
    if up == '"+z"':
        np.testing.assert_array_equal(turn, np.eye(3))


BAD = {
    "colour = 3": "colour",
    "up = 3": "up",
    'up = "z"': "up",
    'up = "+w"': "up",
    "up = [0, 0, 0]": "up",
    "up = [0, 1]": "up",
    "up = [true, 0, 1]": "up",
    "up = [0, nan, 1]": "up",
    "metres_per_unit = 0": "metres_per_unit",
    "metres_per_unit = inf": "metres_per_unit",
    'metres_per_unit = "1"': "metres_per_unit",
    "mesh = false": "mesh",
    "[poses]\nconvention = 'c2w'": "poses.convention",
    "[poses]\naxes = 'blender'": "poses.axes",
    "[poses]\nscale = 1": "poses.scale",
    "[color]\nfx = 1": "color",
    "[color]\nfx = 1\nfy = 1\ncx = 1\ncy = 1\nwidth = 3": "color",
    "[color]\nfx = -1\nfy = 1\ncx = 1\ncy = 1": "color.fx",
    "[color]\nfx = 1\nfy = 1\ncx = 1\ncy = 1\nmodel = 'opencv'": "color",
    "[color]\nfx = 1\nfy = 1\ncx = 1\ncy = 1\ndistortion = [0.1]": "color",
    "[color]\nfx = 1\nfy = 1\ncx = 1\ncy = 1\nwidth = 1.5\nheight = 2": "color.width",
    "[depth]\nkind = 'euclidean'": "depth.kind",
    "[depth]\ncoding = 'shifted'": "depth.coding",
    "[depth]\nunits_per_metre = -1000": "depth.units_per_metre",
    "[depth]\nfx = 100": "depth",
    "[instances]\nimages = '*.png'": "instances.labels",
    "[instances]\nimages = '*.png'\nlabels = {a = 'b'}": "instances.labels",
    "[instances]\nimages = '*.png'\nlabels = {70000 = 'b'}": "instances.labels",
    "[instances]\nimages = '*.png'\nlabels = {05 = 'b'}": "instances.labels",
    "[instances]\nimages = ''\nlabels = {5 = 'b'}": "instances.images",
    "[instances]\nimages = '/*.png'\nlabels = {5 = 'b'}": "instances.images",
    "[instances]\nimages = '../*.png'\nlabels = {5 = 'b'}": "instances.images",
    "[instances]\nimages = '*.png'\nlabels = {1 = ' '}": "instances.labels",
    "up = [0, 0": "not TOML",
    "\xff": "not in UTF-8",
}


@pytest.mark.parametrize("text", BAD)
def test_anything_else_is_refused_by_key(tmp_path: Path, text: str) -> None:
    (tmp_path / "scene.toml").write_text(text, encoding="latin-1")
    with pytest.raises(SceneError, match=BAD[text]) as caught:
        read_notes(tmp_path, tmp_path)
    assert caught.value.path == str(tmp_path / "scene.toml")
    assert caught.value.remedy


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "scene.toml").write_text("metres_per_unit = 0.5\n", encoding="utf-8-sig")
    assert read_notes(tmp_path, tmp_path)[0].metres_per_unit == 0.5


def test_depth_of_another_field_of_view_needs_a_lens_of_its_own(tmp_path: Path) -> None:
    tiny_rgbd_folder.pose_files(tmp_path)
    folder = tmp_path / "kitchen"
    depths = sorted((folder / "depth").iterdir())
    for path in depths:
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert cv2.imwrite(str(path), stored[:, : stored.shape[1] // 2])
    with pytest.raises(SceneError, match="same field of view") as caught:
        read(tmp_path)
    assert caught.value.path == str(depths[0])
    assert "[depth]" in caught.value.remedy
    write_notes(folder, "[depth]\nfx = 40\nfy = 40\ncx = 15.5\ncy = 23.5\n")
    assert read(tmp_path).frames[0].has_depth


def test_a_scene_s_own_file_comes_before_the_root_s(tmp_path: Path) -> None:
    tiny_rgbd_folder.pose_files(tmp_path)
    (tmp_path / "kitchen/scene.toml").unlink()
    assert read(tmp_path).up is None
    write_notes(tmp_path, 'up = "-y"\n')
    assert read(tmp_path).up is not None
    write_notes(tmp_path / "kitchen", "metres_per_unit = 2\n")
    scene = read(tmp_path)
    assert scene.up is None
    np.testing.assert_allclose(scene.frames[0].camera.centre, 2 * box_room.poses(1)[0][:3, 3])


def test_which_mesh(tmp_path: Path) -> None:
    tiny_rgbd_folder.pose_files(tmp_path)
    folder = tmp_path / "kitchen"
    (folder / "mesh.ply").rename(folder / "tsdf_Mesh.ply")
    assert read(tmp_path).has_mesh
    write_mesh(folder / "other_mesh.ply")
    with pytest.raises(SceneError, match=r"other_mesh\.ply, tsdf_Mesh\.ply"):
        read(tmp_path)
    write_notes(folder, 'mesh = "other_mesh.ply"\n')
    assert read(tmp_path).has_mesh
    write_notes(folder, 'mesh = "none"\n')
    assert not read(tmp_path).has_mesh
    write_notes(folder, 'mesh = "gone.ply"\n')
    with pytest.raises(SceneError, match=r"gone\.ply") as caught:
        read(tmp_path)
    assert caught.value.path == str(folder / "scene.toml")


def test_a_lens_stated_for_another_size_is_rescaled(tmp_path: Path) -> None:
    tiny_rgbd_folder.pose_files(tmp_path)
    text = "[color]\nfx = 172.0\nfy = 174.0\ncx = 94.5\ncy = 72.5\nwidth = 192\nheight = 144\n"
    text += 'model = "opencv"\ndistortion = [0.1, 0.0, 0.0, 0.0]\n'
    write_notes(tmp_path / "kitchen", text)
    camera = read(tmp_path).frames[0].camera
    np.testing.assert_allclose(camera.intrinsics, box_room.COLOR_K)
    assert (camera.model, camera.distortion) == ("opencv", (0.1, 0, 0, 0))


@pytest.mark.parametrize("name", ["rgbd_folder", "nerfstudio", "colmap", "tum", "replica"])
def test_the_inventory_of_a_scene_that_cannot_be_read_keeps_what_is_there(tmp_path: Path, name: str) -> None:
    tiny = importlib.import_module(f"support.tiny_{name}")
    reader = scene_io.load(name)
    for layout, write in tiny.LAYOUTS.items():
        write(tmp_path / layout)
        ref = reader.scenes(tmp_path / layout)[0]
        before = {note.name for note in reader.inventory(ref).files if note.path}
        notes = folder_of(ref.root, ref.id) / "scene.toml"
        notes.write_text("no_such_key = 1")
        with pytest.raises(SceneError, match="no such key"):
            reader.read(ref)
        assert {note.name for note in reader.inventory(ref).files if note.path} == before | {"scene.toml"}, layout
