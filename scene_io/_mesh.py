"""Triangle meshes from PLY files, binary or ASCII."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from plyfile import PlyData, PlyParseError

from ..errors import SceneError

__all__ = ["mesh_counts", "read_mesh"]

_FACE_LISTS: Final = ("vertex_indices", "vertex_index")
_REMEDY: Final = "download or copy it again"
_HEADER_LIMIT: Final = 1 << 16  # bytes; a header is a few hundred
_HEADER_END: Final = re.compile(rb"[\r\n]end_header")
_LINE_ENDS: Final = re.compile(r"[\r\n]+")  # the only ones plyfile knows; str.splitlines has more
_WIDTHS: Final = {"short": 2, "ushort": 2, "int16": 2, "uint16": 2, "double": 8, "float64": 8} | dict.fromkeys(
    ("int", "uint", "float", "int32", "uint32", "float32"), 4
)
"""Bytes of a binary value by the name of its type; all others take one."""
_WHOLE_NUMBERS: Final = frozenset(f"{sign}{name}" for sign in ("", "u") for name in (
    "char", "short", "int", "int8", "int16", "int32"
))  # fmt: skip


class _Header(NamedTuple):
    """Counts of vertices and faces, the name of the corner lists, and whether the values are binary."""

    vertices: int
    faces: int
    corners: str
    binary: bool


def mesh_counts(path: Path) -> tuple[int, int]:
    """Numbers of vertices and faces that a PLY file's header states.

    Raises:
        SceneError: when it is not a PLY file of a triangle mesh, or too short for what it states.
    """
    header = _checked_header(path)
    return header.vertices, header.faces


def read_mesh(path: Path) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """Vertices and triangles of a PLY file.

    Args:
        path: of the file; polygons with more than three corners become fans of triangles.

    Returns:
        (n, 3) float64 vertices in the file's unit, (m, 3) int32 faces.

    Raises:
        SceneError: when the file is missing, cut short, or not a mesh of finite points.
    """
    header = _checked_header(path)
    ply = _read(path, header)
    vertex = ply["vertex"].data
    if not {"x", "y", "z"} <= set(vertex.dtype.names or ()):
        raise SceneError("its vertices have no x, y and z", path=path, remedy=_REMEDY)
    with np.errstate(invalid="ignore"):  # a signalling NaN, as damaged files have, complains about being converted
        vertices = np.column_stack([np.asarray(vertex[axis], np.float64) for axis in "xyz"])
    if not np.isfinite(vertices).all():
        raise SceneError("some vertices are not finite", path=path, remedy=_REMEDY)
    faces = _triangles(ply["face"].data[header.corners])
    if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise SceneError(f"some faces name vertices beyond the {len(vertices)} there are", path=path, remedy=_REMEDY)
    return vertices, faces.astype(np.int32)


def _checked_header(path: Path) -> _Header:
    """What the header says, no count believed beyond the file's size."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEADER_LIMIT)
        size = path.stat().st_size
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy=_REMEDY) from None
    end = _HEADER_END.search(head)
    if not head.startswith(b"ply") or end is None:
        state = "is cut short in its header" if head.startswith(b"ply") else "is not a PLY file"
        raise SceneError(state, path=path, remedy=_REMEDY)
    counts: dict[str, int] = {}
    properties: dict[str, list[list[str]]] = {}
    element, binary = "", False
    for line in _LINE_ENDS.split(head[: end.start()].decode("ascii", "replace")):
        words = line.split()
        if words[:1] == ["element"]:
            if len(words) != 3 or not words[2].isdigit() or words[1] in counts:
                raise SceneError(f"is damaged in its header, at {line!r}", path=path, remedy=_REMEDY)
            element = words[1]
            counts[element], properties[element] = int(words[2]), []
        elif words[:1] == ["property"] and element:
            properties[element].append(words[1:])
        elif words[:1] == ["format"]:
            binary = words[1:2] != ["ascii"]
    for name, count in counts.items():
        # A list takes at least its length, a value as text at least a byte: larger counts are a damaged or cut file.
        smallest = sum(_smallest(words) if binary else 1 for words in properties[name])
        if count * max(1, smallest) > size:
            what = f"is cut short: {count} {name} entries do not fit in its {size} bytes"
            raise SceneError(what, path=path, remedy=_REMEDY)
    kinds = {words[-1]: words[-2] for words in properties.get("face", ()) if words[:1] == ["list"] and len(words) == 4}
    corners = next((name for name in _FACE_LISTS if kinds.get(name) in _WHOLE_NUMBERS), None)
    if corners is None or not counts.get("vertex") or not counts["face"]:
        raise SceneError("is not a mesh: it has no vertices or no faces with vertex_indices", path=path, remedy=_REMEDY)
    return _Header(counts["vertex"], counts["face"], corners, binary)


def _smallest(words: list[str]) -> int:
    """Bytes that a property takes at least in a binary file; of a list, its length."""
    return _WIDTHS.get(words[1] if words[:1] == ["list"] and len(words) > 1 else "".join(words[:1]), 1)


class _Modest(io.BufferedReader):
    """An open file that sets nothing aside beyond its size, however much is asked for: lengths of lists may lie."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if size is None else min(size, self._size))


def _read(path: Path, header: _Header) -> PlyData:
    if header.binary:
        with _Modest(path) as stream:
            try:
                # With the length of the lists known, plyfile maps the file instead of looping over its faces.
                return PlyData.read(stream, known_list_len={"face": {header.corners: 3}})
            except (PlyParseError, ValueError):
                pass  # not all triangles, or damaged: the loop below tells which
    try:
        if header.binary:
            with _Modest(path) as stream:
                return PlyData.read(stream, mmap=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "loadtxt: input contained no data")  # a face without corners
            return PlyData.read(str(path))
    except (PlyParseError, ValueError, OverflowError) as error:
        raise SceneError(f"is cut short or damaged ({error})", path=path, remedy=_REMEDY) from None


def _triangles(corners: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """(m, 3) triangles from corner lists: an (m, 3) array, or one array a face."""
    if corners.ndim == 2:
        return np.asarray(corners, np.int64)
    lengths = np.fromiter((len(face) for face in corners), np.int64, len(corners))
    fans = []
    for length in np.unique(lengths[lengths >= 3]):
        faces = np.stack([np.asarray(face, np.int64) for face in corners[lengths == length]])
        fans += [faces[:, [0, k, k + 1]] for k in range(1, length - 1)]
    return np.concatenate(fans) if fans else np.empty((0, 3), np.int64)
