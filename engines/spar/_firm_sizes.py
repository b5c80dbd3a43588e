"""How far objects' sizes rest on where their labels end.

Annotation runs over the borders of things: a ring of the table around a box is called box. On a coarse scan the ring is
centimetres wide, and so is the error of the box's size. Where no vertex on the border of another object counts, a size
that the scan knows stays as it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...core.extents import ObjectBoxes, area_interval
from ...core.types import Scene

__all__ = ["border_shifts"]

FloatArray = npt.NDArray[np.float64]

_EDGES = ((0, 1), (1, 2), (2, 0))


def border_shifts(scene: Scene, boxes: ObjectBoxes) -> FloatArray:
    """(n, 3), metres: how much shorter each side of an instance's box is without the border to others.

    The border is every triangle with a corner that is not the instance's, or that an edge joins to a corner of another
    instance. Infinite where nothing else is left; 0 without a labelled mesh, of which boxes do not come then.

    Args:
        scene: with instances.
        boxes: of its instances, from their surfaces.
    """
    shifts = np.zeros(boxes.size.shape)
    if scene.vertices is None or scene.faces is None or scene.vertex_instance is None:
        return shifts
    owner, faces = scene.vertex_instance, scene.faces
    on_border = np.zeros(len(owner), np.bool_)
    for first, second in _EDGES:
        one, other = owner[faces[:, first]], owner[faces[:, second]]
        meets = faces[(one != other) & (one >= 0) & (other >= 0)]
        on_border[meets[:, first]] = on_border[meets[:, second]] = True
    finite = np.asarray(np.isfinite(scene.vertices).all(axis=1))
    whole = (owner[faces] == owner[faces[:, :1]]).all(axis=1) & boxes.measured[faces].all(axis=1)
    inner = np.flatnonzero(whole & ~on_border[faces].any(axis=1) & finite[faces].all(axis=1))
    triangles = scene.vertices[faces[inner]].astype(np.float64)
    area = 0.5 * np.linalg.norm(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1)
    of = owner[faces[inner, 0]]
    for instance in range(len(shifts)):
        own = of == instance
        if not area[own].sum() > 0:
            shifts[instance] = np.inf
            continue
        for side, axis in enumerate(boxes.axes[instance]):
            low, high = area_interval(triangles[own] @ axis, area[own])
            shifts[instance, side] = max(boxes.size[instance, side] - (high - low), 0.0)
    return shifts
