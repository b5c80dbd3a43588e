"""SPAR's depths, distances and sizes: against a room whose every answer has a closed form."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support.closed_form import BOXES, LABELS, depth_of, make_scene
from support.lenses import all_rays
from support.structured3d_writer import write_scene

from spatialgen import engines
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Camera, Fact, PointRef, Scene, Skip, Value
from spatialgen.dataset.check import problems
from spatialgen.pipeline.config import make_config
from spatialgen.pipeline.render import Renderer
from spatialgen.scene_io import SceneRef
from spatialgen.scene_io.structured3d import READER

ENGINE = engines.load("depth_distance")
TASKS = tuple(spec.name for spec in ENGINE.tasks)
SINGLE = tuple(name for name in TASKS if not name.endswith(("_mv", "_video")))
THREE = tuple(name for name in TASKS if name.endswith("_mv"))
LIMIT = 36


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(frames=24)


@pytest.fixture(scope="module")
def geometry(scene: Scene) -> SceneGeometry:
    return SceneGeometry(scene)


@pytest.fixture(scope="module")
def found(scene: Scene, geometry: SceneGeometry) -> list[Fact | Skip]:
    return list(ENGINE.facts(scene, geometry, limit=LIMIT))


@pytest.fixture(scope="module")
def facts(found: list[Fact | Skip]) -> list[Fact]:
    return [item for item in found if isinstance(item, Fact)]


def centre(instance_id: str | None) -> np.ndarray:
    assert instance_id is not None
    return BOXES[int(instance_id)].mean(axis=0)


def in_camera(scene: Scene, frame: int, place: np.ndarray) -> np.ndarray:
    pose = scene.frames[frame].camera.camera_to_world
    return np.linalg.inv(pose)[:3] @ [*place, 1.0]


def depths(scene: Scene, fact: Fact) -> list[float]:
    """Of each point's object, in the camera of the image that has the point."""
    return [float(in_camera(scene, fact.frames[p.image], centre(p.instance_id))[2]) for p in fact.points]


def truth(scene: Scene, fact: Fact) -> list[float]:
    """The answer from the room's own numbers."""
    places = [centre(point.instance_id) for point in fact.points]
    match fact.task.split("_")[:3]:
        case ["depth", _, "oc"]:
            return [depths(scene, fact)[1]]
        case ["depth", _, "oo"]:
            _, blue, green = depths(scene, fact)
            return [abs(green - blue)]
        case ["distance", _, "oc"]:
            return [math.dist(places[0], scene.frames[fact.frames[0]].camera.camera_to_world[:3, 3])]
        case ["distance", _, "oo"]:
            return [math.dist(places[0], places[1])]
    (mark,) = fact.boxes
    assert mark.instance_id is not None
    x, y, z = np.ptp(BOXES[int(mark.instance_id)], axis=0)
    return [max(x, y), min(x, y), z]


def test_answers_are_those_of_the_room(scene: Scene, facts: list[Fact]) -> None:
    for fact in facts:
        np.testing.assert_allclose(fact.value, truth(scene, fact), rtol=0, atol=1e-4)
    assert len(facts) > 250


def test_every_view_of_a_task_shows_its_frames(facts: list[Fact]) -> None:
    for fact in facts:
        shown = 1 if fact.task in SINGLE else 3 if fact.task in THREE else 24
        assert len(set(fact.frames)) == len(fact.frames) == shown
        assert (fact.overlap is None) == (fact.task not in THREE)
        assert ("pairs" in fact.evidence) == (fact.task in THREE)


def test_marks_have_the_colours_of_their_task(facts: list[Fact]) -> None:
    colors = {"depth_oc": "red blue", "depth_oo": "red blue green", "distance_oc": "red", "distance_oo": "red blue"}
    for fact in facts:
        kind = fact.task.split("_")
        if fact.task == "spatial_volume_infer":
            assert not fact.points
            assert [box.color_role for box in fact.boxes] == ["red"]
            continue
        assert not fact.boxes
        assert " ".join(point.color_role for point in fact.points) == colors[f"{kind[0]}_{kind[2]}"]
        assert len({point.instance_id for point in fact.points}) == len(fact.points)
        assert [mention.instance_id for mention in fact.objects] == [point.instance_id for point in fact.points]


def test_marks_lie_on_their_objects(scene: Scene, facts: list[Fact]) -> None:
    for fact in facts:
        for point in fact.points:
            camera = scene.frames[fact.frames[point.image]].camera
            pixel = np.array([[point.x, point.y]])
            ray = all_rays(camera, pixel)[0] * depth_of(camera, pixel)[0]
            hit = camera.camera_to_world[:3] @ [*ray, 1.0]
            assert point.instance_id is not None
            low, high = BOXES[int(point.instance_id)]
            assert (hit > low - 1e-3).all()
            assert (hit < high + 1e-3).all()


