"""Videos: frame lists, first appearances, counts, room sizes and walks, recomputed from rays, boxes and words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support.video_room import ROOM, THINGS, make_video_scene, shown_pixels

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Fact, Layout, Room, Scene, Skip
from spatialgen.dataset.check import problems
from spatialgen.engines.spar.video import ENGINE
from spatialgen.errors import ConfigError
from spatialgen.pipeline.config import make_config
from spatialgen.pipeline.render import Renderer
from spatialgen.scene_io import SceneRef

RAYS = (160, 120)
MAP_SCALE = 16  # pixels of the 640 px map for one ray
TASKS = tuple(spec.name for spec in ENGINE.tasks)


@cache
def scene() -> Scene:
    return make_video_scene()


@cache
def geometry() -> SceneGeometry:
    return SceneGeometry(scene())


@cache
def pixels() -> np.ndarray:
    """(frames, things), by rays: nothing of the package's maps."""
    return np.array([shown_pixels(frame.camera.resized(*RAYS)) for frame in scene().frames]) * MAP_SCALE


def stated(task: str, of: Scene | None = None, preset: str = "default", **parameters: object) -> list[Fact]:
    return [item for item in items(task, of, preset, **parameters) if isinstance(item, Fact)]


def items(task: str, of: Scene | None = None, preset: str = "default", **parameters: object) -> list[Fact | Skip]:
    chosen = ENGINE.configure(preset, parameters)
    made = geometry() if of is None else SceneGeometry(of)
    return list(ENGINE.facts(of or scene(), made, tasks=[task], limit=30, parameters=chosen))


def reasons(task: str, of: Scene | None = None, preset: str = "default", **parameters: object) -> set[str]:
    return {item.reason for item in items(task, of, preset, **parameters) if isinstance(item, Skip)}


def thing(instance_id: str) -> int:
    """Place among the things; the room's shell is instance i0."""
    return int(instance_id[1:]) - 1


# ---- frame lists


def test_frame_lists_are_those_of_the_rays() -> None:
    facts = stated("obj_frame_locate")
    assert len(facts) >= 5
    for fact in facts:
        (target,) = fact.objects
        shown = pixels()[list(fact.frames), thing(target.instance_id)]
        assert [int(place) for place in fact.value] == np.flatnonzero(shown > 110).tolist()
        assert fact.boxes[0].image == fact.slots["frame"]
        assert fact.boxes[0].image in fact.value
        assert fact.boxes[0].color_role == "red"
        assert fact.margin is not None
        assert fact.margin >= 1


def test_objects_and_the_frames_that_mark_them_take_turns() -> None:
    facts = stated("obj_frame_locate", videos=1)
    assert len({fact.objects[0].instance_id for fact in facts}) == len(facts)
    assert len({fact.boxes[0].image for fact in facts}) > len(facts) // 2
    more = stated("obj_frame_locate", video_frames=16)
    assert len({(fact.frames, fact.objects[0].instance_id) for fact in more}) == len(more)
    assert len({fact.frames for fact in more}) >= 5
    assert max(Counter(fact.objects[0].label for fact in more).values()) <= len(more) // 3


def test_videos_of_a_scene_are_asked_about_in_turn() -> None:
    for task in ("appearance_order", "obj_count", "obj_frame_locate"):
        facts = stated(task, video_frames=16)
        assert len({fact.frames for fact in facts}) >= 5
        of = [(fact.frames, tuple(thing.instance_id for thing in fact.objects)) for fact in facts]
        assert len(set(of)) == len(of)
        assert all(len(fact.frames) == 16 for fact in facts)


def test_an_object_that_a_small_shake_hides_has_no_frame_list() -> None:
    firm = {fact.objects[0].instance_id for fact in stated("obj_frame_locate", shaken_degrees=4.0)}
    loose = {fact.objects[0].instance_id for fact in stated("obj_frame_locate", shaken_metres=0, shaken_degrees=0)}
    assert firm < loose


