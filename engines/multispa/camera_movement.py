"""How the camera moved and turned between two images of one place.

Definitions: docs/conventions.md, "Camera motion", "Margins". Source of the tasks: Multi-SpatialMLLM, arXiv 2505.17015.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ...core import motion
from ...core.types import Fact, Scene, Skip, TaskSpec
from ..base import Engine, Parameters, Request
from ..frame_pairs import FramePairs, PairParameters, overlapping_pairs, spread_over_bins
from ..sampling import deal

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE"]

_AXES: Final = ("levelled", "camera")
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "camera_movement_x": ("right", "left"),
    "camera_movement_y": ("up", "down"),
    "camera_movement_z": ("forward", "backward"),
    "camera_movement_yaw": ("left", "right"),
    "camera_movement_pitch": ("up", "down"),
}
"""The word for a positive value, then the one for a negative value."""
_COMPONENT: Final = {"camera_movement_x": 0, "camera_movement_y": 1, "camera_movement_z": 2}
_HARD, _EASY = 2.0, 4.0  # margins up to twice the threshold are hard, from four times on easy
_HALF_DEGREE, _HALF_MILLIMETRE = math.radians(0.5), 0.0005  # less would be written as 0
_DECIMALS: Final = 7  # of metres and rotation entries, in the evidence


class _Parameters(PairParameters):
    axes: Literal["levelled", "camera"] = Field(
        "levelled",
        description="whose axes left/right, up/down and forward/backward are: the first camera's, or those "
        "of the first camera held level",
    )
    least_component: float = Field(0.05, ge=0, description="metres a direction word needs along its axis")
    least_share: float = Field(0.15, ge=0, lt=1, description="and the share of the whole motion it needs")
    least_angle: float = Field(5.0, ge=0, description="degrees a turn or tilt needs to be asked about")
    largest_turn: float = Field(175.0, gt=0, le=180, description="degrees above which a turn is neither left nor right")
    largest_elevation: float = Field(
        60.0, gt=0, le=90, description="degrees above which a camera looks too steeply up or down to have a heading"
    )
    least_distance: float = Field(0.05, ge=0, description="metres the camera moved where distance or vector is asked")


@dataclass(frozen=True, slots=True, eq=False)
class _Stated:
    """One task's values for many pairs; (k, …) each.

    Attributes:
        value: (k, v), signed SI.
        margin: (k,), the smallest quantity over its threshold; inf where no threshold is above 0.
        defined: (k,), whether there is a value at all (a heading exists).
    """

    value: npt.NDArray[np.float64]
    margin: npt.NDArray[np.float64]
    defined: npt.NDArray[np.bool_]


def _spec(
    name: str,
    summary: str,
    answer_type: str,
    units: tuple[str, ...],
    text_unit: str = "",
    *,
    polarities: tuple[str, ...] = ("",),
    needs: tuple[str, ...] = ("image", "perspective", "depth|mesh", "up"),
) -> TaskSpec:
    return TaskSpec(
        name=name,
        suite="multispa",
        engine="camera_movement",
        version="1",
        images=2,
        summary=summary,
        answer_type=answer_type,
        units=units,
        text_unit=text_unit,
        variants=("name",),
        forms=("choice" if answer_type == "choice" else "fill",),
        polarities=polarities,
        slots=frozenset(),
        required_slots=frozenset(),
        needs=needs,
    )


_ANYWHERE: Final = ("image", "perspective", "depth|mesh")
_TASKS: Final = (
    _spec(
        "camera_movement_x", "Did the camera move left or right between two images?", "choice", ("m",), polarities=_AXES
    ),
    _spec(
        "camera_movement_y", "Did the camera move up or down between two images?", "choice", ("m",), polarities=_AXES
    ),
    _spec(
        "camera_movement_z", "Did it move forward or backward between two images?", "choice", ("m",), polarities=_AXES
    ),
    _spec("camera_movement_yaw", "Did the camera turn left or right between two images?", "choice", ("rad",)),
    _spec("camera_movement_pitch", "Did the camera tilt up or down between two images?", "choice", ("rad",)),
    _spec("camera_yaw_angle", "By how many degrees did the camera turn about the vertical?", "number", ("rad",), "deg"),
    _spec("camera_pitch_angle", "By how many degrees did the camera tilt up or down?", "number", ("rad",), "deg"),
    _spec("camera_distance", "How far did the camera move?", "number", ("m",), "mm", needs=_ANYWHERE),
    _spec("camera_displacement", "By which vector did the camera move?", "vector", ("m",), "mm", needs=_ANYWHERE),
)


class _Motions:
    """Values and margins of every task for given pairs of frames, whole arrays at a time."""

    def __init__(
        self,
        scene: Scene,
        parameters: _Parameters,
        first: npt.NDArray[np.int64],
        second: npt.NDArray[np.int64],
    ) -> None:
        self._parameters = parameters
        self._first, self._second = first, second
        self.poses = motion.Poses.of([frame.camera for frame in scene.frames])
        self._headings = None if scene.up is None else motion.Headings.of(self.poses, scene.up)
        self.vector = motion.displacement(self.poses, first, second)
        self.distance = np.linalg.norm(self.vector, axis=1)

    def stated(self, task: str) -> _Stated:
        """What a task says about each pair, and how clearly."""
        parameters = self._parameters
        always = np.ones(len(self._first), dtype=np.bool_)
        least_distance = max(parameters.least_distance, _HALF_MILLIMETRE)
        if task == "camera_displacement":
            return _Stated(self.vector, self.distance / least_distance, always)
        if task == "camera_distance":
            return _Stated(self.distance[:, None], self.distance / least_distance, always)
        assert self._headings is not None, "the spec asks for an up axis"
        if task in _COMPONENT:
            if parameters.axes == "camera":
                parts, clearly = motion.camera_components(self.vector), np.full(len(self._first), np.inf)
            else:
                parts = motion.levelled_components(self.poses, self._headings, self._first, self._second)
                clearly = self._has_heading(self._first)
            value = parts[:, _COMPONENT[task]]
            needed = np.maximum(parameters.least_component, parameters.least_share * self.distance)
            return _Stated(value[:, None], np.minimum(_over(np.abs(value), needed), clearly), value != 0)
        yaw, pitch = motion.turn(self._headings, self._first, self._second)
        needed = np.full(len(yaw), math.radians(parameters.least_angle))
        if task.endswith("_angle"):
            needed = np.maximum(needed, _HALF_DEGREE)
        if "pitch" in task:
            return _Stated(pitch[:, None], _over(np.abs(pitch), needed), pitch != 0)
        clearly = np.minimum(self._has_heading(self._first), self._has_heading(self._second))
        if task == "camera_movement_yaw":
            clearly = np.minimum(clearly, _over(math.radians(parameters.largest_turn), np.abs(yaw)))
        return _Stated(yaw[:, None], np.minimum(_over(np.abs(yaw), needed), clearly), yaw != 0)

    def _has_heading(self, frames: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """(k,): the steepest elevation allowed over the camera's; 1 is just legal."""
        assert self._headings is not None
        limit = math.radians(self._parameters.largest_elevation)
        return _over(limit, np.abs(self._headings.elevation[frames]))

    def evidence(self, index: int) -> dict[str, Any]:
        """The motion of one pair as matrices, and its angles."""
        rotation = self.poses.rotation[self._first[index]].T @ self.poses.rotation[self._second[index]]
        found: dict[str, Any] = {
            "t_12": np.round(self.vector[index], _DECIMALS).tolist(),
            "R_12": np.round(rotation, _DECIMALS).tolist(),
        }
        return found

    def angles(self, index: int) -> dict[str, float]:
        """Elevations, yaw and pitch of one pair in radians; nothing where the scene has no up axis."""
        if self._headings is None:
            return {}
        return motion.angles(self._headings, int(self._first[index]), int(self._second[index]))


