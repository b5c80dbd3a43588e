"""The witness of SPAR's rows itself: boxes with known places, right rows of a room, rows with one planted error each.

Here is what holds of every row, and of depths, distances and sizes; the other families have tests of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from support import spar_depths, spar_rows
from support.closed_form import BOXES, MORE_BOXES, make_scene
from support.closed_rooms import rows_of, stage_of
from support.mosaic_oracle import Stage
from support.spar_boxes import smallest
from support.spar_judge import JUDGES
from support.spar_rows import SparReading, judge_any_spar
from support.spar_tasks import TASKS
from support.spar_texts import TABLE

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Scene
from spatialgen.engines.spar import depth_distance

Row = dict[str, Any]
Change = Callable[[Row], object]

OC, OC_MV, OO, OO_MV, FAR, FAR_MV, APART, APART_MV, VIDEO, VOLUME = spar_depths.JUDGES


@pytest.fixture(scope="module", autouse=True)
def _every_vertex() -> Iterator[None]:
    """The room's mesh is coarse: some of its vertices tell no overlap."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spar_rows, "VERTEX_STEP", 1)
        yield


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(frames=30, furnished=True)


@pytest.fixture(scope="module")
def stage(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return stage_of(scene, tmp_path_factory.mktemp("room"))


@pytest.fixture(scope="module")
def rows(scene: Scene) -> list[Row]:
    return list(rows_of(scene, depth_distance.ENGINE, limit=9, geometry=SceneGeometry(scene)))


def faults(stage: Stage, row: Row, **options: Any) -> list[str]:
    """What is wrong with any such row, and, if its marks can be told apart, what with one of its task."""
    found: list[str] = []
    for judge in (judge_any_spar, spar_depths.JUDGES[row["task"]]):
        if not any(re.match("frames|marks|2 images", fault) for fault in found):
            reading = SparReading(stage, row, **options)
            judge(reading)
            found += [*reading.verdict.faults, *reading.verdict.choice]
    return found


def test_every_task_has_a_judge() -> None:
    assert set(JUDGES) == set(TASKS) == set(TABLE)


def test_boxes_and_centres_have_closed_forms(stage: Stage, rows: list[Row]) -> None:
    reading = SparReading(stage, rows[0])
    for instance, (low, high) in enumerate(np.concatenate([BOXES, MORE_BOXES])):
        box = reading.box_of(instance)
        length, width = sorted((high - low)[:2], reverse=True)
        # 0.5 % of the surface at each end of a box lies on its outermost side.
        assert box.size == pytest.approx([length, width, (high - low)[2]], abs=0.01)
        assert box.centre == pytest.approx((low + high) / 2, abs=0.01)
        eye = reading.pose(0)[:3, 3]
        assert reading.distance(0, instance) == pytest.approx(np.linalg.norm((low + high) / 2 - eye), abs=0.01)
        ahead = reading.pose(0)[:3, 2] @ ((low + high) / 2 - eye)
        assert reading.depth(0, instance) == pytest.approx(ahead, abs=0.01)


def test_the_smallest_box_is_found_at_any_turn() -> None:
    turn = np.radians(37.3)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    corners = [(*(x * along + y * across), z) for x in (0, 2.0) for y in (0, 0.7) for z in (0.1, 0.9)]
    box = smallest(np.array(corners), np.array(corners), (0, 100))[0]
    assert box.size == pytest.approx([2.0, 0.7, 0.8])
    assert abs(box.axes[0, :2] @ along) == pytest.approx(1)
    assert box.centre == pytest.approx([*(along + 0.35 * across), 0.5])
    assert len(smallest(box.corners(), box.corners(), (0, 100))) == 1


def test_right_rows_pass(stage: Stage, rows: list[Row]) -> None:
    assert {row["task"] for row in rows} == set(spar_depths.JUDGES)
    assert {row["id"]: found for row in rows if (found := faults(stage, row))} == {}


def test_noise_allows_ten_centimetres_and_no_more(stage: Stage, rows: list[Row]) -> None:
    row = _first(rows, FAR, "fill")
    for by, wrong in ((0.08, False), (0.4, True)):
        moved = deepcopy(row)
        moved["value"][0] += by
        moved["answer"] = moved["answer_short"] = f"{moved['value'][0]:.1f}"
        assert bool(faults(stage, moved, noisy=True)) is wrong
        assert faults(stage, moved)


# ---- what is planted


def _first(rows: list[Row], task: str, form: str) -> Row:
    """A copy of the first row of a task and form."""
    return deepcopy(next(row for row in rows if (row["task"], row["form"]) == (task, form)))


def _evidence(row: Row, change: Callable[[dict[str, Any]], object]) -> None:
    evidence = json.loads(row["evidence"])
    change(evidence)
    row["evidence"] = json.dumps(evidence)


def _slot(name: str, change: Callable[[Any], object]) -> Change:
    def planted(row: Row) -> None:
        slots = json.loads(row["slots"])
        slots[name] = change(slots[name])
        row["slots"] = json.dumps(slots)

    return planted


def _value(by: float) -> Change:
    """Another truth, told alike everywhere but where it can be looked up."""

    def planted(row: Row) -> None:
        row["value"][0] += by
        row["answer"] = row["answer_short"] = f"{row['value'][0]:.1f}"

    return planted


def _ask(old: str, new: str) -> Change:
    def planted(row: Row) -> None:
        assert re.search(old, row["question"]), row["question"]
        row["question"] = re.sub(old, new, row["question"])

    return planted


def _swap_deeper(row: Row) -> None:
    slots = json.loads(row["slots"])
    slots["deeper"], slots["shallower"] = slots["shallower"], slots["deeper"]
    row["slots"] = json.dumps(slots)


def _other_letter(row: Row) -> None:
    row["answer_index"] = (row["answer_index"] + 1) % 4
    row["answer"] = row["answer_short"] = "ABCD"[row["answer_index"]]


def _option(text: Callable[[float], str]) -> Change:
    """The option after the true one, made of the true number."""

    def planted(row: Row) -> None:
        index = (row["answer_index"] + 1) % 4
        new = text(float(row["options"][row["answer_index"]]))
        row["question"] = row["question"].replace(
            f"{'ABCD'[index]}. {row['options'][index]}", f"{'ABCD'[index]}. {new}"
        )
        row["options"][index] = new

    return planted


def _frames(change: Callable[[list[str]], list[str]]) -> Change:
    return lambda row: row.update(frame_ids=change(row["frame_ids"]))


def _mark(number: int, **changed: Any) -> Change:
    return lambda row: row["points"][number].update(changed)


def _sides(row: Row) -> None:
    row["value"][1] += 0.04
    texts = [f"{100 * side:.0f}" for side in row["value"]]
    row["answer"] = row["answer_short"] = ", ".join(texts)


PLANTED: Mapping[tuple[str, str, str, str], Change] = {
    # any row
    (FAR, "fill", "a frame that is not there", "frames"): _frames(lambda _: ["99"]),
    (FAR_MV, "fill", "a frame twice", "a frame twice"): _frames(lambda names: [names[0], *names[:2]]),
    (FAR_MV, "fill", "two images", "2 images"): lambda row: row.update(frame_ids=row["frame_ids"][:2]),
    (FAR_MV, "fill", "another order of frames", "t_12"): _frames(lambda names: names[::-1]),
    (VIDEO, "fill", "frames out of order", "out of order"): _frames(lambda names: names[::-1]),
    (FAR_MV, "fill", "an overlap", "ray casting"): lambda row: _evidence(
        row, lambda e: e["pairs"][0].update(overlap_iou=0.99)
    ),
    (FAR_MV, "fill", "the overlap's column", "overlap 0.01"): lambda row: row.update(overlap=0.01),
    (FAR, "fill", "a margin below 1", "margin 0.9"): lambda row: row.update(margin=0.9),
    (FAR, "fill", "another name", "is a '.*', not a 'sofa'"): lambda row: row["objects"][0].update(label="sofa"),
    (FAR, "fill", "visible pixels", "ray casting"): lambda row: _evidence(
        row, lambda e: e["objects"]["per_frame"][0].update(visible_px=7)
    ),
    (FAR, "fill", "a mark beside its object", "lies on object"): _mark(0, x=2.0, y=2.0),
    (FAR, "fill", "a mark outside the image", "point 0 at"): _mark(0, x=-7.0),
    (FAR, "fill", "a mark's depth", "depth 9.000"): _mark(0, depth=9.0),
    (FAR, "fill", "a mark's colour", "the task has"): _mark(0, color="#1f4fff"),
    (APART, "fill", "two marks of a colour", "the task has"): _mark(0, color="#1f4fff"),
    (APART, "fill", "colours exchanged", "slot a says"): lambda row: (
        row["points"][0].update(color="#1f4fff"),
        row["points"][1].update(color="#ff1f1f"),
    ),
    (FAR, "fill", "another colour in the text", "no word of"): _ask("red point", "blue point"),
    (FAR, "sentence", "another colour in the answer", "speaks of"): lambda row: row.update(
        answer=row["answer"] + " The (green point) too."
    ),
    (FAR, "fill", "no mark in the text", "no word of"): _ask(r" \(red point\)", ""),
    (FAR_MV, "fill", "another image in the slots", "is marked in image"): _slot(
        "object_image", lambda told: "first" if told != "first" else "second"
    ),
    (VIDEO, "fill", "another frame in the slots", "is marked in frame"): _slot("a_frame", lambda told: told + 1),
    (VIDEO, "fill", "a frame that is not shown", "frames .*99"): _ask(r"Frame-\d+", "Frame-99"),
    (FAR, "fill", "no unit", "no unit"): _ask(r"(?i)met(re|er)s?", "steps"),
    (FAR, "fill", "units", "units"): lambda row: row.update(units=["cm"]),
    (FAR, "fill", "another text than the value", "for"): lambda row: row.update(answer="9.9", answer_short="9.9"),
    (FAR, "fill", "two decimals", "is no"): lambda row: row.update(
        answer=row["answer"] + "1", answer_short=row["answer"] + "1"
    ),
    (FAR, "sentence", "another number in the sentence", "say"): lambda row: row.update(
        answer=re.sub(r"\d+\.\d", "9.9", row["answer"])
    ),
    (FAR, "select", "another letter", "for"): _other_letter,
    (FAR, "select", "the letter alone", "is not the letter"): lambda row: row.update(answer_short="E", answer="E"),
    (FAR, "select", "an option twice", "options"): _option(lambda true: f"{true:.1f}"),
    (FAR, "select", "an option near the truth", "options"): _option(lambda true: f"{true * 1.1:.1f}"),
    (FAR, "select", "an option out of reach", "options"): _option(lambda true: f"{true * 3:.1f}"),
    (FAR, "select", "options that are not in the text", "lines are"): _ask("\nB\\. ", "\nB) "),
    (VOLUME, "fill", "a shifted box", "box"): lambda row: row["boxes"][0].update(x1=row["boxes"][0]["x1"] + 9),
    # depths and distances
    (OC, "fill", "another depth", "truth"): _value(0.1),
    (OC, "fill", "another given depth", "given depth"): _slot(
        "depth", lambda told: {"value": [told["value"][0] + 0.2], "text": f"{told['value'][0] + 0.2:.1f}"}
    ),
    (OC, "fill", "the given depth in the text alone", "no word of the given"): _ask(r"\d\.\d", "9.9"),
    (OC_MV, "fill", "another camera's depth", "truth"): lambda row: row["points"][1].update(
        image=next(k for k in range(3) if k not in {point["image"] for point in row["points"]})
    ),
    (OC_MV, "fill", "both marks in one image", "marks in images"): lambda row: row["points"][1].update(
        image=row["points"][0]["image"]
    ),
    (OO, "fill", "another difference", "truth"): _value(0.1),
    (OO, "fill", "the shallower one is deeper", "is called deeper"): _swap_deeper,
    (OO, "fill", "the sign", "signed difference"): lambda row: _evidence(
        row, lambda e: e.update(signed_difference=-e["signed_difference"])
    ),
    (OO_MV, "fill", "two marks on an object", "two marks on one"): lambda row: row["points"][2].update(
        instance_id=row["points"][1]["instance_id"]
    ),
    (FAR_MV, "sentence", "another distance", "truth"): _value(0.1),
    (APART, "fill", "another distance", "truth"): _value(0.1),
    (APART_MV, "fill", "another object", "truth"): lambda row: row["points"][1].update(
        instance_id=next(str(k) for k in range(9) if str(k) not in {p["instance_id"] for p in row["points"]})
    ),
    (VIDEO, "select", "another truth", "truth"): lambda row: row.update(value=[row["value"][0] + 0.3]),
    # sizes
    (VOLUME, "fill", "a side", "sides"): _sides,
    (VOLUME, "fill", "length and width exchanged", "length"): lambda row: row["value"].__setitem__(
        slice(0, 2), [row["value"][1] - 0.01, row["value"][0]]
    ),
    (VOLUME, "fill", "an image that does not show it whole", "is lost|px of"): lambda row: row["boxes"][0].update(
        instance_id="0"
    ),
}


@pytest.mark.parametrize("error", PLANTED, ids=lambda error: f"{error[0]} {error[2]}")
def test_planted_errors_are_found(stage: Stage, rows: list[Row], error: tuple[str, str, str, str]) -> None:
    task, form, _, fault = error
    row = _first(rows, task, form)
    PLANTED[error](row)
    found = faults(stage, row)
    assert any(re.search(fault, one) for one in found), found
