"""NICE-SLAM's Replica: the scale of depth, the mesh beside the room, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support import box_room, tiny_replica

from spatialgen.errors import SceneError
from spatialgen.scene_io.replica import READER


def read(root: Path):
    (ref,) = READER.scenes(root)
    return READER.read(ref)


def test_a_room(tmp_path: Path) -> None:
    tiny_replica.write(tmp_path)
    scene = read(tmp_path)
    assert scene.id == scene.group == "office0"
    assert scene.has_mesh
    np.testing.assert_array_equal(scene.up, (0, 0, 1))
    for frame, pose, depth in zip(scene.frames, box_room.poses(6), box_room.take().depths, strict=True):
        np.testing.assert_allclose(frame.camera.camera_to_world, pose, atol=1e-9)
        np.testing.assert_allclose(frame.load_depth(), depth / 1000, atol=1e-4)
    assert frame.depth_scale == pytest.approx(1 / 6553.5)


def test_several_rooms_and_one_of_them(tmp_path: Path) -> None:
    room = tiny_replica.write(tmp_path)
    room.rename(tmp_path / "room1")
    tiny_replica.write(tmp_path)
    assert [ref.id for ref in READER.scenes(tmp_path)] == ["office0", "room1"]
    assert [ref.id for ref in READER.scenes(tmp_path / "room1")] == ["room1"]
    assert not READER.read(READER.scenes(tmp_path / "room1")[0]).has_mesh


BAD = {
    "office0/traj.txt": ["", "1 2 3\n", "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n"],
    "cam_params.json": ["", "[]", '{"camera": 3}', '{"camera": {"fx": 1}}',
                        json.dumps({"camera": {"fx": 86, "fy": 87, "cx": 47, "cy": 36, "scale": 0}}),
                        json.dumps({"camera": {"fx": 86, "fy": 87, "cx": 47, "cy": 36, "w": -3, "h": 4}}),
                        json.dumps({"camera": {"fx": "86", "fy": 87, "cx": 47, "cy": 36}}),
                        json.dumps({"camera": {"fx": 86, "fy": 87, "cx": 147, "cy": 36}})],
}  # fmt: skip


@pytest.mark.parametrize(("name", "content"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_bad_files_are_named(tmp_path: Path, name: str, content: str) -> None:
    tiny_replica.write(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(SceneError) as caught:
        read(tmp_path)
    assert caught.value.path == str(tmp_path / name)
    assert caught.value.remedy


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    tiny_replica.write(tmp_path)
    (tmp_path / "cam_params.json").unlink()
    with pytest.raises(SceneError, match=r"cam_params\.json is missing"):
        read(tmp_path)
    for path in (tmp_path / "office0/results").iterdir():
        path.unlink()
    with pytest.raises(SceneError, match="there are no images"):
        read(tmp_path)


def test_damaged_meshes_and_images_are_named(tmp_path: Path) -> None:
    tiny_replica.write(tmp_path)
    mesh = tmp_path / "office0_mesh.ply"
    mesh.write_bytes(mesh.read_bytes()[:5000])
    with pytest.raises(SceneError, match=r"office0_mesh\.ply"):
        read(tmp_path)
    mesh.unlink()
    image = tmp_path / "office0/results/frame000003.jpg"
    image.write_bytes(image.read_bytes()[:-200])
    with pytest.raises(SceneError, match=r"frame000003\.jpg"):
        read(tmp_path).frames[3].load_image()
