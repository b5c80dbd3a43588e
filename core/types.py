"""The nouns: cameras, frames, instances, scenes; and, from ``facts``, what engines state about them.

Everything is frozen, arrays are read-only and shapes are checked when a value is made, so that a mistake
shows where it happens. Units are metres, radians and seconds. Cameras have OpenCV axes (x right, y down,
z forward), poses are camera_to_world, pixel centres are at integers (docs/conventions.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from .facts import (
    BoxMark,
    BoxRef,
    ColorRole,
    Fact,
    Mention,
    Point,
    PointRef,
    Record,
    Sides,
    Skip,
    TaskSpec,
    Value,
    Words,
)

__all__ = [
    "MARK_RADIUS_FRACTION",
    "BoxMark",
    "BoxRef",
    "Camera",
    "CameraModel",
    "ColorRole",
    "Fact",
    "Frame",
    "Instance",
    "Layout",
    "Mention",
    "OrientedBox",
    "Point",
    "PointRef",
    "Record",
    "Room",
    "Scene",
    "Sides",
    "Skip",
    "TaskSpec",
    "Tracks",
    "Value",
    "Words",
    "mark_radius",
]

FloatArray = npt.NDArray[np.float64]
CameraModel = Literal["pinhole", "opencv", "opencv_fisheye", "equirectangular"]

MARK_RADIUS_FRACTION: Final = 0.02
"""Radius of a drawn dot as a share of the image height (design: geometry, "Marks and stable surface")."""

_IDENTITY: Final = np.eye(3)
_ROTATION_TOLERANCE: Final = 1e-6 + 1e-5 * _IDENTITY
_NO_MAPPING: Final[Mapping[str, Any]] = MappingProxyType({})


def mark_radius(height: int) -> float:
    """Radius in pixels of a drawn dot in an image of this height."""
    return MARK_RADIUS_FRACTION * height


def _frozen(array: npt.ArrayLike, dtype: npt.DTypeLike, shape: tuple[int | None, ...], name: str) -> np.ndarray:
    """A read-only C-contiguous copy or view with a checked shape (None = any extent)."""
    result = np.ascontiguousarray(array, dtype=dtype)
    if result.ndim != len(shape) or any(w is not None and w != g for w, g in zip(shape, result.shape, strict=True)):
        wanted = tuple("n" if s is None else s for s in shape)
        raise ValueError(f"{name} must have shape {wanted}, got {result.shape}")
    if result.flags.writeable:
        result = result.view()
        result.flags.writeable = False
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """One image's camera: how points in the world meet its pixels.

    Attributes:
        intrinsics: (3, 3), pixels, of this very image size; the top-left pixel's centre is (0, 0).
        camera_to_world: (4, 4), metres, rigid, OpenCV camera axes to the aligned world.
        width, height: of the image in pixels.
        model: lens model; ``distortion`` holds its coefficients in OpenCV's order. Intrinsics of an equirectangular
            panorama are in pixels per radian: column of azimuth (right of the z axis), row of elevation (down).
    """

    intrinsics: np.ndarray
    camera_to_world: np.ndarray
    width: int
    height: int
    model: CameraModel = "pinhole"
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "intrinsics", _frozen(self.intrinsics, np.float64, (3, 3), "intrinsics"))
        object.__setattr__(
            self, "camera_to_world", _frozen(self.camera_to_world, np.float64, (4, 4), "camera_to_world")
        )
        if self.width < 1 or self.height < 1:
            raise ValueError(f"an image has at least one pixel, got {self.width} x {self.height}")
        rotation = self.camera_to_world[:3, :3]
        # Written out because np.allclose takes several times as long, and a video has ten thousand cameras.
        orthonormal = (np.abs(rotation @ rotation.T - _IDENTITY) <= _ROTATION_TOLERANCE).all()
        if not orthonormal or not np.isfinite(self.camera_to_world).all():
            raise ValueError("camera_to_world must be finite with an orthonormal rotation")

    @property
    def world_to_camera(self) -> FloatArray:
        """(4, 4), metres: the inverse of camera_to_world."""
        rotation = self.camera_to_world[:3, :3]
        inverse = np.eye(4)
        inverse[:3, :3] = rotation.T
        inverse[:3, 3] = -rotation.T @ self.camera_to_world[:3, 3]
        return inverse

    @property
    def centre(self) -> FloatArray:
        """(3,), metres, world frame: where the camera stands."""
        return self.camera_to_world[:3, 3]

    def resized(self, width: int, height: int) -> Camera:
        """The same camera for the same picture resampled to another size (pixel centres at integers)."""
        sx, sy = width / self.width, height / self.height
        intrinsics = self.intrinsics.copy()
        intrinsics[0, :2] *= sx
        intrinsics[1, :2] *= sy
        intrinsics[0, 2] = (self.intrinsics[0, 2] + 0.5) * sx - 0.5
        intrinsics[1, 2] = (self.intrinsics[1, 2] + 0.5) * sy - 0.5
        return Camera(intrinsics, self.camera_to_world, width, height, self.model, self.distortion)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One moment of a scene: cameras and lazy access to its pixels.

    Attributes:
        id: the sensor's frame number without padding (docs/data-format.md lists other datasets' ids).
        camera: of the colour image.
        load_image: returns the encoded colour image (JPEG or PNG bytes).
        image_ref: the image's place relative to the dataset root, ``file`` or ``file#frame=n``.
        depth_camera: of the depth image, or None where the frame has no depth.
        load_depth: returns (h, w) float32 metres along the camera's z axis (of a panorama: along each pixel's ray), 0
            where unknown.
        depth_scale: metres per stored unit.
        time: seconds, or None.
        raw_camera_to_world: (4, 4) as the source states it, before axis alignment.
        depth_fingerprint: changes whenever the stored depth does (file size and time, or a checksum), or None where the
            source cannot tell cheaply; keys the geometry cache.
        track_step: index into the first axis of the scene's tracks, or None where it has none.
        load_instances: returns (h, w) int32 over the colour image, an index into the scene's instances at every pixel,
            -1 for none; for sources that label images instead of a mesh.
        load_valid: returns (h, w) bool over the colour image, False where pixels are masked out (anonymised, outside
            the lens, a pane of glass); None where all are good.
    """

    id: str
    camera: Camera
    load_image: Callable[[], bytes]
    image_ref: str
    depth_camera: Camera | None = None
    load_depth: Callable[[], npt.NDArray[np.float32]] | None = None
    depth_ref: str | None = None
    depth_scale: float | None = None
    time: float | None = None
    raw_camera_to_world: np.ndarray | None = None
    depth_fingerprint: str | None = None
    track_step: int | None = None
    load_instances: Callable[[], npt.NDArray[np.int32]] | None = None
    load_valid: Callable[[], npt.NDArray[np.bool_]] | None = None

    def __post_init__(self) -> None:
        if (self.depth_camera is None) != (self.load_depth is None):
            raise ValueError("a frame has both depth_camera and load_depth, or neither")
        if self.raw_camera_to_world is not None:
            object.__setattr__(
                self,
                "raw_camera_to_world",
                _frozen(self.raw_camera_to_world, np.float64, (4, 4), "raw_camera_to_world"),
            )

    @property
    def has_depth(self) -> bool:
        return self.depth_camera is not None


