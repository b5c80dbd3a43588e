"""Lens models one ray at a time, straight from OpenCV's documentation, and their inverse by search."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from scipy.optimize import brentq, fsolve

from spatialgen.core.types import Camera

FISHEYES = {
    "equidistant": (0.0, 0.0, 0.0, 0.0),
    "dslr": (0.05, -0.01, 0.003, -0.0006),
    "ends early": (-0.2, 0.1, -0.1, 0.01),
}
OPENCVS = {
    "barrel": (-0.28, 0.07, 0.0005, -0.001),
    "folds": (-0.3, 0.0, 0.002, 0.001, 0.0),
    "rational": (0.3, -0.1, 0.001, 0.002, -0.03, 0.5, 0.02, -0.01),
    "tangential": (0.0, 0.0, 0.03, 0.04),
}
LENSES = [("opencv_fisheye", k) for k in FISHEYES.values()] + [("opencv", k) for k in OPENCVS.values()]
MOST_ANGLE = math.radians(88)


def bent(a: float, b: float, model: str, k: tuple[float, ...]) -> tuple[float, float]:
    """Where the ray (a, b, 1) lands, before the intrinsics; not asking whether it is in the field."""
    r = math.hypot(a, b)
    if model == "opencv_fisheye":
        t = math.atan(r)
        bent_angle = t + k[0] * t**3 + k[1] * t**5 + k[2] * t**7 + k[3] * t**9
        return (a * bent_angle / r, b * bent_angle / r) if r else (a, b)
    k1, k2, p1, p2, k3, k4, k5, k6 = (*k, 0, 0, 0, 0)[:8]
    factor = (1 + k1 * r**2 + k2 * r**4 + k3 * r**6) / (1 + k4 * r**2 + k5 * r**4 + k6 * r**6)
    x = a * factor + 2 * p1 * a * b + p2 * (r**2 + 2 * a**2)
    y = b * factor + p1 * (r**2 + 2 * b**2) + 2 * p2 * a * b
    return x, y


@lru_cache
def field_radius(model: str, k: tuple[float, ...]) -> float:
    """Where the first of many rays, by numeric differentiation, no longer moves the right way; to about 1e-5."""
    step = 1e-6

    def folds(r: float) -> bool:
        for turn in np.linspace(0, 2 * np.pi, 1 if model == "opencv_fisheye" else 64, endpoint=False):
            a, b = r * math.cos(turn), r * math.sin(turn)
            x, y = bent(a, b, model, k)
            (xa, ya), (xb, yb) = bent(a + step, b, model, k), bent(a, b + step, model, k)
            if (xa - x) * (yb - y) - (ya - y) * (xb - x) <= 0:
                return True
        return False

    for number in range(1, 501):
        if folds(math.tan(MOST_ANGLE * number / 500)):
            low, high = MOST_ANGLE * (number - 1) / 500, MOST_ANGLE * number / 500
            while high - low > 1e-7:
                middle = (low + high) / 2
                low, high = (low, middle) if folds(math.tan(middle)) else (middle, high)
            return math.tan(low)
    return math.tan(MOST_ANGLE)


def ray_of(camera: Camera, u: float, v: float) -> np.ndarray:
    """(3,): the ray through one pixel by search; nan outside the field (as ``field_radius`` knows it)."""
    x, y, _ = np.linalg.inv(camera.intrinsics) @ [u, v, 1]
    if camera.model == "pinhole":
        return np.array([x, y, 1.0])
    k, length = camera.distortion, float(np.hypot(x, y))
    limit = field_radius(camera.model, k)
    if camera.model == "opencv_fisheye":
        end = bent(limit, 0, camera.model, k)[0]
        if length > end:
            return np.full(3, np.nan)
        r = np.tan(brentq(lambda t: bent(np.tan(t), 0, camera.model, k)[0] - length, 0, np.arctan(limit), xtol=1e-15))
        return np.array([x * r / length, y * r / length, 1.0]) if length else np.array([0, 0, 1.0])

    def error(p: np.ndarray) -> np.ndarray:
        return np.subtract(bent(p[0], p[1], camera.model, k), (x, y))

    found = fsolve(error, [x, y], full_output=True, xtol=1e-13)[0]
    good = np.abs(error(found)).max() < 1e-9 and np.hypot(*found) <= limit
    return np.array([*found, 1.0]) if good else np.full(3, np.nan)


def all_rays(camera: Camera, xy: np.ndarray) -> np.ndarray:
    """(n, 3): rays through pixels (n, 2), for gentle lenses and pixels in the field: fixed points of the model."""
    plain = np.asarray(np.column_stack([xy, np.ones(len(xy))]) @ np.linalg.inv(camera.intrinsics).T)
    if camera.model == "pinhole":
        return plain
    if camera.model == "opencv_fisheye":
        length = np.hypot(plain[:, 0], plain[:, 1])
        theta = length.copy()
        k1, k2, k3, k4 = camera.distortion
        for _ in range(120):
            theta = length / (1 + k1 * theta**2 + k2 * theta**4 + k3 * theta**6 + k4 * theta**8)
        scale = np.tan(theta) / np.maximum(length, 1e-12)
        return np.column_stack([plain[:, :2] * scale[:, None], plain[:, 2]])
    k1, k2, p1, p2, k3, k4, k5, k6 = (*camera.distortion, 0, 0, 0, 0)[:8]
    a, b = plain[:, 0], plain[:, 1]
    for _ in range(120):
        s = a * a + b * b
        factor = (1 + k1 * s + k2 * s**2 + k3 * s**3) / (1 + k4 * s + k5 * s**2 + k6 * s**3)
        across, down = 2 * p1 * a * b + p2 * (s + 2 * a * a), p1 * (s + 2 * b * b) + 2 * p2 * a * b
        a, b = (plain[:, 0] - across) / factor, (plain[:, 1] - down) / factor
    return np.column_stack([a, b, plain[:, 2]])


def opencv_pixels(camera: Camera, local: np.ndarray) -> np.ndarray:
    """(n, 2): OpenCV's projection of points (n, 3) in the camera's frame."""
    k, zero = np.array(camera.distortion, dtype=np.float64), np.zeros(3)
    if not len(local):
        return np.zeros((0, 2))
    if camera.model == "opencv_fisheye":
        return cv2.fisheye.projectPoints(local[None], zero, zero, camera.intrinsics.copy(), k)[0][0]
    return cv2.projectPoints(local, zero, zero, camera.intrinsics.copy(), k)[0][:, 0]
