"""From chosen items to facts about relations: options, truth tables, evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from ...core.types import Fact, Point, PointRef
from ..depth_points import DepthPoints
from ..hidden_pairs import HIDDEN_BY
from ..mosaic import difficulty, scenario
from ..object_relations import AXES, Axis, Truth, only_true, truth_of
from ..sampling import deal
from ._pair_choice import crossed_polarities
from ._relation_items import DISTRACTORS, Item, ItemFinder

__all__ = ["POLARITIES", "RelationFacts"]

POLARITIES: Final[Mapping[Axis, tuple[str, str]]] = MappingProxyType(
    {"lr": ("right", "left"), "ab": ("higher", "lower"), "fb": ("farther", "closer")}
)
"""Ways of asking for a positive relation, and for a negative one."""

_PHRASES: Final[Mapping[Axis, tuple[str, str]]] = MappingProxyType(
    {
        "lr": ("To the right of the ", "To the left of the "),
        "ab": ("Higher than the ", "Lower than the "),
        "fb": ("Farther from the camera than the ", "Closer to the camera than the "),
    }
)


class RelationFacts:
    """Words one task's items as facts.

    Args:
        task: its name.
        finder: of the items.
        rng: decides the order of options.
        turn: who gets the odd one.
    """

    def __init__(self, task: str, finder: ItemFinder, rng: np.random.Generator, turn: int) -> None:
        self._task = task
        self._finder = finder
        self._stage = finder.stage
        self._rng = rng
        self._turn = turn

    def of(self, items: Sequence[Item]) -> Iterator[Fact]:
        """The facts about some items: letters, yes and no, and ways of asking dealt evenly."""
        return self._existence(items) if self._finder.kind == "existence" else self._choices(items)

    def _existence(self, items: Sequence[Item]) -> Iterator[Fact]:
        """Yes or no, evenly, and crossed with what is asked for."""
        names, pairs = self._stage.names, self._finder.pairs
        kinds = [f"{names[pairs.target[item.pair]]}/{names[pairs.reference[item.pair]]}" for item in items]
        signs = [int(self._finder.sign[item.pair]) for item in items]
        for item, sign, claimed in zip(items, signs, crossed_polarities(signs, kinds, self._turn), strict=True):
            holds = truth_of(sign, claimed)
            assert holds is not None
            yield self._fact(
                item,
                polarity=_word(self._finder.axis, claimed),
                value=(float(holds),),
                options=("Yes", "No"),
                table=[holds, not holds],
            )

    def _choices(self, items: Sequence[Item]) -> Iterator[Fact]:
        """One of four, its letter dealt evenly."""
        letters = deal(len(items), (DISTRACTORS + 1,), self._stage.scene.id, self._task)[:, 0].tolist()
        for item, letter in zip(items, letters, strict=True):
            options = self._attributes(item) if self._finder.kind == "attribute" else self._phrases(item)
            order = [int(place) + 1 for place in self._rng.permutation(DISTRACTORS)]
            order.insert(letter, 0)
            sign = int(self._finder.sign[item.pair])
            yield self._fact(
                item,
                polarity=_word(self._finder.axis, sign) if self._finder.kind == "attribute" else "",
                value=(float(letter),),
                options=tuple(options[place][0] for place in order),
                table=[options[place][1] for place in order],
            )

    def _attributes(self, item: Item) -> list[tuple[Any, Truth]]:
        """Names of the target and the distractors, and whether the target's relation holds of each."""
        frame, target, reference = self._finder.of(item)
        signs = self._stage.hidden.signs[frame][AXES.index(self._finder.axis), :, reference]
        claimed = int(self._finder.sign[item.pair])
        return [(self._stage.names[one], truth_of(int(signs[one]), claimed)) for one in (target, *item.distractors)]

    def _phrases(self, item: Item) -> list[tuple[Any, Truth]]:
        """The true phrase on the task's axis, and the false ones on all axes."""
        _, _, reference = self._finder.of(item)
        signs = dict(zip(AXES, self._finder.pairs.signs[item.pair].tolist(), strict=True))
        axis = self._finder.axis
        mark = {"name": (), "dot": (" marked ", PointRef(0)), "coord": (" at ", PointRef(0))}[item.variant]
        return [
            (
                (_PHRASES[along][claimed < 0] + self._stage.names[reference], *mark),
                truth_of(signs[along], claimed),
            )
            for along, claimed in ((axis, signs[axis]), *((other, -sign) for other, sign in signs.items()))
        ]

    def _fact(
        self, item: Item, *, polarity: str, value: tuple[float, ...], options: tuple[Any, ...], table: list[Truth]
    ) -> Fact:
        """The fact about one item.

        Raises:
            AssertionError: when not exactly one option is true and all others false, which we believe impossible.
        """
        answer = only_true(table)
        assert answer is not None, f"{self._task}: truth table {table}"
        stage, finder = self._stage, self._finder
        frame, target, reference = finder.of(item)
        query = item.frames.index(frame)
        slots: dict[str, Any] = {"reference": stage.names[reference], "frame": query}
        if finder.kind != "attribute":
            slots["target"] = stage.names[target]
        points: list[Point] = []
        marks: list[DepthPoints] = []
        if item.variant != "name":
            for (instance, where), role in zip(finder.marked(item), ("reference", "target"), strict=False):
                mark = stage.marks.at(instance, where)
                assert mark is not None
                slots["ab"[len(points)]] = PointRef(len(points))
                point = mark.point(0, stage.scene.instances, label="AB"[len(points)], role=role)
                points.append(replace(point, image=item.frames.index(where)))
                marks.append(mark)
            if finder.kind != "attribute":
                slots["b_frame"] = item.frames.index(item.best)
        lost = float(stage.geometry.object_states.total[frame, target])
        evidence, margin = self._evidence(item, query)
        evidence["truth_table"] = table
        if polarity:
            evidence["ask"] = polarity
        if marks:
            evidence["points"] = [mark.evidence(0) for mark in marks]
        return Fact(
            task=self._task,
            frames=item.frames,
            variant=item.variant,
            form="judge" if finder.kind == "existence" else "choice",
            polarity=polarity,
            value=value,
            points=tuple(points),
            objects=(
                *stage.objects.mentions([reference], "reference"),
                *stage.objects.mentions([target], "target"),
                *stage.objects.mentions(item.distractors, "distractor"),
            ),
            options=options,
            answer_index=answer,
            slots=slots,
            evidence=evidence,
            margin=margin,
            overlap=finder.views.max_overlap(item.frames),
            occlusion=lost,
            difficulty=difficulty(finder.views.mean_overlap(item.frames), lost),
        )

    def _evidence(self, item: Item, query: int) -> tuple[dict[str, Any], float]:
        """What an outside check needs, and how far above its thresholds the closest condition is."""
        stage, finder = self._stage, self._finder
        objects, parameters, views = stage.objects, stage.parameters, finder.views
        frame, target, reference = finder.of(item)
        relations, axis = stage.hidden.relations[frame], finder.axis
        axes = AXES if finder.kind == "spatial" else (axis,)
        claims = [(target, along) for along in axes] + [(one, axis) for one in item.distractors]
        conditions = [float(relations.between(one, reference, along)[1]) for one, along in claims]
        overlap = views.max_overlap(item.frames)
        if overlap > 0:
            conditions.append(parameters.most_overlap / overlap)
        kind = objects.of_kind(objects.labels[target])
        shown = objects.shown[list(item.frames)]
        ids = [instance.id for instance in stage.scene.instances]
        evidence = {
            "query_image": query,
            "objects": objects.evidence(item.frames, [reference, target, *item.distractors]),
            "view_sets": views.evidence(item.frames),
            "relations": {
                "axis": axis,
                "reference": ids[reference],
                "target": ids[target],
                "signs": dict(zip(AXES, finder.pairs.signs[item.pair].tolist(), strict=True)),
                "intervals": [
                    {"id": ids[one], "axis": along, "of_both": relations.evidence(one, reference, along)}
                    for one, along in claims
                ],
                "hidden_by": HIDDEN_BY[int(finder.pairs.hidden_by[item.pair])],
            },
            "scenario": scenario(
                shown[:, [reference, target]], kind[shown[:, kind].any(axis=0)].tolist(), kind.tolist()
            ),
            "instances_in_scene": [ids[one] for one in kind.tolist()],
            "thresholds": {
                "hidden": parameters.hidden,
                "relation_tail": parameters.relation_tail,
                "relation_gap_m": parameters.relation_gap,
                "relation_gap_share": parameters.relation_gap_share,
                "most_beyond_deg": parameters.most_beyond,
                "most_overlap": parameters.most_overlap,
            },
        }
        return evidence, min(conditions)


def _word(axis: Axis, sign: int) -> str:
    """How a relation of this sign is asked for."""
    return POLARITIES[axis][sign < 0]
