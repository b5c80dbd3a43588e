"""Objects of a ScanNet mesh: ``segs.json`` (segment of each vertex) and ``aggregation.json`` (segments of each object).

A vertex belongs to the object that owns its segment; where several claim one, the last in the file wins, as in
ScanNet's own scripts.
"""

from __future__ import annotations

from ._annotations import Annotation, AnnotationFiles, annotation_of, owners, read_segmented
from ._labels import LabelMap
from ._scannet_layout import MeshFiles

__all__ = ["read_annotation"]


def read_annotation(files: MeshFiles, vertices: int, labels: LabelMap) -> Annotation:
    """The objects of a mesh; none where the scan has no annotation (test scans) or it belongs to another mesh.

    Args:
        files: mesh and the annotation made for it.
        vertices: of the mesh.
        labels: gives raw labels their names.

    Raises:
        SceneError: when a file is cut short or not what its name says.
    """
    together = AnnotationFiles(files.mesh, files.segments, files.aggregation)
    stated = read_segmented(together, vertices)
    if isinstance(stated, Annotation):
        return stated
    if stated.segments_file.endswith("_vh_clean_2.0.010000.segs.json" if files.full else "_vh_clean.segs.json"):
        return together.unusable(files.aggregation, "was made for the other mesh")
    return annotation_of(stated.groups, owners(stated.segment_of_vertex, stated.groups, smallest=False), labels)
