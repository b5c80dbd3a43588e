"""What somebody who moves to one object and faces another sees of others, and what they saw from where they were.

The observer's eyes are at the centre of an object's upright box, at its true height; they look horizontally along the
way to the centre of the object they face (docs/conventions.md, "Imagined observers").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pydantic import Field, model_validator

from ..marked_objects import MarkedObjectParameters, MarkedObjects
from ..relation_triples import TO_OBSERVER, Observer, ObserverView, RelationTriples, Triple, TripleParameters
from ..view_groups import ViewGroupParameters
from ._balanced_words import LEAST_TO_SELECT, Signs
from ._camera_relations import CameraRelations, Seen
from ._marked_items import Item

__all__ = ["ROLES", "ImaginationParameters", "ImaginedViews", "Move"]

ROLES: Final = ("observer", "facing", "target", "reference")
"""Of an item's objects, in order; without a reference the target is related to the observer."""

_AHEAD: Final = TO_OBSERVER.index("forward")


class ImaginationParameters(MarkedObjectParameters, ViewGroupParameters, TripleParameters):
    """What decides where somebody can be imagined and what of."""

    least_heading_gap: float = Field(
        0.50, gt=0, description="horizontal metres from the observer to what they face, at least"
    )
    least_query_distance: float = Field(
        0.30, gt=0, description="metres from the observer to an object asked about, at least"
    )
    least_map_objects: int = Field(3, ge=1, description="objects of a bird's-eye map, at least")
    most_map_objects: int = Field(8, ge=1, description="objects of a bird's-eye map, at most")

    @model_validator(mode="after")
    def _map_has_a_size(self) -> ImaginationParameters:
        if self.least_map_objects > self.most_map_objects:
            raise ValueError("least_map_objects must not exceed most_map_objects")
        return self


@dataclass(frozen=True, slots=True)
class Move:
    """An item and what is seen of its target.

    Attributes:
        item: its marks are of the objects in the order of ``ROLES``.
        after: the relation from the new place.
        before: from the first image's levelled camera; None where that cannot be told.
        sides: where each object but the observer lies from the new place.
        margin: least quantity over its threshold, for what is true after the move.
    """

    item: Item
    after: Triple
    before: Seen | None
    sides: tuple[Triple, ...]
    margin: float

    @property
    def signs(self) -> Signs:
        """Of the three axes, after the move."""
        return self.after.signs

    @property
    def key(self) -> Item:
        """What no two questions share: frames, and the same objects in the same roles."""
        return self.item

    def fits(self, form: str) -> bool:
        """Whether it can be asked in a form: options need two words to be wrong about, sentences something before."""
        if form == "select":
            return sum(map(abs, self.signs)) >= LEAST_TO_SELECT
        return self.before is not None and not self.before.triple.is_empty

    def on_side(self, sign: float) -> list[int]:
        """Places in the item of the objects in front of the observer (+1) or behind (-1), beyond doubt."""
        return [place for place, side in enumerate(self.sides, start=1) if side.signs[_AHEAD] == sign]

    @property
    def margin_of_sides(self) -> float:
        """The least of what is said to lie in front or behind."""
        return min((side.margins[_AHEAD] for side in self.sides if side.signs[_AHEAD]), default=0.0)


class ImaginedViews:
    """What of a scene is seen from where.

    Args:
        objects: of the scene.
        triples: its relations.
        parameters: limits.

    Attributes:
        cameras: relations as the scene's own cameras have them.
    """

    def __init__(self, objects: MarkedObjects, triples: RelationTriples, parameters: ImaginationParameters) -> None:
        self._objects = objects
        self._triples = triples
        self._parameters = parameters
        self._imagined: dict[tuple[int, int], ObserverView | None] = {}
        self.cameras = CameraRelations(objects, triples)

    def move(self, item: Item) -> Move | str:
        """What is seen of an item's target before and after, or why that is not asked."""
        observer, facing, target, *reference = item.instances
        view = self.imagined(observer, facing)
        if view is None:
            return "observer and what they face are too near each other"
        distances = [float(np.linalg.norm(view.place(thing))) for thing in (target, *reference)]
        if min(distances) < self._parameters.least_query_distance:
            return "too near the observer"
        after = view.of(target, *reference)
        if after.is_empty:
            return "no relation decided"
        margin = min(
            after.margin,
            float(view.place(facing)[2]) / self._parameters.least_heading_gap,
            *(distance / self._parameters.least_query_distance for distance in distances),
        )
        before = self.cameras.seen(item.frames[0], (target, *reference))
        sides = tuple(view.to_observer(thing) for thing in item.instances[1:])
        return Move(item, after, None if isinstance(before, str) else before, sides, margin)

    def imagined(self, observer: int, facing: int) -> ObserverView | None:
        """From the centre of one object, facing another; None where they are too near for a heading."""
        if (observer, facing) not in self._imagined:
            centre = self._objects.centre
            up = self._objects.scene.up
            assert up is not None
            somebody = Observer.at(centre[observer], centre[facing], up)
            view = None if somebody is None else self._triples.seen_by(somebody)
            # Ahead is the way to what is faced, so how far that lies ahead is how far it is away horizontally.
            if view is not None and not view.place(facing)[2] >= self._parameters.least_heading_gap:
                view = None
            self._imagined[observer, facing] = view
        return self._imagined[observer, facing]

    def evidence(self, move: Move) -> dict[str, Any]:
        """The ``relations`` of a fact's evidence."""
        observer, facing, *_ = move.item.instances
        imagined = self.imagined(observer, facing)
        assert imagined is not None
        ids = [self._objects.scene.instances[thing].id for thing in move.item.instances]
        found: dict[str, Any] = dict(zip(ROLES, ids, strict=False))
        found["after"] = {
            "from": imagined.observer.evidence(),
            "axes": move.after.evidence(),
            "sides": [
                {"id": thing, **side.evidence()[_AHEAD]} for thing, side in zip(ids[1:], move.sides, strict=True)
            ],
        }
        if move.before is not None:
            found["before"] = {
                "from": move.before.observer.evidence(),
                "axes": move.before.triple.evidence(),
                **({"in_image": move.before.is_in_image} if len(ids) == len(ROLES) else {}),
            }
        return found

    def thresholds(self) -> dict[str, float | str]:
        """The limits in force, by name."""
        return {
            **self._triples.thresholds(),
            "least_heading_gap_m": self._parameters.least_heading_gap,
            "least_query_distance_m": self._parameters.least_query_distance,
        }
