"""Every compiled function, and nothing else: arrays in, caller-allocated arrays out.

No files, no random numbers, no exceptions; the public function beside each kernel checks shapes and allocates.
Image arrays are indexed [y, x]; a pixel's centre is at integers; ``matrix`` is (3, 4), intrinsics times
world_to_camera, so that ``matrix @ (X, Y, Z, 1)`` is (u z, v z, z). For a distorted lens it is world_to_camera alone,
which gives ray coordinates (a, b) for (u, v), and ``lens`` is (22,), ``lens.Lens.parameters``, which turns those into
pixels; its first number is the kind of lens, 0 for a pinhole.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic, overload

_BLOCK = 64  # points of a block; visibility.BLOCK is this number
_NO_TRIANGLE = 0xFFFFFFFF
_LANES = 8  # pixels filled together; raster.LANES is this number
_TILE = 8  # pixels; edge of the squares whose farthest depth is kept
_MOST_MARGIN = 4.0  # pixels; triangles whose edges may bend further are looked for tile by tile


# --------------------------------------------------------------------------------------------------------------------
# bits


@intrinsic
def _ctpop(typing_context: Any, word: Any) -> Any:  # noqa: ARG001 - numba's signature
    """The processor's population count of one 64-bit word."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


def _popcount(word: int) -> int:
    """Number of set bits; this body runs only where the compiler is switched off."""
    return int(word).bit_count()


@overload(_popcount)
def _popcount_compiled(word: Any) -> Any:  # noqa: ARG001 - numba asks by the arguments' names
    def compiled(word: Any) -> Any:
        return _ctpop(word)

    return compiled


@njit(cache=True)
def _count_common(a: np.ndarray, b: np.ndarray) -> np.int64:
    """Bits set in both of two rows of words."""
    total = np.int64(0)
    for k in range(a.size):
        total += np.int64(_popcount(a[k] & b[k]))
    return total


@njit(cache=True)
def count_bits(words: np.ndarray, counts: np.ndarray) -> None:
    """Set bits of each row: words (f, w) uint64 -> counts (f,) int64."""
    for row in range(words.shape[0]):
        counts[row] = _count_common(words[row], words[row])


@njit(cache=True, error_model="numpy")
def pair_overlaps(
    words: np.ndarray, known: np.ndarray, frame_tile: int, word_tile: int, iou: np.ndarray, minimum: np.ndarray
) -> None:
    """Overlap of every pair of rows.

    words: (f, w) uint64; known: the same, or (0, 0) when everything is known; iou, minimum: (f, f) float32 out.
    Rows and words are taken in tiles that stay in the second-level cache.
    """
    frames, width = words.shape
    partial = known.shape[0] > 0
    common = np.zeros((frame_tile, frame_tile), np.int64)
    of_a = np.zeros((frame_tile, frame_tile), np.int64)  # |A within what B knows|
    of_b = np.zeros((frame_tile, frame_tile), np.int64)
    sizes = np.zeros(frames, np.int64)
    for i in range(frames):
        sizes[i] = _count_common(words[i], words[i])
    for a0 in range(0, frames, frame_tile):
        a1 = min(a0 + frame_tile, frames)
        for b0 in range(a0, frames, frame_tile):
            b1 = min(b0 + frame_tile, frames)
            common[:] = 0
            of_a[:] = 0
            of_b[:] = 0
            for k0 in range(0, width, word_tile):
                k1 = min(k0 + word_tile, width)
                for i in range(a0, a1):
                    for j in range(max(b0, i), b1):
                        common[i - a0, j - b0] += _count_common(words[i, k0:k1], words[j, k0:k1])
                        if partial:
                            of_a[i - a0, j - b0] += _count_common(words[i, k0:k1], known[j, k0:k1])
                            of_b[i - a0, j - b0] += _count_common(words[j, k0:k1], known[i, k0:k1])
            for i in range(a0, a1):
                for j in range(max(b0, i), b1):
                    both = common[i - a0, j - b0]
                    a = of_a[i - a0, j - b0] if partial else sizes[i]
                    b = of_b[i - a0, j - b0] if partial else sizes[j]
                    union = a + b - both
                    smaller = min(a, b)
                    share = np.float32(both / union) if union > 0 else np.float32(0.0)
                    part = np.float32(both / smaller) if smaller > 0 else np.float32(0.0)
                    iou[i, j] = share
                    iou[j, i] = share
                    minimum[i, j] = part
                    minimum[j, i] = part


# --------------------------------------------------------------------------------------------------------------------
# lenses


@njit(cache=True, error_model="numpy")
def _fisheye_angle(lens: np.ndarray, theta: float) -> float:
    """theta_d of a fisheye lens."""
    s = theta * theta
    return float(theta * (1.0 + s * (lens[1] + s * (lens[2] + s * (lens[3] + s * lens[4])))))


@njit(cache=True, error_model="numpy")
def _radial_factor(lens: np.ndarray, square: float) -> float:
    """The factor g of an ``opencv`` lens at r² = ``square``."""
    top = 1.0 + square * (lens[1] + square * (lens[2] + square * lens[5]))
    return float(top / (1.0 + square * (lens[6] + square * (lens[7] + square * lens[8]))))


@njit(cache=True, error_model="numpy")
def _radial_slope(lens: np.ndarray, square: float, factor: float) -> float:
    """Derivative of g by r² at r² = ``square``, where g is ``factor``."""
    bottom = 1.0 + square * (lens[6] + square * (lens[7] + square * lens[8]))
    top_slope = lens[1] + square * (2.0 * lens[2] + square * 3.0 * lens[5])
    bottom_slope = lens[6] + square * (2.0 * lens[7] + square * 3.0 * lens[8])
    return float((top_slope - factor * bottom_slope) / bottom)


@njit(cache=True, error_model="numpy")
def _bend(lens: np.ndarray, a: float, b: float) -> tuple[float, float]:
    """Where a ray of the valid field lands before the intrinsics."""
    square = a * a + b * b
    if lens[0] == 2.0:
        r = math.sqrt(square)
        scale = _fisheye_angle(lens, math.atan(r)) / r if r > 0.0 else 1.0
        return a * scale, b * scale
    if lens[0] == 1.0:
        factor = _radial_factor(lens, square)
        along = 2.0 * (lens[4] * a + lens[3] * b)
        return a * factor + along * a + lens[4] * square, b * factor + along * b + lens[3] * square
    return a, b


@njit(cache=True, error_model="numpy")
def _distort(lens: np.ndarray, a: float, b: float) -> tuple[float, float]:
    """The pixel of ray coordinates; nan outside the valid field."""
    if not a * a + b * b <= lens[21]:
        return np.nan, np.nan
    x, y = _bend(lens, a, b)
    return lens[9] * x + lens[10] * y + lens[11], lens[12] * x + lens[13] * y + lens[14]


@njit(cache=True, error_model="numpy")
def _unbend_radius(lens: np.ndarray, length: float, most: float) -> float:
    """The angle (fisheye) or radius that a radial lens takes to ``length``, at most ``most``: Newton in a bracket."""
    fisheye = lens[0] == 2.0
    low, high = 0.0, most
    here = min(length, most)
    for _ in range(100):
        s = here * here
        if fisheye:
            value = _fisheye_angle(lens, here)
            slope = 1.0 + s * (3.0 * lens[1] + s * (5.0 * lens[2] + s * (7.0 * lens[3] + s * 9.0 * lens[4])))
        else:
            factor = _radial_factor(lens, s)
            value = here * factor
            slope = factor + 2.0 * s * _radial_slope(lens, s, factor)
        value -= length
        if value > 0.0:
            high = here
        else:
            low = here
        following = here - value / slope if slope > 0.0 else -1.0
        if not (following >= low and following <= high):
            following = 0.5 * (low + high)
        if abs(following - here) <= 4e-16 * here:
            break
        here = following
    return here


@njit(cache=True, error_model="numpy")
def _unbend_tangential(lens: np.ndarray, x: float, y: float, a: float, b: float) -> tuple[float, float]:
    """The ray that an ``opencv`` lens takes to (x, y), from one nearby: Newton, shortened until it comes nearer."""
    fx, fy = _bend(lens, a, b)
    fx -= x
    fy -= y
    error = fx * fx + fy * fy
    for _ in range(60):
        if error == 0.0:
            break
        square = a * a + b * b
        factor = _radial_factor(lens, square)
        slope = 2.0 * _radial_slope(lens, square, factor)
        p, q = lens[3], lens[4]
        straight = factor + 2.0 * (q * a + p * b)
        aa = straight + slope * a * a + 4.0 * q * a
        bb = straight + slope * b * b + 4.0 * p * b
        ab = slope * a * b + 2.0 * (p * a + q * b)
        determinant = aa * bb - ab * ab
        if not determinant > 0.0:
            break
        da = (ab * fy - bb * fx) / determinant
        db = (ab * fx - aa * fy) / determinant
        nearer = False
        for _ in range(40):
            next_a, next_b = a + da, b + db
            if next_a * next_a + next_b * next_b <= lens[21]:
                fx, fy = _bend(lens, next_a, next_b)
                fx -= x
                fy -= y
                if fx * fx + fy * fy < error:
                    nearer = True
                    break
            da *= 0.5
            db *= 0.5
        if not nearer:
            break
        a, b = next_a, next_b
        error = fx * fx + fy * fy
    if error <= 1e-22 * (1.0 + x * x + y * y):
        return a, b
    return np.nan, np.nan


@njit(cache=True, error_model="numpy")
def _undistort(lens: np.ndarray, u: float, v: float) -> tuple[float, float]:
    """The ray coordinates of a pixel; nan where the valid field does not reach."""
    x = lens[15] * u + lens[16] * v + lens[17]
    y = lens[18] * u + lens[19] * v + lens[20]
    if lens[0] == 0.0:
        return x, y
    length = math.sqrt(x * x + y * y)
    if length == 0.0:
        return x, y  # on the axis nothing is bent
    radius = math.sqrt(lens[21])
    if lens[0] == 2.0:
        most = math.atan(radius)
        if not length <= _fisheye_angle(lens, most):
            return np.nan, np.nan
        scale = math.tan(_unbend_radius(lens, length, most)) / length
        return x * scale, y * scale
    radial = lens[3] == 0.0 and lens[4] == 0.0
    reaches = length <= radius * _radial_factor(lens, lens[21])
    if radial and not reaches:
        return np.nan, np.nan
    scale = (_unbend_radius(lens, length, radius) if reaches else radius) / length
    if radial:
        return x * scale, y * scale
    scale *= 1.0 - 1e-12  # from inside the field
    a, b = _unbend_tangential(lens, x, y, x * scale, y * scale)
    return a, b


@njit(cache=True, error_model="numpy")
def undistort_points(lens: np.ndarray, xy: np.ndarray, rays: np.ndarray) -> None:
    """Ray coordinates of pixels: xy (n, 2) float64 -> rays (n, 2), nan where the valid field does not reach."""
    for i in range(xy.shape[0]):
        a, b = _undistort(lens, xy[i, 0], xy[i, 1])
        rays[i, 0] = a
        rays[i, 1] = b


@njit(cache=True, error_model="numpy")
def undistort_image(lens: np.ndarray, width: int, rays: np.ndarray) -> None:
    """Ray coordinates of every pixel: rays (2, h, at least width) float64, its first ``width`` columns written."""
    for row in range(rays.shape[1]):
        for column in range(width):
            a, b = _undistort(lens, float(column), float(row))
            rays[0, row, column] = a
            rays[1, row, column] = b


@njit(cache=True, error_model="numpy")
def project_through_lens(
    points: np.ndarray, matrix: np.ndarray, lens: np.ndarray, xy: np.ndarray, depth: np.ndarray
) -> None:
    """As ``project_points``; nan also outside the valid field."""
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3]
        depth[i] = w
        xy[i, 0] = np.nan
        xy[i, 1] = np.nan
        if w > 0.0:
            a = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]) / w
            b = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]) / w
            xy[i, 0], xy[i, 1] = _distort(lens, a, b)


# --------------------------------------------------------------------------------------------------------------------
# points


