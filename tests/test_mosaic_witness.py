"""The witness of SpatialMosaic itself: boxes with known places, right rows, and rows with one planted error each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from support import mosaic_plain as plain
from support.mosaic_balance import frequent_counts, one_sided, repeated, unbalanced
from support.mosaic_judge import judge
from support.mosaic_oracle import NEAR, Stage
from support.mosaic_relations import asked_sign, option_axis, relation, stage_distance

Row = dict[str, Any]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(plain.write_room(tmp_path_factory.mktemp("plain")))


@pytest.mark.parametrize("frame", [0, 1, 2])
def test_views_are_those_of_plain_slabs(stage: Stage, frame: int) -> None:
    """Every pixel's ray against every box, in closed form."""
    pose = stage.room.camera_to_world[frame]
    v, u = np.mgrid[0 : plain.HEIGHT, 0 : plain.WIDTH]
    local = np.stack([(u - 319.5) / plain.FOCAL, (v - 239.5) / plain.FOCAL, np.ones(u.shape)], -1)
    directions = local @ pose[:3, :3].T
    enters = []
    with np.errstate(divide="ignore"):
        for _, low, high in plain.THINGS:
            first, second = (np.array(low) - pose[:3, 3]) / directions, (np.array(high) - pose[:3, 3]) / directions
            enter, leave = np.minimum(first, second).max(-1), np.maximum(first, second).min(-1)
            enters.append(np.where((enter < leave) & (enter > NEAR), enter, np.inf))
    picture = np.where(np.min(enters, axis=0) < np.inf, np.argmin(enters, axis=0), -1)
    for instance in stage.names:
        view = stage.view(frame, instance)
        assert abs(view.visible_px - np.count_nonzero(picture == instance)) <= 2
        assert abs(view.in_image_px - np.count_nonzero(np.isfinite(enters[instance]))) <= 2


def test_truncation_and_boxes_have_closed_forms(stage: Stage) -> None:
    # From the back the chair is 2.0 to 2.4 m to the right at 3.6 to 4.0 m; the image ends at this share of the depth.
    end = plain.WIDTH / 2 / plain.FOCAL
    lost = 0.9 * (2.4 - end * 3.6) + 0.9 * (2.4 / end - 3.6) + (2.4 - end * 3.6) * (2.4 / end - 3.6)
    assert stage.view(1, plain.CHAIR).truncation == pytest.approx(lost / (4 * 0.36 + 2 * 0.16), abs=0.005)
    assert stage.view(0, plain.BENCH).truncation == 1  # behind the camera
    assert stage.view(0, plain.BENCH).state == "hidden"
    assert stage.view(0, plain.LAMP).occlusion == 1
    cut, whole = stage.view(1, plain.CHAIR), stage.view(1, plain.LAMP)
    assert cut.amodal is not None
    assert whole.modal is not None
    assert cut.amodal[2] == plain.WIDTH - 0.5
    near = plain.FOCAL * np.array([1.35 / 3.5, (1.3 - plain.EYE_HEIGHT) / 3.5, 1.05 / 3.8, plain.EYE_HEIGHT / 3.5])
    assert whole.modal == pytest.approx(np.array([319.5, 239.5, 319.5, 239.5]) + near * (-1, -1, -1, 1), abs=1)


def test_relations_have_closed_forms(stage: Stage) -> None:
    assert relation(stage, 0, plain.LAMP, plain.SOFA, "lr") == (1, pytest.approx(0.85, abs=0.02))
    assert relation(stage, 1, plain.LAMP, plain.SOFA, "lr")[0] == -1  # from the back
    assert relation(stage, 0, plain.BOX, plain.SOFA, "fb")[0] == 1
    assert relation(stage, 1, plain.BOX, plain.SOFA, "fb")[0] == -1
    assert relation(stage, 0, plain.SOFA, plain.PLANT, "fb")[0] == 0  # the plant is beside it
    assert relation(stage, 0, plain.LAMP, plain.SOFA, "ab")[0] == 0  # both stand on the floor
    assert relation(stage, 0, plain.BENCH, plain.SOFA, "lr")[0] == 0  # behind the camera nothing appears
    assert stage_distance(stage, plain.SOFA, plain.LAMP) == pytest.approx(np.hypot(0.85, 0.4), abs=0.005)


