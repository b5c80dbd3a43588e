"""SPAR-Bench's metrics, written anew from their description: 20 tasks, three levels, two ways of scoring.

``STRICT`` is how the metrics were meant: a choice is one letter, a number is one number, a change of view is divided
by the truth. ``OFFICIAL`` does what the released scorer does, slips included: any substring of the letter counts, an
empty answer too, numbers are looked for in the text, a change of view is divided by the prediction, and the medium
level is the mean of two tasks. Both read a change of view as pairs ``key:value`` between commas: a key that is not
known (``" move_up"`` with a space before it) is no key, so that its axis is 0, and what is no number voids the answer.

Nothing here is shared with the package. The distance of camera motions that the released scorer holds but never calls
is not scored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from statistics import fmean
from typing import Any, Final, Literal

__all__ = ["LEVELS", "OFFICIAL", "STRICT", "TASKS", "Item", "Metrics", "Scores", "gold_of", "item_of"]

LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "low": (
        "depth_prediction_oc",
        "depth_prediction_oo",
        "distance_prediction_oc",
        "distance_prediction_oo",
        "depth_prediction_oc_mv",
        "depth_prediction_oo_mv",
        "distance_prediction_oc_mv",
        "distance_prediction_oo_mv",
    ),
    "medium": ("position_matching", "camera_motion_infer", "view_change_infer"),
    "high": (
        "distance_infer_center_oo",
        "distance_infer_center_oo_mv",
        "obj_spatial_relation_oo",
        "obj_spatial_relation_oc_mv",
        "obj_spatial_relation_oo_mv",
        "spatial_imagination_oc",
        "spatial_imagination_oo",
        "spatial_imagination_oc_mv",
        "spatial_imagination_oo_mv",
    ),
}
TASKS: Final = tuple(task for tasks in LEVELS.values() for task in tasks)

Kind = Literal["choice", "number", "view_change"]
Score = Callable[[str, str], float]

_THRESHOLDS: Final = tuple(Fraction(part, 100) for part in (50, 55, 60, 65, 70, 75, 80, 85, 90, 95))
_AXES: Final = (
    ("move_right", "move_left"),
    ("move_up", "move_down"),
    ("move_forward", "move_backward"),
    ("rotate_right", "rotate_left"),
    ("rotate_up", "rotate_down"),
)
"""Keys of a change of view: of the positive and of the negative direction."""


def kind_of(task: str) -> Kind:
    """How the benchmark asks a task: for a letter, a number or five axes."""
    if task == "view_change_infer":
        return "view_change"
    return "number" if task in LEVELS["low"] else "choice"


@dataclass(frozen=True, slots=True)
class Item:
    """A question of the benchmark: its fields that scoring looks at.

    Attributes:
        task: its canonical name.
        img_type: ``single_view`` or ``multi_view``.
        format_type: ``select`` or ``fill``.
        answer: the gold answer.
    """

    task: str
    img_type: Literal["single_view", "multi_view"]
    format_type: Literal["select", "fill"]
    answer: str


def item_of(row: Mapping[str, Any]) -> Item | None:
    """A row as the benchmark would hold it; None where it asks the task in another form, or not at all.

    The gold answer is written here from the row's values, not taken from its text.
    """
    task = row["task"]
    if task not in TASKS:
        return None
    form: Literal["select", "fill"] = "select" if kind_of(task) == "choice" else "fill"
    if row["form"] != form:
        return None
    return Item(task, "single_view" if len(row["images"]) == 1 else "multi_view", form, gold_of(row))


def gold_of(row: Mapping[str, Any]) -> str:
    """The benchmark's answer to a row: the letter, metres with one decimal, or five axes."""
    match kind_of(row["task"]):
        case "choice":
            return "ABCD"[row["answer_index"]]
        case "number":
            return _rounded(row["value"][0], "0.1")
    right, up, forward, left_turn, tilt = row["value"]
    in_degrees = Fraction(180) / Fraction(3.141592653589793)
    signed = (
        *(_rounded(metres, "0.1") for metres in (right, up, forward)),
        _rounded(-left_turn * float(in_degrees), "1"),
        _rounded(tilt * float(in_degrees), "1"),
    )
    pairs = [
        f"{negative if Decimal(number) < 0 else positive}:{number.lstrip('-')}"
        for (positive, negative), number in zip(_AXES, signed, strict=True)
    ]
    return ",".join([*pairs[:3], pairs[4], pairs[3]])  # the tilt stands before the turn


