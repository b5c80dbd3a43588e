"""Where the files of a ScanNet++ scene lie: dataset roots, scene folders, official names, split lists.

Nothing but split lists is opened here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ._colmap import model_files

__all__ = [
    "STREAMS",
    "VIDEOS",
    "Place",
    "Scans",
    "all_scenes",
    "first_file",
    "has_others_of_stream",
    "has_stream",
    "lacking",
    "locate",
    "numbered",
    "official_images",
    "present",
    "scans_of",
    "scene_folder",
    "splits",
]

STREAMS: Final = ("iphone", "dslr", "dslr_undistorted")

VIDEOS: Final = ("rgb.mkv", "rgb.mp4")
"""The second is what v1 shipped."""

_DATA: Final = "data"
_MESH: Final = "mesh_aligned_0.05.ply"
_OF_STREAM: Final = {
    "iphone": ("iphone/rgb.mkv", "iphone/rgb.mp4", "iphone/rgb"),
    "dslr": ("dslr/resized_images",),
    "dslr_undistorted": ("dslr/resized_undistorted_images",),
}
_BESIDE_VIDEO: Final = ("iphone/pose_intrinsic_imu.json", "iphone/depth.bin", "iphone/depth")
_OF_SCENE: Final = (
    f"scans/{_MESH}",
    "scans/segments_anno.json",
    "iphone/pose_intrinsic_imu.json",
    "dslr/nerfstudio/transforms.json",
    "dslr/train_test_lists.json",
    "panocam/images",
    "panocam/resized_images",
)
_TELLING: Final = (
    *_BESIDE_VIDEO,
    "iphone/rgb_mask.mkv",
    "dslr/original_images",
    "dslr/resized_anon_masks",
    "scans/segments.json",
    "scans/pc_aligned.ply",
)
_ID: Final = re.compile(r"[0-9a-f]{10}")
_LISTS: Final = {
    "train": ("nvs_sem_train",),
    "val": ("nvs_sem_val",),
    "test": ("nvs_test", "sem_test", "nvs_test_small", "nvs_test_iphone"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """What a path given by the user stands for: a root, the folder of its scenes, and the only scene wanted, if any."""

    root: Path
    folder: Path
    scene: str | None = None


@dataclass(frozen=True, slots=True)
class Scans:
    """The laser scan's files, whether or not they are there."""

    mesh: Path
    mask: Path
    segments: Path
    annotation: Path


def locate(path: Path) -> Place | None:
    """The dataset root and what is wanted of it, from a scene, a folder of scenes or a root; None if it is none."""
    path = Path(os.path.abspath(path))  # not resolve(): a linked data/ belongs where the link is
    if not path.is_dir():
        return None
    if _is_scene(path):
        return Place(_root_of(path.parent), path.parent, path.name)
    if _has_scenes(path):
        return Place(_root_of(path), path)
    return Place(path, path / _DATA) if _has_scenes(path / _DATA) else None


def lacking(folder: Path) -> tuple[str, ...] | None:
    """The images that a folder which is no scene lacks to be one; None where nothing points at the dataset."""
    cameras = [name for name in ("iphone", "dslr") if (folder / name).is_dir()]
    proof = any((folder / name).exists() for name in _TELLING)
    if not proof and not (cameras and _ID.fullmatch(folder.name)):
        return None
    return tuple(official_images(name) for name in cameras) or (official_images("iphone"),)


def all_scenes(place: Place) -> tuple[str, ...]:
    """Ids of every scene of a place, sorted, whatever is there of it."""
    if place.scene is not None:
        return (place.scene,)
    return tuple(sorted(folder.name for folder in _scenes_in(place.folder)))


def scene_folder(root: Path, scene: str) -> Path:
    """``data/<id>``, or ``<id>`` where the scenes lie in the root."""
    official = root / _DATA / scene
    return official if official.is_dir() else root / scene


def has_stream(folder: Path, stream: str) -> bool:
    """Whether a scene has images of a stream."""
    return any((folder / name).exists() for name in _OF_STREAM[stream])


def has_others_of_stream(folder: Path, stream: str) -> bool:
    """Whether a scene has files that are made for a stream's images alone: somebody wants it."""
    return stream == "iphone" and any((folder / name).exists() for name in _BESIDE_VIDEO)


def official_images(stream: str) -> str:
    """Where a scene has the images of a stream, as the dataset is handed out now."""
    return _OF_STREAM[stream][0]


def present(folder: Path) -> str:
    """What is there of a scene, for messages."""
    streams = [stream for stream in STREAMS if has_stream(folder, stream)]
    others = [name for name in ("scans", "panocam") if (folder / name).is_dir()]
    return ", ".join([*streams, *others]) or "nothing else"


def scans_of(folder: Path) -> Scans:
    """The scan's files of a scene folder."""
    scans = folder / "scans"
    return Scans(
        scans / _MESH, scans / "mesh_aligned_0.05_mask.txt", scans / "segments.json", scans / "segments_anno.json"
    )


def first_file(folder: Path, *names: str) -> Path | None:
    """The first of these names that is a file of a folder, or None."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def numbered(folder: Path, *suffixes: str) -> dict[int, Path]:
    """Files ``frame_<n>.<suffix>`` of a folder by their number; of several suffixes the first wins."""
    found: dict[int, Path] = {}
    if not folder.is_dir():
        return found
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    for suffix in reversed(suffixes):
        pattern = re.compile(rf"frame_(\d{{1,9}}){re.escape(suffix)}", re.IGNORECASE | re.ASCII)
        found.update({int(match[1]): folder / name for name in names if (match := pattern.fullmatch(name))})
    return found


def splits(root: Path) -> dict[str, str]:
    """The split of every listed scene; where lists disagree, what is held out stays held out (test, val, train)."""
    found: dict[str, str] = {}
    for split, lists in _LISTS.items():
        for name in lists:
            path = root / "splits" / f"{name}.txt"
            if path.is_file():
                found.update(dict.fromkeys(path.read_text(encoding="utf-8", errors="replace").split(), split))
    return found


def _root_of(folder: Path) -> Path:
    return folder.parent if folder.name == _DATA else folder


def _scenes_in(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.is_dir() and _is_scene(Path(entry.path)):
                yield Path(entry.path)


def _has_scenes(folder: Path) -> bool:
    return next(_scenes_in(folder), None) is not None


def _is_scene(folder: Path) -> bool:
    """Whether anything with an official name is there; ``scans``, ``iphone`` or ``dslr`` alone prove nothing."""
    names = (*_OF_SCENE, *(name for names in _OF_STREAM.values() for name in names))
    return any((folder / name).exists() for name in names) or any(
        model_files(folder / camera / "colmap") is not None for camera in ("iphone", "dslr")
    )
