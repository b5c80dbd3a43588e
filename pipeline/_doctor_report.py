"""What the doctor reports: nouns only."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .consistency import Consistency
from .self_test import Judgement

__all__ = ["FileFinding", "Problem", "Report", "SceneReport", "TaskReport"]


@dataclass(frozen=True, slots=True)
class FileFinding:
    """An official file: where it is, relative to the root, or None; and what a scene has only with it."""

    name: str
    path: str | None
    gives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to look at.

    Attributes:
        what: what was found.
        path: in which file, where it is one.
        remedy: what to do.
        broken: a file is damaged or contradicts another, not merely absent.
        stops: a run cannot make rows of this scene before it is mended.
    """

    what: str
    path: str | None
    remedy: str
    broken: bool
    stops: bool = False


@dataclass(frozen=True, slots=True)
class TaskReport:
    """Whether a task can be asked here.

    Attributes:
        task: suite and name.
        served: whether a run can ask it here.
        missing: what it lacks, in words.
        files: the official files that would give them; of a scene with damaged files, those to mend.
    """

    task: str
    served: bool
    missing: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(slots=True)
class SceneReport:
    """Everything found about one scene; sizes are (width, height), shares fractions, angles radians, None "not there".

    ``images_checked`` of ``images`` (colour and depth of usable frames) were looked at for their ends. Labels are
    ``labels_on`` the mesh's vertices or on pixels of a few images. ``convention`` says whether poses and depth are as
    stated, ``mesh_per_depth`` is the median of the mesh's depth over the sensor's, ``cameras_tilt`` the angle between
    the scene's up and the cameras' mean up, ``mirrored`` the number of left-handed cameras.
    """

    id: str
    dataset: str
    format: str
    root: str
    split: str | None
    layout: str
    stream: str | None = None
    files: tuple[FileFinding, ...] = ()
    capabilities: tuple[str, ...] = ()
    frames: int = 0
    usable_frames: int = 0
    depth_frames: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    invalid_poses: int = 0
    image_size: tuple[int, int] | None = None
    depth_size: tuple[int, int] | None = None
    depth_coverage: float | None = None
    images_checked: int = 0
    images: int = 0
    vertices: int = 0
    faces: int = 0
    level_share: float | None = None
    instances: int = 0
    label_coverage: float | None = None
    labels_on: Literal["vertices", "pixels"] | None = None
    depth_on_mesh: Consistency = field(default_factory=lambda: Consistency("cannot tell"))
    depth_between_frames: Consistency = field(default_factory=lambda: Consistency("cannot tell"))
    convention: Judgement = field(default_factory=lambda: Judgement("cannot tell"))
    mesh_per_depth: float | None = None
    cameras_tilt: float | None = None
    mirrored: int = 0
    problems: list[Problem] = field(default_factory=list)
    tasks: tuple[TaskReport, ...] = ()
    seconds: float = 0.0

    @property
    def broken(self) -> bool:
        return any(problem.broken for problem in self.problems)

    @property
    def stopped(self) -> bool:
        """Whether a run would leave the scene out, whatever the task."""
        return any(problem.stops for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Report:
    """The scenes looked at, in order."""

    scenes: tuple[SceneReport, ...]

    @property
    def broken(self) -> bool:
        """Whether any scene has a damaged or contradictory file."""
        return any(scene.broken for scene in self.scenes)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists."""
        scenes = [asdict(scene) | {"broken": scene.broken} for scene in self.scenes]
        return {"broken": self.broken, "scenes": scenes}
