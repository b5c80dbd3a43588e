"""Which conventions a scene's depth, poses and mesh are in, told from how well they fit.

Depth of a frame is moved into another one, and the mesh is looked at from where the depth was measured: as the scene
was read, and with each convention that is commonly mistaken undone (poses inverted, camera axes of OpenGL, depth along
the ray, depth on another scale). A convention is called wrong only where another one fits clearly better, in most
comparisons, and better than all others that were tried.

A fit counts the points that agree, at five tolerances from 0.25 to 4 %. Points that another surface hides count for
neither side, as long as enough others are seen; so do the outliers of a sensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ..core.raster import TriangleClusters, rasterise
from ._doctor_pairs import telling_pairs
from ._doctor_views import AS_STATED, POSES, Convention, View, depth_in, projected, transferred

__all__ = ["Judgement", "Kind", "judge"]

Kind = Literal["inverted", "opengl", "inverted opengl", "scale", "ray", "z"]

_TOLERANCES: Final = (0.0025, 0.005, 0.01, 0.02, 0.04)
_ENOUGH: Final = 0.10  # of the points must be seen by the other view
_MESH_ENOUGH: Final = 0.05  # of the pixels must show the mesh where depth is known
_MESH_VIEWS: Final = 3
_GAIN: Final = 0.03  # by which another convention must fit better: twice what chance gave on correct data
_RELATIVE_GAIN: Final = 1.05
_LEAST_FIT: Final = 0.2  # of the better convention itself
_NO_WORSE: Final = 0.02
_MOST_COMPARISONS: Final = 2 / 3  # must like the better convention better
_SCALES: Final = tuple(
    sorted({*(1.2**n for n in range(-13, 14) if n), 0.1, 1 / 6.5535, 0.2, 0.25, 0.5, 2.0, 4.0, 5.0, 6.5535, 10.0})
)
_LEAST_SCALE: Final = 1.15  # nearer to 1, a sensor or a calibration is a little off
_ROUND: Final = (0.1, 0.2, 0.25, 0.5, 2.0, 4.0, 5.0, 10.0)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the comparison of conventions found.

    Attributes:
        verdict: ``good`` where the stated ones fit best, ``wrong`` where another fits clearly better, or ``cannot tell``.
        kind: which other.
        scale: what depth is to be multiplied with, for the kind ``scale``.
        fit, stated_fit: of the best convention and of the stated one, 0 to 1.
        comparisons: pairs of views, and views of the mesh.
        open: kinds that fit as well as the stated conventions, so that nothing is said about them.
    """

    verdict: Literal["good", "wrong", "cannot tell"]
    kind: Kind | None = None
    scale: float = 1.0
    fit: float = 0.0
    stated_fit: float = 0.0
    comparisons: int = 0
    open: tuple[Kind, ...] = ()


