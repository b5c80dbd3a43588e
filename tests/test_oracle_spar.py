"""SPAR against its independent witness: every task's rows, from the command to the file.

Clean scenes of three datasets, and scenes with scan noise, whose rows are held against the clean truth. The witness
itself is tried in test_spar_witness.py and its sisters.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import spar_depths
from support.mosaic_balance import unbalanced
from support.spar_judge import JUDGES, judge_scene
from support.spar_runs import quick_run
from support.spar_texts import FORMS, NO_VIDEO

import spatialgen
from spatialgen import synth
from spatialgen.dataset.read import open_rows

Row = dict[str, Any]

FLOOR = 1000
CLEAN_SHARE, NOISY_SHARE, MARKS_SHARE = 0.999, 0.98, 0.995
SCARCE: dict[str, int] = {
    # Each is asked once of an object, a kind of thing, a room or a stretch of way, and these are all there are.
    "obj_frame_locate": 800,
    "obj_count": 750,
    "room_size": 50,
    "nav": 100,
    "spatial_imagination_oc_video_hard": 550,
    "spatial_imagination_oo_video_hard": 800,
    "appearance_order": 800,
    "camera_motion_infer": 800,
    "distance_infer_center_oc": 900,
    "distance_infer_center_oc_mv": 700,
}
"""Tasks of which these scenes have fewer than 1,000 items, and how many there must be at least."""


@dataclass(frozen=True)
class Source:
    """Scenes of one dataset.

    Attributes:
        layout: of the dataset.
        scenes, frames, seed: for ``synth``.
        noisy: with scan noise.
    """

    layout: str
    scenes: int
    frames: int
    seed: int
    noisy: bool = False

    def make(self, root: Path) -> None:
        synth.generate(
            root,
            format=self.layout,  # type: ignore[arg-type]
            scenes=self.scenes,
            frames=self.frames,
            seed=self.seed,
            color_size=(640, 480),
            scan_noise=self.noisy,
        )


CLEAN = (Source("scannet", 4, 60, 61), Source("scannetpp", 3, 60, 62), Source("structured3d", 2, 60, 63))
NOISY = (Source("scannet", 3, 60, 64, noisy=True), Source("scannetpp", 2, 60, 65, noisy=True))
NOISY_PER_SCENE = 240
NOISY_SCARCE = {
    task: count // 3 for task, count in {**SCARCE, "spatial_volume_infer": 600, "room_size": 30, "nav": 90}.items()
}
"""There are fewer scenes, and where labels run over borders few things have a size that is known well enough."""


class Agreement:
    """Rows a task of some runs, and what the witness finds wrong with them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.count: Counter[str] = Counter()
        self.forms: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.wrong: dict[str, list[str]] = defaultdict(list)
        self.kinds: Counter[str] = Counter()
        self.marks: Counter[str] = Counter()
        self.measures: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, source: Source, folder: Path, per_scene: int, workers: int = 2, preset: str = "default") -> None:
        """Makes scenes and a run of them, and judges its rows."""
        root, out = folder / source.layout, folder / f"{source.layout}-rows"
        source.make(root)
        options: dict[str, Any] = {"images": "path", "workers": workers, "per_scene": per_scene, "preset": preset}
        spatialgen.run("spar", scenes=[root], out=out, **options)
        self.judge(list(open_rows(out)), root, source.layout, source.noisy, preset, workers)

    def judge(
        self,
        rows: list[Row],
        root: Path,
        layout: str,
        noisy: bool = False,
        preset: str = "default",
        workers: int = 0,
    ) -> None:
        """Holds rows against the scenes they are from, scene by scene."""
        by_scene: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_scene[row["scene_id"]].append(row)
        some = list(by_scene.values())
        judged = partial(judge_scene, root=root, layout=layout, noisy=noisy, preset=preset)
        if workers:
            with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
                verdicts = list(pool.map(judged, some))
        else:
            verdicts = list(map(judged, some))
        for of_scene, found in zip(some, verdicts, strict=True):
            for row, verdict in zip(of_scene, found, strict=True):
                self.forms[layout].add((row["task"], row["form"]))
                self._take(row, verdict.measures, [*verdict.faults, *verdict.choice], layout)
        self.rows += rows

    def _take(self, row: Row, measures: dict[str, float], faults: list[str], layout: str) -> None:
        self.count[row["task"]] += 1
        self.marks["marks"] += int(measures.pop("marks", 0))
        self.marks["astray"] += int(measures.pop("marks_astray", 0))
        for name, value in measures.items():
            self.measures[row["task"], name].append(value)
        if faults:
            self.kinds.update({f"{row['task']}: {''.join(c for c in fault if not c.isdigit())}" for fault in faults})
            place = f"{layout} {row['id']} {row['scene_id']} {row['frame_ids'][:4]} {row['form']}"
            self.wrong[row["task"]].append(f"{place}: {'; '.join(faults)}")

    def report(self) -> str:
        """Counts and the first faults of each task."""
        lines = [f"{task}: {self.count[task]} rows, {len(self.wrong[task])} wrong" for task in JUDGES]
        lines += [f"marks: {self.marks['marks']}, astray: {self.marks['astray']}"]
        lines += [f"  {task} {fault}" for task in JUDGES for fault in self.wrong[task][:3]]
        lines += [f"  {count} {kind}" for kind, count in self.kinds.most_common(30)]
        for (task, name), found in sorted(self.measures.items()):
            lines.append(f"  {task} {name}: median {np.median(found):.4f}, largest {max(found):.4f}")
        return "\n".join(lines)

    def share(self, task: str) -> float:
        """Of a task's rows that are right; 1 where it has none."""
        return 1 - len(self.wrong[task]) / max(1, self.count[task])


