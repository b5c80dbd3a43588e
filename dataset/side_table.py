"""``frames.parquet``: the cameras of all frames, gathered from the scenes' parts, sorted by dataset and scene."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from ..errors import DatasetError
from .read import iter_tables, open_parquet
from .schema import FRAMES_SCHEMA
from .shards import ShardWriter

__all__ = ["merge_frames"]


class _Span(NamedTuple):
    """Consecutive rows of one scene in one file."""

    dataset: str
    scene_id: str
    file: int
    start: int
    stop: int


def merge_frames(target: Path, parts: Sequence[Path], existing: Path | None) -> int:
    """Writes the frames of all scenes into one file; a scene's frames keep their order.

    Args:
        target: the file to write.
        parts: the new scenes' files.
        existing: the file as it is now, or None; its scenes that are among the new ones are left out.

    Returns:
        The number of frames.

    Raises:
        DatasetError: when two new files hold the same scene (names both), or a file is broken.
    """
    files = [*parts, *([existing] if existing else [])]
    spans = [_spans(path, index) for index, path in enumerate(files)]
    chosen: dict[tuple[str, str], _Span] = {}
    for span in (span for found in spans[: len(parts)] for span in found):
        other = chosen.setdefault((span.dataset, span.scene_id), span)
        if other is not span:
            raise DatasetError(
                f"scene {span.dataset}/{span.scene_id} was made twice ({files[other.file]} and {files[span.file]})",
                remedy="the same place was given twice, or two scenes share a name: leave one out",
            )
    for span in spans[-1] if existing else ():
        chosen.setdefault((span.dataset, span.scene_id), span)
    ranges = _Ranges(files)
    with ShardWriter(target, FRAMES_SCHEMA) as writer:
        for span in sorted(chosen.values()):
            writer.write(ranges.read(span))
    return writer.rows


def _spans(path: Path, file: int) -> list[_Span]:
    with open_parquet(path) as parquet:
        if not parquet.schema_arrow.equals(FRAMES_SCHEMA):
            raise DatasetError(
                "holds frames of another version of the format", path=path, remedy="make them again with --fresh"
            )
    found: list[_Span] = []
    row = 0
    for table in iter_tables(path, ("dataset", "scene_id"), batch_rows=65_536):
        for dataset, scene in zip(table["dataset"].to_pylist(), table["scene_id"].to_pylist(), strict=True):
            if found and found[-1][:2] == (dataset, scene):
                found[-1] = found[-1]._replace(stop=row + 1)
            else:
                found.append(_Span(dataset, scene, file, row, row + 1))
            row += 1
    return found


class _Ranges:
    """Rows of files by their numbers; the row group read last is kept, since neighbours are asked for in turn."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._file = -1
        self._first = 0
        self._group = FRAMES_SCHEMA.empty_table()

    def read(self, span: _Span) -> pa.Table:
        """The rows of a span."""
        pieces = []
        row = span.start
        while row < span.stop:
            if span.file != self._file or not self._first <= row < self._first + self._group.num_rows:
                self._load(span.file, row)
            piece = self._group.slice(row - self._first, span.stop - row)
            pieces.append(piece)
            row += piece.num_rows
        return pa.concat_tables(pieces)

    def _load(self, number: int, row: int) -> None:
        with open_parquet(self._files[number]) as file:
            first = 0
            for index in range(file.metadata.num_row_groups):
                count = file.metadata.row_group(index).num_rows
                if row < first + count:
                    self._file, self._first, self._group = number, first, file.read_row_group(index)
                    return
                first += count
        raise AssertionError("the spans were read from this very file")
