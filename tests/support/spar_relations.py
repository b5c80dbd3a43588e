"""The independent witness of relations in three words: closed forms over samples of true surfaces, and true centres.

Written from docs/conventions.md ("Relation triples", "Relations of marked objects") and SPAR's task table. What lies
within ``slack`` of a threshold may be said or left out; everything else must be as the witness has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .mosaic_oracle import Stage
from .multispa_objects import spread
from .multispa_oracle import elevation, levelled
from .spar_boxes import StatedRoom
from .spar_relation_words import BETWEEN, TO_OBSERVER, phrases_in, signs_of_option
from .spar_rows import COLORS, SparReading

THRESHOLDS: Mapping[str, Mapping[str, float]] = {
    "intervals": {"relation_tail": 0.02, "relation_gap_m": 0.10, "relation_gap_share": 0.05},
    "centres": {
        "centre_gap_m": 0.20,
        "centre_gap_share": 0.10,
        "centre_angle_deg": 10.0,
        "centre_gap_ahead_m": 0.30,
    },
}
"""The two rules; the second is that of the preset ``spar``."""
MOST_ELEVATION = 60.0
CLEAN_SLACK, NOISY_SLACK = 0.005, 0.06
"""Metres."""
CLEAN_TIE, NOISY_TIE = 0.25, 6.0
"""Native pixels within which the order of two centres in an image may be either."""

SIDES = np.array(
    [
        *([0, 1, 3], [0, 3, 2], [4, 5, 7], [4, 7, 6], [0, 1, 5], [0, 5, 4]),
        *([2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 3, 7], [1, 7, 5]),
    ]
)
"""Two triangles a side of a box whose corners are counted in binary, x first."""

SAME_CENTRE = 0.003
"""Metres."""

Allowed = tuple[frozenset[int], ...]
"""Of each axis, the signs that may be stated: one, or 0 and another at a threshold."""


@dataclass(frozen=True)
class Eye:
    """Somebody upright, in a world with z up.

    Attributes:
        position: (3,) metres.
        forward: (2,) horizontal unit vector.
    """

    position: np.ndarray
    forward: np.ndarray

    def local(self, points: np.ndarray) -> np.ndarray:
        """(n, 3): world points (n, 3) as metres to the right, up and ahead."""
        x, y, z = (points - self.position).T
        ahead_x, ahead_y = self.forward
        return np.stack([x * ahead_y - y * ahead_x, z, x * ahead_x + y * ahead_y], axis=1)


def camera_eye(stage: Stage, frame: int) -> Eye | None:
    """A frame's camera held level; None where it looks too steeply up or down."""
    pose = stage.room.camera_to_world[frame]
    if abs(elevation(pose)) > MOST_ELEVATION:
        return None
    return Eye(pose[:3, 3], levelled(pose)[:2, 2])


def imagined_eyes(reading: SparReading, observer: int, facing: int) -> list[Eye]:
    """At an object's centre, turned level to another's: one for every two places that their centres may have."""
    found = []
    for here in _centres(reading, observer):
        for there in _centres(reading, facing):
            way = (there - here)[:2]
            found.append(Eye(here, way / math.hypot(*way)))
    return found


def _centres(reading: SparReading, instance: int) -> list[np.ndarray]:
    """Centres of the boxes that may be an object's, the likeliest first; those that are as good as one are one."""
    found: list[np.ndarray] = []
    for box in reading.boxes_of(instance):
        if all(np.linalg.norm(box.centre - other) > SAME_CENTRE for other in found):
            found.append(box.centre)
    return found


# ---- what holds


