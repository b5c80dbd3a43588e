"""Scenes made of a few plain solids with known sizes, seen from where one likes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spatialgen.core.types import Camera, Frame, Instance, Scene

from .closed_form import box_surface, intrinsics, look_at

Solid = tuple[np.ndarray, np.ndarray]


def box(low: Sequence[float], high: Sequence[float], step: float = 0.05) -> Solid:
    """Vertices (n, 3) and faces (m, 3) of a box's six sides."""
    return box_surface(np.array([low, high], dtype=float), step)


def joined(*solids: Solid) -> Solid:
    """One solid of several."""
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in solids)])
    return (
        np.concatenate([vertices for vertices, _ in solids]),
        np.concatenate([faces + start for (_, faces), start in zip(solids, starts, strict=False)]),
    )


def prism(outline: Sequence[Sequence[float]], height: float) -> Solid:
    """A convex outline (x, y), pulled up; top, bottom and sides."""
    ring = np.array(outline, dtype=float)
    count = len(ring)
    vertices = np.concatenate([np.column_stack([ring, np.full(count, z)]) for z in (0.0, height)])
    faces = [(0, k, k + 1) for k in range(1, count - 1)] + [
        (count, count + k, count + k + 1) for k in range(1, count - 1)
    ]
    for k in range(count):
        following = (k + 1) % count
        faces += [(k, following, count + k), (following, count + following, count + k)]
    return vertices, np.array(faces)


def turned(solid: Solid, angle: float, at: Sequence[float] = (0, 0, 0)) -> Solid:
    """Turned about the vertical through the origin, then moved."""
    c, s = np.cos(angle), np.sin(angle)
    return solid[0] @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T + np.array(at, dtype=float), solid[1]


def scene_of(
    things: Sequence[tuple[str, Solid]],
    eyes: Sequence[Sequence[float]] = ((0.0, -3.0, 1.5),),
    target: Sequence[float] = (0.0, 0.0, 0.4),
    *,
    size: tuple[int, int] = (320, 240),
    up: Sequence[float] | None = (0, 0, 1),
) -> Scene:
    """Labelled solids as a scene without depth images; every thing is an instance."""
    vertices, faces = joined(*(solid for _, solid in things))
    owner = np.repeat(np.arange(len(things)), [len(solid[0]) for _, solid in things]).astype(np.int32)

    def frame(index: int) -> Frame:
        camera = Camera(intrinsics(*size), look_at(eyes[index], target), *size)
        return Frame(str(index), camera, lambda: b"", f"color/{index}.jpg")

    return Scene(
        id="solids",
        dataset="solids",
        group="solids",
        frames=tuple(frame(index) for index in range(len(eyes))),
        vertices=vertices.astype(np.float32),
        faces=faces.astype(np.int32),
        vertex_instance=owner,
        instances=tuple(Instance(f"i{k}", label, label) for k, (label, _) in enumerate(things)),
        up=None if up is None else np.array(up, dtype=float),
    )
