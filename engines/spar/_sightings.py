"""Which frames of a video show an object at all, which do not, and where that is open."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ...core.object_views import CLEAR_PX, HIDDEN_PX
from ..base import Parameters
from ..mosaic import MosaicObjects

__all__ = ["SightingParameters", "Sightings"]

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


class SightingParameters(Parameters):
    """When a frame shows an object, for questions about whole videos."""

    seen_share: float = Field(
        0.0, ge=0, le=1, description="share of an object that is neither hidden nor cut off, from which a frame shows it"
    )
    unseen_share: float = Field(
        0.0, ge=0, le=1, description="share below which a frame does not; between the two it is open"
    )
    seen_pixel_share: float = Field(
        0.0, ge=0, le=1, description="share of the image's pixels below which a frame does not show an object"
    )

    @model_validator(mode="after")
    def _band(self) -> SightingParameters:
        if self.unseen_share > self.seen_share:
            raise ValueError("unseen_share must not be above seen_share")
        return self


class Sightings:
    """Which frames show which objects.

    Args:
        objects: of a scene with silhouettes.
        parameters: what counts.

    Attributes:
        seen: (f, n): a frame shows an object.
        open: (f, n): whether it does is open, so that no answer may hang on it.
        certainty: (f, n): quantity / threshold of the condition that decides, at least 1 where nothing is open.
    """

    def __init__(self, objects: MosaicObjects, parameters: SightingParameters) -> None:
        assert objects.states is not None
        self._parameters = parameters
        pixels = objects.visible_px.astype(np.float64)
        share = 1.0 - objects.states.total.astype(np.float64)
        line = parameters.seen_pixel_share * objects.geometry.object_views.map_px.astype(np.float64)[:, None]
        most_hidden, least_seen = np.maximum(HIDDEN_PX, line), np.maximum(CLEAR_PX, line)
        self.seen: BoolArray = (pixels > CLEAR_PX) & (pixels >= line) & (share >= parameters.seen_share)
        unseen = (pixels < most_hidden) | (share < parameters.unseen_share)
        self.open: BoolArray = ~self.seen & ~unseen
        with np.errstate(divide="ignore", invalid="ignore"):
            of_seen = np.fmin(pixels / least_seen, share / parameters.seen_share)
            of_unseen = np.fmax(most_hidden / pixels, parameters.unseen_share / share)
        self.certainty: FloatArray = np.where(self.seen, of_seen, of_unseen)

    def thresholds(self) -> dict[str, Any]:
        """The numbers that decide, by name, for a fact's evidence."""
        parameters = self._parameters
        return {
            "hidden_px": HIDDEN_PX,
            "grey_px": CLEAR_PX,
            "seen_share": parameters.seen_share,
            "unseen_share": parameters.unseen_share,
            "seen_pixel_share": parameters.seen_pixel_share,
        }
