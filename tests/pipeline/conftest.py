from __future__ import annotations

from pathlib import Path

import pytest
from support.scene_folder import SceneFolder


@pytest.fixture
def scene_folder(tmp_path: Path) -> SceneFolder:
    """Two small scenes."""
    return SceneFolder(tmp_path / "scans").add("scene9000_00", "scene9001_00")
