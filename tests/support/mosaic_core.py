"""The product's object states against the independent witness, pair by pair of frame and object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.object_states import STATE_NAMES

from .mosaic_oracle import Stage

LARGE_PX = 400
"""From so many pixels of silhouette on, occlusion is held to a share; below, both counts to pixels."""


@dataclass
class CoreAgreement:
    """How far the product is from the witness.

    Attributes:
        occlusion: of every pair with a silhouette of at least 400 px, the error.
        small: of every other pair, by how many pixels the visible or the silhouette's count differ, the larger.
        truncation: the error, of every pair.
        boxes: of every box, modal and amodal, the error of its worst side, in pixels of the map.
        states: pairs by product's state and witness's.
        faults: what cannot be excused by a pixel or a sample at a threshold.
    """

    occlusion: list[float] = field(default_factory=list)
    small: list[int] = field(default_factory=list)
    truncation: list[float] = field(default_factory=list)
    boxes: list[float] = field(default_factory=list)
    states: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, stage: Stage, geometry: SceneGeometry, frames: Iterable[tuple[int, int]]) -> None:
        """Compares all objects in some frames.

        Args:
            stage: the witness.
            geometry: the product's, of the same scene.
            frames: index among the product's frames, and number of the truth's, of each.
        """
        states = geometry.object_states
        for index, frame in frames:
            for column, thing in enumerate(geometry.scene.instances):
                self._compare(stage, states, (index, column), (frame, int(thing.id)))

    def _compare(self, stage: Stage, states: object, at: tuple[int, int], key: tuple[int, int]) -> None:
        view = stage.view(*key)
        told = {
            name: getattr(states, name)[at]
            for name in ("visible_px", "in_image_px", "occlusion", "truncation", "states")
        }
        name = STATE_NAMES[told["states"]]
        self.states[name, view.state] += 1
        if not view.may_be(name):
            self.faults.append(f"{key} {stage.names[key[1]]}: {name}, truth {view.state}")
        if max(view.in_image_px, int(told["in_image_px"])) >= LARGE_PX:
            self.occlusion.append(abs(float(told["occlusion"]) - view.occlusion))
        else:
            differences = int(told["visible_px"]) - view.visible_px, int(told["in_image_px"]) - view.in_image_px
            self.small.append(max(map(abs, differences)))
        self.truncation.append(abs(float(told["truncation"]) - view.truncation))
        for kind, true in (("modal", view.modal), ("amodal", view.amodal)):
            stated = getattr(states, f"{kind}_boxes")[at].astype(float)
            if true is None or np.isnan(stated).any():
                if (true is None) != bool(np.isnan(stated).all()) and (view.in_image_px > 4 or view.visible_px > 4):
                    self.faults.append(f"{key} {stage.names[key[1]]}: {kind} box {stated}, truth {true}")
            else:
                self.boxes.append(float((np.abs(stated - true) / np.tile(stage.scale, 2)).max()))

    def report(self) -> str:
        lines = [f"states {dict(self.states)}", *self.faults[:8]]
        for name in ("occlusion", "small", "truncation", "boxes"):
            found = np.array(getattr(self, name))
            quantiles = np.quantile(found, (0.5, 0.99, 0.999, 1)).round(5).tolist() if len(found) else []
            lines.append(f"{name}: {len(found)}, median, 99 %, 99.9 %, largest {quantiles}")
        return "\n".join(lines)
