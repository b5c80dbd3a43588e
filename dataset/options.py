"""How a question lists its options: a line each, with its letter, below the question.

::

    How many chairs can be seen in these images? Answer with a letter.
    A. 3
    B. 1
    C. 4
    D. 2
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["letter_of", "option_lines"]

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def letter_of(index: int) -> str:
    """The letter of an option: A for the first."""
    return _LETTERS[index] if index < len(_LETTERS) else str(index)


def option_lines(options: Sequence[str]) -> str:
    """What is written below a question: for each option a new line, ``A. 4``."""
    return "".join(f"\n{letter_of(index)}. {option}" for index, option in enumerate(options))
