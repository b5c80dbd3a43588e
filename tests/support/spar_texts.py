"""The forms of SPAR's texts, as regular expressions and plain rules; ``faults`` names what a row breaks.

Written from the description of the benchmark's texts; shares nothing with the package.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

__all__ = ["FORMS", "NO_VIDEO", "TABLE", "faults"]

Row = Mapping[str, Any]

_FST: Final = frozenset({"fill", "select", "sentence"})
_FT: Final = frozenset({"fill", "sentence"})
_ST: Final = frozenset({"select", "sentence"})
_SJT: Final = frozenset({"select", "judge", "sentence"})
_T: Final = frozenset({"sentence"})

TABLE: Final[Mapping[str, frozenset[str]]] = {
    "depth_prediction_oc": _FST,
    "depth_prediction_oo": _FST,
    "distance_prediction_oc": _FST,
    "distance_prediction_oo": _FST,
    "spatial_volume_infer": _FT,
    "depth_prediction_oc_mv": _FST,
    "depth_prediction_oo_mv": _FST,
    "distance_prediction_oc_mv": _FST,
    "distance_prediction_oo_mv": _FST,
    "distance_prediction_oo_video": _FST,
    "position_matching": _FST,
    "camera_motion_infer": _FST,
    "view_change_infer": _FT,
    "obj_frame_locate": _T,
    "distance_infer_center_oc": _FST,
    "distance_infer_center_oo": _FST,
    "obj_spatial_relation_oo": _SJT,
    "spatial_imagination_oc": _ST,
    "spatial_imagination_oo": _ST,
    "distance_infer_center_oc_mv": _FST,
    "distance_infer_center_oo_mv": _FST,
    "obj_spatial_relation_oc_mv": _ST,
    "obj_spatial_relation_oo_mv": _SJT,
    "spatial_imagination_oc_mv": _ST,
    "spatial_imagination_oo_mv": _ST,
    "spatial_imagination_map_mv": _T,
    "distance_infer_center_oo_video": _FST,
    "spatial_imagination_oc_video": _T,
    "spatial_imagination_oc_video_hard": _T,
    "spatial_imagination_oo_video": _T,
    "spatial_imagination_oo_video_hard": _T,
    "appearance_order": _FT,
    "obj_count": _FT,
    "room_size": _FST,
    "nav": _T,
}
"""Forms by task: those that any of the datasets has."""

FORMS: Final = frozenset((task, form) for task, forms in TABLE.items() for form in forms)
NO_VIDEO: Final = frozenset(
    (task, form)
    for task, form in FORMS
    if "_video" not in task and task not in {"obj_frame_locate", "appearance_order", "obj_count", "room_size", "nav"}
)
"""What can be asked without frames in the order of time."""

_METRES: Final = r"\d+\.\d"
_BOX: Final = r"\[\d{1,4},\d{1,4},\d{1,4},\d{1,4}\]"
_NAME: Final = r"[a-z][a-z /'-]*"
_ON_CAMERA: Final = r"(left|right|), (above|below|), (front|behind|)"
_ON_OTHER: Final = r"(left|right|), (above|below|), (closer|farther|)"
_PLACES: Final = r"Object\d+ :\(-?\d+\.\d,-?\d+\.\d\)"
_NUMBER: Final = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w]|\.\d)")


def _shape(task: str) -> str:
    """What the canonical answer of a task looks like, and each option of it."""
    match task.split("_"):
        case ["depth" | "distance", "prediction", *_] | ["room", "size"]:
            return _METRES
        case ["spatial", "volume", "infer"]:
            return r"\d+, \d+, \d+"
        case ["position", "matching"]:
            return _BOX
        case ["camera", "motion", "infer"]:
            return rf"\(\d{{1,4}},\d{{1,4}}\),{_METRES}"
        case ["view", "change", "infer"]:
            axes = ("right|left", "up|down", "forward|backward")
            moves = ",".join(rf"move_({words}):{_METRES}" for words in axes)
            return rf"{moves},rotate_(up|down):\d+,rotate_(right|left):\d+"
        case ["obj", "frame", "locate"]:
            return r"\d+(, \d+)*"
        case ["distance", "infer", "center", "oc"]:
            return _NAME
        case ["distance", "infer", "center", "oc", "mv"]:
            return rf"the (first|second|third) image, {_BOX}"
        case ["distance", "infer", "center", "oo", "video"]:
            return r"object\d"
        case ["distance", "infer", "center", "oo", *_]:
            return rf"{_NAME} \((green|blue) point\)"
        case ["spatial", "imagination", "map", "mv"]:
            return rf"{_PLACES}(\. {_PLACES})*"
        case ["spatial", "imagination", "oc", *_] | ["obj", "spatial", "relation", "oc", "mv"]:
            return _ON_CAMERA
        case ["spatial", "imagination", "oo", *_] | ["obj", "spatial", "relation", "oo", *_]:
            return _ON_OTHER
        case ["appearance", "order"]:
            return rf"{_NAME}(, {_NAME}){{3}}"
        case ["obj", "count"]:
            return r"\d+"
    return rf"[a-z].*\d+°.*{_METRES} m\b.*[^.]|[a-z].*{_METRES} m\b.*[^.]"  # nav


def faults(row: Row) -> Iterator[str]:
    """What is wrong with the texts of a row, one clause each."""
    if row["form"] not in TABLE[row["task"]]:
        yield f"{row['task']} is not asked as {row['form']}"
        return
    yield from _of_lines(row)
    for slot in json.loads(row["slots"]).values():
        if (
            isinstance(slot, dict)
            and len(slot.get("value", ())) == 1
            and not _is_metres(slot["text"], slot["value"][0])
        ):
            yield f"{slot['text']!r} for {slot['value']}"
    short, shape = row["answer_short"], _shape(row["task"])
    match row["form"]:
        case "judge":
            if short != row["options"][row["answer_index"]] or short != ("Yes" if row["value"] == [1.0] else "No"):
                yield f"{short!r} does not judge {row['value']}"
        case "select":
            if short != "ABCD"[row["answer_index"]]:
                yield f"{short!r} is not the letter of option {row['answer_index']}"
            yield from _of_options(row, shape)
        case _:
            if not re.fullmatch(shape, short):
                yield f"{short!r} is no {shape}"
            else:
                yield from _of_value(row, short)
    if row["form"] == "sentence":
        yield from _of_sentence(row)
    elif row["answer"] != short:
        yield f"answers {row['answer']!r}, in short {short!r}"


def _of_lines(row: Row) -> Iterator[str]:
    """A question to select has a line an option and one more; to fill or to judge one more; else it is one line."""
    lines = row["question"].split("\n")
    options = row["options"] or []
    wanted = [f"{letter}. {option}" for letter, option in zip("ABCD", options, strict=False)]
    wanted = wanted if row["form"] == "select" else []
    more = 0 if row["form"] == "sentence" else 1
    if len(lines) != 1 + len(wanted) + more or lines[1 : 1 + len(wanted)] != wanted or not all(lines):
        yield f"lines are {lines}"
    for text in (row["question"], row["answer"]):
        if re.search(r"[{}]|  |<image>|(?<!\.)\.\.(?!\.)|\bNone\b(?! of)|\bnan\b", text):
            yield f"text is not clean: {text!r}"


def _of_options(row: Row, shape: str) -> Iterator[str]:
    options, index = row["options"], row["answer_index"]
    compares = row["task"].startswith("distance_infer_center_oo") and not row["task"].endswith("video")
    fewest, most = (2, 3) if compares else (2, 4) if row["task"].startswith("distance_infer") else (4, 4)
    if not fewest <= len(options) <= most or len(set(options)) != len(options):
        yield f"options are {options}"
    for place, option in enumerate(options):
        is_equal = compares and place == 2 and option in {"about equally close", "about equally far"}
        if not is_equal and not re.fullmatch(shape, option):
            yield f"option {option!r} is no {shape}"
            return
    if row["task"] in _NUMBERS:
        ordered = sorted(float(option) for option in options)
        if any(high <= 1.2 * low * (1 + 1e-9) for low, high in pairwise(ordered)):
            yield f"options {options} are within 20 % of each other"
    yield from _of_value(row, options[index])


def _of_value(row: Row, text: str) -> Iterator[str]:
    """Whether a canonical text says the row's values."""
    task, value = row["task"], row["value"]
    if task in _NUMBERS or task == "obj_count":
        (number,) = value
        if not _is(text, number, 1.0, 0 if task == "obj_count" else 1):
            yield f"{text!r} for {value}"
        if float(text) == 0:
            yield "the truth is 0"
    elif task == "spatial_volume_infer":
        sides = [int(side) for side in text.split(", ")]
        if not all(_is(str(side), metres, 100.0, 0) for side, metres in zip(sides, value, strict=True)):
            yield f"{text!r} for {value}"
        if sides[0] < sides[1] or not all(sides):
            yield f"{text!r} is not long, wide and high"
    elif task == "view_change_infer":
        yield from _of_motion(text, value)
    elif task == "camera_motion_infer":
        u, v, depth = re.findall(r"[\d.]+", text)
        width, height = row["image_sizes"][0]["width"], row["image_sizes"][0]["height"]
        if not (_is_place(u, value[0], width) and _is_place(v, value[1], height) and _is(depth, value[2], 1.0, 1)):
            yield f"{text!r} for {value}"
        if not float(depth):
            yield "the depth is 0"
    elif boxes := re.findall(_BOX, text):
        yield from _of_box(row, text, [int(edge) for edge in re.findall(r"\d+", boxes[0])])
    elif task == "spatial_imagination_map_mv":
        places = re.findall(r"Object(\d+) :\((-?)([\d.]+),(-?)([\d.]+)\)", text)
        numbers = [pair for _, *both in places for pair in (both[:2], both[2:])]
        is_whole = [int(place[0]) for place in places] == list(range(len(places))) and len(numbers) == len(value)
        if not is_whole or not all(_is_signed(*number, v) for number, v in zip(numbers, value, strict=True)):
            yield f"{text!r} for {value}"
    elif "imagination" in task or "relation" in task:
        if [_SIGNS[word] for word in text.split(", ")] != value or not any(value):
            yield f"{text!r} for {value}"
    elif task == "obj_frame_locate":
        frames = [int(frame) for frame in text.split(", ")]
        if frames != value or frames != sorted(set(frames)) or frames[-1] >= len(row["images"]):
            yield f"{text!r} for {value} of {len(row['images'])} frames"
    elif task == "appearance_order":
        names = text.split(", ")
        if names != [row["options"][int(place)] for place in value] or len(set(names)) != 4:
            yield f"{text!r} for {value}"


