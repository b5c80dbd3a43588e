"""Questions about relations in the making: a pair, the frames that show what is needed, a way of pointing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ...core.object_states import GREY
from ...core.seeding import stable_hash
from ...core.types import Scene
from ..hidden_pairs import HiddenPairParameters, HiddenPairs, Pairs
from ..mosaic import MosaicObjects
from ..object_marks import ObjectMarks
from ..object_pointing import ObjectPointing
from ..object_relations import AXES, Axis
from ..view_sets import ViewSets
from ._pair_choice import PairChoice

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["DISTRACTORS", "Item", "ItemFinder", "Stage"]

DISTRACTORS: Final = 3
"""Options of a choice that are false."""

_LOOKS: Final = 30  # pairs tried for each fact wanted, after which a scene is taken to have no more
_OTHERS: Final = 3  # frames that show its target tried for each pair, at most
_UNPOINTABLE: Final = "objects cannot be named or pointed at without doubt"


@dataclass(frozen=True, slots=True)
class Item:
    """One question: a pair, the frames that show what is needed, and how its objects are pointed at.

    Attributes:
        pair: row of the scene's pairs.
        frames: indices, in the order shown.
        best: the one among them that shows the target best.
        variant: how objects are pointed at.
        can_name: whether names alone leave no doubt in these frames.
        distractors: instances that are no answer, for the attribute.
    """

    pair: int
    frames: tuple[int, ...]
    best: int
    variant: str
    can_name: bool
    distractors: tuple[int, ...]


class Stage:
    """A scene and what all tasks need of it."""

    def __init__(
        self, scene: Scene, geometry: SceneGeometry, parameters: HiddenPairParameters, rng: np.random.Generator
    ) -> None:
        self.scene = scene
        self.geometry = geometry
        self.parameters = parameters
        self.objects = MosaicObjects(geometry)
        self.names = self.objects.labels
        self.hidden = HiddenPairs(self.objects, parameters)
        self.pairs = self.hidden.pairs()
        self.marks = ObjectMarks(ObjectPointing(geometry, parameters), rng)

    def is_unique(self, frames: Sequence[int], instance: int) -> bool:
        """Whether nothing else in these frames goes by an object's name, or might be taken to."""
        return bool(self.objects.alone[list(frames), instance].all())


