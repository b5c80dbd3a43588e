"""From path-only rows to self-contained ones, and back.

Licences often forbid to hand images on: rows then travel as references, and whoever has the scans puts the pixels in.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ..errors import DatasetError, SceneError
from . import images
from .card import dataset_card
from .durable import disk_errors, sync_folder, sync_tree, write_bytes
from .markers import DRAWN_VARIANTS
from .read import SUCCESS, iter_tables, read_manifest, require_finished, shards, tasks
from .schema import SCHEMA
from .shards import SHARD_BYTES, ShardSequence

__all__ = ["materialise"]

_BATCH_ROWS: Final = 64  # with pixels some tens of MB
_COPIED: Final = ("frames.parquet", "failures.json")
_CHANGED: Final = ("images", "marks_drawn", "embedded_sizes")

Columns = dict[str, Any]


def materialise(
    directory: Path,
    root: images.Roots = (),
    *,
    out: Path,
    reverse: bool = False,
    max_side: int | None = None,
    quality: int = 90,
    draw: bool = True,
    workers: int = 1,
    shard_bytes: int = SHARD_BYTES,
) -> dict[str, int]:
    """Makes a copy of a finished run whose rows hold their images, or (``reverse``) only refer to them.

    The copy has the same rows in the same order; it appears under its name when it is complete.

    Args:
        directory: a finished run.
        root: the dataset root that image references are relative to, or several; not used in reverse.
        out: the folder to make.
        reverse: take the pixels out instead.
        max_side: the longer side of embedded images at most, in pixels; None keeps the native size.
        quality: of the JPEGs, 1–100.
        draw: whether the marks of dot and box rows are drawn in; otherwise ``dataset.markers.draw`` does it on loading.
        workers: threads that decode, draw and encode.
        shard_bytes: content of a shard in bytes, about.

    Returns:
        Rows by task.

    Raises:
        DatasetError: when the run is not finished, is of the wanted kind already, ``out`` exists, or an image is not
            found (named, with the next step).
        SceneError: when an image is broken; names it.
        OutOfSpace: when the disk or the quota is full.
    """
    directory, out = Path(directory), Path(out)
    require_finished(directory)
    manifest = read_manifest(directory)
    if not reverse and not (root if isinstance(root, Path | str) else tuple(root)):
        raise DatasetError(
            "no dataset root was given, so the images cannot be found",
            path=directory,
            remedy="give --scenes with the scenes that the rows were made from",
        )
    if out.exists():
        raise DatasetError("exists already", path=out, remedy="choose a folder that does not")
    fill = partial(_fill, root=root, max_side=max_side, quality=quality, draw=draw)
    change: Callable[[Mapping[str, Any]], Columns] = _refer if reverse else fill
    config = {**manifest.get("config", {}), "images": "path" if reverse else "embed"}
    if not reverse:
        config |= {"max_side": max_side, "jpeg_quality": quality, "draw": draw}
    manifest = {**manifest, "config": config, "materialised_from": manifest.get("config", {})}
    copy = out.with_name(f".{out.name}.partial")
    with disk_errors(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
    try:
        counts = {task: _copy_task(directory, copy, task, change, workers, shard_bytes) for task in tasks(directory)}
        _complete(directory, copy, out, manifest)
    except BaseException:
        shutil.rmtree(copy, ignore_errors=True)
        raise
    return counts


def _copy_task(
    directory: Path,
    copy: Path,
    task: str,
    change: Callable[[Mapping[str, Any]], Columns],
    workers: int,
    shard_bytes: int,
) -> int:
    """Writes the changed shards of a task; the number of rows."""
    rows = 0
    for split, paths in _by_split(shards(directory, task)).items():
        with ShardSequence(copy / "data" / task, split, shard_bytes=shard_bytes) as sequence:
            for table in _changed(paths, change, workers):
                sequence.write(table)
                rows += table.num_rows
            sequence.finish()
    return rows


def _by_split(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Shards by split, from their names ``<split>-00000-of-00001.parquet``."""
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(path.name.rsplit("-", 3)[0], []).append(path)
    return found


def _changed(paths: Sequence[Path], change: Callable[[Mapping[str, Any]], Columns], workers: int) -> Iterator[pa.Table]:
    """The rows of shards with new pixels; all other columns go through untouched."""
    needed = ["id", "variant", "points", "boxes", "image_sizes", *_CHANGED]
    # Threads: decoding, drawing and encoding leave Python's lock to others.
    with ThreadPoolExecutor(workers) as pool:
        for path in paths:
            for table in iter_tables(path, batch_rows=_BATCH_ROWS):
                new = list(pool.map(change, table.select(needed).to_pylist()))
                for name in _CHANGED:
                    field = SCHEMA.field(name)
                    column = pa.array([row[name] for row in new], type=field.type)
                    table = table.set_column(SCHEMA.get_field_index(name), field, column)
                yield table


def _fill(row: Mapping[str, Any], *, root: images.Roots, max_side: int | None, quality: int, draw: bool) -> Columns:
    new, sizes = [], []
    drawn = draw and row["variant"] in DRAWN_VARIANTS
    for index, (image, size) in enumerate(zip(row["images"], row["image_sizes"], strict=True)):
        if image["bytes"] is not None:
            raise DatasetError(
                f"row {row['id']} has its images already",
                remedy="materialise path-only runs; take pixels out with --reverse first",
            )
        try:
            data, embedded = images.embed(
                images.read(image["path"], root),
                [point for point in row["points"] if point["image"] == index],
                [box for box in row["boxes"] if box["image"] == index],
                native_size=(size["width"], size["height"]),
                max_side=max_side,
                quality=quality,
                draw=drawn,
                source=image["path"],
            )
        except SceneError as error:
            raise SceneError(f"{error.what} (row {row['id']})", path=error.path, remedy=error.remedy) from error
        new.append({"bytes": data, "path": image["path"]})
        sizes.append({"width": embedded[0], "height": embedded[1]})
    return {"images": new, "marks_drawn": drawn, "embedded_sizes": sizes}


def _refer(row: Mapping[str, Any]) -> Columns:
    for image in row["images"]:
        if not image["path"]:
            raise DatasetError(
                f"row {row['id']} does not say where its images come from",
                remedy="only rows that keep images.path can be turned into references",
            )
        if image["bytes"] is None:
            raise DatasetError(f"row {row['id']} refers to its images already", remedy="leave out --reverse")
    new = [{"bytes": None, "path": image["path"]} for image in row["images"]]
    return {"images": new, "marks_drawn": False, "embedded_sizes": None}


def _complete(directory: Path, copy: Path, out: Path, manifest: Mapping[str, Any]) -> None:
    """Writes everything beside the shards, the marker last, and gives the copy its name."""
    with disk_errors(copy):
        (copy / "data").mkdir(exist_ok=True)
        for name in _COPIED:
            if (directory / name).is_file():
                write_bytes(copy / name, (directory / name).read_bytes())
    text = json.dumps(manifest, indent=2, sort_keys=False, ensure_ascii=False)
    write_bytes(copy / "manifest.json", (text + "\n").encode())
    write_bytes(copy / "README.md", dataset_card(manifest).encode())
    write_bytes(copy / SUCCESS, (directory / SUCCESS).read_bytes())
    with disk_errors(out.parent):
        sync_tree(copy)
        os.rename(copy, out)
        sync_folder(out.parent)
