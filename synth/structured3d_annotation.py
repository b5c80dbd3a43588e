"""The JSON and text files of a Structured3D scene: boxes, rooms and planes, and the layout seen in each image."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..core.types import Camera
from .scene import SyntheticObject, SyntheticScene

__all__ = ["annotation", "boxes", "image_layout", "is_structure", "panorama_layout"]

_STRUCTURE: Final = frozenset({"floor", "ceiling", "wall", "door", "window"})
_MILLIMETRES: Final = 1000.0
_LEFT_HANDED: Final = 3  # each third box
_NEAREST: Final = 1.0  # mm before the camera at which outlines are cut

Floats = npt.NDArray[np.float64]


def is_structure(thing: SyntheticObject) -> bool:
    """Whether it is a part of the building: it stays in the empty room, and no instance map shows it."""
    return thing.label in _STRUCTURE


def boxes(scene: SyntheticScene) -> list[dict[str, Any]]:
    """``bbox_3d.json``: axes as rows, half sizes; some of the axes are left-handed, as in the dataset."""
    found: list[dict[str, Any]] = []
    for thing in scene.objects:
        if is_structure(thing):
            continue
        order = [1, 0, 2] if len(found) % _LEFT_HANDED == 1 else [0, 1, 2]
        found.append(
            {
                "ID": thing.id,
                "basis": thing.box.rotation.T[order].tolist(),
                "coeffs": (thing.box.size[order] / 2 * _MILLIMETRES).tolist(),
                "centroid": (thing.box.centre * _MILLIMETRES).tolist(),
            }
        )
    return found


def _corners(scene: SyntheticScene) -> Floats:
    """(8, 3) mm: the corners of the floor, counter-clockwise from above, then those of the ceiling."""
    low = np.column_stack([scene.polygon, np.zeros(len(scene.polygon))])
    return np.concatenate([low, low + np.array([0.0, 0.0, scene.height])]) * _MILLIMETRES


def _planes(scene: SyntheticScene) -> list[tuple[str, list[int], Floats, float]]:
    """Kind, corners in order, normal into the room and offset of floor, ceiling and walls."""
    corners, n = _corners(scene), len(scene.polygon)
    outlines = [("floor", list(range(n))), ("ceiling", [*range(2 * n - 1, n - 1, -1)])]
    for k in range(n):
        following = (k + 1) % n
        outlines.append(("wall", [following, k, n + k, n + following]))
    found = []
    for kind, outline in outlines:
        a, b, c = corners[outline[:3]]
        normal = np.cross(b - a, c - b)
        normal /= np.linalg.norm(normal)
        found.append((kind, outline, normal, -float(normal @ a)))
    return found


def annotation(scene: SyntheticScene, room: int) -> dict[str, Any]:
    """``annotation_3d.json``: one room with its floor, ceiling and walls."""
    corners, planes, n = _corners(scene), _planes(scene), len(scene.polygon)
    lines = [(k, (k + 1) % n) for k in range(n)]
    lines += [(n + a, n + b) for a, b in lines] + [(k, n + k) for k in range(n)]
    directions = [corners[b] - corners[a] for a, b in lines]
    return {
        "junctions": [{"ID": k, "coordinate": corner.tolist()} for k, corner in enumerate(corners)],
        "lines": [
            {
                "ID": k,
                "point": corners[line[0]].tolist(),
                "direction": (directions[k] / np.linalg.norm(directions[k])).tolist(),
            }
            for k, line in enumerate(lines)
        ],
        "planes": [
            {"ID": k, "type": kind, "normal": normal.tolist(), "offset": offset}
            for k, (kind, _, normal, offset) in enumerate(planes)
        ],
        "semantics": [
            {"ID": room, "type": scene.kind, "planeID": list(range(len(planes)))},
            {"ID": room + 1, "type": "outwall", "planeID": list(range(2, len(planes)))},
        ],
        "planeLineMatrix": [[int(set(line) <= set(outline)) for line in lines] for _, outline, _, _ in planes],
        "lineJunctionMatrix": [[int(k in line) for k in range(len(corners))] for line in lines],
        "cuboids": [{"ID": 0, "planeID": list(range(len(planes)))}],
        "manhattan": [{"ID": 0, "planeID": list(range(len(planes)))}],
    }


def image_layout(scene: SyntheticScene, camera: Camera) -> dict[str, Any]:
    """``layout.json`` of a view: outlines of the planes in it, by junctions; the room is convex, so nothing hides.

    Junctions where an outline leaves the image have no 3D junction, ``ID`` null. Normals are in the camera's axes of
    the dataset's normal maps: x right, y up, z forward; offsets in millimetres.
    """
    corners = _corners(scene)
    to_camera = camera.world_to_camera
    local = corners @ to_camera[:3, :3].T + to_camera[:3, 3] * _MILLIMETRES
    junctions: list[dict[str, Any]] = []
    known: dict[int, int] = {}
    planes = []
    for number, (kind, outline, normal, offset) in enumerate(_planes(scene)):
        ids = []
        for place, corner in _clipped([(local[k], k) for k in outline], camera):
            if corner is not None and corner in known:
                ids.append(known[corner])
                continue
            pixel = camera.intrinsics[:2] @ (place / place[2])
            ids.append(len(junctions))
            if corner is not None:
                known[corner] = len(junctions)
            junctions.append({"ID": corner, "coordinate": np.rint(pixel).astype(int).tolist(), "isvisible": True})
        if not ids:
            continue
        turned = to_camera[:3, :3] @ normal * (1.0, -1.0, 1.0)
        moved = offset + float(normal @ camera.centre) * _MILLIMETRES
        planes.append(
            {
                "ID": number,
                "visible_mask": [ids],
                "amodal_mask": [ids],
                "normal": turned.tolist(),
                "offset": moved,
                "type": kind,
            }
        )
    return {"junctions": junctions, "planes": planes}


def _clipped(outline: list[tuple[Floats, int | None]], camera: Camera) -> list[tuple[Floats, int | None]]:
    """What of an outline is inside the image (Sutherland and Hodgman): places, and the corners they are."""
    k = camera.intrinsics
    limits = [
        np.array([0.0, 0.0, 1.0, -_NEAREST]),
        np.array([k[0, 0], 0.0, k[0, 2] + 0.5, 0.0]),
        np.array([-k[0, 0], 0.0, camera.width - 0.5 - k[0, 2], 0.0]),
        np.array([0.0, k[1, 1], k[1, 2] + 0.5, 0.0]),
        np.array([0.0, -k[1, 1], camera.height - 0.5 - k[1, 2], 0.0]),
    ]
    for limit in limits:
        before, outline = outline, []
        heights = [float(limit[:3] @ place + limit[3]) for place, _ in before]
        for index, (place, corner) in enumerate(before):
            last, height, last_height = before[index - 1][0], heights[index], heights[index - 1]
            if (height > 0) != (last_height > 0):
                outline.append((last + (place - last) * last_height / (last_height - height), None))
            if height > 0:
                outline.append((place, corner))
    return outline


def panorama_layout(scene: SyntheticScene, camera: Camera) -> str:
    """``layout.txt``: ceiling and floor corner in turns, from left to right, pixels."""
    corners = _corners(scene) / _MILLIMETRES - camera.centre
    local = corners @ camera.camera_to_world[:3, :3]
    k, n = camera.intrinsics, len(scene.polygon)
    rows = []
    for low, high in zip(local[:n], local[n:], strict=True):
        column = math.atan2(low[0], low[2]) * k[0, 0] + k[0, 2]
        for place in (high, low):
            below = math.atan2(place[1], math.hypot(place[0], place[2]))
            rows.append((round(column), place is low, round(below * k[1, 1] + k[1, 2])))
    return "".join(f"{column} {row}\n" for column, _, row in sorted(rows))
