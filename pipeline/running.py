"""A run from beginning to end: plan, make what is missing, finish."""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ..core.counted import counted
from ..core.types import Scene
from ..dataset.card import dataset_card
from ..dataset.durable import disk_errors
from ..dataset.finalise import finalise
from ..errors import ConfigError, DatasetError
from ..scene_io import SceneRef
from .config import RunConfig, make_config
from .directory import RunDirectory
from .executor import Job, execute
from .frames import select_frames
from .manifest import build_manifest, rows_by_task, top_reasons, total_rows, total_skips
from .plan import check_labels, estimate, find_scenes, reader_for, scene_key
from .progress import Progress
from .storage import write_json
from .worker import SceneJob, make_scene

__all__ = ["SCENE_TIMEOUT", "RunResult", "default_workers", "open_scenes", "run"]

_log = logging.getLogger(__name__)

SCENE_TIMEOUT: Final = 3600.0
"""Seconds a scene may take: the largest real ones take minutes, so an hour means that it hangs."""

PathLike = str | Path


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to.

    Attributes:
        out: the run directory.
        rows: rows in the dataset, per task.
        failures: scenes that gave nothing, and why, as in ``failures.json``.
        manifest: path of ``manifest.json``.
        exit_code: 0 done, 3 finished but some scenes failed (or, strict, a task gave no row).
        scenes_made: scenes this call worked on; 0 when there was nothing to do.
        summary: the manifest's summary.
    """

    out: Path
    rows: Mapping[str, int]
    failures: tuple[Mapping[str, Any], ...]
    manifest: Path
    exit_code: int
    scenes_made: int
    summary: Mapping[str, Any]


def default_workers() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_scenes(
    *paths: PathLike, format: str | None = None, frames: str = "novel", split: str = "all", labels: str = "raw"
) -> Iterator[Scene]:
    """Read the scenes at some paths, one after another, with the frames a policy selects.

    Args:
        paths: scenes, folders of scenes or dataset roots.
        format: of the scenes; detected when None.
        frames: ``novel``, ``every:N``, ``max:N`` or frame ids separated by commas.
        split: an official split, or ``all``.
        labels: ``raw``, ``nyu40`` or the path of a mapping file.

    Raises:
        SceneError: when a path holds no scenes, or one of them cannot be read.
    """
    for ref in find_scenes([Path(path) for path in paths], format=format, split=split):
        yield select_frames(reader_for(ref).read(ref, labels=labels), frames)


def run(
    tasks: str | Iterable[str],
    scenes: PathLike | Iterable[PathLike],
    out: PathLike,
    *,
    format: str | None = None,
    split: str = "train",
    scene_ids: Iterable[str] = (),
    workers: int | None = None,
    cache: PathLike | None = None,
    scene_timeout: float = SCENE_TIMEOUT,
    fresh: bool = False,
    strict: bool = False,
    progress: bool | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    **options: Any,
) -> RunResult:
    """Make a dataset of question-answer rows from scenes; the same call again does only what is missing.

    Args:
        tasks: names of tasks, engines or suites.
        scenes: scenes, folders of scenes or dataset roots.
        out: the run directory.
        format: of the scenes; detected when None.
        split: an official split, or ``all``; datasets without official lists are taken whole.
        scene_ids: only these scenes.
        workers: processes, 0 for none but this one; the number of cores when None.
        cache: a folder for derived geometry, shared by runs.
        scene_timeout: seconds a scene may take (not enforced with ``workers=0``).
        fresh: remove an earlier run in ``out`` first.
        strict: exit code 3 when a task gave no row.
        progress: draw a progress bar; when None, only on a terminal.
        settings: engine parameters by engine name.
        options: the fields of ``RunConfig`` (``per_scene``, ``seed``, ``images``, …).

    Raises:
        SpatialgenError: when the run is refused, no row could be made at all, or the disk is full.
    """
    if getattr(multiprocessing.process.current_process(), "_inheriting", False):
        raise ConfigError(
            "spatialgen.run was called while a worker process imports the script",
            remedy="put the call under `if __name__ == '__main__':`",
        )
    started = time.monotonic()
    config = make_config([tasks] if isinstance(tasks, str) else tasks, settings, **options)
    count = default_workers() if workers is None else workers
    if count < 0:
        raise ConfigError(f"--workers {count} is negative", remedy="give 0 or more")
    if scene_timeout <= 0:
        raise ConfigError(f"--scene-timeout {scene_timeout:g} is not positive", remedy="give seconds")
    paths = [Path(scenes)] if isinstance(scenes, str | Path) else [Path(path) for path in scenes]
    refs = find_scenes(paths, format=format, split=split, scene_ids=scene_ids, stream=config.stream)
    check_labels(refs, config.labels)
    if cache is not None:
        with disk_errors(Path(cache)):
            Path(cache).mkdir(parents=True, exist_ok=True)
    directory = RunDirectory(Path(out))
    with directory.locked():
        if fresh:
            directory.clear()
        directory.open(config)
        done = {**directory.manifest().get("scenes", {}), **directory.reports()}
        _refuse_other_scenes(directory.out, refs, done)
        missing = [ref for ref in refs if scene_key(ref) not in done]
        earlier = directory.manifest()
        if directory.finished and not missing and not earlier["failures"]:
            _log.info("nothing to do: %s is finished", directory.out)
            return _result(directory, earlier, 0, config, strict)
        expected = estimate(missing or refs, config, directory.out)
        if expected.frames:  # nothing is known where no header can be read
            _log.info("%s", expected.sentence())
        if done:
            _log.info("%d of %s done already", len(done), counted(len(refs), "scene"))
        directory.begin(config)
        failures = _make(directory, missing, config, count, cache, scene_timeout, progress, len(refs) == 1)
        manifest = _finish(directory, config, failures, started)
        return _result(directory, manifest, len(missing), config, strict)


def _refuse_other_scenes(out: Path, refs: Sequence[SceneRef], done: Mapping[str, Mapping[str, Any]]) -> None:
    selected = {scene_key(ref): ref for ref in refs}
    if others := sorted(done.keys() - selected.keys()):
        raise ConfigError(
            f"the folder holds {counted(len(others), 'scene')} not selected now ({', '.join(others[:3])})",
            path=out,
            remedy="select all that it holds, start again with --fresh, or choose another --out",
        )
    for key, ref in selected.items():
        if key in done and done[key]["format"] != ref.format:
            raise ConfigError(
                f"scene {ref.id} was made from format {done[key]['format']}, not {ref.format}",
                path=out,
                remedy="give that --format, start again with --fresh, or choose another --out",
            )


def _make(
    directory: RunDirectory,
    missing: Sequence[SceneRef],
    config: RunConfig,
    workers: int,
    cache: PathLike | None,
    timeout: float,
    progress: bool | None,
    alone: bool,
) -> list[dict[str, Any]]:
    """Make the missing scenes; returns those that failed, as in ``failures.json``.

    ``alone`` is whether there is no other scene, so that nothing comes of the run when this one fails.
    """
    folder = None if cache is None else Path(cache)
    refs = {scene_key(ref): ref for ref in missing}
    jobs = [Job(key, SceneJob(ref, config, directory.parts, folder)) for key, ref in refs.items()]
    failures = []
    with Progress(len(jobs), progress) as shown:
        for outcome in execute(jobs, make_scene, workers=workers, timeout=timeout):
            if outcome.failure is None:
                shown.scene(outcome.job.name, sum(outcome.result["rows"].values()))
                continue
            failure = outcome.failure
            entry = {"scene": refs[outcome.job.name].id, "key": outcome.job.name, **asdict(failure)}
            failures.append(entry)
            if alone:
                continue  # the run ends with this very sentence
            where = f"{failure.file}: " if failure.file else ""
            problem = failure.reason.strip().splitlines()[-1]
            shown.scene(outcome.job.name, 0, f"{where}{problem}; {failure.remedy}")
    return sorted(failures, key=lambda entry: entry["key"])


def _finish(
    directory: RunDirectory, config: RunConfig, failures: list[dict[str, Any]], started: float
) -> dict[str, Any]:
    """Gather the parts, and describe what came of it.

    Raises:
        DatasetError: when no scene gave a row.
    """
    earlier = directory.manifest() if directory.extends else {}
    reports = directory.reports()
    timings = earlier.get("timings", {}).get("scenes", {})
    before = {key: {**report, "seconds": timings.get(key, {})} for key, report in earlier.get("scenes", {}).items()}
    scenes = {**before, **reports}
    if not any(total_rows(scenes).values()):
        write_json(directory.failures_path, failures)
        raise DatasetError(f"no row was made: {_why(scenes, failures)}", path=directory.out, remedy=_remedy(failures))
    if reports or not earlier:
        data = finalise(
            directory.out,
            [directory.parts / key for key in sorted(reports)],
            seed=config.seed,
            max_rows=config.max_rows,
            tasks=[spec.name for spec in config.specs],
            existing=bool(earlier),
        )
    else:
        data = earlier["data"]
    manifest = build_manifest(config, scenes, failures, data, time.monotonic() - started)
    directory.finish(manifest, failures, dataset_card(manifest))
    return manifest


def _why(scenes: Mapping[str, Mapping[str, Any]], failures: Sequence[Mapping[str, Any]]) -> str:
    if failures and not scenes:
        first = failures[0]
        where = f"{first['file']}: " if first["file"] else ""
        reason = str(first["reason"]).strip().splitlines()[-1]
        if len(failures) == 1:
            return f"scene {first['scene']} failed: {where}{reason}"
        return f"all {len(failures)} scenes failed, the first with {where}{reason}"
    failed = f", {len(failures)} failed" if failures else ""
    reasons = top_reasons(total_skips(scenes)) or "nothing was found to ask about"
    return f"{counted(len(scenes), 'scene')} read{failed}; {reasons}"


def _remedy(failures: Sequence[Mapping[str, Any]]) -> str:
    first = f"{failures[0]['remedy']}; " if failures and failures[0]["remedy"] else ""
    return f"{first}`spatialgen doctor` shows what the scenes lack"


def _result(
    directory: RunDirectory, manifest: Mapping[str, Any], made: int, config: RunConfig, strict: bool
) -> RunResult:
    kept = rows_by_task(manifest["data"])
    rows = {spec.name: kept.get(spec.name, 0) for spec in config.specs}
    empty = [task for task, number in rows.items() if not number]
    for task in empty:
        _log.warning("%s gave no row: %s", task, top_reasons(manifest["skips"], task) or "nothing to ask about")
    failures = tuple(manifest["failures"])
    if failures:
        _log.warning("%s failed; %s tells why", counted(len(failures), "scene"), directory.failures_path)
    return RunResult(
        out=directory.out,
        rows=rows,
        failures=failures,
        manifest=directory.manifest_path,
        exit_code=3 if failures or (strict and empty) else 0,
        scenes_made=made,
        summary=manifest["summary"],
    )
