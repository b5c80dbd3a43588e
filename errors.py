"""Every error a user can meet, in one tree.

::

    SpatialgenError          what went wrong, where, and the next step; printed as one line
    ├── UnknownName          a task, format, preset or parameter nobody has heard of ("did you mean …")
    ├── ConfigError          options that contradict each other or cannot be honoured
    ├── SceneError           a scene's file is missing, cut short or makes no sense
    ├── TemplateError        wording that breaks the rules of templates/
    ├── DatasetError         a run directory or shard that cannot be read or written
    └── OutOfSpace           the disk or quota is full: the whole run stops, not one scene

``ValueError`` and ``TypeError`` are for a programmer's mistake; ``assert`` for what we believe impossible.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "ConfigError",
    "DatasetError",
    "OutOfSpace",
    "SceneError",
    "SpatialgenError",
    "TemplateError",
    "UnknownName",
]


class SpatialgenError(Exception):
    """What went wrong, in which file, and what to do about it.

    Args:
        what: one clause, no full stop: what was found.
        path: the file or folder it was found in, if there is one.
        remedy: the next step for the user, as an instruction.
    """

    def __init__(self, what: str, *, path: str | Path | None = None, remedy: str = "") -> None:
        self.what = what
        self.path = None if path is None else str(path)
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.path}: {self.what}" if self.path else self.what
        return f"{text}; {self.remedy}" if self.remedy else text

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling between processes.
        return _rebuild, (type(self), self.what, self.path, self.remedy)


def _rebuild(kind: type[SpatialgenError], what: str, path: str | None, remedy: str) -> SpatialgenError:
    error = kind.__new__(kind)
    SpatialgenError.__init__(error, what, path=path, remedy=remedy)
    return error


class UnknownName(SpatialgenError):
    """A name that is not in a list of known names; near ones are suggested."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, remedy: str = "") -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.55)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names) or 'none'}"
        super().__init__(f"unknown {kind} {name!r}", remedy=f"{hint} {remedy}".strip())


class ConfigError(SpatialgenError):
    """Options that contradict each other or cannot be honoured."""


class SceneError(SpatialgenError):
    """A scene's file is missing, cut short or makes no sense; names the file."""


class TemplateError(SpatialgenError):
    """Wording that breaks the rules; names file, list and item."""


class DatasetError(SpatialgenError):
    """A run directory or shard that cannot be read or written."""


class OutOfSpace(SpatialgenError):
    """The disk or quota is full: nothing half-written is left looking finished, and the run can be resumed."""
