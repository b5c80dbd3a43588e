"""One scene's maps and what its pixels show: depth of mesh and sensor, instances, and where a mark can be drawn.

Maps are made when they are first asked for, and the last few are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeVar, cast

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from . import _kernels
from .arrays import read_only
from .pixel_maps import instances_of, valid_of
from .projection import is_inside, nearest_pixels
from .raster import MeshMap, TriangleClusters, build_clusters, rasterise
from .recent import Recent
from .settings import GeometrySettings
from .surface import SensorView, judge_marks, sensor_values
from .types import Camera, Scene

__all__ = ["PointDepths", "SceneMaps"]

_MAPS_KEPT: Final = 4  # of the mesh, of instances and of masks, each
_SENSOR_MAPS_KEPT: Final = 4
_WHOLE: Final = (slice(None), slice(None))

_Value = TypeVar("_Value")


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


class SceneMaps:
    """What a scene's frames show, pixel by pixel.

    Args:
        scene: as a reader gives it.
        settings: what counts as the same surface.
    """

    def __init__(self, scene: Scene, settings: GeometrySettings) -> None:
        self.scene = scene
        self.settings = settings
        self._mesh_maps = Recent(self._draw, _MAPS_KEPT)
        self._sensor_maps = Recent(self._load_depth, _SENSOR_MAPS_KEPT)
        self._instance_maps = Recent(lambda i: instances_of(scene, i), _MAPS_KEPT)
        self._valid_maps = Recent(lambda i: valid_of(scene.frames[i]), _MAPS_KEPT)
        self._shared: dict[str, Any] = {}

    def once(self, name: str, make: Callable[[], _Value]) -> _Value:
        """What several engines derive from this scene alone: made when it is first asked for by its name, then kept.

        Args:
            name: of the value, unique among all that is kept; nothing that an engine can be told may change the value.
            make: gives it.
        """
        if name not in self._shared:
            self._shared[name] = make()
        return cast(_Value, self._shared[name])

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

    def instance_map(self, i: int, window: tuple[slice, slice] = _WHOLE) -> npt.NDArray[np.int32]:
        """(h, w): index into the scene's instances at every pixel of frame i's colour image, -1 for none.

        From the mesh where it is labelled, else from the frame's own map; -1 everywhere where there is neither.

        Args:
            i: index of the frame.
            window: rows and columns that are wanted.

        Raises:
            SceneError: as ``mesh_map``; when the frame's map cannot be read or does not fit.
        """
        if not self._mesh_is_labelled:
            return self._instance_maps(i)[window]
        return self._instance_of_triangle[self.mesh_map(i).triangle[window]]

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

    # ---- inside

    @property
    def _mesh_is_labelled(self) -> bool:
        return self.scene.has_mesh and bool(self.scene.instances) and self.scene.vertex_instance is not None

    def _drawn_instances(self, i: int, camera: Camera) -> npt.NDArray[np.int32]:
        """(h, w): index of the instance that the labelled mesh shows at every pixel of a camera of frame i, or -1."""
        return self._instance_of_triangle[self.mesh_map(i, camera).triangle]

    @cached_property
    def _instance_of_triangle(self) -> npt.NDArray[np.int32]:
        """(m + 1,): as ``face_instance``; the last entry, at which -1 leads, stands for "no triangle"."""
        return np.append(self.face_instance, np.int32(-1))

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
