"""Statistics and checks of a finished dataset, without a model and without its engine.

``audit(directory)`` streams over the shards once; ``Report`` holds what was found, as data, JSON or a table.
"""

from __future__ import annotations

from .report import Report, audit

__all__ = ["Report", "audit"]
