"""Reading one row of a view set: its frames, its asked frame, the objects it names, and what must hold of any row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from spatialgen.core import labels

from .mosaic_oracle import HIDDEN_PX, Stage, View
from .multispa_oracle import OVERLAP_ERROR, Verdict, coordinates, frames_of

Row = Mapping[str, Any]

MOST_OVERLAP = 0.30
ROUNDING = 2e-6
"""Of overlaps in the evidence."""
LOST_SLACK = 0.03
"""Of shares lost to occlusion and truncation."""
SLACK_PX = 3
"""Pixels at a silhouette's edge that may fall either way."""
SINGULAR_ROLES = ("reference", "target")


class Reading:
    """A row and the scene it speaks of; ``verdict`` gathers what is wrong with it.

    Args:
        stage: the row's scene.
        row: of a finished dataset, frames as numbers.
    """

    def __init__(self, stage: Stage, row: Row) -> None:
        self.stage, self.row = stage, row
        self.verdict = Verdict()
        self.frames = frames_of(row)
        self.evidence: dict[str, Any] = json.loads(row["evidence"])
        self.question: str = row["question"]

    @property
    def query(self) -> int:
        """Index of the image that is asked about."""
        return int(self.evidence["query_image"])

    def need(self, holds: object, fault: str) -> None:
        self.verdict.need(holds, fault)

    def objects(self, *roles: str) -> list[int]:
        """Objects the row mentions in these roles, in order."""
        return [int(one["instance_id"]) for one in self.row["objects"] if one["role"] in roles]

    def one(self, role: str) -> int:
        (instance,) = self.objects(role)
        return instance

    def view(self, image: int, instance: int) -> View:
        return self.stage.view(self.frames[image], instance)

    def pixels(self, instance: int) -> np.ndarray:
        """(images,): visible pixels of an object in every image."""
        return np.array([self.visible_px(image)[instance] for image in range(len(self.frames))])

    def visible_px(self, image: int) -> np.ndarray:
        """(largest id + 1,): visible pixels of every object in one image."""
        counts = self.stage.kept.setdefault("visible_px", {})
        frame = self.frames[image]
        if frame not in counts:
            picture = self.stage.picture(frame).ravel().astype(np.int64)
            counts[frame] = np.bincount(picture + 1, minlength=max(self.stage.names) + 2)[1:]
        return np.asarray(counts[frame])

    def native(self, text: str, image: int) -> np.ndarray:
        """(2,): the pixel that coordinates from 0 to 1000 in a text stand for."""
        u, v = (int(number) for number in re.findall(r"\d+", text)[-2:])
        size = self.row["image_sizes"][image]
        return np.array([u * size["width"], v * size["height"]]) / 1000 - 0.5

    @cached_property
    def singular(self) -> list[int]:
        """Objects that the question speaks of as the one."""
        return self.objects(*SINGULAR_ROLES)


def judge_any(reading: Reading) -> None:
    """What holds of every row: frames, states of objects, their names and marks, the letter, how hard it is."""
    judge_frames(reading)
    judge_states(reading)
    judge_objects(reading)
    judge_pointing(reading)
    judge_letter(reading)
    judge_hardness(reading)


def judge_hardness(reading: Reading) -> None:
    """How much of the asked objects is lost, in the asked frame or else in each one's best, and the grade of it all."""
    row = reading.row
    reading.need(row["margin"] >= 1 - 1e-6, f"margin {row['margin']}")
    lost = lost_share(reading)
    reading.need(abs(row["occlusion"] - lost) <= 0.03, f"occlusion {row['occlusion']:.3f}, truth {lost:.3f}")
    grades = {
        hardness(reading.evidence["view_sets"]["mean_overlap"], lost + slip) for slip in (-LOST_SLACK, 0.0, LOST_SLACK)
    }
    reading.need(row["difficulty"] in grades, f"difficulty {row['difficulty']}, truth {sorted(grades)}")


def lost_share(reading: Reading) -> float:
    """Share lost to occlusion and truncation of the target in the asked frame, or of the asked in their best views."""
    if "query_image" in reading.evidence:
        return reading.view(reading.query, reading.one("target")).total
    asked = reading.objects("reference", "target", "counted")
    images = range(len(reading.frames))
    return float(np.mean([min(reading.view(image, one).total for image in images) for one in asked]))


