"""Lenses: intrinsics with the image size they are for, also where an export left the two of different sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.types import Camera
from ..errors import SceneError

__all__ = ["COLOR_SIZES", "DEPTH_SIZES", "Lens", "fitted_lens"]

Size = tuple[int, int]

COLOR_SIZES: Final = ((1296, 968), (640, 480))
"""Sizes ScanNet's colour cameras recorded; exports shrink them and often leave the intrinsics as they were."""
DEPTH_SIZES: Final = ((640, 480),)

_CENTRED: Final = 0.05
"""Share of the image: real principal points lie within 3 % of the centre."""
_UNUSUAL: Final = 0.10
"""Share of the image up to which a lens that fits no known size is taken for an unusual one of the image's own."""
_NOMINAL_FOCAL: Final = (1170.0 / 1296.0, 577.0 / 640.0)
"""fx over width of ScanNet's cameras, as recorded (``fx_color`` and ``fx_depth`` of ``<id>.txt``)."""
_NEAR_NOMINAL: Final = 0.03
_SAME_FOCAL: Final = 0.003
_REMEDY: Final = "copy or extract it again"


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """Intrinsics (3, 3) and the image size they are for."""

    intrinsics: npt.NDArray[np.float64]
    width: int
    height: int

    def resized(self, width: int, height: int) -> Lens:
        """The same lens for the picture resampled to another size, each axis by itself (pixel centres at integers)."""
        camera = Camera(self.intrinsics, np.eye(4), self.width, self.height).resized(width, height)
        return Lens(camera.intrinsics, width, height)


def fitted_lens(
    intrinsics: npt.NDArray[np.float64],
    size: Size,
    stated: Size | None,
    recorded: tuple[Size, ...],
    path: Path,
) -> Lens:
    """The lens of images of a size, from intrinsics that may have been written for another size.

    A camera's principal point lies near the image centre, which tells the size its intrinsics were made for:

    1. the size ``<id>.txt`` states, where they are centred in it within 5 %. (Only if they are centred in the images
       too, and ScanNet's nominal focal length fits the images and not the stated size, they were scaled already.)
    2. else, of the images' own size and those ScanNet recorded, the one they are centred in within 5 %. Where they
       are in both, the images' own if ``<id>.txt`` states a size (it would be that one). Otherwise, where it matters
       (focal lengths more than 0.3 % apart), ScanNet's nominal focal length within 3 % decides, for the recorded size
       first (images of half a recorded size: for the nearer one); where it decides nothing, nobody can tell and the
       scene is refused.
    3. else, within 10 % of the images' centre, they are an unusual lens of the images themselves;
    4. else the scene is refused.

    From a size other than the images' they are scaled, each axis by itself.

    Args:
        intrinsics: (3, 3) or (4, 4) as stored.
        size: width and height of the images.
        stated: what ``<id>.txt`` says the camera recorded.
        recorded: sizes ScanNet's camera is known to have recorded.
        path: the file they were read from.

    Raises:
        SceneError: when they are no intrinsics, or it cannot be told which size they are for.
    """
    matrix = _checked(intrinsics, path)
    made_for = _made_for(matrix, size, stated, recorded, path)
    return Lens(matrix, *made_for).resized(*size) if made_for != size else Lens(matrix, *size)


def _made_for(
    matrix: npt.NDArray[np.float64], size: Size, stated: Size | None, recorded: tuple[Size, ...], path: Path
) -> Size:
    own = _off_centre(matrix, size)
    if stated is not None and _off_centre(matrix, stated) <= _CENTRED:
        scaled_already = own <= _CENTRED and _nominal(matrix, size) and not _nominal(matrix, stated)
        return size if scaled_already else stated
    others = sorted(
        (other for other in recorded if other != size and _off_centre(matrix, other) <= _CENTRED),
        key=lambda other: _off_centre(matrix, other),
    )
    if own <= _CENTRED and others and size not in recorded and stated is None:
        differ = max(abs(others[0][axis] / size[axis] - 1.0) for axis in (0, 1)) > _SAME_FOCAL
        if differ and _nominal(matrix, others[0]):
            halved = (2 * size[0], 2 * size[1]) in recorded
            nearer = _off_nominal(matrix, size) < _off_nominal(matrix, others[0])
            return size if halved and nearer else others[0]
        if differ and not _nominal(matrix, size):
            raise SceneError(
                f"these intrinsics fit the {size[0]} x {size[1]} images and {others[0][0]} x {others[0][1]}, "
                "which the images may have been resized from",
                path=path,
                remedy="add <id>.txt with the size that was recorded, or give the intrinsics of the exported size",
            )
        return size
    if own <= _CENTRED or (own <= _UNUSUAL and not others):
        return size
    if others:
        return others[0]
    raise SceneError(
        f"these intrinsics have their centre at ({matrix[0, 2]:.0f}, {matrix[1, 2]:.0f}), "
        f"which fits neither the {size[0]} x {size[1]} images nor a size they could have been resized from",
        path=path,
        remedy="give the intrinsics of the exported image size",
    )


def _checked(intrinsics: npt.NDArray[np.float64], path: Path) -> npt.NDArray[np.float64]:
    matrix = np.array(intrinsics[:3, :3], np.float64)
    proper = np.isfinite(matrix).all() and np.allclose(matrix[2], (0, 0, 1), atol=1e-3)
    if not proper or min(matrix[0, 0], matrix[1, 1]) <= 0:
        raise SceneError("does not hold intrinsics (fx, fy > 0)", path=path, remedy=_REMEDY)
    matrix[2] = (0.0, 0.0, 1.0)
    return matrix


def _off_centre(matrix: npt.NDArray[np.float64], size: Size) -> float:
    """How far the principal point lies from the centre of images of a size, as a share of them."""
    width, height = (max(side - 1, 1) for side in size)
    return float(max(abs(matrix[0, 2] / width - 0.5), abs(matrix[1, 2] / height - 0.5)))


def _nominal(matrix: npt.NDArray[np.float64], size: Size) -> bool:
    return _off_nominal(matrix, size) <= _NEAR_NOMINAL


def _off_nominal(matrix: npt.NDArray[np.float64], size: Size) -> float:
    """How far the focal length is from those of ScanNet's cameras in images of a size, as a share of it."""
    return min(abs(float(matrix[0, 0]) / size[0] / ratio - 1.0) for ratio in _NOMINAL_FOCAL)
