"""What a reader of a scene format is: detect the layout, list the scenes, read one.

A reader never sees a question. It opens files lazily, turns the source's conventions into the project's
(OpenCV camera axes, camera_to_world, metres, aligned world) and names the file in every ``SceneError``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..core.types import Scene

__all__ = ["FileNote", "Inventory", "Nearly", "Reader", "SceneRef", "SceneSummary"]


@dataclass(frozen=True, slots=True)
class SceneRef:
    """A scene that was found on disk but not read yet.

    Attributes:
        id, dataset, group, split: as in ``Scene``; split is None where the dataset has no official lists.
        root: the dataset root; every image_ref is relative to it.
        format: the reader's name.
        stream: which of the format's cameras, or None where it has one.
    """

    id: str
    dataset: str
    group: str
    root: Path
    format: str
    split: str | None = None
    stream: str | None = None


@dataclass(frozen=True, slots=True)
class SceneSummary:
    """What a look at the headers tells, without reading the scene: for plans and estimates.

    Attributes:
        frames: frames with an image, before any is left out for its pose.
        width, height: of the colour image in pixels.
        image_bytes: mean size of one encoded colour image.
    """

    frames: int
    width: int
    height: int
    image_bytes: int


@dataclass(frozen=True, slots=True)
class FileNote:
    """A file a scene can have, by its official name (``<id>`` stands for the scene).

    Attributes:
        name: as the dataset documents it.
        path: where it was found, or None.
        capabilities: those a scene has only with this file.
    """

    name: str
    path: Path | None
    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """Which layout a scene is in, and which of its official files are there; nothing is said about their content."""

    layout: str
    files: tuple[FileNote, ...] = ()


@dataclass(frozen=True, slots=True)
class Nearly:
    """A path that looks like a scene of a format, and why it is none.

    Attributes:
        kind: of scene, with its article.
        lacks: a clause that says what is missing, by its official name.
        remedy: what that file is, and what to do.
    """

    kind: str
    lacks: str
    remedy: str


class Reader(ABC):
    """A scene format. Its file's docstring draws the folder tree it reads.

    ``name`` is what ``--format`` takes; ``summary`` one sentence for ``spatialgen formats``; ``layouts`` the
    shapes on disk it knows, one line each; ``provides`` the capabilities its scenes can have; ``streams`` the cameras
    a scene of it has images of, the default first, and none where there is one: ``scenes`` then takes ``stream``.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    layouts: ClassVar[tuple[str, ...]]
    provides: ClassVar[frozenset[str]]
    streams: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def detect(self, path: Path) -> Path | None:
        """The dataset root if ``path`` (a scene, a folder of scenes, or a root) is of this format, else None.

        The root is the same whichever of the three was given, so that image references do not depend on it.
        """

    def nearly(self, path: Path) -> Nearly | None:  # noqa: ARG002 - a format may have nothing to say
        """What a path that ``detect`` gives None for lacks of this format; None where nothing points at the format."""
        return None

    @abstractmethod
    def scenes(self, path: Path) -> tuple[SceneRef, ...]:
        """The scenes at or below ``path``, sorted by id; only the one if ``path`` is a scene.

        Raises:
            SceneError: when there is none; says what was looked for.
        """

    @abstractmethod
    def summary_of(self, ref: SceneRef) -> SceneSummary:
        """A quick look at one scene's headers.

        Raises:
            SceneError: when the scene cannot be read at all; names the file.
        """

    @abstractmethod
    def read(self, ref: SceneRef, *, labels: str = "raw") -> Scene:
        """The scene, pixels unread. ``labels`` is ``raw``, ``nyu40`` or the path of a mapping file.

        Raises:
            SceneError: when a file is missing, cut short or makes no sense; names it and the remedy.
        """

    def check_labels(self, labels: str, root: Path) -> None:  # noqa: B027 - a format without labels has nothing to check
        """Refuse a ``labels`` that no scene of this dataset root could be read with, before any is opened.

        Raises:
            ConfigError: when the mapping file is missing or not one.
            SceneError: when the dataset lacks the table it needs.
        """

    def inventory(self, ref: SceneRef) -> Inventory:
        """The layout and the official files of a scene, for ``doctor``."""
        return Inventory(layout=f"{self.name} {ref.id}")
