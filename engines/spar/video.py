"""Questions about whole videos: frame lists, first appearances, counts, the size of the room, and the way walked.

Shown are up to 32 frames of one camera on its way, spread evenly and numbered from 0; a walk shows a stretch of them.
The truth is a function of the frames shown. Definitions: docs/conventions.md, "Videos". Source of the tasks: SPAR,
arXiv 2503.22976, which released neither generator nor definitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field

from ...core.types import Fact, Scene, Skip, TaskSpec
from ..base import Engine, Parameters, Request
from ..marked_objects import SPAR_OBJECTS, MarkedObjects
from ..mosaic import MosaicObjects
from ..view_groups import VIDEO_FRAMES, ViewGroupParameters, ViewGroups
from ._first_sights import AppearanceParameters, appearance_orders
from ._frame_lists import FrameListParameters, frame_lists
from ._room_size import RoomSizeParameters, room_sizes
from ._video_counts import VideoCountParameters, video_counts
from ._video_task import VideoTask
from ._walks import WalkParameters, walks

if TYPE_CHECKING:
    from ...core.geometry import SceneGeometry

__all__ = ["ENGINE", "VideoParameters"]

_IMAGES: Final = ("image", "perspective", "trajectory")


class VideoParameters(
    FrameListParameters,
    AppearanceParameters,
    VideoCountParameters,
    RoomSizeParameters,
    WalkParameters,
    ViewGroupParameters,
):
    """What decides which questions about videos are asked."""

    videos: int = Field(
        20, ge=1, description="videos of a scene, at most: all of its way, and stretches that have frames enough"
    )


def _spec(name: str, summary: str, **options: Any) -> TaskSpec:
    fields: dict[str, Any] = {"text_unit": "", "variants": ("name",), "slots": frozenset(), **options}
    return TaskSpec(
        name=name,
        suite="spar",
        engine="video",
        version="1",
        images=VIDEO_FRAMES,
        summary=summary,
        required_slots=fields.pop("required_slots", fields["slots"]),
        **fields,
    )


_FRAMES: Final = _spec(
    "obj_frame_locate",
    "Which frames of a video show a marked object?",
    answer_type="set",
    units=("index",),
    variants=("box",),
    forms=("sentence",),
    sentence_answers=True,
    slots=frozenset({"object", "frame"}),
    needs=(*_IMAGES, "silhouettes", "up"),
)
_ORDER: Final = _spec(
    "appearance_order",
    "In what order do four kinds of thing first appear in a video?",
    answer_type="order",
    units=("index",),
    forms=("fill", "sentence"),
    slots=frozenset({"kinds"})
    | {f"{number}{what}" for number in ("first", "second", "third", "fourth") for what in ("", "_frame")},
    required_slots=frozenset({"kinds"}),
    needs=(*_IMAGES, "instances"),
)
_COUNT: Final = _spec(
    "obj_count",
    "How many different things of a kind does a video show?",
    answer_type="number",
    units=("count",),
    forms=("fill", "sentence"),
    slots=frozenset({"object"}),
    needs=(*_IMAGES, "silhouettes"),
)
_ROOM: Final = _spec(
    "room_size",
    "How large is the floor of the room that a video shows?",
    answer_type="number",
    units=("m2",),
    text_unit="m2",
    text_decimals=1,
    forms=("fill", "select", "sentence"),
    needs=(*_IMAGES, "mesh", "up"),
)
_WALK: Final = _spec(
    "nav",
    "How does one walk from where a video begins to where it ends? (Own definition, not comparable with RxR.)",
    answer_type="text",
    units=("m",),
    forms=("sentence",),
    sentence_answers=True,
    slots=frozenset({"last"}),
    needs=(*_IMAGES, "depth|mesh", "instances", "up"),
)


class Video(Engine):
    """States what videos show where and when, how much of it, and which way they go."""

    name: ClassVar[str] = "video"
    suite: ClassVar[str] = "spar"
    version: ClassVar[str] = "1"
    parameters: ClassVar[type[Parameters]] = VideoParameters
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # Proposals, since nothing was published: frame lists by a tenth of the object and 0.2 % of the pixels, first
        # appearances by 0.5 % alone, the floor's own area.
        "spar": {
            **SPAR_OBJECTS,
            "number_options": "ranges",
            "seen_share": 0.10,
            "unseen_share": 0.05,
            "seen_pixel_share": 0.002,
            "least_listed": 1,
            "shaken_metres": 0.0,
            "shaken_degrees": 0.0,
            "appearance_factor": 1.0,
            "trace_pixel_share": 0.005,
            "most_ones": 0.0,
            "least_counted_size": 0.0,
            "room_area": "floor",
            "most_disagreement": 0.15,
            "least_walled": 0.0,
        }
    }
    tasks: ClassVar[tuple[TaskSpec, ...]] = (_FRAMES, _ORDER, _COUNT, _ROOM, _WALK)

    def state(
        self,
        scene: Scene,  # noqa: ARG002 - the geometry's
        geometry: SceneGeometry,
        request: Request,
        rng: np.random.Generator,
    ) -> Iterator[Fact | Skip]:
        parameters = request.parameters
        assert isinstance(parameters, VideoParameters)
        groups = ViewGroups(geometry, parameters)
        # A generator each, so that a task's facts do not depend on which others are asked for.
        generators = self.generators(rng)
        for name in request.tasks:
            task = VideoTask(self.task(name), request.forms[name], request.limit, generators[name])
            yield from self._facts(task, geometry, groups, parameters)
            yield from (Skip(name, reason, count) for reason, count in sorted((+task.reasons).items()))

    def _facts(
        self,
        task: VideoTask,
        geometry: SceneGeometry,
        groups: ViewGroups,
        parameters: VideoParameters,
    ) -> Iterator[Fact]:
        if len(geometry.scene.frames) < 2:
            task.reasons["a single frame is no video"] += 1
        elif task.name == _WALK.name:
            yield from walks(task, MarkedObjects(geometry, parameters), groups, parameters)
        elif task.name == _ROOM.name:
            yield from room_sizes(task, geometry, groups.videos(parameters.videos), parameters)
        else:
            videos = groups.videos(parameters.videos)
            if task.name == _FRAMES.name:
                yield from frame_lists(task, MarkedObjects(geometry, parameters), videos, parameters)
            elif task.name == _ORDER.name:
                yield from appearance_orders(task, MosaicObjects(geometry), videos, parameters, parameters.left_out)
            else:
                yield from video_counts(task, MosaicObjects(geometry), videos, parameters, parameters.left_out)


ENGINE: Final = Video()
