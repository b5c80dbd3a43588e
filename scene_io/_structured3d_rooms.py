"""Rooms and planes of a Structured3D scene: ``annotation_3d.json``, millimetres.

The file names junctions, lines and planes, and which line lies on which plane (``planeLineMatrix``) and which junction
on which line (``lineJunctionMatrix``). A room's outline is the largest closed walk along the lines of its floor; lines
of doors and windows are left aside, unless the walk closes only with them. A plane is ``normal . x + offset = 0``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..core.types import Layout, Room
from ..errors import SceneError
from ._files import read_json
from ._structured3d_json import numbers

__all__ = ["read_layout"]

NO_FLOOR: Final = "room without floor"
OPEN: Final = "room outline does not enclose a floor"
CROSSING: Final = "room outline crosses itself"

_NOT_ROOMS: Final = frozenset({"door", "window", "outwall"})
_HOLES: Final = frozenset({"door", "window"})
_MILLIMETRES: Final = 1000.0
_FARTHEST: Final = 1e9  # millimetres; what is farther off is damage, and its square may not be finite
_REMEDY: Final = "unpack Structured3D_annotation_3d.zip again"

FloatArray = npt.NDArray[np.float64]


def read_layout(path: Path | None) -> tuple[Layout | None, Counter[str]]:
    """Rooms and planes in metres, and rooms that had to be left out by reason; None where there is no file.

    Raises:
        SceneError: when the file is cut short or not what its name says.
    """
    if path is None:
        return None, Counter()
    loaded = read_json(path, remedy=_REMEDY)
    if not isinstance(loaded, dict):
        raise SceneError("does not hold an object", path=path, remedy=_REMEDY)
    planes, junctions = _records(loaded, "planes", path), _records(loaded, "junctions", path)
    lines = _records(loaded, "lines", path)
    corners = _column(junctions, "coordinate", 3, path, "junctions")
    normals = _column(planes, "normal", 3, path, "planes")
    offsets = numbers([plane.get("offset") for plane in planes], (len(planes),), path, "planes: offset", _REMEDY)
    if not all((np.abs(values) <= _FARTHEST).all() for values in (corners, offsets, normals)):
        raise SceneError("some junctions or planes are out of range", path=path, remedy=_REMEDY)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise SceneError("some planes have no normal", path=path, remedy=_REMEDY)
    on_plane = _matrix(loaded, "planeLineMatrix", (len(planes), len(lines)), path)
    on_line = _matrix(loaded, "lineJunctionMatrix", (len(lines), len(junctions)), path)
    kinds = tuple(str(plane.get("type", "")) for plane in planes)
    semantics = _records(loaded, "semantics", path)
    owned = [_plane_ids(entry, len(planes), path, position) for position, entry in enumerate(semantics)]
    holes = np.zeros(len(lines), bool)
    for entry, mine in zip(semantics, owned, strict=True):
        if entry.get("type") in _HOLES and mine:
            holes |= on_plane[list(mine)].any(axis=0)

    skipped: Counter[str] = Counter()
    rooms = []
    for entry, mine in zip(semantics, owned, strict=True):
        kind = str(entry.get("type", ""))
        if kind in _NOT_ROOMS:
            continue
        floors = [plane for plane in mine if kinds[plane] == "floor"]
        if not floors:
            skipped[NO_FLOOR] += 1
            continue
        on_floor = on_plane[floors].any(axis=0)
        outline = _outline(on_line[on_floor & ~holes], corners)
        if outline is None:
            outline = _outline(on_line[on_floor], corners)
        if outline is None:
            skipped[OPEN] += 1
        elif _crosses_itself(outline[:, :2]):
            skipped[CROSSING] += 1
        else:
            rooms.append(Room(str(entry.get("ID", "")), kind, outline / _MILLIMETRES, mine))
    return Layout(tuple(rooms), normals / lengths, offsets / lengths[:, 0] / _MILLIMETRES, kinds), skipped


def _outline(lines: npt.NDArray[np.bool_], corners: FloatArray) -> FloatArray | None:
    """(n, 3): the closed walk with the largest floor area, counter-clockwise from above; None without any.

    Args:
        lines: (l, j), the junctions on each line; a line is an edge where it has exactly two.
        corners: (j, 3).
    """
    pairs = [np.flatnonzero(line).tolist() for line in lines]
    best, best_area = None, 0.0
    for walk in _closed_walks([(pair[0], pair[1]) for pair in pairs if len(pair) == 2]):
        area = _area(corners[walk, :2])
        if abs(area) > abs(best_area):
            best, best_area = walk, area
    if best is None:
        return None
    return corners[best] if best_area > 0 else corners[best[::-1]]


def _closed_walks(edges: Sequence[tuple[int, int]]) -> Iterable[list[int]]:
    """Corners of every walk along edges, each edge taken once, that comes back to where it began."""
    at: dict[int, list[int]] = {}
    for index, edge in enumerate(edges):
        for corner in edge:
            at.setdefault(corner, []).append(index)
    left = set(range(len(edges)))
    for first in range(len(edges)):
        if first not in left:
            continue
        left.remove(first)
        start, corner = edges[first]
        walk = [start]
        while corner != start:
            walk.append(corner)
            step = next((edge for edge in at[corner] if edge in left), None)
            if step is None:
                break
            left.remove(step)
            corner = edges[step][0] + edges[step][1] - corner
        if corner == start and len(walk) >= 3:
            yield walk


def _area(polygon: FloatArray) -> float:
    """Signed area of a polygon (n, 2), positive when counter-clockwise."""
    x, y = (polygon - polygon[0]).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _crosses_itself(polygon: FloatArray) -> bool:
    """Whether two edges of a polygon (n, 2) cross in their insides."""
    ends = np.roll(polygon, -1, axis=0)

    def side(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
        """Sign of the turn from a over b to c."""
        first, second = b - a, c - a
        return np.sign(first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0])

    for start, end in zip(polygon, ends, strict=True):
        apart = side(start, end, polygon) * side(start, end, ends) < 0
        across = side(polygon, ends, start) * side(polygon, ends, end) < 0
        if (apart & across).any():
            return True
    return False


def _records(loaded: dict[str, Any], name: str, path: Path) -> list[dict[str, Any]]:
    records = loaded.get(name)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise SceneError(f"has no list {name}", path=path, remedy=_REMEDY)
    return records


def _column(records: Sequence[dict[str, Any]], key: str, width: int, path: Path, name: str) -> FloatArray:
    values = [record.get(key) for record in records]
    return numbers(values or np.zeros((0, width)), (len(records), width), path, f"{name}: {key}", _REMEDY)


def _matrix(loaded: dict[str, Any], name: str, shape: tuple[int, int], path: Path) -> npt.NDArray[np.bool_]:
    values = loaded.get(name)
    if 0 in shape:
        return np.zeros(shape, bool)
    return np.asarray(numbers(values, shape, path, name, _REMEDY) != 0)


def _plane_ids(entry: dict[str, Any], planes: int, path: Path, position: int) -> tuple[int, ...]:
    ids = entry.get("planeID")
    if not isinstance(ids, list) or not all(isinstance(plane, int) and 0 <= plane < planes for plane in ids):
        raise SceneError(f"semantics[{position}] names planes beyond the {planes} there are", path=path, remedy=_REMEDY)
    return tuple(ids)