def test_preset_spar_lists_frames_by_share_and_pixels() -> None:
    facts = stated("obj_frame_locate", preset="spar")
    assert facts
    for fact in facts:
        states = fact.evidence["objects"]["per_frame"]
        share = [(1 - (row["truncation"] or 0)) * row["visible_px"] / max(row["in_image_px"], 1) for row in states]
        enough = [row["visible_px"] >= 0.002 * 640 * 480 for row in states]
        listed = [k for k, row in enumerate(states) if enough[k] and share[k] >= 0.10]
        assert [int(place) for place in fact.value] == [states[k]["image"] for k in listed]
        assert not any(enough[k] and 0.05 <= share[k] < 0.10 for k in range(len(states)))


# ---- first appearances


def test_orders_are_those_of_the_rays() -> None:
    facts = stated("appearance_order")
    assert len(facts) == 30
    names = [name for name, _, _ in THINGS]
    for fact in facts:
        shown = pixels()[list(fact.frames)]
        first = []
        for label in fact.options:
            members = [k for k, name in enumerate(names) if name == label]
            first.append(int(np.flatnonzero((shown[:, members] >= 0.005 * 640 * 480).any(axis=1))[0]))
        assert len(set(first)) == 4
        assert [int(place) for place in fact.value] == np.argsort(first).tolist()
        if fact.form == "sentence":
            told = [fact.slots[f"{number}_frame"] for number in ("first", "second", "third", "fourth")]
            assert told == sorted(first)


def test_traces_before_an_appearance_do_not_change_its_order() -> None:
    for fact in stated("appearance_order"):
        of = {entry["label"]: entry for entry in fact.evidence["appearances"]}
        ordered = [of[fact.options[int(place)]] for place in fact.value]
        assert all(one["first_frame"] < other["first_trace"] for one, other in pairwise(ordered))
        for entry in ordered:  # and it comes into view all at once
            *before, first = entry["largest_px"][: entry["first_frame"] + 1]
            assert first >= 1.5 * 0.005 * 640 * 480
            assert max(before, default=0) <= 0.005 * 640 * 480 / 1.5


def test_orders_list_the_kinds_evenly() -> None:
    facts = stated("appearance_order")
    firsts = np.bincount([int(fact.value[0]) for fact in facts], minlength=4)
    assert firsts.max() - firsts.min() <= 2
    assert {fact.form for fact in facts} == {"fill", "sentence"}
    assert len({frozenset(fact.options) for fact in facts}) == len(facts)


def test_a_name_that_may_stand_for_another_is_not_in_one_order_with_it() -> None:
    renamed = [("office chair" if k == 5 else name, low, high) for k, (name, low, high) in enumerate(THINGS)]
    for fact in stated("appearance_order", make_video_scene(things=renamed)):
        assert not {"chair", "office chair"} <= set(fact.options)


# ---- counts


def test_counts_are_those_of_the_frames_shown() -> None:
    for frames in (32, 5, 3):
        for fact in stated("obj_count", video_frames=frames, fewest=1):
            assert len(fact.frames) == frames
            members = [k for k, (name, _, _) in enumerate(THINGS) if name == fact.slots["object"]]
            shown = pixels()[np.ix_(fact.frames, members)]
            assert fact.value == ((shown > 110).any(axis=0).sum(),)
            assert len(fact.evidence["instances_in_scene"]) == len(members)


def test_fewer_frames_show_fewer_things() -> None:
    by_frames = {
        n: {fact.slots["object"]: fact.value[0] for fact in stated("obj_count", video_frames=n, fewest=1)}
        for n in (32, 3)
    }
    assert by_frames[32]["chair"] == 3
    assert by_frames[3].get("chair", 0) < 3


def test_counts_of_one_are_few() -> None:
    facts = stated("obj_count")
    assert [fact.value[0] for fact in facts if fact.value[0] > 1]
    assert sum(fact.value[0] == 1 for fact in facts) <= 0.25 * len(facts)
    alone = [(f"thing {k}", low, high) for k, (_, low, high) in enumerate(THINGS)]
    assert [fact.value for fact in stated("obj_count", make_video_scene(things=alone))] == [(1.0,)]


