"""How far a run is: a bar on a terminal, one line a scene elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType
from typing import Any

from ..core.counted import counted

__all__ = ["Progress"]

_log = logging.getLogger(__name__)


class Progress:
    """Scenes done, rows per second and time left, on stderr.

    Args:
        total: scenes to make.
        bar: draw a bar; when None, only where stderr is a terminal.
    """

    def __init__(self, total: int, bar: bool | None = None) -> None:
        self._total = total
        self._rows = 0
        self._done = 0
        self._started = time.monotonic()
        self._bar: Any = None
        if sys.stderr.isatty() if bar is None else bar:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit="scene", file=sys.stderr, dynamic_ncols=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def scene(self, name: str, rows: int, problem: str = "") -> None:
        """One more scene is done, or has failed with this problem."""
        self._rows += rows
        self._done += 1
        if self._bar is not None:
            rate = self._rows / max(time.monotonic() - self._started, 1e-3)
            self._bar.set_postfix_str(f"{self._rows} rows, {rate:.0f} rows/s")
            self._bar.update()
            if problem:
                self._bar.write(f"spatialgen: warning: {name}: {problem}", file=sys.stderr)
        elif problem:
            _log.warning("%d/%d %s: %s", self._done, self._total, name, problem)
        else:
            _log.info("%d/%d %s: %s", self._done, self._total, name, counted(rows, "row"))
