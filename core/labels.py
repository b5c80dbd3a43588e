"""Object names: one spelling, one name a kind, and which are never asked about.

Annotators typed labels freely, so the same kind of thing goes by several spellings and names. ``clean`` gives the
name that questions use; ``synonyms`` the cleaned names under which things of the same kind may also be found, which
is what "the only one" and "how many" must look at.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import Final

__all__ = [
    "SEE_THROUGH_LABELS",
    "STRUCTURAL_LABELS",
    "UNLABELLED",
    "clean",
    "is_collection",
    "is_see_through",
    "is_structural",
    "synonyms",
]

UNLABELLED: Final = "unlabelled"
"""The cleaned label of an object whose label a mapping does not name, or names as nothing; never asked about."""

STRUCTURAL_LABELS: Final[frozenset[str]] = frozenset(
    {
        # the building's shell: everywhere, without borders
        "wall", "floor", "ceiling", "roof", "room", "structure", "other structure",
        # bookkeeping: not a kind of thing
        "object", "item", "thing", "stuff", "misc", "miscellaneous", "other", "other furniture", "other prop",
        "clutter", "remove", "delete", "split", "merge", "duplicate", "unannotated", UNLABELLED, "unknown", "void",
        "background", "ignore", "none", "na", "n a",
    }
)  # fmt: skip
"""Cleaned labels that are never asked about."""

SEE_THROUGH_LABELS: Final[frozenset[str]] = frozenset(
    {
        "window", "windows", "skylight", "mirror", "mirror door", "mirror doors", "glass", "glass door", "glass doors",
        "glass wall", "glass panel", "glass case", "display case", "sliding glass door", "shower door", "shower doors",
        "shower screen", "shower glass", "fish tank", "aquarium", "vitrine",
    }
)  # fmt: skip
"""Cleaned labels of things one looks through or into: what the picture shows there is not where the surface is."""

_COLLECTIONS: Final[frozenset[str]] = frozenset(
    {
        "bedding", "clothing", "clutter", "cutlery", "food", "laundry", "luggage", "rubbish", "stationery", "trash",
        "wiring",
    }
)  # fmt: skip
_SINGULAR_ENDINGS: Final = ("ss", "us", "is", "as")

_SPELLINGS: Final = MappingProxyType(
    {
        "arm chair": "armchair",
        "ashtry": "ashtray",
        "back pack": "backpack",
        "bar stool": "barstool",
        "bed side table": "bedside table",
        "bicyle": "bicycle",
        "book case": "bookcase",
        "book shelf": "bookshelf",
        "book shelves": "bookshelves",
        "cabient": "cabinet",
        "cabinent": "cabinet",
        "cupbord": "cupboard",
        "dish washer": "dishwasher",
        "door way": "doorway",
        "dust bin": "dustbin",
        "fire place": "fireplace",
        "flower pot": "flowerpot",
        "foot stool": "footstool",
        "gargabe bin": "garbage bin",
        "hand rail": "handrail",
        "key board": "keyboard",
        "lap top": "laptop",
        "mircowave": "microwave",
        "night stand": "nightstand",
        "otherfurniture": "other furniture",
        "otherprop": "other prop",
        "otherstructure": "other structure",
        "paper towel dispensor": "paper towel dispenser",
        "refridgerator": "refrigerator",
        "refrigirator": "refrigerator",
        "shleves": "shelves",
        "shleving": "shelving",
        "soap dispensor": "soap dispenser",
        "suit case": "suitcase",
        "tea pot": "teapot",
        "tolet": "toilet",
        "trashbin": "trash bin",
        "trashcan": "trash can",
        "unlabeled": UNLABELLED,
        "waste basket": "wastebasket",
        "white board": "whiteboard",
        "window sill": "windowsill",
    }
)
"""Misspellings and split or joined words, after case and spaces are put right."""

_SAME_THING: Final = MappingProxyType(
    {
        "copy machine": "copier",
        "photocopier": "copier",
        "couch": "sofa",
        "dustbin": "trash can",
        "filing cabinet": "file cabinet",
        "fridge": "refrigerator",
        "garbage bin": "trash can",
        "garbage can": "trash can",
        "microwave oven": "microwave",
        "recycle bin": "recycling bin",
        "rubbish bin": "trash can",
        "telly": "tv",
        "television": "tv",
        "trash bin": "trash can",
        "waste bin": "trash can",
        "wastebasket": "trash can",
        "bookcase": "bookshelf",
        "bedside table": "nightstand",
    }
)
"""Names that any viewer would use for one another: the first becomes the second."""

_GROUPS: Final[tuple[frozenset[str], ...]] = tuple(
    frozenset(group)
    for group in (
        # one and several of a kind in one annotation
        ("bag", "bags"), ("blanket", "blankets"), ("book", "books"), ("bottle", "bottles"), ("box", "boxes"),
        ("cabinet", "cabinets", "cupboard", "cupboards"), ("candle", "candles"), ("chair", "chairs"),
        ("closet door", "closet doors"), ("clothes", "clothing", "cloth"), ("cup", "cups", "mug", "mugs"),
        ("curtain", "curtains", "drapes"), ("door", "doors", "doorframe", "door frame", "doorway"),
        ("drawer", "drawers"), ("kitchen cabinet", "kitchen cabinets"), ("light", "lights"), ("magazine", "magazines"),
        ("monitor", "computer monitor", "screen", "display"), ("paper", "papers"),
        ("picture", "pictures", "painting", "paintings", "poster", "photo"), ("pillow", "pillows", "cushion"),
        ("plant", "plants", "potted plant", "house plant"), ("plate", "plates"), ("rug", "carpet"),
        ("shelf", "shelves", "bookshelf", "bookshelves", "shelving"), ("shoe", "shoes"), ("sign", "signs"),
        ("stair", "stairs", "staircase"), ("stool", "barstool", "footstool"), ("table", "tables"),
        ("towel", "towels", "hand towel"), ("toy", "toys"), ("window", "windows"), ("armchair", "sofa chair"),
        ("office chair", "desk chair", "computer chair"), ("trash can", "recycling bin"),
        ("printer", "copier"), ("tv stand", "tv cabinet"), ("desk lamp", "table lamp"),
    )
)  # fmt: skip
"""Names that overlap in use: a viewer may count a thing of one as a thing of the other."""

_GROUP_OF: Final = MappingProxyType({name: group for group in _GROUPS for name in group})


@lru_cache(maxsize=4096)
def clean(label: str) -> str:
    """The name of a raw label: lower case, single spaces, known misspellings and alternative names put right.

    Equal kinds get equal names (``"Couch "`` and ``"sofa"``); cleaning twice changes nothing.
    """
    name = " ".join(label.replace("_", " ").casefold().split()).strip(" .,;:'\"")
    plain = " ".join(name.replace("-", " ").split())
    if plain in _SPELLINGS or plain in _SAME_THING or plain in STRUCTURAL_LABELS:
        name = plain  # "book-shelf"; but a "t-shirt" keeps its hyphen
    name = _SPELLINGS.get(name, name)
    return _SAME_THING.get(name, name) or UNLABELLED


def is_structural(label: str) -> bool:
    """Whether a label names the building's shell or is bookkeeping, so that no question mentions it."""
    return clean(label) in STRUCTURAL_LABELS


def is_see_through(label: str) -> bool:
    """Whether a label names a window, a mirror or the like, on whose surface nobody can judge a depth."""
    return clean(label) in SEE_THROUGH_LABELS


def is_collection(label: str) -> bool:
    """Whether a label names several things annotated as one (books, laundry): nobody would ask for their one size."""
    last = clean(label).split()[-1]
    return last in _COLLECTIONS or (last.endswith("s") and not last.endswith(_SINGULAR_ENDINGS))


def synonyms(label: str) -> frozenset[str]:
    """Cleaned names that things of this label's kind may carry, the label's own included."""
    name = clean(label)
    return _GROUP_OF.get(name, frozenset()) | {name}
