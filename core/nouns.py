"""English names of things: their article and their plural.

Labels are phrases in lower case as annotators typed them ("trash can", "bottle of soap", "xbox"), and a question needs
"an xbox" or "bottles of soap". The noun that takes the plural is the last word before the first "of", "with" and the
like; what has no plural (furniture) or nothing else (scissors) stays as it is. The rules are those of any English
grammar, the exceptions those that names of things in rooms and streets run into.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

__all__ = ["article", "is_countable", "is_plural", "plural", "with_article"]

_MASS: Final[frozenset[str]] = frozenset(
    {
        # many things under one name
        "art", "artwork", "baggage", "bedding", "clothing", "clutter", "cookware", "crockery", "cutlery", "debris",
        "decor", "equipment", "flooring", "foliage", "food", "footwear", "furniture", "garbage", "gear", "glassware",
        "hardware", "jewellery", "jewelry", "kitchenware", "laundry", "lighting", "litter", "luggage", "machinery",
        "mail", "packaging", "paneling", "panelling", "piping", "plumbing", "rubbish", "scaffolding", "shelving",
        "shrubbery", "silverware", "software", "stationery", "stuff", "tableware", "trash", "tubing", "underwear",
        "wiring",
        # what is made of one stuff
        "bread", "cardboard", "carpeting", "chalk", "charcoal", "clay", "cloth", "coal", "concrete", "detergent",
        "dirt", "dust", "fabric", "firewood", "flour", "foam", "fruit", "glue", "grass", "gravel", "greenery", "hair",
        "ice", "ink", "insulation", "ivy", "juice", "makeup", "meat", "metal", "milk", "mud", "oil", "paint", "paper",
        "plaster", "plastic", "rice", "salt", "sand", "shampoo", "snow", "soap", "soil", "sugar", "tape", "tinsel",
        "toothpaste", "wallpaper", "water", "wine", "wood", "wool", "wrap", "yarn",
    }
)  # fmt: skip
"""Nouns without a plural: nobody says how many of them there are."""

_IRREGULAR: Final = MappingProxyType(
    {
        "axis": "axes",
        "cactus": "cacti",
        "calf": "calves",
        "child": "children",
        "die": "dice",
        "foot": "feet",
        "goose": "geese",
        "half": "halves",
        "knife": "knives",
        "leaf": "leaves",
        "life": "lives",
        "loaf": "loaves",
        "man": "men",
        "mouse": "mice",
        "ox": "oxen",
        "person": "people",
        "quiz": "quizzes",
        "scarf": "scarves",
        "shelf": "shelves",
        "tooth": "teeth",
        "wife": "wives",
        "wolf": "wolves",
        "woman": "women",
    }
)
_ENDING: Final = ("shelf", "knife", "leaf", "loaf", "tooth", "child", "woman", "man")
"""Irregular nouns that also end longer ones: bookshelf, penknife, snowman."""

_NOT_MEN: Final[frozenset[str]] = frozenset({"caiman", "german", "human", "ottoman", "roman", "shaman", "talisman"})
_UNCHANGED: Final[frozenset[str]] = frozenset(
    {
        "aircraft", "chassis", "deer", "fish", "goldfish", "moose", "series", "sheep", "spacecraft", "species",
        "starfish",
    }
)  # fmt: skip
"""Countable nouns whose plural looks like the singular."""

_PLURALS: Final[frozenset[str]] = frozenset({*_IRREGULAR.values(), "bikinis", "menus", "skis", "taxis", "tutus"})
_SINGULAR_IN_S: Final[frozenset[str]] = frozenset(
    {"atlas", "canvas", "christmas", "gas", "lens", "news", "xmas", *_UNCHANGED}
)
_SINGULAR_ENDINGS: Final = ("ss", "us", "is")
_ADDS_ES: Final[frozenset[str]] = frozenset(
    {"domino", "echo", "hero", "mango", "mosquito", "potato", "tomato", "torpedo", "volcano"}
)
_HARD_CH: Final = ("stomach", "monarch", "epoch", "loch")  # spoken as k, so that no e is needed
_SHORTEST_NAME: Final = 3
_HEAD: Final = re.compile(r"(?P<head>.*?)(?P<rest>(?: (?:of|with|without|for|from|containing|holding)\b|,| ?\().*)?")

_CONSONANT_SOUND: Final = re.compile(
    r"uni(?!n|m|dent)|una(?=nim)|ura(?=n)|uri|us(?=[aeiu])(?!her)|usb|ut(?!ter|most)|u[fkv](?![a-z])|ufo|uku|uke|"
    r"eu|ewe|ubiq|oui|one(?![a-rt-z])|once|u(?![a-z])"
)
"""Starts that are written with a vowel and spoken without: a unit, a utensil, a one-seater."""

_VOWEL_SOUND: Final = re.compile(r"hour|honest|honou?r|heir|hdmi|hvac|led(?![a-z])|mri|x(?![aeiouy])|8|1[18](?!\d)")
"""Starts that are written without a vowel and spoken with one: an hour, an x-ray, an 8-ball."""

_SPELLED_OUT: Final = re.compile(r"(?P<first>[b-df-hj-np-tv-xz])[b-df-hj-np-tv-xz]*(?![a-z])")
_SPOKEN_WITH_VOWEL: Final = frozenset("fhlmnrsx")
"""Letters whose names start with a vowel; words without any vowel are read letter by letter: an lcd, a tv."""


def article(name: str) -> str:
    """``a`` or ``an``, by how the name's beginning sounds."""
    start = name.casefold()
    if spelled := _SPELLED_OUT.match(start):
        return "an" if spelled["first"] in _SPOKEN_WITH_VOWEL else "a"
    if _VOWEL_SOUND.match(start):
        return "an"
    return "an" if start[:1] in tuple("aeiou") and not _CONSONANT_SOUND.match(start) else "a"


