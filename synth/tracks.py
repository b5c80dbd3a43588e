"""Points followed through a video: where they are sampled, where they are at every step, and when they are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.projection import is_inside, project
from ..core.raster import MeshMap
from ..core.types import Camera
from ._occlusion import cover
from .moving_mesh import NEAR, MovingMesh

__all__ = ["SampledTracks", "is_visible", "query_steps", "sample", "world_points"]

Floats = npt.NDArray[np.float64]

_QUERY_STEPS: Final = 6
_MOVING_SHARE: Final = 0.5
_LEAST_COSINE: Final = 0.2  # between a sampled surface and the ray: nothing is sampled where it grazes
_LEAST_PIXELS: Final = 12  # of a part in a query image
_DEPTH_STEP: Final = 0.05  # of the depth: more between neighbours is an edge
_TOLERANCE: Final = 5e-4  # metres along the camera's axis: a point's own triangle does not hide it
_CELL: Final = 16  # pixels


@dataclass(frozen=True, slots=True, eq=False)
class SampledTracks:
    """Points on surfaces.

    Attributes:
        queries: (n, 3) x, y in pixels (the centre of the top-left pixel is (0, 0)) and step.
        part: (n,) of each.
        local: (n, 3), metres, in the part's coordinates.
        normal: (n, 3) unit, in the part's coordinates, to the side it was sampled from.
    """

    queries: npt.NDArray[np.int64]
    part: npt.NDArray[np.int64]
    local: Floats
    normal: Floats


def query_steps(steps: int) -> list[int]:
    """The steps points are sampled at, evenly over the clip, first and last included."""
    return sorted({round(k) for k in np.linspace(0, steps - 1, _QUERY_STEPS)})


def sample(
    rng: np.random.Generator,
    mesh: MovingMesh,
    step: int,
    world: Floats,
    seen: MeshMap,
    camera: Camera,
    count: int,
) -> SampledTracks:
    """Points at pixels of one step: half of them on parts that move, shared out evenly; the rest on what stands still.

    Args:
        rng: decides the pixels.
        mesh: the scene.
        step: of it.
        world: (n, 3), metres: its vertices at that step.
        seen: the map of its camera.
        camera: of that step.
        count: how many; fewer come back where the image has no room for them.
    """
    rows, columns = np.nonzero(_plain(seen))
    triangle = seen.triangle[rows, columns]
    corners = world[mesh.faces[triangle]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normal, axis=1)
    rays = _rays(np.stack([columns, rows], 1).astype(np.float64), camera)
    with np.errstate(invalid="ignore", divide="ignore"):
        normal = normal / length[:, None]
        slope = np.einsum("ij,ij->i", normal, rays)
        ahead = np.einsum("ij,ij->i", normal, corners[:, 0] - camera.centre) / slope
    straight = np.abs(slope) / np.linalg.norm(rays, axis=1) > _LEAST_COSINE
    points = camera.centre + ahead[:, None] * rays
    # The map is in single precision: keep pixels whose exact ray hits their triangle.
    good = np.flatnonzero(straight & _within(points, corners))
    part = mesh.face_part[triangle]
    group = np.array([p.group for p in mesh.parts])
    chosen = good[_choose(rng, part[good], group, count)]
    pose = mesh.poses[part[chosen], step]
    local = ((points[chosen] - pose[:, :3, 3])[:, None] @ pose[:, :3, :3])[:, 0]
    towards = normal[chosen] * -np.sign(slope[chosen])[:, None]
    queries = np.stack([columns[chosen], rows[chosen], np.full(len(chosen), step)], 1)
    return SampledTracks(queries, part[chosen].astype(np.int64), local, (towards[:, None] @ pose[:, :3, :3])[:, 0])


def _plain(seen: MeshMap) -> npt.NDArray[np.bool_]:
    """(h, w): pixels on the mesh whose neighbours are about as far away."""
    depth = np.pad(seen.depth, 1, mode="edge")
    near = np.ones(seen.depth.shape, bool)
    for dy in range(3):
        for dx in range(3):
            other = depth[dy : dy + seen.depth.shape[0], dx : dx + seen.depth.shape[1]]
            near &= np.abs(other - seen.depth) < _DEPTH_STEP * seen.depth
    return np.asarray(near & (seen.triangle >= 0))


def _choose(
    rng: np.random.Generator, part: npt.NDArray[np.int32], group: npt.NDArray[np.int64], count: int
) -> npt.NDArray[np.int64]:
    """Which of the pixels (k,), given the part of each."""
    order = rng.permutation(len(part))
    counts = np.bincount(part, minlength=len(group))
    moving = np.flatnonzero((group > 0) & (counts >= _LEAST_PIXELS))
    chosen: list[npt.NDArray[np.int64]] = []
    left = round(_MOVING_SHARE * count)
    # Small parts first: what they cannot take goes to the larger ones. At most every third pixel of a part.
    for k, number in enumerate(sorted(moving, key=lambda p: (counts[p], p))):
        share = min(left // (len(moving) - k), int(counts[number]) // 3)
        chosen.append(order[part[order] == number][:share])
        left -= share
    still = order[group[part[order]] == 0]
    # Small objects more often than their size, walls less.
    weight = 1 / np.sqrt(counts[part[still]])
    taken = count - sum(len(c) for c in chosen)
    if len(still):
        keys = rng.random(len(still)) ** (1 / (weight / weight.max()))
        chosen.append(still[np.argsort(-keys, kind="stable")[:taken]])
    return np.concatenate(chosen) if chosen else np.zeros(0, np.int64)


def world_points(mesh: MovingMesh, tracks: SampledTracks, step: int) -> Floats:
    """(n, 3), metres: where the points are at a step."""
    pose = mesh.poses[tracks.part, step]
    return np.asarray((pose[:, :3, :3] @ tracks.local[:, :, None])[..., 0] + pose[:, :3, 3])


def is_visible(
    mesh: MovingMesh, tracks: SampledTracks, step: int, world: Floats, camera: Camera
) -> npt.NDArray[np.bool_]:
    """(n,) whether the camera of a step sees each point.

    A point is seen if it is in front of the camera, inside the image, turned to the camera with the side it was
    sampled from, and no triangle lies before it.

    Args:
        mesh: the scene.
        tracks: the points.
        step: of the clip.
        world: (v, 3), metres: the mesh's vertices at that step.
        camera: of that step.
    """
    points = world_points(mesh, tracks, step)
    xy, depth = project(points, camera)
    pose = mesh.poses[tracks.part, step]
    normal = (pose[:, :3, :3] @ tracks.normal[:, :, None])[..., 0]
    facing = np.einsum("ij,ij->i", normal, camera.centre - points) > 0
    candidates = np.flatnonzero(is_inside(xy, camera) & (depth > NEAR) & facing)
    columns, rows = -(-camera.width // _CELL), -(-camera.height // _CELL)
    column, row = np.floor((xy[candidates] + 0.5) / _CELL).astype(np.int64).T
    cell = row * columns + column
    starts = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=rows * columns))])
    corners, corner_depth = project(world, camera)
    hidden = np.zeros(len(candidates), np.bool_)
    cover(
        corners,
        corner_depth,
        mesh.faces,
        NEAR,
        xy[candidates],
        depth[candidates] - _TOLERANCE,
        np.argsort(cell, kind="stable"),
        starts,
        columns,
        rows,
        float(_CELL),
        hidden,
    )
    visible = np.zeros(len(points), np.bool_)
    visible[candidates] = ~hidden
    return visible


def _rays(pixels: Floats, camera: Camera) -> Floats:
    """(n, 3) directions in the world whose part along the camera's axis is 1."""
    inverse = np.linalg.inv(camera.intrinsics)
    rays = np.column_stack([pixels, np.ones(len(pixels))]) @ inverse.T
    return np.asarray(rays @ camera.camera_to_world[:3, :3].T)


def _within(points: Floats, corners: Floats) -> npt.NDArray[np.bool_]:
    """(n,) whether points of the triangles' planes lie in the triangles (n, 3, 3)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    u, v, p = b - a, c - a, points - a
    uu, uv, vv = (np.einsum("ij,ij->i", x, y) for x, y in ((u, u), (u, v), (v, v)))
    pu, pv = np.einsum("ij,ij->i", p, u), np.einsum("ij,ij->i", p, v)
    area = uu * vv - uv * uv
    with np.errstate(invalid="ignore", divide="ignore"):
        wb, wc = (vv * pu - uv * pv) / area, (uu * pv - uv * pu) / area
    return np.asarray((wb >= 0) & (wc >= 0) & (wb + wc <= 1))
