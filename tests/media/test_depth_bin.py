"""``depth.bin``: three codings told apart, read out of order, and damaged in every way."""

from __future__ import annotations

import pickle
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from support.tiny_scannetpp import write_depth_bin

from spatialgen.errors import SceneError
from spatialgen.media.depth_bin import DepthBin

CODINGS = ("lz4", "deflate", "stream")


def images(count: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    found = []
    for index in range(count):
        base = 1000 + 10 * index + np.add.outer(np.arange(192), np.arange(256)) // 4
        depth = (base + rng.integers(0, 3, base.shape)).astype(np.uint16)
        depth[:3] = 0
        found.append(depth)
    return found


@pytest.mark.parametrize("coding", CODINGS)
def test_any_image_in_any_order(tmp_path: Path, coding: str) -> None:
    stored = images(9)
    file = DepthBin(write_depth_bin(tmp_path / "depth.bin", stored, coding))
    assert file.coding == ("stream" if coding == "stream" else "blocks")
    assert file.count == (None if coding == "stream" else 9)
    assert file.units_per_metre == (1000 if coding == "lz4" else 1)
    for n in (4, 0, 8, 8, 3, 5):
        depth = file.depth(n)
        assert (depth.dtype, depth.shape) == (np.float32, (192, 256))
        np.testing.assert_allclose(depth, stored[n] / 1000, atol=1e-6)
    assert file.holds(8)
    assert not file.holds(9)
    for n in (9, -1):
        with pytest.raises(SceneError, match="no depth image"):
            file.depth(n)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(file)).depth(4), file.depth(4))


def test_a_long_stream_goes_back_to_kept_states(tmp_path: Path) -> None:
    stored = [np.full((192, 256), 500 + n, np.uint16) for n in range(8)]
    path = write_depth_bin(tmp_path / "depth.bin", [stored[n % 8] for n in range(200)], "stream")
    file = DepthBin(path)
    for n in (199, 130, 5, 131, 64, 63, 198):
        np.testing.assert_allclose(file.depth(n), stored[n % 8] / 1000, atol=1e-6)
    assert len(file._stream._kept) == 4  # the beginning and images 64, 128, 192


def test_what_is_no_distance_is_unknown(tmp_path: Path) -> None:
    depth = np.full((192, 256), 2.0, "<f4")
    depth[0, :4] = (np.nan, np.inf, -1, -np.inf)
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    path = tmp_path / "depth.bin"
    path.write_bytes(packer.compress(depth.tobytes()) + packer.flush())
    assert (DepthBin(path).depth(0)[0, :6] == (0, 0, 0, 0, 2, 2)).all()
    stored = images(1)
    stored[0][5, 5] = 65535
    assert DepthBin(write_depth_bin(tmp_path / "saturated" / "depth.bin", stored, "lz4")).depth(0)[5, 5] == 0


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("share", [0.001, 0.2, 0.5, 0.95, 0.9999])
def test_a_file_that_was_cut_short_is_named(tmp_path: Path, coding: str, share: float) -> None:
    path = write_depth_bin(tmp_path / "depth.bin", images(5), coding)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(SceneError, match=r"cut short|damaged|empty") as caught:
        DepthBin(path).depth(4)
    assert str(path) in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("coding", ["lz4", "deflate"])
def test_a_damaged_block_is_named_and_the_others_are_read(tmp_path: Path, coding: str) -> None:
    stored = images(3)
    path = write_depth_bin(tmp_path / "depth.bin", stored, coding)
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack("<I", data[:4])
    data[8 + first : 8 + first + 400] = b"\xff" * 400
    path.write_bytes(data)
    file = DepthBin(path)
    np.testing.assert_allclose(file.depth(2), stored[2] / 1000, atol=1e-6)
    with pytest.raises(SceneError, match="frame=1"):
        file.depth(1)


def test_bombs_and_rubbish_cost_nothing(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = packer.compress(bytes(100_000_000)) + packer.flush()
    cases = {
        "zeros": bytes(3_000_000),
        "small blocks": (struct.pack("<I", 1) + b"x") * 500_000,
        "deflate bomb": struct.pack("<I", len(bomb)) + bomb,
        "lying length": struct.pack("<I", 0xFFFFFFF0) + bytes(1000),
        "rubbish": np.random.default_rng(1).bytes(1_000_000),
        "empty": b"",
    }
    for name, data in cases.items():
        path = tmp_path / name
        path.write_bytes(data)
        tracemalloc.start()
        started = time.perf_counter()
        with pytest.raises(SceneError):
            DepthBin(path).depth(0)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000, name
        tracemalloc.stop()
        assert time.perf_counter() - started < 5, name
    with pytest.raises(SceneError, match="cannot be opened"):
        DepthBin(tmp_path / "missing").depth(0)
