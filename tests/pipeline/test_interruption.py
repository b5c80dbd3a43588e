"""Runs that are killed: nothing is lost, nothing is made twice, and the rows are those of a quiet run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.scene_folder import SceneFolder, digests

SCENES = tuple(f"scene90{number:02d}_00" for number in range(4))


def command(scenes: Path, out: Path, workers: int) -> list[str]:
    return [
        *(sys.executable, "-m", "spatialgen", "run", "depth_comparison", "depth_estimation"),
        *("--scenes", str(scenes), "--out", str(out), "--workers", str(workers)),
        *("--per-scene", "6", "--frames", "every:1"),
    ]


def start(scenes: Path, out: Path, workers: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(scenes, out, workers), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(process: subprocess.Popen[str], codes: tuple[int, ...] = (0,)) -> int:
    _, talk = process.communicate(timeout=120)
    assert process.returncode in codes, talk
    return process.returncode


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SceneFolder(tmp_path_factory.mktemp("scenes") / "scans").add(*SCENES).root


@pytest.fixture(scope="module")
def quiet(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], float]:
    """The digests of an undisturbed run with one worker, and how long it took."""
    folder = tmp_path_factory.mktemp("quiet")
    finish(start(scenes, folder / "first", 1))  # compiles the kernels if nobody has yet, which would blur the times
    out = folder / "out"
    started = time.monotonic()
    finish(start(scenes, out, 1))
    assert (out / "_SUCCESS").exists()
    return digests(out), time.monotonic() - started


def worker_pids(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                spawned = b"spawn_main" in (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if spawned and int(stat[1]) == parent and stat[0] != "Z":
                found.append(int(entry.name))
    return found


def wait_for(condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_two_workers_make_what_one_makes(scenes: Path, quiet, tmp_path: Path) -> None:
    finish(start(scenes, tmp_path / "out", 2))
    assert digests(tmp_path / "out") == quiet[0]


def kill_group_and_resume(scenes: Path, out: Path, moment: float) -> None:
    process = start(scenes, out, 2)
    time.sleep(moment)
    workers = worker_pids(process.pid)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    wait_for(lambda: not any(alive(pid) for pid in workers))
    finish(start(scenes, out, 2))


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill_workers_and_resume(scenes: Path, out: Path, moments: list[float]) -> None:
    process = start(scenes, out, 2)
    started = time.monotonic()
    for number, moment in enumerate(sorted(moments)):
        time.sleep(max(0.0, started + moment - time.monotonic()))
        if victims := worker_pids(process.pid):
            os.kill(victims[number % len(victims)], signal.SIGKILL)
    # A scene that was hit three times is given up for this run, and made by the next.
    if finish(process, (0, 3, 1)) != 0:
        finish(start(scenes, out, 2))


@pytest.mark.slow
def test_killing_the_whole_group_and_resuming(scenes: Path, quiet, tmp_path: Path) -> None:
    for number, share in enumerate((0.4, 0.9)):
        out = tmp_path / f"out{number}"
        kill_group_and_resume(scenes, out, share * quiet[1])
        assert digests(out) == quiet[0]


@pytest.mark.slow
def test_killing_single_workers(scenes: Path, quiet, tmp_path: Path) -> None:
    kill_workers_and_resume(scenes, tmp_path / "out", [share * quiet[1] for share in (0.3, 0.6, 0.7, 0.9)])
    assert digests(tmp_path / "out") == quiet[0]


@pytest.mark.slow
def test_killing_at_twenty_random_moments(scenes: Path, quiet, tmp_path: Path) -> None:
    chance = random.Random(20)
    for number in range(20):
        out = tmp_path / f"group{number}"
        kill_group_and_resume(scenes, out, chance.uniform(0.05, 1.1) * quiet[1])
        assert digests(out) == quiet[0]
    for number in range(4):
        out = tmp_path / f"worker{number}"
        kill_workers_and_resume(scenes, out, [chance.uniform(0.1, 1.2) * quiet[1] for _ in range(5)])
        assert digests(out) == quiet[0]


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(scenes: Path, quiet, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(scenes, out, 2)
    wait_for(lambda: worker_pids(process.pid))
    # As a terminal does it: to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    _, talk = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in talk
    assert talk.strip().splitlines()[-1] == "spatialgen: interrupted; the same command goes on from here"
    assert not (out / ".spatialgen.lock").exists()
    finish(start(scenes, out, 2))
    assert digests(out) == quiet[0]


def test_a_second_run_in_the_same_folder_is_refused_while_the_first_is_at_work(scenes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = start(scenes, out, 1)
    wait_for(lambda: (out / ".spatialgen.lock").exists())
    second = subprocess.run(command(scenes, out, 1), capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert "another run is working in this folder" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
    finish(first)
