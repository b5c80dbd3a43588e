"""Whatever folder of a dataset a person points at, exactly one reader claims it, or none."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from spatialgen import scene_io


def layouts() -> Iterator[object]:
    for name in scene_io.available():
        tiny = importlib.import_module(f"support.tiny_{name}")
        for layout in tiny.LAYOUTS:
            yield pytest.param(name, tiny, layout, id=f"{name}-{layout}")


@pytest.mark.parametrize(("name", "tiny", "layout"), list(layouts()))
def test_exactly_one_reader_claims_a_layout(tmp_path: Path, name: str, tiny: ModuleType, layout: str) -> None:
    root = tmp_path / "root"
    tiny.LAYOUTS[layout](root)
    readers = [scene_io.load(other) for other in scene_io.available()]
    assert [reader.name for reader in readers if reader.detect(root) is not None] == [name]
    for folder in (path for path in root.rglob("*") if path.is_dir()):
        assert {reader.name for reader in readers if reader.detect(folder) is not None} <= {name}, folder
    assert not [reader.name for reader in readers if reader.detect(tmp_path) is not None]
