"""Writes Structured3D scenes drawn per pixel from the closed-form room; shares no code with the reader.

Rays are made from the camera file's own numbers (direction, up, half angles), never from intrinsics; distances are slab
intersections with the room and its boxes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from .closed_form import BOXES, EYES, ROOM

OBJECT_IDS = (17, 3, 400, 25)  # of the boxes: table, cabinet, box, stool
OBJECT_CLASSES = (7, 3, 29, 5)
UNSEEN = 77  # has a box but is in no image
WINDOW = np.array([[1.6, 4.0, 0.9], [3.2, 4.0, 2.1]])  # a pane in the wall y = 4, no object of its own
WALL, FLOOR, WINDOW_CLASS, CEILING = 1, 2, 9, 22
HALF_X = 0.62
SIZE = (160, 90)
PANORAMA_SIZE = (128, 64)
ROOM_IDS = ("90", "485142")  # their order as text is not that of their numbers
OUTLINES = {
    "90": ("living room", [(0, 0), (5000, 0), (5000, 4000), (0, 4000)]),
    "485142": ("bedroom", [(5100, 0), (9000, 0), (9000, 4000), (7000, 4000), (7000, 2500), (5100, 2500)]),
}


def half_angles(size: tuple[int, int]) -> tuple[float, float]:
    """Half fields of view with square pixels."""
    return HALF_X, float(np.arctan(np.tan(HALF_X) * size[1] / size[0]))


def trace(eye: np.ndarray, rays: np.ndarray, *, furnished: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Distance in lengths of each ray (n, 3) from inside the room, and the box it meets, -1 for the room."""
    eye, rays = np.asarray(eye, float), np.asarray(rays, float)
    nearest, owner = _trace(eye.tobytes(), rays.tobytes(), furnished)
    return nearest.copy(), owner.copy()


@lru_cache(maxsize=256)
def _trace(eye_bytes: bytes, rays_bytes: bytes, furnished: bool) -> tuple[np.ndarray, np.ndarray]:
    """Kept, since tests write the same few views again and again."""
    eye, rays = np.frombuffer(eye_bytes), np.frombuffer(rays_bytes).reshape(-1, 3)
    with np.errstate(divide="ignore"):
        nearest = np.maximum((ROOM[0] - eye) / rays, (ROOM[1] - eye) / rays).min(axis=1)
        owner = np.full(len(rays), -1)
        for index, box in enumerate(BOXES if furnished else []):
            sides = np.stack([(box[0] - eye) / rays, (box[1] - eye) / rays])
            enter, leave = sides.min(axis=0).max(axis=1), sides.max(axis=0).min(axis=1)
            hit = (enter < leave) & (enter > 0) & (enter < nearest)
            nearest, owner = np.where(hit, enter, nearest), np.where(hit, index, owner)
    return nearest, owner


def pinhole_rays(direction: np.ndarray, up: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h * w, 3) rays through pixel centres whose component along the direction is 1."""
    right = np.cross(direction, up)
    x = np.tan(HALF_X) * (2 * (np.arange(size[0]) + 0.5) / size[0] - 1)
    y = np.tan(half_angles(size)[1]) * (2 * (np.arange(size[1]) + 0.5) / size[1] - 1)
    return (direction + x[None, :, None] * right - y[:, None, None] * up).reshape(-1, 3)


def panorama_rays(size: tuple[int, int]) -> np.ndarray:
    """(h * w, 3) unit rays; the middle looks along +y, to its right is +x."""
    azimuth = ((np.arange(size[0]) + 0.5) / size[0] * 2 - 1) * np.pi
    elevation = (0.5 - (np.arange(size[1]) + 0.5) / size[1]) * np.pi
    a, e = np.meshgrid(azimuth, elevation)
    return np.stack([np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)], axis=-1).reshape(-1, 3)


def look(index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eye in metres, view direction and up of view ``index``."""
    eye = np.array(EYES[index % len(EYES)])
    target = np.array([2.5 - 0.1 * index, 2.0, 0.9])
    direction = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(direction, (0, 0, 1.0))
    up = np.cross(right / np.linalg.norm(right), direction)
    return eye, direction, up


