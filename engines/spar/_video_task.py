"""What every question about a video is made with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from ...core.types import TaskSpec

__all__ = ["Frames", "VideoTask"]

Frames = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class VideoTask:
    """A task as it is asked of one scene.

    Attributes:
        spec: of the task.
        forms: wanted.
        limit: facts, at most.
        rng: the task's own, so that its facts do not depend on which others are asked for.
        reasons: why there are not more, counted here.
    """

    spec: TaskSpec
    forms: tuple[str, ...]
    limit: int
    rng: np.random.Generator
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """The task's."""
        return self.spec.name
