"""How things move: eased between places of rest, rigid, and scaled to the clip."""

from __future__ import annotations

import numpy as np
import pytest

from spatialgen.core import seeding
from spatialgen.synth.materials import Palette
from spatialgen.synth.moving import Motion, ball, placed_pose, rests, toy_car
from spatialgen.synth.sources import SOURCES, file_stem
from spatialgen.synth.style import Style

UP = np.array([0.0, 0.0, 1.0])


def style() -> Style:
    return Style(Palette("motions"), seeding.generator("motions"))


def a_motion() -> Motion:
    base = placed_pose(1.0, -0.5, 0.2, 0.7)
    return Motion(
        base,
        np.array([0.0, 0.2, 0.7, 1.0]),
        np.array([[0, 0, 0], [0, 0, 0], [0.3, 0.4, 0], [0.3, 0.4, 0]], float),
        np.array([0.0, 0.0, 1.2, 1.2]),
        UP,
        np.array([1.5, -0.5, 0.0]),
    )


def test_a_motion_is_rigid_and_ends_where_it_says() -> None:
    motion = a_motion()
    poses = motion.poses(np.linspace(0, 1, 101))
    np.testing.assert_allclose(
        poses[:, :3, :3] @ poses[:, :3, :3].transpose(0, 2, 1), np.tile(np.eye(3), (101, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(poses[:, 3], np.tile([0, 0, 0, 1.0], (101, 1)))
    np.testing.assert_array_equal(poses[0], motion.base)
    c, s = np.cos(1.2), np.sin(1.2)
    end = np.array([1.5 - 0.5 * c + 0.3, -0.5 - 0.5 * s + 0.4, 0.2])
    np.testing.assert_allclose(poses[-1, :3, 3], end, atol=1e-12)
    np.testing.assert_allclose(np.arctan2(poses[-1, 1, 0], poses[-1, 0, 0]), 0.7 + 1.2)


def test_a_motion_rests_and_starts_without_a_jerk() -> None:
    at = np.linspace(0, 1, 1001)
    place = a_motion().poses(at)[:, :3, 3]
    speed = np.linalg.norm(np.diff(place, axis=0), axis=1) / 0.001
    assert speed[:195].max() < 1e-12
    assert speed[705:].max() < 1e-12
    assert speed[450] > 0.5
    assert np.abs(np.diff(speed)).max() < 0.03


@pytest.mark.parametrize(("seconds", "moves"), [(0.3, 1), (2.0, 1), (8.0, 2)])
def test_a_long_clip_has_two_moves(seconds: float, moves: int) -> None:
    taste = style()
    for calm in (False, True):
        times, far = rests(taste, seconds, calm=calm)
        assert times[0] == 0
        assert times[-1] == 1
        assert (np.diff(times) > 0.02).all()
        assert (np.diff(far) != 0).sum() == moves
        assert (far >= 0).all()
        assert far.max() == 1


def test_a_ball_is_round_and_a_car_stands_on_its_wheels() -> None:
    round_one = ball(style())
    np.testing.assert_allclose(np.linalg.norm(round_one.solid.positions, axis=1), round_one.width / 2, rtol=0.03)
    car = toy_car(style())
    assert abs(car.solid.positions[:, 2].min()) < 1e-9
    assert car.depth > car.width


def test_sources_have_the_numbers_of_the_dataset() -> None:
    adt, pstudio, drivetrack = SOURCES
    np.testing.assert_array_equal(adt.intrinsics(adt.size), [[280, 0, 256], [0, 280, 256], [0, 0, 1]])
    assert [(s.name, s.frames_per_second, s.moves) for s in SOURCES] == [
        ("adt", 30, True),
        ("pstudio", 30, False),
        ("drivetrack", 10, True),
    ]
    assert pstudio.size == (640, 360)
    names = [file_stem(source, 0, index) for source in SOURCES for index in range(50)]
    assert len(set(names)) == len(names)
    assert file_stem(drivetrack, 0, 2) != file_stem(drivetrack, 1, 2)