@njit(cache=True, error_model="numpy")
def project_points(points: np.ndarray, matrix: np.ndarray, xy: np.ndarray, depth: np.ndarray) -> None:
    """Pixels and depths: points (n, 3) float64 -> xy (n, 2), nan unless in front of the camera; depth (n,)."""
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3]
        depth[i] = w
        if w > 0.0:
            xy[i, 0] = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]) / w
            xy[i, 1] = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]) / w
        else:
            xy[i, 0] = np.nan
            xy[i, 1] = np.nan


@njit(cache=True)
def morton_codes(points: np.ndarray, low: np.ndarray, cell: float, codes: np.ndarray) -> None:
    """Interleave 16-bit cell numbers: points (n, 3) float32 -> codes (n,) uint64, near for neighbours in space."""
    for i in range(points.shape[0]):
        code = 0
        for axis in range(3):
            value = min(max(int((points[i, axis] - low[axis]) / cell), 0), 65535)
            value = (value | (value << 16)) & 0x0000FF0000FF
            value = (value | (value << 8)) & 0x00F00F00F00F
            value = (value | (value << 4)) & 0x0C30C30C30C3
            value = (value | (value << 2)) & 0x249249249249
            code |= value << axis
        codes[i] = code


@njit(cache=True)
def bounding_boxes(points: np.ndarray, start: np.ndarray, boxes: np.ndarray) -> None:
    """Centre and half size (b, 6) float64 of each run start[i] .. start[i + 1] of points (3, n) float32."""
    for block in range(boxes.shape[0]):
        for axis in range(3):
            low = np.inf
            high = -np.inf
            for i in range(start[block], start[block + 1]):
                value = np.float64(points[axis, i])
                low = min(low, value)
                high = max(high, value)
            boxes[block, axis] = 0.5 * (low + high)
            boxes[block, axis + 3] = 0.5 * (high - low)


@njit(cache=True)
def _box_is_outside(box: np.ndarray, matrix: np.ndarray, near: float, width: int, height: int) -> bool:
    """Whether a box (centre, half size: (6,)) lies wholly outside one side of what a camera sees."""
    for side in range(5):
        if side == 0:
            sign, row, edge, least = 0.0, 0, 1.0, near  # z >= near
        elif side == 1:
            sign, row, edge, least = 1.0, 0, 0.5, 0.0  # u >= -0.5
        elif side == 2:
            sign, row, edge, least = -1.0, 0, width - 0.5, 0.0
        elif side == 3:
            sign, row, edge, least = 1.0, 1, 0.5, 0.0
        else:
            sign, row, edge, least = -1.0, 1, height - 0.5, 0.0
        value = sign * matrix[row, 3] + edge * matrix[2, 3] - least
        size = abs(value)
        reach = 0.0
        for axis in range(3):
            normal = sign * matrix[row, axis] + edge * matrix[2, axis]
            value += normal * box[axis]
            size += abs(normal * box[axis])
            reach += abs(normal) * box[axis + 3]
        # Rounding must not reject a box that touches the border.
        if value + reach < -1e-12 * size:
            return True
    return False


@njit(cache=True, error_model="numpy")
def _pixels_of_block(
    points: np.ndarray,
    start: int,
    count: int,
    near: float,
    matrix: np.ndarray,
    lens: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    depth: np.ndarray,
) -> None:
    """Pixels plus a half, and depths, of a run of points through a distorted lens; nan where there is no pixel."""
    for i in range(count):
        x = np.float64(points[0, start + i])
        y = np.float64(points[1, start + i])
        z = np.float64(points[2, start + i])
        w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3]
        depth[i] = w
        u[i] = np.nan
        v[i] = np.nan
        if w > near and w > 0.0:
            a = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]) / w
            b = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]) / w
            x, y = _distort(lens, a, b)
            u[i] = x + 0.5
            v[i] = y + 0.5


@njit(cache=True, error_model="numpy")
def visible_points(
    points: np.ndarray,
    order: np.ndarray,
    boxes: np.ndarray,
    near: float,
    matrix: np.ndarray,
    lens: np.ndarray,
    window: np.ndarray,
    width: int,
    height: int,
    mesh_depth: np.ndarray,
    mesh_absolute: float,
    mesh_relative: float,
    depth_matrix: np.ndarray,
    depth_lens: np.ndarray,
    sensor_depth: np.ndarray,
    sensor_absolute: float,
    sensor_relative: float,
    one_sided: bool,
    sensor_decides: bool,
    visible: np.ndarray,
    known: np.ndarray,
) -> None:
    """One frame's visible points as bits.

    points: (3, n) float32, grouped in space in blocks of 64; order: (n,) int32, their bits' places; boxes: (b, 6)
    float64 centre and half size of each block; window: ``matrix`` of a pinhole that sees all the lens does (for a
    pinhole itself the same); mesh_depth, sensor_depth: (h, w) float32, 0 for none, or (0, 0);
    visible: (w,) uint64 zeros in, bits set; known: (w,) uint64 ones in, bits cleared where a point is in the image
    but the sensor that decides knows nothing, or (0,).
    """
    has_mesh = mesh_depth.shape[0] > 0
    sensor_height, sensor_width = sensor_depth.shape
    u = np.empty(_BLOCK, np.float64)
    v = np.empty(_BLOCK, np.float64)
    depth = np.empty(_BLOCK, np.float64)
    one = np.uint64(1)
    for block in range(boxes.shape[0]):
        if _box_is_outside(boxes[block], window, near, width, height):
            continue
        start = block * _BLOCK
        count = min(_BLOCK, points.shape[1] - start)
        if lens[0] != 0.0:
            _pixels_of_block(points, start, count, near, matrix, lens, u, v, depth)
        for i in range(count if lens[0] == 0.0 else 0):
            x = np.float64(points[0, start + i])
            y = np.float64(points[1, start + i])
            z = np.float64(points[2, start + i])
            w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3]
            safe = w if w > near else 1.0
            u[i] = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]) / safe + 0.5
            v[i] = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]) / safe + 0.5
            depth[i] = w
        for i in range(count):
            w = depth[i]
            if not (w > near and u[i] >= 0.0 and u[i] < width and v[i] >= 0.0 and v[i] < height):
                continue
            if has_mesh:
                surface = np.float64(mesh_depth[int(v[i]), int(u[i])])
                if surface > 0.0 and w > surface + max(mesh_absolute, mesh_relative * surface):
                    continue
            seen = 0.0
            along = 0.0
            if sensor_height > 0:
                x = np.float64(points[0, start + i])
                y = np.float64(points[1, start + i])
                z = np.float64(points[2, start + i])
                along = depth_matrix[2, 0] * x + depth_matrix[2, 1] * y + depth_matrix[2, 2] * z + depth_matrix[2, 3]
                if along > 0.0:
                    du = depth_matrix[0, 0] * x + depth_matrix[0, 1] * y + depth_matrix[0, 2] * z + depth_matrix[0, 3]
                    dv = depth_matrix[1, 0] * x + depth_matrix[1, 1] * y + depth_matrix[1, 2] * z + depth_matrix[1, 3]
                    du = du / along
                    dv = dv / along
                    if depth_lens[0] != 0.0:
                        du, dv = _distort(depth_lens, du, dv)
                    du += 0.5
                    dv += 0.5
                    if du >= 0.0 and du < sensor_width and dv >= 0.0 and dv < sensor_height:
                        seen = np.float64(sensor_depth[int(dv), int(du)])
            place = np.int64(order[start + i])
            bit = one << np.uint64(place & 63)
            if seen > 0.0:
                if one_sided:
                    if not along < seen:
                        continue
                elif not abs(along - seen) <= max(sensor_absolute, sensor_relative * along):
                    continue
            elif sensor_decides:
                known[place >> 6] &= ~bit
                continue
            visible[place >> 6] |= bit


@njit(cache=True)
def _slot(cell: int, mask: int, cells: np.ndarray, counts: np.ndarray) -> int:
    """The place of a cell in an open hash table: its own, or the free one where it belongs."""
    # 31-bit pieces times a 29-bit odd number stay below 2**63: the same numbers with and without the compiler.
    place = ((cell ^ (cell >> 31)) & 0x7FFFFFFF) * 366562531
    place = (place ^ (place >> 23)) & mask
    while counts[place] > 0 and cells[place] != cell:
        place = (place + 1) & mask
    return place


@njit(cache=True)
def fuse_depth(
    depth: np.ndarray,
    inverse: np.ndarray,
    rays: np.ndarray,
    pose: np.ndarray,
    size: float,
    cells: np.ndarray,
    sums: np.ndarray,
    counts: np.ndarray,
) -> int:
    """Add a depth map's points to a grid; returns how many cells became occupied.

    depth: (h, w) float32, 0 for none; inverse: (3, 3) of the intrinsics; rays: (2, h, at least w) float64 for a
    distorted lens, nan for none, else (2, 0, 0); pose: camera_to_world (4, 4); size: cell edge in metres;
    cells (c,) int64, sums (c, 3) float64, counts (c,) int64: an open hash table, c a power of two.
    """
    mask = cells.size - 1
    bent = rays.shape[1] > 0
    added = 0
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            z = np.float64(depth[row, column])
            if not z > 0.0:
                continue
            if bent:
                cx = rays[0, row, column] * z
                cy = rays[1, row, column] * z
                if not abs(cx) < np.inf:
                    continue  # outside the lens
            else:
                cx = (inverse[0, 0] * column + inverse[0, 1] * row + inverse[0, 2]) * z
                cy = (inverse[1, 0] * column + inverse[1, 1] * row + inverse[1, 2]) * z
            x = pose[0, 0] * cx + pose[0, 1] * cy + pose[0, 2] * z + pose[0, 3]
            y = pose[1, 0] * cx + pose[1, 1] * cy + pose[1, 2] * z + pose[1, 3]
            w = pose[2, 0] * cx + pose[2, 1] * cy + pose[2, 2] * z + pose[2, 3]
            i = math.floor(x / size) + 1048576
            j = math.floor(y / size) + 1048576
            k = math.floor(w / size) + 1048576
            if min(i, min(j, k)) < 0 or max(i, max(j, k)) > 2097151:
                continue  # farther than 20 km from the origin at 2 cm: no scene
            cell = (i << 42) | (j << 21) | k
            place = _slot(cell, mask, cells, counts)
            if counts[place] == 0:
                cells[place] = cell
                added += 1
            sums[place, 0] += x
            sums[place, 1] += y
            sums[place, 2] += w
            counts[place] += 1
    return added


