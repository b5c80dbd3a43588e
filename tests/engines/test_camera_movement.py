"""Camera movement: margins, balance, and one pair at a time."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from support.closed_form import make_scene

from spatialgen import engines
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Camera, Fact, Scene, Skip

ENGINE = engines.load("camera_movement")
WORD_TASKS = tuple(spec.name for spec in ENGINE.tasks if spec.answer_type == "choice")
TASKS = tuple(spec.name for spec in ENGINE.tasks)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(frames=24)


@pytest.fixture(scope="module")
def facts(scene: Scene) -> list[Fact]:
    return [item for item in ENGINE.facts(scene, limit=60) if isinstance(item, Fact)]


def with_cameras(scene: Scene, *poses: np.ndarray) -> Scene:
    """The scene seen by frames with these camera_to_world."""
    frames = tuple(
        replace(frame, camera=Camera(frame.camera.intrinsics, pose, frame.camera.width, frame.camera.height))
        for frame, pose in zip(scene.frames, poses, strict=False)
    )
    return replace(scene, frames=frames)


def turned(heading: float, elevation: float = 0.0, centre: tuple[float, float, float] = (2.5, 2.0, 1.4)) -> np.ndarray:
    """A camera that looks along x at heading 0; degrees, left and up positive."""
    h, e = math.radians(heading), math.radians(elevation)
    forward = np.array([math.cos(h) * math.cos(e), math.sin(h) * math.cos(e), math.sin(e)])
    right = np.array([math.sin(h), -math.cos(h), 0.0])
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = right, np.cross(forward, right), forward, centre
    return pose


def between(scene: Scene, one: np.ndarray, two: np.ndarray, task: str, **overrides: object) -> Fact | Skip:
    return ENGINE.between(  # type: ignore[attr-defined]
        SceneGeometry(with_cameras(scene, one, two)), 0, 1, task, parameters=ENGINE.configure(overrides=overrides)
    )


def word(fact: Fact | Skip) -> str | None:
    if isinstance(fact, Skip):
        return None
    assert fact.answer_index is not None
    return str(fact.options[fact.answer_index])


def test_words_are_balanced_to_one(facts: list[Fact]) -> None:
    for task in WORD_TASKS:
        mine = [fact for fact in facts if fact.task == task]
        assert mine
        counts = Counter(word(fact) for fact in mine)
        first, second = (counts[str(option)] for option in mine[0].options)
        assert abs(first - second) <= 1, task


@pytest.mark.parametrize("limit", [1, 2, 5, 31])
def test_limits_are_kept(scene: Scene, limit: int) -> None:
    stated = [item for item in ENGINE.facts(scene, limit=limit) if isinstance(item, Fact)]
    counts = Counter(fact.task for fact in stated)
    assert max(counts.values()) == limit
    assert counts["camera_movement_x"] == counts["camera_displacement"] == limit


def test_every_pair_is_asked_about_once_at_most(facts: list[Fact]) -> None:
    assert max(Counter((fact.task, fact.frames) for fact in facts).values()) == 1


def test_rows_keep_their_margins(scene: Scene, facts: list[Fact]) -> None:
    for fact in facts:
        assert fact.margin is not None
        assert fact.margin >= 1
        assert 0.06 <= (fact.overlap or 0) <= 0.35
        if fact.task in WORD_TASKS[:3]:
            norm = np.linalg.norm(fact.evidence["pairs"][0]["t_12"])
            assert abs(fact.value[0]) >= max(0.05, 0.15 * norm) - 1e-6
        elif fact.task != "camera_distance" and fact.task != "camera_displacement":
            assert abs(fact.value[0]) >= math.radians(5) - 1e-9


def test_difficulty_is_said_where_a_word_is_chosen(facts: list[Fact]) -> None:
    assert {fact.difficulty for fact in facts if fact.task in WORD_TASKS} >= {"easy", "medium"}
    assert {fact.difficulty for fact in facts if fact.task not in WORD_TASKS} == {None}


@pytest.mark.parametrize(
    ("task", "one", "two", "expected"),
    [
        ("camera_movement_x", turned(0), turned(0, centre=(2.5, 1.5, 1.4)), "right"),
        ("camera_movement_x", turned(90), turned(90, centre=(2.2, 2.0, 1.4)), "left"),
        ("camera_movement_y", turned(0, -50), turned(0, -50, (2.9, 2.0, 1.6)), "up"),
        ("camera_movement_y", turned(0, 0), turned(0, 0, (2.9, 2.0, 1.37)), None),  # 3 cm
        ("camera_movement_y", turned(0, 0), turned(0, 0, (3.5, 2.0, 1.3)), None),  # 10 cm of a metre
        ("camera_movement_z", turned(0, 70), turned(0, 70, (2.9, 2.0, 1.4)), None),  # no heading
        ("camera_movement_z", turned(0, 50), turned(0, 50, (2.9, 2.0, 1.4)), "forward"),
        ("camera_movement_yaw", turned(170), turned(-170), "left"),
        ("camera_movement_yaw", turned(0), turned(177), None),
        ("camera_movement_yaw", turned(0), turned(4.9), None),
        ("camera_movement_yaw", turned(0, 61), turned(30), None),
        ("camera_movement_pitch", turned(0, -20), turned(100, 10), "up"),
        ("camera_movement_pitch", turned(0, 40), turned(0, 36), None),
    ],
)
def test_words_of_single_pairs(scene: Scene, task: str, one: np.ndarray, two: np.ndarray, expected: str | None) -> None:
    assert word(between(scene, one, two, task)) == expected


def test_camera_axes_differ_from_the_levelled_ones(scene: Scene) -> None:
    # A camera that looks down and moves along its view goes down in the world, but not along its own vertical.
    one, two = turned(0, -50), turned(0, -50, (2.5 + math.cos(math.radians(50)), 2.0, 1.4 - math.sin(math.radians(50))))
    levelled = between(scene, one, two, "camera_movement_y")
    own = between(scene, one, two, "camera_movement_y", axes="camera")
    assert word(levelled) == "down"
    assert isinstance(levelled, Fact)
    assert levelled.polarity == "levelled"
    assert isinstance(own, Skip)
    ahead = between(scene, one, two, "camera_movement_z", axes="camera")
    assert isinstance(ahead, Fact)
    assert ahead.polarity == "camera"
    assert ahead.value[0] == pytest.approx(1.0)


def test_no_angle_or_distance_is_written_as_zero(scene: Scene) -> None:
    multispa = ENGINE.configure("multispa").model_dump()
    for task, two in (
        ("camera_yaw_angle", turned(0.4)),
        ("camera_pitch_angle", turned(0, 0.4)),
        ("camera_distance", turned(0, centre=(2.5, 2.0004, 1.4))),
    ):
        assert isinstance(between(scene, turned(0), two, task, **multispa), Skip)
    assert isinstance(between(scene, turned(0), turned(0.6), "camera_yaw_angle", **multispa), Fact)


def test_published_words_take_the_sign_alone(scene: Scene) -> None:
    multispa = ENGINE.configure("multispa").model_dump()
    fact = between(scene, turned(0), turned(0, centre=(2.5, 1.999, 1.4)), "camera_movement_x", **multispa)
    assert word(fact) == "right"
    assert isinstance(fact, Fact)
    assert fact.margin is None


def test_without_an_up_axis_only_distance_and_vector_are_asked(scene: Scene) -> None:
    found = list(ENGINE.facts(replace(scene, up=None), limit=5))
    assert {item.task for item in found if isinstance(item, Fact)} == {"camera_distance", "camera_displacement"}
    assert any("no up" in item.reason for item in found if isinstance(item, Skip))


def test_one_frame_gives_reasons_only(scene: Scene) -> None:
    assert not [item for item in ENGINE.facts(replace(scene, frames=scene.frames[:1])) if isinstance(item, Fact)]


def test_overlap_range_is_a_parameter(scene: Scene) -> None:
    for least, most in ((0.0, 0.06), (0.35, 1.0)):
        parameters = ENGINE.configure(overrides={"least_overlap": least, "most_overlap": most})
        stated = [item for item in ENGINE.facts(scene, limit=20, parameters=parameters) if isinstance(item, Fact)]
        assert stated
        assert all(least <= (fact.overlap or 0) <= most for fact in stated)
        assert all((fact.overlap or 0) > 0 for fact in stated)