class ItemFinder:
    """One task's items in a scene, chosen so that nothing but the images tells the answer.

    Args:
        task: its name.
        kind: existence, attribute or spatial.
        axis: along which it asks.
        stage: the scene.
        variants: ways of pointing that are asked for.
        rng: decides among equals.
        limit: facts wanted, at most.

    Attributes:
        pairs: that the task can ask about.
        sign: (c,), +1 or -1, of each pair's relation along the axis.
        views: sets of frames given out.
        reasons: why others are left out, counted.
    """

    def __init__(
        self,
        task: str,
        kind: str,
        axis: Axis,
        stage: Stage,
        variants: tuple[str, ...],
        rng: np.random.Generator,
        limit: int,
    ) -> None:
        self.kind = kind
        self.axis: Axis = axis
        self.stage = stage
        self.reasons: Counter[str] = Counter(stage.hidden.reasons)
        self.views = ViewSets(stage.geometry, stage.parameters, rng)
        self._place = AXES.index(axis)
        self._variants = variants
        self._rng = rng
        self._turn = stable_hash("relations", stage.scene.id, task)
        self.pairs = self._legal_pairs()
        self.sign = self.pairs.signs[:, self._place].astype(np.int64)
        self._choice = PairChoice(self.pairs, self.sign, stage.names, rng)
        self._looks = _LOOKS * limit
        self._dealt: Counter[str] = Counter()
        self._options_used: Counter[str] = Counter()

    def next(self, sign: int) -> Item | None:
        """The next pair with this sign for which there is a set of frames; None when there is none left."""
        while (row := self._choice.next(sign)) is not None:
            if self._looks == 0:
                self.reasons["more pairs than are looked at"] += 1 + self._choice.remaining()
                return None
            self._looks -= 1
            if (item := self._item(row)) is not None:
                self._choice.take(row)
                return item
        return None

    def marked(self, item: Item) -> list[tuple[int, int]]:
        """The objects that a question points at, and in which frames: the reference, then the target."""
        frame, target, reference = self.of(item)
        return [(reference, frame)] if self.kind == "attribute" else [(reference, frame), (target, item.best)]

    def of(self, item: Item) -> tuple[int, int, int]:
        """The asked frame, the target and the reference of an item."""
        pairs, row = self.pairs, item.pair
        return int(pairs.frame[row]), int(pairs.target[row]), int(pairs.reference[row])

    def without_marks(self, item: Item) -> Item | None:
        """The item with names alone, for want of a place for a mark; None, and given up, if that is not legal."""
        self._dealt[item.variant] -= 1
        if item.can_name and "name" in self._variants:
            self._dealt["name"] += 1
            return replace(item, variant="name")
        self.reasons[_UNPOINTABLE] += 1
        self.views.take_back(item.frames)
        return None

    def _legal_pairs(self) -> Pairs:
        """Those of the scene's pairs that the task can ask about."""
        stage, pairs = self.stage, self.stage.pairs
        decided = pairs.signs[:, self._place] != 0
        if self.kind == "spatial":
            decided = (pairs.signs != 0).all(axis=1)
        self.reasons["relation undecided"] += int(np.count_nonzero(~decided))
        # How many frames show the target clearly and share little enough with the asked one.
        others = self.views.compatible.astype(np.int64) @ stage.hidden.clear.astype(np.int64)
        shown = others[pairs.frame, pairs.target] > 0
        self.reasons["every frame that shows the target shares too much with the asked one"] += int(
            np.count_nonzero(decided & ~shown)
        )
        pairs = pairs.take(decided & shown)
        if self.kind != "attribute":
            return pairs
        enough = np.array(
            [
                len({stage.names[one] for one in self._opposites(pairs, row)}) >= DISTRACTORS
                and stage.objects.alone[pairs.frame[row], pairs.target[row]]
                for row in range(len(pairs))
            ],
            dtype=np.bool_,
        )
        self.reasons["too few names on the other side"] += int(np.count_nonzero(~enough))
        return pairs.take(enough)

    def _opposites(self, pairs: Pairs, row: int) -> list[int]:
        """Instances of which the opposite relation holds, and of whose name the asked frame shows no other."""
        hidden, frame, reference = self.stage.hidden, int(pairs.frame[row]), int(pairs.reference[row])
        signs = hidden.signs[frame][self._place, :, reference]
        grey = self.stage.geometry.object_states.states[frame] == GREY
        usable = hidden.askable & ~grey & self.stage.objects.shown.any(axis=0) & self.stage.objects.alone[frame]
        return np.flatnonzero(usable & (signs == -pairs.signs[row, self._place])).tolist()

    def _item(self, row: int) -> Item | None:
        """A question about a pair, or None with a reason counted."""
        stage, target, reference = self.stage, int(self.pairs.target[row]), int(self.pairs.reference[row])
        opposites = self._opposites(self.pairs, row) if self.kind == "attribute" else []
        reason = "no new set of frames"
        for frames in self._sets(row, opposites):
            named = stage.is_unique(frames, reference) and stage.is_unique(frames, target)
            legal = [variant for variant in self._variants if variant != "name" or named]
            distractors = self._distractors(frames, row, opposites) if self.kind == "attribute" else ()
            if distractors is None:
                reason = "no four names of which one alone is true"
            elif not legal:
                reason = _UNPOINTABLE
            else:
                variant = min(legal, key=lambda way: (self._dealt[way], (self._variants.index(way) + self._turn) % 3))
                self._dealt[variant] += 1
                shown = np.where(stage.hidden.clear[:, target], stage.objects.visible_px[:, target], -1)
                best = max(frames, key=lambda frame: int(shown[frame]))
                return Item(row, frames, best, variant, named, distractors)
            self.views.take_back(frames)
        self.reasons[reason] += 1
        return None

    def _sets(self, row: int, opposites: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Sets of frames that show a pair's target: of the size that is due first."""
        hidden, frame, target = self.stage.hidden, int(self.pairs.frame[row]), int(self.pairs.target[row])
        shows = self.views.compatible[frame] & hidden.clear[:, target]
        prefer = None
        if opposites:
            # Wanted are frames that show something for the options, and nothing else by the answer's name.
            shows &= self.stage.objects.alone[:, target]
            useful = hidden.clear[:, opposites] & self.stage.objects.alone[:, opposites]
            prefer = useful.sum(axis=1) * self.stage.objects.alone[:, target]
        for other in self._rng.permutation(np.flatnonzero(shows))[:_OTHERS].tolist():
            for size in self.views.sizes_in_turn():
                if (frames := self.views.grow([frame, other], size, prefer)) is not None:
                    yield frames

    def _distractors(self, frames: tuple[int, ...], row: int, opposites: Sequence[int]) -> tuple[int, ...] | None:
        """Three of the opposites with names of their own in these frames; None where there are too few.

        Hidden ones are taken first, as the answer is hidden too; then names that were the answer oftener than not.
        """
        pairs, hidden = self.pairs, self.stage.hidden
        if not self.stage.is_unique(frames, int(pairs.target[row])):
            return None
        shown = np.asarray(self.stage.objects.shown[list(frames)].any(axis=0))
        taken = {self.stage.names[int(pairs.target[row])], self.stage.names[int(pairs.reference[row])]}
        hides = hidden.hidden[int(pairs.frame[row])]
        chosen: dict[str, int] = {}
        for instance in sorted(
            self._rng.permutation([one for one in opposites if shown[one]]).astype(np.int64).tolist(),
            key=lambda one: (not hides[one], self._options_used[self.stage.names[one]]),
        ):
            name = self.stage.names[instance]
            if name not in taken and name not in chosen and self.stage.is_unique(frames, instance):
                chosen[name] = instance
            if len(chosen) == DISTRACTORS:
                self._options_used.update(chosen.keys())
                self._options_used[self.stage.names[int(pairs.target[row])]] -= DISTRACTORS
                return tuple(chosen.values())
        return None
