"""The independent witness of counts over views, best views and boxes in a view, from ray-cast pictures."""

from __future__ import annotations

import re

import numpy as np

from .mosaic_oracle import GREY_PX, HIDDEN_PX
from .mosaic_relations import judge_asked_frame
from .mosaic_rows import SLACK_PX, Reading, judge_evidence_table, namesakes

LEAST_AREA_RATIO = 1.2
AREA_SLACK = 0.03


def counted_kind(reading: Reading) -> list[int]:
    """Objects of the counted kind."""
    kinds = [set(reading.stage.of_kind(reading.stage.names[instance])) for instance in reading.objects("counted")]
    return sorted(set.union(*kinds))


def judge_counted(reading: Reading) -> int:
    """The counted objects are those of the kind that a frame shows, and none is left open; how many there are."""
    counted = set(reading.objects("counted"))
    for instance in counted_kind(reading):
        most = int(reading.pixels(instance).max())
        if instance in counted:
            reading.verdict.need_choice(most > GREY_PX - SLACK_PX, f"counted object {instance} has {most} px at best")
        else:
            fault = f"{reading.stage.names[instance]} {instance} has {most} px at best and is not counted"
            reading.verdict.need_choice(most < HIDDEN_PX + SLACK_PX, fault)
    for instance in counted:
        for other in namesakes(reading, instance):
            if other not in counted:
                reading.need(False, f"a {reading.stage.names[other]} is also in the images")
    return len(counted)


def judge_count(reading: Reading) -> None:
    """Distinct objects of a kind over all frames."""
    row, count = reading.row, judge_counted(reading)
    reading.need(row["value"] == [count] and count >= 1, f"value {row['value']}, counted {count}")
    reading.need(row["units"] == ["count"], f"units {row['units']}")
    scene_wide = len(counted_kind(reading))
    told = len(reading.evidence["instances_in_scene"])
    reading.need(told == scene_wide, f"{told} in the scene, truth {scene_wide}")
    judge_scenario(reading)
    if row["options"] is None:
        reading.need(row["answer_short"] == str(count), f"short answer {row['answer_short']!r}")
        return
    numbers = [int(option) for option in row["options"]]
    reading.need(min(numbers) >= 0, f"options {numbers}")
    judge_evidence_table(reading, [number == count for number in numbers])


def judge_scenario(reading: Reading) -> None:
    """Whether every counted object is in every frame, and whether the frames show all of the scene's."""
    counted = reading.objects("counted")
    pixels = np.array([reading.pixels(instance) for instance in counted])
    told = reading.evidence["scenario"]
    if (pixels > GREY_PX + SLACK_PX).all():
        reading.need(told["visibility"] == "fully_visible", f"visibility {told['visibility']}")
    elif (pixels < HIDDEN_PX - SLACK_PX).any():
        reading.need(told["visibility"] == "partially_visible", f"visibility {told['visibility']}")
    coverage = "full" if set(counted_kind(reading)) == set(counted) else "partial"
    reading.need(told["coverage"] == coverage, f"coverage {told['coverage']}, truth {coverage}")


def judge_best_view(reading: Reading) -> None:
    """How many there are over all frames, and the one frame that shows most of them."""
    row, count = reading.row, judge_counted(reading)
    kind = counted_kind(reading)
    pixels = np.array([reading.visible_px(image)[kind] for image in range(len(reading.frames))])  # (images, kind)
    surely, perhaps = (pixels > GREY_PX - SLACK_PX).sum(axis=1), (pixels >= HIDDEN_PX + SLACK_PX).sum(axis=1)
    area = np.where(pixels >= HIDDEN_PX, pixels, 0).sum(axis=1)
    stated, best = (int(number) for number in row["value"])
    reading.need(stated == count, f"value {row['value']}, counted {count}")
    reading.need(row["units"] == ["count", "index"], f"units {row['units']}")
    for image in range(len(reading.frames)):
        if image == best:
            continue
        fewer = surely[best] > perhaps[image]
        alike = perhaps[image] <= perhaps[best] and area[best] >= (LEAST_AREA_RATIO - AREA_SLACK) * area[image]
        reading.verdict.need_choice(
            fewer or alike, f"frame {image} shows {perhaps[image]} ({area[image]} px), {best} {surely[best]}"
        )
    truth = []
    for option in row["options"]:
        number, _, frame = re.match(r"(\d+)\D+?(\bFrame )(\d+)", option).groups()  # type: ignore[union-attr]
        truth.append(int(number) == count and int(frame) == best)
    judge_evidence_table(reading, truth)


