"""The house itself: what is packaged, what is documented, what is imported when."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
import types
import zipfile
from pathlib import Path

import click
import pytest

import spatialgen
from spatialgen import cli
from spatialgen.core.types import Fact
from spatialgen.dataset.schema import FRAMES_SCHEMA, SCHEMA

ROOT = Path(__file__).resolve().parent.parent
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOT_PACKAGED = {"tests", "benchmarks", "examples", "docs", "scripts", "build", "dist", "demo", "out"}
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def python_folders() -> set[str]:
    """Dotted names of the folders that hold the package's modules or are parents of such folders."""
    found = {"spatialgen"}
    for file in ROOT.glob("**/*.py"):
        parts = file.relative_to(ROOT).parts[:-1]
        if not parts or parts[0] in NOT_PACKAGED or any(part.startswith((".", "__")) for part in parts):
            continue
        found.update(".".join(("spatialgen", *parts[: depth + 1])) for depth in range(len(parts)))
    return found


def commands() -> dict[str, click.Command]:
    """Every command by its full name; groups are left out."""
    found: dict[str, click.Command] = {}

    def walk(group: click.Group, prefix: str) -> None:
        for name, command in group.commands.items():
            if isinstance(command, click.Group):
                walk(command, f"{prefix}{name} ")
            else:
                found[f"{prefix}{name}"] = command

    walk(cli.cli, "")
    return found


def test_packages_in_pyproject_are_those_on_disk():
    assert set(CONFIG["tool"]["setuptools"]["packages"]) == python_folders()


def test_every_package_has_an_init():
    for name in python_folders():
        assert (ROOT.joinpath(*name.split(".")[1:]) / "__init__.py").is_file(), name


def test_no_module_at_the_root_shadows_the_standard_library():
    names = {path.stem for path in ROOT.glob("*.py")} | {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert not (names - {"__init__", "__main__"}) & set(sys.stdlib_module_names)


def test_rooms_of_the_import_contract_are_those_that_exist():
    (contract,) = CONFIG["tool"]["importlinter"]["contracts"]
    listed = {room.strip() for layer in contract["layers"] for room in layer.split("|")}
    rooms = {name.split(".")[1] for name in python_folders() if "." in name}
    modules = {path.stem for path in ROOT.glob("*.py")} - {"__init__", "__main__"}
    assert listed == rooms | modules


@pytest.mark.parametrize("statement", ["import spatialgen", "import spatialgen.cli", "import spatialgen.__main__"])
def test_starting_up_imports_nothing_heavy(statement):
    """`spatialgen --help` has to return at once; importing any of these takes longer than everything else together."""
    code = f"import sys; {statement}; print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "cv2",
        "llvmlite",
        "matplotlib",
        "numba",
        "numpy",
        "pandas",
        "pebble",
        "pyarrow",
        "pydantic",
        "scipy",
        "tqdm",
    }
    assert not heavy & set(done.stdout.split())


def test_help_imports_nothing_heavy_either():
    code = (
        "import sys\nfrom spatialgen.cli import main\nsys.argv = ['spatialgen', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *[m for m in ('numpy', 'numba', 'pyarrow', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage:" in done.stdout
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_readme_names_every_command():
    readme = (ROOT / "README.md").read_text()
    assert [name for name in commands() if f"spatialgen {name}" not in readme] == []


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_docs_name_only_commands_and_options_that_exist(path):
    known = commands()
    # Code only: prose may well say that "spatialgen reads scenes".
    text = path.read_text()
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"```(?:console|sh)\n(.*?)```", text, re.DOTALL)
    for line in (line.split("#")[0].strip() for block in code for line in block.splitlines()):
        if not (match := re.match(r"spatialgen ([a-z].*)", line)):
            continue
        words = match[1].split()
        name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
        if name == "templates" and len(words) == 1:
            continue
        assert name in known, f"{path.name}: {line}"
        options = {
            option for parameter in known[name].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        used = {word.split("=")[0] for word in words if word.startswith("--")}
        assert used <= options | {"--help"}, f"{path.name}: {line}"


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_in_docs_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_readme_and_contributing_name_the_make_targets():
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test", "check"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
        assert f"make {target}" in (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()


def test_data_format_describes_every_column():
    text = (ROOT / "docs" / "data-format.md").read_text()
    rows, frames = text.split("## `frames.parquet`")
    assert [name for name in SCHEMA.names if f"`{name}`" not in rows] == []
    assert [name for name in FRAMES_SCHEMA.names if f"`{name}`" not in frames] == []
    tasks = {spec.name for _, specs in spatialgen.engines.resolve("all") for spec in specs}
    described = re.findall(
        r"`(\w+)`", " ".join(re.findall(r"^\| (`[^|]*) \|", rows.split("## Evidence")[0], re.MULTILINE))
    )
    assert set(described) - set(SCHEMA.names) <= {"README", "_SUCCESS", *tasks}
    assert tasks <= set(described)


def test_data_format_describes_every_key_of_the_evidence():
    """Keys are read off the facts themselves, whatever engines there are."""
    from support.closed_form import make_scene
    from support.moving_bodies import make_moving_scene

    text = (ROOT / "docs" / "data-format.md").read_text().split("## Evidence")[1]
    described = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE))))
    for scene in (make_scene(frames=12), make_moving_scene()):
        for engine in map(spatialgen.engines.load, spatialgen.engines.available()):
            keys = {key for fact in engine.facts(scene, limit=4) for key in getattr(fact, "evidence", {})}
            assert keys <= described, engine.name


def test_the_engine_of_the_docs_works():
    """The example of adding-an-engine.md is run as it stands there."""
    from support.closed_form import make_scene

    text = (ROOT / "docs" / "adding-an-engine.md").read_text()
    (source,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    module = types.ModuleType("spatialgen.engines.multispa.baseline")
    module.__package__ = "spatialgen.engines.multispa"
    exec(compile(source, "docs/adding-an-engine.md", "exec"), module.__dict__)
    scene = make_scene()
    facts = [fact for fact in module.ENGINE.facts(scene, limit=5) if isinstance(fact, Fact)]
    assert facts
    for fact in facts:
        first, second = (scene.frames[index].camera.centre for index in fact.frames)
        assert fact.value[0] == pytest.approx(sum((first - second) ** 2) ** 0.5)
        json.dumps(fact.evidence, allow_nan=False)


def test_version_is_in_the_changelog_or_unreleased():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{spatialgen.__version__}]" in changelog or "## [Unreleased]" in changelog


def test_ci_runs_make_check():
    script = (ROOT / ".ci" / "run").read_text()
    assert re.search(r"^exec make check$", script, re.MULTILINE)


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_word_and_nothing_else(tmp_path):
    pytest.importorskip("build", reason="`build` is in the environment of `make check` only")
    source = tmp_path / "source"
    # From a copy: a build leaves a build/ behind that would ship deleted modules next time.
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "__pycache__", *NOT_PACKAGED))
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("spatialgen/")}
    packages = [ROOT.joinpath(*name.split(".")[1:]) for name in CONFIG["tool"]["setuptools"]["packages"]]
    wanted = {path for package in packages for path in package.glob("*.py")} | set(ROOT.glob("templates/**/*.toml"))
    assert held == {f"spatialgen/{path.relative_to(ROOT)}" for path in wanted} | {"spatialgen/py.typed"}
