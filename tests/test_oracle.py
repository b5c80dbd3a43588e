"""Answers against Open3D ray casting of the clean truth, from the command to the finished rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.oracle import Truth, comparison_is_right, estimate_error

import spatialgen
from spatialgen import synth
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Fact
from spatialgen.dataset.read import open_rows
from spatialgen.scene_io import detect

TASKS = ("depth_comparison", "depth_estimation")


class Agreement:
    """Rows a task, and how many the truth agrees with."""

    def __init__(self, root: Path, out: Path, per_scene: int, *, workers: int = 2) -> None:
        spatialgen.run(TASKS, scenes=[root], out=out, per_scene=per_scene, images="path", workers=workers)
        truths: dict[str, Truth] = {}
        self.rows: Counter[str] = Counter()
        self.right: Counter[str] = Counter()
        for row in open_rows(out):
            name = row["scene_id"]
            truth = truths.get(name) or truths.setdefault(name, Truth(root / "scans" / name))
            self.rows[row["task"]] += 1
            if row["task"] == "depth_comparison":
                self.right[row["task"]] += comparison_is_right(truth, row)
            else:
                self.right[row["task"]] += estimate_error(truth, row) <= 0.02

    def share(self, task: str) -> float:
        return self.right[task] / self.rows[task]


@pytest.mark.parametrize("format", ["scannet", "posed_images"])
def test_small_scenes_agree(built_once: None, tmp_path: Path, format: str) -> None:
    root = tmp_path / "scenes"
    synth.generate(root, format=format, scenes=1, frames=10, color_size=(480, 360), seed=5)
    found = Agreement(root, tmp_path / "out", 60, workers=0)
    for task in TASKS:
        assert found.rows[task] == 60
        assert found.right[task] == 60


@pytest.mark.slow
@pytest.mark.parametrize("format", ["scannet", "posed_images"])
def test_five_clean_and_five_noisy_scenes_agree(tmp_path: Path, format: str) -> None:
    clean_root, noisy_root = tmp_path / "clean", tmp_path / "noisy"
    options = {"format": format, "scenes": 5, "frames": 40, "seed": 11}
    synth.generate(clean_root, **options)
    clean = Agreement(clean_root, tmp_path / "out", 250)
    synth.generate(noisy_root, scan_noise=True, **options)
    noisy = Agreement(noisy_root, tmp_path / "noisy_out", 250)
    print({task: (clean.rows[task], clean.share(task), noisy.rows[task], noisy.share(task)) for task in TASKS})  # noqa: T201
    for task in TASKS:
        assert clean.rows[task] >= 1000
        assert clean.share(task) >= 0.999
        assert noisy.rows[task] >= clean.rows[task] / 2
    assert noisy.share("depth_comparison") >= 0.99


@pytest.mark.slow
def test_legal_pairs_of_an_independent_sampler_are_accepted(tmp_path: Path) -> None:
    """Pairs that are legal by the definitions, found without the product's geometry, are mostly accepted."""
    root = tmp_path / "scenes"
    synth.generate(root, scenes=2, frames=10, seed=23)
    engine = spatialgen.engines.load("depth_comparison")
    reader, _ = detect(root)
    rng = np.random.default_rng(0)
    legal = accepted = 0
    for ref in reader.scenes(root):
        scene = reader.read(ref)
        truth = Truth(root / "scans" / ref.id)
        geometry = SceneGeometry(scene)
        for index, frame in enumerate(scene.frames):
            points = _legal_points(truth, int(frame.id), rng, 60)
            for a, b in zip(points[::2], points[1::2], strict=False):
                if _legal_pair(truth, int(frame.id), a, b):
                    legal += 1
                    accepted += isinstance(engine.compare(geometry, index, a, b), Fact)
    assert legal >= 200
    assert accepted / legal >= 0.8, f"{accepted} of {legal}"


def _legal_points(truth: Truth, frame: int, rng: np.random.Generator, count: int) -> list[tuple[int, int]]:
    """Pixels whose disc of 2 % of the height is in the image, on one instance, within 3 cm or 2 % of one plane."""
    radius = 0.02 * truth.height
    reach = int(radius)
    grid = np.stack(np.meshgrid(np.arange(-reach, reach + 1, 2), np.arange(-reach, reach + 1, 2)), -1).reshape(-1, 2)
    grid = grid[(grid**2).sum(1) <= radius**2]
    found = []
    for _ in range(count):
        pixel = rng.integers([reach + 1, reach + 1], [truth.width - reach - 1, truth.height - reach - 1])
        depth, triangle = truth.cast(frame, pixel + grid)
        hit = np.isfinite(depth)
        if hit.mean() < 0.5:
            continue
        design = np.column_stack([grid[hit], np.ones(hit.sum())])
        plane, *_ = np.linalg.lstsq(design, 1 / depth[hit], rcond=None)
        fitted = 1 / (design @ plane)
        flat = (np.abs(depth[hit] - fitted) <= np.maximum(0.03, 0.02 * fitted)).mean() >= 0.95
        owners = truth.vertex_instance[truth.faces[triangle[hit]][:, 0]]
        if flat and np.bincount(owners + 1).max() >= 0.9 * len(grid):
            found.append((int(pixel[0]), int(pixel[1])))
    return found


def _legal_pair(truth: Truth, frame: int, a: tuple[int, int], b: tuple[int, int]) -> bool:
    """A gap of 10 cm and 5 % in depth and in ray distance, same order; marks that do not touch."""
    xy = np.array([a, b], dtype=float)
    if np.linalg.norm(xy[0] - xy[1]) < 0.08 * truth.height:
        return False
    depth, _ = truth.cast(frame, xy)
    rays = np.column_stack([xy, np.ones(2)]) @ np.linalg.inv(truth.intrinsics).T
    distance = depth * np.linalg.norm(rays, axis=1)
    if depth.min() < 0.2 or depth.max() > 10:
        return False
    gaps = [(d[0] - d[1]) for d in (depth, distance)]
    enough = all(abs(gap) >= max(0.10, 0.05 * d.min()) for gap, d in zip(gaps, (depth, distance), strict=True))
    return enough and gaps[0] * gaps[1] > 0
