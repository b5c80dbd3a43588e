"""What frames bring along for each pixel of their colour image: which instance it shows, and whether it may be used.

Sources that label images instead of a mesh give the first (``Frame.load_instances``); anonymised faces, panes of glass
and the rim of a fisheye lens are why there is the second (``Frame.load_valid``). A masked pixel shows nothing: no mark
may touch it, and a point that projects to one is not visible in that frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from .arrays import read_only
from .projection import is_inside, nearest_pixels, project
from .types import Frame, Scene
from .visibility import VisibilityBits

__all__ = ["hide_masked", "instances_of", "touches_masked", "valid_of"]


def instances_of(scene: Scene, i: int) -> npt.NDArray[np.int32]:
    """(h, w): index into the scene's instances at every colour pixel of frame i, -1 for none or without a map.

    Raises:
        SceneError: when the frame's map has another size than its image, or names instances that are not there.
    """
    frame = scene.frames[i]
    shape = frame.camera.height, frame.camera.width
    if frame.load_instances is None:
        return read_only(np.full(shape, -1), np.int32)
    found = read_only(_of_size(frame.load_instances(), frame, "instance map"), np.int32)
    if found.size and (found.min() < -1 or found.max() >= len(scene.instances)):
        raise SceneError(
            f"the instance map of frame {frame.id} names instances beyond the {len(scene.instances)} there are",
            path=frame.image_ref,
            remedy="instance maps and the list of objects must be of one release",
        )
    return found


def valid_of(frame: Frame) -> npt.NDArray[np.bool_] | None:
    """(h, w): whether each colour pixel may be used; None where all may.

    Raises:
        SceneError: when the mask has another size than the image.
    """
    return None if frame.load_valid is None else read_only(_of_size(frame.load_valid(), frame, "mask"), np.bool_)


def _of_size(values: npt.NDArray[Any], frame: Frame, what: str) -> npt.NDArray[Any]:
    wanted = frame.camera.height, frame.camera.width
    if values.shape != wanted:
        raise SceneError(
            f"the {what} of frame {frame.id} has (height, width) {values.shape}, its image {wanted}",
            path=frame.image_ref,
            remedy="export maps and images in one size",
        )
    return values


def touches_masked(
    xy: npt.NDArray[np.float64], offsets: npt.NDArray[np.int32], valid: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """(n,): whether any pixel of a disc around pixels (n, 2) is masked; the discs lie inside the image.

    Args:
        xy: (n, 2), colour pixels.
        offsets: (k, 2), the disc's pixels.
        valid: (h, w).
    """
    centre = np.floor(xy + 0.5).astype(np.int64)
    column, row = (centre[:, None, :] + offsets[None]).transpose(2, 0, 1)
    return np.asarray(~valid[row, column].all(axis=1))


def hide_masked(bits: VisibilityBits, frames: Sequence[Frame], points: npt.NDArray[np.float32]) -> VisibilityBits:
    """The same visibility, without the points that project to masked pixels.

    Such a point is known not to be visible in that frame.

    Args:
        bits: of these frames and points.
        frames: of the scene.
        points: (n, 3), metres, world frame.
    """
    if all(frame.load_valid is None for frame in frames):
        return bits
    words = bits.words.copy()
    known = None if bits.known is None else bits.known.copy()
    for index, frame in enumerate(frames):
        valid = valid_of(frame)
        if valid is None:
            continue
        # With the sensor alone also points it knows nothing about: what is masked is known not to be seen.
        looked_at = bits.visible(index) if known is None else bits.visible(index) | ~bits.is_known(index)
        candidates = np.flatnonzero(looked_at)
        xy, depth = project(points[candidates], frame.camera)
        inside = is_inside(xy, frame.camera) & (depth > 0)
        column, row = nearest_pixels(xy[inside]).T
        hidden = candidates[inside][~valid[row, column]]
        place, bit = hidden // 64, np.uint64(1) << (hidden % 64).astype(np.uint64)
        np.bitwise_and.at(words[index], place, ~bit)
        if known is not None:
            np.bitwise_or.at(known[index], place, bit)
    return VisibilityBits(words, known, bits.count)
