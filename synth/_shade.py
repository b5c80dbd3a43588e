"""The two kernels of painting: light on the corners of a mesh, and a picture from its triangle map.

They are compiled, and not numpy, because a picture has 1.25 million pixels with some eighty operations each, a scan
has hundreds of pictures, and a room twelve shadow maps; they stand here and not with the geometry kernels because
nothing else calls them.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["SHOULDER", "WHITE", "light_up", "paint"]

SHOULDER, WHITE = 0.75, 1.32
"""The tone curve: ``WHITE * v / (1 + SHOULDER * v)``, then a gamma of 2; light surfaces bend before they clip."""


@njit(cache=True, nogil=True, error_model="numpy")
def paint(  # type: ignore[no-untyped-def]
    triangle, depth, rotation, centre, fx, fy, cx, cy, rays,  # the map and its camera
    corners, faces, uv, light, material, density,  # the painted mesh
    texels, start, width, height, texture, color, extent, glow,  # the packed palette
    exposure, out,
):  # fmt: skip
    """Fill ``out`` (h, w, 3) uint8; pixels without a triangle stay as they are.

    The place of a pixel inside its triangle comes from the pixel's ray and depth, so perspective is exact. A texture
    is read with linear interpolation from the copy whose texels are about as large as the pixel's footprint.

    ``rays`` (3, h, w) are what each pixel's depth multiplies, in the camera's axes, for cameras other than a pinhole;
    (3, 0, 0) for a pinhole, whose rays follow from fx, fy, cx and cy.
    """
    rows, columns = triangle.shape
    straight = rays.shape[1] == 0
    levels = start.shape[1]
    for y in range(rows):
        for x in range(columns):
            t = triangle[y, x]
            if t < 0:
                continue
            z = depth[y, x]
            a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
            if straight:
                px, py, pz = (x - cx) / fx * z, (y - cy) / fy * z, 1.0 * z
                away = pz
            else:
                px, py, pz = rays[0, y, x] * z, rays[1, y, x] * z, rays[2, y, x] * z
                away = math.sqrt(px * px + py * py + pz * pz)  # pixels of a bent lens stand for equal angles
            qx = rotation[0, 0] * px + rotation[0, 1] * py + rotation[0, 2] * pz + centre[0] - corners[a, 0]
            qy = rotation[1, 0] * px + rotation[1, 1] * py + rotation[1, 2] * pz + centre[1] - corners[a, 1]
            qz = rotation[2, 0] * px + rotation[2, 1] * py + rotation[2, 2] * pz + centre[2] - corners[a, 2]
            ux, uy, uz = corners[b, 0] - corners[a, 0], corners[b, 1] - corners[a, 1], corners[b, 2] - corners[a, 2]
            vx, vy, vz = corners[c, 0] - corners[a, 0], corners[c, 1] - corners[a, 1], corners[c, 2] - corners[a, 2]
            uu, uv_, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
            qu, qv = qx * ux + qy * uy + qz * uz, qx * vx + qy * vy + qz * vz
            area = uu * vv - uv_ * uv_
            wb = min(max((vv * qu - uv_ * qv) / area, 0.0), 1.0)
            wc = min(max((uu * qv - uv_ * qu) / area, 0.0), 1.0)
            wa = max(1.0 - wb - wc, 0.0)
            # How obliquely the ray meets the surface: the footprint grows with it.
            nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
            rx, ry, rz = qx + corners[a, 0] - centre[0], qy + corners[a, 1] - centre[1], qz + corners[a, 2] - centre[2]
            slant = abs(nx * rx + ny * ry + nz * rz) / math.sqrt(area * (rx * rx + ry * ry + rz * rz) + 1e-30)
            footprint = away / fx * density[t] / math.sqrt(max(slant, 0.04))
            m = material[t]
            k = texture[m]
            level = 0
            while level < levels - 1 and footprint > 1.4:
                footprint *= 0.5
                level += 1
            w, h, first = width[k, level], height[k, level], start[k, level]
            s = (wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0]) / extent[m, 0] * w - 0.5
            r = -(wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]) / extent[m, 1] * h - 0.5
            s0, r0 = math.floor(s), math.floor(r)
            ds, dr = s - s0, r - r0
            i0, j0 = int(s0) % w, int(r0) % h
            i1, j1 = (i0 + 1) % w, (j0 + 1) % h
            p00, p01, p10, p11 = first + j0 * w + i0, first + j0 * w + i1, first + j1 * w + i0, first + j1 * w + i1
            w00, w01, w10, w11 = (1 - ds) * (1 - dr), ds * (1 - dr), (1 - ds) * dr, ds * dr
            for channel in range(3):
                texel = (
                    w00 * texels[p00, channel]
                    + w01 * texels[p01, channel]
                    + w10 * texels[p10, channel]
                    + w11 * texels[p11, channel]
                ) / 255.0
                lit = wa * light[a, channel] + wb * light[b, channel] + wc * light[c, channel]
                value = texel * texel * color[m, channel] * (lit * exposure + glow[m])
                # A soft shoulder instead of a hard white, then the display's gamma of 2.
                value = WHITE * value / (1.0 + SHOULDER * value)
                out[y, x, channel] = np.uint8(min(255.0, 255.0 * math.sqrt(value) + 0.5))


@njit(cache=True, nogil=True, error_model="numpy")
def light_up(  # type: ignore[no-untyped-def]
    points, normals, thin, near, depth, rotation, centre, focal, least_cosine, bias, color, light
):  # fmt: skip
    """Add to ``light`` (r, 3) what a small flat lamp sends to each corner; its shadow map is ``depth``.

    The lamp looks along its camera's z axis, fades out towards ``least_cosine`` and is as strong as ``color`` (3,)
    at a metre. Shadows are softened over four texels; ``near`` (r,) darkens corners a little further.
    """
    rows, columns = depth.shape
    middle_x, middle_y = (columns - 1) / 2, (rows - 1) / 2
    for r in range(len(points)):
        x, y, z = points[r, 0] - centre[0], points[r, 1] - centre[1], points[r, 2] - centre[2]
        ahead = x * rotation[0, 2] + y * rotation[1, 2] + z * rotation[2, 2]
        if ahead <= 0.02:
            continue
        square = x * x + y * y + z * z
        distance = math.sqrt(square)
        spread = ahead / distance
        if spread <= least_cosine:
            continue
        facing = -(x * normals[r, 0] + y * normals[r, 1] + z * normals[r, 2]) / distance
        if thin[r]:
            facing = 0.7 * abs(facing)
        if facing <= 0:
            continue
        u = (x * rotation[0, 0] + y * rotation[1, 0] + z * rotation[2, 0]) / ahead * focal + middle_x
        v = (x * rotation[0, 1] + y * rotation[1, 1] + z * rotation[2, 1]) / ahead * focal + middle_y
        seen = 0.0
        for k in range(4):
            i = min(max(int(u + (0.5 + 0.7 * (2 * (k % 2) - 1))), 0), columns - 1)
            j = min(max(int(v + (0.5 + 0.7 * (2 * (k // 2) - 1))), 0), rows - 1)
            if depth[j, i] <= 0 or ahead <= depth[j, i] + bias + 0.01 * ahead:
                seen += 0.25
        fade = min((spread - least_cosine) / 0.2, 1.0)
        reached = seen * fade * facing * spread / (square + 0.15) * (0.35 + 0.65 * near[r])
        for channel in range(3):
            light[r, channel] += reached * color[channel]
