"""Fixtures shared by all rooms: where the real sequences are, and synthetic scenes made once a run."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

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
