"""The validator finds each fault where it is, and nothing else."""

from __future__ import annotations

import dataclasses
import re

import pytest

from spatialgen import templates


def test_good_wording_has_no_problem(write, spec, tmp_path):
    write()
    assert templates.check([spec], tmp_path) == []
    assert templates.counts(spec, tmp_path) == {"name": (22, 1)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Say in metres how much ground the {thing} of the {room} takes up", "does not end with a full stop"),
        ("How long is it, in metres?", "lacks the slot {thing}"),
        (
            "What length, in metres, has the {thing} by the {window}?",
            "slot {window} is not one of task length's: room, thing",
        ),
        ("What length has the {thing}?", "does not say that the answer is in m"),
        ("Say in  metres how much ground the {thing} takes up.", "double space"),
        ("Say in metres how much ground the {thing} takes up. ", "starts or ends with a space"),
        ("Say in metres how much\tground the {thing} takes up.", "tab"),
        ("Say in metres how much ground the the {thing} takes up.", "says 'the the'"),
        ("Say in metres how much ground the {thing} takes up (about.", "a bracket without its partner"),
        ("<image>\nSay in metres how much ground the {thing} takes up.", "'<image>'"),
        ("Say in metres how much ground the {thing} takes up <IMAGE_1>.", "holds '<IMAGE_1>'"),
        ("USER: say in metres how much ground the {thing} takes up.", "holds 'USER:'"),
        ("<|im_start|>Say in metres how much ground the {thing} takes up.", "holds '<|im_start|>'"),
        ("Say in metres. Assistant: how much ground does the {thing} take up?", "Assistant:"),
        ("Say in metres how long a object like the {thing} is.", "'a object' should be 'an object'"),
        ("Say in metres how long an thing like the {thing} is.", "'an thing' should be 'a thing'"),
        ("Say in metres what an unit-wise reader of the {thing} sees.", "'an unit' should be 'a unit'"),
        ("After a hour of looking, what length in metres has the {thing}?", "'a hour' should be 'an hour'"),
        ("A image shows the {thing}. What length, in metres, does it have there?", "'A image' should be 'An image'"),
        ("In metres, how long is a {thing} as shown?", "'a {thing}' is right for some names only: write {thing:a}"),
        ('In metres, how long is an "{thing}" as shown?', "write {thing:a} without the article"),
        ("In metres, how long is the {thing:a} as shown?", "'the {thing:a}' has an article too many"),
        ("Say in metres how much ground {thing:x} takes up.", "must stand alone or be {thing:a} or {thing:s}"),
        ("Give me the {thing} of this length, written in meters.", "nearly repeats item 1: 10 of their 10"),
        ("How wide is the {thing} in metres?", "differs from item 0 in one word"),
    ],
)
def test_a_faulty_question_is_found(write, spec, tmp_path, text, message, replaced):
    path = write(questions=replaced(20, text))
    (problem,) = templates.check([spec], tmp_path)
    assert (problem.file, problem.block, problem.list, problem.item) == (path, "name", "questions", 20)
    assert message in problem.message
    assert str(problem) == f"{path}: [name] questions[20]: {problem.message}"


@pytest.mark.parametrize(
    "text",
    [
        "A or B, an hour, a user, a European stick, an unusual urn, an RGB image, {thing:a}: how many metres?",
        "Is a unit such as the {thing} an honest 3 metres?",
        'They asked: "what does the {thing} measure (in metres)?"',
        "The human: how many metres is a human taller than the {thing}?",
        "How many metres had had to be added to make {thing:a} of that that long?",
    ],
)
def test_unusual_but_right_questions_pass(write, spec, tmp_path, text, replaced):
    write(questions=replaced(20, text))
    assert templates.check([spec], tmp_path) == []


@pytest.mark.parametrize("unit_text", ["12mm", "(in mm)", "MILLIMETERS", "millimetre"])
def test_the_unit_may_be_spelled_out(write, spec, tmp_path, unit_text, questions):
    millimetres = dataclasses.replace(spec, text_unit="mm")
    write(questions=[re.sub(r"\b(metres|meters|m)\b", unit_text, question) for question in questions])
    assert templates.check([millimetres], tmp_path) == []


def test_a_question_with_options_below_asks_for_a_letter(write, spec, tmp_path, questions):
    lettered = dataclasses.replace(spec, lettered=True)
    write(questions=[f"{question} Give the letter." for question in questions])
    assert templates.check([lettered], tmp_path) == []
    write()
    assert {p.message for p in templates.check([lettered], tmp_path)} == {"does not say that the answer is a letter"}


def test_forms_are_of_a_language(write, spec, tmp_path, replaced):
    text = "Quelle longueur, en m, faut-il pour {thing:s} ?"
    write(questions=replaced(20, text), lang="fr")
    problems = templates.check([spec], tmp_path, lang="fr")
    assert [(p.item, p.message) for p in problems if p.item == 20] == [
        (20, "wants a slot in form :s, which is not known in language 'fr'")
    ]


