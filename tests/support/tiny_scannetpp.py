"""The box room as ScanNet++ has it, in every layout, for the contract all readers share (see ``tiny_scannet``).

Written after the dataset's description, without using the package: the iPhone's video, depth in its three codings,
poses in the three files that state them, DSLR images (what they show is made up), mesh and annotation.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from . import box_room
from .scannet_writer import group, write_ply

SCENE = "036bce3393"
SIZE = box_room.SIZE
ALIGNMENT = np.eye(4)  # mesh and poses are released aligned
COLOR_SIZE = (128, 96)  # 4:3, as 1920 x 1440
DEPTH_SIZE = (256, 192)
COLOR_K = np.array([[101.0, 0, 62.5], [0, 102.0, 48.5], [0, 0, 1]])  # first pixel's centre at (0, 0)
LENS = (0.02, -0.01, 0.001, -0.0005)  # k1 k2 p1 p2
FISHEYE_SIZE = (150, 100)
FISHEYE_K = np.array([[68.0, 0, 74.0], [0, 68.5, 50.0], [0, 0, 1]])
FISHEYE = (-0.02, 0.004, -0.002, 0.0003)
JSON_WORLD = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]])


def depth_k() -> np.ndarray:
    return box_room.depth_k(COLOR_K, COLOR_SIZE, DEPTH_SIZE)


@dataclass
class Shots:
    """Frames of the iPhone: RGB images, millimetres, camera_to_world; one entry a video frame."""

    count: int = 6
    images: list = field(default_factory=list)
    depths: list = field(default_factory=list)
    poses: list = field(default_factory=list)

    def __post_init__(self) -> None:
        self.poses = box_room.poses(self.count)
        x, y = np.meshgrid(np.linspace(0, 200, COLOR_SIZE[0]), np.linspace(0, 200, COLOR_SIZE[1]))
        for index, pose in enumerate(self.poses):
            self.images.append(np.stack([x, y, np.full_like(x, 20 * index)], axis=-1).astype(np.uint8))
            self.depths.append(box_room.depth_map(pose, depth_k(), DEPTH_SIZE))


def write_video(path: Path, images: list, *, codec: str = "libx264", gray: bool = False) -> Path:
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=60)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "gray" if gray else "yuv420p"
        stream.gop_size = 4
        stream.options = {} if codec == "ffv1" else {"crf": "4", "preset": "ultrafast"}
        for image in images:
            frame = av.VideoFrame.from_ndarray(image, format="gray" if gray else "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_depth_bin(path: Path, depths: list, coding: str) -> Path:
    """``lz4`` or ``deflate`` blocks, or one ``stream``."""
    import lz4.block

    def deflated(data: bytes) -> bytes:
        packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        return packer.compress(data) + packer.flush()

    if coding == "stream":
        data = deflated(b"".join((depth / 1000).astype("<f4").tobytes() for depth in depths))
    else:
        blocks = [
            lz4.block.compress(depth.astype("<u2").tobytes(), store_size=False)
            if coding == "lz4"
            else deflated((depth / 1000).astype("<f4").tobytes())
            for depth in depths
        ]
        data = b"".join(struct.pack("<I", len(block)) + block for block in blocks)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def write_arkit(path: Path, poses: list, *, intrinsics: np.ndarray = COLOR_K) -> Path:
    """``pose_intrinsic_imu.json``; the raw ARKit pose is another world, which nobody may take for the mesh's."""
    elsewhere = np.array([[0.0, 0, 1, 3], [1, 0, 0, -2], [0, 1, 0, 5], [0, 0, 0, 1]])
    entries = {
        f"frame_{index:06d}": {
            "timestamp": 1234.5 + index / 60,
            "pose": (elsewhere @ pose).tolist(),
            "intrinsic": intrinsics.tolist(),
            "imu": {"attitude": [0.0, 0.0, 0.0], "acceleration": [0.0, 0.0, 1.0]},
            "aligned_pose": np.asarray(pose).tolist(),
        }
        for index, pose in enumerate(poses)
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries))
    return path


def quaternion(rotation: np.ndarray) -> np.ndarray:
    """w x y z of a rotation whose w is not small."""
    w = 0.5 * np.sqrt(max(1 + np.trace(rotation), 1e-12))
    if w < 0.1:  # as eigenvector, for the few cameras that look backwards
        values, vectors = np.linalg.eig(rotation)
        axis = np.real(vectors[:, np.argmin(np.abs(values - 1))])
        angle = np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))
        candidates = [np.append(np.cos(angle / 2), sign * np.sin(angle / 2) * axis) for sign in (1, -1)]
        return min(candidates, key=lambda q: np.abs(matrix(q) - rotation).max())
    r = rotation
    return np.array([w, (r[2, 1] - r[1, 2]) / (4 * w), (r[0, 2] - r[2, 0]) / (4 * w), (r[1, 0] - r[0, 1]) / (4 * w)])