def allowed_signs(
    reading: SparReading, eye: Eye, target: int, reference: int | None, *, image: int | None = None
) -> Allowed:
    """What may be said of a target and a reference, or the observer where there is none.

    Args:
        reading: of the row.
        eye: who looks.
        target: an object.
        reference: another, or None.
        image: that shows both, so that their order in it must agree; None where none does.
    """
    rule = str(reading.evidence["thresholds"]["relation_rule"])
    axes = TO_OBSERVER if reference is None else BETWEEN
    centre = reading.centre(target)
    other = eye.position if reference is None else reading.centre(reference)
    apart = float(np.linalg.norm(centre - other))
    near = slack(reading) + sum(_wobble(reading, one) for one in (target, reference) if one is not None)
    mine = _ends(reading, eye, target, rule)
    theirs = dict.fromkeys(axes, (0.0, 0.0)) if reference is None else _ends(reading, eye, reference, rule)
    order: dict[str, float] = {}
    if image is not None and reference is not None:
        first, second = reading.stage.room.project(
            reading.frames[image], np.stack([centre, other]), reading.stage.room.intrinsics
        )[0]
        order = {"right": first[0] - second[0], "up": second[1] - first[1]}
    found = []
    for axis in axes:
        above, below = mine[axis][0] - theirs[axis][1], theirs[axis][0] - mine[axis][1]
        sign, gap = (1, above) if above >= below else (-1, below)
        beyond = gap - _limit(rule, axis, apart)
        signs = {0} if beyond < -near else {sign} if beyond > near else {0, sign}
        if axis in order and sign * order[axis] < _tie(reading):
            signs = {0} if sign * order[axis] < -_tie(reading) else signs | {0}
        found.append(frozenset(signs))
    return tuple(found)


def either(found: Sequence[Allowed]) -> Allowed:
    """What may be said if any of several views may be the true one."""
    return tuple(frozenset[int]().union(*some) for some in zip(*found, strict=True))


def slack(reading: SparReading) -> float:
    """Metres by which the product's samples, or the scan's noise, may move a difference."""
    return NOISY_SLACK if reading.noisy else CLEAN_SLACK


def _tie(reading: SparReading) -> float:
    return NOISY_TIE if reading.noisy else CLEAN_TIE


def _wobble(reading: SparReading, instance: int) -> float:
    """Metres between the centres of an object's boxes, where several may be its own (round and square things)."""
    first, *others = _centres(reading, instance)
    return max((float(np.linalg.norm(other - first)) for other in others), default=0.0)


def _limit(rule: str, axis: str, apart: float) -> float:
    """Metres that a difference must reach, of objects (or an object and the observer) this far apart."""
    if rule == "intervals":
        return max(0.10, 0.05 * apart)
    return max(0.30 if axis == "forward" else 0.20, 0.10 * apart, math.sin(math.radians(10)) * apart)


def _ends(reading: SparReading, eye: Eye, instance: int, rule: str) -> dict[str, tuple[float, float]]:
    """By axis, between which metres an object lies: 2 to 98 % of its surface, or its centre alone."""
    key = "ends", rule, instance, *eye.position.round(6).tolist(), *eye.forward.round(9).tolist()
    kept = reading.stage.kept
    if key not in kept:
        points = surface(reading.stage, instance) if rule == "intervals" else reading.centre(instance)[None]
        local = eye.local(points)
        values = np.column_stack([local, np.linalg.norm(points - eye.position, axis=1)])
        low, high = np.percentile(values, (2, 98), axis=0).tolist()
        kept[key] = dict(zip((*TO_OBSERVER, "distance"), zip(low, high, strict=True), strict=True))
    found: dict[str, tuple[float, float]] = kept[key]
    return found


def surface(stage: Stage, instance: int) -> np.ndarray:
    """(n, 3): places spread evenly over an object's surface, or over the stated box of one without."""
    if not isinstance(stage.room, StatedRoom):
        return stage.samples(instance)
    kept = stage.kept.setdefault("stated_surfaces", {})
    if instance not in kept:
        corners = stage.room.stated[instance]
        kept[instance] = spread(corners, SIDES, np.random.default_rng([instance, 9]))
    return np.asarray(kept[instance])


