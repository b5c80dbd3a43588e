"""Arrays and images in .npz files: read member by member, nothing unpickled, every kind of damage named."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.tapvid3d_writer import as_objects, jpeg, take, write

from spatialgen.errors import SceneError
from spatialgen.media import npz, npz_video
from spatialgen.media.npz_video import NpzVideo
from spatialgen.media.references import check_whole, read_image

IMAGES = [jpeg(seed) for seed in range(5)]


class Touch:
    """Pickled, it asks whoever loads it to make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.path}",)


def npy(array: np.ndarray, **changes: object) -> bytes:
    """A .npy file whose header may lie."""
    stream = io.BytesIO()
    header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(stream, header | changes)
    return stream.getvalue() + array.tobytes()


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return path


def object_npy(payload: bytes, count: int) -> bytes:
    return npy(np.zeros(0), descr="|O", shape=(count,)) + payload


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    "stored",
    [
        np.array(IMAGES),
        as_objects(IMAGES),
        as_objects([np.frombuffer(data, np.uint8) for data in IMAGES]),
        np.array([np.frombuffer(data.ljust(max(map(len, IMAGES)), b"\0"), np.uint8) for data in IMAGES]),
    ],
    ids=["S", "object", "uint8 arrays", "padded uint8"],
)
def test_images_come_back_byte_for_byte(tmp_path: Path, stored: np.ndarray, compressed: bool) -> None:
    path = tmp_path / "a.npz"
    (np.savez_compressed if compressed else np.savez)(path, before=np.arange(7), images_jpeg_bytes=stored, z=np.eye(2))
    video = NpzVideo(path)
    assert len(video) == len(IMAGES)
    assert video.size == (96, 72)
    assert [video.image_bytes(n) for n in (3, 0, 4, 1, 2)] == [IMAGES[n] for n in (3, 0, 4, 1, 2)]
    assert read_image(tmp_path, "a.npz#frame=3") == IMAGES[3]
    assert video.ends(2) == (IMAGES[2][:16], IMAGES[2][-1024:], len(IMAGES[2]))
    check_whole(tmp_path, "a.npz#frame=4")
    copy = pickle.loads(pickle.dumps(video))
    assert copy.image_bytes(1) == IMAGES[1]
    assert len(pickle.dumps(video)) < 400


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_pickles_of_every_numpy_are_read(tmp_path: Path, protocol: int, module: bytes) -> None:
    pickled = pickle.dumps(as_objects(IMAGES[:3]), protocol=protocol)
    if protocol < 4:  # names of framed pickles carry their length
        pickled = pickled.replace(b"numpy._core.multiarray", module)
    path = archive(tmp_path / "a.npz", images_jpeg_bytes=object_npy(pickled, 3))
    video = NpzVideo(path)
    assert video.size == (96, 72)
    assert video.image_bytes(2) == IMAGES[2]


def test_the_first_image_alone_is_read_for_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, compressed in (("object", False), ("object", True), ("S", False), ("S", True), ("uint8", True)):
        path = write(tmp_path / f"{name}{compressed}.npz", take(), images=name, compressed=compressed)
        with monkeypatch.context() as patch:
            patch.setattr(npz_video, "_all_images", None)
            assert NpzVideo(path).size == (96, 72)
            if name == "S" and not compressed:
                NpzVideo(path).image_bytes(3)


def test_few_videos_are_kept_and_changed_ones_read_anew(tmp_path: Path) -> None:
    for number in range(5):
        NpzVideo(write(tmp_path / f"{number}.npz", take(), images="object")).image_bytes(1)
    assert npz_video._all_images.cache_info().currsize == npz_video._all_images.cache_info().maxsize == 2
    path = tmp_path / "0.npz"
    write(path, take(4), images="object", images_jpeg_bytes=as_objects(IMAGES[::-1]))
    assert NpzVideo(path).image_bytes(0) == IMAGES[4]


def evil(where: Path) -> dict[str, bytes]:
    """Pickles that would run something, or ask for more than bytes."""
    touch = Touch(where)
    rest = as_objects([touch, *IMAGES[1:]])
    last = as_objects([*IMAGES[:-1], touch])
    command = f"touch {where}".encode()
    return {
        "as the whole": pickle.dumps(touch),
        "first element": pickle.dumps(rest),
        "first element, protocol 2": pickle.dumps(rest, protocol=2),
        "last element": pickle.dumps(last),
        "by its opcodes": b"cposix\nsystem\n(C" + bytes([len(command)]) + command + b"tR.",
        "instance opcode": b"(S'" + command + b"'\niposix\nsystem\n.",
        "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0cos.path.join\x93.",
        "numpy's own loader": b"cnumpy\nload\n.",
        "persistent": b"Px\n.",
        "changes a function": b"\x80\x04cnumpy\ndtype\n}\x8c\x01ax\x8c\x01b" + b"\x8c\x01csb.",
        "text": pickle.dumps(as_objects(["a"] * 5)),
        "numbers": pickle.dumps(as_objects([1.5] * 5)),
        "arrays of objects": pickle.dumps(as_objects([as_objects([b"x", b"y"])] * 5)),
        "empty": b"",
        "cut": pickle.dumps(as_objects(IMAGES))[:-30],
        "noise": bytes(range(256)),
        "huge": b"\x80\x04\x8e" + (1 << 62).to_bytes(8, "little") + b"x.",
        "memory bomb": b"\x80\x02Nr\xff\xff\xff\x7f.",
        "too few": pickle.dumps(as_objects(IMAGES[:4])),
    }


