"""Small ScanNet scenes to run on: a box-shaped room, a few frames of 96 x 72 pixels."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from . import box_room
from .scannet_writer import write_export, write_scan

FRAMES = 4


class SceneFolder:
    """A folder of scenes in the exported ScanNet layout; scenes can be added, broken and repaired."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, *names: str) -> SceneFolder:
        vertices, faces = box_room.mesh(8)
        segments, groups = box_room.annotation(vertices)
        for name in names:
            folder = self.root / name
            write_scan(folder, vertices, faces, alignment=box_room.ALIGNMENT, segments=segments, groups=groups)
            write_export(folder, box_room.take(FRAMES))
        return self

    def break_mesh(self, name: str) -> None:
        (mesh,) = (self.root / name).glob("*_vh_clean_2.ply")
        shutil.copy(mesh, mesh.with_suffix(".kept"))
        mesh.write_bytes(mesh.read_bytes()[:-500])

    def repair(self, name: str) -> None:
        (kept,) = (self.root / name).glob("*.kept")
        kept.rename(kept.with_suffix(".ply"))


def digests(out: Path) -> dict[str, str]:
    """Content of everything that holds rows in a run directory, by relative path."""
    files = [*out.glob("data/*/*.parquet"), out / "frames.parquet"]
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}
