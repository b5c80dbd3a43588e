"""How much two frames show of the same surface.

``iou`` = |A ∩ B| / |A ∪ B| over the scene's points, a fraction; ``minimum`` = |A ∩ B| / min(|A|, |B|). Where points are
unknown (depth source ``sensor``), only points known in both frames count: with K_A the points of which frame A
tells whether it sees them (those outside its image included: it does not), iou = |A ∩ B| / |(A ∪ B) ∩ K_A ∩ K_B| and
minimum = |A ∩ B| / min(|A ∩ K_B|, |B ∩ K_A|). Nothing over nothing is 0, so a frame that sees no point has overlap 0
with every frame, itself included; any other frame has overlap 1 with itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from . import _kernels
from .arrays import read_only
from .visibility import VisibilityBits

__all__ = ["Overlap", "overlap_of"]

_FRAME_TILE: Final = 32
_WORD_TILE: Final = 512  # two tiles of 32 frames x 512 words are 256 KB: half a second-level cache, or less
_EVERYTHING: Final = read_only(np.zeros((0, 0)), np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Overlaps of all pairs of frames.

    Attributes:
        iou: (f, f) float32, 0 to 1, symmetric.
        minimum: (f, f) float32, the same by the smaller of the two.
    """

    iou: npt.NDArray[np.float32]
    minimum: npt.NDArray[np.float32]


def overlap_of(bits: VisibilityBits) -> Overlap:
    """Overlaps of all pairs of frames, by counting bits."""
    words = read_only(bits.words, np.uint64)
    known = _EVERYTHING if bits.known is None else read_only(bits.known, np.uint64)
    iou = np.empty((len(words), len(words)), dtype=np.float32)
    minimum = np.empty_like(iou)
    _kernels.pair_overlaps(words, known, _FRAME_TILE, _WORD_TILE, iou, minimum)
    return Overlap(iou, minimum)
