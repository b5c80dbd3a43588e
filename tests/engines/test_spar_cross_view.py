"""Two views of a room: boxes, places and motions recomputed from its closed form, fair options, and rows."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from support.closed_form import BOXES, MORE_BOXES, UP, make_scene
from support.lenses import all_rays
from support.object_scenes import box, scene_of
from support.plain_geometry import projected

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Camera, Fact, Scene, Skip, Value
from spatialgen.dataset.check import problems
from spatialgen.engines.spar.cross_view import ENGINE
from spatialgen.pipeline.config import make_config
from spatialgen.pipeline.render import Renderer
from spatialgen.scene_io import SceneRef

MATCHING, PLACE, CHANGE = (spec.name for spec in ENGINE.tasks)
REF = SceneRef("box_0000", "boxroom", "box_0000", Path("."), "scannet")
ROOM_BOXES = np.concatenate([BOXES, MORE_BOXES])
Shown = dict[tuple[int, str], np.ndarray]


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(frames=30, furnished=True)


@pytest.fixture(scope="module")
def geometry(scene: Scene) -> SceneGeometry:
    return SceneGeometry(scene)


@pytest.fixture(scope="module")
def facts(scene: Scene, geometry: SceneGeometry) -> list[Fact]:
    return [item for item in ENGINE.facts(scene, geometry, limit=60) if isinstance(item, Fact)]


@pytest.fixture(scope="module")
def rows(scene: Scene, facts: list[Fact]) -> list[dict]:
    renderer = Renderer(make_config(["cross_view"], images="path"), scene, REF, ENGINE)
    return [renderer.row(fact) for fact in facts]


def of(facts: list[Fact], task: str, form: str | None = None) -> list[Fact]:
    found = [fact for fact in facts if fact.task == task and form in (None, fact.form)]
    assert found
    return found


def cameras(scene: Scene, fact: Fact) -> tuple[Camera, Camera]:
    one, two = (scene.frames[index].camera for index in fact.frames)
    return one, two


def nearest_boxes(camera: Camera) -> np.ndarray:
    """(h, w): which of the room's boxes each pixel shows, -1 for none: slabs, no triangle."""
    grid = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), -1).reshape(-1, 2)
    direction = all_rays(camera, grid) @ camera.camera_to_world[:3, :3].T
    nearest = np.full((len(ROOM_BOXES), len(grid)), np.inf)
    with np.errstate(divide="ignore"):
        for index, (low, high) in enumerate(ROOM_BOXES):
            near, far = (low - camera.centre) / direction, (high - camera.centre) / direction
            enter, leave = np.minimum(near, far).max(axis=1), np.maximum(near, far).min(axis=1)
            hit = (enter < leave) & (enter > 0)
            nearest[index, hit] = enter[hit]
    owner = np.where(np.isfinite(nearest).any(axis=0), nearest.argmin(axis=0), -1)
    return owner.reshape(camera.height, camera.width)


@pytest.fixture(scope="module")
def shown(scene: Scene) -> Shown:
    """By frame and object id x1, y1, x2, y2 around the pixels that show the object."""
    found = {}
    for index, frame in enumerate(scene.frames):
        owner = nearest_boxes(frame.camera)
        for instance in np.unique(owner[owner >= 0]).tolist():
            row, column = np.nonzero(owner == instance)
            edges = (column.min() - 0.5, row.min() - 0.5, column.max() + 0.5, row.max() + 0.5)
            found[index, str(instance)] = np.array(edges)
    return found


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    return common / (float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])) - common)


def with_cameras(scene: Scene, poses: list[np.ndarray]) -> Scene:
    """The mesh seen from elsewhere, without depth images."""
    frames = tuple(
        replace(frame, camera=replace(frame.camera, camera_to_world=pose), depth_camera=None, load_depth=None)
        for frame, pose in zip(scene.frames, poses, strict=False)
    )
    return replace(scene, frames=frames)


