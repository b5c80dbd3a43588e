"""The wording of SpatialMosaic's relations: one direction a question, and that what it asks for may be hidden."""

from __future__ import annotations

import re

import pytest

from spatialgen import engines, templates

SPECS = engines.load("spatialmosaic/relations").tasks
BLOCKS = [(spec, block) for spec in SPECS for block in spec.blocks]
DIRECTIONS = {
    "left": r"\bleft", "right": r"\bright",
    "higher": r"\bhigher|\babove|\bupper\b", "lower": r"\blower|\bbelow|\bbeneath",
    "closer": r"\bcloser|\bnearer|\bin front\b", "farther": r"\bfarther|\bfurther (from|away)|\bbehind\b",
}  # fmt: skip
OPPOSITES = {"left": "right", "higher": "lower", "closer": "farther"}
OPPOSITES |= {other: one for one, other in OPPOSITES.items()}
UNSEEN = (
    r"hidden|hides?\b|visible|unseen|conceal|cover|cut[ -]off|outside|beyond the border|obstacle|block|in the way\b"
    r"|glass|transparent|through everything|larger image|wider|imagine|could show|showed|could be seen|missing|lacks"
    r"|out of (sight|view|the image|it)|(not|n't|cannot|impossible to) (\w+ )?(see|seen|show|appear|contain|be in)"
    r"|need not|(may|might) leave out|(seen|shown?|in sight) or|shows? (does|or)|mind whether|not show|nothing of it"
    r"|matter (what|whether)|whether (or not )?(it|that)|(maybe|perhaps) not|from (view|sight)\b"
)
"""How a question says that what it asks for may be out of sight."""


def questions(spec, block):
    wording = templates.load(spec.suite, spec.name)
    slots = {name: f"@{name}@" for name in spec.slots}
    return [wording.question(block, key, slots).text for key in range(wording.counts()[block][0])]


def ids(pair):
    return f"{pair[0].name}-{pair[1]}"


@pytest.mark.parametrize("pair", [p for p in BLOCKS if p[0].polarities != ("",)], ids=ids)
def test_a_question_names_its_direction_and_no_other(pair):
    asked = pair[1].split(".")[0]
    for text in questions(*pair):
        assert re.search(DIRECTIONS[asked], text, re.IGNORECASE), text
        assert not re.search(DIRECTIONS[OPPOSITES[asked]], text, re.IGNORECASE), text


@pytest.mark.parametrize("pair", [p for p in BLOCKS if p[0].polarities == ("",)], ids=ids)
def test_where_it_is_asks_for_no_direction(pair):
    for text in questions(*pair):
        for word in DIRECTIONS.values():
            assert not re.search(word, text.replace("behind the lens", ""), re.IGNORECASE), text


def test_the_three_questions_where_it_is_are_the_same():
    """So that none tells on which axis the true phrase lies."""
    spatial = [spec for spec in SPECS if spec.polarities == ("",)]
    for block in spatial[0].blocks:
        sentences = [sorted(questions(spec, block)) for spec in spatial]
        assert sentences[0] == sentences[1] == sentences[2]


@pytest.mark.parametrize("pair", BLOCKS, ids=ids)
def test_a_question_says_that_the_object_need_not_be_seen(pair):
    for text in questions(*pair):
        assert re.search(UNSEEN, text, re.IGNORECASE), text


@pytest.mark.parametrize("pair", BLOCKS, ids=ids)
def test_frames_go_by_their_number_and_marks_by_their_frame(pair):
    spec, block = pair
    for text in questions(spec, block):
        assert "Frame @frame@" in text, text
        if not block.endswith("name"):
            assert "@a@" in text, text
            if "b" in spec.slots:
                assert "@b@" in text, text
                assert "Frame @b_frame@" in text, text
        else:
            assert not re.search(r"@(a|b|b_frame)@", text), text
        if spec.answer_type == "yesno":
            assert re.search(r"\byes\b", text, re.IGNORECASE), text
            assert re.search(r"\bno\b", text, re.IGNORECASE), text


@pytest.mark.parametrize("pair", BLOCKS, ids=ids)
def test_no_word_could_be_an_objects_name(pair):
    """A picture, a photo or a screen may be what is asked about."""
    for text in questions(*pair):
        assert not re.search(r"\b(pictures?|photos?|screens?|monitors?|lamps?|tables?)\b", text, re.IGNORECASE), text


@pytest.mark.parametrize("pair", BLOCKS, ids=ids)
def test_a_question_says_from_where_frames_are_counted(pair):
    for text in questions(*pair):
        assert re.search(r"\b(0|zero)\b|zero-based", text, re.IGNORECASE), text
        assert not re.search(r"frame \d", text, re.IGNORECASE), text  # only the asked frame goes by its number
