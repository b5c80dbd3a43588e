"""The main job on real recordings, repacked into the layouts people have."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.real_sequences import repack

import spatialgen
from spatialgen.dataset.check import problems
from spatialgen.dataset.read import open_rows

TASKS = ("depth_comparison", "depth_estimation")


@pytest.mark.parametrize("format", ["scannet", "posed_images"])
@pytest.mark.parametrize("name", ["hololens_dvmvs_000", "icl_livingroom1_micro"])
def test_two_hundred_rows_of_each_task(real_data: Path, tmp_path: Path, name: str, format: str) -> None:
    root = tmp_path / "scenes"
    repack(real_data / name, root, format)
    (scene,) = spatialgen.open_scenes(root)
    # The up axis was put right: cameras that people carry look level on the whole, not at the floor or the ceiling.
    forward = np.array([frame.camera.camera_to_world[:3, 2] for frame in scene.frames])
    assert abs(math.degrees(np.median(np.arcsin(forward[:, 2])))) < 45

    spatialgen.run(TASKS, scenes=[root], out=tmp_path / "out", per_scene=200, images="path", workers=0)
    rows = list(open_rows(tmp_path / "out"))
    assert Counter(row["task"] for row in rows) == {"depth_comparison": 200, "depth_estimation": 200}
    assert not [wrong for row in rows if (wrong := problems(row))]
    frames = {row["frame_ids"][0] for row in rows}
    assert len(frames) >= 0.9 * len(scene.frames)
