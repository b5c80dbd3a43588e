"""How large is the room that a video shows?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field

from ...core.types import Fact, Value
from ..base import Parameters
from ..distractors import wrong_numbers
from ..sampling import deal
from ._room_area import RoomAreas, SeenRoom, outline_area
from ._video_task import Frames, VideoTask

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["RoomSizeParameters", "room_sizes"]

_OPTIONS: Final = 4
_DECIMALS: Final = 3  # of square metres, in the evidence
_MOST_MARGIN: Final = 100.0  # of areas that agree to the last digit


class RoomSizeParameters(Parameters):
    """What decides whether a room's size is asked for."""

    room_area: Literal["walls", "floor"] = Field(
        "walls", description="the area within the walls, or that of a concave hull of the floor's own points"
    )
    most_disagreement: float = Field(
        0.15, gt=0, lt=1, description="difference of the two areas, as a share of the larger, at most"
    )
    least_walled: float = Field(
        0.95, ge=0, lt=1, description="share of the room's outline that follows walls seen in the video, at least"
    )


def room_sizes(
    task: VideoTask, geometry: SceneGeometry, frames: Frames, parameters: RoomSizeParameters
) -> Iterator[Fact]:
    """The one fact there is about the room of a scene, if there is one room and the video shows all of it.

    Args:
        task: as asked for.
        geometry: of the scene.
        frames: of the video.
        parameters: when areas can be relied on.
    """
    scene = geometry.scene
    areas = SeenRoom.of(geometry, frames).areas([thing.label for thing in scene.instances])
    if areas is None:
        task.reasons["the frames show no floor"] += 1
        return
    found = {"walls": areas.walls, "floor": areas.floor}
    value = found[parameters.room_area]
    rooms = areas.rooms
    if scene.layout is not None:
        rooms = len(scene.layout.rooms)
        if rooms == 1 and scene.up is not None:
            value = found["layout"] = outline_area(scene.layout.rooms[0], scene.up)
    apart = 1.0 - min(found.values()) / max(found.values())
    if rooms != 1:
        task.reasons["not exactly one room"] += 1
    elif apart > parameters.most_disagreement:
        task.reasons["estimates of the room's area disagree"] += 1
    elif areas.walled < parameters.least_walled:
        task.reasons["parts of the room's outline are not seen"] += 1
    else:
        yield from _facts(task, geometry, frames, parameters, areas, found, value, apart)


def _facts(
    task: VideoTask,
    geometry: SceneGeometry,
    frames: Frames,
    parameters: RoomSizeParameters,
    areas: RoomAreas,
    found: dict[str, float],
    value: float,
    apart: float,
) -> Iterator[Fact]:
    form, letter = deal(1, (len(task.forms), _OPTIONS), geometry.scene.id, task.name)[0].tolist()
    options: tuple[Value, ...] = ()
    if task.forms[form] == "select":
        wrong = wrong_numbers(value, task.rng, decimals=task.spec.text_decimals)
        if wrong is None:
            task.reasons["no wrong answers that differ enough as written"] += 1
            return
        listed = [Value((number,)) for number in wrong]
        listed.insert(letter, Value((value,)))
        options = tuple(listed)
    unwalled = (1.0 - areas.walled) / (1.0 - parameters.least_walled)
    evidence: dict[str, Any] = {
        "areas": {name: round(area, _DECIMALS) for name, area in found.items()},
        "walled_share": round(areas.walled, _DECIMALS),
        "thresholds": {
            "most_disagreement": parameters.most_disagreement,
            "least_walled": parameters.least_walled,
        },
    }
    yield Fact(
        task=task.name,
        frames=frames,
        variant="name",
        form=task.forms[form],
        value=(value,),
        options=options,
        answer_index=letter if options else None,
        evidence=evidence,
        margin=1.0 / max(apart / parameters.most_disagreement, unwalled, 1.0 / _MOST_MARGIN),
    )