def test_several_images_have_a_mark_each(facts: list[Fact]) -> None:
    for fact in facts:
        if fact.task not in SINGLE:
            images = [point.image for point in fact.points]
            assert len(set(images)) == len(images)


def test_distance_from_the_camera_is_from_the_first_image_wherever_the_mark_is(facts: list[Fact]) -> None:
    images = Counter(fact.points[0].image for fact in facts if fact.task == "distance_prediction_oc_mv")
    assert set(images) == {0, 1, 2}
    assert max(images.values()) - min(images.values()) <= LIMIT // 6
    elsewhere = [f for f in facts if f.task == "distance_prediction_oc_mv" and f.points[0].image]
    for fact in elsewhere:
        assert fact.slots["object_image"] == ("first", "second", "third")[fact.points[0].image]
        (place,) = fact.evidence["centres"]
        assert place["image"] == 0
        assert np.linalg.norm(place["xyz_camera"]) == pytest.approx(fact.value[0], abs=1e-4)


def test_depths_are_told_and_asked_in_the_camera_of_the_marked_image(scene: Scene, facts: list[Fact]) -> None:
    asked = [fact for fact in facts if fact.task.startswith("depth_prediction")]
    for fact in asked:
        told = fact.slots["depth"]
        assert isinstance(told, Value)
        exact = depths(scene, fact)
        assert told.numbers[0] == pytest.approx(exact[0], abs=1e-4)
        assert fact.slots["reference"] == PointRef(0)
        for entry, point, depth in zip(fact.evidence["centres"], fact.points, exact, strict=True):
            assert entry["image"] == point.image
            assert entry["xyz_camera"][2] == pytest.approx(depth, abs=1e-4)


def test_depth_differences_are_clear_and_the_question_knows_which_is_deeper(scene: Scene, facts: list[Fact]) -> None:
    asked = [fact for fact in facts if fact.task.startswith("depth_prediction_oo")]
    signs = set()
    for fact in asked:
        _, blue, green = depths(scene, fact)
        signed = fact.evidence["signed_difference"]
        assert signed == pytest.approx(green - blue, abs=1e-4)
        assert fact.value[0] == abs(fact.value[0]) >= max(0.10, 0.05 * min(blue, green))
        deeper, shallower = fact.slots["deeper"], fact.slots["shallower"]
        assert (deeper, shallower) == ((PointRef(2), PointRef(1)) if signed > 0 else (PointRef(1), PointRef(2)))
        eyes = [scene.frames[fact.frames[p.image]].camera.camera_to_world[:3, 3] for p in fact.points]
        rays = [math.dist(eye, centre(p.instance_id)) for eye, p in zip(eyes, fact.points, strict=True)]
        assert (rays[2] - rays[1]) * np.sign(signed) >= 0.10
        signs.add(signed > 0)
    assert signs == {True, False}


def test_limits_are_parameters(scene: Scene, geometry: SceneGeometry) -> None:
    strict = ENGINE.configure(overrides={"least_difference": 1.0, "least_distance": 2.0})
    tasks = ["depth_prediction_oo_mv", "distance_prediction_oo_mv", "distance_prediction_oc"]
    found = list(ENGINE.facts(scene, geometry, tasks=tasks, limit=12, parameters=strict))
    values = {task: [f.value[0] for f in found if isinstance(f, Fact) and f.task == task] for task in tasks}
    assert all(values.values())
    assert min(values[tasks[0]]) >= 1.0
    assert min(values[tasks[1]] + values[tasks[2]]) >= 2.0
    reasons = {(item.task, item.reason) for item in found if isinstance(item, Skip)}
    assert {(tasks[0], "depths too much alike"), (tasks[1], "too near")} <= reasons


def test_sizes_are_asked_of_objects_shown_whole(facts: list[Fact], geometry: SceneGeometry) -> None:
    sized = [fact for fact in facts if fact.task == "spatial_volume_infer"]
    assert len(sized) > 10
    for fact in sized:
        (mark,) = fact.boxes
        assert mark.instance_id is not None
        lost = geometry.object_states.total[fact.frames[0], int(mark.instance_id)]
        assert lost <= 0.10
        assert geometry.object_states.visible_px[fact.frames[0], int(mark.instance_id)] >= 400
        assert fact.occlusion == pytest.approx(float(lost))
        assert fact.value[0] >= fact.value[1]


