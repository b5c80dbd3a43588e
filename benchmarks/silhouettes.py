"""How fast the silhouettes of all objects are, on one core: against the z-buffer of the same frames and against rays.

    python benchmarks/silhouettes.py                     40 objects, 40 frames, half a million triangles
    python benchmarks/silhouettes.py --triangles 100000

For each lens: the z-buffer of the whole mesh at 640 px, and every object alone in the scene, all of them, in the same
run; once with the furniture labelled only, and once with the room too, so that every triangle is drawn for somebody.
Open3D has one scene an object and casts a ray through every pixel's centre; what it covers is compared pixel by pixel.
Last, everything that is kept about objects in frames, from an empty cache.
"""

from __future__ import annotations

import os

os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import argparse

import numpy as np
from visibility import INTRINSICS, ROOM, SIZE, gridded, make_scene, table, timed, walk

from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.projection import rays, valid_field
from spatialgen.core.raster import build_clusters, rasterise
from spatialgen.core.silhouettes import InstanceClusters, build_instance_clusters, draw_silhouettes, silhouette_mask
from spatialgen.core.types import Camera

LENSES = {
    "a pinhole": (577.0, "pinhole", ()),
    "a fisheye of 130 degrees": (289.0, "opencv_fisheye", (0.05, -0.01, 0.003, -0.0006)),
}
RAY_FRAMES = 3


def furniture(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 2, 3): corners of boxes that stand on the floor in six rows, each second one with a smaller one on it."""
    boxes: list[np.ndarray] = []
    place = 0
    while len(boxes) < count:
        low = np.array([0.3 + 1.0 * (place % 6), 0.3 + 1.2 * (place // 6 % 4), 0.0])
        low[:2] += rng.uniform(0, 0.25, 2)
        high = low + rng.uniform([0.3, 0.3, 0.4], [0.7, 0.8, 1.4])
        top = np.array([*(low[:2] + 0.1), high[2]])
        boxes += [np.array([low, high]), np.array([top, top + rng.uniform(0.12, 0.28, 3)])]
        place += 1
    return np.array(boxes[:count])


def furnished(objects: int, triangles: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces, and the object of each vertex; the room comes last."""
    boxes = [*furniture(objects, np.random.default_rng(7)), ROOM]
    area = sum(2 * float(e[0] * e[1] + e[1] * e[2] + e[2] * e[0]) for e in (box[1] - box[0] for box in boxes))
    step = float(np.sqrt(2 * area / triangles))
    parts = [gridded(box, step) for box in boxes]
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in parts)])
    return (
        np.concatenate([vertices for vertices, _ in parts]).astype(np.float32),
        np.concatenate([f + start for (_, f), start in zip(parts, starts, strict=False)]).astype(np.int32),
        np.repeat(np.arange(len(parts)), np.diff(starts)).astype(np.int32),
    )


def by_rays(
    vertices: np.ndarray, faces: np.ndarray, owner: np.ndarray, clusters: InstanceClusters, cameras: list[Camera]
) -> tuple[float, int, int]:
    """Seconds a frame that Open3D takes, how many pixels it gives otherwise, and of how many covered ones."""
    import open3d as o3d

    alone = []
    for instance in range(int(owner.max()) + 1):
        scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        own = faces[owner[faces[:, 0]] == instance].astype(np.uint32)
        scene.add_triangles(o3d.core.Tensor(vertices), o3d.core.Tensor(own))
        alone.append(scene)
    seconds, different, covered = 0.0, 0, 0
    for camera in cameras:
        y, x = np.nonzero(valid_field(camera))
        directions = rays(camera, np.column_stack([x, y])) @ camera.camera_to_world[:3, :3].T  # t is the depth
        query = np.hstack([np.broadcast_to(camera.centre, directions.shape), directions]).astype(np.float32)
        tensor = o3d.core.Tensor(query)
        for instance, scene in enumerate(alone):
            spent, answer = timed(lambda s=scene, t=tensor: s.cast_rays(t, nthreads=1))
            seconds += spent
            depth = answer["t_hit"].numpy()
            mask = silhouette_mask(clusters, instance, camera)[y, x]
            # A ray stops at what lies before the near plane, which the silhouette looks through.
            different += int(((np.isfinite(depth) != mask) & (depth > 0.1)).sum())
            covered += int(mask.sum())
    return seconds / len(cameras), different, covered


