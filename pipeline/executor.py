"""Scenes on several processes, so that no scene can take the run down with it.

Each worker is a spawned process with a pipe of its own and at most one scene at a time. Nothing is shared between
workers, hence a worker may be killed at any instant, also while idle, while taking a scene or while handing back its
result: the supervisor sees the end of that one pipe and starts another worker. (Pools with a common queue hang or
break when a worker dies holding the queue's lock, or between taking a task and acknowledging it.)
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Final, Literal

from ..errors import ConfigError, OutOfSpace, SpatialgenError

__all__ = ["Failure", "Job", "Outcome", "execute"]

_log = logging.getLogger(__name__)

RETRIES: Final = 2
"""Further tries for a scene whose worker died; a crash may be another process's fault (memory), a third is not."""

_FAILED_STARTS: Final = 10  # in a row, over all workers: then starting workers is what is broken
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_ONE_THREAD: Final = {
    # Parallelism is by scene; libraries that start a thread per core as well would fight each other.
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}

FailureKind = Literal["error", "crash", "timeout", "bug"]


@dataclass(frozen=True, slots=True)
class Job:
    """One scene's work: ``name`` for messages, ``argument`` for the function; must pickle."""

    name: str
    argument: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job gave no result.

    Attributes:
        kind: ``error`` (bad input, foreseen), ``crash`` (the process died), ``timeout``, or ``bug``.
        reason: one sentence, or a traceback for a bug.
        error: the class of the error, where there was one.
        file: the file it was met in.
        remedy: what the user can do.
    """

    kind: FailureKind
    reason: str
    error: str | None = None
    file: str | None = None
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A job and its result, or why there is none."""

    job: Job
    result: Any = None
    failure: Failure | None = None


def execute(
    jobs: Sequence[Job],
    function: Callable[[Any], Any],
    *,
    workers: int,
    timeout: float | None = None,
) -> Iterator[Outcome]:
    """Run ``function`` on every job's argument; outcomes come in the order in which they are done.

    Closing the iterator, or an exception in the middle, ends all workers.

    Args:
        jobs: in the order in which they are started.
        function: importable by name; its result must pickle.
        workers: processes; 0 runs everything in this process, where neither crashes nor time can be contained.
        timeout: seconds a job may take.

    Raises:
        OutOfSpace: as soon as a job meets it.
        ConfigError: when worker processes cannot be started at all.
    """
    if workers == 0:
        for job in jobs:
            yield _finished(job, _attempt(function, job.argument))
        return
    supervisor = _Supervisor(function, min(workers, len(jobs)), timeout)
    try:
        yield from supervisor.run(jobs)
    finally:
        supervisor.stop()


def _attempt(function: Callable[[Any], Any], argument: Any) -> Any:
    """The function's result, or a ``Failure`` or ``OutOfSpace`` in its place."""
    try:
        return function(argument)
    except OutOfSpace as error:
        return error
    except SpatialgenError as error:
        return Failure("error", error.what, type(error).__name__, error.path, error.remedy)
    except MemoryError:
        return Failure("crash", "out of memory", "MemoryError", None, "use fewer --workers or a larger machine")
    except Exception as error:  # noqa: BLE001 - a mistake of ours must cost one scene, not the run; it is told in full
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return OutOfSpace("no space left on the disk", path=error.filename, remedy="free some and run it again")
        return Failure("bug", traceback.format_exc(), type(error).__name__, None, "please report this traceback")


def _finished(job: Job, result: Any) -> Outcome:
    if isinstance(result, OutOfSpace):
        raise result
    return Outcome(job, failure=result) if isinstance(result, Failure) else Outcome(job, result)


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    task: _Task | None = None
    deadline: float = float("inf")


@dataclass(slots=True)
class _Task:
    job: Job
    deaths: list[int | None] = field(default_factory=list)


