"""What engines state: tasks, facts and what a fact points at, and why something was not stated.

Values are in SI units; words, millimetres and drawn dots come at rendering.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

__all__ = [
    "RELATION_AXES",
    "BoxMark",
    "BoxRef",
    "ColorRole",
    "Fact",
    "Mention",
    "Point",
    "PointRef",
    "Record",
    "Sides",
    "Skip",
    "TaskSpec",
    "Value",
    "Words",
]

_NO_MAPPING: Final[Mapping[str, Any]] = MappingProxyType({})

ColorRole = Literal["", "red", "blue", "green", "yellow", "cyan"]
"""A mark's colour where the text names it (``chair (red point)``); empty where any colour will do."""

RELATION_AXES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "right": ("left", "right"),
        "up": ("below", "above"),
        "distance": ("closer", "farther"),
        "forward": ("behind", "front"),
    }
)
"""Axes of relations: the canonical words of -1 and of +1. Positive is right, up and away from the viewer."""

Composite = Literal["", "sizes", "motion", "place", "map"]


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """The contract between an engine and its wording.

    Attributes:
        name, suite, engine, version: who states it; a new version makes new row ids.
        summary: one sentence for ``spatialgen tasks``.
        answer_type: as in docs/data-format.md (``choice``, ``number`` …).
        units: one SI unit per value (``("m",)``); a single entry is repeated for values of any count.
        text_unit: the unit words use (``mm``), chosen at rendering; empty where the answer has none.
        variants: ways of pointing the task can be asked in (``dot``, ``coord``, ``name``, ``box``).
        forms: answer forms (``choice``, ``fill``, ``select``, ``judge``, ``sentence``).
        polarities: ways of asking the same fact (``closer``, ``farther``); ``("",)`` where there is one.
        slots: every slot name a question of this task may use; ``answer`` is always there for answers.
        required_slots: those every question must use.
        needs: capabilities; ``"depth|mesh"`` means either.
        sentence_answers: True where answers are sentences, so that a block needs eight of them.
        lettered: True where the text lists the options, a line each with its letter, and the answer is that letter.
        variant_answer_types: (variant, answer type) of variants that are answered otherwise: a letter where dots are
            drawn, coordinates where they are written. Such a task's variants decide its forms; of any other task with
            several forms each form has wording of its own (``is_worded_by_form``).
        text_decimals: of numbers in the text; degrees are whole ones in composite answers.
        axes: for relations, the axes of ``RELATION_AXES`` that the values are about, in the order of the text.
        composite: for composite answers, what the values are: ``sizes`` (length, width, height), ``motion`` (right, up,
            forward, yaw, pitch), ``place`` (x, y in image 0 and a depth), ``map`` (x0, y0, x1, y1 …).
        form_slots: (form, slots) that every question of this form must use besides ``required_slots``.
        images: that its rows show, about: for an estimate of the output's size.
    """

    name: str
    suite: str
    engine: str
    version: str
    summary: str
    answer_type: str
    units: tuple[str, ...]
    text_unit: str
    variants: tuple[str, ...]
    forms: tuple[str, ...]
    slots: frozenset[str]
    required_slots: frozenset[str]
    needs: tuple[str, ...]
    polarities: tuple[str, ...] = ("",)
    sentence_answers: bool = False
    lettered: bool = False
    variant_answer_types: tuple[tuple[str, str], ...] = ()
    text_decimals: int = 0
    axes: tuple[str, ...] = ()
    composite: Composite = ""
    form_slots: tuple[tuple[str, frozenset[str]], ...] = ()
    images: int = 1

    @property
    def is_worded_by_form(self) -> bool:
        """Whether each form has wording of its own: where there are several, and variants do not decide which."""
        return len(self.forms) > 1 and not self.variant_answer_types

    def answer_type_of(self, variant: str, form: str) -> str:
        """The kind of answer when asked in this variant and form."""
        if self.is_worded_by_form and form in _TYPE_OF_FORM:
            return _TYPE_OF_FORM[form]
        return dict(self.variant_answer_types).get(variant, self.answer_type)

    def units_of(self, form: str) -> tuple[str, ...]:
        """Units of the values when asked in this form: Yes and No are 1 and 0."""
        return ("bool",) if self.is_worded_by_form and form == "judge" else self.units

    def is_lettered(self, form: str) -> bool:
        """Whether the text lists the options of this form, and the answer is a letter."""
        return form == "select" if self.is_worded_by_form else self.lettered

    def answers_in_sentences(self, form: str) -> bool:
        """Whether answers of this form are sentences."""
        return form == "sentence" if self.is_worded_by_form else self.sentence_answers

    def slots_required(self, form: str) -> frozenset[str]:
        """Slots that every question of this form must use."""
        return self.required_slots | dict(self.form_slots).get(form, frozenset())

    @property
    def forms_of_blocks(self) -> Mapping[str, str]:
        """Dotted names of the wording blocks, each with its form.

        Form (where each has its own wording), polarity (if any), pointing variant; ``closer.dot``, ``fill.dot``.
        """
        return {
            self.block(polarity, variant, form): form
            for form in (self.forms if self.is_worded_by_form else self.forms[:1])
            for polarity in self.polarities
            for variant in self.variants
        }

    @property
    def blocks(self) -> tuple[str, ...]:
        """Dotted names of the wording blocks."""
        return tuple(self.forms_of_blocks)

    def block(self, polarity: str, variant: str, form: str) -> str:
        """The wording block of a fact."""
        return ".".join(part for part in (form if self.is_worded_by_form else "", polarity, variant) if part)

    def missing(self, capabilities: frozenset[str]) -> tuple[str, ...]:
        """The needs a scene with these capabilities does not meet."""
        return tuple(need for need in self.needs if not capabilities & set(need.split("|")))


