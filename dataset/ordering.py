"""The order of a dataset's rows: by a key that depends on the seed and the row's id, and on nothing else.

So the order is the same for any number of workers, after any interruption, and a scene that is added later only puts
its rows between the others. Sorting is out of core: rows that do not fit are dealt to buckets by key first.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import compute

from ..errors import DatasetError
from .cut import FACTOR_COLUMNS, Factors, balanced_prefix, factors_of, quotas
from .read import iter_tables, open_parquet
from .schema import SCHEMA, SCHEMA_VERSION, VERSION_KEY
from .shards import GROUP_ROWS, row_sizes

__all__ = ["Selection", "in_order", "row_keys", "select"]

_KEY: Final = "_key"
_SIZE: Final = "_size"
_BUCKETS: Final = 64
_KEY_BITS: Final = 64
_INDEX_COLUMNS: Final = ("id", "split", "dataset", "scene_id")

Keys = npt.NDArray[np.uint64]


def row_keys(ids: Iterable[str], seed: int) -> Keys:
    """(n,) uint64: the places of rows in the dataset's order, from their ids and the seed."""
    digests = (hashlib.blake2b(f"{seed}/{one}".encode(), digest_size=8).digest() for one in ids)
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)


@dataclass(slots=True)
class _Source:
    """One file of rows: its keys, which are kept, of which split and scene each is, and its factors (codes)."""

    path: Path
    keys: Keys
    kept: npt.NDArray[np.bool_]
    split: npt.NDArray[np.int32]
    scene: npt.NDArray[np.int32]
    factors: npt.NDArray[np.int32]


class Selection:
    """The rows of one task that make it into the dataset; rows themselves stay on disk until ``rows`` is called.

    Attributes:
        splits: names of the splits that have rows, sorted.
        available: number of rows before ``max_rows`` was applied.
        scenes: rows kept, by (dataset, scene id); scenes of which none is kept are there with 0.
    """

    def __init__(self, sources: list[_Source], splits: list[str], scenes: list[tuple[str, str]], available: int):
        self._sources = sources
        self._split_code = {name: code for code, name in enumerate(splits)}
        counts = np.zeros(len(splits), np.int64)
        per_scene = np.zeros(len(scenes), np.int64)
        for source in sources:
            counts += np.bincount(source.split[source.kept], minlength=len(splits))
            per_scene += np.bincount(source.scene[source.kept], minlength=len(scenes))
        self.available = available
        self.splits = sorted(name for name, code in self._split_code.items() if counts[code])
        self.scenes = {scene: int(per_scene[code]) for code, scene in enumerate(scenes)}

    def rows(self, split: str) -> Iterator[pa.Table]:
        """The kept rows of a split in no useful order, with keys and sizes as two columns more; for ``in_order``."""
        code = self._split_code[split]
        for source in self._sources:
            wanted = source.kept & (source.split == code)
            if not wanted.any():
                continue
            position = 0
            for table in iter_tables(source.path):
                stop = position + table.num_rows
                # Sizes travel along: on tables of one row, as buckets make them, measuring costs more than sorting.
                sizes = pa.array(row_sizes(table))
                table = table.append_column(_KEY, pa.array(source.keys[position:stop])).append_column(_SIZE, sizes)
                mine = wanted[position:stop]
                position = stop
                if mine.all():
                    yield table
                elif mine.any():
                    yield table.filter(pa.array(mine))


