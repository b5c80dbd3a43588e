"""Camera intrinsics from the small files captures have: a matrix as text, or JSON in Open3D's or plain spelling."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ._capture_frames import Lens
from ._poses import read_matrix

__all__ = ["StatedIntrinsics", "read_intrinsics"]

_REMEDY: Final = "copy it again, or state [color] in scene.toml"
_MAX_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class StatedIntrinsics:
    """A pinhole's (3, 3) intrinsics, the image size they are for and the depth unit, where the file states them."""

    matrix: npt.NDArray[np.float64]
    size: tuple[int, int] | None = None
    units_per_metre: float | None = None

    def lens(self, size: tuple[int, int]) -> Lens:
        """The lens of images of a size, rescaled where the file is for another."""
        return Lens(self.matrix, *(self.size or size)).resized(*size)


def read_intrinsics(path: Path) -> StatedIntrinsics:
    """The intrinsics in a file.

    Text holds a 3 x 3 or 4 x 4 matrix. JSON holds ``intrinsic_matrix`` with ``width`` and ``height`` (Open3D: nine
    numbers, column by column), or ``fx fy cx cy`` (with ``w h`` or ``width height``, and ``scale`` for the stored units
    of depth in a metre), perhaps all under ``camera`` (NICE-SLAM's Replica).

    Raises:
        SceneError: when it holds none.
    """
    stated = _from_json(path) if path.suffix == ".json" else StatedIntrinsics(read_matrix(path)[:3, :3])
    matrix = stated.matrix
    proper = np.isfinite(matrix).all() and np.allclose(matrix[2], (0, 0, 1), atol=1e-3)
    if not proper or min(matrix[0, 0], matrix[1, 1]) <= 0:
        raise SceneError("does not hold intrinsics (fx, fy > 0)", path=path, remedy=_REMEDY)
    return stated


def _from_json(path: Path) -> StatedIntrinsics:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SceneError("is far too large for intrinsics", path=path, remedy=_REMEDY)
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy=_REMEDY) from None
    except (ValueError, RecursionError):
        raise SceneError("is cut short or not JSON", path=path, remedy=_REMEDY) from None
    camera = loaded.get("camera", loaded) if isinstance(loaded, dict) else None
    if not isinstance(camera, dict):
        raise SceneError("does not hold intrinsics", path=path, remedy=_REMEDY)
    width, height = (_number(camera, names, path) for names in (("w", "width"), ("h", "height")))
    scale = _number(camera, ("scale",), path)
    if any(value is not None and value <= 0 for value in (width, height, scale)):
        raise SceneError("its width, height and scale must be positive", path=path, remedy=_REMEDY)
    size = None if width is None or height is None else (round(width), round(height))
    if "intrinsic_matrix" in camera:
        try:
            values = np.array(camera["intrinsic_matrix"], np.float64)
        except (TypeError, ValueError):
            values = np.empty(0)
        if values.size != 9:
            raise SceneError("intrinsic_matrix does not hold nine numbers", path=path, remedy=_REMEDY)
        matrix = values.reshape(3, 3) if values.ndim == 2 else values.reshape(3, 3).T
        return StatedIntrinsics(matrix, size, scale)
    fx, fy, cx, cy = (_number(camera, (name,), path) for name in ("fx", "fy", "cx", "cy"))
    if fx is None or fy is None or cx is None or cy is None:
        raise SceneError("has neither intrinsic_matrix nor fx, fy, cx and cy", path=path, remedy=_REMEDY)
    return StatedIntrinsics(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]]), size, scale)


def _number(stated: dict[str, Any], names: tuple[str, ...], path: Path) -> float | None:
    for name in names:
        value = stated.get(name)
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise SceneError(f"{name} must be a number, got {value!r}", path=path, remedy=_REMEDY)
            return float(value)
    return None
