"""Distances and sizes: against closed forms of boxes, and what must never be asked."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from support.closed_form import BOXES, LABELS, make_scene
from support.object_scenes import box, joined, prism, scene_of, turned

from spatialgen import engines, templates
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.object_states import CLEAR, GREY
from spatialgen.core.types import Fact, Skip

CAMERA, PAIR, SIZE = "obj_distance_occ_na", "obj_obj_distance_occ_na", "obj_size_occ_na"
AROUND = [(2.6 * np.cos(turn), 2.6 * np.sin(turn), 1.5) for turn in np.arange(8) * np.pi / 4]
LOOSE = {"most_overlap": 0.95}
FLOOR = ("floor", box((-4, -4, -0.2), (4, 4, -0.1), 0.2))


@pytest.fixture(scope="module")
def room():
    scene = make_scene(frames=24)
    return scene, SceneGeometry(scene)


@pytest.fixture(scope="module")
def facts(room):
    found = list(engines.load("measures").facts(*room, limit=24))
    return {task: [f for f in found if isinstance(f, Fact) and f.task == task] for task in (CAMERA, PAIR, SIZE)}


def stated(scene, task, overrides=LOOSE, limit=12):
    """Facts of one task, and the reasons for which others were left out."""
    engine = engines.load("measures")
    found = list(engine.facts(scene, tasks=[task], limit=limit, parameters=engine.configure(overrides=overrides)))
    return [f for f in found if isinstance(f, Fact)], {item.reason for item in found if isinstance(item, Skip)}


def gap(low, high, others_low, others_high):
    """Distance of two boxes along the axes, of which one may be a point."""
    return np.linalg.norm(np.maximum(np.maximum(others_low - high, low - others_high), 0))


def test_distances_from_cameras_have_closed_forms(room, facts):
    scene, geometry = room
    states = geometry.object_states.states
    kinds = Counter()
    for fact in facts[CAMERA]:
        frame = fact.frames[fact.slots["frame"]]
        instance = LABELS.index(fact.slots["object"])
        eye = scene.frames[frame].camera.camera_to_world[:3, 3]
        (low, high) = BOXES[instance]
        assert fact.value[0] == pytest.approx(gap(low, high, eye, eye), abs=1e-5)
        evidence = fact.evidence["distances"]
        assert evidence["of_centres"] == pytest.approx(np.linalg.norm((low + high) / 2 - eye), abs=0.01)
        assert np.linalg.norm(np.subtract(*evidence["nearest"])) == pytest.approx(fact.value[0], abs=1e-4)
        assert fact.evidence["query_image"] == fact.slots["frame"]
        state = states[frame, instance]
        assert state != GREY
        assert (states[list(fact.frames), instance] == CLEAR).any()
        assert fact.occlusion == pytest.approx(geometry.object_states.total[frame, instance])
        kinds[state, evidence.get("hidden_by")] += 1
    # Clear, partly seen, behind something, beyond the image: as evenly as the scene allows.
    assert len(kinds) >= 3
    assert max(kinds.values()) <= 0.5 * len(facts[CAMERA])


def test_distances_between_objects_have_closed_forms(room, facts):
    _, geometry = room
    shown = geometry.object_views.visible_px > 200
    pairs = Counter()
    for fact in facts[PAIR]:
        one, other = (LABELS.index(fact.slots[name]) for name in ("reference", "target"))
        assert [mention.role for mention in fact.objects] == ["reference", "target"]
        assert fact.value[0] == pytest.approx(gap(*BOXES[one], *BOXES[other]), abs=1e-5)
        states = geometry.object_states.states[np.ix_(fact.frames, (one, other))]
        first, second = (np.flatnonzero(states[:, k] == CLEAR) for k in (0, 1))
        assert any(a != b for a, b in itertools.product(first, second))
        together = shown[np.ix_(fact.frames, (one, other))].all(axis=1).sum()
        assert fact.evidence["distances"]["frames_with_both"] == together
        pairs[frozenset((one, other))] += 1
    # The box stands on the table: nothing is between them. All other pairs come before any comes again.
    assert frozenset((0, 2)) not in pairs
    assert len(pairs) == 5
    assert max(pairs.values()) - min(pairs.values()) <= 1


def test_pairs_are_shown_apart_where_that_is_possible():
    """A wall between them: no frame shows both."""
    scene = scene_of(
        [
            ("lamp", box((-1.5, -0.2, 0), (-1.1, 0.2, 0.8), 0.1)),
            ("sofa", box((1.1, -0.2, 0), (1.5, 0.2, 0.8), 0.1)),
            ("wall", box((-0.1, -5, 0), (0.1, 5, 3), 0.3)),
            FLOOR,
        ],
        [(x, y, 1.2) for x in (-3.4, 3.4) for y in (-1, 0, 1)],
    )
    facts, _ = stated(scene, PAIR)
    assert 0 < len(facts) <= 4  # the same two objects are not asked about for ever
    for fact in facts:
        assert fact.value[0] == pytest.approx(2.2, abs=1e-5)
        assert fact.evidence["distances"]["frames_with_both"] == 0


def test_sizes_have_closed_forms_and_are_seen(room, facts):
    _, geometry = room
    sizes = np.diff(BOXES, axis=1)[:, 0]
    shown = geometry.object_views.visible_px > 200
    for fact in facts[SIZE]:
        instance = LABELS.index(fact.slots["object"])
        assert fact.value[0] == pytest.approx(sizes[instance].max(), abs=1e-4)
        assert shown[list(fact.frames), instance].sum() >= 2
        evidence = fact.evidence["size"]
        seen = np.any([geometry.visibility.visible(frame) for frame in fact.frames], axis=0)
        mine = np.flatnonzero(geometry.scene.vertex_instance == instance)
        mine = mine[geometry.object_boxes.measured[mine]]
        # The grids of these boxes are even, so that vertices count about alike.
        assert evidence["seen_share"] == pytest.approx(seen[mine].mean(), abs=0.06)
        assert evidence["seen_share"] >= 0.6
        along = geometry.scene.vertices[mine[seen[mine]]] @ np.array(evidence["axis"])
        assert evidence["covered_share"] == pytest.approx(np.ptp(along) / fact.value[0], abs=0.05)
        assert evidence["covered_share"] >= 0.9
    assert len({fact.slots["object"] for fact in facts[SIZE]}) >= 3


def test_facts_are_spread_and_worded_by_marks(facts):
    for task, some in facts.items():
        assert {fact.variant for fact in some} == {"name", "dot", "coord"}
        assert len({frozenset(fact.frames) for fact in some}) == len(some)
        for fact in some:
            assert fact.margin >= 1
            letters = [] if fact.variant == "name" else ["A", "B"] if task == PAIR else ["A"]
            assert [point.label for point in fact.points] == letters
            for letter, point, mention in zip(letters, fact.points, fact.objects, strict=False):
                assert fact.slots[f"{letter.lower()}_frame"] == point.image
                assert (point.role, point.instance_id) == (mention.role, mention.instance_id)
    sizes = Counter(len(fact.frames) for fact in facts[CAMERA])
    assert set(sizes) == {2, 3, 4, 5}


def corner(leg, step=0.08):
    """An L of two legs, seen from above, 0.5 m high."""
    return joined(box((0, 0, 0), (leg, 0.2, 0.5), step), box((0, 0.2, 0), (0.2, leg, 0.5), step))


def test_distances_that_boxes_contradict_are_not_asked():
    """An L-shaped sofa does not fill its box: a stool in its corner is in the box, one beyond the corner near it."""
    inside = ("stool", box((0.7, 0.7, 0), (0.9, 0.9, 0.4), 0.05))
    facts, reasons = stated(scene_of([("sofa", corner(1.2)), inside, FLOOR], AROUND), PAIR)
    assert not facts
    assert "boxes touch, or are farther apart than is asked about" in reasons
    beyond = ("stool", box((1.3, 1.3, 0), (1.5, 1.5, 0.4), 0.05))
    facts, reasons = stated(scene_of([("sofa", corner(1.2)), beyond, FLOOR], AROUND), PAIR)
    assert not facts
    assert "distances of boxes and of surfaces disagree" in reasons
    outside = scene_of([("sofa", corner(1.2)), ("stool", box((-0.9, 0, 0), (-0.7, 0.2, 0.4), 0.05)), FLOOR], AROUND)
    facts, _ = stated(outside, PAIR)
    assert facts
    assert facts[0].value[0] == pytest.approx(0.7, abs=1e-5)


def test_loose_bits_that_change_a_distance_are_not_asked():
    """A splinter labelled as the lamp hangs beside the sofa, too small to change the lamp's box."""
    lamp, sofa = box((-1.5, 0, 0), (-1.0, 0.5, 1.2), 0.05), box((0.5, 0, 0), (1.3, 0.5, 0.6), 0.05)
    splinter = box((-0.55, 0.2, 0.3), (-0.53, 0.22, 0.32), 0.05)
    clean = scene_of([("lamp", lamp), ("sofa", sofa), FLOOR], AROUND)
    facts, _ = stated(clean, PAIR)
    assert facts[0].value[0] == pytest.approx(1.5, abs=1e-5)
    loose = scene_of([("lamp", joined(lamp, splinter)), ("sofa", sofa), FLOOR], AROUND)
    facts, reasons = stated(loose, PAIR, {**LOOSE, "most_stray": 10.0})
    assert not facts
    assert "stray bits change the distance" in reasons
    facts, reasons = stated(loose, PAIR)
    assert not facts
    assert "stray bits change the object's size" in reasons


