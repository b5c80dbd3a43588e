"""Synthetic scenes: furnished rooms with their exact truth, written in a real dataset's layout.

They are the demo, the oracle of the tests, and a licence-free way to make unlimited data. A scene depends only on the
seed, its index and the options, never on how many are made.

::

    DIR/
    ├── synthetic.json                    what made the folder: seed and options
    ├── scannetv2-labels.combined.tsv     our categories in ScanNet's table
    ├── scans/scene0000_00/               mesh, labels, <id>.txt, truth.json, truth.npz (and <id>.sens)
    └── posed_images/scene0000_00/        with format="posed_images": 00000.jpg, 00000.png, 00000.txt, …

``format="tapvid3d"`` makes videos of rooms in which things move, with exact point tracks, in turns like each source::

    DIR/
    ├── synthetic.json
    ├── adt/, pstudio/, drivetrack/       one <name>.npz a video
    └── truth/                            <name>.npz and <name>.json: rigid parts, their poses, cameras, clean tracks

``format="scannetpp"`` writes the same rooms as iPhone videos with depth, DSLR images and a laser scan, ``format=
"structured3d"`` as renderings without a mesh; ``write_scannetpp.py`` and ``write_structured3d.py`` draw their folders::

    DIR/
    ├── synthetic.json
    ├── data/<ten hexadecimal digits>/        with scannetpp; truth in its scans/; metadata/ and splits/ beside
    └── scene_<n>/                            with structured3d; truth.json and truth.npz in it
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ..errors import ConfigError, OutOfSpace, UnknownName
from . import write_scannetpp, write_structured3d
from .dynamic import VERSION as VIDEO_VERSION
from .labels import label_table
from .noise import clean_scan, noisy_scan
from .scene import VERSION, SyntheticObject, SyntheticScene, build_scene
from .truth import write_truth
from .write_scannet import render_frames, write_mesh, write_posed_images, write_sens
from .write_scannetpp import DEPTH_CODINGS, DepthCoding
from .write_scannetpp_scans import write_lists, write_tables
from .write_tapvid3d import file_of, write_video

__all__ = ["FORMATS", "SyntheticObject", "SyntheticScene", "build_scene", "generate"]

FORMATS: Final = ("scannet", "posed_images", "tapvid3d", "scannetpp", "structured3d")
_NOTE: Final = "synthetic.json"
_COLOR_SIZES: Final = {"scannetpp": write_scannetpp.COLOR_SIZE, "structured3d": write_structured3d.COLOR_SIZE}
_COLOR_SIZE: Final = (1296, 968)
_LARGEST_IMAGE: Final = 8192  # pixels a side
_MOST_TRACKS: Final = 100_000
_SHORTEST_VIDEO: Final = 2  # frames: in one nothing moves


@dataclass(frozen=True, slots=True)
class _Options:
    """What was asked of ``generate``, which says what each means; color_size: None where it is left to the format."""

    format: str
    seed: int
    frames: int
    scan_noise: bool
    color_size: tuple[int, int] | None
    depth_size: tuple[int, int]
    tracks: int
    depth_coding: DepthCoding

    @property
    def is_video(self) -> bool:
        return self.format == "tapvid3d"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the colour images, pixels; of videos, whose sources differ, only if they are given."""
        return self.color_size or _COLOR_SIZES.get(self.format, _COLOR_SIZE)

    @property
    def note(self) -> dict[str, object]:
        """What the folder's note says: all that its files depend on, and nothing that its format does not have."""
        own: dict[str, dict[str, object]] = {
            "tapvid3d": {"tracks": self.tracks},
            "scannetpp": {"depth_coding": self.depth_coding},
            "structured3d": {},
        }
        return {
            "made_by": "spatialgen synth",
            "version": VIDEO_VERSION if self.is_video else VERSION,
            "format": self.format,
            "seed": self.seed,
            "frames": self.frames,
            "scan_noise": self.scan_noise,
            "color_size": None if self.is_video and self.color_size is None else list(self.size),
            **own.get(self.format, {"depth_size": list(self.depth_size)}),
        }


