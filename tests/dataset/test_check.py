from __future__ import annotations

import json

import pytest

from spatialgen.dataset import check
from spatialgen.dataset.options import option_lines


def _with(row, column, index, **changes):
    entries = [dict(entry) for entry in row[column]]
    entries[index].update(changes)
    return {column: entries}


@pytest.mark.parametrize("variant", ["dot", "coord"])
@pytest.mark.parametrize("embed", [False, True])
def test_a_good_row_has_no_problem(helpers, scans, variant, embed):
    for number in range(4):
        assert check.problems(helpers.make_row(number, variant=variant, root=scans if embed else None)) == []


BOX = {"image": 0, "x1": 5.0, "y1": 5.0, "x2": 4.0, "y2": 9.0, "label": "", "color": None}
BOX |= {"instance_id": "1", "role": "target", "amodal": False}

BROKEN = {
    "null task": (lambda r: {"task": None}, "task is null"),
    "wrong type": (lambda r: {"seed": 0}, "seed is no string"),
    "nan": (lambda r: {"margin": float("nan")}, "margin is nan"),
    "id": (lambda r: {"id": "row 1"}, "no hexadecimal"),
    "variant": (lambda r: {"variant": "circle"}, "variant"),
    "placeholders": (lambda r: _with(r, "messages", 0, content=r["question"]), "0 <image> for 1"),
    "roles": (lambda r: _with(r, "messages", 1, role="gpt"), "one of assistant"),
    "answer text": (lambda r: _with(r, "messages", 1, content="C"), "is not the answer"),
    "outside": (lambda r: _with(r, "points", 0, x=159.6), "outside its image"),
    "other image": (lambda r: _with(r, "points", 0, image=1), "in image 1"),
    "colour": (lambda r: _with(r, "points", 0, color="red"), "not #rrggbb"),
    "same colour": (lambda r: _with(r, "points", 0, color="#1f4fff"), "shares a colour"),
    "undrawn": (lambda r: {"points": [{**p, "color": None} for p in r["points"]]}, "without a drawn mark"),
    "units": (lambda r: {"units": ["m"]}, "2 values but 1 units"),
    "unit": (lambda r: {"units": ["mm", "mm"]}, "unit 'mm'"),
    "index": (lambda r: {"answer_index": 2}, "answer_index 2 of 2"),
    "index null": (lambda r: {"answer_index": None}, "answer_index None of 2"),
    "short": (lambda r: {"answer_short": "C", "answer": "C"}, "neither the true option"),
    "same options": (lambda r: {"options": ["A", "A"]}, "two options are the same"),
    "wrong option": (lambda r: {"value": r["value"][::-1]}, "is not the closer one"),
    "margin": (lambda r: {"margin": 0.9}, "below 1"),
    "fraction": (lambda r: {"overlap": 12.0}, "no fraction"),
    "json": (lambda r: {"evidence": "{"}, "evidence is no JSON"),
    "json nan": (lambda r: {"evidence": '{"a": NaN}'}, "NaN is not allowed"),
    "drawn": (lambda r: {"marks_drawn": True}, "marks_drawn without pixels"),
    "sizes": (lambda r: {"image_sizes": []}, "0 image_sizes"),
    "path": (lambda r: {"images": [{"bytes": None, "path": "/data/a.jpg"}]}, "not relative"),
    "png": (lambda r: {"images": [{"bytes": b"\x89PNG", "path": "a.png"}]}, "no JPEG"),
    "slot": (lambda r: {"question": "Is {a} closer?"}, "unfilled slot"),
    "object": (lambda r: {"objects": [{"instance_id": "1", "label": "chair", "role": "hero"}]}, "role 'hero'"),
    "ask": (lambda r: {"evidence": json.dumps({})}, "evidence.ask"),
    "box": (
        lambda r: {"boxes": [BOX]},
        "inside out",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_every_rule_can_fail(helpers, name):
    change, expected = BROKEN[name]
    row = helpers.make_row()
    found = check.problems({**row, **change(row)})
    assert any(expected in problem for problem in found), found


def test_a_letter_answers_only_options_that_the_question_lists(helpers):
    row = helpers.make_row(variant="coord")
    lines = option_lines(row["options"])
    letter = "AB"[row["answer_index"]]
    user = {"role": "user", "content": row["messages"][0]["content"] + lines}
    lettered = {
        **row,
        "question": row["question"] + lines,
        "answer": letter,
        "answer_short": letter,
        "messages": [user, {"role": "assistant", "content": letter}],
    }
    assert check.problems(lettered) == []
    for options in (row["options"][::-1], [*row["options"], "7"]):
        shown = {**lettered, "question": row["question"] + option_lines(options)}
        shown["messages"] = [{"role": "user", "content": "<image>" + shown["question"]}, lettered["messages"][1]]
        assert check.problems(shown) == [
            f"the answer is the letter {letter}, but the question does not end with the options' lines"
        ]
    wrong = "BA"[row["answer_index"]]
    told = {**lettered, "answer": wrong, "answer_short": wrong}
    told["messages"] = [user, {"role": "assistant", "content": wrong}]
    assert any("is neither the true option" in problem for problem in check.problems(told))


def test_missing_and_unknown_columns(helpers):
    row = helpers.make_row()
    del row["value"]
    assert "column value is missing" in check.problems({**row, "length": 3})