def seen_by_first_camera(reading: SparReading, target: int, reference: int | None) -> Allowed | None:
    """What may be said of the view of the first image's camera, held level; None where it has no heading.

    Where the image shows both objects their order in it counts; where it shows one of them by a trace only, nothing
    may be asked that this would change.
    """
    eye = camera_eye(reading.stage, reading.frames[0])
    if eye is None:
        return None
    free = allowed_signs(reading, eye, target, reference)
    if reference is None:
        return free
    shown = [_shown(reading, instance) for instance in (target, reference)]
    bound = allowed_signs(reading, eye, target, reference, image=0) if min(map(max, shown)) else free
    if min(map(min, shown)) == 2:
        return bound
    if min(map(max, shown)) == 0:
        return free
    if min(map(min, shown)) == 0 and min(map(max, shown)) == 2:  # at the edge of both
        return either([free, bound])
    same = [a & b for a, b in zip(free, bound, strict=True)]
    reading.need(all(same), "a trace of an object in the first image decides what is said")
    return tuple(map(frozenset, same))


def _shown(reading: SparReading, instance: int) -> set[int]:
    """How much the first image shows of an object: 0 nothing, 1 a trace, 2 enough; two of them at an edge."""
    view = reading.view(0, instance)
    levels = {"hidden": 0, "grey": 1, "partial": 2, "clear": 2}
    if reading.noisy:
        return {levels[state] for state in levels if view.may_be(state)} | _near(view.visible_px)
    return {levels[state] for state in levels if view.may_be(state)}


def _near(pixels: int) -> set[int]:
    """Levels that a scan a few pixels off might show."""
    return {0 if p < 20 else 1 if p <= 200 else 2 for p in (0.7 * pixels - 10, pixels, 1.4 * pixels + 10)}


# ---- what is said


def need_signs(reading: SparReading, what: str, said: Sequence[float], allowed: Allowed) -> None:
    """A triple says what it may, and something at all."""
    told = tuple(int(sign) for sign in said)
    reading.need(any(told), f"{what}: nothing is said")
    reading.need(
        len(told) == len(allowed) and all(sign in some for sign, some in zip(told, allowed, strict=True)),
        f"{what}: {told}, truth {[sorted(some) for some in allowed]}",
    )


def need_options(reading: SparReading, axes: Sequence[str], allowed: Allowed) -> None:
    """Of four options exactly the answer holds; every other is strictly false, whatever undecided axes are."""
    row = reading.row
    reading.need(len(row["options"]) == 4, f"{len(row['options'])} options")
    true = signs_of_option(row["options"][row["answer_index"]], axes)
    reading.need(true == tuple(map(int, row["value"])), f"option {true}, value {row['value']}")
    for index, option in enumerate(row["options"]):
        said = signs_of_option(option, axes)
        is_false = any(sign and -sign in some and sign not in some for sign, some in zip(said, allowed, strict=True))
        is_true = any(said) and all(not sign or sign in some for sign, some in zip(said, allowed, strict=True))
        if index == row["answer_index"]:
            reading.need(is_true, f"the answer {option!r} does not hold: {[sorted(some) for some in allowed]}")
        else:
            reading.need(is_false, f"option {option!r} may be true: {[sorted(some) for some in allowed]}")
            reading.need(
                [sign == 0 for sign in said] == [sign == 0 for sign in true], f"option {option!r} leaves other slots"
            )


def need_thresholds(reading: SparReading) -> None:
    """The numbers of the rule in force are the documented ones."""
    told = reading.evidence["thresholds"]
    rule = {"default": "intervals", "spar": "centres"}[reading.preset]
    reading.need(told["relation_rule"] == rule, f"rule {told['relation_rule']}")
    for name, value in THRESHOLDS[told["relation_rule"]].items():
        reading.need(told[name] == value, f"threshold {name} = {told[name]}")
    if reading.preset == "spar" and not reading.is_stated:
        for one in reading.row["objects"]:
            _need_even(reading, int(one["instance_id"]))


def _need_even(reading: SparReading, instance: int) -> None:
    """The preset ``spar`` refuses objects whose mean vertex is a fifth of the box's diagonal from its centre."""
    room, box = reading.stage.room, reading.box_of(instance)
    mean = room.vertices[room.vertex_instance == instance].mean(axis=0)
    shift = np.linalg.norm(mean - box.centre) / np.linalg.norm(box.size)
    reading.need(shift <= 0.20 + 0.03 * (1 + reading.noisy), f"vertices of object {instance} are {shift:.2f} off")


