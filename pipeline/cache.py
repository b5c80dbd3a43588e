"""A folder of derived arrays: what ``core.geometry`` computed once need not be computed again."""

from __future__ import annotations

import logging
import os
import uuid
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset.durable import disk_errors

__all__ = ["DiskCache"]

_log = logging.getLogger(__name__)


class DiskCache:
    """Arrays by key, one ``.npz`` a key; keys name the content they depend on, so entries never go stale.

    Several processes may share a folder: an entry appears by one rename, and equal keys hold equal arrays.

    Args:
        directory: made on the first ``put``.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def get(self, key: str) -> dict[str, np.ndarray] | None:
        """The arrays stored under a key, or None; a damaged entry is reported, removed and computed again."""
        path = self._path(key)
        try:
            # Opened here: np.load leaves a file it opened itself open when it turns out damaged.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            _log.warning("cache entry %s is damaged (%s); it is computed again", path, error)
            path.unlink(missing_ok=True)
            return None

    def put(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        """Store arrays under a key; uncompressed, since reading back fast is the point.

        Raises:
            OutOfSpace: when the disk is full.
            DatasetError: when the cache folder cannot be written.
        """
        path = self._path(key)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp")
        with disk_errors(self.directory):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("wb") as file:
                    # np.savez writes into an open file; given a name it would append its own suffix.
                    np.savez(file, **dict[str, Any](arrays))
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        if not key or any(not (character.isalnum() or character in "-_.") for character in key) or key.startswith("."):
            raise ValueError(f"not a cache key: {key!r}")
        return self.directory / f"{key}.npz"
