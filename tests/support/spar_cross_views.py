"""The independent witness of questions across views: the same thing in two images, and the cameras' own motion.

Written from docs/conventions.md ("Camera motion", "Questions across views") and the fact sheet of SPAR's tasks: boxes
are ray-cast, motions come from the true poses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .mosaic_oracle import GREY_PX, MOST_TOTAL
from .mosaic_rows import LOST_SLACK, SLACK_PX, namesakes
from .multispa_oracle import camera_values, elevation, levelled
from .spar_contested import may_bound
from .spar_rows import BOX_PX, LEAST_IOU, LEAST_MARK_IOU, OVERLAP_ERROR, SparReading, iou
from .spar_sentences import said_in

SPAR_PIXELS, SPAR_VISIBLE, SPAR_CUT, SPAR_DEPTHS = 0.002, 0.25, 0.30, (0.3, 8.0)
"""Preset ``spar``: least share of an image's pixels and of a silhouette, most outside, metres of depth."""
LEAST_TOLD = {"default": 100.0, "spar": 0.0}
"""Thousandths of an image's width: width times height of a box over their sum."""
MOST_OPTION_OVERLAP, MOST_CLASH = 0.3, 0.5
IOU_SLACK = 0.02
TURN, BASELINE, OVERLAP = (10.0, 90.0), (0.3, 3.0), (0.10, 0.80)
"""Degrees, metres and share of two images shown together."""
LEAST_DEPTH, LEAST_PLACE_GAP, LEAST_DEPTH_RATIO = 0.2, 100.0, 1.2
MOST_ELEVATION, MOST_ROLL = 60.0, 10.0
CLEAN_DEGREES, NOISY_DEGREES = 0.5, 3.0
"""A noisy pose is off by half a degree; the heading of a camera that looks 60 degrees up or down by twice that."""
STEPS = {
    "move": ("move", (("right", "left"), ("up", "down"), ("forward", "backward"))),
    "turn": ("rotate", (("up", "down"), ("right", "left"))),
}
"""Verbs of sentences, those of keys, and of each axis the two words."""

Box = Mapping[str, Any]


# ---- boxes, and what images show


def edges(box: Box) -> np.ndarray:
    """(4,): x1, y1, x2, y2 in native pixels."""
    return np.array([box["x1"], box["y1"], box["x2"], box["y2"]], dtype=float)


def box_numbers(row: Mapping[str, Any], box: Box) -> list[int]:
    """A box in thousandths of its image, as text has it."""
    size = row["image_sizes"][box["image"]]
    scale = 1000 / np.tile([size["width"], size["height"]], 2)
    return [min(1000, max(0, math.floor(edge + 0.5))) for edge in (edges(box) + 0.5) * scale]


def box_is_right(reading: SparReading, box: Box) -> None:
    """The box goes around what rays find of its object in its image."""
    instance, image = int(box["instance_id"]), box["image"]
    true, name = reading.modal(image, instance), reading.stage.names[instance]
    if true is None:
        reading.need(False, f"image {image} shows nothing of {name} {instance}")
        return
    if reading.noisy:
        # To choose from, a box is right that points at its object, as a mark does; the other options are other things'.
        shared, least = iou(edges(box), true), LEAST_MARK_IOU if reading.form == "select" else LEAST_IOU
        reading.need(shared >= least, f"box of {name} {instance} shares {shared:.2f} with the true one")
        return
    error = np.abs(edges(box) - true)
    reading.verdict.measures["box_error_px"] = float(error.max())
    limit = BOX_PX + float(reading.stage.scale.max())
    fits = error.max() <= limit or may_bound(reading.stage, reading.frames[image], instance, edges(box), limit)
    reading.need(fits, f"box of {name} {instance} {edges(box).round(1)}, rays {true.round(1)}")


def judge_told(reading: SparReading, box: Box) -> None:
    """A box that the answer tells by numbers is large enough, by the rule in force."""
    x1, y1, x2, y2 = edges(box)
    told = 1000 * (x2 - x1) * (y2 - y1) / (x2 - x1 + y2 - y1) / reading.row["image_sizes"][box["image"]]["width"]
    reading.need(told >= LEAST_TOLD[reading.preset] - 1e-6, f"a box of size {told:.0f} is told by numbers")


