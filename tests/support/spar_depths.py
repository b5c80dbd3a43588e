"""The witness of depths, distances and sizes of centres.

Written from SPAR's fact sheet (§1.4, §6) and docs/conventions.md ("Depths and distances of centres").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise, product

import numpy as np

from .multispa_objects import Side
from .spar_boxes import UprightBox, smallest
from .spar_rows import ORDINALS, SparReading

LEAST_DIFFERENCE, RELATIVE_DIFFERENCE = 0.10, 0.05
LEAST_DISTANCE = {"default": 0.3, "spar": 0.1}
MOST_SHIFT, RELATIVE_SHIFT = 0.05, 0.05
"""Of an answer, if boxes went around stray bits too."""
OPTION_RATIO = 1.2
STEP, BEND = 1.40, 0.4
"""Widest step of a ladder of options, and metres below which its steps are even."""
HALF_DIGIT = 0.05
LEAST_SIDE, LEAST_PX = 0.05, 400
MOST_LOST = 0.10
MOST_STRAY, MOST_RIVAL = 0.10, 0.05
SPANNED = 0.75
GREY_PX = 200
NOISY_SIDE, NOISY_SIDE_SHARE = 0.03, 0.10
"""Of a side of an object in a noisy scan; smaller things are off by as much."""
SLACK = 0.02
"""Metres that a threshold may be missed by: samples differ."""
SHARE_SLACK = 0.03
DISTINCT = 0.002
"""Metres from which two possible centres are two."""


def centres_of(reading: SparReading, instance: int) -> np.ndarray:
    """(k, 3): the centres of all boxes that may be an object's, the likeliest first."""
    kept = reading.stage.kept.setdefault("centres", {})
    if instance not in kept:
        found: list[np.ndarray] = []
        for box in reading.boxes_of(instance):
            if all(np.abs(box.centre - other).max() > DISTINCT for other in found):
                found.append(box.centre)
        kept[instance] = np.array(found)
    return np.asarray(kept[instance])


def depths_of(reading: SparReading, color: str) -> np.ndarray:
    """(k,): along the optical axis of the camera whose image has a colour's mark, metres."""
    mark = reading.marked(color)
    frame = reading.frames[int(mark["image"])]
    return np.asarray(reading.stage.camera(frame, centres_of(reading, reading.instance(color)))[:, 2])


def distances_of(reading: SparReading, color: str, image: int) -> np.ndarray:
    """(k,): from an image's camera, straight, metres."""
    return np.linalg.norm(centres_of(reading, reading.instance(color)) - reading.pose(image)[:3, 3], axis=1)


def judge_depth(reading: SparReading) -> None:
    """The blue object's depth, told the red one's, each in the camera whose image marks it."""
    _judge_marked(reading)
    _judge_given(reading)
    _judge_metres(reading, depths_of(reading, "blue"))


def judge_difference(reading: SparReading) -> None:
    """By how much the green and the blue object's depths differ, and which the text calls deeper."""
    _judge_marked(reading)
    _judge_given(reading)
    blue, green = depths_of(reading, "blue"), depths_of(reading, "green")
    differences = np.array([g - b for g, b in product(green, blue)])
    _judge_metres(reading, np.abs(differences))
    true = green[0] - blue[0]
    told = reading.evidence["signed_difference"]
    reading.need(abs(abs(told) - reading.value[0]) < 1e-4, f"signed difference {told}, value {reading.value[0]}")
    reading.need(abs(told - true) <= reading.off(true) + _spread(differences), f"signed difference {told}, {true:.3f}")
    deeper = reading.marked("green" if true > 0 else "blue")
    slot = reading.slots.get("deeper")
    if slot is not None:
        named = reading.row["points"][slot["point"]]
        reading.need(named == deeper, f"{slot['text']} is called deeper, {true:+.3f} m")
        reading.need(reading.slots["shallower"]["point"] != slot["point"], "one object is deeper and shallower")
    slack = reading.off(true) if reading.noisy else SLACK
    least = max(LEAST_DIFFERENCE, RELATIVE_DIFFERENCE * min(blue[0], green[0]))
    if reading.preset == "spar":
        least = LEAST_DIFFERENCE
    reading.need(abs(true) >= least - slack, f"a difference of {abs(true):.3f} m")
    if reading.preset == "default":
        near, far = (
            distances_of(reading, color, int(reading.marked(color)["image"]))[0] for color in ("blue", "green")
        )
        reading.need((far - near) * np.sign(true) >= least - slack, f"distances {near:.2f} and {far:.2f} m")


def judge_camera_distance(reading: SparReading) -> None:
    """From the first image's camera to the red object, wherever it is marked."""
    _judge_marked(reading)
    _judge_metres(reading, distances_of(reading, "red", 0))


