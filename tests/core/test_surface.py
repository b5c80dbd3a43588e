"""Where a mark can be drawn, against a plain fit of every pixel of the disc."""

from __future__ import annotations

import numpy as np
import pytest
from support.closed_form import look_at
from support.lenses import LENSES, all_rays, ray_of
from support.plain_geometry import plane_holds, projected, random_camera

from spatialgen.core.raster import MeshMap
from spatialgen.core.settings import GeometrySettings, Tolerance
from spatialgen.core.surface import (
    SensorView,
    Verdict,
    disc_offsets,
    inverse_depth_slopes,
    judge_marks,
    sensor_values,
)
from spatialgen.core.types import Camera, mark_radius

SETTINGS = GeometrySettings()
HEIGHT, WIDTH = 250, 60  # a radius of 5 pixels in a narrow image
RADIUS = 5


def camera() -> Camera:
    return Camera(np.array([[200.0, 0, 30], [0, 200, 125], [0, 0, 1]]), np.eye(4), WIDTH, HEIGHT)


def tilted(a: float = 0.0004, b: float = 0.0008, c: float = 0.4) -> np.ndarray:
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    return (1 / (a * u + b * v + c)).astype(np.float32)


def mesh_map(depth: np.ndarray, triangle: np.ndarray | None = None) -> MeshMap:
    return MeshMap(depth, np.where(depth > 0, 0, -1).astype(np.int32) if triangle is None else triangle)


def verdict(
    depth: np.ndarray | None,
    sensor: np.ndarray | None = None,
    xy: tuple[float, float] = (30, 100),
    triangle: np.ndarray | None = None,
    instances: list[int] | None = None,
    settings: GeometrySettings = SETTINGS,
) -> Verdict:
    view = None if sensor is None else SensorView.between(camera(), camera().resized(*sensor.shape[::-1]), sensor)
    mesh = None if depth is None else mesh_map(depth, triangle)
    labels = None if instances is None else np.array(instances, np.int32)
    return Verdict(judge_marks([xy], camera(), settings, mesh, labels, view)[0])


@pytest.mark.kernel
def test_a_tilted_plane_can_carry_a_mark() -> None:
    assert verdict(tilted()) is Verdict.OK
    assert verdict(None, tilted()) is Verdict.OK
    assert verdict(tilted(), tilted()) is Verdict.OK


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("xy", "inside"),
    [
        ((4.5, 100), True),
        ((4.49, 100), False),
        ((54.49, 100), True),
        ((54.5, 100), False),
        ((30, 4.49), False),
        ((30, 244.4), True),
        ((30, 244.5), False),
        ((-30, 100), False),
        ((np.nan, 100), False),
    ],
)
def test_the_whole_disc_lies_in_the_image(xy: tuple[float, float], inside: bool) -> None:
    assert mark_radius(HEIGHT) == RADIUS
    assert (verdict(tilted(), xy=xy) is Verdict.OUTSIDE) == (not inside)


@pytest.mark.kernel
def test_half_of_the_disc_and_its_centre_must_have_depth() -> None:
    depth = tilted()
    depth[:, 30:] = 0  # the centre's own column is gone as well
    assert verdict(depth) is Verdict.TOO_LITTLE_DEPTH
    depth = tilted()
    depth[:, 31:] = 0  # a little more than half is left
    assert verdict(depth) is Verdict.OK
    assert verdict(None, depth) is Verdict.OK
    depth[:, 28:30] = 0
    assert verdict(depth) is Verdict.TOO_LITTLE_DEPTH
    depth = tilted()
    depth[100, 30] = 0
    assert verdict(depth) is Verdict.TOO_LITTLE_DEPTH
    assert verdict(None, np.zeros((HEIGHT, WIDTH), np.float32)) is Verdict.TOO_LITTLE_DEPTH
    assert verdict(None, None) is Verdict.TOO_LITTLE_DEPTH


@pytest.mark.kernel
def test_a_step_is_not_a_plane_but_a_few_stray_pixels_are_forgiven() -> None:
    depth = tilted()
    depth[:, 33:] += 0.3
    assert verdict(depth) is Verdict.NOT_A_PLANE
    assert verdict(None, depth) is Verdict.NOT_A_PLANE
    stray = tilted()
    stray[96:99, 27] += 3.0  # 3 of 81 pixels, all on one side: they tilt the first fit
    assert verdict(stray) is Verdict.OK
    stray[96:101, 27:29] += 3.0
    assert verdict(stray) is Verdict.NOT_A_PLANE
    centre = tilted()
    centre[100, 30] -= 0.3
    assert verdict(centre) is Verdict.NOT_A_PLANE  # the very pixel that is asked about


