"""Distances between surfaces: closed forms, Open3D's exact queries, brute force over all pairs of triangles."""

from __future__ import annotations

import numpy as np
import open3d as o3d
import pytest
from support.object_scenes import box, joined, turned

from spatialgen.core.surface_distance import SurfaceDistances


def distances_of(*solids):
    """The solids as instances 0, 1, …"""
    vertices, faces = joined(*solids)
    owner = np.repeat(np.arange(len(solids)), [len(faces) for _, faces in solids]).astype(np.int32)
    return SurfaceDistances(vertices.astype(np.float32), faces.astype(np.int32), owner)


def ray_scene(solid):
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(o3d.core.Tensor(solid[0].astype(np.float32)), o3d.core.Tensor(solid[1].astype(np.uint32)))
    return scene


def dense(solid, steps=24):
    """Many places of a solid's surface."""
    corners = solid[0][solid[1]]
    u, v = (axis.ravel() for axis in np.meshgrid(*[np.linspace(0, 1, steps)] * 2))
    u, v = u[u + v <= 1], v[u + v <= 1]
    weights = np.stack([1 - u - v, u, v], axis=1)
    return np.einsum("wc,tcx->twx", weights, corners).reshape(-1, 3)


def random_solid(rng, step):
    half = rng.uniform(0.1, 0.6, 3)
    solid = turned(box(-half, half, step), rng.uniform(0, 3), rng.uniform(-1.2, 1.2, 3))
    tilt = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    return solid[0] @ tilt.T, solid[1]


@pytest.mark.parametrize("step", [0.04, 9.0], ids=["fine", "two triangles a side"])
def test_boxes_with_known_gaps(step):
    first = box((0, 0, 0), (1, 1, 1), step)
    for low, gap in (((1.3, 0.2, 0.2), 0.3), ((1.3, 1.4, 0.2), 0.5), ((1.2, 1.3, 1.6), 0.7)):
        other = box(low, np.add(low, 0.5), step)
        found = distances_of(first, other).between(0, 1)
        assert found.distance == pytest.approx(gap, abs=1e-6)
        assert np.linalg.norm(found.first - found.second) == pytest.approx(gap, abs=1e-6)
    at = distances_of(first).to_place(0, (2.0, 3.0, 0.5))
    assert at.distance == pytest.approx(np.hypot(1, 2), abs=1e-6)
    assert at.second == pytest.approx([1, 1, 0.5], abs=1e-6)


def test_edges_that_cross_in_the_air():
    """Nearest in the middle of both edges, where neither has a corner."""
    first = box((-2, -0.1, 0), (2, 0.1, 0.1), 9.0)
    other = turned(box((-2, -0.1, 0.4), (2, 0.1, 0.5), 9.0), np.pi / 2)
    assert distances_of(first, other).between(0, 1).distance == pytest.approx(0.3, abs=1e-6)
    sharp = (np.array([[-1, 0, 0], [1, 0, 0], [0, 0, -1.0]]), np.array([[0, 1, 2]]))
    blade = (np.array([[0, -1, 0.25], [0, 1, 0.25], [0, 0, 1.0]]), np.array([[0, 1, 2]]))
    assert distances_of(sharp, blade).between(0, 1).distance == pytest.approx(0.25, abs=1e-6)


def test_surfaces_that_cross_are_0_apart():
    plate = (np.array([[-3, -3, 0], [3, -3, 0], [0, 5, 0.0]]), np.array([[0, 1, 2]]))
    wall = (np.array([[0, -1, -2], [0, 1, -2], [0, 0, 4.0]]), np.array([[0, 1, 2]]))
    assert distances_of(plate, wall).between(0, 1).distance == pytest.approx(0.0, abs=1e-9)


def test_agrees_with_exact_queries_and_dense_samples():
    rng = np.random.default_rng(5)
    apart = 0
    for trial in range(24):
        solids = [random_solid(rng, 9.0 if trial % 2 else 0.15) for _ in range(2)]
        distances = distances_of(*solids)
        found = distances.between(0, 1)
        # Any place of a surface is at least as far; a grid of places misses the nearest by its spacing at most.
        places = dense(solids[0], 60 if trial % 2 else 8)
        reach = ray_scene(solids[1]).compute_distance(o3d.core.Tensor(places.astype(np.float32))).numpy().min()
        assert found.distance <= reach + 1e-5
        assert found.distance >= reach - 0.03
        ends = o3d.core.Tensor(np.stack([found.first, found.second]).astype(np.float32))
        for side, scene in enumerate(map(ray_scene, solids)):
            assert scene.compute_distance(ends).numpy()[side] < 1e-5
        least, most = distances.bracket(0, 1)
        assert least <= found.distance <= most
        assert distances.between(1, 0).distance == pytest.approx(found.distance, abs=1e-9)
        apart += found.distance > 0.05
        for place in rng.uniform(-2, 2, (4, 3)):
            exact = ray_scene(solids[0]).compute_distance(o3d.core.Tensor(place.astype(np.float32)[None])).item()
            assert distances.to_place(0, place).distance == pytest.approx(exact, abs=1e-5)
    assert apart >= 8


def test_nearest_triangles_are_found_among_many():
    """Blocks leave nothing out: the same as all pairs of triangles of two bumpy sheets."""
    rng = np.random.default_rng(2)
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 13), np.linspace(0, 1, 13)), -1).reshape(-1, 2)
    _, faces = box((0, 0, 0), (1, 1, 0.5), 1 / 12)
    sheet_faces = faces[(faces < 169).all(axis=1)]
    assert len(sheet_faces) > 200
    low, high = (np.column_stack([grid, z + 0.1 * rng.standard_normal(len(grid))]) for z in (0.0, 0.8))
    from spatialgen.core import surface_distance

    a, b = low.astype(np.float32)[sheet_faces].astype(float), high.astype(np.float32)[sheet_faces].astype(float)
    i, j = (index.ravel() for index in np.indices((len(a), len(b))))
    slow = min(np.linalg.norm(p - q, axis=1).min() for p, q in surface_distance._candidates(a[i], b[j]))
    assert distances_of((low, sheet_faces), (high, sheet_faces)).between(0, 1).distance == pytest.approx(slow, abs=1e-9)


def test_what_has_no_surface_is_nowhere():
    distances = distances_of(box((0, 0, 0), (1, 1, 1)))
    assert distances.between(0, 1).distance == np.inf
    assert distances.to_place(3, (0, 0, 0)).distance == np.inf
    broken = (np.array([[0, 0, 0], [1, 0, 0], [np.nan, 1, 0]]), np.array([[0, 1, 2]]))
    assert distances_of(broken).to_place(0, (0, 0, 1)).distance == np.inf


def test_triangles_without_area():
    needle = (np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0.0]]), np.array([[0, 1, 2]]))
    dot = (np.array([[1.5, 0, 0.5]] * 3), np.array([[0, 1, 2]]))
    assert distances_of(needle, dot).between(0, 1).distance == pytest.approx(0.5, abs=1e-7)
