"""Objects of a scan's mesh as ScanNet and ScanNet++ state them: a segment for each vertex, segments for each object.

Segment ids are arbitrary integers, looked up through ``segIndices``; that they often equal vertex numbers is not
relied on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..core.types import Instance
from ..errors import SceneError
from ._files import read_json
from ._labels import LabelMap

__all__ = ["Annotation", "AnnotationFiles", "Group", "Segmented", "annotation_of", "owners", "read_segmented"]

NO_VERTICES: Final = "object without vertices"
NOT_IN_TABLE: Final = "object label not in the label table"
INSTANCES_OFF: Final = "instances off"
_REMEDY: Final = "download or copy it again"


@dataclass(frozen=True, slots=True)
class AnnotationFiles:
    """A mesh, the segments of its vertices and the segments of its objects, which have to be of one release."""

    mesh: Path
    segments: Path
    objects: Path

    def unusable(self, path: Path, what: str) -> Annotation:
        """No objects, because of one file: counted under a reason that names it, with the whole path for the log.

        Args:
            path: of that file.
            what: is wrong with it.
        """
        names = f"{self.mesh.name}, {self.segments.name} and {self.objects.name}"
        remedy = f"download {names} of the scan again, all of one release"
        problem = SceneError(f"{what}; instances are off", path=path, remedy=remedy)
        return Annotation((), None, Counter({f"{INSTANCES_OFF}: {path.name} {what}": 1}), problem)


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """Objects, and the index into them of every vertex (-1 none; None where there are no usable labels).

    ``problem`` says why the annotation that is there cannot be used, None where it can or where there is none.
    """

    instances: tuple[Instance, ...]
    vertex_instance: npt.NDArray[np.int32] | None
    skipped: Counter[str]
    problem: SceneError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """One entry of ``segGroups``: objectId as text, raw label, ids of its segments."""

    id: str
    label: str
    segments: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Segmented:
    """What the two files say.

    Attributes:
        segment_of_vertex: (n,) segment ids.
        groups: objects in the file's order, no id twice.
        segments_file: the ``segmentsFile`` that the objects' file names, or "".
    """

    segment_of_vertex: npt.NDArray[np.int64]
    groups: list[Group]
    segments_file: str


def read_segmented(files: AnnotationFiles, vertices: int) -> Segmented | Annotation:
    """Segments and objects of a mesh with so many vertices.

    An annotation without objects instead where there is none (test scans), or it belongs to another mesh.

    Raises:
        SceneError: when a file is cut short or not what its name says.
    """
    segments_there, objects_there = files.segments.is_file(), files.objects.is_file()
    if not segments_there and not objects_there:
        return Annotation((), None, Counter())
    if not segments_there or not objects_there:
        return files.unusable(files.objects if segments_there else files.segments, "is missing")
    segment_of_vertex = _segments(files.segments)
    groups, segments_file = _groups(files.objects)
    if len(segment_of_vertex) != vertices:
        return files.unusable(files.segments, f"has {len(segment_of_vertex)} entries, the mesh {vertices} vertices")
    if len({group.id for group in groups}) != len(groups):
        return files.unusable(files.objects, "uses an objectId twice")
    return Segmented(segment_of_vertex, groups, segments_file)


def owners(
    segment_of_vertex: npt.NDArray[np.int64], groups: Sequence[Group], *, smallest: bool
) -> npt.NDArray[np.int64]:
    """(n,) index of the group that owns each vertex, -1 for none.

    Where several claim a segment it goes to the last in the file, or to the ``smallest`` by vertices, the first in the
    file among equals.
    """
    segments, position, counts = np.unique(segment_of_vertex, return_inverse=True, return_counts=True)
    places, sizes = [], []
    for group in groups:
        at = np.searchsorted(segments, np.unique(group.segments))
        at = at[at < len(segments)]
        at = at[np.isin(segments[at], group.segments)]
        places.append(at)
        sizes.append(int(counts[at].sum()))
    owner = np.full(len(segments), -1, np.int64)
    order = range(len(groups))
    for index in sorted(order, key=lambda one: (-sizes[one], -one)) if smallest else order:
        owner[places[index]] = index  # later ones overwrite
    return owner[position]


def annotation_of(
    groups: Sequence[Group],
    owner: npt.NDArray[np.int64],
    labels: LabelMap,
    left_out: Mapping[int, str] = MappingProxyType({}),
) -> Annotation:
    """The objects of groups, which own vertices.

    Args:
        groups: in the file's order.
        owner: (n,) index of the group that owns each vertex, -1 for none.
        labels: gives raw labels their names.
        left_out: groups that become no object, by index, with the reason they are counted under; those without
            vertices become none either.
    """
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(len(groups) + 1))
    skipped: Counter[str] = Counter()
    instances: list[Instance] = []
    place = np.full(len(groups) + 1, -1, np.int32)  # the last entry stands for "none", index -1
    for index, group in enumerate(groups):
        vertex_ids = order[starts[index] : starts[index + 1]]
        if index in left_out or not len(vertex_ids):
            skipped[left_out.get(index, NO_VERTICES)] += 1
            continue
        label, known = labels(group.label)
        if not known:
            skipped[NOT_IN_TABLE] += 1
        place[index] = len(instances)
        instances.append(Instance(group.id, label, group.label, vertex_ids))
    return Annotation(tuple(instances), place[owner], skipped)


def _segments(path: Path) -> npt.NDArray[np.int64]:
    """``segIndices``: the segment of each vertex.

    Raises:
        SceneError: when the file is cut short or not what its name says.
    """
    loaded = _json(path)
    values = loaded.get("segIndices")
    if not isinstance(values, list):
        raise SceneError("has no list segIndices", path=path, remedy=_REMEDY)
    return _integers(values, path, "segIndices")


def _groups(path: Path) -> tuple[list[Group], str]:
    """``segGroups`` in the file's order, and the ``segmentsFile`` it names or ""; errors as above."""
    loaded = _json(path)
    groups = loaded.get("segGroups")
    if not isinstance(groups, list):
        raise SceneError("has no list segGroups", path=path, remedy=_REMEDY)
    found = []
    for position, group in enumerate(groups):
        where = f"segGroups[{position}]"
        if not isinstance(group, dict) or not isinstance(group.get("segments"), list) or "label" not in group:
            raise SceneError(f"{where} has no label or no segments", path=path, remedy=_REMEDY)
        number = group.get("objectId", group.get("id"))
        if number is None:
            raise SceneError(f"{where} has no objectId", path=path, remedy=_REMEDY)
        found.append(Group(str(number), str(group["label"]), _integers(group["segments"], path, where)))
    return found, str(loaded.get("segmentsFile", ""))


def _integers(values: list[Any], path: Path, where: str) -> npt.NDArray[np.int64]:
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        array = None
    if array is None or (len(values) and (array.ndim != 1 or array.dtype.kind not in "iu")):
        raise SceneError(f"{where} does not hold whole numbers", path=path, remedy=_REMEDY)
    return array.astype(np.int64)


def _json(path: Path) -> dict[str, Any]:
    loaded = read_json(path, remedy=_REMEDY)
    if not isinstance(loaded, dict):
        raise SceneError("does not hold an object", path=path, remedy=_REMEDY)
    return loaded
