"""Relations in three words: against the definition done slowly, known cases, and what must not change them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.closed_form import intrinsics, look_at
from support.object_scenes import box, scene_of

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Camera, OrientedBox
from spatialgen.engines.marked_objects import MarkedObjectParameters, MarkedObjects
from spatialgen.engines.relation_triples import (
    SPAR_RELATIONS,
    Observer,
    RelationTriples,
    Triple,
    TripleParameters,
)

UP = (0.0, 0.0, 1.0)
BOXES = np.array(
    [
        [(-0.2, 1.8, 0.0), (0.2, 2.2, 0.4)],
        [(1.0, 3.0, 0.0), (1.4, 3.4, 1.2)],
        [(-1.5, -2.0, 0.9), (-1.1, -1.6, 1.3)],
        [(0.25, 1.9, 0.0), (0.6, 2.3, 0.4)],
        [(-2.4, 0.6, 0.1), (-2.0, 2.6, 0.5)],
        [(0.1, 5.0, 0.6), (0.5, 5.4, 0.8)],
    ]
)
NAMES = ("table", "cabinet", "lamp", "stool", "bench", "box")
AHEAD = Observer.at((0.0, 0.0, 0.5), (0.0, 5.0, 3.0), UP)
"""At the origin, half a metre up: right is +x, forward +y."""


def triples_of(scene, **parameters) -> RelationTriples:
    objects = MarkedObjects(SceneGeometry(scene), MarkedObjectParameters())
    return RelationTriples(objects, TripleParameters(**parameters))


@pytest.fixture(scope="module")
def scene():
    return scene_of([(name, box(*corners)) for name, corners in zip(NAMES, BOXES, strict=True)])


@pytest.fixture(scope="module")
def triples(scene) -> RelationTriples:
    return triples_of(scene)


@pytest.fixture(scope="module")
def centred(scene) -> RelationTriples:
    return triples_of(scene, **SPAR_RELATIONS)


def faces_of(corners: np.ndarray, count: int = 10000) -> np.ndarray:
    """(count, 3): random points on a box's sides, by area."""
    rng = np.random.default_rng(5)
    size = corners[1] - corners[0]
    areas = np.array([size[1] * size[2], size[0] * size[2], size[0] * size[1]])
    axis = rng.choice(3, size=count, p=areas / areas.sum())
    points = rng.uniform(size=(count, 3))
    points[np.arange(count), axis] = rng.integers(2, size=count)
    return corners[0] + points * size


def quantities(points: np.ndarray, here: np.ndarray, forward: np.ndarray) -> dict[str, np.ndarray]:
    way = points - here
    right = np.array([forward[1], -forward[0], 0.0])
    distance = np.sqrt((way**2).sum(axis=1))
    return {"right": way @ right, "up": way[:, 2], "forward": way @ forward, "distance": distance}


def slow(a: int, b: int | None, here: np.ndarray, forward: np.ndarray, rule: str) -> list[float]:
    """The definition, one axis at a time: how far beyond the limit, negative for the axis' negative word.

    Between -1 and 1 the axis is undecided.
    """
    centres = BOXES.mean(axis=1)
    mine = quantities(faces_of(BOXES[a]) if rule == "intervals" else centres[[a]], here, forward)
    if b is None:
        other = {name: np.zeros(1) for name in mine}
        apart = np.linalg.norm(centres[a] - here)
    else:
        other = quantities(faces_of(BOXES[b]) if rule == "intervals" else centres[[b]], here, forward)
        apart = np.linalg.norm(centres[a] - centres[b])
    found = []
    for axis in ("right", "up", "forward" if b is None else "distance"):
        low, high = np.quantile(mine[axis], [0.02, 0.98])
        other_low, other_high = np.quantile(other[axis], [0.02, 0.98])
        if rule == "intervals":
            limit = max(0.10, 0.05 * apart)
        else:
            limit = max(0.3 if axis == "forward" else 0.2, 0.1 * apart, np.sin(np.pi / 18) * apart)
        above, below = (low - other_high) / limit, (other_low - high) / limit
        found.append(max(above, 0.0) - max(below, 0.0))
    return found


@pytest.mark.parametrize("rule", ["intervals", "centres"])
def test_agrees_with_the_definition_done_slowly(triples, centred, rule) -> None:
    rng = np.random.default_rng(1)
    compared = empty = 0
    for _ in range(12):
        here, angle = rng.uniform((-2, -2, 0), (2, 3, 2)), rng.uniform(0, 2 * np.pi)
        forward = np.array([np.cos(angle), np.sin(angle), 0.0])
        view = (triples if rule == "intervals" else centred).seen_by(
            Observer.at(here, here + 3 * forward + (0, 0, 1), UP)
        )
        for a in range(len(BOXES)):
            for b in (None, *range(len(BOXES))):
                if a == b:
                    continue
                triple = view.to_observer(a) if b is None else view.between(a, b)
                for sign, margin, beyond in zip(
                    triple.signs, triple.margins, slow(a, b, here, forward, rule), strict=True
                ):
                    if abs(abs(beyond) - 1) < 0.05:
                        continue  # too close to the limit for random points
                    assert sign == (np.sign(beyond) if abs(beyond) > 1 else 0)
                    assert margin == (pytest.approx(abs(beyond), rel=0.05) if sign else 0)
                    compared += 1
                    empty += not sign
    assert compared > 900
    assert 0.1 < empty / compared < 0.9


