"""Frames of an export: numbered image, depth and pose files, in folders of their own or side by side.

Files are matched by number, never by name: padding differs between tools, and between folders of one export.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ..errors import SceneError
from ._files import mean_bytes, size_of
from ._poses import read_matrix, stated_numbers
from ._scannet_frames import NO_DEPTH, NO_IMAGE, NO_POSE, DepthFile, FrameTable, ImageFile
from ._scannet_layout import FrameSource
from ._scannet_lens import COLOR_SIZES, DEPTH_SIZES, Lens, fitted_lens
from .base import SceneSummary

__all__ = ["frame_table", "has_depth", "summary"]

UNITS_PER_METRE: Final = 1000.0  # all known exporters keep the sensor's millimetres
_COLOR_INTRINSICS: Final = (
    "intrinsic/intrinsic_color.txt",
    "intrinsic_color.txt",
    "intrinsics_color.txt",
    "intrinsic.txt",
)
_DEPTH_INTRINSICS: Final = (
    "intrinsic/intrinsic_depth.txt",
    "intrinsic_depth.txt",
    "intrinsics_depth.txt",
    "depth_intrinsic.txt",
)


@dataclass(frozen=True, slots=True)
class _Files:
    images: dict[int, Path]
    depths: dict[int, Path]
    poses: dict[int, Path]


def frame_table(source: FrameSource, root: Path, known_sizes: dict[str, tuple[int, int]]) -> FrameTable:
    """All frames of an export that have an image and a pose.

    Args:
        source: an export with ``color/``, ``depth/``, ``pose/``, or a folder of posed images.
        root: dataset root, which references are relative to.
        known_sizes: what ``<id>.txt`` says the cameras recorded, under ``color`` and ``depth``.

    Raises:
        SceneError: when intrinsics are missing or fit no image size, or an image has no readable header.
    """
    files = _files(source)
    skipped: Counter[str] = Counter()
    skipped[NO_IMAGE] = len(files.poses.keys() - files.images.keys())
    numbers, poses = [], []
    for number in sorted(files.images):
        path = files.poses.get(number)
        pose = None if path is None else stated_numbers(path, 16)
        if pose is None:
            skipped[NO_POSE] += 1
        else:
            numbers.append(number)
            poses.append(pose)
    if not files.images:
        raise SceneError(
            "there are no numbered colour images (such as 0.jpg)", path=source.path, remedy="export the frames again"
        )
    color_path = _intrinsics(source, _COLOR_INTRINSICS)
    if color_path is None:
        names = " or ".join(("intrinsic.txt",) if source.kind == "posed" else _COLOR_INTRINSICS[:1])
        raise SceneError(f"{names} is missing", path=source.path, remedy="export it with the frames")
    color_size = size_of(files.images[min(files.images)], remedy="copy it again")
    color = fitted_lens(read_matrix(color_path), color_size, known_sizes.get("color"), COLOR_SIZES, color_path)
    depth = _depth_lens(source, files, color, known_sizes)
    skipped[NO_DEPTH] = sum(number not in files.depths for number in numbers)
    depths = [files.depths.get(number) if depth else None for number in numbers]
    return FrameTable(
        origin=source.path,
        numbers=numbers,
        poses=np.array(poses).reshape(-1, 4, 4),
        color=color,
        depth=depth,
        images=[ImageFile(files.images[number], *color_size) for number in numbers],
        depths=[
            DepthFile(path, depth.width, depth.height, UNITS_PER_METRE) if path and depth else None for path in depths
        ],
        image_refs=[files.images[number].relative_to(root).as_posix() for number in numbers],
        depth_refs=[path.relative_to(root).as_posix() if path else None for path in depths],
        units_per_metre=UNITS_PER_METRE,
        times=[None] * len(numbers),
        skipped=+skipped,
    )


def has_depth(source: FrameSource) -> bool:
    """Whether any frame has a depth image."""
    return bool(_files(source).depths)


def summary(source: FrameSource) -> SceneSummary:
    """Counts from the listing, sizes from one header and a few file sizes."""
    images = _files(source).images
    if not images:
        return SceneSummary(0, 1, 1, 0)
    numbers = sorted(images)
    width, height = size_of(images[numbers[0]], remedy="copy it again")
    return SceneSummary(len(numbers), width, height, mean_bytes([images[number] for number in numbers]))


def _files(source: FrameSource) -> _Files:
    folder = source.path
    if source.kind == "posed":
        listed = _numbered(folder)
        return _Files(_of(listed, ".jpg", ".jpeg"), _of(listed, ".png"), _of(listed, ".txt"))
    return _Files(
        _of(_numbered(folder / "color"), ".jpg", ".jpeg", ".png"),
        _of(_numbered(folder / "depth"), ".png", ".pgm"),
        _of(_numbered(folder / "pose"), ".txt"),
    )


def _of(listed: dict[tuple[int, str], Path], *suffixes: str) -> dict[int, Path]:
    """Files by number; where a number has several of these suffixes, the first of them wins."""
    return {
        number: path for wanted in reversed(suffixes) for (number, suffix), path in listed.items() if suffix == wanted
    }


def _numbered(folder: Path) -> dict[tuple[int, str], Path]:
    """Files whose name is a number, by number and suffix."""
    found: dict[tuple[int, str], Path] = {}
    if not folder.is_dir():
        return found
    with os.scandir(folder) as entries:
        for entry in entries:
            match = re.fullmatch(r"(\d+)(\.[a-z]+)", entry.name, re.IGNORECASE | re.ASCII)
            if match is None:
                continue
            key = (int(match[1]), match[2].lower())
            if key in found:
                raise SceneError(
                    f"frame {key[0]} is there twice ({found[key].name} and {entry.name})",
                    path=folder,
                    remedy="remove one of the two exports",
                )
            found[key] = folder / entry.name
    return found


def _depth_lens(
    source: FrameSource, files: _Files, color: Lens, known_sizes: dict[str, tuple[int, int]]
) -> Lens | None:
    """The depth lens; without a file of its own it is the colour lens rescaled, since ScanNet registers the two."""
    if not files.depths:
        return None
    size = size_of(files.depths[min(files.depths)], remedy="copy it again")
    path = _intrinsics(source, _DEPTH_INTRINSICS)
    if path is None:
        return color.resized(*size)
    return fitted_lens(read_matrix(path), size, known_sizes.get("depth"), DEPTH_SIZES, path)


def _intrinsics(source: FrameSource, names: tuple[str, ...]) -> Path | None:
    """An intrinsics file beside the frames or, for ``exported/``, in the scene folder above."""
    folders = [source.path, *([source.path.parent] if source.path.name == "exported" else [])]
    return next((folder / name for folder in folders for name in names if (folder / name).is_file()), None)
