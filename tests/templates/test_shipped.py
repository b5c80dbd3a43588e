"""The wording that ships, of every task there is."""

from __future__ import annotations

import re

import pytest

from spatialgen import engines, templates
from spatialgen.dataset.markers import PALETTE

SPECS = [spec for engine in engines.load_all() for spec in engine.tasks]
BLOCKS = [(spec, block) for spec in SPECS for block in spec.blocks]
DIRECTIONS = {
    "camera_movement_x": ("left", "right"),
    "camera_movement_y": ("up", "down"),
    "camera_movement_z": ("forward", "backward"),
    "camera_movement_yaw": ("left", "right"),
    "camera_movement_pitch": ("up", "down"),
}
TWO_IMAGES = ("camera_movement", "visual_correspondence", "object_movement", "cross_view")


def questions(spec, block):
    """Every question of a block with its slots filled by markers that no sentence contains."""
    wording = templates.load(spec.suite, spec.name)
    slots = {name: f"@{name}@" for name in spec.slots}
    return [wording.question(block, key, slots) for key in range(wording.counts()[block][0])]


def answers(spec, block):
    """Every answer of a block, likewise."""
    wording = templates.load(spec.suite, spec.name)
    slots = {name: f"@{name}@" for name in (*spec.slots, "answer")}
    return [wording.answer(block, key, slots) for key in range(wording.counts()[block][1])]


def lacking(pair, pattern):
    return [text for text, _ in questions(*pair) if not re.search(pattern, text, re.IGNORECASE)]


def holding(pair, pattern):
    return [text for text, _ in questions(*pair) if re.search(pattern, text, re.IGNORECASE)]


def ids(pair):
    return f"{pair[0].name}-{pair[1]}"


def test_no_task_has_a_problem():
    assert [str(problem) for problem in templates.check(SPECS)] == []


@pytest.mark.parametrize("pair", BLOCKS, ids=ids)
def test_blocks_are_rich_and_fill_every_required_slot(pair):
    spec, block = pair
    worded = questions(spec, block)
    assert len({w.template_id for w in worded}) == len(worded) >= 22
    for text, template_id in worded:
        task, stands_in, _ = template_id.split("/")
        assert task == spec.name
        assert stands_in == block or (spec.is_worded_by_form and stands_in in spec.blocks)
        assert "{" not in text
        assert all(f"@{slot}@" in text for slot in spec.slots_required(spec.forms_of_blocks[block]))


@pytest.mark.parametrize("pair", [p for p in BLOCKS if p[1].endswith("coord")], ids=ids)
def test_coordinates_are_explained(pair):
    """Whoever reads a question alone can tell what the numbers mean: the scale, both axes and where they start."""
    for text, _ in questions(*pair):
        assert re.search(r"1000|thousandth|per.mille", text), text
        assert re.search(r"\bwidth|wide|\bacross|horizontal|\bedge|picture|image", text), text
        assert re.search(r"\btop|upper|\bdown", text), text


def test_comparisons_say_how_to_answer():
    spec = next(spec for spec in SPECS if spec.name == "depth_comparison")
    for block in spec.blocks:
        for text, _ in questions(spec, block):
            if block.endswith("dot"):
                assert re.search(r"\bletter\b", text, re.IGNORECASE), text
            else:
                assert re.search(
                    r"\b(answer|reply|respond|give|state|name|write|repeat|copy|quote|report|return|output|provide|tell|use|want)\b",
                    text,
                    re.IGNORECASE,
                ), text


def test_colours_come_with_the_marks_alone():
    """A mark's colour is part of its name, which a slot brings: no sentence says one for itself or of a thing shown."""
    colours = re.compile(rf"\b({'|'.join([*PALETTE.values(), 'white', 'black', 'gr[ae]y', 'brown', 'pink'])})\b", re.I)
    for spec, block in BLOCKS:
        for text, _ in (*questions(spec, block), *answers(spec, block)):
            assert not colours.search(text), text


def test_no_question_hints_at_a_side():
    for spec, block in BLOCKS:
        for text, _ in questions(spec, block):
            if spec.name.startswith("camera_") or spec.name.endswith("_lr"):
                continue
            if spec.answer_type in {"vector", "relation", "composite"}:
                continue  # left and right are what is asked about
            # The image's top-left corner and left edge are where coordinates start; no point is placed by a side.
            plain = re.sub(r"(top|upper)[- ]left|left edge|bottom-right", "", text)
            assert not re.search(r"\b(left|right)\b", plain), text


@pytest.mark.parametrize("pair", [p for p in BLOCKS if p[0].name in DIRECTIONS], ids=ids)
def test_direction_words_are_both_offered_and_lead_equally_often(pair):
    spec, block = pair
    one, other = DIRECTIONS[spec.name]
    leads = []
    for text, _ in questions(spec, block):
        places = [re.search(rf"\b{word}\b", text, re.IGNORECASE) for word in (one, other)]
        assert all(places), text
        leads.append(places[0].start() < places[1].start())
    assert abs(2 * sum(leads) - len(leads)) <= 2, leads


