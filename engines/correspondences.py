"""Surface points that two frames show, each with places in the second frame it could wrongly be taken for.

A point matches when a mark can lie on it in both frames, when both see it and look at it from not too flat an angle,
and when what the second frame shows at its projection is that very surface (docs/conventions.md, "Visible point",
"Marks and stable surface").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from ..core.labels import synonyms
from ..core.projection import is_inside, project, rays
from ..core.surface import Verdict, inverse_depth_slopes
from ..core.types import mark_radius
from .depth_points import DepthPoints, legal_points, sample_points
from .frame_pairs import FramePairs
from .matches import Kind, Match, MatchParameters, Option, distance

if TYPE_CHECKING:
    from ..core.geometry import SceneGeometry

__all__ = ["MatchFinder"]

_CLEARANCE: Final = 1.5  # as for depths: marks keep half a radius from edges, poses and meshes are a few pixels off
_POINTS_A_FRAME: Final = 100
_CANDIDATES_A_FRAME: Final = 900
_MATCHES_A_PAIR: Final = 4
_TRIED_A_PAIR: Final = 30
_RING: Final = 14  # pixels tried around a place for a mark beside it
_RING_REACH: Final = 2.0  # the outer radius of that ring over the inner one
_APART: Final = 4.0  # radii between the centres of two marks at least, so that neither they nor their rings touch
_DISTRACTORS: Final = 3
_NO_MATCH: Final = {
    Verdict.OUTSIDE: "point not in the second image",
    Verdict.TOO_LITTLE_DEPTH: "too little depth under the mark in the second image",
    Verdict.NOT_A_PLANE: "no stable surface under the mark in the second image",
    Verdict.SEVERAL_INSTANCES: "several objects under the mark in the second image",
    Verdict.MASKED: "masked pixels under the mark in the second image",
}


@dataclass(frozen=True, slots=True)
class _Question:
    """A match that needs distractors.

    Attributes:
        frame: the second one.
        truth: the point in it.
        level: pixels, how far down the second image the point would be if it kept its height in the picture.
        rank: how many distractors are to be nearer to that level than the truth. People hold cameras level, so points
            mostly keep their height; if the truth did so best, nobody would have to look.
    """

    frame: int
    truth: Option
    level: float
    rank: int

    def is_nearer(self, option: Option) -> bool:
        return abs(option.y - self.level) < abs(self.truth.y - self.level)


class MatchFinder:
    """Finds matches in pairs of frames; what a frame shows is looked at once as first and once as second frame."""

    def __init__(self, geometry: SceneGeometry, parameters: MatchParameters, rng: np.random.Generator) -> None:
        self._geometry = geometry
        self._parameters = parameters
        self._rng = rng
        self._seen: dict[int, tuple[DepthPoints, npt.NDArray[np.float64]]] = {}
        self.reasons: Counter[str] = Counter()
        instances = geometry.scene.instances
        named: dict[str, list[int]] = {}
        for index, thing in enumerate(instances):
            named.setdefault(thing.label, []).append(index)
        kin = {label: [index for name in synonyms(label) for index in named.get(name, ())] for label in named}
        self._kin = [kin[thing.label] for thing in instances]  # of each instance: those of its kind and itself

    def find(self, pairs: FramePairs, chosen: npt.NDArray[np.int64]) -> Iterator[Match]:
        """Up to four matches of each chosen pair, frame by frame."""
        for frame in np.unique(pairs.first[chosen]).tolist():
            if frame not in self._seen:
                self._seen[frame] = self._points_of(frame)
        order = chosen[np.argsort(pairs.second[chosen], kind="stable")]
        for frame in np.unique(pairs.second[order]).tolist():
            mine = order[pairs.second[order] == frame]
            yield from self._into(frame, mine, [self._seen[first] for first in pairs.first[mine].tolist()])

    def _points_of(self, frame: int) -> tuple[DepthPoints, npt.NDArray[np.float64]]:
        """Qualifying points of a first frame that it does not see too flatly, and their cosines."""
        points, why = sample_points(
            self._geometry,
            frame,
            self._rng,
            candidates=_CANDIDATES_A_FRAME,
            keep=_POINTS_A_FRAME,
            depth_range=self._parameters.depth_range,
        )
        self.reasons.update(why)
        facing = self._facing(frame, points.xy.astype(np.float64), points.depth)
        steep = np.flatnonzero(facing >= self._parameters.least_facing)
        self.reasons["seen too flatly in the first image"] += len(points) - len(steep)
        return points.take(steep), facing[steep]

    def _facing(
        self, frame: int, xy: npt.NDArray[np.float64], depth: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """(n,): cosine between the surface's normal and the line of sight; 0 where the surface cannot be told.

        A plane's inverse depth is linear along the rays, so slopes between neighbours half a mark away give the normal.
        """
        camera = self._geometry.scene.frames[frame].camera
        step = max(1.0, mark_radius(camera.height) / 2)
        around = [xy + offset for offset in ((step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step))]
        found = self._geometry.point_depth(frame, np.concatenate(around)).depth.astype(np.float64).reshape(4, -1)
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = inverse_depth_slopes(camera, xy, step, 1.0 / found)
        sight = rays(camera, xy)
        inverse = 1.0 / depth
        across = inverse - slopes[:, 0] * sight[:, 0] - slopes[:, 1] * sight[:, 1]
        normal = np.column_stack([slopes, across])
        cosine = inverse / (np.linalg.norm(normal, axis=1) * np.linalg.norm(sight, axis=1))
        return np.where(np.isfinite(cosine), cosine, 0.0)

    def _into(
        self,
        frame: int,
        pairs: npt.NDArray[np.int64],
        seen: Sequence[tuple[DepthPoints, npt.NDArray[np.float64]]],
    ) -> Iterator[Match]:
        """Matches of several first frames in one second frame."""
        parameters, geometry = self._parameters, self._geometry
        camera = geometry.scene.frames[frame].camera
        tried = [self._rng.permutation(len(points)) for points, _ in seen]
        source = np.repeat(np.arange(len(seen)), [len(t) for t in tried])
        index = np.concatenate([*tried, np.zeros(0, dtype=np.int64)])
        if not len(index):
            return
        world = np.concatenate([points.world[t] for (points, _), t in zip(seen, tried, strict=True)])
        instance = np.concatenate([points.instance[t] for (points, _), t in zip(seen, tried, strict=True)])
        xy, depth = project(world, camera)
        band = _CLEARANCE * mark_radius(camera.height)
        inside = (xy >= band).all(axis=1) & (xy[:, 0] < camera.width - band) & (xy[:, 1] < camera.height - band)
        inside &= (depth >= parameters.nearest) & (depth <= parameters.farthest)
        self.reasons["point not in the second image"] += int(np.count_nonzero(~inside))
        kept = _first_few(np.flatnonzero(inside), source, _TRIED_A_PAIR)
        good, error = self._same_surface(frame, xy[kept], depth[kept], instance[kept])
        kept, error = kept[good], error[good]
        facing = self._facing(frame, xy[kept], depth[kept])
        steep = facing >= parameters.least_facing
        self.reasons["seen too flatly in the second image"] += int(np.count_nonzero(~steep))
        kept, facing, error = kept[steep], facing[steep], error[steep]
        turn = _first_few(np.arange(len(kept)), source[kept], _MATCHES_A_PAIR)
        kept, facing, error = kept[turn], facing[turn], error[turn]
        if not len(kept):
            return
        others, why = sample_points(
            geometry,
            frame,
            self._rng,
            candidates=_CANDIDATES_A_FRAME,
            keep=_POINTS_A_FRAME,
            depth_range=parameters.depth_range,
        )
        self.reasons.update(why)
        # Only what the first image may show too: the truth lies where the two overlap, and dots elsewhere would tell.
        seen_by = {pair: self._towards(seen[pair][0].frame, others) for pair in np.unique(source[kept]).tolist()}
        for place, item in enumerate(kept.tolist()):
            points, cosines = seen[source[item]]
            at = int(index[item])
            truth = Option(
                float(xy[item, 0]),
                float(xy[item, 1]),
                float(depth[item]),
                int(instance[item]),
                _triple(world[item]),
                "truth",
            )
            query = _option(points, at, "truth")
            height = geometry.scene.frames[points.frame].camera.height
            level = (query.y + 0.5) / height * camera.height - 0.5
            rank = int(self._rng.integers(_DISTRACTORS + 1))
            distractors = self._distractors(_Question(frame, truth, level, rank), seen_by[source[item]])
            if len(distractors) < _DISTRACTORS:
                self.reasons["too few places for distractors"] += 1
                continue
            yield Match(
                int(pairs[source[item]]),
                query,
                truth,
                tuple(distractors),
                (float(cosines[at]), float(facing[place])),
                float(error[place]),
            )

    def _towards(self, first: int, others: DepthPoints) -> DepthPoints:
        """Those of some points that lie in the first frame's field of view, hidden there or not."""
        camera = self._geometry.scene.frames[first].camera
        xy, depth = project(others.world, camera)
        return others.take(np.flatnonzero(is_inside(xy, camera) & (depth >= self._parameters.nearest)))

    def _same_surface(
        self,
        frame: int,
        xy: npt.NDArray[np.float64],
        depth: npt.NDArray[np.float64],
        instance: npt.NDArray[np.int64],
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
        """(n,): whether the second frame shows these very points, where marks can lie; and their ``_depth_error``."""
        geometry = self._geometry
        verdicts = geometry.mark_verdicts(frame, xy, clearance=_CLEARANCE)
        for verdict, reason in _NO_MATCH.items():
            self.reasons[reason] += int(np.count_nonzero(verdicts == verdict))
        good: npt.NDArray[np.bool_] = verdicts == Verdict.OK
        error = self._depth_error(frame, xy, depth)
        visible = error <= 1
        self.reasons["hidden in the second image"] += int(np.count_nonzero(good & ~visible))
        good &= visible
        if geometry.is_labelled:
            good = good & (geometry.instance_at(frame, xy) == instance)
        if geometry.scene.has_mesh and geometry.scene.frames[frame].has_depth:
            witnessed = geometry.sensor_depth_at(frame, xy) > 0
            self.reasons["mesh alone, the sensor knows nothing there"] += int(np.count_nonzero(good & ~witnessed))
            good &= witnessed
        return good, error

    def _depth_error(
        self, frame: int, xy: npt.NDArray[np.float64], depth: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """(n,): how far points are from what the frame shows there, over the tolerance; inf where that is unknown."""
        agreement = self._geometry.settings.agreement
        # The four pixels around the point: beside a fold or an edge the nearest one may show the right surface by luck.
        around = [xy + offset for offset in ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5))]
        found = self._geometry.point_depth(frame, np.concatenate(around)).depth.astype(np.float64).reshape(4, -1)
        error = np.abs(found - depth).max(axis=0) / np.maximum(agreement.absolute, agreement.relative * depth)
        return np.where(np.isfinite(error), error, np.inf)

    def _distractors(self, question: _Question, others: DepthPoints) -> list[Option]:
        """Three places that are not the truth, none of whose marks touch each other.

        A mark close to the truth would give it away if only the truth had company, so as often a distractor has it.
        """
        kinds = self._parameters.kinds
        truth = question.truth
        chosen: list[Option] = []
        if self._rng.random() < 0.5:
            self._add_company(chosen, question, truth, others)
        else:
            self._add(chosen, question, self._anywhere(others))
            if chosen:
                self._add_company(chosen, question, chosen[0], others)
        if "same_label" in kinds and 0 <= truth.instance < len(self._kin):
            alike = np.isin(others.instance, self._kin[truth.instance]) & (others.instance != truth.instance)
            kin = np.flatnonzero(alike)
            self._add(chosen, question, self._of(others, kin, "same_label"))
        if len(chosen) < _DISTRACTORS and "random" not in kinds:
            # Kinds that depend on the place may be missing there; the others take turns.
            self._add_company(chosen, question, truth, others)
        while len(chosen) < _DISTRACTORS and "random" in kinds:
            if not self._add(chosen, question, self._anywhere(others)):
                break
        return chosen[:_DISTRACTORS]

    def _add_company(self, chosen: list[Option], question: _Question, host: Option, others: DepthPoints) -> None:
        """Add a place beside ``host``, or on its object."""
        kinds = [kind for kind in ("near_miss", "same_object") if kind in self._parameters.kinds]
        for kind in self._rng.permutation(len(kinds)).tolist():
            if kinds[kind] == "near_miss":
                options = self._ring(question.frame, host)
            elif host.instance >= 0:
                same = np.flatnonzero(others.instance == host.instance)
                options = self._of(others, same, "same_object" if host is question.truth else "random")
            else:
                continue
            if self._add(chosen, question, options):
                return

    def _anywhere(self, others: DepthPoints) -> list[Option]:
        return self._of(others, np.arange(len(others)), "random")

    def _of(self, points: DepthPoints, indices: npt.NDArray[np.int64], kind: Kind) -> list[Option]:
        return [_option(points, index, kind) for index in self._rng.permutation(indices).tolist()]

    def _ring(self, frame: int, host: Option) -> list[Option]:
        """Qualifying pixels around a place, just far enough for a mark of their own."""
        camera = self._geometry.scene.frames[frame].camera
        least = self._least_distance(camera.height)
        angle = self._rng.uniform(0, 2 * np.pi, _RING)
        reach = self._rng.uniform(1.05 * least, _RING_REACH * least, _RING)
        xy = np.rint([host.x, host.y] + reach[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]))
        points, _ = legal_points(
            self._geometry, frame, xy.astype(np.int64), self._parameters.depth_range, clearance=_CLEARANCE
        )
        return [
            _option(points, index, "near_miss" if host.kind == "truth" else "random") for index in range(len(points))
        ]

    def _least_distance(self, height: int) -> float:
        return max(self._parameters.least_pixels * height, _APART * mark_radius(height))

    def _add(self, chosen: list[Option], question: _Question, options: Sequence[Option]) -> bool:
        """Add a place that can be told from the truth and touches no other mark; preferably at a height that is due."""
        least = self._least_distance(self._geometry.scene.frames[question.frame].camera.height)
        due = sum(map(question.is_nearer, chosen)) < question.rank
        for option in sorted(options, key=lambda option: question.is_nearer(option) != due):
            clear = all(
                (option.x - other.x) ** 2 + (option.y - other.y) ** 2 >= least * least
                for other in (question.truth, *chosen)
            )
            if clear and distance(option, question.truth) >= self._parameters.least_separation:
                chosen.append(option)
                return True
        return False


def _first_few(indices: npt.NDArray[np.int64], group: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.int64]:
    """At most ``limit`` of the indices in each group, the first ones; ``group`` is of all items, in ascending order."""
    mine = group[indices]
    starts = np.searchsorted(mine, mine)
    return indices[np.arange(len(indices)) - starts < limit]


def _triple(world: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = world.tolist()
    return x, y, z


def _option(points: DepthPoints, index: int, kind: Kind | Literal["truth"]) -> Option:
    x, y = points.xy[index].tolist()
    return Option(
        float(x), float(y), float(points.depth[index]), int(points.instance[index]), _triple(points.world[index]), kind
    )
