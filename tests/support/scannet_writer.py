"""Writes ScanNet layouts from plain arrays, after the format's description, without using the package.

A ``Take`` is one recording; ``write_sens``, ``write_export`` and ``write_posed`` put its frames down in the three ways
people have them, ``write_scan`` the mesh, annotation and ``<id>.txt``.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np


@dataclass
class Take:
    """Frames of one recording: colour RGB (n, h, w, 3) uint8, depth (n, h, w) uint16 or None, poses camera_to_world.

    ``images`` may hold encoded files instead of pixels, so that real JPEGs pass through unchanged.
    """

    images: list
    depths: list
    poses: list
    color_intrinsics: np.ndarray
    depth_intrinsics: np.ndarray
    numbers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.numbers = self.numbers or list(range(len(self.images)))


def encoded(image, extension: str) -> bytes:
    if isinstance(image, bytes):
        return image
    done, data = cv2.imencode(extension, image[:, :, ::-1])
    assert done
    return data.tobytes()


def four_by_four(intrinsics: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = intrinsics
    return matrix


def matrix_text(matrix: np.ndarray) -> str:
    return "\n".join(" ".join(f"{value:.9g}" for value in row) for row in np.asarray(matrix)) + "\n"


def image_size(image) -> tuple[int, int]:
    pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR) if isinstance(image, bytes) else image
    return pixels.shape[1], pixels.shape[0]


def write_sens(
    path: Path,
    take: Take,
    *,
    color_codec: str = "jpeg",
    depth_codec: str = "zlib",
    version: int = 4,
    name: bytes = b"StructureSensor",
    sizes: tuple[int, int, int, int] | None = None,
    frames: int | None = None,
    depth_code: int | None = None,
    color_code: int | None = None,
    imu: int = 2,
    timestamps: list[int] | None = None,
    depth_payloads: dict[int, bytes] | None = None,
) -> Path:
    """A ``.sens`` file; the keyword arguments override single fields, true or not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first_depth = next(depth for depth in take.depths if depth is not None)
    sizes = sizes or (*image_size(take.images[0]), first_depth.shape[1], first_depth.shape[0])
    codes = {"raw": 0, "png": 1, "jpeg": 2}
    with path.open("wb") as out:
        out.write(struct.pack("<IQ", version, len(name)) + name)
        for matrix in (four_by_four(take.color_intrinsics), np.eye(4), four_by_four(take.depth_intrinsics), np.eye(4)):
            out.write(matrix.astype("<f4").tobytes())
        code = codes[color_codec] if color_code is None else color_code
        out.write(struct.pack("<ii", code, {"raw": 0, "zlib": 1}[depth_codec] if depth_code is None else depth_code))
        out.write(struct.pack("<IIII", *sizes))
        out.write(struct.pack("<f", 1000.0))
        out.write(struct.pack("<Q", len(take.images) if frames is None else frames))
        for index, (image, depth, pose) in enumerate(zip(take.images, take.depths, take.poses, strict=True)):
            if color_codec == "raw":
                color = image.tobytes()
            else:
                color = encoded(image, {"png": ".png", "jpeg": ".jpg"}[color_codec])
            if depth is None:
                payload = b""
            else:
                payload = depth.astype("<u2").tobytes()
                payload = zlib.compress(payload) if depth_codec == "zlib" else payload
            payload = (depth_payloads or {}).get(index, payload)
            stamp = timestamps[index] if timestamps else 1_000_000 + 33_000 * index
            out.write(np.asarray(pose, "<f4").tobytes())
            out.write(struct.pack("<QQQQ", stamp, stamp, len(color), len(payload)) + color + payload)
        out.write(struct.pack("<Q", imu) + bytes(128) * imu)
    return path