@pytest.mark.parametrize("pair", [p for p in BLOCKS if p[0].polarities == ("levelled", "camera")], ids=ids)
def test_directions_of_motion_say_whose_they_are(pair):
    level = (
        r"level|upright|horizon|ground|floor|gravity|vertical|plumb|heading|straight|height|meter|lift\b|\bmap\b|earth"
    )
    own = r"\bown\b|frame|ax[ie]s\b|edge|orient|tilt|pixel|aimed|lens|view|centre ray|in first-camera|straight into"
    assert lacking(pair, level if pair[1].startswith("levelled") else own) == []


@pytest.mark.parametrize("pair", [p for p in BLOCKS if p[0].engine in TWO_IMAGES], ids=ids)
def test_two_images_are_told_apart_without_claiming_which_is_earlier(pair):
    assert holding(pair, r"\b(earlier|later|previous|next to|afterwards)\b") == []
    if pair[0].engine != "camera_movement":
        assert lacking(pair, r"\bfirst\b|\bone\b|\b1\b") == []
    if pair[0].engine == "object_movement":
        assert lacking(pair, r"\bsecond\b|\btwo\b|\b2\b|between") == []


@pytest.mark.parametrize("pair", [p for p in BLOCKS if p[0].engine == "object_movement"], ids=ids)
def test_motion_is_asked_about_in_the_world(pair):
    camera = r"camera('s)? (own )?(motion|mov)|camera (does|stay)"
    assert lacking(pair, rf"world|scene|real|3D|space|ground|surroundings|{camera}") == []
    if pair[0].answer_type == "yesno":
        assert lacking(pair, r"\byes\b") == []
        assert lacking(pair, r"\bno\b") == []
        assert holding(pair, r"\b(stationary|unmoved|same place|stay put|at rest)\b") == []  # yes means that it moved


@pytest.mark.parametrize("pair", [p for p in BLOCKS if p[0].answer_type == "vector"], ids=ids)
def test_vectors_name_their_axes_and_whose_they_are(pair):
    ahead = r"forward|ahead|along (its|the) axis|into the scene|viewing direction|through the lens"
    for axis in (r"right", r"down", ahead):
        assert lacking(pair, axis) == []
    image = r"camera|frame|image|picture|photo|shot|view"
    assert lacking(pair, rf"\bfirst ({image})|\b({image}) (one|1)\b") == []


@pytest.mark.parametrize("pair", [p for p in BLOCKS if p[0].engine == "object_perception"], ids=ids)
def test_sizes_say_which_side_they_are(pair):
    side = {
        "object_height": r"vertical|lowest|bottom|top\b|upright|height|tall\b|high\b|underside|gravity|below|straight",
        "object_length": r"longer|greater|larger|further",
        "object_width": r"shorter|smaller|lesser|narrower",
    }[pair[0].name]
    assert lacking(pair, side) == []
    if pair[0].name != "object_height":
        assert lacking(pair, r"horizontal|above|footprint|floor|ground|\bplan\b|\bbase\b|ceiling") == []
    many = r"images|photos|pictures|views|frames|shots|viewpoints|series"
    if pair[1].startswith("several"):
        one_of = r"\b(each|every|one|more than one) (image|photo|picture|view|frame)|several|different places"
        assert lacking(pair, rf"{many}|{one_of}") == []
    else:
        assert holding(pair, rf"\b({many})\b") == []


@pytest.mark.parametrize("pair", [p for p in BLOCKS if p[0].engine == "object_perception"], ids=ids)
def test_nothing_agrees_in_number_with_a_name(pair):
    """Labels such as "curtains" are plural."""
    if pair[1].endswith("name"):
        verbs, noun = "is|are|was|were|has|have|does|do", "(same |whole |entire )?@object@"
        assert holding(pair, r"@object@(['\u2019]s?\b| (itself|themselves)\b)") == []
        assert holding(pair, rf"(?<!of )\bthe {noun} ({verbs}|[a-z]{{2,}}[^s]s)\b") == []
        assert holding(pair, rf"\b({verbs}|this|that|these|those|an?) (the )?{noun}") == []


@pytest.mark.parametrize("pair", [p for p in BLOCKS if p[0].engine == "counting"], ids=ids)
def test_counting_counts_each_once_and_only_what_is_shown(pair):
    once = (
        r"\bonce\b|twice|distinct|different|unique|individual|separate|repeat|duplicate|single time|merg|"
        r"told apart|never counted again|still one|is one\b|adds only one|recurs?\b|again and again|appearing again|"
        r"nothing occurs twice"
    )
    assert lacking(pair, once) == []
    assert lacking(pair, r"image|picture|photo|view|frame|shot|\bseen\b|camera|\bset\b") == []
    assert lacking(pair, "@object@s") == []
    assert holding(pair, r"in the (scene|room|house)(?! as shown)") == []
    if pair[0].is_lettered(pair[0].forms_of_blocks[pair[1]]):
        assert lacking(pair, r"\bletter") == []
    if pair[0].name == "bestview_count_occ":
        assert lacking(pair, r"Frame 0|from (0|zero)|at 0|0 upwards|0 is the first") == []
        size = r"larg|area|bigger|fill|cover|pixels|extent|surface|space|occupy|taken up|visible size"
        assert lacking(pair, size) == []
