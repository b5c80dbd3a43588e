"""How a point of a scene moved between two frames of a video.

Definition: docs/conventions.md, "Motion of points". Source of the task: Multi-SpatialMLLM, arXiv 2505.17015.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ...core.rigid import RIGID_PRESETS
from ...core.types import Fact, Point, PointRef, Scene, Skip, TaskSpec
from ..base import Engine, Parameters, Request
from ..moving_points import Limits, MovedPoints, MovingPoints
from ..sampling import deal, equal_quotas, round_robin, take_least_used

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE"]

_DISTANCE: Final = "object_movement_distance"
_DISPLACEMENT: Final = "object_movement_displacement"
_STILL: Final = "object_movement_still"
_CAMERA_MOVES: Final = 0.01  # metres; as published, for the flags in the evidence
_DECIMALS: Final = 5  # of metres, in the evidence
_BATCH: Final = 100  # pairs of frames looked at before asking whether there are enough
_PLENTY: Final = 4  # candidates for each fact wanted, so that strata and bodies can take turns
_EACH: Final = 8  # candidates of one kind that a pair of frames gives
_MOST_FOR_STRATA: Final = 1000  # frame pairs looked at for the sake of rare distances alone
_MOST_PAIRS: Final = 5000  # frame pairs looked at for the sake of rare motions; more where more facts are wanted


class _Parameters(Parameters):
    least_motion: float = Field(0.05, gt=0, description="metres; from here on a point has moved")
    most_stillness: float = Field(0.01, gt=0, description="metres; up to here a point stands still")
    noise_multiple: float = Field(
        20.0,
        ge=0,
        description="numbers are stated from this many times the tracks' noise on, so that they mean something",
    )
    two_witnesses: bool = Field(True, description="the motion of the point's rigid body must agree with its own")
    rigid: Literal["default", "multispa"] = Field("default", description="how rigid bodies are found, by preset")
    strata: int = Field(10, ge=1, description="equal-width strata of distance that get equal shares of the rows")
    points_per_body: int = Field(200, ge=1, description="points of one rigid body that are asked about, at most")
    pairs_per_stratum: int = Field(
        30, ge=1, description="frame pairs of one point that are considered within one stratum of distance, at most"
    )
    reversed_share: float = Field(0.05, ge=0, le=1, description="share of frame pairs whose later frame is shown first")

    @model_validator(mode="after")
    def _ordered(self) -> _Parameters:
        if self.most_stillness > self.least_motion:
            raise ValueError("most_stillness must not be above least_motion")
        return self

    @property
    def limits(self) -> Limits:
        """What counts as moved and as still."""
        return Limits(self.least_motion, self.most_stillness, self.noise_multiple, self.two_witnesses)


def _spec(name: str, summary: str, answer_type: str, units: tuple[str, ...], text_unit: str) -> TaskSpec:
    return TaskSpec(
        name=name,
        suite="multispa",
        engine="object_movement",
        version="1",
        images=2,
        summary=summary,
        answer_type=answer_type,
        units=units,
        text_unit=text_unit,
        variants=("dot", "coord"),
        forms=("judge" if answer_type == "yesno" else "fill",),
        slots=frozenset({"point"}),
        required_slots=frozenset({"point"}),
        needs=("image", "perspective", "world_tracks"),
    )


_TASKS: Final = (
    _spec(_DISTANCE, "How many millimetres did a marked point move?", "number", ("m",), "mm"),
    _spec(_DISPLACEMENT, "By which vector did a marked point move?", "vector", ("m",), "mm"),
    _spec(_STILL, "Did a marked point move at all?", "yesno", ("bool",), ""),
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One point in one pair of frames."""

    first: int
    second: int
    track: int
    body: int
    distance: float
    body_distance: float
    margin: float
    numeric_margin: float
    rank: float  # its place in a random order that one candidate more or less leaves alone

    @property
    def things(self) -> tuple[Hashable, ...]:
        """What it uses; none of these should dominate, bodies least. Which frame is shown first plays no part."""
        return (self.body, ("track", self.track), ("frame", self.first), ("frame", self.second))


