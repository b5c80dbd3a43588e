"""The conventions a scene is tried with: those that are commonly mistaken, and the likeliest of many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from ._doctor_conventions import AS_STATED, AXES, POSES, Axis, Convention, kind_of
from ._doctor_fits import Comparisons
from ._doctor_views import View

__all__ = ["candidates", "refined"]

_LEAST_FACTOR: Final = 1.1  # of a focal length; nearer to 1, a calibration is a little off
_SCALES: Final = tuple(sorted({*(1.25**n for n in range(-11, 12) if n), 0.1, 0.2, 0.25, 0.5, 2.0, 4.0, 5.0, 10.0}))
_FAR_SCALES: Final = (*(1.25 ** (sign * n) for sign in (-1, 1) for n in range(12, 32)), 0.001, 0.01, 100.0, 1000.0)
_ROUND: Final = (0.001, 0.01, 0.1, 0.2, 0.25, 0.5, 2.0, 4.0, 5.0, 10.0, 100.0, 1000.0)
_NEARLY: Final = 0.3  # logarithm: a noisy sensor does not tell scales apart that are closer
_AS_WELL: Final = 0.04  # of a fit
_GOOD: Final = 0.8  # a fit that no other unit or lens betters by so much that it would be believed
_BAD_ON_MESH: Final = 0.6  # a room mirrored at its middle still fits in places
_PROBES: Final = (0.5, 0.7, 1 / 1.1, 1.1, 1.4, 2.0)
_FACTORS: Final = tuple(1.1**n for n in range(-7, 8) if n)
_NO_SQUARE: Final = 1.05  # ratio of focal lengths from which exchanging them matters
_UNITS: Final = (1.0, 0.1, 0.2, 5.0, 10.0)  # millimetres, 0.1 mm (APC) and 0.2 mm (TUM) taken for each other
_AGREE: Final = 0.9  # of neighbouring pixels, in the lowest three bits if those are the highest of a smooth depth
_BAND: Final = 0.03  # of them in each eighth of the range, if the lowest bits were turned to the top

FloatArray = npt.NDArray[np.float64]


def candidates(tests: Comparisons, *, far: bool = False) -> list[tuple[Convention, FloatArray]]:
    """Conventions and how well each comparison fits with it; as stated first.

    Args:
        tests: the comparisons.
        far: whether poses may be hundreds of times too large or small, in centimetres for instance.
    """
    everywhere = np.ones(tests.count, np.bool_)
    stated = tests.fits(AS_STATED)
    good = float(tests.total(stated, everywhere)) > _GOOD
    scales = (0.5, 2.0) if good else (*_SCALES, *_FAR_SCALES) if far else _SCALES
    plain = [*POSES, Convention(ray=1), Convention(ray=-1), *(Convention(scale=scale) for scale in scales)]
    found = [(AS_STATED, stated), *((convention, tests.fits(convention)) for convention in plain)]
    found += _units(tests, [entry for entry in found if kind_of(entry[0]) == "scale"])
    found += _mirrors(tests, stated)
    if not good:
        found += _codings(tests)
        found += _lenses(tests, stated)
    return found


def refined(tests: Comparisons, near: Convention) -> Convention:
    """The scale near that of a convention, of depth or of poses, that fits best; a round one where it does as well."""
    everywhere = np.ones(tests.count, np.bool_)

    def scaled(value: float) -> Convention:
        return Convention(shrunk=value) if near.shrunk != 1.0 else Convention(scale=value)

    def total(value: float) -> float:
        return float(tests.total(tests.fits(scaled(value)), everywhere))

    fits = {value: total(value) for value in (near.scale * near.shrunk * 1.03**n for n in range(-6, 7))}
    best = max(fits, key=lambda value: fits[value])
    for value in _ROUND:
        if abs(np.log(value / best)) < _NEARLY and total(value) >= fits[best] - _AS_WELL:
            return scaled(value)
    return scaled(best)


def _units(tests: Comparisons, scales: list[tuple[Convention, FloatArray]]) -> list[tuple[Convention, FloatArray]]:
    """The scale that suits the pairs best, as one of the poses alone: the mesh may be in the unit of depth."""
    if not tests.pairs or not tests.mesh.views:
        return []
    best, _ = max(scales, key=lambda entry: float(entry[1][tests.is_pair].mean()))
    shrunk = Convention(shrunk=best.scale)
    return [(shrunk, tests.fits(shrunk))]


def _looks_turned(view: View) -> bool:
    """Whether neighbouring pixels agree in the lowest three bits of what is stored, where the highest were turned to.

    Millimetres seldom do, even on a wall.
    """
    if view.unit is None:
        return False
    low = np.rint(view.depth / view.unit).astype(np.int64) & 7
    known = (view.depth[:, 1:] > 0) & (view.depth[:, :-1] > 0)
    return bool(known.any() and (low[:, 1:] == low[:, :-1])[known].mean() >= _AGREE)


def _mirrors(tests: Comparisons, stated: FloatArray) -> list[tuple[Convention, FloatArray]]:
    """The world mirrored in each way; with the mesh or without, whichever fits better."""
    pairs = tests.is_pair
    on_mesh = stated[~pairs].mean() if tests.mesh.views else 1.0
    found = []
    for axis in AXES:
        mirrored = Convention(mirrored=axis)
        fits = tests.fits(mirrored, on_mesh=False)
        better = fits[pairs].mean() > stated[pairs].mean() + _AS_WELL if tests.pairs else on_mesh < _BAD_ON_MESH
        found.append(_on_its_side(tests, mirrored) if better and tests.mesh.views else (mirrored, fits))
    if on_mesh < _BAD_ON_MESH:
        found += [(mirrored, tests.fits(mirrored)) for mirrored in (Convention(world=axis) for axis in AXES)]
    return found


def _on_its_side(tests: Comparisons, mirrored: Convention) -> tuple[Convention, FloatArray]:
    """The mesh can be mirrored with the cameras, or lie in the true world, mirrored from theirs along any axis."""
    worlds: tuple[Axis, ...] = ("", *AXES)
    tried = [Convention(mirrored=mirrored.mirrored, world=world) for world in worlds]
    fits = [tests.fits(convention) for convention in tried]
    best = int(np.argmax([fit[~tests.is_pair].mean() for fit in fits]))
    return tried[best], fits[best]


def _codings(tests: Comparisons) -> list[tuple[Convention, FloatArray]]:
    views = {view.index: view for pair in tests.pairs for view in pair} | {v.index: v for v in tests.mesh.views}
    found = []
    if views and all(_looks_turned(view) for view in views.values()):
        found += [Convention(coding="rotated", scale=unit) for unit in _UNITS]
    elif views and all(_looks_turned_back(view) for view in views.values()):
        found += [Convention(coding="plain", scale=unit) for unit in _UNITS]
    return [(convention, tests.fits(convention)) for convention in found]


def _looks_turned_back(view: View) -> bool:
    """Whether the stored numbers fill all of 16 bits, as no depth of a room does."""
    if view.unit is None:
        return False
    high = np.bincount(np.clip(np.rint(view.z / view.unit), 0, 65535).astype(np.int64) >> 13, minlength=8)
    return bool(high.min() >= _BAND * high.sum())


def _focal(factor: float) -> Convention:
    return Convention(focal=factor)


def _size(factor: float) -> Convention:
    return Convention(size=factor)


def _lenses(tests: Comparisons, stated: FloatArray) -> list[tuple[Convention, FloatArray]]:
    """The focal length that fits best, all intrinsics changed by as much, and focal lengths exchanged."""
    found = [lens for lens in (_factor(tests, stated, _focal), _factor(tests, stated, _size)) if lens is not None]
    views = {view.index: view for pair in tests.pairs for view in pair}.values() or tests.mesh.views
    ratios = [view.camera.intrinsics[0, 0] / view.camera.intrinsics[1, 1] for view in views]
    if ratios and max(max(ratios), 1 / min(ratios)) > _NO_SQUARE:
        found.append(Convention(swapped=True))
    return [(convention, tests.fits(convention)) for convention in found]


def _factor(tests: Comparisons, stated: FloatArray, changed: Callable[[float], Convention]) -> Convention | None:
    """The lens changed by the factor that fits best; None where none fits better or it is hardly a change."""
    looked_at = tests.is_pair if tests.pairs else ~tests.is_pair

    def total(factor: float) -> float:
        return float(tests.total(tests.fits(changed(factor), on_mesh=not tests.pairs), looked_at))

    if max(map(total, _PROBES)) <= float(tests.total(stated, looked_at)) + _AS_WELL / 2:
        return None
    near = max(_FACTORS, key=total)
    best = max((near * 1.02**n for n in range(-5, 6)), key=total)
    return changed(best) if max(best, 1 / best) > _LEAST_FACTOR else None
