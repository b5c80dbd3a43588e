"""The rows and run directories of the dataset's tests serve the audit's too."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_PATH = Path(__file__).parents[1] / "dataset" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("dataset_test_rows", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_ROWS = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _ROWS
_SPEC.loader.exec_module(_ROWS)

scans, make_run, helpers = _ROWS.scans, _ROWS.make_run, _ROWS.helpers
