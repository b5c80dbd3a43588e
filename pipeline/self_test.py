"""Which conventions a scene's depth, poses and mesh are in, told from how well they fit.

Depth of a frame is moved into another one, and the mesh is looked at from where the depth was measured: as the scene
was read, and with each convention that is commonly mistaken undone (poses inverted, camera axes of OpenGL, depth along
the ray, depth on another scale). A convention is called wrong only where another one fits clearly better, over all
comparisons, and better than all others that were tried.

A fit counts the points that agree, at five tolerances from 0.25 to 4 %. Points that another surface hides agree with
neither convention and decide nothing, and nor do the outliers of a sensor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ._doctor_mesh import MeshViews
from ._doctor_pairs import BASELINE, baseline, telling_pairs
from ._doctor_views import AS_STATED, POSES, Convention, View, transferred

__all__ = ["Judgement", "Kind", "judge"]

Kind = Literal["inverted", "opengl", "inverted opengl", "scale", "ray", "z"]

_TOLERANCES: Final = (0.0025, 0.005, 0.01, 0.02, 0.04)
_ENOUGH: Final = 0.10  # of the points must be seen by the other view
_MESH_ENOUGH: Final = 0.05  # of the points must show the mesh
_LEAST_FIT: Final = 0.2  # of a convention that is taken for the true one; wrong ones reach 0.15 by chance
_GAIN: Final = 0.04  # by which another convention must fit better; real sequences read rightly stay below 0.025
_RELATIVE_GAIN: Final[Mapping[Kind, float]] = MappingProxyType(
    {"inverted": 1.5, "opengl": 1.5, "inverted opengl": 1.5, "scale": 1.3, "ray": 1.08, "z": 1.08}
)
"""And by which factor. True ones gained at least 3.9, 4.3, -, 1.6, 1.15 and 1.2 on real sequences read wrongly."""
_NO_WORSE: Final = 0.02
_IN_FAVOUR: Final = 0.75  # of all differences must be in favour of the better convention
_SCALES: Final = tuple(sorted({*(1.25**n for n in range(-11, 12) if n), 0.1, 0.2, 0.25, 0.5, 2.0, 4.0, 5.0, 10.0}))
_LEAST_SCALE: Final = 1.15  # nearer to 1, a sensor or a calibration is a little off
_NEARLY: Final = 0.3  # logarithm: a noisy sensor does not tell scales apart that are closer
_ROUND: Final = (0.1, 0.2, 0.25, 0.5, 2.0, 4.0, 5.0, 10.0)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the comparison of conventions found.

    Attributes:
        verdict: ``good`` where none fits better than the stated ones, ``wrong`` where one does clearly, or
            ``cannot tell``.
        looks: which does.
        scale: what depth is to be multiplied with, where that is it.
        error: median relative error of depth read that way, a fraction.
        fit, stated_fit: of the best convention and of the stated ones, 0 to 1.
        comparisons: pairs of views, and views of the mesh.
        undecided: those that fit as well as the stated ones, so that nothing is said about them.
        note: why it cannot be told.
    """

    verdict: Literal["good", "wrong", "cannot tell"]
    looks: Kind | None = None
    scale: float = 1.0
    error: float | None = None
    fit: float = 0.0
    stated_fit: float = 0.0
    comparisons: int = 0
    undecided: tuple[Kind, ...] = ()
    note: str = ""


def judge(views: Sequence[View], mesh: MeshViews) -> Judgement:
    """Whether the stated conventions fit, or which other one does.

    Args:
        views: of a few frames.
        mesh: the scene's, from some of them.
    """
    tests = _Tests(telling_pairs(views), mesh)
    scales = _SCALES
    if tests.total(tests.fits(AS_STATED), np.ones(tests.count, np.bool_)) * _RELATIVE_GAIN["scale"] > 1.0:
        scales = (0.5, 2.0)  # none can fit so much better that it would be believed
    candidates = [AS_STATED, *POSES, Convention(ray=1), Convention(ray=-1), *(Convention(scale=s) for s in scales)]
    kinds = [_kind(convention) for convention in candidates]
    table = np.array([tests.fits(convention) for convention in candidates])
    best = int(np.argmax(tests.total(table, table.max(axis=0, initial=0.0) > 0)))
    convention, kind = candidates[best], kinds[best]
    if kind == "scale":
        convention = tests.refined(convention.scale)
    fits = tests.fits(convention)
    table, is_far = np.vstack([table, fits]), tests.far(convention)
    seen = is_far & (table.max(axis=0, initial=0.0) > 0)
    if not seen.any():
        note = "no two sampled frames see the same surface from places far enough apart"
        return Judgement("cannot tell", note=note)
    *totals, best_fit = tests.total(table, seen).tolist()
    stated, gains = totals[0], (fits - table[0])[seen]
    undecided = {k for k, fit in zip(kinds, totals, strict=True) if k is not None and fit > stated - _NO_WORSE}
    known = Judgement(
        "good", fit=stated, stated_fit=stated, comparisons=int(seen.sum()), undecided=tuple(sorted(undecided))
    )
    if kind is None or (kind == "scale" and max(convention.scale, 1 / convention.scale) < _LEAST_SCALE):
        return known if stated >= _LEAST_FIT else _unclear(known, "nothing that was tried fits")
    clearly = best_fit > stated + _GAIN and best_fit > stated * _RELATIVE_GAIN[kind]
    if not clearly:
        return known if stated >= _LEAST_FIT else _unclear(known, "nothing that was tried fits")
    others = max(fit for k, fit in zip(kinds, totals, strict=True) if k not in {kind, None})
    in_favour = float(np.maximum(gains, 0.0).sum()) >= _IN_FAVOUR * float(np.abs(gains).sum())
    everywhere = all(gains[part].mean() > -_NO_WORSE for part in tests.parts(seen) if part.any())
    if best_fit < _LEAST_FIT or not in_favour or not everywhere or best_fit <= others + _GAIN:
        return _unclear(known, "other conventions than the stated ones fit better, but none clearly best")
    return Judgement(
        "wrong", kind, convention.scale, tests.error(convention, seen), best_fit, stated, int(seen.sum())
    )  # fmt: skip


