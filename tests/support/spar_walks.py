"""The independent witness of walks: directions read back word by word and walked from the first true pose.

Written from docs/conventions.md ("Videos"). A walker who does as told must come to stand and look as the last frame
does, on a line that the camera did not leave, past the things that are named, on the sides that are told.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .mosaic_oracle import GREY_PX, Stage
from .spar_rows import SparReading

AROUND = r"turn around|face the other way|half turn"
MOST_MISS, MOST_DETOUR, MOST_CLIMB = 0.4, 0.25, 1.0
LEAST_LEG, MOST_LEGS = 0.5, 6
ROUNDED, ROUNDED_AROUND = 2.5, 5.0
"""Degrees by which a turn may be told wrong, and a half turn."""
PASSED_WITHIN, STOPPED_WITHIN, ASIDE = 1.5, 1.0, 0.1
NEARER = (0.15, 0.10)
LANDMARK = 0.30
NOISE_DEGREES, NOISE_METRES = 3.0, 0.10
SLACK = 0.03


@dataclass(frozen=True, slots=True)
class Clause:
    """What one part of directions says.

    Attributes:
        turn: degrees, positive to the left; 0 for none told.
        is_half: whether it is a half turn.
        length: metres; None where nobody walks.
        passed: what is passed, and on which side (1 left, -1 right).
        stopped: what is at the end; None for nothing told.
    """

    turn: float
    is_half: bool
    length: float | None
    passed: tuple[tuple[str, int], ...]
    stopped: str | None


def read_directions(answer: str) -> list[Clause]:
    """The clauses of directions, in order.

    Raises:
        ValueError: where something is told that is not understood.
    """
    return [_clause(text) for text in answer.split("; ")]


def _clause(text: str) -> Clause:
    walked = re.search(r"(\d+\.\d) m\b", text)
    told, rest = (text[: walked.start()], text[walked.end() :]) if walked else (text, "")
    angle, sides = re.findall(r"(\d+)°", told), re.findall(r"\b(left|right)\b", told)
    is_half = bool(re.search(AROUND, told))
    if len(angle) != len(sides) or len(angle) > 1 or (angle and is_half) or (not walked and not angle and not is_half):
        raise ValueError(f"cannot read {text!r}")
    turn = 180.0 if is_half else float(angle[0]) * (1 if sides[0] == "left" else -1) if angle else 0.0
    passed = re.findall(r", (?:passing|with|leaving) the (.+?) (?:on|to) your (left|right)", rest)
    rest = re.sub(r", (?:passing|with|leaving) the (.+?) (?:on|to) your (left|right)", "", rest)
    stopped = re.search(r"(?:until you are beside|and stop next to|to a place by|up to) the (.+)", rest)
    rest = rest.replace(stopped[0], "") if stopped else rest
    rest = re.sub(r"straight ahead|ahead", "", rest)
    if rest.strip(" ,"):
        raise ValueError(f"cannot read {rest!r} in {text!r}")
    return Clause(
        turn,
        is_half,
        float(walked[1]) if walked else None,
        tuple((name, 1 if side == "left" else -1) for name, side in passed),
        stopped[1] if stopped else None,
    )


def judge_walk(reading: SparReading) -> None:
    """Directions lead from the first frame to the last, beside the things they name."""
    row = reading.row
    reading.need(reading.form == "sentence" and row["options"] is None, f"form {reading.form}")
    reading.need("not comparable" in reading.evidence["definition"], "the definition is not flagged")
    reading.need(row["answer_short"] in row["answer"], f"answer {row['answer']!r} lacks {row['answer_short']!r}")
    last = re.findall(r"Frame-(\d+)", reading.question)
    reading.need(set(map(int, last)) <= {0, len(reading.frames) - 1}, f"frames {last} of {len(reading.frames)}")
    try:
        clauses = read_directions(row["answer_short"])
    except ValueError as error:
        reading.need(False, str(error))
        return
    legs = [clause for clause in clauses if clause.length is not None]
    reading.need(clauses[: len(legs)] == legs and len(clauses) <= len(legs) + 1, "a turn among the legs")
    reading.need(1 <= len(legs) <= MOST_LEGS, f"{len(legs)} legs")
    corners = _corners(reading)
    if len(corners) != len(legs) + 1:
        reading.need(False, f"{len(legs)} legs, {len(corners) - 1} in the value")
        return
    last_turn = clauses[len(legs)] if len(clauses) > len(legs) else None
    _judge_way(reading, legs, corners, last_turn)
    _judge_replay(reading, clauses)
    named = []
    for number, (clause, start, end) in enumerate(zip(legs, corners[:-1], corners[1:], strict=True)):
        for name, side in clause.passed:
            named.append(name)
            _judge_passed(reading, number, name, side, start, end)
        if clause.stopped is not None:
            named.append(clause.stopped)
            _judge_stopped(reading, number, clause.stopped, end)
    reading.need(named, "no landmark is told")
    mentioned = {one["label"] for one in row["objects"]}
    reading.need(set(named) == mentioned, f"told {sorted(set(named))}, mentioned {sorted(mentioned)}")


def _heading(pose: np.ndarray) -> float:
    return math.atan2(pose[1, 2], pose[0, 2])


def _corners(reading: SparReading) -> np.ndarray:
    """(legs + 1, 2): where the value says that legs begin and end, metres, world."""
    pose = reading.pose(0)
    heading = _heading(pose)
    right, ahead = np.array([math.sin(heading), -math.cos(heading)]), np.array([math.cos(heading), math.sin(heading)])
    told = np.array(reading.row["value"]).reshape(-1, 2)
    reading.need(set(reading.row["units"]) == {"m"}, f"units {reading.row['units']}")
    return np.vstack([pose[:2, 3], pose[:2, 3] + told[:, :1] * right + told[:, 1:] * ahead])


def _judge_way(reading: SparReading, legs: list[Clause], corners: np.ndarray, last_turn: Clause | None) -> None:
    """The legs are where the camera went; turns and lengths are told to the step."""
    metres = NOISE_METRES if reading.noisy else SLACK
    degrees = NOISE_DEGREES if reading.noisy else 0.5
    way = np.array([reading.pose(image)[:3, 3] for image in range(len(reading.frames))])
    gaps = [min(_to_leg(place, *leg) for leg in pairwise(corners)) for place in way[:, :2]]
    reading.need(max(gaps) <= MOST_DETOUR + metres, f"the camera is {max(gaps):.2f} m off the legs")
    reading.need(np.linalg.norm(corners[-1] - way[-1, :2]) <= metres, "the last leg does not end at the last frame")
    reading.need(float(np.ptp(way[:, 2])) <= MOST_CLIMB + metres, f"{np.ptp(way[:, 2]):.2f} m up and down")
    before = _heading(reading.pose(0))
    for number, (clause, start, end) in enumerate(zip(legs, corners[:-1], corners[1:], strict=True)):
        along = end - start
        length, direction = float(np.linalg.norm(along)), math.atan2(along[1], along[0])
        reading.need(length >= LEAST_LEG - metres, f"leg {number} of {length:.2f} m")
        assert clause.length is not None
        reading.verdict.need_choice(
            abs(clause.length - length) <= 0.05 + metres, f"leg {number} of {length:.2f} m is told {clause.length}"
        )
        _judge_turn(reading, f"turn {number}", clause, direction - before, degrees)
        before = direction
    turned = last_turn or Clause(0.0, False, None, (), None)
    _judge_turn(reading, "the last turn", turned, _heading(reading.pose(-1)) - before, degrees)


def _judge_turn(reading: SparReading, which: str, clause: Clause, radians: float, slack: float) -> None:
    true = math.degrees(math.remainder(radians, math.tau))
    error = abs(math.remainder(true - clause.turn, 360.0))
    limit = (ROUNDED_AROUND if clause.is_half else ROUNDED) + slack
    reading.verdict.need_choice(error <= limit, f"{which} of {true:.0f} degrees is told {clause.turn:.0f}")


def _judge_replay(reading: SparReading, clauses: list[Clause]) -> None:
    """Who does as told comes to stand where the last frame was taken, and looks as it does."""
    place, heading = reading.pose(0)[:2, 3].copy(), _heading(reading.pose(0))
    for clause in clauses:
        heading += math.radians(clause.turn)
        place += (clause.length or 0.0) * np.array([math.cos(heading), math.sin(heading)])
    miss = float(np.linalg.norm(place - reading.pose(-1)[:2, 3]))
    reading.verdict.measures["miss"] = miss
    slack = NOISE_METRES if reading.noisy else SLACK
    reading.verdict.need_choice(miss <= MOST_MISS + slack, f"directions lead {miss:.2f} m astray")
    turned = math.degrees(abs(math.remainder(heading - _heading(reading.pose(-1)), math.tau)))
    # A turn that is not told is one of up to 2.5 degrees, and one more turn than legs there is.
    most = sum(ROUNDED_AROUND if clause.is_half else ROUNDED for clause in clauses) + ROUNDED
    most += NOISE_DEGREES if reading.noisy else 0.5
    reading.verdict.need_choice(turned <= most, f"directions end {turned:.0f} degrees astray")


def alike(stage: Stage, name: str) -> list[int]:
    """Objects that a viewer may call by a name: synonyms, and names of which one ends in the other (an armchair)."""
    ending = [i for i, own in stage.names.items() if own.endswith(name) or name.endswith(own)]
    return sorted({*stage.of_kind(name), *ending})


def _only_one(reading: SparReading, name: str) -> int | None:
    """The one object that a name can mean; a fault where there is none or several."""
    meant = alike(reading.stage, name)
    own = [instance for instance in meant if reading.stage.names[instance] == name]
    reading.need(len(meant) == 1, f"{name!r} may be any of {meant}")
    if len(own) == 1:
        size = max(float(box.size.max()) for box in reading.boxes_of(own[0]))
        reading.need(size >= LANDMARK - SLACK, f"{name!r} of {size:.2f} m is a landmark")
        reading.need(
            int(reading.pixels(own[0]).max()) > GREY_PX / (2 if reading.noisy else 1), f"no frame shows {name!r}"
        )
    return own[0] if len(own) == 1 else None


def _judge_passed(reading: SparReading, number: int, name: str, side: int, start: np.ndarray, end: np.ndarray) -> None:
    """All of the thing is on the side that is told, beside the leg's inner part, and near."""
    instance = _only_one(reading, name)
    if instance is None:
        return
    slack = NOISE_METRES if reading.noisy else SLACK
    ahead = (end - start) / np.linalg.norm(end - start)
    left = np.array([-ahead[1], ahead[0]])
    faults = []
    for corners in _footprints(reading, instance):
        aside = (corners - start) @ left * side
        share = float((corners.mean(axis=0) - start) @ ahead) / float(np.linalg.norm(end - start))
        gap = _between(corners, start, end)
        if aside.min() < ASIDE - slack:
            faults.append(f"{name!r} is not all on that side of leg {number}: {aside.min():.2f} m")
        elif not 0.15 - slack <= share <= 0.85 + slack:
            faults.append(f"{name!r} is not beside leg {number}: {share:.2f}")
        elif gap > PASSED_WITHIN + slack:
            faults.append(f"{name!r} is {gap:.2f} m from leg {number}")
        else:
            return
    reading.verdict.need_choice(False, faults[0])