def test_objects_whose_sides_are_in_doubt_have_no_size_asked(scene: Scene, geometry: SceneGeometry) -> None:
    slim = ENGINE.configure(overrides={"least_side": 0.45})
    found = list(ENGINE.facts(scene, geometry, tasks=["spatial_volume_infer"], limit=LIMIT, parameters=slim))
    asked = {f.objects[0].label for f in found if isinstance(f, Fact)}
    assert asked <= set(LABELS) - {"box"}
    assert asked
    assert "a side too short to be asked for" in {item.reason for item in found if isinstance(item, Skip)}


def test_forms_and_letters_are_even(facts: list[Fact]) -> None:
    for spec in ENGINE.tasks:
        mine = [fact for fact in facts if fact.task == spec.name]
        forms = Counter(fact.form for fact in mine)
        assert set(forms) == set(spec.forms)
        assert max(forms.values()) - min(forms.values()) <= 1
        letters = Counter(fact.answer_index for fact in mine if fact.form == "select")
        counts = [letters[letter] for letter in range(4)]
        assert max(counts) - min(counts) <= 1


def test_one_option_is_true(facts: list[Fact]) -> None:
    for fact in facts:
        if fact.form != "select":
            assert fact.options == ()
            continue
        numbers = [option.numbers[0] for option in fact.options if isinstance(option, Value)]
        assert len(numbers) == 4
        assert fact.answer_index is not None
        assert numbers[fact.answer_index] == fact.value[0]
        shown = sorted(round(number, 1) for number in numbers)
        assert all(other > 1.2 * one - 1e-9 for one, other in pairwise(shown)), shown


def test_no_question_is_asked_twice(facts: list[Fact]) -> None:
    asked = Counter()
    for fact in facts:
        marks = [(p.image, p.instance_id) for p in fact.points] + [(b.image, b.instance_id) for b in fact.boxes]
        aside = 1 if fact.task.startswith("depth_prediction_oo") else 0
        asked[fact.task, fact.frames, frozenset(marks[aside:])] += 1
    assert set(asked.values()) == {1}


def test_objects_are_used_evenly(facts: list[Fact]) -> None:
    for task in THREE:
        uses = Counter(mention.instance_id for fact in facts if fact.task == task for mention in fact.objects)
        assert set(uses) == {"0", "1", "2", "3"}
        assert max(uses.values()) <= 2 * min(uses.values())


def test_rows_say_what_facts_hold(scene: Scene, facts: list[Fact]) -> None:
    ref = SceneRef("box_0000", "boxroom", "box_0000", Path("."), "scannet")
    renderer = Renderer(make_config(["depth_distance"], images="path"), scene, ref, ENGINE)
    for fact in facts:
        row = renderer.row(fact)
        assert problems(row) == []
        if fact.task == "spatial_volume_infer":
            assert row["answer_short"] == ", ".join(f"{math.floor(100 * side + 0.5)}" for side in fact.value)
        elif fact.form != "select":
            assert row["answer_short"] == f"{math.floor(10 * fact.value[0] + 0.5) / 10:.1f}"
        for name, slot in json.loads(row["slots"]).items():
            text = str(slot["text"] if isinstance(slot, dict) else slot)
            assert text in row["question"], name
        if fact.task.endswith("_video"):
            for point in fact.points:
                assert f"Frame-{point.image}" in row["question"]
        for mention, mark in zip(fact.objects, (*fact.points, *fact.boxes), strict=True):
            kind = "bbox" if fact.boxes else "point"
            assert f"{mention.label} ({mark.color_role} {kind})" in row["question"]


def moved(scene: Scene, change: Callable[[np.ndarray], np.ndarray], vertices: np.ndarray) -> Scene:
    """The scene with other poses and vertices."""
    frames = []
    for frame in scene.frames:
        camera = frame.camera
        pose = change(camera.camera_to_world)
        lens = (camera.model, camera.distortion)
        frames.append(
            replace(
                frame,
                camera=Camera(camera.intrinsics, pose, camera.width, camera.height, *lens),
                depth_camera=None,
                load_depth=None,
            )
        )
    return replace(scene, frames=tuple(frames), vertices=vertices.astype(np.float32))


