"""How a question lists its options: a line each, with its letter, below the question.

::

    How many chairs can be seen in these images? Answer with a letter.
    A. 3
    B. 1
    C. 4
    D. 2

A line that asks for the letter may follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["letter_of", "lists_options", "option_lines"]

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def letter_of(index: int) -> str:
    """The letter of an option: A for the first."""
    return _LETTERS[index] if index < len(_LETTERS) else str(index)


def option_lines(options: Sequence[str]) -> str:
    """What is written below a question: for each option a new line, ``A. 4``."""
    return "".join(f"\n{letter_of(index)}. {option}" for index, option in enumerate(options))


def lists_options(question: str, options: Sequence[str]) -> bool:
    """Whether a question ends with the lines of its options, or with these and one line that is no option."""
    if not options:
        return False
    _, lines, rest = question.rpartition(option_lines(options))
    another = f"\n{letter_of(len(options))}. "
    return bool(lines) and (not rest or (rest[0] == "\n" and "\n" not in rest[1:] and not rest.startswith(another)))
