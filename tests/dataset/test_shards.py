from __future__ import annotations

import errno
import itertools
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spatialgen.dataset import durable, shards
from spatialgen.dataset.schema import SCHEMA
from spatialgen.errors import DatasetError, OutOfSpace


def _big_rows(helpers, count, size, seed=0):
    rng = np.random.default_rng(seed)
    return [
        helpers.make_row(n, images=[{"bytes": rng.bytes(size), "path": "a.jpg"}], embedded_sizes=None)
        for n in range(count)
    ]


def test_round_trip(tmp_path, helpers):
    rows = [helpers.make_row(number) for number in range(5)]
    shards.write_rows(tmp_path / "a.parquet", rows)
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.schema.equals(SCHEMA)
    assert table.to_pylist() == rows
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_write_settings(tmp_path, helpers, monkeypatch):
    monkeypatch.setattr(shards, "GROUP_ROWS", 10)
    shards.write_rows(tmp_path / "a.parquet", _big_rows(helpers, 25, 2_000))
    metadata = pq.ParquetFile(tmp_path / "a.parquet").metadata
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [10, 10, 5]
    for index in range(metadata.num_columns):
        column = metadata.row_group(0).column(index)
        assert column.compression == ("UNCOMPRESSED" if column.path_in_schema.endswith("bytes") else "ZSTD")
        assert column.has_offset_index


def test_row_groups_are_cut_by_size(tmp_path, helpers, monkeypatch):
    monkeypatch.setattr(shards, "GROUP_BYTES", 50_000)
    shards.write_rows(tmp_path / "a.parquet", _big_rows(helpers, 20, 10_000))
    metadata = pq.ParquetFile(tmp_path / "a.parquet").metadata
    assert metadata.num_row_groups >= 5
    assert all(metadata.row_group(i).total_byte_size < 60_000 for i in range(metadata.num_row_groups))


def test_row_sizes_depend_on_values_only(helpers):
    table = shards.table_from_rows(_big_rows(helpers, 12, 500))
    sizes = shards.row_sizes(table)
    assert (shards.row_sizes(table.slice(3, 5)) == sizes[3:8]).all()
    assert (shards.row_sizes(pa.concat_tables([table.slice(0, 4), table.slice(4)])) == sizes).all()
    assert (shards.row_sizes(table.take([7, 2])) == sizes[[7, 2]]).all()
    small = shards.table_from_rows(_big_rows(helpers, 12, 400))
    assert (sizes - shards.row_sizes(small) == 100).all()


def test_bytes_do_not_depend_on_the_pieces(tmp_path, helpers, monkeypatch):
    monkeypatch.setattr(shards, "GROUP_ROWS", 16)
    table = shards.table_from_rows(_big_rows(helpers, 50, 700))
    written = []
    for name, cuts in {"a": [0, 50], "b": [0, 1, 2, 17, 40, 50], "c": [*range(51)]}.items():
        with shards.ShardSequence(tmp_path / name, "train", shard_bytes=60_000) as sequence:
            for start, stop in itertools.pairwise(cuts):
                sequence.write(table.slice(start, stop - start))
            files = sequence.finish()
        assert sum(rows for _, rows in files) == 50
        written.append([(path.name, path.read_bytes()) for path, _ in files])
    assert len(written[0]) > 1
    assert written[0][0][0] == f"train-00000-of-{len(written[0]):05d}.parquet"
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("change", [{"length": 3}, {"id": ...}, {"seed": 0}, {"value": ["a"]}])
def test_rows_must_have_exactly_the_columns(helpers, change):
    row = {name: value for name, value in {**helpers.make_row(), **change}.items() if value is not ...}
    with pytest.raises(ValueError, match=next(iter(change))):
        shards.table_from_rows([row])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("where", ["fsync", "replace", "write"])
def test_a_full_disk_leaves_nothing(tmp_path, helpers, monkeypatch, code, where):
    def full(*args):
        raise OSError(code, os.strerror(code))

    shards.write_rows(tmp_path / "a.parquet", [helpers.make_row(0)])
    before = (tmp_path / "a.parquet").read_bytes()
    if where == "write":

        class Full:
            def __init__(self, stream):
                self._stream = stream

            def __getattr__(self, name):
                return getattr(self._stream, name)

            def write(self, data):
                if self._stream.tell() > 10:
                    full()
                return self._stream.write(data)

        original = shards._open
        monkeypatch.setattr(shards, "_open", lambda stream, schema: original(Full(stream), schema))
    else:
        monkeypatch.setattr(durable.os, where, full)
    with pytest.raises(OutOfSpace) as caught:
        shards.write_rows(tmp_path / "a.parquet", _big_rows(helpers, 40, 2_000))
    assert caught.value.path == str(tmp_path)
    assert (tmp_path / "a.parquet").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_folder_that_is_a_file_is_a_dataset_error(tmp_path, helpers):
    (tmp_path / "out").write_text("")
    with pytest.raises(DatasetError, match="cannot be written"):
        shards.write_rows(tmp_path / "out" / "a.parquet", [helpers.make_row()])
    with pytest.raises(DatasetError, match="cannot be written"):
        shards.ShardSequence(tmp_path / "out", "train")


def test_an_interrupt_leaves_nothing(tmp_path, helpers):
    def interrupted():
        with shards.ShardWriter(tmp_path / "a.parquet") as writer:
            writer.write(shards.table_from_rows([helpers.make_row()]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
