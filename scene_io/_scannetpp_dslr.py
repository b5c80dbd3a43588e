"""Frames of the DSLR streams: fisheye images as taken (``dslr``), or undistorted by the dataset's toolkit.

Images of both lists of a nerfstudio file are read, ``frames`` and ``test_frames``; the toolkit's undistortion writes
the second into the first as well. There is no depth: it is drawn from the mesh.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from ..errors import SceneError
from ._colmap import has_model, missing_files
from ._files import mean_bytes, size_of
from ._scannet_frames import ImageFile
from ._scannetpp_cameras import Cameras, from_colmap, from_transforms
from ._scannetpp_frames import MaskFile, Source, Table
from ._transforms_json import Transforms, TransformsFrame, read_transforms
from .base import SceneSummary

__all__ = ["Names", "cameras_kind", "names_of", "summary", "table"]

_BAD: Final = "image marked is_bad"
_NO_IMAGE: Final = "no colour image"
_NO_CAMERA: Final = "image without a camera"
_NO_MASK: Final = "no mask"
_SUFFIXES: Final = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True)
class Names:
    """What the files of a stream are called, below ``dslr``."""

    images: str
    masks: str
    transforms: str


_NAMES: Final = {
    "dslr": Names("resized_images", "resized_anon_masks", "nerfstudio/transforms.json"),
    "dslr_undistorted": Names(
        "resized_undistorted_images", "resized_undistorted_masks", "nerfstudio/transforms_undistorted.json"
    ),
}


def names_of(stream: str) -> Names:
    """The folders and files of ``dslr`` or ``dslr_undistorted``."""
    return _NAMES[stream]


def cameras_kind(folder: Path, stream: str) -> str:
    """Which file's cameras are used, in words."""
    return "COLMAP poses" if stream == "dslr" and has_model(folder / "colmap") else "nerfstudio poses"


def table(folder: Path, root: Path, stream: str) -> Table:
    """The frames of ``dslr/``, in the order of their file names, which is that of the shots.

    Args:
        folder: the scene's ``dslr``.
        root: the dataset root, which references are relative to.
        stream: ``dslr`` or ``dslr_undistorted``.

    Raises:
        SceneError: when cameras or images are missing, or a file is damaged; names it.
    """
    names = names_of(stream)
    images = _images(folder / names.images)
    masks = _files(folder / names.masks, (".png",))
    size = size_of(images[min(images)], remedy="copy it again")
    listed = _listed(folder / names.transforms)
    cameras = _cameras(folder, stream, listed, size)
    cameras.fit(size)
    skipped: Counter[str] = Counter()
    sources = []
    stems = {PurePosixPath(name).stem: row for row, name in enumerate(cameras.names)}
    for stem in sorted(stems):
        entry = listed[1].get(stem) if listed else None
        if entry is not None and entry.is_bad:
            skipped[_BAD] += 1
        elif stem not in images:
            skipped[_NO_IMAGE] += 1
        else:
            file = images[stem]
            mask = masks.get(PurePosixPath(entry.mask_path).stem if entry and entry.mask_path else stem)
            skipped[_NO_MASK] += bool(masks) and mask is None
            sources.append(
                Source(
                    id=stem,
                    row=stems[stem],
                    image=ImageFile(file, *size),
                    image_ref=file.relative_to(root).as_posix(),
                    valid=None if mask is None else MaskFile(mask, size),
                )
            )
    skipped[_NO_CAMERA] = len(images.keys() - stems.keys())
    return Table(cameras, sources, None, +skipped)


def summary(folder: Path, stream: str) -> SceneSummary:
    """Counts from the listing, sizes from one header and a few file sizes."""
    images = _images(folder / names_of(stream).images)
    files = [images[stem] for stem in sorted(images)]
    return SceneSummary(len(files), *size_of(files[0], remedy="copy it again"), mean_bytes(files))


def _images(folder: Path) -> dict[str, Path]:
    found = _files(folder, _SUFFIXES)
    if not found:
        raise SceneError("there are no images (such as DSC01234.JPG)", path=folder, remedy=_how_to_get(folder.name))
    return found


def _listed(path: Path) -> tuple[Transforms, dict[str, TransformsFrame]] | None:
    """A nerfstudio file and its frames by the stem of their names; None where there is none."""
    if not path.is_file():
        return None
    transforms = read_transforms(path)
    frames: dict[str, TransformsFrame] = {}
    for frame in (*transforms.frames, *transforms.test_frames):
        stem = PurePosixPath(frame.file_path).stem
        other = frames.setdefault(stem, frame)
        if not np.array_equal(other.transform, frame.transform, equal_nan=True):
            what = f"lists {frame.file_path} twice, with different poses"
            raise SceneError(what, path=path, remedy="download it again")
    return transforms, frames


def _cameras(
    folder: Path, stream: str, listed: tuple[Transforms, dict[str, TransformsFrame]] | None, size: tuple[int, int]
) -> Cameras:
    if stream == "dslr" and has_model(folder / "colmap"):
        return from_colmap(folder / "colmap")
    if listed is None:
        names = names_of(stream)
        half = " and ".join(f"colmap/{path.name}" for path in missing_files(folder / "colmap"))
        if stream == "dslr_undistorted":
            what = f"there is no {names.transforms}"
        elif half:
            what = f"{half} is missing, and there is no {names.transforms}"
        else:
            what = f"there is neither a COLMAP model (colmap/) nor {names.transforms}"
        raise SceneError(what, path=folder, remedy=_how_to_get(names.images))
    cameras = from_transforms(listed[0], listed[1].values(), size)
    if stream == "dslr_undistorted" and any(model != "pinhole" for model, _ in cameras.lenses):
        raise SceneError(
            "states a lens with distortion, but is there for undistorted images",
            path=cameras.origin,
            remedy=_how_to_get(names_of(stream).images),
        )
    return cameras


def _how_to_get(folder: str) -> str:
    if "undistorted" in folder:
        return "run the ScanNet++ toolkit's dslr.undistort, or choose --stream dslr"
    return "download the scene's dslr assets"


def _files(folder: Path, suffixes: Iterable[str]) -> dict[str, Path]:
    """Files with one of these suffixes, by stem."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        paths = sorted(folder / entry.name for entry in entries if not entry.name.startswith("."))
    wanted = tuple(suffixes)
    return {path.stem: path for path in paths if path.suffix.lower() in wanted}