def hardness(mean_overlap: float, lost: float) -> str:
    """A grade from 0 to 2 of the overlap and of what is lost, together: up to 1 low, 2 medium, more high."""
    grade = sum(mean_overlap < edge for edge in (0.2, 0.1)) + sum(lost > edge for edge in (0.2, 0.5))
    return "low" if grade < 2 else "medium" if grade == 2 else "high"


def judge_frames(reading: Reading) -> None:
    """Different frames, no pair above the limit, and the whole matrix as ray casting finds it."""
    frames, row = reading.frames, reading.row
    reading.need(len(set(frames)) == len(frames), f"a frame twice: {frames}")
    stated = np.array(reading.evidence["view_sets"]["overlap_matrix"], dtype=float)
    if stated.shape != (len(frames), len(frames)):
        reading.need(False, f"an overlap matrix of shape {stated.shape} for {len(frames)} frames")
        return
    pairs = [(i, j) for i in range(len(frames)) for j in range(i)]
    true = np.array([reading.stage.overlap(frames[i], frames[j]) for i, j in pairs])
    told = np.array([stated[i, j] for i, j in pairs])
    reading.need(np.array_equal(stated, stated.T), "the overlap matrix is not symmetric")
    reading.need(np.allclose(np.diag(stated), 1), "the diagonal of the overlap matrix is not 1")
    error = float(np.abs(true - told).max())
    reading.verdict.measures["overlap_error"] = error
    reading.need(error <= OVERLAP_ERROR, f"overlap {told.round(3).tolist()}, ray casting {true.round(3).tolist()}")
    reading.need((told < MOST_OVERLAP).all(), f"a pair that shares {told.max():.3f}")
    reading.need((true < MOST_OVERLAP + OVERLAP_ERROR).all(), f"a pair that shares {true.max():.3f} by ray casting")
    reading.need(abs(row["overlap"] - told.max()) < ROUNDING, f"column overlap {row['overlap']}, matrix {told.max()}")
    kept = reading.evidence["view_sets"]
    reading.need(
        abs(kept["mean_overlap"] - told.mean()) < ROUNDING, f"mean overlap {kept['mean_overlap']}, {told.mean()}"
    )
    reading.need(
        abs(kept["max_overlap"] - told.max()) < ROUNDING, f"largest overlap {kept['max_overlap']}, {told.max()}"
    )


def judge_states(reading: Reading) -> None:
    """The counts and states of every mentioned object in every image."""
    told = reading.evidence["objects"]["per_frame"]
    mentioned = {int(one["instance_id"]) for one in reading.row["objects"]}
    have = {(int(one["image"]), int(one["id"])) for one in told}
    wanted = {(image, instance) for image in range(len(reading.frames)) for instance in mentioned}
    reading.need(wanted <= have, f"no state of {sorted(wanted - have)[:4]}")
    for one in told:
        instance, image = int(one["id"]), int(one["image"])
        visible = int(reading.visible_px(image)[instance])
        slack = SLACK_PX + 0.01 * visible
        where = f"of {reading.stage.names[instance]} {instance} in image {image}"
        if abs(one["visible_px"] - visible) > slack:
            reading.need(False, f"{one['visible_px']} px {where}, ray casting {visible}")
        if one.get("in_image_px") is None:
            continue
        view = reading.view(image, instance)
        large = SLACK_PX + 0.01 * view.in_image_px
        if abs(one["in_image_px"] - view.in_image_px) > large:
            reading.need(False, f"silhouette {one['in_image_px']} px {where}, ray casting {view.in_image_px}")
        if abs(one["truncation"] - view.truncation) > 0.02:
            reading.need(False, f"truncation {one['truncation']:.3f} {where}, samples {view.truncation:.3f}")
        if not view.may_be(one["state"]):
            reading.need(False, f"state {one['state']} {where}, ray casting {view.state}")


def judge_objects(reading: Reading) -> None:
    """Mentioned objects are things with a name of their own, under that name, and in the question."""
    for one in reading.row["objects"]:
        instance = int(one["instance_id"])
        name = reading.stage.names.get(instance)
        reading.need(name is not None, f"no object {instance}")
        if name is None:
            continue
        reading.need(one["label"] == name, f"object {instance} is a {name!r}, not a {one['label']!r}")
        reading.need(not labels.is_structural(name) and not labels.is_see_through(name), f"a {name!r} is mentioned")
        reading.need(not labels.is_collection(name), f"{name!r} are several things")
        if one["role"] in SINGULAR_ROLES:
            reading.need(_names(text_of(reading.row), name), f"no word of the {name!r}")


