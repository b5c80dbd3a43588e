"""Relations of objects: against slow plain numpy, known cases, and the check that a question has one true option."""

from __future__ import annotations

import numpy as np
import pytest
from support.closed_form import intrinsics, look_at

from spatialgen.core.types import Camera
from spatialgen.engines.object_relations import (
    AXES,
    FrameRelations,
    RelationParameters,
    only_true,
    relation,
    truth_of,
)

PARAMETERS = RelationParameters()
UP = np.array([0.0, 0.0, 1.0])
LEVEL = Camera(intrinsics(320, 240), look_at((0, -3, 1), (0, 0, 1)), 320, 240)
"""At (0, -3, 1), looking along the world's y axis: right is +x, depth is y + 3."""


def blob(centre, half=0.2, count=200, seed=0):
    """Points spread evenly in a cube, (count, 3)."""
    return np.array(centre) + np.random.default_rng(seed).uniform(-half, half, (count, 3))


def slow_relation(a, b, camera, axis, up):
    """The definition, one object and one quantity at a time."""
    world_to_camera = np.linalg.inv(camera.camera_to_world)

    def quantities(samples):
        local = np.array([(world_to_camera @ [*point, 1.0])[:3] for point in samples])
        x, y, z = local.T
        if not (z > 0.1).all():
            return None
        ray = np.sqrt(x * x + y * y + z * z)
        metric = {"lr": [x], "ab": [samples @ up, -y], "fb": [z, ray]}[axis]
        image = {"lr": [x / z], "ab": [-y / z], "fb": []}[axis]
        ends = [(np.quantile(q, 0.02), np.quantile(q, 0.98)) for q in (*metric, *image)]
        return ends, len(metric), np.median(ray), samples.mean(axis=0)

    first, second = quantities(a), quantities(b)
    if first is None or second is None:
        return 0, 0.0
    limit = max(0.10, 0.05 * max(first[2], second[2], np.linalg.norm(first[3] - second[3])))
    for sign, (high, low) in ((1, (first, second)), (-1, (second, first))):
        gaps = [above[0] - below[1] for above, below in zip(high[0], low[0], strict=True)]
        metric, image = gaps[: first[1]], gaps[first[1] :]
        if min(metric) >= limit and all(gap > 0 for gap in image):
            return sign, min(metric) / limit
    return 0, 0.0


def test_agrees_with_the_definition_done_slowly():
    rng = np.random.default_rng(3)
    signs = []
    for _ in range(60):
        eye = rng.uniform([-1, -4, 0.5], [1, -2, 2])
        camera = Camera(intrinsics(320, 240), look_at(eye, rng.uniform(-1, 1, 3)), 320, 240)
        a, b = (blob(rng.uniform(-1.5, 1.5, 3), rng.uniform(0.05, 0.4), 60, seed) for seed in (1, 2))
        for axis in AXES:
            found = relation(a, b, camera, axis, PARAMETERS, up=UP)
            sign, margin = slow_relation(a, b, camera, axis, UP)
            assert found.sign == sign
            assert found.margin == pytest.approx(margin)
            signs.append(sign)
    assert min(signs.count(sign) for sign in (-1, 0, 1)) > 20


def test_words_go_the_way_the_picture_does():
    middle = blob((0, 0, 1))
    for axis, other in (("lr", (1, 0, 1)), ("ab", (0, 0, 2)), ("fb", (0, 2, 1))):
        found = relation(blob(other), middle, LEVEL, axis, PARAMETERS, up=UP)
        assert found.sign == 1
        assert found.margin >= 1
        assert found.interval_a[0] > found.interval_b[1]
        assert relation(middle, blob(other), LEVEL, axis, PARAMETERS, up=UP).sign == -1
        for rest in set(AXES) - {axis}:
            assert relation(blob(other), middle, LEVEL, rest, PARAMETERS, up=UP).sign == 0


@pytest.mark.parametrize(("gap", "sign"), [(0.11, 1), (0.09, 0)])
def test_a_narrow_gap_is_undecided(gap, sign):
    """Two flat walls of points 1.5 m away, so that ten centimetres decide."""
    column = np.stack(np.meshgrid([0.0, 0.01], np.full(10, -1.5), np.linspace(0.9, 1.1, 10)), -1).reshape(-1, 3)
    beside = column + np.array([0.01 + gap, 0, 0])
    assert relation(beside, column, LEVEL, "lr", PARAMETERS).sign == sign


