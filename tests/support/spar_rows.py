"""Reading one row of SPAR: its frames, marks and text, and what must hold of the rows of every task.

Written from SPAR's fact sheet (markers §2.4, conventions §1.3) and docs/conventions.md. What the texts of a form look
like is in ``spar_texts``, what each task shows in ``spar_tasks``; upright boxes are in ``spar_boxes``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from spatialgen.core import labels

from . import spar_texts
from .mosaic_oracle import HIDDEN_PX, Stage
from .mosaic_rows import SLACK_PX, Reading, Row
from .multispa_oracle import Room
from .spar_boxes import StatedRoom, UprightBox, boxes_of
from .spar_contested import may_bound, may_count
from .spar_tasks import TASKS

COLORS = {"red": "#ff1f1f", "green": "#00d000", "blue": "#1f4fff", "yellow": "#ffe600", "cyan": "#00e5ff"}
ORDINALS = ("first", "second", "third")
MARK_RADIUS = 0.02
"""Of the image's height."""
BOX_PX = 2.0
"""Native pixels a box may be off, besides one of the map it comes from."""
LEAST_IOU = 0.8
"""Of a box that is an answer with the true one, where the scan is noisy."""
LEAST_MARK_IOU = 0.3
"""Of a mark's box with the true one there; of no other object's more."""
MOST_IOU = 0.5
"""Of two marks in one image."""
VIDEO_FRAMES = 32
CLEAN_METRES, CLEAN_DEPTH = 0.02, 0.02
NOISY_METRES, NOISY_SHARE = 0.10, 0.05
VERTEX_STEP = 7  # every seventh vertex tells an overlap to a hundredth
OVERLAP_ERROR = 0.04


class StatedStage(Stage):
    """Frames with instance maps of their own, as large as they are: a wider map shows what the nearest pixel does."""

    @cached_property
    def local_rays(self) -> np.ndarray:
        width, height = self.map_size
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2)
        return self.local(np.floor((grid + 0.5) * self.scale)).reshape(height, width, 3)


def stage_of(root: Path, scene_id: str, layout: str) -> Stage:
    """The truth of one synthetic scene of a dataset.

    Args:
        root: of the dataset.
        scene_id: as rows have it.
        layout: ``scannet``, ``scannetpp`` (its iPhone) or ``structured3d``.
    """
    if layout == "structured3d":
        return StatedStage(StatedRoom(root / scene_id))
    return Stage(Room(root / "scans" / scene_id if layout == "scannet" else root / "data" / scene_id / "scans"))