def judge_pointing(reading: Reading) -> None:
    """A name serves where nothing else goes by it; a mark lies on its object, and the text tells of it."""
    row = reading.row
    marks = [point for point in row["points"] if point["role"] in (*SINGULAR_ROLES, "counted")]
    for point in marks:
        owner = reading.stage.at(reading.frames[point["image"]], (point["x"], point["y"]))
        reading.need(owner == int(point["instance_id"]), f"mark {point['label']} lies on object {owner}")
    marked = {int(point["instance_id"]) for point in marks}
    for instance in reading.singular:
        if instance in marked:
            continue
        for other in namesakes(reading, instance):
            reading.need(False, f"{reading.stage.names[other]} {other} is also in the images")
    if row["variant"] == "name":
        return
    for point in marks:
        if row["variant"] == "dot":
            reading.need(re.search(rf"\b{point['label']}\b", reading.question), f"no word of mark {point['label']}")
        else:
            size = row["image_sizes"][point["image"]]
            text = coordinates(np.array([point["x"], point["y"]]), size["width"], size["height"])
            reading.need(text in reading.question, f"question {reading.question!r} lacks {text}")
        reading.need(point["image"] in frames_named(reading.question), f"no word of the image of mark {point['label']}")


def namesakes(reading: Reading, instance: int, images: Sequence[int] | None = None) -> list[int]:
    """Other objects that go by an object's name and are to be seen, be it a little, in some images (or all)."""
    shown = range(len(reading.frames)) if images is None else images
    name = reading.stage.names[instance]
    return [
        other
        for other in {*reading.stage.of_kind(name), *reading.stage.ending_alike(name)}
        if other != instance and max(reading.visible_px(image)[other] for image in shown) >= HIDDEN_PX + SLACK_PX
    ]


def judge_letter(reading: Reading) -> None:
    """A choice has different options, all in the question, and the short answer is the true one's letter."""
    row = reading.row
    options, index = row["options"], row["answer_index"]
    if options is None:
        return
    reading.need(len(set(options)) == len(options), f"options {options}")
    if not 0 <= index < len(options):
        reading.need(False, f"answer {index} of {len(options)}")
        return
    if options == ["Yes", "No"]:
        reading.need(row["answer_short"] == options[index], f"short answer {row['answer_short']!r}")
        reading.need(row["value"] == [1 - index], f"value {row['value']}, answer {options[index]}")
        return
    letter = "ABCDEFGH"[index]
    reading.need(row["answer_short"] == letter == row["answer"], f"answer {row['answer']!r}, option {letter}")
    for mark, option in zip("ABCDEFGH", options, strict=False):
        reading.need(f"{mark}. {option}" in reading.question, f"the question lacks option {mark}. {option}")


def judge_evidence_table(reading: Reading, truth: Sequence[bool | None]) -> None:
    """The kept truth table says what the witness finds; exactly the answer is true, the rest strictly false."""
    told = reading.evidence["truth_table"]
    values = list(told.values()) if isinstance(told, dict) else list(told)
    index = reading.row["answer_index"]
    wanted = [k == index for k in range(len(reading.row["options"]))]
    reading.need([value in (True, "true") for value in values] == wanted, f"truth table {told}, answer {index}")
    reading.need(all(value in (True, False, "true", "false") for value in values), f"truth table {told}")
    for k, true in enumerate(truth):
        if true is None:
            reading.verdict.need_choice(False, f"option {k} is undecided")
        else:
            reading.verdict.need_choice(true == wanted[k], f"option {k} is {'true' if true else 'false'}")


def text_of(row: Row) -> str:
    """Everything the reader of a question is told."""
    return str(row["question"])


def frames_named(text: str) -> set[int]:
    """Numbers of the frames that a text names."""
    return {int(number) for number in re.findall(r"\b[Ff]rame (\d+)", text)}


def _names(text: str, name: str) -> bool:
    """Whether a text has a name, in the singular or the plural."""
    return any(re.search(rf"\b{re.escape(form)}\b", text.casefold()) for form in plural_forms(name))


def plural_forms(name: str) -> Iterable[str]:
    """A name and the ways English may make it plural."""
    yield from (name, f"{name}s", f"{name}es")
    if name.endswith("y"):
        yield f"{name[:-1]}ies"
    if name.endswith(("f", "fe")):
        yield f"{name.removesuffix('e')[:-1]}ves"
