"""MultiSPA rows of every format that can be synthesised, against the independent witnesses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.dslr_oracle import DslrRoom
from support.multispa_oracle import Room, judge

import spatialgen
from spatialgen import synth
from spatialgen.dataset.check import problems
from spatialgen.dataset.read import open_rows
from spatialgen.errors import DatasetError

EVERYWHERE = (
    "camera_distance",
    "camera_displacement",
    "camera_movement_x",
    "camera_movement_y",
    "camera_movement_z",
    "camera_movement_yaw",
    "camera_movement_pitch",
    "camera_yaw_angle",
    "camera_pitch_angle",
    "depth_comparison",
    "depth_estimation",
    "visual_correspondence",
)
WITH_MESH = ("object_height", "object_length", "object_width")

TWIN = "scannetpp deflate_stream"

FLOOR = 1000
"""Rows a task that a stream is judged by."""
SCENES, PER_SCENE = 6, 190


@dataclass(frozen=True)
class Stream:
    """What is made, and how it is read.

    Attributes:
        layout, options: for ``synth``.
        stream: for ``run``.
        frames: of a scene; the DSLR has a third as many, of which few pairs share as little as the tasks ask for.
        tasks: that it serves.
    """

    layout: str
    stream: str
    frames: int
    tasks: tuple[str, ...] = (*EVERYWHERE, *WITH_MESH)
    options: Mapping[str, Any] = field(default_factory=dict)

    def make(self, root: Path, scenes: int, frames: int) -> None:
        options: dict[str, Any] = {"color_size": (480, 360), "seed": 11, **self.options}
        synth.generate(root, format=self.layout, scenes=scenes, frames=frames, **options)  # type: ignore[arg-type]

    def run(self, root: Path, out: Path, per_scene: int, workers: int = 2) -> list[dict[str, Any]]:
        options: dict[str, Any] = {"per_scene": per_scene, "images": "path", "workers": workers, "stream": self.stream}
        spatialgen.run("multispa", scenes=[root], out=out, **options)
        return list(open_rows(out))


STREAMS = {
    **{
        f"scannetpp {coding}": Stream("scannetpp", "iphone", 60, options={"depth_coding": coding})
        for coding in ("lz4", "deflate_blocks", "deflate_stream")
    },
    "scannetpp dslr": Stream("scannetpp", "dslr", 288),
    "structured3d": Stream("structured3d", "perspective", 72, EVERYWHERE),
}


def check(rows: list[dict[str, Any]], root: Path, name: str, least: int) -> None:
    """At least so many rows of every task, none of a task that cannot be served, and 99.9 % of them right."""
    found, wrong = Counter(row["task"] for row in rows), Counter[str]()
    examples = []
    for row, faults in zip(rows, faults_of(rows, root, STREAMS[name]), strict=True):
        if faults:
            wrong[row["task"]] += 1
            examples.append((row["id"], row["frame_ids"], faults))
    print(name, {task: (found[task], wrong[task]) for task in sorted(found)})  # noqa: T201
    assert wrong.total() <= 0.001 * len(rows), examples[:5]
    assert set(found) == set(STREAMS[name].tasks)
    assert min(found.values()) >= least, found


def faults_of(rows: list[dict[str, Any]], root: Path, stream: Stream) -> list[list[str]]:
    """What the witnesses find wrong with each row."""
    rooms: dict[str, Room] = {}
    found = []
    for row in rows:
        assert problems(row) == []
        scene = row["scene_id"]
        if scene not in rooms:
            folder = root / "data" / scene / "scans" if stream.layout == "scannetpp" else root / scene
            rooms[scene] = DslrRoom(folder) if stream.stream == "dslr" else Room(folder)
        room = rooms[scene]
        if isinstance(room, DslrRoom):
            numbered = room.numbered(row)
        else:
            numbered = {**row, "frame_ids": [frame.rpartition("/")[2] for frame in row["frame_ids"]]}
        verdict = judge(room, numbered)
        faults = [*verdict.faults, *verdict.choice]
        if stream.layout == "structured3d":
            # Without a mesh, overlap is counted over points fused from the depth maps instead of the mesh's vertices.
            faults = [fault for fault in faults if "overlap" not in fault]
        found.append(faults)
    return found


def test_small_scenes_agree(tmp_path: Path) -> None:
    stream = STREAMS["scannetpp dslr"]
    stream.make(tmp_path / "scenes", 1, 20)
    check(stream.run(tmp_path / "scenes", tmp_path / "out", 24, workers=0), tmp_path / "scenes", "scannetpp dslr", 1)


Made = tuple[Path, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Scenes and rows of a stream by its name, made when they are asked for."""

    @cache
    def make(name: str) -> Made:
        folder, stream = tmp_path_factory.mktemp("stream"), STREAMS[name]
        stream.make(folder / "scenes", SCENES, stream.frames)
        return folder / "scenes", stream.run(folder / "scenes", folder / "out", PER_SCENE)

    return make


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [name for name in STREAMS if name != TWIN])
def test_scenes_agree(made: Callable[[str], Made], name: str) -> None:
    root, rows = made(name)
    check(rows, root, name, FLOOR)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_both_deflate_codings_give_the_same_rows(made: Callable[[str], Made]) -> None:
    """They hold the same metres, so that the witnesses need not judge both."""
    (_, blocks), (_, stream) = made("scannetpp deflate_blocks"), made(TWIN)
    assert min(Counter(row["task"] for row in stream).values()) >= FLOOR
    for one, other in zip(blocks, stream, strict=True):
        assert without_colors(one) == without_colors(other)


def without_colors(row: dict[str, Any]) -> dict[str, Any]:
    """Marks take the colour that stands out, and two encodings of one video differ in a grey level here and there."""
    plain = {key: [{**mark, "color": ""} for mark in row[key]] for key in ("points", "boxes")}
    return {**row, **plain}


def test_panoramas_are_refused_with_the_reason(tmp_path: Path) -> None:
    synth.generate(tmp_path / "scenes", format="structured3d", scenes=1, frames=3, color_size=(160, 120))
    options = {"scenes": [tmp_path / "scenes"], "out": tmp_path / "out", "frames": "every:1", "workers": 0}
    with pytest.raises(DatasetError, match="scene has no perspective images"):
        spatialgen.run("depth_comparison", stream="panorama", **options)
