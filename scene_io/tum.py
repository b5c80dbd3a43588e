"""TUM RGB-D: colour, depth and motion-capture poses, each with its own times.

::

    <root>/<scene>/                     rgbd_dataset_freiburg1_desk and so on
    ├── rgb.txt  depth.txt              time, file name
    ├── groundtruth.txt                 time tx ty tz qx qy qz qw
    ├── rgb/<time>.png  [depth/<time>.png]
    ├── [K.txt or camera.json]          intrinsics, where they are not one of the three cameras'
    ├── [mesh.ply]
    └── [scene.toml]                    docs/own-captures.md

Each colour image gets the depth and the pose nearest in time, at most 0.02 s away (the dataset's own ``associate.py``);
colour images without a pose are skipped and counted. Frame ids are positions in ``rgb.txt``, from 0; times are its.

Conventions (the dataset's "File formats" and "Intrinsic camera calibration"): poses are of the colour camera, to world,
OpenCV axes, metres; depth is registered to colour, along the axis, 5000 units a metre, 0 unknown. Lenses by the
folder's name: freiburg1 (fr1), freiburg2 and freiburg3 have the calibrated intrinsics of their colour cameras, with
distortion (freiburg3 comes undistorted). The motion-capture world has z up, but nothing in a folder says that it is
that world: no up axis is believed unless ``scene.toml`` states one.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ._capture_frames import LISTED_IMAGE_GONE, NO_POSE, Capture, Lens, Shot, depth_storage, stated_lens
from ._capture_reader import CaptureReader, Parts
from ._capture_toml import ColorLens, SceneNotes
from ._files import size_of
from ._intrinsics_file import read_intrinsics
from ._trajectory import lines_of, read_rows
from .base import Nearly

__all__ = ["READER", "TumReader"]

_UNITS: Final = 5000.0
_MAX_APART: Final = 0.02  # seconds
_INTRINSICS: Final = ("K.txt", "intrinsics.txt", "camera.json")
_WHAT: Final = {
    "rgb.txt": "time and file name of every colour image",
    "groundtruth.txt": "time tx ty tz qx qy qz qw, the poses",
}
_CAMERAS: Final = {
    "1": ColorLens(
        fx=517.306408, fy=516.469215, cx=318.643040, cy=255.313989, width=640, height=480, model="opencv",
        distortion=[0.262383, -0.953104, -0.005358, 0.002628, 1.163314],
    ),
    "2": ColorLens(
        fx=520.908620, fy=521.007327, cx=325.141442, cy=249.701764, width=640, height=480, model="opencv",
        distortion=[0.231222, -0.784899, -0.003257, -0.000105, 0.917205],
    ),
    "3": ColorLens(fx=535.4, fy=539.2, cx=320.1, cy=247.6, width=640, height=480),
}  # fmt: skip
"""The dataset's calibrations of its three colour cameras."""


