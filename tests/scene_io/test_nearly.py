"""A folder that looks like a scene but lacks its key file: the message names the format, the file and what it is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import (
    tiny_colmap,
    tiny_nerfstudio,
    tiny_replica,
    tiny_rgbd_folder,
    tiny_tum,
)

from spatialgen import scene_io
from spatialgen.errors import SceneError


def without(write: Callable[[Path], object], *names: str) -> Callable[[Path], None]:
    """A layout without some of its files and folders, given by patterns."""

    def make(root: Path) -> None:
        write(root)
        for name in names:
            found = list(root.glob(name))
            assert found, name
            for path in found:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    return make


def only(*names: str) -> Callable[[Path], None]:
    """Empty files, and folders where a name ends with a slash."""

    def make(root: Path) -> None:
        for name in names:
            path = root / name
            (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
            if not name.endswith("/"):
                path.touch()

    return make


def annotation_only(root: Path) -> None:
    root.mkdir(exist_ok=True)
    np.savez(root / "clip.npz", visibility=np.ones((2, 3), bool), queries_xyt=np.zeros((3, 3)))


tum, rgbd = tiny_tum.LAYOUTS["own_camera"], tiny_rgbd_folder.LAYOUTS
replica = tiny_replica.LAYOUTS["poses_damaged"]
ALIEN = "a7f3d91c02"
CASES = {
    "tum poses": (without(tum, "*/groundtruth.txt"), "a TUM RGB-D sequence", "groundtruth.txt is missing"),
    "tum list": (without(tum, "*/rgb.txt"), "a TUM RGB-D sequence", "rgb.txt is missing"),
    "tum both": (
        without(tum, "*/rgb.txt", "*/groundtruth.txt"), "a TUM RGB-D sequence",
        "rgb.txt and groundtruth.txt are missing",
    ),
    "nerfstudio": (
        without(tiny_nerfstudio.LAYOUTS["nerfstudio"], "*/transforms.json", "*/depth*"), "a nerfstudio capture",
        "transforms.json is missing",
    ),
    "colmap images": (
        without(tiny_colmap.LAYOUTS["text"], "**/images.txt"), "a COLMAP reconstruction", "images.txt is missing",
    ),
    "colmap cameras": (
        without(tiny_colmap.LAYOUTS["binary"], "**/cameras.bin"), "a COLMAP reconstruction", "cameras.bin is missing",
    ),
    "colmap points only": (
        only("hall/images/0.jpg", "hall/images/1.jpg", "hall/sparse/0/points3D.bin"), "a COLMAP reconstruction",
        "sparse/0/cameras.bin and sparse/0/images.bin are missing",
    ),
    "colmap pictures": (without(tiny_colmap.LAYOUTS["text"], "*/images"), "a COLMAP reconstruction", "images/ is"),
    "colmap not mapped": (only("hall/database.db"), "a COLMAP reconstruction", "sparse/0/images.bin"),
    "replica poses": (without(replica, "*/traj.txt"), "a room of Replica", "traj.txt is missing"),
    "replica frames": (without(replica, "*/results"), "a room of Replica", "results/ is missing"),
    "redwood": (
        without(rgbd["redwood"], "*/trajectory.log", "*/odometry.log"), "an RGB-D folder",
        "its poses (trajectory.log) are missing",
    ),
    "two logs": (
        without(rgbd["redwood"], "*/trajectory.log", "*/odometry.log"), "an RGB-D folder", "which of a.log, b.log",
    ),
    "pose files": (without(rgbd["pose_files"], "*/poses"), "an RGB-D folder", "its poses (trajectory.log) are missing"),
    "rgbd colour": (without(rgbd["pose_files"], "*/rgb"), "an RGB-D folder", "color/ is missing"),
    "7-scenes poses": (
        without(rgbd["sequence"], "chess/seq-01/*.pose.txt"), "an RGB-D folder", "frame-<n>.pose.txt is missing",
    ),
    "7-scenes colour": (
        without(rgbd["sequence"], "chess/seq-01/*.color.png"), "an RGB-D folder", "frame-<n>.color.png is missing",
    ),
    "scannet scan": (
        only("scene0000_00/scene0000_00.txt", "scene0000_00/scene0000_00_vh_clean_2.labels.ply"), "a scan of ScanNet",
        "scene0000_00.sens is missing",
    ),
    "scannet export": (
        only("room/color/0.jpg", "room/depth/0.png", "room/intrinsic/intrinsic_color.txt"),
        "an export of ScanNet's SensReader", "pose/ is missing",
    ),
    "scannet posed": (only("room/0.jpg", "room/0.txt"), "a scene of ScanNet's posed_images", "intrinsic.txt is"),
    "scannetpp phone": (only(f"{ALIEN}/iphone/exif.json"), "a scene of ScanNet++", "iphone/rgb.mkv is missing"),
    "scannetpp camera": (
        only("room/dslr/original_images/"), "a scene of ScanNet++", "dslr/resized_images is missing",
    ),
    "scannetpp scan": (only("room/scans/segments.json"), "a scene of ScanNet++", "iphone/rgb.mkv is missing"),
    "structured3d name": (
        only("house/2D_rendering/90/perspective/full/0/rgb_rawlight.png"), "a scene of Structured3D",
        "not called scene_<n>",
    ),
    "structured3d rooms": (only("scene_00000/90/perspective/full/"), "a scene of Structured3D", "2D_rendering/ is"),
    "structured3d zip": (only("s3d/Structured3D_bbox.zip"), "the download of Structured3D", "are not unpacked"),
    "tapvid3d arrays": (annotation_only, "a video of TAPVid-3D", "images_jpeg_bytes and tracks_XYZ are missing"),
    "tapvid3d videos": (only("adt/", "pstudio/"), "a folder of TAPVid-3D", "no video (adt/*.npz, pstudio/*.npz)"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_missing_of_which_format_is_named(tmp_path: Path, case: str) -> None:
    make, kind, lacks = CASES[case]
    make(tmp_path)
    if case == "two logs":
        for name in ("a.log", "b.log"):
            (tmp_path / tiny_rgbd_folder.SCENE / name).touch()
    root = tmp_path / "chess" if case.startswith("7-scenes") else tmp_path
    with pytest.raises(SceneError) as caught:
        scene_io.detect(root)
    assert re.match(rf"looks like {re.escape(kind)}.*, but .*{re.escape(lacks)}", caught.value.what), caught.value
    assert "; or looks like" not in caught.value.what
    assert caught.value.remedy
    assert "looked for" not in caught.value.remedy
    place = Path(caught.value.path)
    assert place.is_dir()
    assert place.is_relative_to(tmp_path)
    with pytest.raises(SceneError) as again:  # the scene itself says the same
        scene_io.detect(place)
    assert str(again.value) == str(caught.value)


def test_a_file_speaks_for_its_folder(tmp_path: Path) -> None:
    CASES["tum poses"][0](tmp_path)
    (path,) = tmp_path.glob("*/rgb.txt")
    with pytest.raises(SceneError, match=r"groundtruth\.txt is missing"):
        scene_io.detect(path)


def test_two_formats_may_come_close(tmp_path: Path) -> None:
    only("images/0.jpg", "images/1.jpg", "depth/0.png", "depth/1.png")(tmp_path)
    with pytest.raises(SceneError) as caught:
        scene_io.detect(tmp_path)
    assert (
        "looks like a nerfstudio capture, but transforms.json is missing; or looks like an RGB-D folder, but its"
        in (caught.value.what)
    )
    with pytest.raises(SceneError, match=r"^\S+: looks like an RGB-D folder"):
        scene_io.detect(tmp_path, "rgbd_folder")
    with pytest.raises(SceneError, match="no scenes found"):
        scene_io.detect(tmp_path, "tum")


@pytest.mark.parametrize(
    "names",
    [
        ("notes.txt", "readme.md"),
        ("images/logo.png",),
        ("rgb.txt",),
        ("groundtruth.txt",),
        ("depth/0.png",),
        ("traj.txt",),
        ("results/table.csv",),
        ("color/0.jpg",),
        ("pose/0.txt", "poses/0.txt"),
        ("scans/scan.pdf",),
        ("iphone/backup.zip", "dslr/holiday.jpg"),
        ("adt/notes.txt",),
        ("2D_rendering/plan.pdf",),
        ("scene_00000/notes.txt",),
        ("scene0000_00/notes.txt",),
        ("photos/0.jpg", "photos/1.jpg"),
        ("0.jpg", "notes.txt"),
        ("run.log", "other.log", "K.txt"),
    ],
)
def test_nothing_is_guessed(tmp_path: Path, names: tuple[str, ...]) -> None:
    only(*names)(tmp_path)
    np.savez(tmp_path / "numbers.npz", weights=np.zeros(3))
    (tmp_path / "broken.npz").write_bytes(b"PK")
    with pytest.raises(SceneError, match="no scenes found") as caught:
        scene_io.detect(tmp_path)
    assert "looked for" in caught.value.remedy


def test_incomplete_scenes_beside_complete_ones_are_said(tmp_path: Path) -> None:
    tiny_tum.own_camera(tmp_path)
    tiny_tum.write(tmp_path / "half")
    (tmp_path / "half/groundtruth.txt").unlink()
    tiny_colmap.text(tmp_path)
    (lost,) = (tmp_path / "kitchen").rglob("cameras.txt")
    lost.unlink()
    (tmp_path / "notes").mkdir()
    found = scene_io.incomplete(tmp_path)
    assert [place.name for place, _ in found] == ["half", "kitchen"]
    assert "groundtruth.txt" in found[0][1].lacks
    assert "cameras" in found[1][1].lacks
    assert not scene_io.incomplete(tmp_path / "notes")
