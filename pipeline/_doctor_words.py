"""Wrong conventions in words, and what to do about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..core.types import Camera
from ..scene_io import SceneRef
from ..scene_io._capture_toml import FILE_NAME, read_notes
from ..scene_io._poses import NOT_RIGID, OUT_OF_RANGE
from ..scene_io.base import Inventory
from ._doctor_conventions import Convention
from .self_test import Judgement

__all__ = ["Taken", "convention_in_words", "poses_left_out_in_words", "poses_too_large_in_words", "taken_for"]

_WITHOUT_UNIT: Final = frozenset({"colmap", "nerfstudio"})
_LARGE_UNITS: Final = {100.0: "centimetres", 1000.0: "millimetres"}
_SMALL: Final = 1 / 12  # scale of depth below which it is the poses' unit that is doubted
_COLMAP_HOLDS: Final = {
    "inverted": "COLMAP's images.txt holds world-to-camera; this one seems to hold camera-to-world: invert each pose",
    "opengl": "COLMAP's camera axes are OpenCV's (x right, y down, z forward); these seem to be OpenGL's: reverse each "
    "camera's y and z axes",
    "inverted opengl": "COLMAP's images.txt holds world-to-camera with OpenCV axes; this one seems to hold "
    "camera-to-world with OpenGL axes: reverse each camera's y and z axes and invert each pose",
}
_AGAIN: Final = "export the poses again, camera-to-world with OpenCV axes"
_FLIPPED_IMAGES: Final = {"x": "; or images are flipped left to right", "y": "; or images are flipped upside down"}


@dataclass(frozen=True, slots=True)
class Taken:
    """How the reader took the files, where that is not as most are.

    ``stated_in`` are the sections of ``scene.toml`` that can correct it; ``metres_per_unit`` is of the poses, None
    where no ``scene.toml`` can state it. ``unit_unknown`` where neither the format nor ``scene.toml`` states a unit,
    and ``up_stated`` where ``scene.toml`` states the up axis. ``format`` is the reader's name.
    """

    world_to_camera: bool = False
    opengl: bool = False
    ray: bool = False
    stated_in: frozenset[str] = frozenset()
    metres_per_unit: float | None = None
    unit_unknown: bool = False
    up_stated: bool = False
    format: str = ""


def taken_for(ref: SceneRef, inventory: Inventory) -> Taken:
    """How a scene's files are taken by its reader and its ``scene.toml``."""
    note = next((file for file in inventory.files if file.name == FILE_NAME), None)
    world_to_camera, opengl = ref.format == "colmap", ref.format == "nerfstudio"
    if note is None:
        return Taken(world_to_camera, opengl, format=ref.format)
    stated_in = frozenset({"depth"} if ref.format == "colmap" else {"poses", "depth"})
    without_unit = ref.format in _WITHOUT_UNIT
    if note.path is None:
        return Taken(
            world_to_camera, opengl, stated_in=stated_in, metres_per_unit=1.0, unit_unknown=without_unit,
            format=ref.format,
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
        format=ref.format,
    )


