"""Image references: from a row back to the pixels."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import box_room
from support.scannet_writer import write_posed, write_sens

from spatialgen.errors import SceneError
from spatialgen.media.references import read_image
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
