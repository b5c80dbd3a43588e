"""Sizes that hang on where labels end, on boxes whose labels are known to be right or to run over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.closed_form import BOXES, make_scene

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Fact, Scene, Skip
from spatialgen.engines.spar import depth_distance
from spatialgen.engines.spar._firm_sizes import border_shifts

TABLE, _, BOX, _ = range(len(BOXES))
REASON = "the size depends on where the object's label ends"


def run_over(scene: Scene, margin: float) -> Scene:
    """The scene with the table's top called box around the box that stands on it, by so many metres."""
    assert scene.vertices is not None
    assert scene.vertex_instance is not None
    (low, high), top = BOXES[BOX], BOXES[TABLE][1][2]
    near = ((scene.vertices[:, :2] > low[:2] - margin) & (scene.vertices[:, :2] < high[:2] + margin)).all(axis=1)
    ring = near & (np.abs(scene.vertices[:, 2] - top) < 1e-6) & (scene.vertex_instance == TABLE)
    return replace(scene, vertex_instance=np.where(ring, BOX, scene.vertex_instance).astype(np.int32))


def shifts(scene: Scene) -> np.ndarray:
    return border_shifts(scene, SceneGeometry(scene).object_boxes)


def test_separate_surfaces_have_no_border() -> None:
    assert shifts(make_scene(frames=6, furnished=True)) == pytest.approx(0.0)


def test_a_ring_of_the_table_is_found() -> None:
    scene = run_over(make_scene(frames=6), 0.12)
    found, size = shifts(scene), SceneGeometry(scene).object_boxes.size
    # Vertices stand every 10 cm: what is left is the box itself, and the table below it.
    assert size[BOX].min() > 0.34
    assert size[BOX] - found[BOX] == pytest.approx([0.3, 0.3, 0.35], abs=0.02)
    assert found[TABLE] == pytest.approx(0.0, abs=0.01)  # its ends are far from the box
    assert found[[1, 3]] == pytest.approx(0.0)


def test_nothing_but_border_has_no_size() -> None:
    scene = make_scene(frames=6, coarse=True)
    assert scene.faces is not None
    assert scene.vertex_instance is not None
    # One corner of each side of the box belongs to the table now.
    owner = scene.vertex_instance.copy()
    owner[scene.faces[(owner[scene.faces] == BOX).all(axis=1)][:, 0]] = TABLE
    assert np.isinf(shifts(replace(scene, vertex_instance=owner))[BOX]).all()


def test_such_sizes_are_not_asked() -> None:
    scene = make_scene(frames=24)
    clean, bled = (_asked(one) for one in (scene, run_over(scene, 0.12)))
    assert str(BOX) in clean[0]
    assert clean[1] == 0
    assert str(BOX) not in bled[0]
    assert bled[1] > 0


def _asked(scene: Scene) -> tuple[set[str], int]:
    """The objects whose sizes are asked, and how often one was refused for its label."""
    engine = depth_distance.ENGINE
    parameters = engine.parameters(most_stray=1.0)  # type: ignore[call-arg]  # of this engine
    facts = list(engine.facts(scene, tasks=["spatial_volume_infer"], limit=60, parameters=parameters))
    asked = {thing.instance_id for fact in facts if isinstance(fact, Fact) for thing in fact.objects}
    return asked, sum(skip.count for skip in facts if isinstance(skip, Skip) and skip.reason == REASON)
