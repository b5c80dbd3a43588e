"""A look at scenes before a run: what is there, what fits together, what each task needs, what is missing or broken.

Reads each scene's files as a run would, decodes at most a few frames, looks at both ends of every image file (of 200
evenly spread ones in large scenes), tests whether depth, poses and mesh fit (``self_test``), and states every finding
by file name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from .. import engines
from ..core.pixel_maps import instances_of
from ..core.types import Frame, Scene, TaskSpec
from ..engines.base import need_in_words
from ..errors import SceneError, SpatialgenError, UnknownName
from ..media.images import decode_rgb
from ..media.references import check_whole
from ..scene_io import SceneRef
from ..scene_io.base import Inventory
from ._doctor_geometry import examine_geometry
from ._doctor_report import FileFinding, Problem, Report, SceneReport, TaskReport
from ._doctor_table import format_table
from ._doctor_words import taken_for
from .plan import find_scenes, reader_for

__all__ = ["FileFinding", "Problem", "Report", "SceneReport", "TaskReport", "diagnose", "format_table"]

T = TypeVar("T")

_SAMPLED_IMAGES: Final = 6
_SAMPLED_VIDEO_IMAGES: Final = 2  # each is decoded from the key frame before it
_SAMPLED_MAPS: Final = 3
_STARTS: Final = 3  # of pairs of depth images
_ALL_FRAMES: Final = 1500  # up to here both ends of every image are looked at, beyond of a sample
_LARGE_SAMPLE: Final = 200
_NAMED: Final = 5  # damaged files listed one by one
_VIDEOS: Final = (".mkv", ".mp4", ".mov")
_STATED: Final = {"up": "up in scene.toml", "instances": "[instances] in scene.toml"}


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
        report.problems.append(Problem(error.what, error.path, error.remedy, broken=True, stops=True))
    report.tasks = tuple(_task(spec, report) for spec in specs)
    report.seconds = round(time.perf_counter() - started, 3)
    return report


def _look_at(scene: Scene, ref: SceneRef, inventory: Inventory, report: SceneReport) -> None:
    frames = scene.frames
    report.capabilities = tuple(sorted(scene.capabilities))
    report.usable_frames = len(frames)
    report.skipped = dict(scene.skipped)
    report.invalid_poses = sum(count for reason, count in scene.skipped.items() if reason.startswith("pose "))
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
    damaged, damaged_depth = _look_at_files(scene, with_depth, report)
    _look_at_images(scene, damaged, report)
    _look_at_labels(scene, damaged, report)
    _look_at_depth(scene, [] if damaged_depth else with_depth, ref, inventory, report)


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


def _look_at_images(scene: Scene, damaged: set[int], report: SceneReport) -> None:
    whole = [index for index in range(len(scene.frames)) if index not in damaged]
    is_video = scene.frames[0].image_ref.partition("#")[0].lower().endswith(_VIDEOS)
    for index in _spread(whole, _SAMPLED_VIDEO_IMAGES if is_video else _SAMPLED_IMAGES):
        _try(partial(_decode, scene.frames[index]), report)


def _look_at_labels(scene: Scene, damaged: set[int], report: SceneReport) -> None:
    if scene.vertex_instance is not None:
        report.label_coverage, report.labels_on = float((scene.vertex_instance >= 0).mean()), "vertices"
        return
    labelled = [i for i, frame in enumerate(scene.frames) if frame.load_instances is not None and i not in damaged]
    loaded = [_try(partial(instances_of, scene, index), report) for index in _spread(labelled, _SAMPLED_MAPS)]
    shares = [float((found >= 0).mean()) for found in loaded if found is not None]
    if shares:
        report.label_coverage, report.labels_on = float(np.mean(shares)), "pixels"


def _look_at_depth(
    scene: Scene, with_depth: list[int], ref: SceneRef, inventory: Inventory, report: SceneReport
) -> None:
    """Decode a few depth images and compare them with each other and with the mesh; not if one cannot be decoded."""
    depths: dict[int, npt.NDArray[np.float32] | None] = {}

    def load(index: int) -> npt.NDArray[np.float32] | None:
        if index not in depths:
            loader = scene.frames[index].load_depth
            assert loader is not None
            depths[index] = _try(loader, report)
        return depths[index]

    taken = taken_for(ref, inventory)
    examine_geometry(scene, _spread(with_depth, _STARTS + 1)[:_STARTS], load, taken, report)


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
    files = [f.name for f in report.files if f.path is None and lacking & set(f.gives)]
    if any(file.name == "scene.toml" for file in report.files):
        files += [text for capability, text in _STATED.items() if capability in lacking]
    words = tuple(need_in_words(need, report.capabilities) for need in missing)
    return TaskReport(f"{spec.suite}/{spec.name}", not missing, words, tuple(files))
