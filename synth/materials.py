"""What surfaces are painted with: a texture, a colour, and whether it glows.

A ``Palette`` belongs to one scene; it makes each texture once and packs all of them, with their halved copies for
far surfaces, into the arrays the shading kernel reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ..core import seeding
from .textures import FITTED, TILED

__all__ = ["COLORS", "PackedPalette", "Palette"]

Color = tuple[float, float, float]

COLORS: Final[dict[str, Color]] = {
    "oak": (0.76, 0.58, 0.38), "pine": (0.90, 0.74, 0.50), "walnut": (0.46, 0.31, 0.21), "cherry": (0.60, 0.33, 0.20),
    "white": (0.91, 0.91, 0.89), "cream": (0.94, 0.89, 0.78), "grey": (0.58, 0.59, 0.60),
    "charcoal": (0.27, 0.28, 0.30), "black": (0.12, 0.12, 0.13), "navy": (0.17, 0.24, 0.42),
    "blue": (0.27, 0.45, 0.70), "sky": (0.60, 0.76, 0.88), "teal": (0.16, 0.47, 0.48), "green": (0.32, 0.52, 0.30),
    "sage": (0.66, 0.73, 0.62), "leaf": (0.25, 0.48, 0.20), "mustard": (0.83, 0.64, 0.22),
    "orange": (0.86, 0.47, 0.20), "red": (0.72, 0.20, 0.18), "burgundy": (0.45, 0.14, 0.19),
    "rose": (0.84, 0.60, 0.60), "plum": (0.42, 0.28, 0.44), "beige": (0.82, 0.74, 0.61),
    "terracotta": (0.72, 0.41, 0.28), "brown": (0.42, 0.29, 0.20), "cardboard": (0.74, 0.57, 0.39),
    "steel": (0.74, 0.76, 0.78), "brass": (0.78, 0.63, 0.33), "soil": (0.23, 0.16, 0.11), "paper": (0.95, 0.93, 0.87),
    "glass": (0.45, 0.62, 0.50), "sand": (0.88, 0.82, 0.70), "pure": (1.0, 1.0, 1.0),
}  # fmt: skip
"""sRGB colours in 0..1."""


@dataclass(frozen=True, slots=True)
class _Material:
    texture: int
    color: Color
    scale: float | None
    glow: float
    thin: bool


@dataclass(frozen=True, slots=True, eq=False)
class PackedPalette:
    """Everything the shading kernel reads, as flat arrays.

    Attributes:
        texels: (t, 3) uint8, all textures and their halved copies one after the other.
        start, width, height: (textures, levels) of each copy in texels; a missing level repeats the last.
        texture, color, extent, glow: per material: (k,), (k, 3) linear, (k, 2) metres per repeat, (k,).
        thin: (k,) bool, lit from both sides (leaves, curtains).
    """

    texels: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]
    width: npt.NDArray[np.int64]
    height: npt.NDArray[np.int64]
    texture: npt.NDArray[np.int64]
    color: npt.NDArray[np.float32]
    extent: npt.NDArray[np.float32]
    glow: npt.NDArray[np.float32]
    thin: npt.NDArray[np.bool_]


class Palette:
    """The materials of one scene; ``tiled`` and ``fitted`` hand out the index a solid's faces carry.

    Textures are only noted here and made when the palette is packed, so a room that is thrown away costs none.
    """

    def __init__(self, *seed: object) -> None:
        self._seed = seed
        self._textures: dict[tuple[str, int], int] = {}
        self._materials: dict[_Material, int] = {}

    def _material(
        self, name: str, variant: int, color: str | Color, scale: float | None, glow: float, thin: bool
    ) -> int:
        texture = self._textures.setdefault((name, variant), len(self._textures))
        tint = COLORS[color] if isinstance(color, str) else color
        return self._materials.setdefault(_Material(texture, tint, scale, glow, thin), len(self._materials))

    def tiled(
        self, name: str, color: str | Color = "pure", *, scale: float = 1.0, glow: float = 0.0, thin: bool = False
    ) -> int:
        """The material of a repeating texture in a colour, its pattern enlarged by ``scale``."""
        return self._material(name, 0, color, scale, glow, thin)

    def fitted(self, name: str, variant: int = 0, color: str | Color = "pure", *, glow: float = 0.0) -> int:
        """The material of a picture that covers one face; each variant is another picture."""
        return self._material(name, variant, color, None, glow, False)

    def _make(self, name: str, variant: int) -> tuple[npt.NDArray[np.uint8], tuple[float, float]]:
        # Its own generator: what a texture looks like does not depend on which others the scene needed before.
        rng = seeding.generator(*self._seed, "texture", name, variant)
        image, extent = TILED[name](rng) if name in TILED else (FITTED[name](rng), (1.0, 1.0))
        return np.asarray(np.clip(image, 0, 1) * 255 + 0.5, np.uint8), extent

    def packed(self) -> PackedPalette:
        """All materials as arrays."""
        made = [self._make(name, variant) for name, variant in self._textures]
        levels = 1 + max(int(math.log2(max(image.shape))) for image, _ in made)
        chunks: list[npt.NDArray[np.uint8]] = []
        shape = np.zeros((3, len(made), levels), np.int64)
        total = 0
        for index, (image, _) in enumerate(made):
            for level in range(levels):
                if level and min(image.shape[:2]) >= 2:
                    image = _halved(image)
                elif level:
                    shape[:, index, level] = shape[:, index, level - 1]
                    continue
                shape[:, index, level] = total, image.shape[1], image.shape[0]
                chunks.append(image.reshape(-1, 3))
                total += len(chunks[-1])
        materials = list(self._materials)
        return PackedPalette(
            texels=np.concatenate(chunks),
            start=shape[0],
            width=shape[1],
            height=shape[2],
            texture=np.array([m.texture for m in materials], np.int64),
            color=np.array([m.color for m in materials], np.float32) ** 2,
            extent=np.array([np.multiply(made[m.texture][1], m.scale or 1.0) for m in materials], np.float32),
            glow=np.array([m.glow for m in materials], np.float32),
            thin=np.array([m.thin for m in materials], np.bool_),
        )


def _halved(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    blocks = image[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).astype(np.uint16)
    return np.asarray((blocks.sum((1, 3)) + 2) // 4, np.uint8)


def choice(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of the options."""
    return options[int(rng.integers(len(options)))]
