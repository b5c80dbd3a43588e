"""How fast rows are made: coordinate form, path-only, from stating facts to finished Parquet, on one core.

    python benchmarks/rows.py [--rows 10000] [--frames 300]

Prints a table: seconds and rows/s of each step and of all steps together. The scene is synthetic, held in memory and
read before the clock starts; its mesh maps and depth lookups are part of the clock.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=300)
    arguments = parser.parse_args()

    import cv2

    from spatialgen import engines, synth
    from spatialgen.core.geometry import SceneGeometry
    from spatialgen.core.types import Fact
    from spatialgen.dataset.shards import write_rows
    from spatialgen.pipeline.config import make_config
    from spatialgen.pipeline.render import Renderer
    from spatialgen.pipeline.worker import frozen_heap
    from spatialgen.scene_io import detect

    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "scenes"
        synth.generate(root, scenes=1, frames=arguments.frames, color_size=(640, 480))
        reader, _ = detect(root)
        (ref,) = reader.scenes(root)
        scene = reader.read(ref)
        print(f"one scene, {len(scene.frames)} frames, {arguments.rows} rows a task\n")
        print(f"{'task':18} {'step':22} {'seconds':>8} {'rows/s':>9}")
        for task in ("depth_comparison", "depth_estimation"):
            engine = engines.load(task)
            config = make_config([task], images="path", variants="coord", per_scene=arguments.rows)
            geometry = SceneGeometry(scene)
            list(engine.facts(scene, geometry, limit=5, variants=["coord"]))  # compiled before the clock starts
            with frozen_heap():
                times = [time.perf_counter()]
                facts = [
                    fact
                    for fact in engine.facts(scene, geometry, limit=arguments.rows, variants=["coord"])
                    if isinstance(fact, Fact)
                ]
                times.append(time.perf_counter())
                rows = Renderer(config, scene, ref, engine).rows(facts)
                times.append(time.perf_counter())
                write_rows(Path(folder) / f"{task}.parquet", rows)
                times.append(time.perf_counter())
            spans = [b - a for a, b in itertools.pairwise(times)]
            for step, seconds in zip(("stating facts", "wording", "Parquet"), spans, strict=True):
                print(f"{task:18} {step:22} {seconds:8.3f} {len(rows) / seconds:9.0f}")
            print(f"{task:18} {'wording and Parquet':22} {sum(spans[1:]):8.3f} {len(rows) / sum(spans[1:]):9.0f}")
            print(f"{task:18} {'all':22} {sum(spans):8.3f} {len(rows) / sum(spans):9.0f}\n")


if __name__ == "__main__":
    main()
