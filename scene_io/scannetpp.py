"""ScanNet++, v1 and v2: iPhone video with depth, DSLR images (fisheye or undistorted), laser-scanned mesh.

::

    <root>/
    ├── data/<id>/                              <id>: ten hexadecimal digits
    │   ├── scans/
    │   │   ├── mesh_aligned_0.05.ply           mesh; the aligned world of everything else
    │   │   ├── mesh_aligned_0.05_mask.txt      vertices hidden for privacy: in no object
    │   │   └── segments.json  segments_anno.json   objects (absent in test scenes)
    │   ├── iphone/                             --stream iphone (the default)
    │   │   ├── rgb.mkv (v1: rgb.mp4)           or extracted: rgb/frame_%06d.jpg
    │   │   ├── [rgb_mask.mkv]                  or extracted: rgb_masks/frame_%06d.png
    │   │   ├── depth.bin                       or extracted: depth/frame_%06d.png
    │   │   ├── pose_intrinsic_imu.json         times, intrinsics, aligned_pose
    │   │   ├── [colmap/{cameras,images}.txt|bin]
    │   │   └── [nerfstudio/transforms.json]
    │   └── dslr/
    │       ├── resized_images/*.JPG            --stream dslr
    │       ├── [resized_anon_masks/*.png]
    │       ├── colmap/{cameras,images}.txt|bin     or nerfstudio/transforms.json, which also says is_bad
    │       ├── resized_undistorted_images/*.JPG    --stream dslr_undistorted
    │       ├── [resized_undistorted_masks/*.png]
    │       └── nerfstudio/{transforms,transforms_undistorted}.json
    ├── splits/*.txt
    └── metadata/semantic_benchmark/map_benchmark.csv   for --labels

A folder of scene folders with any other name than ``data`` is a root of its own, ``<folder>/<id>/``. Frame ids are the
number in the video, without padding, or the DSLR image's file name without its extension.

Splits: ``nvs_sem_train`` is train, ``nvs_sem_val`` is val, ``nvs_test``, ``sem_test``, ``nvs_test_small`` and
``nvs_test_iphone`` are test; a scene on several lists is what it is held out for (test, then val).

Conventions (ScanNet++ documentation and toolkit): metres, z up, the mesh's world. Of the iPhone's poses COLMAP's are
used where they are there (some frames have none and are left out), else nerfstudio's, else ``aligned_pose``; the raw
ARKit ``pose`` never. Depth is Z and has the video's field of view: its intrinsics are the video's, rescaled. Masks are
255 where pixels are good. Overlapping objects: a vertex belongs to the smallest.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from ..core.types import Scene
from ..errors import SceneError
from . import _scannetpp_dslr as dslr
from . import _scannetpp_iphone as iphone
from . import _scannetpp_layout as layout
from ._colmap import missing_files, model_files
from ._mesh import read_mesh
from ._scannetpp_annotation import read_annotation
from ._scannetpp_frames import Table, to_frames
from ._scannetpp_labels import naming
from .base import FileNote, Inventory, Nearly, Reader, SceneRef, SceneSummary

__all__ = ["READER", "ScanNetPPReader"]

_log = logging.getLogger(__name__)

_UP: Final = (0.0, 0.0, 1.0)
_NAMED: Final = 5
"""Scenes that a warning names."""


class ScanNetPPReader(Reader):
    """Scenes of ScanNet++."""

    name = "scannetpp"
    summary = "ScanNet++ v1 and v2: iPhone video and depth, DSLR images (fisheye or undistorted), laser mesh"
    layouts = (
        "data/<id>/iphone/rgb.mkv + pose_intrinsic_imu.json + depth.bin",
        "data/<id>/iphone/{rgb,depth}/frame_<n>.*",
        "data/<id>/dslr/resized_images/*.JPG + colmap/",
        "data/<id>/scans/mesh_aligned_0.05.ply + segments.json + segments_anno.json",
    )
    provides = frozenset(
        {"image", "perspective", "depth", "mesh", "instances", "silhouettes", "up", "time", "trajectory"}
    )
    streams = layout.STREAMS

    def detect(self, path: Path) -> Path | None:
        place = layout.locate(path)
        return place.root if place else None

    def nearly(self, path: Path) -> Nearly | None:
        missing = layout.lacking(path)
        if missing is None:
            return None
        names = " and ".join(missing)
        verb = "is" if len(missing) == 1 else "are"
        return Nearly(
            "a scene of ScanNet++", f"{names} {verb} missing", f"download the scene's {names} (its images) into it"
        )

    def scenes(self, path: Path, stream: str | None = None) -> tuple[SceneRef, ...]:
        """As in ``Reader``; where some scenes have images of the stream, those with nothing of it are left out.

        A scene that has the stream's poses or depth is listed without them: reading it tells what is missing.

        Raises:
            SceneError: when there is no scene, or none with images of the stream; says what is there instead.
        """
        place = layout.locate(path)
        if place is None:
            raise SceneError("no scenes found", path=path, remedy=f"looked for {', '.join(self.layouts)}")
        wanted = stream or self.streams[0]
        ids = layout.all_scenes(place)
        folders = {scene: layout.scene_folder(place.root, scene) for scene in ids}
        pictured = {scene for scene, folder in folders.items() if layout.has_stream(folder, wanted)}
        if not pictured:
            raise _without(folders[ids[0]], wanted)
        usable = [
            scene
            for scene, folder in folders.items()
            if scene in pictured or layout.has_others_of_stream(folder, wanted)
        ]
        if without := [scene for scene in ids if scene not in usable]:
            _log.warning(
                "%s: %s no images of the stream %s (%s is missing) and %s left out: %s",
                path,
                "1 scene has" if len(without) == 1 else f"{len(without)} scenes have",
                wanted,
                layout.official_images(wanted),
                "is" if len(without) == 1 else "are",
                ", ".join(without[:_NAMED]) + (", …" if len(without) > _NAMED else ""),
            )
        splits = layout.splits(place.root)
        return tuple(
            SceneRef(
                id=scene,
                dataset="scannetpp",
                group=scene,
                root=place.root,
                format=self.name,
                split=splits.get(scene),
                stream=wanted,
            )
            for scene in usable
        )

    def summary_of(self, ref: SceneRef) -> SceneSummary:
        folder, stream = _folder(ref)
        return iphone.summary(folder / "iphone") if stream == "iphone" else dslr.summary(folder / "dslr", stream)

    def check_labels(self, labels: str, root: Path) -> None:
        naming(labels, root)

    def inventory(self, ref: SceneRef) -> Inventory:
        folder = layout.scene_folder(ref.root, ref.id)
        stream = ref.stream or self.streams[0]
        scans = layout.scans_of(folder)
        found = _iphone_files(folder / "iphone") if stream == "iphone" else _dslr_files(folder / "dslr", stream)
        kind = (
            iphone.cameras_kind(folder / "iphone") if stream == "iphone" else dslr.cameras_kind(folder / "dslr", stream)
        )
        return Inventory(
            layout=f"{stream}, {kind}",
            files=(
                *found,
                _note("scans/mesh_aligned_0.05.ply", scans.mesh, "mesh", "instances", "silhouettes"),
                _note("scans/segments.json", scans.segments, "instances", "silhouettes"),
                _note("scans/segments_anno.json", scans.annotation, "instances", "silhouettes"),
                _note("scans/mesh_aligned_0.05_mask.txt", scans.mask),
            ),
        )

    def read(self, ref: SceneRef, *, labels: str = "raw") -> Scene:
        names = naming(labels, ref.root)
        folder, stream = _folder(ref)
        table = _table(folder, ref.root, stream)
        frames = to_frames(table)
        # A video keeps the order in which it was taken; photos are stated in that of their names.
        extra = frozenset({"trajectory"}) if stream == "iphone" else frozenset()
        scans = layout.scans_of(folder)
        if not scans.mesh.is_file():
            if not any(frame.has_depth for frame in frames):
                raise SceneError(
                    "no frame has depth and there is no mesh",
                    path=folder,
                    remedy="download scans/mesh_aligned_0.05.ply" + (" or depth.bin" if stream == "iphone" else ""),
                )
            return Scene(
                id=ref.id, dataset=ref.dataset, group=ref.group, frames=frames, up=np.array(_UP), split=ref.split,
                skipped=MappingProxyType(dict(table.skipped)), extra_capabilities=extra,
            )  # fmt: skip
        vertices, faces = read_mesh(scans.mesh)
        annotation = read_annotation(scans, len(vertices), names)
        if annotation.problem is not None:
            _log.warning("%s", annotation.problem)
        return Scene(
            id=ref.id,
            dataset=ref.dataset,
            group=ref.group,
            frames=frames,
            vertices=vertices.astype(np.float32),
            faces=faces,
            vertex_instance=annotation.vertex_instance,
            instances=annotation.instances,
            up=np.array(_UP),
            split=ref.split,
            skipped=MappingProxyType(dict(Counter(table.skipped) + annotation.skipped)),
            extra_capabilities=extra,
        )


def _folder(ref: SceneRef) -> tuple[Path, str]:
    """A scene's folder and the stream wanted of it, which is there."""
    folder, stream = layout.scene_folder(ref.root, ref.id), ref.stream or layout.STREAMS[0]
    if not layout.has_stream(folder, stream):
        raise _without(folder, stream)
    return folder, stream