def judge_shown(reading: SparReading, image: int, instance: int) -> None:
    """An image shows an object well enough to speak of it there, by the rules in force."""
    name = f"{reading.stage.names[instance]} {instance} in image {image}"
    visible = int(reading.visible_px(image)[instance])
    if reading.noisy:
        reading.need(visible > 0, f"nothing of {name}")
        return
    reading.need(visible > GREY_PX - SLACK_PX, f"{visible} px of {name}")
    view = reading.view(image, instance)
    if reading.preset == "spar":
        width, height = reading.stage.map_size
        reading.need(visible >= SPAR_PIXELS * width * height - SLACK_PX, f"{visible} px of {name}")
        # Without surfaces what is cut off and hidden is measured at the box around an object.
        slack = LOST_SLACK * (1 + 4 * reading.is_stated)
        reading.need(1 - view.occlusion >= SPAR_VISIBLE - slack, f"{view.occlusion:.2f} of {name} is hidden")
        reading.need(view.truncation <= SPAR_CUT + slack, f"{view.truncation:.2f} of {name} is outside")
        depth = reading.depth(image, instance)
        reading.need(SPAR_DEPTHS[0] - 0.02 <= depth <= SPAR_DEPTHS[1] + 0.02, f"{name} is {depth:.2f} m deep")
    else:
        slack = LOST_SLACK * (1 + 4 * reading.is_stated)
        reading.need(view.total <= MOST_TOTAL + slack, f"{view.total:.2f} of {name} is lost")


# ---- which images are shown together


def turned(first: np.ndarray, second: np.ndarray) -> float:
    """Degrees between the orientations of two camera_to_world matrices."""
    cosine = (np.trace(first[:3, :3].T @ second[:3, :3]) - 1) / 2
    return math.degrees(math.acos(max(-1.0, min(1.0, float(cosine)))))


def judge_linked(reading: SparReading) -> None:
    """Every two images differ, and overlaps connect them all; of a pair neither motion goes too far."""
    poses = [reading.pose(image) for image in range(len(reading.frames))]
    # Without a mesh the product counts other points: those of the depth maps.
    slack = OVERLAP_ERROR * (1 + reading.noisy + reading.is_stated)
    turn_slack, metres = (NOISY_DEGREES, 0.05) if reading.noisy else (0.01, 1e-4)
    linked = {0}
    shared: dict[tuple[int, int], float] = {}
    for second in range(len(poses)):
        for first in range(second):
            where = f"images {first} and {second}"
            turn = turned(poses[first], poses[second])
            way = float(np.linalg.norm(poses[second][:3, 3] - poses[first][:3, 3]))
            shared[first, second] = share = reading.overlap(first, second)
            far = turn >= TURN[0] - turn_slack or way >= BASELINE[0] - metres
            reading.need(far, f"{where} differ by {turn:.1f} degrees and {way:.2f} m")
            reading.need(share <= OVERLAP[1] + slack, f"{where} share {share:.3f}")
            if len(poses) == 2:
                near = turn <= TURN[1] + turn_slack and way <= BASELINE[1] + metres
                reading.need(near, f"{where} are {turn:.1f} degrees and {way:.2f} m apart")
    least = OVERLAP[0] - slack
    for _ in poses:
        linked |= {k for pair, share in shared.items() if share >= least and linked & {*pair} for k in pair}
    reading.need(len(linked) == len(poses), f"overlaps {shared} do not connect the images")


# ---- position_matching


def judge_position(reading: SparReading) -> None:
    """The red box of image 0, the box of the same thing in image 1, and boxes of other things there."""
    row = reading.row
    judge_linked(reading)
    mark, truth, *others = row["boxes"]
    target = reading.one("target")
    name = reading.stage.names[target]
    reading.need([mark["image"], truth["image"]] == [0, 1], "boxes in other images")
    reading.need({int(mark["instance_id"]), int(truth["instance_id"])} == {target}, "boxes of two objects")
    reading.need(str(mark["color"]).startswith("#ff"), f"a mark in {mark['color']}")
    drawn = [box for box in row["boxes"][1:] if box["color"] or box["label"]]
    reading.need(not drawn and not row["points"], "the second image is marked")
    reading.need(f"{name} (red bbox)" in reading.question, f"question {reading.question!r} lacks {name} (red bbox)")
    reading.need(np.allclose(row["value"], edges(truth)), f"value {row['value']}, box {edges(truth)}")
    for box in row["boxes"]:
        judge_shown(reading, box["image"], int(box["instance_id"]))
        if box is truth or not reading.noisy:
            box_is_right(reading, box)
    mine = reading.modal(0, target)
    for other in namesakes(reading, target, (0,)):
        theirs = reading.modal(0, other)
        if mine is not None and theirs is not None:
            clash = iou(mine, theirs)
            reading.need(clash <= MOST_CLASH + IOU_SLACK, f"the mark could mean {other}: {clash:.2f} shared")
    _judge_box_text(reading, truth, others)


