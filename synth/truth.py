"""The truth beside a synthetic scene: ``truth.json`` and ``truth.npz`` in ``scans/<id>/``.

Always of the clean scene, with the exact poses, whatever noise was written. Everything is in the aligned world (z up,
floor at 0, the middle of the room at x = y = 0), metres, OpenCV camera axes, pixel centres at integers.

``truth.json``::

    format            "spatialgen-synthetic-truth"
    version           1
    scene             id, as the folder's name
    seed, index       make the scene again: synth.build_scene(seed, index)
    parameters        {frames, scan_noise, color_size [w, h], depth_size [w, h]}
    room              {kind, scene_type, polygon [[x, y], …] counter-clockwise from above, height}
    axis_alignment    4x4, rows: the world of the files to the aligned world
    objects           [{id, label, nyu40id, centre [x, y, z], size [w, d, h], rotation 3x3 rows (columns = box axes),
                        vertices: how many of the clean mesh}, …]; id = objectId in the aggregation. The box is tight in
                        the object's own axes (x to its right, y to its back, z up)
    relations         [{subject, relation, object}, …] by id; relation: stands_on, hangs_on, part_of_room
    cameras           [{frame, camera_to_world 4x4 rows, dropped}, …]; dropped = its pose is all -inf in the files

``truth.npz``::

    vertices          (n, 3) float32    the clean mesh
    faces             (m, 3) int32
    vertex_instance   (n,) int32        object id
    camera_to_world   (frames, 4, 4) float64, exact
    dropped           (frames,) bool
    color_intrinsics, depth_intrinsics   (3, 3) float64
    color_size, depth_size               (2,) int64, width and height

Formats with several streams of images add the cameras of the others: ``write_scannetpp.py``, ``write_structured3d.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .labels import NYU40_IDS
from .scene import SyntheticScene

__all__ = ["FORMAT", "TRUTH_VERSION", "write_truth"]

FORMAT: Final = "spatialgen-synthetic-truth"
TRUTH_VERSION: Final = 1


def write_truth(
    folder: Path,
    scene: SyntheticScene,
    lost: npt.NDArray[np.bool_],
    *,
    scan_noise: bool,
    extra: Mapping[str, npt.NDArray[Any]] = MappingProxyType({}),
) -> None:
    """Write both files into ``folder``.

    Args:
        folder: exists.
        scene: the clean scene.
        lost: (frames,) poses that are -inf in the files.
        scan_noise: whether the files hold the noisy scan.
        extra: what else goes into ``truth.npz``, by name: the cameras of other streams.
    """
    color, depth = scene.cameras[0], scene.depth_cameras[0]
    counts = np.bincount(scene.vertex_instance, minlength=len(scene.objects))
    poses = [camera.camera_to_world for camera in scene.cameras]
    truth: dict[str, Any] = {
        "format": FORMAT,
        "version": TRUTH_VERSION,
        "scene": scene.id,
        "seed": scene.seed,
        "index": scene.index,
        "parameters": {
            "frames": len(scene.cameras),
            "scan_noise": scan_noise,
            "color_size": [color.width, color.height],
            "depth_size": [depth.width, depth.height],
        },
        "room": {
            "kind": scene.kind,
            "scene_type": scene.scene_type,
            "polygon": scene.polygon.tolist(),
            "height": scene.height,
        },
        "axis_alignment": scene.axis_alignment.tolist(),
        "objects": [
            {
                "id": thing.id,
                "label": thing.label,
                "nyu40id": NYU40_IDS[thing.label],
                "centre": thing.box.centre.tolist(),
                "size": thing.box.size.tolist(),
                "rotation": thing.box.rotation.tolist(),
                "vertices": int(counts[thing.id]),
            }
            for thing in scene.objects
        ],
        "relations": [
            {"subject": thing.id, "relation": thing.relation, "object": thing.parent}
            for thing in scene.objects
            if thing.parent is not None
        ],
        "cameras": [
            {"frame": k, "camera_to_world": pose.tolist(), "dropped": bool(lost[k])} for k, pose in enumerate(poses)
        ],
    }
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    # Not compressed: it is read by tests over and over, and floats hardly shrink.
    np.savez(
        folder / "truth.npz",
        vertices=scene.vertices,
        faces=scene.faces,
        vertex_instance=scene.vertex_instance,
        camera_to_world=np.stack(poses),
        dropped=lost,
        color_intrinsics=color.intrinsics,
        depth_intrinsics=depth.intrinsics,
        color_size=np.array([color.width, color.height]),
        depth_size=np.array([depth.width, depth.height]),
        **dict[str, Any](extra),
    )
