"""``transforms.json`` of nerfstudio, instant-ngp and Blender scenes: frames with poses, lenses global or per frame.

Conventions (nerfstudio, "Data conventions"; instant-ngp, "Data loading"): poses are camera_to_world with OpenGL camera
axes (x right, y up, z backwards), turned into OpenCV's by ``opencv_axes``. All three programs look through the pixel
(x, y) along the ray at (x + 0.5, y + 0.5), so half a pixel is taken off ``cx`` and ``cy`` here; without them the lens
is centred. Lengths are in whatever unit the file's author had, and so are the world's axes: a dataset that permutes
them is put right by its own reader.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..core.types import CameraModel
from ..errors import SceneError

__all__ = ["Transforms", "TransformsFrame", "TransformsLens", "opencv_axes", "read_transforms"]

_REMEDY: Final = "export it again, or correct it by hand"
_DEPTH_KEYS: Final = ("depth_file_path", "depth_path")  # nerfstudio, instant-ngp
_SCALE_KEYS: Final = ("depth_unit_scale_factor", "integer_depth_scale")  # nerfstudio, instant-ngp
_MODELS: Final[Mapping[str, CameraModel]] = {
    "PINHOLE": "pinhole",
    "SIMPLE_PINHOLE": "pinhole",
    "PERSPECTIVE": "pinhole",
    "SIMPLE_RADIAL": "opencv",
    "RADIAL": "opencv",
    "OPENCV": "opencv",
    "FULL_OPENCV": "opencv",
    "OPENCV_FISHEYE": "opencv_fisheye",
    "EQUIRECTANGULAR": "equirectangular",
}
_MAX_SIDE: Final = 100_000  # pixels
_MAX_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class TransformsLens:
    """A lens as stated; what is missing is completed for an image by ``intrinsics``.

    Attributes:
        model, distortion: as in ``Camera``.
        focal: fx, fy in pixels, or None where only the field of view is stated.
        angles: horizontal and vertical field of view in radians; the second None where only the first is stated.
        principal: cx, cy with the first pixel's centre at (0, 0); None: the image centre.
        size: width and height it is for, or None.
    """

    model: CameraModel
    distortion: tuple[float, ...]
    focal: tuple[float, float] | None
    angles: tuple[float, float | None] | None
    principal: tuple[float, float] | None
    size: tuple[int, int] | None

    def intrinsics(self, width: int, height: int) -> npt.NDArray[np.float64]:
        """(3, 3) pixels for images of a size, which must be the stated one where there is one."""
        matrix = np.eye(3)
        if self.model == "equirectangular":  # all around; nothing stated changes that
            matrix[[0, 1], [0, 1]] = width / (2 * math.pi), height / math.pi
            matrix[:2, 2] = 0.5 * (width - 1), 0.5 * (height - 1)
            return matrix
        if self.focal is not None:
            matrix[0, 0], matrix[1, 1] = self.focal
        elif self.angles is not None:
            matrix[0, 0] = 0.5 * width / math.tan(0.5 * self.angles[0])
            vertical = self.angles[1]
            matrix[1, 1] = matrix[0, 0] if vertical is None else 0.5 * height / math.tan(0.5 * vertical)
        matrix[:2, 2] = self.principal or (0.5 * (width - 1), 0.5 * (height - 1))
        return matrix


@dataclass(frozen=True, slots=True, eq=False)
class TransformsFrame:
    """One listed frame.

    Attributes:
        file_path: as written; Blender leaves the extension out.
        transform: (4, 4) as written: camera_to_world, OpenGL camera axes; may hold anything, also NaN.
        lens: its own or the file's.
        depth_path, mask_path: as written, or None.
        is_bad: as ScanNet++ marks frames.
    """

    file_path: str
    transform: npt.NDArray[np.float64]
    lens: TransformsLens
    depth_path: str | None = None
    mask_path: str | None = None
    is_bad: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Transforms:
    """One file.

    Attributes:
        path: of it.
        frames: of the list ``frames``, in the file's order.
        test_frames: of the list ``test_frames``, which ScanNet++ has.
        metres_per_unit: of stored depth, where the file states it; ``scale_key`` says under which key.
        other: the whole top level, for keys a dataset adds.
    """

    path: Path
    frames: tuple[TransformsFrame, ...]
    test_frames: tuple[TransformsFrame, ...]
    metres_per_unit: float | None
    scale_key: str | None
    other: Mapping[str, Any]


def opencv_axes(camera_to_world: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(..., 4, 4) poses of OpenGL cameras as poses of OpenCV cameras, or back: y and z point the other way."""
    flipped = np.array(camera_to_world, np.float64)
    flipped[..., :3, 1:3] *= -1.0
    return flipped


def read_transforms(path: Path) -> Transforms:
    """The frames of a ``transforms.json``.

    Raises:
        SceneError: when it is missing, cut short or not such a file, or a lens is of a kind that cannot be used.
    """
    document = _document(path)
    if not isinstance(document.get("frames"), list):
        raise SceneError("has no list of frames", path=path, remedy=_REMEDY)
    key = next((key for key in _SCALE_KEYS if document.get(key) is not None), None)
    scale = _number(document, key, path) if key else None
    if scale is not None and not 0 < scale < math.inf:
        raise SceneError(f"{key} must be positive, got {scale}", path=path, remedy=_REMEDY)
    return Transforms(
        path=path,
        frames=tuple(_frames(document, "frames", path)),
        test_frames=tuple(_frames(document, "test_frames", path)),
        metres_per_unit=scale,
        scale_key=key,
        other=document,
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SceneError("is far too large for a list of frames", path=path, remedy=_REMEDY)
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy="copy it again") from None
    except (ValueError, RecursionError):
        raise SceneError("is cut short or not JSON", path=path, remedy=_REMEDY) from None
    if not isinstance(document, dict):
        raise SceneError("is not a transforms.json: its top level is no object", path=path, remedy=_REMEDY)
    return document


