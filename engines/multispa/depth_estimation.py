"""Depth of one marked point: how far along the viewing direction is it?

Definition: docs/conventions.md, "Depth of a point". Source of the task: Multi-SpatialMLLM, arXiv 2505.17015.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field

from ...core.types import Fact, PointRef, Scene, Skip, TaskSpec
from ..base import Engine, Parameters, Request
from ..depth_points import DepthParameters, DepthPoints, is_plenty, points_a_frame, visit_frames
from ..sampling import deal, equal_quotas, take_least_used

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE"]

_TASK: Final = "depth_estimation"


class _Parameters(DepthParameters):
    keep: int = Field(8, ge=1, description="qualifying pixels kept of a frame to choose from, at least")
    strata: int = Field(10, ge=1, description="equal-width depth strata that get equal shares of the rows")


class DepthEstimation(Engine):
    """States the depth of single points, spread over frames and over the scene's range of depths."""

    name: ClassVar[str] = "depth_estimation"
    suite: ClassVar[str] = "multispa"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = _Parameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "multispa": {"nearest": 0.001, "farthest": 1000.0, "strata": 1}
    }
    tasks: ClassVar[tuple[TaskSpec, ...]] = (
        TaskSpec(
            name=_TASK,
            suite="multispa",
            engine="depth_estimation",
            version="1",
            summary="How deep is the marked point, in millimetres along the viewing direction?",
            answer_type="number",
            units=("m",),
            text_unit="mm",
            variants=("dot", "coord"),
            forms=("fill",),
            slots=frozenset({"point"}),
            required_slots=frozenset({"point"}),
            needs=("image", "perspective", "depth|mesh"),
        ),
    )

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, _Parameters)
        reasons: Counter[str] = Counter()
        pool: list[tuple[DepthPoints, int]] = []
        keep = max(parameters.keep, points_a_frame(len(scene.frames), request.limit))
        for visited, (points, why) in enumerate(visit_frames(geometry, rng, keep, parameters.depth_range), 1):
            reasons.update(why)
            pool.extend((points, index) for index in range(len(points)))
            if is_plenty(visited, len(pool), request.limit):
                break
        chosen = _spread(pool, request.limit, parameters.strata, rng, scene.id)
        variants = request.variants[_TASK]
        dealt = deal(len(chosen), [len(variants)], scene.id, _TASK)
        for (points, index), (variant,) in zip(chosen, dealt.tolist(), strict=True):
            yield self.fact(scene, geometry, points, index, variants[variant])
        for reason, count in sorted(reasons.items()):
            yield Skip(_TASK, reason, count)

    def fact(self, scene: Scene, geometry: SceneGeometry, points: DepthPoints, index: int, variant: str) -> Fact:
        """The fact about one qualifying point."""
        return Fact(
            task=_TASK,
            frames=(points.frame,),
            variant=variant,
            form="fill",
            value=(float(points.depth[index]),),
            points=(points.point(index, scene.instances, label="A", role="target"),),
            slots={"point": PointRef(0)},
            evidence={
                "points": [points.evidence(index)],
                "thresholds": {
                    "agreement_m": geometry.settings.agreement.absolute,
                    "agreement_relative": geometry.settings.agreement.relative,
                },
            },
        )


def _spread(
    pool: list[tuple[DepthPoints, int]], limit: int, strata: int, rng: np.random.Generator, scene_id: str
) -> list[tuple[DepthPoints, int]]:
    """At most ``limit`` points, equal shares of every depth stratum, frames taking turns within a stratum; shuffled."""
    if not pool:
        return []
    depths = np.array([points.depth[index] for points, index in pool])
    edges = np.linspace(depths.min(), depths.max(), strata + 1)[1:-1]
    stratum = np.searchsorted(edges, depths, side="right")
    members = [rng.permutation(np.flatnonzero(stratum == s)).tolist() for s in range(strata)]
    quotas = equal_quotas([len(m) for m in members], limit, scene_id, _TASK)
    uses: Counter[Hashable] = Counter()
    chosen: list[int] = []
    for quota, group in sorted(zip(quotas, members, strict=True), key=lambda pair: len(pair[1])):
        taken = take_least_used([(pool[item][0].frame,) for item in group], quota, uses)
        chosen.extend(group[index] for index in taken)
    return [pool[item] for item in rng.permutation(chosen).tolist()]


ENGINE: Final = DepthEstimation()
