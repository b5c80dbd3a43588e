"""Bird's-eye maps: where objects that three images show lie, as the first image's camera has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np

from ...core.types import BoxMark, BoxRef, Fact
from ..marked_objects import MarkedObjects
from ..sampling import deal
from ..view_groups import ViewGroups
from ._imagined_views import ImaginationParameters, ImaginedViews
from ._marked_items import NO_FRAMES

__all__ = ["map_facts"]

_TRIES: Final = 3  # sets of three frames looked at for each fact wanted
_DECIMALS: Final = 5  # of metres, in the evidence

Frames = tuple[int, ...]


def map_facts(
    task: str,
    objects: MarkedObjects,
    groups: ViewGroups,
    views: ImaginedViews,
    parameters: ImaginationParameters,
    limit: int,
    rng: np.random.Generator,
    reasons: Counter[str],
) -> Iterator[Fact]:
    """Up to ``limit`` maps, each of other frames; numbers of objects take turns.

    Args:
        task: its name.
        objects: of the scene.
        groups: its frames.
        views: from its cameras.
        parameters: limits.
        limit: facts wanted.
        rng: decides which objects, and in which image each is marked.
        reasons: why sets of frames are left out, counted.
    """
    sizes = range(parameters.least_map_objects, parameters.most_map_objects + 1)
    deck = deal(limit, (len(sizes),), objects.scene.id, task)[:, 0].tolist()
    stated = 0
    triples = groups.triples(_TRIES * limit, rng, objects.shows)
    if not triples:
        reasons[NO_FRAMES] += 1
    for frames in triples:
        if stated == limit:
            return
        view = views.cameras.view(frames[0])
        if view is None:
            reasons["the first image's camera has no heading"] += 1
            continue
        things, marks = _marks(objects, frames, sizes[deck[stated]], rng)
        if not things:
            reasons["the first image shows all that the others do"] += 1
            continue
        if len(things) < sizes[0]:
            reasons["too few objects whose marks do not meet"] += 1
            continue
        places = np.array([view.place(thing) for thing in things])
        stated += 1
        yield Fact(
            task=task,
            frames=frames,
            variant="box",
            form="sentence",
            value=tuple(places[:, [0, 2]].ravel().tolist()),
            boxes=marks,
            objects=objects.mentions(things, "target"),
            slots={"objects": _listed(len(things))},
            evidence={
                "objects": objects.marked_evidence(frames, things),
                "pairs": groups.evidence(frames),
                "map": {
                    "from": view.observer.evidence(),
                    "places": [
                        {"id": objects.scene.instances[thing].id, "right_up_forward": place}
                        for thing, place in zip(things, places.round(_DECIMALS).tolist(), strict=True)
                    ],
                },
                "thresholds": {"least_map_objects": sizes[0], "most_map_objects": sizes[-1]},
            },
            overlap=groups.largest_overlap(frames),
            occlusion=objects.loss_at_best(frames, things),
        )


def _marks(
    objects: MarkedObjects, frames: Frames, wanted: int, rng: np.random.Generator
) -> tuple[list[int], tuple[BoxMark, ...]]:
    """Objects and their marks, one each, that do not meet; one at least is not shown in the first frame, or none."""
    shows = objects.shows[list(frames)]
    order: list[int] = rng.permutation(np.flatnonzero(shows.any(axis=0))).tolist()
    elsewhere = next((thing for thing in order if not objects.shown[frames[0], thing]), None)
    if elsewhere is None:
        return [], ()
    order.sort(key=lambda thing: thing != elsewhere)
    found: list[tuple[int, int]] = []
    marks: list[BoxMark] = []
    for thing in order:
        image = int(rng.choice(np.flatnonzero(shows[:, thing])))
        mark = objects.box(thing, frames[image], image)
        if objects.are_apart(frames, [*marks, mark]):
            found.append((thing, image))
            marks.append(mark)
        if len(found) == wanted:
            break
    found = [found[place] for place in rng.permutation(len(found)).tolist()]
    return [thing for thing, _ in found], tuple(
        objects.box(thing, frames[image], image, "blue", label=f"object{place}")
        for place, (thing, image) in enumerate(found)
    )


def _listed(count: int) -> tuple[BoxRef | str, ...]:
    """``object0, object1, object2``."""
    return tuple(part for place in range(count) for part in ((", ",) if place else ()) + (BoxRef(place),))
