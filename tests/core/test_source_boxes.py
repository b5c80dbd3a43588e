"""Boxes as a source states them, as length, width and height."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.closed_form import make_scene

from spatialgen.core.source_boxes import boxes_of_source
from spatialgen.core.types import Instance, OrientedBox
from spatialgen.errors import SceneError


def turned(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def boxes_of(*boxes: OrientedBox | None):
    things = tuple(Instance(str(k), "chair", "chair", box=box) for k, box in enumerate(boxes))
    scene = replace(make_scene(frames=2, mesh=False), instances=things)
    return boxes_of_source(scene)


def test_sides_are_sorted_and_the_box_stays_the_same() -> None:
    rng = np.random.default_rng(0)
    cyclic = np.eye(3)[[2, 0, 1]]  # the vertical axis stated first
    for _ in range(20):
        size, centre = rng.uniform(0.2, 2.0, 3), rng.normal(size=3)
        rotation = turned(rng.uniform(0, 6)) @ cyclic.T * (1, -1, 1)
        found = boxes_of(OrientedBox(centre, size, rotation))
        vertical = int(np.argmax(np.abs(rotation[2])))
        level = np.sort(np.delete(size, vertical))[::-1]
        np.testing.assert_allclose(found.size[0], [*level, size[vertical]])
        np.testing.assert_allclose(found.axes[0] @ found.axes[0].T, np.eye(3), atol=1e-12)
        assert np.linalg.det(found.axes[0]) == pytest.approx(1.0)
        assert found.axes[0, 2] @ (0, 0, 1) == pytest.approx(1.0)
        corners = {
            tuple(np.round(centre + rotation @ (np.array(s) * size / 2), 6))
            for s in np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1]), -1).reshape(-1, 3)
        }
        again = {
            tuple(np.round(found.centre[0] + (np.array(s) * found.size[0] / 2) @ found.axes[0], 6))
            for s in np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1]), -1).reshape(-1, 3)
        }
        assert corners == again
        low, high = np.array(sorted(corners)).min(axis=0), np.array(sorted(corners)).max(axis=0)
        np.testing.assert_allclose(found.aligned[0], [low, high], atol=1e-5)


def test_objects_without_an_upright_box_have_none() -> None:
    tilt = np.array([[1, 0, 0], [0, np.cos(0.3), -np.sin(0.3)], [0, np.sin(0.3), np.cos(0.3)]])
    found = boxes_of(None, OrientedBox(np.zeros(3), np.ones(3), tilt), OrientedBox(np.zeros(3), np.ones(3), np.eye(3)))
    assert np.isfinite(found.centre[:, 0]).tolist() == [False, False, True]
    assert np.isfinite(found.size[:, 0]).tolist() == [False, False, True]


def test_without_an_up_axis_nothing_has_a_height() -> None:
    with pytest.raises(SceneError, match="no up axis"):
        boxes_of_source(replace(make_scene(frames=2, mesh=False), up=None))
