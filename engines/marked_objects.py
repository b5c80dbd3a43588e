"""Objects that questions mark with a coloured dot or box, or name: which may be asked about, and where marks go.

An object's place is the centre of its upright box (docs/conventions.md, "Object box"). It may be asked about in a
frame that shows enough of it; a dot goes on the pixel its centre projects to where the object is seen there, else on
the pixel of it farthest from its outline; a box goes around what is visible of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator
from scipy import ndimage

from ..core.extents import ObjectBoxes
from ..core.object_states import CLEAR, PARTIAL
from ..core.object_views import CLEAR_PX
from ..core.projection import is_inside, nearest_pixels, project
from ..core.source_boxes import boxes_of_source
from ..core.types import BoxMark, ColorRole, Point, mark_radius
from .base import Parameters
from .depth_points import DepthPoints, DepthRange, legal_points
from .mosaic import MosaicObjects
from .object_evidence import described

if TYPE_CHECKING:
    from ..core.geometry import SceneGeometry

__all__ = ["SPAR_OBJECTS", "MarkedObjectParameters", "MarkedObjects", "box_overlap"]

_CLEARANCE: Final = 1.5  # of a dot, in its radii: poses and meshes of real scans are a few pixels off
_CANDIDATES: Final = 48  # pixels of an object looked at for a dot
_DISC_GAP: Final = 3.0  # radii between the centres of two dots, so that neither they nor their rims meet
_GRID: Final = 6  # points a side over the faces of a box, where there is no surface to sample
_ANY_DEPTH: Final = DepthRange(0.0, np.inf)
_DECIMALS: Final = 2  # of pixels, in the evidence
_BOX_UNITS: Final = 1000.0

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

SPAR_OBJECTS: Final[dict[str, Any]] = {
    "least_state": "partial",
    "least_visible_share": 0.25,
    "least_pixel_share": 0.002,
    "least_box_side": 10.0,
    "most_cut": 0.30,
    "nearest": 0.3,
    "farthest": 8.0,
    "shortest": 0.08,
    "longest": 3.0,
    "most_centre_shift": 0.20,
}
"""Values of ``MarkedObjectParameters`` under the preset ``spar``: proposals, since SPAR's own were never published."""


class MarkedObjectParameters(Parameters):
    """What every engine that marks objects can be told."""

    least_state: Literal["partial", "clear"] = Field(
        "clear", description="least state in which a frame must show an object that is asked about"
    )
    least_visible_share: float = Field(
        0.0, ge=0, le=1, description="share of an object's silhouette in the image that must be visible"
    )
    least_pixel_share: float = Field(0.0, ge=0, le=1, description="share of the image's pixels an object must fill")
    least_box_side: float = Field(
        10.0, ge=0, le=1000, description="thousandths of the image's width and height that an object's box must span"
    )
    most_cut: float = Field(0.5, ge=0, le=1, description="share of an object outside the image, at most")
    nearest: float = Field(0.2, gt=0, description="metres along the camera's axis to an object's centre, at least")
    farthest: float = Field(10.0, gt=0, description="metres along the camera's axis to an object's centre, at most")
    shortest: float = Field(0.05, ge=0, description="metres; an object's longest side, at least")
    longest: float = Field(4.0, gt=0, description="metres; an object's longest side, at most")
    most_centre_shift: float = Field(
        1.0, gt=0, description="distance of an object's mean vertex from its box's centre, in its diagonals, at most"
    )
    most_box_clash: float = Field(
        0.5, gt=0, le=1, description="overlap (by union) of two drawn boxes in one image, at most"
    )
    left_out: tuple[str, ...] = Field(
        ("door", "doorframe", "door frame", "doorway", "window frame"),
        description="cleaned labels that are not asked about besides the building's shell",
    )

    @model_validator(mode="after")
    def _ordered(self) -> MarkedObjectParameters:
        if self.nearest >= self.farthest:
            raise ValueError("nearest must be below farthest")
        if self.shortest >= self.longest:
            raise ValueError("shortest must be below longest")
        return self


