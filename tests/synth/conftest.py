"""Small synthetic scenes, made once for all tests of this room."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spatialgen import synth

SMALL = {"color_size": (324, 242), "depth_size": (160, 120)}


@pytest.fixture(scope="session")
def rooms() -> list[synth.SyntheticScene]:
    """One room of each kind."""
    return [synth.build_scene(3, index, frames=12, **SMALL) for index in range(5)]


class Disk:
    """Scenes on disk with their truth."""

    def __init__(self, root: Path, **options: object) -> None:
        self.root = root
        self.folders = synth.generate(root, seed=3, frames=10, **SMALL, **options)
        self.folder = self.folders[0]
        self.id = self.folder.name
        self.truth = json.loads((self.folder / "truth.json").read_text())
        with np.load(self.folder / "truth.npz") as data:
            self.arrays = dict(data)


@pytest.fixture(scope="session")
def clean(built_once: None, tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return Disk(tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="session")
def posed(built_once: None, tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return Disk(tmp_path_factory.mktemp("posed"), format="posed_images")


@pytest.fixture(scope="session")
def noisy(built_once: None, tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return Disk(tmp_path_factory.mktemp("noisy"), scan_noise=True)