def classes_at(points: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """NYU40 class of what each ray meets."""
    found = np.full(len(points), WALL)
    found[points[:, 2] < 1e-6] = FLOOR
    found[points[:, 2] > ROOM[1, 2] - 1e-6] = CEILING
    pane = (points >= WINDOW[0] - 1e-6).all(axis=1) & (points <= WINDOW[1] + 1e-6).all(axis=1)
    found[pane] = WINDOW_CLASS
    for index, number in enumerate(OBJECT_CLASSES):
        found[owner == index] = number
    return found


def write_images(
    folder: Path, eye: np.ndarray, rays: np.ndarray, size: tuple[int, int], *, instances: Path | None = None
) -> None:
    """rgb, depth and semantic in one folder, instance.png in another one."""
    folder.mkdir(parents=True, exist_ok=True)
    length, owner = trace(eye, rays, furnished="full" in folder.parts)
    points = eye + length[:, None] * rays
    shape = (size[1], size[0])
    checks = ((np.floor(points / 0.25).astype(int)).sum(axis=1) % 2).reshape(shape)
    shade = np.clip(235 - 35 * length, 20, 235).reshape(shape)
    cv2.imwrite(str(folder / "rgb_rawlight.png"), cv2.merge([shade, shade * 0.9, shade - 12 * checks]).astype(np.uint8))
    cv2.imwrite(str(folder / "depth.png"), np.rint(length * 1000).astype(np.uint16).reshape(shape))
    (folder / "semantic.png").write_bytes(palette_png(classes_at(points, owner).reshape(shape)))
    if instances is not None:
        instances.mkdir(parents=True, exist_ok=True)
        ids = np.append(OBJECT_IDS, 65535)[owner].astype(np.uint16)
        cv2.imwrite(str(instances / "instance.png"), ids.reshape(shape))


def palette_png(values: np.ndarray, **options: Any) -> bytes:
    image = Image.fromarray(values.astype(np.uint8), mode="P")
    image.putpalette(np.random.Generator(np.random.PCG64(1)).integers(0, 256, 768).astype(np.uint8).tobytes())
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def write_view(
    scene: Path,
    room: str,
    position: int,
    index: int,
    *,
    size: tuple[int, int] = SIZE,
    variant: str = "full",
    instances: Path | None = None,
) -> Path:
    """One perspective view; ``instances`` is the scene's folder that instance.png goes to, None for this one."""
    place = Path("2D_rendering", room, "perspective", variant, str(position))
    eye, direction, up = look(index)
    maps = None if variant != "full" else (instances or scene) / place
    write_images(scene / place, eye, pinhole_rays(direction, up, size), size, instances=maps)
    # Vectors of any length name the same directions.
    numbers = [*(eye * 1000), *(direction * 2), *(up * 0.5), *half_angles(size), 1]
    (scene / place / "camera_pose.txt").write_text(" ".join(f"{number:.10f}" for number in numbers))
    return scene / place


def write_panorama(scene: Path, room: str, index: int, *, variant: str = "full", instances: bool = True) -> Path:
    base = scene / "2D_rendering" / room / "panorama"
    eye = look(index)[0]
    maps = base / variant if instances and variant == "full" else None
    write_images(base / variant, eye, panorama_rays(PANORAMA_SIZE), PANORAMA_SIZE, instances=maps)
    (base / "camera_xyz.txt").write_text(" ".join(f"{number:.6f}" for number in eye * 1000))
    return base / variant


def boxes() -> list[dict[str, Any]]:
    """Boxes as the file has them: axes as rows, some of them left-handed, half sizes, millimetres."""
    records = []
    for index, (number, box) in enumerate(zip(OBJECT_IDS, BOXES, strict=True)):
        order = [0, 1, 2] if index % 2 else [1, 0, 2]  # an odd order of axes is left-handed
        half, centre = (box[1] - box[0]) / 2 * 1000, box.mean(axis=0) * 1000
        records.append(
            {
                "ID": number,
                "basis": np.eye(3)[order].tolist(),
                "coeffs": half[order].tolist(),
                "centroid": centre.tolist(),
            }
        )
    turned = [[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]]
    records.append({"ID": UNSEEN, "basis": turned, "coeffs": [100, 50, 25], "centroid": [6000, 1000, 25]})
    return records


def annotation(
    outlines: dict[str, tuple[str, Sequence[tuple[float, float]]]] | None = None, height: float = 2600.0
) -> dict[str, Any]:
    """Rooms as junctions, lines and planes; a door stands in the first wall of each, its sill on the floor's plane."""
    junctions: list[list[float]] = []
    lines: list[tuple[int, int]] = []
    planes: list[dict[str, Any]] = []
    on_plane: list[list[int]] = []
    semantics: list[dict[str, Any]] = []

    def line(a: int, b: int) -> int:
        lines.append((a, b))
        return len(lines) - 1

    def plane(kind: str, normal: Sequence[float], through: Sequence[float], edges: list[int]) -> int:
        planes.append(
            {"ID": len(planes), "type": kind, "normal": list(normal), "offset": -float(np.dot(normal, through))}
        )
        on_plane.append(edges)
        return len(planes) - 1

    for room, (kind, outline) in (OUTLINES if outlines is None else outlines).items():
        first, count = len(junctions), len(outline)
        junctions += [[x, y, 0.0] for x, y in outline] + [[x, y, height] for x, y in outline]
        low = [line(first + i, first + (i + 1) % count) for i in range(count)]
        high = [line(first + count + i, first + count + (i + 1) % count) for i in range(count)]
        upright = [line(first + i, first + count + i) for i in range(count)]
        (x0, y0), (x1, y1) = outline[0], outline[1]
        door = len(junctions)
        junctions += [
            [x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, z]
            for share, z in ((0.2, 0), (0.4, 0), (0.4, 2000), (0.2, 2000))
        ]
        leaf = [line(door + i, door + (i + 1) % 4) for i in range(4)]
        mine = [
            plane("floor", (0, 0, 1), (0, 0, 0), [*low, leaf[0]]),
            plane("ceiling", (0, 0, -1), (0, 0, height), high),
        ]
        for i in range(count):
            (ax, ay), (bx, by) = outline[i], outline[(i + 1) % count]
            length = float(np.hypot(bx - ax, by - ay)) or 1.0
            edges = [low[i], high[i], upright[i], upright[(i + 1) % count], *(leaf if i == 0 else [])]
            mine.append(plane("wall", (-(by - ay) / length, (bx - ax) / length, 0), (ax, ay, 0), edges))
        semantics.append({"ID": int(room), "type": kind, "planeID": mine})
        semantics.append(
            {"ID": 9000 + int(room), "type": "door", "planeID": [plane("wall", (0, 1, 0), (x0, y0, 0), leaf)]}
        )
    semantics.append({"ID": 99999, "type": "outwall", "planeID": [2]})
    # The order of lines says nothing about the order of corners.
    order = np.random.Generator(np.random.PCG64(2)).permutation(len(lines))
    return {
        "junctions": [{"ID": index, "coordinate": place} for index, place in enumerate(junctions)],
        "lines": [{"ID": int(i), "point": junctions[lines[i][0]], "direction": [1, 0, 0]} for i in order],
        "planes": planes,
        "semantics": semantics,
        "planeLineMatrix": [[int(i in edges) for i in order] for edges in on_plane],
        "lineJunctionMatrix": [[int(j in lines[i]) for j in range(len(junctions))] for i in order],
        "cuboids": [],
        "manhattan": [],
    }


def write_scene(
    folder: Path,
    *,
    views: int = 6,
    size: tuple[int, int] = SIZE,
    variant: str = "full",
    boxes_in: Path | None = None,
    annotation_in: Path | None = None,
) -> Path:
    """A scene whose views take turns in two rooms; boxes with instance maps, and annotation, may lie elsewhere."""
    for index in range(views):
        room = ROOM_IDS[index % 2]
        write_view(folder, room, 10 * (index // 2), index, size=size, variant=variant, instances=boxes_in)
    for place, name, content in (
        (boxes_in or folder, "bbox_3d.json", boxes()),
        (annotation_in or folder, "annotation_3d.json", annotation()),
    ):
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(json.dumps(content))
    return folder
