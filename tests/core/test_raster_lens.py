"""The z-buffer through distorted lenses against rays, one at a time, against Open3D and against a closed form."""

from __future__ import annotations

import numpy as np
import pytest
from support.closed_form import depth_of, look_at, make_scene
from support.lenses import FISHEYES, LENSES, OPENCVS
from support.plain_geometry import cast, random_camera

from spatialgen.core.projection import rays, valid_field
from spatialgen.core.raster import build_clusters, rasterise
from spatialgen.core.types import Camera

WIDE = ("opencv_fisheye", FISHEYES["dslr"])


def soup(rng: np.random.Generator, count: int, eye: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Triangles before a camera: large and small, some behind it, across its near plane or beyond its field."""
    middle = rng.uniform([-2, -2, -0.5], [2, 2, 3], (count, 1, 3))
    corners = middle + rng.standard_normal((count, 3, 3)) * rng.choice([0.1, 0.6, 2.0], (count, 1, 1))
    world = corners.reshape(-1, 3) @ eye.camera_to_world[:3, :3].T + eye.centre
    return world.astype(np.float32), np.arange(3 * count).reshape(-1, 3).astype(np.int32)


@pytest.mark.kernel
@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("seed", range(2))
def test_equals_ray_casting_of_a_triangle_soup(lens: tuple[str, tuple[float, ...]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    eye = random_camera(rng, lens=lens)
    vertices, faces = soup(rng, 40, eye)
    found = rasterise(vertices, faces, eye, near=0.1)
    depth, triangle = cast(vertices, faces, eye, near=0.1)
    same = found.triangle == triangle
    assert same.mean() > 0.99
    np.testing.assert_allclose(found.depth[same], depth[same], rtol=1e-5)
    assert (found.triangle[~valid_field(eye)] == -1).all()
    assert (found.depth > 0).sum() > 40


@pytest.mark.kernel
@pytest.mark.parametrize("focal", [3.0, 8.0, 30.0])
def test_walls_of_two_triangles_fill_the_field(focal: float) -> None:
    """Inside a cube: every wall crosses the near plane, the field's end or both; focal 3 is a circle in the image."""
    corners = np.array([[x, y, z] for x in (-2, 2) for y in (-1, 1) for z in (-3, 3)], np.float32)
    walls = [(0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5)]
    faces = np.array([t for a, b, c, d in walls for t in ((a, b, c), (a, c, d))])
    eye = Camera(
        np.array([[focal, 0, 9.3], [0, focal, 7.1], [0, 0, 1]]), look_at((0.2, 0.1, 0.3), (1, 2, 0)), 21, 16, *WIDE
    )
    found = rasterise(corners, faces, eye, near=0.01)
    field = valid_field(eye)
    y, x = np.nonzero(field)
    direction = rays(eye, np.column_stack([x, y])) @ eye.camera_to_world[:3, :3].T
    with np.errstate(divide="ignore"):
        exact = np.where(
            direction > 0, ([2, 1, 3] - eye.centre) / direction, ([-2, -1, -3] - eye.centre) / direction
        ).min(axis=1)
    seen = exact > 0.011
    np.testing.assert_allclose(found.depth[field][seen], exact[seen], rtol=1e-5)
    assert (found.depth[~field] == 0).all()
    assert (focal < 5) == (not field.all())
    assert seen.sum() > 50


@pytest.mark.kernel
@pytest.mark.parametrize("lens", [WIDE, ("opencv", OPENCVS["barrel"])])
def test_nothing_is_lost_between_triangles(lens: tuple[str, tuple[float, ...]]) -> None:
    rng = np.random.default_rng(5)
    size = 31
    grid = np.stack(np.meshgrid(np.linspace(-9, 9, size), np.linspace(-9, 9, size)), -1).reshape(-1, 2)
    vertices = np.column_stack([grid, 2 + rng.uniform(-0.1, 0.1, len(grid))]).astype(np.float32)
    index = np.arange(size * size).reshape(size, size)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    for step in range(3):
        pose = np.eye(4)
        pose[:3, 3] = [0.01 * step, 0.02 * step, -0.1 * step]
        found = rasterise(
            vertices, faces, Camera(np.array([[13.0, 0, 11.5], [0, 13, 8.5], [0, 0, 1]]), pose, 24, 18, *lens)
        )
        assert (found.triangle >= 0).all()


@pytest.mark.kernel
def test_result_does_not_depend_on_the_order_of_triangles() -> None:
    rng = np.random.default_rng(3)
    eye = random_camera(rng, lens=WIDE)
    vertices, faces = soup(rng, 300, eye)
    first = rasterise(vertices, faces, eye)
    order = rng.permutation(len(faces))
    second = rasterise(vertices, faces[order], eye)
    np.testing.assert_array_equal(first.depth, second.depth)
    drawn = first.triangle >= 0
    np.testing.assert_array_equal(first.triangle[drawn], order[second.triangle[drawn]])
    twice = rasterise(vertices, np.concatenate([faces, faces]), eye)
    np.testing.assert_array_equal(twice.triangle, first.triangle)  # of equal surfaces the lower


@pytest.mark.kernel
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (9, 17), (70, 3)])
@pytest.mark.parametrize("lens", LENSES)
def test_any_image_size(size: tuple[int, int], lens: tuple[str, tuple[float, ...]]) -> None:
    eye = Camera(np.array([[200.0, 0, size[0] / 2], [0, 200, size[1] / 2], [0, 0, 1]]), np.eye(4), *size, *lens)
    found = rasterise(np.array([[-90, -90, 2], [90, -90, 2], [0, 90, 2]]), np.array([[0, 1, 2]]), eye)
    assert found.depth.shape == size[::-1]
    np.testing.assert_allclose(found.depth, 2)