def test_known_triples(triples, centred) -> None:
    view = triples.seen_by(AHEAD)
    cabinet = view.to_observer(1)
    assert (cabinet.axes, cabinet.signs) == (("right", "up", "forward"), (1.0, 0.0, 1.0))
    assert view.to_observer(2).signs == (-1.0, 1.0, -1.0)
    table_cabinet = view.between(0, 1)
    assert (table_cabinet.axes, table_cabinet.signs) == (("right", "up", "distance"), (-1.0, 0.0, -1.0))
    # Side by side, five centimetres between them: too little.
    assert view.between(0, 3).signs == (0.0, 0.0, 0.0)
    assert view.between(0, 3).is_empty
    assert view.between(0, 3).margin == 0
    # Of the centres more is decided: those of the cabinet and the table are 40 cm apart in height, but at 20° only.
    assert centred.seen_by(AHEAD).between(0, 3).signs == (-1.0, 0.0, 0.0)
    assert centred.seen_by(AHEAD).between(1, 0).signs == (1.0, 1.0, 1.0)


def test_what_an_empty_slot_rests_on_is_told(triples, centred) -> None:
    triple = triples.seen_by(AHEAD).between(0, 3)
    right = triple.evidence()[0]
    assert right["sign"] == 0
    assert right["limit"] == pytest.approx(0.10)
    assert right["intervals"][1][0] - right["intervals"][0][1] == pytest.approx(0.05, abs=0.02)
    assert right["difference"] == pytest.approx(-0.425, abs=0.01)
    assert triples.thresholds()["relation_rule"] == "intervals"
    assert centred.thresholds()["centre_gap_m"] == 0.2


def test_swapping_the_objects_turns_every_word_round(triples, centred) -> None:
    for relations in (triples, centred):
        view = relations.seen_by(AHEAD)
        for a, b in ((0, 1), (2, 4), (5, 2), (3, 5)):
            there, back = view.between(a, b), view.between(b, a)
            assert there.signs == tuple(-sign for sign in back.signs)
            assert there.margins == pytest.approx(back.margins)


def test_turning_the_world_about_the_vertical_changes_nothing(scene, triples) -> None:
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    turned = triples_of(replace(scene, vertices=(scene.vertices @ turn.T + (3, -1, 0.5)).astype(np.float32)))
    here, there = np.array([0.5, -1.0, 0.7]), np.array([1.0, 2.0, 1.5])
    before = triples.seen_by(Observer.at(here, there, UP))
    after = turned.seen_by(Observer.at(turn @ here + (3, -1, 0.5), turn @ there + (3, -1, 0.5), UP))
    for a in range(len(BOXES)):
        assert after.to_observer(a).signs == before.to_observer(a).signs
        assert after.to_observer(a).differences == pytest.approx(before.to_observer(a).differences, abs=0.02)
        for b in {*range(len(BOXES))} - {a}:
            assert after.between(a, b).signs == before.between(a, b).signs


def test_order_in_the_image_must_agree_where_one_shows_both(triples) -> None:
    """From aside the cabinet is further right in metres, but so much farther away that it appears left of the stool."""
    camera = Camera(intrinsics(320, 240), look_at((0.0, 0.0, 0.5), (0.0, 5.0, 0.5)), 320, 240)
    observer = Observer.of_camera(camera, UP)
    cabinet, stool = 1, 3
    assert triples.seen_by(observer).between(cabinet, stool).signs[0] == 1
    assert triples.seen_by(observer, camera).between(cabinet, stool).signs[0] == 1
    aside = Camera(intrinsics(320, 240), look_at((-1.5, 0.9, 0.5), (-1.5, 5.0, 0.5)), 320, 240)
    observer = Observer.of_camera(aside, UP)
    assert triples.seen_by(observer).between(cabinet, stool).signs[0] == 1
    assert triples.seen_by(observer, aside).between(cabinet, stool).signs[0] == 0
    # What is not in front of the camera has no place in its image.
    assert triples.seen_by(observer, aside).between(2, stool).signs[:2] == (0, 0)


def test_levelled_cameras_keep_their_heading() -> None:
    tilted = Camera(intrinsics(320, 240), look_at((0, 0, 2.0), (3, 0, 0.5)), 320, 240)
    observer = Observer.of_camera(tilted, UP)
    assert observer.forward == pytest.approx([1, 0, 0])
    assert observer.right == pytest.approx([0, -1, 0])
    assert observer.local([[2.0, -1.0, 2.5]])[0] == pytest.approx([1.0, 0.5, 2.0])
    steep = Camera(intrinsics(320, 240), look_at((0, 0, 2.0), (0.5, 0, 0.5)), 320, 240)
    assert Observer.of_camera(steep, UP) is None


def test_nobody_faces_what_is_right_above() -> None:
    assert Observer.at((1, 1, 0), (1, 1, 2), UP) is None


def test_boxes_alone_give_what_box_shaped_surfaces_give(scene, triples) -> None:
    """Where a source tells boxes and no surfaces, relations are those of the boxes' sides."""
    boxes = [OrientedBox(low_high.mean(axis=0), np.ptp(low_high, axis=0), np.eye(3)) for low_high in BOXES]
    things = tuple(replace(thing, vertex_ids=None, box=own) for thing, own in zip(scene.instances, boxes, strict=True))
    bare = replace(scene, vertices=None, faces=None, vertex_instance=None, instances=things)
    alone = triples_of(bare).seen_by(AHEAD)
    view = triples.seen_by(AHEAD)
    for a in range(len(BOXES)):
        for b in {*range(len(BOXES))} - {a}:
            assert alone.between(a, b).signs == view.between(a, b).signs
            np.testing.assert_allclose(alone.between(a, b).intervals, view.between(a, b).intervals, atol=0.02)


def test_margin_is_the_least_of_what_is_said() -> None:
    nothing = ((0.0, 0.0), (0.0, 0.0))
    triple = Triple(("right", "up", "distance"), (1.0, 0.0, -1.0), (3.0, 0.0, 1.5), (nothing,) * 3, (0,) * 3, (1,) * 3)
    assert triple.margin == 1.5
