"""Imagined observers: answers recomputed from the boxes of the scene, balance, marks, names, maps, and rows."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from support.closed_form import make_scene
from support.object_scenes import box, scene_of
from support.structured3d_writer import write_scene
from support.tiny_structured3d import SCENE

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import BoxRef, Fact, Scene, Skip, Value
from spatialgen.dataset.check import problems
from spatialgen.engines.marked_objects import MarkedObjects
from spatialgen.engines.relation_triples import RelationTriples
from spatialgen.engines.spar._balanced_words import balanced
from spatialgen.engines.spar._imagined_views import ImaginationParameters, ImaginedViews
from spatialgen.engines.spar._marked_items import Item
from spatialgen.engines.spar.imagination import ENGINE
from spatialgen.errors import ConfigError
from spatialgen.pipeline.config import make_config
from spatialgen.pipeline.render import Renderer
from spatialgen.scene_io import SceneRef
from spatialgen.scene_io.structured3d import READER

MOVES = [spec.name for spec in ENGINE.tasks if "map" not in spec.name]
BOXES = np.array(
    [
        [(-2.0, -0.3, 0.0), (-1.4, 0.3, 0.75)],
        [(1.4, -0.2, 0.0), (2.0, 0.4, 1.6)],
        [(-0.3, 1.6, 0.0), (0.5, 2.0, 0.45)],
        [(-1.7, -0.1, 0.75), (-1.4, 0.2, 1.1)],
        [(0.2, -1.8, 0.0), (0.6, -1.4, 0.5)],
        [(-1.2, 1.3, 1.0), (-0.9, 1.6, 1.5)],
        [(1.0, 1.5, 0.9), (1.3, 1.8, 1.2)],
        [(-0.9, -1.7, 0.3), (-0.5, -1.3, 0.8)],
    ]
)
NAMES = ("table", "cabinet", "bench", "vase", "stool", "lamp", "chair", "chair")
EYES = [(3.4 * np.cos(a), 3.4 * np.sin(a), 1.2 + 0.5 * (k % 3)) for k, a in enumerate(np.arange(14) * 2 * np.pi / 14)]


def furnished(turn: float = 0.0, eyes: list = EYES) -> Scene:
    """Eight boxes and cameras around them, turned about the vertical."""
    c, s = np.cos(turn), np.sin(turn)
    about = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    scene = scene_of([(name, box(*corners)) for name, corners in zip(NAMES, BOXES, strict=True)], eyes, (0, 0, 0.6))
    pose = np.eye(4)
    pose[:3, :3] = about
    frames = tuple(
        replace(frame, camera=replace(frame.camera, camera_to_world=pose @ frame.camera.camera_to_world))
        for frame in scene.frames
    )
    vertices = (scene.vertices @ about.T).astype(np.float32)
    return replace(scene, frames=frames, vertices=vertices, extra_capabilities=frozenset({"trajectory"}))


@pytest.fixture(scope="module")
def scene() -> Scene:
    return furnished()


def facts_of(scene: Scene, preset: str = "default", **asked: object) -> list[Fact]:
    found = ENGINE.facts(scene, limit=24, parameters=ENGINE.configure(preset), **asked)
    return [item for item in found if isinstance(item, Fact)]


@pytest.fixture(scope="module", params=["default", "spar"])
def told(request: pytest.FixtureRequest, scene: Scene) -> tuple[str, list[Fact]]:
    return request.param, facts_of(scene, request.param)


@pytest.fixture(scope="module")
def facts(scene: Scene) -> list[Fact]:
    return facts_of(scene)


def by_role(fact: Fact) -> dict[str, int]:
    return {thing.role: int(thing.instance_id[1:]) for thing in fact.objects}


# ---- the definition, done slowly


def surface(corners: np.ndarray) -> np.ndarray:
    """(k, 3): a grid of points on the sides of a box, about evenly by area."""
    size = corners[1] - corners[0]
    found = []
    for axis in range(3):
        u, v = [other for other in range(3) if other != axis]
        nu, nv = (int(np.ceil(size[side] / 0.02)) for side in (u, v))
        grid = np.stack(
            np.meshgrid((np.arange(nu) + 0.5) / nu * size[u], (np.arange(nv) + 0.5) / nv * size[v]), -1
        ).reshape(-1, 2)
        for side in (0.0, size[axis]):
            points = np.zeros((len(grid), 3))
            points[:, axis], points[:, u], points[:, v] = side, grid[:, 0], grid[:, 1]
            found.append(corners[0] + points)
    return np.concatenate(found)


def beyond(preset: str, target: int, reference: int | None, here: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """(3,): how far each axis is beyond its limit, signed; undecided within (-1, 1)."""
    level = np.array([forward[0], forward[1], 0.0]) / np.hypot(forward[0], forward[1])
    axes = np.array([[level[1], -level[0], 0.0], [0, 0, 1.0], level])
    centres = BOXES.mean(axis=1)

    def told(thing: int) -> np.ndarray:
        points = (surface(BOXES[thing]) if preset == "default" else centres[[thing]]) - here
        found = points @ axes.T
        if reference is not None:
            found[:, 2] = np.linalg.norm(points, axis=1)
        return np.quantile(found, [0.02, 0.98], axis=0)

    mine, other = told(target), np.zeros((2, 3)) if reference is None else told(reference)
    apart = np.linalg.norm(centres[target] - (here if reference is None else centres[reference]))
    limit = np.full(3, max(0.1, 0.05 * apart))
    if preset == "spar":
        limit = np.maximum([0.2, 0.2, 0.2 if reference is not None else 0.3], np.sin(np.radians(10)) * apart)
    return np.maximum(mine[0] - other[1], 0) / limit - np.maximum(other[0] - mine[1], 0) / limit


def in_image_order(scene: Scene, frame: int, target: int, reference: int) -> np.ndarray:
    """(2,): signs of right and up of the centres' pixels."""
    camera = scene.frames[frame].camera
    seen = np.array([camera.world_to_camera[:3] @ [*BOXES[thing].mean(axis=0), 1.0] for thing in (target, reference)])
    assert (seen[:, 2] > 0).all()
    u, v = (seen[:, :2] / seen[:, 2:]).T
    return np.sign([u[0] - u[1], v[1] - v[0]])


