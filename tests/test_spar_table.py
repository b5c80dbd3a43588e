"""SPAR's table of tasks and forms: what each of its three datasets serves is made, and what it cannot is said."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from support.spar_runs import LAYOUTS, quick_run, table_run
from support.spar_texts import FORMS, NO_VIDEO, TABLE

from spatialgen.cli import cli

NO_TRAJECTORY = "scene has no trajectory (frames of one camera, in order of time)"
VIDEO_TASKS = {task for task, _ in FORMS - NO_VIDEO}


def made(rows: object) -> set[tuple[str, str]]:
    return {(row["task"], row["form"]) for row in rows}  # type: ignore[attr-defined]


def test_a_house_without_videos_serves_the_tasks_about_images(
    built_once: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """But those that need objects of a name of their own, which one small house may lack."""
    run = quick_run(tmp_path_factory.getbasetemp())
    named = {pair for pair in NO_VIDEO if pair[0] in {"distance_infer_center_oc", "distance_infer_center_oc_mv"}}
    assert NO_VIDEO - named <= made(run.rows) <= NO_VIDEO
    for task in VIDEO_TASKS:
        (reason,) = run.skips[task]
        assert reason.startswith(NO_TRAJECTORY), task


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_task_and_form_of_the_table_is_made(
    built_once: None, tmp_path_factory: pytest.TempPathFactory, layout: str
) -> None:
    run = table_run(tmp_path_factory.getbasetemp(), layout, "default")
    assert made(run.rows) == (NO_VIDEO if layout == "structured3d" else FORMS)


def test_the_list_of_tasks_tells_forms_and_which_dataset_serves_what() -> None:
    result = CliRunner().invoke(cli, ["tasks", "spar", "--json"])
    assert result.exit_code == 0
    entries = {entry["task"]: entry for entry in json.loads(result.stdout)}
    assert {task: set(entry["forms"]) for task, entry in entries.items()} == TABLE
    for task, entry in entries.items():
        assert {"image", "perspective"} <= set(entry["needs"])
        assert ("trajectory" in entry["needs"]) == (task in VIDEO_TASKS)
        assert entry["formats"]["scannet"] == entry["formats"]["scannetpp"] == []
        assert ("trajectory" in entry["formats"]["structured3d"]) == (task in VIDEO_TASKS)
        assert bool(entry["formats"]["structured3d"]) == (task in VIDEO_TASKS)
        assert entry["formats"]["tapvid3d"]


def test_the_list_of_tasks_reads_well() -> None:
    result = CliRunner().invoke(cli, ["tasks", "distance_prediction_oo_video", "obj_spatial_relation_oo"])
    assert result.exit_code == 0
    video, relation = (block.split("\n") for block in result.stdout.split("\n\n"))
    if video[0].startswith("spar/obj"):
        video, relation = relation, video
    assert "  forms     fill, select, sentence" in video
    assert "  forms     select, judge, sentence" in relation
    assert "  needs     image, perspective, depth or mesh, instances, up, trajectory" in video
    (served,) = (line for line in video if line.startswith("  formats   "))
    assert {"scannet", "scannetpp"} <= set(served.replace(",", "").split())
    assert "structured3d" not in served
    (refused,) = (line for line in video if line.startswith("  not from  "))
    assert "structured3d (no trajectory)" in refused
    (refused,) = (line for line in relation if line.startswith("  not from  "))
    assert refused.startswith("  not from  tapvid3d (no depth or mesh, instances")


def test_a_task_that_is_not_there_is_named_with_what_is() -> None:
    result = CliRunner().invoke(cli, ["tasks", "room_sizes"])
    assert result.exit_code != 0
    assert "room_size" in str(result.exception)
