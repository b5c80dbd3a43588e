"""From the frames an own capture lists to a scene: conventions undone, poses judged, world turned upright."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.types import Frame, Instance, Scene
from ..errors import SceneError
from ._capture_files import (
    CaptureDepth,
    CaptureMask,
    InstanceMap,
    below_root,
    find_mesh,
    frame_numbers,
)
from ._capture_frames import NO_UNIT, Capture, Lens, Shot, stated_lens
from ._capture_toml import SceneNotes
from ._files import size_of
from ._labels import LabelMap
from ._mesh import read_mesh
from ._poses import judge_poses
from ._scannet_frames import NO_DEPTH, ImageFile
from ._transforms_json import opencv_axes
from .base import SceneRef

__all__ = ["assemble"]

_log = logging.getLogger(__name__)

_OFF_CENTRE: Final = "intrinsics of another image size"
_NO_MAP: Final = "no map of objects"

_PLAUSIBLE_DEPTH: Final = (0.1, 100.0)
"""Metres: medians outside are a wrong unit, not a room."""
_SAME_ASPECT: Final = 0.02  # sizes are rounded to pixels, and 1296 x 968 goes with 640 x 480
_SAMPLED: Final = 5
"""Depth images looked at where their unit is an assumption."""

FloatArray = npt.NDArray[np.float64]


def assemble(ref: SceneRef, capture: Capture, notes: SceneNotes, notes_path: Path | None, labels: LabelMap) -> Scene:
    """The scene: poses in the aligned world, z up where an up is known.

    Raises:
        SceneError: when no frame can be used, a mesh or ``scene.toml`` makes no sense, or depth cannot be in metres.
    """
    if capture.fixed and (notes.poses.convention or notes.poses.axes):
        what = "[poses] cannot be stated here: the format leaves no choice"
        raise SceneError(what, path=notes_path, remedy="leave [poses] out")
    skipped = Counter(capture.skipped)
    shots = _centred(capture, skipped, notes_path if notes.color else None)
    upright = notes if notes.up else notes.model_copy(update={"up": capture.up})
    stored, aligned = _poses(shots, capture, notes, upright.world_from_stored, skipped)
    maps, instances = _instances(capture, shots, notes, notes_path, labels)
    depth_size = next((size_of(shot.depth) for shot in shots if shot.depth is not None), (1, 1))
    depth_lens = _depth_lens(capture, depth_size, notes, notes_path)
    frames = []
    for shot, raw, pose in zip(shots, stored, aligned, strict=True):
        if pose is None:
            continue
        camera = shot.lens.camera(pose)
        depth = None
        if shot.depth is not None:
            if depth_lens is None:
                _check_registered(shot, depth_size)
            lens = depth_lens or shot.lens.resized(*depth_size)
            depth = CaptureDepth(shot.depth, lens.camera(pose), capture.depth)
        else:
            skipped[NO_DEPTH] += 1
        found = maps.get(shot.number)
        skipped[_NO_MAP] += bool(maps) and found is None
        frames.append(
            Frame(
                id=str(shot.number),
                camera=camera,
                load_image=ImageFile(shot.image, camera.width, camera.height),
                image_ref=below_root(shot.image, ref.root, capture.poses_from),
                depth_camera=depth.camera if depth else None,
                load_depth=depth,
                depth_ref=below_root(shot.depth, ref.root, capture.poses_from) if shot.depth else None,
                depth_scale=1.0 / capture.depth.units_per_metre if depth else None,
                time=shot.time,
                raw_camera_to_world=raw,
                depth_fingerprint=depth.fingerprint() if depth else None,
                load_valid=CaptureMask(shot.mask, camera) if shot.mask else None,
                load_instances=InstanceMap(found, camera, _indices(instances)) if found else None,
            )
        )
    if skipped[NO_DEPTH] == len(frames):
        del skipped[NO_DEPTH]  # a capture without depth lacks it as a whole
    _check_depth(frames, capture)
    for note in capture.notes:
        _log.log(logging.WARNING if note == NO_UNIT else logging.INFO, "%s: %s", capture.folder, note)
    mesh = find_mesh(capture.folder, capture.meshes, notes.mesh, notes_path)
    vertices, faces = (None, None) if mesh is None else read_mesh(mesh)
    if vertices is not None:
        vertices = (vertices * (notes.metres_per_unit or 1.0)) @ upright.world_from_stored.T
    return Scene(
        id=ref.id,
        dataset=ref.dataset,
        group=ref.group,
        frames=tuple(frames),
        vertices=None if vertices is None else vertices.astype(np.float32),
        faces=faces,
        instances=instances,
        up=None if upright.up is None else np.array([0.0, 0.0, 1.0]),
        split=ref.split,
        skipped=MappingProxyType(dict(+skipped)),
        extra_capabilities=frozenset({"trajectory"}) if capture.is_trajectory else frozenset(),
    )


def _centred(capture: Capture, skipped: Counter[str], stated_in: Path | None) -> list[Shot]:
    """Shots whose intrinsics are those of their image size; ``stated_in`` is the ``scene.toml`` they come from."""
    good = [shot for shot in capture.shots if shot.lens.is_centred()]
    if capture.shots and not good:
        lens = capture.shots[0].lens
        raise SceneError(
            f"these intrinsics have their centre at ({lens.intrinsics[0, 2]:.0f}, {lens.intrinsics[1, 2]:.0f}), "
            f"which is not near the middle of the {lens.width} x {lens.height} images: they are of another size",
            path=stated_in or capture.lens_from,
            remedy="state the width and height they are for under [color], or those of the images' own size"
            if stated_in
            else "give those of the images' own size, or state [color] with its width and height in scene.toml",
        )
    skipped[_OFF_CENTRE] += len(capture.shots) - len(good)
    return good


def _poses(
    shots: list[Shot], capture: Capture, notes: SceneNotes, turn: FloatArray, skipped: Counter[str]
) -> tuple[list[FloatArray], list[FloatArray | None]]:
    """Poses in metres with OpenCV axes: as the source has its world, and in the aligned world, None where unusable."""
    poses = np.array([shot.pose for shot in shots], np.float64).reshape(-1, 4, 4)
    with np.errstate(over="ignore", invalid="ignore"):
        poses[:, :3, 3] *= notes.metres_per_unit or 1.0
    exact, verdicts, reasons = judge_poses(poses)
    skipped += +Counter({reason: int((verdicts == code).sum()) for code, reason in enumerate(reasons, 1)})
    if not (verdicts == 0).any():
        found = ", ".join(f"{reason}: {count}" for reason, count in (+skipped).items()) or "it has no frames"
        raise SceneError(
            f"no frame can be used ({found})",
            path=capture.poses_from,
            remedy="export poses and images again, or say in scene.toml how they are stored",
        )
    exact[verdicts != 0] = np.eye(4)
    if (notes.poses.convention or capture.convention) == "world_to_camera":
        exact = _inverse(exact)
    if (notes.poses.axes or capture.axes) == "opengl":
        exact = opencv_axes(exact)
    aligned = exact.copy()
    aligned[:, :3] = turn @ exact[:, :3]
    usable = [pose if verdict == 0 else None for pose, verdict in zip(aligned, verdicts, strict=True)]
    return list(exact), usable


def _inverse(rigid: FloatArray) -> FloatArray:
    """(n, 4, 4) inverses of rigid transforms."""
    inverse = rigid.copy()
    inverse[:, :3, :3] = np.swapaxes(rigid[:, :3, :3], 1, 2)
    inverse[:, :3, 3] = -(inverse[:, :3, :3] @ rigid[:, :3, 3, None])[..., 0]
    return inverse


def _depth_lens(capture: Capture, size: tuple[int, int], notes: SceneNotes, notes_path: Path | None) -> Lens | None:
    """The depth camera's own lens for images of a size, from ``scene.toml`` or the folder.

    None where depth is registered to colour, as exporters write it: the colour lens at the depth image's size.
    """
    stated = notes.depth.lens
    lens = capture.depth_lens if stated is None else stated_lens(stated, size)
    if lens is not None and not lens.is_centred():
        raise SceneError(
            f"the depth camera's intrinsics are not of {lens.width} x {lens.height} images",
            path=capture.lens_from if stated is None else notes_path,
            remedy="state fx, fy, cx, cy, width and height under [depth] in scene.toml",
        )
    return lens


def _check_registered(shot: Shot, depth_size: tuple[int, int]) -> None:
    """Refuse depth images that cannot be the colour image resampled, which is what "no lens of its own" means."""
    width, height = depth_size
    if abs(width * shot.lens.height / (height * shot.lens.width) - 1) > _SAME_ASPECT:
        raise SceneError(
            f"depth images are {width} x {height}, colour images {shot.lens.width} x {shot.lens.height}: they do not "
            "show the same field of view",
            path=shot.depth,
            remedy="state the depth camera's own fx, fy, cx, cy under [depth] in scene.toml, or register depth to "
            "colour",
        )


def _check_depth(frames: list[Frame], capture: Capture) -> None:
    """Refuse depth that cannot be in the unit that was assumed."""
    loaders = [frame.load_depth for frame in frames if frame.load_depth is not None]
    lenses = {frame.depth_camera.model for frame in frames if frame.depth_camera is not None}
    if capture.depth.ray and not lenses <= {"pinhole", "equirectangular"}:
        what = "depth along the ray needs a pinhole camera here"
        raise SceneError(what, path=capture.folder, remedy="undistort the images, or convert depth to z")
    if not capture.depth.assumed or not loaders:
        return
    samples = []
    for load in loaders[:: -(-len(loaders) // _SAMPLED)]:
        try:
            samples.append(load()[::4, ::4].ravel())
        except SceneError as error:
            _log.debug("not looked at for its unit: %s", error)  # whoever loads it is told
    metres = np.concatenate([np.zeros(0, np.float32), *samples])
    median = float(np.median(metres[metres > 0])) if (metres > 0).any() else None
    if median is not None and not _PLAUSIBLE_DEPTH[0] < median < _PLAUSIBLE_DEPTH[1]:
        raise SceneError(
            f"depth taken as {capture.depth.reason} has a median of {median:.3g} m, which no room has",
            path=capture.folder,
            remedy="state units_per_metre under [depth] in scene.toml",
        )


def _instances(
    capture: Capture, shots: list[Shot], notes: SceneNotes, notes_path: Path | None, labels: LabelMap
) -> tuple[dict[int, Path], tuple[Instance, ...]]:
    """Maps of objects by frame number, and the objects that ``scene.toml`` names."""
    if notes.instances is None:
        return {}, ()
    paths = sorted(capture.folder.glob(notes.instances.images))
    maps = {number: path for path in paths for number in frame_numbers([path.name])}
    if not any(shot.number in maps for shot in shots):
        what = f"instances.images: no file is called {notes.instances.images} and has the number of a frame"
        raise SceneError(what, path=notes_path, remedy="correct the pattern, or leave [instances] out")
    values = sorted(notes.instances.labels, key=int)
    found = (
        Instance(value, labels(notes.instances.labels[value])[0], notes.instances.labels[value]) for value in values
    )
    return maps, tuple(found)


def _indices(instances: tuple[Instance, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((int(instance.id), index) for index, instance in enumerate(instances))
