"""nerfstudio, instant-ngp and Blender captures: images and a ``transforms.json``.

::

    <root>/<scene>/
    ├── transforms.json              or transforms_{train,val,test}.json (Blender): frames, poses, lenses
    ├── images/frame_00001.jpg …     wherever file_path says; Blender leaves the extension out
    ├── [depth/frame_00001.png]      where depth_file_path (instant-ngp: depth_path) says, 16 bits
    ├── [masks/frame_00001.png]      where mask_path says: black pixels are not used
    ├── [mesh.ply]                   or the only *mesh*.ply, in the world of the poses
    └── [scene.toml]                 up axis, unit of length, depth unit … (docs/own-captures.md)

A scene's id is its folder's name; frame ids are the last number in the file names, or positions in the list where those
repeat. Listed images that are not there are skipped and counted; so are frames marked ``is_bad``.

Conventions: ``_transforms_json.py``. Poses are camera_to_world with OpenGL axes. The unit of length is the author's:
it is taken as metres, with a warning, unless ``scene.toml`` says otherwise. Depth is along the camera's axis, in
millimetres unless ``depth_unit_scale_factor`` or ``integer_depth_scale`` (metres per stored unit) is in the file.
nerfstudio calls z up, but its own tool turns worlds by what the cameras look like on average: no up axis is believed
unless ``scene.toml`` states one.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Final

from ..errors import SceneError
from ._capture_files import DEPTH_SUFFIXES, IMAGE_SUFFIXES, frame_numbers
from ._capture_frames import LISTED_IMAGE_GONE, NO_UNIT, Capture, Lens, Shot, depth_storage, stated_lens
from ._capture_reader import CaptureReader, Parts
from ._capture_toml import SceneNotes
from ._colmap import missing_files
from ._files import size_of
from ._transforms_json import Transforms, TransformsFrame, TransformsLens, read_transforms
from .base import Nearly

__all__ = ["READER", "NerfstudioReader", "transforms_files"]

_WHOLE: Final = "transforms.json"
_PARTS: Final = ("transforms_train.json", "transforms_val.json", "transforms_test.json")
_IMAGES: Final = ("images", "image", "rgb", "color", "train", "val", "test")
_DEPTHS: Final = ("depth", "depths")
"""Usual folders; which files count is for the lists to say."""
_FEWEST: Final = 2  # images of a capture
_BAD: Final = "marked as bad"
_REPEATED: Final = "listed twice"
_LISTED_DEPTH_GONE: Final = "listed depth image is not there"
_LISTED_MASK_GONE: Final = "listed mask is not there"


def transforms_files(folder: Path) -> tuple[Path, ...]:
    """``transforms.json``, or the parts Blender scenes have instead."""
    if (folder / _WHOLE).is_file():
        return (folder / _WHOLE,)
    return tuple(folder / name for name in _PARTS if (folder / name).is_file())


class NerfstudioReader(CaptureReader):
    """Captures with a ``transforms.json``."""

    name = "nerfstudio"
    summary = "nerfstudio, instant-ngp or Blender: images and transforms.json"
    layouts = ("<scene>/transforms.json", "<scene>/transforms_{train,val,test}.json")
    pose_file = "transforms.json"
    depth_file = "depth images (depth_file_path in transforms.json)"

    def is_scene(self, folder: Path) -> bool:
        return bool(transforms_files(folder))

    def nearly_scene(self, folder: Path) -> Nearly | None:
        others = ("sparse", "colmap", "dense", "results", "intrinsic", "database.db")
        images = folder / "images"
        if self.is_scene(folder) or not images.is_dir() or any((folder / name).exists() for name in others):
            return None
        if missing_files(folder) or sum(path.suffix.lower() in IMAGE_SUFFIXES for path in images.iterdir()) < _FEWEST:
            return None
        return Nearly(
            "a nerfstudio capture",
            f"{_WHOLE} is missing",
            f"copy {_WHOLE} (lenses, and a pose for every image) beside images/, or make it with: ns-process-data",
        )

    def gather(self, folder: Path, root: Path, notes: SceneNotes) -> Capture:  # noqa: ARG002 - lists its own paths
        files = [read_transforms(path) for path in transforms_files(folder)]
        skipped: Counter[str] = Counter()
        found: list[tuple[Path, TransformsFrame]] = []
        seen: set[Path] = set()
        listed = [frame for file in files for frame in (*file.frames, *file.test_frames)]
        for frame in listed:
            image = _file(folder, frame.file_path, IMAGE_SUFFIXES)
            if image is None or image in seen or frame.is_bad:
                skipped[_BAD if frame.is_bad else _REPEATED if image else LISTED_IMAGE_GONE] += 1
                continue
            seen.add(image)
            found.append((image, frame))
        if not found:
            remedy = "copy the images beside it, where file_path says"
            what = f"none of its {len(listed)} frames can be used ({', '.join(skipped) or 'it lists none'})"
            raise SceneError(what, path=files[0].path, remedy=remedy)
        lenses: dict[TransformsLens, Lens] = {}
        shots = []
        for number, (image, frame) in zip(frame_numbers(image.as_posix() for image, _ in found), found, strict=True):
            if frame.lens not in lenses:
                lenses[frame.lens] = _lens(frame.lens, image, notes, files[0].path)
            depth = _depth(folder, frame, files[0].path, skipped)
            mask = None if frame.mask_path is None else _file(folder, frame.mask_path, IMAGE_SUFFIXES)
            if frame.mask_path is not None and mask is None:
                skipped[_LISTED_MASK_GONE] += 1
                continue  # what had to be hidden would be shown
            shots.append(Shot(number, image, frame.transform, lenses[frame.lens], depth, mask=mask))
        return Capture(
            folder=folder,
            poses_from=files[0].path,
            lens_from=files[0].path,
            shots=shots,
            depth=depth_storage(notes, *_stated_unit(files)),
            meshes=(folder / "mesh.ply",),
            axes="opengl",
            notes=[] if notes.metres_per_unit else [NO_UNIT],
            skipped=skipped,
        )

    def parts(self, folder: Path, root: Path) -> Parts:  # noqa: ARG002 - everything is in the folder
        images, depth = (
            next((folder / name for name in names if (folder / name).is_dir()), None) for names in (_IMAGES, _DEPTHS)
        )
        return Parts(images, next(iter(transforms_files(folder)), None), depth, (folder / "mesh.ply",))


def _stated_unit(files: list[Transforms]) -> tuple[float | None, str]:
    """Units per metre that a file states, and under which key."""
    for file in files:
        if file.metres_per_unit is not None:
            return 1.0 / file.metres_per_unit, f"{file.scale_key} in {file.path.name}"
    return None, ""


def _lens(stated: TransformsLens, image: Path, notes: SceneNotes, path: Path) -> Lens:
    size = size_of(image)
    if notes.color is not None:
        return stated_lens(notes.color, size)
    if stated.size is not None and stated.size != size:
        raise SceneError(
            f"states {stated.size[0]} x {stated.size[1]} images, but {image.name} is {size[0]} x {size[1]}",
            path=path,
            remedy="give the images it was made for, or state [color] in scene.toml",
        )
    return Lens(stated.intrinsics(*size), *size, stated.model, stated.distortion)


def _depth(folder: Path, frame: TransformsFrame, path: Path, skipped: Counter[str]) -> Path | None:
    if frame.depth_path is None:
        return None
    found = _file(folder, frame.depth_path, DEPTH_SUFFIXES)
    if found is None:
        skipped[_LISTED_DEPTH_GONE] += 1
    elif found.suffix.lower() not in DEPTH_SUFFIXES:
        what = f"lists {frame.depth_path}, and depth in {found.suffix} files is not supported"
        raise SceneError(what, path=path, remedy="convert depth to 16-bit PNG in millimetres")
    return found


def _file(folder: Path, written: str, suffixes: tuple[str, ...]) -> Path | None:
    """The file that a path in the list means, its extension perhaps left out; None where there is none."""
    path = Path(os.path.normpath(folder / written))
    candidates = [path, *(path.with_name(path.name + suffix) for suffix in suffixes)]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


READER: Final = NerfstudioReader()