def tilted(pose: np.ndarray, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return pose @ np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


# ---- position_matching


def test_boxes_hold_what_each_image_shows_of_the_object(shown: Shown, facts: list[Fact]) -> None:
    for fact in of(facts, MATCHING):
        assert [box.image for box in fact.boxes[:2]] == [0, 1]
        assert list(fact.value) == [fact.boxes[1].x1, fact.boxes[1].y1, fact.boxes[1].x2, fact.boxes[1].y2]
        assert fact.boxes[0].instance_id == fact.boxes[1].instance_id == fact.objects[0].instance_id
        for mark in fact.boxes:
            expected = shown[fact.frames[mark.image], mark.instance_id or ""]
            np.testing.assert_allclose([mark.x1, mark.y1, mark.x2, mark.y2], expected, atol=1.6)


def test_only_the_first_image_is_marked(facts: list[Fact]) -> None:
    for fact in of(facts, MATCHING):
        assert [box.color_role for box in fact.boxes] == ["red", *[""] * (len(fact.boxes) - 1)]
        assert not any(box.label for box in fact.boxes)


def test_offered_boxes_are_of_different_objects_and_apart(shown: Shown, facts: list[Fact]) -> None:
    for fact in of(facts, MATCHING, "select"):
        assert len(fact.options) == len({box.instance_id for box in fact.boxes[1:]}) == 4
        assert fact.options[fact.answer_index or 0].index == 1  # type: ignore[union-attr]
        offered = [shown[fact.frames[1], box.instance_id or ""] for box in fact.boxes[1:]]
        assert all(overlap(one, other) < 0.32 for one, other in combinations(offered, 2))
        described = [thing["id"] for thing in fact.evidence["objects"]["instances"]]
        assert described == [box.instance_id for box in fact.boxes[1:]]


def test_boxes_told_by_numbers_are_large(scene: Scene, facts: list[Fact]) -> None:
    """Small ones are offered to choose from; the published preset tells them too."""

    def size(fact: Fact) -> float:
        x1, y1, x2, y2 = fact.value
        return 1 / (1 / (x2 - x1) + 1 / (y2 - y1)) / 320

    sizes = {form: [size(fact) for fact in of(facts, MATCHING, form)] for form in ("fill", "select", "sentence")}
    assert min(sizes["fill"] + sizes["sentence"]) >= 0.1
    assert min(sizes["select"]) < 0.1
    published = ENGINE.facts(scene, tasks=[MATCHING], forms=["fill"], parameters=ENGINE.configure("spar"))
    assert min(size(item) for item in published if isinstance(item, Fact)) < 0.1


def test_objects_take_turns(facts: list[Fact]) -> None:
    counts = Counter(fact.objects[0].label for fact in of(facts, MATCHING))
    assert len(counts) >= 6
    assert max(counts.values()) <= 0.3 * counts.total()
    assert len({(fact.frames, fact.objects[0].instance_id) for fact in of(facts, MATCHING)}) == counts.total()


def test_a_box_that_could_be_meant_for_a_neighbour_of_the_same_name_is_not_drawn() -> None:
    def answers(second: str) -> list[Fact]:
        things = [
            ("chair", box((-0.5, -0.3, 0.0), (0.5, 0.3, 1.0))),
            (second, box((-0.5, 0.35, 0.0), (0.5, 0.4, 1.2))),
            ("lamp", box((1.2, -0.3, 0.0), (1.5, 0.0, 1.0))),
            ("stool", box((-1.6, -0.3, 0.0), (-1.2, 0.1, 0.5))),
        ]
        eyes = [(x, -3.2, 1.1) for x in (-0.6, -0.2, 0.2, 0.6)]
        found = ENGINE.facts(scene_of(things, eyes), tasks=[MATCHING], forms=["fill"])
        return [item for item in found if isinstance(item, Fact)]

    chairs = [fact for fact in answers("screen") if fact.objects[0].label == "chair"]
    assert chairs
    assert not [fact for fact in answers("chair") if fact.objects[0].instance_id == "i1"]


# ---- camera_motion_infer


def test_places_are_projections_of_the_second_camera(scene: Scene, facts: list[Fact]) -> None:
    for fact in of(facts, PLACE):
        one, two = cameras(scene, fact)
        u, v, depth = projected(two.centre, one)
        assert fact.value == pytest.approx((u, v, depth), abs=1e-8)
        assert -0.5 <= u < one.width - 0.5
        assert -0.5 <= v < one.height - 0.5
        assert fact.margin == pytest.approx(depth / 0.2)
        assert depth >= 0.2
        t = fact.evidence["pairs"][0]["t_12"]
        assert depth == pytest.approx(t[2], abs=1e-5)


def test_places_go_through_a_distorted_lens() -> None:
    bent = make_scene(frames=30, size=(160, 120), depth_size=None, lens=("opencv", (-0.12, 0.03, 0.0, 0.0)))
    found = [item for item in ENGINE.facts(bent, tasks=[PLACE], forms=["fill"]) if isinstance(item, Fact)]
    assert len(found) > 5
    moved = []
    for fact in found:
        one, two = cameras(bent, fact)
        assert fact.value == pytest.approx(projected(two.centre, one), abs=1e-6)
        straight = replace(one, model="pinhole", distortion=())
        moved.append(abs(fact.value[0] - projected(two.centre, straight)[0]))
    assert max(moved) > 1.0


def test_offered_places_differ_in_the_image_and_in_depth(facts: list[Fact]) -> None:
    for fact in of(facts, PLACE, "select"):
        options = np.array([option.numbers for option in fact.options if isinstance(option, Value)])
        assert tuple(options[fact.answer_index or 0]) == fact.value
        assert fact.evidence["option_places"] == options.tolist()
        for one, other in combinations(options, 2):
            gap = (one[:2] - other[:2]) / (320, 240) * 1000
            assert np.hypot(*gap) >= 100
            shallow, deep = sorted(math.floor(10 * z + 0.5) / 10 for z in (one[2], other[2]))
            assert deep / shallow > 1.2


def test_every_offered_place_is_as_often_right(facts: list[Fact]) -> None:
    groups: dict[frozenset, list[tuple]] = {}
    for fact in of(facts, PLACE, "select"):
        places = frozenset(option.numbers for option in fact.options if isinstance(option, Value))
        groups.setdefault(frozenset(tuple(np.round(place, 6)) for place in places), []).append(fact.value)
    assert all(len(set(right)) == len(right) for right in groups.values())
    assert sum(len(right) == 4 for right in groups.values()) >= len(groups) - 1


# ---- view_change_infer


def test_changes_follow_the_levelled_first_camera(scene: Scene, facts: list[Fact]) -> None:
    for fact in of(facts, CHANGE):
        (x1, z1, c1), (_, z2, c2) = (
            (camera.camera_to_world[:3, 0], camera.camera_to_world[:3, 2], camera.centre)
            for camera in cameras(scene, fact)
        )
        forward = np.array([z1[0], z1[1], 0.0]) / math.hypot(z1[0], z1[1])
        right = np.array([forward[1], -forward[0], 0.0])
        assert x1 @ right > 0
        after = math.atan2(z2[1], z2[0]) - math.atan2(z1[1], z1[0])
        expected = [
            (c2 - c1) @ right,
            c2[2] - c1[2],
            (c2 - c1) @ forward,
            math.remainder(after, math.tau),
            math.asin(z2[2]) - math.asin(z1[2]),
        ]
        np.testing.assert_allclose(fact.value, expected, atol=1e-9)
        assert fact.evidence["yaw"] == fact.value[3]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda pose: tilted(pose, 9.9), None),
        (lambda pose: tilted(pose, -10.1), "tilted sideways"),
        (lambda pose: pose @ _pitched(-40), "too steeply"),
    ],
)
def test_tilted_and_steep_cameras_are_not_asked_about(scene: Scene, change, reason: str | None) -> None:
    poses = [frame.camera.camera_to_world for frame in scene.frames[:2]]
    poses[0] = _levelled(poses[0])
    beside = poses[0].copy()
    beside[:3, 3] += 0.5 * poses[0][:3, 0]
    poses[1] = change(beside)
    found = list(
        ENGINE.facts(
            with_cameras(scene, poses), tasks=[CHANGE], parameters=ENGINE.configure(overrides={"least_overlap": 0.0})
        )
    )
    if reason is None:
        assert sum(isinstance(item, Fact) for item in found) == 2
    else:
        assert [reason in item.reason for item in found if isinstance(item, Skip)] == [True]
        assert not any(isinstance(item, Fact) for item in found)


