"""Object movement against scenes whose every motion has a closed form."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from support.closed_form import look_at
from support.moving_bodies import Truth, make_moving, make_moving_scene

from spatialgen import engines
from spatialgen.core.projection import project
from spatialgen.core.types import Camera, Fact, Scene, Skip, Tracks, mark_radius
from spatialgen.errors import ConfigError, SceneError

ENGINE = engines.load("object_movement")
DISTANCE, DISPLACEMENT, STILL = (f"object_movement_{name}" for name in ("distance", "displacement", "still"))
NOISE = {"noise": 0.005, "flips": 0.015}


def stated(scene: Scene, limit: int = 100, preset: str = "default", seed: int = 0, **overrides: object) -> list[Fact]:
    parameters = ENGINE.configure(preset, overrides)
    found = ENGINE.facts(scene, limit=limit, parameters=parameters, seed=seed)
    return [item for item in found if isinstance(item, Fact)]


def skips(scene: Scene, task: str, **options: object) -> dict[str, int]:
    found = ENGINE.facts(scene, limit=20, **options)  # type: ignore[arg-type]
    return {item.reason: item.count for item in found if isinstance(item, Skip) and item.task == task}


def true_motion(scene: Scene, truth: Truth, fact: Fact) -> np.ndarray:
    """(3,): in the world, of the point that the mark points at."""
    first, second = (scene.frames[index].track_step for index in fact.frames)
    track = fact.evidence["tracks"][0]["track_index"]
    return truth.points[second, track] - truth.points[first, track]


@pytest.mark.parametrize("options", [{}, {"still_camera": True}, {"every": 3}], ids=str)
def test_values_equal_the_closed_form(options: dict) -> None:
    scene, truth = make_moving(**options)
    facts = stated(scene)
    assert Counter(fact.task for fact in facts) == {DISTANCE: 100, DISPLACEMENT: 100, STILL: 100}
    for fact in facts:
        motion = true_motion(scene, truth, fact)
        camera = scene.frames[fact.frames[0]].camera
        if fact.task == DISPLACEMENT:
            assert fact.value == pytest.approx(camera.world_to_camera[:3, :3] @ motion, abs=1e-9)
        elif fact.task == DISTANCE:
            assert fact.value == pytest.approx((np.linalg.norm(motion),), abs=1e-9)
            assert fact.value[0] >= 0.05
        else:
            assert fact.options == ("Yes", "No")
            assert fact.value == (1.0 - fact.answer_index,)  # type: ignore[operator]
            assert np.linalg.norm(motion) >= 0.05 if fact.answer_index == 0 else np.linalg.norm(motion) <= 0.01
        assert fact.margin is not None
        assert fact.margin >= 1


@pytest.mark.parametrize("options", [{}, NOISE], ids=str)
def test_the_mark_is_where_the_point_is_and_both_frames_show_it(options: dict) -> None:
    scene, truth = make_moving(**options)
    for fact in stated(scene):
        (mark,) = fact.points
        track = fact.evidence["tracks"][0]["track_index"]
        first, second = (scene.frames[index] for index in fact.frames)
        assert scene.tracks is not None
        # The mark is on the point itself, not where the track's noise carries it.
        xy, depth = project(truth.points[first.track_step, [track]], first.camera)
        assert (mark.image, mark.label, mark.role) == (0, "A", "target")
        assert (mark.x, mark.y) == pytest.approx(tuple(xy[0]), abs=1.5 if options else 1e-6)
        assert mark.depth == pytest.approx(depth[0], abs=0.01 if options else 1e-6)
        radius = mark_radius(first.camera.height)
        assert -0.5 + radius <= mark.x < first.camera.width - 0.5 - radius
        assert -0.5 + radius <= mark.y < first.camera.height - 0.5 - radius
        assert truth.visible[first.track_step, track]
        assert truth.visible[second.track_step, track]
        evidence = fact.evidence["tracks"][0]
        assert evidence["xyz_1"] == pytest.approx(scene.tracks.points[first.track_step, track], abs=1e-4)
        assert evidence["xyz_2"] == pytest.approx(scene.tracks.points[second.track_step, track], abs=1e-4)


def test_no_mark_lies_across_an_edge() -> None:
    scene, truth = make_moving(count=400)
    for fact in stated(scene, limit=200):
        step = fact.frames[0]
        xy, depth = project(truth.points[step], scene.frames[step].camera)
        track = fact.evidence["tracks"][0]["track_index"]
        near = np.hypot(*(xy - xy[track]).T) <= mark_radius(scene.frames[step].camera.height)
        near &= truth.visible[step]
        assert (np.abs(depth[near] - depth[track]) <= np.maximum(0.05, 0.05 * depth[track])).all()
        assert (truth.body[near] == truth.body[track]).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_under_noise_answers_are_right_at_half_the_yield_or_more(seed: int) -> None:
    clean, _ = make_moving(seed=seed, steps=30)
    noisy, truth = make_moving(seed=seed, steps=30, **NOISE)
    expected = Counter(fact.task for fact in stated(clean, 400))
    facts = stated(noisy, 400)
    found = Counter(fact.task for fact in facts)
    assert all(found[task] >= expected[task] / 2 for task in expected)
    wrong = Counter(
        (np.linalg.norm(true_motion(noisy, truth, fact)) >= 0.05) != (fact.answer_index == 0)
        for fact in facts
        if fact.task == STILL
    )
    assert wrong[True] <= 0.01 * wrong.total()
    unclear = [
        fact
        for fact in facts
        if fact.task == STILL and 0.0101 < np.linalg.norm(true_motion(noisy, truth, fact)) < 0.0499
    ]
    assert len(unclear) <= 0.01 * wrong.total()
    for fact in facts:
        if fact.task == DISTANCE:
            assert fact.value[0] == pytest.approx(np.linalg.norm(true_motion(noisy, truth, fact)), abs=0.035)
            assert fact.value[0] >= 19 * 0.005


@pytest.mark.parametrize("limit", [1, 2, 9, 60])
def test_yes_and_no_are_balanced_and_come_from_the_same_pairs_of_frames(limit: int) -> None:
    facts = [fact for fact in stated(make_moving_scene(), limit) if fact.task == STILL]
    assert len(facts) == limit
    sides = [Counter(fact.frames for fact in facts if fact.answer_index == side) for side in (0, 1)]
    assert abs(sides[0].total() - sides[1].total()) <= 1
    assert ((sides[0] - sides[1]) + (sides[1] - sides[0])).total() == limit % 2
    variants = Counter(fact.variant for fact in facts)
    assert abs(variants["dot"] - variants["coord"]) <= 1


def test_who_gets_the_odd_answer_depends_on_the_scene() -> None:
    odd = {next(f for f in stated(make_moving_scene(f"m{n}"), 1) if f.task == STILL).answer_index for n in range(8)}
    assert odd == {0, 1}


def test_both_sides_shrink_together() -> None:
    scene, _ = make_moving(steps=12)  # the drawer and the door hardly begin to move
    facts = [fact for fact in stated(scene, 5000) if fact.task == STILL]
    answers = Counter(fact.answer_index for fact in facts)
    assert answers[0] == answers[1] > 0
    assert skips(scene, STILL)["no point that moved to set against a still one"] > 0


def test_distances_are_spread_and_nothing_dominates() -> None:
    facts = [fact for fact in stated(make_moving_scene(), 100) if fact.task == DISTANCE]
    distances = np.array([fact.value[0] for fact in facts])
    counts = np.histogram(distances, 10)[0]
    assert counts.min() >= 5
    assert max(Counter(fact.evidence["tracks"][0]["track_index"] for fact in facts).values()) <= 8
    assert max(Counter(fact.frames for fact in facts).values()) <= 6
    assert max(Counter(fact.evidence["group"] for fact in facts).values()) <= 60


def test_no_item_is_asked_twice() -> None:
    items = [
        (fact.task, frozenset(fact.frames), fact.evidence["tracks"][0]["track_index"])
        for fact in stated(make_moving_scene(), 600)
    ]
    assert len(items) == len(set(items)) > 1000


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.05, 0.01, 0.12), (1.0, 1, 1)])
def test_a_share_of_pairs_is_shown_backwards(share: float, low: float, high: float) -> None:
    facts = stated(make_moving_scene(), 200, reversed_share=share)
    backwards = np.mean([fact.evidence["steps"][0] > fact.evidence["steps"][1] for fact in facts])
    assert low <= backwards <= high


def test_reversing_a_pair_turns_the_displacement_round() -> None:
    scene, _ = make_moving(steps=14)
    options = {"points_per_body": 500, "pairs_per_stratum": 10_000}
    there = {key(fact): fact for fact in stated(scene, 4000, reversed_share=0.0, **options)}
    back = {key(fact): fact for fact in stated(scene, 4000, reversed_share=1.0, **options)}
    same = [(there[k], back[k]) for k in there.keys() & back.keys() if k[0] == DISPLACEMENT]
    assert len(same) >= 50
    for one, other in same:
        assert one.frames == other.frames[::-1]
        first, second = (scene.frames[index].camera.camera_to_world[:3, :3] for index in one.frames)
        assert other.value == pytest.approx(-second.T @ first @ np.array(one.value), abs=1e-9)


def key(fact: Fact) -> tuple:
    return fact.task, frozenset(fact.frames), fact.evidence["tracks"][0]["track_index"]


def in_another_world(scene: Scene, pose: np.ndarray) -> Scene:
    def moved(camera: Camera) -> Camera:
        return replace(camera, camera_to_world=pose @ camera.camera_to_world)

    assert scene.tracks is not None
    points = scene.tracks.points @ pose[:3, :3].T + pose[:3, 3]
    frames = tuple(replace(frame, camera=moved(frame.camera)) for frame in scene.frames)
    return replace(scene, frames=frames, tracks=replace(scene.tracks, points=points), up=None)


def test_rotating_and_shifting_the_world_changes_nothing() -> None:
    scene = make_moving_scene()
    before = {key(fact): fact for fact in stated(scene)}
    after = {key(fact): fact for fact in stated(in_another_world(scene, look_at((4, -7, 3), (0, 1, 0.5))))}
    same = before.keys() & after.keys()
    assert len(same) >= 0.95 * len(before)
    for k in same:
        assert after[k].value == pytest.approx(before[k].value, abs=1e-9)
        assert after[k].answer_index == before[k].answer_index


def test_evidence_says_what_the_camera_did() -> None:
    assert {fact.evidence["cam_moving"] for fact in stated(make_moving_scene(still_camera=True))} == {False}
    assert True in {fact.evidence["cam_moving"] for fact in stated(make_moving_scene())}
    for fact in stated(make_moving_scene(), 20):
        assert fact.evidence["tracks"][0]["has_extrinsics"] is True
        assert fact.evidence["point_moving"] == (fact.answer_index != 1)


def test_motion_in_the_camera_frame_is_refused() -> None:
    scene = make_moving_scene()
    assert scene.tracks is not None
    local = replace(scene, tracks=replace(scene.tracks, space="camera"))
    for task in (DISTANCE, DISPLACEMENT, STILL):
        assert any("extrinsics_w2c" in reason for reason in skips(local, task))
    assert stated(local) == []


def test_a_scene_without_tracks_is_told_of_those_alone() -> None:
    scan = replace(make_moving_scene(), tracks=None)
    for task in (DISTANCE, DISPLACEMENT, STILL):
        assert list(skips(scan, task)) == ["scene has no point tracks through a video (TAPVid-3D scenes have them)"]


def test_nothing_moves() -> None:
    scene = make_moving_scene(frozen=True)
    assert stated(scene) == []
    assert "no visible point moves far enough" in skips(scene, DISTANCE)
    assert "no visible point moves far enough" in skips(scene, STILL)


def test_everything_moves() -> None:
    scene = make_moving_scene(still_camera=True)
    assert scene.tracks is not None
    drift = np.linspace(0, 3, len(scene.tracks.points))[:, None, None] * [1.0, 0.0, 0.0]
    tracks = replace(scene.tracks, points=scene.tracks.points[:1] + drift * 0.3, visible=scene.tracks.visible)
    moving = replace(scene, tracks=tracks)
    assert {fact.task for fact in stated(moving)} >= {DISTANCE, DISPLACEMENT}


@pytest.mark.parametrize("preset", ["default", "multispa"])
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_tiny_scenes_give_reasons(preset: str, count: int, steps: int) -> None:
    scene = make_moving_scene(steps=steps)
    assert scene.tracks is not None
    tracks = Tracks(scene.tracks.points[:, :count], scene.tracks.visible[:, :count], "world", 0.1)
    found = list(ENGINE.facts(replace(scene, tracks=tracks), parameters=ENGINE.configure(preset)))
    assert {item.task for item in found} == {DISTANCE, DISPLACEMENT, STILL}
    assert any(isinstance(item, Skip) for item in found)


def test_what_is_never_visible_or_not_a_number_is_not_asked_about() -> None:
    scene = make_moving_scene()
    assert scene.tracks is not None
    nowhere = replace(scene, tracks=replace(scene.tracks, visible=np.zeros_like(scene.tracks.visible)))
    assert stated(nowhere) == []
    points = scene.tracks.points.copy()
    points[:, ::2] = np.nan
    asked = {
        fact.evidence["tracks"][0]["track_index"]
        for fact in stated(replace(scene, tracks=replace(scene.tracks, points=points)))
    }
    assert asked
    assert all(track % 2 for track in asked)


def test_frames_without_tracks_are_left_out() -> None:
    scene = make_moving_scene()
    frames = tuple(replace(frame, track_step=None) if i % 2 else frame for i, frame in enumerate(scene.frames))
    assert all(index % 2 == 0 for fact in stated(replace(scene, frames=frames)) for index in fact.frames)
    one = replace(scene, frames=(scene.frames[3], replace(scene.frames[3], id="again")))
    assert any("fewer than two moments" in reason for reason in skips(one, STILL))


def test_a_step_that_the_tracks_do_not_have_is_an_error() -> None:
    scene = make_moving_scene()
    frames = (*scene.frames[:-1], replace(scene.frames[-1], track_step=40))
    with pytest.raises(SceneError, match="step 40"):
        stated(replace(scene, frames=frames))


def test_published_preset_asks_from_one_centimetre_about_few_points_of_a_group() -> None:
    scene, truth = make_moving(count=240)
    facts = stated(scene, 400, preset="multispa")
    values = [fact.value[0] for fact in facts if fact.task == DISTANCE]
    assert min(values) < 0.05
    assert min(values) >= 0.01
    asked = {(fact.evidence["group"], fact.evidence["tracks"][0]["track_index"]) for fact in facts}
    assert max(Counter(group for group, _ in asked).values()) <= 15
    assert all(group >= 0 for group, _ in asked)
    for fact in facts:
        if fact.task == DISTANCE:
            assert fact.value[0] == pytest.approx(np.linalg.norm(true_motion(scene, truth, fact)), abs=1e-9)


def test_still_cannot_reach_further_than_moved() -> None:
    with pytest.raises(ConfigError, match="most_stillness"):
        ENGINE.configure(overrides={"most_stillness": 0.06})
