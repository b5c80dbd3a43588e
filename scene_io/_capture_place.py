"""Where own captures lie: a scene is a folder, a dataset root the folder around scenes.

Sequences of one place, in folders called ``seq-01`` and so on (7-Scenes, 3DMatch), belong together: they are scenes
``<place>_seq-01`` of the group ``<place>``, and the root is the folder around the places.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Place", "folder_of", "in_other_dataset", "locate", "scene_id"]

_SEQUENCE: Final = re.compile(r"seq-?\d+", re.ASCII)
_SCANNETPP_ID: Final = re.compile(r"[0-9a-f]{10}")
_SEQUENCE_ID: Final = re.compile(r"(.+)_(seq-?\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A dataset root, and the scenes' folders that are wanted of it, sorted."""

    root: Path
    folders: tuple[Path, ...]


def locate(path: Path, is_scene: Callable[[Path], bool]) -> Place | None:
    """The root and scenes that a path stands for (a scene, a file in its folder, a place or a root); None if none.

    Args:
        path: as the user gave it.
        is_scene: whether a folder holds a scene of the format.
    """
    path = Path(os.path.abspath(path))  # not resolve(): a linked scene belongs where the link is
    if path.is_file():
        path = path.parent
    if not path.is_dir() or in_other_dataset(path):
        return None

    def wanted(folder: Path) -> bool:
        try:
            return not in_other_dataset(folder) and is_scene(folder)
        except PermissionError:
            return False  # somebody else's folder beside the data

    if wanted(path):
        return Place(path.parent.parent if _SEQUENCE.fullmatch(path.name) else path.parent, (path,))
    below = _folders(path)
    if sequences := tuple(folder for folder in below if _SEQUENCE.fullmatch(folder.name) and wanted(folder)):
        return Place(path.parent, sequences)
    found: list[Path] = []
    for folder in below:
        if wanted(folder):
            found.append(folder)
        else:
            found += [inner for inner in _folders(folder) if _SEQUENCE.fullmatch(inner.name) and wanted(inner)]
    return Place(path, tuple(found)) if found else None


def scene_id(folder: Path) -> tuple[str, str]:
    """Id and group of a scene."""
    if _SEQUENCE.fullmatch(folder.name):
        return f"{folder.parent.name}_{folder.name}", folder.parent.name
    return folder.name, folder.name


def folder_of(root: Path, scene: str) -> Path:
    """The folder of a scene, where ``locate`` found it."""
    match = _SEQUENCE_ID.fullmatch(scene)
    inner = root / match[1] / match[2] if match else root / scene
    return inner if match and inner.is_dir() else root / scene


def in_other_dataset(folder: Path) -> bool:
    """Whether a folder belongs to a dataset with a reader of its own that keeps COLMAP models and the like inside.

    ScanNet++ does: ``<ten hexadecimal digits>/{scans,iphone,dslr}``.
    """
    return any(_is_scannetpp_scene(place) for place in (folder, *folder.parents[:3]))


def _is_scannetpp_scene(folder: Path) -> bool:
    streams = (folder / "iphone").is_dir() or (folder / "dslr").is_dir()
    return streams and (bool(_SCANNETPP_ID.fullmatch(folder.name)) or (folder / "scans").is_dir())


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except PermissionError:
        return []
