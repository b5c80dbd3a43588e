"""Frames of the iPhone stream: images from ``rgb/`` or the video, depth from ``depth/`` or ``depth.bin``.

An extracted image is taken before the video's frame, where it is there. Of the cameras, COLMAP's are the most exact,
but only some frames have one; nerfstudio's file repeats them; ARKit's aligned poses drift by centimetres. The first of
the three that is there serves all frames: mixing them would move the walls between frames.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ..media.depth_bin import HEIGHT, WIDTH, DepthBin
from ..media.references import frame_reference
from ..media.video import Video
from ._colmap import has_model, missing_files
from ._files import mean_bytes, size_of
from ._scannet_frames import DepthFile, ImageFile
from ._scannetpp_cameras import Cameras, frame_number, from_arkit, from_colmap, from_transforms, read_entries
from ._scannetpp_frames import BinDepth, MaskFile, MaskFrame, Source, Table, VideoImage
from ._scannetpp_layout import VIDEOS, first_file, numbered
from ._transforms_json import Transforms, TransformsFrame, read_transforms
from .base import SceneSummary

__all__ = ["POSES", "cameras_kind", "summary", "table"]

POSES: Final = "pose_intrinsic_imu.json"
_NERFSTUDIO: Final = "nerfstudio/transforms.json"
_RECORDED: Final = (1920, 1440)  # the video of every scene
_UNITS_PER_METRE: Final = 1000.0  # of extracted depth
_BYTES_PER_PIXEL: Final = 0.3  # of indoor images as JPEG of the quality videos are handed out with (measured 0.23-0.40)
_LATEST: Final = 1e12  # seconds; not a number and infinity are not below it either

_NO_IMAGE: Final = "no colour image"
_NO_DEPTH: Final = "no depth image"
_BAD: Final = "image marked is_bad"
_NOT_A_FRAME: Final = "camera of no video frame"
_ONLY_SOME: Final = "video frame without a COLMAP pose (the more exact poses are used)"


class _Images(NamedTuple):
    """The colour images of a stream."""

    extracted: dict[int, Path]
    video: Video | None
    size: tuple[int, int]


def cameras_kind(folder: Path) -> str:
    """Which file's cameras are used, in words."""
    if has_model(folder / "colmap"):
        return "COLMAP poses"
    if (folder / _NERFSTUDIO).is_file():
        return "nerfstudio poses"
    return "aligned ARKit poses"


def table(folder: Path, root: Path) -> Table:
    """The frames of ``iphone/``.

    Args:
        folder: the scene's ``iphone``.
        root: the dataset root, which references are relative to.

    Raises:
        SceneError: when poses or images are missing, or a file is damaged; names it.
    """
    entries = read_entries(folder / POSES) if (folder / POSES).is_file() else {}
    listed = read_transforms(folder / _NERFSTUDIO) if (folder / _NERFSTUDIO).is_file() else None
    images = _images(folder)
    cameras = _cameras(folder, entries, listed, images.size)
    cameras.fit(images.size, _RECORDED)
    skipped: Counter[str] = Counter()
    bad = {frame_number(PurePosixPath(frame.file_path).name) for frame in _frames_of(listed) if frame.is_bad}
    rows: dict[int, int] = {}
    for row, name in enumerate(cameras.names):
        number = frame_number(name)
        if number is None or number in rows:
            skipped[_NOT_A_FRAME] += 1
        else:
            rows[number] = row
    if cameras.origin.name != POSES:
        skipped[_ONLY_SOME] = len(entries.keys() - rows.keys() - bad)
    skipped[_BAD] = len(bad & rows.keys())
    rows = {number: row for number, row in rows.items() if number not in bad}
    frames_in_video = 0
    if images.video is not None and not rows.keys() <= images.extracted.keys() and images.video.size == images.size:
        frames_in_video = len(images.video)  # reads it once; frames extracted in another size are not mixed with it
    pictured = [number for number in sorted(rows) if number in images.extracted or number < frames_in_video]
    skipped[_NO_IMAGE] = len(rows) - len(pictured)
    times = _times(pictured, entries)
    depth = _Depth(folder, root)
    masks = _Masks(folder, images.size)
    prefix = folder.relative_to(root).as_posix()
    sources = []
    for number, time in zip(pictured, times, strict=True):
        file = images.extracted.get(number)
        if file is not None:
            image: Callable[[], bytes] = ImageFile(file, *images.size)
            reference = f"{prefix}/rgb/{file.name}"
        else:
            assert images.video is not None
            image = VideoImage(images.video, number)
            reference = frame_reference(f"{prefix}/{images.video.path.name}", number)
        source = Source(str(number), rows[number], image, reference, valid=masks.of(number), time=time)
        depth.add_to(source, number)
        sources.append(source)
    if depth.size is not None:
        skipped[_NO_DEPTH] = sum(source.depth is None for source in sources)
    return Table(cameras, sources, depth.size, +skipped)


