"""Relations are chosen so that every word is right as often as its opposite."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from spatialgen.engines.relation_triples import Observer, Triple
from spatialgen.engines.sampling import deal
from spatialgen.engines.spar._balanced_words import balanced, usable_forms
from spatialgen.engines.spar._camera_relations import Seen
from spatialgen.engines.spar._marked_items import Item
from spatialgen.engines.spar._related_items import Related


def related(index: int, *signs: int, twin: bool = False) -> Related:
    marks = ((0, 2 * index), (0, 2 * index + 1))
    nothing = ((0.0, 0.0), (0.0, 0.0))
    triple = Triple(
        ("right", "up", "distance"), tuple(map(float, signs)), (1.0,) * 3, (nothing,) * 3, (0.0,) * 3, (0.0,) * 3
    )
    observer = Observer.at((0, 0, 0), (1, 0, 0), (0, 0, 1))
    assert observer is not None
    return Related(Item((index,), marks[::-1] if twin else marks), Seen(observer, triple, is_in_image=True))


def test_what_can_be_evened_out_comes_before_what_cannot() -> None:
    common = [related(index, 0, -1, 1) for index in range(20)]
    rare = [related(20 + index, 1, 1, 1) for index in range(4)] + [related(30 + k, -1, -1, -1) for k in range(4)]
    deck = deal(40, (1, 4, 2, 1), "scene", "task")
    chosen = balanced([*common, *rare], ("sentence",), deck, ["thing"] * 80)
    assert {choice.told.item for choice in chosen} >= {one.item for one in rare}
    assert len(chosen) == 9


@pytest.mark.parametrize("seed", range(8))
def test_however_many_are_taken_words_stay_balanced(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pool = []
    for index in range(150):
        signs = rng.choice([-1, 0, 1], size=3, p=[0.3, 0.3, 0.4])
        if signs.any():
            pool += [related(index, *signs), related(index, *-signs, twin=True)]
    forms = ("select", "judge", "sentence")
    deck = deal(60, (3, 4, 2, 6), "scene", f"{seed}")
    chosen = balanced(pool, forms, deck, ["thing"] * 400)
    assert len(chosen) == 60
    assert len({choice.told.item.frames for choice in chosen}) == 60
    assert Counter(choice.form for choice in chosen) == dict.fromkeys(forms, 20)
    for kept in (lambda form: True, lambda form: form == "judge", lambda form: form != "judge"):
        signs = np.array([choice.told.signs for choice in chosen if kept(choice.form)])
        assert (np.abs(np.cumsum(signs, axis=0)) <= 1).all()
    for holds in (True, False):
        told = np.sum([c.told.signs for c in chosen if c.form == "judge" and c.holds == holds], axis=0)
        assert (np.abs(told) <= 3).all()


def test_nothing_to_choose_from() -> None:
    assert balanced([], (), deal(5, (1, 4, 2, 1), "scene", "task")[:0], []) == []


def test_one_of_each_key_is_taken() -> None:
    pool = [related(0, 1, 0, 0), related(0, -1, 0, 0, twin=True), related(1, -1, 0, 0)]
    chosen = balanced(pool, ("sentence",), deal(3, (1, 4, 1, 1), "scene", "task"), ["thing"] * 8)
    assert [choice.told.item.frames for choice in chosen] == [(0,), (1,)]
    assert np.sum([choice.told.signs for choice in chosen], axis=0).tolist() == [0, 0, 0]


def test_forms_that_nothing_fits_are_counted() -> None:
    reasons: Counter[str] = Counter()
    assert usable_forms([related(0, 1, 0, 0)], ("select", "sentence"), reasons) == ["sentence"]
    assert reasons == {"select: too few words decided": 1}
