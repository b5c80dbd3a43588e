"""Places in frames: against maps of objects counted pixel by pixel, and what must never be asked."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from support.closed_form import make_scene
from support.object_scenes import box, scene_of

from spatialgen import engines, templates
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.object_views import map_camera
from spatialgen.core.types import Fact, PointRef, Skip
from spatialgen.pipeline.answers import coordinate_text

CHOICE, POINT = "obj_localization_occ", "obj_localization_occ_na"


@pytest.fixture(scope="module")
def room():
    scene = make_scene(frames=24)
    return scene, SceneGeometry(scene)


@pytest.fixture(scope="module")
def facts(room):
    return [fact for fact in stated(*room, limit=40) if isinstance(fact, Fact)]


def stated(scene, geometry, **request):
    return list(engines.load("localization").facts(scene, geometry, **request))


def seen(geometry, frame, instance):
    """Pixels of the 640 px map (k, 2) and their box in native pixels, or None."""
    camera = geometry.scene.frames[frame].camera
    triangle = geometry.mesh_map(frame, map_camera(camera)).triangle
    row, column = np.nonzero((triangle >= 0) & (geometry.face_instance[triangle] == instance))
    if not len(row):
        return 0, None
    scale = camera.width / 640
    return len(row), np.array([column.min(), row.min(), column.max() + 1, row.max() + 1]) * scale - 0.5


def asked(fact):
    """Frame and instance that a fact is about."""
    return fact.frames[fact.evidence["query_image"]], int(fact.objects[0].instance_id)


def test_places_are_centres_of_what_is_seen(room, facts):
    _, geometry = room
    for fact in facts:
        frame, instance = asked(fact)
        pixels, edges = seen(geometry, frame, instance)
        if not fact.value:
            assert pixels < 20
            assert not fact.boxes
            assert fact.options[fact.answer_index] == "No"
            continue
        assert pixels > 200
        (mark,) = fact.boxes
        assert (mark.image, mark.role, mark.amodal) == (fact.slots["frame"], "target", False)
        assert [mark.x1, mark.y1, mark.x2, mark.y2] == pytest.approx(edges, abs=0.01)
        assert fact.value == pytest.approx((edges[:2] + edges[2:]) / 2, abs=0.01)
        told = fact.points[fact.answer_point.index] if fact.answer_point else fact.points[truth(fact).index]
        assert (told.image, told.x, told.y) == (fact.slots["frame"], *fact.value)


def truth(fact):
    """The point of the true option."""
    prefix, ref = fact.options[fact.answer_index]
    assert prefix == "Yes; "
    return ref


def test_an_object_that_is_not_there_is_clear_elsewhere(room, facts):
    _, geometry = room
    absent = [fact for fact in facts if not fact.value]
    assert len(absent) == 15  # 37.5 % of 40
    for fact in absent:
        _, instance = asked(fact)
        states = geometry.object_states.states[list(fact.frames), instance]
        assert (states == 3).any()
        hidden_by = fact.evidence["localization"]["hidden_by"]
        if geometry.object_states.in_image_px[asked(fact)] == 0:
            assert hidden_by == "border"
        if geometry.object_states.truncation[asked(fact)] == 0:
            assert hidden_by == "occlusion"
    assert {fact.evidence["localization"]["hidden_by"] for fact in absent} == {"border", "occlusion"}


def test_one_option_is_true_and_the_rest_are_far_away(room, facts):
    scene, _ = room
    for fact in (fact for fact in facts if fact.task == CHOICE):
        frame, _ = asked(fact)
        camera = scene.frames[frame].camera
        assert [option == "No" for option in fact.options].count(True) == 1
        refs = [option[1] for option in fact.options if option != "No"]
        # In the order of the options, so that they can be written for another model's coordinates.
        assert [ref.index for ref in refs] == list(range(refs[0].index, refs[0].index + 3))
        places = [fact.points[ref.index] for ref in refs]
        assert {point.role for point in places} == {"option"}
        texts = {coordinate_text(point.x, point.y, camera.width, camera.height) for point in places}
        assert len(texts) == 3
        for point in places:
            assert -0.5 <= point.x < camera.width - 0.5
            assert -0.5 <= point.y < camera.height - 0.5
            if fact.value and (point.x, point.y) != fact.value:
                diagonal = fact.evidence["localization"]["diagonal_px"]
                assert np.hypot(point.x - fact.value[0], point.y - fact.value[1]) >= diagonal
        table = fact.evidence["truth_table"]
        assert table == [place == fact.answer_index for place in range(4)]
        assert fact.margin >= 1


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 24])
def test_letters_and_no_are_balanced(room, limit):
    found = [f for f in stated(*room, limit=limit, tasks=[CHOICE]) if isinstance(f, Fact)]
    assert len(found) == limit
    letters = Counter(fact.answer_index for fact in found)
    assert max(letters.values()) - min(letters[k] for k in range(4)) <= 1
    absent = sum(not fact.value for fact in found)
    assert abs(absent - 0.375 * limit) <= 1
    for kind in (True, False):  # the letter does not tell whether it is there
        own = Counter(fact.answer_index for fact in found if bool(fact.value) == kind)
        assert max(own.values(), default=0) - min(own[k] for k in range(4)) <= 1
    assert len({frozenset(fact.frames) for fact in found}) == limit


def test_ways_of_pointing_are_dealt_evenly(facts):
    for task in (CHOICE, POINT):
        dealt = Counter(fact.variant for fact in facts if fact.task == task)
        assert set(dealt) == {"name", "dot", "coord"}
        assert max(dealt.values()) - min(dealt.values()) <= 2
    for fact in facts:
        assert ("a" in fact.slots) == (fact.variant != "name")
        if fact.variant != "name":
            mark = fact.points[0]
            assert fact.slots["a"] == PointRef(0)
            assert (mark.label, mark.role, mark.image) == ("A", "target", fact.slots["a_frame"])
            assert mark.image != fact.slots["frame"]


def test_a_share_that_cannot_be_had_leaves_questions_out(room):
    engine = engines.load("localization")
    parameters = engine.configure(overrides={"share_of_no": 0.9, "most_overlap": 0.05})
    found = list(engine.facts(*room, limit=60, tasks=[CHOICE], parameters=parameters))
    facts = [fact for fact in found if isinstance(fact, Fact)]
    assert len(facts) < 60
    assert abs(sum(not fact.value for fact in facts) - 0.9 * len(facts)) <= 1


CHAIRS = scene_of(
    [
        ("chair", box((-1.4, 0, 0), (-1.0, 0.4, 0.8), 0.1)),
        ("armchair", box((1.0, 0, 0), (1.4, 0.4, 0.8), 0.1)),
        ("chair", box((0, 2.2, 0), (0.4, 2.6, 0.8), 0.1)),
        ("lamp", box((-0.3, -0.8, 0), (-0.1, -0.6, 1.2), 0.1)),
        ("floor", box((-4, -4, -0.2), (4, 4, 0), 0.1)),
    ],
    [(x, y, 1.5) for x, y in ((0, -3), (-2.5, -1), (2.5, -1), (-2.5, 2), (2.5, 2), (0, 4.6), (-3, 0.5), (3, 0.5))],
)


def test_namesakes_leave_no_doubt():
    geometry = SceneGeometry(CHAIRS)
    engine = engines.load("localization")
    parameters = engine.configure(overrides={"most_overlap": 0.95})
    facts = [f for f in engine.facts(CHAIRS, geometry, limit=60, parameters=parameters) if isinstance(f, Fact)]
    names = {thing.id: thing.label for thing in CHAIRS.instances}
    chairs = [0, 1, 2]
    views = geometry.object_views
    told = Counter()
    for fact in facts:
        frame, target = fact.frames[fact.slots["frame"]], int(fact.objects[0].instance_id[1:])
        assert names[fact.objects[0].instance_id] != "floor"
        if target not in chairs:
            continue
        told[fact.variant] += 1
        others = [index for index in chairs if index != target]
        if fact.variant == "name":
            assert (views.visible_px[np.ix_(fact.frames, others)] < 20).all()
        if not fact.value:
            assert (views.visible_px[frame, others] < 20).all()
        for point in fact.points:
            if point.role == "option" and (point.x, point.y) != fact.value:
                for x1, y1, x2, y2 in views.boxes[frame, others]:
                    assert not (x1 <= point.x <= x2 and y1 <= point.y <= y2)
    assert told["dot"] > 5
    assert told["coord"] > 5


def test_stray_pixels_far_from_an_object_refuse_it():
    """A speck of the lamp's label across the room blows its box up."""
    scene = scene_of(
        [
            ("lamp", box((-1.2, 0, 0), (-0.9, 0.3, 0.6), 0.05)),
            ("sofa", box((0.4, 0, 0), (1.2, 0.5, 0.6), 0.1)),
            ("floor", box((-4, -4, -0.2), (4, 4, 0), 0.1)),
        ],
        [(0, -3, 1.2), (-2.6, -1, 1.2), (2.6, -1, 1.2), (0, 3, 1.2)],
    )
    speck = np.flatnonzero(scene.vertex_instance == 1)[-1]
    near = np.linalg.norm(scene.vertices - scene.vertices[speck], axis=1) < 0.12
    owner = np.where(near & (scene.vertex_instance == 1), 0, scene.vertex_instance)
    engine = engines.load("localization")
    parameters = engine.configure(overrides={"most_overlap": 0.95})

    def asked_for(vertex_instance):
        whole = replace(scene, vertex_instance=vertex_instance.astype(np.int32))
        found = list(engine.facts(whole, limit=12, tasks=[POINT], parameters=parameters))
        return {item.reason for item in found if isinstance(item, Skip)}

    assert "stray pixels move the object's box" not in asked_for(scene.vertex_instance)
    assert "stray pixels move the object's box" in asked_for(owner)


