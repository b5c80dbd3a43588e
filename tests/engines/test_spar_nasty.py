"""SPAR's 35 tasks on scenes that lack things, or are odd: rows that hold, or reasons why there are none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from support.closed_form import make_scene
from support.video_room import make_video_scene

from spatialgen import engines
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Camera, Fact, Frame, Instance, Scene, Skip
from spatialgen.engines.base import Engine

SUITE = [engines.load(name) for name in engines.available() if name.startswith("spar/")]
TASKS = {spec.name for engine in SUITE for spec in engine.tasks}
TRIPLES = {name for name in TASKS if name.endswith("_mv")}
PAIRS = {"position_matching", "camera_motion_infer", "view_change_infer"}
VIDEOS = {spec.name for engine in SUITE for spec in engine.tasks if "trajectory" in spec.needs}
Found = dict[str, list[Fact | Skip]]


def ask(scene: Scene, limit: int = 1) -> Found:
    """What every task says of a scene; every one of them says something."""
    found: Found = defaultdict(list)
    for engine in SUITE:
        for item in engine.facts(scene, limit=limit):
            found[item.task].append(item)
    assert set(found) == TASKS, f"silent: {TASKS - set(found)}"
    for task, items in found.items():
        facts = [item for item in items if isinstance(item, Fact)]
        skips = [item for item in items if isinstance(item, Skip)]
        assert len(facts) <= limit
        assert all(item.reason.strip() and item.count >= 1 for item in skips)
        assert facts or skips, task
        for fact in facts:
            assert max(fact.frames) < len(scene.frames)
            assert len(set(fact.frames)) == len(fact.frames)
            assert all(mark.image < len(fact.frames) for mark in (*fact.points, *fact.boxes))
            assert np.isfinite(fact.value).all()
    return found


def facts_of(found: Found, tasks: set[str] = TASKS) -> list[Fact]:
    return [item for task in sorted(tasks) for item in found[task] if isinstance(item, Fact)]


def reasons(found: Found, task: str) -> str:
    return " / ".join(item.reason for item in found[task] if isinstance(item, Skip))


def room(frames: int = 5, **options: object) -> Scene:
    return make_scene(frames=frames, furnished=True, coarse=True, size=(160, 120), depth_size=(80, 60), **options)  # type: ignore[arg-type]


def keep(scene: Scene, count: int) -> Scene:
    """Only the first few objects; the rest is nobody's."""
    assert scene.vertex_instance is not None
    owner = np.where(scene.vertex_instance < count, scene.vertex_instance, -1).astype(np.int32)
    return replace(scene, vertex_instance=owner, instances=scene.instances[:count])


def named(scene: Scene, label: str) -> Scene:
    return replace(scene, instances=tuple(replace(one, label=label, raw_label=label) for one in scene.instances))


def with_pose(scene: Scene, pose: Callable[[int], np.ndarray]) -> Scene:
    def moved(camera: Camera, index: int) -> Camera:
        return replace(camera, camera_to_world=pose(index))

    frames = []
    for index, frame in enumerate(scene.frames):
        depth = None if frame.depth_camera is None else moved(frame.depth_camera, index)
        frames.append(replace(frame, camera=moved(frame.camera, index), depth_camera=depth))
    return replace(scene, frames=tuple(frames))


# ---- too little of something


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_objects(count: int) -> None:
    found = ask(keep(room(), count))
    for fact in facts_of(found):
        assert len({one.instance_id for one in fact.objects}) <= count
    if count == 0:
        spoken_of = {"camera_motion_infer", "view_change_infer", "room_size"}
        assert {fact.task for fact in facts_of(found)} <= spoken_of
    if count < 2:
        assert not facts_of(found, {name for name in TASKS if "_oo" in name})


@pytest.mark.parametrize("count", [1, 2])
def test_few_frames(count: int) -> None:
    found = ask(room(count))
    assert not facts_of(found, TRIPLES)
    assert all(reasons(found, task) for task in TRIPLES)
    if count == 1:
        assert not facts_of(found, PAIRS)


def test_nothing_but_walls() -> None:
    found = ask(named(room(), "wall"))
    assert {fact.task for fact in facts_of(found)} <= {"camera_motion_infer", "view_change_infer", "room_size"}
    assert "part of the building" in reasons(found, "depth_prediction_oc")


@pytest.mark.parametrize("label", ["", "REMOVE"])
def test_labels_that_say_nothing(label: str) -> None:
    found = ask(named(room(), label))
    assert {fact.task for fact in facts_of(found)} <= {"camera_motion_infer", "view_change_infer", "room_size"}


def test_all_labels_alike() -> None:
    """Objects may be marked; what goes by names alone has nothing to say."""
    found = ask(named(room(), "chair"))
    assert facts_of(found, {"depth_prediction_oc", "obj_spatial_relation_oo"})
    unmarked = {"distance_infer_center_oc", "distance_infer_center_oc_mv", "appearance_order"}
    unmarked |= {name for name in TASKS if name.endswith("_hard")}
    assert not facts_of(found, unmarked)
    assert all(reasons(found, task) for task in unmarked)


