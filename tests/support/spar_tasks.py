"""By task of SPAR, what its rows show: how many images, which marks in which colours, and in which units they answer.

From SPAR's fact sheet (§1.1, §1.4, §2.4). Which forms there are and what their texts look like is in ``spar_texts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Colors = tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """What the rows of a task show.

    Attributes:
        images: fewest and most.
        mark: ``point``, ``bbox`` or ``nothing``.
        sets: colours of the marks, in any order; none for labelled marks of any one colour.
        units: of its values; empty where their number varies.
        asked: what a question must say of the unit, a regular expression; empty for nothing.
    """

    images: tuple[int, int] = (1, 1)
    mark: str = "nothing"
    sets: tuple[Colors, ...] = ((),)
    units: tuple[str, ...] = ()
    asked: str = ""

    def has(self, colors: Sequence[str]) -> bool:
        """Whether these are the colours of its marks."""
        if not self.sets:
            return len(set(colors)) == 1 < len(colors)
        return sorted(colors) in [sorted(one) for one in self.sets]


METRES = r"\bmet(re|er)s?\b"
CENTIMETRES = r"\bcm\b|\bcentimet(re|er)s?\b"
SQUARE_METRES = r"\bsquare[- ]met(re|er)s?\b|\bm2\b|\bm²"
ONE, TWO, THREE, VIDEO = (1, 1), (2, 2), (3, 3), (2, 32)
RED: tuple[Colors, ...] = (("red",),)
PAIR: tuple[Colors, ...] = (("red", "blue"),)
TRIO: tuple[Colors, ...] = (("red", "blue", "green"),)
FOUR: tuple[Colors, ...] = (("red", "blue", "green", "yellow"),)
ANY_ONE: tuple[Colors, ...] = (("red",), ("blue",), ("green",))
ANY_TWO: tuple[Colors, ...] = (("red", "blue"), ("red", "green"), ("blue", "green"))
NONE: tuple[Colors, ...] = ((),)
SIGNS = ("index", "index", "index")

TASKS = {
    "depth_prediction_oc": Task(ONE, "point", PAIR, ("m",), METRES),
    "depth_prediction_oc_mv": Task(THREE, "point", PAIR, ("m",), METRES),
    "depth_prediction_oo": Task(ONE, "point", TRIO, ("m",), METRES),
    "depth_prediction_oo_mv": Task(THREE, "point", TRIO, ("m",), METRES),
    "distance_prediction_oc": Task(ONE, "point", RED, ("m",), METRES),
    "distance_prediction_oc_mv": Task(THREE, "point", RED, ("m",), METRES),
    "distance_prediction_oo": Task(ONE, "point", PAIR, ("m",), METRES),
    "distance_prediction_oo_mv": Task(THREE, "point", PAIR, ("m",), METRES),
    "distance_prediction_oo_video": Task(VIDEO, "point", PAIR, ("m",), METRES),
    "spatial_volume_infer": Task(ONE, "bbox", RED, ("m", "m", "m"), CENTIMETRES),
    "position_matching": Task(TWO, "bbox", RED, ("px",) * 4),
    "camera_motion_infer": Task(TWO, "nothing", NONE, ("px", "px", "m"), METRES),
    "view_change_infer": Task(TWO, "nothing", NONE, ("m", "m", "m", "rad", "rad")),
    "obj_frame_locate": Task(VIDEO, "bbox", RED),
    "distance_infer_center_oc": Task(),
    "distance_infer_center_oc_mv": Task(THREE),
    "distance_infer_center_oo": Task(ONE, "point", TRIO, ("m", "m")),
    "distance_infer_center_oo_mv": Task(THREE, "point", TRIO, ("m", "m")),
    "distance_infer_center_oo_video": Task(VIDEO, "point", (), ("m",) * 4),
    "obj_spatial_relation_oo": Task(ONE, "bbox", PAIR, SIGNS),
    "obj_spatial_relation_oc_mv": Task(THREE, "bbox", ANY_ONE, SIGNS),
    "obj_spatial_relation_oo_mv": Task(THREE, "bbox", ANY_TWO, SIGNS),
    "spatial_imagination_oc": Task(ONE, "bbox", TRIO, SIGNS),
    "spatial_imagination_oo": Task(ONE, "bbox", FOUR, SIGNS),
    "spatial_imagination_oc_mv": Task(THREE, "bbox", TRIO, SIGNS),
    "spatial_imagination_oo_mv": Task(THREE, "bbox", FOUR, SIGNS),
    "spatial_imagination_map_mv": Task(THREE, "bbox", ()),
    "spatial_imagination_oc_video": Task(VIDEO, "bbox", TRIO, SIGNS),
    "spatial_imagination_oo_video": Task(VIDEO, "bbox", FOUR, SIGNS),
    "spatial_imagination_oc_video_hard": Task(VIDEO, "nothing", NONE, SIGNS),
    "spatial_imagination_oo_video_hard": Task(VIDEO, "nothing", NONE, SIGNS),
    "appearance_order": Task(VIDEO, "nothing", NONE, ("index",) * 4),
    "obj_count": Task(VIDEO, "nothing", NONE, ("count",)),
    "room_size": Task(VIDEO, "nothing", NONE, ("m2",), SQUARE_METRES),
    "nav": Task(VIDEO),
}
"""All 35."""
