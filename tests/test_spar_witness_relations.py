"""The witness of SPAR's relations, imagined observers and maps: right rows pass, rows with one planted error do not."""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from support import mosaic_plain as plain
from support import spar_imagination, spar_relations
from support.mosaic_oracle import Stage
from support.spar_relation_words import BETWEEN, TO_OBSERVER, WORDS, phrases_in, signs_of_option
from support.spar_rows import COLORS, SparReading

Row = dict[str, Any]
JUDGES = {**spar_relations.JUDGES, **spar_imagination.JUDGES}
ROLL = 0.6
DEFAULT = {"relation_rule": "intervals", "relation_tail": 0.02, "relation_gap_m": 0.1, "relation_gap_share": 0.05}
SPAR = {
    "relation_rule": "centres",
    "centre_gap_m": 0.2,
    "centre_gap_share": 0.1,
    "centre_angle_deg": 10.0,
    "centre_gap_ahead_m": 0.3,
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(plain.write_room(tmp_path_factory.mktemp("plain")))


@pytest.fixture(scope="module")
def rolled(stage: Stage) -> Stage:
    """The same, but the first camera is rolled to the left, so that what is right seems to be low."""
    room = copy.copy(stage.room)
    c, s = math.cos(ROLL), math.sin(ROLL)
    room.camera_to_world = room.camera_to_world.copy()
    room.camera_to_world[0, :3, :3] = room.camera_to_world[0, :3, :3] @ [[c, s, 0], [-s, c, 0], [0, 0, 1]]
    return Stage(room)


def make(
    task: str, form: str, marks: Mapping[str, tuple[int, int, str]], signs: tuple[int, ...], **columns: Any
) -> Row:
    """A row about things in roles, each with its image and its mark's colour (none for one that is named)."""
    video = task.endswith("_video")
    objects = [
        {"instance_id": str(thing), "label": plain.THINGS[thing][0], "role": role}
        for role, (thing, _, _) in marks.items()
    ]
    boxes = [
        {"image": image, "instance_id": str(thing), "role": role, "color": COLORS[color]}
        | {"label": f"object{k}" if video else None, "x1": 0.0, "y1": 0.0, "x2": 9.0, "y2": 9.0}
        for k, (role, (thing, image, color)) in enumerate(marks.items())
        if color
    ]
    frames = ("0",) if task.count("_") <= 2 or task == "obj_spatial_relation_oo" else ("0", "1", "2")
    axes = [{"axis": axis, "sign": sign} for axis, sign in zip(axes_of(task), signs, strict=True)]
    words = ", ".join(WORDS[axis][sign > 0] if sign else "" for axis, sign in zip(axes_of(task), signs, strict=True))
    evidence = {"thresholds": DEFAULT, "relations": {"axes": axes}, **columns.pop("evidence", {})}
    return {
        "task": task,
        "form": form,
        "variant": "box" if boxes else "name",
        "frame_ids": frames,
        "objects": objects,
        "points": [],
        "boxes": boxes,
        "value": [float(sign) for sign in signs],
        "options": None,
        "answer_index": None,
        "answer_short": words,
        "slots": "{}",
        **columns,
        "evidence": json.dumps(evidence),
    }


def axes_of(task: str) -> tuple[str, ...]:
    if "map" in task:
        return ()
    return BETWEEN if "_oo" in task else TO_OBSERVER


# ---- right rows: the room is that of support.mosaic_plain, the first camera looks along y from the origin


def chosen(**columns: Any) -> Row:
    """The box is left of the cabinet, and farther away; both stand on the floor."""
    marks = {"target": (plain.BOX, 0, "red"), "reference": (plain.CABINET, 0, "blue")}
    options = ["right, , farther", "left, , closer", "left, , farther", "right, , closer"]
    given = {"options": options, "answer_index": 2, "answer": "C", "question": "Where is the box to the cabinet?"}
    return make("obj_spatial_relation_oo", "select", marks, (-1, 0, 1), **{**given, **columns})


def judged(question: str = "Is the box to the right and farther away than the cabinet?", **columns: Any) -> Row:
    marks = {"target": (plain.BOX, 0, "red"), "reference": (plain.CABINET, 1, "green")}
    row = make("obj_spatial_relation_oo_mv", "judge", marks, (-1, 0, 1), question=question)
    return row | {"value": [0.0], "answer": "No", "options": ["Yes", "No"], "answer_index": 1} | columns


def behind(**columns: Any) -> Row:
    """The bench is behind the first camera, and lower."""
    given = {"answer": "The bench (blue bbox) is below and behind.", "question": "Where is the bench (blue bbox)?"}
    marks = {"target": (plain.BENCH, 1, "blue")}
    return make("obj_spatial_relation_oc_mv", "sentence", marks, (0, -1, -1), **{**given, **columns})


def higher(signs: tuple[int, ...] = (1, 1, 0), **columns: Any) -> Row:
    """By centres the cabinet is right of the sofa and above it."""
    marks = {"target": (plain.CABINET, 0, "red"), "reference": (plain.SOFA, 0, "blue")}
    words = {(1, 1, 0): "to the right and above", (1, 0, 0): "to the right"}
    given = {
        "answer": f"Compared with the sofa, it is {words[signs]}.",
        "question": "Where is the cabinet (red bbox), compared with the sofa (blue bbox)?",
        "evidence": {"thresholds": SPAR},
    }
    return make("obj_spatial_relation_oo", "sentence", marks, signs, **{**given, **columns})


MOVED = {
    "observer": (plain.SOFA, 0, "green"),
    "facing": (plain.CABINET, 0, "blue"),
    "target": (plain.BOX, 0, "red"),
    "reference": (plain.LAMP, 1, "yellow"),
}
NAMED = "the sofa (green bbox), the cabinet (blue bbox), the box (red bbox), the lamp (yellow bbox)?"


def moved(
    before: str = "to the left, below and in front", after: str = "to the left and behind", **columns: Any
) -> Row:
    """At the sofa, facing the cabinet, along x and a bit towards the camera, the box is to the left and behind."""
    marks = {role: MOVED[role] for role in ("observer", "facing", "target")}
    given = {
        "answer": f"For the camera the box (red bbox) is {before}; for someone at the centre of the sofa (green bbox) "
        f"who faces the cabinet (blue bbox), it is {after}.",
        "question": NAMED,
    }
    return make("spatial_imagination_oc", "sentence", marks, (-1, 0, -1), **{**given, **columns})


def compared(
    sides: str = "the cabinet (blue bbox) and the lamp (yellow bbox) in front and the box (red bbox) behind",
    task: str = "spatial_imagination_oo_mv",
    marks: Mapping[str, tuple[int, int, str]] = MOVED,
    **columns: Any,
) -> Row:
    """From there the box is left of the lamp, and farther away."""
    given = {
        "answer": "From the first viewpoint the box (red bbox) is to the left and farther away relative to the lamp "
        "(yellow bbox). After moving to the sofa (green bbox) and turning to the cabinet (blue bbox), it is to the "
        f"left and farther away, and you have {sides}.",
        "question": NAMED,
    }
    return make(task, "sentence", marks, (-1, 0, 1), **{**given, **columns})


def filmed(**columns: Any) -> Row:
    text = compared()["answer"].replace("From the first viewpoint", "From the camera of Frame-0")
    for place, (role, (thing, _, color)) in enumerate(MOVED.items()):
        assert role == tuple(MOVED)[place]
        text = text.replace(f"the {plain.THINGS[thing][0]} ({color} bbox)", f"object{place}")
    question = "object0 in Frame-0, object1 in Frame-0, object2 in Frame-0, object3 in Frame-1?"
    return compared(task="spatial_imagination_oo_video", **{"answer": text, "question": question, **columns})


def named(**columns: Any) -> Row:
    marks = {role: (thing, image, "") for role, (thing, image, _) in MOVED.items()}
    text = re.sub(r" \(\w+ bbox\)", "", compared()["answer"])
    question = re.sub(r" \(\w+ bbox\)", "", NAMED)
    given = {"answer": text, "question": question, "marks": marks, "task": "spatial_imagination_oo_video_hard"}
    return compared(**{**given, **columns})


def mapped(**columns: Any) -> Row:
    places = {plain.SOFA: (-0.4, 3.4), plain.CABINET: (1.2, 3.2), plain.BENCH: (0.0, -1.8)}
    marks = {str(k): (thing, int(thing == plain.BENCH), "blue") for k, thing in enumerate(places)}
    text = "Object0 :(-0.4,3.4). Object1 :(1.2,3.2). Object2 :(0.0,-1.8)"
    row = make("spatial_imagination_map_mv", "sentence", marks, ())
    for place, (one, box) in enumerate(zip(row["objects"], row["boxes"], strict=True)):
        one["role"] = box["role"] = "target"
        box["label"] = f"object{place}"
    given = {"value": [number for pair in places.values() for number in pair], "answer": f"In metres: {text}."}
    return row | given | {"answer_short": text, "question": "Where are object0, object1, object2?"} | columns


RIGHT: Mapping[str, Callable[[], Row]] = {
    "chosen": chosen,
    "judged false": judged,
    "judged true": lambda: judged(
        "Is the box to the left and farther away than the cabinet?", value=[1.0], answer="Yes", answer_index=0
    ),
    "behind": behind,
    "moved": moved,
    "the new view first": lambda: moved(
        answer="Standing at the sofa (green bbox) with your face to the cabinet (blue bbox), you have the box (red "
        "bbox) to the left and behind. From the camera it was to the left, below and in front."
    ),
    "compared": compared,
    "filmed": filmed,
    "named": named,
    "mapped": mapped,
}


def faults(stage: Stage, row: Row, **how: Any) -> list[str]:
    reading = SparReading(stage, row, **how)
    JUDGES[row["task"]](reading)
    return [*reading.verdict.faults, *reading.verdict.choice]


@pytest.mark.parametrize("name", RIGHT)
def test_right_rows_pass(stage: Stage, name: str) -> None:
    assert faults(stage, RIGHT[name]()) == []


def test_both_rules_are_known_and_the_image_has_its_say(stage: Stage, rolled: Stage) -> None:
    assert faults(stage, higher(), preset="spar") == []
    assert any("above" in fault or "truth" in fault for fault in faults(rolled, higher(), preset="spar"))
    assert faults(rolled, higher((1, 0, 0)), preset="spar") == []
    assert any("truth" in fault for fault in faults(stage, higher((1, 0, 0)), preset="spar"))
    # By intervals the two overlap in height, so that nothing is said of it.
    by_intervals = {"evidence": {"thresholds": DEFAULT}}
    assert any("truth [[1], [0], [0]]" in fault for fault in faults(stage, higher(**by_intervals)))


def test_words_are_read() -> None:
    assert signs_of_option("left, , closer", BETWEEN) == (-1, 0, -1)
    with pytest.raises(ValueError, match="slots"):
        signs_of_option("left, closer", BETWEEN)
    with pytest.raises(ValueError, match="not in tuple"):
        signs_of_option("left, , front", BETWEEN)
    said = phrases_in("It is to the right, above and farther away, then below; in front is no word here.", BETWEEN)
    assert [signs for _, signs in said] == [(1, 1, 1), (0, -1, 0)]


def recolored(row: Row, *colors: str) -> Row:
    boxes = [box | {"color": COLORS[color]} for box, color in zip(row["boxes"], colors, strict=True)]
    return row | {"boxes": boxes}


def in_images(row: Row, *images: int) -> Row:
    return row | {"boxes": [box | {"image": image} for box, image in zip(row["boxes"], images, strict=True)]}


def evidence(row: Row, **changed: Any) -> Row:
    return row | {"evidence": json.dumps(json.loads(row["evidence"]) | changed)}


def exchanged(first: str, second: str) -> dict[str, tuple[int, int, str]]:
    """Two objects in each other's roles; colours stay with the roles."""
    (a, image_a, color_a), (b, image_b, color_b) = MOVED[first], MOVED[second]
    return MOVED | {first: (b, image_b, color_a), second: (a, image_a, color_b)}


ALL_FRONT = "the cabinet (blue bbox), the lamp (yellow bbox) and the box (red bbox) in front"
# What is wrong, and what the witness must say of it.
PLANTED: Mapping[tuple[str, str], Callable[[], Row]] = {
    ("another option", "does not hold"): lambda: chosen(answer_index=0, value=[1.0, 0.0, 1.0]),
    ("value against option", "value"): lambda: chosen(value=[1.0, 0.0, 1.0]),
    ("two true options", "may be true"): lambda: chosen(
        options=["left, , farther", "left, , closer", "left, , farther", "right, , closer"]
    ),
    ("a distractor that the truth implies", "may be true"): lambda: chosen(
        options=["left, , ", "left, , closer", "left, , farther", "right, , closer"]
    ),
    ("a distractor that is open", "may be true"): lambda: chosen(
        options=["left, below, farther", "left, , closer", "left, , farther", "right, , closer"]
    ),
    ("a distractor that says more", "other slots"): lambda: chosen(
        options=["right, below, farther", "left, , closer", "left, , farther", "right, , closer"]
    ),
    ("a slot filled inside the dead zone", "truth"): lambda: behind(
        value=[1.0, -1.0, -1.0], answer="It is to the right, below and behind."
    ),
    ("a slot left empty", "truth"): lambda: behind(value=[0.0, 0.0, -1.0], answer="It is behind."),
    ("the other sign", "truth"): lambda: behind(value=[0.0, -1.0, 1.0], answer="It is below and in front."),
    ("no word", "nothing is said"): lambda: behind(value=[0.0, 0.0, 0.0]),
    ("the sentence says something else", "answer 'It is above"): lambda: behind(answer="It is above and behind."),
    ("the sentence contradicts itself", "answer"): lambda: behind(answer="It is below and behind, above all in front."),
    ("evidence of other axes", "axes"): lambda: evidence(behind(), relations={"axes": [{"axis": "up", "sign": -1}]}),
    ("evidence of another sign", "evidence"): lambda: evidence(
        behind(), relations={"axes": [{"axis": a, "sign": s} for a, s in (("right", 0), ("up", 1), ("forward", -1))]}
    ),
    ("a true statement called false", "'No' to"): lambda: judged(
        "Is the box to the left and farther away than the cabinet?"
    ),
    ("a false statement called true", "'Yes' to"): lambda: judged(value=[1.0], answer="Yes"),
    ("two words turned", "'No' to"): lambda: judged("Is the box to the right and closer?"),
    ("an undecided word is judged", "'Yes' to"): lambda: judged(
        "Is the box to the left, below and farther away?", value=[1.0], answer="Yes"
    ),
    ("a decided word is left out", "leaves out"): lambda: judged("Is it to the left?", value=[1.0], answer="Yes"),
    ("yes against the value", "answer 'Yes'"): lambda: judged(answer="Yes"),
    ("no statement", "0 relations"): lambda: judged("Where is it?"),
    ("colours of other roles", "colours"): lambda: recolored(chosen(), "blue", "red"),
    ("a colour that means nothing here", "colours"): lambda: recolored(judged(), "red", "yellow"),
    ("both marks in one image", "in one image"): lambda: in_images(judged(), 1, 1),
    ("marks of other objects", "marks on"): lambda: chosen() | {"objects": chosen()["objects"][::-1]},
    ("another threshold", "threshold relation_gap_m"): lambda: evidence(
        chosen(), thresholds=DEFAULT | {"relation_gap_m": 0.2}
    ),
    ("another rule", "rule centres"): lambda: evidence(chosen(), thresholds=SPAR),
    ("before and after exchanged", "before the move"): lambda: moved(
        "to the left and behind", "to the left, below and in front"
    ),
    ("another word before the move", "before the move"): lambda: moved("to the right, below and in front"),
    ("another word after the move", "after the move"): lambda: moved(after="to the left and in front"),
    ("no word of before", "1 relations"): lambda: moved(answer="At the sofa (green bbox), it is to the left."),
    ("observer and facing exchanged", "truth"): lambda: compared(marks=exchanged("observer", "facing")),
    ("target and reference exchanged", "truth"): lambda: compared(marks=exchanged("target", "reference")),
    ("the observer is asked about", "one object in two roles"): lambda: compared(
        marks=MOVED | {"target": (plain.SOFA, 1, "red")}
    ),
    ("colours of other imagined roles", "observer is marked"): lambda: recolored(moved(), "blue", "green", "red"),
    ("all marks in the first image", "all marks in one image"): lambda: in_images(compared(), 0, 0, 0, 0),
    ("what is behind is put in front", "target is told"): lambda: compared(ALL_FRONT),
    ("one in front is left out", "reference is told"): lambda: compared(
        "the cabinet (blue bbox) in front and the box (red bbox) behind"
    ),
    ("in front and behind", "target is told"): lambda: compared(f"{ALL_FRONT} and the box (red bbox) behind"),
    ("nothing of front and behind", "what is in front"): lambda: compared("a good view"),
    ("a label of another object", "label"): lambda: (
        filmed() | {"boxes": [box | {"label": f"object{3 - k}"} for k, box in enumerate(filmed()["boxes"])]}
    ),
    ("no word of a frame", "no word of Frame-1"): lambda: filmed(
        question="object0 in Frame-0, object1 in Frame-0, object2 in Frame-0, object3 in Frame-0?"
    ),
    ("two of a name", "another 'chair'"): lambda: named(
        marks={role: (plain.CHAIR if role == "facing" else thing, 0, "") for role, (thing, _, _) in MOVED.items()}
    ),
    ("a mark where none should be", "something is marked"): lambda: named() | {"boxes": compared()["boxes"]},
    ("a place on the map", "truth"): lambda: mapped(value=[-0.4, 3.4, 1.2, 3.3, 0.0, -1.8]),
    ("left and right exchanged", "truth"): lambda: mapped(value=[0.4, 3.4, -1.2, 3.2, 0.0, -1.8]),
    ("the text of the map", "text"): lambda: mapped(
        answer="Object0 :(-0.5,3.4). Object1 :(1.2,3.2). Object2 :(0.0,-1.8)",
        answer_short="Object0 :(-0.5,3.4). Object1 :(1.2,3.2). Object2 :(0.0,-1.8)",
    ),
    ("the sentence of the map", "short"): lambda: mapped(answer="Object0 :(-0.4,3.4). Object1 :(1.2,3.2)."),
    ("a signed nothing", "minus nothing"): lambda: mapped(
        answer="Object0 :(-0.4,3.4). Object1 :(1.2,3.2). Object2 :(-0.0,-1.8)"
    ),
    ("labels of the map", "marks"): lambda: (
        mapped() | {"boxes": [box | {"label": f"object{2 - k}"} for k, box in enumerate(mapped()["boxes"])]}
    ),
    ("two on a map", "2 objects"): lambda: mapped() | {"objects": mapped()["objects"][:2]},
    ("all in the first image", "shows all"): lambda: mapped(
        objects=[mapped()["objects"][0], mapped()["objects"][1], mapped()["objects"][0] | {"instance_id": "5"}]
    ),
}


@pytest.mark.parametrize("error", PLANTED, ids=lambda error: error[0])
def test_planted_errors_are_found(stage: Stage, error: tuple[str, str]) -> None:
    found = faults(stage, PLANTED[error]())
    assert any(re.search(error[1], fault) for fault in found), found


def test_noise_does_not_excuse_the_opposite_sign(stage: Stage) -> None:
    for row in (chosen(answer_index=0, value=[1.0, 0.0, 1.0]), behind(value=[0.0, -1.0, 1.0]), moved("above")):
        assert faults(stage, row, noisy=True)
    assert faults(stage, mapped(value=[-0.45, 3.4, 1.2, 3.2, 0.0, -1.8]), noisy=True) == []
    assert faults(stage, mapped(value=[-0.55, 3.4, 1.2, 3.2, 0.0, -1.8]), noisy=True)


def test_a_trace_in_the_first_image_must_not_matter(stage: Stage, rolled: Stage, monkeypatch: Any) -> None:
    """With one of both seen by a trace only, what the image would turn is open, and must not be asked."""
    row = higher((1, 0, 0))
    monkeypatch.setattr(spar_relations, "_shown", lambda _, thing: {1} if thing == plain.SOFA else {2})
    assert any("trace" in fault for fault in faults(rolled, row, preset="spar"))
    assert faults(stage, higher(), preset="spar") == []


def test_the_imagined_axes_have_a_closed_form(stage: Stage) -> None:
    eye, *_ = spar_relations.imagined_eyes(SparReading(stage, compared()), plain.SOFA, plain.CABINET)
    assert eye.position == pytest.approx([-0.4, 3.4, 0.4], abs=0.01)
    ahead = np.array([1.6, -0.2]) / math.hypot(1.6, 0.2)
    local = eye.local(np.array([[-1.4, 6.2, 0.25]]))[0]
    way = np.array([-1.0, 2.8])
    assert local == pytest.approx([way @ [ahead[1], -ahead[0]], -0.15, way @ ahead], abs=0.02)
