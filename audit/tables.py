"""An audit's findings as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..core.counted import counted

__all__ = ["format_report"]

_REASONS: Final = 8
_SCENES: Final = 12


def format_report(report: Mapping[str, Any]) -> str:
    """The tables of a report (``Report.to_dict``): rows, answers, skips by reason, then what is wrong."""
    images = report["images"]
    lines = [
        f"{report['directory']}: {counted(report['rows'], 'row')} of {counted(len(report['tasks']), 'task')}",
        f"images: {images.get('embedded', 0):,} embedded, {images.get('decoded', 0):,} decoded",
        "",
    ]
    groups = [
        (name, group["split"], group["variant"], group["polarity"] or "-", f"{group['rows']:,}")
        for name, task in report["tasks"].items()
        for group in task["groups"]
    ]
    lines += _table(("task", "split", "variant", "asked", "rows"), groups)
    values = [
        (
            name,
            f"{entry['place']}",
            entry["unit"],
            *(_number(entry[key]) for key in ("min", "p5", "median", "p95", "max")),
        )
        for name, task in report["tasks"].items()
        for entry in task["values"]
    ]
    lines += _table(("task", "value", "unit", "min", "5 %", "median", "95 %", "max"), values)
    balance = [
        (name, " ".join(f"{key}:{count:,}" for key, count in task["answers"].items()) or "-", *_worst(task))
        for name, task in report["tasks"].items()
    ]
    lines += _table(("task", "true options", "worst letter gap", "worst polarity gap", "worst variant gap"), balance)
    wording = [
        (name, f"{task['templates']:,}", f"{task['most_used_template']:.1%}", f"{task['distinct_questions']:,}")
        for name, task in report["tasks"].items()
    ]
    lines += _table(("task", "templates", "most used", "distinct questions"), wording)
    skips = [
        (name, reason, f"{count:,}")
        for name, reasons in report["skips"].items()
        for reason, count in list(reasons.items())[:_REASONS]
    ]
    if skips:
        lines += _table(("task", "left out because", "count"), skips)
    return "\n".join([*lines, *_wrong(report)])


def _worst(task: Mapping[str, Any]) -> tuple[str, ...]:
    cells = []
    for key in ("letter_imbalance", "polarity_imbalance", "variant_imbalance"):
        worst = task[key]
        cells.append("-" if worst is None else f"{worst['difference']} ({worst['scene']})")
    return tuple(cells)


def _wrong(report: Mapping[str, Any]) -> list[str]:
    lines = [f"scene failed: {one.get('scene')}: {one.get('reason')}" for one in report["failures"]]
    lines += [
        f"problem in {counted(entry['rows'], 'row')}: {entry['example']} (row {', '.join(entry['ids'])})"
        for entry in report["problems"].values()
    ]
    uneven = report["imbalances"]
    lines += [
        f"{one['task']}: {one['what']} of scene {one['scene']} are uneven: {_counts(one)}" for one in uneven[:_SCENES]
    ]
    if len(uneven) > _SCENES:
        lines.append(f"and {len(uneven) - _SCENES:,} more that are uneven; --json lists them")
    lines += [f"duplicate id: {one}" for one in report["duplicates"]]
    lines += [f"image {one['image']} of row {one['id']}: {one['problem']}" for one in report["images"]["undecodable"]]
    return [*lines, "no problem found" if report["ok"] else "problems found"]


def _counts(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in entry["counts"].items())


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[index]) for row in (head, *rows)) for index in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    return [line(head), line(["-" * width for width in widths]), *(line(row) for row in rows), ""]
