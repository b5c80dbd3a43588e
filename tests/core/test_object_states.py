"""Occlusion, truncation and states: against closed forms, exact areas and the definitions, word for word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.closed_form import intrinsics, look_at, make_scene
from support.lenses import FISHEYES, opencv_pixels
from support.memory_cache import MemoryCache
from support.object_scenes import Solid, box, scene_of

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.object_states import STATE_NAMES, ObjectStates
from spatialgen.core.object_views import map_camera
from spatialgen.core.silhouettes import silhouette_mask
from spatialgen.core.types import Camera, Frame, Instance, Scene
from spatialgen.errors import SceneError


def made_of(**given: Any) -> ObjectStates:
    """States of one instance in one frame."""
    values: dict[str, Any] = {"visible_px": 500, "in_image_px": 500, "truncation": 0.0, **given}
    boxes = {name: np.zeros((1, 1, 4)) for name in ("modal_boxes", "amodal_boxes")}
    return ObjectStates(**{name: np.array([[v]]) for name, v in values.items()}, **boxes, map_px=np.array([307200]))


def facing(*things: tuple[str, Solid], size: tuple[int, int] = (640, 480), at: float = 0.0) -> SceneGeometry:
    """Things seen from the origin along +x (from ``at`` along it), z up."""
    return SceneGeometry(scene_of(list(things), eyes=[(at, 0, 0)], target=(at + 1, 0, 0), size=size))


def share_inside(solid: Solid, camera: Camera) -> float:
    """The share of a solid's area that a pinhole's image holds, by cutting every triangle at the image's four sides."""
    inside = whole = 0.0
    matrix = camera.intrinsics @ camera.world_to_camera[:3]
    sides = [
        matrix[0] + 0.5 * matrix[2],
        (camera.width - 0.5) * matrix[2] - matrix[0],
        matrix[1] + 0.5 * matrix[2],
        (camera.height - 0.5) * matrix[2] - matrix[1],
        matrix[2],
    ]
    for corners in solid[0][solid[1]]:
        polygon = [np.append(corner, 1.0) for corner in corners]
        whole += fan_area(polygon)
        for side in sides:
            kept = []
            for here, there in zip(polygon, polygon[1:] + polygon[:1], strict=True):
                a, b = here @ side, there @ side
                if a >= 0:
                    kept.append(here)
                if (a >= 0) != (b >= 0):
                    kept.append(here + a / (a - b) * (there - here))
            polygon = kept
        inside += fan_area(polygon)
    return inside / whole


def fan_area(polygon: list[np.ndarray]) -> float:
    fan = [np.cross((polygon[k - 1] - polygon[0])[:3], (polygon[k] - polygon[0])[:3]) for k in range(2, len(polygon))]
    return sum(float(np.linalg.norm(cross)) / 2 for cross in fan)


@pytest.mark.parametrize("coarse", [True, False])
def test_truncation_is_the_share_of_the_area_outside_the_image(coarse: bool) -> None:
    """Half outside, a corner outside, around the camera, partly or wholly behind it."""
    solids = [
        box((2, 0.3, -0.4), (3, 2.6, 0.5), 9.0 if coarse else 0.2),
        box((1.5, -2.4, -1.3), (2.2, -0.6, 0.2), 9.0 if coarse else 0.2),
        box((-1, -1, -1), (1.5, 1.2, 0.8), 9.0 if coarse else 0.3),
        box((-2, 0.2, -0.5), (2, 0.9, 0.5), 9.0 if coarse else 0.3),
        box((-3, -1, -1), (-2, 1, 1), 9.0 if coarse else 0.5),
        box((3, -0.5, -0.5), (4, 0.5, 0.5), 9.0 if coarse else 0.2),
    ]
    geometry = facing(*((f"thing {k}", solid) for k, solid in enumerate(solids)))
    camera = geometry.scene.frames[0].camera
    exact = [1.0 - share_inside((v.astype(np.float32).astype(float), f), camera) for v, f in solids]
    assert exact[4] == 1.0
    assert exact[5] == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(geometry.object_states.truncation[0], exact, atol=0.003)


