"""Videos on disk: noise, what is made again, and what a stopped run leaves."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from spatialgen import synth
from spatialgen.errors import ConfigError, OutOfSpace
from spatialgen.synth import write_tapvid3d

from .videos import VIDEO, built_once, make, read_video

FEW = {**VIDEO, "tracks": 60}


@pytest.fixture(autouse=True)
def same_scenes() -> Iterator[None]:
    """These are tests of files, not of scenes."""
    with built_once():
        yield


def test_noise_is_five_millimetres_and_a_few_wrong_flags(tmp_path: Path) -> None:
    (clean,), (noisy,) = make(tmp_path / "clean"), make(tmp_path / "noisy", scan_noise=True)
    off = (noisy.video["tracks_XYZ"] - clean.video["tracks_XYZ"]).astype(float)
    np.testing.assert_allclose(off.std(axis=(0, 1)), 0.005, rtol=0.06)
    assert np.abs(off.mean(axis=(0, 1))).max() < 0.0005
    assert abs(np.corrcoef(off[1:, :, 0].ravel(), off[:-1, :, 0].ravel())[0, 1]) < 0.06
    flipped = noisy.video["visibility"] != clean.video["visibility"]
    assert 0.01 <= flipped.mean() <= 0.02
    assert (flipped & clean.video["visibility"]).any()
    assert (flipped & ~clean.video["visibility"]).any()
    for key in ("queries_xyt", "fx_fy_cx_cy", "extrinsics_w2c", "images_jpeg_bytes"):
        np.testing.assert_array_equal(noisy.video[key], clean.video[key])
    for key, array in clean.truth.items():
        np.testing.assert_array_equal(noisy.truth[key], array)
    assert noisy.described["parameters"]["scan_noise"]


def test_the_same_call_again_makes_only_what_is_missing(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    (first,) = synth.generate(tmp_path, **FEW)
    before = first.stat().st_mtime_ns
    both = synth.generate(tmp_path, scenes=2, progress=lambda done, of: steps.append((done, of)), **FEW)
    assert both[0] == first
    assert first.stat().st_mtime_ns == before
    assert steps == [(done, 18) for done in range(9, 19)]
    assert [path.parent.name for path in both] == ["adt", "pstudio"]
    note = json.loads((tmp_path / "synthetic.json").read_text())
    assert note["format"] == "tapvid3d"
    assert note["tracks"] == 60
    assert not (tmp_path / "scannetv2-labels.combined.tsv").exists()
    with pytest.raises(ConfigError, match=r"other options.*give another folder"):
        synth.generate(tmp_path, **{**FEW, "tracks": 61})


def test_a_full_disk_leaves_no_video_that_looks_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(write_tapvid3d, "encode_jpeg", full)
        with pytest.raises(OutOfSpace, match="free some space"):
            synth.generate(tmp_path, **FEW)
    assert not list(tmp_path.glob("*/*.npz"))
    (path,) = synth.generate(tmp_path, **FEW)
    assert len(read_video(path).video["images_jpeg_bytes"]) == 9
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("wrong", [{"frames": 1}, {"tracks": 0}, {"color_size": (8, 8)}])
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(ConfigError, match="asked for; give"):
        synth.generate(tmp_path / "new", **{**FEW, **wrong})
    assert not (tmp_path / "new").exists()