def test_comma_is_not_a_unit(write, spec, tmp_path, replaced):
    write(questions=replaced(3, "I'm sure, am I, that the {thing} is lengthy?"))
    assert [(p.item, p.message) for p in templates.check([spec], tmp_path)] == [
        (3, "does not say that the answer is in m")
    ]


def test_a_task_without_unit_need_not_state_one(write, spec, tmp_path, replaced):
    write(questions=replaced(3, "What about the {thing}?"))
    assert templates.check([dataclasses.replace(spec, text_unit="")], tmp_path) == []


def test_a_vector_question_shows_the_form_of_its_answer(write, spec, tmp_path, questions):
    path = write(questions=[f"{question} Write [x, y, z]." for question in questions])
    vector = dataclasses.replace(spec, answer_type="vector")
    assert templates.check([vector], tmp_path) == []
    path.write_text(path.read_text().replace("[x, y, z]", "[x, y]", 1))
    assert [(p.item, p.message) for p in templates.check([vector], tmp_path)] == [
        (0, "does not show the form of the answer, [x, y, z]")
    ]


def test_coordinates_come_with_their_scale(write, spec, tmp_path, questions):
    pointed = dataclasses.replace(spec, variants=("coord",))
    write(questions=[f"{question} Scale: 0\u20131000." for question in questions], block="coord")
    assert templates.check([pointed], tmp_path) == []
    write(questions=questions, block="coord")
    assert {p.message for p in templates.check([pointed], tmp_path)} == {
        "does not say that coordinates run from 0 to 1000"
    }


def test_floors(write, spec, tmp_path, questions):
    write(questions=questions[:20])
    assert templates.check([spec], tmp_path) == []
    write(questions=questions[:19])
    (problem,) = templates.check([spec], tmp_path)
    assert (problem.list, problem.item, problem.message) == ("questions", None, "19 usable questions, fewer than 20")


@pytest.mark.parametrize(
    ("answers", "item", "message"),
    [
        (("{answer} m",), 0, 'must be exactly "{answer}"'),
        (("{answer}.",), 0, 'must be exactly "{answer}"'),
        (("{answer}", "It is {answer}."), None, "exactly one"),
    ],
)
def test_a_number_is_answered_bare(write, spec, tmp_path, answers, item, message):
    write(answers=answers)
    problem = templates.check([spec], tmp_path)[0]
    assert (problem.list, problem.item) == ("answers", item)
    assert message in problem.message


def test_sentence_answers(write, spec, tmp_path, sentences):
    spoken = dataclasses.replace(spec, sentence_answers=True)
    write(answers=sentences)
    assert templates.check([spoken], tmp_path) == []
    write(answers=sentences[:7])
    assert [p.message for p in templates.check([spoken], tmp_path)] == ["7 usable answers, fewer than 8"]
    write(answers=(*sentences[:7], "The {thing} has {answer}.", "It is {answer} to {place}"))
    assert [(p.item, p.message) for p in templates.check([spoken], tmp_path)] == [
        (7, "differs from item 1 in one word"),
        (8, "slot {place} is not one of task length's: answer, room, thing"),
        (8, "does not end with a full stop, a question mark or an exclamation mark"),
    ]


def test_blocks_must_be_those_of_the_task(write, spec, tmp_path):
    both = dataclasses.replace(spec, variants=("name", "dot"), polarities=("long", "short"))
    write(block="long.name")
    problems = templates.check([both], tmp_path)
    assert [(p.block, p.message) for p in problems] == [
        ("long.dot", "missing block"),
        ("short.name", "missing block"),
        ("short.dot", "missing block"),
    ]
    write(block="nmae")
    assert [(p.block, p.message) for p in templates.check([spec], tmp_path)] == [
        ("nmae", "unknown block; task length has name"),
        ("name", "missing block"),
    ]


def test_every_fault_of_a_file_is_reported_in_its_order(write, spec, tmp_path, replaced):
    faulty = replaced(0, "Is {answer} right?")
    faulty[5] = "How many metres?"
    write(questions=faulty, answers=["no"])
    assert [(p.list, p.item) for p in templates.check([spec], tmp_path)] == [
        ("questions", 0),
        ("questions", 5),
        ("answers", 0),
    ]


def test_bad_toml_and_missing_files_are_problems_not_errors(write, spec, tmp_path):
    (problem,) = templates.check([spec], tmp_path)
    assert problem.message == "no such file"
    write(text="[name]\nquestions = [What?]\n")
    (problem,) = templates.check([spec], tmp_path)
    assert "not readable as TOML" in problem.message
    assert "line 2" in problem.message


def test_other_languages_have_their_own_full_stops_and_no_english_articles(write, spec, tmp_path, questions):
    write(questions=[f"a object {question[:-1]}\uff1f (m)" + "\u3002" for question in questions], lang="zh")
    assert templates.check([spec], tmp_path, "zh") == []
