"""``scene.toml``: what a folder of one's own does not say about itself, or says wrongly.

It lies in the scene's folder (or, for all scenes of a dataset root, beside them) and every key may be left out::

    up = "+z"                          # or [0, 0, 1]: upwards in the world of poses and mesh as they are stored
    metres_per_unit = 1.0              # of poses and mesh
    mesh = "scan/mesh.ply"             # or "none"

    [poses]
    convention = "camera_to_world"     # or "world_to_camera"
    axes = "opencv"                    # or "opengl" (x right, y up, z backwards)

    [color]                            # lens of the colour images; (0, 0) is the centre of the first pixel
    fx = 525.0
    fy = 525.0
    cx = 319.5
    cy = 239.5
    width = 640                        # the size it is for; without it, the images' own
    height = 480
    model = "pinhole"                  # "opencv" or "opencv_fisheye" with
    distortion = []                    # their coefficients, in OpenCV's order

    [depth]
    units_per_metre = 1000.0           # of the stored numbers
    kind = "z"                         # or "ray": along the ray instead of along the camera's axis
    coding = "plain"                   # or "rotated": 16 bits turned left by three, as SUN3D and APC store them
    fx = 365.0                         # the depth camera's own lens, with fy, cx, cy, [width, height], where it is not
                                       # the colour lens at another size

    [instances]                        # images that name an object at every pixel of the colour image
    images = "segm/*.segm.png"         # 8 or 16 bits; a frame's is the one that holds its number
    [instances.labels]
    5 = "kleenex tissue box"           # values without a label are background
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, field_validator, model_validator

from ..errors import SceneError

__all__ = [
    "FILE_NAME",
    "ColorLens",
    "DepthNotes",
    "InstanceNotes",
    "PoseNotes",
    "SceneNotes",
    "notes_file",
    "read_notes",
]

FILE_NAME: Final = "scene.toml"
_MAX_BYTES: Final = 1 << 20
_VALUES: Final = frozenset(map(str, range(65536)))  # of a map's pixels, each in its only spelling
_DISTORTIONS: Final = {"pinhole": (0,), "opencv": (4, 5, 8), "opencv_fisheye": (4,)}

Positive = Annotated[FiniteFloat, Field(gt=0)]
Side = Annotated[int, Field(ge=1, le=100_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class PoseNotes(_Strict):
    """How poses are stored, where they are not as the format says."""

    convention: Literal["camera_to_world", "world_to_camera"] | None = None
    axes: Literal["opencv", "opengl"] | None = None


class ColorLens(_Strict):
    """The lens of the colour images, in pixels, the first pixel's centre at (0, 0)."""

    fx: Positive
    fy: Positive
    cx: FiniteFloat
    cy: FiniteFloat
    width: Side | None = None
    height: Side | None = None
    model: Literal["pinhole", "opencv", "opencv_fisheye"] = "pinhole"
    distortion: list[FiniteFloat] = []

    @model_validator(mode="after")
    def _complete(self) -> ColorLens:
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height go together")
        if len(self.distortion) not in _DISTORTIONS[self.model]:
            counts = " or ".join(map(str, _DISTORTIONS[self.model]))
            raise ValueError(f"{self.model} takes {counts} distortion coefficients, got {len(self.distortion)}")
        return self


class DepthNotes(_Strict):
    """How depth is stored, and the depth camera's lens where it has one of its own."""

    units_per_metre: Positive | None = None
    kind: Literal["z", "ray"] | None = None
    coding: Literal["plain", "rotated"] | None = None
    fx: Positive | None = None
    fy: Positive | None = None
    cx: FiniteFloat | None = None
    cy: FiniteFloat | None = None
    width: Side | None = None
    height: Side | None = None

    @model_validator(mode="after")
    def _complete(self) -> DepthNotes:
        given = [value is not None for value in (self.fx, self.fy, self.cx, self.cy)]
        if any(given) != all(given) or (self.width is None) != (self.height is None):
            raise ValueError("fx, fy, cx and cy go together, and so do width and height")
        return self

    @property
    def lens(self) -> ColorLens | None:
        """The depth camera's own lens, a pinhole; None where none is stated."""
        if self.fx is None or self.fy is None or self.cx is None or self.cy is None:
            return None
        return ColorLens(fx=self.fx, fy=self.fy, cx=self.cx, cy=self.cy, width=self.width, height=self.height)


