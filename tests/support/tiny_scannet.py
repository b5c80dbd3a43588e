"""The box room in every ScanNet layout, for the contract all readers share (``tests/scene_io/test_contract.py``).

A reader called ``<name>`` has a ``tiny_<name>`` here: ``LAYOUTS`` maps a layout's name to a function that writes
one scene below a root and returns the file to damage.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import box_room
from .scannet_writer import write_export, write_posed, write_scan, write_sens

SCENE = "scene0707_00"


def _scan(root: Path) -> Path:
    vertices, faces = box_room.mesh()
    segments, groups = box_room.annotation(vertices)
    folder = root / "scans" / SCENE
    return write_scan(folder, vertices, faces, alignment=box_room.ALIGNMENT, segments=segments, groups=groups)


def raw(root: Path) -> Path:
    return write_sens(_scan(root) / f"{SCENE}.sens", box_room.take())


def export(root: Path) -> Path:
    return write_export(_scan(root) / "exported", box_room.take()) / "intrinsic" / "intrinsic_color.txt"


def frames_25k(root: Path) -> Path:
    _scan(root)
    folder = write_export(root / "scannet_frames_25k" / SCENE, box_room.take(), padding=6, frames_25k=True)
    return folder / "intrinsics_depth.txt"


def posed_images(root: Path) -> Path:
    _scan(root)
    return write_posed(root / "posed_images" / SCENE, box_room.take()) / "intrinsic.txt"


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "raw": raw,
    "export": export,
    "frames_25k": frames_25k,
    "posed_images": posed_images,
}
SIZE, ALIGNMENT = box_room.SIZE, box_room.ALIGNMENT
