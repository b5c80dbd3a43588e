"""TAPVid-3D files that are damaged, incomplete or hostile: the error names the file, the array and the next step."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.tapvid3d_writer import as_objects, jpeg, take, write

from spatialgen.core.types import TaskSpec
from spatialgen.errors import SceneError
from spatialgen.pipeline.doctor import diagnose, format_table
from spatialgen.scene_io.tapvid3d import READER

VIDEO = take()
STEPS, POINTS = VIDEO.visible.shape


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.path}",)


def task(name: str, *needs: str) -> TaskSpec:
    return TaskSpec(
        name=name,
        suite="test",
        engine="test",
        version="1",
        summary=name,
        answer_type="number",
        units=("m",),
        text_unit="m",
        variants=("coord",),
        forms=("fill",),
        slots=frozenset(),
        required_slots=frozenset(),
        needs=needs,
    )


def refuse(path: Path, message: str) -> SceneError:
    (ref,) = READER.scenes(path)
    with pytest.raises(SceneError, match=message) as caught:
        READER.read(ref)
    assert caught.value.path is not None
    assert caught.value.path.partition("#")[0] == str(path)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images_jpeg_bytes": None}, "no array images_jpeg_bytes"),
        ({"tracks_XYZ": None}, "no array tracks_XYZ or tracks_xyz"),
        ({"visibility": None}, "no array visibility"),
        ({"fx_fy_cx_cy": None}, "no array fx_fy_cx_cy or intrinsics"),
        ({"tracks_XYZ": np.zeros((STEPS, POINTS, 2))}, r"tracks_XYZ has shape \(6, 4, 2\)"),
        ({"tracks_XYZ": np.zeros((STEPS, 3))}, r"tracks_XYZ has shape \(6, 3\)"),
        ({"tracks_XYZ": np.zeros((STEPS, 0, 3)), "visibility": np.zeros((STEPS, 0), bool)}, "follows no points"),
        ({"tracks_XYZ": np.zeros((0, POINTS, 3))}, "has 0 steps"),
        ({"tracks_XYZ": np.zeros((STEPS - 1, POINTS, 3))}, "has 6 images, tracks_XYZ 5 steps"),
        ({"tracks_XYZ": as_objects([1, 2])}, "tracks_XYZ holds Python objects"),
        ({"visibility": np.ones((STEPS - 1, POINTS), bool)}, r"visibility has shape \(5, 4\)"),
        ({"visibility": np.ones((POINTS, STEPS), bool)}, r"visibility has shape \(4, 6\)"),
        ({"visibility": np.full((STEPS, POINTS), 0.5)}, "other values than true and false"),
        ({"visibility": np.full((STEPS, POINTS), np.nan)}, "other values than true and false"),
        ({"fx_fy_cx_cy": np.eye(3)}, r"fx_fy_cx_cy has shape \(3, 3\)"),
        ({"fx_fy_cx_cy": np.array([80.0, 80.0, 480.0, 36.0])}, "cannot be of images of 96 x 72 pixels"),
        ({"fx_fy_cx_cy": np.array([80.0, -80.0, 48.0, 36.0])}, "cannot be of images"),
        ({"fx_fy_cx_cy": np.array([np.nan, 80.0, 48.0, 36.0])}, "cannot be of images"),
        ({"extrinsics_w2c": np.tile(np.eye(4), (STEPS - 1, 1, 1))}, r"extrinsics_w2c has shape \(5, 4, 4\)"),
        ({"extrinsics_w2c": np.full((STEPS, 4, 4), np.nan)}, r"no step has a usable.*pose not finite: 6"),
        ({"extrinsics_w2c": np.zeros((STEPS, 4, 4))}, r"no step has a usable.*pose not rigid: 6"),
        ({"images_jpeg_bytes": np.array([b"hello"] * STEPS)}, "no readable JPEG"),
        ({"images_jpeg_bytes": np.zeros((STEPS, 8, 8, 3), np.uint8)}, "not a list of encoded images"),
        ({"images_jpeg_bytes": as_objects(["text"] * STEPS)}, "element 0 is str, not bytes"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    refuse(write(tmp_path / "pstudio" / "juggle_8.npz", VIDEO, **changes), message)


def test_a_single_step_cannot_show_motion(tmp_path: Path) -> None:
    refuse(write(tmp_path / "pstudio" / "juggle_8.npz", take(1)), "has 1 step: nothing can be seen to move")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_cut_file_is_named(tmp_path: Path, share: float) -> None:
    path = write(tmp_path / "pstudio" / "juggle_8.npz", VIDEO)
    write(tmp_path / "pstudio" / "juggle_9.npz", VIDEO)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refuse(path, "not a whole .npz archive")
    assert [ref.id for ref in READER.scenes(tmp_path)] == ["pstudio_juggle_8", "pstudio_juggle_9"]


def test_a_pickle_in_place_of_an_image_is_not_run(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    hostile = as_objects([Touch(witness), *VIDEO.images[1:]])
    path = write(tmp_path / "adt" / "a.npz", VIDEO, images_jpeg_bytes=hostile)
    error = refuse(path, "images_jpeg_bytes is not a list of byte strings and was not loaded: it asks for posix.system")
    assert "np.savez" in error.remedy
    late = write(tmp_path / "adt" / "b.npz", VIDEO, images_jpeg_bytes=as_objects([*VIDEO.images[:-1], Touch(witness)]))
    scene = READER.read(READER.scenes(late)[0])
    with pytest.raises(SceneError, match="was not loaded") as caught:
        scene.frames[0].load_image()
    assert caught.value.path == str(late)
    for name in ("tracks_XYZ", "visibility", "fx_fy_cx_cy", "extrinsics_w2c"):
        refuse(write(path, VIDEO, **{name: as_objects([Touch(witness)])}), f"{name} holds Python objects")
    assert not witness.exists()


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    first = write(tmp_path / "pstudio" / "juggle_8.npz", VIDEO)
    second = write(tmp_path / "juggle_8.npz", VIDEO)
    with pytest.raises(SceneError, match="is the same scene, 'pstudio_juggle_8'") as caught:
        READER.scenes(tmp_path)
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)
    refs = READER.scenes(second)
    with pytest.raises(SceneError, match="is the same scene"):
        READER.read(refs[0])


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="no scenes found") as caught:
        READER.scenes(tmp_path)
    assert "drivetrack" in caught.value.remedy
    path = write(tmp_path / "pstudio" / "juggle_8.npz", VIDEO)
    (ref,) = READER.scenes(path)
    path.unlink()
    for look in (READER.read, READER.summary_of, READER.inventory):
        with pytest.raises(SceneError, match="there is no video 'pstudio_juggle_8'"):
            look(ref)


def test_doctor_tells_what_is_there_and_what_is_broken(tmp_path: Path) -> None:
    write(tmp_path / "pstudio" / "juggle_8.npz", VIDEO, extrinsics=False)
    write(tmp_path / "adt" / "a_1.npz", VIDEO, extrinsics=False, images="object")
    bad = write(tmp_path / "drivetrack" / "b.npz", VIDEO, images_jpeg_bytes=np.array([*VIDEO.images[:5], jpeg(1)[:99]]))
    gone = write(tmp_path / "drivetrack" / "c.npz", VIDEO, visibility=None)
    report = diagnose([tmp_path], [task("motion", "image", "tracks"), task("depth", "image", "depth|mesh")])
    by_id = {scene.id: scene for scene in report.scenes}
    assert [by_id[name].broken for name in sorted(by_id)] == [False, True, True, False]
    assert by_id["adt_a_1"].capabilities == ("image", "perspective", "time", "tracks", "trajectory")
    assert by_id["adt_a_1"].images_checked == 6
    text = format_table(report)
    assert "adt, camera poses not stated" in text
    assert "camera poses not stated (no extrinsics_w2c), motion in the world unknown: 6" in text
    assert "missing  extrinsics_w2c in a_1.npz" in text
    assert re.search(rf"BROKEN +{re.escape(str(bad))}#frame=5: the image is cut short", text)
    assert re.search(rf"BROKEN +{re.escape(str(gone))}: it has no array visibility", text)
    tasks = by_id["pstudio_juggle_8"].tasks
    assert [(found.task, found.served) for found in tasks] == [("test/motion", True), ("test/depth", False)]
