"""How rays through a camera meet its pixels, for every lens that has one viewing direction.

A ray is (a, b, 1) in the camera's frame, OpenCV axes: ``a`` = X / Z, ``b`` = Y / Z. Lens models and the order of their
coefficients are OpenCV's (its documentation of ``projectPoints`` and ``fisheye``): ``opencv`` has k1 k2 p1 p2 [k3 [k4
k5 k6]], ``opencv_fisheye`` has k1 k2 k3 k4 with theta_d = theta (1 + k1 theta^2 + k2 theta^4 + k3 theta^6 + k4
theta^8). All coefficients of ``opencv`` zero is a pinhole.

A distorted lens has a *valid field*: a circle of rays about the camera's axis within which no two rays meet the same
pixel. It ends where theta_d stops growing (``opencv_fisheye``), where the distortion would fold back in any direction
(``opencv``), and at 88 degrees from the axis in any case, because depth here is Z along the axis: at 90 degrees it is
zero whatever the distance. A point outside the field has no pixel, and a pixel that the field does not reach has no
ray, no mesh and no depth. A pinhole has no such limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import SceneError
from . import _kernels
from .arrays import read_only
from .types import Camera

__all__ = ["LANES", "NO_LENS", "NO_RAYS", "Lens", "is_pinhole", "lens_of"]

FloatArray = npt.NDArray[np.float64]

LANES: Final = 8
"""Pixels the rasteriser fills together: its buffers are that much wider than the image."""

MOST_ANGLE: Final = math.radians(88.0)
"""Of a ray to the axis of a distorted lens; 88 degrees is 28 times as far to the side as ahead."""

NO_LENS: Final = read_only(np.zeros(22), np.float64)
NO_RAYS: Final = read_only(np.zeros((2, 0, 0)), np.float64)
"""What kernels are given for a pinhole."""

_PINHOLE, _OPENCV, _FISHEYE = 0.0, 1.0, 2.0  # kinds of lens in _kernels
_COEFFICIENTS: Final = {"opencv": (4, 5, 8), "opencv_fisheye": (4,)}
_KEPT: Final = 4  # lenses; the rays of one of 1752 x 1168 pixels take 33 MB
_SAMPLES: Final = 8192  # of the field, from its middle to its end
_SAFE_MARGIN: Final = 1.2  # triangles just outside the image are still bounded by their corners
_TILE: Final = 8  # pixels, and tiles of a block


def is_pinhole(camera: Camera) -> bool:
    """Whether straight lines are straight in the camera's images."""
    return camera.model == "pinhole" or (camera.model == "opencv" and not any(camera.distortion))