def test_words_are_read() -> None:
    assert asked_sign("Is it further to the left than the sofa?", "lr") == -1
    assert asked_sign("Is the lamp above the sofa?", "ab") == 1
    assert asked_sign("Which one is nearer to the camera?", "fb") == -1
    assert asked_sign("Is it left or right?", "lr") == 0
    assert option_axis("Farther from the camera than the sofa") == ("fb", 1)
    assert option_axis("beside the sofa") is None


MAKERS = (
    plain.existence,
    plain.attribute,
    plain.spatial,
    plain.count,
    plain.best_view,
    plain.localization,
    plain.nowhere,
    plain.camera_distance,
    plain.object_distance,
    plain.size,
)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_right_rows_pass(stage: Stage, make: Callable[..., Row]) -> None:
    verdict = judge(stage, make(stage))
    assert verdict.right, (verdict.faults, verdict.choice)


def _evidence(row: Row, change: Callable[[dict[str, Any]], None]) -> Row:
    evidence = json.loads(row["evidence"])
    change(evidence)
    return {**row, "evidence": json.dumps(evidence)}


def _role(row: Row, place: int, **changed: str) -> Row:
    objects = [dict(one) for one in row["objects"]]
    objects[place] |= changed
    return {**row, "objects": objects}


def _state(place: int, **changed: Any) -> Callable[[dict[str, Any]], None]:
    return lambda evidence: evidence["objects"]["per_frame"][place].update(changed)


