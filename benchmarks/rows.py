"""How fast rows are made: coordinate form, path-only, from stating facts to finished Parquet, on one core.

    python benchmarks/rows.py [--rows 10000] [--frames 100]

Prints a table of seconds and rows/s. The scene is synthetic and read before the clock starts; everything is compiled
and imported by a first small round. What a scene costs once a frame, however many rows are made of it (the mesh map,
the sensor's depth, where marks can lie), is counted apart from what every row costs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import pyarrow as pa

from spatialgen import engines, synth
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Fact, Scene
from spatialgen.dataset.shards import write_rows
from spatialgen.pipeline.config import make_config
from spatialgen.pipeline.render import Renderer
from spatialgen.pipeline.worker import paused_collection
from spatialgen.scene_io import SceneRef, detect

TASKS = ("depth_comparison", "depth_estimation")


class TimedGeometry(SceneGeometry):
    """Adds up the time spent in what engines ask of a frame."""

    seconds = 0.0
    _depth = 0

    def _timed(self, name: str, *arguments: Any, **options: Any) -> Any:
        self._depth += 1
        started = time.perf_counter()
        try:
            return getattr(super(), name)(*arguments, **options)
        finally:
            self._depth -= 1
            if not self._depth:
                self.seconds += time.perf_counter() - started

    def instance_at(self, *arguments: Any, **options: Any) -> Any:
        return self._timed("instance_at", *arguments, **options)

    def mark_verdicts(self, *arguments: Any, **options: Any) -> Any:
        return self._timed("mark_verdicts", *arguments, **options)

    def point_depth(self, *arguments: Any, **options: Any) -> Any:
        return self._timed("point_depth", *arguments, **options)


def make(task: str, scene: Scene, ref: SceneRef, rows: int, out: Path) -> tuple[int, dict[str, float]]:
    """Rows made, and the seconds of each step."""
    engine = engines.load(task)
    config = make_config([task], images="path", variants="coord", per_scene=rows)
    geometry = TimedGeometry(scene)
    with paused_collection():
        start = time.perf_counter()
        found = engine.facts(scene, geometry, limit=rows, variants=["coord"])
        facts = [fact for fact in found if isinstance(fact, Fact)]
        stated = time.perf_counter()
        made = Renderer(config, scene, ref, engine).rows(facts)
        worded = time.perf_counter()
        write_rows(out, made)
        end = time.perf_counter()
    return len(made), {
        "per frame: maps, depth, marks": geometry.seconds,
        "per row: choosing, stating": stated - start - geometry.seconds,
        "per row: wording": worded - stated,
        "per row: Parquet": end - worded,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=100)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder) / "scenes", Path(folder) / "rows.parquet"
        synth.generate(root, scenes=1, frames=arguments.frames, color_size=(640, 480))
        reader, _ = detect(root)
        (ref,) = reader.scenes(root)
        scene = reader.read(ref)
        print(f"one scene, {len(scene.frames)} frames, {len(scene.faces)} faces, {arguments.rows} rows a task\n")
        print(f"{'task':18} {'step':32} {'seconds':>8} {'us/row':>8} {'rows/s':>9}")
        for task in TASKS:
            make(task, scene, ref, 100, out)
            count, steps = make(task, scene, ref, arguments.rows, out)
            per_row = sum(seconds for step, seconds in steps.items() if step.startswith("per row"))
            steps |= {"all per row (target >= 10,000)": per_row, "all": sum(steps.values())}
            for step, seconds in steps.items():
                print(f"{task:18} {step:32} {seconds:8.3f} {1e6 * seconds / count:8.1f} {count / seconds:9.0f}")
            print()


if __name__ == "__main__":
    main()
