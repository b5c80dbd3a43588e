"""TAPVid-3D files of a synthetic video, with the truth beside them.

``<root>/<source>/<stem>.npz`` has the official keys (google-deepmind/tapnet, tapvid3d)::

    images_jpeg_bytes  (t,) object    JPEG of each frame, bytes
    tracks_XYZ         (t, n, 3) float32, metres, in the camera's axes of that frame (OpenCV); given also where hidden
    visibility         (t, n) bool
    queries_xyt        (n, 3) float32, pixel and frame each point was sampled at
    fx_fy_cx_cy        (4,) float64, pixels
    extrinsics_w2c     (t, 4, 4) float64, world to camera; not for pstudio, whose camera stands still

Pixels here and in the truth are those of the whole package: the centre of the top-left pixel is (0, 0)
(``sources.py``).

``<root>/truth/<stem>.npz``, always clean, whatever noise was written::

    pose_world         (p, t, 4, 4) float64   part to world at each step
    vertices           (v, 3) float32         canonical, in their part's coordinates (static parts: the world's)
    faces              (m, 3) int32           counter-clockwise from outside
    face_part          (m,) int32
    part_group         (p,) int64             parts of one group never move relative to each other; 0 stands still
    track_part         (n,) int64
    track_local_xyz    (n, 3) float64, metres, in the part's coordinates
    track_local_normal (n, 3) float64, unit, to the side the point was sampled from
    tracks_world       (t, n, 3) float64, metres
    visibility         (t, n) bool
    queries_xyt        (n, 3) int64           pixel and step
    camera_to_world    (t, 4, 4) float64
    intrinsics         (3, 3) float64, pixels
    size               (2,) int64             width and height
    fps                () float64

``<root>/truth/<stem>.json``: format, version, scene, source, seed, index, parameters, room kind, up, and ``parts``:
id, label, kind (static, moving, drawer, door), group, and how many tracks each has.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..core import seeding
from ..media.images import encode_jpeg
from .dynamic import VERSION, DynamicScene, build_dynamic_scene, paint_step
from .sources import SOURCES, file_stem
from .tracks import SampledTracks, is_visible, query_steps, sample, world_points

__all__ = ["FORMAT", "TRUTH_VERSION", "file_of", "write_video"]

FORMAT: Final = "spatialgen-synthetic-video-truth"
TRUTH_VERSION: Final = 1

_JPEG_QUALITY: Final = 90
_NOISE: Final = 0.005  # metres, standard deviation of each coordinate
_FLIPPED: Final = 0.018  # share of the points inside the image whose visibility is wrong

Floats = npt.NDArray[np.float64]


def file_of(directory: Path, seed: int, index: int) -> Path:
    """Where video number ``index`` of a seed is."""
    source = SOURCES[index % len(SOURCES)]
    return directory / source.name / f"{file_stem(source, seed, index)}.npz"


def write_video(
    directory: Path,
    seed: int,
    index: int,
    *,
    frames: int,
    tracks: int,
    scan_noise: bool,
    color_size: tuple[int, int] | None,
    done: Callable[[int], None] | None = None,
) -> None:
    """Make one video under a temporary name, then rename; the file itself comes last and says it is complete.

    Args:
        directory: the root; exists.
        seed: of the set.
        index: of the video in it.
        frames: how many.
        tracks: how many points are followed; fewer where the images have no room for them.
        scan_noise: write points and visibility as a tracker would find them.
        color_size: width and height of the images, None for the source's own.
        done: called with the number of frames painted, after each.
    """
    scene = build_dynamic_scene(seed, index, frames=frames, color_size=color_size)
    final = file_of(directory, seed, index)
    partial = directory / f".{final.stem}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    points = _sample(scene, tracks)
    images, visible = [], np.zeros((frames, len(points.part)), bool)
    for step, camera in enumerate(scene.cameras):
        world = scene.mesh.posed(step)
        seen = scene.mesh.map(scene.mesh.clusters(world), camera)
        visible[step] = is_visible(scene.mesh, points, step, world, camera)
        images.append(encode_jpeg(paint_step(scene, step, world, seen), _JPEG_QUALITY))
        if done is not None:
            done(step + 1)
    where = np.stack([world_points(scene.mesh, points, step) for step in range(frames)])
    np.savez(partial / "video.npz", **_video(scene, points, images, where, visible, scan_noise))
    np.savez(partial / "truth.npz", **_truth(scene, points, where, visible))
    described = _described(scene, final.stem, points, frames, scan_noise)
    (partial / "truth.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    (directory / "truth").mkdir(exist_ok=True)
    for suffix in (".npz", ".json"):
        (partial / f"truth{suffix}").replace(directory / "truth" / f"{final.stem}{suffix}")
    final.parent.mkdir(exist_ok=True)
    (partial / "video.npz").replace(final)
    partial.rmdir()


def _sample(scene: DynamicScene, count: int) -> SampledTracks:
    """Points at several steps, in no order."""
    rng = seeding.generator("synth video", VERSION, scene.seed, scene.index, "tracks")
    steps = query_steps(len(scene.cameras))
    found = []
    for k, step in enumerate(steps):
        world, camera = scene.mesh.posed(step), scene.cameras[step]
        seen = scene.mesh.map(scene.mesh.clusters(world), camera)
        share = count * (k + 1) // len(steps) - count * k // len(steps)
        found.append(sample(rng, scene.mesh, step, world, seen, camera, share))
    order = rng.permutation(sum(len(f.part) for f in found))
    return SampledTracks(
        np.concatenate([f.queries for f in found])[order],
        np.concatenate([f.part for f in found])[order],
        np.concatenate([f.local for f in found])[order],
        np.concatenate([f.normal for f in found])[order],
    )


def _video(
    scene: DynamicScene,
    points: SampledTracks,
    images: list[bytes],
    where: Floats,
    visible: npt.NDArray[np.bool_],
    scan_noise: bool,
) -> dict[str, Any]:
    to_camera = np.stack([camera.world_to_camera for camera in scene.cameras])
    seen_from = np.einsum("tij,tnj->tni", to_camera[:, :3, :3], where) + to_camera[:, None, :3, 3]
    if scan_noise:
        seen_from, visible = _shaken(scene, seen_from, visible)
    pictures = np.empty(len(images), object)
    pictures[:] = images
    k = scene.cameras[0].intrinsics
    video: dict[str, Any] = {
        "images_jpeg_bytes": pictures,
        "tracks_XYZ": seen_from.astype(np.float32),
        "visibility": visible,
        "queries_xyt": points.queries.astype(np.float32),
        "fx_fy_cx_cy": np.array([k[0, 0], k[1, 1], k[0, 2], k[1, 2]]),
    }
    if scene.source.moves:
        video["extrinsics_w2c"] = to_camera
    return video


def _shaken(
    scene: DynamicScene, seen_from: Floats, visible: npt.NDArray[np.bool_]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Points off by some millimetres, and now and then taken for hidden or for seen inside the image."""
    rng = seeding.generator("synth video", VERSION, scene.seed, scene.index, "noise")
    camera = scene.cameras[0]
    k = camera.intrinsics
    ahead = seen_from[..., 2] > 0
    depth = np.where(ahead, seen_from[..., 2], 1.0)
    x, y = (k[a, a] * seen_from[..., a] / depth + k[a, 2] for a in range(2))
    inside = ahead & (x >= -0.5) & (x < camera.width - 0.5) & (y >= -0.5) & (y < camera.height - 0.5)
    flipped = inside & (rng.random(visible.shape) < _FLIPPED)
    return seen_from + rng.normal(0, _NOISE, seen_from.shape), visible ^ flipped


