"""How fast visibility, overlap and the mesh z-buffer are, against plain references, on one core.

    python benchmarks/visibility.py               all tables
    python benchmarks/visibility.py --only c      one of a, b, c, d, memory

(a) sensor mode against a plain-numpy implementation of the published algorithm, decoding excluded on both sides;
(b) everything including decoding against decoding the 16-bit PNGs alone;
(c) the z-buffer against Open3D ray casting of the same mesh;
(d) the z-buffer through distorted lenses against that of a pinhole of the same focal length;
memory: peak resident size for 5,000 frames x 500,000 vertices, in a process of its own.
"""

from __future__ import annotations

import os

os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.raster import TriangleClusters, build_clusters, rasterise
from spatialgen.core.settings import GeometrySettings, settings_for
from spatialgen.core.types import Camera, Frame, Instance, Scene

ROOM = np.array([[0.0, 0.0, 0.0], [6.4, 5.2, 2.7]])
INTRINSICS = np.array([[577.0, 0.0, 319.5], [0.0, 577.0, 239.5], [0.0, 0.0, 1.0]])
SIZE = (640, 480)
NOISE, HOLES = 0.01, 0.08


# ---------------------------------------------------------------------------------------------------------------------
# the scene


def furniture(rng: np.random.Generator) -> np.ndarray:
    """(18, 2, 3): corners of boxes that stand on the floor, some with a smaller one on top."""
    boxes = []
    for place in range(12):
        x, y = 0.5 + 1.5 * (place % 4), 0.4 + 1.7 * (place // 4)
        low = np.array([x + rng.uniform(0, 0.3), y + rng.uniform(0, 0.3), 0.0])
        size = rng.uniform([0.4, 0.4, 0.4], [1.0, 1.0, 1.4])
        boxes.append([low, low + size])
        if place % 2:
            top = np.array([*(low[:2] + 0.1), size[2]])
            boxes.append([top, top + rng.uniform(0.12, 0.28, 3)])
    return np.array(boxes)


def gridded(box: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """A box's six sides as welded-by-side grids of about ``step`` metres."""
    vertices, faces, start = [], [], 0
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        nu, nv = (max(round((box[1, a] - box[0, a]) / step), 1) + 1 for a in (u, v))
        index = np.arange(nu * nv).reshape(nu, nv)
        a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
        side_faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
        for side in (0, 1):
            grid = np.empty((nu, nv, 3))
            grid[..., axis] = box[side, axis]
            grid[..., u] = np.linspace(box[0, u], box[1, u], nu)[:, None]
            grid[..., v] = np.linspace(box[0, v], box[1, v], nv)
            vertices.append(grid.reshape(-1, 3))
            faces.append(side_faces + start)
            start += nu * nv
    return np.concatenate(vertices), np.concatenate(faces)


def room(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A furnished room of about ``count`` vertices (twice as many triangles), and each vertex's object."""
    boxes = [ROOM, *furniture(np.random.default_rng(7))]
    area = sum(2 * float(e[0] * e[1] + e[1] * e[2] + e[2] * e[0]) for e in (box[1] - box[0] for box in boxes))
    step = float(np.sqrt(area / count))
    vertices, faces, owner, start = [], [], [], 0
    for index, box in enumerate(boxes):
        v, f = gridded(box, step)
        vertices.append(v)
        faces.append(f + start)
        owner.append(np.full(len(v), index))
        start += len(v)
    return (
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(faces).astype(np.int32),
        np.concatenate(owner).astype(np.int32),
    )


def walk(count: int) -> list[np.ndarray]:
    """Camera poses of someone who goes round the room at eye height and looks about."""
    poses = []
    for t in np.linspace(0, 1, count, endpoint=False):
        round_trip = 2 * np.pi * t
        eye = np.array([3.2 + 2.3 * np.cos(round_trip), 2.6 + 1.8 * np.sin(round_trip), 1.55 + 0.1 * np.sin(9 * t)])
        heading = round_trip + np.pi + 0.9 * np.sin(5 * round_trip)
        forward = np.array([np.cos(heading), np.sin(heading), -0.35 + 0.2 * np.sin(7 * round_trip)])
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = right, np.cross(forward, right), forward, eye
        poses.append(pose)
    return poses


def noisy(depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Millimetres, uint16: with noise that grows with depth and without some pixels."""
    measured = depth * (1 + NOISE * rng.standard_normal(depth.shape))
    measured[rng.random(depth.shape) < HOLES] = 0
    return np.clip(measured * 1000 + 0.5, 0, 65535).astype(np.uint16)


def make_scene(
    vertices: np.ndarray, faces: np.ndarray, owner: np.ndarray, cameras: Sequence[Camera], load: Sequence[Callable]
) -> Scene:
    return Scene(
        id="benchmark",
        dataset="benchmark",
        group="benchmark",
        frames=tuple(
            Frame(str(i), camera, bytes, str(i), camera, loader, f"{i}.png", 0.001)
            for i, (camera, loader) in enumerate(zip(cameras, load, strict=True))
        ),
        vertices=vertices,
        faces=faces,
        vertex_instance=owner,
        instances=tuple(Instance(str(i), f"box {i}", f"box {i}") for i in range(int(owner.max()) + 1)),
    )


# ---------------------------------------------------------------------------------------------------------------------
# the references


def published_visibility(points: np.ndarray, camera: Camera, depth: np.ndarray) -> np.ndarray:
    """Inside the image and 0 < Z < D at the nearest depth pixel (Multi-SpatialMLLM, arXiv 2505.17015), plain numpy."""
    world = np.hstack([points, np.ones((len(points), 1), points.dtype)])
    seen = world @ np.linalg.inv(camera.camera_to_world).T
    z = seen[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        image = seen[:, :3] @ camera.intrinsics.T
        u, v = image[:, 0] / z, image[:, 1] / z
        inside = (z > 0) & (u >= -0.5) & (u < camera.width - 0.5) & (v >= -0.5) & (v < camera.height - 0.5)
    visible = np.zeros(len(points), dtype=bool)
    column, row = np.floor(u[inside] + 0.5).astype(int), np.floor(v[inside] + 0.5).astype(int)
    visible[inside] = z[inside] < depth[row, column]
    return visible


def published_overlap(visible: Sequence[np.ndarray]) -> np.ndarray:
    overlap = np.zeros((len(visible), len(visible)))
    for i, a in enumerate(visible):
        for j in range(i + 1, len(visible)):
            b = visible[j]
            union = np.sum(a | b)
            overlap[i, j] = overlap[j, i] = np.sum(a & b) / union if union else 0.0
    return overlap


# ---------------------------------------------------------------------------------------------------------------------
# the tables


def timed(action: Callable, repeat: int = 1) -> tuple[float, object]:
    """Best of a few: seconds and the last result."""
    best, result = np.inf, None
    for _ in range(repeat):
        start = time.perf_counter()
        result = action()
        best = min(best, time.perf_counter() - start)
    return best, result


def geometry_of(scene: Scene, settings: GeometrySettings) -> SceneGeometry:
    geometry = SceneGeometry(scene, settings)
    geometry.overlap  # noqa: B018 - computes visibility and overlap
    return geometry


def warm_up() -> None:
    """Compile (or load) every kernel that is timed."""
    vertices, faces, owner = room(2000)
    camera = Camera(INTRINSICS, walk(2)[0], *SIZE)
    depth = rasterise(vertices, faces, camera).depth
    scene = make_scene(vertices, faces, owner, [camera], [lambda: depth])
    for settings in (settings_for("default"), settings_for("multispa")):
        geometry_of(scene, settings)


def table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows)
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")


def sensor_tables(which: str, frames: int, count: int) -> None:
    vertices, faces, owner = room(count)
    clusters = build_clusters(vertices, faces)
    cameras = [Camera(INTRINSICS, pose, *SIZE) for pose in walk(frames)]
    rng = np.random.default_rng(11)
    stored = [cv2.imencode(".png", noisy(rasterise(None, None, c, 0.1, clusters).depth, rng))[1] for c in cameras]
    size = f"{frames} frames x {len(vertices):,} vertices, depth {SIZE[0]} x {SIZE[1]} with {NOISE:.0%} noise"

    def decoded(png: np.ndarray) -> np.ndarray:
        return cv2.imdecode(png, cv2.IMREAD_UNCHANGED).astype(np.float32) * np.float32(0.001)

    if "a" in which:
        maps = [decoded(png) for png in stored]
        scene = make_scene(vertices, faces, owner, cameras, [lambda m=m: m for m in maps])
        ours, geometry = timed(lambda: geometry_of(scene, settings_for("multispa")), repeat=3)
        default = GeometrySettings(depth_source="sensor")
        two_sided, _ = timed(lambda: geometry_of(scene, default), repeat=3)
        first, visible = timed(
            lambda: [published_visibility(vertices, c, m) for c, m in zip(cameras, maps, strict=True)]
        )
        second, _ = timed(lambda: published_overlap(visible))
        different = sum(int((geometry.visibility.visible(i) != v).sum()) for i, v in enumerate(visible))
        table(
            f"(a) sensor mode without decoding: {size}",
            [
                ("plain numpy: visibility", f"{first:8.3f} s"),
                ("plain numpy: overlap", f"{second:8.3f} s"),
                ("spatialgen, the published test (preset multispa)", f"{ours:8.3f} s"),
                ("spatialgen, two-sided tolerance", f"{two_sided:8.3f} s"),
                ("ratio, the published test (target >= 15)", f"{(first + second) / ours:8.1f}"),
                ("ratio, two-sided tolerance", f"{(first + second) / two_sided:8.1f}"),
                ("bits that differ from plain numpy", f"{different:8d} of {frames * len(vertices):,}"),
            ],
        )
    if "b" in which:
        scene = make_scene(vertices, faces, owner, cameras, [lambda p=p: decoded(p) for p in stored])
        alone, _ = timed(lambda: [cv2.imdecode(png, cv2.IMREAD_UNCHANGED) for png in stored], repeat=2)
        rows = [("decoding the PNGs alone", f"{alone:8.3f} s")]
        for name, settings in (("sensor", GeometrySettings(depth_source="sensor")), ("both", GeometrySettings())):
            all_of_it, _ = timed(lambda settings=settings: geometry_of(scene, settings), repeat=2)
            rows.append((f"everything, depth source {name}", f"{all_of_it:8.3f} s"))
            rows.append((f"ratio{' (target <= 1.5)' if name == 'sensor' else ''}", f"{all_of_it / alone:8.2f}"))
        table(f"(b) with decoding: {size}", rows)


def raster_table(triangles: int) -> None:
    import open3d as o3d

    vertices, faces, owner = room(triangles // 2)
    building, clusters = timed(lambda: build_clusters(vertices, faces))
    assert isinstance(clusters, TriangleClusters)
    rays_scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    rays_scene.add_triangles(o3d.core.Tensor(vertices), o3d.core.Tensor(faces.astype(np.uint32)))
    cameras = {f"walk {i}": Camera(INTRINSICS, pose, *SIZE) for i, pose in enumerate(walk(300)) if i % 30 == 0}
    outside = np.eye(4)
    outside[:3, 0], outside[:3, 1], outside[:3, 2] = (1, 0, 0), (0, -1, 0), (0, 0, -1)
    outside[:3, 3] = (3.2, 2.6, 2.7 + 6.5)
    above = {"the whole mesh in view": Camera(INTRINSICS, outside, *SIZE)}
    grid = np.stack(np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1])), -1).reshape(-1, 2)
    face_owner = owner[faces[:, 0]]
    for name, group in (("inside the room, 10 views", cameras), ("above the room", above)):
        totals = {"ours": 0.0, "open3d": 0.0}
        same_instance, same_depth, pixels = 0, 0, 0
        for camera in group.values():
            directions = np.column_stack([grid, np.ones(len(grid))]) @ np.linalg.inv(camera.intrinsics).T
            directions = directions @ camera.camera_to_world[:3, :3].T  # z = 1, so that t is the depth
            rays = np.hstack([np.broadcast_to(camera.centre, directions.shape), directions]).astype(np.float32)
            tensor = o3d.core.Tensor(rays)
            seconds, answer = timed(lambda t=tensor: rays_scene.cast_rays(t, nthreads=1), repeat=3)
            totals["open3d"] += seconds
            seconds, ours = timed(lambda c=camera: rasterise(None, None, c, 0.1, clusters), repeat=5)
            totals["ours"] += seconds
            depth = answer["t_hit"].numpy().reshape(SIZE[::-1])
            hit = np.isfinite(depth)
            triangle = answer["primitive_ids"].numpy().reshape(SIZE[::-1])
            theirs = np.where(hit, face_owner[np.where(hit, triangle, 0)], -1)
            mine = np.where(ours.triangle >= 0, face_owner[ours.triangle], -1)
            same_instance += int((theirs == mine).sum())
            same_depth += int((np.abs(np.where(hit, depth, 0) - ours.depth) <= 0.002).sum())
            pixels += depth.size
        table(
            f"(c) {len(faces):,} triangles at {SIZE[0]} x {SIZE[1]}, {name}",
            [
                ("Open3D cast_rays, one thread, a view", f"{1000 * totals['open3d'] / len(group):8.2f} ms"),
                ("spatialgen z-buffer, a view", f"{1000 * totals['ours'] / len(group):8.2f} ms"),
                ("ratio (target >= 5)", f"{totals['open3d'] / totals['ours']:8.1f}"),
                ("cutting the mesh into clusters, once", f"{1000 * building:8.2f} ms"),
                ("pixels equal in instance (target >= 99.99 %)", f"{100 * same_instance / pixels:8.4f} %"),
                ("pixels equal within 2 mm (target >= 99.99 %)", f"{100 * same_depth / pixels:8.4f} %"),
            ],
        )


def lens_table(triangles: int) -> None:
    vertices, faces, _ = room(triangles // 2)
    clusters = build_clusters(vertices, faces)
    poses = walk(300)[::50]
    lenses = {
        "pinhole": ("pinhole", ()),
        "opencv": ("opencv", (-0.1, 0.01, 0.001, 0.001)),
        "opencv_fisheye": ("opencv_fisheye", (0.05, -0.01, 0.003, -0.0006)),
    }
    # Focal lengths: a phone's; that at which a fisheye of this size sees 130 degrees; its whole field.
    for focal in (577.0, 289.0, 130.0):
        intrinsics = np.array([[focal, 0, 319.5], [0, focal, 239.5], [0, 0, 1]])
        seconds = {}
        for name, (model, distortion) in lenses.items():
            cameras = [Camera(intrinsics, pose, *SIZE, model, distortion) for pose in poses]
            rasterise(None, None, cameras[0], 0.1, clusters)  # its rays are made once
            each = [timed(lambda c=c: rasterise(None, None, c, 0.1, clusters), repeat=9)[0] for c in cameras]
            seconds[name] = sum(each) / len(each)
        table(
            f"(d) {len(faces):,} triangles at {SIZE[0]} x {SIZE[1]} through other lenses, focal length {focal:.0f} px",
            [
                (
                    name,
                    f"{1000 * value:8.2f} ms a view, {value / seconds['pinhole']:4.1f} times a pinhole (target <= 3)",
                )
                for name, value in seconds.items()
            ],
        )


def memory_probe(frames: int, count: int) -> None:
    """Everything for a very large scene; prints the peak. Depth is drawn when asked for, so that none is stored."""
    vertices, faces, owner = room(count)
    clusters = build_clusters(vertices, faces)
    size = (160, 120)
    full = Camera(INTRINSICS, np.eye(4), *SIZE)
    small = full.resized(*size).intrinsics
    cameras = [Camera(small, pose, *size) for pose in walk(frames)]
    load = [lambda c=c: rasterise(None, None, c, 0.1, clusters).depth for c in cameras]
    scene = make_scene(vertices, faces, owner, cameras, load)
    del vertices, faces, owner
    geometry = SceneGeometry(scene, GeometrySettings(depth_source="sensor"))
    seen, _ = timed(lambda: geometry.visibility)
    pairs, _ = timed(lambda: geometry.overlap)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    table(
        f"memory: {frames:,} frames x {geometry.visibility.count:,} vertices, sensor mode (bits for seen and known)",
        [
            ("visibility, drawing the depth included", f"{seen:8.1f} s"),
            ("overlap", f"{pairs:8.1f} s"),
            ("peak resident memory (target <= 1.5)", f"{peak:8.2f} GB"),
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("a", "b", "c", "d", "memory"), help="one table")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--vertices", type=int, default=250_000)
    parser.add_argument("--triangles", type=int, default=500_000)
    parser.add_argument("--probe", type=int, nargs=2, metavar=("FRAMES", "VERTICES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.probe:
        memory_probe(*options.probe)
        return
    warm_up()
    if options.only in (None, "a", "b"):
        sensor_tables(options.only or "ab", options.frames, options.vertices)
    if options.only in (None, "c"):
        raster_table(options.triangles)
    if options.only in (None, "d"):
        lens_table(options.triangles)
    if options.only in (None, "memory"):
        sys.stdout.flush()
        subprocess.run([sys.executable, __file__, "--probe", "5000", "500000"], check=True)


if __name__ == "__main__":
    main()
