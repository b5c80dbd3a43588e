"""How large a room's floor is, by the surfaces around a camera's way or a stated layout, and what of it frames show.

What somebody would see of the mesh who turned about at places of the way is laid on a horizontal grid: the inner sides
of walls, however thick these are. The area within the walls is that of everything seen, closed, without holes and
without what lies behind windows and in doorways; the area of the floor is a concave hull of the floor's own cells. Both
are blind in their own way (the first to what stands before a wall, the second to what stands on the floor), so that
where they agree neither is far off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import Delaunay, QhullError

from ...core.labels import clean, is_see_through
from ...core.projection import rays
from ...core.types import Camera

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry
    from ...core.types import Room, Scene

__all__ = ["RoomPlan", "SeenRoom", "outline_area"]

_VIEW_WIDTH: Final = 160  # px of the maps the room is seen in
_PLACES: Final = 12  # of the cameras of a scene, at which somebody turns about
_HEADINGS: Final = 4  # looked in at each place, a right angle wide
_CELL: Final = 0.04  # m, of the grid
_LEAST_POINTS: Final = 3  # in a cell that counts: a stray point of a noisy mesh would push the outline outwards
_GAP: Final = 3  # cells; radius up to which gaps of the outline are closed
_LEVEL: Final = 0.06  # m; the floor is level within this
_FLAT: Final = 0.8  # cosine between normal and vertical, from which on a surface is flat
_STEEP: Final = 0.35  # up to which it is upright
_STRONG: Final = 0.2  # of the largest level: the lowest level of so much area is the floor
_BIN: Final = 0.02  # m, of heights
_HULL_CELL: Final = 0.10  # m, of the floor's cells that the concave hull is around
_HULL_RADIUS: Final = 1.5  # m, of the largest empty circle that the concave hull bridges
_WALL_FROM: Final = 1.0  # m above the floor: upright surfaces there are walls, or as good
_WALL_NEAR: Final = 0.20  # m; an outline so close to a wall follows it
_WALL_HALF: Final = 0.06  # m on each side of a wall's points that nobody walks through
_HALF_DOOR: Final = 0.5  # m; rooms joined by nothing wider than twice this are different ones
_LEAST_ROOM: Final = 1.0  # m2, of what lies at least half a door's width from all walls
_TURN_STEP: Final = 1.0  # degrees, of the search for the smallest rectangle around a room

_WALLS: Final = frozenset({"wall", "ceiling", "window", "curtain", "door"})
_OPENINGS: Final = frozenset({"door", "doorframe", "door frame", "doorway", "window frame"})

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class RoomPlan:
    """A room from above.

    Attributes:
        outline: grid whose cells within the walls are True.
        origin: (2,), metres, of the grid.
        walls: square metres within the walls.
        floor: square metres of a concave hull of the floor.
        walled: share of the outline that follows a wall.
        rooms: parts of the floor that only doors connect.
    """

    outline: BoolArray
    origin: FloatArray
    walls: float
    floor: float
    walled: float
    rooms: int

    def cells(self, ground: FloatArray) -> BoolArray:
        """The grid's cells with points (n, 2) of the same scene's ``SeenRoom``; those beside the grid are left out."""
        places = _places(ground, self.origin)
        places = places[((places >= 0) & (places < self.outline.shape)).all(axis=1)]
        marked = np.zeros_like(self.outline)
        marked[tuple(places.T)] = True
        return marked

    def shown(self, cells: BoolArray) -> tuple[float, float]:
        """How much of the room's outline is seen, and how far from its ends nothing is.

        Args:
            cells: of the grid in which something is seen.

        Returns:
            The share of the outline that is within 20 cm of such a cell, and metres between an end of the room and the
            nearest of them: the largest of both ends along both sides of the smallest rectangle around the room.
        """
        inside = np.argwhere(cells & self.outline)
        if not len(inside):
            return 0.0, np.inf
        border = np.argwhere(_border(self.outline))
        away = ndimage.distance_transform_edt(~cells) * _CELL
        share = float((away[tuple(border.T)] <= _WALL_NEAR).mean())
        axes = _smallest_rectangle(border)
        ends, reached = border @ axes.T, inside @ axes.T
        gaps = np.stack([reached.min(axis=0) - ends.min(axis=0), ends.max(axis=0) - reached.max(axis=0)])
        return share, max(float(gaps.max()), 0.0) * _CELL


@dataclass(frozen=True, slots=True, eq=False)
class SeenRoom:
    """Points of the mesh that frames show.

    Attributes:
        ground: (n, 2), metres, along two horizontal axes that turn with the world.
        height: (n,), metres along the vertical.
        flatness: (n,), cosine between the surface's normal and the vertical, without sign.
        instance: (n,), index into the scene's instances, -1 for none.
        view: (n,), the place among the views of the one that shows it.
    """

    ground: FloatArray
    height: FloatArray
    flatness: FloatArray
    instance: npt.NDArray[np.int32]
    view: npt.NDArray[np.int32]

    @classmethod
    def of(cls, geometry: SceneGeometry, frames: Sequence[int]) -> SeenRoom:
        """What some frames show of a scene with a mesh and an up axis.

        Raises:
            SceneError: as ``mesh_map``.
        """
        views = []
        for index in frames:
            camera = geometry.scene.frames[index].camera
            height = max(1, round(_VIEW_WIDTH * camera.height / camera.width))
            views.append((index, camera.resized(_VIEW_WIDTH, height)))
        return cls._through(geometry, views)

    @classmethod
    def around(cls, geometry: SceneGeometry) -> SeenRoom:
        """What somebody would see of a scene who turned about at places spread over its cameras' way.

        Raises:
            SceneError: as ``mesh_map``.
        """
        scene = geometry.scene
        count = len(scene.frames)
        middle, half = (_VIEW_WIDTH - 1) / 2, _VIEW_WIDTH / 2
        intrinsics = np.array([[half, 0, middle], [0, half, middle], [0, 0, 1]])
        up = _up(scene)
        first, second = _horizontal_axes(scene)
        views = []
        for index in sorted({(2 * k + 1) * count // (2 * _PLACES) for k in range(_PLACES)}):
            for heading in range(_HEADINGS):
                angle = 2 * np.pi * heading / _HEADINGS
                ahead = np.cos(angle) * first + np.sin(angle) * second
                pose = np.eye(4)
                pose[:3, :3] = np.stack([np.cross(ahead, up), -up, ahead], axis=1)
                pose[:3, 3] = scene.frames[index].camera.centre
                views.append((index, Camera(intrinsics, pose, _VIEW_WIDTH, _VIEW_WIDTH)))
        return cls._through(geometry, views)

    @classmethod
    def _through(cls, geometry: SceneGeometry, views: Sequence[tuple[int, Camera]]) -> SeenRoom:
        """What cameras see; beside each the frame that it belongs to."""
        scene = geometry.scene
        assert scene.vertices is not None
        assert scene.faces is not None
        up = _up(scene)
        corners = scene.vertices[scene.faces].astype(np.float64)
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        size = np.linalg.norm(normals, axis=1)
        flatness = np.abs(normals @ up) / np.where(size > 0, size, 1.0)
        points, triangles, owners = [], [], []
        for number, (index, camera) in enumerate(views):
            drawn = geometry.mesh_map(index, camera)
            row, column = np.nonzero(drawn.triangle >= 0)
            seen = rays(camera, np.stack([column, row], axis=1)) * drawn.depth[row, column].astype(np.float64)[:, None]
            points.append(seen @ camera.camera_to_world[:3, :3].T + camera.centre)
            triangles.append(drawn.triangle[row, column])
            owners.append(np.full(len(row), number, dtype=np.int32))
        # From the first camera, so that the cells are the same wherever the world's axes lie.
        shown = np.concatenate(points) - scene.frames[0].camera.centre
        triangle = np.concatenate(triangles)
        return cls(
            ground=shown @ _horizontal_axes(scene).T,
            height=shown @ up,
            flatness=flatness[triangle],
            instance=geometry.face_instance[triangle],
            view=np.concatenate(owners),
        )

    def plan(self, labels: Sequence[str]) -> RoomPlan | None:
        """The room; None where no floor is seen, or nothing around it.

        Args:
            labels: of the scene's instances.
        """
        level = self._floor_level()
        if level is None:
            return None
        above = self.height - level
        floor = _hull_area(self.ground[(np.abs(above) <= _LEVEL) & (self.flatness >= _FLAT)])
        names = [clean(label) for label in labels]
        behind = np.array([is_see_through(name) or name in _OPENINGS for name in names] + [False])  # last: of -1
        origin = self.ground.min(axis=0)
        outline = _outline(self.ground[~behind[self.instance]], origin)
        if outline is None or not floor > 0:
            return None
        upright = (self.flatness <= _STEEP) & (above >= _WALL_FROM)
        if "wall" in names:
            upright &= np.array([name in _WALLS for name in names] + [False])[self.instance]
        return RoomPlan(outline, origin, _area(outline), floor, *_enclosure(outline, self.ground[upright], origin))

    def _floor_level(self) -> float | None:
        """Height of the lowest level of which there is much; by cells, as near surfaces have more pixels."""
        flat = self.flatness >= _FLAT
        if not flat.any():
            return None
        place = np.column_stack([np.floor(self.ground[flat] / _CELL), np.floor(self.height[flat] / _BIN)])
        bins = _different(place.astype(np.int64))[:, 2]
        counted = np.bincount(bins - bins.min())
        around = np.convolve(counted, np.ones(5), mode="same")
        lowest = int(np.flatnonzero(around >= _STRONG * around.max())[0])
        best = lowest + int(around[lowest : lowest + 6].argmax())
        near = np.abs(self.height[flat] - (best + bins.min() + 0.5) * _BIN) <= _LEVEL
        return float(np.median(self.height[flat][near]))


def outline_area(room: Room, up: npt.ArrayLike) -> float:
    """Square metres of a room's outline as a layout states it, seen along the vertical (the shoelace formula)."""
    vertical = np.asarray(up, dtype=np.float64) / np.linalg.norm(up)
    corners = room.outline - room.outline[0]
    crossed = np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0)
    return 0.5 * abs(float(crossed @ vertical))


