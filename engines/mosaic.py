"""What the questions about view sets share: the objects they speak of, what frames show of those, how hard a set is.

Definitions: docs/conventions.md, "Objects in a frame", "Difficulty and scenario".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from ..core.labels import clean, is_collection, is_see_through, is_structural, synonyms
from ..core.nouns import is_countable, is_plural, plural
from ..core.object_states import CLEAR, MOST_LOST, ObjectStates
from ..core.object_views import CLEAR_PX, HIDDEN_PX
from ..core.types import Mention
from .object_evidence import described

if TYPE_CHECKING:
    from ..core.geometry import SceneGeometry

__all__ = ["LeastState", "MosaicObjects", "difficulty", "scenario"]

_OVERLAP_GRADES: Final = (0.20, 0.10)
"""Mean overlaps from which on a set is easy, and fairly easy, to piece together."""

_OCCLUSION_GRADES: Final = (0.20, 0.50)
"""Shares of the object lost up to which it is easy, and fairly easy, to make out."""

_LEVELS: Final = ("low", "low", "medium", "high", "high")
_LEVELS_OF_OVERLAP: Final = ("low", "medium", "high")

LeastState = Literal["partial", "clear"]
"""The least state in which an object counts as visible."""

IndexArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class MosaicObjects:
    """The objects of a scene that questions may speak of, and what each frame shows of every object.

    Attributes:
        labels: cleaned, of all n instances.
        askable: (n,) bool: whether questions may speak of it: one thing, with a name that has a singular and a plural.
        reasons: why others are never asked about, counted.
    """

    def __init__(self, geometry: SceneGeometry) -> None:
        self.geometry = geometry
        self.scene = geometry.scene
        self.labels = tuple(clean(instance.label) for instance in self.scene.instances)
        why = [_unaskable(label) for label in self.labels]
        self.askable: BoolArray = np.array([not reason for reason in why], dtype=np.bool_)
        self.reasons = Counter(reason for reason in why if reason)
        self._descriptions: dict[int, dict[str, Any]] = {}

    @cached_property
    def states(self) -> ObjectStates | None:
        """How much every frame shows of every object; None where silhouettes are not known (no labelled mesh)."""
        return self.geometry.object_states if "silhouettes" in self.scene.capabilities else None

    @cached_property
    def visible_px(self) -> npt.NDArray[np.int32]:
        """(f, n): visible pixels on the 640 px map."""
        return self.geometry.object_views.visible_px

    @cached_property
    def shown(self) -> BoolArray:
        """(f, n): whether a frame shows an object, partly or clearly."""
        return np.asarray(self.visible_px > CLEAR_PX)

    @cached_property
    def grey(self) -> BoolArray:
        """(f, n): whether it is open if a frame shows an object."""
        return np.asarray((self.visible_px >= HIDDEN_PX) & (self.visible_px <= CLEAR_PX))

    @cached_property
    def alone(self) -> BoolArray:
        """(f, n): whether a frame shows nothing else that goes by an object's name, or might be taken to."""
        hidden: BoolArray = np.asarray(self.visible_px < HIDDEN_PX)
        alone = np.ones_like(hidden)
        for name in set(self.labels):
            same = np.array([other == name for other in self.labels], dtype=np.bool_)
            doubtless = np.asarray(hidden[:, self.doubtful(name)].all(axis=1))
            more = (~hidden[:, same]).sum(axis=1)[:, None] > ~hidden[:, same]
            alone[:, same] = ~more & doubtless[:, None]
        return alone

    def certainty(self, least: LeastState) -> tuple[BoolArray, npt.NDArray[np.float64]]:
        """Whether frames show objects at least partly, or clearly, and how far that is from being otherwise.

        Args:
            least: the least state that counts as shown; ``clear`` needs silhouettes.

        Returns:
            (f, n) bool, and (f, n): quantity / threshold of the closest condition, at least 1 except for grey objects.
        """
        pixels = self.visible_px.astype(np.float64)
        with np.errstate(divide="ignore"):
            hidden = HIDDEN_PX / pixels
        if least == "partial":
            return self.shown, np.where(self.shown, pixels / CLEAR_PX, hidden)
        assert self.states is not None
        total = self.states.total.astype(np.float64)
        clear = self.states.states == CLEAR
        seen = np.minimum(pixels / CLEAR_PX, (1.0 - total) / (1.0 - MOST_LOST))
        return clear, np.where(clear, seen, np.maximum(hidden, np.where(self.grey, 0.0, total / MOST_LOST)))

    def of_kind(self, label: str) -> IndexArray:
        """Objects of this cleaned label or of one that stands for the same kind of thing."""
        alike = synonyms(label)
        return np.flatnonzero([other in alike or label in synonyms(other) for other in self.labels])

    def doubtful(self, label: str) -> IndexArray:
        """Objects of another label that a viewer might take for one, or several, of this one.

        Those of the same kind, and those of which one name ends in the other: an armchair or office chair among chairs,
        a chair among office chairs, a stack of chairs.
        """
        several = plural(label)
        ends = [other.endswith((label, several)) or label.endswith(other) for other in self.labels]
        same = np.array([other == label for other in self.labels], dtype=np.bool_)
        alike = np.array(ends, dtype=np.bool_)
        alike[self.of_kind(label)] = True
        return np.flatnonzero(alike & ~same)

    def mentions(self, instances: Sequence[int], role: str) -> tuple[Mention, ...]:
        """Objects as a fact mentions them."""
        return tuple(Mention(self.scene.instances[index].id, self.labels[index], role) for index in instances)

    def evidence(
        self, frames: Sequence[int], described_ones: Sequence[int], stated: Sequence[int] | None = None
    ) -> dict[str, Any]:
        """The ``objects`` of a fact's evidence.

        Args:
            frames: of the set, in the order shown.
            described_ones: objects that come with their boxes.
            stated: objects whose state in every frame is told; those described when None.
        """
        return {
            "instances": [self._described(index) for index in described_ones],
            "per_frame": (self.states or self.geometry.object_views).per_frame(
                frames, described_ones if stated is None else stated, self.scene
            ),
        }

    def loss_at_best(self, frames: Sequence[int], instances: Sequence[int]) -> float | None:
        """Share of the objects that is lost to occlusion and truncation in each one's best view, on average.

        None where silhouettes are not known.
        """
        if self.states is None:
            return None
        return float(self.states.total[np.ix_(frames, instances)].min(axis=0).mean(dtype=np.float64))

    def _described(self, index: int) -> dict[str, Any]:
        if index not in self._descriptions:
            thing = self.scene.instances[index]
            if {"silhouettes", "up"} <= self.scene.capabilities:
                description = described(thing, self.geometry.object_boxes, index)
            else:
                description = {"id": thing.id, "label": self.labels[index]}
                if thing.box is not None:  # the source's own
                    centre, size, rotation = (
                        side.tolist() for side in (thing.box.centre, thing.box.size, thing.box.rotation)
                    )
                    description |= {
                        "centre": centre,
                        "obb": {"centre": centre, "size": size, "rotation": rotation},
                    }
            self._descriptions[index] = description
        return self._descriptions[index]


