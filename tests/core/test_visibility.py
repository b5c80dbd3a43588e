"""Bits of visible points against one point at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.lenses import LENSES
from support.plain_geometry import overlaps, random_camera, seen

from spatialgen.core.overlap import overlap_of
from spatialgen.core.settings import PRESETS, GeometrySettings, Tolerance
from spatialgen.core.types import Camera, Frame
from spatialgen.core.visibility import VisibilityBits, build_point_blocks, see_points

pytestmark = pytest.mark.kernel

SETTINGS = {
    "default": GeometrySettings(),
    **{name: PRESETS[name] for name in ("blog", "multispa")},
    "loose": GeometrySettings(near=1.0, mesh_tolerance=Tolerance(0.3, 0.2), sensor_tolerance=Tolerance(0.5, 0.1)),
}


def frame_of(camera: Camera, depth_camera: Camera | None) -> Frame:
    load = None if depth_camera is None else (lambda: np.zeros((1, 1), np.float32))
    return Frame("0", camera, bytes, "0", depth_camera, load)


def packed(visible: np.ndarray, known: np.ndarray | None = None) -> VisibilityBits:
    """Bits of (f, n) booleans, by numpy."""

    def words(rows: np.ndarray) -> np.ndarray:
        padded = np.zeros((len(rows), -(-rows.shape[1] // 64) * 64), bool)
        padded[:, : rows.shape[1]] = rows
        return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)

    return VisibilityBits(words(visible), None if known is None else words(known), visible.shape[1])


@pytest.mark.parametrize("source", ["both", "mesh", "sensor"])
@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("count", [0, 1, 257])
def test_equals_the_definition(source: str, name: str, count: int) -> None:
    rng = np.random.default_rng(count)
    settings = SETTINGS[name]
    points = rng.uniform(-3, 3, (count, 3)).astype(np.float32)
    cameras = [random_camera(rng) for _ in range(4)]
    depth_cameras = [random_camera(rng, 15, 11) for _ in range(2)]
    # Depth cameras: one elsewhere, one at the colour camera's place, none, the colour camera itself.
    depth_cameras = [depth_cameras[0], cameras[1].resized(12, 9), None, cameras[3]]
    meshes = [rng.choice([0, 0.8, 1.5, 2.5], (18, 24)).astype(np.float32) for _ in cameras]
    sensors = [
        None if c is None else (rng.uniform(0, 4, (c.height, c.width)) * (rng.random((c.height, c.width)) > 0.3))
        for c in depth_cameras
    ]
    sensors = [None if s is None else s.astype(np.float32) for s in sensors]
    frames = [frame_of(c, d) for c, d in zip(cameras, depth_cameras, strict=True)]
    blocks = build_point_blocks(points)
    bits = see_points(frames, blocks, settings, source, meshes.__getitem__, sensors.__getitem__)
    assert bits.words.shape == (4, -(-count // 64))
    assert (bits.known is not None) == (source == "sensor")
    for i in range(4):
        wanted = [seen(p, cameras[i], depth_cameras[i], meshes[i], sensors[i], settings, source) for p in points]
        assert bits.visible(i).tolist() == [w[0] for w in wanted]
        assert bits.is_known(i).tolist() == [w[1] for w in wanted]
    if count == 257:
        assert bits.totals().sum() >= 3


@pytest.mark.parametrize("source", ["both", "sensor"])
@pytest.mark.parametrize("count", [0, 1, 257])
def test_equals_the_definition_through_any_two_lenses(source: str, count: int) -> None:
    """Colour and depth images of different lenses, one pose or two; points beyond the field and behind."""
    rng = np.random.default_rng(count + 9)
    points = rng.uniform(-3, 3, (count, 3)).astype(np.float32)
    wide, barrel = LENSES[1], LENSES[3]
    cameras = [random_camera(rng, lens=lens) for lens in (wide, barrel, wide, ("pinhole", ()), LENSES[2])]
    depth_cameras = [
        cameras[0].resized(12, 9),
        random_camera(rng, 15, 11, wide),
        replace(random_camera(rng, 15, 11), camera_to_world=cameras[2].camera_to_world),
        random_camera(rng, 15, 11, barrel),
        None,
    ]
    meshes = [rng.choice([0, 0.8, 1.5, 2.5], (18, 24)).astype(np.float32) for _ in cameras]
    sensors = [
        None if c is None else rng.choice([0, 1.0, 2.0, 3.0], (c.height, c.width)).astype(np.float32)
        for c in depth_cameras
    ]
    frames = [frame_of(c, d) for c, d in zip(cameras, depth_cameras, strict=True)]
    settings = SETTINGS["loose"]
    bits = see_points(frames, build_point_blocks(points), settings, source, meshes.__getitem__, sensors.__getitem__)
    for i in range(5):
        wanted = [seen(p, cameras[i], depth_cameras[i], meshes[i], sensors[i], settings, source) for p in points]
        assert bits.visible(i).tolist() == [w[0] for w in wanted]
        assert bits.is_known(i).tolist() == [w[1] for w in wanted]
    assert count < 257 or bits.totals().sum() > 20


def test_points_on_the_border_at_near_and_not_finite() -> None:
    # Focal length 1: a point at depth 1 lands on the pixel its coordinates name.
    camera = Camera(np.eye(3), np.eye(4), 5, 4)
    points = np.array(
        [
            [-0.5, -0.5, 1],
            [4.5, 0, 1],
            [4.4999, 3.4999, 1],
            [0, 3.5, 1],
            [np.nan, 0, 1],
            [0, 0, np.inf],
            [0, 0, -1],
            [0, 0, 0],
            [0, 0, 0.1],
            [0, 0, 0.11],
        ],
        np.float32,
    )
    settings = replace(GeometrySettings(), near=float(np.float32(0.1)))
    empty = np.zeros((4, 5), np.float32)
    bits = see_points(
        [frame_of(camera, None)], build_point_blocks(points), settings, "mesh", lambda i: empty, lambda i: None
    )
    assert bits.visible(0).tolist() == [True, False, True, False, False, False, False, False, False, True]


def test_blocks_out_of_view_are_not_missed() -> None:
    """Compact groups all about: each is rejected, or not, as one point at a time would be."""
    rng = np.random.default_rng(0)
    points = (rng.uniform(-4, 4, (40, 1, 3)) + rng.uniform(-0.05, 0.05, (40, 64, 3))).reshape(-1, 3)
    points = points[rng.permutation(len(points))].astype(np.float32)
    camera = random_camera(rng)
    empty = np.zeros((18, 24), np.float32)
    bits = see_points(
        [frame_of(camera, None)],
        build_point_blocks(points),
        GeometrySettings(),
        "mesh",
        lambda i: empty,
        lambda i: None,
    )
    wanted = [seen(p, camera, None, empty, None, GeometrySettings(), "mesh")[0] for p in points]
    assert bits.visible(0).tolist() == wanted
    assert 0 < sum(wanted) < len(points) / 2


def test_bits_can_be_asked_by_frame_and_by_point() -> None:
    rng = np.random.default_rng(1)
    visible = rng.random((7, 130)) < 0.4
    bits = packed(visible)
    for i in range(7):
        np.testing.assert_array_equal(bits.visible(i), visible[i])
        assert bits.is_known(i).all()
    for point in (0, 63, 64, 129):
        np.testing.assert_array_equal(bits.frames_of(point), np.flatnonzero(visible[:, point]))
    np.testing.assert_array_equal(bits.totals(), visible.sum(axis=1))
    for point in (-1, 130):
        with pytest.raises(IndexError):
            bits.frames_of(point)


@pytest.mark.parametrize("frames", [0, 1, 3, 35])
@pytest.mark.parametrize("count", [0, 1, 257])
def test_overlap_equals_sets(frames: int, count: int) -> None:
    rng = np.random.default_rng(frames + count)
    known = rng.random((frames, count)) < 0.7
    visible = known & (rng.random((frames, count)) < rng.random((frames, 1)))
    everything = np.ones_like(known)
    for bits, k in ((packed(visible), everything), (packed(visible, known), known)):
        found = overlap_of(bits)
        iou, minimum = overlaps(visible, k)
        assert found.iou.dtype == np.float32
        np.testing.assert_allclose(found.iou, iou, atol=1e-6)
        np.testing.assert_allclose(found.minimum, minimum, atol=1e-6)


def test_overlap_of_a_frame_with_itself_and_with_nothing() -> None:
    bits = packed(np.array([[True, True, False], [False, False, False]]))
    found = overlap_of(bits)
    assert found.iou.tolist() == [[1, 0], [0, 0]]
    assert found.minimum.tolist() == [[1, 0], [0, 0]]


def test_unknown_points_do_not_halve_the_overlap() -> None:
    """Two frames look at the same ten points; one has holes in half of them."""
    visible = np.array([[True] * 10, [True] * 5 + [False] * 5])
    known = np.array([[True] * 10, [True] * 5 + [False] * 5])
    assert overlap_of(packed(visible, known)).iou[0, 1] == 1
    assert overlap_of(packed(visible)).iou[0, 1] == 0.5
