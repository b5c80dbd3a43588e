"""Where in a frame an object is seen: its box's centre, whether that is firm, and places that are certainly wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ...core.object_views import CLEAR_PX
from ._asked_objects import AskedObjects

__all__ = ["LEAST_APART", "BoxesInFrames"]

LEAST_APART: Final = 0.10
"""Share of the image's diagonal between any two places offered."""

_TAIL: Final = 0.005  # share of an object's visible pixels left out at each side of its firm box, as of object boxes
_BAND: Final = 0.05  # of width and height along the border in which no place is made up
_MADE_UP: Final = 256  # places looked at beside the other objects'
_ROUNDING: Final = 0.001  # of width or height: places are written in whole thousandths

FloatArray = npt.NDArray[np.float64]
Place = tuple[float, float]


class BoxesInFrames:
    """Modal boxes of a scene's objects as questions about places need them.

    Args:
        stage: the scene.
    """

    def __init__(self, stage: AskedObjects) -> None:
        self._stage = stage
        self._boxes = stage.geometry.object_views.boxes.astype(np.float64)
        self._shifts: dict[int, FloatArray] = {}

    def box(self, frame: int, instance: int) -> FloatArray:
        """(4,): x1, y1, x2, y2 around what a frame shows of an instance, native pixels."""
        return np.asarray(self._boxes[frame, instance])

    def centre(self, frame: int, instance: int) -> Place:
        """The centre of that box."""
        x1, y1, x2, y2 = self._boxes[frame, instance].tolist()
        return (x1 + x2) / 2, (y1 + y2) / 2

    def diagonal(self, frame: int, instance: int) -> float:
        """Of that box, pixels."""
        x1, y1, x2, y2 = self._boxes[frame, instance].tolist()
        return float(np.hypot(x2 - x1, y2 - y1))

    def shift(self, frame: int, instance: int) -> float:
        """How far the centre moves, in diagonals, if the outermost half percent of pixels is left out at each side.

        Much where a stray bit of the mesh, far from the object, is labelled as part of it.
        """
        if frame not in self._shifts:
            self._shifts[frame] = self._all_shifts(frame)
        return float(self._shifts[frame][instance])

    def wrong_places(
        self,
        frame: int,
        target: int,
        count: int,
        least: float,
        rng: np.random.Generator,
        true: Place | None = None,
    ) -> tuple[list[Place], float] | None:
        """Places in a frame where the target is not, nor anything that might go by its name.

        The centres of other objects are taken first; where there are too few, any place.

        Args:
            frame: index of the frame.
            target: what is asked about.
            count: places wanted.
            least: distance from the true place, in diagonals of the target's box, at least.
            rng: decides among equals.
            true: the true place, None where there is none.

        Returns:
            The places, and the least distance of any from the true one in such diagonals (infinite without a true one);
            None where the frame has too few.
        """
        camera = self._stage.scene.frames[frame].camera
        size = np.array([camera.width, camera.height], dtype=np.float64)
        views = self._stage.geometry.object_views
        rivals = self._stage.rivals(target)
        others = np.setdiff1d(np.flatnonzero(views.visible_px[frame] > CLEAR_PX), [*rivals.tolist(), target])
        others = others[self._stage.objects.askable[others]]
        boxes = self._boxes[frame]
        centres = (boxes[others, :2] + boxes[others, 2:]) / 2
        made_up = rng.uniform(_BAND * size, (1 - _BAND) * size, size=(_MADE_UP, 2)) - 0.5
        candidates = np.concatenate([centres[rng.permutation(len(centres))], made_up])

        doubtful = boxes[rivals[views.visible_px[frame, rivals] > 0]]
        low, high = doubtful[:, None, :2] - _ROUNDING * size, doubtful[:, None, 2:] + _ROUNDING * size
        usable = ~((candidates >= low) & (candidates <= high)).all(axis=2).any(axis=0)
        apart = LEAST_APART * float(np.hypot(*size))
        rounding = _ROUNDING * float(size.max())
        taken: list[Place] = []
        limits: list[tuple[Place, float]] = []
        if true is not None:
            limits.append((true, max(apart, least * self.diagonal(frame, target) + rounding)))
        for x, y in candidates[usable].tolist():
            if all(np.hypot(x - u, y - v) >= limit for (u, v), limit in limits):
                taken.append((x, y))
                limits.append(((x, y), apart))
            if len(taken) == count:
                return taken, np.inf if true is None else _nearest(true, taken) / self.diagonal(frame, target)
        return None

    def _all_shifts(self, frame: int) -> FloatArray:
        """(n,): ``shift`` of every instance that the frame shows; nan of the others."""
        shown = self._stage.geometry.instance_map(frame)
        shifts = np.full(len(self._boxes[frame]), np.nan)
        row, column = np.nonzero(shown >= 0)
        owner = shown[row, column]
        order = np.argsort(owner, kind="stable")
        starts = np.searchsorted(owner[order], np.arange(len(shifts) + 1))
        for instance in np.flatnonzero(np.diff(starts)).tolist():
            mine = order[starts[instance] : starts[instance + 1]]
            firm = [_middle(place[mine]) for place in (column, row)]
            centre = self.centre(frame, instance)
            shifts[instance] = np.hypot(firm[0] - centre[0], firm[1] - centre[1]) / self.diagonal(frame, instance)
        return shifts


def _nearest(place: Place, others: Sequence[Place]) -> float:
    return min(float(np.hypot(x - place[0], y - place[1])) for x, y in others)


def _middle(places: npt.NDArray[np.intp]) -> float:
    """The middle between the outermost of some pixels' columns or rows, without half a percent at each end."""
    tail = int(_TAIL * len(places))
    placed = np.partition(places, [tail, len(places) - 1 - tail])
    return (float(placed[tail]) + float(placed[-1 - tail])) / 2
