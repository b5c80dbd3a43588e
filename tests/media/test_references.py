"""Image references: from a row back to the pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import box_room
from support.scannet_writer import write_posed, write_sens

from spatialgen.errors import SceneError
from spatialgen.media.images import encode_jpeg
from spatialgen.media.references import check_whole, read_image
from spatialgen.media.sens import SensFile


def test_files_and_frames_are_found_below_the_root(tmp_path: Path) -> None:
    take = box_room.take(3)
    write_posed(tmp_path / "posed_images" / "a", take)
    path = write_sens(tmp_path / "scans" / "a" / "a.sens", take)
    assert read_image(tmp_path, "posed_images/a/00002.jpg") == (tmp_path / "posed_images/a/00002.jpg").read_bytes()
    assert read_image(tmp_path, "scans/a/a.sens#frame=2") == SensFile(path).image_bytes(2)


def test_a_file_written_anew_is_read_anew(tmp_path: Path) -> None:
    path = write_sens(tmp_path / "a.sens", box_room.take(1))
    read_image(tmp_path, "a.sens#frame=0")
    write_sens(path, box_room.take(3))
    assert read_image(tmp_path, "a.sens#frame=2") == SensFile(path).image_bytes(2)


@pytest.mark.parametrize(
    "reference", ["posed_images/a/00009.jpg", "scans/a/a.sens#frame=2", "../secret.jpg", "/etc/hosts", "x/../../y.jpg"]
)
def test_what_is_missing_or_outside_is_named(tmp_path: Path, reference: str) -> None:
    (tmp_path / "posed_images").mkdir()
    with pytest.raises(SceneError) as caught:
        read_image(tmp_path / "posed_images", reference)
    assert reference in str(caught.value)
    assert caught.value.remedy


def test_a_frame_that_does_not_exist_is_named(tmp_path: Path) -> None:
    write_sens(tmp_path / "a.sens", box_room.take(2))
    with pytest.raises(SceneError, match=r"a\.sens: there is no frame 2; it has frames 0 to 1"):
        read_image(tmp_path, "a.sens#frame=2")


def test_a_cut_image_is_not_handed_out(tmp_path: Path) -> None:
    write_posed(tmp_path / "a", box_room.take(1))
    path = tmp_path / "a" / "00000.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SceneError, match="cut short"):
        read_image(tmp_path, "a/00000.jpg")


def test_both_ends_of_images_are_looked_at(tmp_path: Path) -> None:
    write_sens(tmp_path / "a.sens", box_room.take(2))
    for depth in (False, True):
        check_whole(tmp_path, "a.sens#frame=1", depth=depth)
    jpeg = encode_jpeg(np.random.Generator(np.random.PCG64(1)).integers(0, 255, (72, 96, 3)).astype(np.uint8), 95)
    (tmp_path / "whole.jpg").write_bytes(jpeg)
    (tmp_path / "depth.pgm").write_bytes(b"P5 1 1 65535 ab")
    check_whole(tmp_path, "whole.jpg")
    check_whole(tmp_path, "depth.pgm", depth=True)
    for name, data, message in (
        ("cut.jpg", jpeg[:2000], "cut short after 2000 bytes"),
        ("empty.jpg", b"", "empty"),
        ("text.jpg", b"hello", "neither"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(SceneError, match=message) as caught:
            check_whole(tmp_path, name)
        assert caught.value.path == str(tmp_path / name)
    with pytest.raises(SceneError, match=r"nowhere\.jpg: cannot be read"):
        check_whole(tmp_path, "nowhere.jpg")
    take = box_room.take(2)
    take.images = [jpeg, jpeg[:2000]]
    write_sens(tmp_path / "b.sens", take, sizes=(96, 72, 64, 48))
    check_whole(tmp_path, "b.sens#frame=0")
    with pytest.raises(SceneError, match=r"b\.sens#frame=1: the image is cut short after 2000 bytes"):
        check_whole(tmp_path, "b.sens#frame=1")
