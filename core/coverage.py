"""Which frames together show the whole extent of an object along an axis.

A frame sees an object when at least a share of its vertices is visible there. A set of frames covers an axis when the
extent of the vertices that any of them sees is within a tolerance of the true one; it is minimal when no frame can be
left out (arXiv 2505.17015: sets of up to five frames, found breadth first, supersets of a found set never looked at).

The extent of a union is its greatest position minus its least. One frame sees the one, one frame the other, and these
one or two frames alone have the same extent: **no minimal set has more than two frames**. The breadth-first search is
therefore exact at the price of all pairs: the single frames that cover, then the pairs of which neither does.

``SeenExtents`` also knows what a viewer can rely on: how much is covered when each frame leaves out the outermost of
the vertices it sees at each end (a stray vertex or a sliver is no evidence), and whether the views of two frames join
up along the axis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .arrays import read_only
from .extents import ObjectBoxes
from .types import Scene
from .visibility import VisibilityBits

__all__ = ["CoveringSets", "SeenExtents", "covering_sets", "see_extents"]

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CoveringSets:
    """All minimal sets of frames that cover one object along one axis.

    Attributes:
        singles: (k,), frames that cover alone, ascending.
        pairs: (p, 2), pairs that cover together while neither does alone, ascending.
    """

    singles: IndexArray
    pairs: IndexArray


@dataclass(frozen=True, slots=True, eq=False)
class SeenExtents:
    """What each of f frames sees of each of n instances along the three axes of its box.

    ``low`` and ``high`` look at all vertices of an instance, the rest only at those of the surface that was measured.

    Attributes:
        share: (f, n), of the instance's vertices that are visible.
        low, high: (f, n, 3), metres: least and greatest position of a visible vertex; inf and -inf where there is none.
        firm_low, firm_high: (f, n, 3), metres: the same without the outermost visible vertices; inf and -inf where too
            few are visible.
        holes: (h, 5): frame, instance, axis, start, end (metres) of the stretches between what one frame firmly sees
            that are longer than allowed.
        longest_hole: (n, 3), metres: how long a stretch without a visible vertex may be; never shorter than
            ``spacing``.
        spacing: (n, 3), metres: the longest stretch of the object without any vertex.
    """

    share: FloatArray
    low: FloatArray
    high: FloatArray
    firm_low: FloatArray
    firm_high: FloatArray
    holes: FloatArray
    longest_hole: FloatArray
    spacing: FloatArray

    def covered(self, frames: IndexArray, instance: int, axis: int) -> FloatArray:
        """(k,), metres: extent of what each set of frames (k, s) sees; 0 where it sees nothing."""
        return _extent(self.low[frames, instance, axis], self.high[frames, instance, axis])

    def covered_at_most(self, frames: IndexArray, instance: int, axis: int, bounds: tuple[float, float]) -> FloatArray:
        """(k,), metres: extent of the surface that sets of frames (k, s) may show.

        Beyond the outermost visible vertex the surface may be seen on, up to where the next vertex would be.

        Args:
            frames: sets of them.
            instance: index into the scene's instances.
            axis: of its box.
            bounds: where the object starts and ends along the axis, metres.
        """
        low, high = self.low[frames, instance, axis].min(axis=1), self.high[frames, instance, axis].max(axis=1)
        spacing = self.spacing[instance, axis]
        return _extent(
            np.maximum(low - spacing, np.minimum(low, bounds[0]))[:, None],
            np.minimum(high + spacing, np.maximum(high, bounds[1]))[:, None],
        )

    def firmly_covered(self, frames: IndexArray, instance: int, axis: int) -> FloatArray:
        """(k,), metres: the same without the outermost vertices that each frame sees at each end."""
        return _extent(self.firm_low[frames, instance, axis], self.firm_high[frames, instance, axis])

    def joins_up(self, pairs: IndexArray, instance: int, axis: int) -> npt.NDArray[np.bool_]:
        """(k,): whether two frames (k, 2) together leave no stretch unseen that is longer than ``longest_hole``."""
        frames, place = np.unique(pairs, return_inverse=True)
        place = place.reshape(-1, 2)
        mine = self.holes[(self.holes[:, 1] == instance) & (self.holes[:, 2] == axis)]
        inner = [mine[mine[:, 0] == frame, 3:] for frame in frames]
        # Beyond what a frame sees lies an endless hole on either side; rows are filled up with empty holes.
        holes = np.zeros((len(frames), max((len(some) for some in inner), default=0) + 2, 2))
        for row, some in zip(holes, inner, strict=True):
            row[: len(some)] = some
        holes[:, -2, 0], holes[:, -2, 1] = -np.inf, self.firm_low[frames, instance, axis]
        holes[:, -1, 0], holes[:, -1, 1] = self.firm_high[frames, instance, axis], np.inf
        one, other = holes[place[:, 0]][:, :, None], holes[place[:, 1]][:, None]
        start, end = np.maximum(one[..., 0], other[..., 0]), np.minimum(one[..., 1], other[..., 1])
        # What neither sees is where holes of both meet; beyond both there is nothing to see.
        unseen = np.where(np.isfinite(start) & np.isfinite(end), end - start, 0.0)
        return np.asarray((unseen <= self.longest_hole[instance, axis]).all(axis=(1, 2)))


def see_extents(
    scene: Scene,
    bits: VisibilityBits,
    boxes: ObjectBoxes,
    wanted: npt.NDArray[np.bool_],
    *,
    outermost: int,
    outermost_share: float,
    longest_hole: float,
) -> SeenExtents:
    """How far along their boxes' axes objects are seen in every frame.

    Args:
        scene: with mesh and instances.
        bits: which vertices each frame sees.
        boxes: of the instances.
        wanted: (n,), instances to look at; of the others nothing is seen.
        outermost: vertices a frame has to see at an end of an extent, so that it is firmly seen.
        outermost_share: of the vertices a frame sees of the object, likewise; the larger number counts.
        longest_hole: share of the true extent.
    """
    assert scene.vertices is not None
    assert scene.vertex_instance is not None
    frames, count = len(bits.words), len(scene.instances)
    shape = (frames, count, 3)
    share = np.zeros(shape[:2])
    low, high = np.full(shape, np.inf), np.full(shape, -np.inf)
    firm_low, firm_high = low.copy(), high.copy()
    spacing = np.zeros((count, 3))
    holes: list[FloatArray] = []

    wanted = wanted & np.isfinite(boxes.axes).all(axis=(1, 2))
    owner = np.where(np.isfinite(scene.vertices).all(axis=1), scene.vertex_instance, np.int32(-1))
    points = np.flatnonzero((owner >= 0) & np.append(wanted, False)[owner])
    owner = owner[points]
    along = np.einsum("pak,pk->ap", boxes.axes[owner], scene.vertices[points].astype(np.float64))
    order = [np.lexsort((positions, owner)) for positions in along]
    position = np.take_along_axis(along, np.stack(order), axis=1)
    owner = np.sort(owner)  # the same along every axis
    of_surface = [boxes.measured[points[o]] for o in order]
    order = [points[o] for o in order]
    for axis in range(3):
        # A coarse mesh has stretches without any vertex: those are no sign of something unseen.
        solid = np.flatnonzero(of_surface[axis])
        same = owner[solid[1:]] == owner[solid[:-1]]
        np.maximum.at(spacing[:, axis], owner[solid[1:]][same], np.diff(position[axis, solid])[same])
    limit = np.fmax(longest_hole * boxes.size, spacing)
    totals = np.maximum(np.bincount(scene.vertex_instance[scene.vertex_instance >= 0], minlength=count), 1)

    for frame in range(frames):
        visible = bits.visible(frame)
        for axis in range(3):
            seen = np.flatnonzero(visible[order[axis]])
            start, stop, some = _runs(owner[seen], count)
            low[frame, some, axis] = position[axis, seen[start[some]]]
            high[frame, some, axis] = position[axis, seen[stop[some] - 1]]
            if axis == 0:
                share[frame] = (stop - start) / totals
            seen = seen[of_surface[axis][seen]]
            start, stop, some = _runs(owner[seen], count)
            inward = np.maximum(outermost, np.ceil(outermost_share * (stop - start)).astype(np.int64)) - 1
            some = some[stop[some] - start[some] > 2 * inward[some]]
            firm_low[frame, some, axis] = position[axis, seen[start[some] + inward[some]]]
            firm_high[frame, some, axis] = position[axis, seen[stop[some] - 1 - inward[some]]]
            steps = np.diff(position[axis, seen])
            wide = np.flatnonzero((steps > limit[owner[seen[1:]], axis]) & (owner[seen[1:]] == owner[seen[:-1]]))
            start, end, of = position[axis, seen[wide]], position[axis, seen[wide + 1]], owner[seen[wide]]
            firm = (start >= firm_low[frame, of, axis]) & (end <= firm_high[frame, of, axis])
            tags = np.full(len(wide), frame), of, np.full(len(wide), axis)
            holes.append(np.stack([*tags, start, end], axis=1).astype(np.float64)[firm])
    return SeenExtents(
        read_only(share, np.float64),
        read_only(low, np.float64),
        read_only(high, np.float64),
        read_only(firm_low, np.float64),
        read_only(firm_high, np.float64),
        read_only(np.concatenate(holes) if holes else np.zeros((0, 5)), np.float64),
        read_only(limit, np.float64),
        read_only(spacing, np.float64),
    )


def _extent(low: FloatArray, high: FloatArray) -> FloatArray:
    """(k,): extent of sets of intervals (k, s); 0 where all are empty."""
    return np.asarray(np.maximum(high.max(axis=1, initial=-np.inf) - low.min(axis=1, initial=np.inf), 0.0))


def _runs(owner: npt.NDArray[np.int32], count: int) -> tuple[IndexArray, IndexArray, IndexArray]:
    """Where each instance's things start and stop in a list sorted by owner, and which instances have any."""
    edges = np.searchsorted(owner, np.arange(count + 1))
    return edges[:-1], edges[1:], np.flatnonzero(edges[1:] > edges[:-1])


def covering_sets(
    low: npt.ArrayLike, high: npt.ArrayLike, sees: npt.ArrayLike, true_extent: float, tolerance: float
) -> CoveringSets:
    """All minimal sets of frames that cover an extent; exact, none left out.

    Args:
        low: (f,), metres: least position each frame sees along the axis; inf for nothing.
        high: (f,), metres: greatest position; -inf for nothing.
        sees: (f,), whether the frame sees enough of the object to count.
        true_extent: metres, above 0.
        tolerance: share of the true extent by which the covered one may differ.
    """
    least, most = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    counted = np.flatnonzero(np.asarray(sees, dtype=np.bool_) & (most >= least))
    alone = _covers(least[counted], most[counted], true_extent, tolerance)
    rest = counted[~alone]
    first, second = (rest[index] for index in np.triu_indices(len(rest), 1))
    together = _covers(
        np.minimum(least[first], least[second]), np.maximum(most[first], most[second]), true_extent, tolerance
    )
    return CoveringSets(counted[alone], np.stack([first[together], second[together]], axis=1))


def _covers(low: FloatArray, high: FloatArray, true_extent: float, tolerance: float) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs((high - low) - true_extent) <= tolerance * true_extent)
