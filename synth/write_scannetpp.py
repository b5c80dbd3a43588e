"""ScanNet++'s files for a synthetic scene; the mesh's world is the aligned one of all poses.

::

    <root>/
    ├── data/<ten hexadecimal digits>/
    │   ├── scans/       mesh_aligned_0.05.ply, its _semantic.ply and _mask.txt, segments.json, segments_anno.json,
    │   │                truth.json, truth.npz
    │   ├── iphone/      rgb.mkv and rgb_mask.mkv (H.264), depth.bin, pose_intrinsic_imu.json, colmap/,
    │   │                nerfstudio/transforms.json
    │   └── dslr/        resized_images/ (fisheye), resized_undistorted_images/, masks of both, colmap/,
    │                    nerfstudio/{transforms,transforms_undistorted}.json, train_test_lists.json
    ├── metadata/        semantic_classes.txt, instance_classes.txt, scene_types.json, semantic_benchmark/
    └── splits/

Nobody is hidden: all pixels of ``rgb_mask.mkv`` are good. Objects are numbered from 1, here and in the truth.
``truth.npz`` has the iPhone's cameras under the names that all formats share (``truth.py``), frame by frame of the
video, and those of the DSLR, in the order of ``dslr_names``::

    dslr_names                     (s,) text, with .JPG
    dslr_camera_to_world           (s, 4, 4) float64
    dslr_intrinsics                (3, 3) float64, the first pixel's centre at (0, 0)
    dslr_distortion                (4,) float64, k1 to k4
    dslr_size                      (2,) int64, width and height
    dslr_undistorted_intrinsics    (3, 3) float64, of images of the same size
    dslr_bad, dslr_test            (s,) bool: marked is_bad (and blurred), held out

With ``scan_noise`` the iPhone's depth is a sensor's, ARKit's ``aligned_pose`` drifts by up to 1 cm and half a degree,
and every tenth frame is lost: it has no ``aligned_pose``, and neither COLMAP nor nerfstudio know it. The laser's mesh
and labels, COLMAP's poses and the DSLR stay exact: they are what the dataset measures a scan by.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, Self

import numpy as np
import numpy.typing as npt

from ..media.depth_bin import HEIGHT, WIDTH
from .colmap_model import nerfstudio_entry, nerfstudio_lens, write_colmap
from .noise import clean_scan, noisy_depth, noisy_poses
from .render import depth_map, paint_image, vertex_colors
from .scene import SyntheticScene, build_scene
from .truth import write_truth
from .write_scannetpp_dslr import Dslr
from .write_scannetpp_scans import write_scans

__all__ = ["COLOR_SIZE", "DEPTH_CODINGS", "DepthCoding", "scene_id", "write_scene"]

COLOR_SIZE: Final = (1920, 1440)
"""Of the iPhone's video."""

DepthCoding = Literal["lz4", "deflate_blocks", "deflate_stream"]
DEPTH_CODINGS: Final = ("lz4", "deflate_blocks", "deflate_stream")

_FRAMES_PER_SECOND: Final = 60
_GROUP: Final = 20  # frames from one key frame to the next
_QUALITY: Final = "14"  # of x264, 0 is lossless; a phone's video looks like this
_STEP: Final = 0x9E3779B97  # odd, so that no two scenes of a seed share an id
_SHOWN_POINTS: Final = 400  # of the COLMAP models
_GRAVITY: Final = 9.81  # m/s2


def scene_id(seed: int, index: int) -> str:
    """Ten hexadecimal digits, of each scene of a seed others."""
    start = int.from_bytes(hashlib.sha256(f"synth scannetpp {seed}".encode()).digest()[:5], "big")
    return f"{(start + index * _STEP) % 2**40:010x}"


def write_scene(
    partial: Path,
    seed: int,
    index: int,
    *,
    frames: int,
    color_size: tuple[int, int],
    depth_coding: DepthCoding,
    scan_noise: bool,
) -> Iterator[int]:
    """Write a scene's folder; yields how many frames of the iPhone are done.

    Args:
        partial: the folder, empty.
        seed: of the set.
        index: of the scene in it.
        frames: of the iPhone; the DSLR has a third as many.
        color_size: width and height of the video, even numbers; the DSLR's images shrink and grow with it.
        depth_coding: of ``depth.bin``.
        scan_noise: see above.
    """
    scene = _numbered_from_one(
        build_scene(seed, index, frames=frames, color_size=color_size, depth_size=(WIDTH, HEIGHT)),
        scene_id(seed, index),
    )
    scan = clean_scan(scene)
    lost = scan.lost
    if scan_noise:
        poses, lost = noisy_poses(scene)
        scan = dataclasses.replace(scan, camera_to_world=poses, lost=lost)
    for name in ("scans", "iphone/nerfstudio", "dslr"):
        (partial / name).mkdir(parents=True)
    write_scans(partial / "scans", scene, scan)
    rows = np.linspace(0, len(scene.vertices) - 1, _SHOWN_POINTS).astype(int)
    points = (scene.vertices[rows], vertex_colors(scene)[rows])
    dslr = Dslr(partial / "dslr", scene, scale=(color_size[0] / COLOR_SIZE[0], color_size[1] / COLOR_SIZE[1]))
    for k in _record(partial / "iphone", scene, depth_coding, scan_noise):
        dslr.shoot(k)
        yield k + 1
    dslr.finish(points)
    _write_poses(partial / "iphone" / "pose_intrinsic_imu.json", scene, scan.camera_to_world, lost)
    kept = np.flatnonzero(~lost)
    names = [f"frame_{k:06d}.jpg" for k in kept]
    cameras = [scene.cameras[k] for k in kept]
    write_colmap(partial / "iphone" / "colmap", names, cameras, points)
    document: dict[str, Any] = nerfstudio_lens(scene.cameras[0], "OPENCV")
    document["frames"] = [
        nerfstudio_entry(name, camera, {"is_bad": False}) for name, camera in zip(names, cameras, strict=True)
    ]
    document["test_frames"] = []
    (partial / "iphone" / "nerfstudio" / "transforms.json").write_text(json.dumps(document, indent=1), encoding="ascii")
    write_truth(partial / "scans", scene, lost, scan_noise=scan_noise, extra=dslr.truth())


