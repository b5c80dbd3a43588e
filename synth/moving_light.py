"""What changes in the light of a room when things move: the dark rim under them, and the shade of what rolls.

The rest of the light moves with the things it fell on: they go short ways.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from .moving_mesh import MovingMesh

__all__ = ["MovingLight", "plan_light"]

Floats = npt.NDArray[np.float64]

_REACH: Final = 0.16  # m, beyond the outline of a thing
_FADE: Final = 0.05  # m, over which the rim fades
_STRONGEST: Final = 0.55
_LOW: Final = 0.10  # m: what of a thing is lower darkens the floor
_BELOW, _ABOVE = 0.03, 0.02  # m: how far from its lowest point the surface is on which a thing stands


@dataclass(frozen=True, slots=True, eq=False)
class _Rim:
    """Static corners one thing may darken, its outline's half size (metres), how strongly, and whether it rolls."""

    part: int
    corners: npt.NDArray[np.int64]
    middle: Floats
    half: Floats
    strength: float
    rolls: bool


@dataclass(frozen=True, slots=True, eq=False)
class MovingLight:
    """Says how bright each painted corner is at a step, relative to the light computed once."""

    mesh: MovingMesh
    places: Floats
    corner_part: npt.NDArray[np.int32]
    light: npt.NDArray[np.float32]
    rims: tuple[_Rim, ...]

    def at(self, step: int) -> npt.NDArray[np.float32]:
        """(r, 3) light at the painted corners at a step."""
        light = self.light.copy()
        for rim in self.rims:
            pose = self.mesh.poses[rim.part, step]
            # Upright axes of the thing: those of a rolling one do not matter, its outline is round.
            turn = 0.0 if rim.rolls else math.atan2(pose[1, 0], pose[0, 0])
            c, s = math.cos(turn), math.sin(turn)
            centre = (pose[:3, :3] @ rim.middle + pose[:3, 3])[:2]
            local = np.abs((self.places[rim.corners, :2] - centre) @ np.array([[c, -s], [s, c]]))
            if rim.rolls:
                away = np.linalg.norm(local, axis=1) - 0.45 * rim.half[0]
            else:
                away = np.linalg.norm(np.maximum(local - rim.half, 0.0), axis=1)
            dark = rim.strength * np.exp(-np.maximum(away, 0.0) / _FADE)
            light[rim.corners] *= (1 - dark)[:, None].astype(np.float32)
            if rim.rolls:
                own = np.flatnonzero(self.corner_part == rim.part)
                local_up = self.places[own] @ pose[2, :3]
                height = (local_up - rim.middle @ pose[2, :3]) / rim.half[0]
                light[own] = self.light[own].mean(0) * (0.85 + 0.35 * height)[:, None].astype(np.float32)
        return light


def plan_light(
    mesh: MovingMesh,
    places: Floats,
    vertex_of: npt.NDArray[np.int64],
    light: npt.NDArray[np.float32],
) -> MovingLight:
    """Find what each moving thing darkens.

    Args:
        mesh: the scene.
        places: (r, 3), metres: painted corners, in their part's coordinates.
        vertex_of: (r,) the mesh vertex at each.
        light: (r, 3) computed once.
    """
    corner_part = mesh.vertex_part[vertex_of]
    still = np.flatnonzero(vertex_of < mesh.still_vertices)
    rims = []
    for part in mesh.parts:
        if part.kind != "moving" or part.group == 0:
            continue
        own = mesh.vertices[mesh.vertex_part == part.id].astype(np.float64)
        poses = mesh.poses[part.id]
        low, high = own.min(0), own.max(0)
        rolls = bool(np.abs(poses[:, 2, 2] - poses[0, 2, 2]).max() > 1e-6)
        middle, half = (low + high) / 2, (high - low)[:2] / 2
        ground = float((own @ poses[0, 2, :3] + poses[0, 2, 3]).min())
        way = poses[:, :2, :3] @ middle + poses[:, :2, 3]
        reach = float(np.hypot(*half)) + _REACH
        near = (places[still, 2] > ground - _BELOW) & (places[still, 2] < ground + _ABOVE)
        near &= ((places[still, :2] > way.min(0) - reach) & (places[still, :2] < way.max(0) + reach)).all(1)
        share = float((own[:, 2] < low[2] + _LOW).mean())
        strength = _STRONGEST * (0.75 if rolls else min(1.0, 0.25 + 2 * share))
        rims.append(_Rim(part.id, still[near], middle, half, strength, rolls))
    return MovingLight(mesh, places, corner_part, light, tuple(rims))
