"""What a million rows of each MultiSPA task cost, path-only, on one core; beside what the published engine reports.

    python benchmarks/multispa.py [--rows 800] [--frames 150] [--scenes 2]

A scene gives 800 rows a task by default: about what a million rows over ScanNet's 1,201 training scenes come to.
"Before" is what a scene costs once, whatever is asked (visibility and overlap of all frames); the table is what the
rows cost: stating, wording with the colours of drawn marks, Parquet. Everything is compiled and imported by a first
small round. Published times are of 25 workers on a large server unless a note says
otherwise (its own comments; docs/conventions.md names the source).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path

os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import pyarrow as pa

from spatialgen import engines, synth
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Fact, Scene
from spatialgen.dataset.shards import write_rows
from spatialgen.pipeline.config import make_config
from spatialgen.pipeline.frames import select_frames
from spatialgen.pipeline.render import Renderer
from spatialgen.pipeline.worker import paused_collection
from spatialgen.scene_io import SceneRef, detect

PUBLISHED = {
    ("depth_estimation", "coord"): "9,200 s, 1 process",
    ("depth_estimation", "dot"): "16,000 s, 1 process",
    ("visual_correspondence", "dot"): "50,400 s, 25 workers",
    ("visual_correspondence", "coord"): "14,400 s, 25 workers",
    ("camera_movement_x", "name"): "240 s, 25 workers",
}
"""Elapsed seconds for a million rows; of camera movement all tasks alike, after its table of pairs exists."""


def scenes_of(root: Path) -> list[tuple[Scene, SceneRef]]:
    reader, _ = detect(root)
    return [(select_frames(reader.read(ref), "novel"), ref) for ref in reader.scenes(root)]


def prepare(scene: Scene) -> tuple[SceneGeometry, float]:
    """The scene's geometry with everything that all rows share, and the seconds it took."""
    start = time.process_time()
    geometry = SceneGeometry(scene)
    if scene.has_mesh:
        _ = geometry.overlap
    return geometry, time.process_time() - start


def make(
    task: str, variant: str, scene: Scene, ref: SceneRef, geometry: SceneGeometry, rows: int, out: Path
) -> tuple[int, float]:
    """Rows made, and their core-seconds."""
    engine = engines.load(task)
    config = make_config([task], images="path", per_scene=rows)
    with paused_collection():
        start = time.process_time()
        found = engine.facts(scene, geometry, tasks=[task], limit=rows, variants=[variant])
        made = Renderer(config, scene, ref, engine).rows([fact for fact in found if isinstance(fact, Fact)])
        if made:
            write_rows(out, made)
        return len(made), time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=800, help="a scene, task and way of pointing")
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--scenes", type=int, default=2, help="static ones, and as many videos")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    tasks = [(spec, engine) for engine, specs in engines.resolve("multispa") for spec in specs]
    rows: dict[tuple[str, str], int] = defaultdict(int)
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.parquet"
        for layout in ("scannet", "tapvid3d"):
            root = Path(folder) / layout
            synth.generate(root, format=layout, scenes=arguments.scenes, frames=arguments.frames, color_size=(640, 480))
            before = 0.0
            scenes = scenes_of(root)
            for number, (scene, ref) in enumerate(scenes):
                geometry, spent = prepare(scene)
                before += spent
                for spec, _ in tasks:
                    if spec.missing(scene.capabilities):
                        continue
                    for variant in spec.variants:
                        if number == 0:
                            make(spec.name, variant, scene, ref, geometry, 20, out)
                        count, spent = make(spec.name, variant, scene, ref, geometry, arguments.rows, out)
                        rows[spec.name, variant] += count
                        seconds[spec.name, variant] += spent
            frames = sum(len(scene.frames) for scene, _ in scenes)
            print(f"{layout}: {len(scenes)} scenes, {frames} frames; before: {before / len(scenes):.2f} s a scene")
    print(f"\n{'task':30} {'variant':8} {'rows':>6} {'ms/row':>7} {'core-s per million':>19}   published, elapsed")
    for (task, variant), count in rows.items():
        if not count:
            print(f"{task:30} {variant:8} {0:6}")
            continue
        spent = seconds[task, variant] / count
        note = PUBLISHED.get((task, variant), "")
        print(f"{task:30} {variant:8} {count:6} {1e3 * spent:7.2f} {1e6 * spent:19,.0f}   {note}")


if __name__ == "__main__":
    main()