@pytest.mark.kernel
def test_no_triangles_nothing_in_view_and_no_field() -> None:
    eye = random_camera(np.random.default_rng(0), lens=WIDE)
    away = eye.centre - eye.camera_to_world[:3, 2]
    empty = rasterise(np.zeros((0, 3)), np.zeros((0, 3), int), eye)
    behind = rasterise(away + 0.1 * np.eye(3), np.array([[0, 1, 2]]), eye)
    flat = rasterise(
        np.array([[0, 0, 1], [0.1, 0, 1], [np.nan, 0, 1]]), np.array([[0, 1, 1], [0, 0, 0], [0, 1, 2]]), eye
    )
    # The principal point is so far away that no pixel has a ray.
    blind = Camera(np.array([[10.0, 0, 1000], [0, 10, 1000], [0, 0, 1]]), np.eye(4), 24, 18, *WIDE)
    wall = np.array([[-90, -90, 2], [90, -90, 2], [0, 90, 2]])
    for found in (empty, behind, flat, rasterise(wall, np.array([[0, 1, 2]]), blind)):
        assert not found.depth.any()
        assert (found.triangle == -1).all()


@pytest.mark.parametrize("lens", [WIDE, ("opencv", OPENCVS["barrel"])])
@pytest.mark.parametrize("coarse", [True, False])
def test_room_equals_its_closed_form(lens: tuple[str, tuple[float, ...]], coarse: bool) -> None:
    scene = make_scene(lens=lens, coarse=coarse, frames=3)
    clusters = build_clusters(scene.vertices, scene.faces)
    grid = np.stack(np.meshgrid(np.arange(320), np.arange(240)), -1).reshape(-1, 2)
    for frame in scene.frames:
        found = rasterise(None, None, frame.camera, 0.05, clusters)
        exact = depth_of(frame.camera, grid).reshape(240, 320)
        assert (np.abs(found.depth - exact) > 0.001).mean() < 1e-4


@pytest.mark.parametrize(
    ("lens", "focal"),
    [
        (WIDE, 0.45),
        (WIDE, 0.2),
        (("opencv_fisheye", FISHEYES["equidistant"]), 0.3),
        (("opencv", OPENCVS["barrel"]), 0.7),
    ],
)
def test_dense_mesh_equals_open3d(lens: tuple[str, tuple[float, ...]], focal: float) -> None:
    """Many clusters, most of them hidden behind others: what is left out must not be missed."""
    o3d = pytest.importorskip("open3d")
    scene = make_scene()
    corners = np.asarray(scene.vertices, np.float64)[scene.faces]
    for _ in range(2):
        middle = (corners + np.roll(corners, -1, axis=1)) / 2
        first, second, third = np.moveaxis(corners, 1, 0)
        ab, bc, ca = np.moveaxis(middle, 1, 0)
        corners = np.concatenate(
            [np.stack(t, 1) for t in ((first, ab, ca), (ab, second, bc), (ca, bc, third), (ab, bc, ca))]
        )
    vertices = corners.reshape(-1, 3)
    # A closed surface, roughened: equal corners move alike.
    vertices = (vertices + 0.01 * np.sin(vertices[:, [1, 2, 0]] * 23)).astype(np.float32)
    faces = np.arange(len(vertices), dtype=np.int32).reshape(-1, 3)
    clusters = build_clusters(vertices, faces)
    witness = o3d.t.geometry.RaycastingScene(nthreads=1)
    witness.add_triangles(o3d.core.Tensor(vertices), o3d.core.Tensor(faces.astype(np.uint32)))
    grid = np.stack(np.meshgrid(np.arange(320), np.arange(240)), -1).reshape(-1, 2)
    far, other, pixels = 0, 0, 0
    for frame in scene.frames[:4]:
        intrinsics = np.array([[focal * 320, 0, 160], [0, focal * 320, 118], [0, 0, 1]])
        eye = Camera(intrinsics, frame.camera.camera_to_world, 320, 240, *lens)
        found = rasterise(None, None, eye, 0.05, clusters)
        seen = valid_field(eye).ravel()
        direction = rays(eye, grid[seen]) @ eye.camera_to_world[:3, :3].T
        query = np.hstack([np.broadcast_to(eye.centre, direction.shape), direction]).astype(np.float32)
        answer = witness.cast_rays(o3d.core.Tensor(query), nthreads=1)
        hit, ids = answer["t_hit"].numpy(), answer["primitive_ids"].numpy().astype(np.int64)
        use = np.isfinite(hit) & (hit > 0.06)
        depth, triangle = found.depth.ravel()[seen][use], found.triangle.ravel()[seen][use]
        off = np.abs(hit[use] - depth) > np.maximum(1e-3, 1e-4 * depth)
        far += int(off.sum())
        # At an edge the float32 witness may name the neighbour, whose depth there is the same.
        other += int(((ids[use] != triangle) & off).sum())
        assert (ids[use] != triangle).mean() < 1e-3
        pixels += len(depth)
    assert pixels > 100_000
    assert far / pixels < 1e-4
    assert other / pixels < 1e-4
