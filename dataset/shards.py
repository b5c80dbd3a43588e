"""Parquet files of rows: how rows become a table, a table row groups, and row groups a file.

Row groups hold at most 1,000 rows and 64 MB; JPEG bytes are stored as they are, everything else with zstd; page
indexes are written, so that the Hugging Face viewer can read a few rows of a big file. What is written depends only
on the rows and their order, never on the pieces they arrived in, so equal rows give equal bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from .durable import disk_errors, replacing
from .schema import SCHEMA

__all__ = [
    "GROUP_BYTES",
    "GROUP_ROWS",
    "SHARD_BYTES",
    "ShardSequence",
    "ShardWriter",
    "row_sizes",
    "table_from_rows",
    "write_rows",
    "write_table",
]

GROUP_ROWS: Final = 1_000
GROUP_BYTES: Final = 60_000_000
"""Content of a row group in bytes: 64 MB once level and length bytes are added; the viewer refuses above 100 MB."""

SHARD_BYTES: Final = 400_000_000
"""Content of a shard in bytes."""

_IMAGE_BYTES: Final = "images.list.element.bytes"


def table_from_rows(rows: Sequence[Mapping[str, Any]], schema: pa.Schema = SCHEMA) -> pa.Table:
    """Rows, given as column name to value, as a table with exactly the columns of ``schema``.

    Raises:
        ValueError: when a row lacks a column, has an unknown one, or a value is not of its column's type.
    """
    names = set(schema.names)
    for row in rows:
        if row.keys() != names:
            raise ValueError(
                f"a row must have exactly the columns of the schema; missing {sorted(names - row.keys())}, "
                f"unknown {sorted(row.keys() - names)}"
            )
    columns = []
    for field in schema:
        name = field.name
        try:
            columns.append(pa.array([row[name] for row in rows], type=field.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ValueError(f"column {name!r} must be {field.type}: {error}") from error
    return pa.Table.from_arrays(columns, schema=schema)


def row_sizes(table: pa.Table) -> npt.NDArray[np.int64]:
    """(n,), bytes of content of each row: its texts, binaries and eight for every number.

    Depends on the values alone, unlike ``Table.nbytes``, so that cuts made by size are the same for equal rows.
    """
    total = np.zeros(table.num_rows, np.int64)
    for column in table.columns:
        position = 0
        for chunk in column.chunks:
            total[position : position + len(chunk)] += _sizes(chunk)
            position += len(chunk)
    return total


def _sizes(array: pa.Array) -> npt.NDArray[np.int64]:
    kind = array.type
    if pa.types.is_list(kind):
        offsets = array.offsets.to_numpy()
        # `values` ignores the slice an array may be of; the offsets index into it directly.
        ends = np.concatenate(([0], np.cumsum(_sizes(array.values), dtype=np.int64)))
        return np.asarray(ends[offsets[1:]] - ends[offsets[:-1]])
    if pa.types.is_struct(kind):
        parts = (_sizes(child) for child in array.flatten())
        return np.asarray(sum(parts, np.zeros(len(array), np.int64)))
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        offsets = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, array.offset * 4) if len(array) else []
        return np.diff(offsets).astype(np.int64)
    return np.full(len(array), 8, np.int64)


@lru_cache(maxsize=4)
def _leaves(schema: pa.Schema) -> tuple[str, ...]:
    """Parquet's dotted paths of all leaf columns."""
    sink = io.BytesIO()
    pq.write_table(schema.empty_table(), sink)
    parquet = pq.ParquetFile(sink).schema
    return tuple(parquet.column(index).path for index in range(len(parquet)))


def _open(stream: BinaryIO, schema: pa.Schema) -> pq.ParquetWriter:
    others = [leaf for leaf in _leaves(schema) if leaf != _IMAGE_BYTES]
    return pq.ParquetWriter(
        stream,
        schema,
        # A JPEG does not get smaller, and its extremes say nothing.
        compression={leaf: "none" if leaf == _IMAGE_BYTES else "zstd" for leaf in _leaves(schema)},
        use_dictionary=others,
        write_statistics=others,
        write_page_index=True,
    )


