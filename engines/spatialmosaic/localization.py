"""Where a frame shows an object that other frames show too, or whether it shows it at all.

The place is the centre of the box around what can be seen of the object. Definitions: docs/conventions.md, "Places in
frames". Source of the tasks: SpatialMosaic, arXiv 2512.23365, which publishes no generator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from ...core.object_states import CLEAR, MOST_LOST
from ...core.object_views import CLEAR_PX, HIDDEN_PX
from ...core.types import BoxMark, Fact, Point, PointRef, Scene, Skip, TaskSpec
from ..base import Engine, Parameters, Request, need_in_words
from ..mosaic import difficulty, scenario
from ..sampling import deal
from ..view_sets import ViewSetParameters, ViewSets
from ._asked_objects import AskedObjects, Item, Questions, ask
from ._boxes_in_frames import LEAST_APART, BoxesInFrames, Place
from ._fair_choice import FairChoice

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE", "LocalizationParameters"]

_CHOICE: Final = "obj_localization_occ"
_POINT: Final = "obj_localization_occ_na"
_OPTIONS: Final = 4
_NO: Final = "No"
_EASY: Final = 0.2  # share lost up to which an object is as good as whole


class LocalizationParameters(ViewSetParameters):
    """What decides which objects are asked for in which frames."""

    hidden: Literal["state", "ratio"] = Field(
        "state",
        description="the answer is No where a frame shows under 20 pixels of the object (state), or where at least "
        "half of it is lost to occlusion and truncation together (ratio)",
    )
    share_of_no: float = Field(
        0.375, ge=0, lt=1, description="share of the choice's facts about a scene whose answer is No"
    )
    least_offset: float = Field(
        1.0, gt=0, description="of a wrong place from the true one: diagonals of the object's box, at least"
    )
    most_shift: float = Field(
        0.10,
        gt=0,
        description="diagonals by which the box's centre may move if the outermost half percent of what is seen of the "
        "object is left out at each side",
    )


def _spec(name: str, summary: str) -> TaskSpec:
    choice = name == _CHOICE
    return TaskSpec(
        name=name,
        suite="spatialmosaic",
        engine="localization",
        version="1",
        images=4,
        summary=summary,
        answer_type="choice" if choice else "point",
        units=("px",),
        text_unit="",
        variants=("name", "dot", "coord"),
        forms=("choice",) if choice else ("fill",),
        slots=frozenset({"object", "frame", "a", "a_frame"}),
        required_slots=frozenset({"object", "frame"}),
        needs=("image", "perspective", "depth|mesh", "instances"),
        lettered=choice,
    )


class Localization(Engine):
    """States where frames show objects."""

    name: ClassVar[str] = "localization"
    suite: ClassVar[str] = "spatialmosaic"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = LocalizationParameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # Of the published sample: what has lost half or more is not visible, and wrong places lie a few pixels from the
        # true one; nothing is said of stray bits.
        "spatialmosaic": {"hidden": "ratio", "least_offset": 0.25, "most_shift": 1.0}
    }
    tasks: ClassVar[tuple[TaskSpec, ...]] = (
        _spec(_CHOICE, "Does a frame show an object, and if so where? Three places and No to choose from."),
        _spec(_POINT, "Where does a frame show an object? Answered by the centre of its box."),
    )

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, LocalizationParameters)
        if parameters.hidden == "ratio" and "silhouettes" not in scene.capabilities:
            for task in request.tasks:
                yield Skip(task, f"scene has no {need_in_words('silhouettes', scene.capabilities)}")
            return
        (own,) = rng.spawn(1)
        generators = self.generators(rng)
        stage = AskedObjects(scene, geometry, own)
        boxes = BoxesInFrames(stage)
        asked = [
            _Localizations(
                task,
                stage,
                ViewSets(geometry, parameters, generators[task]),
                request.variants[task],
                generators[task],
                request.limit,
                boxes=boxes,
                parameters=parameters,
            )
            for task in request.tasks
        ]
        yield from ask(asked, stage)


class _Localizations(Questions):
    """One task's questions about a scene."""

    def __init__(self, *common: Any, boxes: BoxesInFrames, parameters: LocalizationParameters) -> None:
        super().__init__(*common)
        self._boxes = boxes
        self._parameters = parameters
        self._wrong: dict[tuple[int, ...], tuple[list[Place], float]] = {}
        self._letters: dict[tuple[int, ...], int] = {}
        self._find_candidates()
        self._wanted_no = self._quota_of_no(self.limit) if self.task == _CHOICE else 0

    def _find_candidates(self) -> None:
        """Frames and objects: shown there without doubt, or hidden there and shown by a frame that may go with it."""
        stage, objects = self.stage, self.stage.objects
        grey = int(np.count_nonzero(objects.grey[:, objects.askable]))
        self.reasons["whether the frame shows the object is open"] += grey
        elsewhere = self.views.compatible.astype(np.int64) @ stage.clear.astype(np.int64) > 0
        shown, hidden = objects.shown & objects.askable, stage.hidden
        if self._parameters.hidden == "ratio":
            assert objects.states is not None
            lost = objects.states.total >= MOST_LOST
            shown, hidden = shown & ~lost, lost & ~objects.grey
        # No is said of a frame only where nothing in it might go by the name.
        absent = hidden & objects.askable & elsewhere & objects.alone & (self.task == _CHOICE)
        frame, instance = np.nonzero(shown | absent)
        self._frame, self._instance = frame, instance
        self._yes = shown[frame, instance]
        self._elsewhere = elsewhere[frame, instance]
        label = np.unique(np.array([*stage.names, ""]), return_inverse=True)[1][instance]
        stratum = np.array([self._stratum(row) for row in range(len(frame))])
        groups = [
            (1e6, stratum.astype(np.int64)),
            # As often said to be there as not to be: names then tell nothing.
            (3.0, 2 * label + self._yes),
            (-1.0, label),
            (0.5, instance),
            (0.25, frame),
        ]
        self.choice = FairChoice(groups, self.rng)

    def _stratum(self, row: int) -> int:
        """How much of an object a frame shows, or what hides it: these take turns."""
        stage, frame, instance = self.stage, int(self._frame[row]), int(self._instance[row])
        if not self._yes[row]:
            return 3 + (stage.hidden_by(frame, instance) == "border")
        states = stage.objects.states
        if states is None:
            return 0
        if states.states[frame, instance] != CLEAR:
            return 2
        return int(states.total[frame, instance] > _EASY)

    def _quota_of_no(self, facts: int) -> int:
        """How many of so many facts are answered No; who gets the odd one depends on scene and task alone."""
        return int(self._parameters.share_of_no * facts + (self.turn % 997) / 997)

    def look(self, proposed: Sequence[Item]) -> Iterator[Item | None]:
        spent: set[bool] = set()
        while len(spent) < 2:
            items = [*self.accepted, *proposed]
            no = sum(not self._yes[item.row] for item in items)
            wanted = {True: self.limit - self._wanted_no - (len(items) - no), False: self._wanted_no - no}
            kind = max((kind for kind in (True, False) if kind not in spent), key=lambda kind: wanted[kind])
            if wanted[kind] <= 0:
                return
            row = self.choice.next(self._yes == kind)
            if row is None:
                spent.add(kind)
                continue
            item = self._item(row)
            if item is not None:
                self.choice.take(row)
            yield item

    def _item(self, row: int) -> Item | None:
        """A candidate as a question, or None with a reason counted."""
        stage, parameters = self.stage, self._parameters
        frame, instance, yes = int(self._frame[row]), int(self._instance[row]), bool(self._yes[row])
        if yes and self._boxes.shift(frame, instance) > parameters.most_shift:
            self.reasons["stray pixels move the object's box"] += 1
            return None
        wrong = None
        if self.task == _CHOICE:
            true = self._boxes.centre(frame, instance) if yes else None
            count = _OPTIONS - 1 - yes
            wrong = self._boxes.wrong_places(frame, instance, count, parameters.least_offset, self.rng, true)
            if wrong is None:
                self.reasons["no wrong places far enough from the object"] += 1
                return None
        core = [frame]
        marked: tuple[int, ...] = ()
        if self._elsewhere[row]:
            best = int(self.rng.choice(np.flatnonzero(self.views.compatible[frame] & stage.clear[:, instance])))
            core.append(best)
            marked = (best,)
        prefer = 1.0 + stage.objects.shown[:, instance]
        item = self.in_frames(row, (instance,), frame, core, marked, prefer)
        if item is not None and wrong is not None:
            self._wrong[item.frames] = wrong
        return item

    def facts(self) -> Iterator[Fact | Skip]:
        if self.task == _CHOICE:
            self._balance()
        yield from super().facts()

    def _balance(self) -> None:
        """Leave out what is too many of Yes or No, and deal the letters, evenly for either."""
        sides = {kind: [item for item in self.accepted if self._yes[item.row] == kind] for kind in (True, False)}
        total = next(
            n
            for n in range(len(self.accepted), -1, -1)
            if self._quota_of_no(n) <= len(sides[False]) and n - self._quota_of_no(n) <= len(sides[True])
        )
        no = self._quota_of_no(total) if total else 0
        kept = sides[False][:no] + sides[True][: total - no]
        self.reasons["left out to keep answers balanced"] += len(self.accepted) - len(kept)
        self.accepted = kept
        letters = deal(len(kept), (_OPTIONS,), self.stage.scene.id, self.task)[:, 0].tolist()
        self._letters = {item.frames: letter for item, letter in zip(kept, letters, strict=True)}

    def fact(self, item: Item) -> Fact:
        stage, frame, (target,) = self.stage, int(self._frame[item.row]), item.instances
        yes, query = bool(self._yes[item.row]), item.frames.index(frame)
        points, slots, marks = self.pointing(item, ["target"])
        slots |= {"object": stage.names[target], "frame": query}
        boxes: tuple[BoxMark, ...] = ()
        value: tuple[float, ...] = ()
        if yes:
            x1, y1, x2, y2 = self._boxes.box(frame, target).tolist()
            boxes = (BoxMark(query, x1, y1, x2, y2, instance_id=stage.scene.instances[target].id),)
            value = (x, y) = self._boxes.centre(frame, target)
            if self.task == _POINT:
                points.append(Point(query, x, y, role="answer"))
        evidence, margin = self._evidence(item, query, yes)
        if marks:
            evidence["points"] = marks
        options: tuple[Any, ...] = ()
        answer: int | None = None
        if self.task == _CHOICE:
            answer = self._letters[item.frames]
            options, places = self._options(item, answer, len(points))
            points += [Point(query, x, y, role="option") for x, y in places]
            evidence["truth_table"] = [place == answer for place in range(_OPTIONS)]
        lost = stage.lost(frame, target)
        return Fact(
            task=self.task,
            frames=item.frames,
            variant=item.variant,
            form="choice" if options else "fill",
            value=value,
            points=tuple(points),
            boxes=boxes,
            objects=stage.objects.mentions([target], "target"),
            options=options,
            answer_index=answer,
            answer_point=None if options else PointRef(len(points) - 1),
            slots=slots,
            evidence=evidence,
            margin=margin,
            overlap=self.views.max_overlap(item.frames),
            occlusion=lost,
            difficulty=difficulty(self.views.mean_overlap(item.frames), lost),
        )

    def _options(self, item: Item, answer: int, first: int) -> tuple[tuple[Any, ...], list[Place]]:
        """The options with the true one in its place, and their places in the image, in the same order.

        Args:
            item: the question.
            answer: index of the true option.
            first: index of the first place among the fact's points.
        """
        wrong: list[Place | None] = [*self._wrong[item.frames][0]]
        true: Place | None = None
        if self._yes[item.row]:
            wrong.append(None)
            true = self._boxes.centre(int(self._frame[item.row]), item.instances[0])
        offered = [wrong[place] for place in self.rng.permutation(len(wrong)).tolist()]
        offered.insert(answer, true)
        places = [place for place in offered if place is not None]
        refs = iter(range(first, first + len(places)))
        return tuple(_NO if place is None else ("Yes; ", PointRef(next(refs))) for place in offered), places

    def _evidence(self, item: Item, query: int, yes: bool) -> tuple[dict[str, Any], float]:
        """What an outside check needs, and how far above its thresholds the closest condition is."""
        stage, parameters, (target,) = self.stage, self._parameters, item.instances
        frame, objects = int(self._frame[item.row]), self.stage.objects
        kind = objects.of_kind(stage.names[target])
        shown = objects.shown[list(item.frames)]
        pixels, lost = int(objects.visible_px[frame, target]), stage.lost(frame, target)
        if parameters.hidden == "ratio" and lost is not None:
            conditions = [(1 - lost) / (1 - MOST_LOST) if yes else lost / MOST_LOST]
        else:
            conditions = [pixels / CLEAR_PX if yes else HIDDEN_PX / max(pixels, 1)]
        overlap = self.views.max_overlap(item.frames)
        if overlap > 0:
            conditions.append(parameters.most_overlap / overlap)
        evidence: dict[str, Any] = {
            "query_image": query,
            "objects": objects.evidence(item.frames, [target]),
            "view_sets": self.views.evidence(item.frames),
            "scenario": scenario(shown[:, [target]], kind[shown[:, kind].any(axis=0)].tolist(), kind.tolist()),
            "instances_in_scene": [stage.scene.instances[index].id for index in kind],
            "thresholds": {
                "hidden": parameters.hidden,
                "hidden_px": HIDDEN_PX,
                "grey_px": CLEAR_PX,
                "most_overlap": parameters.most_overlap,
                "most_shift_diagonals": parameters.most_shift,
                "least_offset_diagonals": parameters.least_offset,
                "least_apart_image_diagonals": LEAST_APART,
            },
        }
        if yes:
            shift = self._boxes.shift(frame, target)
            evidence["localization"] = {"diagonal_px": self._boxes.diagonal(frame, target), "shift_diagonals": shift}
            if shift > 0:
                conditions.append(parameters.most_shift / shift)
            if self.task == _CHOICE:
                offset = self._wrong[item.frames][1]
                evidence["localization"]["offset_diagonals"] = offset
                conditions.append(offset / parameters.least_offset)
        elif (by := stage.hidden_by(frame, target)) is not None:
            evidence["localization"] = {"hidden_by": by}
        return evidence, min(conditions)


ENGINE: Final = Localization()
