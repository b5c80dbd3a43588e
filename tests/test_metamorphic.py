"""What must follow when a pair is swapped, the world is moved, or the world is mirrored: no truth is needed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from support.closed_form import depth_of, make_scene
from support.multispa_oracle import CAMERA_TASKS, WORDS, camera_values

import spatialgen
from spatialgen import synth
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Camera, Fact, Frame, Scene, Tracks
from spatialgen.scene_io import detect

TURN = np.radians(37.0)
MOVED = np.array(
    [
        [np.cos(TURN), -np.sin(TURN), 0, 3.21],
        [np.sin(TURN), np.cos(TURN), 0, -1.47],
        [0, 0, 1, 0.63],
        [0, 0, 0, 1],
    ]
)
"""A turn about the vertical and a shift."""
MIRROR = np.diag([-1.0, 1, 1, 1])


def moved(scene: Scene, motion: np.ndarray, *, mirror: bool = False) -> Scene:
    """The same place in another world; ``mirror`` with a motion that is one: pictures are then mirrored too."""

    def camera(old: Camera) -> Camera:
        pose, intrinsics = motion @ old.camera_to_world, old.intrinsics.copy()
        if mirror:
            pose = pose @ MIRROR  # the camera's x axis turns round, so that it stays a camera
            intrinsics[0, 2] = old.width - 1 - intrinsics[0, 2]
        return Camera(intrinsics, pose, old.width, old.height)

    def frame(old: Frame) -> Frame:
        depth = None if old.load_depth is None else _flipped(old.load_depth, mirror)
        return replace(
            old,
            camera=camera(old.camera),
            depth_camera=None if old.depth_camera is None else camera(old.depth_camera),
            load_depth=depth,
            load_image=_flipped_image(old.load_image, mirror),
        )

    def points(old: np.ndarray) -> np.ndarray:
        return old @ motion[:3, :3].T + motion[:3, 3]

    changed: dict[str, Any] = {"frames": tuple(frame(old) for old in scene.frames)}
    if scene.vertices is not None and scene.faces is not None:
        changed["vertices"] = points(scene.vertices.astype(np.float64)).astype(np.float32)
        changed["faces"] = scene.faces[:, ::-1] if mirror else scene.faces
    if scene.tracks is not None:
        changed["tracks"] = replace(scene.tracks, points=points(scene.tracks.points))
    return replace(scene, **changed)


def _flipped(load: Callable[[], np.ndarray], mirror: bool) -> Callable[[], np.ndarray]:
    return (lambda: np.ascontiguousarray(load()[:, ::-1])) if mirror else load


def _flipped_image(load: Callable[[], bytes], mirror: bool) -> Callable[[], bytes]:
    def flipped() -> bytes:
        picture = cv2.imdecode(np.frombuffer(load(), np.uint8), cv2.IMREAD_COLOR)
        return bytes(cv2.imencode(".png", picture[:, ::-1])[1])

    return flipped if mirror else load


Pairs = dict[tuple[int, int, str], Fact]


def every_pair(scene: Scene) -> Pairs:
    """Every camera fact of every ordered pair of frames."""
    geometry = SceneGeometry(scene)
    engine = spatialgen.engines.load("camera_movement")
    found = {
        (i, j, task): engine.between(geometry, i, j, task)
        for i, j in itertools.permutations(range(len(scene.frames)), 2)
        for task in CAMERA_TASKS
    }
    return {key: fact for key, fact in found.items() if isinstance(fact, Fact)}


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return every_pair(make_scene(frames=12))


def test_swapped_displacement_is_turned_back(pairs: Pairs) -> None:
    frames = make_scene(frames=12).frames
    asked = [(i, j) for i, j, task in pairs if task == "camera_displacement"]
    assert len(asked) >= 100
    for i, j in asked:
        turn = frames[j].camera.camera_to_world[:3, :3].T @ frames[i].camera.camera_to_world[:3, :3]
        there, back = (np.array(pairs[k, m, "camera_displacement"].value) for k, m in ((i, j), (j, i)))
        assert np.allclose(back, -turn @ there, atol=1e-9)
        assert pairs[j, i, "camera_distance"].value == pytest.approx(pairs[i, j, "camera_distance"].value)


def test_swapped_words_are_those_of_the_other_camera(pairs: Pairs) -> None:
    frames = make_scene(frames=12).frames
    checked = dict.fromkeys(WORDS, 0)
    for (i, j, task), fact in pairs.items():
        if task in WORDS:
            (true,) = camera_values(frames[i].camera.camera_to_world, frames[j].camera.camera_to_world)[task]
            assert fact.value[0] == pytest.approx(true, abs=1e-9)
            assert fact.options == WORDS[task]
            assert fact.answer_index == (0 if true > 0 else 1)
            checked[task] += 1
    assert min(checked.values()) >= 30, checked


@pytest.mark.parametrize(
    "task", ["camera_movement_yaw", "camera_movement_pitch", "camera_yaw_angle", "camera_pitch_angle"]
)
def test_swapping_flips_every_turn_and_tilt(pairs: Pairs, task: str) -> None:
    asked = {(i, j) for i, j, name in pairs if name == task}
    assert len(asked) >= 30
    for i, j in asked:
        there, back = pairs[i, j, task], pairs[j, i, task]
        assert back.value[0] == pytest.approx(-there.value[0], abs=1e-9)
        if task in WORDS:
            assert back.answer_index is not None
            assert back.answer_index == 1 - there.answer_index


# ------------------------------------------------------------------------------------------------- moved and mirrored


def expected_after(fact: Fact, *, mirror: bool) -> np.ndarray:
    """A camera fact's value in the other world."""
    value = np.array(fact.value)
    if mirror and fact.task in {"camera_movement_x", "camera_movement_yaw", "camera_yaw_angle", "camera_displacement"}:
        value[0] *= -1
    return value


