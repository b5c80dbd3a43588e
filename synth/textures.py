"""Pictures of materials: wood, planks, tiles, cloth, wallpaper; all made from noise, all repeat seamlessly.

A tiled texture returns an (h, w, 3) image in 0..1 and the metres it covers; most are grey and get their colour
from the material, those with two colours of their own (tiles, pictures) are left white by it.
``FITTED`` ones cover one face exactly: paintings, screens, the view from a window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["FITTED", "TILED"]

Image = npt.NDArray[np.float64]
Tiled = tuple[Image, tuple[float, float]]


def _noise(rng: np.random.Generator, shape: tuple[int, int], blur: tuple[float, float]) -> Image:
    """Seamless noise of standard deviation 1, blurred by (rows, columns) pixels."""
    field = ndimage.gaussian_filter(rng.standard_normal(shape), blur, mode="wrap")
    return np.asarray((field - field.mean()) / field.std())


def _grey(value: Image) -> Image:
    return np.asarray(np.clip(value, 0, 1)[..., None].repeat(3, -1))


def _grain(rng: np.random.Generator, height: int, width: int) -> Image:
    """Wood along the rows, mean near 0.8: slow rings bent by noise, and fine fibres."""
    bend = _noise(rng, (height, width), (height / 14, width / 5))
    rows = np.arange(height)[:, None] / height
    rings = np.sin(2 * np.pi * (rows * 5 + 0.55 * bend))
    fibres = _noise(rng, (height, width), (0.6, width / 20))
    return 0.80 + 0.07 * rings + 0.055 * fibres


def wood(rng: np.random.Generator) -> Tiled:
    return _grey(_grain(rng, 192, 384)), (1.1, 0.36)


def planks(rng: np.random.Generator) -> Tiled:
    """A floor of boards, 14 cm wide, ends staggered."""
    rows, height, width = 8, 64, 512
    image = np.empty((rows * height, width))
    for k in range(rows):
        board = _grain(rng, height, width)
        cut = int(rng.integers(width))
        shade = np.where((np.arange(width) - cut) % width < width // 2, *rng.uniform(-0.09, 0.09, 2))
        board = np.roll(board, int(rng.integers(width)), 1) + shade
        for end in (cut, (cut + width // 2) % width):
            board[:, end] *= 0.55
        board[:2] *= 0.6
        image[k * height : (k + 1) * height] = board
    return _grey(image), (2.2, 1.12)


def _squares(rng: np.random.Generator, count: int, size: int, joint: int, spread: float) -> Image:
    shade = 0.86 + spread * rng.uniform(-1, 1, (count, count))
    image = shade.repeat(size, 0).repeat(size, 1) + 0.02 * _noise(rng, (count * size, count * size), (3, 3))
    line = (np.arange(count * size) % size) < joint
    image[line[:, None] | line[None, :]] = 0.62
    return image


def tiles(rng: np.random.Generator) -> Tiled:
    return _grey(_squares(rng, 4, 96, 3, 0.05)), (1.32, 1.32)


def wall_tiles(rng: np.random.Generator) -> Tiled:
    return _grey(_squares(rng, 4, 64, 3, 0.02) + 0.09), (0.6, 0.6)


def checker(rng: np.random.Generator) -> Tiled:
    image = _squares(rng, 4, 80, 2, 0.02)
    cell = np.arange(320) // 80
    image *= np.where((cell[:, None] + cell[None, :]) % 2, 1.08, 0.42)
    return _grey(image), (1.3, 1.3)


def parquet(rng: np.random.Generator) -> Tiled:
    """Squares of five short boards, turned by a quarter from one to the next."""
    size, count = 80, 4
    image = np.empty((size * count, size * count))
    for i in range(count):
        for j in range(count):
            block = np.concatenate([_grain(rng, 16, size) + rng.uniform(-0.08, 0.08) for _ in range(5)])
            block[::16] *= 0.65
            block[:, 0] *= 0.65
            image[i * size : (i + 1) * size, j * size : (j + 1) * size] = block if (i + j) % 2 else block.T
    return _grey(image), (1.6, 1.6)


def carpet(rng: np.random.Generator) -> Tiled:
    return _grey(0.82 + 0.07 * _noise(rng, (256, 256), (1, 1)) + 0.03 * _noise(rng, (256, 256), (14, 14))), (0.9, 0.9)


def plaster(rng: np.random.Generator) -> Tiled:
    return _grey(0.93 + 0.012 * _noise(rng, (256, 256), (1.5, 1.5)) + 0.02 * _noise(rng, (256, 256), (30, 30))), (2, 2)


def stripes(rng: np.random.Generator) -> Tiled:
    """Wallpaper with broad vertical stripes and a thin line beside each."""
    x = np.arange(240) % 60
    row = np.where(x < 30, 0.95, 0.83)
    row[(x == 35) | (x == 54)] = 0.70
    return _grey(row[None, :] + 0.012 * _noise(rng, (240, 240), (2, 2))), (0.72, 0.72)


def damask(rng: np.random.Generator) -> Tiled:
    """Wallpaper with a small leaf pattern in a lattice."""
    y, x = np.mgrid[0:240, 0:240] / 240.0
    image = np.full((240, 240), 0.94)
    for row, shift in ((0.0, 0.0), (0.5, 0.25)):
        for column in (0.0, 0.5):
            dx = (x - column - shift + 0.25) % 0.5 - 0.25
            dy = (y - row + 0.5) % 1.0 - 0.5
            angle, radius = np.arctan2(dy * 1.1, dx * 1.6), np.hypot(dx * 1.6, dy * 1.1)
            image[radius < 0.17 * (0.62 + 0.38 * np.cos(6 * angle))] = 0.80
    return _grey(image + 0.01 * _noise(rng, (240, 240), (2, 2))), (0.44, 0.44)


def fabric(rng: np.random.Generator) -> Tiled:
    y, x = np.mgrid[0:256, 0:256]
    weave = np.sin(x * np.pi / 2) * np.sin(y * np.pi / 2)
    return _grey(
        0.82 + 0.05 * weave + 0.05 * _noise(rng, (256, 256), (1, 1)) + 0.03 * _noise(rng, (256, 256), (20, 20))
    ), (
        0.5,
        0.5,
    )


def plaid(rng: np.random.Generator) -> Tiled:
    line = np.full(240, 0.9)
    line[20:70] -= 0.22
    line[100:110] -= 0.35
    line[150:170] -= 0.15
    image = (line[:, None] + line[None, :]) / 2 + 0.02 * _noise(rng, (240, 240), (1, 1))
    return _grey(image), (0.36, 0.36)


def striped_cloth(rng: np.random.Generator) -> Tiled:
    row = np.where(np.arange(192) % 48 < 24, 0.95, 0.55)
    return _grey(row[None, :] + 0.03 * _noise(rng, (192, 192), (1, 1))), (0.32, 0.32)


def dotted_cloth(rng: np.random.Generator) -> Tiled:
    y, x = np.mgrid[0:192, 0:192]
    near = np.minimum(np.hypot(x % 48 - 24, y % 48 - 24), np.hypot((x + 24) % 48 - 24, (y + 24) % 48 - 24))
    return _grey(np.where(near < 9, 0.98, 0.62) + 0.02 * _noise(rng, (192, 192), (1, 1))), (0.28, 0.28)


def leather(rng: np.random.Generator) -> Tiled:
    cells = np.abs(_noise(rng, (256, 256), (2, 2)))
    return _grey(0.74 + 0.09 * np.tanh(cells) + 0.03 * _noise(rng, (256, 256), (18, 18))), (0.4, 0.4)


def metal(rng: np.random.Generator) -> Tiled:
    return _grey(0.82 + 0.04 * _noise(rng, (128, 256), (0.5, 30))), (0.6, 0.3)


def stone(rng: np.random.Generator) -> Tiled:
    """Polished stone: clouds, veins and specks."""
    clouds = _noise(rng, (256, 256), (24, 24))
    veins = np.exp(-((_noise(rng, (256, 256), (16, 16)) / 0.05) ** 2))
    specks = _noise(rng, (256, 256), (0.8, 0.8))
    return _grey(0.80 + 0.05 * clouds - 0.16 * veins + 0.04 * specks), (0.9, 0.9)


def paint(rng: np.random.Generator) -> Tiled:
    return _grey(0.92 + 0.012 * _noise(rng, (128, 128), (4, 4))), (0.6, 0.6)


def wicker(rng: np.random.Generator) -> Tiled:
    y, x = np.mgrid[0:192, 0:192]
    over = ((x // 16 + y // 8) % 2) * 0.22
    bulge = 0.14 * np.abs(np.sin(np.pi * (x % 16) / 16))
    return _grey(0.58 + over + bulge + 0.03 * _noise(rng, (192, 192), (1, 1))), (0.2, 0.2)


def leaf(rng: np.random.Generator) -> Tiled:
    return _grey(0.75 + 0.10 * _noise(rng, (128, 128), (8, 2)) + 0.05 * _noise(rng, (128, 128), (1, 1))), (0.15, 0.15)


def pages(rng: np.random.Generator) -> Tiled:
    row = 0.85 + 0.10 * rng.standard_normal(64)[:, None]
    return _grey(np.broadcast_to(row, (64, 32)).copy()), (0.03, 0.03)


TILED: Final[dict[str, Callable[[np.random.Generator], Tiled]]] = {
    f.__name__: f
    for f in (
        carpet, checker, damask, dotted_cloth, fabric, leaf, leather, metal, pages, paint, parquet, plaid, planks,
        plaster, stone, striped_cloth, stripes, tiles, wall_tiles, wicker, wood,
    )
}  # fmt: skip


def _vertical(top: npt.ArrayLike, bottom: npt.ArrayLike, height: int, width: int) -> Image:
    t = np.linspace(0, 1, height)[:, None, None]
    return np.broadcast_to((1 - t) * np.asarray(top, float) + t * np.asarray(bottom, float), (height, width, 3)).copy()


def landscape(rng: np.random.Generator) -> Image:
    """A painting of hills in front of an evening or noon sky."""
    height, width = 192, 256
    warm = rng.random() < 0.5
    image = _vertical((0.45, 0.65, 0.9), (0.98, 0.8, 0.55) if warm else (0.9, 0.95, 1), height, width)
    y, x = np.mgrid[0:height, 0:width]
    sun = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.4) * height
    image[np.hypot(x - sun[0], y - sun[1]) < 15] = (1.0, 0.95, 0.7)
    for k in range(4):
        bumps = ndimage.gaussian_filter1d(rng.standard_normal(width), 22 - 3 * k, mode="wrap") * 60
        ridge = height * (0.45 + 0.15 * k) + bumps
        color = np.array([0.36, 0.52, 0.30]) * (1.15 - 0.22 * k) + (0.14 - 0.04 * k) * np.array([0.4, 0.5, 1.2])
        image[y > ridge[None, :]] = color
    return np.clip(image + 0.02 * rng.standard_normal((height, width, 1)), 0, 1)


def abstract(rng: np.random.Generator) -> Image:
    """A painting of overlapping coloured blocks and discs on canvas."""
    height, width = 192, 192
    image = np.full((height, width, 3), 0.93)
    y, x = np.mgrid[0:height, 0:width]
    colors = np.array([[0.82, 0.25, 0.2], [0.15, 0.35, 0.6], [0.95, 0.75, 0.25], [0.12, 0.14, 0.18], [0.35, 0.6, 0.5]])
    for k in range(9):
        color = colors[int(rng.integers(len(colors)))]
        cx, cy, a, b = rng.uniform(0, width), rng.uniform(0, height), *rng.uniform(14, 58, 2)
        where = np.hypot(x - cx, y - cy) < a * 0.7 if k % 3 == 0 else (np.abs(x - cx) < a) & (np.abs(y - cy) < b)
        image[where] = 0.85 * color + 0.15 * image[where]
    image[[*range(6), *range(-6, 0)]] = 0.93
    image[:, [*range(6), *range(-6, 0)]] = 0.93
    return np.asarray(np.clip(image, 0, 1))


def outdoors(rng: np.random.Generator) -> Image:
    """What a window shows: sky with clouds, distant trees, a lawn."""
    height, width = 256, 256
    image = _vertical((0.55, 0.75, 1.0), (0.92, 0.97, 1.0), height, width)
    clouds = np.clip(_noise(rng, (height, width), (9, 24)) - 0.3, 0, 1)[..., None]
    image = image * (1 - 0.8 * clouds) + 0.8 * clouds
    y = np.arange(height)[:, None]
    for k, (level, color) in enumerate(
        ((0.60, (0.50, 0.66, 0.52)), (0.70, (0.28, 0.48, 0.24)), (0.80, (0.5, 0.72, 0.35)))
    ):
        ridge = (
            height * level
            + ndimage.gaussian_filter1d(rng.standard_normal(width), 5 + 9 * k, mode="wrap") * (30, 40, 8)[k]
        )
        shade = 1 + 0.10 * _noise(rng, (height, width), (2, 2))[..., None]
        image = np.where((y > ridge[None, :])[..., None], np.asarray(color) * shade, image)
    return np.clip(image, 0, 1)


def desktop(rng: np.random.Generator) -> Image:
    """A screen with two windows of text."""
    height, width = 180, 288
    image = _vertical((0.10, 0.25, 0.48), (0.20, 0.52, 0.66), height, width)
    for x0, y0, w, h in ((16, 14, 150, 120), (140, 44, 130, 112)):
        image[y0 : y0 + h, x0 : x0 + w] = 0.94
        image[y0 : y0 + 9, x0 : x0 + w] = (0.30, 0.36, 0.46)
        for row in range(y0 + 16, y0 + h - 6, 8):
            end = x0 + 8 + int(rng.uniform(0.3, 0.9) * (w - 16))
            image[row : row + 3, x0 + 8 : end] = rng.choice([[0.3, 0.3, 0.35], [0.2, 0.4, 0.7], [0.6, 0.3, 0.3]])
    image[-9:] = (0.08, 0.09, 0.12)
    return image


def dark_screen(rng: np.random.Generator) -> Image:
    """A television that is off, with the faint reflection of a window."""
    image = _vertical((0.11, 0.12, 0.14), (0.05, 0.05, 0.06), 128, 224)
    image[20:70, 30:80] += 0.06
    return np.clip(image + 0.004 * rng.standard_normal((128, 224, 1)), 0, 1)


def mirror_glass(rng: np.random.Generator) -> Image:
    """A mirror as cartoonists draw it: a cool gradient with bright diagonal streaks."""
    image = _vertical((0.62, 0.70, 0.76), (0.40, 0.46, 0.52), 192, 96)
    y, x = np.mgrid[0:192, 0:96]
    across = (x + y * 0.6 + rng.uniform(0, 40)) % 130
    image[(across > 30) & (across < 48)] += 0.16
    image[(across > 56) & (across < 62)] += 0.10
    return np.clip(image, 0, 1)


def clock_face(rng: np.random.Generator) -> Image:
    """Numbers as bars, two hands."""
    y, x = np.mgrid[0:192, 0:192] - 95.5
    radius, angle = np.hypot(x, y), np.arctan2(x, -y)
    image = np.full((192, 192, 3), 0.96)
    near = np.abs((angle + np.pi / 12) % (np.pi / 6) - np.pi / 12) * radius
    image[(radius > 68) & (radius < 84) & (near < 3)] = 0.08
    for at, length, thick in ((rng.uniform(0, 2 * np.pi), 46, 4.5), (rng.uniform(0, 2 * np.pi), 68, 3.0)):
        along, across = x * np.sin(at) - y * np.cos(at), x * np.cos(at) + y * np.sin(at)
        image[(along > -10) & (along < length) & (np.abs(across) < thick)] = 0.1
    image[radius < 6] = (0.7, 0.15, 0.1)
    return image


def keys(rng: np.random.Generator) -> Image:
    """A keyboard from above."""
    image = np.full((80, 240, 3), 0.13)
    for row in range(5):
        shift = (0, 5, 8, 12, 0)[row]
        for column in range(15):
            x0 = 6 + column * 15 + shift % 8
            image[7 + row * 14 : 18 + row * 14, x0 : min(x0 + 12, 236)] = 0.34
    image[63:74, 66:156] = 0.34
    return image + 0.0 * rng.random()


def persian(rng: np.random.Generator) -> Image:
    """A rug: borders around a field with a medallion; white where the material's colour is to show."""
    height, width = 256, 384
    y, x = np.mgrid[0:height, 0:width]
    edge = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y))
    image = np.ones((height, width, 3))
    other = np.asarray([[0.9, 0.8, 0.6], [0.35, 0.4, 0.55], [0.3, 0.25, 0.25]])[int(rng.integers(3))]
    u, v = (x - width / 2) / (width / 2), (y - height / 2) / (height / 2)
    bands = (np.abs(u) + np.abs(v)) * 6
    image[(bands < 3.4) & (bands.astype(int) % 2 == 0)] = other
    flowers = np.cos(x * 0.26) * np.cos(y * 0.26) > 0.72
    image[flowers & (bands > 3.4)] = other * 0.9
    image[edge < 34] = other * 0.75
    image[(edge > 12) & (edge < 24) & ((x // 9 + y // 9) % 2 == 0)] = 0.95
    image[edge < 5] = 0.2
    return np.clip(image * (1 + 0.05 * _noise(rng, (height, width), (1, 1))[..., None]), 0, 1)


def bands(rng: np.random.Generator) -> Image:
    """A modern rug: broad bands of light and dark."""
    levels = np.repeat(rng.choice([0.45, 0.65, 0.85, 1.0], 16), 16)
    return _grey(levels[None, :] + 0.04 * _noise(rng, (192, 256), (1, 1)))


def spine(rng: np.random.Generator) -> Image:
    """A book's back: two lines and a title of blocks on plain cloth."""
    image = np.full((96, 24, 3), 0.9)
    image[8:11] = 0.35
    image[-12:-9] = 0.35
    for row in range(24, 24 + int(rng.integers(16, 44)), 4):
        image[row : row + 2, 6:18] = 1.25 if rng.random() < 0.8 else 0.9
    return np.asarray(np.clip(image, 0, 1))


def cover(rng: np.random.Generator) -> Image:
    """A book's front: title bars over a block."""
    image = np.full((128, 96, 3), 0.8)
    image[16:26, 12:84] = 1.0
    image[32:38, 12 : int(rng.integers(50, 80))] = 1.0
    image[60:112, 20:76] = rng.uniform(0.3, 1.0, 3)
    return image


def label(rng: np.random.Generator) -> Image:
    """The side of a cardboard box: a paper label and a strip of tape."""
    image = np.full((96, 128, 3), 0.85) * (1, 1, 1)
    image[:, 58:70] *= 0.88
    image[48:80, 14:52] = 1.0
    for row in range(54, 76, 6):
        image[row : row + 2, 18 : int(rng.integers(34, 48))] = 0.3
    return image


FITTED: Final[dict[str, Callable[[np.random.Generator], Image]]] = {
    f.__name__: f
    for f in (
        abstract, bands, clock_face, cover, dark_screen, desktop, keys, label, landscape, mirror_glass, outdoors,
        persian, spine,
    )
}  # fmt: skip
