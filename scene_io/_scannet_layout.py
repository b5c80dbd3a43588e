"""Where the files of a ScanNet scene lie: dataset roots, containers, scene folders, official names.

A *container* is a folder of scene folders with a well-known name (``scans``, ``posed_images`` …); a *bare* folder of
scene folders has any other name and is its own root. Nothing is opened here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

__all__ = [
    "FRAME_CONTAINERS",
    "SCAN_CONTAINERS",
    "FrameSource",
    "MeshFiles",
    "Place",
    "all_scenes",
    "frame_sources",
    "group_of",
    "has_frame_container",
    "info_file",
    "lacking",
    "locate",
    "mesh_files",
    "scene_folders",
    "splits",
]

SCAN_CONTAINERS: Final = ("scans", "scans_test")
FRAME_CONTAINERS: Final = ("posed_images", "scannet_frames_25k", "scannet_frames_test")
_CONTAINERS: Final = SCAN_CONTAINERS + FRAME_CONTAINERS
_SPLIT_FOLDERS: Final = ("", "..", "meta_data", "splits", "Tasks/Benchmark", "tasks/benchmark", "tasks")
_EXPORTED: Final = "exported"
_BESIDE_SENS: Final = (
    ".txt",
    "_vh_clean_2.labels.ply",
    "_vh_clean_2.0.010000.segs.json",
    "_vh_clean.segs.json",
    "_vh_clean.aggregation.json",
    "_2d-instance-filt.zip",
    "_2d-label-filt.zip",
)

SourceKind = Literal["sens", "export", "posed"]


@dataclass(frozen=True, slots=True)
class Place:
    """What a path given by the user stands for.

    Attributes:
        root: the dataset root.
        container: the only folder of scenes to look in, or None for all of the root's.
        scene: the only scene, or None for all.
    """

    root: Path
    container: Path | None = None
    scene: str | None = None


@dataclass(frozen=True, slots=True)
class FrameSource:
    """One place where a scene's frames lie: a ``.sens`` file, or the folder of an export or of posed images."""

    kind: SourceKind
    path: Path


@dataclass(frozen=True, slots=True)
class MeshFiles:
    """A mesh and the annotation made for exactly this mesh; the two pairs of a scan are never mixed."""

    mesh: Path
    segments: Path
    aggregation: Path
    full: bool


def locate(path: Path) -> Place | None:
    """The dataset root and what is wanted of it, from a scene, a folder of scenes or a root; None if it is none."""
    path = Path(os.path.abspath(path))  # not resolve(): a linked scans/ belongs where the link is
    if path.is_file():
        if path.suffix != ".sens":
            return None
        path = path.parent
    if path.name == _EXPORTED and _is_export(path):
        path = path.parent
    if not path.is_dir():
        return None
    container = path.parent
    if _is_scene(path) or (_holds_frames(path) and _is_frame_sibling(container)):
        below = container.name in _CONTAINERS or _is_frame_sibling(container)
        return Place(container.parent if below else container, container, path.name)
    if (path.name in _CONTAINERS and _has_scenes(path)) or _is_frame_sibling(path):
        return Place(path.parent, path)
    if any(_has_scenes(path / name) for name in _CONTAINERS) or _has_scenes(path) or _frame_siblings(path):
        return Place(path)
    return None


def lacking(folder: Path) -> tuple[str, str, str] | None:
    """What a folder that is no scene looks like, what it lacks, and what to do; None where it looks like nothing."""
    if not folder.is_dir() or (folder / "scene.toml").is_file():
        return None
    name = folder.name
    if re.fullmatch(r"scene\d{4}_\d{2}", name) and any((folder / f"{name}{end}").is_file() for end in _BESIDE_SENS):
        what = f"download {name}.sens (images, depth and poses) or export it to color/, depth/, pose/ and intrinsic/"
        return "a scan of ScanNet", f"{name}.sens is missing", what
    if (folder / "intrinsic").is_dir() and any((folder / part).is_dir() for part in ("color", "depth", "pose")):
        missing = [f"{part}/" for part in ("color", "pose") if not (folder / part).is_dir()]
        if missing:
            what = f"export {' and '.join(missing)} with the SensReader too (<n>.jpg, and <n>.txt: camera_to_world)"
            verb = "is" if len(missing) == 1 else "are"
            return "an export of ScanNet's SensReader", f"{' and '.join(missing)} {verb} missing", what
    if _has_posed_files(folder) and not (folder / "intrinsic.txt").is_file():
        what = "copy intrinsic.txt (4 x 4 numbers, of the colour camera) beside the images"
        return "a scene of ScanNet's posed_images", "intrinsic.txt is missing", what
    return None