def judge(views: Sequence[View], clusters: TriangleClusters | None) -> Judgement:
    """Whether the stated conventions fit, or which other one does.

    Args:
        views: of a few frames.
        clusters: the scene's mesh, None where it has none.
    """
    pairs = telling_pairs(views)
    tests = _Tests(pairs, tuple(views[:: max(1, len(views) // _MESH_VIEWS)][:_MESH_VIEWS]), clusters)
    candidates = [AS_STATED, *POSES, Convention(ray=1), Convention(ray=-1), *(Convention(scale=s) for s in _SCALES)]
    table = np.array([tests.fits(convention) for convention in candidates])
    seen = table.max(axis=0) > 0
    table = table[:, seen]
    if not seen.any():
        return Judgement("cannot tell")
    weight = tests.weights()[seen]
    total = table @ weight / weight.sum()
    order = np.argsort(-total, kind="stable")
    best, stated = int(order[0]), float(total[0])
    kinds = [kind_of(convention) for convention in candidates]
    open_kinds = tuple(dict.fromkeys(k for k, fit in zip(kinds, total, strict=True) if k and fit > stated - _NO_WORSE))
    convention, kind = candidates[best], kinds[best]
    if kind == "scale":
        convention, fits = tests.refined(convention.scale, seen)
        best_fit, gains = float(fits @ weight / weight.sum()), fits - table[0]
    else:
        best_fit, gains = float(total[best]), table[best] - table[0]
    result = Judgement("good", None, 1.0, stated, stated, int(seen.sum()), open_kinds)
    if kind is None:
        return result if stated >= _LEAST_FIT else Judgement("cannot tell", comparisons=int(seen.sum()))
    clearly = best_fit > stated + _GAIN and best_fit > stated * _RELATIVE_GAIN and best_fit >= _LEAST_FIT
    mostly = float((gains > 0).mean()) >= _MOST_COMPARISONS
    everywhere = all(gains[part].mean() > -_NO_WORSE for part in tests.parts(seen) if part.any())
    others = max(float(total[i]) for i in order if kinds[i] not in {kind, None})
    alone = best_fit > others + _GAIN
    real = kind != "scale" or max(convention.scale, 1 / convention.scale) >= _LEAST_SCALE
    if clearly and mostly and everywhere and real and alone:
        return Judgement("wrong", kind, convention.scale, best_fit, stated, int(seen.sum()))
    if clearly and real:
        return Judgement("cannot tell", None, 1.0, best_fit, stated, int(seen.sum()), open_kinds)
    return result if stated >= _LEAST_FIT else Judgement("cannot tell", comparisons=int(seen.sum()))


def kind_of(convention: Convention) -> Kind | None:
    """A convention's name; None for the stated one."""
    if convention.inverted:
        return "inverted opengl" if convention.flipped else "inverted"
    if convention.flipped:
        return "opengl"
    if convention.ray:
        return "ray" if convention.ray > 0 else "z"
    return None if convention.scale == 1.0 else "scale"


class _Tests:
    """The comparisons of a scene: pairs of views, then views of the mesh."""

    def __init__(
        self, pairs: Sequence[tuple[View, View]], views: Sequence[View], clusters: TriangleClusters | None
    ) -> None:
        self._pairs = pairs
        self._views = views if clusters is not None else ()
        self._clusters = clusters
        self._drawn: dict[tuple[int, bool, bool], FloatArray] = {}

    def fits(self, convention: Convention) -> FloatArray:
        """(comparisons,): how well each fits, 0 where the two do not see the same."""
        both = [
            (fit_of(*transferred(a, b, convention)) + fit_of(*transferred(b, a, convention))) / 2
            for a, b in self._pairs
        ]
        return np.array(both + [self._on_mesh(view, convention) for view in self._views])

    def weights(self) -> FloatArray:
        """(comparisons,): pairs of views and views of the mesh weigh the same in all."""
        count, views = len(self._pairs), len(self._views)
        return np.concatenate([np.full(count, 1 / max(count, 1)), np.full(views, 1 / max(views, 1))])

    def parts(self, seen: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Which of the comparisons that are left are pairs, and which are of the mesh."""
        is_pair = (np.arange(len(seen)) < len(self._pairs))[seen]
        return is_pair, ~is_pair

    def refined(self, scale: float, seen: npt.NDArray[np.bool_]) -> tuple[Convention, FloatArray]:
        """The scale near one that fits best, a round one where it does as well."""
        weight = self.weights()[seen]

        def total(value: float) -> float:
            return float(self.fits(Convention(scale=value))[seen] @ weight)

        tried = [scale * 1.03**n for n in range(-6, 7)]
        fits = [total(value) for value in tried]
        best = tried[int(np.argmax(fits))]
        for value in _ROUND:
            if abs(np.log(value / best)) < 0.1 and total(value) >= max(fits) - _NO_WORSE * weight.sum():
                best = value
        return Convention(scale=best), self.fits(Convention(scale=best))[seen]

    def _on_mesh(self, view: View, convention: Convention) -> float:
        assert self._clusters is not None
        key = view.index, convention.inverted, convention.flipped
        if key not in self._drawn:
            drawn = rasterise(None, None, projected(view, convention), clusters=self._clusters).depth
            self._drawn[key] = drawn[view.pixels[:, 1], view.pixels[:, 0]].astype(np.float64)
        mesh = self._drawn[key]
        both = mesh > 0
        sensor = depth_in(view.z, view.stretch, convention)[both]
        return fit_of((mesh[both] - sensor) / sensor, float(both.mean()), _MESH_ENOUGH)


def fit_of(error: FloatArray, share: float, enough: float = _ENOUGH) -> float:
    """How well depths agree, 0 to 1: the share of relative errors within each tolerance, on average.

    Args:
        error: (m,) relative.
        share: of the points that were compared.
        enough: of which there must be, or the fit is 0.
    """
    if share < enough or not len(error):
        return 0.0
    size = np.sort(np.abs(error))
    return float(np.mean(np.searchsorted(size, _TOLERANCES, side="right")) / len(size))

