"""The .sens container: what is read, how lazily, and what is refused."""

from __future__ import annotations

import pickle
import struct
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from support import box_room
from support.scannet_writer import write_sens

from spatialgen.errors import SceneError
from spatialgen.media.images import decode_rgb, encode_jpeg
from spatialgen.media.sens import SensFile

TAKE = box_room.take(4)


@pytest.mark.parametrize("color", ["raw", "png", "jpeg"])
@pytest.mark.parametrize("depth", ["raw", "zlib"])
def test_every_codec_gives_back_what_was_written(tmp_path: Path, color: str, depth: str) -> None:
    sens = SensFile(write_sens(tmp_path / "a.sens", TAKE, color_codec=color, depth_codec=depth))
    assert len(sens) == 4
    assert (sens.header.color_codec, sens.header.depth_codec) == (color, depth)
    assert sens.header.sensor_name == "StructureSensor"
    np.testing.assert_allclose(sens.header.intrinsic_color[:3, :3], TAKE.color_intrinsics, rtol=1e-6)
    np.testing.assert_allclose(sens.header.intrinsic_depth[:3, :3], TAKE.depth_intrinsics, rtol=1e-6)
    for n in range(4):
        metres = sens.depth(n)
        assert metres.dtype == np.float32
        np.testing.assert_allclose(metres, TAKE.depths[n] / 1000, rtol=1e-6)
        np.testing.assert_allclose(sens.pose(n), TAKE.poses[n], atol=1e-6)
        pixels = decode_rgb(sens.image_bytes(n)).astype(int)
        assert np.abs(pixels - TAKE.images[n]).max() <= (0 if color in ("raw", "png") else 12)


def test_a_stored_jpeg_passes_through_untouched(tmp_path: Path) -> None:
    take = box_room.take(1)
    take.images = [encode_jpeg(take.images[0], 80)]
    assert SensFile(write_sens(tmp_path / "a.sens", take)).image_bytes(0) == take.images[0]


def test_saturated_depth_is_unknown(tmp_path: Path) -> None:
    take = box_room.take(1)
    take.depths[0][3, 4:6] = (0, 65535)
    depth = SensFile(write_sens(tmp_path / "a.sens", take)).depth(0)
    assert depth[3, 4] == depth[3, 5] == 0
    assert depth[3, 6] > 0


def test_a_frame_may_lack_depth(tmp_path: Path) -> None:
    take = box_room.take(3)
    take.depths[1] = None
    sens = SensFile(write_sens(tmp_path / "a.sens", take))
    assert [sens.has_depth(n) for n in range(3)] == [True, False, True]
    np.testing.assert_allclose(sens.depth(2), take.depths[2] / 1000, rtol=1e-6)


def test_nothing_is_opened_before_it_is_asked_for_and_pickles_stay_small(tmp_path: Path) -> None:
    path = tmp_path / "later.sens"
    sens = SensFile(path)
    write_sens(path, TAKE)
    depth = sens.depth(1)
    copy = pickle.loads(pickle.dumps(sens))
    assert len(pickle.dumps(sens)) < 500
    np.testing.assert_array_equal(copy.depth(1), depth)


def test_an_index_of_gigabytes_costs_no_memory(tmp_path: Path) -> None:
    """Payloads are holes in the file here: whoever reads them would need 8 GB."""
    path, payload = tmp_path / "huge.sens", 1 << 29
    head = write_sens(tmp_path / "small.sens", TAKE).read_bytes()[: 4 + 8 + 15 + 256 + 8 + 16 + 4]
    with path.open("wb") as out:
        out.write(head + struct.pack("<Q", 8))
        for _ in range(8):
            out.write(np.eye(4, dtype="<f4").tobytes() + struct.pack("<QQQQ", 1, 1, payload, payload))
            out.seek(2 * payload, 1)
        out.write(struct.pack("<Q", 0))
    tracemalloc.start()
    sens = SensFile(path)
    assert sens.index.depth_offset[7] > 7 * (1 << 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"version": 3}, "version 3"),
        ({"sizes": (2**31, 72, 64, 48)}, "2147483648"),
        ({"sizes": (96, 72, 64, 0)}, "64 x 0"),
        ({"frames": 10**15}, "1000000000000000 frames"),
        ({"frames": 9_000_000}, "cut short"),
        ({"depth_code": 2}, "occi"),
        ({"depth_code": 7}, "depth codec 7"),
        ({"color_code": -1}, "colour codec -1"),
    ],
)
def test_absurd_and_foreign_headers_are_refused_without_allocation(tmp_path: Path, override, message: str) -> None:
    path = write_sens(tmp_path / "bad.sens", TAKE, **override)
    tracemalloc.start()
    with pytest.raises(SceneError, match=message) as caught:
        _ = SensFile(path).index
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    assert str(path) in str(caught.value)
    assert caught.value.remedy


def test_an_absurd_name_length_is_refused(tmp_path: Path) -> None:
    path = write_sens(tmp_path / "bad.sens", TAKE)
    data = bytearray(path.read_bytes())
    data[4:12] = struct.pack("<Q", 2**60)
    path.write_bytes(data)
    with pytest.raises(SceneError, match="sensor name"):
        _ = SensFile(path).header


