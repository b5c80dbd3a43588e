"""Every rule of a row that can be checked on the row alone (docs/data-format.md)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from .answer_texts import disagreements
from .markers import DRAWN_VARIANTS
from .options import letter_of, lists_options
from .schema import SCHEMA

__all__ = ["ANSWER_TYPES", "FORMS", "ROLES", "UNITS", "VARIANTS", "problems"]

VARIANTS: Final = frozenset({"dot", "coord", "name", "box"})
FORMS: Final = frozenset({"choice", "fill", "select", "judge", "sentence"})
ANSWER_TYPES: Final = frozenset(
    {"choice", "yesno", "number", "vector", "point", "box", "order", "set", "relation", "composite", "text"}
)
UNITS: Final = frozenset({"m", "m2", "rad", "px", "count", "index", "bool"})
ROLES: Final = frozenset({"target", "reference", "distractor", "observer", "facing", "candidate", "counted"})
"""Roles of objects; points and boxes may also have roles of their task's own (``option``)."""

_NULLABLE: Final = frozenset(
    {"embedded_sizes", "options", "answer_index", "margin", "overlap", "occlusion", "difficulty"}
)
_MAY_BE_EMPTY: Final = frozenset({"difficulty", "scene_group"})
_ID: Final = re.compile(r"[0-9a-f]{16,64}")
_OBJECT_NAME: Final = re.compile(r"object\w+")
_COLOR: Final = re.compile(r"#[0-9a-f]{6}")
_JPEG: Final = b"\xff\xd8\xff"
_PLACEHOLDER: Final = "<image>"
_ONE_VALUE: Final = frozenset({"yesno", "number"})


def problems(row: Mapping[str, Any]) -> list[str]:
    """What is wrong with a row, one clause each; empty when it follows every rule.

    Args:
        row: column name to value, as ``dataset.read.open_rows`` gives it.
    """
    missing = [name for name in SCHEMA.names if name not in row]
    unknown = [name for name in row if name not in SCHEMA.names]
    found = [f"column {name} is missing" for name in missing] + [f"column {name} is unknown" for name in unknown]
    if missing:
        return found
    types = [text for field in SCHEMA for text in _type_problems(row[field.name], field.type, field.name)]
    types += [f"{name} is null" for name in SCHEMA.names if row[name] is None and name not in _NULLABLE]
    # The rules below may rely on types; a row of wrong types has told enough.
    if types:
        return found + types
    found += [text for rule in _RULES for text in rule(row)]
    return found or [*disagreements(row), *_depth_tasks(row)]


def _type_problems(value: Any, kind: pa.DataType, name: str) -> Iterator[str]:
    if value is None:
        return
    if pa.types.is_list(kind):
        if not isinstance(value, list | tuple):
            yield f"{name} is no list"
            return
        for index, entry in enumerate(value):
            if entry is None:
                yield f"{name}[{index}] is null"
            else:
                yield from _type_problems(entry, kind.value_type, f"{name}[{index}]")
    elif pa.types.is_struct(kind):
        if not isinstance(value, Mapping) or set(value) != {field.name for field in kind}:
            yield f"{name} does not have exactly the fields {', '.join(field.name for field in kind)}"
            return
        for field in kind:
            yield from _type_problems(value[field.name], field.type, f"{name}.{field.name}")
    elif pa.types.is_boolean(kind):
        if not isinstance(value, bool):
            yield f"{name} is no bool"
    elif pa.types.is_floating(kind):
        if not isinstance(value, int | float) or isinstance(value, bool):
            yield f"{name} is no number"
        elif not math.isfinite(value):
            yield f"{name} is {value}"
    elif pa.types.is_integer(kind):
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{name} is no integer"
    elif not isinstance(value, bytes if pa.types.is_binary(kind) else str):
        yield f"{name} is no {kind}"


def _names(row: Mapping[str, Any]) -> Iterator[str]:
    for field in SCHEMA:
        if field.type == pa.string() and row[field.name] == "" and field.name not in _MAY_BE_EMPTY:
            yield f"{field.name} is empty"
    if not _ID.fullmatch(row["id"]):
        yield f"id {row['id']!r} is no hexadecimal hash"
    for name, known in (("variant", VARIANTS), ("form", FORMS), ("answer_type", ANSWER_TYPES)):
        if row[name] not in known:
            yield f"{name} {row[name]!r} is none of {', '.join(sorted(known))}"


