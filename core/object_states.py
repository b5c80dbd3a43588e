"""How much each frame shows of each object: what hides it, what the image's border cuts off, and its state.

*Occlusion* is the share of the object's silhouette inside the image that something hides; *truncation* the share of its
surface that lies outside the image. A frame in which less than half of an object is lost to both together shows it
clearly (docs/conventions.md, "Objects in a frame").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .arrays import read_only
from .object_views import CLEAR_PX, HIDDEN_PX, ObjectViews, map_camera, native_boxes
from .projection import is_inside, project
from .silhouettes import Silhouettes
from .surface_samples import SurfaceSamples
from .types import Camera, Frame, Scene

__all__ = ["CLEAR", "GREY", "HIDDEN", "MOST_LOST", "PARTIAL", "STATE_NAMES", "ObjectStates", "state_objects"]

HIDDEN, GREY, PARTIAL, CLEAR = range(4)

STATE_NAMES: Final = ("hidden", "grey", "partial", "clear")
"""In the order of the codes."""

MOST_LOST: Final = 0.5
"""Share of an object that may be lost to occlusion and truncation together where it is still clear."""

_STORED: Final = {
    "visible_px": np.int32,
    "in_image_px": np.int32,
    "truncation": np.float32,
    "modal_boxes": np.float32,
    "amodal_boxes": np.float32,
    "map_px": np.int32,
}


@dataclass(frozen=True, slots=True, eq=False)
class ObjectStates:
    """How much each of f frames shows of each of n instances.

    Attributes:
        visible_px: (f, n) int32, visible pixels of the 640 px wide map.
        in_image_px: (f, n) int32, pixels of the same map that the instance would cover, were it alone.
        truncation: (f, n) float32, 1 - share of its surface that projects into the image, 0 to 1; what is behind the
            camera lies outside. nan where the instance has no surface.
        modal_boxes: (f, n, 4) float32, x1, y1, x2, y2 around the visible pixels, native colour pixels; nan where none.
        amodal_boxes: (f, n, 4) float32, likewise, around its silhouette inside the image.
        map_px: (f,) int32, pixels of each frame's map.
        occlusion: (f, n) float32, 1 - visible_px / in_image_px; nan where it covers nothing of the image.
        total: (f, n) float32, 1 - (1 - occlusion) (1 - truncation); 1 where it covers nothing of the image.
        states: (f, n) int8: ``HIDDEN`` below 20 visible pixels, ``GREY`` up to 200, above that ``PARTIAL`` where
            ``total`` is more than 0.5, and ``CLEAR``.
    """

    visible_px: npt.NDArray[np.int32]
    in_image_px: npt.NDArray[np.int32]
    truncation: npt.NDArray[np.float32]
    modal_boxes: npt.NDArray[np.float32]
    amodal_boxes: npt.NDArray[np.float32]
    map_px: npt.NDArray[np.int32]
    occlusion: npt.NDArray[np.float32] = field(init=False)
    total: npt.NDArray[np.float32] = field(init=False)
    states: npt.NDArray[np.int8] = field(init=False)

    def __post_init__(self) -> None:
        for name, dtype in _STORED.items():
            object.__setattr__(self, name, read_only(getattr(self, name), dtype))
        covers = self.in_image_px > 0
        occlusion = np.where(covers, 1.0 - self.visible_px / np.maximum(self.in_image_px, 1), np.nan)
        total = np.where(covers, 1.0 - (1.0 - occlusion) * (1.0 - self.truncation), 1.0)
        states = np.where(total > MOST_LOST, PARTIAL, CLEAR)
        states = np.where(self.visible_px <= CLEAR_PX, GREY, states)
        states = np.where(self.visible_px < HIDDEN_PX, HIDDEN, states)
        object.__setattr__(self, "occlusion", read_only(occlusion, np.float32))
        object.__setattr__(self, "total", read_only(total, np.float32))
        object.__setattr__(self, "states", read_only(states, np.int8))

    @staticmethod
    def stored_names() -> frozenset[str]:
        """Names of what ``from_arrays`` needs."""
        return frozenset(_STORED)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> ObjectStates:
        """The states that ``arrays`` gave."""
        return cls(**{name: arrays[name] for name in _STORED})

    def arrays(self) -> dict[str, np.ndarray]:
        """What the rest follows from, by attribute name, for a cache."""
        return {name: getattr(self, name) for name in _STORED}

    def per_frame(self, frames: Sequence[int], instances: Sequence[int], scene: Scene) -> list[dict[str, Any]]:
        """Rows for a fact's evidence: one for each of some instances in each of the frames shown.

        Args:
            frames: indices into the scene's, in the order shown; ``image`` is the place among them.
            instances: indices into the scene's.
            scene: for the instances' own ids.
        """
        rows: list[dict[str, Any]] = []
        for image, frame in enumerate(frames):
            for instance in instances:
                truncation = float(self.truncation[frame, instance])
                rows.append(
                    {
                        "image": image,
                        "id": scene.instances[instance].id,
                        "visible_px": int(self.visible_px[frame, instance]),
                        "in_image_px": int(self.in_image_px[frame, instance]),
                        "truncation": None if np.isnan(truncation) else truncation,
                        "state": STATE_NAMES[self.states[frame, instance]],
                    }
                )
        return rows


def state_objects(
    frames: Sequence[Frame],
    views: ObjectViews,
    samples: SurfaceSamples,
    silhouettes: Callable[[Camera], Silhouettes],
) -> ObjectStates:
    """How much each frame shows of each instance.

    Args:
        frames: of the scene.
        views: what they show of its instances.
        samples: of the instances' surfaces.
        silhouettes: gives those of all instances in a camera.

    Raises:
        SceneError: for a panorama, and for what is no lens.
    """
    shape = views.visible_px.shape
    in_image = np.zeros(shape, dtype=np.int32)
    truncation = np.full(shape, np.nan, dtype=np.float32)
    boxes = np.full((*shape, 4), np.nan, dtype=np.float32)
    usable = samples.area > 0
    count = samples.points.shape[1]
    points = samples.points[usable].reshape(-1, 3).astype(np.float64)
    for index, frame in enumerate(frames):
        drawn = silhouettes(map_camera(frame.camera))
        covers = drawn.pixels > 0
        in_image[index] = drawn.pixels
        boxes[index, covers] = native_boxes(drawn.bounds, frame.camera)[covers]
        xy, _ = project(points, frame.camera)  # nan, which is outside, for what is behind the camera
        inside = is_inside(xy, frame.camera).reshape(-1, count)
        truncation[index, usable] = 1.0 - inside.mean(axis=1)
    return ObjectStates(views.visible_px, in_image, truncation, views.boxes, boxes, views.map_px)