@dataclass(frozen=True, eq=False)
class Lens:
    """A lens over an image, and what is derived from it once.

    Attributes:
        parameters: (22,): kind; eight coefficients, k1 k2 p1 p2 k3 k4 k5 k6 or k1 k2 k3 k4; the intrinsics' first two
            rows; their inverse's; the square of the field's radius a² + b².
        width, height: of the image in pixels.
    """

    parameters: FloatArray
    width: int
    height: int

    @property
    def drawing(self) -> tuple[Any, ...]:
        """What kernels that draw through the lens take, in their order."""
        tables = self.reach, self.rays, self.tiles, self.blocks
        return self.parameters, self.safe_radius, self.longest, *tables

    @property
    def radius(self) -> float:
        """Of the valid field, as the length of (a, b); inf for a pinhole."""
        return math.sqrt(self.parameters[21])

    def rays_at(self, xy: npt.ArrayLike) -> FloatArray:
        """(n, 2): ray coordinates (a, b) of pixels (n, 2); nan where the field does not reach."""
        pixels = read_only(xy, np.float64)
        rays = np.empty((len(pixels), 2))
        _kernels.undistort_points(self.parameters, pixels, rays)
        return rays

    @cached_property
    def rays(self) -> FloatArray:
        """(2, h, w + LANES): ray coordinates of every pixel's centre, nan where there is none and beyond the width."""
        table = np.full((2, self.height, self.width + LANES), np.nan)
        _kernels.undistort_image(self.parameters, self.width, table)
        return read_only(table, np.float64)

    @cached_property
    def window(self) -> FloatArray:
        """(3, 3): intrinsics of a pinhole of the same size that sees every ray of this lens."""
        rays = self._border
        # The field maps onto the image without folds, so rays at the image's border enclose all others. Between two
        # samples the border reaches no further than their distance.
        if np.isfinite(rays).all():
            step = np.abs(np.diff(rays, axis=0, append=rays[:1])).max(axis=0)
            low, high = rays.min(axis=0) - step, rays.max(axis=0) + step
        else:
            low, high = np.full(2, -self.radius), np.full(2, self.radius)
        scale = np.array([self.width, self.height]) / (high - low)
        shift = -low * scale - 0.5
        return np.array([[scale[0], 0.0, shift[0]], [0.0, scale[1], shift[1]], [0.0, 0.0, 1.0]])

    @cached_property
    def safe_radius(self) -> float:
        """Of the circle of rays (a, b) for which ``reach`` holds: that of the image and a little more."""
        rays = self._border
        edge = self.radius * (1.0 - 1e-9)  # what rounds up to the radius is still in the field
        if not np.isfinite(rays).all():
            return edge
        return min(edge, _SAFE_MARGIN * float(np.hypot(rays[:, 0], rays[:, 1]).max()))

    @cached_property
    def reach(self) -> FloatArray:
        """(64, 2), pixels: how far the picture of a line of unit length may leave its chord, in u and in v.

        A line of length s leaves its chord by at most s² times as much (the bound of linear interpolation, s² / 8 times
        the largest second derivative). Row i holds within the radius r at which r / (1 + r) is (i + 1) / 64 of what it
        is at ``safe_radius``. Length is that of (a, b), for a fisheye of the chord between directions of unit length.
        """
        share = np.linspace(0.0, 1.0, 64 * 32 + 1) * self.safe_radius / (1.0 + self.safe_radius)
        bend = np.maximum.accumulate(_second_derivative(self.parameters, share / (1.0 - share)))[32::32]
        if self.parameters[0] == _FISHEYE:
            bend = bend * (2.0 * math.asin(math.sqrt(self.longest) / 2.0)) ** 2 / self.longest  # an arc, by its chord
        rows = np.hypot(self.parameters[[9, 12]], self.parameters[[10, 13]])
        return read_only(1.05 * bend[:, None] * rows / 8.0, np.float64)  # 5 % for what lies between samples

    @property
    def longest(self) -> float:
        """Square of the length of a line up to which ``reach`` holds."""
        return 0.25 if self.parameters[0] == _FISHEYE else math.inf

    @cached_property
    def tiles(self) -> FloatArray:
        """(4, th, tw): least and greatest a, least and greatest b of squares of 8 x 8 pixels; inf, -inf for none."""
        a, b = self.rays[0, :, : self.width], self.rays[1, :, : self.width]
        return _boxes(a, a, b, b)

    @cached_property
    def blocks(self) -> FloatArray:
        """(4, bh, bw): as ``tiles``, of each square of 8 x 8 tiles."""
        return _boxes(*self.tiles)

    @cached_property
    def blind(self) -> npt.NDArray[np.int32]:
        """(k, 2): row and column of every pixel without a ray."""
        return read_only(np.argwhere(np.isnan(self.rays[0, :, : self.width])), np.int32)

    @cached_property
    def _border(self) -> FloatArray:
        """(k, 2): rays along the image's border, once around."""
        across, down = np.arange(self.width + 1) - 0.5, np.arange(self.height + 1) - 0.5
        right, bottom = self.width - 0.5, self.height - 0.5
        return self.rays_at(
            np.concatenate(
                [
                    np.column_stack([across[:-1], np.full(self.width, -0.5)]),
                    np.column_stack([np.full(self.height, right), down[:-1]]),
                    np.column_stack([across[:0:-1], np.full(self.width, bottom)]),
                    np.column_stack([np.full(self.height, -0.5), down[:0:-1]]),
                ]
            )
        )


