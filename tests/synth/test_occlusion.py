"""The kernel that hides points behind triangles, against each triangle and point compared one by one."""

from __future__ import annotations

import numpy as np
import pytest

from spatialgen.synth._occlusion import cover

WIDTH, HEIGHT, CELL, NEAR = 50, 34, 16, 0.05

pytestmark = pytest.mark.kernel


def hidden_by(pixels: np.ndarray, depth: np.ndarray, faces: np.ndarray, points: np.ndarray, limits: np.ndarray) -> list:
    columns, rows = -(-WIDTH // CELL), -(-HEIGHT // CELL)
    column, row = np.floor((points + 0.5) / CELL).astype(int).T
    cell = row * columns + column
    starts = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=rows * columns))])
    hidden = np.zeros(len(points), np.bool_)
    order = np.argsort(cell, kind="stable")
    cover(
        pixels, depth, faces.astype(np.int32), NEAR, points, limits, order, starts, columns, rows, float(CELL), hidden
    )
    return hidden.tolist()


def test_random_triangles() -> None:
    rng = np.random.default_rng(0)
    pixels, depth = rng.uniform((-20, -20), (WIDTH + 20, HEIGHT + 20), (60, 2)), rng.uniform(0.02, 3, 60)
    faces = rng.integers(60, size=(25, 3))
    points = np.floor(rng.uniform((-0.5, -0.5), (WIDTH - 0.5, HEIGHT - 0.5), (80, 2)) * 4) / 4
    points = np.clip(points, -0.5, None)
    limits = rng.uniform(0.1, 1.2, 80)
    expected = []
    for point, limit in zip(points, limits, strict=True):
        covered = False
        for a, b, c in faces:
            if len({a, b, c}) < 3 or min(depth[[a, b, c]]) <= NEAR:
                continue
            share = np.linalg.solve(np.vstack([pixels[[a, b, c]].T, np.ones(3)]), [*point, 1.0])
            covered |= bool((share >= 0).all() and 1 / (share @ (1 / depth[[a, b, c]])) < limit)
        expected.append(covered)
    assert 0.2 < np.mean(expected) < 0.9
    assert hidden_by(pixels, depth, faces, points, limits) == expected


def test_borders_of_the_image_and_of_cells() -> None:
    whole = np.array([[-200.0, -200.0], [400.0, -200.0], [-200.0, 400.0]])
    corners = np.array([[-0.5, -0.5], [WIDTH - 0.51, HEIGHT - 0.51], [15.5, 15.5], [15.49, 15.49], [31.5, 0.0]])
    near, far = np.full(3, 1.0), np.full(3, 2.0)
    faces = np.array([[0, 1, 2]])
    assert hidden_by(whole, near, faces, corners, np.full(5, 1.5)) == [True] * 5
    assert hidden_by(whole, far, faces, corners, np.full(5, 1.5)) == [False] * 5
    outside = whole + 1000
    assert hidden_by(outside, near, faces, corners, np.full(5, 1.5)) == [False] * 5
    assert hidden_by(whole, near, np.zeros((0, 3)), corners, np.full(5, 1.5)) == [False] * 5


def test_a_points_own_triangle_does_not_hide_it() -> None:
    triangle, depth = np.array([[0.0, 0.0], [30.0, 0.0], [0.0, 30.0]]), np.array([1.0, 2.0, 4.0])
    share = np.array([0.2, 0.5, 0.3])
    point, own = share @ triangle, 1 / (share @ (1 / depth))
    faces = np.array([[0, 1, 2]])
    assert hidden_by(triangle, depth, faces, point[None], np.array([own - 5e-4])) == [False]
    assert hidden_by(triangle, depth, faces, point[None], np.array([own + 5e-4])) == [True]
