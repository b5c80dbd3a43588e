"""Objects of a ScanNet++ mesh, without the vertices hidden for privacy.

``segments.json`` states the segment of each vertex, ``segments_anno.json`` the segments of each object, and
``mesh_aligned_0.05_mask.txt`` lists hidden vertices.

Objects overlap on purpose: a vertex of a pillow also belongs to the bed. As in the dataset's toolkit
(``semantic/transforms/mesh.py``) it goes to the smallest of them by vertices, to the first in the file among equals.
Segment ids are looked up through ``segIndices``; that they often equal vertex numbers is not relied on.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.types import Instance
from ..errors import SceneError
from ._annotations import (
    NO_VERTICES,
    NOT_IN_TABLE,
    Annotation,
    Group,
    instances_off,
    read_groups,
    read_segments,
)
from ._scannetpp_labels import Naming
from ._scannetpp_layout import Scans

__all__ = ["read_annotation"]

REMOVED: Final = 'object labelled "remove"'
STRUCK_OUT: Final = "object struck out by the label map"
HIDDEN: Final = "object only of masked vertices"

_REMEDY: Final = "download or copy it again"
_MASK_LIMIT: Final = 16  # bytes a vertex: a number of seven digits and a line end, with room


def read_annotation(scans: Scans, vertices: int, naming: Naming) -> Annotation:
    """The objects of the mesh; none where the scan has no annotation (the test scenes).

    Args:
        scans: mesh, segments, annotation and mask.
        vertices: of the mesh.
        naming: gives raw labels their names and says which are left out.

    Raises:
        SceneError: when a file is cut short or not what its name says.
    """
    together = (scans.mesh, scans.segments, scans.annotation)
    present = [path.is_file() for path in together[1:]]
    if not any(present):
        return Annotation((), None, Counter())
    if not all(present):
        return instances_off(scans.annotation if present[0] else scans.segments, "is missing", together)
    segment_of_vertex = read_segments(scans.segments)
    groups, _ = read_groups(scans.annotation)
    if len(segment_of_vertex) != vertices:
        return instances_off(
            scans.segments, f"has {len(segment_of_vertex)} entries, the mesh {vertices} vertices", together
        )
    if len({group.id for group in groups}) != len(groups):
        return instances_off(scans.annotation, "uses an objectId twice", together)
    skipped: Counter[str] = Counter()
    kept = []
    for group in groups:
        if group.label.strip().lower() == "remove":
            skipped[REMOVED] += 1
        elif group.label.strip() in naming.dropped:
            skipped[STRUCK_OUT] += 1
        else:
            kept.append(group)
    owner = _owners(segment_of_vertex, kept)
    claimed = np.bincount(owner[owner >= 0], minlength=len(kept))
    owner[_masked(scans.mask, vertices)] = -1
    return _annotation(kept, owner, claimed, naming, skipped)


def _owners(segment_of_vertex: npt.NDArray[np.int64], groups: list[Group]) -> npt.NDArray[np.int64]:
    """(n,) index of the group that owns each vertex, -1 for none."""
    segments, position, counts = np.unique(segment_of_vertex, return_inverse=True, return_counts=True)
    places, sizes = [], []
    for group in groups:
        at = np.searchsorted(segments, np.unique(group.segments))
        at = at[at < len(segments)]
        at = at[np.isin(segments[at], group.segments)]
        places.append(at)
        sizes.append(int(counts[at].sum()))
    owner = np.full(len(segments), -1, np.int64)
    for index in sorted(range(len(groups)), key=lambda one: (-sizes[one], -one)):
        owner[places[index]] = index  # the smaller overwrite the larger
    return owner[position]


def _annotation(
    groups: list[Group],
    owner: npt.NDArray[np.int64],
    claimed: npt.NDArray[np.int64],
    naming: Naming,
    skipped: Counter[str],
) -> Annotation:
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(len(groups) + 1))
    instances: list[Instance] = []
    place = np.full(len(groups) + 1, -1, np.int32)  # the last entry stands for "none", index -1
    for index, group in enumerate(groups):
        vertex_ids = order[starts[index] : starts[index + 1]]
        if group.label.strip() in naming.nameless:
            skipped[STRUCK_OUT] += 1
        elif not len(vertex_ids):
            skipped[HIDDEN if claimed[index] else NO_VERTICES] += 1
        else:
            label, known = naming.labels(group.label)
            if not known:
                skipped[NOT_IN_TABLE] += 1
            place[index] = len(instances)
            instances.append(Instance(group.id, label, group.label, vertex_ids))
    return Annotation(tuple(instances), place[owner], skipped)


def _masked(path: Path, vertices: int) -> npt.NDArray[np.int64]:
    """Numbers of the vertices hidden for privacy; none where there is no such file."""
    if not path.is_file():
        return np.empty(0, np.int64)
    try:
        if path.stat().st_size > _MASK_LIMIT * vertices + 1024:
            raise SceneError(f"is longer than a list of {vertices} vertices", path=path, remedy=_REMEDY)
        numbers = np.array(path.read_text(encoding="utf-8").split(), np.int64)
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy=_REMEDY) from None
    except (ValueError, OverflowError):
        raise SceneError("is not a list of vertex numbers", path=path, remedy=_REMEDY) from None
    if len(numbers) and not (numbers.min() >= 0 and numbers.max() < vertices):
        raise SceneError(f"names vertices beyond the {vertices} of the mesh", path=path, remedy=_REMEDY)
    return numbers
