"""What damaged files once brought out of the parsers that is no SceneError: each small, plain and by itself."""

from __future__ import annotations

import io
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.damage_targets import POINTS, TRIANGLES, npz_members, put_npz, read_npz, write_npz, write_sens
from support.scannet_writer import write_ply

from spatialgen.errors import SceneError
from spatialgen.media.npz import read_numbers
from spatialgen.media.npz_video import IMAGES, NpzVideo
from spatialgen.media.sens import SensFile
from spatialgen.scene_io._mesh import read_mesh
from spatialgen.scene_io.tapvid3d import READER as TAPVID3D

SIGNALLING = bytes.fromhex("0100a07f")


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) >= 1
    return data.replace(old, new, 1)


def refused(path: Path) -> str:
    with pytest.raises(SceneError) as caught:
        read_npz(path)
    assert str(path) in str(caught.value)
    assert caught.value.remedy
    return str(caught.value)


def with_member(folder: Path, name: str, old: bytes, new: bytes, images: str = "object") -> Path:
    parts = npz_members(folder, images)
    parts[name] = replaced(parts[name], old, new)
    return put_npz(folder, parts, zipfile.ZIP_STORED)


def test_a_signalling_nan_in_a_sens_file_is_a_pose_that_is_not_finite(tmp_path: Path) -> None:
    path = write_sens(tmp_path / "a.sens", "raw", "raw")
    data = bytearray(path.read_bytes())
    eye = np.eye(4, dtype="<f4").tobytes()
    pose = data.rindex(eye)
    data[pose + 12 : pose + 16] = SIGNALLING
    data[27:31] = SIGNALLING  # of the colour intrinsics
    path.write_bytes(data)
    file = SensFile(path)
    assert np.isnan(file.pose(2)[0, 3])
    assert np.isnan(file.header.intrinsic_color[0, 0])


def test_text_values_too_large_for_their_type(tmp_path: Path) -> None:
    path = write_ply(tmp_path / "a.ply", POINTS, TRIANGLES, text=True)
    path.write_bytes(replaced(path.read_bytes(), b" 128 ", b" 1128 "))
    with pytest.raises(SceneError, match="cut short or damaged"):
        read_mesh(path)


@pytest.mark.parametrize("lying", [False, True])
def test_the_length_of_a_list_is_no_allocation(tmp_path: Path, lying: bool) -> None:
    path = write_ply(tmp_path / "a.ply", POINTS, TRIANGLES)
    head = path.read_bytes().split(b"end_header")[0].replace(b"list uchar int", b"list int int") + b"end_header\n"
    body = path.read_bytes().split(b"end_header\n")[1][: 16 * len(POINTS)]
    lists = [struct.pack("<5i", 4, a, b, b + 4, c) for a, b, c in TRIANGLES]
    if lying:
        lists[3] = struct.pack("<i", 2**31 - 1) + lists[3][4:]
    path.write_bytes(head + body + b"".join(lists))
    tracemalloc.start()
    try:
        if lying:
            with pytest.raises(SceneError, match="cut short"):
                read_mesh(path)
        else:
            assert len(read_mesh(path)[1]) == 2 * len(TRIANGLES)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"element face", b"element junk 1_000_000_000_000\nproperty uchar a\nelement face"),
        (b"element face", b"element vertex 3\nelement face"),
        (b"element vertex 16", b"element vertex 150"),  # fits as single bytes, not as what it is
        (b"element face", b"comment \x0celement junk 1\ncomment end_header\nelement junk 999999999999\nelement face"),
        (b"list uchar int", b"list uchar float"),
    ],
)
def test_counts_that_two_parsers_could_read_differently(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = write_ply(tmp_path / "a.ply", POINTS, TRIANGLES)
    path.write_bytes(replaced(path.read_bytes(), old, new))
    tracemalloc.start()
    try:
        with pytest.raises(SceneError, match=r"a\.ply"):
            read_mesh(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b", }", b", |"),  # numpy's second attempt ends in tokenize's error
        (b"'descr': '|b1'", b"'descr': 12345"),
        (b"'descr': '|b1'", b"'descr':[('', )]"),
        (b"'descr': '|b1'", b"1       : '|b1'"),
        (b"(4, 4), }" + b" " * 20, b"(0, 4611686018427387904, 4), }"[:29]),
    ],
)
def test_headers_of_arrays_that_are_no_headers(tmp_path: Path, old: bytes, new: bytes) -> None:
    assert "visibility" in refused(with_member(tmp_path, "visibility.npy", old, new))


def test_a_shape_of_many_dimensions_and_no_elements(tmp_path: Path) -> None:
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904, 4611686018427387904), }\n"
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
    with pytest.raises(SceneError, match="x is damaged"):
        read_numbers(path, "x")


def test_more_images_than_a_length_can_say(tmp_path: Path) -> None:
    path = with_member(tmp_path, f"{IMAGES}.npy", b"(4,), }" + b" " * 20, b"(9223372036854775808,), }  ")
    assert IMAGES in refused(path)


@pytest.mark.parametrize("honest", [False, True])
def test_a_member_packed_in_another_way(tmp_path: Path, honest: bool) -> None:
    """Python knows more methods than numpy uses, and their errors are of kinds of their own."""
    path = put_npz(tmp_path, npz_members(tmp_path, "S"), zipfile.ZIP_LZMA)
    if not honest:
        data = path.read_bytes()
        start = data.index(b".npy") + 4
        path.write_bytes(data[: start + 4] + b"\xff" * 5 + data[start + 9 :])  # the properties of the first member
    assert "compressed in a way" in refused(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_directory_that_lies_about_a_length(tmp_path: Path, compressed: bool) -> None:
    path = write_npz(tmp_path, "object", compressed)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(IMAGES.encode()))
    data[entry + 20 : entry + 24] = struct.pack("<I", 1 << 30)  # compressed size
    path.write_bytes(data)
    tracemalloc.start()
    try:
        assert IMAGES in refused(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


def test_a_pickle_with_a_frame_longer_than_memory(tmp_path: Path) -> None:
    array = np.empty(1, object)
    array[0] = b"\xff\xd8\xff" * 100
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    pickled = pickle.dumps(array, 4)
    assert pickled[2:3] == b"\x95"
    pickled = pickled[:3] + b"\xff" * 8 + pickled[11:]
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr(f"{IMAGES}.npy", stream.getvalue() + pickled)
    with pytest.raises(SceneError, match="is damaged"):
        NpzVideo(tmp_path / "a.npz").image_bytes(0)


@pytest.mark.parametrize("name", ["tracks_XYZ", "extrinsics_w2c"])
def test_signalling_nans_and_singular_matrices_are_poses_left_out(tmp_path: Path, name: str) -> None:
    parts = npz_members(tmp_path, "S")
    array = np.load(io.BytesIO(parts[f"{name}.npy"])).astype("<f4")
    array.view("<u4")[1, 0, 0] = int.from_bytes(SIGNALLING, "little")
    if name == "extrinsics_w2c":
        array[2, 3] = 0.0  # its last row: no inverse, whatever the rotation
    stream = io.BytesIO()
    np.save(stream, array)
    path = put_npz(tmp_path, parts | {f"{name}.npy": stream.getvalue()}, zipfile.ZIP_STORED)
    (ref,) = TAPVID3D.scenes(path)
    scene = TAPVID3D.read(ref)
    assert [frame.id for frame in scene.frames] == (["0", "3"] if name == "extrinsics_w2c" else ["0", "1", "2", "3"])
    assert sum(scene.skipped.values()) >= 1
