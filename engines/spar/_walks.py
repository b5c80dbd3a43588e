"""How does somebody walk from where a video begins to where it ends?

The definition is this package's own: SPAR's navigation rows quote people's instructions (RxR), which do not follow from
poses. A stretch of the camera's way is told as turns and straight legs with the landmarks beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import Field, model_validator

from ...core.motion import Headings, Poses
from ...core.types import Fact
from ..marked_objects import MarkedObjects
from ..sampling import equal_quotas, take_least_used
from ..view_groups import ViewGroups
from ._landmarks import LandmarkParameters, Landmarks, Sight
from ._video_task import Frames, VideoTask
from ._walk_words import directions
from ._walked_path import WalkedPath

if TYPE_CHECKING:
    from ...core.types import Scene

__all__ = ["WalkParameters", "walks"]

_ENDS: Final = 48  # frames of a scene at which stretches begin and end
_DECIMALS: Final = 4  # of metres and radians, in the evidence


class WalkParameters(LandmarkParameters):
    """What decides which stretches of a camera's way are told."""

    fewest_legs: int = Field(1, ge=1, description="straight legs of a walk, at least")
    most_legs: int = Field(6, ge=1, description="straight legs of a walk, at most")
    least_leg: float = Field(0.5, gt=0, description="metres of a leg, at least")
    most_detour: float = Field(0.25, gt=0, description="metres by which the camera may leave the legs told of its way")
    most_climb: float = Field(1.0, gt=0, description="metres between the highest and lowest place of a walk, at most")
    most_miss: float = Field(
        0.4, gt=0, description="metres between the end of a walk and where it leads as told, rounded, at most"
    )
    least_link: float = Field(
        0.05, ge=0, lt=1, description="overlap of two frames of a walk that follow each other, at least"
    )

    most_shared_time: float = Field(
        0.7, ge=0, lt=1, description="share of the time that two walks cover together in which both go on, at most"
    )

    @model_validator(mode="after")
    def _legs_ordered(self) -> WalkParameters:
        if self.fewest_legs > self.most_legs:
            raise ValueError("fewest_legs must not be above most_legs")
        return self


@dataclass(frozen=True, slots=True)
class _Walk:
    """A stretch that can be told.

    Attributes:
        frames: shown.
        path: the way.
        sights: landmarks of each leg.
        margin: quantity / threshold of the closest condition.
    """

    frames: Frames
    path: WalkedPath
    sights: tuple[tuple[Sight, ...], ...]
    margin: float


def walks(task: VideoTask, objects: MarkedObjects, groups: ViewGroups, parameters: WalkParameters) -> Iterator[Fact]:
    """Facts about stretches that share few frames; numbers of legs as even as the scene allows.

    Args:
        task: as asked for.
        objects: of the scene.
        groups: of its frames.
        parameters: which stretches can be told.
    """
    found = _Search(task, objects, groups, parameters).all()
    strata: dict[int, list[_Walk]] = {}
    for walk in found:
        strata.setdefault(len(walk.path.legs), []).append(walk)
    numbers = sorted(strata)
    quotas = equal_quotas([len(strata[k]) for k in numbers], task.limit, objects.scene.id, task.name)
    uses: Counter[Hashable] = Counter()
    chosen: list[_Walk] = []
    for quota, number in zip(quotas, numbers, strict=True):
        keys = [("frames", *walk.frames) for walk in strata[number]]
        chosen.extend(strata[number][place] for place in take_least_used(keys, quota, uses))
    for place in task.rng.permutation(len(chosen)).tolist():
        yield _fact(task, objects, parameters, chosen[place])


