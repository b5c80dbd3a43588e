"""The files of a scene's frames: whether they are whole, and whether a few load as a run would load them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from ..core.pixel_maps import instances_of, valid_of
from ..core.types import Frame, Scene
from ..errors import SceneError
from ..media.images import decode_rgb
from ..media.references import check_whole
from ._doctor_report import Problem, SceneReport

__all__ = ["attempt", "load_samples", "look_at_files", "spread"]

T = TypeVar("T")
Load = Callable[[int], npt.NDArray[np.float32] | None]

_SAMPLED: Final = 7  # frames: the depth images that are compared begin with three of these
_SAMPLED_VIDEO_IMAGES: Final = 2  # and masks; each is decoded from the key frame before it
_ALL_FRAMES: Final = 1500  # up to here both ends of every image are looked at, beyond of a sample
_LARGE_SAMPLE: Final = 200
_NAMED: Final = 5  # damaged files listed one by one
_VIDEOS: Final = (".mkv", ".mp4", ".mov")
_IMAGES: Final = frozenset({".png", ".jpg", ".jpeg"})
_AGAIN: Final = "copy or extract it again"


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a frame: its reference, its path where that is none below the dataset root, whether it is depth."""

    frame: int
    reference: str
    path: Path | None = None
    depth: bool = False


def look_at_files(scene: Scene, report: SceneReport) -> tuple[set[int], set[int]]:
    """Look for images, masks and maps whose end is missing: the frames they belong to, and those whose depth it is.

    Of large scenes a sample is looked at, and of the rest only whether a file is empty.

    Args:
        scene: as read.
        report: is filled in; the first few damaged files are named one by one.
    """
    root, count = Path(report.root), len(scene.frames)
    # The same mask may be of many frames; a video's reference is that of its colour and of its depth image.
    files = {(file.reference, file.depth): file for index in range(count) for file in _files(scene, index)}
    sample = set(range(count))
    if count > _ALL_FRAMES:
        with_depth = [index for index, frame in enumerate(scene.frames) if frame.has_depth]
        sample = {*spread(list(range(count)), _LARGE_SAMPLE // 2), *spread(with_depth, _LARGE_SAMPLE // 2)}
    report.images = len(files)
    damaged: list[_File] = []
    for file in files.values():
        try:
            if file.frame in sample and (file.path is None or file.path.suffix.lower() in _IMAGES):
                report.images_checked += 1
                where = (root, file.reference) if file.path is None else (file.path.parent, file.path.name)
                check_whole(*where, depth=file.depth)
            else:
                _check_not_empty(file.path or root / file.reference.partition("#")[0])
        except SceneError as error:
            if len(damaged) < _NAMED:
                add(error, report)
            damaged.append(file)
    if (more := len(damaged) - _NAMED) > 0:
        what = f"{more} more images are cut short or empty"
        report.problems.append(Problem(what, None, "copy or extract them again", broken=True, stops=True))
    return {file.frame for file in damaged}, {file.frame for file in damaged if file.depth}


def load_samples(scene: Scene, damaged: set[int], load_depth: Load, report: SceneReport) -> None:
    """Load a few frames as a run would: colour, depth, mask and map of objects.

    Args:
        scene: as read.
        damaged: frames that are left out.
        load_depth: of a frame, metres.
        report: what cannot be loaded is added to it, and the share of pixels that objects have.
    """
    sample = spread([index for index in range(len(scene.frames)) if index not in damaged], _SAMPLED)
    is_video = scene.frames[0].image_ref.partition("#")[0].lower().endswith(_VIDEOS)
    for index in spread(sample, _SAMPLED_VIDEO_IMAGES) if is_video else sample:
        attempt(partial(_decode, scene.frames[index]), report)
        attempt(partial(valid_of, scene.frames[index]), report)
    shares = []
    for index in sample:
        if scene.frames[index].has_depth:
            load_depth(index)
        if scene.frames[index].load_instances is not None:
            found = attempt(partial(instances_of, scene, index), report)
            shares += [] if found is None else [float((found >= 0).mean())]
    if scene.vertex_instance is not None:
        report.label_coverage, report.labels_on = float((scene.vertex_instance >= 0).mean()), "vertices"
    elif shares:
        report.label_coverage, report.labels_on = float(np.mean(shares)), "pixels"


def attempt(load: Callable[[], T], report: SceneReport) -> T | None:
    """What ``load`` gives, or None and the problem it met."""
    try:
        return load()
    except SceneError as error:
        add(error, report)
        return None


def add(error: SceneError, report: SceneReport) -> None:
    """Note a damaged file, once, and that a run would stumble over it."""
    if error.path is None or all(error.path != problem.path for problem in report.problems):
        report.problems.append(Problem(error.what, error.path, error.remedy, broken=True, stops=True))


def spread(items: list[int], count: int) -> list[int]:
    """At most ``count`` of them, evenly spread, the first and the last included."""
    if len(items) <= count:
        return items
    return [items[int(i)] for i in np.unique(np.rint(np.linspace(0, len(items) - 1, count)))]


def _files(scene: Scene, index: int) -> Iterator[_File]:
    """The files a frame is loaded from. Readers load masks and maps with dataclasses that hold the paths they read."""
    frame = scene.frames[index]
    yield _File(index, frame.image_ref)
    if frame.depth_ref is not None:
        yield _File(index, frame.depth_ref, depth=True)
    for loader in (frame.load_valid, frame.load_instances):
        if loader is not None and is_dataclass(loader):
            for value in (getattr(loader, field.name) for field in fields(loader)):
                if isinstance(value, Path):
                    yield _File(index, str(value), value)


def _check_not_empty(path: Path) -> None:
    try:
        empty = path.stat().st_size == 0
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy=_AGAIN) from None
    if empty:
        raise SceneError("is empty", path=path, remedy=_AGAIN)


def _decode(frame: Frame) -> None:
    decode_rgb(frame.load_image(), 8, source=frame.image_ref)
