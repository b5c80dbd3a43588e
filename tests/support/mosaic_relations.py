"""The independent witness of what is left, higher or farther of what: closed forms over samples of true surfaces."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from spatialgen.core import labels

from .mosaic_oracle import GREY_PX, HIDDEN_PX, MOST_TOTAL, NEAR, Stage
from .mosaic_rows import Reading, frames_named, judge_evidence_table, namesakes

TRIM = (2, 98)
LEAST_GAP, LEAST_SHARE = 0.10, 0.05
GAP_SLACK = 0.02
"""Metres by which the ends of an interval may differ from sample to sample."""
MOST_BEYOND = 45.0

WORDS = {
    "lr": (r"\bright\b|\brightward|\bright-hand", r"\bleft\b|\bleftward|\bleft-hand"),
    "ab": (r"\bhigher\b|\babove\b|\bupper\b", r"\blower\b|\bbelow\b|\bbeneath\b"),
    "fb": (r"\bfarther\b|\bfurther from\b|\bfurther away\b|\bbehind\b", r"\bcloser\b|\bnearer\b|\bin front\b"),
}
"""Words for a positive relation, then for a negative one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one object is for one camera.

    Attributes:
        spans: low and high end, by quantity: metres right, up, against gravity, in depth and in distance.
        look: median place in the image, right and up, for a depth of 1.
        nearest: metres, least depth.
    """

    spans: dict[str, tuple[float, float]]
    look: tuple[float, float]
    nearest: float


QUANTITIES = {"lr": ("right",), "ab": ("up", "height"), "fb": ("depth", "ray")}


def place(stage: Stage, frame: int, instance: int) -> Place:
    """Where an object is for a frame's camera, from samples of its surface."""
    key = "place", frame, instance
    if key not in stage.kept:
        world = stage.samples(instance)
        x, y, z = stage.camera(frame, world).T
        values = {"right": x, "up": -y, "height": world[:, 2], "depth": z, "ray": np.sqrt(x * x + y * y + z * z)}
        spans = {name: tuple(np.percentile(found, TRIM).tolist()) for name, found in values.items()}
        look = float(np.median(x / z)), float(np.median(-y / z))
        stage.kept[key] = Place(spans, look, float(z.min()))
    found = stage.kept[key]
    assert isinstance(found, Place)
    return found


def relation(stage: Stage, frame: int, first: int, second: int, axis: str) -> tuple[int, float]:
    """Whether the first object is right of, higher or farther than (+1) the second, the opposite (-1), or neither (0).

    The second number is the gap between both along the axis, metres, negative if they overlap.
    """
    a, b = place(stage, frame, first), place(stage, frame, second)
    found = [_apart(a.spans[name], b.spans[name]) for name in QUANTITIES[axis]]
    least = max(LEAST_GAP, LEAST_SHARE * stage_distance(stage, first, second)) - GAP_SLACK
    gap = min(gap for _, gap in found)
    signs = {sign for sign, _ in found}
    if axis != "fb":
        if min(a.nearest, b.nearest) <= NEAR - GAP_SLACK:
            return 0, gap
        way = ("lr", "ab").index(axis)
        signs.add(int(np.sign(a.look[way] - b.look[way])))
    return (signs.pop() if len(signs) == 1 and gap >= least else 0), gap


def _apart(a: tuple[float, float], b: tuple[float, float]) -> tuple[int, float]:
    """+1 if one span lies beyond the other, -1 if before it, and the gap between both."""
    above, below = a[0] - b[1], b[0] - a[1]
    return (1, above) if above >= below else (-1, below)


def stage_distance(stage: Stage, first: int, second: int) -> float:
    """Metres between the nearest places of two surfaces."""
    key = "distance", min(first, second), max(first, second)
    if key not in stage.kept:
        there = stage.distances(second, np.concatenate([stage.corners(first), stage.samples(first)[::20]])).min()
        back = stage.distances(first, np.concatenate([stage.corners(second), stage.samples(second)[::20]])).min()
        stage.kept[key] = float(min(there, back))
    return float(stage.kept[key])


def asked_sign(text: str, axis: str) -> int:
    """Which relation a text names on an axis; 0 if none or both."""
    positive, negative = (re.search(word, text.casefold()) is not None for word in WORDS[axis])
    return int(positive) - int(negative)


def option_axis(text: str) -> tuple[str, int] | None:
    """Axis and sign of an option such as "to the left of the sofa"; None if it names no single one."""
    found = [(axis, sign) for axis in WORDS if (sign := asked_sign(text, axis))]
    return found[0] if len(found) == 1 else None


def judge_hidden_target(reading: Reading, target: int) -> None:
    """The target cannot be seen well in the asked frame, wholly in front of it, and is clear in another one."""
    query = reading.query
    view = reading.view(query, target)
    reading.need(view.may_be("hidden") or view.may_be("partial"), f"the target is {view.state} in the asked frame")
    others = [image for image in range(len(reading.frames)) if image != query]
    reading.need(
        any(reading.view(image, target).may_be("clear") for image in others), "the target is clear in no other frame"
    )
    frame, stage = reading.frames[query], reading.stage
    nearest = place(stage, frame, target).nearest
    reading.need(nearest > NEAR - GAP_SLACK, f"the target reaches to {nearest:.2f} m of the camera")
    beyond = degrees_beyond(stage, frame, target)
    reading.need(beyond <= MOST_BEYOND + 1, f"the target is {beyond:.0f} degrees beyond the image")


