"""Readers of scene formats: one file a format, found by name.

``open_scenes(path)`` detects the format; a reader's own file draws the folder tree it reads.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..core import registry
from ..errors import SceneError
from .base import Nearly, Reader, SceneRef, SceneSummary

__all__ = ["Nearly", "Reader", "SceneRef", "SceneSummary", "available", "detect", "incomplete", "load"]


def available() -> tuple[str, ...]:
    """Names of all formats."""
    return registry.names(__name__)


def load(name: str) -> Reader:
    """The reader of a format.

    Raises:
        UnknownName: for a name that is not a format; suggests near ones.
    """
    reader = registry.load(__name__, name, "READER", kind="format")
    assert isinstance(reader, Reader), f"{name}.READER is not a Reader"
    return reader


def detect(path: Path, format: str | None = None) -> tuple[Reader, Path]:
    """The reader that knows the layout at ``path``, and the dataset root it belongs to.

    Raises:
        SceneError: when nothing is there, no reader knows it (says what it lacks where it looks like a format), or more
            than one claims it.
    """
    if not path.exists():
        raise SceneError(
            "no such file or folder", path=path, remedy="give a scene, a folder of scenes or a dataset root"
        )
    readers: Sequence[Reader] = [load(format)] if format else [load(name) for name in available()]
    found = [(reader, root) for reader in readers if (root := reader.detect(path)) is not None]
    if not found:
        for place in _places(path):
            if hints := [hint for reader in readers if (hint := _nearly(reader, place)) is not None]:
                what = "; or ".join(f"looks like {hint.kind}, but {hint.lacks}" for hint in hints)
                raise SceneError(what, path=place, remedy="; or ".join(hint.remedy for hint in hints))
        looked_for = "; ".join(f"{reader.name}: {', '.join(reader.layouts)}" for reader in readers)
        raise SceneError("no scenes found", path=path, remedy=f"looked for {looked_for}")
    if len(found) > 1:
        claims = ", ".join(reader.name for reader, _ in found)
        raise SceneError(f"several formats claim this folder ({claims})", path=path, remedy="choose one with --format")
    return found[0]


def incomplete(root: Path, format: str | None = None) -> list[tuple[Path, Nearly]]:
    """Folders right below a dataset root that look like scenes but lack something, with what they lack."""
    if not root.is_dir():
        return []
    readers = [load(format)] if format else [load(name) for name in available()]
    found = []
    for place in _places(root)[1:]:
        hint = next((hint for reader in readers if (hint := _nearly(reader, place)) is not None), None)
        if hint is not None and all(reader.detect(place) is None for reader in readers):
            found.append((place, hint))
    return found


def _places(path: Path) -> list[Path]:
    """Where to look for what something nearly is: the path, the folder around a file, the folders in a folder."""
    if not path.is_dir():
        return [path, path.parent]
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except PermissionError:
        return []
    return [path, *(path / name for name in names)]


def _nearly(reader: Reader, place: Path) -> Nearly | None:
    try:
        return reader.nearly(place)
    except PermissionError:
        return None  # somebody else's folder beside the data
