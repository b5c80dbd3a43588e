"""``scans/`` of a ScanNet++ scene: mesh, segments, objects that overlap, and the lists beside the scenes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np

from .labels import NYU40_IDS
from .noise import Scan
from .ply import write_ply
from .render import vertex_colors
from .scene import SyntheticScene

__all__ = ["write_lists", "write_scans", "write_tables"]

_CLASSES: Final = tuple(sorted(NYU40_IDS))
_STRUCTURE: Final = ("ceiling", "floor", "wall")
_MERGED: Final = {"armchair": "chair", "office chair": "chair", "end table": "table", "coffee table": "table"}
"""Of ``map_benchmark.csv``: classes too rare for a benchmark of their own."""
_IGNORED: Final = -100  # of mesh_aligned_0.05_semantic.ply
_TOP: Final = 100


def write_scans(folder: Path, scene: SyntheticScene, scan: Scan) -> None:
    """Write the mesh, its semantic copy, an empty list of hidden vertices, segments and objects.

    What stands on a piece of furniture belongs to it too, as in the dataset: readers give a vertex to the smallest.
    """
    colors = vertex_colors(scene)[scan.source]
    stem = folder / "mesh_aligned_0.05"
    write_ply(stem.with_name(f"{stem.name}.ply"), scan.vertices, scan.faces, colors)
    label = {thing.id: _CLASSES.index(thing.label) for thing in scene.objects}
    table = np.full(max(label) + 2, _IGNORED, np.int16)  # the last stands for no object, -1
    table[list(label)] = list(label.values())
    semantic = table[scan.vertex_instance]
    write_ply(stem.with_name(f"{stem.name}_semantic.ply"), scan.vertices, scan.faces, colors, semantic)
    stem.with_name(f"{stem.name}_mask.txt").write_text("", encoding="ascii")
    segments = {"params": {}, "sceneId": scene.id, "segIndices": scan.segments.tolist()}
    (folder / "segments.json").write_text(json.dumps(segments, separators=(",", ":")), encoding="ascii")
    annotation = {"sceneId": scene.id, "appId": "Aggregator.v3", "segGroups": _groups(scene, scan)}
    (folder / "segments_anno.json").write_text(json.dumps(annotation), encoding="ascii")


def _groups(scene: SyntheticScene, scan: Scan) -> list[dict[str, object]]:
    segment, first = np.unique(scan.segments, return_index=True)
    owner = scan.vertex_instance[first]
    own = {thing.id: segment[owner == thing.id].tolist() for thing in scene.objects}
    parents = {thing.id: thing.parent for thing in scene.objects if thing.relation == "stands_on"}
    room = {thing.id for thing in scene.objects if thing.relation == "part_of_room"}
    everything = {number: list(segments) for number, segments in own.items()}
    for number, segments in own.items():
        # All the way down: of two objects that share a vertex one then holds the other whole, and is larger.
        below = parents.get(number)
        while below is not None and below not in room:
            everything[below] += segments
            below = parents.get(below)
    return [
        {
            "id": thing.id,
            "objectId": thing.id,
            "label": thing.label,
            "segments": everything[thing.id],
            "obb": {
                "centroid": thing.box.centre.tolist(),
                "axesLengths": thing.box.size.tolist(),
                "normalizedAxes": thing.box.rotation.T.ravel().tolist(),  # axis after axis
            },
        }
        for thing in scene.objects
    ]


def write_tables(root: Path) -> None:
    """Write ``metadata/`` but for what it says of single scenes."""
    benchmark = root / "metadata" / "semantic_benchmark"
    benchmark.mkdir(parents=True, exist_ok=True)
    objects = [name for name in _CLASSES if name not in _STRUCTURE]
    for path, names in (
        (root / "metadata" / "semantic_classes.txt", _CLASSES),
        (root / "metadata" / "instance_classes.txt", objects),
        (benchmark / "top100.txt", [name for name in _CLASSES if name not in _MERGED][:_TOP]),
        (benchmark / "top100_instance.txt", [name for name in objects if name not in _MERGED][:_TOP]),
    ):
        path.write_text("".join(f"{name}\n" for name in names), encoding="ascii")
    lines = ["class,count,semantic_map_to,instance_map_to"]
    for name in _CLASSES:
        merged = _MERGED.get(name, "")
        lines.append(f"{name},1,{merged},{'None' if name in _STRUCTURE else merged}")
    (benchmark / "map_benchmark.csv").write_text("\n".join(lines) + "\n", encoding="ascii")


def write_lists(root: Path) -> None:
    """Write which split each complete scene belongs to, all to training, and what kind of room it is."""
    scenes = sorted(folder.name for folder in (root / "data").iterdir())
    kinds = {}
    for scene in scenes:
        truth = json.loads((root / "data" / scene / "scans" / "truth.json").read_text(encoding="utf-8"))
        kinds[scene] = truth["room"]["scene_type"]
    for path, text in (
        (root / "splits" / "nvs_sem_train.txt", "".join(f"{scene}\n" for scene in scenes)),
        (root / "splits" / "nvs_sem_val.txt", ""),
        (root / "metadata" / "scene_types.json", json.dumps(kinds, indent=1) + "\n"),
    ):
        if path.is_file() and path.read_text(encoding="ascii") == text:
            continue
        path.parent.mkdir(exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text, encoding="ascii")
        partial.replace(path)