class _Search:
    """Finds stretches of a scene's way."""

    def __init__(self, task: VideoTask, objects: MarkedObjects, groups: ViewGroups, parameters: WalkParameters) -> None:
        self._task = task
        self._objects = objects
        self._parameters = parameters
        self._linked = groups.overlap >= parameters.least_link
        self._most_frames = groups.parameters.video_frames
        self._poses = Poses.of([frame.camera for frame in objects.scene.frames])
        assert objects.scene.up is not None
        self._headings = Headings.of(self._poses, objects.scene.up)
        self._landmarks = Landmarks(objects, parameters)

    def all(self) -> list[_Walk]:
        """Stretches no two of which share much, in random order; the longest of each beginning and number of legs."""
        count = len(self._objects.scene.frames)
        ends = np.unique(np.linspace(0, count - 1, min(count, _ENDS)).round().astype(int)).tolist()
        best: list[_Walk] = []
        for start in self._task.rng.permutation(ends).tolist():
            of_legs: dict[int, _Walk] = {}
            for end in ends:
                if end <= start:
                    continue
                walk = self._between(start, end)
                if isinstance(walk, str):
                    self._task.reasons[walk] += 1
                else:
                    of_legs[len(walk.path.legs)] = walk
            best += of_legs.values()
        spread = [best[k] for k in self._task.rng.permutation(len(best)).tolist()]
        kept: list[_Walk] = []
        for walk in spread:
            if all(_shared(walk.frames, other.frames) <= self._parameters.most_shared_time for other in kept):
                kept.append(walk)
            else:
                self._task.reasons["too much like another walk"] += 1
        return kept

    def _between(self, start: int, end: int) -> _Walk | str:
        """The stretch between two frames, or why it is not told."""
        parameters = self._parameters
        shown = min(self._most_frames, end - start + 1)
        frames = tuple(np.unique(np.linspace(start, end, shown).round().astype(int)).tolist())
        poses, headings = _of(self._poses, frames), _of_headings(self._headings, frames)
        path = WalkedPath.of(poses, headings, parameters.most_detour)
        if path is None:
            return "the camera does not move, or looks steeply up or down"
        if not parameters.fewest_legs <= len(path.legs) <= parameters.most_legs:
            return "too few or too many legs"
        if min(leg.length for leg in path.legs) < parameters.least_leg:
            return "a leg is too short"
        if path.climb > parameters.most_climb:
            return "the way goes up or down"
        if path.miss > parameters.most_miss:
            return "rounded turns and lengths lead elsewhere"
        if not self._linked[list(frames[:-1]), list(frames[1:])].all():
            return "frames that follow each other show hardly anything in common"
        usable = self._landmarks.among(frames)
        footprints = self._landmarks.footprints(usable, poses, headings)
        sights = _without_repeats([self._landmarks.of_leg(leg, usable, footprints) for leg in path.legs])
        margins = [sight.margin for some in sights for sight in some]
        if not margins:
            return "no landmark beside the way"
        return _Walk(frames, path, sights, min(*margins, parameters.most_detour / max(path.detour, 0.01)))


def _without_repeats(of_legs: list[list[Sight]]) -> tuple[tuple[Sight, ...], ...]:
    """Landmarks of legs, without those that the leg before also ended at: they tell no two places apart."""
    kept: list[tuple[Sight, ...]] = []
    before = -1
    for sights in of_legs:
        kept.append(tuple(sight for sight in sights if sight.side or sight.instance != before))
        before = next((sight.instance for sight in sights if not sight.side), -1)
    return tuple(kept)


def _of(poses: Poses, frames: Frames) -> Poses:
    chosen = list(frames)
    return Poses(poses.rotation[chosen], poses.centre[chosen])


def _of_headings(headings: Headings, frames: Frames) -> Headings:
    chosen = list(frames)
    return Headings(headings.elevation[chosen], headings.forward[chosen], headings.right[chosen], headings.up)


def _shared(one: Frames, other: Frames) -> float:
    """Part of the time that two stretches cover together, in which they go on at once."""
    common = min(one[-1], other[-1]) - max(one[0], other[0])
    return max(common, 0) / (max(one[-1], other[-1]) - min(one[0], other[0]))


def _fact(task: VideoTask, objects: MarkedObjects, parameters: WalkParameters, walk: _Walk) -> Fact:
    path = walk.path
    named = list(dict.fromkeys(sight.instance for some in walk.sights for sight in some))
    return Fact(
        task=task.name,
        frames=walk.frames,
        variant="name",
        form="sentence",
        value=tuple(number for leg in path.legs for number in leg.end),
        objects=objects.mentions(named, "reference"),
        answer=directions(path.legs, walk.sights, path.last_turn, objects.labels, task.rng),
        slots={"last": len(walk.frames) - 1},
        evidence={
            "objects": objects.marked_evidence(walk.frames, named),
            "walk": _described(walk, objects.scene),
            "definition": "own: turns and legs of the camera's way; not comparable with RxR",
            "thresholds": {
                "most_detour": parameters.most_detour,
                "least_leg": parameters.least_leg,
                "passed_within": parameters.passed_within,
                "stopped_within": parameters.stopped_within,
            },
        },
        margin=walk.margin,
    )


def _described(walk: _Walk, scene: Scene) -> dict[str, Any]:
    """A walk for the evidence: radians are positive to the left."""
    path = walk.path
    return {
        "legs": [
            {
                "turn": round(leg.turn, _DECIMALS),
                "forward": round(leg.length, _DECIMALS),
                "passed": [
                    {"id": scene.instances[s.instance].id, "side": "left" if s.side > 0 else "right", "gap": s.gap}
                    for s in sights
                    if s.side
                ],
                "stopped_at": [{"id": scene.instances[s.instance].id, "gap": s.gap} for s in sights if not s.side],
            }
            for leg, sights in zip(path.legs, walk.sights, strict=True)
        ],
        "last_turn": round(path.last_turn, _DECIMALS),
        "detour": round(path.detour, _DECIMALS),
        "miss": round(path.miss, _DECIMALS),
    }