def _without(folder: Path, stream: str) -> SceneError:
    there = [other for other in layout.STREAMS if layout.has_stream(folder, other)]
    missing = layout.official_images(stream)
    choice = f", or choose --stream {' or '.join(there)}" if there else ""
    return SceneError(
        f"the scene has no images of the stream {stream}: {missing} is missing; there is {layout.present(folder)}",
        path=folder,
        remedy=f"download the scene's {missing}{choice}",
    )


def _table(folder: Path, root: Path, stream: str) -> Table:
    if stream == "iphone":
        return iphone.table(folder / "iphone", root)
    return dslr.table(folder / "dslr", root, stream)


def _iphone_files(folder: Path) -> tuple[FileNote, ...]:
    video = layout.first_file(folder, *layout.VIDEOS)
    extracted = layout.numbered(folder / "rgb", ".jpg", ".jpeg", ".png")
    depth = folder / "depth" if layout.numbered(folder / "depth", ".png") else folder / "depth.bin"
    nerfstudio = folder / "nerfstudio" / "transforms.json"
    masks = folder / "rgb_masks" if (folder / "rgb_masks").is_dir() else folder / "rgb_mask.mkv"
    return (
        _note("iphone/rgb.mkv (or rgb.mp4, or rgb/)", folder / "rgb" if extracted or not video else video, "image"),
        _note("iphone/depth.bin (or depth/)", depth, "depth"),
        _note("iphone/pose_intrinsic_imu.json", folder / iphone.POSES, "time"),
        _model_note(folder),
        *([_note("iphone/nerfstudio/transforms.json", nerfstudio)] if nerfstudio.is_file() else []),
        _note("iphone/rgb_mask.mkv (or rgb_masks/)", masks),
    )


def _dslr_files(folder: Path, stream: str) -> tuple[FileNote, ...]:
    names = dslr.names_of(stream)
    return (
        _note(f"dslr/{names.images}/", folder / names.images, "image"),
        _model_note(folder),
        _note(f"dslr/{names.transforms}", folder / names.transforms),
        _note(f"dslr/{names.masks}/", folder / names.masks),
    )


def _model_note(folder: Path) -> FileNote:
    """The COLMAP model of a camera's folder; of half a model, the half that is missing."""
    model = model_files(folder / "colmap")
    half = " and ".join(path.name for path in missing_files(folder / "colmap"))
    return FileNote(f"{folder.name}/colmap/{half or 'images.txt'}", model[1] if model else None, ())


def _note(name: str, path: Path | None, *capabilities: str) -> FileNote:
    return FileNote(name, path if path is not None and path.exists() else None, capabilities)


READER: Final = ScanNetPPReader()
