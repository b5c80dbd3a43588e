"""What a run was asked to make: one validated, frozen object, and the hash of all that changes rows."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .. import engines, templates
from ..core.seeding import canonical_json
from ..core.settings import settings_for
from ..dataset.schema import SCHEMA_VERSION
from ..errors import ConfigError, UnknownName
from .frames import parse_policy

if TYPE_CHECKING:
    from ..core.types import TaskSpec
    from ..engines.base import Engine, Parameters

__all__ = ["LABEL_SETS", "RunConfig", "make_config", "parse_settings", "read_config_file"]

LABEL_SETS = ("raw", "nyu40")


class RunConfig(BaseModel):
    """The part of a run's options that decides its rows; equal configurations make equal rows.

    Where scenes lie, which of them are taken, the number of workers, caches and progress are not in here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: tuple[str, ...] = Field(min_length=1, description="task names, as resolved")
    seed: int = Field(0, ge=0, description="of every random choice")
    variants: Literal["both", "dot", "coord"] = Field("both", description="pointing by dots, coordinates, or both")
    forms: tuple[str, ...] | None = Field(None, description="answer forms; all a task has when none is named")
    preset: str = Field("default", description="a published definition")
    overrides: dict[str, dict[str, Any]] = Field(default_factory=dict, description="engine: {parameter: value}")
    labels: str = Field("raw", description="raw, nyu40 or the path of a mapping file")
    lang: str = Field("en", description="language of the wording")
    images: Literal["embed", "path"] = Field("embed", description="image bytes in the rows, or references")
    draw: bool = Field(True, description="draw the marks into embedded images")
    max_side: int | None = Field(None, ge=16, description="longest side of embedded images in pixels; native when None")
    jpeg_quality: int = Field(90, ge=1, le=100, description="of embedded images that had to be encoded again")
    per_scene: int = Field(100, ge=1, description="rows per task and scene at most")
    max_rows: int | None = Field(None, ge=1, description="rows per task in all at most")
    frames: str = Field("novel", description="frame policy: novel, every:N, max:N, or frame ids separated by commas")
    stream: str | None = Field(None, description="which of a scene's cameras, for formats with several")
    template_root: Path | None = Field(None, description="another folder of wording")

    def __reduce__(self) -> tuple[Any, ...]:
        # To another process go the options only: engines are plug-ins, to be loaded where they run.
        return RunConfig.model_validate, (self.model_dump(),)

    @cached_property
    def engines(self) -> tuple[tuple[Engine, tuple[TaskSpec, ...]], ...]:
        """The engines to run and the tasks wanted of each."""
        wanted = set(self.tasks)
        chosen = (
            (engine, tuple(spec for spec in engine.tasks if wanted & {spec.name, f"{spec.suite}/{spec.name}"}))
            for engine in engines.load_all()
        )
        return tuple((engine, specs) for engine, specs in chosen if specs)

    @cached_property
    def specs(self) -> tuple[TaskSpec, ...]:
        """The specs of all tasks, in order of suite and engine."""
        return tuple(spec for _, specs in self.engines for spec in specs)

    def parameters_for(self, engine: Engine) -> Parameters:
        """The engine's parameters: its defaults, the preset's, and what was set by hand."""
        return engine.configure(self.preset, self.overrides.get(engine.name))

    def variants_of(self, specs: Iterable[TaskSpec]) -> tuple[str, ...] | None:
        """Variants to ask engines for: ``coord`` has nothing drawn, ``dot`` has no coordinates in the text."""
        if self.variants == "both":
            return None
        unwanted = {"coord": {"dot", "box"}, "dot": {"coord"}}[self.variants]
        return tuple(sorted({variant for spec in specs for variant in spec.variants} - unwanted))

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that changes rows, flat and JSON-able: what two runs must share to share a folder."""
        facts = self.model_dump(mode="json", exclude={"overrides", "template_root", "labels"})
        facts["labels"] = _labels_fingerprint(self.labels)
        facts["schema_version"] = SCHEMA_VERSION
        for name, value in asdict(settings_for(self.preset)).items():
            facts[f"geometry.{name}"] = value
        for engine, specs in self.engines:
            name = f"{engine.suite}/{engine.name}"
            facts[f"{name} version"] = engine.version
            for parameter, value in self.parameters_for(engine).model_dump(mode="json").items():
                facts[f"{name}.{parameter}"] = value
            for spec in specs:
                facts[f"{spec.suite}/{spec.name} wording"] = templates.load(
                    spec.suite, spec.name, self.lang, root=self.template_root
                ).content_hash
        if any(spec.is_worded_by_form for spec in self.specs):
            facts["wording of forms"] = templates.requests(self.lang, root=self.template_root).content_hash
        return dict(sorted(facts.items()))

    @cached_property
    def config_hash(self) -> str:
        """16 hexadecimal digits over ``fingerprint``; a column of every row."""
        return hashlib.blake2b(canonical_json(self.fingerprint).encode(), digest_size=8).hexdigest()


def _labels_fingerprint(labels: str) -> str:
    """The label set's name, or the content of a mapping file: the same table elsewhere is the same table."""
    if labels in LABEL_SETS:
        return labels
    try:
        content = Path(labels).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"--labels: {error.strerror or error}", path=labels, remedy="give raw, nyu40 or the path of a mapping file"
        ) from None
    return "file " + hashlib.blake2b(content, digest_size=8).hexdigest()


