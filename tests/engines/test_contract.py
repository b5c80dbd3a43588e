"""What every engine promises, found by looking: a new engine is tested by being there."""

from __future__ import annotations

import json

import pytest
from support.closed_form import make_scene
from support.moving_bodies import make_moving_scene
from support.object_hall import hall
from support.video_room import make_video_scene

from spatialgen import engines, templates
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import BoxRef, Fact, PointRef, Scene, Skip
from spatialgen.engines.base import Engine
from spatialgen.errors import ConfigError, UnknownName


@pytest.fixture(scope="module", params=engines.available())
def engine(request: pytest.FixtureRequest) -> Engine:
    return engines.load(request.param)


@pytest.fixture(scope="module")
def scene(engine: Engine) -> Scene:
    """One that has what the engine's tasks need."""
    if engine.suite == "spatialmosaic":
        return hall()
    if all("trajectory" in spec.needs and "world_tracks" not in spec.needs for spec in engine.tasks):
        return make_video_scene()  # things that come into view one after the other
    needs = {need for spec in engine.tasks for need in spec.needs}
    # Questions about whole videos compare several objects.
    return make_moving_scene() if "world_tracks" in needs else make_scene(frames=30, furnished="trajectory" in needs)


@pytest.fixture(scope="module")
def geometry(scene: Scene) -> SceneGeometry:
    return SceneGeometry(scene)


@pytest.fixture(scope="module")
def facts(engine: Engine, scene: Scene, geometry: SceneGeometry) -> list[Fact]:
    return [item for item in engine.facts(scene, geometry, limit=24) if isinstance(item, Fact)]


def test_names_are_those_of_its_file(engine: Engine) -> None:
    assert isinstance(engine, Engine)
    assert f"{engine.suite}/{engine.name}" in engines.available()
    for spec in engine.tasks:
        assert (spec.suite, spec.engine, spec.version) == (engine.suite, engine.name, engine.version)
        assert spec.summary.strip()


def test_states_every_task_it_lists(engine: Engine, facts: list[Fact]) -> None:
    assert {fact.task for fact in facts} == {spec.name for spec in engine.tasks}


def test_same_seed_same_facts(engine: Engine, scene: Scene, geometry: SceneGeometry, facts: list[Fact]) -> None:
    """Also where the geometry is made anew."""
    again = [item for item in engine.facts(scene, limit=24) if isinstance(item, Fact)]
    assert again == facts
    other = [item for item in engine.facts(scene, geometry, limit=24, seed=1) if isinstance(item, Fact)]
    assert other != facts


def test_a_task_alone_gives_the_same_facts_as_among_others(
    engine: Engine, scene: Scene, geometry: SceneGeometry, facts: list[Fact]
) -> None:
    last = engine.tasks[-1].name
    alone = [item for item in engine.facts(scene, geometry, tasks=[last], limit=24) if isinstance(item, Fact)]
    assert alone == [fact for fact in facts if fact.task == last]


def test_facts_match_their_spec(engine: Engine, facts: list[Fact]) -> None:
    for fact in facts:
        spec = engine.task(fact.task)
        assert fact.variant in spec.variants
        assert fact.form in spec.forms
        assert fact.polarity in spec.polarities
        assert spec.slots_required(fact.form) <= set(fact.slots) <= spec.slots
        assert len(spec.units_of(fact.form)) in (1, len(fact.value))
        assert fact.margin is None or fact.margin >= 1
        for value in [*fact.slots.values(), *fact.options]:
            assert not isinstance(value, PointRef) or value.index < len(fact.points)
            assert not isinstance(value, BoxRef) or value.index < len(fact.boxes)
        json.dumps(dict(fact.evidence), allow_nan=False)


def test_every_fact_can_be_worded(engine: Engine, facts: list[Fact]) -> None:
    for fact in facts:
        spec = engine.task(fact.task)
        wording = templates.load(spec.suite, spec.name)
        slots = dict.fromkeys(fact.slots, "A")
        block = spec.block(fact.polarity, fact.variant, fact.form)
        assert wording.question(block, 7, slots).text
        assert wording.answer(block, 7, {**slots, "answer": "A"}).text


def test_every_parameter_says_what_it_does(engine: Engine) -> None:
    for name, field in engine.parameters.model_fields.items():
        assert field.description, f"{engine.name}.{name} has no description"


def test_unknown_parameter_is_named(engine: Engine) -> None:
    with pytest.raises(ConfigError, match="no_such"):
        engine.configure(overrides={"no_such": 1})


def test_scene_without_frames_gives_a_reason(engine: Engine, scene: Scene) -> None:
    from dataclasses import replace

    found = list(engine.facts(replace(scene, frames=())))
    assert found
    assert all(isinstance(item, Skip) and "image" in item.reason for item in found)


def test_names_resolve() -> None:
    assert engines.load("depth_comparison").name == "depth_comparison"
    assert {spec.name for _, specs in engines.resolve("multispa") for spec in specs} >= {
        "depth_comparison",
        "depth_estimation",
    }
    with pytest.raises(UnknownName, match="depth_comparison"):
        engines.resolve("depth_comparision")