def test_an_object_of_a_handful_of_vertices_and_one_that_no_frame_shows() -> None:
    scene = room()
    assert scene.vertices is not None
    assert scene.faces is not None
    assert scene.vertex_instance is not None
    corner = scene.vertices.max(axis=0)
    tiny = np.array([[2.0, 2.0, 1.0], [2.02, 2.0, 1.0], [2.0, 2.02, 1.0], [2.0, 2.0, 1.02]], np.float32)
    sides = np.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]], np.int32)
    start, n = len(scene.vertices), len(scene.instances)
    odd = replace(
        scene,
        vertices=np.concatenate([scene.vertices, tiny, (tiny - 2.0) * 20 + corner + 5.0]).astype(np.float32),
        faces=np.concatenate([scene.faces, sides + start, sides + start + 4]),
        vertex_instance=np.concatenate([scene.vertex_instance, np.repeat([n, n + 1], 4)]).astype(np.int32),
        instances=(
            *scene.instances,
            Instance("tiny", "pen", "pen", start + np.arange(4)),
            Instance("far", "piano", "piano", start + 4 + np.arange(4)),
        ),
    )
    found = ask(odd)
    assert facts_of(found)
    spoken_of = {one.instance_id for fact in facts_of(found) for one in fact.objects}
    assert not {"tiny", "far"} & spoken_of


# ---- what a scene lacks


def test_no_up_axis() -> None:
    found = ask(replace(room(), up=None))
    needing = {spec.name for engine in SUITE for spec in engine.tasks if "up" in spec.needs}
    assert not facts_of(found, needing)
    assert all("up axis" in reasons(found, task) for task in needing)


def test_no_mesh_and_no_objects() -> None:
    found = ask(room(mesh=False))
    assert {fact.task for fact in facts_of(found)} <= {"camera_motion_infer", "view_change_infer", "room_size"}
    assert all("instances" in reasons(found, task) or "mesh" in reasons(found, task) for task in TASKS - PAIRS)


def test_neither_mesh_nor_depth() -> None:
    scene = room(mesh=False)
    assert not facts_of(ask(replace(scene, frames=_without_depth(scene))))


def test_no_depth_but_a_mesh() -> None:
    scene = room()
    found = ask(replace(scene, frames=_without_depth(scene)))
    assert facts_of(found, {"depth_prediction_oc", "spatial_imagination_oc"})


def test_frames_in_no_order() -> None:
    """Without a trajectory, as of Structured3D: no video, and the reason says so."""
    found = ask(replace(room(), extra_capabilities=frozenset()))
    assert not facts_of(found, VIDEOS)
    assert all("trajectory" in reasons(found, task) for task in VIDEOS)


# ---- odd cameras


def test_one_pose_for_all_frames() -> None:
    """A tripod: nothing can be pieced together from images that are the same."""
    scene = room()
    pose = scene.frames[0].camera.camera_to_world
    found = ask(with_pose(scene, lambda _: pose))
    assert not facts_of(found, TRIPLES | PAIRS)
    assert all(reasons(found, task) for task in TRIPLES | PAIRS)


def test_cameras_outside_that_see_nothing() -> None:
    def away(index: int) -> np.ndarray:
        pose = np.eye(4)
        pose[:3, 3] = (100.0 + index, 0.0, 0.0)
        return pose

    assert not facts_of(ask(with_pose(room(), away)))


def test_cameras_that_look_straight_down() -> None:
    """They have no heading: what needs one is not told."""
    down = np.array([[1.0, 0, 0, 2.5], [0, -1, 0, 2], [0, 0, -1, 2.4], [0, 0, 0, 1]])

    def pose(index: int) -> np.ndarray:
        moved = down.copy()
        moved[0, 3] += 0.3 * (index - 2)
        return moved

    found = ask(with_pose(room(), pose))
    assert not facts_of(found, {"view_change_infer", "spatial_imagination_map_mv", "obj_spatial_relation_oc_mv"})


# ---- videos


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33])
def test_number_of_frames_of_a_video(count: int) -> None:
    scene = make_video_scene(frames=count, size=(64, 48))
    asked = {"obj_count", "spatial_imagination_oc_video", "distance_prediction_oo_video"}
    found: Found = defaultdict(list)
    for engine in SUITE:
        if tasks := [spec.name for spec in engine.tasks if spec.name in asked]:
            for item in engine.facts(scene, tasks=tasks, limit=1):
                found[item.task].append(item)
    assert set(found) == asked
    facts = facts_of(found, asked)
    for fact in facts:
        assert len(fact.frames) == min(count, 32)
        assert list(fact.frames) == sorted(set(fact.frames))
        assert fact.frames[-1] < count
    if count > 2:
        assert facts
    if count == 33:
        assert {fact.frames for fact in facts} == {tuple((2 * k + 1) * 33 // 64 for k in range(32))}


# ---- alone and together


@pytest.mark.parametrize("engine", SUITE, ids=lambda engine: engine.name)
def test_every_task_alone_says_what_it_says_among_others(engine: Engine) -> None:
    scene, geometry = whole_room()
    together: Found = defaultdict(list)
    for item in engine.facts(scene, geometry, limit=2):
        together[item.task].append(item)
    for spec in engine.tasks:
        assert list(engine.facts(scene, geometry, tasks=[spec.name], limit=2)) == together[spec.name]


@cache
def whole_room() -> tuple[Scene, SceneGeometry]:
    scene = room(9)
    return scene, SceneGeometry(scene)


def _without_depth(scene: Scene) -> tuple[Frame, ...]:
    return tuple(replace(f, depth_camera=None, load_depth=None, depth_ref=None, depth_scale=None) for f in scene.frames)
