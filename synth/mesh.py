"""From painted corners to a mesh: join corners at one place, normals, edge lengths.

A scene is kept twice with the same triangles in the same order: by *corners* (what is painted: texture
coordinates and normals may differ at one place) and by *vertices* (what a scan has: one per place and part).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["corner_normals", "longest_edge", "weld"]

_GRID = 2e-5  # m: corners closer than this are one vertex
_OFFSET = 0.37  # of a grid cell, so that round coordinates do not fall on the border between two cells


def _keys(positions: npt.NDArray[np.float64], tag: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """One 64-bit number per place and tag."""
    cells = np.floor(positions / _GRID + _OFFSET).astype(np.int64)
    with np.errstate(over="ignore"):
        key = tag * np.int64(-7046029254386353131)
        for axis, factor in enumerate((0x2545F4914F6CDD1D, 0x1B873593CC9E2D51, 0x5851F42D4C957F2D)):
            key = (key ^ (cells[:, axis] * np.int64(factor))) * np.int64(0x106689D45497FDB5)
            key = key ^ (key >> np.int64(31))
    return key


def _first_seen(keys: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows that show a key for the first time, in order, and for every row the number of its key."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse]


def weld(
    positions: npt.NDArray[np.float64], part: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Join corners of one part that share a place.

    Args:
        positions: (r, 3), metres.
        part: (r,) corners of different parts are never joined.

    Returns:
        (n,) a corner for each vertex, and (r,) the vertex of each corner.
    """
    return _first_seen(_keys(positions, part))


def corner_normals(
    positions: npt.NDArray[np.float64], faces: npt.NDArray[np.int64], smooth: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """(r, 3) unit normals: corners at one place with one ``smooth`` number share the area-weighted mean."""
    corners = positions[faces]
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    first, number = _first_seen(_keys(positions, smooth))
    owner = number[faces].ravel()
    sums = np.stack([np.bincount(owner, np.repeat(areas[:, k], 3), len(first)) for k in range(3)], 1)
    unit = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-20)
    return np.asarray(unit[number], np.float32)


def longest_edge(vertices: npt.NDArray[np.float32], faces: npt.NDArray[np.int32]) -> float:
    """The longest edge in metres."""
    corners = vertices[faces].astype(np.float64)
    return float(max(np.linalg.norm(corners[:, k] - corners[:, k - 1], axis=1).max() for k in range(3)))
