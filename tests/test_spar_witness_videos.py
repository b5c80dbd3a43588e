"""The witness of SPAR's videos itself: a room of boxes in closed form, right rows, and rows with planted errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.closed_form import intrinsics
from support.mosaic_oracle import Stage
from support.multispa_oracle import Room, Verdict
from support.object_scenes import box, joined
from support.spar_rooms import floor_of, floor_seen, shown
from support.spar_rows import SparReading
from support.spar_videos import JUDGES, first_frames, first_trace, pixels_from_beside, sights
from support.spar_walks import Clause, read_directions
from support.video_room import ROOM, THINGS, pose_at, shown_pixels

from spatialgen.core.types import Camera

Row = dict[str, Any]

WIDTH, HEIGHT, FRAMES = 640, 480, 12
SHELL = (
    ("wall", (-0.1, -0.1, 0.0), (7.1, 0.0, 2.6)),
    ("wall", (7.0, 0.0, 0.0), (7.1, 5.0, 2.6)),
    ("wall", (-0.1, 5.0, 0.0), (7.1, 5.1, 2.6)),
    ("wall", (-0.1, 0.0, 0.0), (0.0, 5.0, 2.6)),
    ("floor", (-0.1, -0.1, -0.1), (7.1, 5.1, 0.0)),
)
ALL = (*THINGS, *SHELL)
SOFA, TRASH_CAN, TABLE, CHAIR, _, _, CABINET, PLANT, BOX, OTHER_BOX, STOOL = range(len(THINGS))
CHAIRS = (3, 4, 5)

# What the closed form of the rays says of the frames, by hand (``test_pixels_are_those_of_plain_slabs``).
OF_CABINET, OF_SOFA = [4, 5, 11], [0, 1, 8, 9]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder: Path = tmp_path_factory.mktemp("walked")
    vertices, faces = joined(*(box(low, high, 0.4) for _, low, high in ALL))
    owner = np.repeat(np.arange(len(ALL)), [len(box(low, high, 0.4)[0]) for _, low, high in ALL])
    np.savez(
        folder / "truth.npz",
        vertices=vertices.astype(np.float32),
        faces=faces.astype(np.int32),
        vertex_instance=owner.astype(np.int32),
        camera_to_world=np.stack([pose_at(k / (FRAMES - 1)) for k in range(FRAMES)]),
        color_intrinsics=intrinsics(WIDTH, HEIGHT),
        depth_intrinsics=intrinsics(WIDTH, HEIGHT),
        color_size=np.array([WIDTH, HEIGHT]),
        depth_size=np.array([WIDTH, HEIGHT]),
    )
    objects = [{"id": index, "label": label} for index, (label, _, _) in enumerate(ALL)]
    (folder / "truth.json").write_text(json.dumps({"objects": objects}), encoding="utf-8")
    return Stage(Room(folder))


def row(task: str, roles: Mapping[int, str], frames: range = range(FRAMES), **columns: Any) -> Row:
    """A row of a finished dataset; ``evidence`` and ``slots`` are written as they are there."""
    made = {
        "id": task,
        "scene_id": "walked",
        "task": task,
        "form": "sentence",
        "variant": "name",
        "frame_ids": [str(frame) for frame in frames],
        "question": "",
        "objects": [{"instance_id": str(k), "label": ALL[k][0], "role": role} for k, role in roles.items()],
        "points": [],
        "boxes": [],
        "options": None,
        "answer_index": None,
        "margin": 1.5,
        "image_sizes": [{"width": WIDTH, "height": HEIGHT}] * len(frames),
        **columns,
    }
    made.setdefault("answer", made["answer_short"])
    return {**made, **{name: json.dumps(made.get(name, {})) for name in ("evidence", "slots")}}


def frame_list(instance: int = CABINET, listed: list[int] = OF_CABINET, **columns: Any) -> Row:
    short = ", ".join(str(frame) for frame in listed)
    names = [f"Frame-{frame}" for frame in listed]
    told = " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
    given = {
        "variant": "box",
        "value": [float(frame) for frame in listed],
        "units": ["index"] * len(listed),
        "answer_short": short,
        "answer": f"It is visible in {told}.",
        "boxes": [{"image": listed[0], "instance_id": str(instance)}],
    }
    return row("obj_frame_locate", {instance: "target"}, **{**given, **columns})


KINDS = ("plant", "sofa", "cabinet", "chair")


def order(**columns: Any) -> Row:
    given = {
        "form": "fill",
        "question": f"In what order do these appear: {', '.join(KINDS)}?",
        "value": [1.0, 3.0, 0.0, 2.0],
        "units": ["index"] * 4,
        "options": list(KINDS),
        "answer_short": "sofa, chair, plant, cabinet",
    }
    roles = dict.fromkeys((PLANT, SOFA, CABINET, CHAIR), "candidate")
    return row("appearance_order", roles, **{**given, **columns})


def told_order(frames: tuple[int, ...] = (0, 2, 3, 4), **columns: Any) -> Row:
    first, second, third, fourth = frames
    answer = (
        f"First to be seen clearly is the sofa in Frame-{first}, then the chair in Frame-{second}, the plant in "
        f"Frame-{third} and last the cabinet in Frame-{fourth} (counted from Frame-0), so the order is "
        "sofa, chair, plant, cabinet."
    )
    return order(form="sentence", answer=answer, **columns)


def count(counted: tuple[int, ...] = CHAIRS, **columns: Any) -> Row:
    given = {
        "form": "fill",
        "value": [float(len(counted))],
        "units": ["count"],
        "answer_short": str(len(counted)),
        "slots": {"object": "chair"},
        "evidence": {"instances_in_scene": [str(k) for k in CHAIRS]},
    }
    return row("obj_count", dict.fromkeys(counted, "counted"), **{**given, **columns})


def room_size(**columns: Any) -> Row:
    given = {"value": [35.0], "units": ["m2"], "answer_short": "35.0", "answer": "About 35.0 m²."}
    return row("room_size", {}, **{**given, **columns})


def selected_size(**columns: Any) -> Row:
    given = {"form": "select", "options": ["20.1", "35.0", "49.9", "70.2"], "answer_index": 1, "answer_short": "B"}
    return room_size(**{**given, "answer": "B", **columns})


WALK = (
    "turn left by about 70° and walk 3.2 m straight ahead, passing the table on your right, and stop next to the sofa; "
    "finally, turn left by about 155°"
)
BENT = (
    "turn around and go forward for 3.2 m; then turn about 50° to the left and move 0.6 m ahead up to the cabinet; "
    "once there, swing round to the right by roughly 30°"
)


def walk(told: str = WALK, frames: range = range(7, 12), **columns: Any) -> Row:
    """Past the table to the sofa; or from the sofa round the corner to the cabinet."""
    pose = pose_at(frames[0] / (FRAMES - 1))
    heading = np.arctan2(pose[1, 2], pose[0, 2])
    axes = np.array([[np.sin(heading), -np.cos(heading)], [np.cos(heading), np.sin(heading)]])
    ends = [frames[-1]] if frames[0] else [frames[-2], frames[-1]]
    stops = [axes @ (pose_at(end / (FRAMES - 1))[:2, 3] - pose[:2, 3]) for end in ends]
    named = {CABINET: "reference"} if frames[0] == 0 else {TABLE: "reference", SOFA: "reference"}
    given = {
        "value": np.concatenate(stops).tolist(),
        "units": ["m"] * 2 * len(stops),
        "answer_short": told,
        "answer": f"Here is the way: {told}.",
        "question": f"How do I get from Frame-0 to Frame-{len(frames) - 1}?",
        "evidence": {"definition": "own, not comparable with RxR"},
    }
    return row("nav", named, frames, **{**given, **columns})


def bent(**columns: Any) -> Row:
    return walk(BENT, range(6), **columns)


def judged(stage: Stage, planted: Row, **rules: Any) -> Verdict:
    reading = SparReading(stage, planted, **rules)
    JUDGES[planted["task"]](reading)
    return reading.verdict


# ---- what it measures


def test_pixels_are_those_of_plain_slabs(stage: Stage) -> None:
    """Every pixel's ray against every box, in closed form; and the lists above."""
    reading = SparReading(stage, frame_list())
    for frame in range(FRAMES):
        camera = Camera(intrinsics(WIDTH, HEIGHT), pose_at(frame / (FRAMES - 1)), WIDTH, HEIGHT)
        plain = shown_pixels(camera.resized(320, 240)) * 4
        assert reading.visible_px(frame)[: len(THINGS)] == pytest.approx(plain, rel=0.05, abs=100)
    for instance, listed in ((CABINET, OF_CABINET), (SOFA, OF_SOFA)):
        seen = [image for image in range(FRAMES) if sights(reading, image, instance) == {"seen"}]
        assert seen == listed
        assert all(sights(reading, k, instance) == {"unseen"} for k in range(FRAMES) if k not in listed)


