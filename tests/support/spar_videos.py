"""The independent witness of SPAR's videos: which frames show what, when a kind first appears, how many there are.

Written from docs/conventions.md ("Videos") and SPAR's fact sheet, section 6; pixels come from ray-cast pictures. The
room's size is in ``spar_rooms``, walks are in ``spar_walks``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .mosaic_oracle import GREY_PX, HIDDEN_PX
from .mosaic_rows import SLACK_PX
from .multispa_oracle import Room
from .spar_rooms import judge_room_size
from .spar_rows import SparReading
from .spar_sentences import said_in
from .spar_walks import alike, judge_walk


@dataclass(frozen=True, slots=True)
class Rules:
    """When a frame shows an object, and when a kind of thing appears.

    Attributes:
        seen_share, unseen_share: of the object that is neither hidden nor cut off; between them it is open.
        pixel_share: of the image that it fills at least.
        least_listed: frames in a list, at least.
        shaken: metres and degrees by which cameras may be off.
        factor: by which a kind exceeds the share of an appearance, and falls short of it before.
        trace_share: of the image from which a kind may be taken to have appeared; 20 px at least.
    """

    seen_share: float
    unseen_share: float
    pixel_share: float
    least_listed: int
    shaken: tuple[float, float] | None
    factor: float
    trace_share: float


RULES = {
    "default": Rules(0.0, 0.0, 0.0, 2, (0.03, 0.5), 1.5, 0.0),
    "spar": Rules(0.10, 0.05, 0.002, 1, None, 1.0, 0.005),
}
APPEARS = 0.005
"""Share of the image with which a kind first appears."""
MOST_COUNTED = 15
SHARE_SLACK = 0.03
SHAKEN_EVERY = 8
"""Every so many frames are looked at from beside."""
SHAKEN_WIDTH = 320
SHAKEN_SLACK_PX = 60
"""Of objects of some 200 pixels, counted on a map of half the width."""
KINDS = 4


def sights(reading: SparReading, image: int, instance: int) -> set[str]:
    """What may be said of an object in an image: that it is ``seen``, ``unseen``, or that this is ``open``.

    More than one of these where a few pixels at its edge decide.
    """
    rules = RULES[reading.preset]
    width, height = reading.stage.map_size
    line = rules.pixel_share * width * height
    pixels = int(reading.visible_px(image)[instance])
    slack = SLACK_PX + 0.01 * pixels
    shares = (1.0, 1.0)
    if rules.seen_share and pixels + slack >= max(HIDDEN_PX, line):
        total = reading.view(image, instance).total
        shares = (1 - total - SHARE_SLACK, 1 - total + SHARE_SLACK)
    found = set()
    for count in (pixels - slack, float(pixels), pixels + slack):
        for share in shares:
            if count > GREY_PX and count >= line and share >= rules.seen_share:
                found.add("seen")
            elif count < max(HIDDEN_PX, line) or share < rules.unseen_share:
                found.add("unseen")
            else:
                found.add("open")
    return found


def is_told_right(reading: SparReading, told: str, may_be: set[str]) -> bool:
    """Whether a statement may stand; of noisy scans what the truth leaves open may be said either way."""
    if not reading.noisy:
        return told in may_be
    return may_be != {"unseen" if told == "seen" else "seen"}


def judge_frame_list(reading: SparReading) -> None:
    """Every frame in the list shows the marked object, no other shows anything of it, and none is open."""
    row, rules = reading.row, RULES[reading.preset]
    instance = reading.one("target")
    listed = [int(place) for place in row["value"]]
    reading.need(listed == sorted(set(listed)), f"value {row['value']}")
    reading.need(set(row["units"]) == {"index"} and len(row["units"]) == len(listed), f"units {row['units']}")
    reading.need(len(listed) >= rules.least_listed, f"{len(listed)} frames listed")
    reading.need(row["boxes"][0]["image"] in listed, f"the mark's frame {row['boxes'][0]['image']} is not listed")
    for image in range(len(reading.frames)):
        told = "seen" if image in listed else "unseen"
        may_be = sights(reading, image, instance)
        pixels = int(reading.visible_px(image)[instance])
        reading.verdict.need_choice(
            is_told_right(reading, told, may_be),
            f"object {instance} with {pixels} px is told {told} in Frame-{image}, truth {'/'.join(sorted(may_be))}",
        )
        if rules.shaken and not reading.noisy and reading.frames[image] % SHAKEN_EVERY == 0:
            least, most = pixels_from_beside(reading, reading.frames[image], instance)
            fault = f"object {instance} has {least:.0f} to {most:.0f} px in Frame-{image} if the camera is off a little"
            if told == "seen":
                reading.need(least >= HIDDEN_PX - SHAKEN_SLACK_PX / 4, fault)
            else:
                reading.need(most <= GREY_PX + SHAKEN_SLACK_PX, fault)
    shown = {int(number) for number in row["answer_short"].split(", ")}
    reading.need(shown == set(listed), f"short answer {row['answer_short']!r}, value {listed}")
    said = [
        {int(number) for number in re.findall(r"Frame-(\d+)", places["answer"])}
        for places in said_in("obj_frame_locate", "box", row["answer"])
    ]
    reading.need(set(listed) in said, f"answer {row['answer']!r}, value {listed}")


def pixels_from_beside(reading: SparReading, frame: int, instance: int) -> tuple[float, float]:
    """Fewest and most pixels of an object if the camera stands and looks a little right, left, down or up."""
    kept = reading.stage.kept.setdefault("from_beside", {})
    if frame not in kept:
        counts = [_counted_from_beside(reading, frame, way) for way in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        kept[frame] = np.min(counts, axis=0), np.max(counts, axis=0)
    least, most = kept[frame]
    return float(least[instance]), float(most[instance])


def _counted_from_beside(reading: SparReading, frame: int, way: tuple[int, int]) -> np.ndarray:
    """(largest id + 1,): pixels of every object of the 640 px map, from a camera moved and turned that way."""
    shaken = RULES[reading.preset].shaken
    room = reading.stage.room
    assert shaken is not None
    assert isinstance(room, Room)
    right, down = way
    ahead = np.array([math.tan(math.radians(shaken[1])) * right, math.tan(math.radians(shaken[1])) * down, 1.0])
    z = ahead / np.linalg.norm(ahead)
    x = np.cross((0.0, 1.0, 0.0), z)
    x /= np.linalg.norm(x)
    pose = room.camera_to_world[frame].copy()
    pose[:3, 3] = pose[:3, 3] + pose[:3, :3] @ np.array([right, down, 0.0]) * shaken[0]
    pose[:3, :3] = pose[:3, :3] @ np.stack([x, np.cross(z, x), z], axis=1)
    height = round(SHAKEN_WIDTH * room.height / room.width)
    scale = np.array([room.width / SHAKEN_WIDTH, room.height / height])
    grid = np.stack(np.meshgrid(np.arange(SHAKEN_WIDTH), np.arange(height)), -1).reshape(-1, 2)
    owner = cast_owner(room, pose, (grid + 0.5) * scale - 0.5)
    return np.asarray(np.bincount(owner + 1, minlength=max(reading.stage.names) + 2)[1:] * 4.0)


def cast_owner(room: Room, pose: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """(n,): the objects that rays through native pixels (n, 2) of a camera meet first, -1 for none."""
    poses = room.camera_to_world
    try:
        room.camera_to_world = pose[None]
        _, triangle = room.cast(0, xy)
    finally:
        room.camera_to_world = poses
    return room.owner(triangle)


# ---- first appearances


def judge_order(reading: SparReading) -> None:
    """Four kinds in the order of the frames in which one object of each first fills enough of the image."""
    row = reading.row
    places = [int(place) for place in row["value"]]
    reading.need(sorted(places) == list(range(KINDS)), f"value {row['value']}")
    options = row["options"]
    if len(set(options or ())) != KINDS or sorted(places) != list(range(KINDS)):
        reading.need(False, f"options {options}")
        return
    reading.need(row["answer_index"] is None, f"answer index {row['answer_index']}")
    wanted = ", ".join(options[place] for place in places)
    reading.need(row["answer_short"] == wanted, f"short answer {row['answer_short']!r}, value says {wanted!r}")
    for option in options:
        reading.need(option in reading.question, f"the question does not name {option!r}")
    firsts = [first_frames(reading, options[place]) for place in places]
    for place, first in zip(places, firsts, strict=True):
        reading.verdict.need_choice(bool(first), f"{options[place]!r} never appears")
    if not all(firsts):
        return
    for (one, first), (other, later) in zip(
        zip(places, firsts, strict=True), list(zip(places, firsts, strict=True))[1:], strict=False
    ):
        reading.verdict.need_choice(
            min(first) < max(later), f"{options[one]!r} appears in {first}, not before {options[other]!r} in {later}"
        )
        if not reading.noisy:
            trace = first_trace(reading, options[other])
            reading.need(
                min(first) < trace, f"{options[other]!r} is in Frame-{trace}, {options[one]!r} appears in {first}"
            )
    if not reading.noisy:
        for place in places:
            judge_sudden(reading, options[place])
    _judge_told(reading, [options[place] for place in places], firsts)


def _judge_told(reading: SparReading, names: list[str], firsts: list[set[int]]) -> None:
    """A sentence names kinds and frames as they are."""
    if reading.form != "sentence":
        reading.need(reading.row["answer"] == reading.row["answer_short"], f"answer {reading.row['answer']!r}")
        return
    ways = said_in("appearance_order", "sentence.name", reading.row["answer"])
    reading.need(ways, f"answer {reading.row['answer']!r} is no sentence of the task")
    numbers = ("first", "second", "third", "fourth")
    good = False
    for said in ways:
        told = {name.removesuffix("_frame"): int(text) for name, text in said.items() if name.endswith("_frame")}
        named = {name: text for name, text in said.items() if name in numbers}
        good |= (
            said["answer"] == reading.row["answer_short"]
            and all(frame in firsts[numbers.index(name)] for name, frame in told.items())
            and all(text.casefold() == names[numbers.index(name)] for name, text in named.items())
        )
    reading.need(good, f"answer {reading.row['answer']!r}, truth {names} in {firsts}")


def _largest(reading: SparReading, members: list[int]) -> np.ndarray:
    """(images,): pixels of the largest of some objects in every image."""
    if not members:
        return np.zeros(len(reading.frames))
    return np.max([reading.pixels(instance) for instance in members], axis=0)


def _members(reading: SparReading, name: str) -> list[int]:
    return [instance for instance, own in reading.stage.names.items() if own == name]


def _line(reading: SparReading) -> float:
    width, height = reading.stage.map_size
    return APPEARS * width * height


def first_frames(reading: SparReading, name: str) -> set[int]:
    """Frames that may be the first in which an object of a name fills enough; more than one where pixels decide."""
    largest, line = _largest(reading, _members(reading, name)), _line(reading)
    slack = (60 + 0.35 * largest) if reading.noisy else SLACK_PX + 0.01 * largest
    surely = np.flatnonzero(largest - slack >= line)
    last = int(surely[0]) if len(surely) else len(reading.frames) - 1
    return set(np.flatnonzero(largest[: last + 1] + slack[: last + 1] >= line).tolist())


def first_trace(reading: SparReading, name: str) -> int:
    """The first frame that surely shows a trace of a kind, or of what may go by its name."""
    rules = RULES[reading.preset]
    width, height = reading.stage.map_size
    anything = _largest(reading, alike(reading.stage, name))
    found = np.flatnonzero(anything - SLACK_PX - 0.01 * anything >= max(HIDDEN_PX, rules.trace_share * width * height))
    return int(found[0]) if len(found) else len(reading.frames)


def judge_sudden(reading: SparReading, name: str) -> None:
    """A kind appears with clearly more than enough, after clearly less in every frame before."""
    factor, line = RULES[reading.preset].factor, _line(reading)
    largest = _largest(reading, _members(reading, name))
    slack = SLACK_PX + 0.01 * largest
    good = False
    for first in first_frames(reading, name):
        before = (largest - slack)[:first].max(initial=0)
        good |= bool(largest[first] + slack[first] >= factor * line and before <= line / factor)
    reading.need(good, f"{name!r} comes into view little by little: {largest.astype(int).tolist()}, line {line:.0f}")


# ---- counts


def judge_video_count(reading: SparReading) -> None:
    """Distinct objects of a kind that frames show, none of which is open, and nothing else that might count."""
    row = reading.row
    counted = reading.objects("counted")
    name = str(reading.slots["object"])
    kind = reading.stage.of_kind(name)
    reading.need(len(set(counted)) == len(counted) > 0, f"counted {counted}")
    reading.need(set(counted) <= set(kind), f"counted {counted}, of the kind {kind}")
    reading.need(name in {reading.stage.names[instance] for instance in kind}, f"nothing is a {name!r}")
    for instance in kind:
        found = [sights(reading, image, instance) for image in range(len(reading.frames))]
        if instance in counted:
            right = any(is_told_right(reading, "seen", may_be) for may_be in found)
            reading.verdict.need_choice(right, f"{name} {instance} is counted, no frame shows it")
        else:
            right = all(is_told_right(reading, "unseen", may_be) for may_be in found)
            reading.verdict.need_choice(right, f"{name} {instance} is not counted, a frame may show it")
    own = {reading.stage.names[instance] for instance in counted}
    for other in {k for one in own for k in alike(reading.stage, one)} - set(kind):
        most = int(reading.pixels(other).max())
        limit = GREY_PX if reading.noisy else HIDDEN_PX + SLACK_PX
        reading.need(most <= limit, f"a {reading.stage.names[other]} with {most} px may count as a {name}")
    reading.verdict.need_choice(row["value"] == [len(counted)], f"value {row['value']}, counted {len(counted)}")
    reading.need(len(counted) <= MOST_COUNTED, f"{len(counted)} are too many")
    reading.need(row["units"] == ["count"], f"units {row['units']}")
    scene_wide = {int(one) for one in reading.evidence["instances_in_scene"]}
    reading.need(scene_wide == set(kind), f"in the scene {sorted(scene_wide)}, truth {sorted(kind)}")
    reading.need(row["answer_short"] == str(len(counted)), f"short answer {row['answer_short']!r}")
    told = re.findall(r"\d+", row["answer"])
    reading.need(row["answer_short"] in told and len(set(told)) == 1, f"answer {row['answer']!r}")


JUDGES: Mapping[str, Callable[[SparReading], None]] = {
    "obj_frame_locate": judge_frame_list,
    "appearance_order": judge_order,
    "obj_count": judge_video_count,
    "room_size": judge_room_size,
    "nav": judge_walk,
}
