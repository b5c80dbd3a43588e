"""Pixels whose depth can be stated: what every depth question starts from.

A pixel qualifies when a mark drawn on it lies on one stable surface, when mesh and sensor agree about it, and when
its depth is in range (docs/conventions.md, "Depth of a point", "Marks and stable surface").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ..core.labels import is_see_through
from ..core.projection import rays
from ..core.surface import Verdict
from ..core.types import Instance, Point, mark_radius
from .base import Parameters
from .sampling import round_robin

if TYPE_CHECKING:
    from ..core.geometry import SceneGeometry

__all__ = [
    "DepthParameters",
    "DepthPoints",
    "DepthRange",
    "far_apart",
    "is_plenty",
    "legal_points",
    "points_a_frame",
    "sample_points",
    "visit_frames",
]

_VERDICT_REASONS: Final = {
    Verdict.OUTSIDE: "mark would leave the image",
    Verdict.TOO_LITTLE_DEPTH: "too little depth under the mark",
    Verdict.NOT_A_PLANE: "no stable surface under the mark",
    Verdict.SEVERAL_INSTANCES: "several objects under the mark",
    Verdict.MASKED: "masked pixels under the mark",
}
_CANDIDATES_PER_POINT: Final = 5  # pixels looked at for each one that is kept
_CLEARANCE: Final = 1.5  # chosen marks keep half a radius from edges: real poses and meshes are a few pixels off
_DECIMALS: Final = 5  # of metres, in the evidence
_SPARE: Final = 3  # points kept for each fact wanted, so that strata can be filled evenly
_OVERSAMPLING: Final = 6  # uniform pixels looked at for each candidate, so that small objects get candidates too


@dataclass(frozen=True, slots=True)
class DepthRange:
    """Depths that are asked about, metres along the camera's z axis."""

    nearest: float
    farthest: float


class DepthParameters(Parameters):
    """What every engine that asks about depths can be told."""

    nearest: float = Field(0.2, gt=0, description="metres; nearer points are not asked about")
    farthest: float = Field(10.0, gt=0, description="metres; farther points are not asked about")

    @model_validator(mode="after")
    def _ordered(self) -> DepthParameters:
        if self.nearest >= self.farthest:
            raise ValueError("nearest must be below farthest")
        return self

    @property
    def depth_range(self) -> DepthRange:
        """Depths that are asked about."""
        return DepthRange(self.nearest, self.farthest)


@dataclass(frozen=True, slots=True, eq=False)
class DepthPoints:
    """Qualifying pixels of one frame.

    Attributes:
        frame: index into the scene's frames.
        xy: (n, 2) integer pixels of the colour image.
        depth: (n,) metres, what is stated.
        mesh, sensor: (n,) metres to 0.01 mm, what each source says, 0 where it knows nothing.
        ray: (n,) metres from the camera centre.
        world: (n, 3) metres to 0.01 mm, world frame.
        instance: (n,) index into the scene's instances, -1 for none.
    """

    frame: int
    xy: npt.NDArray[np.int64]
    depth: npt.NDArray[np.float64]
    mesh: npt.NDArray[np.float64]
    sensor: npt.NDArray[np.float64]
    ray: npt.NDArray[np.float64]
    world: npt.NDArray[np.float64]
    instance: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.xy)

    def take(self, indices: npt.ArrayLike) -> DepthPoints:
        """The points at these indices, in that order."""
        chosen = np.asarray(indices, dtype=np.int64)
        return DepthPoints(
            self.frame,
            self.xy[chosen],
            self.depth[chosen],
            self.mesh[chosen],
            self.sensor[chosen],
            self.ray[chosen],
            self.world[chosen],
            self.instance[chosen],
        )

    def point(self, index: int, instances: tuple[Any, ...], *, label: str, role: str) -> Point:
        """One of them as a fact's point."""
        instance = int(self.instance[index])
        return Point(
            image=0,
            x=float(self.xy[index, 0]),
            y=float(self.xy[index, 1]),
            depth=float(self.depth[index]),
            label=label,
            role=role,
            instance_id=instances[instance].id if instance >= 0 else None,
        )

    def evidence(self, index: int) -> dict[str, Any]:
        """What an outside check of one point needs (docs/data-format.md)."""
        mesh, sensor = float(self.mesh[index]), float(self.sensor[index])
        return {
            "vertex_or_pixel": [int(self.xy[index, 0]), int(self.xy[index, 1])],
            "world_xyz": self.world[index].tolist(),
            "depth_mesh": mesh if mesh > 0 else None,
            "depth_sensor": sensor if sensor > 0 else None,
            "depth_source": "mesh" if mesh > 0 else "sensor",
        }


