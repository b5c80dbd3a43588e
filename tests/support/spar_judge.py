"""One entrance to the witness of SPAR's rows."""

from __future__ import annotations

from collections.abc import Callable

from . import spar_comparisons, spar_cross_views, spar_depths, spar_imagination, spar_relations, spar_videos
from .mosaic_oracle import Stage
from .mosaic_rows import Row
from .multispa_oracle import Verdict
from .spar_rows import SparReading, judge_any_spar

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