@njit(cache=True)
def rehash(
    old_cells: np.ndarray,
    old_sums: np.ndarray,
    old_counts: np.ndarray,
    cells: np.ndarray,
    sums: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Copy an open hash table into a larger, empty one."""
    mask = cells.size - 1
    for i in range(old_cells.size):
        if old_counts[i] > 0:
            place = _slot(old_cells[i], mask, cells, counts)
            cells[place] = old_cells[i]
            counts[place] = old_counts[i]
            for axis in range(3):
                sums[place, axis] = old_sums[i, axis]


# --------------------------------------------------------------------------------------------------------------------
# triangles


@njit(cache=True)
def cluster_vertices(
    faces: np.ndarray,
    size: int,
    stamp: np.ndarray,
    local: np.ndarray,
    corners: np.ndarray,
    vertex_ids: np.ndarray,
    vertex_start: np.ndarray,
) -> int:
    """Number the vertices of each run of ``size`` faces from 0; returns the total over all runs.

    faces: (m, 3) int32 in cluster order; stamp, local: (n,) int32, stamp all -1; corners: (3, m) uint16 out;
    vertex_ids: (3 m,) int32 out, the vertices of all clusters one after the other; vertex_start: (c + 1,) int64 out.
    """
    total = 0
    for cluster in range(vertex_start.size - 1):
        vertex_start[cluster] = total
        count = 0
        for face in range(cluster * size, min((cluster + 1) * size, faces.shape[0])):
            for corner in range(3):
                vertex = faces[face, corner]
                if stamp[vertex] != cluster:
                    stamp[vertex] = cluster
                    local[vertex] = count
                    vertex_ids[total + count] = vertex
                    count += 1
                corners[corner, face] = local[vertex]
        total += count
    vertex_start[vertex_start.size - 1] = total
    return total


@njit(cache=True)
def _bounds(
    x0: float,
    x1: float,
    x2: float,
    y0: float,
    y1: float,
    y2: float,
    right_most: float,
    bottom_most: float,
    slot: int,
    ranges: np.ndarray,
) -> int:
    """Write the pixels whose centres a triangle's box holds into ranges[:4, slot]; 1 if there are any, else 0."""
    left = math.ceil(max(min(x0, min(x1, x2)), 0.0))
    right = math.floor(min(max(x0, max(x1, x2)), right_most))
    top = math.ceil(max(min(y0, min(y1, y2)), 0.0))
    bottom = math.floor(min(max(y0, max(y1, y2)), bottom_most))
    ranges[0, slot] = left
    ranges[1, slot] = right
    ranges[2, slot] = top
    ranges[3, slot] = bottom
    return int((left <= right) & (top <= bottom))


@njit(cache=True, error_model="numpy")
def _edges(
    x0: float,
    y0: float,
    q0: float,
    x1: float,
    y1: float,
    q1: float,
    x2: float,
    y2: float,
    q2: float,
    slot: int,
    ranges: np.ndarray,
    edges: np.ndarray,
) -> None:
    """Write a triangle's three edge functions a x + b y + c, positive inside, and its inverse depths into a slot.

    A shared edge is evaluated from the same end whichever triangle asks, so that the two values are exact opposites:
    no pixel between two triangles is lost. Pixels on an edge belong to both; the buffer decides.
    """
    a0, b0 = y1 - y2, x2 - x1  # the edge opposite corner 0, and so on
    a1, b1 = y2 - y0, x0 - x2
    a2, b2 = y0 - y1, x1 - x0
    area = b2 * (y2 - y0) + a2 * (x2 - x0)
    first = (x1 < x2) | ((x1 == x2) & (y1 < y2))
    c0 = -(a0 * (x1 if first else x2) + b0 * (y1 if first else y2))
    first = (x2 < x0) | ((x2 == x0) & (y2 < y0))
    c1 = -(a1 * (x2 if first else x0) + b1 * (y2 if first else y0))
    first = (x0 < x1) | ((x0 == x1) & (y0 < y1))
    c2 = -(a2 * (x0 if first else x1) + b2 * (y0 if first else y1))
    sign = 1.0 if area > 0.0 else -1.0
    area *= sign
    usable = area > 1e-300
    scale = 1.0 / (area if usable else 1.0)
    ranges[3, slot] = ranges[3, slot] if usable else -1  # no rows for what is seen edge-on
    edges[0, slot] = a0 * sign
    edges[1, slot] = b0 * sign
    edges[2, slot] = c0 * sign
    edges[3, slot] = a1 * sign
    edges[4, slot] = b1 * sign
    edges[5, slot] = c1 * sign
    edges[6, slot] = a2 * sign
    edges[7, slot] = b2 * sign
    edges[8, slot] = c2 * sign
    edges[9, slot] = q0 * scale
    edges[10, slot] = q1 * scale
    edges[11, slot] = q2 * scale
    edges[12, slot] = min(q0, min(q1, q2))
    edges[13, slot] = max(q0, max(q1, q2))


@njit(cache=True, error_model="numpy")
def _transform(points: np.ndarray, start: int, end: int, matrix: np.ndarray, near: float, corners: np.ndarray) -> None:
    """Pixels and inverse depths (rows 0 to 2), homogeneous pixels and depths (rows 3 to 5) of a run of points."""
    for i in range(end - start):
        x = np.float64(points[0, start + i])
        y = np.float64(points[1, start + i])
        z = np.float64(points[2, start + i])
        a = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]
        b = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]
        w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3]
        q = 1.0 / (w if w >= near else 1.0)
        corners[0, i] = a * q
        corners[1, i] = b * q
        corners[2, i] = q
        corners[3, i] = a
        corners[4, i] = b
        corners[5, i] = w


@njit(cache=True)
def _bounds_of_run(
    corners: np.ndarray,
    first: int,
    last: int,
    scratch: np.ndarray,
    width: int,
    height: int,
    ranges: np.ndarray,
    kept: np.ndarray,
) -> int:
    """Put the faces first .. last that hold a pixel centre into slots; returns how many."""
    us, vs = scratch[0], scratch[1]
    right_most, bottom_most = width - 1.0, height - 1.0
    count = 0
    for face in range(first, last):
        i, j, k = corners[0, face], corners[1, face], corners[2, face]
        slot = np.uint64(count)  # unsigned: no check for an index counted from the end
        kept[slot] = face
        # Without a branch: which triangles fall between pixel centres cannot be foreseen.
        count += _bounds(us[i], us[j], us[k], vs[i], vs[j], vs[k], right_most, bottom_most, slot, ranges)
    return count


@njit(cache=True, error_model="numpy")
def _edges_of_run(
    corners: np.ndarray, kept: np.ndarray, count: int, scratch: np.ndarray, ranges: np.ndarray, edges: np.ndarray
) -> None:
    """The edge functions of all slots."""
    us, vs, qs = scratch[0], scratch[1], scratch[2]
    for slot in range(count):
        face = kept[slot]
        i, j, k = corners[0, face], corners[1, face], corners[2, face]
        _edges(us[i], vs[i], qs[i], us[j], vs[j], qs[j], us[k], vs[k], qs[k], slot, ranges, edges)


@njit(cache=True, error_model="numpy")
def _fill(slot: int, ranges: np.ndarray, edges: np.ndarray, face: int, keys: np.ndarray) -> None:
    """Enter the triangle of a slot into the z-buffer: without branches, eight pixels at a time.

    A row's last eight may reach beyond the image: the buffer is that much wider, and nothing reads what lands there.
    """
    left, right = ranges[0, slot], ranges[1, slot]
    lanes = ((right - left) // _LANES + 1) * _LANES
    low_bits = np.int64(_NO_TRIANGLE) - np.int64(face)
    a0, b0, c0 = edges[0, slot], edges[1, slot], edges[2, slot]
    a1, b1, c1 = edges[3, slot], edges[4, slot], edges[5, slot]
    a2, b2, c2 = edges[6, slot], edges[7, slot], edges[8, slot]
    q0, q1, q2 = edges[9, slot], edges[10, slot], edges[11, slot]
    low, high = edges[12, slot], edges[13, slot]
    start = np.float64(left)
    for row in range(ranges[2, slot], ranges[3, slot] + 1):
        r0 = b0 * row + c0
        r1 = b1 * row + c1
        r2 = b2 * row + c2
        chunk = keys[row, left : left + lanes]
        for i in range(chunk.size):
            x = start + i
            w0 = a0 * x + r0
            w1 = a1 * x + r1
            w2 = a2 * x + r2
            q = w0 * q0 + w1 * q1 + w2 * q2
            q = q if q > low else low  # clamped: a sliver's plane must not reach beyond its corners
            q = q if q < high else high
            key = (np.int64(np.float32(q).view(np.int32)) << np.int64(32)) | low_bits
            old = chunk[i]
            chunk[i] = key if (w0 >= 0.0) & (w1 >= 0.0) & (w2 >= 0.0) & (key > old) else old


@njit(cache=True, error_model="numpy")
def _cut(h: np.ndarray, i: int, j: int, k: int, near: float, polygon: np.ndarray) -> int:
    """Cut a triangle at z = near: what is left goes to polygon[:, 0 .. 2], pixels and inverse depths; its corners."""
    count = 0
    for corner in range(3):
        here = i if corner == 0 else (j if corner == 1 else k)
        there = j if corner == 0 else (k if corner == 1 else i)
        z0 = h[5, here]
        z1 = h[5, there]
        if z0 >= near:
            polygon[count, 0] = h[0, here]
            polygon[count, 1] = h[1, here]
            polygon[count, 2] = h[2, here]
            count += 1
        if (z0 >= near) != (z1 >= near):
            # Always from the near side to the far side, so that both triangles at an edge cut it at the same point.
            a, b = (here, there) if z0 < near else (there, here)
            t = (near - h[5, a]) / (h[5, b] - h[5, a])
            polygon[count, 0] = (h[3, a] + t * (h[3, b] - h[3, a])) / near
            polygon[count, 1] = (h[4, a] + t * (h[4, b] - h[4, a])) / near
            polygon[count, 2] = 1.0 / near
            count += 1
    return count


@njit(cache=True, error_model="numpy")
def _fill_cut(
    h: np.ndarray,
    i: int,
    j: int,
    k: int,
    near: float,
    face: int,
    width: int,
    height: int,
    ranges: np.ndarray,
    edges: np.ndarray,
    polygon: np.ndarray,
    keys: np.ndarray,
) -> None:
    """Cut a triangle at z = near and enter what is left; h: (6, n) with homogeneous pixels in rows 3, 4 and z in 5."""
    count = _cut(h, i, j, k, near, polygon)
    for third in range(2, count):
        x0, y0, q0 = polygon[0, 0], polygon[0, 1], polygon[0, 2]
        x1, y1, q1 = polygon[third - 1, 0], polygon[third - 1, 1], polygon[third - 1, 2]
        x2, y2, q2 = polygon[third, 0], polygon[third, 1], polygon[third, 2]
        if _bounds(x0, x1, x2, y0, y1, y2, width - 1.0, height - 1.0, 0, ranges) == 1:
            _edges(x0, y0, q0, x1, y1, q1, x2, y2, q2, 0, ranges, edges)
            _fill(0, ranges, edges, face, keys)


@njit(cache=True, error_model="numpy")
def _is_behind(
    u0: float,
    u1: float,
    v0: float,
    v1: float,
    nearest: float,
    width: int,
    keys: np.ndarray,
    tile_least: np.ndarray,
    tile_stale: np.ndarray,
    rectangle: np.ndarray,
) -> bool:
    """Whether all pixels of a rectangle show something nearer than ``nearest``; see ``_is_hidden``."""
    height = keys.shape[0]
    # Wider by a hundredth of a pixel, nearer by a millionth: rounding must not hide anything.
    left = int(min(max(u0 - 0.01, 0.0), width - 1.0)) // _TILE
    right = int(min(max(u1 + 0.01, 0.0), width - 1.0)) // _TILE
    top = int(min(max(v0 - 0.01, 0.0), height - 1.0)) // _TILE
    bottom = int(min(max(v1 + 0.01, 0.0), height - 1.0)) // _TILE
    rectangle[0], rectangle[1], rectangle[2], rectangle[3] = left, right, top, bottom
    limit = np.int64(np.float32((1.0 + 1e-6) / nearest).view(np.int32)) << np.int64(32) | np.int64(_NO_TRIANGLE)
    for tile_row in range(top, bottom + 1):
        for tile in range(left, right + 1):
            if tile_least[tile_row, tile] > limit:
                continue
            if tile_stale[tile_row, tile] == 0:
                return False
            least = np.int64(0x7FFFFFFFFFFFFFFF)
            for row in range(_TILE * tile_row, min(_TILE * tile_row + _TILE, height)):
                chunk = keys[row, _TILE * tile : min(_TILE * tile + _TILE, width)]
                for i in range(chunk.size):
                    least = min(least, chunk[i])
            tile_least[tile_row, tile] = least
            tile_stale[tile_row, tile] = 0
            if least <= limit:
                return False
    return True


@njit(cache=True, error_model="numpy")
def _is_hidden(
    box: np.ndarray,
    matrix: np.ndarray,
    nearest: float,
    width: int,
    keys: np.ndarray,
    tile_least: np.ndarray,
    tile_stale: np.ndarray,
    rectangle: np.ndarray,
) -> bool:
    """Whether all that a box can show lies behind what is drawn; the tiles it covers are left in ``rectangle``.

    tile_least: smallest key of each tile when last looked at; tile_stale: whether it was drawn into since.
    """
    u0, u1, v0, v1 = np.inf, -np.inf, np.inf, -np.inf
    for corner in range(8):
        x = box[0] + (box[3] if corner & 1 else -box[3])
        y = box[1] + (box[4] if corner & 2 else -box[4])
        z = box[2] + (box[5] if corner & 4 else -box[5])
        q = 1.0 / (matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3])
        u = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]) * q
        v = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]) * q
        u0, u1 = min(u0, u), max(u1, u)
        v0, v1 = min(v0, v), max(v1, v)
    return bool(_is_behind(u0, u1, v0, v1, nearest, width, keys, tile_least, tile_stale, rectangle))


