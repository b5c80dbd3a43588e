"""The doctor's report for a person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ..core.counted import counted
from ..scene_io._capture_toml import FILE_NAME
from ._doctor_report import Report, SceneReport
from .consistency import Consistency
from .self_test import Kind

__all__ = ["UNDECIDED", "format_table"]

UNDECIDED: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "inverted": "direction of poses", "inverted opengl": "direction of poses", "transposed": "direction of poses",
        "opengl": "camera axes", "scale": "depth scale", "poses": "unit of the poses",
        "ray": "z or ray distance", "z": "z or ray distance", "rotated": "coding of depth", "plain": "coding of depth",
        "mirrored": "handedness", "mesh mirrored": "handedness of the mesh",
        "focal": "focal length", "swapped": "focal length", "size": "image size of the intrinsics",
    }
)  # fmt: skip
"""What is left open where a convention fits as well as the stated one."""


def format_table(report: Report) -> str:
    """The report for a person: a block of lines for each scene, then the totals."""
    blocks = [_block(scene) for scene in report.scenes]
    broken = sum(scene.broken for scene in report.scenes)
    total = f"{counted(len(report.scenes), 'scene')}, {broken or 'none'} broken"
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
        add("images", f"both ends of {how} {scene.images:,} images looked at")
    if scene.depth_size is not None:
        known = "" if scene.depth_coverage is None else f", {scene.depth_coverage:.0%} of pixels known"
        add("depth", f"{scene.depth_frames} frames, {scene.depth_size[0]} x {scene.depth_size[1]}{known}")
        add("poses", f"depth from frame to frame: {_words(scene.depth_between_frames)}; {_convention(scene)}")
    if scene.faces:
        add(
            "mesh",
            f"{scene.vertices:,} vertices, {scene.faces:,} faces; sensor depth on it: {_words(scene.depth_on_mesh)}",
        )
    if scene.level_share is not None or scene.cameras_tilt is not None:
        parts = [] if scene.level_share is None else [f"{scene.level_share:.0%} of the mesh lies level"]
        if scene.cameras_tilt is not None:
            parts.append(f"the cameras' mean up is {math.degrees(scene.cameras_tilt):.0f}° from it")
        add("up", ", ".join(parts))
    if scene.instances:
        left_out = ", ".join(f"{r}: {n}" for r, n in scene.skipped.items() if r.startswith("object"))
        where = "" if scene.labels_on is None else f", on {scene.label_coverage or 0:.0%} of the {scene.labels_on}"
        objects = f"{scene.instances}{where}"
        add("objects", objects + (f" ({left_out})" if left_out else ""))
    for file in scene.files:
        if file.path is None and file.name != FILE_NAME:  # nothing is amiss without notes
            add("missing", f"{file.name}" + (f"  (for {', '.join(file.gives)})" if file.gives else ""))
    said: dict[tuple[str, str], list[str | None]] = {}
    for problem in scene.problems:
        key = "BROKEN" if problem.broken else "note", f"{problem.what}; {problem.remedy}"
        said.setdefault(key, []).append(problem.path)
    for (kind, text), paths in said.items():
        files = list(dict.fromkeys(path for path in paths if path))
        more = f" and {counted(len(files) - 1, 'more file')}" if len(files) > 1 else ""
        add(kind, f"{files[0]}{more}: {text}" if files else text)
    served = [task.task for task in scene.tasks if task.served]
    if served:
        add("can", ", ".join(served))
    if scene.stopped and scene.tasks:
        add("cannot", f"{', '.join(task.task for task in scene.tasks)}: mend what is BROKEN first")
    lacking: dict[str, list[str]] = {}
    for task in scene.tasks:
        if not task.served and task.missing and scene.usable_frames:
            wanted = f": add {', '.join(task.files)}" if task.files else ""
            lacking.setdefault(f"{' and '.join(task.missing)}{wanted}", []).append(task.task)
    for need, tasks in lacking.items():
        add("cannot", f"{', '.join(tasks)}, which need{'s' * (len(tasks) == 1)} {need}")
    return "\n".join(lines)


def _words(check: Consistency) -> str:
    if check.error is None:
        return f"{check.verdict}" + (f" ({check.note})" if check.note else "")
    return f"{check.verdict}, median error {check.error:.2%}" + (f" ({check.note})" if check.note else "")


def _convention(scene: SceneReport) -> str:
    """What the self-test says of poses and depth."""
    found = scene.convention
    if found.verdict == "wrong":
        return "conventions wrong"
    if found.verdict == "cannot tell":
        return "conventions: cannot tell" + (f" ({found.note})" if found.note else "")
    undecided = list(dict.fromkeys(UNDECIDED[kind] for kind in found.undecided))
    return "conventions as stated" + (f" (cannot tell: {', '.join(undecided)})" if undecided else "")
