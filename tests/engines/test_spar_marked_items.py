"""Choosing what to mark: frames in turn, objects evenly, forms by a deck."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations

import numpy as np

from spatialgen.engines.spar._marked_items import Item, deal_forms, items_in_turn


def test_items_take_frames_in_turn_and_use_objects_evenly() -> None:
    rng = np.random.default_rng(0)
    reasons: Counter[str] = Counter()
    groups = [(frame,) for frame in range(4)]
    items = list(items_in_turn(groups, lambda frame: range(5), 2, lambda item: "", rng, reasons))
    assert len(items) == 4 * math.comb(5, 2)
    assert [item.frames for item in items[:8]] == groups * 2
    uses = Counter(thing for item in items[:10] for thing in item.instances)
    assert set(uses.values()) == {4}
    for frames in groups:
        pairs = [frozenset(item.instances) for item in items if item.frames == frames]
        assert set(pairs) == {frozenset(pair) for pair in combinations(range(5), 2)}
    assert not reasons


def test_items_left_out_are_counted_once() -> None:
    rng = np.random.default_rng(0)
    reasons: Counter[str] = Counter()
    chosen = list(
        items_in_turn(
            [(0,), (1,)],
            lambda frame: range(3),
            2,
            lambda item: "has the first" if 0 in item.instances else "",
            rng,
            reasons,
        )
    )
    assert [set(item.instances) for item in chosen] == [{1, 2}, {1, 2}]
    assert reasons == {"has the first": 4}


def test_items_that_differ_only_in_what_helps_are_one() -> None:
    rng = np.random.default_rng(0)
    chosen = list(items_in_turn([(0,)], lambda frame: range(4), 3, lambda item: "", rng, Counter(), aside=1))
    assert len(chosen) == math.comb(4, 2)
    assert len({frozenset(item.marks[1:]) for item in chosen}) == len(chosen)


def test_large_frames_are_sampled() -> None:
    rng = np.random.default_rng(0)
    source = items_in_turn([(0, 1, 2)], lambda frame: range(40), 3, lambda item: "", rng, Counter())
    chosen = [next(source) for _ in range(20)]
    assert len(set(chosen)) == 20
    for item in chosen:
        assert sorted(image for image, _ in item.marks) == [0, 1, 2]
        assert len(set(item.instances)) == 3


def test_an_item_waits_for_a_form_that_suits_it() -> None:
    deck = np.array([[0, 0], [1, 1], [0, 2], [1, 3]])
    reasons: Counter[str] = Counter()
    items = [Item((number,), ((0, number),)) for number in range(4)]
    dealt = deal_forms(
        items, ("select", "fill"), deck, lambda item, form: form == "fill" or item.frames != (0,), reasons
    )
    assert [(item.frames[0], form, place) for item, form, place in dealt] == [
        (1, "select", 0),
        (0, "fill", 1),
        (2, "select", 2),
        (3, "fill", 3),
    ]
    assert not +reasons


def test_where_no_form_suits_the_deck_ends_even() -> None:
    deck = np.array([[0, 0], [1, 1], [0, 2]])
    reasons: Counter[str] = Counter()
    items = [Item((number,), ((0, number),)) for number in range(3)]
    assert list(deal_forms(items, ("select", "fill"), deck, lambda item, form: form == "fill", reasons)) == []
    assert list(reasons.values()) == [3]
