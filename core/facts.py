"""What engines state: tasks, facts and what a fact points at, and why something was not stated.

Values are in SI units; words, millimetres and drawn dots come at rendering.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

__all__ = ["BoxMark", "Fact", "Mention", "Point", "PointRef", "Record", "Skip", "TaskSpec"]

_NO_MAPPING: Final[Mapping[str, Any]] = MappingProxyType({})


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
            drawn, coordinates where they are written.
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

    def answer_type_of(self, variant: str) -> str:
        """The kind of answer when asked in this variant."""
        return dict(self.variant_answer_types).get(variant, self.answer_type)

    @property
    def blocks(self) -> tuple[str, ...]:
        """Dotted names of the wording blocks: polarity (if any), pointing variant; ``closer.dot``."""
        return tuple(self.block(polarity, variant) for polarity in self.polarities for variant in self.variants)

    @staticmethod
    def block(polarity: str, variant: str) -> str:
        return f"{polarity}.{variant}" if polarity else variant

    def missing(self, capabilities: frozenset[str]) -> tuple[str, ...]:
        """The needs a scene with these capabilities does not meet."""
        return tuple(need for need in self.needs if not capabilities & set(need.split("|")))


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
    """

    image: int
    x: float
    y: float
    depth: float | None = None
    label: str = ""
    role: str = "target"
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class BoxMark:
    """A 2D box, edges in native colour pixels (a box of pixel columns a..b has x1 = a - 0.5, x2 = b + 0.5)."""

    image: int
    x1: float
    y1: float
    x2: float
    y2: float
    label: str = ""
    role: str = "target"
    instance_id: str | None = None
    amodal: bool = False


@dataclass(frozen=True, slots=True)
class Mention:
    """An object the text talks about, and its role (target, reference, distractor, observer, counted …)."""

    instance_id: str
    label: str
    role: str


@dataclass(frozen=True, slots=True)
class PointRef:
    """Stands for a fact's point until rendering words it: its label when dots are drawn, its coordinates otherwise."""

    index: int


@dataclass(frozen=True, slots=True)
class Fact:
    """One true statement about a scene, without words; auditable alone.

    Attributes:
        task: task name.
        frames: indices into ``scene.frames``, in the order shown.
        variant, form, polarity: how it is to be asked (dealt by the engine, so that balance holds).
        points, boxes, objects: everything pointed at or mentioned.
        value: the truth in SI units, signed, unrounded.
        options: for choices, in the order shown; text, a PointRef, or several of both that are written one after the
            other (``("Yes; ", PointRef(2))``).
        answer_index: the true option's index, or None.
        answer_point: where the answer is a pixel, the fact's point it is; ``value`` holds its x and y.
        slots: values for the wording; text, numbers or PointRefs.
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
    options: tuple[str | PointRef | tuple[str | PointRef, ...], ...] = ()
    answer_index: int | None = None
    answer_point: PointRef | None = None
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
