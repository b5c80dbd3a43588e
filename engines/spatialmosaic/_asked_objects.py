"""What all questions about single objects need of a scene, and how such questions come about.

A question is about one or two objects; a set of frames shows what is needed to answer it; each object is named where
nothing else in these frames goes by its name, or else pointed at by a mark in a frame that shows it clearly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ...core.object_states import CLEAR
from ...core.object_views import HIDDEN_PX
from ...core.seeding import stable_hash
from ...core.types import Fact, Point, PointRef, Scene, Skip
from ..mosaic import MosaicObjects
from ..object_marks import ObjectMarks
from ..object_pointing import ObjectPointing, PointingParameters
from ..view_sets import ViewSets
from ._fair_choice import FairChoice

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["AskedObjects", "Item", "Questions", "ask"]

_LOOKS: Final = 30  # candidates tried for each fact wanted, after which a scene is taken to have no more
_UNPOINTABLE: Final = "object cannot be named or pointed at without doubt"

BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Item:
    """A question in the making.

    Attributes:
        row: of the task's candidates.
        instances: what is asked about.
        query: index of the frame asked about, None where the question is about none.
        frames: indices, in the order shown.
        marked: the frame in which a mark would point at each instance; empty where none can.
        variant: how objects are pointed at.
        can_name: whether names alone leave no doubt in these frames.
    """

    row: int
    instances: tuple[int, ...]
    query: int | None
    frames: tuple[int, ...]
    marked: tuple[int, ...]
    variant: str
    can_name: bool

    @property
    def places(self) -> list[tuple[int, int]]:
        """The (instance, frame) that need a mark."""
        return [] if self.variant == "name" else list(zip(self.instances, self.marked, strict=True))


class AskedObjects:
    """A scene's objects, what frames show of them, and marks on them.

    Args:
        scene: with instances.
        geometry: of the scene.
        rng: decides where marks are put.

    Attributes:
        objects: what questions may speak of, and what frames show.
        names: cleaned labels of all n instances.
        clear: (f, n) whether a frame shows an instance clearly; where silhouettes are not known, whether it shows it.
        hidden: (f, n) whether it shows nothing of it worth speaking of.
    """

    def __init__(self, scene: Scene, geometry: SceneGeometry, rng: np.random.Generator) -> None:
        self.scene = scene
        self.geometry = geometry
        self.objects = MosaicObjects(geometry)
        self.names = self.objects.labels
        self.marks = ObjectMarks(ObjectPointing(geometry, PointingParameters.model_validate({})), rng)
        self._rivals: dict[int, IndexArray] = {}

    @cached_property
    def clear(self) -> BoolArray:
        states = self.objects.states
        return np.asarray(self.objects.shown if states is None else states.states == CLEAR)

    @cached_property
    def hidden(self) -> BoolArray:
        return np.asarray(self.objects.visible_px < HIDDEN_PX)

    @cached_property
    def cut_off(self) -> BoolArray | None:
        """(f, n) whether the border hides more of an instance than what stands before it; None if not known."""
        states = self.objects.states
        if states is None:
            return None
        # What covers nothing of the image is beyond its border.
        return np.asarray(states.truncation >= np.nan_to_num(states.occlusion, nan=-1.0))

    def rivals(self, instance: int) -> IndexArray:
        """Other instances that might go by an instance's name."""
        if instance not in self._rivals:
            name = self.names[instance]
            both = np.union1d(self.objects.of_kind(name), self.objects.doubtful(name))
            self._rivals[instance] = both[both != instance]
        return self._rivals[instance]

    def lost(self, frame: int, instance: int) -> float | None:
        """Share of an instance that a frame does not show; None where silhouettes are not known."""
        states = self.objects.states
        return None if states is None else float(states.total[frame, instance])

    def hidden_by(self, frame: int, instance: int) -> str | None:
        """What hides most of an instance from a frame, ``occlusion`` or ``border``; None if not known."""
        return None if self.cut_off is None else ("border" if self.cut_off[frame, instance] else "occlusion")