def _truth(scene: DynamicScene, points: SampledTracks, where: Floats, visible: npt.NDArray[np.bool_]) -> dict[str, Any]:
    mesh, camera = scene.mesh, scene.cameras[0]
    return {
        "pose_world": mesh.poses,
        "vertices": mesh.vertices,
        "faces": mesh.faces,
        "face_part": mesh.face_part,
        "part_group": np.array([part.group for part in mesh.parts]),
        "track_part": points.part,
        "track_local_xyz": points.local,
        "track_local_normal": points.normal,
        "tracks_world": where,
        "visibility": visible,
        "queries_xyt": points.queries,
        "camera_to_world": np.stack([c.camera_to_world for c in scene.cameras]),
        "intrinsics": camera.intrinsics,
        "size": np.array([camera.width, camera.height]),
        "fps": np.array(scene.source.frames_per_second),
    }


def _described(scene: DynamicScene, stem: str, points: SampledTracks, frames: int, scan_noise: bool) -> dict[str, Any]:
    counts = np.bincount(points.part, minlength=len(scene.mesh.parts))
    camera = scene.cameras[0]
    return {
        "format": FORMAT,
        "version": TRUTH_VERSION,
        "scene": stem,
        "source": scene.source.name,
        "seed": scene.seed,
        "index": scene.index,
        "parameters": {
            "frames": frames,
            "tracks": len(points.part),
            "scan_noise": scan_noise,
            "color_size": [camera.width, camera.height],
        },
        "fps": scene.source.frames_per_second,
        "room": scene.kind,
        "up": [0.0, 0.0, 1.0],
        "parts": [
            {"id": p.id, "label": p.label, "kind": p.kind, "group": p.group, "tracks": int(counts[p.id])}
            for p in scene.mesh.parts
        ],
    }
