"""Covering sets against a search through all subsets of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from support.closed_form import make_scene
from support.object_scenes import box, scene_of, turned

from spatialgen.core.coverage import SeenExtents, covering_sets, see_extents
from spatialgen.core.extents import ObjectBoxes, boxes_of_surfaces, boxes_of_vertices
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Scene
from spatialgen.core.visibility import VisibilityBits


def search(low: np.ndarray, high: np.ndarray, sees: np.ndarray, true: float, tolerance: float) -> set[tuple[int, ...]]:
    """The definition of arXiv 2505.17015, breadth first over sets of up to five frames."""
    found: list[frozenset[int]] = []
    frames = [f for f in range(len(low)) if sees[f] and high[f] >= low[f]]
    for count in range(1, 6):
        for some in combinations(frames, count):
            if any(smaller <= set(some) for smaller in found):
                continue
            extent = max(high[f] for f in some) - min(low[f] for f in some)
            if abs(extent - true) <= tolerance * true:
                found.append(frozenset(some))
    return {tuple(sorted(some)) for some in found}


def test_all_minimal_sets_are_found_and_none_has_more_than_two_frames() -> None:
    rng = np.random.default_rng(0)
    sizes = set()
    for case in range(400):
        count = int(rng.integers(0, 9))
        # Coarse positions, so that ties and extents exactly at the tolerance happen; some beyond the true extent.
        ends = np.sort(rng.integers(-1, 12, (count, 2)) / (10.0 if case % 2 else 7.0), axis=1)
        low, high = ends.reshape(count, 2).T
        unseen = rng.random(count) < 0.15
        low, high = np.where(unseen, np.inf, low), np.where(unseen, -np.inf, high)
        sees = rng.random(count) < 0.8
        true, tolerance = float(rng.choice([0.5, 1.0])), float(rng.choice([0.1, 0.3]))
        wanted = search(low, high, sees, true, tolerance)
        found = covering_sets(low, high, sees, true, tolerance)
        sets = [(f,) for f in found.singles.tolist()] + [tuple(pair) for pair in found.pairs.tolist()]
        assert set(sets) == wanted
        assert len(sets) == len(wanted)
        assert sets == sorted(sets, key=lambda some: (len(some), some))
        sizes |= {len(some) for some in wanted}
    assert sizes == {1, 2}


def room_scene(frames: int = 6) -> tuple[Scene, ObjectBoxes, VisibilityBits]:
    scene = make_scene(frames=frames)
    geometry = SceneGeometry(scene)
    return scene, geometry.object_boxes, geometry.visibility


def looked_at(
    scene: Scene,
    bits: VisibilityBits,
    boxes: ObjectBoxes,
    outermost: int = 3,
    longest_hole: float = 0.1,
    *,
    share: float = 0.0,
    wanted: Sequence[int] | None = None,
) -> SeenExtents:
    chosen = np.isin(np.arange(len(scene.instances)), np.arange(len(scene.instances)) if wanted is None else wanted)
    return see_extents(
        scene, bits, boxes, chosen, outermost=outermost, outermost_share=share, longest_hole=longest_hole
    )


def random_bits(scene: Scene, rng: np.random.Generator, frames: int, share: float) -> VisibilityBits:
    """Any vertex visible anywhere: more different unions than cameras would give."""
    assert scene.vertices is not None
    count = len(scene.vertices)
    visible = rng.random((frames, count)) < share * rng.random((frames, 1))
    padded = np.zeros((frames, -(-count // 64) * 64), dtype=bool)
    padded[:, :count] = visible
    words = np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)
    return VisibilityBits(words, None, count)


def union(bits: VisibilityBits, frames: tuple[int, ...]) -> np.ndarray:
    return np.any([bits.visible(f) for f in frames], axis=0)


def firm_ends(positions: np.ndarray, outermost: int, share: float) -> tuple[float, float]:
    """Of one frame's positions those that are left when fewer than so many are left out at each end."""
    ordered = sorted(positions.tolist())
    count = max(outermost, int(np.ceil(share * len(ordered))))
    return (ordered[count - 1], ordered[-count]) if len(ordered) >= 2 * count - 1 else (np.inf, -np.inf)


