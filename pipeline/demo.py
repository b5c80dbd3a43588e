"""A first look at everything: synthetic scenes, a dataset made from them, and a picture of it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from .. import synth
from ..dataset.durable import disk_errors
from ..dataset.read import open_rows
from ..dataset.sheet import contact_sheet
from .running import RunResult, run

__all__ = ["Demo", "make_demo"]

_log = logging.getLogger(__name__)

_TASKS: Final = ("depth_comparison", "depth_estimation")
_SCENES: Final = 2
_FRAMES: Final = 24
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
    scenes = out / "scenes"
    if not scenes.exists():
        _log.info("making %d synthetic scenes in %s", _SCENES, scenes)
        unfinished = out / ".scenes.unfinished"
        with disk_errors(out):
            shutil.rmtree(unfinished, ignore_errors=True)
            out.mkdir(parents=True, exist_ok=True)
        synth.generate(unfinished, format="scannet", scenes=_SCENES, seed=0, frames=_FRAMES, scan_noise=False)
        with disk_errors(out):
            unfinished.rename(scenes)
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
