"""Boxes of objects against shapes whose sizes have a closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.closed_form import BOXES, make_scene
from support.object_scenes import Solid, box, joined, prism, scene_of, turned

from spatialgen.core.extents import ObjectBoxes, area_interval, boxes_of_surfaces, boxes_of_vertices
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Scene
from spatialgen.errors import SceneError


def measured(scene: Scene) -> ObjectBoxes:
    return boxes_of_surfaces(scene, SceneGeometry(scene).face_instance)


def size_of(solid: Solid) -> np.ndarray:
    return measured(scene_of([("thing", solid)])).size[0]


def test_boxes_in_a_room_have_their_sizes() -> None:
    scene = make_scene()
    boxes = measured(scene)
    sides = BOXES[:, 1] - BOXES[:, 0]
    wanted = np.column_stack([np.sort(sides[:, :2])[:, ::-1], sides[:, 2]])
    np.testing.assert_allclose(boxes.size, wanted, atol=1e-5)
    np.testing.assert_allclose(boxes.raw_size, wanted, atol=1e-5)
    np.testing.assert_allclose(boxes.centre, BOXES.mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(boxes.aligned, BOXES, atol=1e-5)
    assert (boxes.rival < 1e-6).all()
    assert SceneGeometry(scene).object_boxes.size.shape == (4, 3)


def test_arrays_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        measured(make_scene()).size[0] = 0


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.0, np.pi / 2, 2.5, -0.7])
def test_turned_box_keeps_its_upright_size(angle: float) -> None:
    solid = turned(box((-0.6, -0.2, 0.1), (0.6, 0.2, 0.9)), angle, (3.0, -2.0, 0.0))
    boxes = measured(scene_of([("thing", solid)]))
    np.testing.assert_allclose(boxes.size[0], (1.2, 0.4, 0.8), atol=1e-5)
    np.testing.assert_allclose(boxes.centre[0], (3.0, -2.0, 0.5), atol=1e-5)
    length, width, up = boxes.axes[0]
    assert abs(length @ (np.cos(angle), np.sin(angle), 0)) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(np.cross(length, width), up, atol=1e-9)
    np.testing.assert_allclose(up, (0, 0, 1), atol=1e-12)
    # The world-aligned box is the shadow of the turned one.
    shadow = np.abs([[np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ (1.2, 0.4)
    assert (boxes.aligned[0, 1] - boxes.aligned[0, 0])[:2] == pytest.approx(shadow, abs=0.03)


def test_any_direction_may_be_up() -> None:
    rng = np.random.default_rng(5)
    vertices, faces = joined(box((0, 0, 0), (1.2, 0.4, 0.8)), prism([(2, 2), (2.9, 2), (2, 2.3)], 0.5))
    plain = measured(scene_of([("thing", (vertices, faces))]))
    for _ in range(5):
        rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        if np.linalg.det(rotation) < 0:
            rotation[:, 0] *= -1
        scene = scene_of([("thing", (vertices @ rotation.T, faces))], up=rotation[:, 2])
        boxes = measured(scene)
        np.testing.assert_allclose(boxes.size, plain.size, atol=1e-4)
        np.testing.assert_allclose(boxes.raw_size, plain.raw_size, atol=1e-4)
        np.testing.assert_allclose(boxes.axes[0, 2], rotation[:, 2], atol=1e-9)


def test_turning_moving_and_mirroring_the_world_changes_no_size() -> None:
    solid = joined(box((0, 0, 0), (1.2, 0.4, 0.8), 0.1), box((0.9, 0.4, 0.0), (1.2, 0.9, 0.5), 0.1))
    plain = measured(scene_of([("thing", solid)]))
    for other in (turned(solid, 1.1, (4, 5, 6)), (solid[0] * (-1, 1, 1), solid[1])):
        boxes = measured(scene_of([("thing", other)]))
        np.testing.assert_allclose(boxes.size, plain.size, atol=1e-5)
        np.testing.assert_allclose(boxes.raw_size, plain.raw_size, atol=1e-5)
        np.testing.assert_allclose(boxes.rival, plain.rival, atol=1e-5)


def test_floor_area_is_the_least_of_all_directions() -> None:
    rng = np.random.default_rng(11)
    for _ in range(20):
        solid = joined(*(box(low, low + rng.uniform(0.2, 1.0, 3), 0.4) for low in rng.uniform(-1, 1, (3, 3))))
        solid = turned(solid, rng.uniform(0, 3))
        boxes = measured(scene_of([("thing", solid)]))
        angles = np.radians(np.arange(0, 90, 0.1))
        across = solid[0][:, :2] @ np.stack([np.cos(angles), np.sin(angles)])
        along = solid[0][:, :2] @ np.stack([-np.sin(angles), np.cos(angles)])
        least = (np.ptp(across, axis=0) * np.ptp(along, axis=0)).min()
        chosen = np.ptp(solid[0] @ boxes.axes[0, :2].T, axis=0).prod()
        assert chosen <= least * (1 + 1e-5)


def test_l_shape() -> None:
    solid = joined(box((0, 0, 0), (1.5, 0.3, 0.7)), box((0, 0.3, 0), (0.3, 1.0, 0.7)))
    np.testing.assert_allclose(size_of(turned(solid, 0.4)), (1.5, 1.0, 0.7), atol=0.02)


def test_box_that_fits_a_triangle_in_several_ways_has_a_rival() -> None:
    # A 3-4-5 triangle: the boxes along both 4 and 5 have a floor of 12.
    boxes = measured(scene_of([("thing", prism([(0, 0), (4, 0), (0, 3)], 1.0))]))
    assert boxes.rival[0] == pytest.approx(0.25, abs=0.01)
    assert measured(scene_of([("thing", box((0, 0, 0), (4, 3, 1), 0.5))])).rival[0] == pytest.approx(0, abs=1e-6)


def test_interval_of_a_rectangle_and_a_triangle_are_exact() -> None:
    rectangle = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    assert area_interval(rectangle, [0.5, 0.5]) == pytest.approx((0.005, 0.995), abs=1e-6)
    # Base at 0, tip at 1: the area above t is (1 - t) squared.
    assert area_interval([[0.0, 0.0, 1.0]], [2.0]) == pytest.approx((1 - np.sqrt(0.995), 1 - np.sqrt(0.005)), abs=1e-6)
    # A plate at the bottom holds more than the tail.
    assert area_interval([[0.0, 0.0, 0.0], [0.0, 1.0, 1.0]], [0.1, 0.9])[0] == pytest.approx(0, abs=1e-6)


def test_interval_equals_the_quantiles_of_many_samples() -> None:
    rng = np.random.default_rng(2)
    for count in (1, 7, 300):
        corners = rng.standard_normal((count, 3, 3))
        area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        triangle = rng.choice(count, 200_000, p=area / area.sum())
        a, b = rng.random((2, 200_000))
        a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
        c = corners[triangle, :, 0]
        samples = c[:, 0] + a * (c[:, 1] - c[:, 0]) + b * (c[:, 2] - c[:, 0])
        low, high = area_interval(corners[:, :, 0], area)
        for found, share in ((low, 0.005), (high, 0.995)):
            assert abs((samples < found).mean() - share) < 0.0008


def test_small_loose_parts_are_left_out_and_show_in_the_raw_size() -> None:
    body = box((0, 0, 0), (1, 1, 1))  # 6 square metres
    crumb = box((2.0, 0.4, 0.4), (2.1, 0.5, 0.5))  # 0.06: 1 %
    boxes = measured(scene_of([("thing", joined(body, crumb))]))
    np.testing.assert_allclose(boxes.size[0], (1, 1, 1), atol=1e-5)
    assert boxes.raw_size[0].max() == pytest.approx(2.1, abs=1e-5)
    assert np.flatnonzero(boxes.measured).max() < len(body[0])
    lump = box((2.0, 0.4, 0.4), (2.2, 0.6, 0.6))  # 0.24: 4 %
    assert size_of(joined(body, lump)).max() == pytest.approx(2.2, abs=0.02)


def test_thin_pole_keeps_its_height_when_it_carries_area() -> None:
    lamp = joined(
        box((-0.15, -0.15, 0.0), (0.15, 0.15, 0.02)),
        box((-0.01, -0.01, 0.02), (0.01, 0.01, 1.5)),
        box((-0.2, -0.2, 1.5), (0.2, 0.2, 1.8)),
    )
    np.testing.assert_allclose(size_of(lamp), (0.4, 0.4, 1.8), atol=0.01)


def test_parts_that_share_places_but_no_vertices_are_connected() -> None:
    solid = box((0, 0, 0), (1, 0.6, 0.4), 0.1)
    soup = solid[0][solid[1].ravel()], np.arange(solid[1].size).reshape(-1, 3)
    np.testing.assert_allclose(size_of(soup), (1, 0.6, 0.4), atol=1e-5)


def test_flat_things_have_a_length() -> None:
    picture = (
        np.array([[0, 0, 0], [0.6, 0.8, 0], [0.6, 0.8, 0.5], [0, 0, 0.5]], float),
        np.array([[0, 1, 2], [0, 2, 3]]),
    )
    # Two triangles alone: half a per cent of the area lies beyond each end of the rectangle.
    np.testing.assert_allclose(size_of(picture), (0.99, 0.0, 0.495), atol=1e-4)


def test_objects_without_surface_have_no_box() -> None:
    scene = scene_of([("thing", box((0, 0, 0), (1, 1, 1), 0.5)), ("ghost", box((3, 0, 0), (4, 1, 1), 0.5))])
    assert scene.vertices is not None
    assert scene.vertex_instance is not None
    ghost = scene.vertex_instance == 1
    cases = (
        replace(scene, vertices=np.where(ghost[:, None], np.nan, scene.vertices)),
        replace(scene, vertex_instance=np.where(ghost, -1, scene.vertex_instance)),
        replace(scene, vertices=np.where(ghost[:, None], 1.0, scene.vertices).astype(np.float32)),
    )
    for case in cases:
        boxes = measured(case)
        np.testing.assert_allclose(boxes.size[0], (1, 1, 1), atol=1e-5)
        assert np.isnan(boxes.size[1]).all()
        assert np.isnan(boxes.raw_size[1]).all()
    assert len(measured(replace(scene, instances=(), vertex_instance=None)).size) == 0


def test_some_broken_vertices_do_not_matter() -> None:
    scene = scene_of([("thing", box((0, 0, 0), (1, 1, 1), 0.1))])
    assert scene.vertices is not None
    vertices = scene.vertices.copy()
    vertices[60] = np.inf  # in the middle of a side
    np.testing.assert_allclose(measured(replace(scene, vertices=vertices)).size[0], (1, 1, 1), atol=1e-5)


def test_scenes_that_cannot_be_measured_say_so() -> None:
    scene = scene_of([("thing", box((0, 0, 0), (1, 1, 1), 0.5))], up=None)
    with pytest.raises(SceneError, match="up axis"):
        measured(scene)
    with pytest.raises(SceneError, match="up axis"):
        boxes_of_vertices(scene)
    with pytest.raises(SceneError, match="no mesh"):
        boxes_of_vertices(make_scene(mesh=False))


def test_published_box_is_raw_and_aligned_with_the_world() -> None:
    angle = 0.5
    solid = turned(joined(box((0, 0, 0), (1.0, 0.4, 0.8)), box((0.5, 0.2, 0.9), (0.51, 0.21, 0.91), 0.01)), angle)
    boxes = boxes_of_vertices(scene_of([("thing", solid), ("nothing", (np.zeros((0, 3)), np.zeros((0, 3), int)))]))
    x, y, z = np.ptp(solid[0], axis=0)
    np.testing.assert_allclose(boxes.size[0], (max(x, y), min(x, y), z), atol=1e-6)
    np.testing.assert_allclose(boxes.raw_size[0], boxes.size[0])
    np.testing.assert_allclose(boxes.aligned[0], (solid[0].min(axis=0), solid[0].max(axis=0)), atol=1e-6)
    assert np.isnan(boxes.size[1]).all()
    assert boxes.measured.all()
