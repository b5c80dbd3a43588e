"""A few boxes with known places, and rows about them written by hand: what the witness of the rows is tried on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .closed_form import look_at
from .mosaic_oracle import Stage
from .mosaic_rows import Reading, hardness, lost_share
from .multispa_oracle import Room
from .object_scenes import box, joined

WIDTH, HEIGHT, FOCAL = 640, 480, 503.7  # an odd number, so that no edge runs through the middle of pixels
EYE_HEIGHT = 1.21  # no coordinate of a thing: rays along edges hit or miss

THINGS = (
    ("sofa", (-1.0, 3.0, 0.0), (0.2, 3.8, 0.8)),
    ("cabinet", (0.7, 3.0, 0.0), (1.7, 3.4, 2.2)),
    ("lamp", (1.05, 4.2, 0.0), (1.35, 4.5, 1.3)),
    ("chair", (-2.4, 4.0, 0.0), (-2.0, 4.4, 0.9)),
    ("chair", (1.5, 4.6, 0.0), (1.8, 5.0, 0.9)),
    ("plant", (-1.7, 3.0, 0.0), (-1.3, 3.4, 0.6)),
    ("box", (-1.6, 6.0, 0.0), (-1.2, 6.4, 0.5)),
    ("basket", (-3.0, 5.0, 0.0), (-2.6, 5.4, 0.5)),
    ("bench", (-0.6, -2.0, 0.0), (0.6, -1.6, 0.5)),
    ("wall", (-4.0, 9.0, 0.0), (4.0, 9.1, 2.5)),
)
SOFA, CABINET, LAMP, CHAIR, OTHER_CHAIR, PLANT, BOX, BASKET, BENCH, WALL = range(len(THINGS))

ASKED_OF_A_FRAME = (
    "obj_existence_occ_lr",
    "obj_existence_occ_ab",
    "obj_attribute_occ_lr",
    "obj_spatial_occ_lr",
    "obj_localization_occ",
    "obj_distance_occ_na",
)

VIEWS = (((0, 0), (0, 1)), ((0, 8), (0, 7)), ((-6, 4), (-5, 4)), ((0.1, 0), (0.1, 1)))
"""Eye and a place straight ahead, x and y: from the front, from the back, from the left, and from the front again."""


def write_room(folder: Path) -> Room:
    """The boxes as the truth beside a synthetic scene."""
    vertices, faces = joined(*(box(low, high) for _, low, high in THINGS))
    owner = np.repeat(np.arange(len(THINGS)), [len(box(low, high)[0]) for _, low, high in THINGS])
    intrinsics = np.array([[FOCAL, 0, WIDTH / 2 - 0.5], [0, FOCAL, HEIGHT / 2 - 0.5], [0, 0, 1]])
    poses = [look_at((*eye, EYE_HEIGHT), (*ahead, EYE_HEIGHT)) for eye, ahead in VIEWS]
    size = np.array([WIDTH, HEIGHT])
    np.savez(
        folder / "truth.npz",
        vertices=vertices.astype(np.float32),
        faces=faces.astype(np.int32),
        vertex_instance=owner.astype(np.int32),
        camera_to_world=np.stack(poses),
        color_intrinsics=intrinsics,
        depth_intrinsics=intrinsics,
        color_size=size,
        depth_size=size,
    )
    objects = [{"id": index, "label": label} for index, (label, _, _) in enumerate(THINGS)]
    (folder / "truth.json").write_text(json.dumps({"objects": objects}), encoding="utf-8")
    return Room(folder)


def row(stage: Stage, task: str, roles: dict[int, str], frames: tuple[int, ...] = (0, 1, 2), **columns: Any) -> Any:
    """A row about some objects, with all evidence that follows from the scene; ``evidence`` in columns is added."""
    overlap = [[1.0 if i == j else stage.overlap(i, j) for j in frames] for i in frames]
    pairs = [overlap[i][j] for i in range(len(frames)) for j in range(i)]
    views = {(image, instance): stage.view(frame, instance) for image, frame in enumerate(frames) for instance in roles}
    evidence = {
        "view_sets": {
            "overlap_matrix": overlap,
            "mean_overlap": float(np.mean(pairs)),
            "max_overlap": max(pairs),
        },
        "objects": {
            "per_frame": [
                {
                    "image": image,
                    "id": str(instance),
                    "visible_px": view.visible_px,
                    "in_image_px": view.in_image_px,
                    "truncation": view.truncation,
                    "state": view.state,
                }
                for (image, instance), view in views.items()
            ]
        },
    }
    if task in ASKED_OF_A_FRAME:
        evidence["query_image"] = 0
    if "answer_index" in columns:
        evidence["truth_table"] = [k == columns["answer_index"] for k in range(len(columns["options"]))]
        letters = columns["options"] == ["Yes", "No"]
        short = columns["options"][columns["answer_index"]] if letters else "ABCD"[columns["answer_index"]]
        columns = {"answer_short": short, "answer": short, **columns}
        if not letters:
            listed = (f"{mark}. {option}" for mark, option in zip("ABCD", columns["options"], strict=False))
            columns["question"] = "\n".join([columns["question"], *listed])
    kept = json.dumps({**evidence, **columns.get("evidence", {})})
    finished = {
        "id": task,
        "scene_id": "plain",
        "task": task,
        "variant": "name",
        "template": f"{task}/name/0",
        "frame_ids": [str(frame) for frame in frames],
        "image_sizes": [{"width": WIDTH, "height": HEIGHT}] * len(frames),
        "objects": [
            {"instance_id": str(instance), "label": stage.names[instance], "role": role}
            for instance, role in roles.items()
        ],
        "points": [],
        "boxes": [],
        "options": None,
        "answer_index": None,
        "overlap": max(pairs),
        "margin": 1.5,
        **columns,
        "evidence": kept,
    }
    lost = lost_share(Reading(stage, finished))
    return {"occlusion": lost, "difficulty": hardness(float(np.mean(pairs)), lost), **finished}


def existence(stage: Stage, **columns: Any) -> Any:
    """Yes: the lamp behind the cabinet is right of the sofa."""
    given = {
        "question": "In Frame 0, is the lamp to the right of the sofa?",
        "options": ["Yes", "No"],
        "answer_index": 0,
        "value": [1.0],
        "evidence": {"relations": {"axis": "lr"}, "ask": "right"},
    }
    return row(stage, "obj_existence_occ_lr", {SOFA: "reference", LAMP: "target"}, **{**given, **columns})


def attribute(stage: Stage, **columns: Any) -> Any:
    """The lamp, of four, is right of the sofa."""
    roles = {SOFA: "reference", LAMP: "target", PLANT: "distractor", BOX: "distractor", BASKET: "distractor"}
    given = {
        "question": "Which object appears to the right of the sofa in Frame 0?",
        "options": ["plant", "box", "lamp", "basket"],
        "answer_index": 2,
        "value": [2.0],
        "evidence": {"relations": {"axis": "lr"}, "ask": "right"},
    }
    return row(stage, "obj_attribute_occ_lr", roles, **{**given, **columns})


def spatial(stage: Stage, **columns: Any) -> Any:
    """The lamp is right of the sofa; it is neither left of it nor closer."""
    given = {
        "question": "In Frame 0, where does the lamp appear relative to the sofa?",
        "options": ["To the left of the sofa", "Closer to the camera than the sofa", "To the right of the sofa"],
        "answer_index": 2,
        "value": [2.0],
        "evidence": {"relations": {"axis": "lr"}},
    }
    return row(stage, "obj_spatial_occ_lr", {SOFA: "reference", LAMP: "target"}, **{**given, **columns})


def count(stage: Stage, **columns: Any) -> Any:
    """Two chairs over three frames."""
    given = {
        "question": "How many chairs can be seen in these frames?",
        "options": ["3", "2", "1", "4"],
        "answer_index": 1,
        "value": [2.0],
        "units": ["count"],
        "evidence": {
            "instances_in_scene": [str(CHAIR), str(OTHER_CHAIR)],
            "scenario": {"visibility": "partially_visible", "coverage": "full"},
        },
    }
    return row(stage, "obj_count_occ", {CHAIR: "counted", OTHER_CHAIR: "counted"}, **{**given, **columns})


def best_view(stage: Stage, **columns: Any) -> Any:
    """Two chairs, both of them in frame 1 alone."""
    given = {
        "question": "How many chairs are there, and which frame shows most of them?",
        "options": ["2; Frame 0", "1; Frame 1", "2; Frame 1", "3; Frame 2"],
        "answer_index": 2,
        "value": [2.0, 1.0],
        "units": ["count", "index"],
    }
    roles = {CHAIR: "counted", OTHER_CHAIR: "counted"}
    return row(stage, "bestview_count_occ", roles, (0, 1), **{**given, **columns})


def localization(stage: Stage, **columns: Any) -> Any:
    """The lamp's box in frame 1."""
    modal = stage.view(1, LAMP).modal
    assert modal is not None
    x, y = (modal[:2] + modal[2:]) / 2
    told = f"Yes; ({round(1000 * (x + 0.5) / WIDTH)}, {round(1000 * (y + 0.5) / HEIGHT)})"
    given = {
        "question": "Is there a lamp in Frame 1? If so, where is the centre of its box?",
        "options": ["No", "Yes; (600, 200)", told, "Yes; (700, 700)"],
        "answer_index": 2,
        "value": [x, y],
        "boxes": [
            {"image": 1, "role": "target", "amodal": False, "instance_id": str(LAMP)}
            | dict(zip(("x1", "y1", "x2", "y2"), modal.tolist(), strict=True))
        ],
        "evidence": {"query_image": 1},
    }
    return row(stage, "obj_localization_occ", {LAMP: "target"}, **{**given, **columns})


