"""In which frames of a video is a marked object to be seen?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ...core.object_views import CLEAR_PX, HIDDEN_PX
from ...core.types import BoxRef, Fact
from ..marked_objects import MarkedObjectParameters, MarkedObjects
from ..sampling import take_least_used
from ._sightings import SightingParameters, Sightings, pixels_when_shaken
from ._video_task import Frames, VideoTask

__all__ = ["FrameListParameters", "frame_lists"]

_NEARLY_BEST: Final = 0.5  # of the pixels in the frame that shows most, from which a frame may mark an object

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


class FrameListParameters(MarkedObjectParameters, SightingParameters):
    """What decides which objects' frames are asked for."""

    least_listed: int = Field(
        2, ge=1, description="frames of a video that show an object whose frames are asked for, at least"
    )
    shaken_metres: float = Field(
        0.03,
        ge=0,
        description="metres by which a camera may stand elsewhere without an object coming into view or leaving",
    )
    shaken_degrees: float = Field(0.5, ge=0, le=10, description="degrees by which it may look elsewhere, likewise")


@dataclass(frozen=True, slots=True, eq=False)
class _Shaken:
    """What a scene's frames show if cameras are off a little.

    Attributes:
        least, most: (f, n) pixels; zeros of frames that no video shows.
    """

    least: FloatArray
    most: FloatArray

    @classmethod
    def of(cls, objects: MarkedObjects, videos: Sequence[Frames], parameters: FrameListParameters) -> _Shaken | None:
        """None where cameras are taken to be exact."""
        if not parameters.shaken_metres and not parameters.shaken_degrees:
            return None
        frames = sorted(set().union(*videos))
        found = pixels_when_shaken(objects.geometry, frames, parameters.shaken_metres, parameters.shaken_degrees)
        pixels = np.zeros((2, *objects.visible_px.shape))
        pixels[:, frames] = found
        return cls(pixels[0], pixels[1])


@dataclass(frozen=True, slots=True, eq=False)
class _Video:
    """What the frames of a video, in order, show of every object.

    Attributes:
        frames: of the scene.
        sightings: of the scene.
        seen: (v, n): the frame shows the object.
        open: (v, n): whether it does is open.
        least, most: (v, n) pixels if cameras were off a little; None where that is not looked at.
    """

    frames: Frames
    sightings: Sightings
    seen: BoolArray
    open: BoolArray
    least: FloatArray | None
    most: FloatArray | None

    @classmethod
    def of(cls, frames: Frames, sightings: Sightings, shaken: _Shaken | None) -> _Video:
        video = np.array(frames)
        seen, undecided = sightings.seen[video], sightings.open[video]
        if shaken is None:
            return cls(frames, sightings, seen, undecided, None, None)
        least, most = shaken.least[video], shaken.most[video]
        undecided |= np.where(seen, least < HIDDEN_PX, most > CLEAR_PX)
        return cls(frames, sightings, seen, undecided, least, most)

    def margin(self, instance: int) -> float:
        """Quantity / threshold of the condition that comes nearest to another list."""
        margin = float(self.sightings.certainty[np.array(self.frames), instance].min())
        if self.least is None or self.most is None:
            return margin
        seen = self.seen[:, instance]
        steady = np.where(seen, self.least[:, instance] / HIDDEN_PX, CLEAR_PX / np.maximum(self.most[:, instance], 1.0))
        return min(margin, float(steady.min()))


def frame_lists(
    task: VideoTask, objects: MarkedObjects, videos: Sequence[Frames], parameters: FrameListParameters
) -> Iterator[Fact]:
    """Facts about objects that can be marked in a frame of a video of which every other shows enough or nothing.

    Args:
        task: as asked for.
        objects: of the scene.
        videos: of it.
        parameters: when a frame shows an object.
    """
    task.reasons.update(objects.reasons)
    sightings = Sightings(objects, parameters)
    shaken = _Shaken.of(objects, videos, parameters)
    legal: list[tuple[_Video, int]] = []
    for frames in videos:
        video = _Video.of(frames, sightings, shaken)
        legal += [(video, instance) for instance in _askable(task, objects, video, parameters)]
    legal = [legal[k] for k in task.rng.permutation(len(legal)).tolist()]
    keys = [(objects.labels[instance], instance, video.frames) for video, instance in legal]
    uses: Counter[Hashable] = Counter()
    marked: Counter[int] = Counter()
    for place in take_least_used(keys, task.limit, uses):
        video, instance = legal[place]
        shows = objects.shows[np.array(video.frames), instance] & video.seen[:, instance]
        pixels = np.where(shows, objects.visible_px[np.array(video.frames), instance], 0)
        images = task.rng.permutation(np.flatnonzero(pixels >= _NEARLY_BEST * pixels.max())).tolist()
        image = min(images, key=marked.__getitem__)
        marked[image] += 1
        yield _fact(task, objects, video, parameters, instance, image)


def _askable(task: VideoTask, objects: MarkedObjects, video: _Video, parameters: FrameListParameters) -> list[int]:
    """Objects whose frames in a video are known."""
    shows = objects.shows[np.array(video.frames)] & video.seen
    askable = objects.askable.copy()
    for reason, bad in (
        ("no frame shows enough of the object to mark it", ~shows.any(axis=0)),
        ("whether a frame shows the object is open", video.open.any(axis=0)),
        ("too few frames show the object", video.seen.sum(axis=0) < parameters.least_listed),
    ):
        task.reasons[reason] += int(np.count_nonzero(askable & bad))
        askable &= ~bad
    return np.flatnonzero(askable).tolist()


def _fact(
    task: VideoTask,
    objects: MarkedObjects,
    video: _Video,
    parameters: FrameListParameters,
    instance: int,
    image: int,
) -> Fact:
    assert objects.states is not None
    frame = video.frames[image]
    evidence: dict[str, Any] = {
        "objects": objects.marked_evidence(video.frames, [instance]),
        "thresholds": video.sightings.thresholds()
        | {"shaken_metres": parameters.shaken_metres, "shaken_degrees": parameters.shaken_degrees},
    }
    if video.least is not None and video.most is not None:
        evidence["shaken_px"] = np.stack([video.least[:, instance], video.most[:, instance]], axis=1).tolist()
    return Fact(
        task=task.name,
        frames=video.frames,
        variant="box",
        form="sentence",
        value=tuple(np.flatnonzero(video.seen[:, instance]).astype(float).tolist()),
        boxes=(objects.box(instance, frame, image, "red"),),
        objects=objects.mentions([instance], "target"),
        slots={"object": BoxRef(0), "frame": image},
        evidence=evidence,
        margin=video.margin(instance),
        occlusion=float(objects.states.total[frame, instance]),
    )