def _of_motion(text: str, value: Sequence[float]) -> Iterator[str]:
    pairs = [pair.split(":") for pair in text.split(",")]
    right, up, forward, left_turn, tilt = value
    true = (right, up, forward, math.degrees(tilt), -math.degrees(left_turn))
    for place, ((key, number), signed) in enumerate(zip(pairs, true, strict=True)):
        positive = key.rpartition("_")[2] in {"right", "up", "forward"}
        is_right = _is(number, signed, 1.0, 0 if place > 2 else 1)
        if not is_right or (positive != (signed > 0) and float(number)) or (not positive and not float(number)):
            yield f"{key}:{number} for {signed}"
    if not any(float(number) for _, number in pairs):
        yield "nothing changes"


def _of_box(row: Row, text: str, edges: Sequence[int]) -> Iterator[str]:
    x1, y1, x2, y2 = edges
    if not (0 <= x1 < x2 <= 1000 and 0 <= y1 < y2 <= 1000):
        yield f"{text!r} is no box of thousandths"
    image = ("first", "second", "third").index(text.split()[1]) if "image" in text else 1
    width, height = row["image_sizes"][image]["width"], row["image_sizes"][image]["height"]
    sizes = (width, height, width, height)
    if not any(
        all(_is_place(str(e), box[k], s) for e, k, s in zip(edges, ("x1", "y1", "x2", "y2"), sizes, strict=True))
        for box in row["boxes"]
        if box["image"] == image
    ):
        yield f"{text!r} is none of the row's boxes"


