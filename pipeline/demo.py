"""A first look at everything: synthetic scenes, a dataset made from them, and a picture of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from .. import synth
from ..dataset.read import open_rows
from ..dataset.sheet import contact_sheet
from .running import RunResult, run

__all__ = ["Demo", "make_demo"]

_log = logging.getLogger(__name__)

_TASKS: Final = ("depth_comparison", "depth_estimation")
_SCENES: Final = 2
_FRAMES: Final = 24
_SIZE: Final = (640, 480)
_ROWS_SHOWN: Final = 3
_ROWS_ON_SHEET: Final = 12


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo made: some rows (without their images), and the path of a contact sheet."""

    result: RunResult
    rows: tuple[Mapping[str, Any], ...]
    sheet: Path


def make_demo(out: Path) -> Demo:
    """Make scenes in ``out/scenes`` and a dataset in ``out/dataset``; in a folder with both, only the sheet is new.

    Raises:
        SpatialgenError: when the folder cannot be written or holds something else.
    """
    _log.info("synthetic scenes in %s", out / "scenes")
    synth.generate(
        out / "scenes", format="scannet", scenes=_SCENES, seed=0, frames=_FRAMES, color_size=_SIZE, depth_size=_SIZE
    )
    scenes = out / "scenes"
    result = run(_TASKS, scenes, out / "dataset")
    sheet = out / "sheet.png"
    contact_sheet(result.out, sheet, rows=_ROWS_ON_SHEET)
    return Demo(result, _some_rows(result.out), sheet)


def _some_rows(dataset: Path) -> tuple[Mapping[str, Any], ...]:
    """The first rows of the tasks in turn."""
    columns = ["id", "question", "answer"]
    by_task = [open_rows(dataset, task, columns=columns) for task in _TASKS]
    mixed = (row for some in zip_longest(*by_task) for row in some if row is not None)
    return tuple(row for row, _ in zip(mixed, range(_ROWS_SHOWN), strict=False))