def summary(folder: Path) -> SceneSummary:
    """Frames with a camera; sizes from a header, and for a video what its images come to as JPEG files."""
    images = _images(folder)
    entries = read_entries(folder / POSES) if (folder / POSES).is_file() else {}
    listed = read_transforms(folder / _NERFSTUDIO) if (folder / _NERFSTUDIO).is_file() else None
    numbers = {frame_number(name) for name in _cameras(folder, entries, listed, images.size).names}
    width, height = images.size
    mean = round(width * height * _BYTES_PER_PIXEL)
    if images.extracted:
        mean = mean_bytes(list(images.extracted.values()))
    if images.video is None:
        numbers &= images.extracted.keys()
    return SceneSummary(len(numbers - {None}), width, height, mean)


def _images(folder: Path) -> _Images:
    extracted = numbered(folder / "rgb", ".jpg", ".jpeg", ".png")
    path = first_file(folder, *VIDEOS)
    video = None if path is None else Video(path)
    if extracted:
        return _Images(extracted, video, size_of(extracted[min(extracted)], remedy="copy it again"))
    if video is None:
        what = "there is no video (rgb.mkv or rgb.mp4) and there are no extracted frames (rgb/frame_000000.jpg)"
        raise SceneError(what, path=folder, remedy="download the scene's iphone assets")
    return _Images(extracted, video, video.size)


def _cameras(
    folder: Path, entries: Mapping[int, Mapping[str, Any]], listed: Transforms | None, size: tuple[int, int]
) -> Cameras:
    if has_model(folder / "colmap"):
        return from_colmap(folder / "colmap")
    if listed is not None:
        return from_transforms(listed, {frame.file_path: frame for frame in _frames_of(listed)}.values(), size)
    if entries:
        return from_arkit(folder / POSES, entries)
    half = " and ".join(f"colmap/{path.name}" for path in missing_files(folder / "colmap"))
    raise SceneError(
        f"there are no poses: neither {POSES} nor {_NERFSTUDIO}, "
        + (f"and of the COLMAP model {half} is missing" if half else "nor a COLMAP model (colmap/)"),
        path=folder,
        remedy=f"download the scene's {half or POSES}",
    )


def _frames_of(listed: Transforms | None) -> tuple[TransformsFrame, ...]:
    return () if listed is None else (*listed.frames, *listed.test_frames)


def _times(numbers: list[int], entries: Mapping[int, Mapping[str, Any]]) -> list[float | None]:
    """The recorder's clock in seconds, or None for all where it is not a clock."""
    stamps = [entries[number].get("timestamp") if number in entries else None for number in numbers]
    times = [float(stamp) for stamp in stamps if isinstance(stamp, int | float) and abs(stamp) < _LATEST]
    if len(times) < len(numbers) or not (np.diff(times) > 0).all():
        return [None] * len(numbers)
    return [*times]


class _Depth:
    """The depth images of a stream: ``depth/frame_<n>.png``, or ``depth.bin`` where nothing was extracted."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._files = numbered(folder / "depth", ".png")
        self._prefix = folder.relative_to(root).as_posix()
        self._bin: DepthBin | None = None
        self._count: int | None = 0
        self.size: tuple[int, int] | None = None
        if self._files:
            self.size = size_of(self._files[min(self._files)], remedy="copy it again")
        elif (folder / "depth.bin").is_file():
            self._bin = DepthBin(folder / "depth.bin")
            self._count = self._bin.count
            self.size = (WIDTH, HEIGHT)

    def add_to(self, source: Source, number: int) -> None:
        """Give a frame its depth, if it has any."""
        file = self._files.get(number)
        if file is not None and self.size is not None:
            loader = DepthFile(file, *self.size, _UNITS_PER_METRE)
            source.depth, source.depth_ref = loader, f"{self._prefix}/depth/{file.name}"
            source.depth_scale, source.depth_fingerprint = 1.0 / _UNITS_PER_METRE, loader.fingerprint()
        elif self._bin is not None and (self._count is None or number < self._count):
            source.depth = BinDepth(self._bin, number)
            source.depth_ref = frame_reference(f"{self._prefix}/depth.bin", number)
            source.depth_scale, source.depth_fingerprint = 1.0 / self._bin.units_per_metre, self._bin.fingerprint


class _Masks:
    """Where pixels were made unrecognisable: ``rgb_masks/frame_<n>.png``, or ``rgb_mask.mkv``."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self._files = numbered(folder / "rgb_masks", ".png")
        path = first_file(folder, "rgb_mask.mkv", "rgb_mask.mp4")
        self._video = None if path is None else Video(path)
        self._frames = 0 if self._video is None else len(self._video)
        self._size = size

    def of(self, number: int) -> Callable[[], npt.NDArray[np.bool_]] | None:
        file = self._files.get(number)
        if file is not None:
            return MaskFile(file, self._size)
        return MaskFrame(self._video, number, self._size) if self._video and number < self._frames else None
