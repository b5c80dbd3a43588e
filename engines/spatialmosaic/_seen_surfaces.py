"""How much of an object frames show together: of its surface, and along its longest edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["SeenSurfaces"]

_MOST_VERTICES: Final = 4_096  # of one object that are looked at
_OUTERMOST: Final = 0.01  # share of what is seen of an object that no end of it rests on

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class SeenSurfaces:
    """What frames see of some objects, vertex by vertex; a vertex stands for a third of each face at it.

    Args:
        geometry: of a scene with a labelled mesh and an up axis.
        wanted: indices of the instances.
    """

    def __init__(self, geometry: SceneGeometry, wanted: Sequence[int]) -> None:
        scene, boxes = geometry.scene, geometry.object_boxes
        assert scene.vertices is not None
        assert scene.faces is not None
        assert scene.vertex_instance is not None
        self.longest = np.nan_to_num(boxes.size).argmax(axis=1)
        """(n,): 0 length, 1 width, 2 height."""
        owner = geometry.face_instance
        corners = scene.vertices[scene.faces].astype(np.float64)
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        own = np.flatnonzero(((owner >= 0)[:, None] & (scene.vertex_instance[scene.faces] == owner[:, None])).ravel())
        weight = np.bincount(scene.faces.ravel()[own], np.nan_to_num(area)[own // 3], minlength=len(scene.vertices))
        weight[~boxes.measured] = 0.0
        self._weight: dict[int, FloatArray] = {}
        self._along: dict[int, FloatArray] = {}
        members: dict[int, npt.NDArray[np.int64]] = {}
        order = np.argsort(scene.vertex_instance, kind="stable")
        starts = np.searchsorted(scene.vertex_instance[order], np.arange(len(scene.instances) + 1))
        for instance in wanted:
            mine = order[starts[instance] : starts[instance + 1]]
            mine = mine[weight[mine] > 0]
            members[instance] = mine = mine[:: -(-len(mine) // _MOST_VERTICES) or 1]
            self._weight[instance] = weight[mine] / weight[mine].sum() if len(mine) else np.zeros(0)
            axis = boxes.axes[instance, self.longest[instance]]
            place = (scene.vertices[mine] - boxes.centre[instance]) @ axis / boxes.size[instance].max()
            self._along[instance] = np.clip(place, -0.5, 0.5)
        self._seen = {
            instance: np.zeros((len(scene.frames), len(mine)), dtype=np.bool_) for instance, mine in members.items()
        }
        for frame in range(len(scene.frames)):
            visible = geometry.visibility.visible(frame)
            for instance, mine in members.items():
                self._seen[instance][frame] = visible[mine]

    def share(self, frames: Sequence[int], instance: int) -> float:
        """Of an object's surface that any of some frames shows."""
        return float(self._weight[instance] @ self._seen[instance][list(frames)].any(axis=0))

    def covered(self, frames: Sequence[int], instance: int) -> float:
        """Share of an object's longest edge between the ends of what some frames show, without slivers."""
        along = np.sort(self._along[instance][self._seen[instance][list(frames)].any(axis=0)])
        outermost = int(_OUTERMOST * len(along))
        return float(along[-1 - outermost] - along[outermost]) if len(along) else 0.0

    def gains(self, frames: Sequence[int], instance: int) -> FloatArray:
        """(f,): share of an object's surface that each frame would add to what some show."""
        unseen = ~self._seen[instance][list(frames)].any(axis=0)
        return np.asarray((self._seen[instance] & unseen) @ self._weight[instance])
