"""Structured3D: 3,500 designed houses, rendered furnished and empty, without meshes.

::

    <root>/
    └── [Structured3D/]                        as the zip files have it, or [<zip file's name>/][Structured3D/]
        └── scene_<n>/                         five digits; a scene is the union of the zip files' folders
            ├── [annotation_3d.json]           rooms and planes          (Structured3D_annotation_3d.zip)
            ├── [bbox_3d.json]                 boxes of objects          (Structured3D_bbox.zip)
            └── 2D_rendering/<room>/
                ├── perspective/{full,empty}/<position>/       1280 x 720 (Structured3D_perspective_{full,empty}_*.zip)
                │   ├── rgb_rawlight.png  camera_pose.txt
                │   ├── [depth.png]  [semantic.png]
                │   └── [instance.png]         only in full              (Structured3D_bbox.zip)
                └── panorama/                                  1024 x 512 (Structured3D_panorama_*.zip)
                    ├── camera_xyz.txt
                    └── {full,simple,empty}/   rgb_rawlight.png  [depth.png]  [semantic.png]  [instance.png]

Albedo, normals, ``layout.json``, ``layout.txt`` and the warm and cold light of panoramas are not read.

Streams: ``perspective`` (the default) and ``panorama``, which tasks that ask about a pinhole's view refuse. Of each
scene one rendering is read: ``full``, else ``simple``, else ``empty``, for all its rooms, since a furnished and an
empty image of one place contradict each other. Frame ids are ``<room>/<position>``, of panoramas ``<room>/panorama``;
frames are in the order of these numbers. Splits go by the scene's number, as the README says: below 3000 train, below
3250 val, else test. Scenes that the dataset's own errata list calls invalid are left out.

Conventions (``data_organization.md`` and ``metadata/`` of the dataset's repository): millimetres, z up, no mesh.

- ``camera_pose.txt`` holds the eye, the view direction, up, and half the fields of view; how it becomes an OpenCV pose,
  and where the dataset's own helper must not be followed, is in ``_structured3d_cameras.py``. Panoramas look along +y.
- ``depth.png``: 16 bits, 0 unknown; Z in perspective views, the length of the ray in panoramas, and left so.
- ``instance.png``: 16-bit object ids, 65535 none. They are the frames' instance maps; there is no labelled surface.
  ``bbox_3d.json`` has a box for most ids (left-handed axes are put right), and no label: an object's is the class that
  most of its pixels have in ``semantic.png``, over at most 64 views; of equals, the lowest NYU40 number. Objects that
  no image shows stay unlabelled. Only ``full`` has objects: in an empty room the boxes are not there.
- ``semantic.png``: NYU40 numbers as the raw values of a palette image, so ``--labels raw`` and ``nyu40`` are the same.
  Windows and mirrors that are no object of their own are masked out (``Frame.load_valid``): what one sees there is
  not where their surface is.
- ``annotation_3d.json``: ``Scene.layout``; rooms whose outline is open or crosses itself are left out and counted.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from ..core.counted import counted
from ..core.types import Instance, Scene
from ..errors import SceneError, UnknownName
from . import _structured3d_layout as layout
from ._files import mean_bytes
from ._labels import LabelMap, label_map
from ._structured3d_layout import PANORAMA, PERSPECTIVE, ZIP_FILES
from ._structured3d_maps import Seen, image_header
from ._structured3d_objects import read_boxes, read_objects
from ._structured3d_rooms import read_layout
from ._structured3d_views import CAMERA_FILES, frames_of, views_with_images
from .base import FileNote, Inventory, Nearly, Reader, SceneRef, SceneSummary

__all__ = ["READER", "Structured3DReader"]

_log = logging.getLogger(__name__)

_UP: Final = (0.0, 0.0, 1.0)
_NO_INSTANCES: Final = "no instance map"


class Structured3DReader(Reader):
    """Scenes of Structured3D: perspective views, or panoramas."""

    name = "structured3d"
    summary = "Structured3D: rendered houses with depth, instance maps, boxes and room outlines, without meshes"
    layouts = (
        "scene_<n>/2D_rendering/<room>/perspective/{full,empty}/<position>/rgb_rawlight.png",
        "scene_<n>/2D_rendering/<room>/panorama/{full,simple,empty}/rgb_rawlight.png",
    )
    provides = frozenset({"image", "perspective", "depth", "instances", "up", "layout"})
    streams: ClassVar[tuple[str, ...]] = (PERSPECTIVE, PANORAMA)

    def detect(self, path: Path) -> Path | None:
        place = layout.locate(path)
        return place.root if place else None

    def nearly(self, path: Path) -> Nearly | None:
        missing = layout.lacking(path)
        return None if missing is None else Nearly(*missing)

    def scenes(self, path: Path, *, stream: str | None = None) -> tuple[SceneRef, ...]:
        stream = stream or self.streams[0]
        if stream not in self.streams:
            raise UnknownName(f"stream of {self.name}", stream, self.streams)
        place = layout.locate(path)
        if place is None:
            raise SceneError("no scenes found", path=path, remedy=f"looked for {', '.join(self.layouts)}")
        parts = layout.containers(place.root)
        ids = layout.scene_ids(place.containers) if place.scene is None else (place.scene,)
        valid = tuple(scene for scene in ids if scene not in layout.INVALID_SCENES)
        if not valid:
            raise SceneError(
                "the dataset's errata list calls this scene invalid" if len(ids) == 1 else "all scenes are invalid",
                path=path,
                remedy="choose another scene",
            )
        usable = tuple(scene for scene in valid if layout.has_images(layout.shards(parts, scene), stream))
        if not usable:
            raise _no_images(path, layout.shards(parts, valid[0]), stream)
        if len(valid) < len(ids):
            invalid = counted(len(ids) - len(valid), "scene")
            _log.warning("%s: %s of the dataset's errata list left out", path, invalid)
        if len(usable) < len(valid):
            # Annotations and boxes of all scenes come in one file each, images in 18 parts.
            without = counted(len(valid) - len(usable), "scene")
            _log.warning("%s: %s without %s images left out", path, without, stream)
        return tuple(
            SceneRef(
                id=scene,
                dataset=self.name,
                group=scene,
                root=place.root,
                format=self.name,
                split=layout.split_of(scene),
                stream=stream,
            )
            for scene in usable
        )

    def summary_of(self, ref: SceneRef) -> SceneSummary:
        _, _, rendering = _rendering(ref)
        images = [view.files[layout.IMAGE] for view in rendering.views if layout.IMAGE in view.files]
        width, height = image_header(images[0])
        return SceneSummary(len(images), width, height, mean_bytes(images))

    def check_labels(self, labels: str, root: Path) -> None:
        _labels(labels, root)

    def inventory(self, ref: SceneRef) -> Inventory:
        stream, parts, rendering = _rendering(ref)
        place = "perspective/<rendering>/<position>/" if stream == PERSPECTIVE else "panorama/<rendering>/"
        folder = f"2D_rendering/<room>/{place}"

        def note(name: str, zip_name: str, *gives: str, inside: str = folder) -> FileNote:
            path = next((view.files[name] for view in rendering.views if name in view.files), None)
            return FileNote(f"{inside}{name} ({zip_name})", path, gives)

        camera = folder if stream == PERSPECTIVE else "2D_rendering/<room>/panorama/"
        files = [
            note(layout.IMAGE, ZIP_FILES[stream], "image"),
            note(CAMERA_FILES[stream], ZIP_FILES[stream], "image", inside=camera),
            note("depth.png", ZIP_FILES[stream], "depth"),
            note("semantic.png", ZIP_FILES[stream]),
        ]
        if rendering.variant == "full":
            files.append(note("instance.png", "Structured3D_bbox.zip", "instances"))
            files.append(FileNote("bbox_3d.json (Structured3D_bbox.zip)", layout.find(parts, "bbox_3d.json"), ()))
        if stream == PERSPECTIVE and rendering.variant != "full":
            name = f"2D_rendering/<room>/perspective/full/ ({ZIP_FILES[stream]})"
            files.append(FileNote(name, None, ("instances",)))
        annotation = layout.find(parts, "annotation_3d.json")
        files.append(FileNote("annotation_3d.json (Structured3D_annotation_3d.zip)", annotation, ("layout",)))
        rooms = len({view.room for view in rendering.views})
        return Inventory(layout=f"{stream}, {rendering.variant}, {counted(rooms, 'room')}", files=tuple(files))

    def read(self, ref: SceneRef, *, labels: str = "raw") -> Scene:
        mapping = _labels(labels, ref.root)
        stream, parts, rendering = _rendering(ref)
        skipped: Counter[str] = Counter()
        views, size = views_with_images(rendering, skipped)
        instances: tuple[Instance, ...] = ()
        ids = None
        if rendering.variant == "full":
            boxes, unusable = read_boxes(layout.find(parts, "bbox_3d.json"))
            maps = [
                Seen(view.files["instance.png"], view.files.get("semantic.png"), size)
                for view in views
                if "instance.png" in view.files
            ]
            instances, ids, incomplete = read_objects(boxes, maps, mapping)
            skipped += unusable + incomplete
            skipped[_NO_INSTANCES] += len(views) - len(maps)
        rooms, left_out = read_layout(layout.find(parts, "annotation_3d.json"))
        skipped += left_out
        frames = frames_of(views, stream, size, ref.root, ids, skipped)
        return Scene(
            id=ref.id,
            dataset=ref.dataset,
            group=ref.group,
            frames=frames,
            instances=instances,
            up=np.array(_UP),
            split=ref.split,
            skipped=MappingProxyType(dict(+skipped)),
            layout=rooms,
        )


def _labels(labels: str, root: Path) -> LabelMap:
    """The dataset's own labels are NYU40 classes already."""
    return label_map("raw" if labels == "nyu40" else labels, root)


def _rendering(ref: SceneRef) -> tuple[str, tuple[Path, ...], layout.Rendering]:
    """Stream, folders and views of a scene.

    Raises:
        SceneError: when it has no image of the stream.
    """
    stream = ref.stream or Structured3DReader.streams[0]
    parts = layout.shards(layout.containers(ref.root), ref.id)
    rendering = layout.rendering(parts, stream)
    if rendering is None:
        raise _no_images(parts[0] if parts else ref.root / ref.id, parts, stream)
    return stream, parts, rendering


def _no_images(path: Path, parts: tuple[Path, ...], stream: str) -> SceneError:
    other = PANORAMA if stream == PERSPECTIVE else PERSPECTIVE
    there = f", but there are {other} images" if layout.has_images(parts, other) else ""
    choice = f"take --stream {other}, or " if there else ""
    return SceneError(
        f"no {stream} image ({layout.IMAGE}) is there{there}",
        path=path,
        remedy=f"{choice}unpack {ZIP_FILES[stream]} into the same folder",
    )


READER: Final = Structured3DReader()
