"""Relations read back from text: options such as ``left, , closer``, and phrases in sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence

WORDS = {
    "right": ("left", "right"),
    "up": ("below", "above"),
    "distance": ("closer", "farther"),
    "forward": ("behind", "front"),
}
"""Of every axis, the word for -1 and the word for +1, as options write them."""
PHRASES = {
    "to the left": ("right", -1),
    "to the right": ("right", 1),
    "below": ("up", -1),
    "above": ("up", 1),
    "closer": ("distance", -1),
    "farther away": ("distance", 1),
    "behind": ("forward", -1),
    "in front": ("forward", 1),
}
"""What sentences write."""
BETWEEN, TO_OBSERVER = ("right", "up", "distance"), ("right", "up", "forward")

Signs = tuple[int, ...]


def signs_of_option(text: str, axes: Sequence[str]) -> Signs:
    """The signs of ``left, , closer``; raises ValueError for anything else."""
    words = [word.strip() for word in text.split(",")]
    if len(words) != len(axes):
        raise ValueError(f"{len(words)} slots in {text!r}")
    return tuple(0 if not word else (-1, 1)[WORDS[axis].index(word)] for word, axis in zip(words, axes, strict=True))


def phrases_in(text: str, axes: Sequence[str]) -> list[tuple[int, Signs]]:
    """Where a text lists words of some axes (``to the left, above and closer``), and their signs, in order."""
    word = "|".join(phrase for phrase, (axis, _) in PHRASES.items() if axis in axes)
    found = []
    for match in re.finditer(rf"\b(?:{word})\b(?:(?:, | and )(?:{word})\b)*", text):
        said = [PHRASES[one] for one in re.findall(rf"\b(?:{word})\b", match[0])]
        signs = dict(said)
        if len(signs) == len(said):
            found.append((match.start(), tuple(signs.get(axis, 0) for axis in axes)))
    return found