def _up(scene: Scene) -> FloatArray:
    assert scene.up is not None
    return np.asarray(scene.up / np.linalg.norm(scene.up), dtype=np.float64)


def _horizontal_axes(scene: Scene) -> FloatArray:
    """(2, 3): horizontal unit vectors, the first as the longer of the first camera's x and y axes points."""
    up = _up(scene)
    axes = scene.frames[0].camera.camera_to_world[:3, :2]
    level = axes - np.outer(up, up @ axes)
    size = np.linalg.norm(level, axis=0)
    first = level[:, size.argmax()] / size.max()
    return np.stack([first, np.cross(up, first)])


def _smallest_rectangle(places: npt.NDArray[np.int64]) -> FloatArray:
    """(2, 2): unit vectors along the sides of the smallest rectangle around some cells."""
    angles = np.radians(np.arange(0.0, 90.0, _TURN_STEP))
    first = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    second = np.stack([-np.sin(angles), np.cos(angles)], axis=1)
    areas = np.ptp(places @ first.T, axis=0) * np.ptp(places @ second.T, axis=0)
    best = int(areas.argmin())
    return np.stack([first[best], second[best]])


def _outline(ground: FloatArray, origin: FloatArray) -> BoolArray | None:
    """The largest part of the grid that has points, closed and without holes, with a margin; None without any."""
    places = _places(ground, origin)
    if not len(places):
        return None
    counted = np.zeros(places.max(axis=0) + _GAP + 2, dtype=np.int64)
    np.add.at(counted, tuple(places.T), 1)
    filled = ndimage.binary_closing(counted >= _LEAST_POINTS, _disc(_GAP))
    parts, count = ndimage.label(ndimage.binary_fill_holes(filled))
    if not count:
        return None
    return np.asarray(parts == 1 + int(np.bincount(parts.ravel())[1:].argmax()))


