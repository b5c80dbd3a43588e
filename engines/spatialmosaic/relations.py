"""Where a hidden object is, seen from a frame that does not show it: left or right, higher or lower, closer or farther.

The target is hidden in the asked frame and clear in another; the reference is clear in the asked frame. *Existence*
asks whether a relation holds, *attribute* which object it holds of, *spatial* which of four relations holds.
Definitions: docs/conventions.md, "Relations of objects", "Hidden objects", "Sets of views". Source of the tasks:
SpatialMosaic, "A Multi-View VLM Dataset for Partial Visibility".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from ...core.seeding import stable_hash
from ...core.types import Fact, Scene, Skip, TaskSpec
from ..base import Engine, Parameters, Request
from ..hidden_pairs import HiddenPairParameters
from ..object_relations import AXES, Axis
from ._relation_facts import POLARITIES, RelationFacts
from ._relation_items import Item, ItemFinder, Stage

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE"]

_KINDS: Final = ("existence", "attribute", "spatial")
_ASKS: Final[Mapping[str, tuple[str, Axis]]] = {
    f"obj_{kind}_occ_{axis}": (kind, axis) for kind in _KINDS for axis in AXES
}


def _spec(kind: str, axis: Axis, summary: str) -> TaskSpec:
    positive, negative = POLARITIES[axis]
    marks = {"a"} if kind == "attribute" else {"target", "a", "b", "b_frame"}
    return TaskSpec(
        name=f"obj_{kind}_occ_{axis}",
        suite="spatialmosaic",
        engine="relations",
        version="1",
        images=4,
        summary=summary,
        answer_type="yesno" if kind == "existence" else "choice",
        units=("bool" if kind == "existence" else "index",),
        text_unit="",
        variants=("name", "dot", "coord"),
        forms=("judge" if kind == "existence" else "choice",),
        polarities=("",) if kind == "spatial" else (negative, positive),
        slots=frozenset({"reference", "frame"} | marks),
        required_slots=frozenset({"reference", "frame"} | (marks & {"target"})),
        needs=(
            "image",
            "perspective",
            "instances",
            "silhouettes",
            *(() if kind != "spatial" and axis != "ab" else ("up",)),
        ),
        lettered=kind != "existence",
    )


_TASKS: Final = (
    _spec("existence", "lr", "Is a hidden object to the left (or right) of a visible one, as a frame has them?"),
    _spec("existence", "ab", "Is a hidden object higher (or lower) than a visible one?"),
    _spec("existence", "fb", "Is a hidden object closer to a frame's camera (or farther from it) than a visible one?"),
    _spec("attribute", "lr", "Which of four objects is to the left (or right) of a visible one, as a frame has them?"),
    _spec("attribute", "ab", "Which of four objects is higher (or lower) than a visible one?"),
    _spec("attribute", "fb", "Which of four objects is closer to a frame's camera (or farther) than a visible one?"),
    _spec("spatial", "lr", "Where is a hidden object relative to a visible one? The answer is left or right of it."),
    _spec("spatial", "ab", "Where is a hidden object relative to a visible one? The answer is higher or lower."),
    _spec("spatial", "fb", "Where is a hidden object relative to a visible one? The answer is closer or farther."),
)


class Relations(Engine):
    """States relations of hidden objects to visible ones."""

    name: ClassVar[str] = "relations"
    suite: ClassVar[str] = "spatialmosaic"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = HiddenPairParameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # The paper's visibility is a ratio alone; its margin is not published, and no sample is above 10 cm.
        "spatialmosaic": {"hidden": "ratio", "relation_gap_share": 0.0, "most_beyond": 89.0}
    }
    tasks: ClassVar[tuple[TaskSpec, ...]] = _TASKS

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, HiddenPairParameters)
        stage = Stage(scene, geometry, parameters, rng)
        generators = self.generators(rng)
        asked = [
            _Questions(task, stage, request.variants[task], generators[task], request.limit) for task in request.tasks
        ]
        while proposed := [(questions, questions.propose()) for questions in asked if not questions.is_done]:
            # All marks together, frame by frame: each needs the frame's full-size map.
            stage.marks.place(place for questions, items in proposed for place in questions.places(items))
            for questions, items in proposed:
                questions.settle(items)
        for questions in asked:
            yield from questions.facts()


class _Questions:
    """One task's questions about a scene: chosen in rounds, since not every object finds a place for a mark."""

    def __init__(
        self, task: str, stage: Stage, variants: tuple[str, ...], rng: np.random.Generator, limit: int
    ) -> None:
        kind, axis = _ASKS[task]
        self._task = task
        self._rng = rng
        self._limit = limit
        # Who gets the odd row must not be the same in every scene.
        self._turn = stable_hash("relations", stage.scene.id, task)
        self._stage = stage
        self._finder = ItemFinder(task, kind, axis, stage, variants, rng, limit)
        self._accepted: dict[int, list[Item]] = {1: [], -1: []}
        self.is_done = False

    def propose(self) -> list[Item]:
        """The next questions, as many as are wanted, of both signs in turn; none when no more can be had."""
        proposed: dict[int, list[Item]] = {1: [], -1: []}
        while True:
            count = {sign: len(self._accepted[sign]) + len(proposed[sign]) for sign in (1, -1)}
            if sum(count.values()) == self._limit:
                break
            # The rarer sign is due; where it has run out the other may lead by one.
            first = 1 if self._turn % 2 else -1
            due = sorted((first, -first), key=lambda sign: count[sign])
            item = self._finder.next(due[0])
            if item is None and count[due[0]] == count[due[1]]:
                due.reverse()
                item = self._finder.next(due[0])
            if item is None:
                self.is_done = True
                break
            proposed[due[0]].append(item)
        items = proposed[1] + proposed[-1]
        self.is_done |= not items
        return items

    def places(self, items: Sequence[Item]) -> Iterator[tuple[int, int]]:
        """The objects and frames that need a mark."""
        for item in items:
            if item.variant != "name":
                yield from self._finder.marked(item)

    def settle(self, items: Sequence[Item]) -> None:
        """Accept questions whose marks have a place, or that can do without; the rest will be made up for."""
        for item in items:
            accepted: Item | None = item
            marks = self._finder.marked(item) if item.variant != "name" else []
            if any(self._stage.marks.at(*place) is None for place in marks):
                accepted = self._finder.without_marks(item)
            if accepted is not None:
                self._accepted[int(self._finder.sign[item.pair])].append(accepted)
        if sum(map(len, self._accepted.values())) == self._limit:
            self.is_done = True

    def facts(self) -> Iterator[Fact | Skip]:
        """What was accepted, balanced and shuffled, and why not more."""
        reasons = self._finder.reasons
        up, down = self._accepted[1], self._accepted[-1]
        # A question that failed late may have left one sign behind.
        shorter = min(len(up), len(down))
        up, down = up[: shorter + 1], down[: shorter + 1]
        if len(up) == len(down) and len(up) % 2 and self._finder.kind == "existence":
            # Yes and no, and both ways of asking, can then not be even at once.
            (up if self._turn % 2 else down).pop()
        items = up + down
        reasons["left out to keep answers balanced"] += sum(map(len, self._accepted.values())) - len(items)
        facts = list(RelationFacts(self._task, self._finder, self._rng, self._turn).of(items))
        yield from (facts[place] for place in self._rng.permutation(len(facts)).tolist())
        for reason, count in sorted((+reasons).items()):
            yield Skip(self._task, reason, count)


ENGINE: Final = Relations()
