from __future__ import annotations

import pytest

from spatialgen.dataset.card import dataset_card

yaml = pytest.importorskip("yaml")


def _header(text):
    _, header, body = text.split("---\n", 2)
    return yaml.safe_load(header), body


def test_header_has_one_configuration_a_task(helpers):
    manifest = helpers.make_manifest(
        {"scene0000_00": {"depth_comparison": 600, "no": 3}, "scene0001_00": {"depth_comparison": 600}}
    )
    manifest["scenes"]["scene0001_00"]["split"] = "val"
    header, _ = _header(dataset_card(manifest))
    assert header["configs"] == [
        {
            "config_name": "depth_comparison",
            "default": True,
            "data_files": [
                {"split": "train", "path": "data/depth_comparison/train-*.parquet"},
                {"split": "val", "path": "data/depth_comparison/val-*.parquet"},
            ],
        },
        # A task called "no" stays text.
        {"config_name": "no", "data_files": [{"split": "train", "path": "data/no/train-*.parquet"}]},
    ]
    assert header["size_categories"] == ["1K<n<10K"]
    assert header["task_categories"] == ["visual-question-answering"]
    assert header["annotations_creators"] == ["machine-generated"]
    assert header["license"] == "other"


def test_body_tells_counts_reasons_and_terms(helpers):
    text = dataset_card(helpers.make_manifest({"scene0000_00": {"depth_comparison": 1200}}))
    assert "| depth_comparison | train | 1,200 |" in text
    assert "| depth_comparison | points too close in depth | 7 |" in text
    assert "ScanNet Terms of Use" in text
    assert "spatialgen materialise" in text
    assert '"images": "path"' in text


def test_many_scenes_are_cut_and_none_is_said(helpers):
    text = dataset_card(helpers.make_manifest({f"scene{i:04d}_00": {"depth_comparison": 1} for i in range(100)}))
    assert "and 60 more" in text
    header, body = _header(dataset_card(helpers.make_manifest({})))
    assert "configs" not in header
    assert "There are none." in body


def test_datasets_loads_a_run_by_its_card(make_run, tmp_path):
    datasets = pytest.importorskip("datasets")
    run = make_run(embed=True)
    loaded = datasets.load_dataset(str(run), "depth_comparison", split="train", cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == 24
    assert loaded[0]["images"][0].size == (160, 120)


@pytest.mark.parametrize("embed", [True, False])
def test_the_code_on_the_card_runs(make_run, embed, monkeypatch, tmp_path, capsys):
    pytest.importorskip("datasets")
    run = make_run(embed=embed)
    code = (run / "README.md").read_text().split("```python\n")[1].split("```")[0]
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(run)
    names: dict = {}
    exec(code, names)
    assert "'role': 'user'" in capsys.readouterr().out
    image = names["rows"][0]["images"][0]
    if embed:
        assert image.size == (160, 120)
    else:
        assert image["bytes"] is None
        assert image["path"].startswith("posed_images/scene000")
