"""Rigid bodies from tracks: the published formula against scipy, the robust default against closed-form motion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist
from support.closed_form import look_at
from support.moving_bodies import make_moving
from support.scores import adjusted_rand

from spatialgen.core import rigid_search
from spatialgen.core.rigid import RIGID_PRESETS, RigidSettings, body_motion, distance_change_losses, segment
from spatialgen.core.rigid_motion import fit_motion, follow, identity_motion, noise_of, prepare, steady_visibility
from spatialgen.core.types import Tracks

PUBLISHED = RIGID_PRESETS["multispa"]


def tracks_of(
    points: np.ndarray, visible: np.ndarray | None = None, space: str = "world", seconds: float = 0.1
) -> Tracks:
    shown = np.ones(points.shape[:2], bool) if visible is None else visible
    return Tracks(points, shown, space, seconds)  # type: ignore[arg-type]


def plain_losses(points: np.ndarray, least: float = 0.01) -> np.ndarray:
    """The formula as published, one scipy distance matrix a step."""
    losses = np.zeros(points.shape[1] * (points.shape[1] - 1) // 2)
    before = pdist(points[0])
    for step in points[1:]:
        now = pdist(step)
        change = np.abs(now - before)
        losses += np.where(change > least, change, 0.0)
        before = now
    return losses


def plain_groups(points: np.ndarray, least_size: int = 6) -> list[frozenset[int]]:
    labels = fcluster(linkage(plain_losses(points), "average"), 0.1, criterion="distance")
    groups = [frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]
    return sorted((g for g in groups if len(g) >= least_size), key=lambda g: (-len(g), min(g)))


def as_sets(group: np.ndarray) -> list[frozenset[int]]:
    return [frozenset(np.flatnonzero(group == number).tolist()) for number in range(group.max(initial=-1) + 1)]


def adversarial() -> Iterator[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(5)
    still = np.repeat(rng.uniform(0, 3, (1, 40, 3)), 12, axis=0)
    yield "still", still
    yield "walk", still + np.cumsum(rng.normal(0, 0.004, still.shape), axis=0)
    yield "random", rng.uniform(0, 3, (9, 23, 3))
    grid = np.stack(np.meshgrid(*[np.arange(4.0)] * 3), -1).reshape(-1, 3)
    moving = np.repeat(grid[None], 6, axis=0)
    moving[3:, ::2, 0] += 0.02
    yield "ties", moving
    yield "exactly the threshold", moving * [0.5, 1, 1]
    same = still.copy()
    same[:, 20:] = same[:, :20]
    same[5:, :7, 1] += 0.3
    yield "duplicates", same
    missing = still + rng.normal(0, 0.006, still.shape)
    missing[rng.random(missing.shape[:2]) < 0.3] = np.nan
    yield "missing", missing
    yield "never there", np.where(np.arange(40)[None, :, None] < 9, np.nan, still)
    yield "two steps", still[:2] * np.array([1.0, 1.1])[:, None, None]
    many = np.repeat(rng.uniform(0, 3, (1, 300, 3)), 5, axis=0)
    many[2:, 100:180] += [0.0, 0.2, 0.05]
    many[3:, 250:] *= 1.05
    yield "more than a block", many + rng.normal(0, 0.001, many.shape)


@pytest.mark.parametrize(("name", "points"), list(adversarial()), ids=[name for name, _ in adversarial()])
def test_published_groups_equal_scipys(name: str, points: np.ndarray) -> None:
    losses = distance_change_losses(points, 0.01)
    assert np.array_equal(losses, plain_losses(points)), name
    assert as_sets(segment(tracks_of(points), PUBLISHED).group) == plain_groups(points)


def test_published_groups_of_the_video_equal_scipys() -> None:
    for noise in (0.0, 0.002, 0.005):
        scene, _ = make_moving(noise=noise, flips=0.01)
        assert scene.tracks is not None
        points = scene.tracks.points
        assert np.isnan(points).any()
        assert as_sets(segment(scene.tracks, PUBLISHED).group) == plain_groups(points)


def test_noise_splits_what_stands_still_under_the_published_formula_and_not_by_default() -> None:
    rng = np.random.default_rng(0)
    points = np.repeat(rng.uniform(0, 3, (1, 30, 3)), 60, axis=0) + rng.normal(0, 0.005, (60, 30, 3))
    assert segment(tracks_of(points), PUBLISHED).sizes.tolist() == []
    found = segment(tracks_of(points))
    assert found.sizes.tolist() == [30]
    assert found.noise == pytest.approx(0.005, rel=0.1)


@pytest.mark.kernel
@pytest.mark.parametrize("settings", RIGID_PRESETS.values(), ids=RIGID_PRESETS)
@pytest.mark.parametrize("steps", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_tiny_inputs(settings: RigidSettings, steps: int, count: int) -> None:
    points = np.repeat(np.random.default_rng(1).uniform(0, 1, (1, count, 3)), steps, axis=0)
    group = segment(tracks_of(points), settings).group
    assert group.shape == (count,)
    assert group.dtype == np.int32
    # One moment tells nothing; the published formula then finds no change, hence one body.
    together = count >= settings.least_size and (steps >= 2 or (settings.method == "published"))
    assert group.tolist() == [0 if together else -1] * count


@pytest.mark.kernel
def test_losses_uncompiled() -> None:
    rng = np.random.default_rng(2)
    points = rng.uniform(0, 1, (4, 9, 3))
    points[1, 3] = np.nan
    points[2, 4] = np.inf
    clean = np.where(np.isfinite(points).all(axis=2, keepdims=True), points, np.nan)
    assert np.array_equal(distance_change_losses(points, 0.01), plain_losses(clean))


@pytest.mark.kernel
def test_spreads_against_the_plain_loop() -> None:
    rng = np.random.default_rng(3)
    points, shown = rng.uniform(0, 1, (12, 8, 3)), rng.random((12, 8)) < 0.7
    clip = replace(prepare(tracks_of(points, shown), 0.4, 0.005, 4.5), least_count=2)
    assert clip.starts.tolist() == [0, 3, 6, 9, 12]
    agree, known = rigid_search._agreement(clip, np.arange(8), RigidSettings(tolerance=0.05))
    noise = clip.noise / np.sqrt(2)
    for i in range(8):
        for j in range(8):
            means = []
            for a, b in zip(clip.starts[:-1], clip.starts[1:], strict=True):
                both = [t for t in range(a, b) if shown[t, i] and shown[t, j]]
                if len(both) >= 2:
                    means.append(np.mean([np.linalg.norm(points[t, i] - points[t, j]) for t in both]))
            assert known[i, j] == (len(means) >= 2)
            allowed = max(0.1, 6.5 * np.hypot(noise[i], noise[j]))
            assert agree[i, j] == (len(means) >= 2 and max(means) - min(means) <= allowed)


@pytest.mark.kernel
def test_a_fitted_motion_is_the_true_one() -> None:
    rng = np.random.default_rng(4)
    body = rng.uniform(-0.3, 0.3, (9, 3))
    poses = [look_at((1 + 0.1 * t, 0.2 * t, 1.0), (3, 0.3, 1.2)) for t in range(6)]
    points = np.stack([body @ pose[:3, :3].T + pose[:3, 3] for pose in poses])
    shown = rng.random(points.shape[:2]) < 0.85
    clip = prepare(tracks_of(np.where(shown[..., None], points, np.nan), shown), 0.5, 0.005, 4.5)
    motion = fit_motion(clip, np.ones(9, bool))
    assert motion.known.all()
    for a in range(6):
        assert motion.positions(a) == pytest.approx(points[a], abs=1e-9)  # also where they were not seen
    fit = follow(clip, motion)
    assert fit.worst.max() < 1e-6
    assert fit.fits.all()
    assert not follow(clip, identity_motion(clip)).fits.any()


CASES = {
    "clean": {},
    "noisy": {"noise": 0.005, "flips": 0.02},
    "fast frames": {"noise": 0.005, "flips": 0.01, "step_seconds": 1 / 30, "steps": 120},
    "slow frames": {"noise": 0.003, "flips": 0.02, "step_seconds": 0.2, "steps": 25},
    "still camera": {"noise": 0.005, "flips": 0.015, "still_camera": True, "seed": 3},
}


@pytest.mark.parametrize("case", CASES)
def test_bodies_are_found(case: str) -> None:
    scene, truth = make_moving(count=240, **CASES[case])  # type: ignore[arg-type]
    assert scene.tracks is not None
    found = segment(scene.tracks)
    often = truth.visible.sum(axis=0) >= 0.2 * len(truth.visible)
    assert adjusted_rand(truth.body[often], found.group[often]) >= 0.95
    assert found.noise == pytest.approx(CASES[case].get("noise", 0.0), rel=0.15, abs=1e-9)
    assert (found.group[truth.visible.sum(axis=0) == 0] == -1).all()
    assert sorted(found.sizes, reverse=True) == found.sizes.tolist()


def test_bodies_are_the_same_in_the_frame_of_a_moving_camera() -> None:
    scene, truth = make_moving(count=240, noise=0.002, flips=0.01)
    assert scene.tracks is not None
    local = np.stack(
        [
            here @ frame.camera.world_to_camera[:3, :3].T + frame.camera.world_to_camera[:3, 3]
            for here, frame in zip(scene.tracks.points, scene.frames, strict=True)
        ]
    )
    found = segment(tracks_of(local, scene.tracks.visible, "camera"))
    often = truth.visible.sum(axis=0) >= 0.2 * len(truth.visible)
    assert adjusted_rand(truth.body[often], found.group[often]) >= 0.95


def two_boards(steps: int, shift: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points of one that stands still and one that is shifted (steps,) along x; and which is which."""
    points = np.repeat(rng.uniform(0, 2, (1, 60, 3)), steps, axis=0)
    points[:, 30:, 0] += shift[:, None]
    return points, np.repeat([0, 1], 30)


