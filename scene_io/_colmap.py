"""COLMAP models: ``cameras`` and ``images`` as ``.bin`` or ``.txt``; points are not needed and not read.

Conventions (COLMAP's documentation, "Output format"): an image states a quaternion w x y z and a translation that take
world points into its camera, OpenCV axes; (0.5, 0.5) is the centre of the first pixel, so half a pixel is taken off
the principal point here. The unit of length is whatever the reconstruction has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ..core.types import CameraModel
from ..errors import SceneError
from . import _colmap_binary as binary
from . import _colmap_text as text
from ._colmap_records import REMEDY, CameraRecord, ImageRecord, NoModel
from ._quaternions import poses_from

__all__ = ["ColmapCamera", "ColmapImage", "ColmapModel", "has_model", "missing_files", "model_files", "read_model"]


class _Lens(NamedTuple):
    """How a COLMAP camera model maps to ours.

    Attributes:
        model: ours, or None where there is no such lens.
        shared_focal: whether one focal length serves both axes.
        coefficients: the model's own after the principal point.
        padded: with zeros to this many.
    """

    model: CameraModel | None
    shared_focal: bool
    coefficients: int
    padded: int = 0


_LENSES: Final[Mapping[str, _Lens]] = {
    "SIMPLE_PINHOLE": _Lens("pinhole", True, 0),
    "PINHOLE": _Lens("pinhole", False, 0),
    "SIMPLE_RADIAL": _Lens("opencv", True, 1, 4),
    "RADIAL": _Lens("opencv", True, 2, 4),
    "OPENCV": _Lens("opencv", False, 4, 4),
    "FULL_OPENCV": _Lens("opencv", False, 8, 8),
    "OPENCV_FISHEYE": _Lens("opencv_fisheye", False, 4, 4),
    "SIMPLE_RADIAL_FISHEYE": _Lens("opencv_fisheye", True, 1, 4),
    "RADIAL_FISHEYE": _Lens("opencv_fisheye", True, 2, 4),
    "FOV": _Lens(None, False, 1),
    "THIN_PRISM_FISHEYE": _Lens(None, False, 8),
    "RAD_TAN_THIN_PRISM_FISHEYE": _Lens(None, False, 12),
}
_MAX_SIDE: Final = 100_000  # pixels; larger image sizes are a damaged file


@dataclass(frozen=True, slots=True, eq=False)
class ColmapCamera:
    """One lens of a model.

    Attributes:
        id: as the model numbers it.
        intrinsics: (3, 3) pixels, the first pixel's centre at (0, 0).
        model, distortion: as in ``Camera``; a lens whose coefficients are all zero is a pinhole.
        width, height: of its images in pixels.
    """

    id: int
    intrinsics: npt.NDArray[np.float64]
    model: CameraModel
    distortion: tuple[float, ...]
    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class ColmapImage:
    """One registered image.

    Attributes:
        id, name: as the model states them; the name may carry folders.
        camera: its lens.
        camera_to_world: (4, 4) in the model's unit, OpenCV axes; not finite where the model's pose is not.
    """

    id: int
    name: str
    camera: ColmapCamera
    camera_to_world: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ColmapModel:
    """Cameras by id and images in the order of their ids; ``files`` are the two they were read from."""

    files: tuple[Path, Path]
    cameras: Mapping[int, ColmapCamera]
    images: tuple[ColmapImage, ...]


def has_model(folder: Path) -> bool:
    """Whether a folder holds a model's ``cameras`` and ``images``, both ``.bin`` or both ``.txt``."""
    return model_files(folder) is not None


def model_files(folder: Path) -> tuple[Path, Path] | None:
    """The files ``cameras`` and ``images`` of a model; of both kinds the binary, as COLMAP itself chooses."""
    for suffix in (".bin", ".txt"):
        cameras, images = folder / f"cameras{suffix}", folder / f"images{suffix}"
        if cameras.is_file() and images.is_file():
            return cameras, images
    return None


def missing_files(folder: Path) -> tuple[Path, ...]:
    """What a model that is there in part lacks of ``cameras`` and ``images``; none where it is whole, or nothing is."""
    if model_files(folder) is not None:
        return ()
    for suffix in (".bin", ".txt"):
        there = {name for name in ("cameras", "images", "points3D") if (folder / f"{name}{suffix}").is_file()}
        if there:
            return tuple(folder / f"{name}{suffix}" for name in ("cameras", "images") if name not in there)
    return ()


