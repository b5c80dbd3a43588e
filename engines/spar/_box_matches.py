"""Objects that two images show, the box of each, and boxes of other objects that could be taken for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic import Field

from ...core.object_views import HIDDEN_PX
from ...core.types import BoxMark
from ..marked_objects import MarkedObjects, box_overlap
from ._told_boxes import ToldBoxParameters, are_told

__all__ = ["NO_BOX", "BoxMatch", "BoxMatchParameters", "matches"]

NO_BOX: Final = "no box that suits the form: large enough to be told, or with others that differ from it"

_WRONG: Final = 3


class BoxMatchParameters(ToldBoxParameters):
    """What decides which boxes are offered beside the true one."""

    most_option_overlap: float = Field(
        0.3, gt=0, le=1, description="overlap (by union) of any two boxes offered to choose from, below this"
    )


@dataclass(frozen=True, slots=True)
class BoxMatch:
    """An object in two images.

    Attributes:
        frames: indices into the scene's frames, in the order shown.
        instance: the object.
        mark: drawn around it in the first image.
        truth: its box in the second image.
        others: other objects, and
        wrong: their boxes in the second image; empty where too few differ enough.
        is_told: whether the true box is large enough to be told by numbers.
    """

    frames: tuple[int, int]
    instance: int
    mark: BoxMark
    truth: BoxMark
    others: tuple[int, ...]
    wrong: tuple[BoxMark, ...]
    is_told: bool

    def fits(self, form: str) -> bool:
        """Whether it can be asked in a form."""
        return bool(self.wrong) if form == "select" else self.is_told


def matches(
    objects: MarkedObjects,
    pairs: Sequence[tuple[int, ...]],
    parameters: BoxMatchParameters,
    rng: np.random.Generator,
    reasons: Counter[str],
) -> Iterator[BoxMatch]:
    """Objects that pairs of frames share: one of each pair in turn, kinds and objects used evenly, until none is left.

    Args:
        objects: of the scene.
        pairs: of frames, in the order in which they are due.
        parameters: of boxes that are told, and offered to choose from.
        rng: decides between equals.
        reasons: why objects were left out, counted here.
    """
    uses: Counter[Hashable] = Counter()
    left = [((first, second), np.flatnonzero(objects.shows[first] & objects.shows[second])) for first, second in pairs]
    reasons["no object that both images show well enough"] += sum(not len(shared) for _, shared in left)
    while left:
        following = []
        for frames, shared in left:
            if not len(shared):
                continue
            cost = [(uses[objects.labels[one]], uses[one]) for one in shared.tolist()]
            order = np.lexsort((rng.random(len(shared)), *np.array(cost).T[::-1]))
            chosen = int(shared[order[0]])
            following.append((frames, shared[order[1:]]))
            if _has_double(objects, frames[0], chosen):
                reasons["another object of its kind has nearly the same box"] += 1
                continue
            uses.update([objects.labels[chosen], chosen])
            yield _match(objects, frames, chosen, parameters, rng)
        left = following


def _match(
    objects: MarkedObjects,
    frames: tuple[int, int],
    instance: int,
    parameters: BoxMatchParameters,
    rng: np.random.Generator,
) -> BoxMatch:
    mark = objects.box(instance, frames[0], 0, "red")
    truth = objects.box(instance, frames[1], 1, role="answer")
    found = rng.permutation(np.flatnonzero(objects.shows[frames[1]]))
    boxes = {other: objects.box(other, frames[1], 1, role="distractor") for other in found.tolist()}
    # Others of its kind are what it may really be taken for; then those whose box is of about its size, for a name
    # alone tells how large a thing is likely to be.
    of_kind = np.isin(found, objects.of_kind(objects.labels[instance]))
    unlike = np.array([_difference(truth, boxes[other]) for other in found.tolist()])
    others: list[int] = []
    wrong: list[BoxMark] = []
    for other in found[np.lexsort((unlike, ~of_kind))].tolist():
        box = boxes[other]
        if other != instance and all(box_overlap(box, one) < parameters.most_option_overlap for one in (truth, *wrong)):
            others.append(other)
            wrong.append(box)
    if len(wrong) < _WRONG:
        others, wrong = [], []
    edges = np.array([truth.x1, truth.y1, truth.x2, truth.y2])
    told = bool(are_told(edges, objects.scene.frames[frames[1]].camera.width, parameters))
    return BoxMatch(frames, instance, mark, truth, tuple(others[:_WRONG]), tuple(wrong[:_WRONG]), told)


def _difference(one: BoxMark, other: BoxMark) -> float:
    """How differently two boxes of an image look: by the ratios of their sides."""
    sides = [(box.x2 - box.x1, box.y2 - box.y1) for box in (one, other)]
    return float(np.abs(np.log(sides[0]) - np.log(sides[1])).max())


def _has_double(objects: MarkedObjects, frame: int, instance: int) -> bool:
    """Whether a drawn box could as well be meant for another object of the same name."""
    mine = objects.box(instance, frame, 0)
    alike = [other for other in objects.of_kind(objects.labels[instance]).tolist() if other != instance]
    return any(
        objects.visible_px[frame, other] >= HIDDEN_PX
        and box_overlap(mine, objects.box(other, frame, 0)) > objects.parameters.most_box_clash
        for other in alike
    )