def test_synonyms_are_counted_together_and_doubtful_names_not_at_all() -> None:
    names = {3: "stool", 4: "stool", 5: "barstool"}
    some = [(names.get(k, name), low, high) for k, (name, low, high) in enumerate(THINGS)]
    (fact,) = [f for f in stated("obj_count", make_video_scene(things=some)) if f.slots["object"] == "stool"]
    assert fact.value == (4.0,)  # with the one that was there
    assert fact.evidence["names"] == ["barstool", "stool"]
    names = {5: "office chair"}
    some = [(names.get(k, name), low, high) for k, (name, low, high) in enumerate(THINGS)]
    doubtful = make_video_scene(things=some)
    assert not [f for f in stated("obj_count", doubtful) if "chair" in f.slots["object"]]
    assert "beside something that may go by its name" in reasons("obj_count", doubtful)


def test_an_object_hardly_seen_leaves_the_count_open() -> None:
    speck = ("box", (3.6, 3.25, 0.75), (3.62, 3.27, 0.77))
    tiny = make_video_scene(things=[*THINGS, speck], frames=10)
    best = tiny.frames[6].camera.resized(640, 480)
    assert 20 <= shown_pixels(best, [*THINGS, speck])[-1] <= 200
    assert not [f for f in stated("obj_count", tiny, least_counted_size=0.0) if f.slots["object"] == "box"]
    assert "whether an object is visible is open" in reasons("obj_count", tiny, least_counted_size=0.0)


def test_kinds_with_a_thing_that_annotations_may_miss_are_not_counted() -> None:
    sizes = [max(b - a for a, b in zip(low, high, strict=True)) for name, low, high in THINGS if name == "box"]
    reason = "objects so small that an annotation may miss some"
    for least, is_counted in ((min(sizes) - 0.01, True), (min(sizes) + 0.01, False)):
        facts = stated("obj_count", least_counted_size=least)
        assert any(fact.slots["object"] == "box" for fact in facts) == is_counted
        assert is_counted or reason in reasons("obj_count", least_counted_size=least)


# ---- the room


def test_room_size_is_the_area_of_the_floor() -> None:
    width, depth, _ = ROOM[1] - ROOM[0]
    for shell in ("wall", "object"):  # labelled, and by shape alone
        fact, *_ = stated("room_size", make_video_scene(shell=shell))
        assert fact.value[0] == pytest.approx(width * depth, rel=0.01)
        assert fact.evidence["areas"]["floor"] == pytest.approx(width * depth, rel=0.03)
        assert fact.evidence["walled_share"] == 1.0


def test_every_video_that_shows_enough_of_the_room_asks_for_the_same_size() -> None:
    facts = stated("room_size", video_frames=16)
    assert len(facts) >= 3
    assert {fact.form for fact in facts} == {"fill", "select", "sentence"}
    assert len({fact.frames for fact in facts}) == len(facts)
    assert len({fact.value for fact in facts}) == 1
    for fact in facts:
        assert fact.evidence["shown_outline"] >= 0.75
        assert fact.evidence["shown_beyond"] <= 0.25
    strict = stated("room_size", video_frames=16, least_outline=0.97)
    assert {fact.frames for fact in strict} < {fact.frames for fact in facts}


def test_a_video_must_show_most_of_the_room() -> None:
    part = replace(scene(), frames=scene().frames[:12])
    assert not stated("room_size", part)
    assert reasons("room_size", part) == {"the video shows too little of the room"}


def layout(*outlines: Sequence[Sequence[float]]) -> Layout:
    rooms = tuple(
        Room(str(k), "room", np.array([[x, y, 0.0] for x, y in outline])) for k, outline in enumerate(outlines)
    )
    return Layout(rooms, np.zeros((0, 3)), np.zeros(0), ())


def test_a_stated_layout_comes_first() -> None:
    outline = [[0.05, 0.0], [6.9, 0.0], [7.0, 5.1], [0.0, 5.0]]
    x, y = np.array(outline).T
    exact = 0.5 * abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))
    fact, *_ = stated("room_size", replace(scene(), layout=layout(outline)))
    assert fact.value[0] == pytest.approx(exact, rel=1e-9)
    assert fact.evidence["areas"]["layout"] == pytest.approx(exact, abs=1e-3)
    two = replace(scene(), layout=layout(outline, [[8, 0], [9, 0], [9, 1]]))
    assert reasons("room_size", two) == {"not exactly one room"}
    small = replace(scene(), layout=layout([[0, 0], [4, 0], [4, 5], [0, 5]]))
    assert reasons("room_size", small) == {"estimates of the room's area disagree"}


