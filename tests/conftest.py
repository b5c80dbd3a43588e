"""Fixtures shared by all rooms: where the real sequences are, and synthetic scenes made once a run."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Of the small products of tests, threads cost more than they help; it has to be said before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).parent))  # `support` is a plain package of helpers, not part of the product

# A shell starts what it runs in the background with Ctrl-C ignored, and children inherit that: tests that send it to
# a child would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real sequences; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("SPATIALGEN_TEST_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real sequences at {folder} (set SPATIALGEN_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def built_once() -> Iterator[None]:
    """The same synthetic room is furnished once a run: building one takes longer than writing it in a second layout."""
    from spatialgen import synth

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synth, "build_scene", functools.cache(synth.build_scene))
        yield
