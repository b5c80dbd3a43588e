"""What every ScanNet++ stream is turned into, and the small callables that load its pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.types import Camera, Frame
from ..errors import SceneError
from ..media.depth_bin import HEIGHT, WIDTH, DepthBin
from ..media.images import decode_gray
from ..media.video import Video
from ._files import read_bytes
from ._poses import judge_poses
from ._scannetpp_cameras import Cameras, scaled

__all__ = ["BinDepth", "MaskFile", "MaskFrame", "Source", "Table", "VideoImage", "to_frames"]

NO_INTRINSICS: Final = "no usable intrinsics"
_VALID: Final = 127  # masks are 255 where pixels are good and 0 where not; compressed ones a little off


@dataclass(slots=True, eq=False)
class Source:
    """Where the pixels of one frame are.

    Attributes:
        id: of the frame.
        row: of its camera.
        image, image_ref: its loader, and where it is relative to the dataset root.
        depth, depth_ref, depth_scale, depth_fingerprint: the same for depth, None where it has none.
        valid: loader of its mask, or None.
        time: seconds, or None.
    """

    id: str
    row: int
    image: Callable[[], bytes]
    image_ref: str
    depth: Callable[[], npt.NDArray[np.float32]] | None = None
    depth_ref: str | None = None
    depth_scale: float | None = None
    depth_fingerprint: str | None = None
    valid: Callable[[], npt.NDArray[np.bool_]] | None = None
    time: float | None = None


@dataclass(slots=True, eq=False)
class Table:
    """The frames of a stream, in their order, and the cameras they name.

    Attributes:
        cameras: fitted to the size of the images.
        sources: the frames that have an image.
        depth_size: width and height of depth images; None where there are none.
        skipped: what was left out, by reason.
    """

    cameras: Cameras
    sources: list[Source]
    depth_size: tuple[int, int] | None = None
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class VideoImage:
    """Loads a frame of a video as a JPEG file."""

    video: Video
    frame: int

    def __call__(self) -> bytes:
        return self.video.image_bytes(self.frame)


@dataclass(frozen=True, slots=True)
class MaskFrame:
    """Loads a frame of a mask video."""

    video: Video
    frame: int
    size: tuple[int, int]

    def __call__(self) -> npt.NDArray[np.bool_]:
        return _mask(self.video.gray(self.frame), self.size, f"{self.video.path}#frame={self.frame}")


@dataclass(frozen=True, slots=True)
class MaskFile:
    """Loads a mask image."""

    path: Path
    size: tuple[int, int]

    def __call__(self) -> npt.NDArray[np.bool_]:
        data = read_bytes(self.path, remedy="copy or extract it again")
        return _mask(decode_gray(data, source=self.path), self.size, str(self.path))


@dataclass(frozen=True, slots=True)
class BinDepth:
    """Loads an image of ``depth.bin``; unknown everywhere where the file ends, whole, before it."""

    file: DepthBin
    frame: int

    def __call__(self) -> npt.NDArray[np.float32]:
        if not self.file.holds(self.frame):
            return np.zeros((HEIGHT, WIDTH), np.float32)
        return self.file.depth(self.frame)


def to_frames(table: Table) -> tuple[Frame, ...]:
    """Frames with usable cameras; the others are counted in the table's ``skipped``.

    Raises:
        SceneError: when none is usable.
    """
    cameras, rows = table.cameras, [source.row for source in table.sources]
    poses, verdicts, reasons = judge_poses(cameras.poses[rows])
    lens = cameras.intrinsics[rows]
    sound = np.isfinite(lens).all(axis=(1, 2)) & (lens[:, [0, 1], [0, 1]] > 0).all(axis=1)
    lens = _proper(lens)
    for code, reason in enumerate(reasons, 1):
        table.skipped[reason] += int((verdicts == code).sum())
    table.skipped[NO_INTRINSICS] += int(((verdicts == 0) & ~sound).sum())
    table.skipped = +table.skipped
    usable = np.flatnonzero((verdicts == 0) & sound)
    if not len(usable):
        found = ", ".join(f"{reason}: {count}" for reason, count in table.skipped.items()) or "it has no frames"
        raise SceneError(
            f"no frame has an image and a usable camera ({found})",
            path=cameras.origin,
            remedy="download or extract the stream again",
        )
    size = cameras.size
    assert size is not None
    depth_lens = lens if table.depth_size is None else scaled(lens, size, table.depth_size)
    return tuple(
        _frame(table, table.sources[index], poses[index], lens[index], depth_lens[index]) for index in usable.tolist()
    )


def _proper(intrinsics: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n, 3, 3) with a last row of exactly 0 0 1 and no skew, which no sensor here has."""
    proper = intrinsics.copy()
    proper[:, 0, 1] = proper[:, 1, 0] = 0.0
    proper[:, 2] = (0.0, 0.0, 1.0)
    return proper


def _frame(
    table: Table,
    source: Source,
    pose: npt.NDArray[np.float64],
    lens: npt.NDArray[np.float64],
    depth_lens: npt.NDArray[np.float64],
) -> Frame:
    cameras = table.cameras
    assert cameras.size is not None
    model, distortion = cameras.lenses[source.row]
    depth_camera = None
    if source.depth is not None and table.depth_size is not None:
        depth_camera = Camera(depth_lens, pose, *table.depth_size, model, distortion)
    return Frame(
        id=source.id,
        camera=Camera(lens, pose, *cameras.size, model, distortion),
        load_image=source.image,
        image_ref=source.image_ref,
        depth_camera=depth_camera,
        load_depth=source.depth,
        depth_ref=source.depth_ref,
        depth_scale=source.depth_scale,
        time=source.time,
        raw_camera_to_world=cameras.poses[source.row],
        depth_fingerprint=source.depth_fingerprint,
        load_valid=source.valid,
    )


def _mask(gray: npt.NDArray[np.uint8], size: tuple[int, int], where: str) -> npt.NDArray[np.bool_]:
    if (gray.shape[1], gray.shape[0]) != size:
        raise SceneError(
            f"the mask is {gray.shape[1]} x {gray.shape[0]}, its image {size[0]} x {size[1]}",
            path=where,
            remedy="download or extract it again",
        )
    return np.asarray(gray > _VALID)
