"""Shapes are closed, face outwards and have short edges."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from spatialgen.synth.mesh import corner_normals, longest_edge, weld
from spatialgen.synth.primitives import Solid, beam, box, merge, plane, turned


def welded(solid: Solid) -> tuple[np.ndarray, np.ndarray]:
    part = np.zeros(len(solid.positions), np.int64) if solid.part is None else solid.part
    first, number = weld(solid.positions, part)
    return solid.positions[first], number[solid.faces]


CLOSED = {
    "box": box((0.5, 0.3, 0.7), (0, 0, 0), 0),
    "thin board": box((0.6, 0.4, 0.01), (1, 2, 3), 0),
    "rounded": box((0.5, 0.3, 0.2), (0, 0, 0), 0, radius=0.05),
    "cushion": box((0.5, 0.5, 0.15), (0, 0, 0), 0, radius=0.06, puff=0.03),
    "tapered": box((0.2, 0.2, 0.6), (0, 0, 0), 0, taper=(0.6, 0.6)),
    "turned": turned([(0, 0), (0.2, 0), (0.1, 0.3), (0.25, 0.5), (0, 0.5)], (0, 0, 0), 0),
}


@pytest.mark.parametrize("name", CLOSED)
def test_closed_shapes_have_two_faces_an_edge_and_look_outwards(name: str) -> None:
    points, faces = welded(CLOSED[name])
    edges = Counter(tuple(sorted(edge)) for face in faces for edge in zip(face, np.roll(face, 1), strict=True))
    assert set(edges.values()) == {2}
    corners = points[faces]
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert volume > 0
    assert longest_edge(points.astype(np.float32), faces) <= 0.03


def test_sizes_are_exact() -> None:
    solid = box((0.5, 0.3, 0.7), (1, 2, 3), 0, radius=0.02)
    np.testing.assert_allclose(solid.positions.min(0), (0.75, 1.85, 3.0), atol=1e-12)
    np.testing.assert_allclose(solid.positions.max(0), (1.25, 2.15, 3.7), atol=1e-12)


def test_omitted_faces_are_gone_and_fitted_faces_span_their_picture() -> None:
    solid = box((0.5, 0.3, 0.7), (0, 0, 0), 0, omit="-z+y", fitted={"-y": 5})
    centres = solid.positions[solid.faces].mean(1)
    assert centres[:, 2].min() > 1e-3
    assert centres[:, 1].max() < 0.15 - 1e-3
    front = solid.faces[solid.material == 5].ravel()
    np.testing.assert_allclose(solid.positions[front, 1], -0.15)
    # From the front, x runs to the right and z up; so does the picture.
    np.testing.assert_allclose(solid.uv[front, 0], solid.positions[front, 0] / 0.5 + 0.5, atol=1e-12)
    np.testing.assert_allclose(solid.uv[front, 1], solid.positions[front, 2] / 0.7, atol=1e-12)


def test_hard_edges_keep_their_normals_and_round_ones_share_them() -> None:
    hard, soft = box((0.3, 0.3, 0.3), (0, 0, 0), 0), box((0.3, 0.3, 0.3), (0, 0, 0), 0, radius=0.1)
    normals = corner_normals(hard.positions, hard.faces, hard.group)
    np.testing.assert_allclose(np.abs(normals).max(1), 1, atol=1e-6)
    smooth = corner_normals(soft.positions, soft.faces, soft.group)
    assert (np.abs(smooth).max(1) < 0.9).any()
    np.testing.assert_allclose(np.linalg.norm(smooth, axis=1), 1, atol=1e-5)


def test_parts_that_touch_are_not_joined() -> None:
    pair = merge([box((0.1, 0.1, 0.1), (0, 0, 0), 0), box((0.1, 0.1, 0.1), (0.1, 0, 0), 0)])
    single = len(welded(box((0.1, 0.1, 0.1), (0, 0, 0), 0))[0])
    assert len(welded(pair)[0]) == 2 * single


def test_planes_face_up_and_beams_join_their_ends() -> None:
    solid = plane(1.0, 0.7, 0)
    assert longest_edge(solid.positions.astype(np.float32), solid.faces) <= 0.03
    assert (corner_normals(solid.positions, solid.faces, solid.group)[:, 2] > 0.999).all()
    bar = beam((0, 0, 0), (0.3, 0.4, 0.5), 0.02, 0)
    axis = np.array([0.3, 0.4, 0.5]) / np.sqrt(0.5)
    along = bar.positions @ axis
    assert along.min() == pytest.approx(0, abs=1e-12)
    assert along.max() == pytest.approx(np.sqrt(0.5))
    np.testing.assert_allclose(np.linalg.norm(bar.positions - along[:, None] * axis, axis=1), 0.02, atol=1e-12)
