"""Depth images as the doctor compares them, as they were read and in other conventions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core.projection import is_inside, nearest_pixels, project, rays
from ..core.types import Camera, Scene
from ._doctor_conventions import Convention, decoded

__all__ = ["View", "depth_in", "look", "pose_of", "projected", "reread", "transferred"]

FloatArray = npt.NDArray[np.float64]

_SAMPLES: Final = 1200  # depth pixels of a frame; twice as many move no error by a tenth
_NEAR: Final = 0.02  # of the view's median depth; nearer than this, points are as good as in the camera


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A frame's depth, and points of it.

    Attributes:
        index: of the frame.
        camera: of the depth image.
        stored: (4, 4) camera_to_world of the colour camera before the world was aligned, or the aligned one where the
            source has no other.
        aligned_from_stored: (4, 4) what turned it into the aligned one.
        depth_in_color: (4, 4) of the depth camera, in the colour camera's frame.
        depth: (h, w) float32, metres along the camera's axis, 0 where unknown.
        pixels: (n, 2) int64, columns and rows of the sampled points.
        z: (n,) their depths.
        rays: (3, n) through them, z = 1.
        stretch: (n,) the length of each ray.
        median: of the depths, metres.
        unit: metres per stored number, None where unknown.
    """

    index: int
    camera: Camera
    stored: FloatArray
    aligned_from_stored: FloatArray
    depth_in_color: FloatArray
    depth: npt.NDArray[np.float32]
    pixels: npt.NDArray[np.int64]
    z: FloatArray
    rays: FloatArray
    stretch: FloatArray
    median: float
    unit: float | None = None


def look(scene: Scene, index: int, depth: npt.NDArray[np.float32]) -> View | None:
    """A frame's depth with evenly spread points of it; None where it knows none, or is a panorama's.

    Args:
        scene: of the frame.
        index: of the frame.
        depth: (h, w), decoded.
    """
    frame = scene.frames[index]
    camera = frame.depth_camera
    if camera is None or camera.model == "equirectangular" or depth.shape != (camera.height, camera.width):
        return None
    known = np.isfinite(depth) & (depth > 0)
    clean = np.where(known, depth, np.float32(0))
    row, column = np.nonzero(known)
    step = max(1, len(row) // _SAMPLES)
    pixels = np.column_stack([column[::step], row[::step]])
    through = rays(camera, pixels)
    seen = np.isfinite(through).all(axis=1)  # a lens's valid field can end within the image
    pixels, through = pixels[seen], through[seen]
    if not len(pixels):
        return None
    stored, aligned_from_stored = pose_of(scene, index)
    z = clean[pixels[:, 1], pixels[:, 0]].astype(np.float64)
    return View(
        index,
        camera,
        stored,
        aligned_from_stored,
        frame.camera.world_to_camera @ camera.camera_to_world,
        clean,
        pixels,
        z,
        np.ascontiguousarray(through.T),
        np.linalg.norm(through, axis=1),
        float(np.median(z)),
        frame.depth_scale,
    )


def reread(view: View, convention: Convention) -> View | None:
    """The view with the depth coding and the lens of a convention; None where they cannot be meant."""
    depth, camera = view.depth, view.camera
    if convention.coding:
        changed = None if view.unit is None else decoded(depth, view.unit, convention.coding)
        if changed is None:
            return None
        depth = changed
    camera = convention.lens(camera)
    through = rays(camera, view.pixels)
    seen = np.isfinite(through).all(axis=1)
    pixels, through = view.pixels[seen], through[seen]
    if not len(pixels):
        return None
    z = depth[pixels[:, 1], pixels[:, 0]].astype(np.float64)
    return replace(
        view,
        camera=camera,
        depth=depth,
        pixels=pixels,
        z=z,
        rays=np.ascontiguousarray(through.T),
        stretch=np.linalg.norm(through, axis=1),
        median=float(np.median(z)),
    )


def pose_of(scene: Scene, index: int) -> tuple[FloatArray, FloatArray]:
    """The pose whose convention is in question, and the alignment that followed.

    An inverted pose is to be inverted before the world is aligned, so the source's own is wanted. Where it is not in
    the notation of the aligned one (one alignment does not lead from one to the other) the aligned one has to do.
    """
    frame = scene.frames[index]
    raw, aligned = frame.raw_camera_to_world, frame.camera.camera_to_world
    if raw is None or scene.frames[0].raw_camera_to_world is None:
        return aligned, np.eye(4)
    first = scene.frames[0]
    assert first.raw_camera_to_world is not None
    try:
        alignment = aligned @ np.linalg.inv(raw)
        common = first.camera.camera_to_world @ np.linalg.inv(first.raw_camera_to_world)
    except np.linalg.LinAlgError:
        return aligned, np.eye(4)
    rotation = alignment[:3, :3]
    rigid = np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-2) and np.allclose(alignment, common, atol=2e-2)
    return (raw, alignment) if rigid else (aligned, np.eye(4))


def camera_to_stored_world(view: View, convention: Convention) -> FloatArray:
    """(4, 4): the depth camera's pose in the world before alignment, its colour camera's pose read in a convention."""
    return np.asarray(convention.pose(view.stored) @ view.depth_in_color)


def projected(view: View, convention: Convention) -> Camera:
    """The depth camera in the aligned world, its colour camera's pose read in a convention."""
    pose = view.aligned_from_stored @ camera_to_stored_world(view, convention)
    u, _, vt = np.linalg.svd(pose[:3, :3])
    rigid = np.eye(4)
    rigid[:3, :3], rigid[:3, 3] = u @ vt, pose[:3, 3]
    camera = view.camera
    return Camera(camera.intrinsics, rigid, camera.width, camera.height, camera.model, camera.distortion)


def depth_in(z: FloatArray, stretch: FloatArray, convention: Convention) -> FloatArray:
    """(n,): depths read in a convention; ``stretch`` (n,) are the lengths of their rays."""
    scaled = z * convention.scale
    if convention.ray:
        scaled = scaled / stretch if convention.ray > 0 else scaled * stretch
    return scaled


def transferred(a: View, b: View, convention: Convention) -> tuple[FloatArray, float]:
    """Where the points of one view come to lie in another.

    Returns:
        (m,): (Z - D) / D of the points that fall onto known depth D of the other view (its nearest pixel); positive
            behind what it sees. And m as a share of the points.
    """
    pose = np.linalg.inv(camera_to_stored_world(b, convention)) @ camera_to_stored_world(a, convention)
    points = (pose[:3, :3] @ (a.rays * depth_in(a.z, a.stretch, convention)) + pose[:3, 3:]).T
    points = points[points[:, 2] > _NEAR * b.median * convention.scale]
    camera = Camera(b.camera.intrinsics, np.eye(4), b.camera.width, b.camera.height, b.camera.model,
                    b.camera.distortion)  # fmt: skip
    xy, z = project(points, camera)
    inside = is_inside(xy, camera)
    pixels = nearest_pixels(xy[inside])
    found, z = b.depth[pixels[:, 1], pixels[:, 0]].astype(np.float64), z[inside]
    known = found > 0
    pixels, found, z = pixels[known], found[known], z[known]
    if convention.ray:
        stretch = np.linalg.norm(rays(camera, pixels), axis=1)
        found = depth_in(found, stretch, convention)
    else:
        found = found * convention.scale
    good = np.isfinite(found)
    return (z[good] - found[good]) / found[good], float(good.sum()) / len(a.z)
