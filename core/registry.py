"""Plug-ins are files: one file, one object, no list to edit.

``names("spatialgen.engines.multispa")`` looks at the folder, ``load`` imports the one that is asked for.
Third parties add theirs through entry points (groups ``spatialgen.engines`` and ``spatialgen.scene_io``).
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ..errors import UnknownName

__all__ = ["load", "names"]

_NOT_PLUGINS = {"base", "sampling"}


def names(package: str) -> tuple[str, ...]:
    """Names of the plug-ins in a package and of those registered under its name as entry points, sorted."""
    module = importlib.import_module(package)
    found = {
        info.name
        for info in pkgutil.iter_modules(module.__path__)
        if not info.name.startswith("_") and info.name not in _NOT_PLUGINS and not info.ispkg
    }
    found.update(point.name for point in _registered(package))
    return tuple(sorted(found))


@lru_cache
def _registered(group: str) -> tuple[EntryPoint, ...]:
    """Entry points of a group, looked up once: it reads what every installed distribution says of itself."""
    return tuple(entry_points(group=group))


def load(package: str, name: str, attribute: str, *, kind: str) -> Any:
    """The plug-in object ``attribute`` of ``package``'s file ``name``; third parties' entry points come second.

    Raises:
        UnknownName: when there is no such plug-in; suggests near names.
    """
    if name not in names(package):
        raise UnknownName(kind, name, names(package))
    for point in _registered(package):
        if point.name == name:
            return point.load()
    return getattr(importlib.import_module(f"{package}.{name}"), attribute)