def test_labelled_images_serve_without_a_mesh(room):
    whole, geometry = room
    maps = [geometry.instance_map(index) for index in range(len(whole.frames))]
    frames = tuple(
        replace(frame, load_instances=lambda index=index: maps[index]) for index, frame in enumerate(whole.frames)
    )
    scene = replace(whole, frames=frames, vertices=None, faces=None, vertex_instance=None)
    assert "silhouettes" not in scene.capabilities
    found = stated(scene, SceneGeometry(scene), limit=12)
    facts = [item for item in found if isinstance(item, Fact)]
    assert Counter(fact.task for fact in facts) == {CHOICE: 12, POINT: 12}
    assert {fact.occlusion for fact in facts} == {None}
    for fact in facts:
        assert all("in_image_px" not in entry for entry in fact.evidence["objects"]["per_frame"])
    refused = list(engines.load("measures").facts(scene, SceneGeometry(scene), limit=3))
    assert all(isinstance(item, Skip) and "amodal silhouettes" in item.reason for item in refused)


def test_published_visibility_is_a_ratio(room):
    scene, geometry = room
    engine = engines.load("localization")
    parameters = engine.configure("spatialmosaic")
    found = list(engine.facts(*room, tasks=[CHOICE], limit=40, parameters=parameters))
    facts = [item for item in found if isinstance(item, Fact)]
    total = geometry.object_states.total
    for fact in facts:
        assert (total[asked(fact)] >= 0.5) == (not fact.value)
        assert fact.margin >= 1
    assert any(not fact.value and geometry.object_views.visible_px[asked(fact)] > 200 for fact in facts)
    unmapped = replace(scene, vertex_instance=None, frames=tuple(replace(f, load_instances=dict) for f in scene.frames))
    (skip,) = engine.facts(unmapped, tasks=[CHOICE], parameters=parameters)
    assert "amodal silhouettes" in skip.reason


def test_scene_without_objects_gives_reasons(room):
    scene, _ = room
    empty = replace(scene, instances=tuple(replace(thing, label="wall") for thing in scene.instances))
    found = stated(empty, SceneGeometry(empty), limit=5)
    assert found
    assert all(isinstance(item, Skip) for item in found)
    assert any("building" in item.reason for item in found)


@pytest.mark.parametrize("spec", engines.load("localization").tasks, ids=lambda spec: spec.name)
def test_questions_say_what_a_place_is(spec):
    wording = templates.load(spec.suite, spec.name)
    slots = {name: f"@{name}@" for name in spec.slots}
    for block in spec.blocks:
        for key in range(wording.counts()[block][0]):
            text = wording.question(block, key, slots).text
            assert re.search(r"Frame @frame@", text), text
            assert block == "name" or re.search(r"Frame @a_frame@", text), text
            # A number of its own beside the word would be taken for another frame.
            assert not re.search(r"[Ff]rame \d", text), text
            assert re.search(r"\b0\b|zero|0-based", text), text
            assert re.search(r"cent(re|er)|middle|midpoint|halfway|\blie\b", text), text
            assert re.search(r"(?i)visible|seen|\bsees?\b|covered|sight|show|hidden|unobstructed", text), text