def matrix(q: np.ndarray) -> np.ndarray:
    w, x, y, z = q
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * w * cross + 2 * cross @ cross


def write_colmap(
    folder: Path, names: list[str], poses: list, *, model: str, k: np.ndarray, size: tuple[int, int], lens: tuple
) -> Path:
    """A text model; COLMAP's first pixel has its centre at (0.5, 0.5)."""
    folder.mkdir(parents=True, exist_ok=True)
    parameters = [k[0, 0], k[1, 1], k[0, 2] + 0.5, k[1, 2] + 0.5, *lens]
    text = " ".join(f"{value:.12g}" for value in parameters)
    (folder / "cameras.txt").write_text(f"# Number of cameras: 1\n1 {model} {size[0]} {size[1]} {text}\n")
    lines = [f"# Number of images: {len(names)}, mean observations per image: 0"]
    for number, (name, pose) in enumerate(zip(names, poses, strict=True), 1):
        inverse = np.linalg.inv(pose)
        values = [*quaternion(inverse[:3, :3]), *inverse[:3, 3]]
        lines += [f"{number} {' '.join(f'{v:.15g}' for v in values)} 1 {name}", "12.5 30.25 -1" if number == 2 else ""]
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    return folder / "images.txt"


def write_transforms(
    path: Path, names: list[str], poses: list, *, camera_model: str, k: np.ndarray, size: tuple[int, int],
    lens: dict | None = None, test: tuple[str, ...] = (), bad: tuple[str, ...] = (), repeat: bool = False,
) -> Path:  # fmt: skip
    """A nerfstudio file with ScanNet++'s axes; ``repeat`` lists test frames twice, as the toolkit does."""
    entries = []
    for name, pose in zip(names, poses, strict=True):
        turned = np.array(pose)
        turned[:3, 1:3] *= -1
        entry = {"file_path": name, "transform_matrix": (JSON_WORLD @ turned).tolist(), "is_bad": name in bad}
        entries.append({**entry, "mask_path": f"{Path(name).stem}.png"})
    held_out = [entry for entry in entries if entry["file_path"] in test]
    document = {
        "fl_x": k[0, 0], "fl_y": k[1, 1], "cx": k[0, 2] + 0.5, "cy": k[1, 2] + 0.5, "w": size[0], "h": size[1],
        "camera_model": camera_model, **(lens or {}),
        "frames": [entry for entry in entries if entry not in held_out or repeat], "test_frames": held_out,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def annotation(vertices: np.ndarray) -> tuple[np.ndarray, list[dict]]:
    """The box room's objects, and overlaps: a board that is a part of the wall, and one to be removed."""
    segments, _ = box_room.annotation(vertices)
    segments = segments.copy()
    segments[5:9] = 70002  # a corner of the first wall
    groups = [
        group(1, "wall", [70001, 70002, 5]),
        group(3, "whiteboard", [70002]),
        group(7, "Couch ", [1234]),
        group(9, "remove", [99]),
        group(4, "trashcan", [3, 880]),
        group(12, "floor", [3]),
        group(13, "ghost", [42]),
    ]
    return segments, groups


def write_scans(folder: Path, *, masked: tuple[int, ...] = (6, 200, 201), steps: int = 12) -> Path:
    vertices, faces = box_room.mesh(steps)
    segments, groups = annotation(vertices)
    write_ply(folder / "mesh_aligned_0.05.ply", vertices, faces)
    (folder / "mesh_aligned_0.05_mask.txt").write_text("\n".join(str(index) for index in masked))
    (folder / "segments.json").write_text(json.dumps({"segIndices": segments.tolist()}))
    (folder / "segments_anno.json").write_text(json.dumps({"segGroups": groups}))
    return folder


def write_dslr(folder: Path, *, undistorted: bool = True) -> Path:
    """Seven shots: one is_bad, two held out (the image of one withheld)."""
    names = [f"DSC{1000 + index:05d}.JPG" for index in range(7)]
    poses = box_room.poses(7)
    coefficients = dict(zip(("k1", "k2", "k3", "k4"), FISHEYE, strict=True))
    lists = {"test": (names[5], names[6]), "bad": (names[2],)}
    write_colmap(folder / "colmap", names, poses, model="OPENCV_FISHEYE", k=FISHEYE_K, size=FISHEYE_SIZE, lens=FISHEYE)
    write_transforms(
        folder / "nerfstudio" / "transforms.json", names, poses,
        camera_model="OPENCV_FISHEYE", k=FISHEYE_K, size=FISHEYE_SIZE, lens=coefficients, **lists,
    )  # fmt: skip
    flat = FISHEYE_K * [[0.8], [0.8], [1]] + [[0, 0, 15], [0, 0, 10], [0, 0, 0]]
    if undistorted:
        write_transforms(
            folder / "nerfstudio" / "transforms_undistorted.json", names, poses, camera_model="PINHOLE", k=flat,
            size=FISHEYE_SIZE, lens=dict.fromkeys(coefficients, 0.0), repeat=True, **lists,
        )  # fmt: skip
    for images, masks in (
        ("resized_images", "resized_anon_masks"),
        *([("resized_undistorted_images", "resized_undistorted_masks")] if undistorted else []),
    ):
        for kind in (images, masks):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        for index, name in enumerate(names[:-1]):
            pixels = np.full((FISHEYE_SIZE[1], FISHEYE_SIZE[0], 3), 20 * index, np.uint8)
            cv2.imwrite(str(folder / images / name), pixels)
            mask = np.full(pixels.shape[:2], 255, np.uint8)
            mask[: index + 1] = 0
            cv2.imwrite(str(folder / masks / f"{Path(name).stem}.png"), mask)
    return folder


def write_iphone(
    folder: Path, shots: Shots, *, video: str = "rgb.mkv", coding: str = "lz4", masks: bool = True
) -> Path:
    write_video(folder / video, shots.images)
    write_depth_bin(folder / "depth.bin", shots.depths, coding)
    if masks:
        mask = np.full((COLOR_SIZE[1], COLOR_SIZE[0]), 255, np.uint8)
        mask[:10, :20] = 0
        write_video(folder / "rgb_mask.mkv", [mask] * shots.count, codec="ffv1", gray=True)
    write_arkit(folder / "pose_intrinsic_imu.json", shots.poses)
    return folder


def extract(folder: Path, shots: Shots, numbers: tuple[int, ...] | None = None) -> None:
    """As the toolkit extracts frames and depth."""
    for kind in ("rgb", "depth"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for number in range(shots.count) if numbers is None else numbers:
        cv2.imwrite(str(folder / "rgb" / f"frame_{number:06d}.jpg"), shots.images[number][:, :, ::-1])
        cv2.imwrite(str(folder / "depth" / f"frame_{number:06d}.png"), shots.depths[number])


def v2(root: Path) -> Path:
    scene = root / "data" / SCENE
    write_scans(scene / "scans")
    return write_iphone(scene / "iphone", Shots()) / "rgb.mkv"


def v1(root: Path) -> Path:
    scene = root / "data" / SCENE
    write_scans(scene / "scans")
    return write_iphone(scene / "iphone", Shots(), video="rgb.mp4", coding="stream", masks=False) / "rgb.mp4"


def deflate_blocks(root: Path) -> Path:
    scene = root / "data" / SCENE
    write_scans(scene / "scans")
    return write_iphone(scene / "iphone", Shots(), coding="deflate") / "depth.bin"


def colmap(root: Path) -> Path:
    """Four of the six frames, of a lens without distortion, their names with a folder in front."""
    scene, shots = root / "data" / SCENE, Shots()
    write_scans(scene / "scans")
    write_iphone(scene / "iphone", shots)
    names = [f"video/frame_{number:06d}.jpg" for number in (0, 2, 3, 5)]
    poses = [shots.poses[number] for number in (0, 2, 3, 5)]
    return write_colmap(
        scene / "iphone" / "colmap", names, poses, model="OPENCV", k=COLOR_K, size=COLOR_SIZE, lens=(0, 0, 0, 0)
    )


def extracted(root: Path) -> Path:
    scene, shots = root / SCENE, Shots()
    write_scans(scene / "scans")
    write_arkit(scene / "iphone" / "pose_intrinsic_imu.json", shots.poses)
    extract(scene / "iphone", shots)
    return scene / "iphone" / "pose_intrinsic_imu.json"


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "v2": v2,
    "v1": v1,
    "deflate_blocks": deflate_blocks,
    "colmap": colmap,
    "extracted": extracted,
}
