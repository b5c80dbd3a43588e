"""What two images tell of the camera: how it moved and turned between them, and where in the first the second stood.

Definitions: docs/conventions.md, "Camera motion", "Questions across views".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ...core import motion
from ...core.projection import is_inside, project
from ..base import Parameters
from ..distractors import LEAST_APART

if TYPE_CHECKING:
    from ...core.types import Scene

__all__ = ["CameraMoveParameters", "CameraMoves", "Places", "Stated"]

_HALF_TENTH, _HALF_DEGREE = 0.05, math.radians(0.5)  # metres and radians; less is written as 0
_GRID: Final = 1000.0  # thousandths of the image, in which text gives places
_TENTHS: Final = 10.0  # of a metre, in which text gives depth
_OPTIONS: Final = 4
_LOOKED_AT: Final = 16  # pairs looked at for each that is wanted with wrong places
_FILLING: Final = 64  # groups of places that wait for more at a time

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]
Places = tuple[tuple[float, float, float], ...]


class CameraMoveParameters(Parameters):
    """What decides which motions are told, and which places of a camera."""

    largest_elevation: float = Field(
        60.0, gt=0, le=90, description="degrees above which a camera looks too steeply up or down to have a heading"
    )
    largest_roll: float = Field(
        10.0, gt=0, le=180, description="degrees a camera may be tilted sideways where its change of view is told"
    )
    largest_turn: float = Field(175.0, gt=0, le=180, description="degrees above which a turn is neither left nor right")
    least_camera_depth: float = Field(
        0.2, gt=0, description="metres in front of the first camera at which the second one's place is asked"
    )
    least_place_gap: float = Field(
        100.0, gt=0, le=500, description="thousandths of the image between any two places offered to choose from"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Stated:
    """What a task says about the pairs that it can be asked about.

    Attributes:
        pairs: (k, 2), indices into the scene's frames, in the order given.
        value: (k, v), signed SI, pixels native.
        margin: (k,), the smallest quantity over its threshold (or limit over its quantity); may be inf.
        reasons: why other pairs are not asked about, counted.
    """

    pairs: IndexArray
    value: FloatArray
    margin: FloatArray
    reasons: Counter[str]


class CameraMoves:
    """Motions between a scene's cameras.

    Args:
        scene: its frames' cameras.
        parameters: limits.
    """

    def __init__(self, scene: Scene, parameters: CameraMoveParameters) -> None:
        self._scene = scene
        self._parameters = parameters
        self._poses = motion.Poses.of([frame.camera for frame in scene.frames])

    @cached_property
    def _headings(self) -> motion.Headings:
        assert self._scene.up is not None, "the spec asks for an up axis"
        return motion.Headings.of(self._poses, self._scene.up)

    @cached_property
    def _roll(self) -> FloatArray:
        return motion.roll(self._poses, self._headings)

    # ---- view_change_infer

    def view_changes(self, pairs: Sequence[tuple[int, ...]]) -> Stated:
        """Motion along the levelled first camera's axes (right, up, forward) and turn (yaw left, pitch up)."""
        first, second = _columns(pairs)
        parameters, headings = self._parameters, self._headings
        moved = motion.levelled_components(self._poses, headings, first, second)
        yaw, pitch = motion.turn(headings, first, second)
        steep = np.maximum(np.abs(headings.elevation[first]), np.abs(headings.elevation[second]))
        tilted = np.maximum(np.abs(self._roll[first]), np.abs(self._roll[second]))
        said = np.maximum(np.abs(moved).max(axis=1) / _HALF_TENTH, np.abs([yaw, pitch]).max(axis=0) / _HALF_DEGREE)
        with np.errstate(divide="ignore"):
            margins = np.stack(
                [
                    math.radians(parameters.largest_elevation) / steep,
                    math.radians(parameters.largest_roll) / tilted,
                    math.radians(parameters.largest_turn) / np.abs(yaw),
                    said,
                ]
            )
        return _legal(
            np.stack([first, second], axis=1),
            np.column_stack([moved, yaw, pitch]),
            margins,
            (
                "a camera looks too steeply up or down to have a heading",
                "a camera is tilted sideways",
                "turned too far to be told left from right",
                "the whole motion would be written as 0",
            ),
        )

    def angles(self, first: int, second: int) -> dict[str, float]:
        """Elevations and rolls of two cameras, and the turn between them, by name, in radians."""
        rolls = {f"roll_{place}": float(self._roll[frame]) for place, frame in ((1, first), (2, second))}
        return {**motion.angles(self._headings, first, second), **rolls}

    # ---- camera_motion_infer

    def camera_places(self, pairs: Sequence[tuple[int, ...]]) -> Stated:
        """Pixel of the first image at which the second camera's optical centre lies, and its depth there."""
        first, second = _columns(pairs)
        value, inside = np.full((len(first), 3), np.nan), np.zeros(len(first), dtype=np.bool_)
        for frame in np.unique(first).tolist():
            mine = np.flatnonzero(first == frame)
            camera = self._scene.frames[frame].camera
            xy, depth = project(self._poses.centre[second[mine]], camera)
            value[mine] = np.column_stack([xy, depth])
            inside[mine] = is_inside(xy, camera)
        margins = np.stack([value[:, 2] / self._parameters.least_camera_depth, np.where(inside, np.inf, 0.0)])
        return _legal(
            np.stack([first, second], axis=1),
            value,
            margins,
            (
                "the second camera is not far enough in front of the first",
                "the second camera is outside the first image",
            ),
        )

    def wrong_places(self, stated: Stated, wanted: int, rng: np.random.Generator) -> dict[int, Places]:
        """Three wrong places of the camera for each of some pairs.

        Pairs are put into groups of four whose places are apart from each other, in the image and in depth as it is
        written; each is asked about with the places of the other three beside its own. So every place is right as
        often as it is in each other row of its group, and nobody can tell which one is without looking.

        Args:
            stated: what ``camera_places`` states, in the order in which pairs are due.
            wanted: pairs, at most.
            rng: decides which pairs, where there are more.

        Returns:
            By index of the pair: x, y (native pixels of the first image) and depth of each wrong place.
        """
        at = self._in_grid(stated)
        depth = np.floor(stated.value[:, 2] * _TENTHS + 0.5)
        places = np.column_stack([at, depth]).tolist()[: _LOOKED_AT * wanted]
        full: list[list[int]] = []
        filling: list[list[int]] = []
        for index, place in enumerate(places):
            if len(full) * _OPTIONS >= wanted:
                break
            group = next((some for some in filling if all(self._differ(place, places[one]) for one in some)), None)
            if group is not None:
                group.append(index)
                if len(group) == _OPTIONS:
                    filling.remove(group)
                    full.append(group)
            elif len(filling) < _FILLING:
                filling.append([index])
        found: dict[int, Places] = {}
        for turn in rng.permutation(len(full)).tolist():
            for index in rng.permutation(full[turn]).tolist()[: wanted - len(found)]:
                others = [other for other in full[turn] if other != index]
                pixels = at[others] / _GRID * self._sizes[stated.pairs[index, 0]] - 0.5
                found[index] = tuple(map(tuple, np.column_stack([pixels, stated.value[others, 2]]).tolist()))
        return found

    def thresholds(self, task: str) -> dict[str, float]:
        """The thresholds a task's rows rest on, by name."""
        parameters = self._parameters
        if task == "camera_motion_infer":
            return {
                "least_camera_depth_m": parameters.least_camera_depth,
                "least_place_gap_thousandths": parameters.least_place_gap,
                "least_depth_ratio": 1.0 + LEAST_APART,
            }
        return {
            "largest_elevation_deg": parameters.largest_elevation,
            "largest_roll_deg": parameters.largest_roll,
            "largest_turn_deg": parameters.largest_turn,
        }

    # ---- inside

    @cached_property
    def _sizes(self) -> FloatArray:
        """(f, 2) pixels: width and height of each frame's image."""
        return np.array([[frame.camera.width, frame.camera.height] for frame in self._scene.frames], dtype=np.float64)

    def _differ(self, one: Sequence[float], other: Sequence[float]) -> bool:
        """Whether two places (thousandths, and tenths of a metre) cannot be taken for each other."""
        deeper, nearer = max(one[2], other[2]), min(one[2], other[2])
        apart = math.hypot(one[0] - other[0], one[1] - other[1]) >= self._parameters.least_place_gap
        return apart and deeper > (1.0 + LEAST_APART) * nearer

    def _in_grid(self, stated: Stated) -> FloatArray:
        """(k, 2): pixels that are stated, in thousandths of their images."""
        return np.asarray((stated.value[:, :2] + 0.5) / self._sizes[stated.pairs[:, 0]] * _GRID)


def _columns(pairs: Sequence[tuple[int, ...]]) -> tuple[IndexArray, IndexArray]:
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return first, second


def _legal(pairs: IndexArray, value: FloatArray, margins: FloatArray, reasons: tuple[str, ...]) -> Stated:
    """Those pairs of which all margins (one row a condition) are at least 1; others count for the first they fail."""
    failed = ~(margins >= 1)
    legal = ~failed.any(axis=0)
    why = np.bincount(failed.argmax(axis=0)[~legal], minlength=len(reasons))
    counted = +Counter(dict(zip(reasons, why.tolist(), strict=True)))
    return Stated(pairs[legal], value[legal], margins[:, legal].min(axis=0), counted)