def test_options_of_a_room_size_are_told_apart() -> None:
    chosen = ENGINE.configure()
    found = [
        item
        for item in ENGINE.facts(scene(), geometry(), tasks=["room_size"], forms=["select"], parameters=chosen)
        if isinstance(item, Fact)
    ]
    fact, *_ = found
    numbers = [option.numbers[0] for option in fact.options]  # type: ignore[union-attr]
    assert numbers[fact.answer_index or 0] == fact.value[0]
    shown = sorted(round(number, 1) for number in numbers)
    assert all(high > 1.2 * low for low, high in pairwise(shown))


# ---- walks


def box_of(instance_id: str) -> np.ndarray:
    _, low, high = THINGS[thing(instance_id)]
    return np.array([low[:2], high[:2]])


def gap_to(box: np.ndarray, place: np.ndarray) -> float:
    return float(np.linalg.norm(np.maximum(np.maximum(box[0] - place, place - box[1]), 0)))


def heading(pose: np.ndarray) -> float:
    return math.atan2(pose[1, 2], pose[0, 2])


SIDES = {"left": 1.0, "right": -1.0}


def follow(words: str, place: np.ndarray, angle: float) -> tuple[np.ndarray, float]:
    """Where somebody comes to stand, and looks, who does what directions say."""
    for clause in words.split("; "):
        told = re.split(r" m\b", clause)[0]
        if turned := re.search(r"(\d+)°", told):
            (side,) = re.findall(r"\b(left|right)\b", told)
            angle += SIDES[side] * math.radians(float(turned[1]))
        elif re.search(r"turn around|face the other way|half turn", told):
            angle += math.pi
        if walked := re.search(r"(\d+\.\d) m\b", clause):
            place = place + float(walked[1]) * np.array([math.cos(angle), math.sin(angle)])
    return place, angle


