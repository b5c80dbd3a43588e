"""Do a scene's depth, poses and mesh belong together? A few sampled frames answer it in a fraction of a second.

Wrong conventions (inverted poses, OpenGL axes, intrinsics of another size, a wrong depth scale) give errors of 5 to
90 % here, good scans 0.1 to 2 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ..core.raster import build_clusters, rasterise
from ..core.types import Frame, Scene

__all__ = ["Consistency", "depth_between_frames", "depth_on_mesh", "level_share"]

Verdict = Literal["good", "poor", "bad", "cannot tell"]

GOOD: Final = 0.02
BAD: Final = 0.05
_BASELINE: Final = 0.05  # of the median depth; on smaller ones every convention fits
_GAPS: Final = (1, 2, 4, 8, 16, 32, 64)
_SAMPLES: Final = 4000  # depth pixels of a frame
_ENOUGH: Final = 0.10  # of the samples must be seen by the other frame
_LEVEL: Final = float(np.cos(np.radians(10.0)))

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Consistency:
    """How well two sources of depth agree.

    Attributes:
        verdict: ``good`` up to 2 %, ``poor`` up to 5 %, ``bad`` beyond, or ``cannot tell``.
        error: median of abs(a - b) / b, a fraction; None where it could not be measured.
        measured: frames or pairs of frames it is the median of.
        note: why it cannot be told, or which convention would fit better.
    """

    verdict: Verdict
    error: float | None = None
    measured: int = 0
    note: str = ""


def _verdict(errors: list[float], note: str = "") -> Consistency:
    error = float(np.median(errors))
    return Consistency("good" if error <= GOOD else "poor" if error <= BAD else "bad", error, len(errors), note)


def depth_on_mesh(scene: Scene, depths: dict[int, npt.NDArray[np.float32]]) -> Consistency:
    """How well the mesh, seen by the depth camera, agrees with the sensor.

    Args:
        scene: with a mesh.
        depths: decoded depth by frame index.
    """
    if not scene.has_mesh or not depths:
        return Consistency("cannot tell", note="no mesh" if depths else "no depth")
    assert scene.vertices is not None
    assert scene.faces is not None
    clusters = build_clusters(scene.vertices, scene.faces)
    errors = []
    for index, sensor in depths.items():
        camera = scene.frames[index].depth_camera
        assert camera is not None
        mesh = rasterise(None, None, camera, clusters=clusters).depth
        both = (sensor > 0) & (mesh > 0)
        if both.mean() >= _ENOUGH / 2:
            errors.append(float(np.median(np.abs(mesh[both] - sensor[both]) / sensor[both])))
    if not errors:
        return Consistency("bad", note="the mesh is nowhere in view where the sensor measures something")
    return _verdict(errors)


def depth_between_frames(scene: Scene, starts: list[int]) -> Consistency:
    """How well a frame's depth, moved by the poses into another frame, agrees with that frame's depth.

    Args:
        scene: its frames in time order.
        starts: frame indices to begin with; partners are looked for after them, at growing gaps.
    """
    pairs = [pair for start in starts if (pair := _partner(scene, start)) is not None]
    if not pairs:
        return Consistency(
            "cannot tell", note="no two sampled frames see the same surface from places far enough apart"
        )
    errors = [_transfer_error(a, b, _as_stated(a, b)) for a, b in pairs]
    known = [error for error in errors if error is not None]
    result = _verdict(known) if known else Consistency("bad", note="no surface seen in one frame lies in the next")
    if result.verdict != "bad":
        return result
    return Consistency("bad", result.error, result.measured, result.note or _better_convention(pairs, result.error))


def level_share(scene: Scene) -> float | None:
    """Share of the mesh's area that lies level (within 10 degrees); floor and furniture of a room are a fifth of it."""
    if scene.vertices is None or scene.faces is None or scene.up is None or not scene.has_mesh:
        return None
    step = max(1, len(scene.faces) // 100_000)
    corners = scene.vertices[scene.faces[::step]].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normals, axis=1)
    total = float(area.sum())
    return float(area[np.abs(normals @ scene.up) > _LEVEL * area].sum() / total) if total else None