def _over(quantity: npt.ArrayLike, threshold: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Quantity over threshold; inf where the threshold asks for nothing."""
    above, below = np.broadcast_arrays(np.asarray(quantity, dtype=np.float64), np.asarray(threshold, dtype=np.float64))
    ratio: npt.NDArray[np.float64] = np.divide(above, below, out=np.full(above.shape, np.inf), where=below > 0)
    return ratio


class CameraMovement(Engine):
    """States motion and turn between two frames, where they are large enough for a viewer to tell."""

    name: ClassVar[str] = "camera_movement"
    suite: ClassVar[str] = "multispa"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = _Parameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # The released scripts take the sign along the camera's own axes, however small.
        "multispa": {
            "axes": "camera",
            "least_component": 0.0,
            "least_share": 0.0,
            "least_angle": 0.0,
            "largest_turn": 180.0,
            "largest_elevation": 90.0,
            "least_distance": 0.0,
        }
    }

    tasks: ClassVar[tuple[TaskSpec, ...]] = _TASKS

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, _Parameters)
        (for_pairs,) = rng.spawn(1)
        streams = self.generators(rng)
        pairs, reasons = overlapping_pairs(geometry, parameters, for_pairs)
        motions = _Motions(scene, parameters, pairs.first, pairs.second)
        for task in request.tasks:
            stated = motions.stated(task)
            legal = np.flatnonzero(stated.defined & (stated.margin >= 1))
            chosen, kept_back = self._choose(scene, task, pairs, stated, legal, request.limit, streams[task])
            for index in chosen.tolist():
                yield self._fact(task, parameters, pairs, motions, stated, index)
            for reason, count in sorted(reasons.items()):
                yield Skip(task, reason, count)
            if refused := (len(pairs) - len(legal)) // 2:
                yield Skip(task, "motion too small, or looking too steeply, to be told clearly", refused)
            if kept_back:
                yield Skip(task, "kept back so that both directions are asked equally often", kept_back)

    def between(
        self,
        geometry: SceneGeometry,
        first: int,
        second: int,
        task: str,
        *,
        parameters: Parameters | None = None,
    ) -> Fact | Skip:
        """The fact of one task about two given frames, or why it cannot be stated; any overlap will do.

        Args:
            geometry: of the scene.
            first: index into the scene's frames, of the image shown first.
            second: likewise.
            task: name of one of this engine's tasks.
            parameters: the engine's own; defaults when None.
        """
        chosen = parameters or self.configure()
        assert isinstance(chosen, _Parameters)
        if missing := self.task(task).missing(geometry.scene.capabilities):
            return Skip(task, f"scene has no {', '.join(missing)}")
        frames = np.array([first]), np.array([second])
        overlap = geometry.overlap
        pairs = FramePairs(
            *frames,
            np.zeros(1, dtype=np.int64),
            overlap.iou[frames].astype(np.float64),
            overlap.minimum[frames].astype(np.float64),
        )
        motions = _Motions(geometry.scene, chosen, *frames)
        stated = motions.stated(task)
        if not stated.defined[0] or stated.margin[0] < 1:
            return Skip(task, "motion too small, or looking too steeply, to be told clearly")
        return self._fact(task, chosen, pairs, motions, stated, 0)

    @staticmethod
    def _choose(
        scene: Scene,
        task: str,
        pairs: FramePairs,
        stated: _Stated,
        legal: npt.NDArray[np.int64],
        limit: int,
        rng: np.random.Generator,
    ) -> tuple[npt.NDArray[np.int64], int]:
        """Indices of the pairs to ask about, and how many legal ones direction balance keeps back."""
        uses: Counter[Hashable] = Counter()
        if task not in _WORDS:
            return spread_over_bins(pairs, legal, limit, uses, rng, scene.id, task), 0
        positive = stated.value[legal, 0] > 0
        sides = [legal[positive], legal[~positive]]
        count = min(limit, 2 * min(map(len, sides)) + (len(sides[0]) != len(sides[1])))
        if len(legal) == 0 or count == 0:
            return legal[:0], len(legal)
        shares = np.bincount(deal(count, [2], scene.id, task)[:, 0], minlength=2)
        if any(share > len(side) for share, side in zip(shares, sides, strict=True)):
            shares = shares[::-1]  # the odd one can only come from the side that has more
        chosen = [
            spread_over_bins(pairs, side, int(share), uses, rng, scene.id, task, word)
            for side, share, word in zip(sides, shares, _WORDS[task], strict=True)
        ]
        wanted = min(limit, len(legal))
        return rng.permutation(np.concatenate(chosen)), wanted - count

    def _fact(
        self, task: str, parameters: _Parameters, pairs: FramePairs, motions: _Motions, stated: _Stated, index: int
    ) -> Fact:
        """The fact about one of the pairs."""
        value = tuple(float(number) for number in stated.value[index])
        margin = float(stated.margin[index])
        words = _WORDS.get(task, ())
        overlap = float(pairs.iou[index])
        return Fact(
            task=task,
            frames=(int(pairs.first[index]), int(pairs.second[index])),
            variant="name",
            form=self.task(task).forms[0],
            polarity=parameters.axes if task in _COMPONENT else "",
            value=value,
            options=words,
            answer_index=(0 if value[0] > 0 else 1) if words else None,
            evidence={
                "pairs": [
                    {
                        "images": [0, 1],
                        **motions.evidence(index),
                        "overlap_iou": overlap,
                        "overlap_min": float(pairs.minimum[index]),
                    }
                ],
                **motions.angles(index),
                "thresholds": _thresholds(task, parameters),
            },
            margin=margin if math.isfinite(margin) else None,
            overlap=overlap,
            difficulty=("hard" if margin < _HARD else "medium" if margin < _EASY else "easy") if words else None,
        )


def _thresholds(task: str, parameters: _Parameters) -> dict[str, Any]:
    """The thresholds a task's rows rest on, by name."""
    if task in ("camera_distance", "camera_displacement"):
        return {"least_distance_m": parameters.least_distance}
    if task in _COMPONENT:
        return {
            "axes": parameters.axes,
            "least_component_m": parameters.least_component,
            "least_share": parameters.least_share,
            "largest_elevation_deg": parameters.largest_elevation,
        }
    found = {"least_angle_deg": parameters.least_angle}
    if "yaw" in task:
        found["largest_elevation_deg"] = parameters.largest_elevation
    if task == "camera_movement_yaw":
        found["largest_turn_deg"] = parameters.largest_turn
    return found


ENGINE: Final = CameraMovement()
