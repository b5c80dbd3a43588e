from __future__ import annotations

import pytest

from spatialgen.dataset import read
from spatialgen.errors import DatasetError, UnknownName


def test_rows_come_in_shard_order_with_the_columns_asked_for(make_run):
    run = make_run()
    rows = list(read.open_rows(run, "depth_comparison", ["id", "question"]))
    assert len(rows) == 24
    assert set(rows[0]) == {"id", "question"}
    assert [row["id"] for row in read.open_rows(run)] == [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path / "nothing", "no such folder"),
        (lambda path: path, "not a run directory"),
        (lambda path: (path / "parts").mkdir() or path, r"has not finished.*same command again"),
    ],
)
def test_other_folders_are_refused(tmp_path, make, message):
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(DatasetError, match=message):
        list(read.open_rows(make(folder)))


def test_unknown_tasks_get_near_names(make_run):
    with pytest.raises(UnknownName, match="did you mean depth_comparison"):
        list(read.open_rows(make_run(), "depth_comparisons"))


def test_broken_files_are_named(make_run):
    run = make_run()
    shard = read.shards(run)[0]
    data = shard.read_bytes()
    shard.write_bytes(data[:200])
    with pytest.raises(DatasetError, match=shard.name):
        list(read.open_rows(run))
    # Bytes of a page destroyed, footer whole.
    shard.write_bytes(data[:4] + bytes(len(data) // 2) + data[4 + len(data) // 2 :])
    with pytest.raises(DatasetError, match=shard.name):
        list(read.open_rows(run))
    (run / "manifest.json").write_text("{")
    with pytest.raises(DatasetError, match=r"manifest\.json"):
        read.read_manifest(run)
