"""A look at scenes before a run: what is there, what fits together, what each task needs, what is missing or broken.

Reads each scene's files as a run would, decodes at most a few frames, looks at both ends of every image file (of 200
evenly spread ones in large scenes), and states every finding by file name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from .. import engines, scene_io
from ..core.types import Frame, Scene, TaskSpec
from ..errors import SceneError, SpatialgenError
from ..media.images import decode_rgb
from ..media.references import check_whole
from ..scene_io import Reader, SceneRef
from .consistency import Consistency, depth_between_frames, depth_on_mesh, level_share

__all__ = ["FileFinding", "Problem", "Report", "SceneReport", "TaskReport", "diagnose", "format_table"]

T = TypeVar("T")

_SAMPLED_FRAMES: Final = 8
_PAIRS: Final = 4
_MESH_FRAMES: Final = 3
_LITTLE_LEVEL: Final = 0.08
_ALL_FRAMES: Final = 1500  # up to here both ends of every image are looked at, beyond of a sample
_LARGE_SAMPLE: Final = 200
_NAMED: Final = 5  # damaged files listed one by one


@dataclass(frozen=True, slots=True)
class FileFinding:
    """An official file: where it is, relative to the root, or None; and what a scene has only with it."""

    name: str
    path: str | None
    gives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to look at.

    Attributes:
        what: what was found.
        path: in which file, where it is one.
        remedy: what to do.
        broken: a file is damaged or contradicts another, not merely absent.
        stops: a run cannot make rows of this scene before it is mended.
    """

    what: str
    path: str | None
    remedy: str
    broken: bool
    stops: bool = False


@dataclass(frozen=True, slots=True)
class TaskReport:
    """Whether a task can be asked here.

    Attributes:
        task: suite and name.
        served: whether a run can ask it here.
        missing: the capabilities it lacks.
        files: the official files that would give them; of a scene with damaged files, those to mend.
    """

    task: str
    served: bool
    missing: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(slots=True)
