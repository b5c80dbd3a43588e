"""Which frames of a scene are used: near-duplicates and blurred ones teach little and cost much."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ..core.types import Frame, Scene
from ..errors import ConfigError

__all__ = ["FramePolicy", "expected_frames", "parse_policy", "select_frames", "sharpness"]

NOVEL_DISTANCE: Final = 0.05
"""Metres between camera centres from which a frame shows something new (design: command line, ``--frames``)."""
NOVEL_ANGLE: Final = math.radians(5.0)
"""Radians between orientations, likewise."""
NOVEL_LIMIT: Final = 300
"""Frames a scene at most under ``novel``."""
SHARP_SHARE: Final = 0.40
"""Share of the scene's median sharpness below which a frame counts as blurred; sharpness depends on what is
seen (a white wall has little), so the bar is low and relative to the scene."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FramePolicy:
    """A parsed ``--frames`` value: ``number`` for every and max, ``ids`` for a list."""

    kind: Literal["novel", "every", "max", "list"]
    number: int = 0
    ids: tuple[str, ...] = ()


def parse_policy(text: str) -> FramePolicy:
    """The policy a text stands for: ``novel``, ``every:N``, ``max:N`` or frame ids separated by commas.

    Raises:
        ConfigError: when it is none of these.
    """
    if text == "novel":
        return FramePolicy("novel")
    kind, colon, number = text.partition(":")
    if colon and kind in {"every", "max"}:
        if not number.isdecimal() or int(number) < 1:
            raise ConfigError(f"--frames {text}: N must be a whole number from 1", remedy=f"write {kind}:10")
        return FramePolicy("every" if kind == "every" else "max", int(number))
    ids = tuple(part.strip() for part in text.split(","))
    if not all(ids) or colon:
        raise ConfigError(
            f"--frames {text!r} is not a frame policy", remedy="write novel, every:N, max:N, or ids separated by commas"
        )
    return FramePolicy("list", ids=tuple(dict.fromkeys(ids)))


def expected_frames(available: int, policy: str) -> int:
    """Frames a scene will have at most, from the number it has on disk: for estimates."""
    parsed = parse_policy(policy)
    match parsed.kind:
        case "novel":
            return min(available, NOVEL_LIMIT)
        case "every":
            return -(-available // parsed.number)
        case "max":
            return min(available, parsed.number)
        case "list":
            return min(available, len(parsed.ids))


def select_frames(scene: Scene, policy: str) -> Scene:
    """The scene with the frames a policy keeps; what is left out is counted in ``skipped``.

    ``novel`` keeps a frame at least 5 cm or 5° from the last kept one; when more than 300 are left they are
    thinned evenly; of those, frames with less than 40 % of the scene's median sharpness are dropped. Of a video with
    tracks at most 300 frames are kept, evenly, whatever they show.

    Raises:
        ConfigError: for an unknown frame id.
        SceneError: when an image that had to be looked at cannot be decoded; names it.
    """
    parsed = parse_policy(policy)
    skipped: Counter[str] = Counter()
    match parsed.kind:
        case "novel" if scene.tracks is not None:
            # What a video shows of a still camera is in its moments, and a blurred one may be the motion asked about.
            kept = _thinned(scene.frames, NOVEL_LIMIT, skipped)
        case "novel":
            kept = _sharp(scene, _thinned(_novel(scene.frames, skipped), NOVEL_LIMIT, skipped), skipped)
        case "every":
            kept = list(scene.frames[:: parsed.number])
        case "max":
            kept = _evenly(scene.frames, parsed.number)
        case "list":
            kept = _named(scene, parsed.ids)
    left_out = len(scene.frames) - len(kept) - skipped.total()
    if left_out:
        skipped[f"frame not in --frames {policy if parsed.kind != 'list' else 'list'}"] += left_out
    total = Counter(scene.skipped)
    total.update(skipped)
    return dataclasses.replace(scene, frames=tuple(kept), skipped=dict(total))


def _named(scene: Scene, ids: Sequence[str]) -> list[Frame]:
    known = {frame.id for frame in scene.frames}
    if missing := [name for name in ids if name not in known]:
        raise ConfigError(
            f"scene {scene.id} has no usable frame {', '.join(missing[:5])}",
            remedy=f"it has {len(known)}, from {scene.frames[0].id} to {scene.frames[-1].id}"
            if known
            else "it has none",
        )
    wanted = set(ids)
    return [frame for frame in scene.frames if frame.id in wanted]


def _novel(frames: Sequence[Frame], skipped: Counter[str]) -> list[Frame]:
    kept: list[Frame] = []
    for frame in frames:
        if not kept or _differs(kept[-1], frame):
            kept.append(frame)
        else:
            skipped["frame too like the one before"] += 1
    return kept


def _differs(one: Frame, other: Frame) -> bool:
    a, b = one.camera.camera_to_world, other.camera.camera_to_world
    if np.linalg.norm(a[:3, 3] - b[:3, 3]) >= NOVEL_DISTANCE:
        return True
    cosine = (np.trace(a[:3, :3].T @ b[:3, :3]) - 1.0) / 2.0
    return math.acos(min(1.0, max(-1.0, float(cosine)))) >= NOVEL_ANGLE


def _evenly(frames: Sequence[Frame], limit: int) -> list[Frame]:
    if len(frames) <= limit:
        return list(frames)
    # The middles of `limit` equal stretches: neither end is favoured, and no index repeats.
    return [frames[(2 * k + 1) * len(frames) // (2 * limit)] for k in range(limit)]


def _thinned(frames: Sequence[Frame], limit: int, skipped: Counter[str]) -> list[Frame]:
    kept = _evenly(frames, limit)
    if len(kept) < len(frames):
        skipped[f"frame thinned out, scene has more than {limit}"] += len(frames) - len(kept)
    return kept


def sharpness(gray: np.ndarray) -> float:
    """Variance of the Laplacian of a grey image (h, w) uint8: low where it is out of focus or smeared."""
    import cv2

    return float(cv2.Laplacian(gray, cv2.CV_64F).var())


def _sharp(scene: Scene, frames: Sequence[Frame], skipped: Counter[str]) -> list[Frame]:
    from ..media.images import decode_gray

    values = [sharpness(decode_gray(frame.load_image(), 4, source=frame.image_ref)) for frame in frames]
    if not values:
        return []
    bar = SHARP_SHARE * float(np.median(values))
    kept = [frame for frame, value in zip(frames, values, strict=True) if value >= bar]
    if len(kept) < len(frames):
        skipped["frame blurred"] += len(frames) - len(kept)
        _log.debug("%s: %d of %d frames blurred", scene.id, len(frames) - len(kept), len(frames))
    return kept
