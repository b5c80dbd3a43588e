"""What is made answers SPAR-Bench as SPAR-Bench scores: gold gives 100 on all 20 tasks, and nothing else does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import pytest
from support.spar_metrics import LEVELS, OFFICIAL, STRICT, TASKS, Item, Metrics, gold_of, item_of, kind_of
from support.spar_runs import LAYOUTS, quick_run, table_run

Asked = list[tuple[Item, Mapping[str, Any]]]
BOTH = pytest.mark.parametrize("metrics", [STRICT, OFFICIAL], ids=["strict", "official"])


def asked_in(rows: Sequence[Mapping[str, Any]]) -> Asked:
    """The rows that the benchmark would ask, each as it would."""
    return [(item, row) for row in rows if (item := item_of(row)) is not None]


@pytest.fixture(scope="session")
def asked(built_once: None, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return asked_in(quick_run(tmp_path_factory.getbasetemp()).rows)


def everything_is_100(metrics: Metrics, asked: Asked) -> None:
    scores = metrics.scores((item, row["answer"]) for item, row in asked)
    assert scores.tasks == dict.fromkeys(TASKS, 100.0)
    assert scores.levels == dict.fromkeys(LEVELS, 100.0)
    assert scores.overall == 100.0


@BOTH
def test_gold_scores_100_on_all_20_tasks(asked: Asked, metrics: Metrics) -> None:
    everything_is_100(metrics, asked)


def test_rows_have_the_benchmarks_form(asked: Asked) -> None:
    """One image in the single-view tasks, three or two in the others; letters up to D, of distances up to C."""
    for item, row in asked:
        images = len(row["images"])
        assert images == (3 if item.task.endswith("_mv") else 2 if item.task in LEVELS["medium"] else 1)
        assert row["answer"] == row["answer_short"] == item.answer
        if kind_of(item.task) != "choice":
            assert row["options"] is None
            continue
        is_comparison = item.task.startswith("distance_infer_center")
        assert len(row["options"]) in ({2, 3} if is_comparison else {4})
        lines = row["question"].split("\n")
        written = [f"{letter}. {option}" for letter, option in zip("ABCD", row["options"], strict=False)]
        assert lines[1:-1] == written
        assert lines[-1]


def blind(asked: Asked) -> list[tuple[Item, str]]:
    """Answers that look at nothing: always A, and the median of what is true in the task."""
    golds = defaultdict(list)
    for item, row in asked:
        golds[item.task].append(row)

    def guess(task: str) -> str:
        match kind_of(task):
            case "choice":
                return "A"
            case "number":
                return str(median(float(gold_of(row)) for row in golds[task]))
        middle = [median(values) for values in zip(*(row["value"] for row in golds[task]), strict=True)]
        return gold_of({"task": task, "value": middle})

    guesses = {task: guess(task) for task in golds}
    return [(item, guesses[item.task]) for item, _ in asked]


def is_chance(metrics: Metrics, asked: Asked, most_of_a_number: float, most_overall: float) -> None:
    scores = metrics.scores(blind(asked))
    # A median suits numbers well, best in one small room; a letter does not, one in four, or of two or three distances.
    most = {"number": most_of_a_number, "view_change": 50, "choice": 67}
    assert {task: score for task, score in scores.tasks.items() if score >= most[kind_of(task)]} == {}
    assert scores.levels["high"] < 40
    assert scores.overall < most_overall


@BOTH
def test_a_blind_guess_stays_near_chance(asked: Asked, metrics: Metrics) -> None:
    is_chance(metrics, asked, 90, 50)


def changed(asked: Asked, change: Callable[[Item], str]) -> Mapping[str, float]:
    return STRICT.scores((item, change(item)) for item, _ in asked).tasks


def test_half_a_metre_off_loses(asked: Asked) -> None:
    def further(item: Item) -> str:
        return str(float(item.answer) + 0.5) if kind_of(item.task) == "number" else item.answer

    scores = changed(asked, further)
    assert all(scores[task] < 90 for task in LEVELS["low"])
    assert all(scores[task] == 100 for task in TASKS if task not in LEVELS["low"])


def test_the_wrong_letter_scores_nothing(asked: Asked) -> None:
    def next_letter(item: Item) -> str:
        return chr(ord(item.answer) + 1) if kind_of(item.task) == "choice" else item.answer

    scores = changed(asked, next_letter)
    assert all(score == (0 if kind_of(task) == "choice" else 100) for task, score in scores.items())


@pytest.mark.parametrize(
    ("one", "other"), [("rotate_left", "rotate_right"), ("move_left", "move_right"), ("move_forward", "move_backward")]
)
def test_a_wrong_sign_in_view_change_loses(asked: Asked, one: str, other: str) -> None:
    def mirrored(item: Item) -> str:
        return item.answer.replace(one, "*").replace(other, one).replace("*", other)

    for metrics in (STRICT, OFFICIAL):
        scores = metrics.scores((item, mirrored(item)) for item, _ in asked)
        assert scores.tasks["view_change_infer"] < 87
        assert scores.tasks["depth_prediction_oc"] == 100


def test_an_empty_answer_scores_nothing_but_where_the_official_scorer_slips(asked: Asked) -> None:
    strict, official = (metrics.scores((item, "") for item, _ in asked) for metrics in (STRICT, OFFICIAL))
    assert strict.overall == 0
    assert {task for task, score in official.tasks.items() if score} == {t for t in TASKS if kind_of(t) == "choice"}


MOTION = "move_right:0.4,move_up:0.0,move_backward:2.0,rotate_up:5,rotate_right:60"


@pytest.mark.parametrize(
    ("task", "gold", "said", "strict", "official"),
    [
        ("depth_prediction_oc", "2.0", "2.2", 0.9, 0.9),  # a tenth off keeps nine thresholds of ten
        ("depth_prediction_oc", "2.0", "2.8", 0.3, 0.3),
        ("depth_prediction_oc", "2.0", "1.0", 0.1, 0.1),
        ("depth_prediction_oc", "2.0", "3.1", 0.0, 0.0),
        ("depth_prediction_oc", "2.0", "2.0 or 5.0", 0.0, 1.0),
        ("depth_prediction_oc_mv", "2.0", "2.0 or 5.0", 0.0, 0.0),
        ("depth_prediction_oc_mv", "2.0", "about 2.0 m", 0.0, 1.0),
        ("position_matching", "A", " a", 1.0, 0.0),
        ("position_matching", "A", "Apple", 0.0, 1.0),
        ("position_matching", "B", "A", 0.0, 0.0),
        ("view_change_infer", MOTION, MOTION, 1.0, 1.0),
        ("view_change_infer", MOTION, f"{MOTION} degrees", 0.0, 0.0),  # text after the last number voids it
        ("view_change_infer", MOTION, MOTION.replace("backward:2.0", "backward:1.0"), 0.82, 0.8),
        ("view_change_infer", MOTION, MOTION.replace("backward", "forward"), 0.8, 0.8),
        ("view_change_infer", MOTION, MOTION.replace(",rotate_right", ", rotate_right"), 0.8, 0.8),
        ("view_change_infer", MOTION, MOTION.replace("up:0.0", "up:0.1"), 0.98, 0.8),  # the divisor is 0, or 0.1
    ],
)
def test_scores_known_by_hand(task: str, gold: str, said: str, strict: float, official: float) -> None:
    item = Item(
        task,
        "multi_view" if task.endswith("_mv") else "single_view",
        "select" if kind_of(task) == "choice" else "fill",
        gold,
    )
    assert STRICT.score(item, said) == pytest.approx(strict)
    assert OFFICIAL.score(item, said) == pytest.approx(official)


def test_the_medium_level_counts_three_tasks_and_officially_two(asked: Asked) -> None:
    answers = [(item, "" if kind_of(item.task) == "view_change" else item.answer) for item, _ in asked]
    strict, official = STRICT.scores(answers), OFFICIAL.scores(answers)
    assert strict.levels == pytest.approx({"low": 100, "medium": 200 / 3, "high": 100})
    assert official.levels == pytest.approx({"low": 100, "medium": 100, "high": 100})
    assert strict.overall == official.overall == pytest.approx(95)


def test_a_missing_task_is_no_score(asked: Asked) -> None:
    some = [(item, item.answer) for item, _ in asked if item.task != "position_matching"]
    with pytest.raises(ValueError, match="no question of position_matching"):
        STRICT.scores(some)


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "preset"), [*((layout, "default") for layout in LAYOUTS), ("scannet", "spar")])
def test_gold_scores_100_on_more_scenes(
    built_once: None, tmp_path_factory: pytest.TempPathFactory, layout: str, preset: str
) -> None:
    asked = asked_in(table_run(tmp_path_factory.getbasetemp(), layout, preset).rows)
    assert len(asked) > 400
    everything_is_100(STRICT, asked)
    everything_is_100(OFFICIAL, asked)
    is_chance(STRICT, asked, 85, 45)
