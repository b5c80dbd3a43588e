"""Reading a task's wording and filling its sentences in."""

from __future__ import annotations

import hashlib
import string
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ..core.nouns import plural, with_article
from ..core.seeding import stable_hash
from ..errors import TemplateError, UnknownName

__all__ = [
    "Problem",
    "Sentence",
    "TaskWording",
    "Worded",
    "languages",
    "load",
    "parse",
    "read",
    "wording_path",
]

LISTS: Final = ("questions", "answers")
OWN_ROOT: Final = Path(__file__).parent
_FORMATTER: Final = string.Formatter()

FORMS: Final[Mapping[str, Mapping[str, Callable[[str], str]]]] = MappingProxyType(
    {"en": MappingProxyType({"a": with_article, "s": plural})}
)
"""By language, forms in which a slot can be written: ``{object:a}`` gives "an armchair", ``{object:s}`` "armchairs"."""

_KNOWN_FORMS: Final = frozenset(form for forms in FORMS.values() for form in forms)


class Worded(NamedTuple):
    """A filled sentence and the id of the template it came from."""

    text: str
    template_id: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with wording, and where.

    Attributes:
        file: the TOML file.
        block: dotted name (``closer.dot``), empty for the file as a whole.
        list: ``questions`` or ``answers``, empty for the block as a whole.
        item: 0-based position in the list, or None for the list as a whole.
        message: what is wrong.
    """

    file: Path
    block: str
    list: str
    item: int | None
    message: str

    @property
    def place(self) -> str:
        """``[closer.dot] questions[3]``, empty for the file as a whole."""
        item = "" if self.item is None else f"[{self.item}]"
        return f"{f'[{self.block}]' if self.block else ''} {self.list}{item}".strip()

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.file), self.place, self.message) if part)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with slots, ready to be filled.

    Attributes:
        text: as written.
        slots: names it uses.
        forms: those of ``FORMS`` it wants slots in.
        percent: the same in ``%(name)s`` and ``%(name:form)s``: filling it is several times faster than ``str.format``.
    """

    text: str
    slots: frozenset[str]
    forms: frozenset[str]
    percent: str

    @property
    def digest(self) -> str:
        """8 hex digits that depend on this sentence alone."""
        return hashlib.blake2b(self.text.encode(), digest_size=4).hexdigest()


def parse(text: str) -> Sentence:
    """A sentence from its text; slots are names in braces, plain or with a form (``{object:a}``).

    Raises:
        ValueError: for unbalanced braces, and for slots with attributes, indices, conversions or other format specs.
    """
    slots: set[str] = set()
    forms: set[str] = set()
    parts: list[str] = []
    for literal, name, spec, conversion in _FORMATTER.parse(text):
        parts.append(literal.replace("%", "%%"))
        if name is None:
            continue
        if not name.isidentifier():
            raise ValueError(f"slot {{{name}}} is not a plain name")
        if conversion or (spec and spec not in _KNOWN_FORMS):
            known = " or ".join(f"{{{name}:{form}}}" for form in sorted(_KNOWN_FORMS))
            raise ValueError(f"slot {{{name}}} must stand alone or be {known}, without conversion or other format")
        slots.add(name)
        if spec:
            forms.add(spec)
        parts.append(f"%({name}:{spec})s" if spec else f"%({name})s")
    return Sentence(text, frozenset(slots), frozenset(forms), "".join(parts))


class _Filling(dict[str, str]):
    """Slots that can also be read in a form, ``object:s``."""

    def __init__(self, slots: Mapping[str, str], forms: Mapping[str, Callable[[str], str]]) -> None:
        super().__init__(slots)
        self._forms = forms

    def __missing__(self, key: str) -> str:
        name, _, form = key.partition(":")
        if name not in self or not form:
            raise KeyError(name)
        return self._forms[form](self[name])


@dataclass(frozen=True, slots=True)
class Block:
    """The sentences of one block that could be read, with their positions in the file.

    Attributes:
        questions, answers: the block's own.
        asks_as: the block whose questions are this one's too, empty where it has its own.
    """

    questions: tuple[tuple[int, Sentence], ...] = ()
    answers: tuple[tuple[int, Sentence], ...] = ()
    asks_as: str = ""


