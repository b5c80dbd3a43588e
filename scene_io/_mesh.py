"""Triangle meshes from PLY files, binary or ASCII."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from plyfile import PlyData, PlyParseError

from ..errors import SceneError

__all__ = ["mesh_counts", "read_mesh"]

_FACE_LISTS: Final = ("vertex_indices", "vertex_index")
_REMEDY: Final = "download or copy it again"
_HEADER_LIMIT: Final = 1 << 16  # bytes; a header is a few hundred


def mesh_counts(path: Path) -> tuple[int, int]:
    """Numbers of vertices and faces that a PLY file's header states.

    Raises:
        SceneError: when it is not a PLY file of a triangle mesh, or too short for what it states.
    """
    return _checked_header(path)[:2]


def read_mesh(path: Path) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """Vertices and triangles of a PLY file.

    Args:
        path: of the file; polygons with more than three corners become fans of triangles.

    Returns:
        (n, 3) float64 vertices in the file's unit, (m, 3) int32 faces.

    Raises:
        SceneError: when the file is missing, cut short, or not a mesh of finite points.
    """
    corners_name = _checked_header(path)[2]
    ply = _read(path, corners_name)
    vertex = ply["vertex"].data
    if not {"x", "y", "z"} <= set(vertex.dtype.names or ()):
        raise SceneError("its vertices have no x, y and z", path=path, remedy=_REMEDY)
    with np.errstate(invalid="ignore"):  # a signalling NaN, as damaged files have, complains about being converted
        vertices = np.column_stack([np.asarray(vertex[axis], np.float64) for axis in "xyz"])
    if not np.isfinite(vertices).all():
        raise SceneError("some vertices are not finite", path=path, remedy=_REMEDY)
    faces = _triangles(ply["face"].data[corners_name])
    if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise SceneError(f"some faces name vertices beyond the {len(vertices)} there are", path=path, remedy=_REMEDY)
    return vertices, faces.astype(np.int32)


def _checked_header(path: Path) -> tuple[int, int, str]:
    """Counts of vertices and faces and the name of the corner lists, none of them believed beyond the file's size."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEADER_LIMIT)
        size = path.stat().st_size
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy=_REMEDY) from None
    end = head.find(b"end_header")
    if not head.startswith(b"ply") or end < 0:
        state = "is cut short in its header" if head.startswith(b"ply") else "is not a PLY file"
        raise SceneError(state, path=path, remedy=_REMEDY)
    counts: dict[str, int] = {}
    properties: dict[str, list[str]] = {}
    element = ""
    for line in head[:end].decode("ascii", "replace").splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "element" and words[2].isdigit():
            element = words[1]
            counts[element], properties[element] = int(words[2]), []
        elif words[:1] == ["property"] and element:
            properties[element].append(words[-1])
    for name, count in counts.items():
        # In both encodings a property takes at least a byte, so larger counts are a damaged header or a cut file.
        if count * max(1, len(properties[name])) > size:
            what = f"is cut short: {count} {name} entries do not fit in its {size} bytes"
            raise SceneError(what, path=path, remedy=_REMEDY)
    corners = next((name for name in _FACE_LISTS if name in properties.get("face", ())), None)
    if corners is None or not counts.get("vertex") or not counts["face"]:
        raise SceneError("is not a mesh: it has no vertices or no faces with vertex_indices", path=path, remedy=_REMEDY)
    return counts["vertex"], counts["face"], corners


def _read(path: Path, corners: str) -> PlyData:
    try:
        # With the length of the lists known, plyfile maps a binary file instead of looping over its faces.
        return PlyData.read(str(path), known_list_len={"face": {corners: 3}})
    except (PlyParseError, ValueError):
        pass  # not all triangles, or damaged: the loop below tells which
    try:
        return PlyData.read(str(path), mmap=False)
    except (PlyParseError, ValueError) as error:
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
