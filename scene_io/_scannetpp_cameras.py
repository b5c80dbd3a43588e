"""The cameras of a ScanNet++ stream, from whichever of its files states them, all in one convention.

``colmap/``: world_to_camera, OpenCV axes. ``nerfstudio/*.json``: camera_to_world with OpenGL camera axes, and a world
whose x and y are swapped and z points down (ScanNet++ toolkit). ``pose_intrinsic_imu.json``: ``aligned_pose`` is
camera_to_world with OpenCV axes; ``pose``, beside it, lives in ARKit's own world and is not used. Principal points of
the first two count from the image corner, half a pixel before the first pixel's centre; those of the third are taken
as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..core.types import CameraModel
from ..errors import SceneError
from ._colmap import read_model
from ._files import read_json
from ._transforms_json import Transforms, TransformsFrame, opencv_axes

__all__ = ["Cameras", "frame_number", "from_arkit", "from_colmap", "from_transforms", "read_entries", "scaled"]

_REMEDY: Final = "download or copy it again"
_WORLD: Final = np.array([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
"""From the world of ScanNet++'s nerfstudio files to that of its meshes; its own inverse."""
_SAME_ASPECT: Final = 0.01
_CENTRED: Final = 0.2  # share of the image that principal points lie off its centre at most

FloatArray = npt.NDArray[np.float64]


@dataclass(slots=True, eq=False)
class Cameras:
    """Cameras of a stream, as columns.

    Attributes:
        origin: the file they come from; ``source`` says in words which kind it is.
        names: file names of their images, without folders.
        poses: (n, 4, 4) camera_to_world, metres, the mesh's world; not finite where the file has none.
        intrinsics: (n, 3, 3) pixels, the first pixel's centre at (0, 0); not finite where the file has none.
        lenses: lens model and distortion of each.
        size: width and height of the images they are for, or None where the file does not say.
    """

    origin: Path
    source: str
    names: list[str]
    poses: FloatArray
    intrinsics: FloatArray
    lenses: list[tuple[CameraModel, tuple[float, ...]]]
    size: tuple[int, int] | None

    def fit(self, size: tuple[int, int], recorded: tuple[int, int] | None = None) -> None:
        """Turn the intrinsics into those of images of a size.

        Args:
            size: width and height of the images.
            recorded: the size of the sensor's own images, which intrinsics without a size may be for.

        Raises:
            SceneError: when they cannot be of images of this size.
        """
        made_for = self.size or (size if recorded is None or self._centred(size) else recorded)
        if abs(made_for[0] * size[1] / (made_for[1] * size[0]) - 1.0) > _SAME_ASPECT or not self._centred(made_for):
            raise SceneError(
                f"its cameras ({made_for[0]} x {made_for[1]}) cannot be of images of {size[0]} x {size[1]} pixels",
                path=self.origin,
                remedy="check that images and cameras are of one release, and that images were not cropped",
            )
        self.intrinsics = scaled(self.intrinsics, made_for, size)
        self.size = size

    def _centred(self, size: tuple[int, int]) -> bool:
        finite = np.isfinite(self.intrinsics).all(axis=(1, 2))
        if not finite.any():
            return True
        centre = np.median(self.intrinsics[finite, :2, 2], axis=0)
        return bool((np.abs(centre / size - 0.5) < _CENTRED).all())


def scaled(intrinsics: FloatArray, before: tuple[int, int], after: tuple[int, int]) -> FloatArray:
    """(n, 3, 3) intrinsics for the same pictures resampled to another size (pixel centres at integers)."""
    result = intrinsics.copy()
    for axis in (0, 1):
        ratio = after[axis] / before[axis]
        result[:, axis, :2] *= ratio
        result[:, axis, 2] = (intrinsics[:, axis, 2] + 0.5) * ratio - 0.5
    return result


def frame_number(name: str) -> int | None:
    """The video frame that ``frame_000123`` or ``frame_000123.jpg`` is, or None for any other name."""
    match = re.fullmatch(r"frame_(\d{1,9})(\.\w+)?", name, re.ASCII)
    return int(match[1]) if match else None


def from_colmap(folder: Path) -> Cameras:
    """The registered images of ``colmap/``; their names may carry folders, which are dropped.

    Raises:
        SceneError: when the model is missing, damaged, empty or of images of several sizes.
    """
    model = read_model(folder)
    cameras = [image.camera for image in model.images]
    return Cameras(
        origin=model.files[1],
        source="COLMAP poses",
        names=_plain((image.name for image in model.images), model.files[1]),
        poses=np.array([image.camera_to_world for image in model.images]).reshape(-1, 4, 4),
        intrinsics=np.array([camera.intrinsics for camera in cameras]).reshape(-1, 3, 3),
        lenses=[(camera.model, camera.distortion) for camera in cameras],
        size=_one_size(((camera.width, camera.height) for camera in cameras), model.files[0]),
    )