class SceneReport:
    """Everything found about one scene; sizes are (width, height), shares fractions, None is "not there".

    ``images_checked`` of ``images`` (colour and depth of usable frames) were looked at for their ends.
    """

    id: str
    dataset: str
    format: str
    root: str
    split: str | None
    layout: str
    files: tuple[FileFinding, ...] = ()
    capabilities: tuple[str, ...] = ()
    frames: int = 0
    usable_frames: int = 0
    depth_frames: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    image_size: tuple[int, int] | None = None
    depth_size: tuple[int, int] | None = None
    depth_coverage: float | None = None
    images_checked: int = 0
    images: int = 0
    vertices: int = 0
    faces: int = 0
    level_share: float | None = None
    instances: int = 0
    label_coverage: float | None = None
    depth_on_mesh: Consistency = field(default_factory=lambda: Consistency("cannot tell"))
    depth_between_frames: Consistency = field(default_factory=lambda: Consistency("cannot tell"))
    problems: list[Problem] = field(default_factory=list)
    tasks: tuple[TaskReport, ...] = ()
    seconds: float = 0.0

    @property
    def broken(self) -> bool:
        return any(problem.broken for problem in self.problems)

    @property
    def stopped(self) -> bool:
        """Whether a run would leave the scene out, whatever the task."""
        return any(problem.stops for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Report:
    """The scenes looked at, in order."""

    scenes: tuple[SceneReport, ...]

    @property
    def broken(self) -> bool:
        """Whether any scene has a damaged or contradictory file."""
        return any(scene.broken for scene in self.scenes)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists."""
        scenes = [asdict(scene) | {"broken": scene.broken} for scene in self.scenes]
        return {"broken": self.broken, "scenes": scenes}


def diagnose(paths: Sequence[Path], tasks: Sequence[str | TaskSpec] = ()) -> Report:
    """Look at every scene at or below some paths.

    Args:
        paths: scenes, folders of scenes or dataset roots.
        tasks: names of tasks, engines or suites (or specs themselves); all tasks when empty.

    Raises:
        SceneError: when a path holds no scenes at all.
        UnknownName: for a task nobody has heard of.
    """
    specs = [task for task in tasks if isinstance(task, TaskSpec)]
    names = [task for task in tasks if isinstance(task, str)]
    if names or not specs:
        specs += [spec for _, some in engines.resolve(*(names or ["all"])) for spec in some]
    found: list[SceneReport] = []
    for path in paths:
        reader, _ = scene_io.detect(Path(path))
        found += [_examine(reader, ref, specs) for ref in reader.scenes(Path(path))]
    return Report(tuple(found))


def _examine(reader: Reader, ref: SceneRef, specs: Sequence[TaskSpec]) -> SceneReport:
    started = time.perf_counter()
    report = SceneReport(ref.id, ref.dataset, ref.format, str(ref.root), ref.split, layout=ref.format)
    try:
        inventory = reader.inventory(ref)
        report.layout = inventory.layout
        report.files = tuple(FileFinding(n.name, _relative(n.path, ref.root), n.capabilities) for n in inventory.files)
        report.frames = reader.summary_of(ref).frames
        scene = reader.read(ref)
        _look_at(scene, report)
    except SpatialgenError as error:
        report.problems.append(Problem(error.what, error.path, error.remedy, broken=True, stops=True))
    report.tasks = tuple(_task(spec, report) for spec in specs)
    report.seconds = round(time.perf_counter() - started, 3)
    return report


def _look_at(scene: Scene, report: SceneReport) -> None:
    frames = scene.frames
    report.capabilities = tuple(sorted(scene.capabilities))
    report.usable_frames = len(frames)
    report.skipped = dict(scene.skipped)
    with_depth = [index for index, frame in enumerate(frames) if frame.has_depth]
    report.depth_frames = len(with_depth)
    report.image_size = (frames[0].camera.width, frames[0].camera.height)
    if with_depth and (camera := frames[with_depth[0]].depth_camera) is not None:
        report.depth_size = (camera.width, camera.height)
    if scene.vertices is not None and scene.faces is not None:
        report.vertices, report.faces = len(scene.vertices), len(scene.faces)
    report.instances = len(scene.instances)
    if scene.vertex_instance is not None:
        report.label_coverage = float((scene.vertex_instance >= 0).mean())
    paths = {Path(file.path).name: str(Path(report.root) / file.path) for file in report.files if file.path}
    for reason in scene.skipped:
        if reason.startswith("instances off"):
            name = reason.removeprefix("instances off: ").split(" ")[0]
            remedy, broken = "download the scan's mesh and annotation again", "is missing" not in reason
            report.problems.append(Problem(reason, paths.get(name), remedy, broken))
    damaged, damaged_depth = _look_at_files(scene, with_depth, report)
    _look_at_pixels(scene, with_depth, damaged, damaged_depth, report)


def _look_at_files(scene: Scene, with_depth: list[int], report: SceneReport) -> tuple[set[int], set[int]]:
    """Look for images whose end is missing: the frames whose colour image it is, and whose depth image."""
    report.images = len(scene.frames) + sum(frame.depth_ref is not None for frame in scene.frames)
    count = _LARGE_SAMPLE // 2 if len(scene.frames) > _ALL_FRAMES else len(scene.frames)
    damaged: tuple[set[int], set[int]] = (set(), set())
    for depth, indices in ((False, _spread(list(range(len(scene.frames))), count)), (True, _spread(with_depth, count))):
        for index in indices:
            reference = scene.frames[index].depth_ref if depth else scene.frames[index].image_ref
            if reference is None:
                continue  # pixels that no file of their own holds
            report.images_checked += 1
            try:
                check_whole(Path(report.root), reference, depth=depth)
            except SceneError as error:
                if sum(map(len, damaged)) < _NAMED:
                    _add(error, report)
                damaged[depth].add(index)
    if (more := sum(map(len, damaged)) - _NAMED) > 0:
        what = f"{more} more images are cut short or empty"
        report.problems.append(Problem(what, None, "copy or extract them again", broken=True, stops=True))
    return damaged


def _look_at_pixels(
    scene: Scene, with_depth: list[int], damaged: set[int], damaged_depth: set[int], report: SceneReport
) -> None:
    frames = scene.frames
    for index in _spread([index for index in range(len(frames)) if index not in damaged], _SAMPLED_FRAMES):
        _try(partial(_decode, frames[index]), report)
    sampled = _spread([index for index in with_depth if index not in damaged_depth], _SAMPLED_FRAMES)
    depths = {}
    for index in sampled:
        load = frames[index].load_depth
        if load is not None and (depth := _try(load, report)) is not None:
            depths[index] = depth
    if damaged_depth or len(depths) < len(sampled):
        return  # what cannot be decoded cannot be compared
    if depths:
        report.depth_coverage = float(np.mean([(depth > 0).mean() for depth in depths.values()]))
        if report.depth_coverage == 0:
            report.capabilities = tuple(name for name in report.capabilities if name != "depth")
            report.problems.append(
                Problem("no sampled depth image knows any depth", None, "export depth again", broken=True)
            )
            return
    report.depth_on_mesh = depth_on_mesh(scene, {index: depths[index] for index in _spread(list(depths), _MESH_FRAMES)})
    report.depth_between_frames = depth_between_frames(scene, _spread(with_depth, _PAIRS + 1)[:-1])
    report.level_share = level_share(scene)
    for check, what, remedy in (
        (
            report.depth_on_mesh,
            "depth does not lie on the mesh",
            "check that mesh, alignment and frames are of one scan",
        ),
        (
            report.depth_between_frames,
            "depth of one frame does not fit the next",
            "check poses, intrinsics and depth scale",
        ),
    ):
        if check.verdict == "bad":
            size = "" if check.error is None else f" (median error {check.error:.0%})"
            report.problems.append(Problem(f"{what}{size}", None, check.note or remedy, broken=True))
    if report.level_share is not None and report.level_share < _LITTLE_LEVEL:
        what = f"only {report.level_share:.0%} of the mesh lies level: z may not be up"
        report.problems.append(Problem(what, None, "check axisAlignment", broken=False))


def _decode(frame: Frame) -> None:
    decode_rgb(frame.load_image(), 8, source=frame.image_ref)


def _try(load: Callable[[], T], report: SceneReport) -> T | None:
    """What ``load`` gives, or None and the problem it met."""
    try:
        return load()
    except SceneError as error:
        _add(error, report)
        return None


def _add(error: SceneError, report: SceneReport) -> None:
    """Note a damaged file, once, and that a run would stumble over it."""
    if error.path is None or all(error.path != problem.path for problem in report.problems):
        report.problems.append(Problem(error.what, error.path, error.remedy, broken=True, stops=True))


def _spread(items: list[int], count: int) -> list[int]:
    """At most ``count`` of them, evenly spread, the first and the last included."""
    if len(items) <= count:
        return items
    return [items[int(i)] for i in np.unique(np.rint(np.linspace(0, len(items) - 1, count)))]


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
    files = tuple(f.name for f in report.files if f.path is None and lacking & set(f.gives))
    return TaskReport(f"{spec.suite}/{spec.name}", not missing, tuple(n.replace("|", " or ") for n in missing), files)


def format_table(report: Report) -> str:
    """The report for a person: a block of lines for each scene, then the totals."""
    blocks = [_block(scene) for scene in report.scenes]
    broken = sum(scene.broken for scene in report.scenes)
    total = f"{len(report.scenes)} scene{'s' * (len(report.scenes) != 1)}, {broken or 'none'} broken"
    return "\n\n".join([*blocks, total])


def _block(scene: SceneReport) -> str:
    split = f", {scene.split}" if scene.split else ""
    lines = [f"{scene.id}  ({scene.dataset}, {scene.layout}{split}; {scene.root})"]

    def add(name: str, text: str) -> None:
        lines.append(f"  {name:<9}{text}")

    if scene.image_size is not None:
        left_out = ", ".join(f"{r}: {n}" for r, n in scene.skipped.items() if not r.startswith(("instances", "object")))
        size = f"{scene.image_size[0]} x {scene.image_size[1]}"
        add(
            "frames",
            f"{scene.usable_frames} of {scene.frames} usable, colour {size}" + (f" ({left_out})" if left_out else ""),
        )
    if scene.images:
        how = "all" if scene.images_checked == scene.images else f"{scene.images_checked:,} evenly spread ones of"
        add("images", f"both ends of {how} {scene.images:,} colour and depth images looked at")
    if scene.depth_size is not None:
        known = "" if scene.depth_coverage is None else f", {scene.depth_coverage:.0%} of pixels known"
        add("depth", f"{scene.depth_frames} frames, {scene.depth_size[0]} x {scene.depth_size[1]}{known}")
        add("poses", f"depth from frame to frame: {_words(scene.depth_between_frames)}")
    if scene.faces:
        add(
            "mesh",
            f"{scene.vertices:,} vertices, {scene.faces:,} faces; sensor depth on it: {_words(scene.depth_on_mesh)}",
        )
    if scene.instances:
        left_out = ", ".join(f"{r}: {n}" for r, n in scene.skipped.items() if r.startswith("object"))
        objects = f"{scene.instances}, on {scene.label_coverage or 0:.0%} of the vertices"
        add("objects", objects + (f" ({left_out})" if left_out else ""))
    for file in scene.files:
        if file.path is None:
            add("missing", f"{file.name}" + (f"  (for {', '.join(file.gives)})" if file.gives else ""))
    for problem in scene.problems:
        where = f"{problem.path}: " if problem.path else ""
        add("BROKEN" if problem.broken else "note", f"{where}{problem.what}; {problem.remedy}")
    served = [task.task for task in scene.tasks if task.served]
    if served:
        add("can", ", ".join(served))
    if scene.stopped and scene.tasks:
        add("cannot", f"{', '.join(task.task for task in scene.tasks)}: mend what is BROKEN first")
    for task in scene.tasks:
        if not task.served and task.missing and scene.usable_frames:
            wanted = f": add {', '.join(task.files)}" if task.files else ""
            add("cannot", f"{task.task}, which needs {' and '.join(task.missing)}{wanted}")
    return "\n".join(lines)


def _words(check: Consistency) -> str:
    if check.error is None:
        return f"{check.verdict}" + (f" ({check.note})" if check.note else "")
    return f"{check.verdict}, median error {check.error:.2%}" + (f" ({check.note})" if check.note else "")
