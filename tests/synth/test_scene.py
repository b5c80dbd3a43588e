"""Rooms: enough objects, a fine mesh, a truth that holds, cameras that keep their distance, exact depth."""

from __future__ import annotations

import numpy as np
import open3d as o3d
import pytest
from scipy.spatial import cKDTree

from spatialgen import synth
from spatialgen.core.types import Camera
from spatialgen.synth.labels import NYU40_IDS
from spatialgen.synth.mesh import longest_edge
from spatialgen.synth.render import depth_map, paint_image
from spatialgen.synth.room import ROOM_KINDS

from .conftest import SMALL

SHELL = {"wall", "floor", "ceiling"}
Rooms = list[synth.SyntheticScene]


def cast(scene: synth.SyntheticScene, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Depth and triangle by Open3D; inf and -1 for nothing."""
    world = o3d.t.geometry.RaycastingScene(nthreads=1)
    world.add_triangles(o3d.core.Tensor(scene.vertices), o3d.core.Tensor(scene.faces.astype(np.uint32)))
    y, x = np.mgrid[0 : camera.height, 0 : camera.width]
    local = np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(camera.intrinsics).T
    ways = local @ camera.camera_to_world[:3, :3].T
    rays = np.concatenate([np.broadcast_to(camera.centre, ways.shape), ways], -1).astype(np.float32)
    hit = world.cast_rays(o3d.core.Tensor(rays))
    return hit["t_hit"].numpy(), hit["primitive_ids"].numpy().astype(np.int64)


def test_every_kind_of_room_is_made_and_is_full(rooms: Rooms) -> None:
    assert {room.kind for room in rooms} == set(ROOM_KINDS)
    for room in rooms:
        things = [thing for thing in room.objects if thing.label not in SHELL]
        assert len(things) >= 25
        assert len({thing.label for thing in things}) >= 12
        counts = np.unique([thing.label for thing in things], return_counts=True)[1]
        assert counts.max() >= 2, "several of one kind"
        assert {thing.label for thing in room.objects} <= set(NYU40_IDS)
        assert {"door", "window"} <= {thing.label for thing in things}


def test_mesh_is_fine_and_every_vertex_has_an_object(rooms: Rooms) -> None:
    for room in rooms:
        assert 100_000 <= len(room.vertices) <= 260_000
        assert longest_edge(room.vertices, room.faces) <= 0.03
        assert (np.bincount(room.vertex_instance, minlength=len(room.objects)) > 0).all()
        owners = room.vertex_instance[room.faces]
        assert (owners == owners[:, :1]).all(), "no triangle joins two objects"
        assert np.unique(room.faces).size == len(room.vertices), "no loose vertices"
        corners = room.vertices[room.faces].astype(float)
        areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        assert areas.min() > 1e-9


def test_boxes_are_tight(rooms: Rooms) -> None:
    room = rooms[0]
    for thing in room.objects:
        points = room.vertices[room.vertex_instance == thing.id].astype(float)
        local = (points - thing.box.centre) @ thing.box.rotation
        np.testing.assert_allclose(local.max(0), thing.box.size / 2, atol=1e-5)
        np.testing.assert_allclose(local.min(0), -thing.box.size / 2, atol=1e-5)
        np.testing.assert_allclose(thing.box.rotation @ thing.box.rotation.T, np.eye(3), atol=1e-12)


def test_things_stand_on_what_the_truth_says(rooms: Rooms) -> None:
    stacked = 0
    for room in rooms:
        inside = np.abs(room.vertices[:, :2]) <= np.abs(room.polygon).max(0) + 0.15
        assert inside.all()
        for thing in room.objects:
            if thing.parent is None or thing.relation != "stands_on":
                continue
            below = room.objects[thing.parent]
            low, top = (o.box.centre[2] + s * o.box.size[2] / 2 for o, s in ((thing, -1), (below, 1)))
            assert low <= top + 1e-6, (thing.label, below.label)
            if below.label != "floor":
                stacked += 1
                local = (thing.box.centre - below.box.centre) @ below.box.rotation
                assert (np.abs(local[:2]) < below.box.size[:2] / 2 + 0.02).all(), (thing.label, below.label)
    assert stacked >= 40


def test_nothing_stands_in_each_other(rooms: Rooms) -> None:
    """Large things on the floor keep apart, but for chairs under tables and what stands on a rug."""
    for room in rooms:
        floor = next(thing.id for thing in room.objects if thing.label == "floor")
        large = [t for t in room.objects if t.parent == floor and t.label not in {"rug", "chair", "office chair"}]
        for k, one in enumerate(large):
            points = room.vertices[room.vertex_instance == one.id].astype(float)
            for other in large[k + 1 :]:
                local = np.abs((points - other.box.centre) @ other.box.rotation) - other.box.size / 2
                assert local.max(1).min() > -0.005, (one.label, other.label)


def test_cameras_walk_smoothly_at_eye_height_and_keep_clear(rooms: Rooms) -> None:
    for room in rooms:
        tree = cKDTree(room.vertices)
        centres = np.array([camera.centre for camera in room.cameras])
        assert tree.query(centres)[0].min() > 0.45
        assert ((centres[:, 2] > 0.95) & (centres[:, 2] < 2.05)).all()
        assert np.ptp(centres[:, 2]) > 0.2
        assert np.linalg.norm(np.diff(centres, axis=0), axis=1).sum() > 1.0
        pitches = [np.arcsin(camera.camera_to_world[2, 2]) for camera in room.cameras]
        assert np.ptp(pitches) > np.radians(5)
        shown = [depth_map(room, camera).depth for camera in room.depth_cameras]
        for depth in shown:
            assert depth[depth > 0].min() >= 0.4
            assert (depth > 0).mean() > 0.999
        assert np.median([np.median(depth) for depth in shown]) > 1.2
        assert np.median([np.ptp(np.percentile(depth, [5, 95])) for depth in shown]) > 0.8, "depth varies"


def test_pictures_show_furniture(rooms: Rooms) -> None:
    for room in rooms:
        thing = np.array([thing.label not in SHELL for thing in room.objects])
        seen, share = [], []
        for camera in room.depth_cameras:
            shown = room.vertex_instance[room.faces[depth_map(room, camera).triangle, 0]]
            seen.append(sum(thing[k] for k, n in enumerate(np.bincount(shown.ravel())) if n > 40))
            share.append(thing[shown].mean())
        assert np.median(seen) >= 5
        assert np.median(share) > 0.25


def test_depth_is_the_meshs_own(rooms: Rooms) -> None:
    for room in rooms[:3]:
        for camera in room.depth_cameras[2::5]:
            mine = depth_map(room, camera)
            depth, triangle = cast(room, camera)
            agree = np.abs(mine.depth - depth) <= 1e-3
            assert agree.mean() >= 0.9999
            same = room.vertex_instance[room.faces[mine.triangle, 0]] == room.vertex_instance[room.faces[triangle, 0]]
            assert same.mean() >= 0.9999, "two objects fight for a plane"


def test_pictures_have_light_and_texture(rooms: Rooms) -> None:
    for room in rooms:
        image = paint_image(room, room.cameras[3]).astype(float)
        assert image.shape == (242, 324, 3)
        assert 60 < image.mean() < 200
        assert image.std() > 25
        assert (image.min(-1) >= 250).mean() < 0.2, "not blown out"
        assert (image.max(-1) == 0).mean() < 0.01


def test_a_scene_depends_only_on_seed_and_index(rooms: Rooms) -> None:
    again = synth.build_scene(3, 3, frames=4, **SMALL)
    np.testing.assert_array_equal(again.vertices, rooms[3].vertices)
    np.testing.assert_array_equal(again.faces, rooms[3].faces)
    np.testing.assert_array_equal(again.cameras[-1].camera_to_world, rooms[3].cameras[-1].camera_to_world)
    np.testing.assert_array_equal(again.painted.light, rooms[3].painted.light)
    other = synth.build_scene(4, 3, frames=4, **SMALL)
    assert len(other.vertices) != len(again.vertices)


@pytest.mark.parametrize("size", [(1296, 968), (640, 480)])
def test_intrinsics_follow_the_pixel_centre_rule(rooms: Rooms, size: tuple[int, int]) -> None:
    color = rooms[0].cameras[0].resized(*size)
    depth = rooms[0].depth_cameras[0].resized(640, 480)
    sx, sy = 640 / size[0], 480 / size[1]
    assert depth.intrinsics[0, 0] == pytest.approx(color.intrinsics[0, 0] * sx)
    assert depth.intrinsics[0, 2] == pytest.approx((color.intrinsics[0, 2] + 0.5) * sx - 0.5)
    assert depth.intrinsics[1, 2] == pytest.approx((color.intrinsics[1, 2] + 0.5) * sy - 0.5)
    assert 570 < depth.intrinsics[0, 0] < 582
