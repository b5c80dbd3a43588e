"""How many different things of a kind several frames show, and which frame shows most of them.

A thing that several frames show counts once. Definitions: docs/conventions.md, "Counting". Source of the tasks:
SpatialMosaic, arXiv 2512.23365, which publishes no generator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field

from ...core.object_views import CLEAR_PX, HIDDEN_PX
from ...core.types import Fact, Scene, Skip, TaskSpec
from ..base import Engine, Parameters, Request, need_in_words
from ..counted_sets import CountedSet, CountedSets
from ..mosaic import LeastState, MosaicObjects, difficulty, scenario
from ..sampling import deal, equal_quotas, take_least_used
from ..view_sets import ViewSetParameters, ViewSets

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE", "CountingParameters"]

_COUNT: Final = "obj_count_occ"
_NUMBER: Final = "obj_count_occ_na"
_BEST_VIEW: Final = "bestview_count_occ"
_OPTIONS: Final = 4
_FLOOR: Final = 16  # a number may always be asked for in one of so many facts, however few other numbers there are


class CountingParameters(ViewSetParameters):
    """What decides which sets of frames things are counted in."""

    least_state: LeastState = Field(
        "partial", description="partial: what is visible at all counts; clear: only where less than half is lost"
    )
    most_of_one: float = Field(
        0.25, gt=0, le=1, description="share of a task's facts about a scene that may have the same number, at most"
    )
    least_area_ratio: float = Field(
        1.2, ge=1, description="of the best of frames that show equally many: visible area over any other's, at least"
    )


def _spec(name: str, summary: str, answer_type: str) -> TaskSpec:
    number = answer_type == "number"
    return TaskSpec(
        name=name,
        suite="spatialmosaic",
        engine="counting",
        version="1",
        images=4,
        summary=summary,
        answer_type=answer_type,
        units=("count", "index") if name == _BEST_VIEW else ("count",),
        text_unit="",
        variants=("name",),
        forms=("fill",) if number else ("choice",),
        slots=frozenset({"object"}),
        required_slots=frozenset({"object"}),
        needs=("image", "perspective", "depth|mesh", "instances"),
        lettered=not number,
    )


class Counting(Engine):
    """States how many things of a kind sets of frames show."""

    name: ClassVar[str] = "counting"
    suite: ClassVar[str] = "spatialmosaic"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = CountingParameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # Of the published sample: what has lost half or more is not visible; no word of balance over numbers.
        "spatialmosaic": {"least_state": "clear", "most_of_one": 1.0, "least_area_ratio": 1.0}
    }
    tasks: ClassVar[tuple[TaskSpec, ...]] = (
        _spec(_COUNT, "How many different things of a kind do several frames show? Choose a number.", "choice"),
        _spec(_NUMBER, "How many different things of a kind do several frames show? State the number.", "number"),
        _spec(_BEST_VIEW, "How many things of a kind do the frames show, and which shows most of them?", "choice"),
    )

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, CountingParameters)
        if parameters.least_state == "clear" and "silhouettes" not in scene.capabilities:
            for task in request.tasks:
                yield Skip(task, f"scene has no {need_in_words('silhouettes', scene.capabilities)}")
            return
        objects = MosaicObjects(geometry)
        generators = self.generators(rng)
        for task in request.tasks:
            yield from _Questions(task, objects, parameters, generators[task]).facts(request.limit)


class _Questions:
    """One task's questions about a scene."""

    def __init__(
        self, task: str, objects: MosaicObjects, parameters: CountingParameters, rng: np.random.Generator
    ) -> None:
        self._task = task
        self._objects = objects
        self._parameters = parameters
        self._rng = rng
        self._sets = ViewSets(objects.geometry, parameters, rng)
        self._ranks: Counter[int] = Counter()
        self._sides: Counter[int] = Counter()

    def facts(self, limit: int) -> Iterator[Fact | Skip]:
        """At most ``limit`` facts, and why not more."""
        search = CountedSets(self._objects, self._sets, self._parameters.least_state, self._rng)
        reasons = search.reasons
        pool = search.find(limit, self._task)
        if self._task == _BEST_VIEW:
            best = {some: _best_view(some, self._parameters.least_area_ratio) for some in pool}
            reasons["no frame is clearly the best view"] += sum(view is None for view in best.values())
            pool = [some for some in pool if best[some] is not None]
        chosen = self._spread(pool, limit)
        letters = deal(len(chosen), [_OPTIONS], self._objects.scene.id, self._task)[:, 0].tolist()
        for some, letter in zip(chosen, letters, strict=True):
            if self._task == _NUMBER:
                yield self._fact(some, (some.count,), some.certainty)
            elif self._task == _COUNT:
                options = self._in_order([str(number) for number in self._numbers(some.count)], letter)
                yield self._fact(some, (some.count,), some.certainty, options, letter)
            else:
                view = best[some]
                assert view is not None
                frame, margin = view
                options = self._in_order(self._answers(some, frame), letter)
                yield self._fact(some, (some.count, frame), min(margin, some.certainty), options, letter)
        if not pool:
            reasons["no set of frames with little overlap in which things can be counted"] += 1
        for reason, count in sorted((+reasons).items()):
            yield Skip(self._task, reason, count)

    def _spread(self, pool: Sequence[CountedSet], limit: int) -> list[CountedSet]:
        """Sets with all numbers equally often, none too often; kinds, then sizes and frames, take turns; shuffled."""
        strata: dict[int, list[CountedSet]] = {}
        for some in pool:
            strata.setdefault(some.count, []).append(some)
        numbers = sorted(strata)
        most = _most_of_each([len(strata[number]) for number in numbers], limit, self._parameters.most_of_one)
        available = [min(most, len(strata[number])) for number in numbers]
        quotas = equal_quotas(available, limit, self._objects.scene.id, self._task)
        uses: Counter[Hashable] = Counter()
        chosen: list[CountedSet] = []
        for quota, number in sorted(zip(quotas, numbers, strict=True), key=lambda pair: len(strata[pair[1]])):
            some_sets = [strata[number][k] for k in self._rng.permutation(len(strata[number])).tolist()]
            keys = [(some.label, ("frames", len(some.frames)), *some.frames) for some in some_sets]
            chosen.extend(some_sets[k] for k in take_least_used(keys, quota, uses))
        return [chosen[k] for k in self._rng.permutation(len(chosen)).tolist()]

    def _numbers(self, count: int) -> list[int]:
        """Four successive numbers, the true one first; its ranks among them are as even as "at least 1" allows."""
        rank = min(range(min(count, _OPTIONS)), key=lambda rank: (self._ranks[rank], self._rng.random()))
        self._ranks[rank] += 1
        low = count - rank
        return [count, *(number for number in range(low, low + _OPTIONS) if number != count)]

    def _answers(self, some: CountedSet, best: int) -> list[str]:
        """The true number and frame, and the three answers with a wrong number, a wrong frame and both.

        Numbers that other ways of counting give are rather taken than others: the best frame alone, every frame's sum.
        """
        tempting = {some.per_frame[best], sum(some.per_frame), some.count - 1, some.count + 1} - {some.count, 0}
        sides = {-1: sorted(n for n in tempting if n < some.count), 1: sorted(n for n in tempting if n > some.count)}
        side = min((s for s in sides if sides[s]), key=lambda s: (self._sides[s], s))
        self._sides[side] += 1
        wrong = int(self._rng.choice(sides[side]))
        others = [image for image in range(len(some.frames)) if image != best]
        other = int(self._rng.choice(others))
        return [f"{number}; Frame {image}" for number in (some.count, wrong) for image in (best, other)]

    def _in_order(self, options: Sequence[str], place: int) -> tuple[str, ...]:
        """Options, of which the first is true, shuffled so that it comes to a place."""
        rest = [options[1 + k] for k in self._rng.permutation(len(options) - 1).tolist()]
        return (*rest[:place], options[0], *rest[place:])

    def _fact(
        self,
        some: CountedSet,
        value: tuple[int, ...],
        margin: float,
        options: tuple[str, ...] = (),
        answer: int | None = None,
    ) -> Fact:
        objects, parameters = self._objects, self._parameters
        in_scene = objects.of_kind(some.label).tolist()
        shown, _ = objects.certainty(parameters.least_state)
        lost = objects.loss_at_best(some.frames, some.counted)
        evidence: dict[str, Any] = {
            "objects": objects.evidence(some.frames, some.counted, in_scene),
            "view_sets": self._sets.evidence(some.frames),
            "scenario": scenario(shown[np.ix_(some.frames, some.counted)], some.counted, in_scene),
            "instances_in_scene": [objects.scene.instances[index].id for index in in_scene],
            "visible_per_frame": list(some.per_frame),
            "visible_area_px": list(some.area),
            "thresholds": {
                "hidden_px": HIDDEN_PX,
                "grey_px": CLEAR_PX,
                "least_state": parameters.least_state,
                "most_overlap": parameters.most_overlap,
            },
        }
        if options:
            evidence["truth_table"] = [index == answer for index in range(len(options))]
        if self._task == _BEST_VIEW:
            evidence["thresholds"]["least_area_ratio"] = parameters.least_area_ratio
        return Fact(
            task=self._task,
            frames=some.frames,
            variant="name",
            form="choice" if options else "fill",
            value=tuple(float(number) for number in value),
            objects=objects.mentions(some.counted, "counted"),
            options=options,
            answer_index=answer,
            slots={"object": some.label},
            evidence=evidence,
            margin=margin,
            overlap=self._sets.max_overlap(some.frames),
            occlusion=lost,
            difficulty=difficulty(self._sets.mean_overlap(some.frames), lost),
        )


