"""``spatialgen doctor`` on the command line: several paths, tasks among them, streams, chosen scenes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import box_room, tiny_scannetpp, tiny_structured3d
from support.scannet_writer import write_posed

from spatialgen import cli


def doctor(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(["doctor", *map(str, arguments)])
    out, err = capfd.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture
def two_roots(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("a", "b"):
        write_posed(tmp_path / name / "posed_images" / f"scene000{ord(name) - 97}_00", box_room.take())
    return tmp_path / "a", tmp_path / "b"


def test_several_paths_and_tasks(two_roots: tuple[Path, Path], capfd: pytest.CaptureFixture[str]) -> None:
    first, second = two_roots
    code, out, err = doctor(capfd, first, second, "depth_comparison", "--json", "--format", "scannet")
    assert (code, err) == (0, "")
    scenes = json.loads(out)["scenes"]
    assert [scene["id"] for scene in scenes] == ["scene0000_00", "scene0001_00"]
    assert [task["task"] for task in scenes[0]["tasks"]] == ["multispa/depth_comparison"]
    assert scenes[0]["convention"]["verdict"] == "good"
    code, out, _ = doctor(capfd, first, second, "--scene", "scene0001_00")
    assert code == 0
    assert "scene0000_00" not in out
    assert "1 scene, none broken" in out


@pytest.mark.parametrize(
    ("more", "word"), [(["depth_comparisn"], "depth_comparison"), (["--scene", "scene0009_00"], "scene0009_00")]
)
def test_unknown_names(
    two_roots: tuple[Path, Path], more: list[str], word: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = doctor(capfd, two_roots[0], *more)
    assert (code, out) == (1, "")
    assert word in err


def test_a_broken_scene_exits_with_3(two_roots: tuple[Path, Path], capfd: pytest.CaptureFixture[str]) -> None:
    image = next(two_roots[0].rglob("00003.jpg"))
    image.write_bytes(image.read_bytes()[:99])
    code, out, _ = doctor(capfd, *two_roots)
    assert code == 3
    assert f"BROKEN   {image}" in out


def test_a_stream_is_chosen(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tiny_structured3d.LAYOUTS["merged"](tmp_path)
    code, _, err = doctor(capfd, tmp_path, "--stream", "panorama")
    assert code == 1
    assert "--stream perspective" in err
    assert doctor(capfd, tmp_path, "--stream", "perspective")[0] == 0


def test_a_tree_of_dslr_images_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    scene = tmp_path / "data" / tiny_scannetpp.SCENE
    tiny_scannetpp.write_scans(scene / "scans")
    tiny_scannetpp.write_dslr(scene / "dslr")
    code, _, err = doctor(capfd, tmp_path)
    assert code == 1
    assert "--stream dslr" in err
    for stream in ("dslr", "dslr_undistorted"):
        code, out, _ = doctor(capfd, tmp_path, "depth_comparison", "--stream", stream)
        assert code == 0, out
        assert "can      multispa/depth_comparison" in out
