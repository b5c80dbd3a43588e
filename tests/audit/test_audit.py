from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spatialgen.audit import audit
from spatialgen.dataset import read, shards
from spatialgen.dataset.schema import SCHEMA
from spatialgen.errors import DatasetError


def _change(run, change):
    """Rewrites the only shard with changed rows."""
    (path,) = read.shards(run)
    rows = pq.read_table(path).to_pylist()
    change(rows)
    shards.write_table(path, pa.Table.from_pylist(rows, schema=SCHEMA))
    return rows


def test_a_good_run(make_run):
    run = make_run(embed=True)
    report = audit(run)
    found = report.to_dict()
    assert report.ok
    assert found["rows"] == 24
    task = found["tasks"]["depth_comparison"]
    assert {(g["split"], g["variant"], g["polarity"]): g["rows"] for g in task["groups"]} == {
        ("train", variant, ask): 6 for variant in ("dot", "coord") for ask in ("closer", "farther")
    }
    assert task["answers"] == {"A": 12, "B": 12}
    assert task["letter_imbalance"]["difference"] == 0
    assert task["polarity_imbalance"]["difference"] == 0
    assert [entry["unit"] for entry in task["values"]] == ["m", "m"]
    assert task["values"][0]["min"] == pytest.approx(1.0)
    assert task["values"][1]["max"] == pytest.approx(2.72)
    assert task["templates"] == 4
    assert found["skips"] == {"depth_comparison": {"points too close in depth": 14, "mark not on a stable surface": 4}}
    assert found["images"] == {"embedded": 24, "decoded": 24, "undecodable": []}
    assert json.loads(report.to_json()) == found


def test_the_table_says_the_same(make_run):
    text = audit(make_run()).format_table()
    assert "24 rows of 1 task\n" in text
    assert "points too close in depth" in text
    assert text.endswith("no problem found")


def test_imbalance_is_found_with_its_scene(make_run):
    def all_same(rows):
        for row in rows:
            if row["scene_id"] == "scene0001_00":
                row["answer_index"] = 0

    run = make_run()
    _change(run, all_same)
    report = audit(run)
    worst = report.tasks["depth_comparison"]["letter_imbalance"]
    assert worst["difference"] == 12
    assert worst["scene"] == "scannet/scene0001_00"
    assert not report.ok
    (found,) = (one for one in report.imbalances if one["what"] == "true options")
    assert found["counts"] == {"A": 12, "B": 0}
    assert "true options of scene scannet/scene0001_00 are uneven: A 12, B 0" in report.format_table()
    assert report.format_table().endswith("problems found")


@pytest.mark.parametrize(
    ("what", "change", "counts"),
    [
        ("variants", lambda row: row.update(variant="coord"), {"coord": 12, "dot": 0}),
        ("ways of asking", lambda row: row.update(evidence='{"ask": "closer"}'), {"closer": 12, "farther": 0}),
    ],
)
def test_uneven_scenes_are_a_problem_and_a_difference_of_one_is_none(make_run, what, change, counts):
    def change_scene(rows, some):
        for row in [row for row in rows if row["scene_id"] == "scene0001_00"][:some]:
            change(row)

    run = make_run()
    _change(run, lambda rows: change_scene(rows, None))
    assert {
        "task": "depth_comparison",
        "what": what,
        "difference": 12,
        "scene": "scannet/scene0001_00",
        "counts": counts,
    } in (audit(run).imbalances)
    odd = make_run("odd", per_scene=13)
    assert audit(odd).imbalances == []


def test_names_and_boxes_cannot_be_made_even(make_run):
    def one_box(rows):
        rows[0].update(variant="box")

    run = make_run()
    _change(run, lambda rows: [row.update(variant="name") for row in rows[1:]])
    _change(run, one_box)
    assert [one for one in audit(run).imbalances if one["what"] == "variants"] == []


BROKEN = {
    "non-finite": (lambda row: row.update(value=[float("inf"), 2.0]), "value[0] is inf"),
    "placeholders": (lambda row: row["messages"][0].update(content=row["question"]), "0 <image> for 1 images"),
    "answer": (lambda row: row.update(answer_short="Z", answer="Z"), "is not the answer"),
    "evidence": (lambda row: row.update(evidence="{"), "evidence is no JSON"),
    "null": (lambda row: row.update(points=None), "points is null"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_rows_are_counted_by_rule(make_run, name):
    change, expected = BROKEN[name]
    run = make_run()
    rows = _change(run, lambda rows: [change(row) for row in rows[3:5]])
    report = audit(run)
    assert not report.ok
    (found,) = (entry for entry in report.problems.values() if expected in entry["example"])
    assert found["rows"] == 2
    assert found["ids"] == [rows[3]["id"], rows[4]["id"]]
    assert "problems found" in report.format_table()


def test_duplicates_and_undecodable_images(make_run):
    def break_two(rows):
        rows[1]["id"] = rows[0]["id"]
        rows[2]["images"][0]["bytes"] = rows[2]["images"][0]["bytes"][:500]
        rows[3]["embedded_sizes"][0]["width"] = 99

    run = make_run(embed=True)
    rows = _change(run, break_two)
    report = audit(run, image_sample=None)
    assert report.duplicates == [rows[0]["id"]]
    assert [one["id"] for one in report.images["undecodable"]] == [rows[2]["id"], rows[3]["id"]]
    assert "duplicate id" in report.format_table()


def test_an_unfinished_run_is_refused(make_run):
    run = make_run()
    (run / "_SUCCESS").unlink()
    with pytest.raises(DatasetError, match="not finished"):
        audit(run)