def read_model(folder: Path) -> ColmapModel:
    """The cameras and images of a model.

    Args:
        folder: with ``cameras.bin`` and ``images.bin``, or ``cameras.txt`` and ``images.txt``.

    Raises:
        SceneError: when files are missing, cut short or contradict each other, or a lens is of a kind that cannot be
            used; names the file.
    """
    files = model_files(folder)
    if files is None:
        raise SceneError(
            "there is no COLMAP model (cameras and images, .bin or .txt)",
            path=folder,
            remedy="export it with: colmap model_converter --output_type TXT",
        )
    cameras_file, images_file = files
    parser = binary if cameras_file.suffix == ".bin" else text
    try:
        lenses = parser.cameras(cameras_file)
        records = parser.images(images_file)
    except NoModel as error:
        raise SceneError(str(error), path=error.path, remedy=REMEDY) from None
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=error.filename, remedy=REMEDY) from None
    cameras: dict[int, ColmapCamera] = {}
    for record in lenses:
        if record.id in cameras:
            raise SceneError(f"camera {record.id} is there twice", path=cameras_file, remedy=REMEDY)
        cameras[record.id] = _camera(record, cameras_file)
    return ColmapModel(files, cameras, _images(records, cameras, images_file))


def _camera(record: CameraRecord, path: Path) -> ColmapCamera:
    lens = _LENSES.get(record.model)
    if lens is None or lens.model is None:
        raise SceneError(
            f"camera {record.id} has the lens model {record.model}, which is not supported "
            f"({', '.join(name for name, known in _LENSES.items() if known.model)} are)",
            path=path,
            remedy="undistort the images with: colmap image_undistorter, and give its output",
        )
    focals = 1 if lens.shared_focal else 2
    values = np.array(record.parameters)
    if len(values) != focals + 2 + lens.coefficients:
        what = f"camera {record.id} has {len(values)} parameters, {record.model} takes {focals + 2 + lens.coefficients}"
        raise SceneError(what, path=path, remedy=REMEDY)
    sized = min(record.width, record.height) >= 1 and max(record.width, record.height) <= _MAX_SIDE
    if not sized or not np.isfinite(values).all() or values[:focals].min() <= 0:
        what = f"camera {record.id} makes no sense: {record.width} x {record.height}, parameters {record.parameters}"
        raise SceneError(what, path=path, remedy=REMEDY)
    intrinsics = np.eye(3)
    intrinsics[[0, 1], [0, 1]] = values[:focals]
    intrinsics[:2, 2] = values[focals : focals + 2] - 0.5
    coefficients = tuple(values[focals + 2 :].tolist())
    distortion = (*coefficients, *[0.0] * (lens.padded - lens.coefficients))
    if lens.model == "opencv" and not any(distortion):
        return ColmapCamera(record.id, intrinsics, "pinhole", (), record.width, record.height)
    return ColmapCamera(record.id, intrinsics, lens.model, distortion, record.width, record.height)


def _images(records: list[ImageRecord], cameras: Mapping[int, ColmapCamera], path: Path) -> tuple[ColmapImage, ...]:
    if not records:
        return ()
    for record in records:
        if record.camera not in cameras:
            what = f"image {record.id} ({record.name}) names camera {record.camera}, which is not in the model"
            raise SceneError(what, path=path, remedy=REMEDY)
    for key in ("id", "name"):
        seen: set[int | str] = set()
        for record in records:
            if (value := getattr(record, key)) in seen:
                raise SceneError(f"two images have the {key} {value!r}", path=path, remedy=REMEDY)
            seen.add(value)
    stated = np.array([record.pose for record in records])  # qw qx qy qz tx ty tz
    world_to_camera = poses_from(stated[:, [1, 2, 3, 0]], stated[:, 4:])
    turn = np.swapaxes(world_to_camera[:, :3, :3], 1, 2)
    poses = np.tile(np.eye(4), (len(records), 1, 1))
    poses[:, :3, :3] = turn
    with np.errstate(invalid="ignore", over="ignore"):
        poses[:, :3, 3] = -(turn @ world_to_camera[:, :3, 3, None])[..., 0]
    found = [
        ColmapImage(record.id, record.name, cameras[record.camera], pose)
        for record, pose in zip(records, poses, strict=True)
    ]
    return tuple(sorted(found, key=lambda image: image.id))
