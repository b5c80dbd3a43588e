"""How many different things of a kind does a video show?

A thing counts once, in however many frames it is to be seen; a kind is a name and its synonyms. Nothing in the frames
may leave the number open: no thing of the kind that none of them clearly shows, nothing of another name that a viewer
might count as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field, model_validator

from ...core.labels import synonyms
from ...core.object_views import HIDDEN_PX
from ...core.types import Fact, Scene
from ..mosaic import MosaicObjects
from ..sampling import deal, take_least_used
from ._sightings import SightingParameters, Sightings
from ._video_task import Frames, VideoTask

__all__ = ["VideoCountParameters", "video_counts"]


class VideoCountParameters(SightingParameters):
    """What decides which kinds are counted."""

    fewest: int = Field(2, ge=1, description="objects of a kind that is counted, at least")
    most: int = Field(15, ge=1, description="objects of a kind that is counted, at most")
    least_counted_size: float = Field(
        0.15, ge=0, description="metres; longest side of every object of a kind: annotations often miss smaller things"
    )
    most_ones: float = Field(
        0.25, ge=0, lt=1, description="share of the facts about a scene that may count fewer than that (one may anyhow)"
    )

    @model_validator(mode="after")
    def _counts_ordered(self) -> VideoCountParameters:
        if self.fewest > self.most:
            raise ValueError("fewest must not be above most")
        return self


@dataclass(frozen=True, slots=True)
class _Counted:
    """A kind, and what the video shows of it.

    Attributes:
        frames: of the video.
        label: the commonest of its names.
        counted: objects that the video shows.
        in_scene: all objects of the kind.
        certainty: quantity / threshold of the condition that comes nearest to another number.
    """

    frames: Frames
    label: str
    counted: tuple[int, ...]
    in_scene: tuple[int, ...]
    certainty: float


def video_counts(
    task: VideoTask,
    objects: MosaicObjects,
    videos: Sequence[Frames],
    parameters: VideoCountParameters,
    left_out: Sequence[str],
) -> Iterator[Fact]:
    """Facts about kinds that can be counted in videos; kinds and numbers take turns, few objects are rare.

    Args:
        task: as asked for.
        objects: of the scene.
        videos: of it.
        parameters: what counts.
        left_out: names that are not asked about.
    """
    task.reasons.update(objects.reasons)
    sightings = Sightings(objects, parameters)
    kinds: dict[frozenset[str], list[int]] = {}
    for index, label in enumerate(objects.labels):
        kinds.setdefault(synonyms(label), []).append(index)
    some: list[_Counted] = []
    few: list[_Counted] = []
    for members in kinds.values():
        if not objects.askable[members].any() or any(objects.labels[index] in left_out for index in members):
            continue
        if any(_longest_side(objects.scene, index) < parameters.least_counted_size for index in members):
            task.reasons["objects so small that an annotation may miss some"] += 1
            continue
        for frames in videos:
            found = _counted(objects, frames, sightings, tuple(members))
            if isinstance(found, str):
                task.reasons[found] += 1
            elif len(found.counted) > parameters.most:
                task.reasons["too many objects to count"] += 1
            else:
                (few if len(found.counted) < parameters.fewest else some).append(found)
    yield from _facts(task, objects, parameters, sightings, some, few)


def _facts(
    task: VideoTask,
    objects: MosaicObjects,
    parameters: VideoCountParameters,
    sightings: Sightings,
    some: Sequence[_Counted],
    few: Sequence[_Counted],
) -> Iterator[Fact]:
    """Facts about kinds of some objects, and about as many of few as may be."""
    share, limit = parameters.most_ones, task.limit
    most = min(share * limit, share / (1.0 - share) * min(len(some), limit)) if some else 1.0
    allowed = min(len(few), int(most))
    task.reasons["too few objects to count"] += len(few) - allowed
    chosen = [*_turns(few, allowed, task.rng), *_turns(some, limit - allowed, task.rng)]
    chosen = [chosen[k] for k in task.rng.permutation(len(chosen)).tolist()]
    deck = deal(len(chosen), (len(task.forms),), objects.scene.id, task.name)[:, 0].tolist()
    for kind, form in zip(chosen, deck, strict=True):
        yield Fact(
            task=task.name,
            frames=kind.frames,
            variant="name",
            form=task.forms[form],
            value=(float(len(kind.counted)),),
            objects=objects.mentions(kind.counted, "counted"),
            slots={"object": kind.label},
            evidence={
                "objects": objects.evidence(kind.frames, kind.counted, kind.in_scene),
                "names": sorted({objects.labels[index] for index in kind.in_scene}),
                "instances_in_scene": [objects.scene.instances[index].id for index in kind.in_scene],
                "visible_per_frame": sightings.seen[np.ix_(kind.frames, kind.counted)].sum(axis=1).tolist(),
                "thresholds": sightings.thresholds()
                | {
                    "fewest": parameters.fewest,
                    "most": parameters.most,
                    "least_counted_size_m": parameters.least_counted_size,
                },
            },
            margin=kind.certainty,
            occlusion=objects.loss_at_best(kind.frames, kind.counted),
        )


def _longest_side(scene: Scene, instance: int) -> float:
    """Metres: of the box along the world's axes around an object's vertices, for which no up axis is needed."""
    assert scene.vertices is not None
    assert scene.vertex_instance is not None
    own = scene.vertices[scene.vertex_instance == instance]
    return float(np.ptp(own, axis=0).max()) if len(own) else 0.0


def _turns(kinds: Sequence[_Counted], quota: int, rng: np.random.Generator) -> list[_Counted]:
    """Some of the kinds and videos: every kind as often, its numbers and the videos in turn."""
    shuffled = [kinds[k] for k in rng.permutation(len(kinds)).tolist()]
    uses: Counter[Hashable] = Counter()
    keys = [(kind.label, (kind.label, len(kind.counted)), kind.frames) for kind in shuffled]
    return [shuffled[place] for place in take_least_used(keys, quota, uses)]


def _counted(objects: MosaicObjects, frames: Frames, sightings: Sightings, members: tuple[int, ...]) -> _Counted | str:
    """What a video shows of a kind, or why that is left open."""
    chosen = np.ix_(frames, members)
    seen, certainty = sightings.seen[chosen], sightings.certainty[chosen]
    shown = np.asarray(seen.any(axis=0))
    if not shown.any():
        return "no frame shows an object of the kind"
    if (sightings.open[chosen].any(axis=0) & ~shown).any():
        return "whether an object is visible is open"
    counted = [index for index, yes in zip(members, shown.tolist(), strict=True) if yes]
    if not objects.askable[counted].all():
        return "several things annotated as one among those of the kind"
    names = {objects.labels[index] for index in members}
    others = sorted({k for name in names for k in objects.doubtful(name).tolist()} - set(members))
    if (objects.visible_px[np.ix_(frames, others)] >= HIDDEN_PX).any():
        return "beside something that may go by its name"
    sure = [np.where(seen, certainty, 0.0).max(axis=0)[shown], certainty[:, ~shown].min(axis=0)]
    by_name = Counter(objects.labels[index] for index in counted)
    return _Counted(
        frames=frames,
        label=min(by_name, key=lambda name: (-by_name[name], name)),
        counted=tuple(counted),
        in_scene=members,
        certainty=float(np.concatenate(sure).min()),
    )
