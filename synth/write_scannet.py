"""ScanNet's files for a synthetic scene, in the raw layout and as posed images.

Raw (``scans/<id>/``): ``<id>.sens``, ``<id>.txt``, ``<id>_vh_clean_2.ply``, ``<id>_vh_clean_2.labels.ply``,
``<id>_vh_clean_2.0.010000.segs.json``, ``<id>.aggregation.json``. Posed images: ``%05d.jpg`` colour, ``%05d.png``
depth in millimetres, ``%05d.txt`` camera_to_world, ``intrinsic.txt``, ``depth_intrinsic.txt`` (4x4 each).
Everything is in the files' own world; only axisAlignment in ``<id>.txt`` leads to the aligned one.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ..core.types import Camera
from ..media.images import encode_jpeg
from .labels import NYU40_COLORS, NYU40_IDS
from .noise import Scan, noisy_depth
from .ply import write_ply
from .render import depth_map, paint_image, vertex_colors
from .scene import SyntheticScene

__all__ = ["render_frames", "write_mesh", "write_posed_images", "write_sens"]

_DEPTH_SHIFT: Final = 1000.0  # stored units a metre
_JPEG_QUALITY: Final = 90
_FRAME_MICROSECONDS: Final = 33_333
_GRAVITY: Final = 9.81  # m/s2

RenderedFrame = tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8], npt.NDArray[np.uint16]]


def render_frames(scene: SyntheticScene, scan: Scan, *, scan_noise: bool) -> Iterator[RenderedFrame]:
    """Frame by frame: the pose as written (raw world, -inf if lost), colour RGB, depth in millimetres."""
    to_raw = np.linalg.inv(scene.axis_alignment)
    for k, (color, depth_camera) in enumerate(zip(scene.cameras, scene.depth_cameras, strict=True)):
        image = paint_image(scene, color)
        depth = depth_map(scene, depth_camera).depth
        if scan_noise:
            depth = noisy_depth(scene, k, depth, image)
        pose = np.full((4, 4), -np.inf) if scan.lost[k] else to_raw @ scan.camera_to_world[k]
        yield pose, image, np.asarray(np.rint(depth * _DEPTH_SHIFT), np.uint16)


def _matrix(intrinsics: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(4, 4) with a zero fourth column, as ScanNet writes K."""
    matrix = np.eye(4)
    matrix[:3, :3] = intrinsics
    return matrix


def write_sens(path: Path, scene: SyntheticScene, frames: Iterator[RenderedFrame]) -> Iterator[int]:
    """Write a ``.sens`` file (version 4, JPEG colour, zlib depth) frame by frame; yields how many are done.

    Nothing but the frame at hand is kept in memory.
    """
    color, depth = scene.cameras[0], scene.depth_cameras[0]
    name = b"StructureSensor"
    with path.open("wb") as out:
        out.write(struct.pack("<IQ", 4, len(name)) + name)
        for matrix in (_matrix(color.intrinsics), np.eye(4), _matrix(depth.intrinsics), np.eye(4)):
            out.write(matrix.astype("<f4").tobytes())
        out.write(struct.pack("<ii4If", 2, 1, color.width, color.height, depth.width, depth.height, _DEPTH_SHIFT))
        out.write(struct.pack("<Q", len(scene.cameras)))
        for k, (pose, image, millimetres) in enumerate(frames):
            picture, packed = encode_jpeg(image, _JPEG_QUALITY), zlib.compress(millimetres.astype("<u2").tobytes(), 2)
            stamp = k * _FRAME_MICROSECONDS
            out.write(pose.astype("<f4").tobytes())
            out.write(struct.pack("<4Q", stamp, stamp, len(picture), len(packed)))
            out.write(picture)
            out.write(packed)
            yield k + 1
        out.write(struct.pack("<Q", len(scene.cameras)))
        for k, camera in enumerate(scene.cameras):
            # Standing still is all an idealised sensor feels: gravity, in the camera's axes.
            gravity = camera.camera_to_world[:3, :3].T @ (0.0, 0.0, -_GRAVITY)
            out.write(struct.pack("<15dQ", *(0.0,) * 3, *gravity, *(0.0,) * 6, *gravity, k * _FRAME_MICROSECONDS))


