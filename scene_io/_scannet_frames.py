"""What every source of frames is turned into, and the small callables that load its pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.types import Camera
from ..errors import SceneError
from ..media.images import check_complete, decode_depth_png, depth_in_metres, image_size
from ..media.sens import SensFile

__all__ = [
    "NO_DEPTH",
    "NO_IMAGE",
    "NO_POSE",
    "DepthFile",
    "FrameTable",
    "ImageFile",
    "Lens",
    "SensDepth",
    "SensImage",
    "fitted_lens",
]

NO_DEPTH: Final = "no depth image"
NO_IMAGE: Final = "no colour image"
NO_POSE: Final = "no readable pose file"

COLOR_SIZES: Final = ((1296, 968), (640, 480))
"""Sizes ScanNet's colour cameras recorded; exports shrink them and often leave the intrinsics as they were."""
DEPTH_SIZES: Final = ((640, 480),)

_CENTRED: Final = 0.05
"""Share of the image: real principal points lie within 3 % of the centre, another size's centre at least 10 % off."""
_PLAUSIBLE: Final = 0.20
_ASPECT: Final = 0.02
_REMEDY: Final = "copy or extract it again"


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """Intrinsics (3, 3) and the image size they are for."""

    intrinsics: npt.NDArray[np.float64]
    width: int
    height: int

    def resized(self, width: int, height: int) -> Lens:
        """The same lens for the picture resampled to another size (pixel centres at integers)."""
        camera = Camera(self.intrinsics, np.eye(4), self.width, self.height).resized(width, height)
        return Lens(camera.intrinsics, width, height)


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
        return _file_state(self.file.path)


@dataclass(frozen=True, slots=True)
class ImageFile:
    """Loads an encoded colour image and checks that it is whole and of the size its camera was made for."""

    path: Path
    width: int
    height: int

    def __call__(self) -> bytes:
        data = _bytes(self.path)
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
        stored = decode_depth_png(_bytes(self.path), source=self.path)
        _same_size((stored.shape[1], stored.shape[0]), (self.width, self.height), self.path)
        return depth_in_metres(stored, self.units_per_metre)

    def fingerprint(self) -> str:
        """Changes whenever the file does."""
        return _file_state(self.path)


def fitted_lens(
    intrinsics: npt.NDArray[np.float64],
    size: tuple[int, int],
    known_sizes: tuple[tuple[int, int], ...],
    path: Path,
) -> Lens:
    """The lens of images of a size, from intrinsics that may have been written for another size.

    A camera's principal point lies near the image centre, which tells the size its intrinsics were made for:

    1. within 5 % of the centre of the image itself: they belong to it;
    2. else, within 5 % of the centre of a size the camera is known to record (``<id>.txt``, or ScanNet's 1296 x 968
       and 640 x 480) of the same shape (width : height within 2 %): the image was resized from it, and they are
       scaled by the ratio of the sizes;
    3. else, within 20 % of the centre of the image itself: an unusual lens;
    4. else nobody can tell, and the scene is refused.

    Args:
        intrinsics: (3, 3) or (4, 4) as stored.
        size: width and height of the images.
        known_sizes: sizes the camera may have recorded.
        path: the file they were read from.

    Raises:
        SceneError: when they are no intrinsics, or fit no size.
    """
    matrix = np.array(intrinsics[:3, :3], np.float64)
    proper = np.isfinite(matrix).all() and np.allclose(matrix[2], (0, 0, 1), atol=1e-3)
    if not proper or min(matrix[0, 0], matrix[1, 1]) <= 0:
        raise SceneError("does not hold intrinsics (fx, fy > 0)", path=path, remedy=_REMEDY)

    matrix[2] = (0.0, 0.0, 1.0)

    def off_centre(width: int, height: int) -> float:
        return float(max(abs(matrix[0, 2] / (width - 1) - 0.5), abs(matrix[1, 2] / (height - 1) - 0.5)))

    width, height = size
    own = off_centre(width, height)
    if own > _CENTRED:
        for other_width, other_height in known_sizes:
            same_shape = abs(other_width * height / (other_height * width) - 1.0) <= _ASPECT
            if same_shape and off_centre(other_width, other_height) <= _CENTRED:
                return Lens(matrix, other_width, other_height).resized(width, height)
    if own > _PLAUSIBLE:
        raise SceneError(
            f"these intrinsics have their centre at ({matrix[0, 2]:.0f}, {matrix[1, 2]:.0f}), "
            f"which fits neither the {width} x {height} images nor a size they could have been resized from",
            path=path,
            remedy="give the intrinsics of the exported image size",
        )
    return Lens(matrix, width, height)


def _file_state(path: Path) -> str:
    try:
        state = path.stat()
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy=_REMEDY) from None
    return f"{state.st_size}:{state.st_mtime_ns}"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy=_REMEDY) from None


def _same_size(found: tuple[int, int], wanted: tuple[int, int], path: Path) -> None:
    if found != wanted:
        raise SceneError(
            f"the image is {found[0]} x {found[1]}, the scene's other images are {wanted[0]} x {wanted[1]}",
            path=path,
            remedy="export all frames of a scene in one size",
        )
