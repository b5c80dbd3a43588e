"""Surfaces of two objects that lie in the same place: neither ray nor rasteriser can say whose pixel it is there.

A shelf that goes through a cabinet of the same height has such pixels. They count for either of the two.
"""

from __future__ import annotations

import numpy as np
import open3d as o3d

from .mosaic_oracle import Stage

SAME_PLACE = 1e-3
"""Metres along the ray within which two surfaces are in one place."""


def possible_views(stage: Stage, frame: int, instance: int) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) bool, twice: pixels of the map that surely show an object, and those that may; worked out once."""
    kept = stage.kept.setdefault("possible_views", {})
    if (frame, instance) not in kept:
        rays = o3d.core.Tensor(stage._rays(frame))
        alone, others = (
            scene.cast_rays(rays)["t_hit"].numpy() for scene in (stage.alone(instance), _without(stage, instance))
        )
        kept[frame, instance] = alone < others - SAME_PLACE, np.isfinite(alone) & (alone <= others + SAME_PLACE)
    sure, possible = kept[frame, instance]
    return sure, possible


def _without(stage: Stage, instance: int) -> o3d.t.geometry.RaycastingScene:
    """Everything but one object."""
    scenes = stage.kept.setdefault("scenes_without", {})
    if instance not in scenes:
        scenes[instance] = o3d.t.geometry.RaycastingScene(nthreads=1)
        faces = stage.room.faces[stage.face_owner != instance]
        scenes[instance].add_triangles(o3d.core.Tensor(stage.room.vertices), o3d.core.Tensor(faces))
    return scenes[instance]


def may_count(stage: Stage, frame: int, instance: int, pixels: int, slack: float) -> bool:
    """Whether an object may be seen in so many pixels of the map."""
    sure, possible = possible_views(stage, frame, instance)
    return bool(sure.sum() - slack <= pixels <= possible.sum() + slack)


def may_bound(stage: Stage, frame: int, instance: int, box: np.ndarray, slack: float) -> bool:
    """Whether a box (4,), native pixels, may go around what is seen of an object."""
    sure, possible = (stage._box(view) for view in possible_views(stage, frame, instance))
    if possible is None:
        return False
    inner = possible if sure is None else sure
    outward = np.array([-1.0, -1.0, 1.0, 1.0])
    return bool(
        (box * outward <= possible * outward + slack).all() and (box * outward >= inner * outward - slack).all()
    )
