"""Scenes with a convention deliberately wrong, altered in memory, and what the doctor says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from spatialgen.core.types import Camera, Frame, Scene
from spatialgen.pipeline._doctor_geometry import examine_geometry
from spatialgen.pipeline._doctor_report import SceneReport
from spatialgen.pipeline._doctor_words import Taken

MISTAKES = {
    # what was done to the scene: what the doctor should say
    "world-to-camera poses": "poses look world-to-camera",
    "OpenGL axes": "camera axes look OpenGL",
    "depth twice too large": "depth scale looks wrong by a factor of 2:",
    "depth half as large": "depth scale looks wrong by a factor of 0.5:",
    "ray distance": "depth looks like ray distance",
    "z taken for ray distance": "depth looks like z that was taken for ray distance",
}
RARER = {
    "world mirrored along x": "world looks mirrored (left-handed axes): with the cameras' x axis reversed",
    "world mirrored along y": "world looks mirrored (left-handed axes): with the cameras' y axis reversed",
    "world mirrored along z": "world looks mirrored (left-handed axes): with the cameras' z axis reversed",
    "poses in centimetres": "poses look 100 times too large",
    "poses in millimetres": "poses look 1000 times too large",
    "16 bits turned": "depth looks bit-rotated",
    "focal length 20 % too long": "focal length looks wrong",
    "focal length 20 % too short": "focal length looks wrong",
}
_MIRRORS = {
    f"world mirrored along {axis}": np.diag(np.where(np.arange(4) == i, -1.0, 1)) for i, axis in enumerate("xyz")
}
_UNITS = {"poses in centimetres": 100.0, "poses in millimetres": 1000.0}
_FOCAL = {"focal length 20 % too long": 1.2, "focal length 20 % too short": 1 / 1.2}


def mistaken(scene: Scene, mistake: str) -> Scene:
    """The scene as a reader would give it after that mistake."""
    return replace(scene, frames=tuple(_mistaken(frame, mistake) for frame in scene.frames))


def _mistaken(frame: Frame, mistake: str) -> Frame:
    aligned = frame.camera.camera_to_world
    stored = aligned if frame.raw_camera_to_world is None else frame.raw_camera_to_world
    wrong = stored
    if mistake == "world-to-camera poses":
        wrong = np.linalg.inv(stored)
    if mistake == "OpenGL axes":
        wrong = stored @ np.diag([1.0, -1.0, -1.0, 1.0])
    if mistake in _MIRRORS:
        wrong = _MIRRORS[mistake] @ stored @ _MIRRORS[mistake]
    if mistake in _UNITS:
        wrong = stored.copy()
        wrong[:3, 3] *= _UNITS[mistake]
    pose = aligned @ np.linalg.inv(stored) @ wrong
    u, _, vt = np.linalg.svd(pose[:3, :3])
    pose[:3, :3] = u @ vt
    return replace(
        frame,
        camera=_altered(frame.camera, pose, mistake),
        depth_camera=_altered(frame.depth_camera, pose, mistake),
        raw_camera_to_world=wrong,
        load_depth=_Altered(frame.load_depth, frame.depth_camera, frame.depth_scale, mistake),
    )


def _altered(camera: Camera, pose: np.ndarray, mistake: str) -> Camera:
    factor = _FOCAL.get(mistake, 1.0)
    return replace(
        camera, intrinsics=camera.intrinsics * [[factor, 1, 1], [1, factor, 1], [1, 1, 1]], camera_to_world=pose
    )


class _Altered:
    """Depth as it would be read by mistake; a pinhole's."""

    def __init__(self, load: Callable[[], np.ndarray], camera: Camera, unit: float, mistake: str) -> None:
        self.load, self.camera, self.unit, self.mistake = load, camera, unit, mistake

    def __call__(self) -> np.ndarray:
        depth, k = self.load(), self.camera.intrinsics
        if self.mistake == "16 bits turned":
            stored = np.rint(depth / self.unit).astype(np.uint16)
            return (((stored << 3) | (stored >> 13)) * self.unit).astype(np.float32)
        x, y = np.meshgrid(np.arange(self.camera.width), np.arange(self.camera.height))
        length = np.sqrt(((x - k[0, 2]) / k[0, 0]) ** 2 + ((y - k[1, 2]) / k[1, 1]) ** 2 + 1)
        factor = {
            "depth twice too large": 2.0,
            "depth half as large": 0.5,
            "ray distance": length,
            "z taken for ray distance": 1 / length,
        }.get(self.mistake, 1.0)
        return (depth * factor).astype(np.float32)


def bare(scene: Scene) -> Scene:
    """Without its mesh."""
    return replace(scene, vertices=None, faces=None, vertex_instance=None, instances=())


def part(scene: Scene, start: int, stop: int) -> Scene:
    """Some of its frames."""
    return replace(scene, frames=scene.frames[start:stop])


def examined(scene: Scene) -> SceneReport:
    """What the geometric self-test finds; depth is looked at from the frames a third of the scene apart."""
    report = SceneReport(scene.id, scene.dataset, "any", "/", None, "any")
    starts = np.linspace(0, len(scene.frames) - 1, 4).round().astype(int)[:3]
    load = [frame.load_depth for frame in scene.frames]
    examine_geometry(scene, sorted(set(starts.tolist())), lambda index: load[index](), Taken(), report)
    return report
