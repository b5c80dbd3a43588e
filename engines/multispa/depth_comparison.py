"""Which of two marked points is closer to, or farther from, the camera?

Definition: docs/conventions.md, "Margins". Source of the task: Multi-SpatialMLLM, arXiv 2505.17015.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ...core.types import Fact, PointRef, Scene, Skip, TaskSpec, mark_radius
from ..base import Engine, Parameters, Request
from ..depth_points import DepthParameters, DepthPoints, is_plenty, legal_points, points_a_frame, visit_frames
from ..sampling import deal, equal_quotas, take_least_used

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE"]

_TASK: Final = "depth_comparison"
_LABELS: Final = ("A", "B")
_HARD, _EASY = 2.0, 4.0  # margins up to twice the threshold are hard, from four times on easy


class _Parameters(DepthParameters):
    gap: float = Field(0.10, gt=0, description="metres; the two depths differ by at least this")
    relative_gap: float = Field(0.05, ge=0, description="and by at least this share of the nearer depth")
    same_order_by_ray: bool = Field(True, description="the gap must hold in ray distance too, in the same order")
    separation: float = Field(
        0.08, ge=0, description="least pixel distance of the marks, as a share of the image height"
    )
    keep: int = Field(10, ge=2, description="qualifying pixels kept of a frame to make pairs from, at least")
    balance_height: bool = Field(
        True,
        description="the closer point is as often the upper as the lower one, where the scene allows it",
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs of qualifying points of one frame that can be told apart; (k,) each.

    Attributes:
        points: the frame's.
        near, far: indices of the closer and the farther point.
        margin: gap over threshold, the smaller of depth and ray distance.
        near_is_lower: whether the closer point is the lower one in the image.
    """

    points: DepthPoints
    near: npt.NDArray[np.int64]
    far: npt.NDArray[np.int64]
    margin: npt.NDArray[np.float64]
    near_is_lower: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Pair:
    """One of them."""

    points: DepthPoints
    near: int
    far: int
    margin: float

    @property
    def difficulty(self) -> str:
        return "hard" if self.margin < _HARD else "medium" if self.margin < _EASY else "easy"


class DepthComparison(Engine):
    """States which of two points is closer, with a gap no sensor noise can turn round."""

    name: ClassVar[str] = "depth_comparison"
    suite: ClassVar[str] = "multispa"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = _Parameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # The released script only asks that the depths differ after rounding to 1 mm.
        "multispa": {
            "nearest": 0.001,
            "farthest": 1000.0,
            "gap": 0.001,
            "relative_gap": 0.0,
            "same_order_by_ray": False,
            "balance_height": False,
        }
    }
    tasks: ClassVar[tuple[TaskSpec, ...]] = (
        TaskSpec(
            name=_TASK,
            suite="multispa",
            engine="depth_comparison",
            version="1",
            summary="Which of two marked points is closer to (or farther from) the camera?",
            answer_type="choice",
            units=("m",),
            text_unit="",
            variants=("dot", "coord"),
            forms=("choice",),
            polarities=("closer", "farther"),
            slots=frozenset({"a", "b"}),
            required_slots=frozenset({"a", "b"}),
            needs=("image", "perspective", "depth|mesh"),
        ),
    )

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, _Parameters)
        reasons: Counter[str] = Counter()
        pool: list[_Pairs] = []
        # n points make about n * n / 2 pairs.
        keep = max(parameters.keep, math.ceil(math.sqrt(2 * points_a_frame(len(scene.frames), request.limit))))
        for visited, (points, why) in enumerate(visit_frames(geometry, rng, keep, parameters.depth_range), 1):
            reasons.update(why)
            pairs, why = _judge(points, scene.frames[points.frame].camera.height, parameters)
            reasons.update(why)
            pool.append(pairs)
            if is_plenty(visited, sum(len(pairs.near) for pairs in pool), request.limit):
                break
        chosen = _spread(pool, request.limit, parameters.balance_height, rng, scene.id)
        variants = request.variants[_TASK]
        # Letters come second in the deck, so that they are also even within each way of pointing.
        dealt = deal(len(chosen), [len(variants), 2, 2], scene.id, _TASK)
        for pair, (variant, answer, polarity) in zip(chosen, dealt.tolist(), strict=True):
            asked = self.tasks[0].polarities[polarity]
            yield _fact(scene, geometry, parameters, pair, variants[variant], asked, answer)
        for reason, count in sorted(reasons.items()):
            yield Skip(_TASK, reason, count)

    def compare(
        self,
        geometry: SceneGeometry,
        frame: int,
        a: tuple[int, int],
        b: tuple[int, int],
        *,
        variant: str = "dot",
        ask: str = "closer",
        parameters: Parameters | None = None,
    ) -> Fact | Skip:
        """The fact about two given pixels of a frame, shown as A and B, or why it cannot be stated.

        Args:
            geometry: of the scene.
            frame: index into the scene's frames.
            a: integer pixel (x, y) of the colour image.
            b: likewise.
            variant: ``dot`` or ``coord``.
            ask: ``closer`` or ``farther``.
            parameters: the engine's own; defaults when None.
        """
        chosen = parameters or self.configure()
        assert isinstance(chosen, _Parameters)
        points, reasons = legal_points(geometry, frame, np.array([a, b], dtype=np.int64), chosen.depth_range)
        if len(points) < 2:
            return Skip(_TASK, next(iter(reasons)))
        pairs, reasons = _judge(points, geometry.scene.frames[frame].camera.height, chosen)
        if not len(pairs.near):
            return Skip(_TASK, next(iter(reasons)))
        pair = _Pair(points, int(pairs.near[0]), int(pairs.far[0]), float(pairs.margin[0]))
        a_is_near = pair.near == 0
        return _fact(geometry.scene, geometry, chosen, pair, variant, ask, 0 if a_is_near == (ask == "closer") else 1)


