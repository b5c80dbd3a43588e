"""How large is the room that a video shows?

The size is the whole room's; a video is asked about when it shows enough of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from pydantic import Field

from ...core.types import Fact, Value
from ..distractors import NumberOptionParameters, wrong_numbers
from ..sampling import deal
from ._room_area import RoomPlan, SeenRoom, outline_area
from ._video_task import Frames, VideoTask

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["RoomSizeParameters", "room_sizes"]

_OPTIONS: Final = 4
_DECIMALS: Final = 3  # of square metres, in the evidence
_MOST_MARGIN: Final = 100.0


class RoomSizeParameters(NumberOptionParameters):
    """What decides whether a room's size is asked for."""

    room_area: Literal["walls", "floor"] = Field(
        "walls", description="the area within the walls, or that of a concave hull of the floor's own points"
    )
    most_disagreement: float = Field(
        0.25, gt=0, lt=1, description="difference of the two areas, as a share of the larger, at most"
    )
    least_walled: float = Field(
        0.95, ge=0, lt=1, description="share of the room's outline that follows walls, at least"
    )
    least_outline: float = Field(
        0.75, gt=0, le=1, description="share of the room's outline that a video shows, or what stands there, at least"
    )
    most_beyond: float = Field(
        0.25, gt=0, description="metres at an end of the room's length or width of which a video shows nothing, at most"
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """A room's size.

    Attributes:
        plan: of the room.
        areas: square metres, by the way they were found.
        value: the one that is stated.
        apart: difference of the areas, as a share of the largest.
    """

    plan: RoomPlan
    areas: dict[str, float]
    value: float
    apart: float


@dataclass(frozen=True, slots=True)
class _Shown:
    """A video that shows enough of the room.

    Attributes:
        frames: of it.
        outline: share of the room's outline that it shows.
        beyond: metres at an end of the room of which it shows nothing.
    """

    frames: Frames
    outline: float
    beyond: float


def room_sizes(
    task: VideoTask, geometry: SceneGeometry, videos: Sequence[Frames], parameters: RoomSizeParameters
) -> Iterator[Fact]:
    """One fact about the room of a scene for each video that shows enough of it, if there is one room.

    Args:
        task: as asked for.
        geometry: of the scene.
        videos: of it.
        parameters: when areas can be relied on.
    """
    room = _measured(geometry, parameters)
    if isinstance(room, str):
        task.reasons[room] += len(videos)
        return
    shown_in = sorted(set().union(*videos))
    seen = SeenRoom.of(geometry, shown_in)
    cells = {frame: room.plan.cells(seen.ground[seen.view == k]) for k, frame in enumerate(shown_in)}
    chosen = []
    for frames in videos:
        outline, beyond = room.plan.shown(np.logical_or.reduce([cells[frame] for frame in frames]))
        if outline >= parameters.least_outline and beyond <= parameters.most_beyond:
            chosen.append(_Shown(frames, outline, beyond))
        else:
            task.reasons["the video shows too little of the room"] += 1
    chosen = chosen[: task.limit]
    deck = deal(len(chosen), (len(task.forms), _OPTIONS), geometry.scene.id, task.name).tolist()
    for shown, (form, letter) in zip(chosen, deck, strict=True):
        fact = _fact(task, parameters, room, shown, task.forms[form], letter)
        if fact is None:
            task.reasons["no wrong answers that differ enough as written"] += 1
        else:
            yield fact


def _measured(geometry: SceneGeometry, parameters: RoomSizeParameters) -> _Measured | str:
    """The size of a scene's only room, or why it is not known."""
    scene = geometry.scene
    plan = SeenRoom.around(geometry).plan([thing.label for thing in scene.instances])
    if plan is None:
        return "the scene shows no floor"
    areas = {"walls": plan.walls, "floor": plan.floor}
    value = areas[parameters.room_area]
    rooms = plan.rooms
    if scene.layout is not None:
        rooms = len(scene.layout.rooms)
        if rooms == 1 and scene.up is not None:
            value = areas["layout"] = outline_area(scene.layout.rooms[0], scene.up)
    apart = 1.0 - min(areas.values()) / max(areas.values())
    if rooms != 1:
        return "not exactly one room"
    if apart > parameters.most_disagreement:
        return "estimates of the room's area disagree"
    if plan.walled < parameters.least_walled:
        return "parts of the room have no walls"
    return _Measured(plan, areas, value, apart)


def _fact(
    task: VideoTask, parameters: RoomSizeParameters, room: _Measured, shown: _Shown, form: str, letter: int
) -> Fact | None:
    """The room's size, asked of a video; None where no wrong answers to select from can be found."""
    options: tuple[Value, ...] = ()
    if form == "select":
        wrong = wrong_numbers(room.value, task.rng, decimals=task.spec.text_decimals, kind=parameters.number_options)
        if wrong is None:
            return None
        listed = [Value((number,)) for number in wrong]
        listed.insert(letter, Value((room.value,)))
        options = tuple(listed)
    # Each as a share of what is just legal.
    strain = (
        room.apart / parameters.most_disagreement,
        (1.0 - room.plan.walled) / (1.0 - parameters.least_walled),
        parameters.least_outline / shown.outline,
        shown.beyond / parameters.most_beyond,
        1.0 / _MOST_MARGIN,
    )
    evidence: dict[str, Any] = {
        "areas": {name: round(area, _DECIMALS) for name, area in room.areas.items()},
        "walled_share": round(room.plan.walled, _DECIMALS),
        "shown_outline": round(shown.outline, _DECIMALS),
        "shown_beyond": round(shown.beyond, _DECIMALS),
        "thresholds": {
            "most_disagreement": parameters.most_disagreement,
            "least_walled": parameters.least_walled,
            "least_outline": parameters.least_outline,
            "most_beyond": parameters.most_beyond,
        },
    }
    return Fact(
        task=task.name,
        frames=shown.frames,
        variant="name",
        form=form,
        value=(room.value,),
        options=options,
        answer_index=letter if options else None,
        evidence=evidence,
        margin=1.0 / max(strain),
    )
