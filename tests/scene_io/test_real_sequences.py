"""Real sequences repacked into both layouts: depth of a frame seen from the next, and which way is up."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from support import real_sequences

from spatialgen.core.types import Frame
from spatialgen.scene_io.scannet import READER

LIMITS = {"hololens_dvmvs_000": (1, 0.005), "icl_livingroom1_micro": (5, 0.002)}
"""Frames apart, and the error that the sequences' own descriptions state there (0.29 % and 0.09 %), rounded up."""


def relative_error(a: Frame, b: Frame) -> float:
    """Median of abs(Z - D) / D over a's depth pixels that fall onto known depth in b (nearest pixel)."""
    depth, other = a.load_depth(), b.load_depth()
    y, x = (index[::4] for index in np.nonzero(depth))
    z, k = depth[y, x].astype(float), a.depth_camera.intrinsics
    camera = np.stack([(x - k[0, 2]) / k[0, 0] * z, (y - k[1, 2]) / k[1, 1] * z, z, np.ones_like(z)])
    seen = (b.depth_camera.world_to_camera @ a.depth_camera.camera_to_world @ camera)[:3]
    seen = seen[:, seen[2] > 0.1]
    k = b.depth_camera.intrinsics
    u = np.rint(k[0, 0] * seen[0] / seen[2] + k[0, 2])
    v = np.rint(k[1, 1] * seen[1] / seen[2] + k[1, 2])
    inside = (u >= 0) & (u < other.shape[1]) & (v >= 0) & (v < other.shape[0])
    found = other[v[inside].astype(int), u[inside].astype(int)]
    known = found > 0
    return float(np.median(np.abs(seen[2][inside][known] - found[known]) / found[known]))


@pytest.mark.parametrize("layout", ["scannet", "posed_images"])
@pytest.mark.parametrize("name", LIMITS)
def test_depth_agrees_between_frames(real_data: Path, tmp_path: Path, name: str, layout: str) -> None:
    folder = real_sequences.repack(real_data / name, tmp_path, layout)
    assert READER.detect(folder) == tmp_path
    (ref,) = READER.scenes(tmp_path)
    scene = READER.read(ref)
    assert len(scene.frames) == {"hololens_dvmvs_000": 62, "icl_livingroom1_micro": 71}[name]
    assert not scene.skipped
    apart, limit = LIMITS[name]
    errors = [
        relative_error(a, b)
        for a, b in itertools.islice(zip(scene.frames, scene.frames[apart:], strict=False), 0, None, 3)
    ]
    assert np.median(errors) <= limit


@pytest.mark.parametrize("name", LIMITS)
def test_up_is_up(real_data: Path, tmp_path: Path, name: str) -> None:
    """In the aligned world most level surface is the floor, at height 0, and cameras hang above it the right way up."""
    real_sequences.repack(real_data / name, tmp_path, "scannet", stop=3)
    scene = READER.read(READER.scenes(tmp_path)[0])
    corners = scene.vertices[scene.faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normals, axis=1)
    level = normals[:, 2] > np.cos(np.radians(8)) * area
    height = corners[:, :, 2].mean(axis=1)
    on_floor = level & (np.abs(height) < 0.08)
    assert area[on_floor].sum() > 0.5 * area[level].sum()
    assert area[level].sum() > 0.2 * area.sum()
    for frame in scene.frames:
        assert frame.camera.camera_to_world[2, 1] < -0.5
        assert 0.3 < frame.camera.centre[2] < 2.0