def nowhere(stage: Stage, **columns: Any) -> Any:
    """No lamp in frame 0."""
    given = {
        "question": "Is there a lamp in Frame 0? If so, where is the centre of its box?",
        "options": ["No", "Yes; (600, 200)", "Yes; (300, 300)", "Yes; (700, 700)"],
        "answer_index": 0,
        "value": [],
    }
    return row(stage, "obj_localization_occ", {LAMP: "target"}, **{**given, **columns})


def camera_distance(stage: Stage, **columns: Any) -> Any:
    """From the front camera to the lamp's nearest edge, at its eye's height."""
    true = float(np.hypot(1.05, 4.2))
    given = {
        "question": "How far is the lamp from the camera of Frame 0, in metres?",
        "answer": f"{true:.1f}",
        "answer_short": f"{true:.1f}",
        "value": [true],
        "units": ["m"],
    }
    return row(stage, "obj_distance_occ_na", {LAMP: "target"}, **{**given, **columns})


def object_distance(stage: Stage, **columns: Any) -> Any:
    """Between the facing edges of sofa and lamp."""
    true = float(np.hypot(1.05 - 0.2, 4.2 - 3.8))
    given = {
        "question": "How far apart are the sofa and the lamp, in metres?",
        "answer": f"{true:.2f}",
        "answer_short": f"{true:.2f}",
        "value": [true],
        "units": ["m"],
    }
    roles = {SOFA: "reference", LAMP: "target"}
    return row(stage, "obj_obj_distance_occ_na", roles, **{**given, **columns})


def size(stage: Stage, **columns: Any) -> Any:
    """The sofa is 1.2 m long."""
    given = {
        "question": "How long is the longest side of the sofa, in centimetres?",
        "answer": "120",
        "answer_short": "120",
        "value": [1.2],
        "units": ["m"],
    }
    return row(stage, "obj_size_occ_na", {SOFA: "target"}, **{**given, **columns})
