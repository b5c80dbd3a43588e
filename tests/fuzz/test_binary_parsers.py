"""Damaged files: every parser of a binary format gives what an honest file could hold, or refuses in a sentence.

Honest little files are changed in a few places (``support/damage.py``) and read to the last byte. Nothing but a
SceneError may come out of that, one that names the file and says what to do; it may not take long, and not take more
memory than an honest file does. The same files are drawn on every run.
"""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.damage import Change, changes, damaged
from support.damage_targets import TARGETS, Parts, Target

from spatialgen.errors import SceneError

EXAMPLES = 40
MORE = 6  # times as many in the slow variant
SECONDS = 2.0  # of processor time for one file: other work on the machine does not count
SPARE = 4 << 20  # bytes beyond twice what the honest file takes
ADDRESS_SPACE = 4 << 30  # bytes
"""Decoders' own buffers are not Python's to count; the slow variant bounds what the whole process may map."""


class TookTooLong(Exception):
    """A parser that does not come back."""


@contextmanager
def watched() -> Iterator[None]:
    def ring(*_: Any) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def peak_of(target: Target, path: Path) -> int:
    """Bytes allocated at most while reading; a refusal has to name the file and a remedy."""
    refusal = None
    tracemalloc.start()
    try:
        with watched():
            target.read(path)
    except SceneError as error:
        refusal = error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    if refusal is not None:
        assert str(path) in str(refusal), f"does not name the file: {refusal}"
        assert refusal.remedy, f"names no remedy: {refusal}"
        assert "\n" not in str(refusal)
    return peak


class Bench:
    """An honest file of one format, what reading it takes, and a fresh folder for each damaged one."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target, self.folder = target, folder
        self.numbers = itertools.count()
        (folder / "honest").mkdir()
        self.parts = target.write(folder / "honest")
        with self._laid(self.parts) as path:
            target.read(path)  # the first time, libraries are loaded
            self.peak = peak_of(target, path)

    def damage(self, name: str, done: list[Change]) -> None:
        parts = self.parts | {name: damaged(self.parts[name], done)}
        allowed = 2 * self.peak + SPARE
        peak = self._peak(parts)
        if peak > allowed:
            # A rare refusal loads its libraries the first time, too; what the file costs, it costs again.
            peak = self._peak(parts)
        assert peak <= allowed, f"{peak} bytes, the honest file takes {self.peak}"

    def _peak(self, parts: Parts) -> int:
        with self._laid(parts) as path:
            return peak_of(self.target, path)

    @contextmanager
    def _laid(self, parts: Parts) -> Iterator[Path]:
        # Always another name: what was read is remembered by name, length and time of change.
        folder = self.folder / str(next(self.numbers))
        try:
            yield self.target.lay(folder, parts)
        finally:
            shutil.rmtree(folder)


def fuzz(target: Target, folder: Path, examples: int) -> None:
    bench = Bench(target, folder)

    @settings(
        max_examples=round(examples * target.weight),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(name=st.sampled_from(sorted(bench.parts)), done=changes())
    def check(name: str, done: list[Change]) -> None:
        bench.damage(name, done)

    check()


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    fuzz(TARGETS[name], tmp_path, EXAMPLES)


def limited() -> None:
    """In the child, before it starts: what it maps is bounded, however little of it is touched."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_many_more_damaged_files(name: str, tmp_path: Path) -> None:
    """In a process of its own, which a decoder may bring down or keep for ever without taking the tests along."""
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
    command = [sys.executable, "-W", "error", __file__, name, str(tmp_path), str(EXAMPLES * MORE)]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        timeout=500,
        check=False,
        preexec_fn=limited,
    )
    assert done.returncode == 0, done.stderr[-8000:]


if __name__ == "__main__":
    fuzz(TARGETS[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3]))