def select(parts: Sequence[Path], existing: Sequence[Path], *, seed: int, max_rows: int | None) -> Selection:
    """Chooses the rows of one task: of new files all, of existing shards those of scenes that are not made anew.

    Args:
        parts: new files of rows.
        existing: shards of the dataset as it is now.
        seed: of the run.
        max_rows: at most this many are kept, spread over scenes and balanced within them (``dataset/cut.py``).

    Raises:
        DatasetError: when two rows have the same id (names both scenes), or a file is broken or of another version.
    """
    split_codes: dict[str, int] = {}
    scene_codes: dict[tuple[str, str], int] = {}
    factor_codes: dict[Factors, int] | None = None if max_rows is None else {}
    sources = [_read_source(path, seed, split_codes, scene_codes, factor_codes) for path in parts]
    made_anew = np.unique(np.concatenate([source.scene for source in sources])) if sources else np.zeros(0, np.int32)
    for path in existing:
        source = _read_source(path, seed, split_codes, scene_codes, factor_codes)
        source.kept &= ~np.isin(source.scene, made_anew)
        sources.append(source)
    kept = [source.keys[source.kept] for source in sources]
    keys = np.sort(np.concatenate(kept)) if kept else np.zeros(0, np.uint64)
    repeated = keys[1:][keys[1:] == keys[:-1]]
    if repeated.size:
        _refuse_duplicates(sources, np.unique(repeated))
    if max_rows is not None and factor_codes is not None and len(keys) > max_rows:
        _cut(sources, list(scene_codes), list(factor_codes), max_rows, seed)
    return Selection(sources, list(split_codes), list(scene_codes), len(keys))


def _cut(
    sources: Sequence[_Source], scenes: list[tuple[str, str]], factors: list[Factors], max_rows: int, seed: int
) -> None:
    """Leaves ``kept`` at the rows that each scene may keep."""
    kept = np.concatenate([source.kept for source in sources])
    keys = np.concatenate([source.keys for source in sources])
    combinations = np.concatenate([source.factors for source in sources])
    # Rows of one scene, one after the other; those that are out already behind all scenes.
    scene = np.where(kept, np.concatenate([source.scene for source in sources]), len(scenes))
    order = np.argsort(scene, kind="stable")
    available = np.bincount(scene, minlength=len(scenes) + 1)[: len(scenes)].astype(np.int64)
    ends = np.cumsum(available)
    for code, count in enumerate(quotas(available, scenes, max_rows, seed).tolist()):
        if count == available[code]:
            continue
        rows = order[ends[code] - available[code] : ends[code]]
        chosen = balanced_prefix(keys[rows], combinations[rows], factors, count, seed, *scenes[code])
        kept[rows] = False
        kept[rows[chosen]] = True
    start = 0
    for source in sources:
        source.kept = kept[start : start + len(source.kept)]
        start += len(source.kept)


def _read_source(
    path: Path,
    seed: int,
    split_codes: dict[str, int],
    scene_codes: dict[tuple[str, str], int],
    factor_codes: dict[Factors, int] | None,
) -> _Source:
    """What is known of a file's rows before they are read; factors only where a cut may need them."""
    with open_parquet(path) as file:
        schema = file.schema_arrow
    if (schema.metadata or {}).get(VERSION_KEY) != SCHEMA_VERSION.encode() or not schema.equals(SCHEMA):
        raise DatasetError(
            "holds rows of another version of the format", path=path, remedy="make them again with --fresh"
        )
    keys, splits, scenes, factors = [], [], [], []
    columns = _INDEX_COLUMNS if factor_codes is None else _INDEX_COLUMNS + FACTOR_COLUMNS
    for table in iter_tables(path, columns, batch_rows=65_536):
        ids, split, dataset, scene = (table[name].to_pylist() for name in _INDEX_COLUMNS)
        keys.append(row_keys(ids, seed))
        splits.append([split_codes.setdefault(one, len(split_codes)) for one in split])
        scenes.append([scene_codes.setdefault(pair, len(scene_codes)) for pair in zip(dataset, scene, strict=True)])
        if factor_codes is not None:
            factors.append([factor_codes.setdefault(one, len(factor_codes)) for one in factors_of(table)])
    size = sum(len(one) for one in keys)
    return _Source(
        path,
        np.concatenate(keys) if keys else np.zeros(0, np.uint64),
        np.ones(size, np.bool_),
        np.fromiter(itertools.chain.from_iterable(splits), np.int32, size),
        np.fromiter(itertools.chain.from_iterable(scenes), np.int32, size),
        np.fromiter(itertools.chain.from_iterable(factors), np.int32, 0 if factor_codes is None else size),
    )


