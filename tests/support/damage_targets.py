"""What is damaged: an honest file of every binary format, and how all of it is read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from spatialgen.errors import SceneError
from spatialgen.media.depth_bin import HEIGHT, WIDTH, DepthBin
from spatialgen.media.images import decode_rgb, image_size
from spatialgen.media.npz_video import NpzVideo
from spatialgen.media.sens import SensFile
from spatialgen.media.video import Video
from spatialgen.scene_io._colmap import read_model
from spatialgen.scene_io._mesh import mesh_counts, read_mesh
from spatialgen.scene_io.tapvid3d import READER as TAPVID3D

from . import scannet_writer, tapvid3d_writer, tiny_colmap, tiny_scannetpp

Parts = dict[str, bytes]


@dataclass(frozen=True)
class Target:
    """A format: its honest bytes in the parts that are damaged one at a time, and a reader of all it holds.

    Attributes:
        write: the honest parts, made below a folder.
        read: reads everything from the path that ``put`` gave and checks what it gets; refusals are SceneErrors.
        weight: share of the examples; formats that take long get fewer.
        put: writes parts below a folder, and the path that ``read`` takes and errors name.
    """

    write: Callable[[Path], Parts]
    read: Callable[[Path], None]
    weight: float = 1.0
    put: Callable[[Path, Parts], Path] | None = None

    def lay(self, folder: Path, parts: Parts) -> Path:
        folder.mkdir()
        if self.put is not None:
            return self.put(folder, parts)
        ((name, data),) = parts.items()
        (folder / name).write_bytes(data)
        return folder / name


def each(count: int, *uses: Callable[[int], None]) -> None:
    """All uses of the first few numbers and the last; the first refusal is raised after all were tried."""
    refusals = []
    for n in sorted({*range(min(count, 3)), count - 1} - {-1}):
        for use in uses:
            try:
                use(n)
            except SceneError as error:
                refusals.append(error)
    if refusals:
        raise refusals[0]


def one_file(name: str, write: Callable[[Path], Path]) -> Callable[[Path], Parts]:
    return lambda folder: {name: write(folder / name).read_bytes()}


# --- .sens ----------------------------------------------------------------------------------------------------


def gradient(shape: tuple[int, ...], seed: int, dtype: type) -> np.ndarray:
    return (np.arange(np.prod(shape)).reshape(shape) * 3 + 40 * seed + 900 * (dtype is np.uint16)).astype(dtype)


def write_sens(path: Path, color: str, depth: str) -> Path:
    take = scannet_writer.Take(
        images=[gradient((12, 16, 3), n, np.uint8) for n in range(3)],
        depths=[gradient((6, 8), n, np.uint16) for n in range(3)],
        poses=[np.eye(4)] * 3,
        color_intrinsics=np.eye(3),
        depth_intrinsics=np.eye(3),
    )
    return scannet_writer.write_sens(path, take, color_codec=color, depth_codec=depth)


def read_sens(path: Path) -> None:
    file = SensFile(path)
    header, index = file.header, file.index
    assert len(file) == header.frames == len(index.poses) == len(index.depth_offset) > 0
    assert index.poses.shape == (len(file), 4, 4)
    assert index.poses.dtype == np.float64

    def color(n: int) -> None:
        file.ends("color", n)
        data = file.image_bytes(n)
        assert image_size(data) == (header.color_width, header.color_height)
        pixels = decode_rgb(data, source=f"{path}#frame={n}")
        assert pixels.shape == (header.color_height, header.color_width, 3)

    def depth(n: int) -> None:
        file.ends("depth", n)
        metres = file.depth(n)
        assert metres.shape == (header.depth_height, header.depth_width)
        assert metres.dtype == np.float32
        assert (metres >= 0).all()

    each(len(file), color, depth)
    file.check_sizes()


# --- depth.bin ------------------------------------------------------------------------------------------------


def write_depth_bin(path: Path, coding: str) -> Path:
    rows = np.arange(HEIGHT, dtype=np.uint16)[:, None] * 5
    depths = [np.broadcast_to(rows + 500 + 100 * n, (HEIGHT, WIDTH)).copy() for n in range(3)]
    return tiny_scannetpp.write_depth_bin(path, depths, coding)


def read_depth_bin(path: Path) -> None:
    file = DepthBin(path)
    assert file.coding in ("blocks", "stream")
    assert file.units_per_metre in (1.0, 1000.0)

    def depth(n: int) -> None:
        if file.holds(n):
            metres = file.depth(n)
            assert metres.shape == (HEIGHT, WIDTH)
            assert metres.dtype == np.float32
            assert np.isfinite(metres).all()
            assert (metres >= 0).all()

    each(4 if file.count is None else file.count, depth)


# --- PLY ------------------------------------------------------------------------------------------------------

POINTS = np.array([[x, y, 0.25 * x] for x in range(4) for y in range(4)], float)
TRIANGLES = [[4 * x + y, 4 * x + y + 1, 4 * x + y + 4] for x in range(3) for y in range(3)]


def write_wide_ply(path: Path) -> Path:
    """Quadrilaterals with 32-bit lengths and doubles, as several modellers write them."""
    head = "ply\nformat binary_little_endian 1.0\nelement vertex 16\n" + "".join(
        f"property double {axis}\n" for axis in "xyz"
    )
    head += "element face 9\nproperty list int int vertex_index\nend_header\n"
    faces = np.array([[4, a, a + 1, a + 5, a + 4] for a, _, _ in TRIANGLES], "<i4")
    path.write_bytes(head.encode() + POINTS.astype("<f8").tobytes() + faces.tobytes())
    return path


def read_ply(path: Path) -> None:
    count, _ = mesh_counts(path)
    vertices, faces = read_mesh(path)
    assert vertices.shape == (count, 3)
    assert vertices.dtype == np.float64
    assert np.isfinite(vertices).all()
    assert faces.ndim == 2
    assert faces.shape[1] == 3
    assert faces.dtype == np.int32
    assert not faces.size or (faces.min() >= 0 and faces.max() < count)


# --- COLMAP ---------------------------------------------------------------------------------------------------


def write_colmap(folder: Path) -> Parts:
    cameras = [
        (1, "PINHOLE", 96, 72, [80.0, 80, 48, 36]),
        (2, "OPENCV", 96, 72, [80.0, 80, 48, 36, 0.1, 0, 0, 0]),
        (3, "OPENCV_FISHEYE", 96, 72, [80.0, 80, 48, 36, 0.1, 0, 0, 0]),
    ]
    images = [(10 + n, np.eye(4), 1 + n % 3, f"a/{n}.jpg") for n in range(5)]
    tiny_colmap.write_binary(folder, cameras, images)
    return {name: (folder / name).read_bytes() for name in ("cameras.bin", "images.bin")}


def put_colmap(folder: Path, parts: Parts) -> Path:
    for name, data in parts.items():
        (folder / name).write_bytes(data)
    return folder


def read_colmap(path: Path) -> None:
    model = read_model(path)
    for camera in model.cameras.values():
        assert camera.intrinsics.shape == (3, 3)
        assert np.isfinite(camera.intrinsics).all()
        assert np.isfinite(camera.distortion).all()
        assert camera.model in ("pinhole", "opencv", "opencv_fisheye")
    for image in model.images:
        assert image.name
        assert image.camera is model.cameras[image.camera.id]
        assert image.camera_to_world.shape == (4, 4)


# --- TAPVid-3D ------------------------------------------------------------------------------------------------

NPZ_NAME = "video.npz"


def write_npz(folder: Path, images: str, compressed: bool) -> Path:
    take = tapvid3d_writer.take(steps=4)
    return tapvid3d_writer.write(folder / NPZ_NAME, take, images=images, compressed=compressed)


def npz_members(folder: Path, images: str) -> Parts:
    with zipfile.ZipFile(write_npz(folder, images, False)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if "queries" not in name}


def put_npz(folder: Path, parts: Parts, compression: int) -> Path:
    """A sound archive of damaged arrays: its checksums hide nothing."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    (folder / NPZ_NAME).write_bytes(stream.getvalue())
    return folder / NPZ_NAME


