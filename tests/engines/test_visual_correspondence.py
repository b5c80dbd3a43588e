"""Correspondences: the very surface point, and distractors that cannot be taken for it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from support.closed_form import depth_of, make_scene

from spatialgen import engines
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Camera, Fact, Point, Scene, Skip

ENGINE = engines.load("visual_correspondence")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(frames=18)


@pytest.fixture(scope="module")
def geometry(scene: Scene) -> SceneGeometry:
    return SceneGeometry(scene)


@pytest.fixture(scope="module")
def facts(scene: Scene, geometry: SceneGeometry) -> list[Fact]:
    return [item for item in ENGINE.facts(scene, geometry, limit=80) if isinstance(item, Fact)]


def surface_point(camera: Camera, point: Point) -> np.ndarray:
    """Where the ray of a pixel meets the closed-form room."""
    xy = np.array([[point.x, point.y]])
    ray = np.linalg.inv(camera.intrinsics) @ [point.x, point.y, 1.0]
    return camera.camera_to_world[:3, :3] @ (ray * depth_of(camera, xy)[0]) + camera.centre


def answer_of(fact: Fact) -> Point:
    if fact.answer_index is None:
        assert fact.answer_point is not None
        return fact.points[fact.answer_point.index]
    option = fact.options[fact.answer_index]
    return fact.points[option.index]  # type: ignore[union-attr]


def test_the_answer_is_the_same_surface_point(scene: Scene, facts: list[Fact]) -> None:
    assert len(facts) == 80
    for fact in facts:
        one, two = (scene.frames[index].camera for index in fact.frames)
        true = surface_point(one, fact.points[0])
        assert np.linalg.norm(surface_point(two, answer_of(fact)) - true) < 0.01
        assert fact.value == (answer_of(fact).x, answer_of(fact).y)


def test_distractors_show_other_places(scene: Scene, facts: list[Fact]) -> None:
    choices = [fact for fact in facts if fact.variant == "dot"]
    assert len(choices) == 40
    for fact in choices:
        one, two = (scene.frames[index].camera for index in fact.frames)
        true = surface_point(one, fact.points[0])
        for option in fact.points[1:]:
            if option is not answer_of(fact):
                assert np.linalg.norm(surface_point(two, option) - true) >= 0.045
        marks = [(p.x, p.y) for p in fact.points[1:]]
        gaps = [math.dist(a, b) for i, a in enumerate(marks) for b in marks[:i]]
        assert min(gaps) >= 0.08 * two.height - 1e-6
        assert fact.evidence["truth_table"].count(True) == 1
        assert fact.margin is not None
        assert fact.margin >= 1


def test_only_the_truth_has_no_more_company_than_others(scene: Scene, geometry: SceneGeometry) -> None:
    """If the two closest dots mostly held the answer, nobody would have to look at the first image."""
    choices = [f for f in ENGINE.facts(scene, geometry, limit=300, variants=["dot"]) if isinstance(f, Fact)]
    in_closest = 0
    for fact in choices:
        marks = [(p.x, p.y) for p in fact.points[1:]]
        closest = min((math.dist(a, b), i, j) for i, a in enumerate(marks) for j, b in enumerate(marks[:i]))
        in_closest += fact.answer_index in closest[1:]
    assert 0.38 <= in_closest / len(choices) <= 0.62


def test_kinds_are_told_and_can_be_chosen(scene: Scene, geometry: SceneGeometry, facts: list[Fact]) -> None:
    kinds = Counter(kind for fact in facts for kind in fact.evidence.get("option_kinds", ()))
    assert kinds["truth"] == 40
    assert min(kinds["near_miss"], kinds["random"]) >= 5
    assert kinds["same_object"] >= 1
    parameters = ENGINE.configure(overrides={"kinds": ["random"]})
    only = [
        f
        for f in ENGINE.facts(scene, geometry, limit=10, parameters=parameters, variants=["dot"])
        if isinstance(f, Fact)
    ]
    assert len(only) == 10
    assert {kind for fact in only for kind in fact.evidence["option_kinds"]} == {"truth", "random"}


def test_same_label_elsewhere_is_a_distractor() -> None:
    scene = make_scene(frames=18)
    twins = tuple(replace(i, label="box") if i.label in ("stool", "cabinet") else i for i in scene.instances)
    facts = [f for f in ENGINE.facts(replace(scene, instances=twins), limit=200) if isinstance(f, Fact)]
    found = [f for f in facts if "same_label" in f.evidence.get("option_kinds", ())]
    assert found
    for fact in found:
        option = fact.points[1 + fact.evidence["option_kinds"].index("same_label")]
        assert option.instance_id != fact.points[0].instance_id
        assert {twins[int(option.instance_id)].label, twins[int(fact.points[0].instance_id)].label} == {"box"}  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [1, 3, 7, 30])
def test_letters_and_variants_are_balanced(scene: Scene, geometry: SceneGeometry, limit: int) -> None:
    facts = [item for item in ENGINE.facts(scene, geometry, limit=limit) if isinstance(item, Fact)]
    assert len(facts) == limit
    variants = Counter(fact.variant for fact in facts)
    assert abs(variants["dot"] - variants["coord"]) <= 1
    letters = Counter(fact.answer_index for fact in facts if fact.variant == "dot")
    assert max(letters[i] for i in range(4)) - min(letters[i] for i in range(4)) <= 1


def test_a_form_means_its_way_of_pointing(scene: Scene, geometry: SceneGeometry) -> None:
    for form, variant in (("choice", "dot"), ("fill", "coord")):
        facts = [f for f in ENGINE.facts(scene, geometry, limit=8, forms=[form]) if isinstance(f, Fact)]
        assert {(f.form, f.variant) for f in facts} == {(form, variant)}


def test_a_point_behind_something_is_not_matched(scene: Scene, geometry: SceneGeometry) -> None:
    skipped = {item.reason for item in ENGINE.facts(scene, geometry, limit=20) if isinstance(item, Skip)}
    assert "hidden in the second image" in skipped
    assert "point not in the second image" in skipped


@pytest.mark.parametrize("options", [{"mesh": False}, {"depth_size": None}], ids=str)
def test_mesh_or_sensor_alone_will_do(options: dict) -> None:
    scene = make_scene(frames=18, **options)
    facts = [item for item in ENGINE.facts(scene, limit=30) if isinstance(item, Fact)]
    assert len(facts) >= 15
    errors = []
    for fact in facts:
        one, two = (scene.frames[index].camera for index in fact.frames)
        errors.append(np.linalg.norm(surface_point(two, answer_of(fact)) - surface_point(one, fact.points[0])))
    assert np.median(errors) < 0.01


def test_flat_views_can_be_refused(scene: Scene, geometry: SceneGeometry) -> None:
    parameters = ENGINE.configure(overrides={"least_facing": 0.6})
    facts = [item for item in ENGINE.facts(scene, geometry, limit=20, parameters=parameters) if isinstance(item, Fact)]
    assert facts
    assert min(p["facing"] for fact in facts for p in fact.evidence["points"]) >= 0.6