@dataclass(frozen=True, slots=True)
class _Pool:
    """What a scene offers."""

    numeric: list[_Candidate]
    couples: list[tuple[_Candidate, _Candidate]]  # one that moved and one that did not, in the same pair of frames
    reasons: Counter[str]


class ObjectMovement(Engine):
    """States how a tracked point moved in the world between two frames, whatever the camera did meanwhile."""

    name: ClassVar[str] = "object_movement"
    suite: ClassVar[str] = "multispa"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = _Parameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "multispa": {
            "least_motion": 0.01,
            "most_stillness": 0.01,
            "noise_multiple": 0.0,
            "two_witnesses": False,
            "rigid": "multispa",
            "strata": 10,
            "points_per_body": 15,
            "pairs_per_stratum": 30,
            "reversed_share": 0.05,
        }
    }
    tasks: ClassVar[tuple[TaskSpec, ...]] = _TASKS

    def state(
        self,
        scene: Scene,
        geometry: SceneGeometry,  # noqa: ARG002 - everything follows from tracks and cameras
        request: Request,
        rng: np.random.Generator,
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, _Parameters)
        assert scene.tracks is not None
        steps = {frame.track_step for frame in scene.frames} - {None}
        if len(steps) < 2:
            yield from (Skip(task, "fewer than two moments of the tracks have a frame") for task in request.tasks)
            return
        points = MovingPoints(scene, RIGID_PRESETS[parameters.rigid], parameters.limits)
        pool = _gather(points, parameters, request.limit, rng)
        for task in request.tasks:
            chosen: list[tuple[_Candidate, int | None]]
            variants = request.variants[task]
            form = request.forms[task][0]
            if task == _STILL:
                chosen = _moved_and_still(pool.couples, request.limit, scene.id)
                dealt = deal(len(chosen), [2, len(variants)], scene.id, task)[:, 1]
            else:
                numeric = _spread(pool.numeric, request.limit, parameters, scene.id, task)
                chosen = [(candidate, None) for candidate in numeric]
                dealt = deal(len(chosen), [len(variants)], scene.id, task)[:, 0]
            for (candidate, answer), variant in zip(chosen, dealt.tolist(), strict=True):
                yield _fact(points, parameters, task, candidate, answer, variants[variant], form)
            if not chosen:
                missing = "moves and none stands still" if task == _STILL and pool.numeric else "moves far enough"
                yield Skip(task, f"no visible point {missing}")
            for reason, count in sorted(pool.reasons.items()):
                if count:
                    yield Skip(task, reason, count)


def _gather(points: MovingPoints, parameters: _Parameters, limit: int, rng: np.random.Generator) -> _Pool:
    """Candidates from random pairs of frames, until there are plenty of every kind."""
    asked = _asked(points, parameters.points_per_body, rng)
    pool = _Pool([], [], Counter())
    wanted = _PLENTY * limit
    pairs = _pairs(points, max(_MOST_PAIRS, wanted), parameters.reversed_share, rng)
    each = max(_EACH, math.ceil(wanted / max(len(pairs), 1)))
    for done, (first, second) in enumerate(pairs):
        if done % _BATCH == 0 and 2 * len(pool.couples) >= wanted and len(pool.numeric) >= wanted:
            strata = np.bincount(_strata(pool.numeric, parameters.strata), minlength=parameters.strata)
            if done >= _MOST_FOR_STRATA or strata.min() * parameters.strata >= limit:
                break
        found = points.compare(first, second, asked)
        rank = rng.random(len(asked))[found.track]
        moved = _taken(points, found, found.moved, rank, first, second, each)
        # Points that rest on something that moves at other times come first: else "on the floor" would mean "no".
        movable = points.groups.group[found.track] != points.groups.still
        still = _taken(points, found, found.still & movable, rank, first, second, each)
        if len(still) < min(each, len(moved)):
            fixed = _taken(points, found, found.still & ~movable, rank, first, second, each - len(still))
            still = [*still, *fixed]
        pool.numeric.extend(_taken(points, found, found.numeric, rank, first, second, each))
        pool.couples.extend(zip(moved, still, strict=False))
        pool.reasons["no point that moved to set against a still one"] += max(0, len(still) - len(moved))
        pool.reasons["no still point to set against one that moved"] += max(0, len(moved) - len(still))
    pool.reasons.update(points.reasons)
    return pool


