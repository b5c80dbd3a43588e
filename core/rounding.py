"""Numbers as texts write them: halves go up, not to the even neighbour, so that 0.25 m is always told as 0.3 m."""

from __future__ import annotations

import math

__all__ = ["half_up", "thousandths"]


def half_up(number: float, decimals: int = 0) -> float:
    """A number with so many decimals, half rounded up (towards plus infinity).

    Args:
        number: finite.
        decimals: kept, 0 or more.
    """
    scale: int = 10**decimals
    return math.floor(number * scale + 0.5) / scale


def thousandths(pixel: float, extent: int) -> int:
    """A pixel coordinate as texts write it: 0 to 1000 of an image's width or height.

    Args:
        pixel: native, pixel centres at integers.
        extent: of the image in pixels.
    """
    return min(max(int(half_up(1000 * (pixel + 0.5) / extent)), 0), 1000)