def _refuse_duplicates(sources: Sequence[_Source], repeated: Keys) -> None:
    """Raises for the first id that occurs twice; two ids may share a key (once in 10^8 datasets of 10^6 rows)."""
    seen: dict[str, tuple[str, Path]] = {}
    for source in sources:
        wanted = np.flatnonzero(np.isin(source.keys, repeated) & source.kept)
        if not wanted.size:
            continue
        table = pa.concat_tables(iter_tables(source.path, _INDEX_COLUMNS, batch_rows=65_536)).take(wanted)
        for row in table.to_pylist():
            scene = f"{row['dataset']}/{row['scene_id']}"
            if row["id"] in seen:
                other, file = seen[row["id"]]
                raise DatasetError(
                    f"row id {row['id']} occurs twice: in scene {other} ({file}) and in scene {scene} ({source.path})",
                    remedy="the same place was given twice, or two scenes share a name: leave one out",
                )
            seen[row["id"]] = scene, source.path


def in_order(tables: Iterable[pa.Table], folder: Path, limit: int) -> Iterator[pa.Table]:
    """The rows of ``Selection.rows`` sorted by key (then id), without keys and sizes, some hundreds at a time.

    Args:
        tables: as ``Selection.rows`` gives them.
        folder: for temporary files, which are gone at the end; used only for more than ``limit`` bytes of rows.
        limit: content in bytes that may be in memory at once (twice, for a moment).
    """
    yield from _in_order(iter(tables), folder, limit, 0, 1 << _KEY_BITS)


def _in_order(tables: Iterator[pa.Table], folder: Path, limit: int, low: int, high: int) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    size = rows = 0
    for table in tables:
        held.append(table)
        size += _content(table)
        rows += table.num_rows
        if size > limit and rows > 1 and high - low > 1:
            yield from _through_buckets(_emptying(held, tables), folder, limit, low, high)
            return
    if not rows:
        return
    whole = pa.concat_tables(held).combine_chunks()
    held.clear()
    order = compute.sort_indices(whole, sort_keys=[(_KEY, "ascending"), ("id", "ascending")])
    rest = whole.drop_columns([_KEY, _SIZE])
    del whole
    for start in range(0, rows, GROUP_ROWS):
        yield rest.take(order[start : start + GROUP_ROWS])


def _content(table: pa.Table) -> int:
    return int(compute.sum(table[_SIZE]).as_py() or 0)


def _emptying(held: list[pa.Table], rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """All tables, letting go of those in memory as they are passed on."""
    while held:
        yield held.pop(0)
    yield from rest


def _through_buckets(tables: Iterator[pa.Table], folder: Path, limit: int, low: int, high: int) -> Iterator[pa.Table]:
    """Deals rows to files by key, then sorts one file after the other."""
    width = -(-(high - low) // _BUCKETS)
    paths = [folder / f"bucket-{low:020d}-{high:020d}-{index:02d}.arrow" for index in range(_BUCKETS)]
    with ExitStack() as stack:
        writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
        for table in _grouped(tables, limit // 4):
            numbers = (table[_KEY].to_numpy() - np.uint64(low)) // np.uint64(width)
            order = np.argsort(numbers, kind="stable")
            table, numbers = table.take(order), numbers[order]
            starts = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
            for start, stop in itertools.pairwise([*starts.tolist(), len(numbers)]):
                number = int(numbers[start])
                if number not in writers:
                    sink = stack.enter_context(paths[number].open("wb"))
                    writers[number] = stack.enter_context(pa.ipc.new_stream(sink, table.schema))
                writers[number].write_table(table.slice(start, stop - start))
    for number, path in enumerate(paths):
        if number in writers:
            first = low + number * width
            with path.open("rb") as stream, pa.ipc.open_stream(stream) as reader:
                batches = (pa.Table.from_batches([batch]) for batch in reader)
                yield from _in_order(batches, folder, limit, first, min(first + width, high))
            path.unlink()


def _grouped(tables: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """Fewer, larger tables of about ``size`` bytes, each in one chunk."""
    held: list[pa.Table] = []
    total = 0
    for table in tables:
        held.append(table)
        total += _content(table)
        if total >= size:
            yield pa.concat_tables(held).combine_chunks()
            held, total = [], 0
    if held:
        yield pa.concat_tables(held).combine_chunks()
