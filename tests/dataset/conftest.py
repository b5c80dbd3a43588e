"""Rows that follow every rule, made without scenes or engines, and run directories of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spatialgen.dataset import images, read, schema, shards
from spatialgen.dataset.card import dataset_card
from spatialgen.dataset.finalise import finalise
from spatialgen.media import images as codec

WIDTH, HEIGHT = 160, 120
SKIPS = {"points too close in depth": 7, "mark not on a stable surface": 2}


def scene_image(scene: str, frame: int) -> np.ndarray:
    """A picture with soft gradients and blocks, different for every frame."""
    rng = np.random.default_rng(int(hashlib.sha1(f"{scene}{frame}".encode()).hexdigest()[:8], 16))
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    rgb = np.stack([x * 255 / WIDTH, y * 255 / HEIGHT, (x + y) * 200 / (WIDTH + HEIGHT)], axis=-1)
    for _ in range(4):
        top, left = rng.integers(0, HEIGHT - 30), rng.integers(0, WIDTH - 40)
        rgb[top : top + 30, left : left + 40] = rng.integers(0, 255, 3)
    return rgb.astype(np.uint8)


def write_scene_images(root: Path, scene: str, frames: int = 3) -> None:
    for frame in range(frames):
        path = root / "posed_images" / scene / f"{frame:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(codec.encode_jpeg(scene_image(scene, frame), 90))


def make_row(
    number: int = 0, *, scene: str = "scene0000_00", variant: str = "dot", root: Path | None = None, **changes: Any
) -> dict[str, Any]:
    """Row ``number`` of a scene: a depth comparison; embedded when ``root`` is given."""
    frame, ask = number % 3, ("closer", "farther")[number % 2]
    depths = [1.0 + 0.01 * number, 2.5 + 0.02 * number]
    answer = depths.index(min(depths) if ask == "closer" else max(depths))
    places = [(30.25 + number % 40, 40.5), (110.75, 70.0 + number % 30)]
    drawn = variant == "dot"
    texts = (
        ["A", "B"]
        if drawn
        else [f"[{round(1000 * (x + 0.5) / WIDTH)}, {round(1000 * (y + 0.5) / HEIGHT)}]" for x, y in places]
    )
    points = [
        {
            "image": 0,
            "x": x,
            "y": y,
            "depth": depth,
            "label": "AB"[index] if drawn else None,
            "color": ("#ff1f1f", "#1f4fff")[index] if drawn else None,
            "instance_id": None,
            "role": "option",
        }
        for index, ((x, y), depth) in enumerate(zip(places, depths, strict=True))
    ]
    reference = f"posed_images/{scene}/{frame:05d}.jpg"
    image: dict[str, Any] = {"bytes": None, "path": reference}
    if root is not None:
        encoded = images.read(reference, root)
        image["bytes"], _ = images.embed(
            encoded, points, [], native_size=(WIDTH, HEIGHT), max_side=None, quality=90, draw=drawn
        )
    question = f"Which point is {ask} to the camera, {texts[0]} or {texts[1]}?"
    size = {"width": WIDTH, "height": HEIGHT}
    row = {
        "id": hashlib.blake2b(f"{scene}/{variant}/{number}".encode(), digest_size=16).hexdigest(),
        "suite": "multispa",
        "task": "depth_comparison",
        "variant": variant,
        "form": "choice",
        "split": "train",
        "dataset": "scannet",
        "scene_id": scene,
        "scene_group": scene.partition("_")[0],
        "frame_ids": [str(frame)],
        "images": [image],
        "marks_drawn": drawn and root is not None,
        "image_sizes": [size],
        "embedded_sizes": [size] if root is not None else None,
        "messages": [
            {"role": "user", "content": "<image>\n" + question},
            {"role": "assistant", "content": texts[answer]},
        ],
        "question": question,
        "answer": texts[answer],
        "answer_short": texts[answer],
        "answer_type": "choice",
        "value": depths,
        "units": ["m", "m"],
        "options": texts,
        "answer_index": answer,
        "points": points,
        "boxes": [],
        "objects": [],
        "margin": 1.5,
        "overlap": None,
        "occlusion": None,
        "difficulty": None,
        "slots": json.dumps({"a": {"point": 0, "text": texts[0]}, "b": {"point": 1, "text": texts[1]}}),
        "evidence": json.dumps({"ask": ask, "points": [{"depth_mesh": depth} for depth in depths]}),
        "template": f"depth_comparison/{ask}.{variant}/0123abcd",
        "engine": "depth_comparison",
        "engine_version": "1",
        "config_hash": "0123456789abcdef",
        "seed": "0",
    }
    return {**row, **changes}


def frame_row(scene: str, frame: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(schema.FRAMES_SCHEMA.names)
    return row | {
        "dataset": "scannet",
        "scene_id": scene,
        "frame_id": str(frame),
        "image_ref": f"posed_images/{scene}/{frame:05d}.jpg",
        "camera_to_world": np.eye(4).ravel().tolist(),
        "width": WIDTH,
        "height": HEIGHT,
    }


def write_part(parts: Path, scene: str, rows: dict[str, list[dict[str, Any]]], frames: int = 3) -> Path:
    folder = parts / scene
    folder.mkdir(parents=True)
    for task, some in rows.items():
        shards.write_rows(folder / f"{task}.parquet", some)
    shards.write_rows(
        folder / "frames.parquet", [frame_row(scene, index) for index in range(frames)], schema.FRAMES_SCHEMA
    )
    return folder


def make_manifest(scenes: dict[str, dict[str, int]], **config: Any) -> dict[str, Any]:
    tasks = sorted({task for rows in scenes.values() for task in rows})
    return {
        "spatialgen": "0.1.0",
        "schema_version": schema.SCHEMA_VERSION,
        "config": {"images": "path", "lang": "en", **config},
        "config_hash": "0123456789abcdef",
        "seed": 0,
        "scenes": {
            scene: {
                "dataset": "scannet",
                "group": scene.partition("_")[0],
                "split": "train",
                "frames": 3,
                "rows": rows,
                "skips": {task: dict(SKIPS) for task in rows},
                "seconds": 0.5,
            }
            for scene, rows in scenes.items()
        },
        "tasks": {
            task: {
                "suite": "multispa",
                "engine": task,
                "engine_version": "1",
                "rows": sum(n.get(task, 0) for n in scenes.values()),
            }
            for task in tasks
        },
        "created": "2025-01-01T00:00:00+00:00",
    }


def finish_run(out: Path, manifest: dict[str, Any]) -> None:
    """What the pipeline writes beside the shards."""
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "README.md").write_text(dataset_card(manifest))
    (out / "failures.json").write_text("[]")
    (out / read.SUCCESS).write_text("")


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A dataset root with the images that rows refer to."""
    root = tmp_path / "scans"
    for scene in ("scene0000_00", "scene0001_00"):
        write_scene_images(root, scene)
    return root


@pytest.fixture
def make_run(tmp_path: Path, scans: Path) -> Callable[..., Path]:
    """Makes a finished run directory of two scenes, half of its rows dots, half coordinates."""

    def make(name: str = "run", *, embed: bool = False, per_scene: int = 12) -> Path:
        out = tmp_path / name
        counts = {}
        folders = []
        for scene in ("scene0000_00", "scene0001_00"):
            rows = [
                make_row(number, scene=scene, variant=("dot", "coord")[number // 2 % 2], root=scans if embed else None)
                for number in range(per_scene)
            ]
            folders.append(write_part(out / "parts", scene, {"depth_comparison": rows}))
            counts[scene] = {"depth_comparison": len(rows)}
        finalise(out, folders, seed=0, max_rows=None, tasks=["depth_comparison"], existing=False)
        finish_run(out, make_manifest(counts, images="embed" if embed else "path"))
        return out

    return make


@pytest.fixture
def helpers() -> Any:
    """This file's functions, for tests that make rows of their own."""
    import sys

    return sys.modules[__name__]
