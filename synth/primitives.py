"""The shapes everything is built from: boxes with rounded edges, turned solids, beams and sheets.

Each shape is a ``Solid`` whose triangles are already small (no edge over 3 cm), because a scan's mesh is. Surfaces
that need a texture direction or a hard edge keep separate corners at one place; ``weld`` in ``mesh.py`` joins them
again, so the mesh that is written is closed where the shape is.

Local axes of everything: x to the right, y to the back (the front looks towards -y), z up, metres.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["SPACING", "Solid", "beam", "box", "merge", "plane", "sheet", "turned"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SPACING: Final = 0.0266
"""Metres between neighbours of a row; rows are offset by half of it, so the longest edge is 1.118 times this."""

_ROW, _COLUMN = 0.0254, 0.0294  # m: between rows and within them where a plane need not fit its neighbours

_SINGLE_STEP: Final = 0.012  # m: a strip this narrow needs no row of vertices in its middle
_SHARP: Final = math.cos(math.radians(40))  # profile bends sharper than this keep a hard edge

_FACES: Final[dict[str, tuple[int, int, int]]] = {
    # name: (normal axis, row axis, column axis), row x column = outward normal
    "+x": (0, 1, 2),
    "-x": (0, 2, 1),
    "+y": (1, 2, 0),
    "-y": (1, 0, 2),
    "+z": (2, 0, 1),
    "-z": (2, 1, 0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """Triangles with what painting needs.

    Attributes:
        positions: (r, 3), metres; one row a corner, so several rows may share a place.
        uv: (r, 2), metres along the surface (or 0..1 across a fitted face).
        group: (r,) corners of one place and one group share their normal.
        faces: (m, 3), rows of positions, counter-clockwise from outside.
        material: (m,) index into the scene's palette.
        part: (r,) closed pieces: corners of different parts are never joined; None is one part.
    """

    positions: Floats
    uv: Floats
    group: Ints
    faces: Ints
    material: Ints
    part: Ints | None = None

    def moved(self, offset: Sequence[float] | Floats = (0, 0, 0), *, turn: float = 0.0, tilt: float = 0.0) -> Solid:
        """The solid tilted about x, then turned about z (radians), then shifted (metres)."""
        points = self.positions
        if tilt:
            c, s = math.cos(tilt), math.sin(tilt)
            points = points @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
        if turn:
            c, s = math.cos(turn), math.sin(turn)
            points = points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        return Solid(points + np.asarray(offset, float), self.uv, self.group, self.faces, self.material, self.part)


def merge(solids: Sequence[Solid]) -> Solid:
    """One solid holding all of them, corners and groups kept apart."""
    starts = np.cumsum([0, *(len(s.positions) for s in solids)])
    groups = np.cumsum([0, *(int(s.group.max(initial=-1)) + 1 for s in solids)])
    kinds = [np.zeros(len(s.positions), np.int64) if s.part is None else s.part for s in solids]
    parts = np.cumsum([0, *(int(k.max(initial=-1)) + 1 for k in kinds)])
    return Solid(
        np.concatenate([s.positions for s in solids]),
        np.concatenate([s.uv for s in solids]),
        np.concatenate([s.group + g for s, g in zip(solids, groups[:-1], strict=True)]),
        np.concatenate([s.faces + n for s, n in zip(solids, starts[:-1], strict=True)]),
        np.concatenate([s.material for s in solids]),
        np.concatenate([k + p for k, p in zip(kinds, parts[:-1], strict=True)]),
    )


def _steps(length: float, spacing: float = SPACING) -> int:
    """How many steps a side is cut into: one if it is a narrow strip, else an even number."""
    return 1 if length <= _SINGLE_STEP else 2 * math.ceil(length / (2 * spacing) - 1e-9)


@lru_cache(maxsize=512)
def _lattice(rows: int, columns: int) -> tuple[Ints, Ints, Ints]:
    """Topology of a patch: per vertex its row, twice its column position, and the triangles.

    Odd rows are shifted by half a step (their ends stay on the border), which makes the triangles nearly
    equilateral: a fifth fewer vertices for the same longest edge.
    """
    if rows == 1 or columns == 1:
        row, column = np.divmod(np.arange((rows + 1) * (columns + 1)), columns + 1)
        corner = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
        a, b, c, d = corner, corner + 1, corner + columns + 2, corner + columns + 1
        return row, 2 * column, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    even, odd = 2 * np.arange(columns + 1), np.concatenate([[0], 2 * np.arange(columns) + 1, [2 * columns]])
    position = np.concatenate([odd if j % 2 else even for j in range(rows + 1)])
    row = np.repeat(np.arange(rows + 1), [columns + 1 + j % 2 for j in range(rows + 1)])
    start = np.concatenate([[0], np.cumsum([columns + 1 + j % 2 for j in range(rows + 1)])])
    i, k = np.arange(columns), np.arange(columns + 1)
    faces = []
    for j in range(rows):
        here, there = start[j], start[j + 1]
        if j % 2 == 0:
            faces += [np.stack([here + i, here + i + 1, there + i + 1], 1)]
            faces += [np.stack([here + k, there + k + 1, there + k], 1)]
        else:
            faces += [np.stack([here + i + 1, there + i + 1, there + i], 1)]
            faces += [np.stack([here + k, here + k + 1, there + k], 1)]
    return row, position, np.concatenate(faces)


def _patch(u: Floats, v: Floats) -> tuple[Floats, Floats, Ints]:
    """Coordinates along rows and columns of every vertex of a patch with these grid lines, and its triangles."""
    row, twice, faces = _lattice(len(v) - 1, len(u) - 1)
    return (u[twice // 2] + u[(twice + 1) // 2]) / 2, v[row], faces


def _grid_lines(length: float, radius: float, spacing: float) -> Floats:
    """Where a side of a box is cut, from -length/2 to length/2; rounded edges get steps of equal arc."""
    if radius <= 0:
        n = _steps(length, spacing)
        return np.linspace(-length / 2, length / 2, n + 1)
    arc = max(2, 2 * math.ceil(radius * math.pi / 4 / spacing / 2))
    bend = radius * np.tan(np.linspace(math.pi / 4, 0, arc + 1))
    inner = length / 2 - radius
    flat = np.linspace(-inner, inner, max(2, 2 * math.ceil(inner / spacing)) + 1)
    return np.concatenate([-inner - bend[:-1], flat, inner + bend[::-1][1:]])


def box(
    size: Sequence[float],
    at: Sequence[float],
    material: int,
    *,
    omit: str = "",
    radius: float = 0.0,
    fitted: Mapping[str, int] | None = None,
    painted: Mapping[str, int] | None = None,
    taper: tuple[float, float] = (1.0, 1.0),
    puff: float = 0.0,
    spacing: float = SPACING,
) -> Solid:
    """A box standing on ``at``: its centre in x and y, its bottom in z.

    Args:
        size: full extents, metres.
        at: x and y of the centre, z of the bottom, metres.
        material: palette index of all faces not named otherwise.
        omit: faces left out because nobody can see them, such as ``"-z+y"``.
        radius: of the rounded edges, metres.
        fitted: face to a material whose texture covers exactly that face, upright.
        painted: face to another tiled material.
        taper: width and depth at the bottom relative to the top.
        puff: how far the middle of the top and bottom bulges out, metres (a cushion).
        spacing: metres between vertices.
    """
    extent = np.asarray(size, float)
    radius = min(radius, 0.45 * float(extent.min()))
    if radius > 0:
        spacing *= 0.95 if puff else 0.985  # bends and bulges stretch some edges a little
    lines = [_grid_lines(e, radius, spacing) for e in extent]
    grain = int(np.argmax(extent))
    fitted, painted = fitted or {}, painted or {}
    positions, uvs, groups, faces, materials, count = [], [], [], [], [], 0
    for index, (name, (axis, along, across)) in enumerate(_FACES.items()):
        if name in omit:
            continue
        a, b, triangles = _patch(lines[along], lines[across])
        points = np.empty((len(a), 3))
        points[:, along], points[:, across] = a, b
        points[:, axis] = extent[axis] / 2 * (1 if name[0] == "+" else -1)
        if name in fitted:
            uv = _upright(name, points, extent)
        else:
            first, second = (along, across) if grain in (along, axis) else (across, along)
            uv = np.stack([points[:, first] + at[0], points[:, second] + at[1] * 0.7 + at[2] * 0.3], 1)
        positions.append(points)
        uvs.append(uv)
        groups.append(np.full(len(a), 0 if radius > 0 else index))
        faces.append(triangles + count)
        materials.append(np.full(len(triangles), fitted.get(name, painted.get(name, material))))
        count += len(a)
    points = np.concatenate(positions)
    if radius > 0:
        inner = np.clip(points, radius - extent / 2, extent / 2 - radius)
        out = points - inner
        points = inner + radius * out / np.linalg.norm(out, axis=1, keepdims=True)
    if puff:
        q = np.clip(np.abs(points[:, :2]) / (extent[:2] / 2), 0, 1)
        bulge = puff * (1 - q[:, 0] ** 2) * (1 - q[:, 1] ** 2)
        points[:, 2] += bulge * points[:, 2] / (extent[2] / 2)
    if taper != (1.0, 1.0):
        low = (0.5 - points[:, 2] / extent[2])[:, None]
        points[:, :2] *= 1 + low * (np.asarray(taper) - 1)
    points += (at[0], at[1], at[2] + extent[2] / 2)
    return Solid(points, np.concatenate(uvs), np.concatenate(groups), np.concatenate(faces), np.concatenate(materials))


def plane(width: float, depth: float, material: int) -> Solid:
    """A level rectangle around the origin that faces up, with the fewest vertices the edge limit allows."""
    columns, rows = math.ceil(width / _COLUMN), 2 * math.ceil(depth / _ROW / 2)
    a, b, faces = _patch(np.linspace(-width / 2, width / 2, columns + 1), np.linspace(-depth / 2, depth / 2, rows + 1))
    flat = np.stack([a, b, np.zeros_like(a)], 1)
    return Solid(flat, flat[:, :2].copy(), np.zeros(len(a), np.int64), faces, np.full(len(faces), material))


def _upright(name: str, points: Floats, extent: Floats) -> Floats:
    """(r, 2) in 0..1: left to right and bottom to top of a box face as seen from outside."""
    right = {"-y": (0, 1), "+y": (0, -1), "+x": (1, 1), "-x": (1, -1), "+z": (0, 1), "-z": (0, -1)}[name]
    up = 1 if name[1] == "z" else 2
    u = right[1] * points[:, right[0]] / extent[right[0]] + 0.5
    return np.stack([u, points[:, up] / extent[up] + 0.5], 1)


def turned(
    profile: Sequence[tuple[float, float]],
    at: Sequence[float],
    material: int,
    *,
    sides: int = 0,
    painted: Mapping[int, int] | None = None,
    spacing: float = SPACING,
) -> Solid:
    """A solid turned on a lathe about z: ``profile`` lists (radius, height) from bottom to top along the outside.

    Args:
        profile: metres; a radius of 0 closes the solid. Bends over 40 degrees stay hard edges.
        at: where (0, 0, 0) of the profile stands.
        material: palette index.
        sides: corners around; 0 takes as many as the spacing asks, and at least 12.
        painted: profile segment to another material.
        spacing: metres between vertices.
    """
    ends = np.asarray(profile, float)
    widest = float(ends[:, 0].max())
    around = sides or max(12, math.ceil(2 * math.pi * widest / spacing))
    step = 2 * math.pi / around
    directions = np.diff(ends, axis=0)
    lengths = np.linalg.norm(directions, axis=1)
    rings, travelled, group = [], 0.0, 0
    for k, (start, way, length) in enumerate(zip(ends[:-1], directions, lengths, strict=True)):
        n = max(1, math.ceil(length / spacing - 1e-9))
        if k and directions[k - 1] @ way < _SHARP * lengths[k - 1] * length:
            group += 1
        color = material if painted is None else painted.get(k, material)
        rings.append((start + np.linspace(0, 1, n + 1)[:, None] * way, travelled, length, group, color))
        travelled += length
    positions, uvs, groups, faces, count, parity = [], [], [], [], 0, 0
    materials: list[Ints] = []
    column = np.arange(around + 1)
    for points, before, length, smooth, color in rings:
        n = len(points) - 1
        shift = 0.5 * ((np.arange(n + 1) + parity) % 2)
        angle = (column[None, :] + shift[:, None]) * step
        x, y = points[:, :1] * np.cos(angle), points[:, :1] * np.sin(angle)
        positions.append(np.stack([x, y, np.broadcast_to(points[:, 1:], x.shape)], -1).reshape(-1, 3))
        v = before + np.linspace(0, length, n + 1)[:, None]
        uvs.append(np.stack([angle * widest, np.broadcast_to(v, x.shape)], -1).reshape(-1, 2))
        groups.append(np.full((n + 1) * (around + 1), smooth))
        for j in range(n):
            low, high = count + j * (around + 1) + column[:-1], count + (j + 1) * (around + 1) + column[:-1]
            if shift[j] == 0:
                pairs = [np.stack([low, low + 1, high], 1), np.stack([low + 1, high + 1, high], 1)]
            else:
                pairs = [np.stack([low, high + 1, high], 1), np.stack([low, low + 1, high + 1], 1)]
            # A ring of radius 0 is one point: the triangle that has two corners there is nothing.
            if points[j, 0] > 1e-6:
                faces.append(pairs[0] if shift[j] == 0 else pairs[1])
            if points[j + 1, 0] > 1e-6:
                faces.append(pairs[1] if shift[j] == 0 else pairs[0])
        parity += n
        count += (n + 1) * (around + 1)
        materials.append(np.full(sum(len(f) for f in faces) - sum(len(m) for m in materials), color))
    return Solid(
        np.concatenate(positions) + np.asarray(at, float),
        np.concatenate(uvs),
        np.concatenate(groups),
        np.concatenate(faces),
        np.concatenate(materials),
    )


def beam(
    start: Sequence[float],
    end: Sequence[float],
    radius: float,
    material: int,
    *,
    thin: float | None = None,
    sides: int = 8,
) -> Solid:
    """A round bar from one point to another; ``thin`` is its radius at the end. Its two ends are open."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(b - a))
    solid = turned([(radius, 0), (radius if thin is None else thin, length)], (0, 0, 0), material, sides=sides)
    axis = (b - a) / length
    helper = np.array([1.0, 0, 0]) if abs(axis[0]) < 0.9 else np.array([0, 1.0, 0])
    right = np.cross(helper, axis)
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(axis, right), axis])
    return Solid(solid.positions @ turn + a, solid.uv, solid.group, solid.faces, solid.material)


def sheet(u: Floats, v: Floats, material: int, *, fit: bool = False) -> tuple[Floats, Floats, Solid]:
    """A flat piece in x and z to be bent by the caller: grid coordinates of its vertices and the flat solid.

    The number of steps in ``v`` must be even or one (see ``box``); the caller replaces the positions.
    """
    a, b, faces = _patch(u, v)
    flat = np.stack([a, np.zeros_like(a), b], 1)
    uv = np.stack([(a - u[0]) / (u[-1] - u[0]), (b - v[0]) / (v[-1] - v[0])], 1) if fit else np.stack([a, b], 1)
    return a, b, Solid(flat, uv, np.zeros(len(a), np.int64), faces, np.full(len(faces), material))