def agree(signs: object, wanted: np.ndarray) -> int:
    """How many axes could be compared; they must be the same."""
    clear = np.abs(np.abs(wanted) - 1) > 0.04
    expected = np.where(np.abs(wanted) > 1, np.sign(wanted), 0.0)
    np.testing.assert_array_equal(np.asarray(signs)[clear], expected[clear])
    return int(clear.sum())


def test_answers_follow_from_the_boxes_of_the_scene(told, scene) -> None:
    preset, facts = told
    compared: Counter[str] = Counter()
    for fact in facts:
        if fact.task not in MOVES:
            continue
        roles = by_role(fact)
        here, there = BOXES[roles["observer"]].mean(axis=0), BOXES[roles["facing"]].mean(axis=0)
        wanted = beyond(preset, roles["target"], roles.get("reference"), here, there - here)
        compared[fact.task] += agree(fact.value, wanted)
        assert any(fact.value)
        assert fact.margin >= 1
    assert set(compared) == set(MOVES)
    assert sum(compared.values()) > 250


def test_sentences_tell_the_first_camera_s_view_before_the_move(told, scene) -> None:
    preset, facts = told
    compared = 0
    for fact in facts:
        if "before" not in fact.slots:
            assert fact.form == "select" or fact.task not in MOVES
            continue
        roles = by_role(fact)
        camera = scene.frames[fact.frames[0]].camera
        pose = camera.camera_to_world
        wanted = beyond(preset, roles["target"], roles.get("reference"), pose[:3, 3], pose[:3, 2])
        said = np.array(fact.slots["before"].numbers)
        if "reference" in roles and len(fact.frames) == 1:
            disagrees = np.sign(wanted[:2]) != in_image_order(
                scene, fact.frames[0], roles["target"], roles["reference"]
            )
            wanted[:2][disagrees] = 0
        elif "reference" in roles:
            # Whether one image shows both is a question of pixels; where it does, order may have emptied a slot.
            wanted[:2][said[:2] == 0] = 0
        compared += agree(said, wanted)
        assert said.any()
    assert compared > 150