def _numbered_from_one(scene: SyntheticScene, name: str) -> SyntheticScene:
    objects = tuple(
        dataclasses.replace(thing, id=thing.id + 1, parent=None if thing.parent is None else thing.parent + 1)
        for thing in scene.objects
    )
    return dataclasses.replace(
        scene, id=name, objects=objects, vertex_instance=scene.vertex_instance + 1, axis_alignment=np.eye(4)
    )


def _record(folder: Path, scene: SyntheticScene, coding: DepthCoding, scan_noise: bool) -> Iterator[int]:
    """Write video, its mask and depth; yields each frame's number when it is done."""
    color = scene.cameras[0]
    size = (color.width, color.height)
    good = np.full(size[::-1], 255, np.uint8)
    with (
        _VideoWriter(folder / "rgb.mkv", size, "yuv420p") as video,
        _VideoWriter(folder / "rgb_mask.mkv", size, "gray") as masks,
        (folder / "depth.bin").open("wb") as depth_file,
    ):
        depths = _DepthWriter(depth_file, coding)
        for k, (camera, depth_camera) in enumerate(zip(scene.cameras, scene.depth_cameras, strict=True)):
            image = paint_image(scene, camera)
            video.add(image, "rgb24")
            masks.add(good, "gray")
            depth = depth_map(scene, depth_camera).depth
            depths.add(noisy_depth(scene, k, depth, image) if scan_noise else depth)
            yield k
        depths.finish()


class _VideoWriter:
    """An H.264 video image by image, the same bytes on every machine."""

    def __init__(self, path: Path, size: tuple[int, int], pixels: str) -> None:
        import av

        # Bit-exact: no date and no random number in the file. One thread: nothing depends on how many there are.
        self._file = av.open(str(path), "w", options={"fflags": "+bitexact"})
        self._stream = self._file.add_stream("libx264", rate=_FRAMES_PER_SECOND)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = pixels
        self._stream.gop_size, self._stream.thread_count = _GROUP, 1
        # Nor is x264 allowed to look ahead: what it sees of frames to come is not the same every time.
        plain = "rc-lookahead=0:mbtree=0:bframes=0:scenecut=0"
        self._stream.options = {"crf": _QUALITY, "preset": "veryfast", "x264-params": plain}
        self._stream.codec_context.flags |= av.codec.context.Flags.bitexact
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def add(self, image: npt.NDArray[np.uint8], pixels: str) -> None:
        """The next image, ``rgb24`` or ``gray``."""
        import av

        frame = av.VideoFrame.from_ndarray(image, format=pixels)
        frame.pts, frame.time_base = self._count, Fraction(1, _FRAMES_PER_SECOND)
        self._file.mux(self._stream.encode(frame))
        self._count += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._file.mux(self._stream.encode())
        self._file.close()


class _DepthWriter:
    """``depth.bin`` image by image, in one of the three codings that ``media/depth_bin.py`` describes."""

    def __init__(self, out: BinaryIO, coding: DepthCoding) -> None:
        self._out, self._coding = out, coding
        self._packer = _deflater()

    def add(self, depth: npt.NDArray[np.float32]) -> None:
        if self._coding == "deflate_stream":
            self._out.write(self._packer.compress(depth.astype("<f4").tobytes()))
            return
        if self._coding == "lz4":
            import lz4.block

            block = lz4.block.compress(np.rint(depth * 1000).astype("<u2").tobytes(), store_size=False)
        else:
            packer = _deflater()
            block = packer.compress(depth.astype("<f4").tobytes()) + packer.flush()
        self._out.write(struct.pack("<I", len(block)) + block)

    def finish(self) -> None:
        if self._coding == "deflate_stream":
            self._out.write(self._packer.flush())


def _deflater() -> Any:
    return zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)


def _write_poses(
    path: Path, scene: SyntheticScene, aligned: npt.NDArray[np.float64], lost: npt.NDArray[np.bool_]
) -> None:
    """``pose_intrinsic_imu.json``: the phone's own poses, in a world with y up, and the same aligned to the mesh."""
    turn = 0.4 + 0.3 * scene.index
    c, s = math.cos(turn), math.sin(turn)
    own_world = np.array([[c, -s, 0, 1.7], [0, 0, 1, -1.4], [-s, -c, 0, 0.6], [0, 0, 0, 1]])
    entries: dict[str, Any] = {}
    for k, camera in enumerate(scene.cameras):
        # Standing still is all an idealised sensor feels: gravity, in the camera's axes.
        gravity = camera.camera_to_world[:3, :3].T @ (0.0, 0.0, -_GRAVITY)
        entries[f"frame_{k:06d}"] = {
            "timestamp": 1000.0 + k / _FRAMES_PER_SECOND,
            "pose": (own_world @ aligned[k]).tolist(),
            "intrinsic": camera.intrinsics.tolist(),
            "imu": {"acceleration": gravity.tolist(), "gravity": gravity.tolist(), "rotation_rate": [0.0] * 3},
            **({} if lost[k] else {"aligned_pose": aligned[k].tolist()}),
        }
    path.write_text(json.dumps(entries), encoding="ascii")
