"""Slow, obvious references of what the kernels compute: one point, pixel or pair at a time, in plain numpy."""

from __future__ import annotations

import numpy as np

from spatialgen.core.settings import GeometrySettings
from spatialgen.core.types import Camera
from support.lenses import bent, field_radius, ray_of


def random_camera(
    rng: np.random.Generator, width: int = 24, height: int = 18, lens: tuple[str, tuple[float, ...]] = ("pinhole", ())
) -> Camera:
    """A camera somewhere near the origin that looks anywhere; a fisheye sees three times as far to the side."""
    rotation, upper = np.linalg.qr(rng.standard_normal((3, 3)))
    rotation *= np.sign(np.diag(upper))
    if np.linalg.det(rotation) < 0:
        rotation[:, 0] *= -1
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, rng.uniform(-0.5, 0.5, 3)
    focal = rng.uniform(0.7, 1.4) * width * (1 / 3 if lens[0] == "opencv_fisheye" else 1)
    centre = rng.uniform(0.35, 0.65, 2) * (width, height)
    intrinsics = np.array([[focal, 0.3, centre[0]], [0, 1.1 * focal, centre[1]], [0, 0, 1]])
    return Camera(intrinsics, pose, width, height, *lens)


def projected(point: np.ndarray, camera: Camera) -> tuple[float, float, float]:
    """u, v, z of one point; u and v are nan unless it is in front of the camera, in the field of its lens."""
    x, y, z = camera.camera_to_world[:3, :3].T @ (np.asarray(point, float) - camera.camera_to_world[:3, 3])
    if not z > 0:
        return np.nan, np.nan, float(z)
    a, b = x / z, y / z
    if camera.model != "pinhole":
        if np.hypot(a, b) > field_radius(camera.model, camera.distortion):
            return np.nan, np.nan, float(z)
        a, b = bent(a, b, camera.model, camera.distortion)
    u, v, _ = camera.intrinsics @ np.array([a, b, 1])
    return float(u), float(v), float(z)


def pixel_value(image: np.ndarray, u: float, v: float) -> float | None:
    """The value of the nearest pixel; None outside the image."""
    height, width = image.shape
    if not (-0.5 <= u < width - 0.5 and -0.5 <= v < height - 0.5):
        return None
    return float(image[int(np.floor(v + 0.5)), int(np.floor(u + 0.5))])


def seen(
    point: np.ndarray,
    camera: Camera,
    depth_camera: Camera | None,
    mesh: np.ndarray | None,
    sensor: np.ndarray | None,
    settings: GeometrySettings,
    source: str,
) -> tuple[bool, bool]:
    """Whether one point is visible, and whether that is known: geometry.md's definition, word for word."""
    if not np.isfinite(point).all():
        return False, True
    u, v, z = projected(point, camera)
    if not z > settings.near or pixel_value(np.zeros((camera.height, camera.width)), u, v) is None:
        return False, True
    if source in ("both", "mesh"):
        assert mesh is not None
        surface = pixel_value(mesh, u, v)
        if surface and z > surface + settings.mesh_tolerance.at(surface):
            return False, True
    if source in ("both", "sensor"):
        reading = None
        if sensor is not None and depth_camera is not None:
            du, dv, z = projected(point, depth_camera)
            reading = pixel_value(sensor, du, dv) if z > 0 else None
        if not reading:
            return (False, False) if source == "sensor" else (True, True)
        if settings.sensor_one_sided:
            return z < reading, True
        return abs(z - reading) <= settings.sensor_tolerance.at(z), True
    return True, True


def overlaps(visible: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """iou and minimum of all pairs, by sets; visible, known (f, n) bool."""
    count = len(visible)
    iou, minimum = np.zeros((count, count)), np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            comparable = set(np.flatnonzero(known[i] & known[j]).tolist())
            a = set(np.flatnonzero(visible[i]).tolist()) & comparable
            b = set(np.flatnonzero(visible[j]).tolist()) & comparable
            iou[i, j] = len(a & b) / len(a | b) if a | b else 0
            minimum[i, j] = len(a & b) / min(len(a), len(b)) if a and b else 0
    return iou, minimum


def cast(vertices: np.ndarray, faces: np.ndarray, camera: Camera, near: float) -> tuple[np.ndarray, np.ndarray]:
    """Depth (0 for none) and triangle (-1) at every pixel by intersecting every ray with every triangle."""
    depth = np.zeros((camera.height, camera.width))
    triangle = np.full(depth.shape, -1)
    local = (np.asarray(vertices, float) - camera.camera_to_world[:3, 3]) @ camera.camera_to_world[:3, :3]
    a, b, c = (local[faces[:, corner]] for corner in range(3))
    for y in range(camera.height):
        for x in range(camera.width):
            # z ray = a + s (b - a) + t (c - a), a 3 x 3 system a triangle
            ray = ray_of(camera, x, y)
            if np.isnan(ray[0]):
                continue
            ray = np.broadcast_to(ray, a.shape)
            z, s, t = np.moveaxis(np.linalg.solve(np.stack([ray, a - b, a - c], -1), a[..., None])[..., 0], -1, 0)
            hit = np.flatnonzero((s >= 0) & (t >= 0) & (s + t <= 1) & (z >= near))
            if len(hit):
                triangle[y, x] = hit[np.argmin(z[hit])]
                depth[y, x] = z[triangle[y, x]]
    return depth, triangle


def plane_holds(depth: np.ndarray, known_share: float, plane_share: float, absolute: float, relative: float) -> str:
    """The surface rules for one square patch of depths (0 unknown) whose disc is inscribed; ok, little or rough."""
    size = depth.shape[0] // 2
    v, u = np.mgrid[-size : size + 1, -size : size + 1]
    disc = u * u + v * v <= size * size
    use = disc & (depth > 0)
    if use.sum() < known_share * disc.sum() or not depth[size, size] > 0:
        return "little"
    matrix = np.column_stack([u[use], v[use], np.ones(use.sum())])
    inverse = 1 / depth[use]
    keep = np.ones(len(inverse), bool)
    for _ in range(2):
        plane = np.linalg.lstsq(matrix[keep], inverse[keep], rcond=None)[0]
        fitted = matrix @ plane
        with np.errstate(divide="ignore"):
            z = 1 / fitted
        good = (fitted > 0) & (np.abs(z - depth[use]) <= np.maximum(absolute, relative * z))
        if good.mean() >= plane_share:
            centre = (u[use] == 0) & (v[use] == 0)
            return "ok" if good[centre].all() else "rough"
        distance = np.abs(fitted - inverse)
        keep = distance <= 2 * np.sqrt(np.mean(distance**2))
    return "rough"