def judge_objects_distance(reading: SparReading) -> None:
    """From the red object's centre to the blue one's."""
    _judge_marked(reading)
    pairs = product(*(centres_of(reading, reading.instance(color)) for color in ("red", "blue")))
    true = np.array([np.linalg.norm(first - second) for first, second in pairs])
    _judge_metres(reading, true)
    least = LEAST_DISTANCE[reading.preset] - (reading.off(0) if reading.noisy else SLACK)
    reading.need(true[0] >= least, f"objects {true[0]:.3f} m apart")


def judge_volume(reading: SparReading) -> None:
    """Length, width and height of an object that the image shows whole."""
    instance = reading.instance("red")
    boxes = reading.boxes_of(instance)
    _judge_marked(reading)
    told = reading.value
    reading.need(told[0] >= told[1] - 1e-9, f"length {told[0]:.3f}, width {told[1]:.3f}")
    best = min(boxes, key=lambda box: float(np.abs(box.size - told).max()))
    error = np.abs(best.size - told)
    reading.verdict.measures["side_error"] = float(error.max())
    allowed = np.maximum(NOISY_SIDE, NOISY_SIDE_SHARE * best.size) if reading.noisy else SLACK
    reading.need((error <= allowed).all(), f"sides {told.round(3)}, truth {best.size.round(3)}")
    reading.need(boxes[0].size.min() >= LEAST_SIDE - SLACK / 4 - reading.noisy * SLACK, f"sides {boxes[0].size}")
    shown = reading.visible_px(0)[instance]
    reading.need(shown >= LEAST_PX * (0.6 if reading.noisy else 0.98), f"{shown} px of the object")
    if reading.is_stated:
        _judge_outline(reading, boxes)
        return
    lost = reading.view(0, instance).total
    reading.need(lost <= MOST_LOST + SHARE_SLACK * (1 + 2 * reading.noisy), f"{lost:.2f} of the object is lost")
    if reading.noisy:
        return  # what strays in the scan is not in the truth
    whole = reading.stage.corners(instance)
    for side in zip(boxes[0].axes, *_ends(boxes[0]), strict=True):
        stray = _stray(whole, side)
        reading.need(stray <= MOST_STRAY + SHARE_SLACK, f"stray bits make a side {stray:.2f} longer")
    if reading.preset == "default":
        sizes = np.array([box.size for box in boxes])
        # Only boxes as small as the smallest are rivals for certain.
        as_small = sizes[sizes[:, 0] * sizes[:, 1] <= sizes[0, 0] * sizes[0, 1] * 1.0005]
        rival = float((np.ptp(as_small, axis=0) / sizes[0]).max())
        reading.need(rival <= MOST_RIVAL + SHARE_SLACK, f"turning the box changes a side by {rival:.2f}")


def _ends(box: UprightBox) -> tuple[np.ndarray, np.ndarray]:
    middle = box.axes @ box.centre
    return middle - box.size / 2, middle + box.size / 2


def _stray(points: np.ndarray, side: Side) -> float:
    """By which share the extent of all points (n, 3) is longer than a side."""
    return float(np.ptp(points @ side[0]) / (side[2] - side[1]) - 1)


def _judge_outline(reading: SparReading, boxes: list[UprightBox]) -> None:
    """Where the source shows no surfaces: the outline lies in the image, and what is visible spans most of it."""
    room, frame = reading.stage.room, reading.frames[0]
    found = []
    for box in boxes:
        xy, depth = room.project(frame, box.corners(), room.intrinsics)
        if (depth > 0).all():
            found.append((*xy.min(axis=0), *xy.max(axis=0)))
    if not found:
        reading.need(False, "the box is not before the camera")
        return
    outline = np.array(found[0])
    inside = (outline[:2] >= -0.5 - 2).all() and (outline[2:] <= np.array([room.width, room.height]) - 0.5 + 2).all()
    reading.need(inside, f"outline {outline.round()} of {room.width} by {room.height}")
    modal = reading.modal(0, reading.instance("red"))
    if modal is None:
        reading.need(False, "nothing of the object is visible")
        return
    spanned = (modal[2:] - modal[:2]) / (outline[2:] - outline[:2])
    reading.need((spanned >= SPANNED - SHARE_SLACK).all(), f"what is visible spans {spanned.round(2)} of its outline")


def _judge_marked(reading: SparReading) -> None:
    """Every mark has an image of its own (of several) and an object of its own, which that image shows clearly."""
    marks = reading.marks
    instances = [int(mark["instance_id"]) for mark in marks]
    reading.need(len(set(instances)) == len(instances), f"two marks on one of {instances}")
    images = [int(mark["image"]) for mark in marks]
    if len(reading.frames) > 1:
        reading.need(len(set(images)) == len(images), f"marks in images {images}")
    for image, instance in zip(images, instances, strict=True):
        if reading.is_stated:
            shown = reading.visible_px(image)[instance]
            reading.need(shown >= GREY_PX * (0.5 if reading.noisy else 0.97), f"{shown} px of marked object {instance}")
        elif reading.preset == "default":
            view = reading.view(image, instance)
            clear = view.may_be("clear") or (reading.noisy and view.visible_px >= GREY_PX / 2)
            reading.need(clear, f"image {image} shows marked object {instance} {view.state}")


