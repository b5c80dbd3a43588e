"""Structured3D scenes are what the files say, by the closed form they were drawn from."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from support import structured3d_writer as writer
from support.closed_form import BOXES
from support.structured3d_writer import OBJECT_CLASSES, OBJECT_IDS, ROOM_IDS, UNSEEN, write_panorama, write_scene
from support.tiny_structured3d import SCENE, parts

from spatialgen.core.types import Scene
from spatialgen.errors import SceneError, UnknownName
from spatialgen.scene_io.base import SceneRef
from spatialgen.scene_io.structured3d import READER

VIEWS = 8


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("houses")
    write_scene(folder / SCENE, views=VIEWS)
    for index, room in enumerate(ROOM_IDS):
        write_panorama(folder / SCENE, room, index)
    return folder


@pytest.fixture(scope="module")
def scene(root: Path) -> Scene:
    return read(root)


def read(path: Path, *, stream: str | None = None, labels: str = "raw") -> Scene:
    (ref,) = READER.scenes(path, stream=stream)
    return READER.read(ref, labels=labels)


def view_of(frame_id: str) -> int:
    """The writer's index of a view."""
    room, position = frame_id.split("/")
    return 2 * (int(position) // 10) + ROOM_IDS.index(room)


def test_frames_are_named_by_room_and_position(scene: Scene) -> None:
    assert [frame.id for frame in scene.frames] == [f"{room}/{p}" for room in ROOM_IDS for p in (0, 10, 20, 30)]
    assert scene.frames[1].image_ref == f"{SCENE}/2D_rendering/90/perspective/full/10/rgb_rawlight.png"
    assert (scene.id, scene.group, scene.dataset, scene.split) == (SCENE, SCENE, "structured3d", "train")
    assert scene.capabilities == {"image", "perspective", "depth", "instances", "up", "layout"}
    assert scene.up.tolist() == [0, 0, 1]
    assert dict(scene.skipped) == {"object without label, no image shows it": 1}


def test_cameras_are_right_handed_with_fractional_focal_lengths(scene: Scene) -> None:
    """A pixel's ray by our intrinsics and pose is the one by direction, up and half angles."""
    for frame in scene.frames:
        camera = frame.camera
        eye, direction, up = writer.look(view_of(frame.id))
        assert np.linalg.det(camera.camera_to_world[:3, :3]) == pytest.approx(1)
        np.testing.assert_allclose(camera.centre, eye, atol=1e-6)
        np.testing.assert_allclose(camera.camera_to_world[:3, 2], direction, atol=1e-6)
        np.testing.assert_allclose(camera.camera_to_world[:3, 1], -up, atol=1e-6)
        v, u = np.mgrid[: camera.height, : camera.width]
        pixels = np.stack([u.ravel(), v.ravel(), np.ones(u.size)])
        rays = (camera.camera_to_world[:3, :3] @ np.linalg.inv(camera.intrinsics) @ pixels).T
        np.testing.assert_allclose(rays, writer.pinhole_rays(direction, up, writer.SIZE), atol=1e-6)


def test_the_official_helper_is_not_followed(scene: Scene) -> None:
    """Its matrix is left-handed (its second row is up), its focal lengths whole: up to a pixel at the image's edge."""
    camera = scene.frames[0].camera
    _, direction, up = writer.look(view_of(scene.frames[0].id))
    official = np.vstack([np.cross(direction, up), -np.cross(direction, np.cross(direction, up)), direction])
    assert np.linalg.det(official) == pytest.approx(-1)
    np.testing.assert_allclose(np.diag([1, -1, 1]) @ official, camera.camera_to_world[:3, :3].T, atol=1e-6)
    width, _ = writer.SIZE
    exact = width / 2 / np.tan(writer.HALF_X)
    assert camera.intrinsics[0, 0] == pytest.approx(exact)
    assert camera.intrinsics[0, 0] != int(exact)
    assert camera.intrinsics[0, 2] == (width - 1) / 2  # the helper counts from the corner: width / 2


def test_depth_is_metres_along_the_axis(scene: Scene) -> None:
    for frame in scene.frames:
        eye, direction, up = writer.look(view_of(frame.id))
        exact, _ = writer.trace(eye, writer.pinhole_rays(direction, up, writer.SIZE))
        np.testing.assert_allclose(frame.load_depth().ravel(), exact, atol=0.00051)


def test_instance_maps_are_indices_into_the_objects(scene: Scene) -> None:
    assert [instance.id for instance in scene.instances] == [str(n) for n in sorted((*OBJECT_IDS, UNSEEN))]
    for frame in scene.frames:
        eye, direction, up = writer.look(view_of(frame.id))
        _, owner = writer.trace(eye, writer.pinhole_rays(direction, up, writer.SIZE))
        found = frame.load_instances()
        assert (found.dtype, found.shape) == (np.int32, writer.SIZE[::-1])
        names = np.array([*(int(instance.id) for instance in scene.instances), 65535])[found]
        np.testing.assert_array_equal(names.ravel(), np.append(OBJECT_IDS, 65535)[owner])


def test_objects_have_boxes_in_metres_and_voted_labels(scene: Scene) -> None:
    by_id = {instance.id: instance for instance in scene.instances}
    names = {7: "table", 3: "cabinet", 29: "box", 5: "chair"}
    for number, kind, box in zip(OBJECT_IDS, OBJECT_CLASSES, BOXES, strict=True):
        found = by_id[str(number)]
        assert (found.label, found.raw_label) == (names[kind], names[kind])
        assert np.linalg.det(found.box.rotation) == pytest.approx(1)
        np.testing.assert_allclose(found.box.centre, box.mean(axis=0), atol=1e-9)
        # Axes may be in any order: the box's extent along the world's axes is what counts.
        np.testing.assert_allclose(np.abs(found.box.rotation) @ found.box.size, box[1] - box[0], atol=1e-9)
    unseen = by_id[str(UNSEEN)]
    assert (unseen.label, unseen.raw_label) == ("unlabelled", "")
    np.testing.assert_allclose(unseen.box.rotation[:, 0], [0.6, 0.8, 0])
    np.testing.assert_allclose(unseen.box.size, [0.2, 0.1, 0.05])


def test_panes_that_are_no_object_are_masked(scene: Scene) -> None:
    seen = 0
    for frame in scene.frames:
        eye, direction, up = writer.look(view_of(frame.id))
        rays = writer.pinhole_rays(direction, up, writer.SIZE)
        length, owner = writer.trace(eye, rays)
        pane = writer.classes_at(eye + length[:, None] * rays, owner) == writer.WINDOW_CLASS
        np.testing.assert_array_equal(frame.load_valid().ravel(), ~pane)
        seen += pane.sum()
    assert seen > 500


def test_rooms_are_floor_polygons_in_metres(scene: Scene) -> None:
    assert [(room.id, room.type) for room in scene.layout.rooms] == [("90", "living room"), ("485142", "bedroom")]
    for room in scene.layout.rooms:
        wanted = [(x / 1000, y / 1000, 0.0) for x, y in writer.OUTLINES[room.id][1]]
        found = [tuple(corner) for corner in room.outline.tolist()]
        start = found.index(wanted[0])
        assert found[start:] + found[:start] == wanted  # counter-clockwise, as written
        kinds = [scene.layout.plane_types[plane] for plane in room.planes]
        assert kinds == ["floor", "ceiling", *["wall"] * len(wanted)]
        distance = scene.layout.normals[list(room.planes)] @ room.outline.mean(axis=0)
        inside = distance + scene.layout.offsets[list(room.planes)]
        assert inside[0] == pytest.approx(0)
        assert inside[1] == pytest.approx(2.6)


def test_outlines_that_are_none_are_counted(tmp_path: Path) -> None:
    folder = write_scene(tmp_path / SCENE, views=2)
    outlines = {
        "1": ("study", [(0, 0), (4000, 0), (1000, 3000), (3000, 3000)]),
        "2": ("kitchen", [(0, 0), (0, 4000), (4000, 4000), (4000, 0)]),
        "3": ("garage", [(0, 0), (2000, 0), (2000, 2000)]),
    }
    loaded = writer.annotation(outlines)
    loaded["semantics"].append({"ID": 7, "type": "balcony", "planeID": []})
    (folder / "annotation_3d.json").write_text(json.dumps(loaded))
    scene = read(tmp_path)
    assert [room.id for room in scene.layout.rooms] == ["2", "3"]
    (ax, ay, _), (bx, by, _) = np.diff(scene.layout.rooms[0].outline[:3], axis=0)
    assert ax * by - ay * bx > 0  # written clockwise
    assert scene.skipped["room outline crosses itself"] == 1
    assert scene.skipped["room without floor"] == 1
    garage, door = (loaded["planeLineMatrix"][loaded["semantics"][index]["planeID"][0]] for index in (4, 5))
    garage[next(i for i, (floor, leaf) in enumerate(zip(garage, door, strict=True)) if floor and not leaf)] = 0
    (folder / "annotation_3d.json").write_text(json.dumps(loaded))
    assert read(tmp_path).skipped["room outline does not enclose a floor"] == 1


def test_panoramas_have_ray_lengths_and_look_along_y(root: Path) -> None:
    scene = read(root, stream="panorama")
    assert [frame.id for frame in scene.frames] == ["90/panorama", "485142/panorama"]
    assert scene.capabilities == {"image", "depth", "instances", "up", "layout"}
    for index, frame in enumerate(scene.frames):
        camera = frame.camera
        eye = writer.look(index)[0]
        assert camera.model == "equirectangular"
        np.testing.assert_allclose(camera.centre, eye, atol=1e-6)
        v, u = np.mgrid[: camera.height, : camera.width]
        azimuth = (u.ravel() - camera.intrinsics[0, 2]) / camera.intrinsics[0, 0]
        down = (v.ravel() - camera.intrinsics[1, 2]) / camera.intrinsics[1, 1]
        local = np.stack([np.cos(down) * np.sin(azimuth), np.sin(down), np.cos(down) * np.cos(azimuth)])
        rays = writer.panorama_rays(writer.PANORAMA_SIZE)
        np.testing.assert_allclose((camera.camera_to_world[:3, :3] @ local).T, rays, atol=1e-9)
        np.testing.assert_allclose(frame.load_depth().ravel(), writer.trace(eye, rays)[0], atol=0.00051)
    labels = {instance.id: instance.label for instance in scene.instances}
    assert labels["17"] == "table"


def test_one_rendering_a_scene(tmp_path: Path) -> None:
    """Full before empty, and empty alone has no objects; a view without image is counted."""
    folder = write_scene(tmp_path / SCENE, views=2)
    writer.write_view(folder, "90", 0, 0, variant="empty")
    writer.write_view(folder, "7", 0, 1, variant="empty")
    scene = read(tmp_path)
    assert [frame.id for frame in scene.frames] == ["90/0", "485142/0"]
    assert all("/full/" in frame.image_ref for frame in scene.frames)
    for room in ROOM_IDS:
        (folder / "2D_rendering" / room / "perspective" / "full" / "0" / "rgb_rawlight.png").unlink()
    scene = read(tmp_path)
    assert [frame.id for frame in scene.frames] == ["7/0", "90/0"]
    assert scene.instances == ()
    assert "instances" not in scene.capabilities
    files = READER.inventory(READER.scenes(tmp_path)[0]).files
    assert [file.name for file in files if "instances" in file.capabilities] == [
        "2D_rendering/<room>/perspective/full/ (Structured3D_perspective_full_*.zip)"
    ]
    write_panorama(folder, "90", 0, variant="empty")
    write_panorama(folder, "90", 0, variant="simple")
    assert "/panorama/simple/" in read(tmp_path, stream="panorama").frames[0].image_ref


def test_views_without_maps_keep_what_they_have(tmp_path: Path) -> None:
    folder = write_scene(tmp_path / SCENE, views=4) / "2D_rendering" / "90" / "perspective" / "full"
    (folder / "0" / "depth.png").unlink()
    (folder / "0" / "instance.png").unlink()
    (folder / "10" / "semantic.png").unlink()
    (folder / "20").mkdir()
    scene = read(tmp_path)
    first, second = scene.frames[:2]
    assert (first.has_depth, first.load_instances, second.load_valid) == (False, None, None)
    assert first.load_valid().all() is not None
    assert scene.skipped["no depth image"] == 1
    assert scene.skipped["no instance map"] == 1
    assert scene.skipped["no colour image"] == 1


def test_objects_without_boxes_come_from_the_images(tmp_path: Path) -> None:
    (write_scene(tmp_path / SCENE) / "bbox_3d.json").unlink()
    scene = read(tmp_path)
    assert [instance.id for instance in scene.instances] == [str(number) for number in sorted(OBJECT_IDS)]
    assert all(instance.box is None for instance in scene.instances)
    assert scene.skipped["object without box"] == 4
    assert {instance.label for instance in scene.instances} == {"table", "cabinet", "box", "chair"}


def test_boxes_that_are_none_lose_only_themselves(tmp_path: Path) -> None:
    folder = write_scene(tmp_path / SCENE, views=2)
    records = writer.boxes()
    records[0]["basis"] = [[1, 0, 0], [0.5, 0.8, 0], [0, 0, 1]]
    records[1]["centroid"] = [float("nan"), 0, 0]
    records.append(records[2])
    records.append({**records[2], "ID": 65535})
    (folder / "bbox_3d.json").write_text(json.dumps(records))
    scene = read(tmp_path)
    boxes = {instance.id: instance.box for instance in scene.instances}
    assert boxes["17"] is None
    assert boxes["3"] is None
    assert boxes["400"] is not None
    assert scene.skipped["object box not of three right angles"] == 2
    assert scene.skipped["object box with an ID used before"] == 1
    assert "65535" not in boxes


def test_ties_go_to_the_lowest_class(tmp_path: Path) -> None:
    folder = write_scene(tmp_path / SCENE, views=1) / "2D_rendering" / "90" / "perspective" / "full" / "0"
    import cv2

    ids = cv2.imread(str(folder / "instance.png"), cv2.IMREAD_UNCHANGED)
    where = np.flatnonzero(ids.ravel() == 17)
    even = where[: len(where) // 2 * 2]
    classes = np.zeros(ids.size, np.uint8)
    classes[even[0::2]], classes[even[1::2]] = 35, 24
    (folder / "semantic.png").write_bytes(writer.palette_png(classes.reshape(ids.shape)))
    assert {i.id: i.label for i in read(tmp_path).instances}["17"] == "refrigerator"


@pytest.mark.parametrize("bits", [4, 8])
def test_semantic_images_of_few_bits(tmp_path: Path, bits: int) -> None:
    folder = write_scene(tmp_path / SCENE, views=1) / "2D_rendering" / "90" / "perspective" / "full" / "0"
    classes = np.full(writer.SIZE[::-1], 4, np.uint8)
    classes[:5] = 9
    (folder / "semantic.png").write_bytes(writer.palette_png(classes, bits=bits))
    scene = read(tmp_path)
    assert {instance.label for instance in scene.instances if instance.id in ("17", "3")} == {"bed"}
    assert (~scene.frames[0].load_valid()[:5]).mean() > 0.8


def test_labels_are_nyu40_or_mapped(root: Path, tmp_path: Path) -> None:
    (ref,) = READER.scenes(root)
    table = tmp_path / "labels.csv"
    table.write_text("from,to\ntable,furniture\nchair,\n")
    READER.check_labels(str(table), root)
    READER.check_labels("nyu40", root)

    def labels(which: str) -> dict[str, str]:
        return {instance.id: instance.label for instance in READER.read(ref, labels=which).instances}

    assert labels("nyu40") == labels("raw")
    mapped = labels(str(table))
    assert (mapped["17"], mapped["25"], mapped["3"]) == ("furniture", "unlabelled", "cabinet")


def test_splits_go_by_number_and_invalid_scenes_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in (2999, 3000, 3249, 3250, 1155):
        write_scene(tmp_path / f"scene_{number:05d}", views=1)
    (tmp_path / "scene_00001").mkdir()
    (tmp_path / "scene_00001" / "annotation_3d.json").write_text("{}")
    with caplog.at_level(logging.WARNING):
        refs = READER.scenes(tmp_path)
    assert [(ref.id, ref.split) for ref in refs] == [
        ("scene_02999", "train"), ("scene_03000", "val"), ("scene_03249", "val"), ("scene_03250", "test"),
    ]  # fmt: skip
    assert "1 scene of the dataset's errata list left out" in caplog.text
    assert "1 scene without perspective images left out" in caplog.text
    with pytest.raises(SceneError, match="scene_01155: the dataset's errata list calls this scene invalid"):
        READER.scenes(tmp_path / "scene_01155")


def test_a_stream_that_is_not_there_says_what_is(tmp_path: Path) -> None:
    write_panorama(tmp_path / SCENE, "90", 0)
    with pytest.raises(SceneError) as caught:
        READER.scenes(tmp_path)
    assert "no perspective image (rgb_rawlight.png) is there, but there are panorama images" in str(caught.value)
    assert "--stream panorama, or unpack Structured3D_perspective_full_*.zip" in caught.value.remedy
    assert len(READER.scenes(tmp_path, stream="panorama")) == 1
    with pytest.raises(UnknownName, match="perspective"):
        READER.scenes(tmp_path, stream="iphone")
    ref = SceneRef(SCENE, "structured3d", SCENE, tmp_path, "structured3d", stream="perspective")
    with pytest.raises(SceneError, match="no perspective image"):
        READER.read(ref)


def test_the_root_is_the_same_from_every_part(tmp_path: Path) -> None:
    parts(tmp_path)
    for folder in (
        tmp_path,
        tmp_path / "Structured3D_bbox",
        tmp_path / "Structured3D_bbox" / "Structured3D",
        tmp_path / "Structured3D_annotation_3d" / "Structured3D" / SCENE,
    ):
        assert READER.detect(folder) == tmp_path, folder
        assert [ref.id for ref in READER.scenes(folder)] == [SCENE]
    scene = read(tmp_path)
    assert scene.frames[0].image_ref.startswith("Structured3D_perspective_full_00/Structured3D/")
    assert len(scene.instances) == 5
    assert scene.layout is not None
    assert READER.detect(tmp_path / "Structured3D_bbox" / "Structured3D" / SCENE / "2D_rendering") is None
    assert READER.detect(tmp_path.parent) is None


@pytest.mark.parametrize("name", ["structured3d", "Structured3D_mine", "structured3d_bbox", "STRUCTURED3D", "rooms"])
def test_a_folder_of_scenes_of_any_other_name_is_a_root(tmp_path: Path, name: str) -> None:
    """A copy beside it, of the same scenes, is no part of it."""
    write_scene(tmp_path / name / SCENE, variant="empty")
    write_scene(tmp_path / "Structured3D_copy" / SCENE)
    write_scene(tmp_path / "Structured3D" / SCENE)
    for folder in (tmp_path / name, tmp_path / name / SCENE):
        assert READER.detect(folder) == tmp_path / name
        (ref,) = READER.scenes(folder)
        scene = READER.read(ref)
        assert not scene.instances
        assert scene.frames[0].image_ref.startswith(f"{SCENE}/")
    assert READER.detect(tmp_path / "Structured3D" / SCENE) == tmp_path
    assert len(read(tmp_path).instances) == 5
