"""The independent witness of what a frame shows of an object: Open3D ray casting, pixel by pixel and object by object.

Written from docs/conventions.md ("Objects in a frame"), with nothing of the product but its table of names. Objects
are counted on the map of 640 px width; a silhouette is what the rays hit when the object stands alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import open3d as o3d

from spatialgen.core import labels

from .dslr_oracle import DslrRoom
from .multispa_objects import spread
from .multispa_oracle import Room

MAP_WIDTH = 640
NEAR = 0.10
HIDDEN_PX, GREY_PX = 20, 200
"""Below the first an object is hidden, up to the second it is grey."""
MOST_TOTAL = 0.5
SAMPLE_STEP = 2  # every other of 40,000 samples tells an area to half a percent
RAYS_KEPT = 20  # frames; 7 MB each
WINDOW_MARGIN = 6  # pixels about the projected corners; a fisheye bends the edges between them
STATES = ("hidden", "grey", "partial", "clear")


@dataclass(frozen=True, slots=True)
class View:
    """What one frame shows of one object.

    Attributes:
        visible_px, in_image_px: of the map; in the image as if the object stood alone.
        truncation: share of its surface outside the image.
        modal, amodal: (4,) boxes in native pixels around what is visible and around the silhouette; None for nothing.
        border_px: pixels of the silhouette with a neighbour that is not.
    """

    visible_px: int
    in_image_px: int
    truncation: float
    modal: np.ndarray | None
    amodal: np.ndarray | None
    border_px: int

    @property
    def occlusion(self) -> float:
        return 1 - self.visible_px / self.in_image_px if self.in_image_px else float("nan")

    @property
    def total(self) -> float:
        if not self.in_image_px:
            return 1.0
        return 1 - (1 - self.occlusion) * (1 - self.truncation)

    @property
    def state(self) -> str:
        if self.visible_px < HIDDEN_PX:
            return "hidden"
        if self.visible_px <= GREY_PX:
            return "grey"
        return "partial" if self.total > MOST_TOTAL else "clear"

    def may_be(self, state: str) -> bool:
        """Whether a state is right, or would be if a few pixels at the silhouette's edge or a sample fell otherwise."""
        if state == self.state:
            return True
        pixels = 3 + 0.01 * self.visible_px
        lower, upper = self.visible_px - pixels, self.visible_px + pixels
        if state == "hidden":
            return lower < HIDDEN_PX
        if state == "grey":
            return upper >= HIDDEN_PX and lower <= GREY_PX
        near_half = abs(self.total - MOST_TOTAL) <= 0.03
        return upper > GREY_PX and (near_half or (self.total > MOST_TOTAL) == (state == "partial"))