class ShardWriter:
    """One Parquet file, filled table by table; a context manager. The file has its name only when all went well.

    Args:
        path: of the file.
        schema: its columns.
    """

    def __init__(self, path: Path, schema: pa.Schema = SCHEMA) -> None:
        self.path = path
        self.rows = 0
        self._schema = schema
        self._pending: list[pa.Table] = []
        self._pending_sizes: list[npt.NDArray[np.int64]] = []
        self._pending_rows = 0
        self._pending_bytes = 0
        self._stack = ExitStack()
        self._writer: Any = None

    def __enter__(self) -> ShardWriter:
        with ExitStack() as stack:
            stream = stack.enter_context(replacing(self.path))
            self._writer = _open(stream, self._schema)
            stack.callback(self._close_quietly)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            try:
                self._flush(everything=True)
                self._writer.close()
            except BaseException as failure:
                # The stack must see the failure: it is what keeps the file from getting its name.
                if not self._stack.__exit__(type(failure), failure, failure.__traceback__):
                    raise
                return
        self._stack.__exit__(kind, error, trace)

    def _close_quietly(self) -> None:
        # After a failed write the footer cannot be written either; that second failure says nothing new.
        try:
            self._writer.close()
        except (OSError, ValueError):
            self._writer.is_open = False

    def write(self, table: pa.Table, sizes: npt.NDArray[np.int64] | None = None) -> None:
        """Adds rows; ``sizes`` (n,) are their ``row_sizes`` where already known."""
        if not table.num_rows:
            return
        sizes = row_sizes(table) if sizes is None else sizes
        self._pending.append(table)
        self._pending_sizes.append(sizes)
        self._pending_rows += table.num_rows
        self._pending_bytes += int(sizes.sum())
        self.rows += table.num_rows
        if self._pending_rows >= GROUP_ROWS or self._pending_bytes >= GROUP_BYTES:
            self._flush(everything=False)

    def _flush(self, *, everything: bool) -> None:
        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        sizes = np.concatenate(self._pending_sizes)
        start = 0
        while start < table.num_rows:
            stop = start + _group(sizes[start : start + GROUP_ROWS])
            if stop == table.num_rows and not everything and stop - start < GROUP_ROWS:
                break
            # One chunk: page boundaries follow chunks, and bytes must not depend on how rows arrived.
            self._writer.write_table(table.slice(start, stop - start).combine_chunks(), row_group_size=GROUP_ROWS)
            start = stop
        self._pending = [table.slice(start)] if start < table.num_rows else []
        self._pending_sizes = [sizes[start:]] if start < table.num_rows else []
        self._pending_rows = table.num_rows - start
        self._pending_bytes = int(sizes[start:].sum())


def _group(sizes: npt.NDArray[np.int64]) -> int:
    """How many of the leading rows make a row group: as many as fit in its bytes, one at least."""
    return max(1, int(np.searchsorted(np.cumsum(sizes), GROUP_BYTES, side="right")))


def write_table(path: Path, table: pa.Table) -> None:
    """Writes a table as one Parquet file, whole or not at all.

    Raises:
        OutOfSpace: when the disk or the quota is full.
        DatasetError: when the folder cannot be written to.
    """
    with ShardWriter(path, table.schema) as writer:
        writer.write(table)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema = SCHEMA) -> None:
    """Writes rows, given as column name to value, as one Parquet file, whole or not at all.

    Raises:
        OutOfSpace: when the disk or the quota is full.
        DatasetError: when the folder cannot be written to.
        ValueError: when a row does not have exactly the columns of ``schema``.
    """
    write_table(path, table_from_rows(rows, schema))


class ShardSequence:
    """Files ``<stem>-00000-of-000NN.parquet`` of about ``shard_bytes`` each, in the order rows arrive.

    The number of files is known only at the end: until ``finish`` they have the name ``<stem>-00000.parquet``.

    Args:
        folder: made if it is not there.
        stem: the split's name.
        schema: the columns.
        shard_bytes: content of a file; a row that would exceed it begins the next one.
    """

    def __init__(self, folder: Path, stem: str, schema: pa.Schema = SCHEMA, *, shard_bytes: int = SHARD_BYTES) -> None:
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._stem = stem
        self._schema = schema
        self._limit = shard_bytes
        self._written: list[tuple[Path, int]] = []
        self._writer: ShardWriter | None = None
        self._bytes = 0

    def __enter__(self) -> ShardSequence:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.__exit__(kind, error, trace)

    def write(self, table: pa.Table) -> None:
        """Adds rows, and begins new files where they are due."""
        sizes = row_sizes(table)
        start = 0
        while start < table.num_rows:
            ends = self._bytes + np.cumsum(sizes[start:])
            fit = int(np.searchsorted(ends, self._limit, side="right"))
            if not fit and self._bytes:
                self._close()
                continue
            fit = max(fit, 1)
            if self._writer is None:
                self._writer = ShardWriter(
                    self._folder / f"{self._stem}-{len(self._written):05d}.parquet", self._schema
                ).__enter__()
            self._writer.write(table.slice(start, fit), sizes[start : start + fit])
            self._bytes = int(ends[fit - 1])
            start += fit

    def _close(self) -> None:
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        writer.__exit__(None, None, None)
        self._written.append((writer.path, writer.rows))
        self._bytes = 0

    def finish(self) -> list[tuple[Path, int]]:
        """Closes the last file and gives all of them their final names; their paths and numbers of rows."""
        self._close()
        total = len(self._written)
        final = []
        with disk_errors(self._folder):
            for index, (path, rows) in enumerate(self._written):
                name = path.with_name(f"{self._stem}-{index:05d}-of-{total:05d}.parquet")
                path.rename(name)
                final.append((name, rows))
        return final
