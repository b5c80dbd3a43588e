"""The rules every sentence keeps, whoever wrote it.

Wording that repeats itself, leaks the answer or never says in which unit to answer costs a model more than it
teaches, so it is refused before any row is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..core.nouns import article
from ..core.types import TaskSpec
from ._wording import Block, Problem, Sentence, read

__all__ = ["check_task"]

QUESTION_FLOOR: Final = 20
ANSWER_FLOOR: Final = 8
"""Fewest questions a block, and fewest answers where answers are sentences."""

NEAR_REPEAT: Final = 0.8
"""Two sentences whose sets of words overlap this much (Jaccard) say the same thing the same way."""

_UNIT_WORDS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "en": {
        "mm": ("mm", "millimetre", "millimetres", "millimeter", "millimeters"),
        "cm": ("cm", "centimetre", "centimetres", "centimeter", "centimeters"),
        "m": ("m", "metre", "metres", "meter", "meters"),
        "m2": ("m²", "m2", "square metre", "square metres", "square meter", "square meters"),
        "deg": ("°", "deg", "degree", "degrees"),
    },
}
"""How the units of answers are written; a unit or language that is not listed is written as its symbol."""

_VECTOR_FORM: Final = "[x, y, z]"
_SCALE: Final = re.compile(r"1000|thousandth|per.mille|\u2030", re.IGNORECASE)
"""How a question says what its coordinates mean; digits serve in every language."""

_WORD: Final = re.compile(r"\{\w+(?::\w)?\}|[^\W_]+(?:['\u2019][^\W_]+)*")
_MARKUP: Final = re.compile(
    r"</?\s*(?:image|img|video|audio|(?:s|bos|eos|pad)\b)[^<>]*>|<\|[^<>]*\|?>|\[/?INST\]|<</?SYS>>"
    r"|(?:^|[\n.!?])\s*(?:user|assistant|system|human|gpt|bot)\s*:",
    re.IGNORECASE,
)
# Latin, CJK, Arabic and Devanagari ends of sentences, and what may close after them.
_ENDS: Final = re.compile(r"[.?!\u2026\u3002\uff1f\uff01\u061f\u0964][\"'\u201d\u2019\u00bb)\]]*$")
_ARTICLE: Final = re.compile(
    r"(?<![\w'\u2019{-])(?P<article>a|an|An)\s+[\"'\u201c\u2018(]?(?P<word>[A-Za-z]+)"
    r"|(?:^|[.?!]\s+)(?P<start>A)\s+(?P<after>[a-z]+)"
)
_DOUBLED: Final = re.compile(r"\b(?!had\b|that\b)([a-z]+) \1\b", re.IGNORECASE)
_SLOT_ARTICLE: Final = re.compile(
    r"(?<![\w'\u2019{-])(?P<article>an?)\s+[\"'\u201c\u2018(]?\{(?P<slot>\w+)\}", re.IGNORECASE
)
_BEFORE_ARTICLE: Final = re.compile(
    r"(?<![\w'\u2019{-])(?P<word>an?|the|this|that|these|those|each|every|one|any|no|which)\s+\{(?P<slot>\w+):a\}",
    re.IGNORECASE,
)
_LETTER: Final[dict[str, re.Pattern[str]]] = {"en": re.compile(r"\bletters?\b", re.IGNORECASE)}
"""How a question whose options are listed below it says that a letter is the answer."""

# After a capital A at the start of a sentence these words mean that it is a label, not an article.
_AFTER_LABEL: Final = frozenset({"and", "or", "is", "in", "on", "at", "appears", "occupies", "are"})


def check_task(spec: TaskSpec, path: Path) -> list[Problem]:
    """Everything wrong with one task's file, in the order of the file.

    Args:
        spec: the task: its blocks, slots, unit and kind of answer.
        path: ``<root>/<language>/<suite>/<task>.toml``.
    """
    blocks, problems = read(path)
    if not blocks and problems:
        return problems
    lang = path.parents[1].name
    for name in spec.blocks:
        if name not in blocks:
            problems.append(Problem(path, name, "", None, "missing block"))
    for name, block in blocks.items():
        if name not in spec.blocks:
            known = ", ".join(spec.blocks)
            problems.append(Problem(path, name, "", None, f"unknown block; task {spec.name} has {known}"))
            continue
        if block.asks_as in blocks:
            problems.extend(_borrowed(spec, path, name, blocks[block.asks_as], lang))
        problems.extend(_questions(spec, path, name, block, lang))
        problems.extend(_answers(spec, path, name, block, lang))
    order = {name: position for position, name in enumerate(blocks)}
    return sorted(
        problems,
        key=lambda p: (order.get(p.block, len(order)), p.list != "questions", -1 if p.item is None else p.item),
    )


def _questions(spec: TaskSpec, path: Path, name: str, block: Block, lang: str) -> Iterator[Problem]:
    if 0 < len(block.questions) < QUESTION_FLOOR:
        message = f"{len(block.questions)} usable questions, fewer than {QUESTION_FLOOR}"
        yield Problem(path, name, "questions", None, message)
    for item, sentence in block.questions:
        for message in _question_faults(spec, name, sentence, lang):
            yield Problem(path, name, "questions", item, message)
    for item, message in _repeats(block.questions):
        yield Problem(path, name, "questions", item, message)


def _borrowed(spec: TaskSpec, path: Path, name: str, lender: Block, lang: str) -> Iterator[Problem]:
    """What the questions of another block lack for this one; their other faults are told where they stand."""
    for item, sentence in lender.questions:
        for message in _form_faults(spec, name, sentence, lang):
            yield Problem(path, name, "questions", None, f"borrowed item {item} {message}")


def _answers(spec: TaskSpec, path: Path, name: str, block: Block, lang: str) -> Iterator[Problem]:
    form = spec.forms_of_blocks[name]
    if spec.answers_in_sentences(form):
        if 0 < len(block.answers) < ANSWER_FLOOR:
            message = f"{len(block.answers)} usable answers, fewer than {ANSWER_FLOOR}"
            yield Problem(path, name, "answers", None, message)
        for item, sentence in block.answers:
            for message in (*_undeclared(spec, sentence, {"answer"}), *_style_faults(sentence.text, lang)):
                yield Problem(path, name, "answers", item, message)
            # Where only some forms are sentences, the question need not name the unit: the answer does.
            stated = not spec.is_worded_by_form or spec.answer_type != "number" or not spec.text_unit
            if not stated and not _states_unit(sentence.text, spec.text_unit, lang):
                yield Problem(path, name, "answers", item, f"does not say that the number is in {spec.text_unit}")
        for item, message in _repeats(block.answers):
            yield Problem(path, name, "answers", item, message)
        return
    # A letter or a number is answered bare, so that it can be scored without parsing a sentence.
    if len(block.answers) > 1:
        yield Problem(
            path, name, "answers", None, f"{len(block.answers)} answers; this task has exactly one, {{answer}}"
        )
    for item, sentence in block.answers:
        if sentence.text != "{answer}":
            yield Problem(path, name, "answers", item, 'must be exactly "{answer}": this task is answered bare')


def _question_faults(spec: TaskSpec, block: str, sentence: Sentence, lang: str) -> Iterator[str]:
    yield from _undeclared(spec, sentence, set())
    yield from _form_faults(spec, block, sentence, lang)
    variant = block.rpartition(".")[2]
    if spec.answer_type_of(variant, spec.forms_of_blocks[block]) == "vector" and _VECTOR_FORM not in sentence.text:
        yield f"does not show the form of the answer, {_VECTOR_FORM}"
    if variant == "coord" and not _SCALE.search(sentence.text):
        yield "does not say that coordinates run from 0 to 1000"
    yield from _style_faults(sentence.text, lang)


def _form_faults(spec: TaskSpec, block: str, sentence: Sentence, lang: str) -> Iterator[str]:
    """What a question lacks for the form of answer it asks for."""
    form = spec.forms_of_blocks[block]
    for slot in sorted(spec.slots_required(form) - sentence.slots):
        yield f"lacks the slot {{{slot}}}"
    # Sentences tell their unit, statements to be judged too; where forms are worded apart, lines of their own
    # (forms.toml) ask for the letter.
    bare = not spec.is_worded_by_form or form in {"fill", "select"}
    if bare and spec.text_unit and not _states_unit(sentence.text, spec.text_unit, lang):
        yield f"does not say that the answer is in {spec.text_unit}"
    if not spec.is_worded_by_form and spec.lettered and lang in _LETTER and not _LETTER[lang].search(sentence.text):
        yield "does not say that the answer is a letter"


def _undeclared(spec: TaskSpec, sentence: Sentence, extra: set[str]) -> Iterator[str]:
    for slot in sorted(sentence.slots - spec.slots - extra):
        known = ", ".join(sorted(spec.slots | extra))
        yield f"slot {{{slot}}} is not one of task {spec.name}'s: {known}"


def _states_unit(text: str, unit: str, lang: str) -> bool:
    spellings = _UNIT_WORDS.get(lang, {}).get(unit, (unit,))
    return any(
        re.search(rf"(?<![^\W\d_])(?<!['\u2019]){re.escape(word)}(?!\w)", text, re.IGNORECASE) for word in spellings
    )


def _style_faults(text: str, lang: str) -> Iterator[str]:
    if found := _MARKUP.search(text):
        yield f"holds {found.group().strip()!r}: image markers and chat roles are added when a row is written"
    if text != text.strip():
        yield "starts or ends with a space"
    if "  " in text or "\t" in text:
        yield "has a double space or a tab"
    if any(text.count(opening) != text.count(closing) for opening, closing in ("()", "[]")):
        yield "has a bracket without its partner"
    if not _ENDS.search(text.strip()) and text != "{answer}":
        yield "does not end with a full stop, a question mark or an exclamation mark"
    if lang == "en":
        if found := _DOUBLED.search(text):
            yield f"says {found.group()!r}"
        yield from _article_faults(text)


def _article_faults(text: str) -> Iterator[str]:
    """Wrong articles: "a" before a vowel sound or the other way round, any article before a slot of unknown sound."""
    for found in _ARTICLE.finditer(text):
        written, word = found["article"] or found["start"], found["word"] or found["after"]
        if found["start"] and word in _AFTER_LABEL:
            continue
        if len(word) == 1 or word.isupper():
            continue  # letters and abbreviations are read out in ways that spelling does not tell
        if article(word) != written.lower():
            right = article(word).capitalize() if written[0] == "A" else article(word)
            yield f"'{written} {word}' should be '{right} {word}'"
    for found in _SLOT_ARTICLE.finditer(text):
        yield f"'{found.group()}' is right for some names only: write {{{found['slot']}:a}} without the article"
    for found in _BEFORE_ARTICLE.finditer(text):
        yield f"'{found.group()}' has an article too many: {{{found['slot']}:a}} brings its own"


def _repeats(sentences: tuple[tuple[int, Sentence], ...]) -> Iterator[tuple[int, str]]:
    """Sentences that say again, in nearly the same words, what one before them says."""
    words = [(item, tuple(_WORD.findall(sentence.text.lower()))) for item, sentence in sentences]
    for position, (item, mine) in enumerate(words):
        for other, theirs in words[:position]:
            shared, union = len(set(mine) & set(theirs)), len(set(mine) | set(theirs))
            if union and shared / union >= NEAR_REPEAT:
                yield item, f"nearly repeats item {other}: {shared} of their {union} words are the same"
                break
            if len(mine) == len(theirs) > 1 and sum(a != b for a, b in zip(mine, theirs, strict=True)) == 1:
                yield item, f"differs from item {other} in one word"
                break
