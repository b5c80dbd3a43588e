"""Every example runs as its README says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*/main.py"))


@pytest.mark.slow
@pytest.mark.parametrize("main", EXAMPLES, ids=lambda path: path.parent.name)
def test_example_runs(main: Path) -> None:
    assert f"examples/{main.parent.name}/main.py" in (main.parent / "README.md").read_text()
    done = subprocess.run([sys.executable, str(main)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
