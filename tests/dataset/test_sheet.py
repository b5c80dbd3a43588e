from __future__ import annotations

import html
import re

import numpy as np
import pytest

from spatialgen.dataset import read
from spatialgen.dataset.sheet import contact_sheet, pick_rows, review_images
from spatialgen.dataset.sheet_picture import picture
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


def test_each_form_is_shown_before_a_second_row_of_one(make_run, monkeypatch):
    run = make_run()
    columns = ("id", "task", "variant", "form", "dataset", "scene_id", "answer_index", "evidence")
    rows = [dict(row) for row in read.open_rows(run, None, columns)]
    for number, row in enumerate(sorted(rows, key=lambda row: row["id"])):
        row["form"] = ("fill", "select", "sentence")[min(number // 10, 2)]  # ten, ten and four rows
    forms = {row["id"]: row["form"] for row in rows}
    with monkeypatch.context() as patch:
        patch.setattr(read, "open_rows", lambda *_: rows)
        assert {forms[row["id"]] for row in pick_rows(run, 3)} == {"fill", "select", "sentence"}
        assert [forms[row["id"]] for row in pick_rows(run, 12)].count("sentence") == 4


def test_places_that_only_texts_name_are_shown_and_the_marks_stay(helpers, scans):
    """An answer's box has no colour: the row's own image is without it, the reviewer's has it dashed."""
    row = helpers.make_row(0, variant="dot", root=scans)
    native = row["image_sizes"][0]
    box = {"image": 0, "x1": 20.5, "y1": 20.5, "x2": 100.5, "y2": 80.5, "color": None, "label": None, "role": "answer"}
    with_marks, shown = review_images(row)[0], review_images(row | {"boxes": [box]})[0]
    across, down = with_marks.shape[1] / native["width"], with_marks.shape[0] / native["height"]
    changed = (shown != with_marks).any(axis=-1)
    assert changed[round(20 * down) - 2 : round(81 * down) + 2, round(20 * across) - 2 : round(101 * across) + 3].any()
    edge = changed[:, round(21 * across)][round(21 * down) : round(81 * down)]
    assert edge.any(), "the box is not drawn"
    assert not edge.all(), "a dashed line has gaps"
    again = review_images(row | {"boxes": [box | {"color": "#ff1f1f"}]})[0]
    assert (again != shown).any(), "a mark of the row is drawn through"


def test_an_answer_that_is_a_place_gets_a_ring(helpers, scans):
    row = helpers.make_row(0, variant="dot", root=scans) | {"variant": "name", "points": [], "boxes": []}
    plain = review_images(row | {"units": ["m"], "value": [1.0]})[0]
    shown = review_images(row | {"units": ["px", "px", "m"], "value": [60.0, 40.0, 1.5]})[0]
    changed = np.argwhere((shown != plain).any(axis=-1))
    assert len(changed)
    assert (shown[40, 60] == plain[40, 60]).all()


def test_videos_show_every_image_numbered_and_the_marked_ones_large():
    """32 images of one grey each: all stand on the card, those with a mark a second time and larger."""
    greys = [np.full((30, 40, 3), 4 * number + 60, np.uint8) for number in range(32)]
    row = {
        "suite": "spar", "task": "video", "form": "fill", "variant": "dot", "dataset": "d", "scene_id": "s", "id": "0",
        "question": "How far?", "options": None, "answer": "1.5", "value": [1.5], "units": ["m"],
        "points": [{"image": 3}, {"image": 20}], "boxes": [],
    }  # fmt: skip
    sheet = picture([(row, greys)])
    area = [int((sheet == 4 * number + 60).all(axis=-1).sum()) for number in range(32)]
    plain = area[0]
    assert plain > 150 * 100
    assert all(number in {3, 20} or abs(count - plain) < 0.1 * plain for number, count in enumerate(area))
    assert min(area[3], area[20]) > 3 * plain
    several = picture([(row, greys[:3]), (row, greys[:1])])
    assert several.shape[1] == sheet.shape[1]
    assert picture([(row, greys[:2])]).shape[1] < sheet.shape[1] / 2


def test_refusals(make_run, tmp_path):
    run = make_run()
    with pytest.raises(DatasetError, match="--scenes"):
        contact_sheet(run, tmp_path / "a.png")
    with pytest.raises(ConfigError, match="neither"):
        contact_sheet(run, tmp_path / "a.pdf")
    with pytest.raises(ConfigError, match="0 rows"):
        contact_sheet(run, tmp_path / "a.png", rows=0)
