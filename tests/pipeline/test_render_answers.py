"""How answers of every kind are written: words, vectors, coordinates, yes and no; and marks in several images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.closed_form import make_scene

from spatialgen import engines
from spatialgen.core.types import BoxMark, Fact, Mention, Point, PointRef, Scene
from spatialgen.dataset.check import problems
from spatialgen.media.images import decode_rgb
from spatialgen.pipeline.answers import coordinate_text
from spatialgen.pipeline.config import make_config
from spatialgen.pipeline.render import Renderer
from spatialgen.scene_io import SceneRef

REF = SceneRef("box_0000", "boxroom", "box_0000", Path("."), "scannet")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(frames=18)


def render(scene: Scene, fact: Fact, **options: object) -> dict:
    engine = engines.load(fact.task)
    row = Renderer(make_config([fact.task], **options), scene, REF, engine).row(fact)
    assert problems(row) == []
    return row


def rows_of(scene: Scene, task: str, **options: object) -> list[dict]:
    engine = engines.load(task)
    facts = [f for f in engine.facts(scene, limit=12, tasks=[task], **options) if isinstance(f, Fact)]  # type: ignore[arg-type]
    assert facts
    rows = Renderer(make_config([task]), scene, REF, engine).rows(facts)
    assert [problems(row) for row in rows] == [[]] * len(rows)
    return rows


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((0.1234, -0.0016, 2.0), "[123, -2, 2000]"),
        ((-0.0004, 0.0, 0.0006), "[0, 0, 1]"),
        ((1, -1, -0.5), "[1000, -1000, -500]"),
    ],
)
def test_vectors_are_whole_signed_millimetres(scene: Scene, value: tuple[float, float, float], text: str) -> None:
    fact = Fact(task="camera_displacement", frames=(0, 1), variant="name", form="fill", value=value)
    row = render(scene, fact, images="path")
    assert row["answer"] == row["answer_short"] == text
    assert row["units"] == ["m", "m", "m"]
    assert row["messages"][0]["content"].count("<image>") == 2


def test_angles_are_whole_degrees_without_their_sign(scene: Scene) -> None:
    fact = Fact(task="camera_yaw_angle", frames=(0, 1), variant="name", form="fill", value=(-np.pi / 7,))
    row = render(scene, fact, images="path")
    assert row["answer"] == "26"
    assert row["value"] == [-np.pi / 7]
    assert row["units"] == ["rad"]


def test_directions_are_words(scene: Scene) -> None:
    for row in rows_of(scene, "camera_movement_yaw"):
        assert row["options"] == ["left", "right"]
        assert row["answer"] == ("left" if row["value"][0] > 0 else "right")
        assert not row["marks_drawn"]


def test_correspondence_is_a_letter_or_a_place_in_the_second_image(scene: Scene) -> None:
    for row in rows_of(scene, "visual_correspondence"):
        size = row["image_sizes"][1]
        if row["variant"] == "dot":
            assert row["answer_type"] == "choice"
            assert row["options"] == ["A", "B", "C", "D"]
            assert [p["label"] for p in row["points"]] == ["P", "A", "B", "C", "D"]
            assert [p["image"] for p in row["points"]] == [0, 1, 1, 1, 1]
            assert len({p["color"] for p in row["points"]}) == 5
            true = row["points"][1 + row["answer_index"]]
            for point in row["points"]:
                pixels = decode_rgb(row["images"][point["image"]]["bytes"]).astype(int)
                wanted = [int(point["color"][k : k + 2], 16) for k in (1, 3, 5)]
                assert np.abs(pixels[round(point["y"]), round(point["x"])] - wanted).max() < 60
        else:
            assert row["answer_type"] == "point"
            true = row["points"][1]
            assert row["answer"] == coordinate_text(true["x"], true["y"], size["width"], size["height"])
            first = coordinate_text(row["points"][0]["x"], row["points"][0]["y"], size["width"], size["height"])
            assert first in row["question"]
        assert row["value"] == [true["x"], true["y"]]
        assert row["units"] == ["px", "px"]


def test_a_box_is_drawn_in_its_own_image_only(scene: Scene) -> None:
    box = BoxMark(image=1, x1=49.5, y1=39.5, x2=200.5, y2=180.5, label="A", instance_id="0")
    fact = Fact(
        task="object_height",
        frames=(2, 4),
        variant="box",
        form="fill",
        polarity="several",
        value=(0.75,),
        boxes=(box,),
        objects=(Mention("0", "table", "target"),),
        slots={"object": "A"},
    )
    row = render(scene, fact)
    assert row["marks_drawn"]
    assert row["answer"] == "750"
    assert row["boxes"][0]["label"] == "A"
    wanted = [int(row["boxes"][0]["color"][k : k + 2], 16) for k in (1, 3, 5)]
    pixels = decode_rgb(row["images"][1]["bytes"]).astype(int)
    for x, y in ((50, 110), (200, 110), (125, 40), (125, 180)):
        assert np.abs(pixels[y - 1 : y + 2, x - 1 : x + 2] - wanted).max(axis=2).min() < 70
    untouched = decode_rgb(scene.frames[2].load_image())
    np.testing.assert_array_equal(decode_rgb(row["images"][0]["bytes"]), untouched)
    assert json.loads(row["slots"]) == {"object": "A"}


@pytest.mark.parametrize(("moved", "answer"), [(True, "Yes"), (False, "No")])
def test_yes_and_no(scene: Scene, moved: bool, answer: str) -> None:
    fact = Fact(
        task="object_movement_still",
        frames=(0, 3),
        variant="coord",
        form="judge",
        value=(float(moved),),
        points=(Point(0, 100.25, 80.5, 2.0, label="A"),),
        options=("Yes", "No"),
        answer_index=0 if moved else 1,
        slots={"point": PointRef(0)},
    )
    row = render(scene, fact, images="path")
    assert row["answer"] == answer
    assert row["value"] == [float(moved)]
    assert coordinate_text(100.25, 80.5, 320, 240) in row["question"]


def test_options_that_are_words_are_listed_and_answered_by_letter(scene: Scene) -> None:
    fact = Fact(
        task="obj_count_occ",
        frames=(0, 3),
        variant="name",
        form="choice",
        value=(2.0,),
        objects=(Mention("0", "shelf", "counted"), Mention("1", "shelf", "counted")),
        options=("4", "1", "2", "3"),
        answer_index=2,
        slots={"object": "shelf"},
    )
    row = render(scene, fact, images="path")
    assert row["question"].endswith("\nA. 4\nB. 1\nC. 2\nD. 3")
    assert row["messages"][0]["content"] == "<image>\n<image>\n" + row["question"]
    assert "shelves" in row["question"]
    assert "shelf" not in row["question"]
    assert row["answer"] == row["answer_short"] == "C"
    assert row["options"] == ["4", "1", "2", "3"]
    assert json.loads(row["slots"]) == {"object": "shelf"}


def test_options_may_hold_coordinates(scene: Scene) -> None:
    fact = Fact(
        task="obj_count_occ",
        frames=(0, 3),
        variant="name",
        form="choice",
        value=(1.0,),
        points=(Point(1, 100.25, 80.5, 2.0), Point(1, 30.0, 80.5, 2.0)),
        options=("No", ("Yes; ", PointRef(1)), ("Yes; ", PointRef(0))),
        answer_index=1,
        slots={"object": "chair"},
    )
    row = render(scene, fact, images="path")
    places = [coordinate_text(x, 80.5, 320, 240) for x in (30.0, 100.25)]
    assert row["options"] == ["No", f"Yes; {places[0]}", f"Yes; {places[1]}"]
    assert row["question"].endswith(f"\nA. No\nB. Yes; {places[0]}\nC. Yes; {places[1]}")
    assert row["answer"] == "B"


def test_counts_are_bare_numbers(scene: Scene) -> None:
    fact = Fact(
        task="obj_count_occ_na",
        frames=(0, 3),
        variant="name",
        form="fill",
        value=(12.0,),
        slots={"object": "box"},
    )
    row = render(scene, fact, images="path")
    assert row["answer"] == row["answer_short"] == "12"
    assert "boxes" in row["question"]
    assert row["units"] == ["count"]