@pytest.mark.kernel
def test_one_instance_must_fill_the_disc() -> None:
    triangle = np.zeros((HEIGHT, WIDTH), np.int32)
    triangle[:, 33:] = 1  # 17 of 81 pixels
    assert verdict(tilted(), triangle=triangle, instances=[3, 3]) is Verdict.OK
    assert verdict(tilted(), triangle=triangle, instances=[3, 4]) is Verdict.SEVERAL_INSTANCES
    assert verdict(tilted(), triangle=triangle, instances=[3, -1]) is Verdict.SEVERAL_INSTANCES
    assert verdict(tilted(), triangle=triangle, instances=[-1, -1]) is Verdict.OK
    assert verdict(tilted(), triangle=triangle, instances=None) is Verdict.OK
    triangle[:, 33] = 0  # 8 of 81 are left
    assert verdict(tilted(), triangle=triangle, instances=[3, 4]) is Verdict.OK
    triangle[100, 30] = 1
    assert verdict(tilted(), triangle=triangle, instances=[3, 4]) is Verdict.SEVERAL_INSTANCES


@pytest.mark.kernel
def test_where_the_sensor_knows_enough_it_must_see_the_plane_too() -> None:
    step = tilted()
    step[:, 33:] += 0.3
    assert verdict(tilted(), step) is Verdict.NOT_A_PLANE
    step[:, :30] = 0
    step[:, 36:] = 0
    step[98:, :] = 0  # too little is known of it to be asked
    assert verdict(tilted(), step) is Verdict.OK


