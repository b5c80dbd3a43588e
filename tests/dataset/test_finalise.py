from __future__ import annotations

import os
import random
import shutil

import pyarrow.parquet as pq
import pytest

from spatialgen.dataset import finalise as module
from spatialgen.dataset import ordering, shards
from spatialgen.dataset.finalise import finalise, recover
from spatialgen.errors import DatasetError, OutOfSpace

TASKS = ["depth_comparison"]


def _tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted([*(folder / "data").rglob("*.parquet"), folder / "frames.parquet"])
    }


def _ids(folder, task="depth_comparison"):
    shard_paths = sorted((folder / "data" / task).glob("*.parquet"))
    return [one for path in shard_paths for one in pq.read_table(path, columns=["id"])["id"].to_pylist()]


@pytest.fixture
def parts(tmp_path, helpers):
    """Three scenes' parts, kept apart from the run directories they are finished into."""
    return [
        helpers.write_part(
            tmp_path / "kept",
            f"scene000{index}_00",
            {"depth_comparison": [helpers.make_row(n, scene=f"scene000{index}_00") for n in range(20)]},
        )
        for index in range(3)
    ]


def _finish(out, parts, **changes):
    options = {"seed": 0, "max_rows": None, "tasks": TASKS, "existing": False, **changes}
    return finalise(out, parts, **options)


def test_rows_are_gathered_named_and_counted(tmp_path, parts):
    out = tmp_path / "out"
    facts = _finish(out, parts, shard_bytes=15_000)
    files = sorted(path.name for path in (out / "data" / "depth_comparison").iterdir())
    assert len(files) > 2
    assert files == [f"train-{index:05d}-of-{len(files):05d}.parquet" for index in range(len(files))]
    assert [shard["path"] for shard in facts["shards"]] == [f"data/depth_comparison/{name}" for name in files]
    assert facts["rows"] == {"depth_comparison": {"train": 60}}
    assert sum(shard["rows"] for shard in facts["shards"]) == 60
    assert facts["dropped"] == {"depth_comparison": 0}
    assert facts["frames"] == 9
    assert facts["scenes"]["scannet"]["scene0001_00"] == {"depth_comparison": 20}
    assert len(set(_ids(out))) == 60
    assert not (out / "parts" / ".finish").exists()


def test_order_is_by_seed_and_id_alone(tmp_path, parts):
    _finish(tmp_path / "a", parts)
    _finish(tmp_path / "b", parts[::-1])
    assert _tree(tmp_path / "a") == _tree(tmp_path / "b")
    ids = _ids(tmp_path / "a")
    assert ids == sorted(ids, key=lambda one: int(ordering.row_keys([one], 0)[0]))
    scenes = [row["scene_id"] for row in pq.read_table(tmp_path / "a" / "data").select(["scene_id"]).to_pylist()]
    assert len({*scenes[:20]}) == 3, "the scenes are not mixed"
    _finish(tmp_path / "c", parts, seed=1)
    assert _ids(tmp_path / "c") != ids
    assert sorted(_ids(tmp_path / "c")) == sorted(ids)


@pytest.mark.parametrize("limit", [400, 5_000, 30_000])
def test_buckets_on_disk_change_nothing(tmp_path, parts, limit, monkeypatch):
    _finish(tmp_path / "memory", parts)
    original = ordering.in_order
    seen = []

    def small(tables, folder, _limit):
        for table in original(tables, folder, limit):
            seen.append(len(list(folder.iterdir())))
            yield table

    monkeypatch.setattr(module, "in_order", small)
    _finish(tmp_path / "disk", parts)
    assert max(seen) > 0, "nothing went through the disk"
    assert _tree(tmp_path / "disk") == _tree(tmp_path / "memory")


def test_splits_have_their_own_files(tmp_path, helpers):
    rows = [helpers.make_row(n, split="train" if n % 3 else "val") for n in range(12)]
    part = helpers.write_part(tmp_path / "kept", "scene0000_00", {"depth_comparison": rows})
    facts = _finish(tmp_path / "out", [part])
    assert facts["rows"]["depth_comparison"] == {"train": 8, "val": 4}
    table = pq.read_table(tmp_path / "out" / "data" / "depth_comparison" / "val-00000-of-00001.parquet")
    assert set(table["split"].to_pylist()) == {"val"}
    assert (
        next(iter(pq.read_table(tmp_path / "out/data/depth_comparison/train-00000-of-00001.parquet").schema.names))
        == "id"
    )


@pytest.mark.parametrize("first", [1, 2])
def test_adding_scenes_later_gives_the_same_dataset(tmp_path, parts, first):
    for name, options in {"all": {}, "cut": {"max_rows": 25}}.items():
        _finish(tmp_path / name, parts, **options)
        grown = tmp_path / f"{name}-grown"
        _finish(grown, parts[:first], **options)
        before = set(_ids(grown))
        facts = _finish(grown, parts[first:], existing=True, **options)
        assert _tree(grown) == _tree(tmp_path / name)
        assert facts["frames"] == 9
        if name == "all":
            assert before <= set(_ids(grown))


def test_max_rows_keeps_the_order_and_counts_what_it_drops(tmp_path, parts):
    _finish(tmp_path / "all", parts)
    facts = _finish(tmp_path / "some", parts, max_rows=7)
    kept = _ids(tmp_path / "some")
    assert kept == [one for one in _ids(tmp_path / "all") if one in set(kept)]
    assert facts["dropped"] == {"depth_comparison": 53}
    assert sorted(scene["depth_comparison"] for scene in facts["scenes"]["scannet"].values()) == [2, 2, 3]
    assert _finish(tmp_path / "none", parts, max_rows=0)["rows"] == {"depth_comparison": {}}
    for enough in (60, 1000):
        _finish(tmp_path / f"enough{enough}", parts, max_rows=enough)
        assert _tree(tmp_path / f"enough{enough}") == _tree(tmp_path / "all")


