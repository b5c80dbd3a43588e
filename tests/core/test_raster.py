"""The z-buffer against rays, one at a time, and against Open3D."""

from __future__ import annotations

import numpy as np
import pytest
from support.closed_form import depth_of, make_scene
from support.plain_geometry import cast, random_camera

from spatialgen.core.raster import build_clusters, rasterise
from spatialgen.core.types import Camera

K = np.array([[20.0, 0, 11.5], [0, 20.0, 8.5], [0, 0, 1]])


def camera(width: int = 24, height: int = 18) -> Camera:
    return Camera(K, np.eye(4), width, height)


def soup(rng: np.random.Generator, count: int, eye: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Triangles before a camera: large and small, some behind it and some across its near plane."""
    middle = rng.uniform([-1, -1, -0.5], [1, 1, 3], (count, 1, 3))
    corners = middle + rng.standard_normal((count, 3, 3)) * rng.choice([0.1, 0.6, 2.0], (count, 1, 1))
    world = corners.reshape(-1, 3) @ eye.camera_to_world[:3, :3].T + eye.centre
    return world.astype(np.float32), np.arange(3 * count).reshape(-1, 3).astype(np.int32)


@pytest.mark.kernel
@pytest.mark.parametrize("seed", range(6))
def test_equals_ray_casting_of_a_triangle_soup(seed: int) -> None:
    rng = np.random.default_rng(seed)
    eye = random_camera(rng)
    vertices, faces = soup(rng, 25, eye)
    found = rasterise(vertices, faces, eye, near=0.1)
    depth, triangle = cast(vertices, faces, eye, near=0.1)
    same = found.triangle == triangle
    # A ray through an edge may be given to either side; nothing else may differ.
    assert same.mean() > 0.99
    np.testing.assert_allclose(found.depth[same], depth[same], rtol=1e-5)
    assert (found.depth > 0).mean() > 0.2


@pytest.mark.kernel
def test_cut_by_the_near_plane_leaves_what_is_beyond() -> None:
    # A floor from behind the camera to far in front of it.
    vertices = np.array([[-9, 1, -5], [9, 1, -5], [9, 1, 37], [-9, 1, 37]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    for near in (0.05, 1.0, 3.0):
        found = rasterise(vertices, faces, camera(), near)
        depth, _ = cast(vertices, faces, camera(), near)
        np.testing.assert_allclose(found.depth, depth, rtol=1e-5)
        assert found.depth[found.depth > 0].min() >= near


@pytest.mark.kernel
def test_nothing_is_lost_between_triangles() -> None:
    rng = np.random.default_rng(5)
    size = 31
    grid = np.stack(np.meshgrid(np.linspace(-2.5, 2.5, size), np.linspace(-2.5, 2.5, size)), -1).reshape(-1, 2)
    vertices = np.column_stack([grid, 2 + rng.uniform(-0.1, 0.1, len(grid))]).astype(np.float32)
    index = np.arange(size * size).reshape(size, size)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    for step in range(5):
        pose = np.eye(4)
        pose[:3, 3] = [0.01 * step, 0.02 * step, -0.1 * step]
        found = rasterise(vertices, faces, Camera(K, pose, 24, 18))
        assert (found.triangle >= 0).all()


@pytest.mark.kernel
def test_pixels_exactly_on_a_shared_edge_and_corner_go_to_the_lower_triangle() -> None:
    # In the plane z = 1 with focal length 1 pixels are coordinates: the diagonal runs through pixel centres.
    eye = Camera(np.eye(3), np.eye(4), 5, 5)
    vertices = np.array([[0, 0, 1], [4, 0, 1], [4, 4, 1], [0, 4, 1]], np.float32)
    for faces in ([[0, 1, 2], [0, 2, 3]], [[0, 2, 3], [0, 1, 2]]):
        found = rasterise(vertices, np.array(faces), eye)
        assert (found.depth == 1).all()  # edges and corners of the square belong to it
        assert (np.diag(found.triangle) == 0).all()


@pytest.mark.kernel
def test_equal_surfaces_show_the_lower_triangle_whatever_the_order_in_space() -> None:
    rng = np.random.default_rng(2)
    eye = random_camera(rng)
    vertices, faces = soup(rng, 40, eye)
    twice = np.concatenate([faces, faces[::-1]])
    found = rasterise(vertices, twice, eye)
    assert found.triangle.max() < len(faces)
    assert (found.triangle >= 0).any()


@pytest.mark.kernel
def test_result_does_not_depend_on_the_order_of_triangles() -> None:
    rng = np.random.default_rng(3)
    eye = random_camera(rng)
    vertices, faces = soup(rng, 300, eye)
    first = rasterise(vertices, faces, eye)
    order = rng.permutation(len(faces))
    second = rasterise(vertices, faces[order], eye)
    np.testing.assert_array_equal(first.depth, second.depth)
    drawn = first.triangle >= 0
    np.testing.assert_array_equal(first.triangle[drawn], order[second.triangle[drawn]])


@pytest.mark.kernel
def test_nan_and_flat_triangles_are_left_out() -> None:
    vertices = np.array(
        [[-1, -1, 2], [1, -1, 2], [0, 1, 2], [np.nan, 0, 1], [0, 0, np.inf], [0, 0, 1], [0.1, 0, 1]], np.float32
    )
    good = rasterise(vertices, np.array([[0, 1, 2]]), camera())
    faces = np.array([[0, 1, 2], [0, 3, 2], [4, 1, 2], [5, 6, 6], [5, 5, 5]])
    found = rasterise(vertices, faces, camera())
    np.testing.assert_array_equal(found.depth, good.depth)
    assert set(np.unique(found.triangle)) == {-1, 0}


@pytest.mark.kernel
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (9, 17)])
def test_any_image_size(size: tuple[int, int]) -> None:
    vertices = np.array([[-90, -90, 2], [90, -90, 2], [0, 90, 2]], np.float32)
    found = rasterise(vertices, np.array([[0, 1, 2]]), camera(*size))
    assert found.depth.shape == size[::-1]
    np.testing.assert_allclose(found.depth, 2)


@pytest.mark.kernel
def test_no_triangles_and_nothing_in_view() -> None:
    empty = rasterise(np.zeros((0, 3)), np.zeros((0, 3), int), camera())
    behind = rasterise(np.array([[0, 0, -1], [1, 0, -1], [0, 1, -1]]), np.array([[0, 1, 2]]), camera())
    for found in (empty, behind):
        assert not found.depth.any()
        assert (found.triangle == -1).all()


@pytest.mark.kernel
def test_bad_meshes_are_a_programmers_mistake() -> None:
    with pytest.raises(ValueError, match="do not exist"):
        build_clusters(np.zeros((2, 3)), [[0, 1, 2]])
    with pytest.raises(ValueError, match=r"\(n, 3\)"):
        build_clusters(np.zeros((2, 2)), [[0, 1, 1]])
    with pytest.raises(ValueError, match="or clusters"):
        rasterise(None, None, camera())


def test_room_equals_its_closed_form() -> None:
    scene = make_scene()
    clusters = build_clusters(scene.vertices, scene.faces)
    for frame in scene.frames:
        found = rasterise(None, None, frame.camera, 0.1, clusters)
        grid = np.stack(np.meshgrid(np.arange(320), np.arange(240)), -1).reshape(-1, 2)
        exact = depth_of(frame.camera, grid).reshape(240, 320)
        assert (np.abs(found.depth - exact) > 0.002).mean() < 1e-4


def test_dense_mesh_equals_open3d() -> None:
    """Many clusters, most of them hidden behind others: what is left out must not be missed."""
    o3d = pytest.importorskip("open3d")
    rng = np.random.default_rng(8)
    scene = make_scene()
    corners = np.asarray(scene.vertices)[scene.faces]
    middle = [(corners[:, i] + corners[:, (i + 1) % 3]) / 2 for i in range(3)]
    parts = [
        np.stack(t, 1)
        for t in (
            (corners[:, 0], middle[0], middle[2]),
            (middle[0], corners[:, 1], middle[1]),
            (middle[2], middle[1], corners[:, 2]),
            (middle[0], middle[1], middle[2]),
        )
    ]
    vertices = np.concatenate(parts).reshape(-1, 3).astype(np.float32)
    vertices += rng.uniform(-0.01, 0.01, vertices.shape).astype(np.float32)  # a soup with cracks and crossings
    faces = np.arange(len(vertices), dtype=np.int32).reshape(-1, 3)
    clusters = build_clusters(vertices, faces)
    witness = o3d.t.geometry.RaycastingScene(nthreads=1)
    witness.add_triangles(o3d.core.Tensor(vertices), o3d.core.Tensor(faces.astype(np.uint32)))
    different = 0
    for frame in scene.frames[:4]:
        eye = frame.camera
        found = rasterise(None, None, eye, 0.05, clusters)
        grid = np.stack(np.meshgrid(np.arange(eye.width), np.arange(eye.height)), -1).reshape(-1, 2)
        rays = np.column_stack([grid, np.ones(len(grid))]) @ np.linalg.inv(eye.intrinsics).T
        rays = rays @ eye.camera_to_world[:3, :3].T
        rays = np.hstack([np.broadcast_to(eye.centre, rays.shape), rays]).astype(np.float32)
        hit = witness.cast_rays(o3d.core.Tensor(rays), nthreads=1)["t_hit"].numpy()
        hit = np.where(np.isfinite(hit), hit, 0).reshape(found.depth.shape)
        different += int((np.abs(hit - found.depth) > 0.002).sum())
    # Rays through the cracks' edges: float32 in the witness, float64 here.
    assert different / (4 * 320 * 240) < 2e-4
