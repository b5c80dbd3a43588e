"""The closed-form room as the truth of a scene, and the rows a run makes of it, without a file of images."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spatialgen.core.types import Fact, Scene
from spatialgen.engines.base import Engine
from spatialgen.pipeline.config import make_config
from spatialgen.pipeline.render import Renderer
from spatialgen.scene_io import SceneRef

from .mosaic_oracle import Stage
from .multispa_oracle import Room

REF = SceneRef("box_0000", "boxroom", "box_0000", Path("."), "scannet")


def stage_of(scene: Scene, folder: Path) -> Stage:
    """The witness of a scene with a mesh, whose rays meet what the scene's camera sees.

    Args:
        scene: all of its images from one pinhole, its frames in the order of their numbers.
        folder: to write the truth to.
    """
    color, depth = scene.frames[0].camera, scene.frames[0].depth_camera or scene.frames[0].camera
    np.savez(
        folder / "truth.npz",
        vertices=scene.vertices,
        faces=scene.faces,
        vertex_instance=scene.vertex_instance,
        camera_to_world=np.stack([frame.camera.camera_to_world for frame in scene.frames]),
        color_intrinsics=color.intrinsics,
        depth_intrinsics=depth.intrinsics,
        color_size=np.array([color.width, color.height]),
        depth_size=np.array([depth.width, depth.height]),
    )
    objects = [{"id": int(thing.id), "label": thing.label} for thing in scene.instances]
    (folder / "truth.json").write_text(json.dumps({"objects": objects}), encoding="utf-8")
    return Stage(Room(folder))


def rows_of(scene: Scene, engine: Engine, tasks: Sequence[str] | None = None, **options: Any) -> Iterator[dict]:
    """Rows of a scene, with the place of each frame in the scene for its name.

    Args:
        scene: what ``stage_of`` was given.
        engine: whose tasks are asked.
        tasks: some of them.
        options: of ``Engine.facts``.
    """
    places = {frame.id: str(place) for place, frame in enumerate(scene.frames)}
    renderer = Renderer(make_config([engine.name], images="path"), scene, REF, engine)
    for fact in engine.facts(scene, tasks=tasks, **options):
        if isinstance(fact, Fact):
            row = renderer.row(fact)
            yield {**row, "frame_ids": [places[name] for name in row["frame_ids"]]}
