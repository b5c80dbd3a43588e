"""Words of the command line that may be tasks or paths."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from spatialgen.cli_options import SeveralScenes, is_path


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the folders ``scans`` and, like a suite, ``multispa``."""
    monkeypatch.chdir(tmp_path)
    for name in ("scans", "multispa"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("scans", True),
        ("nowhere/scans", True),
        ("./multispa", True),
        ("multispa", False),
        ("multispa/depth_comparison", False),
        ("depth_comparison", False),
        ("all", False),
        ("depth_comparisn", False),
    ],
)
def test_a_word_is_a_path_or_a_task(workplace: Path, word: str, answer: bool) -> None:
    assert is_path(word) is answer


@pytest.mark.parametrize(
    ("line", "tasks", "scenes"),
    [
        ("depth --scenes a/b c/d", ["depth"], ["a/b", "c/d"]),
        ("depth --scenes=a/b c/d -x 1", ["depth"], ["a/b", "c/d"]),
        ("--scenes scans multispa", ["multispa"], ["scans"]),
        ("depth --scenes scans multispa", ["depth"], ["scans", "multispa"]),
        ("--scenes scans multispa/depth_comparison", ["multispa/depth_comparison"], ["scans"]),
        ("depth --scenes scans multispa/depth_estimation", ["depth", "multispa/depth_estimation"], ["scans"]),
        ("depth --scenes scans -x 1 scans", ["depth", "scans"], ["scans"]),
    ],
)
def test_what_follows_scenes(workplace: Path, line: str, tasks: list[str], scenes: list[str]) -> None:
    command = SeveralScenes(
        "run",
        params=[
            click.Argument(["tasks"], nargs=-1),
            click.Option(["--scenes"], multiple=True),
            click.Option(["-x"], type=int),
        ],
    )
    found = command.make_context("run", line.split()).params
    assert (list(found["tasks"]), list(found["scenes"])) == (tasks, scenes)
