"""Objects: which vertices are whose, and what they are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import box_room
from support.scannet_writer import group, write_scan, write_sens

from spatialgen.scene_io.scannet import READER

SCENE = "scene0000_00"
VERTICES, FACES = box_room.mesh(4)
PER_SIDE = len(VERTICES) // 6
TSV = (
    "id\traw_category\tcategory\tcount\tnyu40id\teigen13id\tnyuClass\tnyu40class\teigen13class\n"
    "1\twall\twall\t8\t1\t12\twall\twall\tWall\n"
    "5\tcouch\tcouch\t4\t6\t9\tsofa\tsofa\tSofa\n"
    "5\ttrash can\ttrash can\t4\t39\t6\tgarbage bin\totherfurniture\tFurniture\n"
    '7\t6" pipe\tpipe\t4\t40\t7\tpipe\totherprop\tObjects\n'
)


def read(root: Path, segments, groups, **more):
    folder = write_scan(root / "scans" / SCENE, VERTICES, FACES, segments=segments, groups=groups)
    write_sens(folder / f"{SCENE}.sens", box_room.take(2))
    return READER.read(READER.scenes(root)[0], **more)


def test_vertices_by_segment_last_writer_wins(tmp_path: Path) -> None:
    segments, groups = box_room.annotation(VERTICES)
    scene = read(tmp_path, segments, groups)
    assert [(i.id, i.raw_label, i.label) for i in scene.instances] == [
        ("0", "wall", "wall"),
        ("7", "Couch ", "sofa"),
        ("3", "couch", "sofa"),
        ("4", "trashcan", "trash can"),
        ("5", "floor", "floor"),
    ]
    assert scene.skipped == {"object without vertices": 1}  # the ghost; the trash can kept one of its two segments
    sides = np.repeat([0, 0, 1, 2, 4, 3], PER_SIDE)
    np.testing.assert_array_equal(scene.vertex_instance, sides)
    for index, instance in enumerate(scene.instances):
        np.testing.assert_array_equal(instance.vertex_ids, np.flatnonzero(sides == index))


def test_against_a_slow_reading_of_random_annotations(tmp_path: Path) -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    for trial in range(20):
        ids = rng.choice(10_000, 12, replace=False) - 5000
        segments = rng.choice(ids[:9], len(VERTICES))
        objects = rng.choice(500, 6, replace=False)
        groups = [group(int(o), f"thing {o}", [int(s) for s in rng.choice(ids, 3)]) for o in objects]
        owner = {}
        for entry in groups:
            owner.update(dict.fromkeys(entry["segments"], entry["objectId"]))
        truth = [str(owner[s]) if s in owner else None for s in segments.tolist()]
        scene = read(tmp_path / str(trial), segments, groups)
        found = [scene.instances[i].id if i >= 0 else None for i in scene.vertex_instance]
        assert found == truth
        assert scene.skipped.get("object without vertices", 0) == 6 - len(set(truth) - {None})


def test_no_objects_at_all(tmp_path: Path) -> None:
    scene = read(tmp_path, np.arange(len(VERTICES)), [])
    assert scene.instances == ()
    assert "instances" not in scene.capabilities


@pytest.mark.parametrize("place", ["", "tasks"])
def test_nyu40_by_raw_category(tmp_path: Path, place: str) -> None:
    segments, groups = box_room.annotation(VERTICES)
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "scannetv2-labels.combined.tsv").write_text(TSV)
    groups[4]["label"] = '6" pipe'
    scene = read(tmp_path, segments, groups, labels="nyu40")
    assert [i.label for i in scene.instances] == ["wall", "sofa", "sofa", "other prop", "unlabelled"]
    assert scene.instances[1].raw_label == "Couch "
    assert scene.skipped["object label not in the label table"] == 1  # the floor: not in this small table


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.csv", "from,to\ncouch,Divan\ntrash can,\n"),
        ("map.tsv", "couch\tDivan\ntrash can\t\n"),
        ("map.json", '{"couch": "Divan", "trash can": ""}'),
    ],
)
def test_a_mapping_file(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    segments, groups = box_room.annotation(VERTICES)
    scene = read(tmp_path, segments, groups, labels=str(path))
    assert [i.label for i in scene.instances] == ["wall", "divan", "divan", "unlabelled", "floor"]
