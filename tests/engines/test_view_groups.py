"""Pairs and triples of frames that are told apart and linked, and the frames of a video."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from pydantic import ValidationError
from support.closed_form import make_scene

from spatialgen.core.geometry import SceneGeometry
from spatialgen.engines.view_groups import ViewGroupParameters, ViewGroups


@pytest.fixture(scope="module")
def geometry() -> SceneGeometry:
    return SceneGeometry(make_scene(frames=24))


@pytest.fixture(scope="module")
def groups(geometry: SceneGeometry) -> ViewGroups:
    return ViewGroups(geometry, ViewGroupParameters())


def turn_and_way(geometry: SceneGeometry, i: int, j: int) -> tuple[float, float]:
    one, other = (geometry.scene.frames[k].camera.camera_to_world for k in (i, j))
    cosine = (np.trace(one[:3, :3].T @ other[:3, :3]) - 1) / 2
    return math.degrees(math.acos(np.clip(cosine, -1, 1))), float(np.linalg.norm(one[:3, 3] - other[:3, 3]))


def test_pairs_are_all_that_are_in_range_in_both_orders(geometry: SceneGeometry, groups: ViewGroups) -> None:
    wanted = set()
    for i in range(24):
        for j in range(24):
            degrees, metres = turn_and_way(geometry, i, j)
            moved = (degrees >= 10 or metres >= 0.3) and degrees <= 90 and metres <= 3
            if i != j and moved and 0.1 <= geometry.overlap.iou[i, j] <= 0.8:
                wanted.add((i, j))
    pairs = groups.pairs(np.random.default_rng(0))
    assert set(pairs) == wanted
    assert len(pairs) == len(wanted) > 50
    assert groups.pairs(np.random.default_rng(0)) == pairs
    assert groups.pairs(np.random.default_rng(1)) != pairs


def test_first_frames_take_turns(groups: ViewGroups) -> None:
    firsts = [first for first, _ in groups.pairs(np.random.default_rng(0))]
    assert len(set(firsts[: len(set(firsts))])) == len(set(firsts))


def test_triples_are_linked_and_told_apart(geometry: SceneGeometry, groups: ViewGroups) -> None:
    rng = np.random.default_rng(0)
    shown = rng.random((24, 5)) < 0.4
    triples = groups.triples(40, rng, shown)
    assert len({frozenset(triple) for triple in triples}) == len(triples) == 40
    for triple in triples:
        links = 0
        for i, j in combinations(triple, 2):
            degrees, metres = turn_and_way(geometry, i, j)
            assert degrees >= 10 or metres >= 0.3
            assert geometry.overlap.iou[i, j] <= 0.8
            links += geometry.overlap.iou[i, j] >= 0.1
        assert links >= 2
        first, *others = triple
        assert (shown[others].any(axis=0) & ~shown[first]).any()
    firsts = [triple[0] for triple in triples]
    assert max(firsts.count(frame) for frame in firsts) <= 4


def test_no_triple_where_the_first_frame_shows_everything(groups: ViewGroups) -> None:
    assert groups.triples(5, np.random.default_rng(0), np.ones((24, 3), dtype=bool)) == []


@pytest.mark.parametrize(
    ("frames", "wanted", "expected"),
    [
        (24, 32, tuple(range(24))),
        (24, 24, tuple(range(24))),
        (24, 6, (2, 6, 10, 14, 18, 22)),
        (24, 5, (2, 7, 12, 16, 21)),
    ],
)
def test_a_video_is_spread_evenly(geometry: SceneGeometry, frames: int, wanted: int, expected: tuple[int, ...]) -> None:
    assert len(geometry.scene.frames) == frames
    assert ViewGroups(geometry, ViewGroupParameters(video_frames=wanted)).video() == expected


def test_videos_are_spread_over_the_way_and_over_stretches_of_it(geometry: SceneGeometry) -> None:
    groups = ViewGroups(geometry, ViewGroupParameters(video_frames=6))
    found = groups.videos(9)
    assert found[0] == groups.video()
    assert len(found) == len(set(found)) == 9
    for video in found:
        steps = np.diff(video)
        assert len(video) == 6
        assert 1 <= steps.min() <= steps.max() <= steps.min() + 1
        assert 0 <= video[0] <= video[-1] < len(geometry.scene.frames)
    for k, one in enumerate(found):
        assert all(len(set(one) & set(other)) <= 4 for other in found[:k])
    assert found[:4] == groups.videos(4)
    spans = [video[-1] - video[0] for video in groups.videos(100)]
    assert min(spans) < max(spans) / 2
    assert ViewGroups(geometry, ViewGroupParameters(video_frames=24)).videos(9) == [tuple(range(24))]


def test_evidence_leads_from_one_camera_to_the_other(geometry: SceneGeometry, groups: ViewGroups) -> None:
    found = groups.evidence((3, 9, 15))
    assert [pair["images"] for pair in found] == [[0, 1], [0, 2], [1, 2]]
    frames = geometry.scene.frames
    for pair in found:
        one, other = (frames[(3, 9, 15)[k]].camera for k in pair["images"])
        motion = one.world_to_camera @ other.camera_to_world
        np.testing.assert_allclose(pair["R_12"], motion[:3, :3], atol=1e-8)
        np.testing.assert_allclose(pair["t_12"], motion[:3, 3], atol=1e-5)
    assert groups.largest_overlap((3,)) is None
    assert groups.largest_overlap((3, 9, 15)) == pytest.approx(max(pair["overlap_iou"] for pair in found), abs=1e-6)


def test_a_scene_of_one_frame_has_no_groups() -> None:
    scene = make_scene(frames=2)
    groups = ViewGroups(SceneGeometry(replace(scene, frames=scene.frames[:1])), ViewGroupParameters())
    rng = np.random.default_rng(0)
    assert groups.pairs(rng) == groups.triples(3, rng) == []
    assert groups.video() == (0,)


@pytest.mark.parametrize("wrong", [{"least_turn": 90.0}, {"least_baseline": 3.0}, {"least_overlap": 0.8}])
def test_limits_are_in_order(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="must be below"):
        ViewGroupParameters(**wrong)  # type: ignore[arg-type]
