"""The same surface point in two images.

Definition: docs/conventions.md, "Visible point", "Marks and stable surface". Source of the task: Multi-SpatialMLLM,
arXiv 2505.17015. Its distractors are uniform random pixels, which may fall on the answer; ours are of named kinds and
never near it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from ...core.types import Fact, Point, PointRef, Scene, Skip, TaskSpec, mark_radius
from ..base import Engine, Parameters, Request
from ..correspondences import MatchFinder
from ..frame_pairs import FramePairs, overlapping_pairs, spread_over_bins
from ..matches import Match, MatchParameters, Option, distance
from ..sampling import deal, equal_quotas, take_least_used

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE"]

_TASK: Final = "visual_correspondence"
_QUERY: Final = "P"
_LETTERS: Final = ("A", "B", "C", "D")
_OPTIONS_TEXT: Final = "A, B, C or D"
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_DECIMALS: Final = 5  # of metres, in the evidence
_ENOUGH: Final = 1.5  # matches per fact wanted, from as many pairs, after which no more pairs are looked at


class VisualCorrespondence(Engine):
    """States where in a second image the point marked in the first one is."""

    name: ClassVar[str] = "visual_correspondence"
    suite: ClassVar[str] = "multispa"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = MatchParameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "multispa": {"nearest": 0.001, "farthest": 1000.0, "least_facing": 0.0, "kinds": ["random"]}
    }
    tasks: ClassVar[tuple[TaskSpec, ...]] = (
        TaskSpec(
            name=_TASK,
            suite="multispa",
            engine="visual_correspondence",
            version="1",
            images=2,
            summary="Where in the second image is the point that is marked in the first?",
            answer_type="point",
            variant_answer_types=(("dot", "choice"),),
            units=("px",),
            text_unit="",
            variants=("dot", "coord"),
            forms=("choice", "fill"),
            slots=frozenset({"point", "options"}),
            required_slots=frozenset({"point"}),
            needs=("image", "perspective", "depth|mesh"),
        ),
    )

    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, MatchParameters)
        variants = _variants(request)
        if not variants:
            yield Skip(_TASK, "task has none of the variants and forms asked for together")
            return
        pairs, reasons = overlapping_pairs(geometry, parameters, rng)
        finder = MatchFinder(geometry, parameters, rng)
        matches: list[Match] = []
        left = np.arange(len(pairs))
        uses: Counter[Hashable] = Counter()
        enough = math.ceil(_ENOUGH * request.limit)
        while len(left) and len({match.pair for match in matches}) < enough:
            batch = spread_over_bins(pairs, left, enough, uses, rng, scene.id, _TASK)
            left = np.setdiff1d(left, batch, assume_unique=True)
            matches.extend(finder.find(pairs, batch))
        chosen = _spread(scene, pairs, matches, request.limit, rng)
        dealt = deal(len(chosen), [len(variants)], scene.id, _TASK)[:, 0]
        letters = iter(deal(len(chosen), [len(_LETTERS)], scene.id, _TASK, "letters")[:, 0].tolist())
        for match, variant in zip(chosen, dealt.tolist(), strict=True):
            if variants[variant] == "dot":
                yield self._choice(scene, geometry, parameters, pairs, match, next(letters), rng)
            else:
                yield self._place(scene, geometry, parameters, pairs, match)
        for reason, count in sorted((reasons + finder.reasons).items()):
            yield Skip(_TASK, reason, count)

    def _choice(
        self,
        scene: Scene,
        geometry: SceneGeometry,
        parameters: MatchParameters,
        pairs: FramePairs,
        match: Match,
        answer: int,
        rng: np.random.Generator,
    ) -> Fact:
        """Which of four dots is it?"""
        shown = [match.distractors[index] for index in rng.permutation(len(match.distractors)).tolist()]
        shown.insert(answer, match.truth)
        points = (
            _point(scene, 0, match.query, _QUERY, "query"),
            *(_point(scene, 1, option, letter, "option") for letter, option in zip(_LETTERS, shown, strict=True)),
        )
        height = scene.frames[int(pairs.second[match.pair])].camera.height
        pixels = [math.hypot(o.x - match.truth.x, o.y - match.truth.y) for o in match.distractors]
        apart = [distance(option, match.truth) for option in match.distractors]
        margins = [
            min(apart) / parameters.least_separation if parameters.least_separation else math.inf,
            min(pixels) / max(parameters.least_pixels * height, 4 * mark_radius(height)),
        ]
        evidence = {
            "option_kinds": [option.kind for option in shown],
            "option_world_xyz": [list(option.world) for option in shown],
            "truth_table": [index == answer for index in range(len(shown))],
        }
        return self._fact(
            geometry,
            parameters,
            pairs,
            match,
            variant="dot",
            form="choice",
            points=points,
            options=tuple(PointRef(1 + index) for index in range(len(shown))),
            answer_index=answer,
            slots={"point": PointRef(0), "options": _OPTIONS_TEXT},
            more_evidence=evidence,
            margins=margins,
        )

    def _place(
        self, scene: Scene, geometry: SceneGeometry, parameters: MatchParameters, pairs: FramePairs, match: Match
    ) -> Fact:
        """At which coordinates is it?"""
        return self._fact(
            geometry,
            parameters,
            pairs,
            match,
            variant="coord",
            form="fill",
            points=(_point(scene, 0, match.query, "", "query"), _point(scene, 1, match.truth, "", "target")),
            answer_point=PointRef(1),
            slots={"point": PointRef(0)},
        )

    def _fact(
        self,
        geometry: SceneGeometry,
        parameters: MatchParameters,
        pairs: FramePairs,
        match: Match,
        *,
        more_evidence: Mapping[str, Any] = _NOTHING,
        margins: Sequence[float] = (),
        **stated: Any,
    ) -> Fact:
        """What both forms share."""
        overlap = float(pairs.iou[match.pair])
        facing = [cosine / parameters.least_facing for cosine in match.facing] if parameters.least_facing else []
        margin = min([*margins, *facing, 1 / max(match.depth_error, 1e-6)])
        agreement = geometry.settings.agreement
        return Fact(
            task=_TASK,
            frames=(int(pairs.first[match.pair]), int(pairs.second[match.pair])),
            value=(match.truth.x, match.truth.y),
            evidence={
                "points": [
                    {
                        "vertex_or_pixel": [place.x, place.y],
                        "world_xyz": list(match.query.world),
                        "depth": round(place.depth, _DECIMALS),
                        "depth_source": "mesh" if geometry.scene.has_mesh else "sensor",
                        "facing": round(cosine, 4),
                    }
                    for place, cosine in zip((match.query, match.truth), match.facing, strict=True)
                ],
                "pairs": [{"images": [0, 1], "overlap_iou": overlap, "overlap_min": float(pairs.minimum[match.pair])}],
                **more_evidence,
                "thresholds": {
                    "least_facing": parameters.least_facing,
                    "least_separation_m": parameters.least_separation,
                    "least_pixels_of_height": parameters.least_pixels,
                    "agreement_m": agreement.absolute,
                    "agreement_relative": agreement.relative,
                },
            },
            margin=margin,
            overlap=overlap,
            **stated,
        )


def _variants(request: Request) -> tuple[str, ...]:
    """Ways of pointing whose form is wanted too: dots are chosen between, coordinates are written."""
    form_of = {"dot": "choice", "coord": "fill"}
    return tuple(v for v in request.variants[_TASK] if form_of[v] in request.forms[_TASK])


def _spread(
    scene: Scene, pairs: FramePairs, matches: Sequence[Match], limit: int, rng: np.random.Generator
) -> list[Match]:
    """At most ``limit`` matches: equal shares of every overlap bin, pairs and objects taking turns; shuffled."""
    if not matches:
        return []
    stratum = pairs.stratum[[match.pair for match in matches]]
    groups = [rng.permutation(np.flatnonzero(stratum == s)).tolist() for s in np.unique(stratum)]
    quotas = equal_quotas([len(group) for group in groups], limit, scene.id, _TASK)
    uses: Counter[Hashable] = Counter()
    chosen: list[int] = []
    for quota, group in sorted(zip(quotas, groups, strict=True), key=lambda pair: len(pair[1])):
        keys = []
        for item in group:
            match = matches[item]
            one, other = int(pairs.first[match.pair]), int(pairs.second[match.pair])
            keys.append(((min(one, other), max(one, other)), one, other, ("object", match.query.instance)))
        chosen.extend(group[index] for index in take_least_used(keys, quota, uses))
    return [matches[item] for item in rng.permutation(np.array(chosen, dtype=np.int64)).tolist()]


def _point(scene: Scene, image: int, place: Option, label: str, role: str) -> Point:
    instance = scene.instances[place.instance].id if place.instance >= 0 else None
    return Point(image, place.x, place.y, place.depth, label, role, instance)


ENGINE: Final = VisualCorrespondence()
