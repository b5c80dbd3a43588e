from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from spatialgen.errors import ConfigError, SpatialgenError, UnknownName
from spatialgen.pipeline.config import make_config, parse_settings, read_config_file

TASKS = ["depth_comparison", "depth_estimation"]


def test_names_of_all_kinds_resolve_to_tasks() -> None:
    for wanted in (["multispa/depth_comparison"], ["depth_comparison", "depth_comparison"]):
        assert make_config(wanted).tasks == ("depth_comparison",)
    config = make_config(["multispa"])
    assert set(TASKS) <= set(config.tasks)
    assert {spec.name for spec in config.specs} == {name.rpartition("/")[2] for name in config.tasks}


def test_equal_configurations_have_equal_hashes_and_travel_between_processes() -> None:
    config = make_config(TASKS, {"depth_comparison": {"gap": "0.2"}}, seed=3)
    same = make_config(reversed(TASKS), {"depth_comparison": {"gap": 0.2}}, seed=3)
    assert config.config_hash == same.config_hash
    assert len(config.config_hash) == 16
    travelled = pickle.loads(pickle.dumps(config))
    assert travelled == config
    assert travelled.config_hash == config.config_hash


@pytest.mark.parametrize(
    "options",
    [
        {"seed": 1},
        {"variants": "dot"},
        {"forms": ["choice"]},
        {"preset": "multispa"},
        {"labels": "nyu40"},
        {"images": "path"},
        {"draw": False},
        {"max_side": 64},
        {"jpeg_quality": 91},
        {"per_scene": 99},
        {"max_rows": 5},
        {"frames": "every:2"},
        {"settings": {"depth_comparison": {"gap": 0.2}}},
    ],
)
def test_everything_that_changes_rows_changes_the_hash(options: dict) -> None:
    assert make_config(TASKS, **options).config_hash != make_config(TASKS).config_hash


def test_the_hash_covers_wording_engines_and_label_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = make_config(TASKS)
    engine = plain.engines[0][0]
    with monkeypatch.context() as patched:
        patched.setattr(type(engine), "version", "another")
        assert make_config(TASKS).config_hash != plain.config_hash
    labels = tmp_path / "labels.tsv"
    labels.write_text("chair\tseat\n")
    first = make_config(TASKS, labels=str(labels)).config_hash
    moved = tmp_path / "moved.tsv"
    moved.write_text("chair\tseat\n")
    assert make_config(TASKS, labels=str(moved)).config_hash == first
    labels.write_text("chair\tthrone\n")
    assert make_config(TASKS, labels=str(labels)).config_hash != first


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depth_comparisom": {"gap": 1}}, "did you mean depth_comparison"),
        ({"depth_comparison": {"gab": 1}}, "did you mean gap"),
        ({"depth_comparison": {"gap": "wide"}}, r"depth_comparison\.gap"),
        ({"depth_comparison": {"gap": -1}}, r"depth_comparison\.gap"),
    ],
)
def test_wrong_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(SpatialgenError, match=message):
        make_config(["depth_comparison"], settings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_side": 3}, "max_side"),
        ({"jpeg_quality": 0}, "jpeg_quality"),
        ({"per_scenes": 3}, "did you mean per_scene"),
        ({"forms": ["chose"]}, "did you mean choice"),
        ({"preset": "multispace"}, "did you mean multispa"),
        ({"lang": "xx"}, "xx"),
        ({"images": "embedded"}, "images"),
    ],
)
def test_wrong_options_are_named(options: dict, message: str) -> None:
    with pytest.raises(SpatialgenError, match=message):
        make_config(["depth_comparison"], **options)


def test_no_task_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no task"):
        make_config([])


def test_settings_are_parsed() -> None:
    texts = ["depth.gap=0.2", "depth.bins=[1, 2]", "depth.name=a=b", "multispa/other.flag=true"]
    assert parse_settings(texts) == {
        "depth": {"gap": "0.2", "bins": [1, 2], "name": "a=b"},
        "multispa/other": {"flag": "true"},
    }
    for wrong in ("gap=2", "depth.gap", "depth.=3", ".gap=3", "depth.bins=[1"):
        with pytest.raises(ConfigError, match="--set"):
            parse_settings([wrong])


def test_a_config_file_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    known = ["per-scene", "seed", "set", "tasks"]
    file.write_text("per-scene = 5\ntasks = ['a']\n[set.depth_comparison]\ngap = 0.2\n")
    assert read_config_file(file, known) == {
        "per-scene": 5,
        "tasks": ["a"],
        "set": {"depth_comparison": {"gap": 0.2}},
    }
    for text, message in (
        ("per-scen = 5", "did you mean per-scene"),
        ("per_scene = 5", "did you mean per-scene"),
        ("seed = ", "not TOML"),
        ("set = 3", "tables"),
        ("[set]\ngap = 3", "tables"),
    ):
        file.write_text(text)
        with pytest.raises(SpatialgenError, match=message):
            read_config_file(file, known)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config_file(tmp_path / "nothing.toml", known)


def test_an_option_of_the_wrong_engine_is_refused_where_it_has_no_effect() -> None:
    with pytest.raises(UnknownName, match="engine in this run"):
        make_config(["depth_comparison"], {"depth_estimation": {"nearest": 1.0}})