class SparReading(Reading):
    """A row, the scene it speaks of, and how exactly it must agree with it.

    Args:
        stage: the row's scene; its truth is clean, whatever noise its files have.
        row: of a finished dataset.
        noisy: whether the files were written with scan noise.
        preset: the definitions the row was made by, ``default`` or ``spar``.
    """

    def __init__(self, stage: Stage, row: Row, noisy: bool = False, preset: str = "default") -> None:
        # Structured3D's frames are called "<room>/<position>", where the position is the truth's number.
        super().__init__(stage, {**row, "frame_ids": [name.rpartition("/")[2] for name in row["frame_ids"]]})
        self.noisy, self.preset = noisy, preset
        self.task: str = row["task"]
        self.form: str = row["form"]
        self.suffix = next((end for end in ("mv", "video", "hard") if self.task.endswith(f"_{end}")), "")
        self.value = np.array(row["value"], float)
        self.slots: Mapping[str, Any] = json.loads(row["slots"])

    @property
    def is_stated(self) -> bool:
        """Whether the source states boxes and shows no surfaces (Structured3D)."""
        return isinstance(self.stage.room, StatedRoom)

    def pose(self, image: int) -> np.ndarray:
        """(4, 4): camera to world, metres."""
        return np.asarray(self.stage.room.camera_to_world[self.frames[image]])

    def box_of(self, instance: int) -> UprightBox:
        """The gravity-aligned box: length, width and height about its centre."""
        return boxes_of(self.stage, instance)[0]

    def boxes_of(self, instance: int) -> list[UprightBox]:
        """All boxes that may be an object's, of round things many; the likeliest first."""
        return boxes_of(self.stage, instance)

    def centre(self, instance: int) -> np.ndarray:
        """(3,): of the box, metres, world frame."""
        return self.box_of(instance).centre

    def in_camera(self, image: int, instance: int) -> np.ndarray:
        """(3,): an object's centre along an image's camera axes (right, down, ahead), metres."""
        return self.stage.camera(self.frames[image], self.centre(instance)[None])[0]

    def depth(self, image: int, instance: int) -> float:
        """Metres to an object's centre along an image's optical axis."""
        return float(self.in_camera(image, instance)[2])

    def distance(self, image: int, instance: int) -> float:
        """Metres from an image's camera to an object's centre, straight."""
        return float(np.linalg.norm(self.in_camera(image, instance)))

    def off(self, truth: float) -> float:
        """Metres by which a stated length may differ from the true one."""
        return max(NOISY_METRES, NOISY_SHARE * abs(truth)) if self.noisy else CLEAN_METRES

    @cached_property
    def marks(self) -> list[Mapping[str, Any]]:
        """The points or boxes that are drawn, in their order."""
        return [mark for mark in (*self.row["points"], *self.row["boxes"]) if mark["label"] or mark["color"]]

    def marked(self, color: str) -> Mapping[str, Any]:
        """The one mark of a colour."""
        (mark,) = [mark for mark in self.marks if mark["color"] == COLORS[color]]
        return mark

    def instance(self, color: str) -> int:
        """The object that the mark of a colour names."""
        return int(self.marked(color)["instance_id"])

    def modal(self, image: int, instance: int) -> np.ndarray | None:
        """(4,): around what an image shows of an object, native pixels; None for nothing."""
        boxes = self.stage.kept.setdefault("modal_boxes", {})
        key = self.frames[image], instance
        if key not in boxes:
            boxes[key] = self.stage._box(self.stage.picture(key[0]) == instance)
        return None if boxes[key] is None else np.asarray(boxes[key])

    def overlap(self, first: int, second: int) -> float:
        """Share of the mesh that either image sees that both see."""
        seen = self.stage.kept.setdefault("seen_vertices", {})
        points = self.stage.room.vertices[::VERTEX_STEP].astype(np.float64)
        for frame in (self.frames[first], self.frames[second]):
            if frame not in seen:
                seen[frame] = self.stage.room.sees(frame, points)
        a, b = seen[self.frames[first]], seen[self.frames[second]]
        return float((a & b).sum() / max(1, (a | b).sum()))


def judge_any_spar(reading: SparReading) -> None:
    """What holds of every row: frames, names, marks and what the text says of them, the form and its answer."""
    judge_images(reading)
    if reading.verdict.faults:
        return  # nothing below can be looked up
    judge_names(reading)
    for number, point in enumerate(reading.row["points"]):
        judge_point(reading, number, point)
    for box in reading.row["boxes"]:
        judge_box(reading, box)
    judge_marks(reading)
    judge_slots(reading)
    judge_form(reading)
    margin = reading.row["margin"]
    reading.need(margin is None or margin >= 1 - 1e-6, f"margin {margin}")


def judge_images(reading: SparReading) -> None:
    """As many frames as the task has, each once and in the scene; of videos in order of time; overlaps as they are."""
    frames = reading.frames
    known = len(reading.stage.room.camera_to_world)
    reading.need(all(0 <= frame < known for frame in frames), f"frames {frames} of {known}")
    reading.need(len(set(frames)) == len(frames), f"a frame twice: {frames}")
    least, most = TASKS[reading.task].images
    reading.need(least <= len(frames) <= most, f"{len(frames)} images")
    if reading.verdict.faults:
        return
    if most == VIDEO_FRAMES:
        reading.need(frames == sorted(frames), f"frames out of order: {frames}")
    for pair in reading.evidence.get("pairs", ()):
        first, second = (reading.pose(image) for image in pair["images"])
        error = np.abs(first[:3, :3].T @ (second[:3, 3] - first[:3, 3]) - pair["t_12"]).max()
        reading.need(error <= reading.off(0), f"t_12 of images {pair['images']} is {error:.3f} m off")
        if reading.is_stated or reading.noisy:
            continue  # counted over points fused from the depth maps, or seen by a noisy mesh and sensor
        true = reading.overlap(*pair["images"])
        found = pair["overlap_iou"]
        reading.need(abs(true - found) <= OVERLAP_ERROR, f"overlap {found:.3f}, ray casting {true:.3f}")
    if pairs := reading.evidence.get("pairs"):
        largest = max(pair["overlap_iou"] for pair in pairs)
        reading.need(abs(reading.row["overlap"] - largest) <= 2e-6, f"overlap {reading.row['overlap']} of {largest}")


