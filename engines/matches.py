"""What a correspondence is: the point in two frames, and the places it could wrongly be taken for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from .depth_points import DepthParameters
from .frame_pairs import PairParameters

__all__ = ["Kind", "Match", "MatchParameters", "Option", "distance"]

Kind = Literal["random", "near_miss", "same_object", "same_label"]


class MatchParameters(DepthParameters, PairParameters):
    """What is asked of a correspondence."""

    least_facing: float = Field(
        0.25, ge=0, lt=1, description="cosine between surface normal and line of sight, at least, in both images"
    )
    least_separation: float = Field(
        0.05, ge=0, description="metres between the true point and any distractor's, at least"
    )
    least_pixels: float = Field(
        0.08, ge=0, description="pixels between the marks of two options, at least, as a share of the image height"
    )
    kinds: tuple[Kind, ...] = Field(
        ("random", "near_miss", "same_object", "same_label"),
        min_length=1,
        description="distractors: random visible points, near misses, other points of the object, same label elsewhere",
    )

    @field_validator("kinds", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """On the command line kinds are written with commas between them."""
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Option:
    """A place in the second image: pixel, depth in metres, instance index or -1, world xyz, and what kind it is."""

    x: float
    y: float
    depth: float
    instance: int
    world: tuple[float, float, float]
    kind: Kind | Literal["truth"]


@dataclass(frozen=True, slots=True)
class Match:
    """One point in two frames, and its distractors.

    Attributes:
        pair: index into the pairs.
        query: the point in the first frame.
        truth: the same point in the second frame.
        distractors: three other places in the second frame.
        facing: cosines between normal and line of sight, in the first and the second frame.
        depth_error: metres between the point's depth in the second frame and what is seen there, over the tolerance.
    """

    pair: int
    query: Option
    truth: Option
    distractors: tuple[Option, ...]
    facing: tuple[float, float]
    depth_error: float


def distance(one: Option, other: Option) -> float:
    """Metres between two places in the world."""
    return float(np.linalg.norm(np.subtract(one.world, other.world)))
