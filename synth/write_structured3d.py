"""Structured3D's files for a synthetic scene: one room, furnished and empty; millimetres, z up, no mesh.

::

    <root>/scene_<n>/
    ├── annotation_3d.json                 the room's floor, ceiling and walls
    ├── bbox_3d.json                       boxes of its objects, some with left-handed axes
    ├── truth.json, truth.npz
    └── 2D_rendering/<room>/
        ├── perspective/{full,empty}/<k>/  rgb_rawlight, depth (Z), semantic, normal, in full instance; camera_pose.txt,
        │                                  layout.json
        └── panorama/
            ├── camera_xyz.txt  layout.txt
            └── {full,empty}/              rgb_rawlight, depth (length of the ray), semantic, in full instance

Perspective views are the steps of the walk, ``<k>`` from 0; the panorama is taken half-way. In ``empty`` the furniture
is gone, and the light is that of an empty room. Instance maps have the truth's object ids; floor, ceiling, walls, doors
and windows are background. Pictures of Structured3D are rendered, so ``scan_noise`` stands for one thing: depth maps as
a sensor would have taken them; poses, boxes, labels and annotation stay exact.

The mesh is in ``truth.npz`` only. Its cameras (``truth.py``) are those of the perspective views, frame k of the truth
being ``<room>/<k>``, and for the panorama::

    panorama_camera_to_world    (4, 4) float64: looks along +y
    panorama_size               (2,) int64, width and height
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ..core.raster import MeshMap, TriangleClusters, build_clusters, rasterise
from ..core.types import Camera
from ..media.images import encode_png
from .labels import NYU40_COLORS, NYU40_IDS
from .noise import noisy_depth
from .panorama import panorama_map
from .render import NEAR, paint_image, pixel_rays
from .scene import SyntheticScene, build_scene, relit
from .structured3d_annotation import annotation, boxes, image_layout, is_structure, panorama_layout
from .truth import write_truth

__all__ = ["COLOR_SIZE", "ROOM", "scene_id", "write_scene"]

COLOR_SIZE: Final = (1280, 720)
"""Of perspective views."""

ROOM: Final = 401
"""Number of the room of every scene."""

_PANORAMA_WIDTH: Final = 1024
_HALF_FIELD: Final = 0.70  # radians to the left and right of a view
_INVALID: Final = (1155, 1192, 1714, 1816, 1852, 3398)
"""Numbers that the dataset's errata list calls invalid: readers leave them out."""
_BACKGROUND: Final = 65535
_MILLIMETRES: Final = 1000.0


def scene_id(index: int) -> str:
    """``scene_00000``, …; numbers of invalid scenes are passed over."""
    number = index
    for invalid in _INVALID:
        number += number >= invalid
    return f"scene_{number:05d}"


def write_scene(
    partial: Path, seed: int, index: int, *, frames: int, color_size: tuple[int, int], scan_noise: bool
) -> Iterator[int]:
    """Write a scene's folder; yields how many views are done.

    Args:
        partial: the folder, empty.
        seed: of the set.
        index: of the scene in it.
        frames: perspective views.
        color_size: width and height of perspective views; the panorama shrinks and grows with it.
        scan_noise: see above.
    """
    scene = _as_rendered(build_scene(seed, index, frames=frames, color_size=color_size), scene_id(index), color_size)
    room = partial / "2D_rendering" / str(ROOM)
    renderings = (_Rendering(scene, "full"), _Rendering(scene, "empty"))
    around = _panorama_camera(scene)
    normals = _face_normals(scene)
    for k, camera in enumerate(scene.cameras):
        for rendering in renderings:
            folder = room / "perspective" / rendering.name / str(k)
            folder.mkdir(parents=True)
            seen = rendering.seen(camera)
            rendering.write(folder, camera, seen, noise_of=k if scan_noise else None)
            (folder / "normal.png").write_bytes(encode_png(_normals(normals, camera, seen)))
            (folder / "camera_pose.txt").write_text(_pose(camera), encoding="ascii")
            layout = json.dumps(image_layout(scene, camera))
            (folder / "layout.json").write_text(layout + "\n", encoding="ascii")
        if k == frames - 1:
            for rendering in renderings:
                folder = room / "panorama" / rendering.name
                folder.mkdir(parents=True)
                rendering.write(folder, around, rendering.seen(around), noise_of=frames if scan_noise else None)
            eye = " ".join(f"{value:.6f}" for value in around.centre * _MILLIMETRES)
            (room / "panorama" / "camera_xyz.txt").write_text(eye + "\n", encoding="ascii")
            (room / "panorama" / "layout.txt").write_text(panorama_layout(scene, around), encoding="ascii")
        yield k + 1
    (partial / "annotation_3d.json").write_text(json.dumps(annotation(scene, ROOM)) + "\n", encoding="ascii")
    (partial / "bbox_3d.json").write_text(json.dumps(boxes(scene)) + "\n", encoding="ascii")
    write_truth(
        partial,
        scene,
        np.zeros(frames, bool),
        scan_noise=scan_noise,
        extra={
            "panorama_camera_to_world": around.camera_to_world,
            "panorama_size": np.array([around.width, around.height]),
        },
    )


def _as_rendered(scene: SyntheticScene, name: str, size: tuple[int, int]) -> SyntheticScene:
    """The scene seen by Structured3D's camera: principal point in the middle, square pixels, depth of its size."""
    width, height = size
    focal = width / 2 / math.tan(_HALF_FIELD)
    intrinsics = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    cameras = tuple(Camera(intrinsics, camera.camera_to_world, width, height) for camera in scene.cameras)
    return dataclasses.replace(scene, id=name, cameras=cameras, depth_cameras=cameras, axis_alignment=np.eye(4))