class MarkedObjects(MosaicObjects):
    """The objects of a scene that questions may mark, and where.

    Args:
        geometry: of the scene, which has instances and an up axis.
        parameters: what an object and a frame must be like.

    Attributes:
        boxes: of all n instances, upright; nan where there is none.
        askable: (n,) bool: one thing with a name, of a size that can be asked about.
        reasons: why others are never asked about, counted.
    """

    def __init__(self, geometry: SceneGeometry, parameters: MarkedObjectParameters) -> None:
        super().__init__(geometry)
        self.parameters = parameters
        surfaces = "silhouettes" in self.scene.capabilities
        self.boxes: ObjectBoxes = geometry.object_boxes if surfaces else boxes_of_source(self.scene)
        longest = self.boxes.size.max(axis=1, initial=0.0)
        for reason, bad in (
            ("a door or the like", np.isin(self.labels, parameters.left_out)),
            ("no box", ~np.isfinite(self.boxes.centre).all(axis=1)),
            ("too small", longest < parameters.shortest),
            ("too large", longest > parameters.longest),
            ("its vertices have another centre than its box", self._is_lopsided()),
        ):
            self.reasons[reason] += int(np.count_nonzero(self.askable & bad))
            self.askable = self.askable & ~bad
        self.reasons = +self.reasons
        # Where these are follows from the scene alone, so that engines can share what one of them found.
        self._dots: dict[tuple[int, int], DepthPoints | None] = geometry.once("dots of marked objects", dict)
        self._projected: dict[int, list[list[float] | None]] = geometry.once("projected boxes", dict)

    # ---- places

    @property
    def centre(self) -> FloatArray:
        """(n, 3), metres, world frame: of the upright boxes."""
        return self.boxes.centre

    @cached_property
    def centre_in_camera(self) -> FloatArray:
        """(f, n, 3), metres: centres along each camera's axes (x right, y down, z forward)."""
        poses = np.array([frame.camera.camera_to_world for frame in self.scene.frames]).reshape(-1, 4, 4)
        return np.asarray(np.einsum("fji,fnj->fni", poses[:, :3, :3], self.centre[None] - poses[:, None, :3, 3]))

    @cached_property
    def depth(self) -> FloatArray:
        """(f, n), metres: depth of the centres, along each camera's axis."""
        return self.centre_in_camera[..., 2]

    @cached_property
    def distance(self) -> FloatArray:
        """(f, n), metres: from each camera's centre to the centres."""
        return np.asarray(np.linalg.norm(self.centre_in_camera, axis=2))

    # ---- frames

    @cached_property
    def shows(self) -> BoolArray:
        """(f, n): whether a frame shows enough of an object to mark it or speak of it there."""
        parameters, frames = self.parameters, self.scene.frames
        views = self.geometry.object_views
        sizes = np.array([[frame.camera.width, frame.camera.height] for frame in frames], dtype=np.float64)
        sides = (views.boxes[..., 2:] - views.boxes[..., :2]) / sizes.reshape(-1, 1, 2) * _BOX_UNITS
        lost = 1.0 - self._visible_share * (1.0 - self._cut)
        enough = self.askable & (views.visible_px > CLEAR_PX)
        if parameters.least_state == "clear":
            enough &= lost <= 0.5 if self.states is None else self.states.states == CLEAR
        elif self.states is not None:
            enough &= self.states.states >= PARTIAL
        with np.errstate(invalid="ignore"):
            enough &= views.visible_px >= parameters.least_pixel_share * views.map_px[:, None]
            enough &= (sides >= parameters.least_box_side).all(axis=2)
            enough &= (self._visible_share >= parameters.least_visible_share) & (self._cut <= parameters.most_cut)
            enough &= (self.depth >= parameters.nearest) & (self.depth <= parameters.farthest)
        return np.asarray(enough)

    # ---- marks

    def dot(self, instance: int, frame: int) -> DepthPoints | None:
        """The one pixel at which a dot on an object lies; None where there is no place for one."""
        if (instance, frame) not in self._dots:
            # All of a frame at once: its map is drawn for them once, and others are likely to be asked for.
            things = sorted({instance, *np.flatnonzero(self.shows[frame]).tolist()})
            self._find_dots(frame, [thing for thing in things if (thing, frame) not in self._dots])
        return self._dots[instance, frame]

    def point(
        self, instance: int, frame: int, image: int, color_role: ColorRole, *, label: str = "", role: str = "target"
    ) -> Point | None:
        """A dot on an object, in a frame that is shown as image number ``image``; None where there is no place."""
        dot = self.dot(instance, frame)
        if dot is None:
            return None
        x, y = dot.xy[0].tolist()
        thing = self.scene.instances[instance]
        return Point(image, float(x), float(y), float(dot.depth[0]), label, role, thing.id, color_role)

    def box(
        self,
        instance: int,
        frame: int,
        image: int,
        color_role: ColorRole = "",
        *,
        label: str = "",
        role: str = "target",
    ) -> BoxMark:
        """The box around what a frame, shown as image number ``image``, shows of an object."""
        x1, y1, x2, y2 = self.geometry.object_views.boxes[frame, instance].tolist()
        return BoxMark(image, x1, y1, x2, y2, label, role, self.scene.instances[instance].id, color_role=color_role)

    def are_apart(self, frames: Sequence[int], marks: Sequence[Point | BoxMark]) -> bool:
        """Whether no two marks in one image meet: discs do not touch, boxes share little of what they cover together.

        Args:
            frames: those shown, in order.
            marks: points and boxes in them.
        """
        for index, one in enumerate(marks):
            for other in marks[:index]:
                if one.image != other.image:
                    continue
                if isinstance(one, BoxMark) and isinstance(other, BoxMark):
                    if box_overlap(one, other) > self.parameters.most_box_clash:
                        return False
                elif isinstance(one, Point) and isinstance(other, Point):
                    radius = mark_radius(self.scene.frames[frames[one.image]].camera.height)
                    if np.hypot(one.x - other.x, one.y - other.y) < _DISC_GAP * radius:
                        return False
        return True

    # ---- evidence

    def marked_evidence(self, frames: Sequence[int], instances: Sequence[int]) -> dict[str, Any]:
        """The ``objects`` of a fact's evidence: boxes, what each frame shows, and each box's projection there."""
        found = self.evidence(frames, instances)
        found["projected_boxes"] = [
            {"image": image, "id": self.scene.instances[index].id, "box": box}
            for image, frame in enumerate(frames)
            for index in instances
            if (box := self.projected_box(index, frame)) is not None
        ]
        return found

    def projected_box(self, instance: int, frame: int) -> list[float] | None:
        """x1, y1, x2, y2 in native pixels around an object's upright box as a frame would show it, cut at the border.

        None where a corner of it lies behind the camera or all of it outside the image.
        """
        if frame not in self._projected:
            self._projected[frame] = self._project_boxes(frame)
        return self._projected[frame][instance]

    # ---- inside

    def _project_boxes(self, frame: int) -> list[list[float] | None]:
        camera = self.scene.frames[frame].camera
        corners = self.boxes.corners
        xy = project(corners.reshape(-1, 3), camera)[0].reshape(*corners.shape[:2], 2)
        low = np.maximum(xy.min(axis=1), -0.5)
        high = np.minimum(xy.max(axis=1), (camera.width - 0.5, camera.height - 0.5))
        good = np.isfinite(xy).all(axis=(1, 2)) & (low < high).all(axis=1)
        boxes = np.round(np.concatenate([low, high], axis=1), _DECIMALS).tolist()
        return [box if usable else None for box, usable in zip(boxes, good.tolist(), strict=True)]

    def _described(self, index: int) -> dict[str, Any]:
        if index not in self._descriptions:
            self._descriptions[index] = described(self.scene.instances[index], self.boxes, index)
        return self._descriptions[index]

    def _is_lopsided(self) -> BoolArray:
        """(n,): whether the mean of an object's vertices is far from its box's centre, in diagonals of the box."""
        lopsided = np.zeros(len(self.labels), dtype=np.bool_)
        owner, vertices = self.scene.vertex_instance, self.scene.vertices
        if owner is None or vertices is None:
            return lopsided
        mine = (owner >= 0) & np.isfinite(vertices).all(axis=1)
        count = np.bincount(owner[mine], minlength=len(lopsided))
        total = [np.bincount(owner[mine], weights=vertices[mine, axis], minlength=len(lopsided)) for axis in range(3)]
        with np.errstate(invalid="ignore", divide="ignore"):
            shift = np.linalg.norm(np.stack(total, axis=1) / count[:, None] - self.centre, axis=1)
            return np.asarray(shift > self.parameters.most_centre_shift * np.linalg.norm(self.boxes.size, axis=1))

    @cached_property
    def _visible_share(self) -> FloatArray:
        """(f, n): share of an object's silhouette inside the image that is visible.

        Without silhouettes: of the outline of its box there, which is larger, so that this errs to the cautious side.
        """
        if self.states is not None:
            return np.nan_to_num(1.0 - self.states.occlusion.astype(np.float64))
        return self._box_views[0]

    @cached_property
    def _cut(self) -> FloatArray:
        """(f, n): share of an object that lies outside the image: of its surface, else of its box's faces."""
        return np.nan_to_num(self.states.truncation.astype(np.float64), nan=1.0) if self.states else self._box_views[1]

    @cached_property
    def _box_views(self) -> tuple[FloatArray, FloatArray]:
        """What ``_visible_share`` and ``_cut`` are where only boxes are known."""
        views, frames = self.geometry.object_views, self.scene.frames
        share, cut = np.zeros(views.visible_px.shape), np.ones(views.visible_px.shape)
        grid = np.array(np.meshgrid(*[np.linspace(-0.5, 0.5, _GRID)] * 3)).reshape(3, -1).T
        grid = grid[np.abs(grid).max(axis=1) == 0.5]
        for index, frame in enumerate(frames):
            scale = views.map_px[index] / (frame.camera.width * frame.camera.height)
            for instance in np.flatnonzero(self.askable & (views.visible_px[index] > CLEAR_PX)).tolist():
                points = self.centre[instance] + (grid * self.boxes.size[instance]) @ self.boxes.axes[instance]
                xy, _ = project(points, frame.camera)
                cut[index, instance] = 1.0 - is_inside(xy, frame.camera).mean()
                box = self.projected_box(instance, index)
                if box is not None:
                    area = (box[2] - box[0]) * (box[3] - box[1]) * scale
                    share[index, instance] = min(1.0, float(views.visible_px[index, instance]) / area)
        return share, cut

    def _find_dots(self, frame: int, things: list[int]) -> None:
        """Dots on some objects in a frame: on the pixel an object's centre projects to, or else on another one."""
        camera = self.scene.frames[frame].camera
        centres, _ = project(self.centre[things], camera)
        inside = np.flatnonzero(is_inside(centres, camera))
        pixels = nearest_pixels(centres[inside])
        at_centres = self._dots_at(frame, pixels)
        places = {(x, y): place for place, (x, y) in enumerate(at_centres.xy.tolist())}
        for thing in things:
            self._dots[thing, frame] = None
        for index, (x, y) in zip(inside.tolist(), pixels.tolist(), strict=True):
            place = places.get((x, y))
            if place is not None and at_centres.instance[place] == things[index]:
                self._dots[things[index], frame] = at_centres.take([place])
        for thing in things:
            if self._dots[thing, frame] is None:
                self._dots[thing, frame] = self._dot_within(thing, frame)

    def _dot_within(self, instance: int, frame: int) -> DepthPoints | None:
        """The pixel of an object farthest from its outline that can carry a dot."""
        edges = self.geometry.object_views.boxes[frame, instance]
        if not edges[2] > edges[0]:
            return None
        # The box was measured on a smaller map: what it misses of the outline is less than one of that map's pixels.
        left, top = np.maximum(np.floor(edges[:2]), 0).astype(int).tolist()
        right, bottom = np.ceil(edges[2:]).astype(int).tolist()
        window = slice(top, bottom + 1), slice(left, right + 1)
        shown = self.geometry.instance_map(frame, window) == instance
        # What is at the image's border has an outline there too.
        inward = ndimage.distance_transform_edt(np.pad(shown, 1))[1:-1, 1:-1]
        row, column = np.nonzero(shown & (inward >= 0.5 * inward.max(initial=0.0)))
        order = np.argsort(-inward[row, column], kind="stable")
        order = order[:: max(1, len(order) // _CANDIDATES)]
        points = self._dots_at(frame, np.stack([column[order] + left, row[order] + top], axis=1))
        found = np.flatnonzero(points.instance == instance)
        return points.take(found[:1]) if len(found) else None

    def _dots_at(self, frame: int, pixels: npt.NDArray[np.int64]) -> DepthPoints:
        """Those of some pixels (n, 2) that can carry a dot."""
        points, _ = legal_points(self.geometry, frame, pixels, _ANY_DEPTH, clearance=_CLEARANCE)
        if self.scene.frames[frame].has_depth:
            # Where the sensor knows nothing the mesh may have a hole.
            points = points.take(np.flatnonzero(points.sensor > 0))
        return points


def box_overlap(one: BoxMark, other: BoxMark) -> float:
    """Area that two boxes share, of what they cover together."""
    across = min(one.x2, other.x2) - max(one.x1, other.x1)
    down = min(one.y2, other.y2) - max(one.y1, other.y1)
    common = max(across, 0.0) * max(down, 0.0)
    return common / ((one.x2 - one.x1) * (one.y2 - one.y1) + (other.x2 - other.x1) * (other.y2 - other.y1) - common)
