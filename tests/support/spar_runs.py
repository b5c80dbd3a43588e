"""Rows of SPAR's tasks, made once a session as a user makes them: scenes written by ``synth``, then a run."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spatialgen import synth
from spatialgen.dataset.read import open_rows
from spatialgen.pipeline import run

Row = Mapping[str, Any]

LAYOUTS = ("scannet", "scannetpp", "structured3d")
"""Of the datasets that SPAR was made from."""


@functools.cache
def quick_rows(base: Path) -> tuple[Row, ...]:
    """Rows of one small house of Structured3D, the quickest to make; it has no videos.

    Args:
        base: the session's temporary folder; tests that give the same share the rows.
    """
    return rows_of(base / "spar_quick", "structured3d", frames=8, per_scene=24)


@functools.cache
def table_rows(base: Path, layout: str, preset: str = "default") -> tuple[Row, ...]:
    """Rows of a few scenes, enough of them for every task and form that the layout can serve.

    Args:
        base: the session's temporary folder; tests that give the same share the rows.
        layout: one of ``LAYOUTS``.
        preset: definitions of geometry.
    """
    return rows_of(base / f"spar_{layout}_{preset}", layout, frames=40, per_scene=40, scenes=2, seed=5, preset=preset)


def rows_of(
    base: Path, layout: str, *, frames: int, per_scene: int, scenes: int = 1, seed: int = 0, **options: Any
) -> tuple[Row, ...]:
    """The rows of a run over freshly written scenes, path-only, after a look that nothing failed.

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
    synth.generate(
        base / "scenes", format=layout, scenes=scenes, seed=seed, frames=frames, color_size=(320, 240), **small
    )
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
    return tuple(open_rows(base / "out"))