def _frames(document: Mapping[str, Any], name: str, path: Path) -> Iterator[TransformsFrame]:
    listed = document.get(name, [])
    if not isinstance(listed, list):
        raise SceneError(f"{name} is no list", path=path, remedy=_REMEDY)
    common = {key: value for key, value in document.items() if not isinstance(value, list | dict)}
    for index, entry in enumerate(listed):
        if not isinstance(entry, dict) or not isinstance(entry.get("file_path"), str):
            raise SceneError(f"{name}[{index}] has no file_path", path=path, remedy=_REMEDY)
        try:
            matrix = np.array(entry.get("transform_matrix"), np.float64)
        except (TypeError, ValueError):
            matrix = np.empty(0)
        if matrix.shape not in ((4, 4), (3, 4)):
            what = f"{name}[{index}] ({entry['file_path']}) has no transform_matrix of 4 x 4 numbers"
            raise SceneError(what, path=path, remedy=_REMEDY)
        transform = np.eye(4)
        transform[: len(matrix)] = matrix
        yield TransformsFrame(
            file_path=_posix(entry["file_path"]),
            transform=transform,
            lens=_lens({**common, **entry}, path),
            depth_path=next((_posix(str(entry[key])) for key in _DEPTH_KEYS if entry.get(key)), None),
            mask_path=_posix(str(entry["mask_path"])) if entry.get("mask_path") else None,
            is_bad=bool(entry.get("is_bad", False)),
        )


def _posix(written: str) -> str:
    """A path with forward slashes: exporters that ran on Windows write backslashes."""
    return written.replace("\\", "/")


def _lens(stated: Mapping[str, Any], path: Path) -> TransformsLens:
    """A frame's keys over the file's."""
    name = str(stated.get("camera_model", "OPENCV_FISHEYE" if stated.get("is_fisheye") else "OPENCV")).upper()
    if name not in _MODELS or any(key.startswith("ftheta") for key in stated):
        raise SceneError(
            f"the camera_model {name} is not supported ({', '.join(_MODELS)} are)",
            path=path,
            remedy="undistort the images and state a PINHOLE camera",
        )
    fx, fy = (_number(stated, key, path) for key in ("fl_x", "fl_y"))
    angle_x, angle_y = (_number(stated, key, path) for key in ("camera_angle_x", "camera_angle_y"))
    cx, cy = (_number(stated, key, path) for key in ("cx", "cy"))
    width, height = (_number(stated, key, path) for key in ("w", "h"))
    model = _MODELS[name]
    if (fx is None and angle_x is None and model != "equirectangular") or (cx is None) != (cy is None):
        missing = "fl_x and camera_angle_x" if (cx is None) == (cy is None) else "one of cx and cy"
        raise SceneError(f"a frame lacks {missing}", path=path, remedy="state fl_x, fl_y, cx, cy, w and h")
    limits = [("fl_x", fx, 1e6), ("fl_y", fy, 1e6), ("w", width, _MAX_SIDE), ("h", height, _MAX_SIDE)]
    limits += [("camera_angle_x", angle_x, math.pi), ("camera_angle_y", angle_y, math.pi)]
    for key, value, most in limits:
        if value is not None and not 0 < value < most:
            raise SceneError(f"{key} makes no sense: {value}", path=path, remedy=_REMEDY)
    distortion = _distortion(stated, model, path)
    if model == "opencv" and not any(distortion):
        model, distortion = "pinhole", ()
    return TransformsLens(
        model=model,
        distortion=distortion,
        focal=None if fx is None else (fx, fx if fy is None else fy),
        angles=None if angle_x is None else (angle_x, angle_y),
        principal=None if cx is None or cy is None else (cx - 0.5, cy - 0.5),
        size=None if width is None or height is None else (round(width), round(height)),
    )


def _distortion(stated: Mapping[str, Any], model: CameraModel, path: Path) -> tuple[float, ...]:
    k1, k2, k3, k4, p1, p2 = (_number(stated, key, path) or 0.0 for key in ("k1", "k2", "k3", "k4", "p1", "p2"))
    if model == "opencv_fisheye":
        return (k1, k2, k3, k4)
    if model != "opencv":
        return ()
    if k4:
        # nerfstudio multiplies it by the eighth power of the radius; OpenCV's k4 is another term.
        raise SceneError(
            f"k4 = {k4} of an OPENCV lens has no counterpart", path=path, remedy="undistort the images first"
        )
    return (k1, k2, p1, p2, k3) if k3 else (k1, k2, p1, p2)


def _number(stated: Mapping[str, Any], key: str, path: Path) -> float | None:
    value = stated.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SceneError(f"{key} must be a number, got {value!r}", path=path, remedy=_REMEDY)
    return float(value)
