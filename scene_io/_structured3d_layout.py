"""Where the files of a Structured3D scene lie: roots, unpacked zip files, rooms and views. Nothing is opened here.

The dataset comes as zip files that each hold ``Structured3D/scene_<n>/...``: annotations, boxes with instance maps,
panoramas, and perspective views full and empty, in 18 parts each. Unpacked into one folder they merge by themselves;
unpacked into a folder each, they lie side by side. Both are one root here, and a scene is the union of its folders.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = [
    "IMAGE",
    "INVALID_SCENES",
    "PANORAMA",
    "PERSPECTIVE",
    "ZIP_FILES",
    "Place",
    "Rendering",
    "View",
    "containers",
    "find",
    "has_images",
    "lacking",
    "locate",
    "rendering",
    "scene_ids",
    "shards",
    "split_of",
]

PERSPECTIVE: Final = "perspective"
PANORAMA: Final = "panorama"
IMAGE: Final = "rgb_rawlight.png"
ZIP_FILES: Final = {PERSPECTIVE: "Structured3D_perspective_full_*.zip", PANORAMA: "Structured3D_panorama_*.zip"}
"""Where a stream's images come from."""

INVALID_SCENES: Final = frozenset(
    {"scene_01155", "scene_01192", "scene_01714", "scene_01816", "scene_01852", "scene_03398"}
)
"""Scenes that the dataset's own ``metadata/errata.txt`` calls invalid."""

_VARIANTS: Final = {PERSPECTIVE: ("full", "empty"), PANORAMA: ("full", "simple", "empty")}
_SCENE: Final = re.compile(r"scene_(\d{5})")
_DATASET: Final = "Structured3D"  # the folder in every zip file
_PART: Final = re.compile(r"Structured3D_(annotation_3d|bbox|panorama_\d+|perspective_(full|empty)_\d+)", re.ASCII)
"""The zip files' names. Folders of any other name, ``structured3d_mine`` too, are roots of their own."""
_RENDERINGS: Final = "2D_rendering"
_FIRST_VAL, _FIRST_TEST = 3000, 3250  # README: 0-2999 training, 3000-3249 validation, the rest testing


@dataclass(frozen=True, slots=True)
class Place:
    """What a path given by the user stands for: a root, the folders of scenes to list, and the only scene or None."""

    root: Path
    containers: tuple[Path, ...]
    scene: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """One image of a scene.

    Attributes:
        id: ``<room>/<position>``, of a panorama ``<room>/panorama``.
        room: its room's id.
        files: by name, wherever the parts hold them; the camera's file among them.
    """

    id: str
    room: str
    files: dict[str, Path]


@dataclass(frozen=True, slots=True)
class Rendering:
    """A scene as it was rendered once: ``full`` (furnished), ``simple`` or ``empty``."""

    variant: str
    views: tuple[View, ...]


def locate(path: Path) -> Place | None:
    """The dataset root and what is wanted of it, from a scene, a folder of scenes or a root; None if it is none."""
    path = Path(os.path.abspath(path))  # not resolve(): a linked folder belongs where the link is
    if _is_scene(path):
        return Place(_root_of(path.parent), (path.parent,), path.name)
    if not path.is_dir():
        return None
    found = containers(path)
    return Place(_root_of(found[0]), found) if found else None


def lacking(folder: Path) -> tuple[str, str, str] | None:
    """What a folder that is no scene looks like, what it lacks, and what to do; None where it looks like nothing."""
    if any(name.endswith(".zip") and _PART.fullmatch(name.removesuffix(".zip")) for name in _names(folder)):
        return "the download of Structured3D", "its zip files are not unpacked", "unpack all of them into one folder"
    named = _SCENE.fullmatch(folder.name) is not None
    rooms = [room for room in _folders(folder / _RENDERINGS) if room.isdecimal()]
    if not named and (rooms or (folder / "bbox_3d.json").is_file()):
        what = "its folder is not called scene_<n>, with five digits"
        return "a scene of Structured3D", what, "give the folder its name in the dataset, such as scene_00000"
    if named and not rooms and any(_folders(folder / room) for room in _folders(folder) if room.isdecimal()):
        what = f"move the rooms' folders into {_RENDERINGS}/, as they are in the zip files"
        return "a scene of Structured3D", f"{_RENDERINGS}/ is missing", what
    return None