# What is wrong, and what the witness must say of it.
PLANTED: Mapping[tuple[str, str], Callable[[Stage], Row]] = {
    ("frames that overlap", "a pair that shares"): lambda s: plain.existence(s, frames=(0, 1, 3)),
    ("one frame", "1 frames"): lambda s: plain.existence(s) | {"frame_ids": ["0"]},
    ("a frame twice", "a frame twice"): lambda s: plain.existence(s) | {"frame_ids": ["0", "1", "1"]},
    ("another overlap", "ray casting"): lambda s: _evidence(
        plain.existence(s),
        lambda e: e["view_sets"].update(overlap_matrix=(np.array(e["view_sets"]["overlap_matrix"]) * 0.5).tolist()),
    ),
    ("occlusion", "occlusion 0.5"): lambda s: plain.existence(s, occlusion=0.5),
    ("difficulty", "difficulty low"): lambda s: plain.existence(s, difficulty="low"),
    ("margin", "margin 0.9"): lambda s: plain.existence(s, margin=0.9),
    ("another overlap column", "column overlap"): lambda s: plain.existence(s) | {"overlap": 0.1},
    ("visible pixels", "20000 px"): lambda s: _evidence(plain.existence(s), _state(0, visible_px=20000)),
    ("pixels of the silhouette", "silhouette 7200"): lambda s: _evidence(
        plain.existence(s), _state(1, in_image_px=7200)
    ),
    ("truncation", "truncation 0.050"): lambda s: _evidence(plain.existence(s), _state(1, truncation=0.05)),
    ("state", "state clear"): lambda s: _evidence(plain.existence(s), _state(1, state="clear")),
    ("a state is missing", "no state of"): lambda s: _evidence(
        plain.existence(s), lambda e: e["objects"]["per_frame"].pop()
    ),
    ("another label", "not a 'cabinet'"): lambda s: _role(plain.existence(s), 1, label="cabinet"),
    ("an object that the text does not name", "no word of the 'lamp'"): lambda s: plain.existence(
        s, question="In Frame 0, is the plant to the right of the sofa?"
    ),
    ("a wall", "'wall' is mentioned"): lambda s: plain.row(
        s,
        "obj_size_occ_na",
        {plain.WALL: "target"},
        question="How long is the wall?",
        value=[8.0],
        units=["m"],
        answer="8.00",
        answer_short="8.00",
    ),
    ("two of a name", "also in the images"): lambda s: plain.row(
        s,
        "obj_distance_occ_na",
        {plain.CHAIR: "target"},
        question="How far is the chair from the camera of Frame 0?",
        value=[float(np.hypot(2.0, 4.0) + 0.01)],
        units=["m"],
        answer="4.5",
        answer_short="4.5",
    ),
    ("a mark beside its object", "lies on object -1"): lambda s: (
        plain.existence(s)
        | {
            "variant": "dot",
            "points": [
                {"image": 0, "x": 20.0, "y": 20.0, "label": "A", "instance_id": str(plain.SOFA), "role": "reference"}
            ],
            "question": "In Frame 0, is the lamp to the right of sofa A?",
        }
    ),
    ("the wrong answer", "option 0 is true"): lambda s: plain.existence(s, answer_index=1, value=[0.0]),
    ("value against answer", "value .0.0., answer Yes"): lambda s: plain.existence(s, value=[0.0]),
    ("the other direction", "option 0 is false"): lambda s: plain.existence(
        s, question="In Frame 0, is the lamp left of the sofa?"
    ),
    ("another frame in the text", "lacks Frame 0"): lambda s: plain.existence(
        s, question="In Frame 1, is the lamp right of the sofa?"
    ),
    ("another frame asked", "target is clear in the asked frame"): lambda s: plain.existence(
        s, evidence={"query_image": 1, "relations": {"axis": "lr"}}
    ),
    ("a target in plain sight", "target is clear in the asked frame"): lambda s: plain.row(
        s,
        "obj_existence_occ_lr",
        {plain.SOFA: "reference", plain.CABINET: "target"},
        question="In Frame 0, is the cabinet right of the sofa?",
        options=["Yes", "No"],
        answer_index=0,
        value=[1.0],
        evidence={"relations": {"axis": "lr"}},
    ),
    ("a target behind the camera", "reaches to -2.00 m"): lambda s: plain.row(
        s,
        "obj_existence_occ_lr",
        {plain.SOFA: "reference", plain.BENCH: "target"},
        question="In Frame 0, is the bench right of the sofa?",
        options=["Yes", "No"],
        answer_index=1,
        value=[0.0],
        evidence={"relations": {"axis": "lr"}},
    ),
    ("a relation that is undecided", "option 0 is undecided"): lambda s: plain.row(
        s,
        "obj_existence_occ_ab",
        {plain.SOFA: "reference", plain.LAMP: "target"},
        question="In Frame 0, is the lamp higher than the sofa?",
        options=["Yes", "No"],
        answer_index=0,
        value=[1.0],
        evidence={"relations": {"axis": "ab"}},
    ),
    ("another option", "option 2 is true"): lambda s: plain.attribute(s, answer_index=0),
    ("a distractor on the same side", "option 0 is undecided"): lambda s: plain.attribute(
        s, options=["cabinet", "box", "lamp", "basket"]
    ),
    ("two true options", "option 1 is true"): lambda s: plain.spatial(
        s,
        options=["To the left of the sofa", "Farther from the camera than the sofa", "To the right of the sofa"],
    ),
    ("an undecided option", "option 1 is undecided"): lambda s: plain.spatial(
        s, options=["To the left of the sofa", "Higher than the sofa", "To the right of the sofa"]
    ),
    ("a truth table with two", "truth table"): lambda s: _evidence(
        plain.spatial(s), lambda e: e.update(truth_table=[False, True, True])
    ),
    ("an option twice", "options"): lambda s: plain.count(s, options=["3", "2", "1", "3"]),
    ("another count", "counted 2"): lambda s: plain.count(s, value=[3.0], answer_index=0),
    ("one that is counted is not one", "not counted"): lambda s: _role(
        plain.count(s), 1, instance_id=str(plain.PLANT), label="plant"
    ),
    ("one is not counted", "chair 4 has"): lambda s: (lambda row: row | {"objects": row["objects"][:1]})(
        plain.count(s)
    ),
    ("one that no frame shows", "has 0 px at best"): lambda s: plain.count(s, frames=(0, 3)),
    ("coverage", "coverage partial"): lambda s: plain.count(
        s,
        evidence={
            "instances_in_scene": ["3", "4"],
            "scenario": {"visibility": "partially_visible", "coverage": "partial"},
        },
    ),
    ("visibility", "visibility fully_visible"): lambda s: plain.count(
        s, evidence={"instances_in_scene": ["3", "4"], "scenario": {"visibility": "fully_visible", "coverage": "full"}}
    ),
    ("number in the scene", "3 in the scene"): lambda s: plain.count(
        s,
        evidence={
            "instances_in_scene": ["3", "4", "5"],
            "scenario": {"visibility": "partially_visible", "coverage": "full"},
        },
    ),
    ("another best view", "frame 1 shows"): lambda s: plain.best_view(s, answer_index=0, value=[2.0, 0.0]),
    ("another letter", "answer 'A'"): lambda s: plain.best_view(s) | {"answer_short": "A", "answer": "A"},
    ("options are not in the text", "lacks option A"): lambda s: (
        plain.best_view(s) | {"question": "How many chairs are in which frame?"}
    ),
    ("a shifted box", "box .128.5"): lambda s: (
        lambda row: row | {"boxes": [{**row["boxes"][0], "x1": row["boxes"][0]["x1"] + 3}]}
    )(plain.localization(s)),
    ("a shifted centre", "centre"): lambda s: plain.localization(s, value=[150.0, 320.0]),
    ("no, though it is there", "px of the target"): lambda s: plain.localization(s, value=[], answer_index=0, boxes=[]),
    ("there, though it is hidden", "0 px of the target"): lambda s: plain.nowhere(
        s, value=[300.0, 200.0], answer_index=1
    ),
    ("an option near the truth", "option 1 is undecided"): lambda s: (
        lambda row: plain.localization(s, options=["No", "Yes; (300, 555)", row["options"][2], "Yes; (700, 700)"])
    )(plain.localization(s)),
    ("an option outside the image", "outside"): lambda s: plain.nowhere(
        s, options=["No", "Yes; (1200, 20)", "Yes; (300, 300)"]
    ),
    ("the centre's distance", "truth 4.3"): lambda s: plain.camera_distance(
        s, value=[4.52], answer="4.5", answer_short="4.5"
    ),
    ("text against value", "text 4.5"): lambda s: plain.camera_distance(s, answer="4.5", answer_short="4.5"),
    ("the centres' distance", "truth 0.93"): lambda s: plain.object_distance(
        s, value=[1.84], answer="1.84", answer_short="1.84"
    ),
    ("another side", "truth 1.2"): lambda s: plain.size(s, value=[0.8], answer="80", answer_short="80"),
    ("another unit", "units"): lambda s: plain.size(s, units=["count"]),
}


