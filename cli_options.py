"""What the command line understands beyond single options: lists of scenes, words that may be tasks, config files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from .errors import ConfigError, UnknownName

__all__ = ["SeveralScenes", "is_path", "read_config"]


def is_path(word: str) -> bool:
    """Whether a word is a path rather than a task, an engine or a suite.

    A folder may have a task's name: then the word is the task. What is neither is taken for a misspelt task, unless it
    is written like a path.
    """
    if os.sep not in word and not Path(word).exists():
        return False
    from . import engines

    try:
        engines.resolve(word)
    except UnknownName:
        return True
    return False


class SeveralScenes(click.Command):
    """A command whose ``--scenes`` takes one path or several: ``--scenes A B`` is ``--scenes A --scenes B``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spread: list[str] = []
        listing = False  # between the first path after --scenes and the next option
        for word in args:
            if listing and not word.startswith("-"):
                # Where tasks came first, a folder with a task's name is more likely meant as one more path.
                tasks_came = not args[0].startswith("-")
                if (tasks_came and Path(word).exists()) or is_path(word):
                    spread.append("--scenes")
            listing = spread[-1:] == ["--scenes"] or word.startswith("--scenes=")
            spread.append(word)
        return super().parse_args(ctx, spread)


def read_config(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    """Options of a TOML file become defaults; what is on the command line wins."""
    if value is None:
        return
    from .pipeline.config import read_config_file

    # By their names on the command line; of a pair like --draw/--no-draw the second one means the opposite.
    known: dict[str, tuple[click.Parameter, bool]] = {}
    for parameter in context.command.params:
        if parameter.name not in {"config", "debug"}:
            known |= {name.lstrip("-"): (parameter, True) for name in parameter.opts}
            known |= {name.lstrip("-"): (parameter, False) for name in parameter.secondary_opts}
    defaults: dict[str, Any] = {}
    for name, given in read_config_file(value, known).items():
        parameter, meant = known[name]
        assert parameter.name is not None
        if parameter.name in defaults:
            raise ConfigError(f"{name} is given twice, once by its opposite", path=value, remedy="leave one away")
        defaults[parameter.name] = _default_of(parameter, meant, name, given, value)
    context.default_map = {**(context.default_map or {}), **defaults}


def _default_of(parameter: click.Parameter, meant: bool, name: str, given: Any, path: Path) -> Any:
    """A value of a TOML file as the option would have it."""
    if name == "set":
        return [
            f"{engine}.{one}={setting if isinstance(setting, str) else json.dumps(setting)}"
            for engine, values in given.items()
            for one, setting in values.items()
        ]
    several = parameter.multiple if isinstance(parameter, click.Option) else parameter.nargs == -1
    if isinstance(parameter, click.Option) and parameter.is_flag:
        if not isinstance(given, bool):
            raise ConfigError(f"{name} = {given!r} is neither true nor false", path=path, remedy="write one of them")
        return given is meant
    values = given if several and isinstance(given, list) else [given]
    if any(isinstance(one, bool | list | dict) for one in values):
        remedy = "write a list of values" if several else "write one value"
        raise ConfigError(f"{name} cannot be {json.dumps(given, default=str)}", path=path, remedy=remedy)
    return values if several else given
