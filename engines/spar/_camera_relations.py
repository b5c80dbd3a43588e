"""What a camera sees of objects, once it is held level: where they are from it, or how they lie to each other.

Where its image shows both of two objects, their order in the image must agree (docs/conventions.md, "Relations of
marked objects").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.object_views import HIDDEN_PX
from ..marked_objects import MarkedObjects
from ..relation_triples import Observer, ObserverView, RelationTriples, Triple

__all__ = ["CameraRelations", "Seen"]


@dataclass(frozen=True, slots=True)
class Seen:
    """How objects lie for a camera.

    Attributes:
        observer: the levelled camera.
        triple: of one object to the camera, or to another object.
        is_in_image: whether the camera's image shows both, so that their order in it agrees with the words.
    """

    observer: Observer
    triple: Triple
    is_in_image: bool


class CameraRelations:
    """Relations as the cameras of a scene have them.

    Args:
        objects: of the scene.
        triples: its relations.
    """

    def __init__(self, objects: MarkedObjects, triples: RelationTriples) -> None:
        self._objects = objects
        self._triples = triples
        self._views: dict[tuple[int, bool], ObserverView | None] = {}

    def view(self, frame: int, *, is_in_image: bool = False) -> ObserverView | None:
        """From a frame's levelled camera; None where that has no heading.

        Args:
            frame: index.
            is_in_image: whether its image shows all that is related, so that their order in it must agree.
        """
        if (frame, is_in_image) not in self._views:
            scene = self._objects.scene
            camera, up = scene.frames[frame].camera, scene.up
            assert up is not None
            observer = Observer.of_camera(camera, up)
            self._views[frame, is_in_image] = (
                None if observer is None else self._triples.seen_by(observer, camera if is_in_image else None)
            )
        return self._views[frame, is_in_image]

    def seen(self, frame: int, things: Sequence[int]) -> Seen | str:
        """Where one object is, or how the first of two lies to the other; or why that cannot be told.

        Args:
            frame: whose camera looks.
            things: one or two objects.
        """
        objects, chosen = self._objects, list(things)
        in_image = len(chosen) > 1 and bool(objects.shown[frame, chosen].all())
        view = self.view(frame, is_in_image=in_image)
        if view is None:
            return "the camera looks too steeply up or down"
        triple = view.of(*chosen)
        if len(chosen) > 1 and not in_image and bool((objects.visible_px[frame, chosen] >= HIDDEN_PX).all()):
            bound = self.view(frame, is_in_image=True)
            assert bound is not None, "a heading does not depend on what an image shows"
            if bound.of(*chosen).signs != triple.signs:
                return "open whether the first image shows both objects"
        return Seen(view.observer, triple, in_image)
