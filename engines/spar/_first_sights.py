"""In what order do four kinds of thing first appear in a video?

A kind appears with the first frame in which one of its objects fills enough of the image. Frames before that may show
traces of it; the order is asked for only where the traces would not change it, and where it does not hang on how much
exactly is enough.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ...core.object_views import HIDDEN_PX
from ...core.types import Fact
from ..base import Parameters
from ..mosaic import MosaicObjects
from ..sampling import deal, take_least_used
from ._video_task import Frames, VideoTask

__all__ = ["AppearanceParameters", "appearance_orders"]

_KINDS: Final = 4
_ORDERS: Final = tuple(
    rest[turn:] + rest[:turn]
    for others in itertools.permutations(range(1, _KINDS))
    for rest in [(0, *others)]
    for turn in range(_KINDS)
)
"""All orders; of four in a row every option comes once in every place."""

_LOOKED_AT: Final = 4096  # sets of four kinds, where a scene offers more


class AppearanceParameters(Parameters):
    """What decides when a kind of thing appears."""

    appearance_pixel_share: float = Field(
        0.005, gt=0, le=1, description="share of the image's pixels with which an object appears for the first time"
    )
    appearance_factor: float = Field(
        1.5,
        ge=1,
        description="times by which the largest object of a kind exceeds that share when it appears, and falls short "
        "of it in every frame before, at least",
    )
    trace_pixel_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the image's pixels (20 px of the 640 px map at least) from which an earlier sight of a "
        "kind, or of what may go by its name, could be taken for its first appearance",
    )

    @model_validator(mode="after")
    def _traces_are_smaller(self) -> AppearanceParameters:
        if self.trace_pixel_share > self.appearance_pixel_share:
            raise ValueError("trace_pixel_share must not be above appearance_pixel_share")
        return self


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of thing that appears in the video.

    Attributes:
        label: its name.
        members: objects of that name.
        alike: others that may go by it.
        trace: number of the first frame with a trace of it.
        first: number of the frame in which it appears.
        shown: the object that is largest there.
        margin: quantity / threshold of the condition that comes nearest to another frame.
    """

    label: str
    members: tuple[int, ...]
    alike: tuple[int, ...]
    trace: int
    first: int
    shown: int
    margin: float


def appearance_orders(
    task: VideoTask,
    objects: MosaicObjects,
    videos: Sequence[Frames],
    parameters: AppearanceParameters,
    left_out: Sequence[str],
) -> Iterator[Fact]:
    """Facts about four kinds each; videos, kinds, and the orders in which the text lists them, take turns.

    Args:
        task: as asked for.
        objects: of the scene.
        videos: of it.
        parameters: when a kind appears.
        left_out: names that are not asked about.
    """
    task.reasons.update(objects.reasons)
    sets: list[tuple[Frames, tuple[_Kind, ...]]] = []
    for frames in videos:
        found = _sets(_kinds(task, objects, frames, parameters, left_out), task.rng)
        if not found:
            task.reasons["fewer than four kinds that clearly appear one after the other"] += 1
        sets += [(frames, kinds) for kinds in found]
    uses: Counter[Hashable] = Counter()
    keys = [(frames, *(kind.label for kind in kinds)) for frames, kinds in sets]
    chosen = [sets[place] for place in take_least_used(keys, task.limit, uses)]
    deck = deal(len(chosen), (len(task.forms), len(_ORDERS)), objects.scene.id, task.name).tolist()
    for (frames, kinds), (form, order) in zip(chosen, deck, strict=True):
        yield _fact(task, objects, frames, parameters, kinds, task.forms[form], _ORDERS[order])


