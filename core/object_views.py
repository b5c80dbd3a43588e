"""What each frame shows of each object: how many pixels, and the box around them.

Both are measured on an instance map of 640 px width with the colour camera's field of view, so that a number of
pixels means the same whatever the sensor (docs/conventions.md, "Objects in a frame"). Boxes are modal (around what is
visible only) and given in native colour pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from .arrays import read_only
from .raster import MeshMap
from .types import Camera, Frame

__all__ = ["CLEAR_PX", "HIDDEN_PX", "MAP_WIDTH", "ObjectViews", "map_camera", "view_objects", "views_key"]

MAP_WIDTH: Final = 640
"""Pixels; width of the map on which pixels of objects are counted."""

HIDDEN_PX: Final = 20
"""An object with fewer visible pixels than this is hidden."""

CLEAR_PX: Final = 200
"""One with at least HIDDEN_PX and at most this many is grey: no answer may hang on whether it counts as visible."""

_NO_BOX: Final = np.nan


@dataclass(frozen=True, slots=True, eq=False)
class ObjectViews:
    """What each of f frames shows of each of n instances.

    Attributes:
        visible_px: (f, n) int32, pixels of the 640 px wide map.
        boxes: (f, n, 4) float32, x1, y1, x2, y2 around the visible pixels, native colour pixels (columns a..b give
            a - 0.5 and b + 0.5); nan where none is visible.
        map_px: (f,) int32, pixels of each frame's map.
    """

    visible_px: npt.NDArray[np.int32]
    boxes: npt.NDArray[np.float32]
    map_px: npt.NDArray[np.int32]

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> ObjectViews:
        """The views that ``arrays`` gave."""
        return cls(
            read_only(arrays["visible_px"], np.int32),
            read_only(arrays["boxes"], np.float32),
            read_only(arrays["map_px"], np.int32),
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """By attribute name, for a cache."""
        return {"visible_px": self.visible_px, "boxes": self.boxes, "map_px": self.map_px}

    def state(self, frame: int, instance: int) -> Literal["hidden", "grey"] | None:
        """``hidden`` below 20 visible pixels, ``grey`` up to 200; None above, where pixels alone do not decide."""
        pixels = int(self.visible_px[frame, instance])
        return "hidden" if pixels < HIDDEN_PX else "grey" if pixels <= CLEAR_PX else None

    def box_px(self, frames: Sequence[Frame]) -> npt.NDArray[np.float64]:
        """(f, n): area of each box in pixels of the 640 px wide map; nan where nothing is visible."""
        native = np.array([frame.camera.width * frame.camera.height for frame in frames], dtype=np.float64)
        sides = self.boxes[..., 2:].astype(np.float64) - self.boxes[..., :2]
        return sides[..., 0] * sides[..., 1] * (self.map_px / native)[:, None]


def map_camera(camera: Camera) -> Camera:
    """The camera of the map on which pixels are counted: 640 px wide, the same field of view."""
    return camera.resized(MAP_WIDTH, max(1, round(MAP_WIDTH * camera.height / camera.width)))


def view_objects(
    frames: Sequence[Frame],
    face_instance: npt.NDArray[np.int32],
    instances: int,
    draw: Callable[[int, Camera], MeshMap],
) -> ObjectViews:
    """Visible pixels and boxes of every instance in every frame.

    Args:
        frames: of the scene.
        face_instance: (m,), index of each face's instance, -1 for none.
        instances: how many there are.
        draw: gives the mesh as frame i's map camera sees it.

    Raises:
        SceneError: for a lens that is not a pinhole.
    """
    owner = np.append(face_instance, np.int32(-1)) + 1  # the last entry is for pixels without a triangle
    visible = np.zeros((len(frames), instances), dtype=np.int32)
    boxes = np.full((len(frames), instances, 4), _NO_BOX, dtype=np.float32)
    sizes = np.zeros(len(frames), dtype=np.int32)
    for index, frame in enumerate(frames):
        camera = map_camera(frame.camera)
        sizes[index] = camera.width * camera.height
        if not instances:
            continue
        shown = owner[draw(index, camera).triangle].astype(np.int64)
        columns = _counts(shown, np.arange(camera.width), instances, camera.width)
        rows = _counts(shown, np.arange(camera.height)[:, None], instances, camera.height)
        visible[index] = columns.sum(axis=1)
        seen = visible[index] > 0
        scale = np.array([frame.camera.width / camera.width, frame.camera.height / camera.height])
        first = np.stack([(columns > 0).argmax(axis=1), (rows > 0).argmax(axis=1)], axis=1)
        last = np.stack(
            [
                camera.width - (columns[:, ::-1] > 0).argmax(axis=1),
                camera.height - (rows[:, ::-1] > 0).argmax(axis=1),
            ],
            axis=1,
        )
        boxes[index, seen] = np.hstack([first * scale - 0.5, last * scale - 0.5])[seen]
    return ObjectViews.from_arrays({"visible_px": visible, "boxes": boxes, "map_px": sizes})


def _counts(
    shown: npt.NDArray[np.int64], place: npt.NDArray[np.int64], instances: int, places: int
) -> npt.NDArray[np.int64]:
    """(instances, places): pixels of each instance in each column (or row); 0 in ``shown`` stands for none."""
    counted = np.bincount((shown * places + place).ravel(), minlength=(instances + 1) * places)
    return counted.reshape(instances + 1, places)[1:]


def views_key(fingerprint: str, face_instance: npt.NDArray[np.int32], instances: int) -> str:
    """Cache key of a scene's views: of its geometry, and of which face belongs to which instance."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{fingerprint} {instances} {MAP_WIDTH}".encode())
    digest.update(np.ascontiguousarray(face_instance).data)
    return f"views-{digest.hexdigest()}"