class Stage:
    """The frames and objects of a room; everything is made once.

    Args:
        room: the truth of a scene, seen through pinholes or the fisheye.
    """

    def __init__(self, room: Room) -> None:
        self.room = room
        self.map_size = MAP_WIDTH, round(MAP_WIDTH * room.height / room.width)
        self.scale = np.array([room.width, room.height]) / self.map_size  # native pixels of one of the map
        self.names = {instance: labels.clean(label) for instance, label in room.labels.items()}
        self.face_owner = room.owner(np.arange(len(room.faces)))
        self._alone: dict[int, o3d.t.geometry.RaycastingScene] = {}
        self._samples: dict[int, np.ndarray] = {}
        self._corners: dict[int, np.ndarray] = {}
        self._kinds: dict[str, list[int]] = {}
        self._pictures: dict[int, np.ndarray] = {}
        self._world_rays: dict[int, np.ndarray] = {}
        self._views: dict[tuple[int, int], View] = {}
        self._overlaps: dict[tuple[int, int], float] = {}
        self.kept: dict[Any, Any] = {}  # what the judges of rows work out once a scene

    @cached_property
    def local_rays(self) -> np.ndarray:
        """(h, w, 3): of the map's pixels, in the camera's axes, with z = 1; nan beyond the lens."""
        width, height = self.map_size
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2)
        xy = (grid + 0.5) * self.scale - 0.5
        rays = self.local(xy)
        if isinstance(self.room, DslrRoom):
            back, _ = self.room.project(0, self.world(0, rays), self.room.intrinsics)
            rays[~(np.abs(back - xy).max(axis=1) < 0.5)] = np.nan
        return rays.reshape(height, width, 3)

    def local(self, xy: np.ndarray) -> np.ndarray:
        """(n, 3): rays of native pixels (n, 2) in the camera's axes, z = 1."""
        if isinstance(self.room, DslrRoom):
            return self.room.rays(0, xy) @ self.room.camera_to_world[0][:3, :3]
        return np.column_stack([xy, np.ones(len(xy))]) @ np.linalg.inv(self.room.intrinsics).T

    def world(self, frame: int, points: np.ndarray) -> np.ndarray:
        pose = self.room.camera_to_world[frame]
        return points @ pose[:3, :3].T + pose[:3, 3]

    def camera(self, frame: int, points: np.ndarray) -> np.ndarray:
        """(n, 3): world points in a frame's camera axes."""
        pose = self.room.camera_to_world[frame]
        return (points - pose[:3, 3]) @ pose[:3, :3]

    def picture(self, frame: int) -> np.ndarray:
        """(h, w) int16: the object at every pixel of the map, -1 for none."""
        if frame not in self._pictures:
            hit = _hits(self.room.scene, self._rays(frame))
            self._pictures[frame] = np.where(hit >= 0, self.face_owner[hit], -1).astype(np.int16)
        return self._pictures[frame]

    def _rays(self, frame: int) -> np.ndarray:
        """(h, w, 6) float32: in the world, where the rays of a frame's map pass the near plane, and where they go."""
        if frame not in self._world_rays:
            if len(self._world_rays) >= RAYS_KEPT:
                self._world_rays.pop(next(iter(self._world_rays)))
            pose = self.room.camera_to_world[frame]
            whole = np.empty((*self.local_rays.shape[:2], 6), np.float32)
            whole[..., 3:] = self.local_rays @ pose[:3, :3].T
            whole[..., :3] = pose[:3, 3] + NEAR * whole[..., 3:]
            self._world_rays[frame] = whole
        return self._world_rays[frame]

    def alone(self, instance: int) -> o3d.t.geometry.RaycastingScene:
        """The object and nothing else."""
        if instance not in self._alone:
            scene = o3d.t.geometry.RaycastingScene(nthreads=1)
            faces = self.room.faces[self.face_owner == instance]
            scene.add_triangles(o3d.core.Tensor(self.room.vertices), o3d.core.Tensor(faces))
            self._alone[instance] = scene
        return self._alone[instance]

    def corners(self, instance: int) -> np.ndarray:
        """(n, 3): of an object's triangles."""
        if instance not in self._corners:
            own = np.unique(self.room.faces[self.face_owner == instance])
            self._corners[instance] = self.room.vertices[own].astype(np.float64)
        return self._corners[instance]

    def samples(self, instance: int) -> np.ndarray:
        """(n, 3): spread evenly over all of an object's surface."""
        if instance not in self._samples:
            faces = self.room.faces[self.face_owner == instance].astype(np.int64)
            rng = np.random.default_rng([instance, 5])
            self._samples[instance] = spread(self.room.vertices.astype(np.float64), faces, rng)[::SAMPLE_STEP]
        return self._samples[instance]

    def view(self, frame: int, instance: int) -> View:
        """What a frame shows of an object."""
        key = frame, instance
        if key not in self._views:
            visible = self.picture(frame) == instance
            silhouette = self.silhouette(frame, instance)
            border = silhouette & (cv2.erode(silhouette.astype(np.uint8), np.ones((3, 3))) == 0)
            self._views[key] = View(
                int(visible.sum()),
                int(silhouette.sum()),
                self.truncation(frame, instance),
                self._box(visible),
                self._box(silhouette),
                int(border.sum()),
            )
        return self._views[key]

    def silhouette(self, frame: int, instance: int) -> np.ndarray:
        """(h, w) bool: where the map shows the object when it stands alone."""
        width, height = self.map_size
        mask = np.zeros((height, width), bool)
        corners = self.corners(instance)
        depth = self.camera(frame, corners)[:, 2]
        if (depth <= NEAR).all():
            return mask
        left, top, right, bottom = 0, 0, width, height
        if (depth > NEAR).all():
            xy, _ = self.room.project(frame, corners, self.room.intrinsics)
            xy = (xy + 0.5) / self.scale - 0.5
            if np.isfinite(xy).all():
                left, top = (np.floor(xy.min(axis=0)) - WINDOW_MARGIN).clip(0, (width, height)).astype(int)
                right, bottom = (np.ceil(xy.max(axis=0)) + WINDOW_MARGIN + 1).clip(0, (width, height)).astype(int)
        if left >= right or top >= bottom:
            return mask
        part = self._cast_alone(frame, instance, (left, top, right, bottom))
        cut = (left > 0 and part[:, 0].any()) or (right < width and part[:, -1].any())
        cut |= (top > 0 and part[0].any()) or (bottom < height and part[-1].any())
        if cut:  # edges that the lens bends out of the window
            return self._cast_alone(frame, instance, (0, 0, width, height))
        mask[top:bottom, left:right] = part
        return mask

    def _cast_alone(self, frame: int, instance: int, window: tuple[int, int, int, int]) -> np.ndarray:
        left, top, right, bottom = window
        return _hits(self.alone(instance), self._rays(frame)[top:bottom, left:right]) >= 0

    def truncation(self, frame: int, instance: int) -> float:
        """Share of the surface that is behind the camera or beyond the image."""
        xy, z = self.room.project(frame, self.samples(instance), self.room.intrinsics)
        size = self.room.width, self.room.height
        inside = (z > 0) & (xy >= -0.5).all(axis=1) & (xy < np.array(size) - 0.5).all(axis=1)
        if isinstance(self.room, DslrRoom):  # beyond the image's corners the lens formula turns back into the image
            ray = self.camera(frame, self.samples(instance))
            inside &= np.hypot(ray[:, 0], ray[:, 1]) <= self._widest * ray[:, 2]
        return 1 - float(inside.mean())

    @cached_property
    def _widest(self) -> float:
        """Tangent of the widest angle that the image shows."""
        rays = self.local_rays.reshape(-1, 3)
        return float(np.nanmax(np.hypot(rays[:, 0], rays[:, 1]))) * 1.001

    def _box(self, mask: np.ndarray) -> np.ndarray | None:
        v, u = np.nonzero(mask)
        if not len(u):
            return None
        return np.array([u.min(), v.min(), u.max() + 1, v.max() + 1]) * np.tile(self.scale, 2) - 0.5

    def overlap(self, first: int, second: int) -> float:
        """Share of the mesh vertices either frame sees that both see."""
        key = min(first, second), max(first, second)
        if key not in self._overlaps:
            self._overlaps[key] = self.room.overlap(*key)
        return self._overlaps[key]

    def distances(self, instance: int, points: np.ndarray) -> np.ndarray:
        """(n,): metres from world points (n, 3) to the nearest place of an object's surface."""
        found = self.alone(instance).compute_distance(o3d.core.Tensor(points.astype(np.float32)))
        return found.numpy().astype(np.float64)

    def at(self, frame: int, xy: np.ndarray) -> int:
        """The object that a ray through one native pixel (2,) meets first, -1 for none."""
        _, triangle = self.room.cast(frame, np.asarray(xy, float).reshape(1, 2))
        return int(self.room.owner(triangle)[0])

    def of_kind(self, name: str) -> list[int]:
        """Objects that a viewer may call by a name."""
        if name not in self._kinds:
            kind = labels.synonyms(name)
            self._kinds[name] = [i for i, own in self.names.items() if own in kind or name in labels.synonyms(own)]
        return self._kinds[name]

    def ending_alike(self, name: str) -> list[int]:
        """Objects with a longer or shorter name for what may be the same: an office chair, of chairs."""
        return [
            i for i, own in self.names.items() if own != name and (own.endswith(f" {name}") or name.endswith(f" {own}"))
        ]


def _hits(scene: o3d.t.geometry.RaycastingScene, rays: np.ndarray) -> np.ndarray:
    """(h, w): the first triangle that each ray (h, w, 6) meets, -1 for none; none for a ray that is nan."""
    good = np.isfinite(rays[..., 3])
    found = scene.cast_rays(o3d.core.Tensor(np.ascontiguousarray(rays if good.all() else rays[good])))
    hit = np.full(rays.shape[:2], -1)
    hit[good] = found["primitive_ids"].numpy().astype(np.int64).ravel()
    hit[hit == 0xFFFFFFFF] = -1
    return hit
