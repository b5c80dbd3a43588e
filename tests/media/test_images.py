"""Encoded images: sizes, pixels, and files that were cut short."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from spatialgen.errors import SceneError
from spatialgen.media import images

RNG = np.random.Generator(np.random.PCG64(5))
RGB = np.repeat(np.repeat(RNG.integers(0, 255, (12, 20, 3), dtype=np.uint8), 8, 0), 8, 1)
JPEG, PNG = images.encode_jpeg(RGB, 95), images.encode_png(RGB)
DEPTH = RNG.integers(0, 65536, (48, 64), dtype=np.uint16)
DEPTH_PNG = cv2.imencode(".png", DEPTH)[1].tobytes()


def with_exif(jpeg: bytes, orientation: int) -> bytes:
    tiff = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x0112, 3, 1, orientation) + bytes(4)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def test_sizes_come_from_headers() -> None:
    assert images.image_size(JPEG) == images.image_size(PNG) == (160, 96)
    assert images.image_size(DEPTH_PNG[:40]) == (64, 48)
    assert images.image_size(with_exif(JPEG, 6)) == (160, 96)
    assert images.image_size(b"P5\n64 48\n65535\n") == (64, 48)
    for bad in (b"", b"\xff\xd8\xff\xe0", b"GIF89a", b"P5\nx", JPEG[:100]):
        with pytest.raises(SceneError, match=r"somewhere.*header"):
            images.image_size(bad, source="somewhere")


def test_pixels_are_rgb_and_lossless_where_the_file_is() -> None:
    np.testing.assert_array_equal(images.decode_rgb(PNG), RGB)
    assert np.abs(images.decode_rgb(JPEG).astype(int) - RGB).mean() < 8
    assert images.decode_rgb(JPEG, 4).shape == (24, 40, 3)
    assert images.decode_gray(JPEG, 8).shape == (12, 20)


def test_exif_orientation_is_not_applied() -> None:
    np.testing.assert_array_equal(images.decode_rgb(with_exif(JPEG, 6)), images.decode_rgb(JPEG))


def test_jpeg_is_deterministic() -> None:
    assert images.encode_jpeg(RGB, 90) == images.encode_jpeg(RGB.copy(), 90)
    assert len(images.encode_jpeg(RGB, 30)) < len(JPEG)


@pytest.mark.parametrize("data", [JPEG, PNG, DEPTH_PNG], ids=["jpeg", "png", "depth"])
@pytest.mark.parametrize("kept", [0, 3, 60, 0.5, 0.98])
def test_a_file_cut_short_is_refused_never_half_grey(data: bytes, kept: float, capfd: pytest.CaptureFixture) -> None:
    cut = data[: int(len(data) * kept) if 0 < kept < 1 else int(kept)]
    decode = images.decode_depth_png if data is DEPTH_PNG else images.decode_rgb
    with pytest.raises(SceneError, match="frame 12") as caught:
        decode(cut, source="frame 12")
    assert caught.value.remedy
    assert capfd.readouterr().err == ""


def test_a_damaged_middle_is_refused() -> None:
    damaged = bytearray(DEPTH_PNG)
    damaged[len(damaged) // 2 : len(damaged) // 2 + 40] = bytes(40)
    with pytest.raises(SceneError):
        images.decode_depth_png(bytes(damaged))


def test_depth_is_sixteen_bit_grey_or_refused() -> None:
    np.testing.assert_array_equal(images.decode_depth_png(DEPTH_PNG), DEPTH)
    for wrong in (PNG, cv2.imencode(".png", RGB[:, :, 0])[1].tobytes()):
        with pytest.raises(SceneError, match="16-bit grey, this one is 8-bit"):
            images.decode_depth_png(wrong)


def test_depth_in_metres() -> None:
    stored = np.array([[0, 1, 1000, 2345, 65534, 65535]], np.uint16)
    metres = images.depth_in_metres(stored, 1000.0)
    np.testing.assert_array_equal(metres, np.array([[0, 0.001, 1, 2.345, 65.534, 0]], np.float32))
    assert metres.dtype == np.float32
