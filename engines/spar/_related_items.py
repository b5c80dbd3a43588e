"""Which object can be related to which, or to the observer, and what is true of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from ...core.object_views import HIDDEN_PX
from ..marked_objects import MarkedObjects
from ..relation_triples import Observer, ObserverView, RelationTriples, Triple
from ._marked_items import Item, items_in_turn

__all__ = ["Frames", "Related", "RelatedItems", "key_of"]

_LEAST_TO_SELECT: Final = 2  # words of the true option, so that three others can be wrong

Frames = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Related:
    """An item and what is true of it.

    Attributes:
        item: its first mark is the object that is related; the second, if there is one, what it is related to.
        triple: the relation, to the levelled camera of the first image.
        is_in_image: whether the first image shows both, so that their order in it agrees with the words.
    """

    item: Item
    triple: Triple
    is_in_image: bool

    def fits(self, form: str) -> bool:
        """Whether it can be asked in a form."""
        return form != "select" or sum(map(abs, self.triple.signs)) >= _LEAST_TO_SELECT


class RelatedItems:
    """Items of a scene that may be asked about.

    Args:
        objects: of the scene.
        triples: its relations.
    """

    def __init__(self, objects: MarkedObjects, triples: RelationTriples) -> None:
        self._objects = objects
        self._triples = triples
        self._views: dict[tuple[int, bool], ObserverView | None] = {}

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
            if key_of(item) in known:
                return "the same objects marked in other images"
            related = self._related(item)
            if isinstance(related, str):
                return related
            found[item] = related
            known.add(key_of(item))
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
                elif alike[related.triple.signs] < most:
                    alike[related.triple.signs] += 1
                    pool.append(related)
        return pool

    def observer(self, related: Related) -> Observer:
        """Whose eyes the relation is for."""
        view = self._view(related.item.frames[0], is_in_image=related.is_in_image)
        assert view is not None
        return view.observer

    def _related(self, item: Item) -> Related | str:
        """What is true of an item, or why that is not asked."""
        objects, first, things = self._objects, item.frames[0], list(item.instances)
        marks = [objects.box(thing, item.frames[image], image) for image, thing in item.marks]
        if not objects.are_apart(item.frames, marks):
            return "marks would meet"
        is_in_image = len(things) > 1 and bool(objects.shown[first, things].all())
        triple = self._triple(first, things, is_in_image=is_in_image)
        if triple is None:
            return "the camera looks too steeply up or down"
        if len(things) > 1 and not is_in_image and bool((objects.visible_px[first, things] >= HIDDEN_PX).all()):
            other = self._triple(first, things, is_in_image=True)
            if other is None or other.signs != triple.signs:
                return "open whether the first image shows both objects"
        return "no relation decided" if triple.is_empty else Related(item, triple, is_in_image)

    def _triple(self, frame: int, things: Sequence[int], *, is_in_image: bool) -> Triple | None:
        view = self._view(frame, is_in_image=is_in_image)
        if view is None:
            return None
        return view.between(*things) if len(things) > 1 else view.to_observer(*things)

    def _view(self, frame: int, *, is_in_image: bool) -> ObserverView | None:
        """Relations as a frame's levelled camera has them; None where that has no heading."""
        if (frame, is_in_image) not in self._views:
            scene = self._objects.scene
            camera, up = scene.frames[frame].camera, scene.up
            assert up is not None
            observer = Observer.of_camera(camera, up)
            self._views[frame, is_in_image] = (
                None if observer is None else self._triples.seen_by(observer, camera if is_in_image else None)
            )
        return self._views[frame, is_in_image]


def key_of(item: Item) -> tuple[Frames, frozenset[int]]:
    """What no two questions share: the same objects of the same frames."""
    return item.frames, frozenset(item.instances)
