"""MultiSPA's tasks on a real recording: enough rows, well formed, balanced."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.multispa_oracle import CAMERA_TASKS, WORDS
from support.real_sequences import repack

import spatialgen
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Fact
from spatialgen.dataset.check import problems
from spatialgen.dataset.read import open_rows

Rows = dict[str, list[dict[str, Any]]]

FEW = {"camera_movement_y"}
"""The headset keeps its height within 17 cm: few pairs go up or down by 15 % of their motion, and all must be there."""


@pytest.fixture(scope="module")
def folder(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The HoloLens sequence as a ScanNet scene, and a run on it."""
    folder = tmp_path_factory.mktemp("hololens")
    repack(real_data / "hololens_dvmvs_000", folder / "scenes", "scannet")
    tasks = ["camera_movement", "visual_correspondence"]
    spatialgen.run(tasks, scenes=[folder / "scenes"], out=folder / "out", per_scene=500, images="path", workers=0)
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> Rows:
    """Rows a task."""
    found: Rows = defaultdict(list)
    for row in open_rows(folder / "out"):
        found[row["task"]].append(row)
    return found


def test_enough_rows_of_each_task(rows: Rows) -> None:
    counts = {task: len(found) for task, found in rows.items()}
    assert counts["visual_correspondence"] >= 500
    assert all(counts.get(task, 0) >= 200 for task in set(CAMERA_TASKS) - FEW), counts


@pytest.mark.parametrize("task", sorted(FEW))
def test_every_legal_row_of_a_task_with_few(folder: Path, rows: Rows, task: str) -> None:
    (scene,) = spatialgen.open_scenes(folder / "scenes")
    shown = {frame["frame_id"] for frame in pq.read_table(folder / "out" / "frames.parquet").to_pylist()}
    used = [index for index, frame in enumerate(scene.frames) if frame.id in shown]
    engine, geometry = spatialgen.engines.load("camera_movement"), SceneGeometry(scene)
    facts = [engine.between(geometry, i, j, task) for i, j in itertools.permutations(used, 2)]
    legal = [fact for fact in facts if isinstance(fact, Fact) and 0.06 <= fact.overlap <= 0.35]
    words = Counter(fact.answer_index for fact in legal)
    assert 0 < len(legal) < 200
    # Words stay balanced, so that the rarer one decides.
    assert len(rows[task]) >= 2 * min(words[0], words[1])
    assert len(rows[task]) <= len(legal)


def test_rows_are_well_formed_and_distinct(rows: Rows) -> None:
    every = [row for found in rows.values() for row in found]
    assert not [(row["task"], wrong) for row in every if (wrong := problems(row))]
    assert len({row["id"] for row in every}) == len(every)


@pytest.mark.parametrize("task", [*WORDS, "visual_correspondence"])
def test_words_and_letters_are_balanced(rows: Rows, task: str) -> None:
    chosen = [row for row in rows[task] if row["options"]]
    counts = Counter(row["options"][row["answer_index"]] for row in chosen)
    assert set(counts) == set(chosen[0]["options"])
    assert max(counts.values()) - min(counts.values()) <= 1, counts


@pytest.mark.parametrize("task", [*sorted(set(CAMERA_TASKS) - FEW), "visual_correspondence"])
def test_pairs_are_spread(rows: Rows, task: str) -> None:
    """Overlaps lie in the default range and fill it; both orders are shown, and no frame is in most of the rows."""
    overlaps = np.array([row["overlap"] for row in rows[task]])
    assert overlaps.min() >= 0.06
    assert overlaps.max() <= 0.35
    assert len(np.unique(np.floor(overlaps * 100))) >= 20
    forward = np.mean([int(row["frame_ids"][0]) < int(row["frame_ids"][1]) for row in rows[task]])
    assert 0.3 <= forward <= 0.7
    shown = Counter(name for row in rows[task] for name in row["frame_ids"])
    assert max(shown.values()) <= 0.2 * len(rows[task])
