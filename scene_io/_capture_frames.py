"""The nouns of own captures: lenses, shots, what a folder lists, and the assumptions made about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ..core.types import Camera, CameraModel
from ._capture_files import DepthStorage
from ._capture_toml import ColorLens, SceneNotes

__all__ = ["LISTED_IMAGE_GONE", "NO_POSE", "NO_UNIT", "Capture", "Lens", "Shot", "depth_storage", "stated_lens"]

LISTED_IMAGE_GONE: Final = "listed image is not there"
NO_POSE: Final = "no pose"
NO_UNIT: Final = "lengths taken as metres: the format states no unit (metres_per_unit in scene.toml does)"
_MILLIMETRES: Final = "millimetres, as RGB-D cameras count, because nothing states the unit"

_CENTRE_SHARE: Final = 0.2
"""Of the image side. Principal points lie within a few per cent of the centre; of half or double size beyond this."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """Intrinsics (3, 3) with the image size they are for and the lens model, as in ``Camera``."""

    intrinsics: FloatArray
    width: int
    height: int
    model: CameraModel = "pinhole"
    distortion: tuple[float, ...] = ()

    def camera(self, camera_to_world: FloatArray) -> Camera:
        """The camera that looks through it."""
        return Camera(self.intrinsics, camera_to_world, self.width, self.height, self.model, self.distortion)

    def resized(self, width: int, height: int) -> Lens:
        """The same lens for the picture resampled to another size."""
        if (width, height) == (self.width, self.height):
            return self
        return Lens(
            self.camera(np.eye(4)).resized(width, height).intrinsics, width, height, self.model, self.distortion
        )

    def is_centred(self) -> bool:
        """Whether the principal point is where it is in images of this size."""
        return self.model == "equirectangular" or bool(
            abs(self.intrinsics[0, 2] - 0.5 * self.width) < _CENTRE_SHARE * self.width
            and abs(self.intrinsics[1, 2] - 0.5 * self.height) < _CENTRE_SHARE * self.height
        )


@dataclass(slots=True, eq=False)
class Shot:
    """One frame as listed: its number, files, pose as stored, lens, time in seconds; masks are black where unusable."""

    number: int
    image: Path
    pose: FloatArray
    lens: Lens
    depth: Path | None = None
    time: float | None = None
    mask: Path | None = None


@dataclass(slots=True, eq=False)
class Capture:
    """What a format's reader finds in a scene's folder.

    Attributes:
        folder: of the scene.
        poses_from, lens_from: files named in errors about poses and intrinsics.
        shots: frames with an image and a pose, whatever that is worth.
        depth: how depth is stored.
        depth_lens: the depth camera's own; None where it is the colour lens at the depth image's size.
        meshes: where the format expects a mesh, best first.
        convention, axes: of the stored poses.
        fixed: whether the format leaves no choice about these two.
        is_trajectory: whether the frames of one camera on its way are listed, in order of time.
        up: upwards in the stored world, where the format has one.
        notes: what was assumed or detected, one clause each.
        skipped: frames that are not in ``shots``, by reason.
    """

    folder: Path
    poses_from: Path
    lens_from: Path
    shots: list[Shot]
    depth: DepthStorage
    depth_lens: Lens | None = None
    meshes: tuple[Path, ...] = ()
    convention: Literal["camera_to_world", "world_to_camera"] = "camera_to_world"
    axes: Literal["opencv", "opengl"] = "opencv"
    fixed: bool = False
    is_trajectory: bool = False
    up: tuple[float, float, float] | None = None
    notes: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def stated_lens(stated: ColorLens, size: tuple[int, int]) -> Lens:
    """A lens of ``scene.toml`` for images of a size, rescaled where it is stated for another."""
    intrinsics = np.array([[stated.fx, 0.0, stated.cx], [0.0, stated.fy, stated.cy], [0.0, 0.0, 1.0]])
    width, height = (stated.width, stated.height) if stated.width and stated.height else size
    return Lens(intrinsics, width, height, stated.model, tuple(stated.distortion)).resized(*size)


def depth_storage(
    notes: SceneNotes, units_per_metre: float | None = None, reason: str = "", *, rotated: bool = False
) -> DepthStorage:
    """How depth is stored: as ``scene.toml`` says, else as the format or folder does, else in millimetres.

    Args:
        notes: the scene's ``scene.toml``.
        units_per_metre: what the format or a file of the folder says, if one does.
        reason: which.
        rotated: whether the format turns the 16 bits.
    """
    stated = notes.depth
    if stated.units_per_metre is not None:
        units_per_metre, reason = stated.units_per_metre, "scene.toml states it"
    assumed = units_per_metre is None
    return DepthStorage(
        units_per_metre=1000.0 if units_per_metre is None else units_per_metre,
        reason=_MILLIMETRES if assumed else reason,
        ray=stated.kind == "ray",
        rotated=rotated if stated.coding is None else stated.coding == "rotated",
        assumed=assumed,
    )