class _Supervisor:
    """Hands jobs to workers, and replaces workers that die or take too long."""

    def __init__(self, function: Callable[[Any], Any], workers: int, timeout: float | None) -> None:
        self._function = function
        self._count = workers
        self._timeout = timeout
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._waiting: deque[_Task] = deque()
        self._failed_starts = 0

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        self._waiting.extend(_Task(job) for job in jobs)
        while self._waiting or any(worker.task for worker in self._workers):
            self._staff()
            for worker in self._awaited():
                outcome = self._hear(worker)
                if outcome is not None:
                    yield outcome
            for worker in [w for w in self._workers if time.monotonic() > w.deadline]:
                yield self._expire(worker)

    def stop(self) -> None:
        """End all workers, now."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _staff(self) -> None:
        """Start missing workers and give ready ones a job."""
        for worker in self._workers:
            if worker.ready and worker.task is None and self._waiting:
                self._give(worker)
        busy = sum(1 for worker in self._workers if worker.task)
        while len(self._workers) < min(self._count, busy + len(self._waiting)):
            self._workers.append(self._start())

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(theirs, self._function, os.getpid(), _log.getEffectiveLevel()), daemon=True
        )
        # The tracker that the first process brings along lets Ctrl-C through again while it starts.
        resource_tracker.ensure_running()
        with _environment(_ONE_THREAD), _interrupts_held():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _give(self, worker: _Worker) -> None:
        task = self._waiting.popleft()
        worker.task = task
        if self._timeout is not None:
            worker.deadline = time.monotonic() + self._timeout
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            # A dead worker is met at its pipe's end; its job is then counted as a try and given to another.
            worker.pipe.send(task.job.argument)

    def _awaited(self) -> list[_Worker]:
        """Workers with something to say (or that died), after at most a second."""
        nearest = min((worker.deadline for worker in self._workers), default=float("inf"))
        pause = min(1.0, max(0.0, nearest - time.monotonic()))
        speaking = set(wait([worker.pipe for worker in self._workers], timeout=pause))
        return [worker for worker in self._workers if worker.pipe in speaking]

    def _hear(self, worker: _Worker) -> Outcome | None:
        try:
            message = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            return self._bury(worker)
        if not worker.ready:
            worker.ready = True
            self._failed_starts = 0
            return None
        task, worker.task, worker.deadline = worker.task, None, float("inf")
        assert task is not None, "a worker answers only what it was asked"
        return _finished(task.job, message)

    def _bury(self, worker: _Worker) -> Outcome | None:
        """Account for a worker that died; its scene is tried again, twice."""
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        code, task = worker.process.exitcode, worker.task
        if task is None:
            if not worker.ready:
                self._failed_starts += 1
            if self._failed_starts >= _FAILED_STARTS:
                raise ConfigError(
                    f"worker processes cannot be started ({_death(code)})",
                    remedy="try --workers 0; a script that calls spatialgen.run needs `if __name__ == '__main__':`",
                )
            return None
        task.deaths.append(code)
        if len(task.deaths) <= RETRIES:
            _log.warning("%s: the worker process died (%s); trying again", task.job.name, _death(code))
            self._waiting.append(task)
            return None
        deaths = ", ".join(_death(death) for death in task.deaths)
        return Outcome(
            task.job,
            failure=Failure(
                "crash",
                f"the worker process died {len(task.deaths)} times ({deaths}), most likely out of memory",
                remedy="use fewer --workers, or a machine with more memory, and run the same command again",
            ),
        )

    def _expire(self, worker: _Worker) -> Outcome:
        task = worker.task
        assert task is not None, "only a worker with a job has a deadline"
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        return Outcome(
            task.job,
            failure=Failure(
                "timeout", f"took longer than {self._timeout:g} s", remedy="raise --scene-timeout, or use fewer frames"
            ),
        )


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for processes started inside; the libraries read them when they are first imported."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back, so that processes started inside never see it: the terminal sends it to all of them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, function: Callable[[Any], Any], parent: int, log_level: int) -> None:
    """A worker's life: take a job, answer it, until the pipe ends."""
    _die_with(parent)
    logging.basicConfig(level=log_level, format="spatialgen: %(message)s", stream=sys.stderr)
    _limit_opencv()
    try:
        pipe.send("ready")
        while True:
            pipe.send(_attempt(function, pipe.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the supervisor is gone or done


def _limit_opencv() -> None:
    import cv2

    cv2.setNumThreads(1)


def _die_with(parent: int) -> None:
    """End this process when the one that started it ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # the parent died before the line above

    def watch() -> None:
        supervisor = multiprocessing.parent_process()
        assert supervisor is not None, "a worker is never the main process"
        supervisor.join()
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
