"""View sets in which things of a kind can be counted without doubt.

A thing counts once, in however many frames it is seen. Nothing in a set may leave the number open: no thing of the kind
that is to be seen only a little, and nothing of another name that a viewer might count as well.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.object_views import HIDDEN_PX
from .mosaic import LeastState, MosaicObjects
from .view_sets import ViewSets

__all__ = ["CountedSet", "CountedSets"]

_TRIES: Final = 3  # sets looked for, for each wanted
_LEAST_TRIES: Final = 24  # a label with several things: rare numbers need some search
_SINGLE_TRIES: Final = 8  # a label with one: there is only one number
_NOT_NEW: Final = 0.02  # weight of frames that do not bring the number nearer to what is looked for

IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CountedSet:
    """A view set and what it shows of a kind of thing.

    Attributes:
        label: the kind's name.
        frames: in the order shown.
        counted: instances of it that some frame shows.
        per_frame: how many each frame shows.
        perhaps: the same with those that are to be seen only a little.
        area: pixels on the 640 px map of those each frame shows.
        area_perhaps: the same with those that are to be seen only a little.
        certainty: how far the nearest object is from being counted, or not, after all: quantity / threshold.
    """

    label: str
    frames: tuple[int, ...]
    counted: tuple[int, ...]
    per_frame: tuple[int, ...]
    perhaps: tuple[int, ...]
    area: tuple[int, ...]
    area_perhaps: tuple[int, ...]
    certainty: float

    @property
    def count(self) -> int:
        """How many different ones the frames show."""
        return len(self.counted)


class CountedSets:
    """Finds view sets for counting.

    Args:
        objects: of the scene.
        sets: grows them.
        least: the least state in which an object counts as visible.
        rng: decides where to look.
    """

    def __init__(self, objects: MosaicObjects, sets: ViewSets, least: LeastState, rng: np.random.Generator) -> None:
        self._objects = objects
        self._sets = sets
        self._shown, self._certainty = objects.certainty(least)
        self._rng = rng
        self.reasons = Counter(objects.reasons)

    def find(self, wanted: int, key: Hashable) -> list[CountedSet]:
        """Sets of all kinds and numbers that the scene offers, up to about three times as many as wanted.

        Args:
            wanted: facts in the end.
            key: what for: no set is given twice for the same key and kind.
        """
        things = Counter(label for label, may in zip(self._objects.labels, self._objects.askable, strict=True) if may)
        several = sum(number > 1 for number in things.values())
        most = max(_LEAST_TRIES, math.ceil(_TRIES * wanted / max(several, 1)))
        found: list[CountedSet] = []
        for label in sorted(things):
            found.extend(self._of_label(label, most if things[label] > 1 else _SINGLE_TRIES, (key, label)))
        return found

    def _of_label(self, label: str, tries: int, key: Hashable) -> Iterator[CountedSet]:
        members = np.flatnonzero([other == label for other in self._objects.labels])
        visible_px = self._objects.visible_px
        doubtful = np.asarray((visible_px[:, self._objects.doubtful(label)] >= HIDDEN_PX).any(axis=1))
        shown = self._shown[:, members]
        holds = np.asarray(shown.any(axis=1))
        if not holds.any():
            return
        usable = holds & ~doubtful
        first, second = np.nonzero(np.triu(self._sets.compatible & usable & usable[:, None], 1))
        if not len(first):
            why = "beside something that may go by its name" if (holds & doubtful).sum() > 1 else "in too few frames"
            self.reasons[f"object seen only {why}"] += 1
            return
        union = (shown[first] | shown[second]).sum(axis=1)
        for attempt in range(tries):
            many = attempt % 2 == 1
            # As often from pairs that show many as from any.
            pair = int(self._rng.choice(len(first), p=union / union.sum() if many else None))
            core = (int(first[pair]), int(second[pair]))
            new = (shown & ~shown[list(core)].any(axis=0)).sum(axis=1)
            weights = np.where(new > 0 if many else new == 0, 1.0 + new, _NOT_NEW) * ~doubtful
            frames = self._sets.grow(core, prefer=weights, key=key)
            if frames is None:
                self.reasons["no further set of frames with little overlap"] += 1
            elif doubtful[list(frames)].any():
                self.reasons["something is visible that may go by the same name"] += 1
            elif (counted := self._counted(label, frames, members)) is not None:
                yield counted

    def _counted(self, label: str, frames: tuple[int, ...], members: IndexArray) -> CountedSet | None:
        """What a set shows of a kind; None, counted by reason, where something leaves the number open."""
        chosen = np.ix_(np.array(frames), members)
        shown, grey, pixels = self._shown[chosen], self._objects.grey[chosen], self._objects.visible_px[chosen]
        seen = shown.any(axis=0)
        if (grey.any(axis=0) & ~seen).any():
            self.reasons["whether an object is visible is open"] += 1
            return None
        certainty = self._certainty[chosen]
        counted = np.where(shown, certainty, 0.0).max(axis=0)[seen]
        left_out = certainty[:, ~seen].min(axis=0)
        return CountedSet(
            label=label,
            frames=frames,
            counted=tuple(members[seen].tolist()),
            per_frame=tuple(shown.sum(axis=1).tolist()),
            perhaps=tuple((shown | grey).sum(axis=1).tolist()),
            area=tuple(np.where(shown, pixels, 0).sum(axis=1).tolist()),
            area_perhaps=tuple(np.where(shown | grey, pixels, 0).sum(axis=1).tolist()),
            certainty=float(np.concatenate([counted, left_out]).min()),
        )