def difficulty(mean_overlap: float, lost: float | None) -> Literal["low", "medium", "high"]:
    """How hard a set is: little overlap to piece it together by, and little to see of the object.

    Each is graded 0, 1 or 2; together 0 and 1 are low, 2 is medium, 3 and 4 are high.

    Args:
        mean_overlap: of the pairs of the set, a fraction.
        lost: share of the object lost to occlusion and truncation; None where it is not known, and the grade of the
            overlap alone decides.
    """
    apart = sum(mean_overlap < edge for edge in _OVERLAP_GRADES)
    if lost is None:
        return _LEVELS_OF_OVERLAP[apart]
    return _LEVELS[apart + sum(lost > edge for edge in _OCCLUSION_GRADES)]


def scenario(shown: npt.ArrayLike, asked: Sequence[int], in_scene: Sequence[int]) -> dict[str, str]:
    """Whether every frame shows every object asked about, and whether the scene has more of the kind.

    Args:
        shown: (frames of the set, objects asked about) bool.
        asked: those objects.
        in_scene: all objects of the kind in the scene.
    """
    everywhere = bool(np.asarray(shown, dtype=np.bool_).all())
    return {
        "visibility": "fully_visible" if everywhere else "partially_visible",
        "coverage": "full" if set(in_scene) <= set(asked) else "partial",
    }


def _unaskable(label: str) -> str:
    """Why questions never speak of objects of this cleaned label; empty if they may."""
    if is_structural(label):
        return "part of the building, or without a name"
    if is_see_through(label):
        return "a window or a mirror"
    if is_collection(label) or is_plural(label):
        return "several things annotated as one"
    if not is_countable(label):
        return "a name without singular and plural"
    return ""