def convention_in_words(
    judgement: Judgement, taken: Taken, units_per_metre: float | None, lens: Camera | None = None
) -> tuple[str, str]:
    """What is wrong, and the remedy.

    Args:
        judgement: with the verdict ``wrong``.
        taken: how the files were taken.
        units_per_metre: of the stored depth.
        lens: of the depth images.
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
        otherwise = _COLMAP_HOLDS[str(looks)] if taken.format == "colmap" else _AGAIN
        return what, _remedy("poses", keys, taken, otherwise)
    if looks == "transposed":
        what = f"rotations look transposed, while the cameras' places are right: undone the poses would fit{fit}"
        return what, f"{_AGAIN} (matrices by columns for ones by rows? quaternions conjugated?)"
    if looks in {"mirrored", "mesh mirrored"}:
        return _mirrored(judgement, fit)
    if looks in {"rotated", "plain"}:
        return _turned(judgement, fit, taken, units_per_metre)
    if looks in {"focal", "size", "swapped"}:
        return _lens(judgement, fit, taken, lens)
    unit = _LARGE_UNITS.get(judgement.scale)
    if looks == "poses" or (looks == "scale" and (unit is not None or judgement.scale < _SMALL)):
        size = (
            f"{judgement.scale:.4g} times too large"
            if judgement.scale > 1
            else f"{1 / judgement.scale:.4g} times too small"
        )
        what = f"poses look {size} for the depth{' and the mesh' * (looks == 'poses')}"
        what += f" ({unit}?): in metres they would fit{fit}" if unit else f": corrected they would fit{fit}"
        if looks == "poses" or taken.metres_per_unit is None:
            metres = "camera_pose.txt holds millimetres: export it again so"
            if taken.format != "structured3d":
                metres = "export the poses again, in metres"
            return what, metres + ", as the mesh is" * (looks == "poses")
        return what, f"state metres_per_unit = {taken.metres_per_unit / judgement.scale:.6g} in {FILE_NAME}"
    if looks == "scale":
        off = 1 / judgement.scale
        size = f"{off:.2g} times too large" if off > 1 else f"{judgement.scale:.2g} times too small"
        what = f"depth scale looks wrong by a factor of {off:.2g}: depth is {size} for the poses"
        if taken.unit_unknown:
            what = f"depth and poses disagree by a factor of {off:.2g} "
            what += f"(depth scale looks wrong by a factor of {off:.2g}): depth is {size} for the poses"
            what += ", whose unit nothing states"
        what += f"; corrected it would fit{fit}"
        if judgement.on_mesh:
            what += ", and lie on the mesh"
        return what, _scale_remedy(1 / judgement.scale, taken, units_per_metre, judgement.on_mesh)
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


def _mirrored(judgement: Judgement, fit: str) -> tuple[str, str]:
    if judgement.looks == "mesh mirrored":
        what = f"mesh looks mirrored along {judgement.mesh_axis} of the poses' world (left-handed axes)"
        return f"{what}: mirrored back it would fit{fit}", "export mesh and poses again, in one right-handed world"
    axis = judgement.axis
    what = f"world looks mirrored (left-handed axes): with the cameras' {axis} axis reversed the poses would fit{fit}"
    camera, world = (_diagonal(name) for name in (axis, judgement.mesh_axis or axis))
    remedy = f"export poses and mesh again, right-handed (for example {world} T {camera} of each camera-to-world T)"
    return what, f"{remedy}{_FLIPPED_IMAGES.get(axis, '')}"


def _diagonal(axis: str) -> str:
    return f"diag({', '.join('-1' if name == axis else '1' for name in 'xyz')}, 1)"


def _turned(judgement: Judgement, fit: str, taken: Taken, units_per_metre: float | None) -> tuple[str, str]:
    turned = judgement.looks == "rotated"
    what = "depth looks bit-rotated (16 bits turned left by three, as SUN3D and APC store it)"
    if not turned:
        what = "depth looks like plain numbers, not like the bit-rotated ones it was taken for"
    keys = [f'coding = "{judgement.looks}"']
    if judgement.scale != 1.0 and units_per_metre is not None:
        keys.append(f"units_per_metre = {units_per_metre / judgement.scale:.6g}")
    otherwise = "turn the 16 bits of depth images right by three" if turned else "export depth again"
    return f"{what}: read so it would fit{fit}", _remedy("depth", keys, taken, otherwise)


def _lens(judgement: Judgement, fit: str, taken: Taken, lens: Camera | None) -> tuple[str, str]:
    what = f"focal length looks wrong by a factor of {1 / judgement.factor:.3g}"
    if judgement.looks == "size":
        what += " and the centre with it: intrinsics of an image of another size?"
    elif judgement.looks == "swapped":
        what = "focal lengths of columns and rows look exchanged"
    what = f"{what}; corrected it would fit{fit}"
    remedy = "check the intrinsics, and the image size they are for"
    if lens is not None:
        k = Convention(focal=judgement.factor, swapped=judgement.looks == "swapped").lens(lens).intrinsics
        remedy += (
            f": fx and fy look like {k[0, 0]:.0f} and {k[1, 1]:.0f} for the {lens.width} x {lens.height} depth images"
        )
    return what, remedy + (f" (they can be stated in {FILE_NAME})" if "poses" in taken.stated_in else "")


def poses_left_out_in_words(what: str) -> list[str]:
    """What to do about poses that a reader cannot use, where many or all are of that kind.

    Args:
        what: the reasons.
    """
    hints = {
        NOT_RIGID: "axes that are scaled, sheared or mirrored (determinant -1, a left-handed world) make no pose: "
        "export them right-handed, without scale",
        OUT_OF_RANGE: f"a kilometre away is taken for a failure of tracking: export the poses in metres, or state "
        f"metres_per_unit in {FILE_NAME} (0.001 for millimetres)",
    }
    return [hint for reason, hint in hints.items() if reason in what]


def _scale_remedy(factor: float, taken: Taken, units_per_metre: float | None, on_mesh: bool) -> str:
    """Depth is so many times too large for the poses: the one can be divided by it, or the other multiplied with it.

    Where the mesh sides with the poses, depth is the one; a format without a unit may have both in an unknown one.
    """
    stored = [] if units_per_metre is None else [f"units_per_metre = {units_per_metre * factor:.6g}"]
    depth = _remedy("depth", stored, taken, "")
    if on_mesh and depth and not taken.unit_unknown:
        return depth
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
