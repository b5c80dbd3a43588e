"""The mesh at the points where a few views know depth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..core.raster import TriangleClusters, build_clusters, rasterise
from ..core.types import Scene
from ._doctor_conventions import AS_STATED, Convention
from ._doctor_views import View, depth_in, projected

__all__ = ["MeshViews"]

FloatArray = npt.NDArray[np.float64]


class MeshViews:
    """What the mesh of a scene looks like from some views; drawn when asked for, each once.

    Args:
        scene: maybe without a mesh.
        views: from which it is looked at.
    """

    def __init__(self, scene: Scene, views: Sequence[View]) -> None:
        self.views = tuple(views) if scene.has_mesh else ()
        self._scene = scene
        self._drawn: dict[tuple[int, Convention], FloatArray] = {}

    def compared(self, view: View, convention: Convention = AS_STATED) -> tuple[FloatArray, FloatArray, float]:
        """Depth of mesh and sensor where both know it, and at which share of the view's points they do.

        Args:
            view: one of them, with the coding and lens of the convention.
            convention: how poses and depth are read.

        Returns:
            mesh: (m,), metres.
            sensor: (m,), metres.
            share: of the points.
        """
        key = view.index, convention.of_picture
        if key not in self._drawn:
            drawn = rasterise(None, None, projected(view, convention), clusters=self._clusters).depth
            self._drawn[key] = drawn[view.pixels[:, 1], view.pixels[:, 0]].astype(np.float64)
        mesh = self._drawn[key]
        both = mesh > 0
        return mesh[both], depth_in(view.z, view.stretch, convention)[both], float(both.mean())

    @cached_property
    def _clusters(self) -> TriangleClusters:
        assert self._scene.vertices is not None
        assert self._scene.faces is not None
        return build_clusters(self._scene.vertices, self._scene.faces)
