"""Ways as turns and legs: known corners, detours, steep views; and where words put landmarks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from support.closed_form import intrinsics, look_at

from spatialgen.core.motion import Headings, Poses
from spatialgen.core.types import Camera
from spatialgen.engines.spar._landmarks import Sight
from spatialgen.engines.spar._walk_words import directions
from spatialgen.engines.spar._walked_path import Leg, WalkedPath, angle_shown, length_shown

UP = np.array([0.0, 0.0, 1.0])


def path(places: Sequence[Sequence[float]], looks: Sequence[float], down: float = 0.2) -> WalkedPath | None:
    """Of cameras at places (x, y) or (x, y, z) that look in directions, degrees from x."""
    cameras = []
    for place, look in zip(places, looks, strict=True):
        eye = np.array([*place, 1.5][:3], dtype=float)
        angle = math.radians(look)
        ahead = np.array([math.cos(angle) * math.cos(down), math.sin(angle) * math.cos(down), -math.sin(down)])
        cameras.append(Camera(intrinsics(64, 48), look_at(eye, eye + ahead), 64, 48))
    poses = Poses.of(cameras)
    return WalkedPath.of(poses, Headings.of(poses, UP), 0.25)


def test_turns_are_positive_to_the_left_and_begin_with_the_first_view() -> None:
    walked = path([(0, 0), (1, 0.1), (2, 0), (2, 1), (2, 3)], [90, 0, 0, 0, 180])
    assert walked is not None
    assert [leg.length for leg in walked.legs] == pytest.approx([2, 3])
    assert np.degrees([leg.turn for leg in walked.legs]) == pytest.approx([-90, 90])
    assert math.degrees(walked.last_turn) == pytest.approx(90)
    assert walked.detour == pytest.approx(0.1, abs=0.001)
    assert walked.legs[0].end == pytest.approx((2, 0))  # right and forward of a camera that looks along y
    assert walked.legs[1].end == pytest.approx((2, 3))
    assert walked.miss == pytest.approx(0, abs=1e-9)


def test_climbs_and_roundings_are_told() -> None:
    walked = path([(0, 0, 1.0), (3.04, 0, 1.9), (3.04, 3.04, 1.4)], [0, 0, 2])
    assert walked is not None
    assert walked.climb == pytest.approx(0.9)
    assert walked.miss == pytest.approx(0.04 * math.sqrt(2), abs=1e-6)


def test_steep_views_and_standing_cameras_have_no_way() -> None:
    assert path([(0, 0), (2, 0)], [0, 0], down=math.radians(70)) is None
    assert path([(0, 0), (0, 0)], [0, 90]) is None


@pytest.mark.parametrize(
    ("degrees", "shown"), [(2.4, 0), (-2.6, 5), (92.4, 90), (-174.9, 175), (176, 180), (-180, 180)]
)
def test_angles_are_told_in_fives_and_half_turns_have_no_side(degrees: float, shown: int) -> None:
    assert angle_shown(math.radians(degrees)) == shown


def test_lengths_are_told_in_tenths() -> None:
    assert [length_shown(x) for x in (0.54, 0.56, 2.0)] == [0.5, 0.6, 2.0]


def test_words_name_sides_and_landmarks() -> None:
    legs = (Leg(math.pi / 2, 2.0, (0, 0), (-2, 0)), Leg(-math.pi, 1.0, (-2, 0), (-1, 0)))
    sights = ((Sight(0, 0.5, -1, 2.0), Sight(1, 0.4, 0, 2.0)), ())
    for seed in range(20):
        said = directions(legs, sights, -0.8, ["sofa", "desk"], np.random.default_rng(seed))
        first, second, last = said.split("; ")
        assert "left" in first.split(" m")[0]
        assert "right" not in first.split(" m")[0]
        assert "90°" in first
        assert "2.0 m" in first
        assert first.index("sofa on your right" if "sofa on" in first else "sofa to your right") < first.index("desk")
        assert not {"left", "right"} & set(second.split())
        assert "45°" in last
        assert "right" in last
        assert not said.endswith(".")
    assert len({directions(legs, sights, 0.0, ["sofa", "desk"], np.random.default_rng(s)) for s in range(20)}) > 10