def _partner(scene: Scene, start: int) -> tuple[Frame, Frame] | None:
    first = scene.frames[start]
    if first.load_depth is None:
        return None
    depth = first.load_depth()
    if not (depth > 0).any():
        return None
    wanted = _BASELINE * float(np.median(depth[depth > 0]))
    for gap in _GAPS:
        if start + gap >= len(scene.frames):
            return None
        other = scene.frames[start + gap]
        far_enough = float(np.linalg.norm(other.camera.centre - first.camera.centre)) > wanted
        if far_enough and other.has_depth:
            # Turned too far away, the two see different things, under the stated convention at least.
            ahead = float(first.camera.camera_to_world[:3, 2] @ other.camera.camera_to_world[:3, 2])
            if ahead > 0.5:
                return first, other
    return None


def _as_stated(a: Frame, b: Frame) -> FloatArray:
    return np.asarray(b.camera.world_to_camera @ a.camera.camera_to_world)


def _transfer_error(a: Frame, b: Frame, a_to_b: FloatArray) -> float | None:
    """Median relative error of a's depth in b; None where too little of it lands there."""
    assert a.load_depth is not None
    assert b.load_depth is not None
    assert a.depth_camera is not None
    assert b.depth_camera is not None
    depth, other = a.load_depth(), b.load_depth()
    y, x = np.nonzero(depth)
    step = max(1, len(y) // _SAMPLES)
    y, x = y[::step], x[::step]
    z = depth[y, x].astype(np.float64)
    k = a.depth_camera.intrinsics
    points = np.stack([(x - k[0, 2]) / k[0, 0] * z, (y - k[1, 2]) / k[1, 1] * z, z])
    seen = a_to_b[:3, :3] @ points + a_to_b[:3, 3:]
    seen = seen[:, seen[2] > 0.1]
    k = b.depth_camera.intrinsics
    u = np.rint(k[0, 0] * seen[0] / seen[2] + k[0, 2])
    v = np.rint(k[1, 1] * seen[1] / seen[2] + k[1, 2])
    inside = (u >= 0) & (u < other.shape[1]) & (v >= 0) & (v < other.shape[0])
    found = other[v[inside].astype(np.int64), u[inside].astype(np.int64)]
    known = found > 0
    if known.sum() < _ENOUGH * len(z):
        return None
    return float(np.median(np.abs(seen[2][inside][known] - found[known]) / found[known]))


def _better_convention(pairs: list[tuple[Frame, Frame]], stated: float | None) -> str:
    """The notation of poses that would fit, if another one does; poses are taken before axis alignment."""
    opengl = np.diag([1.0, -1.0, -1.0, 1.0])
    conventions = {
        "world_to_camera": (True, np.eye(4)),
        "camera_to_world with OpenGL axes": (False, opengl),
        "world_to_camera with OpenGL axes": (True, opengl),
    }
    best, best_error = "", BAD if stated is None else min(BAD, stated / 2)
    for name, (inverted, axes) in conventions.items():
        errors = []
        for a, b in pairs:
            matrices = [f.raw_camera_to_world for f in (a, b)]
            if matrices[0] is None or matrices[1] is None:
                return ""
            first, second = (np.linalg.inv(m) if inverted else m for m in matrices if m is not None)
            error = _transfer_error(a, b, np.linalg.inv(second @ axes) @ first @ axes)
            if error is not None:
                errors.append(error)
        if len(errors) > len(pairs) / 2 and float(np.median(errors)) < best_error:
            best, best_error = name, float(np.median(errors))
    return f"read as {best} the poses would fit to {best_error:.1%}" if best else ""
