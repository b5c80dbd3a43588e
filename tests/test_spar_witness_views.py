"""The witness of comparisons and of questions across views: right rows of a room, rows with one planted error each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from support import spar_comparisons, spar_cross_views, spar_rows
from support.closed_form import look_at, make_scene
from support.closed_rooms import rows_of, stage_of
from support.mosaic_oracle import Stage
from support.spar_cross_views import change_said, place_numbers, tilt, true_change
from support.spar_rows import SparReading, judge_any_spar
from support.spar_sentences import said_in

from spatialgen.core.geometry import SceneGeometry
from spatialgen.engines.spar import comparison, cross_view

Row = dict[str, Any]
Change = Callable[[Row], object]

JUDGES = spar_comparisons.JUDGES | spar_cross_views.JUDGES
OC, OO, OC_MV, OO_MV, VIDEO = spar_comparisons.PLACES
MATCHING, PLACE, CHANGE = spar_cross_views.JUDGES


@pytest.fixture(scope="module", autouse=True)
def _every_vertex() -> Iterator[None]:
    """The room's mesh is coarse: some of its vertices tell no overlap."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spar_rows, "VERTEX_STEP", 1)
        yield


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return stage_of(make_scene(frames=30, furnished=True), tmp_path_factory.mktemp("room"))


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    scene = make_scene(frames=30, furnished=True)
    geometry = SceneGeometry(scene)
    engines = comparison.ENGINE, cross_view.ENGINE
    return [row for engine in engines for row in rows_of(scene, engine, limit=24, geometry=geometry)]


def faults(stage: Stage, row: Row) -> list[str]:
    """What is wrong with any such row, and what with one of its task: each looked at by itself."""
    found = []
    for judge in (judge_any_spar, JUDGES[row["task"]]):
        reading = SparReading(stage, row)
        judge(reading)
        found += [*reading.verdict.faults, *reading.verdict.choice]
    return found


def first(rows: Iterable[Row], task: str, form: str, **columns: Any) -> Row:
    """A copy of the first row of a task and form, with some of its columns so."""
    return deepcopy(
        next(
            row
            for row in rows
            if (row["task"], row["form"]) == (task, form) and all(row[name] == value for name, value in columns.items())
        )
    )


def test_right_rows_pass(stage: Stage, rows: list[Row]) -> None:
    assert {row["task"] for row in rows} == set(JUDGES)
    assert {row["id"]: found for row in rows if (found := faults(stage, row))} == {}


# ---- what is planted


def _evidence(row: Row, change: Callable[[dict[str, Any]], object]) -> None:
    evidence = json.loads(row["evidence"])
    change(evidence)
    row["evidence"] = json.dumps(evidence)


def _say(row: Row, old: str, new: str) -> None:
    assert re.search(old, row["answer"]), row["answer"]
    row["answer"] = re.sub(old, new, row["answer"], count=1)


def _other_letter(row: Row) -> None:
    """The next option is said to be the true one, throughout."""
    row["answer_index"] = (row["answer_index"] + 1) % len(row["options"])
    row["answer"] = row["answer_short"] = "ABCD"[row["answer_index"]]
    if row["task"] not in (MATCHING, PLACE):
        _evidence(row, lambda e: e.update(truth_table=[k == row["answer_index"] for k in range(len(row["options"]))]))


def _swap_green_and_blue(row: Row) -> None:
    """The words of the answer stay with their colours, the marks change places."""
    _, green, blue = row["points"]
    green["color"], blue["color"] = blue["color"], green["color"]


def _swap_instances(row: Row) -> None:
    """Candidates change places, and nothing else does."""
    _, one, two = row["objects"]
    one["instance_id"], two["instance_id"] = two["instance_id"], one["instance_id"]


def _turn_round(row: Row) -> None:
    """Opposite polarity of the evidence and the template, same answer."""
    other = {"nearest": "farthest", "farthest": "nearest", "closer": "farther", "farther": "closer"}
    asked = json.loads(row["evidence"])["ask"]
    _evidence(row, lambda e: e.update(ask=other[asked]))
    row["template"] = row["template"].replace(asked, other[asked])


def _value(place: int, value: float) -> Change:
    return lambda row: row["value"].__setitem__(place, row["value"][place] + value)


def _frames(*frames: int) -> Change:
    return lambda row: row.update(frame_ids=[str(frame) for frame in frames])


def _shift(box: int, **edges: float) -> Change:
    return lambda row: row["boxes"][box].update({edge: row["boxes"][box][edge] + by for edge, by in edges.items()})


