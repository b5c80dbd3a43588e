"""COLMAP reconstructions: images and a sparse model, with depth and a mesh where somebody made them.

::

    <root>/<scene>/
    ├── sparse/0/{cameras,images}.{bin,txt}   or sparse/, colmap/sparse/0/, colmap/, dense/sparse/, beside images/,
    │                                         or dslr_calibration_undistorted/ (ETH3D)
    ├── images/<name>                         or dense/images/, dslr_images_undistorted/: names as the model has them
    ├── [depth/<name>.png]                    16 bits, registered to the image; also depths/
    ├── [mesh.ply]                            or dense/meshed-poisson.ply, or the only *mesh*.ply
    └── [scene.toml]                          unit of length, up axis, depth unit … (docs/own-captures.md)

A scene's id is its folder's name; frame ids are the last number in the image names, or positions in the order of the
model's ids where those repeat. A folder with a ``transforms.json`` is left to the reader ``nerfstudio``.

Conventions: ``_colmap.py``. A reconstruction from images alone has neither a unit of length nor an up axis: lengths are
taken as metres, with a warning, and nothing is called up, unless ``scene.toml`` says otherwise. Depth is along the
camera's axis, in millimetres unless ``scene.toml`` says otherwise.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from ..errors import SceneError
from ._capture_files import DEPTH_SUFFIXES, frame_numbers
from ._capture_frames import LISTED_IMAGE_GONE, NO_UNIT, Capture, Lens, Shot, depth_storage, stated_lens
from ._capture_reader import CaptureReader, Parts
from ._capture_toml import SceneNotes
from ._colmap import ColmapCamera, ColmapImage, missing_files, model_files, read_model
from ._files import size_of
from .base import Nearly
from .nerfstudio import transforms_files

__all__ = ["READER", "ColmapReader"]

_MODELS: Final = (
    "sparse/0",
    "sparse",
    "colmap/sparse/0",
    "colmap/sparse",
    "colmap",
    "dense/sparse",
    "dense/0/sparse",
    "dslr_calibration_undistorted",
    "",
)
_IMAGES: Final = ("images", "dense/images", "dense/0/images", "dslr_images_undistorted", "colmap/images")
_DEPTHS: Final = ("depth", "depths")
_MESHES: Final = ("mesh.ply", "dense/meshed-poisson.ply", "dense/meshed-delaunay.ply", "dense/0/meshed-poisson.ply")


class ColmapReader(CaptureReader):
    """Captures with a COLMAP model."""

    name = "colmap"
    summary = "COLMAP: images and a sparse model (binary or text), optional depth and mesh"
    layouts = ("<scene>/{sparse/0,sparse,colmap,.}/{cameras,images}.{bin,txt} + images/",)
    pose_file = "sparse/0/images.bin (or .txt) and cameras"
    depth_file = "depth/<image name>.png"

    def is_scene(self, folder: Path) -> bool:
        return not transforms_files(folder) and _image_folder(folder) is not None and _model(folder) is not None

    def nearly_scene(self, folder: Path) -> Nearly | None:
        if transforms_files(folder):
            return None
        place, images = _model(folder), _image_folder(folder)
        if place is not None and images is None:
            remedy = "copy the images the model was made from to images/, or give the folder that holds both"
            return Nearly("a COLMAP reconstruction", "images/ is missing", remedy)
        if place is not None:
            return None
        half = next((files for name in _MODELS if (files := missing_files(folder / name))), ())
        if not half and not any((folder / name).exists() for name in ("sparse", "database.db")):
            return None
        missing = [path.relative_to(folder).as_posix() for path in half]
        missing = missing or ["sparse/0/cameras.bin", "sparse/0/images.bin"]
        what = " and ".join(f"{name} ({'lenses' if 'cameras.' in name else 'poses'})" for name in missing)
        return Nearly(
            "a COLMAP reconstruction",
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            f"copy {what} there, .bin or .txt as the rest of the model, or make it with: colmap mapper",
        )

    def gather(self, folder: Path, root: Path, notes: SceneNotes) -> Capture:  # noqa: ARG002 - lists its own paths
        place, images = _model(folder), _image_folder(folder)
        assert place is not None, "asked for a folder that is no scene"
        assert images is not None, "asked for a folder that is no scene"
        model = read_model(place)
        found: list[tuple[Path, ColmapImage]] = []
        skipped: Counter[str] = Counter()
        for image in model.images:
            path = next((p for p in (images / image.name, images / Path(image.name).name) if p.is_file()), None)
            if path is None:
                skipped[LISTED_IMAGE_GONE] += 1
            else:
                found.append((path, image))
        if not found:
            what = f"none of the {len(model.images)} images it lists is in {images}"
            raise SceneError(what, path=model.files[1], remedy="copy the images there, under the names of the model")
        lenses: dict[int, Lens] = {}
        shots = []
        for number, (path, image) in zip(frame_numbers(image.name for _, image in found), found, strict=True):
            if image.camera.id not in lenses:
                lenses[image.camera.id] = _lens(image.camera, path, notes, model.files[0])
            depth = _depth(folder, image.name)
            shots.append(Shot(number, path, image.camera_to_world, lenses[image.camera.id], depth))
        return Capture(
            folder=folder,
            poses_from=model.files[1],
            lens_from=model.files[0],
            shots=shots,
            depth=depth_storage(notes),
            meshes=tuple(folder / name for name in _MESHES),
            fixed=True,
            notes=[] if notes.metres_per_unit else [NO_UNIT],
            skipped=skipped,
        )

    def parts(self, folder: Path, root: Path) -> Parts:  # noqa: ARG002 - everything is in the folder
        place = _model(folder)
        files = model_files(place) if place else None
        depth = next((folder / name for name in _DEPTHS if (folder / name).is_dir()), None)
        meshes = tuple(folder / name for name in _MESHES)
        return Parts(_image_folder(folder), files[1] if files else None, depth, meshes)


def _model(folder: Path) -> Path | None:
    return next((folder / name for name in _MODELS if model_files(folder / name)), None)


def _image_folder(folder: Path) -> Path | None:
    return next((folder / name for name in _IMAGES if (folder / name).is_dir()), None)


def _lens(camera: ColmapCamera, image: Path, notes: SceneNotes, path: Path) -> Lens:
    size = size_of(image)
    if notes.color is not None:
        return stated_lens(notes.color, size)
    if (camera.width, camera.height) != size:
        raise SceneError(
            f"camera {camera.id} is for {camera.width} x {camera.height} images, but {image.name} is "
            f"{size[0]} x {size[1]}",
            path=path,
            remedy="give the images the model was made from, or state [color] in scene.toml",
        )
    return Lens(camera.intrinsics, *size, camera.model, camera.distortion)


def _depth(folder: Path, name: str) -> Path | None:
    """The depth image of an image: its name with another extension, or with one more."""
    for place in _DEPTHS:
        for suffix in DEPTH_SUFFIXES:
            for path in (folder / place / Path(name).with_suffix(suffix), folder / place / f"{name}{suffix}"):
                if path.is_file():
                    return path
    return None


READER: Final = ColmapReader()