def _panorama_camera(scene: SyntheticScene) -> Camera:
    width = max(32, round(_PANORAMA_WIDTH * scene.cameras[0].width / COLOR_SIZE[0] / 2) * 2)
    height = width // 2
    pose = np.eye(4)
    pose[:3, :3] = np.column_stack([(1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)])
    pose[:3, 3] = scene.cameras[len(scene.cameras) // 2].centre
    intrinsics = np.array([[width / math.tau, 0, (width - 1) / 2], [0, height / math.pi, (height - 1) / 2], [0, 0, 1]])
    return Camera(intrinsics, pose, width, height, "equirectangular")


class _Rendering:
    """The room ``full``, or ``empty`` of everything but its structure."""

    def __init__(self, scene: SyntheticScene, name: str) -> None:
        self.name = name
        self._scene = scene
        full = name == "full"
        stays = np.array([full or is_structure(thing) for thing in scene.objects])
        self._kept = np.flatnonzero(stays[scene.vertex_instance[scene.faces[:, 0]]]).astype(np.int32)
        self._faces = scene.faces[self._kept]
        self._clusters: TriangleClusters = scene.clusters if full else build_clusters(scene.vertices, self._faces)
        if not full:
            self._scene = relit(scene, stays, self._faces, self._clusters)
        classes = [NYU40_IDS[thing.label] for thing in scene.objects]
        ids = [_BACKGROUND if is_structure(thing) else thing.id for thing in scene.objects]
        # The last stands for no object, -1.
        self._classes, self._ids = np.array([*classes, 0], np.uint8), np.array([*ids, _BACKGROUND], np.uint16)

    def seen(self, camera: Camera) -> MeshMap:
        """Depth and triangle of the scene's mesh at every pixel."""
        if camera.model == "equirectangular":
            found = panorama_map(self._scene.vertices, self._faces, self._clusters, camera)
        else:
            found = rasterise(None, None, camera, NEAR, self._clusters)
        return MeshMap(found.depth, np.where(found.triangle >= 0, self._kept[found.triangle], -1).astype(np.int32))

    def write(self, folder: Path, camera: Camera, seen: MeshMap, *, noise_of: int | None) -> None:
        """Write picture, depth, semantic and instance map; depth with a sensor's noise of that number."""
        scene = self._scene
        image = paint_image(scene, camera, seen)
        depth = seen.depth if noise_of is None else noisy_depth(scene, noise_of, seen.depth, image)
        corner = scene.faces[seen.triangle, 0]
        owner = np.where(seen.triangle >= 0, scene.vertex_instance[corner], -1)
        (folder / "rgb_rawlight.png").write_bytes(encode_png(image))
        _write_numbers(folder / "depth.png", np.rint(depth * _MILLIMETRES).astype(np.uint16))
        (folder / "semantic.png").write_bytes(_palette_png(self._classes[owner]))
        if self.name == "full":
            _write_numbers(folder / "instance.png", self._ids[owner])


def _face_normals(scene: SyntheticScene) -> npt.NDArray[np.float64]:
    """(m, 3) unit normals of the mesh's triangles."""
    a, b, c = (scene.vertices[scene.faces[:, k]].astype(np.float64) for k in range(3))
    normals = np.cross(b - a, c - a)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20))


def _normals(normals: npt.NDArray[np.float64], camera: Camera, seen: MeshMap) -> npt.NDArray[np.uint8]:
    """(h, w, 3): 128 (1 + n) of the normal towards the camera, x right, y up, z forward; 0 where nothing is."""
    local = normals[seen.triangle] @ camera.camera_to_world[:3, :3]
    away = (local * np.moveaxis(pixel_rays(camera), 0, 2)).sum(axis=2) > 0
    local[away] *= -1
    stored = np.clip(np.rint(128 * (1 + local * (1.0, -1.0, 1.0))), 0, 255)
    return np.where((seen.triangle >= 0)[..., None], stored, 0).astype(np.uint8)


def _pose(camera: Camera) -> str:
    """``camera_pose.txt``: eye in millimetres, direction, up, half the fields of view in radians, 1."""
    k = camera.intrinsics
    half = [math.atan(camera.width / 2 / k[0, 0]), math.atan(camera.height / 2 / k[1, 1])]
    rotation = camera.camera_to_world[:3, :3]
    numbers = [*(camera.centre * _MILLIMETRES), *rotation[:, 2], *-rotation[:, 1], *half]
    return " ".join([*(f"{value:.12f}" for value in numbers), "1"]) + "\n"


def _write_numbers(path: Path, values: npt.NDArray[np.uint16]) -> None:
    done, png = cv2.imencode(".png", values, [cv2.IMWRITE_PNG_COMPRESSION, 2])
    assert done, "OpenCV could not encode a 16-bit image"
    path.write_bytes(png.tobytes())


def _palette_png(values: npt.NDArray[np.uint8]) -> bytes:
    """(h, w) class numbers as a palette image, which OpenCV cannot write (PNG specification, W3C, 2nd edition)."""
    height, width = values.shape
    rows = np.zeros((height, width + 1), np.uint8)  # before each row its filter: none
    rows[:, 1:] = values

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = np.array(NYU40_COLORS, np.uint8).tobytes()
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            chunk(b"IHDR", header),
            chunk(b"PLTE", palette),
            chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)),
            chunk(b"IEND", b""),
        ]
    )
