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


def list_tasks() -> list[dict[str, Any]]:
    """Every task, with its engine's parameters and the number of its wordings per block (questions, answers)."""
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
        for engine in engines.load_all()
        for spec in engine.tasks
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
        needs = ", ".join(need.replace("|", " or ") for need in entry["needs"])
        wordings = ", ".join(
            f"{block} {counts['questions']}/{counts['answers']}" for block, counts in entry["wordings"].items()
        )
        lines = [
            f"{entry['suite']}/{entry['task']}  (engine {entry['engine']}, version {entry['version']})",
            *_paragraph("", entry["summary"]),
            *_paragraph("answers", _answers(entry)),
            *_paragraph("variants", f"{', '.join(entry['variants'])}; forms: {', '.join(entry['forms'])}"),
            *_paragraph("needs", needs or "nothing"),
            *_paragraph("wordings", f"{wordings} (questions/answers)"),
        ]
        if entry["engine"] not in parameters_shown:
            parameters_shown.add(entry["engine"])
            for parameter in entry["parameters"]:
                lines += _paragraph("--set", f"{parameter['name']}={parameter['default']}  {parameter['description']}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


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
