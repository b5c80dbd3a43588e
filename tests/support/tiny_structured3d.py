"""A Structured3D scene in every layout, for the contract all readers share (see ``tiny_scannet``)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .structured3d_writer import write_scene

SCENE = "scene_00012"


def merged(root: Path) -> Path:
    """All zip files unpacked into one folder."""
    return write_scene(root / "Structured3D" / SCENE) / "bbox_3d.json"


def parts(root: Path) -> Path:
    """Each zip file in a folder of its own."""
    shards = [
        root / f"Structured3D_{name}" / "Structured3D" / SCENE
        for name in ("perspective_full_00", "bbox", "annotation_3d")
    ]
    write_scene(shards[0], boxes_in=shards[1], annotation_in=shards[2])
    return shards[2] / "annotation_3d.json"


def bare(root: Path) -> Path:
    """A folder of scenes, whatever its name."""
    scene = write_scene(root / SCENE)
    return scene / "2D_rendering" / "90" / "perspective" / "full" / "10" / "instance.png"


def empty(root: Path) -> Path:
    """Unfurnished views only."""
    return write_scene(root / SCENE, variant="empty") / "annotation_3d.json"


LAYOUTS: dict[str, Callable[[Path], Path]] = {"merged": merged, "parts": parts, "bare": bare, "empty": empty}
