"""Depth questions about a room whose depths have a closed form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
from support.closed_form import depth_of, make_scene

from spatialgen import engines
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Fact, Scene, Skip


def facts_of(name: str, scene: Scene, limit: int = 200, **options: object) -> list[Fact]:
    found: Iterable[Fact | Skip] = engines.load(name).facts(scene, limit=limit, **options)  # type: ignore[arg-type]
    return [item for item in found if isinstance(item, Fact)]


def truth(scene: Scene, fact: Fact) -> np.ndarray:
    camera = scene.frames[fact.frames[0]].camera
    return depth_of(camera, np.array([[p.x, p.y] for p in fact.points]))


@pytest.mark.parametrize("options", [{}, {"depth_size": None}, {"mesh": False}, {"noise": 0.005}], ids=str)
def test_estimates_equal_the_closed_form(options: dict) -> None:
    scene = make_scene(**options)
    facts = facts_of("depth_estimation", scene)
    assert len(facts) >= 60
    errors = [abs(fact.value[0] - truth(scene, fact)[0]) for fact in facts]
    # Without a mesh the nearest pixel of a coarse, possibly noisy sensor is all there is.
    assert np.quantile(errors, 0.99) < (0.05 if options.get("mesh") is False else 0.002)


@pytest.mark.parametrize("options", [{}, {"depth_size": None}, {"mesh": False}, {"noise": 0.005}], ids=str)
def test_comparisons_equal_the_closed_form(options: dict) -> None:
    scene = make_scene(**options)
    facts = facts_of("depth_comparison", scene)
    assert len(facts) >= 60
    for fact in facts:
        depths = truth(scene, fact)
        wanted = int(np.argmin(depths) if fact.polarity == "closer" else np.argmax(depths))
        assert fact.answer_index == wanted
        assert abs(depths[0] - depths[1]) > 0.08


def test_gap_holds_in_depth_and_in_ray_distance() -> None:
    scene = make_scene()
    for fact in facts_of("depth_comparison", scene):
        z = np.array(fact.value)
        ray = np.array(fact.evidence["ray_distance"])
        for distance in (z, ray):
            assert abs(distance[0] - distance[1]) >= max(0.10, 0.05 * distance.min()) - 1e-4
        assert (z[0] < z[1]) == (ray[0] < ray[1])


@pytest.mark.parametrize("limit", [1, 2, 7, 40, 101])
def test_letters_polarities_and_variants_are_balanced(limit: int) -> None:
    facts = facts_of("depth_comparison", make_scene(), limit)
    assert len(facts) == limit
    for values in (
        [f.answer_index for f in facts],
        [f.polarity == "closer" for f in facts],
        [f.variant == "dot" for f in facts],
    ):
        counts = Counter(values)
        assert abs(counts[True] - counts[False]) <= 1


def test_who_gets_the_odd_row_depends_on_the_scene() -> None:
    first = {facts_of("depth_comparison", make_scene(f"box_{n:04d}"), 1)[0].answer_index for n in range(12)}
    assert first == {0, 1}


def test_compare_agrees_with_itself_when_the_points_are_swapped() -> None:
    scene = make_scene()
    geometry = SceneGeometry(scene)
    engine = engines.load("depth_comparison")
    for fact in facts_of("depth_comparison", scene, 30):
        a, b = [(int(p.x), int(p.y)) for p in fact.points]
        straight = engine.compare(geometry, fact.frames[0], a, b)
        swapped = engine.compare(geometry, fact.frames[0], b, a)
        assert isinstance(straight, Fact)
        assert isinstance(swapped, Fact)
        assert straight.answer_index == 1 - swapped.answer_index
        assert straight.margin == pytest.approx(fact.margin)


def test_one_point_twice_is_refused() -> None:
    scene = make_scene()
    fact = facts_of("depth_estimation", scene, 1)[0]
    pixel = (int(fact.points[0].x), int(fact.points[0].y))
    verdict = engines.load("depth_comparison").compare(SceneGeometry(scene), fact.frames[0], pixel, pixel)
    assert isinstance(verdict, Skip)
    assert "close together" in verdict.reason


def test_sensor_that_contradicts_the_mesh_gives_no_rows() -> None:
    from dataclasses import replace

    scene = make_scene()
    lying = tuple(
        replace(frame, load_depth=lambda load=frame.load_depth: load() * np.float32(1.2)) for frame in scene.frames
    )
    found = list(engines.load("depth_estimation").facts(replace(scene, frames=lying), limit=20))
    assert all(isinstance(item, Skip) for item in found)
    assert any("disagree" in item.reason for item in found if isinstance(item, Skip))


def test_rows_are_spread_over_frames() -> None:
    scene = make_scene(frames=12)
    for name in ("depth_estimation", "depth_comparison"):
        uses = Counter(fact.frames[0] for fact in facts_of(name, scene, 12))
        assert max(uses.values()) <= 3


def test_nobody_is_asked_how_deep_a_window_is() -> None:
    from dataclasses import replace

    scene = make_scene()
    glass = tuple(replace(i, label="window") if i.label == "cabinet" else i for i in scene.instances)
    window = next(i.id for i in glass if i.label == "window")
    named = {p.instance_id for f in facts_of("depth_estimation", scene) for p in f.points}
    asked = {p.instance_id for f in facts_of("depth_estimation", replace(scene, instances=glass)) for p in f.points}
    assert window in named
    assert window not in asked


def test_a_few_facts_are_found_even_where_most_frames_have_none() -> None:
    from dataclasses import replace

    scene = make_scene(frames=6, mesh=False)
    blind = tuple(
        replace(frame, load_depth=lambda load=frame.load_depth: np.zeros_like(load())) if index else frame
        for index, frame in enumerate(scene.frames)
    )
    assert len(facts_of("depth_comparison", replace(scene, frames=blind), 3)) == 3


def test_where_the_sensor_is_blind_the_mesh_alone_is_not_believed() -> None:
    from dataclasses import replace

    scene = make_scene()

    def left_half_only(load: object) -> np.ndarray:
        depth = load().copy()  # type: ignore[operator]
        depth[:, depth.shape[1] // 2 :] = 0
        return depth

    half = tuple(
        replace(frame, load_depth=lambda load=frame.load_depth: left_half_only(load)) for frame in scene.frames
    )
    facts = facts_of("depth_estimation", replace(scene, frames=half))
    assert len(facts) >= 30
    assert max(point.x for fact in facts for point in fact.points) < 160
