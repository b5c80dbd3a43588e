"""The line below a question that says in what form to answer it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from ..core.seeding import stable_hash
from ..errors import TemplateError
from ._wording import OWN_ROOT

__all__ = ["Requests", "requests", "requests_path"]

_LINES_APART: Final = 104_729  # a prime above any number of questions


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """The line below a question that says in what form to answer it: a letter, the bare value, Yes or No.

    Attributes:
        path: the file the lines come from.
        content_hash: 16 hex digits over all lines, whatever their order.
    """

    path: Path
    content_hash: str
    _lines: dict[str, tuple[str, ...]] = field(repr=False)

    def line(self, form: str, key: int) -> str:
        """One of a form's lines, picked by ``key`` (any integer); empty where the form has none."""
        lines = self._lines.get(form, ())
        # Divided, so that the choice does not go with that of the question.
        return lines[key // _LINES_APART % len(lines)] if lines else ""


def requests_path(lang: str = "en", root: Path | None = None) -> Path:
    """Where the lines lie that ask for a form of answer."""
    return (root or OWN_ROOT) / lang / "forms.toml"


@lru_cache(maxsize=16)
def requests(lang: str = "en", root: Path | None = None) -> Requests:
    """What asks for each form of answer, for tasks of which each form has its own wording.

    Args:
        lang: language folder; its ``forms.toml`` has a table per form with a list of ``lines``.
        root: another folder of wording; the package's own when None.

    Raises:
        TemplateError: for a missing or faulty file; names the fault.
    """
    path = requests_path(lang, root)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TemplateError("no such file", path=path, remedy="write it as the package's own forms.toml is") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TemplateError(f"not readable as TOML: {error}", path=path, remedy="correct it; quote all text") from None
    lines: dict[str, tuple[str, ...]] = {}
    for form, table in document.items():
        some = table.get("lines") if isinstance(table, dict) and set(table) == {"lines"} else None
        usable = isinstance(some, list) and all(isinstance(line, str) and line.strip() == line != "" for line in some)
        if not some or not usable or any("\n" in line or "{" in line for line in some) or len(set(some)) < len(some):
            raise TemplateError(
                f"[{form}] must hold lines, a list of different short texts of one line each without slots",
                path=path,
                remedy="write them as the package's own forms.toml does",
            )
        lines[form] = tuple(sorted(some))
    return Requests(path, f"{stable_hash(lang, lines):016x}", lines)
