"""Silhouettes against rays, one at a time, against Open3D, and against the z-buffer of the whole mesh."""

from __future__ import annotations

import numpy as np
import pytest
from support.closed_form import make_scene
from support.lenses import FISHEYES, LENSES
from support.plain_geometry import cast, random_camera

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.object_views import map_camera
from spatialgen.core.projection import rays, valid_field
from spatialgen.core.raster import rasterise
from spatialgen.core.silhouettes import build_instance_clusters, draw_silhouettes, silhouette_mask
from spatialgen.core.types import Camera
from spatialgen.errors import SceneError

Lens = tuple[str, tuple[float, ...]]

PINHOLE: Lens = ("pinhole", ())
EVERY_LENS = [PINHOLE, *LENSES]


def soup(rng: np.random.Generator, count: int, eye: Camera, instances: int) -> tuple[np.ndarray, ...]:
    """Triangles before a camera, some behind it or across its near plane, and whose they are; -1 is nobody's."""
    middle = rng.uniform([-1.5, -1.5, -0.5], [1.5, 1.5, 3], (count, 1, 3))
    corners = middle + rng.standard_normal((count, 3, 3)) * rng.choice([0.05, 0.3, 2.0], (count, 1, 1))
    world = corners.reshape(-1, 3) @ eye.camera_to_world[:3, :3].T + eye.centre
    owner = rng.integers(-1, instances, count).astype(np.int32)
    return world.astype(np.float32), np.arange(3 * count).reshape(-1, 3).astype(np.int32), owner