@pytest.mark.parametrize("mirror", [False, True])
def test_camera_facts_in_another_world(pairs: Pairs, mirror: bool) -> None:
    """Moving the world changes nothing; a mirror flips left and right, and nothing else."""
    after = every_pair(moved(make_scene(frames=12), MIRROR if mirror else MOVED, mirror=mirror))
    assert after.keys() == pairs.keys()
    for key, fact in pairs.items():
        assert after[key].value == pytest.approx(tuple(expected_after(fact, mirror=mirror)), abs=1e-6)
        assert after[key].overlap == pytest.approx(fact.overlap, abs=2e-3)
        assert after[key].margin == pytest.approx(fact.margin, rel=1e-4)
        if fact.answer_index is not None:
            flipped = mirror and fact.task in {"camera_movement_x", "camera_movement_yaw"}
            assert after[key].options == fact.options
            assert after[key].answer_index == (1 - fact.answer_index if flipped else fact.answer_index)


@pytest.mark.parametrize("mirror", [False, True])
def test_depth_comparisons_in_another_world(mirror: bool) -> None:
    scene = make_scene()
    geometry, other = SceneGeometry(scene), SceneGeometry(moved(scene, MIRROR if mirror else MOVED, mirror=mirror))
    engine = spatialgen.engines.load("depth_comparison")
    width, height = scene.frames[0].camera.width, scene.frames[0].camera.height
    rng = np.random.default_rng(8)
    stated = 0
    for _ in range(300):
        frame, (a, b) = int(rng.integers(6)), rng.integers((8, 8), (width - 8, height - 8), (2, 2)).tolist()
        here = engine.compare(geometry, frame, tuple(a), tuple(b))
        if mirror:
            a[0], b[0] = width - 1 - a[0], width - 1 - b[0]
        there = engine.compare(other, frame, tuple(a), tuple(b))
        if isinstance(here, Fact) and isinstance(there, Fact):  # a disc at an edge may be legal in one world only
            assert there.answer_index == here.answer_index
            assert there.value == pytest.approx(here.value, abs=2e-3)
            stated += 1
    assert stated >= 60


@pytest.mark.parametrize("mirror", [False, True])
def test_correspondences_of_another_world_hold_in_this_one(mirror: bool) -> None:
    """Which points are taken is chance; that they match is not: closed form in the world that was not moved."""
    scene = make_scene(frames=12)
    width = scene.frames[0].camera.width
    found = spatialgen.engines.load("visual_correspondence").facts(
        moved(scene, MIRROR if mirror else MOVED, mirror=mirror), limit=120
    )
    facts = [fact for fact in found if isinstance(fact, Fact)]
    assert len(facts) == 120
    for fact in facts:
        first, second = (scene.frames[index].camera for index in fact.frames)
        marks = np.array([[width - 1 - p.x if mirror else p.x, p.y] for p in fact.points])
        images = np.array([p.image for p in fact.points])
        (query,) = surface(first, marks[images == 0])
        options = surface(second, marks[images == 1])
        nearest = int(np.linalg.norm(options - query, axis=1).argmin())
        assert nearest == (fact.answer_index or 0)
        local = second.world_to_camera[:3, :3] @ query + second.world_to_camera[:3, 3]
        u, v = (second.intrinsics @ local)[:2] / local[2]
        assert fact.value == pytest.approx((width - 1 - u if mirror else u, v), abs=0.5)