@njit(cache=True)
def _clusters_in_view(
    boxes: np.ndarray,
    window: np.ndarray,
    matrix: np.ndarray,
    near: float,
    width: int,
    height: int,
    in_view: np.ndarray,
    distance: np.ndarray,
) -> int:
    """How many boxes a camera may see, which, and the least depth in each (metres along the camera's z axis).

    window: as ``_box_is_outside`` asks; matrix: of which the third row gives depth; in_view, distance: (at least c,),
    filled from the front.
    """
    seen = 0
    for cluster in range(boxes.shape[0]):
        if not _box_is_outside(boxes[cluster], window, near, width, height):
            nearest = matrix[2, 3]
            for axis in range(3):
                nearest += matrix[2, axis] * boxes[cluster, axis] - abs(matrix[2, axis]) * boxes[cluster, axis + 3]
            in_view[seen] = cluster
            distance[seen] = nearest
            seen += 1
    return seen


@njit(cache=True, error_model="numpy")
def rasterise(
    points: np.ndarray,
    vertex_start: np.ndarray,
    corners: np.ndarray,
    face_ids: np.ndarray,
    size: int,
    boxes: np.ndarray,
    matrix: np.ndarray,
    near: float,
    width: int,
    scratch: np.ndarray,
    keys: np.ndarray,
) -> None:
    """Z-buffer of triangles in clusters, nearest clusters first, those behind what is drawn left out.

    points: (3, p) float32, each cluster's vertices one after the other; vertex_start: (c + 1,) int64; corners: (3, m)
    uint16 within the cluster; face_ids: (m,) int32; size: faces of a cluster; boxes: (c, 6); near > 0;
    scratch: (6, at least the vertices of any cluster) float64; keys: (h, width + 8) int64, zeros in. Out, in the
    first ``width`` columns: the bits of the nearest inverse depth (float32) above those of 0xFFFFFFFF - face. The
    larger key is the nearer surface and, at equal depth, the lower face: the order of work does not matter.
    """
    height = keys.shape[0]
    polygon = np.empty((4, 3), np.float64)
    ranges = np.empty((4, size + 1), np.int32)
    edges = np.empty((14, size + 1), np.float64)
    kept = np.empty(size + 1, np.uint32)
    tile_least = np.zeros(((height + _TILE - 1) // _TILE, (width + _TILE - 1) // _TILE), np.int64)
    tile_stale = np.zeros(tile_least.shape, np.uint8)
    rectangle = np.zeros(4, np.int64)
    in_view = np.empty(boxes.shape[0], np.int64)
    distance = np.empty(boxes.shape[0], np.float64)
    seen = _clusters_in_view(boxes, matrix, matrix, near, width, height, in_view, distance)
    for turn in np.argsort(distance[:seen]):
        cluster = in_view[turn]
        nearest = distance[turn]
        first, last = cluster * size, min((cluster + 1) * size, face_ids.size)
        start, end = vertex_start[cluster], vertex_start[cluster + 1]
        if nearest > near * (1.0 + 1e-6) + 1e-9:
            if _is_hidden(boxes[cluster], matrix, nearest, width, keys, tile_least, tile_stale, rectangle):
                continue
            tile_stale[rectangle[2] : rectangle[3] + 1, rectangle[0] : rectangle[1] + 1] = 1
            _transform(points, start, end, matrix, near, scratch)
            count = _bounds_of_run(corners, first, last, scratch, width, height, ranges, kept)
            _edges_of_run(corners, kept, count, scratch, ranges, edges)
            for slot in range(count):
                _fill(slot, ranges, edges, face_ids[kept[slot]], keys)
        else:
            tile_stale[:] = 1
            _transform(points, start, end, matrix, near, scratch)
            for face in range(first, last):
                i, j, k = corners[0, face], corners[1, face], corners[2, face]
                _fill_cut(scratch, i, j, k, near, face_ids[face], width, height, ranges, edges, polygon, keys)


@njit(cache=True, error_model="numpy")
def _ruled(lens: np.ndarray, a: float, b: float, square: float) -> tuple[float, float, float]:
    """A ray in the measure of ``reach``: its direction of unit length for a fisheye, else (a, b)."""
    if lens[0] == 2.0:
        shrink = 1.0 / math.sqrt(1.0 + square)
        return a * shrink, b * shrink, shrink
    return a, b, 0.0


@njit(cache=True, error_model="numpy")
def _reach_row(radius: float, safe: float) -> int:
    """The row of ``reach`` for what lies within ``radius``, at most ``safe``."""
    return min(int(64.0 * (radius / (1.0 + radius)) * ((1.0 + safe) / safe)), 63)


@njit(cache=True, error_model="numpy")
def _pixels_of_run(corners: np.ndarray, count: int, near: float, lens: np.ndarray, safe: float) -> None:
    """For what ``_transform`` left: pixels (rows 6, 7), radii (8), rays in the measure of ``reach`` (9 to 11).

    The radius is inf before ``near`` and beyond ``safe``, and the rest is not written there.
    """
    for i in range(count):
        a, b = corners[0, i], corners[1, i]
        square = a * a + b * b
        r = math.sqrt(square)
        corners[8, i] = np.inf
        if corners[5, i] >= near and r <= safe:
            corners[6, i], corners[7, i] = _distort(lens, a, b)
            corners[8, i] = r
            corners[9, i], corners[10, i], corners[11, i] = _ruled(lens, a, b, square)


@njit(cache=True, error_model="numpy")
def _square_apart(scratch: np.ndarray, i: int, j: int) -> float:
    """The square of the distance of two vertices in the measure of ``reach``."""
    x = scratch[9, i] - scratch[9, j]
    y = scratch[10, i] - scratch[10, j]
    z = scratch[11, i] - scratch[11, j]
    return float(x * x + y * y + z * z)


@njit(cache=True, error_model="numpy")
def _bent_bounds_of_run(
    corners: np.ndarray,
    first: int,
    last: int,
    scratch: np.ndarray,
    safe: float,
    longest: float,
    reach: np.ndarray,
    width: int,
    height: int,
    ranges: np.ndarray,
    kept: np.ndarray,
) -> tuple[int, int]:
    """Sort the faces first .. last: those that may hold a pixel centre into slots from the front, wide ones to the end.

    A lens without folds takes a triangle to what the pictures of its sides enclose, and those stay within ``reach``
    of their chords. Wide: where that is far, or not known. Returns how many there are of each.
    """
    us, vs, radii = scratch[6], scratch[7], scratch[8]
    right_most, bottom_most = width - 1.0, height - 1.0
    count = 0
    wide = 0
    for face in range(first, last):
        i, j, k = corners[0, face], corners[1, face], corners[2, face]
        radius = max(radii[i], max(radii[j], radii[k]))
        if radius < np.inf:
            square = _square_apart(scratch, i, j)
            square = max(square, max(_square_apart(scratch, j, k), _square_apart(scratch, k, i)))
            row = _reach_row(radius, safe)
            across = reach[row, 0] * square + 0.01
            down = reach[row, 1] * square + 0.01
            if max(across, down) <= _MOST_MARGIN and square <= longest:
                left = math.ceil(max(min(us[i], min(us[j], us[k])) - across, 0.0))
                right = math.floor(min(max(us[i], max(us[j], us[k])) + across, right_most))
                top = math.ceil(max(min(vs[i], min(vs[j], vs[k])) - down, 0.0))
                bottom = math.floor(min(max(vs[i], max(vs[j], vs[k])) + down, bottom_most))
                kept[count] = face
                ranges[0, count] = left
                ranges[1, count] = right
                ranges[2, count] = top
                ranges[3, count] = bottom
                count += int((left <= right) & (top <= bottom))
                continue
        wide += 1
        kept[kept.size - wide] = face
    return count, wide


@njit(cache=True, error_model="numpy")
def _fill_bent(slot: int, ranges: np.ndarray, edges: np.ndarray, face: int, rays: np.ndarray, keys: np.ndarray) -> None:
    """As ``_fill``, at the rays of the pixels; pixels without one stay as they are."""
    left, right = ranges[0, slot], ranges[1, slot]
    lanes = ((right - left) // _LANES + 1) * _LANES
    low_bits = np.int64(_NO_TRIANGLE) - np.int64(face)
    a0, b0, c0 = edges[0, slot], edges[1, slot], edges[2, slot]
    a1, b1, c1 = edges[3, slot], edges[4, slot], edges[5, slot]
    a2, b2, c2 = edges[6, slot], edges[7, slot], edges[8, slot]
    q0, q1, q2 = edges[9, slot], edges[10, slot], edges[11, slot]
    low, high = edges[12, slot], edges[13, slot]
    for row in range(ranges[2, slot], ranges[3, slot] + 1):
        chunk = keys[row, left : left + lanes]
        xs = rays[0, row, left : left + lanes]
        ys = rays[1, row, left : left + lanes]
        for i in range(chunk.size):
            x = xs[i]
            y = ys[i]
            w0 = a0 * x + (b0 * y + c0)
            w1 = a1 * x + (b1 * y + c1)
            w2 = a2 * x + (b2 * y + c2)
            q = w0 * q0 + w1 * q1 + w2 * q2
            q = q if q > low else low
            q = q if q < high else high
            key = (np.int64(np.float32(q).view(np.int32)) << np.int64(32)) | low_bits
            old = chunk[i]
            chunk[i] = key if (w0 >= 0.0) & (w1 >= 0.0) & (w2 >= 0.0) & (key > old) else old


@njit(cache=True, error_model="numpy")
def _may_touch(edges: np.ndarray, slot: int, hull: np.ndarray, a0: float, a1: float, b0: float, b1: float) -> bool:
    """Whether a triangle's box ``hull`` meets the rays a0 .. a1, b0 .. b1, and none of its edges has all outside.

    An empty rectangle (inf, -inf) meets nothing.
    """
    if a0 > hull[1] or a1 < hull[0] or b0 > hull[3] or b1 < hull[2]:
        return False
    for side in range(0, 9, 3):
        # In the order of _fill_bent: rounding keeps the greatest value the greatest.
        along = edges[side, slot]
        across = edges[side + 1, slot]
        if along * (a1 if along > 0.0 else a0) + (across * (b1 if across > 0.0 else b0) + edges[side + 2, slot]) < 0.0:
            return False
    return True


@njit(cache=True, error_model="numpy")
def _fill_wide(
    slot: int,
    ranges: np.ndarray,
    edges: np.ndarray,
    hull: np.ndarray,
    face: int,
    width: int,
    rays: np.ndarray,
    tiles: np.ndarray,
    blocks: np.ndarray,
    tile_stale: np.ndarray,
    keys: np.ndarray,
) -> None:
    """Enter a triangle whose edge functions are in a slot wherever its pixels may be: block by block, tile by tile.

    ranges: in the slot the pixels that are looked at; hull: (4,), the triangle's least and greatest a, and b.
    """
    left, right = ranges[0, slot] // _TILE, ranges[1, slot] // _TILE
    top, bottom = ranges[2, slot] // _TILE, ranges[3, slot] // _TILE
    for block_row in range(top // _TILE, bottom // _TILE + 1):
        for block in range(left // _TILE, right // _TILE + 1):
            a0, a1 = blocks[0, block_row, block], blocks[1, block_row, block]
            b0, b1 = blocks[2, block_row, block], blocks[3, block_row, block]
            if not _may_touch(edges, slot, hull, a0, a1, b0, b1):
                continue
            for row in range(max(_TILE * block_row, top), min(_TILE * block_row + _TILE - 1, bottom) + 1):
                for tile in range(max(_TILE * block, left), min(_TILE * block + _TILE - 1, right) + 1):
                    a0, a1 = tiles[0, row, tile], tiles[1, row, tile]
                    b0, b1 = tiles[2, row, tile], tiles[3, row, tile]
                    if not _may_touch(edges, slot, hull, a0, a1, b0, b1):
                        continue
                    ranges[0, slot] = _TILE * tile
                    ranges[1, slot] = min(_TILE * tile + _TILE, width) - 1
                    ranges[2, slot] = _TILE * row
                    ranges[3, slot] = min(_TILE * row + _TILE, keys.shape[0]) - 1
                    _fill_bent(slot, ranges, edges, face, rays, keys)
                    tile_stale[row, tile] = 1


@njit(cache=True, error_model="numpy")
def _is_hidden_bent(
    box: np.ndarray,
    matrix: np.ndarray,
    nearest: float,
    lens: np.ndarray,
    safe: float,
    longest: float,
    reach: np.ndarray,
    width: int,
    keys: np.ndarray,
    tile_least: np.ndarray,
    tile_stale: np.ndarray,
    rectangle: np.ndarray,
) -> bool:
    """As ``_is_hidden`` through a distorted lens; False, with ``rectangle`` as it was, if ``reach`` does not hold."""
    u0, u1, v0, v1 = np.inf, -np.inf, np.inf, -np.inf
    x0, x1, y0, y1, z0, z1 = np.inf, -np.inf, np.inf, -np.inf, np.inf, -np.inf
    radius = 0.0
    for corner in range(8):
        x = box[0] + (box[3] if corner & 1 else -box[3])
        y = box[1] + (box[4] if corner & 2 else -box[4])
        z = box[2] + (box[5] if corner & 4 else -box[5])
        q = 1.0 / (matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3])
        a = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]) * q
        b = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]) * q
        square = a * a + b * b
        r = math.sqrt(square)
        if not r <= safe:
            return False
        u, v = _distort(lens, a, b)
        x, y, z = _ruled(lens, a, b, square)
        u0, u1 = min(u0, u), max(u1, u)
        v0, v1 = min(v0, v), max(v1, v)
        x0, x1 = min(x0, x), max(x1, x)
        y0, y1 = min(y0, y), max(y1, y)
        z0, z1 = min(z0, z), max(z1, z)
        radius = max(radius, r)
    # The outline of what the box shows is made of lines between its corners, none longer than this diagonal.
    square = (x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0) + (z1 - z0) * (z1 - z0)
    if square > longest:
        return False
    row = _reach_row(radius, safe)
    across, down = reach[row, 0] * square, reach[row, 1] * square
    u0, u1, v0, v1 = u0 - across, u1 + across, v0 - down, v1 + down
    return bool(_is_behind(u0, u1, v0, v1, nearest, width, keys, tile_least, tile_stale, rectangle))


