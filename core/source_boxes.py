"""Upright boxes as the source states them, for scenes whose objects are known by boxes and not by a mesh."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from ..errors import SceneError
from .arrays import read_only
from .extents import ObjectBoxes
from .types import Scene

__all__ = ["boxes_of_source"]

_UPRIGHT: Final = math.cos(math.radians(5.0))
"""A box none of whose axes is within 5° of the vertical has no height that could be told."""


def boxes_of_source(scene: Scene) -> ObjectBoxes:
    """The instances' own boxes, sides sorted to length, width and height; nan for those without or tilted.

    Nothing is known about vertices: ``raw_size`` is the size, ``rival`` 0 and nothing is ``measured``.

    Raises:
        SceneError: when the scene has no up axis.
    """
    if scene.up is None:
        raise SceneError(f"scene {scene.id} has no up axis", remedy="questions about height and length must be skipped")
    count = len(scene.instances)
    centre, size = np.full((count, 3), np.nan), np.full((count, 3), np.nan)
    axes, aligned = np.full((count, 3, 3), np.nan), np.full((count, 2, 3), np.nan)
    for index, thing in enumerate(scene.instances):
        if thing.box is None:
            continue
        sides = thing.box.rotation.T  # a row each
        vertical = int(np.argmax(np.abs(sides @ scene.up)))
        if abs(float(sides[vertical] @ scene.up)) < _UPRIGHT:
            continue
        level = sorted({0, 1, 2} - {vertical}, key=lambda side: -float(thing.box.size[side]) if thing.box else 0.0)
        height = sides[vertical] * np.sign(sides[vertical] @ scene.up)
        length = sides[level[0]]
        axes[index] = np.stack([length, np.cross(height, length), height])
        size[index] = thing.box.size[[*level, vertical]]
        centre[index] = thing.box.centre
        reach = np.abs(sides.T) @ (thing.box.size / 2)
        aligned[index] = centre[index] - reach, centre[index] + reach
    return ObjectBoxes(
        centre=read_only(centre, np.float64),
        size=read_only(size, np.float64),
        axes=read_only(axes, np.float64),
        raw_size=read_only(size, np.float64),
        aligned=read_only(aligned, np.float64),
        rival=read_only(np.where(np.isfinite(centre[:, 0]), 0.0, np.nan), np.float64),
        measured=np.zeros(0 if scene.vertices is None else len(scene.vertices), dtype=np.bool_),
    )
