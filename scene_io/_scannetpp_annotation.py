"""Objects of a ScanNet++ mesh, without the vertices hidden for privacy.

``segments.json`` states the segment of each vertex, ``segments_anno.json`` the segments of each object, and
``mesh_aligned_0.05_mask.txt`` lists hidden vertices.

Objects overlap on purpose: a vertex of a pillow also belongs to the bed. As in the dataset's toolkit
(``semantic/transforms/mesh.py``) it goes to the smallest of them by vertices, to the first in the file among equals.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from ._annotations import Annotation, AnnotationFiles, annotation_of, owners, read_segmented
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
    stated = read_segmented(AnnotationFiles(scans.mesh, scans.segments, scans.annotation), vertices)
    if isinstance(stated, Annotation):
        return stated
    skipped: Counter[str] = Counter()
    kept = []
    for group in stated.groups:
        if group.label.strip().lower() == "remove":
            skipped[REMOVED] += 1
        elif group.label.strip() in naming.dropped:
            skipped[STRUCK_OUT] += 1
        else:
            kept.append(group)
    owner = owners(stated.segment_of_vertex, kept, smallest=True)
    claimed = np.unique(owner)
    owner[_masked(scans.mask, vertices)] = -1
    left_out = {int(index): HIDDEN for index in np.setdiff1d(claimed, owner)}
    left_out |= {index: STRUCK_OUT for index, group in enumerate(kept) if group.label.strip() in naming.nameless}
    found = annotation_of(kept, owner, naming.labels, left_out)
    return replace(found, skipped=skipped + found.skipped)


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
