"""Questions about distances and sizes: which objects, in which frames, and what is kept as evidence."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.object_states import CLEAR, PARTIAL
from ...core.types import Fact
from ..mosaic import difficulty, scenario
from ._asked_objects import Item, Questions
from ._fair_choice import FairChoice
from ._measured_objects import Measured, MeasuredObjects
from ._seen_surfaces import SeenSurfaces

__all__ = ["CameraDistances", "ObjectDistances", "Sizes"]

_BINS_PER_DOUBLING: Final = 2  # of distances and sizes, which are to be spread
_STRATUM, _BIN, _NAME, _THING, _FRAME = 1e6, 2.0, 1.0, 0.5, 0.25
"""Weights of what takes turns: how hidden the object is; then, traded off, how far or large, names, objects, frames."""

_SETS_OF_PAIR: Final = 4  # of frames, in which the same two objects may be asked about
_PAIR: Final = 1e4  # weight: again only when all pairs were asked about

_FIRMLY: Final = 3.0  # power of what a frame adds to the sight of an object: the chance that it is taken
_LEAST_GAIN: Final = 0.01  # of an object's surface; frames that add less do not help to see more of it

IndexArray = npt.NDArray[np.int64]


class _Measures(Questions):
    """What questions about measures have in common."""

    roles: tuple[str, ...] = ("target",)

    def __init__(self, *common: Any, measured: MeasuredObjects) -> None:
        super().__init__(*common)
        self._measured = measured
        self.reasons = Counter(measured.stage.objects.reasons) + measured.reasons
        self._name = np.unique(np.array([*self.stage.names, ""]), return_inverse=True)[1]
        self.choice = self._find_candidates()

    @abstractmethod
    def _find_candidates(self) -> FairChoice:
        """All that might be asked about."""

    @abstractmethod
    def _item(self, row: int) -> Item | None:
        """A candidate as a question, or None with a reason counted."""

    @abstractmethod
    def _value(self, item: Item) -> tuple[float, dict[str, Any], list[float]]:
        """The truth in metres, its own evidence and thresholds, and how far above these it is."""

    def look(self, proposed: Sequence[Item]) -> Iterator[Item | None]:  # noqa: ARG002 - one kind, whatever was proposed
        while (row := self.choice.next()) is not None:
            item = self._item(row)
            if item is not None:
                self.choice.take(row)
            yield item

    def fact(self, item: Item) -> Fact:
        stage, objects = self.stage, self.stage.objects
        points, slots, marks = self.pointing(item, self.roles)
        value, own, conditions = self._value(item)
        overlap = self.views.max_overlap(item.frames)
        if overlap > 0:
            conditions.append(self._measured.parameters.most_overlap / overlap)
        shown = objects.shown[list(item.frames)]
        alike = np.unique(np.concatenate([objects.of_kind(stage.names[index]) for index in item.instances]))
        evidence: dict[str, Any] = {
            "objects": objects.evidence(item.frames, item.instances),
            "view_sets": self.views.evidence(item.frames),
            "scenario": scenario(shown[:, item.instances], alike[shown[:, alike].any(axis=0)].tolist(), alike.tolist()),
            "instances_in_scene": [stage.scene.instances[index].id for index in alike],
            **own,
        }
        evidence["thresholds"] |= {"most_overlap": self._measured.parameters.most_overlap}
        if marks:
            evidence["points"] = marks
        lost = objects.loss_at_best(item.frames, item.instances)
        if item.query is None:
            names = dict(zip(("object",) if len(item.instances) == 1 else self.roles, item.instances, strict=True))
        else:
            query = item.frames.index(item.query)
            evidence["query_image"] = slots["frame"] = query
            names = {"object": item.instances[0]}
            lost = stage.lost(item.query, item.instances[0])
        slots |= {slot: stage.names[index] for slot, index in names.items()}
        return Fact(
            task=self.task,
            frames=item.frames,
            variant=item.variant,
            form="fill",
            value=(value,),
            points=tuple(points),
            objects=tuple(
                mention
                for role, index in zip(self.roles, item.instances, strict=True)
                for mention in objects.mentions([index], role)
            ),
            slots=slots,
            evidence=evidence,
            margin=min(conditions),
            overlap=overlap,
            occlusion=lost,
            difficulty=difficulty(self.views.mean_overlap(item.frames), lost),
        )

    def _distance(self, measured: Measured | str) -> tuple[float, dict[str, Any], list[float]]:
        """The truth of a distance, its evidence, and how far above its thresholds it is."""
        assert isinstance(measured, Measured)
        evidence = {"distances": measured.evidence(), "thresholds": dict(self._measured.thresholds())}
        return measured.distance, evidence, self._measured.conditions(measured)


class CameraDistances(_Measures):
    """How far an object is from the camera of a frame that shows it, or of one that does not."""

    def _find_candidates(self) -> FairChoice:
        stage, measured = self.stage, self._measured
        states = stage.geometry.object_states.states
        elsewhere = self.views.compatible.astype(np.int64) @ stage.clear.astype(np.int64) > 0
        grey = stage.objects.grey & measured.usable
        self.reasons["whether the frame shows the object is open"] += int(np.count_nonzero(grey))
        legal = measured.usable & ~stage.objects.grey & (stage.clear | elsewhere)
        near = measured.in_range(measured.eye_gaps)
        self.reasons["camera in an object's box, or farther away than is asked about"] += int((legal & ~near).sum())
        legal &= near
        self._frame, self._instance = np.nonzero(legal)
        state = states[legal]
        assert stage.cut_off is not None
        stratum = np.where(state == CLEAR, 0, np.where(state == PARTIAL, 1, 2 + stage.cut_off[legal]))
        groups = [
            (_STRATUM, stratum),
            (_BIN, _bins(measured.eye_gaps[legal])),
            (_NAME, self._name[self._instance]),
            (_THING, self._instance),
            (_FRAME, self._frame),
        ]
        return FairChoice(groups, self.rng)

    def _item(self, row: int) -> Item | None:
        stage = self.stage
        frame, instance = int(self._frame[row]), int(self._instance[row])
        measured = self._measured.from_eye(frame, instance)
        if not isinstance(measured, Measured):
            self.reasons[measured] += 1
            return None
        best = frame
        if not stage.clear[frame, instance]:
            best = int(self.rng.choice(np.flatnonzero(self.views.compatible[frame] & stage.clear[:, instance])))
        prefer = 1.0 + stage.objects.shown[:, instance]
        return self.in_frames(row, (instance,), frame, [frame, best], (best,), prefer)

    def _value(self, item: Item) -> tuple[float, dict[str, Any], list[float]]:
        assert item.query is not None
        (instance,) = item.instances
        value, evidence, conditions = self._distance(self._measured.from_eye(item.query, instance))
        if not self.stage.clear[item.query, instance]:
            evidence["distances"]["hidden_by"] = self.stage.hidden_by(item.query, instance)
        return value, evidence, conditions


class ObjectDistances(_Measures):
    """How far two objects are apart that are best not shown together."""

    roles = ("reference", "target")

    def _find_candidates(self) -> FairChoice:
        stage, measured = self.stage, self._measured
        clear = stage.clear.astype(np.int64)
        joined = clear.T @ self.views.compatible.astype(np.int64) @ clear > 0
        legal = np.triu(measured.usable & measured.usable[:, None] & joined, 1)
        near = measured.in_range(measured.gaps)
        self.reasons["boxes touch, or are farther apart than is asked about"] += int((legal & ~near).sum())
        first, second = np.nonzero(legal & near)
        pair = np.repeat(np.arange(len(first)), _SETS_OF_PAIR)
        first, second = first[pair], second[pair]
        swapped = self.rng.random(len(first)) < 0.5
        self._pairs = np.where(swapped, [second, first], [first, second])
        groups = [
            (_PAIR, pair),
            (_BIN, _bins(measured.gaps[first, second])),
            (_NAME, self._name[self._pairs]),
            (_THING, self._pairs),
        ]
        return FairChoice(groups, self.rng)

    def _item(self, row: int) -> Item | None:
        stage = self.stage
        first, second = self._pairs[:, row].tolist()
        measured = self._measured.between(first, second)
        if not isinstance(measured, Measured):
            self.reasons[measured] += 1
            return None
        one, other = np.nonzero(self.views.compatible & stage.clear[:, [first]] & stage.clear[:, second])
        # Best are two frames of which each hides what the other shows.
        apart = stage.hidden[one, second].astype(np.int64) + stage.hidden[other, first]
        best = int(self.rng.choice(np.flatnonzero(apart == apart.max())))
        core = (int(one[best]), int(other[best]))
        both = stage.objects.shown[:, first] & stage.objects.shown[:, second]
        return self.in_frames(row, (first, second), None, core, core, ~both)

    def _value(self, item: Item) -> tuple[float, dict[str, Any], list[float]]:
        value, evidence, conditions = self._distance(self._measured.between(*item.instances))
        shown = self.stage.objects.shown[np.ix_(item.frames, item.instances)]
        evidence["distances"]["frames_with_both"] = int(shown.all(axis=1).sum())
        return value, evidence, conditions


class Sizes(_Measures):
    """How long the longest edge of an object is that frames show well enough together."""

    def _find_candidates(self) -> FairChoice:
        stage, measured = self.stage, self._measured
        parameters, boxes = measured.parameters, measured.boxes
        largest = np.nan_to_num(boxes.size).max(axis=1)
        large = largest >= parameters.least_size
        self.reasons["smaller than is asked about"] += int(np.count_nonzero(measured.usable & ~large))
        level = np.nan_to_num(boxes.size).argmax(axis=1) < 2
        turned = level & (np.nan_to_num(boxes.rival) > parameters.most_rival)
        self.reasons["the longest edge depends on how the box is turned"] += int(
            np.count_nonzero(measured.usable & large & turned)
        )
        wanted = measured.usable & large & ~turned
        self._seen = SeenSurfaces(stage.geometry, np.flatnonzero(wanted).tolist())
        self._frame, self._instance = np.nonzero(stage.clear & wanted)
        groups = [
            (_BIN, _bins(largest[self._instance])),
            (_NAME, self._name[self._instance]),
            (_THING, self._instance),
            (_FRAME, self._frame),
        ]
        return FairChoice(groups, self.rng)

    def _item(self, row: int) -> Item | None:
        frame, instance = int(self._frame[row]), int(self._instance[row])
        core = self._showing(frame, instance)
        if core is None:
            self.reasons["frames with little overlap show too little of the object"] += 1
            return None
        pixels = np.where(self.stage.clear[core, instance], self.stage.objects.visible_px[core, instance], -1)
        return self.in_frames(row, (instance,), None, core, (core[int(pixels.argmax())],))

    def _showing(self, frame: int, instance: int) -> list[int] | None:
        """Frames, this one and no more than needed, that show enough of an object; None where there are none."""
        parameters, seen = self._measured.parameters, self._seen
        shown = self.stage.objects.shown[:, instance]
        core = [frame]
        while not self._is_enough(core, instance):
            allowed = self.views.compatible[core].all(axis=0) & shown
            gains = np.where(allowed, seen.gains(core, instance), 0.0)
            if len(core) == parameters.largest_set or gains.max(initial=0.0) < _LEAST_GAIN:
                return None
            chances = gains**_FIRMLY
            core.append(int(self.rng.choice(len(chances), p=chances / chances.sum())))
        return core

    def _is_enough(self, core: Sequence[int], instance: int) -> bool:
        parameters, seen = self._measured.parameters, self._seen
        return (
            len(core) >= parameters.least_views
            and seen.share(core, instance) >= parameters.least_seen
            and seen.covered(core, instance) >= parameters.least_covered
        )

    def _value(self, item: Item) -> tuple[float, dict[str, Any], list[float]]:
        measured, seen, (instance,) = self._measured, self._seen, item.instances
        parameters, boxes, axis = measured.parameters, measured.boxes, int(seen.longest[instance])
        value = float(boxes.size[instance, axis])
        share, covered = seen.share(item.frames, instance), seen.covered(item.frames, instance)
        views = int(self.stage.objects.shown[list(item.frames), instance].sum())
        stray = float(measured.stray[instance].max())
        conditions = [value / parameters.least_size, share / parameters.least_seen]
        if parameters.least_covered > 0:
            conditions.append(covered / parameters.least_covered)
        if stray > 0:
            conditions.append(parameters.most_stray / stray)
        evidence = {
            "size": {
                "edge": ("length", "width", "height")[axis],
                "axis": boxes.axes[instance, axis].round(9).tolist(),
                "raw_extent": float(boxes.raw_size[instance, axis]),
                "seen_share": share,
                "covered_share": covered,
                "views": views,
            },
            "thresholds": {
                "least_size_m": parameters.least_size,
                "least_seen": parameters.least_seen,
                "least_covered": parameters.least_covered,
                "least_views": parameters.least_views,
                "most_stray": parameters.most_stray,
                "most_rival": parameters.most_rival,
            },
        }
        return value, evidence, conditions


def _bins(lengths: npt.NDArray[np.float64]) -> IndexArray:
    """Numbers from 0 of the bins that lengths in metres fall in, equally wide in their logarithm."""
    bins = np.floor(_BINS_PER_DOUBLING * np.log2(lengths)).astype(np.int64)
    return np.asarray(bins - bins.min(initial=0))
