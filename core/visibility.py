"""Which points of a scene each frame sees, one bit each.

A point is visible in a frame when it lies inside the colour image, farther than ``near``, the mesh does not hide it
(Z <= D_mesh + tolerance, the mesh map at the nearest colour pixel) and the sensor agrees (|Z - D_sensor| <= tolerance
at the nearest depth pixel, through the depth camera). ``both`` asks each where it knows something, ``mesh`` only the
first. With ``sensor`` alone, a point inside the image where the sensor knows nothing is neither visible nor hidden:
its bit in ``known`` is cleared, and overlaps leave it out. A point outside an image is known not to be visible there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from . import _kernels
from .arrays import read_only
from .lens import NO_LENS, is_pinhole, lens_of
from .projection import viewing_matrices
from .raster import spatial_order
from .settings import DepthSource, GeometrySettings
from .types import Camera, Frame

__all__ = ["BLOCK", "PointBlocks", "VisibilityBits", "build_point_blocks", "see_points"]

BLOCK: Final = 64
"""Points of a block: rejected together when their box is out of view."""

_NO_DEPTH: Final = read_only(np.zeros((0, 0)), np.float32)
_NO_WORDS: Final = np.zeros(0, dtype=np.uint64)
_NO_CAMERA: Final = np.zeros((3, 4))


@dataclass(frozen=True, slots=True, eq=False)
class VisibilityBits:
    """Which points each frame sees.

    Attributes:
        words: (frames, ceil(count / 64)) uint64; bit ``p % 64`` of word ``p // 64`` is point p, in the scene's order.
        known: the same for "it is known whether the point is visible", or None where that is always known.
        count: points of the scene.
    """

    words: npt.NDArray[np.uint64]
    known: npt.NDArray[np.uint64] | None
    count: int

    def visible(self, frame: int) -> npt.NDArray[np.bool_]:
        """(count,): whether the frame sees each point."""
        return _unpacked(self.words[frame], self.count)

    def is_known(self, frame: int) -> npt.NDArray[np.bool_]:
        """(count,): whether it is known that the frame sees, or does not see, each point."""
        return np.ones(self.count, dtype=np.bool_) if self.known is None else _unpacked(self.known[frame], self.count)

    def frames_of(self, point: int) -> npt.NDArray[np.int64]:
        """Frames that see a point, in order."""
        if not 0 <= point < self.count:
            raise IndexError(f"point {point} of {self.count}")
        return np.flatnonzero((self.words[:, point // 64] >> np.uint64(point % 64)) & np.uint64(1))

    def totals(self) -> npt.NDArray[np.int64]:
        """(frames,): number of points each frame sees."""
        counts = np.empty(len(self.words), dtype=np.int64)
        _kernels.count_bits(read_only(self.words, np.uint64), counts)
        return counts


def _unpacked(row: npt.NDArray[np.uint64], count: int) -> npt.NDArray[np.bool_]:
    octets = np.ascontiguousarray(row).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, count=count, bitorder="little").view(np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class PointBlocks:
    """A scene's points, grouped in space so that what is out of view is rejected 64 at a time; made once.

    Attributes:
        points: (3, k) float32, metres, world frame: the finite ones.
        order: (k,) int32, the place of each in the scene's order.
        boxes: (ceil(k / 64), 6) float64, centre and half size of each block.
        count: points of the scene, finite or not.
    """

    points: npt.NDArray[np.float32]
    order: npt.NDArray[np.int32]
    boxes: npt.NDArray[np.float64]
    count: int


def build_point_blocks(points: npt.ArrayLike) -> PointBlocks:
    """Group points (n, 3), metres, world frame; points that are not finite are never visible."""
    world = np.ascontiguousarray(points, dtype=np.float32)
    if world.ndim != 2 or world.shape[1] != 3:
        raise ValueError(f"points must have shape (n, 3), got {world.shape}")
    finite = np.flatnonzero(np.isfinite(world).all(axis=1))
    order = finite[spatial_order(world[finite])]
    grouped = np.ascontiguousarray(world[order].T)
    start = np.minimum(np.arange(-(-len(order) // BLOCK) + 1, dtype=np.int64) * BLOCK, len(order))
    boxes = np.empty((len(start) - 1, 6))
    _kernels.bounding_boxes(grouped, start, boxes)
    return PointBlocks(grouped, order.astype(np.int32), boxes, len(world))


def see_points(
    frames: Sequence[Frame],
    blocks: PointBlocks,
    settings: GeometrySettings,
    source: DepthSource | Literal["none"],
    mesh_depth: Callable[[int], npt.NDArray[np.float32]],
    sensor_depth: Callable[[int], npt.NDArray[np.float32] | None],
) -> VisibilityBits:
    """The visible points of every frame.

    Args:
        frames: of the scene.
        blocks: its points.
        settings: tolerances and ``near``.
        source: what decides; ``none`` takes everything inside the image for visible (a convex hull's view, for tests).
        mesh_depth: gives (h, w) metres in frame i's colour camera, 0 for none; asked for ``both`` and ``mesh``.
        sensor_depth: gives (hd, wd) metres in frame i's depth camera, 0 for none; asked for ``both`` and ``sensor``.

    Raises:
        SceneError: for a panorama, and for what is no lens.
    """
    width = -(-blocks.count // 64)
    words = np.zeros((len(frames), width), dtype=np.uint64)
    sensor_decides = source == "sensor"
    known = np.full_like(words, ~np.uint64(0)) if sensor_decides else None
    if known is not None and blocks.count % 64:
        known[:, -1] = np.uint64((1 << (blocks.count % 64)) - 1)
    for index, frame in enumerate(frames):
        sensor = sensor_depth(index) if source in ("both", "sensor") else None
        mesh = mesh_depth(index) if source in ("both", "mesh") else _NO_DEPTH
        matrix, window = viewing_matrices(frame.camera)
        _kernels.visible_points(
            blocks.points,
            blocks.order,
            blocks.boxes,
            float(settings.near),
            matrix,
            _parameters(frame.camera),
            window,
            frame.camera.width,
            frame.camera.height,
            read_only(mesh, np.float32),
            float(settings.mesh_tolerance.absolute),
            float(settings.mesh_tolerance.relative),
            _NO_CAMERA if frame.depth_camera is None else viewing_matrices(frame.depth_camera)[0],
            NO_LENS if frame.depth_camera is None else _parameters(frame.depth_camera),
            _NO_DEPTH if sensor is None else read_only(sensor, np.float32),
            float(settings.sensor_tolerance.absolute),
            float(settings.sensor_tolerance.relative),
            settings.sensor_one_sided,
            sensor_decides,
            words[index],
            _NO_WORDS if known is None else known[index],
        )
    return VisibilityBits(words, known, blocks.count)


def _parameters(camera: Camera) -> npt.NDArray[np.float64]:
    return NO_LENS if is_pinhole(camera) else lens_of(camera).parameters
