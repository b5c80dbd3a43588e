"""What may be wrong with how a scene was read: its conventions, each with what undoes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ..core.types import Camera

__all__ = ["AS_STATED", "AXES", "OPENGL", "POSES", "Axis", "Convention", "Kind", "decoded", "kind_of", "mirror"]

FloatArray = npt.NDArray[np.float64]
Axis = Literal["", "x", "y", "z"]
Kind = Literal[
    "inverted", "opengl", "inverted opengl", "scale", "ray", "z", "mirrored", "mesh mirrored", "rotated", "plain",
    "focal", "size", "swapped", "poses", "transposed",
]  # fmt: skip

OPENGL: Final = np.diag([1.0, -1.0, -1.0, 1.0])
AXES: Final[tuple[Axis, ...]] = ("x", "y", "z")
_TURNED: Final = 3  # bits


@dataclass(frozen=True, slots=True)
class Convention:
    """What may have to be done to a scene as it was read, so that its parts fit.

    Attributes:
        inverted: whether the poses are to be inverted.
        flipped: whether the camera's y and z axes are to be reversed.
        scale: what depth is to be multiplied with.
        ray: 1 where depth is to be divided by the length of its pixel's ray, -1 where it is to be multiplied with it.
        mirrored: the camera axis that is to be reversed alone, which makes a world of the other hand.
        world: the axis of the poses' world along which cameras are to be mirrored so that they see the mesh.
        coding: ``rotated`` where the 16 bits of stored depth are to be turned right by three, ``plain`` where left.
        focal: what both focal lengths are to be multiplied with.
        size: the same for all of the intrinsics, which were of an image of another size.
        swapped: whether the focal lengths of columns and rows are to be exchanged.
        shrunk: what the poses' translations are to be divided by, while the mesh stays as it is.
        transposed: whether the poses' rotations are to be transposed, and nothing else.
    """

    inverted: bool = False
    flipped: bool = False
    scale: float = 1.0
    ray: int = 0
    mirrored: Axis = ""
    world: Axis = ""
    coding: Literal["", "rotated", "plain"] = ""
    focal: float = 1.0
    size: float = 1.0
    swapped: bool = False
    shrunk: float = 1.0
    transposed: bool = False

    @property
    def of_view(self) -> Convention:
        """The part that changes depth images and their lens, not where they are."""
        return Convention(coding=self.coding, focal=self.focal, size=self.size, swapped=self.swapped)

    @property
    def of_picture(self) -> Convention:
        """The part that changes what a mesh looks like from a camera."""
        return replace(self, scale=1.0, ray=0, coding="")

    def pose(self, stored: FloatArray) -> FloatArray:
        """(4, 4): a colour camera's pose, read so; a reflection where one axis alone is reversed."""
        pose = np.linalg.inv(stored) if self.inverted else stored
        if self.transposed:
            pose = pose.copy()
            pose[:3, :3] = stored[:3, :3].T
        if self.flipped:
            pose = pose @ OPENGL
        if self.shrunk != 1.0:
            pose = pose * np.array([1.0, 1.0, 1.0, 1 / self.shrunk])
            pose[3, 3] = 1.0
        return mirror(self.world) @ pose @ mirror(self.mirrored)

    def lens(self, camera: Camera) -> Camera:
        """The camera with the intrinsics read so."""
        k = camera.intrinsics.copy()
        k[:2, :2] *= self.focal
        k[0, 2], k[1, 2] = ((k[axis, 2] + 0.5) * self.size - 0.5 for axis in (0, 1))
        k[:2, :2] *= self.size
        if self.swapped:
            k[0, 0], k[1, 1] = k[1, 1], k[0, 0]
        return Camera(k, camera.camera_to_world, camera.width, camera.height, camera.model, camera.distortion)


AS_STATED: Final = Convention()
POSES: Final = (
    Convention(inverted=True),
    Convention(flipped=True),
    Convention(inverted=True, flipped=True),
    Convention(transposed=True),
)


def kind_of(convention: Convention) -> Kind | None:
    """What it says is wrong; None where nothing is."""
    found: list[tuple[bool, Kind]] = [
        (convention.inverted and convention.flipped, "inverted opengl"),
        (convention.inverted, "inverted"),
        (convention.transposed, "transposed"),
        (convention.flipped, "opengl"),
        (convention.mirrored != "", "mirrored"),
        (convention.world != "", "mesh mirrored"),
        (convention.coding == "rotated", "rotated"),
        (convention.coding == "plain", "plain"),
        (convention.swapped, "swapped"),
        (convention.focal != 1.0, "focal"),
        (convention.size != 1.0, "size"),
        (convention.ray > 0, "ray"),
        (convention.ray < 0, "z"),
        (convention.scale != 1.0, "scale"),
        (convention.shrunk != 1.0, "poses"),
    ]
    return next((kind for holds, kind in found if holds), None)


def mirror(axis: Axis) -> FloatArray:
    """(4, 4): the reflection that reverses an axis; the identity for none."""
    diagonal = np.ones(4)
    if axis:
        diagonal[AXES.index(axis)] = -1.0
    return np.diag(diagonal)


def decoded(
    depth: npt.NDArray[np.float32], unit: float, coding: Literal["rotated", "plain"]
) -> npt.NDArray[np.float32] | None:
    """Depth whose stored 16 bits are read in another coding; None where it cannot come from 16 bits.

    Args:
        depth: (h, w), metres.
        unit: metres per stored number.
        coding: ``rotated``: the bits are turned right by three; ``plain``: back to the left, as they are in the file.
    """
    numbers = np.rint(depth / np.float64(unit))
    if numbers.max(initial=0.0) > 65535 or np.abs(numbers * unit - depth).max(initial=0.0) > 0.05 * unit:
        return None
    bits = numbers.astype(np.uint16)
    right, left = (_TURNED, 16 - _TURNED) if coding == "rotated" else (16 - _TURNED, _TURNED)
    return np.asarray(((bits >> right) | (bits << left)) * np.float64(unit), np.float32)
