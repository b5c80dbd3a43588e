"""The dataset card: ``README.md`` with the metadata that the Hugging Face hub and its viewer read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..core.counted import counted

__all__ = ["dataset_card"]

_SIZES: Final = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
)
_SCENES_LISTED: Final = 40
_REASONS_LISTED: Final = 12

_USE: Final = """\
```python
import os

{imports}

folder = os.path.abspath(".")  # where this file is, by its full path: the library wants a folder's name
rows = load_dataset(folder, "{task}", split="{split}"){cast}
print(rows[0]["messages"])
```

Every row holds its images{images}, the chat `messages`, and the truth behind the text: `value` in SI units with
`units`, the `points` and `boxes` in native pixels, `evidence` for an outside check, and `margin`, which is 1 where the
answer is just clear enough to be asked. Pixel centres are at integers, the top-left one is (0, 0)."""

_EMBEDDED_CODE: Final = {"imports": "from datasets import load_dataset", "cast": ""}
_PATH_CODE: Final = {
    "imports": "from datasets import Image, List, load_dataset",
    "cast": '\nrows = rows.cast_column("images", List(Image(decode=False)))  # references, without pixels',
}

_DEFINITIONS: Final = """\
Axes, units, pixel centres, visibility, overlap and margins are defined in spatialgen's `docs/conventions.md`, the
columns in `docs/data-format.md`. In `value` all lengths are metres and all angles radians; text may use millimetres or
degrees. `frames.parquet` holds the cameras of every frame (camera_to_world, OpenCV axes, metres)."""

_LIMITS: Final = """\
- Answers are computed from the scans' geometry. They are as good as mesh, depth and camera poses are; rows where mesh
  and depth sensor disagree, or the answer is too close to call, were left out and counted below.
- Questions come from templates. The wording varies; it is not the variety of people's own questions.
- What is asked about follows what the scans show: indoor places, from where somebody held a camera."""


def dataset_card(manifest: Mapping[str, Any]) -> str:
    """The text of a dataset's ``README.md``: YAML for the hub (one configuration a task), then words for people.

    Args:
        manifest: the run's ``manifest.json``.
    """
    counts = _counts(manifest)
    parts = [_yaml(manifest, counts), "# Spatial questions, answered from 3D scans", _about(manifest, counts)]
    if counts:
        task, splits = next(iter(counts.items()))
        config = manifest.get("config", {})
        embedded = config.get("images", "embed") == "embed"
        images = " (embedded as JPEG)" if embedded else " as references into the source scans (`images.path`)"
        code = _EMBEDDED_CODE if embedded else _PATH_CODE
        parts += ["## Use", _USE.format(task=task, split=next(iter(splits)), images=images, **code)]
        if not embedded:
            parts.append(
                "Without the cast `datasets` would try to open the references as files. Turn them into pixels with "
                "`spatialgen materialise DIR --scenes PATH`, which needs no cast any more, or row by row with "
                "`spatialgen.dataset.images.resolve(row, root)`."
            )
    parts += ["## Rows", _rows_table(counts), "## Scenes", _scene_table(manifest)]
    parts += ["## How it was made", _provenance(manifest), "## What was left out", _skips(manifest)]
    parts += [
        "## Definitions",
        _DEFINITIONS,
        "## Licence of the sources",
        _licence(manifest),
        "## Limitations",
        _LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def _counts(manifest: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Rows by task and split, tasks and splits in the manifest's order of tasks and by name."""
    found: dict[str, dict[str, int]] = {}
    for task in manifest.get("tasks", {}):
        splits: dict[str, int] = {}
        for scene in manifest.get("scenes", {}).values():
            if rows := scene.get("rows", {}).get(task, 0):
                splits[scene["split"]] = splits.get(scene["split"], 0) + rows
        if splits:
            found[task] = dict(sorted(splits.items()))
    return found


def _text(value: str) -> str:
    """A quoted YAML scalar: JSON's strings are YAML's."""
    return json.dumps(value, ensure_ascii=False)


def _yaml(manifest: Mapping[str, Any], counts: Mapping[str, Mapping[str, int]]) -> str:
    total = sum(sum(splits.values()) for splits in counts.values())
    size = next((name for limit, name in _SIZES if total < limit), "n>1T")
    datasets = sorted({scene["dataset"] for scene in manifest.get("scenes", {}).values()})
    lines = [
        "---",
        f"pretty_name: {_text('Spatial questions from ' + (', '.join(datasets) or 'no scene'))}",
        "license: other",
        "license_name: terms-of-the-source-scans",
        "annotations_creators:",
        "- machine-generated",
        "language:",
        f"- {manifest.get('config', {}).get('lang', 'en')}",
        "task_categories:",
        "- visual-question-answering",
        "size_categories:",
        f"- {size}",
        "tags:",
        "- spatial-reasoning",
        "- 3d",
        "- spatialgen",
    ]
    if counts:
        lines.append("configs:")
    for number, (task, splits) in enumerate(counts.items()):
        lines.append(f"- config_name: {_text(task)}")
        if number == 0:
            lines.append("  default: true")
        lines.append("  data_files:")
        for split in splits:
            lines += [f"  - split: {_text(split)}", f"    path: {_text(f'data/{task}/{split}-*.parquet')}"]
    return "\n".join([*lines, "---"])


