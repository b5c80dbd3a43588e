"""What the questions about view sets share."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.object_scenes import box, scene_of

from spatialgen.core.geometry import SceneGeometry
from spatialgen.engines.mosaic import MosaicObjects, difficulty, scenario

NAMES = (
    "chair",
    "office chair",
    "armchair",
    "stack of chairs",
    "wheel",
    "books",
    "wall",
    "window",
    "toilet paper",
    "cup",
    "mug",
)


@pytest.fixture(scope="module")
def objects() -> MosaicObjects:
    things = [(name, box((0.5 * k, 0, 0), (0.5 * k + 0.3, 0.3, 0.3), 0.1)) for k, name in enumerate(NAMES)]
    scene = scene_of(things, eyes=((2.5, -4.0, 1.5), (1.0, -3.0, 1.0)), target=(2.5, 0, 0))
    return MosaicObjects(SceneGeometry(scene))


def names(objects: MosaicObjects, found: np.ndarray) -> set[str]:
    return {objects.labels[index] for index in found.tolist()}


def test_questions_speak_of_single_things_with_a_plural(objects: MosaicObjects) -> None:
    asked = {name for name, may in zip(objects.labels, objects.askable, strict=True) if may}
    assert asked == {"chair", "office chair", "armchair", "wheel", "cup", "mug"}
    assert objects.reasons == {
        "several things annotated as one": 2,
        "part of the building, or without a name": 1,
        "a window or a mirror": 1,
        "a name without singular and plural": 1,
    }


def test_doubtful_names(objects: MosaicObjects) -> None:
    assert names(objects, objects.doubtful("chair")) == {"office chair", "armchair", "stack of chairs"}
    assert names(objects, objects.doubtful("office chair")) == {"chair"}
    assert names(objects, objects.doubtful("cup")) == {"mug"}
    assert names(objects, objects.doubtful("wheel")) == set()
    assert names(objects, objects.of_kind("mug")) == {"cup", "mug"}
    assert names(objects, objects.of_kind("chair")) == {"chair"}


def test_states_are_told_of_every_object_in_every_frame(objects: MosaicObjects) -> None:
    evidence = objects.evidence([1, 0], [0, 9], [0, 9, 10])
    json.dumps(evidence, allow_nan=False)
    assert [(row["image"], row["id"]) for row in evidence["per_frame"]] == [
        (image, f"i{k}") for image in (0, 1) for k in (0, 9, 10)
    ]
    for row in evidence["per_frame"]:
        frame, index = (1, 0)[row["image"]], int(row["id"][1:])
        assert row["visible_px"] == objects.visible_px[frame, index]
        assert row["in_image_px"] >= row["visible_px"]
        assert 0 <= row["truncation"] <= 1
    first = evidence["instances"][0]
    np.testing.assert_allclose(first["centre"], [0.15, 0.15, 0.15], atol=2e-3)
    np.testing.assert_allclose(first["aabb"], [[0, 0, 0], [0.3, 0.3, 0.3]], atol=4e-3)


def test_certainty_is_quantity_over_threshold(objects: MosaicObjects) -> None:
    assert objects.states is not None
    for least in ("partial", "clear"):
        shown, certainty = objects.certainty(least)  # type: ignore[arg-type]
        decided = ~objects.grey
        assert (certainty[decided] >= 1).all()
        assert (certainty[objects.grey] <= 1).all()
        np.testing.assert_array_equal(shown, objects.states.states >= (2 if least == "partial" else 3))


@pytest.mark.parametrize(
    ("mean_overlap", "lost", "level"),
    [
        (0.25, 0.0, "low"),
        (0.20, 0.20, "low"),
        (0.25, 0.3, "low"),
        (0.15, 0.1, "low"),
        (0.25, 0.6, "medium"),
        (0.15, 0.3, "medium"),
        (0.05, 0.1, "medium"),
        (0.05, 0.3, "high"),
        (0.15, 0.6, "high"),
        (0.0, 1.0, "high"),
        (0.25, None, "low"),
        (0.15, None, "medium"),
        (0.05, None, "high"),
    ],
)
def test_difficulty_grows_with_loss_and_with_less_overlap(mean_overlap: float, lost: float | None, level: str) -> None:
    assert difficulty(mean_overlap, lost) == level


def test_scenario() -> None:
    assert scenario([[True, True], [True, True]], [3, 5], [5, 3]) == {"visibility": "fully_visible", "coverage": "full"}
    assert scenario([[True, False], [True, True]], [3, 5], [3, 5, 7]) == {
        "visibility": "partially_visible",
        "coverage": "partial",
    }
