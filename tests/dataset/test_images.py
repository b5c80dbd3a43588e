from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from spatialgen.dataset import images
from spatialgen.errors import DatasetError
from spatialgen.media import images as codec


def _encoded(width=160, height=120):
    rng = np.random.default_rng(1)
    return codec.encode_jpeg(rng.integers(0, 255, (height, width, 3), np.uint8), 95)


def _embed(data, points=(), **changes):
    options = {"native_size": (160, 120), "max_side": None, "quality": 90, "draw": True, **changes}
    return images.embed(data, points, [], **options)


def test_an_untouched_jpeg_passes_through():
    data = _encoded()
    assert _embed(data) == (data, (160, 120))
    assert _embed(data, max_side=160)[0] is data


def test_marks_size_and_format_make_a_new_jpeg(helpers):
    points = helpers.make_row()["points"]
    data = _encoded()
    assert _embed(data, points)[0] != data
    assert _embed(data, points, draw=False)[0] == data
    small, size = _embed(data, points, max_side=80)
    assert size == (80, 60) == codec.image_size(small)
    png, size = _embed(codec.encode_png(codec.decode_rgb(data)))
    assert codec.is_jpeg(png)
    assert size == (160, 120)


def test_marks_keep_their_place_when_the_image_is_reduced(helpers):
    point = {**helpers.make_row()["points"][0], "x": 400.0, "y": 240.0, "label": None}
    flat = codec.encode_jpeg(np.full((480, 640, 3), 128, np.uint8), 95)
    stored, size = _embed(flat, [point], native_size=(640, 480), max_side=320, quality=95)
    small = codec.decode_rgb(stored).astype(int)
    rows, columns = np.nonzero(small[..., 0] - small[..., 1] > 100)
    assert size == (320, 240)
    assert abs(columns.mean() - 199.75) < 0.3
    assert abs(rows.mean() - 119.75) < 0.3


def test_a_turned_photo_is_stored_as_its_raster():
    # `datasets` would turn it by its EXIF entry, and every coordinate of the row would be off.
    picture = Image.open(io.BytesIO(_encoded()))
    for orientation, same in ((1, True), (6, False)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        stream = io.BytesIO()
        picture.save(stream, "JPEG", exif=exif)
        stored, size = _embed(stream.getvalue())
        assert size == (160, 120)
        assert (stored == stream.getvalue()) is same
        assert Image.open(io.BytesIO(stored)).getexif().get(0x0112, 1) == 1


def test_another_size_than_stated_is_refused():
    with pytest.raises(DatasetError, match="160 x 120, the row says 320 x 240"):
        _embed(_encoded(), native_size=(320, 240), source="a.jpg")


def test_resolve_fills_bytes_from_the_first_root_that_has_the_file(tmp_path, scans, helpers):
    row = helpers.make_row()
    filled = images.resolve(row, [tmp_path / "elsewhere", scans])
    assert filled["images"][0]["bytes"] == (scans / row["images"][0]["path"]).read_bytes()
    assert row["images"][0]["bytes"] is None
    assert images.resolve(filled, tmp_path / "elsewhere") == filled


def test_a_missing_image_names_reference_and_place(tmp_path, helpers):
    with pytest.raises(DatasetError, match=r"posed_images/scene0000_00/00000.jpg.*looked in .*nowhere.*root"):
        images.resolve(helpers.make_row(), tmp_path / "nowhere")


@pytest.mark.parametrize("reference", ["/etc/hostname", "../secret.jpg", "a/../../b.jpg", ""])
def test_references_cannot_leave_the_root(scans, reference):
    with pytest.raises(DatasetError, match="not a path inside"):
        images.read(reference, scans)