def all_scenes(place: Place) -> tuple[str, ...]:
    """Ids of every scene folder of a place, sorted, whether or not it has frames."""
    if place.scene is not None:
        return (place.scene,)
    if place.container is not None:
        frames_only = place.container.name not in _CONTAINERS and _is_frame_sibling(place.container)
        listed = _frames_in(place.container) if frames_only else _scenes_in(place.container)
        return tuple(sorted(folder.name for folder in listed))
    found = {folder.name for name in _CONTAINERS for folder in _scenes_in(place.root / name)}
    found.update(folder.name for sibling in _frame_siblings(place.root) for folder in _frames_in(sibling))
    found.update(folder.name for folder in _scenes_in(place.root) if folder.name not in _CONTAINERS)
    return tuple(sorted(found))


def has_frame_container(root: Path) -> bool:
    """Whether frames lie apart from the scans, so that a scan without frames is not meant to be used."""
    return any((root / name).is_dir() for name in FRAME_CONTAINERS) or bool(_frame_siblings(root))


def scene_folders(root: Path, scene: str) -> tuple[Path, ...]:
    """Folders with a scene's scan files (mesh, labels, ``<id>.txt``, ``.sens``, exports), in order of preference."""
    candidates = [root / name / scene for name in SCAN_CONTAINERS] + [root / scene]
    candidates += [folder / scene for folder in _other_folders(root)]
    return tuple(folder for folder in candidates if folder.is_dir())


def frame_sources(root: Path, scene: str) -> tuple[FrameSource, ...]:
    """Every place that holds frames of a scene, in order of preference.

    ``<id>.sens``, then an export (``color/`` and ``pose/``, in the scene folder or in ``exported/``), then
    ``posed_images/<id>``, then ``scannet_frames_25k/<id>``; last, beside ``scans``, folders of any other name, in the
    order of their names.
    """
    found: list[FrameSource] = []
    others = [folder / scene for folder in _other_folders(root)]
    folders = [folder for folder in scene_folders(root, scene) if folder not in others]
    found += [
        FrameSource("sens", folder / f"{scene}.sens") for folder in folders if (folder / f"{scene}.sens").is_file()
    ]
    for folder in (*folders, *(root / name / scene for name in FRAME_CONTAINERS)):
        for place in (folder, folder / _EXPORTED):
            if _is_export(place):
                found.append(FrameSource("export", place))
        if _is_posed(folder):
            found.append(FrameSource("posed", folder))
    for folder in others:
        if _is_export(folder):
            found.append(FrameSource("export", folder))
        elif _is_posed(folder) or _has_posed_files(folder):
            found.append(FrameSource("posed", folder))
    return tuple(found)


def mesh_files(root: Path, scene: str) -> MeshFiles | None:
    """The annotated mesh ``_vh_clean_2``, or the full one ``_vh_clean``; None where there is neither."""
    for suffix, segments, aggregation in (
        ("_vh_clean_2", "_vh_clean_2.0.010000.segs.json", ".aggregation.json"),
        ("_vh_clean", "_vh_clean.segs.json", "_vh_clean.aggregation.json"),
    ):
        for folder in scene_folders(root, scene):
            mesh = folder / f"{scene}{suffix}.ply"
            if mesh.is_file():
                return MeshFiles(
                    mesh, folder / f"{scene}{segments}", folder / f"{scene}{aggregation}", suffix == "_vh_clean"
                )
    return None


def info_file(root: Path, scene: str) -> Path | None:
    """``<id>.txt``, where the axis alignment stands; None where there is none."""
    folders = [*scene_folders(root, scene), *(root / name / scene for name in FRAME_CONTAINERS)]
    return next((folder / f"{scene}.txt" for folder in folders if (folder / f"{scene}.txt").is_file()), None)


