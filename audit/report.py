"""One pass over a finished dataset, and what it found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..core.seeding import canonical_json
from ..dataset import check, read
from ..dataset.ordering import row_keys
from ..errors import SceneError
from ..media import images as codec
from .tables import format_report
from .tallies import TaskTally, imbalances, summary

__all__ = ["Report", "audit"]

_EXAMPLES: Final = 5
_IMAGE_SAMPLE: Final = 200
_BATCH_ROWS: Final = 128  # with images embedded, some tens of MB


@dataclass(slots=True)
class Report:
    """What an audit found.

    Attributes:
        directory: that was audited.
        tasks: counts of each task (``tallies.summary``).
        skips: by task and reason, from the manifest.
        failures: scenes that gave no rows because something broke.
        problems: rules that rows break: the rule (with numbers taken out) → how many rows, and some of their ids.
        duplicates: ids that occur more than once.
        imbalances: scenes of a task in which letters, ways of asking or of pointing differ by more than one row.
        images: how many embedded images were decoded, and which could not be.
    """

    directory: str
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    skips: dict[str, dict[str, int]] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    problems: dict[str, dict[str, Any]] = field(default_factory=dict)
    duplicates: list[str] = field(default_factory=list)
    imbalances: list[dict[str, Any]] = field(default_factory=list)
    images: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether no row breaks a rule, no id repeats, scenes are balanced and all images looked at are whole."""
        return not (self.problems or self.duplicates or self.imbalances or self.images.get("undecodable"))

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-able data."""
        return {
            "directory": self.directory,
            "ok": self.ok,
            "rows": sum(task["rows"] for task in self.tasks.values()),
            "tasks": self.tasks,
            "skips": self.skips,
            "failures": self.failures,
            "problems": self.problems,
            "duplicates": self.duplicates,
            "imbalances": self.imbalances,
            "images": self.images,
        }

    def to_json(self) -> str:
        """The report as a JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def format_table(self) -> str:
        """The report as tables for a terminal."""
        return format_report(self.to_dict())


def audit(directory: Path, *, image_sample: int | None = _IMAGE_SAMPLE) -> Report:
    """Counts and checks the rows of a finished dataset.

    Args:
        directory: the ``--out`` folder of a run.
        image_sample: embedded images to decode per task, spread evenly; None decodes all.

    Raises:
        DatasetError: when the folder is no finished run directory or a file in it is broken.
    """
    directory = Path(directory)
    read.require_finished(directory)
    manifest = read.read_manifest(directory)
    report = Report(str(directory), failures=_failures(directory), skips=_skips(manifest))
    report.images = {"embedded": 0, "decoded": 0, "undecodable": []}
    all_keys = []
    for task in read.tasks(directory):
        tally = TaskTally()
        paths = read.shards(directory, task)
        rows = sum(_row_count(path) for path in paths)
        step = 1 if image_sample is None else max(1, rows // max(image_sample, 1))
        position = 0
        for path in paths:
            for table in read.iter_tables(path, batch_rows=_BATCH_ROWS):
                all_keys.append(row_keys(table["id"].to_pylist(), 0))
                for row in table.to_pylist():
                    tally.add(row, _polarity(row))
                    for problem in check.problems(row):
                        _note(report.problems, problem, row["id"])
                    _check_images(row, position % step == 0, report.images)
                    position += 1
        report.tasks[task] = summary(tally)
        report.imbalances += [{"task": task, **entry} for entry in imbalances(tally)]
    keys = np.concatenate(all_keys) if all_keys else np.zeros(0, np.uint64)
    report.duplicates = _duplicates(directory, keys)
    return report


def _row_count(path: Path) -> int:
    with read.open_parquet(path) as file:
        return int(file.metadata.num_rows)


def _polarity(row: Mapping[str, Any]) -> str:
    """The way of asking: what the evidence says was asked for, the first part of the template's block otherwise."""
    try:
        evidence = json.loads(row["evidence"])
    except (TypeError, ValueError):
        return ""
    ask = evidence.get("ask", "") if isinstance(evidence, dict) else ""
    return ask if isinstance(ask, str) else canonical_json(ask)


def _note(problems: dict[str, dict[str, Any]], problem: str, row_id: str) -> None:
    rule = "".join("#" if letter.isdigit() else letter for letter in problem)
    entry = problems.setdefault(rule, {"rows": 0, "example": problem, "ids": []})
    entry["rows"] += 1
    if len(entry["ids"]) < _EXAMPLES:
        entry["ids"].append(row_id)


def _check_images(row: Mapping[str, Any], decode: bool, found: dict[str, Any]) -> None:
    """Counts the embedded images of a row, decodes them if asked to, and compares their sizes with the row's."""
    for index, image in enumerate(row["images"]):
        if image["bytes"] is None:
            continue
        found["embedded"] += 1
        if decode:
            found["decoded"] += 1
            if problem := _image_problem(row, index, image["bytes"]):
                found["undecodable"].append({"id": row["id"], "image": index, "problem": problem})


def _image_problem(row: Mapping[str, Any], index: int, data: bytes) -> str:
    try:
        codec.decode_rgb(data, 8)
        size = codec.image_size(data)
    except SceneError as error:
        return error.what
    sizes = row["embedded_sizes"] or []
    stated = (sizes[index]["width"], sizes[index]["height"]) if index < len(sizes) else None
    return "" if size == stated else f"the image is {size[0]} x {size[1]}, the row says otherwise"


def _duplicates(directory: Path, keys: np.ndarray) -> list[str]:
    values, counts = np.unique(keys, return_counts=True)
    repeated = values[counts > 1]
    if not repeated.size:
        return []
    seen: Counter[str] = Counter()
    for path in read.shards(directory):
        for table in read.iter_tables(path, ["id"], batch_rows=65_536):
            ids = table["id"].to_pylist()
            chosen = np.isin(row_keys(ids, 0), repeated)
            seen.update(one for one, wanted in zip(ids, chosen, strict=True) if wanted)
    return sorted(one for one, count in seen.items() if count > 1)


def _skips(manifest: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    totals: dict[str, Counter[str]] = {}
    for scene in manifest.get("scenes", {}).values():
        for task, reasons in scene.get("skips", {}).items():
            totals.setdefault(task, Counter()).update(reasons)
    return {task: dict(counts.most_common()) for task, counts in sorted(totals.items())}


def _failures(directory: Path) -> list[dict[str, Any]]:
    path = directory / "failures.json"
    if not path.is_file():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    return list(found)