def test_sizes_of_what_is_hardly_seen_are_not_asked():
    cabinet = ("cabinet", box((-0.5, -0.25, 0), (0.5, 0.25, 1.6), 0.05))
    around = scene_of([cabinet, FLOOR], AROUND)
    facts, _ = stated(around, SIZE)
    assert facts
    assert [fact.value[0] for fact in facts] == pytest.approx([1.6] * len(facts), abs=1e-4)
    # From the front alone not much more than one side is seen.
    front = scene_of([cabinet, FLOOR], [(x, -3, 1.5) for x in (-0.8, -0.4, 0, 0.4, 0.8)])
    facts, reasons = stated(front, SIZE)
    assert not facts
    assert "frames with little overlap show too little of the object" in reasons


def test_sizes_that_hang_on_how_the_box_is_turned_are_not_asked():
    """Around a hexagon two boxes of nearly equal floor area have different lengths."""
    ring = [(np.cos(turn), 0.985 * np.sin(turn)) for turn in np.arange(8) * np.pi / 4 + 0.2]
    stage = scene_of(
        [("table", prism([(x, y) for x, y in ring], 0.3)), FLOOR], [(1.5 * x, 1.5 * y, z) for x, y, z in AROUND]
    )
    rival = SceneGeometry(stage).object_boxes.rival[0]
    share = float(rival) / 2
    assert share > 0
    _, reasons = stated(stage, SIZE, {**LOOSE, "most_rival": share})
    assert "the longest edge depends on how the box is turned" in reasons
    _, reasons = stated(stage, SIZE, {**LOOSE, "most_rival": 4 * share})
    assert "the longest edge depends on how the box is turned" not in reasons