def test_truncation_through_a_fisheye() -> None:
    """Against a great many random points of the same box."""
    lens = ("opencv_fisheye", FISHEYES["dslr"])
    scene = scene_of([("thing", box((0.5, 0.2, -0.4), (1.5, 2.6, 0.5), 0.2))], eyes=[(0, 0, 0)], target=(1, 0, 0))
    camera = Camera(
        np.array([[120.0, 0, 159.5], [0, 120.0, 119.5], [0, 0, 1]]), look_at((0, 0, 0), (1, 0, 0)), 320, 240
    )
    frame = replace(scene.frames[0], camera=replace(camera, model=lens[0], distortion=lens[1]))
    found = SceneGeometry(replace(scene, frames=(frame,))).object_states
    rng = np.random.default_rng(0)
    low, size = np.array([0.5, 0.2, -0.4]), np.array([1.0, 2.4, 0.9])
    area = np.array([size[1] * size[2], size[0] * size[2], size[0] * size[1]])
    points = low + rng.random((200_000, 3)) * size
    axis = rng.choice(3, len(points), p=area / area.sum())
    points[np.arange(len(points)), axis] = (low + rng.integers(0, 2, (len(points), 1)) * size)[
        np.arange(len(points)), axis
    ]
    turn = frame.camera.camera_to_world
    xy = opencv_pixels(frame.camera, (points - turn[:3, 3]) @ turn[:3, :3])
    inside = (xy >= -0.5).all(axis=1) & (xy[:, 0] < 319.5) & (xy[:, 1] < 239.5)
    assert 0.1 < inside.mean() < 0.9
    assert found.truncation[0, 0] == pytest.approx(1.0 - inside.mean(), abs=0.005)


def test_what_hides_half_of_a_plate() -> None:
    plate = box((4.0, -1, -1), (4.001, 1, 1), 0.1)
    screen = box((2.0, -3, -3), (2.001, 0, 3), 0.1)  # everything with y < 0, to the right of the middle
    states = facing(("plate", plate), ("screen", screen)).object_states
    # The image's middle lies between two columns: half of the plate's are hidden.
    assert states.occlusion[0, 0] == pytest.approx(0.5, abs=0.01)
    assert states.truncation[0, 0] == 0
    assert states.occlusion[0, 1] == 0
    x1, y1, x2, y2 = states.amodal_boxes[0, 0]
    focal = intrinsics(640, 480)[0, 0]
    np.testing.assert_allclose([x2 - x1, y2 - y1], 2 * focal / 4, atol=1.1)
    np.testing.assert_allclose(states.modal_boxes[0, 0, [1, 3]], [y1, y2])
    assert states.modal_boxes[0, 0, 2] - states.modal_boxes[0, 0, 0] == pytest.approx((x2 - x1) / 2, abs=1)
    nothing_hidden = facing(("plate", plate)).object_states
    assert nothing_hidden.occlusion[0, 0] == 0
    np.testing.assert_array_equal(nothing_hidden.modal_boxes, nothing_hidden.amodal_boxes)
    np.testing.assert_array_equal(nothing_hidden.amodal_boxes[0, 0], states.amodal_boxes[0, 0])


def test_boxes_are_in_pixels_of_the_image_whatever_its_size() -> None:
    scene = make_scene(frames=3, size=(1000, 700), depth_size=None)
    geometry = SceneGeometry(scene)
    states = geometry.object_states
    for index, frame in enumerate(scene.frames):
        camera = map_camera(frame.camera)
        assert states.map_px[index] == camera.width * camera.height
        for instance in range(4):
            mask = silhouette_mask(geometry.instance_clusters, instance, camera)
            assert states.in_image_px[index, instance] == mask.sum()
            if not mask.any():
                assert np.isnan(states.amodal_boxes[index, instance]).all()
                continue
            rows, columns = np.nonzero(mask)
            edges = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            scale = np.array([1000 / 640, 700 / 448, 1000 / 640, 700 / 448])
            np.testing.assert_allclose(states.amodal_boxes[index, instance], edges * scale - 0.5, atol=1e-4)
    np.testing.assert_array_equal(states.visible_px, geometry.object_views.visible_px)
    np.testing.assert_array_equal(states.modal_boxes, geometry.object_views.boxes)


@pytest.mark.parametrize(
    ("given", "occlusion", "total", "state"),
    [
        ({}, 0.0, 0.0, "clear"),
        ({"visible_px": 19}, 0.962, 0.962, "hidden"),
        ({"visible_px": 20}, 0.96, 0.96, "grey"),
        ({"visible_px": 200}, 0.6, 0.6, "grey"),
        ({"visible_px": 201}, 0.598, 0.598, "partial"),
        ({"visible_px": 250}, 0.5, 0.5, "clear"),
        ({"visible_px": 400, "truncation": 0.5}, 0.2, 0.6, "partial"),
        ({"truncation": 0.5}, 0.0, 0.5, "clear"),
        ({"visible_px": 0}, 1.0, 1.0, "hidden"),
        ({"visible_px": 0, "in_image_px": 0, "truncation": 1.0}, None, 1.0, "hidden"),
        ({"visible_px": 0, "in_image_px": 0, "truncation": np.nan}, None, 1.0, "hidden"),
    ],
)
def test_definitions(given: dict[str, Any], occlusion: float | None, total: float, state: str) -> None:
    states = made_of(**given)
    assert states.occlusion[0, 0] == pytest.approx(np.nan if occlusion is None else occlusion, nan_ok=True)
    assert states.total[0, 0] == pytest.approx(total)
    assert STATE_NAMES[states.states[0, 0]] == state


