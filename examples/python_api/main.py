"""From scans to facts and to a dataset, without the command line.

    python examples/python_api/main.py [FOLDER OF SCENES]

Without a folder two small synthetic scenes are made and used.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import spatialgen
from spatialgen import synth
from spatialgen.core.types import Fact
from spatialgen.dataset.read import open_rows


def main(scenes: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if scenes is None:
            scenes = Path(folder) / "scenes"
            synth.generate(scenes, scenes=2, frames=8, color_size=(640, 480))

        # Facts have no words: numbers in SI units, pixels, and the evidence to check them by.
        engine = spatialgen.engines.load("depth_comparison")
        for scene in spatialgen.open_scenes(scenes):
            print(f"{scene.id}: {len(scene.frames)} frames, {len(scene.instances)} objects")
            facts = [item for item in engine.facts(scene, limit=3) if isinstance(item, Fact)]
            for fact in facts:
                near, far = sorted(fact.value)
                frame = scene.frames[fact.frames[0]]
                print(f"  frame {frame.id}: {near:.2f} m against {far:.2f} m, margin {fact.margin:.1f}")

        # A dataset: the same as `spatialgen run`, to the last byte.
        result = spatialgen.run(["depth_estimation"], scenes=[scenes], out=Path(folder) / "dataset", per_scene=4)
        print(f"{sum(result.rows.values())} rows")
        for row in open_rows(Path(folder) / "dataset"):
            print(f"  {row['question']}  ->  {row['answer']}")


if __name__ == "__main__":  # workers are started by running this file again, so this line is needed
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
