"""The independent witness of the nearest and the farthest: distances between true centres, ray-cast boxes, names.

Written from docs/conventions.md ("Comparing distances of centres") and the fact sheet of SPAR's tasks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .mosaic_oracle import GREY_PX, HIDDEN_PX
from .mosaic_rows import SLACK_PX, namesakes
from .spar_cross_views import (
    LEAST_TOLD,
    box_is_right,
    box_numbers,
    is_in_tenths,
    judge_linked,
    judge_shown,
    judge_told,
)
from .spar_depths import centres_of
from .spar_rows import COLORS, ORDINALS, SparReading
from .spar_sentences import said_in


@dataclass(frozen=True, slots=True)
class Gaps:
    """When a difference is clear, and when two distances are about equal: metres, and shares of the larger."""

    clear_m: float
    clear_share: float
    equal_m: float
    equal_share: float
    least_distance: float = 0.20

    def clear(self, larger: float) -> float:
        return max(self.clear_m, self.clear_share * larger)

    def equal(self, larger: float) -> float:
        return max(self.equal_m, self.equal_share * larger)


@dataclass(frozen=True, slots=True)
class Compared:
    """Objects that are compared: those compared from (one or none), the candidates, and the one said (or their number).

    Attributes:
        references, candidates: ids, in the row's order.
        place: of the candidate that is said; as many as there are for neither.
    """

    references: list[int]
    candidates: list[int]
    place: int


RULES = {"default": Gaps(0.15, 0.10, 0.0, 0.05), "spar": Gaps(0.10, 0.15, 0.10, 0.05)}
FAR = {"closer": False, "farther": True, "nearest": False, "farthest": True}
EQUAL = {"closer": "about equally close", "farther": "about equally far"}
MARKS = ("red", "green", "blue")
OF_TWO = ("distance_infer_center_oo", "distance_infer_center_oo_mv")
CLEAN_SLACK = 0.01
"""Metres by which differences of the product's sampled centres may be off."""
MARGIN_SLACK = 0.05


def judge_thresholds(reading: SparReading, rule: Gaps) -> None:
    """The thresholds that the row keeps are those in force."""
    told = reading.evidence["thresholds"]
    wanted = {"least_gap_m": rule.clear_m, "least_gap_share": rule.clear_share, "least_distance_m": rule.least_distance}
    if reading.task == "distance_infer_center_oc_mv":
        wanted["least_told_size_thousandths"] = LEAST_TOLD[reading.preset]
    if "most_equal_share" in told:
        wanted |= {"most_equal_gap_m": rule.equal_m, "most_equal_share": rule.equal_share}
    reading.need(told == wanted, f"thresholds {told}, in force are {wanted}")


def judge_comparison(reading: SparReading) -> None:
    """Any of the five tasks: distances, the one asked for, how clear it is, and what the text says of it."""
    row = reading.row
    candidates, references = reading.objects("candidate"), reading.objects("reference")
    reading.need(len(references) == row["task"].count("_oo"), f"{len(references)} objects are compared from")
    reading.need(len({*candidates, *references}) == len(candidates) + len(references), "an object twice")
    reading.need(len(candidates) == 2 if row["task"] in OF_TWO else len(candidates) >= 3, f"{len(candidates)} compared")
    if reading.verdict.faults:
        return
    rule = RULES[reading.preset]
    judge_thresholds(reading, rule)
    starts = centres_of(reading, references[0]) if references else reading.pose(0)[None, :3, 3]
    possible = [np.linalg.norm(centres_of(reading, one)[:, None] - starts[None], axis=-1).ravel() for one in candidates]
    stated = np.array(row["value"], dtype=float)
    if stated.shape != (len(candidates),):
        reading.need(False, f"{len(stated)} distances of {len(candidates)} objects")
        return
    # Round and square things have several smallest boxes, whose centres may be centimetres apart.
    true = np.array([some[np.abs(some - one).argmin()] for some, one in zip(possible, stated, strict=True)])
    _judge_values(reading, stated, true, rule)
    place = _said(reading, candidates)
    if place is None:
        return
    compared = Compared(references, candidates, place)
    _judge_choice(reading, place, true, rule)
    _judge_wording(reading, compared)
    _judge_options(reading, compared)
    PLACES[row["task"]](reading, compared)


def _judge_values(reading: SparReading, stated: np.ndarray, true: np.ndarray, rule: Gaps) -> None:
    """Every distance is the true one, and none is too short."""
    error = np.abs(stated - true)
    reading.verdict.measures["distance_error"] = float(error.max())
    limit = np.array([reading.off(one) for one in true])
    reading.need((error <= limit).all(), f"distances {stated.round(3).tolist()}, truth {true.round(3).tolist()}")
    reading.need(reading.row["units"] == ["m"] * len(true), f"units {reading.row['units']}")
    reading.need(stated.min() >= rule.least_distance - 1e-6, f"{stated.min():.3f} m is too near to be compared")


