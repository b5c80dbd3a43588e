"""spatialgen: scans in, trustworthy 3D/4D spatial question-answer data out.

From Python::

    import spatialgen

    for scene in spatialgen.open_scenes("scannet/"):
        for fact in spatialgen.engines.load("depth_comparison").facts(scene):
            ...

    spatialgen.run(["depth_comparison"], scenes=["scannet/"], out="depth_data/")

Nothing heavy is imported until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import engines
    from .pipeline import open_scenes, run

__version__ = "0.1.0"
__all__ = ["__version__", "engines", "open_scenes", "run"]


def __getattr__(name: str) -> Any:
    import importlib

    if name == "engines":
        return importlib.import_module(".engines", __name__)
    if name in {"open_scenes", "run"}:
        return getattr(importlib.import_module(".pipeline", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