def _unclear(known: Judgement, note: str) -> Judgement:
    return Judgement("cannot tell", None, 1.0, None, known.fit, known.stated_fit, known.comparisons, (), note)


def _kind(convention: Convention) -> Kind | None:
    if convention.inverted:
        return "inverted opengl" if convention.flipped else "inverted"
    if convention.flipped:
        return "opengl"
    if convention.ray:
        return "ray" if convention.ray > 0 else "z"
    return None if convention.scale == 1.0 else "scale"


class _Tests:
    """The comparisons of a scene: pairs of views, then views of the mesh."""

    def __init__(self, pairs: Sequence[tuple[View, View]], mesh: MeshViews) -> None:
        self._pairs, self._mesh = pairs, mesh
        pair_weights = np.full(len(pairs), 1 / max(len(pairs), 1))
        self.count = len(pairs) + len(mesh.views)
        self._weights = np.concatenate([pair_weights, np.full(len(mesh.views), 1 / max(len(mesh.views), 1))])

    def fits(self, convention: Convention) -> FloatArray:
        """(comparisons,): how well each fits, 0 where the two do not see the same."""
        pairs = [
            (_fit(*transferred(a, b, convention), _ENOUGH) + _fit(*transferred(b, a, convention), _ENOUGH)) / 2
            for a, b in self._pairs
        ]
        return np.array(pairs + [_fit(*self._on_mesh(view, convention), _MESH_ENOUGH) for view in self._mesh.views])

    def total(self, fits: FloatArray, seen: npt.NDArray[np.bool_]) -> FloatArray:
        """(n,): of fits (n, comparisons), the mean of those that count; pairs weigh as much as the mesh does."""
        weight = self._weights * seen
        return np.asarray(fits @ weight / max(float(weight.sum()), 1e-12))

    def far(self, convention: Convention) -> npt.NDArray[np.bool_]:
        """(comparisons,): those whose baseline suffices, if the convention is the true one."""
        far = [baseline(a, b, convention) > BASELINE for a, b in self._pairs]
        return np.array(far + [True] * len(self._mesh.views), np.bool_)

    def parts(self, seen: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Of the comparisons that count, which are pairs, and which of the mesh."""
        is_pair = (np.arange(len(seen)) < len(self._pairs))[seen]
        return is_pair, ~is_pair

    def refined(self, scale: float) -> Convention:
        """The scale near one that fits best; a round one where it does as well."""
        all_of_them = np.ones(len(self._weights), np.bool_)

        def total(value: float) -> float:
            return float(self.total(self.fits(Convention(scale=value)), all_of_them))

        fits = {value: total(value) for value in (scale * 1.03**n for n in range(-6, 7))}
        best = max(fits, key=lambda value: fits[value])
        for value in _ROUND:
            if abs(np.log(value / best)) < _NEARLY and total(value) >= fits[best] - _GAIN:
                return Convention(scale=value)
        return Convention(scale=best)

    def error(self, convention: Convention, seen: npt.NDArray[np.bool_]) -> float:
        """Median over the comparisons that count of their median relative errors."""
        errors = [transferred(a, b, convention)[0] for a, b in self._pairs]
        errors += [self._on_mesh(view, convention)[0] for view in self._mesh.views]
        used = [error for error, counts in zip(errors, seen, strict=True) if counts and len(error)]
        return float(np.median([np.median(np.abs(error)) for error in used]))

    def _on_mesh(self, view: View, convention: Convention) -> tuple[FloatArray, float]:
        mesh, sensor, share = self._mesh.compared(view, convention)
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