def _said(reading: SparReading, candidates: Sequence[int]) -> int | None:
    """Which candidate the answer names; their number for neither; None, and a fault, where it names nothing."""
    row, short = reading.row, reading.row["answer_short"]
    if row["form"] == "select":
        return int(row["answer_index"])
    names = _names(reading, candidates)
    if short not in names:
        reading.need(False, f"answer {short!r} is none of {names}")
        return None
    return names.index(short)


def _names(reading: SparReading, candidates: Sequence[int]) -> list[str]:
    """What answers and options call the candidates: by name, dot, label, or image and box."""
    task, row = reading.row["task"], reading.row
    labels = [reading.stage.names[one] for one in candidates]
    if task == "distance_infer_center_oc":
        return labels
    if task in OF_TWO:
        return [f"{label} ({colour} point)" for label, colour in zip(labels, MARKS[1:], strict=True)]
    if task == "distance_infer_center_oo_video":
        return [f"object{k}" for k in range(len(candidates))]
    boxes = [next(box for box in row["boxes"] if int(box["instance_id"]) == one) for one in candidates]
    return [f"the {ORDINALS[box['image']]} image, [{','.join(map(str, box_numbers(row, box)))}]" for box in boxes]


def _judge_choice(reading: SparReading, place: int, true: np.ndarray, rule: Gaps) -> None:
    """The one asked for is clearly nearest or farthest of the truth; what is said to be equal is."""
    row, asked = reading.row, reading.evidence["ask"]
    polarity = row["template"].split("/")[1].split(".")[1]
    reading.need(asked == polarity, f"asked is {asked}, worded {polarity}")
    wanted = ("closer", "farther") if row["task"] in OF_TWO else ("nearest", "farthest")
    reading.need(asked in wanted, f"asked is {asked}")
    order = np.argsort(-true if FAR[asked] else true)
    larger, gap = float(max(true[order[:2]])), float(abs(true[order[0]] - true[order[1]]))
    clear, equal = rule.clear(larger), rule.equal(larger)
    three = row["form"] == "select" and len(row["options"]) == 3 and row["task"] in OF_TWO
    if place == len(true):
        limit = clear if reading.noisy else equal + CLEAN_SLACK
        reading.verdict.need_choice(three and gap < limit, f"equal at {gap:.3f} m apart, of {larger:.3f}")
        return
    reading.verdict.need_choice(order[0] == place, f"{place} is said, truth {true.round(3).tolist()} ({asked})")
    # With a third option, one that may be true as well is no wrong option; without, it would be no fair question.
    limit = equal if reading.noisy else clear - CLEAN_SLACK
    reading.verdict.need_choice(gap > limit, f"{asked} by {gap:.3f} m, needs {clear:.3f}")
    if not reading.noisy:
        error = abs(row["margin"] - gap / clear) - CLEAN_SLACK / clear
        reading.need(error <= MARGIN_SLACK * gap / clear, f"margin {row['margin']:.3f}, truth {gap / clear:.3f}")


def _judge_options(reading: SparReading, compared: Compared) -> None:
    """All candidates in order, perhaps that they are equal, and a table that has one of them true."""
    row = reading.row
    if row["form"] != "select":
        reading.need(row["options"] is None, f"options in form {row['form']}")
        return
    names = _names(reading, compared.candidates)
    if len(row["options"]) > len(names):
        reading.need(row["task"] in OF_TWO, "a third option of several")
        names.append(EQUAL[reading.evidence["ask"]])
    reading.need(row["options"] == names, f"options {row['options']}, should be {names}")
    table = reading.evidence["truth_table"]
    reading.need(
        table == [k == compared.place for k in range(len(names))], f"truth table {table}, answer {compared.place}"
    )


def _judge_wording(reading: SparReading, compared: Compared) -> None:
    """A sentence names the winner with its distance, the other with its own, and nothing else."""
    row = reading.row
    if row["form"] != "sentence":
        return
    asked, variant = reading.evidence["ask"], row["variant"]
    readings = said_in(row["task"], f"sentence.{asked}.{variant}", row["answer"])
    names, value = _names(reading, compared.candidates), row["value"]
    true = {
        "answer": names[compared.place],
        "distance": value[compared.place],
        "object": reading.stage.names[compared.candidates[compared.place]],
    }
    if row["task"] in OF_TWO:
        true |= {"other": names[1 - compared.place], "other_distance": value[1 - compared.place]}
        true["reference"] = f"{reading.stage.names[compared.references[0]]} (red point)"
    elif compared.references:
        (dot,) = (point for point in row["points"] if int(point["instance_id"]) == compared.references[0])
        true["reference"] = f"objectA (Frame-{dot['image']})"
    fits = any(
        all(is_in_tenths(text, true[name]) if "distance" in name else text == true[name] for name, text in one.items())
        for one in readings
    )
    reading.need(fits, f"answer {row['answer']!r} says {readings}, truth {true}")
    told = [one.get("distance") for one in readings if "other_distance" in one]
    reading.need(not told or told != [one["other_distance"] for one in readings], f"both at {told}")


# ---- where things are named or marked


