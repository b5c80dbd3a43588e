"""What each frame shows of each object: how many pixels, and the box around them.

Both are measured on an instance map of 640 px width with the colour camera's field of view, so that a number of
pixels means the same whatever the sensor (docs/conventions.md, "Objects in a frame"). The map is drawn from a labelled
mesh or, where images are labelled instead, sampled from the frame's own. Boxes are modal (around what is visible only)
and given in native colour pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from .arrays import read_only
from .types import Camera, Frame, Scene

__all__ = [
    "CLEAR_PX",
    "HIDDEN_PX",
    "MAP_WIDTH",
    "ObjectViews",
    "map_camera",
    "native_boxes",
    "sampled_map",
    "view_objects",
    "views_key",
]

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

    def per_frame(self, frames: Sequence[int], instances: Sequence[int], scene: Scene) -> list[dict[str, Any]]:
        """Rows for a fact's evidence, as ``ObjectStates.per_frame`` where silhouettes are not known."""
        rows: list[dict[str, Any]] = []
        for image, frame in enumerate(frames):
            for instance in instances:
                pixels = int(self.visible_px[frame, instance])
                row = {"image": image, "id": scene.instances[instance].id, "visible_px": pixels}
                state = self.state(frame, instance)
                rows.append(row if state is None else {**row, "state": state})
        return rows

    def box_px(self, frames: Sequence[Frame]) -> npt.NDArray[np.float64]:
        """(f, n): area of each box in pixels of the 640 px wide map; nan where nothing is visible."""
        native = np.array([frame.camera.width * frame.camera.height for frame in frames], dtype=np.float64)
        sides = self.boxes[..., 2:].astype(np.float64) - self.boxes[..., :2]
        return sides[..., 0] * sides[..., 1] * (self.map_px / native)[:, None]


def map_camera(camera: Camera) -> Camera:
    """The camera of the map on which pixels are counted: 640 px wide, the same field of view."""
    return camera.resized(MAP_WIDTH, max(1, round(MAP_WIDTH * camera.height / camera.width)))


def sampled_map(values: npt.NDArray[np.int32], camera: Camera) -> npt.NDArray[np.int32]:
    """The map that ``map_camera`` sees, of values (h, w) at the camera's own pixels: each takes the nearest one's."""
    to = map_camera(camera)
    row = ((np.arange(to.height) + 0.5) * (camera.height / to.height)).astype(np.int64)
    column = ((np.arange(to.width) + 0.5) * (camera.width / to.width)).astype(np.int64)
    return values[row[:, None], column]


def native_boxes(bounds: npt.NDArray[np.integer], camera: Camera) -> npt.NDArray[np.float32]:
    """(n, 4): x1, y1, x2, y2 in a camera's own pixels, of boxes on its map.

    Args:
        bounds: (n, 4), first column and row on the map, and one beyond the last.
        camera: of the image.
    """
    to = map_camera(camera)
    scale = np.array([camera.width / to.width, camera.height / to.height] * 2)
    return np.asarray(bounds * scale - 0.5, dtype=np.float32)


def view_objects(
    frames: Sequence[Frame], instances: int, instance_map: Callable[[int, Camera], npt.NDArray[np.int32]]
) -> ObjectViews:
    """Visible pixels and boxes of every instance in every frame.

    Args:
        frames: of the scene.
        instances: how many there are.
        instance_map: gives the index of the instance, -1 for none, at every pixel of frame i's map camera.
    """
    visible = np.zeros((len(frames), instances), dtype=np.int32)
    boxes = np.full((len(frames), instances, 4), _NO_BOX, dtype=np.float32)
    sizes = np.zeros(len(frames), dtype=np.int32)
    for index, frame in enumerate(frames):
        camera = map_camera(frame.camera)
        sizes[index] = camera.width * camera.height
        if not instances:
            continue
        shown = instance_map(index, camera).astype(np.int64) + 1
        columns = _counts(shown, np.arange(camera.width), instances, camera.width)
        rows = _counts(shown, np.arange(camera.height)[:, None], instances, camera.height)
        visible[index] = columns.sum(axis=1)
        seen = visible[index] > 0
        first = np.stack([(columns > 0).argmax(axis=1), (rows > 0).argmax(axis=1)], axis=1)
        last = np.stack(
            [
                camera.width - (columns[:, ::-1] > 0).argmax(axis=1),
                camera.height - (rows[:, ::-1] > 0).argmax(axis=1),
            ],
            axis=1,
        )
        boxes[index, seen] = native_boxes(np.hstack([first, last]), frame.camera)[seen]
    return ObjectViews.from_arrays({"visible_px": visible, "boxes": boxes, "map_px": sizes})


def _counts(
    shown: npt.NDArray[np.int64], place: npt.NDArray[np.int64], instances: int, places: int
) -> npt.NDArray[np.int64]:
    """(instances, places): pixels of each instance in each column (or row); 0 in ``shown`` stands for none."""
    counted = np.bincount((shown * places + place).ravel(), minlength=(instances + 1) * places)
    return counted.reshape(instances + 1, places)[1:]


def views_key(fingerprint: str, face_instance: npt.NDArray[np.int32], instances: int, what: str = "views") -> str:
    """Cache key of what frames show of objects: of a scene's geometry, and of which face is which instance's."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{fingerprint} {instances} {MAP_WIDTH}".encode())
    digest.update(np.ascontiguousarray(face_instance).data)
    return f"{what}-{digest.hexdigest()}"
