"""What an audit counts while rows pass by, one at a time."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

__all__ = ["TaskTally", "letter_of", "summary"]

_QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Group = tuple[str, str, str]


def letter_of(index: int) -> str:
    """The letter of an option: A for the first."""
    return _LETTERS[index] if index < len(_LETTERS) else str(index)


@dataclass(slots=True)
class TaskTally:
    """Counts of one task's rows.

    Attributes:
        rows: by (split, variant, polarity).
        values: of each unit, by its place in ``value``.
        letters: per (dataset, scene, number of options) how often each option was the true one.
        polarities: per (dataset, scene) how often each way of asking occurred.
        templates: by the template's id.
        questions: digests of question texts; their number shows the variety of the wording.
    """

    rows: Counter[Group] = field(default_factory=Counter)
    values: dict[tuple[int, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    letters: dict[tuple[str, str, int], Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    polarities: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
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
        "letter_imbalance": _worst_letters(tally),
        "polarity_imbalance": _worst_polarity(tally),
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


def _worst_letters(tally: TaskTally) -> dict[str, Any] | None:
    """The scene (and number of options) whose most and least frequent true option differ most."""
    worst: dict[str, Any] | None = None
    for (dataset, scene, options), counts in sorted(tally.letters.items()):
        numbers = [counts[index] for index in range(options)]
        difference = max(numbers) - min(numbers)
        if worst is None or difference > worst["difference"]:
            by_letter = {letter_of(index): number for index, number in enumerate(numbers)}
            worst = {"difference": difference, "scene": f"{dataset}/{scene}", "options": options, "counts": by_letter}
    return worst


def _worst_polarity(tally: TaskTally) -> dict[str, Any] | None:
    """The scene whose ways of asking differ most in number."""
    known = sorted({polarity for counts in tally.polarities.values() for polarity in counts})
    worst: dict[str, Any] | None = None
    for (dataset, scene), counts in sorted(tally.polarities.items()):
        by_name = {name: counts[name] for name in known}
        difference = max(by_name.values()) - min(by_name.values())
        if worst is None or difference > worst["difference"]:
            worst = {"difference": difference, "scene": f"{dataset}/{scene}", "counts": by_name}
    return worst
