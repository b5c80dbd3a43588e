"""The independent witness of imagined observers and of bird's-eye maps.

Written from docs/conventions.md ("Imagined observers") and SPAR's task table: somebody's eyes are at the true centre of
one object, and look level towards that of another. Answers in sentences are read back word by word.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from .spar_relation_words import BETWEEN, TO_OBSERVER, Signs, phrases_in, signs_of_option
from .spar_relations import (
    Allowed,
    Eye,
    allowed_signs,
    camera_eye,
    color_of,
    either,
    imagined_eyes,
    need_options,
    need_signs,
    need_thresholds,
    seen_by_first_camera,
    slack,
)
from .spar_rows import SparReading

ROLES = ("observer", "facing", "target", "reference")
COLORS = dict(zip(ROLES, ("green", "blue", "red", "yellow"), strict=True))
LEAST_HEADING_GAP, LEAST_DISTANCE = 0.5, 0.3
FEWEST_ON_MAP, MOST_ON_MAP = 3, 8
MAP_ERROR = 0.02
"""Metres."""
FIRST_VIEW = re.compile(
    r"\b(?:camera|Frame-0|first|photographer|before|viewer|picture was taken|video begins)\b", re.IGNORECASE
)
"""How an answer speaks of the view before the move."""


def judge_imagination(reading: SparReading) -> None:
    """A row about what is where for somebody who moves to one object and faces another."""
    need_thresholds(reading)
    row, task = reading.row, str(reading.row["task"])
    roles = ROLES if "_oo" in task else ROLES[:3]
    things = [reading.one(role) for role in roles]
    reading.need(len(set(things)) == len(things), f"one object in two roles: {things}")
    reading.need([one["role"] for one in row["objects"]] == list(roles), "other roles")
    observer, facing, target, *others = things
    reference = others[0] if others else None
    eyes = imagined_eyes(reading, observer, facing)
    eye = eyes[0]
    level = np.linalg.norm((reading.centre(facing) - eye.position)[:2])
    reading.need(level >= LEAST_HEADING_GAP - slack(reading), f"what is faced is {level:.2f} m away")
    for thing in (target, *others):
        away = np.linalg.norm(reading.centre(thing) - eye.position)
        reading.need(away >= LEAST_DISTANCE - slack(reading), f"what is asked about is {away:.2f} m away")
    names = _names(reading, dict(zip(roles, things, strict=True)))
    axes = TO_OBSERVER if reference is None else BETWEEN
    after = either([allowed_signs(reading, one, target, reference) for one in eyes])
    need_signs(reading, "value", row["value"], after)
    if row["form"] == "select":
        need_options(reading, axes, after)
        return
    short = signs_of_option(row["answer_short"], axes)
    reading.need(short == tuple(map(int, row["value"])), f"short answer {row['answer_short']!r}")
    before = seen_by_first_camera(reading, target, reference)
    if before is None:
        reading.need(False, "the first camera has no heading")
        return
    answer = row["answer"]
    if reference is not None and ("_mv" in task or "_video" in task):
        _judge_sides(reading, names)
    said = phrases_in(answer, axes)
    if len(said) != 2:
        reading.need(False, f"{len(said)} relations in {answer!r}")
        return
    first, second = (signs for _, signs in said)
    there, here = _places(answer, names["observer"])
    reading.need(min(there, here) >= 0, f"{answer!r} does not tell whose views it is about")
    _need_views(reading, *((first, second) if here < there else (second, first)), before, after)


def _need_views(reading: SparReading, said_before: Signs, said_after: Signs, before: Allowed, after: Allowed) -> None:
    need_signs(reading, "before the move", said_before, before)
    need_signs(reading, "after the move", said_after, after)
    reading.need(
        said_after == tuple(map(int, reading.row["value"])), f"said {said_after}, value {reading.row['value']}"
    )


def _places(answer: str, observer: str) -> tuple[int, int]:
    """Where an answer first speaks of the new place, and of the old one."""
    old = FIRST_VIEW.search(answer)
    return answer.find(observer), -1 if old is None else old.start()


def _names(reading: SparReading, things: dict[str, int]) -> dict[str, str]:
    """How the text calls each object: label and colour, ``objectK``, or the label of what there is one of."""
    row, task = reading.row, str(reading.row["task"])
    names = {}
    for place, (role, thing) in enumerate(things.items()):
        label = reading.stage.names[thing]
        if task.endswith("_hard"):
            names[role] = f"the {label}"
            namesakes = {*reading.stage.of_kind(label), *reading.stage.ending_alike(label)} - {thing}
            reading.need(not namesakes, f"another {label!r} in the scene: {sorted(namesakes)}")
            reading.need(not row["boxes"], "something is marked")
        else:
            (mark,) = [mark for mark in row["boxes"] if mark["role"] == role]
            reading.need(int(mark["instance_id"]) == thing, f"the mark of {role} is on {mark['instance_id']}")
            reading.need(color_of(mark) == COLORS[role], f"{role} is marked {color_of(mark)}")
            names[role] = f"object{place}" if "_video" in task else f"{label} ({COLORS[role]} bbox)"
            reading.need((mark["label"] or "") == (names[role] if "_video" in task else ""), f"label {mark['label']!r}")
            if "_video" in task:
                reading.need(f"Frame-{mark['image']}" in row["question"], f"no word of Frame-{mark['image']}")
        reading.need(names[role].removeprefix("the ") in row["question"], f"no word of {names[role]!r}")
    if "_mv" in task:
        reading.need(len({mark["image"] for mark in row["boxes"]}) > 1, "all marks in one image")
    return names


def _judge_sides(reading: SparReading, names: dict[str, str]) -> None:
    """What the answer puts in front of the new observer and behind: all that is decided, and nothing else."""
    answer = str(reading.row["answer"])
    told = {role: set[int]() for role in ROLES[1:]}
    for clause in re.finditer(
        r"\b(?:has|have|with) (?P<list>(?:(?! has | have ).)*?\b(?:in front|behind)\b[^.;]*)", answer
    ):
        start = 0
        for word in re.finditer(r"\b(in front|behind)\b", clause["list"]):
            part = clause["list"][start : word.start()]
            for role in told:
                if re.search(rf"(?<!\w){re.escape(names[role])}(?!\d)", part):
                    told[role].add(1 if word[1] == "in front" else -1)
            start = word.end()
    eyes = imagined_eyes(reading, reading.one("observer"), reading.one("facing"))
    for role, signs in told.items():
        allowed = either([allowed_signs(reading, eye, reading.one(role), None) for eye in eyes])[2]
        said = sum(signs) if len(signs) < 2 else None
        reading.need(said in allowed, f"{role} is told to be at {sorted(signs)} of the observer, {sorted(allowed)}")
    reading.need(any(told.values()), f"{answer!r} does not tell what is in front and behind")


def judge_map(reading: SparReading) -> None:
    """Object i is so many metres right and ahead of the first camera held level."""
    row = reading.row
    eye = camera_eye(reading.stage, reading.frames[0])
    if eye is None:
        reading.need(False, "the first camera has no heading")
        return
    things = reading.objects("target")
    reading.need(len(set(things)) == len(things), f"an object twice: {things}")
    reading.need(FEWEST_ON_MAP <= len(things) <= MOST_ON_MAP, f"{len(things)} objects")
    labels = {mark["label"]: int(mark["instance_id"]) for mark in row["boxes"]}
    reading.need(labels == {f"object{k}": thing for k, thing in enumerate(things)}, f"marks {labels}, {things}")
    reading.need(all(name in row["question"] for name in labels), "an object that the question does not name")
    told = re.findall(r"Object(\d+) :\((-?\d+\.\d),(-?\d+\.\d)\)", row["answer"])
    again = re.findall(r"Object(\d+) :\((-?\d+\.\d),(-?\d+\.\d)\)", row["answer_short"])
    reading.need(told == again, f"answer {row['answer']!r}, short {row['answer_short']!r}")
    reading.need([int(index) for index, _, _ in told] == list(range(len(things))), f"answer {row['answer']!r}")
    reading.need(len(row["value"]) == 2 * len(things), f"{len(row['value'])} values of {len(things)} objects")
    texts = [number for _, *pair in told for number in pair]
    reading.need("-0.0" not in texts, "minus nothing")
    if len(texts) == len(row["value"]) == 2 * len(things):
        value = np.array(row["value"]).reshape(-1, 2)
        true = np.stack([_on_map(reading, eye, thing, told) for thing, told in zip(things, value, strict=True)])
        reading.verdict.measures["map_error"] = float(np.abs(value - true).max())
        limit = np.maximum(0.10, 0.05 * np.abs(true)) if reading.noisy else MAP_ERROR
        reading.need((np.abs(value - true) <= limit).all(), f"value {value.round(3)}, truth {true.round(3)}")
        rounded = np.array(texts, float).reshape(-1, 2)
        reading.need((np.abs(rounded - value) <= 0.05 + 1e-9).all(), f"text {texts}, value {value}")
    reading.need(
        any(
            reading.view(0, thing).may_be("hidden") or reading.view(0, thing).may_be("grey") or reading.noisy
            for thing in things
        ),
        "the first image shows all of them",
    )


def _on_map(reading: SparReading, eye: Eye, thing: int, told: np.ndarray) -> np.ndarray:
    """(2,): metres right and ahead of an object's centre; of the boxes that may be its own the nearest."""
    places = eye.local(np.stack([box.centre for box in reading.boxes_of(thing)]))[:, [0, 2]]
    return np.asarray(min(places, key=lambda place: float(np.abs(place - told).max())))


JUDGES: dict[str, Callable[[SparReading], None]] = {
    **{
        f"spatial_imagination_{what}{shown}": judge_imagination
        for what in ("oc", "oo")
        for shown in ("", "_mv", "_video", "_video_hard")
    },
    "spatial_imagination_map_mv": judge_map,
}
