"""The independent witness of distances and sizes: exact distances to the true mesh, boxes of its samples."""

from __future__ import annotations

import numpy as np

from .mosaic_relations import judge_asked_frame, stage_distance
from .mosaic_rows import Reading
from .multispa_objects import solids_of

TOLERANCE, RELATIVE = 0.01, 0.02
"""Metres and share that a stated length may differ from the truth."""
LEAST_SEEN, LEAST_COVERED = 0.60, 0.90
"""Shares of an object's surface and of its longest edge that the frames show together."""
SEEN_SLACK = 0.03


def judge_length(reading: Reading, true: float) -> None:
    """The value, and the text in metres or whole smaller units."""
    (value,) = reading.row["value"]
    error = abs(value - true)
    reading.verdict.measures["value_error"] = error
    reading.need(error <= max(TOLERANCE, RELATIVE * true), f"{value:.4f} m, truth {true:.4f}")
    reading.need(reading.row["units"] == ["m"], f"units {reading.row['units']}")
    text = reading.row["answer_short"]
    reading.need(text == reading.row["answer"] and float(text) > 0, f"answer {reading.row['answer']!r}")
    digits = len(text.partition(".")[2])
    near = [abs(float(text) * unit - value) <= (0.5 * 10**-digits + 1e-6) * unit for unit in (1, 0.01, 0.001)]
    reading.need(any(near), f"text {text}, value {value:.4f}")


def judge_clear_somewhere(reading: Reading, instance: int) -> None:
    shown = [reading.view(image, instance) for image in range(len(reading.frames))]
    name = reading.stage.names[instance]
    reading.need(any(view.may_be("clear") for view in shown), f"the {name} is clear in no frame")


def judge_camera_distance(reading: Reading) -> None:
    """From the asked frame's camera to the nearest place of the object."""
    target = reading.one("target")
    centre = reading.stage.room.camera_to_world[reading.frames[reading.query]][:3, 3]
    judge_length(reading, float(reading.stage.distances(target, centre[None])[0]))
    judge_clear_somewhere(reading, target)
    judge_asked_frame(reading)


def judge_object_distance(reading: Reading) -> None:
    """Between the nearest places of two objects."""
    first, second = reading.objects("reference", "target")
    judge_length(reading, stage_distance(reading.stage, first, second))
    for instance in (first, second):
        judge_clear_somewhere(reading, instance)


def judge_size(reading: Reading) -> None:
    """The longest edge of the gravity-aligned box, of an object most of which the frames show."""
    target, (value,) = reading.one("target"), reading.row["value"]
    solids = solids_of(reading.stage.room)
    sides = [side for task in ("object_height", "object_length") for side in solids[target].sides(task)]
    length = [high - low for _, low, high in sides]
    # Of a box that fits as well turned otherwise any longest edge will do, and of a cube any edge.
    longest = [place for place in range(len(sides)) if length[place] >= (1 - RELATIVE) * max(length)]
    judge_length(reading, min((length[place] for place in longest), key=lambda one: abs(one - value)))
    covered = max(solids.covered(target, reading.frames, sides[place]) for place in longest)
    seen = float(np.any([solids.seen(target, frame) for frame in reading.frames], axis=0).mean())
    reading.verdict.measures |= {"covered": covered, "seen": seen}
    reading.need(covered >= LEAST_COVERED - SEEN_SLACK, f"the frames show {covered:.2f} of the edge")
    reading.need(seen >= LEAST_SEEN - SEEN_SLACK, f"the frames show {seen:.2f} of the surface")
    judge_clear_somewhere(reading, target)