def test_turning_the_world_about_the_vertical_changes_no_answer() -> None:
    scene = make_scene(frames=12, depth_size=None)
    assert scene.vertices is not None
    angle = math.radians(33.0)
    turn = np.eye(4)
    turn[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    turned = moved(scene, lambda pose: turn @ pose, scene.vertices @ turn[:3, :3].T)
    before, after = ([f for f in ENGINE.facts(s, limit=8) if isinstance(f, Fact)] for s in (scene, turned))
    values = {(f.task, f.frames, tuple(m.instance_id for m in f.objects)): f.value for f in before}
    same = 0
    for fact in after:
        key = fact.task, fact.frames, tuple(m.instance_id for m in fact.objects)
        if key in values:
            same += 1
            np.testing.assert_allclose(fact.value, values[key], atol=1e-4)
    assert same > 0.8 * len(before)


def test_moving_all_cameras_changes_no_distance_between_objects() -> None:
    scene = make_scene(frames=12, depth_size=None)
    assert scene.vertices is not None

    def shifted(pose: np.ndarray) -> np.ndarray:
        other = pose.copy()
        other[:3, 3] += (0.1, -0.05, 0.07)
        return other

    tasks = [name for name in TASKS if name.startswith("distance_prediction_oo")]
    answers: list[dict[frozenset[str], float]] = []
    for one in (scene, moved(scene, shifted, scene.vertices)):
        stated = [f for f in ENGINE.facts(one, limit=24, tasks=tasks) if isinstance(f, Fact)]
        answers.append({frozenset(m.instance_id for m in f.objects): f.value[0] for f in stated})
    common = answers[0].keys() & answers[1].keys()
    assert len(common) >= 5
    for pair in common:
        assert answers[0][pair] == pytest.approx(answers[1][pair], abs=1e-9)


def test_the_preset_takes_the_proposals() -> None:
    parameters = ENGINE.configure("spar").model_dump()
    assert parameters["least_state"] == "partial"
    assert (parameters["least_difference"], parameters["relative_difference"]) == (0.10, 0.0)
    assert not parameters["same_order"]
    assert (parameters["nearest"], parameters["farthest"], parameters["least_side"]) == (0.3, 8.0, 0.05)


def test_a_scene_of_boxes_without_a_mesh_serves_too(tmp_path: Path) -> None:
    write_scene(tmp_path / "scene_00000", views=8)
    (ref,) = READER.scenes(tmp_path)
    scene = READER.read(ref)
    found = list(ENGINE.facts(scene, limit=9))
    stated = [item for item in found if isinstance(item, Fact)]
    assert {item.reason for item in found if isinstance(item, Skip) and item.task.endswith("_video")} == {
        "scene has no trajectory (frames of one camera, in order of time)"
    }
    assert {fact.task for fact in stated} >= {"distance_prediction_oc", "depth_prediction_oc"}
    boxes = {thing.id: thing.box for thing in scene.instances}
    for fact in stated:
        assert fact.occlusion is None
        if fact.task == "distance_prediction_oc":
            box = boxes[fact.objects[0].instance_id]
            assert box is not None
            eye = scene.frames[fact.frames[0]].camera.camera_to_world[:3, 3]
            assert fact.value[0] == pytest.approx(math.dist(eye, box.centre))


def with_a_flag(scene: Scene, *, height: float) -> Scene:
    """The room with a thin pole on the cabinet, which its box leaves out."""
    assert scene.vertices is not None
    assert scene.faces is not None
    assert scene.vertex_instance is not None
    index = LABELS.index("cabinet")
    foot = np.array([3.6, 3.0, 1.9])
    pole = foot + np.array([[0, 0, 0], [0.005, 0, 0], [0, 0, height]])
    return replace(
        scene,
        vertices=np.concatenate([scene.vertices, pole]).astype(np.float32),
        faces=np.concatenate([scene.faces, np.arange(3)[None] + len(scene.vertices)]).astype(np.int32),
        vertex_instance=np.concatenate([scene.vertex_instance, [index] * 3]).astype(np.int32),
    )


@pytest.mark.parametrize("height", [0.06, 1.2])
def test_an_answer_that_hangs_on_stray_bits_is_not_asked(height: float) -> None:
    """The higher pole would put the centre 60 cm higher; the short one changes too little to matter."""
    flagged = with_a_flag(make_scene(frames=12, depth_size=None), height=height)
    found = list(ENGINE.facts(flagged, tasks=["distance_prediction_oo_mv"], limit=24))
    asked = [f for f in found if isinstance(f, Fact) and "cabinet" in {thing.label for thing in f.objects}]
    assert asked
    reasons = {item.reason for item in found if isinstance(item, Skip)}
    assert ("stray bits of an object change the answer" in reasons) == (height > 1)
    for fact in asked:
        places = {thing.label: centre(thing.instance_id) for thing in fact.objects}
        assert fact.value[0] == pytest.approx(math.dist(*places.values()), abs=1e-4)
        places["cabinet"] = places["cabinet"] + np.array([0, 0, height / 2])
        whole = math.dist(*places.values())
        assert fact.evidence["with_stray_bits"] == pytest.approx(whole, abs=1e-4)
        assert abs(whole - fact.value[0]) <= max(0.05, 0.05 * fact.value[0])
