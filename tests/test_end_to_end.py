"""The main job as a user runs it: scenes on disk, one command, rows that any trainer loads."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from spatialgen import synth
from spatialgen.cli import cli
from spatialgen.dataset.check import problems
from spatialgen.dataset.read import open_rows
from spatialgen.dataset.schema import SCHEMA

TASKS = ("depth_comparison", "depth_estimation")


def run(*arguments: object) -> None:
    result = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr


@pytest.fixture(scope="module")
def scenes(built_once: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes") / "s"
    synth.generate(root, scenes=2, frames=10, color_size=(640, 480))
    return root


@pytest.fixture(scope="module")
def dataset(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "d"
    run("run", *TASKS, "--scenes", scenes, "--out", out, "--per-scene", 41, "--workers", 2)
    return out


def test_every_row_keeps_the_rules(dataset: Path) -> None:
    rows = list(open_rows(dataset))
    assert len(rows) == 2 * 2 * 41
    found = {row["id"]: wrong for row in rows if (wrong := problems(row))}
    assert not found
    assert len({row["id"] for row in rows}) == len(rows)


def test_balance_holds_in_every_scene(dataset: Path) -> None:
    counts: dict[tuple[str, str, str], Counter] = defaultdict(Counter)
    for row in open_rows(dataset):
        place = (row["scene_id"], row["task"])
        counts[*place, "variant"][row["variant"]] += 1
        if row["task"] == "depth_comparison":
            counts[*place, "letter"][row["answer_index"]] += 1
            counts[*place, "ask"][json.loads(row["evidence"])["ask"]] += 1
    for key, values in counts.items():
        assert len(values) == 2, key
        assert abs(np.diff(list(values.values()))[0]) <= 1, (key, values)


def test_trainers_loader_gives_images_with_their_marks(dataset: Path, scenes: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    from spatialgen.dataset.images import read
    from spatialgen.media.images import decode_rgb

    rows = datasets.load_dataset(
        "parquet",
        data_files=str(dataset / "data" / "depth_comparison" / "*.parquet"),
        split="train",
        cache_dir=str(tmp_path),
    )
    assert rows.features["images"].feature.__class__.__name__ == "Image"
    drawn = 0
    paths = pq.read_table(next((dataset / "data" / "depth_comparison").glob("*.parquet")), columns=["images"])
    for row, stored in zip(rows, paths["images"].to_pylist(), strict=True):
        (picture,) = row["images"]
        pixels = np.asarray(picture.convert("RGB")).astype(int)
        assert pixels.shape == (480, 640, 3)
        plain = decode_rgb(read(stored[0]["path"], scenes)).astype(int)
        changed = np.abs(pixels - plain).max(axis=2) > 40
        for point in row["points"]:
            x, y = round(point["x"]), round(point["y"])
            if row["variant"] == "dot":
                assert row["marks_drawn"]
                wanted = [int(point["color"][k : k + 2], 16) for k in (1, 3, 5)]
                assert np.abs(pixels[y, x] - wanted).max() < 40
                drawn += 1
            else:
                assert not row["marks_drawn"]
                assert not changed[y, x]
    assert drawn >= 60


def test_shards_have_the_schema_and_the_card_lists_them(dataset: Path) -> None:
    for shard in (dataset / "data").rglob("*.parquet"):
        file = pq.ParquetFile(shard)
        assert file.schema_arrow.equals(SCHEMA)
        assert b"huggingface" in file.schema_arrow.metadata
    card = (dataset / "README.md").read_text()
    assert card.startswith("---\n")
    assert 'config_name: "depth_comparison"' in card
    frames = pq.read_table(dataset / "frames.parquet")
    assert set(frames["scene_id"].to_pylist()) == {"scene0000_00", "scene0001_00"}


def test_path_only_rows_and_materialise_give_the_embedded_dataset(dataset: Path, scenes: Path, tmp_path: Path) -> None:
    run(
        "run", *TASKS, "--scenes", scenes, "--out", tmp_path / "p",
        "--per-scene", 41, "--images", "path", "--workers", 0,
    )  # fmt: skip
    run("materialise", tmp_path / "p", "--scenes", scenes, "--out", tmp_path / "m")
    embedded = {row["id"]: row for row in open_rows(dataset)}
    for row in open_rows(tmp_path / "m"):
        other = embedded[row["id"]]
        row["config_hash"] = other["config_hash"]  # the one thing that may differ
        assert row == other


def test_audit_finds_nothing_wrong(dataset: Path) -> None:
    result = CliRunner().invoke(cli, ["audit", str(dataset), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    json.loads(result.stdout)


def test_both_layouts_give_the_same_questions(scenes: Path, dataset: Path, tmp_path: Path) -> None:
    synth.generate(tmp_path / "posed", format="posed_images", scenes=1, frames=10, color_size=(640, 480))
    run(
        "run", *TASKS, "--scenes", tmp_path / "posed", "--out", tmp_path / "d",
        "--per-scene", 41, "--images", "path", "--workers", 0,
    )  # fmt: skip
    theirs = {row["id"]: row["value"] for row in open_rows(dataset) if row["scene_id"] == "scene0000_00"}
    mine = {row["id"]: row["value"] for row in open_rows(tmp_path / "d")}
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        assert value == pytest.approx(theirs[name], abs=1e-4)
