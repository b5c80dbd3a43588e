"""What must change in relations and imagined views, and what must not, when the world, objects or cameras move.

Invariant when the world turns about the vertical (cameras and all): every answer. When all cameras alone are moved
together, like one body: what an imagined observer sees, which object is above which, how far apart objects are; and,
when they are not turned, which is to the left. Nothing else is: a map, and closer and farther, are about a camera.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pytest
from support.ring_of_boxes import ring_of_boxes

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Fact, Scene
from spatialgen.engines.marked_objects import MarkedObjects
from spatialgen.engines.relation_triples import RelationTriples, Triple
from spatialgen.engines.spar import imagination, relation
from spatialgen.engines.spar._camera_relations import CameraRelations
from spatialgen.engines.spar._imagined_views import ImaginationParameters, ImaginedViews, Move
from spatialgen.engines.spar._marked_items import Item

RULES = ("intervals", "centres")
THINGS = range(0, 18, 2)
FRAMES = (0, 4, 11)
NEAR = 0.03
"""Metres from a threshold: another order of triangles, so other samples of a surface, may decide otherwise."""


def moved(turn: float, *way: float, cameras_only: bool = False) -> Scene:
    """The ring of boxes turned about the vertical and carried away, or its cameras alone."""
    scene = ring_of_boxes()
    motion = np.eye(4)
    motion[:2, :2] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    motion[:3, 3] = way or (0, 0, 0)
    frames = tuple(
        replace(frame, camera=replace(frame.camera, camera_to_world=motion @ frame.camera.camera_to_world))
        for frame in scene.frames
    )
    assert scene.vertices is not None
    vertices = scene.vertices @ motion[:3, :3].T + motion[:3, 3]
    vertices = scene.vertices if cameras_only else vertices.astype(np.float32)
    return replace(scene, frames=frames, vertices=vertices, extra_capabilities=frozenset({"trajectory"}))


@cache
def geometry(*motion: float, cameras_only: bool = False) -> SceneGeometry:
    return SceneGeometry(moved(*(motion or (0.0,)), cameras_only=cameras_only))


@cache
def views(rule: str, *motion: float, cameras_only: bool = False) -> tuple[ImaginedViews, CameraRelations]:
    parameters = ImaginationParameters(relation_rule=rule)
    objects = MarkedObjects(geometry(*motion, cameras_only=cameras_only), parameters)
    triples = RelationTriples(objects, parameters)
    return ImaginedViews(objects, triples, parameters), CameraRelations(objects, triples)


def same(one: Triple, other: Triple, axes: tuple[int, ...] = (0, 1, 2)) -> int:
    """How many words could be compared; each is the same, unless it is at a threshold."""
    compared = 0
    for axis in axes:
        if one.signs[axis] != other.signs[axis]:
            assert one.limits[axis] * abs(max(one.margins[axis], other.margins[axis]) - 1) < NEAR
        else:
            compared += 1
        assert one.differences[axis] == pytest.approx(other.differences[axis], abs=0.002)
        assert gaps(one, axis) == pytest.approx(gaps(other, axis), abs=0.01)
    return compared


def gaps(triple: Triple, axis: int) -> tuple[float, float]:
    """Metres by which the first object lies beyond the other along an axis, and the other beyond the first."""
    (low, high), (other_low, other_high) = triple.intervals[axis]
    return low - other_high, other_low - high


def opposite(one: Triple, other: Triple) -> None:
    """Every word turned round, and nothing else."""
    assert one.signs == tuple(-sign for sign in other.signs)
    assert one.margins == pytest.approx(other.margins)
    assert one.limits == other.limits
    assert one.differences == pytest.approx([-difference for difference in other.differences])
    assert [pair[::-1] for pair in one.intervals] == list(other.intervals)


def moves(found: ImaginedViews, count: int = 4) -> Iterator[tuple[tuple[int, ...], Move]]:
    for things in list(permutations(THINGS, count))[::13]:
        move = found.move(Item((FRAMES[sum(things) % 3],), tuple((0, thing) for thing in things)))
        if isinstance(move, Move):
            yield things, move


def of_camera(cameras: CameraRelations, frame: int, one: int, other: int) -> Triple:
    view = cameras.view(frame)
    assert view is not None
    return view.between(one, other)


# ---- the world


@pytest.mark.parametrize("rule", RULES)
def test_turning_the_world_about_the_vertical_changes_no_relation(rule: str) -> None:
    (imagined, cameras), (again, others) = views(rule), views(rule, 1.1, 3.0, -2.0, 0.5)
    compared = 0
    for things, move in moves(imagined):
        turned = again.move(move.item)
        if isinstance(turned, str):
            assert move.margin < 1.05
            continue
        compared += same(move.after, turned.after)
        for side, other in zip(move.sides, turned.sides, strict=True):
            compared += same(side, other)
        for frame in FRAMES:
            compared += same(of_camera(cameras, frame, *things[:2]), of_camera(others, frame, *things[:2]))
    assert compared > 1500


def test_turning_the_world_about_the_vertical_changes_no_answer() -> None:
    compared = 0
    for engine in (relation.ENGINE, imagination.ENGINE):
        for found, again in zip(answers(engine, 0.0), answers(engine, 1.1, 3.0, -2.0, 0.5), strict=True):
            for key in found.keys() & again.keys():
                one, other = found[key], again[key]
                assert one.margin is None or other.margin == pytest.approx(one.margin, abs=0.1)
                if "map" in one.task:
                    assert other.value == pytest.approx(one.value, abs=0.002)
                else:
                    assert other.value == one.value
                assert [other.slots.get(name) for name in ("before", "sides")] == [
                    one.slots.get(name) for name in ("before", "sides")
                ]
                compared += 1
    assert compared > 40


def answers(engine: relation.SpatialRelation | imagination.Imagination, *motion: float) -> list[dict[object, Fact]]:
    """A task's facts, by what they ask."""
    known = geometry(*motion)
    facts = [item for item in engine.facts(known.scene, known, limit=5) if isinstance(item, Fact)]
    return [
        {
            (
                fact.form,
                fact.frames,
                fact.objects,
                tuple(mark.image for mark in fact.boxes),
                fact.slots.get("relation"),
            ): fact
            for fact in facts
            if fact.task == task.name
        }
        for task in engine.tasks
    ]


