from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pytest

from spatialgen.dataset import markers, schema, shards

datasets = pytest.importorskip("datasets")

DESIGN = [
    "id",
    "suite",
    "task",
    "variant",
    "form",
    "split",
    "dataset",
    "scene_id",
    "scene_group",
    "frame_ids",
    "images",
    "marks_drawn",
    "image_sizes",
    "embedded_sizes",
    "messages",
    "question",
    "answer",
    "answer_short",
    "answer_type",
    "value",
    "units",
    "options",
    "answer_index",
    "points",
    "boxes",
    "objects",
    "margin",
    "overlap",
    "occlusion",
    "difficulty",
    "slots",
    "evidence",
    "template",
    "engine",
    "engine_version",
    "config_hash",
    "seed",
]


@pytest.mark.parametrize("ours", [schema.SCHEMA, schema.FRAMES_SCHEMA], ids=["rows", "frames"])
def test_declared_features_equal_the_arrow_fields(ours):
    # `datasets` silently drops Image where the declared field and the stored one are not equal.
    features = datasets.Features.from_arrow_schema(ours)
    assert features.arrow_schema.equals(ours)
    assert json.loads(features.arrow_schema.metadata[b"huggingface"]) == json.loads(ours.metadata[b"huggingface"])


def test_columns_are_the_documented_ones_in_order():
    assert schema.SCHEMA.names == DESIGN
    assert datasets.Features.from_arrow_schema(schema.SCHEMA)["images"] == datasets.List(datasets.Image())


def _leaves(kind):
    if pa.types.is_list(kind):
        yield from _leaves(kind.value_type)
    elif pa.types.is_struct(kind):
        for field in kind:
            assert field.nullable
            yield from _leaves(field.type)
    else:
        yield kind


def test_no_large_types_and_everything_nullable():
    for field in [*schema.SCHEMA, *schema.FRAMES_SCHEMA]:
        assert field.nullable
        assert field.name != "length"
        for kind in _leaves(field.type):
            assert not str(kind).startswith("large_")
    assert str(schema.SCHEMA.field("seed").type) == "string"


def test_datasets_decodes_the_images_with_their_marks(tmp_path, scans, helpers):
    rows = [helpers.make_row(number, root=scans) for number in range(4)]
    path = tmp_path / "train-00000-of-00001.parquet"
    shards.write_rows(path, rows)
    loaded = datasets.load_dataset("parquet", data_files=str(path), cache_dir=str(tmp_path / "cache"), split="train")
    for row, original in zip(loaded, rows, strict=True):
        image = row["images"][0]
        assert image.size == (helpers.WIDTH, helpers.HEIGHT)
        point = original["points"][0]
        near = np.asarray(image.convert("RGB"))[round(point["y"]), round(point["x"])].astype(int)
        assert np.abs(near - (255, 31, 31)).max() < 40, "the red mark is not in the pixels"
        assert row["messages"] == original["messages"]
        assert row["value"] == original["value"]
        assert row["points"] == original["points"]


def test_palette_colours_are_far_apart():
    lab = markers._palette_lab()
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    assert apart[~np.eye(len(lab), dtype=bool)].min() > 25


def test_version_is_in_every_file(helpers):
    sink = io.BytesIO()
    pa.parquet.write_table(shards.table_from_rows([helpers.make_row()]), sink)
    assert pa.parquet.read_schema(sink).metadata[schema.VERSION_KEY] == schema.SCHEMA_VERSION.encode()