@pytest.mark.parametrize("kind", sorted(evil(Path())))
@pytest.mark.parametrize("compressed", [False, True])
def test_nothing_in_a_pickle_is_run(tmp_path: Path, kind: str, compressed: bool) -> None:
    witness = tmp_path / "ran"
    path = archive(tmp_path / "a.npz", images_jpeg_bytes=object_npy(evil(witness)[kind], 5))
    if compressed:
        data = zipfile.ZipFile(path).read("images_jpeg_bytes.npy")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("images_jpeg_bytes.npy", data)
    with pytest.raises(SceneError, match="images_jpeg_bytes") as caught:
        NpzVideo(path).image_bytes(4)
    assert caught.value.path == str(path)
    assert caught.value.remedy
    assert not witness.exists()


def test_the_first_element_is_never_run_for_the_size_either(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    for kind in ("first element", "as the whole", "by its opcodes", "first element, protocol 2"):
        path = archive(tmp_path / "a.npz", images_jpeg_bytes=object_npy(evil(witness)[kind], 5))
        with pytest.raises(SceneError, match=r"was not loaded: it asks for posix\.system"):
            _ = NpzVideo(path).size
    assert not witness.exists()
    assert os.system(f"touch {witness}") == 0  # what would have happened is possible here
    assert witness.exists()


def test_numbers_come_back_and_objects_do_not(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    witness = tmp_path / "ran"
    fortran = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    np.savez(path, fortran=fortran, flags=np.array([True, False]), none=np.zeros((0, 3), np.int16), text=np.array("a"))
    np.testing.assert_array_equal(npz.read_numbers(path, "fortran"), fortran)
    assert npz.read_numbers(path, "flags").tolist() == [True, False]
    assert npz.read_numbers(path, "none").shape == (0, 3)
    assert npz.member_names(path) == {"fortran", "flags", "none", "text"}
    np.savez(path, objects=as_objects([Touch(witness)]), text=np.array("a"))
    for name, message in (("objects", "holds Python objects"), ("text", "holds values of type"), ("gone", "no array")):
        with pytest.raises(SceneError, match=message) as caught:
            npz.read_numbers(path, name)
        assert name in caught.value.what
        assert caught.value.path == str(path)
    assert not witness.exists()


def test_headers_are_not_believed(tmp_path: Path) -> None:
    """What a header announces must be there before memory is taken for it."""
    for changes in ({"shape": (1 << 40,)}, {"shape": (4,)}, {"shape": (-3,)}, {"descr": "<f4"}):
        path = archive(tmp_path / "a.npz", a=npy(np.arange(3.0), **changes))
        with pytest.raises(SceneError, match="a is damaged") as caught:
            npz.read_numbers(path, "a")
        assert caught.value.path == str(path)
    path = archive(tmp_path / "b.npz", a=b"\x93NUMPY\x09\x00", b=b"no array", c=b"")
    for name in "abc":
        with pytest.raises(SceneError, match=f"{name} is damaged"):
            npz.describe(path, name)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (np.zeros((5, 4, 4, 3), np.uint8), "not a list of encoded images"),
        (np.array(b"one"), "not a list of encoded images"),
        (np.array(["text"]), "not a list of encoded images"),
        (np.zeros(0, "S4"), "is empty"),
        (np.zeros((3, 0), np.uint8), "is empty"),
        (np.array([b"", b""]), "no readable JPEG"),
        (np.array([b"hello", *IMAGES]), "no readable JPEG"),
    ],
)
def test_other_things_than_images_are_named(tmp_path: Path, stored: np.ndarray, message: str) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, images_jpeg_bytes=stored)
    with pytest.raises(SceneError, match=message) as caught:
        _ = NpzVideo(path).size
    assert str(path) in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("as_object", [False, True])
def test_a_bad_image_is_named_by_its_frame(tmp_path: Path, as_object: bool) -> None:
    bad = [IMAGES[0], IMAGES[1][:300], b"hello", b"", jpeg(9, (64, 48))]
    np.savez(tmp_path / "a.npz", images_jpeg_bytes=as_objects(bad) if as_object else np.array(bad))
    for n, message in ((1, "cut short"), (2, "neither JPEG nor PNG"), (3, "empty"), (4, "64 x 48, the video's first")):
        with pytest.raises(SceneError, match=message) as caught:
            read_image(tmp_path, f"a.npz#frame={n}")
        assert caught.value.path == f"{tmp_path / 'a.npz'}#frame={n}"
        if n < 4:
            with pytest.raises(SceneError, match=message):
                check_whole(tmp_path, f"a.npz#frame={n}")
    with pytest.raises(SceneError, match="there is no frame 5"):
        read_image(tmp_path, "a.npz#frame=5")


@pytest.mark.parametrize("kind", ["cut", "no zip", "empty", "flipped", "folder", "absent"])
def test_a_damaged_archive_is_named(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a.npz", take(), images="object", compressed=True)
    data = path.read_bytes()
    at = data.index(b"images_jpeg_bytes.npy") + 600
    replacement = {
        "cut": data[: len(data) // 3],
        "no zip": b"hello" * 100,
        "empty": b"",
        "flipped": data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :],
    }
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind != "absent":
        path.write_bytes(replacement[kind])
    with pytest.raises(SceneError) as caught:
        NpzVideo(path).image_bytes(3)
    assert caught.value.path == str(path)
    assert caught.value.remedy
    shutil.rmtree(tmp_path)
