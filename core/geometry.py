"""The derived facts of one scene, computed once, when they are first asked for.

``SceneGeometry`` holds what engines build on: maps of the mesh and the sensor, the depth of pixels, where marks can be
drawn (``core.scene_maps``), which frame sees which points, how much frames overlap and what they show of objects. The
last three can be kept in a cache; their key is a hash of everything they depend on.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from .arrays import read_only
from .extents import ObjectBoxes, boxes_of_surfaces
from .fingerprint import scene_fingerprint
from .fusion import fuse
from .object_states import ObjectStates, state_objects
from .object_views import ObjectViews, sampled_map, view_objects, views_key
from .overlap import Overlap, overlap_of
from .pixel_maps import hide_masked
from .raster import MeshMap
from .scene_maps import PointDepths, SceneMaps
from .settings import DepthSource, GeometrySettings
from .silhouettes import InstanceClusters, build_instance_clusters, draw_silhouettes
from .surface_samples import SAMPLES, SurfaceSamples, sample_surfaces
from .types import Camera, Scene
from .visibility import PointBlocks, VisibilityBits, build_point_blocks, see_points

__all__ = ["GeometryCache", "MeshMap", "Overlap", "PointDepths", "SceneGeometry", "VisibilityBits"]

_DEFAULT: Final = GeometrySettings()


class GeometryCache(Protocol):
    """Where derived arrays are kept between runs; ``pipeline.cache`` keeps them on disk."""

    def get(self, key: str) -> dict[str, np.ndarray] | None:
        """The arrays stored under a key, or None."""

    def put(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        """Store arrays under a key."""


class SceneGeometry(SceneMaps):
    """What follows from a scene's cameras, mesh and depth maps.

    Args:
        scene: as a reader gives it.
        settings: what counts as visible and as the same surface.
        cache: keeps visibility, overlap and what frames show of objects between runs, or None.
    """

    def __init__(self, scene: Scene, settings: GeometrySettings = _DEFAULT, cache: GeometryCache | None = None) -> None:
        super().__init__(scene, settings)
        self._cache = cache

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

        From the mesh where it is labelled; else from the frames' own maps, of which masked pixels show nothing.

        Raises:
            SceneError: as ``instance_map``.
        """
        count = len(self.scene.instances)
        if not self._mesh_is_labelled:
            return view_objects(self.scene.frames, count, self._sampled_instances)
        stored = self._objects_from_cache("views")
        if stored is not None and {"visible_px", "boxes", "map_px"} <= stored.keys():
            return ObjectViews.from_arrays(stored)
        views = view_objects(self.scene.frames, count, self._drawn_instances)
        self._objects_to_cache("views", views.arrays())
        return views

    @cached_property
    def surface_samples(self) -> SurfaceSamples:
        """Points spread evenly over the surface of each instance (see ``core.surface_samples``).

        Raises:
            SceneError: when the scene has no labelled mesh.
        """
        vertices, faces = self._labelled_mesh()
        return sample_surfaces(vertices, faces, self.face_instance, len(self.scene.instances))

    @cached_property
    def instance_clusters(self) -> InstanceClusters:
        """The mesh, cut for drawing one instance at a time (see ``core.silhouettes``).

        Raises:
            SceneError: when the scene has no labelled mesh.
        """
        vertices, faces = self._labelled_mesh()
        return build_instance_clusters(vertices, faces, self.face_instance, len(self.scene.instances))

    @cached_property
    def object_states(self) -> ObjectStates:
        """How much every frame shows of every instance: occlusion, truncation and state (see ``core.object_states``).

        Raises:
            SceneError: when the scene has no labelled mesh; as ``mesh_map``.
        """
        self._labelled_mesh()
        kept = f"states-{SAMPLES}"
        stored = self._objects_from_cache(kept)
        if stored is not None and ObjectStates.stored_names() <= stored.keys():
            return ObjectStates.from_arrays(stored)
        states = state_objects(
            self.scene.frames,
            self.object_views,
            self.surface_samples,
            lambda camera: draw_silhouettes(self.instance_clusters, camera, self.settings.near),
        )
        self._objects_to_cache(kept, states.arrays())
        return states

    @cached_property
    def object_boxes(self) -> ObjectBoxes:
        """Boxes around the surfaces of all instances (see ``core.extents``).

        Raises:
            SceneError: when the scene has no mesh or no up axis.
        """
        return boxes_of_surfaces(self.scene, self.face_instance)

    # ---- inside

    def _labelled_mesh(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """Vertices and faces.

        Raises:
            SceneError: when the scene has no labelled mesh.
        """
        if not self._mesh_is_labelled or self.scene.vertices is None or self.scene.faces is None:
            raise SceneError(
                f"scene {self.scene.id} has no mesh with labelled instances",
                remedy="tasks that need silhouettes must be skipped",
            )
        return self.scene.vertices, self.scene.faces

    def _sampled_instances(self, i: int, camera: Camera) -> npt.NDArray[np.int32]:  # noqa: ARG002 - as the drawn ones
        """(h, w): index of the instance at every pixel of frame i's 640 px map, -1 for none and where masked."""
        shown, valid = self._instance_maps(i), self._valid_maps(i)
        return sampled_map(
            shown if valid is None else np.where(valid, shown, np.int32(-1)), self.scene.frames[i].camera
        )

    def _objects_from_cache(self, what: str) -> dict[str, np.ndarray] | None:
        return None if self._cache is None else self._cache.get(self._objects_key(what))

    def _objects_to_cache(self, what: str, arrays: dict[str, np.ndarray]) -> None:
        if self._cache is not None:
            self._cache.put(self._objects_key(what), arrays)

    def _objects_key(self, what: str) -> str:
        return views_key(self._fingerprint, self.face_instance, len(self.scene.instances), what)

    @cached_property
    def _blocks(self) -> PointBlocks:
        return build_point_blocks(self.points)

    @cached_property
    def _fingerprint(self) -> str:
        return scene_fingerprint(self.scene, self.settings, self.depth_source, self._load_depth)

    def _load_depth_or_none(self, i: int) -> npt.NDArray[np.float32] | None:
        return self._load_depth(i) if self.scene.frames[i].has_depth else None

    def _depth_maps(self) -> Iterator[tuple[Camera, npt.NDArray[np.float32]]]:
        for index, frame in enumerate(self.scene.frames):
            if frame.depth_camera is not None:
                yield frame.depth_camera, self._load_depth(index)