def _taken(
    points: MovingPoints,
    found: MovedPoints,
    which: npt.NDArray[np.bool_],
    rank: npt.NDArray[np.float64],
    first: int,
    second: int,
    most: int,
) -> list[_Candidate]:
    """At most so many of these points of a pair of frames, bodies taking turns."""
    places = np.flatnonzero(which)
    places = places[np.argsort(rank[places])]
    if len(places) > most:
        places = places[round_robin(points.groups.group[found.track[places]], most)]
    track = found.track[places]
    columns = (track, points.groups.group[track], found.distance[places], found.body_distance[places])
    more = (found.margin[places], found.numeric_margin[places], rank[places])
    rows = zip(*(column.tolist() for column in (*columns, *more)), strict=True)
    return [_Candidate(first, second, *row) for row in rows]


def _asked(points: MovingPoints, most: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(n,): at most so many points of each body; points of none are bodies of their own."""
    order = rng.permutation(points.steady.shape[1])
    asked = np.zeros(len(order), dtype=np.bool_)
    group = points.groups.group
    seen = np.zeros(len(order), dtype=np.int64)
    for frame in points.frames:
        seen += points.steady[points.step(frame)]
    order = order[seen[order] >= 2]
    for body in range(len(points.groups.sizes)):
        asked[order[group[order] == body][:most]] = True
    if not points.limits.two_witnesses:
        return asked  # as published: what belongs to no rigid group is not asked about
    asked[order[group[order] < 0]] = True
    return asked


def _pairs(points: MovingPoints, most: int, reversed_share: float, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of frames of different moments in random order, a share of them with the later one first."""
    frames = np.array(sorted(points.frames, key=points.step))
    count = len(frames)
    total = count * (count - 1) // 2
    if total <= 4 * most:
        a, b = np.triu_indices(count, 1)
        chosen = rng.permutation(total)[:most]
        a, b = a[chosen], b[chosen]
    else:
        drawn = rng.integers(0, count, (2 * most, 2))
        drawn = np.sort(drawn[drawn[:, 0] != drawn[:, 1]], axis=1)
        drawn = drawn[np.sort(np.unique(drawn, axis=0, return_index=True)[1])][:most]
        a, b = drawn[:, 0], drawn[:, 1]
    step = np.array([points.step(int(frame)) for frame in frames])
    apart = step[a] != step[b]
    a, b = frames[a[apart]], frames[b[apart]]
    # Evenly through the list, so that the share holds however much of it is used.
    turn = np.floor(np.arange(1, len(a) + 1) * reversed_share) > np.floor(np.arange(len(a)) * reversed_share)
    return list(zip(np.where(turn, b, a).tolist(), np.where(turn, a, b).tolist(), strict=True))


def _strata(pool: list[_Candidate], strata: int) -> npt.NDArray[np.int64]:
    """The stratum of each candidate's distance; strata are equally wide."""
    distance = np.array([candidate.distance for candidate in pool])
    edges = np.linspace(distance.min(), distance.max(), strata + 1)[1:-1]
    return np.searchsorted(edges, distance, side="right")


def _spread(pool: list[_Candidate], limit: int, parameters: _Parameters, *key: str) -> list[_Candidate]:
    """At most ``limit`` candidates: equal shares of the strata of distance, bodies and points taking turns."""
    if not pool:
        return []
    stratum = _strata(pool, parameters.strata)
    members: list[list[int]] = [[] for _ in range(parameters.strata)]
    held: Counter[tuple[int, int]] = Counter()
    for index in sorted(range(len(pool)), key=lambda index: pool[index].rank):
        place = (pool[index].track, int(stratum[index]))
        if held[place] < parameters.pairs_per_stratum:
            held[place] += 1
            members[stratum[index]].append(index)
    quotas = equal_quotas([len(group) for group in members], limit, *key)
    uses: Counter[Hashable] = Counter()
    chosen: list[int] = []
    for quota, group in sorted(zip(quotas, members, strict=True), key=lambda pair: len(pair[1])):
        taken = take_least_used([pool[index].things for index in group], quota, uses)
        chosen.extend(group[index] for index in taken)
    return sorted((pool[index] for index in chosen), key=lambda candidate: candidate.rank)


def _moved_and_still(
    couples: list[tuple[_Candidate, _Candidate]], limit: int, scene_id: str
) -> list[tuple[_Candidate, int | None]]:
    """At most ``limit`` candidates with the index of their answer, as many that moved as not.

    Both answers come from the same pairs of frames, so that neither the time between them nor the camera's motion tells
    which is true.
    """
    # The odd row's answer depends on the scene's id alone.
    answers = deal(min(limit, 2 * len(couples)), [2], scene_id, _STILL)[:, 0].tolist()
    things = [(*moved.things, ("track", still.track)) for moved, still in couples]
    taken = take_least_used(things, math.ceil(len(answers) / 2), Counter())
    sides = [iter([couples[index][side] for index in taken]) for side in (0, 1)]
    return [(next(sides[answer]), answer) for answer in answers]


def _fact(
    points: MovingPoints,
    parameters: _Parameters,
    task: str,
    candidate: _Candidate,
    answer: int | None,
    variant: str,
    form: str,
) -> Fact:
    """The fact about one candidate."""
    scene, track = points.scene, candidate.track
    first, second = scene.frames[candidate.first].camera, scene.frames[candidate.second].camera
    start = points.tracks.points[points.step(candidate.first), track]
    end = points.tracks.points[points.step(candidate.second), track]
    _, xy, depth = points.seen(candidate.first)
    displacement = first.camera_to_world[:3, :3].T @ (end - start)
    value: tuple[float, ...] = (candidate.distance,)
    if task == _DISPLACEMENT:
        value = tuple(displacement.tolist())
    elif task == _STILL:
        assert answer is not None
        value = (1.0 - answer,)
    camera_motion = float(np.linalg.norm(second.centre - first.centre))
    body_distance = candidate.body_distance
    return Fact(
        task=task,
        frames=(candidate.first, candidate.second),
        variant=variant,
        form=form,
        value=value,
        points=(Point(0, float(xy[track, 0]), float(xy[track, 1]), float(depth[track]), label="A", role="target"),),
        options=("Yes", "No") if task == _STILL else (),
        answer_index=answer,
        slots={"point": PointRef(0)},
        evidence={
            "tracks": [
                {
                    "track_index": track,
                    "xyz_1": np.round(start, _DECIMALS).tolist(),
                    "xyz_2": np.round(end, _DECIMALS).tolist(),
                    "has_extrinsics": points.tracks.has_extrinsics,
                }
            ],
            "group": candidate.body,
            "group_size": int(points.groups.sizes[candidate.body]) if candidate.body >= 0 else 1,
            "distance": round(candidate.distance, _DECIMALS),
            "group_distance": None if math.isnan(body_distance) else round(body_distance, _DECIMALS),
            "noise_m": round(points.groups.noise, _DECIMALS),
            "point_moving": candidate.distance >= _CAMERA_MOVES,
            "cam_moving": camera_motion >= _CAMERA_MOVES,
            "camera_distance": round(camera_motion, _DECIMALS),
            "steps": [points.step(candidate.first), points.step(candidate.second)],
            "thresholds": {
                "least_motion_m": parameters.least_motion,
                "most_stillness_m": parameters.most_stillness,
                "noise_multiple": parameters.noise_multiple,
                "two_witnesses": parameters.two_witnesses,
                "rigid": parameters.rigid,
            },
        },
        margin=candidate.margin if task == _STILL else candidate.numeric_margin,
    )


ENGINE: Final = ObjectMovement()
