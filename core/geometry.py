"""The derived facts of one scene, computed once, when they are first asked for.

``SceneGeometry`` holds what engines build on: maps of the mesh and the sensor, the depth of pixels, where marks can be
drawn, which frame sees which points and how much frames overlap. Visibility and overlap can be kept in a cache; their
key is a hash of everything they depend on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from . import _kernels
from .arrays import read_only
from .extents import ObjectBoxes, boxes_of_surfaces
from .fingerprint import scene_fingerprint
from .fusion import fuse
from .object_views import ObjectViews, view_objects, views_key
from .overlap import Overlap, overlap_of
from .pixel_maps import hide_masked, instances_of, valid_of
from .projection import is_inside, nearest_pixels
from .raster import MeshMap, TriangleClusters, build_clusters, rasterise
from .recent import Recent
from .settings import DepthSource, GeometrySettings
from .surface import SensorView, judge_marks, sensor_values
from .types import Camera, Scene
from .visibility import PointBlocks, VisibilityBits, build_point_blocks, see_points

__all__ = ["GeometryCache", "MeshMap", "Overlap", "PointDepths", "SceneGeometry", "VisibilityBits"]

_DEFAULT: Final = GeometrySettings()
_MAPS_KEPT: Final = 4  # of the mesh, of instances and of masks, each
_SENSOR_MAPS_KEPT: Final = 4


class GeometryCache(Protocol):
    """Where derived arrays are kept between runs; ``pipeline.cache`` keeps them on disk."""

    def get(self, key: str) -> dict[str, np.ndarray] | None:
        """The arrays stored under a key, or None."""

    def put(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        """Store arrays under a key."""


@dataclass(frozen=True, slots=True, eq=False)
class PointDepths:
    """Depths at pixels, and what they rest on.

    Attributes:
        depth: (n,) float32, metres along the camera's z axis; nan where it must not be stated.
        mesh: (n,) float32, the mesh map's value, 0 for none.
        sensor: (n,) float32, the sensor's value, 0 for unknown.
        known: (n,) bool, whether the deciding source (the mesh, if the scene has one) has depth there; where it has and
            ``depth`` is nan, mesh and sensor disagree.
    """

    depth: npt.NDArray[np.float32]
    mesh: npt.NDArray[np.float32]
    sensor: npt.NDArray[np.float32]
    known: npt.NDArray[np.bool_]


class SceneGeometry:
    """What follows from a scene's cameras, mesh and depth maps.

    Args:
        scene: as a reader gives it.
        settings: what counts as visible and as the same surface.
        cache: keeps visibility and overlap between runs, or None.
    """

    def __init__(self, scene: Scene, settings: GeometrySettings = _DEFAULT, cache: GeometryCache | None = None) -> None:
        self.scene = scene
        self.settings = settings
        self._cache = cache
        self._mesh_maps = Recent(self._draw, _MAPS_KEPT)
        self._sensor_maps = Recent(self._load_depth, _SENSOR_MAPS_KEPT)
        self._instance_maps = Recent(lambda i: instances_of(scene, i), _MAPS_KEPT)
        self._valid_maps = Recent(lambda i: valid_of(scene.frames[i]), _MAPS_KEPT)

    # ---- maps

    def sensor_depth(self, i: int) -> npt.NDArray[np.float32] | None:
        """(hd, wd) float32, metres along the depth camera's z axis, 0 where unknown; None if frame i has no depth.

        Raises:
            SceneError: when the depth image cannot be read or has another size than its camera.
        """
        return self._sensor_maps(i) if self.scene.frames[i].has_depth else None

    def mesh_map(self, i: int, camera: Camera | None = None) -> MeshMap:
        """Depth and triangle of the mesh at every pixel of frame i's colour camera, or of another one.

        Raises:
            SceneError: when the scene has no mesh, or the camera is a panorama's.
        """
        if camera is not None and camera is not self.scene.frames[i].camera:
            return rasterise(None, None, camera, self.settings.near, self.clusters)
        return self._mesh_maps(i)

    @cached_property
    def is_labelled(self) -> bool:
        """Whether it is known which instance pixels show: of a labelled mesh, or of frames with maps of their own."""
        return "instances" in self.scene.capabilities

    def instance_map(self, i: int) -> npt.NDArray[np.int32]:
        """(h, w): index into the scene's instances at every pixel of frame i's colour image, -1 for none.

        From the mesh where it is labelled, else from the frame's own map; -1 everywhere where there is neither.

        Raises:
            SceneError: as ``mesh_map``; when the frame's map cannot be read or does not fit.
        """
        if not self._mesh_is_labelled:
            return self._instance_maps(i)
        triangle = self.mesh_map(i).triangle
        # The last entry stands for "no triangle", which is -1.
        return np.append(self.face_instance, np.int32(-1))[triangle]

    def instance_at(self, i: int, xy: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """(n,): index into the scene's instances at colour pixels (n, 2), nearest pixel centre; -1 for none or outside.

        Raises:
            SceneError: as ``instance_map``.
        """
        pixels = _pixels(xy)
        inside = is_inside(pixels, self.scene.frames[i].camera)
        found = np.full(len(pixels), -1, dtype=np.int32)
        column, row = nearest_pixels(pixels[inside]).T
        if self._mesh_is_labelled:
            triangle = self.mesh_map(i).triangle[row, column]
            found[inside] = np.where(triangle >= 0, self.face_instance[triangle], np.int32(-1))
        else:
            found[inside] = self._instance_maps(i)[row, column]
        return found

    @cached_property
    def clusters(self) -> TriangleClusters:
        """The mesh, cut for drawing."""
        if not self.scene.has_mesh:
            raise SceneError(f"scene {self.scene.id} has no mesh", remedy="tasks that need one must be skipped")
        assert self.scene.vertices is not None
        assert self.scene.faces is not None
        return build_clusters(self.scene.vertices, self.scene.faces)

    @cached_property
    def face_instance(self) -> npt.NDArray[np.int32]:
        """(m,): index into the scene's instances; a face belongs to the one at least two of its corners do, else -1."""
        faces, labels = self.scene.faces, self.scene.vertex_instance
        if faces is None or labels is None or not self.scene.instances:
            return np.full(0 if faces is None else len(faces), -1, dtype=np.int32)
        a, b, c = labels[faces].T
        return read_only(np.where((a == b) | (a == c), a, np.where(b == c, b, -1)), np.int32)

    # ---- pixels

    def sensor_depth_at(self, i: int, xy: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """(n,): sensor depth at colour pixels (n, 2), from the nearest depth pixel; 0 where unknown.

        Metres along the colour camera's z axis (which is also the depth camera's when the two share a pose).

        Raises:
            SceneError: as ``sensor_depth``.
        """
        pixels = _pixels(xy)
        view = self._sensor_view(i)
        if view is None:
            return np.zeros(len(pixels), dtype=np.float32)
        apart = bool(view.link[:, 3].any()) and self.scene.has_mesh
        return sensor_values(view, pixels, self._mesh_depth_at(i, pixels) if apart else None)

    def point_depth(self, i: int, xy: npt.ArrayLike) -> PointDepths:
        """Depth of what colour pixels (n, 2) show, with what it rests on.

        With a mesh: its map's value at the nearest pixel centre, stated only where the sensor, if it knows the pixel,
        agrees within ``settings.agreement``. Without a mesh: the sensor's own value.

        Raises:
            SceneError: as ``sensor_depth``.
        """
        pixels = _pixels(xy)
        inside = is_inside(pixels, self.scene.frames[i].camera)
        sensor = np.where(inside, self.sensor_depth_at(i, pixels), np.float32(0.0))
        if not self.scene.has_mesh:
            mesh = np.zeros_like(sensor)
            known = sensor > 0
            depth = np.where(known, sensor, np.float32(np.nan))
            return PointDepths(depth, mesh, sensor, known)
        mesh = self._mesh_depth_at(i, pixels)
        known = mesh > 0
        limit = np.maximum(self.settings.agreement.absolute, self.settings.agreement.relative * mesh)
        agrees = (sensor == 0) | (np.abs(mesh.astype(np.float64) - sensor) <= limit)
        return PointDepths(np.where(known & agrees, mesh, np.float32(np.nan)), mesh, sensor, known)

    def mark_verdicts(self, i: int, xy: npt.ArrayLike, *, clearance: float = 1.0) -> npt.NDArray[np.int8]:
        """(n,): can a mark be drawn at colour pixels (n, 2)? Codes of ``surface.Verdict``.

        ``clearance`` is the radius of the disc that must lie on one surface, in radii of the mark.

        Raises:
            SceneError: as ``sensor_depth``.
        """
        labelled = self._mesh_is_labelled
        return judge_marks(
            _pixels(xy),
            self.scene.frames[i].camera,
            self.settings,
            self.mesh_map(i) if self.scene.has_mesh else None,
            self.face_instance if labelled else None,
            self._sensor_view(i),
            clearance=clearance,
            instance_map=self._instance_maps(i) if self.is_labelled and not labelled else None,
            valid=self._valid_maps(i),
        )

    # ---- points and frames

    @cached_property
    def points(self) -> npt.NDArray[np.float32]:
        """(n, 3), metres, world frame: the mesh's vertices, or points fused from the depth maps on a 2 cm grid.

        Raises:
            SceneError: when the scene has neither.
        """
        if self.scene.vertices is not None and len(self.scene.vertices):
            return self.scene.vertices
        if not any(frame.has_depth for frame in self.scene.frames):
            raise SceneError(
                f"scene {self.scene.id} has neither mesh nor depth", remedy="nothing can be said about visibility"
            )
        return read_only(fuse(self._depth_maps()), np.float32)

    @cached_property
    def depth_source(self) -> DepthSource:
        """What decides visibility: the setting, or for ``both`` the one that exists.

        Raises:
            SceneError: when the scene lacks what the setting names.
        """
        wanted = self.settings.depth_source
        has_depth = any(frame.has_depth for frame in self.scene.frames)
        missing = {"mesh": not self.scene.has_mesh, "sensor": not has_depth}
        if wanted == "both":
            if all(missing.values()):
                raise SceneError(
                    f"scene {self.scene.id} has neither mesh nor depth", remedy="nothing can be said about visibility"
                )
            return "sensor" if missing["mesh"] else ("mesh" if missing["sensor"] else "both")
        if missing[wanted]:
            thing: Literal["mesh", "sensor depth"] = "mesh" if wanted == "mesh" else "sensor depth"
            raise SceneError(
                f"scene {self.scene.id} has no {thing}, which this depth source needs",
                remedy="use a preset whose depth source is 'both'",
            )
        return wanted

    @cached_property
    def visibility(self) -> VisibilityBits:
        """Which points each frame sees (see ``core.visibility``); none that projects to a masked pixel.

        Raises:
            SceneError: as ``points``, ``depth_source`` and ``sensor_depth``.
        """
        source = self.depth_source
        key = f"visibility-{self._fingerprint}" if self._cache is not None else ""
        stored = self._cache.get(key) if self._cache is not None else None
        if stored is not None and "words" in stored and "count" in stored:
            known = read_only(stored["known"], np.uint64) if "known" in stored else None
            return VisibilityBits(read_only(stored["words"], np.uint64), known, int(stored["count"]))
        bits = see_points(
            self.scene.frames,
            self._blocks,
            self.settings,
            source,
            lambda i: self._draw(i).depth,
            self._load_depth_or_none,
        )
        bits = hide_masked(bits, self.scene.frames, self.points)
        if self._cache is not None:
            arrays = {"words": bits.words, "count": np.array(bits.count)}
            self._cache.put(key, arrays if bits.known is None else {**arrays, "known": bits.known})
        known = None if bits.known is None else read_only(bits.known, np.uint64)
        return VisibilityBits(read_only(bits.words, np.uint64), known, bits.count)

    @cached_property
    def overlap(self) -> Overlap:
        """How much each pair of frames shows of the same surface (see ``core.overlap``).

        Raises:
            SceneError: as ``visibility``.
        """
        key = f"overlap-{self._fingerprint}" if self._cache is not None else ""
        stored = self._cache.get(key) if self._cache is not None else None
        if stored is not None and "iou" in stored and "minimum" in stored:
            return Overlap(read_only(stored["iou"], np.float32), read_only(stored["minimum"], np.float32))
        overlap = overlap_of(self.visibility)
        if self._cache is not None:
            self._cache.put(key, {"iou": overlap.iou, "minimum": overlap.minimum})
        return Overlap(read_only(overlap.iou, np.float32), read_only(overlap.minimum, np.float32))

    # ---- objects

    @cached_property
    def object_views(self) -> ObjectViews:
        """Visible pixels and boxes of every instance in every frame (see ``core.object_views``).

        Raises:
            SceneError: as ``mesh_map``.
        """
        count = len(self.scene.instances)
        key = views_key(self._fingerprint, self.face_instance, count) if self._cache is not None else ""
        stored = self._cache.get(key) if self._cache is not None else None
        if stored is not None and {"visible_px", "boxes", "map_px"} <= stored.keys():
            return ObjectViews.from_arrays(stored)
        views = view_objects(self.scene.frames, self.face_instance, count, self.mesh_map)
        if self._cache is not None:
            self._cache.put(key, views.arrays())
        return views

    @cached_property
    def object_boxes(self) -> ObjectBoxes:
        """Boxes around the surfaces of all instances (see ``core.extents``).

        Raises:
            SceneError: when the scene has no mesh or no up axis.
        """
        return boxes_of_surfaces(self.scene, self.face_instance)

    # ---- inside

    @property
    def _mesh_is_labelled(self) -> bool:
        return self.scene.has_mesh and bool(self.scene.instances) and self.scene.vertex_instance is not None

    @cached_property
    def _blocks(self) -> PointBlocks:
        return build_point_blocks(self.points)

    @cached_property
    def _fingerprint(self) -> str:
        return scene_fingerprint(self.scene, self.settings, self.depth_source, self._load_depth)

    def _draw(self, i: int) -> MeshMap:
        drawn = rasterise(None, None, self.scene.frames[i].camera, self.settings.near, self.clusters)
        return MeshMap(read_only(drawn.depth, np.float32), read_only(drawn.triangle, np.int32))

    def _load_depth(self, i: int) -> npt.NDArray[np.float32]:
        frame = self.scene.frames[i]
        assert frame.load_depth is not None
        assert frame.depth_camera is not None
        raw = read_only(frame.load_depth(), np.float32)
        wanted = (frame.depth_camera.height, frame.depth_camera.width)
        if raw.shape != wanted:
            raise SceneError(
                f"depth of frame {frame.id} has (height, width) {raw.shape}, its camera {wanted}",
                path=frame.depth_ref,
                remedy="the depth camera's size in the scene's files must be that of its images",
            )
        depth = np.empty_like(raw)
        _kernels.clean_depth(raw, depth)
        return read_only(depth, np.float32)

    def _load_depth_or_none(self, i: int) -> npt.NDArray[np.float32] | None:
        return self._load_depth(i) if self.scene.frames[i].has_depth else None

    def _depth_maps(self) -> Iterator[tuple[Camera, npt.NDArray[np.float32]]]:
        for index, frame in enumerate(self.scene.frames):
            if frame.depth_camera is not None:
                yield frame.depth_camera, self._load_depth(index)

    def _sensor_view(self, i: int) -> SensorView | None:
        frame = self.scene.frames[i]
        depth = self.sensor_depth(i)
        if depth is None or frame.depth_camera is None:
            return None
        return SensorView.between(frame.camera, frame.depth_camera, depth)

    def _mesh_depth_at(self, i: int, pixels: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        inside = is_inside(pixels, self.scene.frames[i].camera)
        found = np.zeros(len(pixels), dtype=np.float32)
        column, row = nearest_pixels(pixels[inside]).T
        found[inside] = self.mesh_map(i).depth[row, column]
        return found


def _pixels(xy: npt.ArrayLike) -> npt.NDArray[np.float64]:
    pixels = np.ascontiguousarray(xy, dtype=np.float64)
    if pixels.ndim != 2 or pixels.shape[1] != 2:
        raise ValueError(f"xy must have shape (n, 2), got {pixels.shape}")
    return pixels