def test_first_frames_and_traces_are_those_of_the_walk(stage: Stage) -> None:
    reading = SparReading(stage, order())
    assert [first_frames(reading, name) for name in ("sofa", "chair", "plant", "cabinet")] == [{0}, {2}, {3}, {4}]
    assert first_frames(reading, "stool") == {2}  # 652 pixels in frame 1 are not enough
    assert first_trace(reading, "stool") == 1


def test_a_camera_beside_sees_another_picture(stage: Stage) -> None:
    reading = SparReading(stage, frame_list())
    least, most = pixels_from_beside(reading, 8, SOFA)
    assert 0 < least < reading.visible_px(8)[SOFA] < most
    assert pixels_from_beside(reading, 8, CABINET) == (0, 0)


def test_rooms_have_closed_forms(stage: Stage) -> None:
    floor = floor_of(stage)
    assert floor.area == pytest.approx(float(np.prod((ROOM[1] - ROOM[0])[:2])), abs=1e-6)
    assert floor.contains(np.array([[1.0, 1.0], [6.9, 4.9], [7.2, 1.0], [3.0, -0.1]])).tolist() == [1, 1, 0, 0]
    assert len(floor.outline()) * 0.05 == pytest.approx(24.0, abs=0.2)
    assert 0.9 * floor.area < floor_seen(stage) <= 1.01 * floor.area
    share, beyond = shown(SparReading(stage, room_size()), floor)
    assert share > 0.95
    assert beyond < 0.1
    share, beyond = shown(SparReading(stage, room_size(frame_ids=["4", "5"])), floor)
    assert share < 0.3
    assert beyond > 3.0


