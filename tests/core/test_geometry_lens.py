"""A scene's derived facts through distorted lenses, on the room whose every depth has a closed form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.closed_form import BOXES, ROOM, depth_of, make_scene
from support.lenses import FISHEYES, OPENCVS

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.projection import is_inside, project
from spatialgen.core.settings import PRESETS, GeometrySettings
from spatialgen.core.surface import Verdict
from spatialgen.engines.depth_points import DepthRange, legal_points

WIDE, BARREL = ("opencv_fisheye", FISHEYES["dslr"]), ("opencv", OPENCVS["barrel"])
PAIRS: list[dict[str, Any]] = [
    {"lens": WIDE},
    {"lens": BARREL},
    {"lens": WIDE, "depth_lens": ("pinhole", ())},
    {"depth_lens": WIDE},
]


def some_pixels(step: int = 7) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(320), np.arange(240)), -1).reshape(-1, 2)[::step]


@pytest.mark.parametrize("options", PAIRS, ids=str)
@pytest.mark.parametrize("mesh", [True, False])
def test_depth_of_pixels_is_exact(options: dict[str, Any], mesh: bool) -> None:
    scene = make_scene(frames=2, mesh=mesh, **options)
    geometry, xy = SceneGeometry(scene), some_pixels(23)
    found = geometry.point_depth(1, xy)
    exact = depth_of(scene.frames[1].camera, xy)
    stated = np.isfinite(found.depth)
    assert stated.mean() > (0.9 if mesh else 0.2)
    # The sensor's pixels are twice as large or more: what it says is right where the surface is even.
    error = np.abs(found.depth - exact)[stated]
    assert (error < (1e-3 if mesh else 0.08)).mean() > (0.999 if mesh else 0.95)
    sensor = geometry.sensor_depth_at(1, xy)
    assert (np.abs(sensor - exact)[sensor > 0] < 0.08).mean() > 0.95
    if "depth_lens" in options and "lens" in options:
        assert (sensor == 0).mean() > 0.4  # the fisheye sees where the depth camera does not
    else:
        assert (sensor > 0).all()


@pytest.mark.parametrize("options", PAIRS, ids=str)
def test_visible_points_and_instances_are_those_of_the_closed_form(options: dict[str, Any]) -> None:
    scene = make_scene(frames=3, **options)
    geometry = SceneGeometry(scene, GeometrySettings(depth_source="mesh"))
    for i, frame in enumerate(scene.frames):
        xy, depth = project(scene.vertices, frame.camera)
        inside = is_inside(xy, frame.camera) & (depth > 0.1)
        nearest = np.full(len(xy), np.inf)
        nearest[inside] = depth_of(frame.camera, xy[inside])
        clearly_seen = inside & (depth < nearest + 0.001)
        clearly_hidden = ~inside | (depth > nearest + 0.25)
        visible = geometry.visibility.visible(i)
        assert visible[clearly_hidden].mean() < 0.005
        assert not visible[~inside].any()
        assert visible[clearly_seen].mean() > 0.9
        assert clearly_seen.sum() > 100
    instance, pixels = geometry.instance_map(0), some_pixels(31)
    camera = scene.frames[0].camera
    points, _ = legal_points(SceneGeometry(scene), 0, pixels, DepthRange(0.1, 9.0))
    assert len(points) > 200
    for (x, y), place, index in zip(points.xy, points.world, points.instance, strict=True):
        # On the wall or on the box it is said to be on.
        box = ROOM if index < 0 else BOXES[index]
        assert np.abs(place - box).min() < 2e-3
        assert (np.abs(place - box.mean(axis=0)) < (box[1] - box[0]) / 2 + 2e-3).all()
        assert instance[y, x] == index
    distance = np.linalg.norm(points.world - camera.centre, axis=1)
    np.testing.assert_allclose(points.ray, distance, atol=1e-4)


@pytest.mark.parametrize("options", PAIRS, ids=str)
def test_overlap_hardly_depends_on_what_decides(options: dict[str, Any]) -> None:
    both = SceneGeometry(make_scene(frames=4, **options)).overlap.iou
    mesh = SceneGeometry(make_scene(frames=4, **options), GeometrySettings(depth_source="mesh")).overlap.iou
    fused = SceneGeometry(make_scene(frames=4, mesh=False, **options)).overlap.iou
    pairs = np.triu_indices(4, 1)
    np.testing.assert_allclose(both[pairs], mesh[pairs], atol=0.12)
    if "depth_lens" not in options:
        np.testing.assert_allclose(fused[pairs], mesh[pairs], atol=0.15)
    assert SceneGeometry(make_scene(frames=2, **options), PRESETS["multispa"]).visibility.known is not None


@pytest.mark.parametrize("lens", [WIDE, BARREL])
def test_marks_lie_on_one_surface(lens: Any) -> None:
    scene = make_scene(frames=1, lens=lens)
    geometry, xy = SceneGeometry(scene), some_pixels(11)
    verdicts = geometry.mark_verdicts(0, xy)
    assert {Verdict.OK, Verdict.OUTSIDE, Verdict.NOT_A_PLANE} <= set(verdicts.tolist())
    assert (verdicts == Verdict.OK).mean() > 0.5
    instance = geometry.instance_map(0)
    v, u = np.mgrid[-4:5, -4:5]
    disc = u * u + v * v <= 4.8**2
    for x, y in xy[verdicts == Verdict.OK][::37]:
        patch = instance[y - 4 : y + 5, x - 4 : x + 5][disc]
        assert (patch == instance[y, x]).mean() >= 0.9


def test_another_lens_is_another_entry_of_a_cache() -> None:
    keys: set[str] = set()

    class Memory:
        def get(self, key: str) -> None:
            return None

        def put(self, key: str, arrays: dict[str, np.ndarray]) -> None:
            keys.add(key)

    scene = make_scene(frames=1, depth_size=None)
    for lens in (("pinhole", ()), WIDE, ("opencv_fisheye", FISHEYES["equidistant"]), BARREL):
        camera = replace(scene.frames[0].camera, model=lens[0], distortion=lens[1])
        _ = SceneGeometry(replace(scene, frames=(replace(scene.frames[0], camera=camera),)), cache=Memory()).visibility
    assert len(keys) == 4
