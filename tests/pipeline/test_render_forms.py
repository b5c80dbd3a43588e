"""Rows of a task in all its forms: each from its own wording, each following every rule of a row."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.closed_form import make_scene

from spatialgen import templates
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import BoxMark, BoxRef, Fact, Mention, Scene, Skip, TaskSpec, Value
from spatialgen.dataset import markers
from spatialgen.dataset.check import problems
from spatialgen.engines.base import Engine, Parameters, Request
from spatialgen.media.images import decode_rgb
from spatialgen.pipeline.config import make_config
from spatialgen.pipeline.render import Renderer
from spatialgen.scene_io import SceneRef

REF = SceneRef("box_0000", "boxroom", "box_0000", Path("."), "scannet")
SPEC = TaskSpec(
    name="beside",
    suite="spar",
    engine="beside",
    version="1",
    summary="Where is one thing, seen from another?",
    answer_type="relation",
    units=("index",),
    text_unit="",
    variants=("box",),
    forms=("fill", "select", "judge", "sentence"),
    slots=frozenset({"a", "b", "relation"}),
    required_slots=frozenset({"a", "b"}),
    needs=("image",),
    axes=("right", "up", "distance"),
    form_slots=(("judge", frozenset({"relation"})),),
)
WORDING = """
[fill.box]
questions = ["Where is the {a}, compared with the {b}?"]
answers = ["{answer}"]
[select.box]
questions = "fill.box"
answers = ["{answer}"]
[judge.box]
questions = ["Compared with the {b}, is the {a} {relation}?"]
answers = ["{answer}"]
[sentence.box]
questions = "fill.box"
answers = ["Next to the {b}, the {a} is {answer}."]
"""
TRUTH = (-1.0, 0.0, -1.0)


class Beside(Engine):
    """States nothing: its facts are given to the renderer by hand."""

    name, suite, version, tasks, parameters = "beside", "spar", "1", (SPEC,), Parameters

    def state(self, scene: Scene, geometry: SceneGeometry, request: Request, rng: Any) -> Iterator[Fact | Skip]:
        yield from ()


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(frames=2)


@pytest.fixture(scope="module")
def renderer(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    root = tmp_path_factory.mktemp("words")
    (root / "en" / "spar").mkdir(parents=True)
    (root / "en" / "spar" / "beside.toml").write_text(WORDING)
    shutil.copy(templates.requests().path, root / "en")
    config = make_config(["depth_estimation"]).model_copy(update={"template_root": root})
    return Renderer(config, scene, REF, Beside())


def fact(form: str, **changes: Any) -> Fact:
    boxes = (
        BoxMark(0, 39.5, 59.5, 120.5, 180.5, role="target", instance_id="0", color_role="red"),
        BoxMark(0, 159.5, 59.5, 280.5, 180.5, role="reference", instance_id="1", color_role="blue"),
    )
    return Fact(
        task="beside",
        frames=(0,),
        variant="box",
        form=form,
        **{
            "value": TRUTH,
            "boxes": boxes,
            "objects": (Mention("0", "table", "target"), Mention("1", "cabinet", "reference")),
            "slots": {"a": BoxRef(0), "b": BoxRef(1)},
            **changes,
        },
    )


def test_to_fill_in(renderer: Renderer) -> None:
    row = renderer.row(fact("fill"))
    assert problems(row) == []
    question, line = row["question"].split("\n")
    assert question == "Where is the table (red bbox), compared with the cabinet (blue bbox)?"
    assert line.endswith(".")
    assert row["answer"] == row["answer_short"] == "left, , closer"
    assert (row["answer_type"], row["units"], row["options"]) == ("relation", ["index"] * 3, None)
    assert row["template"].startswith("beside/fill.box/")
    assert json.loads(row["slots"])["a"] == {"box": 0, "text": "table (red bbox)"}


def test_to_select(renderer: Renderer) -> None:
    options = (Value((1, 0, -1)), Value((-1, 0, 1)), Value(TRUTH), Value((1, 0, 1)))
    row = renderer.row(fact("select", options=options, answer_index=2))
    assert problems(row) == []
    lines = row["question"].split("\n")
    assert lines[1:5] == ["A. right, , closer", "B. left, , farther", "C. left, , closer", "D. right, , farther"]
    assert len(lines) == 6
    assert (row["answer"], row["answer_type"], row["value"]) == ("C", "choice", list(TRUTH))
    assert row["template"].startswith("beside/fill.box/")


def test_to_judge(renderer: Renderer) -> None:
    slots = {"a": BoxRef(0), "b": BoxRef(1), "relation": Value((1, 0, -1))}
    row = renderer.row(fact("judge", value=(0.0,), options=("Yes", "No"), answer_index=1, slots=slots))
    assert problems(row) == []
    assert row["question"].startswith(
        "Compared with the cabinet (blue bbox), is the table (red bbox) to the right and closer?\n"
    )
    assert (row["answer"], row["answer_type"], row["units"]) == ("No", "yesno", ["bool"])
    assert json.loads(row["slots"])["relation"] == {"value": [1, 0, -1], "text": "to the right and closer"}


def test_in_a_sentence(renderer: Renderer) -> None:
    row = renderer.row(fact("sentence"))
    assert problems(row) == []
    assert "\n" not in row["question"]
    assert row["answer"] == "Next to the cabinet (blue bbox), the table (red bbox) is to the left and closer."
    assert (row["answer_short"], row["answer_type"]) == ("left, , closer", "relation")
    wrong = {**row, "answer": row["answer"].replace("left", "right")}
    wrong["messages"] = [row["messages"][0], {"role": "assistant", "content": wrong["answer"]}]
    assert problems(wrong) == ["the sentence does not say 'left'"]


def test_marks_have_the_colours_the_text_names(renderer: Renderer, scene: Scene) -> None:
    row = renderer.row(fact("fill"))
    assert [box["color"] for box in row["boxes"]] == [markers.ROLE_COLORS["red"], markers.ROLE_COLORS["blue"]]
    assert [box["label"] for box in row["boxes"]] == [None, None]
    pixels = decode_rgb(row["images"][0]["bytes"]).astype(int)
    for box in row["boxes"]:
        wanted = [int(box["color"][k : k + 2], 16) for k in (1, 3, 5)]
        edge = pixels[119:122, int(box["x1"]) - 1 : int(box["x1"]) + 3]
        assert np.abs(edge - wanted).max(axis=2).min() < 70


def test_many_marks_in_one_colour_are_told_by_their_names(renderer: Renderer) -> None:
    boxes = fact("fill").boxes
    named = tuple(
        BoxMark(0, b.x1, b.y1, b.x2, b.y2, f"object{k}", b.role, b.instance_id, color_role="green")
        for k, b in enumerate(boxes)
    )
    row = renderer.row(fact("fill", boxes=named))
    assert problems(row) == []
    assert row["question"].startswith("Where is the object0, compared with the object1?")
    nameless = tuple(BoxMark(0, b.x1, b.y1, b.x2, b.y2, "", b.role, b.instance_id, color_role="green") for b in boxes)
    assert any("shares a colour" in problem for problem in problems(renderer.row(fact("fill", boxes=nameless))))


def test_lines_that_ask_for_a_form_vary(renderer: Renderer) -> None:
    requests = templates.requests()
    found = {requests.line("select", 7 * key * 104_729) for key in range(40)}
    assert len(found) == 8
    assert requests.line("sentence", 3) == ""
