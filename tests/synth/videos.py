"""Synthetic videos on disk, read without the package: what the files hold and what the truth says."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import open3d as o3d
import pytest

from spatialgen import synth
from spatialgen.synth import write_tapvid3d
from spatialgen.synth.dynamic import DynamicScene, build_dynamic_scene

VIDEO = {"format": "tapvid3d", "seed": 3, "frames": 9, "color_size": (160, 112), "tracks": 300}


_once = functools.cache(build_dynamic_scene)


def _build(seed: int, index: int, **options: object) -> DynamicScene:
    return _once(seed, index, **options)  # type: ignore[arg-type]


@contextmanager
def built_once() -> Iterator[None]:
    """Scenes are built once for all tests: building takes longer than filming."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_tapvid3d, "build_dynamic_scene", _build)
        yield


def read_video(path: Path) -> SimpleNamespace:
    """The arrays of the file, and the truth's."""
    truth = path.parent.parent / "truth" / path.stem
    with np.load(path, allow_pickle=True) as data, np.load(truth.with_suffix(".npz")) as exact:
        return SimpleNamespace(
            path=path,
            source=path.parent.name,
            video=dict(data),
            truth=dict(exact),
            described=json.loads(truth.with_suffix(".json").read_text()),
        )


def make(root: Path, **options: object) -> list[SimpleNamespace]:
    return [read_video(path) for path in synth.generate(root, **{**VIDEO, **options})]  # type: ignore[arg-type]


def images(video: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in video["images_jpeg_bytes"]]


def posed(truth: dict[str, np.ndarray], step: int) -> np.ndarray:
    """(v, 3): the mesh in the world at a step."""
    part = np.zeros(len(truth["vertices"]), int)
    part[truth["faces"]] = truth["face_part"][:, None]
    pose = truth["pose_world"][part, step]
    return np.einsum("nij,nj->ni", pose[:, :3, :3], truth["vertices"].astype(float)) + pose[:, :3, 3]


def local_to_world(truth: dict[str, np.ndarray], step: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) each: where the tracks are at a step and where their surface faces."""
    pose = truth["pose_world"][truth["track_part"], step]
    points = np.einsum("nij,nj->ni", pose[:, :3, :3], truth["track_local_xyz"]) + pose[:, :3, 3]
    return points, np.einsum("nij,nj->ni", pose[:, :3, :3], truth["track_local_normal"])


def ray_scene(vertices: np.ndarray, faces: np.ndarray) -> o3d.t.geometry.RaycastingScene:
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(o3d.core.Tensor(vertices.astype(np.float32)), o3d.core.Tensor(faces.astype(np.uint32)))
    return scene


def cast(
    scene: o3d.t.geometry.RaycastingScene, origin: np.ndarray, towards: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) how far each ray comes, in lengths of ``towards``, and the triangle it meets."""
    rays = np.concatenate([np.broadcast_to(origin, towards.shape), towards], axis=1).astype(np.float32)
    hit = scene.cast_rays(o3d.core.Tensor(rays))
    return hit["t_hit"].numpy(), hit["primitive_ids"].numpy()
