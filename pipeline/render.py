"""From a fact to a row: wording, pointing and pixels happen here, once, for every engine.

An engine says which pixels a question is about; whether a dot is drawn on them or their coordinates are written
is decided here by the fact's variant. Units of the text are chosen here from the ``TaskSpec``.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from .. import templates
from ..core.types import Fact, Frame, Record, Scene, TaskSpec
from ..dataset import images, markers
from ..dataset.options import option_lines
from ..media import images as codec
from .answers import Speaker, slot_column

if TYPE_CHECKING:
    from ..engines.base import Engine
    from ..scene_io.base import SceneRef
    from .config import RunConfig

__all__ = ["Renderer", "frame_rows", "row_id", "wording_key"]

_DECODED_KEPT: Final = 4  # facts come sorted by frame, so a few decoded images serve all


def row_id(scene: Scene, spec: TaskSpec, fact: Fact) -> str:
    """A name for what the row asks about, equal from run to run.

    Made of dataset, suite, task, variant, polarity, task version, scene, frames and entities (pixels to 0.01 px);
    not of wording, letter order or seed.
    """
    entities = sorted(
        [f"p{p.image}:{p.x:.2f},{p.y:.2f}" for p in fact.points]
        + [f"b{b.image}:{b.x1:.2f},{b.y1:.2f},{b.x2:.2f},{b.y2:.2f}" for b in fact.boxes]
        + [f"o{o.instance_id}:{o.role}" for o in fact.objects]
    )
    parts = [
        scene.dataset,
        spec.suite,
        spec.name,
        fact.variant,
        fact.polarity,
        spec.version,
        scene.id,
        *(scene.frames[index].id for index in fact.frames),
        "",
        *entities,
    ]
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def wording_key(seed: int, name: str) -> int:
    """What chooses a row's wording: a stable hash of the run's seed and the row's id."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest(), "big")