def counted(mask: np.ndarray) -> tuple[int, list[int]]:
    """Pixels of a mask and the box around them, slowly."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return 0, [0, 0, 0, 0]
    return len(rows), [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]


@pytest.mark.kernel
@pytest.mark.parametrize("lens", EVERY_LENS)
def test_equals_ray_casting_of_each_instance_alone(lens: Lens) -> None:
    rng = np.random.default_rng(1)
    eye = random_camera(rng, lens=lens)
    vertices, faces, owner = soup(rng, 24, eye, 4)
    clusters = build_instance_clusters(vertices, faces, owner, 4)
    found = draw_silhouettes(clusters, eye)
    for instance in range(4):
        mask = silhouette_mask(clusters, instance, eye)
        _, hit = cast(vertices, faces[owner == instance], eye, near=0.1)
        # A ray through an edge may be given to either side; nothing else may differ.
        assert (mask == (hit >= 0)).mean() > 0.99
        pixels, bounds = counted(mask)
        assert found.pixels[instance] == pixels
        assert found.bounds[instance].tolist() == bounds
    assert (found.pixels > 0).sum() >= 3


@pytest.mark.kernel
@pytest.mark.parametrize("lens", EVERY_LENS)
@pytest.mark.parametrize("size", [(31, 23), (8, 5)])
def test_covers_exactly_what_the_z_buffer_would_show(lens: Lens, size: tuple[int, int]) -> None:
    for seed in range(3):
        rng = np.random.default_rng(100 + seed)
        eye = random_camera(rng, *size, lens)
        vertices, faces, owner = soup(rng, 150 if seed else 30, eye, 3)
        clusters = build_instance_clusters(vertices, faces, owner, 3)
        whole = rasterise(vertices, faces, eye).triangle
        shown = np.where(whole >= 0, owner[whole], -1)
        for instance in range(3):
            mask = silhouette_mask(clusters, instance, eye)
            alone = rasterise(vertices, faces[owner == instance], eye).triangle >= 0
            np.testing.assert_array_equal(mask, alone)
            assert not ((shown == instance) & ~mask).any()
            assert not (mask & ~valid_field(eye)).any()


@pytest.mark.parametrize("lens", [PINHOLE, ("opencv_fisheye", FISHEYES["dslr"])])
def test_room_equals_open3d_and_contains_what_is_visible(lens: Lens) -> None:
    o3d = pytest.importorskip("open3d")
    scene = make_scene(frames=3, size=(320, 240), depth_size=None, lens=lens)
    geometry = SceneGeometry(scene)
    assert scene.vertices is not None
    assert scene.faces is not None
    for frame in scene.frames:
        camera = map_camera(frame.camera)
        found = draw_silhouettes(geometry.instance_clusters, camera)
        triangle = geometry.mesh_map(0, camera).triangle
        shown = np.where(triangle >= 0, geometry.face_instance[triangle], -1)
        y, x = np.nonzero(valid_field(camera))
        direction = rays(camera, np.column_stack([x, y])) @ camera.camera_to_world[:3, :3].T
        query = np.hstack([np.broadcast_to(camera.centre, direction.shape), direction]).astype(np.float32)
        for instance in range(len(scene.instances)):
            mask = silhouette_mask(geometry.instance_clusters, instance, camera)
            assert not ((shown == instance) & ~mask).any()
            alone = o3d.t.geometry.RaycastingScene(nthreads=1)
            own = scene.faces[geometry.face_instance == instance].astype(np.uint32)
            alone.add_triangles(o3d.core.Tensor(scene.vertices), o3d.core.Tensor(own))
            hit = np.isfinite(alone.cast_rays(o3d.core.Tensor(query), nthreads=1)["t_hit"].numpy())
            assert (hit != mask[y, x]).sum() <= 2  # pixels whose centre lies on the outline, in float32
            assert found.pixels[instance] == mask.sum()


@pytest.mark.kernel
def test_a_wall_of_many_clusters_has_no_holes() -> None:
    side = 25
    grid = np.stack(np.meshgrid(np.linspace(-3, 3, side), np.linspace(-3, 3, side)), -1).reshape(-1, 2)
    vertices = np.column_stack([grid, np.full(len(grid), 2.0)]).astype(np.float32)
    index = np.arange(side * side).reshape(side, side)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    owner = np.ones(len(faces), np.int32)
    eye = Camera(np.array([[20.0, 0, 11.5], [0, 20.0, 8.5], [0, 0, 1]]), np.eye(4), 24, 18)
    clusters = build_instance_clusters(vertices, faces.astype(np.int32), owner, 3)
    assert np.diff(clusters.start).tolist() == [0, 9, 0]
    assert clusters.faces.sum() == len(faces)
    found = draw_silhouettes(clusters, eye)
    assert found.pixels.tolist() == [0, 24 * 18, 0]
    assert found.bounds.tolist() == [[0, 0, 0, 0], [0, 0, 24, 18], [0, 0, 0, 0]]


@pytest.mark.kernel
@pytest.mark.parametrize("lens", [PINHOLE, ("opencv_fisheye", FISHEYES["dslr"])])
def test_nothing_to_draw(lens: Lens) -> None:
    eye = random_camera(np.random.default_rng(4), lens=lens)
    behind = (eye.centre - eye.camera_to_world[:3, 2] * [[2.0], [3.0], [4.0]] + np.eye(3) * 0.1).astype(np.float32)
    face, mine = np.array([[0, 1, 2]], np.int32), np.zeros(1, np.int32)
    unknown = np.full((3, 3), np.nan, np.float32)
    none = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros(0, np.int32)
    cases = [(behind, face, mine, 1), (unknown, face, mine, 1), (behind, face, mine - 1, 2), (*none, 2), (*none, 0)]
    for vertices, faces, owner, instances in cases:
        clusters = build_instance_clusters(vertices, faces, owner, instances)
        found = draw_silhouettes(clusters, eye)
        assert found.pixels.shape == (instances,)
        assert not found.pixels.any()
        assert not found.bounds.any()
        for instance in range(instances):
            assert not silhouette_mask(clusters, instance, eye).any()


@pytest.mark.kernel
def test_camera_inside_an_object_sees_nothing_else() -> None:
    scene = make_scene(frames=1, coarse=True)
    assert scene.vertices is not None
    assert scene.faces is not None
    eye = scene.frames[0].camera.resized(32, 24)
    room = (np.arange(len(scene.faces)) >= 12).astype(np.int32)  # the room itself is the first twelve faces
    found = draw_silhouettes(build_instance_clusters(scene.vertices, scene.faces, room, 2), eye)
    assert found.pixels[0] == 32 * 24
    assert found.bounds[0].tolist() == [0, 0, 32, 24]


def test_refuses_panoramas_and_instances_that_are_not_there() -> None:
    scene = make_scene(frames=1)
    clusters = SceneGeometry(scene).instance_clusters
    with pytest.raises(IndexError, match="instance 4 of 4"):
        silhouette_mask(clusters, 4, scene.frames[0].camera)
    panorama = Camera(np.array([[10.0, 0, 31], [0, 10.0, 15], [0, 0, 1]]), np.eye(4), 63, 31, "equirectangular")
    with pytest.raises(SceneError, match="equirectangular"):
        draw_silhouettes(clusters, panorama)
