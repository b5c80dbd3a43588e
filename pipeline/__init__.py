"""Where scenes, engines and words meet: plan, make, finish.

``run`` makes a dataset, ``open_scenes`` reads scenes. Both are imported when first used, so that a worker process
can limit its libraries' threads before they are loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .running import RunResult, open_scenes, run

__all__ = ["RunResult", "open_scenes", "run"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        import importlib

        return getattr(importlib.import_module(".running", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
