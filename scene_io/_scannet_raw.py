"""Frames of a raw scan: ``<id>.sens``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ..media.references import frame_reference
from ..media.sens import SensFile, SensHeader
from ._scannet_frames import NO_DEPTH, NO_IMAGE, FrameTable, SensDepth, SensImage
from ._scannet_layout import FrameSource
from ._scannet_lens import Lens
from .base import SceneSummary

__all__ = ["frame_table", "has_depth", "summary"]

_LONGEST: Final = 24 * 3600.0  # seconds; a stream that claims to last longer has garbage for times


def frame_table(source: FrameSource, root: Path) -> FrameTable:
    """All frames of a ``.sens`` file, numbered as they lie in it.

    Raises:
        SceneError: when the file is damaged, its header holds no intrinsics, or it states another size than its
            images have.
    """
    sens = SensFile(source.path)
    sens.check_sizes()  # before anything is allocated for images of the size the header claims
    header, index = sens.header, sens.index
    file = source.path.relative_to(root).as_posix()
    with_image = np.flatnonzero(index.color_bytes > 0)
    with_depth = index.depth_bytes > 0
    skipped: Counter[str] = Counter()
    if missing := header.frames - len(with_image):
        skipped[NO_IMAGE] = missing
    if missing := int((~with_depth[with_image]).sum()):
        skipped[NO_DEPTH] = missing
    numbers = [int(n) for n in with_image]
    refs = [frame_reference(file, n) for n in numbers]
    return FrameTable(
        origin=source.path,
        numbers=numbers,
        poses=index.poses[with_image],
        color=_lens(header, "color", source.path),
        depth=_lens(header, "depth", source.path) if with_depth.any() else None,
        images=[SensImage(sens, n) for n in numbers],
        depths=[SensDepth(sens, n) if with_depth[n] else None for n in numbers],
        image_refs=refs,
        depth_refs=[ref if with_depth[n] else None for n, ref in zip(numbers, refs, strict=True)],
        units_per_metre=header.depth_shift,
        times=_seconds(index.color_time[with_image]),
        skipped=skipped,
    )


def has_depth(source: FrameSource) -> bool:
    """Whether any frame carries depth."""
    return bool(SensFile(source.path).index.depth_bytes.any())


def summary(source: FrameSource) -> SceneSummary:
    """Counts and sizes from the headers alone."""
    sens = SensFile(source.path)
    sizes = sens.index.color_bytes[sens.index.color_bytes > 0]
    return SceneSummary(
        frames=len(sizes),
        width=sens.header.color_width,
        height=sens.header.color_height,
        image_bytes=int(sizes.mean()) if len(sizes) else 0,
    )


def _lens(header: SensHeader, kind: str, path: Path) -> Lens:
    """The lens as calibrated; the nominal values of ``<id>.txt`` differ from it by half a percent."""
    color = kind == "color"
    matrix = (header.intrinsic_color if color else header.intrinsic_depth)[:3, :3]
    width = header.color_width if color else header.depth_width
    height = header.color_height if color else header.depth_height
    centred = 0 <= matrix[0, 2] < width and 0 <= matrix[1, 2] < height
    if not np.isfinite(matrix).all() or min(matrix[0, 0], matrix[1, 1]) <= 0 or not centred:
        raise SceneError(
            f"its header holds no usable {'colour' if color else 'depth'} intrinsics for {width} x {height} images",
            path=path,
            remedy="download or copy it again",
        )
    return Lens(matrix, width, height)


def _seconds(microseconds: npt.NDArray[np.uint64]) -> list[float | None]:
    """The sensor's clock in seconds, or None for all where it is not a clock (zeros, garbage, running backwards)."""
    seconds = microseconds.astype(np.float64) * 1e-6
    if len(seconds) < 2 or not (np.diff(seconds) > 0).all() or seconds[-1] - seconds[0] > _LONGEST:
        return [None] * len(seconds)
    return [float(s) for s in seconds]
