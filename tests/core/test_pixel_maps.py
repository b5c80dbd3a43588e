"""Instance maps and masks that frames bring along, in the room whose every pixel has a closed form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.closed_form import BOXES, LABELS, depth_of, make_scene

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.settings import GeometrySettings
from spatialgen.core.surface import Verdict
from spatialgen.core.types import Camera, Frame, Instance, Scene, mark_radius
from spatialgen.errors import SceneError

SIZE = (320, 240)


def all_pixels() -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1])), -1).reshape(-1, 2)


def owner_of(camera: Camera) -> np.ndarray:
    """(h, w): the box whose surface each pixel shows, -1 for the room."""
    xy = all_pixels()
    rays = np.column_stack([xy, np.ones(len(xy))]) @ np.linalg.inv(camera.intrinsics).T
    points = rays * depth_of(camera, xy)[:, None] @ camera.camera_to_world[:3, :3].T + camera.centre
    found = np.full(len(xy), -1, np.int32)
    for index, box in enumerate(BOXES):
        found[(points >= box[0] - 1e-6).all(axis=1) & (points <= box[1] + 1e-6).all(axis=1)] = index
    return found.reshape(SIZE[::-1])


def with_maps(scene: Scene, maps: dict[int, Any], masks: dict[int, Any] | None = None) -> Scene:
    """The scene, with maps and masks for some frames by index."""

    def changed(index: int, frame: Frame) -> Frame:
        found, mask = maps.get(index), (masks or {}).get(index)
        return replace(
            frame,
            load_instances=None if found is None else lambda: found,
            load_valid=None if mask is None else lambda: mask,
        )

    instances = tuple(Instance(str(index), label, label) for index, label in enumerate(LABELS))
    frames = tuple(changed(index, frame) for index, frame in enumerate(scene.frames))
    return replace(scene, frames=frames, instances=instances)


@pytest.fixture(scope="module")
def scene() -> Scene:
    plain = make_scene(mesh=False)
    return with_maps(plain, {index: owner_of(frame.camera) for index, frame in enumerate(plain.frames[:-1])})


def test_instances_come_from_the_frames_maps(scene: Scene) -> None:
    geometry = SceneGeometry(scene)
    assert geometry.is_labelled
    owner = owner_of(scene.frames[0].camera)
    np.testing.assert_array_equal(geometry.instance_map(0), owner)
    xy = [[10.4, 20.5], [319.4, 0], [319.5, 0], [-1, 5]]
    assert geometry.instance_at(0, xy).tolist() == [owner[21, 10], owner[0, 319], -1, -1]
    assert (geometry.instance_map(len(scene.frames) - 1) == -1).all()  # the last frame has none


def test_a_labelled_mesh_comes_first() -> None:
    scene = make_scene()
    wrong = {0: np.zeros(SIZE[::-1], np.int32)}
    both = SceneGeometry(replace(with_maps(scene, wrong), instances=scene.instances))
    np.testing.assert_array_equal(both.instance_map(0), SceneGeometry(scene).instance_map(0))
    bare = replace(with_maps(scene, wrong), vertex_instance=None)
    assert (SceneGeometry(bare).instance_map(0) == 0).all()


def test_marks_stay_on_one_instance_of_the_map(scene: Scene) -> None:
    """Splitting a flat wall between two instances forbids marks along the seam, and nowhere else."""
    plain = SceneGeometry(make_scene(mesh=False))
    xy = all_pixels()[::7]
    before = plain.mark_verdicts(0, xy)
    halves = np.zeros(SIZE[::-1], np.int32)
    halves[:, 150:] = 1
    geometry = SceneGeometry(with_maps(scene, {0: halves}))
    after = geometry.mark_verdicts(0, xy)
    changed = before != after
    assert set(after[changed].tolist()) == {Verdict.SEVERAL_INSTANCES}
    assert set(before[changed].tolist()) == {Verdict.OK}
    radius = mark_radius(SIZE[1])
    assert (np.abs(xy[changed, 0] - 149.5) < radius).all()
    seam = (before == Verdict.OK) & (np.abs(xy[:, 0] - 149.5) < 1)
    assert seam.any()
    assert changed[seam].all()
    np.testing.assert_array_equal(SceneGeometry(with_maps(scene, {0: halves * 0})).mark_verdicts(0, xy), before)


def test_with_an_unlabelled_mesh_the_map_decides_too(scene: Scene) -> None:
    mesh = replace(make_scene(), vertex_instance=None)
    halves = np.zeros(SIZE[::-1], np.int32)
    halves[:, 150:] = 1
    xy = all_pixels()[::7]
    before = SceneGeometry(replace(mesh, instances=())).mark_verdicts(0, xy)
    after = SceneGeometry(with_maps(mesh, {0: halves})).mark_verdicts(0, xy)
    assert set(after[before != after].tolist()) == {Verdict.SEVERAL_INSTANCES}


def test_no_mark_touches_a_masked_pixel(scene: Scene) -> None:
    valid = np.ones(SIZE[::-1], bool)
    valid[100:120, 60:90] = False
    xy = all_pixels()[::7]
    before = SceneGeometry(with_maps(scene, {})).mark_verdicts(0, xy)
    after = SceneGeometry(with_maps(scene, {}, {0: valid})).mark_verdicts(0, xy)
    nearest = np.column_stack([np.clip(xy[:, 0], 60, 89), np.clip(xy[:, 1], 100, 119)])
    touches = np.linalg.norm(xy - nearest, axis=1) <= mark_radius(SIZE[1])
    masked = touches & (before != Verdict.OUTSIDE)
    assert masked.any()
    np.testing.assert_array_equal(after == Verdict.MASKED, masked)
    np.testing.assert_array_equal(after[~masked], before[~masked])


@pytest.mark.parametrize(("mesh", "source"), [(True, "mesh"), (True, "both"), (False, "sensor")])
def test_points_on_masked_pixels_are_not_visible(mesh: bool, source: Any) -> None:
    scene = make_scene(mesh=mesh)
    valid = np.ones(SIZE[::-1], bool)
    valid[:, 100:200] = False
    settings = GeometrySettings(depth_source=source)
    before = SceneGeometry(scene, settings).visibility
    geometry = SceneGeometry(with_maps(scene, {}, {1: valid}), settings)
    after = geometry.visibility
    camera = scene.frames[1].camera
    local = (geometry.points - camera.centre) @ camera.camera_to_world[:3, :3]
    pixel = np.full(len(local), -1.0)
    front = local[:, 2] > 0.1
    pixel[front] = (local[front] @ camera.intrinsics.T)[:, 0] / local[front, 2]
    row = np.full(len(local), -1.0)
    row[front] = (local[front] @ camera.intrinsics.T)[:, 1] / local[front, 2]
    hidden = (pixel >= 99.5) & (pixel < 199.5) & (row >= -0.5) & (row < 239.5)
    np.testing.assert_array_equal(after.visible(1), before.visible(1) & ~hidden)
    assert after.visible(1).sum() < before.visible(1).sum()
    np.testing.assert_array_equal(after.is_known(1), before.is_known(1) | hidden)
    np.testing.assert_array_equal(after.visible(0), before.visible(0))


def test_the_cache_knows_masks_apart() -> None:
    scene = make_scene(frames=2)
    store: dict[str, dict[str, np.ndarray]] = {}

    class Cache:
        get = staticmethod(store.get)
        put = staticmethod(store.__setitem__)

    masks = [np.ones(SIZE[::-1], bool), np.zeros(SIZE[::-1], bool)]
    totals = [
        SceneGeometry(with_maps(scene, {}, None if mask is None else {0: mask}), cache=Cache()).visibility.totals()[0]
        for mask in (None, *masks)
    ]
    assert len(store) == 3
    assert totals[0] == totals[1] > totals[2] == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((5, 5), np.int32), r"instance map of frame 0 has \(height, width\) \(5, 5\)"),
        (np.full(SIZE[::-1], 4, np.int32), "beyond the 4 there are"),
        (np.full(SIZE[::-1], -2, np.int32), "beyond the 4 there are"),
    ],
)
def test_maps_that_do_not_fit_are_named(scene: Scene, values: np.ndarray, message: str) -> None:
    with pytest.raises(SceneError, match=message) as caught:
        SceneGeometry(with_maps(scene, {0: values})).instance_map(0)
    assert caught.value.path == scene.frames[0].image_ref


def test_masks_that_do_not_fit_are_named(scene: Scene) -> None:
    with pytest.raises(SceneError, match="the mask of frame 0"):
        SceneGeometry(with_maps(scene, {}, {0: np.ones((5, 5), bool)})).mark_verdicts(0, [[50, 50]])
