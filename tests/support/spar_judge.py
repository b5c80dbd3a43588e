"""One entrance to the witness of SPAR's rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from . import spar_comparisons, spar_cross_views, spar_depths, spar_imagination, spar_relations, spar_videos
from .mosaic_oracle import Stage
from .mosaic_rows import Row
from .multispa_oracle import Verdict
from .spar_rows import SparReading, judge_any_spar, stage_of

JUDGES: dict[str, Callable[[SparReading], None]] = {
    **spar_depths.JUDGES,
    **spar_comparisons.JUDGES,
    **spar_relations.JUDGES,
    **spar_imagination.JUDGES,
    **spar_cross_views.JUDGES,
    **spar_videos.JUDGES,
    **spar_videos.JUDGES,
}
"""By task, what only its rows must fulfil."""


def judge(stage: Stage, row: Row, noisy: bool = False, preset: str = "default") -> Verdict:
    """What is wrong with a row, of any task.

    Args:
        stage: the clean truth of the row's scene.
        row: of a finished dataset.
        noisy: whether the scene's files have scan noise.
        preset: by whose definitions it was made, ``default`` or ``spar``.
    """
    reading = SparReading(stage, row, noisy, preset)
    judge_any_spar(reading)
    if not reading.verdict.faults:
        JUDGES[reading.task](reading)
    return reading.verdict


def judge_scene(rows: Sequence[Row], root: Path, layout: str, noisy: bool, preset: str) -> list[Verdict]:
    """What is wrong with each row of one scene; its truth is read here, so that scenes can be judged side by side.

    Args:
        rows: all of one scene.
        root: of the dataset.
        layout: as in ``stage_of``.
        noisy: as in ``judge``.
        preset: likewise.
    """
    stage = stage_of(root, str(rows[0]["scene_id"]), layout)
    return [judge(stage, row, noisy, preset) for row in rows]
