"""The wording that ships, of every task there is."""

from __future__ import annotations

import re

import pytest

from spatialgen import engines, templates

SPECS = [spec for engine in engines.load_all() for spec in engine.tasks]
BLOCKS = [(spec, block) for spec in SPECS for block in spec.blocks]


def questions(spec, block):
    """Every question of a block with its slots filled by markers that no sentence contains."""
    wording = templates.load(spec.suite, spec.name)
    slots = {name: f"@{name}@" for name in spec.slots}
    return [wording.question(block, key, slots) for key in range(wording.counts()[block][0])]


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
        assert template_id.startswith(f"{spec.name}/{block}/")
        assert "{" not in text
        assert all(f"@{slot}@" in text for slot in spec.required_slots)


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


def test_no_question_hints_at_colours_or_a_side():
    for spec, block in BLOCKS:
        for text, _ in questions(spec, block):
            assert not re.search(r"\b(red|green|blue|yellow|orange|cyan|magenta|white|black)\b", text), text
            # The image's top-left corner and left edge are where coordinates start; no point is placed by a side.
            plain = re.sub(r"(top|upper)[- ]left|left edge", "", text)
            assert not re.search(r"\b(left|right)\b", plain), text
