"""What an audit counts while rows pass by, one at a time."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ..dataset.options import letter_of

__all__ = ["TaskTally", "imbalances", "summary"]

_QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)

Group = tuple[str, str, str]


@dataclass(slots=True)
class TaskTally:
    """Counts of one task's rows.

    Attributes:
        rows: by (split, variant, polarity).
        values: of each unit, by its place in ``value``.
        letters: per (dataset, scene, number of options) how often each option was the true one.
        polarities: per (dataset, scene) how often each way of asking occurred.
        variants: per (dataset, scene) how often each way of pointing occurred.
        templates: by the template's id.
        questions: digests of question texts; their number shows the variety of the wording.
    """

    rows: Counter[Group] = field(default_factory=Counter)
    values: dict[tuple[int, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    letters: dict[tuple[str, str, int], Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    polarities: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    variants: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    answers: Counter[str] = field(default_factory=Counter)
    templates: Counter[str] = field(default_factory=Counter)
    questions: set[bytes] = field(default_factory=set)

    def add(self, row: Mapping[str, Any], polarity: str) -> None:
        """Counts a row; ``polarity`` is the way of asking (``closer``), empty where a task has one."""
        self.rows[row["split"], row["variant"], polarity] += 1
        for place, (value, unit) in enumerate(zip(row["value"], row["units"], strict=False)):
            self.values[place, unit].append(value)
        scene = (row["dataset"], row["scene_id"])
        if row["options"] and row["answer_index"] is not None:
            self.letters[*scene, len(row["options"])][row["answer_index"]] += 1
            self.answers[letter_of(row["answer_index"])] += 1
        self.variants[scene][row["variant"]] += 1
        if polarity:
            self.polarities[scene][polarity] += 1
        self.templates[row["template"]] += 1
        self.questions.add(hashlib.blake2b(row["question"].encode(), digest_size=8).digest())


def summary(tally: TaskTally) -> dict[str, Any]:
    """A task's counts as JSON-able data."""
    total = tally.rows.total()
    return {
        "rows": total,
        "groups": [
            {"split": split, "variant": variant, "polarity": polarity, "rows": count}
            for (split, variant, polarity), count in sorted(tally.rows.items())
        ],
        "values": [
            {"place": place, "unit": unit, **_quantiles(values)} for (place, unit), values in _numeric(tally).items()
        ],
        "answers": dict(sorted(tally.answers.items())),
        "letter_imbalance": _worst(_letters(tally)),
        "polarity_imbalance": _worst(_by_scene(tally.polarities)),
        "variant_imbalance": _worst(_by_scene(_dealt_variants(tally))),
        "templates": len(tally.templates),
        "most_used_template": max(tally.templates.values(), default=0) / total if total else 0.0,
        "distinct_questions": len(tally.questions),
    }


def _numeric(tally: TaskTally) -> dict[tuple[int, str], list[float]]:
    return {key: values for key, values in sorted(tally.values.items()) if values}


def _quantiles(values: list[float]) -> dict[str, Any]:
    finite = np.array([value for value in values if np.isfinite(value)])
    names = ("min", "p5", "p25", "median", "p75", "p95", "max")
    if not finite.size:
        return dict.fromkeys(names)
    numbers = np.quantile(finite, _QUANTILES)
    return {name: float(number) for name, number in zip(names, numbers, strict=True)}


def imbalances(tally: TaskTally) -> list[dict[str, Any]]:
    """Scenes in which letters, ways of asking or of pointing differ by more than one row; the worst first."""
    found = [
        {"what": what, **entry}
        for what, entries in (
            ("true options", _letters(tally)),
            ("ways of asking", _by_scene(tally.polarities)),
            ("variants", _by_scene(_dealt_variants(tally))),
        )
        for entry in entries
        if entry["difference"] > 1
    ]
    return sorted(found, key=lambda entry: -entry["difference"])


def _worst(entries: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The scene whose counts differ most; the first of several."""
    return max(entries, key=lambda entry: entry["difference"], default=None)


def _letters(tally: TaskTally) -> Iterator[dict[str, Any]]:
    """How often each option was the true one, by scene and number of options."""
    for (dataset, scene, options), counts in sorted(tally.letters.items()):
        numbers = {letter_of(index): counts[index] for index in range(options)}
        yield {**_difference(numbers), "scene": f"{dataset}/{scene}", "options": options, "counts": numbers}


def _dealt_variants(tally: TaskTally) -> Mapping[tuple[str, str], Counter[str]]:
    """Ways of pointing, of tasks that deal them evenly: dots and coordinates ask the same.

    Objects are named, boxed or dotted as each of them can be told, which nobody can make even.
    """
    known = {variant for counts in tally.variants.values() for variant in counts}
    return tally.variants if known <= {"dot", "coord"} else {}


def _by_scene(counted: Mapping[tuple[str, str], Counter[str]]) -> Iterator[dict[str, Any]]:
    """How often each kind of row that the task has occurred, by scene."""
    known = sorted({name for counts in counted.values() for name in counts})
    for (dataset, scene), counts in sorted(counted.items()):
        numbers = {name: counts[name] for name in known}
        yield {**_difference(numbers), "scene": f"{dataset}/{scene}", "counts": numbers}


def _difference(counts: Mapping[str, int]) -> dict[str, Any]:
    return {"difference": max(counts.values()) - min(counts.values())}