def test_slow_and_brief_motions_are_found_under_noise() -> None:
    rng = np.random.default_rng(6)
    steps = np.arange(300)
    slow = 0.01 * steps / 30  # 1 cm a second
    brief = np.where(steps < 280, 0.0, 0.06)
    there_and_back = np.where((steps > 140) & (steps < 165), 0.08, 0.0)
    for shift in (slow, brief, there_and_back):
        points, body = two_boards(300, shift, rng)
        noisy = points + rng.normal(0, 0.005, points.shape)
        assert adjusted_rand(body, segment(tracks_of(noisy, seconds=1 / 30)).group) >= 0.95


@pytest.mark.parametrize("space", ["world", "camera"])
def test_points_never_visible_together_are_joined_through_others(space: str) -> None:
    rng = np.random.default_rng(7)
    steps = 80
    # A long board slides past: its ends are never visible at the same time.
    points = np.sort(rng.uniform(0, 8, (60, 1)), axis=0) * [1, 0, 0] + rng.uniform(0, 1, (60, 3)) * [0, 1, 1]
    moving = points[None] - np.linspace(0, 7, steps)[:, None, None] * [1, 0, 0]
    shown = (moving[..., 0] > 0) & (moving[..., 0] < 2.5)
    assert not (shown[:, 0] & shown[:, -1]).any()
    noisy = np.where(shown[..., None], moving + rng.normal(0, 0.002, moving.shape), np.nan)
    group = segment(tracks_of(noisy, shown, space)).group
    told = shown.sum(axis=0) >= 10
    assert set(group[told].tolist()) == {0}


