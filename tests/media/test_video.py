"""Videos: the right frame whatever was asked before, one JPEG for each, and files that are not whole."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from support.tiny_scannetpp import write_depth_bin, write_video

from spatialgen.errors import SceneError
from spatialgen.media.images import decode_rgb, image_size
from spatialgen.media.references import check_whole, read_image
from spatialgen.media.video import Video

COUNT = 40


def picture(n: int) -> np.ndarray:
    image = np.zeros((72, 96, 3), np.uint8)
    image[..., 0], image[:, :48, 1] = 255 * n // COUNT, 100 + 100 * (n % 2)
    return image


@pytest.fixture(scope="module", params=["a.mkv", "b.mp4", "c.mkv"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Matroska and MP4 with frames predicted from later ones, and a lossless file of key frames."""
    import av

    path = tmp_path_factory.mktemp("video") / request.param
    lossless = request.param == "c.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1" if lossless else "libx264", rate=60)
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        stream.gop_size = 1 if lossless else 12
        stream.options = {} if lossless else {"bf": "3", "crf": "4", "sc_threshold": "0"}
        for n in range(COUNT):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(n), format="rgb24")))
        container.mux(stream.encode())
    return path


def test_frames_come_by_number_whatever_the_order(path: Path) -> None:
    video = Video(path)
    assert len(video) == COUNT
    assert video.size == (96, 72)
    forward = [video.rgb(n) for n in range(COUNT)]
    for n, pixels in enumerate(forward):
        assert np.abs(pixels.astype(int) - picture(n)).mean() < 8
    fresh = Video(path)
    for n in (37, 2, 3, 39, 39, 0, 13, 12, 11, 24, 30, 1):
        np.testing.assert_array_equal(fresh.rgb(n), forward[n])
    np.testing.assert_allclose(fresh.gray(5).mean(), forward[5].mean(axis=(0, 1)) @ (0.299, 0.587, 0.114), atol=25)


def test_images_are_the_same_jpeg_each_time(path: Path) -> None:
    video = Video(path)
    data = [video.image_bytes(n) for n in range(20)]
    assert image_size(data[7]) == (96, 72)
    assert np.abs(decode_rgb(data[7]).astype(int) - video.rgb(7)).mean() < 3
    copy = pickle.loads(pickle.dumps(video))
    assert [copy.image_bytes(n) for n in (19, 7, 0)] == [data[19], data[7], data[0]]


def test_references_lead_into_videos(path: Path) -> None:
    reference = f"{path.name}#frame=7"
    assert read_image(path.parent, reference) == Video(path).image_bytes(7)
    check_whole(path.parent, reference)
    for call in (read_image, check_whole):
        with pytest.raises(SceneError, match=f"no frame {COUNT}") as caught:
            call(path.parent, f"{path.name}#frame={COUNT}")
        assert str(path) in str(caught.value)


def test_references_lead_into_depth_but_not_as_images(tmp_path: Path) -> None:
    write_depth_bin(tmp_path / "depth.bin", [np.full((192, 256), 1500, np.uint16)] * 2, "lz4")
    check_whole(tmp_path, "depth.bin#frame=1", depth=True)
    with pytest.raises(SceneError, match="no depth image 2"):
        check_whole(tmp_path, "depth.bin#frame=2", depth=True)
    with pytest.raises(SceneError, match="holds depth"):
        read_image(tmp_path, "depth.bin#frame=1")


@pytest.mark.parametrize("cut", [0, 3, 11, 40, 300, 0.3, 0.6, -9])
def test_a_video_that_was_cut_short_is_named(path: Path, tmp_path: Path, cut: float) -> None:
    data = path.read_bytes()
    short = tmp_path / path.name
    short.write_bytes(data[: int(cut * len(data)) if isinstance(cut, float) else cut])
    for use in (lambda video: video.size, len, lambda video: video.rgb(0)):
        with pytest.raises(SceneError) as caught:
            use(Video(short))
        assert str(short) in str(caught.value)
        assert caught.value.remedy


def test_damage_inside_is_refused_or_decodes_to_a_whole_picture(path: Path, tmp_path: Path) -> None:
    """A decoder may paint over damaged blocks; what must not happen is another exception, a hang or another size."""
    rng = np.random.default_rng(5)
    refused = 0
    for trial in range(6):
        data = bytearray(path.read_bytes())
        for at in rng.integers(100, len(data) - 8, 20):
            data[at : at + 4] = rng.bytes(4)
        broken = tmp_path / f"{trial}{path.suffix}"
        broken.write_bytes(data)
        video = Video(broken)
        for n in (30, 5, 21):
            try:
                assert video.rgb(n).shape == (72, 96, 3)
            except SceneError as error:
                refused += str(broken) in str(error)
    assert refused


def test_other_files_are_no_videos(tmp_path: Path) -> None:
    for name, data in {"a.mkv": b"hello" * 100, "b.mp4": b"\0\0\0\x08moov" * 20, "c.mp4": b"\0\0\0\0mdat"}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(SceneError):
            len(Video(tmp_path / name))
    with pytest.raises(SceneError, match="cannot be opened"):
        len(Video(tmp_path / "missing.mkv"))


def test_one_writer_of_the_support_package_makes_sound_videos(tmp_path: Path) -> None:
    assert len(Video(write_video(tmp_path / "v.mkv", [picture(n) for n in range(3)]))) == 3
