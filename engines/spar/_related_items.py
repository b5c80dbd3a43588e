"""Which object can be related to which, or to the observer, and what is true of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..marked_objects import MarkedObjects
from ._balanced_words import LEAST_TO_SELECT, Signs
from ._camera_relations import CameraRelations, Seen
from ._marked_items import Item, items_in_turn

__all__ = ["Frames", "Related", "RelatedItems"]

Frames = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Related:
    """An item and what is true of it.

    Attributes:
        item: its first mark is the object that is related; the second, if there is one, what it is related to.
        seen: the relation, to the levelled camera of the first image.
    """

    item: Item
    seen: Seen

    @property
    def signs(self) -> Signs:
        """Of the three axes."""
        return self.seen.triple.signs

    @property
    def key(self) -> tuple[Frames, frozenset[int]]:
        """What no two questions share: the same objects of the same frames."""
        return self.item.frames, frozenset(self.item.instances)

    def fits(self, form: str) -> bool:
        """Whether it can be asked in a form."""
        return form != "select" or sum(map(abs, self.signs)) >= LEAST_TO_SELECT


class RelatedItems:
    """Items of a scene that may be asked about.

    Args:
        objects: of the scene.
        cameras: relations as its cameras have them.
    """

    def __init__(self, objects: MarkedObjects, cameras: CameraRelations) -> None:
        self._objects = objects
        self._cameras = cameras

    def pairs(
        self, groups: Iterable[Frames], most: int, rng: np.random.Generator, reasons: Counter[str]
    ) -> list[Related]:
        """Two objects of sets of frames, which take turns; each pair both ways round, right after each other.

        Args:
            groups: frames that are shown together.
            most: pairs wanted.
            rng: decides which.
            reasons: why others are left out, counted.
        """
        found: dict[Item, Related] = {}
        known: set[tuple[Frames, frozenset[int]]] = set()

        def reason_against(item: Item) -> str:
            if (item.frames, frozenset(item.instances)) in known:
                return "the same objects marked in other images"
            related = self._related(item)
            if isinstance(related, str):
                return related
            found[item] = related
            known.add(related.key)
            return ""

        def in_frame(frame: int) -> list[int]:
            shown: list[int] = np.flatnonzero(self._objects.shows[frame]).tolist()
            return shown

        pool: list[Related] = []
        for item in islice(items_in_turn(groups, in_frame, 2, reason_against, rng, reasons), most):
            other = self._related(Item(item.frames, item.marks[::-1]))
            assert isinstance(other, Related), "what is decided one way is decided the other way"
            pool += [found[item], other]
        return pool

    def singles(
        self, groups: Iterable[Frames], most: int, rng: np.random.Generator, reasons: Counter[str]
    ) -> list[Related]:
        """Every object that sets of frames show, marked in any of them, but only so many of the same relation.

        Args:
            groups: frames that are shown together.
            most: of each relation that is wanted, so that rare ones are found among common ones.
            rng: decides in which frame an object is marked.
            reasons: why others are left out, counted.
        """
        pool: list[Related] = []
        alike: Counter[tuple[float, ...]] = Counter()
        for frames in groups:
            shows = self._objects.shows[list(frames)]
            for thing in rng.permutation(np.flatnonzero(shows.any(axis=0))).tolist():
                image = int(rng.choice(np.flatnonzero(shows[:, thing])))
                related = self._related(Item(frames, ((image, thing),)))
                if isinstance(related, str):
                    reasons[related] += 1
                elif alike[related.signs] < most:
                    alike[related.signs] += 1
                    pool.append(related)
        return pool

    def _related(self, item: Item) -> Related | str:
        """What is true of an item, or why that is not asked."""
        marks = [self._objects.box(thing, item.frames[image], image) for image, thing in item.marks]
        if not self._objects.are_apart(item.frames, marks):
            return "marks would meet"
        seen = self._cameras.seen(item.frames[0], item.instances)
        if isinstance(seen, str):
            return seen
        return "no relation decided" if seen.triple.is_empty else Related(item, seen)
