"""Arrays as kernels want them: contiguous, of one type, and read-only.

Numba compiles a function again for every other type, order or writability of its arguments; giving every input the
same form keeps it at one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["read_only"]


def read_only(array: npt.ArrayLike, dtype: npt.DTypeLike) -> np.ndarray:
    """A read-only, C-contiguous view of an array, or a copy where it is not contiguous or of another type."""
    result = np.ascontiguousarray(array, dtype=dtype).view()
    result.flags.writeable = False
    return result