def _of_sentence(row: Row) -> Iterator[str]:
    """The answer says the quantity, and no other quantity but those that it was given to say besides."""
    said, short, task = row["answer"], row["answer_short"], row["task"]
    slots = json.loads(row["slots"])
    given = {_text(slot) for slot in slots.values()}
    if said[0].islower() or said[-1] not in ".!" or "\n" in said:
        yield f"{said!r} is no sentence"
    if "relation" in task or "imagination_o" in task:
        # An imagined move tells what was before, too; who stands behind a camera is no relation.
        rest = re.sub(r"behind the [^,]*camera", "*", said)
        phrase = _joined([_PHRASES[word] for word in short.split(", ") if word])
        before, known = (_text(slots["before"]), 2) if "before" in slots else (phrase, 1)
        if said.count(phrase) < 1 or (before == phrase and said.count(phrase) < known):
            yield f"{said!r} does not say {short!r}"
        for text in sorted({phrase, *given}, key=len, reverse=True):
            rest = rest.replace(text, "*")
        if found := [words for words in _PHRASES.values() if re.search(rf"\b{words}\b", rest)]:
            yield f"{said!r} says {found} besides {short!r}"
    elif task == "view_change_infer":
        for key, number in (pair.split(":") for pair in short.split(",")):
            word, is_turn = key.rpartition("_")[2], key.startswith("rotate")
            clause = f"{word} by {number}{'°' if is_turn else ' m'}"
            if (clause in said) != bool(float(number)):
                yield f"{said!r} for {short!r}"
    elif task == "spatial_volume_infer":
        sizes = zip(("length", "width", "height"), short.split(", "), strict=True)
        if missing := [side for side, size in sizes if f"a {side} of {size} cm" not in said]:
            yield f"{said!r} does not say {missing}"
    elif task == "camera_motion_infer":
        place, _, depth = short.rpartition(",")
        if f"{place} at a depth of {depth} m" not in said:
            yield f"{said!r} for {short!r}"
    elif task == "obj_frame_locate":
        frames = [f"Frame-{frame}" for frame in short.split(", ")]
        if _joined(frames) not in said:
            yield f"{said!r} for {short!r}"
    elif task in _NUMBERS or task == "obj_count":
        others = {number for text in given for number in _NUMBER.findall(text)}
        if wrong := set(_NUMBER.findall(re.sub(r"Frame-\d+|object\d+", "", said))) - others - {short}:
            yield f"{said!r} also says {wrong}"
        if short not in _NUMBER.findall(said):
            yield f"{said!r} does not say {short}"
    elif short not in said:
        yield f"{said!r} does not say {short!r}"
    if task.startswith("distance_infer"):
        yield from _of_distances(row, slots)


