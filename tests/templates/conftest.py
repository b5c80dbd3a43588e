"""A small task with wording of its own, written to a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from spatialgen.core.types import TaskSpec

# Sentences that share few words, as people would write them.
QUESTIONS = (
    "How long is the {thing} in metres?",
    "Give me the length of this {thing}, written in meters.",
    "Measure the {thing} from end to end. How many metres do you count?",
    "Laid flat on a floor, what stretch would the {thing} cover (m)?",
    "In metres, please estimate how extended the {thing} appears.",
    "A tailor needs one number: the {thing}'s longest side, expressed in meters.",
    "Suppose you walked along the {thing}; after what distance in m would you reach its end?",
    "Tell us the biggest dimension that the {thing} has, using metres.",
    "What would a tape show in metres when held against the {thing}?",
    "Report, in meters, the extent of the object called {thing}.",
    "Could the {thing} fit a van? State its length in metres.",
    "Looking at every picture, work out how many meters the {thing} spans.",
    "I wonder about the size of that {thing}: say its length, metres only.",
    "Between both tips of the {thing} lie how many meters?",
    "Predict the {thing}'s major extent. Use m as unit.",
    "For shipping we must know, in metres, the {thing} and its greatest measure.",
    "Consider where the {thing} starts and stops, then answer with meters between.",
    "Your task: judge lengths. Object: {thing}. Unit: metres.",
    "Which number of metres describes best the reach of the {thing}?",
    "If a rope were as lengthy as the {thing}, how many m of rope is that?",
    "Reply with a length for the {thing} (meters).",
    "Of all the things here take the {thing}; its longer edge has what metres?",
)
ANSWERS = ("{answer}",)
SENTENCES = (
    "It is {answer} long.",
    "The {thing} measures {answer}.",
    "About {answer}, I would say.",
    "From one end to the other: {answer}.",
    "My estimate for this object comes to {answer}.",
    "{answer} is what a tape would show.",
    "You would need {answer} of rope to match that {thing}.",
    "Its longest side reaches {answer}.",
)

WriteWording = Callable[..., Path]


@pytest.fixture
def questions() -> tuple[str, ...]:
    return QUESTIONS


@pytest.fixture
def sentences() -> tuple[str, ...]:
    return SENTENCES


@pytest.fixture
def replaced() -> Callable[[int, str], list[str]]:
    """The questions with one of them replaced."""

    def replace(item: int, text: str) -> list[str]:
        return [text if position == item else question for position, question in enumerate(QUESTIONS)]

    return replace


@pytest.fixture
def spec() -> TaskSpec:
    return TaskSpec(
        name="length",
        suite="things",
        engine="length",
        version="1",
        summary="How long is a thing?",
        answer_type="number",
        units=("m",),
        text_unit="m",
        variants=("name",),
        forms=("fill",),
        slots=frozenset({"thing", "room"}),
        required_slots=frozenset({"thing"}),
        needs=("mesh",),
    )


@pytest.fixture
def write(tmp_path: Path) -> WriteWording:
    """Writes one block of wording (or raw text) below ``tmp_path``, which is then a root of wording."""

    def write_wording(
        questions: Sequence[str] = QUESTIONS,
        answers: Sequence[str] = ANSWERS,
        *,
        block: str = "name",
        text: str | bytes | None = None,
        lang: str = "en",
    ) -> Path:
        path = tmp_path / lang / "things" / "length.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            # A JSON list of strings is a TOML array.
            text = f"[{block}]\nquestions = {json.dumps(list(questions))}\nanswers = {json.dumps(list(answers))}\n"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_wording
