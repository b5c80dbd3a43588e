"""Every MultiSPA task against its independent witness, from the command to the finished rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.multispa_motion import Clip, judge_motion
from support.multispa_objects import solids_of
from support.multispa_oracle import WORDS, Room, Verdict, camera_values, elevation, judge
from support.scores import adjusted_rand

import spatialgen
from spatialgen import synth
from spatialgen.core import rigid
from spatialgen.dataset.read import open_rows

SIZES = ("object_height", "object_length", "object_width")
CHOICES = (*WORDS, "visual_correspondence", "depth_comparison", "object_movement_still")
TASKS = tuple(spec.name for _, specs in spatialgen.engines.resolve("multispa") for spec in specs)


class Agreement:
    """Rows a task of one run, and what the witnesses find wrong with them."""

    def __init__(
        self, roots: Sequence[Path], out: Path, per_scene: int, truth_of: Sequence[Path] = (), *, workers: int = 2
    ) -> None:
        """Makes the run and judges every row.

        Args:
            roots: a folder of still scenes and one of videos.
            out: of the run.
            per_scene: rows a task and scene.
            truth_of: where the truth lies, if not in ``roots``.
            workers: 0 for this process, which saves small runs the start of others.
        """
        spatialgen.run("multispa", scenes=roots, out=out, per_scene=per_scene, images="path", workers=workers)
        self.still_root, self.video_root = truth_of or roots
        self.roots, self.out = roots, out
        self.rooms: dict[str, Room] = {}
        self._clips: dict[str, Clip] = {}
        self.rows: Counter[str] = Counter()
        self.wrong: dict[str, list[str]] = defaultdict(list)
        self.wrong_choice: Counter[str] = Counter()
        self.measures: dict[tuple[str, str], list[float]] = defaultdict(list)
        for row in open_rows(out):
            self._take(row, self._judge(row))

    def _judge(self, row: dict[str, Any]) -> Verdict:
        name = row["scene_id"]
        if row["task"].startswith("object_movement"):
            return judge_motion(self._clips.get(name) or self._clips.setdefault(name, self._clip(name)), row)
        return judge(self.rooms.get(name) or self.rooms.setdefault(name, self._room(name)), row)

    def _room(self, name: str) -> Room:
        return Room(self.still_root / "scans" / name)

    def _clip(self, name: str) -> Clip:
        return Clip(self.video_root, name.split("_", 1)[1])  # <source>_<stem>

    def _take(self, row: dict[str, Any], verdict: Verdict) -> None:
        task = row["task"]
        self.rows[task] += 1
        for name, value in verdict.measures.items():
            self.measures[task, name].append(value)
        self.wrong_choice[task] += bool(verdict.choice)
        if not verdict.right:
            faults = "; ".join(verdict.faults + verdict.choice)
            self.wrong[task].append(f"{row['id']} {row['scene_id']} {row['frame_ids']} {row['variant']}: {faults}")

    def report(self) -> str:
        """Counts and the first faults of each task."""
        lines = [f"{task}: {self.rows[task]} rows, {len(self.wrong[task])} wrong" for task in TASKS]
        lines += [f"  {task} {fault}" for task in TASKS for fault in self.wrong[task][:5]]
        for (task, name), found in sorted(self.measures.items()):
            lines.append(f"  {task} {name}: median {np.median(found):.5f}, largest {max(found):.5f}")
        return "\n".join(lines)

    def share(self, task: str) -> float:
        return 1 - len(self.wrong[task]) / self.rows[task]


def make(
    folder: Path,
    *,
    still: int,
    videos: int,
    frames: tuple[int, int],
    noise: bool = False,
    color_size: tuple[int, int] | None = None,
    tracks: int = 1500,
) -> tuple[Path, Path]:
    """Still scenes and videos under a folder; ``frames`` of each, ``color_size`` of the still ones."""
    still_root, video_root = folder / "still", folder / "videos"
    same: dict[str, Any] = {"seed": 11, "scan_noise": noise}
    synth.generate(still_root, scenes=still, frames=frames[0], color_size=color_size, **same)
    synth.generate(video_root, format="tapvid3d", scenes=videos, frames=frames[1], tracks=tracks, **same)
    return still_root, video_root


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Agreement:
    folder = tmp_path_factory.mktemp("small")
    roots = make(folder, still=1, videos=1, frames=(14, 14), color_size=(480, 360), tracks=300)
    return Agreement(roots, folder / "out", 24, workers=0)


@pytest.mark.parametrize("task", TASKS)
def test_small_scenes_agree(small: Agreement, task: str) -> None:
    assert small.rows[task] >= 8, small.report()
    assert not small.wrong[task], small.report()


def test_covering_sets_are_those_of_brute_force(small: Agreement) -> None:
    """Every set of frames is one that trying all subsets finds, at 90 % or as near to it as samples can tell."""
    checked = 0
    for row in open_rows(small.out):
        if row["task"] in SIZES:
            solids = solids_of(small.rooms[row["scene_id"]])
            used = [int(frame) for frame in _frames_used(small.out, row["scene_id"])]
            (instance,) = {int(one["instance_id"]) for one in (*row["objects"], *row["boxes"], *row["points"])}
            shown = frozenset(int(frame) for frame in row["frame_ids"])
            assert any(
                shown in solids.minimal_sets(instance, used, side, share)
                for side in solids[instance].sides(row["task"])
                for share in (0.9, 0.89, 0.91, 0.88, 0.92)
            ), row["id"]
            checked += 1
    assert checked >= 24


@pytest.fixture(scope="module")
def clean_roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make(tmp_path_factory.mktemp("clean"), still=5, videos=3, frames=(40, 60))


@pytest.fixture(scope="module")
def clean(clean_roots: tuple[Path, Path]) -> Agreement:
    return Agreement(clean_roots, clean_roots[0].parent / "out", 340)


@pytest.fixture(scope="module")
def noisy(clean_roots: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Agreement:
    folder = tmp_path_factory.mktemp("noisy")
    roots = make(folder, still=5, videos=3, frames=(40, 60), noise=True)
    return Agreement(roots, folder / "out", 340, clean_roots)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_clean_scenes_agree(clean: Agreement) -> None:
    print(clean.report())  # noqa: T201
    for task in TASKS:
        assert clean.rows[task]
        assert clean.share(task) >= 0.999, clean.report()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_clean_scenes_give_a_thousand_rows_or_every_legal_one(clean: Agreement) -> None:
    legal = {task: sum(legal_words(clean, task)) for task in WORDS}
    print(clean.rows, legal)  # noqa: T201
    for task in TASKS:
        assert clean.rows[task] >= min(1000, 0.9 * legal.get(task, 1000)), (task, clean.rows[task], legal.get(task))


def legal_words(found: Agreement, task: str) -> Iterable[int]:
    """Per scene, how many rows could be: pairs clear of every threshold, as many of one word as of the other."""
    for name, room in found.rooms.items():
        frames = [int(frame) for frame in _frames_used(found.out, name)]
        words: Counter[bool] = Counter()
        for i in frames:
            for j in frames:
                if i != j and 0.065 <= room.overlap(i, j) <= 0.345:
                    first, second = room.camera_to_world[i], room.camera_to_world[j]
                    values = camera_values(first, second)
                    (value,) = values[task]
                    turns = task in ("camera_movement_yaw", "camera_movement_pitch")
                    least = np.radians(5) if turns else max(0.05, 0.15 * float(values["camera_distance"][0]))
                    if abs(value) >= 1.02 * least and max(abs(elevation(first)), abs(elevation(second))) <= 59:
                        words[value > 0] += 1
        yield min(340, 2 * min(words[True], words[False]))


def _frames_used(out: Path, scene: str) -> list[str]:
    table = pq.read_table(out / "frames.parquet", columns=["scene_id", "frame_id"]).to_pylist()
    return [row["frame_id"] for row in table if row["scene_id"] == scene]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_scan_noise_leaves_words_and_choices_right(clean: Agreement, noisy: Agreement) -> None:
    print(noisy.report())  # noqa: T201
    print({task: round(noisy.rows[task] / clean.rows[task], 3) for task in TASKS})  # noqa: T201
    for task in CHOICES:
        assert noisy.rows[task] >= clean.rows[task] / 2, (task, noisy.rows[task], clean.rows[task])
        assert noisy.wrong_choice[task] <= 0.01 * noisy.rows[task], (task, noisy.wrong_choice[task], noisy.rows[task])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_drawers_doors_and_boxes_are_found_in_noisy_tracks(noisy: Agreement) -> None:
    """Over the tracks that can be told: of still parts, and of others those that move while they are visible."""
    for scene in spatialgen.open_scenes(noisy.roots[1]):
        assert scene.tracks is not None
        with np.load(noisy.roots[1] / "truth" / f"{scene.id.split('_', 1)[1]}.npz") as truth:
            part_group, track_part, exact = truth["part_group"], truth["track_part"], truth["tracks_world"]
        wanted = part_group[track_part]
        seen = rigid.steady_visibility(scene.tracks)[..., None]
        low, high = np.where(seen, exact, np.inf).min(axis=0), np.where(seen, exact, -np.inf).max(axis=0)
        told = (seen.sum(axis=(0, 2)) >= 4) & ((wanted == 0) | (np.linalg.norm(high - low, axis=1) >= 0.05))
        found = rigid.segment(scene.tracks).group
        print(scene.id, told.sum(), adjusted_rand(wanted[told], found[told]), adjusted_rand(wanted, found))  # noqa: T201
        assert adjusted_rand(wanted[told], found[told]) >= 0.95, scene.id
