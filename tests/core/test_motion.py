"""Camera motion against definitions written out for one pair at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spatialgen.core.motion import (
    Headings,
    Poses,
    angles,
    camera_components,
    displacement,
    levelled_components,
    roll,
    turn,
)


def pose(heading: float, elevation: float, roll: float, centre: tuple[float, float, float]) -> np.ndarray:
    """camera_to_world of a camera with these angles in degrees; z is up, heading 0 looks along x, left is positive."""
    h, e, r = np.radians([heading, elevation, roll])
    forward = np.array([np.cos(h) * np.cos(e), np.sin(h) * np.cos(e), np.sin(e)])
    right = np.array([np.sin(h), -np.cos(h), 0.0])
    down = np.cross(forward, right)
    matrix = np.eye(4)
    matrix[:3, 0] = np.cos(r) * right + np.sin(r) * down
    matrix[:3, 1] = np.cos(r) * down - np.sin(r) * right
    matrix[:3, 2], matrix[:3, 3] = forward, centre
    return matrix


def poses_of(*matrices: np.ndarray) -> Poses:
    stack = np.array(matrices)
    return Poses(stack[:, :3, :3], stack[:, :3, 3])


ONE, TWO = np.array([0]), np.array([1])


@pytest.mark.parametrize("seed", range(20))
def test_displacement_is_the_translation_of_the_relative_pose(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (pose(*rng.uniform(-80, 80, 3), centre=tuple(rng.uniform(-3, 3, 3))) for _ in range(2))
    relative = np.linalg.inv(a) @ b
    found = displacement(poses_of(a, b), ONE, TWO)[0]
    np.testing.assert_allclose(found, relative[:3, 3], atol=1e-12)
    back = displacement(poses_of(a, b), TWO, ONE)[0]
    np.testing.assert_allclose(back, -relative[:3, :3].T @ found, atol=1e-12)


@pytest.mark.parametrize(("heading", "elevation", "roll"), [(0, 0, 0), (30, 40, 0), (-120, -55, 20), (90, 10, -90)])
def test_levelled_camera_keeps_its_heading_and_stands_upright(heading: float, elevation: float, roll: float) -> None:
    h = math.radians(heading)
    ahead, left = np.array([math.cos(h), math.sin(h), 0.0]), np.array([-math.sin(h), math.cos(h), 0.0])
    moved = 1.5 * ahead + 0.4 * left + 0.7 * np.array([0.0, 0.0, 1.0])
    start = np.array([2.0, -1.0, 1.5])
    cameras = poses_of(pose(heading, elevation, roll, tuple(start)), pose(0, 0, 0, tuple(start + moved)))
    headings = Headings.of(cameras, (0, 0, 1))
    np.testing.assert_allclose(levelled_components(cameras, headings, ONE, TWO)[0], [-0.4, 0.7, 1.5], atol=1e-12)


def test_camera_axes_have_up_against_their_y() -> None:
    np.testing.assert_array_equal(camera_components(np.array([[1.0, 2.0, 3.0]])), [[1.0, -2.0, 3.0]])


@pytest.mark.parametrize(
    ("from_heading", "to_heading", "yaw"), [(0, 30, 30), (170, -170, 20), (-100, 100, -160), (10, -80, -90)]
)
def test_yaw_is_the_change_of_heading_positive_to_the_left(from_heading: float, to_heading: float, yaw: float) -> None:
    cameras = poses_of(pose(from_heading, -30, 5, (0, 0, 0)), pose(to_heading, 20, -7, (1, 1, 1)))
    found, pitch = turn(Headings.of(cameras, (0, 0, 2)), ONE, TWO)
    assert math.degrees(found[0]) == pytest.approx(yaw)
    assert math.degrees(pitch[0]) == pytest.approx(50)


def test_any_direction_can_be_up() -> None:
    turned = np.eye(4)
    turned[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]  # z up becomes y up
    before = [pose(20, 10, 3, (0, 1, 2)), pose(75, -20, 0, (2, 0, 1))]
    one, two = poses_of(*before), poses_of(*(turned @ matrix for matrix in before))
    z_up, y_up = Headings.of(one, (0, 0, 1)), Headings.of(two, turned[:3, :3] @ (0, 0, 1))
    np.testing.assert_allclose(turn(z_up, ONE, TWO), turn(y_up, ONE, TWO), atol=1e-12)
    np.testing.assert_allclose(
        levelled_components(one, z_up, ONE, TWO), levelled_components(two, y_up, ONE, TWO), atol=1e-12
    )


@pytest.mark.parametrize("degrees", [-170.0, -90.0, -9.9, 0.0, 3.0, 120.0])
def test_roll_is_the_turn_about_the_optical_axis_clockwise_positive(degrees: float) -> None:
    poses = poses_of(*(pose(heading, elevation, degrees, (1, 2, 3)) for heading, elevation in ((0, 0), (-130, 55))))
    found = roll(poses, Headings.of(poses, (0, 0, 1)))
    np.testing.assert_allclose(np.degrees(found), degrees, atol=1e-9)


def test_angles_are_those_of_the_pair_in_order() -> None:
    poses = poses_of(pose(170, -20, 4, (0, 0, 1)), pose(-150, 5, 0, (1, 0, 1)))
    found = angles(Headings.of(poses, (0, 0, 1)), 0, 1)
    expected = {"elevation_1": -20, "elevation_2": 5, "yaw": 40, "pitch": 25}
    assert {name: math.degrees(value) for name, value in found.items()} == pytest.approx(expected)