def read_npz(path: Path) -> None:
    (ref,) = TAPVID3D.scenes(path)  # beside other archives it would be passed over; asked for by name it is not
    assert TAPVID3D.detect(path) == path.parent
    assert TAPVID3D.inventory(ref).files
    summary = TAPVID3D.summary_of(ref)
    scene = TAPVID3D.read(ref)
    assert scene.tracks is not None
    steps, points = scene.tracks.visible.shape
    assert summary.frames == steps >= len(scene.frames) > 0
    assert scene.tracks.points.shape == (steps, points, 3)
    assert np.isfinite(scene.tracks.points[scene.tracks.visible]).all()
    for frame in scene.frames:
        assert np.isfinite(frame.camera.camera_to_world).all()
    video = NpzVideo(path)

    def image(n: int) -> None:
        video.ends(n)
        data = video.image_bytes(n)
        assert image_size(data) == video.size == (summary.width, summary.height)

    each(len(video), image)


# --- videos ---------------------------------------------------------------------------------------------------


def write_video(path: Path, codec: str) -> Path:
    images = [np.ascontiguousarray(np.broadcast_to(gradient((1, 64, 3), n, np.uint8), (48, 64, 3))) for n in range(8)]
    gray = codec == "ffv1"  # as masks are kept
    return tiny_scannetpp.write_video(path, [i[..., 0].copy() if gray else i for i in images], codec=codec, gray=gray)


