"""A name for what visibility and overlap were computed from, so that no stale result is ever taken.

Everything they depend on goes in: the mesh, every frame's cameras and mask, the settings, and the depth. A frame that
carries a ``depth_fingerprint`` (readers make it from file size and time, or a checksum) stands for its depth by that
and by ``depth_ref`` and ``depth_scale``; for one that does not, the decoded depth is hashed: slower, but as safe.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .pixel_maps import valid_of
from .seeding import canonical_json
from .settings import DepthSource, GeometrySettings
from .types import Camera, Scene

__all__ = ["scene_fingerprint"]

_VERSION: Final = 1  # of what is computed: raised whenever a kernel's result changes


def scene_fingerprint(
    scene: Scene,
    settings: GeometrySettings,
    source: DepthSource,
    depth_of: Callable[[int], npt.NDArray[np.float32]],
) -> str:
    """32 hexadecimal digits over everything that visibility and overlap depend on.

    Args:
        scene: its mesh, cameras and depth references.
        settings: all of them.
        source: the depth source that decides.
        depth_of: decodes frame i's depth; asked only for frames without a ``depth_fingerprint``, and only where the
            sensor plays a part.
    """
    digest = hashlib.blake2b(digest_size=16)
    uses_depth = source != "mesh" or scene.vertices is None
    digest.update(canonical_json([_VERSION, asdict(settings), source, len(scene.frames)]).encode())
    for array in (scene.vertices, scene.faces):
        _add(digest, array)
    for index, frame in enumerate(scene.frames):
        _add_camera(digest, frame.camera)
        if (valid := valid_of(frame)) is not None:
            _add(digest, valid)
        if not uses_depth or frame.depth_camera is None:
            digest.update(b"no depth")
            continue
        _add_camera(digest, frame.depth_camera)
        digest.update(canonical_json([frame.depth_ref, frame.depth_scale, frame.depth_fingerprint]).encode())
        if frame.depth_fingerprint is None:
            _add(digest, depth_of(index))
    return digest.hexdigest()


def _add_camera(digest: Any, camera: Camera) -> None:
    digest.update(canonical_json([camera.width, camera.height, camera.model, list(camera.distortion)]).encode())
    _add(digest, camera.intrinsics)
    _add(digest, camera.camera_to_world)


def _add(digest: Any, array: np.ndarray | None) -> None:
    if array is None:
        digest.update(b"none")
    else:
        digest.update(canonical_json([array.dtype.str, list(array.shape)]).encode())
        digest.update(np.ascontiguousarray(array).data)
