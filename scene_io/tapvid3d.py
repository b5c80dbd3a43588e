"""TAPVid-3D: videos with points followed in 3D, one ``.npz`` file each.

::

    <root>/                              tapvid3d_dataset/ where generate_all.sh made it (its parent may be given too)
    ├── adt/<sequence>_<piece>.npz       Aria Digital Twin: 512 x 512, up to 300 frames, worn camera
    ├── pstudio/<sequence>_<camera>.npz  Panoptic Studio: 640 x 360, 150 frames, camera on the wall
    ├── drivetrack/tapvid3d_<segment>_<camera>_<object>.npz   Waymo: 1920 x 1280, camera on a car
    └── <name>.npz                       or files of any source side by side, as the minival download has them

    images_jpeg_bytes   t JPEG files: byte strings of fixed length ('S'), or an object array
    tracks_XYZ          (t, n, 3) metres, step t in the frame of camera t (the README spells it tracks_xyz)
    visibility          (t, n)
    fx_fy_cx_cy         (4,) pixels (the README: intrinsics)
    queries_xyt         (n, 3) where the benchmark starts each track; not needed here
    [extrinsics_w2c]    (t, 4, 4) world to camera; never in pstudio, and not in every adt file

The source is the name of the folder, else what the file name looks like, else unknown. Other ``.npz`` files beside the
videos are passed over. A scene is called ``<source>_<file name>``; pieces of one recording and the cameras around one
Panoptic scene share a group. Frame ids are steps, from 0; times are steps divided by the source's frame rate (adt and
pstudio 30 Hz, drivetrack 10 Hz, unknown 30 Hz; the files state none).

Conventions (TAPVid-3D's README, generators and notebook): OpenCV axes, metres. With ``extrinsics_w2c`` tracks are
turned into the world. The cameras of pstudio stand still, so the camera's own frame is the world. Of any other video
without extrinsics nothing is known about the camera's motion: its tracks stay in the camera's frame
(``Tracks.space``), its poses are placeholders (identity), and ``Scene.skipped`` says so.

There is no up axis: the three sources have different ones, and without extrinsics the camera's frame has none.

Half pixels: ``fx_fy_cx_cy`` is used as it stands, with (0, 0) as the centre of the first pixel, so that projected
points are where ``queries_xyt`` says. The dataset itself is of two minds: adt's images were rectified with these
numbers by Project Aria's linear camera, which counts from the first pixel's centre (and then turned by 90 degrees),
while its generator looks up the pixel of (x, y) as if they counted from the image's corner. So pictures and points may
differ by up to a pixel, a tenth of a mark's radius.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.types import Camera, Frame, Scene, Tracks
from ..errors import SceneError
from ..media.npz import REPAIR, member_names
from ..media.npz_video import IMAGES, NpzVideo
from ..media.references import frame_reference
from . import _tapvid3d_layout as layout
from . import _tapvid3d_video as arrays
from .base import FileNote, Inventory, Nearly, Reader, SceneRef, SceneSummary

__all__ = ["READER", "TAPVid3DReader"]

_log = logging.getLogger(__name__)

_LOOKED_INTO: Final = 8  # archives of a folder that is not known to hold videos
_UNKNOWN_RATE: Final = 30.0
_NO_POSES: Final = f"camera poses not stated (no {arrays.EXTRINSICS}), motion in the world unknown"


@dataclass(frozen=True, slots=True)
class VideoImage:
    """Loads the encoded image of one step of a video."""

    video: NpzVideo
    step: int

    def __call__(self) -> bytes:
        return self.video.image_bytes(self.step)


class TAPVid3DReader(Reader):
    """Videos of TAPVid-3D: Aria Digital Twin, Panoptic Studio, DriveTrack."""

    name = "tapvid3d"
    summary = "TAPVid-3D: videos with 3D point tracks (Aria Digital Twin, Panoptic Studio, DriveTrack)"
    layouts = (
        "{adt,pstudio,drivetrack}/*.npz",
        "*.npz with images_jpeg_bytes and tracks_XYZ",
    )
    provides = frozenset({"image", "perspective", "tracks", "world_tracks", "time", "trajectory"})

    def detect(self, path: Path) -> Path | None:
        place = layout.locate(path)
        return place.root if place else None

    def nearly(self, path: Path) -> Nearly | None:
        folders = [name for name in layout.SOURCES if (path / name).is_dir()]
        if len(folders) > 1:
            what = "run TAPVid-3D's generate_all.sh, or copy the videos into these folders"
            return Nearly("a folder of TAPVid-3D", f"no video ({'/*.npz, '.join(folders)}/*.npz) is there", what)
        for file in layout.archives(path)[:_LOOKED_INTO]:
            names = _members(file)
            if len(names & {arrays.VISIBILITY, arrays.QUERIES, *arrays.INTRINSICS}) > 1:
                what = f"{IMAGES} and {layout.TRACKS[0]} are missing in {file.name}"
                return Nearly("a video of TAPVid-3D", what, arrays.COMPLETE)
        return None

    def scenes(self, path: Path) -> tuple[SceneRef, ...]:
        place = layout.locate(path)
        if place is None:
            raise SceneError("no scenes found", path=path, remedy=f"looked for {', '.join(self.layouts)}")
        refs = [
            SceneRef(
                id=layout.id_of(video),
                dataset=self.name,
                group=layout.group_of(video),
                root=place.root,
                format=self.name,
            )
            for video in layout.videos(place)
        ]
        for ref, count in Counter(refs).items():
            if count > 1:
                layout.file_of(ref.root, ref.id)  # says which two files
        return tuple(sorted(refs, key=lambda ref: ref.id))

    def summary_of(self, ref: SceneRef) -> SceneSummary:
        images = NpzVideo(layout.file_of(ref.root, ref.id))
        width, height = images.size
        return SceneSummary(frames=len(images), width=width, height=height, image_bytes=images.mean_bytes)

    def inventory(self, ref: SceneRef) -> Inventory:
        file = layout.file_of(ref.root, ref.id)
        source = layout.source_of(file)
        names = member_names(file)

        def note(gives: tuple[str, ...], *spellings: str) -> FileNote:
            there = not names.isdisjoint(spellings)
            return FileNote(f"{' or '.join(spellings)} in {file.name}", file if there else None, gives)

        files = [
            note(("image",), IMAGES),
            note(("tracks",), *layout.TRACKS),
            note(("tracks",), arrays.VISIBILITY),
            note(("image", "tracks"), *arrays.INTRINSICS),
            note((), arrays.QUERIES),
        ]
        if not _static(source) or arrays.EXTRINSICS in names:
            files.append(note(("world_tracks",), arrays.EXTRINSICS))
        if arrays.EXTRINSICS in names:
            camera = "camera poses stated"
        else:
            camera = "camera stands still" if _static(source) else "camera poses not stated"
        return Inventory(layout=f"{source or 'source unknown'}, {camera}", files=tuple(files))

    def read(self, ref: SceneRef, *, labels: str = "raw") -> Scene:  # noqa: ARG002 - videos have no labels
        file = layout.file_of(ref.root, ref.id)
        source = layout.source_of(file)
        video = arrays.read_video(file)
        step_seconds = 1.0 / (layout.SOURCES[source].frames_per_second if source else _UNKNOWN_RATE)
        skipped = Counter(video.skipped)
        stated = video.world_to_camera is not None
        poses, points, visible = _placed(video, file)
        skipped += poses.skipped
        if not stated and not _static(source):
            skipped[_NO_POSES] = len(points)
            _log.warning("%s has no %s: motion in the world cannot be asked about", file, arrays.EXTRINSICS)
        reference = file.relative_to(ref.root).as_posix()
        width, height = video.images.size
        frames = tuple(
            Frame(
                id=str(step),
                camera=Camera(video.intrinsics, poses.exact[step], width, height),
                load_image=VideoImage(video.images, step),
                image_ref=frame_reference(reference, step),
                time=step * step_seconds,
                raw_camera_to_world=None if poses.stored is None else poses.stored[step],
                track_step=step,
            )
            for step in np.flatnonzero(poses.usable).tolist()
        )
        return Scene(
            id=ref.id,
            dataset=ref.dataset,
            group=ref.group,
            frames=frames,
            tracks=Tracks(
                points, visible, "world" if stated or _static(source) else "camera", step_seconds, has_extrinsics=stated
            ),
            up=None,
            split=ref.split,
            skipped=MappingProxyType(dict(skipped)),
            extra_capabilities=frozenset({"trajectory"}),
        )


def _placed(video: arrays.Video, file: Path) -> tuple[arrays.Poses, npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Cameras, points and their visibility, in the world where the file states poses; as stored where it does not."""
    if video.world_to_camera is None:
        return arrays.Poses.resting(len(video.points)), video.points, video.visible
    poses = arrays.poses_of(video.world_to_camera)
    if not poses.usable.any():
        found = ", ".join(f"{reason}: {count}" for reason, count in poses.skipped.items())
        what = f"no step has a usable camera pose in {arrays.EXTRINSICS} ({found})"
        raise SceneError(what, path=file, remedy=REPAIR)
    return poses, arrays.in_world(video.points, poses), video.visible & poses.usable[:, None]


def _static(source: str | None) -> bool:
    return source is not None and layout.SOURCES[source].static_camera


def _members(file: Path) -> frozenset[str]:
    """Names of the arrays of an archive; none where it cannot be opened."""
    try:
        return frozenset(member_names(file))
    except SceneError:
        return frozenset()


READER: Final = TAPVid3DReader()