def containers(root: Path) -> tuple[Path, ...]:
    """Folders of scenes at a root: itself, and what the zip files were unpacked to, in the order of their names."""
    parts = sorted(name for name in _folders(root) if _PART.fullmatch(name))
    candidates = [root, root / _DATASET, *(root / name / inner for name in parts for inner in ("", _DATASET))]
    return tuple(folder for folder in candidates if next(_scenes_in(folder), None) is not None)


def scene_ids(places: Iterable[Path]) -> tuple[str, ...]:
    """Ids of the scenes in some folders, sorted."""
    return tuple(sorted({name for folder in places for name in _scenes_in(folder)}))


def shards(places: Iterable[Path], scene: str) -> tuple[Path, ...]:
    """A scene's folders, one or more."""
    return tuple(folder / scene for folder in places if (folder / scene).is_dir())


def find(parts: Iterable[Path], name: str) -> Path | None:
    """A file of the scene, from the first part that has it."""
    return next((part / name for part in parts if (part / name).is_file()), None)


def split_of(scene: str) -> str:
    """The official split, by number."""
    match = _SCENE.fullmatch(scene)
    number = int(match[1]) if match else 0
    return "train" if number < _FIRST_VAL else "val" if number < _FIRST_TEST else "test"


def has_images(parts: Iterable[Path], stream: str) -> bool:
    """Whether there is any colour image of a stream."""
    return any(
        (folder / IMAGE).is_file()
        for variant in _VARIANTS[stream]
        for part in parts
        for _, _, folder in _view_folders(part, stream, variant)
    )


def rendering(parts: tuple[Path, ...], stream: str) -> Rendering | None:
    """A scene's views: the first of full, simple and empty that has a colour image; None without any.

    One rendering a scene, because a furnished and an empty image of one place contradict each other.
    """
    for variant in _VARIANTS[stream]:
        found: dict[tuple[int, str, int, str], dict[str, Path]] = {}
        for part in parts:
            for room, position, folder in _view_folders(part, stream, variant):
                key = (int(room), room, int(position) if position.isdecimal() else -1, position)
                files = found.setdefault(key, {})
                for source in (folder, *((folder.parent,) if stream == PANORAMA else ())):
                    for name in _names(source):
                        files.setdefault(name, source / name)
        if any(IMAGE in files for files in found.values()):
            views = (View(f"{key[1]}/{key[3]}", key[1], found[key]) for key in sorted(found))
            return Rendering(variant, tuple(views))
    return None


def _view_folders(part: Path, stream: str, variant: str) -> Iterator[tuple[str, str, Path]]:
    """Room, position and folder of each view that one part of a scene holds."""
    for room in _folders(part / _RENDERINGS):
        if not (room.isascii() and room.isdecimal()):
            continue
        base = part / _RENDERINGS / room / stream / variant
        if stream == PANORAMA:
            if base.is_dir():
                yield room, PANORAMA, base
            continue
        for position in _folders(base):
            if position.isascii() and position.isdecimal():
                yield room, position, base / position


def _root_of(container: Path) -> Path:
    """The folder that a folder of scenes was unpacked into; itself where its name is not one the zip files make."""
    if container.name == _DATASET:
        parent = container.parent
        return parent.parent if _PART.fullmatch(parent.name) else parent
    return container.parent if _PART.fullmatch(container.name) else container


def _is_scene(folder: Path) -> bool:
    return _SCENE.fullmatch(folder.name) is not None and (
        (folder / _RENDERINGS).is_dir()
        or (folder / "annotation_3d.json").is_file()
        or (folder / "bbox_3d.json").is_file()
    )


def _scenes_in(folder: Path) -> Iterator[str]:
    return (name for name in _folders(folder) if _is_scene(folder / name))


def _folders(path: Path) -> list[str]:
    """Names of the folders in a folder; none where it is not there or not ours to read."""
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def _names(path: Path) -> list[str]:
    """Names of the files in a folder; none where it is none."""
    if not path.is_dir():
        return []
    with os.scandir(path) as entries:
        return [entry.name for entry in entries if entry.is_file()]