def _judge_box_text(reading: SparReading, truth: Box, others: Sequence[Box]) -> None:
    row = reading.row
    text = f"[{','.join(map(str, box_numbers(row, truth)))}]"
    if row["form"] != "select":
        judge_told(reading, truth)
        reading.need(not others and row["options"] is None, "boxes to choose from")
        reading.need(row["answer_short"] == text, f"answer {row['answer_short']!r}, box {text}")
        if row["form"] == "sentence":
            told = said_in(row["task"], "sentence.box", row["answer"])
            fits = any(
                one["answer"] == text and one.get("object", _marked(reading)) == _marked(reading) for one in told
            )
            reading.need(fits, f"answer {row['answer']!r} says {told}, box {text}")
        return
    instances = [int(box["instance_id"]) for box in others]
    reading.need(len(set(instances)) == len(others) == 3, f"wrong boxes of {instances}")
    reading.need(reading.one("target") not in instances, "a wrong box of the object itself")
    reading.need(all(box["image"] == 1 for box in others), "a wrong box in the first image")
    texts = [f"[{','.join(map(str, box_numbers(row, box)))}]" for box in others]
    index = row["answer_index"]
    reading.verdict.need_choice(row["options"][index] == text, f"option {row['options'][index]}, box {text}")
    wrong = [option for k, option in enumerate(row["options"]) if k != index]
    reading.need(sorted(wrong) == sorted(texts), f"options {wrong}, boxes {texts}")
    views = [reading.modal(1, one) for one in (reading.one("target"), *instances)]
    boxes = [view if view is not None else np.zeros(4) for view in views]
    for k, box in enumerate(boxes):
        for other in boxes[:k]:
            slack = 0.1 if reading.noisy else IOU_SLACK
            shared = iou(box, other)
            reading.verdict.need_choice(shared < MOST_OPTION_OVERLAP + slack, f"two options share {shared:.2f}")


def _marked(reading: SparReading) -> str:
    return f"{reading.stage.names[reading.one('target')]} (red bbox)"


# ---- camera_motion_infer


def judge_place(reading: SparReading) -> None:
    """The second camera's centre in the first image: its pixel, its depth, and places that it is not at."""
    row, room = reading.row, reading.stage.room
    judge_linked(reading)
    first = reading.frames[0]
    centre = reading.pose(1)[:3, 3]
    pixel, depth = room.project(first, centre[None], room.intrinsics)
    true = np.array([*pixel[0], depth[0]])
    stated = np.array(row["value"], dtype=float)
    _judge_place_value(reading, stated, true)
    size = np.array([row["image_sizes"][0]["width"], row["image_sizes"][0]["height"]])
    inside = (stated[:2] >= -0.5).all() and (stated[:2] < size - 0.5).all()
    reading.need(inside, f"pixel {stated[:2].round(1)} is outside the image")
    reading.need(stated[2] >= LEAST_DEPTH - 1e-6, f"depth {stated[2]:.3f}")
    if not reading.noisy:
        reading.need(abs(row["margin"] - depth[0] / LEAST_DEPTH) < 1e-3, f"margin {row['margin']}")
    if row["form"] != "select":
        reading.need(row["options"] is None, "places to choose from")
        if row["form"] == "sentence":
            phrase = re.sub(r"\),(.*)", r") at a depth of \1 m", row["answer_short"])
            told = [one["answer"] for one in said_in(row["task"], "sentence.name", row["answer"])]
            reading.need(phrase in told, f"answer {row['answer']!r} says {told}, place {phrase}")
        return
    index = row["answer_index"]
    reading.need(len(row["options"]) == 4, f"{len(row['options'])} options")
    places = [place_numbers(option) for option in row["options"]]
    truth = np.array([*((true[:2] + 0.5) / size * 1000), true[2]])
    for k, place in enumerate(places):
        if place is None:
            reading.need(False, f"option {row['options'][k]!r} is no place")
        elif k != index:
            _judge_wrong_place(reading, place, truth)
            for other in places[:k]:
                apart = other is None or math.dist(place[:2], other[:2]) >= LEAST_PLACE_GAP - 2
                reading.verdict.need_choice(apart, f"options {place} and {other} are close together")


def _judge_place_value(reading: SparReading, stated: np.ndarray, true: np.ndarray) -> None:
    """Clean: pixel and depth; of a scan with noise the point in space, which is what a shift of the cameras moves."""
    inverse = np.linalg.inv(reading.stage.room.intrinsics)
    there, here = (inverse @ [*place[:2], 1.0] * place[2] for place in (stated, true))
    metres, error = float(np.linalg.norm(there - here)), np.abs(stated - true)
    reading.verdict.measures["place_error_m"] = metres
    told = f"place {stated.round(2).tolist()}, truth {true.round(2).tolist()}"
    if reading.noisy:
        reading.need(metres <= reading.off(float(np.linalg.norm(here))), told)
    else:
        reading.need(error[:2].max() <= 1.0 and error[2] <= 0.02, told)


