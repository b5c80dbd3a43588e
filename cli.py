"""The command line: parse, call, print. Rooms are imported inside commands, so that ``--help`` is quick.

stdout is data, stderr is talk. Exit codes: 0 done, 1 refused, 2 misused, 3 finished but some scenes failed,
130 interrupted.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from spatialgen import __version__
from spatialgen.cli_options import SeveralScenes, is_path, read_config
from spatialgen.errors import SpatialgenError

EXAMPLES: Final = {
    "synth": "spatialgen synth scenes --format scannet --scenes 1 --frames 8",
    "run": "spatialgen run depth_comparison --scenes scenes --out depth --per-scene 20",
    "demo": "spatialgen demo --out demo",
    "tasks": "spatialgen tasks --json",
    "formats": "spatialgen formats",
    "doctor": "spatialgen doctor scenes depth_comparison",
    "show": "spatialgen show depth --rows 6 --out sheet.png",
    "audit": "spatialgen audit depth",
    "materialise": "spatialgen materialise depth --scenes scenes --out embedded",
    "templates check": "spatialgen templates check",
}
"""A command line per command, shown in its help and run by a test."""

_SUCCESS, _REFUSED, _MISUSED, _SOME_FAILED, _INTERRUPTED = 0, 1, 2, 3, 130
_F = TypeVar("_F", bound=Callable[..., Any])
_EXISTING = click.Path(path_type=Path)
_POSITIVE, _NOT_NEGATIVE, _SIDE = click.IntRange(min=1), click.IntRange(min=0), click.IntRange(min=16)
_QUALITY, _SECONDS = click.IntRange(1, 100), click.FloatRange(min=0, min_open=True)


class _Talk(logging.Formatter):
    """Plain sentences; warnings say that they are."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return f"spatialgen: {record.levelname.lower()}: {text}" if record.levelno >= logging.WARNING else text


def _say(text: str) -> None:
    click.echo(text, err=True)


def _give(text: str) -> None:
    click.echo(text)


def _set_debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.find_root().meta["spatialgen.debug"] = True


def _debug_option(function: _F) -> _F:
    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_set_debug,
        help="Show the traceback of an error.",
    )(function)


