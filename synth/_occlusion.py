"""The kernel that decides which points a camera sees: every triangle against the points it may cover.

It is compiled because a step has half a million triangles, and it is exact, unlike a depth map, which misses what is
narrower than a pixel: the edge of a board, a chair's slat.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["cover"]


@njit(cache=True, nogil=True, error_model="numpy")
def cover(  # type: ignore[no-untyped-def]
    pixels, depth, faces, near, points, limits, cells, starts, columns, rows, cell, hidden
):  # fmt: skip
    """Set ``hidden`` (n,) where a triangle lies over a point and before its limit.

    ``pixels`` (v, 2) and ``depth`` (v,) are the mesh's vertices as projected, ``points`` (n, 2) the points, ``limits``
    (n,) metres along the axis. ``cells`` (n,) lists the points by cells of ``cell`` pixels, row by row; those of cell k
    are ``starts[k]`` to ``starts[k + 1]``. Triangles that come nearer than ``near`` are left out.
    """
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        za, zb, zc = depth[a], depth[b], depth[c]
        if za <= near or zb <= near or zc <= near:
            continue
        ax, ay, bx, by, cx, cy = pixels[a, 0], pixels[a, 1], pixels[b, 0], pixels[b, 1], pixels[c, 0], pixels[c, 1]
        left, right = min(ax, bx, cx), max(ax, bx, cx)
        top, bottom = min(ay, by, cy), max(ay, by, cy)
        if right < -0.5 or bottom < -0.5 or left >= columns * cell or top >= rows * cell:
            continue
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        # The first cell begins half a pixel before the centre of the first pixel.
        i0, i1 = max(0, int(np.floor((left + 0.5) / cell))), min(columns - 1, int(np.floor((right + 0.5) / cell)))
        j0, j1 = max(0, int(np.floor((top + 0.5) / cell))), min(rows - 1, int(np.floor((bottom + 0.5) / cell)))
        for j in range(j0, j1 + 1):
            for k in range(starts[j * columns + i0], starts[j * columns + i1 + 1]):
                p = cells[k]
                x, y = points[p, 0], points[p, 1]
                if x < left or x > right or y < top or y > bottom or hidden[p]:
                    continue
                wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
                wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
                wa = 1.0 - wb - wc
                if wa < 0.0 or wb < 0.0 or wc < 0.0:
                    continue
                # Inverse depth is linear in the image.
                if limits[p] * (wa / za + wb / zb + wc / zc) > 1.0:
                    hidden[p] = True