def test_an_absurd_payload_size_is_refused(tmp_path: Path) -> None:
    path = write_sens(tmp_path / "bad.sens", TAKE)
    data = bytearray(path.read_bytes())
    first = 4 + 8 + 15 + 256 + 8 + 16 + 4 + 8
    data[first + 80 : first + 88] = struct.pack("<Q", 2**63)
    path.write_bytes(data)
    with pytest.raises(SceneError, match="frame 0"):
        _ = SensFile(path).index


def test_a_file_cut_anywhere_is_refused_with_frame_and_byte(tmp_path: Path) -> None:
    path = write_sens(tmp_path / "cut.sens", TAKE)
    whole = path.read_bytes()
    frames_end = len(whole) - 8 - 2 * 128
    for size in [*range(0, len(whole), 997), frames_end - 1, frames_end + 3, frames_end + 20, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(SceneError, match="cut short") as caught:
            _ = SensFile(path).index
        assert str(path) in str(caught.value)
        assert str(size) in str(caught.value)
        assert "again" in caught.value.remedy
    assert "frame" in str(caught.value)


def test_a_file_without_imu_block_is_whole(tmp_path: Path) -> None:
    path = write_sens(tmp_path / "noimu.sens", TAKE, imu=0)
    path.write_bytes(path.read_bytes()[:-8])
    assert len(SensFile(path).index.poses) == 4


def test_a_depth_bomb_is_refused_unexploded(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(200 << 20), 9)
    sens = SensFile(write_sens(tmp_path / "bomb.sens", TAKE, depth_payloads={2: bomb}))
    _ = sens.index
    tracemalloc.start()
    with pytest.raises(SceneError, match=r"frame=2.*more than 6144"):
        sens.depth(2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20


@pytest.mark.parametrize(
    "payload",
    [
        zlib.compress(bytes(100)),
        zlib.compress(TAKE.depths[0].tobytes())[:-3],
        zlib.compress(TAKE.depths[0].tobytes())[:300],
        b"no zlib stream at all",
    ],
)
def test_damaged_depth_names_the_frame(tmp_path: Path, payload: bytes) -> None:
    sens = SensFile(write_sens(tmp_path / "a.sens", TAKE, depth_payloads={1: payload}))
    with pytest.raises(SceneError, match="frame=1"):
        sens.depth(1)
    assert sens.depth(0).shape == (48, 64)


@pytest.mark.parametrize("codec", ["raw", "zlib"])
def test_sizes_are_checked_against_what_frames_hold(tmp_path: Path, codec: str) -> None:
    color = "raw" if codec == "raw" else "jpeg"
    right = {"color_codec": color, "depth_codec": codec}
    SensFile(write_sens(tmp_path / "a.sens", TAKE, **right)).check_sizes()
    for sizes, kind in (((96, 71, 64, 48), "colour"), ((96, 72, 64, 47), "depth"), ((96, 72, 64, 49), "depth")):
        path = write_sens(tmp_path / "b.sens", TAKE, sizes=sizes, **right)
        with pytest.raises(SceneError, match=f"{kind} images are .* but frame 0") as caught:
            SensFile(path).check_sizes()
        assert caught.value.path == str(path)


def test_a_damaged_first_frame_does_not_hide_another_size(tmp_path: Path) -> None:
    take = box_room.take(3)
    take.images = [b"no image", *(encode_jpeg(image, 80) for image in take.images[1:])]
    right = {0: zlib.compress(take.depths[0].tobytes())[:-9]}
    SensFile(write_sens(tmp_path / "a.sens", take, sizes=(96, 72, 64, 48), depth_payloads=right)).check_sizes()
    sens = SensFile(write_sens(tmp_path / "b.sens", take, sizes=(960, 720, 64, 48), depth_payloads=right))
    with pytest.raises(SceneError, match="960 x 720, but frame 1 is 96 x 72"):
        sens.check_sizes()


def test_no_frames_at_all_and_depth_whose_end_is_missing_read_as_sentences(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"none\.sens: has no frames"):
        _ = SensFile(write_sens(tmp_path / "none.sens", TAKE, frames=0)).index
    cut = {1: zlib.compress(TAKE.depths[1].tobytes())[:300]}
    message = r"frame=1: its depth is cut short: the compressed data ends after \d+ of 6144 bytes"
    with pytest.raises(SceneError, match=message):
        SensFile(write_sens(tmp_path / "a.sens", TAKE, depth_payloads=cut)).depth(1)


def test_colour_of_another_size_or_cut_short_is_refused(tmp_path: Path) -> None:
    take = box_room.take(2)
    whole = encode_jpeg(take.images[0], 90)
    take.images = [encode_jpeg(take.images[0][:40], 90), whole[: len(whole) // 2]]
    sens = SensFile(write_sens(tmp_path / "a.sens", take, sizes=(96, 72, 64, 48)))
    with pytest.raises(SceneError, match="96 x 40"):
        sens.image_bytes(0)
    with pytest.raises(SceneError, match="cut short"):
        sens.image_bytes(1)


def test_frames_beyond_the_end_do_not_exist(tmp_path: Path) -> None:
    sens = SensFile(write_sens(tmp_path / "a.sens", TAKE))
    for n in (-1, 4):
        with pytest.raises(SceneError, match=f"no frame {n}"):
            sens.image_bytes(n)


def test_the_writer_is_read_by_opencv_too(tmp_path: Path) -> None:
    """The witness of the writer: a payload is a whole JPEG file."""
    data = SensFile(write_sens(tmp_path / "a.sens", TAKE)).image_bytes(0)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (72, 96, 3)
