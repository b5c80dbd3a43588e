from __future__ import annotations

import logging
from collections import namedtuple
from pathlib import Path

import pytest

from spatialgen import scene_io
from spatialgen.errors import ConfigError, SceneError, UnknownName
from spatialgen.pipeline import plan
from spatialgen.pipeline.config import make_config
from spatialgen.scene_io import Reader, SceneRef, SceneSummary


class FakeReader(Reader):
    """Scenes by path: ``{path: [(id, split), …]}``; every path is a root."""

    name = "fake"
    summary = "Made up."
    layouts = ("<anything>",)
    provides = frozenset({"image"})

    def __init__(self, content: dict[str, list[tuple[str, str | None]]]) -> None:
        self.content = content

    def detect(self, path: Path) -> Path | None:
        return path if str(path) in self.content else None

    def scenes(self, path: Path, **options) -> tuple[SceneRef, ...]:
        self.options = options
        return tuple(SceneRef(name, "made", name, path, "fake", split) for name, split in self.content[str(path)])

    def summary_of(self, ref: SceneRef) -> SceneSummary:
        if ref.id == "broken":
            raise SceneError("is cut short", path="x")
        return SceneSummary(1000, 640, 480, 40_000)

    def read(self, ref: SceneRef, *, labels: str = "raw"):
        raise AssertionError("planning reads no scene")


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> FakeReader:
    fake = FakeReader(
        {
            "/lists": [("a", "train"), ("b", "val"), ("c", "train")],
            "/plain": [("d", None), ("e", None)],
            "/again": [("d", None)],
            "/val": [("f", "val")],
            "/partly": [("g", "train"), ("h", "val"), ("i", None), ("j", None)],
            "/only_val": [("k", "val"), ("l", None)],
            "/test_scans": [("m", None), ("n", "test")],
        }
    )
    monkeypatch.setattr(scene_io, "detect", lambda path, _format: (fake, path))
    monkeypatch.setattr(scene_io, "load", lambda name: fake)
    return fake


def ids(*paths: str, **options) -> list[str]:
    return [ref.id for ref in plan.find_scenes([Path(path) for path in paths], **options)]


def test_splits(reader: FakeReader) -> None:
    assert ids("/lists") == ["a", "c"]
    assert ids("/lists", split="val") == ["b"]
    assert ids("/lists", split="all") == ["a", "b", "c"]
    assert ids("/plain") == ["d", "e"]
    assert ids("/plain", "/lists") == ["a", "c", "d", "e"]
    with pytest.raises(UnknownName, match="did you mean val"):
        ids("/lists", split="vall")
    with pytest.raises(
        ConfigError, match=r"/plain: no official split lists .*--split train or all.*scannetv2_val\.txt"
    ):
        ids("/plain", split="val")
    with pytest.raises(ConfigError, match="/plain: no official split lists"):
        ids("/lists", "/plain", split="val")
    with pytest.raises(ConfigError, match=r"no scene of split 'train' \(there are 1 of val\)"):
        ids("/val")


def test_scenes_in_no_list_belong_to_no_split(reader: FakeReader, caplog: pytest.LogCaptureFixture) -> None:
    for split, expected in (("train", ["g"]), ("val", ["h"])):
        caplog.clear()
        assert ids("/partly", split=split) == expected
        assert "2 scenes are in no official list of /partly and left out" in caplog.text
    assert ids("/partly", split="all") == ["g", "h", "i", "j"]
    assert ids("/only_val", split="val") == ["k"]
    with pytest.raises(ConfigError, match=r"no scene of split 'train' \(there are 1 of val, 1 in no official list\)"):
        ids("/only_val")
    with pytest.raises(ConfigError, match=r"no scene of split 'train' \(there are 1 in no official list\)"):
        ids("/partly", scene_ids=["i"])
    with pytest.raises(ConfigError, match=r"no scene of split 'test' \(there are 2 of train, 1 of val\)"):
        ids("/lists", split="test")


def test_test_scans_are_no_list(reader: FakeReader) -> None:
    """The folder they lie in tells their split, and nothing about the other scenes'."""
    assert ids("/test_scans") == ["m"]


def test_one_is_not_many() -> None:
    assert plan.Estimate(1, 1, 1, 1000).sentence() == "1 scene, about 1 frame, up to 1 row, about 1 kB"
    assert plan.Estimate(2, 2000, 2, 1000).sentence() == "2 scenes, about 2,000 frames, up to 2 rows, about 1 kB"


def test_scenes_by_name(reader: FakeReader) -> None:
    assert ids("/lists", scene_ids=["c"]) == ["c"]
    with pytest.raises(UnknownName, match="unknown scene 'z'"):
        ids("/lists", scene_ids=["c", "z"])


def test_one_scene_under_two_roots_is_refused_and_one_root_twice_is_not(reader: FakeReader) -> None:
    with pytest.raises(ConfigError, match="scene d is under /plain and under /again"):
        ids("/plain", "/again")
    assert ids("/plain", "/plain") == ["d", "e"]
    with pytest.raises(ConfigError, match="no scenes given"):
        ids()


def test_streams_reach_only_readers_that_have_them(reader: FakeReader) -> None:
    with pytest.raises(ConfigError, match="fake has no streams"):
        ids("/plain", stream="iphone")
    reader.streams = ("iphone", "dslr")
    assert ids("/plain", stream="dslr") == ["d", "e"]
    assert reader.options == {"stream": "dslr"}
    with pytest.raises(UnknownName, match="did you mean iphone"):
        ids("/plain", stream="iphon")


def test_keys_are_file_names_and_never_equal() -> None:
    def key(name: str) -> str:
        return plan.scene_key(SceneRef(name, "made", name, Path("/"), "fake"))

    assert key("scene0000_00") == "made--scene0000_00"
    odd = [key(name) for name in ("a/b", "a_b", "a b", "ä", "é", "x" * 300, "x" * 301, "../../etc")]
    assert len(set(odd)) == len(odd)
    assert all("/" not in one and not one.startswith(".") and len(one) < 130 for one in odd)


def test_the_estimate_adds_up(
    reader: FakeReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refs = plan.find_scenes([Path("/plain")])

    def estimate(**options) -> plan.Estimate:
        return plan.estimate(refs, make_config(["depth_comparison"], **options), tmp_path / "not" / "there")

    whole = estimate()
    assert (whole.scenes, whole.frames, whole.rows) == (2, 600, 200)
    assert estimate(max_rows=30).rows == 30
    assert estimate(frames="every:4").frames == 500
    assert estimate(images="path").bytes < estimate(max_side=128).bytes < whole.bytes
    assert "200 rows" in whole.sentence()
    assert not caplog.records
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda path: usage(1, 1, 1000))
    with caplog.at_level(logging.WARNING):
        estimate()
    assert "only 1 kB are free" in caplog.text


def test_a_scene_that_cannot_be_looked_at_does_not_stop_the_plan(reader: FakeReader, tmp_path: Path) -> None:
    reader.content["/plain"].append(("broken", None))
    found = plan.estimate(plan.find_scenes([Path("/plain")]), make_config(["depth_comparison"]), tmp_path)
    assert (found.scenes, found.frames) == (3, 900)
