"""Distances of upright boxes against dense grids of places on them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from support.object_scenes import box, scene_of, turned

from spatialgen.core.box_distance import box_gaps, place_gaps
from spatialgen.core.geometry import SceneGeometry


def boxes_of(*solids):
    return SceneGeometry(scene_of([(f"thing {k}", solid) for k, solid in enumerate(solids)])).object_boxes


def filled(boxes, instance, steps=13):
    """(k, 3): a grid of places in and on a box."""
    grid = np.array(list(itertools.product(np.linspace(-0.5, 0.5, steps), repeat=3)))
    return boxes.centre[instance] + grid * boxes.size[instance] @ boxes.axes[instance]


def test_known_gaps():
    cross = turned(box((-1, -0.05, 0), (1, 0.05, 1), 0.5), np.pi / 2)
    boxes = boxes_of(
        box((-1, -0.05, 0), (1, 0.05, 1), 0.5),
        cross,
        box((2, -0.05, 1.5), (3, 0.05, 2), 0.5),
        box((0, 3, 0), (1, 4, 1)),
    )
    gaps = box_gaps(boxes)
    assert gaps[0, 1] == 0  # they cross, though neither has a corner in the other
    # An extent leaves half a percent of the area out at each end: a little of a flat side.
    assert gaps[0, 2] == pytest.approx(np.hypot(1.0, 0.5), abs=0.02)
    assert gaps[1, 3] == pytest.approx(2.0, abs=0.03)
    assert np.array_equal(gaps, gaps.T)


def test_agrees_with_grids_of_places():
    rng = np.random.default_rng(3)
    solids = []
    for _ in range(9):
        half = rng.uniform(0.1, 0.5, 3)
        solids.append(turned(box(-half, half, 0.2), rng.uniform(0, 3), rng.uniform(-0.9, 0.9, 3)))
    boxes = boxes_of(*solids)
    gaps = box_gaps(boxes)
    met = 0
    for i, j in itertools.combinations(range(9), 2):
        slow = place_gaps(boxes, filled(boxes, i))[:, j].min()
        assert slow - 0.08 <= gaps[i, j] <= slow + 1e-9
        met += gaps[i, j] == 0
    assert 0 < met < 36


def test_what_has_no_box_has_no_distance():
    scene = scene_of([("thing", box((0, 0, 0), (1, 1, 1))), ("ghost", box((2, 0, 0), (2, 0, 0)))])
    boxes = SceneGeometry(scene).object_boxes
    assert np.isnan(box_gaps(boxes)[0, 1])
    assert np.isnan(place_gaps(boxes, [[0.5, 0.5, 2]])[0, 1])
    assert place_gaps(boxes, [[0.5, 0.5, 2]])[0, 0] == pytest.approx(1, abs=0.01)
