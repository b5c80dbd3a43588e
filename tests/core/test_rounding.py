"""Halves go up."""

from __future__ import annotations

import pytest

from spatialgen.core.rounding import half_up


@pytest.mark.parametrize(
    ("number", "decimals", "written"),
    [(0.25, 1, 0.3), (0.35, 1, 0.4), (2.5, 0, 3), (3.5, 0, 4), (0.24999, 1, 0.2), (-0.5, 0, 0), (1.005, 0, 1)],
)
def test_halves_go_up(number: float, decimals: int, written: float) -> None:
    assert half_up(number, decimals) == written