def _judge_given(reading: SparReading) -> None:
    """The depth that the question gives away is the red object's, as its text says, in the image that it says."""
    true = depths_of(reading, "red")
    slot = reading.slots["depth"]
    told = float(slot["value"][0])
    reading.need(np.abs(true - told).min() <= reading.off(true[0]), f"given depth {told:.3f}, truth {true[0]:.3f}")
    reading.need(abs(float(slot["text"]) - told) <= HALF_DIGIT + 1e-6, f"given depth {told:.3f} is {slot['text']!r}")
    reading.need(f"{slot['text']} m" in reading.question, f"no word of the given {slot['text']} m")
    image = reading.slots.get("reference_image")
    if image is not None:
        reading.need(ORDINALS[reading.marked("red")["image"]] == image, f"the given depth is in the {image} image")


def _judge_metres(reading: SparReading, true: np.ndarray) -> None:
    """The value is one of those that may be true (k,), stray bits would not change it, and options lie apart."""
    told = float(reading.value[0])
    error = float(np.abs(true - told).min())
    reading.verdict.measures["value_error"] = error
    reading.need(error <= reading.off(true[0]), f"value {told:.3f}, truth {true[0]:.3f}")
    if not reading.noisy and not reading.is_stated and reading.preset == "default":
        whole = _with_stray_bits(reading)
        allowed = max(MOST_SHIFT, RELATIVE_SHIFT * abs(told)) + SLACK + _spread(whole)
        reading.need(np.abs(whole - told).min() <= allowed, f"value {told:.3f}, with stray bits {whole[0]:.3f}")
    if reading.form != "select":
        return
    numbers = sorted(float(option) for option in reading.row["options"])
    reading.verdict.measures["rank"] = numbers.index(float(reading.row["options"][reading.row["answer_index"]]))
    for first, second in pairwise(numbers):
        reading.need(second > OPTION_RATIO * first - 1e-9, f"options {numbers}")
        if reading.preset == "default":
            # As far as it is known what was rounded to them; near 0 steps are as wide as those at the bend.
            widest = max((STEP - 1) * (first + HALF_DIGIT), math.log(STEP) * BEND) + 2 * HALF_DIGIT
            reading.need(second - first <= widest + 1e-9, f"a step from {first} to {second} in options {numbers}")
    if reading.preset == "spar":
        low, high = told / 2 - HALF_DIGIT, told * 2 + HALF_DIGIT
        reading.need(all(low <= number <= high for number in numbers), f"options {numbers} of {told:.3f}")


def _with_stray_bits(reading: SparReading) -> np.ndarray:
    """(k,): what the answer would be with boxes around everything that belongs to the objects."""
    centres = {color: list(_raw_centres(reading, reading.instance(color))) for color in _asked(reading)}
    if reading.task.startswith("distance_prediction_oc"):
        return np.linalg.norm(np.array(centres["red"]) - reading.pose(0)[:3, 3], axis=1)
    if reading.task.startswith("distance_prediction_oo"):
        return np.array([np.linalg.norm(a - b) for a, b in product(centres["red"], centres["blue"])])
    depths = {
        color: reading.stage.camera(reading.frames[reading.marked(color)["image"]], np.array(found))[:, 2]
        for color, found in centres.items()
    }
    if "green" in depths:
        return np.array([abs(g - b) for g, b in product(depths["green"], depths["blue"])])
    return depths["blue"]


def _asked(reading: SparReading) -> tuple[str, ...]:
    """Colours of the marks whose objects the answer rests on."""
    if reading.task.startswith("depth_prediction_oc"):
        return ("blue",)
    if reading.task.startswith("depth_prediction_oo"):
        return ("blue", "green")
    return ("red",) if reading.task.startswith("distance_prediction_oc") else ("red", "blue")


def _raw_centres(reading: SparReading, instance: int) -> Iterator[np.ndarray]:
    kept = reading.stage.kept.setdefault("raw_boxes", {})
    if instance not in kept:
        corners = reading.stage.corners(instance)
        kept[instance] = smallest(corners, corners, (0, 100))
    for box in kept[instance]:
        yield box.centre


def _spread(values: np.ndarray) -> float:
    return float(np.ptp(values))


JUDGES: dict[str, Callable[[SparReading], None]] = {
    **dict.fromkeys(("depth_prediction_oc", "depth_prediction_oc_mv"), judge_depth),
    **dict.fromkeys(("depth_prediction_oo", "depth_prediction_oo_mv"), judge_difference),
    **dict.fromkeys(("distance_prediction_oc", "distance_prediction_oc_mv"), judge_camera_distance),
    **{f"distance_prediction_oo{kind}": judge_objects_distance for kind in ("", "_mv", "_video")},
    "spatial_volume_infer": judge_volume,
}
"""Ten tasks."""