def _option(place: int, text: str) -> Change:
    """Another option that is not the true one, also in the question."""

    def change(row: Row) -> None:
        index = (row["answer_index"] + place) % len(row["options"])
        old = f"{'ABCD'[index]}. {row['options'][index]}"
        row["question"] = row["question"].replace(old, f"{'ABCD'[index]}. {text}")
        row["options"][index] = text

    return change


def _near_place(row: Row) -> None:
    """A wrong place right beside the true one."""
    true = place_numbers(row["options"][row["answer_index"]])
    assert true is not None
    _option(1, f"({true[0] + 9:.0f},{true[1]:.0f}),{true[2] * 1.5:.1f}")(row)


def _deep_place(row: Row) -> None:
    """A wrong place at the true depth."""
    true = place_numbers(row["options"][row["answer_index"]])
    assert true is not None
    _option(1, f"({(true[0] + 500) % 1000:.0f},{true[1]:.0f}),{true[2]:.1f}")(row)


def _other_side(row: Row) -> None:
    """The turn's word, in the text alone."""
    key = re.search(r"rotate_(left|right):[1-9]", row["answer_short"])
    assert key
    other = {"left": "right", "right": "left"}[key[1]]
    row["answer"] = row["answer_short"] = row["answer_short"].replace(f"rotate_{key[1]}", f"rotate_{other}")