def _of_distances(row: Row, slots: Mapping[str, Any]) -> Iterator[str]:
    """Of the distances that a comparison's answer may tell, the first is the winner's: the least or the largest."""
    (told,) = slots["distance"]["value"]
    value = row["value"]
    if told not in {min(value), max(value)}:
        yield f"tells {told} of {value}"
    lesser = re.search(r"\.(closer|nearest)\.", row["template"])
    if (told == min(value)) != bool(lesser):
        yield f"tells {told} of {value} for {row['template']}"
    if "other_distance" in slots:
        texts = [_text(slots[name]) for name in ("distance", "other_distance")]
        if (float(texts[0]) < float(texts[1])) != bool(lesser) or texts[0] == texts[1]:
            yield f"tells {texts} for {row['template']}"


def _text(slot: Any) -> str:
    return slot["text"] if isinstance(slot, dict) else str(slot)


def _joined(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _is(text: str, value: float, scale: float, decimals: int) -> bool:
    """Whether a text is the size of a value with these decimals, halves away from zero."""
    units = abs(value) * scale * 10**decimals
    shown = float(text) * 10**decimals
    return abs(shown - units) <= 0.5 + 1e-9 and shown > units - 0.5 - 1e-9


def _is_metres(text: str, value: float) -> bool:
    return bool(re.fullmatch(_METRES, text)) and _is(text, value, 1.0, 1)


def _is_signed(sign: str, number: str, value: float) -> bool:
    return _is(number, value, 1.0, 1) and (bool(sign) == (value < 0 and float(number) != 0))


def _is_place(text: str, pixel: float, extent: int) -> bool:
    exact = min(max(1000 * (pixel + 0.5) / extent, 0), 1000)
    return text == str(int(text)) and abs(int(text) - exact) <= 0.5 + 1e-6


_NUMBERS: Final = frozenset(task for task in TABLE if "prediction" in task or task == "room_size")
_SIGNS: Final = {
    "": 0.0,
    "left": -1.0,
    "right": 1.0,
    "below": -1.0,
    "above": 1.0,
    "closer": -1.0,
    "farther": 1.0,
    "behind": -1.0,
    "front": 1.0,
}
_PHRASES: Final = {
    "left": "to the left",
    "right": "to the right",
    "below": "below",
    "above": "above",
    "closer": "closer",
    "farther": "farther away",
    "behind": "behind",
    "front": "in front",
}