@pytest.mark.parametrize("error", PLANTED, ids=lambda error: error[0])
def test_planted_errors_are_found(stage: Stage, error: tuple[str, str]) -> None:
    verdict = judge(stage, PLANTED[error](stage))
    faults = [*verdict.faults, *verdict.choice]
    assert any(re.search(error[1], fault) for fault in faults), faults


def test_planted_imbalance_and_repetition_are_found(stage: Stage) -> None:
    yes, no = plain.existence(stage), plain.existence(stage, answer_index=1, value=[0.0])
    assert unbalanced([yes, no, yes]) == []
    assert unbalanced([yes, no, yes, yes]) != []
    left, right = ({"template": f"obj_existence_occ_lr/{side}.name/0"} for side in ("left", "right"))
    assert one_sided([yes | left, no | right, yes | left]) == []
    assert one_sided([yes | left, no | right, yes | left, no | left]) != []
    assert one_sided([yes | left] * 3) != []
    other = plain.existence(stage, frames=(0, 1))
    assert repeated([yes, other]) == []
    turned = plain.existence(stage, frames=(0, 2, 1))
    assert repeated([yes, turned]) != []
    counts = [plain.count(stage, value=[float(n)]) for n in (1, 1, 2, 3)]
    assert frequent_counts(counts) == {"obj_count_occ": 0.5}