PLANTED: Mapping[tuple[str, str, str, str], Change] = {
    # comparisons
    (OC, "select", "another letter", "is said, truth"): _other_letter,
    (OC, "fill", "the other end", "is said, truth"): _turn_round,
    (OC, "fill", "the wording's end alone", "worded"): lambda row: row.update(
        template=re.sub(r"nearest|farthest", "closer", row["template"])
    ),
    (OC, "fill", "a distance", "distances"): _value(1, 0.05),
    (OC, "fill", "another name", "is none of"): lambda row: row.update(answer="sofa", answer_short="sofa"),
    (OC, "fill", "another order in the text", "lacks"): lambda row: row.update(
        question=row["question"].replace(", ", " and ")
    ),
    (OC, "sentence", "the sentence's distance", "says"): lambda row: _say(row, r"\d\.\d", "7.7"),
    (OC, "fill", "the margin", "margin 9"): lambda row: row.update(margin=9.0),
    (OC, "select", "an option that is no candidate", "options"): _option(1, "sofa"),
    (OC, "select", "a truth table with two", "truth table"): lambda row: _evidence(
        row, lambda e: e.update(truth_table=[True] * len(row["options"]))
    ),
    (OC, "fill", "a rule that is not in force", "thresholds"): lambda row: _evidence(
        row, lambda e: e["thresholds"].update(least_gap_m=0.05)
    ),
    (OC, "fill", "another camera", "distances"): _frames(29),
    (OO, "select", "another letter", "is said, truth|equal at"): _other_letter,
    (OO, "fill", "colours", "is not green"): _swap_green_and_blue,
    (OO, "fill", "objects", "distances"): _swap_instances,
    (OO, "fill", "the other end", "is said, truth"): _turn_round,
    (OO, "fill", "the other colour", "is none of"): lambda row: row.update(
        answer_short=re.sub("green|blue", "red", row["answer_short"])
    ),
    (OO, "sentence", "the loser's distance", "says"): lambda row: _say(row, r"(.*)\d\.\d", r"\g<1>7.7"),
    (OO, "sentence", "distances exchanged", "says"): lambda row: _say(row, r"(\d\.\d)(.*)(\d\.\d)", r"\3\2\1"),
    (OO_MV, "fill", "dots in another order", "dots"): lambda row: row["points"].reverse(),
    (OO_MV, "fill", "all in one image", "dots in images"): lambda row: [dot.update(image=0) for dot in row["points"]],
    (OO_MV, "fill", "images of one place", "differ by"): lambda row: row.update(frame_ids=[row["frame_ids"][0]] * 3),
    (OO_MV, "sentence", "the other object", "says"): lambda row: _say(row, r"green point", "blue point"),
    (OC_MV, "select", "another letter", "is said, truth"): _other_letter,
    (OC_MV, "fill", "another image", "is none of"): lambda row: row.update(
        answer_short=re.sub(r"first|second|third", "fourth", row["answer_short"])
    ),
    (OC_MV, "fill", "a box that is too wide", "box of"): _shift(0, x2=12.0),
    (OC_MV, "fill", "another observer", "distances"): lambda row: row.update(frame_ids=row["frame_ids"][::-1]),
    (OC_MV, "sentence", "the name", "says"): lambda row: _say(
        row, rf"\b({'|'.join(one['label'] for one in row['objects'])})\b", "sofa"
    ),
    (VIDEO, "fill", "another label", "is said, truth"): lambda row: row.update(
        answer_short=(short := "object0" if row["answer_short"] != "object0" else "object1"), answer=short
    ),
    (VIDEO, "select", "another letter", "is said, truth"): _other_letter,
    (VIDEO, "fill", "frames from 1 on", "lacks"): lambda row: row.update(
        question=re.sub(r"\(Frame-(\d+)\)", lambda m: f"(Frame-{int(m[1]) + 1})", row["question"])
    ),
    (VIDEO, "fill", "labels", "other labels"): lambda row: row["points"][1].update(label="object9"),
    (VIDEO, "fill", "two dots in a frame", "two dots in one frame"): lambda row: row["points"][2].update(
        image=row["points"][1]["image"]
    ),
    (VIDEO, "sentence", "the sentence's distance", "says"): lambda row: _say(row, r"\d\.\d", "7.7"),
    # position_matching
    (MATCHING, "fill", "a shifted box", "box of"): _shift(1, y1=-9.0, y2=-9.0),
    (MATCHING, "fill", "another value", "value"): _value(0, 5.0),
    (MATCHING, "fill", "thousandths off by one", r"box \["): lambda row: row.update(
        answer_short=re.sub(r"\d+", lambda m: str(int(m[0]) + 1), row["answer_short"])
    ),
    (MATCHING, "fill", "a box that is drawn", "is marked"): lambda row: row["boxes"][1].update(color="#00d000"),
    (MATCHING, "fill", "another object", "boxes of two objects"): lambda row: row["boxes"][0].update(
        instance_id=str(1 - int(row["boxes"][0]["instance_id"] == "1"))
    ),
    (MATCHING, "select", "another letter", "option"): _other_letter,
    (MATCHING, "select", "an option near the truth", "options"): _option(1, "[1,2,3,4]"),
    (MATCHING, "select", "the same thing twice", "wrong box"): lambda row: row["boxes"][2].update(
        {name: row["boxes"][1][name] for name in ("instance_id", "x1", "y1", "x2", "y2")}
    ),
    (MATCHING, "fill", "a box that is too small to be told", "is told by numbers"): lambda row: row["boxes"][1].update(
        x2=row["boxes"][1]["x1"] + 9.0
    ),
    (MATCHING, "sentence", "another box", "says|say"): lambda row: _say(row, r"\[\d+", "[1"),
    (MATCHING, "fill", "images of one place", "differ by"): lambda row: row.update(frame_ids=[row["frame_ids"][0]] * 2),
    # camera_motion_infer
    (PLACE, "fill", "the pixel", "place"): _value(0, 3.0),
    (PLACE, "fill", "the depth", "place"): _value(2, 0.3),
    (PLACE, "fill", "images exchanged", "place .*, truth"): lambda row: row.update(frame_ids=row["frame_ids"][::-1]),
    (PLACE, "fill", "a place outside", "outside the image"): _value(0, 5000.0),
    (PLACE, "fill", "the text's depth", "9.9"): lambda row: row.update(
        answer_short=re.sub(r",\d+\.\d$", ",9.9", row["answer_short"])
    ),
    (PLACE, "sentence", "the sentence's depth", "says|say"): lambda row: _say(row, r"\d+\.\d m", "9.9 m"),
    (PLACE, "select", "another letter", "option|thousandths from"): _other_letter,
    (PLACE, "select", "a wrong place beside", "thousandths from the true one"): _near_place,
    (PLACE, "select", "a wrong place as deep", "as deep"): _deep_place,
    (PLACE, "select", "no place", "is no place"): _option(1, "(5, 5), 1"),
    # view_change_infer
    (CHANGE, "fill", "metres", "change"): _value(2, 0.05),
    (CHANGE, "fill", "yaw of the other sign", "change"): lambda row: row["value"].__setitem__(3, -row["value"][3]),
    (CHANGE, "fill", "pitch", "change"): _value(4, 0.02),
    (CHANGE, "fill", "images exchanged", "change .*, truth"): lambda row: row.update(frame_ids=row["frame_ids"][::-1]),
    (CHANGE, "fill", "the word of a turn", "rotate_"): _other_side,
    (CHANGE, "fill", "a key is missing", "rotate_"): lambda row: row.update(
        answer_short=row["answer_short"].rpartition(",")[0]
    ),
    (CHANGE, "sentence", "the sentence's word", "says|say"): lambda row: _say(
        row, r"\b(left|right)\b", {"left": "right", "right": "left"}[re.search(r"\b(left|right)\b", row["answer"])[1]]
    ),  # type: ignore[index]
    (CHANGE, "sentence", "the sentence's number", "says|say"): lambda row: _say(row, r"by \d+\.\d m", "by 9.9 m"),
}