# ---- the objects


@pytest.mark.parametrize("rule", RULES)
def test_swapping_two_objects_turns_every_word_round_and_nothing_else(rule: str) -> None:
    imagined, cameras = views(rule)
    compared = 0
    for (observer, facing, target, reference), move in moves(imagined):
        back = imagined.move(Item(move.item.frames, (*move.item.marks[:2], *move.item.marks[:1:-1])))
        assert isinstance(back, Move)
        opposite(move.after, back.after)
        assert (move.before is None) == (back.before is None)
        if move.before is not None and back.before is not None:
            opposite(move.before.triple, back.before.triple)
        assert move.sides[:1] + move.sides[:0:-1] == back.sides
        for one, other in ((observer, facing), (target, reference)):
            opposite(of_camera(cameras, 3, one, other), of_camera(cameras, 3, other, one))
        compared += sum(map(abs, move.signs)) > 0
    assert compared > 60


@pytest.mark.parametrize("rule", RULES)
def test_facing_the_other_way_turns_sides_round_and_leaves_height_and_distance(rule: str) -> None:
    """Somebody between two objects who turns from one to the other."""
    imagined, _ = views(rule)
    view = imagined.imagined(0, 8)
    assert view is not None
    back = replace(view.observer, right=-view.observer.right, forward=-view.observer.forward)
    turned = imagined.cameras._triples.seen_by(back)
    for one, other in permutations(range(1, 18, 3), 2):
        a, b = view.between(one, other), turned.between(one, other)
        assert (-a.signs[0], *a.signs[1:]) == b.signs
        a, b = view.to_observer(one), turned.to_observer(one)
        assert (-a.signs[0], a.signs[1], -a.signs[2]) == b.signs


# ---- the cameras

LIFTED = (0.0, 0.4, -0.3, 0.35)
TURNED = (0.8, 0.4, -0.3, 0.35)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("motion", [LIFTED, TURNED])
def test_moving_all_cameras_together_leaves_what_an_imagined_observer_sees(
    rule: str, motion: tuple[float, ...]
) -> None:
    (imagined, cameras), (again, others) = views(rule), views(rule, *motion, cameras_only=True)
    seen = changed = 0
    for things, move in moves(imagined):
        other = again.move(move.item)
        assert isinstance(other, Move)
        assert (other.after, other.sides, other.margin) == (move.after, move.sides, move.margin)
        seen += 1
        for frame in FRAMES:
            one, two = (of_camera(some, frame, *things[2:]) for some in (cameras, others))
            same(one, two, (1,) if motion[0] else (0, 1))
            changed += one.signs != two.signs
    assert seen > 100
    assert changed > 20  # the other words are about the camera
    objects, moved_objects = (some._objects for some in (cameras, others))
    assert np.array_equal(objects.centre, moved_objects.centre)  # and with them all distances between objects


def test_moving_all_cameras_together_leaves_answers_about_imagined_observers() -> None:
    """Of what is asked of both: the answer, and what is in front and behind; what was before may be another."""
    known, other = (SceneGeometry(moved(*motion, cameras_only=True)) for motion in ((0.0,), (0.0, 0.05, 0.05, 0.05)))
    tasks = [task.name for task in imagination.ENGINE.tasks if "video" in task.name or task.name.endswith("_oo")]
    found = [
        {
            (fact.task, fact.objects): fact
            for fact in imagination.ENGINE.facts(some.scene, some, tasks=tasks, limit=10)
            if isinstance(fact, Fact)
        }
        for some in (known, other)
    ]
    common = found[0].keys() & found[1].keys()
    assert len(common) > 4
    for key in common:
        one, two = found[0][key], found[1][key]
        assert one.value == two.value
        if one.form == two.form:
            assert one.slots.get("sides") == two.slots.get("sides")