def wording_path(suite: str, task: str, lang: str = "en", root: Path | None = None) -> Path:
    """Where a task's wording lies; ``root`` is the package's own folder when None."""
    return (root or OWN_ROOT) / lang / suite / f"{task}.toml"


def languages(root: Path | None = None) -> tuple[str, ...]:
    """Languages there is wording in."""
    base = root or OWN_ROOT
    return tuple(sorted(path.name for path in base.iterdir() if any(path.glob("*/*.toml")))) if base.is_dir() else ()


def read(path: Path) -> tuple[dict[str, Block], list[Problem]]:
    """The blocks of a file, and everything in it that cannot be used whatever the task is."""
    try:
        with path.open("rb") as file:
            document = tomllib.load(file)
    except FileNotFoundError:
        return {}, [Problem(path, "", "", None, "no such file")]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return {}, [Problem(path, "", "", None, f"not readable as TOML: {error}")]
    blocks: dict[str, Block] = {}
    problems: list[Problem] = []
    for name, table in _tables(document, ""):
        lists: dict[str, tuple[tuple[int, Sentence], ...]] = {}
        asks_as = ""
        for key, value in table.items():
            if key == "questions" and name and isinstance(value, str):
                asks_as = value
            elif key in LISTS and name:
                lists[key] = tuple(_sentences(path, name, key, value, problems))
            else:
                problems.append(Problem(path, name, "", None, f"unknown key {key!r}"))
        if name:
            problems.extend(Problem(path, name, key, None, "missing") for key in LISTS if key not in table)
            blocks[name] = Block(**lists, asks_as=asks_as)
    for name, block in blocks.items():
        if block.asks_as and not (block.asks_as in blocks and blocks[block.asks_as].questions):
            message = f"must be a list of sentences, or name a block that has one; [{block.asks_as}] has none"
            problems.append(Problem(path, name, "questions", None, message))
    return blocks, problems