class InstanceNotes(_Strict):
    """Images of object numbers, and what the numbers stand for."""

    images: str
    labels: dict[str, str]

    @field_validator("images")
    @classmethod
    def _relative(cls, images: str) -> str:
        path = PurePosixPath(images)
        if path.is_absolute() or not path.parts or ".." in path.parts or "**" in images:
            raise ValueError("images is a pattern such as segm/*.png, below the scene's folder")
        return images

    @field_validator("labels")
    @classmethod
    def _numbered(cls, labels: dict[str, str]) -> dict[str, str]:
        for value, label in labels.items():
            if value not in _VALUES or not label.strip():
                raise ValueError(f"a label is a name for a number from 0 to 65535, got {value} = {label!r}")
        return labels


class SceneNotes(_Strict):
    """A whole ``scene.toml``; None everywhere where there is no such file."""

    up: tuple[float, float, float] | None = None
    metres_per_unit: Positive | None = None
    mesh: str | None = None
    poses: PoseNotes = PoseNotes()
    color: ColorLens | None = None
    depth: DepthNotes = DepthNotes()
    instances: InstanceNotes | None = None

    @field_validator("up", mode="before")
    @classmethod
    def _direction(cls, value: object) -> object:
        """A unit vector from three numbers, or from a signed axis such as ``-y``."""
        if isinstance(value, str) and len(value) == 2 and value[0] in "+-" and value[1] in "xyz":
            vector = [0.0, 0.0, 0.0]
            vector["xyz".index(value[1])] = 1.0 if value[0] == "+" else -1.0
            return tuple(vector)
        numbers = value if isinstance(value, list) and len(value) == 3 else []
        if not numbers or any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
            raise ValueError('up is "+x", "-x", "+y" …, or three numbers')
        length = math.hypot(*numbers)
        if not 1e-6 < length < 1e6:
            raise ValueError("up is a direction: its length must not be 0")
        return tuple(number / length for number in numbers)

    @property
    def world_from_stored(self) -> npt.NDArray[np.float64]:
        """(3, 3) the smallest rotation that turns ``up`` to +z; the identity where no up is stated."""
        if self.up is None:
            return np.eye(3)
        up, z = np.array(self.up), np.array([0.0, 0.0, 1.0])
        if up[2] < -1.0 + 1e-12:
            return np.diag([1.0, -1.0, -1.0])
        axis = np.cross(up, z)
        skew = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
        return np.asarray(np.eye(3) + skew + skew @ skew / (1.0 + up[2]))


def notes_file(folder: Path, root: Path) -> Path | None:
    """Where the ``scene.toml`` is that holds for a scene's folder, its own or its dataset root's; None without."""
    return next((place / FILE_NAME for place in (folder, root) if (place / FILE_NAME).is_file()), None)


def read_notes(folder: Path, root: Path) -> tuple[SceneNotes, Path | None]:
    """The ``scene.toml`` of a scene's folder, else of its dataset root, and where it was found.

    Raises:
        SceneError: when it cannot be read, or has a key or value that is none.
    """
    path = notes_file(folder, root)
    if path is None:
        return SceneNotes(), None
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SceneError("is far too large", path=path, remedy="keep to the keys of docs/own-captures.md")
        stated: dict[str, Any] = tomllib.loads(
            path.read_text(encoding="utf-8-sig")
        )  # some editors write a byte-order mark
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy="check its permissions") from None
    except UnicodeDecodeError:
        raise SceneError("is not in UTF-8", path=path, remedy="save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SceneError(f"is not TOML ({error})", path=path, remedy="correct it") from None
    try:
        return SceneNotes.model_validate(stated), path
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        text = "there is no such key" if first["type"] == "extra_forbidden" else first["msg"]
        raise SceneError(
            f"{where}: {text.removeprefix('Value error, ')}", path=path, remedy="see docs/own-captures.md for its keys"
        ) from None
