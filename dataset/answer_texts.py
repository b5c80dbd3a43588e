"""Reading answers back: whether a row's text says what its values are (docs/data-format.md, "Answers as text").

Nothing here is shared with the code that writes answers: it is a second witness.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..core.facts import RELATION_AXES

__all__ = ["disagreements"]

_SCALES: Final[Mapping[str, tuple[float, ...]]] = {
    "m": (1.0, 100.0, 1000.0),
    "m2": (1.0,),
    "rad": (180.0 / math.pi,),
    "count": (1.0,),
    "index": (1.0,),
    "bool": (1.0,),
}
"""What a value of each unit may be multiplied with in the text: metres, centimetres or millimetres; degrees."""

_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_MOTION: Final = re.compile(
    r"move_(right|left):([\d.]+),move_(up|down):([\d.]+),move_(forward|backward):([\d.]+),"
    r"rotate_(up|down):(\d+),rotate_(left|right):(\d+)"
)
_MOTION_VALUES: Final = (0, 1, 2, 4, 3)  # of each of its numbers
_PLACE: Final = re.compile(r"\((\d+),(\d+)\),(\d+(?:\.\d+)?)")
_MAP: Final = re.compile(r"Object(\d+) :\((-?[\d.]+),(-?[\d.]+)\)")
_MAP_TEXT: Final = re.compile(rf"{_MAP.pattern}(?:\. {_MAP.pattern})*")
_BOX: Final = re.compile(r"\[(\d+),(\d+),(\d+),(\d+)\]")


def disagreements(row: Mapping[str, Any]) -> Iterator[str]:
    """How the canonical answer of a row that is whole otherwise differs from its values, one clause each.

    Of a row to select from, the true option is what is read; letters, words and free text say nothing of values.
    """
    text = row["answer_short"]
    kind = row["answer_type"]
    if kind == "choice" and row["form"] == "select" and row["answer_index"] is not None:
        text = row["options"][row["answer_index"]]
        kind = _kind_of(text, row["units"])
    reader = _READERS.get(kind)
    if reader is not None:
        for clause in reader(text, row["value"], row):
            yield f"answer_short {text!r} {clause}"
    if row["form"] == "sentence" and kind in _READERS:
        said, canonical = row["answer"].casefold(), row["answer_short"]
        for part in _said(kind, canonical):
            if not re.search(rf"(?<![\w.]){re.escape(part)}(?![\w]|\.\d)", said):
                yield f"the sentence does not say {part!r}"


def _kind_of(text: str, units: Sequence[str]) -> str:
    """What an option is that holds values: a relation, a box, a place, a number; empty for words."""
    if _BOX.fullmatch(text):
        return "box"
    if _PLACE.fullmatch(text):
        return "composite"
    if len(units) == 3 and set(units) == {"index"} and text.count(",") == 2:
        return "relation"
    return "number" if len(units) == 1 and _NUMBER.fullmatch(text) else ""


def _said(kind: str, canonical: str) -> Iterator[str]:
    """The parts of a canonical answer that a sentence must hold."""
    if kind == "relation":
        yield from (word for word in canonical.split(", ") if word.strip())
    elif kind == "composite":
        # Components that are nothing are left out of sentences; the numbers of a map's objects are part of names.
        places = [number for _, *place in _MAP.findall(canonical) for number in place]
        yield from (number for number in places or _NUMBER.findall(canonical) if float(number))
    elif kind == "order":
        yield from (part.casefold() for part in canonical.split(", "))
    else:
        yield from _NUMBER.findall(canonical)


def _number(text: str, value: Sequence[float], row: Mapping[str, Any]) -> Iterator[str]:
    if not _NUMBER.fullmatch(text) or not _is_rounded(text, value[0], row["units"][0]):
        yield f"is not {value[0]} {row['units'][0]}"
    elif float(text) == 0:
        yield "is 0"


def _vector(text: str, value: Sequence[float], row: Mapping[str, Any]) -> Iterator[str]:
    numbers = text.strip("[]").split(", ")
    if len(numbers) != len(value) or not all(
        _NUMBER.fullmatch(number) and _is_rounded(number, component, row["units"][0], signed=True)
        for number, component in zip(numbers, value, strict=True)
    ):
        yield f"is not {list(value)}"


def _relation(text: str, value: Sequence[float], row: Mapping[str, Any]) -> Iterator[str]:  # noqa: ARG001
    words = [word.strip() for word in text.split(",")]
    signs = {word: sign for pair in RELATION_AXES.values() for word, sign in zip(pair, (-1, 1), strict=True)}
    if len(words) != len(value) or any(
        signs.get(w, 0 if not w else None) != v for w, v in zip(words, value, strict=True)
    ):
        yield f"is not {list(value)}"
    elif not any(words):
        yield "is empty"


def _set(text: str, value: Sequence[float], row: Mapping[str, Any]) -> Iterator[str]:
    if text.split(", ") != [f"{number:g}" for number in value]:
        yield f"is not {list(value)}"
    if list(value) != sorted(set(value)) or not all(number in range(len(row["images"])) for number in value):
        yield f"does not name images in order: {list(value)}"


def _order(text: str, value: Sequence[float], row: Mapping[str, Any]) -> Iterator[str]:
    options = row["options"] or []
    if sorted(value) != list(range(len(options))):
        yield f"has values {list(value)}, which do not order {len(options)} options"
    elif text != ", ".join(options[int(place)] for place in value):
        yield f"does not order the options as {list(value)}"


def _box(text: str, value: Sequence[float], row: Mapping[str, Any]) -> Iterator[str]:
    box = next((b for b in row["boxes"] if [b["x1"], b["y1"], b["x2"], b["y2"]] == list(value)), None)
    found = _BOX.fullmatch(text)
    if box is None:
        yield f"has values {list(value)}, which are no box of the row"
    elif found is None or not all(
        _is_coordinate(int(number), edge, row["image_sizes"][box["image"]]["height" if place % 2 else "width"])
        for place, (number, edge) in enumerate(zip(found.groups(), value, strict=True))
    ):
        yield f"is not {list(value)} in thousandths"


def _composite(text: str, value: Sequence[float], row: Mapping[str, Any]) -> Iterator[str]:
    units = row["units"]
    if (found := _MOTION.fullmatch(text)) and len(value) == len(_MOTION_VALUES):
        words, numbers = found.groups()[::2], found.groups()[1::2]
        for word, number, place in zip(words, numbers, _MOTION_VALUES, strict=True):
            sign = 1 if word in {"right", "up", "forward"} else -1
            sign = -sign if place == 3 else sign  # a turn to the left is positive
            if not _is_rounded(number, sign * value[place], units[place], signed=float(number) != 0):
                yield f"says {word} {number} for {value[place]} {units[place]}"
    elif (found := _PLACE.fullmatch(text)) and len(value) == 3:
        first = row["image_sizes"][0]
        u, v, depth = found.groups()
        good = _is_coordinate(int(u), value[0], first["width"]) and _is_coordinate(int(v), value[1], first["height"])
        if not good or not _is_rounded(depth, value[2], units[2]):
            yield f"is not {list(value)}"
    elif _MAP_TEXT.fullmatch(text):
        places = _MAP.findall(text)
        metres = [number for _, *place in places for number in place]
        good = [int(index) for index, *_ in places] == list(range(len(places))) and len(metres) == len(value)
        if not good or not all(_is_rounded(n, v, u, signed=True) for n, v, u in zip(metres, value, units, strict=True)):
            yield f"is not {list(value)}"
    else:
        parts = text.split(", ")
        if len(parts) != len(value) or not all(
            _NUMBER.fullmatch(n) and _is_rounded(n, v, u) for n, v, u in zip(parts, value, units, strict=True)
        ):
            yield f"is not {list(value)}"


def _is_rounded(text: str, value: float, unit: str, *, signed: bool = False) -> bool:
    """Whether a number in text is a value rounded to its decimals, in one of the unit's scales."""
    half = 0.5 * 10.0 ** -len(text.partition(".")[2]) * (1 + 1e-9)
    wanted = value if signed else abs(value)
    return any(
        abs(float(text) - wanted * scale) <= half + 1e-9 * abs(wanted * scale) for scale in _SCALES.get(unit, ())
    )


def _is_coordinate(number: int, pixel: float, extent: int) -> bool:
    """Whether a whole number is a pixel's place in thousandths of the image, clamped to it."""
    exact = min(max(1000.0 * (pixel + 0.5) / extent, 0.0), 1000.0)
    return abs(number - exact) <= 0.5 + 1e-6


_READERS: Final = {
    "number": _number,
    "vector": _vector,
    "relation": _relation,
    "set": _set,
    "order": _order,
    "box": _box,
    "composite": _composite,
}