def test_directions_are_read() -> None:
    first, last = read_directions(WALK)
    assert first == Clause(70.0, False, 3.2, (("table", -1),), "sofa")
    assert last == Clause(155.0, False, None, (), None)
    around, bend, _ = read_directions(BENT)
    assert (around.turn, around.is_half, around.length, around.stopped) == (180.0, True, 3.2, None)
    assert (bend.turn, bend.stopped) == (50.0, "cabinet")
    for unclear in ("walk on", "turn left and walk 3.2 m ahead", "walk 3.2 m ahead over the rug"):
        with pytest.raises(ValueError, match="cannot read"):
            read_directions(unclear)


# ---- rows

RIGHT: Mapping[str, Callable[[], Row]] = {
    "frames": frame_list,
    "frames of the sofa": lambda: frame_list(SOFA, OF_SOFA),
    "order": order,
    "order in a sentence": told_order,
    "count": count,
    "room": room_size,
    "room of four": selected_size,
    "walk": walk,
    "walk round a corner": bent,
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("noisy", [False, True])
def test_right_rows_pass(stage: Stage, name: str, noisy: bool) -> None:
    verdict = judged(stage, RIGHT[name](), noisy=noisy)
    assert verdict.right, (verdict.faults, verdict.choice)


def test_preset_rows_pass(stage: Stage) -> None:
    hull = floor_seen(stage)
    for planted in (
        frame_list(),
        order(),
        count(),
        room_size(value=[hull], answer_short=f"{hull:.1f}", answer=f"{hull:.1f}"),
    ):
        verdict = judged(stage, planted, preset="spar")
        assert verdict.right, (verdict.faults, verdict.choice)


# What is wrong, and what the witness must say of it.
PLANTED: Mapping[tuple[str, str], Callable[[], Row]] = {
    ("a frame too many", "told seen in Frame-7"): lambda: frame_list(listed=[4, 5, 7, 11]),
    ("a frame is missing", "told unseen in Frame-5"): lambda: frame_list(listed=[4, 11]),
    ("frames by one off", "told seen in Frame-6"): lambda: frame_list(listed=[5, 6, 12 - 1]),
    ("another object's frames", "told seen in Frame-0"): lambda: frame_list(CABINET, OF_SOFA),
    ("frames out of order", "value"): lambda: frame_list(value=[5.0, 4.0, 11.0]),
    ("one frame only", "1 frames listed"): lambda: frame_list(PLANT, [3]),
    ("a mark in a frame that is not listed", "mark's frame 6"): lambda: frame_list(
        boxes=[{"image": 6, "instance_id": str(CABINET)}]
    ),
    ("text against value", "short answer"): lambda: frame_list(answer_short="4, 5, 10"),
    ("a sentence that names another frame", "answer 'It is visible"): lambda: frame_list(
        answer="It is visible in Frame-4, Frame-5 and Frame-10."
    ),
    ("frames in other units", "units"): lambda: frame_list(units=["count"] * 3),
    ("two kinds swapped", "appears in .2., not before 'sofa'"): lambda: order(
        value=[3.0, 1.0, 0.0, 2.0], answer_short="chair, sofa, plant, cabinet"
    ),
    ("kinds of the same frame", "not before|is in Frame"): lambda: order(
        question="sofa, chair, table, cabinet",
        options=["sofa", "table", "chair", "cabinet"],
        value=[0.0, 1.0, 2.0, 3.0],
        answer_short="sofa, table, chair, cabinet",
    ),
    ("a kind with a trace before", "'stool' is in Frame-1"): lambda: order(
        question="box, stool, plant, cabinet",
        options=["box", "stool", "plant", "cabinet"],
        value=[0.0, 1.0, 2.0, 3.0],
        answer_short="box, stool, plant, cabinet",
    ),
    ("a kind that is not there", "'lamp' never appears"): lambda: order(
        question="sofa, chair, plant, lamp",
        options=["plant", "sofa", "lamp", "chair"],
        answer_short="sofa, chair, plant, lamp",
    ),
    ("the order of the text", "short answer"): lambda: order(answer_short="plant, sofa, cabinet, chair"),
    ("a kind twice", "options"): lambda: order(options=["plant", "sofa", "plant", "chair"]),
    ("a place twice", "value"): lambda: order(value=[1.0, 1.0, 0.0, 2.0]),
    ("a kind that the question leaves out", "does not name 'plant'"): lambda: order(question="sofa, cabinet, chair"),
    ("a frame told by one off", "answer 'First"): lambda: told_order((0, 2, 4, 5)),
    ("one chair less", "is not counted"): lambda: count((3, 4)),
    ("a chair twice", "counted"): lambda: (lambda made: made | {"objects": made["objects"][:1] * 3})(count()),
    ("a box among the chairs", "of the kind"): lambda: count((3, 4, 5, BOX)),
    ("one that no frame shows", "no frame shows it"): lambda: count(
        CHAIRS, frame_ids=["4", "5", "6"], image_sizes=[{"width": WIDTH, "height": HEIGHT}] * 3
    ),
    ("another number", "value"): lambda: count(value=[4.0], answer_short="4"),
    ("a number in text", "short answer"): lambda: count(answer_short="4"),
    ("a sentence with another number", "answer"): lambda: count(form="sentence", answer="There are 3, no, 4."),
    ("another number in the scene", "in the scene"): lambda: count(evidence={"instances_in_scene": ["3", "4"]}),
    ("counts in metres", "units"): lambda: count(units=["m"]),
    ("the outer sides of the walls", "between the walls 35.00"): lambda: room_size(
        value=[7.2 * 5.2], answer_short="37.4", answer="37.4"
    ),
    ("a room by a twentieth too small", "between the walls"): lambda: room_size(
        value=[33.2], answer_short="33.2", answer="33.2"
    ),
    ("square feet", "units"): lambda: room_size(units=["ft2"]),
    ("a size in text", "text"): lambda: room_size(answer_short="36.0"),
    ("a video of a corner", "of the outline"): lambda: (lambda made: made | {"frame_ids": made["frame_ids"][4:6]})(
        room_size()
    ),
    ("a video that leaves out an end", "of an end of the room"): lambda: (
        lambda made: made | {"frame_ids": made["frame_ids"][2:4]}
    )(room_size()),
    ("an option near the truth", "option 36.0"): lambda: selected_size(options=["20.1", "35.0", "36.0", "70.2"]),
    ("another option", "option 49.9|text '49.9'"): lambda: selected_size(answer_index=2),
    ("left and right", "turn 0 of 71 degrees is told -70"): lambda: walk(
        WALK.replace("turn left by about 70", "turn right by about 70")
    ),
    ("a turn by 10 degrees off", "is told 80"): lambda: walk(WALK.replace("70°", "80°")),
    ("a leg too long", "leg 0 of 3.2. m is told 4.2"): lambda: walk(WALK.replace("3.2 m", "4.2 m")),
    ("no last turn", "the last turn of 157"): lambda: walk(WALK.partition(";")[0]),
    ("the wrong side of the table", "not all on that side"): lambda: walk(
        WALK.replace("on your right", "on your left")
    ),
    ("something far away is passed", "'cabinet' is"): lambda: walk(WALK.replace("table", "cabinet")),
    ("the end at something else", "'cabinet' is 4.* m from the end"): lambda: walk(WALK.replace("sofa", "cabinet")),
    ("the farther of two at the end", "the sofa is only"): lambda: walk(WALK.replace("sofa", "stool")),
    ("one of several chairs", "may be any of"): lambda: walk(WALK.replace("sofa", "chair")),
    ("a thing that is not there", "'lamp' may be any of"): lambda: walk(WALK.replace("sofa", "lamp")),
    ("no landmark", "no landmark"): lambda: walk(
        "turn left by about 70° and walk 3.2 m straight ahead; finally, turn left by about 155°", objects=[]
    ),
    ("a thing that is not mentioned", "mentioned"): lambda: (lambda made: made | {"objects": made["objects"][:1]})(
        walk()
    ),
    ("words nobody understands", "cannot read"): lambda: walk(WALK.replace("straight ahead", "upstairs")),
    ("another last frame", "frames .'0', '9'."): lambda: walk(question="From Frame-0 to Frame-9?"),
    ("a corner cut", "off the legs"): lambda: (
        lambda made: (
            made
            | {"value": made["value"][2:], "answer_short": "turn around and go forward for 3.6 m up to the cabinet"}
        )
    )(bent()),
    ("corners elsewhere", "off the legs|last leg does not end"): lambda: walk(value=[1.0, 3.0], units=["m", "m"]),
    ("a way without its flag", "not flagged"): lambda: walk(evidence={"definition": "as RxR"}),
}


@pytest.mark.parametrize("error", PLANTED, ids=lambda error: error[0])
def test_planted_errors_are_found(stage: Stage, error: tuple[str, str]) -> None:
    verdict = judged(stage, PLANTED[error]())
    faults = [*verdict.faults, *verdict.choice]
    assert any(re.search(error[1], fault) for fault in faults), faults


@pytest.mark.parametrize(
    "planted",
    [
        lambda: frame_list(listed=[4, 5, 7, 11]),
        lambda: order(value=[3.0, 1.0, 0.0, 2.0], answer_short="chair, sofa, plant, cabinet"),
        lambda: count((3, 4)),
        lambda: room_size(value=[38.0], answer_short="38.0", answer="38.0"),
        lambda: walk(WALK.replace("on your right", "on your left")),
    ],
)
def test_noise_excuses_no_wrong_row(stage: Stage, planted: Callable[[], Row]) -> None:
    assert not judged(stage, planted(), noisy=True).right