def judge_names(reading: SparReading) -> None:
    """Mentioned objects are things, under the names they have; what the evidence counts of them is what rays count."""
    for one in reading.row["objects"]:
        name = reading.stage.names.get(int(one["instance_id"]))
        reading.need(name == one["label"], f"object {one['instance_id']} is a {name!r}, not a {one['label']!r}")
        reading.need(
            not labels.is_structural(one["label"]) and not labels.is_see_through(one["label"]),
            f"a {one['label']!r} is mentioned",
        )
    if reading.noisy:
        return  # a scan with holes, and labels that run over borders, shows other pixels
    for state in reading.evidence.get("objects", {}).get("per_frame", ()):
        true = int(reading.visible_px(int(state["image"]))[int(state["id"])])
        slack = SLACK_PX + 0.01 * true
        told, at = state["visible_px"], (reading.frames[int(state["image"])], int(state["id"]))
        reading.need(
            abs(told - true) <= slack or may_count(reading.stage, *at, told, slack),
            f"{told} px of object {state['id']} in image {state['image']}, ray casting {true}",
        )


def judge_point(reading: SparReading, number: int, point: Mapping[str, Any]) -> None:
    """A point lies on the object it names, in the image, at the depth it states."""
    image, room = int(point["image"]), reading.stage.room
    xy = np.array([point["x"], point["y"]])
    inside = (xy >= -0.5).all() and (xy < np.array([room.width, room.height]) - 0.5).all()
    reading.need(inside and 0 <= image < len(reading.frames), f"point {number} at {xy} of image {image}")
    if not inside:
        return
    depth, triangle = room.cast(reading.frames[image], xy[None])
    owner = int(room.owner(triangle)[0])
    _lies(reading, owner == int(point["instance_id"]), f"point {number} lies on object {owner}")
    if owner == int(point["instance_id"]):
        slack = max(NOISY_METRES, NOISY_SHARE * depth[0]) if reading.noisy else CLEAN_DEPTH
        reading.need(abs(point["depth"] - depth[0]) <= slack, f"depth {point['depth']:.3f} of point {number}")


def judge_box(reading: SparReading, box: Mapping[str, Any]) -> None:
    """A box is the one around what its image shows of its object."""
    image, instance = int(box["image"]), int(box["instance_id"])
    told = np.array([box["x1"], box["y1"], box["x2"], box["y2"]])
    true = reading.modal(image, instance) if 0 <= image < len(reading.frames) else None
    shown = true is not None and reading.visible_px(image)[instance] >= HIDDEN_PX - SLACK_PX
    _lies(reading, shown, f"image {image} does not show object {instance}")
    if true is None:
        return
    if reading.noisy:
        # Labels that run over borders widen the boxes of small things; they must still be meant for no other thing.
        others = np.flatnonzero(reading.visible_px(image) >= HIDDEN_PX)
        rivals = [reading.modal(image, int(other)) for other in others if other != instance]
        closest = max((iou(told, rival) for rival in rivals if rival is not None), default=0.0)
        shared = iou(told, true)
        _lies(reading, shared >= LEAST_MARK_IOU and shared > closest, f"box {told.round(1)}, truth {true.round(1)}")
    else:
        slack = BOX_PX + float(reading.stage.scale.max())
        fits = np.abs(told - true).max() <= slack
        fits = fits or may_bound(reading.stage, reading.frames[image], instance, told, slack)
        _lies(reading, fits, f"box {told.round(1)}, truth {true.round(1)}")


def _lies(reading: SparReading, holds: object, fault: str) -> None:
    """Notes whether a mark is where it should be: counted by themselves, since noise moves some off small things."""
    reading.verdict.measures["marks"] = reading.verdict.measures.get("marks", 0.0) + 1
    if not holds:
        reading.verdict.measures["marks_astray"] = reading.verdict.measures.get("marks_astray", 0.0) + 1
        reading.need(reading.noisy, fault)


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """What two boxes (4,) share of what they cover together."""
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shared = float(np.prod((high - low).clip(0)))
    both = sum(float(np.prod(box[2:] - box[:2])) for box in (first, second))
    return shared / (both - shared)