def make_config(
    tasks: Iterable[str], settings: Mapping[str, Mapping[str, Any]] | None = None, **options: Any
) -> RunConfig:
    """A configuration from task, engine or suite names and options, checked in full before any scene is opened.

    Args:
        tasks: as typed; resolved to task names here.
        settings: engine parameters by engine name, values typed or as text.
        options: the other fields of ``RunConfig``.

    Raises:
        UnknownName: for a task, preset, engine, parameter or form nobody has heard of.
        ConfigError: for a value out of range, or options that cannot be honoured together.
    """
    wanted = tuple(tasks)
    if not wanted:
        raise ConfigError("no task named", remedy="name a task, an engine or a suite; `spatialgen tasks` lists them")
    chosen = engines.resolve(*wanted)
    specs = [spec for _, some in chosen for spec in some]
    names = [spec.name for spec in specs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(
            f"two suites have a task named {', '.join(twice)}", remedy="run the suites into separate folders"
        )
    # A bare name is kept where it can only mean this task; elsewhere the suite is part of it.
    everywhere = [spec.name for engine in engines.load_all() for spec in engine.tasks]
    resolved = (spec.name if everywhere.count(spec.name) == 1 else f"{spec.suite}/{spec.name}" for spec in specs)
    try:
        config = RunConfig(tasks=tuple(resolved), **options)
    except ValidationError as error:
        first = error.errors()[0]
        where = str(first["loc"][0]) if first["loc"] else "options"
        if first["type"] == "extra_forbidden":
            raise UnknownName("option", where, RunConfig.model_fields) from None
        raise ConfigError(f"{where}: {first['msg']} (got {first['input']!r})", remedy="correct that option") from None
    settings_for(config.preset)
    parse_policy(config.frames)
    _labels_fingerprint(config.labels)
    for form in config.forms or ():
        known = {form for spec in specs for form in spec.forms}
        if form not in known:
            raise UnknownName("answer form of these tasks", form, known)
    config = config.model_copy(update={"overrides": _checked_overrides(chosen, config.preset, settings or {})})
    assert config.config_hash, "the hash is made here so that a missing template is met before any scene is read"
    return config


def _checked_overrides(
    chosen: tuple[tuple[Engine, tuple[TaskSpec, ...]], ...], preset: str, settings: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    by_name = {engine.name: engine for engine, _ in chosen}
    overrides: dict[str, dict[str, Any]] = {}
    for name, values in settings.items():
        engine = by_name.get(name.rpartition("/")[2])
        if engine is None or (name.rpartition("/")[0] not in {"", engine.suite}):
            raise UnknownName("engine in this run", name, by_name)
        for parameter in values:
            if parameter not in engine.parameters.model_fields:
                raise UnknownName(f"parameter of {engine.name}", parameter, engine.parameters.model_fields)
        # The engine's own class turns text into numbers, so what is kept is typed and in range.
        checked = engine.configure(preset, values).model_dump(mode="json")
        overrides[engine.name] = {parameter: checked[parameter] for parameter in sorted(values)}
    return dict(sorted(overrides.items()))


def parse_settings(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """``engine.parameter=value`` texts as {engine: {parameter: value}}; lists and tables are written as JSON.

    Raises:
        ConfigError: for a text of another shape.
    """
    settings: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        engine, dot, parameter = name.strip().rpartition(".")
        if not (equals and dot and engine and parameter):
            raise ConfigError(f"--set {text!r} is not engine.parameter=value", remedy="see `spatialgen tasks`")
        parsed: Any = value.strip()
        if parsed[:1] in {"[", "{"}:
            try:
                parsed = json.loads(parsed)
            except json.JSONDecodeError as error:
                raise ConfigError(f"--set {text!r}: {error}", remedy="write lists and tables as JSON") from None
        settings.setdefault(engine, {})[parameter] = parsed
    return settings


def read_config_file(path: Path, known: Iterable[str]) -> dict[str, Any]:
    """The options of a TOML file, named as on the command line; ``[set.engine]`` tables hold parameters.

    Args:
        path: the file.
        known: option names that may be in it, without dashes in front (``per-scene``).

    Raises:
        ConfigError: when it cannot be read or is not TOML.
        UnknownName: for an option nobody has heard of.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read ({error})", path=path, remedy="give a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not TOML: {error}", path=path, remedy="correct it; quote all text") from None
    names = set(known)
    for name in content:
        if name not in names:
            raise UnknownName(f"option in {path}", name, names)
    settings = content.get("set", {})
    if not isinstance(settings, dict) or not all(isinstance(values, dict) for values in settings.values()):
        raise ConfigError("`set` must be tables", path=path, remedy="write [set.engine] and parameter = value under it")
    return content
