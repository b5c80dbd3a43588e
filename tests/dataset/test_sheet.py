from __future__ import annotations

import html
import re

import numpy as np
import pytest

from spatialgen.dataset import read
from spatialgen.dataset.sheet import contact_sheet, pick_rows, review_images
from spatialgen.errors import ConfigError, DatasetError
from spatialgen.media import images as codec


def test_rows_are_spread_and_chosen_without_chance(make_run):
    run = make_run()
    chosen = pick_rows(run, 8)
    assert [row["id"] for row in chosen] == [row["id"] for row in pick_rows(run, 8)]
    assert {row["scene_id"] for row in chosen} == {"scene0000_00", "scene0001_00"}
    assert [row["variant"] for row in chosen] == ["coord"] * 4 + ["dot"] * 4
    assert {row["answer_index"] for row in chosen} == {0, 1}
    assert len(pick_rows(run, 100)) == 24


def test_picture(make_run, tmp_path):
    run = make_run(embed=True)
    ids = contact_sheet(run, tmp_path / "sheet.png", rows=5)
    first = (tmp_path / "sheet.png").read_bytes()
    picture = codec.decode_rgb(first)
    assert len(ids) == len(set(ids)) == 5
    assert picture.shape[1] > 1500
    answer_green = (np.abs(picture.astype(int) - (10, 125, 51)).max(axis=-1) < 6).sum()
    assert answer_green > 50, "no answer is written"
    contact_sheet(run, tmp_path / "sheet.png", rows=5)
    assert (tmp_path / "sheet.png").read_bytes() == first


def test_page_is_whole_and_escaped(make_run, tmp_path, scans):
    run = make_run()
    ids = contact_sheet(run, tmp_path / "sheet.html", rows=4, root=scans)
    text = (tmp_path / "sheet.html").read_text()
    rows = {row["id"]: row for row in read.open_rows(run)}
    for one in ids:
        assert html.escape(rows[one]["question"]) in text
        assert one in text
    assert len(re.findall(r"src=\"data:image/jpeg;base64,", text)) == 4
    assert "<script" not in text
    assert "http" not in text
    assert "depth_mesh" in text


def test_coordinates_get_rings_that_leave_the_pixel_free(helpers, scans):
    row = helpers.make_row(0, variant="coord", root=scans)
    shown, plain = review_images(row)[0], codec.decode_rgb(row["images"][0]["bytes"])
    point = row["points"][0]
    x, y = round(point["x"]), round(point["y"])
    assert (shown[y, x] == plain[y, x]).all()
    assert (shown != plain).any()


def test_refusals(make_run, tmp_path):
    run = make_run()
    with pytest.raises(DatasetError, match="--scenes"):
        contact_sheet(run, tmp_path / "a.png")
    with pytest.raises(ConfigError, match="neither"):
        contact_sheet(run, tmp_path / "a.pdf")
    with pytest.raises(ConfigError, match="0 rows"):
        contact_sheet(run, tmp_path / "a.png", rows=0)
