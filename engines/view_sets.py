"""Small sets of frames that hardly overlap: what a question about hidden objects shows.

Every two frames of a set share less than a given part of what they show; sets of all sizes and all mean overlaps are
as frequent as the scene allows, frames come in random order, and no set is shown twice (docs/conventions.md, "Sets of
views").
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from .base import Parameters

if TYPE_CHECKING:
    from ..core.geometry import SceneGeometry

__all__ = ["ViewSetParameters", "ViewSets"]

_TRIES: Final = 6  # completions looked at for each set, so that there is a choice of mean overlaps
_DECIMALS: Final = 6  # of overlaps, in the evidence

IndexArray = npt.NDArray[np.int64]


class ViewSetParameters(Parameters):
    """What every engine that shows sets of views can be told."""

    most_overlap: float = Field(0.30, gt=0, le=1, description="overlap that every two frames of a set stay below")
    smallest_set: int = Field(2, ge=2, description="frames of a set, at least")
    largest_set: int = Field(5, ge=1, description="frames of a set, at most")
    mean_overlap_bins: tuple[float, ...] = Field(
        (0.0, 0.1, 0.2), min_length=1, description="lower edges of the strata of mean overlap that get equal shares"
    )

    @model_validator(mode="after")
    def _sizes_are_ordered(self) -> ViewSetParameters:
        if self.smallest_set > self.largest_set:
            raise ValueError("smallest_set must not be above largest_set")
        if list(self.mean_overlap_bins) != sorted(set(self.mean_overlap_bins)) or self.mean_overlap_bins[0] != 0:
            raise ValueError("mean_overlap_bins must start at 0 and grow")
        return self


class ViewSets:
    """Grows sets of frames of one scene.

    Args:
        geometry: of the scene.
        parameters: how little frames overlap, and how many make a set.
        rng: decides among equals, and the order in which frames are shown.
    """

    def __init__(self, geometry: SceneGeometry, parameters: ViewSetParameters, rng: np.random.Generator) -> None:
        self._parameters = parameters
        self._rng = rng
        # A scene without frames has nothing to compare.
        frames = len(geometry.scene.frames)
        iou = geometry.overlap.iou if frames > 1 else np.ones((frames, frames), dtype=np.float32)
        self._overlap: npt.NDArray[np.float64] = iou.astype(np.float64)
        compatible = self._overlap < parameters.most_overlap
        np.fill_diagonal(compatible, False)
        # A frame that sees no point of the scene overlaps nothing, itself included: nothing is known about it.
        known = np.diag(self._overlap) > 0
        self.compatible: npt.NDArray[np.bool_] = compatible & known & known[:, None]
        """(f, f): which two frames may be in one set."""
        self._given: defaultdict[Hashable, set[frozenset[int]]] = defaultdict(set)
        self._sizes: defaultdict[Hashable, Counter[int]] = defaultdict(Counter)
        self._strata: defaultdict[Hashable, Counter[int]] = defaultdict(Counter)

    def grow(
        self,
        core: Sequence[int],
        size: int | None = None,
        prefer: npt.ArrayLike | None = None,
        connected: bool = True,
        *,
        key: Hashable = None,
    ) -> tuple[int, ...] | None:
        """A set of frames around some that it must hold, in the order they are to be shown; None where there is none.

        Args:
            core: indices of frames that must be in it.
            size: frames of the set; the size given out least so far when None, or the next to it that is possible.
            prefer: (f,), not negative: how much rather a frame is added than others; those with 0 only for want of any
                other. All alike when None.
            connected: add frames that share something with one of the set, as long as there are any.
            key: what the set is for: none is given twice for the same, and sizes and strata take turns for each.
        """
        members = list(dict.fromkeys(core))
        if not self.are_compatible(members):
            return None
        weights = np.ones(len(self._overlap)) if prefer is None else np.asarray(prefer, dtype=np.float64)
        if weights.shape != (len(self._overlap),) or not (weights >= 0).all():
            raise ValueError("prefer must hold one number, not negative, a frame")
        for wanted in self.sizes_in_turn(key) if size is None else (size,):
            if wanted < len(members):
                continue
            found: dict[frozenset[int], tuple[bool, int]] = {}
            for _ in range(_TRIES if wanted > len(members) else 1):
                grown = self._complete(members, wanted, weights, connected)
                if grown is not None and (some := frozenset(grown)) not in self._given[key]:
                    apart = connected and not self._is_connected(grown)
                    found.setdefault(some, (apart, self._strata[key][self.stratum(grown)]))
            if found:
                # The first found of those that are best: dictionaries keep their order.
                chosen = sorted(min(found.items(), key=lambda one: one[1])[0])
                self._given[key].add(frozenset(chosen))
                self._sizes[key][wanted] += 1
                self._strata[key][self.stratum(chosen)] += 1
                return tuple(self._rng.permutation(chosen).tolist())
        return None

    def take_back(self, frames: Sequence[int], key: Hashable = None) -> None:
        """Say that a set was not used after all: it can be given again, and counts for no size and no stratum."""
        self._given[key].remove(frozenset(frames))
        self._sizes[key][len(frames)] -= 1
        self._strata[key][self.stratum(frames)] -= 1

    def are_compatible(self, frames: Sequence[int]) -> bool:
        """Whether every two of some frames may be in one set."""
        chosen = np.array(frames, dtype=np.int64)
        allowed = self.compatible[np.ix_(chosen, chosen)]
        return bool((allowed | np.eye(len(chosen), dtype=np.bool_)).all())

    def stratum(self, frames: Sequence[int]) -> int:
        """Which of ``mean_overlap_bins`` a set belongs to."""
        return int(np.searchsorted(self._parameters.mean_overlap_bins, self.mean_overlap(frames), side="right")) - 1

    def overlap_matrix(self, frames: Sequence[int]) -> list[list[float]]:
        """Overlap of every two frames of a set, in the order given."""
        return [[round(value, _DECIMALS) for value in row] for row in self._overlap[np.ix_(frames, frames)].tolist()]

    def mean_overlap(self, frames: Sequence[int]) -> float:
        """Mean over the pairs of a set; 0 of a single frame."""
        count = len(frames)
        among = self._overlap[np.ix_(frames, frames)]
        return float(among.sum() - among.trace()) / (count * (count - 1)) if count > 1 else 0.0

    def max_overlap(self, frames: Sequence[int]) -> float:
        """Largest of the pairs of a set; 0 of a single frame."""
        among = self._overlap[np.ix_(frames, frames)]
        np.fill_diagonal(among, 0.0)
        return float(among.max(initial=0.0))

    def evidence(self, frames: Sequence[int]) -> dict[str, Any]:
        """What an outside check of a set needs (docs/data-format.md, ``view_sets``)."""
        return {
            "overlap_matrix": self.overlap_matrix(frames),
            "mean_overlap": round(self.mean_overlap(frames), _DECIMALS),
            "max_overlap": round(self.max_overlap(frames), _DECIMALS),
        }

    def sizes_in_turn(self, key: Hashable = None) -> list[int]:
        """All sizes, those given out least so far first."""
        sizes = self._rng.permutation(
            np.arange(self._parameters.smallest_set, self._parameters.largest_set + 1)
        ).tolist()
        return sorted(sizes, key=lambda size: self._sizes[key][size])

    def _complete(
        self, core: Sequence[int], size: int, weights: npt.NDArray[np.float64], connected: bool
    ) -> list[int] | None:
        """One set of this size around the core, at random; None where it got stuck."""
        members = list(core)
        while len(members) < size:
            allowed = self.compatible[members].all(axis=0) if members else np.diag(self._overlap) > 0
            if connected and members and (touching := allowed & (self._overlap[members] > 0).any(axis=0)).any():
                allowed = touching
            candidates = np.flatnonzero(allowed)
            if not len(candidates):
                return None
            share = weights[candidates]
            if share.sum() == 0:
                share = np.ones(len(candidates))
            members.append(int(self._rng.choice(candidates, p=share / share.sum())))
        return members

    def _is_connected(self, frames: Sequence[int]) -> bool:
        """Whether every frame shares something with another one of the set."""
        shared = self._overlap[np.ix_(frames, frames)] > 0
        np.fill_diagonal(shared, False)
        return bool(shared.any(axis=1).all()) if len(frames) > 1 else True
