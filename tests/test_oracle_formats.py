"""MultiSPA rows of every format that can be synthesised, against the independent witnesses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
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
STREAMS = {
    "scannetpp lz4": ("scannetpp", "iphone", {"depth_coding": "lz4"}),
    "scannetpp deflate_blocks": ("scannetpp", "iphone", {"depth_coding": "deflate_blocks"}),
    "scannetpp deflate_stream": ("scannetpp", "iphone", {"depth_coding": "deflate_stream"}),
    "scannetpp dslr": ("scannetpp", "dslr", {}),
    "structured3d": ("structured3d", "perspective", {}),
}


def judged(root: Path, out: Path, name: str, per_scene: int) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Every row of a run, and what the witnesses find wrong with it."""
    layout, stream, _ = STREAMS[name]
    spatialgen.run("multispa", scenes=[root], out=out, per_scene=per_scene, images="path", workers=2, stream=stream)
    rooms: dict[str, Room] = {}
    for row in open_rows(out):
        assert problems(row) == []
        scene = row["scene_id"]
        if scene not in rooms:
            folder = root / "data" / scene / "scans" if layout == "scannetpp" else root / scene
            rooms[scene] = DslrRoom(folder) if stream == "dslr" else Room(folder)
        room = rooms[scene]
        if isinstance(room, DslrRoom):
            numbered = room.numbered(row)
        else:
            numbered = {**row, "frame_ids": [frame.rpartition("/")[2] for frame in row["frame_ids"]]}
        verdict = judge(room, numbered)
        faults = [*verdict.faults, *verdict.choice]
        if layout == "structured3d":
            # Without a mesh, overlap is counted over points fused from the depth maps instead of the mesh's vertices.
            faults = [fault for fault in faults if "overlap" not in fault]
        yield row, faults


def check(found: list[tuple[dict[str, Any], list[str]]], name: str, least: int) -> None:
    rows = Counter(row["task"] for row, _ in found)
    wrong = [(row["id"], row["task"], row["frame_ids"], faults) for row, faults in found if faults]
    print(name, dict(rows), len(wrong))  # noqa: T201
    assert len(wrong) <= 0.001 * len(found), wrong[:5]
    for task in EVERYWHERE if name == "structured3d" else (*EVERYWHERE, *WITH_MESH):
        assert rows[task] >= least, (name, task, rows)
    if name == "structured3d":
        assert not set(rows) & set(WITH_MESH)


@pytest.mark.parametrize("name", ["scannetpp dslr"])
def test_small_scenes_agree(tmp_path: Path, name: str) -> None:
    layout, _, options = STREAMS[name]
    synth.generate(tmp_path / "scenes", format=layout, scenes=1, frames=20, color_size=(480, 360), seed=11, **options)  # type: ignore[arg-type]
    check(list(judged(tmp_path / "scenes", tmp_path / "out", name, 24)), name, 1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", STREAMS)
def test_scenes_agree(tmp_path: Path, name: str) -> None:
    layout, _, options = STREAMS[name]
    # The codings of depth.bin hold the same scene: one of them stands for all in the number of scenes.
    scenes = 1 if "deflate" in name else 3
    synth.generate(
        tmp_path / "scenes", format=layout, scenes=scenes, frames=40, color_size=(960, 720), seed=11, **options
    )  # type: ignore[arg-type]
    check(list(judged(tmp_path / "scenes", tmp_path / "out", name, 200)), name, 20)


def test_panoramas_are_refused_with_the_reason(tmp_path: Path) -> None:
    synth.generate(tmp_path / "scenes", format="structured3d", scenes=1, frames=3, color_size=(160, 120))
    options = {"scenes": [tmp_path / "scenes"], "out": tmp_path / "out", "frames": "every:1", "workers": 0}
    with pytest.raises(DatasetError, match="scene has no perspective images"):
        spatialgen.run("depth_comparison", stream="panorama", **options)