def _images(row: Mapping[str, Any]) -> Iterator[str]:
    images, native, embedded = row["images"], row["image_sizes"], row["embedded_sizes"]
    if not images:
        yield "there is no image"
    for name in ("frame_ids", "image_sizes"):
        if len(row[name]) != len(images):
            yield f"{len(images)} images but {len(row[name])} {name}"
    present = [image["bytes"] is not None for image in images]
    for index, image in enumerate(images):
        if not image["path"]:
            yield f"images[{index}] has no path"
        elif image["path"].startswith("/") or ".." in image["path"].split("/"):
            yield f"images[{index}].path {image['path']!r} is not relative to a root"
        if image["bytes"] is not None and not image["bytes"].startswith(_JPEG):
            yield f"images[{index}] is no JPEG"
    if any(present) and not all(present):
        yield "some images are embedded and some are not"
    if all(present) and images:
        if embedded is None or len(embedded) != len(images):
            yield "embedded images without one embedded size each"
    elif embedded:
        yield "embedded sizes without embedded images"
    for size in (*native, *(embedded or ())):
        if size["width"] is None or size["height"] is None or min(size["width"], size["height"]) < 1:
            yield f"an image size is {size['width']} x {size['height']}"


def _marks(row: Mapping[str, Any]) -> Iterator[str]:
    drawn = row["variant"] in DRAWN_VARIANTS
    colors: dict[str, list[str]] = {}
    for kind in ("points", "boxes"):
        for index, mark in enumerate(row[kind]):
            where = f"{kind}[{index}]"
            if not mark["role"]:
                yield f"{where} has no role"
            if mark["color"] is not None:
                alike = colors.setdefault(mark["color"], [])
                alike.append(mark["label"] or "")
                # Of many marks in one colour each is told by the name that is drawn beside it.
                if len(set(alike)) < len(alike) or (len(alike) > 1 and not all(map(_OBJECT_NAME.fullmatch, alike))):
                    yield f"{where} shares a colour with another mark, and their labels do not name objects"
                if not _COLOR.fullmatch(mark["color"]):
                    yield f"{where}.color {mark['color']!r} is not #rrggbb"
            image = mark["image"]
            if image is None or not 0 <= image < len(row["image_sizes"]):
                yield f"{where} is in image {image}, of {len(row['image_sizes'])}"
            else:
                yield from _inside(mark, row["image_sizes"][image], where)
    if drawn and not colors:
        yield f"a {row['variant']} row without a drawn mark"
    if not drawn and colors:
        yield f"a {row['variant']} row has drawn marks"
    if row["marks_drawn"] and not drawn:
        yield f"marks_drawn in a {row['variant']} row"
    if row["marks_drawn"] and any(image["bytes"] is None for image in row["images"]):
        yield "marks_drawn without pixels"


def _inside(mark: Mapping[str, Any], size: Mapping[str, int], where: str) -> Iterator[str]:
    width, height = size["width"] - 0.5, size["height"] - 0.5
    names = ("x", "y") if "x" in mark else ("x1", "y1", "x2", "y2")
    if any(mark[name] is None for name in names):
        yield f"{where} has no position"
    elif "x" in mark:
        if not (-0.5 <= mark["x"] < width and -0.5 <= mark["y"] < height):
            yield f"{where} ({mark['x']}, {mark['y']}) is outside its image of {size['width']} x {size['height']}"
        if mark["depth"] is not None and mark["depth"] <= 0:
            yield f"{where}.depth is {mark['depth']}"
    else:
        if not (mark["x1"] < mark["x2"] and mark["y1"] < mark["y2"]):
            yield f"{where} is empty or inside out"
        # The whole of an object may reach beyond the image, what is seen of it may not.
        beyond = mark["x1"] < -0.5 or mark["y1"] < -0.5 or mark["x2"] > width or mark["y2"] > height
        if beyond and not mark["amodal"]:
            yield f"{where} reaches outside its image of {size['width']} x {size['height']}"


def _messages(row: Mapping[str, Any]) -> Iterator[str]:
    messages = row["messages"]
    if [message["role"] for message in messages] != ["user", "assistant"]:
        yield "messages are not one of user and one of assistant"
        return
    user, assistant = (message["content"] or "" for message in messages)
    if user.count(_PLACEHOLDER) != len(row["images"]):
        yield f"{user.count(_PLACEHOLDER)} <image> for {len(row['images'])} images"
    if row["question"] not in user:
        yield "the user's text does not hold the question"
    if assistant != row["answer"]:
        yield "the assistant's text is not the answer"
    if _PLACEHOLDER in row["question"] or _PLACEHOLDER in row["answer"]:
        yield "question or answer holds <image>"
    for name in ("question", "answer"):
        if row[name] != row[name].strip():
            yield f"{name} has spaces around it"
        if re.search(r"\{\w*\}", row[name]):
            yield f"{name} has an unfilled slot"
    # A sentence says the values of these in a phrase of its own, which the values are checked against.
    phrased = row["form"] == "sentence" and row["answer_type"] in {"relation", "composite", "set"}
    if not phrased and row["answer_short"].casefold() not in row["answer"].casefold():
        yield f"the answer does not hold answer_short {row['answer_short']!r}"