@njit(cache=True, error_model="numpy")
def rasterise_bent(
    points: np.ndarray,
    vertex_start: np.ndarray,
    corners: np.ndarray,
    face_ids: np.ndarray,
    size: int,
    boxes: np.ndarray,
    matrix: np.ndarray,
    window: np.ndarray,
    near: float,
    width: int,
    lens: np.ndarray,
    safe: float,
    longest: float,
    reach: np.ndarray,
    rays: np.ndarray,
    tiles: np.ndarray,
    blocks: np.ndarray,
    blind: np.ndarray,
    scratch: np.ndarray,
    keys: np.ndarray,
) -> None:
    """``rasterise`` for a distorted lens: triangles are planes over ray coordinates, looked up at every pixel's ray.

    Only where to look is bounded in pixels; which pixel a triangle covers, and how deep, is decided by the pixel's
    own ray. matrix: (3, 4) world_to_camera; window: see ``visible_points``; safe, longest, reach, rays, tiles, blocks,
    blind: of ``lens.Lens``; scratch: (12, at least the vertices of any cluster); all else, and what comes out: as
    ``rasterise``.
    """
    height = keys.shape[0]
    polygon = np.empty((4, 3), np.float64)
    ranges = np.empty((4, size + 1), np.int32)
    edges = np.empty((14, size + 1), np.float64)
    kept = np.empty(size + 1, np.uint32)
    # A pixel without a ray shows nothing: until the end it counts as covered, so that what lies behind is left out.
    for i in range(blind.shape[0]):
        keys[blind[i, 0], blind[i, 1]] = np.int64(0x7FFFFFFFFFFFFFFF)
    hull = np.empty(4, np.float64)
    extent = np.array([np.inf, -np.inf, np.inf, -np.inf])  # of all rays: least and greatest a, and b
    for row in range(blocks.shape[1]):
        for column in range(blocks.shape[2]):
            extent[0] = min(extent[0], blocks[0, row, column])
            extent[1] = max(extent[1], blocks[1, row, column])
            extent[2] = min(extent[2], blocks[2, row, column])
            extent[3] = max(extent[3], blocks[3, row, column])
    tile_least = np.zeros((tiles.shape[1], tiles.shape[2]), np.int64)
    tile_stale = np.zeros(tile_least.shape, np.uint8)
    rectangle = np.zeros(4, np.int64)
    in_view = np.empty(boxes.shape[0], np.int64)
    distance = np.empty(boxes.shape[0], np.float64)
    seen = _clusters_in_view(boxes, window, matrix, near, width, height, in_view, distance)
    for turn in np.argsort(distance[:seen]):
        cluster = in_view[turn]
        nearest = distance[turn]
        first, last = cluster * size, min((cluster + 1) * size, face_ids.size)
        start, end = vertex_start[cluster], vertex_start[cluster + 1]
        rectangle[0], rectangle[1], rectangle[2], rectangle[3] = 0, -1, 0, -1
        if nearest > near * (1.0 + 1e-6) + 1e-9 and _is_hidden_bent(
            boxes[cluster], matrix, nearest, lens, safe, longest, reach, width, keys, tile_least, tile_stale, rectangle
        ):
            continue
        bounded = rectangle[0] <= rectangle[1]
        tile_stale[rectangle[2] : rectangle[3] + 1, rectangle[0] : rectangle[1] + 1] = 1
        _transform(points, start, end, matrix, near, scratch)
        _pixels_of_run(scratch, end - start, near, lens, safe)
        count, wide = _bent_bounds_of_run(
            corners, first, last, scratch, safe, longest, reach, width, height, ranges, kept
        )
        _edges_of_run(corners, kept, count, scratch, ranges, edges)
        for slot in range(count):
            if not bounded:
                tile_stale[
                    ranges[2, slot] // _TILE : ranges[3, slot] // _TILE + 1,
                    ranges[0, slot] // _TILE : ranges[1, slot] // _TILE + 1,
                ] = 1
            _fill_bent(slot, ranges, edges, face_ids[kept[slot]], rays, keys)
        for place in range(kept.size - wide, kept.size):
            face = kept[place]
            i, j, k = corners[0, face], corners[1, face], corners[2, face]
            for third in range(2, _cut(scratch, i, j, k, near, polygon)):
                x0, y0, q0 = polygon[0, 0], polygon[0, 1], polygon[0, 2]
                x1, y1, q1 = polygon[third - 1, 0], polygon[third - 1, 1], polygon[third - 1, 2]
                x2, y2, q2 = polygon[third, 0], polygon[third, 1], polygon[third, 2]
                hull[0], hull[1] = min(x0, min(x1, x2)), max(x0, max(x1, x2))
                hull[2], hull[3] = min(y0, min(y1, y2)), max(y0, max(y1, y2))
                if hull[0] > extent[1] or hull[1] < extent[0] or hull[2] > extent[3] or hull[3] < extent[2]:
                    continue
                ranges[0, 0], ranges[1, 0], ranges[2, 0], ranges[3, 0] = 0, width - 1, 0, height - 1
                _edges(x0, y0, q0, x1, y1, q1, x2, y2, q2, 0, ranges, edges)
                if ranges[3, 0] >= 0:
                    _fill_wide(0, ranges, edges, hull, face_ids[face], width, rays, tiles, blocks, tile_stale, keys)
    for i in range(blind.shape[0]):
        keys[blind[i, 0], blind[i, 1]] = 0


