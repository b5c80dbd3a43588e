"""The noisy scan is wrong by as much as it says, and its truth stays clean."""

from __future__ import annotations

import numpy as np
import open3d as o3d
from scipy.spatial import cKDTree

from .conftest import Disk
from .reading import alignment, read_ply, read_sens, vertex_objects


def aligned_mesh(disk: Disk) -> tuple[np.ndarray, np.ndarray]:
    mesh = read_ply(disk.folder / f"{disk.id}_vh_clean_2.ply")
    turn = alignment(disk.folder / f"{disk.id}.txt")
    return mesh.positions @ turn[:3, :3].T + turn[:3, 3], mesh.faces


def test_truth_is_that_of_the_clean_scene(clean: Disk, noisy: Disk) -> None:
    for name in ("vertices", "faces", "vertex_instance", "camera_to_world"):
        np.testing.assert_array_equal(noisy.arrays[name], clean.arrays[name])
    assert noisy.truth["parameters"]["scan_noise"]


def test_mesh_is_remade_bent_and_torn(clean: Disk, noisy: Disk) -> None:
    points, faces = aligned_mesh(noisy)
    assert 0.5 < len(points) / len(clean.arrays["vertices"]) < 0.8
    world = o3d.t.geometry.RaycastingScene(nthreads=1)
    world.add_triangles(
        o3d.core.Tensor(clean.arrays["vertices"]), o3d.core.Tensor(clean.arrays["faces"].astype(np.uint32))
    )
    away = world.compute_distance(o3d.core.Tensor(points.astype(np.float32))).numpy()
    assert 0.02 < np.percentile(away, 99.5) < 0.03
    assert away.max() < 0.045
    # Smooth: neighbours move together, so edges hardly change.
    floor = points[np.abs(points[:, 2]) < 0.03]
    near = cKDTree(floor).query(floor, k=2)[1][:, 1]
    assert np.corrcoef(floor[:, 2], floor[near, 2])[0, 1] > 0.6
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    rims = (np.unique(edges, axis=0, return_counts=True)[1] == 1).sum()
    before = np.sort(np.concatenate([clean.arrays["faces"][:, [k, (k + 1) % 3]] for k in range(3)]), axis=1)
    assert rims > 0.3 * (np.unique(before, axis=0, return_counts=True)[1] == 1).sum()


def test_holes_are_torn_into_the_surface(clean: Disk, noisy: Disk) -> None:
    points, _ = aligned_mesh(noisy)
    alone = cKDTree(points).query(clean.arrays["vertices"])[0]
    assert (alone > 0.06).sum() > 30


def test_labels_bleed_three_centimetres(clean: Disk, noisy: Disk) -> None:
    points, _ = aligned_mesh(noisy)
    labels, _ = vertex_objects(noisy.folder)
    own = clean.arrays["vertex_instance"]
    tree = cKDTree(clean.arrays["vertices"])
    nearest = own[tree.query(points)[1]]
    wrong = (labels != nearest) & (labels >= 0)
    assert 0.02 < wrong.mean() < 0.2
    # A wrong label belongs to something within 3 cm, give or take what the mesh itself was bent.
    for k in np.random.default_rng(0).choice(np.flatnonzero(wrong), 200, replace=False):
        assert labels[k] in own[tree.query_ball_point(points[k], 0.09)]
    assert 0 < (labels < 0).mean() < 0.06


def test_poses_shake_and_one_in_ten_is_lost(clean: Disk, noisy: Disk) -> None:
    turn = alignment(noisy.folder / f"{noisy.id}.txt")
    poses = [frame.pose for frame in read_sens(noisy.folder / f"{noisy.id}.sens").frames]
    lost = np.array([not np.isfinite(pose).any() for pose in poses])
    assert lost.sum() == 1
    assert all((pose == -np.inf).all() for pose, gone in zip(poses, lost, strict=True) if gone)
    np.testing.assert_array_equal(lost, noisy.arrays["dropped"])
    np.testing.assert_array_equal(lost, [camera["dropped"] for camera in noisy.truth["cameras"]])
    shifts, turns = [], []
    for pose, exact, gone in zip(poses, noisy.arrays["camera_to_world"], lost, strict=True):
        if not gone:
            written = turn @ pose
            shifts.append(np.linalg.norm(written[:3, 3] - exact[:3, 3]))
            cosine = (np.trace(written[:3, :3] @ exact[:3, :3].T) - 1) / 2
            turns.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    assert max(shifts) <= 0.0101
    assert np.mean(shifts) > 0.002
    assert max(turns) <= 0.51
    assert np.mean(turns) > 0.1


def test_depth_is_off_by_one_to_two_percent_with_holes(clean: Disk, noisy: Disk) -> None:
    exact = [frame.depth for frame in read_sens(clean.folder / f"{clean.id}.sens").frames]
    frames = read_sens(noisy.folder / f"{noisy.id}.sens").frames
    spreads = []
    for before, frame in zip(exact, frames, strict=True):
        known = frame.depth > 0
        assert 0.02 < 1 - known.mean() < 0.6
        relative = frame.depth[known] / before[known] - 1
        spreads.append(relative.std())
        assert abs(relative.mean()) < 0.01
        both = known[:, 1:] & known[:, :-1]
        error = np.where(known, frame.depth / np.maximum(before, 1.0) - 1, 0)
        assert np.corrcoef(error[:, 1:][both], error[:, :-1][both])[0, 1] > 0.5, "in patches"
        step = np.abs(np.diff(before.astype(float), axis=1)) > 200
        assert (~known[:, 1:] | ~known[:, :-1])[step].mean() > 0.95, "holes at edges"
    assert min(spreads) > 0.008
    assert max(spreads) < 0.023


def test_dark_and_distant_surfaces_return_nothing(rooms: list) -> None:
    from spatialgen.synth.noise import noisy_depth

    flat = np.full((120, 160), 3.0, np.float32)
    black, grey = np.zeros((242, 324, 3), np.uint8), np.full((242, 324, 3), 128, np.uint8)
    assert (noisy_depth(rooms[0], 0, flat, black) == 0).mean() > 0.9
    assert (noisy_depth(rooms[0], 0, flat, grey) == 0).mean() < 0.01
    assert (noisy_depth(rooms[0], 0, flat * 2.1, grey) == 0).mean() > 0.95
    assert (noisy_depth(rooms[0], 0, flat * 1.6, grey) == 0).mean() < 0.05
    first, second = (noisy_depth(rooms[0], k, flat, grey) for k in (1, 2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, noisy_depth(rooms[0], 1, flat, grey))
