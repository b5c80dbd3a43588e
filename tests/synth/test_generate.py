"""``generate``: the same bytes for the same seed, nothing of others overwritten, nothing half-written left."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path
from typing import Any

import pytest

from spatialgen import synth
from spatialgen.errors import ConfigError, OutOfSpace, UnknownName
from spatialgen.synth import write_scannet
from spatialgen.synth.scene import build_scene

TINY = {"seed": 3, "frames": 2, "color_size": (64, 48), "depth_size": (64, 48)}


def digests(root: Path) -> dict[str, str]:
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("options", [{}, {"scan_noise": True}, {"format": "posed_images"}], ids=str)
def test_same_seed_same_bytes(
    built_once: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    synth.generate(tmp_path / "one", **{**TINY, "frames": 10}, **options)
    if not options:
        monkeypatch.setattr(synth, "build_scene", build_scene)  # from the seed again; the other two share its scene
    synth.generate(tmp_path / "other", **{**TINY, "frames": 10}, **options)
    assert digests(tmp_path / "one") == digests(tmp_path / "other")


def test_a_scene_does_not_depend_on_how_many_are_made(built_once: None, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    made = synth.generate(tmp_path / "two", scenes=2, progress=lambda done, of: steps.append((done, of)), **TINY)
    assert [path.name for path in made] == ["scene0000_00", "scene0001_00"]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    synth.generate(tmp_path / "grown", scenes=1, **TINY)
    first = digests(tmp_path / "grown")
    synth.generate(tmp_path / "grown", scenes=2, **TINY)
    assert digests(tmp_path / "grown") == digests(tmp_path / "two")
    assert first.items() <= digests(tmp_path / "two").items()


def test_the_same_call_again_makes_only_what_is_missing(built_once: None, tmp_path: Path) -> None:
    (folder,) = synth.generate(tmp_path, **TINY)
    before = (folder / "truth.json").stat().st_mtime_ns
    assert synth.generate(tmp_path, **TINY) == [folder]
    assert (folder / "truth.json").stat().st_mtime_ns == before


def test_folders_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"not made by synth.*give an empty or a new folder"):
        synth.generate(tmp_path, **TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(ConfigError, match="is a file"):
        synth.generate(tmp_path / "thesis.txt", **TINY)


def test_other_options_are_refused(built_once: None, tmp_path: Path) -> None:
    synth.generate(tmp_path, **TINY)
    with pytest.raises(ConfigError, match=r"other options.*give another folder"):
        synth.generate(tmp_path, **{**TINY, "seed": 4})


@pytest.mark.parametrize(
    "wrong", [{"scenes": 0}, {"frames": 0}, {"color_size": (0, 480)}, {"depth_size": (640, 100_000)}]
)
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(ConfigError, match="asked for; give"):
        synth.generate(tmp_path / "new", **{**TINY, **wrong})
    assert not (tmp_path / "new").exists()


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="scannet"):
        synth.generate(tmp_path, format="scanet")  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["scannet", "posed_images"])
def test_a_full_disk_leaves_no_scene_that_looks_complete(
    built_once: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    def full(*_: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(write_scannet, "encode_jpeg", full)
        with pytest.raises(OutOfSpace, match="free some space"):
            synth.generate(tmp_path, format=format, **TINY)
    assert not (tmp_path / "scans").exists()
    assert not (tmp_path / "posed_images").exists()
    (folder,) = synth.generate(tmp_path, format=format, **TINY)
    assert (folder / "truth.json").is_file()
    assert not list(tmp_path.glob(".*"))