def test_sentences_tell_what_is_in_front_and_behind(told) -> None:
    preset, facts = told
    compared = 0
    for fact in facts:
        tells = fact.task.removesuffix("_hard").endswith(("oo_mv", "oo_video")) and fact.form == "sentence"
        assert ("sides" in fact.slots) == tells
        if not tells:
            continue
        roles, said = by_role(fact), fact.slots["sides"]
        here, there = BOXES[roles["observer"]].mean(axis=0), BOXES[roles["facing"]].mean(axis=0)
        for place, role in enumerate(("facing", "target", "reference"), start=1):
            name = NAMES[roles[role]] if fact.variant == "name" else BoxRef(place)
            wanted = beyond(preset, roles[role], None, here, there - here)[2]
            assert abs(abs(wanted) - 1) < 0.04 or (name in said.front, name in said.behind) == (
                wanted > 1,
                wanted < -1,
            )
            compared += 1
        assert roles["observer"] not in (*said.front, *said.behind)
    assert compared > 60


# ---- forms, options, balance


def test_options_are_false_but_one_and_letters_take_turns(facts) -> None:
    for task in MOVES[:4]:
        chosen = [fact for fact in facts if fact.task == task and fact.form == "select"]
        assert len(chosen) >= 8
        letters = Counter(fact.answer_index for fact in chosen)
        assert max(letters.values()) - min(letters[k] for k in range(4)) <= 1
        for fact in chosen:
            truth = np.array(fact.value)
            assert fact.options[fact.answer_index] == Value(fact.value)
            assert len(set(fact.options)) == 4
            for place, option in enumerate(fact.options):
                stated = np.array(option.numbers)
                assert ((stated == 0) == (truth == 0)).all()
                assert (place == fact.answer_index) == bool((stated == truth).all())


def test_words_are_right_equally_often_and_forms_take_turns(told) -> None:
    _, facts = told
    for task in MOVES:
        mine = [fact for fact in facts if fact.task == task]
        assert len(mine) >= 12
        assert np.abs(np.sum([fact.value for fact in mine], axis=0)).max() <= 1
        forms = Counter(fact.form for fact in mine)
        assert set(forms) == set(ENGINE.task(task).forms)
        assert max(forms.values()) - min(forms.values()) <= 1


def test_no_question_is_asked_twice(facts) -> None:
    asked = Counter((fact.task, fact.frames, fact.boxes, tuple(sorted(by_role(fact).items()))) for fact in facts)
    assert max(asked.values()) == 1


def test_words_that_cannot_be_balanced_are_left_out(scene) -> None:
    """Of moves that all say left, one is left."""
    views = views_of(scene)
    moves = [views.move(Item((0,), tuple((0, thing) for thing in things))) for things in permutations(range(6), 3)]
    left = [move for move in moves if not isinstance(move, str) and move.signs[0] == -1]
    deck = np.zeros((5, 4), dtype=np.int64)
    assert len(left) > 5
    assert len(balanced(left, ("sentence",), deck, NAMES)) == 1


# ---- marks and names


