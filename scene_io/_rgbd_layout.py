"""Which files of an RGB-D folder are which: colour, depth and poses by frame number, trajectory, intrinsics."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..errors import SceneError
from ._capture_toml import FILE_NAME

__all__ = ["INFO", "ROW_INDEX", "RgbdFiles", "is_rgbd_folder", "lacking", "list_files"]

INFO: Final = "cam.info.txt"
ROW_INDEX: Final = "frame_index.csv"

_SIDE_BY_SIDE: Final = re.compile(
    r"(?:.*?[^0-9])?(\d+)[._-](?:(color|rgb)\.(?:jpe?g|png)|(depth)\.(?:png|pgm)|(pose)\.txt)", re.IGNORECASE | re.ASCII
)
_NUMBERED: Final = re.compile(r"(?:.*[^0-9])?(\d+)\.([a-z]+)", re.IGNORECASE | re.ASCII)
_COLORS: Final = ("color", "rgb", "image", "images")
_DEPTHS: Final = ("depth", "depths")
_POSES: Final = ("pose", "poses")
_TRAJECTORIES: Final = ("trajectory.log", "poses.txt", "pose.txt", "trajectory.txt", "traj.txt")
_INTRINSICS: Final = (
    "K.txt",
    "camera-intrinsics.txt",
    "camera_intrinsics.txt",
    "intrinsics.txt",
    "intrinsic/intrinsic_color.txt",
    "intrinsic.json",
    "intrinsics.json",
    "camera_intrinsics.json",
    "camera_intrinsic.json",
    "camera.json",
)
_OF_OTHERS: Final = (
    "rgb.txt",
    "depth.txt",
    "groundtruth.txt",
    "intrinsic.txt",
    "pose_intrinsic_imu.json",
    "intrinsic",
    "results",
    "scans",
    "sparse",
    "database.db",
)
"""What points at a format of its own."""
_DEPTH_INTRINSICS: Final = "intrinsic/intrinsic_depth.txt"


@dataclass(slots=True)
class RgbdFiles:
    """Files of a scene.

    Attributes:
        images, depths, poses: by frame number; poses only where each frame has a file of its own.
        trajectory: the file with all poses, if there is one.
        intrinsics, depth_intrinsics: of the two cameras, or None.
        row_index: says which row of the trajectory is which image's, or None.
    """

    images: dict[int, Path] = field(default_factory=dict)
    depths: dict[int, Path] = field(default_factory=dict)
    poses: dict[int, Path] = field(default_factory=dict)
    trajectory: Path | None = None
    intrinsics: Path | None = None
    depth_intrinsics: Path | None = None
    row_index: Path | None = None


def is_rgbd_folder(folder: Path) -> bool:
    """Whether a folder holds colour images with poses, in a way that no format of its own has.

    ScanNet's reader takes ``color/`` with ``pose/`` where no ``scene.toml`` says that it is a capture of one's own, and
    ``intrinsic.txt`` beside images.
    """
    if (folder / "color").is_dir() and (folder / "pose").is_dir():
        return (folder / FILE_NAME).is_file()
    if any((folder / name).is_file() for name in ("intrinsic.txt", "rgb.txt", "pose_intrinsic_imu.json")):
        return False
    if (folder / "results").is_dir() or any((folder / name).is_dir() for name in ("scans", "sparse")):
        return False
    place = _first(folder, _COLORS)
    if place is not None:
        return _trajectory(folder) is not None or _first(folder, _POSES) is not None
    wanted = {"color"} if _trajectory(folder) is not None else {"color", "pose"}
    for _, kind, _ in _side_by_side(folder):
        wanted.discard(kind)
        if not wanted:
            return True
    return False


def lacking(folder: Path) -> tuple[str, str] | None:
    """What a folder that is no scene lacks to be one, and what to do; None where nothing points at an RGB-D capture."""
    if any((folder / name).exists() for name in _OF_OTHERS):
        return None
    color, depth, poses = (_first(folder, names) is not None for names in (_COLORS, _DEPTHS, _POSES))
    stated = _intrinsics(folder) is not None
    kinds = {kind for _, kind, _ in _side_by_side(folder)}
    poses = poses or _trajectory(folder) is not None
    if color and not poses and (depth or stated):
        if len(logs := sorted(path.name for path in folder.glob("*.log"))) > 1:
            what = f"which of {', '.join(logs)} holds its poses is not stated"
            return what, "rename the one with camera_to_world of every frame to trajectory.log"
        what = "a record of camera_to_world for every frame, or a row in poses.txt, or a file in poses/"
        return "its poses (trajectory.log) are missing", f"copy trajectory.log ({what}) into it"
    if depth and poses and not color:
        return "color/ is missing", "copy color/ (colour images 00000.jpg …, numbered as the depth images) into it"
    if "color" in kinds and not poses and "pose" not in kinds and ("depth" in kinds or stated):
        what = "frame-<n>.pose.txt is missing"
        return what, "copy frame-<n>.pose.txt (camera_to_world, 16 numbers) for every image into it"
    if {"depth", "pose"} <= kinds and "color" not in kinds:
        return "frame-<n>.color.png is missing", "copy frame-<n>.color.png (the colour images) into it"
    return None


def list_files(folder: Path) -> RgbdFiles:
    """Every file of a scene by what it is; numbers in names count, whatever their padding.

    Raises:
        SceneError: when two files are of one frame.
    """
    files = RgbdFiles(
        trajectory=_trajectory(folder),
        intrinsics=_intrinsics(folder),
        depth_intrinsics=folder / _DEPTH_INTRINSICS if (folder / _DEPTH_INTRINSICS).is_file() else None,
        row_index=folder / ROW_INDEX if (folder / ROW_INDEX).is_file() else None,
    )
    place = _first(folder, _COLORS)
    if place is None:
        for number, kind, path in _side_by_side(folder):
            _add({"color": files.images, "depth": files.depths, "pose": files.poses}[kind], number, path)
        return files
    _numbered(place, ("jpg", "jpeg", "png"), files.images)
    for names, suffixes, found in ((_DEPTHS, ("png", "pgm"), files.depths), (_POSES, ("txt",), files.poses)):
        inner = _first(folder, names)
        if inner is not None:
            _numbered(inner, suffixes, found)
    return files


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _trajectory(folder: Path) -> Path | None:
    """A trajectory by one of its usual names, ``cam.info.txt``, or the only ``.log``."""
    for name in (*_TRAJECTORIES, INFO):
        if (folder / name).is_file():
            return folder / name
    logs = sorted(folder.glob("*.log"))
    return logs[0] if len(logs) == 1 else None


def _intrinsics(folder: Path) -> Path | None:
    """Intrinsics in the folder or, for sequences of one camera, in the folder above."""
    for place in (folder, folder.parent) if re.fullmatch(r"seq-?\d+", folder.name) else (folder,):
        for name in _INTRINSICS:
            if (place / name).is_file():
                return place / name
        cameras = sorted(place.glob("camera_*.json"))
        if len(cameras) == 1:
            return cameras[0]
    return folder / INFO if (folder / INFO).is_file() else None


def _side_by_side(folder: Path) -> Iterator[tuple[int, str, Path]]:
    """Number, kind (color, depth, pose) and path of files such as ``frame-000000.color.png``."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if match := _SIDE_BY_SIDE.fullmatch(entry.name):
                kind = "color" if match[2] else "depth" if match[3] else "pose"
                yield int(match[1]), kind, folder / entry.name


def _numbered(folder: Path, suffixes: tuple[str, ...], found: dict[int, Path]) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            match = _NUMBERED.fullmatch(entry.name)
            if match and match[2].lower() in suffixes and not entry.name.startswith("."):
                _add(found, int(match[1]), folder / entry.name)


def _add(found: dict[int, Path], number: int, path: Path) -> None:
    if number in found:
        names = " and ".join(sorted((found[number].name, path.name)))
        raise SceneError(f"frame {number} is there twice ({names})", path=path.parent, remedy="remove one of the two")
    found[number] = path
