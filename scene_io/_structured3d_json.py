"""Arrays of numbers in the JSON files of Structured3D."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SceneError

__all__ = ["numbers"]


def numbers(value: Any, shape: tuple[int | None, ...], path: Path, where: str, remedy: str) -> npt.NDArray[np.float64]:
    """Nested lists of numbers as an array of a shape (None = any extent).

    Raises:
        SceneError: when they are not numbers, or of another shape.
    """
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        array = np.zeros(0, object)
    if (
        array.dtype.kind not in "iufb"
        or array.ndim != len(shape)
        or any(wanted not in (None, found) for wanted, found in zip(shape, array.shape, strict=True))
    ):
        wanted = " x ".join("n" if extent is None else str(extent) for extent in shape)
        raise SceneError(f"{where} does not hold {wanted} numbers", path=path, remedy=remedy)
    return array.astype(np.float64)
