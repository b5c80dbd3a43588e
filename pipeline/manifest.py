"""What a run made, how, and with what: the content of ``manifest.json``."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

from .. import __version__
from ..core.counted import counted
from ..dataset.schema import SCHEMA_VERSION
from .config import RunConfig

__all__ = ["build_manifest", "rows_by_task", "rows_made", "top_reasons", "total_rows", "total_skips"]

_LIBRARIES: Final = ("numpy", "numba", "opencv-python-headless", "pyarrow", "scipy")
"""Libraries whose version can change a pixel or a number."""


def build_manifest(
    config: RunConfig,
    scenes: Mapping[str, Mapping[str, Any]],
    failures: list[dict[str, Any]],
    data: Mapping[str, Any],
    seconds: float,
) -> dict[str, Any]:
    """Everything there is to know about a run.

    Args:
        config: of the run.
        scenes: reports of all scenes in the dataset, by key.
        failures: scenes that gave nothing, and why.
        data: what finishing wrote (shards, rows kept).
        seconds: wall time of this process.
    """
    rows = rows_by_task(data)
    return {
        "spatialgen": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "schema_version": SCHEMA_VERSION,
        "config_hash": config.config_hash,
        "config": config.model_dump(mode="json"),
        "fingerprint": config.fingerprint,
        "seed": config.seed,
        "tasks": _tasks(config, scenes, data),
        "summary": {
            "rows": rows,
            "rows_made": total_rows(scenes),
            "scenes": len(scenes),
            "failed_scenes": len(failures),
            "frames": sum(report["frames"] for report in scenes.values()),
        },
        "data": dict(data),
        "skips": total_skips(scenes),
        "scenes": {key: _described(scenes[key], data) for key in sorted(scenes)},
        "failures": failures,
        "environment": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            **{library: version(library) for library in _LIBRARIES},
        },
        "timings": {
            "seconds": round(seconds, 3),
            "scenes": {key: scenes[key]["seconds"] for key in sorted(scenes) if "seconds" in scenes[key]},
        },
    }


def _tasks(
    config: RunConfig, scenes: Mapping[str, Mapping[str, Any]], data: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    made, rows = total_rows(scenes), rows_by_task(data)
    return {
        spec.name: {
            "suite": spec.suite,
            "engine": engine.name,
            "engine_version": engine.version,
            "summary": spec.summary,
            "parameters": config.parameters_for(engine).model_dump(mode="json"),
            "rows_made": made.get(spec.name, 0),
            "rows": rows.get(spec.name, 0),
        }
        for engine, specs in config.engines
        for spec in specs
    }


def _described(report: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """A scene's report without its times; ``rows`` are those in the dataset, ``rows_made`` those it gave."""
    kept = data["scenes"].get(report["dataset"], {}).get(report["scene"], {})
    made = rows_made(report)
    told = {name: value for name, value in report.items() if name != "seconds"}
    return {**told, "rows": {task: kept.get(task, 0) for task in made}, "rows_made": made}


def rows_made(report: Mapping[str, Any]) -> dict[str, int]:
    """Rows a scene gave per task, from its report or from its entry in a manifest."""
    return dict(report.get("rows_made", report["rows"]))


def rows_by_task(data: Mapping[str, Any]) -> dict[str, int]:
    """Rows in the dataset per task, all splits together, from what ``finalise`` tells."""
    return {task: sum(splits.values()) for task, splits in sorted(data["rows"].items())}


def total_rows(scenes: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Rows made per task, before any limit on the whole."""
    rows: Counter[str] = Counter()
    for report in scenes.values():
        rows.update(rows_made(report))
    return dict(sorted(rows.items()))


def total_skips(scenes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Skips per task and reason over all scenes, most frequent first."""
    skips: dict[str, Counter[str]] = {}
    for report in scenes.values():
        for task, reasons in report["skips"].items():
            skips.setdefault(task, Counter()).update(reasons)
    return {
        task: dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
        for task, reasons in sorted(skips.items())
    }


def top_reasons(skips: Mapping[str, Mapping[str, int]], task: str | None = None, count: int = 3) -> str:
    """The most frequent reasons as text: ``12 times no depth at the point, …``."""
    reasons: Counter[str] = Counter()
    for name, some in skips.items():
        if task in {None, name}:
            reasons.update(some)
    return ", ".join(f"{counted(number, 'time')} {reason}" for reason, number in reasons.most_common(count))