def degrees_beyond(stage: Stage, frame: int, instance: int) -> float:
    """How far outside the image an object's nearest part is, degrees; 0 inside."""
    local = stage.camera(frame, stage.samples(instance)[::10])
    local = local[local[:, 2] > 0.01]
    if not len(local):
        return 180.0
    size = np.array([stage.room.width, stage.room.height])
    xy, _ = stage.room.project(frame, stage.world(frame, local), stage.room.intrinsics)
    border = stage.local(np.clip(np.nan_to_num(xy, nan=0.0), -0.5, size - 0.5))
    cosine = (local * border).sum(1) / np.linalg.norm(local, axis=1) / np.linalg.norm(border, axis=1)
    return math.degrees(math.acos(float(cosine.clip(-1, 1).max())))


def judge_asked_frame(reading: Reading) -> None:
    """The question names the asked frame, and others only to say where a mark is."""
    marked = {point["image"] for point in reading.row["points"]}
    named = frames_named(reading.question)
    reading.need(reading.query in named, f"question {reading.question!r} lacks Frame {reading.query}")
    reading.need(named <= {reading.query, *marked}, f"question {reading.question!r} names {sorted(named)}")


def judge_pair(reading: Reading) -> str:
    """What existence, attribute and spatial rows have in common; the axis."""
    reference = reading.one("reference")
    view = reading.view(reading.query, reference)
    reading.need(view.may_be("clear"), f"the reference is {view.state} in the asked frame")
    judge_hidden_target(reading, reading.one("target"))
    judge_asked_frame(reading)
    axis = str(reading.row["task"]).rpartition("_")[2]
    reading.need(reading.evidence["relations"]["axis"] == axis, f"axis {reading.evidence['relations']['axis']}")
    return axis


def judge_existence(reading: Reading) -> None:
    """Yes or no: is the target right of (higher, farther) or the other way."""
    axis = judge_pair(reading)
    sign, gap = relation(
        reading.stage, reading.frames[reading.query], reading.one("target"), reading.one("reference"), axis
    )
    asked = asked_sign(reading.question, axis)
    reading.need(asked, f"question {reading.question!r} names no one direction")
    reading.verdict.measures["gap"] = gap
    judge_evidence_table(reading, [None, None] if sign == 0 else [sign == asked, sign != asked])


def judge_attribute(reading: Reading) -> None:
    """The one option whose object lies to the asked side of the reference; all others strictly to the opposite."""
    axis = judge_pair(reading)
    row, stage, frame = reading.row, reading.stage, reading.frames[reading.query]
    target, reference = reading.one("target"), reading.one("reference")
    named = {stage.names[instance]: instance for instance in reading.objects("target", "distractor")}
    reading.need(sorted(named) == sorted(row["options"]), f"options {row['options']}, objects {sorted(named)}")
    asked = asked_sign(reading.question.partition("\n")[0], axis)
    reading.need(asked, f"question {reading.question!r} names no one direction")
    truth: list[bool | None] = []
    for option in row["options"]:
        if option not in named:
            truth.append(None)
            continue
        instance = named[option]
        sign, _ = relation(stage, frame, instance, reference, axis)
        truth.append(None if sign == 0 else sign == asked)
        for other in namesakes(reading, instance):
            if other != reference:
                reading.need(False, f"another {stage.names[other]} in the images beside option {option!r}")
    judge_evidence_table(reading, truth)
    answer = row["options"][row["answer_index"]]
    reading.need(named.get(answer) == target, f"answer {answer!r}, target {stage.names[target]!r}")


def judge_spatial(reading: Reading) -> None:
    """The one phrase that holds of target and reference; every other on its own axis strictly false."""
    axis = judge_pair(reading)
    row, stage, frame = reading.row, reading.stage, reading.frames[reading.query]
    target, reference = reading.one("target"), reading.one("reference")
    truth: list[bool | None] = []
    for option in row["options"]:
        found = option_axis(option)
        reading.need(found, f"option {option!r} names no one relation")
        sign = relation(stage, frame, target, reference, found[0])[0] if found else 0
        truth.append(None if not found or sign == 0 else sign == found[1])
    judge_evidence_table(reading, truth)
    answer = option_axis(row["options"][row["answer_index"]])
    reading.need(answer is not None and answer[0] == axis, f"the answer is not on axis {axis}")


def surely_legal(stage: Stage, frames: Sequence[int]) -> Iterator[tuple[int, int, int, str, int]]:
    """Frames, hidden targets and references that may be asked about along an axis, well clear of every threshold.

    Yields:
        Frame, target, reference, axis and sign.
    """
    things = [instance for instance, name in stage.names.items() if _is_thing(name)]
    views = {(frame, thing): stage.view(frame, thing) for frame in frames for thing in things}
    clear = {key for key, view in views.items() if view.visible_px > 1.05 * GREY_PX and view.total < MOST_TOTAL - 0.03}
    for (frame, target), view in views.items():
        partly = view.visible_px > 1.05 * GREY_PX and view.total > MOST_TOTAL + 0.03
        if not (partly or view.visible_px < 0.8 * HIDDEN_PX):
            continue
        if not any((other, target) in clear for other in frames if other != frame):
            continue
        if place(stage, frame, target).nearest <= NEAR + GAP_SLACK or degrees_beyond(stage, frame, target) > 0:
            continue
        for reference in things:
            if reference == target or (frame, reference) not in clear:
                continue
            farthest = max(place(stage, frame, one).spans["ray"][1] for one in (target, reference))
            for axis in WORDS:
                sign, gap = relation(stage, frame, target, reference, axis)
                if sign and gap >= max(LEAST_GAP, LEAST_SHARE * farthest) + GAP_SLACK:
                    yield frame, target, reference, axis, sign


def _is_thing(name: str) -> bool:
    return not (labels.is_structural(name) or labels.is_see_through(name) or labels.is_collection(name))
