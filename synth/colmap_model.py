"""COLMAP models as files, text or binary, and nerfstudio's ``transforms.json``.

Both count pixels from the image's corner: the first pixel's centre is (0.5, 0.5), where the package has (0, 0).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from ..core.types import Camera

__all__ = ["Points", "nerfstudio_entry", "nerfstudio_lens", "write_colmap"]

_MODELS: Final = {"pinhole": ("OPENCV", 4), "opencv_fisheye": ("OPENCV_FISHEYE", 5)}
"""COLMAP's name of a lens and its number (``src/colmap/sensor/models.h``); ScanNet++ states undistorted lenses as
OPENCV too."""
_WORLD: Final = np.array([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
"""From the mesh's world to that of ScanNet++'s nerfstudio files: x and y swapped, z down."""

Points = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]


def write_colmap(
    folder: Path, names: Sequence[str], cameras: Sequence[Camera], points: Points, *, binary: bool = False
) -> None:
    """Write ``cameras``, ``images`` and ``points3D``, ``.txt`` or ``.bin``.

    Args:
        folder: made if it is not there.
        names: of the images.
        cameras: theirs, all of one lens and size.
        points: (n, 3) metres and (n, 3) RGB; no image is said to show them.
        binary: the format.
    """
    folder.mkdir(parents=True, exist_ok=True)
    poses = [(*_quaternion(camera), *camera.world_to_camera[:3, 3].tolist()) for camera in cameras]
    if binary:
        _write_binary(folder, names, cameras[0], poses, points)
    else:
        _write_text(folder, names, cameras[0], poses, points)


def _parameters(camera: Camera) -> list[float]:
    k = camera.intrinsics
    return [k[0, 0], k[1, 1], k[0, 2] + 0.5, k[1, 2] + 0.5, *(camera.distortion or (0.0,) * 4)]


def _quaternion(camera: Camera) -> tuple[float, ...]:
    """Of world_to_camera: w x y z, w not negative."""
    x, y, z, w = Rotation.from_matrix(camera.world_to_camera[:3, :3]).as_quat(canonical=True).tolist()
    return w, x, y, z


def _write_text(
    folder: Path, names: Sequence[str], camera: Camera, poses: Sequence[Sequence[float]], points: Points
) -> None:
    model, _ = _MODELS[camera.model]
    numbers = " ".join(repr(float(value)) for value in _parameters(camera))
    (folder / "cameras.txt").write_text(
        "# Camera list with one line of data per camera:\n#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n"
        f"# Number of cameras: 1\n1 {model} {camera.width} {camera.height} {numbers}\n",
        encoding="ascii",
    )
    lines = [
        "# Image list with two lines of data per image:",
        "#   IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME",
        "#   POINTS2D[] as (X, Y, POINT3D_ID)",
        f"# Number of images: {len(names)}, mean observations per image: 0",
    ]
    for number, (name, pose) in enumerate(zip(names, poses, strict=True), start=1):
        # The second line lists image points; it is empty.
        lines += [f"{number} {' '.join(repr(float(value)) for value in pose)} 1 {name}", ""]
    (folder / "images.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
    lines = [
        "# 3D point list with one line of data per point:",
        "#   POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)",
        f"# Number of points: {len(points[0])}, mean track length: 0",
    ]
    for number, (place, color) in enumerate(zip(points[0].tolist(), points[1].tolist(), strict=True), start=1):
        lines.append(f"{number} {' '.join(f'{v:.6f}' for v in place)} {' '.join(str(v) for v in color)} 0")
    (folder / "points3D.txt").write_text("\n".join(lines) + "\n", encoding="ascii")


def _write_binary(
    folder: Path, names: Sequence[str], camera: Camera, poses: Sequence[Sequence[float]], points: Points
) -> None:
    parameters = _parameters(camera)
    (folder / "cameras.bin").write_bytes(
        struct.pack("<QIiQQ", 1, 1, _MODELS[camera.model][1], camera.width, camera.height)
        + struct.pack(f"<{len(parameters)}d", *parameters)
    )
    images = [
        struct.pack("<I7dI", number, *pose, 1) + name.encode("ascii") + b"\0" + struct.pack("<Q", 0)
        for number, (name, pose) in enumerate(zip(names, poses, strict=True), start=1)
    ]
    (folder / "images.bin").write_bytes(struct.pack("<Q", len(images)) + b"".join(images))
    rows = [
        struct.pack("<Q3d3BdQ", number, *place, *color, 0.0, 0)
        for number, (place, color) in enumerate(zip(points[0].tolist(), points[1].tolist(), strict=True), start=1)
    ]
    (folder / "points3D.bin").write_bytes(struct.pack("<Q", len(rows)) + b"".join(rows))


def nerfstudio_lens(camera: Camera, model: str) -> dict[str, Any]:
    """What stands at the top of ScanNet++'s nerfstudio files about a lens; ``model`` is its name there."""
    k = camera.intrinsics
    names = ("k1", "k2", "p1", "p2") if model == "OPENCV" else ("k1", "k2", "k3", "k4")
    return {
        "fl_x": float(k[0, 0]),
        "fl_y": float(k[1, 1]),
        "cx": float(k[0, 2]) + 0.5,
        "cy": float(k[1, 2]) + 0.5,
        "w": camera.width,
        "h": camera.height,
        **dict(zip(names, camera.distortion or (0.0,) * 4, strict=True)),
        "camera_model": model,
    }


def nerfstudio_entry(name: str, camera: Camera, extra: Mapping[str, Any]) -> dict[str, Any]:
    """A frame of ScanNet++'s nerfstudio files: OpenGL camera axes, and a world turned upside down."""
    pose = camera.camera_to_world.copy()
    pose[:3, 1:3] *= -1
    return {"file_path": name, "transform_matrix": (_WORLD @ pose).tolist(), **extra}
