"""Dots on objects: found once for each object and frame, whatever asks for them and in whatever order."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..core.seeding import generator
from .depth_points import DepthPoints
from .object_pointing import ObjectPointing

__all__ = ["ObjectMarks"]


class ObjectMarks:
    """Where a mark leaves no doubt which object is meant.

    Args:
        pointing: of the scene.
        rng: decides, with object and frame, where on an object a mark is put.
    """

    def __init__(self, pointing: ObjectPointing, rng: np.random.Generator) -> None:
        self._pointing = pointing
        self._seed = int(rng.integers(2**62))
        self._found: dict[tuple[int, int], DepthPoints | None] = {}

    def place(self, wanted: Iterable[tuple[int, int]]) -> None:
        """Look for marks on some (instance, frame), frame by frame: each needs the frame's full-size map."""
        for instance, frame in sorted(set(wanted) - self._found.keys(), key=lambda one: (one[1], one[0])):
            # A generator each, so that a mark does not depend on what else was asked for.
            rng = generator(self._seed, instance, frame)
            self._found[instance, frame] = self._pointing.dot(instance, frame, rng)

    def at(self, instance: int, frame: int) -> DepthPoints | None:
        """The mark on an object in a frame; None where there is no place for one."""
        self.place([(instance, frame)])
        return self._found[instance, frame]
