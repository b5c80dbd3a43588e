"""Engines, by suite: one file an engine, found by name.

``load("depth_comparison")`` takes an engine's or a task's name, with or without its suite.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache
from typing import TYPE_CHECKING

from ..core import registry
from ..errors import UnknownName

if TYPE_CHECKING:
    from ..core.types import TaskSpec
    from .base import Engine

__all__ = ["available", "load", "load_all", "resolve", "suites"]


def suites() -> tuple[str, ...]:
    """Names of all suites."""
    package = importlib.import_module(__name__)
    return tuple(sorted(info.name for info in pkgutil.iter_modules(package.__path__) if info.ispkg))


def available() -> tuple[str, ...]:
    """``suite/engine`` of every engine."""
    return tuple(f"{suite}/{name}" for suite in suites() for name in registry.names(f"{__name__}.{suite}"))


@lru_cache(maxsize=1)
def load_all() -> tuple[Engine, ...]:
    """Every engine, sorted by suite and name."""
    return tuple(
        registry.load(f"{__name__}.{suite}", name, "ENGINE", kind="engine")
        for suite, name in (path.split("/") for path in available())
    )


def resolve(*wanted: str) -> tuple[tuple[Engine, tuple[TaskSpec, ...]], ...]:
    """The engines and tasks that names stand for.

    A name is a task, an engine, ``suite/engine``, ``suite/task``, a suite, or ``all``.

    Returns:
        Each engine once, in order of suite and name, with the tasks wanted of it in its own order.

    Raises:
        UnknownName: for a name nothing answers to (near names suggested) or that two suites answer to.
    """
    chosen: dict[tuple[str, str], set[str]] = {}
    by_name: dict[str, dict[str, set[tuple[str, str, str]]]] = {}
    for engine in load_all():
        for spec in engine.tasks:
            key = (engine.suite, engine.name, spec.name)
            for name in {"all", engine.suite, engine.name, spec.name}:
                by_name.setdefault(name, {}).setdefault(engine.suite, set()).add(key)
            for name in {f"{engine.suite}/{engine.name}", f"{engine.suite}/{spec.name}"}:
                by_name.setdefault(name, {}).setdefault(engine.suite, set()).add(key)
    for name in wanted:
        answers = by_name.get(name)
        if answers is None:
            raise UnknownName("task", name, by_name)
        if name != "all" and len(answers) > 1:
            raise UnknownName(
                "task",
                name,
                (),
                remedy=f"it is ambiguous: write {' or '.join(f'{suite}/{name}' for suite in sorted(answers))}",
            )
        for suite, engine_name, task in set().union(*answers.values()):
            chosen.setdefault((suite, engine_name), set()).add(task)
    return tuple(
        (engine, tuple(spec for spec in engine.tasks if spec.name in chosen[engine.suite, engine.name]))
        for engine in load_all()
        if (engine.suite, engine.name) in chosen
    )


def load(name: str) -> Engine:
    """The one engine that a name (engine, task, with or without suite) stands for.

    Raises:
        UnknownName: when there is none, or more than one.
    """
    found = resolve(name)
    if len(found) != 1:
        raise UnknownName("engine", name, available(), remedy="(the name stands for several engines)")
    return found[0][0]
