"""A hall full of objects, some of them hidden from every side: a scene that has what questions about view sets need."""

from __future__ import annotations

import math

import numpy as np

from spatialgen.core.types import Scene

from .object_scenes import box, scene_of

NAMES = ("table", "lamp", "basket", "clock", "printer", "backpack", "guitar", "kettle", "globe", "suitcase", "vase")


def hall(seed: int = 4, frames: int = 24) -> Scene:
    """A hall with a low screen across it and things of many sizes and heights on both sides, seen from all around."""
    rng = np.random.default_rng(seed)
    things = [("floor", box((-4, -4, -0.1), (4, 4, 0), 1.0)), ("screen", box((-1.6, -0.05, 0), (1.6, 0.05, 1.2), 0.4))]
    for place, name in enumerate((*NAMES, "chair", "chair")):
        angle = 2 * math.pi * place / (len(NAMES) + 2)
        x, y = 2.2 * math.cos(angle), 2.2 * math.sin(angle)
        size, height = rng.uniform(0.2, 0.4), (0.0, 0.8, 1.6)[place % 3]
        things.append((name, box((x, y, height), (x + size, y + size, height + size), 0.2)))
    eyes = [
        (3.6 * math.cos(turn), 3.6 * math.sin(turn), 1.0 + 0.3 * (k % 3))
        for k, turn in enumerate(np.linspace(0, 2 * math.pi, frames, endpoint=False))
    ]
    return scene_of(things, eyes, (0.3, -0.2, 0.9))
