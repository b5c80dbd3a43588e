"""RGB-D captures as tools and papers leave them: colour, depth, poses as text and intrinsics in one folder.

::

    <root>/<scene>/                               folders of numbered files
    ├── color/00000.jpg …                         or rgb/, image/, images/; .png too
    ├── depth/00000.png …                         or depths/; .pgm too; matched by number, padding does not matter
    ├── trajectory.log                            Redwood, Open3D; or poses.txt, pose.txt, trajectory.txt, traj.txt,
    │                                             the only *.log, or poses/00000.txt
    ├── [frame_index.csv]                         name,pose_row: which row of a trajectory is which image's
    ├── K.txt                                     or camera-intrinsics.txt, intrinsics.txt, intrinsic.json, camera.json,
    │                                             the only camera_*.json (Open3D)
    ├── [mesh.ply]                                or the only *mesh*.ply, in the world of the poses
    └── [scene.toml]                              what is not stated above (docs/own-captures.md)

    <root>/<scene>/                               SensReader's folders; without scene.toml they are ScanNet's
    ├── {color,depth,pose}/<n>.*
    ├── intrinsic/intrinsic_{color,depth}.txt
    └── scene.toml

    <root>/<place>/seq-01/                        7-Scenes, 3DMatch: files side by side
    ├── frame-000000.{color.png,depth.png,pose.txt}
    └── ../camera-intrinsics.txt                  beside the sequences or in each

    <root>/<scene>/                               Amazon Picking Challenge (apc-vision-toolbox)
    ├── frame-000000.{color.png,depth.png}        depth registered to colour, its bits turned, in 0.1 mm
    └── cam.info.txt                              intrinsics and poses

Rows of a pose file hold 16 numbers (a matrix), 12 (its first three rows) or 7 (tx ty tz qx qy qz qw, as slambook has
them). Records of a ``.log`` are a line of three integers and a 4 x 4 matrix, camera to world (Redwood, Open3D); what is
read of the integers is the first, the frame's number. Which pose is which image's is told by the first of these that
applies: ``frame_index.csv`` (rows, and records, count from 0); the numbers in ``cam.info.txt``; the numbers of the
``.log``, where it has every image's; the order, if there are as many of both (as Open3D reads a ``.log``); otherwise
the scene is refused. Frame ids are the numbers in the file names. Frames without a pose are skipped and counted, and so
are pose files without an image.

Conventions, unless ``scene.toml`` says otherwise: poses are camera_to_world with OpenCV axes, in metres; depth is along
the camera's axis and registered to colour, in millimetres (cam.info.txt: in 0.1 mm, with its 16 bits turned left by
three); 0 and 65535 are unknown; (0, 0) of the intrinsics is the first pixel's centre. No up axis is known. The original
ICL-NUIM (its fy is negative) is not of this kind; its Redwood repack is.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ._capture_frames import NO_POSE, Capture, Shot, depth_storage, stated_lens
from ._capture_reader import CaptureReader, Parts
from ._capture_toml import SceneNotes
from ._colmap import has_model
from ._files import read_text, size_of
from ._intrinsics_file import StatedIntrinsics, read_intrinsics
from ._poses import stated_numbers
from ._rgbd_layout import INFO, ROW_INDEX, RgbdFiles, is_rgbd_folder, lacking, list_files
from ._scannet_frames import NO_IMAGE
from ._trajectory import Trajectory, read_info, read_log, read_rows
from .base import Nearly
from .nerfstudio import transforms_files

__all__ = ["READER", "RgbdFolderReader"]

_APC_UNITS: Final = 10_000.0
_APC_REASON: Final = f"{INFO}: the Amazon Picking Challenge's coding, 0.1 mm"


class RgbdFolderReader(CaptureReader):
    """Captures with colour, depth, pose text and intrinsics."""

    name = "rgbd_folder"
    provides = CaptureReader.provides | {"trajectory"}
    summary = "RGB-D folders: Redwood and Open3D, 7-Scenes and 3DMatch names, or colour, depth, poses.txt and K.txt"
    layouts = (
        "<scene>/{color,rgb,image,images}/<n>.* + depth/<n>.* + trajectory.log or poses.txt or poses/<n>.txt",
        "<scene>/{color,depth,pose,intrinsic}/<n>.* + scene.toml",
        "<place>/seq-01/frame-<n>.{color,depth}.png + .pose.txt",
        "<scene>/frame-<n>.{color,depth}.png + cam.info.txt",
    )
    pose_file = "trajectory.log, poses.txt, cam.info.txt or pose files"
    depth_file = "depth/<n>.png (or frame-<n>.depth.png)"

    def is_scene(self, folder: Path) -> bool:
        return not transforms_files(folder) and not has_model(folder) and is_rgbd_folder(folder)

    def nearly_scene(self, folder: Path) -> Nearly | None:
        missing = None if self.is_scene(folder) else lacking(folder)
        return None if missing is None else Nearly("an RGB-D folder", *missing)

    def gather(self, folder: Path, root: Path, notes: SceneNotes) -> Capture:  # noqa: ARG002 - lists its own paths
        files = list_files(folder)
        if not files.images:
            raise SceneError("there are no numbered colour images", path=folder, remedy="export the frames again")
        skipped: Counter[str] = Counter()
        poses = _poses(folder, files, skipped)
        stated = _intrinsics(folder, files, notes)
        first = files.images[min(files.images)]
        size = size_of(first)
        if notes.color is not None:
            lens = stated_lens(notes.color, size)
        else:
            assert stated is not None, "either the folder or scene.toml states the lens"
            lens = stated.lens(size)
        shots = [
            Shot(number, files.images[number], poses[number], lens, files.depths.get(number))
            for number in sorted(files.images)
            if number in poses
        ]
        depth_lens = None
        if files.depth_intrinsics is not None and files.depths:
            depth_lens = read_intrinsics(files.depth_intrinsics).lens(size_of(files.depths[min(files.depths)]))
        info = files.trajectory is not None and files.trajectory.name == INFO
        units = stated.units_per_metre if stated else None
        reason = f"{files.intrinsics.name} states it" if units and files.intrinsics else ""
        if info:
            units, reason = _APC_UNITS, _APC_REASON
        return Capture(
            folder=folder,
            poses_from=files.trajectory or folder,
            lens_from=files.intrinsics or folder,
            shots=shots,
            depth=depth_storage(notes, units, reason, rotated=info),
            depth_lens=depth_lens,
            meshes=(folder / "mesh.ply",),
            skipped=+skipped,
            is_trajectory=True,
        )

    def parts(self, folder: Path, root: Path) -> Parts:  # noqa: ARG002 - everything is in the folder
        files = list_files(folder)
        image, depth, pose = (next(iter(found.values()), None) for found in (files.images, files.depths, files.poses))
        return Parts(
            image.parent if image else None,
            pose.parent if pose else files.trajectory,
            depth.parent if depth else None,
            (folder / "mesh.ply",),
        )


def _intrinsics(folder: Path, files: RgbdFiles, notes: SceneNotes) -> StatedIntrinsics | None:
    """What the folder says about the lens; None where only ``scene.toml`` does."""
    if files.intrinsics is None:
        if notes.color is None:
            raise SceneError(
                "nothing states the camera's intrinsics",
                path=folder,
                remedy="add K.txt (3 x 3 numbers), or state [color] in scene.toml",
            )
        return None
    if files.intrinsics.name == INFO:
        return StatedIntrinsics(read_info(files.intrinsics)[1])
    return read_intrinsics(files.intrinsics)


def _poses(folder: Path, files: RgbdFiles, skipped: Counter[str]) -> dict[int, npt.NDArray[np.float64]]:
    """Poses as stored, by frame number; what does not fit together is counted."""
    if files.poses:
        found = {number: pose for number, path in files.poses.items() if (pose := _pose(path)) is not None}
        wanted = set(files.poses)
    else:
        if files.trajectory is None:
            raise SceneError("there are no poses", path=folder, remedy="add poses.txt or trajectory.log")
        found = _matched(_read(files.trajectory), files)
        # A log may go on where images were left out to save space; only images without a pose are a loss.
        wanted = set()
    skipped[NO_POSE] += len(files.images.keys() - found.keys())
    skipped[NO_IMAGE] += len(wanted - files.images.keys())
    return found


def _read(path: Path) -> Trajectory:
    if path.suffix == ".log":
        return read_log(path)
    return read_info(path)[0] if path.name == INFO else read_rows(path)


def _matched(trajectory: Trajectory, files: RgbdFiles) -> dict[int, npt.NDArray[np.float64]]:
    """Which pose is which image's."""
    images = sorted(files.images)
    if files.row_index is not None:
        rows = _row_index(files.row_index, files.images, len(trajectory.poses))
        return {number: trajectory.poses[row] for number, row in rows.items()}
    numbers = trajectory.numbers
    if numbers is not None and (set(images) <= set(numbers) or trajectory.path.name == INFO):
        return dict(zip(numbers, trajectory.poses, strict=True))
    if len(images) == len(trajectory.poses):
        return dict(zip(images, trajectory.poses, strict=True))
    raise SceneError(
        f"has {len(trajectory.poses)} poses for {len(images)} images, and nothing says which is whose",
        path=trajectory.path,
        remedy=f"add {ROW_INDEX} (name,pose_row, rows from 0), or the images that are missing",
    )


def _row_index(path: Path, images: dict[int, Path], poses: int) -> dict[int, int]:
    by_name = {image.name: number for number, image in images.items()}
    remedy = "write lines of name,pose_row under that heading"
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path, remedy=remedy), newline=None), restval=""))
    except csv.Error as error:
        raise SceneError(f"is not a table ({error})", path=path, remedy=remedy) from None
    found: dict[int, int] = {}
    for at, row in enumerate(rows, 2):
        name, stated = row.get("name"), row.get("pose_row")
        if not name or not stated or not stated.isascii() or not stated.isdigit() or int(stated) >= poses:
            raise SceneError(f"line {at} is no image with one of the {poses} rows", path=path, remedy=remedy)
        if name in by_name:
            found[by_name[name]] = int(stated)
    if not found:
        raise SceneError("names none of the images", path=path, remedy=remedy)
    return found


def _pose(path: Path) -> npt.NDArray[np.float64] | None:
    """The matrix of a pose file, or None where it is not there."""
    values = stated_numbers(path, 12, 16)
    if values is None:
        return None
    pose = np.eye(4)
    pose[: len(values) // 4] = np.reshape(values, (-1, 4))
    return pose


READER: Final = RgbdFolderReader()
