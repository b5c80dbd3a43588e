"""Tasks of several forms: a block for each, questions shared, lines that ask for a letter or a bare value."""

from __future__ import annotations

import dataclasses
import json

import pytest

from spatialgen import templates
from spatialgen.errors import TemplateError
from spatialgen.templates import load

NEUTRAL = 'answers = ["{answer}"]\n'


@pytest.fixture
def forms(spec):
    """The task in four forms; what is judged needs a room to be told of."""
    return dataclasses.replace(
        spec,
        forms=("fill", "select", "judge", "sentence"),
        form_slots=(("judge", frozenset({"room"})),),
    )


@pytest.fixture
def lines(tmp_path):
    """The file of lines, which ``templates check`` looks at too."""
    path = tmp_path / "en" / "forms.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(templates.requests().path.read_bytes())
    return path


@pytest.fixture
def blocks(questions, sentences):
    """Text of the wording of all four forms, by form."""
    told = [question.replace("{thing}", "{thing} of the {room}") for question in questions]
    told = [question.replace("metres", "bits") for question in told]  # a statement to be judged needs no unit
    return {
        "fill": f"[fill.name]\nquestions = {json.dumps(list(questions))}\n{NEUTRAL}",
        "select": f'[select.name]\nquestions = "fill.name"\n{NEUTRAL}',
        "judge": f"[judge.name]\nquestions = {json.dumps(told)}\n{NEUTRAL}",
        "sentence": '[sentence.name]\nquestions = "fill.name"\nanswers = '
        + json.dumps([sentence.replace("{answer}", "{answer} metres") for sentence in sentences]),
    }


def messages(spec, root):
    return [(problem.block, problem.list, problem.message) for problem in templates.check([spec], root)]


def test_every_form_has_its_block(write, forms, blocks, lines, tmp_path):
    write(text="\n".join(blocks.values()))
    assert forms.blocks == ("fill.name", "select.name", "judge.name", "sentence.name")
    assert messages(forms, tmp_path) == []
    assert templates.counts(forms, tmp_path) == {
        "fill.name": (22, 1),
        "select.name": (22, 1),
        "judge.name": (22, 1),
        "sentence.name": (22, 8),
    }
    wording = load("things", "length", root=tmp_path)
    slots = {"thing": "bed", "room": "hall"}
    for key in range(22):
        assert wording.question("select.name", key, slots) == wording.question("fill.name", key, slots)
    assert wording.question("select.name", 5, slots).template_id.startswith("length/fill.name/")


def test_whose_questions_are_shared_changes_the_wording_s_hash(write, blocks, lines, tmp_path):
    hashes = set()
    for lender in ("fill.name", "judge.name"):
        write(
            text="\n".join(blocks.values()).replace(
                '[select.name]\nquestions = "fill.name"', f'[select.name]\nquestions = "{lender}"'
            )
        )
        load.cache_clear()
        hashes.add(load("things", "length", root=tmp_path).content_hash)
    assert len(hashes) == 2


def test_a_task_of_one_form_or_whose_variants_decide_has_blocks_without_forms(spec):
    assert spec.blocks == ("name",)
    by_variant = dataclasses.replace(spec, forms=("choice", "fill"), variant_answer_types=(("name", "choice"),))
    assert by_variant.blocks == ("name",)
    assert by_variant.answer_type_of("name", "fill") == "choice"


def test_answers_follow_the_form(forms):
    assert [forms.answer_type_of("name", form) for form in forms.forms] == ["number", "choice", "yesno", "number"]
    assert [forms.is_lettered(form) for form in forms.forms] == [False, True, False, False]
    assert [forms.units_of(form) for form in forms.forms] == [("m",), ("m",), ("bool",), ("m",)]


@pytest.mark.parametrize(
    ("form", "old", "new", "problem"),
    [
        ("select", '"fill.name"', '"select.name"', "[select.name] has none"),
        ("select", '"fill.name"', '"sentence.name"', "[sentence.name] has none"),
        ("select", '"fill.name"', '"fill.dot"', "[fill.dot] has none"),
        ("select", "[select.name]", "[choice.name]", "missing block"),
        ("judge", " of the {room}", "", "lacks the slot {room}"),
        ("sentence", "{answer} metres long", "{answer} long", "does not say that the number is in m"),
        ("sentence", '["It is {answer} metres long.", ', "[", "7 usable answers"),
    ],
)
def test_what_a_block_lacks_is_told(write, forms, blocks, lines, tmp_path, form, old, new, problem):
    changed = blocks[form].replace(old, new, 1)
    assert changed != blocks[form]
    write(text="\n".join({**blocks, form: changed}.values()))
    found = messages(forms, tmp_path)
    assert any(problem in message for _, _, message in found), found
    assert all(block.startswith((form, "choice")) for block, _, _ in found)


def test_borrowed_questions_must_do_for_the_borrower(write, forms, blocks, lines, tmp_path):
    write(text="\n".join({**blocks, "judge": f'[judge.name]\nquestions = "fill.name"\n{NEUTRAL}'}.values()))
    found = messages(forms, tmp_path)
    assert len(found) == 22
    assert all(block == "judge.name" and "lacks the slot {room}" in message for block, _, message in found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "no such file"),
        ("[select\n", "not readable as TOML"),
        ("[select]\nlines = []\n", "[select] must hold lines"),
        ("[select]\nlines = ['A letter.', 'A letter.']\n", "[select] must hold lines"),
        ("[select]\nlines = ['Say {answer}.']\n", "[select] must hold lines"),
        ("[fill]\nlines = ['Bare.']\nmore = 1\n", "[fill] must hold lines"),
        ("fill = 'Bare.'\n", "[fill] must hold lines"),
    ],
)
def test_faulty_lines_are_refused(write, forms, blocks, tmp_path, text, problem):
    write(text="\n".join(blocks.values()))
    if text is not None:
        (tmp_path / "en" / "forms.toml").write_text(text)
    templates.requests.cache_clear()
    with pytest.raises(TemplateError) as refused:
        templates.requests(root=tmp_path)
    assert problem in str(refused.value)
    assert "forms.toml" in str(refused.value)
    (found,) = templates.check([forms], tmp_path)
    assert found.file == tmp_path / "en" / "forms.toml"


def test_shipped_lines_ask_for_their_form():
    requests = templates.requests()
    for form, wanted in (("select", "letter"), ("judge", "Yes or No")):
        found = {requests.line(form, key * 104_729) for key in range(8)}
        assert len(found) == 8
        assert all(wanted in line for line in found)