def surface(camera: Camera, xy: np.ndarray) -> np.ndarray:
    """World points (n, 3) under pixels (n, 2) of the room."""
    rays = np.column_stack([xy, np.ones(len(xy))]) @ np.linalg.inv(camera.intrinsics).T
    local = rays * depth_of(camera, xy)[:, None]
    return local @ camera.camera_to_world[:3, :3].T + camera.centre


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    root = tmp_path_factory.mktemp("still")
    synth.generate(root, format="posed_images", frames=12, color_size=(240, 180), depth_size=(240, 180), seed=5)
    reader, _ = detect(root)
    (ref,) = reader.scenes(root)
    return reader.read(ref)


@pytest.fixture(scope="module")
def still_sizes(still: Scene) -> dict[tuple[str, str], float]:
    return sizes(still)


@pytest.mark.parametrize("mirror", [False, True])
def test_object_sizes_in_another_world(still: Scene, still_sizes: dict[tuple[str, str], float], mirror: bool) -> None:
    """Which objects and frames are taken may change with a rounded pixel; how large a thing is may not."""
    before, after = still_sizes, sizes(moved(still, MIRROR if mirror else MOVED, mirror=mirror))
    same = before.keys() & after.keys()
    assert len(before) >= 30
    assert len(same) >= 0.9 * len(before)
    for key in same:
        assert after[key] == pytest.approx(before[key], abs=2e-3, rel=2e-3), key


def sizes(scene: Scene) -> dict[tuple[str, str], float]:
    """Metres by task and object."""
    found = spatialgen.engines.load("object_perception").facts(scene, limit=200)
    facts = [fact for fact in found if isinstance(fact, Fact)]
    return {(fact.task, fact.evidence["objects"]["instances"][0]["id"]): fact.value[0] for fact in facts}


def swinging() -> Scene:
    """A room with points that stand still, swing on a door, or ride on a box, before a moving camera."""
    scene = make_scene("swing_0000", frames=12)
    rng = np.random.default_rng(3)
    start = rng.uniform([1.4, 1.0, 0.4], [3.6, 3.0, 1.4], (90, 3))
    steps = np.arange(12)[:, None]
    points = np.repeat(start[None], 12, axis=0)
    hinge = np.array([2.5, 2.0, 0.0])
    angle = 0.12 * steps
    arm = start[30:60] - hinge
    points[:, 30:60, 0] = hinge[0] + np.cos(angle) * arm[:, 0] - np.sin(angle) * arm[:, 1]
    points[:, 30:60, 1] = hinge[1] + np.sin(angle) * arm[:, 0] + np.cos(angle) * arm[:, 1]
    points[:, 60:] += steps[:, :, None] * np.array([0.05, 0.02, 0.01])
    visible = np.zeros(points.shape[:2], bool)
    for step, frame in enumerate(scene.frames):
        local = points[step] @ frame.camera.world_to_camera[:3, :3].T + frame.camera.world_to_camera[:3, 3]
        xy = (local @ frame.camera.intrinsics.T)[:, :2] / local[:, 2:]
        inside = ((xy >= 2) & (xy < (frame.camera.width - 3, frame.camera.height - 3))).all(1)
        visible[step] = (local[:, 2] > 0.3) & inside
    frames = tuple(replace(frame, track_step=step, time=0.1 * step) for step, frame in enumerate(scene.frames))
    return replace(scene, frames=frames, tracks=Tracks(points, visible, "world", 0.1))


@pytest.mark.parametrize("mirror", [False, True])
def test_tracks_in_another_world(mirror: bool) -> None:
    scene = swinging()
    before = tracked(scene)
    after = tracked(moved(scene, MIRROR if mirror else MOVED, mirror=mirror))
    assert len(before) >= 100
    same = before.keys() & after.keys()
    assert len(same) >= 0.9 * len(before)
    for key in same:
        here, there = before[key], after[key]
        expected = np.array(here.value)
        if mirror and here.task == "object_movement_displacement":
            expected[0] *= -1
        assert there.value == pytest.approx(tuple(expected), abs=1e-6)
        assert there.answer_index == here.answer_index


def tracked(scene: Scene) -> dict[tuple[Any, ...], Fact]:
    """Facts about tracks by frames and track."""
    found = spatialgen.engines.load("object_movement").facts(scene, limit=100)
    return {
        (fact.task, fact.variant, fact.frames, fact.evidence["tracks"][0]["track_index"]): fact
        for fact in found
        if isinstance(fact, Fact)
    }
