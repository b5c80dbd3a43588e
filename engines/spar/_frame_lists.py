"""In which frames of a video is a marked object to be seen?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from pydantic import Field

from ...core.types import BoxRef, Fact
from ..marked_objects import MarkedObjectParameters, MarkedObjects
from ..sampling import take_least_used
from ._sightings import SightingParameters, Sightings
from ._video_task import Frames, VideoTask

__all__ = ["FrameListParameters", "frame_lists"]


class FrameListParameters(MarkedObjectParameters, SightingParameters):
    """What decides which objects' frames are asked for."""

    least_listed: int = Field(
        2, ge=1, description="frames of a video that show an object whose frames are asked for, at least"
    )


def frame_lists(
    task: VideoTask, objects: MarkedObjects, frames: Frames, parameters: FrameListParameters
) -> Iterator[Fact]:
    """One fact for each object that can be marked in a frame, and of which every other frame shows enough or nothing.

    Args:
        task: as asked for.
        objects: of the scene.
        frames: of the video.
        parameters: when a frame shows an object.
    """
    task.reasons.update(objects.reasons)
    sightings = Sightings(objects, parameters)
    video = np.array(frames)
    seen, shows = sightings.seen[video], objects.shows[video] & sightings.seen[video]
    legal = []
    for instance in np.flatnonzero(objects.askable).tolist():
        reason = _reason_against(instance, video, sightings, seen, shows, parameters)
        if reason:
            task.reasons[reason] += 1
        else:
            legal.append(instance)
    legal = [legal[k] for k in task.rng.permutation(len(legal)).tolist()]
    kinds: Counter[Hashable] = Counter()
    marked: Counter[int] = Counter()
    for place in take_least_used([(objects.labels[k],) for k in legal], task.limit, kinds):
        instance = legal[place]
        images = np.flatnonzero(shows[:, instance]).tolist()
        image = min(images, key=lambda image: (marked[image], task.rng.random()))
        marked[image] += 1
        yield _fact(task, objects, sightings, frames, instance, image)


def _reason_against(
    instance: int,
    video: np.ndarray,
    sightings: Sightings,
    seen: np.ndarray,
    shows: np.ndarray,
    parameters: FrameListParameters,
) -> str:
    """Why an object's frames are not asked for; empty if they can be."""
    if not shows[:, instance].any():
        return "no frame shows enough of the object to mark it"
    if sightings.open[video, instance].any():
        return "whether a frame shows the object is open"
    if seen[:, instance].sum() < parameters.least_listed:
        return "too few frames show the object"
    return ""


def _fact(
    task: VideoTask, objects: MarkedObjects, sightings: Sightings, frames: Sequence[int], instance: int, image: int
) -> Fact:
    video = np.array(frames)
    frame = frames[image]
    assert objects.states is not None
    return Fact(
        task=task.name,
        frames=tuple(frames),
        variant="box",
        form="sentence",
        value=tuple(np.flatnonzero(sightings.seen[video, instance]).astype(float).tolist()),
        boxes=(objects.box(instance, frame, image, "red"),),
        objects=objects.mentions([instance], "target"),
        slots={"object": BoxRef(0), "frame": image},
        evidence={
            "objects": objects.marked_evidence(frames, [instance]),
            "thresholds": sightings.thresholds(),
        },
        margin=float(sightings.certainty[video, instance].min()),
        occlusion=float(objects.states.total[frame, instance]),
    )
