"""Binary PLY files of a coloured mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["write_ply"]

_TYPES: Final = {np.dtype(np.uint16): "ushort", np.dtype(np.int16): "short"}


def write_ply(
    path: Path,
    vertices: npt.NDArray[np.float32],
    faces: npt.NDArray[np.int32],
    colors: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint16] | npt.NDArray[np.int16] | None = None,
) -> None:
    """Write a mesh, binary little endian.

    Args:
        path: of the file.
        vertices: (n, 3), metres.
        faces: (m, 3) into vertices.
        colors: (n, 3) RGB.
        labels: (n,) a number for each vertex, the property ``label``; None for none.
    """
    fields = [("position", "<f4", 3), ("color", "u1", 4)]
    extra = ""
    if labels is not None:
        fields.append(("label", labels.dtype.newbyteorder("<").str, 1))
        extra = f"property {_TYPES[labels.dtype]} label\n"
    rows = np.zeros(len(vertices), np.dtype([(n, t, s) if s > 1 else (n, t) for n, t, s in fields]))
    rows["position"] = vertices
    rows["color"][:, :3], rows["color"][:, 3] = colors, 255
    if labels is not None:
        rows["label"] = labels
    triangles = np.zeros(len(faces), np.dtype([("count", "u1"), ("corners", "<i4", 3)]))
    triangles["count"], triangles["corners"] = 3, faces
    header = (
        "ply\nformat binary_little_endian 1.0\ncomment synthetic\n"
        f"element vertex {len(vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\nproperty uchar alpha\n"
        f"{extra}element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    path.write_bytes(header.encode("ascii") + rows.tobytes() + triangles.tobytes())
