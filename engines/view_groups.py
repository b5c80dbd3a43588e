"""Frames that are shown together: pairs and triples of wide baseline, and the frames of a whole trajectory.

Two frames make a pair when the camera turned or went far enough between them, not too far, and both still see some of
the same surface (docs/conventions.md, "Overlap"). Three make a triple when they are told apart in the same way and
overlaps link them all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ..core.motion import Poses, displacement
from .base import Parameters

if TYPE_CHECKING:
    from ..core.geometry import SceneGeometry

__all__ = ["ORDINALS", "VIDEO_FRAMES", "ViewGroupParameters", "ViewGroups"]

ORDINALS: Final = ("first", "second", "third")
"""What texts call the images of a triple."""

VIDEO_FRAMES: Final = 32
"""Of a video question, unless told otherwise."""

_LEAST_TRIPLES: Final = 32
"""To be looked through however few questions are wanted: not every triple shows something to ask about."""

_DECIMALS: Final = 6
_TRIES: Final = 8  # third frames looked at for each triple wanted, before the next first frame has its turn
_STEPS: Final = 10  # of a scene's frames, in which stretches begin and end
_MOST_SHARED: Final = 0.75  # of the frames of a video that another one may show too

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Frames = tuple[int, ...]


class ViewGroupParameters(Parameters):
    """What every engine that shows several frames can be told."""

    least_turn: float = Field(10.0, ge=0, le=180, description="degrees between two frames' cameras, at least, or")
    most_turn: float = Field(90.0, ge=0, le=180, description="degrees between two frames' cameras, at most")
    least_baseline: float = Field(0.3, ge=0, description="metres between two frames' cameras, at least")
    most_baseline: float = Field(3.0, gt=0, description="metres between two frames' cameras, at most")
    least_overlap: float = Field(0.10, ge=0, lt=1, description="overlap of two frames that are linked, at least")
    most_overlap: float = Field(0.80, gt=0, le=1, description="overlap of two frames shown together, at most")
    video_frames: int = Field(
        VIDEO_FRAMES, ge=2, description="frames of a video question, spread evenly over the scene's"
    )

    @model_validator(mode="after")
    def _far_apart(self) -> ViewGroupParameters:  # not _ordered: that of another base would take its place
        for low, high in (("least_turn", "most_turn"), ("least_baseline", "most_baseline")):
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(f"{low} must be below {high}")
        if self.least_overlap >= self.most_overlap:
            raise ValueError("least_overlap must be below most_overlap")
        return self


class ViewGroups:
    """Which frames of a scene can be shown together.

    Args:
        geometry: of the scene.
        parameters: how far apart frames are, and how much they overlap.
    """

    def __init__(self, geometry: SceneGeometry, parameters: ViewGroupParameters) -> None:
        self._geometry = geometry
        self.parameters = parameters
        self._poses = Poses.of([frame.camera for frame in geometry.scene.frames])

    # ---- which

    @cached_property
    def turn(self) -> FloatArray:
        """(f, f), radians: the angle between each two cameras' orientations."""
        flat = self._poses.rotation.reshape(-1, 9)
        return np.asarray(np.arccos(np.clip((flat @ flat.T - 1.0) / 2.0, -1.0, 1.0)))

    @cached_property
    def baseline(self) -> FloatArray:
        """(f, f), metres: between each two cameras."""
        centre = self._poses.centre
        return np.asarray(np.linalg.norm(centre[:, None] - centre[None], axis=2))

    @cached_property
    def overlap(self) -> FloatArray:
        """(f, f): overlap of each two frames, a fraction; of a scene of one frame 1."""
        count = len(self._geometry.scene.frames)
        return self._geometry.overlap.iou.astype(np.float64) if count > 1 else np.ones((count, count))

    @cached_property
    def differs(self) -> BoolArray:
        """(f, f): whether two frames are far enough apart to be told apart, and overlap too little to be the same."""
        parameters = self.parameters
        moved = (self.turn >= math.radians(parameters.least_turn)) | (self.baseline >= parameters.least_baseline)
        return np.asarray(moved & (self.overlap <= parameters.most_overlap))

    @cached_property
    def is_pair(self) -> BoolArray:
        """(f, f): whether two frames can be shown as a pair: different, not too far apart, linked by overlap."""
        parameters = self.parameters
        near = (self.turn <= math.radians(parameters.most_turn)) & (self.baseline <= parameters.most_baseline)
        return self.differs & near & (self.overlap >= parameters.least_overlap)

    @cached_property
    def is_linked(self) -> BoolArray:
        """(f, f): whether two frames of a triple see enough of the same surface to be pieced together."""
        return self.differs & (self.overlap >= self.parameters.least_overlap)

    def pairs(self, rng: np.random.Generator) -> list[Frames]:
        """All pairs, in both orders, shuffled so that first frames take turns."""
        first, second = np.nonzero(self.is_pair)
        return _in_turn(list(zip(first.tolist(), second.tolist(), strict=True)), rng)

    def triples(self, count: int, rng: np.random.Generator, shown: BoolArray | None = None) -> list[Frames]:
        """Up to ``count`` triples, or 32 where that is more, no two of the same frames; first frames take turns.

        Any two frames of a triple are different, and links connect all three.

        Args:
            count: wanted; a few are looked through even for a single question.
            rng: decides which.
            shown: (f, n): what frames show; the second and third must then show something that the first does not.
        """
        frames, count = len(self._poses.centre), max(count, _LEAST_TRIPLES)
        found: dict[frozenset[int], Frames] = {}
        starts = rng.permutation(frames).tolist()
        while starts and len(found) < count:
            left = []
            for first in starts:
                triple = self._triple(first, found, rng, shown)
                if triple is not None and len(found) < count:
                    found[frozenset(triple)] = triple
                    left.append(first)
            starts = left
        return list(found.values())

    def video(self) -> Frames:
        """The frames of a video question: all, or the middles of as many equal stretches of them, in time order."""
        frames, wanted = len(self._geometry.scene.frames), self.parameters.video_frames
        return tuple(range(frames)) if frames <= wanted else _spread(0, frames, wanted)

    def videos(self, count: int) -> list[Frames]:
        """Up to ``count`` videos: that of the whole way, then of ever shorter stretches of it.

        A stretch has more frames than a video, or as many; no two videos share more than three quarters of theirs.
        """
        frames, wanted = len(self._geometry.scene.frames), self.parameters.video_frames
        if frames < 2:
            return []  # one frame is no video
        found = [self.video()]
        for left_out in range(1, _STEPS):
            span = frames - left_out * frames // _STEPS
            starts = [skipped * frames // _STEPS for skipped in range(left_out + 1)]
            for start in starts if span >= wanted else ():
                video = _spread(start, span, wanted)
                alike = max(len(set(video) & set(other)) for other in found)
                if len(found) < count and alike <= _MOST_SHARED * wanted:
                    found.append(video)
        return found

    # ---- what a fact says of them

    def largest_overlap(self, frames: Sequence[int]) -> float | None:
        """Of the pairs of some frames; None of a single one."""
        if len(frames) < 2:
            return None
        among = self.overlap[np.ix_(frames, frames)]
        return float(among[~np.eye(len(frames), dtype=np.bool_)].max())

    def evidence(self, frames: Sequence[int]) -> list[dict[str, Any]]:
        """The ``pairs`` of a fact's evidence: every two of some frames, in the order shown."""
        found = []
        for j in range(len(frames)):
            for i in range(j):
                one, other = np.array([frames[i]]), np.array([frames[j]])
                turned = self._poses.rotation[frames[i]].T @ self._poses.rotation[frames[j]]
                found.append(
                    {
                        "images": [i, j],
                        "t_12": np.round(displacement(self._poses, one, other)[0], _DECIMALS).tolist(),
                        "R_12": np.round(turned, _DECIMALS + 3).tolist(),
                        "overlap_iou": round(float(self.overlap[frames[i], frames[j]]), _DECIMALS),
                    }
                )
        return found

    # ---- inside

    def _triple(
        self, first: int, found: dict[frozenset[int], Frames], rng: np.random.Generator, shown: BoolArray | None
    ) -> Frames | None:
        """A new triple that begins with a frame, or None where a few tries give none."""
        near = np.flatnonzero(self.is_linked[first])
        for _ in range(_TRIES if len(near) else 0):
            second = int(rng.choice(near))
            linked = (self.is_linked[first] | self.is_linked[second]) & self.differs[first] & self.differs[second]
            third = np.flatnonzero(linked)
            if not len(third):
                continue
            pair = rng.permutation([second, int(rng.choice(third))]).tolist()
            triple = (first, *pair)
            if frozenset(triple) in found:
                continue
            if shown is None or bool((shown[pair].any(axis=0) & ~shown[first]).any()):
                return triple
        return None


def _spread(start: int, span: int, wanted: int) -> Frames:
    """The middles of equal parts of a stretch of frames."""
    return tuple(start + (2 * k + 1) * span // (2 * wanted) for k in range(wanted))


def _in_turn(groups: list[Frames], rng: np.random.Generator) -> list[Frames]:
    """Groups shuffled, then one of each first frame in turn."""
    turns: dict[int, int] = {}
    keyed = []
    for place in rng.permutation(len(groups)).tolist():
        group = groups[place]
        turns[group[0]] = turns.get(group[0], 0) + 1
        keyed.append((turns[group[0]], group))
    return [group for _, group in sorted(keyed, key=lambda one: one[0])]
