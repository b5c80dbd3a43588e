"""What texts of answers say is held against the values, whoever wrote them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from spatialgen.dataset.answer_texts import disagreements

BOX = {"image": 1, "x1": 63.5, "y1": 47.5, "x2": 319.5, "y2": 239.5}


def row(kind: str, text: str, value: list[float], units: list[str], **changes: Any) -> dict[str, Any]:
    return {
        "answer_type": kind,
        "form": "fill",
        "answer": text,
        "answer_short": text,
        "value": value,
        "units": units,
        "options": None,
        "answer_index": None,
        "images": [None] * 6,
        "image_sizes": [{"width": 1000, "height": 500}, {"width": 640, "height": 480}],
        "boxes": [BOX],
        **changes,
    }


MOTION = [0.44, -0.4, -1.0, math.radians(-60), math.radians(5)]
MOTION_UNITS = ["m", "m", "m", "rad", "rad"]
GOOD = {
    "metres": ("number", "1.5", [1.46], ["m"]),
    "millimetres": ("number", "1460", [1.46], ["m"]),
    "degrees": ("number", "26", [-math.pi / 7], ["rad"]),
    "area": ("number", "12.3", [12.34], ["m2"]),
    "count": ("number", "4", [4.0], ["count"]),
    "vector": ("vector", "[123, -2, 0]", [0.1234, -0.0016, -0.0001], ["m"] * 3),
    "relation": ("relation", "left, , closer", [-1, 0, -1], ["index"] * 3),
    "frames": ("set", "1, 3, 4", [1, 3, 4], ["index"] * 3),
    "box": ("box", "[100,100,500,500]", [63.5, 47.5, 319.5, 239.5], ["px"] * 4),
    "sizes": ("composite", "38, 13, 11", [0.384, 0.13, 0.11], ["m"] * 3),
    "motion": (
        "composite",
        "move_right:0.4,move_down:0.4,move_backward:1.0,rotate_up:5,rotate_right:60",
        MOTION,
        MOTION_UNITS,
    ),
    "place": ("composite", "(512,403),2.4", [511.5, 201.0, 2.44], ["px", "px", "m"]),
    "map": ("composite", "Object0 :(-0.3,1.4). Object1 :(0.0,2.0)", [-0.31, 1.44, -0.04, 2.0], ["m"] * 4),
}


@pytest.mark.parametrize("name", GOOD)
def test_texts_that_say_their_values(name: str) -> None:
    assert list(disagreements(row(*GOOD[name]))) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metres", "1.4"),
        ("metres", "about 1.5"),
        ("degrees", "27"),
        ("count", "5"),
        ("vector", "[123, 2, 0]"),
        ("relation", "left, closer"),
        ("relation", "left, above, closer"),
        ("relation", "right, , closer"),
        ("frames", "1, 3"),
        ("frames", "3, 1, 4"),
        ("box", "[100,100,500,502]"),
        ("box", "[100, 100, 500, 500]"),
        ("sizes", "38, 11, 13"),
        ("sizes", "38, 13"),
        ("motion", "move_left:0.4,move_down:0.4,move_backward:1.0,rotate_up:5,rotate_right:60"),
        ("motion", "move_right:0.4,move_down:0.4,move_backward:1.0,rotate_up:5,rotate_left:60"),
        ("motion", "move_right:0.4,move_down:0.4,move_backward:1.0,rotate_up:5"),
        ("place", "(513,403),2.4"),
        ("place", "(512,403),2.5"),
        ("map", "Object0 :(-0.3,1.4)"),
        ("map", "Object0 :(0.3,1.4). Object1 :(0.0,2.0)"),
        ("map", "Object0 :(-0.3,1.4), Object1 :(0.0,2.0)"),
        ("map", "Object1 :(-0.3,1.4). Object0 :(0.0,2.0)"),
    ],
)
def test_texts_that_say_something_else(name: str, text: str) -> None:
    kind, _, value, units = GOOD[name]
    assert list(disagreements(row(kind, text, value, units)))


def test_an_order_is_that_of_its_options() -> None:
    options = ["lamp", "bed", "sofa"]
    assert not list(disagreements(row("order", "sofa, lamp, bed", [2, 0, 1], ["index"] * 3, options=options)))
    assert list(disagreements(row("order", "lamp, sofa, bed", [2, 0, 1], ["index"] * 3, options=options)))
    assert list(disagreements(row("order", "sofa, lamp, lamp", [2, 0, 0], ["index"] * 3, options=options)))


def test_the_option_selected_is_read() -> None:
    chosen = {"form": "select", "options": ["0.8", "1.5", "2.9"], "answer_index": 1}
    assert not list(disagreements(row("choice", "B", [1.46], ["m"], **chosen)))
    assert list(disagreements(row("choice", "C", [1.46], ["m"], **{**chosen, "answer_index": 2})))
    places = {"form": "select", "options": ["(512,403),2.4", "(512,403),2.9"], "answer_index": 0}
    value, units = [511.5, 201.0, 2.44], ["px", "px", "m"]
    assert not list(disagreements(row("choice", "A", value, units, **places)))
    assert list(disagreements(row("choice", "B", value, units, **{**places, "answer_index": 1})))
    words = {"form": "select", "options": ["chair", "bed"], "answer_index": 0}
    assert not list(disagreements(row("choice", "A", [1.46, 2.0], ["m", "m"], **words)))


@pytest.mark.parametrize(
    ("name", "said", "good"),
    [
        ("metres", "It is about 1.5 metres away.", True),
        ("metres", "It is about 1.55 metres away.", False),
        ("metres", "It is about 11.5 metres away.", False),
        ("relation", "It is to the left and closer.", True),
        ("relation", "It is to the left.", False),
        ("frames", "In Frame-1, Frame-3 and Frame-4.", True),
        ("frames", "In Frame-1, Frame-3 and Frame-14.", False),
        ("motion", "Move right by 0.4 m, down by 0.4 m, back by 1.0 m; turn up by 5° and right by 60°.", True),
        ("motion", "Move right by 0.4 m and turn up by 5°.", False),
    ],
)
def test_sentences_say_the_values(name: str, said: str, good: bool) -> None:
    found = list(disagreements(row(*GOOD[name], form="sentence", answer=said)))
    assert (found == []) is good