def _judge_wrong_place(reading: SparReading, place: np.ndarray, truth: np.ndarray) -> None:
    """A wrong place is elsewhere in the image and at another depth."""
    slack = 60.0 if reading.noisy else 2.0
    gap = math.dist(place[:2], truth[:2])
    near, deep = sorted((place[2], truth[2]))
    reading.verdict.need_choice(
        gap >= LEAST_PLACE_GAP - slack, f"a wrong place {gap:.0f} thousandths from the true one"
    )
    if reading.noisy:
        near, deep = near - 0.05, deep + 0.05
    else:  # as written
        near, deep = (math.floor(10 * depth + 0.5) for depth in (near, deep))
    ratio = deep / max(near, 1e-6)
    reading.verdict.need_choice(ratio > LEAST_DEPTH_RATIO, f"a wrong place as deep: {place[2]} and {truth[2]:.2f} m")
    reading.need((place[:2] >= 0).all() and (place[:2] <= 1000).all() and place[2] > 0, f"a place {place} outside")


def place_numbers(text: str) -> np.ndarray | None:
    """(3,): thousandths across and down, and metres; None of what is not written so."""
    found = re.fullmatch(r"\((\d+),(\d+)\),(\d+\.\d)", text)
    return np.array([float(part) for part in found.groups()]) if found else None


# ---- view_change_infer


def judge_change(reading: SparReading) -> None:
    """Five components along the levelled first camera: value, words and signs, and their text."""
    row = reading.row
    judge_linked(reading)
    first, second = (reading.pose(image) for image in (0, 1))
    true = true_change(first, second)
    stated = np.array(row["value"], dtype=float)
    if stated.shape != (5,):
        reading.need(False, f"{len(stated)} values")
        return
    metres = np.abs(stated[:3] - true[:3])
    degrees = np.degrees([abs(math.remainder(one, math.tau)) for one in stated[3:] - true[3:]])
    reading.verdict.measures |= {"metres": float(metres.max()), "degrees": float(degrees.max())}
    told = f"change {stated.round(3).tolist()}, truth {true.round(3).tolist()}"
    reading.need(all(error <= reading.off(one) for error, one in zip(metres, true[:3], strict=True)), told)
    reading.need(degrees.max() <= (NOISY_DEGREES if reading.noisy else CLEAN_DEGREES), told)
    slack = 1.0 if reading.noisy else 0.01
    for pose in (first, second):
        reading.need(abs(elevation(pose)) <= MOST_ELEVATION + slack, f"a camera {elevation(pose):.1f} degrees steep")
        reading.need(abs(tilt(pose)) <= MOST_ROLL + 2 * slack, f"a camera tilted by {tilt(pose):.1f} degrees")
    reading.need(row["options"] is None, "changes to choose from")
    parts = (part.split(":") for part in row["answer_short"].split(","))
    wanted = {key: number for key, number in parts if float(number)}
    if row["form"] == "sentence":
        told_in = [change_said(one["answer"]) for one in said_in(row["task"], "sentence.name", row["answer"])]
        reading.need(wanted in told_in, f"answer {row['answer']!r} says {told_in}, change {wanted}")


def true_change(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(5,): right, up, forward in metres; yaw to the left and pitch upwards in radians."""
    values = camera_values(first, second)
    names = ("x", "y", "z", "yaw", "pitch")
    return np.array([values[f"camera_movement_{name}"][0] for name in names])


def tilt(pose: np.ndarray) -> float:
    """Degrees by which a camera is turned about its optical axis from upright."""
    right = levelled(pose)[:, 0]
    down = np.cross(pose[:3, 2], right)
    return math.degrees(math.atan2(pose[:3, 0] @ down, pose[:3, 0] @ right))


def change_said(phrase: str) -> dict[str, str] | None:
    """The keys and numbers of "move right by 0.4 m and up by 1.0 m, then turn left by 60°"; None of what is not so."""
    found: dict[str, str] = {}
    for clause in phrase.split(", then "):
        verb, _, rest = clause.partition(" ")
        if verb not in STEPS:
            return None
        key, axes = STEPS[verb]
        unit = " m" if verb == "move" else "\N{DEGREE SIGN}"
        for step in re.split(r", | and ", rest):
            match = re.fullmatch(rf"(\w+) by ([\d.]+){unit}", step)
            if match is None or not any(match[1] in words for words in axes):
                return None
            if f"{key}_{match[1]}" in found:
                return None
            found[f"{key}_{match[1]}"] = match[2]
    return found


def is_in_tenths(text: str, metres: float) -> bool:
    """Whether a text is a length rounded to 0.1 m."""
    return bool(re.fullmatch(r"\d+\.\d", text)) and abs(float(text) - metres) <= 0.05 + 1e-6


JUDGES: dict[str, Callable[[SparReading], None]] = {
    "position_matching": judge_position,
    "camera_motion_infer": judge_place,
    "view_change_infer": judge_change,
}
