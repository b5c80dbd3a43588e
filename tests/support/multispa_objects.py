"""The independent witness of object sizes: an own box, own visible extents, names held against ray-cast pictures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from spatialgen.core import labels

from .multispa_oracle import Room, Verdict, frames_of, says_number

SAMPLES = 40_000
COVERED, UNCOVERED = 0.88, 0.92
"""A set of frames shows 90 % of an extent and loses it without any of its frames; both with room for sampling."""
SLIVER = 0.01
"""A frame is one too many only if the others show the side by more than a stray sample through a gap."""
NEARLY_SMALLEST = 1.01
"""A box that is this close to the smallest may be the smallest of other samples."""


Side = tuple[np.ndarray, float, float]
"""An axis (3,), and the low and high end of an object along it, metres."""


@dataclass(frozen=True)
class Solid:
    """One object's surface and its boxes.

    Attributes:
        samples: (n, 3) metres, spread evenly over the surface, without loose parts.
        angles: radians about the vertical, of every nearly smallest box, the smallest first.
    """

    samples: np.ndarray
    angles: list[float]
    _sides: dict[str, list[Side]] = field(default_factory=dict)

    def sides(self, task: str) -> list[Side]:
        """What a task asks for, one a possible box, the likeliest first.

        Round and square things have many smallest boxes, and either side of a square may be called its length: each
        is as good as the others.
        """
        if task not in self._sides:
            if task == "object_height":
                self._sides[task] = [self._side(np.array([0.0, 0, 1]))]
            else:
                found = []
                for angle in self.angles:
                    pair = sorted(map(self._side, _axes(angle)), key=_length, reverse=task == "object_length")
                    alike = abs(_length(pair[0]) - _length(pair[1])) <= 0.02 * _length(pair[0])
                    found += pair if alike else pair[:1]
                self._sides[task] = found
        return self._sides[task]

    def _side(self, axis: np.ndarray) -> Side:
        low, high = np.percentile(self.samples @ axis, (0.5, 99.5))
        return axis, float(low), float(high)

    def stray(self, side: Side) -> float:
        """By which share the untrimmed extent is larger."""
        return float(np.ptp(self.samples @ side[0]) / (side[2] - side[1]) - 1)


def solid(room: Room, instance: int) -> Solid:
    """The box of an object by definition: samples even over the surface, loose parts dropped, 0.5 to 99.5 %."""
    faces = room.faces[(room.vertex_instance[room.faces] == instance).sum(1) >= 2].astype(np.int64)
    faces = _without_loose_parts(room.vertices, faces)
    samples = spread(room.vertices.astype(np.float64), faces, np.random.default_rng(instance))
    coarse = np.radians(np.arange(0, 90, 1.0))
    best = min(coarse, key=lambda angle: _area(samples, angle))
    fine = best + np.radians(np.arange(-1, 1.01, 0.1))
    angles = sorted([*coarse, *fine], key=lambda angle: _area(samples, angle))
    angles = [angle for angle in angles if _area(samples, angle) <= NEARLY_SMALLEST * _area(samples, angles[0])]
    return Solid(samples, angles)


def _length(side: Side) -> float:
    return side[2] - side[1]


def _axes(angle: float) -> np.ndarray:
    return np.array([[math.cos(angle), math.sin(angle), 0], [-math.sin(angle), math.cos(angle), 0]])


def _area(samples: np.ndarray, angle: float) -> float:
    """Of the rectangle around all samples at an angle."""
    along, across = _axes(angle) @ samples.T
    return float(np.ptp(along) * np.ptp(across))


def _areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def _without_loose_parts(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Faces of components that hold at least 2 % of the area; corners at one place are one corner."""
    _, welded = np.unique(np.round(vertices[faces].reshape(-1, 3), 4), axis=0, return_inverse=True)
    corner = welded.reshape(-1, 3)
    pairs = np.concatenate([corner[:, :2], corner[:, 1:]])
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(corner.max() + 1,) * 2)
    _, component = connected_components(graph, directed=False)
    part = component[corner[:, 0]]
    share = np.bincount(part, _areas(vertices, faces)) / _areas(vertices, faces).sum()
    return faces[share[part] >= 0.02]


