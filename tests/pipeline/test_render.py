"""Facts to rows: coordinates, ids, wording, pixels."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from support.closed_form import make_scene

from spatialgen import engines
from spatialgen.core.types import Fact, Scene
from spatialgen.dataset.check import problems
from spatialgen.errors import SceneError
from spatialgen.media.images import decode_rgb
from spatialgen.pipeline.answers import coordinate_text, text_coordinates
from spatialgen.pipeline.config import make_config
from spatialgen.pipeline.render import Renderer, frame_rows, row_id
from spatialgen.scene_io import SceneRef

REF = SceneRef("box_0000", "boxroom", "box_0000", Path("."), "scannet")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene()


def stated(scene: Scene, task: str = "depth_comparison", limit: int = 16, **options: object) -> list[Fact]:
    return [f for f in engines.load(task).facts(scene, limit=limit, **options) if isinstance(f, Fact)]


def renderer(scene: Scene, task: str = "depth_comparison", **options: object) -> Renderer:
    return Renderer(make_config([task], **options), scene, REF, engines.load(task))


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (-0.5, -0.5, (0, 0)),
        (999.5, 499.5, (1000, 1000)),
        (0, 0, (1, 1)),  # half a pixel of 1000 is 0.5, halves go up; of 500 it is 1
        (499.5, 249.5, (500, 500)),
        (2000, -30, (1000, 0)),  # clamped
    ],
)
def test_text_coordinates_follow_the_definition(x: float, y: float, expected: tuple[int, int]) -> None:
    assert text_coordinates(x, y, 1000, 500) == expected
    assert coordinate_text(x, y, 1000, 500) == f"[{expected[0]}, {expected[1]}]"


def test_text_coordinates_lead_back_to_the_pixel() -> None:
    for x in range(0, 1296, 7):
        u, _ = text_coordinates(x, 3, 1296, 968)
        assert abs(u * 1296 / 1000 - 0.5 - x) <= 0.66


@pytest.mark.parametrize("task", ["depth_comparison", "depth_estimation"])
@pytest.mark.parametrize("images", ["embed", "path"])
def test_rows_keep_the_rules(scene: Scene, task: str, images: str) -> None:
    rows = renderer(scene, task, images=images).rows(stated(scene, task))
    assert len(rows) == 16
    assert [problems(row) for row in rows] == [[]] * 16


def test_id_knows_entities_but_not_letters_wording_or_seed(scene: Scene) -> None:
    (fact,) = stated(scene, limit=1)
    spec = engines.load("depth_comparison").tasks[0]
    swapped = dataclasses.replace(
        fact, points=fact.points[::-1], value=fact.value[::-1], answer_index=1 - fact.answer_index
    )
    assert row_id(scene, spec, swapped) == row_id(scene, spec, fact)
    moved = dataclasses.replace(
        fact, points=(dataclasses.replace(fact.points[0], x=fact.points[0].x + 1), fact.points[1])
    )
    others = [moved, dataclasses.replace(fact, variant="coord" if fact.variant == "dot" else "dot")]
    others.append(dataclasses.replace(fact, polarity="closer" if fact.polarity == "farther" else "farther"))
    others.append(dataclasses.replace(fact, frames=(fact.frames[0] - 1,)))
    names = {row_id(scene, spec, f) for f in (fact, *others)}
    assert len(names) == 5
    assert row_id(scene, dataclasses.replace(spec, version="2"), fact) not in names
    one, other = (renderer(scene, seed=seed).row(fact) for seed in (0, 1))
    assert one["id"] == other["id"]
    questions = {renderer(scene, seed=seed).row(fact)["question"] for seed in range(8)}
    assert len(questions) > 3


def test_coordinates_in_the_text_are_those_of_the_points(scene: Scene) -> None:
    for row in renderer(scene, images="path").rows(stated(scene, variants=["coord"])):
        width, height = row["image_sizes"][0]["width"], row["image_sizes"][0]["height"]
        texts = [coordinate_text(p["x"], p["y"], width, height) for p in row["points"]]
        assert row["options"] == texts
        assert all(text in row["question"] for text in texts)
        assert row["answer"] == texts[row["answer_index"]]
        assert all(p["color"] is None and p["label"] is None for p in row["points"])
        slots = json.loads(row["slots"])
        assert [slots[name]["text"] for name in ("a", "b")] == texts
        assert [slots[name]["point"] for name in ("a", "b")] == [0, 1]


def test_estimates_are_whole_millimetres(scene: Scene) -> None:
    for row in renderer(scene, "depth_estimation", images="path").rows(stated(scene, "depth_estimation")):
        assert row["units"] == ["m"]
        assert float(row["answer"]) == pytest.approx(1000 * row["value"][0], abs=0.51)
        assert "mill" in row["question"] or "mm" in row["question"]


def test_marks_are_drawn_where_the_points_are(scene: Scene) -> None:
    for row in renderer(scene).rows(stated(scene, variants=["dot"])):
        assert row["marks_drawn"]
        pixels = decode_rgb(row["images"][0]["bytes"]).astype(int)
        colors = set()
        for point in row["points"]:
            wanted = [int(point["color"][k : k + 2], 16) for k in (1, 3, 5)]
            assert np.abs(pixels[int(point["y"]), int(point["x"])] - wanted).max() < 50
            colors.add(point["color"])
        assert len(colors) == 2


def test_no_draw_and_smaller_images(scene: Scene) -> None:
    facts = stated(scene, variants=["dot"], limit=2)
    (plain, _), (small, _) = (renderer(scene, **o).rows(facts) for o in ({"draw": False}, {"max_side": 160}))
    assert not plain["marks_drawn"]
    assert small["embedded_sizes"] == [{"width": 160, "height": 120}]
    assert small["image_sizes"] == [{"width": 320, "height": 240}]
    assert decode_rgb(small["images"][0]["bytes"]).shape == (120, 160, 3)
    assert small["points"] == plain["points"]


def test_broken_image_is_named(scene: Scene) -> None:
    frames = tuple(dataclasses.replace(f, load_image=lambda f=f: f.load_image()[:400]) for f in scene.frames)
    broken = dataclasses.replace(scene, frames=frames)
    with pytest.raises(SceneError, match="box_0000/color"):
        renderer(broken).rows(stated(scene, variants=["dot"], limit=1))


def test_frame_rows_hold_the_cameras(scene: Scene) -> None:
    rows = frame_rows(scene)
    assert [row["frame_id"] for row in rows] == [frame.id for frame in scene.frames]
    first, frame = rows[0], scene.frames[0]
    np.testing.assert_allclose(np.reshape(first["camera_to_world"], (4, 4)), frame.camera.camera_to_world)
    np.testing.assert_allclose(np.reshape(first["intrinsics"], (3, 3)), frame.camera.intrinsics)
    assert (first["width"], first["height"], first["depth_width"]) == (320, 240, 160)
    assert first["world_up"] == [0, 0, 1]