def _judge(points: DepthPoints, height: int, parameters: _Parameters) -> tuple[_Pairs, Counter[str]]:
    """All pairs of a frame's points for which every condition holds, and why the others do not."""
    first, second = np.triu_indices(len(points), 1)
    swap = points.depth[first] > points.depth[second]
    near, far = np.where(swap, second, first), np.where(swap, first, second)
    offset = points.xy[near] - points.xy[far]
    separate = np.hypot(offset[:, 0], offset[:, 1]) >= max(parameters.separation * height, 2 * mark_radius(height))
    margin = _margin(points.depth, near, far, parameters)
    apart = separate & (margin >= 1)
    reasons = Counter(
        {
            "marks too close together": int(np.count_nonzero(~separate)),
            "depths too close to call": int(np.count_nonzero(separate & ~apart)),
        }
    )
    legal = apart
    if parameters.same_order_by_ray:
        by_ray = _margin(points.ray, near, far, parameters)
        legal = apart & (by_ray >= 1)
        margin = np.minimum(margin, by_ray)
        reasons["depth and ray distance do not agree clearly"] = int(np.count_nonzero(apart & ~legal))
    near, far = near[legal], far[legal]
    return _Pairs(points, near, far, margin[legal], points.xy[near, 1] > points.xy[far, 1]), +reasons


def _margin(
    distance: npt.NDArray[np.float64], near: npt.NDArray[np.int64], far: npt.NDArray[np.int64], parameters: _Parameters
) -> npt.NDArray[np.float64]:
    """(k,): signed gap over its threshold."""
    return (distance[far] - distance[near]) / np.maximum(parameters.gap, parameters.relative_gap * distance[near])


def _spread(
    pool: list[_Pairs], limit: int, balance_height: bool, rng: np.random.Generator, scene_id: str
) -> list[_Pair]:
    """At most ``limit`` pairs: even over height and difficulty, frames taking turns, points used rarely; shuffled."""
    if not pool:
        return []
    slot = np.repeat(np.arange(len(pool)), [len(pairs.near) for pairs in pool])
    near, far = np.concatenate([p.near for p in pool]), np.concatenate([p.far for p in pool])
    margin = np.concatenate([p.margin for p in pool])
    stratum = np.digitize(margin, [_HARD, _EASY])
    if balance_height:
        stratum = stratum * 2 + np.concatenate([p.near_is_lower for p in pool])
    groups = [rng.permutation(np.flatnonzero(stratum == s)) for s in np.unique(stratum)]
    uses: Counter[Hashable] = Counter()
    chosen: list[int] = []
    quotas = equal_quotas([len(g) for g in groups], limit, scene_id, _TASK)
    for quota, group in zip(quotas, groups, strict=True):
        frames, a, b = slot[group].tolist(), near[group].tolist(), far[group].tolist()
        things = [(frame, (frame, x), (frame, y)) for frame, x, y in zip(frames, a, b, strict=True)]
        chosen.extend(group[take_least_used(things, quota, uses)].tolist())
    return [
        _Pair(pool[slot[item]].points, int(near[item]), int(far[item]), float(margin[item]))
        for item in rng.permutation(np.array(chosen, dtype=np.int64)).tolist()
    ]


def _fact(
    scene: Scene,
    geometry: SceneGeometry,
    parameters: _Parameters,
    pair: _Pair,
    variant: str,
    asked: str,
    answer: int,
) -> Fact:
    """The fact about a pair, its true option in position ``answer``."""
    true, other = (pair.near, pair.far) if asked == "closer" else (pair.far, pair.near)
    shown = (true, other) if answer == 0 else (other, true)
    points = pair.points
    return Fact(
        task=_TASK,
        frames=(points.frame,),
        variant=variant,
        form="choice",
        polarity=asked,
        value=tuple(float(points.depth[index]) for index in shown),
        points=tuple(
            points.point(index, scene.instances, label=label, role="option")
            for index, label in zip(shown, _LABELS, strict=True)
        ),
        options=(PointRef(0), PointRef(1)),
        answer_index=answer,
        slots={"a": PointRef(0), "b": PointRef(1)},
        evidence={
            "ask": asked,
            "points": [points.evidence(index) for index in shown],
            "ray_distance": [float(points.ray[index]) for index in shown],
            "truth_table": [index == answer for index in (0, 1)],
            "thresholds": {
                "gap_m": parameters.gap,
                "relative_gap": parameters.relative_gap,
                "same_order_by_ray": parameters.same_order_by_ray,
                "agreement_m": geometry.settings.agreement.absolute,
                "agreement_relative": geometry.settings.agreement.relative,
            },
        },
        margin=pair.margin,
        difficulty=pair.difficulty,
    )


ENGINE: Final = DepthComparison()