def test_rows_for_evidence() -> None:
    scene = make_scene(frames=3, depth_size=None)
    assert scene.vertex_instance is not None
    without = replace(scene, instances=(*scene.instances, Instance("spare", "spare", "spare")))
    states = SceneGeometry(without).object_states
    rows = states.per_frame([2, 0], [1, 4], without)
    assert [(row["image"], row["id"]) for row in rows] == [
        (0, scene.instances[1].id),
        (0, "spare"),
        (1, scene.instances[1].id),
        (1, "spare"),
    ]
    assert rows[0] == {
        "image": 0,
        "id": scene.instances[1].id,
        "visible_px": int(states.visible_px[2, 1]),
        "in_image_px": int(states.in_image_px[2, 1]),
        "truncation": float(states.truncation[2, 1]),
        "state": STATE_NAMES[states.states[2, 1]],
    }
    assert rows[1] == {
        "image": 0,
        "id": "spare",
        "visible_px": 0,
        "in_image_px": 0,
        "truncation": None,
        "state": "hidden",
    }


def nothing_to_see() -> list[Scene]:
    scene = make_scene(frames=1, depth_size=None)
    assert scene.vertices is not None
    away = look_at((20, 20, 20), (40, 40, 40))
    behind = replace(scene.frames[0], camera=replace(scene.frames[0].camera, camera_to_world=away))
    return [
        replace(scene, vertex_instance=np.full(len(scene.vertices), -1, np.int32)),
        replace(scene, vertices=np.full_like(scene.vertices, np.nan)),
        replace(scene, frames=(behind,)),
    ]


@pytest.mark.parametrize("scene", nothing_to_see(), ids=["no faces", "no finite vertex", "all behind"])
def test_nothing_to_see(scene: Scene) -> None:
    states = SceneGeometry(scene).object_states
    assert not states.in_image_px.any()
    assert np.isnan(states.occlusion).all()
    assert np.isnan(states.amodal_boxes).all()
    assert (states.total == 1).all()
    assert (states.states == STATE_NAMES.index("hidden")).all()
    behind = np.isfinite(scene.vertices).all() and (scene.vertex_instance >= 0).any()
    np.testing.assert_array_equal(states.truncation, np.float32(1.0 if behind else np.nan))


def test_no_frames() -> None:
    states = SceneGeometry(replace(make_scene(), frames=())).object_states
    assert states.states.shape == (0, 4)


def test_camera_inside_an_object() -> None:
    states = facing(
        ("hall", box((-2, -3, -2), (2, 3, 2), 0.3)), ("ball", box((1, -0.2, -0.2), (1.3, 0.2, 0.2)))
    ).object_states
    assert states.in_image_px[0, 0] == states.map_px[0]
    assert states.occlusion[0, 0] == pytest.approx(states.visible_px[0, 1] / states.map_px[0])
    assert states.truncation[0, 0] > 0.6


@pytest.mark.parametrize("change", [{"instances": ()}, {"vertex_instance": None}], ids=["no instances", "no labels"])
def test_scenes_without_a_labelled_mesh_say_so(change: dict[str, Any]) -> None:
    scene = make_scene(frames=1)
    assert "silhouettes" in scene.capabilities
    without = replace(scene, **change)
    assert "silhouettes" not in without.capabilities
    for name in ("object_states", "surface_samples", "instance_clusters"):
        with pytest.raises(SceneError, match="no mesh with labelled instances"):
            getattr(SceneGeometry(without), name)


def test_panoramas_are_refused() -> None:
    scene = make_scene(frames=1)
    panorama = Camera(np.array([[100.0, 0, 313], [0, 100.0, 156], [0, 0, 1]]), np.eye(4), 628, 314, "equirectangular")
    with pytest.raises(SceneError, match="equirectangular"):
        _ = SceneGeometry(replace(scene, frames=(Frame("0", panorama, bytes, "0"),))).object_states


def test_states_are_kept_in_the_cache_and_never_taken_for_other_labels() -> None:
    cache, scene = MemoryCache(), make_scene(frames=2, size=(64, 48), depth_size=None)
    first = SceneGeometry(scene, cache=cache).object_states
    again = SceneGeometry(scene, cache=cache).object_states
    assert cache.hits == 1
    for name, array in {**first.arrays(), "total": first.total, "states": first.states}.items():
        np.testing.assert_array_equal(array, getattr(again, name))
        assert not getattr(again, name).flags.writeable
    assert scene.vertex_instance is not None
    swapped = np.array([1, 0, 2, 3, -1], np.int32)[scene.vertex_instance]
    other = SceneGeometry(replace(scene, vertex_instance=swapped), cache=cache).object_states
    assert cache.hits == 1
    np.testing.assert_array_equal(other.in_image_px[:, [1, 0, 2, 3]], first.in_image_px)
