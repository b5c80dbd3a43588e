"""Articles and plurals of names as annotators type them."""

from __future__ import annotations

import pytest

from spatialgen.core.nouns import article, is_countable, is_plural, plural, with_article

PLURALS = {
    "chair": "chairs",
    "armchair": "armchairs",
    "shelf": "shelves",
    "bookshelf": "bookshelves",
    "kitchen shelf": "kitchen shelves",
    "knife": "knives",
    "penknife": "penknives",
    "box": "boxes",
    "tissue box": "tissue boxes",
    "xbox": "xboxes",
    "x-box": "x-boxes",
    "trash can": "trash cans",
    "bench": "benches",
    "brush": "brushes",
    "glass": "glasses",
    "mattress": "mattresses",
    "bus": "buses",
    "gas": "gases",
    "lens": "lenses",
    "canvas": "canvases",
    "iris": "irises",
    "cactus": "cacti",
    "quiz": "quizzes",
    "key": "keys",
    "tray": "trays",
    "battery": "batteries",
    "box of cereal": "boxes of cereal",
    "bottle of soap": "bottles of soap",
    "pair of shoes": "pairs of shoes",
    "chest of drawers": "chests of drawers",
    "stack of chairs": "stacks of chairs",
    "leaf of paper": "leaves of paper",
    "cabinet with sink": "cabinets with sink",
    "bag (paper)": "bags (paper)",
    "cup/mug": "cups/mugs",
    "a/c unit": "a/c units",
    "salt and pepper shaker": "salt and pepper shakers",
    "walk in closet": "walk in closets",
    "t-shirt": "t-shirts",
    "l-shaped desk": "l-shaped desks",
    "hair dryer": "hair dryers",
    "paper towel dispenser": "paper towel dispensers",
    "piano": "pianos",
    "photo": "photos",
    "potato": "potatoes",
    "roof": "roofs",
    "giraffe": "giraffes",
    "handkerchief": "handkerchiefs",
    "safe": "safes",
    "stove": "stoves",
    "scarf": "scarves",
    "ottoman": "ottomans",
    "human": "humans",
    "snowman": "snowmen",
    "woman": "women",
    "man": "men",
    "person": "people",
    "child": "children",
    "computer mouse": "computer mice",
    "mousepad": "mousepads",
    "tooth brush": "tooth brushes",
    "foot": "feet",
    "footrest": "footrests",
    "goose": "geese",
    "fish": "fish",
    "fish tank": "fish tanks",
    "sheep": "sheep",
    "stomach": "stomachs",
    "tv": "tvs",
    "menu": "menus",
    "umbrella": "umbrellas",
    "sofa": "sofas",
    "pants hanger": "pants hangers",
}
ARTICLES = {
    "a": [
        "chair", "unicorn", "unit", "uniform", "unicycle", "utensil", "utility sink", "usb cable", "urinal", "ukulele",
        "used tire", "european socket", "one-seater", "ewer", "tv", "dvd player", "pc tower", "cd case", "vcr",
        "ball", "house plant", "hairdryer", "hotplate", "yarn ball", "xylophone", "3d printer", "u-shaped desk",
        "uv lamp", "whiteboard", "gym mat", "100 year old table", "power outlet", "onesie", "cd", "ouija board",
        "t-shirt", "fly swatter", "fry pan", "hymn book", "lynx statue",
    ],
    "an": [
        "armchair", "end table", "ironing board", "office chair", "umbrella", "unused box", "unmade bed",
        "unidentified object", "urn", "usher", "hourglass", "heirloom", "xbox", "x-ray machine", "lcd screen",
        "led lamp", "hdmi cable", "rc car", "mp3 player", "fm radio", "l-shaped desk", "s-hook", "hvac unit",
        "8-ball", "80 inch tv", "11 inch tablet", "18 wheeler", "oven", "egg carton", "atm", "utter mess",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("one", "several"), PLURALS.items())
def test_plurals(one: str, several: str) -> None:
    assert plural(one) == several
    assert not is_plural(one)
    assert is_countable(one)


@pytest.mark.parametrize("several", sorted(set(PLURALS.values()) - {"fish", "sheep"}))
def test_the_plural_of_a_plural_is_itself(several: str) -> None:
    assert plural(several) == several
    assert is_plural(several)


@pytest.mark.parametrize(("right", "name"), [(right, name) for right, names in ARTICLES.items() for name in names])
def test_articles_follow_the_sound(right: str, name: str) -> None:
    assert article(name) == right
    assert with_article(name) == f"{right} {name}"


@pytest.mark.parametrize("name", ["scissors", "curtains", "blinds", "jeans", "headphones", "clothes", "mice"])
def test_plural_only_names_have_no_article(name: str) -> None:
    assert plural(name) == name
    assert with_article(name) == f"some {name}"
    assert is_plural(name)


@pytest.mark.parametrize("name", ["furniture", "toilet paper", "soap", "bedding", "junk mail"])
def test_what_is_not_counted_has_no_plural(name: str) -> None:
    assert plural(name) == name
    assert with_article(name) == f"some {name}"
    assert not is_countable(name)


def test_case_is_kept() -> None:
    assert plural("TV") == "TVs"
    assert plural("Knife") == "Knives"
    assert with_article("IKEA shelf") == "an IKEA shelf"


@pytest.mark.parametrize("name", ["", "A", "@object@", "chair 2", "7"])
def test_odd_names_are_no_error(name: str) -> None:
    assert isinstance(plural(name), str)
    assert with_article(name).endswith(name)
