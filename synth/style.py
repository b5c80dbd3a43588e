"""What furniture models are made with and hand back: the scene's style, a model, the surfaces things can stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .materials import Palette, choice
from .primitives import Solid, merge

__all__ = ["Model", "Style", "Surface", "model"]


@dataclass(frozen=True, slots=True)
class Surface:
    """A level place for small things: centre (x, y, z), width and depth, free height above it; metres, local axes."""

    centre: tuple[float, float, float]
    size: tuple[float, float]
    headroom: float = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One object in its own axes: footprint centred on the origin, standing on z = 0, front towards -y.

    Attributes:
        label: the raw category as ScanNet spells it.
        solid: its triangles.
        width, depth, height: of the space it needs, metres.
        surfaces: where small things can stand.
        light: where it glows, or None (a lamp's bulb).
    """

    label: str
    solid: Solid
    width: float
    depth: float
    height: float
    surfaces: tuple[Surface, ...] = field(default=())
    light: tuple[float, float, float] | None = None


def model(
    label: str,
    parts: Sequence[Solid],
    surfaces: Sequence[Surface] = (),
    light: tuple[float, float, float] | None = None,
) -> Model:
    """A model of these parts, its footprint centred on the origin and measured from the parts themselves."""
    solid = merge(parts)
    low, high = solid.positions.min(0), solid.positions.max(0)
    shift = np.array([-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, 0.0])
    moved = tuple(
        Surface((s.centre[0] + shift[0], s.centre[1] + shift[1], s.centre[2]), s.size, s.headroom) for s in surfaces
    )
    width, depth = (high - low)[:2]
    glow = None if light is None else (light[0] + shift[0], light[1] + shift[1], light[2])
    return Model(label, solid.moved(shift), float(width), float(depth), float(high[2]), moved, glow)


class Style:
    """The taste of one room: which woods, cloths and colours its furniture shares.

    Attributes:
        palette: where materials are made.
        rng: the generator models draw their proportions from.
        wood, second_wood, cloth, curtain_cloth, metal, white, black: palette indices.
        accents: names of strong colours for small things.
    """

    def __init__(self, palette: Palette, rng: np.random.Generator) -> None:
        self.palette, self.rng = palette, rng
        main, second = rng.permutation(["oak", "walnut", "pine", "cherry", "white"])[:2]
        self.wood_color = str(main)
        self.wood = self._wood(str(main))
        self.second_wood = self._wood(str(second))
        cloth = choice(rng, ["fabric", "fabric", "leather", "plaid"])
        tone = choice(
            rng, ["navy", "teal", "grey", "burgundy", "mustard", "sage", "brown", "blue", "terracotta", "plum"]
        )
        self.cloth = palette.tiled(cloth, tone)
        self.plain_cloth = palette.tiled("fabric", choice(rng, ["beige", "cream", "sky", "rose", "sage", "grey"]))
        drape, tone = choice(rng, ["fabric", "striped_cloth"]), choice(rng, ["cream", "sage", "rose", "sky", "mustard"])
        self.curtain_cloth = palette.tiled(drape, tone, thin=True)
        self.metal = palette.tiled("metal", choice(rng, ["steel", "steel", "charcoal", "brass"]))
        self.white = palette.tiled("paint", "white")
        self.black = palette.tiled("paint", "charcoal")
        names = ["red", "blue", "mustard", "teal", "orange", "green", "plum", "navy", "rose", "sky"]
        self.pictures = 0
        self.accents = [str(name) for name in rng.permutation(names)]

    def _wood(self, color: str) -> int:
        return self.palette.tiled("paint" if color == "white" else "wood", color)

    def accent(self, texture: str = "paint") -> int:
        """A material in one of the room's strong colours."""
        return self.palette.tiled(texture, choice(self.rng, self.accents))

    def next_picture(self) -> int:
        """A number no other picture of the room has."""
        self.pictures += 1
        return self.pictures

    def between(self, low: float, high: float) -> float:
        """A length from this range, metres."""
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)