def judge_localization(reading: Reading) -> None:
    """The box around what the asked frame shows of the object, or No where it shows nothing of it."""
    row, query, target = reading.row, reading.query, reading.one("target")
    view = reading.view(query, target)
    judge_asked_frame(reading)
    scale = float(reading.stage.scale.max())
    yes = len(row["value"]) > 0
    if yes:
        reading.verdict.need_choice(view.visible_px > GREY_PX - SLACK_PX, f"{view.visible_px} px of the target")
        boxes = [one for one in row["boxes"] if one["role"] == "target"]
        if len(boxes) != 1 or view.modal is None:
            reading.need(False, f"{len(boxes)} boxes of {view.visible_px} px")
            return
        (box,), true = boxes, view.modal
        stated = np.array([box[side] for side in ("x1", "y1", "x2", "y2")])
        error = float(np.abs(stated - true).max())
        reading.verdict.measures["box_error"] = error / scale
        reading.need(error <= scale + 1e-3, f"box {stated.round(1).tolist()}, truth {true.round(1).tolist()}")
        reading.need(box["image"] == query and not box["amodal"], f"box {box}")
        centre = (true[:2] + true[2:]) / 2
        reading.need(np.abs(np.array(row["value"]) - centre).max() <= scale, f"value {row['value']}, centre {centre}")
    else:
        reading.verdict.need_choice(view.visible_px < HIDDEN_PX + SLACK_PX, f"{view.visible_px} px of the target")
        reading.need(not [one for one in row["boxes"] if one["role"] == "target"], "a box of what is not there")
        centre = None
    for other in reading.stage.of_kind(reading.stage.names[target]):
        shown = int(reading.visible_px(query)[other])
        if other != target and shown >= HIDDEN_PX + SLACK_PX:
            reading.need(row["variant"] != "name" and yes, f"object {other} may be meant, {shown} px")
    if row["options"] is None:
        _judge_place(reading, row["answer_short"], centre)
        return
    truth = [_option_holds(reading, option, view.modal if yes else None) for option in row["options"]]
    reading.need(row["options"].count("No") == 1, f"options {row['options']}")
    judge_evidence_table(reading, truth)
    if centre is not None:
        _judge_place(reading, row["options"][row["answer_index"]], centre)


def _judge_place(reading: Reading, text: str, centre: np.ndarray | None) -> None:
    """A text says where, to its thousandth of the image, or No."""
    if centre is None:
        reading.need(text == "No", f"answer {text!r}")
        return
    size = reading.row["image_sizes"][reading.query]
    reach = 1.01 * max(size["width"], size["height"]) / 1000 + float(reading.stage.scale.max())
    place = reading.native(text, reading.query)
    reading.need(np.abs(place - centre).max() <= reach, f"answer {text!r} is {place}, centre {centre}")


def _option_holds(reading: Reading, option: str, box: np.ndarray | None) -> bool | None:
    """Whether an option is true; None if it is too near the truth or in another such object to be strictly false."""
    if option == "No":
        return box is None
    place = reading.native(option, reading.query)
    size = reading.row["image_sizes"][reading.query]
    reading.need(
        (place >= -0.5).all() and place[0] <= size["width"] and place[1] <= size["height"], f"option {option} outside"
    )
    if box is not None:
        distance = np.linalg.norm(place - (box[:2] + box[2:]) / 2)
        if distance <= 1.5 * float(reading.stage.scale.max()) + 0.002 * size["width"]:
            return True
        if distance < 0.99 * np.linalg.norm(box[2:] - box[:2]) - 0.002 * size["width"]:
            return None
    target = reading.one("target")
    for other in reading.stage.of_kind(reading.stage.names[target]):
        if other == target or not reading.visible_px(reading.query)[other]:
            continue
        found = reading.view(reading.query, other).modal
        if found is not None and (place >= found[:2]).all() and (place <= found[2:]).all():
            return None
    return False