def read_video(path: Path) -> None:
    video = Video(path)
    width, height = video.size
    assert len(video) > 0

    def pixels(n: int) -> None:
        video.check_frame(n)
        assert video.rgb(n).shape == (height, width, 3)
        assert video.gray(n).shape == (height, width)

    each(len(video), pixels)


TARGETS = {
    "sens, JPEG and zlib": Target(one_file("a.sens", partial(write_sens, color="jpeg", depth="zlib")), read_sens),
    "sens, raw": Target(one_file("a.sens", partial(write_sens, color="raw", depth="raw")), read_sens),
    "sens, PNG": Target(one_file("a.sens", partial(write_sens, color="png", depth="zlib")), read_sens, 0.5),
    "depth.bin, LZ4": Target(one_file("depth.bin", partial(write_depth_bin, coding="lz4")), read_depth_bin),
    "depth.bin, DEFLATE": Target(one_file("depth.bin", partial(write_depth_bin, coding="deflate")), read_depth_bin),
    "depth.bin, stream": Target(one_file("depth.bin", partial(write_depth_bin, coding="stream")), read_depth_bin),
    "PLY": Target(one_file("a.ply", partial(scannet_writer.write_ply, vertices=POINTS, faces=TRIANGLES)), read_ply),
    "PLY, ASCII": Target(
        one_file("a.ply", partial(scannet_writer.write_ply, vertices=POINTS, faces=TRIANGLES, text=True)), read_ply
    ),
    "PLY, wide lists": Target(one_file("a.ply", write_wide_ply), read_ply),
    "COLMAP": Target(write_colmap, read_colmap, 2.0, put_colmap),
    "npz": Target(lambda folder: {NPZ_NAME: write_npz(folder, "S", False).read_bytes()}, read_npz),
    "npz, deflated pickle": Target(lambda folder: {NPZ_NAME: write_npz(folder, "object", True).read_bytes()}, read_npz),
    "npz, arrays": Target(
        partial(npz_members, images="S"), read_npz, 0.8, partial(put_npz, compression=zipfile.ZIP_STORED)
    ),
    "npz, arrays and a pickle": Target(
        partial(npz_members, images="uint8"), read_npz, 0.8, partial(put_npz, compression=zipfile.ZIP_DEFLATED)
    ),
    "Matroska": Target(one_file("a.mkv", partial(write_video, codec="libx264")), read_video, 0.5),
    "MP4": Target(one_file("a.mp4", partial(write_video, codec="libx264")), read_video, 0.5),
    "Matroska, FFV1": Target(one_file("a.mkv", partial(write_video, codec="ffv1")), read_video, 0.5),
}
