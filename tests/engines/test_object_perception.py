"""Sizes of objects in a room of boxes whose every size is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from support.closed_form import BOXES, LABELS, depth_of, make_scene
from support.object_scenes import Solid, box, joined, prism, scene_of

from spatialgen import engines
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Fact, PointRef, Scene, Skip

TASKS = ("object_height", "object_length", "object_width")
AXES = {"object_length": 0, "object_width": 1, "object_height": 2}
ROUND = tuple((2.6 * np.cos(a), 2.6 * np.sin(a), 1.1) for a in np.linspace(0, 2 * np.pi, 9)[:-1])


def stated(scene: Scene, limit: int = 200, preset: str = "default", **options: object) -> list[Fact | Skip]:
    overrides = options.pop("overrides", {})
    engine = engines.load("object_perception")
    parameters = engine.configure(preset, overrides)  # type: ignore[arg-type]
    found: Iterable[Fact | Skip] = engine.facts(scene, limit=limit, parameters=parameters, **options)  # type: ignore[arg-type]
    return list(found)


def facts_of(scene: Scene, limit: int = 200, **options: object) -> list[Fact]:
    return [item for item in stated(scene, limit, **options) if isinstance(item, Fact)]  # type: ignore[arg-type]


def reasons_of(scene: Scene, **options: object) -> set[str]:
    return {item.reason for item in stated(scene, **options) if isinstance(item, Skip)}  # type: ignore[arg-type]


def target(fact: Fact) -> str:
    return str(fact.evidence["objects"]["instances"][0]["id"])


@pytest.fixture(scope="module")
def room() -> Scene:
    return make_scene(frames=12)


@pytest.fixture(scope="module")
def facts(room: Scene) -> list[Fact]:
    return facts_of(room)


def test_values_are_the_sizes_of_the_boxes(facts: list[Fact]) -> None:
    sides = BOXES[:, 1] - BOXES[:, 0]
    assert len(facts) >= 40
    for fact in facts:
        size = sides[int(target(fact))]
        wanted = {"object_height": size[2], "object_length": size[:2].max(), "object_width": size[:2].min()}
        assert fact.value == (pytest.approx(wanted[fact.task], abs=1e-5),)
        assert fact.evidence["covering"]["true_extent"] == fact.value[0]
        described = fact.evidence["objects"]["instances"][0]
        np.testing.assert_allclose(described["centre"], BOXES[int(target(fact))].mean(axis=0), atol=1e-4)
        np.testing.assert_allclose(described["aabb"], BOXES[int(target(fact))], atol=1e-4)


def test_frames_are_minimal_covering_sets(room: Scene, facts: list[Fact]) -> None:
    geometry = SceneGeometry(room)
    assert room.vertices is not None
    assert room.vertex_instance is not None
    kinds = set()
    for fact in facts:
        mine = room.vertex_instance == int(target(fact))
        along = room.vertices.astype(float) @ fact.evidence["covering"]["axis"]

        def extent(frames: Sequence[int], mine: np.ndarray = mine, along: np.ndarray = along) -> float:
            shown = mine & np.any([geometry.visibility.visible(f) for f in frames] or [mine & False], axis=0)
            return float(np.ptp(along[shown])) if shown.any() else 0.0

        covering = fact.evidence["covering"]
        true = covering["true_extent"]
        assert fact.frames == tuple(sorted(set(fact.frames)))
        assert abs(extent(fact.frames) - true) <= 0.1 * true
        assert covering["covered"] == pytest.approx(extent(fact.frames), abs=1e-5)
        assert covering["firmly_covered"] >= 0.9 * true
        assert len(covering["covered_without_each"]) == len(fact.frames)
        for out, stated_extent in zip(fact.frames, covering["covered_without_each"], strict=True):
            rest = [f for f in fact.frames if f != out]
            assert stated_extent == pytest.approx(extent(rest), abs=1e-5)
            assert abs(extent(rest) - true) > 0.1 * true
        for frame, share in zip(fact.frames, covering["visible_share"], strict=True):
            seen = (geometry.visibility.visible(frame) & mine).sum() / mine.sum()
            assert share == pytest.approx(seen)
            assert seen >= 0.05
        assert fact.polarity == ("single" if len(fact.frames) == 1 else "several")
        assert (fact.overlap is None) == (fact.polarity == "single")
        kinds.add(fact.polarity)
        least = [
            *[covering["covered"] / (0.9 * true)],
            *[0.9 * true / w for w in covering["covered_without_each"] if w],
        ]
        assert fact.margin is not None
        assert 1 <= fact.margin <= min(least) + 1e-9
    assert kinds == {"single", "several"}


def test_objects_are_named_or_pointed_at_without_doubt(room: Scene, facts: list[Fact]) -> None:
    views = SceneGeometry(room).object_views
    for fact in facts:
        index = int(target(fact))
        best = max(fact.frames, key=lambda f: int(views.visible_px[f, index]))
        for entry, frame in zip(fact.evidence["objects"]["per_frame"], fact.frames, strict=True):
            assert entry["visible_px"] == views.visible_px[frame, index] >= 400
            assert fact.frames[entry["image"]] == frame
        if fact.variant == "name":
            assert fact.slots == {"object": LABELS[index]}
            assert [(m.instance_id, m.label, m.role) for m in fact.objects] == [(str(index), LABELS[index], "target")]
            assert not fact.points
            assert not fact.boxes
        elif fact.variant == "box":
            (mark,) = fact.boxes
            assert fact.slots == {"object": mark.label} == {"object": "A"}
            assert (fact.frames[mark.image], mark.instance_id, mark.amodal) == (best, str(index), False)
            np.testing.assert_array_equal([mark.x1, mark.y1, mark.x2, mark.y2], views.boxes[best, index])
        else:
            (point,) = fact.points
            assert fact.slots == {"object": PointRef(0)}
            assert (fact.frames[point.image], point.instance_id) == (best, str(index))
            camera = room.frames[best].camera
            depth = depth_of(camera, np.array([[point.x, point.y]]))[0]
            assert point.depth == pytest.approx(depth, abs=0.01)
            ray = np.linalg.inv(camera.intrinsics) @ (point.x, point.y, 1)
            world = camera.camera_to_world[:3, :3] @ (ray * depth) + camera.centre
            low, high = BOXES[index]
            assert ((world > low - 1e-3) & (world < high + 1e-3)).all()


def test_choice_is_fair(facts: list[Fact]) -> None:
    assert len({(f.task, target(f), f.frames) for f in facts}) == len(facts)
    for task in TASKS:
        some = facts_of(make_scene(frames=12), 8, tasks=[task])
        assert len(some) == 8
        counts = Counter(target(f) for f in some)
        assert max(counts.values()) <= 4  # twice its even share
        ways = Counter(f.variant for f in some)
        assert max(ways.values()) - min(ways.values()) <= 2
        assert set(ways) == {"name", "box", "dot"}


def test_one_and_two_images_get_equal_shares_where_both_exist() -> None:
    things = [("cabinet", box((-0.3, -0.3, 0), (0.3, 0.3, 2.2)))]
    # Near cameras see the lower or the upper part, far ones all of it.
    eyes = [*((0.3 * k - 1, -1.3, 0.7) for k in range(6)), *((0.3 * k - 1, -1.3, 1.5) for k in range(6)),
            *((0.4 * k - 1, -4.5, 1.5) for k in range(6))]  # fmt: skip
    scene = scene_of(things, eyes[:6], (0, 0, 0.4))
    upper, far = scene_of(things, eyes[6:12], (0, 0, 1.6)), scene_of(things, eyes[12:], (0, 0, 1.1))
    frames = [replace(f, id=str(k)) for k, f in enumerate([*scene.frames, *upper.frames, *far.frames])]
    scene = replace(scene, frames=tuple(frames))
    for limit in (1, 4, 7):
        counts = Counter(f.polarity for f in facts_of(scene, limit, tasks=["object_height"]))
        assert sum(counts.values()) == limit
        assert abs(counts["single"] - counts["several"]) <= 1
    assert {f.polarity for f in facts_of(scene, overrides={"largest_set": 1})} == {"single"}
    # Two views of the ends alone leave a hole in the middle.
    apart = replace(scene, frames=(*frames[:1], *scene_of(things, [(0, -1.7, 2.3)], (0, 0, 2.15)).frames))
    assert not facts_of(apart, tasks=["object_height"])
    assert "views of two images do not join up" in reasons_of(apart, tasks=["object_height"])
    assert facts_of(apart, tasks=["object_height"], overrides={"longest_hole": 1.0})


def test_alike_objects_are_never_named() -> None:
    chair = box((-0.25, -0.25, 0), (0.25, 0.25, 0.9))
    for other in ("chair", "chairs", "Chair "):
        scene = scene_of([("chair", (chair[0] - (0.6, 0, 0), chair[1])), (other, (chair[0] + (0.6, 0, 0), chair[1])),
                          ("desk", box((-0.2, 1.0, 0), (1.0, 1.5, 0.7)))], ROUND)  # fmt: skip
        views = SceneGeometry(scene).object_views.visible_px
        named = [f for f in facts_of(scene) if f.variant == "name"]
        assert "i2" in {target(f) for f in named}
        for fact in named:
            index = int(target(fact)[1:])
            if index < 2:
                assert (views[list(fact.frames), 1 - index] < 20).all()


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("wall", "part of the building"),
        ("object", "part of the building"),
        ("unlabelled", "part of the building"),
        ("window", "window or a mirror"),
        ("books", "several things"),
        ("kitchen cabinets", "several things"),
        ("clothing", "several things"),
    ],
)
def test_some_labels_are_never_asked_about(label: str, reason: str) -> None:
    scene = scene_of([(label, box((-0.4, -0.3, 0), (0.4, 0.3, 0.8)))], ROUND)
    assert not facts_of(scene)
    assert any(reason in found for found in reasons_of(scene))


@pytest.mark.parametrize("label", ["glass table", "mattress", "bus", "trash can", "canvas"])
def test_single_things_are_asked_about(label: str) -> None:
    assert facts_of(scene_of([(label, box((-0.4, -0.3, 0), (0.4, 0.3, 0.8)))], ROUND))


BODY = box((-0.4, -0.3, 0), (0.4, 0.3, 0.8))


@pytest.mark.parametrize(
    ("solid", "reason", "tasks"),
    [
        (joined(BODY, box((0.9, 0, 0.4), (0.95, 0.05, 0.45))), "stray bits", TASKS),
        (prism([(-0.6, -0.45), (0.6, -0.45), (-0.6, 0.45)], 0.7), "how the box is turned", TASKS[1:]),
        (box((-0.4, -0.3, 0), (0.4, 0.3, 0.03)), "smaller than", TASKS[:1]),
        ((np.zeros((0, 3)), np.zeros((0, 3), int)), "without a surface", TASKS),
    ],
    ids=["stray", "ambiguous", "thin", "empty"],
)
def test_sizes_nobody_could_agree_on_are_not_asked(solid: Solid, reason: str, tasks: Sequence[str]) -> None:
    scene = scene_of([("cart", solid), ("desk", box((-0.4, 0.7, 0), (0.4, 1.2, 0.6)))], ROUND)
    assert not [f for f in facts_of(scene) if f.task in tasks and target(f) == "i0"]
    found = stated(scene)
    for task in tasks:
        assert any(isinstance(item, Skip) and item.task == task and reason in item.reason for item in found)


def test_variants_are_those_asked_for(room: Scene) -> None:
    for variants in (["box"], ["dot"], ["name", "dot"]):
        found = facts_of(room, 20, variants=variants)
        assert {f.variant for f in found} == set(variants)


def test_a_task_is_stated_alike_alone_and_with_others(room: Scene) -> None:
    together = facts_of(room, 9)
    for task in TASKS:
        assert facts_of(room, 9, tasks=[task]) == [f for f in together if f.task == task]
    assert facts_of(room, 9, seed=3) != together


def test_published_preset(room: Scene) -> None:
    found = facts_of(room, preset="multispa")
    assert {f.evidence["thresholds"]["extent"] for f in found} == {"vertices"}
    assert {(target(f), f.frames) for f in found if f.task == "object_height"} >= {
        (target(f), f.frames) for f in facts_of(room) if f.task == "object_height"
    }
    sides = BOXES[:, 1] - BOXES[:, 0]
    for fact in found:
        size = sides[int(target(fact))]
        wanted = {"object_height": size[2], "object_length": size[:2].max(), "object_width": size[:2].min()}
        assert fact.value[0] == pytest.approx(wanted[fact.task], abs=1e-6)


def test_turning_and_mirroring_the_world_changes_no_answer() -> None:
    scene = make_scene(frames=6)
    assert scene.vertices is not None

    def moved(linear: np.ndarray, shift: Sequence[float]) -> Scene:
        frames = []
        for frame in scene.frames:
            pose = frame.camera.camera_to_world.copy()
            pose[:3, :3], pose[:3, 3] = linear @ pose[:3, :3], linear @ pose[:3, 3] + shift
            flip = np.diag([np.sign(np.linalg.det(linear)), 1, 1, 1])  # a mirrored camera is no camera: turn x back
            intrinsics = frame.camera.intrinsics
            camera = replace(frame.camera, camera_to_world=pose @ flip, intrinsics=intrinsics)
            frames.append(replace(frame, camera=camera, depth_camera=None, load_depth=None))
        assert scene.vertices is not None
        return replace(scene, vertices=(scene.vertices @ linear.T + shift).astype(np.float32), frames=tuple(frames))

    c, s = np.cos(0.7), np.sin(0.7)
    plain, turned, mirrored = (
        {(f.task, target(f), f.frames): f.value[0] for f in facts_of(moved(linear, shift))}
        for linear, shift in (
            (np.eye(3), (0, 0, 0)),
            (np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]), (3, -2, 1)),
            (np.diag([-1.0, 1, 1]), (0, 0, 0)),
        )
    )
    # The cabinet and the stool are as long as wide: which side is the length is open.
    distinct = {key for key in plain if key[1] in "02" or key[0] == "object_height"}
    assert len(distinct) >= 15
    for other in (turned, mirrored):
        common = [key for key in distinct if key in other]
        assert len(common) >= 0.9 * len(distinct)
        for key in common:
            assert other[key] == pytest.approx(plain[key], abs=1e-4)


def nasty_scenes() -> list[Scene]:
    scene = make_scene(frames=2)
    assert scene.vertices is not None
    assert scene.vertex_instance is not None
    away = replace(
        scene.frames[0],
        camera=replace(scene.frames[0].camera, camera_to_world=np.diag([1.0, -1, -1, 1]) + np.eye(4, k=3) * 90),
    )
    return [
        replace(scene, vertices=np.full_like(scene.vertices, np.nan)),
        replace(scene, vertex_instance=np.full(len(scene.vertices), -1, np.int32)),
        replace(scene, frames=(replace(away, depth_camera=None, load_depth=None),)),
        replace(scene, frames=scene.frames[:1]),
        replace(scene, vertices=np.where((scene.vertex_instance == 0)[:, None], np.inf, scene.vertices)),
    ]


@pytest.mark.parametrize("scene", nasty_scenes(), ids=["nan", "unlabelled", "looking away", "one frame", "some inf"])
def test_nasty_scenes(scene: Scene) -> None:
    found = stated(scene)
    assert found
    for fact in (item for item in found if isinstance(item, Fact)):
        assert np.isfinite(fact.value).all()
        assert fact.value[0] > 0


def test_scene_without_up_is_skipped() -> None:
    found = stated(replace(make_scene(frames=2), up=None))
    assert [item.reason for item in found if isinstance(item, Skip)] == ["scene has no up axis"] * 3
    assert len(found) == 3
