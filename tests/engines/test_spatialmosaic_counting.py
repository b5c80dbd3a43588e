"""Counting over view sets: every answer again from pixels, and what must never be asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from support.closed_form import intrinsics, look_at
from support.object_scenes import box, scene_of

from spatialgen import engines
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Camera, Fact, Frame, Instance, Scene, Skip
from spatialgen.engines.counted_sets import CountedSet
from spatialgen.engines.spatialmosaic import counting

SIZE = (320, 240)
HIDDEN, GREY = 20, 200


def row_of(names: Sequence[str], eyes: Sequence[float], widths: Sequence[float] | None = None) -> Scene:
    """Boxes in a row along x, 1.5 m apart, and cameras that look at the row from 3 m away."""
    widths = widths or [0.4] * len(names)
    things = [
        (name, box((1.5 * k, 0, 0), (1.5 * k + width, width, width), width / 6))
        for k, (name, width) in enumerate(zip(names, widths, strict=True))
    ]

    def frame(number: int, x: float) -> Frame:
        camera = Camera(intrinsics(*SIZE), look_at((x, -3.0, 1.5), (x, 0.0, 0.2)), *SIZE)
        return Frame(str(number), camera, lambda: b"", f"color/{number}.jpg")

    frames = tuple(frame(number, x) for number, x in enumerate(eyes))
    return replace(scene_of(things), frames=frames)


def facts_of(scene: Scene, task: str, limit: int = 40, **overrides: object) -> tuple[list[Fact], Counter[str]]:
    parameters = counting.ENGINE.configure(overrides={"most_overlap": 0.6, **overrides})
    items = list(counting.ENGINE.facts(scene, tasks=[task], limit=limit, parameters=parameters))
    skips = Counter({item.reason: item.count for item in items if isinstance(item, Skip)})
    return [item for item in items if isinstance(item, Fact)], skips


@pytest.fixture(scope="module")
def row() -> Scene:
    return row_of(["chair"] * 7 + ["table", "lamp", "lamp"], np.linspace(-0.5, 14, 18).tolist())


def seen(geometry: SceneGeometry, label: str, frames: Sequence[int]) -> tuple[list[set[int]], list[int]]:
    """Per frame the things of a label that it shows, and their pixels."""
    things = [k for k, thing in enumerate(geometry.scene.instances) if thing.label == label]
    pixels = geometry.object_views.visible_px
    shown = [{k for k in things if pixels[frame, k] > GREY} for frame in frames]
    return shown, [int(sum(pixels[frame, k] for k in some)) for frame, some in zip(frames, shown, strict=True)]


@pytest.mark.parametrize("task", ["obj_count_occ", "obj_count_occ_na", "bestview_count_occ"])
def test_answers_again_from_pixels(row: Scene, task: str) -> None:
    geometry = SceneGeometry(row)
    facts, _ = facts_of(row, task)
    assert len({int(fact.value[0]) for fact in facts}) >= 4
    assert len({(fact.slots["object"], frozenset(fact.frames)) for fact in facts}) == len(facts)
    for fact in facts:
        shown, area = seen(geometry, fact.slots["object"], fact.frames)
        union = set().union(*shown)
        assert fact.value[0] == len(union) >= 1
        assert sum(bool(some) for some in shown) >= 2
        assert {mention.instance_id for mention in fact.objects} == {f"i{k}" for k in union}
        assert {mention.role for mention in fact.objects} == {"counted"}
        assert fact.evidence["visible_per_frame"] == [len(some) for some in shown]
        assert fact.evidence["visible_area_px"] == area
        matrix = np.array(fact.evidence["view_sets"]["overlap_matrix"])
        assert matrix[~np.eye(len(matrix), dtype=bool)].max() < 0.6
        assert fact.overlap == pytest.approx(matrix[~np.eye(len(matrix), dtype=bool)].max(), abs=1e-6)
        assert fact.difficulty in {"low", "medium", "high"}
        assert fact.occlusion is not None
        assert 0 <= fact.occlusion <= 1
        if task == "bestview_count_occ":
            best = int(fact.value[1])
            for image, some in enumerate(shown):
                tied = len(some) == len(shown[best]) and area[best] >= 1.2 * area[image]
                assert image == best or len(some) < len(shown[best]) or tied


def test_letters_and_ranks_tell_nothing(row: Scene) -> None:
    facts, _ = facts_of(row, "obj_count_occ")
    letters = Counter(fact.answer_index for fact in facts)
    assert max(letters.values()) - min(letters[k] for k in range(4)) <= 1
    ranks: Counter[int] = Counter()
    for fact in facts:
        numbers = [int(str(option)) for option in fact.options]
        assert sorted(numbers) == list(range(min(numbers), min(numbers) + 4))
        assert min(numbers) >= 1
        assert fact.answer_index is not None
        assert numbers[fact.answer_index] == fact.value[0]
        assert fact.evidence["truth_table"] == [number == fact.value[0] for number in numbers]
        ranks[sorted(numbers).index(int(fact.value[0]))] += 1
    assert max(ranks.values()) <= 0.5 * len(facts)
    assert any(list(map(str, fact.options)) != sorted(map(str, fact.options)) for fact in facts)


def test_wrong_answers_of_best_views_are_of_each_kind(row: Scene) -> None:
    facts, _ = facts_of(row, "bestview_count_occ")
    letters = Counter(fact.answer_index for fact in facts)
    assert max(letters.values()) - min(letters[k] for k in range(4)) <= 1
    for fact in facts:
        pairs = [tuple(map(int, str(option).split("; Frame "))) for option in fact.options]
        truth = tuple(map(int, fact.value))
        assert fact.answer_index is not None
        assert pairs[fact.answer_index] == truth
        kinds = Counter((count == truth[0], image == truth[1]) for count, image in pairs)
        assert kinds == dict.fromkeys([(True, True), (True, False), (False, True), (False, False)], 1)
        assert all(count >= 1 and 0 <= image < len(fact.frames) for count, image in pairs)


def test_no_number_is_asked_for_too_often(row: Scene) -> None:
    facts, _ = facts_of(row, "obj_count_occ_na")
    assert max(Counter(fact.value for fact in facts).values()) <= 0.25 * len(facts)
    only_one = row_of(["chair", "table"], np.linspace(-1, 2.5, 12).tolist())
    facts, _ = facts_of(only_one, "obj_count_occ_na", limit=64)
    assert {fact.value for fact in facts} == {(1.0,)}
    assert len(facts) == 4  # a sixteenth of what was asked for


def test_the_number_of_facts_of_one_number() -> None:
    assert counting._most_of_each([100, 100, 100, 100], 100, 0.25) == 25
    assert counting._most_of_each([100, 100, 100, 100], 40, 0.25) == 10
    assert counting._most_of_each([100, 100, 100, 3], 100, 0.30) == 9
    assert counting._most_of_each([100, 100], 100, 0.25) == 6
    assert counting._most_of_each([100], 8, 0.25) == 1
    assert counting._most_of_each([100, 1], 100, 1.0) == 100


def test_nothing_that_may_go_by_the_name_is_in_the_frames() -> None:
    names = ["chair", "chair", "office chair", "chair", "chair", "chair", "armchair", "cup", "cup", "mug", "cup"]
    scene = row_of(names, np.linspace(-0.5, 16, 24).tolist())
    geometry = SceneGeometry(scene)
    asked = set()
    for task in ("obj_count_occ", "obj_count_occ_na", "bestview_count_occ"):
        facts, skips = facts_of(scene, task)
        assert skips["something is visible that may go by the same name"] > 0
        for fact in facts:
            asked.add(fact.slots["object"])
            rivals = {"chair": {"office chair", "armchair"}, "cup": {"mug"}, "mug": {"cup"}}.get(
                fact.slots["object"], {"chair"}
            )
            doubtful = [k for k, name in enumerate(names) if name in rivals]
            assert geometry.object_views.visible_px[np.ix_(fact.frames, doubtful)].max() < HIDDEN
            kind = {"cup", "mug"} if fact.slots["object"] in ("cup", "mug") else {fact.slots["object"]}
            in_scene = [f"i{k}" for k, name in enumerate(names) if name in kind]
            assert fact.evidence["instances_in_scene"] == in_scene
            counted = {mention.instance_id for mention in fact.objects}
            assert fact.evidence["scenario"]["coverage"] == ("full" if counted == set(in_scene) else "partial")
    assert "chair" in asked
    assert "cup" in asked


def test_what_is_seen_only_a_little_leaves_the_number_open() -> None:
    names = ["chair"] * 6
    scene = row_of(names, np.linspace(-0.5, 8, 16).tolist(), widths=[0.4, 0.06, 0.4, 0.4, 0.06, 0.4])
    geometry = SceneGeometry(scene)
    pixels = geometry.object_views.visible_px
    assert pixels[:, [1, 4]].max() <= GREY
    facts, skips = facts_of(scene, "obj_count_occ_na")
    assert facts
    assert skips["whether an object is visible is open"] > 0
    for fact in facts:
        assert pixels[np.ix_(fact.frames, [1, 4])].max() < HIDDEN
        assert fact.margin is not None
        assert fact.margin >= 1


def made(per_frame: Sequence[int], area: Sequence[int], grey: Sequence[tuple[int, int]] = ()) -> CountedSet:
    """A set whose frames show so many, on so many pixels; ``grey`` is what a little more there might be."""
    more = list(grey) or [(0, 0)] * len(per_frame)
    return CountedSet(
        "chair",
        tuple(range(len(per_frame))),
        tuple(range(max(per_frame))),
        tuple(per_frame),
        tuple(count + g[0] for count, g in zip(per_frame, more, strict=True)),
        tuple(area),
        tuple(pixels + g[1] for pixels, g in zip(area, more, strict=True)),
        2.0,
    )


@pytest.mark.parametrize(
    ("some", "best"),
    [
        (made([1, 3, 2], [9000, 700, 8000]), (1, 1.0)),
        (made([1, 4, 2], [9000, 900, 8000]), (1, 2.0)),
        (made([2, 2], [1200, 1000]), (0, 1.0)),
        (made([2, 2], [1000, 2400]), (1, 2.0)),
        (made([2, 2], [1190, 1000]), None),
        (made([2, 1], [900, 800], [(0, 0), (1, 100)]), None),
        (made([2, 1], [1200, 800], [(0, 0), (1, 100)]), (0, 1200 / 1080)),
        (made([2, 1], [9000, 800], [(0, 0), (2, 300)]), None),
        (made([2, 0], [900, 0]), (0, 2.0)),
    ],
)
def test_best_views(some: CountedSet, best: tuple[int, float] | None) -> None:
    found = counting._best_view(some, 1.2)
    assert (found is None) == (best is None)
    if found is not None and best is not None:
        assert found[0] == best[0]
        assert found[1] == pytest.approx(best[1])


def labelled_in_images(scene: Scene) -> Scene:
    """The same scene without a mesh: depth images, and an instance map for each."""
    geometry = SceneGeometry(scene)

    def frame(number: int, old: Frame) -> Frame:
        depth = np.array(geometry.mesh_map(number).depth)
        shown = np.array(geometry.instance_map(number))
        return replace(
            old,
            depth_camera=old.camera,
            load_depth=lambda: depth,
            depth_ref=f"depth/{number}.png",
            depth_scale=0.001,
            load_instances=lambda: shown,
        )

    return replace(
        scene,
        frames=tuple(frame(number, old) for number, old in enumerate(scene.frames)),
        vertices=None,
        faces=None,
        vertex_instance=None,
        instances=tuple(Instance(thing.id, thing.label, thing.raw_label) for thing in scene.instances),
    )


def test_images_with_labels_are_enough(row: Scene) -> None:
    scene = labelled_in_images(row)
    assert "silhouettes" not in scene.capabilities
    geometry = SceneGeometry(scene)
    for task in ("obj_count_occ", "obj_count_occ_na", "bestview_count_occ"):
        facts, _ = facts_of(scene, task, limit=10)
        assert facts
        for fact in facts:
            shown, _ = seen(geometry, fact.slots["object"], fact.frames)
            assert fact.value[0] == len(set().union(*shown))
            assert fact.occlusion is None
            assert all("in_image_px" not in entry for entry in fact.evidence["objects"]["per_frame"])
    skipped = list(counting.ENGINE.facts(scene, parameters=counting.ENGINE.configure("spatialmosaic")))
    assert {item.reason for item in skipped if isinstance(item, Skip)} == {
        "scene has no amodal silhouettes (a mesh with labelled instances)"
    }
    assert len(skipped) == 3


def test_the_published_sample_counts_what_is_clear(row: Scene) -> None:
    parameters = counting.ENGINE.configure("spatialmosaic", {"most_overlap": 0.6})
    states = SceneGeometry(row).object_states
    facts = [item for item in counting.ENGINE.facts(row, limit=12, parameters=parameters) if isinstance(item, Fact)]
    assert facts
    for fact in facts:
        things = [k for k, thing in enumerate(row.instances) if thing.label == fact.slots["object"]]
        clear = (states.total[np.ix_(fact.frames, things)] <= 0.5) & (
            states.visible_px[np.ix_(fact.frames, things)] > GREY
        )
        assert fact.value[0] == clear.any(axis=0).sum()
        assert fact.margin is not None
        assert fact.margin >= 1


@pytest.mark.parametrize(
    "scene",
    [
        row_of(["wall", "floor", "books", "window"], [0.0, 1.0, 2.0, 3.0]),
        row_of(["chair", "chair"], [0.5]),
        row_of(["chair", "chair"], [0.5, 0.55]),
    ],
    ids=["nothing to ask about", "one frame", "frames that overlap"],
)
def test_poor_scenes_give_reasons(scene: Scene) -> None:
    items = list(counting.ENGINE.facts(scene))
    assert all(isinstance(item, Skip) for item in items)
    assert {item.task for item in items} == {spec.name for spec in counting.ENGINE.tasks}


def test_a_task_does_not_hang_on_others(row: Scene) -> None:
    alone, _ = facts_of(row, "bestview_count_occ")
    parameters = counting.ENGINE.configure(overrides={"most_overlap": 0.6})
    among = list(counting.ENGINE.facts(row, limit=40, parameters=parameters))
    assert [item for item in among if isinstance(item, Fact) and item.task == "bestview_count_occ"] == alone
    assert engines.load("counting") is counting.ENGINE