def test_each_object_has_its_colour_and_its_box_is_around_it(facts, scene) -> None:
    colors = {"observer": "green", "facing": "blue", "target": "red", "reference": "yellow"}
    for fact in facts:
        marked_in = [mark.image for mark in fact.boxes]
        if fact.task.endswith("_mv"):
            assert len(fact.frames) == 3
            assert "map" in fact.task or len(set(marked_in)) > 1
        for index, mark in enumerate(fact.boxes):
            if fact.task in MOVES:
                assert mark.color_role == colors[mark.role]
                assert int(mark.instance_id[1:]) == by_role(fact)[mark.role]
                assert fact.slots[mark.role] == BoxRef(index)
                assert mark.label == (f"object{index}" if "video" in fact.task else "")
            camera = scene.frames[fact.frames[mark.image]].camera
            low, high = BOXES[int(mark.instance_id[1:])]
            corners = np.array([[(low, high)[b][axis] for axis, b in enumerate(bits)] for bits in np.ndindex(2, 2, 2)])
            seen = (camera.world_to_camera[:3] @ np.column_stack([corners, np.ones(8)]).T).T
            u, v = (seen[:, :2] / seen[:, 2:] @ camera.intrinsics[:2, :2].T + camera.intrinsics[:2, 2]).T
            assert u.min() - 1.5 <= mark.x1 < mark.x2 <= u.max() + 1.5
            assert v.min() - 1.5 <= mark.y1 < mark.y2 <= v.max() + 1.5


def test_videos_name_the_frames_that_mark(facts) -> None:
    for fact in facts:
        if fact.task.endswith("_video"):
            assert fact.frames == tuple(range(len(EYES)))
            for mark in fact.boxes:
                assert fact.slots[f"{mark.role}_frame"] == mark.image


def test_hard_ones_name_what_there_is_one_of(facts) -> None:
    hard = [fact for fact in facts if fact.task.endswith("_hard")]
    assert len({fact.task for fact in hard}) == 2
    for fact in hard:
        assert not fact.boxes
        assert fact.variant == "name"
        for role, thing in by_role(fact).items():
            assert fact.slots[role] == NAMES[thing] != "chair"
    # Marked, the two chairs are as good as anything else.
    assert any(thing.label == "chair" for fact in facts if fact not in hard for thing in fact.objects)


# ---- what must not change answers


def test_turning_the_world_about_the_vertical_changes_no_answer(facts) -> None:
    turned = {(f.task, f.form, f.frames, f.objects): f for f in facts_of(furnished(turn=0.9))}
    shared = 0
    for fact in facts:
        other = turned.get((fact.task, fact.form, fact.frames, fact.objects))
        if other is None:
            continue
        shared += 1
        if fact.task in MOVES:
            assert other.value == fact.value
            assert other.slots.get("before") == fact.slots.get("before")
        else:
            assert other.value == pytest.approx(fact.value, abs=0.01)
    assert shared > 0.5 * len(facts)


def views_of(scene: Scene) -> ImaginedViews:
    parameters = ImaginationParameters()
    objects = MarkedObjects(SceneGeometry(scene), parameters)
    return ImaginedViews(objects, RelationTriples(objects, parameters), parameters)


def test_cameras_have_no_say_in_what_is_seen_after_the_move(scene) -> None:
    moved = views_of(furnished(eyes=[(x + 0.3, y - 0.2, z + 0.1) for x, y, z in EYES]))
    views = views_of(scene)
    same = 0
    for things in permutations(range(6), 4):
        item = Item((0,), tuple((0, thing) for thing in things))
        here, there = views.move(item), moved.move(item)
        if isinstance(here, str):
            assert here == there
        else:
            assert (here.after, here.margin) == (there.after, there.margin)
            same += 1
    assert same > 100


def test_swapping_what_is_compared_turns_the_words_round(scene) -> None:
    views = views_of(scene)
    for observer, facing, target, reference in ((0, 1, 2, 4), (1, 2, 5, 7), (3, 6, 4, 1)):
        there, back = (
            views.move(Item((2,), tuple((0, thing) for thing in (observer, facing, *pair))))
            for pair in ((target, reference), (reference, target))
        )
        assert there.after.signs == tuple(-sign for sign in back.after.signs)
        assert there.before.triple.signs == tuple(-sign for sign in back.before.triple.signs)


