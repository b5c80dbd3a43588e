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

import spatialgen

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


def run_here(scenes: Path, out: Path) -> None:
    """What ``command`` runs, or goes on with, in this process."""
    tasks = ("depth_comparison", "depth_estimation")
    spatialgen.run(tasks, scenes=[scenes], out=out, workers=0, per_scene=6, frames="every:1")
    assert (out / "_SUCCESS").exists()


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SceneFolder(tmp_path_factory.mktemp("scenes") / "scans").add(*SCENES).root


@pytest.fixture(scope="module")
def quiet(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of an undisturbed run in this process."""
    out = tmp_path_factory.mktemp("quiet") / "out"
    run_here(scenes, out)
    return digests(out)


@pytest.fixture(scope="module")
def duration(scenes: Path, quiet: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> float:
    """Seconds that an undisturbed run with one worker takes; the kernels are compiled by then."""
    started = time.monotonic()
    finish(start(scenes, tmp_path_factory.mktemp("duration") / "out", 1))
    return time.monotonic() - started


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


@pytest.mark.slow
def test_two_workers_make_what_one_process_makes(scenes: Path, quiet: dict[str, str], tmp_path: Path) -> None:
    finish(start(scenes, tmp_path / "out", 2))
    assert digests(tmp_path / "out") == quiet


def kill_group(scenes: Path, out: Path, moment: float) -> None:
    process = start(scenes, out, 2)
    time.sleep(moment)
    workers = worker_pids(process.pid)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    wait_for(lambda: not any(alive(pid) for pid in workers))


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
def test_killing_the_whole_group_and_resuming(
    scenes: Path, quiet: dict[str, str], duration: float, tmp_path: Path
) -> None:
    for number, share in enumerate((0.4, 0.9)):
        out = tmp_path / f"out{number}"
        kill_group(scenes, out, share * duration)
        finish(start(scenes, out, 2))
        assert digests(out) == quiet


@pytest.mark.slow
def test_killing_single_workers(scenes: Path, quiet: dict[str, str], duration: float, tmp_path: Path) -> None:
    kill_workers_and_resume(scenes, tmp_path / "out", [share * duration for share in (0.3, 0.6, 0.7, 0.9)])
    assert digests(tmp_path / "out") == quiet


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_killing_the_whole_group_at_a_random_moment(
    scenes: Path, quiet: dict[str, str], duration: float, tmp_path: Path, seed: int
) -> None:
    kill_group(scenes, tmp_path / "out", random.Random(seed).uniform(0.05, 1.1) * duration)
    run_here(scenes, tmp_path / "out")
    assert digests(tmp_path / "out") == quiet


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killing_single_workers_at_random_moments(
    scenes: Path, quiet: dict[str, str], duration: float, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    kill_workers_and_resume(scenes, tmp_path / "out", [chance.uniform(0.1, 1.2) * duration for _ in range(5)])
    assert digests(tmp_path / "out") == quiet


def test_a_run_at_work_keeps_others_out_stops_cleanly_and_goes_on(
    scenes: Path, quiet: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(scenes, out, 2)
    wait_for(lambda: worker_pids(process.pid))
    assert (out / ".spatialgen.lock").exists()
    os.kill(process.pid, signal.SIGSTOP)  # so that it is still at work, however slowly the second one starts
    second = subprocess.run(command(scenes, out, 1), capture_output=True, text=True, timeout=60)
    os.kill(process.pid, signal.SIGCONT)
    assert second.returncode == 1
    assert "another run is working in this folder" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
    # As a terminal does it: to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    _, talk = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in talk
    assert talk.strip().splitlines()[-1] == "spatialgen: interrupted; the same command goes on from here"
    assert not (out / ".spatialgen.lock").exists()
    finish(start(scenes, out, 2))
    assert digests(out) == quiet
