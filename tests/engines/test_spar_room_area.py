"""Areas of rooms from points: known outlines, rooms behind doors, furniture along the walls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from spatialgen.engines.spar._room_area import SeenRoom

STEP = 0.02
L_SHAPE = [(0, 0), (5, 0), (5, 2), (3, 2), (3, 4), (0, 4)]


def inside(points: np.ndarray, outline: Sequence[Sequence[float]]) -> np.ndarray:
    """(n,): crossings of a ray to the right are odd."""
    odd = np.zeros(len(points), dtype=bool)
    corners = np.array(outline, dtype=float)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        between = (points[:, 1] >= min(y1, y2)) & (points[:, 1] < max(y1, y2))
        odd ^= between & (points[:, 0] < x1 + (points[:, 1] - y1) * (x2 - x1) / (y2 - y1))
    return odd


def seen(
    outline: Sequence[Sequence[float]],
    walls: Sequence[tuple[Sequence[float], Sequence[float]]] = (),
    *,
    hidden: Sequence[Sequence[float]] | None = None,
    turn: float = 0.0,
    level: float = -1.3,
) -> SeenRoom:
    """A floor and its walls as points, every few centimetres; ``walls`` are further ones, ``hidden`` an area unseen."""
    corners = np.array(outline, dtype=float)
    grid = np.stack(
        np.meshgrid(*(np.arange(*ends, STEP) for ends in zip(corners.min(0), corners.max(0), strict=True))), -1
    )
    floor = grid.reshape(-1, 2) + STEP / 2
    floor = floor[inside(floor, outline)]
    if hidden is not None:
        floor = floor[~inside(floor, hidden)]
    lines = [*zip(corners, np.roll(corners, -1, axis=0), strict=True), *walls]
    ground, height, flat = [floor], [np.zeros(len(floor))], [np.ones(len(floor))]
    for start, end in lines:
        a, b = np.array(start, dtype=float), np.array(end, dtype=float)
        along = a + np.arange(0, 1, STEP / np.linalg.norm(b - a))[:, None] * (b - a)
        for z in np.arange(0, 2.5, 0.1):
            ground.append(along)
            height.append(np.full(len(along), z))
            flat.append(np.zeros(len(along)))
    c, s = np.cos(turn), np.sin(turn)
    points = np.concatenate(ground) @ np.array([[c, s], [-s, c]])
    total = len(points)
    return room_of(points, np.concatenate(height) + level, np.concatenate(flat), np.full(total, -1, dtype=np.int32))


def room_of(ground: np.ndarray, height: np.ndarray, flatness: np.ndarray, instance: np.ndarray) -> SeenRoom:
    """What a single view shows."""
    return SeenRoom(ground, height, flatness, instance, np.zeros(len(ground), dtype=np.int32))


@pytest.mark.parametrize("turn", [0.0, 0.3, 1.0])
def test_outlines_with_a_niche_are_measured(turn: float) -> None:
    plan = seen(L_SHAPE, turn=turn).plan([])
    assert plan is not None
    assert plan.walls == pytest.approx(16.0, rel=0.02)
    assert 15.8 < plan.floor < 18.1  # the hull may cut the inner corner, up to half of what is missing there
    assert plan.walled == pytest.approx(1.0)
    assert plan.rooms == 1


def test_rooms_behind_a_door_are_counted() -> None:
    outline = [(0, 0), (8, 0), (8, 4), (0, 4)]
    door = seen(outline, walls=[((4, 0), (4, 1.6)), ((4, 2.5), (4, 4))]).plan([])
    arch = seen(outline, walls=[((4, 0), (4, 0.8)), ((4, 3.2), (4, 4))]).plan([])
    assert door is not None
    assert arch is not None
    assert (door.rooms, arch.rooms) == (2, 1)


def test_what_stands_on_the_floor_makes_the_estimates_differ() -> None:
    outline = [(0, 0), (5, 0), (5, 4), (0, 4)]
    corner = seen(outline, hidden=[(0, 0), (3.4, 0), (3.4, 3), (0, 3)]).plan([])
    assert corner is not None
    assert corner.floor < 0.85 * corner.walls


def test_an_outline_without_walls_is_not_walled() -> None:
    outline = np.array([(0, 0), (5, 0), (5, 4), (0, 4)], dtype=float)
    room = seen(outline)
    upright = room.flatness < 0.5
    east = upright & (room.ground[:, 0] > 4.9)
    kept = ~upright | east
    part = room_of(room.ground[kept], room.height[kept], room.flatness[kept], room.instance[kept])
    plan = part.plan([])
    assert plan is not None
    assert plan.walled == pytest.approx(4 / 18, abs=0.05)


def test_walls_are_those_that_are_labelled_so() -> None:
    room = seen([(0, 0), (5, 0), (5, 4), (0, 4)])
    upright = room.flatness < 0.5
    wardrobe = upright & (room.ground[:, 0] > 4.9)
    owner = np.where(wardrobe, 1, np.where(upright, 0, -1)).astype(np.int32)
    plan = room_of(room.ground, room.height, room.flatness, owner).plan(["wall", "wardrobe"])
    assert plan is not None
    assert plan.walled == pytest.approx(14 / 18, abs=0.05)


def test_what_is_behind_a_window_is_no_part_of_the_room() -> None:
    room = seen([(0, 0), (5, 0), (5, 4), (0, 4)])
    view = np.stack(np.meshgrid(np.arange(1, 4, STEP), np.arange(4, 6, STEP)), -1).reshape(-1, 2)
    ground = np.concatenate([room.ground, view])
    height = np.concatenate([room.height, np.zeros(len(view))])
    flat = np.concatenate([room.flatness, np.zeros(len(view))])
    owner = np.concatenate([room.instance, np.zeros(len(view), dtype=np.int32)])
    plan = room_of(ground, height, flat, owner).plan(["window"])
    assert plan is not None
    assert plan.walls == pytest.approx(20.0, rel=0.02)


def test_without_a_floor_there_is_no_area() -> None:
    room = seen([(0, 0), (5, 0), (5, 4), (0, 4)])
    upright = room.flatness < 0.5
    walls = room_of(room.ground[upright], room.height[upright], room.flatness[upright], room.instance[upright])
    assert walls.plan([]) is None


def test_what_is_seen_of_a_room_is_its_outline_and_its_ends() -> None:
    room = seen([(0, 0), (6, 0), (6, 4), (0, 4)], turn=0.4)
    plan = room.plan([])
    assert plan is not None
    c, s = np.cos(0.4), np.sin(0.4)
    straight = room.ground @ np.array([[c, -s], [s, c]])
    assert plan.shown(plan.cells(room.ground)) == (pytest.approx(1.0), pytest.approx(0.0, abs=0.01))
    share, beyond = plan.shown(plan.cells(room.ground[straight[:, 0] < 4.5]))
    assert share == pytest.approx(1 - (2 * 1.3 + 4 - 0.4) / 20, abs=0.03)
    assert beyond == pytest.approx(1.5, abs=0.1)
    # All but a corner: nothing of its two walls, yet the room is seen from end to end.
    share, beyond = plan.shown(plan.cells(room.ground[(straight[:, 0] < 4.0) | (straight[:, 1] < 2.5)]))
    assert share == pytest.approx(1 - (1.8 + 1.3) / 20, abs=0.03)
    assert beyond == pytest.approx(0.0, abs=0.1)
    assert plan.shown(plan.cells(room.ground + 50.0)) == (0.0, np.inf)
