"""An independent reader of Structured3D (``scenezoo``, written by others) as second witness, on the same files.

What the two do not share, and why:

- Frames: it reads one room at a time, indexed by position; ours are all rooms, ``<room>/<position>``.
- Labels: it votes on panoramas only, which have no instance images in the first releases; ours on the stream's own
  views. Given panoramas with instance images both name the same classes. An object in no image it calls ``unknown``,
  we ``unlabelled``.
- Boxes: it turns a left-handed one round by its last axis, and so do we; a box with two equal ids, or with axes that
  are not at right angles, it refuses with the whole scene, we with that box alone.
- Rooms: it starts a mesh of walls from the floor polygon, which is the one ``Scene.layout`` has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import structured3d_writer as writer

from spatialgen.core.types import Scene
from spatialgen.media.images import decode_rgb
from spatialgen.scene_io.structured3d import READER

SCENE = "scene_00021"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("houses")
    writer.write_scene(folder / "Structured3D" / SCENE, views=6)
    for index, room in enumerate(writer.ROOM_IDS):
        writer.write_panorama(folder / "Structured3D" / SCENE, room, index)
    return folder


@pytest.fixture(scope="module")
def other(root: Path) -> Any:
    scenezoo = pytest.importorskip("scenezoo.dataset.scene.structured3d", reason="scenezoo is not installed")
    # It fetches the dataset's metadata; these are the parts that are looked at here.
    (root / "labelids.txt").write_text("3\tcabinet\n5\tchair\n7\ttable\n9\twindow\n29\tbox\n")
    (root / "room_types.txt").write_text("living room\nbedroom\n")
    (root / "errata.txt").write_text("# invalid scene\nscene_01155\n")
    files = {
        "label_name_file": root / "labelids.txt",
        "room_type_file": root / "room_types.txt",
        "errata_file": root / "errata.txt",
    }
    return scenezoo.Structured3D(root, offline=True, **files)


@pytest.fixture(scope="module")
def scene(root: Path) -> Scene:
    return READER.read(READER.scenes(root)[0])


@pytest.mark.parametrize("room", writer.ROOM_IDS)
def test_views_are_the_same(scene: Scene, other: Any, room: str) -> None:
    items = ("rgb", "depth", "instance_maps", "rgb_intrinsics", "world_to_camera")
    theirs = other.get_frames(SCENE, room_id=room, items=items)
    ours = [frame for frame in scene.frames if frame.id.startswith(f"{room}/")]
    assert [frame.id for frame in ours] == [f"{room}/{index}" for index in theirs.indices] != []
    ids = np.array([*(int(instance.id) for instance in scene.instances), 65535])
    for n, frame in enumerate(ours):
        np.testing.assert_allclose(theirs.rgb_intrinsics[n], frame.camera.intrinsics, rtol=1e-6)
        np.testing.assert_allclose(theirs.world_to_camera[n], frame.camera.world_to_camera, atol=1e-6)
        np.testing.assert_allclose(theirs.depth[n], frame.load_depth(), atol=1e-6)
        np.testing.assert_array_equal(theirs.instance_maps[n], ids[frame.load_instances()])
        np.testing.assert_array_equal(theirs.rgb[n], decode_rgb(frame.load_image()))


@pytest.mark.parametrize("room", writer.ROOM_IDS)
def test_panoramas_are_the_same(root: Path, other: Any, room: str) -> None:
    theirs = other.get_frames(SCENE, room_id=room, source="panorama", items=("depth", "world_to_camera"))
    (ref,) = READER.scenes(root, stream="panorama")
    frame = next(frame for frame in READER.read(ref).frames if frame.id == f"{room}/panorama")
    assert (theirs.camera_model, theirs.depth_mode) == ("EQUIRECTANGULAR", "ray_distance")
    np.testing.assert_allclose(theirs.world_to_camera[0], frame.camera.world_to_camera, atol=1e-6)
    np.testing.assert_allclose(theirs.depth[0], frame.load_depth(), atol=1e-6)


def test_boxes_and_labels_are_the_same(scene: Scene, other: Any) -> None:
    boxes, names = other.get_boxes(SCENE)
    ours = {int(instance.id): instance for instance in scene.instances}
    assert set(boxes) == set(ours)
    for number, box in boxes.items():
        found = ours[number].box
        np.testing.assert_allclose(box.center, found.centre, atol=1e-9)
        np.testing.assert_allclose(box.extent, found.size, atol=1e-9)
        np.testing.assert_allclose(box.R, found.rotation, atol=1e-9)
        assert names[number] == ("unknown" if number == writer.UNSEEN else ours[number].raw_label)


def test_floors_are_the_same(scene: Scene, other: Any) -> None:
    for room in scene.layout.rooms:
        vertices = np.asarray(other.get_mesh(SCENE, room_id=room.id).vertices)
        floor = vertices[np.abs(vertices[:, 2]) < 1e-9]
        assert {tuple(corner) for corner in np.round(floor, 6)} == {tuple(c) for c in np.round(room.outline, 6)}