@contextlib.contextmanager
def _progress(unit: str) -> Iterator[Callable[[int, int], None] | None]:
    """A callback (done, of all) that draws a bar on a terminal; None where stderr is none."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(unit=unit, file=sys.stderr, dynamic_ncols=True) as bar:

        def step(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield step


_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="spatialgen")
@_debug_option
def cli() -> None:
    """Scans in, trustworthy 3D/4D spatial question-answer data out."""
    logger = logging.getLogger("spatialgen")
    for handler in [one for one in logger.handlers if isinstance(one.formatter, _Talk)]:
        logger.removeHandler(handler)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Talk())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _command(
    name: str, group: click.Group = cli, cls: type[click.Command] = click.Command
) -> Callable[[Callable[..., Any]], click.Command]:
    """Register a command with its example in the help."""
    key = name if group is cli else f"{group.name} {name}"

    def register(function: Callable[..., Any]) -> click.Command:
        return group.command(name, cls=cls, epilog=f"\b\nExample:\n  {EXAMPLES[key]}")(_debug_option(function))

    return register


@_command("run", cls=SeveralScenes)
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@click.option(
    "--scenes",
    multiple=True,
    required=True,
    type=_EXISTING,
    help="Scenes, folders of scenes or roots; several may follow.",
)
@click.option(
    "--out",
    type=_EXISTING,
    default=Path("spatialgen-out"),
    show_default=True,
    help="The run directory; the same command resumes there.",
)
@click.option("--format", help="Scene format.  [default: detected]")
@click.option("--stream", help="Camera stream, for formats with several.")
@click.option("--split", default="train", show_default=True, help="train, val, test or all.")
@click.option("--scene", "scene", multiple=True, metavar="ID", help="Only this scene; may be repeated.")
@click.option("--frames", default="novel", show_default=True, help="novel, every:N, max:N, or ids with commas.")
@click.option("--per-scene", default=100, type=_POSITIVE, show_default=True, help="Rows per task and scene at most.")
@click.option("--max-rows", type=_POSITIVE, help="Rows per task in all at most.  [default: no limit]")
@click.option("--seed", default=0, type=_NOT_NEGATIVE, show_default=True, help="Of every random choice.")
@click.option("--variant", type=click.Choice(["dot", "coord", "both"]), default="both", show_default=True)
@click.option(
    "--form",
    multiple=True,
    help="Answer form: choice, fill, select, judge, sentence; may be repeated.  [default: all a task has]",
)
@click.option(
    "--preset",
    default="default",
    show_default=True,
    help="A definition of geometry: default, blog, multispa, spatialmosaic, spar.",
)
@click.option("--set", "set", multiple=True, metavar="ENGINE.PARAMETER=VALUE", help="An engine's parameter.")
@click.option("--config", type=_EXISTING, is_eager=True, expose_value=False, callback=read_config, help="TOML file.")
@click.option("--labels", default="raw", show_default=True, help="raw, nyu40 or a mapping file.")
@click.option("--lang", default="en", show_default=True, help="Language of the wording.")
@click.option("--images", type=click.Choice(["embed", "path"]), default="embed", show_default=True)
@click.option("--draw/--no-draw", default=True, show_default=True, help="Draw marks into embedded images.")
@click.option("--max-side", type=_SIDE, help="Longest side of embedded images.  [default: native]")
@click.option("--jpeg-quality", default=90, type=_QUALITY, show_default=True)
@click.option("--workers", type=_NOT_NEGATIVE, help="Processes; 0 runs in this one.  [default: cores]")
@click.option("--scene-timeout", default=3600.0, type=_SECONDS, show_default=True, help="Seconds a scene may take.")
@click.option("--cache", type=_EXISTING, help="Folder for derived geometry, shared by runs.")
@click.option("--fresh", is_flag=True, help="Remove an earlier run in --out first.")
@click.option("--strict", is_flag=True, help="Exit 3 when a task gave no row.")
@_json_option
def run_command(as_json: bool, **given: Any) -> int:
    """Make a dataset: rows of TASKs from scenes.

    TASK is a task, an engine or a suite (see `spatialgen tasks`), or all. The same command again does only what is
    missing. Scenes that fail are listed in failures.json, and the run goes on.
    """
    from spatialgen.core.counted import counted
    from spatialgen.pipeline import run
    from spatialgen.pipeline.config import parse_settings

    options = dict(given)
    result = run(
        options.pop("tasks"),
        options.pop("scenes"),
        options.pop("out"),
        settings=parse_settings(options.pop("set")),
        scene_ids=options.pop("scene"),
        variants=options.pop("variant"),
        forms=options.pop("form") or None,
        **options,
    )
    if as_json:
        _give(json.dumps(result.summary, indent=2))
    else:
        for task, rows in result.rows.items():
            _give(f"{task}\t{rows}")
    _say(f"{counted(sum(result.rows.values()), 'row')} in {result.out}")
    return result.exit_code


@_command("demo")
@click.option("--out", type=_EXISTING, default=Path("demo"), show_default=True, help="Folder for scenes and dataset.")
def demo_command(out: Path) -> None:
    """Make two synthetic scenes and a dataset from them; print three rows and the path of a contact sheet."""
    from spatialgen.pipeline.demo import make_demo

    demo = make_demo(out)
    for row in demo.rows:
        _give(f"{row['id']}\n  Q  {row['question']}\n  A  {row['answer']}")
    _give(str(demo.sheet))


@_command("tasks")
@click.argument("tasks", nargs=-1, metavar="[TASK...]")
@_json_option
def tasks_command(tasks: tuple[str, ...], as_json: bool) -> None:
    """List TASKs, or all: what they ask and need, which formats have that, how they can be worded and set.

    TASK is a task, an engine or a suite. What scenes of yours lack for it, `spatialgen doctor` tells.
    """
    from spatialgen.pipeline.catalogue import list_tasks, tasks_text

    entries = list_tasks(*tasks)
    _give(json.dumps(entries, indent=2) if as_json else tasks_text(entries))


@_command("formats")
@_json_option
def formats_command(as_json: bool) -> None:
    """List scene formats: the layouts they know and what their scenes provide."""
    from spatialgen.pipeline.catalogue import formats_text, list_formats

    entries = list_formats()
    _give(json.dumps(entries, indent=2) if as_json else formats_text(entries))


@_command("doctor")
@click.argument("path", type=_EXISTING, metavar="PATH...")
@click.argument("words", nargs=-1, metavar="[TASK...]")
@click.option("--format", metavar="NAME", help="Of the scenes.  [default: detect]")
@click.option("--stream", metavar="NAME", help="Which of a dataset's cameras.  [default: its first]")
@click.option("--scene", "scene_ids", multiple=True, metavar="ID", help="Only this scene. Repeatable.")
@_json_option
def doctor_command(path: Path, words: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Look at scenes before a run: what is there, what each task needs, what is missing or broken.

    What follows the first PATH is a task, an engine or a suite, or another PATH.
    """
    from spatialgen.pipeline import doctor

    paths, tasks = [path], []
    for word in words:
        if is_path(word):
            paths.append(Path(word))
        else:
            tasks.append(word)
    report = doctor.diagnose(paths, tasks, **options)
    _give(json.dumps(report.to_json(), indent=2) if as_json else doctor.format_table(report))
    return _SOME_FAILED if report.broken else _SUCCESS