def test_turned_objects_and_odd_worlds():
    """Boxes at an angle; the distance between their nearest edges."""
    stage = scene_of(
        [
            ("lamp", turned(box((-0.2, -0.2, 0), (0.2, 0.2, 0.8), 0.05), np.pi / 4, (-1, 0, 0))),
            ("sofa", box((0.4, -0.3, 0), (1.2, 0.3, 0.6), 0.05)),
            FLOOR,
        ],
        AROUND,
    )
    facts, _ = stated(stage, PAIR)
    assert facts[0].value[0] == pytest.approx(1.4 - 0.2 * np.sqrt(2), abs=1e-5)
    flat = replace(stage, up=None)
    assert {item.reason for item in engines.load("measures").facts(flat)} == {"scene has no up axis"}


def test_scene_with_one_object_gives_reasons():
    scene = scene_of([("lamp", box((-0.2, -0.2, 0), (0.2, 0.2, 0.8), 0.05)), FLOOR], AROUND[:1])
    for task in (CAMERA, PAIR, SIZE):
        facts, reasons = stated(scene, task)
        assert not facts
        assert reasons


MEANING = {
    CAMERA: r"near|clos|shortest|minimum|smallest|touched",
    PAIR: r"near|clos|short|least|minimum|smallest|narrow|just reaches|touched|most",
    SIZE: r"longest|largest|greatest|biggest|maximal",
}


@pytest.mark.parametrize("spec", engines.load("measures").tasks, ids=lambda spec: spec.name)
def test_questions_say_what_is_measured(spec):
    wording = templates.load(spec.suite, spec.name)
    slots = {name: f"@{name}@" for name in spec.slots}
    for block in spec.blocks:
        for key in range(wording.counts()[block][0]):
            text = wording.question(block, key, slots).text
            assert re.search(MEANING[spec.name], text), text
            assert spec.name != CAMERA or re.search(r"Frame @frame@", text), text
            assert spec.name != SIZE or re.search(r"box|carton|crate|case|cuboid|height|tall", text), text
            for slot in ("a", "b") if spec.name == PAIR else ("a",):
                assert block == "name" or {f"@{slot}@", f"@{slot}_frame@"} <= set(re.findall(r"@\w+@", text)), text
            assert not re.search(r"[Ff]rame \d", text), text
