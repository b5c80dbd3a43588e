"""From the views of a Structured3D scene to frames, with the small callables that load their pixels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.types import Camera, Frame
from ..errors import SceneError
from ._scannet_frames import NO_DEPTH, NO_IMAGE, DepthFile, ImageFile
from ._structured3d_cameras import UNREADABLE, panorama_camera, perspective_camera
from ._structured3d_layout import IMAGE, PANORAMA, PERSPECTIVE, ZIP_FILES, Rendering, View
from ._structured3d_maps import InstanceFile, PaneMask, image_header

__all__ = ["CAMERA_FILES", "frames_of", "views_with_images"]

CAMERA_FILES: Final = {PERSPECTIVE: "camera_pose.txt", PANORAMA: "camera_xyz.txt"}
_UNITS_PER_METRE: Final = 1000.0


def views_with_images(rendering: Rendering, skipped: Counter[str]) -> tuple[list[View], tuple[int, int]]:
    """Views that have a colour image, and width and height of the first.

    Args:
        rendering: with at least one.
        skipped: gets those that have none.

    Raises:
        SceneError: when the first is no PNG file; names it.
    """
    views = [view for view in rendering.views if IMAGE in view.files]
    skipped[NO_IMAGE] += len(rendering.views) - len(views)
    return views, image_header(views[0].files[IMAGE])


def frames_of(
    views: list[View],
    stream: str,
    size: tuple[int, int],
    root: Path,
    ids: npt.NDArray[np.int64] | None,
    skipped: Counter[str],
) -> tuple[Frame, ...]:
    """A frame for each view with a usable camera.

    Args:
        views: with colour images.
        stream: perspective or panorama.
        size: width and height of all images.
        root: dataset root, which references are relative to.
        ids: (k,), ids of the scene's objects in their order, None where the rendering has none.
        skipped: gets views that are left out, and what others lack, by reason.

    Raises:
        SceneError: when no view is left.
    """
    make = perspective_camera if stream == PERSPECTIVE else panorama_camera
    unusable: Counter[str] = Counter()
    unreadable: Path | None = None
    frames = []
    for view in views:
        path = view.files.get(CAMERA_FILES[stream])
        camera = make(path, *size)
        if isinstance(camera, Camera):
            frames.append(_frame(view, camera, root, ids))
        else:
            unusable[camera] += 1
            if camera == UNREADABLE and unreadable is None:
                unreadable = path
    if not frames:
        found = ", ".join(f"{reason}: {count}" for reason, count in unusable.items())
        folder = unreadable or views[0].files[IMAGE].parent
        remedy = f"unpack {ZIP_FILES[stream]} again"
        raise SceneError(f"no view has a usable {CAMERA_FILES[stream]} ({found})", path=folder, remedy=remedy)
    if unreadable is not None:
        unusable[f"{UNREADABLE}, such as {unreadable.relative_to(root).as_posix()}"] = unusable.pop(UNREADABLE)
    skipped += unusable
    skipped[NO_DEPTH] += sum(not frame.has_depth for frame in frames)
    return tuple(frames)


def _frame(view: View, camera: Camera, root: Path, ids: npt.NDArray[np.int64] | None) -> Frame:
    size = camera.width, camera.height
    depth_path, instance, semantic = (view.files.get(f"{name}.png") for name in ("depth", "instance", "semantic"))
    depth = DepthFile(depth_path, *size, _UNITS_PER_METRE) if depth_path else None
    return Frame(
        id=view.id,
        camera=camera,
        load_image=ImageFile(view.files[IMAGE], *size),
        image_ref=view.files[IMAGE].relative_to(root).as_posix(),
        depth_camera=camera if depth else None,
        load_depth=depth,
        depth_ref=depth_path.relative_to(root).as_posix() if depth_path else None,
        depth_scale=1.0 / _UNITS_PER_METRE if depth else None,
        raw_camera_to_world=camera.camera_to_world,
        depth_fingerprint=depth.fingerprint() if depth else None,
        load_instances=InstanceFile(instance, size, ids) if instance and ids is not None else None,
        load_valid=PaneMask(semantic, instance, size) if semantic else None,
    )
