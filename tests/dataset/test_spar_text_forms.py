"""The texts of SPAR's rows have the benchmark's forms and say the rows' values (``support.spar_texts``)."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from support.spar_runs import LAYOUTS, Row, quick_run, table_run
from support.spar_texts import faults

from spatialgen.dataset.check import problems


@pytest.fixture(scope="session")
def rows(built_once: None, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Row]:
    return quick_run(tmp_path_factory.getbasetemp()).rows


def all_texts_hold(rows: Sequence[Row]) -> None:
    found: dict[str, list[str]] = {row["id"]: wrong for row in rows if (wrong := list(faults(row)))}
    assert not found
    found = {row["id"]: wrong for row in rows if (wrong := problems(row))}
    assert not found


def answers_are_balanced(rows: Sequence[Row]) -> None:
    """In each scene and task: half Yes; every letter as often as the others among questions of as many options."""
    counts: dict[tuple[str, str, str, int], Counter[int]] = defaultdict(Counter)
    for row in rows:
        if row["form"] in {"judge", "select"}:
            counts[row["scene_id"], row["task"], row["form"], len(row["options"])][row["answer_index"]] += 1
    assert counts
    uneven = {
        key: dict(some)
        for key, some in counts.items()
        if max(some.values()) - min(some[place] for place in range(key[3])) > 1
    }
    assert not uneven


def test_all_texts_hold(rows: Sequence[Row]) -> None:
    assert len(rows) > 300
    all_texts_hold(rows)


def test_answers_are_balanced(rows: Sequence[Row]) -> None:
    answers_are_balanced(rows)


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "preset"), [*((layout, "default") for layout in LAYOUTS), ("scannet", "spar")])
def test_all_texts_hold_in_every_layout(
    built_once: None, tmp_path_factory: pytest.TempPathFactory, layout: str, preset: str
) -> None:
    some = table_run(tmp_path_factory.getbasetemp(), layout, preset).rows
    assert len(some) > 1000
    all_texts_hold(some)
    answers_are_balanced(some)


def swapped(one: str, other: str) -> Callable[[str], str]:
    """A change of a text: these two words in each other's place."""
    return lambda text: re.sub(rf"\b({one}|{other})\b", lambda found: other if found[0] == one else one, text, count=1)


def rewritten(pattern: str, text: str) -> Callable[[str], str]:
    return lambda old: re.sub(pattern, text, old, count=1)


PLANTED: dict[str, tuple[str, str, str, Callable[[str], str]]] = {
    "two decimals": ("depth_prediction_oc", "fill", "answer_short", rewritten(r"$", "0")),
    "a unit": ("distance_prediction_oc", "fill", "answer_short", rewritten(r"$", " m")),
    "another number": ("distance_prediction_oo", "fill", "answer_short", rewritten(r".+", "9.9")),
    "another sentence": ("distance_prediction_oo", "sentence", "answer", rewritten(r"\d+\.\d", "9.9")),
    "a second number": ("distance_prediction_oc_mv", "sentence", "answer", rewritten(r"\.$", ", or 9.9 m.")),
    "wide before long": ("spatial_volume_infer", "fill", "answer_short", rewritten(r"(\d+), (\d+)", r"1, \2")),
    "a box turned over": (
        "position_matching",
        "fill",
        "answer_short",
        rewritten(r"\[(\d+),(\d+),(\d+)", r"[\3,\2,\1"),
    ),
    "a box with spaces": ("position_matching", "fill", "answer_short", rewritten(",", ", ")),
    "four axes": ("view_change_infer", "fill", "answer_short", rewritten(r",rotate_(left|right):\d+", "")),
    "a wrong sign": ("view_change_infer", "fill", "answer_short", swapped("move_forward", "move_backward")),
    "a turn told the wrong way": ("view_change_infer", "sentence", "answer", rewritten(r" by \d", " by 9")),
    "back": ("view_change_infer", "fill", "answer_short", rewritten("move_(back|for)ward", "move_back")),
    "no depth": ("camera_motion_infer", "fill", "answer_short", rewritten(r",[^,]+$", "")),
    "an object left out of the map": (
        "spatial_imagination_map_mv",
        "sentence",
        "answer_short",
        rewritten(r"\. Object\d+ :\([^)]*\)$", ""),
    ),
    "a relation turned round": ("obj_spatial_relation_oo_mv", "sentence", "answer_short", swapped("left", "right")),
    "a slot left out": ("obj_spatial_relation_oo_mv", "sentence", "answer_short", rewritten(r"^[^,]*, ", "")),
    "a contradiction": (
        "obj_spatial_relation_oo_mv",
        "sentence",
        "answer",
        rewritten(r"\.$", ", and yet in front."),
    ),
    "an option in words": ("depth_prediction_oc", "select", "question", rewritten(r"\nA\. .*", "\nA. two")),
    "no line for the letter": ("depth_prediction_oc", "select", "question", rewritten(r"\n[^\n]*$", "")),
    "a lower-case letter": ("distance_infer_center_oo_mv", "select", "answer_short", str.lower),
    "an object unmarked": ("distance_infer_center_oo_mv", "fill", "answer_short", rewritten(r" \(.*", "")),
    "the wrong judgement": ("obj_spatial_relation_oo", "judge", "answer_short", swapped("Yes", "No")),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_faults_are_found(rows: Sequence[Row], name: str) -> None:
    task, form, column, change = PLANTED[name]
    changed = 0
    for row in rows:
        if (row["task"], row["form"]) != (task, form) or (text := change(row[column])) == row[column]:
            continue
        wrong: dict[str, Any] = {**row, column: text}
        if row["answer"] == row["answer_short"]:
            wrong["answer"] = wrong["answer_short"]
        assert list(faults(wrong)), text
        changed += 1
    assert changed


def test_other_planted_faults_are_found(rows: Sequence[Row]) -> None:
    numbers = next(row for row in rows if row["task"] == "depth_prediction_oc" and row["form"] == "select")
    true = float(numbers["options"][numbers["answer_index"]])
    near = [f"{true + step / 10:.1f}" for step in range(4)]
    assert list(faults({**numbers, "options": near, "answer_index": 0}))
    assert list(faults({**numbers, "options": [near[0]] * 4}))
    told = next(row for row in rows if row["task"] == "distance_infer_center_oo" and row["form"] == "sentence")
    slots = json.loads(told["slots"])
    slots["distance"], slots["other_distance"] = slots["other_distance"], slots["distance"]
    assert list(faults({**told, "slots": json.dumps(slots)}))
    zero = next(row for row in rows if row["task"] == "distance_prediction_oo" and row["form"] == "fill")
    assert list(faults({**zero, "value": [0.01], "answer": "0.0", "answer_short": "0.0"}))
    assert list(faults({**zero, "form": "judge"}))