@_command("synth")
@click.argument("directory", type=_EXISTING, metavar="DIR")
@click.option(
    "--format",
    type=click.Choice(["scannet", "posed_images", "tapvid3d", "scannetpp", "structured3d"]),
    default="scannet",
    show_default=True,
)
@click.option("--scenes", default=1, show_default=True, type=_POSITIVE, help="Number of scenes.")
@click.option("--frames", default=60, show_default=True, type=_POSITIVE, help="Frames a scene.")
@click.option("--seed", default=0, show_default=True, type=_NOT_NEGATIVE)
@click.option("--color-size", nargs=2, type=int, metavar="W H", help="[default: 1296 968, or as the format has it]")
@click.option("--depth-size", nargs=2, type=int, default=(640, 480), show_default=True, metavar="W H")
@click.option("--tracks", default=1500, show_default=True, type=_POSITIVE, help="Points a video (tapvid3d).")
@click.option(
    "--depth-coding",
    type=click.Choice(["lz4", "deflate_blocks", "deflate_stream"]),
    default="lz4",
    show_default=True,
    help="Of depth.bin (scannetpp).",
)
@click.option("--scan-noise", is_flag=True, help="Like a real scan: noisy mesh, poses, depth and labels, or tracks.")
def synth_command(directory: Path, **options: Any) -> None:
    """Make synthetic scenes on disk in a real layout, with the truth beside them."""
    from spatialgen.synth import generate

    with _progress("frame") as step:
        folders = generate(directory, progress=step, **options)
    for folder in folders:
        _give(str(folder))


@_command("show", cls=SeveralScenes)
@click.argument("directory", type=_EXISTING, metavar="DIR")
@click.option("--task", help="Only this task's rows.")
@click.option("--rows", default=24, type=_POSITIVE, show_default=True, help="Rows on the sheet.")
@click.option("--scenes", multiple=True, type=_EXISTING, help="Where the scenes are, for path-only rows.")
@click.option("--out", required=True, type=_EXISTING, help="The sheet: F.png or F.html.")
def show_command(directory: Path, task: str | None, rows: int, scenes: tuple[Path, ...], out: Path) -> None:
    """Draw a contact sheet of a dataset: images with marks, question, answer. Prints the ids shown, in order."""
    from spatialgen.dataset.sheet import contact_sheet
    from spatialgen.pipeline.plan import dataset_roots

    for name in contact_sheet(directory, out, task=task, rows=rows, root=dataset_roots(scenes) or None):
        _give(name)
    _say(f"the sheet is {out}")


@_command("materialise", cls=SeveralScenes)
@click.argument("directory", type=_EXISTING, metavar="DIR")
@click.option("--scenes", multiple=True, type=_EXISTING, help="Dataset roots that the references are relative to.")
@click.option("--out", required=True, type=_EXISTING, help="The folder to make.")
@click.option("--reverse", is_flag=True, help="Take embedded images out, leaving references.")
@click.option("--max-side", type=_SIDE, help="Longest side of embedded images.  [default: native]")
@click.option("--jpeg-quality", "quality", default=90, show_default=True, type=_QUALITY)
@click.option("--draw/--no-draw", default=True, show_default=True, help="Draw marks into the images.")
def materialise_command(directory: Path, scenes: tuple[Path, ...], **options: Any) -> None:
    """Turn path-only rows into rows with embedded images, or the reverse."""
    from spatialgen.dataset.materialise import materialise
    from spatialgen.pipeline.plan import dataset_roots

    rows = materialise(directory, dataset_roots(scenes), **options)
    for task, number in rows.items():
        _give(f"{task}\t{number}")


@_command("audit")
@click.argument("directory", type=_EXISTING, metavar="DIR")
@_json_option
def audit_command(directory: Path, as_json: bool) -> int:
    """Count and check what a finished dataset holds: rows, answers, letters, skips."""
    from spatialgen import audit

    report = audit.audit(directory)
    _give(report.to_json() if as_json else report.format_table())
    return _SUCCESS if report.ok else _SOME_FAILED


@cli.group("templates")
def templates_group() -> None:
    """Work on the wording."""


@_command("check", templates_group)
@click.argument("tasks", nargs=-1, metavar="[TASK...]")
@click.option("--root", type=_EXISTING, help="Another folder of wording.  [default: the package's own]")
@click.option("--lang", default="en", show_default=True)
def templates_check_command(tasks: tuple[str, ...], root: Path | None, lang: str) -> int:
    """Check the wording of TASKs, or of all, against the rules."""
    from spatialgen import engines, templates
    from spatialgen.core.counted import counted

    specs = [spec for _, some in engines.resolve(*(tasks or ("all",))) for spec in some]
    problems = templates.check(specs, root, lang)
    for problem in problems:
        _give(str(problem))
    _give(f"{counted(len(problems), 'problem')} in the wording of {counted(len(specs), 'task')}")
    return _REFUSED if problems else _SUCCESS


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(_run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    debug = "--debug" in arguments
    try:
        code = cli.main(arguments, prog_name="spatialgen", standalone_mode=False)
    except click.exceptions.Abort:
        _say("spatialgen: interrupted; the same command goes on from here")
        return _INTERRUPTED
    except click.ClickException as error:
        error.show()
        return _MISUSED
    except SpatialgenError as error:
        if debug:
            raise
        _say(f"spatialgen: error: {' '.join(str(error).split())}")
        return _REFUSED
    except BrokenPipeError:
        # Whoever read our output (`| head`) has left; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _REFUSED
    except Exception as error:
        if debug:
            raise
        kind, text = type(error).__name__, " ".join(str(error).split())
        _say(f"spatialgen: internal error: {kind}: {text}; run it again with --debug and report the traceback")
        return _REFUSED
    return code if isinstance(code, int) else _SUCCESS
