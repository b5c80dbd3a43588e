"""A walked path in words: what the answer of a navigation question says.

Clauses of directions differ from walk to walk, in English. They stand here and not among the wording of questions and
answers because a walk has as many of them as it has legs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from ._landmarks import Sight
from ._walked_path import Leg, angle_shown, length_shown

__all__ = ["directions"]

_HALF_TURN: Final = 180
_SLIGHT: Final = 15  # degrees; nobody swings round by so little

_TURNS: Final = (
    "turn {side} by about {angle}°",
    "turn about {angle}° to the {side}",
    "make a turn of about {angle}° to your {side}",
    "swing round to the {side} by roughly {angle}°",
)
_SLIGHT_TURNS: Final = (
    "turn slightly {side}, by about {angle}°",
    "turn a little to the {side}, about {angle}°",
    "make a slight turn of about {angle}° to your {side}",
    "bear to the {side} by roughly {angle}°",
)
_TURNS_AROUND: Final = ("turn around", "turn to face the other way", "make a half turn")
_WALKS: Final = (
    "walk {length} m straight ahead",
    "go forward for {length} m",
    "walk on for {length} m",
    "move {length} m ahead",
)
_PASSES: Final = (
    ", passing the {thing} on your {side}",
    ", with the {thing} on your {side}",
    ", leaving the {thing} to your {side}",
)
_STOPS: Final = (
    " until you are beside the {thing}",
    " and stop next to the {thing}",
    " to a place by the {thing}",
    " up to the {thing}",
)
_NEXT: Final = ("then ", "next, ", "after that, ", "from there, ")
_LAST: Final = ("finally, ", "at the end, ", "once there, ")

_SIDES: Final[Mapping[int, str]] = MappingProxyType({1: "left", -1: "right"})


def directions(
    legs: Sequence[Leg],
    sights: Sequence[Sequence[Sight]],
    last_turn: float,
    labels: Sequence[str],
    rng: np.random.Generator,
) -> str:
    """Directions to walk a path: clauses in the imperative, without a capital at the start or a full stop at the end.

    Args:
        legs: of the path.
        sights: landmarks of each leg, as ``Landmarks.of_leg`` gives them.
        last_turn: radians, after the last leg, positive to the left.
        labels: of the scene's instances.
        rng: decides between ways of saying the same.
    """
    parts = []
    for number, (leg, seen) in enumerate(zip(legs, sights, strict=True)):
        turned = _turned(leg.turn, rng)
        walked = _pick(_WALKS, rng).format(length=f"{length_shown(leg.length):.1f}")
        for sight in seen:
            words = _pick(_PASSES if sight.side else _STOPS, rng)
            after_pass = not sight.side and len(seen) > 1
            walked += ("," if after_pass else "") + words.format(
                thing=labels[sight.instance], side=_SIDES.get(sight.side, "")
            )
        clause = f"{turned} and {walked}" if turned else walked
        parts.append((_pick(_NEXT, rng) if number else "") + clause)
    if turned := _turned(last_turn, rng):
        parts.append(_pick(_LAST, rng) + turned)
    return "; ".join(parts)


def _turned(turn: float, rng: np.random.Generator) -> str:
    """A turn in words; empty where none is to be told."""
    angle = angle_shown(turn)
    if not angle:
        return ""
    if angle == _HALF_TURN:
        return _pick(_TURNS_AROUND, rng)
    words = _pick(_SLIGHT_TURNS if angle <= _SLIGHT else _TURNS, rng)
    return words.format(side=_SIDES[1 if turn > 0 else -1], angle=angle)


def _pick(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]
