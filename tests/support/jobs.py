"""Functions for worker processes in tests: a spawned process can import them by name."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path
from typing import Any

from spatialgen.errors import OutOfSpace, SceneError


def square(number: int) -> int:
    return number * number


def threads(_: Any) -> dict[str, Any]:
    import cv2

    names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")
    return {**{name: os.environ.get(name) for name in names}, "cv2": cv2.getNumThreads(), "pid": os.getpid()}


def misbehave(what: str) -> str:
    """Fail in the way that is named; ``dies-once:FILE`` only the first time."""
    kind, _, rest = what.partition(":")
    if kind == "scene":
        raise SceneError("is cut short", path="/data/a.sens", remedy="copy it again")
    if kind == "bug":
        raise ZeroDivisionError("a mistake of ours")
    if kind == "space":
        raise OutOfSpace("full")
    if kind == "raw-space":
        raise OSError(errno.ENOSPC, "No space left on device")
    if kind == "memory":
        raise MemoryError
    if kind == "dies" or (kind == "dies-once" and not Path(rest).exists()):
        if rest:
            Path(rest).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "sleeps":
        time.sleep(float(rest))
    return what


def note_pid_and_sleep(argument: tuple[str, float]) -> str:
    """Leave a file named after this process, then take a while."""
    folder, seconds = argument
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(seconds)
    return folder