def spread(vertices: np.ndarray, faces: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Samples at equal steps of area, at random within their triangle."""
    total = np.cumsum(_areas(vertices, faces))
    at = (np.arange(SAMPLES) + rng.random(SAMPLES)) / SAMPLES * total[-1]
    face = faces[np.minimum(np.searchsorted(total, at), len(faces) - 1)]
    u, v = rng.random((2, SAMPLES))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    a, b, c = (vertices[face[:, k]] for k in range(3))
    return a + u[:, None] * (b - a) + v[:, None] * (c - a)


class Solids:
    """The objects of a room and where frames show them, each made once."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self._solids: dict[int, Solid] = {}
        self._seen: dict[tuple[int, int], np.ndarray] = {}

    def __getitem__(self, instance: int) -> Solid:
        if instance not in self._solids:
            self._solids[instance] = solid(self.room, instance)
        return self._solids[instance]

    def seen(self, instance: int, frame: int) -> np.ndarray:
        """Every fifth sample: whether a frame shows it."""
        key = (instance, frame)
        if key not in self._seen:
            self._seen[key] = self.room.sees(frame, self[instance].samples[::5])
        return self._seen[key]

    def ends(self, instance: int, frame: int, side: Side) -> tuple[float, float]:
        """The outermost places (metres along a side) a frame shows, within the side; empty as (high, low)."""
        axis, low, high = side
        along = (self[instance].samples[::5] @ axis)[self.seen(instance, frame)]
        return (float(along.min(initial=high)), float(along.max(initial=low)))

    def covered(self, instance: int, frames: Sequence[int], side: Side, sliver: float = 0.0) -> float:
        """Share of a side between the outermost samples that the frames show together.

        Args:
            instance: the object.
            frames: their numbers.
            side: of the object.
            sliver: share of the seen samples at either end that nobody would notice.
        """
        axis, low, high = side
        seen = np.any([self.seen(instance, frame) for frame in frames], axis=0) if len(frames) else np.zeros(0, bool)
        if not seen.any():
            return 0.0
        along = np.clip(self[instance].samples[::5][seen] @ axis, low, high)
        first, last = np.quantile(along, (sliver, 1 - sliver))
        return float(last - first) / (high - low)

    def minimal_sets(self, instance: int, frames: Sequence[int], side: Side, share: float) -> set[frozenset[int]]:
        """By trying every subset of at most five: those that cover, and no subset of which does."""
        _, low, high = side
        ends = {frame: self.ends(instance, frame, side) for frame in frames}
        found: set[frozenset[int]] = set()
        for size in range(1, 6):
            for some in itertools.combinations(frames, size):
                first, last = min(ends[f][0] for f in some), max(ends[f][1] for f in some)
                if min(last, high) - max(first, low) >= share * (high - low):
                    chosen = frozenset(some)
                    if not any(smaller <= chosen for smaller in found):
                        found.add(chosen)
        return found


def solids_of(room: Room) -> Solids:
    """The solids that belong to a room."""
    if not hasattr(room, "solids"):
        room.solids = Solids(room)  # type: ignore[attr-defined]
    return room.solids  # type: ignore[attr-defined,no-any-return]


def judge_size(room: Room, row: Mapping[str, Any]) -> Verdict:
    """Value, visible extent, minimality and pointing of one row of object_height, object_length, object_width."""
    verdict = Verdict()
    solids, frames = solids_of(room), frames_of(row)
    (instance,) = {int(one["instance_id"]) for one in (*row["objects"], *row["boxes"], *row["points"])}
    thing = solids[instance]
    (value,) = row["value"]
    sides = thing.sides(row["task"])
    side = next((side for side in sides if not _side_faults(solids, instance, frames, value, side)), sides[0])
    verdict.faults += _side_faults(solids, instance, frames, value, side)
    verdict.measures["value_error"] = abs(value - _length(side))
    verdict.measures["covered"] = solids.covered(instance, frames, side)
    verdict.measures["stray"] = thing.stray(side)
    verdict.need(thing.stray(side) <= 0.10 + 0.01, f"trimming takes {thing.stray(side):.3f} of the extent")
    verdict.need(len(set(frames)) == len(frames) <= 5, f"frames {frames}")
    verdict.need(row["units"] == ["m"], f"units {row['units']}")
    verdict.need(not labels.is_structural(room.labels[instance]), "a structural label")
    says_number(verdict, row, value, 1000)
    {"name": _judge_name, "box": _judge_box, "dot": _judge_dot}[row["variant"]](verdict, room, row, instance)
    return verdict


def _side_faults(solids: Solids, instance: int, frames: Sequence[int], value: float, side: Side) -> list[str]:
    """What is wrong if this side of the object is meant: its size, what the frames show of it, a frame too many."""
    true = _length(side)
    faults = []
    if abs(value - true) > max(0.01, 0.02 * true):
        faults.append(f"{value:.4f} m, truth {true:.4f}")
    if (covered := solids.covered(instance, frames, side)) < COVERED:
        faults.append(f"frames show {covered:.3f} of the extent")
    for left_out in frames:
        rest = solids.covered(instance, [frame for frame in frames if frame != left_out], side, SLIVER)
        if rest >= UNCOVERED:
            faults.append(f"{rest:.3f} is shown without frame {left_out}")
    return faults


def _judge_name(verdict: Verdict, room: Room, row: Mapping[str, Any], instance: int) -> None:
    """No other thing that may go by the name is seen in any frame."""
    label = room.labels[instance]
    alike = [k for k, name in room.labels.items() if k != instance and labels.clean(name) in labels.synonyms(label)]
    for frame in frames_of(row):
        count = np.bincount(room.instance_map(frame).ravel() + 1, minlength=max(room.labels) + 2)[1:]
        verdict.need(count[instance] >= 20, f"{count[instance]} px of the object in frame {frame}")
        for other in alike:
            verdict.need(count[other] < 20, f"{count[other]} px of another {room.labels[other]!r} in frame {frame}")
    (target,) = row["objects"]
    verdict.need(target["role"] == "target" and target["label"] == labels.clean(label), f"object {target}")
    verdict.need(labels.clean(label) in row["question"].casefold(), f"question {row['question']!r} lacks {label!r}")


def _judge_box(verdict: Verdict, room: Room, row: Mapping[str, Any], instance: int) -> None:
    """Each box is the tight one around what its image shows of the object."""
    verdict.need(row["boxes"], "no box")
    for box in row["boxes"]:
        picture = room.instance_map(frames_of(row)[box["image"]])
        scale = room.width / picture.shape[1]
        v, u = np.nonzero(picture == instance)
        if len(u) == 0:
            verdict.faults.append(f"a box in image {box['image']}, which does not show the object")
            continue
        true = np.array([u.min(), v.min(), u.max() + 1, v.max() + 1]) * scale - 0.5
        stated = np.array([box[side] for side in ("x1", "y1", "x2", "y2")])
        verdict.measures["box_error"] = max(verdict.measures.get("box_error", 0.0), float(np.abs(stated - true).max()))
        verdict.need(
            np.abs(stated - true).max() <= 2 * scale + 1,
            f"box {stated.round(1).tolist()}, truth {true.round(1).tolist()}",
        )


def _judge_dot(verdict: Verdict, room: Room, row: Mapping[str, Any], instance: int) -> None:
    """Each dot lies on the object."""
    verdict.need(row["points"], "no dot")
    for point in row["points"]:
        _, triangle = room.cast(frames_of(row)[point["image"]], np.array([[point["x"], point["y"]]]))
        owner = int(room.owner(triangle)[0])
        verdict.need(owner == instance, f"the dot in image {point['image']} lies on {room.labels.get(owner)!r}")