def lens_of(camera: Camera) -> Lens:
    """A camera's lens; cameras that differ in nothing but their pose share one.

    Raises:
        SceneError: for a panorama, and for coefficients or intrinsics that describe no lens.
    """
    return _lens(camera.intrinsics.tobytes(), camera.width, camera.height, camera.model, tuple(camera.distortion))


@lru_cache(maxsize=_KEPT)
def _lens(intrinsics: bytes, width: int, height: int, model: str, distortion: tuple[float, ...]) -> Lens:
    if model not in ("pinhole", *_COEFFICIENTS):
        raise SceneError(
            f"images of the lens model {model!r} cannot be projected into",
            remedy="cut perspective views out of the panoramas and give those to tasks that look along one direction",
        )
    kind = _PINHOLE if model == "pinhole" or (model == "opencv" and not any(distortion)) else _OPENCV
    kind = _FISHEYE if model == "opencv_fisheye" else kind
    if kind != _PINHOLE and len(distortion) not in _COEFFICIENTS[model]:
        wanted = " or ".join(str(n) for n in _COEFFICIENTS[model])
        raise SceneError(
            f"a lens {model!r} with {len(distortion)} coefficients, not {wanted}",
            remedy="give them in OpenCV's order; thin-prism and tilted lenses must be undistorted first",
        )
    matrix = np.frombuffer(intrinsics, dtype=np.float64).reshape(3, 3)
    if not np.array_equal(matrix[2], (0.0, 0.0, 1.0)):
        raise SceneError("intrinsics whose last row is not 0 0 1", remedy="check the scene's intrinsics file")
    if not (np.isfinite(matrix).all() and np.isfinite(distortion).all() and np.linalg.det(matrix) != 0.0):
        raise SceneError(
            f"intrinsics or coefficients that are no lens: {matrix.tolist()}, {list(distortion)}",
            remedy="check the scene's intrinsics file",
        )
    parameters = np.zeros(22)
    parameters[0] = kind
    if kind != _PINHOLE:
        parameters[1 : 1 + len(distortion)] = distortion
    parameters[9:15] = matrix[:2].ravel()
    parameters[15:21] = np.linalg.inv(matrix)[:2].ravel()
    parameters[21] = _field(parameters) ** 2
    return Lens(read_only(parameters, np.float64), width, height)


def _field(parameters: FloatArray) -> float:
    """Radius of the valid field."""
    if parameters[0] == _PINHOLE:
        return math.inf
    radius = np.tan(np.linspace(0.0, MOST_ANGLE, _SAMPLES))
    folded = np.flatnonzero(~_is_upright(parameters, radius))
    if not len(folded):
        return float(radius[-1])
    low, high = float(radius[folded[0] - 1]), float(radius[folded[0]])
    while low < (middle := (low + high) / 2) < high:
        upright = bool(_is_upright(parameters, np.array([middle]))[0])
        low, high = (middle, high) if upright else (low, middle)
    return low


def _is_upright(parameters: FloatArray, radius: FloatArray) -> npt.NDArray[np.bool_]:
    """(n,): whether a lens does not fold at these distances from the axis, in any direction.

    For a fisheye theta_d grows. The distortion of ``opencv`` is the gradient of a function: x g(r) from a radial one,
    and from the tangential terms that of (q x) r² with q = (p2, p1). It is one-to-one on a circle where that function
    is convex: its Jacobian, which is symmetric, must have a positive determinant everywhere. For an angle t between x
    and q the determinant is 16 Q² r² cos² t + Q r (2 f' + 6 g) cos t + f' g - 4 Q² r² with f = r g and Q = |q|.
    """
    with np.errstate(all="ignore"):  # a pole, or coefficients beyond all reason: not upright there
        if parameters[0] == _FISHEYE:
            return np.asarray(_angle_slope(parameters, np.arctan(radius)) > 0.0)
        value, first, _, bottom = _radial(parameters, radius)
        slope = value + radius * first
        turn = math.hypot(parameters[3], parameters[4]) * radius
        linear = turn * (2.0 * slope + 6.0 * value)
        cosine = np.where(turn > 0.0, np.clip(-linear / (32.0 * turn**2), -1.0, 0.0), 0.0)
        least = 16.0 * turn**2 * cosine**2 + linear * cosine + slope * value - 4.0 * turn**2
        return np.asarray((bottom > 0.0) & (value > 0.0) & (slope > 0.0) & (least > 0.0))