def _judge_stopped(reading: SparReading, number: int, name: str, end: np.ndarray) -> None:
    """The thing is at the end of the leg, nearer than any other landmark."""
    instance = _only_one(reading, name)
    if instance is None:
        return
    slack = NOISE_METRES if reading.noisy else SLACK
    gap = min(_between(corners, end, end) for corners in _footprints(reading, instance))
    reading.verdict.need_choice(gap <= STOPPED_WITHIN + slack, f"{name!r} is {gap:.2f} m from the end of leg {number}")
    for other in _sure_landmarks(reading):
        if other != instance:
            farther = max(_between(corners, end, end) for corners in _footprints(reading, other)) - gap
            reading.verdict.need_choice(
                farther >= max(NEARER[0], NEARER[1] * gap) - 2 * slack,
                f"the {reading.stage.names[other]} is only {farther:.2f} m farther from the end of leg {number}",
            )


def _sure_landmarks(reading: SparReading) -> list[int]:
    """Objects that are landmarks by any reading: large, the only ones of their name, in clear view, not overhead."""
    from spatialgen.core import labels

    found = []
    eyes = max(float(reading.pose(image)[2, 3]) for image in range(len(reading.frames)))
    for instance, name in reading.stage.names.items():
        if (
            len(alike(reading.stage, name)) > 1
            or labels.is_structural(name)
            or labels.is_see_through(name)
            or labels.is_collection(name)
            or name in {"door", "doorframe", "door frame", "doorway", "window frame"}
        ):
            continue
        box = reading.box_of(instance)
        if (
            not 1.1 * LANDMARK <= float(box.size.max()) <= 3.9
            or box.size.min() < 0.07
            or box.corners()[:, 2].min() > eyes - 0.05
        ):
            continue
        best = int(np.argmax(reading.pixels(instance)))
        view = reading.view(best, instance)
        distance = reading.depth(best, instance)
        if view.visible_px > 4 * GREY_PX and view.total < 0.4 and view.truncation < 0.25 and 0.4 <= distance <= 7.5:
            found.append(instance)
    return found


def _footprints(reading: SparReading, instance: int) -> list[np.ndarray]:
    """(4, 2) corners on the ground, around, of every box that may be an object's."""
    found = []
    for box in reading.boxes_of(instance):
        half = box.size[:2] / 2
        signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        found.append(box.centre[:2] + (signs * half) @ box.axes[:2, :2])
    return found


def _to_leg(place: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    """Metres between a place and a leg."""
    along = end - start
    share = float(np.clip((place - start) @ along / max(float(along @ along), 1e-12), 0, 1))
    return float(np.linalg.norm(place - start - share * along))


def _between(corners: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    """Metres between a footprint and a leg, by points every centimetre; 0 where it is inside."""
    count = max(2, round(float(np.linalg.norm(end - start)) / 0.01))
    points = start + np.linspace(0, 1, count)[:, None] * (end - start)
    u, v = corners[1] - corners[0], corners[3] - corners[0]
    local = np.stack([(points - corners[0]) @ u / (u @ u), (points - corners[0]) @ v / (v @ v)], axis=1)
    sides = np.array([np.linalg.norm(u), np.linalg.norm(v)])
    out = np.maximum(np.maximum(-local, local - 1), 0) * sides
    return float(np.linalg.norm(out, axis=1).min())
