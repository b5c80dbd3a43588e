"""How fast rigid bodies are found, against the published formula with scipy, and how fast motion is stated; one core.

    python benchmarks/rigid.py                         300 steps, 1,500 points
    python benchmarks/rigid.py --steps 150 --points 400

(a) the published formula: one scipy ``pdist`` a step against our loss, the same linkage on both sides; losses must be
equal to the last bit. Exact tracks are those of simulators and digital twins; measured ones jitter by millimetres.
(b) the robust default on noisy tracks, and its agreement with the truth.
(c) facts a second once bodies are known.
"""

from __future__ import annotations

import os

os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from spatialgen import engines
from spatialgen.core.rigid import RIGID_PRESETS, distance_change_losses, segment
from spatialgen.core.types import Camera, Fact, Frame, Scene, Tracks

NOISES = (0.0, 0.001, 0.002, 0.005)


def turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])


def clip(steps: int, count: int, noise: float, flips: float = 0.0) -> tuple[Tracks, np.ndarray]:
    """A room's walls, two drawers, a door and a box that is carried about; and which is which."""
    rng = np.random.default_rng(7)
    body = np.repeat(np.arange(5), np.diff(np.linspace(0, count, 21).astype(int)[[0, 13, 14, 15, 17, 20]]))
    low = np.array([[0, 4.0, 0], [0.5, 1.0, 0.3], [0.5, 1.0, 0.6], [4.0, 3.9, 0.0], [2.8, 0.8, 0.3]])[body]
    size = np.array([[6, 0.6, 2.6], [0.02, 0.5, 0.2], [0.02, 0.5, 0.2], [0.8, 0.02, 2.0], [0.4, 0.4, 0.4]])[body]
    start = low + size * rng.random((count, 3))
    points = np.empty((steps, count, 3))
    for step in range(steps):
        t = 10 * step / steps
        points[step] = start
        for drawer, begin in ((1, 2.0), (2, 5.0)):
            points[step, body == drawer, 0] += np.clip(0.2 * (t - begin), 0, 0.4)
        hinge = np.array([4.0, 3.9, 0.0])
        points[step, body == 3] = (start[body == 3] - hinge) @ turn(-np.clip(0.5 * (t - 3), 0, 1.3)).T + hinge
        centre = np.array([3.0, 1.0, 0.5])
        points[step, body == 4] = (
            (start[body == 4] - centre) @ turn(0.3 * t).T + centre + [0.2 * np.sin(t), 0.15 * t, 0]
        )
    visible = rng.random(points.shape[:2]) >= flips
    return Tracks(points + rng.normal(0, noise, points.shape), visible, "world", 10 / steps), body


def published_losses(points: np.ndarray) -> np.ndarray:
    losses = np.zeros(points.shape[1] * (points.shape[1] - 1) // 2)
    before = pdist(points[0])
    for step in points[1:]:
        now = pdist(step)
        change = np.abs(now - before)
        change[change <= 0.01] = 0
        losses += change
        before = now
    return losses


def published(points: np.ndarray) -> np.ndarray:
    return fcluster(linkage(published_losses(points), "average"), 0.1, criterion="distance")


def adjusted_rand(a: np.ndarray, b: np.ndarray) -> float:
    table = np.zeros((a.max() + 2, b.max() + 2))
    np.add.at(table, (a, b), 1)
    both, first, second = (float((n * (n - 1) / 2).sum()) for n in (table, table.sum(1), table.sum(0)))
    chance = first * second / (len(a) * (len(a) - 1) / 2)
    return (both - chance) / ((first + second) / 2 - chance)


def timed(action: Callable, repeat: int = 3) -> tuple[float, object]:
    """Best of a few, in seconds of this thread, so that other work on the machine does not count."""
    best, result = np.inf, None
    for _ in range(repeat):
        start = time.process_time()
        result = action()
        best = min(best, time.process_time() - start)
    return best, result


def scene_of(tracks: Tracks) -> Scene:
    """The clip before a camera that stands still and sees all of it."""
    pose = np.eye(4)
    pose[:3, :3] = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    pose[:3, 3] = 3.0, -3.0, 1.3
    camera = Camera(np.array([[500.0, 0, 319.5], [0, 500, 239.5], [0, 0, 1]]), pose, 640, 480)
    frames = tuple(Frame(str(t), camera, bytes, str(t), track_step=t) for t in range(len(tracks.points)))
    return Scene("benchmark", "benchmark", "benchmark", frames, tracks=tracks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--points", type=int, default=1500)
    options = parser.parse_args()
    small, _ = clip(40, 60, 0.001)
    for settings in RIGID_PRESETS.values():
        segment(small, settings)

    print(f"(a) published formula, {options.steps} steps x {options.points:,} points (target: 10 x, whole)")
    print("  noise    scipy whole / loss      ours whole / loss    ratio whole / loss   equal")
    for noise in NOISES:
        tracks, _ = clip(options.steps, options.points, noise)
        theirs, labels = timed(lambda t=tracks: published(t.points), 2)
        their_loss, expected = timed(lambda t=tracks: published_losses(t.points), 2)
        ours, groups = timed(lambda t=tracks: segment(t, RIGID_PRESETS["multispa"]))
        our_loss, found = timed(lambda t=tracks: distance_change_losses(t.points, 0.01))
        sizes = np.bincount(labels)
        same = np.array_equal(expected, found) and sorted(groups.sizes) == sorted(sizes[sizes > 5])
        print(
            f"  {1000 * noise:3.0f} mm   {theirs:7.3f} s / {their_loss:7.3f} s   {ours:7.3f} s / {our_loss:7.3f} s"
            f"   {theirs / ours:8.1f} / {their_loss / our_loss:5.1f}       {same}"
        )

    print("\n(b) robust default, 1.5 % of visibility flipped")
    for noise in NOISES:
        tracks, body = clip(options.steps, options.points, noise, 0.015)
        seconds, groups = timed(lambda t=tracks: segment(t))
        rand, measured = adjusted_rand(body, groups.group), 1000 * groups.noise
        print(f"  {1000 * noise:3.0f} mm   {seconds:7.3f} s   adjusted Rand {rand:.4f}   noise {measured:.2f} mm")

    print("\n(c) engine object_movement, 5 mm noise")
    engine = engines.load("object_movement")
    scene = scene_of(clip(options.steps, options.points, 0.005, 0.015)[0])
    for limit in (10, 1000):
        seconds, items = timed(lambda limit=limit: list(engine.facts(scene, limit=limit)), 2)
        facts = sum(isinstance(item, Fact) for item in items)
        print(f"  {facts:5d} facts in {seconds:6.3f} s")
        if limit == 10:
            fixed, few = seconds, facts
    print(f"  {(facts - few) / (seconds - fixed):8.0f} facts a second once the bodies are known (target: 2,000)")


if __name__ == "__main__":
    main()
