"""How well a convention makes a scene's depth, poses and mesh fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ._doctor_conventions import Convention
from ._doctor_mesh import MeshViews
from ._doctor_pairs import baseline
from ._doctor_views import View, reread, transferred

__all__ = ["Comparisons"]

_TOLERANCES: Final = (0.0025, 0.005, 0.01, 0.02, 0.04)
_ENOUGH: Final = 0.10  # of the points must be seen by the other view
_MESH_ENOUGH: Final = 0.05  # of the points must show the mesh

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class Comparisons:
    """The comparisons of a scene: pairs of views, then views of the mesh.

    Args:
        pairs: of views that may see the same.
        mesh: the scene's, from some views.
    """

    def __init__(self, pairs: Sequence[tuple[View, View]], mesh: MeshViews) -> None:
        self.pairs, self.mesh = tuple(pairs), mesh
        self.count = len(pairs) + len(mesh.views)
        self.is_pair: BoolArray = np.arange(self.count) < len(pairs)
        self._weights = np.where(self.is_pair, 1 / max(len(pairs), 1), 1 / max(len(mesh.views), 1))
        self._read: dict[tuple[int, Convention], View | None] = {}

    def fits(self, convention: Convention, *, on_mesh: bool = True) -> FloatArray:
        """(comparisons,): how well each fits, 0 where the two do not see the same.

        Args:
            convention: how the scene is read.
            on_mesh: whether the mesh is looked at too; 0 for it otherwise.
        """
        found = np.zeros(self.count)
        for place, (a, b) in enumerate(self.pairs):
            there, back = self._transferred(a, b, convention), self._transferred(b, a, convention)
            found[place] = (_fit(*there, _ENOUGH) + _fit(*back, _ENOUGH)) / 2
        for place, view in enumerate(self.mesh.views if on_mesh else (), len(self.pairs)):
            found[place] = _fit(*self._on_mesh(view, convention), _MESH_ENOUGH)
        return found

    def total(self, fits: FloatArray, seen: BoolArray) -> FloatArray:
        """(n,): of fits (n, comparisons), the mean of those that count; pairs weigh as much as the mesh does."""
        weight = self._weights * seen
        return np.asarray(fits @ weight / max(float(weight.sum()), 1e-12))

    def baselines(self, convention: Convention) -> FloatArray:
        """(comparisons,): as shares of the median depth, if the convention is the true one; of the mesh infinite."""
        found = np.full(self.count, np.inf)
        for place, (a, b) in enumerate(self.pairs):
            first, second = self._as_read(a, convention), self._as_read(b, convention)
            found[place] = baseline(first, second, convention) if first and second else 0.0
        return found

    def error(self, convention: Convention, seen: BoolArray) -> float:
        """Median over the comparisons that count of their median relative errors."""
        errors = [self._transferred(a, b, convention)[0] for a, b in self.pairs]
        errors += [self._on_mesh(view, convention)[0] for view in self.mesh.views]
        used = [error for error, counts in zip(errors, seen, strict=True) if counts and len(error)]
        return float(np.median([np.median(np.abs(error)) for error in used]))

    def _as_read(self, view: View, convention: Convention) -> View | None:
        of_view = convention.of_view
        if of_view == Convention():
            return view
        if (view.index, of_view) not in self._read:
            self._read[view.index, of_view] = reread(view, of_view)
        return self._read[view.index, of_view]

    def _transferred(self, a: View, b: View, convention: Convention) -> tuple[FloatArray, float]:
        first, second = self._as_read(a, convention), self._as_read(b, convention)
        if first is None or second is None:
            return np.empty(0), 0.0
        return transferred(first, second, convention)

    def _on_mesh(self, view: View, convention: Convention) -> tuple[FloatArray, float]:
        read = self._as_read(view, convention)
        if read is None:
            return np.empty(0), 0.0
        mesh, sensor, share = self.mesh.compared(read, convention)
        return (mesh - sensor) / sensor, share


def _fit(error: FloatArray, share: float, enough: float) -> float:
    """How well depths agree, 0 to 1: the share of relative errors within each tolerance, on average.

    Args:
        error: (m,).
        share: of the points that were compared.
        enough: of which there must be, or the fit is 0.
    """
    if share < enough or not len(error):
        return 0.0
    size = np.sort(np.abs(error))
    return float(np.mean(np.searchsorted(size, _TOLERANCES, side="right")) / len(size))
