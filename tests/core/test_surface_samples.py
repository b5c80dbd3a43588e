"""Samples of surfaces against exact areas, found by cutting every triangle."""

from __future__ import annotations

import numpy as np
import pytest
from support.object_scenes import Solid, box, joined

from spatialgen.core.surface_samples import SAMPLES, SurfaceSamples, sample_surfaces


def part_of_area(solid: Solid, normal: np.ndarray, offset: float) -> tuple[float, float]:
    """The area of a solid's triangles where normal @ x <= offset, each one cut, and all of it."""
    part = whole = 0.0
    for corners in solid[0][solid[1]]:
        beyond = corners @ normal - offset
        kept = []
        for here in range(3):
            there = (here + 1) % 3
            if beyond[here] <= 0:
                kept.append(corners[here])
            if (beyond[here] <= 0) != (beyond[there] <= 0):
                share = beyond[here] / (beyond[here] - beyond[there])
                kept.append(corners[here] + share * (corners[there] - corners[here]))
        fan = [np.cross(kept[k - 1] - kept[0], kept[k] - kept[0]) for k in range(2, len(kept))]
        part += sum(float(np.linalg.norm(cross)) / 2 for cross in fan)
        whole += float(np.linalg.norm(np.cross(corners[1] - corners[0], corners[2] - corners[0]))) / 2
    return part, whole


def sampled(solid: Solid, owner: np.ndarray | None = None, instances: int = 1, count: int = SAMPLES) -> SurfaceSamples:
    vertices, faces = solid[0].astype(np.float32), solid[1].astype(np.int32)
    labels = np.zeros(len(faces), np.int32) if owner is None else owner.astype(np.int32)
    return sample_surfaces(vertices, faces, labels, instances, count)


@pytest.mark.parametrize("step", [9.0, 0.4, 0.1])  # twelve faces, about a hundred, about a thousand
def test_share_of_samples_on_one_side_of_a_plane_is_the_share_of_the_area(step: float) -> None:
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(5):
        vertices, faces = box((0, 0, 0), rng.uniform(0.3, 1.6, 3), step)
        turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        solid = (vertices @ turn.T).astype(np.float32).astype(float), faces
        found = sampled(solid)
        for _ in range(3):
            normal = rng.standard_normal(3)
            normal /= np.linalg.norm(normal)
            offset = float(solid[0].mean(axis=0) @ normal + rng.uniform(-0.2, 0.2))
            part, whole = part_of_area(solid, normal, offset)
            assert found.area[0] == pytest.approx(whole, rel=1e-6)
            errors.append(abs(float((found.points[0] @ normal <= offset).mean()) - part / whole))
    assert max(errors) < 0.004
    assert np.mean(errors) < 0.0015


def test_samples_lie_on_the_surface_of_their_own_instance() -> None:
    solids = [box((x, 0, 0), (x + 0.7, 0.5, 0.4), 0.2) for x in (0.0, 1.0, 2.0)]
    solid = joined(*solids)
    owner = np.repeat([2, 0, 1], [len(faces) for _, faces in solids])
    order = np.random.default_rng(0).permutation(len(owner))  # faces of all instances mixed
    found = sampled((solid[0], solid[1][order]), owner[order], 3)
    np.testing.assert_allclose(found.area, 2 * (0.7 * 0.5 + 0.5 * 0.4 + 0.7 * 0.4), rtol=1e-6)
    for instance, x in zip((2, 0, 1), (0.0, 1.0, 2.0), strict=True):
        points = found.points[instance]
        apart = np.minimum(np.abs(points - [x, 0, 0]), np.abs(points - [x + 0.7, 0.5, 0.4])).min(axis=1)
        assert apart.max() < 1e-6
        assert (points >= [x - 1e-6, -1e-6, -1e-6]).all()
        assert (points <= [x + 0.7 + 1e-6, 0.5 + 1e-6, 0.4 + 1e-6]).all()


def test_the_same_samples_every_time_and_none_twice() -> None:
    solid = box((0, 0, 0), (1, 0.5, 0.7), 0.3)
    first, again = sampled(solid), sampled(solid)
    np.testing.assert_array_equal(first.points, again.points)
    assert not first.points.flags.writeable
    assert len(np.unique(first.points[0], axis=0)) == SAMPLES


@pytest.mark.parametrize("count", [1, 2, 7])
def test_few_samples(count: int) -> None:
    found = sampled(box((0, 0, 0), (1, 1, 1), 9.0), count=count)
    assert found.points.shape == (1, count, 3)
    assert np.isfinite(found.points).all()


def test_instances_without_surface() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0], [np.nan, 0, 0], [1e30, 0, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4], [0, 0, 0], [3, 3, 5], [0, 1, 2]], np.int32)
    owner = np.array([0, 1, 2, 1, 0, -1], np.int32)  # a triangle, two without area, one that is not finite; none
    found = sample_surfaces(vertices, faces, owner, 4)
    np.testing.assert_array_equal(found.area, [0.5, 0, 0, 0])
    assert np.isfinite(found.points[0]).all()
    assert np.isnan(found.points[1:]).all()


def test_nothing_to_sample() -> None:
    nothing = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
    assert sampled(nothing, instances=0).points.shape == (0, SAMPLES, 3)
    found = sampled(nothing, instances=2)
    assert np.isnan(found.points).all()
    assert not found.area.any()
    with pytest.raises(ValueError, match="samples"):
        sampled(nothing, count=0)
