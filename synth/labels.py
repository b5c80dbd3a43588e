"""What our objects are called in ScanNet's table: raw category, NYU40 id, and NYU40's names and colours."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["NYU40_COLORS", "NYU40_IDS", "NYU40_NAMES", "label_table"]

NYU40_NAMES: Final = (
    "unlabelled", "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf", "picture",
    "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror", "floor mat", "clothes", "ceiling",
    "books", "refridgerator", "television", "paper", "towel", "shower curtain", "box", "whiteboard", "person",
    "night stand", "toilet", "sink", "lamp", "bathtub", "bag", "otherstructure", "otherfurniture", "otherprop",
)  # fmt: skip
"""NYU40 names by id, in the spelling of ScanNet's table (``refridgerator`` is its own)."""

NYU40_COLORS: Final = (
    (0, 0, 0), (174, 199, 232), (152, 223, 138), (31, 119, 180), (255, 187, 120), (188, 189, 34), (140, 86, 75),
    (255, 152, 150), (214, 39, 40), (197, 176, 213), (148, 103, 189), (196, 156, 148), (23, 190, 207), (178, 76, 76),
    (247, 182, 210), (66, 188, 102), (219, 219, 141), (140, 57, 197), (202, 185, 52), (51, 176, 203), (200, 54, 131),
    (92, 193, 61), (78, 71, 183), (172, 114, 82), (255, 127, 14), (91, 163, 138), (153, 98, 156), (140, 153, 101),
    (158, 218, 229), (100, 125, 154), (178, 127, 135), (120, 185, 128), (146, 111, 194), (44, 160, 44), (112, 128, 144),
    (96, 207, 209), (227, 119, 194), (213, 92, 176), (94, 106, 211), (82, 84, 163), (100, 85, 144),
)  # fmt: skip
"""The palette of ``_vh_clean_2.labels.ply`` by NYU40 id (ScanNet, BenchmarkScripts/util.py)."""

NYU40_IDS: Final = MappingProxyType(
    {
        "armchair": 5, "basket": 40, "bed": 4, "book": 23, "books": 23, "bookshelf": 10, "bottle": 40, "bowl": 40,
        "box": 29, "cabinet": 3, "ceiling": 22, "ceiling lamp": 35, "chair": 5, "clock": 40, "coffee table": 7,
        "couch": 6, "cup": 40, "curtain": 16, "desk": 14, "door": 8, "dresser": 17, "end table": 7, "floor": 2,
        "floor lamp": 35, "jar": 40, "keyboard": 40, "kitchen cabinet": 3, "kitchen counter": 12, "lamp": 35,
        "laptop": 40, "mirror": 19, "monitor": 40, "mouse": 40, "nightstand": 32, "office chair": 5, "picture": 11,
        "pillow": 18, "plant": 40, "plate": 40, "pot": 40, "radiator": 39, "refrigerator": 24, "rug": 20, "shelf": 15,
        "stool": 39, "stove": 39, "table": 7, "trash can": 39, "tv": 25, "tv stand": 39, "vase": 40, "wall": 1,
        "wardrobe": 39, "window": 9,
    }
)  # fmt: skip
"""Our raw categories and their NYU40 ids."""

_COLUMNS: Final = (
    "id", "raw_category", "category", "count", "nyu40id", "eigen13id", "nyuClass", "nyu40class", "eigen13class",
    "ModelNet40", "ModelNet10", "ShapeNetCore55", "synsetoffset", "wnsynsetid", "wnsynsetkey", "mpcat40",
    "mpcat40index",
)  # fmt: skip


def label_table() -> str:
    """``scannetv2-labels.combined.tsv`` for our categories; columns that other taxonomies fill are left empty."""
    lines = ["\t".join(_COLUMNS)]
    for number, (label, nyu40) in enumerate(sorted(NYU40_IDS.items()), start=1):
        known = {
            "id": str(number),
            "raw_category": label,
            "category": label,
            "count": "1",
            "nyu40id": str(nyu40),
            "nyuClass": label,
            "nyu40class": NYU40_NAMES[nyu40],
        }
        lines.append("\t".join(known.get(column, "") for column in _COLUMNS))
    return "\n".join(lines) + "\n"
