"""Depths of objects' centres and distances between them: what is measured, from which camera, and what is too little.

Centres are those of upright boxes (docs/conventions.md, "Depths and distances of centres"); a depth is taken along
the axis of the camera whose image marks the object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ...core.types import BoxMark, ColorRole, Point, Value, Words
from ..marked_objects import MarkedObjectParameters, MarkedObjects
from ._marked_items import Item

__all__ = [
    "CentreDistance",
    "CentreParameters",
    "CentredObjects",
    "DepthDifference",
    "DepthFromReference",
    "DistanceFromCamera",
    "Measure",
    "Measured",
]

_DECIMALS: Final = 5  # of metres, in the evidence

FloatArray = npt.NDArray[np.float64]


class CentreParameters(MarkedObjectParameters):
    """What decides which depths and distances are asked for."""

    least_distance: float = Field(0.30, gt=0, description="metres; shorter distances are not asked about")
    least_difference: float = Field(0.10, gt=0, description="metres by which two depths must differ, at least")
    relative_difference: float = Field(
        0.05, ge=0, description="share of the smaller depth by which two depths must differ, at least"
    )
    same_order: bool = Field(
        True, description="two depths must differ as the distances from the camera do, in the same order"
    )
    most_stray_shift: float = Field(
        0.05, ge=0, description="metres by which an answer may change if objects' boxes held their stray bits, too, or"
    )
    relative_stray_shift: float = Field(0.05, ge=0, description="share of the answer by which it may change so")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a question asks for.

    Attributes:
        value: SI units, unrounded.
        slots: what the wording uses besides the marks' images.
        named: slot of each mark that the wording names, with the mark's number.
        evidence: what an outside check needs besides objects, pairs and thresholds.
        margin: smallest of quantity / threshold.
    """

    value: tuple[float, ...]
    named: Mapping[str, int]
    margin: float
    slots: Mapping[str, Words] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)


class CentredObjects(MarkedObjects):
    """Objects whose centres are known with and without the stray bits of mesh that their boxes leave out."""

    @cached_property
    def whole_centre(self) -> FloatArray:
        """(n, 3), metres, world frame: of the boxes around all of an object's vertices, turned alike."""
        owner, vertices = self.scene.vertex_instance, self.scene.vertices
        if owner is None or vertices is None:
            return self.centre
        found = self.centre.copy()
        mine = np.flatnonzero((owner >= 0) & np.isfinite(vertices).all(axis=1))
        mine = mine[np.argsort(owner[mine], kind="stable")]
        things, starts = np.unique(owner[mine], return_index=True)
        for thing, members in zip(things.tolist(), np.split(mine, starts[1:]), strict=True):
            along = vertices[members].astype(np.float64) @ self.boxes.axes[thing].T
            found[thing] = (along.min(axis=0) + along.max(axis=0)) / 2 @ self.boxes.axes[thing]
        return found


class Measure(ABC):
    """One kind of quantity that questions are about.

    Attributes:
        variant: how objects are pointed at.
        colors, roles: of the marks and their objects, in order.
        aside: how many of the first marks only help: two questions must differ in others.
    """

    variant: ClassVar[str]
    colors: ClassVar[tuple[ColorRole, ...]]
    roles: ClassVar[tuple[str, ...]]
    aside: ClassVar[int] = 0

    @abstractmethod
    def __init__(self, objects: CentredObjects, parameters: CentreParameters) -> None:
        """For the objects of a scene."""

    @abstractmethod
    def measure(self, item: Item) -> Measured | str:
        """What is asked about an item, or why nothing is."""

    @abstractmethod
    def thresholds(self) -> Mapping[str, float | bool]:
        """The limits in force, by name."""

    @abstractmethod
    def can_mark(self, instance: int, frame: int) -> bool:
        """Whether there is a place for the mark of an object in a frame that shows it."""

    @abstractmethod
    def marks(self, item: Item) -> list[Point | BoxMark]:
        """What points at an item's objects."""


