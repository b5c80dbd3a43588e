from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from support.scene_folder import SceneFolder

from spatialgen import __version__, cli, errors
from spatialgen.core import settings
from spatialgen.pipeline import running


@pytest.fixture
def scene_folder(tmp_path: Path) -> SceneFolder:
    return SceneFolder(tmp_path / "scans").add("scene9000_00", "scene9001_00")


HEAVY = ("numpy", "numba", "pyarrow", "cv2", "pydantic", "scipy", "matplotlib")


def invoke(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, data and talk of a command line run in this process."""
    with pytest.raises(SystemExit) as left:
        cli.main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return left.value.code or 0, out, err


def commands(group: click.Group = cli.cli, prefix: str = "") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, f"{prefix}{name} ")
        else:
            found[f"{prefix}{name}"] = command
    return found


def test_help_imports_nothing_heavy() -> None:
    """This is what keeps ``--help`` below 0.3 s; the same holds for the help of every command."""
    script = f"""
import sys
from spatialgen import cli
for arguments in {[["--help"], ["--version"], *[[*name.split(), "--help"] for name in commands()]]!r}:
    try:
        cli.main(arguments)
    except SystemExit as left:
        assert not left.code, arguments
heavy = sorted({{name.partition(".")[0] for name in sys.modules}} & set({HEAVY!r}))
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_every_command_shows_its_example(capfd: pytest.CaptureFixture[str]) -> None:
    assert set(cli.EXAMPLES) == set(commands())
    for name, example in cli.EXAMPLES.items():
        assert example.startswith(f"spatialgen {name}")
        code, out, _ = invoke(capfd, *name.split(), "--help")
        assert code == 0
        assert example in out


def test_version(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(capfd, "--version")[:2] == (0, f"spatialgen, version {__version__}\n")
    done = subprocess.run([sys.executable, "-m", "spatialgen", "--version"], capture_output=True, text=True)
    assert done.stdout == f"spatialgen, version {__version__}\n"


QUICK = ("synth", "run", "tasks", "formats", "doctor", "show", "audit", "templates check")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_example(capfd: pytest.CaptureFixture[str], name: str) -> str:
    code, out, err = invoke(capfd, *shlex.split(cli.EXAMPLES[name])[1:])
    assert code == 0, f"{name}: {err}"
    assert out.strip()
    return out


def test_the_examples_in_the_help_work(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In the order in which a person would try them: later ones use what earlier ones made."""
    for name in QUICK:
        run_example(capfd, name)
    assert (workplace / "depth" / "_SUCCESS").exists()
    assert (workplace / "sheet.png").stat().st_size > 10_000
    # The example of materialise embeds images, so it needs rows without.
    rows = ("run", "depth_comparison", "--scenes", "scenes", "--out", "depth", "--images", "path", "--per-scene", "5")
    rows += ("--workers", "0")
    assert invoke(capfd, *rows, "--fresh")[0] == 0
    assert run_example(capfd, "materialise").startswith("depth_comparison\t")
    assert set(QUICK) | {"materialise", "demo"} == set(cli.EXAMPLES)


@pytest.mark.slow
def test_the_demo_works_and_works_again(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first = run_example(capfd, "demo")
    assert first.count("\n  Q  ") == first.count("\n  A  ") == 3
    assert Path(first.splitlines()[-1]).stat().st_size > 10_000
    assert run_example(capfd, "demo") == first


@pytest.mark.parametrize("spell", ["{a} {b}", "{a} --scenes {b}", "{a} {b} --per-scene 4"], ids=str)
def test_several_places_may_follow_scenes(
    scene_folder: SceneFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str], spell: str
) -> None:
    a, b = (scene_folder.root / name for name in ("scene9000_00", "scene9001_00"))
    arguments = ["depth_comparison", "--per-scene", "4", "--workers", "0", "--frames", "every:1", "--scenes"]
    arguments += spell.format(a=a, b=b).split()
    code, out, err = invoke(capfd, "run", *arguments, "--out", tmp_path / "out")
    assert (code, out) == (0, "depth_comparison\t8\n")
    assert "2 scenes" in err


def test_a_task_may_follow_the_scenes(
    scene_folder: SceneFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--per-scene", "4", "--workers", "0", "--scenes", str(scene_folder.root), "depth_estimation"]
    code, out, _ = invoke(capfd, "run", "depth_comparison", *arguments, "--out", tmp_path / "out")
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()] == ["depth_comparison", "depth_estimation"]
    missing = ["--scenes", str(scene_folder.root), str(tmp_path / "nowhere")]
    code, _, err = invoke(capfd, "run", "depth_comparison", *missing, "--out", tmp_path / "out")
    assert code == 1
    assert "nowhere" in err


def test_run_says_what_it_does_on_stderr_and_gives_data_on_stdout(
    scene_folder: SceneFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ("run", "depth_comparison", "--scenes", scene_folder.root, "--out", tmp_path / "out", "--workers", "0")
    code, out, err = invoke(capfd, *arguments, "--frames", "every:1", "--per-scene", "4")
    assert (code, out) == (0, "depth_comparison\t8\n")
    assert "2 scenes, about 8 frames, up to 8 rows, about" in err
    assert "1/2 " in err
    code, out, err = invoke(capfd, *arguments, "--frames", "every:1", "--per-scene", "4", "--json")
    assert code == 0
    assert json.loads(out)["rows"] == {"depth_comparison": 8}
    assert "nothing to do" in err


def test_a_config_file_gives_options_and_the_command_line_wins(
    scene_folder: SceneFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "run.toml", tmp_path / "out"
    file.write_text(f"""
tasks = ["depth_comparison"]
scenes = "{scene_folder.root}"
per-scene = 50
frames = "every:1"
variant = "coord"
no-draw = true
json = true
workers = 0
[set.depth_comparison]
gap = 0.3
same_order_by_ray = false
""")
    code, data, err = invoke(capfd, "run", "--config", file, "--out", out, "--per-scene", "4")
    assert code == 0, err
    assert json.loads(data)["rows"] == {"depth_comparison": 8}
    config = json.loads((out / "manifest.json").read_text())["config"]
    assert config["tasks"] == ["depth_comparison"]
    assert (config["per_scene"], config["variants"], config["draw"], config["frames"]) == (4, "coord", False, "every:1")
    assert config["overrides"] == {"depth_comparison": {"gap": 0.3, "same_order_by_ray": False}}
    code, _, err = invoke(capfd, "run", "depth_comparison", "--config", tmp_path / "none.toml", "--out", out)
    assert code == 1
    assert "none.toml" in err


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("as_json = true", 1, "unknown option"),
        ("per_scene = 3", 1, "did you mean per-scene"),
        ("no_draw = true", 1, "did you mean no-draw"),
        ("draw = true\nno-draw = true", 1, "no-draw is given twice"),
        ('fresh = "yes"', 1, "fresh = 'yes' is neither true nor false"),
        ("frames = ['1', '2']", 1, "frames cannot be"),
        ("scenes = [['a']]", 1, "write a list of values"),
        ("per-scene = true", 1, "per-scene cannot be true"),
        ("per-scene = 0", 2, "'--per-scene'"),
    ],
)
def test_mistakes_in_a_config_file(line: str, code: int, words: str, tmp_path: Path, capfd) -> None:
    file = tmp_path / "run.toml"
    file.write_text(line)
    found, out, err = invoke(
        capfd, "run", "depth_comparison", "--scenes", tmp_path, "--out", tmp_path / "out", "--config", file
    )
    assert (found, out) == (code, "")
    assert words in err
    assert "as_json" not in err.replace("'as_json'", "")
    assert not (tmp_path / "out").exists()


def test_help_names_the_presets(capfd: pytest.CaptureFixture[str]) -> None:
    text = " ".join(invoke(capfd, "run", "--help")[1].split())
    assert f"A definition of geometry: {', '.join(settings.PRESETS)}." in text


def test_one_bad_scene_alone_is_told_once(scene_folder: SceneFolder, tmp_path: Path, capfd) -> None:
    scene_folder.break_mesh("scene9000_00")
    code, _, err = invoke(
        capfd, "run", "depth_comparison", "--scenes", scene_folder.root / "scene9000_00", "--out", tmp_path / "out"
    )
    assert code == 1
    assert err.count("_vh_clean_2.ply") == 1
    assert "warning" not in err
    assert "1 scene, about " in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "depth_comparisom", "--scenes", "{scenes}", "--out", "{out}"], 1, "did you mean depth_comparison"),
        (["run", "depth_comparison", "--scenes", "{out}", "--out", "{out}"], 1, "no such file or folder"),
        (["run", "depth_comparison", "--scenes", "{empty}", "--out", "{out}"], 1, "no scenes found"),
        (["run", "depth_comparison", "--scenes", "{scenes}", "--out", "{out}", "--set", "gap=1"], 1, "--set"),
        (["run", "depth_comparison", "--scenes", "{scenes}", "--out", "{scenes}"], 1, "holds no run of spatialgen"),
        (["run", "depth_comparison", "--out", "{out}"], 2, "--scenes"),
        (["run", "--scenes", "{scenes}", "--out", "{out}"], 2, "TASK"),
        (["run", "depth_comparison", "--scenes", "{scenes}", "--out", "{out}", "--variant", "box"], 2, "--variant"),
        *(
            (["run", "depth_comparison", "--scenes", "{scenes}", "--out", "{out}", name, value], 2, f"'{name}'")
            for name, value in (
                ("--per-scene", "0"),
                ("--max-rows", "0"),
                ("--seed", "-1"),
                ("--max-side", "3"),
                ("--jpeg-quality", "0"),
                ("--workers", "-1"),
                ("--scene-timeout", "0"),
            )
        ),
        (["run", "depth_comparison", "--scenes", "{scenes}", "--out", "{out}", "--labels", "nyu40"], 1, "NYU40"),
        (["run", "depth_comparison", "--scenes", "{scenes}", "--out", "{out}", "--split", "val"], 1, "--split train"),
        (["walk"], 2, "walk"),
        (["audit", "{empty}"], 1, "{empty}"),
        (["show", "{empty}", "--out", "{out}.png"], 1, "{empty}"),
        (["doctor", "{empty}"], 1, "{empty}"),
    ],
)
def test_exit_codes_and_one_line_errors(
    arguments: list[str], code: int, words: str, scene_folder: SceneFolder, tmp_path: Path, capfd
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    places = {"scenes": str(scene_folder.root), "out": str(tmp_path / "out"), "empty": str(empty)}
    found, out, err = invoke(capfd, *(argument.format(**places) for argument in arguments))
    assert found == code, err
    assert out == ""
    assert words.format(**places) in err
    assert "Traceback" not in err
    if code == 1:
        assert len(err.splitlines()) == 1
        assert err.startswith("spatialgen: error: ")
    assert not (tmp_path / "out").exists()


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    for arguments in (["--debug", "audit", str(tmp_path)], ["audit", str(tmp_path), "--debug"]):
        done = subprocess.run([sys.executable, "-m", "spatialgen", *arguments], capture_output=True, text=True)
        assert done.returncode == 1
        assert "Traceback" in done.stderr


def test_a_mistake_of_ours_is_one_line_too(capfd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a mistake\nof ours")

    monkeypatch.setattr(running, "make_config", stumble)
    code, _, err = invoke(capfd, "run", "depth_comparison", "--scenes", tmp_path, "--out", tmp_path / "out")
    assert code == 1
    assert err == (
        "spatialgen: internal error: ZeroDivisionError: a mistake of ours; run it again with --debug and report "
        "the traceback\n"
    )


def test_an_interrupted_command_exits_130(capfd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "make_config", interrupt)
    assert invoke(capfd, "run", "depth_comparison", "--scenes", tmp_path, "--out", tmp_path / "out")[0] == 130


def test_a_full_disk_exits_1_with_a_remedy(capfd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise errors.OutOfSpace("the disk is full", path="/out", remedy="free some space")

    monkeypatch.setattr(running, "make_config", full)
    code, _, err = invoke(capfd, "run", "depth_comparison", "--scenes", tmp_path, "--out", tmp_path / "out")
    assert (code, err) == (1, "spatialgen: error: /out: the disk is full; free some space\n")


def test_tasks_and_formats_as_data(capfd) -> None:
    code, out, _ = invoke(capfd, "tasks", "--json")
    assert code == 0
    tasks = {entry["task"]: entry for entry in json.loads(out)}
    entry = tasks["depth_comparison"]
    assert (entry["suite"], entry["engine"], entry["answer_type"]) == ("multispa", "depth_comparison", "choice")
    assert all(counts["questions"] >= 20 for counts in entry["wordings"].values())
    assert {"name": "depth_comparison.gap", "default": 0.1} .items() <= {
        **next(one for one in entry["parameters"] if one["name"] == "depth_comparison.gap")
    }.items()  # fmt: skip
    code, out, _ = invoke(capfd, "tasks")
    assert all(name in out for name in tasks)
    assert "answers   choice\n" in out
    assert "answers   number, millimetres in the text, metres in value\n" in out
    code, out, _ = invoke(capfd, "formats", "--json")
    assert "scannet" in {entry["format"] for entry in json.loads(out)}
    assert "scannet" in invoke(capfd, "formats")[1]


def test_templates_check_finds_what_is_wrong(capfd, tmp_path: Path) -> None:
    folder = tmp_path / "en" / "multispa"
    folder.mkdir(parents=True)
    (folder / "depth_estimation.toml").write_text('[dot]\nquestions = ["How deep is {nothing}?"]\nanswers = []\n')
    code, out, err = invoke(capfd, "templates", "check", "depth_estimation", "--root", tmp_path)
    assert code == 1
    assert "{nothing}" in out
    assert "in the wording of 1 task\n" in out
    assert "Traceback" not in err


def test_output_that_nobody_reads_is_no_traceback() -> None:
    line = f"{shlex.quote(sys.executable)} -m spatialgen tasks --json | head -c 10"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_the_shortest_command_is_enough(
    scene_folder: SceneFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, talk = invoke(capfd, "run", "depth_comparison", "--scenes", "scans")
    assert code == 0, talk
    assert "spatialgen-out" in talk
    assert (tmp_path / "spatialgen-out" / "_SUCCESS").exists()
