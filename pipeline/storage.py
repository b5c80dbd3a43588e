"""The JSON files of a run directory: whole or not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..dataset.durable import write_bytes
from ..errors import DatasetError

__all__ = ["read_json", "write_json"]


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, whole or not at all.

    Raises:
        OutOfSpace: when the disk or quota is full.
        DatasetError: when the folder cannot be written to.
    """
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """The content of one of a run directory's JSON files.

    Raises:
        DatasetError: when it is unreadable or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DatasetError(
            f"cannot be read ({error})", path=path, remedy="start again with --fresh or another --out"
        ) from None