class Renderer:
    """Words and draws the facts of one engine about one scene.

    Args:
        config: of the run.
        scene: with the frames the facts refer to.
        ref: where the scene was found.
        engine: that states the facts.
    """

    def __init__(self, config: RunConfig, scene: Scene, ref: SceneRef, engine: Engine) -> None:
        self._config = config
        self._scene = scene
        self._specs = {spec.name: spec for spec in engine.tasks}
        self._wording = {
            spec.name: templates.load(spec.suite, spec.name, config.lang, root=config.template_root)
            for spec in engine.tasks
        }
        by_form = any(spec.is_worded_by_form for spec in engine.tasks)
        self._requests = templates.requests(config.lang, root=config.template_root) if by_form else None
        self._decoded: OrderedDict[int, npt.NDArray[np.uint8]] = OrderedDict()
        self._constant = {
            "split": ref.split or "train",
            "dataset": scene.dataset,
            "scene_id": scene.id,
            "scene_group": scene.group,
            "engine": engine.name,
            "engine_version": engine.version,
            "config_hash": config.config_hash,
            "seed": str(config.seed),
        }

    def rows(self, facts: Sequence[Fact]) -> list[Record]:
        """The rows of facts, in an order that decodes every image once (sorted by frame)."""
        return [self.row(fact) for fact in sorted(facts, key=lambda fact: fact.frames)]

    def row(self, fact: Fact) -> Record:
        """One row: column name to value.

        Raises:
            SceneError: when an image that is needed cannot be read; names it.
        """
        spec = self._specs[fact.task]
        wording = self._wording[fact.task]
        frames = [self._scene.frames[index] for index in fact.frames]
        name = row_id(self._scene, spec, fact)
        key = wording_key(self._config.seed, name)
        block = spec.block(fact.polarity, fact.variant, fact.form)
        speaker = Speaker(spec, fact, [(f.camera.width, f.camera.height) for f in frames], wording.lang)
        slots = {slot: speaker.slot(value) for slot, value in fact.slots.items()}
        options = speaker.options()
        short = speaker.short()
        worded = wording.question(block, key, slots)
        question = worded.text
        if spec.is_lettered(fact.form):
            question += option_lines(options)
        if spec.is_worded_by_form and self._requests is not None and (line := self._requests.line(fact.form, key)):
            question += f"\n{line}"
        answer = wording.answer(block, key, {**slots, "answer": speaker.answer()})
        points, boxes = self._marks(fact)
        drawn = self._config.images == "embed" and self._config.draw and fact.variant in markers.DRAWN_VARIANTS
        embedded, sizes = self._images(fact, frames, points, boxes, draw=drawn)
        return {
            **self._constant,
            "id": name,
            "suite": spec.suite,
            "task": spec.name,
            "variant": fact.variant,
            "form": fact.form,
            "frame_ids": [frame.id for frame in frames],
            "images": embedded,
            "marks_drawn": drawn,
            "image_sizes": [{"width": f.camera.width, "height": f.camera.height} for f in frames],
            "embedded_sizes": sizes,
            "messages": [
                {"role": "user", "content": "<image>\n" * len(frames) + question},
                {"role": "assistant", "content": answer.text},
            ],
            "question": question,
            "answer": answer.text,
            "answer_short": short,
            "answer_type": spec.answer_type_of(fact.variant, fact.form),
            "value": list(fact.value),
            "units": _units(spec.units_of(fact.form), len(fact.value)),
            "options": options or None,
            "answer_index": fact.answer_index,
            "points": points,
            "boxes": boxes,
            "objects": [{"instance_id": o.instance_id, "label": o.label, "role": o.role} for o in fact.objects],
            "margin": fact.margin,
            "overlap": fact.overlap,
            "occlusion": fact.occlusion,
            "difficulty": fact.difficulty,
            "slots": _encode_json({slot: slot_column(value, slots[slot]) for slot, value in fact.slots.items()}),
            "evidence": _encode_json(dict(fact.evidence)),
            "template": worded.template_id,
        }

    def _marks(self, fact: Fact) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The ``points`` and ``boxes`` columns; what is drawn has its role's colour, or one that shows there."""
        # A colour that the text names is no other mark's.
        roles = [point.color_role for point in fact.points] + [box.color_role for box in fact.boxes]
        taken = [markers.ROLE_COLORS[role] for role in roles if role]
        points, boxes = [], []
        for point in fact.points:
            color = None
            if fact.variant == "dot" and point.color_role:
                color = markers.ROLE_COLORS[point.color_role]
            elif fact.variant == "dot" and point.label:
                rgb = self._image(fact.frames[point.image])
                color = markers.pick_color(rgb, point.x, point.y, markers.radius(rgb.shape[0]), taken)
                taken.append(color)
            points.append(
                {
                    "image": point.image,
                    "x": point.x,
                    "y": point.y,
                    "depth": point.depth,
                    "label": point.label or None if color else None,
                    "color": color,
                    "instance_id": point.instance_id,
                    "role": point.role,
                }
            )
        for box in fact.boxes:
            color = None
            if fact.variant == "box" and box.color_role:
                color = markers.ROLE_COLORS[box.color_role]
            elif fact.variant == "box" and box.label:
                edges = (box.x1, box.y1, box.x2, box.y2)
                color = markers.pick_box_color(self._image(fact.frames[box.image]), edges, taken)
                taken.append(color)
            boxes.append(
                {
                    "image": box.image,
                    "x1": box.x1,
                    "y1": box.y1,
                    "x2": box.x2,
                    "y2": box.y2,
                    "label": box.label or None if color else None,
                    "color": color,
                    "instance_id": box.instance_id,
                    "role": box.role,
                    "amodal": box.amodal,
                }
            )
        return points, boxes

    def _image(self, frame: int) -> npt.NDArray[np.uint8]:
        """The decoded colour image of a frame, from a small store."""
        if frame in self._decoded:
            self._decoded.move_to_end(frame)
        else:
            source = self._scene.frames[frame]
            self._decoded[frame] = codec.decode_rgb(source.load_image(), source=source.image_ref)
            if len(self._decoded) > _DECODED_KEPT:
                self._decoded.popitem(last=False)
        return self._decoded[frame]

    def _images(
        self,
        fact: Fact,
        frames: Sequence[Frame],
        points: list[dict[str, Any]],
        boxes: list[dict[str, Any]],
        *,
        draw: bool,
    ) -> tuple[list[dict[str, Any]], list[dict[str, int]] | None]:
        """The ``images`` and ``embedded_sizes`` columns."""
        if self._config.images == "path":
            return [{"bytes": None, "path": frame.image_ref} for frame in frames], None
        columns, sizes = [], []
        for position, (index, frame) in enumerate(zip(fact.frames, frames, strict=True)):
            mine = [p for p in points if p["image"] == position]
            my_boxes = [b for b in boxes if b["image"] == position]
            if draw and (mine or my_boxes):
                data, size = images.embed_pixels(
                    self._image(index),
                    mine,
                    my_boxes,
                    max_side=self._config.max_side,
                    quality=self._config.jpeg_quality,
                )
            else:
                data, size = images.embed(
                    frame.load_image(),
                    [],
                    [],
                    native_size=(frame.camera.width, frame.camera.height),
                    max_side=self._config.max_side,
                    quality=self._config.jpeg_quality,
                    draw=False,
                )
            columns.append({"bytes": data, "path": frame.image_ref})
            sizes.append({"width": size[0], "height": size[1]})
        return columns, sizes


def frame_rows(scene: Scene) -> list[dict[str, Any]]:
    """Rows of ``frames.parquet``: the cameras of a scene's frames (docs/data-format.md)."""
    up = None if scene.up is None else scene.up.tolist()
    rows = []
    for frame in scene.frames:
        camera, depth = frame.camera, frame.depth_camera
        rows.append(
            {
                "dataset": scene.dataset,
                "scene_id": scene.id,
                "frame_id": frame.id,
                "image_ref": frame.image_ref,
                "depth_ref": frame.depth_ref,
                "depth_scale": frame.depth_scale,
                "camera_to_world": camera.camera_to_world.ravel().tolist(),
                "raw_camera_to_world": None
                if frame.raw_camera_to_world is None
                else frame.raw_camera_to_world.ravel().tolist(),
                "intrinsics": camera.intrinsics.ravel().tolist(),
                "distortion_model": camera.model,
                "distortion": list(camera.distortion),
                "width": camera.width,
                "height": camera.height,
                "depth_intrinsics": None if depth is None else depth.intrinsics.ravel().tolist(),
                "depth_width": None if depth is None else depth.width,
                "depth_height": None if depth is None else depth.height,
                "time": frame.time,
                "world_up": up,
            }
        )
    return rows


def _units(units: tuple[str, ...], count: int) -> list[str]:
    return list(units) * count if len(units) == 1 else list(units)


_encode_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
