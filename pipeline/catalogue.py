"""What there is: tasks and formats, as data and as text."""

from __future__ import annotations

import textwrap
from typing import Any

from .. import engines, scene_io, templates

__all__ = ["formats_text", "list_formats", "list_tasks", "tasks_text"]

_WIDTH = 100
_UNIT_NAMES = {
    "mm": "millimetres",
    "cm": "centimetres",
    "m": "metres",
    "m2": "square metres",
    "deg": "degrees",
    "rad": "radians",
    "px": "pixels",
}


def list_tasks(*wanted: str) -> list[dict[str, Any]]:
    """Tasks, with their engine's parameters and the number of their wordings per block (questions, answers).

    ``formats`` holds for every scene format what its scenes never have of what the task needs, nothing where the task
    can be made from it.

    Args:
        wanted: names of tasks, engines or suites; every task when there are none.

    Raises:
        UnknownName: for a name that nothing answers to.
    """
    provides = {name: scene_io.load(name).provides for name in scene_io.available()}
    return [
        {
            "task": spec.name,
            "suite": spec.suite,
            "engine": engine.name,
            "version": engine.version,
            "summary": spec.summary,
            "answer_type": spec.answer_type,
            "units": list(spec.units),
            "text_unit": spec.text_unit,
            "variants": list(spec.variants),
            "forms": list(spec.forms),
            "needs": list(spec.needs),
            "formats": {name: list(spec.missing(capabilities)) for name, capabilities in provides.items()},
            "wordings": {
                block: {"questions": questions, "answers": answers}
                for block, (questions, answers) in templates.counts(spec).items()
            },
            "parameters": [
                {
                    "name": f"{engine.name}.{name}",
                    "default": field.get_default(call_default_factory=True),
                    "description": field.description or "",
                }
                for name, field in engine.parameters.model_fields.items()
            ],
        }
        for engine, specs in engines.resolve(*(wanted or ("all",)))
        for spec in specs
    ]


def list_formats() -> list[dict[str, Any]]:
    """Every scene format: the layouts its reader knows and the capabilities its scenes can have."""
    return [
        {
            "format": reader.name,
            "summary": reader.summary,
            "layouts": list(reader.layouts),
            "provides": sorted(reader.provides),
        }
        for reader in (scene_io.load(name) for name in scene_io.available())
    ]


def tasks_text(entries: list[dict[str, Any]]) -> str:
    """``list_tasks`` for a person."""
    blocks = []
    parameters_shown: set[str] = set()
    for entry in entries:
        served = ", ".join(name for name, missing in entry["formats"].items() if not missing)
        wordings = ", ".join(
            f"{block} {counts['questions']}/{counts['answers']}" for block, counts in entry["wordings"].items()
        )
        lines = [
            f"{entry['suite']}/{entry['task']}  (engine {entry['engine']}, version {entry['version']})",
            *_paragraph("", entry["summary"]),
            *_paragraph("answers", _answers(entry)),
            *_paragraph("variants", ", ".join(entry["variants"])),
            *_paragraph("forms", ", ".join(entry["forms"])),
            *_paragraph("needs", _needs(entry["needs"]) or "nothing"),
            *_paragraph("formats", served or "none"),
            *_paragraph("not from", _lacking(entry["formats"])),
            *_paragraph("wordings", f"{wordings} (questions/answers)"),
        ]
        if entry["engine"] not in parameters_shown:
            parameters_shown.add(entry["engine"])
            for parameter in entry["parameters"]:
                lines += _paragraph("--set", f"{parameter['name']}={parameter['default']}  {parameter['description']}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _lacking(formats: dict[str, list[str]]) -> str:
    """``colmap, structured3d (no trajectory); tapvid3d (no mesh, up)``: formats that cannot serve a task, and why."""
    names: dict[str, list[str]] = {}
    for name, missing in formats.items():
        if missing:
            names.setdefault(_needs(missing), []).append(name)
    return "; ".join(f"{', '.join(some)} (no {missing})" for missing, some in names.items())


def _needs(needs: list[str]) -> str:
    return ", ".join(need.replace("|", " or ") for need in needs)


def _answers(entry: dict[str, Any]) -> str:
    """``choice``, or for numbers ``number, millimetres in the text, metres in value``."""
    parts = [entry["answer_type"]]
    if entry["text_unit"]:
        parts.append(f"{_unit(entry['text_unit'])} in the text")
    if entry["answer_type"] not in {"choice", "yesno"} and entry["units"]:
        parts.append(f"{', '.join(dict.fromkeys(map(_unit, entry['units'])))} in value")
    return ", ".join(parts)


def _unit(symbol: str) -> str:
    return _UNIT_NAMES.get(symbol, symbol)


def formats_text(entries: list[dict[str, Any]]) -> str:
    """``list_formats`` for a person."""
    return "\n\n".join(
        "\n".join(
            [
                entry["format"],
                *_paragraph("", entry["summary"]),
                *(line for layout in entry["layouts"] for line in _paragraph("layout", layout)),
                *_paragraph("provides", ", ".join(entry["provides"])),
            ]
        )
        for entry in entries
    )


def _paragraph(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=f"  {head:<9} " if head else "  ", subsequent_indent=" " * 12)