def test_rows_of_a_small_house_agree(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Some rows of each task that needs no video."""
    base = tmp_path_factory.getbasetemp()
    some: dict[str, list[Row]] = defaultdict(list)
    for row in quick_run(base).rows:
        some[row["task"]].append(dict(row))
    found = Agreement()
    found.judge([row for rows in some.values() for row in rows[:3]], base / "spar_quick" / "scenes", "structured3d")
    assert not any(found.wrong.values()), found.report()
    assert found.count.total() >= 60
    assert found.marks["astray"] == 0


def per_scene(sources: tuple[Source, ...]) -> int:
    """Rows a task and scene for the floor, where only scenes with a trajectory have every task."""
    ordered = sum(source.scenes for source in sources if source.layout != "structured3d")
    return -(-FLOOR // ordered)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Agreement:
    found = Agreement()
    for source in CLEAN:
        found.add(source, tmp_path_factory.mktemp("clean"), per_scene(CLEAN))
    print(found.report())  # noqa: T201
    return found


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_rows_agree(clean: Agreement) -> None:
    for task in JUDGES:
        assert clean.count[task] >= SCARCE.get(task, FLOOR), clean.count
        assert clean.share(task) >= CLEAN_SHARE, clean.report()
    assert clean.marks["astray"] <= (1 - MARKS_SHARE) * clean.marks["marks"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_form_of_every_dataset_is_made(clean: Agreement) -> None:
    assert {*JUDGES} == {task for task, _ in FORMS}
    assert clean.forms["scannet"] | clean.forms["scannetpp"] == FORMS
    assert clean.forms["structured3d"] == NO_VIDEO


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_true_number_has_any_rank_among_its_options(clean: Agreement) -> None:
    for task in spar_depths.JUDGES:
        ranks = clean.measures[task, "rank"]
        if task == "spatial_volume_infer":
            assert not ranks
            continue
        share = np.bincount(np.array(ranks, int), minlength=4) / len(ranks)
        assert 0.17 <= share.min() <= share.max() <= 0.33, (task, share)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_letters_are_balanced(clean: Agreement) -> None:
    by_form = [row | {"task": f"{row['task']} {row['form']}"} for row in clean.rows]
    assert unbalanced([row for row in by_form if row["form"] in ("select", "judge")]) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_rows_of_noisy_scans_agree_with_the_clean_truth(tmp_path: Path) -> None:
    found = Agreement()
    for source in NOISY:
        found.add(source, tmp_path, NOISY_PER_SCENE)
    print(found.report())  # noqa: T201
    for task in JUDGES:
        assert found.count[task] >= NOISY_SCARCE.get(task, 900), found.count
        assert found.share(task) >= NOISY_SHARE, found.report()
    assert found.marks["astray"] <= (1 - MARKS_SHARE) * found.marks["marks"], found.report()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_rows_of_the_published_preset_agree(tmp_path: Path) -> None:
    found = Agreement()
    found.add(Source("scannet", 1, 60, 67), tmp_path, 60, preset="spar")
    print(found.report())  # noqa: T201
    for task in JUDGES:
        assert found.share(task) >= CLEAN_SHARE, found.report()
