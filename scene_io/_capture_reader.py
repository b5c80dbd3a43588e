"""What the readers of own captures share: scenes are folders, ``scene.toml`` has the last word."""

from __future__ import annotations

import logging
from abc import abstractmethod
from pathlib import Path
from typing import NamedTuple

from ..core.types import Scene
from ..errors import SceneError
from ._capture import assemble
from ._capture_files import find_mesh
from ._capture_frames import Capture
from ._capture_place import folder_of, in_other_dataset, locate, scene_id
from ._capture_toml import FILE_NAME, SceneNotes, notes_file, read_notes
from ._files import mean_bytes, size_of
from ._labels import label_map
from .base import FileNote, Inventory, Nearly, Reader, SceneRef, SceneSummary

__all__ = ["CaptureReader", "Parts"]

_log = logging.getLogger(__name__)


class Parts(NamedTuple):
    """Files and folders of a scene by their names alone, None where there are none; where a mesh may be, best first."""

    images: Path | None
    poses: Path | None
    depth: Path | None
    meshes: tuple[Path, ...]


class CaptureReader(Reader):
    """A format of own captures; a subclass tells its folders and lists their frames.

    ``pose_file`` and ``depth_file`` are how the format calls its poses and its depth, for ``doctor``.
    """

    provides = frozenset({"image", "perspective", "depth", "mesh", "instances", "silhouettes", "up", "time"})
    pose_file: str
    depth_file: str

    @abstractmethod
    def is_scene(self, folder: Path) -> bool:
        """Whether a folder holds a scene of this format; looks at names alone."""

    @abstractmethod
    def gather(self, folder: Path, root: Path, notes: SceneNotes) -> Capture:
        """The frames that a scene's folder lists.

        Raises:
            SceneError: when a file is missing, cut short or makes no sense, or nothing tells the intrinsics.
        """

    @abstractmethod
    def parts(self, folder: Path, root: Path) -> Parts:
        """What is there of a scene that cannot be gathered.

        Raises:
            SceneError: when two files are of one frame.
        """

    def detect(self, path: Path) -> Path | None:
        place = locate(path, self.is_scene)
        return place.root if place else None

    def nearly(self, path: Path) -> Nearly | None:
        return None if not path.is_dir() or in_other_dataset(path) else self.nearly_scene(path)

    @abstractmethod
    def nearly_scene(self, folder: Path) -> Nearly | None:
        """As ``nearly``, of a folder; looks at names alone."""

    def scenes(self, path: Path) -> tuple[SceneRef, ...]:
        place = locate(path, self.is_scene)
        if place is None:
            raise SceneError("no scenes found", path=path, remedy=f"looked for {', '.join(self.layouts)}")
        refs = []
        for folder in place.folders:
            scene, group = scene_id(folder)
            refs.append(SceneRef(id=scene, dataset=self.name, group=group, root=place.root, format=self.name))
        return tuple(sorted(refs, key=lambda ref: ref.id))

    def summary_of(self, ref: SceneRef) -> SceneSummary:
        folder = folder_of(ref.root, ref.id)
        shots = self._gathered(ref, read_notes(folder, ref.root)[0]).shots
        if not shots:
            return SceneSummary(0, 1, 1, 0)
        width, height = size_of(shots[0].image)
        return SceneSummary(len(shots), width, height, mean_bytes([shot.image for shot in shots]))

    def check_labels(self, labels: str, root: Path) -> None:
        label_map(labels, root)

    def inventory(self, ref: SceneRef) -> Inventory:
        folder = folder_of(ref.root, ref.id)
        layout, image, depth, poses, mesh = self.name, None, None, None, None
        notes_path, gives = notes_file(folder, ref.root), tuple[str, ...]()
        try:
            image, poses, depth, meshes = self.parts(folder, ref.root)
            mesh = next((path for path in meshes if path.is_file()), None)
            notes, _ = read_notes(folder, ref.root)
            mesh = find_mesh(folder, meshes, notes.mesh, notes_path)
            capture = self._gathered(ref, notes)
        except SceneError as error:
            _log.debug("%s: no inventory beyond names: %s", ref.id, error)  # reading the scene reports it
        else:
            layout = "; ".join((self.name, *capture.notes))
            image = next((shot.image.parent for shot in capture.shots), None)
            depth = next((shot.depth.parent for shot in capture.shots if shot.depth), None)
            poses = capture.poses_from
            gives = ("instances", "silhouettes") if notes.instances else ()
        return Inventory(
            layout=layout,
            files=(
                FileNote("colour images", image, ("image",)),
                FileNote(self.pose_file, poses, ("image",)),
                FileNote(self.depth_file, depth, ("depth",)),
                FileNote("mesh.ply", mesh, ("mesh", "silhouettes")),
                FileNote(FILE_NAME, notes_path, gives),
            ),
        )

    def read(self, ref: SceneRef, *, labels: str = "raw") -> Scene:
        mapping = label_map(labels, ref.root)
        notes, notes_path = read_notes(folder_of(ref.root, ref.id), ref.root)
        return assemble(ref, self._gathered(ref, notes), notes, notes_path, mapping)

    def _gathered(self, ref: SceneRef, notes: SceneNotes) -> Capture:
        """The listed frames in the order of their numbers, with what ``scene.toml`` says about lengths and depth."""
        folder = folder_of(ref.root, ref.id)
        if not self.is_scene(folder):
            raise SceneError(
                f"is no scene of the format {self.name}", path=folder, remedy=f"looked for {', '.join(self.layouts)}"
            )
        capture = self.gather(folder, ref.root, notes)
        capture.shots.sort(key=lambda shot: shot.number)
        if any(shot.depth for shot in capture.shots):
            depth = capture.depth
            coding = " turned by three bits" if depth.rotated else ""
            kind = "along the ray" if depth.ray else "along the camera's axis"
            capture.notes.append(f"depth{coding} {kind}, {depth.units_per_metre:g} units a metre ({depth.reason})")
        return capture
