"""Objects of a ScanNet mesh: ``segs.json`` (segment of each vertex) and ``aggregation.json`` (segments of each object).

A vertex belongs to the object that owns its segment; where several claim one, the last in the file wins, as in
ScanNet's own scripts. Segment ids are arbitrary integers.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..core.types import Instance
from ..errors import SceneError
from ._labels import LabelMap
from ._scannet_layout import MeshFiles

__all__ = [
    "NOT_IN_TABLE",
    "NO_VERTICES",
    "Annotation",
    "Group",
    "instances_off",
    "read_annotation",
    "read_groups",
    "read_segments",
]

NO_VERTICES: Final = "object without vertices"
NOT_IN_TABLE: Final = "object label not in the label table"
INSTANCES_OFF: Final = "instances off"
_REMEDY: Final = "download or copy it again"


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """Objects, and the index into them of every vertex (-1 none; None where there are no usable labels).

    ``problem`` says why the annotation that is there cannot be used, None where it can or where there is none.
    """

    instances: tuple[Instance, ...]
    vertex_instance: npt.NDArray[np.int32] | None
    skipped: Counter[str]
    problem: SceneError | None = None


def read_annotation(files: MeshFiles, vertices: int, labels: LabelMap) -> Annotation:
    """The objects of a mesh; none where the scan has no annotation (test scans) or it belongs to another mesh.

    Args:
        files: mesh and the annotation made for it.
        vertices: of the mesh.
        labels: gives raw labels their names.

    Raises:
        SceneError: when a file is cut short or not what its name says.
    """
    together = (files.mesh, files.segments, files.aggregation)
    present = [path.is_file() for path in together[1:]]
    if not any(present):
        return Annotation((), None, Counter())
    if not all(present):
        return instances_off(files.aggregation if present[0] else files.segments, "is missing", together)
    segment_of_vertex = read_segments(files.segments)
    groups, stated = read_groups(files.aggregation)
    if len(segment_of_vertex) != vertices:
        return instances_off(
            files.segments, f"has {len(segment_of_vertex)} entries, the mesh {vertices} vertices", together
        )
    if stated.endswith("_vh_clean_2.0.010000.segs.json" if files.full else "_vh_clean.segs.json"):
        return instances_off(files.aggregation, "was made for the other mesh", together)
    ids = [group.id for group in groups]
    if len(set(ids)) != len(ids):
        return instances_off(files.aggregation, "uses an objectId twice", together)

    segments, position = np.unique(segment_of_vertex, return_inverse=True)
    owner = np.full(len(segments), -1, np.int64)
    for index, group in enumerate(groups):
        at = np.searchsorted(segments, group.segments)
        at = at[(at < len(segments))]
        owner[at[np.isin(segments[at], group.segments)]] = index
    group_of_vertex = owner[position]

    skipped: Counter[str] = Counter()
    instances: list[Instance] = []
    place = np.full(len(groups) + 1, -1, np.int32)  # the last entry stands for "none", index -1
    members = np.split(
        np.argsort(group_of_vertex, kind="stable"),
        np.searchsorted(np.sort(group_of_vertex), np.arange(len(groups))),
    )[1:]
    for index, (group, vertex_ids) in enumerate(zip(groups, members, strict=True)):
        if not len(vertex_ids):
            skipped[NO_VERTICES] += 1
            continue
        label, known = labels(group.label)
        if not known:
            skipped[NOT_IN_TABLE] += 1
        place[index] = len(instances)
        instances.append(Instance(group.id, label, group.label, vertex_ids))
    return Annotation(tuple(instances), place[group_of_vertex], skipped)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """One entry of ``segGroups``: objectId as text, raw label, ids of its segments."""

    id: str
    label: str
    segments: npt.NDArray[np.int64]


def instances_off(path: Path, what: str, files: tuple[Path, Path, Path]) -> Annotation:
    """No objects, because of one file: counted under a reason that names it, with the whole path for the log.

    Args:
        path: of that file.
        what: is wrong with it.
        files: mesh, segments and objects, which have to be of one release.
    """
    mesh, segments, objects = (file.name for file in files)
    remedy = f"download {mesh}, {segments} and {objects} of the scan again, all of one release"
    problem = SceneError(f"{what}; instances are off", path=path, remedy=remedy)
    return Annotation((), None, Counter({f"{INSTANCES_OFF}: {path.name} {what}": 1}), problem)


def read_segments(path: Path) -> npt.NDArray[np.int64]:
    """``segIndices``: the segment of each vertex.

    Raises:
        SceneError: when the file is cut short or not what its name says.
    """
    loaded = _json(path)
    values = loaded.get("segIndices")
    if not isinstance(values, list):
        raise SceneError("has no list segIndices", path=path, remedy=_REMEDY)
    return _integers(values, path, "segIndices")


def read_groups(path: Path) -> tuple[list[Group], str]:
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
    try:
        loaded = json.loads(path.read_bytes())
    except OSError as error:
        raise SceneError(f"cannot be read ({error.strerror})", path=path, remedy=_REMEDY) from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SceneError(f"is cut short or not JSON ({error})", path=path, remedy=_REMEDY) from None
    if not isinstance(loaded, dict):
        raise SceneError("does not hold an object", path=path, remedy=_REMEDY)
    return loaded
