"""Replica as NICE-SLAM rendered it: eight rooms of colour and depth with exact poses.

::

    <root>/
    ├── cam_params.json                         {"camera": {"w", "h", "fx", "fy", "cx", "cy", "scale"}}; also in a room
    ├── <room>/                                 office0 … room2
    │   ├── results/{frame000000.jpg,depth000000.png} …
    │   ├── traj.txt                            one camera_to_world a line, 16 numbers; line i is of frame i
    │   └── [scene.toml]                        docs/own-captures.md
    └── [<room>_mesh.ply]                       or mesh.ply in the room

Frame ids are the numbers in the file names.

Conventions (NICE-SLAM's configuration): OpenCV axes, metres, z up; depth is along the camera's axis, ``scale`` (6553.5)
units a metre. NICE-SLAM's own code turns two axes of the poses for its own use only.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from ..errors import SceneError
from ._capture_frames import Capture, Lens, Shot, depth_storage, stated_lens
from ._capture_reader import CaptureReader, Parts
from ._capture_toml import SceneNotes
from ._files import size_of
from ._intrinsics_file import read_intrinsics
from ._trajectory import read_rows
from .base import Nearly

__all__ = ["READER", "ReplicaReader"]

_CAMERA: Final = "cam_params.json"
_ROOM: Final = "a room of Replica (NICE-SLAM)"
_UNITS: Final = 6553.5
_FILE: Final = re.compile(r"(frame|depth)(\d+)\.(jpe?g|png)", re.IGNORECASE | re.ASCII)


class ReplicaReader(CaptureReader):
    """Rooms of Replica in NICE-SLAM's layout."""

    name = "replica"
    provides = CaptureReader.provides | {"trajectory"}
    summary = "Replica as rendered for NICE-SLAM: results/, traj.txt, cam_params.json, meshes beside the rooms"
    layouts = ("<room>/results/{frame,depth}<n>.* + <room>/traj.txt + cam_params.json",)
    pose_file = "traj.txt"
    depth_file = "results/depth<n>.png"

    def is_scene(self, folder: Path) -> bool:
        return (folder / "results").is_dir() and (folder / "traj.txt").is_file()

    def nearly_scene(self, folder: Path) -> Nearly | None:
        place, poses = folder / "results", (folder / "traj.txt").is_file()
        if place.is_dir() and not poses and any(_files(place)):
            what = "one camera_to_world a line, 16 numbers"
            return Nearly(_ROOM, "traj.txt is missing", f"copy the room's traj.txt ({what}) beside results/")
        known = any((at / _CAMERA).is_file() for at in (folder, folder.parent))
        known = known or (folder.parent / f"{folder.name}_mesh.ply").is_file()
        if poses and known and not place.is_dir():
            what = "frame000000.jpg, depth000000.png …"
            return Nearly(_ROOM, "results/ is missing", f"copy the room's results/ ({what}) beside traj.txt")
        return None

    def gather(self, folder: Path, root: Path, notes: SceneNotes) -> Capture:
        images, depths = _files(folder / "results")
        if not images:
            what = "there are no images (frame000000.jpg)"
            raise SceneError(what, path=folder / "results", remedy="unpack the room again")
        trajectory = read_rows(folder / "traj.txt")
        camera = next((place / _CAMERA for place in (folder, root) if (place / _CAMERA).is_file()), None)
        units, reason = _UNITS, "Replica's scale"
        lens = _stated(notes, images[min(images)])
        if camera is not None:
            stated = read_intrinsics(camera)
            lens = lens or stated.lens(size_of(images[min(images)]))
            if stated.units_per_metre is not None:
                units, reason = stated.units_per_metre, f"scale in {_CAMERA}"
        if lens is None:
            raise SceneError(f"{_CAMERA} is missing", path=root, remedy="copy it there, or state [color] in scene.toml")
        if max(images) >= len(trajectory.poses):
            what = f"is cut short: it has {len(trajectory.poses)} poses, and there is {images[max(images)].name}"
            raise SceneError(what, path=trajectory.path, remedy="unpack the room again")
        return Capture(
            folder=folder,
            poses_from=trajectory.path,
            lens_from=camera or root,
            shots=[Shot(n, images[n], trajectory.poses[n], lens, depths.get(n)) for n in sorted(images)],
            depth=depth_storage(notes, units, reason),
            meshes=self.parts(folder, root).meshes,
            up=(0.0, 0.0, 1.0),
            is_trajectory=True,
        )

    def parts(self, folder: Path, root: Path) -> Parts:
        images, depths = _files(folder / "results") if (folder / "results").is_dir() else ({}, {})
        return Parts(
            folder / "results" if images else None,
            folder / "traj.txt" if (folder / "traj.txt").is_file() else None,
            folder / "results" if depths else None,
            (folder / "mesh.ply", root / f"{folder.name}_mesh.ply", folder / f"{folder.name}_mesh.ply"),
        )


def _stated(notes: SceneNotes, image: Path) -> Lens | None:
    return None if notes.color is None else stated_lens(notes.color, size_of(image))


def _files(folder: Path) -> tuple[dict[int, Path], dict[int, Path]]:
    """Colour and depth images by number."""
    found: dict[str, dict[int, Path]] = {"frame": {}, "depth": {}}
    with os.scandir(folder) as entries:
        for entry in entries:
            if match := _FILE.fullmatch(entry.name):
                files, number = found[match[1].lower()], int(match[2])
                if number in files:
                    what = f"{entry.name} and {files[number].name} are of one frame"
                    raise SceneError(what, path=folder, remedy="remove one of the two")
                files[number] = folder / entry.name
    return found["frame"], found["depth"]


READER: Final = ReplicaReader()