def legal_points(
    geometry: SceneGeometry,
    frame: int,
    xy: npt.NDArray[np.int64],
    depth_range: DepthRange,
    *,
    clearance: float = 1.0,
) -> tuple[DepthPoints, Counter[str]]:
    """Those of the given pixels that qualify, and why the others do not.

    Args:
        geometry: of the scene.
        frame: index into the scene's frames.
        xy: (n, 2) integer pixels of the colour image.
        depth_range: depths that are asked about.
        clearance: radius of the disc that must lie on one surface, in radii of the mark.

    Returns:
        The qualifying points in the order given, and a count of reasons for the rest.
    """
    reasons: Counter[str] = Counter()
    verdicts = geometry.mark_verdicts(frame, xy, clearance=clearance)
    for verdict, reason in _VERDICT_REASONS.items():
        if count := int(np.count_nonzero(verdicts == verdict)):
            reasons[reason] += count
    xy = xy[verdicts == Verdict.OK]
    depths = geometry.point_depth(frame, xy)
    depth = np.asarray(depths.depth, dtype=np.float64)
    stated = np.isfinite(depth)
    in_range = stated & (depth >= depth_range.nearest) & (depth <= depth_range.farthest)
    known = np.asarray(depths.known)
    reasons["no depth at the point"] += int(np.count_nonzero(~known))
    reasons["mesh and sensor disagree"] += int(np.count_nonzero(known & ~stated))
    reasons["depth out of range"] += int(np.count_nonzero(stated & ~in_range))

    xy, depth = xy[in_range], depth[in_range]
    camera = geometry.scene.frames[frame].camera
    # A mark is drawn on a pixel of the image as it is, so its ray goes through that pixel's centre.
    in_camera = rays(camera, xy) * depth[:, None]
    world = in_camera @ camera.camera_to_world[:3, :3].T + camera.camera_to_world[:3, 3]
    instance = geometry.instance_at(frame, xy) if geometry.is_labelled else np.full(len(xy), -1)
    points = DepthPoints(
        frame=frame,
        xy=xy,
        depth=depth,
        mesh=np.round(np.asarray(depths.mesh, dtype=np.float64)[in_range], _DECIMALS),
        sensor=np.round(np.asarray(depths.sensor, dtype=np.float64)[in_range], _DECIMALS),
        ray=np.linalg.norm(in_camera, axis=1),
        world=np.round(world, _DECIMALS),
        instance=instance.astype(np.int64),
    )
    return points, +reasons


def sample_points(
    geometry: SceneGeometry,
    frame: int,
    rng: np.random.Generator,
    *,
    candidates: int,
    keep: int,
    depth_range: DepthRange,
) -> tuple[DepthPoints, Counter[str]]:
    """Up to ``keep`` qualifying pixels of a frame, taken from all objects in turn, no two marks touching."""
    camera = geometry.scene.frames[frame].camera
    # The outermost band cannot carry a mark: do not spend candidates on it.
    band = int(np.ceil(_CLEARANCE * mark_radius(camera.height)))
    shape = (candidates * _OVERSAMPLING, 1)
    xy = np.hstack(
        [
            rng.integers(band, max(camera.width - band, band + 1), size=shape),
            rng.integers(band, max(camera.height - band, band + 1), size=shape),
        ]
    )
    glass = 0
    if geometry.is_labelled:
        instance = geometry.instance_at(frame, xy)
        xy = xy[(turn := round_robin(instance, candidates))]
        # Whoever looks at a window sees what lies behind it, while mesh and sensor may know its pane.
        opaque = ~np.isin(instance[turn], _see_through(geometry.scene.instances))
        glass = len(xy) - int(np.count_nonzero(opaque))
        xy = xy[opaque]
    else:
        xy = xy[:candidates]
    points, reasons = legal_points(geometry, frame, xy, depth_range, clearance=_CLEARANCE)
    if glass:
        reasons["on a window or a mirror"] += glass
    if geometry.scene.has_mesh and geometry.scene.frames[frame].has_depth:
        # Dark things return nothing to the sensor, so the mesh has a hole there too and shows what is behind them.
        witnessed = np.flatnonzero(points.sensor > 0)
        reasons["mesh alone, the sensor knows nothing there"] += len(points) - len(witnessed)
        points = points.take(witnessed)
    apart = far_apart(points.xy, 4 * mark_radius(camera.height), keep)
    return points.take(apart), +reasons


def _see_through(instances: Sequence[Instance]) -> list[int]:
    return [index for index, instance in enumerate(instances) if is_see_through(instance.label)]


def points_a_frame(frames: int, limit: int) -> int:
    """Points (or pairs) to look for in each of ``frames`` frames, so that ``limit`` can be chosen evenly from them."""
    return -(-_SPARE * limit // max(min(frames, limit), 1))


def is_plenty(frames: int, found: int, limit: int) -> bool:
    """Whether that many visited frames and things found in them are enough to choose ``limit`` facts from.

    Every fact can then have a frame of its own, and strata can be filled evenly.
    """
    return frames >= limit and found >= _SPARE * limit


def visit_frames(
    geometry: SceneGeometry, rng: np.random.Generator, keep: int, depth_range: DepthRange
) -> Iterator[tuple[DepthPoints, Counter[str]]]:
    """Qualifying points frame by frame, in random order; the caller stops when ``is_plenty``.

    Args:
        geometry: of the scene.
        rng: decides frames and pixels.
        keep: points kept of a frame at most.
        depth_range: depths that are asked about.
    """
    for frame in rng.permutation(len(geometry.scene.frames)).tolist():
        yield sample_points(
            geometry, frame, rng, candidates=_CANDIDATES_PER_POINT * keep, keep=keep, depth_range=depth_range
        )


def far_apart(xy: npt.NDArray[np.int64], distance: float, limit: int) -> list[int]:
    """Indices of at most ``limit`` points, greedily in order, each at least ``distance`` pixels from those before."""
    chosen: list[int] = []
    near: dict[tuple[int, int], list[tuple[int, int]]] = {}
    reach = distance * distance
    for index, (x, y) in enumerate(xy.tolist()):
        if len(chosen) == limit:
            break
        # In cells as wide as the distance, whatever is too near lies in this cell or one beside it.
        column, row = int(x // distance), int(y // distance)
        if not any(
            (x - u) ** 2 + (y - v) ** 2 < reach
            for i in (column - 1, column, column + 1)
            for j in (row - 1, row, row + 1)
            for u, v in near.get((i, j), ())
        ):
            chosen.append(index)
            near.setdefault((column, row), []).append((x, y))
    return chosen