def _tables(table: Mapping[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Dotted names and own keys of the tables that are blocks: those that hold keys, or nothing at all."""
    own = {key: value for key, value in table.items() if not isinstance(value, dict)}
    if own or not table:
        yield name, own
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _tables(value, f"{name}.{key}" if name else key)


def _sentences(path: Path, block: str, key: str, value: Any, problems: list[Problem]) -> Iterator[tuple[int, Sentence]]:
    """The usable sentences of a list; what is not usable becomes a problem."""
    if not isinstance(value, list) or not value:
        problems.append(Problem(path, block, key, None, "must be a list of sentences with at least one"))
        return
    seen: dict[str, int] = {}
    for item, text in enumerate(value):
        message = ""
        if not isinstance(text, str):
            message = f"must be text, is {type(text).__name__}"
        else:
            try:
                sentence = parse(text)
            except ValueError as error:
                message = str(error)
            else:
                lang = path.parents[1].name
                if not text.strip():
                    message = "is empty"
                elif unknown := sentence.forms - FORMS.get(lang, {}).keys():
                    message = f"wants a slot in form :{min(unknown)}, which is not known in language {lang!r}"
                elif key == "questions" and "answer" in sentence.slots:
                    message = "a question must not give {answer} away"
                elif key == "answers" and "answer" not in sentence.slots:
                    message = "an answer needs {answer}"
                elif sentence.digest in seen:
                    message = f"repeats item {seen[sentence.digest]}"
                else:
                    seen[sentence.digest] = item
                    yield item, sentence
        if message:
            problems.append(Problem(path, block, key, item, message))


@dataclass(frozen=True, slots=True, eq=False)
class TaskWording:
    """All sentences of one task in one language, ready to be picked from.

    Sentences are kept in the order of their ids, so that moving one within the file changes nothing.

    Attributes:
        path: the file they come from.
        task, lang: whose words, in which language.
        content_hash: 16 hex digits over all sentences, whatever their order; belongs in a run's configuration hash.
    """

    path: Path
    task: str
    lang: str
    content_hash: str
    _questions: dict[str, tuple[tuple[str, str], ...]] = field(repr=False)
    _answers: dict[str, tuple[tuple[str, str], ...]] = field(repr=False)

    def question(self, block: str, key: int, slots: Mapping[str, str]) -> Worded:
        """A question of a block, picked by ``key`` (any integer) and filled from ``slots``.

        Raises:
            TemplateError: when there is no such block, or a slot the sentence uses is not given.
        """
        return self._fill(self._questions, "questions", block, key, slots)

    def answer(self, block: str, key: int, slots: Mapping[str, str]) -> Worded:
        """An answer of a block, likewise; ``slots`` holds ``answer``."""
        return self._fill(self._answers, "answers", block, key, slots)

    def counts(self) -> dict[str, tuple[int, int]]:
        """Number of questions and of answers in each block."""
        return {block: (len(self._questions[block]), len(self._answers[block])) for block in self._questions}

    def _fill(
        self,
        lists: Mapping[str, tuple[tuple[str, str], ...]],
        name: str,
        block: str,
        key: int,
        slots: Mapping[str, str],
    ) -> Worded:
        try:
            sentences = lists[block]
        except KeyError:
            raise TemplateError(
                f"{self.task} has no block [{block}]", path=self.path, remedy=f"blocks: {', '.join(lists)}"
            ) from None
        percent, template_id = sentences[key % len(sentences)]
        try:
            return Worded(percent % _Filling(slots, FORMS.get(self.lang, {})), template_id)
        except KeyError as error:
            raise TemplateError(
                f"{name} item {template_id} uses slot {{{error.args[0]}}}, which is not given",
                path=self.path,
                remedy=f"given: {', '.join(sorted(slots)) or 'none'}",
            ) from None


@lru_cache(maxsize=256)
def load(suite: str, task: str, lang: str = "en", root: Path | None = None) -> TaskWording:
    """The wording of a task, read once.

    Args:
        suite: as in the task's ``TaskSpec``.
        task: its name there.
        lang: language folder.
        root: another folder of wording with the same tree; the package's own when None.

    Raises:
        UnknownName: for a language there is no wording in.
        TemplateError: for a missing or faulty file; names file, list and item.
    """
    path = wording_path(suite, task, lang, root)
    if not path.is_file():
        if lang not in languages(root):
            raise UnknownName("language", lang, languages(root))
        raise TemplateError(f"no wording for task {suite}/{task}", path=path, remedy="write it, or choose another task")
    blocks, problems = read(path)
    if problems:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise TemplateError(
            f"{first.place}: {first.message}{more}" if first.place else f"{first.message}{more}",
            path=path,
            remedy="`spatialgen templates check` lists everything that is wrong",
        )
    if not blocks:
        raise TemplateError("no blocks", path=path, remedy="add one, such as [dot] with questions and answers")
    content = {
        name: [sorted(s.text for _, s in part) for part in (b.questions, b.answers)]
        + ([b.asks_as] if b.asks_as else [])
        for name, b in blocks.items()
    }
    asking = {name: block.asks_as or name for name, block in blocks.items()}
    return TaskWording(
        path=path,
        task=task,
        lang=lang,
        content_hash=f"{stable_hash(lang, suite, task, content):016x}",
        # A borrowed question keeps the id of the block it stands in: striking it out there strikes it out everywhere.
        _questions={name: _ready(task, other, blocks[other].questions) for name, other in asking.items()},
        _answers={name: _ready(task, name, block.answers) for name, block in blocks.items()},
    )


def _ready(task: str, block: str, sentences: tuple[tuple[int, Sentence], ...]) -> tuple[tuple[str, str], ...]:
    """Pairs of fillable text and template id, in order of id."""
    pairs = [(sentence.percent, f"{task}/{block}/{sentence.digest}") for _, sentence in sentences]
    return tuple(sorted(pairs, key=lambda pair: pair[1]))