def from_transforms(transforms: Transforms, frames: Iterable[TransformsFrame], size: tuple[int, int]) -> Cameras:
    """The listed frames of a nerfstudio file, in the mesh's world.

    Args:
        transforms: the file.
        frames: those of its frames that are wanted.
        size: of the images, where the file does not state it.

    Raises:
        SceneError: when names repeat or images are of several sizes.
    """
    wanted = tuple(frames)
    sized = [frame.lens.size or size for frame in wanted]
    poses = np.array([frame.transform for frame in wanted]).reshape(-1, 4, 4)
    with np.errstate(invalid="ignore"):
        poses = opencv_axes(_WORLD @ poses)
    return Cameras(
        origin=transforms.path,
        source="nerfstudio poses",
        names=_plain((frame.file_path for frame in wanted), transforms.path),
        poses=poses,
        intrinsics=np.array([frame.lens.intrinsics(*one) for frame, one in zip(wanted, sized, strict=True)]).reshape(
            -1, 3, 3
        ),
        lenses=[_simplest(frame.lens.model, frame.lens.distortion) for frame in wanted],
        size=_one_size(sized, transforms.path),
    )


def from_arkit(path: Path, entries: Mapping[int, Mapping[str, Any]]) -> Cameras:
    """The entries of ``pose_intrinsic_imu.json`` with the poses that were aligned to the mesh.

    Args:
        path: of the file.
        entries: what ``read_entries`` gave, by frame number.
    """
    values = list(entries.values())
    return Cameras(
        origin=path,
        source="aligned ARKit poses",
        names=[f"frame_{number:06d}" for number in entries],
        poses=_matrices([entry.get("aligned_pose") for entry in values], 4),
        intrinsics=_matrices([entry.get("intrinsic") for entry in values], 3),
        lenses=[("pinhole", ())] * len(values),
        size=None,
    )


def read_entries(path: Path) -> dict[int, dict[str, Any]]:
    """``pose_intrinsic_imu.json``: an entry for each frame number, in the order of the video.

    Raises:
        SceneError: when it is missing, cut short or not what its name says.
    """
    loaded = read_json(path, remedy=_REMEDY)
    if not isinstance(loaded, dict) or not loaded:
        raise SceneError("does not hold an object of frames", path=path, remedy=_REMEDY)
    found: dict[int, dict[str, Any]] = {}
    for name, entry in loaded.items():
        number = frame_number(name)
        if number is None or not isinstance(entry, dict):
            raise SceneError(f"has an entry {name!r}, which is no frame_<number>", path=path, remedy=_REMEDY)
        if number in found:
            raise SceneError(f"has frame {number} twice", path=path, remedy=_REMEDY)
        found[number] = entry
    return dict(sorted(found.items()))


def _matrices(values: list[Any], side: int) -> FloatArray:
    """(n, side, side) matrices, written as rows or as one row; not a number where there is none."""
    try:
        return np.array(values, np.float64).reshape(-1, side, side)
    except (TypeError, ValueError, OverflowError):
        pass  # some are missing: one by one
    found = np.full((len(values), side, side), np.nan)
    for place, value in zip(found, values, strict=True):
        try:
            place[:] = np.array(value, np.float64).reshape(side, side)
        except (TypeError, ValueError, OverflowError):
            continue
    return found


def _plain(names: Iterable[str], path: Path) -> list[str]:
    """Names without folders."""
    found = [PurePosixPath(name.replace("\\", "/")).name for name in names]
    if not found:
        raise SceneError("lists no images", path=path, remedy=_REMEDY)
    if len(set(found)) != len(found):
        repeated = next(name for name in found if found.count(name) > 1)
        raise SceneError(f"lists the image {repeated} twice", path=path, remedy=_REMEDY)
    return found


def _one_size(sizes: Iterable[tuple[int, int]], path: Path) -> tuple[int, int]:
    found = set(sizes)
    if len(found) != 1:
        listed = ", ".join(f"{width} x {height}" for width, height in sorted(found))
        raise SceneError(f"has cameras for images of several sizes ({listed})", path=path, remedy=_REMEDY)
    return found.pop()


def _simplest(model: CameraModel, distortion: tuple[float, ...]) -> tuple[CameraModel, tuple[float, ...]]:
    """A lens of OpenCV's model without distortion is a pinhole."""
    return ("pinhole", ()) if model == "opencv" and not any(distortion) else (model, distortion)