def lens_table(name: str, mesh: tuple[np.ndarray, np.ndarray, np.ndarray], frames: int) -> None:
    vertices, faces, owner = mesh
    focal, model, distortion = LENSES[name]
    intrinsics = np.array([[focal, 0, 319.5], [0, focal, 239.5], [0, 0, 1]])
    cameras = [Camera(intrinsics, pose, *SIZE, model, distortion) for pose in walk(frames)]
    clusters, objects = build_clusters(vertices, faces), int(owner.max())
    whole = owner[faces[:, 0]]
    labelled = {f"{objects} objects": np.where(whole < objects, whole, -1), f"{objects} objects and the room": whole}
    rasterise(None, None, cameras[0], 0.1, clusters)
    plain, _ = timed(lambda: [rasterise(None, None, c, 0.1, clusters) for c in cameras], repeat=3)
    rows = [("z-buffer, a frame", f"{1000 * plain / frames:9.2f} ms")]
    for what, face_instance in labelled.items():
        cut = build_instance_clusters(vertices, faces, face_instance, objects + 1)
        draw_silhouettes(cut, cameras[0])
        ours, _ = timed(lambda cut=cut: [draw_silhouettes(cut, c) for c in cameras], repeat=3)
        share = float((face_instance >= 0).mean())
        rows += [
            (f"silhouettes of {what} ({share:.0%} of the triangles), a frame", f"{1000 * ours / frames:9.2f} ms"),
            ("    times the z-buffer (target <= 3)", f"{ours / plain:9.2f}"),
        ]
        if what == f"{objects} objects":
            first = [c for i, c in enumerate(cameras) if i % max(frames // RAY_FRAMES, 1) == 0][:RAY_FRAMES]
            mine = np.where(owner < objects, owner, -1)
            theirs, different, covered = by_rays(vertices, faces, mine, cut, first)
            rows += [
                ("    Open3D, a scene an object, a frame", f"{1000 * theirs:9.2f} ms"),
                ("    times as fast as Open3D", f"{theirs * frames / ours:9.1f}"),
                ("    pixels Open3D gives otherwise", f"{different:9d} of {covered:,} covered"),
            ]
    table(f"{len(faces):,} triangles at {SIZE[0]} x {SIZE[1]} through {name}, {frames} frames", rows)


def everything_table(mesh: tuple[np.ndarray, np.ndarray, np.ndarray], frames: int) -> None:
    vertices, faces, owner = mesh
    cameras = [Camera(INTRINSICS, pose, *SIZE) for pose in walk(frames)]
    geometry = SceneGeometry(make_scene(vertices, faces, owner, cameras, [bytes] * frames))
    rows = []
    for what, action in {
        "cutting the mesh for the z-buffer": lambda: geometry.clusters,
        "and for silhouettes": lambda: geometry.instance_clusters,
        "visible pixels and modal boxes": lambda: geometry.object_views,
        "samples of all surfaces": lambda: geometry.surface_samples,
        "silhouettes, truncation, states and amodal boxes": lambda: geometry.object_states,
    }.items():
        seconds, _ = timed(action)
        rows.append((what, seconds))
    rows.append(("together", sum(seconds for _, seconds in rows)))
    table(
        f"everything about {len(geometry.scene.instances)} instances in {frames} frames, {len(faces):,} triangles",
        [(what, f"{seconds:8.2f} s") for what, seconds in rows],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=40)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--triangles", type=int, default=500_000)
    options = parser.parse_args()
    mesh = furnished(options.objects, options.triangles)
    for name in LENSES:
        lens_table(name, mesh, options.frames)
    everything_table(mesh, options.frames)


if __name__ == "__main__":
    main()
