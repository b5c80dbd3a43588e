"""The run directory protocol, in this process (``workers=0``); tests/pipeline/test_interruption.py has the rest."""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from support.scene_folder import SceneFolder, digests

from spatialgen.errors import ConfigError, DatasetError, OutOfSpace, SceneError, UnknownName
from spatialgen.pipeline import RunResult, open_scenes, running, worker
from spatialgen.pipeline import run as run_tasks

TASKS = ("depth_comparison", "depth_estimation")


def run(scenes: SceneFolder | Path, out: Path, tasks=TASKS, **options) -> RunResult:
    root = scenes.root if isinstance(scenes, SceneFolder) else scenes
    return run_tasks(tasks, root, out, **{"workers": 0, "per_scene": 6, "frames": "every:1", **options})


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def rows_of(out: Path, task: str) -> list[dict]:
    return [row for path in sorted(out.glob(f"data/{task}/*.parquet")) for row in pq.read_table(path).to_pylist()]


def read(path: Path):
    return json.loads(path.read_text())


def test_a_run_directory_has_all_its_parts(scene_folder: SceneFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(scene_folder, out)
    assert entries(out) == ["README.md", "_SUCCESS", "data", "failures.json", "frames.parquet", "manifest.json"]
    assert result.exit_code == 0
    assert result.failures == ()
    assert result.rows == {task: len(rows_of(out, task)) for task in TASKS}
    assert all(result.rows.values())
    assert result.scenes_made == 2
    assert read(out / "failures.json") == []
    manifest = read(result.manifest)
    assert manifest["config_hash"] == rows_of(out, TASKS[0])[0]["config_hash"]
    assert {entry["scene"] for entry in manifest["scenes"].values()} == {"scene9000_00", "scene9001_00"}
    assert manifest["summary"] == dict(result.summary)
    assert set(manifest["timings"]["scenes"]) == set(manifest["scenes"])
    assert pq.read_table(out / "frames.parquet").num_rows == 8
    assert (out / "README.md").read_text().startswith("---\n")


def test_the_same_run_again_does_nothing(
    scene_folder: SceneFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    first = run(scene_folder, out)
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with caplog.at_level(logging.INFO):
        again = run(scene_folder, out)
    assert "nothing to do" in caplog.text
    assert (again.exit_code, again.scenes_made, again.rows) == (0, 0, first.rows)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == stamps


def test_rows_do_not_depend_on_other_scenes_or_on_when_a_scene_came(scene_folder: SceneFolder, tmp_path: Path) -> None:
    late, whole = tmp_path / "late", tmp_path / "whole"
    run(scene_folder, late)
    before = {row["id"]: row for task in TASKS for row in rows_of(late, task)}
    scene_folder.add("scene8999_00")
    result = run(scene_folder, late)
    assert result.scenes_made == 1
    after = {row["id"]: row for task in TASKS for row in rows_of(late, task)}
    assert len(after) > len(before)
    assert all(after[name] == row for name, row in before.items())
    run(scene_folder, whole)
    assert digests(late) == digests(whole)
    assert len(read(late / "manifest.json")["scenes"]) == 3


def test_a_limit_on_rows_holds_when_scenes_are_added(scene_folder: SceneFolder, tmp_path: Path) -> None:
    late, whole = tmp_path / "late", tmp_path / "whole"
    assert run(scene_folder, late, max_rows=5).rows == dict.fromkeys(TASKS, 5)
    scene_folder.add("scene8999_00")
    run(scene_folder, late, max_rows=5)
    assert run(scene_folder, whole, max_rows=5).rows == dict.fromkeys(TASKS, 5)
    assert digests(late) == digests(whole)


def test_another_configuration_is_refused_and_named(scene_folder: SceneFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(scene_folder, out)
    before = digests(out)
    with pytest.raises(ConfigError, match=r"per_scene: 6 there, 7 now.*--fresh"):
        run(scene_folder, out, per_scene=7)
    with pytest.raises(ConfigError, match=r"multispa/depth_comparison\.gap"):
        run(scene_folder, out, settings={"depth_comparison": {"gap": "0.25"}})
    assert digests(out) == before
    assert run(scene_folder, out, per_scene=7, fresh=True).exit_code == 0
    assert digests(out) != before


def test_a_try_that_came_to_nothing_does_not_block_the_corrected_one(scene_folder: SceneFolder, tmp_path: Path) -> None:
    out, direct = tmp_path / "out", tmp_path / "direct"
    for name in ("scene9000_00", "scene9001_00"):
        scene_folder.break_mesh(name)
    with pytest.raises(DatasetError, match="no row was made"):
        run(scene_folder, out, labels="raw")
    for name in ("scene9000_00", "scene9001_00"):
        scene_folder.repair(name)
    assert run(scene_folder, out, per_scene=5).exit_code == 0
    run(scene_folder, direct, per_scene=5)
    assert digests(out) == digests(direct)
    assert read(out / "failures.json") == []
    assert read(out / "manifest.json")["config"]["per_scene"] == 5


def test_a_committed_scene_is_not_taken_over(
    scene_folder: SceneFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def stop(*_: object, **__: object) -> None:
        raise _CutOff

    with monkeypatch.context() as patched:
        patched.setattr(running, "finalise", stop)
        with pytest.raises(_CutOff):
            run(scene_folder, out)
    with pytest.raises(ConfigError, match="per_scene: 6 there, 5 now"):
        run(scene_folder, out, per_scene=5)
    assert run(scene_folder, out).scenes_made == 0


MAPPINGS = {
    "three.csv": ("a,b,c\n", "does not have two columns"),
    "numbers.json": ('{"chair": 3}', "is not an object of label to label"),
    "nyu40": (None, "NYU40 labels need"),
}


@pytest.mark.parametrize("name", MAPPINGS)
def test_labels_that_cannot_be_used_are_refused_before_any_scene(
    name: str, scene_folder: SceneFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, message = MAPPINGS[name]
    labels = name
    if content is not None:
        (tmp_path / name).write_text(content)
        labels = str(tmp_path / name)

    def opened(*_: object) -> None:
        raise AssertionError("a scene was opened")

    monkeypatch.setattr(running, "make_scene", opened)
    with pytest.raises((ConfigError, SceneError), match=message):
        run(scene_folder, tmp_path / "out", labels=labels)
    assert not (tmp_path / "out").exists()


def test_a_single_scene_that_fails_is_told_once(
    scene_folder: SceneFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene_folder.break_mesh("scene9000_00")
    with (
        caplog.at_level(logging.INFO, "spatialgen"),
        pytest.raises(DatasetError, match=r"no row was made: scene scene9000_00 failed: .*_vh_clean_2\.ply"),
    ):
        run(scene_folder, tmp_path / "out", scene_ids=["scene9000_00"])
    assert "_vh_clean_2.ply" not in caplog.text
    assert "1 scene, about" in caplog.text
    caplog.clear()
    assert run(scene_folder, tmp_path / "both").exit_code == 3
    assert "_vh_clean_2.ply" in caplog.text
    assert "1 scene failed; " in caplog.text


def test_workers_and_cache_are_no_part_of_the_configuration(scene_folder: SceneFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(scene_folder, out)
    assert run(scene_folder, out, cache=tmp_path / "cache", scene_timeout=7).scenes_made == 0


def test_a_cache_changes_no_row(scene_folder: SceneFolder, tmp_path: Path) -> None:
    outs = [tmp_path / "plain", tmp_path / "filling", tmp_path / "using"]
    run(scene_folder, outs[0])
    for out in outs[1:]:
        run(scene_folder, out, cache=tmp_path / "cache")
    assert digests(outs[0]) == digests(outs[1]) == digests(outs[2])


@pytest.mark.parametrize("fresh", [False, True])
def test_a_foreign_folder_is_refused_and_left_alone(scene_folder: SceneFolder, tmp_path: Path, fresh: bool) -> None:
    out = tmp_path / "out"
    (out / "data").mkdir(parents=True)
    (out / "data" / "thesis.parquet").write_text("mine")
    with pytest.raises(ConfigError, match="holds no run of spatialgen"):
        run(scene_folder, out, fresh=fresh)
    assert entries(out) == ["data"]
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="is a file"):
        run(scene_folder, tmp_path / "file", fresh=fresh)


def test_fresh_removes_only_what_a_run_made(scene_folder: SceneFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(scene_folder, out)
    (out / "notes.txt").write_text("mine")
    (out / "data" / "depth_estimation" / "notes.txt").write_text("mine")
    before = digests(out)
    with pytest.raises(ConfigError, match=r"data/depth_estimation/notes\.txt: is not a file of the run"):
        run(scene_folder, out, tasks=["depth_comparison"], fresh=True)
    assert digests(out) == before
    (out / "data" / "depth_estimation" / "notes.txt").unlink()
    run(scene_folder, out, tasks=["depth_comparison"], fresh=True)
    assert (out / "notes.txt").read_text() == "mine"
    assert entries(out / "data") == ["depth_comparison"]


def test_two_runs_cannot_share_a_folder(scene_folder: SceneFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with FileLock(out / ".spatialgen.lock"), pytest.raises(ConfigError, match="another run is working"):
        run(scene_folder, out)
    (out / ".spatialgen.lock").unlink(missing_ok=True)
    assert run(scene_folder, out).exit_code == 0


def test_scenes_that_are_not_selected_now_are_not_dropped_silently(scene_folder: SceneFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(scene_folder, out)
    with pytest.raises(ConfigError, match=r"not selected now \(\S*scene9001_00\)"):
        run(scene_folder, out, scene_ids=["scene9000_00"])
    with pytest.raises(UnknownName, match="scene9000_00"):
        run(scene_folder, tmp_path / "other", scene_ids=["scene9000_0"])


def test_a_broken_scene_is_reported_and_made_when_it_is_repaired(scene_folder: SceneFolder, tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    scene_folder.break_mesh("scene9001_00")
    result = run(scene_folder, out)
    assert result.exit_code == 3
    assert (out / "_SUCCESS").exists()
    (failure,) = read(out / "failures.json")
    assert failure["scene"] == "scene9001_00"
    assert failure["kind"] == "error"
    assert failure["file"].endswith("_vh_clean_2.ply")
    assert failure["reason"]
    assert failure["remedy"]
    scene_folder.repair("scene9001_00")
    repaired = run(scene_folder, out)
    assert (repaired.exit_code, repaired.scenes_made) == (0, 1)
    assert read(out / "failures.json") == []
    run(scene_folder, whole)
    assert digests(out) == digests(whole)


def test_a_scene_that_stays_broken_costs_the_others_nothing(scene_folder: SceneFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scene_folder.break_mesh("scene9001_00")
    run(scene_folder, out)
    before = digests(out)
    again = run(scene_folder, out)
    assert (again.exit_code, again.scenes_made) == (3, 1)
    assert digests(out) == before


def test_no_row_at_all_is_an_error_with_the_reason(scene_folder: SceneFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("scene9000_00", "scene9001_00"):
        scene_folder.break_mesh(name)
    with pytest.raises(DatasetError, match=r"no row was made: all 2 scenes failed.*_vh_clean_2\.ply"):
        run(scene_folder, out)
    assert not (out / "_SUCCESS").exists()
    assert len(read(out / "failures.json")) == 2


def test_no_row_from_whole_scenes_names_the_commonest_reasons(scene_folder: SceneFolder, tmp_path: Path) -> None:
    far = {"depth_estimation": {"nearest": 90.0, "farthest": 99.0}}
    with pytest.raises(DatasetError, match=r"no row was made: 2 scenes read; \d+ times depth out of range"):
        run(scene_folder, tmp_path / "out", ["depth_estimation"], settings=far)
    assert not (tmp_path / "out" / "_SUCCESS").exists()


def test_a_mistake_of_ours_costs_one_scene_and_is_told_in_full(
    scene_folder: SceneFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = worker.frame_rows

    def stumble(scene, *rest):
        if scene.id == "scene9000_00":
            raise ZeroDivisionError("a mistake of ours")
        return whole(scene, *rest)

    monkeypatch.setattr(worker, "frame_rows", stumble)
    result = run(scene_folder, tmp_path / "out")
    assert result.exit_code == 3
    (failure,) = result.failures
    assert failure["kind"] == "bug"
    assert "Traceback" in failure["reason"]
    assert "a mistake of ours" in failure["reason"]
    assert not (tmp_path / "out" / "parts").exists()


def test_a_task_without_rows_is_a_warning_and_with_strict_an_exit_code(
    scene_folder: SceneFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"forms": ["choice"]}
    assert run(scene_folder, tmp_path / "a", **options).exit_code == 0
    assert "depth_estimation gave no row: 2 times task has none of the variants or forms" in caplog.text
    assert run(scene_folder, tmp_path / "a", strict=True, **options).exit_code == 3
    assert run(scene_folder, tmp_path / "b", strict=True, **options).exit_code == 3


def test_a_full_disk_stops_the_run_and_leaves_nothing_that_looks_finished(
    scene_folder: SceneFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    real, calls = worker.write_rows, []

    def filling_up(path, rows, *schema):
        calls.append(path)
        if len(calls) > 4:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, rows, *schema)

    with monkeypatch.context() as patched:
        patched.setattr(worker, "write_rows", filling_up)
        with pytest.raises(OutOfSpace):
            run(scene_folder, out)
    assert not (out / "_SUCCESS").exists()
    assert len(entries(out / "parts")) == 2  # run.json and the one whole scene
    assert run(scene_folder, out).scenes_made == 1
    run(scene_folder, whole)
    assert digests(out) == digests(whole)


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of its own, to be made small or read-only."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True)
        if done.returncode:
            pytest.skip(f"mounting is not permitted here ({done.stderr.decode().strip()})")
        return place

    yield mount
    subprocess.run(["umount", str(place)], capture_output=True)


def test_a_really_full_disk(scene_folder: SceneFolder, small_disk) -> None:
    out = small_disk("size=80k") / "out"
    with pytest.raises(OutOfSpace, match="free some"):
        run(scene_folder, out)
    assert not (out / "_SUCCESS").exists()
    subprocess.run(["mount", "-o", "remount,size=8m", str(out.parent)], check=True)
    assert run(scene_folder, out).exit_code == 0


def test_a_read_only_folder(scene_folder: SceneFolder, small_disk) -> None:
    with pytest.raises(DatasetError, match="cannot be written"):
        run(scene_folder, small_disk("ro,size=80k") / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_without_permission(scene_folder: SceneFolder, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(DatasetError, match="cannot be written"):
        run(scene_folder, tmp_path / "locked" / "out")


def test_a_run_that_ended_while_finishing_is_finished_by_the_next(
    scene_folder: SceneFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off after each of the files that are written at the end, on a first run and on an addition."""
    whole = tmp_path / "whole"
    run(scene_folder, whole, scene_ids=["scene9000_00"])
    first = digests(whole)
    run(scene_folder, whole)
    both = digests(whole)
    for number, name in enumerate(["failures.json", "README.md", "manifest.json", "_SUCCESS"]):
        out = tmp_path / f"out{number}"
        for selection, expected in ((["scene9000_00"], first), ([], both)):
            with monkeypatch.context() as patched:
                _die_after(patched, name)
                with pytest.raises(_CutOff):
                    run(scene_folder, out, scene_ids=selection)
            result = run(scene_folder, out, scene_ids=selection)
            assert result.exit_code == 0
            assert digests(out) == expected
            assert not (out / "parts").exists()
            assert len(read(out / "manifest.json")["scenes"]) == len(selection or [1, 2])


class _CutOff(BaseException):
    pass


def _die_after(patched: pytest.MonkeyPatch, name: str) -> None:
    from spatialgen.pipeline import directory, storage

    real = directory.write_bytes

    def write(path: Path, data: bytes) -> None:
        real(path, data)
        if path.name == name:
            raise _CutOff

    patched.setattr(directory, "write_bytes", write)
    patched.setattr(storage, "write_bytes", write)


def test_leftovers_of_a_killed_worker_are_removed(scene_folder: SceneFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scene_folder.break_mesh("scene9000_00")
    with pytest.raises(DatasetError):
        run(scene_folder, out, scene_ids=["scene9000_00"])
    leftover = out / "parts" / f"{worker.TEMPORARY}scannet--scene9000_00-123"
    leftover.mkdir()
    (leftover / "depth_comparison.parquet").write_bytes(b"half")
    scene_folder.repair("scene9000_00")
    result = run(scene_folder, out, scene_ids=["scene9000_00"])
    assert result.exit_code == 0
    assert not (out / "parts").exists()


def test_open_scenes_reads_one_after_another(scene_folder: SceneFolder) -> None:
    found = list(open_scenes(scene_folder.root, frames="max:2"))
    assert [(scene.id, len(scene.frames)) for scene in found] == [("scene9000_00", 2), ("scene9001_00", 2)]
    with pytest.raises(SceneError):
        next(open_scenes(scene_folder.root / "nowhere"))


def test_options_are_checked_before_anything_is_written(scene_folder: SceneFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for wrong in (
        {"tasks": ["depth_comparisom"]},
        {"per_scene": 0},
        {"frames": "sometimes:3"},
        {"preset": "blogg"},
        {"labels": str(tmp_path / "nothing.tsv")},
        {"workers": -1},
        {"stream": "iphone"},
        {"settings": {"depth_comparison": {"gapp": 1}}},
        {"per_scenes": 3},
    ):
        with pytest.raises((ConfigError, UnknownName)):
            run(scene_folder, out, **wrong)
    assert not out.exists()
    assert running.default_workers() >= 1
