"""Words are data: sentences in TOML, picked and filled once, at rendering.

``<language>/<suite>/<task>.toml`` has one block per polarity and way of pointing (``[closer.dot]``), each with a
list of ``questions`` and a list of ``answers``::

    wording = load("multispa", "depth_comparison")
    text, template_id = wording.question("closer.dot", key=17, slots={"a": "A", "b": "B"})

Of a task with several forms each has its own blocks (``[fill.dot]``, ``[sentence.dot]``); a block may use the questions
of another (``questions = "fill.dot"``), and ``forms.toml`` holds the lines that ask for a letter or a bare value.

``check`` finds what is wrong with the wording of tasks, sentence by sentence; ``counts`` says how much there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..core.types import TaskSpec
from ..errors import TemplateError
from ._requests import Requests, requests, requests_path
from ._validate import check_task
from ._wording import Problem, TaskWording, Worded, languages, load, wording_path

__all__ = ["Problem", "Requests", "TaskWording", "Worded", "check", "counts", "languages", "load", "requests"]


def check(specs: Iterable[TaskSpec], root: Path | None = None, lang: str = "en") -> list[Problem]:
    """Everything that is wrong with the wording of these tasks; empty when all is well.

    Args:
        specs: tasks whose wording is looked at.
        root: folder of wording, the package's own when None.
        lang: language folder below it.
    """
    specs = tuple(specs)
    found = [problem for spec in specs for problem in check_task(spec, wording_path(spec.suite, spec.name, lang, root))]
    if any(spec.is_worded_by_form for spec in specs):
        try:
            requests(lang, root)
        except TemplateError as error:
            found.append(Problem(requests_path(lang, root), "", "", None, error.what))
    return found


def counts(spec: TaskSpec, root: Path | None = None, lang: str = "en") -> dict[str, tuple[int, int]]:
    """How many questions and answers each block of a task has; blocks that the file lacks count (0, 0).

    Raises:
        TemplateError: when the file is missing or cannot be read.
    """
    found = load(spec.suite, spec.name, lang, root).counts()
    return {block: found.get(block, (0, 0)) for block in spec.blocks}
