from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from spatialgen.errors import DatasetError
from spatialgen.pipeline.cache import DiskCache


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "deep" / "cache")
    arrays = {"words": np.arange(6, dtype=np.uint64).reshape(2, 3), "iou": np.float32([0.5])}
    assert cache.get("a1") is None
    cache.put("a1", arrays)
    found = cache.get("a1")
    assert found is not None
    assert {name: array.dtype for name, array in found.items()} == {name: a.dtype for name, a in arrays.items()}
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
    assert [path.name for path in (tmp_path / "deep" / "cache").iterdir()] == ["a1.npz"]


@pytest.mark.parametrize("damage", [b"", b"not a zip", None])
def test_a_damaged_entry_is_reported_and_made_again(
    tmp_path: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    cache = DiskCache(tmp_path)
    cache.put("k", {"a": np.arange(1000)})
    path = tmp_path / "k.npz"
    path.write_bytes(path.read_bytes()[:900] if damage is None else damage)
    with caplog.at_level(logging.WARNING):
        assert cache.get("k") is None
    assert "k.npz" in caplog.text
    cache.put("k", {"a": np.arange(3)})
    assert cache.get("k") is not None


def test_a_flipped_bit_does_not_go_unnoticed(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.put("k", {"a": np.arange(1000)})
    path = tmp_path / "k.npz"
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(bytes(content))
    assert cache.get("k") is None


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="file"):
        DiskCache(tmp_path / "file" / "cache").put("k", {"a": np.arange(3)})


def test_keys_cannot_leave_the_folder(tmp_path: Path) -> None:
    for key in ("../k", "a/b", "", ".hidden"):
        with pytest.raises(ValueError, match="cache key"):
            DiskCache(tmp_path).get(key)
