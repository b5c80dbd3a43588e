"""Which conventions a scene's depth, poses and mesh are in, told from how well they fit.

Depth of a frame is moved into another one, and the mesh is looked at from where the depth was measured: as the scene
was read, and with each convention that is commonly mistaken undone (poses inverted, camera axes of OpenGL, depth along
the ray or on another scale, a mirrored world, the bits of depth turned, another focal length). A convention is called
wrong only where another one fits clearly better, over all comparisons, and better than all others that were tried.

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

from ._doctor_candidates import candidates, refined
from ._doctor_conventions import Axis, Kind, kind_of
from ._doctor_fits import Comparisons
from ._doctor_mesh import MeshViews
from ._doctor_pairs import BASELINE, LONGEST, telling_pairs
from ._doctor_views import View

__all__ = ["Judgement", "Kind", "judge"]

_LEAST_FIT: Final = 0.2  # of a convention that is taken for the true one; wrong ones reach 0.15 by chance
_GAIN: Final = 0.04  # by which another convention must fit better; real sequences read rightly stay below 0.025
_RELATIVE_GAIN: Final[Mapping[Kind, float]] = MappingProxyType(
    {
        "inverted": 1.5, "transposed": 1.5, "opengl": 1.5, "inverted opengl": 1.5, "scale": 1.3, "poses": 1.3,
        "ray": 1.08, "z": 1.08,
        "mirrored": 1.3, "mesh mirrored": 1.15, "rotated": 1.3, "plain": 1.3, "focal": 1.2, "size": 1.2, "swapped": 1.2,
    }
)  # fmt: skip
"""And by which factor. On real sequences read wrongly, undoing it gained at least 3.9 (poses), 4.3 (axes), 1.6 (scale),
1.15 (ray), 1.2 (z), 1.5 (mirrored) and mostly 1.25 (focal length off by 15 %); on those read rightly no mirror and no
scale gained, another focal length at most 1.13, and that where it differs by less than is told.
"""
_NO_WORSE: Final = 0.02
_IN_FAVOUR: Final = 0.75  # of all differences must be in favour of the better convention
_LEAST_SCALE: Final = 1.15  # nearer to 1, a sensor or a calibration is a little off
_LARGE: Final = 12.0  # scale from which, either way, all pairs must agree
_TRUE: Final = 0.05  # median error up to which a convention can be the true one
_HANDICAP: Final[Mapping[Kind, float]] = MappingProxyType(
    {
        "mirrored": _GAIN, "mesh mirrored": _GAIN, "plain": _GAIN,
        "transposed": _GAIN, "focal": _GAIN, "size": 1.5 * _GAIN, "swapped": _GAIN, "rotated": -_GAIN,
    }
)  # fmt: skip
"""What the rarer ones must fit better than the common ones, which they resemble in some scenes.

Turned bits are only tried where the stored numbers show them; below 2^13 they are a scale of 8 as well.
"""
_SAME: Final[Mapping[Kind, frozenset[Kind]]] = MappingProxyType(
    {"focal": frozenset({"size"}), "size": frozenset({"focal"}), "rotated": frozenset({"scale"})}
)
"""Those that need not be told apart from one: they are said in the same words, or mean the same."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the comparison of conventions found.

    Attributes:
        verdict: ``good`` where none fits better than the stated ones, ``wrong`` where one does clearly, or
            ``cannot tell``.
        looks: which does.
        scale: what depth is to be multiplied with, or poses are to be divided by, where that is it.
        error: median relative error of depth read that way, a fraction.
        fit, stated_fit: of the best convention and of the stated ones, 0 to 1.
        comparisons: pairs of views, and views of the mesh.
        undecided: those that fit as well as the stated ones, so that nothing is said about them.
        note: why it cannot be told.
        axis: of the cameras that looks reversed, where the world is mirrored.
        mesh_axis: of the poses' world along which the mesh is mirrored from it.
        factor: what focal lengths are to be multiplied with, where that is it.
        on_mesh: whether depth read that way lies on the mesh too.
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
    axis: Axis = ""
    mesh_axis: Axis = ""
    factor: float = 1.0
    on_mesh: bool = False


