"""Reading a finished run directory: its shards, its rows, its manifest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import DatasetError, UnknownName

__all__ = [
    "SUCCESS",
    "iter_tables",
    "open_parquet",
    "open_rows",
    "read_manifest",
    "require_finished",
    "shards",
    "tasks",
]

SUCCESS: Final = "_SUCCESS"
_BATCH_ROWS: Final = 256  # with images embedded, some tens of MB


def require_finished(directory: Path) -> None:
    """Refuses a folder that is no run directory, or one whose run has not finished.

    Raises:
        DatasetError: in both cases, with the next step.
    """
    if (directory / SUCCESS).is_file() and (directory / "data").is_dir():
        return
    if not directory.is_dir():
        raise DatasetError("no such folder", path=directory, remedy="give the --out folder of a run")
    if any((directory / name).exists() for name in ("parts", "data", "manifest.json")):
        raise DatasetError(
            f"the run has not finished (no {SUCCESS})", path=directory, remedy="run the same command again to finish it"
        )
    raise DatasetError(
        "not a run directory (no data/ and no manifest.json)", path=directory, remedy="give the --out folder of a run"
    )


def tasks(directory: Path) -> list[str]:
    """Names of the tasks that have rows, sorted."""
    return sorted(folder.name for folder in (directory / "data").iterdir() if any(folder.glob("*.parquet")))


def shards(directory: Path, task: str | None = None) -> list[Path]:
    """The shards of one task or of all, in order.

    Raises:
        DatasetError: when the folder is no finished run directory.
        UnknownName: when the run has no rows of the task; near names suggested.
    """
    require_finished(directory)
    known = tasks(directory)
    if task is not None and task not in known:
        raise UnknownName("task in this run", task, known)
    return [
        path for name in ([task] if task else known) for path in sorted((directory / "data" / name).glob("*.parquet"))
    ]


def open_parquet(path: Path) -> pq.ParquetFile:
    """A Parquet file, opened.

    Raises:
        DatasetError: when it is missing, cut short or no Parquet file.
    """
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(
            f"not a readable Parquet file ({_first_line(error)})",
            path=path,
            remedy="delete it and run the command again",
        ) from error


def iter_tables(
    path: Path, columns: Sequence[str] | None = None, *, batch_rows: int = _BATCH_ROWS
) -> Iterator[pa.Table]:
    """The rows of one file in order, as tables of at most ``batch_rows`` rows.

    Args:
        path: of the shard.
        columns: names, dotted for parts of a struct (``images.list.element.path``); all when None.
        batch_rows: rows of a table at most.

    Raises:
        DatasetError: when the file cannot be read.
    """
    with open_parquet(path) as file:
        try:
            for batch in file.iter_batches(batch_rows, columns=None if columns is None else list(columns)):
                yield pa.Table.from_batches([batch])
        except (OSError, pa.ArrowInvalid) as error:
            raise DatasetError(
                f"cannot be read to its end ({_first_line(error)})", path=path, remedy="delete it and run again"
            ) from error


def open_rows(
    directory: Path, task: str | None = None, columns: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a finished run, one dict each, in the order of the shards.

    Args:
        directory: the ``--out`` folder of a run.
        task: one task's rows only.
        columns: of the rows; all when None. Leaving out ``images`` makes it fast.

    Raises:
        DatasetError: when the folder is no finished run directory or a shard is broken.
        UnknownName: when the run has no rows of the task.
    """
    for path in shards(Path(directory), task):
        for table in iter_tables(path, columns):
            yield from table.to_pylist()


def read_manifest(directory: Path) -> dict[str, Any]:
    """The run's ``manifest.json``.

    Raises:
        DatasetError: when it is missing or broken.
    """
    path = directory / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(
            "the run has no manifest", path=path, remedy="run the same command again to finish it"
        ) from None
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"cannot be read ({_first_line(error)})", path=path, remedy="run the same command again"
        ) from error
    if not isinstance(manifest, dict):
        raise DatasetError("is not a JSON object", path=path, remedy="run the same command again")
    return manifest


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
