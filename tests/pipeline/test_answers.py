"""Values, marks and words as text: canonical, and as phrases in sentences."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from spatialgen.core.types import BoxMark, BoxRef, Fact, Mention, Point, PointRef, TaskSpec, Value
from spatialgen.errors import TemplateError
from spatialgen.pipeline.answers import Speaker, slot_column

SIZES = [(1000, 500), (640, 480)]
SPEC = TaskSpec(
    name="far",
    suite="spar",
    engine="far",
    version="1",
    summary="How far?",
    answer_type="number",
    units=("m",),
    text_unit="m",
    text_decimals=1,
    variants=("dot", "box", "name"),
    forms=("fill", "select", "judge", "sentence"),
    slots=frozenset({"a"}),
    required_slots=frozenset(),
    needs=(),
)
RELATION = replace(SPEC, answer_type="relation", units=("index",), text_unit="", axes=("right", "up", "distance"))


def speak(spec: TaskSpec, *value: float, form: str = "fill", lang: str = "en", **rest: Any) -> Speaker:
    fact = Fact(task=spec.name, frames=(0, 1), variant=rest.pop("variant", "dot"), form=form, value=value, **rest)
    return Speaker(spec, fact, SIZES, lang)


def composite(kind: str, **changes: Any) -> TaskSpec:
    return replace(SPEC, answer_type="composite", composite=kind, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "value", "canonical", "phrase"),
    [
        (SPEC, (1.46,), "1.5", "1.5"),
        (SPEC, (-2.0,), "2.0", "2.0"),
        (replace(SPEC, text_unit="m2"), (12.34,), "12.3", "12.3"),
        (replace(SPEC, text_unit="", text_decimals=0), (12.0,), "12", "12"),
        (RELATION, (-1, 0, -1), "left, , closer", "to the left and closer"),
        (RELATION, (1, 1, 1), "right, above, farther", "to the right, above and farther away"),
        (RELATION, (0, -1, 0), ", below, ", "below"),
        (replace(RELATION, axes=("right", "up", "forward")), (1, 0, -1), "right, , behind", "to the right and behind"),
        (replace(RELATION, axes=("right", "up", "forward")), (0, 0, 1), ", , front", "in front"),
        (
            composite("sizes", text_unit="cm", text_decimals=0),
            (0.384, 0.11, 0.125),
            "38, 11, 13",
            "a length of 38 cm, a width of 11 cm and a height of 13 cm",
        ),
        (
            composite("motion"),
            (0.4, 0.38, 2.4, math.radians(-60.2), math.radians(5)),
            "move_right:0.4,move_up:0.4,move_forward:2.4,rotate_up:5,rotate_right:60",
            "move right by 0.4 m, up by 0.4 m and forward by 2.4 m, then turn up by 5° and right by 60°",
        ),
        (
            composite("motion"),
            (-0.44, -0.04, -1.0, math.radians(10), math.radians(-0.4)),
            "move_left:0.4,move_up:0.0,move_backward:1.0,rotate_up:0,rotate_left:10",
            "move left by 0.4 m and backward by 1.0 m, then turn left by 10°",
        ),
        (
            composite("motion"),
            (0.0, 0.0, 0.0, math.radians(10), 0.0),
            "move_right:0.0,move_up:0.0,move_forward:0.0,rotate_up:0,rotate_left:10",
            "turn left by 10°",
        ),
        (composite("place"), (511.5, 201.0, 2.44), "(512,403),2.4", "(512,403) at a depth of 2.4 m"),
        (
            composite("map"),
            (-0.31, 1.44, 0.04, -0.04),
            "Object0 :(-0.3,1.4). Object1 :(0.0,0.0)",
            "Object0 :(-0.3,1.4). Object1 :(0.0,0.0)",
        ),
        (replace(SPEC, answer_type="set"), (3, 4, 17), "3, 4, 17", "Frame-3, Frame-4 and Frame-17"),
    ],
)
def test_values_are_canonical_text_and_phrases(
    spec: TaskSpec, value: tuple[float, ...], canonical: str, phrase: str
) -> None:
    assert speak(spec, *value).short() == speak(spec, *value).answer() == canonical
    assert speak(spec, *value, form="sentence").short() == canonical
    assert speak(spec, *value, form="sentence").answer() == phrase


@pytest.mark.parametrize("sign", [1, -1])
def test_halves_are_rounded_away_from_zero_everywhere(sign: int) -> None:
    """All of these are halves in binary, too."""
    assert speak(SPEC, sign * 0.25).short() == "0.3"
    assert speak(SPEC, sign * 2.75).short() == "2.8"
    assert speak(replace(SPEC, text_unit="m2"), 12.25).short() == "12.3"
    assert speak(composite("sizes", text_unit="cm", text_decimals=0), 0.625, 0.125, 0.375).short() == "63, 13, 38"
    assert speak(replace(SPEC, answer_type="vector", text_unit="mm"), sign * 0.0625).short() == f"[{sign * 63}]"
    move = "right" if sign > 0 else "left"
    moved = speak(composite("motion"), sign * 0.25, 0.75, 1.25, 0.0, 0.0).short()
    assert moved == f"move_{move}:0.3,move_up:0.8,move_forward:1.3,rotate_up:0,rotate_right:0"
    assert speak(composite("map"), sign * 0.25, 1.75).short() == f"Object0 :({'-' if sign < 0 else ''}0.3,1.8)"
    assert speak(composite("place"), 0.0, 0.25, 1.25).short() == "(1,2),1.3"  # 0.5 and 1.5 thousandths
    assert speak(SPEC, 1.0, form="select", options=(Value((0.25,)),), answer_index=0).options() == ["0.3"]


def test_an_order_is_told_by_what_is_ordered() -> None:
    spec = replace(SPEC, answer_type="order")
    spoken = speak(spec, 2, 0, 1, options=("lamp", "bed", "sofa"))
    assert spoken.short() == "sofa, lamp, bed"


def test_options_are_canonical_and_answered_by_letter() -> None:
    spoken = speak(RELATION, 1, 0, -1, form="select", options=(Value((-1, 0, -1)), Value((1, 0, -1))), answer_index=1)
    assert spoken.options() == ["left, , closer", "right, , closer"]
    assert spoken.short() == spoken.answer() == "B"


def test_judged_statements_are_phrases_and_answered_yes_or_no() -> None:
    spoken = speak(RELATION, 0.0, form="judge", options=("Yes", "No"), answer_index=1)
    assert spoken.short() == "No"
    assert spoken.slot(Value((-1, 0, -1))) == "to the left and closer"
    assert speak(RELATION, 1, 0, 0).slot(Value((-1, 0, -1))) == "left, , closer"


def test_a_mark_is_called_by_its_colour_or_its_label_or_its_place() -> None:
    points = (
        Point(0, 100.0, 50.0, instance_id="7", color_role="red"),
        Point(0, 10.0, 20.0, label="object0", instance_id="8", color_role="red"),
        Point(1, 319.5, 239.5, instance_id="7"),
    )
    boxes = (
        BoxMark(0, 99.5, 49.5, 199.5, 99.5, instance_id="7", color_role="green"),
        BoxMark(1, -0.5, 47.5, 639.5, 479.5, instance_id="8"),
    )
    objects = (Mention("7", "chair", "target"), Mention("8", "bed", "reference"))
    dots = speak(SPEC, 1.0, points=points, boxes=boxes, objects=objects)
    assert [dots.canonical(PointRef(k)) for k in range(3)] == ["chair (red point)", "object0", "[500, 500]"]
    assert dots.canonical(BoxRef(0)) == "[100,100,200,200]"
    drawn = speak(SPEC, 1.0, points=points, boxes=boxes, objects=objects, variant="box")
    assert drawn.canonical(BoxRef(0)) == "chair (green bbox)"
    assert drawn.canonical(("the second image, ", BoxRef(1))) == "the second image, [0,100,1000,1000]"
    stated = speak(SPEC, 1.0, points=points, objects=objects, answer=PointRef(0), form="sentence")
    assert stated.short() == stated.answer() == "chair (red point)"


def test_slots_keep_what_they_stand_for() -> None:
    assert slot_column(PointRef(2), "A") == {"point": 2, "text": "A"}
    assert slot_column(BoxRef(1), "bed (red bbox)") == {"box": 1, "text": "bed (red bbox)"}
    assert slot_column(Value((1.25,)), "1.3") == {"value": [1.25], "text": "1.3"}
    assert slot_column("chair", "chair") == "chair"
    assert slot_column(3, "3") == 3


def test_phrases_exist_in_known_languages_only() -> None:
    assert speak(RELATION, 1, 0, 0, lang="de").short() == "right, , "
    with pytest.raises(TemplateError, match="'de'"):
        speak(RELATION, 1, 0, 0, form="sentence", lang="de").answer()
