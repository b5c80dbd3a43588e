"""Points from depth maps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.lenses import LENSES, ray_of
from support.plain_geometry import random_camera

from spatialgen.core import fusion
from spatialgen.core.fusion import CELL, fuse

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("capacity", [1 << 16, 1 << 4])
@pytest.mark.parametrize("lens", [("pinhole", ()), LENSES[0], LENSES[3]])
def test_equals_a_dictionary_of_cells(capacity: int, lens: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion, "_FIRST_CAPACITY", capacity)  # a small table must grow on the way
    rng = np.random.default_rng(0)
    maps, cells = [], {}
    for _ in range(3):
        camera = random_camera(rng, lens=lens)
        if lens == LENSES[0]:  # an image wider than the field: pixels without a ray have no point
            camera = replace(camera, intrinsics=camera.intrinsics * [[0.5, 1, 1], [1, 0.5, 1], [1, 1, 1]])
        depth = rng.choice([0, 1.0, 1.01, 2.0], (18, 24)).astype(np.float32)
        maps.append((camera, depth))
        for y, x in zip(*np.nonzero(depth), strict=True):
            ray = ray_of(camera, x, y)
            if np.isnan(ray[0]):
                continue
            point = camera.camera_to_world[:3, :3] @ (ray * float(depth[y, x])) + camera.centre
            cells.setdefault(tuple(np.floor(point / CELL).astype(int)), []).append(point)
    wanted = np.array([np.mean(cells[key], axis=0) for key in sorted(cells)])
    found = fuse(maps)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert len(found) < 3 * 18 * 24


def test_nothing_known_gives_no_points() -> None:
    camera = random_camera(np.random.default_rng(0))
    assert fuse([]).shape == (0, 3)
    assert fuse([(camera, np.zeros((18, 24), np.float32))]).shape == (0, 3)
    far = np.full((18, 24), 1e9, np.float32)
    assert fuse([(camera, far)]).shape == (0, 3)
