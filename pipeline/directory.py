"""The run directory: whose it is, what is done in it, and who is working in it now.

::

    out/
    ├── data/<task>/*.parquet  frames.parquet  README.md  manifest.json  failures.json
    ├── _SUCCESS               last to appear, first to go: everything above is whole and belongs together
    ├── parts/                 while the run is under way
    │   ├── run.json           its configuration; whether finished data are being added to
    │   └── <scene key>/       one scene's rows, there whole or not at all
    └── .spatialgen.lock       while a process works here
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from ..dataset.durable import disk_errors, sync_folder, write_bytes
from ..dataset.finalise import recover
from ..errors import ConfigError, DatasetError
from .config import RunConfig
from .storage import read_json, write_json
from .worker import REPORT, TEMPORARY

__all__ = ["RunDirectory"]

_LOCK: Final = ".spatialgen.lock"
_OWN_FILES: Final = ("_SUCCESS", "manifest.json", "failures.json", "README.md", "frames.parquet")
_ANOTHER: Final = "choose another --out"


class RunDirectory:
    """One output folder and the protocol by which it is filled.

    Args:
        out: the folder; need not exist.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.parts = out / "parts"
        self.manifest_path = out / "manifest.json"
        self.failures_path = out / "failures.json"
        self._success = out / "_SUCCESS"
        self._run_file = self.parts / "run.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process; it is made if need be.

        Raises:
            ConfigError: when it is not a folder, holds something else, or another process works in it.
            DatasetError: when it cannot be written.
        """
        if self.out.exists() and not self.out.is_dir():
            raise ConfigError("is a file, not a folder", path=self.out, remedy=_ANOTHER)
        with disk_errors(self.out):
            self.out.mkdir(parents=True, exist_ok=True)
        self._refuse_foreign()
        lock = FileLock(self.out / _LOCK)
        with disk_errors(self.out):
            try:
                lock.acquire(timeout=0)
            except Timeout:  # an OSError, too
                raise ConfigError(
                    "another run is working in this folder", path=self.out, remedy=f"wait for it, or {_ANOTHER}"
                ) from None
        try:
            self._refuse_foreign()
            yield
        finally:
            # Removed while still held: whoever opened it before can then only fail to lock it.
            with contextlib.suppress(OSError):
                (self.out / _LOCK).unlink()
            lock.release()

    def _refuse_foreign(self) -> None:
        if not self._is_ours():
            raise ConfigError("the folder is not empty and holds no run of spatialgen", path=self.out, remedy=_ANOTHER)

    def _is_ours(self) -> bool:
        with disk_errors(self.out):
            names = {path.name for path in self.out.iterdir()} - {_LOCK}
            if not names or self._run_file.is_file():
                return True
            if names == {"parts"}:
                # A process that died between making parts/ and naming the run in it.
                return self.parts.is_dir() and all(path.name.startswith(".") for path in self.parts.iterdir())
        if self.manifest_path.is_file():
            manifest = read_json(self.manifest_path)
            return isinstance(manifest, dict) and "config_hash" in manifest
        return False

    def clear(self) -> None:
        """Remove a run's own files, and nothing else (``--fresh``).

        Raises:
            ConfigError: when something else lies among the shards, where it could not be kept.
        """
        data = self.out / "data"
        own = {data, *data.glob("*/"), *data.glob("*/*.parquet")}
        if strangers := sorted(path for path in data.rglob("*") if path not in own):
            raise ConfigError("is not a file of the run", path=strangers[0], remedy=f"move it away, or {_ANOTHER}")
        with disk_errors(self.out):
            for name in _OWN_FILES:
                (self.out / name).unlink(missing_ok=True)
            self._remove_parts()
            if data.is_dir():
                shutil.rmtree(data)

    def open(self, config: RunConfig) -> None:
        """Check that what is here belongs to this configuration, and tidy up after a process that died.

        A run that was begun and came to nothing is nobody's: the next configuration takes the folder over.

        Raises:
            ConfigError: when it belongs to another; lists the options that differ.
        """
        recover(self.out)
        with disk_errors(self.out):
            if self._success.exists():
                self._remove_parts()  # the last step of a finished run, cut short
            elif self.parts.is_dir():
                for leftover in self.parts.glob(f"{TEMPORARY}*"):
                    shutil.rmtree(leftover)
        if self._holds_nothing():
            return
        for source in (self._run_file, self.manifest_path):
            if source.is_file():
                _same_configuration(self.out, read_json(source), config)

    def _holds_nothing(self) -> bool:
        """Whether no scene was ever committed here."""
        if self.finished or self.manifest_path.exists() or (self.out / "data").exists():
            return False
        with disk_errors(self.out):
            return not self.parts.is_dir() or all(path == self._run_file for path in self.parts.iterdir())

    def begin(self, config: RunConfig) -> None:
        """From here on the folder is a run under way."""
        extends = self._success.exists()
        with disk_errors(self.out):
            self._success.unlink(missing_ok=True)
            sync_folder(self.out)
            self.parts.mkdir(exist_ok=True)
        taken_over = self._run_file.is_file() and read_json(self._run_file)["config_hash"] != config.config_hash
        if taken_over or not self._run_file.is_file():
            write_json(
                self._run_file,
                {"config_hash": config.config_hash, "fingerprint": config.fingerprint, "extends": extends},
            )
        if taken_over:
            with disk_errors(self.out):
                self.failures_path.unlink(missing_ok=True)  # of the run that came to nothing

    @property
    def extends(self) -> bool:
        """Whether the scenes in ``parts/`` are added to finished data."""
        return self._run_file.is_file() and bool(read_json(self._run_file)["extends"])

    @property
    def finished(self) -> bool:
        return self._success.exists()

    def manifest(self) -> dict[str, Any]:
        """The manifest of the finished run here, or of the one being added to; empty when there is none."""
        if self.manifest_path.is_file() and (self.finished or self.extends):
            return dict(read_json(self.manifest_path))
        return {}

    def reports(self) -> dict[str, dict[str, Any]]:
        """Reports of the scenes that lie in ``parts/``, by key."""
        if not self.parts.is_dir():
            return {}
        return {path.parent.name: read_json(path) for path in sorted(self.parts.glob(f"[!.]*/{REPORT}"))}

    def finish(self, manifest: Mapping[str, Any], failures: list[dict[str, Any]], card: str) -> None:
        """Write what describes the data, the marker last, and remove ``parts/``."""
        write_json(self.failures_path, failures)
        write_bytes(self.out / "README.md", card.encode())
        write_json(self.manifest_path, manifest)
        write_bytes(self._success, b"")
        with disk_errors(self.out):
            self._remove_parts()

    def _remove_parts(self) -> None:
        if self.parts.is_dir():
            shutil.rmtree(self.parts)


def _same_configuration(out: Path, earlier: Mapping[str, Any], config: RunConfig) -> None:
    if earlier.get("config_hash") == config.config_hash:
        return
    before, now = earlier.get("fingerprint"), config.fingerprint
    if not isinstance(before, dict):
        raise DatasetError("names no configuration", path=out, remedy=f"start again with --fresh, or {_ANOTHER}")
    differing = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    shown = ", ".join(f"{key}: {_short(before.get(key))} there, {_short(now.get(key))} now" for key in differing[:6])
    more = f" and {len(differing) - 6} more" if len(differing) > 6 else ""
    raise ConfigError(
        f"the folder holds a run with another configuration ({shown}{more})",
        path=out,
        remedy=f"use the same options, start again with --fresh, or {_ANOTHER}",
    )


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
