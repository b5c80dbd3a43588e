"""Points of a scene that has depth maps but no mesh: one per occupied cell of a grid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from . import _kernels
from .arrays import read_only
from .lens import NO_RAYS, is_pinhole, lens_of
from .projection import viewing_matrices
from .types import Camera

__all__ = ["CELL", "fuse"]

CELL: Final = 0.02
"""Metres; edge of a cell (design: geometry, "Overlap": "points fused from the depth maps on a 2 cm grid")."""

_FIRST_CAPACITY: Final = 1 << 16
_FULLEST: Final = 0.6  # a fuller hash table gets slow


def fuse(maps: Iterable[tuple[Camera, npt.NDArray[np.float32]]]) -> npt.NDArray[np.float32]:
    """The mean of the depth pixels in each cell, cells in order of their place in the world.

    Args:
        maps: depth cameras and their maps (h, w), metres along z, 0 for unknown.

    Returns:
        (n, 3), metres, world frame.

    Raises:
        SceneError: for a panorama, and for what is no lens.
    """
    cells, sums, counts = _table(_FIRST_CAPACITY)
    filled = 0
    for camera, depth in maps:
        viewing_matrices(camera)  # refuses what is no lens
        while filled + depth.size > _FULLEST * len(cells):
            larger = _table(2 * len(cells))
            _kernels.rehash(cells, sums, counts, *larger)
            cells, sums, counts = larger
        filled += _kernels.fuse_depth(
            read_only(depth, np.float32),
            np.ascontiguousarray(np.linalg.inv(camera.intrinsics)),
            NO_RAYS if is_pinhole(camera) else lens_of(camera).rays,
            read_only(camera.camera_to_world, np.float64),
            CELL,
            cells,
            sums,
            counts,
        )
    used = np.flatnonzero(counts)
    used = used[np.argsort(cells[used])]
    return (sums[used] / counts[used, None]).astype(np.float32)


def _table(capacity: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    return np.zeros(capacity, np.int64), np.zeros((capacity, 3)), np.zeros(capacity, np.int32)