def generate(
    directory: Path,
    *,
    format: Literal["scannet", "posed_images", "tapvid3d", "scannetpp", "structured3d"] = "scannet",
    scenes: int = 1,
    seed: int = 0,
    frames: int = 60,
    scan_noise: bool = False,
    color_size: tuple[int, int] | None = None,
    depth_size: tuple[int, int] = (640, 480),
    tracks: int = 1500,
    depth_coding: DepthCoding = "lz4",
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Make synthetic scenes on disk, with their truth beside them.

    Each scene is written under a temporary name and gets its own when it is complete. The same call again makes only
    what is missing.

    Args:
        directory: made if it is not there; must be empty or hold scenes of the same seed and options.
        format: ``scannet`` (the raw release with ``.sens``), ``posed_images``, ``tapvid3d`` (videos), ``scannetpp`` or
            ``structured3d``.
        scenes: how many.
        seed: of the set; scene k of a seed is always the same.
        frames: of each scene: of the iPhone with ``scannetpp`` (the DSLR takes a third as many), perspective views with
            ``structured3d``.
        scan_noise: write what a scanner, or of videos a tracker, would bring home instead of the clean scene; the
            modules of ``scannetpp`` and ``structured3d`` say what of them has noise.
        color_size: width and height of the colour images, pixels; None takes 1296 x 968, or what the format is known
            for: the video source's own, 1920 x 1440 of the iPhone, 1280 x 720.
        depth_size: of the depth maps; videos have none, those of ``scannetpp`` are 256 x 192 and those of
            ``structured3d`` as large as the images.
        tracks: points followed in each video.
        depth_coding: of ScanNet++'s ``depth.bin``: ``lz4``, ``deflate_blocks`` or ``deflate_stream``.
        progress: called with the number of frames done and of all frames, after each.

    Returns:
        The scenes' folders (under ``scans`` or ``data``), or the videos' files, in order.

    Raises:
        UnknownName: for a format or a depth coding that cannot be written.
        ConfigError: for a folder that holds something else, or numbers that make no sense.
        OutOfSpace: when the disk is full; complete scenes stay.
    """
    if format not in FORMATS:
        raise UnknownName("synthetic format", format, FORMATS)
    if depth_coding not in DEPTH_CODINGS:
        raise UnknownName("coding of depth.bin", depth_coding, DEPTH_CODINGS)
    options = _Options(format, seed, frames, scan_noise, color_size, depth_size, tracks, depth_coding)
    _check_numbers(options, scenes)
    try:
        _claim(directory, options)
        made = []
        for index in range(scenes):
            final = _final(directory, format, seed, index)
            if not final.exists():
                counts = (index * frames, scenes * frames)
                if options.is_video:
                    _film(directory, index, options, progress, counts)
                elif format in _COLOR_SIZES:
                    _make_whole(directory, final, index, options, progress, counts)
                else:
                    _make(directory, final, index, options, progress, counts)
            elif progress is not None:
                progress((index + 1) * frames, scenes * frames)
            made.append(final)
        if format == "scannetpp":
            write_lists(directory)
        return made
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutOfSpace(
                "the disk is full", path=directory, remedy="free some space and give the same command again"
            ) from error
        raise ConfigError(
            f"cannot write here ({error.strerror})",
            path=error.filename or directory,
            remedy="give a folder you may write to",
        ) from error


def _final(directory: Path, format: str, seed: int, index: int) -> Path:
    """What is there as soon as a scene is complete."""
    if format == "tapvid3d":
        return file_of(directory, seed, index)
    if format == "scannetpp":
        return directory / "data" / write_scannetpp.scene_id(seed, index)
    if format == "structured3d":
        return directory / write_structured3d.scene_id(index)
    return directory / "scans" / f"scene{index:04d}_00"


def _check_numbers(options: _Options, scenes: int) -> None:
    least = _SHORTEST_VIDEO if options.is_video else 1
    if not 1 <= scenes <= 10_000:
        raise ConfigError(f"{scenes} scenes asked for", remedy="give a number from 1 to 10000")
    if options.frames < least:
        raise ConfigError(f"{options.frames} frames asked for", remedy=f"give at least {least}")
    if not 1 <= options.tracks <= _MOST_TRACKS:
        raise ConfigError(f"{options.tracks} tracks asked for", remedy=f"give a number from 1 to {_MOST_TRACKS}")
    for name, size in (("colour", options.size), ("depth", options.depth_size)):
        if not all(16 <= side <= _LARGEST_IMAGE for side in size):
            raise ConfigError(
                f"{name} images of {size[0]} x {size[1]} pixels asked for",
                remedy=f"give 16 to {_LARGEST_IMAGE} pixels a side",
            )
    width, height = options.size
    if options.format == "scannetpp" and (width % 2 or height % 2):
        raise ConfigError(
            f"a video of {width} x {height} pixels asked for", remedy="give even numbers: it stores colour by twos"
        )


def _claim(directory: Path, options: _Options) -> None:
    """Make the folder ours, or check that it is."""
    note = directory / _NOTE
    if directory.exists() and not directory.is_dir():
        raise ConfigError("is a file", path=directory, remedy="give a folder")
    if note.is_file():
        try:
            found = json.loads(note.read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if found != options.note:
            raise ConfigError(
                "holds synthetic scenes made with another seed or other options",
                path=directory,
                remedy="give another folder, or delete this one",
            )
        return
    if directory.exists() and any(directory.iterdir()):
        raise ConfigError(
            "is not empty and was not made by synth", path=directory, remedy="give an empty or a new folder"
        )
    directory.mkdir(parents=True, exist_ok=True)
    if options.format == "scannetpp":
        write_tables(directory)
    if options.format not in ("tapvid3d", "structured3d"):
        (directory / "scannetv2-labels.combined.tsv").write_text(label_table(), encoding="utf-8")
    # Last: a folder with the note is complete up to its scenes.
    partial = directory / f".{_NOTE}.partial"
    partial.write_text(json.dumps(options.note, indent=1) + "\n", encoding="utf-8")
    partial.replace(note)


def _film(
    directory: Path,
    index: int,
    options: _Options,
    progress: Callable[[int, int], None] | None,
    counts: tuple[int, int],
) -> None:
    """Write one video."""
    write_video(
        directory,
        options.seed,
        index,
        frames=options.frames,
        tracks=options.tracks,
        scan_noise=options.scan_noise,
        color_size=options.color_size,
        done=None if progress is None else lambda done: progress(counts[0] + done, counts[1]),
    )


def _make_whole(
    directory: Path,
    final: Path,
    index: int,
    options: _Options,
    progress: Callable[[int, int], None] | None,
    counts: tuple[int, int],
) -> None:
    """Write one scene that is a single folder under a temporary name, then rename it."""
    seed, frames, size, noisy = options.seed, options.frames, options.size, options.scan_noise
    partial = directory / f".{final.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    steps: Iterator[int]
    if options.format == "scannetpp":
        coding = options.depth_coding
        steps = write_scannetpp.write_scene(
            partial, seed, index, frames=frames, color_size=size, depth_coding=coding, scan_noise=noisy
        )
    else:
        steps = write_structured3d.write_scene(partial, seed, index, frames=frames, color_size=size, scan_noise=noisy)
    for done in steps:
        if progress is not None:
            progress(counts[0] + done, counts[1])
    final.parent.mkdir(exist_ok=True)
    partial.rename(final)


def _make(
    directory: Path,
    final: Path,
    index: int,
    options: _Options,
    progress: Callable[[int, int], None] | None,
    counts: tuple[int, int],
) -> None:
    """Write one scene under temporary names, then rename; ``scans/<id>`` comes last and says it is complete."""
    noisy = options.scan_noise
    scene = build_scene(
        options.seed, index, frames=options.frames, color_size=options.size, depth_size=options.depth_size
    )
    scan = noisy_scan(scene) if noisy else clean_scan(scene)
    partial = directory / f".{scene.id}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    mesh = partial / "scans"
    mesh.mkdir(parents=True)
    write_mesh(mesh, scene, scan)
    rendered = render_frames(scene, scan, scan_noise=noisy)
    if options.format == "scannet":
        steps = write_sens(mesh / f"{scene.id}.sens", scene, rendered)
    else:
        (partial / "posed_images").mkdir()
        steps = write_posed_images(partial / "posed_images", scene, rendered)
    for done in steps:
        if progress is not None:
            progress(counts[0] + done, counts[1])
    write_truth(mesh, scene, scan.lost, scan_noise=noisy)
    if options.format == "posed_images":
        images = directory / "posed_images" / scene.id
        images.parent.mkdir(exist_ok=True)
        # Left over from a run that was stopped between the two renames.
        shutil.rmtree(images, ignore_errors=True)
        (partial / "posed_images").rename(images)
    final.parent.mkdir(exist_ok=True)
    mesh.rename(final)
    partial.rmdir()
