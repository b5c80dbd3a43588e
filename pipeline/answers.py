"""What a row says: values, pixels and boxes as text, made here once for every engine.

Two ways of saying a value: *canonical*, short and fit for scoring (``1.5``, ``left, , closer``), and a *phrase*, for
use within a sentence (``to the left and closer``). Where a number is all there is to say, both are the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from ..core.facts import RELATION_AXES
from ..core.rounding import half_up, thousandths
from ..core.types import BoxMark, BoxRef, Fact, Point, PointRef, Sides, TaskSpec, Value
from ..dataset.options import letter_of
from ..errors import TemplateError

__all__ = ["Speaker", "box_text", "coordinate_text", "slot_column", "text_coordinates"]

_SCALE: Final = {"": 1.0, "mm": 1000.0, "cm": 100.0, "m": 1.0, "m2": 1.0, "deg": 180.0 / math.pi}
_MARK_KINDS: Final = MappingProxyType({"dot": "point", "box": "bbox"})  # as SPAR's texts call what is drawn

_MOTIONS: Final = (
    ("right", "left", 0, False),
    ("up", "down", 1, False),
    ("forward", "backward", 2, False),
    ("up", "down", 4, True),
    ("left", "right", 3, True),
)
"""Components of a motion in the order of the text: words of positive and negative, place in ``value``, if an angle."""

_PHRASES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": MappingProxyType(
            {
                "and": " and ",
                "then": ", then ",
                "left": "to the left",
                "right": "to the right",
                "above": "above",
                "below": "below",
                "closer": "closer",
                "farther": "farther away",
                "front": "in front",
                "behind": "behind",
                "the": "the {}",
                "frame": "Frame-{}",
                "length": "a length of {}",
                "width": "a width of {}",
                "height": "a height of {}",
                "move": "move {}",
                "turn": "turn {}",
                "step": "{} by {}",
                "place": "{} at a depth of {}",
            }
        )
    }
)
"""By language, the pieces of phrases; braces stand for what is said."""


def text_coordinates(x: float, y: float, width: int, height: int) -> tuple[int, int]:
    """A pixel as text says it: 0–1000 of width and height, origin at the top-left corner of the image.

    Args:
        x: native pixels, pixel centres at integers.
        y: likewise.
        width: of the image in pixels.
        height: likewise.
    """
    return thousandths(x, width), thousandths(y, height)


def coordinate_text(x: float, y: float, width: int, height: int) -> str:
    """``[312, 540]``: ``text_coordinates`` as a question writes them."""
    u, v = text_coordinates(x, y, width, height)
    return f"[{u}, {v}]"


def box_text(box: BoxMark, width: int, height: int) -> str:
    """``[312,80,540,410]``: a box's left, top, right and bottom edge in text coordinates."""
    corners = (*text_coordinates(box.x1, box.y1, width, height), *text_coordinates(box.x2, box.y2, width, height))
    return f"[{','.join(map(str, corners))}]"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says what a fact holds.

    Attributes:
        spec: its task.
        fact: what is said.
        sizes: (width, height) of each image shown, native pixels.
        lang: language of phrases.
    """

    spec: TaskSpec
    fact: Fact
    sizes: Sequence[tuple[int, int]]
    lang: str

    def canonical(self, words: Any) -> str:
        """The text of an option or an answer, or of a number or words in a slot."""
        if isinstance(words, tuple):
            return "".join(map(self.canonical, words))
        if isinstance(words, Value):
            return self._value(words.numbers)
        if isinstance(words, PointRef):
            return self._point(self.fact.points[words.index])
        if isinstance(words, BoxRef):
            return self._box(self.fact.boxes[words.index])
        if isinstance(words, Sides):
            return self._sides(words)
        return str(words)

    def slot(self, words: Any) -> str:
        """The text of a slot: values in phrases where the form speaks in sentences."""
        if isinstance(words, tuple):
            return "".join(map(self.slot, words))
        if isinstance(words, Value) and self.fact.form in {"judge", "sentence"}:
            return self._phrase(words.numbers)
        return self.canonical(words)

    def options(self) -> list[str]:
        """The texts of the fact's options."""
        return [self.canonical(option) for option in self.fact.options]

    def short(self) -> str:
        """The canonical answer: a letter, the true option, or what the values are."""
        fact = self.fact
        if fact.answer_index is not None:
            lettered = self.spec.is_lettered(fact.form)
            return letter_of(fact.answer_index) if lettered else self.canonical(fact.options[fact.answer_index])
        if fact.answer_point is not None:
            return self.canonical(fact.answer_point)
        return self._value(fact.value) if fact.answer is None else self.canonical(fact.answer)

    def answer(self) -> str:
        """What stands for ``{answer}`` in the wording: the canonical answer, in sentences a phrase."""
        fact = self.fact
        stated = fact.answer_index is not None or fact.answer_point is not None or fact.answer is not None
        if stated or not self.spec.answers_in_sentences(fact.form):
            return self.short()
        return self._phrase(fact.value)

    def _point(self, point: Point) -> str:
        if self.fact.variant == "dot" and (name := self._mark_name(point)):
            return name
        return coordinate_text(point.x, point.y, *self.sizes[point.image])

    def _box(self, box: BoxMark) -> str:
        if self.fact.variant == "box" and (name := self._mark_name(box)):
            return name
        return box_text(box, *self.sizes[box.image])

    def _mark_name(self, mark: Point | BoxMark) -> str:
        """What the text calls a drawn mark: its label, or the object's name and the colour; empty if not drawn."""
        if mark.label or not mark.color_role:
            return mark.label
        label = next(thing.label for thing in self.fact.objects if thing.instance_id == mark.instance_id)
        return f"{label} ({mark.color_role} {_MARK_KINDS[self.fact.variant]})"

    def _sides(self, sides: Sides) -> str:
        """``the bed and the chair in front and the lamp behind``; what has a label of its own has no article."""
        groups = ((sides.front, "front"), (sides.behind, "behind"))
        return self._listed(
            [
                f"{self._listed([self._definite(one) for one in things])} {self._piece(word)}"
                for things, word in groups
                if things
            ]
        )

    def _definite(self, words: BoxRef | str) -> str:
        text = self.canonical(words)
        is_labelled = isinstance(words, BoxRef) and self.fact.boxes[words.index].label
        return text if is_labelled else self._piece("the").format(text)

    def _value(self, value: Sequence[float]) -> str:
        """Values as canonical text."""
        spec = self.spec
        match spec.answer_type:
            case "vector":
                # A component that rounds to nothing has no sign.
                scaled = [x * _SCALE[spec.text_unit] for x in value]
                return f"[{', '.join(str(int(math.copysign(half_up(abs(x)), x))) for x in scaled)}]"
            case "relation":
                return ", ".join(self._relation(value))
            case "set":
                return ", ".join(str(round(frame)) for frame in value)
            case "order":
                return ", ".join(self.canonical(self.fact.options[round(place)]) for place in value)
            case "composite":
                return self._composite(value)
        (number,) = value
        return self._number(number)

    def _phrase(self, value: Sequence[float]) -> str:
        """Values as part of a sentence."""
        match self.spec.answer_type:
            case "relation":
                return self._listed([self._piece(word) for word in self._relation(value) if word])
            case "set":
                return self._listed([self._piece("frame").format(round(frame)) for frame in value])
            case "composite":
                return self._composite_phrase(value)
        return self._value(value)

    def _relation(self, value: Sequence[float]) -> list[str]:
        """The canonical word of each axis; empty where the value is 0."""
        pairs = zip(self.spec.axes, value, strict=True)
        return [RELATION_AXES[axis][sign > 0] if sign else "" for axis, sign in pairs]

    def _composite(self, value: Sequence[float]) -> str:
        """Several values of different meaning, in SPAR's notation."""
        match self.spec.composite:
            case "sizes":
                return ", ".join(self._number(size) for size in value)
            case "motion":
                return ",".join(
                    f"{'rotate' if turned else 'move'}_{word}:{text}" for word, text, turned in self._motion(value)
                )
            case "place":
                return f"{self._place(value)},{self._number(value[2])}"
            case "map":
                places = zip(map(self._signed, value[::2]), map(self._signed, value[1::2]), strict=True)
                return ". ".join(f"Object{index} :({x},{y})" for index, (x, y) in enumerate(places))
        raise ValueError(f"task {self.spec.name} does not say what its composite answers are")

    def _composite_phrase(self, value: Sequence[float]) -> str:
        unit = self.spec.text_unit
        match self.spec.composite:
            case "sizes":
                sides = zip(("length", "width", "height"), value, strict=True)
                return self._listed([self._piece(side).format(f"{self._number(size)} {unit}") for side, size in sides])
            case "motion":
                motion = [part for part in self._motion(value) if float(part[1])]
                parts = []
                for verb, sign, kind in (("move", " m", False), ("turn", "°", True)):
                    steps = [
                        self._piece("step").format(word, text + sign) for word, text, turned in motion if turned == kind
                    ]
                    parts += [self._piece(verb).format(self._listed(steps))] if steps else []
                return self._piece("then").join(parts)
            case "place":
                return self._piece("place").format(self._place(value), f"{self._number(value[2])} {unit}")
        return self._composite(value)

    def _motion(self, value: Sequence[float]) -> list[tuple[str, str, bool]]:
        """Word and unsigned text of each component, and if it turns; what rounds to 0 goes right, up or forward."""
        found = []
        for positive, negative, place, turned in _MOTIONS:
            size = abs(value[place])
            text = _decimal(size * _SCALE["deg"], 0) if turned else _decimal(size, self.spec.text_decimals)
            is_positive = value[place] > 0 if float(text) else positive != "left"
            found.append((positive if is_positive else negative, text, turned))
        return found

    def _place(self, value: Sequence[float]) -> str:
        u, v = text_coordinates(value[0], value[1], *self.sizes[0])
        return f"({u},{v})"

    def _number(self, value: float) -> str:
        """The size of a number in the text's unit."""
        return _decimal(abs(value) * _SCALE[self.spec.text_unit], self.spec.text_decimals)

    def _signed(self, value: float) -> str:
        text = self._number(value)
        return f"-{text}" if value < 0 and float(text) else text

    def _listed(self, parts: Sequence[str]) -> str:
        """``a, b and c``."""
        return self._piece("and").join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)

    def _piece(self, name: str) -> str:
        try:
            return _PHRASES[self.lang][name]
        except KeyError:
            raise TemplateError(
                f"there are no phrases for answers in language {self.lang!r}",
                remedy=f"take --lang {' or '.join(_PHRASES)}, or leave the forms sentence and judge out",
            ) from None


def slot_column(value: Any, text: str) -> Any:
    """A slot as the row keeps it: what stands for a mark or for values stays, so that it can be worded again."""
    match value:
        case PointRef(index):
            return {"point": index, "text": text}
        case BoxRef(index):
            return {"box": index, "text": text}
        case Value(numbers):
            return {"value": list(numbers), "text": text}
        case tuple() | Sides():
            return text
    return value


def _decimal(number: float, decimals: int) -> str:
    """A number that is not negative, half rounded up."""
    return f"{half_up(number, decimals):.{decimals}f}"