def _best_view(some: CountedSet, least_ratio: float) -> tuple[int, float] | None:
    """Which frame of a set shows most things, of equally many the one with most of them in pixels.

    Returns:
        Index among the set's frames, and how far the closest condition is above its threshold; None where it hangs on
        something that is to be seen only a little, or on too small a difference.
    """
    best = max(range(len(some.frames)), key=lambda image: (some.per_frame[image], some.area[image]))
    margin = np.inf
    for image in range(len(some.frames)):
        if image == best:
            continue
        if (ahead := some.per_frame[best] - some.perhaps[image]) > 0:
            margin = min(margin, float(ahead))
        elif ahead == 0 and some.area[best] >= least_ratio * some.area_perhaps[image]:
            margin = min(margin, some.area[best] / (least_ratio * some.area_perhaps[image]))
        else:
            return None
    return best, margin


def _most_of_each(available: Sequence[int], limit: int, share: float) -> int:
    """How many facts may have the same number: the most that is no larger share of all facts, with a floor.

    Args:
        available: sets there are with each number.
        limit: facts wanted in all.
        share: of them, and of those there will be, that may have one number.
    """
    floor = max(1, limit // _FLOOR)
    for most in range(max(floor, int(share * limit)), floor, -1):
        taken = [min(most, size) for size in available]
        if taken and max(taken) <= share * sum(taken):
            return most
    return floor


ENGINE: Final = Counting()
