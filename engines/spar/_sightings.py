"""Which frames of a video show an object at all, which do not, and where that is open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ...core.object_views import CLEAR_PX, HIDDEN_PX, map_camera
from ...core.types import Camera
from ..base import Parameters
from ..mosaic import MosaicObjects

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["SightingParameters", "Sightings", "pixels_when_shaken"]

_COARSER: Final = 2  # times; a shaken view is counted on a smaller map than the 640 px one
_WAYS: Final = ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


class SightingParameters(Parameters):
    """When a frame shows an object, for questions about whole videos."""

    seen_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of an object that is neither hidden nor cut off, from which a frame shows it",
    )
    unseen_share: float = Field(
        0.0, ge=0, le=1, description="share below which a frame does not; between the two it is open"
    )
    seen_pixel_share: float = Field(
        0.0, ge=0, le=1, description="share of the image's pixels below which a frame does not show an object"
    )

    @model_validator(mode="after")
    def _band(self) -> SightingParameters:
        if self.unseen_share > self.seen_share:
            raise ValueError("unseen_share must not be above seen_share")
        return self


class Sightings:
    """Which frames show which objects.

    Args:
        objects: of a scene with silhouettes.
        parameters: what counts.

    Attributes:
        seen: (f, n): a frame shows an object.
        open: (f, n): whether it does is open, so that no answer may hang on it.
        certainty: (f, n): quantity / threshold of the condition that decides, at least 1 where nothing is open.
    """

    def __init__(self, objects: MosaicObjects, parameters: SightingParameters) -> None:
        assert objects.states is not None
        self._parameters = parameters
        pixels = objects.visible_px.astype(np.float64)
        share = 1.0 - objects.states.total.astype(np.float64)
        line = parameters.seen_pixel_share * objects.geometry.object_views.map_px.astype(np.float64)[:, None]
        most_hidden, least_seen = np.maximum(HIDDEN_PX, line), np.maximum(CLEAR_PX, line)
        self.seen: BoolArray = (pixels > CLEAR_PX) & (pixels >= line) & (share >= parameters.seen_share)
        unseen = (pixels < most_hidden) | (share < parameters.unseen_share)
        self.open: BoolArray = ~self.seen & ~unseen
        with np.errstate(divide="ignore", invalid="ignore"):
            of_seen = np.fmin(pixels / least_seen, share / parameters.seen_share)
            of_unseen = np.fmax(most_hidden / pixels, parameters.unseen_share / share)
        self.certainty: FloatArray = np.where(self.seen, of_seen, of_unseen)

    def thresholds(self) -> dict[str, Any]:
        """The numbers that decide, by name, for a fact's evidence."""
        parameters = self._parameters
        return {
            "hidden_px": HIDDEN_PX,
            "grey_px": CLEAR_PX,
            "seen_share": parameters.seen_share,
            "unseen_share": parameters.unseen_share,
            "seen_pixel_share": parameters.seen_pixel_share,
        }


def pixels_when_shaken(
    geometry: SceneGeometry, frames: Sequence[int], metres: float, degrees: float
) -> tuple[FloatArray, FloatArray]:
    """Least and most pixels of objects if cameras stood and looked a little further right, left, down or up.

    Poses and surfaces of scans are off by some centimetres, which can bring what is behind an edge into view.

    Args:
        geometry: of a scene with a labelled mesh.
        frames: looked at.
        metres: by which cameras are moved.
        degrees: by which they are turned.

    Returns:
        Two arrays (frames, n), pixels of the 640 px map.
    """
    owner = np.append(geometry.face_instance, np.int32(-1))  # last: of no triangle, which is -1
    count = len(geometry.scene.instances)
    found = np.empty((len(_WAYS), len(frames), count))
    for row, frame in enumerate(frames):
        camera = map_camera(geometry.scene.frames[frame].camera)
        small = camera.resized(camera.width // _COARSER, camera.height // _COARSER)
        scale = camera.width * camera.height / (small.width * small.height)
        for way, (right, down) in enumerate(_WAYS):
            view = _moved(small, (right * metres, down * metres), (right * degrees, down * degrees))
            shown = owner[geometry.mesh_map(frame, view).triangle]
            found[way, row] = np.bincount(shown.ravel() + 1, minlength=count + 1)[1:] * scale
    return found.min(axis=0), found.max(axis=0)


def _moved(camera: Camera, metres: tuple[float, float], degrees: tuple[float, float]) -> Camera:
    """A camera moved right and down, and turned right and down."""
    yaw, pitch = (math.radians(angle) for angle in degrees)
    about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(pitch), math.sin(pitch)], [0, -math.sin(pitch), math.cos(pitch)]])
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = about_y @ about_x, (*metres, 0.0)
    pose = camera.camera_to_world @ moved
    return Camera(camera.intrinsics, pose, camera.width, camera.height, camera.model, camera.distortion)
