"""What SPAR's rows cost, path-only and with their images embedded; beside what decoding those images alone would.

    python benchmarks/spar.py [--rows 40] [--frames 60] [--scenes 1]

Both are measured in one run on one core, so that their ratio means the same on any machine. "Before" is what a scene
costs once, whatever is asked (overlap of all frames, what each shows of every object). The table is by engine: stating,
wording, Parquet, then the same rows with marks drawn in and JPEGs written, then every image of those rows decoded
once a row, which whoever trains on them has to do anyway. Everything is compiled and imported by a first small round.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import pyarrow as pa

from spatialgen import engines, synth
from spatialgen.core.geometry import SceneGeometry
from spatialgen.core.types import Fact, Scene
from spatialgen.dataset.shards import write_rows
from spatialgen.engines.base import Engine
from spatialgen.media import images as codec
from spatialgen.pipeline.config import make_config
from spatialgen.pipeline.frames import select_frames
from spatialgen.pipeline.render import Renderer
from spatialgen.pipeline.worker import paused_collection
from spatialgen.scene_io import SceneRef, detect

_Result = TypeVar("_Result")


def timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    """What some work gives, and its core-seconds."""
    with paused_collection():
        start = time.process_time()
        result = work()
        return result, time.process_time() - start


def prepare(scene: Scene) -> SceneGeometry:
    """The scene's geometry with everything that all rows share."""
    geometry = SceneGeometry(scene)
    _ = geometry.overlap, geometry.object_views, geometry.object_states, geometry.object_boxes
    return geometry


def make(
    engine: Engine, scene: Scene, ref: SceneRef, geometry: SceneGeometry, rows: int, out: Path
) -> tuple[int, list[float]]:
    """Rows made, and the core-seconds of stating, of wording with paths, with pixels, and of decoding those."""
    found, stating = timed(lambda: [f for f in engine.facts(scene, geometry, limit=rows) if isinstance(f, Fact)])
    spent = [stating]
    images: list[bytes] = []
    for kind in ("path", "embed"):
        config = make_config([f"spar/{engine.name}"], images=kind, per_scene=rows)

        def write(config: Any = config) -> list[dict[str, Any]]:
            made = Renderer(config, scene, ref, engine).rows(found)
            if made:
                write_rows(out, made)
            return made

        made, seconds = timed(write)
        spent.append(seconds)
        images = [image["bytes"] for row in made for image in row["images"] if image["bytes"]]
    _, decoding = timed(lambda: [codec.decode_rgb(image, source=None).shape for image in images])
    return len(found), [*spent, decoding]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=40, help="a scene and task")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--scenes", type=int, default=1)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    suite = [engine for engine, _ in engines.resolve("spar")]
    totals: dict[str, list[float]] = {engine.name: [0.0] * 5 for engine in suite}
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder) / "scenes", Path(folder) / "rows.parquet"
        synth.generate(root, scenes=arguments.scenes, frames=arguments.frames)
        reader, _ = detect(root)
        before = 0.0
        for number, ref in enumerate(reader.scenes(root)):
            scene = select_frames(reader.read(ref), "novel")
            if number == 0:
                warm = prepare(scene)
                for engine in suite:
                    make(engine, scene, ref, warm, 2, out)
            geometry, seconds = timed(lambda scene=scene: prepare(scene))
            before += seconds
            for engine in suite:
                count, spent = make(engine, scene, ref, geometry, arguments.rows, out)
                totals[engine.name] = [a + b for a, b in zip(totals[engine.name], (count, *spent), strict=True)]
    print(
        f"{arguments.scenes} scenes, {arguments.frames} frames each; before: {before / arguments.scenes:.2f} s a scene"
    )
    print(f"\n{'engine':15} {'rows':>6}" + "".join(f"{name:>12}" for name in ("stating", "path", "embed", "decoding")))
    totals["all"] = [sum(column) for column in zip(*totals.values(), strict=True)]
    for name, (count, *spent) in totals.items():
        print(f"{name:15} {count:6.0f}" + "".join(f"{1e3 * one / max(count, 1):9.2f} ms" for one in spent))
    _, stating, path, embed, decoding = totals["all"]
    print(f"\npath-only rows, all told, over decoding their images: {(before + stating + path) / decoding:.2f}")
    print(f"embedded rows, all told, over decoding their images:  {(before + stating + embed) / decoding:.2f}")


if __name__ == "__main__":
    main()
