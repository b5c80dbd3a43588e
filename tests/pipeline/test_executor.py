from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support import jobs

from spatialgen.errors import OutOfSpace
from spatialgen.pipeline.executor import Job, execute


def make(*arguments: object) -> list[Job]:
    return [Job(f"job {index}", argument) for index, argument in enumerate(arguments)]


def outcomes(function, arguments, **options):
    return {outcome.job.argument: outcome for outcome in execute(make(*arguments), function, **options)}


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_every_job_has_its_result(workers: int) -> None:
    found = outcomes(jobs.square, range(5), workers=workers)
    assert {argument: outcome.result for argument, outcome in found.items()} == {n: n * n for n in range(5)}
    assert all(outcome.failure is None for outcome in found.values())


def test_workers_use_one_thread_each_and_this_process_keeps_its_environment() -> None:
    before = dict(os.environ)
    (outcome,) = execute(make("x"), jobs.threads, workers=1)
    assert outcome.result == {
        "NUMBA_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "cv2": 1,
        "pid": outcome.result["pid"],
    }
    assert outcome.result["pid"] != os.getpid()
    assert dict(os.environ) == before


@pytest.mark.parametrize("workers", [0, 1])
def test_foreseen_errors_and_bugs_are_failures_of_one_job(workers: int) -> None:
    found = outcomes(jobs.misbehave, ["scene", "bug", "memory", "fine"], workers=workers)
    assert found["fine"].result == "fine"
    error = found["scene"].failure
    assert (error.kind, error.error, error.file, error.reason, error.remedy) == (
        "error", "SceneError", "/data/a.sens", "is cut short", "copy it again",
    )  # fmt: skip
    assert found["bug"].failure.kind == "bug"
    assert "a mistake of ours" in found["bug"].failure.reason
    assert "Traceback" in found["bug"].failure.reason
    assert found["memory"].failure.kind == "crash"


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("what", ["space", "raw-space"])
def test_a_full_disk_stops_everything(workers: int, what: str) -> None:
    with pytest.raises(OutOfSpace):
        list(execute(make(what, "fine"), jobs.misbehave, workers=workers))


def test_a_job_whose_worker_dies_once_is_tried_again(tmp_path: Path) -> None:
    arguments = [f"dies-once:{tmp_path / 'mark'}", "fine"]
    found = outcomes(jobs.misbehave, arguments, workers=2)
    assert {argument: outcome.result for argument, outcome in found.items()} == {a: a for a in arguments}


def test_a_job_that_kills_its_worker_each_time_is_given_up_after_three() -> None:
    found = outcomes(jobs.misbehave, ["dies", "fine"], workers=1)
    assert found["fine"].result == "fine"
    failure = found["dies"].failure
    assert failure.kind == "crash"
    assert "3 times" in failure.reason
    assert "SIGKILL" in failure.reason
    assert "memory" in failure.reason


def test_a_job_that_takes_too_long_is_ended_and_the_others_are_not() -> None:
    started = time.monotonic()
    found = outcomes(jobs.misbehave, ["sleeps:60", "fine"], workers=1, timeout=0.5)
    assert found["sleeps:60"].failure.kind == "timeout"
    assert found["fine"].result == "fine"
    assert time.monotonic() - started < 30


def test_killing_idle_busy_and_starting_workers_loses_nothing() -> None:
    """Children are killed at moments that hit all of a worker's states, for as long as there is work."""
    done = threading.Event()

    def kill_children() -> None:
        # Bounded: after that the workers are left alone, so that the run must end. One a round: many deaths before a
        # first sign of life mean that workers cannot be started, which a busy machine would make of killing them all.
        for round_number in range(6):
            if done.wait(0.15 + 0.13 * round_number):
                return
            for pid in children(os.getpid())[round_number % 2 :][:1]:
                os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_children)
    killer.start()
    found = {}
    # The consumer is slow now and then, so that workers are idle, too.
    for outcome in execute(make(*(f"sleeps:0.1{n:02d}" for n in range(12))), jobs.misbehave, workers=2):
        found[outcome.job.argument] = outcome
        time.sleep(0.1)
    done.set()
    killer.join()
    assert len(found) == 12
    # Three deaths in a row are a crash by definition; anything else must have its result.
    assert all(o.result == a or o.failure.kind == "crash" for a, o in found.items())


def children(parent: int) -> list[int]:
    """Worker processes of a process, without multiprocessing's own resource tracker."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and b"spawn_main" in command:
            found.append(int(entry.name))
    return found


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from spatialgen.pipeline.executor import Job, execute
from support.jobs import note_pid_and_sleep

if __name__ == "__main__":
    print("ready", flush=True)
    for outcome in execute([Job(str(n), ({folder!r}, 60.0)) for n in range(2)], note_pid_and_sleep, workers=2):
        pass
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_their_parent(tmp_path: Path, sign: signal.Signals) -> None:
    folder = tmp_path / "pids"
    folder.mkdir()
    script = tmp_path / "main.py"
    script.write_text(SCRIPT.format(tests=str(Path(jobs.__file__).parent.parent), folder=str(folder)))
    process = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    until(lambda: len(list(folder.iterdir())) == 2)
    process.send_signal(sign)
    process.wait(timeout=20)
    workers = [int(path.name) for path in folder.iterdir()]
    until(lambda: not any(alive(pid) for pid in workers))


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_closing_early_ends_the_workers() -> None:
    running = execute(make("fine", "sleeps:60"), jobs.misbehave, workers=2)
    assert next(running).result == "fine"
    assert children(os.getpid())
    running.close()
    assert not children(os.getpid())