def _angle_slope(parameters: FloatArray, theta: FloatArray) -> FloatArray:
    """Derivative of a fisheye's theta_d by theta."""
    k1, k2, k3, k4 = parameters[1:5].tolist()
    s = theta * theta
    return np.asarray(1.0 + s * (3 * k1 + s * (5 * k2 + s * (7 * k3 + s * 9 * k4))))


def _radial(parameters: FloatArray, radius: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """An ``opencv`` lens's radial factor, its first two derivatives by the radius, and its denominator."""
    k1, k2, _, _, k3, k4, k5, k6 = parameters[1:9].tolist()
    s = radius**2
    top, top1, top2 = 1.0 + s * (k1 + s * (k2 + s * k3)), k1 + s * (2 * k2 + 3 * k3 * s), 2 * k2 + 6 * k3 * s
    low, low1, low2 = 1.0 + s * (k4 + s * (k5 + s * k6)), k4 + s * (2 * k5 + 3 * k6 * s), 2 * k5 + 6 * k6 * s
    with np.errstate(all="ignore"):
        value = top / low
        by_s = (top1 - value * low1) / low  # the derivatives by s = r²
        by_ss = (top2 - 2.0 * by_s * low1 - value * low2) / low
    return value, 2.0 * radius * by_s, 2.0 * by_s + 4.0 * s * by_ss, low


def _second_derivative(parameters: FloatArray, radius: FloatArray) -> FloatArray:
    """(n,): no second derivative of the lens, along any line through a ray at these radii, is longer than this.

    Before the intrinsics, along and across the direction from the axis, of a line at angle t to it. ``opencv``, over
    (a, b): x g(r) has, with f = r g, (f'' cos² t + g' sin² t, g' sin 2t), and the tangential terms add at most
    6 |(p1, p2)|. Fisheye, by the angle along a great circle, with d = theta_d: (d'' cos² t + (d' cot theta - d / sin²
    theta) sin² t, (d' - d cot theta) / sin theta sin 2t).
    """
    if parameters[0] == _FISHEYE:
        theta = np.maximum(np.arctan(radius), 1e-3)  # the second derivative vanishes in the middle
        k1, k2, k3, k4 = parameters[1:5].tolist()
        s = theta * theta
        bent = theta * (1.0 + s * (k1 + s * (k2 + s * (k3 + s * k4))))
        slope = _angle_slope(parameters, theta)
        along = theta * (6 * k1 + s * (20 * k2 + s * (42 * k3 + s * 72 * k4)))
        sine, cosine = np.sin(theta), np.cos(theta)
        across = (slope * cosine - bent / sine) / sine
        turned = (slope - bent * cosine / sine) / sine
        return np.asarray(np.maximum(np.abs(along), np.abs(across)) + np.abs(turned))
    _, turned, curved, _ = _radial(parameters, radius)
    along = 2.0 * turned + radius * curved
    extra = 6.0 * math.hypot(parameters[3], parameters[4])
    return np.asarray(np.maximum(np.abs(along), np.abs(turned)) + np.abs(turned) + extra)


def _boxes(*planes: FloatArray) -> FloatArray:
    """Least of planes 0 and 2, greatest of planes 1 and 3, in squares of 8 x 8; nan counts for nothing."""
    height, width = planes[0].shape
    rows, columns = -(-height // _TILE), -(-width // _TILE)
    boxes = np.empty((4, rows, columns))
    for plane, values in enumerate(planes):
        nothing = -np.inf if plane % 2 else np.inf
        padded = np.full((rows * _TILE, columns * _TILE), nothing)
        padded[:height, :width] = np.where(np.isnan(values), nothing, values)
        squares = padded.reshape(rows, _TILE, columns, _TILE)
        boxes[plane] = squares.max(axis=(1, 3)) if plane % 2 else squares.min(axis=(1, 3))
    return read_only(boxes, np.float64)