class TumReader(CaptureReader):
    """Sequences of the TUM RGB-D benchmark, and recordings in its layout."""

    name = "tum"
    provides = CaptureReader.provides | {"trajectory"}
    summary = "TUM RGB-D: rgb.txt, depth.txt, groundtruth.txt and images named by time"
    layouts = ("<scene>/{rgb.txt,groundtruth.txt} + rgb/, [depth.txt, depth/]",)
    pose_file = "groundtruth.txt"
    depth_file = "depth.txt and depth/<time>.png"

    def is_scene(self, folder: Path) -> bool:
        return (folder / "rgb.txt").is_file() and (folder / "groundtruth.txt").is_file()

    def nearly_scene(self, folder: Path) -> Nearly | None:
        lists = [name for name in ("rgb.txt", "depth.txt", "groundtruth.txt") if (folder / name).is_file()]
        folders = [name for name in ("rgb", "depth") if (folder / name).is_dir()]
        missing = [name for name in _WHAT if name not in lists]
        if not lists or len(lists) + len(folders) < 2 or not missing:
            return None
        return Nearly(
            "a TUM RGB-D sequence",
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            f"copy {' and '.join(f'{name} ({_WHAT[name]})' for name in missing)} into it",
        )

    def gather(self, folder: Path, root: Path, notes: SceneNotes) -> Capture:  # noqa: ARG002 - lists its own paths
        times, images = _listed(folder / "rgb.txt")
        path = folder / "groundtruth.txt"
        _check_whole(path)
        truth = read_rows(path)
        if truth.times is None:
            raise SceneError("its lines do not hold a time and a pose", path=path, remedy="copy it again")
        pose_rows = _nearest(times, truth.times)
        depth_rows = np.full(len(times), -1)
        depths: list[Path] = []
        if (folder / "depth.txt").is_file():
            depth_times, depths = _listed(folder / "depth.txt")
            depth_rows = _nearest(times, depth_times)
        there = [image.is_file() for image in images]
        skipped = Counter({LISTED_IMAGE_GONE: there.count(False)})
        skipped[NO_POSE] = sum(row < 0 for row, found in zip(pose_rows, there, strict=True) if found)
        if not any(there):
            what = f"none of the {len(images)} images it lists is there"
            raise SceneError(what, path=folder / "rgb.txt", remedy="copy rgb/ beside it")
        if (pose_rows < 0).all() and np.isfinite(truth.times).any():
            known = truth.times[np.isfinite(truth.times)]
            raise SceneError(
                f"no pose is within {_MAX_APART:g} s of any image: poses run from {known.min():.3f} to "
                f"{known.max():.3f} s, images from {times.min():.3f} to {times.max():.3f} s",
                path=path,
                remedy="write both lists with one clock",
            )
        lens, lens_from = _lens(folder, size_of(images[there.index(True)]), notes)
        shots = [
            Shot(
                number=number,
                image=image,
                pose=truth.poses[pose_rows[number]],
                lens=lens,
                depth=_existing(depths, int(depth_rows[number])),
                time=float(times[number]),
            )
            for number, image in enumerate(images)
            if there[number] and pose_rows[number] >= 0
        ]
        return Capture(
            folder=folder,
            poses_from=path,
            lens_from=lens_from,
            shots=shots,
            depth=depth_storage(notes, _UNITS, "TUM RGB-D's scale"),
            meshes=(folder / "mesh.ply",),
            skipped=+skipped,
            is_trajectory=True,
        )

    def parts(self, folder: Path, root: Path) -> Parts:  # noqa: ARG002 - everything is in the folder
        images, poses, depth = folder / "rgb", folder / "groundtruth.txt", folder / "depth"
        return Parts(
            images if images.is_dir() else None,
            poses if poses.is_file() else None,
            depth if depth.is_dir() and (folder / "depth.txt").is_file() else None,
            (folder / "mesh.ply",),
        )


def _listed(path: Path) -> tuple[npt.NDArray[np.float64], list[Path]]:
    """Times (n,) in seconds and files of a list."""
    times, files = [], []
    _check_whole(path)
    for number, line in lines_of(path):
        words = line.split(maxsplit=1)
        try:
            time = float(words[0])
        except ValueError:
            time = np.nan
        if len(words) != 2 or not np.isfinite(time):
            raise SceneError(f"line {number} is not a time and a file name", path=path, remedy="copy it again")
        times.append(time)
        files.append(path.parent / words[1])
    if not times:
        raise SceneError("lists nothing", path=path, remedy="copy it again")
    return np.array(times), files


def _check_whole(path: Path) -> None:
    """Refuse a file that does not end with a line break: a line that was cut may still look like one."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - 1))
            end = stream.read(1)
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy="copy it again") from None
    if end != b"\n":
        what = f"is cut short: after {size} bytes it does not end with a line break"
        raise SceneError(what, path=path, remedy="copy it again, or add the line break if it is whole")


def _nearest(wanted: npt.NDArray[np.float64], times: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Index of the nearest time for each wanted one, -1 where none is near enough."""
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    after = np.clip(np.searchsorted(ordered, wanted), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    best = np.where(np.abs(ordered[before] - wanted) <= np.abs(ordered[after] - wanted), before, after)
    return np.where(np.abs(ordered[best] - wanted) <= _MAX_APART, order[best], -1)


def _existing(files: list[Path], row: int) -> Path | None:
    return files[row] if row >= 0 and files[row].is_file() else None


def _lens(folder: Path, size: tuple[int, int], notes: SceneNotes) -> tuple[Lens, Path]:
    """The lens and where it is from: ``scene.toml``, a file, or the camera that the folder is named for."""
    if notes.color is not None:
        return stated_lens(notes.color, size), folder
    for name in _INTRINSICS:
        if (folder / name).is_file():
            return read_intrinsics(folder / name).lens(size), folder / name
    match = re.search(r"(?:freiburg|fr)([123])(?!\d)", folder.name.lower())
    if match is None:
        raise SceneError(
            "nothing states the camera's intrinsics",
            path=folder,
            remedy="add K.txt (3 x 3 numbers), state [color] in scene.toml, or keep freiburg1, 2 or 3 in its name",
        )
    return stated_lens(_CAMERAS[match[1]], size), folder


READER: Final = TumReader()