def test_the_gap_grows_with_distance():
    near, far = blob((0, 0, 1), 0.01), blob((0, 6, 1), 0.01)
    shift = np.array([0.3, 0, 0])
    assert relation(near + shift, near, LEVEL, "lr", PARAMETERS).sign == 1
    assert relation(far + shift, far, LEVEL, "lr", PARAMETERS).sign == 0


def test_nothing_behind_the_camera_is_left_or_right():
    behind = blob((2, -5, 1))
    assert relation(behind, blob((0, 0, 1)), LEVEL, "lr", PARAMETERS).sign == 0
    half_behind = np.concatenate([blob((2, 0, 1)), [[2, -3.05, 1]]])
    assert relation(half_behind, blob((0, 0, 1), count=201), LEVEL, "lr", PARAMETERS).sign == 0


def test_the_image_must_show_the_same_order():
    """A far thing further right in metres can appear to the left of a near one."""
    near, far = blob((0.5, -1.5, 1), 0.05), blob((0.8, 3, 1), 0.05)
    assert relation(far, near, LEVEL, "lr", PARAMETERS).sign == 0


def test_higher_needs_gravity_and_the_camera_to_agree():
    """From above, what lies farther away is up in the picture, though no higher."""
    steep = Camera(intrinsics(320, 240), look_at((0, -3, 3), (0, 0, 0)), 320, 240)
    far, near = blob((0, 1.5, 0), 0.05), blob((0, -1, 0), 0.05)
    raised = far + np.array([0, 0, 0.5])
    assert relation(far, near, steep, "ab", PARAMETERS, up=UP).sign == 0
    assert relation(raised, near, steep, "ab", PARAMETERS, up=UP).sign == 1
    assert relation(raised, near, steep, "ab", PARAMETERS).sign == 0  # gravity unknown


def test_farther_needs_depth_and_distance_to_agree():
    """Far off to the side is farther from the camera's centre, though not from its plane."""
    aside, ahead = blob((4, -1.5, 1), 0.05), blob((0, 0, 1), 0.05)
    assert relation(aside, ahead, LEVEL, "fb", PARAMETERS).sign == 0


def test_an_object_without_surface_is_undecided():
    samples = np.stack([blob((0, 0, 1)), blob((1, 0, 1)), np.full((200, 3), np.nan)])
    view = FrameRelations(samples, LEVEL, PARAMETERS, UP)
    for axis in AXES:
        sign, margin = view.between(np.arange(3), 2, axis)
        assert sign.tolist() == [0, 0, 0]
        assert margin.tolist() == [0, 0, 0]
    sign, margin = view.between(np.arange(3)[:, None], np.arange(3), "lr")
    assert sign[:2, :2].tolist() == [[0, -1], [1, 0]]
    assert (sign == -sign.T).all()
    assert (margin == margin.T).all()


def test_no_objects():
    view = FrameRelations(np.zeros((0, 16, 3)), LEVEL, PARAMETERS, UP)
    assert view.between(np.zeros((0, 1), int), np.zeros(0, int), "ab")[0].shape == (0, 0)
    with pytest.raises(ValueError, match=r"shape \(n, k, 3\)"):
        FrameRelations(np.zeros((4, 3)), LEVEL, PARAMETERS, UP)


def test_the_published_item_with_two_true_options_is_refused():
    """SpatialMosaic's sample: the pillow is left of, higher than and closer than the sofa; two options say so."""
    lr, ab, fb = -1, 1, -1
    options = [truth_of(lr, -1), truth_of(lr, 1), truth_of(ab, 1), truth_of(fb, 1)]
    assert options == [True, False, True, False]
    assert only_true(options) is None
    mended = [truth_of(lr, -1), truth_of(lr, 1), truth_of(ab, -1), truth_of(fb, 1)]
    assert only_true(mended) == 0


@pytest.mark.parametrize(
    ("table", "place"),
    [([False, True], 1), ([True, None], None), ([False, False], None), ([True, True], None), ([], None)],
)
def test_one_option_is_true_and_all_others_strictly_false(table, place):
    assert only_true(table) == place
