"""Rows of SPAR's tasks, made once a session as a user makes them: scenes written by ``synth``, then a run."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialgen import synth
from spatialgen.dataset.read import open_rows
from spatialgen.pipeline import run

Row = Mapping[str, Any]

LAYOUTS = ("scannet", "scannetpp", "structured3d")
"""Of the datasets that SPAR was made from."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a run made: its rows, and for each task how often a reason kept something from being one."""

    rows: tuple[Row, ...]
    skips: Mapping[str, Mapping[str, int]]


@functools.cache
def quick_run(base: Path) -> Made:
    """One small house of Structured3D, the quickest to make; it has no videos.

    Args:
        base: the session's temporary folder; tests that give the same share what is made.
    """
    return make(base / "spar_quick", "structured3d", frames=10, per_scene=24, scenes=1, seed=1)


@functools.cache
def table_run(base: Path, layout: str, preset: str) -> Made:
    """A few scenes, enough of them for every task and form that the layout can serve.

    Args:
        base: the session's temporary folder; tests that give the same share what is made.
        layout: one of ``LAYOUTS``.
        preset: definitions of geometry.
    """
    # A video shows 32 frames: twice as many make several videos of a scene. Views of houses are spread over rooms, and
    # few houses have rooms where three things have names of their own (``distance_infer_center_oc_mv``): one here has.
    frames, scenes, seed = (60, 2, 63) if layout == "structured3d" else (64, 2, 5)
    base = base / f"spar_{layout}_{preset}"
    return make(base, layout, frames=frames, per_scene=40, scenes=scenes, seed=seed, preset=preset)


def make(base: Path, layout: str, *, frames: int, per_scene: int, scenes: int, seed: int, **options: Any) -> Made:
    """A run over freshly written scenes, path-only, after a look that none of them failed.

    Args:
        base: a folder for the scenes and the run.
        layout: what ``synth`` calls a format.
        frames: of each scene.
        per_scene: rows of a task and scene, at most.
        scenes: how many.
        seed: of the scenes.
        options: of the run.
    """
    small = {"depth_size": (160, 120)} if layout == "scannet" else {}
    size = (320, 240)
    synth.generate(base / "scenes", format=layout, scenes=scenes, seed=seed, frames=frames, color_size=size, **small)
    result = run(
        ["spar"],
        [base / "scenes"],
        base / "out",
        images="path",
        workers=0,
        per_scene=per_scene,
        progress=False,
        **options,
    )
    assert result.exit_code == 0
    assert not result.failures
    return Made(tuple(open_rows(base / "out")), json.loads(result.manifest.read_text())["skips"])