def _about(manifest: Mapping[str, Any], counts: Mapping[str, Mapping[str, int]]) -> str:
    total = sum(sum(splits.values()) for splits in counts.values())
    scenes = manifest.get("scenes", {})
    datasets = sorted({scene["dataset"] for scene in scenes.values()})
    tasks = ", ".join(f"`{task}`" for task in counts) or "none"
    return (
        f"{counted(total, 'question-answer row')} about {counted(len(scenes), 'scene')} of "
        f"{', '.join(datasets) or 'no dataset'}, made by spatialgen {manifest.get('spatialgen', '')}. Tasks: {tasks}. "
        "Every answer is computed from the scan's mesh, depth and camera poses, and stated only where it is clear by "
        "a margin."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    for row in rows:
        cells = (f"{cell:,}" if isinstance(cell, int) else str(cell).replace("|", "\\|") for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _rows_table(counts: Mapping[str, Mapping[str, int]]) -> str:
    rows = [(task, split, number) for task, splits in counts.items() for split, number in splits.items()]
    return _table(("task", "split", "rows"), rows) if rows else "There are none."


def _scene_table(manifest: Mapping[str, Any]) -> str:
    scenes = manifest.get("scenes", {})
    if not scenes:
        return "There are none."
    tasks = list(manifest.get("tasks", {}))
    rows = [
        (name, scene["dataset"], scene["split"], scene["frames"], *(scene["rows"].get(task, 0) for task in tasks))
        for name, scene in sorted(scenes.items())
    ]
    table = _table(("scene", "dataset", "split", "frames", *tasks), rows[:_SCENES_LISTED])
    if len(rows) > _SCENES_LISTED:
        table += f"\n\nand {len(rows) - _SCENES_LISTED:,} more, all in `manifest.json`."
    return table


def _provenance(manifest: Mapping[str, Any]) -> str:
    facts = [
        ("spatialgen", manifest.get("spatialgen", "")),
        ("row format", manifest.get("schema_version", "")),
        ("seed", str(manifest.get("seed", ""))),
        ("configuration", manifest.get("config_hash", "")),
        ("made", manifest.get("created", "")),
    ]
    facts += [
        (f"engine of {name}", f"{task['suite']}/{task['engine']} {task['engine_version']}")
        for name, task in manifest.get("tasks", {}).items()
    ]
    options = json.dumps(manifest.get("config", {}), indent=2, sort_keys=True, ensure_ascii=False)
    return (
        _table(("", ""), facts)
        + f"\n\nThe same configuration and scenes give the same rows:\n\n```json\n{options}\n```"
    )


def _skips(manifest: Mapping[str, Any]) -> str:
    totals: dict[tuple[str, str], int] = {}
    for scene in manifest.get("scenes", {}).values():
        for task, reasons in scene.get("skips", {}).items():
            for reason, number in reasons.items():
                totals[task, reason] = totals.get((task, reason), 0) + number
    if not totals:
        return "Nothing."
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    rows = [(task, reason, number) for (task, reason), number in ranked[:_REASONS_LISTED]]
    text = "Candidates that were looked at and not asked, by reason.\n\n" + _table(("task", "reason", "count"), rows)
    if len(ranked) > _REASONS_LISTED:
        text += "\n\nThe rest, scene by scene, is in `manifest.json`."
    return text


def _licence(manifest: Mapping[str, Any]) -> str:
    datasets = sorted({scene["dataset"] for scene in manifest.get("scenes", {}).values()})
    notes = "\n".join(f"- {name}: {_TERMS.get(name, _UNKNOWN_TERMS)}" for name in datasets)
    return (
        "Images and everything measured on them derive from the source scans and stay under their terms; the program "
        f"that made the questions puts none on top.\n\n{notes or '- no source'}"
    )


_UNKNOWN_TERMS: Final = "see the terms its scans came with before sharing rows or images."
_TERMS: Final[Mapping[str, str]] = {
    "scannet": "ScanNet Terms of Use (non-commercial research). Its images must not be handed on: share rows with path "
    "references (`--images path`) and let users materialise them from their own copy.",
    "synthetic": "made by spatialgen itself; free to use and share.",
}