def test_places_without_a_view_are_refused(scene) -> None:
    views = views_of(scene)
    # The vase stands on the table: nobody at its centre faces the other.
    assert "too near each other" in views.move(Item((0,), ((0, 0), (0, 3), (0, 1))))
    assert views.imagined(0, 3) is None
    parameters = ImaginationParameters(least_query_distance=2.6)
    objects = MarkedObjects(SceneGeometry(scene), parameters)
    strict = ImaginedViews(objects, RelationTriples(objects, parameters), parameters)
    assert strict.move(Item((0,), ((0, 0), (0, 1), (0, 2)))) == "too near the observer"


# ---- maps


def test_maps_have_the_first_camera_at_the_origin(facts, scene) -> None:
    maps = [fact for fact in facts if fact.task == "spatial_imagination_map_mv"]
    assert len(maps) >= 12
    assert {len(fact.boxes) for fact in maps} >= {3, 4, 5}
    for fact in maps:
        pose = scene.frames[fact.frames[0]].camera.camera_to_world
        forward = pose[:2, 2] / np.linalg.norm(pose[:2, 2])
        right = np.array([forward[1], -forward[0]])
        ids = [int(mark.instance_id[1:]) for mark in fact.boxes]
        assert [mark.label for mark in fact.boxes] == [f"object{k}" for k in range(len(ids))]
        assert len(set(ids)) == len(ids)
        for thing, place in zip(ids, np.reshape(fact.value, (-1, 2)), strict=True):
            way = BOXES[thing].mean(axis=0)[:2] - pose[:2, 3]
            assert place == pytest.approx([way @ right, way @ forward], abs=0.005)
    assert len({frozenset(fact.frames) for fact in maps}) == len(maps)


# ---- rows


def test_rows_keep_every_rule() -> None:
    scene = make_scene(frames=24)
    ref = SceneRef(scene.id, scene.dataset, scene.id, Path("."), "scannet")
    rows = Renderer(make_config([spec.name for spec in ENGINE.tasks], images="path"), scene, ref, ENGINE).rows(
        [fact for fact in ENGINE.facts(scene, limit=8) if isinstance(fact, Fact)]
    )
    assert {row["task"] for row in rows} == {spec.name for spec in ENGINE.tasks}
    for row in rows:
        assert problems(row) == []
    told = {row["task"]: row for row in rows if "sides" in json.loads(row["slots"])}
    assert set(told) == {f"spatial_imagination_oo_{shown}" for shown in ("mv", "video", "video_hard")}
    for task, row in told.items():
        sides = json.loads(row["slots"])["sides"]
        assert sides in row["answer"]
        thing = "object[0-3]" if task.endswith("video") else r"the [\w ]+" + r" \(\w+ bbox\)" * task.endswith("mv")
        several = rf"{thing}(, {thing})*( and {thing})?"
        assert re.fullmatch(rf"({several} in front( and {several} behind)?|{several} behind)", sides)
    single = next(row for row in rows if row["task"] == "spatial_imagination_oc")
    assert all(f"({color} bbox)" in single["question"] for color in ("green", "blue", "red"))
    assert len({row["id"] for row in rows}) == len(rows)


def test_structured3d_has_no_videos_and_does_without_surfaces(tmp_path: Path) -> None:
    write_scene(tmp_path / SCENE, views=8)
    (ref,) = READER.scenes(tmp_path)
    found = list(ENGINE.facts(READER.read(ref), limit=4))
    refused = {item.task for item in found if isinstance(item, Skip) and "trajectory" in item.reason}
    assert refused == {task for task in MOVES if "video" in task}
    for fact in found:
        assert not isinstance(fact, Fact) or "video" not in fact.task


@pytest.mark.parametrize(
    ("parameter", "value"), [("least_map_objects", 9), ("least_turn", 95), ("least_overlap", 0.9), ("nearest", 11)]
)
def test_ranges_must_be_in_order(parameter: str, value: float) -> None:
    with pytest.raises(ConfigError, match=parameter):
        ENGINE.configure(overrides={parameter: value})