def test_directions_lead_from_the_first_view_to_the_last() -> None:
    facts = stated("nav", landmark_size=0.1)
    assert facts
    for fact in facts:
        first, last = (scene().frames[fact.frames[k]].camera.camera_to_world for k in (0, -1))
        assert isinstance(fact.answer, str)
        place, angle = follow(fact.answer, first[:2, 3], heading(first))
        assert np.linalg.norm(place - last[:2, 3]) < 0.45
        assert abs(math.remainder(angle - heading(last), math.tau)) < math.radians(2.6 * (len(fact.value) // 2 + 1))
        # Its stops, told in the levelled first camera, lie on the way.
        c, s = math.cos(heading(first)), math.sin(heading(first))
        for right, ahead in np.array(fact.value).reshape(-1, 2):
            stop = first[:2, 3] + right * np.array([s, -c]) + ahead * np.array([c, s])
            assert min(np.linalg.norm(f.camera.centre[:2] - stop) for f in scene().frames) < 1e-6


def test_landmarks_are_where_directions_say() -> None:
    passed = stops = 0
    for fact in stated("nav", landmark_size=0.1, passed_within=3.0, stopped_within=2.5):
        first = scene().frames[fact.frames[0]].camera.camera_to_world
        c, s = math.cos(heading(first)), math.sin(heading(first))
        ends = [first[:2, 3]]
        for right, ahead in np.array(fact.value).reshape(-1, 2):
            ends.append(first[:2, 3] + right * np.array([s, -c]) + ahead * np.array([c, s]))
        for (start, end), leg in zip(pairwise(ends), fact.evidence["walk"]["legs"], strict=True):
            ahead = (end - start) / np.linalg.norm(end - start)
            for sight in leg["passed"]:
                box = box_of(sight["id"])
                corners = np.array([[x, y] for x in box[:, 0] for y in box[:, 1]]) - start
                aside = ahead[0] * corners[:, 1] - ahead[1] * corners[:, 0]  # positive to the left
                assert (aside > 0).all() if sight["side"] == "left" else (aside < 0).all()
                assert 0 < (box.mean(axis=0) - start) @ ahead < np.linalg.norm(end - start)
                passed += 1
            for sight in leg["stopped_at"]:
                assert gap_to(box_of(sight["id"]), end) == pytest.approx(sight["gap"], abs=0.02)
                stops += 1
    assert passed
    assert stops


def test_landmarks_are_the_only_ones_of_their_kind() -> None:
    for fact in stated("nav", landmark_size=0.1, passed_within=3.0, stopped_within=2.5):
        names = {mention.label for mention in fact.objects}
        assert names
        assert not names & {"chair", "box", "wall"}


def test_walks_share_few_frames_and_are_flagged() -> None:
    facts = stated("nav", landmark_size=0.1, passed_within=3.0, stopped_within=2.5)
    for fact in facts:
        stops = [[sight["id"] for sight in leg["stopped_at"]] for leg in fact.evidence["walk"]["legs"]]
        assert not any(one and one == other for one, other in pairwise(stops))
    for k, one in enumerate(facts):
        assert "not comparable with RxR" in one.evidence["definition"]
        for other in facts[:k]:
            common = min(one.frames[-1], other.frames[-1]) - max(one.frames[0], other.frames[0])
            covered = max(one.frames[-1], other.frames[-1]) - min(one.frames[0], other.frames[0])
            assert common <= 0.7 * covered


# ---- all of them


def test_preset_spar_takes_the_proposals() -> None:
    room, *_ = stated("room_size", preset="spar")
    assert room.value[0] == pytest.approx(room.evidence["areas"]["floor"], abs=1e-3)
    assert all(fact.value[0] > 1 for fact in stated("obj_count", preset="spar"))
    for fact in stated("appearance_order", preset="spar"):
        first = {entry["label"]: entry["first_frame"] for entry in fact.evidence["appearances"]}
        frames = [first[fact.options[int(place)]] for place in fact.value]
        assert all(one < other for one, other in pairwise(frames))


@pytest.mark.parametrize("task", TASKS)
def test_turning_the_world_changes_no_answer(task: str) -> None:
    for one, other in zip(stated(task), stated(task, make_video_scene(turn=2.1)), strict=True):
        assert other.value == pytest.approx(one.value, rel=1e-3, abs=1e-3)
        assert (other.frames, other.form, other.answer) == (one.frames, one.form, one.answer)
        assert other.slots == one.slots
        if task != "room_size":
            assert other.options == one.options


def test_without_a_trajectory_there_are_no_videos() -> None:
    loose = replace(scene(), extra_capabilities=frozenset())
    for task in TASKS:
        (skip,) = items(task, loose)
        assert isinstance(skip, Skip)
        assert "trajectory" in skip.reason


def test_parameters_that_contradict_each_other_are_refused() -> None:
    for wrong in (
        {"unseen_share": 0.2, "seen_share": 0.1},
        {"fewest": 5, "most": 4},
        {"fewest_legs": 5, "most_legs": 4},
        {"trace_pixel_share": 0.1},
    ):
        with pytest.raises(ConfigError, match="video"):
            ENGINE.configure(overrides=wrong)


def test_rows_say_what_the_values_are() -> None:
    of = scene()
    ref = SceneRef(of.id, of.dataset, of.id, Path("."), "scannet")
    renderer = Renderer(make_config(["room_size"], images="path"), of, ref, ENGINE)
    facts = [item for item in ENGINE.facts(of, geometry(), limit=12) if isinstance(item, Fact)]
    rows = renderer.rows(facts)
    assert {row["task"] for row in rows} == set(TASKS)
    assert [problems(row) for row in rows] == [[]] * len(rows)
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        if row["task"] == "obj_frame_locate":
            said = re.findall(r"Frame-(\d+)", row["answer"])
            assert {float(number) for number in said} >= set(row["value"])
            assert "(red bbox)" in row["question"]
        elif row["task"] == "room_size":
            assert f"{row['value'][0]:.1f}" in (row["question"] if row["form"] == "select" else row["answer"])
