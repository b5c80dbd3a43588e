"""Files of own captures: image sizes, depth images in any coding, maps of objects, meshes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.types import Camera
from ..errors import SceneError
from ..media.images import decode_depth_png, decode_gray, depth_in_metres, image_size
from ._files import file_state, read_bytes

__all__ = [
    "DEPTH_SUFFIXES",
    "IMAGE_SUFFIXES",
    "CaptureDepth",
    "CaptureMask",
    "DepthStorage",
    "InstanceMap",
    "below_root",
    "find_mesh",
    "frame_numbers",
]

IMAGE_SUFFIXES: Final = (".jpg", ".jpeg", ".png")
DEPTH_SUFFIXES: Final = (".png", ".pgm")
_REMEDY: Final = "copy or export it again"
_MAX_DIGITS: Final = 9  # longer ones are times, not numbers of frames


@dataclass(frozen=True, slots=True)
class DepthStorage:
    """How a scene's depth images are stored, and how that is known.

    Attributes:
        units_per_metre: of the stored numbers.
        ray: whether they run along the ray, not along the camera's axis.
        rotated: whether the 16 bits are turned left by three (SUN3D, APC).
        reason: where this is stated, or why it is assumed.
        assumed: whether nothing states the unit.
    """

    units_per_metre: float
    reason: str
    ray: bool = False
    rotated: bool = False
    assumed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class CaptureDepth:
    """Loads a depth image as metres along the camera's axis; of a panorama, along each pixel's ray."""

    path: Path
    camera: Camera
    storage: DepthStorage

    def __call__(self) -> npt.NDArray[np.float32]:
        data = _whole(self.path, self.camera)
        if data.startswith(b"P5") and len(data) < 2 * self.camera.width * self.camera.height:
            raise SceneError(f"is cut short after {len(data)} bytes", path=self.path, remedy=_REMEDY)
        stored = decode_depth_png(data, source=self.path)
        if self.storage.rotated:
            stored = np.asarray((stored >> 3) | (stored << 13), dtype=np.uint16)
        metres = depth_in_metres(stored, self.storage.units_per_metre)
        if self.storage.ray and self.camera.model == "pinhole":  # a panorama's is meant to be along the ray
            metres /= _ray_lengths(self.camera)
        return metres

    def fingerprint(self) -> str:
        """Changes whenever the file, or the way it is read, does."""
        storage = self.storage
        return f"{file_state(self.path)}:{storage.units_per_metre}:{storage.ray}:{storage.rotated}"


@dataclass(frozen=True, slots=True, eq=False)
class CaptureMask:
    """Loads a mask of the colour image: black pixels are not to be used."""

    path: Path
    camera: Camera

    def __call__(self) -> npt.NDArray[np.bool_]:
        return np.asarray(decode_gray(_whole(self.path, self.camera), source=self.path) > 0)


@dataclass(frozen=True, slots=True, eq=False)
class InstanceMap:
    """Loads an image of object numbers as indices into the scene's instances.

    Attributes:
        path: of the image, 8 or 16 bits.
        camera: of the colour image; the map has its size.
        indices: index of the instance by stored value.
    """

    path: Path
    camera: Camera
    indices: tuple[tuple[int, int], ...]

    def __call__(self) -> npt.NDArray[np.int32]:
        data = _whole(self.path, self.camera)
        if data[:4] == b"\x89PNG" and data[25:26] != b"\0":
            what = "a map of objects must be a grey image, this one is coloured or has a palette"
            raise SceneError(what, path=self.path, remedy="save the objects' numbers as 8 or 16-bit grey PNG")
        sixteen_bits = data[:4] == b"\x89PNG" and data[24:25] == b"\x10"
        stored = decode_depth_png(data, source=self.path) if sixteen_bits else decode_gray(data, source=self.path)
        table = np.full(65536, -1, np.int32)
        for value, index in self.indices:
            table[value] = index
        return table[stored]


def _whole(path: Path, camera: Camera) -> bytes:
    """An encoded image of a camera's size, told from its header: a damaged one may ask for gigabytes."""
    data = read_bytes(path)
    found = image_size(data, source=path)
    if found != (camera.width, camera.height):
        raise SceneError(
            f"the image is {found[0]} x {found[1]}, its camera {camera.width} x {camera.height}",
            path=path,
            remedy="images of one lens must have one size: export them again",
        )
    return data


def _ray_lengths(camera: Camera) -> npt.NDArray[np.float32]:
    """(h, w) length of the ray to z = 1 through every pixel of a pinhole camera."""
    x = (np.arange(camera.width) - camera.intrinsics[0, 2]) / camera.intrinsics[0, 0]
    y = (np.arange(camera.height) - camera.intrinsics[1, 2]) / camera.intrinsics[1, 1]
    return np.asarray(np.sqrt(x[None] ** 2 + y[:, None] ** 2 + 1.0), dtype=np.float32)


def below_root(path: Path, root: Path, source: Path) -> str:
    """A file's place relative to the dataset root, as image references need it.

    Raises:
        SceneError: when it lies elsewhere; names ``source``, which listed it.
    """
    absolute = Path(os.path.abspath(path))
    if not absolute.is_relative_to(root):
        raise SceneError(
            f"{path} lies outside of {root}", path=source, remedy="move or link the images into the scene's folder"
        )
    return absolute.relative_to(root).as_posix()


def frame_numbers(names: Iterable[str]) -> list[int]:
    """Numbers to know frames by: the last in each file's name; positions where those are not all there, or repeat."""
    stems = [re.sub(r"\.[A-Za-z]+$", "", name.rsplit("/", 1)[-1]) for name in names]
    numbers = [re.findall(r"\d+", stem)[-1:] for stem in stems]
    found = [int(number[0]) for number in numbers if number and len(number[0]) <= _MAX_DIGITS]
    return found if len(set(found)) == len(stems) else list(range(len(stems)))


def find_mesh(folder: Path, candidates: Iterable[Path], stated: str | None, notes: Path | None) -> Path | None:
    """The mesh of a scene: the one ``scene.toml`` states, an expected one, or the only ``*mesh*.ply`` in its folder.

    Args:
        folder: of the scene.
        candidates: where the format expects it, best first.
        stated: what ``scene.toml`` says, ``none`` for no mesh.
        notes: that file.

    Raises:
        SceneError: when a stated mesh is not there, or several could be meant.
    """
    if stated == "none":
        return None
    if stated is not None:
        if not (folder / stated).is_file():
            raise SceneError(f"there is no mesh {stated}", path=notes, remedy="correct its path, or leave it out")
        return folder / stated
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    found = sorted(path for path in folder.glob("*.ply") if "mesh" in path.name.lower())
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise SceneError(
            f"several meshes could be meant ({names})", path=folder, remedy='state mesh = "…" in scene.toml'
        )
    return found[0] if found else None
