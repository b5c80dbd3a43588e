"""Where the videos of TAPVid-3D lie, which source each is of, and what it is called. At most headers are opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import SceneError
from ..media.npz import member_names
from ..media.npz_video import IMAGES

__all__ = [
    "SOURCES",
    "TRACKS",
    "Place",
    "Source",
    "archives",
    "file_of",
    "group_of",
    "id_of",
    "locate",
    "source_of",
    "videos",
]

TRACKS: Final = ("tracks_XYZ", "tracks_xyz")
"""What the files call the tracks, and what the README does."""


@dataclass(frozen=True, slots=True)
class Source:
    """One of the three collections of videos.

    Attributes:
        official: file names (without ``.npz``) as released; group 1 is the sequence.
        frames_per_second: of its videos.
        static_camera: whether every camera is known to stand still.
    """

    official: re.Pattern[str]
    frames_per_second: float
    static_camera: bool


SOURCES: Final = {
    "adt": Source(re.compile(r"(\w+_release_\w*seq\d+\w*)_\d+"), 30.0, False),
    "pstudio": Source(re.compile(r"(basketball|boxes|football|juggle|softball|tennis)_\d+"), 30.0, True),
    "drivetrack": Source(re.compile(r"tapvid3d_(\d+_\d+_\d+_\d+_\d+)_\d+_.+"), 10.0, False),
}
"""Names: ``tapvid3d_splits.py``. Rates: Aria's colour camera 30 Hz (Aria Digital Twin paper); the Panoptic Studio
videos of Dynamic 3D Gaussians 30 Hz (15 steps are 0.5 s there, figure 1); the Waymo Open Dataset's cameras 10 Hz."""

_GENERATED: Final = "tapvid3d_dataset"  # the folder that generate_all.sh makes where it is run


@dataclass(frozen=True, slots=True)
class Place:
    """What a path given by the user stands for: a root, and the only folder or video wanted of it, if not all."""

    root: Path
    folder: Path | None = None
    video: Path | None = None


def locate(path: Path) -> Place | None:
    """The dataset root and what is wanted of it, from a video, a folder of videos or a root; None if it is none."""
    path = Path(os.path.abspath(path))  # not resolve(): a linked adt/ belongs where the link is
    if path.is_file():
        return Place(_root_of(path.parent), video=path) if path.suffix == ".npz" and _is_video(path, True) else None
    if not path.is_dir():
        return None
    if path.name in SOURCES and _holds_videos(path):
        return Place(path.parent, folder=path)
    for root in (path, path / _GENERATED):
        if _holds_videos(root) or any(_holds_videos(root / name) for name in SOURCES):
            return Place(root)
    return None


def videos(place: Place) -> tuple[Path, ...]:
    """The files of a place, sorted; those that cannot be opened are listed too, so that they are named later."""
    if place.video is not None:
        return (place.video,)
    folders = [place.folder] if place.folder else [place.root, *(place.root / name for name in SOURCES)]
    return tuple(sorted(file for folder in folders for file in _npz_in(folder) if _is_video(file, True)))


def archives(path: Path) -> tuple[Path, ...]:
    """Every ``.npz`` at a path or in a folder, whatever is in it, sorted."""
    return (path,) if path.is_file() and path.suffix == ".npz" else tuple(sorted(_npz_in(path)))


def source_of(video: Path) -> str | None:
    """Which source a video is of: its folder says, or the pattern of its name; None where neither does."""
    if video.parent.name in SOURCES:
        return video.parent.name
    return next((name for name, source in SOURCES.items() if source.official.fullmatch(video.stem)), None)


def id_of(video: Path) -> str:
    """``<source>_<stem>``; the bare stem where the source is not known."""
    source = source_of(video)
    return f"{source}_{video.stem}" if source else video.stem


def group_of(video: Path) -> str:
    """What videos of one recording share: pieces of an ADT or Waymo sequence, cameras around one Panoptic scene."""
    source = source_of(video)
    if source is None:
        return video.stem
    match = SOURCES[source].official.fullmatch(video.stem) or re.fullmatch(r"(.+)_\d+", video.stem)
    return f"{source}_{match[1] if match else video.stem}"


def file_of(root: Path, scene: str) -> Path:
    """The video with an id.

    Raises:
        SceneError: when there is none, or when two files go by this id.
    """
    source, _, stem = scene.partition("_")
    candidates = [root / f"{scene}.npz"]
    if source in SOURCES:
        candidates += [root / source / f"{stem}.npz", root / f"{stem}.npz"]
    found = [file for file in candidates if file.is_file() and id_of(file) == scene]
    if not found:
        raise SceneError(f"there is no video {scene!r}", path=root, remedy="list the scenes again")
    if len(found) > 1:
        raise SceneError(
            f"{found[0]} is the same scene, {scene!r}", path=found[1], remedy="remove one, or give them other names"
        )
    return found[0]


def _root_of(folder: Path) -> Path:
    return folder.parent if folder.name in SOURCES else folder


def _holds_videos(folder: Path) -> bool:
    return any(_is_video(file, folder.name in SOURCES) for file in _npz_in(folder))


def _npz_in(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".npz") and not entry.name.startswith(".") and entry.is_file():
                    yield folder / entry.name


def _is_video(file: Path, even_if_damaged: bool) -> bool:
    """Whether a file has an official name or the arrays of a video; other archives may lie beside."""
    if any(source.official.fullmatch(file.stem) for source in SOURCES.values()):
        return True
    try:
        return not member_names(file).isdisjoint((IMAGES, *TRACKS))
    except SceneError:
        return even_if_damaged
