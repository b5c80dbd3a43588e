"""Numbers of things in sentences."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """``1 scene``, ``2,000 scenes``; for nouns whose plural takes an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