def judge_marks(reading: SparReading) -> None:
    """Colours are the roles of the task, the text calls each mark what it is, and none covers another."""
    task, marks = TASKS[reading.task], reading.marks
    colors = tuple(_color_name(mark["color"]) for mark in marks)
    reading.need(task.has(colors), f"marks {colors}, the task has {task.sets}")
    kind = {"dot": "point", "box": "bbox"}.get(reading.row["variant"], "nothing")
    reading.need(kind == task.mark, f"variant {reading.row['variant']} for {task.mark}")
    drawn = "points" if kind == "point" else "boxes"
    reading.need(all(mark in reading.row[drawn] for mark in marks), f"marks that are no {drawn}")
    names = {one["instance_id"]: one["label"] for one in reading.row["objects"]}
    wanted = set()
    for mark, color in zip(marks, colors, strict=True):
        wanted.add(mark["label"] or f"{names.get(mark['instance_id'])} ({color} {kind})")
    for name in sorted(wanted):
        reading.need(re.search(rf"{re.escape(name)}(?!\w)", reading.question), f"no word of {name!r}")
    text = reading.question + "\n" + str(reading.row["answer"])
    told = {found[0] for found in re.finditer(r"\((?:red|green|blue|yellow|cyan) (?:point|bbox)\)", text)}
    have = {name[name.index("(") :] for name in wanted if name.endswith(")")}
    reading.need(told <= have, f"the text speaks of {sorted(told - have)}")
    told = set(re.findall(r"\bobject(?:\d+|[A-Z])\b", text))
    reading.need(told <= wanted, f"the text speaks of {sorted(told - wanted)}")
    for first, second in combinations(marks, 2):
        if first["image"] != second["image"]:
            continue
        if kind == "point":
            gap = math.hypot(first["x"] - second["x"], first["y"] - second["y"])
            reading.need(gap > 2 * MARK_RADIUS * reading.stage.room.height, f"marks {gap:.0f} px apart")
        else:
            shared = iou(*(np.array([one["x1"], one["y1"], one["x2"], one["y2"]]) for one in (first, second)))
            reading.need(shared <= MOST_IOU + 1e-6, f"two boxes share {shared:.2f}")
    labelled = [mark["label"] for mark in marks if mark["label"]]
    reading.need(len(set(labelled)) == len(labelled), f"labels {labelled}")


def _color_name(color: str) -> str:
    return next((name for name, code in COLORS.items() if code == color), color)


def judge_slots(reading: SparReading) -> None:
    """What a sentence was filled with is the mark, image or frame that the columns have."""
    marks = {"point": reading.row["points"], "box": reading.row["boxes"]}
    labels_of = {one["instance_id"]: one["label"] for one in reading.row["objects"]}
    for name, slot in reading.slots.items():
        for kind in ("point", "box"):
            if not isinstance(slot, Mapping) or kind not in slot:
                continue
            mark = marks[kind][slot[kind]]
            said = mark["label"] or f"{labels_of.get(mark['instance_id'])} ({_color_name(mark['color'] or '')}"
            reading.need(slot["text"].startswith(said), f"slot {name} says {slot['text']!r} for {said!r}")
            if (image := reading.slots.get(f"{name}_image")) is not None:
                reading.need(
                    ORDINALS[mark["image"]] == image, f"{name} is marked in image {mark['image']}, not {image}"
                )
            if (frame := reading.slots.get(f"{name}_frame")) is not None:
                reading.need(mark["image"] == frame, f"{name} is marked in frame {mark['image']}, not {frame}")
                reading.need(f"Frame-{frame}" in reading.question, f"no word of Frame-{frame}")
    for label, frame in re.findall(r"\b(object\w+) \(Frame-(\d+)\)", reading.question):
        told = [mark["image"] for mark in reading.marks if mark["label"] == label]
        reading.need(told == [int(frame)], f"{label} is marked in {told}, not Frame-{frame}")
    text = reading.question + str(reading.row["answer"])
    numbers = {int(number) for number in re.findall(r"\bFrame-(\d+)", text)}
    shown = range(len(reading.frames))
    reading.need(numbers <= set(shown), f"frames {sorted(numbers)} of {len(shown)}")


def judge_form(reading: SparReading) -> None:
    """Texts are as the form wants them, the unit is named, and exactly the answer is kept as true."""
    row, task = reading.row, TASKS[reading.task]
    for fault in spar_texts.faults(row):
        reading.need(False, fault)
    judged = reading.form == "judge"
    if judged or task.units:
        units = ["bool"] if judged else list(task.units)
        reading.need(row["units"] == units, f"units {row['units']}")
    if task.asked and reading.form != "sentence":
        reading.need(re.search(task.asked, reading.question, re.IGNORECASE), f"no unit in {reading.question!r}")
    kind = {"judge": "yesno", "select": "choice"}.get(reading.form)
    reading.need(kind is None or row["answer_type"] == kind, f"answer type {row['answer_type']}")
    if (table := reading.evidence.get("truth_table")) is not None and row["options"]:
        true = [k == row["answer_index"] for k in range(len(row["options"]))]
        reading.need(list(table) == true, f"truth table {table}, answer {row['answer_index']}")
