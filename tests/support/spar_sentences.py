"""Sentences read back: which of a task's hand-written ones an answer is, and what it says in each place.

Nothing of the renderer is used: a sentence's fixed words are looked for as they stand in the template's file.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

NUMBER = r"\d+\.\d"
"""What a place for a distance may hold."""
TEMPLATES = Path(__file__).parents[2] / "templates" / "en" / "spar"


def said_in(task: str, block: str, answer: str) -> list[dict[str, str]]:
    """What an answer says in each of a block's places, once a way to read it.

    Args:
        task: canonical name.
        block: such as ``sentence.closer.dot``.
        answer: the assistant's text.
    """
    matches = [pattern.fullmatch(answer) for pattern in _patterns(task, block)]
    return [match.groupdict() for match in matches if match]


@cache
def _patterns(task: str, block: str) -> tuple[re.Pattern[str], ...]:
    table = tomllib.loads((TEMPLATES / f"{task}.toml").read_text(encoding="utf-8"))
    for part in block.split("."):
        table = table[part]
    return tuple(_pattern(sentence) for sentence in table["answers"])


def _pattern(sentence: str) -> re.Pattern[str]:
    found, seen = "", set()
    for text, place in re.findall(r"([^{]*)(?:\{(\w+)(?::\w+)?\})?", sentence):
        found += re.escape(text)
        if place:
            says = NUMBER if place.endswith("distance") else ".+?"
            found += f"(?P={place})" if place in seen else f"(?P<{place}>{says})"
            seen.add(place)
    return re.compile(found, re.IGNORECASE)