def group_of(scene: str) -> str:
    """What rescans of one place share: ``scene0000`` for ``scene0000_01``; other ids stand for themselves."""
    match = re.fullmatch(r"(scene\d{4})_\d{2}", scene)
    return match[1] if match else scene


def splits(root: Path) -> dict[str, str]:
    """The official split of every scene, from ``scannetv2_{train,val,test}.txt`` in or near the root."""
    found: dict[str, str] = {}
    for split in ("train", "val", "test"):
        for folder in _SPLIT_FOLDERS:
            path = root / folder / f"scannetv2_{split}.txt"
            if path.is_file():
                found.update(dict.fromkeys(path.read_text(encoding="utf-8", errors="replace").split(), split))
                break
    return found


def _other_folders(root: Path) -> tuple[Path, ...]:
    """Folders beside ``scans`` that have no name of their own in a release and are no scenes, sorted by name."""
    if not any((root / name).is_dir() for name in SCAN_CONTAINERS):
        return ()
    with os.scandir(root) as entries:
        found = [e.name for e in entries if e.is_dir() and not e.name.startswith(".") and e.name not in _CONTAINERS]
    return tuple(root / name for name in sorted(found))


def _frame_siblings(root: Path) -> tuple[Path, ...]:
    """Folders beside ``scans`` that hold frames of at least one of its scenes, sorted by name."""
    return tuple(folder for folder in _other_folders(root) if _is_frame_sibling(folder))


def _is_frame_sibling(container: Path) -> bool:
    root = container.parent
    scans = [root / name for name in SCAN_CONTAINERS if (root / name).is_dir()]
    if not scans or container.name in _CONTAINERS or not container.is_dir():
        return False
    try:
        with os.scandir(container) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except PermissionError:
        return False  # somebody else's folder beside the data
    return any(_holds_frames(container / name) for name in names if any((scan / name).is_dir() for scan in scans))


def _frames_in(container: Path) -> Iterator[Path]:
    with os.scandir(container) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and _holds_frames(Path(entry.path)):
                yield Path(entry.path)


def _holds_frames(folder: Path) -> bool:
    return folder.is_dir() and (_is_export(folder) or _is_posed(folder) or _has_posed_files(folder))


def _has_posed_files(folder: Path) -> bool:
    """Whether a numbered image and a numbered text file lie side by side."""
    found = set()
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                if match := re.fullmatch(r"\d+(\.jpe?g|\.txt)", entry.name, re.IGNORECASE | re.ASCII):
                    found.add(match[1].lower() == ".txt")
                    if len(found) == 2:
                        return True
    return False


def _scenes_in(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir() and not entry.name.startswith(".") and _is_scene(Path(entry.path)):
                yield Path(entry.path)


def _has_scenes(folder: Path) -> bool:
    return next(_scenes_in(folder), None) is not None


def _is_scene(folder: Path) -> bool:
    name = folder.name
    official = (f"{name}.sens", f"{name}_vh_clean_2.ply", f"{name}_vh_clean.ply", f"{name}.aggregation.json")
    return (
        any((folder / file).is_file() for file in official)
        or _is_export(folder)
        or _is_export(folder / _EXPORTED)
        or _is_posed(folder)
    )


def _is_export(folder: Path) -> bool:
    """``color/`` with ``pose/``; a ``scene.toml`` beside them makes it a capture of one's own (``rgbd_folder``)."""
    return (folder / "color").is_dir() and (folder / "pose").is_dir() and not (folder / "scene.toml").is_file()


def _is_posed(folder: Path) -> bool:
    """Numbered images with numbered poses beside them, or at least the intrinsics that belong to such."""
    if not folder.is_dir():
        return False
    if (folder / "intrinsic.txt").is_file():
        return True
    if folder.parent.name != "posed_images":
        return False
    with os.scandir(folder) as entries:  # without its intrinsics it is still a scene, with an error of its own
        return any(re.fullmatch(r"\d+\.jpe?g", entry.name, re.IGNORECASE) for entry in entries)
