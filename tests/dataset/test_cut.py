"""What ``--max-rows`` keeps: balanced within scenes, spread over them, and the same whenever a scene came."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest

from spatialgen.dataset import cut, ordering
from spatialgen.dataset.cut import Factors
from spatialgen.dataset.finalise import finalise

TASK = "depth_comparison"
SIZES = {"scene0000_00": 6, "scene0001_00": 40, "scene0002_00": 24, "scene0003_00": 40}


def _balanced_rows(helpers, scene: str, count: int) -> list[dict]:
    """Rows as engines deal them: all combinations of pointing, way of asking and letter, in complementary pairs."""
    rows = []
    for number in range(count):
        turn, flip = divmod(number, 2)
        variant, asked, letter = ((turn >> bit & 1) ^ flip for bit in range(3))
        name = ("dot", "coord")[variant]
        rows.append(
            helpers.make_row(
                number,
                scene=scene,
                variant=name,
                answer_index=letter,
                template=f"{TASK}/{('closer', 'farther')[asked]}.{name}/0123abcd",
            )
        )
    return rows


@pytest.fixture
def parts(tmp_path, helpers):
    return [
        helpers.write_part(tmp_path / "kept", scene, {TASK: _balanced_rows(helpers, scene, count)})
        for scene, count in SIZES.items()
    ]


def _finish(out, parts, **changes):
    return finalise(out, parts, **{"seed": 0, "max_rows": None, "tasks": [TASK], "existing": False, **changes})


def _rows(out) -> list[dict]:
    names = ["id", "scene_id", "variant", "answer_index", "template"]
    return [
        row for path in sorted(out.glob("data/*/*.parquet")) for row in pq.read_table(path, columns=names).to_pylist()
    ]


def _spread(rows: list[dict], value) -> int:
    counts = Counter(map(value, rows))
    return max(counts.values()) - min(counts.values()) if len(counts) > 1 else len(rows)


@pytest.mark.parametrize("limit", [4, 8, 13, 27, 50, 77, 109])
def test_every_cut_is_balanced_in_every_scene(tmp_path, parts, limit):
    _finish(tmp_path / "out", parts, max_rows=limit)
    rows = _rows(tmp_path / "out")
    assert len(rows) == limit
    for scene in SIZES:
        mine = [row for row in rows if row["scene_id"] == scene]
        for value in (
            lambda row: row["variant"],
            lambda row: row["answer_index"],
            lambda row: row["template"].split("/")[1].split(".")[0],
        ):
            assert _spread(mine, value) <= 1, (scene, limit)


def test_scenes_keep_as_equal_a_number_as_they_can(tmp_path, parts):
    for limit, expected in ((4, [1, 1, 1, 1]), (24, [6, 6, 6, 6]), (60, [6, 18, 18, 18]), (100, [6, 35, 24, 35])):
        facts = _finish(tmp_path / str(limit), parts, max_rows=limit)
        kept = facts["scenes"]["scannet"]
        assert [kept[scene][TASK] for scene in SIZES] == expected
    odd = _finish(tmp_path / "odd", parts, max_rows=62)["scenes"]["scannet"]
    assert sorted(kept[TASK] for kept in odd.values()) == [6, 18, 19, 19]


@pytest.mark.parametrize(("limit", "turn"), [(3, 0), (13, 1), (62, 2)])
def test_scenes_in_any_order_and_one_by_one_give_what_one_go_gives(tmp_path, parts, limit, turn):
    """Every order under one of the limits: the 24 orders take turns."""
    _finish(tmp_path / "whole", parts, max_rows=limit)
    expected = _rows(tmp_path / "whole")
    for number, order in enumerate(itertools.islice(itertools.permutations(parts), turn, None, 3)):
        out = tmp_path / f"grown{number}"
        for count, part in enumerate(order):
            _finish(out, [part], max_rows=limit, existing=count > 0)
        assert _rows(out) == expected


def test_quotas_only_shrink_when_a_scene_is_added():
    rng = np.random.default_rng(0)
    for _ in range(200):
        scenes = [("made", f"scene{number}") for number in range(rng.integers(2, 9))]
        available = rng.integers(0, 30, len(scenes))
        limit = int(rng.integers(0, available.sum() + 3))
        whole = cut.quotas(available, scenes, limit, 0)
        assert whole.sum() == min(limit, available.sum())
        assert (whole <= available).all()
        short = available > whole
        assert not short.any() or whole.max() - whole[short].min() <= 1
        fewer = cut.quotas(available[:-1], scenes[:-1], limit, 0)
        assert (whole[:-1] <= fewer).all()
        assert (cut.quotas(np.r_[fewer, available[-1]], scenes, limit, 0) == whole).all()


def test_a_sequence_does_not_depend_on_what_is_never_reached():
    rng = np.random.default_rng(1)
    factors = [
        Factors(variant, "choice", (4, letter), asked)
        for variant, letter, asked in itertools.product(("dot", "coord"), range(4), ("closer", "farther"))
    ]
    keys = rng.integers(0, 2**63, 300).astype(np.uint64)
    combinations = rng.integers(0, len(factors), 300).astype(np.int32)
    whole = cut.balanced_prefix(keys, combinations, factors, 300, 0, "scene")
    assert sorted(whole.tolist()) == list(range(300))
    for count in (1, 7, 100):
        rows = np.sort(whole[:count])
        again = cut.balanced_prefix(keys[rows], combinations[rows], factors, count, 0, "scene")
        assert (rows[again] == whole[:count]).all()
    letters = np.array([factors[one].option[1] for one in combinations[whole[:101]]])
    assert np.ptp(np.bincount(letters)) <= 1


def test_short_cuts_of_many_scenes_do_not_all_take_the_same_kind():
    factors = [Factors("dot", "choice", (2, letter), "") for letter in (0, 1)]
    keys, combinations = np.arange(4, dtype=np.uint64), np.array([0, 0, 1, 1], np.int32)
    first = Counter(
        int(combinations[cut.balanced_prefix(keys, combinations, factors, 1, 0, "made", f"s{number}")[0]])
        for number in range(200)
    )
    assert min(first[0], first[1]) > 60


def test_planning_reads_no_pixels(parts, monkeypatch):
    seen = []
    original = ordering.iter_tables

    def watched(path, columns=None, **options):
        seen.append(columns)
        return original(path, columns, **options)

    monkeypatch.setattr(ordering, "iter_tables", watched)
    ordering.select([part / f"{TASK}.parquet" for part in parts], [], seed=0, max_rows=5)
    assert seen
    assert all(columns is not None and "images" not in columns for columns in seen)
