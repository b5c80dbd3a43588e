"""One entrance to the witness of SpatialMosaic's rows."""

from __future__ import annotations

from collections.abc import Callable

from .mosaic_counts import judge_best_view, judge_count, judge_localization
from .mosaic_measures import judge_camera_distance, judge_object_distance, judge_size
from .mosaic_oracle import Stage
from .mosaic_relations import judge_attribute, judge_existence, judge_spatial
from .mosaic_rows import Reading, Row, judge_any
from .multispa_oracle import Verdict

JUDGES: dict[str, Callable[[Reading], None]] = {
    **dict.fromkeys(("obj_count_occ", "obj_count_occ_na"), judge_count),
    "bestview_count_occ": judge_best_view,
    **{f"obj_existence_occ_{axis}": judge_existence for axis in ("lr", "ab", "fb")},
    **{f"obj_attribute_occ_{axis}": judge_attribute for axis in ("lr", "ab", "fb")},
    **{f"obj_spatial_occ_{axis}": judge_spatial for axis in ("lr", "ab", "fb")},
    **dict.fromkeys(("obj_localization_occ", "obj_localization_occ_na"), judge_localization),
    "obj_distance_occ_na": judge_camera_distance,
    "obj_obj_distance_occ_na": judge_object_distance,
    "obj_size_occ_na": judge_size,
}
"""All 17 types."""


def judge(stage: Stage, row: Row) -> Verdict:
    """What is wrong with a row, of any type.

    Args:
        stage: the row's scene.
        row: its frames given as numbers of the truth's.
    """
    reading = Reading(stage, row)
    images = {int(one["image"]) for one in reading.evidence["objects"]["per_frame"]}
    if images != set(range(len(reading.frames))) or not 2 <= len(reading.frames) <= 5:
        reading.need(False, f"{len(reading.frames)} frames, states of images {sorted(images)}")
        return reading.verdict
    judge_any(reading)
    JUDGES[row["task"]](reading)
    return reading.verdict
