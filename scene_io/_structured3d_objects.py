"""Objects of a Structured3D scene: boxes from ``bbox_3d.json``, labels by vote of the images.

A box's ``ID`` is the object's value in ``instance.png``; rows of ``basis`` are its axes, ``coeffs`` half its sizes, all
in millimetres. Boxes carry no label: an object's is the class most of its pixels have in ``semantic.png``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..core.labels import UNLABELLED
from ..core.types import Instance, OrientedBox
from ..errors import SceneError
from ._files import read_json
from ._labels import LabelMap
from ._structured3d_json import numbers
from ._structured3d_maps import BACKGROUND, NYU40, Seen, votes

__all__ = ["read_boxes", "read_objects"]

NO_BOX: Final = "object without box"
NO_LABEL: Final = "object without label, no image shows it"
BAD_BOX: Final = "object box not of three right angles"
TWICE: Final = "object box with an ID used before"

_MOST_VOTES: Final = 64  # views looked at for labels; scenes have about 22
_MILLIMETRES: Final = 1000.0
_ORTHONORMAL: Final = 1e-2
_REMEDY: Final = "unpack Structured3D_bbox.zip again"


def read_objects(
    boxes: Mapping[int, OrientedBox | None], views: Sequence[Seen], labels: LabelMap
) -> tuple[tuple[Instance, ...], npt.NDArray[np.int64], Counter[str]]:
    """The objects of a scene, in the order of their ids.

    Args:
        boxes: by object id.
        views: the maps of all views; labels are voted on in at most 64 of them, evenly spread.
        labels: gives class names their labels.

    Returns:
        The objects, their ids (k,), and what is missing, counted by reason.
    """
    count = min(len(views), _MOST_VOTES)
    classes = votes(views[i * len(views) // count] for i in range(count))
    skipped: Counter[str] = Counter()
    instances = []
    ids = sorted(boxes.keys() | classes.keys())
    for number in ids:
        name = NYU40[classes.get(number, 0)]
        label = labels(name)[0] if name else UNLABELLED
        box = boxes.get(number)
        skipped[NO_LABEL] += not name
        skipped[NO_BOX] += box is None
        instances.append(Instance(str(number), label, name, box=box))
    return tuple(instances), np.array(ids, np.int64), +skipped


def read_boxes(path: Path | None) -> tuple[dict[int, OrientedBox | None], Counter[str]]:
    """Boxes by object id, metres, with right-handed axes; None where one is stated but is no box.

    Raises:
        SceneError: when the file is cut short or not what its name says.
    """
    boxes: dict[int, OrientedBox | None] = {}
    skipped: Counter[str] = Counter()
    if path is None:
        return boxes, skipped
    records = read_json(path, remedy=_REMEDY)
    if not isinstance(records, list):
        raise SceneError("does not hold a list of boxes", path=path, remedy=_REMEDY)
    for position, record in enumerate(records):
        number = record.get("ID") if isinstance(record, dict) else None
        if not isinstance(number, int) or number < 0:
            raise SceneError(f"box {position} has no ID", path=path, remedy=_REMEDY)
        if number == BACKGROUND:
            continue
        if number in boxes:
            skipped[TWICE] += 1
            continue
        boxes[number] = _box(record, path, f"box {position}")
        skipped[BAD_BOX] += boxes[number] is None
    return boxes, +skipped


def _box(record: dict[str, Any], path: Path, where: str) -> OrientedBox | None:
    basis = numbers(record.get("basis"), (3, 3), path, f"{where}: basis", _REMEDY)
    half = np.abs(numbers(record.get("coeffs"), (3,), path, f"{where}: coeffs", _REMEDY))
    centre = numbers(record.get("centroid"), (3,), path, f"{where}: centroid", _REMEDY)
    if not (np.isfinite(basis).all() and np.isfinite(half).all() and np.isfinite(centre).all()):
        return None
    if np.abs(basis).max() > 2 or np.abs(basis @ basis.T - np.eye(3)).max() > _ORTHONORMAL:
        return None
    left, _, right = np.linalg.svd(basis.T)
    rotation = left @ right
    if np.linalg.det(rotation) < 0:
        rotation[:, 2] *= -1  # the same box: an axis may be named by either of its ends
    return OrientedBox(centre / _MILLIMETRES, 2 * half / _MILLIMETRES, rotation)