class _CentreMeasure(Measure):
    """A length that hangs on where objects' centres are.

    Args:
        objects: of the scene.
        parameters: limits.
    """

    variant = "dot"

    def __init__(self, objects: CentredObjects, parameters: CentreParameters) -> None:
        self.objects = objects
        self.parameters = parameters

    def measure(self, item: Item) -> Measured | str:
        signed = self._signed(item, self.objects.centre)
        whole = self._signed(item, self.objects.whole_centre)
        parameters = self.parameters
        shift, most = (
            abs(whole - signed),
            max(parameters.most_stray_shift, parameters.relative_stray_shift * abs(signed)),
        )
        if shift > most:
            return "stray bits of an object change the answer"
        found = self._stated(item, signed)
        if isinstance(found, str):
            return found
        return replace(
            found,
            margin=min(found.margin, most / shift) if shift > 0 else found.margin,
            evidence={**found.evidence, "with_stray_bits": round(whole, _DECIMALS)},
        )

    def thresholds(self) -> Mapping[str, float | bool]:
        parameters = self.parameters
        return {
            **self._own_thresholds(),
            "most_stray_shift_m": parameters.most_stray_shift,
            "relative_stray_shift": parameters.relative_stray_shift,
        }

    def can_mark(self, instance: int, frame: int) -> bool:
        return self.objects.dot(instance, frame) is not None

    def marks(self, item: Item) -> list[Point | BoxMark]:
        made = zip(item.marks, self.colors, self.roles, strict=True)
        points = [
            self.objects.point(instance, item.frames[image], image, color, role=role)
            for (image, instance), color, role in made
        ]
        return [point for point in points if point is not None]

    @abstractmethod
    def _signed(self, item: Item, centre: FloatArray) -> float:
        """Metres: the length, with its sign if it has one, for centres (n, 3) of all objects."""

    @abstractmethod
    def _stated(self, item: Item, signed: float) -> Measured | str:
        """What is asked about a length, or why nothing is."""

    @abstractmethod
    def _own_thresholds(self) -> Mapping[str, float | bool]:
        """The limits that this quantity has besides."""

    def _depth(self, item: Item, mark: int, centre: FloatArray) -> float:
        """Metres: the depth of a marked object, in the camera of the image that marks it."""
        camera = self.objects.scene.frames[item.frame(mark)].camera
        return float(camera.camera_to_world[:3, 2] @ (centre[item.instances[mark]] - camera.camera_to_world[:3, 3]))

    def _centres(self, item: Item, images: Sequence[int]) -> list[dict[str, Any]]:
        """Of each mark's object: the image it is measured from, and its centre along that camera's axes."""
        return [
            {
                "point": mark,
                "image": image,
                "xyz_camera": self.objects.centre_in_camera[item.frames[image], instance].round(_DECIMALS).tolist(),
            }
            for mark, (image, instance) in enumerate(zip(images, item.instances, strict=True))
        ]

    def _own_images(self, item: Item) -> list[int]:
        """The image of each mark."""
        return [image for image, _ in item.marks]


class DepthFromReference(_CentreMeasure):
    """The depth of one object's centre, where another's is told."""

    colors = ("red", "blue")
    roles = ("reference", "target")

    def _signed(self, item: Item, centre: FloatArray) -> float:
        return self._depth(item, 1, centre)

    def _stated(self, item: Item, signed: float) -> Measured | str:
        nearest, farthest = self.parameters.nearest, self.parameters.farthest
        return Measured(
            (signed,),
            {"reference": 0, "object": 1},
            min(signed / nearest, farthest / signed),  # what frames are chosen by
            slots={"depth": Value((self._depth(item, 0, self.objects.centre),))},
            evidence={"centres": self._centres(item, self._own_images(item))},
        )

    def _own_thresholds(self) -> Mapping[str, float | bool]:
        return {"nearest_m": self.parameters.nearest, "farthest_m": self.parameters.farthest}


class DepthDifference(_CentreMeasure):
    """By how much the depths of two objects' centres differ, where the depth of a third is told."""

    colors = ("red", "blue", "green")
    roles = ("reference", "target", "target")
    aside = 1

    def _signed(self, item: Item, centre: FloatArray) -> float:
        return self._depth(item, 2, centre) - self._depth(item, 1, centre)

    def _stated(self, item: Item, signed: float) -> Measured | str:
        parameters, centre = self.parameters, self.objects.centre
        smaller = min(self._depth(item, mark, centre) for mark in (1, 2))
        least = max(parameters.least_difference, parameters.relative_difference * smaller)
        margin = abs(signed) / least
        if parameters.same_order:
            rays = [float(self.objects.distance[item.frame(mark), item.instances[mark]]) for mark in (1, 2)]
            margin = min(margin, (rays[1] - rays[0]) * float(np.sign(signed)) / least)
        if margin < 1:
            return "depths too much alike"
        return Measured(
            (abs(signed),),
            {"reference": 0, "deeper": 2 if signed > 0 else 1, "shallower": 1 if signed > 0 else 2},
            margin,
            slots={"depth": Value((self._depth(item, 0, centre),))},
            evidence={
                "centres": self._centres(item, self._own_images(item)),
                "signed_difference": round(signed, _DECIMALS),
            },
        )

    def _own_thresholds(self) -> Mapping[str, float | bool]:
        parameters = self.parameters
        return {
            "least_difference_m": parameters.least_difference,
            "relative_difference": parameters.relative_difference,
            "same_order": parameters.same_order,
        }


class _Distance(_CentreMeasure):
    """A straight line's length."""

    named: ClassVar[Mapping[str, int]]

    def _stated(self, item: Item, signed: float) -> Measured | str:  # noqa: ARG002
        margin = signed / self.parameters.least_distance
        return "too near" if margin < 1 else Measured((signed,), self.named, margin)

    def _own_thresholds(self) -> Mapping[str, float | bool]:
        return {"least_distance_m": self.parameters.least_distance}


class DistanceFromCamera(_Distance):
    """How far an object's centre is from the camera of the first image, whichever image marks it."""

    colors = ("red",)
    roles = ("target",)
    named = MappingProxyType({"object": 0})

    def _signed(self, item: Item, centre: FloatArray) -> float:
        eye = self.objects.scene.frames[item.frames[0]].camera.camera_to_world[:3, 3]
        return float(np.linalg.norm(centre[item.instances[0]] - eye))

    def _stated(self, item: Item, signed: float) -> Measured | str:
        found = super()._stated(item, signed)
        return found if isinstance(found, str) else replace(found, evidence={"centres": self._centres(item, [0])})


class CentreDistance(_Distance):
    """How far two objects' centres are apart."""

    colors = ("red", "blue")
    roles = ("target", "target")
    named = MappingProxyType({"a": 0, "b": 1})

    def _signed(self, item: Item, centre: FloatArray) -> float:
        one, other = centre[list(item.instances)]
        return float(np.linalg.norm(other - one))