_TYPE_OF_FORM: Final[Mapping[str, str]] = MappingProxyType({"select": "choice", "judge": "yesno"})


@dataclass(frozen=True, slots=True)
class Point:
    """A pixel something is said about.

    Attributes:
        image: index into the fact's frames.
        x, y: native colour pixels, pixel centres at integers.
        depth: metres along the camera's z axis, or None.
        label: the text drawn beside the mark ("A"), empty for none.
        role: what it is in the question (``target``, ``option``, ``distractor`` …).
        instance_id: the object it lies on, or None.
        color_role: the colour it is drawn in, where the text names it; a point with neither this nor a label is never
            drawn.
    """

    image: int
    x: float
    y: float
    depth: float | None = None
    label: str = ""
    role: str = "target"
    instance_id: str | None = None
    color_role: ColorRole = ""


@dataclass(frozen=True, slots=True)
class BoxMark:
    """A 2D box, edges in native colour pixels (a box of pixel columns a..b has x1 = a - 0.5, x2 = b + 0.5).

    Drawn, like a point, where it has a label or a ``color_role``.
    """

    image: int
    x1: float
    y1: float
    x2: float
    y2: float
    label: str = ""
    role: str = "target"
    instance_id: str | None = None
    amodal: bool = False
    color_role: ColorRole = ""


@dataclass(frozen=True, slots=True)
class Mention:
    """An object the text talks about, and its role (target, reference, distractor, observer, counted …)."""

    instance_id: str
    label: str
    role: str


@dataclass(frozen=True, slots=True)
class PointRef:
    """Stands for a fact's point until rendering words it.

    Where dots are drawn: its label, or its object's name and its colour (``chair (red point)``); else its coordinates.
    """

    index: int


@dataclass(frozen=True, slots=True)
class BoxRef:
    """Stands for a fact's box until rendering words it.

    Where boxes are drawn: its label, or its object's name and its colour (``chair (red bbox)``); its edges as
    coordinates (``[312,80,540,410]``) where it is not drawn.
    """

    index: int


@dataclass(frozen=True, slots=True)
class Value:
    """Stands for values such as the task's answers until rendering words them.

    In options, and in the slots of facts to fill or select, in canonical text (``1.5``, ``left, , closer``); in the
    slots of facts to judge or to be answered in sentences, as a phrase (``to the left and closer``).
    """

    numbers: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sides:
    """Stands for what lies in front of somebody and behind: ``the bed in front and the lamp behind``.

    Attributes:
        front, behind: boxes, or names of things of which there is one; either may be empty, not both.
    """

    front: tuple[BoxRef | str, ...]
    behind: tuple[BoxRef | str, ...]


Words = str | PointRef | BoxRef | Value | Sides | tuple[str | PointRef | BoxRef | Value, ...]
"""Text, something to be worded at rendering, or several of both that are written one after the other."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One true statement about a scene, without words; auditable alone.

    Attributes:
        task: task name.
        frames: indices into ``scene.frames``, in the order shown.
        variant, form, polarity: how it is to be asked (dealt by the engine, so that balance holds).
        points, boxes, objects: everything pointed at or mentioned.
        value: the truth in SI units, signed, unrounded.
        options: for choices, in the order shown (``("Yes; ", PointRef(2))``); of an order, what is ordered.
        answer_index: the true option's index, or None.
        answer_point: where the answer is a pixel, the fact's point it is; ``value`` holds its x and y.
        answer: what the answer says, where that is neither an option nor follows from ``value``.
        slots: values for the wording; numbers or ``Words``.
        evidence: what an outside check needs (docs/data-format.md lists the keys); JSON-able.
        margin: min over conditions of quantity / threshold; 1 is just legal; None where it means nothing.
    """

    task: str
    frames: tuple[int, ...]
    variant: str
    form: str
    value: tuple[float, ...]
    polarity: str = ""
    points: tuple[Point, ...] = ()
    boxes: tuple[BoxMark, ...] = ()
    objects: tuple[Mention, ...] = ()
    options: tuple[Words, ...] = ()
    answer_index: int | None = None
    answer_point: PointRef | None = None
    answer: Words | None = None
    slots: Mapping[str, Any] = field(default_factory=lambda: _NO_MAPPING)
    evidence: Mapping[str, Any] = field(default_factory=lambda: _NO_MAPPING)
    margin: float | None = None
    overlap: float | None = None
    occlusion: float | None = None
    difficulty: str | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Why something was not stated: reported, counted by reason, never silent."""

    task: str
    reason: str
    count: int = 1


Record = dict[str, Any]
"""One row of the dataset: column name to value, exactly the columns of ``dataset.schema`` (docs/data-format.md)."""