@pytest.mark.parametrize(("outermost", "share"), [(1, 0.0), (2, 0.0), (1, 0.2), (4, 0.1)])
def test_what_frames_see_equals_the_union_of_their_vertices(outermost: int, share: float) -> None:
    scene, boxes, _ = room_scene()
    assert scene.vertices is not None
    assert scene.vertex_instance is not None
    bits = random_bits(scene, np.random.default_rng(1), 5, 0.08)
    seen = looked_at(scene, bits, boxes, outermost, 0.3, share=share)
    vertices = scene.vertices.astype(float)
    joins = {True: 0, False: 0}
    for instance in range(4):
        mine = scene.vertex_instance == instance
        for frame in range(5):
            assert seen.share[frame, instance] == pytest.approx((bits.visible(frame) & mine).sum() / mine.sum())
        for axis in range(3):
            along = vertices @ boxes.axes[instance, axis]
            allowed = max(0.3 * boxes.size[instance, axis], np.diff(np.sort(along[mine])).max())
            for frames in [(f,) for f in range(5)] + list(combinations(range(5), 2)) + [(0, 1, 2), (4, 3, 2)]:
                positions = along[union(bits, frames) & mine]
                sets = np.array([frames])
                wanted = np.ptp(positions) if len(positions) else 0.0
                assert seen.covered(sets, instance, axis)[0] == pytest.approx(wanted, abs=1e-6)
                alone = [along[bits.visible(f) & mine] for f in frames]
                ends = [firm_ends(some, outermost, share) for some in alone]
                firm = max(max(high for _, high in ends) - min(low for low, _ in ends), 0.0)
                assert seen.firmly_covered(sets, instance, axis)[0] == pytest.approx(firm, abs=1e-6)
                if len(frames) == 2:
                    inside = [
                        some[(some >= low) & (some <= high)] for some, (low, high) in zip(alone, ends, strict=True)
                    ]
                    gap = np.diff(np.sort(np.concatenate(inside))).max(initial=0.0)
                    assert seen.joins_up(sets, instance, axis)[0] == (gap <= allowed + 1e-9)
                    joins[bool(gap <= allowed)] += 1
    assert min(joins.values()) >= 10


def test_covering_sets_of_a_room_equal_a_search_over_unions_of_vertices() -> None:
    scene, boxes, bits = room_scene(8)
    assert scene.vertices is not None
    assert scene.vertex_instance is not None
    seen = looked_at(scene, bits, boxes)
    count = 0
    for instance in range(4):
        mine = scene.vertex_instance == instance
        for axis in range(3):
            along = scene.vertices.astype(float) @ boxes.axes[instance, axis]
            true = boxes.size[instance, axis]
            frames = [f for f in range(8) if (bits.visible(f) & mine).sum() >= 0.05 * mine.sum()]
            wanted: list[tuple[int, ...]] = []
            for size in range(1, 6):
                for some in combinations(frames, size):
                    if any(set(smaller) <= set(some) for smaller in wanted):
                        continue
                    if abs(np.ptp(along[union(bits, some) & mine]) - true) <= 0.1 * true:
                        wanted.append(some)
            found = covering_sets(
                seen.low[:, instance, axis], seen.high[:, instance, axis], seen.share[:, instance] >= 0.05, true, 0.1
            )
            sets = [(f,) for f in found.singles.tolist()] + [tuple(pair) for pair in found.pairs.tolist()]
            assert sorted(sets) == sorted(wanted)
            count += len(sets)
    assert count >= 30


