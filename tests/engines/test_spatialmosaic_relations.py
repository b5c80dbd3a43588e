"""Relations of hidden objects: facts checked against plain geometry, balance, and scenes that have none."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter

import numpy as np
import pytest
from support.object_hall import hall
from support.object_scenes import box, scene_of

from spatialgen import engines
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.object_states import CLEAR, STATE_NAMES
from spatialgen.core.types import Fact, PointRef, Scene, Skip
from spatialgen.engines.hidden_pairs import HiddenPairParameters, HiddenPairs
from spatialgen.engines.mosaic import MosaicObjects
from spatialgen.engines.object_relations import AXES, relation
from spatialgen.engines.spatialmosaic._pair_choice import PairChoice, crossed_polarities

ENGINE = engines.load("spatialmosaic/relations")
WORDS = {"right": 1, "left": -1, "higher": 1, "lower": -1, "farther": 1, "closer": -1}


@pytest.fixture(scope="module")
def scene() -> Scene:
    return hall()


@pytest.fixture(scope="module")
def geometry(scene: Scene) -> SceneGeometry:
    return SceneGeometry(scene)


@pytest.fixture(scope="module")
def items(scene: Scene, geometry: SceneGeometry) -> list[Fact | Skip]:
    return list(ENGINE.facts(scene, geometry, limit=24))


@pytest.fixture(scope="module")
def facts(items: list[Fact | Skip]) -> list[Fact]:
    return [item for item in items if isinstance(item, Fact)]


def of_role(scene: Scene, fact: Fact, role: str) -> list[int]:
    ids = [instance.id for instance in scene.instances]
    return [ids.index(mention.instance_id) for mention in fact.objects if mention.role == role]


def sign_of(geometry: SceneGeometry, fact: Fact, one: int, axis: str) -> int:
    """The relation of an object to the reference in the asked frame, from the samples alone."""
    scene = geometry.scene
    (reference,) = of_role(scene, fact, "reference")
    camera = scene.frames[fact.frames[fact.evidence["query_image"]]].camera
    samples = geometry.surface_samples.points
    return relation(samples[one], samples[reference], camera, axis, HiddenPairParameters(), up=scene.up).sign


def test_every_task_has_facts(facts):
    assert {fact.task for fact in facts} == {spec.name for spec in ENGINE.tasks}


def test_existence_says_what_is_so(scene, geometry, facts):
    for fact in facts:
        if "existence" not in fact.task:
            continue
        (target,) = of_role(scene, fact, "target")
        sign = sign_of(geometry, fact, target, fact.task[-2:])
        assert sign != 0
        holds = sign == WORDS[fact.polarity]
        assert fact.options == ("Yes", "No")
        assert fact.value == (float(holds),)
        assert fact.answer_index == int(not holds)
        assert list(fact.evidence["truth_table"]) == [holds, not holds]


def test_of_four_objects_one_alone_is_on_the_asked_side(scene, geometry, facts):
    for fact in facts:
        if "attribute" not in fact.task:
            continue
        (target,) = of_role(scene, fact, "target")
        named = {scene.instances[one].label: one for one in (target, *of_role(scene, fact, "distractor"))}
        assert sorted(named) == sorted(fact.options)
        assert len(named) == 4
        signs = [sign_of(geometry, fact, named[option], fact.task[-2:]) for option in fact.options]
        asked = WORDS[fact.polarity]
        assert [sign == asked for sign in signs] == [place == fact.answer_index for place in range(4)]
        assert 0 not in signs
        assert fact.options[fact.answer_index] == scene.instances[target].label


def test_of_four_phrases_one_alone_is_true(scene, geometry, facts):
    starts = {"To the right": ("lr", 1), "To the left": ("lr", -1), "Higher": ("ab", 1), "Lower": ("ab", -1)}
    starts |= {"Farther": ("fb", 1), "Closer": ("fb", -1)}
    for fact in facts:
        if "spatial" not in fact.task:
            continue
        (target,) = of_role(scene, fact, "target")
        for place, (phrase, *_) in enumerate(fact.options):
            axis, claimed = next(meaning for start, meaning in starts.items() if phrase.startswith(start))
            sign = sign_of(geometry, fact, target, axis)
            assert sign != 0
            assert (sign == claimed) == (place == fact.answer_index)
            if sign == claimed:
                assert axis == fact.task[-2:]


def test_the_target_is_hidden_where_it_is_asked_for_and_clear_elsewhere(scene, geometry, facts):
    states = geometry.object_states
    for fact in facts:
        (target,), (reference,) = of_role(scene, fact, "target"), of_role(scene, fact, "reference")
        query = fact.frames[fact.evidence["query_image"]]
        assert STATE_NAMES[states.states[query, reference]] == "clear"
        assert STATE_NAMES[states.states[query, target]] in ("hidden", "partial")
        others = [frame for frame in fact.frames if frame != query]
        assert (states.states[others, target] == CLEAR).any()
        assert fact.occlusion == pytest.approx(float(states.total[query, target]))
        world = geometry.surface_samples.points[target].astype(float)
        camera = scene.frames[query].camera
        local = (world - camera.centre) @ camera.camera_to_world[:3, :3]
        assert local[:, 2].min() > 0.1
        # The image reaches atan(1 / 1.8) sideways: half its width over its focal length.
        sideways = np.degrees(np.abs(np.arctan(local[:, 0] / local[:, 2])))
        assert np.quantile(sideways, 0.97) <= math.degrees(math.atan(0.5 / 0.9)) + 45 + 1


def test_frames_hardly_overlap_and_no_set_is_shown_twice(geometry, facts):
    shown = Counter()
    for fact in facts:
        assert 2 <= len(fact.frames) <= 5
        worst = max(geometry.overlap.iou[i, j] for i, j in itertools.combinations(fact.frames, 2))
        assert worst < 0.30
        assert fact.overlap == pytest.approx(worst, abs=1e-6)
        shown[fact.task, frozenset(fact.frames)] += 1
    assert max(shown.values()) == 1


def test_what_is_not_pointed_at_is_the_only_one_of_its_name(scene, geometry, facts):
    for fact in facts:
        pointed = {point.instance_id for point in fact.points}
        for role in ("reference", "target"):
            (one,) = of_role(scene, fact, role)
            if scene.instances[one].id in pointed:
                continue
            namesakes = [k for k, other in enumerate(scene.instances) if other.label == scene.instances[one].label]
            visible = geometry.object_states.visible_px[np.ix_(fact.frames, namesakes)] >= 20
            assert visible.any(axis=0).sum() <= 1
        assert bool(fact.points) == (fact.variant != "name")


def test_marks_lie_on_their_objects_in_the_frames_that_the_text_names(scene, geometry, facts):
    for fact in facts:
        for point, role in zip(fact.points, ("reference", "target"), strict=False):
            (one,) = of_role(scene, fact, role)
            frame = fact.frames[point.image]
            assert geometry.instance_at(frame, [(point.x, point.y)])[0] == one
        if fact.points:
            assert fact.points[0].image == fact.slots["frame"] == fact.evidence["query_image"]
            assert fact.slots["a"] == PointRef(0)
        if len(fact.points) == 2:
            assert fact.points[1].image == fact.slots["b_frame"]
            assert fact.slots["b"] == PointRef(1)


def test_answers_letters_and_polarities_are_even(facts):
    for spec in ENGINE.tasks:
        mine = [fact for fact in facts if fact.task == spec.name]
        answers = Counter(fact.answer_index for fact in mine)
        polarities = Counter(fact.polarity for fact in mine)
        possible = 2 if "existence" in spec.name else 4
        assert max(answers.values()) - min(answers[k] for k in range(possible)) <= 1
        assert max(polarities.values()) - min(polarities[word] for word in spec.polarities) <= 1
        if "existence" in spec.name:
            crossed = Counter((fact.polarity, fact.answer_index) for fact in mine)
            assert max(crossed.values()) - min(crossed[p, k] for p in spec.polarities for k in (0, 1)) <= 1


def test_names_alone_do_not_tell_left_from_right(facts):
    """Who learnt the more frequent answer of each pair of names and way of asking does little better than chance."""
    mine = [fact for fact in facts if fact.task == "obj_existence_occ_lr"]
    learnt = Counter((fact.slots["target"], fact.slots["reference"], fact.polarity, fact.answer_index) for fact in mine)
    kinds = {key[:3] for key in learnt}
    repeated = [kind for kind in kinds if learnt[*kind, 0] + learnt[*kind, 1] > 1]
    lean = sum(abs(learnt[*kind, 0] - learnt[*kind, 1]) for kind in repeated)
    assert lean <= 0.5 * sum(learnt[*kind, 0] + learnt[*kind, 1] for kind in repeated) + 1


def test_a_marked_pair_is_not_cut_by_other_tasks(scene, geometry, facts):
    for name in ("obj_existence_occ_ab", "obj_spatial_occ_fb"):
        alone = [item for item in ENGINE.facts(scene, geometry, tasks=[name], limit=24) if isinstance(item, Fact)]
        assert alone == [fact for fact in facts if fact.task == name]


def test_variants_that_are_not_wanted_are_not_used(scene, geometry):
    for variant in ("name", "coord"):
        some = ENGINE.facts(scene, geometry, tasks=["obj_existence_occ_lr"], limit=8, variants=[variant])
        assert {item.variant for item in some if isinstance(item, Fact)} == {variant}


def test_gravity_is_needed_for_higher_and_lower_alone(scene):
    lying = dataclasses.replace(scene, up=None)
    skipped = {
        item.task for item in ENGINE.facts(lying, limit=2) if isinstance(item, Skip) and "up axis" in item.reason
    }
    assert skipped == {
        "obj_existence_occ_ab", "obj_attribute_occ_ab", *(f"obj_spatial_occ_{axis}" for axis in AXES)
    }  # fmt: skip


@pytest.mark.parametrize("things", [0, 1])
def test_scenes_with_hardly_any_objects_give_reasons(things):
    solids = [("floor", box((-2, -2, -0.1), (2, 2, 0), 1.0)), ("chair", box((0, 0, 0), (0.4, 0.4, 0.8), 0.2))]
    poor = scene_of(solids[: 1 + things], [(0, -3, 1.5), (3, 0, 1.5)])
    found = list(ENGINE.facts(poor, limit=5))
    assert found
    assert all(isinstance(item, Skip) and item.count > 0 for item in found)


def test_the_published_rule_hides_by_share_alone(geometry):
    parameters = ENGINE.configure("spatialmosaic")
    assert isinstance(parameters, HiddenPairParameters)
    assert parameters.hidden == "ratio"
    ours, theirs = (HiddenPairs(MosaicObjects(geometry), p) for p in (HiddenPairParameters(), parameters))
    states = geometry.object_states
    assert (theirs.hidden == (states.total >= 0.5) & theirs.askable).all()
    assert not (theirs.hidden & theirs.clear).any()
    assert not (ours.hidden & (states.states == STATE_NAMES.index("grey"))).any()


def test_asking_both_ways_is_crossed_with_the_truth():
    rng = np.random.default_rng(0)
    for _ in range(200):
        up = int(rng.integers(0, 12))
        down = up + int(rng.integers(-1, 2)) if up else int(rng.integers(0, 2))
        if up % 2 and up == down:
            up -= 1
        signs = rng.permutation([1] * up + [-1] * down).tolist()
        asked = crossed_polarities(signs, [str(kind) for kind in rng.integers(0, 4, len(signs))], int(rng.integers(2)))
        assert abs(asked.count(1) - asked.count(-1)) <= 1
        yes = sum(way == sign for way, sign in zip(asked, signs, strict=True))
        assert abs(2 * yes - len(signs)) <= 1
        for sign in (1, -1):
            ways = [way for way, mine in zip(asked, signs, strict=True) if mine == sign]
            assert abs(sum(ways)) <= 1


def test_names_in_both_orders_are_asked_the_same_way_in_both():
    signs, kinds = [1, -1, 1, -1], ["lamp/table", "lamp/table", "box/shelf", "box/shelf"]
    asked = crossed_polarities(signs, kinds, 0)
    assert asked[0] == asked[1]
    assert asked[2] == asked[3] == -asked[0]


def test_pairs_of_names_with_both_signs_are_taken_evenly(geometry):
    pairs = HiddenPairs(MosaicObjects(geometry), HiddenPairParameters()).pairs()
    signs = pairs.signs[:, 0].astype(np.int64)
    pairs, signs = pairs.take(signs != 0), signs[signs != 0]
    names = [instance.label for instance in geometry.scene.instances]
    choice = PairChoice(pairs, signs, names, np.random.default_rng(0))
    taken: Counter[tuple[str, str, int]] = Counter()
    hidden_by: Counter[tuple[int, int]] = Counter()
    for turn in range(40):
        sign = (1, -1)[turn % 2]
        index = choice.next(sign)
        assert index is not None
        assert signs[index] == sign
        choice.take(index)
        taken[names[pairs.target[index]], names[pairs.reference[index]], sign] += 1
        hidden_by[sign, int(pairs.hidden_by[index])] += 1
    both = {(t, r) for t, r, _ in taken if all((signs == s)[_rows(pairs, names, t, r)].any() for s in (1, -1))}
    assert len(both) > 5
    lean = [abs(taken[t, r, 1] - taken[t, r, -1]) for t, r in both]
    assert np.mean(lean) <= 1
    for sign in (1, -1):
        for way in (0, 1):
            available = np.count_nonzero((signs == sign) & (pairs.hidden_by == way))
            assert hidden_by[sign, way] >= min(9, available)


def _rows(pairs, names, target, reference):
    return [
        row
        for row in range(len(pairs))
        if names[pairs.target[row]] == target and names[pairs.reference[row]] == reference
    ]