def _levelled(pose: np.ndarray) -> np.ndarray:
    """Turned down by 25 degrees from the horizon."""
    forward = np.array([pose[0, 2], pose[1, 2], 0.0])
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, UP)
    level = pose.copy()
    level[:3, 0], level[:3, 1], level[:3, 2] = right, -UP, forward
    return level @ _pitched(-25)


def _pitched(degrees: float) -> np.ndarray:
    """Turns a camera about its x axis, up where positive."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1.0]])


def all_changes(scene: Scene, geometry: SceneGeometry | None = None) -> dict[tuple[int, ...], tuple[float, ...]]:
    """What is told of every pair."""
    found = ENGINE.facts(scene, geometry, tasks=[CHANGE], limit=5000)
    return {item.frames: item.value for item in found if isinstance(item, Fact)}


def test_the_way_back_undoes_distance_and_turns(scene: Scene, geometry: SceneGeometry) -> None:
    changes = all_changes(scene, geometry)
    assert len(changes) > 100
    for (first, second), value in changes.items():
        way, back = np.array(value), np.array(changes[second, first])
        np.testing.assert_allclose(back[3:], -way[3:], atol=1e-9)
        np.testing.assert_allclose(np.linalg.norm(back[:3]), np.linalg.norm(way[:3]), atol=1e-9)
        assert back[1] == pytest.approx(-way[1])


def test_turning_the_world_changes_no_answer(scene: Scene) -> None:
    about = np.eye(4)
    about[:2, :2] = [[np.cos(2.0), -np.sin(2.0)], [np.sin(2.0), np.cos(2.0)]]
    about[:3, 3] = (3.0, -1.0, 0.5)
    poses = [frame.camera.camera_to_world for frame in scene.frames]
    assert scene.vertices is not None
    vertices = (scene.vertices @ about[:3, :3].T + about[:3, 3]).astype(np.float32)
    before = all_changes(with_cameras(scene, poses))
    after = all_changes(replace(with_cameras(scene, [about @ pose for pose in poses]), vertices=vertices))
    # Rounding may carry a pair's overlap over a limit.
    both = before.keys() & after.keys()
    assert len(both) > 0.97 * max(len(before), len(after)) > 100
    for frames in both:
        np.testing.assert_allclose(after[frames], before[frames], atol=1e-9)


# ---- rows


def test_rows_keep_every_rule_and_forms_and_letters_are_balanced(rows: list[dict]) -> None:
    for row in rows:
        assert problems(row) == []
    assert len({row["id"] for row in rows}) == len(rows)
    for task, forms in ((MATCHING, 3), (PLACE, 3), (CHANGE, 2)):
        counts = Counter(row["form"] for row in rows if row["task"] == task)
        assert len(counts) == forms
        assert max(counts.values()) - min(counts.values()) <= 1
        letters = Counter(row["answer"] for row in rows if row["task"] == task and row["form"] == "select")
        assert not letters or max(letters.values()) - min(letters[letter] for letter in "ABCD") <= 1


def test_places_are_written_in_thousandths_and_metres(rows: list[dict]) -> None:
    for row in rows:
        if row["task"] != PLACE:
            continue
        text = row["options"][row["answer_index"]] if row["form"] == "select" else row["answer_short"]
        found = re.fullmatch(r"\((\d+),(\d+)\),(\d+\.\d)", text)
        assert found
        u, v, depth = map(float, found.groups())
        assert u == pytest.approx((row["value"][0] + 0.5) / 320 * 1000, abs=0.5 + 1e-9)
        assert v == pytest.approx((row["value"][1] + 0.5) / 240 * 1000, abs=0.5 + 1e-9)
        assert depth == pytest.approx(row["value"][2], abs=0.05 + 1e-9)
        if row["form"] == "sentence":
            assert f"({u:.0f},{v:.0f}) at a depth of {depth} m" in row["answer"]


def test_changes_are_written_in_five_keys(rows: list[dict]) -> None:
    pairs = (("right", "left"), ("up", "down"), ("forward", "backward"), ("up", "down"), ("right", "left"))
    zeros = 0
    for row in rows:
        if row["task"] != CHANGE:
            continue
        right, up, forward, yaw, pitch = row["value"]
        signed = (right, up, forward, math.degrees(pitch), -math.degrees(yaw))
        parts = [part.split(":") for part in row["answer_short"].split(",")]
        assert len(parts) == 5
        for place, ((key, number), value, words) in enumerate(zip(parts, signed, pairs, strict=True)):
            half = 0.05 if place < 3 else 0.5
            assert float(number) == pytest.approx(abs(value), abs=half + 1e-9)
            verb, word = key.split("_")
            assert verb == ("move" if place < 3 else "rotate")
            assert word == words[0 if value > 0 or not float(number) else 1]
            zeros += not float(number)
            if row["form"] == "sentence":
                unit = r" m\b" if place < 3 else "°"
                assert bool(re.search(rf"{word} by {re.escape(number)}{unit}", row["answer"])) == (float(number) > 0)
        if row["form"] == "fill":
            assert row["answer"] == row["answer_short"]
    assert zeros


def test_the_name_and_colour_of_the_mark_are_told(rows: list[dict]) -> None:
    for row in rows:
        if row["task"] == MATCHING:
            assert f"{row['objects'][0]['label']} (red bbox)" in row["question"]
            assert row["boxes"][0]["color"] == "#ff1f1f"
            assert [mark["color"] for mark in row["boxes"][1:]] == [None] * (len(row["boxes"]) - 1)


# ---- other scenes


def test_cameras_are_asked_about_without_objects() -> None:
    bare = replace(make_scene(frames=30), instances=(), vertex_instance=None)
    counts = Counter(item.task for item in ENGINE.facts(bare, limit=9) if isinstance(item, Fact))
    assert counts == {PLACE: 9, CHANGE: 9}
    skips = [item for item in ENGINE.facts(bare, tasks=[MATCHING]) if isinstance(item, Skip)]
    assert [skip.reason for skip in skips] == ["scene has no instances"]


def test_select_alone_gives_options_only_where_they_differ(scene: Scene, geometry: SceneGeometry) -> None:
    wide = ENGINE.configure(overrides={"least_place_gap": 500})
    found = list(ENGINE.facts(scene, geometry, tasks=[PLACE], forms=["select"], parameters=wide))
    assert not any(isinstance(item, Fact) for item in found)
    reasons = {item.reason: item.count for item in found if isinstance(item, Skip)}
    assert reasons["places too close together to choose from"] > 5


def test_a_scene_of_one_frame_has_no_pair(scene: Scene) -> None:
    found = list(ENGINE.facts(replace(scene, frames=scene.frames[:1])))
    assert not any(isinstance(item, Fact) for item in found)
    reasons = {item.task for item in found if isinstance(item, Skip) and "shown together" in item.reason}
    assert reasons == {MATCHING, PLACE, CHANGE}
