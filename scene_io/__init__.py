"""Readers of scene formats: one file a format, found by name.

``open_scenes(path)`` detects the format; a reader's own file draws the folder tree it reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..core import registry
from ..errors import SceneError
from .base import Reader, SceneRef, SceneSummary

__all__ = ["Reader", "SceneRef", "SceneSummary", "available", "detect", "load"]


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
        SceneError: when nothing is there, no reader knows it, or more than one claims it.
    """
    if not path.exists():
        raise SceneError(
            "no such file or folder", path=path, remedy="give a scene, a folder of scenes or a dataset root"
        )
    readers: Iterable[Reader] = [load(format)] if format else [load(name) for name in available()]
    found = [(reader, root) for reader in readers if (root := reader.detect(path)) is not None]
    if not found:
        looked_for = "; ".join(f"{reader.name}: {', '.join(reader.layouts)}" for reader in readers)
        raise SceneError("no scenes found", path=path, remedy=f"looked for {looked_for}")
    if len(found) > 1:
        claims = ", ".join(reader.name for reader, _ in found)
        raise SceneError(f"several formats claim this folder ({claims})", path=path, remedy="choose one with --format")
    return found[0]