def _area(outline: BoolArray) -> float:
    """Square metres of the polygon through the middles of an outline's border cells (Pick's theorem).

    Walls go on average through the middle of the cells that hold them.
    """
    border = int(_border(outline).sum())
    return max(int(outline.sum()) - border / 2 - 1, 0.0) * _CELL**2


def _border(outline: BoolArray) -> BoolArray:
    return np.asarray(outline & ~ndimage.binary_erosion(outline))


def _enclosure(outline: BoolArray, walls: FloatArray, origin: FloatArray) -> tuple[float, int]:
    """Share of the border that is near a wall, and into how many parts walls cut the inside."""
    marked = np.zeros_like(outline)
    places = _places(walls, origin)
    places = places[(places < marked.shape).all(axis=1)]
    marked[tuple(places.T)] = True
    if not marked.any():
        return 0.0, 1
    away = ndimage.distance_transform_edt(~marked) * _CELL
    walled = float((away[_border(outline)] <= _WALL_NEAR).mean())
    free = outline & (away > _WALL_HALF)
    inner = ndimage.distance_transform_edt(free) * _CELL >= _HALF_DOOR
    sizes = np.bincount(ndimage.label(inner)[0].ravel())[1:] * _CELL**2
    return walled, max(1, int((sizes >= _LEAST_ROOM).sum()))


def _hull_area(ground: FloatArray) -> float:
    """Square metres of the triangles between cells with points, without those whose circle is too large."""
    cells = _different(np.round(ground / _HULL_CELL).astype(np.int64)) * _HULL_CELL
    try:
        triangles = cells[Delaunay(cells).simplices]
    except (QhullError, ValueError):  # too few cells, or all in a line: no area
        return 0.0
    a, b, c = (np.linalg.norm(triangles[:, i] - triangles[:, j], axis=1) for i, j in ((0, 1), (1, 2), (2, 0)))
    u, v = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    area = 0.5 * np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    radius = np.divide(a * b * c, 4.0 * area, out=np.full(len(area), np.inf), where=area > 0)
    return float(area[radius <= _HULL_RADIUS].sum())


def _different(cells: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(m, k): different rows of (n, k), sorted; by one number each, as numpy compares rows slowly."""
    if not len(cells):
        return cells
    low = cells.min(axis=0)
    shape = tuple((cells.max(axis=0) - low + 1).tolist())
    found = np.unique(np.ravel_multi_index(tuple((cells - low).T), shape))
    return np.asarray(np.stack(np.unravel_index(found, shape), axis=1) + low, dtype=np.int64)


def _places(ground: FloatArray, origin: FloatArray) -> npt.NDArray[np.int64]:
    """(n, 2): cells of the grid, with a margin at its low ends."""
    return np.floor((ground - origin) / _CELL).astype(np.int64) + _GAP + 1


def _disc(radius: int) -> BoolArray:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(x * x + y * y <= radius * radius)
