"""Picking and filling sentences; ids; what a faulty file says when it is loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spatialgen import templates
from spatialgen.errors import TemplateError, UnknownName
from spatialgen.templates._wording import parse


def load(root: Path, lang: str = "en") -> templates.TaskWording:
    templates.load.cache_clear()
    return templates.load("things", "length", lang, root)


def all_questions(root: Path) -> dict[str, str]:
    """Template id to text, over enough keys to meet every sentence."""
    wording = load(root)
    count = wording.counts()["name"][0]
    return {w.template_id: w.text for w in (wording.question("name", key, {"thing": "rod"}) for key in range(count))}


def test_every_sentence_is_met_once_in_a_round_of_keys(write, tmp_path, questions):
    write()
    assert sorted(all_questions(tmp_path).values()) == sorted(q.replace("{thing}", "rod") for q in questions)


@pytest.mark.parametrize("key", [0, 21, 22, 2**64 - 1, -1])
def test_a_key_picks_by_its_remainder(write, tmp_path, key):
    write()
    wording = load(tmp_path)
    assert wording.question("name", key, {"thing": "rod"}) == wording.question("name", key % 22, {"thing": "rod"})


def test_ids_name_task_and_block_and_depend_on_the_sentence_alone(write, tmp_path, questions):
    write()
    before = all_questions(tmp_path)
    assert all(re.fullmatch(r"length/name/[0-9a-f]{8}", template_id) for template_id in before)
    write(questions=questions[3:4] + questions[:2] + questions[5:])
    after = all_questions(tmp_path)
    assert len(after) == len(before) - 2
    assert all(before[template_id] == text for template_id, text in after.items())


def test_the_order_in_the_file_means_nothing_but_the_words_do(write, tmp_path, questions):
    write()
    first = load(tmp_path)
    write(questions=questions[::-1])
    reversed_ = load(tmp_path)
    assert first.content_hash == reversed_.content_hash
    assert [first.question("name", k, {"thing": "x"}) for k in range(22)] == [
        reversed_.question("name", k, {"thing": "x"}) for k in range(22)
    ]
    write(questions=(*questions[:-1], questions[-1] + " Please."))
    assert load(tmp_path).content_hash != first.content_hash


def test_values_are_put_in_as_they_are(write, tmp_path):
    write(questions=["100 % sure? {{yes}} {thing} %s %(thing)s"], answers=["{answer}"])
    wording = load(tmp_path)
    value = "{thing} %d [3, 4]"
    assert wording.question("name", 0, {"thing": value}).text == f"100 % sure? {{yes}} {value} %s %(thing)s"
    assert wording.answer("name", 7, {"answer": value}).text == value


def test_a_slot_that_is_not_given_is_an_error(write, tmp_path):
    path = write()
    with pytest.raises(
        TemplateError, match=r"questions item length/name/\w{8} uses slot \{thing\}.*given: room"
    ) as error:
        load(tmp_path).question("name", 0, {"room": "hall"})
    assert error.value.path == str(path)


def test_an_unknown_block_is_an_error_that_lists_the_blocks(write, tmp_path):
    write()
    with pytest.raises(TemplateError, match=r"no block \[dot\]; blocks: name"):
        load(tmp_path).question("dot", 0, {"thing": "rod"})


def test_unknown_task_and_language(write, tmp_path):
    write()
    assert templates.languages(tmp_path) == ("en",)
    with pytest.raises(UnknownName, match=r"unknown language 'em'; known: en"):
        load(tmp_path, "em")
    with pytest.raises(TemplateError, match=r"width\.toml: no wording for task things/width"):
        templates.load("things", "width", "en", tmp_path)


def test_loading_is_cached_and_the_package_has_its_own_words():
    one = templates.load("multispa", "depth_comparison")
    assert one is templates.load("multispa", "depth_comparison")
    assert one.path.is_relative_to(Path(templates.__file__).parent)
    assert templates.languages() == ("en",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[name\n", r"length\.toml: not readable as TOML: .*line 1"),
        (b"[name]\nquestions = ['\xff']\n", r"length\.toml: not readable as TOML"),
        ("", r"no blocks"),
        ("questions = ['What?']\n", r"unknown key 'questions'"),
        ("[name]\nquestions = ['What?']\n", r"\[name\] answers: missing"),
        ("[name]\n", r"\[name\] questions: missing \(and 1 more\)"),
        (
            "[name]\nquestion = ['What?']\nanswers = ['{answer}']\n",
            r"\[name\] : ?unknown key|\[name\]: unknown key 'question'",
        ),
        ("[name]\nquestions = 'What?'\nanswers = ['{answer}']\n", r"\[name\] questions: must be a list"),
        ("[name]\nquestions = []\nanswers = ['{answer}']\n", r"\[name\] questions: must be a list"),
        (
            "[name]\nquestions = ['What?', 3]\nanswers = ['{answer}']\n",
            r"\[name\] questions\[1\]: must be text, is int",
        ),
        ("[name]\nquestions = ['What?', ' ']\nanswers = ['{answer}']\n", r"questions\[1\]: is empty"),
        ("[name]\nquestions = ['A?', 'B?', 'A?']\nanswers = ['{answer}']\n", r"questions\[2\]: repeats item 0"),
        (
            "[name]\nquestions = ['Is it {answer}?']\nanswers = ['{answer}']\n",
            r"questions\[0\]: .*must not give \{answer\}",
        ),
        ("[name]\nquestions = ['What?']\nanswers = ['Four.']\n", r"answers\[0\]: an answer needs \{answer\}"),
        ("[name]\nquestions = ['What {thing?']\nanswers = ['{answer}']\n", r"questions\[0\]: expected '}'"),
    ],
)
def test_a_faulty_file_is_refused_by_file_list_and_item(write, tmp_path, text, message):
    path = write(text=text)
    with pytest.raises(TemplateError, match=message) as error:
        load(tmp_path)
    assert error.value.path == str(path)
    assert error.value.remedy


@pytest.mark.parametrize(
    "text", ["{a.b}", "{a[0]}", "{a!r}", "{a:>3}", "{0}", "{}", "{a b}", "one } two", "{a", "{a:{b}}"]
)
def test_slots_are_plain_names(text):
    with pytest.raises(ValueError, match=r"."):
        parse(text)


def test_slots_that_are_found():
    assert parse("{{no}} {one} and {two}, {one}").slots == {"one", "two"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("armchair", "An armchair? There are 100% armchairs, like the armchair."),
        ("shelf", "A shelf? There are 100% shelves, like the shelf."),
        ("scissors", "Some scissors? There are 100% scissors, like the scissors."),
    ],
)
def test_slots_can_be_written_in_forms(write, tmp_path, name, text):
    write(["Is it {thing:a}? There are 100% {thing:s}, like the {thing}."])
    worded = load(tmp_path).question("name", 0, {"thing": name})
    assert worded.text == text.replace(text[0], f"Is it {text[0].lower()}", 1)
    with pytest.raises(TemplateError, match=r"uses slot \{thing\}, which is not given"):
        load(tmp_path).question("name", 0, {"room": name})


def test_a_form_is_part_of_the_sentence():
    sentence = parse("{thing:a}, {thing:s}, {room}")
    assert sentence.slots == {"thing", "room"}
    assert sentence.forms == {"a", "s"}
    assert sentence.digest != parse("{thing}, {thing:s}, {room}").digest