def _rounded(number: float, step: str) -> str:
    """A number to a step, halves away from zero."""
    return str(Decimal(number).quantize(Decimal(step), rounding=ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Scores:
    """What a set of answers scores, of 100.

    Attributes:
        tasks: the mean over its rows, of each task that has rows.
        levels: the unweighted mean over its tasks, of each level.
        overall: the unweighted mean over all tasks.
    """

    tasks: Mapping[str, float]
    levels: Mapping[str, float]
    overall: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """One way of scoring: (prediction, gold) to 0–1 for each kind of question, and what the medium level counts."""

    choice: Score
    first_number: Score
    last_number: Score
    view_change: Score
    medium: tuple[str, ...]

    def score(self, item: Item, prediction: str) -> float:
        """What an answer to a question scores, 0–1."""
        match kind_of(item.task):
            case "choice":
                return self.choice(prediction, item.answer)
            case "number":
                metric = self.first_number if item.img_type == "single_view" else self.last_number
                return metric(prediction, item.answer)
        return self.view_change(prediction, item.answer)

    def scores(self, answers: Iterable[tuple[Item, str]]) -> Scores:
        """All scores of (question, answer) pairs.

        Raises:
            ValueError: when one of the 20 tasks has no question.
        """
        found: dict[str, list[float]] = {task: [] for task in TASKS}
        for item, prediction in answers:
            found[item.task].append(self.score(item, prediction))
        if missing := [task for task, scores in found.items() if not scores]:
            raise ValueError(f"no question of {', '.join(missing)}")
        tasks = {task: 100 * fmean(scores) for task, scores in found.items()}
        levels = {level: fmean(tasks[task] for task in some) for level, some in LEVELS.items()}
        levels["medium"] = fmean(tasks[task] for task in self.medium)
        return Scores(tasks, levels, fmean(tasks.values()))


def _relative_accuracy(prediction: Fraction, gold: Fraction, divisor: Fraction) -> float:
    """Share of the ten thresholds that the relative error keeps; the absolute error where the divisor is 0."""
    error = abs(prediction - gold) / (abs(divisor) or 1)
    return sum(error <= 1 - threshold for threshold in _THRESHOLDS) / len(_THRESHOLDS)


def _strict_choice(prediction: str, gold: str) -> float:
    return float(prediction.strip().casefold() == gold.casefold())


def _strict_number(prediction: str, gold: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", prediction.strip()):
        return 0.0
    truth = Fraction(gold)
    if not truth:
        raise ValueError("a gold answer of 0 cannot be scored by its relative error")
    return _relative_accuracy(Fraction(prediction.strip()), truth, truth)


def _strict_view_change(prediction: str, gold: str) -> float:
    said = _signed_axes(prediction)
    if said is None:
        return 0.0
    true = _signed_axes(gold)
    if true is None:
        raise ValueError(f"the gold answer {gold!r} cannot be read")
    return fmean(_relative_accuracy(p, g, g) for p, g in zip(said, true, strict=True))


def _signed_axes(text: str) -> list[Fraction] | None:
    """Five signed numbers of a change of view, 0 where no key says otherwise; None where a pair cannot be read."""
    found: dict[str, Fraction] = {}
    for pair in text.strip().split(","):
        key, colon, number = pair.partition(":")
        try:
            found[key] = Fraction(number.strip()) if colon else Fraction("")
        except ValueError:
            return None
    zero = Fraction(0)
    return [found.get(positive, zero) - found.get(negative, zero) for positive, negative in _AXES]


def _official_choice(prediction: str, gold: str) -> float:
    said, true = prediction.lower(), gold.lower()
    return float(said == true or said in true or said[:1] == true)


def _official_number(place: int) -> Score:
    """Scores the first (0) or last (-1) number without a sign that stands in the prediction; -1 where there is none."""

    def score(prediction: str, gold: str) -> float:
        numbers = re.findall(r"\d+\.\d+|\d+", prediction)
        truth = Fraction(gold)
        return _relative_accuracy(Fraction(numbers[place]) if numbers else Fraction(-1), truth, truth)

    return score


def _official_view_change(prediction: str, gold: str) -> float:
    said, true = _signed_axes(prediction), _signed_axes(gold)
    if said is None or true is None:
        return 0.0
    return fmean(_relative_accuracy(p, g, p) for p, g in zip(said, true, strict=True))


STRICT: Final = Metrics(_strict_choice, _strict_number, _strict_number, _strict_view_change, LEVELS["medium"])
OFFICIAL: Final = Metrics(
    _official_choice,
    _official_number(0),
    _official_number(-1),
    _official_view_change,
    tuple(task for task in LEVELS["medium"] if task != "view_change_infer"),
)