def _kinds(
    task: VideoTask,
    objects: MosaicObjects,
    frames: Frames,
    parameters: AppearanceParameters,
    left_out: Sequence[str],
) -> list[_Kind]:
    """Kinds that appear, by name."""
    video = np.array(frames)
    pixels = objects.visible_px[video].astype(np.float64)
    map_px = objects.geometry.object_views.map_px[video].astype(np.float64)
    least = parameters.appearance_pixel_share * map_px
    trace = np.maximum(HIDDEN_PX, parameters.trace_pixel_share * map_px)
    names = {label for label, may in zip(objects.labels, objects.askable, strict=True) if may} - set(left_out)
    found = []
    for label in sorted(names):
        members = [index for index, other in enumerate(objects.labels) if other == label]
        alike = objects.doubtful(label).tolist()
        largest = pixels[:, members].max(axis=1)
        appears = np.flatnonzero(largest >= least)
        if not len(appears):
            task.reasons["a kind never fills enough of a frame"] += 1
            continue
        first = int(appears[0])
        factor = parameters.appearance_factor
        with np.errstate(divide="ignore"):
            clear = min(largest[first] / least[first], (least[:first] / largest[:first]).min(initial=np.inf)) / factor
        if clear < 1.0:
            task.reasons["a kind comes into view too little by little"] += 1
            continue
        anything = pixels[:, members + alike].max(axis=1)
        start = int(np.flatnonzero(anything >= trace)[0])
        with np.errstate(divide="ignore"):
            before = (trace[:start] / anything[:start]).min(initial=np.inf)
        found.append(
            _Kind(
                label=label,
                members=tuple(members),
                alike=tuple(alike),
                trace=start,
                first=first,
                shown=members[int(pixels[first, members].argmax())],
                margin=float(min(clear, before)),
            )
        )
    return found


def _sets(kinds: Sequence[_Kind], rng: np.random.Generator) -> list[tuple[_Kind, ...]]:
    """Sets of four kinds in the order of their first appearances, shuffled; all, or many where there are very many."""
    kinds = sorted(kinds, key=lambda kind: (kind.first, kind.trace, kind.label))
    after = np.array([[_is_after(a, b) for b in kinds] for a in kinds], dtype=np.bool_).reshape(len(kinds), len(kinds))
    found: list[tuple[int, ...]]
    if math.comb(len(kinds), _KINDS) <= _LOOKED_AT:
        found = list(itertools.combinations(range(len(kinds)), _KINDS))
    else:
        drawn = (np.sort(rng.choice(len(kinds), size=_KINDS, replace=False)) for _ in range(_LOOKED_AT))
        found = list(dict.fromkeys(tuple(places.tolist()) for places in drawn))
    found = [places for places in found if all(after[a, b] for a, b in itertools.combinations(places, 2))]
    return [tuple(kinds[place] for place in found[k]) for k in rng.permutation(len(found)).tolist()]


def _is_after(one: _Kind, other: _Kind) -> bool:
    """Whether the other kind, whatever is taken for it, appears only after the first one has appeared."""
    confusable = set(other.members) & set(one.alike) or set(one.members) & set(other.alike)
    return one.first < other.trace and not confusable


def _fact(
    task: VideoTask,
    objects: MosaicObjects,
    frames: Frames,
    parameters: AppearanceParameters,
    kinds: tuple[_Kind, ...],
    form: str,
    order: tuple[int, ...],
) -> Fact:
    """Four kinds, of which the k-th to appear is option ``order[k]`` of the text."""
    listed = sorted(range(_KINDS), key=order.__getitem__)
    shown = [kind.shown for kind in kinds]
    slots: dict[str, Any] = {"kinds": ", ".join(kinds[k].label for k in listed)}
    if form == "sentence":
        for number, kind in zip(("first", "second", "third", "fourth"), kinds, strict=True):
            slots |= {number: kind.label, f"{number}_frame": kind.first}
    return Fact(
        task=task.name,
        frames=frames,
        variant="name",
        form=form,
        value=tuple(map(float, order)),
        objects=objects.mentions([shown[k] for k in listed], "candidate"),
        options=tuple(kinds[k].label for k in listed),
        slots=slots,
        evidence={
            "objects": objects.evidence(frames, shown),
            "appearances": [_described(kinds[k], objects, frames) for k in listed],
            "thresholds": {
                "appearance_pixel_share": parameters.appearance_pixel_share,
                "appearance_factor": parameters.appearance_factor,
                "trace_pixel_share": parameters.trace_pixel_share,
                "hidden_px": HIDDEN_PX,
            },
        },
        margin=min(kind.margin for kind in kinds),
    )


def _described(kind: _Kind, objects: MosaicObjects, frames: Frames) -> dict[str, Any]:
    """A kind for the evidence: its objects, and the pixels of the largest one in every frame."""
    pixels: npt.NDArray[np.int32] = objects.visible_px[np.array(frames)]

    def ids(members: Sequence[int]) -> list[str]:
        return [objects.scene.instances[index].id for index in members]

    return {
        "label": kind.label,
        "instances": ids(kind.members),
        "alike": ids(kind.alike),
        "first_frame": kind.first,
        "first_trace": kind.trace,
        "largest_px": pixels[:, list(kind.members)].max(axis=1).tolist(),
        "largest_alike_px": pixels[:, list(kind.alike)].max(axis=1, initial=0).tolist(),
    }
