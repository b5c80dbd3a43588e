"""The three sources of TAPVid-3D as our videos imitate them: their images, frame rates, cameras and file names.

Facts from the dataset's generators and its lists of files (google-deepmind/tapnet, tapvid3d) and from its paper
(Koppula et al. 2024). The numbers written are adt's own (focal length 280 and principal point (256, 256) of 512 pixels)
and mean what they mean everywhere in this package: the centre of the top-left pixel is (0, 0). That is how Project
Aria's linear camera, which rectified adt's images, uses them.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ..core import seeding

__all__ = ["SOURCES", "Source", "file_stem"]


@dataclass(frozen=True, slots=True)
class Source:
    """One source of videos.

    Attributes:
        name: of its folder.
        size: width and height of its images, pixels.
        frames_per_second: of its videos.
        focal: focal length over image width.
        offset: of the principal point from the image's middle, over width and height.
        moves: whether its camera moves; then the files have extrinsics.
    """

    name: Literal["adt", "pstudio", "drivetrack"]
    size: tuple[int, int]
    frames_per_second: float
    focal: float
    offset: tuple[float, float]
    moves: bool

    def intrinsics(self, size: tuple[int, int]) -> npt.NDArray[np.float64]:
        """(3, 3) for images of this size, pixels, the centre of the top-left pixel at (0, 0)."""
        width, height = size
        focal = self.focal * width
        x, y = self.offset
        return np.array([[focal, 0.0, width * (0.5 + x)], [0.0, focal, height * (0.5 + y)], [0.0, 0.0, 1.0]])


SOURCES: Final = (
    Source("adt", (512, 512), 30.0, 280 / 512, (0.0, 0.0), True),
    Source("pstudio", (640, 360), 30.0, 0.80, (0.012, -0.010), False),
    Source("drivetrack", (960, 640), 10.0, 0.66, (-0.006, 0.009), True),
)
"""By the index of a video: 0, 3, … are like Aria Digital Twin, 1, 4, … like Panoptic Studio, 2, 5, … like Waymo's."""


def file_stem(source: Source, seed: int, index: int) -> str:
    """The name of a video's file, without ``.npz``, in the manner of its source."""
    if source.name == "adt":
        return f"Apartment_release_synthetic_seq{index:03d}_0"
    if source.name == "pstudio":
        return f"room{index:04d}_{seeding.stable_hash('synth video', seed, index, 'camera') % 31}"
    segment = seeding.stable_hash("synth video", seed, index, "segment") % 10**19
    start = 20 * index
    word = seeding.stable_hash("synth video", seed, index, "word", bits=128).to_bytes(16, "big")
    tail = base64.urlsafe_b64encode(word).decode().rstrip("=")
    return f"tapvid3d_{segment}_{start}_000_{start + 20}_000_1_{tail}"