def write_export(
    folder: Path, take: Take, *, padding: int = 0, resize: tuple[int, int] | None = None, frames_25k: bool = False
) -> Path:
    """``color/ depth/ pose/ intrinsic/`` as SensReader writes them, or with ``intrinsics_color.txt`` as frames_25k."""
    for name in ("color", "depth", "pose"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, image, depth, pose in zip(take.numbers, take.images, take.depths, take.poses, strict=True):
        stem = f"{number:0{padding}d}"
        if resize is not None:
            image = cv2.resize(image, resize, interpolation=cv2.INTER_AREA)
        (folder / "color" / f"{stem}.jpg").write_bytes(encoded(image, ".jpg"))
        if depth is not None:
            (folder / "depth" / f"{stem}.png").write_bytes(cv2.imencode(".png", depth)[1].tobytes())
        (folder / "pose" / f"{stem}.txt").write_text(matrix_text(pose))
    names = ("intrinsics_{}.txt",) if frames_25k else ("intrinsic/intrinsic_{}.txt", "intrinsic/extrinsic_{}.txt")
    for kind, matrix in (("color", take.color_intrinsics), ("depth", take.depth_intrinsics)):
        for name, content in zip(names, (four_by_four(matrix), np.eye(4)), strict=False):
            path = folder / name.format(kind)
            path.parent.mkdir(exist_ok=True)
            path.write_text(matrix_text(content))
    return folder


def write_posed(
    folder: Path, take: Take, *, padding: int = 5, depth: bool = True, depth_intrinsic: bool = True
) -> Path:
    """``posed_images/<id>``: image, depth and pose side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, image, pixels, pose in zip(take.numbers, take.images, take.depths, take.poses, strict=True):
        stem = f"{number:0{padding}d}"
        (folder / f"{stem}.jpg").write_bytes(encoded(image, ".jpg"))
        if depth and pixels is not None:
            (folder / f"{stem}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
        (folder / f"{stem}.txt").write_text(matrix_text(pose))
    (folder / "intrinsic.txt").write_text(matrix_text(four_by_four(take.color_intrinsics)))
    if depth_intrinsic:
        (folder / "depth_intrinsic.txt").write_text(matrix_text(four_by_four(take.depth_intrinsics)))
    return folder


def write_ply(path: Path, vertices: np.ndarray, faces: np.ndarray, *, text: bool = False) -> Path:
    """A mesh with ScanNet's header: x y z red green blue alpha, vertex_indices."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = "ascii" if text else "binary_little_endian"
    head = f"ply\nformat {kind} 1.0\nelement vertex {len(vertices)}\n"
    head += "".join(f"property float {axis}\n" for axis in "xyz")
    head += "".join(f"property uchar {name}\n" for name in ("red", "green", "blue", "alpha"))
    head += f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    if text:
        lines = [" ".join(f"{value:.7g}" for value in vertex) + " 128 128 128 255" for vertex in vertices]
        lines += [f"{len(face)} " + " ".join(map(str, face)) for face in faces]
        path.write_text(head + "\n".join(lines) + "\n")
        return path
    rows = np.zeros(len(vertices), [("xyz", "<f4", 3), ("rgba", "u1", 4)])
    rows["xyz"], rows["rgba"] = vertices, (128, 128, 128, 255)
    if isinstance(faces, np.ndarray) and faces.dtype != object:
        polygons = np.zeros(len(faces), [("count", "u1"), ("corners", "<i4", faces.shape[1:])])
        polygons["count"], polygons["corners"] = faces.shape[1], faces
        body = polygons.tobytes()
    else:
        body = b"".join(struct.pack(f"<B{len(face)}i", len(face), *map(int, face)) for face in faces)
    path.write_bytes(head.encode() + rows.tobytes() + body)
    return path


def write_scan(
    folder: Path,
    vertices: np.ndarray,
    faces: np.ndarray,
    *,
    alignment: np.ndarray | None = None,
    segments: np.ndarray | None = None,
    groups: list[dict] | None = None,
    full: bool = False,
    info: dict[str, str] | None = None,
) -> Path:
    """Mesh, ``<id>.txt`` and, where given, segs.json and aggregation.json of the annotated or the full mesh."""
    scene = folder.name
    stem = f"{scene}_vh_clean" if full else f"{scene}_vh_clean_2"
    write_ply(folder / f"{stem}.ply", vertices, faces)
    lines = dict(info or {})
    if alignment is not None:
        lines["axisAlignment"] = " ".join(f"{value:.9g}" for value in np.asarray(alignment).ravel())
    lines |= {"colorToDepthExtrinsics": "0.99 0.1 0 5 -0.1 0.99 0 5 0 0 1 5 0 0 0 1", "fx_color": "1170.187988"}
    (folder / f"{scene}.txt").write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
    segments_name = f"{stem}.segs.json" if full else f"{stem}.0.010000.segs.json"
    if segments is not None:
        content = {"params": {"kThresh": "0.01"}, "sceneId": scene, "segIndices": [int(s) for s in segments]}
        (folder / segments_name).write_text(json.dumps(content))
    if groups is not None:
        content = {"sceneId": f"scannet.{scene}", "segGroups": groups, "segmentsFile": f"scannet.{segments_name}"}
        name = f"{stem}.aggregation.json" if full else f"{scene}.aggregation.json"
        (folder / name).write_text(json.dumps(content))
    return folder


def group(object_id: int, label: str, segments: list[int]) -> dict:
    """One entry of ``segGroups``."""
    return {"id": object_id, "objectId": object_id, "label": label, "segments": segments}
