"""ScanNet v2: the raw release, and the exports people really have.

::

    <root>/
    ├── scans/<id>/                      raw release (scans_test/<id>/: test scans, without annotation)
    │   ├── <id>.sens                    colour, depth, poses, intrinsics
    │   ├── <id>.txt                     axisAlignment (absent in test scans)
    │   ├── <id>_vh_clean_2.ply          mesh, with <id>_vh_clean_2.0.010000.segs.json and <id>.aggregation.json
    │   ├── <id>_vh_clean.ply            full mesh, with <id>_vh_clean.segs.json and <id>_vh_clean.aggregation.json
    │   └── [exported/]                  SensReader export, here or in a folder of its own
    │       ├── color/<n>.jpg|png  depth/<n>.png  pose/<n>.txt
    │       └── intrinsic/intrinsic_{color,depth}.txt
    ├── posed_images/<id>/               <n>.jpg, [<n>.png (depth)], <n>.txt, intrinsic.txt, [depth_intrinsic.txt]
    ├── scannet_frames_25k/<id>/         {color,depth,pose}/<n>.*, intrinsics_{color,depth}.txt
    ├── scannetv2-labels.combined.tsv    for --labels nyu40 (also in tasks/)
    └── scannetv2_{train,val,test}.txt   split lists (also in meta_data/, Tasks/Benchmark/, splits/ or beside the root)

A folder of scene folders with any other name is a root of its own, ``<folder>/<id>/``. Everything below one root is
one scene: mesh, labels and ``<id>.txt`` come from ``scans``, ``scans_test`` or ``<root>/<id>``; frames from the first
of ``<id>.sens``, an export, ``posed_images``, ``scannet_frames_25k`` that has depth, or the first that has frames.
Beside ``scans`` a folder of any name may hold exported frames (``frames/<id>/color`` …, or ``frames/<id>/<n>.jpg`` with
``<n>.txt``) once one of its scenes is in ``scans`` too; such folders come last, in the order of their names.
Frame ids are the numbers in the ``.sens`` file or in the file names, without padding.

Conventions (ScanNet's SensReader and README): poses are camera_to_world with OpenCV axes, metres, z up, raw world;
``axisAlignment`` of ``<id>.txt`` turns cameras and mesh alike into the aligned world. Depth is Z in millimetres, 0
unknown. Colour and depth are registered: ``colorToDepthExtrinsics`` is not applied, and each image is projected with
its own intrinsics. The nominal ``fx_color`` … of ``<id>.txt`` are not used.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.counted import counted
from ..core.types import Camera, Frame, Scene
from ..errors import SceneError
from . import _scannet_exported as exported
from . import _scannet_layout as layout
from . import _scannet_raw as raw
from ._labels import label_map
from ._mesh import read_mesh
from ._poses import judge_poses
from ._scannet_annotation import read_annotation
from ._scannet_frames import FrameTable
from ._scannet_info import SceneInfo, read_info
from .base import FileNote, Inventory, Nearly, Reader, SceneRef, SceneSummary

__all__ = ["READER", "ScanNetReader"]

_log = logging.getLogger(__name__)

_UP: Final = (0.0, 0.0, 1.0)
_LOOKED_FOR: Final = "<id>.sens, color/ with pose/, or posed_images/<id>"


class ScanNetReader(Reader):
    """Scenes of ScanNet v2, raw or exported."""

    name = "scannet"
    summary = "ScanNet v2: raw scans (.sens), SensReader exports, scannet_frames_25k and posed_images"
    layouts = (
        "scans/<id>/<id>.sens",
        "<id>/{color,depth,pose,intrinsic}/<n>.* (also in exported/)",
        "posed_images/<id>/<n>.jpg + <n>.txt + intrinsic.txt",
        "scannet_frames_25k/<id>/{color,depth,pose}/<n>.*",
    )
    provides = frozenset(
        {"image", "perspective", "depth", "mesh", "instances", "silhouettes", "up", "time", "trajectory"}
    )

    def detect(self, path: Path) -> Path | None:
        place = layout.locate(path)
        return place.root if place else None

    def nearly(self, path: Path) -> Nearly | None:
        missing = layout.lacking(path)
        return None if missing is None else Nearly(*missing)

    def scenes(self, path: Path) -> tuple[SceneRef, ...]:
        place = layout.locate(path)
        if place is None:
            raise SceneError("no scenes found", path=path, remedy=f"looked for {', '.join(self.layouts)}")
        ids = layout.all_scenes(place)
        if place.scene is None and layout.has_frame_container(place.root):
            # Whoever keeps frames apart has often exported only some of the scans.
            with_frames = tuple(scene for scene in ids if layout.frame_sources(place.root, scene))
            if without := len(ids) - len(with_frames):
                _log.warning("%s: %s without frames (%s) left out", path, counted(without, "scene"), _LOOKED_FOR)
            ids = with_frames
        if not ids:
            raise SceneError("no scene has frames", path=path, remedy=f"looked for {_LOOKED_FOR}")
        splits = layout.splits(place.root)
        return tuple(
            SceneRef(
                id=scene,
                dataset="scannet",
                group=layout.group_of(scene),
                root=place.root,
                format=self.name,
                split=splits.get(scene, "test" if (place.root / "scans_test" / scene).is_dir() else None),
            )
            for scene in ids
        )

    def summary_of(self, ref: SceneRef) -> SceneSummary:
        source = _best_source(ref)
        return raw.summary(source) if source.kind == "sens" else exported.summary(source)

    def check_labels(self, labels: str, root: Path) -> None:
        label_map(labels, root)

    def inventory(self, ref: SceneRef) -> Inventory:
        sources = layout.frame_sources(ref.root, ref.id)
        kinds = {"sens": "raw (.sens)", "export": "SensReader export", "posed": "posed_images"}
        mesh = layout.mesh_files(ref.root, ref.id)
        info = layout.info_file(ref.root, ref.id)
        scan = next(iter(layout.scene_folders(ref.root, ref.id)), ref.root / "scans" / ref.id)
        frames = sources[0].path if sources else None
        depth = next((source.path for source in sources if source.kind == "sens" or exported.has_depth(source)), None)
        suffix = "_vh_clean" if mesh and mesh.full else "_vh_clean_2"
        middle = "" if mesh and mesh.full else ".0.010000"
        segments = mesh.segments if mesh else scan / f"{ref.id}_vh_clean_2.0.010000.segs.json"
        aggregation = mesh.aggregation if mesh else scan / f"{ref.id}.aggregation.json"
        table = [ref.root / folder / "scannetv2-labels.combined.tsv" for folder in ("", "tasks")]
        return Inventory(
            layout=" + ".join(dict.fromkeys(kinds[source.kind] for source in sources)) or "scan without frames",
            files=(
                FileNote("<id>.sens (or color/ and pose/, or posed_images/<id>)", frames, ("image",)),
                FileNote("depth in <id>.sens (or depth/<n>.png, or posed_images/<id>/<n>.png)", depth, ("depth",)),
                FileNote(f"<id>{suffix}.ply", mesh.mesh if mesh else None, ("mesh", "instances", "silhouettes")),
                FileNote(
                    f"<id>{suffix}{middle}.segs.json",
                    segments if segments.is_file() else None,
                    ("instances", "silhouettes"),
                ),
                FileNote(
                    aggregation.name.replace(ref.id, "<id>"),
                    aggregation if aggregation.is_file() else None,
                    ("instances", "silhouettes"),
                ),
                FileNote("<id>.txt (axisAlignment)", info, ()),
                FileNote("scannetv2-labels.combined.tsv", next((t for t in table if t.is_file()), None), ()),
            ),
        )

    def read(self, ref: SceneRef, *, labels: str = "raw") -> Scene:
        mapping = label_map(labels, ref.root)
        info = read_info(layout.info_file(ref.root, ref.id))
        source = _best_source(ref)
        if source.kind == "sens":
            table = raw.frame_table(source, ref.root)
        else:
            table = exported.frame_table(source, ref.root, info.sizes)
        skipped = Counter(table.skipped)
        frames = _frames(table, info, skipped)
        mesh = layout.mesh_files(ref.root, ref.id)
        if mesh is None and not any(frame.has_depth for frame in frames):
            raise SceneError(
                "no frame has depth and there is no mesh",
                path=table.origin,
                remedy=f"add {ref.id}_vh_clean_2.ply to scans/{ref.id}, or depth images to the frames",
            )
        if mesh is None:
            return Scene(
                id=ref.id, dataset=ref.dataset, group=ref.group, frames=frames, up=np.array(_UP), split=ref.split,
                skipped=MappingProxyType(dict(skipped)), extra_capabilities=frozenset({"trajectory"}),
            )  # fmt: skip
        vertices, faces = read_mesh(mesh.mesh)
        annotation = read_annotation(mesh, len(vertices), mapping)
        skipped += annotation.skipped
        if annotation.problem is not None:
            _log.warning("%s", annotation.problem)
        aligned = vertices @ info.alignment[:3, :3].T + info.alignment[:3, 3]
        return Scene(
            id=ref.id,
            dataset=ref.dataset,
            group=ref.group,
            frames=frames,
            vertices=aligned.astype(np.float32),
            faces=faces,
            vertex_instance=annotation.vertex_instance,
            instances=annotation.instances,
            up=np.array(_UP),
            split=ref.split,
            skipped=MappingProxyType(dict(skipped)),
            extra_capabilities=frozenset({"trajectory"}),
        )


def _best_source(ref: SceneRef) -> layout.FrameSource:
    """The first source with depth, else the first with frames; a damaged one is an error, never passed over."""
    sources = layout.frame_sources(ref.root, ref.id)
    if not sources:
        folder = next(iter(layout.scene_folders(ref.root, ref.id)), ref.root)
        raise SceneError("the scene has no frames", path=folder, remedy=f"looked for {_LOOKED_FOR}")
    if len(sources) == 1:
        return sources[0]
    return next((source for source in sources if _has_depth(source)), sources[0])


def _has_depth(source: layout.FrameSource) -> bool:
    return raw.has_depth(source) if source.kind == "sens" else exported.has_depth(source)


def _frames(table: FrameTable, info: SceneInfo, skipped: Counter[str]) -> tuple[Frame, ...]:
    """Frames with usable poses, in the aligned world."""
    poses, verdicts, reasons = judge_poses(table.poses)
    unusable = Counter({reason: int((verdicts == code).sum()) for code, reason in enumerate(reasons, 1)})
    skipped += +unusable
    usable = np.flatnonzero(verdicts == 0)
    if not len(usable):
        found = ", ".join(f"{reason}: {count}" for reason, count in skipped.items()) or "it has no frames"
        raise SceneError(
            f"no frame has a usable pose ({found})",
            path=table.origin,
            remedy="tracking was lost in the whole scan, or poses were exported wrongly: export or download it again",
        )
    aligned = info.alignment @ poses[usable]
    return tuple(_frame(table, int(row), pose) for row, pose in zip(usable, aligned, strict=True))


def _frame(table: FrameTable, row: int, camera_to_world: npt.NDArray[np.float64]) -> Frame:
    load_depth = table.depths[row]
    lens, depth_lens = table.color, table.depth
    depth_camera = None
    if depth_lens is not None and load_depth is not None:
        depth_camera = Camera(depth_lens.intrinsics, camera_to_world, depth_lens.width, depth_lens.height)
    return Frame(
        id=str(table.numbers[row]),
        camera=Camera(lens.intrinsics, camera_to_world, lens.width, lens.height),
        load_image=table.images[row],
        image_ref=table.image_refs[row],
        depth_camera=depth_camera,
        load_depth=load_depth if depth_camera is not None else None,
        depth_ref=table.depth_refs[row] if depth_camera is not None else None,
        depth_scale=1.0 / table.units_per_metre if depth_camera is not None else None,
        time=table.times[row],
        raw_camera_to_world=table.poses[row],
        depth_fingerprint=load_depth.fingerprint() if depth_camera is not None and load_depth is not None else None,
    )


READER: Final = ScanNetReader()
