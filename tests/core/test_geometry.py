"""A scene's derived facts, on a room whose every depth has a closed form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.closed_form import depth_of, make_scene

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.settings import PRESETS, GeometrySettings, Tolerance
from spatialgen.core.surface import Verdict
from spatialgen.core.types import Scene
from spatialgen.errors import SceneError


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene()


@pytest.fixture(scope="module")
def geometry(scene: Scene) -> SceneGeometry:
    return SceneGeometry(scene)


def all_pixels(width: int = 320, height: int = 240) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2)


def with_depth(scene: Scene, change: Any) -> Scene:
    """The scene with every depth map changed."""
    return replace(
        scene,
        frames=tuple(replace(frame, load_depth=lambda load=frame.load_depth: change(load())) for frame in scene.frames),
    )


class Memory(dict):
    """A cache that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.hits = 0

    def get(self, key: str) -> Any:
        self.hits += key in self
        return super().get(key)

    def put(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        self[key] = {name: array.copy() for name, array in arrays.items()}


def test_point_depth_is_exact(scene: Scene, geometry: SceneGeometry) -> None:
    xy = all_pixels()[::7]
    for i in (0, 3):
        found = geometry.point_depth(i, xy)
        exact = depth_of(scene.frames[i].camera, xy)
        stated = np.isfinite(found.depth)
        assert stated.mean() > 0.95
        assert found.known.all()
        np.testing.assert_allclose(found.depth[stated], exact[stated], atol=1e-3)
        np.testing.assert_array_equal(found.depth[stated], found.mesh[stated])


def test_point_depth_takes_the_nearest_pixel_and_none_outside(geometry: SceneGeometry) -> None:
    depth = geometry.mesh_map(0).depth
    found = geometry.point_depth(0, [[10.4, 19.6], [10.5, 20], [-0.5, 0], [-0.51, 0], [319.5, 0], [np.nan, 1]])
    np.testing.assert_array_equal(found.mesh, [depth[20, 10], depth[20, 11], depth[0, 0], 0, 0, 0])
    assert found.known.tolist() == [True, True, True, False, False, False]
    assert np.isnan(found.depth[3:]).all()
    assert (found.sensor[3:] == 0).all()


@pytest.mark.parametrize(("factor", "stated"), [(1.0, True), (1.008, True), (1.05, False), (0.95, False), (0.0, True)])
def test_depth_is_stated_only_where_the_sensor_agrees(scene: Scene, factor: float, stated: bool) -> None:
    geometry = SceneGeometry(with_depth(scene, lambda depth: depth * np.float32(factor)))
    xy = all_pixels()[::53]
    found = geometry.point_depth(1, xy)
    # Far enough that the share decides, and away from steps, where the nearest depth pixel shows something else.
    far = (found.mesh > 2) & (SceneGeometry(scene).mark_verdicts(1, xy) == Verdict.OK)
    assert far.sum() > 30
    assert (np.isfinite(found.depth[far]) == stated).mean() > 0.98
    assert found.known.all()


def test_without_a_mesh_the_sensor_speaks() -> None:
    scene = make_scene(mesh=False)
    geometry = SceneGeometry(scene)
    found = geometry.point_depth(0, [[160, 120], [500, 0]])
    sensor = scene.frames[0].load_depth()
    assert found.depth[0] == sensor[60, 80]
    assert found.mesh.tolist() == [0, 0]
    assert found.known.tolist() == [True, False]
    assert np.isnan(found.depth[1])
    with pytest.raises(SceneError, match="no mesh"):
        geometry.mesh_map(0)


def test_frames_without_depth_rest_on_the_mesh() -> None:
    scene = make_scene(depth_size=None)
    geometry = SceneGeometry(scene)
    assert geometry.sensor_depth(0) is None
    assert geometry.depth_source == "mesh"
    assert (geometry.sensor_depth_at(0, [[1, 1], [2, 2]]) == 0).all()
    assert np.isfinite(geometry.point_depth(0, [[160, 120]]).depth).all()
    assert geometry.visibility.known is None


def test_unusable_sensor_values_mean_no_depth(scene: Scene) -> None:
    def spoil(depth: np.ndarray) -> np.ndarray:
        depth[0, :4] = [np.nan, np.inf, -1, -np.inf]
        return depth

    found = SceneGeometry(with_depth(scene, spoil)).sensor_depth(0)
    assert found[0, :4].tolist() == [0, 0, 0, 0]
    assert (found[1:] > 0).all()
    assert not found.flags.writeable


def test_depth_of_another_size_than_its_camera_is_named(scene: Scene) -> None:
    geometry = SceneGeometry(with_depth(scene, lambda depth: depth[:-1]))
    with pytest.raises(SceneError, match=r"box_0000/depth/0.png.*119"):
        geometry.sensor_depth(0)
    with pytest.raises(SceneError, match="depth of frame"):
        _ = geometry.visibility


def test_instances_come_from_faces_with_two_of_three_corners(scene: Scene, geometry: SceneGeometry) -> None:
    face_instance = geometry.face_instance
    for face, wanted in zip(scene.faces, face_instance, strict=True):
        values, counts = np.unique(scene.vertex_instance[face], return_counts=True)
        assert wanted == (values[counts >= 2][0] if counts.max() >= 2 else -1)
    triangle = geometry.mesh_map(0).triangle
    wanted = np.where(triangle >= 0, face_instance[triangle], -1)
    np.testing.assert_array_equal(geometry.instance_map(0), wanted)
    assert len(np.unique(wanted)) > 2
    mixed = replace(scene, vertex_instance=np.arange(len(scene.vertices), dtype=np.int32))
    assert (SceneGeometry(mixed).face_instance == -1).all()
    bare = replace(scene, vertex_instance=None, instances=())
    assert (SceneGeometry(bare).instance_map(0) == -1).all()


def test_marks_lie_on_one_surface(scene: Scene, geometry: SceneGeometry) -> None:
    xy = all_pixels()[::11]
    verdicts = geometry.mark_verdicts(0, xy)
    assert {Verdict.OK, Verdict.OUTSIDE, Verdict.NOT_A_PLANE} <= set(verdicts.tolist())
    instance = geometry.instance_map(0)
    radius = 4.8
    for x, y in xy[verdicts == Verdict.OK][::37]:
        v, u = np.mgrid[-4:5, -4:5]
        disc = u * u + v * v <= radius * radius
        patch = instance[y - 4 : y + 5, x - 4 : x + 5][disc]
        assert (patch == instance[y, x]).mean() >= 0.9
    bare = SceneGeometry(replace(scene, vertex_instance=None, instances=()))
    assert not (bare.mark_verdicts(0, xy) == Verdict.SEVERAL_INSTANCES).any()


@pytest.mark.parametrize(("source", "share"), [("mesh", 0.94), ("both", 0.75)])
def test_visible_points_are_those_of_the_closed_form(scene: Scene, source: Any, share: float) -> None:
    geometry = SceneGeometry(scene, GeometrySettings(depth_source=source))
    for i, frame in enumerate(scene.frames):
        camera = frame.camera
        local = (scene.vertices - camera.centre) @ camera.camera_to_world[:3, :3]
        front = local[:, 2] > 0.1
        xy = np.full((len(local), 2), -9.0)
        xy[front] = (local[front] @ camera.intrinsics.T)[:, :2] / local[front, 2:]
        inside = front & (xy > -0.5).all(axis=1) & (xy[:, 0] < 319.5) & (xy[:, 1] < 239.5)
        nearest = np.full(len(local), np.inf)
        nearest[inside] = depth_of(camera, xy[inside])
        clearly_seen = inside & (local[:, 2] < nearest + 0.001)
        clearly_hidden = ~inside | (local[:, 2] > nearest + 0.25)
        visible = geometry.visibility.visible(i)
        # At the rim of a surface (half of this coarse mesh's vertices) the nearest pixel may belong to what lies
        # behind or before it; the sensor's pixels are twice as large and it must agree on both sides.
        assert visible[clearly_hidden].mean() < 0.005
        assert not visible[~inside].any()
        assert visible[clearly_seen].mean() > share


@pytest.mark.parametrize("options", [{}, {"mesh": False}, {"depth_size": None}], ids=str)
def test_overlap_is_that_of_the_visible_points(options: dict[str, Any]) -> None:
    geometry = SceneGeometry(make_scene(**options))
    bits, overlap = geometry.visibility, geometry.overlap
    assert len(geometry.points) == bits.count
    for i, j in ((0, 3), (2, 5), (1, 1)):
        comparable = bits.is_known(i) & bits.is_known(j)
        a, b = bits.visible(i) & comparable, bits.visible(j) & comparable
        assert overlap.iou[i, j] == pytest.approx((a & b).sum() / (a | b).sum())
        assert overlap.minimum[i, j] == pytest.approx((a & b).sum() / min(a.sum(), b.sum()))
    assert np.diag(overlap.iou).tolist() == [1] * 6
    assert not overlap.iou.flags.writeable


def test_overlap_without_a_mesh_is_near_that_with_one() -> None:
    fused = SceneGeometry(make_scene(mesh=False)).overlap.iou
    dense = SceneGeometry(make_scene()).overlap.iou
    assert np.corrcoef(fused[np.triu_indices(6, 1)], dense[np.triu_indices(6, 1)])[0, 1] > 0.95


def test_presets_decide(scene: Scene) -> None:
    assert SceneGeometry(scene, PRESETS["multispa"]).depth_source == "sensor"
    assert SceneGeometry(scene, PRESETS["multispa"]).visibility.known is not None
    counts = {name: SceneGeometry(scene, PRESETS[name]).visibility.totals().sum() for name in PRESETS}
    assert counts["blog"] > counts["default"]  # a wider tolerance
    assert counts["multispa"] != counts["blog"]


@pytest.mark.parametrize(
    ("source", "options", "missing"),
    [
        ("mesh", {"mesh": False}, "no mesh"),
        ("sensor", {"depth_size": None}, "no sensor depth"),
        ("both", {"mesh": False, "depth_size": None}, "neither mesh nor depth"),
    ],
)
def test_a_source_the_scene_lacks_is_named(source: Any, options: dict[str, Any], missing: str) -> None:
    geometry = SceneGeometry(make_scene(**options), GeometrySettings(depth_source=source))
    with pytest.raises(SceneError, match=missing):
        _ = geometry.visibility


def test_maps_are_drawn_once_and_few_are_kept(scene: Scene) -> None:
    loads = []

    def count(depth: np.ndarray) -> np.ndarray:
        loads.append(1)
        return depth

    geometry = SceneGeometry(with_depth(scene, count))
    assert geometry.sensor_depth(0) is geometry.sensor_depth(0)
    assert geometry.mesh_map(0) is geometry.mesh_map(0)
    assert len(loads) == 1
    for i in range(6):
        geometry.sensor_depth(i)
    geometry.sensor_depth(0)
    assert len(loads) == 7
    assert not geometry.mesh_map(0).depth.flags.writeable
    other = scene.frames[0].camera.resized(64, 48)
    assert geometry.mesh_map(0, other).depth.shape == (48, 64)


def fingerprinted(scene: Scene, stamp: str | None = "1 kB, 12:00") -> Scene:
    return replace(scene, frames=tuple(replace(f, depth_fingerprint=stamp) for f in scene.frames))


@pytest.mark.parametrize("options", [{}, {"mesh": False}, {"depth_size": None}], ids=str)
def test_a_cache_gives_the_same_arrays_without_looking_at_a_pixel(options: dict[str, Any]) -> None:
    scene, memory = fingerprinted(make_scene(**options)), Memory()
    first = SceneGeometry(scene, cache=memory)
    _ = first.overlap
    assert len(memory) == 2

    def refuse(depth: np.ndarray) -> np.ndarray:
        raise AssertionError("depth was read")

    blind = scene if options.get("depth_size", 1) is None else with_depth(scene, refuse)
    second = SceneGeometry(blind, cache=memory)
    np.testing.assert_array_equal(second.overlap.iou, first.overlap.iou)
    np.testing.assert_array_equal(second.overlap.minimum, first.overlap.minimum)
    np.testing.assert_array_equal(second.visibility.words, first.visibility.words)
    assert (second.visibility.known is None) == (first.visibility.known is None)
    assert second.visibility.count == first.visibility.count
    assert memory.hits == 2


def moved(scene: Scene) -> Scene:
    vertices = np.array(scene.vertices)
    vertices[0, 0] += 1e-3
    return replace(scene, vertices=vertices)


def turned(scene: Scene) -> Scene:
    pose = np.array(scene.frames[2].camera.camera_to_world)
    pose[0, 3] += 1e-6
    frame = replace(scene.frames[2], camera=replace(scene.frames[2].camera, camera_to_world=pose))
    return replace(scene, frames=(*scene.frames[:2], frame, *scene.frames[3:]))


CHANGES = {
    "vertices": moved,
    "faces": lambda s: replace(s, faces=s.faces[:-1]),
    "pose": turned,
    "fewer frames": lambda s: replace(s, frames=s.frames[:-1]),
    "order of frames": lambda s: replace(s, frames=s.frames[::-1]),
    "intrinsics": lambda s: replace(
        s,
        frames=tuple(
            replace(f, camera=replace(f.camera, intrinsics=f.camera.intrinsics * [[1.001], [1], [1]])) for f in s.frames
        ),
    ),
    "depth camera": lambda s: replace(s, frames=tuple(replace(f, depth_camera=f.camera) for f in s.frames)),
    "depth scale": lambda s: replace(s, frames=tuple(replace(f, depth_scale=0.002) for f in s.frames)),
    "depth file": lambda s: replace(s, frames=tuple(replace(f, depth_ref=f"other/{f.id}") for f in s.frames)),
    "depth fingerprint": lambda s: fingerprinted(s, "1 kB, 12:01"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_stale_comes_out_of_a_cache(scene: Scene, change: str) -> None:
    memory = Memory()
    before = fingerprinted(scene)
    _ = SceneGeometry(before, cache=memory).visibility
    after = CHANGES[change](before)
    keys = set(memory)
    try:
        _ = SceneGeometry(after, cache=memory).visibility
    except SceneError:
        assert change == "depth camera"  # the maps do not have its size: found out, not taken from the cache
    assert memory.hits == 0
    assert change == "depth camera" or len(set(memory) - keys) == 1


@pytest.mark.parametrize(
    "settings",
    [GeometrySettings(near=0.2), GeometrySettings(mesh_tolerance=Tolerance(0.03, 0.016)), PRESETS["multispa"]],
)
def test_other_settings_are_another_entry(scene: Scene, settings: GeometrySettings) -> None:
    memory = Memory()
    for chosen in (GeometrySettings(), settings):
        _ = SceneGeometry(fingerprinted(scene), chosen, memory).visibility
    assert len(memory) == 2
    assert memory.hits == 0


def test_depth_without_a_fingerprint_is_told_apart_by_its_pixels(scene: Scene) -> None:
    memory = Memory()
    first = SceneGeometry(scene, cache=memory).visibility
    again = SceneGeometry(make_scene(), cache=memory).visibility
    assert memory.hits == 1
    np.testing.assert_array_equal(first.words, again.words)
    _ = SceneGeometry(with_depth(scene, lambda d: d * np.float32(1.001)), cache=memory).visibility
    assert memory.hits == 1
