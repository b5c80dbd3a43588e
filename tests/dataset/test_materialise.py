from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from spatialgen.dataset import check, markers, read
from spatialgen.dataset.materialise import materialise
from spatialgen.errors import DatasetError, SceneError
from spatialgen.media import images as codec


def _shards(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("data/*/*.parquet"))}


def test_a_materialised_run_equals_an_embedded_one(tmp_path, make_run, scans):
    path_only, embedded = make_run("path"), make_run("embed", embed=True)
    counts = materialise(path_only, scans, out=tmp_path / "copy", workers=2)
    assert counts == {"depth_comparison": 24}
    assert _shards(tmp_path / "copy") == _shards(embedded)
    for row in read.open_rows(tmp_path / "copy"):
        assert check.problems(row) == []
    manifest = read.read_manifest(tmp_path / "copy")
    assert manifest["config"]["images"] == "embed"
    assert manifest["materialised_from"]["images"] == "path"
    assert (tmp_path / "copy" / "frames.parquet").read_bytes() == (path_only / "frames.parquet").read_bytes()
    assert "embedded as JPEG" in (tmp_path / "copy" / "README.md").read_text()
    assert not list(tmp_path.glob(".*"))


def test_there_and_back(tmp_path, make_run, scans):
    embedded, path_only = make_run("embed", embed=True), make_run("path")
    materialise(embedded, out=tmp_path / "back", reverse=True)
    assert _shards(tmp_path / "back") == _shards(path_only)


def test_options_change_the_pixels(tmp_path, make_run, scans):
    run = make_run()
    materialise(run, scans, out=tmp_path / "small", max_side=80, shard_bytes=20_000)
    assert len(_shards(tmp_path / "small")) > 1
    for row in read.open_rows(tmp_path / "small"):
        assert row["embedded_sizes"] == [{"width": 80, "height": 60}]
        assert codec.image_size(row["images"][0]["bytes"]) == (80, 60)
        assert row["image_sizes"] == [{"width": 160, "height": 120}]
    materialise(run, scans, out=tmp_path / "undrawn", draw=False)
    for row in read.open_rows(tmp_path / "undrawn"):
        assert row["marks_drawn"] is False
        assert row["images"][0]["bytes"] == (scans / row["images"][0]["path"]).read_bytes()
        shown = markers.draw(row)[0].astype(int)
        plain = codec.decode_rgb(row["images"][0]["bytes"]).astype(int)
        assert (np.abs(shown - plain).max() > 60) == (row["variant"] == "dot")


def test_a_missing_or_broken_image_stops_it(tmp_path, make_run, scans):
    run = make_run()
    victim = sorted(scans.rglob("*.jpg"))[2]
    data = victim.read_bytes()
    victim.unlink()
    with pytest.raises(DatasetError, match=rf"{victim.name}.*was not found.*root"):
        materialise(run, scans, out=tmp_path / "copy")
    victim.write_bytes(data[: len(data) // 2])
    with pytest.raises(SceneError, match=victim.name):
        materialise(run, scans, out=tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not list(tmp_path.glob(".copy*"))


def test_refusals(tmp_path, make_run, scans):
    run, embedded = make_run(), make_run("embed", embed=True)
    with pytest.raises(DatasetError, match="exists already"):
        materialise(run, scans, out=embedded)
    with pytest.raises(DatasetError, match="has its images already"):
        materialise(embedded, scans, out=tmp_path / "copy")
    with pytest.raises(DatasetError, match="refers to its images already"):
        materialise(run, out=tmp_path / "copy", reverse=True)
    (run / "_SUCCESS").unlink()
    with pytest.raises(DatasetError, match="not finished"):
        materialise(run, scans, out=tmp_path / "copy")


def test_columns_that_are_not_pixels_are_untouched(tmp_path, make_run, scans):
    run = make_run()
    materialise(run, scans, out=tmp_path / "copy", max_side=100)
    same = [
        name
        for name in pq.read_schema(next(run.rglob("data/*/*.parquet"))).names
        if name not in {"images", "marks_drawn", "embedded_sizes"}
    ]
    assert list(read.open_rows(run, columns=same)) == list(read.open_rows(tmp_path / "copy", columns=same))
    assert json.loads((tmp_path / "copy" / "failures.json").read_text()) == []


def test_without_scenes_it_says_to_give_them(tmp_path, make_run):
    with pytest.raises(DatasetError, match="give --scenes"):
        materialise(make_run(), out=tmp_path / "new")
    assert not (tmp_path / "new").exists()