@njit(cache=True, error_model="numpy")
def _stamp(slot: int, ranges: np.ndarray, edges: np.ndarray, stamp: int, stamps: np.ndarray) -> None:
    """Set ``stamp`` wherever ``_fill`` would enter the triangle of a slot: the same pixels, to the last rounding."""
    left, right = ranges[0, slot], ranges[1, slot]
    lanes = ((right - left) // _LANES + 1) * _LANES
    a0, b0, c0 = edges[0, slot], edges[1, slot], edges[2, slot]
    a1, b1, c1 = edges[3, slot], edges[4, slot], edges[5, slot]
    a2, b2, c2 = edges[6, slot], edges[7, slot], edges[8, slot]
    start = np.float64(left)
    for row in range(ranges[2, slot], ranges[3, slot] + 1):
        r0 = b0 * row + c0
        r1 = b1 * row + c1
        r2 = b2 * row + c2
        chunk = stamps[row, left : left + lanes]
        for i in range(chunk.size):
            x = start + i
            w0 = a0 * x + r0
            w1 = a1 * x + r1
            w2 = a2 * x + r2
            old = chunk[i]
            chunk[i] = stamp if (w0 >= 0.0) & (w1 >= 0.0) & (w2 >= 0.0) else old


@njit(cache=True, error_model="numpy")
def _stamp_bent(
    slot: int, ranges: np.ndarray, edges: np.ndarray, stamp: int, rays: np.ndarray, stamps: np.ndarray
) -> None:
    """As ``_stamp``, wherever ``_fill_bent`` would enter the triangle."""
    left, right = ranges[0, slot], ranges[1, slot]
    lanes = ((right - left) // _LANES + 1) * _LANES
    a0, b0, c0 = edges[0, slot], edges[1, slot], edges[2, slot]
    a1, b1, c1 = edges[3, slot], edges[4, slot], edges[5, slot]
    a2, b2, c2 = edges[6, slot], edges[7, slot], edges[8, slot]
    for row in range(ranges[2, slot], ranges[3, slot] + 1):
        chunk = stamps[row, left : left + lanes]
        xs = rays[0, row, left : left + lanes]
        ys = rays[1, row, left : left + lanes]
        for i in range(chunk.size):
            x = xs[i]
            y = ys[i]
            w0 = a0 * x + (b0 * y + c0)
            w1 = a1 * x + (b1 * y + c1)
            w2 = a2 * x + (b2 * y + c2)
            old = chunk[i]
            chunk[i] = stamp if (w0 >= 0.0) & (w1 >= 0.0) & (w2 >= 0.0) else old


@njit(cache=True, error_model="numpy")
def _stamp_wide(
    slot: int,
    ranges: np.ndarray,
    edges: np.ndarray,
    hull: np.ndarray,
    stamp: int,
    width: int,
    rays: np.ndarray,
    tiles: np.ndarray,
    blocks: np.ndarray,
    region: np.ndarray,
    stamps: np.ndarray,
) -> None:
    """As ``_stamp_bent``, for the whole image as ``_fill_wide`` goes through it: block by block, tile by tile."""
    for block_row in range(blocks.shape[1]):
        for block in range(blocks.shape[2]):
            a0, a1 = blocks[0, block_row, block], blocks[1, block_row, block]
            b0, b1 = blocks[2, block_row, block], blocks[3, block_row, block]
            if not _may_touch(edges, slot, hull, a0, a1, b0, b1):
                continue
            for row in range(_TILE * block_row, min(_TILE * block_row + _TILE, tiles.shape[1])):
                for tile in range(_TILE * block, min(_TILE * block + _TILE, tiles.shape[2])):
                    a0, a1 = tiles[0, row, tile], tiles[1, row, tile]
                    b0, b1 = tiles[2, row, tile], tiles[3, row, tile]
                    if not _may_touch(edges, slot, hull, a0, a1, b0, b1):
                        continue
                    ranges[0, slot] = _TILE * tile
                    ranges[1, slot] = min(_TILE * tile + _TILE, width) - 1
                    ranges[2, slot] = _TILE * row
                    ranges[3, slot] = min(_TILE * row + _TILE, stamps.shape[0]) - 1
                    _stamp_bent(slot, ranges, edges, stamp, rays, stamps)
                    _widen(region, ranges, slot)


@njit(cache=True)
def _widen(region: np.ndarray, ranges: np.ndarray, slot: int) -> None:
    """Let ``region`` (first and last column, first and last row) hold what a slot's triangle may have covered."""
    left = ranges[0, slot]
    region[0] = min(region[0], left)
    region[1] = max(region[1], left + ((ranges[1, slot] - left) // _LANES + 1) * _LANES - 1)
    region[2] = min(region[2], ranges[2, slot])
    region[3] = max(region[3], ranges[3, slot])


@njit(cache=True)
def _measure(
    stamp: int, region: np.ndarray, width: int, stamps: np.ndarray, pixels: np.ndarray, bounds: np.ndarray
) -> None:
    """Count the pixels of a region that hold ``stamp``, and the box around them, into entry ``stamp - 1``."""
    left, right = region[0], min(region[1], width - 1)
    first, last, top, bottom = right + 1, left - 1, region[3] + 1, region[2] - 1
    total = 0
    for row in range(region[2], region[3] + 1):
        chunk = stamps[row, left : right + 1]
        count = 0
        for i in range(chunk.size):
            count += int(chunk[i] == stamp)
        if count == 0:
            continue
        total += count
        top = min(top, row)
        bottom = row
        for column in range(left, first):
            if stamps[row, column] == stamp:
                first = column
                break
        for column in range(right, last, -1):
            if stamps[row, column] == stamp:
                last = column
                break
    if total > 0:
        pixels[stamp - 1] = total
        bounds[stamp - 1, 0], bounds[stamp - 1, 1] = first, top
        bounds[stamp - 1, 2], bounds[stamp - 1, 3] = last + 1, bottom + 1


@njit(cache=True, error_model="numpy")
def silhouettes(
    points: np.ndarray,
    vertex_start: np.ndarray,
    corners: np.ndarray,
    size: int,
    boxes: np.ndarray,
    wanted: np.ndarray,
    cluster_start: np.ndarray,
    cluster_faces: np.ndarray,
    matrix: np.ndarray,
    near: float,
    width: int,
    scratch: np.ndarray,
    stamps: np.ndarray,
    pixels: np.ndarray,
    bounds: np.ndarray,
) -> None:
    """The pixels each instance would cover in the z-buffer of ``rasterise`` if it were alone, one after the other.

    wanted: (k,) int64, instances; cluster_start: (n + 1,) int64, where each instance's clusters begin; cluster_faces:
    (c,) int32, triangles of each cluster that count, at its front; stamps: (h, width + 8) int32, zeros in, out the
    last of the instances, plus one, that covers a pixel; pixels: (n,) int32, zeros in, out how many each covers;
    bounds: (n, 4) int32, zeros in, out its first column and row and one beyond its last; the rest as ``rasterise``.
    """
    height = stamps.shape[0]
    polygon = np.empty((4, 3), np.float64)
    ranges = np.empty((4, size + 1), np.int32)
    edges = np.empty((14, size + 1), np.float64)
    kept = np.empty(size + 1, np.uint32)
    region = np.empty(4, np.int64)
    for turn in range(wanted.size):
        instance = wanted[turn]
        stamp = np.int32(instance + 1)
        region[0], region[1], region[2], region[3] = width, -1, height, -1
        for cluster in range(cluster_start[instance], cluster_start[instance + 1]):
            if _box_is_outside(boxes[cluster], matrix, near, width, height):
                continue
            nearest = matrix[2, 3]
            for axis in range(3):
                nearest += matrix[2, axis] * boxes[cluster, axis] - abs(matrix[2, axis]) * boxes[cluster, axis + 3]
            first = cluster * size
            last = first + cluster_faces[cluster]
            _transform(points, vertex_start[cluster], vertex_start[cluster + 1], matrix, near, scratch)
            if nearest > near * (1.0 + 1e-6) + 1e-9:
                count = _bounds_of_run(corners, first, last, scratch, width, height, ranges, kept)
                _edges_of_run(corners, kept, count, scratch, ranges, edges)
                for slot in range(count):
                    _stamp(slot, ranges, edges, stamp, stamps)
                    _widen(region, ranges, slot)
                continue
            for face in range(first, last):
                i, j, k = corners[0, face], corners[1, face], corners[2, face]
                for third in range(2, _cut(scratch, i, j, k, near, polygon)):
                    x0, y0, q0 = polygon[0, 0], polygon[0, 1], polygon[0, 2]
                    x1, y1, q1 = polygon[third - 1, 0], polygon[third - 1, 1], polygon[third - 1, 2]
                    x2, y2, q2 = polygon[third, 0], polygon[third, 1], polygon[third, 2]
                    if _bounds(x0, x1, x2, y0, y1, y2, width - 1.0, height - 1.0, 0, ranges) == 1:
                        _edges(x0, y0, q0, x1, y1, q1, x2, y2, q2, 0, ranges, edges)
                        _stamp(0, ranges, edges, stamp, stamps)
                        _widen(region, ranges, 0)
        _measure(stamp, region, width, stamps, pixels, bounds)


@njit(cache=True, error_model="numpy")
def silhouettes_bent(
    points: np.ndarray,
    vertex_start: np.ndarray,
    corners: np.ndarray,
    size: int,
    boxes: np.ndarray,
    wanted: np.ndarray,
    cluster_start: np.ndarray,
    cluster_faces: np.ndarray,
    matrix: np.ndarray,
    window: np.ndarray,
    near: float,
    width: int,
    lens: np.ndarray,
    safe: float,
    longest: float,
    reach: np.ndarray,
    rays: np.ndarray,
    tiles: np.ndarray,
    blocks: np.ndarray,
    scratch: np.ndarray,
    stamps: np.ndarray,
    pixels: np.ndarray,
    bounds: np.ndarray,
) -> None:
    """``silhouettes`` for a distorted lens, as ``rasterise_bent`` draws through it; arguments as of those two."""
    height = stamps.shape[0]
    polygon = np.empty((4, 3), np.float64)
    ranges = np.empty((4, size + 1), np.int32)
    edges = np.empty((14, size + 1), np.float64)
    kept = np.empty(size + 1, np.uint32)
    hull = np.empty(4, np.float64)
    region = np.empty(4, np.int64)
    for turn in range(wanted.size):
        instance = wanted[turn]
        stamp = np.int32(instance + 1)
        region[0], region[1], region[2], region[3] = width, -1, height, -1
        for cluster in range(cluster_start[instance], cluster_start[instance + 1]):
            if _box_is_outside(boxes[cluster], window, near, width, height):
                continue
            first = cluster * size
            last = first + cluster_faces[cluster]
            start, end = vertex_start[cluster], vertex_start[cluster + 1]
            _transform(points, start, end, matrix, near, scratch)
            _pixels_of_run(scratch, end - start, near, lens, safe)
            count, wide = _bent_bounds_of_run(
                corners, first, last, scratch, safe, longest, reach, width, height, ranges, kept
            )
            _edges_of_run(corners, kept, count, scratch, ranges, edges)
            for slot in range(count):
                _stamp_bent(slot, ranges, edges, stamp, rays, stamps)
                _widen(region, ranges, slot)
            for place in range(kept.size - wide, kept.size):
                face = kept[place]
                i, j, k = corners[0, face], corners[1, face], corners[2, face]
                for third in range(2, _cut(scratch, i, j, k, near, polygon)):
                    x0, y0, q0 = polygon[0, 0], polygon[0, 1], polygon[0, 2]
                    x1, y1, q1 = polygon[third - 1, 0], polygon[third - 1, 1], polygon[third - 1, 2]
                    x2, y2, q2 = polygon[third, 0], polygon[third, 1], polygon[third, 2]
                    hull[0], hull[1] = min(x0, min(x1, x2)), max(x0, max(x1, x2))
                    hull[2], hull[3] = min(y0, min(y1, y2)), max(y0, max(y1, y2))
                    ranges[3, 0] = 0
                    _edges(x0, y0, q0, x1, y1, q1, x2, y2, q2, 0, ranges, edges)
                    if ranges[3, 0] >= 0:
                        _stamp_wide(0, ranges, edges, hull, stamp, width, rays, tiles, blocks, region, stamps)
        _measure(stamp, region, width, stamps, pixels, bounds)


@njit(cache=True, error_model="numpy")
def decode_keys(keys: np.ndarray, depth: np.ndarray, triangle: np.ndarray) -> None:
    """The z-buffer of ``rasterise`` as depth (h, w) float32, 0 for none, and triangle (h, w) int32, -1 for none."""
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            key = keys[row, column]
            filled = key > 0
            inverse = np.float64(np.int32(key >> np.int64(32)).view(np.float32))
            depth[row, column] = np.float32(1.0 / inverse) if filled else np.float32(0.0)
            triangle[row, column] = np.int32(_NO_TRIANGLE - (key & np.int64(_NO_TRIANGLE))) if filled else np.int32(-1)


# --------------------------------------------------------------------------------------------------------------------
# pixels


@njit(cache=True)
def clean_depth(raw: np.ndarray, depth: np.ndarray) -> None:
    """Copy raw (h, w) float32 to depth, with 0 for all that is not a positive, finite number."""
    for row in range(raw.shape[0]):
        for column in range(raw.shape[1]):
            value = raw[row, column]
            depth[row, column] = value if value > 0.0 and value < np.inf else np.float32(0.0)


@njit(cache=True, error_model="numpy")
def _sensor_value(link: np.ndarray, back: np.ndarray, sensor: np.ndarray, x: float, y: float, z: float) -> float:
    """The sensor's depth under a colour pixel, along the colour camera's z axis; 0 when unknown.

    z: a first guess of the depth, used only when the two cameras stand apart (then refined twice).
    """
    height, width = sensor.shape
    apart = link[0, 3] != 0.0 or link[1, 3] != 0.0 or link[2, 3] != 0.0
    value = 0.0
    for _ in range(3 if apart else 1):
        w = link[2, 0] * x + link[2, 1] * y + link[2, 2] + link[2, 3] / z
        if not w > 0.0:
            return 0.0
        u = (link[0, 0] * x + link[0, 1] * y + link[0, 2] + link[0, 3] / z) / w + 0.5
        v = (link[1, 0] * x + link[1, 1] * y + link[1, 2] + link[1, 3] / z) / w + 0.5
        if not (u >= 0.0 and u < width and v >= 0.0 and v < height):
            return 0.0
        column, row = int(u), int(v)
        raw = np.float64(sensor[row, column])
        if not raw > 0.0:
            return 0.0
        value = (back[0] * column + back[1] * row + back[2]) * raw + back[3]
        if not value > 0.0:
            return 0.0
        z = value
    return value


@njit(cache=True, error_model="numpy")
def sensor_at(
    xy: np.ndarray, guess: np.ndarray, link: np.ndarray, back: np.ndarray, sensor: np.ndarray, values: np.ndarray
) -> None:
    """Sensor depth at colour pixels.

    xy: (n, 2) float64; guess: (n,) float64 metres, first guess of the depth; link: (3, 4) float64, so that
    link @ (x, y, 1, 1 / z) is the homogeneous depth pixel; back: (4,), z in the colour camera of depth pixel (u, v)
    with value d is (back[0] u + back[1] v + back[2]) d + back[3]; sensor: (h, w) float32; values: (n,) float32 out.
    """
    for i in range(xy.shape[0]):
        values[i] = np.float32(_sensor_value(link, back, sensor, xy[i, 0], xy[i, 1], guess[i]))


@njit(cache=True, error_model="numpy")
def _sensor_along(
    link: np.ndarray,
    back: np.ndarray,
    depth_lens: np.ndarray,
    depth_rays: np.ndarray,
    sensor: np.ndarray,
    a: float,
    b: float,
    z: float,
) -> float:
    """As ``_sensor_value`` for a colour pixel's ray (a, b, 1), nan for none, where a lens is distorted.

    link: (3, 4), so that link @ (a, b, 1, 1 / z) is along the depth camera's ray; back: as there, of depth rays;
    depth_lens, depth_rays: of the depth camera, ``lens.Lens``.
    """
    height, width = sensor.shape
    apart = link[0, 3] != 0.0 or link[1, 3] != 0.0 or link[2, 3] != 0.0
    value = 0.0
    for _ in range(3 if apart else 1):
        w = link[2, 0] * a + link[2, 1] * b + link[2, 2] + link[2, 3] / z
        if not w > 0.0:
            return 0.0
        x = (link[0, 0] * a + link[0, 1] * b + link[0, 2] + link[0, 3] / z) / w
        y = (link[1, 0] * a + link[1, 1] * b + link[1, 2] + link[1, 3] / z) / w
        u, v = _distort(depth_lens, x, y)
        u += 0.5
        v += 0.5
        if not (u >= 0.0 and u < width and v >= 0.0 and v < height):
            return 0.0
        column, row = int(u), int(v)
        raw = np.float64(sensor[row, column])
        if not raw > 0.0:
            return 0.0
        value = (back[0] * depth_rays[0, row, column] + back[1] * depth_rays[1, row, column] + back[2]) * raw + back[3]
        if not value > 0.0:  # also where the depth pixel's centre is outside its lens
            return 0.0
        z = value
    return value


@njit(cache=True, error_model="numpy")
def sensor_along_rays(
    rays: np.ndarray,
    guess: np.ndarray,
    link: np.ndarray,
    back: np.ndarray,
    depth_lens: np.ndarray,
    depth_rays: np.ndarray,
    sensor: np.ndarray,
    values: np.ndarray,
) -> None:
    """As ``sensor_at`` where a lens is distorted: rays (n, 2) float64 of the colour pixels, see ``_sensor_along``."""
    for i in range(rays.shape[0]):
        a, b = rays[i, 0], rays[i, 1]
        values[i] = np.float32(_sensor_along(link, back, depth_lens, depth_rays, sensor, a, b, guess[i]))


@njit(cache=True, error_model="numpy")
def _sensor_disc(
    link: np.ndarray, back: np.ndarray, sensor: np.ndarray, column: int, row: int, offsets: np.ndarray, z: np.ndarray
) -> None:
    """Sensor depth of a disc's pixels; z: (k,) float64, first guesses in, values out, 0 where unknown."""
    height, width = sensor.shape
    for axis in range(3):
        same = link[axis, 3] == 0.0 and link[2, axis] == (1.0 if axis == 2 else 0.0)
        if not same:
            for i in range(offsets.shape[0]):
                z[i] = _sensor_value(link, back, sensor, column + offsets[i, 0], row + offsets[i, 1], z[i])
            return
    # One pose and two images, as is usual: no division, and the value is what the colour camera would measure.
    uu, uv, u0 = link[0, 0], link[0, 1], link[0, 2] + 0.5
    vu, vv, v0 = link[1, 0], link[1, 1], link[1, 2] + 0.5
    for i in range(offsets.shape[0]):
        x = float(column + offsets[i, 0])
        y = float(row + offsets[i, 1])
        u = uu * x + uv * y + u0
        v = vu * x + vv * y + v0
        z[i] = 0.0
        if u >= 0.0 and u < width and v >= 0.0 and v < height:
            z[i] = sensor[int(v), int(u)]


@njit(cache=True, error_model="numpy")
def _fit_plane(du: np.ndarray, dv: np.ndarray, q: np.ndarray, count: int, limit: float, plane: np.ndarray) -> bool:
    """Least squares q = a du + b dv + c over the entries whose distance from the plane given is at most ``limit``.

    plane: (3,) in and out. False when fewer than three entries are left.
    """
    n = 0
    su = sv = suu = suv = svv = sq = suq = svq = 0.0
    for i in range(count):
        u, v, value = du[i], dv[i], q[i]
        if abs(plane[0] * u + plane[1] * v + plane[2] - value) > limit:
            continue
        n += 1
        su += u
        sv += v
        suu += u * u
        suv += u * v
        svv += v * v
        sq += value
        suq += u * value
        svq += v * value
    if n < 3:
        return False
    mu, mv, mq = su / n, sv / n, sq / n
    uu, uv, vv = suu / n - mu * mu, suv / n - mu * mv, svv / n - mv * mv
    uq, vq = suq / n - mu * mq, svq / n - mv * mq
    determinant = uu * vv - uv * uv
    if determinant > 1e-9 * (uu + vv) * (uu + vv):
        plane[0] = (uq * vv - vq * uv) / determinant
        plane[1] = (vq * uu - uq * uv) / determinant
    else:
        plane[0] = 0.0  # all on one line: no slope across it can be told
        plane[1] = 0.0
    plane[2] = mq - plane[0] * mu - plane[1] * mv
    return True


@njit(cache=True, error_model="numpy")
def _on_plane(plane: np.ndarray, u: float, v: float, z: float, absolute: float, relative: float) -> bool:
    """Whether depth z at (u, v) is within the tolerance of the plane, taken at the fitted depth."""
    fitted = plane[0] * u + plane[1] * v + plane[2]
    if not fitted > 0.0:
        return False
    depth = 1.0 / fitted
    return bool(abs(depth - z) <= max(absolute, relative * depth))


@njit(cache=True, error_model="numpy")
def _is_plane(
    du: np.ndarray,
    dv: np.ndarray,
    q: np.ndarray,
    z: np.ndarray,
    count: int,
    centre: float,
    share: float,
    absolute: float,
    relative: float,
    plane: np.ndarray,
) -> bool:
    """Whether enough depths z (q is 1 / z), and that at the centre (0 where unknown), lie on one plane."""
    plane[:] = 0.0
    if not _fit_plane(du, dv, q, count, np.inf, plane):
        # One or two pixels: a disc smaller than that has no plane to leave.
        plane[0] = 0.0
        plane[1] = 0.0
        plane[2] = q[0]
    for attempt in range(2):
        good = 0
        squares = 0.0
        for i in range(count):
            if _on_plane(plane, du[i], dv[i], z[i], absolute, relative):
                good += 1
            distance = plane[0] * du[i] + plane[1] * dv[i] + plane[2] - q[i]
            squares += distance * distance
        if good >= share * count:
            return centre == 0.0 or _on_plane(plane, 0.0, 0.0, centre, absolute, relative)
        # A few pixels of another surface tilt the fit: once more without those beyond twice the mean distance.
        if attempt == 0 and not _fit_plane(du, dv, q, count, 2.0 * math.sqrt(squares / count), plane):
            return False
    return False


@njit(cache=True, error_model="numpy")
def mark_verdicts(
    xy: np.ndarray,
    radius: float,
    offsets: np.ndarray,
    width: int,
    height: int,
    mesh: np.ndarray,
    triangle: np.ndarray,
    face_instance: np.ndarray,
    plane_rays: np.ndarray,
    link: np.ndarray,
    back: np.ndarray,
    sensor_rays: np.ndarray,
    depth_lens: np.ndarray,
    depth_rays: np.ndarray,
    sensor: np.ndarray,
    guess: float,
    known_share: float,
    plane_share: float,
    absolute: float,
    relative: float,
    instance_share: float,
    verdicts: np.ndarray,
) -> None:
    """Whether a mark can be drawn at each pixel: codes of surface.Verdict.

    xy: (n, 2) float64 colour pixels; offsets: (k, 2) int32, the disc's pixels, (0, 0) first; mesh, triangle: (h, w)
    maps of the colour camera or (0, 0), triangle also where there is no mesh but a map of something else than faces;
    face_instance: (m,) int32, the instance of what ``triangle`` holds, or (0,) where nothing is labelled; plane_rays:
    the colour camera's (2, h, at least w) float64, in which planes are fitted, or (2, 0, 0) for a pinhole, whose pixels
    do as well; link, back, sensor: see ``sensor_at``, sensor (0, 0) for none; sensor_rays: (2, 0, 0), or where either
    camera is distorted the colour camera's, and link, back, depth_lens, depth_rays as in ``_sensor_along``; guess:
    metres, first guess of the depth where the mesh has none; verdicts: (n,) int8 out.
    """
    k = offsets.shape[0]
    has_mesh = mesh.shape[0] > 0
    has_sensor = sensor.shape[0] > 0
    has_instances = triangle.shape[0] > 0 and face_instance.size > 0
    bent = plane_rays.shape[1] > 0
    bent_sensor = sensor_rays.shape[1] > 0
    du = np.empty(k, np.float64)
    dv = np.empty(k, np.float64)
    q = np.empty(k, np.float64)
    z = np.empty(k, np.float64)
    readings = np.empty(k, np.float64)
    plane = np.zeros(3, np.float64)
    for n in range(xy.shape[0]):
        x, y = xy[n, 0], xy[n, 1]
        if not (x - radius >= -0.5 and x + radius < width - 0.5 and y - radius >= -0.5 and y + radius < height - 0.5):
            verdicts[n] = 1
            continue
        column, row = int(x + 0.5), int(y + 0.5)
        middle_a = plane_rays[0, row, column] if bent else 0.0
        middle_b = plane_rays[1, row, column] if bent else 0.0
        if has_instances:
            # The mark names what lies under its centre, so that instance is the one that must fill the disc.
            face = triangle[row, column]
            wanted = face_instance[face] if face >= 0 else -1
            same = 0
            for i in range(k):
                face = triangle[row + offsets[i, 1], column + offsets[i, 0]]
                if (face_instance[face] if face >= 0 else -1) == wanted:
                    same += 1
            one_instance = same >= instance_share * k
        else:
            one_instance = True
        verdict = 0 if has_mesh or has_sensor else 2
        if has_mesh:
            count = 0
            for i in range(k):
                value = float(mesh[row + offsets[i, 1], column + offsets[i, 0]])
                if value > 0.0:
                    du[count], dv[count], q[count], z[count] = offsets[i, 0], offsets[i, 1], 1.0 / value, value
                    if bent:
                        du[count] = plane_rays[0, row + offsets[i, 1], column + offsets[i, 0]] - middle_a
                        dv[count] = plane_rays[1, row + offsets[i, 1], column + offsets[i, 0]] - middle_b
                    count += 1
            if count < known_share * k or not mesh[row, column] > 0.0:
                verdict = 2
            elif not _is_plane(du, dv, q, z, count, z[0], plane_share, absolute, relative, plane):
                verdict = 3
        if verdict == 0 and has_sensor:
            for i in range(k):
                start = float(mesh[row + offsets[i, 1], column + offsets[i, 0]]) if has_mesh else 0.0
                readings[i] = start if start > 0.0 else guess
            if bent_sensor:
                for i in range(k):
                    a = sensor_rays[0, row + offsets[i, 1], column + offsets[i, 0]]
                    b = sensor_rays[1, row + offsets[i, 1], column + offsets[i, 0]]
                    readings[i] = _sensor_along(link, back, depth_lens, depth_rays, sensor, a, b, readings[i])
            else:
                _sensor_disc(link, back, sensor, column, row, offsets, readings)
            centre = readings[0]
            count = 0
            for i in range(k):
                value = readings[i]
                if value > 0.0:
                    du[count], dv[count], q[count], z[count] = offsets[i, 0], offsets[i, 1], 1.0 / value, value
                    if bent:
                        du[count] = plane_rays[0, row + offsets[i, 1], column + offsets[i, 0]] - middle_a
                        dv[count] = plane_rays[1, row + offsets[i, 1], column + offsets[i, 0]] - middle_b
                    count += 1
            enough = count >= known_share * k
            if not has_mesh and (not enough or centre == 0.0):
                verdict = 2
            elif enough and not _is_plane(du, dv, q, z, count, centre, plane_share, absolute, relative, plane):
                verdict = 3
        if verdict == 0 and not one_instance:
            verdict = 4
        verdicts[n] = verdict


# --------------------------------------------------------------------------------------------------------------------
# rigid bodies


@njit(cache=True, error_model="numpy")
def tile_tracks(
    points: np.ndarray,
    limit: float,
    tiles: np.ndarray,
    rows: np.ndarray,
    travel: np.ndarray,
    farthest: np.ndarray,
) -> None:
    """The two orders of points that ``distance_change_losses`` reads, and how far they move.

    points: (t, n, 3) float64; what is not finite or beyond ``limit`` becomes nan. Out: tiles (b, t, 3, w), zeros in;
    rows (n, t, 3); travel (n, t) since the step before, 0 where a position is missing: a change to or from it counts
    nothing; farthest (b, t), zeros in.
    """
    width = tiles.shape[3]
    for t in range(points.shape[0]):
        for n in range(points.shape[1]):
            good = True
            for a in range(3):
                good = good and abs(points[t, n, a]) <= limit
            square = 0.0
            for a in range(3):
                value = points[t, n, a] if good else np.nan
                rows[n, t, a] = value
                tiles[n // width, t, a, n % width] = value
                if t > 0:
                    square += (value - rows[n, t - 1, a]) ** 2
            moved = math.sqrt(square) if square > 0.0 else 0.0
            travel[n, t] = moved
            farthest[n // width, t] = max(farthest[n // width, t], moved)


@njit(cache=True, error_model="numpy")
def distance_change_losses(
    tiles: np.ndarray, rows: np.ndarray, travel: np.ndarray, farthest: np.ndarray, least: float, losses: np.ndarray
) -> None:
    """Sum over steps of changes of pairwise distance that exceed ``least``; nan counts nothing.

    tiles: (b, t, 3, w) float64, the points in blocks of w (a multiple of 16), padded; rows: (n, t, 3) the same points;
    travel: (n, t) how far each moved since the step before; farthest: (b, t) the most of each block;
    losses: (n (n - 1) / 2,) out, pairs in order (0, 1), (0, 2) ... as in scipy's condensed matrices. Sums are taken in
    the order of steps and squares as x, y, z, so that results equal the plain loop's to the last bit.
    """
    blocks, steps, _, width = tiles.shape
    count = rows.shape[0]
    before = np.zeros(width, np.float64)
    total = np.zeros(width, np.float64)
    # A distance cannot change by more than its ends travel; the margin covers rounding.
    still = least * (1.0 - 1e-6)
    for block in range(blocks):
        start = block * width
        for i in range(min(count - 1, start + width - 1)):
            skip = max(0, (i + 1 - start) // 16 * 16)  # whole vectors: what is below the diagonal is not stored
            lanes = width - skip
            total[:] = 0.0
            ready = False
            for t in range(1, steps):
                if travel[i, t] + farthest[block, t] < still:
                    ready = False
                    continue
                if not ready:
                    x = tiles[block, t - 1, 0, skip:]
                    y = tiles[block, t - 1, 1, skip:]
                    z = tiles[block, t - 1, 2, skip:]
                    px, py, pz = rows[i, t - 1, 0], rows[i, t - 1, 1], rows[i, t - 1, 2]
                    for k in range(lanes):
                        dx, dy, dz = px - x[k], py - y[k], pz - z[k]
                        before[k] = math.sqrt(dx * dx + dy * dy + dz * dz)
                    ready = True
                x = tiles[block, t, 0, skip:]
                y = tiles[block, t, 1, skip:]
                z = tiles[block, t, 2, skip:]
                px, py, pz = rows[i, t, 0], rows[i, t, 1], rows[i, t, 2]
                for k in range(lanes):
                    dx, dy, dz = px - x[k], py - y[k], pz - z[k]
                    distance = math.sqrt(dx * dx + dy * dy + dz * dz)
                    change = abs(distance - before[k])
                    total[k] += change if change > least else 0.0
                    before[k] = distance
            base = i * count - i * (i + 1) // 2 - i - 1 + start
            for j in range(max(i + 1 - start, 0), min(width, count - start)):
                losses[base + j] = total[j - skip]


@njit(cache=True, error_model="numpy")
def distance_spreads(
    points: np.ndarray, valid: np.ndarray, starts: np.ndarray, least_count: int, spreads: np.ndarray, common: np.ndarray
) -> None:
    """How much the distance of each pair changes, from its means over windows of steps.

    points: (t, 3, n) float64, finite; valid: (t, n) float64, 1 where a point is visible, else 0; starts: (b + 1,) first
    step of each window; spreads: (n, n) float32 out, largest less smallest mean; common: (n, n) int32 out, windows in
    which both are visible together in at least ``least_count`` steps.
    """
    count = points.shape[2]
    total = np.zeros(count, np.float64)
    steps = np.zeros(count, np.float64)
    low = np.zeros(count, np.float64)
    high = np.zeros(count, np.float64)
    seen = np.zeros(count, np.float64)
    for i in range(count):
        lanes = count - i
        low[:] = np.inf
        high[:] = -np.inf
        seen[:] = 0.0
        for window in range(starts.shape[0] - 1):
            total[:] = 0.0
            steps[:] = 0.0
            for t in range(starts[window], starts[window + 1]):
                if valid[t, i] == 0.0:
                    continue
                x = points[t, 0, i:]
                y = points[t, 1, i:]
                z = points[t, 2, i:]
                weight = valid[t, i:]
                px, py, pz = x[0], y[0], z[0]
                for k in range(lanes):
                    dx, dy, dz = px - x[k], py - y[k], pz - z[k]
                    total[k] += weight[k] * math.sqrt(dx * dx + dy * dy + dz * dz)
                    steps[k] += weight[k]
            for k in range(lanes):
                if steps[k] >= least_count:
                    mean = total[k] / steps[k]
                    low[k] = mean if mean < low[k] else low[k]
                    high[k] = mean if mean > high[k] else high[k]
                    seen[k] += 1.0
        for k in range(lanes):
            spread = np.float32(high[k] - low[k]) if seen[k] > 0.0 else np.float32(0.0)
            spreads[i, i + k] = spread
            spreads[i + k, i] = spread
            common[i, i + k] = np.int32(seen[k])
            common[i + k, i] = np.int32(seen[k])


@njit(cache=True)
def common_travel(means: np.ndarray, seen: np.ndarray, travel: np.ndarray) -> None:
    """How far each point moves over the windows in which another is seen too.

    means: (n, b, 3) float64, position in each window; seen: (n, b) bool; travel: (n, n) float32 out, of i while j is
    seen, the largest range of a coordinate; inf where they are seen together in fewer than two windows.
    """
    count, windows, _ = means.shape
    for i in range(count):
        for j in range(count):
            together = 0
            for window in range(windows):
                if seen[i, window] and seen[j, window]:
                    together += 1
            most = 0.0 if together >= 2 else np.inf
            for a in range(3):
                low = np.inf
                high = -np.inf
                for window in range(windows):
                    if seen[i, window] and seen[j, window]:
                        low = min(low, means[i, window, a])
                        high = max(high, means[i, window, a])
                if high - low > most:
                    most = high - low
            travel[i, j] = most


@njit(cache=True, error_model="numpy")
def rigid_moments(
    points: np.ndarray,
    valid: np.ndarray,
    body: np.ndarray,
    rotation: np.ndarray,
    translation: np.ndarray,
    known: np.ndarray,
    gate: np.ndarray,
    moments: np.ndarray,
) -> None:
    """What a rigid fit of each step needs.

    points: (t, n, 3); valid: (t, n) bool; body: (n, 3) in the body's frame, nan for points that take no part;
    rotation (t, 3, 3), translation (t, 3), known (t,) bool: the fit so far; where known, points farther from it than
    gate (n,) are left out; moments: (t, 16) out: count, sum of p (3), sum of q (3), sum of p q^T (9, row major).
    """
    for t in range(points.shape[0]):
        moments[t, :] = 0.0
        for n in range(points.shape[1]):
            if not valid[t, n] or math.isnan(body[n, 0]):
                continue
            if known[t]:
                square = 0.0
                for a in range(3):
                    predicted = translation[t, a]
                    for b in range(3):
                        predicted += rotation[t, a, b] * body[n, b]
                    square += (points[t, n, a] - predicted) ** 2
                if square > gate[n] * gate[n]:
                    continue
            moments[t, 0] += 1.0
            for a in range(3):
                moments[t, 1 + a] += points[t, n, a]
                moments[t, 4 + a] += body[n, a]
                for b in range(3):
                    moments[t, 7 + 3 * a + b] += points[t, n, a] * body[n, b]


@njit(cache=True, error_model="numpy")
def rigid_residuals(
    points: np.ndarray,
    valid: np.ndarray,
    rotation: np.ndarray,
    translation: np.ndarray,
    known: np.ndarray,
    starts: np.ndarray,
    least_count: int,
    sigma: np.ndarray,
    tolerance: float,
    factor: float,
    body: np.ndarray,
    worst: np.ndarray,
    cost: np.ndarray,
    windows: np.ndarray,
    scatter: np.ndarray,
) -> None:
    """How well each point keeps its place in a body that moves as given.

    points: (n, t, 3); valid: (n, t) bool; rotation (t, 3, 3), translation (t, 3), known (t,) bool: the body's motion;
    starts: (b + 1,) first step of each window; sigma: (n,) noise per coordinate. Out, per point: body (n, 3) its place
    in the body's frame, nan if it has none; worst: largest mean offset of a window over what is allowed there,
    max(tolerance, factor sigma / sqrt(steps)); cost: sum of steps |mean offset|^2; windows: how many had
    ``least_count`` steps; scatter: root mean square offset of single steps per coordinate. A step that is far off
    counts nothing while it is alone, or one of ten, in its window; more of them count, cut off at what is far.
    """
    count = starts.shape[0] - 1
    means = np.zeros((count, 3), np.float64)
    steps = np.zeros(count, np.int64)
    line = np.zeros(count, np.float64)
    place = np.zeros(3, np.float64)
    here = np.zeros((points.shape[1], 3), np.float64)  # the point in the body's frame at each step
    shift = np.zeros(3, np.float64)
    wrong = np.zeros(3, np.float64)
    for n in range(points.shape[0]):
        filled = 0
        body[n, :] = np.nan
        worst[n] = np.inf
        cost[n] = np.inf
        scatter[n] = np.nan
        # The median over windows of their means is where the point belongs, whatever happens in a few of them.
        for window in range(count):
            steps[window] = 0
            means[window, :] = 0.0
            for t in range(starts[window], starts[window + 1]):
                if valid[n, t] and known[t]:
                    steps[window] += 1
                    dx = points[n, t, 0] - translation[t, 0]
                    dy = points[n, t, 1] - translation[t, 1]
                    dz = points[n, t, 2] - translation[t, 2]
                    for a in range(3):
                        here[t, a] = rotation[t, 0, a] * dx + rotation[t, 1, a] * dy + rotation[t, 2, a] * dz
                        means[window, a] += here[t, a]
            if steps[window] >= least_count:
                filled += 1
        windows[n] = filled
        if filled == 0:
            continue
        for a in range(3):
            k = 0
            for window in range(count):
                if steps[window] >= least_count:
                    line[k] = means[window, a] / steps[window]
                    k += 1
            order = np.sort(line[:k])
            place[a] = 0.5 * (order[(k - 1) // 2] + order[k // 2])
        limit = max(2.0 * tolerance, factor * sigma[n])
        shift[:] = 0.0
        square = 0.0
        every = 0
        for window in range(count):
            means[window, :] = 0.0
            if steps[window] < least_count:
                steps[window] = 0
                continue
            outside = 0
            wrong[:] = 0.0
            wrong_square = 0.0
            for t in range(starts[window], starts[window + 1]):
                if not (valid[n, t] and known[t]):
                    continue
                size = 0.0
                for a in range(3):
                    here[t, a] -= place[a]
                    size += here[t, a] * here[t, a]
                if size <= limit * limit:
                    square += size
                    for a in range(3):
                        means[window, a] += here[t, a]
                else:
                    outside += 1
                    wrong_square += limit * limit
                    for a in range(3):
                        wrong[a] += here[t, a] * limit / math.sqrt(size)
            if steps[window] >= 3 and outside <= max(1, steps[window] // 10):
                steps[window] -= outside
            else:
                square += wrong_square
                for a in range(3):
                    means[window, a] += wrong[a]
            every += steps[window]
            for a in range(3):
                shift[a] += means[window, a]
        for a in range(3):
            shift[a] /= every
            body[n, a] = place[a] + shift[a]
        worst[n] = 0.0
        cost[n] = 0.0
        for window in range(count):
            if steps[window] == 0:
                continue
            size = 0.0
            for a in range(3):
                size += (means[window, a] / steps[window] - shift[a]) ** 2
            allowed = max(tolerance, factor * sigma[n] / math.sqrt(steps[window]))
            worst[n] = max(worst[n], math.sqrt(size) / allowed)
            cost[n] += steps[window] * size
        scatter[n] = math.sqrt(square / (3 * every))