def with_article(name: str) -> str:
    """A name as it is first spoken of: "a chair", "an armchair"; "some curtains" where "a" cannot be said."""
    if is_plural(name) or not is_countable(name):
        return f"some {name}"
    return f"{article(name)} {name}"


def plural(name: str) -> str:
    """Several of a thing: "shelves", "trash cans", "bottles of soap"; names without another plural stay as they are."""
    if is_plural(name) or not is_countable(name):
        return name
    head, rest = _split(name)
    names = head.split("/")
    if min(len(part) for part in names) < _SHORTEST_NAME:
        names = [head]  # "a/c unit" is one name, "cup/mug" are two
    return "/".join(_plural_of_last_word(part) for part in names) + rest


def is_plural(name: str) -> bool:
    """Whether a name already stands for several things (books), or is only ever said so (scissors)."""
    word = _noun(name)
    if word in _PLURALS or any(word.endswith(_IRREGULAR[end]) for end in _ENDING):
        return True
    return word.endswith("s") and word not in _SINGULAR_IN_S and not word.endswith(_SINGULAR_ENDINGS)


def is_countable(name: str) -> bool:
    """Whether one may ask how many there are: not of furniture, soap or toilet paper, but of bottles of soap."""
    return _noun(name) not in _MASS


def _split(name: str) -> tuple[str, str]:
    """The part of a phrase that takes the plural, and what follows it."""
    found = _HEAD.fullmatch(name)
    assert found is not None  # everything in the pattern is optional
    return found["head"], found["rest"] or ""


def _noun(name: str) -> str:
    """The noun of a phrase, in lower case."""
    return re.split(r"[ /-]", _split(name)[0].casefold())[-1]


def _plural_of_last_word(phrase: str) -> str:
    start = max(phrase.rfind(" "), phrase.rfind("-")) + 1
    return phrase[:start] + _plural_of_word(phrase[start:])


def _plural_of_word(word: str) -> str:
    low = word.casefold()
    if low in _UNCHANGED:
        return word
    if low in _IRREGULAR:
        return word[:1] + _IRREGULAR[low][1:]
    if low not in _NOT_MEN:
        for end in _ENDING:
            if low.endswith(end):
                return word[: -len(end)] + _IRREGULAR[end]
    if low.endswith("ch") and low.endswith(_HARD_CH):
        return word + "s"
    if low.endswith(("s", "x", "z", "ch", "sh")) or low in _ADDS_ES:
        return word + "es"
    if low.endswith("y") and low[-2:-1] not in tuple("aeiou"):
        return word[:-1] + "ies"
    return word + "s"
