"""What an engine is: a scene and its geometry in, facts out.

An engine never opens a file, writes a word, seeds a generator or sees a path. A new engine is one file with an
``ENGINE`` object; its tasks are ``TaskSpec``s, its parameters one documented, validated class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from ..core.geometry import SceneGeometry
from ..core.seeding import generator
from ..core.types import Fact, Scene, Skip, TaskSpec
from ..errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Engine", "Parameters", "Request", "need_in_words"]

_CAPABILITY_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "image": "images",
        "perspective": "perspective images",
        "trajectory": "trajectory (frames of one camera, in order of time)",
        "silhouettes": "amodal silhouettes (a mesh with labelled instances)",
        "up": "up axis",
        "tracks": "point tracks through a video (TAPVid-3D scenes have them)",
        "world_tracks": "tracks in the world (for these a moving camera's extrinsics_w2c must be stated)",
    }
)
"""What "scene has no ..." is completed with; other capabilities go by their own names (depth, mesh, instances …)."""

_BASES: Final[Mapping[str, str]] = MappingProxyType({"world_tracks": "tracks"})
"""What a capability cannot be without: a scene that lacks both is told of this one."""


def need_in_words(need: str, capabilities: Collection[str]) -> str:
    """One of a task's needs that a scene lacks, for a person: ``depth or mesh`` for ``depth|mesh``.

    Args:
        need: as in ``TaskSpec.needs``.
        capabilities: what the scene has.
    """
    bases = {name: _BASES.get(name, name) for name in need.split("|")}
    lacking = [name if basis in capabilities else basis for name, basis in bases.items()]
    return " or ".join(_CAPABILITY_NAMES.get(name, name) for name in lacking)


class Parameters(BaseModel):
    """Base of every engine's parameters: frozen, strict about names; each field's description serves docs and CLI."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of an engine for one scene.

    Attributes:
        tasks: the engine's task names wanted.
        limit: facts per task at most.
        variants: pointing variants wanted, per task those the task has; never empty.
        forms: answer forms wanted, likewise.
        parameters: the engine's own, validated.
    """

    tasks: tuple[str, ...]
    limit: int
    variants: Mapping[str, tuple[str, ...]]
    forms: Mapping[str, tuple[str, ...]]
    parameters: Parameters


class Engine(ABC):
    """One family of tasks. Subclasses fill the class attributes and ``state``."""

    name: ClassVar[str]
    suite: ClassVar[str]
    version: ClassVar[str]
    tasks: ClassVar[tuple[TaskSpec, ...]]
    parameters: ClassVar[type[Parameters]]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Parameter values of published definitions, by preset name."""

    @abstractmethod
    def state(
        self, scene: Scene, geometry: SceneGeometry, request: Request, rng: np.random.Generator
    ) -> Iterator[Fact | Skip]:
        """Facts of the requested tasks, at most ``request.limit`` each, and skips counted by reason."""

    def task(self, name: str) -> TaskSpec:
        """The spec of one of this engine's tasks."""
        for spec in self.tasks:
            if spec.name == name:
                return spec
        raise UnknownName("task", name, (spec.name for spec in self.tasks))

    def generators(self, rng: np.random.Generator) -> dict[str, np.random.Generator]:
        """One for each of the engine's tasks, so that a task's facts do not depend on which others are asked for."""
        return dict(zip((spec.name for spec in self.tasks), rng.spawn(len(self.tasks)), strict=True))

    def configure(self, preset: str = "default", overrides: Mapping[str, Any] | None = None) -> Parameters:
        """Parameters from a preset and overrides.

        Raises:
            ConfigError: when a value is unknown or out of range; names the parameter.
        """
        try:
            return self.parameters(**{**self.presets.get(preset, {}), **(overrides or {})})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join((self.name, *(str(part) for part in first["loc"])))
            message = str(first["msg"]).removeprefix("Value error, ")
            known = ", ".join(f"{self.name}.{field}" for field in self.parameters.model_fields)
            raise ConfigError(f"{where}: {message}", remedy=f"parameters: {known}") from None

    def facts(
        self,
        scene: Scene,
        geometry: SceneGeometry | None = None,
        *,
        tasks: Sequence[str] | None = None,
        limit: int = 100,
        seed: int = 0,
        variants: Sequence[str] | None = None,
        forms: Sequence[str] | None = None,
        parameters: Parameters | None = None,
    ) -> Iterator[Fact | Skip]:
        """State up to ``limit`` facts per task about a scene.

        The same scene, seed, parameters and version give the same facts, alone or among others.

        Args:
            scene: as a reader gives it.
            geometry: derived facts of the scene; made here when None.
            tasks: names wanted; all the engine has when None.
            limit: facts per task.
            seed: of the run.
            variants: names wanted; all the task has when None.
            forms: likewise.
            parameters: from ``configure``; defaults when None.

        Raises:
            ValueError: for a limit below 1.
            UnknownName: for a task the engine does not have.
        """
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}")
        parameters = parameters or self.configure()
        geometry = geometry or SceneGeometry(scene)
        capabilities = scene.capabilities
        ready: list[str] = []
        wanted_variants: dict[str, tuple[str, ...]] = {}
        wanted_forms: dict[str, tuple[str, ...]] = {}
        for spec in [self.task(name) for name in dict.fromkeys(tasks)] if tasks is not None else self.tasks:
            some_variants = tuple(v for v in spec.variants if variants is None or v in variants)
            some_forms = tuple(f for f in spec.forms if forms is None or f in forms)
            if missing := spec.missing(capabilities):
                lacking = [need_in_words(need, capabilities) for need in missing]
                yield Skip(spec.name, f"scene has no {', no '.join(lacking)}")
            elif not some_variants or not some_forms:
                yield Skip(spec.name, "task has none of the variants or forms asked for")
            else:
                ready.append(spec.name)
                wanted_variants[spec.name] = some_variants
                wanted_forms[spec.name] = some_forms
        if not ready:
            return
        request = Request(tuple(ready), limit, wanted_variants, wanted_forms, parameters)
        rng = generator(seed, self.suite, self.name, self.version, parameters.model_dump(mode="json"), scene.id)
        yield from self.state(scene, geometry, request, rng)