def test_everything_still_is_one_body_even_in_parts_never_seen_together() -> None:
    rng = np.random.default_rng(8)
    points = np.repeat(rng.uniform(0, 2, (1, 40, 3)), 40, axis=0)
    shown = np.zeros((40, 40), bool)
    shown[:20, :20] = shown[20:, 20:] = True
    assert segment(tracks_of(points, shown)).sizes.tolist() == [40]
    # In the frame of an unknown camera nobody can know that.
    assert segment(tracks_of(points, shown, "camera")).sizes.tolist() == [20, 20]


def test_a_point_seen_only_while_nothing_moves_belongs_to_its_neighbours() -> None:
    rng = np.random.default_rng(9)
    shift = np.where(np.arange(60) < 30, 0.0, 0.3)
    points, body = two_boards(60, shift, rng)
    points[:, 30:, 1] += 5.0  # apart from the first
    shown = np.ones((60, 60), bool)
    shown[25:, 40] = shown[25:, 10] = False
    group = segment(tracks_of(points, shown)).group
    assert group[40] == group[45] != group[10] == group[5]
    assert adjusted_rand(body, group) == 1.0


def test_rarely_visible_points_belong_to_none() -> None:
    rng = np.random.default_rng(10)
    points = np.repeat(rng.uniform(0, 2, (1, 20, 3)), 60, axis=0)
    shown = np.ones((60, 20), bool)
    shown[:, :3] = False
    shown[7:9, 1] = shown[30, 2] = True
    assert segment(tracks_of(points, shown)).group.tolist() == [-1] * 3 + [0] * 17