def write_posed_images(folder: Path, scene: SyntheticScene, frames: Iterator[RenderedFrame]) -> Iterator[int]:
    """Write numbered pictures, depth maps and poses; yields how many frames are done."""
    for name, camera in (("intrinsic.txt", scene.cameras[0]), ("depth_intrinsic.txt", scene.depth_cameras[0])):
        (folder / name).write_text(_rows(_matrix(camera.intrinsics)), encoding="ascii")
    for k, (pose, image, millimetres) in enumerate(frames):
        stem = folder / f"{k:05d}"
        stem.with_suffix(".jpg").write_bytes(encode_jpeg(image, _JPEG_QUALITY))
        done, png = cv2.imencode(".png", millimetres, [cv2.IMWRITE_PNG_COMPRESSION, 2])
        assert done, "OpenCV could not encode a depth map"
        stem.with_suffix(".png").write_bytes(png.tobytes())
        stem.with_suffix(".txt").write_text(_rows(pose), encoding="ascii")
        yield k + 1


def _rows(matrix: npt.NDArray[np.float64]) -> str:
    return "".join(" ".join(f"{value:.9f}" for value in row) + "\n" for row in matrix)


def write_mesh(folder: Path, scene: SyntheticScene, scan: Scan) -> None:
    """Write the mesh, its labels, segments and objects, and the scene's text file."""
    stem = f"{scene.id}_vh_clean_2"
    to_raw = np.linalg.inv(scene.axis_alignment)
    raw = (scan.vertices.astype(np.float64) @ to_raw[:3, :3].T + to_raw[:3, 3]).astype("<f4")
    write_ply(folder / f"{stem}.ply", raw, scan.faces, vertex_colors(scene)[scan.source])
    numbers = np.array([*(NYU40_IDS[thing.label] for thing in scene.objects), 0], np.uint16)
    nyu40 = numbers[scan.vertex_instance]
    write_ply(folder / f"{stem}.labels.ply", raw, scan.faces, np.array(NYU40_COLORS, np.uint8)[nyu40], nyu40)
    segments = {"params": {}, "sceneId": scene.id, "segIndices": scan.segments.tolist()}
    (folder / f"{stem}.0.010000.segs.json").write_text(json.dumps(segments, separators=(",", ":")), encoding="ascii")
    (folder / f"{scene.id}.aggregation.json").write_text(json.dumps(_aggregation(scene, scan)), encoding="ascii")
    (folder / f"{scene.id}.txt").write_text(_facts(scene), encoding="ascii")


def _aggregation(scene: SyntheticScene, scan: Scan) -> dict[str, object]:
    segment, first = np.unique(scan.segments, return_index=True)
    owner = scan.vertex_instance[first]
    groups = [
        {"id": thing.id, "objectId": thing.id, "segments": segment[owner == thing.id].tolist(), "label": thing.label}
        for thing in scene.objects
    ]
    return {
        "sceneId": f"scannet.{scene.id}",
        "appId": "Aggregator.v2",
        "segGroups": groups,
        "segmentsFile": f"scannet.{scene.id}_vh_clean_2.0.010000.segs.json",
    }


def _facts(scene: SyntheticScene) -> str:
    """``<id>.txt``: alignment, sizes, nominal intrinsics, kind of room."""
    color, depth = scene.cameras[0], scene.depth_cameras[0]
    identity = " ".join(f"{v:.6f}" for v in np.eye(4).ravel())
    lines = {
        "axisAlignment": " ".join(f"{value:.9f}" for value in scene.axis_alignment.ravel()),
        "colorHeight": color.height,
        "colorToDepthExtrinsics": identity,
        "colorWidth": color.width,
        "depthHeight": depth.height,
        "depthWidth": depth.width,
        **_nominal("color", color),
        **_nominal("depth", depth),
        "numColorFrames": len(scene.cameras),
        "numDepthFrames": len(scene.cameras),
        "numIMUmeasurements": len(scene.cameras),
        "sceneType": scene.scene_type,
    }
    return "".join(f"{key} = {lines[key]}\n" for key in sorted(lines, key=str.lower))


def _nominal(which: str, camera: Camera) -> dict[str, str]:
    k = camera.intrinsics
    values = {"fx": k[0, 0], "fy": k[1, 1], "mx": k[0, 2], "my": k[1, 2]}
    return {f"{name}_{which}": f"{value:.6f}" for name, value in values.items()}