class Questions(ABC):
    """One task's questions about a scene: chosen in rounds, since not every object finds a place for a mark.

    Args:
        task: its name.
        stage: the scene.
        views: sets of frames given out for the task.
        variants: ways of pointing that are asked for.
        rng: decides among equals.
        limit: facts wanted, at most.

    Attributes:
        choice: of the candidates; made by each kind of question.
        reasons: why candidates are left out, counted.
        turn: a number of scene and task alone.
        accepted: questions so far.
    """

    choice: FairChoice

    def __init__(
        self,
        task: str,
        stage: AskedObjects,
        views: ViewSets,
        variants: tuple[str, ...],
        rng: np.random.Generator,
        limit: int,
    ) -> None:
        self.task = task
        self.stage = stage
        self.views = views
        self.rng = rng
        self.limit = limit
        self.reasons: Counter[str] = Counter(stage.objects.reasons)
        # Who gets the odd row must not be the same in every scene.
        self.turn = stable_hash("asked objects", stage.scene.id, task)
        self.accepted: list[Item] = []
        self.is_done = False
        self._variants = variants
        self._dealt: Counter[str] = Counter()
        self._looks = _LOOKS * limit

    @abstractmethod
    def look(self, proposed: Sequence[Item]) -> Iterator[Item | None]:
        """Candidates in turn as questions, None for each that is none (counted by reason); ends when there are no more.

        Args:
            proposed: questions of this round so far; it grows while this goes on.
        """

    @abstractmethod
    def fact(self, item: Item) -> Fact:
        """The fact about an accepted question."""

    def propose(self) -> list[Item]:
        """The next questions, as many as are wanted; none when no more can be had."""
        proposed: list[Item] = []
        if len(self.accepted) < self.limit:
            for item in self.look(proposed):
                if item is not None:
                    proposed.append(item)
                if len(self.accepted) + len(proposed) == self.limit:
                    break
                self._looks -= 1
                if self._looks <= 0:
                    self.reasons["more candidates than are looked at"] += 1
                    break
        self.is_done = not proposed
        return proposed

    def settle(self, items: Sequence[Item]) -> None:
        """Accept questions whose marks have a place, or that can do without; the rest will be made up for."""
        for item in items:
            if all(self.stage.marks.at(*place) is not None for place in item.places):
                self.accepted.append(item)
                continue
            self._dealt[item.variant] -= 1
            if item.can_name and "name" in self._variants:
                self._dealt["name"] += 1
                self.accepted.append(replace(item, variant="name"))
            else:
                self.reasons[_UNPOINTABLE] += 1
                self.views.take_back(item.frames)
                self.choice.take(item.row, -1)

    def facts(self) -> Iterator[Fact | Skip]:
        """What was accepted, in random order, and why not more."""
        found = [self.fact(item) for item in self.accepted]
        yield from (found[place] for place in self.rng.permutation(len(found)).tolist())
        for reason, count in sorted((+self.reasons).items()):
            yield Skip(self.task, reason, count)

    def in_frames(
        self,
        row: int,
        instances: tuple[int, ...],
        query: int | None,
        core: Sequence[int],
        marked: tuple[int, ...],
        prefer: npt.ArrayLike | None = None,
    ) -> Item | None:
        """A question with a set of frames and a way of pointing, dealt evenly; None, counted, where there is none.

        Args:
            row: of the candidates.
            instances: what is asked about.
            query: index of the frame asked about.
            core: frames that must be in the set.
            marked: the frame in which a mark would point at each instance; empty where none can.
            prefer: (f,) how much rather a frame is added than others.
        """
        reason = "no new set of frames with little overlap"
        for size in self.views.sizes_in_turn():
            frames = self.views.grow(core, size, prefer)
            if frames is None:
                continue
            named = bool(self.stage.objects.alone[np.ix_(frames, instances)].all())
            legal = [way for way in self._variants if (named if way == "name" else bool(marked))]
            if legal:
                variant = min(
                    legal,
                    key=lambda way: (
                        self._dealt[way],
                        (self._variants.index(way) + self.turn) % len(self._variants),
                    ),
                )
                self._dealt[variant] += 1
                return Item(row, instances, query, frames, marked, variant, named)
            self.views.take_back(frames)
            reason = _UNPOINTABLE
        self.reasons[reason] += 1
        return None

    def pointing(self, item: Item, roles: Sequence[str]) -> tuple[list[Point], dict[str, Any], list[dict[str, Any]]]:
        """What a question points at: its points, the slots ``a``, ``a_frame``, ``b`` …, and evidence of the points."""
        points: list[Point] = []
        slots: dict[str, Any] = {}
        evidence: list[dict[str, Any]] = []
        for letter, role, place in zip("AB", roles, item.places, strict=False):
            mark = self.stage.marks.at(*place)
            assert mark is not None
            image = item.frames.index(place[1])
            slots |= {letter.lower(): PointRef(len(points)), f"{letter.lower()}_frame": image}
            point = mark.point(0, self.stage.scene.instances, label=letter, role=role)
            points.append(replace(point, image=image))
            evidence.append(mark.evidence(0))
        return points, slots, evidence


def ask(asked: Sequence[Questions], stage: AskedObjects) -> Iterator[Fact | Skip]:
    """The facts of some tasks about a scene.

    Args:
        asked: of each task.
        stage: the scene.
    """
    while proposed := [(questions, questions.propose()) for questions in asked if not questions.is_done]:
        # All marks together, frame by frame: each needs the frame's full-size map.
        stage.marks.place(place for _, items in proposed for item in items for place in item.places)
        for questions, items in proposed:
            questions.settle(items)
    for questions in asked:
        yield from questions.facts()