def test_more_points_than_are_compared_pairwise() -> None:
    scene, truth = make_moving(count=240, noise=0.003)
    assert scene.tracks is not None
    often = truth.visible.sum(axis=0) >= 8
    few = segment(scene.tracks, RigidSettings(max_points=80)).group
    assert adjusted_rand(truth.body[often], few[often]) >= 0.95
    part = segment(scene.tracks, replace(PUBLISHED, max_points=80, least_size=2)).group
    assert np.count_nonzero(part >= 0) <= 80


def test_turning_and_shifting_the_world_changes_no_group() -> None:
    scene, _ = make_moving(noise=0.004, flips=0.01)
    assert scene.tracks is not None
    pose = look_at((3, -8, 2), (1, 1, 1))
    turned = tracks_of(scene.tracks.points @ pose[:3, :3].T + pose[:3, 3], scene.tracks.visible)
    assert np.array_equal(segment(turned).group, segment(scene.tracks).group)


def test_order_of_points_does_not_matter() -> None:
    scene, _ = make_moving(noise=0.004)
    assert scene.tracks is not None
    order = np.random.default_rng(11).permutation(scene.tracks.points.shape[1])
    mixed = segment(tracks_of(scene.tracks.points[:, order], scene.tracks.visible[:, order])).group
    assert adjusted_rand(mixed, segment(scene.tracks).group[order]) >= 0.99


@pytest.mark.kernel
def test_flickers_are_not_visibility() -> None:
    flags = np.zeros((40, 4), bool)
    flags[10:20, 0] = True
    flags[14, 0] = False  # a gap cuts nothing short but itself
    flags[[5, 9, 10], 1] = True  # one step, then two
    flags[:1, 2] = True  # may have begun long before
    flags[38:, 3] = True
    steady = steady_visibility(tracks_of(np.ones((40, 4, 3)), flags))
    assert np.flatnonzero(steady[:, 0]).tolist() == [10, 11, 12, 13, 15, 16, 17, 18, 19]
    assert not steady[:, 1].any()
    assert steady[:, 2:].sum(axis=0).tolist() == [1, 2]


def test_noise_is_measured_whatever_the_motion() -> None:
    rng = np.random.default_rng(12)
    time = np.arange(200)[:, None, None] / 30
    path = np.sin(0.7 * time + rng.uniform(0, 6, (1, 50, 3)))
    assert noise_of(path, np.ones((200, 50), bool))[0] < 5e-4
    noisy = path + rng.normal(0, 0.005, path.shape)
    assert noise_of(noisy, np.ones((200, 50), bool))[0] == pytest.approx(0.005, rel=0.1)
    assert noise_of(noisy[:2], np.ones((2, 50), bool))[0] == 0.0


def test_wrong_shapes_are_a_programmers_mistake() -> None:
    with pytest.raises(ValueError, match="shape"):
        distance_change_losses(np.zeros((3, 4)), 0.01)


def test_body_motion_is_unknown_where_too_few_points_are_visible() -> None:
    points = np.repeat(np.random.default_rng(13).uniform(0, 1, (1, 8, 3)), 20, axis=0)
    shown = np.ones((20, 8), bool)
    shown[10:15, 2:] = False
    groups = segment(tracks_of(points + np.linspace(0, 1, 20)[:, None, None], shown))
    motion = body_motion(groups, 0)
    assert groups.still == -1
    assert np.flatnonzero(~motion.known).tolist() == [10, 11, 12, 13, 14]
    assert np.isnan(motion.positions(12)).all()
    assert not fit_motion(groups.clip, np.zeros(8, bool)).known.any()


def test_what_stands_still_stands_still_at_every_step() -> None:
    scene, truth = make_moving(noise=0.005)
    assert scene.tracks is not None
    groups = segment(scene.tracks)
    assert groups.still == 0
    motion = body_motion(groups, groups.still)
    mine = groups.group == 0
    assert motion.known.all()
    assert np.abs(motion.positions(7) - truth.points[7])[mine].max() < 0.01