@dataclass(frozen=True, slots=True, eq=False)
class OrientedBox:
    """A box in the world: ``centre`` (3,), full ``size`` (3,), ``rotation`` (3, 3) with box axes as columns."""

    centre: np.ndarray
    size: np.ndarray
    rotation: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "centre", _frozen(self.centre, np.float64, (3,), "centre"))
        object.__setattr__(self, "size", _frozen(self.size, np.float64, (3,), "size"))
        object.__setattr__(self, "rotation", _frozen(self.rotation, np.float64, (3, 3), "rotation"))


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """One annotated object.

    Attributes:
        id: the source's own id as text (ScanNet objectId, never + 1).
        label: cleaned label; ``raw_label`` is as the source spells it.
        vertex_ids: (k,) indices into the scene's vertices, or None where the source has only maps.
        box: the source's own box, or None where it must be computed from the surface.
    """

    id: str
    label: str
    raw_label: str
    vertex_ids: npt.NDArray[np.int64] | None = None
    box: OrientedBox | None = None

    def __post_init__(self) -> None:
        if self.vertex_ids is not None:
            object.__setattr__(self, "vertex_ids", _frozen(self.vertex_ids, np.int64, (None,), "vertex_ids"))


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """One room of a building.

    Attributes:
        id: the source's own, as text.
        type: as the source spells it (``living room``); may be ``undefined``.
        outline: (n, 3), metres, world frame: the corners of its floor in order, the first not repeated,
            counter-clockwise seen from above.
        planes: indices into the layout's planes: its floor, ceiling and walls.
    """

    id: str
    type: str
    outline: np.ndarray
    planes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "outline", _frozen(self.outline, np.float64, (None, 3), "outline"))


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The building's shell: rooms, and the planes that bound them.

    Attributes:
        rooms: in the source's order.
        normals: (p, 3), unit vectors, world frame, into the room.
        offsets: (p,), metres; a point x of plane i has ``normals[i] @ x + offsets[i] == 0``.
        plane_types: of each plane, ``floor``, ``ceiling`` or ``wall``.
    """

    rooms: tuple[Room, ...]
    normals: np.ndarray
    offsets: np.ndarray
    plane_types: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.plane_types)
        object.__setattr__(self, "normals", _frozen(self.normals, np.float64, (count, 3), "normals"))
        object.__setattr__(self, "offsets", _frozen(self.offsets, np.float64, (count,), "offsets"))
        if any(not 0 <= plane < count for room in self.rooms for plane in room.planes):
            raise ValueError("a room names planes that do not exist")


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Points followed through time.

    Attributes:
        points: (t, n, 3), metres; at steps where a point is not visible it may be anything, also not finite.
        visible: (t, n).
        space: ``world`` (camera motion taken out, or the camera known to stand still), or ``camera``: the frame of
            reference of each step's own camera, where nothing can be said about motion in the world.
        step_seconds: between two steps.
        has_extrinsics: whether the source states the camera's poses; without them tracks are in the world only where
            the camera is known to stand still.
    """

    points: np.ndarray
    visible: np.ndarray
    space: Literal["world", "camera"]
    step_seconds: float
    has_extrinsics: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _frozen(self.points, np.float64, (None, None, 3), "points"))
        object.__setattr__(self, "visible", _frozen(self.visible, np.bool_, self.points.shape[:2], "visible"))
        if not self.step_seconds > 0:
            raise ValueError(f"step_seconds must be positive, got {self.step_seconds}")


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One scanned place, with everything known about it; pixels are loaded lazily through its frames.

    Attributes:
        id, dataset: names; ``group`` is shared by rescans of one place.
        frames: usable frames in time order (a valid pose and an image each).
        vertices: (n, 3) float32, metres, aligned world; None without a mesh.
        faces: (m, 3) int32 into vertices.
        vertex_instance: (n,) int32, index into ``instances``, -1 where unlabelled; None without labels.
        up: (3,) unit vector, or None where the source has no up axis (gravity tasks are then skipped).
        split: the official split the scene belongs to, if known.
        skipped: what the reader had to leave out, counted by reason (``"pose not finite": 12``).
        extra_capabilities: what the fields cannot show.
        layout: rooms and planes, where the source states them.
    """

    id: str
    dataset: str
    group: str
    frames: tuple[Frame, ...]
    vertices: npt.NDArray[np.float32] | None = None
    faces: npt.NDArray[np.int32] | None = None
    vertex_instance: npt.NDArray[np.int32] | None = None
    instances: tuple[Instance, ...] = ()
    tracks: Tracks | None = None
    up: FloatArray | None = None
    split: str | None = None
    skipped: Mapping[str, int] = field(default_factory=lambda: _NO_MAPPING)
    extra_capabilities: frozenset[str] = frozenset()
    layout: Layout | None = None

    def __post_init__(self) -> None:
        if (self.vertices is None) != (self.faces is None):
            raise ValueError("a mesh has vertices and faces, or neither")
        if self.vertices is not None and self.faces is not None:
            faces = _frozen(self.faces, np.int32, (None, 3), "faces")
            object.__setattr__(self, "vertices", _frozen(self.vertices, np.float32, (None, 3), "vertices"))
            object.__setattr__(self, "faces", faces)
            if faces.size and (faces.min() < 0 or faces.max() >= len(self.vertices)):
                raise ValueError("faces name vertices that do not exist")
        if self.vertex_instance is not None:
            if self.vertices is None:
                raise ValueError("vertex_instance needs a mesh")
            object.__setattr__(
                self,
                "vertex_instance",
                _frozen(self.vertex_instance, np.int32, (len(self.vertices),), "vertex_instance"),
            )
        if self.up is not None:
            object.__setattr__(self, "up", _frozen(self.up, np.float64, (3,), "up"))

    @property
    def has_mesh(self) -> bool:
        return self.faces is not None and len(self.faces) > 0

    @property
    def capabilities(self) -> frozenset[str]:
        """What tasks can build on.

        image, perspective (a lens with one view direction), depth, mesh, instances, silhouettes (a mesh with labelled
        instances: what an object would cover were it alone), tracks, world_tracks, time, up, layout, and the reader's
        extras: trajectory (frames are those of one camera on its way, in order of time).
        """
        found = set(self.extra_capabilities)
        if self.frames:
            found.add("image")
        if self.frames and all(frame.camera.model != "equirectangular" for frame in self.frames):
            found.add("perspective")
        if any(frame.has_depth for frame in self.frames):
            found.add("depth")
        if self.has_mesh:
            found.add("mesh")
        mapped = any(frame.load_instances is not None for frame in self.frames)
        if self.instances and (self.vertex_instance is not None or mapped):
            found.add("instances")
        if self.has_mesh and self.instances and self.vertex_instance is not None:
            found.add("silhouettes")
        if self.tracks is not None:
            found.add("tracks")
            if self.tracks.space == "world":
                found.add("world_tracks")
        if self.up is not None:
            found.add("up")
        if self.layout is not None:
            found.add("layout")
        if self.frames and all(frame.time is not None for frame in self.frames):
            found.add("time")
        return frozenset(found)
