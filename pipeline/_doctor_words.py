"""Wrong conventions in words, and what to do about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..scene_io import SceneRef
from ..scene_io._capture_toml import FILE_NAME, read_notes
from ..scene_io.base import Inventory
from .self_test import Judgement

__all__ = ["Taken", "convention_in_words", "poses_too_large_in_words", "taken_for"]

_WITHOUT_UNIT: Final = frozenset({"colmap", "nerfstudio"})


@dataclass(frozen=True, slots=True)
class Taken:
    """How the reader took the files, where that is not as most are.

    ``stated_in`` are the sections of ``scene.toml`` that can correct it; ``metres_per_unit`` is of the poses, None
    where no ``scene.toml`` can state it. ``unit_unknown`` where neither the format nor ``scene.toml`` states a unit,
    and ``up_stated`` where ``scene.toml`` states the up axis.
    """

    world_to_camera: bool = False
    opengl: bool = False
    ray: bool = False
    stated_in: frozenset[str] = frozenset()
    metres_per_unit: float | None = None
    unit_unknown: bool = False
    up_stated: bool = False


def taken_for(ref: SceneRef, inventory: Inventory) -> Taken:
    """How a scene's files are taken by its reader and its ``scene.toml``."""
    note = next((file for file in inventory.files if file.name == FILE_NAME), None)
    world_to_camera, opengl = ref.format == "colmap", ref.format == "nerfstudio"
    if note is None:
        return Taken(world_to_camera, opengl)
    stated_in = frozenset({"depth"} if ref.format == "colmap" else {"poses", "depth"})
    without_unit = ref.format in _WITHOUT_UNIT
    if note.path is None:
        return Taken(
            world_to_camera, opengl, stated_in=stated_in, metres_per_unit=1.0, unit_unknown=without_unit
        )  # fmt: skip
    notes, _ = read_notes(note.path.parent, ref.root)
    return Taken(
        world_to_camera if notes.poses.convention is None else notes.poses.convention == "world_to_camera",
        opengl if notes.poses.axes is None else notes.poses.axes == "opengl",
        notes.depth.kind == "ray",
        stated_in=stated_in,
        metres_per_unit=notes.metres_per_unit or 1.0,
        unit_unknown=without_unit and notes.metres_per_unit is None,
        up_stated=notes.up is not None,
    )


def convention_in_words(judgement: Judgement, taken: Taken, units_per_metre: float | None) -> tuple[str, str]:
    """What is wrong, and the remedy.

    Args:
        judgement: with the verdict ``wrong``.
        taken: how the files were taken.
        units_per_metre: of the stored depth.
    """
    fit = "" if judgement.error is None else f" to {judgement.error:.2%}"
    looks = judgement.looks
    if looks in {"inverted", "opengl", "inverted opengl"}:
        convention = "camera_to_world" if taken.world_to_camera == ("inverted" in str(looks)) else "world_to_camera"
        axes = "opencv" if taken.opengl == ("opengl" in str(looks)) else "opengl"
        name = {"opencv": "OpenCV", "opengl": "OpenGL"}[axes]
        parts = []
        if "inverted" in str(looks):
            parts.append(f"poses look {convention.replace('_', '-')}" + _not("world-to-camera", taken.world_to_camera))
        if "opengl" in str(looks):
            parts.append(f"camera axes look {name}" + _not("OpenGL", taken.opengl))
        with_axes = f" with {name} axes" if "opengl" in str(looks) else ""
        what = f"{' and '.join(parts)}: read as {convention}{with_axes} the poses would fit{fit}"
        keys = [f'convention = "{convention}"'] * ("inverted" in str(looks)) + [f'axes = "{axes}"'] * bool(with_axes)
        return what, _remedy("poses", keys, taken, "export the poses again, camera-to-world with OpenCV axes")
    if looks == "scale":
        off = 1 / judgement.scale
        size = f"{off:.2g} times too large" if off > 1 else f"{judgement.scale:.2g} times too small"
        what = f"depth scale looks wrong by a factor of {off:.2g}: depth is {size} for the poses"
        if taken.unit_unknown:
            what = f"depth and poses disagree by a factor of {off:.2g} "
            what += f"(depth scale looks wrong by a factor of {off:.2g}): depth is {size} for the poses"
            what += ", whose unit nothing states"
        what += f"; corrected it would fit{fit}"
        return what, _scale_remedy(1 / judgement.scale, taken, units_per_metre)
    otherwise = "export depth again, along the camera's axis"
    if looks == "ray":
        what, keys = "depth looks like ray distance (length along the ray), not z", ['kind = "ray"'] * (not taken.ray)
    elif taken.ray:
        what, keys = "depth looks like z, not like the ray distance it was taken for", ['kind = "z"']
    else:
        what, keys = "depth looks like z that was taken for ray distance and divided by the length of the ray", []
    return f"{what}: read so it would fit{fit}", _remedy("depth", keys, taken, otherwise)


def poses_too_large_in_words(apart: float, taken: Taken) -> tuple[str, str]:
    """What is wrong with poses in centimetres or millimetres, and the remedy.

    Args:
        apart: of neighbouring cameras, in median depths.
        taken: how the files were taken.
    """
    what = "poses look many times too large for the depth (centimetres or millimetres?): "
    what += f"neighbouring cameras are {apart:,.0f} times the median depth apart"
    if taken.metres_per_unit is None:
        return what, "export the poses again, in metres"
    centi, milli = (f"{taken.metres_per_unit * size:.6g}" for size in (0.01, 0.001))
    return what, f"state metres_per_unit = {centi} (centimetres) or {milli} (millimetres) in {FILE_NAME}"


def _scale_remedy(factor: float, taken: Taken, units_per_metre: float | None) -> str:
    """Depth is so many times too large for the poses: the one can be divided by it, or the other multiplied with it."""
    stored = [] if units_per_metre is None else [f"units_per_metre = {units_per_metre * factor:.6g}"]
    depth = _remedy("depth", stored, taken, "")
    if taken.metres_per_unit is None:
        return depth or "check the unit of depth images, poses and mesh"
    poses = f"state metres_per_unit = {taken.metres_per_unit * factor:.6g} in {FILE_NAME}"
    if taken.unit_unknown or not depth:
        return poses
    return f"either {depth}, if depth is wrong, or {poses}, if the poses are"


def _not(name: str, taken: bool) -> str:
    return f", not {name} as they were taken" if taken else ""


def _remedy(section: str, keys: list[str], taken: Taken, otherwise: str) -> str:
    stated = keys and section in taken.stated_in
    return f"state {' and '.join(keys)} under [{section}] in {FILE_NAME}" if stated else otherwise