def _truth(row: Mapping[str, Any]) -> Iterator[str]:
    value, units, options, answer = row["value"], row["units"], row["options"] or [], row["answer_index"]
    if len(units) != len(value):
        yield f"{len(value)} values but {len(units)} units"
    for unit in units:
        if unit not in UNITS:
            yield f"unit {unit!r} is none of {', '.join(sorted(UNITS))}"
    if row["answer_type"] in _ONE_VALUE and len(value) != 1:
        yield f"{len(value)} values for a {row['answer_type']}"
    if row["answer_type"] == "number" and 0 in value:
        yield "a numeric truth of 0, by which a benchmark's metric would divide"
    if len(set(options)) != len(options):
        yield "two options are the same"
    chosen = bool(options) and row["answer_type"] != "order"
    if (answer is None and chosen) or (answer is not None and not 0 <= answer < len(options)):
        yield f"answer_index {answer} of {len(options)} options"
    elif chosen and row["answer_short"] not in (options[answer], letter_of(answer)):
        yield f"answer_short {row['answer_short']!r} is neither the true option {options[answer]!r} nor its letter"
    elif chosen and row["answer_short"] != options[answer] and not lists_options(row["question"], options):
        yield f"the answer is the letter {row['answer_short']}, but the question does not end with the options' lines"
    if row["answer_type"] in {"choice", "yesno"} and not options:
        yield f"a {row['answer_type']} without options"
    if row["answer_type"] == "yesno" and options:
        if list(options) != ["Yes", "No"]:
            yield f"the options of a yesno are {options}"
        elif answer is not None and value and value[0] != (1.0, 0.0)[answer]:
            yield f"value {value[0]} with the answer {options[answer]}"


def _numbers(row: Mapping[str, Any]) -> Iterator[str]:
    if row["margin"] is not None and row["margin"] < 1:
        yield f"margin {row['margin']} is below 1"
    for name in ("overlap", "occlusion"):
        if row[name] is not None and not 0 <= row[name] <= 1:
            yield f"{name} {row[name]} is no fraction"


def _json(row: Mapping[str, Any]) -> Iterator[str]:
    for name in ("slots", "evidence"):
        try:
            if not isinstance(json.loads(row[name], parse_constant=_refuse), dict):
                yield f"{name} is no JSON object"
        except ValueError as error:
            yield f"{name} is no JSON ({error})"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not allowed")


def _objects(row: Mapping[str, Any]) -> Iterator[str]:
    for index, entry in enumerate(row["objects"]):
        if not entry["instance_id"] or not entry["label"]:
            yield f"objects[{index}] has no instance_id or no label"
        if entry["role"] not in ROLES:
            yield f"objects[{index}].role {entry['role']!r} is none of {', '.join(sorted(ROLES))}"


def _depth_tasks(row: Mapping[str, Any]) -> Iterator[str]:
    """What the values of the two depth tasks say about each other."""
    if row["task"] == "depth_estimation":
        depths = [point["depth"] for point in row["points"] if point["role"] == "target"]
        if list(row["value"]) != depths:
            yield f"value {row['value']} is not the target's depth {depths}"
        elif row["value"][0] <= 0:
            yield f"depth {row['value'][0]}"
    if row["task"] == "depth_comparison":
        value, answer = row["value"], row["answer_index"]
        ask = json.loads(row["evidence"]).get("ask")
        if ask not in {"closer", "farther"}:
            yield f"evidence.ask is {ask!r}"
        elif len(value) != len(row["options"] or ()) or answer is None:
            yield f"{len(value)} values for {len(row['options'] or ())} options"
        elif value[answer] != (min(value) if ask == "closer" else max(value)) or len(set(value)) != len(value):
            yield f"option {answer} is not the {ask} one of {value}"


_Rule = Callable[[Mapping[str, Any]], Iterator[str]]
_RULES: Final[Sequence[_Rule]] = (
    _names,
    _images,
    _marks,
    _messages,
    _truth,
    _numbers,
    _json,
    _objects,
)
