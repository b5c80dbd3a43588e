"""Pixels and boxes of objects, against counting pixel by pixel and against the closed form of a room."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.closed_form import BOXES, depth_of, make_scene
from support.memory_cache import MemoryCache
from support.object_scenes import box, scene_of

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.object_views import ObjectViews, map_camera, views_key
from spatialgen.core.types import Camera, Scene


def owners(camera: Camera) -> np.ndarray:
    """(h, w): which box of the closed-form room each pixel shows, -1 for the room itself; no triangles involved."""
    grid = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), -1).reshape(-1, 2)
    depth = depth_of(camera, grid)
    rays = np.column_stack([grid, np.ones(len(grid))]) @ np.linalg.inv(camera.intrinsics).T
    world = (rays * depth[:, None]) @ camera.camera_to_world[:3, :3].T + camera.centre
    found = np.full(len(grid), -1)
    for index, (low, high) in enumerate(BOXES):
        found[((world > low - 1e-6) & (world < high + 1e-6)).all(axis=1)] = index
    return found.reshape(camera.height, camera.width)


@pytest.mark.parametrize("size", [(320, 240), (1000, 700), (640, 480)])
def test_pixels_and_boxes_equal_the_closed_form(size: tuple[int, int]) -> None:
    scene = make_scene(frames=2, size=size, depth_size=None)
    views = SceneGeometry(scene).object_views
    for index, frame in enumerate(scene.frames):
        camera = map_camera(frame.camera)
        assert (camera.width, camera.height) == (640, round(640 * size[1] / size[0]))
        shown = owners(camera)
        for instance in range(4):
            rows, columns = np.nonzero(shown == instance)
            # Along an edge the room's and the box's surfaces meet, and either may be drawn.
            assert abs(int(views.visible_px[index, instance]) - len(rows)) <= 0.02 * len(rows) + 20
            if len(rows) < 500:
                continue
            scale = np.array([size[0] / camera.width, size[1] / camera.height] * 2)
            edges = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) * scale - 0.5
            np.testing.assert_allclose(views.boxes[index, instance], edges, atol=2.1 * scale.max())


def test_counting_equals_counting_pixel_by_pixel() -> None:
    scene = make_scene(frames=2, size=(320, 240))
    geometry = SceneGeometry(scene)
    views = geometry.object_views
    for index, frame in enumerate(scene.frames):
        camera = map_camera(frame.camera)
        triangle = geometry.mesh_map(index, camera).triangle
        counts, corners = {}, {}
        for (row, column), face in np.ndenumerate(triangle):
            instance = int(geometry.face_instance[face]) if face >= 0 else -1
            counts[instance] = counts.get(instance, 0) + 1
            x1, y1, x2, y2 = corners.get(instance, (column, row, column, row))
            corners[instance] = min(x1, column), min(y1, row), max(x2, column), max(y2, row)
        assert views.map_px[index] == triangle.size
        for instance in range(4):
            assert views.visible_px[index, instance] == counts.get(instance, 0)
            if instance in corners:
                a, b, c, d = corners[instance]
                np.testing.assert_array_equal(
                    views.boxes[index, instance], [a / 2 - 0.5, b / 2 - 0.5, (c + 1) / 2 - 0.5, (d + 1) / 2 - 0.5]
                )
            else:
                assert np.isnan(views.boxes[index, instance]).all()


def test_object_that_fills_the_image_has_the_image_for_a_box() -> None:
    scene = scene_of(
        [("thing", box((-5, 0, -5), (5, 1, 5), 1.0))], eyes=[(0, -1, 0)], target=(0, 0, 0), size=(300, 200)
    )
    views = SceneGeometry(scene).object_views
    np.testing.assert_array_equal(views.boxes[0, 0], (-0.5, -0.5, 299.5, 199.5))
    assert views.visible_px[0, 0] == views.map_px[0] == 640 * 427
    assert views.box_px(scene.frames)[0, 0] == pytest.approx(640 * 427)


def test_number_of_pixels_does_not_depend_on_the_sensor() -> None:
    small, large = (
        SceneGeometry(make_scene(size=size, depth_size=None)).object_views for size in ((160, 120), (1280, 960))
    )
    np.testing.assert_allclose(small.visible_px, large.visible_px, atol=200)
    np.testing.assert_allclose(8 * (small.boxes + 0.5), large.boxes + 0.5, atol=17)


@pytest.mark.parametrize(("pixels", "state"), [(0, "hidden"), (19, "hidden"), (20, "grey"), (200, "grey"), (201, None)])
def test_states(pixels: int, state: str | None) -> None:
    views = ObjectViews.from_arrays(
        {"visible_px": np.array([[pixels]]), "boxes": np.zeros((1, 1, 4)), "map_px": np.array([640 * 480])}
    )
    assert views.state(0, 0) == state


def empty_scenes() -> list[Scene]:
    scene = make_scene(frames=1)
    assert scene.vertices is not None
    return [
        replace(scene, instances=()),
        replace(scene, vertex_instance=np.full(len(scene.vertices), -1, np.int32)),
        replace(scene, vertices=np.full_like(scene.vertices, np.nan)),
    ]


@pytest.mark.parametrize("scene", empty_scenes(), ids=["no instances", "no labels", "no finite vertex"])
def test_nothing_to_see(scene: Scene) -> None:
    views = SceneGeometry(scene).object_views
    assert views.visible_px.shape == (1, len(scene.instances))
    assert not views.visible_px.any()
    assert np.isnan(views.boxes).all()


def with_maps(scene: Scene, *, masked: bool = False) -> Scene:
    """The same scene without its mesh, each frame with the instance map the mesh gave, every third column masked."""
    geometry = SceneGeometry(scene)
    maps = [geometry.instance_map(index).copy() for index in range(len(scene.frames))]

    def valid(shape: tuple[int, ...]) -> np.ndarray:
        return np.broadcast_to(np.arange(shape[1]) % 3 > 0, shape).copy()

    frames = tuple(
        replace(
            frame,
            load_instances=lambda m=m: m,
            load_valid=(lambda m=m: valid(m.shape)) if masked else None,
        )
        for frame, m in zip(scene.frames, maps, strict=True)
    )
    return replace(scene, vertices=None, faces=None, vertex_instance=None, frames=frames)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1000, 700), (101, 77)])
def test_maps_of_images_are_sampled_at_the_nearest_pixel(size: tuple[int, int], masked: bool) -> None:
    scene = with_maps(make_scene(frames=2, size=size, depth_size=None), masked=masked)
    assert "silhouettes" not in scene.capabilities
    views = SceneGeometry(scene).object_views
    for index, frame in enumerate(scene.frames):
        assert frame.load_instances is not None
        shown, camera = frame.load_instances(), map_camera(frame.camera)
        found: dict[int, list[tuple[int, int]]] = {}
        for row in range(camera.height):
            for column in range(camera.width):
                x = int(np.floor((column + 0.5) * size[0] / camera.width - 0.5 + 0.5))
                y = int(np.floor((row + 0.5) * size[1] / camera.height - 0.5 + 0.5))
                if not masked or x % 3:
                    found.setdefault(int(shown[y, x]), []).append((column, row))
        for instance in range(4):
            places = np.array(found.get(instance, [])).reshape(-1, 2)
            assert views.visible_px[index, instance] == len(places)
            if len(places):
                scale = np.array([size[0] / camera.width, size[1] / camera.height] * 2)
                edges = np.concatenate([places.min(axis=0), places.max(axis=0) + 1]) * scale - 0.5
                np.testing.assert_allclose(views.boxes[index, instance], edges, atol=1e-3)


def test_maps_of_the_map_size_give_what_the_mesh_gives() -> None:
    scene = make_scene(frames=3, size=(640, 480), depth_size=None)
    drawn, sampled = SceneGeometry(scene).object_views, SceneGeometry(with_maps(scene)).object_views
    for name, array in drawn.arrays().items():
        np.testing.assert_array_equal(array, sampled.arrays()[name])


def test_views_of_maps_are_never_taken_from_the_cache() -> None:
    """A cache's key would have to hold every map's content: reading them is all the work there is."""
    cache, scene = MemoryCache(), with_maps(make_scene(frames=1, depth_size=None))
    first = SceneGeometry(scene, cache=cache).object_views
    assert first.visible_px.any()
    empty = np.full((240, 320), -1, np.int32)
    frame = replace(scene.frames[0], load_instances=lambda: empty)
    assert not SceneGeometry(replace(scene, frames=(frame,)), cache=cache).object_views.visible_px.any()


def test_without_frames() -> None:
    views = SceneGeometry(replace(make_scene(), frames=())).object_views
    assert views.visible_px.shape == (0, 4)
    assert views.boxes.shape == (0, 4, 4)


def test_views_are_kept_in_the_cache_and_never_taken_for_other_labels() -> None:
    cache, scene = MemoryCache(), make_scene()
    first = SceneGeometry(scene, cache=cache).object_views
    again = SceneGeometry(scene, cache=cache).object_views
    assert cache.hits == 1
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(array, again.arrays()[name])
        assert not again.arrays()[name].flags.writeable
    assert scene.vertex_instance is not None
    swapped = np.array([1, 0, 2, 3, -1], np.int32)[scene.vertex_instance]
    other = SceneGeometry(replace(scene, vertex_instance=swapped), cache=cache).object_views
    assert cache.hits == 1
    np.testing.assert_array_equal(other.visible_px[:, [1, 0, 2, 3]], first.visible_px)
    labels = np.zeros(3, np.int32)
    assert len({views_key("a", labels, 1), views_key("b", labels, 1), views_key("a", labels, 2)}) == 3