@pytest.mark.parametrize("error", PLANTED, ids=lambda error: f"{error[0]}-{error[2]}")
def test_planted_errors_are_found(stage: Stage, rows: list[Row], error: tuple[str, str, str, str]) -> None:
    task, form, _, wanted = error
    row = first(rows, task, form)
    PLANTED[error](row)
    found = faults(stage, row)
    assert any(re.search(wanted, fault) for fault in found), found


def test_equal_is_said_only_of_what_is_equal(stage: Stage, rows: list[Row]) -> None:
    clear = next(
        deepcopy(row)
        for row in rows
        if row["task"] == OO and row["form"] == "select" and len(row["options"]) == 3 and row["answer_index"] < 2
    )
    assert faults(stage, clear) == []
    clear["answer_index"] = 2
    clear["answer"] = clear["answer_short"] = "C"
    _evidence(clear, lambda e: e.update(truth_table=[False, False, True]))
    assert any("equal at" in fault for fault in faults(stage, clear))
    equal = next(
        deepcopy(row)
        for row in rows
        if row["task"] == OO and len(row["options"] or ()) == 3 and row["answer_index"] == 2
    )
    assert faults(stage, equal) == []
    equal["answer_index"] = 0
    equal["answer"] = equal["answer_short"] = "A"
    _evidence(equal, lambda e: e.update(truth_table=[True, False, False]))
    assert any("needs" in fault for fault in faults(stage, equal))


def test_a_name_of_two_things_is_found(stage: Stage, rows: list[Row]) -> None:
    """All objects of the image of a right row are renamed after one of its candidates."""
    row = first(rows, OC, "fill")
    kept = dict(stage.names)
    name = row["objects"][0]["label"]
    try:
        stage.names.update(dict.fromkeys(set(kept) - {int(one["instance_id"]) for one in row["objects"]}, name))
        stage._kinds.clear()
        assert any("could be meant" in fault for fault in faults(stage, row))
    finally:
        stage.names.update(kept)
        stage._kinds.clear()


def test_changes_have_closed_forms() -> None:
    """From the south looking north, 2 m east, 1 m ahead and half a metre up, then 30 degrees to the left and level."""
    here = look_at((0.0, 0.0, 1.0), (0.0, 2.0, 1.0))
    turn = np.radians(30)
    there = look_at((2.0, 1.0, 1.5), (2.0 - np.sin(turn), 1.0 + np.cos(turn), 1.5))
    assert true_change(here, there) == pytest.approx([2.0, 0.5, 1.0, turn, 0.0])
    down = look_at((0.0, 0.0, 1.0), (0.0, 1.0, 0.0))
    assert true_change(down, here) == pytest.approx([0, 0, 0, 0, np.radians(45)])
    assert tilt(down) == pytest.approx(0)
    c, s = np.cos(np.radians(12)), np.sin(np.radians(12))
    rolled = here @ np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert abs(tilt(rolled)) == pytest.approx(12)


@pytest.mark.parametrize(
    ("phrase", "keys"),
    [
        ("move right by 0.4 m", {"move_right": "0.4"}),
        (
            "move left by 1.0 m, down by 0.2 m and backward by 3.1 m, then turn up by 5° and left by 60°",
            {"move_left": "1.0", "move_down": "0.2", "move_backward": "3.1", "rotate_up": "5", "rotate_left": "60"},
        ),
        ("turn right by 7°", {"rotate_right": "7"}),
        ("turn forward by 7°", None),
        ("move right by 7°", None),
        ("move right by 0.4 m and right by 0.2 m", None),
        ("go right by 0.4 m", None),
    ],
)
def test_phrases_are_read(phrase: str, keys: dict[str, str] | None) -> None:
    assert change_said(phrase) == keys


def test_sentences_are_read_by_their_templates() -> None:
    text = "It is the bowl; from the camera to its centre one measures about 2.8 m."
    assert said_in(OC, "sentence.nearest.name", text) == [{"answer": "bowl", "distance": "2.8"}]
    assert said_in(OC, "sentence.nearest.name", "It is the bowl.") == []