def _judge_named(reading: SparReading, compared: Compared) -> None:
    """Names of one image: listed in the question in their order, each of one thing there, that is well shown."""
    images = range(len(reading.frames))
    for one in compared.candidates:
        name = reading.stage.names[one]
        for other in namesakes(reading, one, images):
            shown = max(int(reading.visible_px(image)[other]) for image in images)
            # A trace, of which a noisy scan may have nothing, counts neither as shown nor as hidden.
            reading.need(
                reading.noisy and shown <= GREY_PX, f"{reading.stage.names[other]} {other} could be meant by {name!r}"
            )
    listed = ", ".join(reading.stage.names[one] for one in compared.candidates)
    reading.need(listed in reading.question, f"question {reading.question!r} lacks {listed!r}")
    reading.need(not reading.row["points"], "a dot in a question of names")
    if len(reading.frames) == 1:
        for one in compared.candidates:
            judge_shown(reading, 0, one)


def _judge_named_in_images(reading: SparReading, compared: Compared) -> None:
    """Each candidate has a box in the first image that shows it, and not all of them are in the first image."""
    _judge_named(reading, compared)
    judge_linked(reading)
    row, boxes = reading.row, reading.row["boxes"]
    told = [int(box["instance_id"]) for box in boxes]
    reading.need(told == compared.candidates, f"boxes of {told}, candidates {compared.candidates}")
    reading.need(any(box["image"] for box in boxes), "the first image alone would do")
    for box in boxes:
        instance, image = int(box["instance_id"]), box["image"]
        reading.need(box["color"] is None and not box["label"], f"a drawn box of {instance}")
        before = [int(reading.visible_px(earlier)[instance]) for earlier in range(image)]
        limit = GREY_PX if reading.noisy else HIDDEN_PX + SLACK_PX
        reading.need(all(count < limit for count in before), f"{instance} has {before} px before {image}")
        reading.need(int(reading.visible_px(image)[instance]) > GREY_PX - SLACK_PX, f"{instance} hardly in {image}")
        judge_shown(reading, image, instance)
        asked = instance == compared.candidates[compared.place]
        if asked and row["form"] != "select":
            judge_told(reading, box)
        if asked or not reading.noisy:
            box_is_right(reading, box)


def _judge_marked(reading: SparReading, compared: Compared) -> None:
    """A red, a green and a blue dot, in one image or the three in turn, each on what is well shown there."""
    row = reading.row
    wanted = [*compared.references, *compared.candidates]
    reading.need([int(dot["instance_id"]) for dot in row["points"]] == wanted, "dots on other objects")
    images = [dot["image"] for dot in row["points"]]
    alone = len(reading.frames) == 1
    reading.need(images == ([0, 0, 0] if alone else [0, 1, 2]), f"dots in images {images}")
    if not alone:
        judge_linked(reading)
    for dot, colour in zip(row["points"], MARKS, strict=True):
        name = f"{reading.stage.names[int(dot['instance_id'])]} ({colour} point)"
        reading.need(name in reading.question, f"question {reading.question!r} lacks {name!r}")
        reading.need(dot["color"] == COLORS[colour], f"{dot['color']} is not {colour}")
        judge_shown(reading, dot["image"], int(dot["instance_id"]))


def _judge_video(reading: SparReading, compared: Compared) -> None:
    """A labelled dot each, in frames of their own, which the question names from 0 on."""
    row = reading.row
    reading.need(
        [int(dot["instance_id"]) for dot in row["points"]] == [*compared.references, *compared.candidates],
        "other objects",
    )
    labels = ["objectA", *(f"object{k}" for k in range(len(compared.candidates)))]
    reading.need([dot["label"] for dot in row["points"]] == labels, "other labels")
    images = [dot["image"] for dot in row["points"]]
    reading.need(len(set(images)) == len(images), f"two dots in one frame: {images}")
    reading.need(len(compared.candidates) == 4, f"{len(compared.candidates)} candidates")
    marks = [f"{label} (Frame-{image})" for label, image in zip(labels, images, strict=True)]
    reading.need(marks[0] in reading.question, f"question {reading.question!r} lacks {marks[0]}")
    reading.need(", ".join(marks[1:]) in reading.question, f"question {reading.question!r} lacks {marks[1:]}")
    named = re.findall(r"\bobject\w+ \(Frame-\d+\)", reading.question)
    reading.need(set(named) == set(marks), f"question names {named}")
    reading.need(len({dot["color"] for dot in row["points"]}) == 1, "dots of several colours")
    for dot in row["points"]:
        judge_shown(reading, dot["image"], int(dot["instance_id"]))


PLACES: Mapping[str, Callable[[SparReading, Compared], None]] = {
    "distance_infer_center_oc": _judge_named,
    "distance_infer_center_oo": _judge_marked,
    "distance_infer_center_oc_mv": _judge_named_in_images,
    "distance_infer_center_oo_mv": _judge_marked,
    "distance_infer_center_oo_video": _judge_video,
}
JUDGES: dict[str, Callable[[SparReading], None]] = dict.fromkeys(PLACES, judge_comparison)
