"""What every source of frames is turned into, and the small callables that load its pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ..media.images import check_complete, decode_depth_png, depth_in_metres, image_size
from ..media.sens import SensFile
from ._files import file_state, read_bytes
from ._scannet_lens import Lens

__all__ = [
    "NO_DEPTH",
    "NO_IMAGE",
    "NO_POSE",
    "DepthFile",
    "FrameTable",
    "ImageFile",
    "SensDepth",
    "SensImage",
]

NO_DEPTH: Final = "no depth image"
NO_IMAGE: Final = "no colour image"
NO_POSE: Final = "no readable pose file"

_REMEDY: Final = "copy or extract it again"


@dataclass(slots=True, eq=False)
class FrameTable:
    """The frames of one source, as columns in the order of their numbers.

    Attributes:
        origin: file or folder they come from, named in errors.
        numbers: the sensor's frame numbers.
        poses: (n, 4, 4) camera_to_world as stored.
        color, depth: lenses; depth None where no frame has depth.
        images, depths: loaders; a depth is None where the frame has none.
        image_refs, depth_refs: relative to the dataset root.
        units_per_metre: of stored depth.
        times: seconds, or None.
        skipped: frames that could not even be listed, by reason.
    """

    origin: Path
    numbers: list[int]
    poses: npt.NDArray[np.float64]
    color: Lens
    depth: Lens | None
    images: list[Callable[[], bytes]]
    depths: list[SensDepth | DepthFile | None]
    image_refs: list[str]
    depth_refs: list[str | None]
    units_per_metre: float
    times: list[float | None]
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class SensImage:
    """Loads the encoded colour image of a frame of a ``.sens`` file."""

    file: SensFile
    frame: int

    def __call__(self) -> bytes:
        return self.file.image_bytes(self.frame)


@dataclass(frozen=True, slots=True)
class SensDepth:
    """Loads the depth of a frame of a ``.sens`` file in metres."""

    file: SensFile
    frame: int

    def __call__(self) -> npt.NDArray[np.float32]:
        return self.file.depth(self.frame)

    def fingerprint(self) -> str:
        """Changes whenever the file does."""
        return file_state(self.file.path, remedy=_REMEDY)


@dataclass(frozen=True, slots=True)
class ImageFile:
    """Loads an encoded colour image and checks that it is whole and of the size its camera was made for."""

    path: Path
    width: int
    height: int

    def __call__(self) -> bytes:
        data = read_bytes(self.path, remedy=_REMEDY)
        check_complete(data, source=self.path)
        _same_size(image_size(data, source=self.path), (self.width, self.height), self.path)
        return data


@dataclass(frozen=True, slots=True)
class DepthFile:
    """Loads a 16-bit depth image in metres."""

    path: Path
    width: int
    height: int
    units_per_metre: float

    def __call__(self) -> npt.NDArray[np.float32]:
        data = read_bytes(self.path, remedy=_REMEDY)
        # Before decoding: a damaged header may ask for gigabytes.
        _same_size(image_size(data, source=self.path), (self.width, self.height), self.path)
        return depth_in_metres(decode_depth_png(data, source=self.path), self.units_per_metre)

    def fingerprint(self) -> str:
        """Changes whenever the file does."""
        return file_state(self.path, remedy=_REMEDY)


def _same_size(found: tuple[int, int], wanted: tuple[int, int], path: Path) -> None:
    if found != wanted:
        raise SceneError(
            f"the image is {found[0]} x {found[1]}, the scene's other images are {wanted[0]} x {wanted[1]}",
            path=path,
            remedy="export all frames of a scene in one size",
        )
