"""From the parts of many scenes to the finished shards of a dataset.

What happens, in ``out/parts/.finish/`` until the very end::

    1  data/<task>/<split>-00000-of-000NN.parquet and frames.parquet are written and forced to the disk;
       larger tasks go through temporary bucket files, so memory stays at about one shard
    2  READY (a small file that holds the facts below) is written: from here on the new data are the dataset
    3  out/_SUCCESS is removed, out/data is renamed to .finish/old_data
    4  .finish/data is renamed to out/data, .finish/frames.parquet to out/frames.parquet
    5  old_data is deleted, then READY, then .finish

A crash before 2 leaves the dataset and the parts as they were: the next call begins anew. A crash after 2 is completed
by ``recover`` (which the next call begins with): every step is skipped when its source is no longer there.

Calling again with the same parts, also when their rows are in ``data/`` already, gives the same bytes: the rows of a
scene that has a part for a task take the place of those in ``data/``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..errors import DatasetError
from .durable import disk_errors, sync_folder, sync_tree, write_bytes
from .ordering import in_order, select
from .read import SUCCESS
from .shards import SHARD_BYTES, ShardSequence
from .side_table import merge_frames

__all__ = ["finalise", "recover"]

_WORK: Final = Path("parts") / ".finish"
_READY: Final = "READY"
_FRAMES: Final = "frames.parquet"
_SPLIT_NAME: Final = re.compile(r"\w+(\.\w+)*")  # what Hugging Face datasets accepts


def finalise(
    out: Path,
    part_dirs: Sequence[Path],
    *,
    seed: int,
    max_rows: int | None,
    tasks: Sequence[str],
    existing: bool,
    shard_bytes: int = SHARD_BYTES,
) -> dict[str, Any]:
    """Gathers the rows of all scenes into shuffled shards and the frames into one table.

    The result depends on the rows alone: not on the order of ``part_dirs``, on interruptions, or on whether scenes
    came in one run or were added later.

    Args:
        out: the run directory.
        part_dirs: a folder per scene with ``<task>.parquet`` (where the task has rows) and ``frames.parquet``.
        seed: of the run; the order of rows is a stable hash of seed and id.
        max_rows: per task; which are kept is balanced within scenes and spread over them (``dataset/cut.py``).
        tasks: names of the tasks to gather.
        existing: whether the rows in ``out/data`` take part (scenes are being added), with all their tasks.
        shard_bytes: content of a shard in bytes, about.

    Returns:
        ``shards``: a list of {path (relative to out), task, split, rows, bytes}; ``rows``: {task: {split: n}};
        ``dropped``: {task: rows over max_rows}; ``scenes``: {dataset: {scene id: {task: rows kept}}}; ``frames``: n.

    Raises:
        DatasetError: when two rows share an id (names both scenes), a part is broken, or a name cannot be used.
        OutOfSpace: when the disk or the quota is full; the dataset is as it was.
    """
    recover(out)
    work = out / _WORK
    with disk_errors(work):
        if work.exists():
            shutil.rmtree(work)
        (work / "data").mkdir(parents=True)
        (work / "buckets").mkdir()
    current = out / "data"
    old = existing and current.is_dir()
    names = sorted({*tasks, *(folder.name for folder in current.iterdir() if folder.is_dir())} if old else set(tasks))
    facts: dict[str, Any] = {"shards": [], "rows": {}, "dropped": {}, "scenes": {}, "frames": 0}
    for task in names:
        parts = [path for folder in part_dirs if (path := folder / f"{task}.parquet").is_file()]
        shards = sorted((current / task).glob("*.parquet")) if old else []
        _gather(work, task, parts, shards, seed, max_rows, shard_bytes, facts)
    frames = [path for folder in part_dirs if (path := folder / _FRAMES).is_file()]
    known = out / _FRAMES
    facts["frames"] = merge_frames(work / _FRAMES, frames, known if existing and known.is_file() else None)
    with disk_errors(work):
        (work / "buckets").rmdir()
        sync_tree(work)
    write_bytes(work / _READY, json.dumps(facts).encode())
    recover(out)
    return facts


def recover(out: Path) -> bool:
    """Completes a finish that was cut off after its new shards were ready; cheap when there is none.

    Returns:
        Whether there was one.

    Raises:
        DatasetError: when the folder cannot be written to.
    """
    work = out / _WORK
    if not (work / _READY).is_file():
        return False
    new, old, current = work / "data", work / "old_data", out / "data"
    with disk_errors(out):
        # A reader must not take half of the old and half of the new for a finished dataset.
        (out / SUCCESS).unlink(missing_ok=True)
        sync_folder(out)
        if new.exists():
            if current.exists():
                os.rename(current, old)
            os.rename(new, current)
        if (work / _FRAMES).exists():
            os.replace(work / _FRAMES, out / _FRAMES)
        sync_folder(out)
        sync_folder(work)
        if old.exists():
            shutil.rmtree(old)
        os.unlink(work / _READY)
        sync_folder(work)
        shutil.rmtree(work)
    return True


def _gather(
    work: Path,
    task: str,
    parts: Sequence[Path],
    shards: Sequence[Path],
    seed: int,
    max_rows: int | None,
    shard_bytes: int,
    facts: dict[str, Any],
) -> None:
    """Writes the shards of one task and adds what was done to ``facts``."""
    selection = select(parts, shards, seed=seed, max_rows=max_rows)
    kept = facts["rows"].setdefault(task, {})
    for split in selection.splits:
        if not _SPLIT_NAME.fullmatch(split):
            raise DatasetError(
                f"split {split!r} cannot be a file name", remedy="use letters, digits and underscores for --split"
            )
        # No folder before there is a row: an empty one would be a task without a split.
        with ShardSequence(work / "data" / task, split, shard_bytes=shard_bytes) as sequence, disk_errors(work):
            for table in in_order(selection.rows(split), work / "buckets", shard_bytes // 2):
                sequence.write(table)
            written = sequence.finish()
        for path, rows in written:
            relative = path.relative_to(work).as_posix()
            size = path.stat().st_size
            facts["shards"].append({"path": relative, "task": task, "split": split, "rows": rows, "bytes": size})
        kept[split] = sum(rows for _, rows in written)
    facts["dropped"][task] = selection.available - sum(kept.values())
    _count_scenes(task, selection.scenes, facts["scenes"])


def _count_scenes(task: str, rows: Mapping[tuple[str, str], int], scenes: dict[str, dict[str, dict[str, int]]]) -> None:
    for (dataset, scene), count in sorted(rows.items()):
        scenes.setdefault(dataset, {}).setdefault(scene, {})[task] = count