def judge(views: Sequence[View], mesh: MeshViews, wide: Sequence[tuple[View, View]] | None = None) -> Judgement:
    """Whether the stated conventions fit, or which other one does.

    Args:
        views: of a few frames.
        mesh: the scene's, from some of them.
        wide: more pairs, that suit units far from the stated ones, which are then thought of.
    """
    pairs = telling_pairs(views)
    known_pairs = {(a.index, b.index) for a, b in pairs}
    pairs += [(a, b) for a, b in wide or () if not known_pairs & {(a.index, b.index), (b.index, a.index)}]
    tests = Comparisons(pairs, mesh)
    tried = candidates(tests, far=wide is not None)
    kinds = [kind_of(convention) for convention, _ in tried]
    table = np.array([fits for _, fits in tried])
    handicaps = np.array([0.0 if kind is None else _HANDICAP.get(kind, 0.0) for kind in kinds])
    best = int(np.argmax(tests.total(table, table.max(axis=0, initial=0.0) > 0) - handicaps))
    convention, kind = tried[best][0], kinds[best]
    if kind in {"scale", "poses"}:
        convention = refined(tests, convention)
    scale = convention.scale * convention.shrunk
    fits = tests.fits(convention)
    table, baselines = np.vstack([table, fits]), tests.baselines(convention)
    seen = (baselines > BASELINE) & (table.max(axis=0, initial=0.0) > 0)
    if not seen.any():
        note = "no two sampled frames see the same surface from places far enough apart"
        return Judgement("cannot tell", note=note)
    *totals, best_fit = tests.total(table, seen).tolist()
    stated, gains = totals[0], (fits - table[0])[seen]
    undecided = {k for k, fit in zip(kinds, totals, strict=True) if k is not None and fit > stated - _NO_WORSE}
    known = Judgement(
        "good", fit=stated, stated_fit=stated, comparisons=int(seen.sum()), undecided=tuple(sorted(undecided))
    )
    little = kind is None or (kind in {"scale", "poses"} and max(scale, 1 / scale) < _LEAST_SCALE)
    if kind is None or little or best_fit <= stated + _GAIN or best_fit <= stated * _RELATIVE_GAIN[kind]:
        return known if stated >= _LEAST_FIT else _unclear(known, "nothing that was tried fits")
    rivals = _rivals(kind)
    others = max(fit for k, fit in zip(kinds, totals, strict=True) if k in rivals or k is None)
    in_favour = float(np.maximum(gains, 0.0).sum()) >= _IN_FAVOUR * float(np.abs(gains).sum())
    is_pair = tests.is_pair[seen]
    everywhere = all(gains[part].mean() > -_NO_WORSE for part in (is_pair, ~is_pair) if part.any())
    overlap = (baselines < LONGEST) | ~tests.is_pair
    agreed = 1 / _LARGE < scale < _LARGE or bool(overlap.any() and (fits[overlap] >= _LEAST_FIT).mean() >= _IN_FAVOUR)
    if best_fit < _LEAST_FIT or not in_favour or not everywhere or not agreed or best_fit <= others + _GAIN:
        return _unclear(known, "other conventions than the stated ones fit better, but none clearly best")
    error = tests.error(convention, seen)
    if error > _TRUE:
        return _unclear(known, "other conventions than the stated ones fit better, but none well")
    on_mesh = seen & ~tests.is_pair
    return Judgement(
        "wrong", kind, scale, error, best_fit, stated, int(seen.sum()),
        axis=convention.mirrored, mesh_axis=convention.world, factor=convention.focal * convention.size,
        on_mesh=bool(on_mesh.any() and fits[on_mesh].mean() >= _LEAST_FIT),
    )  # fmt: skip


def _rivals(kind: Kind) -> frozenset[Kind]:
    """The conventions that one must fit clearly better than; the common ones need not beat the rare ones."""
    rivals = {other for other in _RELATIVE_GAIN if _HANDICAP.get(kind, 0.0) > 0 or _HANDICAP.get(other, 0.0) <= 0}
    return frozenset(rivals - {kind} - _SAME.get(kind, frozenset()))


def _unclear(known: Judgement, note: str) -> Judgement:
    return Judgement("cannot tell", None, 1.0, None, known.fit, known.stated_fit, known.comparisons, (), note)
