"""One scene's work: read it, state facts, word them, and commit rows in one rename."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.counted import counted
from ..core.geometry import SceneGeometry
from ..core.settings import settings_for
from ..core.types import Fact, Scene, Skip
from ..dataset.durable import disk_errors, sync_folder
from ..dataset.schema import FRAMES_SCHEMA
from ..dataset.shards import write_rows
from ..errors import SceneError
from ..scene_io import SceneRef
from .cache import DiskCache
from .config import RunConfig
from .frames import select_frames
from .plan import reader_for, scene_key
from .render import Renderer, frame_rows
from .storage import read_json, write_json

__all__ = ["FRAMES", "REPORT", "TEMPORARY", "SceneJob", "make_scene", "paused_collection"]

REPORT = "report.json"
FRAMES = "frames.parquet"
TEMPORARY = ".tmp-"
"""Prefix of a scene's folder while it is being made; whatever has it is never read and may be removed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SceneJob:
    """What a worker needs to make one scene.

    Attributes:
        ref: the scene.
        config: of the run.
        parts: the folder in which the scene's own appears.
        cache: folder for derived geometry, or None.
    """

    ref: SceneRef
    config: RunConfig
    parts: Path
    cache: Path | None = None


@contextlib.contextmanager
def paused_collection() -> Iterator[None]:
    """No cyclic garbage collection for a while; reference counting goes on.

    A scene's rows are many small containers without cycles. Each few hundred of them would make Python look through
    all others and all that was imported, which doubled the time of wording.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def make_scene(job: SceneJob) -> dict[str, Any]:
    """Make all rows of one scene; its folder ``parts/<key>`` is there whole or not at all.

    Returns:
        The report that lies in the folder too: rows per task, skips by reason, what was left out, seconds.

    Raises:
        SceneError: when the scene cannot be read.
        ConfigError: when the options name frames it does not have.
        OutOfSpace: when the disk is full.
    """
    key = scene_key(job.ref)
    final = job.parts / key
    if final.is_dir():
        # A worker that was killed after its rename left a finished scene without telling anybody.
        return dict(read_json(final / REPORT))
    temporary = job.parts / f"{TEMPORARY}{key}-{os.getpid()}"
    try:
        with disk_errors(job.parts):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
        report = _naming_files(job.ref.root, lambda: _fill(temporary, job, key))
        write_json(temporary / REPORT, report)
        with disk_errors(job.parts):
            temporary.rename(final)
            sync_folder(job.parts)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return report


def _naming_files(root: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do it, and tell of broken images by their whole path: frames know theirs relative to the root only."""
    try:
        return make()
    except SceneError as error:
        if error.path is not None and not Path(error.path).is_absolute() and (root / error.path).exists():
            raise SceneError(error.what, path=root / error.path, remedy=error.remedy) from error
        raise


def _fill(folder: Path, job: SceneJob, key: str) -> dict[str, Any]:
    """Write the scene's rows into an empty folder."""
    started = time.monotonic()
    config, ref = job.config, job.ref
    whole = reader_for(ref).read(ref, labels=config.labels)
    scene = select_frames(whole, config.frames)
    read = time.monotonic()
    if not scene.frames:
        raise SceneError(
            f"no frame of {len(whole.frames)} is left to ask about ({_counts(scene.skipped) or 'the scene has none'})",
            path=ref.root,
            remedy=f"check scene {ref.id} with `spatialgen doctor`, or choose other --frames",
        )
    geometry = SceneGeometry(scene, settings_for(config.preset), None if job.cache is None else DiskCache(job.cache))
    rows: dict[str, int] = {}
    skips: dict[str, Counter[str]] = {spec.name: Counter() for spec in config.specs}
    for engine, specs in config.engines:
        stated: dict[str, list[Fact]] = {spec.name: [] for spec in specs}
        for item in engine.facts(
            scene,
            geometry,
            tasks=[spec.name for spec in specs],
            limit=config.per_scene,
            seed=config.seed,
            variants=config.variants_of(specs),
            forms=config.forms,
            parameters=config.parameters_for(engine),
        ):
            if isinstance(item, Skip):
                skips[item.task][item.reason] += item.count
            else:
                stated[item.task].append(item)
        renderer = Renderer(config, scene, ref, engine)
        for task, facts in stated.items():
            # Facts are small, rows hold images: one task's rows are in memory at a time.
            rows[task] = _write(folder / f"{task}.parquet", renderer.rows(facts))
    write_rows(folder / FRAMES, frame_rows(scene), FRAMES_SCHEMA)
    done = time.monotonic()
    _log.debug("%s: %s rows", key, sum(rows.values()))
    return {
        "key": key,
        "scene": scene.id,
        "dataset": scene.dataset,
        "group": scene.group,
        "split": ref.split or "train",
        "format": ref.format,
        "frames": len(scene.frames),
        "rows": rows,
        "skips": {task: dict(sorted(reasons.items())) for task, reasons in skips.items() if reasons},
        "left_out": dict(sorted(scene.skipped.items())),
        "scene_facts": _facts(whole),
        "seconds": {"read": round(read - started, 3), "make": round(done - read, 3)},
    }


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> int:
    if rows:
        write_rows(path, rows)
    return len(rows)


def _facts(scene: Scene) -> dict[str, Any]:
    return {
        "frames": len(scene.frames),
        "frames_with_depth": sum(frame.has_depth for frame in scene.frames),
        "vertices": 0 if scene.vertices is None else len(scene.vertices),
        "faces": 0 if scene.faces is None else len(scene.faces),
        "instances": len(scene.instances),
        "capabilities": sorted(scene.capabilities),
    }


def _counts(reasons: Any) -> str:
    return ", ".join(f"{counted(count, 'time')} {reason}" for reason, count in sorted(reasons.items()))