def test_turning_the_world_changes_no_set() -> None:
    thing = box((-0.7, -0.3, 0.0), (0.7, 0.3, 1.0))
    scene = scene_of([("thing", thing)])
    bits = random_bits(scene, np.random.default_rng(4), 12, 0.02)
    found = []
    for solid in (thing, turned(thing, 0.8, (3, 1, 0)), (thing[0] * (-1, 1, 1), thing[1])):
        other = scene_of([("thing", solid)])
        boxes = boxes_of_surfaces(other, SceneGeometry(other).face_instance)
        seen = looked_at(other, bits, boxes)
        sets = [
            covering_sets(seen.low[:, 0, axis], seen.high[:, 0, axis], seen.share[:, 0] > 0, boxes.size[0, axis], 0.1)
            for axis in range(3)
        ]
        found.append([(some.singles.tolist(), some.pairs.tolist()) for some in sets])
    assert found[0] == found[1] == found[2]
    assert any(pairs for _, pairs in found[0])


def test_only_wanted_objects_are_looked_at() -> None:
    scene, boxes, bits = room_scene()
    everything = looked_at(scene, bits, boxes)
    some = looked_at(scene, bits, boxes, wanted=[1, 3])
    np.testing.assert_array_equal(some.share[:, [0, 2]], 0)
    np.testing.assert_array_equal(some.share[:, [1, 3]], everything.share[:, [1, 3]])
    np.testing.assert_array_equal(some.low[:, [1, 3]], everything.low[:, [1, 3]])
    nothing = looked_at(scene, bits, boxes, wanted=[])
    assert np.isinf(nothing.low).all()
    assert nothing.covered(np.array([[0, 1]]), 1, 2)[0] == 0
    assert nothing.firmly_covered(np.array([[0, 1]]), 1, 2)[0] == 0


def test_empty_requests_give_empty_answers() -> None:
    scene, boxes, bits = room_scene()
    seen = looked_at(scene, bits, boxes)
    none = np.zeros((0, 2), dtype=np.int64)
    assert seen.covered(none, 0, 0).shape == (0,)
    assert seen.firmly_covered(none, 0, 0).shape == (0,)
    assert seen.joins_up(none, 0, 0).shape == (0,)
    assert len(covering_sets([], [], [], 1.0, 0.1).pairs) == 0


def test_loose_vertices_cover_but_not_firmly() -> None:
    crumb = box((0.0, 0.0, 1.05), (0.04, 0.04, 1.08), 0.01)
    scene = scene_of([("thing", box((-0.5, -0.5, 0.0), (0.5, 0.5, 1.0))), ("crumb", crumb)])
    assert scene.vertex_instance is not None
    scene = replace(scene, instances=scene.instances[:1], vertex_instance=np.zeros_like(scene.vertex_instance))
    boxes = boxes_of_surfaces(scene, SceneGeometry(scene).face_instance)
    assert scene.vertices is not None
    # One frame that sees the lower three quarters, and the crumb above.
    height = scene.vertices[:, 2]
    visible = (height < 0.76) | (height > 1.04)
    words = np.packbits(np.append(visible, np.zeros(-len(visible) % 64, bool)), bitorder="little").view("<u8")
    seen = looked_at(scene, VisibilityBits(words[None].astype(np.uint64), None, len(visible)), boxes)
    assert seen.covered(np.array([[0]]), 0, 2)[0] == pytest.approx(1.08, abs=1e-6)
    assert seen.firmly_covered(np.array([[0]]), 0, 2)[0] == pytest.approx(0.75, abs=1e-6)


def test_objects_without_a_box_or_finite_vertices_are_never_seen() -> None:
    scene, boxes, bits = room_scene()
    assert scene.vertices is not None
    assert scene.vertex_instance is not None
    broken = replace(scene, vertices=np.where((scene.vertex_instance == 2)[:, None], np.nan, scene.vertices))
    boxes = boxes_of_surfaces(broken, SceneGeometry(broken).face_instance)
    for some in (boxes, boxes_of_vertices(broken)):
        seen = looked_at(broken, bits, some)
        assert (seen.share[:, 2] == 0).all()
        assert np.isinf(seen.low[:, 2]).all()