# ---- the tasks


def judge_relation(reading: SparReading) -> None:
    """A row of ``obj_spatial_relation_*``: two objects for the first camera, or one object and the camera."""
    need_thresholds(reading)
    target, *others = reading.objects("target") + reading.objects("reference")
    reference = others[0] if others else None
    is_related = "_oo" in str(reading.row["task"])
    reading.need(is_related == (reference is not None), "objects for the wrong task")
    _need_colors(reading)
    axes = BETWEEN if is_related else TO_OBSERVER
    allowed = seen_by_first_camera(reading, target, reference)
    if allowed is None:
        reading.need(False, "the first camera has no heading")
        return
    kept = reading.evidence["relations"]["axes"]
    reading.need([one["axis"] for one in kept] == list(axes), f"axes {[one['axis'] for one in kept]}")
    need_signs(reading, "evidence", [one["sign"] for one in kept], allowed)
    row = reading.row
    if row["form"] == "judge":
        _judge_statement(reading, axes, allowed)
        return
    need_signs(reading, "value", row["value"], allowed)
    if row["form"] == "select":
        need_options(reading, axes, allowed)
        return
    said = phrases_in(row["answer"], axes)
    reading.need(
        [signs for _, signs in said] == [tuple(map(int, row["value"]))], f"answer {row['answer']!r}, {row['value']}"
    )
    reading.need(
        signs_of_option(row["answer_short"], axes) == tuple(map(int, row["value"])), f"short {row['answer_short']!r}"
    )


def _judge_statement(reading: SparReading, axes: Sequence[str], allowed: Allowed) -> None:
    """Yes to a statement of which every word holds, no to one of which exactly one does not; all that is decided."""
    row = reading.row
    statement = row["question"].partition("\n")[0]
    said = phrases_in(statement, axes)
    if len(said) != 1:
        reading.need(False, f"{len(said)} relations in {statement!r}")
        return
    signs = said[0][1]
    holds = [sign in some for sign, some in zip(signs, allowed, strict=True) if sign]
    fails = [sign not in some and -sign in some for sign, some in zip(signs, allowed, strict=True) if sign]
    truth = row["value"] == [1.0]
    reading.need(any(signs), "a statement without words")
    reading.need(
        all(holds) if truth else sum(fails) == 1 and sum(holds) >= len(holds) - 1,
        f"{row['answer']!r} to {statement!r}, truth {[sorted(some) for some in allowed]}",
    )
    reading.need(
        all(sign or 0 in some for sign, some in zip(signs, allowed, strict=True)),
        f"{statement!r} leaves out what is decided",
    )
    reading.need(row["answer"] == ("Yes" if truth else "No"), f"answer {row['answer']!r}, value {row['value']}")


def color_of(mark: Mapping[str, object]) -> str:
    """The name of a mark's colour; its code where that has none."""
    return next((name for name, code in COLORS.items() if code == mark["color"]), str(mark["color"]))


def _need_colors(reading: SparReading) -> None:
    """Red to blue in one image; in several, any two of three colours in two images, or one."""
    marks = reading.row["boxes"]
    colors = [color_of(mark) for mark in marks]
    things = [int(mark["instance_id"]) for mark in marks]
    named = reading.objects("target", "reference")
    reading.need(things == named, f"marks on {things}, objects {named}")
    task = reading.row["task"]
    if task == "obj_spatial_relation_oo":
        reading.need(colors == ["red", "blue"], f"colours {colors}")
    else:
        reading.need(len(set(colors) & {"red", "blue", "green"}) == len(marks), f"colours {colors}")
        reading.need(len({mark["image"] for mark in marks}) == len(marks), "two marks in one image")


JUDGES: dict[str, Callable[[SparReading], None]] = dict.fromkeys(
    ("obj_spatial_relation_oo", "obj_spatial_relation_oc_mv", "obj_spatial_relation_oo_mv"), judge_relation
)
