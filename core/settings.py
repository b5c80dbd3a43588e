"""The named numbers of geometry, and the published definitions as presets.

The default is the one that gives the most trustworthy answer; a preset reproduces a published dataset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ..errors import UnknownName

__all__ = ["PRESETS", "DepthSource", "GeometrySettings", "Tolerance", "settings_for"]

DepthSource = Literal["both", "mesh", "sensor"]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Two depths agree when they differ by at most ``max(absolute, relative * depth)``; metres and a fraction."""

    absolute: float
    relative: float

    def at(self, depth: float) -> float:
        """The tolerance in metres at this depth (metres)."""
        return max(self.absolute, self.relative * depth)


@dataclass(frozen=True, slots=True)
class GeometrySettings:
    """What counts as visible and as the same surface.

    Attributes:
        depth_source: which depth decides visibility: ``both`` (where both exist), ``mesh`` or ``sensor``.
        near: metres; points closer to the camera plane are not visible, and the rasteriser's near plane.
        mesh_tolerance: a point is hidden by the mesh when Z > D_mesh + tolerance (taken at D_mesh).
        sensor_tolerance: the sensor agrees when abs(Z - D_sensor) <= tolerance (taken at Z).
        sensor_one_sided: the published MultiSPA test 0 < Z < D instead, without tolerance.
        agreement: mesh and sensor state the same depth of a point (taken at the mesh depth).
        plane_tolerance: distance from the plane fitted under a mark (taken at the fitted depth).
        plane_share: share of a mark's known pixels that must lie on that plane.
        known_share: share of a mark's disc that must have depth.
        instance_share: share of a mark's disc that one instance must fill.
    """

    depth_source: DepthSource = "both"
    near: float = 0.10
    mesh_tolerance: Tolerance = Tolerance(0.03, 0.015)
    sensor_tolerance: Tolerance = Tolerance(0.05, 0.02)
    sensor_one_sided: bool = False
    agreement: Tolerance = Tolerance(0.03, 0.015)
    plane_tolerance: Tolerance = Tolerance(0.03, 0.02)
    plane_share: float = 0.95
    known_share: float = 0.50
    instance_share: float = 0.90


PRESETS: Final[dict[str, GeometrySettings]] = {
    "default": GeometrySettings(),
    # The text the project started from: two-sided, max(5 cm, 10 %), sensor depth only.
    "blog": GeometrySettings(depth_source="sensor", near=0.0, sensor_tolerance=Tolerance(0.05, 0.10)),
    # Multi-SpatialMLLM (arXiv 2505.17015, released scripts): 0 < Z < D at the nearest depth pixel.
    "multispa": GeometrySettings(depth_source="sensor", near=0.0, sensor_one_sided=True),
    # SpatialMosaic (arXiv 2512.23365) published overlap as a ratio of visible points, but no test of visibility.
    "spatialmosaic": GeometrySettings(),
    # SPAR (arXiv 2503.22976) released neither its generator nor a test of visibility.
    "spar": GeometrySettings(),
}


def settings_for(preset: str) -> GeometrySettings:
    """The geometry of a preset.

    Raises:
        UnknownName: for a name that is not a preset.
    """
    try:
        return PRESETS[preset]
    except KeyError:
        raise UnknownName("preset", preset, PRESETS) from None