@pytest.mark.kernel
def test_sensor_of_another_size_is_seen_through_its_own_camera() -> None:
    small = camera().resized(WIDTH // 2, HEIGHT // 2)
    plane = np.zeros((small.height, small.width), np.float32)
    v, u = np.mgrid[: small.height, : small.width]
    plane[:] = 1 / (0.0008 * u + 0.0016 * v + 0.4)
    assert verdict(None, plane) is Verdict.OK
    plane[:, 16:] += 0.3  # a step right of colour column 31.5
    assert verdict(None, plane) is Verdict.NOT_A_PLANE
    assert verdict(None, plane, xy=(10, 100)) is Verdict.OK


@pytest.mark.kernel
@pytest.mark.parametrize("seed", range(3))
def test_equals_a_plain_fit(seed: int) -> None:
    """Rough surfaces about the limits of every rule."""
    rng = np.random.default_rng(seed)
    xy, depth = [], tilted()
    depth *= 1 + rng.choice([0.0, 0.008, 0.012, 0.2], (HEIGHT, WIDTH), p=[0.3, 0.4, 0.27, 0.03]) * rng.choice(
        [-1, 1], (HEIGHT, WIDTH)
    )
    for x in range(8, WIDTH - 8, 12):
        for y in range(8, HEIGHT - 8, 12):
            hole = rng.random((11, 11)) < rng.choice([0, 0.4, 0.5, 0.6])
            depth[y - 5 : y + 6, x - 5 : x + 6][hole] = 0
            xy.append((x, y))
    depth = depth.astype(np.float32)
    found = judge_marks(xy, camera(), SETTINGS, mesh_map(depth), None, None)
    names = {"ok": Verdict.OK, "little": Verdict.TOO_LITTLE_DEPTH, "rough": Verdict.NOT_A_PLANE}
    wanted = [
        names[plane_holds(depth[y - 5 : y + 6, x - 5 : x + 6].astype(float), 0.5, 0.95, 0.03, 0.02)] for x, y in xy
    ]
    assert found.tolist() == wanted
    assert len(set(wanted)) == 3


def test_a_coarse_lattice_judges_as_the_full_disc_does() -> None:
    """At the radius of a 968-pixel image every second pixel is looked at."""
    rng = np.random.default_rng(0)
    height, width = 968, 300
    eye = Camera(np.array([[1170.0, 0, 150], [0, 1170, 484], [0, 0, 1]]), np.eye(4), width, height)
    v, u = np.mgrid[:height, :width]
    depth = 1 / (0.0002 * u + 0.0003 * v + 0.3)
    depth += 0.4 * ((u // 70 + v // 90) % 2)  # a chequerboard of steps
    depth *= 1 + 0.006 * rng.standard_normal(depth.shape)
    mesh = mesh_map(np.where(rng.random(depth.shape) < 0.1, 0, depth).astype(np.float32))
    xy = np.column_stack([rng.integers(0, width, 3000), rng.integers(0, height, 3000)])
    coarse = judge_marks(xy, eye, SETTINGS, mesh, None, None)
    full = judge_marks(xy, eye, SETTINGS, mesh, None, None, most_disc_pixels=10_000)
    assert len(disc_offsets(mark_radius(height))) < 320 < len(disc_offsets(mark_radius(height), 10_000))
    assert (coarse == full).mean() > 0.98
    assert len(np.unique(full)) == 4


@pytest.mark.kernel
@pytest.mark.parametrize("radius", [0.02, 0.9, 1.0, 4.8, 9.6])
def test_disc_holds_every_pixel_within_its_radius(radius: float) -> None:
    offsets = disc_offsets(radius)
    reach = range(-12, 13)
    wanted = {(x, y) for x in reach for y in reach if x * x + y * y <= radius * radius}
    assert {tuple(o) for o in offsets.tolist()} == wanted
    assert offsets[0].tolist() == [0, 0]


@pytest.mark.kernel
def test_tiny_images_can_carry_a_mark() -> None:
    eye = Camera(np.eye(3), np.eye(4), 8, 6)
    depth = np.full((6, 8), 2, np.float32)
    assert judge_marks([[3, 3]], eye, SETTINGS, mesh_map(depth), None, None)[0] == Verdict.OK


@pytest.mark.kernel
def test_sensor_values_are_those_of_the_nearest_depth_pixel() -> None:
    rng = np.random.default_rng(4)
    eye = random_camera(rng)
    depth_eye = Camera(np.array([[9.0, 0, 5.2], [0, 8, 4.1], [0, 0, 1]]), eye.camera_to_world, 12, 9)
    depth = (rng.uniform(0.5, 3, (9, 12)) * (rng.random((9, 12)) > 0.2)).astype(np.float32)
    xy = rng.uniform(-4, 28, (300, 2))
    found = sensor_values(SensorView.between(eye, depth_eye, depth), xy)
    through = np.column_stack([xy, np.ones(300)]) @ np.linalg.inv(eye.intrinsics).T @ depth_eye.intrinsics.T
    wanted = []
    for u, v in through[:, :2]:
        inside = -0.5 <= u < 11.5 and -0.5 <= v < 8.5
        wanted.append(depth[int(np.floor(v + 0.5)), int(np.floor(u + 0.5))] if inside else 0)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert np.count_nonzero(found) > 50


@pytest.mark.kernel
def test_a_depth_camera_beside_the_colour_camera() -> None:
    """A wall at 2 m, 10 cm between the cameras, the depth camera 20 cm back and turned: depths are the colour's."""
    eye = Camera(np.array([[200.0, 0, 30], [0, 200, 20], [0, 0, 1]]), np.eye(4), 61, 41)
    angle = 0.05
    pose = np.eye(4)
    pose[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    pose[:3, 3] = [0.1, 0, -0.2]
    other = Camera(np.array([[180.0, 0, 60], [0, 180, 30], [0, 0, 1]]), pose, 121, 61)
    v, u = np.mgrid[:61, :121]
    rays = np.stack([(u - 60) / 180, (v - 30) / 180, np.ones(u.shape)], -1) @ pose[:3, :3].T
    depth = ((2.0 - pose[2, 3]) / rays[..., 2]).astype(np.float32)
    depth[:, 90:] *= 2  # what lies there is seen at the right place only
    x, y = np.meshgrid(np.arange(61.0), np.arange(41.0))
    xy = np.column_stack([x.ravel(), y.ravel()])
    found = sensor_values(SensorView.between(eye, other, depth), xy)
    world = np.column_stack([(xy - [30, 20]) / 200 * 2, np.full(len(xy), 2.0)])
    seen = (world - pose[:3, 3]) @ pose[:3, :3]
    column = seen[:, 0] / seen[:, 2] * 180 + 60
    clear = (column > 0) & (column < 89)
    assert clear.sum() > 1000
    np.testing.assert_allclose(found[clear], 2, atol=0.005)


# ---- distorted lenses

WIDE, BARREL = LENSES[1], LENSES[3]


def floor_through(lens: tuple[str, tuple[float, ...]], focal: float) -> tuple[Camera, np.ndarray, np.ndarray]:
    """A camera 1.2 m above a floor, its depth map and its rays."""
    eye = Camera(
        np.array([[focal, 0, 60], [0, focal, 45], [0, 0, 1]]), look_at((0, 0, 1.2), (1.5, 0.2, 0)), 121, 91, *lens
    )
    x, y = np.meshgrid(np.arange(121.0), np.arange(91.0))
    rays = all_rays(eye, np.column_stack([x.ravel(), y.ravel()]))
    down = -(rays @ eye.camera_to_world[:3, :3].T)[:, 2]
    depth = np.where(down > 0.05, 1.2 / np.where(down > 0.05, down, 1), 0).reshape(91, 121)
    return eye, depth.astype(np.float32), rays


@pytest.mark.kernel
@pytest.mark.parametrize("from_sensor", [False, True])
def test_a_plane_is_one_through_a_fisheye_too(from_sensor: bool) -> None:
    """In a disc of 15 pixels the floor is bent by more than the tolerance; along rays it is straight."""
    eye, depth, _ = floor_through(WIDE, 36.0)
    xy = np.array([[x, y] for x in range(20, 101, 10) for y in range(40, 72, 8)])
    tight = GeometrySettings(plane_tolerance=Tolerance(0.003, 0.002))

    def judged(camera: Camera, values: np.ndarray) -> np.ndarray:
        mesh = None if from_sensor else mesh_map(values)
        sensor = SensorView.between(camera, camera, values) if from_sensor else None
        return judge_marks(xy, camera, tight, mesh, None, sensor, clearance=8.0)

    assert (depth[20:, 5:-5] > 0).mean() > 0.8
    flat = judged(eye, depth)
    assert (flat == Verdict.OK).mean() > 0.7
    assert not (flat == Verdict.NOT_A_PLANE).any()
    straight = Camera(eye.intrinsics, eye.camera_to_world, eye.width, eye.height)
    assert (judged(straight, depth) == Verdict.NOT_A_PLANE).mean() > 0.5
    step = depth.copy()
    step[:, 60:] += np.float32(0.1) * (depth[:, 60:] > 0)
    assert (judged(eye, step)[xy[:, 0] == 60] == Verdict.NOT_A_PLANE).all()


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("lens", "depth_lens"), [(WIDE, WIDE), (WIDE, ("pinhole", ())), (("pinhole", ()), WIDE), (BARREL, WIDE)]
)
@pytest.mark.parametrize("apart", [False, True])
def test_sensor_values_follow_both_lenses(lens: object, depth_lens: object, apart: bool) -> None:
    """One pixel at a time: its ray, the point at the guessed depth, that point's depth pixel, its value as a point."""
    rng = np.random.default_rng(6)
    eye = random_camera(rng, lens=lens)
    other = random_camera(rng, 15, 11, lens=depth_lens)
    pose = eye.camera_to_world.copy()
    if apart:
        pose[:3, 3] += eye.camera_to_world[:3, :3] @ [0.05, -0.02, 0.01]
    other = Camera(other.intrinsics, pose, 15, 11, *depth_lens)
    # One distance to the depth camera's plane with holes: the search for the pixel then ends where it began.
    depth = np.where(rng.random((11, 15)) > 0.2, np.float32(2.0), np.float32(0.0))
    xy = rng.uniform(-2, 24, (60, 2))
    guess = np.full(60, 2.0, np.float32)
    found = sensor_values(SensorView.between(eye, other, depth), xy, guess)
    known = 0
    for (u, v), value in zip(xy, found, strict=True):
        z, wanted = 2.0, 0.0
        for _ in range(3 if apart else 1):
            ray = ray_of(eye, u, v)
            wanted = 0.0
            if np.isnan(ray[0]):
                break
            column, row, _ = projected(eye.camera_to_world[:3, :3] @ (ray * z) + eye.centre, other)
            if not (-0.5 <= column < 14.5 and -0.5 <= row < 10.5):
                break
            pixel = int(np.floor(column + 0.5)), int(np.floor(row + 0.5))
            raw = float(depth[pixel[1], pixel[0]])
            back = ray_of(other, *pixel) * raw
            if raw == 0 or np.isnan(back[0]):
                break
            point = other.camera_to_world[:3, :3] @ back + other.centre
            z = wanted = float((point - eye.centre) @ eye.camera_to_world[:3, 2])
        assert value == pytest.approx(wanted, rel=1e-5)
        known += value > 0
    assert known > 5


@pytest.mark.parametrize("lens", [("pinhole", ()), WIDE, BARREL])
def test_slopes_of_inverse_depth_are_the_normal_of_a_plane(lens: tuple[str, tuple[float, ...]]) -> None:
    eye, depth, _ = floor_through(lens, 60.0)
    xy = np.array([[30.0, 60.0], [60.0, 45.0], [90.0, 70.0]])
    step = 2.0
    around = [
        1 / depth[(xy[:, 1] + dy).astype(int), (xy[:, 0] + dx).astype(int)].astype(float)
        for dx, dy in ((step, 0), (-step, 0), (0, step), (0, -step))
    ]
    slopes = inverse_depth_slopes(eye, xy, step, np.array(around))
    # The floor, n x = 1.2 in the camera's frame: n ray / 1.2 = 1 / z.
    normal = -eye.camera_to_world[:3, :3].T[:, 2] / 1.2
    np.testing.assert_allclose(slopes, np.broadcast_to(normal[:2], (3, 2)), atol=2e-3)