def test_a_scene_made_again_takes_the_place_of_its_rows(tmp_path, parts, helpers):
    out = tmp_path / "out"
    _finish(out, parts)
    rows = [helpers.make_row(n, scene="scene0001_00") for n in range(5)]
    again = helpers.write_part(tmp_path / "again", "scene0001_00", {"depth_comparison": rows}, frames=2)
    facts = _finish(out, [again], existing=True)
    assert facts["rows"]["depth_comparison"]["train"] == 45
    assert facts["frames"] == 8


def test_tasks_of_an_existing_dataset_stay(tmp_path, parts, helpers):
    out = tmp_path / "out"
    _finish(out, parts[:1])
    rows = [helpers.make_row(n, scene="scene0005_00", task="other") for n in range(3)]
    other = helpers.write_part(tmp_path / "other", "scene0005_00", {"other": rows})
    facts = _finish(out, [other], tasks=["other"], existing=True)
    assert facts["rows"] == {"depth_comparison": {"train": 20}, "other": {"train": 3}}


def test_duplicate_ids_name_both_scenes(tmp_path, parts, helpers):
    row = helpers.make_row(3, scene="scene0001_00")
    twin = helpers.write_part(
        tmp_path / "kept", "scene0009_00", {"depth_comparison": [{**row, "scene_id": "scene0009_00"}]}
    )
    with pytest.raises(DatasetError, match=r"occurs twice.*scannet/scene0001_00.*scannet/scene0009_00"):
        _finish(tmp_path / "out", [*parts, twin])
    assert not (tmp_path / "out" / "data").exists()


def test_the_same_scene_twice_is_refused(tmp_path, parts, helpers):
    twin = helpers.write_part(tmp_path / "twin", "scene0000_00", {"depth_comparison": []})
    with pytest.raises(DatasetError, match="scene0000_00 was made twice"):
        _finish(tmp_path / "out", [*parts, twin])


def test_a_broken_part_is_named(tmp_path, parts):
    file = parts[1] / "depth_comparison.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r"scene0001_00.*Parquet"):
        _finish(tmp_path / "out", parts)


def test_no_rows_at_all(tmp_path, helpers):
    part = helpers.write_part(tmp_path / "kept", "scene0000_00", {"depth_comparison": []})
    facts = _finish(tmp_path / "out", [part])
    assert facts["rows"] == {"depth_comparison": {}}
    assert list((tmp_path / "out" / "data").iterdir()) == []


class _Crash(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.mark.parametrize("existing", [False, True])
def test_every_crash_can_be_completed(tmp_path, parts, monkeypatch, existing):
    """Every call that changes the disk fails once; calling again must give the dataset of an undisturbed run."""

    start = tmp_path / "start"
    _finish(start, parts[:1])
    if not existing:
        shutil.rmtree(start / "data")
    (start / "_SUCCESS").write_text("")

    def prepared(name):
        return shutil.copytree(start, tmp_path / name)

    options = {"existing": existing}
    todo = parts[1:] if existing else parts
    undisturbed = prepared("undisturbed")
    _finish(undisturbed, todo, **options)
    expected, old = _tree(undisturbed), _tree(start)
    names = ["rename", "replace", "unlink", "rmdir", "fsync", "mkdir"]
    originals = {name: getattr(os, name) for name in names}
    originals["fsync"] = lambda descriptor: None  # nothing here can see whether the disk has it
    state: dict[str, int] = {"left": 0, "on": False}

    def failing(name):
        def call(*args, **kwargs):
            if state["on"]:
                if state["left"] == 0:
                    raise _Crash(name)
                state["left"] -= 1
            return originals[name](*args, **kwargs)

        return call

    for name in names:
        monkeypatch.setattr(os, name, failing(name))
    step = 0
    swapped = 0
    while True:
        out = prepared(f"crash{step}")
        state.update(left=step, on=True)
        try:
            _finish(out, todo, **options)
        except _Crash:
            state["on"] = False
        else:
            state["on"] = False
            break
        # What a reader may take for finished is the whole old dataset.
        if (out / "_SUCCESS").exists() and existing:
            assert _tree(out) == old
        if step % 2:
            swapped += recover(out)
        _finish(out, todo, **options)
        assert _tree(out) == expected, f"crash {step}"
        assert not (out / "parts" / ".finish").exists()
        shutil.rmtree(out)
        step += 1
    assert step > 20
    assert swapped > 2, "no crash fell into the swap"


def test_a_full_disk_changes_nothing(tmp_path, parts, monkeypatch):
    out = tmp_path / "out"
    _finish(out, parts[:1])
    before = _tree(out)

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutOfSpace):
            _finish(out, parts[1:], existing=True)
    assert _tree(out) == before
    _finish(out, parts[1:], existing=True)
    assert len(_ids(out)) == 60


def test_frames_are_sorted_by_scene_and_keep_their_order(tmp_path, parts, monkeypatch):
    monkeypatch.setattr(shards, "GROUP_ROWS", 2)
    random.Random(0).shuffle(parts)
    _finish(tmp_path / "out", parts[:2])
    _finish(tmp_path / "out", parts[2:], existing=True)
    rows = pq.read_table(tmp_path / "out" / "frames.parquet").to_pylist()
    found = [(row["scene_id"], row["frame_id"]) for row in rows]
    assert found == [(f"scene000{scene}_00", str(frame)) for scene in range(3) for frame in range(3)]
