"""A look at scenes before a run: what is there, what fits together, what each task needs, what is missing or broken.

Reads each scene's files as a run would, decodes at most a few frames, looks at both ends of every image file (of 200
evenly spread ones in large scenes), tests whether depth, poses and mesh fit (``self_test``), and states every finding
by file name.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from .. import engines
from ..core.counted import counted
from ..core.types import Scene, TaskSpec
from ..engines.base import need_in_words
from ..errors import SpatialgenError, UnknownName
from ..scene_io import SceneRef
from ..scene_io._poses import NOT_RIGID, OUT_OF_RANGE
from ..scene_io.base import Inventory
from ._doctor_frames import attempt, load_samples, look_at_files, spread
from ._doctor_geometry import examine_geometry
from ._doctor_report import FileFinding, Problem, Report, SceneReport, TaskReport
from ._doctor_table import format_table
from ._doctor_words import Taken, poses_left_out_in_words, taken_for
from .plan import find_scenes, reader_for

__all__ = ["FileFinding", "Problem", "Report", "SceneReport", "TaskReport", "diagnose", "format_table"]

_STARTS: Final = 3  # of pairs of depth images
_STATED: Final = {
    "up": "up in scene.toml",
    "instances": "[instances] in scene.toml",
    "silhouettes": "[instances] in scene.toml",
}


def diagnose(
    paths: Sequence[Path],
    tasks: Sequence[str | TaskSpec] = (),
    *,
    format: str | None = None,
    stream: str | None = None,
    scene_ids: Iterable[str] = (),
) -> Report:
    """Look at every scene at or below some paths.

    Args:
        paths: scenes, folders of scenes or dataset roots.
        tasks: names of tasks, engines or suites (or specs themselves); all tasks when empty.
        format: of the scenes; detected when None.
        stream: which of a format's cameras; its default when None.
        scene_ids: only these; all when empty.

    Raises:
        SceneError: when a path holds no scenes at all.
        ConfigError: when a format has no streams.
        UnknownName: for a task, format, stream or scene nobody has heard of.
    """
    specs = [task for task in tasks if isinstance(task, TaskSpec)]
    names = [task for task in tasks if isinstance(task, str)]
    if names or not specs:
        specs += [spec for _, some in engines.resolve(*(names or ["all"])) for spec in some]
    # One path after the other: for a run, the same scene in two places would be a mistake, here it is not.
    found = [ref for path in paths for ref in find_scenes([path], format=format, stream=stream, split="all")]
    wanted, known = set(scene_ids), {ref.id for ref in found}
    for name in sorted(wanted - known):
        raise UnknownName("scene", name, known)
    return Report(tuple(_examine(ref, specs) for ref in found if not wanted or ref.id in wanted))


def _examine(ref: SceneRef, specs: Sequence[TaskSpec]) -> SceneReport:
    started = time.perf_counter()
    reader = reader_for(ref)
    report = SceneReport(ref.id, ref.dataset, ref.format, str(ref.root), ref.split, ref.format, ref.stream)
    try:
        inventory = reader.inventory(ref)
        report.layout = inventory.layout
        report.files = tuple(FileFinding(n.name, _relative(n.path, ref.root), n.capabilities) for n in inventory.files)
        report.frames = reader.summary_of(ref).frames
        scene = reader.read(ref)
        _look_at(scene, ref, inventory, report)
    except SpatialgenError as error:
        remedy = "; ".join([error.remedy, *poses_left_out_in_words(error.what)])
        report.problems.append(Problem(error.what, error.path, remedy, broken=True, stops=True))
    report.tasks = tuple(_task(spec, report) for spec in specs)
    report.seconds = round(time.perf_counter() - started, 3)
    return report


def _look_at(scene: Scene, ref: SceneRef, inventory: Inventory, report: SceneReport) -> None:
    frames = scene.frames
    report.capabilities = tuple(sorted(scene.capabilities))
    report.usable_frames = len(frames)
    report.skipped = dict(scene.skipped)
    report.invalid_poses = sum(count for reason, count in scene.skipped.items() if reason.startswith("pose "))
    for reason in (NOT_RIGID, OUT_OF_RANGE):
        if report.skipped.get(reason, 0) > len(frames):
            what = f"{reason}: {counted(report.skipped[reason], 'frame')} of {report.frames:,}"
            remedy = "; ".join(poses_left_out_in_words(what))
            report.problems.append(Problem(what, None, remedy, broken=True))
    with_depth = [index for index, frame in enumerate(frames) if frame.has_depth]
    report.depth_frames = len(with_depth)
    report.image_size = (frames[0].camera.width, frames[0].camera.height)
    if with_depth and (camera := frames[with_depth[0]].depth_camera) is not None:
        report.depth_size = (camera.width, camera.height)
    if scene.vertices is not None and scene.faces is not None:
        report.vertices, report.faces = len(scene.vertices), len(scene.faces)
    report.instances = len(scene.instances)
    paths = {Path(file.path).name: str(Path(report.root) / file.path) for file in report.files if file.path}
    for reason in scene.skipped:
        if reason.startswith("instances off"):
            name = reason.removeprefix("instances off: ").split(" ")[0]
            remedy, broken = "download the scan's mesh and annotation again", "is missing" not in reason
            report.problems.append(Problem(reason, paths.get(name), remedy, broken))
    damaged, damaged_depth = look_at_files(scene, report)
    _look_at_pixels(scene, damaged, [] if damaged_depth else with_depth, taken_for(ref, inventory), report)


def _look_at_pixels(scene: Scene, damaged: set[int], with_depth: list[int], taken: Taken, report: SceneReport) -> None:
    """Load a few frames as a run would, and compare depth images with each other and with the mesh."""
    depths: dict[int, npt.NDArray[np.float32] | None] = {}

    def load(index: int) -> npt.NDArray[np.float32] | None:
        if index not in depths:
            loader = scene.frames[index].load_depth
            assert loader is not None
            depths[index] = attempt(loader, report)
        return depths[index]

    load_samples(scene, damaged, load, report)
    # Not if one cannot be decoded: what is left may be of any kind.
    undecoded = any(depth is None for depth in depths.values())
    starts = [] if undecoded else spread(with_depth, _STARTS + 1)[:_STARTS]
    examine_geometry(scene, starts, load, taken, report)


def _relative(path: Path | None, root: Path) -> str | None:
    if path is None:
        return None
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _task(spec: TaskSpec, report: SceneReport) -> TaskReport:
    if report.stopped:
        mend = (problem.path for problem in report.problems if problem.stops and problem.path)
        return TaskReport(f"{spec.suite}/{spec.name}", served=False, files=tuple(mend))
    missing = spec.missing(frozenset(report.capabilities))
    lacking = {capability for need in missing for capability in need.split("|")}
    files = [f.name for f in report.files if f.path is None and lacking & set(f.gives)]
    if any(file.name == "scene.toml" for file in report.files):
        files += dict.fromkeys(text for capability, text in _STATED.items() if capability in lacking)
    words = tuple(need_in_words(need, report.capabilities) for need in missing)
    return TaskReport(f"{spec.suite}/{spec.name}", not missing, words, tuple(files))
